# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each event says about a link: on which side it is written, what it blames, and what no configuration shows.

Expectations are Microsoft's message tables (libyal winevt-kb, combase.dll), KB5004442 (10036 to 10038), the audit
event page of 4625 with the NTSTATUS values of ntstatus.h, and winerror.h, as collected in dcom.md 6.
"""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis_clues import (
    Clue,
    clues_of,
    is_expected_noise,
    names_a_host,
)

# Written by the host that calls: it could not reach the other one, or called too weakly (KB5004442: on the client).
BY_THE_CALLER = {10006, 10009, 10011, 10028, 10037, 10038}
# KB5004442: the level of an activation is what the client sends.
CURED_AT_THE_CALLER = {10036, 10037, 10038}
# "Unable to communicate": the message names no reason.
WITHOUT_A_REASON = {10006, 10009, 10011, 10028}
# A failed start, a password, a program's own calls (10018, 10023, 10037) and a missing proxy stub are in no setting.
IN_NO_SETTING = {10000, 10001, 10004, 10005, 10007, 10010, 10018, 10023, 10035, 10037}
BLAMED = {
    10000: ("start_failed", "application_start"),
    10001: ("service_logon", "application_start"),
    10002: ("launch_permission", "application_launch"),
    10003: ("launch_permission", "application_launch"),
    10004: ("service_logon", "application_start"),
    10005: ("start_failed", "application_start"),
    10006: ("denied", "application_access"),
    10007: ("start_failed", "application_start"),
    10009: ("unreachable", "name_and_address"),
    10010: ("service_silent", "application_start"),
    10011: ("unreachable", "name_and_address"),
    10015: ("launch_limit", "launch_and_activation_limit"),
    10016: ("launch_permission", "application_launch"),
    10017: ("access_permission", "application_access"),
    10018: ("own_permission", "application_access"),
    10019: ("access_limit", "access_limit"),
    10020: ("permission_invalid", "access_limit"),
    10021: ("permission_invalid", "application_launch"),
    10022: ("permission_invalid", "application_access"),
    10023: ("own_permission", "application_access"),
    10024: ("limit_of_policy", "access_limit"),
    10027: ("access_limit", "access_limit"),
    10028: ("unreachable", "name_and_address"),
    10035: ("proxy_stub", "proxy_stub"),
    10036: ("activation_level", "authentication_level"),
    10037: ("activation_level_of_program", "authentication_level"),
    10038: ("activation_level", "authentication_level"),
    5157: ("firewall", "firewall"),
}
# SubStatus of 4625 -> what it blames, and whether the accounts of this host show it.
LOGONS = {
    "0xC0000064": ("account_missing", True),  # STATUS_NO_SUCH_USER
    "0xC000006A": ("password_wrong", False),  # STATUS_WRONG_PASSWORD
    "0xC0000071": ("password_expired", False),  # STATUS_PASSWORD_EXPIRED
    "0xC0000224": ("password_expired", False),  # STATUS_PASSWORD_MUST_CHANGE
    "0xC0000072": ("account_disabled", True),  # STATUS_ACCOUNT_DISABLED
    "0xC0000234": ("account_locked", True),  # STATUS_ACCOUNT_LOCKED_OUT
    "0xC000015B": ("logon_right", False),  # STATUS_LOGON_TYPE_NOT_GRANTED
    "0xC0000133": ("domain_trust", False),  # STATUS_TIME_DIFFERENCE_AT_DC
    "0xC000018C": ("domain_trust", False),  # STATUS_TRUSTED_DOMAIN_FAILURE
    "0xC000005E": ("domain_unreachable", False),  # STATUS_NO_LOGON_SERVERS
    "0xC000006D": ("logon_failed", False),  # STATUS_LOGON_FAILURE
}
# Why a service did not start: system error codes.
STARTS = {
    "2": ("program_missing", True),  # ERROR_FILE_NOT_FOUND
    "1053": ("service_silent", False),  # ERROR_SERVICE_REQUEST_TIMEOUT
    "1058": ("service_disabled", True),  # ERROR_SERVICE_DISABLED
    "1069": ("service_logon", False),  # ERROR_SERVICE_LOGON_FAILED
    "5": ("start_failed", False),
}
# HRESULT: what it blames, in a setting?, no reason?, cured at the caller?, written by the caller?
CODES = {
    "0x80004002": ("proxy_stub", "proxy_stub", False, False, False, False),  # E_NOINTERFACE
    "0x80040154": ("wrong_class", "class_registration", False, False, True, True),  # REGDB_E_CLASSNOTREG
    "0x80040155": ("proxy_stub", "proxy_stub", False, False, True, True),  # REGDB_E_IIDNOTREG
    "0x80070005": ("denied", "application_access", True, True, False, True),  # E_ACCESSDENIED
    "0x800706BA": ("unreachable", "name_and_address", True, True, False, True),  # RPC_S_SERVER_UNAVAILABLE
    "0x80080005": ("start_failed", "application_start", True, True, False, True),  # CO_E_SERVER_EXEC_FAILURE
    "0x80010108": ("denied", "application_access", True, True, False, True),  # one that says nothing
}


def clue_of(**group: Any) -> Clue:
    (clue,) = clues_of("plc", {"groups": [group]})
    return clue


@pytest.mark.parametrize("event_id", BLAMED)
def test_what_an_event_blames(event_id: int) -> None:
    clue = clue_of(event_id=event_id)
    assert (clue.cause.value, clue.layer) == BLAMED[event_id]
    assert clue.is_caller_side is (event_id in BY_THE_CALLER)
    assert clue.is_cured_at_caller is (event_id in CURED_AT_THE_CALLER)
    assert clue.is_general is (event_id in WITHOUT_A_REASON)
    assert clue.is_hidden is (event_id in IN_NO_SETTING)


@pytest.mark.parametrize(
    "event_id", [9999, 10008, 10012, 10013, 10014, 10025, 10026, 10029, 10034, 10039, "10016", None]
)
def test_other_events_are_no_clue(event_id: object) -> None:
    assert list(clues_of("plc", {"groups": [{"event_id": event_id}]})) == []


@pytest.mark.parametrize(("status", "expected"), LOGONS.items())
def test_why_a_logon_failed(status: str, expected: tuple[str, bool]) -> None:
    for data in ({"sub_status": status}, {"sub_status": "0x0", "status": status}, {"status": status}):
        clue = clue_of(event_id=4625, data=data)
        assert (clue.cause.value, not clue.is_hidden) == expected
        assert (clue.layer, clue.is_caller_side, clue.is_general, clue.is_cured_at_caller) == ("account", *[False] * 3)
    # The narrower of the two counts.
    assert clue_of(event_id=4625, data={"sub_status": "0xC0000064", "status": status}).cause.value == "account_missing"


@pytest.mark.parametrize("data", [{}, {"sub_status": "0x0"}, {"status": "-"}, None, "0xC0000064", ["0xC0000064"]])
def test_a_logon_that_failed_without_a_reason(data: object) -> None:
    clue = clue_of(event_id=4625, data=data)
    assert (clue.cause.value, clue.is_hidden) == ("logon_failed", True)


@pytest.mark.parametrize(("error", "expected"), STARTS.items())
def test_why_a_service_did_not_start(error: str, expected: tuple[str, bool]) -> None:
    clue = clue_of(event_id=10005, data={"error": error})
    assert (clue.cause.value, not clue.is_hidden) == expected
    assert (clue.layer, clue.is_caller_side, clue.is_general) == ("application_start", False, False)


@pytest.mark.parametrize(("code", "expected"), CODES.items())
def test_what_a_call_came_back_with(code: str, expected: tuple[str, str, bool, bool, bool, bool]) -> None:
    (of_event,) = clues_of("scada", {"groups": [{"event_id": 10006, "data": {"error": code}}]})
    (of_log,) = clues_of("scada", {"apis": [{"message": "create_server", "code": code}]})
    for clue in (of_event, of_log):
        told = (clue.cause.value, clue.layer, not clue.is_hidden, clue.is_general, clue.is_cured_at_caller)
        assert told == expected[:5]
    # The APIS log is the caller's whatever its code; an event of an unfitting proxy stub comes from either side.
    assert (of_event.is_caller_side, of_log.is_caller_side) == (expected[5], True)


def test_a_message_of_the_log_without_a_code_says_that_something_was_refused() -> None:
    (clue,) = clues_of("scada", {"apis": [{"message": "browse", "code": None}]})
    assert (clue.cause.value, clue.is_general, clue.is_caller_side, clue.message) == ("denied", True, True, "browse")


def test_what_is_harmless_is_no_clue() -> None:
    assert list(clues_of("plc", {"groups": [{"event_id": 10016, "severity": "info"}]})) == []
    assert len(list(clues_of("plc", {"groups": [{"event_id": 10016, "severity": "warning"}]}))) == 1


@pytest.mark.parametrize("groups", [None, "groups", 7, {"event_id": 10016}, ["10016", None, [10016]]])
def test_what_is_no_list_of_groups_has_no_clues(groups: object) -> None:
    assert list(clues_of("plc", {"groups": groups, "apis": groups})) == []


def test_what_a_clue_keeps_of_its_event() -> None:
    data = {"user": "PLANT\\opc", "sid": "S-1-5-7", "address": "10.0.0.7", "target": "plc7", "app_id": "{1}",
            "service": "OpcEnum", "program": "C:\\x.exe"}  # fmt: skip
    clue = clue_of(
        event_id=10016, count=3, what="refused", last_time="2026-11-23T04:05:06.789Z", links=["a", 7], data=data,
        is_undeclared=1,
    )  # fmt: skip
    assert clue.text == "event 10016 (3x, last 2026-11-23 04:05:06): refused"
    assert (clue.host, clue.links, clue.caller, clue.peer, clue.target) == (
        "plc",
        ("a", "7"),
        "PLANT\\opc",
        "10.0.0.7",
        "plc7",
    )
    assert (clue.server, clue.service, clue.program) == ("{1}", "OpcEnum", "C:\\x.exe")
    assert (clue.is_undeclared, clue.is_other_caller, clue.message) == (True, False, "")
    assert clue.last_time == "2026-11-23T04:05:06.789Z"
    bare = clue_of(event_id=10016)
    assert bare.text == "event 10016 (1x): "
    assert (bare.caller, bare.peer, bare.server, bare.last_time, bare.is_undeclared) == ("", "", "", "", False)
    (logged,) = clues_of("scada", {"apis": [{"count": 2, "what": "x"}]})
    assert logged.text == "APIS log (2x): x"
    # Where there is no name there is a SID, where no address a name.
    assert clue_of(event_id=10016, data={"sid": "S-1-5-7"}).caller == "S-1-5-7"
    assert clue_of(event_id=10028, data={"target": "plc7"}).peer == "plc7"


@pytest.mark.parametrize(
    ("names", "server"),
    [
        (("clsid", "server", "app_id", "application"), "clsid"),
        (("server", "app_id", "application"), "server"),
        (("app_id", "application"), "app_id"),
        (("application",), "application"),
        ((), ""),
    ],
)
def test_the_most_exact_name_of_a_server_counts(names: tuple[str, ...], server: str) -> None:
    assert clue_of(event_id=10016, data={name: name for name in names}).server == server


@pytest.mark.parametrize(
    ("account", "expected", "data", "is_other"),
    [
        ("PLANT\\opc", ["PLANT\\opc"], {"user": "PLANT\\opc"}, False),
        ("PLANT\\eve", ["PLANT\\opc"], {"user": "PLANT\\eve"}, True),
        (None, ["PLANT\\opc"], {"sid": "S-1-5-7"}, True),
        (None, ["PLANT\\opc"], {"user": "SCADA$"}, True),
        # A service under the machine's identity shows as the computer, or as nobody (dcom.md 3.5).
        (None, ["NT AUTHORITY\\SYSTEM"], {"user": "PLANT\\SCADA$"}, False),
        (None, ["NT AUTHORITY\\SYSTEM"], {"sid": "S-1-5-7"}, False),
        (None, ["NT AUTHORITY\\SYSTEM"], {"user": "PLANT\\eve", "sid": "S-1-5-21-1-2-3-1001"}, True),
        (None, [], {"user": "PLANT\\eve"}, False),
        (None, ["PLANT\\opc"], {}, False),
    ],
)
def test_a_caller_whom_nobody_expects(
    account: str | None, expected: list[str], data: dict[str, str], is_other: bool
) -> None:
    clue = clue_of(event_id=10016, account=account, expected_accounts=expected, data=data)
    assert clue.is_other_caller is is_other


def test_a_computer_that_a_workgroup_does_not_know_is_noise() -> None:
    def logon(user: str, status: str = "0xC0000064", **more: object) -> Clue:
        return clue_of(event_id=4625, data={"user": user, "sub_status": status}, **more)

    assert is_expected_noise(logon("SCADA$"))
    assert not is_expected_noise(logon("opc"))
    assert not is_expected_noise(logon("SCADA$", "0xC000006A"))
    assert not is_expected_noise(logon("SCADA$", expected_accounts=["PLANT\\opc"]))


@pytest.mark.parametrize(
    ("target", "is_name"), [("plc7", True), ("plc7.plant", True), ("10.0.0.7", False), ("fe80::1", False), ("", False)]
)
def test_a_name_has_to_be_resolved(target: str, is_name: bool) -> None:
    assert names_a_host(clue_of(event_id=10028, data={"target": target})) is is_name


@pytest.mark.parametrize(
    ("event_id", "data", "is_about"),
    [
        # OPC Foundation: OpcServerList is the class, OpcEnum's AppID is another number.
        (10016, {"clsid": "{13486D51-4821-11D2-A494-3CB306C10000}"}, True),
        (10028, {"clsid": "{13486d51-4821-11d2-a494-3cb306c10000}"}, True),
        (10016, {"app_id": "{13486D44-4821-11D2-A494-3CB306C10000}"}, True),
        (10028, {"clsid": "{13486D44-4821-11D2-A494-3CB306C10000}"}, False),
        (10019, {"program": "C:\\Windows\\SysWOW64\\OPCENUM.EXE"}, True),
        (10028, {"program": "C:\\Windows\\SysWOW64\\OpcEnum.exe"}, False),
        (10005, {"service": "OPCENUM"}, True),
        (10016, {"clsid": "{13486D50-4821-11D2-A494-3CB306C10000}"}, False),
        (10016, {}, False),
    ],
)  # fmt: skip
def test_what_is_about_opc_enum(event_id: int, data: dict[str, str], is_about: bool) -> None:
    assert clue_of(event_id=event_id, data=data).is_about_opc_enum is is_about


@pytest.mark.parametrize(("message", "is_about"), [("browse", True), ("create_server", False), ("callback", False)])
def test_browsing_is_about_opc_enum(message: str, is_about: bool) -> None:
    (clue,) = clues_of("scada", {"apis": [{"message": message}]})
    assert clue.is_about_opc_enum is is_about
