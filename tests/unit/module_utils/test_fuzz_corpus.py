# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every input that fuzzing has kept, and mutations of it with a fixed seed, against the parsers as they are now."""

from __future__ import annotations

import random
import zlib

import pytest
from fuzz.mutation import mutated, repeated
from fuzz.target import MAX_MESSAGE, Finding, Target, check
from fuzz.targets import CORPUS, TARGETS, corpus_of, saved_inputs

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError

MUTATIONS = 10


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus_and_mutations_of_it_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    inputs = corpus_of(name)
    rng = random.Random(zlib.crc32(name.encode()))
    for data in inputs:
        check(target, data)
        for _unused in range(MUTATIONS):
            check(target, mutated(rng, data, inputs)[: target.max_len])


@pytest.mark.parametrize("name", TARGETS)
def test_a_piece_over_and_over_is_read_in_bounded_time_and_told_in_few_words(name: str) -> None:
    target = TARGETS[name]
    rng = random.Random(zlib.crc32(name.encode()))
    for data in target.seeds:
        for _unused in range(3):
            check(target, repeated(rng, data, 60_000))


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_taken(name: str) -> None:
    """A target whose seeds are all refused fuzzes nothing but its first check."""
    assert any(check(TARGETS[name], data) for data in TARGETS[name].seeds)


def test_the_corpus_is_small_and_belongs_to_targets() -> None:
    files = list(CORPUS.glob("*"))
    assert {path.name for path in files} <= {f"{name}.b64" for name in TARGETS}
    assert sum(path.stat().st_size for path in files) < 1_000_000
    assert all(len(data) <= target.max_len for name, target in TARGETS.items() for data in saved_inputs(name))


class TalkativeError(DomainError):
    def __str__(self) -> str:
        return "x" * (MAX_MESSAGE + 1)


def refuse(_data: bytes) -> None:
    raise TalkativeError


@pytest.mark.parametrize(
    ("target", "finding"),
    [
        (Target(int, (TypeError,), ()), ValueError),
        (Target(refuse, (DomainError,), ()), Finding),
        (Target(lambda data: sum(range(1_000_000)), (), ()), Finding),
    ],
    ids=["another exception", "a long message", "too slow"],
)
def test_a_finding_is_found(target: Target, finding: type[Exception]) -> None:
    with pytest.raises(finding):
        check(target, b"x", max_seconds=0.001)
