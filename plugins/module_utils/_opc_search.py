# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Where OPC servers are looked for in a registry, and what a search printed. Pure.

Classes by category: `CLSID\\{class}\\Implemented Categories\\{category}` in both views; servers of the first DA
specification by the key `OPC` below their ProgID; OPC Core Components in the list of installed programs. `reg.exe query
/s /k /f` walks the keys on the host, so that only matches travel. Everything printed is data: a path that has not
exactly the shape looked for is no match. Source: dcom.md 2.3 (OPC-DA2-INST); Microsoft Learn, "reg query".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ._application import CLASS_VIEWS, CLASSES, parse_guid
from ._errors import DomainError
from ._opc_identifiers import CATEGORIES, DA_1_0, SPECIFICATIONS
from ._registry import RegistryKey

_LOCAL_MACHINE = "HKEY_LOCAL_MACHINE\\"
_IMPLEMENTED = "implemented categories"
_OPC_KEY = "OPC"
# What finds every category, in as few walks as possible: DA 1.0 and 2.0 differ in one digit. Longer matches are sorted
# out afterwards.
_PATTERNS = ("{63D5F43", *(item for item in CATEGORIES if not item.startswith("{63D5F43")))
# Searches of the 32-bit view, which a 32-bit Windows does not have: the categories and one list of programs.
SEARCHES_OF_THE_OTHER_VIEW = len(_PATTERNS) + 1
_UNINSTALL = (
    RegistryKey("SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"),
    RegistryKey("SOFTWARE\\WOW6432Node\\Microsoft\\Windows\\CurrentVersion\\Uninstall"),
)
_PRODUCT = "OPC Core Components"
MAX_CLASSES = 200
MAX_PRODUCTS = 10
_MAX_PATHS = 20_000


@dataclass(frozen=True, slots=True)
class FoundClass:
    """A class in one view; `view` indexes CLASS_VIEWS. An empty `specifications` was found by its ProgID only."""

    clsid: str
    view: int
    specifications: tuple[str, ...] = ()

    @property
    def key(self) -> RegistryKey:
        return CLASS_VIEWS[self.view].child(self.clsid)


@dataclass(frozen=True, slots=True)
class SearchHits:
    """What a search found. `is_cut` when there was more than is looked at; `finished` counts searches that ended."""

    classes: tuple[FoundClass, ...] = ()
    prog_ids: tuple[str, ...] = ()
    products: tuple[RegistryKey, ...] = ()
    is_cut: bool = False
    finished: int = 0


def search_lines() -> tuple[str, ...]:
    """The commands, independent of each other, to be run in one line of cmd.exe."""
    in_views = [f'"HKLM\\{view}" /s /k /f "{pattern}"' for view in _paths(CLASS_VIEWS) for pattern in _PATTERNS]
    by_prog_id = f'"HKLM\\{CLASSES.path}" /s /k /e /f {_OPC_KEY}'
    products = [f'"HKLM\\{key}" /s /d /f "{_PRODUCT}"' for key in _paths(_UNINSTALL)]
    return tuple(f"reg.exe query {line}" for line in (*in_views, by_prog_id, *products))


def parse_hits(output: str) -> SearchHits:
    """What the commands printed. Lines that are neither keys nor values are counted: each search ends with one."""
    keys: dict[str, str] = {}
    finished = 0
    for line in output.replace("\r\n", "\n").split("\n"):
        if line.startswith(_LOCAL_MACHINE):
            path = line[len(_LOCAL_MACHINE) :].rstrip()
            if len(keys) < _MAX_PATHS:
                keys.setdefault(path.lower(), path)
        elif line.strip() and not line.startswith("    "):
            finished += 1
    found = _Found()
    for path in keys.values():
        found.add(path)
    return found.hits(finished, is_cut=len(keys) == _MAX_PATHS)


@dataclass(slots=True)
class _Found:
    classes: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    prog_ids: list[str] = field(default_factory=list)
    products: list[RegistryKey] = field(default_factory=list)

    def add(self, path: str) -> None:
        category = _category_hit(path)
        prog_id = _prog_id_hit(path)
        if category is not None:
            clsid, view, specification = category
            self.classes.setdefault((clsid, view), set()).add(specification)
        elif prog_id is not None:
            self.prog_ids.append(prog_id)
        elif _is_product(path):
            self.products.append(RegistryKey(path))

    def hits(self, finished: int, *, is_cut: bool) -> SearchHits:
        classes = [
            FoundClass(clsid, view, tuple(item for item in SPECIFICATIONS if item in found))
            for (clsid, view), found in self.classes.items()
        ]
        is_cut = is_cut or len(classes) > MAX_CLASSES or len(self.prog_ids) > MAX_CLASSES
        return SearchHits(
            tuple(classes[:MAX_CLASSES]),
            tuple(self.prog_ids[:MAX_CLASSES]),
            tuple(self.products[:MAX_PRODUCTS]),
            is_cut,
            finished,
        )


def specifications_of(found: FoundClass, *, has_opc_key: bool) -> tuple[str, ...]:
    """What the class serves. The key OPC alone stands for the first DA specification (dcom.md 2.3)."""
    return found.specifications or ((DA_1_0,) if has_opc_key else ())


def can_be_queried(name: str) -> bool:
    """Whether cmd.exe passes a key of this name on as it is; others are read singly, or not at all."""
    return bool(name) and len(name) <= 255 and not any(character in name for character in '"%\\\r\n')


def _paths(keys: tuple[RegistryKey, ...]) -> Iterator[str]:
    return (key.path for key in keys)


def _is_product(path: str) -> bool:
    """Whether the path is an entry of the list of installed programs."""
    above, _separator, name = path.rpartition("\\")
    return any(key.folded == above.lower() for key in _UNINSTALL) and can_be_queried(name)


def _category_hit(path: str) -> tuple[str, int, str] | None:
    """Class, view and specification, where the path is a category that a class implements."""
    above, _separator, category = path.rpartition("\\")
    above, _separator, folder = above.rpartition("\\")
    root, _separator, class_name = above.rpartition("\\")
    specification = CATEGORIES.get(category.upper())
    view = next((index for index, key in enumerate(CLASS_VIEWS) if key.folded == root.lower()), None)
    if specification is None or view is None or folder.lower() != _IMPLEMENTED:
        return None
    try:
        return parse_guid(class_name), view, specification
    except DomainError:
        return None


def _prog_id_hit(path: str) -> str | None:
    """The ProgID, where the path is the key OPC directly below one."""
    above, _separator, name = path.rpartition("\\")
    root, _separator, prog_id = above.rpartition("\\")
    if name.lower() != _OPC_KEY.lower() or root.lower() != CLASSES.folded:
        return None
    return prog_id if can_be_queried(prog_id) else None
