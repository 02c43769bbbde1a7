# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Win32_* classes of wsman_cim.md 4.7: properties, keys, methods and ReturnValues."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hosts import PASSWORD, administrator, get, invoke, operator

from simulator.cim import Caller, CimError, CimReference, CimStatus
from simulator.host import SimulatedHost
from simulator.profiles import PROFILES, WINDOWS_10
from simulator.software import opc_core_components, prediktor_apis
from simulator.subsystems.account_database import Domain


@pytest.fixture
def host() -> SimulatedHost:
    return SimulatedHost("opcsrv01", software=[opc_core_components(), prediktor_apis()])


@pytest.fixture
def admin(host: SimulatedHost) -> Caller:
    return administrator(host)


def service(host: SimulatedHost, caller: Caller, method: str, name: str, **arguments: Any) -> int:
    return int(invoke(host, caller, "Win32_Service", method, {"Name": name}, **arguments)["ReturnValue"])


def instances(host: SimulatedHost, caller: Caller, class_name: str) -> list[dict[str, Any]]:
    provider = host.provider("root/cimv2", class_name)
    assert provider is not None
    return [dict(item) for item in provider.instances(caller)]


def status_of(call: object, *arguments: object, **named: object) -> CimStatus:
    with pytest.raises(CimError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.status


def test_every_instance_has_every_property_of_its_class(host: SimulatedHost, admin: Caller) -> None:
    for provider in host.providers("ROOT\\CIMV2"):
        if provider.cim_class.can_enumerate:
            for instance in provider.instances(admin):
                assert instance.keys() == {item.name for item in provider.cim_class.properties}


def test_class_and_namespace_names_are_found_without_case(host: SimulatedHost) -> None:
    assert host.provider("ROOT/CIMV2", "win32_operatingsystem") is host.provider("root\\cimv2", "Win32_OperatingSystem")
    assert host.provider("root/cimv2", "Win32_Product") is None
    assert host.has_namespace("root/cimv2") and not host.has_namespace("root/nothing")


def test_the_firewall_namespace_exists_from_windows_8_on(host: SimulatedHost) -> None:
    assert host.has_namespace("root/StandardCimv2")
    assert not SimulatedHost("old", PROFILES["7"]).has_namespace("root/StandardCimv2")


# Win32_OperatingSystem


@pytest.mark.parametrize(
    ("key", "version", "build", "product_type", "service_pack"),
    [
        ("7", "6.1.7601", "7601", 1, "Service Pack 1"),
        ("2016", "10.0.14393", "14393", 3, None),
        ("11", "10.0.22631", "22631", 1, None),
    ],
)
def test_operating_system(key: str, version: str, build: str, product_type: int, service_pack: str | None) -> None:
    host = SimulatedHost("h", PROFILES[key])
    found = get(host, administrator(host), "Win32_OperatingSystem")
    assert (found["Version"], found["BuildNumber"], found["ProductType"]) == (version, build, product_type)
    assert found["CSDVersion"] == service_pack
    assert found["MUILanguages"] == ["en-US"]
    assert found["LastBootUpTime"] == host.boot.boot_time


@pytest.mark.parametrize(
    ("method", "arguments", "delay_s"),
    [
        ("Reboot", {}, 0),
        ("Win32Shutdown", {"Flags": 6}, 0),
        ("Win32ShutdownTracker", {"Timeout": 30, "Comment": "x", "ReasonCode": 0x80040001, "Flags": 2}, 30),
    ],
)
def test_reboots(host: SimulatedHost, admin: Caller, method: str, arguments: dict[str, Any], delay_s: int) -> None:
    before = get(host, admin, "Win32_OperatingSystem")["LastBootUpTime"]
    assert invoke(host, admin, "Win32_OperatingSystem", method, **arguments) == {"ReturnValue": 0}
    assert host.is_up, "the answer still goes out"
    host.clock.advance(delay_s + 1)
    assert get(host, admin, "Win32_OperatingSystem")["LastBootUpTime"] - before > timedelta(seconds=30)


def test_a_shutdown_switches_the_host_off(host: SimulatedHost, admin: Caller) -> None:
    invoke(host, admin, "Win32_OperatingSystem", "Win32Shutdown", Flags=8)
    host.clock.advance(3600)
    assert not host.is_up


def test_shutdown_requests_that_fail(host: SimulatedHost, admin: Caller) -> None:
    assert invoke(host, admin, "Win32_OperatingSystem", "Win32Shutdown", Flags=16) == {"ReturnValue": 87}
    assert invoke(host, operator(host), "Win32_OperatingSystem", "Reboot") == {"ReturnValue": 1314}
    invoke(host, admin, "Win32_OperatingSystem", "Win32ShutdownTracker", Timeout=60, Flags=2)
    assert invoke(host, admin, "Win32_OperatingSystem", "Reboot") == {"ReturnValue": 1190}
    assert status_of(invoke, host, admin, "Win32_OperatingSystem", "Win32Shutdown", Flags=0) is (
        CimStatus.METHOD_NOT_AVAILABLE
    )


# Win32_ComputerSystem, Win32_QuickFixEngineering


def test_computer_system_of_a_workgroup_host_and_of_a_member() -> None:
    alone = SimulatedHost("alone", WINDOWS_10)
    member = SimulatedHost("member", domain=Domain("PLANT", "plant.example"))
    first = get(alone, administrator(alone), "Win32_ComputerSystem", Name="ALONE")
    second = get(member, administrator(member), "Win32_ComputerSystem", Name="member")
    assert (first["PartOfDomain"], first["Domain"], first["Workgroup"], first["DomainRole"]) == (
        False, "WORKGROUP", "WORKGROUP", 0,
    )  # fmt: skip
    assert (second["PartOfDomain"], second["Domain"], second["Workgroup"], second["DomainRole"]) == (
        True, "plant.example", None, 3,
    )  # fmt: skip


def test_hot_fixes(host: SimulatedHost, admin: Caller) -> None:
    assert instances(host, admin, "Win32_QuickFixEngineering") == []
    host.hot_fixes.append(("KB5004442", "3/14/2023"))
    assert get(host, admin, "Win32_QuickFixEngineering", HotFixID="KB5004442", ServicePackInEffect="")["InstalledOn"]


# Win32_Service


def test_a_running_service(host: SimulatedHost, admin: Caller) -> None:
    found = get(host, admin, "Win32_Service", Name="apishive")
    assert (found["Name"], found["State"], found["StartMode"], found["StartName"]) == (
        "ApisHive", "Running", "Auto", "LocalSystem",
    )  # fmt: skip
    assert found["PathName"] == r'"C:\apis\bin64\apishivex64.exe"'
    assert found["ProcessId"] > 0 and found["Started"] is True


def test_delayed_auto_start_is_a_property_of_windows_10_and_later(host: SimulatedHost, admin: Caller) -> None:
    old = SimulatedHost("old", PROFILES["2012r2"])
    assert "DelayedAutoStart" in get(host, admin, "Win32_Service", Name="Spooler")
    assert "DelayedAutoStart" not in get(old, administrator(old), "Win32_Service", Name="Spooler")


def test_drivers_are_no_services_of_this_class(host: SimulatedHost, admin: Caller) -> None:
    assert status_of(get, host, admin, "Win32_Service", Name="HTTP") is CimStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("method", "name", "arguments", "return_value"),
    [  # table of wsman_cim.md 4.7
        ("StartService", "OpcEnum", {}, 0),
        ("StopService", "ApisHive", {}, 0),
        ("StopService", "EventSystem", {}, 3),
        ("StopService", "RpcSs", {}, 4),
        ("PauseService", "ApisHive", {}, 4),
        ("StopService", "OpcEnum", {}, 5),
        ("StartService", "ApisHive", {}, 10),
        ("StartService", "SharedAccess", {}, 14),
        ("ChangeStartMode", "OpcEnum", {"StartMode": "Automatic"}, 0),
        ("ChangeStartMode", "OpcEnum", {"StartMode": "Auto"}, 21),
        ("Change", "OpcEnum", {"StartName": ".\\ghost", "StartPassword": "x"}, 22),
        ("Change", "OpcEnum", {"ErrorControl": 9}, 21),
        ("Change", "OpcEnum", {"ServiceDependencies": ["OpcEnum"]}, 18),
        ("InterrogateService", "ApisHive", {}, 0),
        ("Delete", "OpcEnum", {}, 0),
    ],
)
def test_return_values(
    host: SimulatedHost, admin: Caller, method: str, name: str, arguments: dict[str, Any], return_value: int
) -> None:
    assert service(host, admin, method, name, **arguments) == return_value


