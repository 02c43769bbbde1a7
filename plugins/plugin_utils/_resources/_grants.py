# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The resource of dcom_grants: everything that links are granted on a host, as a whole.

What an earlier run granted and nobody asks for any more is taken away again, and nothing else: the record says what was
granted (_grant_record). A program that has no AppID gets one, and loses it with its last grant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from ...module_utils._application import MARKER, MARKER_VALUE, SELECTORS, Selector, app_id_key
from ...module_utils._application_plan import ApplicationRequest, plan_application
from ...module_utils._com_defaults import ComScope
from ...module_utils._com_rights import ComKind, ComRight
from ...module_utils._com_value import machine_place
from ...module_utils._errors import ParameterError
from ...module_utils._grant_record import (
    RECORD,
    GrantPlace,
    GrantRecord,
    Rights,
    app_ids_in,
    dump_record,
    is_record_part,
    load_record,
)
from ...module_utils._grants_plan import PlaceGrants, PlacePlan, plan_place
from ...module_utils._host_state import STATE_KEY
from ...module_utils._permission_request import PermissionRequest, PermissionState, Permit, parse_permission
from ...module_utils._plan import Operation, Plan, SetValue, unique
from ...module_utils._registry import RegistryKey, RegistryType
from ...module_utils._sid import Sid
from .._host._accounts import UnknownAccountError
from .._host._applications import ApplicationMissingError
from .._host._host import Host
from .._resource import Parameters, Resource, Spec
from ._application import SELECTOR_SPEC, read_application_facts
from ._permission import DcomPermission, read_permission_facts, read_place

GRANT_SPEC: Spec = {
    "principal": {"type": "str", "required": True},
    "rights": {
        "type": "list",
        "elements": "str",
        "choices": [right.value for right in ComRight],
        "required": True,
    },
}
_PERMITS = (Permit.ANONYMOUS, Permit.EVERYONE, Permit.SHIPPED)
# Of the identifier authority nobody uses (S-1-0-0 is Nobody): stands for an account that does not exist yet.
_PLACEHOLDERS = Sid(0, (1_000_000,))


@dataclass(frozen=True, slots=True)
class GrantItem:
    """One list: the request of dcom_permission with state present, and whether nobody else is to be in it."""

    request: PermissionRequest
    is_exclusive: bool


@dataclass(frozen=True, slots=True)
class GrantsDesired:
    items: tuple[GrantItem, ...]
    expected_accounts: frozenset[str]
    reason: str


@dataclass(slots=True)
class _Draft:
    """The plan while it is made: what each place is to grant, and what has been planned so far."""

    host: Host
    record: GrantRecord
    wanted: dict[GrantPlace, dict[Sid, Rights]] = field(default_factory=dict)
    exclusive: set[GrantPlace] = field(default_factory=set)
    permits: frozenset[Permit] = frozenset()
    applications: dict[str, str] = field(default_factory=dict)
    placeholders: dict[Sid, str] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)

    def add(self, name: str, plan: Plan) -> None:
        """Take a plan in; further reads see what it will have done."""
        self.plans[name] = plan
        for operation in plan.operations:
            self.host.pretend(operation)

    def name_of(self, sid: Sid) -> str | None:
        return self.placeholders.get(sid) or self.host.accounts.name_of(sid)


