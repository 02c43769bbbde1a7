# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of XPath 1.0 that Windows Event Log knows, as far as it is simulated: a predicate over event records.

Grammar (tokens may be separated by blanks):

    query      = ("*" | "Event") ("[" or "]")*  |  path from System or EventData, as a condition
    or         = and ("or" and)*            and = comparison ("and" comparison)*
    comparison = operand (("=" | "!=" | "<" | "<=" | ">" | ">=") operand)?  |  "(" or ")"
    operand    = path | "timediff" "(" "@" name ")" | "band" "(" path "," number ")" | number | string
    path       = step ("/" step)*           step = (name | "*") ("[" or "]")* | "@" name

A name that no event has selects nothing and is no error. Texts that both are numbers or both are times are compared as
such, all others literally. No other functions.

Source: Microsoft "Consuming Events" (XPath 1.0 limitations, at most 20 expressions outside a structured query);
the error of a broken query and that wrong names give nothing were measured by others on Windows 11.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..subsystems.event_log import EventRecord
from .event_xml import system_time

MAX_EXPRESSIONS = 20
_TOKEN = re.compile(
    r"\s*(?:(?P<string>'[^']*'|\"[^\"]*\")|(?P<number>0x[0-9A-Fa-f]+|-?\d+(?:\.\d+)?)"
    r"|(?P<name>@?[A-Za-z_][\w.\-]*)|(?P<symbol>!=|<=|>=|[=<>()\[\],*/]))"
)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class QueryError(ValueError):
    """The query is not of the grammar; `position` is the offset Windows reports."""

    def __init__(self, position: int) -> None:
        super().__init__(f"syntax error at {position}")
        self.position = position


@dataclass(frozen=True, slots=True)
class Node:
    """An element of an event, as the query sees it."""

    name: str
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: tuple[Node, ...] = ()


Value = list[Node | str] | str | float | bool  # a node set, or a scalar
Expression = Callable[[Node, datetime], Value]


def parse_query(text: str) -> Callable[[EventRecord, datetime], bool]:
    """A predicate `(record, now)`. Raises: QueryError."""
    condition = _Parser(text).query()

    def selects(record: EventRecord, now: datetime) -> bool:
        return _truth(condition(_document(record), now))

    return selects


def _document(record: EventRecord) -> Node:
    """The event below an unnamed root."""
    event = record.event
    system = (
        Node("Provider", attributes=_provider_attributes(record)),
        Node("EventID", str(event.event_id)),
        Node("Level", str(event.level)),
        Node("Task", str(event.task)),
        Node("Opcode", str(event.opcode)),
        Node("Keywords", f"{event.keywords:#x}"),
        Node("TimeCreated", attributes={"SystemTime": system_time(record.time)}),
        Node("EventRecordID", str(record.record_id)),
        Node("Execution", attributes={"ProcessID": str(event.process_id), "ThreadID": str(event.thread_id)}),
        Node("Channel", record.channel),
        Node("Computer", record.computer),
        Node("Security", attributes={"UserID": event.user_sid} if event.user_sid else {}),
    )
    data = tuple(Node("Data", text, {"Name": name} if name else {}) for name, text in event.data)
    body = (Node("System", children=system), Node("EventData", children=data))
    return Node("", children=(Node("Event", children=body),))


def _provider_attributes(record: EventRecord) -> dict[str, str]:
    provider = record.event.provider
    named = {"Name": provider.name, "Guid": provider.guid, "EventSourceName": provider.event_source_name}
    return {name: text for name, text in named.items() if text}


