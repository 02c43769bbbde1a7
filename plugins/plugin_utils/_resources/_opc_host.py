# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Several resources of one host as one transaction: read all, plan all, then apply all or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ...module_utils._errors import DomainError, ParameterError
from ...module_utils._host_state import STATE_KEY
from ...module_utils._plan import Plan, SetValue, combine
from ...module_utils._registry import RegistryKey
from ...module_utils._service_operations import SetRunning
from ...module_utils._sid import Sid
from ...module_utils._snapshot import Kind
from .._host._accounts import COMPUTER_NAME_KEY
from .._host._host import Host
from .._host._identity import KEYS as IDENTITY_KEYS
from .._host._snapshots import DEFAULT_KEEP, SnapshotRequest
from .._resource import Parameters, Resource, Spec
from ._application import DcomApplication
from ._firewall import OpcFirewall
from ._grants import DcomGrants
from ._host_policy import HostPolicy
from ._opc_enum import OpcEnum
from ._permission import DcomPermission
from ._settings import DcomDefaults, DcomLogging


@dataclass(frozen=True, slots=True)
class Section:
    """One option of opc_host: the resource of a module once, or a list of its items.

    `module` documents the options; tools/document_opc_host.py copies its words.
    """

    module: str
    resource: Resource
    is_list: bool = False

    def option(self) -> dict[str, Any]:
        """The argument spec of the section."""
        nested = {"options": self.resource.argument_spec, **self.resource.constraints}
        return {"type": "list", "elements": "dict", **nested} if self.is_list else {"type": "dict", **nested}


@dataclass(frozen=True, slots=True)
class Part:
    """One desired state of one section; `name` is what messages and diffs call it."""

    name: str
    resource: Resource
    desired: Any


# The order is the order of writing: levels are raised before anything that depends on them is tightened (design 6).
SECTIONS: Mapping[str, Section] = {
    "logging": Section("dcom_logging", DcomLogging()),
    "defaults": Section("dcom_defaults", DcomDefaults()),
    "opc_enum": Section("opc_enum", OpcEnum()),
    "applications": Section("dcom_application", DcomApplication(), is_list=True),
    "permissions": Section("dcom_permission", DcomPermission(), is_list=True),
    "grants": Section("dcom_grants", DcomGrants()),
    "host_policy": Section("opc_host_policy", HostPolicy()),
    "firewall": Section("opc_firewall", OpcFirewall()),
}


# Options of opc_host itself; everything else is a section.
OWN_OPTIONS: Spec = {
    "snapshot": {"type": "bool", "default": True},
    "snapshot_keep": {"type": "int", "default": DEFAULT_KEEP},
    "snapshot_path": {"type": "path"},
    "snapshot_continues": {"type": "str"},
    "sids": {"type": "dict", "default": {}},
    "holding": {"type": "dict", "default": {}},
}


@dataclass(frozen=True, slots=True)
class HostRequest:
    """The parts in the order of writing, and those that another task has set and this one must leave alone. `snapshot`
    is the one to take, None without one. `sids` are those of local accounts, by name, that need no lookup.
    """

    parts: tuple[Part, ...]
    held: tuple[Part, ...]
    snapshot: SnapshotRequest | None
    sids: Mapping[str, Sid]


class OpcHost(Resource):
    """The whole desired state of a host; a section that is not given is left alone."""

    argument_spec: ClassVar[Spec] = {**OWN_OPTIONS, **{name: section.option() for name, section in SECTIONS.items()}}

    def desired(self, parameters: Parameters) -> HostRequest:
        parts = _all_parts(parameters)
        if not parts:
            raise ParameterError("", f"nothing to set: give at least one section of {', '.join(SECTIONS)}")
        sids = dict(_known_sid(name, text) for name, text in parameters["sids"].items())
        return HostRequest(tuple(parts), _held_parts(parameters["holding"]), _snapshot(parameters), sids)

    def keys(self, desired: HostRequest) -> Sequence[RegistryKey]:
        return _keys(desired.parts)

    def trees(self, desired: HostRequest) -> Sequence[RegistryKey]:
        return _unique(key for part in desired.parts for key in part.resource.trees(part.desired))

    def keys_found(self, host: Host, desired: HostRequest) -> Sequence[RegistryKey]:
        return _keys_found(host, desired.parts)

    def prefetch(self, host: Host, desired: HostRequest) -> None:
        """Two commands at most: one for what is known beforehand, one for what only the first one tells."""
        parts = (*desired.parts, *desired.held)
        expected = _unique(key for part in parts for key in part.resource.keys_expected(host, part.desired))
        trees = _unique(key for part in parts for key in part.resource.trees(part.desired))
        beside = (STATE_KEY, COMPUTER_NAME_KEY, *(IDENTITY_KEYS if desired.snapshot else ()))
        host.registry.prefetch([*_keys(parts), *expected, *beside], trees=trees)
        host.registry.prefetch(_keys_found(host, parts))
        host.accounts.learn(desired.sids)

    def snapshot(self, host: Host, desired: HostRequest) -> SnapshotRequest | None:
        if desired.snapshot is None:
            return None
        return replace(desired.snapshot, keys=(*self.keys(desired), *self.keys_found(host, desired)))

    def plan(self, host: Host, desired: HostRequest) -> Plan:
        for part in desired.held:  # there already, but in check mode
            _plan_part(host, part)
        plans = {part.name: _plan_part(host, part) for part in desired.parts}
        _refuse_contradictions(host, (*desired.parts, *desired.held), plans)
        return _started_last(combine(plans))


