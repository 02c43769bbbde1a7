# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""COM security descriptors for people: readable lines for diffs, and what is weak about one.

Two descriptors that do not mean the same never read the same, so a diff made of these lines is never empty for a real
change. Weaknesses are judged from the descriptor alone: Everyone with remote access is what Windows ships in the
machine access limit, and only there a matter of course; the caller knows which value it is looking at.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ._access_mask import SDDL_LABEL_RIGHTS
from ._ace import Ace, AceType, AnyAce
from ._com_rights import (
    EXECUTE,
    FULL_MASK,
    REMOTE_RIGHTS,
    ComKind,
    ComRight,
    format_rights_of,
    is_old_format,
    mask_to_rights,
)
from ._com_security import Access, ProblemCode, access_of, is_com_ace, permissions_of, problems
from ._security_descriptor import AclState, Control, SecurityDescriptor, is_canonical
from ._sid import Sid
from ._well_known import ANONYMOUS_LOGON, EVERYONE, well_known_name

NameOf = Callable[[Sid], "str | None"]

_DACL_TEXT = {
    AclState.ABSENT: "no access list (absent DACL): everyone, anonymous included, has every right",
    AclState.NULL: "no access list (NULL DACL): everyone, anonymous included, has every right",
    AclState.EMPTY: "empty access list: nobody has any right",
}
_LABEL_POLICIES = {"NW": "no_write_up", "NR": "no_read_up", "NX": "no_execute_up"}
_FLAG_WORDS = (
    (Control.DACL_PROTECTED.value, "dacl_protected"),
    (Control.DACL_AUTO_INHERIT_REQ.value, "dacl_auto_inherit_req"),
    (Control.DACL_AUTO_INHERITED.value, "dacl_auto_inherited"),
    (Control.SACL_PROTECTED.value, "sacl_protected"),
    (Control.SACL_AUTO_INHERIT_REQ.value, "sacl_auto_inherit_req"),
    (Control.SACL_AUTO_INHERITED.value, "sacl_auto_inherited"),
)


class WeaknessCode(str, enum.Enum):
    """What an auditor should look at."""

    ABSENT_DACL = "absent_dacl"
    NULL_DACL = "null_dacl"
    EMPTY_DACL = "empty_dacl"
    EVERYONE_REMOTE = "everyone_remote"
    ANONYMOUS_REMOTE = "anonymous_remote"
    MIXED_FORMATS = "mixed_formats"
    OLD_FORMAT = "old_format"
    GENERIC_RIGHTS = "generic_rights"
    EXECUTE_MISSING = "execute_missing"
    OVERRULED_ALLOW = "overruled_allow"
    NON_CANONICAL_ORDER = "non_canonical_order"


# Problems that leave callers in or out against the administrator's intention.
_WEAK_PROBLEMS = {
    ProblemCode.ABSENT_DACL: WeaknessCode.ABSENT_DACL,
    ProblemCode.NULL_DACL: WeaknessCode.NULL_DACL,
    ProblemCode.MIXED_FORMATS: WeaknessCode.MIXED_FORMATS,
    ProblemCode.OLD_FORMAT: WeaknessCode.OLD_FORMAT,
    ProblemCode.GENERIC_RIGHTS: WeaknessCode.GENERIC_RIGHTS,
    ProblemCode.EXECUTE_MISSING: WeaknessCode.EXECUTE_MISSING,
}
_OPEN_TRUSTEES = {EVERYONE: WeaknessCode.EVERYONE_REMOTE, ANONYMOUS_LOGON: WeaknessCode.ANONYMOUS_REMOTE}


@dataclass(frozen=True, slots=True)
class Weakness:
    """One weak state of a descriptor; `rights` are those it is about, `ace_index` counts in the DACL."""

    code: WeaknessCode
    detail: str
    ace_index: int | None = None
    trustee: Sid | None = None
    rights: frozenset[ComRight] = frozenset()


def describe(descriptor: SecurityDescriptor, kind: ComKind, name_of: NameOf = well_known_name) -> list[str]:
    """Lines such as ``allow  OPC Users  local_access, remote_access``, ACEs in stored order.

    `name_of` gives the name of a SID, or None for one that nobody knows any more (shown as its SID).
    """
    lines = [_who("owner", descriptor.owner, name_of), _who("group", descriptor.group, name_of)]
    flags = [word for bit, word in _FLAG_WORDS if descriptor.control & bit]
    if flags:
        lines.append(f"flags  {', '.join(flags)}")
    if descriptor.dacl_state is AclState.LISTED and descriptor.dacl is not None:
        lines.extend(_describe_ace(ace, kind, name_of) for ace in descriptor.dacl.aces)
    else:
        lines.append(_DACL_TEXT[descriptor.dacl_state])
    if descriptor.sacl_state in (AclState.NULL, AclState.EMPTY):
        lines.append(f"{descriptor.sacl_state.value} SACL")
    if descriptor.sacl is not None:
        lines.extend(_describe_sacl_ace(ace, name_of) for ace in descriptor.sacl.aces)
    return lines


