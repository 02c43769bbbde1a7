# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Facts of a host that nobody can connect to: the script that collects them there, and what it has written. Pure.

The script asks reg.exe alone, so the same grammar reads its answers as on a connected host. Before each query it prints
a line that says what is asked, and after one that failed another line: *not there*, *empty* and *not asked* are three
things.

Source: _reg_query.py for the layout; `reg query /?` for /s and /v (a search prints the keys that have the value).
Not verified on a host: that reg.exe writes UTF-8 into a file after ``chcp 65001`` on every Windows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ._errors import DomainError
from ._reg_query import QueriedKey, find_default_label, parse_reg_query
from ._registry import RegistryKey

FORMAT = "otsec.opc_dcom facts 1"
FACTS = "facts.txt"
_MARK = "== "
_END = "end"
_KEY, _TREE, _SEARCH, _ABSENT = "key", "tree", "search", "absent"
# A key without an unnamed value on every Windows: its `/ve` line shows how this host labels the unnamed value.
_LABEL_PROBE = RegistryKey("SYSTEM\\CurrentControlSet")

_SERVICES = RegistryKey("SYSTEM\\CurrentControlSet\\Services")
CLASSES = (RegistryKey("SOFTWARE\\Classes\\CLSID"), RegistryKey("SOFTWARE\\Classes\\Wow6432Node\\CLSID"))
# Values that are collected of every key below: which class is which application, and what every service is.
_SEARCHES = (
    *((key, "AppID") for key in CLASSES),
    *((_SERVICES, name) for name in ("ImagePath", "ObjectName", "Start", "Type")),
)


@dataclass(frozen=True, slots=True)
class OfflineFacts:
    """What a host had when its facts were collected, by lower-case path below HKEY_LOCAL_MACHINE.

    `asked` are keys and `trees` roots that were asked for as a whole; of the keys below `searched` only some values.
    """

    keys: Mapping[str, QueriedKey]
    asked: frozenset[str]
    trees: frozenset[str]
    searched: frozenset[str] = field(default_factory=frozenset)

    def knows(self, key: RegistryKey) -> bool:
        """Whether the facts tell if this key is there, and what it holds."""
        path = key.folded
        parent = path.rpartition("\\")[0]
        return path in self.asked or parent in self.searched or any(_is_below(path, tree) for tree in self.trees)

    def subkeys(self, key: RegistryKey) -> list[str] | None:
        """Names of the direct subkeys; None when there is no such key. Raises: DomainError when that was not asked."""
        path = key.folded
        if not any(_is_below(path, tree) for tree in (*self.trees, *self.searched)):
            raise DomainError(f"the facts do not tell what is below {key}")
        names = [
            item.path[len(path) + 1 :].partition("\\")[0] for name, item in self.keys.items() if _is_in(name, path)
        ]
        found = list(dict.fromkeys(names))
        return found if found or path in self.keys else None


def _is_in(path: str, parent: str) -> bool:
    return path.startswith(parent + "\\")


def _is_below(path: str, tree: str) -> bool:
    return path == tree or _is_in(path, tree)


def collector(keys: Iterable[RegistryKey], trees: Iterable[RegistryKey]) -> str:
    """The script, for cmd.exe on the host. Raises: DomainError for a key that a script cannot name."""
    lines = [
        "@echo off",
        "rem Collects what otsec.opc_dcom needs to know of this host. It only reads the registry.",
        "setlocal",
        'cd /d "%~dp0"',
        "chcp 65001 >nul",
        "net session >nul 2>&1 || (echo Run this as administrator. & exit /b 5)",
        f'call :facts > "{FACTS}" 2>nul',
        f"echo Written: %CD%\\{FACTS}",
        "exit /b 0",
        ":facts",
        *queries(keys, trees),
        "exit /b 0",
    ]
    return "".join(f"{line}\r\n" for line in lines)