class _Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        self._index = 0
        self._expressions = 0
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise QueryError(position)
            kind = match.lastgroup or ""
            self._tokens.append((kind, match[kind], match.start(kind)))
            position = match.end()

    def query(self) -> Expression:
        """A whole query: a path from the root. Windows also takes a path that starts below Event."""
        starts_at_event = self._peek() in (("symbol", "*"), ("name", "Event"))
        path = self._path()
        if self._index < len(self._tokens):
            raise QueryError(self._tokens[self._index][2])
        if starts_at_event:
            return path
        return lambda root, now: path(root.children[0], now)

    # -- tokens ---------------------------------------------------------------------------------------------------

    def _peek(self) -> tuple[str, str]:
        if self._index < len(self._tokens):
            kind, text, _unused = self._tokens[self._index]
            return kind, text
        return "", ""

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        if not token[0]:
            raise QueryError(len(self._text))
        self._index += 1
        return token

    def _expect(self, symbol: str) -> None:
        position = self._position()
        if self._next() != ("symbol", symbol):
            raise QueryError(position)

    def _position(self) -> int:
        return self._tokens[self._index][2] if self._index < len(self._tokens) else len(self._text)

    # -- grammar --------------------------------------------------------------------------------------------------

    def _or(self) -> Expression:
        return self._joined("or", self._and, any)

    def _and(self) -> Expression:
        return self._joined("and", self._comparison, all)

    def _joined(
        self, word: str, part: Callable[[], Expression], combine: Callable[[Sequence[bool]], bool]
    ) -> Expression:
        parts = [part()]
        while self._peek() == ("name", word):
            self._next()
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return lambda node, now: combine([_truth(item(node, now)) for item in parts])

    def _comparison(self) -> Expression:
        if self._peek() == ("symbol", "("):
            self._next()
            inner = self._or()
            self._expect(")")
            return inner
        self._expressions += 1
        if self._expressions > MAX_EXPRESSIONS:
            raise QueryError(self._position())
        left = self._operand()
        kind, symbol = self._peek()
        if kind != "symbol" or symbol not in _COMPARISONS:
            return left
        self._next()
        right = self._operand()
        return lambda node, now: _compare(symbol, left(node, now), right(node, now))

    def _operand(self) -> Expression:
        kind, text = self._peek()
        if kind == "string":
            self._next()
            return lambda node, now: text[1:-1]
        if kind == "number":
            self._next()
            number = float(int(text, 16)) if text.startswith("0x") else float(text)
            return lambda node, now: number
        if kind == "name" and self._index + 1 < len(self._tokens) and self._tokens[self._index + 1][1] == "(":
            return self._function()
        return self._path()

    def _function(self) -> Expression:
        position = self._position()
        _unused, name = self._next()
        self._expect("(")
        argument = self._path()
        if name == "timediff":
            self._expect(")")
            return lambda node, now: _milliseconds_since(argument(node, now), now)
        if name != "band":
            raise QueryError(position)
        self._expect(",")
        mask = self._operand()
        self._expect(")")
        return lambda node, now: bool(_number(argument(node, now)) & _number(mask(node, now)))

    def _path(self) -> Expression:
        steps = [self._step()]
        while self._peek() == ("symbol", "/"):
            self._next()
            steps.append(self._step())

        def select(node: Node, now: datetime) -> Value:
            found: list[Node | str] = [node]
            for step in steps:
                found = [item for parent in found if isinstance(parent, Node) for item in step(parent, now)]
            return found

        return select

    def _step(self) -> Callable[[Node, datetime], list[Node | str]]:
        position = self._position()
        kind, name = self._next()
        if kind == "name" and name.startswith("@"):
            return lambda node, now: [node.attributes[name[1:]]] if name[1:] in node.attributes else []
        if kind != "name" and (kind, name) != ("symbol", "*"):
            raise QueryError(position)
        conditions: list[Expression] = []
        while self._peek() == ("symbol", "["):
            self._next()
            conditions.append(self._or())
            self._expect("]")

        def step(node: Node, now: datetime) -> list[Node | str]:
            named = (child for child in node.children if name in ("*", child.name))
            return [child for child in named if all(_truth(test(child, now)) for test in conditions)]

        return step


def _truth(value: Value) -> bool:
    return bool(value)


def _texts(value: Value) -> list[str | float]:
    if isinstance(value, list):
        return [item.text if isinstance(item, Node) else item for item in value]
    return [value]


def _compare(symbol: str, left: Value, right: Value) -> bool:
    """True if any pair compares so, as XPath 1.0 compares node sets."""
    return any(_compare_pair(symbol, one, other) for one in _texts(left) for other in _texts(right))


def _compare_pair(symbol: str, left: str | float, right: str | float) -> bool:
    for convert in (_as_number, _as_time):
        one, other = convert(left), convert(right)
        if one is not None and other is not None:
            return _COMPARISONS[symbol](one, other)
    return _COMPARISONS[symbol](str(left), str(right))


def _as_number(value: str | float) -> float | None:
    if isinstance(value, float):
        return value
    if re.fullmatch(r"0x[0-9A-Fa-f]+", str(value)):
        return float(int(str(value), 16))
    return float(value) if re.fullmatch(r"-?\d+(\.\d+)?", str(value)) else None


def _as_time(value: str | float) -> datetime | None:
    match = _TIME.fullmatch(str(value))
    if match is None:
        return None
    moment = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    return moment.replace(microsecond=int((match[2] or "0").ljust(6, "0")[:6]))


def _milliseconds_since(value: Value, now: datetime) -> Value:
    times = [moment for text in _texts(value) if (moment := _as_time(text)) is not None]
    return (now - times[0]).total_seconds() * 1000 if times else []


def _number(value: Value) -> int:
    numbers = [number for text in _texts(value) if (number := _as_number(text)) is not None]
    return int(numbers[0]) if numbers else 0
