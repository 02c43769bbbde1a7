# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of rules as numbers and back, judged by Python's own ipaddress, and which sets meet which."""

from __future__ import annotations

import ipaddress

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import (
    AddressSet,
    Match,
    PortSet,
    format_address_range,
    is_address,
    merge_ranges,
    parse_address_range,
    parse_port,
    ranges_meet,
    ranges_within,
    stored_address,
)

NETWORKS = [
    *(f"10.20.{index}.0/{24 + index}" for index in range(9)), "0.0.0.0/0", "128.0.0.0/1",
    "255.255.255.255/32", "0.0.0.0/32", "fe80::/10", "fd00:1::/64",
    "::/0", "8000::/1", "::1/128", "2001:db8::4/126", "2001:db8::2/127",
]  # fmt: skip


def family_of(text: str) -> int:
    return 6 if ":" in text else 4


@pytest.mark.parametrize("text", NETWORKS)
def test_a_network_is_its_first_and_last_address(text: str) -> None:
    network = ipaddress.ip_network(text)
    first, last = int(network[0]), int(network[-1])
    family = family_of(text)
    assert parse_address_range(text, family) == (first, last)
    assert parse_address_range(f"{network[0]}-{network[-1]}", family) == (first, last)
    # An address within the network stands for it too.
    assert parse_address_range(f"{network[-1]}/{network.prefixlen}", family) == (first, last)
    is_single = network.num_addresses == 1
    assert format_address_range((first, last), family) == (str(network[0]) if is_single else str(network))
    if family == 4:
        assert parse_address_range(f"{network[0]}/{network.netmask}", 4) == (first, last)
        assert stored_address(text) == f"{network[0]}/{network.netmask}"
    else:
        assert stored_address(text) == text


@pytest.mark.parametrize("kind", [ipaddress.IPv4Address, ipaddress.IPv6Address])
@pytest.mark.parametrize("low", [0, 1, 2, 3, 4, 6, 7, 8])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8])
def test_a_range_prints_as_a_network_only_where_it_is_one(
    kind: type[ipaddress.IPv4Address], low: int, size: int
) -> None:
    first, last = kind(0x0A00_0000 + low), kind(0x0A00_0000 + low + size - 1)
    networks = list(ipaddress.summarize_address_range(first, last))
    text = format_address_range((int(first), int(last)), first.version)
    if size == 1:
        assert text == str(first)
    else:
        assert text == (str(networks[0]) if len(networks) == 1 else f"{first}-{last}")
    assert parse_address_range(text, first.version) == (int(first), int(last))


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0/33", "10.0.0.0/0x8", "10.0.0.0/", "10.0.0.0/1000", "10.0.0.0/255.0.255.0", "10.0.0.0/0.0.0.255",
        "10.0.0.2-10.0.0.1", "10.0.0.1-", "-10.0.0.1", "10.0.0.256", "010.0.0.1", "\u0661.0.0.1", "",
        "fe80::1%3", "fe80::/129", ":::",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        parse_address_range(text, family_of(text))


def test_the_last_prefix_is_taken() -> None:
    assert parse_address_range("10.0.0.7/32", 4) == (0x0A00_0007, 0x0A00_0007)
    assert parse_address_range("::7/128", 6) == (7, 7)
    assert parse_address_range("10.0.0.7/255.255.255.255", 4) == (0x0A00_0007, 0x0A00_0007)
    assert parse_address_range("10.0.0.7/0.0.0.0", 4) == (0, 2**32 - 1)
    assert parse_address_range("10.0.0.7-10.0.0.7", 4) == (0x0A00_0007, 0x0A00_0007)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("10.0.0.0/255.0.0.0", "10.0.0.0/255.0.0.0"), ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
        ("fe80::/64", "fe80::/64"), ("LocalSubnet", "LocalSubnet"),
    ],
)  # fmt: skip
def test_only_a_prefix_of_version_four_is_stored_as_a_mask(text: str, stored: str) -> None:
    assert stored_address(text) == stored


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.1", True),
        ("1-2", True),
        ("fe80::1", True),
        ("::1", True),
        ("LocalSubnet", False),
        ("DNS6", False),
        ("D1", False),
        ("", False),
    ],
)
def test_numbers_are_told_from_keywords(text: str, expected: bool) -> None:
    assert is_address(text) is expected


