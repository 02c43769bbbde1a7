# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Reads and explains the events of one host, and the APIS logs a user gives. Nothing is written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from ..module_utils._apis_log import ApisLog, decode_lines, parse_apis_log
from ..module_utils._application import OPC_ENUM_APP_ID
from ..module_utils._errors import HostStateError, ParameterError
from ..module_utils._event_join import SiteIndex, is_remote_address, normal_address
from ..module_utils._event_meanings import AUDIT_LOG_CLEARED, CONNECTION_BLOCKED, EVENT_LOG, LOG_CLEARED
from ..module_utils._event_xml import EventRecord, shown
from ..module_utils._events import EventGroup, group_events
from ..module_utils._host_state import format_time
from ..module_utils._opc_enum import CLSID as OPC_ENUM_CLSID
from ..module_utils._site_model import Site
from ._host._event_log import LOGS, SYSTEM, EventLogGateway, LogReading, Since
from ._host._host import Host
from ._resource import Parameters, Spec

MAX_EVENTS = 5000
MAX_FILE_BYTES = 200 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_OPC_IDS = frozenset({OPC_ENUM_APP_ID.lower(), OPC_ENUM_CLSID.lower()})

_WORDS = {log.lower(): log for log in LOGS}
_PERIOD = re.compile(r"([1-9][0-9]{0,5})\s*([mhdw])", re.ASCII)
_MILLISECONDS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_MAX_MILLISECONDS = 2**53

EVENT_SPEC: Spec = {
    "logs": {"type": "list", "elements": "str", "choices": [*_WORDS], "default": [*_WORDS]},
    "since": {"type": "str"},
    "after_record": {"type": "dict", "options": {word: {"type": "int"} for word in _WORDS}},
    "max_events": {"type": "int", "default": 500},
    "opc_site": {"type": "dict"},
    "apis_logs": {"type": "list", "elements": "path", "default": []},
    "apis_text": {"type": "str"},
}


@dataclass(frozen=True, slots=True)
class EventRequest:
    """What to read, and what the site model says. `host` is the inventory name of the host."""

    logs: tuple[str, ...]
    since: Mapping[str, Since]
    max_events: int
    host: str
    index: SiteIndex | None = None
    apis_logs: tuple[str, ...] = ()
    apis_text: str | None = None


def parse_request(parameters: Parameters, host: str, site: Site | None) -> EventRequest:
    """Raises: ParameterError with the path of the option."""
    limit = parameters["max_events"]
    if not 1 <= limit <= MAX_EVENTS:
        raise ParameterError("max_events", f"{limit} is not between 1 and {MAX_EVENTS}")
    time, within_ms = _parse_since(parameters["since"])
    after: Mapping[str, int | None] = parameters["after_record"] or {}
    for word, number in after.items():
        if number is not None and number < 0:
            raise ParameterError(f"after_record.{word}", f"{number} is not a record id")
    return EventRequest(
        logs=tuple(_WORDS[word] for word in _WORDS if word in parameters["logs"]),
        since={_WORDS[word]: Since(time, within_ms, after.get(word)) for word in _WORDS},
        max_events=limit,
        host=host,
        index=SiteIndex(site, host) if site is not None else None,
        apis_logs=tuple(parameters["apis_logs"]),
        apis_text=parameters["apis_text"],
    )


def _parse_since(text: str | None) -> tuple[str | None, int | None]:
    """A time in the form of events, or a period in milliseconds."""
    if text is None:
        return None, None
    period = _PERIOD.fullmatch(text.strip())
    if period is not None:
        return None, int(period[1]) * _MILLISECONDS[period[2]]
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
        is_known = moment.tzinfo is not None
        moment = moment.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        is_known = False
    if not is_known:
        raise ParameterError(
            "since", f"{text!r} is neither a period such as 30m, 24h or 7d nor a time such as 2026-03-01T06:00:00Z"
        )
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"), None


# -- reading ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Report:
    """What the module returns, as it grows."""

    groups: list[dict[str, object]] = field(default_factory=list)
    logs: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    computer: str | None = None


def read_events(host: Host, request: EventRequest) -> dict[str, Any]:
    """Groups of events and of APIS messages, how far each log was read, and what could not be."""
    report = _Report()
    gateway = EventLogGateway(host.client)
    for log in request.logs:
        _add_log(report, gateway.read(log, request.since[log], request.max_events), request)
    apis = _read_apis(request, report.notes)
    return {
        "host": request.host,
        "computer": report.computer,
        "addresses": _own_addresses(host, request.index),
        "groups": report.groups,
        "logs": report.logs,
        "apis": apis,
        "notes": report.notes,
    }


