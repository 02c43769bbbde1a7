# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dcom_info finds of OPC software, on each simulated Windows, against what was installed there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from live_host import LiveHost, LiveHostFactory

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._info import read_machine
from simulator.faults import Effect, ScriptedFault
from simulator.profiles import PROFILES, SERVER_2019, SERVER_2022, Profile
from simulator.software import (
    APIS_APP_ID,
    APIS_CLSID,
    APIS_PROGRAM,
    CATEGORIES,
    CLASSES,
    CLASSES_32,
    PROXY_LIBRARIES,
    Software,
    ae_server,
    da_server_1_0,
    da_server_32,
    da_server_64,
    da_server_in_both_views,
    da_server_in_process,
    hda_server,
    opc_client,
    opc_core_components,
    opc_lookalikes,
    prediktor_apis,
)
from simulator.subsystems.registry_value import RegistryValue
from simulator.subsystems.service_record import ServiceConfig, StartMode

_sz = RegistryValue.sz
SERVERS = (
    prediktor_apis,
    da_server_1_0,
    da_server_32,
    da_server_64,
    da_server_in_both_views,
    da_server_in_process,
    hda_server,
    ae_server,
)
# ProgID, specifications, where registered, kind, bitness: what software.py installs, written down a second time.
EXPECTED = [
    ("Example.AeServer.1", ["ae_1_0"], ["32-bit"], "local_server", 32),
    ("Example.BothServer.1", ["da_2_0", "hda_1_0"], ["64-bit", "32-bit"], "local_server", None),
    ("Example.Da64Server.1", ["da_2_0", "da_3_0"], ["64-bit"], "local_server", 64),
    ("Example.DaServer.1", ["da_1_0", "da_2_0"], ["32-bit"], "local_server", 32),
    ("Example.HdaServer.1", ["hda_1_0"], ["64-bit"], "local_server", 64),
    ("Example.InprocServer.1", ["da_2_0"], ["32-bit"], "in_process", 32),
    ("Example.OldServer", ["da_1_0"], ["32-bit"], "local_server", 32),
    ("Prediktor.ApisOPCServer.1", ["da_1_0", "da_2_0", "da_3_0"], ["64-bit"], "service", 64),
]


def read(host: LiveHost, programs: Sequence[str] = ()) -> dict[str, Any]:
    facts: dict[str, Any] = host.ask(lambda connected: read_machine(connected, [], programs))
    assert host.writes == []
    return facts


def found(host: LiveHost, programs: Sequence[str] = ()) -> dict[str, Any]:
    opc: dict[str, Any] = read(host, programs)["opc"]
    return opc


def server(opc: dict[str, Any], prog_id: str) -> dict[str, Any]:
    (item,) = (item for item in opc["servers"] if item["prog_id"] == prog_id)
    return dict(item)


def everything(*extra: Software) -> list[Software]:
    return [opc_core_components(), *(make() for make in SERVERS), opc_lookalikes(), opc_client(), *extra]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda item: item.key)
def test_exactly_the_installed_servers_are_found(live: LiveHostFactory, profile: Profile) -> None:
    opc = found(live("gw01", profile, software=everything()))
    assert opc["is_complete"], opc["notes"]
    assert [
        (item["prog_id"], item["specifications"], item["registered_in"], item["kind"], item["bitness"])
        for item in opc["servers"]
    ] == EXPECTED


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda item: item.key)
def test_a_fresh_windows_has_none(live: LiveHostFactory, profile: Profile) -> None:
    facts = read(live("gw01", profile, software=[opc_lookalikes()]))
    opc = facts["opc"]
    assert (opc["is_complete"], opc["servers"], opc["opc_enum"], opc["programs"]) == (True, [], None, [])
    assert opc["core_components"]["products"] == []
    assert len(opc["core_components"]["missing"]) == 2 * len(PROXY_LIBRARIES)
    assert not [item for item in facts["findings"] if item["code"].startswith("opc_")]


@pytest.fixture
def full(live: LiveHostFactory) -> LiveHost:
    return live("gw01", software=everything())


def test_a_service_is_told_with_its_account_version_and_state(full: LiveHost) -> None:
    assert server(found(full), "Prediktor.ApisOPCServer.1") == {
        "clsid": APIS_CLSID,
        "prog_id": "Prediktor.ApisOPCServer.1",
        "name": "Prediktor ApisOPCServer",
        "specifications": ["da_1_0", "da_2_0", "da_3_0"],
        "found_by": ["category", "opc_key"],
        "registered_in": ["64-bit"],
        "kind": "service",
        "program": APIS_PROGRAM,
        "bitness": 64,
        "bitness_from": "view",
        "app_id": APIS_APP_ID,
        "app_name": "Prediktor ApisOPCServer",
        "service": "ApisHive",
        "start_mode": "Auto",
        "run_as": "LocalSystem",
        "run_as_kind": "service_account",
        "running": True,
        "version": "9.2.0.0",
        "troubles": [],
        "remarks": [],
    }


