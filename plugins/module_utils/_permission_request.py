# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What a user asks of one COM permission value, as checked as it can be before a host is asked anything."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ._application import SELECTORS, Selector, parse_selector
from ._com_defaults import ComScope
from ._com_rights import ComKind, ComRight, parse_rights
from ._com_security import Access, ProblemCode, problems
from ._errors import ComSecurityError, DomainError, LockoutError, ParameterError
from ._principals import parse_principal
from ._sddl import from_sddl
from ._security_descriptor import SecurityDescriptor
from ._sid import Sid
from ._well_known import ADMINISTRATORS


class PermissionState(str, enum.Enum):
    """What is to become of the entries."""

    PRESENT = "present"  # beside what is there
    ABSENT = "absent"  # taken away, everything else stays
    EXACT = "exact"  # these and no others
    DEFAULT = "default"  # as Windows ships it


class Permit(str, enum.Enum):
    """What is refused unless this option is given; the name of the option, and of the exception in the result."""

    LOCKOUT = "allow_lockout"
    NULL_DACL = "allow_null_dacl"
    ANONYMOUS = "allow_anonymous"
    EVERYONE = "allow_everyone"
    OLD_FORMAT = "allow_old_format"
    POLICY = "even_if_policy_overrides"
    REPAIR = "repair"
    SHIPPED = "assume_shipped"


@dataclass(frozen=True, slots=True)
class RequestedEntry:
    """One entry by the name of its principal; `rights` None stands for all it has (state absent only)."""

    principal: str
    rights: frozenset[ComRight] | None
    access: Access = Access.ALLOW


@dataclass(frozen=True, slots=True)
class Entry:
    """The same with the SID the name stands for on the host."""

    trustee: Sid
    rights: frozenset[ComRight] | None
    access: Access = Access.ALLOW


@dataclass(frozen=True, slots=True)
class PermissionRequest:
    """One COM permission value and what it is to be. `descriptor` comes from SDDL and is set with EXACT only."""

    scope: ComScope
    kind: ComKind
    state: PermissionState
    entries: tuple[RequestedEntry, ...] = ()
    descriptor: SecurityDescriptor | None = None
    selector: Selector | None = None
    permits: frozenset[Permit] = frozenset()


def parse_permission(parameters: Mapping[str, Any]) -> PermissionRequest:
    """The request in the options of dcom_permission. Raises: ParameterError with the path, LockoutError for SDDL that
    needs a permit that is not given."""
    kind, scope = ComKind(parameters["kind"]), ComScope(parameters["scope"])
    state = PermissionState(parameters["state"])
    permits = frozenset(permit for permit in Permit if parameters.get(permit.value))
    request = PermissionRequest(
        scope,
        kind,
        state,
        entries=_parse_entries(parameters.get("entries") or (), kind, state),
        descriptor=_parse_sddl(parameters.get("sddl"), kind, permits),
        selector=_parse_application(parameters, scope),
        permits=permits,
    )
    _check_combination(request, has_entries=parameters.get("entries") is not None)
    return request


def _parse_entries(
    entries: Iterable[Mapping[str, Any]], kind: ComKind, state: PermissionState
) -> tuple[RequestedEntry, ...]:
    return tuple(_parse_entry(f"entries[{index}]", entry, kind, state) for index, entry in enumerate(entries))


def _parse_entry(path: str, entry: Mapping[str, Any], kind: ComKind, state: PermissionState) -> RequestedEntry:
    try:
        parse_principal(entry["principal"])
    except DomainError as error:
        raise ParameterError(f"{path}.principal", str(error)) from error
    access = Access(entry.get("type") or Access.ALLOW.value)
    names = entry.get("rights")
    if not names:
        if state is PermissionState.ABSENT:
            return RequestedEntry(entry["principal"], None, access)
        raise ParameterError(f"{path}.rights", "at least one right is needed; only state=absent may leave them out")
    try:
        return RequestedEntry(entry["principal"], parse_rights(names, kind), access)
    except ComSecurityError as error:
        raise ParameterError(f"{path}.rights", str(error)) from error


def _parse_sddl(text: str | None, kind: ComKind, permits: frozenset[Permit]) -> SecurityDescriptor | None:
    """The descriptor, with Administrators for a missing owner or group. What COM would reject is no request."""
    if text is None:
        return None
    try:
        parsed = from_sddl(text)
    except DomainError as error:
        raise ParameterError("sddl", str(error)) from error
    judged = replace(parsed, owner=parsed.owner or ADMINISTRATORS, group=parsed.group or ADMINISTRATORS)
    for problem in problems(judged, kind):
        permit = _PERMIT_OF_PROBLEM.get(problem.code)
        if permit is None:
            raise ParameterError("sddl", f"not valid {kind.value} permissions: {problem.detail}")
        if permit not in permits:
            raise LockoutError(f"sddl: {problem.detail}; set {permit.value}: true to write it all the same")
    return parsed


_PERMIT_OF_PROBLEM = {
    ProblemCode.NULL_DACL: Permit.NULL_DACL,
    ProblemCode.ABSENT_DACL: Permit.NULL_DACL,
    ProblemCode.OLD_FORMAT: Permit.OLD_FORMAT,
}


def _parse_application(parameters: Mapping[str, Any], scope: ComScope) -> Selector | None:
    if scope is ComScope.APPLICATION:
        return parse_selector(parameters)
    given = [name for name in SELECTORS if parameters.get(name)]
    if given:
        raise ParameterError(given[0], f"names an application, but the scope is {scope.value}")
    return None


def _check_combination(request: PermissionRequest, *, has_entries: bool) -> None:
    if request.descriptor is not None:
        if request.state is not PermissionState.EXACT:
            raise ParameterError("sddl", "says the whole value, so it goes with state=exact only")
        if has_entries:
            raise ParameterError("sddl", "give either sddl or entries")
    elif request.state is PermissionState.DEFAULT:
        if has_entries:
            raise ParameterError("entries", "state=default takes no entries")
    elif not has_entries:
        raise ParameterError("entries", f"state={request.state.value} needs entries")
    elif not request.entries and request.state is not PermissionState.EXACT:
        raise ParameterError("entries", f"state={request.state.value} needs at least one entry")
