# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/site_model.md names every field of the model, docs/playbooks.md every variable of its playbooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.otsec.opc_dcom.plugins.module_utils import _site_parser
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_groups import VARIABLES
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_needs import check_identities

ROOT = Path(__file__).resolve().parents[2]
MODEL = (ROOT / "docs" / "site_model.md").read_text(encoding="utf-8")
SITE_INFO = (ROOT / "plugins" / "modules" / "opc_site_info.py").read_text(encoding="utf-8")
CONTRACTS = sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
PLAYBOOKS = ("harden_opc", "audit_opc", "verify_links", "rollback_opc")
FIELDS = {
    *_site_parser.HOST_KEYS,
    *_site_parser._APPLICATION_TEXTS,
    *_site_parser._LINK_KEYS,
    *("exclusive", "password", "domain", "application", "account", "host"),
}


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_field_is_explained(name: str) -> None:
    table = MODEL.partition("## Fields")[2].partition("\n## ")[0]
    assert re.search(rf"`\.?{name}`", table), name


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_of_a_site_without_links_is_named(name: str) -> None:
    assert f"`{name}`" in MODEL.partition("## A site without links")[2]
    assert f"C({name})" in SITE_INFO


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda path: path.parts[-3])
def test_a_role_leaves_the_variables_of_the_site_to_opc_site_info(contract: Path) -> None:
    """ansible-core keeps the whole contract of a role for each host while it checks it."""
    options = yaml.safe_load(contract.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    assert not {"opc_site", *VARIABLES} & set(options)


def test_the_example_is_a_site() -> None:
    (text,) = re.findall(r"```yaml\n(opc_site:.*?)```", MODEL, re.DOTALL)
    model: dict[str, Any] = yaml.safe_load(text)["opc_site"]
    check_identities(_site_parser.parse_site(model, []))


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_a_variable_of_a_playbook_is_named(name: str) -> None:
    told = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")
    text = (ROOT / "playbooks" / f"{name}.yml").read_text(encoding="utf-8")
    variables = set(re.findall(r"(?<![.\w])(opc_\w+) (?:\| default|is defined)", text))
    section = told.partition(f"## {name}")[2].partition("\n## ")[0]
    assert section
    assert [variable for variable in sorted(variables) if f"`{variable}`" not in section] == []
