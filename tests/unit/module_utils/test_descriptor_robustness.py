# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Broken bytes: decode or DescriptorFormatError, never another exception, never slow."""

from __future__ import annotations

import random
import struct
import time

import pytest
from oracles.random_descriptors import RandomDescriptors, Shape
from oracles.vectors import VECTORS

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DescriptorFormatError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import SecurityDescriptor

# Every ACE layout, so that mutations reach all of the decoder.
SHAPE = Shape(dacl_types=(0, 1, 5, 6, 9, 0x0B, 0x7E), sacl_types=(2, 7, 0x11, 0x12, 0xFF))
INTERESTING = (b"\x00", b"\xff", b"\x01", b"\x04", b"\x10", b"\xff\xff", b"\x00\x80", b"\xfc\xff", b"\x00\x00\x00\x00")


def mutate(rng: random.Random, data: bytes) -> bytes:
    """One to four changes: a bit, a byte or a field overwritten, bytes cut out, doubled or moved to the end."""
    mutated = bytearray(data)
    for _unused in range(rng.randint(1, 4)):
        if not mutated:
            break
        at = rng.randrange(min(len(mutated), 48)) if rng.random() < 0.5 else rng.randrange(len(mutated))
        choice = rng.random()
        if choice < 0.4:
            mutated[at] ^= 1 << rng.randrange(8)
        elif choice < 0.8:
            patch = rng.choice(INTERESTING)
            mutated[at : at + len(patch)] = patch
        elif choice < 0.9:
            del mutated[at : at + rng.randint(1, 24)]
        else:
            mutated[at:at] = mutated[at : at + rng.randint(1, 24)]
    return bytes(mutated)


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_mutated_bytes_decode_or_raise_our_error(count: int) -> None:
    rng = random.Random(1_000_003)
    stream = RandomDescriptors(7, SHAPE)
    seeds = [item.data for item in VECTORS] + [stream.descriptor() for _unused in range(100)]
    decoded = 0
    for _unused in range(count):
        data = mutate(rng, rng.choice(seeds))
        try:
            descriptor = SecurityDescriptor.from_bytes(data)
        except DescriptorFormatError as error:
            assert 0 <= error.offset <= len(data), data.hex()
        else:
            decoded += 1
            if decoded % 50 == 0:
                assert SecurityDescriptor.from_bytes(descriptor.to_bytes()) == descriptor, data.hex()
    assert 0.05 * count < decoded < 0.95 * count, "the mutations are one-sided"


def acl_of_size(ace_count: int) -> bytes:
    ace = bytes.fromhex("0000140007000000010100000000000100000000")
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(ace) * ace_count, ace_count, 0) + ace * ace_count
    return struct.pack("<BBHIIII", 1, 0, 0x8004, 0, 0, 0, 20) + acl


def fastest(data: bytes) -> float:
    """Processor seconds of the fastest of several runs: other processes of a busy machine do not count."""
    times = []
    for _unused in range(9):
        started = time.thread_time()
        SecurityDescriptor.from_bytes(data)
        times.append(time.thread_time() - started)
    return min(times)


def test_a_64_kib_acl_decodes_in_linear_time() -> None:
    whole, quarter = acl_of_size(3276), acl_of_size(819)
    assert len(whole) == 65548
    ratio = fastest(whole) / fastest(quarter)
    # Linear is 4, quadratic 16.
    assert ratio < 9, f"four times the ACEs took {ratio:.1f} times as long"


def test_an_acl_shared_by_both_parts_is_read_twice_at_most() -> None:
    data = bytearray(acl_of_size(3276))
    struct.pack_into("<HIIII", data, 2, 0x8014, 0, 0, 20, 20)
    assert fastest(bytes(data)) < 6 * fastest(acl_of_size(3276))
