# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation and code say the same: module docs against argument specs, role defaults against argument_specs."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.otsec.opc_dcom.plugins.module_utils._role_options import ACCOUNT_DEFAULTS

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if (path / "meta" / "argument_specs.yml").is_file())
COMPARED = ("type", "required", "default", "choices", "elements", "no_log", "aliases")


@pytest.fixture(scope="module")
def documentation() -> dict[str, dict[str, Any]]:
    """What ansible-doc makes of every module, fragments included."""
    command = [str(Path(sys.executable).with_name("ansible-doc")), "--json", "-t", "module"]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections")}
    names = [f"otsec.opc_dcom.{name}" for name in MODULES]
    done = subprocess.run([*command, *names], env=environment, capture_output=True, text=True, check=True)
    return {name.rpartition(".")[2]: item["doc"] for name, item in json.loads(done.stdout).items()}


def test_the_defaults_of_the_accounts_are_those_of_their_role() -> None:
    defaults = yaml.safe_load((ROOT / "roles" / "opc_accounts" / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert {name: defaults[name] for name in ACCOUNT_DEFAULTS} == ACCOUNT_DEFAULTS


def argument_spec(name: str) -> dict[str, dict[str, Any]]:
    module = importlib.import_module(f"ansible_collections.otsec.opc_dcom.plugins.action.{name}")
    spec: dict[str, dict[str, Any]] = object.__new__(module.ActionModule).options()
    return spec


def normal(spec: dict[str, Any]) -> dict[str, Any]:
    """One option as comparable facts; what both sides may leave out is filled in."""
    facts = {key: spec[key] for key in COMPARED if spec.get(key) is not None and key != "no_log"}
    facts.setdefault("type", "str")
    facts.setdefault("required", False)
    if "choices" in facts:
        facts["choices"] = [str(choice) for choice in facts["choices"]]
    nested = spec.get("options") or spec.get("suboptions")
    if nested is not None:
        facts["options"] = {name: normal(item) for name, item in nested.items()}
    return facts


@pytest.mark.parametrize("name", MODULES)
def test_documented_options_are_the_accepted_ones(name: str, documentation: dict[str, dict[str, Any]]) -> None:
    documented = {key: normal(value) for key, value in documentation[name].get("options", {}).items()}
    accepted = {key: normal(value) for key, value in argument_spec(name).items()}
    assert documented == accepted


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_supports(name: str, documentation: dict[str, dict[str, Any]]) -> None:
    attributes = documentation[name]["attributes"]
    assert {"action", "async", "become", "check_mode", "diff_mode", "idempotent", "platform"} <= set(attributes)


@pytest.mark.parametrize("role", ROLES)
def test_role_defaults_are_the_ones_its_contract_names(role: str) -> None:
    defaults = yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text(encoding="utf-8")) or {}
    contract = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options = contract["argument_specs"]["main"]["options"]
    # What follows from other variables is no default that a contract could show; its description says where it is from.
    derived = {name for name, value in defaults.items() if "{{" in str(value)}
    assert derived <= set(options)
    fixed = {name: value for name, value in defaults.items() if name not in derived}
    assert {name: spec["default"] for name, spec in options.items() if "default" in spec} == fixed
    # What the roles share (the site model and what stands for it) has no default, so that no role decides for another.
    assert all(name.startswith(f"{role}_") for name in defaults)
    assert all(name.startswith("opc_") for name in options)


def test_action_groups_name_every_module() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert sorted(runtime["action_groups"]["all"]) == MODULES
