# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutual accounts by harden_opc: made on both ends, then left alone; no password is tried, none is shown anywhere."""

from __future__ import annotations

import copy
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from secret_search import files_below, places_of_host, where_found

from playbooks import Ansible, PlaybookRun
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2019, WINDOWS_10
from simulator.site import SimulatedSite
from simulator.software import APIS_PROGRAM, opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.account_database import User
from simulator.subsystems.clock import VirtualClock
from simulator.subsystems.service_record import State

HARDEN = "otsec.opc_dcom.harden_opc"
TREND = r"C:\Program Files\Example\OpcClient.exe"
ADDRESSES = {"gw01": "10.0.0.11", "eng01": "10.0.0.22"}
# Each is written differently by JSON, XML, URLs, shells and base64, so that a search tells which of them has it.
SERVER_SECRET, CLIENT_SECRET = "S<3&\"r'v\u00ebr\\ 1%/+=", "Tr\u00ebnd & 'Client' <2> \"100%\"/\\+="
NEW_SERVER_SECRET, NEW_CLIENT_SECRET = SERVER_SECRET + "-changed", CLIENT_SECRET + "-changed"
SECRETS = (SERVER_SECRET, CLIENT_SECRET)  # the new ones hold them
ADMINISTRATORS, DISTRIBUTED_COM_USERS = "S-1-5-32-544", "S-1-5-32-562"
LOGONS = (4624, 4625, 4740, 4776)

MODEL: dict[str, Any] = {
    "applications": {
        "apis_hive": {"prog_id": "Prediktor.ApisOPCServer.1", "program": APIS_PROGRAM, "service": "ApisHive"},
        "trend": {"program": TREND},
    },
    "accounts": {"OPCServerUser": {"password": SERVER_SECRET}, "OPCTrendUser": {"password": CLIENT_SECRET}},
    "hosts": {name: {"address": address} for name, address in ADDRESSES.items()},
    "links": [
        {
            "name": "trends",
            "server": {"host": "gw01", "application": "apis_hive", "account": "OPCServerUser"},
            "client": {"host": "eng01", "application": "trend", "account": "OPCTrendUser"},
        }
    ],
}
SERVICES = "{{ {'ApisHive': 'OPCServerUser'} if inventory_hostname == 'gw01' else {} }}"
ALWAYS = {
    "opc_server_reboot_interval_s": 0.2,
    "opc_client_reboot_interval_s": 0.2,
    "opc_accounts_services": SERVICES,
}

pytestmark = [pytest.mark.e2e, pytest.mark.site]


@pytest.fixture
def hosts() -> dict[str, SimulatedHost]:
    """A server whose service runs as LocalSystem, and a German client. Neither has any of the accounts."""
    ticking = {name: VirtualClock(ticker=time.monotonic) for name in ADDRESSES}
    apis = [opc_core_components(), prediktor_apis()]
    made = {
        "gw01": SimulatedHost("gw01", SERVER_2019, clock=ticking["gw01"], software=apis),
        "eng01": SimulatedHost(
            "eng01",
            WINDOWS_10,
            ui_language="de-DE",
            clock=ticking["eng01"],
            software=[opc_core_components(), opc_client(TREND)],
        ),
    }
    for host in made.values():
        host.allow_unencrypted = True
        host.accounts.set_password(None, "Administrator", "Simulated-Passw0rd")
        host.accounts.policy.lockout_threshold = 1
        host.journal.records.clear()
    return made


@pytest.fixture
def site(hosts: dict[str, SimulatedHost]) -> Iterator[SimulatedSite]:
    with SimulatedSite(hosts) as running:
        yield running
        running.check()


@pytest.fixture
def ansible(site: SimulatedSite, tmp_path: Path) -> Iterator[Ansible]:
    """Everything a controller can be told to keep is kept below the directory of the test, or in one with a short name:
    Ansible puts a socket into TMPDIR, whose path may have 107 characters."""
    made = Ansible(site, tmp_path, {"opc_servers": ["gw01"], "opc_clients": ["eng01"]})
    made.environment = {
        "ANSIBLE_LOG_PATH": str(tmp_path / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN": "jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "facts"),
        "ANSIBLE_RETRY_FILES_ENABLED": "True",
        "ANSIBLE_RETRY_FILES_SAVE_PATH": str(tmp_path / "retry"),
    }
    with tempfile.TemporaryDirectory(prefix="opc-") as short:
        made.environment["TMPDIR"] = short
        yield made


