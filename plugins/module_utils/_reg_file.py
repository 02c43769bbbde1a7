# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Registry writes as a .reg file that Windows imports. Pure.

Source: Microsoft Learn, "How to add, modify, or delete registry subkeys and values by using a .reg file" (header, minus
sign, hex). The number in ``hex(n)`` is that of the type, as exports show. UTF-16 with a byte order mark is what Windows
itself exports as version 5.00. Held against Wine's import.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ._errors import DomainError
from ._plan import CreateKey, DeleteKey, SetValue
from ._registry import RegistryType, RegistryValue

HEADER = "Windows Registry Editor Version 5.00"


def to_reg_file(operations: Iterable[SetValue | CreateKey | DeleteKey]) -> bytes:
    """The file. Operations keep their order; a key is named again where they come back to it.

    Raises: DomainError for a name or text that the format cannot carry.
    """
    lines: list[str] = [HEADER]
    current = None
    for operation in operations:
        heading = f"[{'-' if isinstance(operation, DeleteKey) else ''}HKEY_LOCAL_MACHINE\\{_path(operation.key.path)}]"
        if heading != current:
            lines += ["", heading]
            current = heading
        if isinstance(operation, SetValue):
            lines.append(f"{_name(operation.name)}={_data(operation.after)}")
    return ("\ufeff" + "".join(f"{line}\r\n" for line in (*lines, ""))).encode("utf-16-le")


def _path(path: str) -> str:
    if any(character in path for character in "\r\n]"):
        raise DomainError(f"{path!r} cannot be named in a .reg file")
    return path


def _name(name: str) -> str:
    return _text(name) if name else "@"


def _data(value: RegistryValue | None) -> str:
    if value is None:
        return "-"
    if value.type is RegistryType.SZ and isinstance(value.data, str):
        return _text(value.data)
    if value.type is RegistryType.DWORD and isinstance(value.data, int):
        return f"dword:{value.data:08x}"
    kind = "hex" if value.type is RegistryType.BINARY else f"hex({value.type.value:x})"
    return f"{kind}:{','.join(f'{byte:02x}' for byte in _bytes(value))}"


def _text(text: str) -> str:
    if any(character in text for character in "\r\n\0"):
        raise DomainError(f"{text!r} cannot stand in a .reg file")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _bytes(value: RegistryValue) -> bytes:
    """The value as the registry stores it. Raises: DomainError for types that are never written."""
    if isinstance(value.data, bytes) and value.type is RegistryType.BINARY:
        return value.data
    if isinstance(value.data, int):
        return value.data.to_bytes(8, "little")
    if isinstance(value.data, str):
        return (value.data + "\0").encode("utf-16-le")
    if isinstance(value.data, tuple):
        return "".join(_terminated(value.data)).encode("utf-16-le")
    raise DomainError(f"a value of the type {value.type.label} is never written")


def _terminated(texts: tuple[str, ...]) -> Iterator[str]:
    for text in texts:
        yield text + "\0"
    yield "\0"
