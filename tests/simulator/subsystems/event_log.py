# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event logs of one host: channels with bounded, ordered records. Rendering to XML belongs to wevtutil.

Source: dcom.md 6.1-6.4 (providers, ids, data); Security readable by administrators and Event Log Readers only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..cim import Caller
from ..journal import Journal

ERROR_ACCESS_DENIED = 5
ERROR_EVT_CHANNEL_NOT_FOUND = 15007

EVENT_LOG_READERS = "S-1-5-32-573"
CHANNELS = ("Application", "Security", "Setup", "System", "ForwardedEvents")
MAX_RECORDS = 5000

LEVEL_ALWAYS, LEVEL_CRITICAL, LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFORMATION = range(5)
KEYWORD_CLASSIC = 0x80000000000000
KEYWORD_AUDIT_FAILURE = 0x8010000000000000
KEYWORD_AUDIT_SUCCESS = 0x8020000000000000


@dataclass(frozen=True, slots=True)
class EventProvider:
    """Who wrote an event, as the Provider element shows it. `event_source_name` is "" for manifest-only providers."""

    name: str
    guid: str = ""
    event_source_name: str = ""


SECURITY_AUDITING = EventProvider("Microsoft-Windows-Security-Auditing", "{54849625-5478-4994-A5BA-3E3B0328C30D}")
DISTRIBUTED_COM = EventProvider("Microsoft-Windows-DistributedCOM", "{1B562E86-B7AA-4131-BADC-B6F3A001407E}", "DCOM")
SERVICE_CONTROL_MANAGER = EventProvider(
    "Service Control Manager", "{555908d1-a6d7-4695-8e1e-26931d2012f4}", "Service Control Manager"
)
EVENT_LOG = EventProvider("Microsoft-Windows-Eventlog", "{fc65ddd8-d6ef-4962-83d5-6e5cfe9ce148}")
KERNEL_GENERAL = EventProvider("Microsoft-Windows-Kernel-General", "{A68CA8B7-004F-D7B6-A698-07E2DE0F1F5D}")
USER32 = EventProvider("User32", "{b0aa8734-56f7-41cc-b2f4-de228e98b946}", "User32")


@dataclass(frozen=True, slots=True)
class Event:
    """What a writer supplies. `data` are (name, text) in message order; the name is None where the event has none."""

    provider: EventProvider
    event_id: int
    level: int = LEVEL_INFORMATION
    data: tuple[tuple[str | None, str], ...] = ()
    task: int = 0
    opcode: int = 0
    version: int = 0
    keywords: int = KEYWORD_CLASSIC
    user_sid: str | None = None
    process_id: int = 4
    thread_id: int = 8


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One record of a channel."""

    record_id: int
    channel: str
    time: datetime
    computer: str
    event: Event

    def datum(self, name: str) -> str | None:
        """The text of a named datum, None where the event has none of that name."""
        return next((text for key, text in self.event.data if key == name), None)


class EventLogError(Exception):
    """An event log function failed; `code` is the Win32 error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class EventLog:
    """All channels of one host."""

    def __init__(self, computer: str, now: Callable[[], datetime], journal: Journal) -> None:
        self._computer = computer
        self._now = now
        self._journal = journal
        self._records: dict[str, deque[EventRecord]] = {}
        self._max_records = MAX_RECORDS
        self._next_id: dict[str, int] = {}

    def resize(self, max_records: int) -> None:
        """How many records each channel holds; the oldest ones of a channel that holds more are dropped."""
        self._max_records = max_records
        self._records = {name: deque(records, maxlen=max_records) for name, records in self._records.items()}

    def append(self, channel: str, event: Event) -> EventRecord:
        """Write an event; the oldest record falls out of a full channel."""
        name = self._channel(channel)
        record_id = self._next_id.get(name, 1)
        self._next_id[name] = record_id + 1
        record = EventRecord(record_id, name, self._now(), self._computer, event)
        self._records.setdefault(name, deque(maxlen=self._max_records)).append(record)
        return record

    def read(self, caller: Caller | None, channel: str) -> Sequence[EventRecord]:
        """The records, oldest first. Raises: EventLogError 15007 (no such channel), 5 (Security without the right)."""
        name = self._channel(channel)
        if name == "Security" and caller is not None:
            may_read = caller.is_administrator or EVENT_LOG_READERS in caller.sids
            if not may_read:
                raise EventLogError(ERROR_ACCESS_DENIED, f"{caller.account_name} may not read {name}")
        return tuple(self._records.get(name, ()))

    def clear(self, caller: Caller, channel: str) -> None:
        """Empty a channel; Security then starts with event 1102, the others leave 104 in System."""
        name = self._channel(channel)
        if not caller.is_administrator:
            raise EventLogError(ERROR_ACCESS_DENIED, f"{caller.account_name} may not clear {name}")
        count = len(self._records.pop(name, ()))
        self._journal.change("event_log", "clear", (name,), before=count, after=0, caller=caller.account_name)
        if name == "Security":
            self.append(name, Event(EVENT_LOG, 1102, keywords=0x4020000000000000, user_sid=caller.sid))
        else:
            self.append("System", Event(EVENT_LOG, 104, data=(("Channel", name),), user_sid=caller.sid))

    def channels(self) -> tuple[str, ...]:
        return CHANNELS

    @staticmethod
    def _channel(name: str) -> str:
        found = next((channel for channel in CHANNELS if channel.lower() == name.lower()), None)
        if found is None:
            raise EventLogError(ERROR_EVT_CHANNEL_NOT_FOUND, f"no channel {name}")
        return found
