# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""opc_enum on simulated hosts: plain COM server, service, disabled, and what registering must not leave behind."""

from __future__ import annotations

from typing import Any

import pytest
from hardening_run import has_journal
from lasting_state import state_of
from live_host import LiveHost, LiveHostFactory, Result

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError, OpcDcomError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_enum import OpcEnum
from simulator.faults import Effect, ScriptedFault
from simulator.profiles import SERVER_2008_R2, SERVER_2019, WINDOWS_10, Profile
from simulator.software import OPC_ENUM_PROGRAM, opc_core_components
from simulator.subsystems.registry_value import RegistryValue
from simulator.subsystems.service_record import StartMode, State

APP_ID = r"HKLM\SOFTWARE\Classes\AppID\{13486D44-4821-11D2-A494-3CB306C10000}"
CLIENTS = {"clients": ["Distributed COM Users"]}


def run(host: LiveHost, **options: Any) -> Result:
    return host.run(OpcEnum(), options)


@pytest.fixture
def plain(live: LiveHostFactory) -> LiveHost:
    """OpcEnum as `OpcEnum.exe -RegServer` leaves it."""
    return live(software=[opc_core_components(as_service=False)])


@pytest.fixture
def service(live: LiveHostFactory) -> LiveHost:
    return live(software=[opc_core_components()])


def level(host: LiveHost) -> RegistryValue | None:
    return host.simulated.registry.get(APP_ID, "AuthenticationLevel")


@pytest.mark.parametrize("profile", [SERVER_2008_R2, SERVER_2019, WINDOWS_10])
def test_a_plain_server_becomes_a_service_that_lets_only_clients_in(live: LiveHostFactory, profile: Profile) -> None:
    host = live(profile=profile, software=[opc_core_components(as_service=False)])
    result = run(host, state="started", **CLIENTS)

    assert result["changed"]
    assert host.simulated.services.service("OpcEnum").state is State.RUNNING
    assert host.simulated.services.config("OpcEnum").account == "LocalSystem"
    process = host.simulated.com_process(OPC_ENUM_PROGRAM)
    assert process.authentication_level == 5
    assert result["after"]["registration"] == "service"
    assert not any("Everyone" in line for line in result["after"]["access_permission"])
    again = run(host, state="started", **CLIENTS)
    assert not again["changed"]
    assert again["restart_required"] == []


def test_the_level_goes_up_before_anything_else_is_written(service: LiveHost) -> None:
    run(service, **CLIENTS)
    values = [item.split()[-1] for item in service.writes if "write_value" in item and "AppID" in item]
    assert values == ["AuthenticationLevel", "AccessPermission", "LaunchPermission"]


def test_registering_alone_takes_back_what_it_grants(plain: LiveHost) -> None:
    registry = plain.simulated.registry
    before = {name: registry.get(APP_ID, name) for name in ("AccessPermission", "LaunchPermission")}
    run(plain)
    assert {name: registry.get(APP_ID, name) for name in before} == before
    assert level(plain) == RegistryValue.dword(5)


def test_registering_does_not_leave_permissions_that_were_absent(plain: LiveHost) -> None:
    for name in ("AccessPermission", "LaunchPermission"):
        plain.simulated.registry.delete_value(None, APP_ID, name)
    run(plain)
    assert plain.simulated.registry.get(APP_ID, "AccessPermission") is None
    assert plain.simulated.registry.get(APP_ID, "LaunchPermission") is None


def test_registering_it_again_by_hand_is_repaired_by_the_next_run(service: LiveHost) -> None:
    hardened = run(service, state="started", **CLIENTS)["after"]
    before = state_of(service.simulated)
    administrator = service.simulated.caller_of("Administrator", "127.0.0.1")
    done = service.simulated.interpreter.run(administrator, f'"{OPC_ENUM_PROGRAM}" -service', b"", {})
    assert done.exit_code == 0
    assert state_of(service.simulated) != before

    repaired = run(service, state="started", **CLIENTS)

    assert any("Everyone" in line for line in repaired["before"]["access_permission"])
    assert repaired["after"] == hardened
    assert not any("Everyone" in line for line in repaired["after"]["access_permission"])


@pytest.mark.parametrize("effect", [Effect.FAULT, Effect.FAULT_AFTER])
def test_disabling_that_fails_at_the_stop_is_undone(service: LiveHost, effect: Effect) -> None:
    service.simulated.services.start(None, "OpcEnum")
    before = state_of(service.simulated)
    service.site.add_fault("host", ScriptedFault(effect, operation="Win32_Service.StopService", code=8))
    with pytest.raises(OpcDcomError):
        run(service, state="disabled")
    assert not has_journal(service.simulated)
    assert state_of(service.simulated) == before
    assert service.simulated.services.service("OpcEnum").state is State.RUNNING


@pytest.mark.slow
def test_a_service_that_does_not_stop_is_said_and_the_next_run_goes_on(service: LiveHost) -> None:
    """Slow because it waits a minute for the stop, and another one for the service to run again."""
    service.simulated.services.start(None, "OpcEnum")
    service.simulated.services.behaviour("OpcEnum").hangs_on_stop = True
    with pytest.raises(OpcDcomError, match=r"OpcEnum is Stop Pending after 60 s.*run the same play again"):
        run(service, state="disabled")
    assert has_journal(service.simulated)

    service.simulated.services.kill("OpcEnum")  # somebody ends the process
    service.simulated.services.behaviour("OpcEnum").hangs_on_stop = False

    assert run(service, state="disabled")["changed"]
    assert not has_journal(service.simulated)
    assert service.simulated.services.config("OpcEnum").start_mode is StartMode.DISABLED
    assert service.simulated.services.service("OpcEnum").state is State.STOPPED