def test_a_program_that_com_starts_runs_when_a_process_says_so(full: LiveHost) -> None:
    before = server(found(full), "Example.Da64Server.1")
    assert (before["running"], before["run_as_kind"], before["bitness_from"]) == (False, "launching_user", "view")
    full.simulated.run_program(r"C:\Program Files\Example\DA64server.exe", "GW01\\operator")
    assert server(found(full), "Example.Da64Server.1")["running"] is True


@pytest.mark.parametrize(
    ("run_as", "kind"), [("Interactive User", "interactive_user"), ("PLANT\\opc", "fixed_account")]
)
def test_the_identity_of_the_app_id(full: LiveHost, run_as: str, kind: str) -> None:
    app_id = server(found(full), "Example.DaServer.1")["app_id"]
    full.simulated.registry.put(f"{CLASSES}\\AppID\\{app_id}", "RunAs", _sz(run_as))
    full.simulated.journal.records.clear()
    item = server(found(full), "Example.DaServer.1")
    assert (item["run_as"], item["run_as_kind"]) == (run_as, kind)


def test_a_program_that_a_service_runs_without_the_app_id_saying_so(live: LiveHostFactory) -> None:
    program = r"C:\Program Files\Example\Da64Server.exe"
    config = ServiceConfig("Example64", f'"{program}" -service', "Example", StartMode.AUTO, "LocalSystem")
    opc = found(live("gw01", software=[da_server_64(), Software("service", services=(config,))]))
    item = server(opc, "Example.Da64Server.1")
    assert (item["service"], item["run_as_kind"], item["running"]) == ("Example64", "service_account", True)


def test_the_first_specification_is_found_by_its_key(full: LiveHost) -> None:
    item = server(found(full), "Example.OldServer")
    assert (item["found_by"], item["app_id"]) == (["opc_key"], None)
    assert item["remarks"] == ["it has no AppID, so the machine defaults hold for it"]


def test_opc_enum_and_core_components(full: LiveHost) -> None:
    opc = found(full)
    assert opc["opc_enum"]["service"] == "OpcEnum"
    assert opc["opc_enum"]["running"] is False
    assert opc["opc_enum"]["version"] == "1.1.3.9"
    assert opc["opc_enum"]["bitness"] == 32
    core = opc["core_components"]
    assert {item["name"] for item in core["products"]} == {
        "OPC Core Components Redistributable (x64) 3.00.108",
        "OPC Core Components Redistributable (x86) 3.00.108",
    }
    assert core["missing"] == []
    (proxy,) = (item for item in core["libraries"] if (item["library"], item["view"]) == ("opcproxy.dll", "32-bit"))
    assert proxy["path"] == r"C:\Windows\SysWOW64\opcproxy.dll"


def test_a_library_that_a_server_needs_and_that_is_not_registered_is_a_finding(full: LiveHost) -> None:
    registry = full.simulated.registry
    iid = "{65168851-5783-11D1-84A0-00608CB8A7E9}"
    registry.delete_key(None, rf"{CLASSES_32}\Interface\{iid}\ProxyStubClsid32")
    registry.delete_key(None, rf"{CLASSES}\CLSID\{{39C13A4D-011E-11D0-9675-0020AFD8ADB3}}\InprocServer32")
    full.simulated.journal.records.clear()
    facts = read(full)
    assert facts["opc"]["core_components"]["missing"] == ["opcproxy.dll (64-bit)", "opc_aeps.dll (32-bit)"]
    assert [item["subject"] for item in facts["findings"] if item["code"] == "opc_proxy_missing"] == [
        "opcproxy.dll (64-bit)",
        "opc_aeps.dll (32-bit)",
    ]


def test_what_is_broken_is_said(full: LiveHost) -> None:
    registry, simulated = full.simulated.registry, full.simulated
    clsid = server(found(full), "Example.HdaServer.1")["clsid"]
    registry.delete_key(None, rf"{CLASSES}\CLSID\{clsid}\LocalServer32")
    simulated.files.remove(r"C:\Program Files\Example\Da64Server.exe")
    simulated.journal.records.clear()
    facts = read(full)
    broken = [item["subject"] for item in facts["findings"] if item["code"] == "opc_server_broken"]
    assert len(broken) == 2
    assert server(facts["opc"], "Example.HdaServer.1")["kind"] == "unknown"
    assert "is missing" in server(facts["opc"], "Example.Da64Server.1")["troubles"][0]


def test_known_and_named_client_programs_are_found(live: LiveHostFactory) -> None:
    host = live("gw01", software=[prediktor_apis(), opc_client()])
    host.simulated.run_program(r"C:\Program Files\Example\OpcClient.exe", "GW01\\operator")
    assert [item["program"] for item in found(host)["programs"]] == [APIS_PROGRAM]
    apis, client = found(host, [r"D:\x\opcclient.EXE", "missing.exe"])["programs"]
    assert (apis["role"], apis["service"], apis["running"]) == ("client and server", "ApisHive", True)
    assert (client["program"], client["running"], client["source"]) == (
        r"C:\Program Files\Example\OpcClient.exe",
        True,
        "asked for",
    )


