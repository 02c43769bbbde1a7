# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in force and since when (dcom.md 1.5), reboots, and what a reboot takes away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hosts import administrator

from simulator.boot import ShutdownError
from simulator.com_state import APP_COMPAT, APP_IDS, OLE, POLICY, ComProcess, ComProgram, DescriptorSource
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2019, WINDOWS_7
from simulator.shipped_descriptors import BUILT_IN_ACCESS, DEFAULT_LAUNCH_PERMISSION, OPC_ENUM_ACCESS
from simulator.software import (
    APIS_APP_ID,
    APIS_PROGRAM,
    OPC_ENUM_APP_ID,
    OPC_ENUM_PROGRAM,
    Software,
    ae_server,
    da_server_32,
    opc_client,
    opc_core_components,
    prediktor_apis,
)
from simulator.subsystems.clock import VirtualClock
from simulator.subsystems.registry_value import RegistryValue

DESCRIPTOR = bytes.fromhex("0100048014000000240000000000000000000000")
_dword, _binary, _sz = RegistryValue.dword, RegistryValue.binary, RegistryValue.sz


@pytest.fixture
def host() -> SimulatedHost:
    return SimulatedHost("opcsrv01", software=[opc_core_components(), prediktor_apis()])


def restart(host: SimulatedHost, service: str) -> None:
    host.services.stop(None, service)
    host.services.start(None, service)


# When a value takes effect: rows of dcom.md 1.5


def test_default_levels_reach_a_process_when_it_starts_again(host: SimulatedHost) -> None:
    host.registry.put(OLE, "LegacyAuthenticationLevel", _dword(5))
    host.registry.put(OLE, "LegacyImpersonationLevel", _dword(3))
    assert host.com_process(APIS_PROGRAM).authentication_level == 2
    restart(host, "ApisHive")
    process = host.com_process(APIS_PROGRAM)
    assert (process.authentication_level, process.impersonation_level) == (5, 3)
    assert host.in_force().machine.default_authentication_level == 2
    host.reboot()
    assert host.in_force().machine.default_authentication_level == 5


def test_enable_dcom_waits_for_the_reboot(host: SimulatedHost) -> None:
    host.registry.put(OLE, "EnableDCOM", _sz("N"))
    assert host.in_force().machine.is_dcom_enabled
    host.reboot()
    assert not host.in_force().machine.is_dcom_enabled


def test_the_app_id_counts_at_the_start_of_its_process(host: SimulatedHost) -> None:
    host.registry.put(f"{APP_IDS}\\{APIS_APP_ID}", "AuthenticationLevel", _dword(5))
    host.registry.put(f"{APP_IDS}\\{APIS_APP_ID}", "AccessPermission", _binary(DESCRIPTOR))
    before = host.com_process(APIS_PROGRAM)
    assert (before.authentication_level, before.access_permission.source) == (2, DescriptorSource.BUILT_IN)
    restart(host, "ApisHive")
    after = host.com_process(APIS_PROGRAM)
    assert (after.authentication_level, after.access_permission.data) == (5, DESCRIPTOR)


def test_launch_permissions_are_read_on_each_request(host: SimulatedHost) -> None:
    assert host.launch_permission(APIS_APP_ID).data == DEFAULT_LAUNCH_PERMISSION
    host.registry.put(f"{APP_IDS}\\{APIS_APP_ID}", "LaunchPermission", _binary(DESCRIPTOR))
    assert host.launch_permission(APIS_APP_ID).data == DESCRIPTOR
    assert host.launch_permission(APIS_APP_ID).source is DescriptorSource.APPLICATION
    assert host.in_force().default_launch_permission.data == DEFAULT_LAUNCH_PERMISSION


def test_limits_wait_for_restart_and_reboot_but_policy_does_not(host: SimulatedHost) -> None:
    shipped = host.in_force().launch_limit.data
    host.registry.put(OLE, "MachineLaunchRestriction", _binary(DESCRIPTOR))
    host.registry.put(OLE, "MachineAccessRestriction", _binary(DESCRIPTOR))
    assert host.in_force().launch_limit.data == shipped
    restart(host, "ApisHive")
    assert host.com_process(APIS_PROGRAM).access_limit.data == DESCRIPTOR
    host.registry.put(POLICY, "MachineLaunchRestriction", _sz("O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)"))
    limit = host.in_force().launch_limit
    assert (limit.source, limit.sddl) == (DescriptorSource.POLICY, "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)")


