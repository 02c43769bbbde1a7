# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of ansible.windows that run beside this collection, by the real ansible-playbook on simulated hosts.

What they put on the wire differs between ansible-core versions, so this runs on each of them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playbooks import Ansible, PlaybookRun
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2008_R2, SERVER_2016, SERVER_2022, Profile
from simulator.site import SimulatedSite
from simulator.subsystems.clock import VirtualClock
from simulator.subsystems.firewall_match import Connection
from simulator.subsystems.registry_value import RegistryValue

ADMIN_PASSWORD = "Simulated-Passw0rd"
OPERATOR_PASSWORD = 'Grün&"blau" %PATH% ^1$x'
PATH = "HKLM:\\SOFTWARE\\Werk \u201eSüd\u201c 100%PATH% & Co"
# Messages are encrypted in the first, the connection is in the second; the rest is proved with this collection's own.
WAYS = [pytest.param("http", "ntlm", id="http-ntlm"), pytest.param("https", "basic", id="https-basic")]

pytestmark = [pytest.mark.e2e, pytest.mark.matrix]


def make_host(name: str, profile: Profile, language: str = "en-US") -> SimulatedHost:
    host = SimulatedHost(name, profile, ui_language=language, clock=VirtualClock(ticker=time.monotonic))
    host.allow_unencrypted = True
    host.accounts.set_password(None, "Administrator", ADMIN_PASSWORD)
    return host


@pytest.fixture
def hosts() -> dict[str, SimulatedHost]:
    return {
        "gw01": make_host("gw01", SERVER_2022),
        "gw02": make_host("gw02", SERVER_2016, "de-DE"),
    }


@pytest.fixture
def site(hosts: dict[str, SimulatedHost]) -> Iterator[SimulatedSite]:
    with SimulatedSite(hosts, schemes=("http", "https")) as running:
        yield running
        running.check()


@pytest.fixture
def ansible(site: SimulatedSite, tmp_path: Path) -> Ansible:
    return Ansible(site, tmp_path, {})


def task(module: str, **options: Any) -> dict[str, Any]:
    return {"name": module, f"ansible.windows.{module}": options}


STATE = [
    task("win_user", name="opc", password=OPERATOR_PASSWORD, fullname="Bediener Süd", password_never_expires=True),
    task("win_group", name="OPC Users", description='Für "OPC" & DCOM'),
    task("win_group_membership", name="OPC Users", members=["opc"], state="present"),
    task("win_user_right", name="SeServiceLogonRight", users=["opc"], action="add"),
    task("win_regedit", path=PATH, name="Stufe", data=5, type="dword"),
    task("win_regedit", path=PATH, name="Größe", data=["ä", "", "%TEMP%"], type="multistring"),
    task("win_service", name="Spooler", start_mode="disabled", state="stopped"),
]


def assert_statuses(run: PlaybookRun, hosts: dict[str, SimulatedHost], status: str) -> None:
    assert run.returncode == 0, run.output
    assert [(item.host, item.task, item.status) for item in run.results if item.status != status] == []
    assert len(run.results) == len(hosts) * len(STATE)


@pytest.mark.parametrize(("scheme", "auth"), WAYS)
def test_state_is_changed_once(hosts: dict[str, SimulatedHost], ansible: Ansible, scheme: str, auth: str) -> None:
    ansible.choice = {"scheme": scheme, "auth": auth}

    assert_statuses(ansible.tasks(STATE), hosts, "changed")
    assert_statuses(ansible.tasks(STATE), hosts, "ok")
    first, second = hosts.values()
    assert first.accounts.shares_password_with(second.accounts, "opc")
    for host in hosts.values():
        assert host.registry.get(PATH.replace(":", ""), "Größe") == RegistryValue.multi_sz(["ä", "", "%TEMP%"])
        events = [host.event_log.read(None, channel) for channel in host.event_log.channels()]
        assert OPERATOR_PASSWORD not in repr(host.journal.records) + repr(events) + host.snapshot().text()


