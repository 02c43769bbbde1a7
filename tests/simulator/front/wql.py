# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of WQL that `SELECT` over WS-Management uses: one class, a property list or *, one condition.

Grammar:  SELECT (* | name {, name}) FROM name [WHERE condition]
          condition := term {OR term};  term := factor {AND factor};  factor := [NOT] (( condition ) | comparison)
          comparison := name (= | <> | != | < | > | <= | >= | LIKE) literal  |  name IS [NOT] NULL  |  literal op name
Not here: ASSOCIATORS OF, REFERENCES OF, ISA, event queries, functions, GROUP BY. Windows knows some of them: a query
that uses one is refused and recorded, never guessed at.

Strings compare without regard to case. A NULL property satisfies no comparison, nor the NOT of one (WMI's three values
are unverified: this follows SQL). Source: MS-WMI 2.2.1 (WQL), Win32 "WQL (SQL for WMI)".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from ..cim import CimClass, CimProperty, CimReference, CimType
from .encoding import is_integer

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")
      | (?P<number>[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<symbol><>|<=|>=|!=|[=<>(),*])
    )""",
    re.VERBOSE,
)
_DMTF_DATETIME = re.compile(r"(\d{14})\.(\d{6})([+-])(\d{3})")
_PATH_KEY = re.compile(r"""\s*([A-Za-z_]\w*)\s*=\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([\w.+-]+))\s*(,|$)""")
_OBJECT_PATH = re.compile(r"(?:\\\\[^\\]+\\[^:]+:)?([A-Za-z_]\w*)\.(.+)", re.DOTALL)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


class WqlError(Exception):
    """The query is not WQL, or not of the part that is simulated."""


Row = Mapping[str, Any]
Literal = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`name operator literal`; operator LIKE and IS included. Names are as written."""

    name: str
    operator: str
    literal: Literal


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """AND (`is_and`) or OR of its parts."""

    is_and: bool
    parts: tuple[Condition, ...]


Condition = Comparison | Not | Junction


@dataclass(frozen=True, slots=True)
class Query:
    """`properties` is None for *."""

    class_name: str
    properties: tuple[str, ...] | None
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def parse_query(text: str) -> Query:
    """Parse a SELECT. Raises WqlError."""
    parser = _Parser(_tokenize(text))
    query = parser.query()
    parser.end()
    return query


