# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dcom_application on simulated hosts: every way to find one, its settings, and the one made for a pure client."""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost, LiveHostFactory, OptionError, Result, changed_lines
from permission_tasks import APP_IDS, OPC_ENUM, WMI, state_of

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import (
    HostStateError,
    LockoutError,
    OpcDcomError,
    ParameterError,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._applications import ApplicationMissingError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._application import DcomApplication
from simulator.faults import Effect, ScriptedFault
from simulator.software import (
    APIS_APP_ID,
    OPC_ENUM_CLSID,
    ae_server,
    da_server_32,
    hda_server,
    opc_client,
    opc_core_components,
    prediktor_apis,
)
from simulator.subsystems.registry_value import RegistryValue

CLASSES = r"HKLM\SOFTWARE\Classes"
DA_SERVER = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0100}"
CLIENT = r"C:\Program Files\Example\OpcClient.exe"


@pytest.fixture
def host(live: LiveHostFactory) -> LiveHost:
    software = [opc_core_components(), prediktor_apis(), da_server_32(), hda_server(), ae_server(), opc_client(CLIENT)]
    return live("gw01", software=software)


def run(host: LiveHost, *, check_mode: bool = False, **options: Any) -> Result:
    return host.run(DcomApplication(), options, check_mode=check_mode)


def value(host: LiveHost, app_id: str, name: str) -> RegistryValue | None:
    return host.simulated.registry.get(f"{APP_IDS}\\{app_id}", name)


def preset(host: LiveHost, key: str, name: str, value: RegistryValue) -> None:
    host.simulated.registry.put(key, name, value)
    host.simulated.journal.records.clear()


def assert_settled(host: LiveHost, **options: Any) -> None:
    writes = len(host.writes)
    again = run(host, **options)
    assert not again["changed"]
    assert len(host.writes) == writes


# -- finding


@pytest.mark.parametrize(
    ("options", "app_id"),
    [
        ({"app_id": OPC_ENUM}, OPC_ENUM),
        ({"app_id": OPC_ENUM.strip("{}").lower()}, OPC_ENUM),
        ({"name": "opcenum"}, OPC_ENUM),
        ({"service": "OPCENUM"}, OPC_ENUM),
        ({"clsid": OPC_ENUM_CLSID}, OPC_ENUM),
        ({"prog_id": "OPC.ServerList.1"}, OPC_ENUM),
        ({"program": r"C:\Windows\SysWOW64\OpcEnum.exe"}, OPC_ENUM),
        ({"program": "opcenum.exe"}, OPC_ENUM),
        ({"prog_id": "Prediktor.ApisOPCServer.1"}, APIS_APP_ID),
        ({"prog_id": "Example.DaServer.1"}, DA_SERVER),
    ],
    ids=lambda item: next(iter(item)) if isinstance(item, dict) else "",
)
def test_an_application_is_found_by_what_people_know_of_it(
    host: LiveHost, options: dict[str, str], app_id: str
) -> None:
    result = run(host, **options, authentication_level="packet_integrity")
    assert result["before"]["application"].endswith(app_id)
    written = value(host, app_id, "AuthenticationLevel")
    assert written == RegistryValue.dword(5)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"app_id": "{00000000-0000-0000-0000-000000000001}"}, "no such application is registered"),
        ({"name": "missing"}, "no application of this host is called missing"),
        ({"service": "missing"}, "names missing as its LocalService"),
        ({"clsid": "{00000000-0000-0000-0000-000000000001}"}, "neither in the 64-bit nor in the 32-bit view"),
        ({"prog_id": "Missing.Server.1"}, "ProgID Missing.Server.1 is not registered"),
    ],
    ids=lambda item: next(iter(item)) if isinstance(item, dict) else "",
)
def test_what_is_not_there_is_an_error_that_says_where_the_way_ended(
    host: LiveHost, options: dict[str, str], reason: str
) -> None:
    with pytest.raises(ApplicationMissingError, match=reason):
        run(host, **options, authentication_level="packet_integrity")
    assert host.writes == []
    assert not run(host, **options, state="absent")["changed"]


@pytest.mark.parametrize(
    "selector",
    [
        {"app_id": "{00000000-0000-0000-0000-000000000001}"},
        {"service": "missing"},
        {"prog_id": "Missing.Server.1"},
        {"program": "Missing.exe"},
    ],
    ids=lambda item: next(iter(item)),
)
def test_what_is_not_there_may_be_left_at_that(host: LiveHost, selector: dict[str, str]) -> None:
    before = host.simulated.snapshot().text()
    result = run(host, **selector, authentication_level="packet_integrity", ignore_missing=True)
    assert not result["changed"]
    assert result["before"] == result["after"]
    assert "is no application here" in result["after"]["application"]
    assert host.simulated.snapshot().text() == before


