# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events a link leaves: data in the order of dcom.md 6.1, 6.2 and 6.4, and the logging levels of 1.1 in force."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from simulator.com_state import APP_COMPAT, OLE, ComProgram
from simulator.opc import administration as admin
from simulator.opc import plants
from simulator.opc.connection import connect
from simulator.opc.descriptor import Ace, AceKind
from simulator.opc.layers import Layer, Mode, Outcome
from simulator.opc.network import activation_service
from simulator.opc.plants import CLIENT, CLIENT_ACCOUNT, CLIENT_ADDRESS, SERVER, SERVER_ADDRESS, SERVICE, Plant
from simulator.opc.scenario import set_levels
from simulator.opc.scenarios import find
from simulator.profiles import PROFILES, SERVER_2008_R2, SERVER_2012_R2, SERVER_2016, SERVER_2019, Profile
from simulator.programs.event_xml import NAMESPACE, event_xml
from simulator.software import APIS_APP_ID, APIS_CLSID, APIS_PROGRAM, Software
from simulator.subsystems.event_log import EventRecord

NS = {"e": NAMESPACE}


def first(plant: Plant, **changes: object) -> Outcome:
    return connect(plant.network, replace(plant.link, mode=Mode.POLL, browse=False, **changes))  # type: ignore[arg-type]


def last(plant: Plant, host: str, event_id: int, channel: str = "System") -> EventRecord:
    records = plant.hosts[host].event_log.read(None, channel)
    return next(item for item in reversed(records) if item.event.event_id == event_id)


def rendered(record: EventRecord) -> list[tuple[str | None, str]]:
    """Name and text of each datum, read from the XML that wevtutil prints."""
    root = ET.fromstring(event_xml(record))
    return [(item.get("Name"), item.text or "") for item in root.findall("e:EventData/e:Data", NS)]


def texts(plant: Plant, host: str, event_id: int, channel: str = "System") -> list[str]:
    return [text for _unused, text in rendered(last(plant, host, event_id, channel))]


def user(plant: Plant, host: str = SERVER, name: str = CLIENT_ACCOUNT) -> list[str]:
    return [host.upper(), name, admin.sid_of(plant.hosts[host], name)]


NO_CONTAINER = ["Unavailable", "Unavailable"]


def test_10036_has_the_names_and_elements_of_the_real_event() -> None:
    plant = find("hardened_client").build()
    first(plant)
    record = last(plant, SERVER, 10036)
    domain, name, sid = user(plant)
    assert rendered(record) == [
        ("Domain Name", domain),
        ("User Name", name),
        ("SID", sid),
        ("Client IP Address", CLIENT_ADDRESS),
    ]
    root = ET.fromstring(event_xml(record))
    provider = root.find("e:System/e:Provider", NS)
    assert provider is not None
    assert provider.attrib == {
        "Name": "Microsoft-Windows-DistributedCOM",
        "Guid": "{1B562E86-B7AA-4131-BADC-B6F3A001407E}",
        "EventSourceName": "DCOM",
    }
    assert root.findtext("e:System/e:Keywords", namespaces=NS) == "0x8080000000000000"
    assert root.findtext("e:System/e:Level", namespaces=NS) == "2"
    security = root.find("e:System/e:Security", NS)
    assert security is not None
    assert security.get("UserID") == sid
    service = activation_service(plant.server)
    assert service is not None
    assert record.event.process_id == service.process_id


def test_10016_has_eleven_parameters_and_is_a_warning() -> None:
    plant = find("launch_permission_lacks_the_account").build()
    first(plant)
    record = last(plant, SERVER, 10016)
    expected = [
        "application-specific",
        "Remote",
        "Activation",
        APIS_CLSID,
        APIS_APP_ID,
        *user(plant),
        CLIENT_ADDRESS,
        *NO_CONTAINER,
    ]
    assert rendered(record) == [(f"param{index}", text) for index, text in enumerate(expected, 1)]
    assert record.event.level == 3


def test_10016_of_the_machine_default_names_it_and_the_launch() -> None:
    plant = plants.vendor_advice()
    plant.server.services.stop(None, SERVICE)
    admin.revoke(plant.server, admin.DEFAULT_LAUNCH, "S-1-5-7")
    first(plant)
    assert texts(plant, SERVER, 10016)[:3] == ["machine-default", "Remote", "Launch"]


