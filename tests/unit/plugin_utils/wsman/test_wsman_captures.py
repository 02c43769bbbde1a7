# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replies captured from Windows Server 2003 R2, 2008 R2 and 2012 decode to known values, and damage never escapes."""

from __future__ import annotations

import random
import re
from datetime import datetime, timezone

import pytest
from wsman_samples import NAMES, SAMPLES, decode, request_of, sample, texts

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._cim import Instance
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import (
    ProtocolError,
    QuotaExceeded,
    WsmanError,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._replies import Page
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._shell_messages import Received


def decoded(name: str) -> object:
    body = sample(name)
    return decode(name, request_of(body), body)


def instances(name: str) -> list[Instance]:
    value = decoded(name)
    assert isinstance(value, tuple)
    return list(value[1])


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type,misc]


def test_every_capture_is_covered() -> None:
    if not SAMPLES.exists():
        pytest.skip("the captured Windows replies are not next to this repository: wsman_samples")
    assert sorted(path.stem for path in SAMPLES.glob("*.xml")) == sorted(NAMES)


OPERATING_SYSTEMS = {
    "s2008r2_Win32_OperatingSystem_select_star": {
        "BuildNumber": "7601",
        "CSDVersion": "Service Pack 1",
        "Description": "",
        "InstallDate": utc(2013, 3, 9, 3, 6, 25),
        "LastBootUpTime": utc(2013, 4, 15, 16, 28, 39, 500000),
        "LocalDateTime": utc(2013, 4, 15, 20, 26, 12, 701000),
        "LargeSystemCache": None,
        "MaxNumberOfProcesses": 4294967295,
        "MaxProcessMemorySize": 8589934464,
        "MUILanguages": ("en-US",),
        "Caption": "Microsoft Windows Server 2008 R2 Datacenter ",
        "ServicePackMajorVersion": 1,
    },
    "s2012_Win32_OperatingSystem_select_star": {
        "BuildNumber": "9200",
        "CSDVersion": None,
        "LastBootUpTime": utc(2013, 4, 15, 16, 28, 43, 488171),
        "CurrentTimeZone": 0,
        "Debug": False,
        "Primary": True,
        "ProductType": 3,
        "DataExecutionPrevention_SupportPolicy": 3,
        "PortableOperatingSystem": False,
        "OSLanguage": 1033,
        "MUILanguages": ("en-US",),
    },
    "s2012_Win32_OperatingSystem_select_props_fragment": {
        "BuildNumber": "9200",
        "CSDVersion": None,
        "Description": "",
        "LastBootUpTime": utc(2013, 4, 15, 16, 28, 43, 488171),
        "InstallDate": utc(2013, 3, 9, 2, 57, 32),
        "MUILanguages": ("en-US",),
        "FreePhysicalMemory": 58472,
    },
}


@pytest.mark.parametrize("name", OPERATING_SYSTEMS)
def test_operating_system(name: str) -> None:
    [instance] = instances(name)
    assert {key: instance[key] for key in OPERATING_SYSTEMS[name]} == OPERATING_SYSTEMS[name]
    assert instance.class_name == "Win32_OperatingSystem"


@pytest.mark.parametrize("name", OPERATING_SYSTEMS)
def test_the_schema_knows_every_property_of_the_operating_system(name: str) -> None:
    from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._schema import WIN32_OPERATING_SYSTEM

    [instance] = instances(name)
    assert set(instance) <= {item.name for item in WIN32_OPERATING_SYSTEM.properties}


def test_computer_system_arrays_and_negative_numbers() -> None:
    [instance] = instances("s2012_Win32_ComputerSystem_select_star_array")
    assert instance["Roles"] == ("LM_Workstation", "LM_Server", "NT", "Server_NT")
    assert instance["PauseAfterReset"] == -1
    assert instance["ResetCount"] == -1
    assert instance["PartOfDomain"] is False
    assert instance["DomainRole"] == 2
    assert instance["TotalPhysicalMemory"] == 644468736
    assert instance["UserName"] is None
    assert "OEMStringArray" not in instance  # a null array is absent
    assert instance["Workgroup"] == "WORKGROUP"
    assert instance["DNSHostName"] == "AMAZONA-SDFU7B1"


