# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One description of the links configures both ends: links fail before and work after, by the state in force."""

from __future__ import annotations

import copy
import json
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
from simulator.software import APIS_APP_ID, APIS_PROGRAM, opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.clock import VirtualClock

pytestmark = [pytest.mark.e2e, pytest.mark.site]

AFTER_ACCOUNTS = "Bring DCOM to what an OPC server needs, now that the accounts are there"
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


def secrets_in(ansible: Ansible, *runs: PlaybookRun) -> list[str]:
    """Where a password of a link shows: results, output, or what the hosts have written down."""
    texts = {f"run {number}": run.output + repr(run.results) for number, run in enumerate(runs)}
    for name in ansible.site:
        host = ansible.site[name].host
        assert isinstance(host, SimulatedHost)
        events = [host.event_log.read(None, channel) for channel in host.event_log.channels()]
        texts[name] = repr(host.journal.records) + repr(events) + host.snapshot().text()
    secrets = (SERVER_SECRET, CLIENT_SECRET, TREND_SECRET)
    return [where for where, text in texts.items() for secret in secrets if secret in text]


def test_check_mode_shows_everything_and_changes_nothing(
    site: SimulatedSite, ansible: Ansible, hosts: dict[str, SimulatedHost]
) -> None:
    preview = ansible.playbook(HARDEN, "--check", "--diff", variables=variables())
    assert_success(preview)
    assert {name: site[name].writes for name in hosts} == {name: [] for name in hosts}
    accounts = {item.host for item in preview.results if item.action.endswith("win_user") and item.status == "changed"}
    assert accounts == set(hosts)

    first = ansible.playbook(HARDEN, "--diff", variables=variables())

    assert_success(first)
    for name in hosts:
        (first_look, shown), (_first_look, done) = preview.of(name, "opc_role"), first.of(name, "opc_role")
        assert first_look.result["accounts_first"] is True
        assert shown.result["changed"] is done.result["changed"] is True
        assert shown.result["reboot_reasons"] == done.result["reboot_reasons"]
        assert without_new_accounts(shown.result["after"]) == without_new_accounts(done.result["after"])
    assert secrets_in(ansible, preview, first) == []


def without_new_accounts(state: Any) -> Any:
    """In check mode an account that is not there yet has its name from the model, without the name of the host."""
    if isinstance(state, dict):
        return {name: without_new_accounts(value) for name, value in state.items()}
    if isinstance(state, list):
        return [without_new_accounts(value) for value in state]
    text = str(state).replace(" (does not exist yet)", "")
    for name in ADDRESSES:
        text = text.replace(f"{name.upper()}\\", ".\\")
    return text


def test_an_audit_tells_drift_and_changes_nothing(
    site: SimulatedSite, ansible: Ansible, network: Network, hosts: dict[str, SimulatedHost], tmp_path: Path
) -> None:
    audit = "otsec.opc_dcom.audit_opc"
    before = ansible.playbook(audit, variables=variables())
    assert before.returncode != 0
    assert {name: site[name].writes for name in hosts} == {name: [] for name in hosts}

    assert_success(ansible.playbook(HARDEN, variables=variables()))
    reports = tmp_path / "reports"
    reports.mkdir()
    clean = ansible.playbook(audit, variables=variables(opc_audit_path=str(reports)))
    assert_success(clean)
    assert clean.statuses("changed") == []
    assert {path.name: json.loads(path.read_text())["drift"] for path in reports.iterdir()} == {
        f"{name}.json": [] for name in hosts
    }

    writes = {name: len(site[name].writes) for name in hosts}
    site.run_in_loop(lambda: admin.revoke(hosts["gw01"], admin.ACCESS_LIMIT, "OPCClientUser"))
    drifted = ansible.playbook(audit, variables=variables(opc_audit_path=str(reports)))
    assert drifted.returncode != 0
    (line,) = json.loads((reports / "gw01.json").read_text())["drift"]
    assert line == ("grants / machine_access_restriction: is missing: allow  GW01\\OPCClientUser  remote_access")
    assert {name: len(site[name].writes) for name in hosts} == writes
    assert secrets_in(ansible, before, clean, drifted) == []


