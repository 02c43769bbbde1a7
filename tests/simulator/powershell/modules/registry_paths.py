# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registry paths and values as PowerShell and .NET see them, for the registry modules.

Source: win_regedit.ps1 and win_reg_stat.ps1 of ansible.windows 3.x; .NET RegistryKey (signed numbers, value kinds).
"""

from __future__ import annotations

import re
from typing import Any

from ...subsystems.registry_value import (
    REG_BINARY,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_NONE,
    REG_QWORD,
    REG_SZ,
    RegistryValue,
)
from ..argument_spec import ModuleFailure

_PATH = re.compile(r"(HK(?:CC|CR|CU|LM|U)):\\(.*)", re.IGNORECASE | re.DOTALL)
# RegistryValueKind by registry type.
KINDS = {
    REG_NONE: "None",
    REG_SZ: "String",
    REG_EXPAND_SZ: "ExpandString",
    REG_BINARY: "Binary",
    REG_DWORD: "DWord",
    REG_MULTI_SZ: "MultiString",
    REG_QWORD: "QWord",
}
NOT_ALLOWED = "Requested registry access is not allowed."


def registry_key(path: str, what: str) -> str:
    """`HKLM:\\SOFTWARE\\x` as `HKLM\\SOFTWARE\\x`. Raises: ModuleFailure for any other form."""
    match = _PATH.match(path)
    if match is None:
        raise ModuleFailure(f"path: {path} is not a valid {what} path, see module documentation for examples.")
    return f"{match[1].upper()}\\{match[2]}".rstrip("\\")


def dotnet_value(value: RegistryValue) -> Any:
    """What RegistryKey.GetValue gives without expanding: str, list, int (signed) or bytes."""
    if value.type in (REG_SZ, REG_EXPAND_SZ):
        return value.text
    if value.type == REG_MULTI_SZ:
        return value.texts
    if value.type == REG_DWORD:
        return int.from_bytes(value.data[:4].ljust(4, b"\0"), "little", signed=True)
    if value.type == REG_QWORD:
        return int.from_bytes(value.data[:8].ljust(8, b"\0"), "little", signed=True)
    return value.data