def test_computer_system_projection() -> None:
    [instance] = instances("s2008r2_Win32_ComputerSystem_select_props_fragment")
    assert instance.class_name == "Win32_ComputerSystem"
    assert instance["Roles"] == ("LM_Workstation", "LM_Server", "NT", "Server_NT")
    assert instance["PCSystemType"] == 0
    assert instance["InstallDate"] is None
    assert instance["Name"] == "AMAZONA-Q2R281F"


def test_first_page_with_one_service_and_a_context() -> None:
    value = decoded("s2008r2_Win32_Service_enumerate_first_1item_context")
    assert isinstance(value, tuple)
    context, [service] = value
    assert context == "uuid:6854B090-BBDB-486B-B750-5BF34D000933"
    assert service["Name"] == "AeLookupSvc"
    assert service["State"] == "Stopped"
    assert service["StartMode"] == "Manual"
    assert service["StartName"] == "localSystem"
    assert service["ProcessId"] == 0
    assert service["ExitCode"] == 1077
    assert service["AcceptStop"] is False
    assert service["PathName"] == "C:\\Windows\\system32\\svchost.exe -k netsvcs"


def test_last_page_of_services() -> None:
    value = decoded("s2012_Win32_Service_pull_last_fragment_endofsequence")
    assert isinstance(value, tuple)
    context, services = value
    assert context is None
    assert len(services) == 10
    assert services[0]["Name"] == "WerSvc"
    assert services[-1]["Name"] == "xensvc"
    assert services[-1]["PathName"] == '"C:\\Program Files (x86)\\Citrix\\XenTools\\XenGuestAgent.exe"'
    assert services[-1]["ProcessId"] == 1344
    assert {service["StartMode"] for service in services} <= {"Auto", "Manual", "Disabled"}


def test_both_halves_of_an_enumeration_of_volumes() -> None:
    first = decoded("s2012_Win32_Volume_enumerate_first_context")
    last = decoded("s2012_Win32_Volume_pull_last_endofsequence")
    assert isinstance(first, tuple)
    assert isinstance(last, tuple)
    assert first[0] == "uuid:990DC98A-DD52-4467-83BA-764CED445100"
    assert last[0] is None
    [system], [drive_c] = first[1], last[1]
    assert (system["Capacity"], system["DriveLetter"], system["SystemVolume"]) == (366997504, None, True)
    assert (drive_c["Capacity"], drive_c["DriveLetter"], drive_c["Label"]) == (31843151872, "C:", None)
    assert drive_c["FileSystem"] == "NTFS"  # not in the schema of this test: kept as text
    assert drive_c["BlockSize"] == "4096"
    assert drive_c["Automount"] == "true"
    assert drive_c["Access"] is None


def test_several_projections_with_dates() -> None:
    adapters = instances("s2003r2_Win32_NetworkAdapterConfiguration_fragment_arrays_datetime")
    assert [adapter["Index"] for adapter in adapters] == [1, 2, 3, 4, 5, 6, 7]
    citrix = adapters[-1]
    assert citrix["DHCPLeaseObtained"] == utc(2013, 4, 15, 19, 58, 50)
    assert citrix["DHCPLeaseExpires"] == utc(2013, 4, 15, 20, 58, 50)
    assert citrix["DHCPEnabled"] is True
    assert citrix["WINSScopeID"] == ""
    assert citrix["MACAddress"] == "12:4A:CE:8D:C7:A4"
    assert adapters[0]["DHCPLeaseObtained"] is None


def test_fault_of_the_operations_quota() -> None:
    body = sample("fault_quota_max_concurrent_operations")
    with pytest.raises(QuotaExceeded) as raised:
        decode("fault_quota_max_concurrent_operations", request_of(body), body, status=500)
    fault = raised.value
    assert fault.wsman_code == 0x803381A6 == 2150859174
    assert (fault.http_status, fault.code, fault.subcode) == (500, "Receiver", "InternalError")
    assert "maximum number of 15 concurrent operations" in fault.innermost_message
    assert "Close existing operations" in fault.reason
    assert not fault.is_access_denied
    assert not fault.is_not_found
    assert "0x803381A6" in str(fault)


def test_shell_id() -> None:
    assert decoded("shell_create_response") == "81DF6FC4-08CB-4FB4-A75B-33B422885199"


def test_output_of_a_command() -> None:
    received = decoded("shell_receive_response_done")
    assert isinstance(received, Received)
    assert received.exit_code == 0
    assert received.stderr == b""
    assert received.stdout.startswith(b'\r\n"04/11/2013 17:55:02.335","0.024353"\r\nExiting, please wait...')
    assert received.stdout.endswith(b"The command completed successfully.\r\n\r\r\n") or received.stdout.endswith(
        b"The command completed successfully.\r\n\r\r"
    )