def test_a_running_service_with_changed_security_needs_a_restart_until_it_has_one(service: LiveHost) -> None:
    service.simulated.services.start(None, "OpcEnum")
    first = run(service, **CLIENTS)
    assert first["restart_required"] == ["OpcEnum"]
    assert run(service, **CLIENTS)["restart_required"] == ["OpcEnum"]
    service.simulated.services.stop(None, "OpcEnum")
    service.simulated.services.start(None, "OpcEnum")
    assert run(service, **CLIENTS)["restart_required"] == []


def test_a_stopped_service_needs_no_restart(service: LiveHost) -> None:
    assert run(service, **CLIENTS)["restart_required"] == []


def test_disabled_on_purpose(service: LiveHost) -> None:
    service.simulated.services.start(None, "OpcEnum")
    result = run(service, state="disabled")
    assert result["changed"]
    assert service.simulated.services.config("OpcEnum").start_mode is StartMode.DISABLED
    assert service.simulated.services.service("OpcEnum").state is State.STOPPED
    assert not run(service, state="disabled")["changed"]
    assert run(service, state="started", **CLIENTS)["changed"]
    assert service.simulated.services.service("OpcEnum").state is State.RUNNING


def test_disabled_is_fine_where_there_is_none(live: LiveHostFactory) -> None:
    result = run(live(), state="disabled")
    assert not result["changed"]
    assert "warnings" not in result


def test_a_plain_server_cannot_be_disabled_and_that_is_said(plain: LiveHost) -> None:
    result = run(plain, state="disabled")
    assert not result["changed"]
    assert "plain COM server" in result["warnings"][0]


def test_wanted_but_not_installed_is_an_error(live: LiveHostFactory) -> None:
    with pytest.raises(HostStateError, match="Core Components"):
        run(live())


def test_a_program_that_is_gone_is_noticed_where_there_is_something_to_do_or_it_is_named(service: LiveHost) -> None:
    run(service, **CLIENTS)
    service.simulated.files.remove(OPC_ENUM_PROGRAM)

    assert "warnings" not in run(service, **CLIENTS)
    in_order = service.messages
    named = run(service, program=OPC_ENUM_PROGRAM, **CLIENTS)
    assert service.messages > in_order
    worked = run(service, authentication_level="packet_privacy", **CLIENTS)
    for result in (named, worked):
        assert any("does not exist on this host" in line for line in result["warnings"])


def test_a_program_that_is_gone_is_not_registered(plain: LiveHost) -> None:
    plain.simulated.files.remove(OPC_ENUM_PROGRAM)
    with pytest.raises(HostStateError, match="does not exist"):
        run(plain)
    assert plain.writes == []


@pytest.mark.parametrize("account", [r"NT AUTHORITY\NetworkService", r"NT SERVICE\OpcEnum"])
def test_an_account_without_a_password_is_changed_back(service: LiveHost, account: str) -> None:
    service.simulated.registry.put(
        r"HKLM\SYSTEM\CurrentControlSet\Services\OpcEnum", "ObjectName", RegistryValue.sz(account)
    )
    assert not run(service, account="keep", authentication_level="none", allow_weak=True)["changed"]
    assert run(service)["changed"]
    assert service.simulated.services.config("OpcEnum").account == "LocalSystem"


def test_an_account_with_a_password_is_left_because_there_is_no_way_back(service: LiveHost) -> None:
    service.simulated.accounts.create_user(None, "opc", "Passw0rd!")
    service.simulated.registry.put(
        r"HKLM\SYSTEM\CurrentControlSet\Services\OpcEnum", "ObjectName", RegistryValue.sz(r".\opc")
    )
    service.simulated.journal.records.clear()
    with pytest.raises(HostStateError, match="could not be undone"):
        run(service)
    assert service.writes == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"authentication_level": "none"}, "allow_weak"),
        ({"clients": [""]}, "clients"),
        ({"clients": ["S-1-"]}, "clients"),
        ({"clients": ["Users", "S-1-1-0"]}, r"clients\[1\].*allow_everyone"),
    ],
)
def test_wrong_options_are_refused_before_the_host_is_contacted(
    service: LiveHost, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ParameterError, match=said):
        run(service, **options)
    assert service.messages == 0


@pytest.mark.parametrize("client", ["Everyone", "ANONYMOUS LOGON"])
def test_everybody_is_refused_unless_permitted_and_then_reported(service: LiveHost, client: str) -> None:
    with pytest.raises(OpcDcomError, match="allow_"):
        run(service, clients=[client])
    permitted = run(service, clients=[client], allow_everyone=True, allow_anonymous=True)
    assert permitted["exceptions"]


def test_what_fails_on_the_way_is_undone(plain: LiveHost) -> None:
    before = state_of(plain.simulated)
    plain.site.add_fault("host", ScriptedFault(Effect.FAULT, operation="Win32_Service.StartService", code=8))
    with pytest.raises(OpcDcomError):
        run(plain, state="started", **CLIENTS)
    assert state_of(plain.simulated) == before


def test_without_a_shell_the_command_is_named(plain: LiveHost) -> None:
    plain.site.add_fault("host", ScriptedFault(Effect.FAULT, operation="shell.*", code=2150859180, times=1000))
    with pytest.raises(HostStateError, match=r'OpcEnum.exe" -service'):
        run(plain)
    assert plain.writes == []
