# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Event records from what ``wevtutil qe /f:xml`` prints. Never fails: what cannot be read is counted.

Each event is parsed on its own, so one damaged record costs nothing but itself. Windows prints the characters of a
record as they are, also those that XML forbids (seen in published exports), so they are replaced before the parser
sees them. Document types and processing instructions make an event unreadable; nothing is ever fetched or expanded.

Texts come from whoever could write into the log of the host: nothing here may be trusted, see `shown`.
Source: dcom.md 6.2 (elements); MS-EVEN6 2.2.11 to 2.2.16; the UserData form of 104 and 1102 from published samples.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from xml.parsers import expat

MAX_DATA = 64
MAX_TEXT = 512
_MAX_DEPTH = 16
# Every element carries its namespace in its name, so a long one would be copied for each.
_MAX_NAMESPACE = 512

_START = re.compile(r"<Event[\s>]")
_END = "</Event>"
# XML 1.0 fifth edition, production 2 (Char), as characters and as references.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9A-Fa-f]{1,8})|([0-9]{1,10}));")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Controls (C0, DEL, C1), which terminals obey, and the characters that reorder or break lines.
_DANGEROUS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One record. `data` are (name, text) in message order, the name '' where there is none. `time` is UTC.

    Texts are as the host sent them, apart from their length.
    """

    provider: str
    event_id: int
    record_id: int
    time: datetime | None
    channel: str = ""
    computer: str = ""
    user_sid: str = ""
    data: tuple[tuple[str, str], ...] = ()

    def datum(self, name: str) -> str | None:
        """The text of a named datum; None where there is none of that name."""
        return next((text for key, text in self.data if key == name), None)


@dataclass(frozen=True, slots=True)
class ParsedEvents:
    """The records in the order of the output, and how many could not be read (the last of a cut output included)."""

    records: tuple[EventRecord, ...]
    unreadable: int


def shown(text: str, limit: int = MAX_TEXT) -> str:
    """A text that can be shown: no character that a terminal obeys or that reorders a line, and not too long.

    What is dangerous becomes an escape such as ``\\x1b``, so that it is still seen.
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return _DANGEROUS.sub(_escape, cut)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"


def parse_events(text: str, limit: int) -> ParsedEvents:
    """Read at most `limit` events of an output, with or without a root around them."""
    records: list[EventRecord] = []
    unreadable = position = 0
    for _number_read in range(limit):
        start = _START.search(text, position)
        if start is None:
            break
        end = text.find(_END, start.end())
        if end < 0:
            unreadable += 1
            break
        position = end + len(_END)
        record = _parse_event(text[start.start() : position])
        records += [record] if record else []
        unreadable += record is None
    return ParsedEvents(tuple(records), unreadable)


def parse_time(text: str) -> datetime | None:
    """A SystemTime: UTC with up to nine decimals, of which six are kept."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    try:
        moment = datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return None
    return moment.replace(microsecond=int((match[2] or "0").ljust(6, "0")[:6]), tzinfo=timezone.utc)


class _NotAnEventError(Exception):
    """The XML is well-formed and is not an event we read."""


class _EventReader:
    """Collects the few elements of one event that matter, from expat's events."""

    def __init__(self) -> None:
        parser = expat.ParserCreate(encoding="UTF-8", namespace_separator="}")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.ProcessingInstructionHandler = self._refuse
        parser.StartNamespaceDeclHandler = self._check_namespace
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser
        self._path: list[str] = []
        self._texts: list[str] = []
        self._is_leaf = False
        self._name = ""
        self._system: dict[str, str] = {}
        self._data: list[tuple[str, str]] = []

    def read(self, xml: str) -> EventRecord:
        """Raises: expat.ExpatError, _NotAnEventError."""
        self._parser.Parse(xml.encode("utf-8"), True)
        found = self._system
        return EventRecord(
            provider=found.get("Provider.Name", "")[:MAX_TEXT],
            event_id=_number(found.get("EventID", "")),
            record_id=_number(found.get("EventRecordID", "")),
            time=parse_time(found.get("TimeCreated.SystemTime", "")),
            channel=found.get("Channel", "")[:MAX_TEXT],
            computer=found.get("Computer", "")[:MAX_TEXT],
            user_sid=found.get("Security.UserID", "")[:MAX_TEXT],
            data=tuple(self._data),
        )

    @staticmethod
    def _refuse(*_declaration: object) -> None:
        raise _NotAnEventError("a declaration inside an event")

    @staticmethod
    def _check_namespace(_prefix: str | None, uri: str | None) -> None:
        if uri is not None and len(uri) > _MAX_NAMESPACE:
            raise _NotAnEventError("a namespace is too long")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition("}")[2]
        if len(self._path) >= _MAX_DEPTH:
            raise _NotAnEventError("elements are nested too deep")
        self._path.append(local)
        self._texts = []
        self._is_leaf = True
        if len(self._path) == 3 and self._path[1] == "System":
            self._system.update({f"{local}.{key}": text for key, text in attributes.items()})
        self._name = attributes.get("Name", "") if local == "Data" else local

    def _text(self, text: str) -> None:
        self._texts.append(text)

    def _end(self, _name: str) -> None:
        if self._is_leaf:
            self._leaf("".join(self._texts))
        self._is_leaf = False
        self._path.pop()

    def _leaf(self, text: str) -> None:
        section = self._path[1] if len(self._path) > 2 else ""
        if section == "System" and len(self._path) == 3:
            self._system[self._path[2]] = text.strip()
        elif self._path[-1] == "Binary":
            return
        elif section in ("EventData", "UserData") and len(self._data) < MAX_DATA:
            self._data.append((self._name[:MAX_TEXT], text[:MAX_TEXT]))


def _parse_event(text: str) -> EventRecord | None:
    try:
        return _EventReader().read(_legal(text))
    except (expat.ExpatError, _NotAnEventError):
        return None


def _legal(text: str) -> str:
    return _REFERENCE.sub(_legal_reference, _ILLEGAL.sub(_REPLACEMENT, text))


def _legal_reference(match: re.Match[str]) -> str:
    code = int(match[1], 16) if match[1] else int(match[2])
    is_legal = code <= 0x10FFFF and not _ILLEGAL.match(chr(code))
    return match.group() if is_legal else _REPLACEMENT


def _number(text: str) -> int:
    """Raises: _NotAnEventError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise _NotAnEventError(f"{text[:20]!r} is not a number")
    return int(text)
