# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""HTML, SVG and XML from Python, so that nothing a host said can ever become markup. Pure.

Every text and every attribute value is escaped here and nowhere else; `Markup` is the only thing that is not. Elements
are written so that the same page is well-formed XML and valid HTML. Characters that XML forbids, that a terminal obeys
or that reorder a line become escapes such as ``\\x1b``, which are still seen. Source: XML 1.0 fifth edition, 2.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import TypeAlias

from ._event_xml import shown

MAX_TEXT = 600
# Elements without content, which HTML wants without an end tag.
_VOID = frozenset({"meta", "link", "br", "hr", "input", "col"})
# `shown` leaves these two alone, and XML forbids them.
_FORBIDDEN = re.compile("[\ufffe\uffff]")


class Markup(str):
    """A text that is markup already. Made by `element`, `join` and `constant` only."""

    __slots__ = ()


Child: TypeAlias = "Markup | str | int | Iterable[Child] | None"


def text(value: object, limit: int = MAX_TEXT) -> Markup:
    """A text as content, cut to `limit` characters."""
    return Markup(escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", shown(str(value), limit)), quote=False))


def element(name: str, attributes: Mapping[str, object] | None = None, *children: Child) -> Markup:
    """One element. An attribute that is None or False is left out, one that is True stands for itself."""
    start = f"<{name}{_attributes(attributes or {})}"
    if name in _VOID:
        return Markup(f"{start}/>")
    return Markup(f"{start}>{join(children)}</{name}>")


def _attributes(attributes: Mapping[str, object]) -> str:
    parts = []
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        plain = name if value is True else _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", shown(str(value), MAX_TEXT))
        parts.append(f' {name}="{escape(plain, quote=True)}"')
    return "".join(parts)


def join(children: Iterable[Child]) -> Markup:
    """Children one after the other; texts are escaped."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, (str, int)):
            parts.append(text(child))
        else:
            parts.append(join(child))
    return Markup("".join(parts))


def constant(markup: str) -> Markup:
    """Markup that is written in this collection. Never pass anything that was read."""
    return Markup(markup)
