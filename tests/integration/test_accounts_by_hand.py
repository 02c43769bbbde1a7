# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts on which Ansible's modules do not run: too old, or PowerShell forbidden. A person makes the accounts there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playbooks import Ansible, PlaybookRun
from simulator.host import SimulatedHost
from simulator.opc import administration as admin
from simulator.opc.connection import connect
from simulator.opc.layers import Link, Mode
from simulator.opc.network import Network
from simulator.profiles import SERVER_2008_R2, WINDOWS_7, WINDOWS_10
from simulator.programs.software_policy import DISALLOWED_PATHS
from simulator.site import SimulatedSite
from simulator.software import APIS_PROGRAM, opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.clock import VirtualClock
from simulator.subsystems.registry_value import RegistryValue

HARDEN = "otsec.opc_dcom.harden_opc"
PROG_ID = "Prediktor.ApisOPCServer.1"
TREND = r"C:\Program Files\Example\OpcClient.exe"
POWERSHELL = r"%SystemRoot%\System32\WindowsPowerShell"
SECRETS = {"OPCServerUser": "Plant-Server-1", "OPCTrendUser": "Plant-Trend-1"}
PROFILES = {"old01": SERVER_2008_R2, "eng07": WINDOWS_7, "lock01": WINDOWS_10}
ADDRESSES = {"old01": "10.0.0.11", "eng07": "10.0.0.21", "lock01": "10.0.0.22"}
GROUPS = {"opc_servers": ["old01"], "opc_clients": ["eng07", "lock01"]}
LINKS = {
    name: Link(name, "old01", PROG_ID, TREND, r".\OPCTrendUser", mode=Mode.SUBSCRIBE, address=ADDRESSES["old01"])
    for name in GROUPS["opc_clients"]
}
MODEL: dict[str, Any] = {
    "applications": {
        "apis_hive": {"prog_id": PROG_ID, "program": APIS_PROGRAM, "service": "ApisHive"},
        "trend": {"program": TREND},
    },
    "accounts": {name: {"password": secret} for name, secret in SECRETS.items()},
    "hosts": {name: {"address": address} for name, address in ADDRESSES.items()},
    "links": [
        {
            "server": {"host": "old01", "application": "apis_hive", "account": "OPCServerUser"},
            "client": {"host": GROUPS["opc_clients"], "application": "trend", "account": "OPCTrendUser"},
        }
    ],
}
VARIABLES = {"opc_site": MODEL, "opc_server_reboot_interval_s": 0.2, "opc_client_reboot_interval_s": 0.2}

pytestmark = [pytest.mark.e2e, pytest.mark.site]


def make_host(name: str) -> SimulatedHost:
    software = [opc_core_components(), prediktor_apis() if name == "old01" else opc_client(TREND)]
    host = SimulatedHost(name, PROFILES[name], clock=VirtualClock(ticker=time.monotonic), software=software)
    if name == "old01":
        admin.create_account(host, "OPCServerUser", SECRETS["OPCServerUser"])
        admin.run_service_as(host, "ApisHive", "OPCServerUser", SECRETS["OPCServerUser"])
    if name == "lock01":
        host.registry.put(rf"{DISALLOWED_PATHS}\{{1}}", "ItemData", RegistryValue.expand_sz(POWERSHELL))
    host.allow_unencrypted = True
    host.accounts.set_password(None, "Administrator", "Simulated-Passw0rd")
    host.journal.records.clear()
    return host


@pytest.fixture
def hosts() -> dict[str, SimulatedHost]:
    return {name: make_host(name) for name in PROFILES}


@pytest.fixture
def site(hosts: dict[str, SimulatedHost]) -> Iterator[SimulatedSite]:
    with SimulatedSite(hosts) as running:
        yield running
        running.check()


@pytest.fixture
def ansible(site: SimulatedSite, tmp_path: Path) -> Ansible:
    return Ansible(site, tmp_path, GROUPS)


def printed_steps(run: PlaybookRun, host: str) -> list[str]:
    """The commands that the failure of a host tells a person to run there."""
    (failure,) = (item for item in run.results if item.host == host and item.status == "failed")
    _reason, _said, commands = failure.result["msg"].partition("Run on the host as an administrator, one by one: ")
    return [str(step) for step in commands.split(" ; ")]


