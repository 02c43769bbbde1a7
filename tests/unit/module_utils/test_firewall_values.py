# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports and addresses as sets: equal when they mean the same, refused when they mean nothing."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import (
    ANY_ADDRESS,
    ANY_PORT,
    AddressSet,
    Match,
    PortSet,
    format_address_range,
    merge_ranges,
    parse_address_range,
    stored_address,
)

ports = st.integers(0, 65535)
port_ranges = st.tuples(ports, ports).map(lambda pair: (min(pair), max(pair)))
addresses4 = st.integers(0, 2**32 - 1)
ranges4 = st.tuples(addresses4, st.integers(0, 5000)).map(lambda pair: (pair[0], min(pair[0] + pair[1], 2**32 - 1)))
addresses6 = st.integers(0, 2**128 - 1)
ranges6 = st.tuples(addresses6, addresses6).map(lambda pair: (min(pair), max(pair)))


@given(st.lists(port_ranges, min_size=1, max_size=8))
def test_a_port_set_holds_exactly_the_ports_of_its_ranges(ranges: list[tuple[int, int]]) -> None:
    expected = {port for low, high in ranges for port in range(low, high + 1)}
    found = PortSet(tuple(ranges))
    if expected >= set(range(1, 65536)):
        assert found == ANY_PORT
    else:
        assert {port for low, high in found.ranges for port in range(low, high + 1)} == expected
        assert PortSet.of(*found.texts()) == found


@given(st.lists(port_ranges, min_size=1, max_size=5), st.lists(port_ranges, min_size=1, max_size=5))
def test_port_sets_overlap_exactly_when_they_share_a_port(
    left: list[tuple[int, int]], right: list[tuple[int, int]]
) -> None:
    common = any(a <= d and c <= b for a, b in left for c, d in right)
    either_any = PortSet(tuple(left)).is_any or PortSet(tuple(right)).is_any
    expected = Match.YES if common or either_any else Match.NO
    assert PortSet(tuple(left)).overlap(PortSet(tuple(right))) is expected


@given(st.lists(ranges4, max_size=6), st.randoms(use_true_random=False))
def test_address_sets_do_not_depend_on_how_they_are_cut(ranges: list[tuple[int, int]], generator: object) -> None:
    pieces = []
    for low, high in ranges:
        middle = (low + high) // 2
        pieces += [(low, middle), *([(middle + 1, high)] if middle < high else [])]
    generator.shuffle(pieces)  # type: ignore[attr-defined]
    whole = AddressSet(tuple(ranges))
    assert AddressSet(tuple(pieces)) == whole
    assert AddressSet.of(*whole.texts()) == whole


@given(st.one_of(ranges4.map(lambda item: (4, item)), ranges6.map(lambda item: (6, item))))
def test_an_address_range_is_read_as_it_is_written(item: tuple[int, tuple[int, int]]) -> None:
    family, bounds = item
    text = format_address_range(bounds, family)
    assert parse_address_range(text, family) == bounds
    assert parse_address_range(stored_address(text), family) == bounds


@given(addresses4, st.integers(0, 32))
def test_networks_agree_with_the_standard_library(address: int, bits: int) -> None:
    network = ipaddress.ip_network((address, bits), strict=False)
    bounds = int(network[0]), int(network[-1])
    text = str(ipaddress.IPv4Address(address))
    assert parse_address_range(f"{text}/{bits}", 4) == bounds
    assert parse_address_range(f"{text}/{network.netmask}", 4) == bounds
    if 0 < bits < 32:
        assert stored_address(f"{network.network_address}/{bits}") == network.with_netmask


SAME_ADDRESSES = [
    (("10.0.0.1",), ("10.0.0.1/32",)),
    (("10.0.0.1",), ("10.0.0.1-10.0.0.1",)),
    (("10.0.0.1",), ("10.0.0.1/255.255.255.255",)),
    (("10.0.0.0/24",), ("10.0.0.0/255.255.255.0",)),
    (("10.0.0.0/24",), ("10.0.0.77/24",)),
    (("10.0.0.0/24",), ("10.0.0.0-10.0.0.255",)),
    (("10.0.0.0/24",), ("10.0.0.128/25", "10.0.0.0/25")),
    (("10.0.0.1", "10.0.0.2"), ("10.0.0.1-10.0.0.2",)),
    (("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1", "10.0.0.1")),
    (("fe80::/64",), ("FE80:0::/64",)),
    (("::1-::3",), ("::1", "::2/127")),
    (("LocalSubnet",), ("localsubnet",)),
    (("any",), ()),
    (("0.0.0.0-255.255.255.255", "::/0"), ()),
]


