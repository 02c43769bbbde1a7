# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hypothesis strategies for SIDs, ACEs, ACLs, descriptors and COM permissions."""

from __future__ import annotations

from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._ace import (
    OBJECT_TYPES,
    TRUSTEE_TYPES,
    Ace,
    AnyAce,
    ObjectAce,
    OpaqueAce,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind, rights_of_kind, rights_to_mask
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_security import Access, Permission
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import Acl, SecurityDescriptor
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._well_known import ADMINISTRATORS, WELL_KNOWN

U8, U16, U32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)

sids = st.one_of(
    st.sampled_from([entry.sid for entry in WELL_KNOWN]),
    st.builds(Sid, st.integers(0, 2**48 - 1), st.lists(U32, max_size=15).map(tuple)),
)
# Few enough that two entries often name the same one.
some_sids = st.sampled_from(
    [Sid.from_string(f"S-1-5-21-11-22-33-{rid}") for rid in (1001, 1002, 1003)]
    + [entry.sid for entry in WELL_KNOWN[1:9]]
)
padding = st.integers(0, 3).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words))
trustee_aces = st.builds(Ace, st.sampled_from(sorted(TRUSTEE_TYPES)), U8, U32, sids, padding)
object_aces = st.builds(
    ObjectAce,
    st.sampled_from(sorted(OBJECT_TYPES)),
    U8,
    U32,
    sids,
    st.none() | st.uuids(),
    st.none() | st.uuids(),
    U32.map(lambda flags: flags & ~3),
    padding,
)
opaque_aces = st.builds(OpaqueAce, st.integers(0x14, 0xFF) | st.just(0x04), U8, padding)
aces: st.SearchStrategy[AnyAce] = trustee_aces | object_aces | opaque_aces
acls = st.builds(Acl, st.lists(aces, max_size=6).map(tuple), st.sampled_from((2, 3, 4)), U8, U16, st.binary(max_size=7))
descriptors = st.builds(
    SecurityDescriptor, st.none() | sids, st.none() | sids, st.none() | acls, st.none() | acls, U16, U8
)

kinds = st.sampled_from(list(ComKind))


def rights(kind: ComKind) -> st.SearchStrategy[frozenset[object]]:
    """Non-empty sets of the rights of a kind."""
    return st.frozensets(st.sampled_from(rights_of_kind(kind)), min_size=1)


def permissions(kind: ComKind) -> st.SearchStrategy[list[Permission]]:
    return st.lists(st.builds(Permission, some_sids, rights(kind), st.sampled_from(list(Access))), max_size=6)


def com_descriptors(kind: ComKind) -> st.SearchStrategy[SecurityDescriptor]:
    """Descriptors COM accepts and an edit takes: some in any order, some with an ACE COM does not know, some old."""
    accesses = st.sampled_from(list(Access))
    new = st.builds(
        lambda access, trustee, wanted: Ace(access.ace_type, 0, rights_to_mask(wanted, kind), trustee),
        accesses,
        some_sids,
        rights(kind),
    )
    old = st.builds(
        lambda access, trustee: Ace(access.ace_type, 0, 0x1, trustee), st.sampled_from(list(Access)), some_sids
    )
    lists = st.lists(new | opaque_aces, max_size=6) | st.lists(old | opaque_aces, max_size=6)
    return st.builds(
        lambda entries, sacl: SecurityDescriptor(ADMINISTRATORS, ADMINISTRATORS, Acl(tuple(entries)), sacl),
        lists,
        st.none() | st.just(Acl((Ace(0x11, 0, 0x4, Sid(16, (4096,))),))),
    )
