# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh's second parser: from arguments (already split by the C run-time) to tags and values.

netsh cannot see quotes any more, so `name="a b"` and `"name=a b"` are the same argument, and `description=""` is the
same as `description=` followed by a blank: the next argument becomes the value. Blanks around `=` are allowed
(`name= "x"`, `enable =yes`, `enable = yes`), keywords are compared without case. An argument without `=` stands for
the command's first tag (`show rule all`).

Source: command lines that people published and that work; no Microsoft page describes this parser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .netsh_texts import Text

_OPEN_TAG = re.compile(r"[A-Za-z]+=")


class NetshError(Exception):
    """netsh refuses a command: the message and its values."""

    def __init__(self, text: Text, *values: str) -> None:
        super().__init__(f"{text.name}{values}")
        self.text = text
        self.values = values


@dataclass(frozen=True, slots=True)
class Arguments:
    """Values by tag (lower case), in the order given; `flags` are words without a value (`verbose`, `new`)."""

    values: dict[str, str]
    flags: frozenset[str] = frozenset()

    def get(self, tag: str) -> str | None:
        return self.values.get(tag)


def join_tags(tokens: Sequence[str]) -> list[str]:
    """Bring `tag =value`, `tag= value` and `tag = value` into the form `tag=value`."""
    joined: list[str] = []
    for token in tokens:
        waits = bool(joined) and _OPEN_TAG.fullmatch(joined[-1]) is not None
        if waits or (token.startswith("=") and joined and joined[-1].isalpha()):
            joined[-1] += token
        else:
            joined.append(token)
    return joined


def parse_tags(tokens: Sequence[str], tags: Sequence[str], flags: Sequence[str] = ()) -> Arguments:
    """Values by tag. The first of `tags` may be given without its name, as first argument.

    Raises: NetshError BAD_TAG for a tag the command does not know, INVALID_VALUE for a tag given twice or left empty.
    """
    values: dict[str, str] = {}
    found: set[str] = set()
    for index, token in enumerate(tokens):
        tag, equals, value = token.partition("=")
        folded = tag.lower()
        if not equals and folded in flags:
            found.add(folded)
            continue
        if index == 0 and not equals and tags:
            folded, value = tags[0], token
        elif not equals or folded not in tags:
            raise NetshError(Text.BAD_TAG, tag)
        if folded in values or not value:
            raise NetshError(Text.INVALID_VALUE)
        values[folded] = value
    return Arguments(values, frozenset(found))


def require(arguments: Arguments, *tags: str) -> None:
    """Raises: NetshError MISSING unless all these tags were given."""
    if any(tag not in arguments.values for tag in tags):
        raise NetshError(Text.MISSING)
