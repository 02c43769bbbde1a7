# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's own reading of descriptors and its access check: published vectors, COM's rules, Samba.

Two known differences to Samba are left out: without a DACL (present bit clear) Samba denies, and owners' own rights are
no COM rights.
"""

from __future__ import annotations

import pytest
from oracles import samba
from oracles.random_descriptors import COM_MASKS, RandomDescriptors, Shape
from oracles.vectors import VECTORS, Vector, vector

from simulator.com_state import Descriptor, DescriptorSource
from simulator.opc.access_check import (
    ACTIVATE_REMOTE,
    EXECUTE_LOCAL,
    EXECUTE_REMOTE,
    Grant,
    Token,
    access_check,
    com_access,
    is_valid_for_com,
    judge,
)
from simulator.opc.administration import encode
from simulator.opc.descriptor import Ace, AceKind, DescriptorError, SecurityDescriptor, decode, parse_sddl

EVERYONE, ANONYMOUS, AUTHENTICATED, SELF = "S-1-1-0", "S-1-5-7", "S-1-5-11", "S-1-5-10"
ADMINISTRATORS = "S-1-5-32-544"
OPC_USER = "S-1-5-21-3388131059-2642654006-1006207564-1000"


def acl(*entries: Ace) -> SecurityDescriptor:
    return SecurityDescriptor(ADMINISTRATORS, ADMINISTRATORS, entries)


def allow(sid: str, mask: int, flags: int = 0) -> Ace:
    return Ace(AceKind.ALLOW, flags, mask, sid)


def deny(sid: str, mask: int) -> Ace:
    return Ace(AceKind.DENY, 0, mask, sid)


@pytest.mark.parametrize("item", VECTORS, ids=lambda item: item.name)
def test_bytes_and_sddl_of_a_vector_say_the_same(item: Vector) -> None:
    assert decode(item.data) == parse_sddl(item.sddl)


@pytest.mark.parametrize("item", VECTORS, ids=lambda item: item.name)
def test_com_refuses_the_vectors_that_are_invalid(item: Vector) -> None:
    masks_of_files = item.name == "ms_dtyp_2_5_1_4_reference"  # generic rights carry no COM bit
    assert is_valid_for_com(decode(item.data)) is not (item.is_invalid or masks_of_files)


def test_the_shipped_limits_admit_whom_the_documents_say() -> None:  # dcom.md 3.4
    access = decode(vector("ole_machine_access_restriction_win7_era").data)
    launch = decode(vector("ole_machine_launch_restriction_win7_era").data)
    user, anonymous = Token(frozenset({EVERYONE, OPC_USER})), Token(frozenset({ANONYMOUS}))
    assert com_access(access, user, EXECUTE_REMOTE) is Grant.GRANTED
    assert com_access(access, anonymous, EXECUTE_REMOTE) is Grant.DENIED
    assert com_access(access, anonymous, EXECUTE_LOCAL) is Grant.GRANTED
    assert com_access(launch, user, ACTIVATE_REMOTE) is Grant.DENIED
    members = Token(frozenset({"S-1-5-32-562"}))
    assert com_access(launch, members, ACTIVATE_REMOTE) is Grant.GRANTED


def test_the_old_format_means_everything_and_does_not_mix() -> None:  # dcom.md 3.1
    old = decode(vector("old_format_execute_only_everyone").data)
    for right in (EXECUTE_LOCAL, EXECUTE_REMOTE, ACTIVATE_REMOTE):
        assert com_access(old, Token(frozenset({ANONYMOUS})), right) is Grant.GRANTED
    mixed = acl(allow(EVERYONE, 0x1), allow(EVERYONE, 0x7))
    assert com_access(mixed, Token(frozenset({EVERYONE})), EXECUTE_REMOTE) is Grant.INVALID


def test_entries_are_walked_in_stored_order() -> None:  # MS-DTYP 2.5.3.2
    token = Token(frozenset({AUTHENTICATED, OPC_USER}))
    assert access_check(acl(allow(AUTHENTICATED, 0x7), deny(OPC_USER, 0x5)), token, EXECUTE_REMOTE)
    assert not access_check(acl(deny(OPC_USER, 0x5), allow(AUTHENTICATED, 0x7)), token, EXECUTE_REMOTE)
    remote_only = decode(vector("deny_remote_only").data)
    denied = Token(frozenset({AUTHENTICATED, "S-1-5-21-3388131059-2642654006-1006207564-1200"}))
    assert com_access(remote_only, denied, EXECUTE_REMOTE) is Grant.DENIED
    assert com_access(remote_only, denied, EXECUTE_LOCAL) is Grant.GRANTED


def test_rights_may_come_from_several_entries_and_inherit_only_ones_give_none() -> None:
    token = Token(frozenset({EVERYONE, OPC_USER}))
    assert access_check(acl(allow(EVERYONE, 0x3), allow(OPC_USER, 0x5)), token, 0x6)
    assert not access_check(acl(allow(EVERYONE, 0x7, flags=0x08)), token, EXECUTE_REMOTE)


def test_null_empty_and_absent() -> None:
    nobody = Token(frozenset())
    assert access_check(decode(vector("null_dacl_present_flag_zero_offset").data), nobody, 0x1F)
    assert access_check(decode(vector("no_dacl_flag_clear").data), nobody, 0x1F)
    assert not access_check(decode(vector("empty_dacl_denies_all").data), Token(frozenset({EVERYONE})), 0x4)


def test_self_is_the_identity_of_the_process() -> None:  # dcom.md 3.6
    own = decode(vector("effective_default_access_when_value_absent").data)
    token = Token(frozenset({EVERYONE, OPC_USER}))
    assert com_access(own, token, EXECUTE_REMOTE, self_sid=OPC_USER) is Grant.GRANTED
    assert com_access(own, token, EXECUTE_REMOTE, self_sid=None) is Grant.DENIED


def test_a_filtered_administrator_is_denied_by_his_group_but_gets_nothing_from_it() -> None:
    filtered = Token(frozenset({EVERYONE}), deny_only=frozenset({ADMINISTRATORS}))
    assert not access_check(acl(allow(ADMINISTRATORS, 0x7)), filtered, EXECUTE_REMOTE)
    assert not access_check(acl(deny(ADMINISTRATORS, 0x7), allow(EVERYONE, 0x7)), filtered, EXECUTE_REMOTE)


@pytest.mark.parametrize(
    ("in_force", "expected"),
    [
        (Descriptor(DescriptorSource.POLICY, sddl="O:BAG:BAD:(A;;CCDCLC;;;WD)"), Grant.GRANTED),  # dcom.md 1.4
        (Descriptor(DescriptorSource.POLICY, sddl="O:BAG:BAD:(A;;0x5;;;S-1-1-0)"), Grant.GRANTED),
        (Descriptor(DescriptorSource.POLICY, sddl="O:BAG:BAD:(A;;CCDC;;;WD)"), Grant.DENIED),
        (Descriptor(DescriptorSource.POLICY, sddl="O:BAG:BAD:(A;;5;;;WD)"), Grant.GRANTED),
        (Descriptor(DescriptorSource.POLICY, sddl="O:BAG:BAD:(A;;025;;;WD)"), Grant.GRANTED),
        (Descriptor(DescriptorSource.POLICY, sddl="O:BAG:BAD:(AU;SA;CC;;;WD)(A;;CCLC;;;WD)"), Grant.GRANTED),
        (Descriptor(DescriptorSource.POLICY, sddl="everyone"), Grant.INVALID),
        (Descriptor(DescriptorSource.POLICY, sddl="O:BAG:BAD:(A;;CCDCLC;;;DU)"), Grant.INVALID),
        (Descriptor(DescriptorSource.OLE, b"\x01\x00\x04"), Grant.INVALID),
        (Descriptor(DescriptorSource.BUILT_IN), Grant.GRANTED),
    ],
)
def test_descriptors_in_force(in_force: Descriptor, expected: Grant) -> None:
    assert judge(in_force, Token(frozenset({EVERYONE})), EXECUTE_REMOTE) is expected


def test_aliases_of_a_domain_need_its_sid() -> None:
    domain = "S-1-5-21-3388131059-2642654006-1006207564"
    in_force = Descriptor(DescriptorSource.POLICY, sddl="O:BAG:BAD:(A;;CCLC;;;DC)")
    assert judge(in_force, Token(frozenset({f"{domain}-515"})), EXECUTE_REMOTE, domain_sid=domain) is Grant.GRANTED


@pytest.mark.parametrize(
    "text", ["D:(A;;CCDCLC;;WD)", "O:XXD:", "D:(A;;CCDQLC;;;WD)", "D:(A;XX;CC;;;WD)", "D:(A;;CC;;;WD", "O:BAO:BA"]
)
def test_what_is_no_sddl(text: str) -> None:
    with pytest.raises(DescriptorError):
        parse_sddl(text)


def test_damaged_bytes_never_crash() -> None:
    stream = RandomDescriptors(7)
    refused = 0
    for _unused in range(300):
        data = bytearray(stream.descriptor())
        for _unused in range(3):
            data[stream.random.randrange(len(data))] = stream.random.getrandbits(8)
        for length in (len(data), stream.random.randrange(len(data))):
            try:
                decode(bytes(data[:length]))
            except DescriptorError:
                refused += 1
    assert 100 < refused < 600


@pytest.mark.parametrize(("offset", "value"), [(0, 2), (20 + 8 + 8, 2), (20 + 8 + 9, 16), (20 + 8 + 2, 255)])
def test_what_is_no_descriptor(offset: int, value: int) -> None:
    """A wrong revision of the descriptor or of a SID, too many sub-authorities, an entry that reaches too far."""
    data = bytearray(encode(acl(allow(OPC_USER, 0x7))))
    data[offset] = value
    with pytest.raises(DescriptorError):
        decode(bytes(data))


def test_what_is_encoded_is_decoded_again() -> None:
    descriptor = acl(deny(ANONYMOUS, 0x7), allow(OPC_USER, 0x15), allow("S-1-15-2-1", 0x3))
    assert decode(encode(descriptor)) == descriptor
    shipped = vector("ole_default_launch_permission_win7_era")
    assert encode(decode(shipped.data)) == shipped.data


SHAPE = Shape(dacl_types=(0, 0, 0, 1, 1), sacl_types=(2,), max_authority=0xFFFF_FFFF, max_aces=8)


@samba.needs_samba
@pytest.mark.parametrize("count", [2000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_the_access_check_agrees_with_samba(count: int) -> None:
    stream = RandomDescriptors(5342, SHAPE)
    rng = stream.random
    questions: list[tuple[bytes, SecurityDescriptor, list[str], int]] = []
    while len(questions) < count:
        data = stream.descriptor()
        descriptor = decode(data)
        is_absent = not data[2] & 0x04
        if is_absent:
            continue
        known = sorted({ace.sid for ace in descriptor.dacl or ()})
        sids = [sid for sid in known if rng.random() < 0.5] + ["S-1-5-21-1-2-3-4"]
        questions.append((data, descriptor, sids, rng.choice((*COM_MASKS, rng.getrandbits(5)))))
    answers = samba.ask(
        {"op": "access", "hex": data.hex(), "sids": sids, "mask": mask} for data, _unused, sids, mask in questions
    )
    granted = 0
    for (data, descriptor, sids, mask), answer in zip(questions, answers, strict=True):
        ours = access_check(descriptor, Token(frozenset(sids)), mask)
        assert ours == answer["granted"], (data.hex(), sids, hex(mask))
        granted += ours
    assert 0.1 * count < granted < 0.9 * count, "the random questions are one-sided"


@samba.needs_samba
def test_descriptors_are_read_as_samba_reads_them() -> None:
    stream = RandomDescriptors(97, SHAPE)
    blobs = [stream.descriptor() for _unused in range(400)]
    for data, answer in zip(blobs, samba.ask({"op": "decode", "hex": data.hex()} for data in blobs), strict=True):
        ours = decode(data)
        rows = (
            None
            if ours.dacl is None
            else [[0 if a.kind is AceKind.ALLOW else 1, a.flags, a.mask, a.sid] for a in ours.dacl]
        )
        theirs = answer["dacl"]
        assert (ours.owner, ours.group) == (answer["owner"], answer["group"])
        assert rows == (None if theirs is None else [row[:4] for row in theirs])
