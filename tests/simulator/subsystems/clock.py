# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of one host: virtual time that moves when told, or along with a ticker such as `time.monotonic`.

Two scales, as in Windows: `elapsed` only grows and times what runs (pending services, boots, grace periods); `now` is
the wall clock, which can also jump. A jump moves the reported boot time with it, as setting the system time does on
Windows, so readers of LastBootUpTime must allow for it (wsman_cim.md 4.7).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

DEFAULT_START = datetime(2026, 3, 2, 6, 0, 0, tzinfo=UTC)


class VirtualClock:
    """`ticker` gives seconds that pass by themselves; without one, time stands still between calls of `advance`."""

    def __init__(self, start: datetime = DEFAULT_START, ticker: Callable[[], float] | None = None) -> None:
        self._start = start
        self._ticker = ticker
        self._first_tick = ticker() if ticker else 0.0
        self._advanced_s = 0.0
        self._jumped_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds that have run since the clock was made; never falls."""
        ticked = self._ticker() - self._first_tick if self._ticker else 0.0
        return ticked + self._advanced_s

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return self.at(self.elapsed_s)

    def at(self, elapsed_s: float) -> datetime:
        """The moment `elapsed_s` on the wall clock as it is set now."""
        return self._start + timedelta(seconds=elapsed_s + self._jumped_s)

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises: ValueError if it would run backwards; that is what `jump` is for."""
        if seconds < 0:
            raise ValueError("time does not run backwards; use jump")
        self._advanced_s += seconds

    def follow(self, ticker: Callable[[], float]) -> None:
        """From now on let the seconds of a ticker pass as well; what has elapsed stays."""
        self._advanced_s = self.elapsed_s
        self._ticker, self._first_tick = ticker, ticker()

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back without anything having run in between."""
        self._jumped_s += seconds
