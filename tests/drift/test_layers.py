# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports point down only: action -> plugin_utils -> module_utils; the simulator knows nothing of plugins/."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"

# Layer -> the parts of plugins/ it may import from.
ALLOWED = {
    "module_utils": {"module_utils"},
    "plugin_utils": {"plugin_utils", "module_utils"},
    "action": {"plugin_utils", "module_utils"},
    "filter": {"module_utils", "plugin_utils"},
    "modules": set(),
    "doc_fragments": set(),
}
# REUSE-IgnoreStart
LICENCE = "# SPDX-License-Identifier: GPL-3.0-or-later"
# REUSE-IgnoreEnd
FILES = sorted(path.relative_to(ROOT) for path in PLUGINS.rglob("*.py"))


def imported_modules(path: Path) -> list[str]:
    """Absolute dotted names of what a file imports; relative imports are resolved against its own place."""
    package = list(path.with_suffix("").parts[:-1])
    names: list[str] = []
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names.append(".".join([*base, node.module or ""]))
    return names


def layer_of(name: str) -> str | None:
    parts = name.replace("ansible_collections.otsec.opc_dcom.", "").split(".")
    return parts[1] if parts[0] == "plugins" and len(parts) > 1 else None


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_point_down(path: Path) -> None:
    own = path.parts[1]
    layers = {layer for layer in map(layer_of, imported_modules(path)) if layer}
    assert layers <= ALLOWED[own], f"{path} imports {sorted(layers - ALLOWED[own])}"


@pytest.mark.parametrize("path", [path for path in FILES if path.parts[1] == "module_utils"], ids=str)
def test_module_utils_need_the_standard_library_only(path: Path) -> None:
    foreign = {
        name.split(".")[0]
        for name in imported_modules(path)
        if layer_of(name) is None and name.split(".")[0] not in sys.stdlib_module_names
    }
    assert not foreign
    impure = {"socket", "subprocess", "time", "random", "os", "pathlib", "logging"}
    assert not impure & {name.split(".")[0] for name in imported_modules(path)}


SIMULATOR_FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "tests" / "simulator").rglob("*.py"))


@pytest.mark.parametrize("path", SIMULATOR_FILES, ids=str)
def test_the_simulator_is_independent_of_what_it_tests(path: Path) -> None:
    assert not [name for name in imported_modules(path) if "plugins" in name.split(".")]


@pytest.mark.parametrize("path", sorted((PLUGINS / "action").glob("*.py")), ids=lambda path: path.name)
def test_an_action_is_thin_and_documented(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 80
    assert (PLUGINS / "modules" / path.name).is_file()


def test_every_documented_module_has_its_action() -> None:
    documented = {path.name for path in (PLUGINS / "modules").glob("*.py")}
    assert documented == {path.name for path in (PLUGINS / "action").glob("*.py")}


@pytest.mark.parametrize("path", [*FILES, *SIMULATOR_FILES], ids=str)
def test_every_file_names_its_licence(path: Path) -> None:
    head = (ROOT / path).read_text(encoding="utf-8").splitlines()[:4]
    assert LICENCE in head


def test_the_names_of_test_files_are_told_apart() -> None:
    """pytest imports them by base name; two of one name break a run over the whole of tests/."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
