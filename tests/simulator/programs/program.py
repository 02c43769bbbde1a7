# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cmd.exe hands to a console program, and what a program is: a function of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..cim import Caller, ProgramResult


@dataclass(frozen=True, slots=True)
class Invocation:
    """One start of a program.

    `command_line` is everything behind the program's name, raw; `arguments` are the same cut into words by the rules of
    the Microsoft C runtime, which nearly all programs use.
    """

    caller: Caller
    arguments: tuple[str, ...]
    command_line: str = ""
    stdin: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)


Program = Callable[[Invocation], ProgramResult]