def run(ansible: Ansible, *arguments: str, model: dict[str, Any] | None = None, **more: Any) -> PlaybookRun:
    variables = {**ALWAYS, "opc_site": MODEL if model is None else model, **more}
    return ansible.playbook(HARDEN, "-vvv", "--diff", *arguments, variables=variables)


def with_other_passwords() -> dict[str, Any]:
    model = copy.deepcopy(MODEL)
    model["accounts"] = {
        "OPCServerUser": {"password": NEW_SERVER_SECRET},
        "OPCTrendUser": {"password": NEW_CLIENT_SECRET},
    }
    return model


def logons_of(hosts: dict[str, SimulatedHost]) -> list[str]:
    """Every event about a logon, or a lock-out, of one of the accounts."""
    return [
        f"{name}: {record.event.event_id}"
        for name, host in hosts.items()
        for record in host.event_log.read(None, "Security")
        if record.event.event_id in LOGONS and any(account in repr(record.event.data) for account in MODEL["accounts"])
    ]


def users_of(hosts: dict[str, SimulatedHost]) -> list[User]:
    return [host.accounts.local.user(name) for host in hosts.values() for name in MODEL["accounts"]]


def places(ansible: Ansible, *runs: PlaybookRun) -> dict[str, str | bytes]:
    """Everything that a run printed or returned, that a host recorded, and that is left on the controller."""
    found: dict[str, str | bytes] = {}
    for number, done in enumerate(runs, start=1):
        found[f"output of run {number}"] = done.output
        found[f"results of run {number}"] = repr(done.results)
    for name in ansible.site:
        found |= places_of_host(ansible.site[name])
    found |= files_below(Path(ansible.environment["TMPDIR"]), [])
    return found | files_below(ansible.directory, [ansible.directory / "variables.json"])


def assert_nobody_tells(ansible: Ansible, *runs: PlaybookRun) -> None:
    searched = places(ansible, *runs)
    assert len(searched["ansible.log"]) > 10_000
    for expected in ("gw01: command lines", "gw01: events of Security", "gw01: state", "eng01: journal"):
        assert len(searched[expected]) > 100, expected
    assert where_found(SECRETS, searched) == []


@pytest.mark.matrix
def test_accounts_are_made_on_both_ends_and_no_password_is_tried_or_shown(
    site: SimulatedSite, ansible: Ansible, hosts: dict[str, SimulatedHost], tmp_path: Path
) -> None:
    first = run(ansible, opc_accounts_deny_interactive_logon=True)

    assert first.returncode == 0, first.output
    server, client = (host.accounts for host in hosts.values())
    for name in MODEL["accounts"]:
        assert server.shares_password_with(client, name)
    process = hosts["gw01"].services.service("ApisHive").process
    assert process is not None
    assert process.account == r"GW01\OPCServerUser"
    for user in users_of(hosts):
        assert (user.is_enabled, user.password_never_expires, user.cannot_change_password) == (True, True, True)
    for accounts in (server, client):
        sids = {accounts.local.user(name).sid for name in MODEL["accounts"]}
        assert accounts.local.group("OPC Users").members == sids
        assert accounts.local.group(DISTRIBUTED_COM_USERS).members == sids
        assert not accounts.local.group(ADMINISTRATORS).members & sids
        for right in ("SeDenyInteractiveLogonRight", "SeDenyRemoteInteractiveLogonRight"):
            assert accounts.holders_of(right) == sids
    assert client.local.group(DISTRIBUTED_COM_USERS).name == "Distributed COM-Benutzer"

    writes, logons = {name: len(site[name].writes) for name in hosts}, logons_of(hosts)
    second = run(ansible, model=with_other_passwords(), opc_accounts_deny_interactive_logon=True)

    assert second.returncode == 0, second.output
    assert second.statuses("changed") == []
    assert {name: len(site[name].writes) for name in hosts} == writes
    assert logons_of(hosts) == logons
    assert [(user.bad_password_count, user.is_locked_out) for user in users_of(hosts)] == [(0, False)] * 4
    assert server.is_password("OPCServerUser", SERVER_SECRET)
    assert client.is_password("OPCServerUser", SERVER_SECRET)
    assert_nobody_tells(ansible, first, second)


