# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registry values as reg.exe prints and reads them.

Source: Wine's conformance tests of reg.exe, which also run on Windows (query.c, add.c): layout, number syntax, odd hex
digits, separators of REG_MULTI_SZ. How an unknown type prints is unverified.
"""

from __future__ import annotations

import re

from ..subsystems import registry_value as types
from ..subsystems.registry_value import RegistryValue

TYPE_NAMES = {
    types.REG_NONE: "REG_NONE",
    types.REG_SZ: "REG_SZ",
    types.REG_EXPAND_SZ: "REG_EXPAND_SZ",
    types.REG_BINARY: "REG_BINARY",
    types.REG_DWORD: "REG_DWORD",
    types.REG_DWORD_BIG_ENDIAN: "REG_DWORD_BIG_ENDIAN",
    types.REG_LINK: "REG_LINK",
    types.REG_MULTI_SZ: "REG_MULTI_SZ",
    types.REG_RESOURCE_LIST: "REG_RESOURCE_LIST",
    types.REG_FULL_RESOURCE_DESCRIPTOR: "REG_FULL_RESOURCE_DESCRIPTOR",
    types.REG_RESOURCE_REQUIREMENTS_LIST: "REG_RESOURCE_REQUIREMENTS_LIST",
    types.REG_QWORD: "REG_QWORD",
}
_TYPES_BY_NAME = {name: number for number, name in TYPE_NAMES.items() if number <= types.REG_MULTI_SZ or number == 11}
_TYPES_BY_NAME["REG_DWORD_LITTLE_ENDIAN"] = types.REG_DWORD
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]+|[0-9]+)\Z")


class DataError(ValueError):
    """Text after /d that does not fit the type; reg.exe ends with an error."""


def type_name(value: RegistryValue) -> str:
    return TYPE_NAMES.get(value.type, "REG_UNKNOWN")


def value_text(value: RegistryValue) -> str:
    """What reg query prints behind the type: text, `0x` number, or upper-case hex bytes."""
    if value.type in (types.REG_SZ, types.REG_EXPAND_SZ):
        return value.text
    if value.type == types.REG_MULTI_SZ:
        return r"\0".join(value.texts)
    is_number = (value.type, len(value.data)) in ((types.REG_DWORD, 4), (types.REG_QWORD, 8))
    return f"0x{value.number:x}" if is_number else value.data.hex().upper()


def parse_type(name: str) -> int:
    """Raises: DataError for a type that reg add does not know."""
    if name.upper() not in _TYPES_BY_NAME:
        raise DataError(f"unknown type {name!r}")
    return _TYPES_BY_NAME[name.upper()]


def parse_value(type_: int, data: str | None, separator: str) -> RegistryValue:
    """The value that `reg add /t type /d data` writes. Raises: DataError."""
    text = data or ""
    if type_ in (types.REG_SZ, types.REG_EXPAND_SZ, types.REG_NONE, types.REG_LINK):
        return RegistryValue(type_, RegistryValue.sz(text).data)
    if type_ == types.REG_BINARY:
        return RegistryValue.binary(_bytes(text))
    if type_ == types.REG_MULTI_SZ:
        return RegistryValue.multi_sz(_strings(text, separator))
    if type_ == types.REG_QWORD:
        return RegistryValue(type_, _number(text or "0", 8))
    return RegistryValue(type_, _number(text, 4))


def _bytes(text: str) -> bytes:
    if re.fullmatch(r"[0-9a-fA-F]*", text) is None:
        raise DataError(f"not hex: {text!r}")
    return bytes.fromhex(text if len(text) % 2 == 0 else "0" + text)


def _strings(text: str, separator: str) -> list[str]:
    parts = text.split(separator)
    if parts[-1] == "":
        parts.pop()
    if text == separator:
        return [""]
    if "" in parts:
        raise DataError("an empty string inside a REG_MULTI_SZ")
    return parts


def _number(text: str, size: int) -> bytes:
    if size == 8 and text == "-1":
        return b"\xff" * 8
    if _NUMBER.match(text) is None:
        raise DataError(f"not a number: {text!r}")
    number = int(text, 16) if text[:2].lower() == "0x" else int(text)
    if number >= 1 << (8 * size):
        raise DataError(f"too large: {text}")
    return number.to_bytes(size, "little")
