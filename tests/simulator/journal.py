# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed on a simulated host, and what it was asked that it does not know.

Every successful change of any subsystem appends one `JournalRecord`: a test proves "no write" by an empty list, and a
reader can reconstruct the state at any moment. A `Violation` is a request the simulator cannot answer as Windows
would: it is refused *and* recorded, so that a test can fail on it even when the caller swallowed the error.
Neither list ever holds a password.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One change. `before` and `after` are values of the subsystem (None = absent); `caller` is an account name."""

    time: datetime
    subsystem: str
    action: str
    target: tuple[str, ...]
    before: object
    after: object
    caller: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A request that no part of the simulation knows. `source` names the part that refused it."""

    time: datetime
    source: str
    message: str


HOST_ITSELF = "(host)"


class Journal:
    """Append-only lists of changes and violations; `now` is the host's clock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.records: list[JournalRecord] = []
        self.violations: list[Violation] = []

    def change(
        self,
        subsystem: str,
        action: str,
        target: tuple[str, ...],
        *,
        before: object,
        after: object,
        caller: str = HOST_ITSELF,
    ) -> None:
        self.records.append(JournalRecord(self._now(), subsystem, action, target, before, after, caller))

    def violation(self, source: str, message: str) -> None:
        self.violations.append(Violation(self._now(), source, message))

    def changes_by_callers(self) -> list[JournalRecord]:
        """Changes asked for from outside, without what the host did on its own account (boot, installation)."""
        return [record for record in self.records if record.caller != HOST_ITSELF]