def test_verify_links_names_the_layer_and_ends_with_an_error(
    site: SimulatedSite, ansible: Ansible, network: Network, hosts: dict[str, SimulatedHost]
) -> None:
    verify = "otsec.opc_dcom.verify_links"
    before = ansible.playbook(verify, variables=variables())
    assert before.returncode != 0
    assert [item.result["failing"] for item in before.results if item.action.endswith("opc_link_info")] == [
        ["history", "trends"]
    ]
    assert "FAILS   history: server_firewall on gw01:" in before.output

    assert_success(ansible.playbook(HARDEN, variables=variables()))
    after = ansible.playbook(verify, variables=variables())
    assert_success(after)
    assert after.statuses("changed") == []

    site.run_in_loop(lambda: admin.revoke(hosts["hist01"], admin.access_of(APIS_APP_ID), "OPCServerUser"))
    broken = ansible.playbook(verify, variables=variables())
    assert broken.returncode != 0
    (judged,) = (item.result for item in broken.results if item.action.endswith("opc_link_info"))
    assert judged["failing"] == ["history"]
    assert judged["links"][0]["layer"] == "callback"
    assert judged["links"][0]["first"]["layer"] == "application_access"


def test_a_link_that_is_removed_takes_its_rights_with_it(
    site: SimulatedSite, ansible: Ansible, network: Network, hosts: dict[str, SimulatedHost]
) -> None:
    assert_success(ansible.playbook(HARDEN, variables=variables()))
    assert tried(site, network, TRENDS).ok

    removed = ansible.playbook(HARDEN, variables=variables(without_link("trends")))

    assert_success(removed)
    assert {item.host for item in removed.results if item.action.endswith("opc_role") and item.status == "changed"} == {
        "gw01",
        "eng01",
    }
    assert tried(site, network, HISTORY).ok
    assert not tried(site, network, TRENDS).ok
    assert hosts["eng01"].app_id_of(TREND) is None
    rules = {item.rule.name for item in hosts["eng01"].firewall.rules()}
    assert not {name for name in rules if name.startswith("OPC ")}


def test_one_play_for_hosts_of_either_role(
    site: SimulatedSite, ansible: Ansible, hosts: dict[str, SimulatedHost]
) -> None:
    """The roles as people include them. The handlers of the last role count for hosts that only have the other one."""
    tasks = [
        {
            "ansible.builtin.include_role": {"name": f"otsec.opc_dcom.opc_{role}"},
            "when": f"'opc_{role}s' in group_names",
        }
        for role in ("server", "client")
    ]
    ansible.host_vars = variables()

    preview = ansible.tasks(tasks, "--check")

    assert_success(preview)
    assert {item.host for item in preview.results if item.action.endswith("opc_reboot")} == set(hosts)

    first = ansible.tasks(tasks)

    assert_success(first)
    assert {
        item.host for item in first.results if item.action.endswith("opc_reboot") and item.status == "changed"
    } == set(hosts)
    wait_until_up(hosts, site)
    assert ansible.tasks(tasks).statuses("changed") == []


def test_every_job_slice_leads_to_the_same_state(
    site: SimulatedSite, ansible: Ansible, network: Network, hosts: dict[str, SimulatedHost]
) -> None:
    """As AWX slices an inventory: each job knows its own hosts only, and nothing of the others."""
    for name in ("hist01", "gw01", "eng01"):
        groups = {group: [host for host in members if host == name] for group, members in GROUPS.items()}
        (ansible.directory / name).mkdir()
        part = Ansible(site, ansible.directory / name, groups, only=[name])
        run = part.playbook(HARDEN, variables=variables())
        assert run.returncode == 0, run.output
    for link in (HISTORY, TRENDS):
        outcome = tried(site, network, link)
        assert outcome.ok, outcome.evidence
    whole = ansible.playbook(HARDEN, variables=variables())
    assert_success(whole)
    assert whole.statuses("changed") == []


def test_a_mistake_in_the_model_is_told_before_anything_is_changed(
    site: SimulatedSite, ansible: Ansible, hosts: dict[str, SimulatedHost]
) -> None:
    model = copy.deepcopy(MODEL)
    model["links"][0]["client"]["host"] = "hist9"
    model["links"][1]["read_mode"] = "push"
    run = ansible.playbook(HARDEN, variables=variables(model))
    assert run.returncode != 0
    assert "links[0].client.host: 'hist9' is neither in the inventory nor in hosts" in run.output
    assert "links[1].read_mode: 'push' is neither poll nor subscribe" in run.output
    assert {name: site[name].writes for name in hosts} == {name: [] for name in hosts}
    assert secrets_in(ansible, run) == []


