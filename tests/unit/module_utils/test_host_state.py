# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._host_state import (
    PendingReboot,
    dump_journal,
    format_time,
    load_journal,
    parse_time,
    undo_operations,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._plan import CreateKey, DeleteKey, Operation, SetValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryKey, RegistryType, RegistryValue

BOOT = datetime(2026, 11, 22, 6, 0, 0, 500000, tzinfo=timezone.utc)
KEY = RegistryKey("SOFTWARE\\Microsoft\\Ole")


def test_a_marker_survives_writing_and_reading() -> None:
    marker = PendingReboot(BOOT, ("authentication_level", "enable_dcom"))
    value = marker.to_value()
    assert value == RegistryValue.multi_string("2026-11-22T06:00:00.500000Z", "authentication_level", "enable_dcom")
    assert PendingReboot.from_value(value) == marker


def test_times_are_written_in_utc() -> None:
    eastern = BOOT.astimezone(timezone(timedelta(hours=-5)))
    assert format_time(eastern) == "2026-11-22T06:00:00.500000Z"
    assert parse_time(format_time(eastern)) == BOOT


@pytest.mark.parametrize(
    ("seconds", "is_over"),
    [(0, False), (5, False), (30, False), (31, True), (3600, True), (-3600, False)],
)
def test_only_a_later_boot_ends_the_wait_not_a_clock_step(seconds: int, is_over: bool) -> None:
    assert PendingReboot(BOOT, ("x",)).is_over(BOOT + timedelta(seconds=seconds)) is is_over


def test_reasons_are_added_once() -> None:
    assert PendingReboot(BOOT, ("a",)).with_reasons(("a", "b")).reasons == ("a", "b")


@pytest.mark.parametrize(
    "value",
    [RegistryValue.string("x"), RegistryValue.multi_string(), RegistryValue.multi_string("yesterday", "a")],
)
def test_a_marker_that_is_none_is_an_error_not_a_guess(value: RegistryValue) -> None:
    with pytest.raises(HostStateError, match="PendingReboot"):
        PendingReboot.from_value(value)


def test_no_value_is_no_marker_and_no_journal() -> None:
    assert PendingReboot.from_value(None) is None
    assert load_journal(None) == ()


_texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=20)
_registry_values = st.one_of(
    st.none(),
    st.builds(RegistryValue.dword, st.integers(0, 0xFFFFFFFF)),
    st.builds(lambda number: RegistryValue(RegistryType.QWORD, number), st.integers(0, (1 << 64) - 1)),
    st.builds(RegistryValue.string, _texts),
    st.builds(lambda text: RegistryValue(RegistryType.EXPAND_SZ, text), _texts),
    st.builds(RegistryValue.binary, st.binary(max_size=200)),
    st.builds(lambda items: RegistryValue.multi_string(*items), st.lists(_texts, max_size=4)),
)
_operations = st.one_of(
    st.builds(SetValue, st.just(KEY), _texts, _registry_values, _registry_values),
    st.builds(CreateKey, st.just(KEY)),
    st.builds(DeleteKey, st.just(KEY)),
)


@given(st.lists(_operations, max_size=6))
def test_a_journal_survives_writing_and_reading(operations: list[Operation]) -> None:
    value = dump_journal(operations)
    assert load_journal(value) == tuple(operations)
    assert isinstance(value.data, tuple)
    assert all(line.isascii() and "\n" not in line for line in value.data)


def test_undoing_goes_backwards() -> None:
    first = SetValue(KEY, "a", None, RegistryValue.dword(1))
    operations = [CreateKey(KEY), first]
    assert undo_operations(operations) == (SetValue(KEY, "a", RegistryValue.dword(1), None), DeleteKey(KEY))


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("otsec.opc_dcom journal 99", "[]"),
        ("otsec.opc_dcom journal 1", "not json"),
        ("otsec.opc_dcom journal 1", "[]"),
        ("otsec.opc_dcom journal 1", '["format","C:"]'),
        ("otsec.opc_dcom journal 1", '["set","A",1,null,null]'),
        ("otsec.opc_dcom journal 1", '["set","A","b",[4,"x"],null]'),
        ("otsec.opc_dcom journal 1", '["set","A","b",[3,"xyz"],null]'),
        ("otsec.opc_dcom journal 1", '["set","","b",null,null]'),
    ],
)
def test_a_journal_that_was_edited_is_refused_as_a_whole(lines: tuple[str, ...]) -> None:
    with pytest.raises(HostStateError, match="Journal"):
        load_journal(RegistryValue.multi_string(*lines))
