# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The environment variables that paths of a host may hold, from where Windows keeps them in the registry.

Source: the keys named below exist on every Windows since Vista; Microsoft Learn, "Recognized environment variables"
(which variables a machine has). Variables of users are not looked at: a machine-wide path cannot hold them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...module_utils._registry import RegistryKey, RegistryType, RegistryValue
from ._registry import RegistryGateway

WINDOWS_NT = RegistryKey("SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion")
WINDOWS = RegistryKey("SOFTWARE\\Microsoft\\Windows\\CurrentVersion")
MACHINE_VARIABLES = RegistryKey("SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Environment")
KEYS = (WINDOWS_NT, WINDOWS, MACHINE_VARIABLES)

# Variable -> value of WINDOWS.
_DIRECTORIES = {
    "ProgramFiles": "ProgramFilesDir",
    "ProgramW6432": "ProgramFilesDir",
    "ProgramFiles(x86)": "ProgramFilesDir (x86)",
    "CommonProgramFiles": "CommonFilesDir",
    "CommonProgramW6432": "CommonFilesDir",
    "CommonProgramFiles(x86)": "CommonFilesDir (x86)",
}


def read_environment(registry: RegistryGateway) -> Mapping[str, str]:
    """The variables of the machine. No message when `KEYS` were prefetched, else one for each."""
    system_root = _text(registry.value(WINDOWS_NT, "SystemRoot", RegistryType.SZ)) or "C:\\Windows"
    found = {"SystemRoot": system_root, "windir": system_root, "SystemDrive": system_root[:2]}
    found |= {name: text for name, value in _machine_values(registry).items() if (text := _text(value))}
    for variable, name in _DIRECTORIES.items():
        directory = _text(registry.value(WINDOWS, name, RegistryType.SZ))
        if directory:
            found[variable] = directory
    return found


def _machine_values(registry: RegistryGateway) -> Mapping[str, RegistryValue]:
    return registry.values(MACHINE_VARIABLES) or {}


def _text(value: RegistryValue | None) -> str:
    """Variables that name variables (``windir`` is ``%SystemRoot%``) are of no use and count as absent."""
    text = value.data if value is not None and isinstance(value.data, str) else ""
    return "" if "%" in text else text
