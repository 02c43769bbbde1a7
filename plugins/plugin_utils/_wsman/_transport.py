# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What the client needs of a connection; the adapters for Ansible's connection plugins implement it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ._replies import Reply


class Transport(Protocol):
    """Carries one message and its answer at a time."""

    @property
    def url(self) -> str:
        """Where the messages go."""

    @property
    def verifies_peer(self) -> bool:
        """False where https is used and any certificate is taken."""

    def send(self, message: bytes) -> Reply:
        """Every HTTP answer with a status is a Reply.

        Raises only WsmanError: a HostUnreachable where nothing came back, ConnectionDropped where a connection was
        there and broke.
        """

    def reset(self) -> None:
        """Let the next `send` start on a new connection with a new authentication."""

    def close(self) -> None:
        """As `reset`, and meant to be the last call."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """SOAP messages sent, and bytes of requests and answers before encryption. HTTP authentication is not in it."""

    messages: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0

    def __sub__(self, earlier: Statistics) -> Statistics:
        return Statistics(
            self.messages - earlier.messages,
            self.bytes_sent - earlier.bytes_sent,
            self.bytes_received - earlier.bytes_received,
        )
