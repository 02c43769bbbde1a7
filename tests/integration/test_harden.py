# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's story on a site of two servers and three clients, over real HTTP, with the real ansible-playbook."""

from __future__ import annotations

import time

import pytest
from five_hosts import CLIENTS, FAST_REBOOT, SERVERS, simulated

from playbooks import Ansible, assert_success
from simulator.site import SimulatedSite
from simulator.subsystems.registry_value import RegistryValue

HARDEN = "otsec.opc_dcom.harden_opc"
HOSTS = (*SERVERS, *CLIENTS)
OLE = r"HKLM\SOFTWARE\Microsoft\Ole"
PACKET_INTEGRITY = 5

# Every way to connect that the collection promises; each runs on every supported ansible-core.
WAYS = [
    pytest.param(connection, scheme, auth, id=f"{connection}-{scheme}-{auth}")
    for connection in ("winrm", "psrp")
    for scheme in ("http", "https")
    for auth in ("basic", "ntlm")
]

pytestmark = pytest.mark.e2e


def level_in_force(site: SimulatedSite, name: str) -> int:
    return simulated(site, name).in_force().machine.default_authentication_level


@pytest.mark.matrix
@pytest.mark.parametrize(("connection", "scheme", "auth"), WAYS)
def test_first_run_changes_and_reboots_second_run_changes_nothing(
    site: SimulatedSite, ansible: Ansible, connection: str, scheme: str, auth: str
) -> None:
    ansible.connection, ansible.choice = connection, {"scheme": scheme, "auth": auth}
    assert {level_in_force(site, name) for name in HOSTS} == {2}

    first = ansible.playbook(HARDEN, variables=FAST_REBOOT)

    assert_success(first)
    assert {level_in_force(site, name) for name in HOSTS} == {PACKET_INTEGRITY}
    for name in HOSTS:
        assert [item.result["rebooted"] for item in first.of(name, "opc_reboot")] == [True]

    writes = {name: len(site[name].writes) for name in HOSTS}
    second = ansible.playbook(HARDEN, variables=FAST_REBOOT)

    assert_success(second)
    assert second.statuses("changed") == []
    assert {name: len(site[name].writes) for name in HOSTS} == writes


def test_check_mode_shows_what_the_first_run_does_and_writes_nothing(site: SimulatedSite, ansible: Ansible) -> None:
    preview = ansible.playbook(HARDEN, "--check", "--diff", variables=FAST_REBOOT)

    assert_success(preview)
    assert [name for name in HOSTS if site[name].writes] == []
    first = ansible.playbook(HARDEN, "--diff", variables=FAST_REBOOT)
    assert_success(first)
    for name in HOSTS:
        (shown,), (done,) = preview.of(name, "opc_role"), first.of(name, "opc_role")
        for key in ("changed", "before", "after", "diff", "reboot_required", "reboot_reasons"):
            assert shown.result[key] == done.result[key], key
        assert "authentication_level: packet_integrity (5)" in done.result["diff"]["after"]
        assert [item.status for item in preview.of(name, "opc_reboot")] == ["changed"]


def test_clients_come_before_servers(site: SimulatedSite, ansible: Ansible) -> None:
    run = ansible.playbook(HARDEN, variables=FAST_REBOOT)
    order = [item.host for item in run.results if item.action.endswith("opc_reboot")]
    assert set(order[: len(CLIENTS)]) == set(CLIENTS)
    assert set(order[len(CLIENTS) :]) == set(SERVERS)


def test_a_run_that_failed_before_the_reboot_is_finished_by_the_next(site: SimulatedSite, ansible: Ansible) -> None:
    first = ansible.playbook(HARDEN, "--limit", "gw01", variables={**FAST_REBOOT, "opc_server_reboot": False})
    assert_success(first)
    assert level_in_force(site, "gw01") == 2

    second = ansible.playbook(HARDEN, "--limit", "gw01", variables=FAST_REBOOT)

    assert_success(second)
    (host,) = second.of("gw01", "opc_role")
    assert host.result["changed"] is False
    assert host.result["reboot_required"] is True
    assert set(host.result["reboot_reasons"]) >= {"authentication_level"}
    assert level_in_force(site, "gw01") == PACKET_INTEGRITY


