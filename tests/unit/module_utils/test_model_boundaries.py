# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the values of the pure model begin and end: the last one that is taken and the first one that is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_plan import _shown
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import FirewallRule, parse_rule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import PortSet
from ansible_collections.otsec.opc_dcom.plugins.module_utils._netsh import NetshError, check_text
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (
    Control,
    SecurityDescriptor,
    same_meaning,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid

# Controls, surrogates and the last two of each plane, which are no characters (Unicode 15, 23.7; XML 1.0, 2.2).
LAST_GOOD = ["\x20", "\x7e", "\xa0", "\ud7ff", "\ue000", "\ufffd", "\U00010000", "\U0001fffd", "\U00020000"]
FIRST_BAD = ["\x1f", "\x00", "\x7f", "\x80", "\x9f", "\ud800", "\udfff", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff"]


@pytest.mark.parametrize("character", LAST_GOOD)
def test_characters_that_reach_netsh(character: str) -> None:
    assert check_text(f"a{character}b", "the name") == f"a{character}b"


@pytest.mark.parametrize("character", [*FIRST_BAD, '"', "%"])
def test_characters_that_do_not_reach_netsh_are_named_with_their_place(character: str) -> None:
    with pytest.raises(NetshError) as caught:
        check_text(f"ab{character}c", "the name")
    told, text = str(caught.value), f"ab{character}c"
    assert told.startswith(
        f"the name cannot be given to netsh: character 2 of {text!r} is {character!r}, which cmd.exe"
    )


@pytest.mark.parametrize("text", ["", " a", "a ", "a\xa0"])
def test_a_text_without_an_end_is_refused(text: str) -> None:
    with pytest.raises(NetshError, match="is empty, or starts or ends with a blank"):
        check_text(text, "the name")


@pytest.mark.parametrize(
    ("ranges", "kept"),
    [
        (((1, 65535),), ()),
        (((0, 65535),), ()),
        (((1, 100), (101, 65535)), ()),
        (((2, 65535),), ((2, 65535),)),
        (((1, 65534),), ((1, 65534),)),
        (((0, 0),), ((0, 0),)),
        (((65535, 65535),), ((65535, 65535),)),
    ],
)
def test_only_every_port_is_any_port(ranges: tuple[tuple[int, int], ...], kept: tuple[tuple[int, int], ...]) -> None:
    assert PortSet(ranges).ranges == kept
    # A keyword beside every port says nothing more.
    assert PortSet(ranges, frozenset({"RPC"})).keywords == (frozenset({"RPC"}) if kept else frozenset())


@pytest.mark.parametrize("ranges", [((-1, 5),), ((5, 65536),), ((6, 5),)])
def test_what_is_no_range_of_ports(ranges: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(DomainError, match="ports are 0-65535, ascending in a range"):
        PortSet(ranges)


def rule(name: str) -> FirewallRule:
    return parse_rule(f"v2.22|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=135|Name={name}|")


def test_rules_of_one_name_are_numbered_and_no_others() -> None:
    names = ["OPC", "OPC 2", "OPC", "A", "OPC", "OP", "Z"]
    shown = _shown([(name, rule(name)) for name in names])
    assert list(shown["rules"]) == ["OPC", "OPC 2", "OPC #2", "A", "OPC #3", "OP", "Z"]  # type: ignore[call-overload]
    assert _shown([]) == {}


OWNER = Sid.from_string("S-1-5-32-544")


@pytest.mark.parametrize(
    ("present", "flag", "counts"),
    [
        (Control.DACL_PRESENT, Control.DACL_PROTECTED, True),
        (Control.DACL_PRESENT, Control.DACL_AUTO_INHERITED, True),
        (Control.DACL_PRESENT, Control.DACL_AUTO_INHERIT_REQ, True),
        (Control.DACL_PRESENT, Control.DACL_DEFAULTED, False),
        (Control.DACL_PRESENT, Control.SACL_PROTECTED, False),
        (Control.SACL_PRESENT, Control.SACL_PROTECTED, True),
        (Control.SACL_PRESENT, Control.SACL_AUTO_INHERITED, True),
        (Control.SACL_PRESENT, Control.SACL_AUTO_INHERIT_REQ, True),
        (Control.SACL_PRESENT, Control.SACL_DEFAULTED, False),
        (Control.SACL_PRESENT, Control.DACL_PROTECTED, False),
    ],
)
def test_flags_that_count_with_their_list(present: Control, flag: Control, counts: bool) -> None:
    plain = SecurityDescriptor(control=int(Control.SELF_RELATIVE | present), owner=OWNER, group=OWNER)
    flagged = replace(plain, control=plain.control | int(flag))
    assert same_meaning(plain, plain)
    assert same_meaning(plain, flagged) is not counts