def test_return_values_of_trouble(host: SimulatedHost, admin: Caller) -> None:
    host.services.behaviour("OpcEnum").start_error = 1053
    assert service(host, admin, "StartService", "OpcEnum") == 7
    host.files.remove(r"C:\Windows\SysWOW64\OpcEnum.exe")
    assert service(host, admin, "StartService", "OpcEnum") == 9
    service(host, admin, "Delete", "ApisHive")
    assert service(host, admin, "Delete", "ApisHive") == 16
    host.accounts.create_user(None, "svc", PASSWORD)
    service(host, admin, "Change", "OpcEnum", StartName=".\\svc", StartPassword="wrong")
    host.files.add(r"C:\Windows\SysWOW64\OpcEnum.exe")
    assert service(host, admin, "StartService", "OpcEnum") == 15


def test_change_leaves_what_is_null_alone(host: SimulatedHost, admin: Caller) -> None:
    before = host.services.config("OpcEnum")
    assert service(host, admin, "Change", "OpcEnum", StartName=r"NT AUTHORITY\NetworkService") == 0
    after = get(host, admin, "Win32_Service", Name="OpcEnum")
    assert after["StartName"] == r"NT AUTHORITY\NetworkService"
    assert (after["StartMode"], after["PathName"]) == ("Manual", before.image_path)


