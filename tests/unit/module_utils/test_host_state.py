# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._host_state import (
    PendingReboot,
    PendingRestart,
    StaleProcess,
    format_time,
    parse_time,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryValue

BOOT = datetime(2026, 11, 22, 6, 0, 0, 500000, tzinfo=timezone.utc)


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


def test_no_value_is_no_marker() -> None:
    assert PendingReboot.from_value(None) is None
    assert PendingRestart.from_value(None) == PendingRestart()
    assert PendingRestart().to_value() is None


OPC_ENUM = StaleProcess("OpcEnum", 1234, BOOT)


def test_a_restart_marker_survives_writing_and_reading() -> None:
    marker = PendingRestart((OPC_ENUM, StaleProcess("Apis Hive 2", 4321, BOOT)))
    value = marker.to_value()
    assert value == RegistryValue.multi_string(
        "2026-11-22T06:00:00.500000Z 1234 OpcEnum", "2026-11-22T06:00:00.500000Z 4321 Apis Hive 2"
    )
    assert PendingRestart.from_value(value) == marker
    assert marker.services == ("OpcEnum", "Apis Hive 2")


@pytest.mark.parametrize(
    ("process_id", "seconds", "is_over"),
    [(1234, 0, False), (1234, 30, False), (1234, 31, True), (1235, 0, True), (0, 0, True), (None, 0, True)],
)
def test_a_service_is_renewed_when_its_process_is_another(process_id: int | None, seconds: int, is_over: bool) -> None:
    assert OPC_ENUM.is_over(process_id, BOOT + timedelta(seconds=seconds)) is is_over


def test_a_service_is_marked_once_with_its_latest_process() -> None:
    later = StaleProcess("opcenum", 99, BOOT)
    assert PendingRestart((OPC_ENUM,)).merged([later]) == PendingRestart((later,))


@pytest.mark.parametrize(
    "value",
    [
        RegistryValue.string("x"),
        RegistryValue.multi_string("yesterday 1 OpcEnum"),
        RegistryValue.multi_string("2026-11-22T06:00:00.500000Z one OpcEnum"),
        RegistryValue.multi_string("2026-11-22T06:00:00.500000Z"),
    ],
)
def test_a_restart_marker_that_is_none_is_an_error_not_a_guess(value: RegistryValue) -> None:
    with pytest.raises(HostStateError, match="PendingRestart"):
        PendingRestart.from_value(value)