def test_a_deferred_reboot_is_named_in_every_run_until_somebody_reboots(site: SimulatedSite, ansible: Ansible) -> None:
    deferred = {**FAST_REBOOT, "opc_server_reboot": False}
    for _round in range(2):
        run = ansible.playbook(HARDEN, "--limit", "gw01", variables=deferred)
        assert run.of("gw01", "opc_role")[0].result["reboot_required"] is True
        assert "gw01 must reboot before these count: " in run.output
    assert run.statuses("changed") == []
    site.run_in_loop(simulated(site, "gw01").reboot)
    wait_until_up(site, "gw01")
    run = ansible.playbook(HARDEN, "--limit", "gw01", variables=deferred)
    assert run.of("gw01", "opc_role")[0].result["reboot_required"] is False


def wait_until_up(site: SimulatedSite, name: str) -> None:
    host = simulated(site, name)
    deadline = time.monotonic() + 10
    while not site.run_in_loop(lambda: host.is_up):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_limit_and_serial_are_honoured(site: SimulatedSite, ansible: Ansible) -> None:
    run = ansible.playbook(HARDEN, "--limit", "hist01,gw02", variables={**FAST_REBOOT, "opc_serial": 1})
    assert_success(run)
    assert {name for name in HOSTS if site[name].writes} == {"hist01", "gw02"}


def test_tags_choose_sections(site: SimulatedSite, ansible: Ansible) -> None:
    run = ansible.playbook(HARDEN, "--limit", "gw01", "--tags", "dcom_logging", variables=FAST_REBOOT)
    assert_success(run)
    assert set(run.of("gw01", "opc_role")[0].result["after"]) == {"logging"}
    assert level_in_force(site, "gw01") == 2
    registry = simulated(site, "gw01").registry
    assert registry.get(OLE, "ActivationFailureLoggingLevel") == RegistryValue.dword(1)


def test_loop_items_share_one_tcp_connection(site: SimulatedSite, ansible: Ansible) -> None:
    task = {
        "name": "Look four times",
        "otsec.opc_dcom.dcom_defaults": {"authentication_level": "{{ item }}"},
        "loop": ["connect"] * 4,
        "check_mode": True,
    }
    assert_success(ansible.tasks([task], hosts="gw01"))
    assert site["gw01"].statistics.connections == 1


def test_become_is_refused_with_the_reason(ansible: Ansible) -> None:
    task = {
        "name": "Become",
        "otsec.opc_dcom.dcom_info": {},
        "become": True,
        "become_method": "runas",
        "become_user": "SYSTEM",
    }
    run = ansible.tasks([task], hosts="gw01")
    assert run.statuses("failed") == ["gw01: Become"]
    assert "does not support become" in run.output


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ansible_password": "wrong"}, "401"),
        ({"ansible_port": 1}, "refused"),
        ({"ansible_winrm_ca_trust_path": None, "ansible_winrm_server_cert_validation": "validate"}, "certificate"),
    ],
    ids=["wrong-password", "nothing-listens", "untrusted-certificate"],
)
def test_what_cannot_be_reached_is_unreachable_and_says_why(
    site: SimulatedSite, ansible: Ansible, change: dict[str, object], said: str
) -> None:
    ansible.choice = {"scheme": "https", "auth": "basic"}
    ansible.host_vars = change
    run = ansible.tasks([{"name": "Look", "otsec.opc_dcom.dcom_info": {}}], hosts="gw01")
    assert run.statuses("unreachable") == ["gw01: Look"], run.output
    (result,) = run.results
    assert said in result.result["msg"].lower()
    assert not site["gw01"].writes


def test_another_connection_plugin_is_named(ansible: Ansible) -> None:
    ansible.host_vars = {"ansible_connection": "local"}
    run = ansible.tasks([{"name": "Look", "otsec.opc_dcom.dcom_info": {}}], hosts="gw01")
    assert run.statuses("failed") == ["gw01: Look"]
    assert "winrm" in run.results[0].result["msg"]
    assert "psrp" in run.results[0].result["msg"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"authentication_level": "integrity"}, "authentication_level"),
        ({"authentication_level": 5}, "authentication_level"),
        ({"enable_dcom": "perhaps"}, "enable_dcom"),
        ({"level": "connect"}, "level"),
        ({}, "at least one of"),
        ({"authentication_level": "none"}, "allow_weak"),
        ({"enable_dcom": False}, "allow_weak"),
    ],
)
def test_bad_options_fail_before_the_host_is_contacted(
    site: SimulatedSite, ansible: Ansible, arguments: dict[str, object], said: str
) -> None:
    run = ansible.tasks([{"name": "Set", "otsec.opc_dcom.dcom_defaults": arguments}], hosts="gw01")
    assert run.statuses("failed") == ["gw01: Set"]
    assert said in run.results[0].result["msg"]
    assert site["gw01"].statistics.messages == 0
