# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Who gets in: the access check of Windows, and the doors COM puts it at.

`access_check` is the algorithm of MS-DTYP for one descriptor. `check_com` walks every door of one COM request (the
machine limit, then the application's or the default ACL) with what is in force on the host, and names the first one
that refuses and the ACE that decided. ACEs are walked in stored order: a deny behind an allow may never be reached.

Judged here are access control lists only. Whether the caller gets as far (firewall, authentication, the KB5004442
level) and whether the program overrides its AppID by CoInitializeSecurity is for others to say.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ._access_mask import AccessMask
from ._ace import Ace, AceFlags, AceType, ObjectAce, OpaqueAce
from ._com_defaults import ACCESS_LIMIT_WINDOWS_7, DEFAULT_ACCESS, DEFAULT_LAUNCH, LAUNCH_LIMIT_WINDOWS_7
from ._com_rights import BITS_OF_KIND, ComKind, ComRight, effective_mask
from ._com_security import ProblemCode, problems
from ._dcom import AuthenticationLevel
from ._errors import DomainError
from ._security_descriptor import Acl, SecurityDescriptor
from ._sid import Sid
from ._well_known import (
    ADMINISTRATORS,
    ANONYMOUS_LOGON,
    AUTHENTICATED_USERS,
    EVERYONE,
    LOCAL_ACCOUNT_AND_ADMINISTRATOR,
    LOCAL_SYSTEM,
    NETWORK,
    OWNER_RIGHTS,
    RID_ADMINISTRATOR,
    RID_GUEST,
    SELF,
)

_OWNER_IMPLIED = (AccessMask.READ_CONTROL | AccessMask.WRITE_DAC).value
_MAXIMUM_ALLOWED = AccessMask.MAXIMUM_ALLOWED.value
_ACCESS_SYSTEM_SECURITY = AccessMask.ACCESS_SYSTEM_SECURITY.value
_INHERIT_ONLY = AceFlags.INHERIT_ONLY.value
_ALLOWED = AceType.ACCESS_ALLOWED.value
_DENYING = frozenset({AceType.ACCESS_DENIED.value, AceType.ACCESS_DENIED_OBJECT.value})


@dataclass(frozen=True, slots=True)
class Token:
    """Who a caller is to an access check. `deny_only` SIDs match deny ACEs but not allow ACEs."""

    sids: frozenset[Sid]
    deny_only: frozenset[Sid] = frozenset()


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Outcome of one access check. `missing`: the rights not granted when it ended; `ace_index`: the ACE that ended it,
    None if the list ran out or there was none."""

    granted: bool
    missing: int
    ace_index: int | None = None


def access_check(
    descriptor: SecurityDescriptor,
    token_sids: Collection[Sid],
    desired_mask: int,
    *,
    deny_only_sids: Collection[Sid] = (),
) -> CheckResult:
    """Whether a token without privileges is granted every right of `desired_mask`.

    An absent or NULL DACL grants everything, an empty one nothing but what an owner has. The owner may read and change
    the DACL unless an ACE for OWNER RIGHTS says otherwise. Generic rights are compared as they are: map them first.
    Object ACEs are read as without an object tree: a deny counts (as in Samba), an allow does not. Callback ACEs do not
    count, their condition cannot be evaluated.
    Raises: DomainError for MAXIMUM_ALLOWED, which asks another question.
    Source: MS-DTYP 2.5.3.2.
    """
    if desired_mask & _MAXIMUM_ALLOWED:
        raise DomainError("MAXIMUM_ALLOWED is not a right that can be checked for")
    if desired_mask & _ACCESS_SYSTEM_SECURITY:
        # Only a privilege gives it, before any ACE is looked at.
        return CheckResult(False, desired_mask)
    if descriptor.dacl is None:
        return CheckResult(True, 0)
    sids, desired = frozenset(token_sids), desired_mask
    if descriptor.owner is not None and descriptor.owner in sids:
        if not _names_owner_rights(descriptor.dacl):
            desired &= ~_OWNER_IMPLIED
        sids |= {OWNER_RIGHTS}
    return _walk(descriptor.dacl, Token(sids, frozenset(deny_only_sids)), desired, lambda ace: ace.mask)


class Door(str, enum.Enum):
    """The access control lists a COM request has to pass."""

    MACHINE_ACCESS_LIMIT = "machine_access_limit"
    MACHINE_LAUNCH_LIMIT = "machine_launch_limit"
    APPLICATION_LAUNCH = "application_launch"
    DEFAULT_LAUNCH = "default_launch"
    APPLICATION_ACCESS = "application_access"
    DEFAULT_ACCESS = "default_access"


class ComAction(str, enum.Enum):
    """What is asked for: activation that has to start the server, activation of a running one, or a method call."""

    LAUNCH = "launch"
    ACTIVATE = "activate"
    CALL = "call"


class Reason(str, enum.Enum):
    """Why a door is open or shut."""

    ALLOWED_BY_ACE = "allowed_by_ace"
    DENIED_BY_ACE = "denied_by_ace"
    NO_ACE = "no_ace"  # no ACE gave all that was asked for
    NO_DACL = "no_dacl"  # absent or NULL: open to everyone
    INVALID_DESCRIPTOR = "invalid_descriptor"  # COM denies under a descriptor it rejects
    NOT_CHECKED = "not_checked"  # authentication level None: COM does not look at access permissions


class Assumption(str, enum.Enum):
    """What a verdict rests on that no document of Microsoft's says.

    An absent value acts as the one Windows ships; a DACL that mixes the mask formats denies everybody.
    """

    MACHINE_ACCESS_LIMIT_ABSENT = "machine_access_limit_absent"
    MACHINE_LAUNCH_LIMIT_ABSENT = "machine_launch_limit_absent"
    DEFAULT_LAUNCH_ABSENT = "default_launch_absent"
    DEFAULT_ACCESS_ABSENT = "default_access_absent"
    MIXED_FORMATS_DENIED = "mixed_formats_denied"


@dataclass(frozen=True, slots=True)
class HostSecurity:
    """What is in force on a host for one application. None for a descriptor: there is no such value.

    The limits are those in force: a Group Policy limit replaces the one of the Ole key. `authentication_level` is the
    application's, else the machine default (1 to 6). `server_identity` is the account the server process runs as, which
    SELF stands for. `filters_local_administrators`: LocalAccountTokenFilterPolicy is not 1.
    """

    machine_access_limit: SecurityDescriptor | None = None
    machine_launch_limit: SecurityDescriptor | None = None
    default_access: SecurityDescriptor | None = None
    default_launch: SecurityDescriptor | None = None
    application_access: SecurityDescriptor | None = None
    application_launch: SecurityDescriptor | None = None
    authentication_level: int = AuthenticationLevel.CONNECT
    server_identity: Sid | None = None
    everyone_includes_anonymous: bool = False
    filters_local_administrators: bool = True


@dataclass(frozen=True, slots=True)
class ComCaller:
    """Who calls, as the host that is called sees it: the SID after authentication, and the groups on that host.

    The SIDs every token has (Everyone, Authenticated Users, Network) are added by `token_of`. `is_local_account`: the
    account belongs to the host that is called, not to a domain.
    """

    sid: Sid
    groups: frozenset[Sid] = frozenset()
    is_remote: bool = True
    is_local_account: bool = False

    @property
    def is_anonymous(self) -> bool:
        return self.sid == ANONYMOUS_LOGON


@dataclass(frozen=True, slots=True)
class DoorResult:
    """One door. `missing` are the rights that were asked for and not given; `ace_index` counts in its DACL."""

    door: Door
    allowed: bool
    reason: Reason
    ace_index: int | None = None
    trustee: Sid | None = None
    missing: frozenset[ComRight] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every door of one request in the order Windows asks; the request passes if all are open."""

    doors: tuple[DoorResult, ...]
    assumptions: frozenset[Assumption] = frozenset()

    @property
    def allowed(self) -> bool:
        return all(result.allowed for result in self.doors)

    @property
    def refused_by(self) -> DoorResult | None:
        """The first door that refuses."""
        return next((result for result in self.doors if not result.allowed), None)

    @property
    def door(self) -> Door | None:
        """Name of the first door that refuses; None if all are open."""
        return None if self.refused_by is None else self.refused_by.door


def check_com(host: HostSecurity, caller: ComCaller, action: ComAction) -> Verdict:
    """Whether the caller may do this, and which door and ACE say so. All doors are judged, also behind a shut one.

    Source: MS-DCOM product behaviour notes <43>, <60>, <61>: the access limit is evaluated for activation too.
    """
    token = token_of(caller, host)
    doors, assumptions = [], set()
    for door, descriptor in _doors(host, action):
        if descriptor is None:
            assumptions.add(Assumption(f"{door.value}_absent"))
            descriptor = _SHIPPED[door]
        kind = ComKind.LAUNCH if door in _LAUNCH_DOORS else ComKind.ACCESS
        if door in (Door.APPLICATION_ACCESS, Door.DEFAULT_ACCESS) and _ignores_access(host):
            doors.append(DoorResult(door, True, Reason.NOT_CHECKED))
        else:
            rights = _rights_asked(kind, action, is_remote=caller.is_remote)
            doors.append(_pass(door, descriptor, kind, token, rights))
            if any(problem.code is ProblemCode.MIXED_FORMATS for problem in problems(descriptor, kind)):
                assumptions.add(Assumption.MIXED_FORMATS_DENIED)
    return Verdict(tuple(doors), frozenset(assumptions))


def token_of(caller: ComCaller, host: HostSecurity) -> Token:
    """The SIDs an access check on this host sees for the caller.

    Anonymous is neither Everyone (unless the host says so) nor Authenticated Users; that it lacks Network too is our
    reading and not confirmed. Guest is not Authenticated Users. A local account that is an administrator comes over the
    network with Administrators for deny only, except the built-in Administrator (RID 500).
    Source: MS-DTYP 2.4.2.4; policy "Let Everyone permissions apply to anonymous users"; KB951016.
    """
    if caller.is_anonymous:
        everyone = frozenset({EVERYONE}) if host.everyone_includes_anonymous else frozenset[Sid]()
        return Token(frozenset({ANONYMOUS_LOGON}) | everyone | caller.groups)
    sids = {caller.sid, EVERYONE, *caller.groups}
    if not (caller.sid.domain is not None and caller.sid.rid == RID_GUEST):
        sids.add(AUTHENTICATED_USERS)
    if caller.is_remote:
        sids.add(NETWORK)
    if caller.sid == LOCAL_SYSTEM:
        sids.add(ADMINISTRATORS)
    if caller.sid == host.server_identity:
        sids.add(SELF)
    is_filtered = (
        caller.is_remote
        and caller.is_local_account
        and host.filters_local_administrators
        and caller.sid.rid != RID_ADMINISTRATOR
    )
    filtered = sids & {ADMINISTRATORS, LOCAL_ACCOUNT_AND_ADMINISTRATOR} if is_filtered else set()
    return Token(frozenset(sids - filtered), frozenset(filtered))


def effective_rights(descriptor: SecurityDescriptor, kind: ComKind, token: Token) -> frozenset[ComRight]:
    """The rights COM gives a token under one descriptor; none under a descriptor COM rejects."""
    return frozenset(
        right for right in BITS_OF_KIND[kind] if _judge(descriptor, kind, token, BITS_OF_KIND[kind][right])[0].granted
    )


_LAUNCH_DOORS = frozenset({Door.MACHINE_LAUNCH_LIMIT, Door.APPLICATION_LAUNCH, Door.DEFAULT_LAUNCH})
_SHIPPED: Mapping[Door, SecurityDescriptor] = MappingProxyType(
    {
        Door.MACHINE_ACCESS_LIMIT: ACCESS_LIMIT_WINDOWS_7.descriptor,
        Door.MACHINE_LAUNCH_LIMIT: LAUNCH_LIMIT_WINDOWS_7.descriptor,
        Door.DEFAULT_ACCESS: DEFAULT_ACCESS.descriptor,
        Door.DEFAULT_LAUNCH: DEFAULT_LAUNCH.descriptor,
    }
)


def _doors(host: HostSecurity, action: ComAction) -> Iterator[tuple[Door, SecurityDescriptor | None]]:
    """The doors in the order they are asked, with what the host has there."""
    yield Door.MACHINE_ACCESS_LIMIT, host.machine_access_limit
    if action is ComAction.CALL:
        if host.application_access is not None:
            yield Door.APPLICATION_ACCESS, host.application_access
        else:
            yield Door.DEFAULT_ACCESS, host.default_access
        return
    yield Door.MACHINE_LAUNCH_LIMIT, host.machine_launch_limit
    if host.application_launch is not None:
        yield Door.APPLICATION_LAUNCH, host.application_launch
    else:
        yield Door.DEFAULT_LAUNCH, host.default_launch


def _ignores_access(host: HostSecurity) -> bool:
    """COM ignores access permissions of an application whose level is None (Win32: AuthenticationLevel)."""
    return host.authentication_level == AuthenticationLevel.NONE


def _rights_asked(kind: ComKind, action: ComAction, *, is_remote: bool) -> tuple[ComRight, ...]:
    where = "remote" if is_remote else "local"
    if kind is ComKind.ACCESS:
        return (ComRight(f"{where}_access"),)
    activation = ComRight(f"{where}_activation")
    return (ComRight(f"{where}_launch"), activation) if action is ComAction.LAUNCH else (activation,)


def _pass(
    door: Door, descriptor: SecurityDescriptor, kind: ComKind, token: Token, rights: tuple[ComRight, ...]
) -> DoorResult:
    bits = BITS_OF_KIND[kind]
    desired = sum(bits[right] for right in rights)
    result, reason = _judge(descriptor, kind, token, desired)
    trustee = None
    if result.ace_index is not None and descriptor.dacl is not None:
        ace = descriptor.dacl.aces[result.ace_index]
        trustee = None if isinstance(ace, OpaqueAce) else ace.trustee
    missing = frozenset(right for right in rights if bits[right] & result.missing)
    return DoorResult(door, result.granted, reason, result.ace_index, trustee, missing)


def _judge(descriptor: SecurityDescriptor, kind: ComKind, token: Token, desired: int) -> tuple[CheckResult, Reason]:
    """The walk of one COM descriptor, whose masks mean what their format says."""
    if any(problem.is_rejected_by_com for problem in problems(descriptor, kind)):
        return CheckResult(False, desired), Reason.INVALID_DESCRIPTOR
    if descriptor.dacl is None:
        return CheckResult(True, 0), Reason.NO_DACL
    result = _walk(descriptor.dacl, token, desired, lambda ace: effective_mask(ace.mask, kind))
    if result.granted:
        return result, Reason.ALLOWED_BY_ACE
    return result, Reason.NO_ACE if result.ace_index is None else Reason.DENIED_BY_ACE


def _walk(dacl: Acl, token: Token, desired: int, mask_of: Callable[[Ace | ObjectAce], int]) -> CheckResult:
    remaining = desired
    if not remaining:
        return CheckResult(True, 0)
    denied_sids = token.sids | token.deny_only
    for index, ace in enumerate(dacl.aces):
        if isinstance(ace, OpaqueAce) or ace.flags & _INHERIT_ONLY:
            continue
        if ace.type == _ALLOWED and ace.trustee in token.sids:
            remaining &= ~mask_of(ace)
            if not remaining:
                return CheckResult(True, 0, index)
        elif ace.type in _DENYING and ace.trustee in denied_sids and remaining & mask_of(ace):
            return CheckResult(False, remaining, index)
    return CheckResult(False, remaining)


def _names_owner_rights(dacl: Acl) -> bool:
    return any(
        isinstance(ace, Ace) and ace.trustee == OWNER_RIGHTS and not ace.flags & _INHERIT_ONLY for ace in dacl.aces
    )
