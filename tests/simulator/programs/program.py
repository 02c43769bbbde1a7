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

    `arguments` are its words by the rules of the Microsoft C runtime, which nearly all programs use; `command_line` is
    the same uncut; `program` is the path of the file that was found.
    """

    caller: Caller
    arguments: tuple[str, ...]
    command_line: str = ""
    stdin: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    program: str = ""


Program = Callable[[Invocation], ProgramResult]
