# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dcom_permission, dcom_application, dcom_info and the roles' permissions, with the real ansible-playbook."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from playbooks import Ansible, assert_success
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2019, WINDOWS_10
from simulator.site import SimulatedSite
from simulator.software import OPC_ENUM_APP_ID, opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.account_database import Domain
from simulator.subsystems.clock import VirtualClock

pytestmark = pytest.mark.e2e

PASSWORD = "Simulated-Passw0rd"
CLIENT = r"C:\Program Files\Example\OpcClient.exe"
OLE = r"HKLM\SOFTWARE\Microsoft\Ole"
GROUPS = {"opc_servers": ("gw01",), "opc_clients": ("hist01",)}
FAST_REBOOT = {"opc_server_reboot_interval_s": 0.2, "opc_client_reboot_interval_s": 0.2}
ACCESS = ["local_access", "remote_access"]
LAUNCH = ["local_launch", "remote_launch", "local_activation", "remote_activation"]


@pytest.fixture
def domain() -> Domain:
    domain = Domain("FACTORY", "factory.example")
    domain.add_group("OPC Users")
    domain.add_user("opc-server", PASSWORD)
    return domain


@pytest.fixture
def permission_site(domain: Domain) -> Iterator[SimulatedSite]:
    """A German server with OpcEnum and APIS, and a client, both members of a domain."""
    server = SimulatedHost(
        "gw01",
        SERVER_2019,
        ui_language="de-DE",
        domain=domain,
        clock=VirtualClock(ticker=time.monotonic),
        software=[opc_core_components(), prediktor_apis()],
    )
    client = SimulatedHost(
        "hist01", WINDOWS_10, domain=domain, clock=VirtualClock(ticker=time.monotonic), software=[opc_client(CLIENT)]
    )
    for host in (server, client):
        host.allow_unencrypted = True
        host.accounts.set_password(None, "Administrator", PASSWORD)
        host.journal.records.clear()
    with SimulatedSite({"gw01": server, "hist01": client}) as running:
        yield running
        running.check()


@pytest.fixture
def permission_ansible(permission_site: SimulatedSite, tmp_path: Path) -> Ansible:
    return Ansible(permission_site, tmp_path, GROUPS)


def task(module: str, **options: Any) -> dict[str, Any]:
    return {"name": module, f"otsec.opc_dcom.{module}": options}


def assert_preview_then_change_then_nothing(
    site: SimulatedSite, ansible: Ansible, tasks: list[dict[str, Any]], shown: list[str]
) -> None:
    """--check --diff shows these lines and writes nothing; the first run changes, the second does not."""
    preview = ansible.tasks(tasks, "--check", "--diff", hosts="gw01")
    assert_success(preview)
    assert site["gw01"].writes == []
    assert len(preview.statuses("changed")) == len(tasks)
    for line in shown:
        assert line in preview.output
    first = ansible.tasks(tasks, "--diff", hosts="gw01")
    assert_success(first)
    assert len(first.statuses("changed")) == len(tasks)
    writes = len(site["gw01"].writes)
    second = ansible.tasks(tasks, "--diff", hosts="gw01")
    assert_success(second)
    assert second.statuses("changed") == []
    assert len(site["gw01"].writes) == writes


def test_permission_module(permission_site: SimulatedSite, permission_ansible: Ansible) -> None:
    tasks = [
        task(
            "dcom_permission",
            scope="machine_limit",
            kind="launch",
            entries=[{"principal": "FACTORY\\OPC Users", "rights": ["local_activation", "remote_activation"]}],
        ),
        task(
            "dcom_permission",
            scope="application",
            kind="launch",
            service="OpcEnum",
            state="absent",
            entries=[{"principal": "Everyone"}],
        ),
    ]
    shown = [
        "+  - allow  FACTORY\\OPC Users  local_activation, remote_activation",
        "-  - allow  Everyone  local_launch, remote_launch, local_activation, remote_activation",
    ]
    assert_preview_then_change_then_nothing(permission_site, permission_ansible, tasks, shown)


def test_application_module(permission_site: SimulatedSite, permission_ansible: Ansible) -> None:
    tasks = [
        task("dcom_application", service="OpcEnum", authentication_level="packet_integrity", use_default_access=True),
        task("dcom_application", program="OpcClient.exe", authentication_level="packet_privacy"),
    ]
    shown = ["-authentication_level: none (1)", "+authentication_level: packet_integrity (5)", "packet_privacy (6)"]
    assert_preview_then_change_then_nothing(permission_site, permission_ansible, tasks, shown)


def test_info_module(permission_site: SimulatedSite, permission_ansible: Ansible) -> None:
    run = permission_ansible.tasks(
        [task("dcom_info", applications=[{"name": "Prediktor ApisOPCServer"}])], hosts="gw01"
    )
    assert_success(run)
    (result,) = run.of("gw01", "dcom_info")
    dcom = result.result["dcom"]
    assert [item["name"] for item in dcom["applications"]] == ["Prediktor ApisOPCServer", "OpcEnum"]
    assert "authentication_level_none" in [item["code"] for item in dcom["findings"]]
    assert permission_site["gw01"].writes == []


def test_a_lockout_fails_the_task_and_writes_nothing(
    permission_site: SimulatedSite, permission_ansible: Ansible
) -> None:
    entries = [{"principal": "FACTORY\\OPC Users", "rights": LAUNCH}]
    locking = task("dcom_permission", scope="machine_limit", kind="launch", state="exact", entries=entries)
    run = permission_ansible.tasks([locking], hosts="gw01")
    assert len(run.statuses("failed")) == 1
    assert "allow_lockout" in run.output
    assert permission_site["gw01"].writes == []