def test_event_log_subscription_and_event() -> None:
    assert decoded("eventlog_subscribe_response") == ["uuid:00A69F40-AF0D-4E6D-93BD-EFE6AADC3F51"]
    page = decoded("eventlog_pull_response_one_event")
    assert isinstance(page, Page)
    assert page.context == "uuid:05071354-C4AD-4745-AA80-1127029F660E"
    [event] = page.items
    assert event.tag == "{http://schemas.microsoft.com/win/2004/08/events/event}Event"
    assert "test_from_gilroy_cmd_003" in texts(event)
    assert "3847" in texts(event)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_capture_cut_anywhere_is_a_protocol_error(name: str) -> None:
    """The one complete prefix of a document is the document: only white space may be missing at its end."""
    body = sample(name)
    request = request_of(body)
    complete = len(body.rstrip(b" \t\r\n"))
    for length in range(complete):
        with pytest.raises(WsmanError) as raised:
            decode(name, request, body[:length])
        assert type(raised.value) is ProtocolError, f"cut at byte {length}"
    for length in range(complete, len(body) + 1):
        if name.startswith("fault"):
            with pytest.raises(QuotaExceeded):
                decode(name, request, body[:length])
        else:
            decode(name, request, body[:length])


def mutated(chance: random.Random, body: bytes) -> bytes:
    data = bytearray(body)
    for _unused in range(chance.randint(1, 6)):
        at = chance.randrange(len(data))
        length = chance.choice((1, 1, 1, 2, 5, 30, 200))
        kind = chance.randrange(6)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = chance.randbytes(min(length, 8))
        elif kind == 3:
            data[at:at] = data[at : at + length]
        elif kind == 4:
            other = chance.randrange(len(data))
            data[at : at + length] = data[other : other + length]
        else:
            data[at:at] = chance.choice(_PIECES)
        data = data or bytearray(b"<")
    return bytes(data)


_PIECES = (
    b"<a>",
    b"</a>",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"&b;",
    b"&#0;",
    b"&#13;",
    b"\xff\xfe",
    b"\x00",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?x y?>",
    b' xsi:nil="true"',
    b"9" * 30,
    b"-1",
    b"2013-02-30T25:61:61Z",
    "\U0001f600".encode(),
)


_LEAF = re.compile(rb"<([\w:]+)([^<>]*)>([^<>]*)</\1>")
_TEXTS = (b"", b"-1", b"true", b"4294967296", b"9" * 30, b"2013-02-30T25:61:61Z", b"\xd9\xa3", b" 7 ", b"NaN", b"1_0")


def rewritten(chance: random.Random, body: bytes) -> bytes:
    """Change some elements that hold only text, keeping the document well-formed."""
    for _unused in range(chance.randint(1, 4)):
        leaves = list(_LEAF.finditer(body))
        if not leaves:
            break
        leaf = chance.choice(leaves)
        name, attributes, _text = leaf.groups()
        new = chance.choice(
            (
                b"",
                leaf[0] + leaf[0],
                b"<%s%s>%s</%s>" % (name, attributes, chance.choice(_TEXTS), name),
                b"<%s%s><x>%s</x></%s>" % (name, attributes, chance.choice(_TEXTS), name),
                b'<%s xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>' % name,
                chance.choice(leaves)[0],
            )
        )
        body = body[: leaf.start()] + new + body[leaf.end() :]
    return body


def test_ten_thousand_mutations_give_a_value_or_one_of_our_errors() -> None:
    chance = random.Random(20260401)
    bodies = {name: sample(name) for name in NAMES}
    requests = {name: request_of(body) for name, body in bodies.items()}
    outcomes = {"value": 0, "error": 0}
    for _unused in range(10_000):
        name = chance.choice(NAMES)
        try:
            damaged = chance.choice((mutated, rewritten))(chance, bodies[name])
            decode(name, requests[name], damaged, chance.choice((200, 200, 500)))
        except WsmanError as error:
            assert str(error)
            outcomes["error"] += 1
        else:
            outcomes["value"] += 1
    assert outcomes["value"] > 1000  # the damage reaches the typed decoding, not only the XML parser
    assert outcomes["error"] > 1000
