# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which bits of an ACE count: only inherit-only takes one out (MS-DTYP 2.5.3.2), and only bits that are asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._access_check import (
    CheckResult,
    Token,
    access_check,
    effective_rights,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._ace import Ace, OpaqueAce
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind, ComRight
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_security import (
    Access,
    ProblemCode,
    deny,
    grant,
    permissions_of,
    problems,
    revoke,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (
    Acl,
    Control,
    SecurityDescriptor,
    same_meaning,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid

USER, OTHER, ADMINS, OWNER_RIGHTS = map(
    Sid.from_string, ("S-1-5-21-1-2-3-1000", "S-1-5-21-1-2-3-1001", "S-1-5-32-544", "S-1-3-4")
)
INHERIT_ONLY = 0x08
# Object and container inherit, no propagate, inherited, audits: none of them takes an ACE out.
OTHERS = [0x00, 0x01, 0x02, 0x04, 0x10, 0x40, 0x80, 0xF7, 0x20]
LAUNCH, ACCESS = ComKind.LAUNCH, ComKind.ACCESS


def descriptor(*aces: Ace | OpaqueAce) -> SecurityDescriptor:
    return SecurityDescriptor(ADMINS, ADMINS, Acl(aces))


@pytest.mark.parametrize("flags", OTHERS)
def test_only_inherit_only_takes_an_ace_out_of_a_check(flags: int) -> None:
    for kind, given in ((0, CheckResult(True, 0, 0)), (1, CheckResult(False, 0x3, 0))):
        assert access_check(descriptor(Ace(kind, flags, 0x3, USER)), [USER], 0x3) == given
        left_out = descriptor(Ace(kind, flags | INHERIT_ONLY, 0x3, USER))
        assert access_check(left_out, [USER], 0x3) == CheckResult(False, 0x3)


@pytest.mark.parametrize("flags", OTHERS)
def test_only_inherit_only_takes_an_ace_out_of_the_permissions(flags: int) -> None:
    entry = Ace(0, flags, 0x3, USER)
    assert [item.trustee for item in permissions_of(descriptor(entry), ACCESS)] == [USER]
    assert permissions_of(descriptor(replace(entry, flags=flags | INHERIT_ONLY)), ACCESS) == ()
    assert [item.access for item in permissions_of(descriptor(replace(entry, type=1)), ACCESS)] == [Access.DENY]


@pytest.mark.parametrize("flags", OTHERS)
def test_an_owner_is_bound_by_owner_rights_that_count(flags: int) -> None:
    """MS-DTYP 2.5.3.2: the owner may read and change the DACL, unless an ACE of OWNER RIGHTS counts."""
    asked, token = 0x60000, [USER]
    plain = replace(descriptor(Ace(0, 0, 0x1, OTHER)), owner=USER)
    assert access_check(plain, token, asked).granted
    bound = replace(descriptor(Ace(0, flags, 0x1, OWNER_RIGHTS)), owner=USER)
    assert not access_check(bound, token, asked).granted
    loose = replace(descriptor(Ace(0, flags | INHERIT_ONLY, 0x1, OWNER_RIGHTS)), owner=USER)
    assert access_check(loose, token, asked).granted


# 0x1F: execute, then local and remote launch, local and remote activation.
BITS = {0x2: "local_launch", 0x4: "remote_launch", 0x8: "local_activation", 0x10: "remote_activation"}


@pytest.mark.parametrize("had", range(0x03, 0x20, 2))
@pytest.mark.parametrize("bit", BITS)
def test_a_right_is_given_and_taken_and_the_others_stay(had: int, bit: int) -> None:
    right = frozenset({ComRight(BITS[bit])})
    start = descriptor(Ace(0, 0, 0x1F, ADMINS), Ace(0, 0, had, USER))
    assert start.dacl is not None
    given = grant(start, LAUNCH, USER, right)
    assert given.dacl is not None
    assert [(ace.trustee, ace.mask) for ace in given.dacl.aces] == [(ADMINS, 0x1F), (USER, had | bit)]  # type: ignore[union-attr]
    assert (given == start) is bool(had & bit)
    taken = revoke(start, LAUNCH, USER, right)
    assert taken.dacl is not None
    rest = had & ~bit
    expected = [(ADMINS, 0x1F), *([(USER, rest)] if rest != 0x1 else [])]
    assert [(ace.trustee, ace.mask) for ace in taken.dacl.aces] == expected  # type: ignore[union-attr]
    token = Token(frozenset({USER}))
    assert effective_rights(start, LAUNCH, token) == {ComRight(name) for mask, name in BITS.items() if had & mask}
    denied = deny(start, LAUNCH, USER, right)
    assert effective_rights(denied, LAUNCH, token) == {ComRight(n) for mask, n in BITS.items() if had & ~bit & mask}


@pytest.mark.parametrize(
    ("masks", "codes"),
    [
        ((0x3, 0x5), []),
        ((0x1, 0x1), [ProblemCode.OLD_FORMAT] * 2),
        ((0x1, 0x3), [ProblemCode.MIXED_FORMATS, ProblemCode.OLD_FORMAT]),
        ((0x3, 0x2), [ProblemCode.EXECUTE_MISSING]),
        # An entry without execute is of no format, so it does not mix two.
        ((0x1, 0x2), [ProblemCode.OLD_FORMAT, ProblemCode.EXECUTE_MISSING]),
        ((0x3, 0x1000_0003), [ProblemCode.GENERIC_RIGHTS]),
        ((0x3, 0x8000_0003), [ProblemCode.GENERIC_RIGHTS]),
        ((0x3, 0x2_0003), [ProblemCode.FOREIGN_RIGHTS]),
        ((0x3, 0x23), [ProblemCode.FOREIGN_RIGHTS]),
    ],
)
def test_what_is_wrong_with_masks(masks: tuple[int, ...], codes: list[ProblemCode]) -> None:
    aces = (Ace(0, 0, mask, USER) for mask in masks)
    assert [item.code for item in problems(descriptor(*aces), LAUNCH)] == codes


@pytest.mark.parametrize("kind", [0x02, 0x03, 0x09, 0x0A, 0x11])
def test_only_plain_allow_and_deny_count_for_com(kind: int) -> None:
    entry = Ace(kind, 0, 0x3, USER)
    assert [item.code for item in problems(descriptor(entry), ACCESS)] == [ProblemCode.ACE_TYPE]
    assert permissions_of(descriptor(entry), ACCESS) == ()


# -- sameness


def test_data_after_a_trustee_count_for_the_types_that_have_them() -> None:
    def with_data(kind: int, data: bytes) -> SecurityDescriptor:
        return descriptor(Ace(kind, 0, 0x3, USER, data))

    # MS-DTYP 2.4.4.6: a callback ACE carries a condition; after a plain one is padding.
    assert not same_meaning(with_data(0x09, b"artx"), with_data(0x09, b""))
    assert same_meaning(with_data(0x00, b"\0" * 4), with_data(0x00, b""))
    assert not same_meaning(descriptor(OpaqueAce(0x40, 0, b"abcd")), descriptor(OpaqueAce(0x40, 0, b"abce")))
    assert same_meaning(descriptor(OpaqueAce(0x40, 0, b"abcd")), descriptor(OpaqueAce(0x40, 0, b"abcd")))


@pytest.mark.parametrize("control", [0, 0xFFFF])
def test_every_control_of_sixteen_bits_is_carried(control: int) -> None:
    written = SecurityDescriptor(ADMINS, ADMINS, control=control, resource_manager_control=0xFF)
    assert written.control == control | int(Control.SELF_RELATIVE)
    assert SecurityDescriptor.from_bytes(written.to_bytes()) == written


def test_a_list_whose_present_bit_is_clear_is_not_in_force() -> None:
    full = SecurityDescriptor(ADMINS, ADMINS, Acl((Ace(0, 0, 3, USER),)), Acl((Ace(2, 0x40, 3, USER),)))
    data = bytearray(full.to_bytes())
    assert int.from_bytes(data[2:4], "little") == 0x8014
    for control, lists in ((0x8004, (True, False)), (0x8010, (False, True)), (0x8000, (False, False))):
        data[2:4] = control.to_bytes(2, "little")
        read = SecurityDescriptor.from_bytes(bytes(data))
        assert (read.dacl is not None, read.sacl is not None) == lists
