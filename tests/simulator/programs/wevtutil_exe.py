# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""wevtutil.exe: `qe` (query events), `el` (list channels), `gli` (record count), `cl` (clear).

Errors go to stderr in the host's language only for texts of the system (access denied); exit codes are Win32 errors.

Source: Microsoft's wevtutil page, dcom.md 6.3; exit codes, messages, `/e` output and that `/c` must be at least 1 were
measured by others on Windows 11 26200 (15007, 15001, 87, 5). Without `/f` XML is printed (dcom.md 9 no. 15). Not
simulated, so refused as a violation: the text formats, log files, structured queries, remote hosts, bookmarks, and
every other command. Unverified: the byte order mark of `/uni:true`, the localised texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..cim import Caller, ProgramResult
from ..journal import Journal
from ..subsystems.event_log import EventLog, EventLogError, EventRecord
from .event_query import QueryError, parse_query
from .event_xml import event_xml
from .program import Invocation

ERROR_INVALID_PARAMETER = 87
ERROR_EVT_INVALID_QUERY = 15001

_LONG_NAMES = {
    "query": "q", "format": "f", "count": "c", "reversedirection": "rd", "element": "e", "unicode": "uni",
    "logfile": "lf", "structuredquery": "sq", "locale": "l", "bookmark": "bm", "savebookmark": "sbm", "remote": "r",
    "username": "u", "password": "p", "authentication": "a",
}  # fmt: skip
_QUERY_OPTIONS = frozenset({"q", "f", "c", "rd", "e", "uni"})
_NOT_SIMULATED = frozenset({"lf", "sq", "l", "bm", "sbm", "r", "u", "p", "a"})
_COMMANDS = {"query-events": "qe", "enum-logs": "el", "get-loginfo": "gli", "clear-log": "cl"}
_TEXTS = {
    5: {"en-US": "Access is denied.", "de-DE": "Zugriff verweigert"},
    ERROR_INVALID_PARAMETER: {"en-US": "The parameter is incorrect.", "de-DE": "Falscher Parameter."},
    ERROR_EVT_INVALID_QUERY: {
        "en-US": "The specified query is invalid.",
        "de-DE": "Die angegebene Abfrage ist ungültig.",
    },
    15007: {
        "en-US": "The specified channel could not be found.",
        "de-DE": "Der angegebene Kanal konnte nicht gefunden werden.",
    },
}


