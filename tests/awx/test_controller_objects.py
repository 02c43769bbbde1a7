# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""configure_awx with the real modules of awx.awx: options they accept, objects and a project that fit together."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from recording_controller import RecordingController

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_groups import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".build" / "collections"
PROJECT = ROOT / "examples" / "awx_project"
EXISTING = {
    "organizations": [{"name": "Default"}],
    "inventories": [{"name": "Plant"}],
    "credentials": [{"name": "Plant administrators"}],
}
NAMED = {
    "opc_awx_inventory": "Plant",
    "opc_awx_machine_credential": "Plant administrators",
    "opc_awx_project_url": "https://git.example/opc.git",
    "opc_awx_slices": "3",
}

pytestmark = pytest.mark.awx

if not (COLLECTIONS / "ansible_collections" / "awx" / "awx").is_dir():
    pytest.skip("the collection awx.awx is not installed here", allow_module_level=True)


def configure(controller: RecordingController, directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("ANSIBLE_", "CONTROLLER_"))}
    arguments = [word for name, text in variables.items() for word in ("-e", f'{{"{name}": "{text}"}}')]
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "otsec.opc_dcom.configure_awx", *arguments],
        cwd=directory,
        env={
            **kept,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_HOME": str(directory / "home"),
            "CONTROLLER_HOST": controller.url,
            "CONTROLLER_OAUTH_TOKEN": "a-token",
            "no_proxy": "127.0.0.1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingController]:
    with RecordingController(EXISTING) as controller:
        done = configure(controller, tmp_path_factory.mktemp("awx"), **NAMED)
        assert done.returncode == 0, done.stdout
        yield controller


def test_job_templates_run_playbooks_of_the_project(configured: RecordingController) -> None:
    templates = configured.by_name("job_templates")
    assert set(templates) == {"OPC audit", "OPC preview", "OPC harden", "OPC verify", "OPC rollback"}
    for name, template in templates.items():
        assert (PROJECT / template["playbook"]).is_file(), name
        assert template["ask_limit_on_launch"] is True
        used = configured.linked("job_templates", name, "credentials", "credentials")
        assert sorted(used) == ["OPC mutual accounts", "Plant administrators"]
    assert (templates["OPC preview"]["job_type"], templates["OPC preview"]["diff_mode"]) == ("check", True)
    assert {name: template["job_slice_count"] for name, template in templates.items() if name != "OPC harden"} == {
        "OPC audit": 1,
        "OPC preview": 1,
        "OPC verify": 1,
        "OPC rollback": 1,
    }
    assert templates["OPC harden"]["job_slice_count"] == 3


def accepted_variables() -> set[str]:
    """What roles name in their contract, a site without links goes by, and playbooks read."""
    names = set(VARIABLES)
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        names |= set(yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"])
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "playbooks").glob("*_opc.yml"))
    asked = {"opc_canary", "opc_serial", "opc_rollback_to", "opc_rollback_reboot"}
    return names | {name for name in asked if f"{name} | default(" in text}


def test_surveys_ask_for_variables_that_exist(configured: RecordingController) -> None:
    surveys = {place: survey["spec"] for place, survey in configured.documents.items()}
    assert len(surveys) == 3
    for questions in surveys.values():
        assert {question["variable"] for question in questions} <= accepted_variables()
        for question in questions:
            assert isinstance(question["default"], str)
            assert question["type"] == "text" or question["default"] in question["choices"]


def test_the_credential_type_hands_on_what_it_asks_for(configured: RecordingController) -> None:
    (made,) = configured.by_name("credential_types").values()
    fields = made["inputs"]["fields"]
    assert all(field["secret"] for field in fields)
    assert made["injectors"]["extra_vars"] == {
        "opc_mutual_server_password": "{{ server_password }}",
        "opc_mutual_client_password": "{{ client_password }}",
    }
    assert {field["id"] for field in fields} == {"server_password", "client_password"}


def next_of(controller: RecordingController, name: str) -> dict[str, list[str]]:
    kind = "workflow_job_template_nodes"
    found = {
        outcome: controller.linked(kind, name, f"{outcome}_nodes", kind) for outcome in ("success", "failure", "always")
    }
    return {outcome: names for outcome, names in found.items() if names}


def test_nobody_is_hardened_without_a_preview_and_two_approvals(configured: RecordingController) -> None:
    path: list[str] = []
    following: Any = ["audit"]
    while following:
        (name,) = following
        path.append(name)
        outcomes = next_of(configured, name)
        assert len(outcomes) <= 1
        following = next(iter(outcomes.values()), [])
    order = ["audit", "preview", "approve-canary", "canary", "verify-canary", "approve-rest", "rest", "verify-all"]
    assert path == order
    nodes = configured.by_name("workflow_job_template_nodes")
    approvals = {item["id"] for item in configured.objects["workflow_approval_templates"].values()}
    assert {name for name in order if nodes[name]["unified_job_template"] in approvals} == {
        "approve-canary",
        "approve-rest",
    }
    assert nodes["canary"]["limit"] == "opc_canaries"
    for name in ("preview", "approve-canary", "canary", "approve-rest", "rest"):
        assert set(next_of(configured, name)) == {"success"}


def test_a_second_run_makes_no_second_object(configured: RecordingController, tmp_path: Path) -> None:
    before = {kind: sorted(configured.by_name(kind)) for kind in configured.objects}
    done = configure(configured, tmp_path, **NAMED)
    assert done.returncode == 0, done.stdout
    assert {kind: sorted(configured.by_name(kind)) for kind in configured.objects} == before


def test_what_it_is_built_on_must_be_named(tmp_path: Path) -> None:
    with RecordingController(EXISTING) as controller:
        done = configure(controller, tmp_path)
        assert done.returncode != 0
        assert "Set opc_awx_inventory, opc_awx_machine_credential" in done.stdout
        assert controller.changes == []