def queries(keys: Iterable[RegistryKey], trees: Iterable[RegistryKey]) -> Iterator[str]:
    """The lines that ask, each query after the line that says so. Raises: DomainError."""
    yield f"echo {_MARK}{FORMAT}"
    yield f"reg.exe query {_quoted(_LABEL_PROBE)} /ve"
    for key in _unique(keys):
        yield from _query(_KEY, key, "")
    for key in _unique(trees):
        yield from _query(_TREE, key, " /s")
    for key, name in _SEARCHES:
        yield from _query(_SEARCH, key, f" /s /v {name}")
    yield f"echo {_MARK}{_END}"


def _query(kind: str, key: RegistryKey, switches: str) -> Iterator[str]:
    yield f"echo {_MARK}{kind} {_quoted(key)}"
    yield f"reg.exe query {_quoted(key)}{switches} || echo {_MARK}{_ABSENT} {_quoted(key)}"


def _unique(keys: Iterable[RegistryKey]) -> Iterable[RegistryKey]:
    return {key.folded: key for key in keys}.values()


def _quoted(key: RegistryKey) -> str:
    if any(character in key.path for character in '"%\r\n!'):
        raise DomainError(f"{key} cannot be named in a script; name the application by its app_id or service instead")
    return f'"HKLM\\{key.path}"'


def parse_facts(text: str) -> OfflineFacts:
    """Read what the script has written. Raises: DomainError for a file that is none, or that is not whole."""
    header, *sections = _sections(text)
    if header[0] != FORMAT:
        raise DomainError(
            f"the file does not begin with {_MARK}{FORMAT}: it was not written by the script of this version"
        )
    if not sections or sections[-1][0] != _END:
        raise DomainError("it has no end: the script was interrupted, or only a part was copied")
    label = find_default_label(header[1])
    keys: dict[str, QueriedKey] = {}
    covered: dict[str, set[str]] = {kind: set() for kind in (_KEY, _TREE, _SEARCH, _ABSENT)}
    for title, body in sections[:-1]:
        kind, _blank, quoted = title.partition(" ")
        path = quoted.strip('"').removeprefix("HKLM\\")
        if kind not in covered or not path:
            raise DomainError(f"it has an unknown section {title!r}")
        covered[kind].add(path.lower())
        if kind == _ABSENT:
            keys.pop(path.lower(), None)
        else:
            _take(keys, kind, path, parse_reg_query(_without_count(body) if kind == _SEARCH else body, label))
    return OfflineFacts(keys, *(frozenset(covered[kind]) for kind in (_KEY, _TREE, _SEARCH)))


def _take(keys: dict[str, QueriedKey], kind: str, asked: str, printed: Mapping[str, QueriedKey]) -> None:
    """Remember one answer. reg.exe prints no key without values, and the names of subkeys after a key's own values."""
    if kind != _SEARCH:
        keys.setdefault(asked.lower(), QueriedKey(asked))
    for path, item in printed.items():
        if kind != _KEY or path == asked.lower():
            _merge(keys, path, item)


def _without_count(body: str) -> str:
    """What a search has found, without the translated line at its end that counts it."""
    lines = body.rstrip().split("\n")
    return "\n".join(lines[:-1] if lines[-1][:1].strip() and not lines[-1].startswith("HKEY_") else lines)


def _merge(keys: dict[str, QueriedKey], path: str, item: QueriedKey) -> None:
    known = keys.setdefault(path, item)
    known.values.update(item.values)
    known.doubtful.update(item.doubtful)
    known.is_lost = known.is_lost or item.is_lost


def _sections(text: str) -> list[tuple[str, str]]:
    """Title and body of each section; what stands before the first is the title of an empty one."""
    found: list[tuple[str, list[str]]] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith(_MARK):
            found.append((line[len(_MARK) :].strip(), []))
        elif found:
            found[-1][1].append(line)
    return [(title, "\n".join(body)) for title, body in found] or [("", "")]