def _tokenize(text: str) -> list[_Token]:
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise WqlError(f"cannot read {text[position : position + 20]!r}")
        tokens.append(_Token(match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def query(self) -> Query:
        self._keyword("SELECT")
        properties = self._property_list()
        self._keyword("FROM")
        class_name = self._name()
        condition = self._condition() if self._accept("WHERE") else None
        return Query(class_name, properties, condition)

    def end(self) -> None:
        if self._position < len(self._tokens):
            raise WqlError(f"unexpected {self._tokens[self._position].text!r}")

    def _property_list(self) -> tuple[str, ...] | None:
        if self._accept("*"):
            return None
        names = [self._name()]
        while self._accept(","):
            names.append(self._name())
        return tuple(names)

    def _condition(self) -> Condition:
        parts = [self._term()]
        while self._accept("OR"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else Junction(False, tuple(parts))

    def _term(self) -> Condition:
        parts = [self._factor()]
        while self._accept("AND"):
            parts.append(self._factor())
        return parts[0] if len(parts) == 1 else Junction(True, tuple(parts))

    def _factor(self) -> Condition:
        if self._accept("NOT"):
            return Not(self._factor())
        if self._accept("("):
            inner = self._condition()
            self._keyword(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        token = self._peek()
        if token.kind != "name" or token.text.upper() in ("TRUE", "FALSE", "NULL"):
            literal = self._literal()
            symbol = self._operator()
            return Comparison(self._name(), _MIRRORED.get(symbol, symbol), literal)
        name = self._name()
        if self._accept("IS"):
            negated = self._accept("NOT")
            self._keyword("NULL")
            return Comparison(name, "IS NOT" if negated else "IS", None)
        if self._accept("LIKE"):
            literal = self._literal()
            if not isinstance(literal, str):
                raise WqlError("LIKE needs a string")
            return Comparison(name, "LIKE", literal)
        return Comparison(name, self._operator(), self._literal())

    def _operator(self) -> str:
        symbol = self._next().text
        if symbol not in _OPERATORS:
            raise WqlError(f"{symbol!r} is no operator of the simulated part of WQL")
        return symbol

    def _literal(self) -> Literal:
        token = self._next()
        if token.kind == "string":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
        if token.kind == "number":
            return _number(token.text)
        word = token.text.upper()
        if word in ("TRUE", "FALSE"):
            return word == "TRUE"
        if word == "NULL":
            return None
        raise WqlError(f"{token.text!r} is no literal")

    def _name(self) -> str:
        token = self._next()
        if token.kind != "name":
            raise WqlError(f"expected a name, found {token.text!r}")
        return token.text

    def _keyword(self, word: str) -> None:
        if not self._accept(word):
            found = self._tokens[self._position].text if self._position < len(self._tokens) else "the end"
            raise WqlError(f"expected {word}, found {found!r}")

    def _accept(self, word: str) -> bool:
        if self._position == len(self._tokens):
            return False
        token = self._tokens[self._position]
        found = token.kind != "string" and token.text.upper() == word
        self._position += found
        return found

    def _peek(self) -> _Token:
        if self._position >= len(self._tokens):
            raise WqlError("the query ends too early")
        return self._tokens[self._position]

    def _next(self) -> _Token:
        token = self._peek()
        self._position += 1
        return token


def _number(text: str) -> int | float:
    if "x" in text.lower():
        return int(text, 16)
    return float(text) if "." in text else int(text)


Predicate = Callable[[Row], "bool | None"]


def compile_condition(condition: Condition | None, cim_class: CimClass) -> Predicate:
    """A function that says whether a row satisfies the condition: True, False, or None where NULL decides.

    Raises WqlError for an unknown property and for a literal the property's type cannot be compared with.
    """
    if condition is None:
        return lambda row: True
    if isinstance(condition, Comparison):
        return _compile_comparison(condition, cim_class)
    if isinstance(condition, Not):
        inner = compile_condition(condition.part, cim_class)
        return lambda row: None if (value := inner(row)) is None else not value
    parts = [compile_condition(part, cim_class) for part in condition.parts]
    decisive = not condition.is_and  # one False decides an AND, one True decides an OR

    def junction(row: Row) -> bool | None:
        values = [part(row) for part in parts]
        if decisive in values:
            return decisive
        return None if None in values else not decisive

    return junction


def _compile_comparison(comparison: Comparison, cim_class: CimClass) -> Predicate:
    item = cim_class.find_property(comparison.name)
    if item is None:
        raise WqlError(f"{cim_class.name} has no property {comparison.name}")
    if comparison.literal is None:
        if comparison.operator not in ("IS", "IS NOT", "=", "<>", "!="):
            raise WqlError(f"NULL cannot be compared with {comparison.operator}")
        wants_null = comparison.operator in ("IS", "=")
        return lambda row: (row[item.name] is None) == wants_null
    if item.is_array:
        raise WqlError(f"the array {item.name} cannot be compared")
    if comparison.operator == "LIKE":
        return _compile_like(item, str(comparison.literal))
    compare = _OPERATORS[comparison.operator]
    expected = _comparable(item, comparison.literal)

    def predicate(row: Row) -> bool | None:
        value = row[item.name]
        return None if value is None else compare(_normal(value), expected)

    return predicate


def _normal(value: Any) -> Any:
    """The form in which a property value is compared."""
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, CimReference):
        keys = frozenset((name.lower(), key.casefold()) for name, key in value.keys.items())
        return (value.class_name.lower(), keys)
    return value


def _comparable(item: CimProperty, literal: Literal) -> Any:
    """The literal in the form of the property's values. Raises WqlError where WMI answers with a type mismatch."""
    if item.type is CimType.STRING and isinstance(literal, str):
        return literal.casefold()
    if is_integer(item.type) and not isinstance(literal, bool):
        return _as_number(item, literal)
    if item.type is CimType.BOOLEAN:
        return _as_boolean(item, literal)
    if item.type is CimType.DATETIME and isinstance(literal, str):
        return _parse_dmtf_datetime(literal)
    if item.type is CimType.REFERENCE and isinstance(literal, str):
        return _normal(parse_object_path(literal))
    raise WqlError(f"{item.name} is {item.type.value} and cannot be compared with {literal!r}")


def _as_number(item: CimProperty, literal: Literal) -> int | float:
    if isinstance(literal, str):
        try:
            return _number(literal)
        except ValueError as error:
            raise WqlError(f"{item.name} is {item.type.value}, not {literal!r}") from error
    assert isinstance(literal, (int, float))
    return literal


def _as_boolean(item: CimProperty, literal: Literal) -> bool:
    if isinstance(literal, bool):
        return literal
    if literal in (0, 1) or (isinstance(literal, str) and literal.upper() in ("TRUE", "FALSE")):
        return literal == 1 or (isinstance(literal, str) and literal.upper() == "TRUE")
    raise WqlError(f"{item.name} is boolean, not {literal!r}")


def _parse_dmtf_datetime(text: str) -> datetime:
    match = _DMTF_DATETIME.fullmatch(text)
    if match is None:
        raise WqlError(f"{text!r} is no DMTF date and time")
    offset = timedelta(minutes=int(match.group(4))) * (-1 if match.group(3) == "-" else 1)
    try:
        local = datetime.strptime(match.group(1), "%Y%m%d%H%M%S").replace(microsecond=int(match.group(2)))
    except ValueError as error:
        raise WqlError(f"{text!r} is no date and time") from error
    return (local - offset).replace(tzinfo=timezone.utc)


def parse_object_path(text: str) -> CimReference:
    r"""`[\\host\ns:]Class.Key="value",...`; host and namespace are not compared. Raises WqlError."""
    path = _OBJECT_PATH.fullmatch(text)
    if path is None:
        raise WqlError(f"{text!r} is no object path")
    values, position, keys = {}, 0, path.group(2)
    while position < len(keys):
        match = _PATH_KEY.match(keys, position)
        if match is None:
            raise WqlError(f"{text!r} is no object path")
        raw = next(group for group in match.group(2, 3, 4) if group is not None)
        values[match.group(1)] = re.sub(r"\\(.)", r"\1", raw)
        position = match.end()
    return CimReference(path.group(1), values)


def _compile_like(item: CimProperty, pattern: str) -> Predicate:
    if item.type is not CimType.STRING:
        raise WqlError(f"LIKE needs a string property, {item.name} is {item.type.value}")
    expression = re.compile(_like_to_regex(pattern), re.IGNORECASE | re.DOTALL)

    def predicate(row: Row) -> bool | None:
        value = row[item.name]
        return None if value is None else expression.fullmatch(value) is not None

    return predicate


def _like_to_regex(pattern: str) -> str:
    """`%` any string, `_` one character, `[abc]`, `[a-z]`, `[^a]` one of (or none of) a set."""
    parts, position = [], 0
    while position < len(pattern):
        char = pattern[position]
        end = pattern.find("]", position + 1) if char == "[" else -1
        if end > position + 1:
            members = pattern[position + 1 : end]
            negated = "^" if members[0] in "^!" else ""
            members = re.sub(r"([\\\]\[^])", r"\\\1", members[1:] if negated else members)
            parts.append(f"[{negated}{members}]")
            position = end + 1
            continue
        parts.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
        position += 1
    return "".join(parts)
