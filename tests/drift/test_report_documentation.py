# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages on diagnosis and report say of playbooks, causes and the form of the data is what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis import Certainty
from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis_causes import REMEDIES, Cause
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_data import SCHEMA
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_html import MANY_LINKS

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"diagnose_opc": "diagnosis.md", "report_opc": "report.md"}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_every_variable_of_a_playbook_is_explained(name: str) -> None:
    text = (ROOT / "playbooks" / f"{name}.yml").read_text(encoding="utf-8")
    text += (ROOT / "roles" / "opc_report" / "vars" / "main.yml").read_text(encoding="utf-8") * (name == "diagnose_opc")
    variables = set(re.findall(r"(?<![.\w])(opc_(?:report|diagnose)_\w+) \| default", text))
    assert len(variables) >= 5
    assert [item for item in sorted(variables) if f"`{item}`" not in page(PAGES[name])] == []
    head = text.partition("- name:")[0]
    assert [item for item in sorted(variables) if item not in head] == []


def test_every_word_of_certainty_is_explained() -> None:
    assert [item for item in Certainty if f"| `{item.name.lower()}` |" not in page("diagnosis.md")] == []


def test_every_cause_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Cause)


def test_the_form_and_the_limits_are_named() -> None:
    assert f'`"schema": "{SCHEMA}"`' in page("report.md")
    assert f"more than {MANY_LINKS} links" in page("report.md")
