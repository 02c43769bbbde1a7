# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""COM rights by the names of dcomcnfg, and the masks that carry them.

The same bits mean access in one kind of descriptor and launch in the other. Every mask COM accepts has bit 0x1; alone
(the old format) it means every right, beside other bits (the new format) it means nothing of its own.

Source: MS-COMA 2.2.2.21.1.1 to .1.3; Win32 "Access Control Lists for COM".
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ._access_mask import COM_RIGHTS, AccessMask
from ._errors import ComSecurityError


class ComKind(str, enum.Enum):
    """What a COM security descriptor governs: calling objects, or launching and activating servers."""

    ACCESS = "access"
    LAUNCH = "launch"


class ComRight(str, enum.Enum):
    """A check box of dcomcnfg. Local means that the request came over LRPC, remote that it came over the network."""

    LOCAL_ACCESS = "local_access"
    REMOTE_ACCESS = "remote_access"
    LOCAL_LAUNCH = "local_launch"
    REMOTE_LAUNCH = "remote_launch"
    LOCAL_ACTIVATION = "local_activation"
    REMOTE_ACTIVATION = "remote_activation"


EXECUTE = AccessMask.EXECUTE.value
COM_MASK = COM_RIGHTS.value

BITS_OF_KIND: Mapping[ComKind, Mapping[ComRight, int]] = MappingProxyType(
    {
        ComKind.ACCESS: MappingProxyType(
            {
                ComRight.LOCAL_ACCESS: AccessMask.EXECUTE_LOCAL.value,
                ComRight.REMOTE_ACCESS: AccessMask.EXECUTE_REMOTE.value,
            }
        ),
        ComKind.LAUNCH: MappingProxyType(
            {
                ComRight.LOCAL_LAUNCH: AccessMask.EXECUTE_LOCAL.value,
                ComRight.REMOTE_LAUNCH: AccessMask.EXECUTE_REMOTE.value,
                ComRight.LOCAL_ACTIVATION: AccessMask.ACTIVATE_LOCAL.value,
                ComRight.REMOTE_ACTIVATION: AccessMask.ACTIVATE_REMOTE.value,
            }
        ),
    }
)
# Every right of a kind: 0x7 for access, 0x1F for launch.
FULL_MASK: Mapping[ComKind, int] = MappingProxyType({ComKind.ACCESS: 0x07, ComKind.LAUNCH: 0x1F})
REMOTE_RIGHTS = frozenset({ComRight.REMOTE_ACCESS, ComRight.REMOTE_LAUNCH, ComRight.REMOTE_ACTIVATION})


def rights_of_kind(kind: ComKind) -> tuple[ComRight, ...]:
    """The rights of a kind in the order dcomcnfg shows them."""
    return tuple(BITS_OF_KIND[kind])


def parse_rights(names: Iterable[str], kind: ComKind) -> frozenset[ComRight]:
    """Rights from their names.

    Raises: ComSecurityError for a name that is not a right of this kind, such as ``remote_launch`` for access.
    """
    known = {right.value: right for right in BITS_OF_KIND[kind]}
    wanted = list(names)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ComSecurityError(f"{', '.join(unknown)}: not among the {kind.value} rights {', '.join(known)}")
    return frozenset(known[name] for name in wanted)


def rights_to_mask(rights: Iterable[ComRight], kind: ComKind) -> int:
    """The mask of a set of rights in the new format, with bit 0x1.

    Raises: ComSecurityError if the set is empty (an ACE of no right is invalid) or names a right of the other kind.
    """
    bits = BITS_OF_KIND[kind]
    mask = 0
    for right in rights:
        if right not in bits:
            raise ComSecurityError(f"{ComRight(right).value} is not a right of {kind.value} permissions")
        mask |= bits[right]
    if not mask:
        raise ComSecurityError(f"An entry of {kind.value} permissions needs at least one right")
    return mask | EXECUTE


def is_old_format(mask: int) -> bool:
    """Whether the mask is 0x1 alone: every right, as before Windows XP SP2 (MS-COMA 2.2.2.21.1.2)."""
    return mask & COM_MASK == EXECUTE


def effective_mask(mask: int, kind: ComKind) -> int:
    """The bits of this kind that a mask really carries, without 0x1; none if 0x1 is missing.

    Source: MS-COMA 2.2.2.21.1.2, .1.3; a mask without 0x1 grants nothing in Microsoft's dcomperm sample.
    """
    if not mask & EXECUTE:
        return 0
    full = FULL_MASK[kind] & ~EXECUTE
    return full if is_old_format(mask) else mask & full


def mask_to_rights(mask: int, kind: ComKind) -> frozenset[ComRight]:
    """The rights that a mask of either format carries."""
    effective = effective_mask(mask, kind)
    return frozenset(right for right, bit in BITS_OF_KIND[kind].items() if effective & bit)


def format_rights_of(rights: Iterable[ComRight], kind: ComKind) -> str:
    """Names of rights in the order of dcomcnfg, such as ``local_access, remote_access``."""
    wanted = frozenset(rights)
    return ", ".join(right.value for right in BITS_OF_KIND[kind] if right in wanted)