def test_hostile_names_are_data(live: LiveHostFactory) -> None:
    category = CATEGORIES["DA2"][0]
    clsid = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0901}"
    hostile = '" & del C:\\* & %COMSPEC% \x1b[31m'
    entries = (
        (rf"{CLASSES}\CLSID\{clsid}\Implemented Categories\{category}", None, None),
        (rf"{CLASSES}\CLSID\{clsid}", "", _sz(hostile)),
        (rf"{CLASSES}\CLSID\{clsid}", "AppID", _sz("..\\..\\" + hostile)),
        (rf"{CLASSES}\CLSID\{clsid}\ProgID", "", _sz("x" * 5000)),
        (rf"{CLASSES}\CLSID\{clsid}\LocalServer32", "", _sz(f"C:\\{hostile}.exe")),
        (rf"{CLASSES}\CLSID\not a class %PATH% & calc\Implemented Categories\{category}", None, None),
        (rf'{CLASSES}\evil" & calc & "\OPC', None, None),
        (rf"{CLASSES}\%PATH%\OPC", None, None),
    )
    opc = found(live("gw01", software=[Software("hostile", entries)]))
    (item,) = opc["servers"]
    assert item["name"] == hostile
    assert item["app_id"] is None
    assert len(item["prog_id"]) == 300


def test_many_classes_are_cut_and_said(live: LiveHostFactory) -> None:
    category = CATEGORIES["DA2"][0]
    entries = tuple(
        (rf"{CLASSES}\CLSID\{{0B1A5C10-7E11-4C43-8B5E-{number:012X}}}\Implemented Categories\{category}", None, None)
        for number in range(250)
    )
    host = live("gw01", software=[Software("many", entries)])
    opc = found(host)
    assert len(opc["servers"]) == 200
    assert opc["notes"] == ["there are more OPC classes than are looked at"]


def test_without_a_cmd_shell_it_is_said_and_nothing_fails(full: LiveHost) -> None:
    full.site.add_fault("host", ScriptedFault(Effect.FAULT, operation="shell.*", code=2150859180, times=99))
    facts = read(full)
    assert facts["opc"]["is_complete"] is False
    assert facts["opc"]["servers"] == []
    assert facts["opc"]["opc_enum"]["service"] == "OpcEnum"
    assert facts["opc"]["core_components"]["missing"] == []
    assert "discovery_incomplete" in [item["code"] for item in facts["findings"]]


def test_where_reg_exe_is_forbidden_it_is_said(full: LiveHost) -> None:
    key = (
        r"HKLM\SOFTWARE\Policies\Microsoft\Windows\safer\codeidentifiers\0\Paths\{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0999}"
    )
    full.simulated.registry.put(key, "ItemData", _sz(r"C:\Windows\System32\reg.exe"))
    full.simulated.journal.records.clear()
    opc = found(full)
    assert opc["is_complete"] is False
    assert opc["notes"][0].startswith("only ")


def test_a_german_host_tells_the_same(live: LiveHostFactory, full: LiveHost) -> None:
    german = found(live("gw01", ui_language="de-DE", software=everything()))
    assert german == found(full)


def test_what_discovery_costs(full: LiveHost) -> None:
    """Three commands of four messages each, services and processes, the computer, and a message for each version."""
    full.ask(lambda connected: read_machine(connected, []))
    plain = full.messages
    opc = found(full)
    programs = {item["program"] for item in (*opc["servers"], opc["opc_enum"])}
    assert full.messages - plain <= 18 + len(programs)


@pytest.mark.parametrize(
    ("profile", "phase", "is_certain"),
    [
        (PROFILES["7"], "not_patched", False),
        (PROFILES["2008r2"], "enforced", False),
        (PROFILES["2012r2"], "enforced", False),
        (SERVER_2022, "enforced", True),
        (SERVER_2019.with_revision(3046), "on_by_default", True),
        (SERVER_2019.with_revision(1998), "not_patched", True),
    ],
    ids=lambda item: getattr(item, "key", item),
)
def test_the_phase_of_a_host(live: LiveHostFactory, profile: Profile, phase: str, is_certain: bool) -> None:
    host = live("gw01", profile)
    hardening = host.ask(lambda connected: read_machine(connected, []))["hardening"]
    assert (hardening["phase"], hardening["is_certain"]) == (phase, is_certain)
    in_force = host.simulated.in_force().machine
    assert hardening["requires_integrity"] is in_force.requires_integrity
    raised = {0: "nothing", 1: "default_level_only", 2: "all_requests"}[in_force.raises_level]
    assert hardening["raises_activation"] == raised


def test_a_value_that_is_ignored_is_not_called_weak(live: LiveHostFactory) -> None:
    host = live("gw01")
    key = r"HKLM\SOFTWARE\Microsoft\Ole\AppCompat"
    host.simulated.registry.put(key, "RequireIntegrityActivationAuthenticationLevel", RegistryValue.dword(0))
    host.simulated.journal.records.clear()
    facts = host.ask(lambda connected: read_machine(connected, []))
    codes = [item["code"] for item in facts["findings"]]
    assert "ignored_setting" in codes
    assert "weak_setting" not in codes
    assert "off (0) is ignored" in facts["hardening"]["requires_integrity_because"]
