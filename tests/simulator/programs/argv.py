# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a program of the Microsoft C runtime cuts its command line into words.

Source: Microsoft C++ documentation, "main function and command-line arguments", section "Parsing C++ command-line
arguments" (rules since the 2008 runtime: a doubled quote inside quotes is a quote and the quoted part goes on).
"""

from __future__ import annotations

_BLANKS = " \t"


def split_arguments(command_line: str) -> list[str]:
    """The arguments of a command line without the program's name in front."""
    words: list[str] = []
    position = 0
    while True:
        while position < len(command_line) and command_line[position] in _BLANKS:
            position += 1
        if position == len(command_line):
            return words
        word, position = _word(command_line, position)
        words.append(word)


def _word(text: str, position: int) -> tuple[str, int]:
    """One word from a position that is no blank, and where it ends."""
    word: list[str] = []
    is_quoted = False
    while position < len(text) and (is_quoted or text[position] not in _BLANKS):
        if text[position] == "\\":
            backslashes = _run_length(text, position)
            position += backslashes
            if text[position : position + 1] != '"':
                word.append("\\" * backslashes)
                continue
            word.append("\\" * (backslashes // 2))
            if backslashes % 2:
                word.append('"')
                position += 1
        elif text[position] == '"':
            if is_quoted and text[position + 1 : position + 2] == '"':
                word.append('"')
                position += 1
            else:
                is_quoted = not is_quoted
            position += 1
        else:
            word.append(text[position])
            position += 1
    return "".join(word), position


def _run_length(text: str, position: int) -> int:
    end = position
    while end < len(text) and text[end] == "\\":
        end += 1
    return end - position