def test_before_windows_8_app_id_and_container_are_missing() -> None:
    plant = plants.named_accounts(SERVER_2008_R2, SERVER_2008_R2)
    admin.revoke(plant.server, admin.launch_of(APIS_APP_ID), CLIENT_ACCOUNT)
    first(plant)
    expected = ["application-specific", "Remote", "Activation", APIS_CLSID, *user(plant), CLIENT_ADDRESS]
    assert texts(plant, SERVER, 10016) == expected
    assert last(plant, SERVER, 10016).event.level == 2


def test_the_parameters_of_the_other_refusals() -> None:
    plant = find("launch_limit_lacks_the_account").build()
    first(plant)
    expected = ["Remote", "Activation", APIS_CLSID, APIS_APP_ID, *user(plant), CLIENT_ADDRESS, *NO_CONTAINER]
    assert texts(plant, SERVER, 10015) == expected

    plant = find("access_permission_lacks_the_account").build()
    first(plant)
    call = ["Remote", APIS_PROGRAM, APIS_APP_ID, *user(plant), CLIENT_ADDRESS, *NO_CONTAINER]
    assert texts(plant, SERVER, 10017) == ["application-specific", *call]

    plant = find("program_sets_its_own_permission").build()
    first(plant)
    assert texts(plant, SERVER, 10018) == [
        "Remote",
        APIS_PROGRAM,
        APIS_APP_ID,
        *user(plant),
        CLIENT_ADDRESS,
        *NO_CONTAINER,
    ]

    plant = find("access_limit_lacks_the_account").build()
    first(plant)
    assert texts(plant, SERVER, 10027) == ["Remote", "Access", *user(plant), CLIENT_ADDRESS, *NO_CONTAINER]

    plant = find("callback_access_limit_lacks_the_account").build()
    plant.connect()
    back = [*user(plant, CLIENT, plants.SERVER_ACCOUNT), SERVER_ADDRESS, *NO_CONTAINER]
    assert texts(plant, CLIENT, 10019) == ["Remote", APIS_PROGRAM, APIS_APP_ID, *back]


@pytest.mark.parametrize(
    ("name", "event_id", "expected"),
    [
        ("access_limit_of_policy_is_no_sddl", 10024, ["Access"]),
        ("launch_permission_is_invalid", 10021, [APIS_APP_ID]),
        ("access_permission_mixes_formats", 10022, ["application-specific", APIS_PROGRAM, APIS_APP_ID]),
    ],
)
def test_invalid_descriptors(name: str, event_id: int, expected: list[str]) -> None:
    plant = find(name).build()
    first(plant)
    assert texts(plant, SERVER, event_id) == expected
    admin.put_number(plant.server, OLE, "InvalidSecurityDescriptorLoggingLevel", 2)
    assert event_id not in first(plant).event_ids(SERVER)


def test_an_invalid_local_limit_and_an_invalid_default() -> None:
    for door, words in ((admin.ACCESS_LIMIT, ["Limits", "Access"]), (admin.LAUNCH_LIMIT, ["Limits", "Launch"])):
        plant = plants.named_accounts()
        admin.grant(plant.server, door, "S-1-5-11", 0x4)
        admin.reboot(plant.server)
        assert not first(plant).ok
        assert texts(plant, SERVER, 10020) == words
    plant = plants.vendor_advice()
    admin.grant(plant.server, admin.DEFAULT_LAUNCH, "S-1-5-11", 0x4)
    assert first(plant).layer is Layer.APPLICATION_LAUNCH
    assert texts(plant, SERVER, 10020) == ["Default", "Launch"]


