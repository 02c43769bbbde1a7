# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security descriptors: golden vectors, absent against NULL against empty, layout, order, comparison by meaning."""

from __future__ import annotations

import itertools
import struct
from dataclasses import replace

import pytest
from descriptor_strategies import acls, descriptors
from hypothesis import given
from hypothesis import strategies as st
from oracles.vectors import VECTORS, Vector, vector

from ansible_collections.otsec.opc_dcom.plugins.module_utils._ace import Ace, AnyAce, ObjectAce, OpaqueAce
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DescriptorFormatError, DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (
    Acl,
    AclState,
    Control,
    SecurityDescriptor,
    acl_of,
    canonical_order,
    is_canonical,
    same_meaning,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid

BA = Sid.from_string("S-1-5-32-544")
EVERYONE = Sid.from_string("S-1-1-0")
ANONYMOUS = Sid.from_string("S-1-5-7")
ALLOW = Ace(0, 0, 0x7, EVERYONE)
DENY = Ace(1, 0, 0x7, ANONYMOUS)
INHERITED_ALLOW = Ace(0, 0x10, 0x7, BA)
INHERITED_DENY = Ace(1, 0x10, 0x7, BA)


def test_all_vectors_are_here() -> None:
    assert len(VECTORS) == 42


@pytest.mark.parametrize("item", VECTORS, ids=lambda item: item.name)
def test_vectors_decode_and_encode(item: Vector) -> None:
    descriptor = SecurityDescriptor.from_bytes(item.data)
    written = descriptor.to_bytes()
    assert SecurityDescriptor.from_bytes(written) == descriptor
    if item.name != "owner_group_first_layout_same_sddl":
        # All others are laid out as Windows does, which is how we write.
        assert written == item.data


def test_another_layout_is_another_layout_only() -> None:
    other = SecurityDescriptor.from_bytes(vector("owner_group_first_layout_same_sddl").data)
    shipped = vector("ole_default_launch_permission_win7_era")
    assert other == SecurityDescriptor.from_bytes(shipped.data)
    assert other.to_bytes() == shipped.data


def test_the_shipped_launch_limit_field_by_field() -> None:
    descriptor = SecurityDescriptor.from_bytes(vector("ole_machine_launch_restriction_win7_era").data)
    assert (descriptor.owner, descriptor.group, descriptor.sacl) == (BA, BA, None)
    assert descriptor.control == 0x8004
    assert descriptor.dacl == Acl(
        (
            Ace(0, 0, 0x1F, BA),
            Ace(0, 0, 0x0B, EVERYONE),
            Ace(0, 0, 0x1F, Sid.from_string("S-1-5-32-562")),
            Ace(0, 0, 0x1F, Sid.from_string("S-1-5-32-559")),
        )
    )


# (present bit, offset kind) of the DACL -> what it says. The four of the SACL follow below.
TRUTH_TABLE = [
    ("dacl", False, None, AclState.ABSENT),
    ("dacl", True, None, AclState.NULL),
    ("dacl", True, Acl(), AclState.EMPTY),
    ("dacl", True, Acl((ALLOW,)), AclState.LISTED),
    ("sacl", False, None, AclState.ABSENT),
    ("sacl", True, None, AclState.NULL),
    ("sacl", True, Acl(), AclState.EMPTY),
    ("sacl", True, Acl((Ace(0x11, 0, 4, Sid.from_string("S-1-16-4096")),)), AclState.LISTED),
]


@pytest.mark.parametrize(("which", "present", "acl", "state"), TRUTH_TABLE)
def test_absent_null_and_empty_stay_what_they_are(which: str, present: bool, acl: Acl | None, state: AclState) -> None:
    bit = Control.DACL_PRESENT if which == "dacl" else Control.SACL_PRESENT
    offset_field = 16 if which == "dacl" else 12
    parts = {which: acl, "control": int(bit) if present else 0}
    descriptor = SecurityDescriptor(BA, BA, **parts)  # type: ignore[arg-type]
    data = descriptor.to_bytes()
    control, offset = struct.unpack_from("<H", data, 2)[0], struct.unpack_from("<I", data, offset_field)[0]
    assert bool(control & bit) is present
    assert bool(offset) is (acl is not None)
    again = SecurityDescriptor.from_bytes(data)
    assert again == descriptor
    assert (again.dacl_state if which == "dacl" else again.sacl_state) is state


@pytest.mark.parametrize("which", ["dacl", "sacl"])
def test_the_states_of_an_acl_never_mean_the_same(which: str) -> None:
    family = [
        SecurityDescriptor(BA, BA, **{which: acl, "control": 0x14 if present else 0})
        for name, present, acl, _state in TRUTH_TABLE
        if name == which
    ]
    for left, right in itertools.combinations(family, 2):
        assert not same_meaning(left, right)


@pytest.mark.parametrize("parts", [(False, False), (False, True), (True, False), (True, True)])
def test_owner_and_group_may_be_missing(parts: tuple[bool, bool]) -> None:
    owner, group = (BA if present else None for present in parts)
    descriptor = SecurityDescriptor(owner, group, Acl())
    assert SecurityDescriptor.from_bytes(descriptor.to_bytes()) == descriptor


def test_an_acl_that_is_not_in_force_reads_as_absent() -> None:
    data = bytearray(vector("local_access_only_authenticated_users").data)
    data[2] &= ~0x04
    descriptor = SecurityDescriptor.from_bytes(bytes(data))
    assert descriptor.dacl_state is AclState.ABSENT


def test_owner_and_group_may_share_their_bytes_and_gaps_may_lie_between() -> None:
    sid = BA.to_bytes()
    data = struct.pack("<BBHIIII", 1, 0, 0x8004, 28, 28, 0, 52) + b"\xff" * 8 + sid + b"\xff" * 8 + Acl().to_bytes()
    assert SecurityDescriptor.from_bytes(data + b"trailing") == SecurityDescriptor(BA, BA, Acl())


def test_reserved_bytes_and_slack_survive() -> None:
    acl = Acl((ALLOW,), revision=4, sbz1=0x12, sbz2=0x3456, slack=b"slack")
    descriptor = SecurityDescriptor(BA, BA, acl, acl, control=0x4001, resource_manager_control=0x77)
    again = SecurityDescriptor.from_bytes(descriptor.to_bytes())
    assert again == descriptor
    assert again.dacl == acl


GOOD = vector("ole_default_launch_permission_win7_era").data


def broken(*changes: tuple[int, bytes]) -> bytes:
    data = bytearray(GOOD)
    for offset, patch in changes:
        data[offset : offset + len(patch)] = patch
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"", 0),
        (GOOD[:19], 0),
        (broken((0, b"\x02")), 0),
        (broken((3, b"\x00")), 2),
        (broken((4, b"\x13\0\0\0")), 4),
        (broken((8, b"\xff\xff\xff\xff")), 8),
        (broken((2, b"\x14"), (12, b"\x01\0\0\0")), 12),
        (broken((16, b"\x7c\0\0\0")), 16),
        (broken((16, b"\x78\0\0\0")), 0x78),
        (broken((0x14, b"\x01")), 0x14),
        (broken((0x16, b"\x04\0")), 0x16),
        (broken((0x16, b"\xff\xff")), 0x16),
        (broken((0x18, b"\x04\0")), 0x5C),
        (broken((0x1E, b"\x00\0")), 0x1E),
        (broken((0x1E, b"\x19\0")), 0x1E),
        (broken((0x24, b"\x00")), 0x24),
        (broken((0x5C, b"\x03")), 0x5C),
        (GOOD[:-1], 0x6C),
    ],
)
def test_broken_bytes_are_refused_with_their_offset(data: bytes, offset: int) -> None:
    with pytest.raises(DescriptorFormatError) as caught:
        SecurityDescriptor.from_bytes(data)
    assert caught.value.offset == offset


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-le", "utf-16"])
def test_sddl_text_where_bytes_belong_is_not_a_descriptor(encoding: str) -> None:
    for item in VECTORS:
        with pytest.raises(DescriptorFormatError):
            SecurityDescriptor.from_bytes(item.sddl.encode(encoding))


