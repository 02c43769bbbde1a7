# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What the collection keeps on a host for its own use beside the journal (_operation_journal.py): two markers.

Both are REG_MULTI_SZ values of one key and say that something was written and is not in force yet: PendingReboot is
``[moment, reason, ...]``, PendingRestart one line per service process that was running with the old values. A marker is
over when the host has booted, or the process has ended. Pure: the caller reads and writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ._errors import HostStateError
from ._plan import unique
from ._registry import RegistryKey, RegistryType, RegistryValue

STATE_KEY = RegistryKey("SOFTWARE\\otsec\\opc_dcom")
PENDING_REBOOT = "PendingReboot"
PENDING_RESTART = "PendingRestart"

_SECONDS = re.compile(r"[0-9]{1,12}\.[0-9]{6}")

# The boot time Windows reports moves by seconds between two looks (wsman_cim.md 4.7).
UPTIME_TOLERANCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class HostMoment:
    """A moment by the clock of a host (UTC), and how long the host had been up.

    Who sets the clock moves the boot time that Windows reports with it, so a later boot time alone proves no boot.
    """

    at: datetime
    uptime: timedelta

    def is_before_boot(self, now: HostMoment) -> bool:
        """Whether the host has booted between this moment and `now`: it has been up for less time than then, or has
        booted after then. A clock that is set forward by more than the uptime of then would be taken for a boot.
        """
        return now.uptime + UPTIME_TOLERANCE < self.uptime or now.at - now.uptime > self.at

    def __str__(self) -> str:
        return f"{format_time(self.at)} {self.uptime.total_seconds():.6f}"

    @classmethod
    def from_words(cls, at: str, uptime_s: str) -> HostMoment:
        """Inverse of `str`, of its two words. Raises: ValueError."""
        if not _SECONDS.fullmatch(uptime_s):
            raise ValueError(f"{uptime_s!r} is no number of seconds")
        return cls(parse_time(at), timedelta(seconds=float(uptime_s)))


@dataclass(frozen=True, slots=True)
class PendingReboot:
    """Settings that were written at `moment` or before and count only after the next boot."""

    moment: HostMoment
    reasons: tuple[str, ...]

    def is_over(self, now: HostMoment) -> bool:
        """Whether the host has booted since."""
        return self.moment.is_before_boot(now)

    def with_reasons(self, reasons: Iterable[str], now: HostMoment) -> PendingReboot:
        """With these as well, written now; itself where all of them are in it."""
        merged = unique((*self.reasons, *reasons))
        return self if merged == self.reasons else PendingReboot(now, merged)

    def to_value(self) -> RegistryValue:
        return RegistryValue.multi_string(str(self.moment), *self.reasons)

    @classmethod
    def from_value(cls, value: RegistryValue | None) -> PendingReboot | None:
        """Read the marker. Raises: HostStateError when something else has written the value."""
        if value is None:
            return None
        if value.type is not RegistryType.MULTI_SZ or not isinstance(value.data, tuple) or not value.data:
            raise _foreign_marker(PENDING_REBOOT, value)
        try:
            at, uptime_s = value.data[0].split(" ")
            moment = HostMoment.from_words(at, uptime_s)
        except ValueError as error:
            raise _foreign_marker(PENDING_REBOOT, value) from error
        return cls(moment, value.data[1:])


@dataclass(frozen=True, slots=True)
class StaleProcess:
    """The process of a service, started before something was written that it reads only at its start.

    `moment` tells process ids of different boots apart.
    """

    service: str
    process_id: int
    moment: HostMoment

    def is_over(self, process_id: int | None, now: HostMoment) -> bool:
        """Whether that process is gone. `process_id` is the service's now, None or 0 when it does not run."""
        return process_id != self.process_id or self.moment.is_before_boot(now)


@dataclass(frozen=True, slots=True)
class PendingRestart:
    """Services that still run with old values."""

    processes: tuple[StaleProcess, ...] = ()

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(process.service for process in self.processes)

    def merged(self, processes: Iterable[StaleProcess]) -> PendingRestart:
        """With these as well; what is known of a service already is replaced."""
        entries = {item.service.lower(): item for item in (*self.processes, *processes)}
        return PendingRestart(tuple(entries.values()))

    def to_value(self) -> RegistryValue | None:
        """The value to write; None when nothing is pending."""
        lines = [f"{item.moment} {item.process_id} {item.service}" for item in self.processes]
        return RegistryValue.multi_string(*lines) if lines else None

    @classmethod
    def from_value(cls, value: RegistryValue | None) -> PendingRestart:
        """Read the marker. Raises: HostStateError when something else has written the value."""
        if value is None:
            return cls()
        if value.type is not RegistryType.MULTI_SZ or not isinstance(value.data, tuple):
            raise _foreign_marker(PENDING_RESTART, value)
        try:
            return cls(tuple(_read_process(line) for line in value.data))
        except ValueError as error:
            raise _foreign_marker(PENDING_RESTART, value) from error


def _read_process(line: str) -> StaleProcess:
    at, uptime_s, process_id, service = line.split(" ", 3)
    return StaleProcess(service, int(process_id), HostMoment.from_words(at, uptime_s))


def _foreign_marker(name: str, value: RegistryValue) -> HostStateError:
    return HostStateError(f"{name} of {STATE_KEY} is {value}, not a marker of this collection; delete the value")


def format_time(moment: datetime) -> str:
    """UTC with microseconds, such as 2026-11-22T06:00:00.000000Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Inverse of `format_time`. Raises: ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
