# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of a command line by the rules of the Microsoft C runtime."""

from __future__ import annotations

import pytest

from simulator.programs.argv import split_arguments


@pytest.mark.parametrize(
    ("line", "words"),
    [
        # The table of "Parsing C++ command-line arguments" (Microsoft C++ documentation)
        (r'"abc" d e', ["abc", "d", "e"]),
        (r'a\\b d"e f"g h', [r"a\\b", "de fg", "h"]),
        (r"a\\\"b c d", [r"a\"b", "c", "d"]),
        (r'a\\\\"b c" d e', [r"a\\b c", "d", "e"]),
        (r'a"b"" c d', ['ab" c d']),
        # and what follows from its rules
        ("", []),
        ("  \t ", []),
        ('""', [""]),
        ('"" x', ["", "x"]),
        ('"open end', ["open end"]),
        (r'"C:\dir\\"', ["C:\\dir\\"]),
        (r'"C:\dir\" x', ['C:\\dir" x']),
        ("a\tb  c", ["a", "b", "c"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert split_arguments(line) == words
