# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ACEs: the three layouts, what is kept byte for byte, what is refused."""

from __future__ import annotations

import dataclasses
import uuid

import pytest
from descriptor_strategies import aces
from hypothesis import given

from ansible_collections.otsec.opc_dcom.plugins.module_utils._access_mask import AccessMask
from ansible_collections.otsec.opc_dcom.plugins.module_utils._ace import (
    DATA_TYPES,
    OBJECT_TYPES,
    Ace,
    AceFlags,
    AceType,
    AnyAce,
    ObjectAce,
    OpaqueAce,
    ace_from_bytes,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DescriptorFormatError, DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid

EVERYONE = Sid.from_string("S-1-1-0")
USER_CLASS = uuid.UUID("bf967aba-0de6-11d0-a285-00aa003049e2")
COMPUTER_CLASS = uuid.UUID("bf967a86-0de6-11d0-a285-00aa003049e2")


def read(wire: str) -> AnyAce:
    data = bytes.fromhex(wire)
    ace, stop = ace_from_bytes(data, 0, len(data))
    assert stop == len(data)
    assert ace.to_bytes() == data
    return ace


def test_an_allow_ace() -> None:
    # The second ACE of the shipped launch limit.
    assert read("000014000b000000010100000000000100000000") == Ace(0, 0, 0xB, EVERYONE)


def test_padding_inside_acesize_is_kept() -> None:
    # OpcEnum.cpp: AceSize 24 for a SID of 12 bytes.
    assert read("0000180001000000010100000000000100000000" + "00000000") == Ace(0, 0, 1, EVERYONE, bytes(4))


def test_an_object_ace_as_samba_packs_it() -> None:
    wire = (
        "050238000100000003000000ba7a96bfe60dd011a28500aa003049e2867a96bfe60dd011a28500aa003049e2"
        "010100000000000100000000"
    )
    assert read(wire) == ObjectAce(5, 2, 1, EVERYONE, USER_CLASS, COMPUTER_CLASS)


@pytest.mark.parametrize("flags", [0, 1, 2, 3, 0x8000_0000, 0x4])
def test_object_flags_say_which_guids_follow(flags: int) -> None:
    guids = b"".join(guid.bytes_le for bit, guid in ((1, USER_CLASS), (2, COMPUTER_CLASS)) if flags & bit)
    body = (7).to_bytes(4, "little") + flags.to_bytes(4, "little") + guids + EVERYONE.to_bytes()
    ace = read((b"\x06\x00" + (4 + len(body)).to_bytes(2, "little") + body).hex())
    assert isinstance(ace, ObjectAce)
    assert (ace.object_type is not None, ace.inherited_object_type is not None) == (bool(flags & 1), bool(flags & 2))
    assert ace.extra_object_flags == flags & ~3


@pytest.mark.parametrize("ace_type", [0x04, 0x14, 0x15, 0x7F, 0xFF])
def test_unknown_types_are_kept_byte_for_byte(ace_type: int) -> None:
    assert read(f"{ace_type:02x}9d0c00" + "0badf00ddeadbeef") == OpaqueAce(
        ace_type, 0x9D, bytes.fromhex("0badf00ddeadbeef")
    )


def test_a_callback_ace_keeps_its_condition() -> None:
    ace = read("0900180007000000" + "010100000000000100000000" + "61727478")
    assert ace == Ace(9, 0, 7, EVERYONE, b"artx")


@pytest.mark.parametrize(
    ("wire", "offset"),
    [
        ("", 0),
        ("000014", 0),
        ("00000000", 2),
        ("00000300", 2),
        ("00000500aa", 2),
        ("0000140007000000", 2),
        ("00000c000700000001010000", 2),
        ("05001000070000000000000001010000", 2),
        ("050018000700000001000000" + "00" * 12, 12),
        ("0000140007000000020100000000000100000000", 8),
        ("0000140007000000010200000000000100000000", 8),
    ],
)
def test_what_does_not_fit_is_refused_with_its_offset(wire: str, offset: int) -> None:
    data = bytes.fromhex(wire)
    with pytest.raises(DescriptorFormatError) as caught:
        ace_from_bytes(data, 0, len(data))
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    "build",
    [
        lambda: Ace(5, 0, 1, EVERYONE),
        lambda: Ace(0, 256, 1, EVERYONE),
        lambda: Ace(0, 0, 2**32, EVERYONE),
        lambda: Ace(0, 0, 1, EVERYONE, b"odd"),
        lambda: ObjectAce(0, 0, 1, EVERYONE),
        lambda: ObjectAce(5, 0, 1, EVERYONE, extra_object_flags=1),
        lambda: OpaqueAce(0, 0),
        lambda: OpaqueAce(0x14, 0, b"abc"),
        lambda: OpaqueAce(256, 0),
    ],
)
def test_an_ace_that_has_no_wire_form_cannot_be_built(build: object) -> None:
    with pytest.raises(DomainError):
        build()  # type: ignore[operator]


