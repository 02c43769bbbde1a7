# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports .reg files into a simulated registry, written from the format's description and not from our writer.

Source: Microsoft Learn, "How to add, modify, or delete registry subkeys and values by using a .reg file".
"""

from __future__ import annotations

import re

from simulator.subsystems.registry import Registry
from simulator.subsystems.registry_value import RegistryValue

_VALUE = re.compile(r'(?:@|"(?P<name>(?:[^"\\\\]|\\\\.)*)")=(?P<data>.*)')
_HEX = re.compile(r"hex(?:\((?P<type>[0-9a-f]+)\))?:(?P<bytes>[0-9a-f,]*)")


def import_reg_file(registry: Registry, data: bytes) -> None:
    """Raises: AssertionError for what the format does not allow."""
    assert data[:2] == b"\xff\xfe"
    header, *lines = data[2:].decode("utf-16-le").split("\r\n")
    assert header == "Windows Registry Editor Version 5.00"
    key = ""
    for line in filter(None, lines):
        if line.startswith("[-"):
            _delete_tree(registry, _path(line[2:-1]))
        elif line.startswith("["):
            key = _path(line[1:-1])
            registry.create_key(None, key)
        else:
            match = _VALUE.fullmatch(line)
            assert match, line
            _write(registry, key, re.sub(r"\\\\(.)", r"\1", match["name"] or ""), match["data"])


def _path(text: str) -> str:
    assert text.startswith("HKEY_LOCAL_MACHINE\\"), text
    return "HKLM" + text.removeprefix("HKEY_LOCAL_MACHINE")


def _write(registry: Registry, key: str, name: str, data: str) -> None:
    if data == "-":
        if registry.get(key, name) is not None:
            registry.delete_value(None, key, name)
        return
    registry.write_value(None, key, name, _value(data))


def _value(data: str) -> RegistryValue:
    if data.startswith('"'):
        return RegistryValue.sz(re.sub(r"\\\\(.)", r"\1", data[1:-1]))
    if data.startswith("dword:"):
        return RegistryValue.dword(int(data.removeprefix("dword:"), 16))
    match = _HEX.fullmatch(data)
    assert match, data
    return RegistryValue(int(match["type"] or "3", 16), bytes.fromhex(match["bytes"].replace(",", "")))


def _delete_tree(registry: Registry, key: str) -> None:
    for name in registry.enum_keys(None, key):
        _delete_tree(registry, f"{key}\\{name}")
    registry.delete_key(None, key)
