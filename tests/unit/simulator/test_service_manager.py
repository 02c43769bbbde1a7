# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service control manager: states, dependencies, accounts, processes. Codes: MS-SCMR 3.1.4, winerror.h."""

from __future__ import annotations

import pytest
from hosts import ADDRESS, PASSWORD, administrator, operator

from simulator.host import SimulatedHost
from simulator.software import opc_core_components, prediktor_apis
from simulator.subsystems.registry_value import RegistryValue
from simulator.subsystems.service_manager import SERVICES_KEY, ServiceManager
from simulator.subsystems.service_record import ServiceConfig, ServiceError, StartMode, State

PROGRAM = r"C:\Windows\System32\spoolsv.exe"


@pytest.fixture
def host() -> SimulatedHost:
    return SimulatedHost("opcsrv01", software=[opc_core_components(), prediktor_apis()])


@pytest.fixture
def services(host: SimulatedHost) -> ServiceManager:
    return host.services


def code_of(call: object, *arguments: object) -> int:
    with pytest.raises(ServiceError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_automatic_services_run_after_boot_and_others_have_never_started(services: ServiceManager) -> None:
    assert services.service("apishive").state is State.RUNNING
    open_enum = services.service("OpcEnum")
    assert (open_enum.state, open_enum.exit_code, open_enum.process) == (State.STOPPED, 1077, None)


def test_start_and_stop(services: ServiceManager) -> None:
    services.start(None, "opcenum")
    assert services.service("OpcEnum").state is State.RUNNING
    assert code_of(services.start, None, "OpcEnum") == 1056
    services.stop(None, "OpcEnum")
    assert services.service("OpcEnum").state is State.STOPPED
    assert services.service("OpcEnum").exit_code == 0
    assert code_of(services.stop, None, "OpcEnum") == 1062


def test_missing_services(services: ServiceManager) -> None:
    for call in (services.start, services.stop, services.delete, services.config):
        arguments = ("NoSuchService",) if call == services.config else (None, "NoSuchService")
        assert code_of(call, *arguments) == 1060


def test_pending_states_end_with_the_clock(host: SimulatedHost, services: ServiceManager) -> None:
    services.behaviour("OpcEnum").start_s = 5
    services.behaviour("OpcEnum").stop_s = 3
    services.start(None, "OpcEnum")
    assert services.service("OpcEnum").state is State.START_PENDING
    assert code_of(services.stop, None, "OpcEnum") == 1061
    host.clock.advance(5)
    assert services.service("OpcEnum").state is State.RUNNING
    services.stop(None, "OpcEnum")
    host.clock.advance(2.9)
    assert services.service("OpcEnum").state is State.STOP_PENDING
    host.clock.advance(0.1)
    assert services.service("OpcEnum").state is State.STOPPED


def test_a_service_that_hangs_stays_in_stop_pending_until_the_reboot(
    host: SimulatedHost, services: ServiceManager
) -> None:
    services.behaviour("ApisHive").hangs_on_stop = True
    services.stop(None, "ApisHive")
    host.clock.advance(86400)
    assert services.service("ApisHive").state is State.STOP_PENDING
    assert code_of(services.stop, None, "ApisHive") == 1061
    assert code_of(services.start, None, "ApisHive") == 1056
    host.reboot()
    assert services.service("ApisHive").state is State.RUNNING


def test_running_dependents_forbid_the_stop(services: ServiceManager) -> None:
    assert services.dependents("EventSystem") == ["COMSysApp", "SENS"]
    assert code_of(services.stop, None, "EventSystem") == 1051
    services.stop(None, "SENS")
    services.stop(None, "EventSystem")


def test_a_start_brings_its_dependencies_along(services: ServiceManager) -> None:
    services.stop(None, "SENS")
    services.stop(None, "EventSystem")
    services.start(None, "COMSysApp")
    assert services.service("EventSystem").state is State.RUNNING


@pytest.mark.parametrize(
    ("depends_on", "code"), [(("NoSuchService",), 1075), (("SharedAccess",), 1068)], ids=["deleted", "disabled"]
)
def test_dependencies_that_fail(services: ServiceManager, depends_on: tuple[str, ...], code: int) -> None:
    services.create(None, ServiceConfig("A", PROGRAM, depends_on=depends_on))
    assert code_of(services.start, None, "A") == code


def test_circular_dependencies_are_refused_when_they_are_configured(services: ServiceManager) -> None:
    assert code_of(services.create, None, ServiceConfig("A", PROGRAM, depends_on=("a",))) == 1059
    services.create(None, ServiceConfig("A", PROGRAM, depends_on=("B",)))
    services.create(None, ServiceConfig("B", PROGRAM, depends_on=("C",)))
    assert code_of(services.create, None, ServiceConfig("C", PROGRAM, depends_on=("A",))) == 1059


def test_disabled_services_do_not_start(services: ServiceManager) -> None:
    services.change(None, "OpcEnum", start_mode=StartMode.DISABLED)
    assert code_of(services.start, None, "OpcEnum") == 1058


def test_a_program_that_is_not_there(host: SimulatedHost, services: ServiceManager) -> None:
    host.files.remove(r"C:\Windows\SysWOW64\OpcEnum.exe")
    assert code_of(services.start, None, "OpcEnum") == 2


def test_what_a_start_fails_with_can_be_set(services: ServiceManager) -> None:
    services.behaviour("OpcEnum").start_error = 1053
    assert code_of(services.start, None, "OpcEnum") == 1053


@pytest.mark.parametrize("name", ["RpcSs", "DcomLaunch", "RpcEptMapper"])
def test_the_rpc_services_accept_no_stop(services: ServiceManager, name: str) -> None:
    assert code_of(services.stop, None, name) == 1052


def test_pause_is_refused_unless_accepted(services: ServiceManager) -> None:
    assert code_of(services.pause, None, "ApisHive") == 1052
    services.behaviour("ApisHive").accepts_pause = True
    services.pause(None, "ApisHive")
    assert services.service("ApisHive").state is State.PAUSED
    services.resume(None, "ApisHive")
    assert services.service("ApisHive").state is State.RUNNING


def test_only_administrators_control_services(host: SimulatedHost, services: ServiceManager) -> None:
    caller = operator(host)
    assert code_of(services.start, caller, "OpcEnum") == 5
    assert code_of(services.stop, caller, "Spooler") == 5
    assert code_of(services.delete, caller, "OpcEnum") == 5
    assert code_of(services.create, caller, ServiceConfig("x", PROGRAM)) == 5
    assert code_of(lambda: services.change(caller, "OpcEnum", start_mode=StartMode.AUTO)) == 5
    assert host.journal.records == []


# Configuration


def test_configuration_and_registry_are_one(host: SimulatedHost, services: ServiceManager) -> None:
    services.change(administrator(host), "OpcEnum", start_mode=StartMode.AUTO, depends_on=())
    key = rf"{SERVICES_KEY}\OpcEnum"
    assert host.registry.get(key, "Start") == RegistryValue.dword(2)
    assert host.registry.get(key, "DependOnService") is None
    assert services.config("OpcEnum").start_mode is StartMode.AUTO


def test_a_start_mode_written_to_the_registry_counts_after_the_reboot(
    host: SimulatedHost, services: ServiceManager
) -> None:
    host.registry.put(rf"{SERVICES_KEY}\OpcEnum", "Start", RegistryValue.dword(2))
    assert services.config("OpcEnum").start_mode is StartMode.MANUAL
    host.reboot()
    assert services.config("OpcEnum").start_mode is StartMode.AUTO
    assert services.service("OpcEnum").state is State.RUNNING


def test_an_image_path_written_to_the_registry_counts_at_the_next_start(
    host: SimulatedHost, services: ServiceManager
) -> None:
    host.registry.put(rf"{SERVICES_KEY}\OpcEnum", "ImagePath", RegistryValue.sz(PROGRAM))
    services.start(None, "OpcEnum")
    process = services.service("OpcEnum").process
    assert process is not None and process.program == PROGRAM


def test_accounts_are_checked_at_the_change_and_again_at_the_start(
    host: SimulatedHost, services: ServiceManager
) -> None:
    assert code_of(lambda: services.change(None, "OpcEnum", account=".\\ghost", password="x")) == 1057
    user = host.accounts.create_user(None, "svc", PASSWORD)
    services.change(None, "OpcEnum", account=".\\svc", password="old")
    assert code_of(services.start, None, "OpcEnum") == 1069  # wrong password
    services.change(None, "OpcEnum", password=PASSWORD)
    assert code_of(services.start, None, "OpcEnum") == 1069  # right not granted
    host.accounts.set_holders(None, "SeServiceLogonRight", [user.sid])
    services.start(None, "OpcEnum")
    assert PASSWORD not in repr(host.journal.records) + host.snapshot().text()


def test_create_and_delete(host: SimulatedHost, services: ServiceManager) -> None:
    services.create(administrator(host), ServiceConfig("Probe", PROGRAM, start_mode=StartMode.MANUAL))
    assert code_of(services.create, None, ServiceConfig("PROBE", PROGRAM)) == 1073
    assert code_of(services.create, None, ServiceConfig("a/b", PROGRAM)) == 123
    assert code_of(services.create, None, ServiceConfig("Probe2", "")) == 87
    services.delete(None, "Probe")
    assert services.find("Probe") is None
    assert not host.registry.key_exists(None, rf"{SERVICES_KEY}\Probe")


def test_a_running_service_is_only_marked_for_deletion(host: SimulatedHost, services: ServiceManager) -> None:
    services.delete(None, "ApisHive")
    assert services.service("ApisHive").state is State.RUNNING
    assert code_of(services.delete, None, "ApisHive") == 1072
    assert code_of(lambda: services.change(None, "ApisHive", start_mode=StartMode.MANUAL)) == 1072
    services.stop(None, "ApisHive")
    assert services.find("ApisHive") is None


def test_changes_are_journaled_with_before_and_after(host: SimulatedHost, services: ServiceManager) -> None:
    caller = administrator(host)
    services.change(caller, "OpcEnum", start_mode=StartMode.AUTO)
    services.change(caller, "OpcEnum", start_mode=StartMode.AUTO)
    records = [item for item in host.journal.changes_by_callers() if item.subsystem == "services"]
    assert [(item.action, item.target) for item in records] == [("change", ("OpcEnum",))]
    assert (records[0].before.start_mode, records[0].after.start_mode) == (StartMode.MANUAL, StartMode.AUTO)  # type: ignore[attr-defined]


# Processes


def test_services_of_a_svchost_group_share_their_process(services: ServiceManager) -> None:
    def process_of(name: str) -> int:
        process = services.service(name).process
        assert process is not None
        return process.process_id

    assert process_of("Schedule") == process_of("Winmgmt") == process_of("gpsvc")
    assert process_of("Winmgmt") != process_of("LanmanWorkstation")
    assert process_of("ApisHive") != process_of("Spooler")


def test_a_restart_gives_a_new_process_with_a_later_start(host: SimulatedHost, services: ServiceManager) -> None:
    before = services.service("ApisHive").process
    host.clock.advance(100)
    services.stop(None, "ApisHive")
    services.start(None, "ApisHive")
    after = services.service("ApisHive").process
    assert before is not None and after is not None
    assert after.process_id != before.process_id
    assert (after.started - before.started).total_seconds() == 100


def test_a_killed_process_takes_all_its_services_down(services: ServiceManager) -> None:
    services.kill("Schedule")
    assert services.service("Winmgmt").state is State.STOPPED
    assert services.service("Schedule").exit_code == 1067
    assert services.service("Spooler").state is State.RUNNING


def test_stopping_winrm_takes_the_host_off_the_network(host: SimulatedHost, services: ServiceManager) -> None:
    services.stop(host.caller_of("Administrator", ADDRESS), "WinRM")
    assert not host.is_up