def test_what_is_there_gets_its_level_all_the_same(host: LiveHost) -> None:
    options = {"program": "opcenum.exe", "authentication_level": "packet_integrity", "ignore_missing": True}
    assert run(host, **options)["changed"]
    assert value(host, OPC_ENUM, "AuthenticationLevel") == RegistryValue.dword(5)
    assert not run(host, **options)["changed"]


def test_a_class_without_an_application_is_said_to_be_one(host: LiveHost) -> None:
    clsid = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0901}"
    preset(host, f"{CLASSES}\\CLSID\\{clsid}", "", RegistryValue.sz("Example"))
    with pytest.raises(ApplicationMissingError, match="has no AppID, so the machine defaults hold"):
        run(host, clsid=clsid, authentication_level="packet_integrity")


def test_a_name_of_several_applications_is_an_error_that_lists_them(host: LiveHost) -> None:
    preset(host, f"{APP_IDS}\\{DA_SERVER}", "", RegistryValue.sz("OpcEnum"))
    with pytest.raises(HostStateError, match="means several applications") as caught:
        run(host, name="OpcEnum", authentication_level="packet_integrity")
    assert OPC_ENUM in str(caught.value)
    assert DA_SERVER in str(caught.value)


def test_a_class_with_another_application_in_each_view_is_an_error(host: LiveHost) -> None:
    preset(host, f"{CLASSES}\\CLSID\\{OPC_ENUM_CLSID}", "AppID", RegistryValue.sz(DA_SERVER))
    with pytest.raises(HostStateError, match="means several applications"):
        run(host, clsid=OPC_ENUM_CLSID, authentication_level="packet_integrity")


def test_a_class_that_leads_to_no_guid_is_an_error(host: LiveHost) -> None:
    preset(host, f"{CLASSES}\\Wow6432Node\\CLSID\\{OPC_ENUM_CLSID}", "AppID", RegistryValue.sz("OpcEnum"))
    with pytest.raises(HostStateError, match="does not lead to an application"):
        run(host, clsid=OPC_ENUM_CLSID, authentication_level="packet_integrity")


def test_names_are_found_without_a_cmd_shell_too(host: LiveHost) -> None:
    fault = ScriptedFault(Effect.FAULT, operation="shell.*", code=2150859180, times=99)
    host.site.add_fault("host", fault)
    assert run(host, name="OpcEnum", authentication_level="packet_integrity")["changed"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"app_id": "OpcEnum"}, "is not a GUID"),
        ({"clsid": "{1234}"}, "is not a GUID"),
        ({"program": "OpcClient"}, "is not the name or path of an executable"),
        ({"program": ".exe"}, "is not the name or path of an executable"),
        ({"prog_id": "a\\b"}, "cannot be a ProgID"),
    ],
    ids=lambda item: next(iter(item)) if isinstance(item, dict) else "",
)
def test_a_selector_that_cannot_be_is_refused_before_the_host_is_asked(
    host: LiveHost, options: dict[str, str], reason: str
) -> None:
    with pytest.raises(ParameterError, match=reason):
        run(host, **options)
    assert host.messages == 0


