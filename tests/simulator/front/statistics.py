# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What went over the wire to one host, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Statistics:
    """Counters since the start or the last reset. `posts` counts HTTP requests, `messages` WS-Management envelopes."""

    posts: int = 0
    messages: int = 0
    connections: int = 0
    authentication_round_trips: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0
    shells_opened: int = 0
    faults_sent: int = 0
    operations: Counter[str] = field(default_factory=Counter)
    command_lines: list[str] = field(default_factory=list)

    def count_bytes(self, received: int, sent: int) -> None:
        self.bytes_received += received
        self.bytes_sent += sent

    def reset(self) -> None:
        """Back to zero, in place: the parts of a host share this object."""
        fresh = Statistics()
        for item in fields(self):
            setattr(self, item.name, getattr(fresh, item.name))

    def as_dict(self) -> dict[str, object]:
        return {
            item.name: dict(self.operations) if item.name == "operations" else getattr(self, item.name)
            for item in fields(self)
        }
