# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our access check against Samba's, on random triples of descriptor, token and mask.

Two differences are known and left out: without a DACL (present bit clear) Samba denies where Windows grants, and
Samba adds OWNER RIGHTS after the walk instead of walking it in stored order.
"""

from __future__ import annotations

import pytest
from oracles import samba
from oracles.random_descriptors import COM_MASKS, RandomDescriptors, Shape

from ansible_collections.otsec.opc_dcom.plugins.module_utils._access_check import access_check
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import AclState, SecurityDescriptor
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid

SHAPE = Shape(dacl_types=(0, 0, 0, 1, 1, 5, 6), sacl_types=(2,), max_aces=8)
NO_PRIVILEGED_BITS = 0xFFFF_FFFF & ~0x0300_0000


def random_triple(stream: RandomDescriptors) -> tuple[bytes, SecurityDescriptor, list[Sid], int]:
    """A descriptor, a token that holds some of its trustees, and a mask out of what its ACEs mention."""
    rng = stream.random
    blob = stream.descriptor()
    descriptor = SecurityDescriptor.from_bytes(blob)
    aces = () if descriptor.dacl is None else descriptor.dacl.aces
    known = {ace.trustee for ace in aces} | {descriptor.owner, descriptor.group}  # type: ignore[union-attr]
    sids = sorted(sid for sid in known if sid is not None and rng.random() < 0.5)
    sids.append(Sid.from_bytes(stream.sid()))
    mask = rng.choice((*COM_MASKS, 0, 0x20000, 0x60002, rng.getrandbits(32) & rng.getrandbits(32)))
    return blob, descriptor, sids, mask & NO_PRIVILEGED_BITS


@samba.needs_samba
@pytest.mark.parametrize("count", [2500, pytest.param(40_000, marks=pytest.mark.slow)])
def test_access_check_agrees_with_samba(count: int) -> None:
    stream = RandomDescriptors(2532, SHAPE)
    triples = []
    while len(triples) < count:
        triple = random_triple(stream)
        if triple[1].dacl_state is not AclState.ABSENT:
            triples.append(triple)
    answers = samba.ask(
        {"op": "access", "hex": blob.hex(), "sids": [str(sid) for sid in sids], "mask": mask}
        for blob, _descriptor, sids, mask in triples
    )
    granted = 0
    for (blob, descriptor, sids, mask), answer in zip(triples, answers, strict=True):
        ours = access_check(descriptor, sids, mask)
        assert ours.granted == answer["granted"], (blob.hex(), [str(sid) for sid in sids], hex(mask), ours)
        assert ours.granted == (ours.missing == 0)
        granted += ours.granted
    assert 0.15 * count < granted < 0.85 * count, "the random triples are one-sided"