def test_an_invalid_permission_of_the_program_and_an_invalid_limit_of_the_process() -> None:
    plant = plants.named_accounts()
    own = admin.encode(admin.SecurityDescriptor("S-1-5-18", "S-1-5-18", (Ace(AceKind.ALLOW, 0, 0x4, "S-1-1-0"),)))
    plant.server.install(Software("own", programs=(ComProgram(APIS_PROGRAM, APIS_APP_ID, own_descriptor=own),)))
    admin.restart_service(plant.server, SERVICE)
    assert first(plant).layer is Layer.APPLICATION_ACCESS
    assert texts(plant, SERVER, 10023) == [APIS_PROGRAM, APIS_APP_ID]

    plant = plants.named_accounts()
    admin.grant(plant.server, admin.ACCESS_LIMIT, "S-1-5-11", 0x4)
    admin.restart_service(plant.server, SERVICE)  # RPCSS keeps the valid limit until the next boot
    assert first(plant).layer is Layer.ACCESS_LIMIT
    assert texts(plant, SERVER, 10020) == ["Limits", "Access"]


# The host that asks


def test_10037_names_program_class_target_and_level() -> None:
    plant = find("client_passes_a_low_level").build()
    outcome = first(plant)
    process = plant.client.services.service(SERVICE).process
    assert process is not None
    expected = [APIS_PROGRAM, str(process.process_id), APIS_CLSID, SERVER_ADDRESS, "2"]
    assert texts(plant, CLIENT, 10037) == expected
    assert outcome.event_ids(CLIENT) == [10037, 10006]


def test_10038_is_left_only_where_the_default_is_not_raised() -> None:
    """dcom.md 1.3 knows no value that switches the raise off; the state is set here, to show who would be named."""
    plant = plants.named_accounts()
    set_levels(plant.client, 2)
    admin.restart_service(plant.client, SERVICE)
    assert 10038 not in first(plant).event_ids(CLIENT)
    plant.client.boot.machine = replace(plant.client.boot.machine, raises_level=0)
    assert 10038 in first(plant).event_ids(CLIENT)
    assert texts(plant, CLIENT, 10038)[4] == "2"


def test_10006_gives_the_code_in_decimal() -> None:
    plant = find("launch_permission_lacks_the_account").build()
    first(plant)
    assert texts(plant, CLIENT, 10006) == [str(0x80070005), SERVER_ADDRESS, APIS_CLSID]


@pytest.mark.parametrize(
    ("profile", "event_id", "count"),
    [(SERVER_2008_R2, 10009, 1), (SERVER_2012_R2, 10028, 3), (SERVER_2019, 10028, 4)],
)
def test_an_unreachable_server_by_version_of_the_client(profile: Profile, event_id: int, count: int) -> None:
    plant = plants.named_accounts(client=profile)
    admin.delete_rules(plant.server, plants.MAPPER_RULE)
    outcome = first(plant)
    assert outcome.event_ids(CLIENT) == [event_id]
    data = texts(plant, CLIENT, event_id)
    assert (data[0], len(data)) == (SERVER_ADDRESS, count)
    if count > 1:
        process = plant.client.services.service(SERVICE).process
        assert process is not None
        assert (int(data[1], 16), data[2]) == (process.process_id, APIS_PROGRAM)


def test_on_the_way_back_10028_names_the_server_program_and_no_class() -> None:
    plant = find("callback_finds_port_135_closed").build()
    plant.connect()
    assert texts(plant, SERVER, 10028)[0::2] == [CLIENT_ADDRESS, APIS_PROGRAM]


def test_10005_names_error_service_arguments_and_class() -> None:
    plant = find("service_is_disabled").build()
    first(plant)
    assert texts(plant, SERVER, 10005) == ["1058", SERVICE, "Unavailable", APIS_CLSID]
    plant = find("opc_enum_is_disabled").build()
    plant.connect()
    assert texts(plant, SERVER, 10005)[:3] == ["1058", "OpcEnum", "-Service"]


# Who logs what: dcom.md 1.1


@pytest.mark.parametrize(
    ("level", "wants_no_log", "application", "limit"),
    [(0, False, True, True), (0, True, False, True), (1, True, True, True), (2, False, False, False)],
)
def test_the_activation_logging_level(level: int, wants_no_log: bool, application: bool, limit: bool) -> None:
    plant = find("launch_permission_lacks_the_account").build()
    admin.put_number(plant.server, OLE, "ActivationFailureLoggingLevel", level)
    outcome = first(plant, wants_no_log=wants_no_log)
    assert (10016 in outcome.event_ids(SERVER)) is application
    admin.revoke(plant.server, admin.LAUNCH_LIMIT, CLIENT_ACCOUNT)
    admin.reboot(plant.server)
    outcome = first(plant, wants_no_log=wants_no_log)
    assert (10015 in outcome.event_ids(SERVER)) is limit


