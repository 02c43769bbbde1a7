# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What a module does to a host, independent of Ansible: one resource is validated, read, planned, applied, reported."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..module_utils._host_state import PendingReboot
from ..module_utils._plan import Operation, Plan, render
from ..module_utils._registry import RegistryKey
from ._host._apply import apply_operations, recover
from ._host._host import Host, KeptState

Parameters = Mapping[str, Any]
Spec = dict[str, dict[str, Any]]


class Resource(abc.ABC):
    """One concern of a host.

    `argument_spec` is what the module accepts, `constraints` the rules between options (mutually_exclusive,
    required_one_of, required_if ...), both in Ansible's form.
    """

    argument_spec: ClassVar[Spec]
    constraints: ClassVar[dict[str, list[Any]]] = {}

    @abc.abstractmethod
    def desired(self, parameters: Parameters) -> Any:
        """Turn validated options into the desired state. Raises: ParameterError before the host is contacted."""

    def keys(self, desired: Any) -> Sequence[RegistryKey]:
        """Keys whose values `plan` will read, so that a caller with many resources can fetch them together."""
        return ()

    def prefetch(self, host: Host, desired: Any) -> None:  # noqa: B027 - most resources read value by value
        """Read ahead what `plan` will need, where one bulk read is cheaper."""

    @abc.abstractmethod
    def plan(self, host: Host, desired: Any) -> Plan:
        """Read the host and decide. Nothing is written."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, or in check mode would happen."""

    plan: Plan
    pending_reboot: PendingReboot | None
    recovered: tuple[Operation, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)

    def to_result(self, *, with_diff: bool) -> dict[str, Any]:
        """The result of the module."""
        result: dict[str, Any] = {
            "changed": bool(self.plan.operations or self.recovered),
            "before": _plain(self.plan.before),
            "after": _plain(self.plan.after),
            "restart_required": list(self.plan.restart_services),
            "reboot_required": bool(self.plan.reboot_reasons or self.pending_reboot),
            "reboot_reasons": list(self._reboot_reasons()),
        }
        if with_diff:
            result["diff"] = {"before": render(self.plan.before), "after": render(self.plan.after)}
        warnings = [*self.plan.warnings, *(f"undid an unfinished run: {item.describe()}" for item in self.recovered)]
        if warnings:
            result["warnings"] = warnings
        return result

    def _reboot_reasons(self) -> tuple[str, ...]:
        pending = self.pending_reboot.reasons if self.pending_reboot else ()
        return tuple(dict.fromkeys((*pending, *self.plan.reboot_reasons)))


def run_resource(host: Host, resource: Resource, desired: Any, *, check_mode: bool) -> Outcome:
    """Bring the host to the desired state, or say what would be done. Raises: OpcDcomError."""
    resource.prefetch(host, desired)
    kept = host.read_kept_state()
    _settle_unfinished(host, kept, check_mode=check_mode)
    plan = resource.plan(host, desired)
    if not check_mode:
        host.registry.stop_pretending()
        _apply(host, kept, plan)
    return Outcome(plan, kept.pending_reboot, kept.unfinished, tuple(host.registry.notes))


def _settle_unfinished(host: Host, kept: KeptState, *, check_mode: bool) -> None:
    """Undo an unfinished run, or in check mode read on as if it had been undone."""
    if not check_mode:
        if kept.unfinished:
            recover(host, kept.unfinished)
        return
    for operation in reversed(kept.unfinished):
        inverse = operation.inverse()
        if inverse is not None:
            host.registry.pretend(inverse)


def _apply(host: Host, kept: KeptState, plan: Plan) -> None:
    """Apply the plan; what needs a reboot is marked in the same transaction, before it is written."""
    if plan.is_empty:
        if kept.overtaken_marker is not None:
            host.registry.set_value(kept.overtaken_marker)
        return
    marker = host.mark_pending_reboot(kept.pending_reboot, plan.reboot_reasons) if plan.reboot_reasons else None
    apply_operations(host, ((marker,) if marker else ()) + plan.operations)


def _plain(state: object) -> Any:
    """The state as lists and dictionaries, which is what Ansible can serialise."""
    if isinstance(state, Mapping):
        return {str(name): _plain(value) for name, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [_plain(value) for value in state]
    return state
