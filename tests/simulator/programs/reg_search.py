# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`reg query KEY /s /f pattern`, in names of keys (`/k`) or in data of strings (`/d`), with or without `/e`.

Searching without /s, /k or /d, with wildcards, types, cases or in numbers exists on Windows but not here: it fails and
leaves a violation. Source: Microsoft Learn, "reg query" (switches, no regard to case); outputs in public scripts and
issue threads (a match is a full key path on a line of its own, matched values below it, a count at the end).
Unverified: that /k compares the key's own name and not its path, that the key asked for is no match itself, blank
lines between keys, exit code 1 and the count on stdout when nothing matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..cim import Caller
from ..subsystems.registry import Registry, RegistryError
from ..subsystems.registry_value import REG_EXPAND_SZ, REG_SZ, RegistryValue

SWITCHES_WITHOUT = frozenset({"k", "d", "e"})
NOT_SIMULATED = frozenset({"c", "z", "t", "se"})
_WILDCARDS = "*?"

Value = tuple[str, RegistryValue]


class UnsupportedSearchError(Exception):
    """Windows would search, the simulation does not."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is looked for. `in_keys` is /k, else /d; `is_exact` is /e."""

    text: str
    in_keys: bool
    is_exact: bool

    @classmethod
    def of(cls, switches: dict[str, str]) -> Pattern:
        """Raises: UnsupportedSearchError."""
        text = switches["f"]
        kinds = {"k", "d"} & switches.keys()
        if "s" not in switches or len(kinds) != 1 or {"v", "ve"} & switches.keys():
            raise UnsupportedSearchError("a search without /s and one of /k and /d")
        if not text or set(text) & set(_WILDCARDS):
            raise UnsupportedSearchError(f"the pattern {text!r}")
        return cls(text, "k" in kinds, "e" in switches)

    def matches(self, text: str) -> bool:
        wanted, found = self.text.lower(), text.lower()
        return wanted == found if self.is_exact else wanted in found


def search(registry: Registry, caller: Caller, key: str, shown: str, pattern: Pattern) -> list[tuple[str, list[Value]]]:
    """Keys that match, as printed, with their matching values; keys that may not be read are passed over."""
    return list(_walk(_Reader(registry, caller), key, shown, pattern, is_top=True))


def print_matches(found: list[tuple[str, list[Value]]], line: Callable[[str, RegistryValue], str]) -> str:
    """The matches as reg.exe lists them, without the count."""
    return "".join(f"{shown}\r\n{''.join(line(*value) for value in values)}\r\n" for shown, values in found)


def count(found: list[tuple[str, list[Value]]]) -> int:
    """Matches: each value, or each key."""
    return sum(len(values) or 1 for _shown, values in found)


@dataclass(frozen=True, slots=True)
class _Reader:
    registry: Registry
    caller: Caller

    def values(self, key: str) -> list[Value]:
        try:
            return list(self.registry.enum_values(self.caller, key))
        except RegistryError:
            return []

    def names(self, key: str) -> list[str]:
        try:
            return list(self.registry.enum_keys(self.caller, key))
        except RegistryError:
            return []


def _walk(
    reader: _Reader, key: str, shown: str, pattern: Pattern, *, is_top: bool = False
) -> Iterator[tuple[str, list[Value]]]:
    if pattern.in_keys:
        if not is_top and pattern.matches(shown.rpartition("\\")[2]):
            yield shown, []
    else:
        texts = (item for item in reader.values(key) if item[1].type in (REG_SZ, REG_EXPAND_SZ))
        values = [item for item in texts if pattern.matches(item[1].text)]
        if values:
            yield shown, values
    for name in reader.names(key):
        yield from _walk(reader, f"{key}\\{name}", f"{shown}\\{name}", pattern)
