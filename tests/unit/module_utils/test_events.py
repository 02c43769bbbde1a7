# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events explained: data by position, in any language, with parts missing, alone and joined to a site model."""

from __future__ import annotations

from typing import Any

import pytest
from event_samples import AUDIT, REAL_10036, event_xml, output

from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_join import (
    Caller,
    SiteIndex,
    is_remote_address,
    normal_address,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_meanings import FIRST_ID, LAST_ID, MEANINGS
from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_xml import parse_events
from ansible_collections.otsec.opc_dcom.plugins.module_utils._events import EventGroup, group_events
from ansible_collections.otsec.opc_dcom.plugins.module_utils._findings import Severity
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site

USER = ("PLANT", "opc", "S-1-5-21-1-2-3-1000")
CLSID = "{8E423571-A67B-11D2-9418-00608CF4C421}"
APP_ID = "{11111111-2222-3333-4444-555555555555}"
PROGRAM = r"C:\apis\bin64\apishivex64.exe"
NONE = ("Unavailable", "Unavailable")

SITE: dict[str, Any] = {
    "applications": {"apis": {"prog_id": "Prediktor.ApisOPCServer.1", "clsid": CLSID, "service": "ApisHive"}},
    "accounts": {"OPCServerUser": {}, "OPCClientUser": {}},
    "hosts": {
        "gw01": {"address": "10.0.0.11"},
        "hist01": {"addresses": ["10.0.0.21", "fd00::21"]},
        "eng01": {"address": "10.0.0.31"},
        "spare": {"address": "10.0.0.41"},
    },
    "links": [
        {
            "name": "history",
            "server": {"host": "gw01", "application": "apis", "account": "OPCServerUser"},
            "client": {"host": "hist01", "application": "apis", "account": "OPCClientUser"},
        },
        {
            "name": "engineering",
            "server": {"host": "gw01", "application": "apis", "account": "OPCServerUser"},
            "client": {"host": "eng01", "application": "apis", "account": "LocalSystem"},
            "allow_anonymous": True,
            "reason": "the program cannot run as another account",
        },
    ],
}


def index_of(host: str) -> SiteIndex:
    return SiteIndex(parse_site(SITE, ["gw01", "hist01", "eng01", "spare"]), host)


def groups(*events: str, index: SiteIndex | None = None) -> list[EventGroup]:
    parsed = parse_events(output(*events), 500)
    assert parsed.unreadable == 0
    return group_events(parsed.records, "system", index)


def one(*events: str, index: SiteIndex | None = None) -> EventGroup:
    (group,) = groups(*events, index=index)
    return group


def test_a_real_10036_is_explained() -> None:
    group = one(REAL_10036)
    assert group.data == {
        "domain": "EXAMPLE",
        "user": "opcuser",
        "sid": "S-1-5-21-1-2-3-1000",
        "address": "10.0.0.12",
    }
    assert group.fields[3] == ("Client IP Address", "10.0.0.12")
    assert group.explanation.severity is Severity.CRITICAL
    assert group.explanation.what == (
        "EXAMPLE\\opcuser from 10.0.0.12 was refused: it activates below Packet Integrity, "
        "which KB5004442 does not allow"
    )
    assert "authentication_level to packet_integrity on the client" in group.explanation.fix


# The order of dcom.md 6.1 and 6.2, for Windows 8 and later and for 7; what a user must recognise in the sentence.
ORDERS = [
    (10000, ["C:\\x.exe", "%%2", "{S}"], {"command": "C:\\x.exe", "error": "%%2", "server": "{S}"}, "FILE_NOT_FOUND"),
    (10001, ["C:\\x.exe", "1326", "{S}", "PLANT", "opc"], {"user": "opc"}, "PLANT\\opc: 1326 (ERROR_LOGON_FAILURE)"),
    (10002, ["{S}", *USER], {"server": "{S}", "sid": USER[2]}, "PLANT\\opc may not launch {S}"),
    (10003, ["{S}", *USER], {"domain": "PLANT"}, "default launch permission"),
    (10004, ["1385", "PLANT", "opc", "{S}"], {"server": "{S}"}, "1385 (ERROR_LOGON_TYPE_NOT_GRANTED)"),
    (10005, ["1069", "ApisHive", "-x", "{S}"], {"service": "ApisHive", "arguments": "-x"}, "service ApisHive"),
    (10006, ["2147944122", "gw01", "{S}"], {"target": "gw01"}, "gw01 refused to activate {S}: 0x800706BA"),
    (10007, ["2147942405", "{S}"], {"server": "{S}"}, "0x80070005 (E_ACCESSDENIED)"),
    (10009, ["gw01"], {"target": "gw01"}, "gw01 could not be reached"),
    (10010, [CLSID], {"clsid": CLSID}, "did not register"),
    (10015, ["Remote", "Activation", CLSID, APP_ID, *USER, "10.0.0.21", *NONE], {"app_id": APP_ID}, "10.0.0.21"),
    (10015, ["Remote", "Activation", CLSID, *USER, "10.0.0.21"], {"clsid": CLSID, "sid": USER[2]}, "10.0.0.21"),
    (
        10016,
        ["machine-default", "Remote", "Launch", CLSID, APP_ID, *USER, "10.0.0.21", *NONE],
        {"which": "machine-default", "right": "Launch", "container": "Unavailable"},
        "machine-default launch permission does not give PLANT\\opc from 10.0.0.21 Remote Launch",
    ),
    (10016, ["machine-default", "Remote", "Launch", CLSID, *USER, "10.0.0.21"], {"address": "10.0.0.21"}, "PLANT\\opc"),
    (10017, ["machine-default", "Remote", PROGRAM, APP_ID, *USER, "10.0.0.21", *NONE], {"program": PROGRAM}, PROGRAM),
    (10017, ["machine-default", "Remote", PROGRAM, *USER, "10.0.0.21"], {"domain": "PLANT"}, PROGRAM),
    (10018, ["Remote", PROGRAM, APP_ID, *USER, "10.0.0.21", *NONE], {"app_id": APP_ID}, "itself does not let"),
    (10018, ["Remote", PROGRAM, *USER, "10.0.0.21"], {"user": "opc"}, "itself does not let"),
    (10019, ["Remote", PROGRAM, APP_ID, *USER, "10.0.0.21", *NONE], {"sid": USER[2]}, "machine access limit"),
    (10020, ["Limits", "Launch"], {"which": "Limits", "right": "Launch"}, "Limits security descriptor for Launch"),
    (10021, [APP_ID], {"app_id": APP_ID}, APP_ID),
    (10022, ["machine-default", PROGRAM, APP_ID], {"program": PROGRAM}, "machine-default access permission"),
    (10023, [PROGRAM, APP_ID], {"program": PROGRAM}, "sets an access permission"),
    (10024, ["Launch"], {"right": "Launch"}, "Group Policy"),
    (10026, ["300", "SuppressDuplicateDuration", "K"], {"seconds": "300"}, "300 seconds"),
    (10027, ["Remote", "Access", *USER, "10.0.0.21", *NONE], {"right": "Access"}, "PLANT\\opc from 10.0.0.21"),
    (10028, ["gw01", "     5a8", PROGRAM, CLSID], {"process_id": "5a8", "clsid": CLSID}, f"reached by {PROGRAM}"),
    (10028, ["gw01", "     5a8", PROGRAM], {"program": PROGRAM}, f"reached by {PROGRAM}"),
    (10031, [CLSID], {"clsid": CLSID}, CLSID),
    (10035, ["{I}", "{J}", CLSID, "0x80004002"], {"interface": "{I}"}, "E_NOINTERFACE"),
    (10036, [*USER, "10.0.0.21"], {"address": "10.0.0.21"}, "PLANT\\opc from 10.0.0.21"),
    (10037, [PROGRAM, "5660", CLSID, "gw01", "2"], {"target": "gw01", "level": "2"}, "level 2, which it sets itself"),
    (10038, [PROGRAM, "5660", CLSID, "gw01", "2"], {"level": "2"}, "default level 2 of this host"),
]  # fmt: skip


@pytest.mark.parametrize(("event_id", "data", "expected", "said"), ORDERS)
def test_data_are_known_by_position(event_id: int, data: list[str], expected: dict[str, str], said: str) -> None:
    group = one(event_xml(event_id, data))
    assert {name: group.data.get(name) for name in expected} == expected
    assert said in group.explanation.what
    assert "(not said)" not in group.explanation.what + group.explanation.fix
    assert group.is_incomplete is False


def test_every_known_event_has_a_row_here_or_has_no_data() -> None:
    tested = {row[0] for row in ORDERS}
    untested = {number for number in MEANINGS if FIRST_ID <= number <= LAST_ID} - tested
    assert untested == {10008, 10011, 10012, 10014, 10029, 10030, 10032, 10033, 10034}


def test_what_a_fix_names_is_a_module_of_this_collection() -> None:
    known = {"dcom_permission", "dcom_defaults", "dcom_application", "opc_firewall", "opc_enum", "opc_host_policy"}
    words = {word.strip("(),;.") for item in MEANINGS.values() for word in item.fix.split()}
    assert {word for word in words if word.startswith(("dcom_", "opc_"))} <= known | {"dcom_info"}


def test_names_do_not_matter_but_positions_in_names_do() -> None:
    named = one(event_xml(10036, [("Domänenname", "PLANT"), ("x", "opc"), ("y", USER[2]), ("z", "10.0.0.21")]))
    assert named.data["user"] == "opc"
    gap = one(event_xml(10036, [("param1", "PLANT"), ("param3", USER[2]), ("param4", "10.0.0.21")]))
    assert gap.data == {"domain": "PLANT", "sid": USER[2], "address": "10.0.0.21"}
    assert gap.is_incomplete is True


def test_missing_data_are_said_to_be_missing() -> None:
    group = one(event_xml(10037, [PROGRAM]))
    assert group.is_incomplete is True
    assert group.explanation.what == (
        f"{PROGRAM} asks (not said) for (not said) with level (not said), which it sets itself; "
        "5 (Packet Integrity) is needed"
    )
    assert one(event_xml(10036)).explanation.what.startswith("an unnamed account from this host was refused")


@pytest.mark.parametrize(
    ("words", "address"),
    [
        (("machine-default", "Local", "Activation"), "LocalHost (Using LRPC)"),
        (("Computerstandard", "Lokal", "Aktivierung"), "LocalHost (unter Verwendung von LRPC)"),
        (("par défaut", "Local", "Activation"), "LocalHost (avec LRPC)"),
        (("machine-default", "Local", "Launch"), "127.0.0.1"),
    ],
)
def test_local_refusals_are_harmless_in_every_language(words: tuple[str, ...], address: str) -> None:
    group = one(event_xml(10016, [*words, "{C}", "{A}", *USER, address, *NONE]))
    assert group.explanation.severity is Severity.INFO
    assert "harmless" in group.explanation.fix
    assert group.is_remote is False


def test_a_german_remote_refusal_is_critical() -> None:
    words = ("Anwendungsspezifisch", "Remote", "Aktivierung")
    group = one(event_xml(10016, [*words, CLSID, APP_ID, *USER, "10.0.0.21", "Nicht verfügbar", "Nicht verfügbar"]))
    assert (group.explanation.severity, group.is_remote) == (Severity.CRITICAL, True)


def test_a_local_refusal_of_an_opc_server_is_not_harmless() -> None:
    data = ["machine-default", "Local", "Launch", CLSID, APP_ID, *USER, "LocalHost (Using LRPC)", *NONE]
    assert one(event_xml(10016, data)).explanation.severity is Severity.INFO
    assert one(event_xml(10016, data), index=index_of("gw01")).explanation.severity is Severity.CRITICAL


def test_alike_events_are_counted_and_the_process_id_makes_no_difference() -> None:
    events = [
        event_xml(
            10037,
            [PROGRAM, str(number), CLSID, "gw01", "2"],
            record_id=100 - number,
            time=f"2024-01-02T03:{59 - number:02}:00.0000000Z",
        )
        for number in range(30)
    ]
    group = one(*events)
    facts = group.to_dict()
    assert (facts["count"], len(group.times), facts["newest_record_id"]) == (30, 20, 100)
    assert facts["first_time"] == "2024-01-02T03:30:00.000000Z"
    assert facts["last_time"] == "2024-01-02T03:59:00.000000Z"


def test_urgent_and_remote_groups_come_first() -> None:
    events = [
        event_xml(10026, ["300", "V", "K"], record_id=9),
        event_xml(10016, ["d", "Local", "Launch", CLSID, APP_ID, *USER, "LocalHost (Using LRPC)", *NONE], record_id=8),
        event_xml(10010, [CLSID], record_id=7),
        event_xml(10036, [*USER, "10.0.0.21"], record_id=6),
        event_xml(10036, [*USER, "10.0.0.22"], record_id=5),
    ]
    assert [group.newest_record_id for group in groups(*events)] == [6, 5, 7, 9, 8]


def test_an_unknown_event_is_shown_as_it_is() -> None:
    group = one(event_xml(10013, ["a", "b"]))
    assert group.explanation.severity is Severity.INFO
    assert list(group.fields) == [("param1", "a"), ("param2", "b")]
    assert group.data == {}


def test_an_event_of_another_provider_is_not_taken_for_ours() -> None:
    assert one(event_xml(10016, ["a"], provider="Other")).data == {}
    assert one(event_xml(4625, ["a"])).data == {}


# -- logons and blocked connections ------------------------------------------------------------------------------------

LOGON = {
    "TargetUserName": "opc", "TargetDomainName": "PLANT", "Status": "0xc000006d", "SubStatus": "0xc0000064",
    "LogonType": "3", "WorkstationName": "HIST01", "IpAddress": "10.0.0.21", "IpPort": "49733",
}  # fmt: skip
# All data of the event in the order of its manifest (page of event 4625).
LOGON_ORDER = [
    "SubjectUserSid", "SubjectUserName", "SubjectDomainName", "SubjectLogonId", "TargetUserSid", "TargetUserName",
    "TargetDomainName", "Status", "FailureReason", "SubStatus", "LogonType", "LogonProcessName",
    "AuthenticationPackageName", "WorkstationName", "TransmittedServices", "LmPackageName", "KeyLength", "ProcessId",
    "ProcessName", "IpAddress", "IpPort",
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {},
            "PLANT\\opc from 10.0.0.21 could not log on (network): 0xC0000064 (STATUS_NO_SUCH_USER), the",
        ),
        ({"SubStatus": "0xc000006a"}, "0xC000006A (STATUS_WRONG_PASSWORD)"),
        ({"SubStatus": "0x0", "Status": "0xc000015b"}, "0xC000015B (STATUS_LOGON_TYPE_NOT_GRANTED)"),
        ({"SubStatus": "0x0", "Status": "0xc0000234", "LogonType": "5"}, "(service): 0xC0000234"),
        ({"IpAddress": "-"}, "PLANT\\opc from HIST01 could"),
        ({"IpAddress": "-", "WorkstationName": "-"}, "PLANT\\opc from this host could"),
        ({"IpAddress": "::ffff:10.0.0.21"}, "from 10.0.0.21 could"),
        ({"LogonType": "99"}, "(type 99)"),
    ],
)
def test_failed_logons(change: dict[str, str], said: str) -> None:
    data = {name: {**LOGON, **change}.get(name, "-") for name in LOGON_ORDER}
    group = one(event_xml(4625, list(data.items()), provider=AUDIT))
    assert said in group.explanation.what
    assert group.explanation.severity is Severity.WARNING
    shuffled = sorted(((name, text) for name, text in data.items() if name in LOGON), reverse=True)
    assert said in one(event_xml(4625, shuffled, provider=AUDIT)).explanation.what
    by_position = [("", text) for text in data.values()]
    assert said in one(event_xml(4625, by_position, provider=AUDIT)).explanation.what


