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
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2008_R2, SERVER_2019, WINDOWS_10, Profile
from simulator.site import SimulatedSite
from simulator.software import opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.clock import VirtualClock

OPC_HOST = "otsec.opc_dcom.opc_host"
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

pytestmark = pytest.mark.e2e


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
