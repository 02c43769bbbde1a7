# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Event logs of one host, read through one bounded ``wevtutil.exe qe`` per log in the remote cmd shell.

A log that cannot be read is a result with a reason, never a failure: the host may forbid remote shells or wevtutil, and
Security is for administrators and Event Log Readers. Exit codes decide; texts are in the language of the host.
Source: dcom.md 6.3; Microsoft Learn, "wevtutil" and "Consuming Events" (XPath 1.0 limitations), whose own queries have
the shape used here; exit codes are Win32 errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...module_utils._event_meanings import (
    AUDIT_LOG_CLEARED,
    CONNECTION_BLOCKED,
    DISTRIBUTED_COM,
    EVENT_LOG,
    FIRST_ID,
    LAST_ID,
    LOG_CLEARED,
    LOGON_FAILED,
    SECURITY_AUDITING,
)
from ...module_utils._event_xml import EventRecord, parse_events, shown
from .._wsman._client import CommandResult, WsmanClient, decode_output
from .._wsman._errors import CommandTimedOut, MessageTooLarge, WsmanFault

EXECUTABLE = "wevtutil.exe"
SYSTEM, SECURITY = "System", "Security"
LOGS = (SYSTEM, SECURITY)
TIMEOUT_S = 120.0
_MAX_SAID = 300
_ROOT = "Events"

_CLEARED = f"@Name='{EVENT_LOG}'"
_PROVIDERS = {SYSTEM: DISTRIBUTED_COM, SECURITY: SECURITY_AUDITING}
_IDS = {
    SYSTEM: f"EventID={LOG_CLEARED} or (EventID >= {FIRST_ID} and EventID <= {LAST_ID})",
    SECURITY: f"EventID={AUDIT_LOG_CLEARED} or EventID={LOGON_FAILED} or EventID={CONNECTION_BLOCKED}",
}
# Win32 errors. Source: winerror.h.
_ADVICE = {
    5: "access is denied: the connecting account must be an administrator or in the group Event Log Readers",
    1260: "a policy of the host forbids wevtutil.exe",
    15007: "the host has no such log",
}


@dataclass(frozen=True, slots=True)
class Since:
    """Where reading ends, newest first: both limits hold where both are given.

    `within_ms` counts back from the clock of the host; `time` is ``YYYY-MM-DDThh:mm:ss.sssZ``; `record_id` is excluded.
    """

    time: str | None = None
    within_ms: int | None = None
    record_id: int | None = None

    def conditions(self) -> Sequence[str]:
        """The limits in XPath."""
        found = []
        if self.time is not None:
            found.append(f"TimeCreated[@SystemTime >= '{self.time}']")
        if self.within_ms is not None:
            found.append(f"TimeCreated[timediff(@SystemTime) <= {self.within_ms}]")
        if self.record_id is not None:
            found.append(f"EventRecordID > {self.record_id}")
        return found


@dataclass(frozen=True, slots=True)
class LogReading:
    """What one query gave, newest first. `trouble` says why a log could not be read."""

    log: str
    records: tuple[EventRecord, ...] = ()
    unreadable: int = 0
    is_limited: bool = False
    trouble: str = field(default="")


def query_line(log: str, since: Since, limit: int) -> str:
    """The command line that prints at most `limit` events of one log that concern DCOM or say that it was cleared."""
    provider = f"Provider[@Name='{_PROVIDERS[log]}' or {_CLEARED}]"
    conditions = " and ".join((provider, f"({_IDS[log]})", *since.conditions()))
    return f'{EXECUTABLE} qe {log} /q:"*[System[{conditions}]]" /f:xml /rd:true /e:{_ROOT} /c:{limit}'


class EventLogGateway:
    """Reads the event logs of one host. Once a shell was refused it is not asked for again."""

    def __init__(self, client: WsmanClient) -> None:
        self._client = client
        self._refusal = ""

    def read(self, log: str, since: Since, limit: int) -> LogReading:
        """The newest records of a log. Raises: WsmanError where the host is not reached or answers nonsense."""
        if self._refusal:
            return LogReading(log, trouble=self._refusal)
        try:
            result = self._client.run_command(query_line(log, since, limit), timeout_s=TIMEOUT_S)
        except WsmanFault as fault:
            self._refusal = f"the host does not run commands for this account: {fault}"
            return LogReading(log, trouble=self._refusal)
        except (CommandTimedOut, MessageTooLarge) as error:
            return LogReading(log, trouble=f"{error} Ask for fewer events (max_events) or a shorter time (since).")
        return read_output(log, result, limit)


def read_output(log: str, result: CommandResult, limit: int) -> LogReading:
    """What a finished query says. Never fails."""
    if result.exit_code != 0:
        return LogReading(log, trouble=_failure(result))
    text = decode_output(result.stdout)
    parsed = parse_events(text, limit)
    count = len(parsed.records) + parsed.unreadable
    if count == 0 and f"<{_ROOT}" not in text:
        said = shown(" ".join(text.split()), _MAX_SAID)
        return LogReading(log, trouble=f"{EXECUTABLE} printed no events but: {said or 'nothing'}")
    return LogReading(log, parsed.records, parsed.unreadable, is_limited=count >= limit)


def _failure(result: CommandResult) -> str:
    said = shown(" ".join(decode_output(result.stderr + result.stdout).split()), _MAX_SAID)
    advice = _ADVICE.get(result.exit_code, "")
    return f"{EXECUTABLE} ended with exit code {result.exit_code}{', ' if advice else ''}{advice}; it said: {said}"
