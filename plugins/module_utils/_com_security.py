# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Security descriptors as COM uses them: what makes one valid, and how to change one without harm.

Every edit keeps what it was not asked to touch: owner, group, SACL, control bits, the ACEs of other trustees and of
types COM does not know, and the trustee's own ACEs of the other type (granting never removes a deny). The result is in
canonical order and in the new mask format. An edit refuses a descriptor that COM rejects or that admits everyone for
want of a DACL: adding one ACE there would change what all others have. Use `repair` or `set_exact` first.

How COM judges each rule is from its documentation; that mixed formats are refused at run time, and that ACE types
other than 0 and 1 merely do not count, has not been seen on a real host.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from ._access_mask import GENERIC_RIGHTS
from ._ace import Ace, AceFlags, AceType, AnyAce
from ._com_rights import (
    EXECUTE,
    FULL_MASK,
    ComKind,
    ComRight,
    effective_mask,
    is_old_format,
    mask_to_rights,
    rights_to_mask,
)
from ._errors import ComSecurityError
from ._security_descriptor import Acl, AclState, SecurityDescriptor, acl_of, canonical_order
from ._sid import Sid
from ._well_known import ADMINISTRATORS


class Access(str, enum.Enum):
    """Whether an entry allows or denies."""

    ALLOW = "allow"
    DENY = "deny"

    @property
    def ace_type(self) -> int:
        return AceType.ACCESS_ALLOWED.value if self is Access.ALLOW else AceType.ACCESS_DENIED.value


@dataclass(frozen=True, slots=True)
class Permission:
    """What one ACE gives or refuses a trustee."""

    trustee: Sid
    rights: frozenset[ComRight]
    access: Access = Access.ALLOW


class ProblemCode(str, enum.Enum):
    """Why a descriptor is not one that we would write."""

    OWNER_MISSING = "owner_missing"
    GROUP_MISSING = "group_missing"
    EXECUTE_MISSING = "execute_missing"
    MIXED_FORMATS = "mixed_formats"
    SEVERAL_LABELS = "several_labels"
    ABSENT_DACL = "absent_dacl"
    NULL_DACL = "null_dacl"
    OLD_FORMAT = "old_format"
    GENERIC_RIGHTS = "generic_rights"
    FOREIGN_RIGHTS = "foreign_rights"
    ACE_TYPE = "ace_type"
    ACE_FLAGS = "ace_flags"