def test_create_is_static(host: SimulatedHost, admin: Caller) -> None:
    arguments = {"Name": "Probe", "DisplayName": "Probe", "PathName": r"C:\Windows\System32\spoolsv.exe"}
    assert invoke(host, admin, "Win32_Service", "Create", **arguments, StartMode="Manual")["ReturnValue"] == 0
    assert invoke(host, admin, "Win32_Service", "Create", **arguments)["ReturnValue"] == 23
    assert get(host, admin, "Win32_Service", Name="probe")["DisplayName"] == "Probe"


def test_pending_states_are_shown(host: SimulatedHost, admin: Caller) -> None:
    host.services.behaviour("ApisHive").stop_s = 5
    assert service(host, admin, "StopService", "ApisHive") == 0
    assert get(host, admin, "Win32_Service", Name="ApisHive")["State"] == "Stop Pending"
    assert service(host, admin, "StopService", "ApisHive") == 5
    host.clock.advance(5)
    found = get(host, admin, "Win32_Service", Name="ApisHive")
    assert (found["State"], found["ProcessId"], found["ExitCode"]) == ("Stopped", 0, 0)


def test_services_are_closed_to_plain_users(host: SimulatedHost) -> None:
    user = operator(host)
    assert instances(host, user, "Win32_Service") == []
    assert status_of(get, host, user, "Win32_Service", Name="Spooler") is CimStatus.ACCESS_DENIED
    assert service(host, user, "StopService", "Spooler") == 2


def test_missing_services_are_faults(host: SimulatedHost, admin: Caller) -> None:
    assert status_of(get, host, admin, "Win32_Service", Name="NoSuchService") is CimStatus.NOT_FOUND
    assert status_of(service, host, admin, "StopService", "NoSuchService") is CimStatus.NOT_FOUND
    assert status_of(service, host, admin, "UserControlService", "Spooler") is CimStatus.METHOD_NOT_AVAILABLE


# Accounts


def test_users_and_groups_answer_under_the_computer_name(host: SimulatedHost, admin: Caller) -> None:
    user = get(host, admin, "Win32_UserAccount", Domain="opcsrv01", Name="administrator")
    group = get(host, admin, "Win32_Group", Domain="OPCSRV01", Name="Distributed COM Users")
    everyone = get(host, admin, "Win32_SystemAccount", Domain="OPCSRV01", Name="Everyone")
    assert (user["SID"], user["SIDType"], user["LocalAccount"]) == (host.accounts.local.sid + "-500", 1, True)
    assert (group["SID"], group["SIDType"]) == ("S-1-5-32-562", 4)
    assert (everyone["SID"], everyone["SIDType"], everyone["Caption"]) == ("S-1-1-0", 5, "OPCSRV01\\Everyone")


def test_account_flags(host: SimulatedHost, admin: Caller) -> None:
    host.accounts.create_user(None, "u", PASSWORD, password_never_expires=True, is_enabled=False, is_locked_out=True)
    found = get(host, admin, "Win32_UserAccount", Domain="OPCSRV01", Name="u")
    assert (found["Disabled"], found["Lockout"], found["PasswordExpires"]) == (True, True, False)


@pytest.mark.parametrize(
    ("class_name", "domain", "name"),
    [
        ("Win32_UserAccount", "OPCSRV01", "nobody"),
        ("Win32_UserAccount", "OTHER", "Administrator"),
        ("Win32_UserAccount", "OPCSRV01", "Administrators"),
        ("Win32_Group", "BUILTIN", "Administrators"),
        ("Win32_Group", "OPCSRV01", "S-1-5-32-544"),
        ("Win32_SystemAccount", "NT AUTHORITY", "SYSTEM"),
    ],
)
def test_names_that_do_not_answer(host: SimulatedHost, admin: Caller, class_name: str, domain: str, name: str) -> None:
    assert status_of(get, host, admin, class_name, Domain=domain, Name=name) is CimStatus.NOT_FOUND


