# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry value as Windows stores it: a type number and bytes, which need not fit together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

REG_NONE = 0
REG_SZ = 1
REG_EXPAND_SZ = 2
REG_BINARY = 3
REG_DWORD = 4
REG_DWORD_BIG_ENDIAN = 5
REG_LINK = 6
REG_MULTI_SZ = 7
REG_RESOURCE_LIST = 8
REG_FULL_RESOURCE_DESCRIPTOR = 9
REG_RESOURCE_REQUIREMENTS_LIST = 10
REG_QWORD = 11


@dataclass(frozen=True, slots=True)
class RegistryValue:
    """Type and raw bytes. Text is UTF-16LE with its terminating NUL; any type number and any bytes are possible."""

    type: int
    data: bytes

    @classmethod
    def sz(cls, text: str) -> RegistryValue:
        return cls(REG_SZ, _encode(text))

    @classmethod
    def expand_sz(cls, text: str) -> RegistryValue:
        return cls(REG_EXPAND_SZ, _encode(text))

    @classmethod
    def dword(cls, number: int) -> RegistryValue:
        return cls(REG_DWORD, number.to_bytes(4, "little"))

    @classmethod
    def qword(cls, number: int) -> RegistryValue:
        return cls(REG_QWORD, number.to_bytes(8, "little"))

    @classmethod
    def binary(cls, data: bytes) -> RegistryValue:
        return cls(REG_BINARY, bytes(data))

    @classmethod
    def multi_sz(cls, texts: Iterable[str]) -> RegistryValue:
        return cls(REG_MULTI_SZ, b"".join(_encode(text) for text in texts) + b"\0\0")

    @property
    def text(self) -> str:
        """The characters up to the first NUL, as readers of REG_SZ and REG_EXPAND_SZ see them."""
        return self._characters().split("\0", 1)[0]

    @property
    def texts(self) -> list[str]:
        """The strings of a REG_MULTI_SZ: they end at the first empty one."""
        found: list[str] = []
        for text in self._characters().split("\0"):
            if not text:
                break
            found.append(text)
        return found

    @property
    def number(self) -> int:
        """The bytes as an unsigned little-endian number (REG_DWORD, REG_QWORD)."""
        return int.from_bytes(self.data, "little")

    def _characters(self) -> str:
        return self.data[: len(self.data) // 2 * 2].decode("utf-16-le", "surrogatepass")


def _encode(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le", "surrogatepass")
