# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One description of the links configures both ends: links fail before and work after, by the state in force."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playbooks import Ansible, PlaybookRun
from simulator.host import SimulatedHost
from simulator.opc import administration as admin
from simulator.opc.connection import connect
from simulator.opc.layers import Layer, Link, Mode, Outcome
from simulator.opc.network import Network
from simulator.profiles import SERVER_2019, SERVER_2022, WINDOWS_10
from simulator.site import SimulatedSite
from simulator.software import APIS_PROGRAM, opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.clock import VirtualClock

pytestmark = pytest.mark.e2e

HARDEN = "otsec.opc_dcom.harden_opc"
PASSWORD = "Simulated-Passw0rd"
SERVER_SECRET, CLIENT_SECRET, TREND_SECRET = "Plant-Server-1", "Plant-Client-1", "Plant-Trend-1"
TREND = r"C:\Program Files\Example\OpcClient.exe"
PROG_ID = "Prediktor.ApisOPCServer.1"
ADDRESSES = {"gw01": "10.0.0.11", "hist01": "10.0.0.21", "eng01": "10.0.0.22"}
GROUPS = {"opc_servers": ("gw01",), "opc_clients": ("hist01", "eng01")}
FAST = {"opc_server_reboot_interval_s": 0.2, "opc_client_reboot_interval_s": 0.2}

MODEL: dict[str, Any] = {
    "applications": {
        "apis_hive": {"prog_id": PROG_ID, "program": APIS_PROGRAM, "service": "ApisHive"},
        "trend": {"program": TREND},
    },
    "accounts": {
        "OPCServerUser": {"password": SERVER_SECRET},
        "OPCClientUser": {"password": CLIENT_SECRET},
        "OPCTrendUser": {"password": TREND_SECRET},
    },
    "hosts": {name: {"address": address} for name, address in ADDRESSES.items()},
    "links": [
        {
            "name": "history",
            "server": {"host": "gw01", "application": "apis_hive", "account": "OPCServerUser"},
            "client": {"host": "hist01", "application": "apis_hive", "account": "OPCClientUser"},
            "read_mode": "subscribe",
            "browse": True,
        },
        {
            "name": "trends",
            "server": {"host": "gw01", "application": "apis_hive", "account": "OPCServerUser"},
            "client": {"host": "eng01", "application": "trend", "account": "OPCTrendUser"},
            "read_mode": "subscribe",
        },
    ],
}
HISTORY = Link("hist01", "gw01", PROG_ID, APIS_PROGRAM, mode=Mode.SUBSCRIBE, browse=True, address=ADDRESSES["gw01"])
TRENDS = Link("eng01", "gw01", PROG_ID, TREND, r".\OPCTrendUser", mode=Mode.SUBSCRIBE, address=ADDRESSES["gw01"])


def make_host(name: str) -> SimulatedHost:
    profile = {"gw01": SERVER_2019, "hist01": SERVER_2022, "eng01": WINDOWS_10}[name]
    software = [opc_core_components(), opc_client(TREND) if name == "eng01" else prediktor_apis()]
    host = SimulatedHost(name, profile, clock=VirtualClock(ticker=time.monotonic), software=software)
    host.allow_unencrypted = True
    host.accounts.set_password(None, "Administrator", PASSWORD)
    return host


@pytest.fixture
def hosts() -> dict[str, SimulatedHost]:
    """Each host has the account its own program runs as, and none of its peers'."""
    made = {name: make_host(name) for name in ADDRESSES}
    for name, account, secret in (
        ("gw01", "OPCServerUser", SERVER_SECRET),
        ("hist01", "OPCClientUser", CLIENT_SECRET),
        ("eng01", "OPCTrendUser", TREND_SECRET),
    ):
        admin.create_account(made[name], account, secret)
        if name != "eng01":
            admin.run_service_as(made[name], "ApisHive", account, secret)
        made[name].journal.records.clear()
    return made


@pytest.fixture
def network(hosts: dict[str, SimulatedHost]) -> Network:
    return Network(hosts, ADDRESSES)


@pytest.fixture
def site(hosts: dict[str, SimulatedHost]) -> Iterator[SimulatedSite]:
    with SimulatedSite(hosts) as running:
        yield running
        running.check()


@pytest.fixture
def ansible(site: SimulatedSite, tmp_path: Path) -> Ansible:
    return Ansible(site, tmp_path, GROUPS)


def variables(model: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {**FAST, "opc_site": MODEL if model is None else model, **more}


def without_link(name: str) -> dict[str, Any]:
    model = copy.deepcopy(MODEL)
    model["links"] = [link for link in model["links"] if link["name"] != name]
    return model


def assert_success(run: PlaybookRun) -> None:
    assert run.returncode == 0, run.output
    assert not run.statuses("failed"), run.output
    assert not run.statuses("unreachable"), run.output


def tried(site: SimulatedSite, network: Network, link: Link) -> Outcome:
    return site.run_in_loop(lambda: connect(network, link))


def wait_until_up(hosts: dict[str, SimulatedHost], site: SimulatedSite) -> None:
    deadline = time.monotonic() + 10
    while not all(site.run_in_loop(lambda host=host: host.is_up) for host in hosts.values()):  # type: ignore[misc]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_links_fail_before_and_work_after(
    site: SimulatedSite, ansible: Ansible, network: Network, hosts: dict[str, SimulatedHost]
) -> None:
    for link in (HISTORY, TRENDS):
        assert tried(site, network, link).layer is Layer.SERVER_FIREWALL

    first = ansible.playbook(HARDEN, variables=variables())

    assert_success(first)
    for link in (HISTORY, TRENDS):
        outcome = tried(site, network, link)
        assert outcome.ok, outcome.evidence
    assert tried(site, network, HISTORY).servers == (PROG_ID,)
    assert hosts["gw01"].accounts.shares_password_with(hosts["hist01"].accounts, "OPCClientUser")
    assert hosts["gw01"].accounts.shares_password_with(hosts["eng01"].accounts, "OPCServerUser")
    writes = {name: len(site[name].writes) for name in ADDRESSES}

    second = ansible.playbook(HARDEN, variables=variables())

    assert_success(second)
    assert second.statuses("changed") == []
    assert {name: len(site[name].writes) for name in ADDRESSES} == writes
