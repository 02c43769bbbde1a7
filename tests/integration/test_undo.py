# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardening taken back, and services restarted, by the real ansible-playbook on hosts with OPC software."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from five_hosts import simulated
from lasting_state import state_of

from playbooks import Ansible, PlaybookRun
from simulator.faults import Effect, ScriptedFault
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2008_R2, SERVER_2019, WINDOWS_10, Profile
from simulator.site import SimulatedSite
from simulator.software import opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.clock import VirtualClock

OPC_HOST = "otsec.opc_dcom.opc_host"
HARDEN = "otsec.opc_dcom.harden_opc"
ROLLBACK = "otsec.opc_dcom.rollback_opc"
PASSWORD = "Simulated-Passw0rd"
GROUPS = {"opc_servers": ("gw01", "old01"), "opc_clients": ("eng01",)}
PROFILES: Mapping[str, Profile] = {"gw01": SERVER_2019, "old01": SERVER_2008_R2, "eng01": WINDOWS_10}
FAST = {"opc_rollback_reboot_interval_s": 0.2}

HARDENED: dict[str, Any] = {
    "defaults": {"authentication_level": "packet_integrity"},
    "opc_enum": {"clients": ["Distributed COM Users"]},
    "applications": [{"prog_id": "Prediktor.ApisOPCServer.1", "authentication_level": "packet_integrity"}],
    "firewall": {
        "opc_enum": True,
        "applications": [{"title": "ApisHive", "service": "ApisHive"}],
        "remote_addresses": ["10.0.0.21"],
    },
}

pytestmark = [pytest.mark.e2e, pytest.mark.site]


@pytest.fixture
def site() -> Iterator[SimulatedSite]:
    hosts = {}
    for name, profile in PROFILES.items():
        software = [opc_core_components(), prediktor_apis(), opc_client()]
        clock = VirtualClock(ticker=time.monotonic)
        hosts[name] = SimulatedHost(name, profile, clock=clock, software=software)
        hosts[name].allow_unencrypted = True
        hosts[name].accounts.set_password(None, "Administrator", PASSWORD)
    with SimulatedSite(hosts) as running:
        yield running
        running.check()


@pytest.fixture
def ansible(site: SimulatedSite, tmp_path: Path) -> Ansible:
    return Ansible(site, tmp_path, GROUPS)


def harden(ansible: Ansible) -> PlaybookRun:
    run = ansible.tasks([{"name": "Harden", OPC_HOST: HARDENED}])
    assert run.returncode == 0, run.output
    return run


def test_rollback_opc_gives_back_what_was_there(site: SimulatedSite, ansible: Ansible) -> None:
    before = {name: state_of(simulated(site, name)) for name in PROFILES}
    harden(ansible)
    assert all(state_of(simulated(site, name)) != before[name] for name in PROFILES)

    run = ansible.playbook(ROLLBACK, variables=FAST)

    assert run.returncode == 0, run.output
    assert {name: state_of(simulated(site, name)) for name in PROFILES} == before
    order = [item.host for item in run.results if item.action.endswith("dcom_snapshot") and item.status == "changed"]
    assert order[-1] == "eng01"  # servers before clients
    again = ansible.playbook(ROLLBACK, variables=FAST)
    assert again.returncode == 0, again.output
    assert again.statuses("changed") == []


def test_both_roles_of_a_host_are_taken_back_as_one_run(site: SimulatedSite, tmp_path: Path) -> None:
    both = Ansible(site, tmp_path, {**GROUPS, "opc_clients": ("gw01",)})
    before = state_of(simulated(site, "gw01"))
    users = {"opc_client_allowed": "S-1-5-32-559", "opc_server_allowed": "S-1-5-32-555"}
    stay = {"opc_client_reboot": False, "opc_server_reboot": False}
    run = both.playbook(HARDEN, "--limit", "gw01", variables={**users, **stay})
    assert run.returncode == 0, run.output
    assert [item.status for item in run.of("gw01", "opc_role")] == ["changed", "changed"]

    back = both.playbook(ROLLBACK, "--limit", "gw01", variables=FAST)

    assert back.returncode == 0, back.output
    assert state_of(simulated(site, "gw01")) == before


def test_a_server_that_fails_ends_the_rollback_before_the_clients(site: SimulatedSite, ansible: Ansible) -> None:
    harden(ansible)
    hardened = state_of(simulated(site, "eng01"))
    refused = ScriptedFault(Effect.FAULT, times=1000, operation="StdRegProv.[SD]e[tl]*", code=5)
    site.add_fault("gw01", refused)

    run = ansible.playbook(ROLLBACK, variables=FAST)

    assert run.returncode != 0
    assert "Nothing is wrong with old01, but gw01 failed, so the run ends here" in run.output
    assert state_of(simulated(site, "eng01")) == hardened
    assert run.of("eng01", "dcom_snapshot") == []


def apis_process(site: SimulatedSite, name: str) -> tuple[int, int]:
    """The process of ApisHive, and the authentication level it runs with."""
    services = simulated(site, name).services
    process = services.service("ApisHive").process
    assert process is not None
    return process.process_id, process.com.authentication_level  # type: ignore[attr-defined]


def test_services_are_restarted_once_at_the_end_and_only_if_they_may(site: SimulatedSite, ansible: Ansible) -> None:
    raised = {"prog_id": "Prediktor.ApisOPCServer.1", "authentication_level": "packet_privacy"}
    wanted = {"opc_server_applications": [raised]}
    chosen = ("--tags", "dcom_application", "--limit", "opc_servers")
    before = {name: apis_process(site, name) for name in GROUPS["opc_servers"]}

    deferred = ansible.playbook(HARDEN, *chosen, variables={**wanted, "opc_server_restart_services": False})

    assert deferred.returncode == 0, deferred.output
    assert "ApisHive. They are not restarted (opc_server_restart_services is false)." in deferred.output
    assert {name: apis_process(site, name) for name in before} == before

    allowed = ansible.playbook(HARDEN, *chosen, variables=wanted)

    assert allowed.returncode == 0, allowed.output
    for name in before:
        (host,), (restart,) = allowed.of(name, "opc_role"), allowed.of(name, "opc_service_restart")
        assert (host.status, restart.status) == ("ok", "changed")
        assert restart.result["restarted"] == ["ApisHive"]
        process, level = apis_process(site, name)
        assert (process != before[name][0], level) == (True, 6)
        stops = [line for line in site[name].writes if line.startswith("services stop")]
        assert stops == ["services stop ApisHive"]
        assert simulated(site, name).boot_count == 1

    again = ansible.playbook(HARDEN, *chosen, variables=wanted)
    assert again.statuses("changed") == []
