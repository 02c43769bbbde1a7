# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role opc_accounts gives services the accounts they are to run as, where asked to, and restarts them once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from secret_search import places_of_host, where_found

from playbooks import Ansible, PlaybookRun
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2008_R2, SERVER_2022
from simulator.site import SimulatedSite
from simulator.software import prediktor_apis
from simulator.subsystems.clock import VirtualClock

SECRET = "S<3&\"r'v\u00ebr\\ 1%/+="
ACCOUNT = {"name": "OPCServerUser", "password": SECRET}
ROLE = {"name": "Accounts", "ansible.builtin.include_role": {"name": "otsec.opc_dcom.opc_accounts"}}

pytestmark = pytest.mark.e2e


@pytest.fixture
def site() -> Iterator[SimulatedSite]:
    hosts = {}
    for name, profile in (("gw01", SERVER_2022), ("old01", SERVER_2008_R2)):
        clock = VirtualClock(ticker=time.monotonic)
        hosts[name] = SimulatedHost(name, profile, clock=clock, software=[prediktor_apis()], ui_language="de-DE")
        hosts[name].allow_unencrypted = True
        hosts[name].accounts.set_password(None, "Administrator", "Simulated-Passw0rd")
        hosts[name].journal.records.clear()
    with SimulatedSite(hosts) as running:
        yield running
        running.check()


@pytest.fixture
def ansible(site: SimulatedSite, tmp_path: Path) -> Ansible:
    return Ansible(site, tmp_path, {})


def host_of(site: SimulatedSite, name: str) -> SimulatedHost:
    host = site[name].host
    assert isinstance(host, SimulatedHost)
    return host


def run(ansible: Ansible, *arguments: str, hosts: str = "gw01", **variables: Any) -> PlaybookRun:
    return ansible.tasks([{**ROLE, "vars": variables}], "-vvv", "--diff", *arguments, hosts=hosts)


def services_written(site: SimulatedSite) -> list[str]:
    return [line for line in site["gw01"].writes if line.startswith("services")]


def test_a_service_runs_as_its_account_after_one_restart(site: SimulatedSite, ansible: Ansible) -> None:
    wanted = {"opc_accounts_list": [ACCOUNT], "opc_accounts_services": {"ApisHive": "OPCServerUser"}}
    preview = run(ansible, "--check", **wanted)
    assert preview.returncode == 0, preview.output
    assert site["gw01"].writes == []

    first = run(ansible, **wanted)

    assert first.returncode == 0, first.output
    host = host_of(site, "gw01")
    process = host.services.service("ApisHive").process
    assert process is not None
    assert process.account.lower() in (r".\opcserveruser", r"gw01\opcserveruser")
    assert services_written(site) == ["services change ApisHive", "services stop ApisHive", "services start ApisHive"]
    user = host.accounts.local.user("OPCServerUser")
    assert user.sid in host.accounts.holders_of("SeServiceLogonRight")

    other = {**ACCOUNT, "password": f"{SECRET}-changed"}
    second = run(ansible, **{**wanted, "opc_accounts_list": [other]})
    assert second.returncode == 0, second.output
    assert second.statuses("changed") == []
    outputs = {"first": first.output + repr(first.results), "second": second.output + repr(second.results)}
    assert where_found([SECRET], outputs | places_of_host(site["gw01"])) == []


def test_local_system_is_an_exception_in_every_run_and_a_restart_can_be_left(
    site: SimulatedSite, ansible: Ansible
) -> None:
    host = host_of(site, "gw01")
    host.services.change(None, "ApisHive", account=r"NT AUTHORITY\NetworkService")
    host.journal.records.clear()
    wanted = {"opc_accounts_services": {"ApisHive": "LocalSystem"}, "opc_accounts_restart_services": False}
    for status in (["gw01: otsec.opc_dcom.opc_accounts : Have the services run as the accounts"], []):
        done = run(ansible, **wanted)
        assert done.returncode == 0, done.output
        assert "service ApisHive runs as LocalSystem: it has every right on its host" in done.output
        assert sorted(set(done.statuses("changed"))) == status
    assert host.services.config("ApisHive").account == "LocalSystem"
    assert services_written(site) == ["services change ApisHive"]


def test_an_audit_names_services_that_run_as_another_account(
    site: SimulatedSite, ansible: Ansible, tmp_path: Path
) -> None:
    ansible.groups = {"opc_servers": ["gw01"]}
    reports = []
    for account in (r"NT SERVICE\ApisHive", "LocalSystem"):
        variables = {"opc_accounts_services": {"ApisHive": account}, "opc_audit_path": str(tmp_path)}
        audit = ansible.playbook("otsec.opc_dcom.audit_opc", "--limit", "gw01", variables=variables)
        assert (tmp_path / "gw01.json").exists(), audit.output
        reports.append(json.loads((tmp_path / "gw01.json").read_text()))
    assert site["gw01"].writes == []
    assert "service ApisHive runs as another account" in reports[0]["drift"]
    assert not any("ApisHive" in line for line in reports[1]["drift"])
    assert any(line.startswith("service ApisHive runs as LocalSystem") for line in reports[1]["exceptions"])


@pytest.mark.parametrize(
    ("name", "services", "said"),
    [
        ("gw01", {"ApisHive": r".\OPCServerUser"}, "There is no password for it"),
        ("gw01", {"Nope": "LocalSystem"}, "the host has no service Nope"),
        ("old01", {"ApisHive": "OPCServerUser"}, "services.msc: ApisHive, Log On: OPCServerUser"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_changed(
    site: SimulatedSite, ansible: Ansible, name: str, services: dict[str, str], said: str
) -> None:
    done = run(ansible, hosts=name, opc_accounts_services=services)
    assert len(done.statuses("failed")) == 1, done.output
    assert said in done.output
    assert site[name].writes == []


@pytest.mark.parametrize(
    "variables",
    [
        {"opc_accounts_service_passwords": SECRET},
        {"opc_accounts_list": [SECRET]},
        {"opc_accounts_list": {"OPCServerUser": SECRET}},
        {"opc_accounts_list": [{"name": "OPCServerUser", "pasword": SECRET}]},
    ],
    ids=["text for a mapping", "text for an account", "mapping for a list", "wrong key"],
)
def test_a_mistake_beside_a_password_does_not_show_it(
    site: SimulatedSite, ansible: Ansible, variables: dict[str, Any]
) -> None:
    done = run(ansible, opc_accounts_services={"ApisHive": "LocalSystem"}, **variables)
    assert len(done.statuses("failed")) == 1, done.output
    assert where_found([SECRET], {"output": done.output, "results": repr(done.results)}) == []
    assert site["gw01"].writes == []