@pytest.mark.parametrize(
    "allowed", [["FACTORY\\OPC Users", "SYSTEM"], "FACTORY\\OPC Users, SYSTEM", "FACTORY\\OPC Users\nSYSTEM\n"],
    ids=["list", "commas", "lines"],
)  # fmt: skip
def test_roles_bring_the_group_through_every_door(
    permission_site: SimulatedSite, permission_ansible: Ansible, domain: Domain, allowed: object
) -> None:
    variables = {
        **FAST_REBOOT,
        "opc_server_allowed": allowed,
        "opc_server_allow_launch": False,
        "opc_server_prog_ids": "Prediktor.ApisOPCServer.1",
        "opc_server_applications": [{"service": "OpcEnum", "authentication_level": "packet_integrity"}],
        "opc_client_allowed": "FACTORY\\opc-server",
        "opc_client_programs": CLIENT,
    }
    first = permission_ansible.playbook("otsec.opc_dcom.harden_opc", variables=variables)
    assert_success(first)
    server, client = (permission_site[name].host for name in ("gw01", "hist01"))
    assert isinstance(server, SimulatedHost)
    assert isinstance(client, SimulatedHost)
    (result,) = server_results = first.of("gw01", "opc_role")
    assert len(server_results) == 1
    after = result.result["after"]
    assert after["permissions[1]"]["machine_launch_restriction"][-2:] == [
        "allow  FACTORY\\OPC Users  local_activation, remote_activation",
        "allow  NT AUTHORITY\\SYSTEM  local_activation, remote_activation",
    ]
    assert after["applications[1]"] == {
        "application": f"OpcEnum {OPC_ENUM_APP_ID}",
        "authentication_level": "packet_integrity (5)",
        "access_permission": ["absent: the machine default counts"],
        "launch_permission": ["absent: the machine default counts"],
    }
    assert client.app_id_of(CLIENT) is not None
    group, account = domain.group("OPC Users").sid, domain.user("opc-server").sid
    limit = server.in_force().machine.launch_limit.data
    assert limit is not None
    assert _sid_bytes(group) in limit
    process = client.com_process(CLIENT)
    assert process.authentication_level == 5
    assert process.access_permission.data is not None
    assert _sid_bytes(account) in process.access_permission.data

    writes = {name: len(permission_site[name].writes) for name in ("gw01", "hist01")}
    second = permission_ansible.playbook("otsec.opc_dcom.harden_opc", variables=variables)
    assert_success(second)
    assert second.statuses("changed") == []
    assert {name: len(permission_site[name].writes) for name in writes} == writes


def _sid_bytes(sid: str) -> bytes:
    """The binary form, by the simulator's own reading of MS-DTYP 2.4.2.2."""
    _unused, _unused, authority, *parts = sid.split("-")
    head = bytes([1, len(parts)]) + int(authority).to_bytes(6, "big")
    return head + b"".join(int(part).to_bytes(4, "little") for part in parts)


def test_a_role_with_tags_touches_what_the_tags_name(
    permission_site: SimulatedSite, permission_ansible: Ansible
) -> None:
    variables = {**FAST_REBOOT, "opc_server_allowed": ["FACTORY\\OPC Users"]}
    arguments = ("--tags", "dcom_permission", "--limit", "gw01")
    run = permission_ansible.playbook("otsec.opc_dcom.harden_opc", *arguments, variables=variables)
    assert_success(run)
    (result,) = run.of("gw01", "opc_role")
    assert {name.partition("[")[0] for name in result.result["after"]} == {"permissions"}
    without = permission_ansible.playbook("otsec.opc_dcom.harden_opc", *arguments, variables=FAST_REBOOT)
    assert_success(without)
    assert [item.status for item in without.of("gw01", "opc_role")] == ["skipped"]


def test_a_refused_password_is_shown_nowhere(permission_site: SimulatedSite, permission_ansible: Ansible) -> None:
    options = {"service": "OpcEnum", "run_as": "network_service", "run_as_password": "Secret-Passw0rd-9"}
    run = permission_ansible.tasks([task("dcom_application", **options)], "-vvv", hosts="gw01")
    assert len(run.statuses("failed")) == 1
    assert "LSA secret" in run.output
    assert "Secret-Passw0rd-9" not in run.output


def test_revoking_an_older_configuration(permission_site: SimulatedSite, permission_ansible: Ansible) -> None:
    weak = task(
        "dcom_permission",
        scope="machine_default",
        kind="access",
        allow_everyone=True,
        entries=[{"principal": "Everyone", "rights": ACCESS}],
    )
    run = permission_ansible.tasks([weak], hosts="gw01")
    assert_success(run)
    assert [item.result["exceptions"] for item in run.of("gw01", "dcom_permission")] == [
        ["allow_everyone: default_access_permission: Everyone has remote_access"]
    ]
    variables = {**FAST_REBOOT, "opc_server_revoked": "Everyone"}
    assert_success(permission_ansible.playbook("otsec.opc_dcom.harden_opc", "--limit", "gw01", variables=variables))
    server = permission_site["gw01"].host
    assert isinstance(server, SimulatedHost)
    value = server.registry.get(OLE, "DefaultAccessPermission")
    assert value is not None
    assert _sid_bytes("S-1-1-0") not in value.data