@pytest.mark.parametrize(
    ("logon_type", "severity"),
    [("2", "info"), ("3", "warning"), ("4", "warning"), ("5", "warning"), ("8", "warning"), ("10", "info")],
)
def test_logons_of_people_are_no_problem_of_opc(logon_type: str, severity: str) -> None:
    data = {**LOGON, "LogonType": logon_type}
    assert one(event_xml(4625, list(data.items()), provider=AUDIT)).explanation.severity.value == severity


def test_a_blocked_connection() -> None:
    data = [
        ("ProcessID", "1408"), ("Application", r"\device\harddiskvolume2\windows\system32\svchost.exe"),
        ("Direction", "%%14592"), ("SourceAddress", "10.0.0.11"), ("SourcePort", "135"),
        ("DestAddress", "10.0.0.21"), ("DestPort", "49733"), ("Protocol", "6"),
    ]  # fmt: skip
    group = one(event_xml(5157, data, provider=AUDIT), index=index_of("gw01"))
    assert "blocked an inbound connection of \\device" in group.explanation.what
    assert group.joined.host == "hist01"
    assert group.data["source_port"] == "135"


# -- the site model ----------------------------------------------------------------------------------------------------


def test_a_caller_is_joined_to_host_account_and_link() -> None:
    data = ["HIST01", "OPCClientUser", "S-1-5-21-1-2-3-1000", "10.0.0.21"]
    group = one(event_xml(10036, data), index=index_of("gw01"))
    assert group.joined.to_dict() == {
        "host": "hist01",
        "account": "OPCClientUser",
        "links": ["history"],
        "expected_accounts": ["OPCClientUser"],
        "is_undeclared": False,
    }
    assert group.explanation.what.startswith("HIST01\\OPCClientUser from hist01 (10.0.0.21) was refused")
    assert group.explanation.what.endswith("; concerns history")


