# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripted trouble on the wire of one host: which message it strikes, and what happens to it.

A fault counts the messages it matches from the moment it is added: `at=3` strikes the third. A message is one
WS-Management envelope of an authenticated client; handshakes do not count. Faults are tried in the order they were
added, and one message suffers at most one.
"""

from __future__ import annotations

import enum
import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .front.dispatch import Message


class Effect(enum.Enum):
    """What a fault does. BEFORE: the request is lost. AFTER: it was carried out, the answer is lost."""

    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    DROP_MIDWAY = "drop_midway"  # carried out; the connection ends in the middle of the answer
    UNAUTHORIZED = "unauthorized"  # HTTP 401, not carried out
    TOO_LARGE = "too_large"  # HTTP 413, not carried out
    HTML = "html"  # HTTP 200 with a page of a proxy, not carried out
    TRUNCATED = "truncated"  # carried out; the XML of the answer stops halfway
    WRONG_RELATES_TO = "wrong_relates_to"  # carried out; the answer belongs to another request
    XML_BOMB = "xml_bomb"  # carried out; the answer is a document with nested entities
    SLOW = "slow"  # carried out; the answer comes `seconds` late
    FAULT = "fault"  # SOAP fault `code`, not carried out
    FAULT_AFTER = "fault_after"  # SOAP fault `code` although it was carried out
    CALL_BEFORE = "call_before"  # `callback`, then as usual
    CALL_AFTER = "call_after"  # carried out, then `callback`, then the answer is lost
    CALL_BETWEEN = "call_between"  # carried out, then `callback`, then the answer as if nothing had happened


_CALLING = (Effect.CALL_BEFORE, Effect.CALL_AFTER, Effect.CALL_BETWEEN)
TIMED_OUT = 2150858793
QUOTA = 2150859174


@dataclass(frozen=True, slots=True)
class ScriptedFault:
    """One fault. `operation` is a shell pattern over `Class.Method` (`StdRegProv.Set*`, `shell.Command`)."""

    effect: Effect
    at: int = 1
    times: int = 1
    operation: str = "*"
    when: Callable[[Message], bool] | None = None
    code: int = TIMED_OUT
    seconds: float = 0.0
    callback: Callable[[], None] | None = None

    def __post_init__(self) -> None:
        if self.at < 1 or self.times < 1:
            raise ValueError("a fault strikes at message 1 or later, at least once")
        if self.effect in _CALLING and self.callback is None:
            raise ValueError(f"{self.effect.value} needs a callback")

    def matches(self, message: Message) -> bool:
        if not fnmatch.fnmatchcase(message.operation.lower(), self.operation.lower()):
            return False
        return self.when is None or self.when(message)


def fault_from_json(data: Mapping[str, object]) -> ScriptedFault:
    """A fault from the control endpoint: `effect`, and optionally at, times, operation, code, seconds.

    Raises ValueError for an unknown key, effect or type.
    """
    types: dict[str, type | tuple[type, ...]] = {
        "effect": str, "at": int, "times": int, "operation": str, "code": int, "seconds": (int, float),
    }  # fmt: skip
    for key, value in data.items():
        if key not in types or not isinstance(value, types[key]) or isinstance(value, bool):
            raise ValueError(f"fault: {key}={value!r} is not understood; known are {', '.join(types)}")
    if "effect" not in data:
        raise ValueError("fault: effect is missing")
    rest = {key: value for key, value in data.items() if key != "effect"}
    return ScriptedFault(Effect(data["effect"]), **rest)  # type: ignore[arg-type]


@dataclass(slots=True)
class _Pending:
    fault: ScriptedFault
    seen: int = 0


@dataclass(slots=True)
class FaultScript:
    """The faults of one host. `struck` lists (message number, operation, effect) of what has happened."""

    struck: list[tuple[int, str, Effect]] = field(default_factory=list)
    _pending: list[_Pending] = field(default_factory=list)

    def add(self, fault: ScriptedFault) -> None:
        self._pending.append(_Pending(fault))

    def clear(self) -> None:
        self._pending.clear()
        self.struck.clear()

    @property
    def is_exhausted(self) -> bool:
        """Whether every fault has struck as often as it should."""
        return not self._pending

    def strike(self, message: Message) -> ScriptedFault | None:
        """The fault this message suffers, if any; every fault that matches counts the message."""
        chosen: _Pending | None = None
        for pending in self._pending:
            if pending.fault.matches(message):
                pending.seen += 1
                if chosen is None and pending.seen >= pending.fault.at:
                    chosen = pending
        if chosen is None:
            return None
        if chosen.seen >= chosen.fault.at + chosen.fault.times - 1:
            self._pending.remove(chosen)
        self.struck.append((message.number, message.operation, chosen.fault.effect))
        return chosen.fault