@pytest.mark.parametrize(("level", "is_logged"), [(None, False), (2, False), (1, True)])
def test_the_call_logging_level_is_captured_by_the_process(level: int | None, is_logged: bool) -> None:
    plant = find("access_permission_lacks_the_account").build()
    plant.server.registry.delete_value(None, OLE, "CallFailureLoggingLevel")
    if level is not None:
        admin.put_number(plant.server, OLE, "CallFailureLoggingLevel", level)
    assert 10017 in first(plant).event_ids(SERVER)  # still what the process has captured
    admin.restart_service(plant.server, SERVICE)
    assert (10017 in first(plant).event_ids(SERVER)) is is_logged


def test_hardening_events_can_be_suppressed() -> None:
    plant = find("hardened_client").build()
    admin.put_number(plant.server, APP_COMPAT, "DisableAuthenticationLevelHardeningLog", 1)
    assert 10036 in first(plant).event_ids(SERVER)
    admin.reboot(plant.server)
    outcome = first(plant)
    assert outcome.layer is Layer.AUTHENTICATION_LEVEL
    assert 10036 not in outcome.event_ids(SERVER)


@pytest.mark.parametrize(
    ("server", "is_logged"),
    [  # dcom.md 9, no. 10: the builds of autumn 2021
        (SERVER_2019.with_revision(1999), False),
        (SERVER_2019.with_revision(2145), True),
        (SERVER_2016.with_revision(4467), False),
        (SERVER_2016.with_revision(4651), True),
        (SERVER_2012_R2, True),
        (SERVER_2019.with_revision(1879), False),
    ],
)
def test_which_updates_write_10036(server: Profile, is_logged: bool) -> None:
    """Also where the level is not required yet: that is how incompatible clients were to be found."""
    plant = plants.named_accounts(server, SERVER_2019.with_revision(1879))
    set_levels(plant.client, 2)
    admin.reboot(plant.client)
    outcome = first(plant)
    assert (10036 in outcome.event_ids(SERVER)) is is_logged
    assert outcome.ok is (server.hardening.phase < 2)


# Blocked connections: dcom.md 6.4


def test_5157_where_the_host_audits_it() -> None:
    plant = find("server_has_no_rule_for_port_135").build()
    assert 5157 not in first(plant).event_ids(SERVER)
    plant.network.audited.add(SERVER)
    assert 5157 in first(plant).event_ids(SERVER)
    record = last(plant, SERVER, 5157, "Security")
    assert record.datum("Direction") == "%%14592"
    assert (record.datum("SourceAddress"), record.datum("SourcePort")) == (SERVER_ADDRESS, "135")
    assert record.datum("DestAddress") == CLIENT_ADDRESS
    assert (record.datum("LayerName"), record.datum("LayerRTID")) == ("%%14610", "44")
    assert record.datum("Application") == r"\device\harddiskvolume2\windows\system32\svchost.exe"


def test_5157_outbound() -> None:
    plant = find("client_blocks_the_program_outbound").build()
    plant.network.audited.add(CLIENT)
    first(plant)
    record = last(plant, CLIENT, 5157, "Security")
    assert (record.datum("Direction"), record.datum("LayerRTID")) == ("%%14593", "48")
    assert (record.datum("SourceAddress"), record.datum("DestAddress")) == (CLIENT_ADDRESS, SERVER_ADDRESS)


# All versions


@pytest.mark.parametrize("key", sorted(PROFILES))
def test_a_link_works_and_is_refused_on_every_version(key: str) -> None:
    plant = plants.named_accounts(PROFILES[key], PROFILES[key])
    assert plant.connect().ok
    admin.revoke(plant.server, admin.launch_of(APIS_APP_ID), CLIENT_ACCOUNT)
    outcome = first(plant)
    assert outcome.layer is Layer.APPLICATION_LAUNCH
    assert 10016 in outcome.event_ids(SERVER)