def _own_addresses(host: Host, index: SiteIndex | None) -> list[str]:
    """The addresses of the host in the site model, and the one it is reached at if it is one that peers can see."""
    reached = urlsplit(host.client.url).hostname or ""
    own = [*(index.own_addresses if index else ()), *([reached] if is_remote_address(reached) else [])]
    return list(dict.fromkeys(found for address in own if (found := normal_address(address))))


def _add_log(report: _Report, reading: LogReading, request: EventRequest) -> None:
    cleared, records = _split_clearings(reading)
    times = [record.time for record in records if record.time is not None]
    report.logs[reading.log.lower()] = {
        "is_read": not reading.trouble,
        "events": len(records),
        "newest_record_id": max((record.record_id for record in reading.records), default=None),
        "oldest_time": format_time(min(times)) if times else None,
        "is_limited": reading.is_limited,
        "cleared_time": format_time(cleared.time) if cleared is not None and cleared.time else None,
    }
    groups = group_events(records, reading.log.lower(), request.index, _OPC_IDS)
    report.groups += [group.to_dict() for group in groups]
    report.notes += _notes(reading, cleared, groups)
    report.computer = next((shown(record.computer) for record in records if record.computer), report.computer)


def _split_clearings(reading: LogReading) -> tuple[EventRecord | None, list[EventRecord]]:
    """The latest record that says that this log was cleared, and all records about other things.

    104 stands in System for every log but Security; its data name the log.
    """
    cleared: EventRecord | None = None
    others: list[EventRecord] = []
    for record in reading.records:
        if record.provider != EVENT_LOG:
            others.append(record)
            continue
        is_own = record.event_id == AUDIT_LOG_CLEARED or (
            record.event_id == LOG_CLEARED and (record.datum("Channel") or "").casefold() == SYSTEM.casefold()
        )
        cleared = cleared or (record if is_own else None)
    return cleared, others


def _notes(reading: LogReading, cleared: EventRecord | None, groups: Sequence[EventGroup]) -> Iterator[str]:
    """What the user must know to read the groups rightly."""
    log = reading.log
    if reading.trouble:
        yield f"The {log} log could not be read: {reading.trouble}"
    if cleared is not None:
        when = format_time(cleared.time) if cleared.time else "an unknown time"
        yield f"The {log} log was cleared at {when}; what happened before is lost"
    if reading.unreadable:
        yield f"{reading.unreadable} events of the {log} log could not be read and are missing here"
    if reading.is_limited:
        yield f"The {log} log has more events than were read; only the newest count (max_events, since)"
        blocked = sum(group.count for group in groups if group.event_id == CONNECTION_BLOCKED)
        if blocked * 2 > len(reading.records):
            yield f"{blocked} of them are blocked connections (5157), which crowd out failed logons"
    incomplete = sum(group.count for group in groups if group.is_incomplete)
    if incomplete:
        yield f"{incomplete} events of the {log} log lack some of their data"


# -- APIS ------------------------------------------------------------------------------------------------------------


def _read_apis(request: EventRequest, notes: list[str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    sources = [(path, _file_pieces(path, notes)) for path in request.apis_logs]
    if request.apis_text is not None:
        sources.append(("apis_text", iter([request.apis_text.encode("utf-8", "surrogatepass")])))
    for name, pieces in sources:
        try:
            log = parse_apis_log(decode_lines(pieces))
        except OSError as error:
            raise HostStateError(f"apis_logs: {name} could not be read on the controller: {error.strerror}") from error
        notes += _apis_notes(name, log)
        found += [{**group.to_dict(request.index), "source": shown(name)} for group in log.groups]
    return found


def _apis_notes(name: str, log: ApisLog) -> Iterator[str]:
    if log.dropped:
        yield f"{shown(name)} has more different messages than are kept; {log.dropped} messages are not counted"
    if not log.groups:
        yield f"{shown(name)} has no message about OPC links that is known here, in {log.lines} lines"


def _file_pieces(path: str, notes: list[str]) -> Iterator[bytes]:
    """A file in pieces; of a larger one than 200 MiB its end, which is its newest part. Raises: OSError."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE_BYTES:
            notes.append(f"{shown(path)} is larger than {MAX_FILE_BYTES} bytes; only its end was read")
            file.seek(size - MAX_FILE_BYTES - size % 2)
        left = MAX_FILE_BYTES
        while left > 0 and (piece := file.read(min(_CHUNK_BYTES, left))):
            left -= len(piece)
            yield piece
