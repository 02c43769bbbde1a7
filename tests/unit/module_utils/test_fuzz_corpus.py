# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every input that fuzzing has kept, and mutations of it with a fixed seed, against the parsers as they are now."""

from __future__ import annotations

import random
import zlib

import pytest
from fuzz.mutation import mutated
from fuzz.target import MAX_MESSAGE, Finding, Target, check
from fuzz.targets import CORPUS, TARGETS, corpus_of, name_of

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
def test_seeds_are_taken(name: str) -> None:
    """A target whose seeds are all refused fuzzes nothing but its first check."""
    assert any(check(TARGETS[name], data) for data in TARGETS[name].seeds)


def test_the_corpus_is_small_and_belongs_to_targets() -> None:
    files = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} <= set(TARGETS)
    assert all(path.name == name_of(path.read_bytes()) for path in files)
    assert len(files) < 1000
    assert sum(path.stat().st_size for path in files) < 1_000_000


def refuse(_data: bytes) -> None:
    raise DomainError("x" * (MAX_MESSAGE + 1))


@pytest.mark.parametrize(
    ("target", "finding"),
    [
        (Target(lambda data: int(data), (TypeError,), ()), ValueError),
        (Target(refuse, (DomainError,), ()), Finding),
        (Target(lambda data: sum(range(1_000_000)), (), ()), Finding),
    ],
    ids=["another exception", "a long message", "too slow"],
)
def test_a_finding_is_found(target: Target, finding: type[Exception]) -> None:
    with pytest.raises(finding):
        check(target, b"x", max_seconds=0.001)
