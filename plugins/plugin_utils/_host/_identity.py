# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Which installation of Windows a host is, from the registry.

MachineGuid is made by Windows Setup and stays; that it is unique is common practice, clones of a disk share it.
"""

from __future__ import annotations

from ...module_utils._errors import HostStateError
from ...module_utils._registry import RegistryKey, RegistryType, RegistryValue
from ...module_utils._snapshot import HostIdentity
from ._environment import WINDOWS_NT
from ._registry import RegistryGateway

_CRYPTOGRAPHY = RegistryKey("SOFTWARE\\Microsoft\\Cryptography")
_COMPUTER_NAME = RegistryKey("SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName")
KEYS = (_CRYPTOGRAPHY, _COMPUTER_NAME, WINDOWS_NT)


def read_identity(registry: RegistryGateway) -> HostIdentity:
    """No message when `KEYS` were prefetched, else a few. Raises: HostStateError for a host without a MachineGuid."""
    machine_guid = _text(registry.value(_CRYPTOGRAPHY, "MachineGuid", RegistryType.SZ))
    if not machine_guid:
        raise HostStateError(f"this host has no MachineGuid in {_CRYPTOGRAPHY}, so its snapshots cannot be told apart")
    computer_name = _text(registry.value(_COMPUTER_NAME, "ComputerName", RegistryType.SZ))
    return HostIdentity(machine_guid, computer_name, _windows(registry))


def _windows(registry: RegistryGateway) -> str:
    """Version and build, such as 10.0.17763. CurrentVersion stops at 6.3 from Windows 10 on."""
    build = _text(registry.value(WINDOWS_NT, "CurrentBuildNumber", RegistryType.SZ))
    major = registry.value(WINDOWS_NT, "CurrentMajorVersionNumber", RegistryType.DWORD)
    minor = registry.value(WINDOWS_NT, "CurrentMinorVersionNumber", RegistryType.DWORD)
    if major is not None and minor is not None:
        return f"{major.data!r}.{minor.data!r}.{build}"
    return f"{_text(registry.value(WINDOWS_NT, 'CurrentVersion', RegistryType.SZ))}.{build}"


def _text(value: RegistryValue | None) -> str:
    return value.data if value is not None and isinstance(value.data, str) else ""