@pytest.mark.parametrize("options", [{}, {"app_id": OPC_ENUM, "name": "OpcEnum"}], ids=["none", "two"])
def test_exactly_one_selector_is_needed(host: LiveHost, options: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        run(host, **options)


# -- settings


@pytest.mark.parametrize(
    ("word", "data"), [("connect", 2), ("packet", 4), ("packet_integrity", 5), ("packet_privacy", 6), ("default", None)]
)
def test_levels_by_name(host: LiveHost, word: str, data: int | None) -> None:
    assert run(host, service="OpcEnum", authentication_level=word)["changed"]
    assert value(host, OPC_ENUM, "AuthenticationLevel") == (None if data is None else RegistryValue.dword(data))
    assert_settled(host, service="OpcEnum", authentication_level=word)


def test_level_none_is_refused_unless_told(host: LiveHost) -> None:
    with pytest.raises(LockoutError, match=r"makes COM ignore access permissions.*allow_weak"):
        run(host, prog_id="Example.DaServer.1", authentication_level="none")
    told = run(host, prog_id="Example.DaServer.1", authentication_level="none", allow_weak=True)
    assert told["exceptions"] == [
        f"allow_weak: Example DA Server {DA_SERVER}: authentication_level none makes COM ignore access permissions"
    ]


def test_a_level_of_a_wrong_type_is_shown_and_replaced(host: LiveHost) -> None:
    preset(host, f"{APP_IDS}\\{DA_SERVER}", "AuthenticationLevel", RegistryValue.sz("5"))
    result = run(host, app_id=DA_SERVER, authentication_level="packet_integrity")
    assert result["before"]["authentication_level"] == "invalid (REG_SZ '5'; REG_DWORD expected)"
    assert value(host, DA_SERVER, "AuthenticationLevel") == RegistryValue.dword(5)


def test_use_default_removes_the_own_lists_and_shows_what_was_in_them(host: LiveHost) -> None:
    options = {"service": "OpcEnum", "use_default_access": True, "use_default_launch": True}
    result = run(host, **options)
    assert "allow  Everyone  local_access, remote_access" in result["before"]["access_permission"]
    assert result["after"] == {
        "application": f"OpcEnum {OPC_ENUM}",
        "access_permission": ["absent: the machine default counts"],
        "launch_permission": ["absent: the machine default counts"],
    }
    assert value(host, OPC_ENUM, "AccessPermission") is None
    assert value(host, OPC_ENUM, "LaunchPermission") is None
    assert_settled(host, **options)


def test_use_default_false_leaves_the_list_alone(host: LiveHost) -> None:
    assert not run(host, service="OpcEnum", use_default_access=False, use_default_launch=False)["changed"]


def test_the_level_is_raised_before_a_list_is_touched(host: LiveHost) -> None:
    run(
        host,
        service="OpcEnum",
        authentication_level="packet_integrity",
        use_default_access=True,
        use_default_launch=True,
    )
    order = [line.rpartition(" ")[2] for line in host.writes if OPC_ENUM in line]
    assert order == ["AuthenticationLevel", "AccessPermission", "LaunchPermission"]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("network_service", "nt authority\\networkservice"),
        ("NT AUTHORITY\\LocalService", "nt authority\\localservice"),
        ("launching_user", None),
    ],
)
def test_run_as_a_well_known_identity(host: LiveHost, text: str, data: str | None) -> None:
    preset(host, f"{APP_IDS}\\{DA_SERVER}", "RunAs", RegistryValue.sz("FACTORY\\opc"))
    result = run(host, prog_id="Example.DaServer.1", run_as=text)
    assert result["before"]["run_as"] == "FACTORY\\opc"
    assert value(host, DA_SERVER, "RunAs") == (None if data is None else RegistryValue.sz(data))
    assert_settled(host, prog_id="Example.DaServer.1", run_as=text)


@pytest.mark.parametrize("text", ["interactive_user", "Interactive User", "system", "NT AUTHORITY\\SYSTEM"])
def test_run_as_a_weak_identity_is_refused_unless_told(host: LiveHost, text: str) -> None:
    with pytest.raises(LockoutError, match="allow_weak"):
        run(host, prog_id="Example.DaServer.1", run_as=text)
    assert run(host, prog_id="Example.DaServer.1", run_as=text, allow_weak=True)["exceptions"]


@pytest.mark.parametrize(
    "options", [{"run_as": "FACTORY\\opc"}, {"run_as": "network_service", "run_as_password": "Secret-Passw0rd"}]
)
def test_a_run_as_that_needs_a_password_is_refused_with_the_reason(host: LiveHost, options: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match="LSA secret") as caught:
        run(host, prog_id="Example.DaServer.1", **options)
    assert "Secret-Passw0rd" not in str(caught.value)
    assert host.messages == 0


def test_run_as_of_a_service_is_refused_with_the_reason(host: LiveHost) -> None:
    with pytest.raises(HostStateError, match="COM ignores RunAs for services"):
        run(host, service="OpcEnum", run_as="network_service")


def test_a_key_of_trusted_installer_is_refused_before_anything_is_written(host: LiveHost) -> None:
    for check_mode in (True, False):
        with pytest.raises(HostStateError, match="belong to TrustedInstaller"):
            run(host, app_id=WMI, authentication_level="packet_integrity", check_mode=check_mode)
    assert host.writes == []


def test_a_running_service_has_to_be_restarted_a_program_to_be_started_again(host: LiveHost) -> None:
    service = run(host, service="ApisHive", authentication_level="packet_integrity")
    assert service["restart_required"] == ["ApisHive"]
    program = run(host, prog_id="Example.HdaServer.1", authentication_level="packet_integrity")
    assert any("once its program has been started again" in text for text in program["warnings"])


