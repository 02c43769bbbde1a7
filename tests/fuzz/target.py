# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a target is, and what counts as a finding. Nothing here needs a fuzzer: unit tests replay the corpus with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import OpcDcomError

# Processor seconds for one input, instrumented or not.
MAX_SECONDS = 2.0
# Characters in a line of a message of ours: what a host sent must not come back whole in every error.
MAX_MESSAGE = 8192


class Finding(Exception):
    """An input does what it must not do, other than raising."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parser with the invariants of its result.

    `refusals` are the exceptions that its docstring allows, () for one that never fails. Inputs have at most `max_len`
    bytes.
    """

    read: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    seeds: Iterable[bytes]
    max_len: int = 4096


def check(target: Target, data: bytes, max_seconds: float = MAX_SECONDS) -> bool:
    """Read one input; returns whether it was taken. Raises: whatever is a finding."""
    started = time.thread_time()
    is_taken = True
    try:
        target.read(data)
    except target.refusals as error:
        is_taken = False
        longest = max(map(len, str(error).split("\n")))
        if isinstance(error, OpcDcomError) and longest > MAX_MESSAGE:
            raise Finding(f"a line of {longest} characters in the message for {len(data)} bytes") from None
    seconds = time.thread_time() - started
    if seconds > max_seconds:
        raise Finding(f"{seconds:.1f} s for {len(data)} bytes")
    return is_taken


def same(what: str, first: object, second: object) -> None:
    """An invariant. Raises: Finding."""
    if first != second:
        raise Finding(f"{what}: {str(first)[:500]} is not {str(second)[:500]}")


def text(data: bytes) -> str:
    """UTF-8, with lone surrogates for what is none: the worst text that a caller can hand over."""
    return data.decode("utf-8", "surrogateescape")
