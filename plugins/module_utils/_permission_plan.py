# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Plans one COM permission value: from what is there and what is asked to operations, readable states and warnings.

Entries are judged against what is in force: an absent value counts as what stands in for it (the machine default for
an application, the built-in rule for the default access permission), and that is also what a new value starts from.
Pure: the caller has read the values and resolved the names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ._application import Application
from ._com_defaults import ComScope, shipped_default
from ._com_report import NameOf, describe, format_trustee
from ._com_rights import REMOTE_RIGHTS, ComKind, format_rights_of
from ._com_security import Access, Permission, deny, grant, permissions_of, problems, repair, revoke, set_exact
from ._com_value import ComValue, PermissionPlace, describe_com_value
from ._dcom import AuthenticationLevel
from ._errors import ComSecurityError, HostStateError, LockoutError
from ._permission_guard import Hazard, hazards
from ._permission_request import Entry, PermissionRequest, PermissionState, Permit
from ._plan import Plan, SetValue
from ._registry import RegistryValue
from ._security_descriptor import AclState, Control, SecurityDescriptor, same_meaning
from ._sid import Sid
from ._well_known import ADMINISTRATORS

_EDITING = (PermissionState.PRESENT, PermissionState.ABSENT)
_SACL_CONTROL = (
    Control.SACL_PRESENT
    | Control.SACL_DEFAULTED
    | Control.SACL_AUTO_INHERIT_REQ
    | Control.SACL_AUTO_INHERITED
    | Control.SACL_PROTECTED
).value


@dataclass(frozen=True, slots=True)
class PermissionFacts:
    """What the host has. `fallback` is the machine default as stored, which counts while an application has no value;
    `policy` the Group Policy limit of the same name; `authentication_level` the one that counts for the application
    (None: not looked at); `windows_10_or_later` matters only where a shipped limit is to be written.
    """

    place: PermissionPlace
    stored: ComValue
    fallback: ComValue | None = None
    policy: ComValue | None = None
    application: Application | None = None
    authentication_level: int | None = None
    windows_10_or_later: bool = True

    @property
    def is_overridden(self) -> bool:
        """Whether Group Policy sets this limit, so that the value here does not count."""
        return self.policy is not None and not self.policy.is_absent

    @property
    def in_force(self) -> SecurityDescriptor | None:
        """What counts now, policy aside; None where it is invalid or where Microsoft does not say."""
        if not self.stored.is_absent:
            return self.stored.descriptor
        if self.fallback is not None and not self.fallback.is_absent:
            return self.fallback.descriptor
        is_access_default = self.place.scope is not ComScope.MACHINE_LIMIT and self.place.kind is ComKind.ACCESS
        return self.shipped if is_access_default else None

    @property
    def shipped(self) -> SecurityDescriptor:
        """What Windows ships for this place; for an application what it ships as the machine default."""
        scope = ComScope.MACHINE_DEFAULT if self.place.scope is ComScope.APPLICATION else self.place.scope
        default = shipped_default(scope, self.place.kind, windows_10_or_later=self.windows_10_or_later)
        if default is None:
            raise HostStateError(f"what Windows ships for {self.place} is not known")
        return default.descriptor


@dataclass(frozen=True, slots=True)
class _Decision:
    """`target` None deletes the value; nothing is written where the host has what is asked for already."""

    target: SecurityDescriptor | None
    is_satisfied: bool


def plan_permission(
    facts: PermissionFacts, request: PermissionRequest, entries: Sequence[Entry], name_of: NameOf
) -> Plan:
    """Plan one value. `entries` are those of the request with their SIDs; `name_of` names SIDs for people.

    Raises: HostStateError for a value that cannot be edited, an absent one whose meaning is not documented, and a
    change that Group Policy makes dead; LockoutError for what needs a permit. Each says which option permits it.
    """
    decision = _decide(facts, request, entries)
    warnings = list(_warnings(facts, request, entries, decision, name_of))
    before = _state(facts, _lines_before(facts, name_of), name_of)
    if decision.is_satisfied:
        return Plan(before=before, after=before, warnings=tuple(warnings), exceptions=_standing(facts, request))
    _refuse_dead_change(facts, request)
    exceptions = _permitted(facts, request, decision.target)
    lines = _lines_after(facts, decision.target, name_of)
    plan = Plan(before=before, after=_state(facts, lines, name_of), exceptions=exceptions)
    after = None if decision.target is None else RegistryValue.binary(decision.target.to_bytes())
    operation = SetValue(facts.place.key, facts.place.value_name, before=facts.stored.value, after=after)
    return _with_effect(replace(plan, operations=(operation,), warnings=tuple(warnings)), facts)


# -- deciding


def _decide(facts: PermissionFacts, request: PermissionRequest, entries: Sequence[Entry]) -> _Decision:
    if request.state in _EDITING:
        return _decide_edit(facts, request, entries)
    target = _default(facts) if request.state is PermissionState.DEFAULT else _exact(facts, request, entries)
    stored = facts.stored.descriptor
    if target is None:
        return _Decision(None, facts.stored.value is None)
    return _Decision(target, stored is not None and same_meaning(stored, target))


