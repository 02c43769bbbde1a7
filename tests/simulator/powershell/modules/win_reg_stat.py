# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible.windows.win_reg_stat: what a registry key or value holds.

Source: win_reg_stat.ps1 of ansible.windows 3.x (built on the legacy utilities).
"""

from __future__ import annotations

from typing import Any

from ...files import expand
from ...subsystems.registry import ERROR_FILE_NOT_FOUND, RegistryError
from ...subsystems.registry_value import REG_EXPAND_SZ, RegistryValue
from ..argument_spec import ModuleFailure, Option
from ..module import Contract, ModuleRun
from .registry_paths import KINDS, NOT_ALLOWED, dotnet_value, registry_key

_TYPES = {
    "Binary": "REG_BINARY",
    "String": "REG_SZ",
    "DWord": "REG_DWORD",
    "QWord": "REG_QWORD",
    "MultiString": "REG_MULTI_SZ",
    "ExpandString": "REG_EXPAND_SZ",
    "None": "REG_NONE",
}


def _run(run: ModuleRun) -> None:
    key, name = registry_key(run.params["path"], "registry"), run.params["name"]
    try:
        if name is None:
            values = run.host.registry.enum_values(run.caller, key)
            run.result["properties"] = {value_name: _property(run, value) for value_name, value in values}
            run.result["sub_keys"] = run.host.registry.enum_keys(run.caller, key)
            run.result["exists"] = True
            return
        value = run.host.registry.read_value(run.caller, key, name)
    except RegistryError as error:
        if error.code != ERROR_FILE_NOT_FOUND:
            message = f'Exception calling "OpenSubKey" with "2" argument(s): "{NOT_ALLOWED}"'
            raise ModuleFailure(f"Unhandled exception while executing module: {message}") from error
        run.result["exists"] = False
        return
    run.result["exists"] = value is not None
    if value is not None:
        run.result.update(_property(run, value))


def _property(run: ModuleRun, value: RegistryValue) -> dict[str, Any]:
    kind = KINDS.get(value.type, "Unknown")
    plain: Any = dotnet_value(value)
    raw: Any = plain
    if isinstance(plain, bytes):
        raw, plain = [f"0x{byte:02x}" for byte in plain], list(plain)
    elif isinstance(plain, int):
        raw = plain = value.number
    elif value.type == REG_EXPAND_SZ:
        plain = expand(plain, run.host.environment)
    return {"type": _TYPES.get(kind, f"Unknown - {kind}"), "value": plain, "raw_value": raw}


WIN_REG_STAT = Contract(
    {
        "path": Option(required=True, aliases=("key",)),
        "name": Option(aliases=("entry", "value")),
    },
    _run,
    is_legacy=True,
)
