# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host as a whole: snapshots, cost, software, files, and that it is all front/ needs."""

from __future__ import annotations

import ast
import time
import tracemalloc
from pathlib import Path

import pytest
from hosts import administrator, run

from simulator.cim import SimulatedWindows
from simulator.files import MACHINE_ENVIRONMENT, FileTable, expand, program_of
from simulator.host import SimulatedHost
from simulator.journal import Journal
from simulator.profiles import PROFILES
from simulator.software import (
    APIS_CLSID,
    CLASSES,
    CLASSES_32,
    OPC_ENUM_APP_ID,
    OPC_ENUM_CLSID,
    Software,
    ae_server,
    da_server_32,
    hda_server,
    opc_client,
    opc_core_components,
    prediktor_apis,
)
from simulator.subsystems.firewall import RULES_KEY
from simulator.subsystems.registry import Registry
from simulator.subsystems.registry_value import RegistryValue
from simulator.subsystems.service_record import StartMode

SIMULATOR = Path(__file__).parents[2] / "simulator"


def everything() -> list[Software]:
    return [opc_core_components(), prediktor_apis(), da_server_32(), hda_server(), ae_server(), opc_client()]


def text_of(host: SimulatedHost, key: str, name: str) -> str | None:
    value = host.registry.get(key, name)
    return value.text if value is not None else None


def test_a_host_is_what_the_wire_expects() -> None:
    host: SimulatedWindows = SimulatedHost("opcsrv01")
    assert host.is_up
    assert host.os_version == ("10.0.17763", 0)


def test_the_simulator_imports_nothing_of_the_collection() -> None:
    for path in SIMULATOR.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith(("ansible", "plugins")) for name in names), path


@pytest.mark.parametrize("key", sorted(PROFILES))
def test_a_new_host_is_quiet_and_complete_on_every_version(key: str) -> None:
    host = SimulatedHost("opcsrv01", PROFILES[key], software=everything())
    assert (host.journal.records, host.violations) == ([], [])
    assert host.snapshot() == host.initial
    assert host.is_up


def test_a_snapshot_shows_any_change_and_its_undoing() -> None:
    host = SimulatedHost("opcsrv01", software=everything())
    ole = r"HKLM\SOFTWARE\Microsoft\Ole"
    host.registry.put(ole, "LegacyAuthenticationLevel", RegistryValue.dword(5))
    host.services.stop(None, "ApisHive")
    host.accounts.create_group(None, "OPC Users")
    changed = host.snapshot()
    assert changed != host.initial and changed.text() != host.initial.text()
    host.registry.delete_value(None, ole, "LegacyAuthenticationLevel")
    host.services.start(None, "ApisHive")
    host.accounts.delete_group(None, "OPC Users")
    assert host.snapshot() == host.initial
    assert host.snapshot().text() == host.initial.text()


def test_the_journal_is_enough_to_reconstruct_the_registry() -> None:
    host = SimulatedHost("opcsrv01", software=everything())
    admin = administrator(host)
    for line in (
        r"reg add HKLM\SOFTWARE\Vendor\a\b /v x /t REG_DWORD /d 1 /f",
        r"reg add HKLM\SOFTWARE\Vendor\a\b /v X /t REG_SZ /d y /f",
        r"reg delete HKLM\SOFTWARE\Vendor\a\b /f",
        r"reg add HKLM\SYSTEM\CurrentControlSet\Control\Lsa /v ForceGuest /t REG_DWORD /d 1 /f",
        r"reg delete HKLM\SOFTWARE\Microsoft\Ole /v EnableDCOM /f",
    ):
        assert run(host, admin, line).exit_code == 0
    host.services.change(admin, "OpcEnum", start_mode=StartMode.DISABLED)
    again = Registry(host.initial.registry, Journal(host.clock.now))
    for record in host.journal.records:
        if record.subsystem == "registry":
            target = record.target
            arguments = (*target, record.after) if record.action == "write_value" else target
            getattr(again, record.action)(None, *arguments)
    assert again.export() == host.registry.export()


def test_a_rule_written_to_the_store_counts_when_the_firewall_starts_again() -> None:
    host = SimulatedHost("opcsrv01")
    rule = "v2.29|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=135|Name=probe|"
    host.registry.put(RULES_KEY, "{PROBE}", RegistryValue.sz(rule))
    assert "{PROBE}" not in [item.rule_id for item in host.firewall.rules()]
    host.services.stop(None, "MpsSvc")
    host.services.start(None, "MpsSvc")
    assert "{PROBE}" in [item.rule_id for item in host.firewall.rules()]


def test_logons_and_reboots_leave_the_snapshot_alone() -> None:
    host = SimulatedHost("opcsrv01", software=[prediktor_apis()])
    administrator(host)
    before = host.snapshot()
    host.logon("Administrator", "wrong", "-")
    host.reboot()
    assert host.snapshot() == before


def test_hosts_do_not_touch_each_other() -> None:
    first, second = SimulatedHost("a"), SimulatedHost("b")
    key = r"HKLM\SOFTWARE\Microsoft\Ole"
    first.registry.put(key, "EnableDCOM", RegistryValue.sz("N"))
    first.files.remove(r"C:\Windows\System32\reg.exe")
    first.services.behaviour("Spooler").hangs_on_stop = True
    assert text_of(second, key, "EnableDCOM") == "Y"
    assert second.files.exists(r"C:\Windows\System32\reg.exe")
    assert not second.services.behaviour("Spooler").hangs_on_stop