def _decide_edit(facts: PermissionFacts, request: PermissionRequest, entries: Sequence[Entry]) -> _Decision:
    start, is_repaired = _start(facts, request)
    kind = facts.place.kind
    target = start
    try:
        for entry in entries:
            target = _edit(target, kind, request.state, entry)
    except ComSecurityError as error:
        raise HostStateError(f"{facts.place}: {error} (state: exact, or repair: true)") from error
    # An edit writes the canonical order and the new mask format; those alone are no reason to write.
    return _Decision(target, not is_repaired and same_meaning(target, repair(start, kind)))


def _edit(descriptor: SecurityDescriptor, kind: ComKind, state: PermissionState, entry: Entry) -> SecurityDescriptor:
    if state is PermissionState.ABSENT:
        return revoke(descriptor, kind, entry.trustee, entry.rights, access=entry.access)
    edit = grant if entry.access is Access.ALLOW else deny
    return edit(descriptor, kind, entry.trustee, entry.rights or ())


def _start(facts: PermissionFacts, request: PermissionRequest) -> tuple[SecurityDescriptor, bool]:
    """What an edit starts from, and whether that is already another state than the one on the host."""
    present = facts.in_force
    if present is not None:
        if Permit.REPAIR not in request.permits:
            return present, False
        if present.dacl is None:
            return facts.shipped, True
        is_rejected = any(problem.is_rejected_by_com for problem in problems(present, facts.place.kind))
        return (repair(present, facts.place.kind), True) if is_rejected else (present, False)
    if facts.stored.trouble is not None:
        if Permit.REPAIR not in request.permits:
            raise HostStateError(
                f"{facts.place} is {facts.stored.trouble}, so no entry can be added or removed. Set it with "
                "state: exact or default, or with repair: true start from what Windows ships"
            )
        return facts.shipped, True
    if Permit.SHIPPED not in request.permits:
        raise HostStateError(_undocumented(facts))
    return facts.shipped, False


def _undocumented(facts: PermissionFacts) -> str:
    if facts.fallback is not None and facts.fallback.trouble is not None:
        return (
            f"{facts.place} is absent, and the machine default that counts instead is {facts.fallback.trouble}. Set "
            "the machine default first, or with assume_shipped: true start from what Windows ships"
        )
    return (
        f"{facts.place} is absent, and Microsoft does not document what Windows then does, so there is nothing to "
        "start from. Set it with state: exact or default, or with assume_shipped: true start from what Windows ships"
    )


def _exact(facts: PermissionFacts, request: PermissionRequest, entries: Sequence[Entry]) -> SecurityDescriptor:
    base = facts.stored.descriptor or SecurityDescriptor(ADMINISTRATORS, ADMINISTRATORS)
    if request.descriptor is not None:
        return _adopt(request.descriptor, base)
    permissions = [Permission(entry.trustee, entry.rights or frozenset(), entry.access) for entry in entries]
    return set_exact(base, facts.place.kind, permissions)


def _adopt(wanted: SecurityDescriptor, base: SecurityDescriptor) -> SecurityDescriptor:
    """The descriptor of an SDDL text; what the text leaves out (owner, group, SACL) stays as it is."""
    keeps_sacl = wanted.sacl_state is AclState.ABSENT
    control = wanted.control | (base.control & _SACL_CONTROL) if keeps_sacl else wanted.control
    return replace(
        wanted,
        owner=wanted.owner or base.owner or ADMINISTRATORS,
        group=wanted.group or base.group or ADMINISTRATORS,
        sacl=base.sacl if keeps_sacl else wanted.sacl,
        control=control,
    )


def _default(facts: PermissionFacts) -> SecurityDescriptor | None:
    """As Windows ships it: no value for applications and the default access permission, else the shipped one."""
    if facts.place.scope is ComScope.APPLICATION:
        return None
    default = shipped_default(facts.place.scope, facts.place.kind, windows_10_or_later=facts.windows_10_or_later)
    return default.descriptor if default is not None and default.is_stored else None


# -- refusing


def _refuse_dead_change(facts: PermissionFacts, request: PermissionRequest) -> None:
    if facts.is_overridden and Permit.POLICY not in request.permits:
        raise HostStateError(
            f"{facts.place} is overridden by Group Policy, so changing it would have no effect. Change the policy, or "
            "set even_if_policy_overrides: true to prepare the value for the day the policy is gone"
        )


def _permitted(
    facts: PermissionFacts, request: PermissionRequest, target: SecurityDescriptor | None
) -> tuple[str, ...]:
    """What the change brings and was permitted. Raises: LockoutError for what was not."""
    found = () if target is None else hazards(facts.place, facts.in_force, target)
    refused = [hazard for hazard in found if hazard.permit not in request.permits]
    if refused:
        reasons = "; ".join(f"{hazard.detail} ({hazard.permit.value}: true permits it)" for hazard in refused)
        raise LockoutError(f"{_title(facts)} would be dangerous and was left alone: {reasons}")
    dead = [Hazard(Permit.POLICY, "Group Policy overrides the value")] if facts.is_overridden else []
    return tuple(_exception(facts, hazard) for hazard in (*found, *dead))


