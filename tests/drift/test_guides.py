# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guides name what is there: links lead somewhere, and tests, playbooks and make targets that are named exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted(
    path.relative_to(ROOT)
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "roles/*/README.md",
        "examples/**/*.md",
        "extensions/**/*.md",
    )
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
TEST = re.compile(r"`(test_\w+\.py)`")
PLAYBOOK = re.compile(r"ansible-playbook otsec\.opc_dcom\.(\w+)")
TARGET = re.compile(r"^\s*make ([a-z-]+)|`make ([a-z-]+)`", re.MULTILINE)


@pytest.mark.parametrize("guide", GUIDES, ids=str)
def test_links_lead_to_files(guide: Path) -> None:
    found = LINK.findall((ROOT / guide).read_text(encoding="utf-8"))
    assert [link for link in found if not (ROOT / guide.parent / link).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=str)
def test_named_tests_and_playbooks_exist(guide: Path) -> None:
    text = (ROOT / guide).read_text(encoding="utf-8")
    tests = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert set(TEST.findall(text)) <= tests
    playbooks = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
    assert set(PLAYBOOK.findall(text)) <= playbooks


@pytest.mark.parametrize("guide", GUIDES, ids=str)
def test_named_targets_exist(guide: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {name for line in re.findall(r"^([a-z0-9 -]+):", makefile, re.MULTILINE) for name in line.split()}
    named = {first or second for first, second in TARGET.findall((ROOT / guide).read_text(encoding="utf-8"))}
    assert named <= targets
