# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Plans what one access control list grants for links: what is asked for, and what was granted before and is not now.

Each list is planned with `plan_permission`, so with the same care and the same refusals as by dcom_permission. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ._access_check import Token, effective_rights
from ._com_report import NameOf, format_trustee
from ._com_rights import format_rights_of, rights_of_kind
from ._com_security import Access, permissions_of
from ._com_value import ComValue, read_com_value
from ._grant_record import Rights
from ._permission_plan import PermissionFacts, plan_permission
from ._permission_request import Entry, PermissionRequest, PermissionState, Permit
from ._plan import Plan, SetValue, unique
from ._security_descriptor import SecurityDescriptor, same_meaning
from ._sid import Sid
from ._well_known import ADMINISTRATORS, ANONYMOUS_LOGON, AUTHENTICATED_USERS, EVERYONE, LOCAL_SYSTEM

# What an exclusive list keeps beside the grants: the system and whoever administers it.
KEPT_IN_EXCLUSIVE = (LOCAL_SYSTEM, ADMINISTRATORS)

Granted = Mapping[Sid, Rights]


@dataclass(frozen=True, slots=True)
class PlaceGrants:
    """What one list is to grant, and what the record says was granted there. `reason` goes with every exception."""

    wanted: Granted
    recorded: Granted
    is_exclusive: bool
    is_made_value: bool
    permits: frozenset[Permit]
    reason: str


@dataclass(frozen=True, slots=True)
class PlacePlan:
    """The plan, and what the record is to say afterwards."""

    plan: Plan
    recorded: Granted
    is_made_value: bool


def plan_place(facts: PermissionFacts, grants: PlaceGrants, name_of: NameOf) -> PlacePlan:
    """Plan one list. Raises: what `plan_permission` raises."""
    if facts.is_overridden and grants.wanted:
        return _under_policy(facts, grants, name_of)
    revocation = _revoke(facts, grants, name_of)
    between = _after(facts, revocation)
    granting = _grant(between, grants, name_of)
    recorded = _recorded_after(facts, grants)
    plan = _joined(revocation, granting) if granting else revocation
    made = bool(recorded) and (grants.is_made_value or (facts.stored.is_absent and bool(plan.operations)))
    return PlacePlan(_with_reason(plan, grants.reason), recorded, made)


def _recorded_after(facts: PermissionFacts, grants: PlaceGrants) -> dict[Sid, Rights]:
    """What we granted: what the record says as far as it is wanted still, and what was not there before."""
    present: dict[Sid, Rights] = {}
    descriptor = facts.in_force
    for permission in () if descriptor is None else permissions_of(descriptor, facts.place.kind):
        if permission.access is Access.ALLOW:
            present[permission.trustee] = present.get(permission.trustee, frozenset()) | permission.rights
    ours = {
        sid: (grants.recorded.get(sid, frozenset()) & rights) | (rights - present.get(sid, frozenset()))
        for sid, rights in grants.wanted.items()
    }
    return {sid: rights for sid, rights in ours.items() if rights}


def _revoke(facts: PermissionFacts, grants: PlaceGrants, name_of: NameOf) -> Plan:
    """Take away what was granted and is not wanted. A value that was made for grants goes with the last of them."""
    left = {sid: rights - grants.wanted.get(sid, frozenset()) for sid, rights in grants.recorded.items()}
    entries = tuple(Entry(sid, rights) for sid, rights in left.items() if rights)
    if not entries or facts.stored.is_absent:
        return Plan()
    plan = _plan(facts, PermissionState.ABSENT, entries, name_of, frozenset({Permit.POLICY}))
    if grants.is_made_value and not grants.wanted and _is_as_without_value(facts, _after(facts, plan).stored):
        plan = _plan(facts, PermissionState.DEFAULT, (), name_of, frozenset({Permit.POLICY}))
    return replace(plan, exceptions=())


def _is_as_without_value(facts: PermissionFacts, stored: ComValue) -> bool:
    """Whether what is left is what counts when there is no value."""
    without = replace(facts, stored=ComValue()).in_force
    return stored.descriptor is not None and without is not None and same_meaning(stored.descriptor, without)


def _grant(facts: PermissionFacts, grants: PlaceGrants, name_of: NameOf) -> Plan | None:
    entries = [Entry(sid, rights) for sid, rights in grants.wanted.items()]
    if grants.is_exclusive:
        every = frozenset(rights_of_kind(facts.place.kind))
        entries = [*(Entry(sid, every) for sid in KEPT_IN_EXCLUSIVE), *entries]
        return _plan(facts, PermissionState.EXACT, entries, name_of, grants.permits)
    return _plan(facts, PermissionState.PRESENT, entries, name_of, grants.permits) if entries else None


def _plan(
    facts: PermissionFacts,
    state: PermissionState,
    entries: Sequence[Entry],
    name_of: NameOf,
    permits: frozenset[Permit],
) -> Plan:
    request = PermissionRequest(facts.place.scope, facts.place.kind, state, permits=permits)
    return plan_permission(facts, request, entries, name_of)


def _after(facts: PermissionFacts, plan: Plan) -> PermissionFacts:
    """The facts once the plan has been carried out."""
    writes = [item for item in plan.operations if isinstance(item, SetValue)]
    return replace(facts, stored=read_com_value(writes[-1].after)) if writes else facts


def _joined(first: Plan, second: Plan) -> Plan:
    """Two plans for the same value as one write."""
    if not first.before:
        return second
    writes = [item for item in (*first.operations, *second.operations) if isinstance(item, SetValue)]
    operations = (replace(writes[-1], before=writes[0].before),) if writes else ()
    return replace(
        second,
        operations=operations,
        before=first.before,
        restart_services=unique((*first.restart_services, *second.restart_services)),
        reboot_reasons=unique((*first.reboot_reasons, *second.reboot_reasons)),
        warnings=unique((*first.warnings, *second.warnings)),
    )


def _with_reason(plan: Plan, reason: str) -> Plan:
    if not reason:
        return plan
    return replace(plan, exceptions=tuple(f"{text} ({reason})" for text in plan.exceptions))


# -- limits that Group Policy sets


def _under_policy(facts: PermissionFacts, grants: PlaceGrants, name_of: NameOf) -> PlacePlan:
    """Nothing is written where it would be dead; who is not let in by the policy is said."""
    missing = [line for sid, rights in grants.wanted.items() for line in _missing(facts, sid, rights, name_of)]
    lines = [f"{facts.place.value_name} is set by Group Policy"]
    plan = Plan(before={facts.place.option: lines}, after={facts.place.option: lines}, warnings=tuple(missing))
    kept = {sid: rights for sid, rights in grants.recorded.items() if rights}
    return PlacePlan(plan, kept, grants.is_made_value)


def _missing(facts: PermissionFacts, sid: Sid, rights: Rights, name_of: NameOf) -> list[str]:
    policy = None if facts.policy is None else facts.policy.descriptor
    lacking = rights if policy is None else rights - _rights_in(policy, facts, sid)
    if not lacking:
        return []
    return [
        f"{facts.place.option}: Group Policy sets this limit and gives {format_trustee(sid, name_of)} no "
        f"{format_rights_of(lacking, facts.place.kind)}, unless through a group; add {sid} to the policy"
    ]


def _rights_in(descriptor: SecurityDescriptor, facts: PermissionFacts, sid: Sid) -> Rights:
    everybody = frozenset() if sid == ANONYMOUS_LOGON else frozenset({EVERYONE, AUTHENTICATED_USERS})
    return effective_rights(descriptor, facts.place.kind, Token(frozenset({sid}) | everybody))
