# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIDs: text and wire form, refusals, order and hash."""

from __future__ import annotations

import pytest
from descriptor_strategies import sids
from hypothesis import given

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DescriptorFormatError, DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid

# The wire forms are those inside the shipped values of the Ole key and of MS-DTYP 2.5.1.4.
PAIRS = [
    ("S-1-1-0", "010100000000000100000000"),
    ("S-1-5-7", "010100000000000507000000"),
    ("S-1-5-32-544", "01020000000000052000000020020000"),
    ("S-1-0x123456789ABC-1", "0101123456789abc01000000"),
    (
        "S-1-5-21-528768928-1231760990-50533070-500",
        "010500000000000515000000a05f841f5e2e6b49ce120303f4010000",
    ),
]


@pytest.mark.parametrize(("text", "wire"), PAIRS)
def test_both_forms(text: str, wire: str) -> None:
    sid = Sid.from_string(text)
    assert sid.to_string() == str(sid) == text
    assert sid.to_bytes().hex() == wire
    assert Sid.from_bytes(bytes.fromhex(wire)) == sid
    assert sid.size_bytes == len(bytes.fromhex(wire))


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        # Left and right as a real Windows converts them, recorded in Samba's SDDL tests.
        ("S-1-21474836480-32-579", "S-1-0x500000000-32-579"),
        ("S-1-5000000000-30-40", "S-1-0x12A05F200-30-40"),
        ("S-1-0x20-3-4", "S-1-32-3-4"),
        ("S-1-3-0xffffffff-3-4", "S-1-3-4294967295-3-4"),
        ("S-1-5-21-0x1-0x2-0x3-513", "S-1-5-21-1-2-3-513"),
        ("s-1-1-0", "S-1-1-0"),
        ("S-1-4294967295-1", "S-1-4294967295-1"),
        ("S-1-5", "S-1-5"),
    ],
)
def test_text_is_printed_as_windows_does(text: str, printed: str) -> None:
    assert Sid.from_string(text).to_string() == printed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "S",
        "S-1",
        "S-1-",
        "S-2-5-18",
        "S-1-5-",
        "S-1-5-x",
        "S-1-5--18",
        "S-1-5-018",
        " S-1-5-18",
        "S-1-5-18 ",
        "S-1-5-4294967296",
        "S-1-281474976710656-1",
        "S-1-0x1313131313131-513",
        "S-1-5" + "-1" * 16,
        "S-1-5-" + "9" * 5000,
        "\u017f-1-5-18",
        "S-1-\u0665-18",
        "BA",
    ],
)
def test_what_is_not_a_sid_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        Sid.from_string(text)


@pytest.mark.parametrize(
    ("wire", "offset"),
    [
        ("", 0),
        ("01", 0),
        ("0101000000000005", 0),
        ("010100000000000512", 0),
        ("020100000000000512000000", 0),
        ("011000000000000512000000", 1),
    ],
)
def test_broken_bytes_are_refused_with_their_offset(wire: str, offset: int) -> None:
    with pytest.raises(DescriptorFormatError) as caught:
        Sid.from_bytes(bytes.fromhex(wire))
    assert caught.value.offset == offset


def test_reading_stops_at_the_given_end() -> None:
    data = bytes.fromhex("ff" + "010100000000000512000000" + "ff")
    assert Sid.from_bytes(data, 1) == Sid.from_string("S-1-5-18")
    with pytest.raises(DescriptorFormatError) as caught:
        Sid.from_bytes(data, 1, 12)
    assert caught.value.offset == 1


def test_domain_and_rid() -> None:
    account = Sid.from_string("S-1-5-21-1-2-3-1105")
    assert account.rid == 1105
    assert account.domain == Sid.from_string("S-1-5-21-1-2-3")
    assert account.domain is not None
    assert account.domain.with_rid(1105) == account
    assert Sid.from_string("S-1-5-32-544").domain is None
    assert Sid.from_string("S-1-5-21-1-2-3").domain is None
    assert Sid(5, ()).rid is None


def test_order_and_hash_go_by_value() -> None:
    texts = ["S-1-1-0", "S-1-5-7", "S-1-5-18", "S-1-5-32-544", "S-1-16-4096"]
    values = [Sid.from_string(text) for text in texts]
    assert sorted([values[index] for index in (3, 0, 4, 2, 1)]) == values
    assert len({*values, *(Sid.from_string(text) for text in texts)}) == len(texts)


@given(sids)
def test_both_forms_round_trip(sid: Sid) -> None:
    assert Sid.from_string(sid.to_string()) == sid
    assert Sid.from_bytes(sid.to_bytes()) == sid