class _Failure(Exception):
    """The program ends with this exit code; `message` precedes the text of the code."""

    def __init__(self, exit_code: int, message: str, *, is_violation: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.is_violation = is_violation


@dataclass(frozen=True, slots=True)
class _Options:
    """Options of `qe` after checking."""

    query: str = "*"
    count: int | None = None
    is_reversed: bool = False
    element: str = ""
    is_unicode: bool = False


class Wevtutil:
    """wevtutil.exe of one host."""

    def __init__(self, event_log: EventLog, journal: Journal, now: Callable[[], datetime], language: str) -> None:
        self._event_log = event_log
        self._journal = journal
        self._now = now
        self._language = language

    def program(self, invocation: Invocation) -> ProgramResult:
        try:
            return self._run(invocation.caller, invocation.arguments)
        except _Failure as failure:
            if failure.is_violation:
                self._journal.violation("wevtutil", f"{failure.message}: {' '.join(invocation.arguments)}")
            return self._failed(failure.exit_code, failure.message)
        except EventLogError as error:
            message = "Failed to open event query." if invocation.arguments[0].lower() in ("qe", "query-events") else ""
            return self._failed(error.code, message)

    def _run(self, caller: Caller, arguments: Sequence[str]) -> ProgramResult:
        command = arguments[0].lower() if arguments else ""
        command = _COMMANDS.get(command, command)
        if command == "el":
            return ProgramResult("".join(f"{name}\r\n" for name in self._event_log.channels()))
        if command not in ("qe", "gli", "cl"):
            raise _Failure(ERROR_INVALID_PARAMETER, f"unknown command {command!r}", is_violation=True)
        names = [word for word in arguments[1:] if not word.startswith(("/", "-"))]
        if len(names) != 1:
            text = "Too many arguments are specified." if names else "Required argument(s) is/are not specified."
            raise _Failure(ERROR_INVALID_PARAMETER, text)
        options = _options([word for word in arguments[1:] if word.startswith(("/", "-"))])
        if command == "qe":
            return self._query(caller, names[0], _checked(options))
        if options:
            raise _Failure(ERROR_INVALID_PARAMETER, f"Invalid option {next(iter(options))}. Option is not valid.")
        if command == "cl":
            self._event_log.clear(caller, names[0])
            return ProgramResult()
        return self._information(caller, names[0])

    def _query(self, caller: Caller, channel: str, options: _Options) -> ProgramResult:
        records = self._event_log.read(caller, channel)
        selects = self._predicate(options.query)
        now = self._now()
        ordered = reversed(records) if options.is_reversed else iter(records)
        found: list[EventRecord] = []
        for record in ordered:
            if len(found) == options.count:
                break
            if selects(record, now):
                found.append(record)
        text = "".join(event_xml(record) for record in found)
        if options.element:
            text = f"<{options.element}>\r\n{text}</{options.element}>\r\n"
        if options.is_unicode:
            return ProgramResult(stdout_bytes=("\ufeff" + text).encode("utf-16-le"))
        return ProgramResult(text)

    @staticmethod
    def _predicate(query: str) -> Callable[[EventRecord, datetime], bool]:
        try:
            return parse_query(query)
        except QueryError as error:
            message = f"A syntax error occurred at position {error.position}"
            raise _Failure(ERROR_EVT_INVALID_QUERY, message) from error

    def _information(self, caller: Caller, channel: str) -> ProgramResult:
        records = self._event_log.read(caller, channel)
        oldest = records[0].record_id if records else 0
        rows = ("attributes: 32", f"numberOfLogRecords: {len(records)}", f"oldestRecordNumber: {oldest}")
        return ProgramResult("".join(f"{row}\r\n" for row in rows))

    def _failed(self, exit_code: int, message: str) -> ProgramResult:
        texts = _TEXTS.get(exit_code, {})
        text = texts.get(self._language, texts.get("en-US", f"Error {exit_code}."))
        first = f"{message}\r\n" if message else ""
        return ProgramResult(stderr=f"{first}{text}\r\n", exit_code=exit_code)


def _options(words: Sequence[str]) -> dict[str, str]:
    """Values by short name. Raises: _Failure 87."""
    options: dict[str, str] = {}
    for word in words:
        name, _sep, value = word[1:].partition(":")
        short = _LONG_NAMES.get(name.lower(), name.lower())
        if short in _NOT_SIMULATED:
            raise _Failure(ERROR_INVALID_PARAMETER, f"option {name} is not simulated", is_violation=True)
        if short not in _QUERY_OPTIONS:
            raise _Failure(ERROR_INVALID_PARAMETER, f"Invalid option {name}. Option is not valid.")
        options[short] = value
    return options


def _checked(options: dict[str, str]) -> _Options:
    """Raises: _Failure 87."""
    chosen = options.get("f", "xml").lower()
    if chosen in ("text", "renderedxml"):
        raise _Failure(ERROR_INVALID_PARAMETER, f"format {chosen} is not simulated", is_violation=True)
    if chosen != "xml":
        raise _Failure(ERROR_INVALID_PARAMETER, "Invalid value for option f.")
    count = options.get("c")
    if count is not None and (not count.isascii() or not count.isdigit() or int(count) < 1):
        raise _Failure(ERROR_INVALID_PARAMETER, "Invalid value for property count.")
    return _Options(
        query=options.get("q", "*"),
        count=int(count) if count is not None else None,
        is_reversed=_flag(options, "rd"),
        element=options.get("e", ""),
        is_unicode=_flag(options, "uni"),
    )


def _flag(options: dict[str, str], name: str) -> bool:
    value = options.get(name, "false").lower()
    if value not in ("true", "false"):
        raise _Failure(ERROR_INVALID_PARAMETER, f"Invalid option {name}. Option is not Boolean.")
    return value == "true"