def test_german_names() -> None:
    host = SimulatedHost("opcsrv02", ui_language="de-DE")
    admin = administrator(host)
    assert get(host, admin, "Win32_Group", Domain="OPCSRV02", Name="Administratoren")["SID"] == "S-1-5-32-544"
    assert status_of(get, host, admin, "Win32_Group", Domain="OPCSRV02", Name="Administrators") is CimStatus.NOT_FOUND
    assert get(host, admin, "Win32_SID", SID="S-1-5-18")["ReferencedDomainName"] == "NT-AUTORITÄT"


def test_domain_accounts_answer_under_the_domain() -> None:
    domain = Domain("PLANT", "plant.example")
    host = SimulatedHost("opcsrv03", domain=domain)
    admin = administrator(host)
    found = get(host, admin, "Win32_UserAccount", Domain="plant", Name="OPCSRV03$")
    assert (found["SID"], found["LocalAccount"], found["AccountType"]) == (host.accounts.computer_sid, False, 4096)
    domain.is_reachable = False
    assert status_of(get, host, admin, "Win32_UserAccount", Domain="PLANT", Name="OPCSRV03$") is CimStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("sid", "domain", "name", "data"),
    [  # binary form: MS-DTYP 2.4.2.2
        ("S-1-5-32-544", "BUILTIN", "Administrators", "01020000000000052000000020020000"),
        ("S-1-1-0", "", "Everyone", "010100000000000100000000"),
        ("S-1-5-21-1-2-3-1001", "", "", "0105000000000005150000000100000002000000" + "03000000e9030000"),
    ],
)
def test_sids(host: SimulatedHost, admin: Caller, sid: str, domain: str, name: str, data: str) -> None:
    found = get(host, admin, "Win32_SID", SID=sid.lower())
    assert (found["ReferencedDomainName"], found["AccountName"]) == (domain, name)
    assert bytes(found["BinaryRepresentation"]).hex() == data
    assert found["SidLength"] == len(data) // 2


def test_a_text_that_is_no_sid(host: SimulatedHost, admin: Caller) -> None:
    assert status_of(get, host, admin, "Win32_SID", SID="Everyone") is CimStatus.NOT_FOUND
    assert status_of(instances, host, admin, "Win32_SID") is CimStatus.NOT_SUPPORTED


def test_members_are_references_and_orphans_have_no_row(host: SimulatedHost, admin: Caller) -> None:
    user = host.accounts.create_user(None, "u", PASSWORD)
    host.accounts.add_member(None, "Distributed COM Users", user.sid)
    rows = instances(host, admin, "Win32_GroupUser")
    group = CimReference("Win32_Group", {"Domain": "OPCSRV01", "Name": "Distributed COM Users"})
    members = [item["PartComponent"] for item in rows if item["GroupComponent"] == group]
    assert members == [CimReference("Win32_UserAccount", {"Domain": "OPCSRV01", "Name": "u"})]
    host.accounts.local.remove_user(user)
    rows = instances(host, admin, "Win32_GroupUser")
    assert not [item for item in rows if item["GroupComponent"] == group]


def test_classes_are_read_only_where_nothing_else_is_said(host: SimulatedHost, admin: Caller) -> None:
    provider = host.provider("root/cimv2", "Win32_UserAccount")
    assert provider is not None
    keys = {"Domain": "OPCSRV01", "Name": "Guest"}
    assert status_of(provider.put, admin, keys, {"Disabled": False}) is CimStatus.NOT_SUPPORTED
    assert host.violations != []


def test_processes_are_those_of_services_and_of_users_until_the_next_boot(host: SimulatedHost, admin: Caller) -> None:
    host.run_program(r"C:\opc\client.exe", "OPCSRV01\\operator")
    running = {item["Name"]: item["ExecutablePath"] for item in instances(host, admin, "Win32_Process")}
    assert running["client.exe"] == r"C:\opc\client.exe"
    assert running["apishivex64.exe"].lower() == r"c:\apis\bin64\apishivex64.exe"
    assert running["System"] is None
    assert "OpcEnum.exe" not in running
    host.reboot()
    assert "client.exe" not in {item["Name"] for item in instances(host, admin, "Win32_Process")}