def test_an_ace_that_exceeds_acesize_cannot_be_written() -> None:
    assert len(Ace(9, 0, 1, EVERYONE, bytes(0xFFFC - 20)).to_bytes()) == 0xFFFC
    with pytest.raises(DescriptorFormatError):
        Ace(9, 0, 1, EVERYONE, bytes(0xFFFC - 16)).to_bytes()


# MS-DTYP 2.4.4.1, in the order of the values.
TYPES_OF_MS_DTYP = [
    "ACCESS_ALLOWED",
    "ACCESS_DENIED",
    "SYSTEM_AUDIT",
    "SYSTEM_ALARM",
    "-",
    "ACCESS_ALLOWED_OBJECT",
    "ACCESS_DENIED_OBJECT",
    "SYSTEM_AUDIT_OBJECT",
    "SYSTEM_ALARM_OBJECT",
    "ACCESS_ALLOWED_CALLBACK",
    "ACCESS_DENIED_CALLBACK",
    "ACCESS_ALLOWED_CALLBACK_OBJECT",
    "ACCESS_DENIED_CALLBACK_OBJECT",
    "SYSTEM_AUDIT_CALLBACK",
    "SYSTEM_ALARM_CALLBACK",
    "SYSTEM_AUDIT_CALLBACK_OBJECT",
    "SYSTEM_ALARM_CALLBACK_OBJECT",
    "SYSTEM_MANDATORY_LABEL",
    "SYSTEM_RESOURCE_ATTRIBUTE",
    "SYSTEM_SCOPED_POLICY_ID",
]


def test_ace_types_have_the_values_of_ms_dtyp() -> None:
    assert {item.name: item.value for item in AceType} == {
        name: value for value, name in enumerate(TYPES_OF_MS_DTYP) if name != "-"
    }


def test_ace_types_flags_and_masks_have_the_values_of_impacket() -> None:
    ldaptypes = pytest.importorskip("impacket.ldap.ldaptypes", reason="comparison with impacket left out")
    theirs = {cls.__name__.removesuffix("_ACE"): value for value, cls in ldaptypes.ACE_TYPE_MAP.items()}
    assert len(theirs) >= 15
    assert {name: AceType[name].value for name in theirs} == theirs
    flags = {name.removesuffix("_FLAG").removesuffix("_ACE"): value for name, value in vars(ldaptypes.ACE).items()}
    # Not by iteration, which leaves out a member that is a sum of others.
    for name, flag in AceFlags.__members__.items():
        assert flag.value == flags[name], name
    masks = vars(ldaptypes.ACCESS_MASK)
    named = {name: right.value for name, right in AccessMask.__members__.items() if name in masks}
    assert len(named) >= 9
    assert named == {name: masks[name] for name in named}


def test_only_some_types_carry_data() -> None:
    assert sorted(DATA_TYPES) == [0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x12]
    assert sorted(OBJECT_TYPES) == [0x05, 0x06, 0x07, 0x08, 0x0B, 0x0C, 0x0F, 0x10]


def test_values_cannot_be_changed() -> None:
    for ace in (Ace(0, 0, 1, EVERYONE), ObjectAce(5, 0, 1, EVERYONE), OpaqueAce(0x7E, 0)):
        with pytest.raises(dataclasses.FrozenInstanceError):
            ace.flags = 1  # type: ignore[misc]


@given(aces)
def test_decode_gives_back_what_was_encoded(ace: AnyAce) -> None:
    data = ace.to_bytes()
    assert ace_from_bytes(data, 0, len(data)) == (ace, len(data))