def test_a_password_is_set_again_only_when_told_and_shown_neither_then_nor_in_a_failure(
    ansible: Ansible, hosts: dict[str, SimulatedHost]
) -> None:
    for host in hosts.values():
        host.accounts.policy.lockout_threshold = 0
    hosts["eng01"].accounts.policy.minimum_length = 100
    refused = run(ansible)
    assert refused.returncode != 0
    assert 'could not be created or kept by "Have the accounts"' in refused.output, refused.output
    assert hosts["eng01"].accounts.local.find_user("OPCTrendUser") is None

    hosts["eng01"].accounts.policy.minimum_length = 0
    done = run(ansible)
    assert done.returncode == 0, done.output
    told = run(ansible, "--tags", "opc_accounts", model=with_other_passwords(), opc_accounts_update_password="always")

    assert told.returncode == 0, told.output
    for host in hosts.values():
        assert host.accounts.is_password("OPCServerUser", NEW_SERVER_SECRET)
        assert host.accounts.is_password("OPCTrendUser", NEW_CLIENT_SECRET)
    hosts["gw01"].reboot()
    hosts["gw01"].clock.advance(60)
    assert hosts["gw01"].services.service("ApisHive").state is State.RUNNING  # it has the new password as well
    assert any(line.endswith("4625") for line in logons_of(hosts))  # what `always` costs: it tries the password
    assert_nobody_tells(ansible, refused, done, told)


def test_passwords_of_plain_variables_are_kept_as_well(ansible: Ansible, hosts: dict[str, SimulatedHost]) -> None:
    """A site without links says account and password once for all its servers, and for all its clients."""
    variables = {
        "opc_server_service": "ApisHive",
        "opc_server_prog_id": "Prediktor.ApisOPCServer.1",
        "opc_server_program": APIS_PROGRAM,
        "opc_server_account": "OPCServerUser",
        "opc_server_account_password": SERVER_SECRET,
        "opc_client_program": TREND,
        "opc_client_account": "OPCTrendUser",
        "opc_client_account_password": CLIENT_SECRET,
    }
    done = run(ansible, model={"hosts": MODEL["hosts"]}, **variables)

    assert done.returncode == 0, done.output
    server, client = (host.accounts for host in hosts.values())
    for name in MODEL["accounts"]:
        assert server.shares_password_with(client, name)
    assert_nobody_tells(ansible, done)


def plays(ansible: Ansible, listed: list[dict[str, Any]], *arguments: str) -> PlaybookRun:
    path = ansible.directory / "plays.json"
    path.write_text(json.dumps(listed), encoding="utf-8")
    return ansible.playbook(str(path), *arguments, variables={**ALWAYS, "opc_site": MODEL})


def test_an_audit_in_the_run_of_the_roll_out_finds_nothing_left(
    ansible: Ansible, hosts: dict[str, SimulatedHost]
) -> None:
    """What the roll-out has made is there, although its results are still known."""
    books = [{"ansible.builtin.import_playbook": f"otsec.opc_dcom.{name}"} for name in ("harden_opc", "audit_opc")]
    done = plays(ansible, books)
    assert done.returncode == 0, done.output
    assert hosts["gw01"].accounts.local.find_user("OPCServerUser") is not None


def test_a_tag_given_to_a_role_brings_its_accounts_as_well(
    ansible: Ansible, site: SimulatedSite, hosts: dict[str, SimulatedHost]
) -> None:
    server = {
        "hosts": "gw01",
        "gather_facts": False,
        "roles": [{"role": "otsec.opc_dcom.opc_server", "tags": ["plant_a"]}],
    }
    other = plays(ansible, [server], "--tags", "plant_b")
    assert other.returncode == 0, other.output
    assert site["gw01"].statistics.messages == 0

    without = plays(ansible, [server], "--tags", "plant_a", "--skip-tags", "opc_accounts")
    assert without.returncode != 0
    assert hosts["gw01"].accounts.local.find_user("OPCServerUser") is None
    assert site["gw01"].writes == []  # rights of accounts that are not there

    done = plays(ansible, [server], "--tags", "plant_a")
    assert done.returncode == 0, done.output
    assert hosts["gw01"].accounts.local.find_user("OPCServerUser") is not None
    assert set(done.of("gw01", "opc_role")[-1].result["after"]) >= {"defaults", "logging", "grants", "firewall"}
    again = plays(ansible, [server], "--tags", "plant_a")
    assert again.returncode == 0, again.output
    assert again.statuses("changed") == []