def test_a_variable_that_contradicts_the_model_is_told_before_settings_are_changed(
    site: SimulatedSite, ansible: Ansible
) -> None:
    """Written in turn, both would change the application and restart the plant's service in every run."""
    run = ansible.playbook(HARDEN, "--limit", "gw01", variables=variables(opc_server_prog_ids=PROG_ID))
    assert run.statuses("failed") == [f"gw01: otsec.opc_dcom.opc_server : {AFTER_ACCOUNTS}"], run.output
    assert "applications[0]: contradicts grants: both decide AccessPermission of HKLM" in run.output
    assert {line.partition(" ")[0] for line in site["gw01"].writes} == {"accounts"}


def test_roles_that_disagree_about_a_host_are_told_before_it_is_changed(
    site: SimulatedSite, hosts: dict[str, SimulatedHost], tmp_path: Path
) -> None:
    """A host that is both would change its level, and reboot, in every run."""
    privacy = {**FAST, "opc_server_authentication_level": "packet_privacy"}
    both = Ansible(site, tmp_path, {**GROUPS, "opc_servers": ("gw01", "hist01")})
    run = both.playbook(HARDEN, "--limit", "hist01", variables=privacy)
    assert len(run.statuses("failed")) == 1, run.output
    assert (
        "opc_client_authentication_level: this is packet_integrity, but opc_server_authentication_level" in run.output
    )
    assert site["hist01"].writes == []

    (tmp_path / "apart").mkdir()
    apart = Ansible(site, tmp_path / "apart", {})
    apart.host_vars = privacy
    tasks = [{"ansible.builtin.include_role": {"name": f"otsec.opc_dcom.opc_{role}"}} for role in ("client", "server")]
    second = apart.tasks(tasks, "--limit", "eng01")
    assert (
        "opc_server_authentication_level: this is packet_privacy, but opc_client_authentication_level" in second.output
    )
    level = hosts["eng01"].registry.get(r"HKLM\SOFTWARE\Microsoft\Ole", "LegacyAuthenticationLevel")
    assert level is not None
    assert level.number == 5

    agreed = {**privacy, "opc_client_authentication_level": "packet_privacy"}
    assert_success(both.playbook(HARDEN, "--limit", "hist01", "--skip-tags", "verify", variables=agreed))

    # What the first role wrote is not written otherwise by the second.
    mixed = variables(opc_server_prog_ids=PROG_ID, opc_client_authentication_level="packet_privacy", **privacy)
    third = both.playbook(HARDEN, "--limit", "hist01", "--skip-tags", "verify", variables=mixed)
    assert "holding.grants: contradicts applications[0]: both decide AccessPermission of HKLM" in third.output


def test_a_preview_in_the_same_run_takes_nothing_from_the_roll_out(
    site: SimulatedSite, hosts: dict[str, SimulatedHost], tmp_path: Path
) -> None:
    """A report, the roll-out and a report of it; on a host that is both, one role does everything for its links."""
    both = Ansible(site, tmp_path, {**GROUPS, "opc_servers": ("gw01", "hist01")})
    both.host_vars = variables()
    roles = [{"name": f"otsec.opc_dcom.opc_{role}"} for role in ("client", "server")]
    preview = [
        {
            "ansible.builtin.include_role": {**role, "apply": {"check_mode": True}},
            "vars": {"__opc_auditing": True},
        }
        for role in roles
    ]
    real = [{"ansible.builtin.include_role": role} for role in roles]
    run = both.tasks([*preview, *real, *preview, *real], "--limit", "hist01")
    assert_success(run)
    applied = [item.result for item in run.results if item.action == "otsec.opc_dcom.opc_role"]
    applied = [result for result in applied if not result["accounts_first"]]
    assert ["grants" in result["options"] for result in applied] == [True, False] * 4
    assert [result["changed"] for result in applied] == [True, False] * 2 + [False] * 4