def test_a_caller_whom_the_link_does_not_expect_is_said() -> None:
    data = ["NT AUTHORITY", "ANONYMOUS LOGON", "S-1-5-7", "fd00::21"]
    group = one(event_xml(10036, data), index=index_of("gw01"))
    assert group.joined.account is None
    assert group.joined.expected_accounts == ("OPCClientUser",)
    assert group.explanation.what.endswith("; concerns history, which expects OPCClientUser")
    assert group.explanation.what.startswith("NT AUTHORITY\\ANONYMOUS LOGON from hist01 (fd00::21)")


@pytest.mark.parametrize(
    "caller", [("NT AUTHORITY", "ANONYMOUS LOGON", "S-1-5-7"), ("PLANT", "ENG01$", "S-1-5-21-1-2-3-9")]
)
def test_local_system_comes_as_nobody_or_as_its_computer(caller: tuple[str, str, str]) -> None:
    group = one(event_xml(10036, [*caller, "10.0.0.31"]), index=index_of("gw01"))
    assert (group.joined.account, group.joined.links) == ("LocalSystem", ("engineering",))
    assert group.explanation.what.endswith("; concerns engineering")


def test_a_callback_is_joined_to_the_link_of_its_client() -> None:
    data = ["machine-default", "Remote", PROGRAM, APP_ID, "GW01", "OPCServerUser", USER[2], "10.0.0.11", *NONE]
    joined = one(event_xml(10017, data), index=index_of("hist01")).joined
    assert (joined.host, joined.account, joined.links) == ("gw01", "OPCServerUser", ("history",))


