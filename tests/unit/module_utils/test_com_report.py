# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""COM permissions for people: readable lines and weaknesses."""

from __future__ import annotations

import difflib

import pytest
from descriptor_strategies import com_descriptors, descriptors, kinds
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._ace import OpaqueAce
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_report import (
    Weakness,
    WeaknessCode,
    describe,
    format_trustee,
    weaknesses,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind, ComRight
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_security import grant
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import from_sddl
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (
    Acl,
    SecurityDescriptor,
    same_meaning,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._well_known import ANONYMOUS_LOGON, EVERYONE

ACCESS, LAUNCH = ComKind.ACCESS, ComKind.LAUNCH
OPC_USERS = Sid.from_string("S-1-5-21-3388131059-2642654006-1006207564-1105")
ALL = "local_launch, remote_launch, local_activation, remote_activation"
NOBODY = "empty access list: nobody has any right"
OWNERS = ["owner  BUILTIN\\Administrators", "group  BUILTIN\\Administrators"]


def name_of(sid: Sid) -> str | None:
    """A German host that knows the group and has forgotten everybody else."""
    return {"S-1-5-32-544": "VORDEFINIERT\\Administratoren", str(OPC_USERS): "ANLAGE\\OPC Users"}.get(str(sid))


def test_names_come_from_the_host_and_orphans_show_their_sid() -> None:
    descriptor = from_sddl(f"O:BAG:BAD:(D;;CCLC;;;S-1-5-21-1-2-3-4)(A;;CCDCLC;;;{OPC_USERS})")
    assert describe(descriptor, ACCESS, name_of) == [
        "owner  VORDEFINIERT\\Administratoren",
        "group  VORDEFINIERT\\Administratoren",
        "deny   S-1-5-21-1-2-3-4 (unknown account)  remote_access",
        "allow  ANLAGE\\OPC Users  local_access, remote_access",
    ]


@pytest.mark.parametrize(
    ("sddl", "kind", "lines"),
    [
        ("O:BAG:BA", ACCESS, ["no access list (absent DACL): everyone, anonymous included, has every right"]),
        (
            "O:BAG:BAD:NO_ACCESS_CONTROL",
            ACCESS,
            ["no access list (NULL DACL): everyone, anonymous included, has every right"],
        ),
        ("O:BAG:BAD:", LAUNCH, [NOBODY]),
        ("O:BAG:BAD:(A;;CC;;;WD)", ACCESS, ["allow  Everyone  local_access, remote_access (old format)"]),
        ("O:BAG:BAD:(A;;DCLC;;;WD)", ACCESS, ["allow  Everyone  nothing (mask 0x6 lacks 0x1)"]),
        (
            "O:BAG:BAD:(A;;CCDCLCSWRP;;;WD)",
            ACCESS,
            ["allow  Everyone  local_access, remote_access (and 0x18, no access rights)"],
        ),
        ("O:BAG:BAD:(A;;CCSW;;;WD)", ACCESS, ["allow  Everyone  nothing (and 0x8, no access rights)"]),
        (
            "O:BAG:BAD:(A;;CCDCLCSWRP;;;SY)",
            LAUNCH,
            [f"allow  NT AUTHORITY\\SYSTEM  {ALL}"],
        ),
        (
            "O:BAG:BAD:P(A;CI;CCDC;;;WD)",
            ACCESS,
            ["flags  dacl_protected", "allow  Everyone  local_access [flags 0x02]"],
        ),
        (
            "O:BAG:BAD:(A;;CCDC;;;WD)S:(ML;;NWNX;;;LW)",
            ACCESS,
            [
                "allow  Everyone  local_access",
                "label  Mandatory Label\\Low Mandatory Level  no_write_up, no_execute_up",
            ],
        ),
        (
            "O:BAG:BAD:(A;;CCDC;;;WD)S:(AU;FA;CC;;;WD)",
            ACCESS,
            [
                "allow  Everyone  local_access",
                "ace    type 0x02, kept as it is: 0280140001000000010100000000000100000000",
            ],
        ),
        ("O:BAG:BAD:(A;;CCDC;;;WD)S:", ACCESS, ["allow  Everyone  local_access", "empty SACL"]),
    ],
)
def test_lines(sddl: str, kind: ComKind, lines: list[str]) -> None:
    assert describe(from_sddl(sddl), kind) == OWNERS + lines


def test_unknown_types_and_missing_owner_are_shown() -> None:
    descriptor = SecurityDescriptor(dacl=Acl((OpaqueAce(0x7E, 0, b"\xde\xad\xbe\xef"),)))
    assert describe(descriptor, ACCESS) == [
        "owner  missing",
        "group  missing",
        "ace    type 0x7e, kept as it is: 7e000800deadbeef",
    ]


def test_a_grant_is_one_line_in_the_diff() -> None:
    before = from_sddl("O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDC;;;IU)")
    after = grant(before, ACCESS, OPC_USERS, [ComRight.REMOTE_ACCESS])
    changed = [
        line
        for line in difflib.ndiff(describe(before, ACCESS, name_of), describe(after, ACCESS, name_of))
        if line[0] in "+-"
    ]
    assert changed == ["+ allow  ANLAGE\\OPC Users  remote_access"]


@given(kinds, descriptors, descriptors)
def test_what_differs_in_meaning_reads_differently(
    kind: ComKind, left: SecurityDescriptor, right: SecurityDescriptor
) -> None:
    if not same_meaning(left, right):
        assert describe(left, kind, lambda _sid: None) != describe(right, kind, lambda _sid: None)


@given(kinds.flatmap(lambda kind: st.tuples(st.just(kind), com_descriptors(kind), com_descriptors(kind))))
def test_what_differs_in_meaning_reads_differently_among_alike(case: tuple) -> None:  # type: ignore[type-arg]
    kind, left, right = case
    if not same_meaning(left, right):
        assert describe(left, kind) != describe(right, kind)


@pytest.mark.parametrize(
    ("sddl", "kind", "expected"),
    [
        (f"O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;{OPC_USERS})", ACCESS, []),
        ("O:BAG:BAD:(A;;CCDC;;;WD)(A;;CCDC;;;AN)", ACCESS, []),
        ("O:BAG:BAD:(D;;CCLC;;;AN)", ACCESS, []),
        ("O:BAG:BA", ACCESS, [WeaknessCode.ABSENT_DACL]),
        ("O:BAG:BAD:NO_ACCESS_CONTROL", LAUNCH, [WeaknessCode.NULL_DACL]),
        ("O:BAG:BAD:", ACCESS, [WeaknessCode.EMPTY_DACL]),
        ("O:BAG:BAD:(A;;CCDCLC;;;WD)", ACCESS, [WeaknessCode.EVERYONE_REMOTE]),
        ("O:BAG:BAD:(A;;CCRP;;;WD)", LAUNCH, [WeaknessCode.EVERYONE_REMOTE]),
        ("O:BAG:BAD:(A;;CCRP;;;WD)", ACCESS, []),
        ("O:BAG:BAD:(A;;CCLC;;;AN)", ACCESS, [WeaknessCode.ANONYMOUS_REMOTE]),
        ("O:BAG:BAD:(A;;CC;;;AN)", ACCESS, [WeaknessCode.OLD_FORMAT, WeaknessCode.ANONYMOUS_REMOTE]),
        (
            "O:BAG:BAD:(A;;CC;;;BA)(A;;CCDC;;;SY)",
            ACCESS,
            [WeaknessCode.MIXED_FORMATS, WeaknessCode.OLD_FORMAT],
        ),
        ("O:BAG:BAD:(A;;GA;;;BA)", ACCESS, [WeaknessCode.EXECUTE_MISSING, WeaknessCode.GENERIC_RIGHTS]),
        ("O:BAG:BAD:(D;;CCLC;;;BA)(A;;CCDCLC;;;BA)", ACCESS, [WeaknessCode.OVERRULED_ALLOW]),
        ("O:BAG:BAD:(A;;CCDC;;;BA)(D;;CCLC;;;SY)", ACCESS, [WeaknessCode.NON_CANONICAL_ORDER]),
    ],
)
def test_weak_states_by_name(sddl: str, kind: ComKind, expected: list[WeaknessCode]) -> None:
    assert [item.code for item in weaknesses(from_sddl(sddl), kind)] == expected


def test_a_weakness_names_the_ace_the_trustee_and_the_rights() -> None:
    found = weaknesses(from_sddl("O:BAG:BAD:(A;;CCDC;;;BA)(A;;CCDCLCSWRP;;;AN)"), LAUNCH)
    remote = frozenset({ComRight.REMOTE_LAUNCH, ComRight.REMOTE_ACTIVATION})
    assert found == (
        Weakness(
            WeaknessCode.ANONYMOUS_REMOTE,
            "NT AUTHORITY\\ANONYMOUS LOGON has remote_launch, remote_activation",
            1,
            ANONYMOUS_LOGON,
            remote,
        ),
    )


def test_trustees_without_a_name() -> None:
    assert format_trustee(EVERYONE) == "Everyone"
    assert format_trustee(OPC_USERS) == f"{OPC_USERS} (unknown account)"