def _standing(facts: PermissionFacts, request: PermissionRequest) -> tuple[str, ...]:
    """What this task permits and the host has already."""
    if facts.stored.descriptor is None:
        return ()
    found = hazards(facts.place, None, facts.stored.descriptor)
    return tuple(_exception(facts, hazard) for hazard in found if hazard.permit in request.permits)


def _exception(facts: PermissionFacts, hazard: Hazard) -> str:
    return f"{hazard.permit.value}: {_title(facts)}: {hazard.detail}"


# -- telling


def _title(facts: PermissionFacts) -> str:
    application = f" of {facts.application.title}" if facts.application else ""
    return f"{facts.place.option}{application}"


def _state(facts: PermissionFacts, lines: list[str], name_of: NameOf) -> dict[str, object]:
    state: dict[str, object] = {"application": facts.application.title} if facts.application else {}
    state[facts.place.option] = lines
    if facts.is_overridden and facts.policy is not None:
        state["group_policy"] = describe_com_value(facts.policy, facts.place.kind, "", name_of)
    return state


def _lines_before(facts: PermissionFacts, name_of: NameOf) -> list[str]:
    """The value; an absent one with the entries that count instead, so that a diff shows what a new one adds."""
    if not facts.stored.is_absent:
        return describe_com_value(facts.stored, facts.place.kind, "", name_of)
    counting = [] if facts.in_force is None else describe(facts.in_force, facts.place.kind, name_of)
    return [f"absent: {_if_absent(facts)}", *counting]


def _lines_after(facts: PermissionFacts, target: SecurityDescriptor | None, name_of: NameOf) -> list[str]:
    if target is None:
        return _lines_before(replace(facts, stored=ComValue()), name_of)
    return describe(target, facts.place.kind, name_of)


def _if_absent(facts: PermissionFacts) -> str:
    if facts.place.scope is ComScope.APPLICATION:
        return "the machine default counts"
    if facts.in_force is not None:
        return "what Windows has built in counts"
    return "what Windows then does is not documented"


def _with_effect(plan: Plan, facts: PermissionFacts) -> Plan:
    """When the new value counts. Source: dcom.md 1.5; a reboot for machine-wide values is the safe reading."""
    scope, kind = facts.place.scope, facts.place.kind
    if scope is ComScope.MACHINE_LIMIT or (scope is ComScope.MACHINE_DEFAULT and kind is ComKind.ACCESS):
        return replace(plan, reboot_reasons=(facts.place.option,))
    if scope is ComScope.APPLICATION and kind is ComKind.ACCESS and facts.application is not None:
        if facts.application.service:
            return replace(plan, restart_services=(facts.application.service,))
        text = f"{_title(facts)} counts once its program has been started again"
        return replace(plan, warnings=(*plan.warnings, text))
    return plan  # launch permissions are read on each activation


def _warnings(
    facts: PermissionFacts, request: PermissionRequest, entries: Sequence[Entry], decision: _Decision, name_of: NameOf
) -> Iterator[str]:
    if facts.is_overridden:
        yield f"{facts.place} is overridden by Group Policy and not in force"
    if facts.authentication_level == AuthenticationLevel.NONE and facts.place.kind is ComKind.ACCESS:
        yield (
            f"{_title(facts)}: COM ignores access permissions while the authentication level is none; raise it with "
            "dcom_application first"
        )
    if request.state is PermissionState.PRESENT and decision.target is not None:
        for entry in entries:
            yield from _ineffective(facts, entry, decision.target, name_of)


def _ineffective(facts: PermissionFacts, entry: Entry, target: SecurityDescriptor, name_of: NameOf) -> Iterator[str]:
    """Rights that are granted and still not given."""
    if entry.access is not Access.ALLOW or entry.rights is None:
        return
    denied = [
        item.rights & entry.rights
        for item in permissions_of(target, facts.place.kind)
        if item.trustee == entry.trustee and item.access is Access.DENY
    ]
    overruled = frozenset().union(*denied)
    name = format_trustee(entry.trustee, name_of)
    if overruled:
        rights = format_rights_of(overruled, facts.place.kind)
        yield f"{_title(facts)}: {name} stays without {rights}, because a deny entry names it, too"
    if _is_service(entry.trustee) and entry.rights & REMOTE_RIGHTS:
        yield f"{_title(facts)}: {name} exists on its own host only, remote rights are of no use to it"


def _is_service(sid: Sid) -> bool:
    """NT SERVICE\\x, S-1-5-80-... (MS-DTYP 2.4.2.4)."""
    return sid.authority == 5 and sid.sub_authorities[:1] == (80,)
