# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""JSON that somebody else may have written: whatever is wrong with it is a ValueError. Pure."""

from __future__ import annotations

import json

# Nothing this collection writes is nested half as deep. Printing or walking what is deeper would exhaust the stack.
MAX_DEPTH = 32


def load_json(text: str | bytes) -> object:
    """The JSON value of a text. Raises: ValueError, also for nesting deeper than 32."""
    try:
        item: object = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"nested deeper than {MAX_DEPTH}") from error
    level: list[object] = [item]
    for _depth in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return item
    raise ValueError(f"nested deeper than {MAX_DEPTH}")


def _inside(item: object) -> list[object]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []
