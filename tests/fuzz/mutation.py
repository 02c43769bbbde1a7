# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutations of inputs, for where no fuzzer is installed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

# What parsers trip over: NUL, an overlong form, half a surrogate pair, digits of other scripts, limits of numbers.
INTERESTING = (
    b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", "\u0663".encode(), "\u00b2".encode(), b"\r\n", b"\xff\xfe",
    b"-1", b"0", b"00", b"4294967296", b"18446744073709551616", b"9" * 400, b"0x", b"1e999", b" ", b'"', b"\\", b"|",
    b"<", b"&#0;", b"[" * 40, b"(", b"%", b"\xe2\x80\xae",
)  # fmt: skip


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """One to four changes."""
    for _unused in range(rng.randint(1, 4)):
        data = rng.choice(_CHANGES)(rng, data, others)
    return data


def _flip(rng: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _insert(rng: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + rng.choice(INTERESTING) + data[at:]


def _overwrite(rng: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at, patch = rng.randint(0, len(data)), rng.choice(INTERESTING)
    return data[:at] + patch + data[at + len(patch) :]


def _cut(rng: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(data))
    return data[:at] + data[at + rng.randint(1, 40) :]


def _repeat(rng: random.Random, data: bytes, _others: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(data))
    piece = data[at : at + rng.randint(1, 40)]
    return data[:at] + piece * rng.choice((1, 2, 50)) + data[at:]


def _splice(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others) if others else b""
    return data[: rng.randint(0, len(data))] + other[rng.randint(0, len(other)) :]


def repeated(rng: random.Random, data: bytes, size: int) -> bytes:
    """One piece of the input over and over, up to a size: what a parser that is not linear gives itself away by."""
    at = rng.randint(0, len(data))
    piece = data[at : at + rng.choice((1, 2, 5, 12, 40, 100))] or rng.choice(INTERESTING)
    return data[:at] + piece * (size // len(piece)) + data[at:]


_CHANGES: tuple[Callable[[random.Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip,
    _insert,
    _overwrite,
    _cut,
    _repeat,
    _splice,
)
