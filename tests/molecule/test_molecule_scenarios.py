# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every molecule scenario of this repository passes: create, converge, idempotence, verify by host state, destroy."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_ansible_molecule = pytest.importorskip("pytest_ansible.molecule", reason="pytest-ansible is not installed here")

EXTENSIONS = Path(__file__).resolve().parents[2] / "extensions"
WANTED = {
    "both_roles",
    "domain_pair",
    "opc_client",
    "opc_server",
    "policy_controlled",
    "rollback",
    "workgroup_pair",
}

pytestmark = pytest.mark.molecule


def test_no_scenario_is_missed() -> None:
    assert {path.parent.name for path in (EXTENSIONS / "molecule").glob("*/molecule.yml")} == WANTED


def test_scenario(molecule_scenario: pytest_ansible_molecule.MoleculeScenario) -> None:
    assert molecule_scenario.parent_directory.resolve() == EXTENSIONS
    assert molecule_scenario.test().returncode == 0
