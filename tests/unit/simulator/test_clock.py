# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual clock: elapsed time only grows, the wall clock may jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from simulator.subsystems.clock import DEFAULT_START, VirtualClock


def test_time_stands_still_until_it_is_advanced() -> None:
    clock = VirtualClock()
    assert clock.now() == clock.now() == DEFAULT_START
    clock.advance(90)
    assert clock.now() == DEFAULT_START + timedelta(seconds=90)
    assert clock.elapsed_s == 90


def test_a_jump_moves_the_wall_clock_only() -> None:
    clock = VirtualClock(datetime(2026, 5, 1, tzinfo=UTC))
    clock.jump(-3600)
    assert clock.now() == datetime(2026, 4, 30, 23, 0, tzinfo=UTC)
    assert clock.elapsed_s == 0


def test_a_ticker_adds_to_what_was_advanced() -> None:
    ticks = [100.0]
    clock = VirtualClock(ticker=lambda: ticks[0])
    ticks[0] += 2.5
    clock.advance(1)
    assert clock.elapsed_s == 3.5


def test_a_clock_that_stood_still_can_follow_a_ticker() -> None:
    ticks = [100.0]
    clock = VirtualClock()
    clock.advance(60)
    for _round in range(2):
        clock.follow(lambda: ticks[0])
        ticks[0] += 2.0
    assert clock.elapsed_s == 64


def test_advancing_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="backwards"):
        VirtualClock().advance(-1)
