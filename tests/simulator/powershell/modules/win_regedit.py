# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible.windows.win_regedit: one registry key or value.

Loading hives from files is not simulated.

Source: win_regedit.ps1 of ansible.windows 3.x: conversions of data, messages, when a value counts as different.
"""

from __future__ import annotations

import re
from typing import Any

from ...subsystems.registry import ERROR_FILE_NOT_FOUND, RegistryError
from ...subsystems.registry_value import REG_BINARY, REG_NONE, RegistryValue
from ..argument_spec import ModuleFailure, Option
from ..module import Contract, ModuleRun
from .registry_paths import KINDS, NOT_ALLOWED, dotnet_value, registry_key

_LIMITS = {"dword": 0xFFFFFFFF, "qword": 0xFFFFFFFFFFFFFFFF}


def _run(run: ModuleRun) -> None:
    run.result.update(data_changed=False, data_type_changed=False)
    run.diff = {"before": "", "after": ""}
    if run.params["hive"] is not None:
        raise run.refuse("win_regedit option hive")
    kind = run.params["type"]
    if run.params["name"] is None and kind != "string":
        run.warnings.append(
            "the data type when name is not specified can only be 'string', the type has automatically been converted"
        )
        kind = "string"
    key = registry_key(run.params["path"], "powershell")
    try:
        exists = run.host.registry.key_exists(run.caller, key)
        if run.params["state"] == "present":
            _present(run, key, _value(run.params["data"], kind, run.params["name"] or ""), exists=exists)
        elif exists:
            _absent(run, key)
    except RegistryError as error:
        raise ModuleFailure(_message(run, error)) from error


def _message(run: ModuleRun, error: RegistryError) -> str:
    """One message for all refusals; the module's differ by the step that failed."""
    text = NOT_ALLOWED if error.code == 5 else str(error)
    name, path = run.params["name"] or "", run.params["path"]
    return f"failed to change registry property '{name}' at {path}: {text}"


def _present(run: ModuleRun, key: str, value: RegistryValue | None, *, exists: bool) -> None:
    registry, path, name = run.host.registry, run.params["path"], run.params["name"] or ""
    run.diff = {"before": {path: {}} if exists else {}, "after": {path: {}}}
    if not exists and run.change():
        registry.create_key(run.caller, key)
    if value is None or (not exists and run.check_mode):
        return
    before = registry.read_value(run.caller, key, name) if exists else None
    run.diff["after"][path][name] = _diff_value(value)
    if before is not None:
        run.diff["before"][path][name] = _diff_value(before)
        run.result["data_type_changed"] = before.type != value.type
        run.result["data_changed"] = dotnet_value(before) != dotnet_value(value)
        if not run.result["data_type_changed"] and not run.result["data_changed"]:
            return
    if run.change():
        registry.write_value(run.caller, key, name, value)


def _absent(run: ModuleRun, key: str) -> None:
    path, name = run.params["path"], run.params["name"] or ""
    if run.params["delete_key"] and not name:
        run.diff = {"before": {path: {}}, "after": {}}
        if run.change():
            _delete_tree(run, key)
        return
    before = run.host.registry.read_value(run.caller, key, name)
    if before is None:
        return
    run.diff = {"before": {path: {name: _diff_value(before)}}, "after": {path: {}}}
    if run.change():
        run.host.registry.delete_value(run.caller, key, name)


def _delete_tree(run: ModuleRun, key: str) -> None:
    for name in run.host.registry.enum_keys(run.caller, key):
        _delete_tree(run, f"{key}\\{name}")
    try:
        run.host.registry.delete_key(run.caller, key)
    except RegistryError as error:
        if error.code != ERROR_FILE_NOT_FOUND:
            raise


def _value(data: Any, kind: str, name: str) -> RegistryValue | None:
    """The value that the options stand for; None where only the key is wanted. Raises: ModuleFailure."""
    if kind in ("binary", "none"):
        return RegistryValue(REG_BINARY if kind == "binary" else REG_NONE, _bytes(data))
    if kind in _LIMITS:
        number = _number(data, kind)
        return RegistryValue.dword(number) if kind == "dword" else RegistryValue.qword(number)
    if kind == "multistring":
        items = [] if data is None else data if isinstance(data, list) else [data]
        return RegistryValue.multi_sz([_string(item) for item in items])
    if data is None and not name:
        return None
    text = "" if data is None else _string(data)
    return RegistryValue.expand_sz(text) if kind == "expandstring" else RegistryValue.sz(text)


def _string(data: Any) -> str:
    return str(data) if not isinstance(data, bool) else str(data).capitalize()


def _bytes(data: Any) -> bytes:
    if data is None:
        return b""
    if isinstance(data, list):
        return bytes(int(item) for item in data)
    if isinstance(data, int):
        if data > 255:
            raise ModuleFailure(
                f"cannot convert binary data '{data}' to byte array, please specify this value as a yaml byte array or "
                "a comma separated hex value string"
            )
        return bytes([data])
    return _hex_bytes(str(data))


def _hex_bytes(text: str) -> bytes:
    """`hex:be,ef`, `be:ef` or `beef`."""
    cleaned = re.sub(r"[^a-f0-9,x\-:]", "", re.sub(r"^hex:", "", text.lower())).replace(",", ":")
    if ":" in cleaned or len(cleaned) == 1:
        return bytes(int(part, 16) for part in re.split(":+", cleaned) if part)
    return bytes.fromhex(cleaned) if len(cleaned) % 2 == 0 else b""


def _number(data: Any, kind: str) -> int:
    if data is None:
        return 0
    if isinstance(data, float) and data % 1:
        raise ModuleFailure(
            f"data '{data}' cannot be a decimal or float value with a remainder when type is dword or qword"
        )
    number = int(data, 0) if isinstance(data, str) else int(data)
    if not 0 <= number <= _LIMITS[kind]:
        raise ModuleFailure(f"data cannot be larger than {_LIMITS[kind]:#x} when type is {kind}")
    return number


def _diff_value(value: RegistryValue) -> dict[str, Any]:
    kind = KINDS.get(value.type, "Unknown")
    shown: Any = dotnet_value(value)
    if kind == "DWord":
        shown = f"0x{value.number:08x}"
    elif kind == "QWord":
        shown = f"0x{value.number:016x}"
    elif isinstance(shown, bytes):
        shown = [f"0x{byte:02x}" for byte in shown]
    return {"type": kind, "value": shown}


WIN_REGEDIT = Contract(
    {
        "path": Option(required=True, aliases=("key",)),
        "name": Option(aliases=("entry", "value")),
        "data": Option("raw"),
        "type": Option(
            default="string",
            choices=("none", "binary", "dword", "expandstring", "multistring", "string", "qword"),
            aliases=("datatype",),
        ),
        "state": Option(default="present", choices=("present", "absent")),
        "delete_key": Option("bool", default=True),
        "hive": Option(),
    },
    _run,
)