def test_check_mode_tells_the_changes_and_makes_none(hosts: dict[str, SimulatedHost], ansible: Ansible) -> None:
    before = {name: host.snapshot() for name, host in hosts.items()}

    # Modules that build on what earlier tasks would have done cannot know it in check mode.
    tasks = [item for item in STATE if item["name"] not in ("win_group_membership", "win_user_right")]
    run = ansible.tasks(tasks, "--check")

    assert run.returncode == 0, run.output
    assert {item.status for item in run.results} == {"changed"}
    assert {name: host.snapshot() for name, host in hosts.items()} == before


def test_questions_and_facts(hosts: dict[str, SimulatedHost], ansible: Ansible) -> None:
    questions = [
        task("win_ping", data="Süd & 100%"),
        task("win_reg_stat", path=r"HKLM:\SOFTWARE\Microsoft\Ole", name="EnableDCOM"),
        task("setup"),
        {"name": "facts by the front door", "ansible.builtin.setup": {}},
    ]
    run = ansible.tasks(questions)

    assert run.returncode == 0, run.output
    assert [item.result["ping"] for item in run.results if item.task == "win_ping"] == ["Süd & 100%"] * len(hosts)
    assert {item.result["raw_value"] for item in run.results if item.task == "win_reg_stat"} == {"Y"}
    assert {item.status for item in run.results} == {"ok"}
    facts = [item.result["ansible_facts"] for item in run.results if item.task.startswith("facts")]
    assert sorted(item["ansible_hostname"] for item in facts) == ["GW01", "GW02"]


def test_reboot(hosts: dict[str, SimulatedHost], ansible: Ansible) -> None:
    # The first look after three seconds finds the host booted again; an earlier one would wait for its next try.
    reboots = [task("win_reboot", post_reboot_delay=3, reboot_timeout=60, msg="Neustart \"Süd\" & 'jetzt'")]

    for count in (2, 3):
        run = ansible.tasks(reboots)

        assert run.returncode == 0, run.output
        assert [item.result["rebooted"] for item in run.results] == [True] * len(hosts)
        assert {host.boot_count for host in hosts.values()} == {count}


def test_firewall_rule(hosts: dict[str, SimulatedHost], ansible: Ansible) -> None:
    options = {"name": "OPC & DCOM", "localport": "135", "action": "allow", "direction": "in", "protocol": "tcp"}
    tasks = [{"name": "rule", "community.windows.win_firewall_rule": {**options, "state": "present", "enabled": True}}]

    assert {item.status for item in ansible.tasks(tasks).results} == {"changed"}
    assert {item.status for item in ansible.tasks(tasks).results} == {"ok"}
    for host in hosts.values():
        verdict = host.firewall.evaluate(Connection("In", "10.1.2.3", r"C:\Windows\System32\svchost.exe", 135))
        assert verdict.rule is not None
        assert verdict.rule.rule.name == "OPC & DCOM"


def test_blocked_powershell_fails_as_windows_fails(
    hosts: dict[str, SimulatedHost], site: SimulatedSite, ansible: Ansible
) -> None:
    policy = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\Safer\CodeIdentifiers\0\Paths\{0}"
    for host in hosts.values():
        host.registry.put(policy, "ItemData", RegistryValue.expand_sz("powershell.exe"))

    run = ansible.tasks([task("win_ping")])

    assert {item.status for item in run.results} == {"failed"}
    assert "group policy" in run.output
    assert "Gruppenrichtlinie" in run.output


def test_old_powershell_is_named_by_ansible(tmp_path: Path) -> None:
    old = make_host("old", SERVER_2008_R2)
    with SimulatedSite({"old": old}) as site:
        run = Ansible(site, tmp_path, {}).tasks([task("win_ping")])

    assert [item.status for item in run.results] == ["failed"]
    assert re.search(r"Ansible requires PowerShell v\d\.\d", run.results[0].result["msg"])
    assert site.violations == []
