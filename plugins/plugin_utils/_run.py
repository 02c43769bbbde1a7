# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""One run of one resource on one host: settle what an earlier run left, read, plan, apply, report. Knows no Ansible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..module_utils._errors import HostStateError
from ..module_utils._host_state import PendingReboot, PendingRestart, StaleProcess
from ..module_utils._plan import Operation, Plan, render, unique
from ..module_utils._service_operations import SetRunning
from ..module_utils._snapshot import Snapshot
from ._host._apply import apply_operations, recover
from ._host._host import Host, KeptState
from ._host._services import STOPPED
from ._host._snapshots import SnapshotRequest, save_before
from ._resource import Resource
from ._snapshot_files import write_copy


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened, or in check mode would happen. `pending_*` is from earlier runs, `stale` what this run adds."""

    plan: Plan
    pending_reboot: PendingReboot | None = None
    pending_restart: PendingRestart = field(default_factory=PendingRestart)
    stale: tuple[StaleProcess, ...] = ()
    recovered: tuple[Operation, ...] = ()
    notes: tuple[str, ...] = ()
    snapshot: Snapshot | None = None

    def to_result(self, *, with_diff: bool) -> dict[str, Any]:
        """The result of the module."""
        result: dict[str, Any] = {
            "changed": bool(self.plan.operations or self.recovered),
            "before": _plain(self.plan.before),
            "after": _plain(self.plan.after),
            "restart_required": list(self.pending_restart.merged(self.stale).services),
            "reboot_required": bool(self.plan.reboot_reasons or self.pending_reboot),
            "reboot_reasons": list(self._reboot_reasons()),
            "exceptions": list(self.plan.exceptions),
        }
        if self.snapshot is not None:
            result["snapshot"] = self.snapshot.name
        if with_diff:
            result["diff"] = {"before": render(self.plan.before), "after": render(self.plan.after)}
        warnings = list(self.plan.warnings)
        if self.recovered:
            result["recovered"] = [item.describe() for item in self.recovered]
            warnings.append(f"a run had not finished; what it had done of its {len(self.recovered)} changes was undone")
        if warnings:
            result["warnings"] = warnings
        return result

    def _reboot_reasons(self) -> tuple[str, ...]:
        pending = self.pending_reboot.reasons if self.pending_reboot else ()
        return unique((*pending, *self.plan.reboot_reasons))


def run_resource(host: Host, resource: Resource, desired: Any, *, check_mode: bool) -> Outcome:
    """Bring the host to the desired state, or say what would be done. Raises: OpcDcomError."""
    resource.prefetch(host, desired)
    kept = host.read_kept_state()
    recovered = kept.unfinished
    if recovered:
        kept = _settle(host, kept, check_mode=check_mode)
    plan, stale = _with_restarts(host, resource.plan(host, desired))
    left = PendingRestart(tuple(item for item in kept.pending_restart.processes if not _stops(plan, item.service)))
    snapshot = None
    if not check_mode:
        if plan.preview_only:
            raise HostStateError(f"missing on this host: {', '.join(plan.preview_only)}. Nothing was changed")
        host.stop_pretending()
        snapshot = _apply(host, kept, plan, stale, resource.snapshot(host, desired))
    return Outcome(plan, kept.pending_reboot, left, stale, recovered, tuple(host.registry.notes), snapshot)


def _settle(host: Host, kept: KeptState, *, check_mode: bool) -> KeptState:
    """Undo an unfinished run, or in check mode read on as if it had been undone; return what is left after that."""
    if not check_mode:
        recover(host, kept.unfinished, kept.journal)
        return host.read_kept_state()
    for operation in reversed(kept.unfinished):
        inverse = operation.inverse()
        if inverse is not None:
            host.pretend(inverse)
    return replace(host.read_kept_state(), unfinished=())


def _with_restarts(host: Host, plan: Plan) -> tuple[Plan, tuple[StaleProcess, ...]]:
    """The processes that will run with old values. One that several services share needs a reboot instead."""
    stale: list[StaleProcess] = []
    shared: list[str] = []
    for name in plan.restart_services:
        service = host.services.read(name)
        if service is None or service.state == STOPPED or not service.process_id or _stops(plan, name):
            continue  # it will start with the new values
        if service.shares_process:
            shared.append(f"service {service.name}")
        else:
            stale.append(StaleProcess(service.name, service.process_id, host.moment))
    return replace(plan, reboot_reasons=unique((*plan.reboot_reasons, *shared))), tuple(stale)


def _stops(plan: Plan, service: str) -> bool:
    """Whether the plan stops the service, so that no process with old values is left."""
    return any(
        isinstance(item, SetRunning) and not item.after and item.service.lower() == service.lower()
        for item in plan.operations
    )


def _apply(
    host: Host, kept: KeptState, plan: Plan, stale: tuple[StaleProcess, ...], request: SnapshotRequest | None
) -> Snapshot | None:
    """Save what is about to change, then apply the plan; return the snapshot, if one was wanted and needed.

    What is not in force at once is marked in the same transaction, before it is written.
    """
    for operation in kept.overtaken:
        host.registry.set_value(operation)
    if plan.is_empty:
        return None
    operations = host.registry_operations.with_missing_keys(plan.operations)
    markers = (
        host.mark_pending_reboot(kept.pending_reboot, plan.reboot_reasons) if plan.reboot_reasons else None,
        host.mark_pending_restart(kept.pending_restart, stale) if stale else None,
    )
    snapshot = None if request is None else save_before(host, operations, request)
    if snapshot is not None and request is not None and request.path:
        write_copy(request.path, snapshot)
    apply_operations(host, (*(marker for marker in markers if marker), *operations))
    return snapshot


def _plain(state: object) -> Any:
    """The state as lists and dictionaries, which is what Ansible can serialise."""
    if isinstance(state, Mapping):
        return {str(name): _plain(value) for name, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [_plain(value) for value in state]
    return state