class DcomGrants(Resource):
    """What links are granted."""

    argument_spec: ClassVar[Spec] = {
        "permissions": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "scope": {"type": "str", "choices": [scope.value for scope in ComScope], "required": True},
                "kind": {"type": "str", "choices": [kind.value for kind in ComKind], "required": True},
                "entries": {"type": "list", "elements": "dict", "options": GRANT_SPEC, "required": True},
                "exclusive": {"type": "bool", "default": False},
                **SELECTOR_SPEC,
            },
            "mutually_exclusive": [list(SELECTORS)],
        },
        "expected_accounts": {"type": "list", "elements": "str", "default": []},
        "reason": {"type": "str", "default": ""},
        **{permit.value: {"type": "bool", "default": False} for permit in _PERMITS},
    }

    def desired(self, parameters: Parameters) -> GrantsDesired:
        permits = {permit.value: bool(parameters[permit.value]) for permit in _PERMITS}
        items = [_item(f"permissions[{index}]", item, permits) for index, item in enumerate(parameters["permissions"])]
        _refuse_repetition(items)
        expected = frozenset(_bare(name) for name in parameters["expected_accounts"])
        return GrantsDesired(tuple(items), expected, str(parameters["reason"]))

    def keys(self, desired: GrantsDesired) -> Sequence[RegistryKey]:
        return [key for item in desired.items for key in DcomPermission().keys(item.request)]

    def trees(self, desired: GrantsDesired) -> Sequence[RegistryKey]:
        return [key for item in desired.items for key in DcomPermission().trees(item.request)]

    def keys_expected(self, host: Host, desired: GrantsDesired) -> Sequence[RegistryKey]:
        """The applications of the record. One message, where items are told by what has to be looked up first."""
        selectors = [item.request.selector for item in desired.items if item.request.selector is not None]
        if all(selector.option == "app_id" for selector in selectors):
            return ()
        record = host.registry.value(STATE_KEY, RECORD, RegistryType.MULTI_SZ)
        return () if record is None else [app_id_key(app_id) for app_id in app_ids_in(record)]

    def keys_found(self, host: Host, desired: GrantsDesired) -> Sequence[RegistryKey]:
        """The applications of the items, and those of earlier runs."""
        found = [key for item in desired.items for key in DcomPermission().keys_found(host, item.request)]
        record = _read_record(host)
        app_ids = {place.app_id for place in record.grants if place.app_id} | set(record.applications)
        return [*found, *(app_id_key(app_id) for app_id in sorted(app_ids))]

    def prefetch(self, host: Host, desired: GrantsDesired) -> None:
        host.registry.prefetch([*self.keys(desired), STATE_KEY], trees=self.trees(desired))
        host.registry.prefetch(self.keys_found(host, desired))

    def plan(self, host: Host, desired: GrantsDesired) -> Plan:
        draft = _Draft(host, _read_record(host))
        for item in desired.items:
            _resolve(draft, item, desired)
        kept: dict[GrantPlace, PlacePlan] = {}
        for place in (*draft.wanted, *(place for place in draft.record.grants if place not in draft.wanted)):
            planned = _plan_place(draft, place, desired)
            if planned is not None:
                kept[place] = planned
        _plan_removals(draft)
        draft.add("", _plan_record(draft, kept))
        return _combined(draft)


# -- options


def _item(path: str, item: Mapping[str, Any], permits: Mapping[str, bool]) -> GrantItem:
    """Raises: ParameterError with the path. An empty list of entries takes away what was granted."""
    state = PermissionState.EXACT if not item["entries"] else PermissionState.PRESENT
    try:
        request = parse_permission({**item, "state": state.value, **permits})
    except ParameterError as error:
        raise ParameterError(f"{path}.{error.path}" if error.path else path, error.message) from error
    return GrantItem(replace(request, state=PermissionState.PRESENT), bool(item["exclusive"]))


def _refuse_repetition(items: Sequence[GrantItem]) -> None:
    seen: list[tuple[ComScope, ComKind, Selector | None]] = []
    for index, item in enumerate(items):
        place = item.request.scope, item.request.kind, item.request.selector
        if place in seen:
            raise ParameterError(f"permissions[{index}]", f"is about the same list as permissions[{seen.index(place)}]")
        seen.append(place)


def _bare(name: str) -> str:
    return name.strip().removeprefix(".\\").casefold()


# -- reading


def _read_record(host: Host) -> GrantRecord:
    return load_record(host.registry.values(STATE_KEY) or {})


def _resolve(draft: _Draft, item: GrantItem, desired: GrantsDesired) -> None:
    """Find the list and the accounts of one item; a program without an AppID gets one."""
    request = item.request
    place = GrantPlace(request.scope, request.kind, _app_id(draft, request.selector) if request.selector else "")
    wanted = draft.wanted.setdefault(place, {})
    draft.permits |= request.permits
    if item.is_exclusive:
        draft.exclusive.add(place)
    for entry in request.entries:
        sid = _sid(draft, entry.principal, desired.expected_accounts)
        wanted[sid] = wanted.get(sid, frozenset()) | (entry.rights or frozenset())


def _app_id(draft: _Draft, selector: Selector) -> str:
    try:
        found = draft.host.applications.find(selector)
    except ApplicationMissingError:
        if selector.option != "program":
            raise
        request = ApplicationRequest(selector)
        facts = read_application_facts(draft.host, request)
        draft.add(f"application {selector.value}", plan_application(facts, request, draft.name_of))
        found = draft.host.applications.find(selector)
        draft.applications[found.app_id] = selector.value
    if found.app_id in draft.record.applications:
        draft.applications[found.app_id] = draft.record.applications[found.app_id]
    return found.app_id


