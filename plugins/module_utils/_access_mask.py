# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Access rights: the one table of mask bits, and the one table of their two-letter SDDL names.

The five low bits are named as COM uses them. The same bits have other names for files, registry keys and directory
objects; SDDL knows them only by the directory names (CC, DC, LC, SW, RP).
"""

from __future__ import annotations

import enum

MASK_LIMIT = 0xFFFF_FFFF


class AccessMask(enum.IntFlag):
    """Bits of ACCESS_MASK as this collection needs them.

    Source: MS-DTYP 2.4.3 (standard and generic rights); MS-COMA 2.2.2.21.1.1 (COM rights); Win32 "ACE Strings".
    """

    EXECUTE = 0x1
    EXECUTE_LOCAL = 0x2
    EXECUTE_REMOTE = 0x4
    ACTIVATE_LOCAL = 0x8
    ACTIVATE_REMOTE = 0x10
    WRITE_PROPERTY = 0x20
    DELETE_TREE = 0x40
    LIST_OBJECT = 0x80
    CONTROL_ACCESS = 0x100
    DELETE = 0x1_0000
    READ_CONTROL = 0x2_0000
    WRITE_DAC = 0x4_0000
    WRITE_OWNER = 0x8_0000
    ACCESS_SYSTEM_SECURITY = 0x100_0000
    MAXIMUM_ALLOWED = 0x200_0000
    GENERIC_ALL = 0x1000_0000
    GENERIC_EXECUTE = 0x2000_0000
    GENERIC_WRITE = 0x4000_0000
    GENERIC_READ = 0x8000_0000


COM_RIGHTS = (
    AccessMask.EXECUTE
    | AccessMask.EXECUTE_LOCAL
    | AccessMask.EXECUTE_REMOTE
    | AccessMask.ACTIVATE_LOCAL
    | AccessMask.ACTIVATE_REMOTE
)
GENERIC_RIGHTS = (
    AccessMask.GENERIC_ALL | AccessMask.GENERIC_EXECUTE | AccessMask.GENERIC_WRITE | AccessMask.GENERIC_READ
)

# Ascending bits: the order in which Windows prints them (CCDCLCSWRP; Samba 4.17 prints RPCCDCLCSW).
SDDL_SINGLE_RIGHTS: tuple[tuple[str, int], ...] = (
    ("CC", AccessMask.EXECUTE.value),
    ("DC", AccessMask.EXECUTE_LOCAL.value),
    ("LC", AccessMask.EXECUTE_REMOTE.value),
    ("SW", AccessMask.ACTIVATE_LOCAL.value),
    ("RP", AccessMask.ACTIVATE_REMOTE.value),
    ("WP", AccessMask.WRITE_PROPERTY.value),
    ("DT", AccessMask.DELETE_TREE.value),
    ("LO", AccessMask.LIST_OBJECT.value),
    ("CR", AccessMask.CONTROL_ACCESS.value),
    ("SD", AccessMask.DELETE.value),
    ("RC", AccessMask.READ_CONTROL.value),
    ("WD", AccessMask.WRITE_DAC.value),
    ("WO", AccessMask.WRITE_OWNER.value),
    ("GA", AccessMask.GENERIC_ALL.value),
    ("GX", AccessMask.GENERIC_EXECUTE.value),
    ("GW", AccessMask.GENERIC_WRITE.value),
    ("GR", AccessMask.GENERIC_READ.value),
)
# Sets of rights with a name of their own; Windows prints one only for exactly this mask.
SDDL_COMBINED_RIGHTS: tuple[tuple[str, int], ...] = (
    ("FA", 0x1F_01FF),
    ("FR", 0x12_0089),
    ("FW", 0x12_0116),
    ("FX", 0x12_00A0),
    ("KA", 0xF_003F),
    ("KR", 0x2_0019),
    ("KW", 0x2_0006),
    ("KX", 0x2_0019),
)
# The mask of a mandatory label is a policy, not a set of rights (MS-DTYP 2.4.4.13).
SDDL_LABEL_RIGHTS: tuple[tuple[str, int], ...] = (("NW", 0x1), ("NR", 0x2), ("NX", 0x4))

NO_EXECUTE_UP = 0x4