@pytest.mark.parametrize(
    ("ranges", "merged"),
    [
        ([(1, 2), (3, 4)], ((1, 4),)),
        ([(1, 2), (4, 5)], ((1, 2), (4, 5))),
        ([(4, 5), (1, 2)], ((1, 2), (4, 5))),
        ([(1, 9), (2, 3)], ((1, 9),)),
        ([(1, 2), (2, 3)], ((1, 3),)),
        ([(1, 1), (1, 1)], ((1, 1),)),
        ([(0, 0), (1, 1)], ((0, 1),)),
        ([], ()),
    ],
)
def test_ranges_that_touch_are_one(ranges: list[tuple[int, int]], merged: tuple[tuple[int, int], ...]) -> None:
    assert merge_ranges(ranges) == merged


@pytest.mark.parametrize("low", range(6))
@pytest.mark.parametrize("high", range(6))
def test_ranges_meet_and_hold_each_other_like_sets(low: int, high: int) -> None:
    mine, its = set(range(2, 4)), set(range(low, high + 1))
    if its:
        assert ranges_meet([(2, 3)], ((low, high),)) is bool(mine & its)
        assert ranges_within([(2, 3)], ((low, high),)) is (mine <= its)
        assert ranges_within([(low, high)], ((2, 3),)) is (its <= mine)


@pytest.mark.parametrize(
    ("text", "port"),
    [("0", (0, 0)), ("65535", (65535, 65535)), ("5-5", (5, 5)), ("0-65535", (0, 65535)), ("rpc", "RPC"),
     ("rpc-epmap", "RPC-EPMap"), ("iptlsin", "IPTLSIn"), ("Newer_1-x", "Newer_1-x")],
)  # fmt: skip
def test_ports_and_their_keywords(text: str, port: object) -> None:
    assert parse_port(text) == port


@pytest.mark.parametrize(
    "text", ["65536", "6-5", "5-", "-5", "5-65536", "5-x", "", "1 ", "999999", "000001", "x y", "5--6", "\u0665"]
)
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        parse_port(text)


@pytest.mark.parametrize(
    ("left", "right", "match"),
    [
        (PortSet.of("RPC-EPMap"), PortSet.of(135), Match.YES),
        (PortSet.of("RPC-EPMap"), PortSet.of("134-136"), Match.YES),
        (PortSet.of("RPC-EPMap"), PortSet.of(134), Match.NO),
        (PortSet.of("RPC-EPMap"), PortSet.of(136), Match.NO),
        # RPC servers listen above 1024 (KB154596), by default from 49152 on.
        (PortSet.of("RPC"), PortSet.of("49152-65535"), Match.YES),
        (PortSet.of("RPC"), PortSet.of("49153-65535"), Match.MAYBE),
        (PortSet.of("RPC"), PortSet.of("49152-65534"), Match.MAYBE),
        (PortSet.of("RPC"), PortSet.of(1025), Match.MAYBE),
        (PortSet.of("RPC"), PortSet.of(65535), Match.MAYBE),
        (PortSet.of("RPC"), PortSet.of(1024), Match.NO),
        (PortSet.of("RPC"), PortSet.of(135), Match.NO),
        (PortSet.of("RPC"), PortSet.of("RPC-EPMap"), Match.NO),
        (PortSet.of("RPC"), PortSet.of("RPC", 80), Match.YES),
        (PortSet.of("Teredo"), PortSet.of(80), Match.MAYBE),
        (PortSet.of("Teredo"), PortSet.of("RPC"), Match.NO),
        (PortSet.of(80), PortSet.of(81), Match.NO),
        (PortSet.of("80-90"), PortSet.of("90-99"), Match.YES),
        (PortSet(), PortSet.of(80), Match.YES),
    ],
)
def test_which_ports_meet(left: PortSet, right: PortSet, match: Match) -> None:
    assert left.overlap(right) is match
    assert right.overlap(left) is match


ONLY4, ONLY6 = (AddressSet(keywords=frozenset({(family, "LocalSubnet")})) for family in (4, 6))


