# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How `cmd.exe /c` reads a command line: quote stripping, %variables%, carets, operators, redirections. No effects.

Source: `cmd /?` (quote rule of /c, delayed expansion off), the published reconstruction of cmd's parsing phases
(variables first, in command-line mode: unknown ones stay; then quotes, carets and operators in one pass). Not modelled
and refused by `UnsupportedSyntaxError`: parentheses, pipes, %var:modifiers%.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

MAX_LINE = 8191  # characters (Microsoft: "Command prompt line string limitation")

_SPECIAL = set("&<>()@^|")
_VARIABLE = re.compile(r"%([^%]+)%")


class CommandSyntaxError(Exception):
    """cmd.exe refuses the line. `token` is the operator it did not expect."""

    def __init__(self, token: str) -> None:
        super().__init__(f"unexpected {token!r}")
        self.token = token


class UnsupportedSyntaxError(Exception):
    """cmd.exe would understand this line, the simulation does not."""


@dataclass(frozen=True, slots=True)
class Redirection:
    """`handle` 0, 1 or 2; `target` is a file name, or `&1` / `&2`."""

    handle: int
    operator: str
    target: str


@dataclass(slots=True)
class Command:
    """One simple command: its text with carets removed, and the operator that joins it to the one before."""

    joined_by: str = ""
    text: str = ""
    redirections: list[Redirection] = field(default_factory=list)


def strip_outer_quotes(line: str, is_program: Callable[[str], bool]) -> str:
    """The line that /c really executes: the first and the last quote go unless all conditions of `cmd /?` keep them."""
    text = line.lstrip()
    if not text.startswith('"'):
        return line
    inside = text[1:].partition('"')[0]
    is_plain = text.count('"') == 2 and not _SPECIAL & set(inside) and " " in inside
    if is_plain and is_program(inside):
        return line
    rest = text[1:]
    last = rest.rfind('"')
    return rest if last < 0 else rest[:last] + rest[last + 1 :]


def expand_variables(line: str, environment: Mapping[str, str]) -> str:
    """Replace %name%; unknown names stay as written. Raises: UnsupportedSyntaxError for %name:modifier%."""
    folded = {name.upper(): value for name, value in environment.items()}

    def value_of(found: re.Match[str]) -> str:
        name, colon, _sep = found[1].partition(":")
        if colon and name.upper() in folded:
            raise UnsupportedSyntaxError(f"variable modifier in {found[0]}")
        return folded.get(found[1].upper(), found[0])

    return _VARIABLE.sub(value_of, line)


def parse_commands(line: str) -> list[Command]:
    """Cut a line into simple commands. Raises: CommandSyntaxError, UnsupportedSyntaxError."""
    return _Parser(line).parse()


class _Parser:
    def __init__(self, line: str) -> None:
        self._line = line
        self._position = 0
        self._commands = [Command()]

    def parse(self) -> list[Command]:
        is_quoted = False
        while self._position < len(self._line):
            char = self._line[self._position]
            if char == "\n":
                break  # the rest of a multi-line text is never executed
            if char == '"':
                is_quoted = not is_quoted
            if is_quoted or char not in "&|<>^()":
                self._commands[-1].text += char
                self._position += 1
            elif char == "^":
                self._caret()
            elif char in "&|":
                self._operator(char)
            elif char in "<>":
                self._redirection(char)
            else:
                self._parenthesis(char)
        return self._finished()

    def _caret(self) -> None:
        self._commands[-1].text += self._line[self._position + 1 : self._position + 2]
        self._position += 2

    def _operator(self, char: str) -> None:
        is_double = self._line[self._position + 1 : self._position + 2] == char
        operator = char * (2 if is_double else 1)
        self._position += len(operator)
        if self._is_empty(self._commands[-1]):
            raise CommandSyntaxError(operator)
        if operator == "|":
            raise UnsupportedSyntaxError("a pipe")
        self._commands.append(Command(operator))

    def _parenthesis(self, char: str) -> None:
        if not self._commands[-1].text.strip():
            if char == "(":
                raise UnsupportedSyntaxError("a block in parentheses")
            raise CommandSyntaxError(char)
        self._commands[-1].text += char
        self._position += 1

    def _redirection(self, char: str) -> None:
        command = self._commands[-1]
        handle = 0 if char == "<" else 1
        text = command.text
        if text[-1:].isdigit() and (len(text) == 1 or text[-2] in ' \t,;="'):
            handle = int(text[-1])
            command.text = text[:-1]
        self._position += 1
        operator = char
        if char == ">" and self._line[self._position : self._position + 1] == ">":
            operator = ">>"
            self._position += 1
        command.redirections.append(Redirection(handle, operator, self._target()))

    def _target(self) -> str:
        rest = self._line[self._position :]
        blanks = len(rest) - len(rest.lstrip(" \t"))
        rest = rest[blanks:]
        found = re.match(r'&[0-9]|(?:"[^"]*"|[^\s"&|<>()])+', rest)
        if found is None:
            raise CommandSyntaxError(rest[:1])
        self._position += blanks + found.end()
        return found[0].replace('"', "")

    def _finished(self) -> list[Command]:
        if self._is_empty(self._commands[-1]):
            if self._commands[-1].joined_by in ("&&", "||"):
                raise CommandSyntaxError(self._commands[-1].joined_by)
            self._commands.pop()  # a trailing & is allowed
        return self._commands

    @staticmethod
    def _is_empty(command: Command) -> bool:
        return not command.text.strip() and not command.redirections
