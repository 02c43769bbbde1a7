# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edges of what is read from logs: how far a message reaches, what decides an encoding, whom an event names."""

from __future__ import annotations

from typing import Any

import pytest
from event_samples import event_xml, output

from ansible_collections.otsec.opc_dcom.plugins.module_utils._apis_log import decode_lines, parse_apis_log
from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_join import SiteIndex
from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_xml import parse_events
from ansible_collections.otsec.opc_dcom.plugins.module_utils._events import EventGroup, group_events
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site

CREATE = "Failed to create OPC server, A.B.1, on gw01."
ALARM = "ALARM from OPC/opcda://gw01/A.B.1 [Primary]"
ADVISE = "Failed calling IOPCDataCallback::Advise (0x80070005)"


def read(*lines: str) -> list[tuple[str, str, str, int | None, int]]:
    groups = parse_apis_log(lines).groups
    return [(item.message.value, item.target, item.application, item.code, item.count) for item in groups]


@pytest.mark.parametrize(("between", "code"), [(0, 0x80070005), (6, 0x80070005), (7, 0x80070005), (8, None), (9, None)])
def test_a_code_is_at_most_eight_lines_below_its_message(between: int, code: int | None) -> None:
    assert read(CREATE, *["x"] * between, "(0x80070005)") == [("create_server", "gw01", "A.B.1", code, 1)]


@pytest.mark.parametrize(("between", "target"), [(0, "gw01"), (7, "gw01"), (8, ""), (20, "")])
def test_a_callback_is_at_most_eight_lines_below_its_alarm(between: int, target: str) -> None:
    application = "A.B.1" if target else ""
    assert read(ALARM, *["x"] * between, ADVISE) == [("callback", target, application, 0x80070005, 1)]


def test_a_callback_without_an_alarm_names_nobody() -> None:
    assert read(ADVISE) == [("callback", "", "", 0x80070005, 1)]
    # The alarm was of long ago, and its line number is larger than the distance.
    assert read(*["x"] * 3, ALARM, *["x"] * 9, ADVISE) == [("callback", "", "", 0x80070005, 1)]
    assert read(*["x"] * 30, ALARM, ADVISE) == [("callback", "gw01", "A.B.1", 0x80070005, 1)]


def test_a_message_that_waits_ends_where_the_next_begins() -> None:
    assert read(CREATE, CREATE.replace("gw01", "gw02"), "(0x80070005)") == [
        ("create_server", "gw01", "A.B.1", None, 1),
        ("create_server", "gw02", "A.B.1", 0x80070005, 1),
    ]
    assert read(CREATE) == [("create_server", "gw01", "A.B.1", None, 1)]
    assert read("(0x80070005)") == []


@pytest.mark.parametrize(
    ("stamp", "time"),
    [
        ("2023-01-03 13:49:54,238.923|", "2023-01-03T13:49:54.238923"),
        ("2023-01-03 13:49:54,238.9|", "2023-01-03T13:49:54.238900"),
        ("2023-01-03 13:49:54,238|", "2023-01-03T13:49:54.238000"),
        ("2023-01-03 13:49:54|", "2023-01-03T13:49:54"),
        ("", ""),
        ("-" * 45 + "2023-01-03 13:49:54|", "2023-01-03T13:49:54"),
        ("-" * 46 + "2023-01-03 13:49:54|", ""),
    ],
)
def test_the_time_of_a_line_stands_at_its_start(stamp: str, time: str) -> None:
    (group,) = parse_apis_log([f"{stamp} {CREATE}"]).groups
    assert (group.first_time, group.last_time) == (time, time)


@pytest.mark.parametrize(("length", "kept"), [(8191, 8191), (8192, 8192), (8193, 8192)])
def test_a_line_has_at_most_8192_characters(length: int, kept: int) -> None:
    assert [len(line) for line in decode_lines([b"a" * length + b"\nb"])] == [kept, 1]
    assert [len(line) for line in decode_lines([b"b\n" + b"a" * length])] == [1, kept]
    # A line of several pieces is cut too.
    assert [len(line) for line in decode_lines([b"a" * length, b"a", b"\nb"])] == [min(length + 1, 8192), 1]


