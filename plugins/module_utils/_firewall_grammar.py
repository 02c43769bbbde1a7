# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The frame of a firewall rule string: a schema version and fields ``Key=Value|`` in the order they were written.

Invariants: `format_rule_text(parse_rule_text(text)) == text` for every text that parses; fields of any key, known or
not, keep their place, their case and their repetitions. What the fields mean is not decided here (_firewall_rule.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ._errors import RuleSyntaxError

_HEAD = re.compile(r"[vV]([0-9]{1,3})\.([0-9]{1,3})\|")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class RuleField:
    """One ``Key=Value|``. Keys compare without case (ABNF literals do; ``RMauth`` and ``RMAuth`` both occur)."""

    key: str
    value: str

    def is_key(self, key: str) -> bool:
        return self.key.lower() == key.lower()


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule string taken apart and no further. `head` is the version as written, such as ``v2.10``."""

    head: str
    fields: tuple[RuleField, ...]

    @property
    def version(self) -> tuple[int, int]:
        """The schema version; 2.10 is newer than 2.9 (0x020A and 0x0209)."""
        major, _sep, minor = self.head[1:].partition(".")
        return int(major), int(minor)

    def values(self, key: str) -> tuple[str, ...]:
        """All values of the key, in order; () when it is absent."""
        return tuple(field.value for field in self.fields if field.is_key(key))

    def offset_of(self, index: int) -> int:
        """Where field number `index` starts in the text."""
        return len(self.head) + 1 + sum(len(field.key) + len(field.value) + 2 for field in self.fields[:index])

    def with_values(self, key: str, values: Iterable[str]) -> RuleText:
        """The rule with these values for the key: at the place of its first field, or at the end when it has none."""
        new = [RuleField(key, value) for value in values]
        places = [index for index, field in enumerate(self.fields) if field.is_key(key)]
        if not places:
            return RuleText(self.head, (*self.fields, *new))
        others = [field for field in self.fields if not field.is_key(key)]
        return RuleText(self.head, (*others[: places[0]], *new, *others[places[0] :]))


def parse_rule_text(text: str) -> RuleText:
    """Return the fields of a rule string.

    Raises: RuleSyntaxError when it does not start with a version, a field has no key, or the last field is not closed.
    Source: MS-GPFAS 2.2.2.19 (``RULE = "v" VERSION "|" 1*FIELD``, ``FIELD = TYPE-VALUE "|"``).
    """
    head = _HEAD.match(text)
    if head is None:
        raise RuleSyntaxError(text, 0, min(len(text), 6), "a rule starts with its schema version, such as 'v2.10|'")
    offset = head.end()
    *parts, rest = text[offset:].split("|")
    if rest or not parts:
        raise RuleSyntaxError(text, len(text) - len(rest), len(rest), "every field of a rule ends with '|'")
    fields: list[RuleField] = []
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or not _KEY.match(key):
            raise RuleSyntaxError(text, offset, len(part), "a field of a rule is 'Key=Value|'")
        fields.append(RuleField(key, value))
        offset += len(part) + 1
    return RuleText(head.group()[:-1], tuple(fields))


def format_rule_text(rule: RuleText) -> str:
    """The rule string; inverse of `parse_rule_text`."""
    return rule.head + "|" + "".join(f"{field.key}={field.value}|" for field in rule.fields)