@pytest.mark.parametrize("end", range(len(GOOD)))
def test_truncation_anywhere_is_refused(end: int) -> None:
    with pytest.raises(DescriptorFormatError):
        SecurityDescriptor.from_bytes(GOOD[:end])


def test_what_has_no_wire_form_is_refused() -> None:
    with pytest.raises(DomainError):
        SecurityDescriptor(control=0x10000)
    with pytest.raises(DescriptorFormatError):
        Acl((ALLOW,) * 3277).to_bytes()
    with pytest.raises(DescriptorFormatError):
        Acl((ALLOW,) * 3276, slack=b"8 bytes.").to_bytes()
    assert len(Acl((ALLOW,) * 3276, slack=b"7 bytes").to_bytes()) == 0xFFFF
    with pytest.raises(DomainError):
        SecurityDescriptor(resource_manager_control=0x100)


def test_control_bits_are_those_of_ms_dtyp() -> None:
    # MS-DTYP 2.4.6, from the most significant bit down; - is one that is not named here.
    names = (
        "SELF_RELATIVE RM_CONTROL_VALID SACL_PROTECTED DACL_PROTECTED SACL_AUTO_INHERITED DACL_AUTO_INHERITED "
        "SACL_AUTO_INHERIT_REQ DACL_AUTO_INHERIT_REQ - - SACL_DEFAULTED SACL_PRESENT DACL_DEFAULTED DACL_PRESENT "
        "GROUP_DEFAULTED OWNER_DEFAULTED"
    )
    expected = {name: 1 << bit for bit, name in enumerate(reversed(names.split())) if name != "-"}
    assert {name: bit.value for name, bit in Control.__members__.items()} == expected