def weaknesses(descriptor: SecurityDescriptor, kind: ComKind) -> tuple[Weakness, ...]:
    """Weak states of the descriptor, worst kind first as they are found; empty for a sound one."""
    return tuple(_weaknesses(descriptor, kind))


def format_trustee(sid: Sid, name_of: NameOf = well_known_name) -> str:
    """The name of a SID, or the SID itself when no account is behind it."""
    return name_of(sid) or f"{sid} (unknown account)"


def _weaknesses(descriptor: SecurityDescriptor, kind: ComKind) -> Iterator[Weakness]:
    for problem in problems(descriptor, kind):
        if problem.code in _WEAK_PROBLEMS:
            yield Weakness(_WEAK_PROBLEMS[problem.code], problem.detail, problem.ace_index, problem.trustee)
    if descriptor.dacl is None:
        return
    if descriptor.dacl_state is AclState.EMPTY:
        yield Weakness(WeaknessCode.EMPTY_DACL, _DACL_TEXT[AclState.EMPTY])
    for index, ace in enumerate(descriptor.dacl.aces):
        if is_com_ace(ace) and access_of(ace) is Access.ALLOW and ace.trustee in _OPEN_TRUSTEES:
            rights = mask_to_rights(ace.mask, kind) & REMOTE_RIGHTS
            if rights:
                detail = f"{format_trustee(ace.trustee)} has {format_rights_of(rights, kind)}"
                yield Weakness(_OPEN_TRUSTEES[ace.trustee], detail, index, ace.trustee, rights)
    yield from _order_weaknesses(descriptor, kind)


def _order_weaknesses(descriptor: SecurityDescriptor, kind: ComKind) -> Iterator[Weakness]:
    permissions = permissions_of(descriptor, kind)
    for trustee in dict.fromkeys(item.trustee for item in permissions):
        own = [item for item in permissions if item.trustee == trustee]
        said = {
            access: frozenset[ComRight]().union(*(p.rights for p in own if p.access is access)) for access in Access
        }
        both = said[Access.ALLOW] & said[Access.DENY]
        if both:
            detail = f"{format_trustee(trustee)} is both allowed and denied {format_rights_of(both, kind)}"
            yield Weakness(WeaknessCode.OVERRULED_ALLOW, detail, None, trustee, both)
    if descriptor.dacl is not None and not is_canonical(descriptor.dacl):
        yield Weakness(
            WeaknessCode.NON_CANONICAL_ORDER, "a deny entry stands after an allow entry and may never be reached"
        )


def _who(word: str, sid: Sid | None, name_of: NameOf) -> str:
    return f"{word}  {'missing' if sid is None else format_trustee(sid, name_of)}"


def _describe_ace(ace: AnyAce, kind: ComKind, name_of: NameOf) -> str:
    if not is_com_ace(ace):
        return _describe_foreign(ace)
    line = f"{access_of(ace).value:<6} {format_trustee(ace.trustee, name_of)}  {_describe_mask(ace.mask, kind)}"
    return f"{line} [flags {ace.flags:#04x}]" if ace.flags else line


def _describe_mask(mask: int, kind: ComKind) -> str:
    rights = format_rights_of(mask_to_rights(mask, kind), kind)
    if not mask & EXECUTE:
        return f"nothing (mask {mask:#x} lacks 0x1)"
    if is_old_format(mask):
        rights += " (old format)"
    foreign = mask & ~FULL_MASK[kind]
    return f"{rights or 'nothing'} (and {foreign:#x}, no {kind.value} rights)" if foreign else rights


def _describe_sacl_ace(ace: AnyAce, name_of: NameOf) -> str:
    if not isinstance(ace, Ace) or ace.type != AceType.SYSTEM_MANDATORY_LABEL:
        return _describe_foreign(ace)
    words = [_LABEL_POLICIES[name] for name, bit in SDDL_LABEL_RIGHTS if ace.mask & bit]
    rest = ace.mask & ~0x7
    words += [f"{rest:#x}"] if rest else []
    line = f"label  {format_trustee(ace.trustee, name_of)}  {', '.join(words) or 'no policy'}"
    return f"{line} [flags {ace.flags:#04x}]" if ace.flags else line


def _describe_foreign(ace: AnyAce) -> str:
    return f"ace    type {ace.type:#04x}, kept as it is: {ace.to_bytes().hex()}"
