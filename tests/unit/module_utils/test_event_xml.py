# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the XML of events: real forms, and what damaged logs and hostile writers put there."""

from __future__ import annotations

import time
from datetime import datetime, timezone

import pytest
from event_samples import CLEARED_SYSTEM, REAL_10036, event_xml, output
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_xml import (
    MAX_DATA,
    MAX_TEXT,
    EventRecord,
    parse_events,
    parse_time,
    shown,
)

BOMB = (
    "<!DOCTYPE e [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]>"
)  # fmt: skip


def one(text: str) -> EventRecord:
    parsed = parse_events(text, 10)
    assert parsed.unreadable == 0
    (record,) = parsed.records
    return record


def test_a_real_10036() -> None:
    record = one(REAL_10036)
    assert record == EventRecord(
        provider="Microsoft-Windows-DistributedCOM",
        event_id=10036,
        record_id=1001,
        time=datetime(2024, 1, 2, 3, 4, 5, 303038, tzinfo=timezone.utc),
        channel="System",
        computer="opcsrv01.example.net",
        user_sid="S-1-5-21-1-2-3-1000",
        data=(
            ("Domain Name", "EXAMPLE"),
            ("User Name", "opcuser"),
            ("SID", "S-1-5-21-1-2-3-1000"),
            ("Client IP Address", "10.0.0.12"),
        ),
    )


def test_user_data_are_read_by_the_names_of_their_elements() -> None:
    record = one(CLEARED_SYSTEM)
    assert (record.event_id, record.datum("Channel"), record.datum("BackupPath")) == (104, "System", "")
    assert record.datum("LogFileCleared") is None


def test_events_without_a_root_are_read_as_well() -> None:
    parsed = parse_events(event_xml(10010, ["{X}"], 2) + event_xml(10010, ["{X}"], 1), 10)
    assert [item.record_id for item in parsed.records] == [2, 1]


def test_no_more_than_the_limit_is_read() -> None:
    parsed = parse_events(output(*(event_xml(10010, record_id=number) for number in range(9, 0, -1))), 4)
    assert ([item.record_id for item in parsed.records], parsed.unreadable) == ([9, 8, 7, 6], 0)


def test_texts_keep_their_characters_entities_and_blanks() -> None:
    record = one(event_xml(10016, [" <b>&amp;'\"ü\u4e2d\U0001f600 ", ""]))
    assert [text for _name, text in record.data] == [" <b>&amp;'\"ü\u4e2d\U0001f600 ", ""]


def test_data_without_names_and_binary() -> None:
    text = event_xml(10005, [("", "1053"), ("", "Svc")]).replace("</EventData>", "<Binary>0102</Binary></EventData>")
    assert one(text).data == (("", "1053"), ("", "Svc"))


@pytest.mark.parametrize(
    "character", ["\x00", "\x03", "\x0b", "\x1b", "\ufffe", "&#3;", "&#x1b;", "&#xD800;", "&#1114112;"]
)
def test_characters_that_xml_forbids_cost_no_event(character: str) -> None:
    record = one(event_xml(10036, ["a", "b"]).replace(">b<", f">b{character}c<"))
    assert record.data[1] == ("param2", "b\ufffdc")


@pytest.mark.parametrize(
    "damaged",
    [
        event_xml(10036).replace("</System>", ""),
        event_xml(10036).replace("<EventRecordID>1<", "<EventRecordID>one<"),
        event_xml(10036).replace(">10036<", "><"),
        event_xml(10036, ["&undefined;"]).replace("&amp;undefined;", "&undefined;"),
        event_xml(10036).replace("<System>", BOMB + "<System>"),
        event_xml(10036).replace("<System>", "<?xml-stylesheet href='http://192.0.2.1/'?><System>"),
        event_xml(10036).replace("<EventData>", "<EventData>" + "<a>" * 50 + "</a>" * 50),
        "<Event>" + "</Event>",
    ],
    ids=["tag", "record id", "event id", "entity", "doctype", "instruction", "depth", "empty"],
)
def test_a_damaged_event_costs_nothing_but_itself(damaged: str) -> None:
    parsed = parse_events(output(event_xml(10036, record_id=3), damaged, event_xml(10036, record_id=1)), 10)
    assert ([item.record_id for item in parsed.records], parsed.unreadable) == ([3, 1], 1)


@pytest.mark.parametrize("length", [1, 40, 200, 300])
def test_an_output_that_was_cut_off_is_counted(length: int) -> None:
    text = event_xml(10036, record_id=2) + event_xml(10036, ["x"] * 5, record_id=1)
    cut = text[: len(event_xml(10036, record_id=2)) + length + len("<Event ")]
    parsed = parse_events(cut, 10)
    assert ([item.record_id for item in parsed.records], parsed.unreadable) == ([2], 1)


@pytest.mark.parametrize(
    "text", ["", "<Events>\r\n</Events>\r\n", "Zugriff verweigert", "<html><body/></html>", "\x00" * 50]
)
def test_an_output_without_events(text: str) -> None:
    assert parse_events(text, 10).records == ()


def test_many_and_long_data_are_bounded() -> None:
    record = one(event_xml(10016, ["x" * 100_000] * (MAX_DATA * 3)))
    assert len(record.data) == MAX_DATA
    assert {len(text) for _name, text in record.data} == {MAX_TEXT}


def test_events_that_never_end_cost_linear_time() -> None:
    start = time.perf_counter()
    assert parse_events("<Event " * 500_000, 500).unreadable == 1
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-02T03:04:05.303038600Z", datetime(2024, 1, 2, 3, 4, 5, 303038, tzinfo=timezone.utc)),
        ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        ("2024-01-02T03:04:05.5Z", datetime(2024, 1, 2, 3, 4, 5, 500000, tzinfo=timezone.utc)),
        ("2024-02-30T03:04:05Z", None),
        ("2024-01-02T03:04:05", None),
        ("", None),
    ],
)
def test_times(text: str, moment: datetime | None) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ü", "plain ü"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("\x9b2J", "\\x9b2J"),
        ("user\u202egpj.exe", "user\\u202egpj.exe"),
        ("x" * 600, "x" * 511 + "…"),
    ],
)
def test_what_is_shown_obeys_nobody(text: str, expected: str) -> None:
    assert shown(text) == expected


@given(st.text())
def test_any_text_can_be_shown_on_one_line(text: str) -> None:
    result = shown(text)
    assert not set(result) & {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))}
    result.encode("utf-8")


@given(st.text())
def test_any_text_is_parsed_without_an_error(text: str) -> None:
    for text_of_events, least in ((f"<Event >{text}</Event>", 1), (text, 0)):
        found = parse_events(text_of_events, 10)
        assert least <= len(found.records) + found.unreadable <= 10