def text_of(sample: bytes) -> str:
    return "\n".join(decode_lines([sample]))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_nine_of_ten_characters_without_a_high_byte_are_utf_16(encoding: str) -> None:
    latin, other = "abcdefghi", "\u4e2d"
    assert text_of((latin + other).encode(encoding)) == latin + other
    assert text_of((latin * 2 + other * 2).encode(encoding)) == latin * 2 + other * 2
    assert text_of((latin[:8] + other * 2).encode(encoding)) != latin[:8] + other * 2
    assert text_of("ab".encode(encoding)) == "ab"
    assert text_of("a".encode(encoding)) != "a"


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (b"\xef\xbb\xbf\xc3\xa4", "\u00e4"),
        (b"\xff\xfea\x00", "a"),
        (b"\xfe\xff\x00a", "a"),
        (b"\xc3\xa4", "\u00e4"),
        (b"\xe4x", "\u00e4x"),
        (b"ab\xc3", "ab\ufffd"),
        (b"\x80uro", "\u20acuro"),
        (b"", ""),
    ],
)
def test_what_decides_an_encoding(sample: bytes, text: str) -> None:
    assert text_of(sample) == text


# -- events

SERVER = {"application": "apis", "account": "OPCServerUser"}


def site(links: int) -> dict[str, Any]:
    return {
        "applications": {"apis": {"prog_id": "A.B.1"}, **{f"c{n}": {"prog_id": f"C{n}.D.1"} for n in range(links)}},
        "accounts": {"OPCServerUser": {}, "OPCClientUser": {}},
        "hosts": {"gw01": {"address": "10.0.0.11"}, "hist01": {"address": "10.0.0.21"}},
        "links": [
            {
                "name": f"link {number}",
                "server": {"host": "gw01", **SERVER},
                "client": {"host": "hist01", "application": f"c{number}", "account": "OPCClientUser"},
            }
            for number in range(links)
        ],
    }


def group_of(event_id: int, *texts: str, links: int = 0) -> EventGroup:
    index = SiteIndex(parse_site(site(links), ["gw01", "hist01"]), "gw01") if links else None
    parsed = parse_events(output(event_xml(event_id, texts)), 500)
    (group,) = group_events(parsed.records, "system", index)
    return group


@pytest.mark.parametrize(
    ("links", "said"),
    [
        (1, "; concerns link 0"),
        (3, "; concerns link 0, link 1, link 2"),
        (4, "; concerns link 0, link 1, link 2 and 1 more links"),
        (9, "; concerns link 0, link 1, link 2 and 6 more links"),
    ],
)
def test_at_most_three_links_are_named(links: int, said: str) -> None:
    group = group_of(10036, "GW01", "OPCClientUser", "S-1-5-21-1-2-3-1000", "10.0.0.21", links=links)
    assert group.explanation.what.endswith(said)


@pytest.mark.parametrize(
    ("caller", "said"),
    [
        (("PLANT", "opc", "S-1-5-21-1-2-3-1000"), "PLANT\\opc"),
        (("", "opc", "S-1-5-21-1-2-3-1000"), "opc"),
        (("", "", "S-1-5-21-1-2-3-1000"), "S-1-5-21-1-2-3-1000"),
        (("NT-AUTORIT\u00c4T", "ANONYMOUS-ANMELDUNG", "S-1-5-7"), "NT AUTHORITY\\ANONYMOUS LOGON"),
        (("PLANT", "opc", "S-1-0-0"), "PLANT\\opc"),
        (("", "", "S-1-0-0"), "S-1-0-0"),
        (("", "", "S-1-x"), "S-1-x"),
        (("", "", ""), "an unnamed account"),
    ],
)
def test_how_a_caller_is_named(caller: tuple[str, str, str], said: str) -> None:
    assert group_of(10036, *caller, "10.0.0.21").explanation.what.startswith(f"{said} from 10.0.0.21 was refused")