# -- an application for a pure client

MADE = "{2D0FB2EB-B21E-539C-89E2-34E780795A76}"


def test_a_pure_client_gets_an_application_and_its_level_is_in_force(host: LiveHost) -> None:
    options = {"program": CLIENT, "authentication_level": "packet_integrity"}
    assert host.simulated.app_id_of(CLIENT) is None
    result = run(host, **options)
    assert changed_lines(result) == [
        "- application: absent: OpcClient.exe is no application, the machine defaults count",
        f"+ application: OpcClient.exe {MADE}",
        "+ authentication_level: packet_integrity (5)",
    ]
    assert host.simulated.app_id_of(CLIENT) == MADE
    assert host.simulated.com_process(CLIENT).authentication_level == 5
    assert_settled(host, **options)


def test_every_host_and_controller_makes_the_same_app_id(live: LiveHostFactory) -> None:
    for name, program in (("eng01", "OPCCLIENT.EXE"), ("eng02", CLIENT)):
        made = live(name, software=[opc_client(CLIENT)])
        run(made, program=program)
        assert made.simulated.app_id_of(CLIENT) == MADE


def test_absent_takes_away_exactly_what_was_made(host: LiveHost) -> None:
    before = state_of(host)
    run(host, program=CLIENT, authentication_level="packet_integrity")
    assert run(host, program=CLIENT, state="absent")["changed"]
    assert state_of(host) == before
    assert_settled(host, program=CLIENT, state="absent")


def test_absent_by_app_id_takes_the_mapping_too(host: LiveHost) -> None:
    before = state_of(host)
    run(host, program=CLIENT)
    run(host, app_id=MADE, state="absent")
    assert state_of(host) == before


@pytest.mark.parametrize("options", [{"service": "OpcEnum"}, {"program": "DaServer.exe"}])
def test_absent_refuses_what_this_collection_did_not_make(host: LiveHost, options: dict[str, str]) -> None:
    with pytest.raises(HostStateError, match="was not made by this collection"):
        run(host, **options, state="absent")
    assert host.writes == []


def test_absent_takes_no_settings(host: LiveHost) -> None:
    with pytest.raises(ParameterError, match="has no settings"):
        run(host, program=CLIENT, state="absent", authentication_level="default")


def test_absent_leaves_a_mapping_that_somebody_led_elsewhere(host: LiveHost) -> None:
    run(host, program=CLIENT)
    preset(host, f"{APP_IDS}\\OpcClient.exe", "AppID", RegistryValue.sz(DA_SERVER))
    run(host, app_id=MADE, state="absent")
    assert host.simulated.app_id_of(CLIENT) == DA_SERVER


def test_a_mapping_that_leads_nowhere_is_led_to_a_new_application(host: LiveHost) -> None:
    key = f"{APP_IDS}\\OpcClient.exe"
    preset(host, key, "AppID", RegistryValue.sz("{00000000-0000-0000-0000-000000000001}"))
    run(host, program=CLIENT)
    assert host.simulated.app_id_of(CLIENT) == MADE
    assert_settled(host, program=CLIENT)


def test_a_program_that_is_mapped_already_keeps_its_application(host: LiveHost) -> None:
    assert not run(host, program="DaServer.exe")["changed"]


@pytest.mark.parametrize("effect", [Effect.DROP_BEFORE, Effect.DROP_AFTER], ids=lambda effect: effect.value)
@pytest.mark.parametrize("at", range(1, 10))
def test_a_failure_while_making_one_leaves_nothing_behind(host: LiveHost, at: int, effect: Effect) -> None:
    """Two keys for the journal, the journal, two keys and four values of the application: nine writes."""
    before = state_of(host)
    host.site.add_fault("host", ScriptedFault(effect, at=at, operation="StdRegProv.[SC][er]*"))
    with pytest.raises(OpcDcomError):
        run(host, program=CLIENT, authentication_level="packet_integrity")
    assert host.site["host"].faults.is_exhausted
    assert state_of(host) == before


@pytest.mark.parametrize("options", [{"program": CLIENT}, {"service": "OpcEnum", "use_default_access": True}])
def test_check_mode_says_the_same_and_writes_nothing(host: LiveHost, options: dict[str, Any]) -> None:
    preview = run(host, **options, authentication_level="packet_integrity", check_mode=True)
    assert host.writes == []
    done = run(host, **options, authentication_level="packet_integrity")
    assert preview["diff"] == done["diff"]