@pytest.mark.parametrize("target", ["gw01", "GW01", "gw01.plant.example", "10.0.0.11", "\\\\GW01"])
def test_targets_are_found_by_name_and_address(target: str) -> None:
    joined = one(event_xml(10038, [PROGRAM, "1", CLSID, target, "2"]), index=index_of("hist01")).joined
    assert (joined.host, joined.links, joined.expected_accounts) == ("gw01", ("history",), ())


def test_a_host_without_a_link_is_undeclared() -> None:
    group = one(event_xml(10036, [*USER, "10.0.0.41"]), index=index_of("gw01"))
    assert group.joined.is_undeclared is True
    assert group.explanation.what.endswith("; the site model has no link with spare")


def test_what_the_site_does_not_know_stays_as_it_is() -> None:
    group = one(event_xml(10036, [*USER, "192.0.2.7"]), index=index_of("gw01"))
    assert (group.joined.host, group.joined.links, group.joined.is_undeclared) == (None, (), True)
    assert group.explanation.what.endswith("; the site model does not know that host")
    assert one(event_xml(10010, [CLSID]), index=index_of("gw01")).joined.links == ("history", "engineering")
    assert one(event_xml(10010, ["{X}"]), index=index_of("gw01")).joined.links == ()
    own = index_of("gw01").join("10.0.0.11", Caller())
    assert (own.host, own.is_undeclared) == (None, False)