def type_in(host: SimulatedHost, step: str) -> None:
    """A person at cmd.exe, who types the password twice where it is asked for."""
    asked = re.search(r'net user "(\w+)" \* ', step)
    typed = f"{SECRETS[asked[1]]}\r\n" * 2 if asked else ""
    done = host.interpreter.run(host.caller_of("Administrator", "127.0.0.1"), step, typed.encode(), {})
    assert done.exit_code == 0, (step, done.stderr)


@pytest.mark.matrix
def test_a_person_makes_the_accounts_and_everything_else_is_done_from_here(
    site: SimulatedSite, ansible: Ansible, hosts: dict[str, SimulatedHost]
) -> None:
    before = {name: host.snapshot() for name, host in hosts.items()}

    stopped = ansible.playbook(HARDEN, variables=VARIABLES)

    assert stopped.returncode != 0
    assert sorted({item.host for item in stopped.results if item.status == "failed"}) == sorted(hosts)
    assert {name: site[name].writes for name in hosts} == {name: [] for name in hosts}
    assert {name: host.snapshot() for name, host in hosts.items()} == before
    assert "OPCServerUser, OPCTrendUser missing on lock01" in stopped.output
    assert "PowerShell 2.0 is too old or is not allowed to run. Nothing was changed." in stopped.output, stopped.output
    assert not any(secret in stopped.output for secret in SECRETS.values())

    for name, host in hosts.items():
        steps = printed_steps(stopped, name)
        assert len(steps) == (7 if name == "old01" else 9), steps
        site.run_in_loop(lambda host=host, steps=steps: [type_in(host, step) for step in steps])  # type: ignore[misc]
    by_hand = {name: host.snapshot().accounts for name, host in hosts.items()}

    done = ansible.playbook(HARDEN, variables=VARIABLES)

    assert done.returncode == 0, done.output
    for link in LINKS.values():
        outcome = site.run_in_loop(lambda link=link: connect(Network(hosts, ADDRESSES), link))  # type: ignore[misc]
        assert outcome.ok, outcome.evidence
    assert {name: host.snapshot().accounts for name, host in hosts.items()} == by_hand
    server = hosts["old01"].accounts
    assert all(server.shares_password_with(hosts[name].accounts, "OPCTrendUser") for name in LINKS)
    assert {name: host.boot_count for name, host in hosts.items()} == dict.fromkeys(hosts, 2)
    started = {
        name: len([line for line in site[name].statistics.command_lines if "powershell" in line.lower()])
        for name in hosts
    }
    assert started == {"old01": 0, "eng07": 0, "lock01": 1}  # where all is in order nothing is tried

    again = ansible.playbook(HARDEN, variables=VARIABLES)
    assert again.returncode == 0, again.output
    assert again.statuses("changed") == []


def test_an_account_that_is_there_but_not_as_it_should_be_is_named_and_work_goes_on(
    site: SimulatedSite, ansible: Ansible, hosts: dict[str, SimulatedHost]
) -> None:
    for host in hosts.values():
        for name, secret in SECRETS.items():
            if host.accounts.local.find_user(name) is None:
                host.accounts.create_user(None, name, secret, cannot_change_password=True)
    hosts["eng07"].accounts.update_user(None, "OPCTrendUser", is_enabled=False)
    for host in hosts.values():
        host.journal.records.clear()

    run = ansible.playbook(HARDEN, "--check", "--limit", "eng07,lock01", variables=VARIABLES)

    told = {item.host: item.result["msg"] for item in run.results if "put right" in item.task and item.status == "ok"}
    assert ' ; net user "OPCTrendUser" /active:yes /passwordchg:no ; wmic useraccount' in told["eng07"]
    assert "need a hand: wmic useraccount" in told["lock01"]
    assert [item.host for item in run.results if item.status == "failed" and "account" in item.task] == []
    assert {item.host for item in run.results if item.action.endswith("opc_role")} == {"eng07", "lock01"}
    assert {name: site[name].writes for name in hosts} == {name: [] for name in hosts}
