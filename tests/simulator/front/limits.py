# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotas of the WinRM service as shipped, by version of its protocol stack.

Source: MS-WSMV 2.2.4.10 and the product notes it cites; the reply cut at about 76,000 characters was measured on
2008 R2 and 2012, nothing newer is known. In the wild MaxShellsPerUser of 25 and 30 are both reported.
"""

from __future__ import annotations

from dataclasses import dataclass

MIN_ENVELOPE_BYTES = 8192
MAX_MESSAGE_ID_BYTES = 2048


@dataclass(frozen=True, slots=True)
class Limits:
    """What one host allows one user. Sizes in bytes unless the name says characters, times in seconds."""

    max_envelope_bytes: int
    max_operations_per_user: int
    enumeration_timeout_s: float
    shell_idle_timeout_s: float
    max_batch_items: int = 32000
    max_timeout_s: float = 60.0
    max_shells_per_user: int = 30
    max_processes_per_shell: int = 25
    reply_characters: int = 76_000


_BY_STACK = {
    "2.0": Limits(150 * 1024, 15, 60.0, 180.0),
    "3.0": Limits(500 * 1024, 1500, 240.0, 7200.0),
}


def limits_of(stack_version: str) -> Limits:
    """The quotas of stack 2.0 (7, 2008 R2) or 3.0 (8, 2012 and later). Raises KeyError for any other."""
    return _BY_STACK[stack_version]
