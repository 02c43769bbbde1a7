# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a descriptor let a caller in? First as any Windows object would judge it, then with COM's own rules on top.

Source: MS-DTYP 2.5.3.2 (entries in stored order until decided; inherit-only entries are skipped; SELF is the object's
principal); MS-COMA 2.2.2.21 (component access masks in old and new format; owner and group must be present).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from ..com_state import Descriptor
from .descriptor import INHERIT_ONLY, Ace, AceKind, DescriptorError, SecurityDescriptor, decode, parse_sddl

PRINCIPAL_SELF = "S-1-5-10"

EXECUTE, EXECUTE_LOCAL, EXECUTE_REMOTE, ACTIVATE_LOCAL, ACTIVATE_REMOTE = 0x01, 0x02, 0x04, 0x08, 0x10
_COM_BITS = 0x1F


class Grant(enum.Enum):
    """What COM makes of a descriptor. INVALID denies and is logged as such."""

    GRANTED = "granted"
    DENIED = "denied"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Token:
    """SIDs of a caller. `deny_only` ones (a filtered administrator's groups) count for denying entries alone."""

    sids: frozenset[str]
    deny_only: frozenset[str] = frozenset()


def access_check(descriptor: SecurityDescriptor, token: Token, mask: int, self_sid: str | None = None) -> bool:
    """Whether all bits of the mask are granted. `self_sid` is whom SELF stands for.

    The rights an owner has over the descriptor itself are left out: they are no COM rights.
    """
    if descriptor.dacl is None:
        return True
    missing = mask
    for ace in descriptor.dacl:
        if ace.flags & INHERIT_ONLY:
            continue
        sid = self_sid if ace.sid == PRINCIPAL_SELF and self_sid else ace.sid
        if ace.kind is AceKind.ALLOW and sid in token.sids:
            missing &= ~ace.mask
        elif ace.kind is AceKind.DENY and sid in token.sids | token.deny_only and ace.mask & missing:
            return False
    return not missing


def is_valid_for_com(descriptor: SecurityDescriptor) -> bool:
    """Whether COM accepts it: owner and group present, bit 0x1 in each entry, old and new format not mixed."""
    if descriptor.owner is None or descriptor.group is None:
        return False
    masks = [ace.mask & _COM_BITS for ace in descriptor.dacl or () if ace.kind is not AceKind.OTHER]
    has_old = EXECUTE in masks
    return all(mask & EXECUTE for mask in masks) and not (has_old and any(mask != EXECUTE for mask in masks))


def com_access(descriptor: SecurityDescriptor, token: Token, right: int, self_sid: str | None = None) -> Grant:
    """What COM answers to a caller who wants one right. A mask of 0x1 alone is the old format and means everything."""
    if not is_valid_for_com(descriptor):
        return Grant.INVALID
    dacl = None if descriptor.dacl is None else tuple(_in_new_format(ace) for ace in descriptor.dacl)
    is_granted = access_check(replace(descriptor, dacl=dacl), token, right, self_sid)
    return Grant.GRANTED if is_granted else Grant.DENIED


def _in_new_format(ace: Ace) -> Ace:
    return replace(ace, mask=_COM_BITS) if ace.mask & _COM_BITS == EXECUTE else ace


def judge(
    in_force: Descriptor, token: Token, right: int, *, self_sid: str | None = None, domain_sid: str | None = None
) -> Grant:
    """The same for a descriptor in force. None at all restricts nothing; one that cannot be read is invalid."""
    try:
        if in_force.sddl is not None:
            return com_access(parse_sddl(in_force.sddl, domain_sid), token, right, self_sid)
        if in_force.data is not None:
            return com_access(decode(in_force.data), token, right, self_sid)
    except DescriptorError:
        return Grant.INVALID
    return Grant.GRANTED