def test_two_hosts_of_one_name_are_equal_byte_for_byte() -> None:
    first = SimulatedHost("opcsrv01", software=everything())
    second = SimulatedHost("opcsrv01", software=everything())
    assert first.snapshot().text() == second.snapshot().text()


def test_hundreds_of_hosts_fit_into_one_process() -> None:
    """One host: below 2 MB, and below 20 ms of processor time (the fastest of 11)."""
    SimulatedHost("warm", software=everything())
    tracemalloc.start()
    hosts = [SimulatedHost(f"mem{number}", software=everything()) for number in range(10)]
    size, _unused = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / len(hosts) < 2_000_000
    durations_s = []
    for number in range(11):
        start_s = time.process_time()
        SimulatedHost(f"time{number}", software=everything())
        durations_s.append(time.process_time() - start_s)
    assert min(durations_s) < 0.02


# Software: dcom.md 2.3-2.5


def test_opc_enum_is_32_bit_and_its_app_id_is_not_its_class() -> None:
    host = SimulatedHost("opcsrv01", software=everything())
    assert OPC_ENUM_APP_ID != OPC_ENUM_CLSID
    assert text_of(host, rf"{CLASSES_32}\CLSID\{OPC_ENUM_CLSID}", "AppID") == OPC_ENUM_APP_ID
    assert not host.registry.key_exists(None, rf"{CLASSES}\CLSID\{OPC_ENUM_CLSID}")
    app_id = rf"{CLASSES}\AppID\{OPC_ENUM_APP_ID}"
    assert text_of(host, app_id, "LocalService") == "OpcEnum"
    assert text_of(host, app_id, "ServiceParameters") == "-Service"
    assert host.registry.get(app_id, "AuthenticationLevel") == RegistryValue.dword(1)
    config = host.services.config("OpcEnum")
    assert (config.depends_on, config.account, config.image_path) == (
        ("RPCSS",), "LocalSystem", r"C:\Windows\SysWOW64\OpcEnum.exe",
    )  # fmt: skip


def test_opc_enum_can_be_a_plain_server_in_another_place() -> None:
    path = r"C:\Apis\Bin\OPCENUM.EXE"
    host = SimulatedHost("opcsrv01", software=[opc_core_components(as_service=False, program=path)])
    assert host.services.find("OpcEnum") is None
    assert text_of(host, rf"{CLASSES_32}\CLSID\{OPC_ENUM_CLSID}\LocalServer32", "") == f'"{path}"'
    assert text_of(host, rf"{CLASSES}\AppID\OPCENUM.EXE", "AppID") == OPC_ENUM_APP_ID
    assert host.com_process(path).app_id == OPC_ENUM_APP_ID


def test_a_server_is_found_by_prog_id_category_and_either_view() -> None:
    host = SimulatedHost("opcsrv01", software=everything())
    assert text_of(host, rf"{CLASSES}\Prediktor.ApisOPCServer.1\CLSID", "") == APIS_CLSID
    categories = host.registry.enum_keys(None, rf"{CLASSES}\CLSID\{APIS_CLSID}\Implemented Categories")
    assert len(categories) == 3
    clsid = text_of(host, rf"{CLASSES}\Example.DaServer.1\CLSID", "")
    assert host.registry.key_exists(None, rf"{CLASSES_32}\CLSID\{clsid}")
    assert not host.registry.key_exists(None, rf"{CLASSES}\CLSID\{clsid}")


def test_programs_can_be_plugged_in_and_taken_away() -> None:
    host = SimulatedHost("opcsrv01")
    admin = administrator(host)
    assert run(host, admin, "netsh advfirewall firewall show rule name=all").exit_code == 0
    del host.programs["netsh.exe"]
    assert run(host, admin, "netsh advfirewall firewall show rule name=all").exit_code == 1
    assert [item.message for item in host.violations] == [r"the program C:\Windows\system32\netsh.exe is not simulated"]


# Files


@pytest.mark.parametrize(
    ("command_line", "program"),
    [  # Win32 CreateProcess, lpCommandLine
        (r'"C:\Program Files\a b.exe" -x', r"C:\Program Files\a b.exe"),
        (r"C:\Program Files\a b.exe -x", r"C:\Program Files\a b.exe"),
        (r"C:\tool -x", r"C:\tool.exe"),
        (r"C:\none.exe -x", r"C:\none.exe"),
    ],
)
def test_the_program_of_a_command_line(command_line: str, program: str) -> None:
    files = FileTable({}, MACHINE_ENVIRONMENT)
    files.add(r"C:\Program Files\a b.exe")
    files.add(r"C:\tool.exe")
    assert program_of(command_line, files) == program


def test_files_by_any_case_with_variables_and_versions() -> None:
    host = SimulatedHost("opcsrv01")
    assert host.files.version(r"%systemroot%\SYSTEM32\rpcss.dll") == "10.0.17763.5329"
    assert host.files.version(r"C:\nothing") is None
    assert expand("%SystemRoot%;%Nothing%;100%", MACHINE_ENVIRONMENT) == r"C:\Windows;%Nothing%;100%"
