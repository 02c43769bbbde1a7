# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._host_state import (
    HostMoment,
    PendingReboot,
    PendingRestart,
    StaleProcess,
    format_time,
    parse_time,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryValue

NOON = datetime(2026, 11, 22, 12, 0, 0, 500000, tzinfo=timezone.utc)
UP = timedelta(hours=6)
MARKED = HostMoment(NOON, UP)


def later(seconds: float, *, jump_s: float = 0, booted_after_s: float | None = None) -> HostMoment:
    """The host some time after it was marked, its clock set meanwhile, booted meanwhile."""
    uptime = UP + timedelta(seconds=seconds) if booted_after_s is None else timedelta(seconds=seconds - booted_after_s)
    return HostMoment(NOON + timedelta(seconds=seconds + jump_s), uptime)


def test_a_marker_survives_writing_and_reading() -> None:
    marker = PendingReboot(MARKED, ("authentication_level", "enable_dcom"))
    value = marker.to_value()
    moment = "2026-11-22T12:00:00.500000Z 21600.000000"
    assert value == RegistryValue.multi_string(moment, "authentication_level", "enable_dcom")
    assert PendingReboot.from_value(value) == marker


def test_times_are_written_in_utc() -> None:
    eastern = NOON.astimezone(timezone(timedelta(hours=-5)))
    assert format_time(eastern) == "2026-11-22T12:00:00.500000Z"
    assert parse_time(format_time(eastern)) == NOON


@pytest.mark.parametrize("jump_s", [-86_400, -7200, -90, 0, 1, 90, 7200, 21_000])
@pytest.mark.parametrize("seconds", [0, 60, 86_400])
def test_a_clock_that_is_set_does_not_end_the_wait(seconds: int, jump_s: int) -> None:
    assert not PendingReboot(MARKED, ("x",)).is_over(later(seconds, jump_s=jump_s))


@pytest.mark.parametrize(
    ("seconds", "booted_after_s", "jump_s"),
    [(60, 30, 0), (3600, 30, 0), (3600, 30, -7200), (86_400, 30, 0), (864_000, 30, 0), (864_000, 863_000, -800_000)],
)
def test_a_boot_ends_the_wait(seconds: int, booted_after_s: int, jump_s: int) -> None:
    assert PendingReboot(MARKED, ("x",)).is_over(later(seconds, booted_after_s=booted_after_s, jump_s=jump_s))


def test_what_is_taken_for_a_boot_and_is_none() -> None:
    """A limit: nothing tells a host whose clock was set forward by more than it had been up from one that booted."""
    assert PendingReboot(MARKED, ("x",)).is_over(later(60, jump_s=UP.total_seconds() + 1))


def test_reasons_are_added_once() -> None:
    marker = PendingReboot(MARKED, ("a",))
    assert marker.with_reasons(("a", "b"), later(60)) == PendingReboot(later(60), ("a", "b"))
    assert marker.with_reasons(("a",), later(60)) == marker


@pytest.mark.parametrize(
    "value",
    [
        RegistryValue.string("x"),
        RegistryValue.multi_string(),
        RegistryValue.multi_string("yesterday", "a"),
        RegistryValue.multi_string("2026-11-22T06:00:00.500000Z 1e9", "a"),
    ],
)
def test_a_marker_that_is_none_is_an_error_not_a_guess(value: RegistryValue) -> None:
    with pytest.raises(HostStateError, match="PendingReboot"):
        PendingReboot.from_value(value)


def test_no_value_is_no_marker() -> None:
    assert PendingReboot.from_value(None) is None
    assert PendingRestart.from_value(None) == PendingRestart()
    assert PendingRestart().to_value() is None


OPC_ENUM = StaleProcess("OpcEnum", 1234, MARKED)


def test_a_restart_marker_survives_writing_and_reading() -> None:
    marker = PendingRestart((OPC_ENUM, StaleProcess("Apis Hive 2", 4321, MARKED)))
    value = marker.to_value()
    assert value == RegistryValue.multi_string(
        "2026-11-22T12:00:00.500000Z 21600.000000 1234 OpcEnum",
        "2026-11-22T12:00:00.500000Z 21600.000000 4321 Apis Hive 2",
    )
    assert PendingRestart.from_value(value) == marker
    assert marker.services == ("OpcEnum", "Apis Hive 2")


@pytest.mark.parametrize(
    ("process_id", "now", "is_over"),
    [
        (1234, later(60), False),
        (1234, later(60, jump_s=7200), False),
        (1234, later(60, booted_after_s=30), True),
        (1235, later(60), True),
        (0, later(60), True),
        (None, later(60), True),
    ],
)
def test_a_service_is_renewed_when_its_process_is_another(
    process_id: int | None, now: HostMoment, is_over: bool
) -> None:
    assert OPC_ENUM.is_over(process_id, now) is is_over


def test_a_service_is_marked_once_with_its_latest_process() -> None:
    newer = StaleProcess("opcenum", 99, MARKED)
    assert PendingRestart((OPC_ENUM,)).merged([newer]) == PendingRestart((newer,))


@pytest.mark.parametrize(
    "value",
    [
        RegistryValue.string("x"),
        RegistryValue.multi_string("yesterday 1 OpcEnum"),
        RegistryValue.multi_string("2026-11-22T06:00:00.500000Z 1.000000 one OpcEnum"),
        RegistryValue.multi_string("2026-11-22T06:00:00.500000Z 1 OpcEnum"),
    ],
)
def test_a_restart_marker_that_is_none_is_an_error_not_a_guess(value: RegistryValue) -> None:
    with pytest.raises(HostStateError, match="PendingRestart"):
        PendingRestart.from_value(value)
