# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what with a registry key, as far as the simulation needs it: allow ACEs of numeric SIDs.

Source: Win32 "Registry Key Security and Access Rights" (KEY_* values); MS-DTYP 2.4.3 (standard rights).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..cim import Caller

KEY_QUERY_VALUE = 0x1
KEY_SET_VALUE = 0x2
KEY_CREATE_SUB_KEY = 0x4
KEY_ENUMERATE_SUB_KEYS = 0x8
KEY_NOTIFY = 0x10
KEY_CREATE_LINK = 0x20
DELETE = 0x10000
READ_CONTROL = 0x20000
WRITE_DAC = 0x40000
WRITE_OWNER = 0x80000
KEY_READ = READ_CONTROL | KEY_QUERY_VALUE | KEY_ENUMERATE_SUB_KEYS | KEY_NOTIFY
KEY_ALL_ACCESS = KEY_READ | KEY_SET_VALUE | KEY_CREATE_SUB_KEY | KEY_CREATE_LINK | DELETE | WRITE_DAC | WRITE_OWNER

LOCAL_SYSTEM = "S-1-5-18"
ADMINISTRATORS = "S-1-5-32-544"
USERS = "S-1-5-32-545"
EVERYONE = "S-1-1-0"
AUTHENTICATED_USERS = "S-1-5-11"
# NT SERVICE\TrustedInstaller: SHA-1 rule of dcom.md 3.6 applied to that service name.
TRUSTED_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"


@dataclass(frozen=True, slots=True)
class KeySecurity:
    """Owner and granted access masks by SID. New keys inherit the security of their parent."""

    owner: str
    grants: tuple[tuple[str, int], ...]

    def granted(self, caller: Caller) -> int:
        """All rights of the caller together. The owner may always read and change the DACL (MS-DTYP 2.5.3.2)."""
        sids = caller.sids
        mask = READ_CONTROL | WRITE_DAC if self.owner in sids else 0
        for sid, rights in self.grants:
            if sid in sids:
                mask |= rights
        return mask


_FULL_FOR_SYSTEM = ((LOCAL_SYSTEM, KEY_ALL_ACCESS), (ADMINISTRATORS, KEY_ALL_ACCESS))

# HKLM\SOFTWARE, HKLM\SYSTEM: administrators write, users read (dcom.md 1.1 says so of the Ole key).
MACHINE = KeySecurity(ADMINISTRATORS, (*_FULL_FOR_SYSTEM, (USERS, KEY_READ), (AUTHENTICATED_USERS, KEY_READ)))
# Keys that Windows Resource Protection owns: administrators and SYSTEM read only.
PROTECTED = KeySecurity(
    TRUSTED_INSTALLER,
    (
        (TRUSTED_INSTALLER, KEY_ALL_ACCESS),
        (LOCAL_SYSTEM, KEY_READ),
        (ADMINISTRATORS, KEY_READ),
        (USERS, KEY_READ),
        (AUTHENTICATED_USERS, KEY_READ),
    ),
)
# HKLM\SAM and HKLM\SECURITY: nobody but SYSTEM, not even to read.
SYSTEM_ONLY = KeySecurity(LOCAL_SYSTEM, ((LOCAL_SYSTEM, KEY_ALL_ACCESS), (ADMINISTRATORS, READ_CONTROL | WRITE_DAC)))
ADMINISTRATORS_ONLY = KeySecurity(ADMINISTRATORS, _FULL_FOR_SYSTEM)


def user_hive(sid: str) -> KeySecurity:
    """Security of HKEY_USERS\\<sid>: the user, SYSTEM and administrators."""
    return KeySecurity(sid, (*_FULL_FOR_SYSTEM, (sid, KEY_ALL_ACCESS)))
