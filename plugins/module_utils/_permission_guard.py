# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What about a new COM permission value needs an explicit permit: locking out, or letting in whom nobody meant.

Judged is what the change brings: a weakness that was there before is not held against it (dcom_info names those).
Locking out is judged absolutely, and with the access check of Windows, so a deny entry counts as it will.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ._access_check import Token, effective_rights
from ._com_defaults import ComScope
from ._com_report import WeaknessCode, weaknesses
from ._com_rights import ComKind, ComRight, format_rights_of, rights_of_kind
from ._com_value import PermissionPlace
from ._permission_request import Permit
from ._security_descriptor import SecurityDescriptor
from ._sid import Sid
from ._well_known import ADMINISTRATORS, AUTHENTICATED_USERS, EVERYONE, LOCAL_SYSTEM

_Rights = tuple[ComRight, ...]

_LOCAL_LAUNCH = (ComRight.LOCAL_LAUNCH, ComRight.LOCAL_ACTIVATION)
_LOCAL_ACCESS = (ComRight.LOCAL_ACCESS,)

# Every process of Windows itself calls as SYSTEM, every administrator's tool as a member of Administrators. Without
# local rights at a machine-wide door Windows stops working, without remote launch WMI and remote consoles do.
_NEEDED: Mapping[tuple[ComScope, ComKind], Mapping[Sid, _Rights]] = MappingProxyType(
    {
        (ComScope.MACHINE_LIMIT, ComKind.LAUNCH): {
            LOCAL_SYSTEM: _LOCAL_LAUNCH,
            ADMINISTRATORS: rights_of_kind(ComKind.LAUNCH),
        },
        (ComScope.MACHINE_LIMIT, ComKind.ACCESS): {LOCAL_SYSTEM: _LOCAL_ACCESS, ADMINISTRATORS: _LOCAL_ACCESS},
        (ComScope.MACHINE_DEFAULT, ComKind.LAUNCH): {LOCAL_SYSTEM: _LOCAL_LAUNCH, ADMINISTRATORS: _LOCAL_LAUNCH},
        (ComScope.MACHINE_DEFAULT, ComKind.ACCESS): {LOCAL_SYSTEM: _LOCAL_ACCESS, ADMINISTRATORS: _LOCAL_ACCESS},
        (ComScope.APPLICATION, ComKind.LAUNCH): {LOCAL_SYSTEM: _LOCAL_LAUNCH, ADMINISTRATORS: _LOCAL_LAUNCH},
        (ComScope.APPLICATION, ComKind.ACCESS): {LOCAL_SYSTEM: _LOCAL_ACCESS},
    }
)
_NAMES = {LOCAL_SYSTEM: "SYSTEM", ADMINISTRATORS: "Administrators"}
_TOKENS = {
    LOCAL_SYSTEM: Token(frozenset({LOCAL_SYSTEM, ADMINISTRATORS, EVERYONE, AUTHENTICATED_USERS})),
    ADMINISTRATORS: Token(frozenset({ADMINISTRATORS, EVERYONE, AUTHENTICATED_USERS})),
}
_PERMIT_OF_WEAKNESS = {
    WeaknessCode.NULL_DACL: Permit.NULL_DACL,
    WeaknessCode.ABSENT_DACL: Permit.NULL_DACL,
    WeaknessCode.ANONYMOUS_REMOTE: Permit.ANONYMOUS,
    WeaknessCode.EVERYONE_REMOTE: Permit.EVERYONE,
    WeaknessCode.OLD_FORMAT: Permit.OLD_FORMAT,
}


@dataclass(frozen=True, slots=True)
class Hazard:
    """One thing that needs a permit."""

    permit: Permit
    detail: str


def hazards(place: PermissionPlace, before: SecurityDescriptor | None, after: SecurityDescriptor) -> tuple[Hazard, ...]:
    """What `after` needs permits for. `before` is what is in force now, None where that is not known."""
    known = set() if before is None else set(_weaknesses(place, before))
    brought = [hazard for hazard in _weaknesses(place, after) if hazard not in known]
    return (*_lockouts(place, after), *brought)


def _weaknesses(place: PermissionPlace, descriptor: SecurityDescriptor) -> Iterator[Hazard]:
    for weakness in weaknesses(descriptor, place.kind):
        permit = _PERMIT_OF_WEAKNESS.get(weakness.code)
        if permit is None or (permit is Permit.EVERYONE and _admits_everyone_as_shipped(place)):
            continue
        yield Hazard(permit, weakness.detail)


def _admits_everyone_as_shipped(place: PermissionPlace) -> bool:
    """Windows ships the access limit with remote access for Everyone: it bounds, it does not grant (dcom.md 3.4)."""
    return place.scope is ComScope.MACHINE_LIMIT and place.kind is ComKind.ACCESS


def _lockouts(place: PermissionPlace, descriptor: SecurityDescriptor) -> Iterator[Hazard]:
    for trustee, needed in _NEEDED[place.scope, place.kind].items():
        missing = frozenset(needed) - effective_rights(descriptor, place.kind, _TOKENS[trustee])
        if missing:
            rights = format_rights_of(missing, place.kind)
            yield Hazard(Permit.LOCKOUT, f"{_NAMES[trustee]} would be without {rights} in {place.option}")
