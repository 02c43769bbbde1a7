# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The lines that Prediktor APIS writes about OPC links, from its log files or its alarm texts. Pure, in one pass.

Three messages are known: creating an OPC server, the OPC Server Lister (browsing), and the callback. Each may stand in
one line with time, CLSID and duration, or as an alarm text over several lines, the code on a later one. Words of
Windows inside them are translated, so only the code in parentheses counts. Times are local times of the
host, without a zone.
Source: the examples of the vendor's article ("OPC DCOM, Classic OPC in practice", Prediktor); others are skipped.
"""

from __future__ import annotations

import codecs
import enum
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ._event_join import Caller, Joined, SiteIndex
from ._event_xml import shown
from ._findings import Severity
from ._hresults import format_code, meaning_of

MAX_RESULTS = 500
MAX_LINE = 8192
# How many lines below its first one a message may have its code.
_REACH = 8
_SAMPLE = 65536

_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:,(\d{3})(?:\.(\d{1,3}))?)?", re.ASCII)
_CREATE = re.compile(r"Failed to create OPC server, ?(?P<application>[^,]{1,200}), on (?P<target>\S{1,255})")
_LISTER = re.compile(r"Failed to create OPC Server Lister object on (?P<target>\S{1,255})")
_ALARM = re.compile(r"ALARM from OPC/opc[a-z]{0,4}://(?P<target>[^/\s]{1,255})/(?P<application>[^\[\r\n]{1,200})")
_ADVISE = "IOPCDataCallback::Advise"
_CODE = re.compile(r"\((0x[0-9A-Fa-f]{8})\)")
_CLSID = re.compile(r"CLSID: (\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\})")
_DURATION = re.compile(r"Duration: ([0-9]{1,9}(?:\.[0-9]{1,6})?) ms")
_MARKS = ("Failed ", "ALARM from OPC/", "(0x")


class ApisMessage(enum.Enum):
    """What the client was doing."""

    CREATE = "create_server"
    BROWSE = "browse"
    ADVISE = "callback"


@dataclass(slots=True)
class ApisGroup:
    """Messages that say the same. `code` None: the message names none. Times are texts as in the log, oldest first."""

    message: ApisMessage
    target: str
    application: str
    code: int | None
    clsid: str = ""
    count: int = 0
    first_time: str = ""
    last_time: str = ""
    longest_ms: float | None = None

    def add(self, time: str, clsid: str, duration_ms: float | None) -> None:
        """Count a message."""
        self.count += 1
        self.first_time = self.first_time or time
        self.last_time = time or self.last_time
        self.clsid = clsid or self.clsid
        if duration_ms is not None:
            self.longest_ms = max(duration_ms, self.longest_ms or 0.0)

    def to_dict(self, index: SiteIndex | None = None) -> dict[str, object]:
        """What happened, what to do, and whom it concerns."""
        joined = index.join(self.target, Caller(), (self.application, self.clsid)) if index else Joined()
        target = f"{joined.host} ({self.target})" if joined.host else self.target or "(not said)"
        text, fix = _explain(self.message, self.code)
        code = "no code" if self.code is None else format_code(self.code)
        meaning = meaning_of(self.code) if self.code is not None else None
        application = self.application or "(not said)"
        reason = code + (f", {meaning.reading}" if meaning else "")
        what = text.replace("<target>", target).replace("<application>", application)
        concerns = f"; concerns {', '.join(joined.links[:3])}" if joined.links else ""
        return {
            "log": "apis",
            "message": self.message.value,
            "severity": Severity.CRITICAL.value,
            "what": shown(f"{what}: {reason}{concerns}", 2048),
            "fix": fix,
            "count": self.count,
            "first_time": self.first_time or None,
            "last_time": self.last_time or None,
            "code": None if self.code is None else f"0x{self.code:08X}",
            "code_name": meaning.name if meaning else None,
            "data": {
                "target": shown(self.target),
                "application": shown(self.application),
                "clsid": self.clsid,
                "longest_ms": self.longest_ms,
            },
            **joined.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class ApisLog:
    """What was found. `dropped`: messages that were not kept because there are too many different ones."""

    groups: tuple[ApisGroup, ...]
    lines: int
    dropped: int


_DENIED, _UNAVAILABLE = 0x80070005, 0x800706BA
_FIREWALL = "the firewall of <side> is in the way, or the host is down: open it with opc_firewall"
# Source: the article's troubleshooting cases.
_FIXES: dict[tuple[ApisMessage, int], str] = {
    (ApisMessage.CREATE, _DENIED): (
        "see events 10015, 10016, 10036 and 4625 of the server: account and password, launch and access permissions of "
        "the OPC server, machine limits, and the client's authentication level"
    ),
    (ApisMessage.CREATE, _UNAVAILABLE): _FIREWALL.replace("<side>", "the server (endpoint mapper, OPC server)"),
    (ApisMessage.BROWSE, _DENIED): (
        "see the same events about OpcEnum on the server, and set its level and permissions with opc_enum and "
        "dcom_permission; or enter the CLSID at the client, which needs no browsing"
    ),
    (ApisMessage.BROWSE, _UNAVAILABLE): _FIREWALL.replace("<side>", "the server (endpoint mapper, OpcEnum)"),
    (ApisMessage.ADVISE, _DENIED): (
        "on the client: the account of the OPC server must exist there and have remote_access in the machine access "
        "limit and to the client program (dcom_permission, kind access)"
    ),
    (ApisMessage.ADVISE, _UNAVAILABLE): _FIREWALL.replace("<side>", "the client (the server calls back into it)"),
}
_TEXTS = {
    ApisMessage.CREATE: "the OPC server <application> on <target> could not be created",
    ApisMessage.BROWSE: "the list of OPC servers of <target> could not be read (OpcEnum)",
    ApisMessage.ADVISE: "the callback of <application> on <target> could not be set up",
}


def _explain(message: ApisMessage, code: int | None) -> tuple[str, str]:
    fix = _FIXES.get((message, code if code is not None else 0))
    return _TEXTS[message], fix or "look at the events of both hosts at the same time"


@dataclass(slots=True)
class _Pending:
    """A message whose code has not come yet."""

    message: ApisMessage
    target: str
    application: str
    time: str
    line: int


@dataclass(slots=True)
class _Reader:
    """Goes through the lines once. `_alarm` is the head of an alarm text: target and application."""

    groups: dict[tuple[object, ...], ApisGroup] = field(default_factory=dict)
    lines: int = 0
    dropped: int = 0
    _pending: _Pending | None = None
    _alarm: tuple[int, str, str] | None = None
    _time: str = ""

    def line(self, text: str) -> None:
        self.lines += 1
        if self._pending is not None and self.lines - self._pending.line > _REACH:
            self._finish(None, text="")
        if not any(mark in text for mark in _MARKS):
            return
        self._begin(text)
        code = _CODE.search(text)
        if code is not None and self._pending is not None:
            self._finish(int(code[1], 16), text)

    def end(self) -> ApisLog:
        if self._pending is not None:
            self._finish(None, text="")
        return ApisLog(tuple(self.groups.values()), self.lines, self.dropped)

    def _begin(self, text: str) -> None:
        """Start a message if this line begins one; one that waits for its code ends without it."""
        alarm = _ALARM.search(text)
        if alarm is not None:
            self._alarm = (self.lines, alarm["target"], alarm["application"].strip())
        found = self._message(text)
        if found is None:
            return
        if self._pending is not None:
            self._finish(None, text="")
        message, target, application = found
        self._pending = _Pending(message, target.rstrip(".,;"), application.strip(), _time(text), self.lines)

    def _message(self, text: str) -> tuple[ApisMessage, str, str] | None:
        if _ADVISE in text:
            is_near = self._alarm is not None and self.lines - self._alarm[0] <= _REACH
            _line, target, application = self._alarm if self._alarm and is_near else (0, "", "")
            return ApisMessage.ADVISE, target, application
        lister = _LISTER.search(text)
        if lister is not None:
            return ApisMessage.BROWSE, lister["target"], ""
        created = _CREATE.search(text)
        return (ApisMessage.CREATE, created["target"], created["application"]) if created else None

    def _finish(self, code: int | None, text: str) -> None:
        pending, self._pending = self._pending, None
        if pending is None:
            return
        key = (pending.message, pending.target.lower(), pending.application.lower(), code)
        if key not in self.groups and len(self.groups) >= MAX_RESULTS:
            self.dropped += 1
            return
        group = self.groups.setdefault(key, ApisGroup(pending.message, pending.target, pending.application, code))
        clsid, duration = _CLSID.search(text), _DURATION.search(text)
        group.add(pending.time, clsid[1] if clsid else "", float(duration[1]) if duration else None)


def _time(text: str) -> str:
    match = _TIME.search(text[:64])
    if match is None:
        return ""
    fraction = (match[3] or "") + (match[4] or "").ljust(3, "0") if match[3] else ""
    return f"{match[1]}T{match[2]}" + (f".{fraction}" if fraction else "")


def parse_apis_log(lines: Iterable[str]) -> ApisLog:
    """What the lines say about OPC links, in bounded memory: at most 500 different messages are kept."""
    reader = _Reader()
    for text in lines:
        reader.line(text)
    return reader.end()


def decode_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines of a file in pieces of bytes, each cut to 8192 characters. Never fails.

    A byte order mark or NULs decide for UTF-16, else valid UTF-8 in the first piece, else Windows-1252; what does not
    decode becomes U+FFFD.
    """
    decoder: codecs.IncrementalDecoder | None = None
    rest = ""
    for chunk in chunks:
        if decoder is None:
            decoder = codecs.getincrementaldecoder(_encoding(chunk[:_SAMPLE]))(errors="replace")
        *lines, rest = (rest + decoder.decode(chunk)).split("\n")
        rest = rest[:MAX_LINE]
        for line in lines:
            yield line[:MAX_LINE]
    rest += decoder.decode(b"", True) if decoder is not None else ""
    if rest:
        yield rest[:MAX_LINE]


def _encoding(sample: bytes) -> str:
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if sample.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    for start, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        octets = sample[start::2]
        if len(octets) > 1 and octets.count(0) * 10 >= len(octets) * 9:
            return encoding
    try:
        # The piece may end inside a character.
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
