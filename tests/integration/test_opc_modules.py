# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall, OpcEnum, policy, restart and snapshot modules as tasks of the real ansible-playbook."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playbooks import Ansible, PlaybookRun
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2008_R2, SERVER_2022
from simulator.site import SimulatedSite
from simulator.software import opc_core_components, prediktor_apis
from simulator.subsystems.clock import VirtualClock

PASSWORD = "Simulated-Passw0rd"
NAMES = ("gw01", "old01")
CHANGED = sorted(f"{name}: It" for name in NAMES)
PREFIX = "otsec.opc_dcom."

FIREWALL = {"opc_enum": True, "applications": [{"service": "ApisHive"}], "remote_addresses": ["10.0.0.21"]}
RAISED = {"prog_id": "Prediktor.ApisOPCServer.1", "authentication_level": "packet_privacy"}

# Module, options, and a line that the diff must add.
SETTERS = [
    pytest.param("opc_firewall", FIREWALL, "+  OPC ApisHive (in):", id="opc_firewall"),
    pytest.param(
        "opc_enum", {"clients": ["Distributed COM Users"]}, "+authentication_level: packet_integrity (5)", id="opc_enum"
    ),
    pytest.param("opc_host_policy", {"dcom_ports": "50000-50199"}, "+dcom_ports: 50000-50199", id="opc_host_policy"),
    pytest.param(
        "opc_host",
        {"opc_enum": {"state": "disabled"}, "firewall": FIREWALL, "host_policy": {"uac": "enabled"}},
        "+  start_mode: disabled",
        id="opc_host",
    ),
]

pytestmark = pytest.mark.e2e


@pytest.fixture
def site() -> Iterator[SimulatedSite]:
    hosts = {}
    for name, profile in zip(NAMES, (SERVER_2022, SERVER_2008_R2), strict=True):
        clock = VirtualClock(ticker=time.monotonic)
        hosts[name] = SimulatedHost(name, profile, clock=clock, software=[opc_core_components(), prediktor_apis()])
        hosts[name].allow_unencrypted = True
        hosts[name].accounts.set_password(None, "Administrator", PASSWORD)
        hosts[name].journal.records.clear()
    with SimulatedSite(hosts) as running:
        yield running
        running.check()


@pytest.fixture
def ansible(site: SimulatedSite, tmp_path: Path) -> Ansible:
    return Ansible(site, tmp_path, {"opc_servers": NAMES})


def task(ansible: Ansible, module: str, options: dict[str, Any], *arguments: str) -> PlaybookRun:
    run = ansible.tasks([{"name": "It", PREFIX + module: options}], *arguments)
    assert run.returncode == 0, run.output
    return run


@pytest.mark.matrix
@pytest.mark.parametrize(("module", "options", "line"), SETTERS)
def test_a_setter_shows_then_does_then_has_nothing_to_do(
    site: SimulatedSite, ansible: Ansible, module: str, options: dict[str, Any], line: str
) -> None:
    preview = task(ansible, module, options, "--check", "--diff")
    assert sorted(preview.statuses("changed")) == CHANGED
    assert [site[name].writes for name in NAMES] == [[], []]
    assert line in preview.output, preview.output

    first = task(ansible, module, options, "--diff")
    assert sorted(first.statuses("changed")) == CHANGED
    for name in NAMES:
        (shown,), (done,) = preview.of(name, module), first.of(name, module)
        assert shown.result["diff"] == done.result["diff"]

    assert task(ansible, module, options).statuses("changed") == []


def test_restarting_what_waits_for_it(site: SimulatedSite, ansible: Ansible) -> None:
    first = task(ansible, "dcom_application", RAISED)
    assert first.of("gw01", "dcom_application")[0].result["restart_required"] == ["ApisHive"]
    assert task(ansible, "opc_service_restart", {}, "--check").statuses("changed") != []
    done = task(ansible, "opc_service_restart", {})
    for name in NAMES:
        assert done.of(name, "opc_service_restart")[0].result["restarted"] == ["ApisHive"]
    assert task(ansible, "opc_service_restart", {}).statuses("changed") == []


def test_saving_listing_showing_restoring_deleting(site: SimulatedSite, ansible: Ansible, tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    saved = task(ansible, "dcom_snapshot", {"path": f"{copies}/"})
    assert sorted(saved.statuses("changed")) == CHANGED
    assert task(ansible, "dcom_snapshot", {}).statuses("changed") == []
    assert {json.loads(item.read_text())["snapshot"]["host"]["computer_name"] for item in copies.iterdir()} == {
        "GW01",
        "OLD01",
    }

    task(ansible, "opc_host", {"applications": [RAISED], "opc_enum": {"state": "disabled"}})
    listed = task(ansible, "dcom_snapshot", {"state": "listed"}).of("gw01", "dcom_snapshot")[0].result["snapshots"]
    assert [item["kind"] for item in listed] == ["hand", "run"]
    shown = task(ansible, "dcom_snapshot", {"state": "shown", "name": "first"}).of("gw01", "dcom_snapshot")[0].result
    assert shown["snapshot"]["kind"] == "hand"

    restore = {"state": "restored", "name": "first"}
    assert sorted(task(ansible, "dcom_snapshot", restore, "--check").statuses("changed")) == CHANGED
    assert sorted(task(ansible, "dcom_snapshot", restore).statuses("changed")) == CHANGED
    assert task(ansible, "dcom_snapshot", restore).statuses("changed") == []
    assert task(ansible, "dcom_snapshot", {"state": "absent", "name": "all"}).statuses("changed") != []
    assert task(ansible, "dcom_snapshot", {"state": "listed"}).of("gw01", "dcom_snapshot")[0].result["snapshots"] == []


@pytest.mark.parametrize(
    ("module", "options", "said"),
    [
        ("opc_firewall", {"applications": [{"service": "ApisHive"}]}, "allow_any_remote"),
        ("opc_enum", {"clients": ["Everyone"]}, "allow_everyone"),
        ("opc_host_policy", {"uac": "disabled"}, "allow_weak"),
        ("opc_host_policy", {"dcom_ports": "100-200"}, "5001"),
        ("opc_service_restart", {"timeout_s": 0}, "timeout_s"),
        ("dcom_snapshot", {"state": "restored", "path": "/no/such/file"}, "cannot be read"),
        ("dcom_snapshot", {"keep": 0}, "keep"),
        ("opc_host", {"everything": True}, "Unsupported parameters"),
        ("opc_account_info", {"names": ["a/b"]}, "names[0]"),
    ],
)
def test_what_is_refused_is_refused_before_the_host_is_contacted(
    site: SimulatedSite, ansible: Ansible, module: str, options: dict[str, Any], said: str
) -> None:
    run = ansible.tasks([{"name": "It", PREFIX + module: options}], hosts="gw01")
    assert run.statuses("failed") == ["gw01: It"], run.output
    assert said in run.results[0].result["msg"]
    assert site["gw01"].statistics.messages == 0