# COM denies every request under such a descriptor and logs event 10020 to 10023 (MS-COMA 2.2.2.21; dcom.md 3.1).
REJECTED_BY_COM = frozenset(
    {
        ProblemCode.OWNER_MISSING,
        ProblemCode.GROUP_MISSING,
        ProblemCode.EXECUTE_MISSING,
        ProblemCode.MIXED_FORMATS,
        ProblemCode.SEVERAL_LABELS,
    }
)
_INHERIT_ONLY = AceFlags.INHERIT_ONLY.value
_NO_DACL = frozenset({ProblemCode.ABSENT_DACL, ProblemCode.NULL_DACL})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a COM security descriptor; `ace_index` counts in the DACL, None if no ACE is to blame."""

    code: ProblemCode
    detail: str
    ace_index: int | None = None
    trustee: Sid | None = None

    @property
    def is_rejected_by_com(self) -> bool:
        return self.code in REJECTED_BY_COM


def problems(descriptor: SecurityDescriptor, kind: ComKind) -> tuple[Problem, ...]:
    """Everything that makes the descriptor one we would not write, in the order owner, group, DACL, SACL.

    Source: MS-COMA 2.2.2.21.2 to .4; Win32 "Access Control Lists for COM".
    """
    return tuple(_problems(descriptor, kind))


def require_valid(
    descriptor: SecurityDescriptor, kind: ComKind, *, allow: Collection[ProblemCode] = frozenset()
) -> None:
    """Refuse a descriptor with problems other than those in `allow`.

    Raises: ComSecurityError that lists them all.
    """
    found = [problem for problem in problems(descriptor, kind) if problem.code not in allow]
    if found:
        raise ComSecurityError(f"Not valid {kind.value} permissions: " + "; ".join(problem.detail for problem in found))


def permissions_of(descriptor: SecurityDescriptor, kind: ComKind) -> tuple[Permission, ...]:
    """What the allow and deny ACEs of the DACL say, in stored order; ACEs that do not count are left out."""
    aces = () if descriptor.dacl is None else descriptor.dacl.aces
    return tuple(
        Permission(ace.trustee, mask_to_rights(ace.mask, kind), access_of(ace))
        for ace in aces
        if is_com_ace(ace) and not ace.flags & _INHERIT_ONLY
    )


def new_descriptor(permissions: Iterable[Permission], kind: ComKind) -> SecurityDescriptor:
    """A descriptor of these permissions, with Administrators as owner and group as Windows writes them."""
    return set_exact(SecurityDescriptor(ADMINISTRATORS, ADMINISTRATORS), kind, permissions)


def grant(
    descriptor: SecurityDescriptor, kind: ComKind, trustee: Sid, rights: Iterable[ComRight]
) -> SecurityDescriptor:
    """Allow the trustee these rights beside those it has. Its deny ACEs stay, and keep overruling what they deny.

    Raises: ComSecurityError if the descriptor cannot be edited or the rights are empty or of the other kind.
    """
    mask = rights_to_mask(rights, kind)
    return _edited(descriptor, kind, lambda aces: _merge(aces, Access.ALLOW, trustee, mask))


def deny(descriptor: SecurityDescriptor, kind: ComKind, trustee: Sid, rights: Iterable[ComRight]) -> SecurityDescriptor:
    """Deny the trustee these rights beside those it is denied. Its allow ACEs stay.

    Raises: ComSecurityError if the descriptor cannot be edited or the rights are empty or of the other kind.
    """
    mask = rights_to_mask(rights, kind)
    return _edited(descriptor, kind, lambda aces: _merge(aces, Access.DENY, trustee, mask))


def revoke(
    descriptor: SecurityDescriptor,
    kind: ComKind,
    trustee: Sid,
    rights: Iterable[ComRight] | None = None,
    *,
    access: Access = Access.ALLOW,
) -> SecurityDescriptor:
    """Take these rights (None: all) out of the trustee's allow ACEs, or out of its deny ACEs with `access`.

    An ACE that is left without a right goes. Rights the trustee has through a group are not affected.
    Raises: ComSecurityError if the descriptor cannot be edited or the rights are empty or of the other kind.
    """
    if rights is None:
        return _edited(descriptor, kind, lambda aces: _put(aces, access, trustee, 0))
    mask = rights_to_mask(rights, kind)
    return _edited(descriptor, kind, lambda aces: _subtract(aces, access, trustee, mask, kind))


def set_rights(
    descriptor: SecurityDescriptor,
    kind: ComKind,
    trustee: Sid,
    allowed: Iterable[ComRight] = (),
    denied: Iterable[ComRight] = (),
) -> SecurityDescriptor:
    """Make the trustee's own ACEs exactly these, either of which may be empty; everybody else keeps theirs.

    Raises: ComSecurityError if the descriptor cannot be edited or a right is of the other kind.
    """
    wanted = {Access.ALLOW: frozenset(allowed), Access.DENY: frozenset(denied)}

    def edit(aces: list[AnyAce]) -> list[AnyAce]:
        for access, rights in wanted.items():
            mask = rights_to_mask(rights, kind) if rights else 0
            aces = _put(aces, access, trustee, mask)
        return aces

    return _edited(descriptor, kind, edit)


def set_exact(descriptor: SecurityDescriptor, kind: ComKind, permissions: Iterable[Permission]) -> SecurityDescriptor:
    """Replace the whole DACL by these permissions; SACL, owner, group and control bits stay.

    Whatever the DACL held before goes, also ACEs of types COM does not know. Several permissions of one trustee are
    merged. No permission gives an empty DACL (nobody). A missing owner or group, which COM rejects, becomes
    Administrators. Any descriptor can be taken, valid or not.
    Raises: ComSecurityError if rights are empty or of the other kind.
    """
    aces: list[AnyAce] = []
    for permission in permissions:
        aces = _merge(aces, permission.access, permission.trustee, rights_to_mask(permission.rights, kind))
    return _with_owner_and_group(replace(descriptor, dacl=canonical_order(acl_of(aces))))


def repair(descriptor: SecurityDescriptor, kind: ComKind) -> SecurityDescriptor:
    """Make a descriptor that COM rejects for its masks, owner or group one that it accepts.

    Masks of 0x1 become every right, ACEs without 0x1 (which grant and deny nothing) go, a missing owner or group
    becomes Administrators, the order becomes canonical. An absent or NULL DACL and the SACL stay as they are.
    This can admit callers that the rejected descriptor kept out: show the difference before writing it.
    """
    repaired = _with_owner_and_group(descriptor)
    if repaired.dacl is None:
        return repaired
    kept = [ace for ace in repaired.dacl.aces if not (is_com_ace(ace) and not ace.mask & EXECUTE)]
    return _with_aces(repaired, repaired.dacl, _in_new_format(kept, kind))


def is_com_ace(ace: AnyAce) -> TypeGuard[Ace]:
    """Whether the ACE is of the two types that count in a COM DACL (MS-COMA 2.2.2.21.2)."""
    return ace.type in (AceType.ACCESS_ALLOWED, AceType.ACCESS_DENIED)


def access_of(ace: Ace) -> Access:
    """Whether an ACE for which `is_com_ace` holds allows or denies."""
    return Access.ALLOW if ace.type == AceType.ACCESS_ALLOWED else Access.DENY


def _problems(descriptor: SecurityDescriptor, kind: ComKind) -> Iterator[Problem]:
    if descriptor.owner is None:
        yield Problem(ProblemCode.OWNER_MISSING, "the owner is missing")
    if descriptor.group is None:
        yield Problem(ProblemCode.GROUP_MISSING, "the group is missing")
    if descriptor.dacl is None:
        is_null = descriptor.dacl_state is AclState.NULL
        code = ProblemCode.NULL_DACL if is_null else ProblemCode.ABSENT_DACL
        yield Problem(code, f"the {'NULL' if is_null else 'absent'} DACL gives everyone every right")
    else:
        yield from _dacl_problems(descriptor.dacl, kind)
    if descriptor.sacl is not None:
        labels = [ace for ace in descriptor.sacl.aces if ace.type == AceType.SYSTEM_MANDATORY_LABEL]
        if len(labels) > 1:
            yield Problem(ProblemCode.SEVERAL_LABELS, f"the SACL holds {len(labels)} mandatory labels, one is the most")


def _dacl_problems(dacl: Acl, kind: ComKind) -> Iterator[Problem]:
    com_aces = [ace for ace in dacl.aces if is_com_ace(ace) and ace.mask & EXECUTE]
    if len({is_old_format(ace.mask) for ace in com_aces}) > 1:
        yield Problem(
            ProblemCode.MIXED_FORMATS, "entries of the old format (mask 0x1) stand beside entries of the new one"
        )
    for index, ace in enumerate(dacl.aces):
        if is_com_ace(ace):
            yield from _ace_problems(index, ace, kind)
        else:
            yield Problem(ProblemCode.ACE_TYPE, f"ACE {index} is of type {ace.type:#04x}, not allow or deny", index)


def _ace_problems(index: int, ace: Ace, kind: ComKind) -> Iterator[Problem]:
    def problem(code: ProblemCode, text: str) -> Problem:
        return Problem(code, f"ACE {index} ({ace.trustee}) {text}", index, ace.trustee)

    generic = ace.mask & GENERIC_RIGHTS.value
    foreign = ace.mask & ~FULL_MASK[kind] & ~generic
    if not ace.mask & EXECUTE:
        yield problem(ProblemCode.EXECUTE_MISSING, f"has mask {ace.mask:#x} without 0x1")
    elif is_old_format(ace.mask):
        yield problem(ProblemCode.OLD_FORMAT, "has mask 0x1, the old format for every right")
    if generic:
        yield problem(ProblemCode.GENERIC_RIGHTS, f"has generic rights {generic:#x}, which COM does not know")
    if foreign:
        yield problem(ProblemCode.FOREIGN_RIGHTS, f"has rights {foreign:#x} that are no {kind.value} rights")
    if ace.flags:
        yield problem(ProblemCode.ACE_FLAGS, f"has flags {ace.flags:#04x}, 0 is expected")


def _edited(
    descriptor: SecurityDescriptor, kind: ComKind, edit: Callable[[list[AnyAce]], list[AnyAce]]
) -> SecurityDescriptor:
    unfit = [item for item in problems(descriptor, kind) if item.is_rejected_by_com or item.code in _NO_DACL]
    if unfit or descriptor.dacl is None:
        raise ComSecurityError(
            f"These {kind.value} permissions cannot be edited entry by entry: "
            + "; ".join(item.detail for item in unfit)
            + ". Set them exactly, or repair them first"
        )
    return _with_aces(descriptor, descriptor.dacl, edit(_in_new_format(descriptor.dacl.aces, kind)))


def _with_aces(descriptor: SecurityDescriptor, dacl: Acl, aces: Sequence[AnyAce]) -> SecurityDescriptor:
    return replace(descriptor, dacl=canonical_order(replace(dacl, aces=tuple(aces))))


def _with_owner_and_group(descriptor: SecurityDescriptor) -> SecurityDescriptor:
    return replace(descriptor, owner=descriptor.owner or ADMINISTRATORS, group=descriptor.group or ADMINISTRATORS)


def _in_new_format(aces: Iterable[AnyAce], kind: ComKind) -> list[AnyAce]:
    full = FULL_MASK[kind]
    return [replace(ace, mask=ace.mask | full) if is_com_ace(ace) and is_old_format(ace.mask) else ace for ace in aces]


def _is_entry(ace: AnyAce, access: Access, trustee: Sid) -> TypeGuard[Ace]:
    return is_com_ace(ace) and ace.type == access.ace_type and ace.trustee == trustee and not ace.flags & _INHERIT_ONLY


def _merge(aces: list[AnyAce], access: Access, trustee: Sid, mask: int) -> list[AnyAce]:
    """The list with the trustee's entry carrying the mask as well; nothing changes if its entries do already."""
    had = 0
    for ace in aces:
        if _is_entry(ace, access, trustee):
            had |= ace.mask
    return aces if had & mask == mask else _put(aces, access, trustee, had | mask)


def _subtract(aces: list[AnyAce], access: Access, trustee: Sid, mask: int, kind: ComKind) -> list[AnyAce]:
    left: list[AnyAce] = []
    for ace in aces:
        if _is_entry(ace, access, trustee) and effective_mask(ace.mask, kind) & mask:
            rest = effective_mask(ace.mask, kind) & ~mask
            if rest:
                left.append(replace(ace, mask=rest | EXECUTE))
        else:
            left.append(ace)
    return left


def _put(aces: list[AnyAce], access: Access, trustee: Sid, mask: int) -> list[AnyAce]:
    """The list with one entry of the trustee (none if the mask is 0), where its first one stood, else at the end."""
    entry = Ace(access.ace_type, 0, mask, trustee) if mask else None
    result: list[AnyAce] = []
    for ace in aces:
        if not _is_entry(ace, access, trustee):
            result.append(ace)
        elif entry is not None:
            result.append(entry)
            entry = None
    return result if entry is None else [*result, entry]
