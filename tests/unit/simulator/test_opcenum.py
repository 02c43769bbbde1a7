# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpcEnum.exe registering itself (dcom.md 2.4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulator import shipped_descriptors as descriptors
from simulator.baseline import file_baseline, registry_baseline
from simulator.cim import Caller
from simulator.files import MACHINE_ENVIRONMENT, FileTable
from simulator.journal import Journal
from simulator.profiles import SERVER_2019
from simulator.programs.opcenum_exe import OpcEnum, with_everyone
from simulator.programs.program import Invocation
from simulator.subsystems.clock import VirtualClock
from simulator.subsystems.registry import Registry
from simulator.subsystems.registry_value import RegistryValue
from simulator.subsystems.service_manager import Environment, ServiceManager
from simulator.subsystems.service_record import StartMode, State

ADMIN = Caller("admin", "S-1-5-21-1-2-3-500", frozenset({"S-1-5-32-544"}))
USER = Caller("user", "S-1-5-21-1-2-3-1001", frozenset({"S-1-5-32-545"}))
PROGRAM = r"C:\Windows\SysWOW64\OpcEnum.exe"
APP_ID = r"HKLM\SOFTWARE\Classes\AppID\{13486D44-4821-11D2-A494-3CB306C10000}"
CLASS = r"HKLM\SOFTWARE\Classes\Wow6432Node\CLSID\{13486D51-4821-11D2-A494-3CB306C10000}"


class Host:
    def __init__(self) -> None:
        clock = VirtualClock()
        self.journal = Journal(clock.now)
        self.registry = Registry(registry_baseline(SERVER_2019), self.journal)
        files = FileTable({**file_baseline(SERVER_2019), PROGRAM.lower(): "1.1.3.9"}, MACHINE_ENVIRONMENT)
        starts: Callable[[str, str], object] = lambda program, service: None  # noqa: E731
        accepts: Callable[[str, str | None], int] = lambda account, secret: 0  # noqa: E731
        self.services = ServiceManager(
            Environment(self.registry, clock, files, self.journal, MACHINE_ENVIRONMENT, starts, accepts)
        )
        self.services.boot()
        self.journal.records.clear()

    def run(self, *arguments: str, caller: Caller = ADMIN) -> int:
        program = OpcEnum(PROGRAM, registry=self.registry, services=self.services, journal=self.journal)
        return program.program(Invocation(caller, arguments)).exit_code

    def value(self, name: str, key: str = APP_ID) -> RegistryValue | None:
        return self.registry.get(key, name)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.mark.parametrize("switch", ["-Service", "/service", "-SERVICE"])
def test_registering_as_a_service(host: Host, switch: str) -> None:
    assert host.run(switch) == 0
    config = host.services.config("OpcEnum")
    assert (config.image_path, config.start_mode, config.account, config.depends_on) == (
        PROGRAM, StartMode.MANUAL, "LocalSystem", ("RPCSS",),
    )  # fmt: skip
    assert host.value("LocalService") == RegistryValue.sz("OpcEnum")
    assert host.value("ServiceParameters") == RegistryValue.sz("-Service")
    assert host.value("AuthenticationLevel") == RegistryValue.dword(1)
    assert host.value("AccessPermission") == RegistryValue.binary(descriptors.OPC_ENUM_ACCESS)
    assert host.value("LaunchPermission") == RegistryValue.binary(descriptors.OPC_ENUM_LAUNCH)
    assert host.value("AppID", CLASS) == RegistryValue.sz("{13486D44-4821-11D2-A494-3CB306C10000}")


def test_registering_again_keeps_the_level_and_grants_everyone_again(host: Host) -> None:
    host.run("-service")
    hardened = descriptors.DEFAULT_LAUNCH_PERMISSION  # BA IU SY, no Everyone
    host.registry.put(APP_ID, "AuthenticationLevel", RegistryValue.dword(5))
    host.registry.put(APP_ID, "LaunchPermission", RegistryValue.binary(hardened))
    host.services.change(ADMIN, "OpcEnum", start_mode=StartMode.AUTO)
    assert host.run("-service") == 0
    assert host.value("AuthenticationLevel") == RegistryValue.dword(5)
    granted = host.value("LaunchPermission")
    assert granted is not None
    assert granted.data == with_everyone(hardened, 0x1F)
    assert host.services.config("OpcEnum").start_mode is StartMode.MANUAL


def test_a_running_service_is_replaced(host: Host) -> None:
    host.run("-service")
    host.services.start(ADMIN, "OpcEnum")
    assert host.run("-service") == 0
    assert host.services.service("OpcEnum").state is State.STOPPED


def test_registering_as_a_plain_server_removes_the_service(host: Host) -> None:
    host.run("-service")
    assert host.run("-RegServer") == 0
    assert host.services.find("OpcEnum") is None
    assert host.value("LocalService") is None
    assert host.value("", CLASS + r"\LocalServer32") == RegistryValue.sz(f'"{PROGRAM}"')


def test_unregistering_removes_everything(host: Host) -> None:
    before = host.registry.export()
    host.run("-regserver")
    assert host.run("-unregserver") == 0
    assert host.registry.export() == before


def test_without_elevation_nothing_happens(host: Host) -> None:
    assert host.run("-service", caller=USER) == 0x80070005
    assert host.journal.records == []


@pytest.mark.parametrize("arguments", [(), ("-embedding",), ("service",), ("-service", "x"), ("-sevrice",)])
def test_other_arguments_are_a_violation(host: Host, arguments: tuple[str, ...]) -> None:
    assert host.run(*arguments) == 1
    assert len(host.journal.violations) == 1


def test_adding_everyone_gives_the_bytes_of_the_vectors() -> None:
    """OPC_ENUM_LAUNCH of security_descriptors.json ends with Everyone; adding it again changes nothing."""
    assert with_everyone(descriptors.OPC_ENUM_LAUNCH, 0x1F) == descriptors.OPC_ENUM_LAUNCH
    assert with_everyone(descriptors.OPC_ENUM_ACCESS, 0x7) == descriptors.OPC_ENUM_ACCESS
    assert with_everyone(None, 0x7) is None
    assert with_everyone(b"\x01\x00", 0x7) is None
