# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Registry keys and values as plain data: what a gateway reads, what a plan wants to write.

Invariants: a `RegistryValue` always carries the Python type its registry type asks for; "no value" is `None`, never an
empty value; keys and value names compare without case, as Windows does. No I/O here.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

from ._errors import DomainError

RegistryData: TypeAlias = "int | str | bytes | tuple[str, ...]"


class RegistryType(enum.IntEnum):
    """Value types (winnt.h REG_*). Other numbers exist on hosts; they are carried as `UNKNOWN` and never written."""

    NONE = 0
    SZ = 1
    EXPAND_SZ = 2
    BINARY = 3
    DWORD = 4
    MULTI_SZ = 7
    QWORD = 11
    UNKNOWN = -1

    @property
    def label(self) -> str:
        """The name Windows tools print, such as REG_DWORD."""
        return "REG_UNKNOWN" if self is RegistryType.UNKNOWN else f"REG_{self.name}"


_PYTHON_TYPES: dict[RegistryType, type] = {
    RegistryType.NONE: bytes,
    RegistryType.SZ: str,
    RegistryType.EXPAND_SZ: str,
    RegistryType.BINARY: bytes,
    RegistryType.DWORD: int,
    RegistryType.MULTI_SZ: tuple,
    RegistryType.QWORD: int,
    RegistryType.UNKNOWN: bytes,
}
_UPPER_BOUNDS = {RegistryType.DWORD: 1 << 32, RegistryType.QWORD: 1 << 64}


@dataclass(frozen=True, slots=True)
class RegistryValue:
    """A typed value. DWORD and QWORD are unsigned; MULTI_SZ is a tuple of strings; BINARY is bytes.

    Raises: DomainError if the data does not fit the type.
    """

    type: RegistryType
    data: RegistryData

    def __post_init__(self) -> None:
        expected = _PYTHON_TYPES[self.type]
        if not isinstance(self.data, expected) or isinstance(self.data, bool):
            raise DomainError(f"{self.type.label} holds {expected.__name__}, not {type(self.data).__name__}")
        if isinstance(self.data, tuple) and not all(isinstance(item, str) for item in self.data):
            raise DomainError(f"{self.type.label} holds strings only")
        if isinstance(self.data, int) and not 0 <= self.data < _UPPER_BOUNDS[self.type]:
            raise DomainError(f"{self.data} does not fit in {self.type.label}")

    @classmethod
    def dword(cls, data: int) -> RegistryValue:
        return cls(RegistryType.DWORD, data)

    @classmethod
    def string(cls, data: str) -> RegistryValue:
        return cls(RegistryType.SZ, data)

    @classmethod
    def binary(cls, data: bytes) -> RegistryValue:
        return cls(RegistryType.BINARY, data)

    @classmethod
    def multi_string(cls, *data: str) -> RegistryValue:
        return cls(RegistryType.MULTI_SZ, data)

    def __str__(self) -> str:
        data = self.data.hex() if isinstance(self.data, bytes) else repr(self.data)
        return f"{self.type.label} {data}"


@dataclass(frozen=True, slots=True)
class RegistryKey:
    """A key below HKEY_LOCAL_MACHINE in the 64-bit view; 32-bit keys are named by their WOW6432Node path."""

    path: str

    def __post_init__(self) -> None:
        if not self.path or self.path.startswith("\\") or self.path.endswith("\\") or "\\\\" in self.path:
            raise DomainError(f"{self.path!r} is not a path below HKEY_LOCAL_MACHINE such as SOFTWARE\\Microsoft\\Ole")

    @property
    def folded(self) -> str:
        """The form to compare and to look up by."""
        return self.path.lower()

    @property
    def parent(self) -> RegistryKey | None:
        """The key above; None for a key directly below HKEY_LOCAL_MACHINE, such as SOFTWARE."""
        above = self.path.rpartition("\\")[0]
        return RegistryKey(above) if above else None

    def child(self, name: str) -> RegistryKey:
        return RegistryKey(f"{self.path}\\{name}")

    def __str__(self) -> str:
        return f"HKLM\\{self.path}"


def value_to_json(value: RegistryValue | None) -> list[object] | None:
    """The value as JSON can hold it, with its type; bytes become hexadecimal digits. Inverse: `value_from_json`."""
    if value is None:
        return None
    data: object = value.data.hex() if isinstance(value.data, bytes) else value.data
    return [int(value.type), list(data) if isinstance(data, tuple) else data]


def value_from_json(item: object) -> RegistryValue | None:
    """Inverse of `value_to_json`. Raises: TypeError or ValueError when the item was not written by it."""
    if item is None:
        return None
    if not isinstance(item, list) or len(item) != 2:
        raise TypeError(f"{item!r} is not a value")
    registry_type, raw = RegistryType(item[0]), item[1]
    data: RegistryData
    if registry_type in (RegistryType.BINARY, RegistryType.NONE, RegistryType.UNKNOWN):
        data = bytes.fromhex(raw)
    else:
        data = tuple(raw) if isinstance(raw, list) else raw
    return RegistryValue(registry_type, data)