def _snapshot(parameters: Parameters) -> SnapshotRequest | None:
    """Raises: ParameterError."""
    keep = int(parameters["snapshot_keep"])
    if keep < 1:
        raise ParameterError("snapshot_keep", "at least one snapshot is kept")
    if not parameters["snapshot"]:
        return None
    path, continues = parameters.get("snapshot_path"), parameters.get("snapshot_continues")
    return SnapshotRequest(Kind.RUN, "before opc_host", keep, path=path, continues=continues)


def _keys(parts: Sequence[Part]) -> list[RegistryKey]:
    return _unique(key for part in parts for key in part.resource.keys(part.desired))


def _keys_found(host: Host, parts: Sequence[Part]) -> list[RegistryKey]:
    return _unique(key for part in parts for key in part.resource.keys_found(host, part.desired))


def _unique(keys: Iterable[RegistryKey]) -> list[RegistryKey]:
    return list({key.folded: key for key in keys}.values())


def _all_parts(parameters: Parameters) -> list[Part]:
    return [part for name, section in SECTIONS.items() for part in _parts(name, section, parameters.get(name))]


def _held_parts(options: Parameters) -> tuple[Part, ...]:
    """What another task has set. Its firewall rules are no values, and reading them again would cost messages.

    Raises: ParameterError.
    """
    sections = {name: section.option() for name, section in SECTIONS.items() if name != "firewall"}
    given = {name: value for name, value in options.items() if value is not None and name != "firewall"}
    validation = ArgumentSpecValidator(sections).validate(given)
    if validation.error_messages:
        raise ParameterError("holding", "; ".join(validation.error_messages))
    parts = _all_parts(validation.validated_parameters)
    return tuple(replace(part, name=f"holding.{part.name}") for part in parts)


def _parts(name: str, section: Section, value: Any) -> list[Part]:
    """The desired states of one section. Raises: ParameterError with the path of the option."""
    if value is None:
        return []
    items = [(f"{name}[{index}]", item) for index, item in enumerate(value)] if section.is_list else [(name, value)]
    # The list of an application may begin as the machine default, so that is decided first.
    items.sort(key=lambda named: named[1].get("scope") == "application")
    return [Part(path, section.resource, _desired(path, section.resource, item)) for path, item in items]


def _desired(path: str, resource: Resource, options: Parameters) -> Any:
    try:
        return resource.desired(options)
    except ParameterError as error:
        raise ParameterError(f"{path}.{error.path}" if error.path else path, error.message) from error


def _known_sid(name: object, text: object) -> tuple[str, Sid]:
    try:
        return str(name), Sid.from_string(str(text))
    except DomainError as error:
        raise ParameterError(f"sids.{name}", str(error)) from error


def _started_last(plan: Plan) -> Plan:
    """A service that is started by one part reads what the parts after it write, so starting comes last."""
    starts = tuple(item for item in plan.operations if isinstance(item, SetRunning) and item.after)
    return replace(plan, operations=(*(item for item in plan.operations if item not in starts), *starts))


def _plan_part(host: Host, part: Part) -> Plan:
    """Plan one part on the host as the parts before it will leave it."""
    plan = part.resource.plan(host, part.desired)
    for operation in plan.operations:
        host.pretend(operation)
    return plan


def _refuse_contradictions(host: Host, parts: Sequence[Part], plans: Mapping[str, Plan]) -> None:
    """What a part wants must still hold when all parts are done, else every run would write the same values in turn.

    The host must pretend that all plans were carried out. Raises: ParameterError that names both parts and the value.
    """
    writers = {_place(item): name for name, plan in plans.items() for item in _values_set(plan)}
    for part in parts if len(parts) > 1 and writers else ():
        for item in _values_set(part.resource.plan(host, part.desired)):
            writer = writers.get(_place(item), part.name)
            if writer != part.name:
                raise ParameterError(
                    part.name,
                    f"contradicts {writer}: both decide {item.name or '(default)'} of {item.key}, and what one writes "
                    "the other would write back in every run. Take one of them out",
                )


def _values_set(plan: Plan) -> list[SetValue]:
    return [item for item in plan.operations if isinstance(item, SetValue)]


def _place(item: SetValue) -> tuple[str, str]:
    return item.key.folded, item.name.lower()