def test_logging_levels(host: SimulatedHost) -> None:
    """Seed, "Windows logs": restart the program or service; MS-Learn asks for nothing more."""
    host.registry.put(OLE, "ActivationFailureLoggingLevel", _dword(1))
    host.registry.put(OLE, "CallFailureLoggingLevel", _dword(1))
    assert host.in_force().machine.activation_failure_logging == 1
    assert host.com_process(APIS_PROGRAM).call_failure_logging == 2
    restart(host, "ApisHive")
    assert host.com_process(APIS_PROGRAM).call_failure_logging == 1


def test_an_empty_policy_text_enforces_nothing(host: SimulatedHost) -> None:  # dcom.md 1.4, 2
    host.registry.put(POLICY, "MachineAccessRestriction", _sz(""))
    assert host.in_force().access_limit.source is DescriptorSource.OLE


def test_an_absent_limit_and_an_absent_default_access(host: SimulatedHost) -> None:
    host.registry.delete_value(None, OLE, "MachineAccessRestriction")
    host.reboot()
    limit = host.in_force().access_limit
    assert (limit.source, limit.data) == (DescriptorSource.BUILT_IN, None)
    assert host.com_process(APIS_PROGRAM).access_permission.data == BUILT_IN_ACCESS


@pytest.mark.parametrize(
    ("revision", "value", "required"),
    [  # dcom.md 1.3: off by default, on by default, ignored
        (1999, None, False),
        (1999, 1, True),
        (3046, None, True),
        (3046, 0, False),
        (4131, 0, True),
        (1998, 1, False),
    ],
)
def test_require_integrity_by_phase(revision: int, value: int | None, required: bool) -> None:
    host = SimulatedHost("h", SERVER_2019.with_revision(revision))
    if value is not None:
        host.registry.put(APP_COMPAT, "RequireIntegrityActivationAuthenticationLevel", _dword(value))
    host.reboot()
    assert host.in_force().machine.requires_integrity is required


@pytest.mark.parametrize(
    ("revision", "value", "level"),
    [(1998, 2, 0), (1999, None, 1), (1999, 2, 2), (3650, None, 2), (3650, 1, 1), (3650, 7, 2)],
)
def test_raise_level_by_phase(revision: int, value: int | None, level: int) -> None:
    host = SimulatedHost("h", SERVER_2019.with_revision(revision))
    if value is not None:
        host.registry.put(APP_COMPAT, "RaiseActivationAuthenticationLevel", _dword(value))
    host.reboot()
    assert host.in_force().machine.raises_level == level


def test_a_hardening_value_of_a_wrong_type_counts_as_absent() -> None:
    host = SimulatedHost("h", SERVER_2019.with_revision(3046))
    host.registry.put(APP_COMPAT, "RequireIntegrityActivationAuthenticationLevel", _sz("0"))
    host.reboot()
    assert host.in_force().machine.requires_integrity


@pytest.mark.parametrize("value", [_dword(0), _dword(7), _sz("5")], ids=["zero", "seven", "text"])
def test_an_impossible_level_breaks_the_application(host: SimulatedHost, value: RegistryValue) -> None:
    host.registry.put(f"{APP_IDS}\\{OPC_ENUM_APP_ID}", "AuthenticationLevel", value)  # dcom.md 2.1
    assert "AuthenticationLevel" in (host.com_process(OPC_ENUM_PROGRAM).failure or "")


@pytest.mark.parametrize("value", [_dword(0), _dword(9), _sz("5")])
def test_an_impossible_default_level_means_connect(host: SimulatedHost, value: RegistryValue) -> None:
    host.registry.put(OLE, "LegacyAuthenticationLevel", value)
    host.reboot()
    assert host.in_force().machine.default_authentication_level == 2


# Which settings a program sees: dcom.md 2.1 and 3.2


def test_opc_enum_passes_its_app_id(host: SimulatedHost) -> None:
    process = host.com_process(OPC_ENUM_PROGRAM)
    assert (process.app_id, process.authentication_level) == (OPC_ENUM_APP_ID, 1)
    assert process.access_permission.data == OPC_ENUM_ACCESS


def test_a_program_without_mapping_never_sees_its_app_id() -> None:
    host = SimulatedHost("h", software=[ae_server(), da_server_32(), opc_client()])
    mapped = host.com_process(r"C:\Program Files (x86)\Example\DaServer.exe")
    unmapped = host.com_process(r"C:\Program Files (x86)\Example\AeServer.exe")
    client = host.com_process(r"C:\Program Files\Example\OpcClient.exe")
    assert mapped.app_id == "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0100}"
    assert unmapped.app_id is None is client.app_id