def test_canonical_order_is_deny_allow_inherited_and_stable() -> None:
    opaque = OpaqueAce(0x7E, 0, b"kept")
    mixed = (INHERITED_ALLOW, ALLOW, opaque, INHERITED_DENY, DENY, replace(ALLOW, mask=1), replace(DENY, mask=1))
    ordered = canonical_order(Acl(mixed, revision=4, sbz2=7, slack=b"rest"))
    assert ordered == Acl(
        (DENY, replace(DENY, mask=1), ALLOW, opaque, replace(ALLOW, mask=1), INHERITED_ALLOW, INHERITED_DENY),
        revision=4,
        sbz2=7,
        slack=b"rest",
    )
    assert is_canonical(ordered)
    assert not is_canonical(Acl(mixed))


@pytest.mark.parametrize("deny_type", [0x06, 0x0A, 0x0C])
def test_every_deny_type_goes_first(deny_type: int) -> None:
    body = {"type": deny_type, "flags": 0, "mask": 1, "trustee": EVERYONE}
    deny: AnyAce = Ace(**body) if deny_type == 0x0A else ObjectAce(**body)  # type: ignore[arg-type]
    assert canonical_order(Acl((ALLOW, deny))).aces == (deny, ALLOW)


def meaning(*aces: AnyAce, **parts: object) -> SecurityDescriptor:
    return SecurityDescriptor(BA, BA, Acl(aces), **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (meaning(ALLOW, Ace(0, 0, 1, BA)), meaning(Ace(0, 0, 1, BA), ALLOW)),
        (meaning(Ace(0, 0, 3, BA), Ace(0, 0, 5, BA)), meaning(Ace(0, 0, 7, BA))),
        (meaning(ALLOW, ALLOW), meaning(ALLOW)),
        (meaning(replace(ALLOW, trailing=bytes(4))), meaning(ALLOW)),
        (meaning(ALLOW, control=0x0008), meaning(ALLOW)),
        (meaning(ALLOW, control=0x2000), meaning(ALLOW)),
        (SecurityDescriptor(dacl=Acl((ALLOW,), revision=4)), SecurityDescriptor(dacl=Acl((ALLOW,), slack=b"xx"))),
    ],
)
def test_differences_without_meaning(left: SecurityDescriptor, right: SecurityDescriptor) -> None:
    assert left != right
    assert same_meaning(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (meaning(ALLOW, DENY), meaning(DENY, ALLOW)),
        (meaning(ALLOW), meaning(replace(ALLOW, mask=3))),
        (meaning(ALLOW), meaning(replace(ALLOW, type=1))),
        (meaning(ALLOW), meaning(replace(ALLOW, flags=0x10))),
        (meaning(ALLOW), meaning(replace(ALLOW, trustee=BA))),
        (meaning(ALLOW), meaning(ALLOW, control=0x1000)),
        (meaning(ALLOW), meaning(ALLOW, sacl=Acl())),
        (meaning(Ace(9, 0, 7, BA, b"artx")), meaning(Ace(9, 0, 7, BA, b"artX"))),
        (meaning(OpaqueAce(0x7E, 0, b"aaaa")), meaning(OpaqueAce(0x7E, 0, b"bbbb"))),
        (SecurityDescriptor(BA, BA), SecurityDescriptor(BA, EVERYONE)),
        (SecurityDescriptor(BA, BA), SecurityDescriptor(None, BA)),
    ],
)
def test_differences_of_meaning(left: SecurityDescriptor, right: SecurityDescriptor) -> None:
    assert not same_meaning(left, right)


def test_object_aces_ask_for_acl_revision_4() -> None:
    assert acl_of([ALLOW]).revision == 2
    assert acl_of([ALLOW, ObjectAce(5, 0, 1, BA)]).revision == 4


@given(descriptors)
def test_decode_gives_back_what_was_encoded(descriptor: SecurityDescriptor) -> None:
    again = SecurityDescriptor.from_bytes(descriptor.to_bytes())
    assert again == descriptor
    assert same_meaning(again, descriptor)


@given(acls)
def test_canonical_order_only_moves_aces(acl: Acl) -> None:
    ordered = canonical_order(acl)
    assert sorted(map(repr, ordered.aces)) == sorted(map(repr, acl.aces))
    assert is_canonical(ordered)
    assert canonical_order(ordered) == ordered


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_raise_our_error(data: bytes) -> None:
    try:
        SecurityDescriptor.from_bytes(data)
    except DescriptorFormatError as error:
        assert 0 <= error.offset <= len(data)