@pytest.mark.parametrize(
    ("left", "right", "match"),
    [
        (AddressSet.of("10.0.0.1"), AddressSet.of("10.0.0.0/24"), Match.YES),
        (AddressSet.of("10.0.0.1"), AddressSet.of("10.0.1.0/24"), Match.NO),
        (AddressSet.of("fe80::1"), AddressSet.of("fe80::/64"), Match.YES),
        (AddressSet.of("::1"), AddressSet.of("0.0.0.1"), Match.NO),
        (AddressSet.of("LocalSubnet"), AddressSet.of("10.0.0.1"), Match.MAYBE),
        (ONLY4, AddressSet.of("10.0.0.1"), Match.MAYBE),
        (ONLY4, AddressSet.of("fe80::1"), Match.NO),
        (ONLY6, AddressSet.of("fe80::1"), Match.MAYBE),
        (ONLY6, AddressSet.of("10.0.0.1"), Match.NO),
        (ONLY4, ONLY6, Match.NO),
        (ONLY4, AddressSet.of("LocalSubnet"), Match.YES),
        (ONLY4, AddressSet(keywords=frozenset({(4, "DNS")})), Match.MAYBE),
        (AddressSet(), AddressSet.of("10.0.0.1"), Match.YES),
    ],
)
def test_which_addresses_meet(left: AddressSet, right: AddressSet, match: Match) -> None:
    assert left.overlap(right) is match
    assert right.overlap(left) is match


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        (AddressSet.of("10.0.0.1"), AddressSet(), True),
        (AddressSet(), AddressSet.of("10.0.0.1"), False),
        (AddressSet.of("10.0.0.1"), AddressSet.of("10.0.0.0/31"), True),
        (AddressSet.of("10.0.0.2"), AddressSet.of("10.0.0.0/31"), False),
        (AddressSet.of("10.0.0.1", "fe80::1"), AddressSet.of("10.0.0.1"), False),
        (AddressSet.of("10.0.0.1", "fe80::1"), AddressSet.of("fe80::1"), False),
        (AddressSet.of("LocalSubnet"), AddressSet.of("LocalSubnet", "DNS"), True),
        (AddressSet.of("LocalSubnet", "DNS"), AddressSet.of("LocalSubnet"), False),
    ],
)
def test_which_addresses_are_within_others(inner: AddressSet, outer: AddressSet, within: bool) -> None:
    assert inner.is_within(outer) is within


def test_a_keyword_becomes_what_it_stands_for_in_its_family() -> None:
    meaning = AddressSet.of("10.0.0.0/24", "fe80::/64")
    both = AddressSet.of("LocalSubnet", "DNS", "192.0.2.1")
    assert both.resolve("LocalSubnet", meaning) == AddressSet.of("DNS", "192.0.2.1", "10.0.0.0/24", "fe80::/64")
    assert ONLY4.resolve("LocalSubnet", meaning) == AddressSet.of("10.0.0.0/24")
    assert ONLY6.resolve("LocalSubnet", meaning) == AddressSet.of("fe80::/64")
    assert both.resolve("WINS", meaning) == both


def test_how_a_set_reads() -> None:
    assert AddressSet.of("fe80::1", "10.0.0.2", "10.0.0.1", "DNS").texts() == ("10.0.0.1-10.0.0.2", "fe80::1", "DNS")
    assert (str(ONLY4), str(ONLY6)) == ("LocalSubnet (IPv4 only)", "LocalSubnet (IPv6 only)")
    assert (str(AddressSet()), str(PortSet())) == ("any", "any")
    assert AddressSet.of("0.0.0.0/0", "::/0").is_any
    assert not AddressSet.of("0.0.0.0/0").is_any and not AddressSet.of("::/0").is_any
    assert (
        not AddressSet.of("0.0.0.1-255.255.255.255", "::/0").is_any
        and not AddressSet.of("0.0.0.0/0", "::1-ffff::").is_any
    )
    for items in (("any", "10.0.0.1"), ("10.0.0.1", "ANY"), ("any", "any")):
        with pytest.raises(DomainError, match="stands alone"):
            AddressSet.of(*items)
    for ports in (("any", 135), (135, "any")):
        with pytest.raises(DomainError, match="stands alone"):
            PortSet.of(*ports)
    assert PortSet.of("any").is_any