def test_a_program_may_bring_its_own_security() -> None:
    program = r"C:\own.exe"
    own = ComProgram(program, own_level=6, own_descriptor=DESCRIPTOR)
    host = SimulatedHost("h", software=[Software("own", programs=(own,))])
    process = host.com_process(program)
    assert (process.authentication_level, process.access_permission.source) == (6, DescriptorSource.PROGRAM)
    everyone = ComProgram(program, passes_null_descriptor=True)
    host.install(Software("null", programs=(everyone,)))
    assert host.com_process(program).access_permission.data is None


def test_processes_in_force_are_those_that_run(host: SimulatedHost) -> None:
    programs = {process.program for process in host.in_force().processes}
    assert APIS_PROGRAM in programs and OPC_ENUM_PROGRAM not in programs
    host.services.start(None, "OpcEnum")
    process = next(item for item in host.services.processes() if item.program == OPC_ENUM_PROGRAM)
    assert isinstance(process.com, ComProcess)
    assert process.com in host.in_force().processes


# Reboots


def test_a_reboot_takes_time_and_moves_the_boot_time(host: SimulatedHost) -> None:
    host.clock.advance(3600)
    before, count = host.boot.boot_time, host.boot_count
    host.reboot()
    assert not host.is_up
    host.clock.advance(host.boot.down_time_s)
    assert host.is_up
    assert host.boot_count == count + 1
    assert host.boot.boot_time - before >= timedelta(seconds=3660)
    assert abs(host.boot.boot_time + timedelta(seconds=0.2) - host.clock.now()) < timedelta(milliseconds=1)


def test_a_boot_never_takes_less_than_a_minute_of_the_wall_clock(host: SimulatedHost) -> None:
    host.boot.boot_takes_s = 1
    before = host.boot.boot_time
    host.reboot()
    assert host.boot.boot_time - before >= timedelta(seconds=60)


def test_a_clock_jump_moves_the_boot_time_without_a_boot(host: SimulatedHost) -> None:
    before, count = host.boot.boot_time, host.boot_count
    host.clock.jump(7200)
    assert host.boot.boot_time - before == timedelta(hours=2)
    assert host.boot_count == count


def test_a_requested_reboot_happens_after_the_reply_and_the_delay(host: SimulatedHost) -> None:
    host.boot.request_shutdown("x", 10, restarts=True)
    count = host.boot_count
    host.clock.advance(9)
    assert host.is_up and host.boot_count == count
    host.clock.advance(1.1)
    assert host.boot_count == count + 1 and not host.is_up
    host.clock.advance(0.2)
    assert host.is_up


def test_a_second_request_is_refused_until_the_first_is_done(host: SimulatedHost) -> None:
    host.boot.request_shutdown("x", 10, restarts=True)
    with pytest.raises(ShutdownError) as caught:
        host.boot.request_shutdown("x", 0, restarts=True)
    assert caught.value.code == 1190
    host.clock.advance(60)
    assert host.is_up
    host.boot.request_shutdown("x", 0, restarts=True)


def test_a_reboot_that_nobody_watched_is_over(host: SimulatedHost) -> None:
    host.boot.request_shutdown("x", 0, restarts=True)
    host.clock.advance(600)
    assert host.is_up


def test_a_host_that_was_switched_off_stays_off(host: SimulatedHost) -> None:
    host.boot.request_shutdown("x", 0, restarts=False)
    host.clock.advance(600)
    assert not host.is_up
    host.boot.power_on()
    host.clock.advance(1)
    assert host.is_up


def test_what_is_volatile_is_lost_and_what_is_not_stays(host: SimulatedHost) -> None:
    gone: list[int] = []
    host.boot.on_reboot.append(lambda: gone.append(1))
    host.registry.create_key(None, r"HKLM\SOFTWARE\Vendor\Session", is_volatile=True)
    host.services.start(None, "OpcEnum")
    host.reboot()
    assert gone == [1]
    assert host.registry.enum_keys(None, r"HKLM\SOFTWARE\Vendor") == []
    assert host.services.service("OpcEnum").process is None


def test_a_reboot_with_a_real_ticker_needs_no_help() -> None:
    seconds = [0.0]
    host = SimulatedHost("h", WINDOWS_7, clock=VirtualClock(ticker=lambda: seconds[0]))
    administrator(host)
    host.boot.request_shutdown("x", 0, restarts=True)
    seconds[0] = 0.1
    assert not host.is_up
    seconds[0] = 0.3
    assert host.is_up
    events = [item.event.event_id for item in host.event_log.read(None, "System")]
    assert events == [12, 6005, 1074, 6006, 12, 6005]
