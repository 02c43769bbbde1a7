# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open enumerations of one host: pages, contexts that change with every Pull, expiry.

An optimised first answer holds one item and a context as soon as there are two (seen on 2008 R2 and 2012), so that a
client must pull; later answers are cut at MaxElements and at about 76,000 characters, whichever comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .envelope import new_guid
from .fault_table import ENVELOPE_TOO_LARGE, INVALID_ENUMERATION_CONTEXT
from .limits import Limits
from .soap_fault import SoapFault

FIRST_PAGE_ITEMS = 1


@dataclass(slots=True)
class _Enumeration:
    owner: str
    resource_uri: str
    items: list[str]
    expires_at: float


@dataclass(frozen=True, slots=True)
class Page:
    """`context` is None when nothing is left."""

    items: tuple[str, ...]
    context: str | None


class Enumerations:
    """All open enumerations; `clock` gives seconds."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._open: dict[str, _Enumeration] = {}

    def open_by(self, owner: str) -> int:
        """How many enumerations this account has not finished nor released, expired ones left out."""
        self._expire()
        return sum(1 for item in self._open.values() if item.owner == owner)

    def start(self, owner: str, resource_uri: str, items: list[str]) -> str:
        """Register a new enumeration and return its first context."""
        return self._store(_Enumeration(owner, resource_uri.lower(), list(items), 0.0))

    def first_page(self, context: str, max_elements: int, max_characters: int) -> Page:
        """The items an optimised Enumerate answers with."""
        enumeration = self._open.pop(context)
        count = len(enumeration.items)
        wanted = max_elements if count <= 1 else min(max_elements, FIRST_PAGE_ITEMS)
        return self._page(enumeration, wanted, max_characters)

    def pull(self, owner: str, resource_uri: str, context: str, max_elements: int, max_characters: int) -> Page:
        """The next page. Raises SoapFault for an unknown, expired or foreign context."""
        return self._page(self._take(owner, resource_uri, context), max_elements, max_characters)

    def release(self, owner: str, resource_uri: str, context: str) -> None:
        """Forget an enumeration. Raises SoapFault for an unknown, expired or foreign context."""
        self._take(owner, resource_uri, context)

    def clear(self) -> None:
        self._open.clear()

    def _take(self, owner: str, resource_uri: str, context: str) -> _Enumeration:
        self._expire()
        enumeration = self._open.get(context)
        if enumeration is None or enumeration.owner != owner or enumeration.resource_uri != resource_uri.lower():
            raise SoapFault(INVALID_ENUMERATION_CONTEXT)
        return self._open.pop(context)

    def _page(self, enumeration: _Enumeration, max_elements: int, max_characters: int) -> Page:
        budget = min(max_characters, self._limits.reply_characters)
        taken: list[str] = []
        while enumeration.items and len(taken) < min(max_elements, self._limits.max_batch_items):
            if len(enumeration.items[0]) > max_characters:
                raise SoapFault(ENVELOPE_TOO_LARGE)
            if taken and len(enumeration.items[0]) > budget:
                break
            budget -= len(enumeration.items[0])
            taken.append(enumeration.items.pop(0))
        return Page(tuple(taken), self._store(enumeration) if enumeration.items else None)

    def _store(self, enumeration: _Enumeration) -> str:
        enumeration.expires_at = self._clock() + self._limits.enumeration_timeout_s
        context = f"uuid:{new_guid()}"
        self._open[context] = enumeration
        return context

    def _expire(self) -> None:
        now = self._clock()
        for context in [key for key, item in self._open.items() if item.expires_at <= now]:
            del self._open[context]