@pytest.mark.parametrize(("workstation", "host"), [("HIST01", "hist01"), ("GW01", None), ("-", None)])
def test_a_logon_without_an_address_is_joined_by_its_workstation(workstation: str, host: str | None) -> None:
    data = {**LOGON, "IpAddress": "-", "WorkstationName": workstation, "TargetUserName": "OPCClientUser"}
    group = one(event_xml(4625, list(data.items()), provider=AUDIT), index=index_of("gw01"))
    assert (group.joined.host, group.joined.is_undeclared) == (host, False)
    assert group.joined.links == ("history",)


def test_a_host_the_site_lacks_joins_nothing() -> None:
    assert index_of("elsewhere").join("10.0.0.21", Caller()).links == ()


@pytest.mark.parametrize(
    ("text", "address", "is_remote"),
    [
        ("10.0.0.21", "10.0.0.21", True),
        ("fe80::1%12", "fe80::1", True),
        ("::FFFF:10.0.0.21", "10.0.0.21", True),
        ("::1", "::1", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("-", None, False),
        ("LocalHost (Using LRPC)", None, False),
        ("", None, False),
        ("10.0.0.021", None, False),
    ],
)
def test_addresses(text: str, address: str | None, is_remote: bool) -> None:
    assert (normal_address(text), is_remote_address(text)) == (address, is_remote)


# -- hostile texts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["{caller}{peer}", "{0.__class__}", "{{ lookup('pipe', 'id') }}", "%(caller)s", "\u202egpj", "</Data><Data>"],
)
def test_texts_of_others_are_never_read_as_templates(text: str) -> None:
    what = one(event_xml(10036, [text, "opc", USER[2], "10.0.0.21"])).explanation.what
    assert what.startswith(text.replace("\u202e", "\\u202e") + "\\opc from 10.0.0.21")