@pytest.mark.parametrize(("left", "right"), SAME_ADDRESSES)
def test_addresses_that_mean_the_same_are_equal(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    assert AddressSet.of(*left) == AddressSet.of(*right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (("10.0.0.0/24",), ("10.0.0.0/25",)),
        (("0.0.0.0/0",), ()),
        (("LocalSubnet",), ("10.0.0.0/24",)),
        (("LocalSubnet",), ("DNS",)),
        (("10.0.0.1",), ("::ffff:10.0.0.1",)),
    ],
)
def test_addresses_that_differ_are_not_equal(left: tuple[str, ...], right: tuple[str, ...]) -> None:
    assert AddressSet.of(*left) != AddressSet.of(*right)


@pytest.mark.parametrize(
    "text",
    [
        "", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1/33", "10.0.0.1/255.0.255.0", "10.0.0.9-10.0.0.1",
        "10.0.0.1-", "-10.0.0.1", "10.0.0.1-fe80::1", "fe80::1%3", "fe80::/129", "server1", "10.0.0.1 ",
        "\uff11\uff10.0.0.1", "10.0.0.1/", "10.0.0.1/-1", "LocalSubnet6",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        AddressSet.of(text)


def test_any_stands_alone() -> None:
    with pytest.raises(DomainError):
        AddressSet.of("any", "10.0.0.1")
    with pytest.raises(DomainError):
        PortSet.of("any", 135)


@pytest.mark.parametrize("text", ["", "65536", "-1", "10-5", "1-2-3", "80,443", "RPC!", "\uff11\uff13\uff15", "0x50"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(DomainError):
        PortSet.of(text)


OVERLAPS = [
    (PortSet.of("RPC"), PortSet.of("RPC"), Match.YES),
    (PortSet.of("RPC"), PortSet.of("49152-65535"), Match.YES),
    (PortSet.of("RPC"), PortSet.of("5000-5100"), Match.MAYBE),
    (PortSet.of("RPC"), PortSet.of(135), Match.NO),
    (PortSet.of("RPC"), PortSet.of("RPC-EPMap"), Match.NO),
    (PortSet.of("RPC-EPMap"), PortSet.of(135), Match.YES),
    (PortSet.of("RPC-EPMap"), PortSet.of("1-1024"), Match.YES),
    (PortSet.of("RPC-EPMap"), PortSet.of(5985), Match.NO),
    (PortSet.of("Teredo"), PortSet.of(5000), Match.MAYBE),
    (PortSet.of("Teredo"), PortSet.of("RPC"), Match.NO),
    (ANY_PORT, PortSet.of("RPC"), Match.YES),
]


@pytest.mark.parametrize(("left", "right", "expected"), OVERLAPS)
def test_port_keywords_overlap_as_far_as_is_known(left: PortSet, right: PortSet, expected: Match) -> None:
    assert left.overlap(right) is expected
    assert right.overlap(left) is expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("LocalSubnet", "10.0.0.1", Match.MAYBE),
        ("LocalSubnet", "LocalSubnet", Match.YES),
        ("LocalSubnet", "DNS", Match.MAYBE),
        ("10.0.0.0/24", "10.0.0.200", Match.YES),
        ("10.0.0.0/24", "10.0.1.1", Match.NO),
        ("10.0.0.0/24", "fe80::1", Match.NO),
        ("any", "10.0.0.1", Match.YES),
    ],
)
def test_address_keywords_overlap_as_far_as_is_known(left: str, right: str, expected: Match) -> None:
    assert AddressSet.of(left).overlap(AddressSet.of(right)) is expected
    assert AddressSet.of(right).overlap(AddressSet.of(left)) is expected


def test_a_keyword_of_one_family_says_nothing_of_the_other() -> None:
    only4 = AddressSet(keywords=frozenset({(4, "LocalSubnet")}))
    assert only4 != AddressSet.of("LocalSubnet")
    assert only4.overlap(AddressSet.of("fe80::1")) is Match.NO
    assert only4.overlap(AddressSet.of("10.0.0.1")) is Match.MAYBE
    assert "IPv4 only" in str(only4)


def test_within_and_resolve() -> None:
    subnet = AddressSet.of("LocalSubnet", "192.0.2.7")
    assert AddressSet.of("10.0.0.5").is_within(AddressSet.of("10.0.0.0/24"))
    assert not AddressSet.of("10.0.0.5", "10.0.1.5").is_within(AddressSet.of("10.0.0.0/24"))
    assert subnet.is_within(ANY_ADDRESS)
    assert not ANY_ADDRESS.is_within(subnet)
    assert not subnet.is_within(AddressSet.of("0.0.0.0/0"))
    assert subnet.resolve("LocalSubnet", AddressSet.of("10.0.0.0/24")) == AddressSet.of("10.0.0.0/24", "192.0.2.7")


def test_ranges_that_touch_are_merged() -> None:
    assert merge_ranges([(5, 6), (1, 2), (3, 4), (8, 9)]) == ((1, 6), (8, 9))
    assert str(PortSet.of(80, 81, "82-90", 443)) == "80-90, 443"
    assert str(ANY_PORT) == str(ANY_ADDRESS) == "any"