def _sid(draft: _Draft, principal: str, expected: Iterable[str]) -> Sid:
    """Raises: UnknownAccountError for an account that is not there and that no task before this one would make."""
    try:
        return draft.host.accounts.resolve(principal)
    except UnknownAccountError:
        if _bare(principal) not in expected:
            raise
    known = {name: sid for sid, name in draft.placeholders.items()}
    name = f"{principal} (does not exist yet)"
    sid = known.get(name) or _PLACEHOLDERS.with_rid(len(known))
    draft.placeholders[sid] = name
    return sid


# -- planning


def _plan_place(draft: _Draft, place: GrantPlace, desired: GrantsDesired) -> PlacePlan | None:
    """Plan one list; None for a list of an application that is gone."""
    selector = Selector("app_id", place.app_id) if place.app_id else None
    request = PermissionRequest(place.scope, place.kind, PermissionState.PRESENT, selector=selector)
    try:
        facts = read_permission_facts(draft.host, request)
    except ApplicationMissingError:
        return None  # uninstalled: what was granted there is gone, too
    is_made = place in draft.record.made_values
    if is_made and facts.application is not None:
        default = machine_place(ComScope.MACHINE_DEFAULT, place.kind)
        facts = replace(facts, fallback=read_place(draft.host, default))
    grants = PlaceGrants(
        draft.wanted.get(place, {}),
        recorded=draft.record.at(place),
        is_exclusive=place in draft.exclusive,
        is_made_value=is_made,
        permits=draft.permits,
        reason=desired.reason,
    )
    planned = plan_place(facts, grants, draft.name_of)
    if planned.plan.operations and place.app_id and place.app_id not in draft.applications:
        draft.host.registry.require_writable(facts.place.key)
    title = facts.place.option + (f" of {facts.application.title}" if facts.application else "")
    draft.add(title, planned.plan)
    return planned


def _plan_removals(draft: _Draft) -> None:
    """Take away the AppIDs that were made for programs and are of no use any more."""
    in_use = {place.app_id for place in draft.wanted}
    for app_id, program in draft.record.applications.items():
        if app_id in in_use:
            continue
        request = ApplicationRequest(Selector("app_id", app_id), is_present=False)
        facts = read_application_facts(draft.host, request)
        if facts.application is not None and facts.value(MARKER) == MARKER_VALUE:
            draft.add(f"application {program}", plan_application(facts, request, draft.name_of))


def _plan_record(draft: _Draft, planned: Mapping[GrantPlace, PlacePlan]) -> Plan:
    """The record as it is to be. An account that does not exist yet cannot be in it."""
    grants = {
        place: {sid: rights for sid, rights in item.recorded.items() if sid not in draft.placeholders}
        for place, item in planned.items()
        if item.recorded
    }
    made = frozenset(place for place, item in planned.items() if item.is_made_value)
    wanted = dump_record(GrantRecord(grants, made, draft.applications))
    values = draft.host.registry.values(STATE_KEY) or {}
    present = {name.lower(): (name, value) for name, value in values.items() if is_record_part(name)}
    names = unique((*wanted, *(name for name, _value in present.values() if name not in wanted)))
    before = {name: present.get(name.lower(), (name, None))[1] for name in names}
    operations: list[Operation] = [
        SetValue(STATE_KEY, name, before=before[name], after=wanted.get(name))
        for name in names
        if before[name] != wanted.get(name)
    ]
    return Plan(tuple(operations))


def _combined(draft: _Draft) -> Plan:
    """All plans as one; a list of many people is shown by its name, the record not at all."""
    plans = draft.plans
    missing = tuple(draft.placeholders.values())
    return Plan(
        operations=tuple(operation for plan in plans.values() for operation in plan.operations),
        before={name: _shown(plan.before) for name, plan in plans.items() if name},
        after={name: _shown(plan.after) for name, plan in plans.items() if name},
        restart_services=unique(name for plan in plans.values() for name in plan.restart_services),
        reboot_reasons=unique(text for plan in plans.values() for text in plan.reboot_reasons),
        warnings=unique(text for plan in plans.values() for text in plan.warnings),
        exceptions=unique(text for plan in plans.values() for text in plan.exceptions),
        preview_only=missing,
    )


def _shown(state: Mapping[str, object]) -> object:
    """The lines of a list without the title, which is its name already."""
    rest = {name: value for name, value in state.items() if name != "application"}
    if not rest:
        return state.get("application", "")
    return next(iter(rest.values())) if len(rest) == 1 else rest
