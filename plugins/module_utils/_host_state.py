# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What the collection keeps on a host for its own use beside the journal (_operation_journal.py): two markers.

Both are REG_MULTI_SZ values of one key and say that something was written and is not in force yet: PendingReboot is
``[boot time, reason, ...]``, PendingRestart one line per service process that was running with the old values. A marker
is over when the host has booted, or the process has ended. Pure: the caller reads and writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ._errors import HostStateError
from ._plan import unique
from ._registry import RegistryKey, RegistryType, RegistryValue

STATE_KEY = RegistryKey("SOFTWARE\\otsec\\opc_dcom")
PENDING_REBOOT = "PendingReboot"
PENDING_RESTART = "PendingRestart"

# A clock that is stepped moves the boot time Windows reports by seconds; a reboot moves it by more (wsman_cim.md 4.7).
BOOT_TIME_TOLERANCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class PendingReboot:
    """Settings that were written since `boot_time` (UTC) and count only after the next boot."""

    boot_time: datetime
    reasons: tuple[str, ...]

    def is_over(self, boot_time: datetime) -> bool:
        """Whether the host has booted since: its boot time is later by more than a clock step explains."""
        return boot_time - self.boot_time > BOOT_TIME_TOLERANCE

    def with_reasons(self, reasons: Iterable[str]) -> PendingReboot:
        return PendingReboot(self.boot_time, unique((*self.reasons, *reasons)))

    def to_value(self) -> RegistryValue:
        return RegistryValue.multi_string(format_time(self.boot_time), *self.reasons)

    @classmethod
    def from_value(cls, value: RegistryValue | None) -> PendingReboot | None:
        """Read the marker. Raises: HostStateError when something else has written the value."""
        if value is None:
            return None
        if value.type is not RegistryType.MULTI_SZ or not isinstance(value.data, tuple) or not value.data:
            raise _foreign_marker(PENDING_REBOOT, value)
        try:
            boot_time = parse_time(value.data[0])
        except ValueError as error:
            raise _foreign_marker(PENDING_REBOOT, value) from error
        return cls(boot_time, value.data[1:])


@dataclass(frozen=True, slots=True)
class StaleProcess:
    """The process of a service, started before something was written that it reads only at its start.

    `boot_time` (UTC) tells process ids of different boots apart.
    """

    service: str
    process_id: int
    boot_time: datetime

    def is_over(self, process_id: int | None, boot_time: datetime) -> bool:
        """Whether that process is gone. `process_id` is the service's now, None or 0 when it does not run."""
        return process_id != self.process_id or boot_time - self.boot_time > BOOT_TIME_TOLERANCE


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
        lines = [f"{format_time(item.boot_time)} {item.process_id} {item.service}" for item in self.processes]
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
    boot_time, process_id, service = line.split(" ", 2)
    return StaleProcess(service, int(process_id), parse_time(boot_time))


def _foreign_marker(name: str, value: RegistryValue) -> HostStateError:
    return HostStateError(f"{name} of {STATE_KEY} is {value}, not a marker of this collection; delete the value")


def format_time(moment: datetime) -> str:
    """UTC with microseconds, such as 2026-11-22T06:00:00.000000Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Inverse of `format_time`. Raises: ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
