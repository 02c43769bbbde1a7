# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""COM permissions: what is valid, and edits that change what was asked for and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from descriptor_strategies import com_descriptors, kinds, permissions, rights, some_sids
from hypothesis import given
from hypothesis import strategies as st
from oracles.vectors import VECTORS, Vector, vector

from ansible_collections.otsec.opc_dcom.plugins.module_utils._ace import Ace, OpaqueAce
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind, ComRight, rights_of_kind
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_security import (
    Access,
    Permission,
    ProblemCode,
    deny,
    grant,
    new_descriptor,
    permissions_of,
    problems,
    repair,
    require_valid,
    revoke,
    set_exact,
    set_rights,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ComSecurityError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import from_sddl, to_sddl
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (
    Acl,
    SecurityDescriptor,
    is_canonical,
    same_meaning,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._well_known import (
    ADMINISTRATORS,
    ANONYMOUS_LOGON,
    AUTHENTICATED_USERS,
    EVERYONE,
)

ACCESS, LAUNCH = ComKind.ACCESS, ComKind.LAUNCH
OPC_USERS = Sid.from_string("S-1-5-21-3388131059-2642654006-1006207564-1105")
ORPHAN = Sid.from_string("S-1-5-21-1-2-3-4444")
LOCAL, REMOTE = ComRight.LOCAL_ACCESS, ComRight.REMOTE_ACCESS
LABEL = "S:(ML;;NX;;;LW)"


def codes(sddl: str, kind: ComKind = ACCESS) -> list[ProblemCode]:
    return [problem.code for problem in problems(from_sddl(sddl), kind)]


# -- validity


INVALID = {
    "invalid_execute_bit_missing": {ProblemCode.EXECUTE_MISSING},
    "invalid_no_owner_no_group": {ProblemCode.OWNER_MISSING, ProblemCode.GROUP_MISSING},
    "msdoc_invalid_mixed_old_new_format": {ProblemCode.MIXED_FORMATS},
    # Microsoft's own reference dump is of a file's kind: it has no COM rights at all.
    "ms_dtyp_2_5_1_4_reference": {ProblemCode.EXECUTE_MISSING},
}


@pytest.mark.parametrize("item", VECTORS, ids=lambda item: item.name)
def test_vectors_com_rejects_and_why(item: Vector) -> None:
    kind = LAUNCH if "launch" in item.name else ACCESS
    descriptor = SecurityDescriptor.from_bytes(item.data)
    rejected = {problem.code for problem in problems(descriptor, kind) if problem.is_rejected_by_com}
    assert rejected == INVALID.get(item.name, set())
    assert bool(rejected) == (item.is_invalid or item.name == "ms_dtyp_2_5_1_4_reference")
    if item.is_invalid:
        with pytest.raises(ComSecurityError):
            require_valid(descriptor, kind)


@pytest.mark.parametrize(
    ("sddl", "kind", "expected"),
    [
        ("O:BAG:BAD:(A;;CCDCLC;;;WD)", ACCESS, []),
        ("O:BAG:BAD:", ACCESS, []),
        ("G:BAD:(A;;CCDC;;;WD)", ACCESS, [ProblemCode.OWNER_MISSING]),
        ("O:BAD:(A;;CCDC;;;WD)", ACCESS, [ProblemCode.GROUP_MISSING]),
        ("O:BAG:BA", ACCESS, [ProblemCode.ABSENT_DACL]),
        ("O:BAG:BAD:NO_ACCESS_CONTROL", ACCESS, [ProblemCode.NULL_DACL]),
        ("O:BAG:BAD:(A;;CC;;;WD)", ACCESS, [ProblemCode.OLD_FORMAT]),
        ("O:BAG:BAD:(A;;CC;;;WD)(A;;CCDC;;;BA)", ACCESS, [ProblemCode.MIXED_FORMATS, ProblemCode.OLD_FORMAT]),
        ("O:BAG:BAD:(D;;CC;;;WD)(A;;CCDC;;;BA)", ACCESS, [ProblemCode.MIXED_FORMATS, ProblemCode.OLD_FORMAT]),
        ("O:BAG:BAD:(A;;DCLC;;;WD)", ACCESS, [ProblemCode.EXECUTE_MISSING]),
        ("O:BAG:BAD:(A;;GA;;;WD)", LAUNCH, [ProblemCode.EXECUTE_MISSING, ProblemCode.GENERIC_RIGHTS]),
        ("O:BAG:BAD:(A;;CCDCGR;;;WD)", LAUNCH, [ProblemCode.GENERIC_RIGHTS]),
        ("O:BAG:BAD:(A;;CCDCLCSWRP;;;WD)", ACCESS, [ProblemCode.FOREIGN_RIGHTS]),
        ("O:BAG:BAD:(A;;CCDCLCSWRP;;;WD)", LAUNCH, []),
        ("O:BAG:BAD:(A;;CCDCRC;;;WD)", LAUNCH, [ProblemCode.FOREIGN_RIGHTS]),
        ("O:BAG:BAD:(A;CI;CCDC;;;WD)", ACCESS, [ProblemCode.ACE_FLAGS]),
        (
            "O:BAG:BAD:(OA;;CCDC;bf967aba-0de6-11d0-a285-00aa003049e2;;WD)",
            ACCESS,
            [ProblemCode.ACE_TYPE],
        ),
        ("O:BAG:BAD:(A;;CCDC;;;WD)S:(ML;;NX;;;LW)", ACCESS, []),
        ("O:BAG:BAD:(A;;CCDC;;;WD)S:(ML;;NX;;;LW)(ML;;NX;;;ME)", ACCESS, [ProblemCode.SEVERAL_LABELS]),
    ],
)
def test_each_rule_is_reported_by_name(sddl: str, kind: ComKind, expected: list[ProblemCode]) -> None:
    assert codes(sddl, kind) == expected


def test_a_problem_names_the_ace_and_its_trustee() -> None:
    found = problems(from_sddl("O:BAG:BAD:(A;;CCDC;;;BA)(A;;DC;;;WD)"), ACCESS)
    assert [(item.ace_index, item.trustee) for item in found] == [(1, EVERYONE)]


def test_require_valid_lets_pass_what_the_caller_allows() -> None:
    descriptor = from_sddl("O:BAG:BAD:NO_ACCESS_CONTROL")
    with pytest.raises(ComSecurityError, match="everyone every right"):
        require_valid(descriptor, ACCESS)
    require_valid(descriptor, ACCESS, allow={ProblemCode.NULL_DACL})


# -- the pitfalls that peers fell into


def test_deny_writes_a_deny_ace_and_not_an_allow() -> None:
    edited = deny(from_sddl("O:BAG:BAD:(A;;CCDCLC;;;WD)"), ACCESS, OPC_USERS, [REMOTE])
    assert to_sddl(edited) == f"O:BAG:BAD:(D;;CCLC;;;{OPC_USERS})(A;;CCDCLC;;;WD)"


def test_granting_keeps_the_other_aces_of_the_principal() -> None:
    before = from_sddl(f"O:BAG:BAD:(D;;CCLC;;;{OPC_USERS})(A;;CCDC;;;BA)")
    edited = grant(before, ACCESS, OPC_USERS, [LOCAL])
    assert to_sddl(edited) == f"O:BAG:BAD:(D;;CCLC;;;{OPC_USERS})(A;;CCDC;;;BA)(A;;CCDC;;;{OPC_USERS})"


def test_an_allow_never_goes_before_a_deny() -> None:
    edited = grant(from_sddl("O:BAG:BAD:(D;;CCDCLC;;;AN)"), ACCESS, OPC_USERS, [REMOTE])
    assert to_sddl(edited) == f"O:BAG:BAD:(D;;CCDCLC;;;AN)(A;;CCLC;;;{OPC_USERS})"


def test_flags_of_the_dacl_do_not_disturb() -> None:
    edited = grant(from_sddl("O:BAG:BAD:PAI(A;;CCDCLC;;;SY)"), ACCESS, OPC_USERS, [REMOTE])
    assert to_sddl(edited) == f"O:BAG:BAD:PAI(A;;CCDCLC;;;SY)(A;;CCLC;;;{OPC_USERS})"


def test_a_launch_mask_cannot_get_into_an_access_acl() -> None:
    before = from_sddl("O:BAG:BAD:(A;;CCDCLC;;;SY)")
    for right in (ComRight.REMOTE_LAUNCH, ComRight.REMOTE_ACTIVATION):
        with pytest.raises(ComSecurityError):
            grant(before, ACCESS, OPC_USERS, [right])
    assert [ace.mask for ace in grant(before, ACCESS, OPC_USERS, [LOCAL, REMOTE]).dacl.aces] == [7, 7]  # type: ignore[union-attr]


def test_a_granted_ace_never_lands_in_the_sacl() -> None:
    before = from_sddl(f"O:BAG:BAD:(A;;CCDCLC;;;SY){LABEL}")
    edited = grant(before, ACCESS, OPC_USERS, [REMOTE])
    assert edited.sacl == before.sacl
    assert to_sddl(edited) == f"O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCLC;;;{OPC_USERS}){LABEL}"


def test_the_same_trustee_with_another_mask_gets_no_second_ace() -> None:
    edited = grant(from_sddl(f"O:BAG:BAD:(A;;CCDC;;;{OPC_USERS})(A;;CCDC;;;SY)"), ACCESS, OPC_USERS, [REMOTE])
    assert to_sddl(edited) == f"O:BAG:BAD:(A;;CCDCLC;;;{OPC_USERS})(A;;CCDC;;;SY)"


# -- edits


def test_revoking_some_rights_leaves_the_others() -> None:
    before = from_sddl(f"O:BAG:BAD:(A;;CCDCLCSWRP;;;{OPC_USERS})(A;;CCDCLCSWRP;;;SY)")
    edited = revoke(before, LAUNCH, OPC_USERS, [ComRight.REMOTE_LAUNCH, ComRight.LOCAL_LAUNCH])
    assert to_sddl(edited) == f"O:BAG:BAD:(A;;CCSWRP;;;{OPC_USERS})(A;;CCDCLCSWRP;;;SY)"


@pytest.mark.parametrize("wanted", [None, [LOCAL, REMOTE]])
def test_revoking_all_rights_removes_the_ace(wanted: list[ComRight] | None) -> None:
    before = from_sddl(f"O:BAG:BAD:(D;;CCLC;;;{OPC_USERS})(A;;CCDC;;;{OPC_USERS})(A;;CCDC;;;SY)")
    assert to_sddl(revoke(before, ACCESS, OPC_USERS, wanted)) == f"O:BAG:BAD:(D;;CCLC;;;{OPC_USERS})(A;;CCDC;;;SY)"


def test_revoking_the_denied_leaves_the_allowed() -> None:
    before = from_sddl(f"O:BAG:BAD:(D;;CCDCLC;;;{OPC_USERS})(A;;CCDC;;;{OPC_USERS})")
    edited = revoke(before, ACCESS, OPC_USERS, [LOCAL], access=Access.DENY)
    assert to_sddl(edited) == f"O:BAG:BAD:(D;;CCLC;;;{OPC_USERS})(A;;CCDC;;;{OPC_USERS})"
    gone = revoke(before, ACCESS, OPC_USERS, access=Access.DENY)
    assert to_sddl(gone) == f"O:BAG:BAD:(A;;CCDC;;;{OPC_USERS})"


def test_revoking_all_also_removes_an_ace_without_meaning_for_the_kind() -> None:
    before = from_sddl(f"O:BAG:BAD:(A;;CCSWRP;;;{OPC_USERS})(A;;CCDC;;;SY)")
    assert to_sddl(revoke(before, ACCESS, OPC_USERS)) == "O:BAG:BAD:(A;;CCDC;;;SY)"


def test_revoking_the_last_entry_leaves_an_empty_dacl_that_admits_nobody() -> None:
    edited = revoke(from_sddl(f"O:BAG:BAD:(A;;CCDC;;;{OPC_USERS})"), ACCESS, OPC_USERS)
    assert to_sddl(edited) == "O:BAG:BAD:"


def test_setting_rights_of_one_trustee_keeps_its_place_and_everybody_else() -> None:
    before = from_sddl(f"O:BAG:BAD:(A;;CCDC;;;SY)(A;;CCDC;;;{OPC_USERS})(A;;CCLC;;;{OPC_USERS})(A;;CCDC;;;{ORPHAN})")
    edited = set_rights(before, ACCESS, OPC_USERS, allowed=[REMOTE], denied=[LOCAL])
    assert to_sddl(edited) == (
        f"O:BAG:BAD:(D;;CCDC;;;{OPC_USERS})(A;;CCDC;;;SY)(A;;CCLC;;;{OPC_USERS})(A;;CCDC;;;{ORPHAN})"
    )
    assert to_sddl(set_rights(edited, ACCESS, OPC_USERS)) == f"O:BAG:BAD:(A;;CCDC;;;SY)(A;;CCDC;;;{ORPHAN})"


def test_exact_replaces_the_dacl_and_nothing_else() -> None:
    owner = Sid.from_string("S-1-5-18")
    opaque = OpaqueAce(0x7E, 0, b"gone")
    before = SecurityDescriptor(
        owner, EVERYONE, Acl((Ace(0, 0, 7, EVERYONE), opaque)), from_sddl(LABEL).sacl, control=0x1000
    )
    wanted = [
        Permission(OPC_USERS, frozenset({REMOTE})),
        Permission(ANONYMOUS_LOGON, frozenset({LOCAL, REMOTE}), Access.DENY),
        Permission(OPC_USERS, frozenset({LOCAL})),
    ]
    edited = set_exact(before, ACCESS, wanted)
    assert to_sddl(edited) == f"O:SYG:WDD:P(D;;CCDCLC;;;AN)(A;;CCDCLC;;;{OPC_USERS}){LABEL}"
    assert permissions_of(edited, ACCESS) == (
        Permission(ANONYMOUS_LOGON, frozenset({LOCAL, REMOTE}), Access.DENY),
        Permission(OPC_USERS, frozenset({LOCAL, REMOTE})),
    )


def test_exact_takes_any_descriptor_and_gives_an_acceptable_one() -> None:
    for sddl in ("", "O:BAG:BA", "D:NO_ACCESS_CONTROL", "D:(A;;DC;;;WD)", "O:BAD:(A;;CC;;;WD)(A;;CCDC;;;BA)"):
        edited = set_exact(from_sddl(sddl), ACCESS, [Permission(OPC_USERS, frozenset({REMOTE}))])
        require_valid(edited, ACCESS)
        assert to_sddl(edited) == f"O:BAG:BAD:(A;;CCLC;;;{OPC_USERS})"


def test_a_new_descriptor_is_owned_by_administrators() -> None:
    made = new_descriptor([Permission(ADMINISTRATORS, frozenset(rights_of_kind(LAUNCH)))], LAUNCH)
    assert to_sddl(made) == "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)"


def test_old_format_becomes_new_on_any_edit() -> None:
    before = SecurityDescriptor.from_bytes(vector("opcenum_legacy_everyone_execute_only_padded_ace").data)
    as_access = grant(before, ACCESS, OPC_USERS, [REMOTE])
    assert [ace.mask for ace in as_access.dacl.aces] == [0x7, 0x5]  # type: ignore[union-attr]
    as_launch = grant(before, LAUNCH, OPC_USERS, [ComRight.REMOTE_ACTIVATION])
    assert [ace.mask for ace in as_launch.dacl.aces] == [0x1F, 0x11]  # type: ignore[union-attr]
    # The padding of the untouched entry is still there.
    assert as_access.dacl.aces[0].to_bytes()[-4:] == bytes(4)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "sddl",
    [
        "O:BAG:BAD:NO_ACCESS_CONTROL",
        "O:BAG:BA",
        "D:(A;;CCDC;;;WD)",
        "O:BAG:BAD:(A;;DC;;;WD)",
        "O:BAG:BAD:(A;;CC;;;WD)(A;;CCDC;;;BA)",
        "O:BAG:BAD:(A;;GA;;;WD)",
    ],
)
def test_no_edit_of_what_com_rejects_or_of_no_dacl(sddl: str) -> None:
    with pytest.raises(ComSecurityError, match=r"cannot be edited.*Set them exactly, or repair"):
        grant(from_sddl(sddl), ACCESS, OPC_USERS, [REMOTE])


def test_repair_makes_it_acceptable_and_says_no_more_than_it_must() -> None:
    mixed = SecurityDescriptor.from_bytes(vector("msdoc_invalid_mixed_old_new_format").data)
    assert [ace.mask for ace in repair(mixed, LAUNCH).dacl.aces] == [0x1F, 0xB, 0x9]  # type: ignore[union-attr]
    assert to_sddl(repair(from_sddl("D:(A;;DCLC;;;WD)(A;;CCDC;;;BA)(D;;CCLC;;;AN)"), ACCESS)) == (
        "O:BAG:BAD:(D;;CCLC;;;AN)(A;;CCDC;;;BA)"
    )
    assert to_sddl(repair(from_sddl("D:NO_ACCESS_CONTROL"), ACCESS)) == "O:BAG:BAD:NO_ACCESS_CONTROL"


def test_inherit_only_entries_count_for_nothing_and_stay() -> None:
    before = from_sddl(f"O:BAG:BAD:(A;CIIO;CCDCLC;;;{OPC_USERS})")
    assert permissions_of(before, ACCESS) == ()
    edited = grant(before, ACCESS, OPC_USERS, [LOCAL])
    assert to_sddl(edited) == f"O:BAG:BAD:(A;CIIO;CCDCLC;;;{OPC_USERS})(A;;CCDC;;;{OPC_USERS})"


# -- properties


def foreign_aces(descriptor: SecurityDescriptor, trustee: Sid) -> list[object]:
    """The ACEs an edit of this trustee must keep, in stored order; masks of the old format count as all rights."""
    assert descriptor.dacl is not None
    return [
        replace(ace, mask=0) if isinstance(ace, Ace) and ace.mask in (0x1, 0x7, 0x1F) else ace
        for ace in descriptor.dacl.aces
        if not (isinstance(ace, Ace) and ace.trustee == trustee)
    ]


EDITS = {
    "grant": grant,
    "deny": deny,
    "revoke": revoke,
    "set_rights": lambda sd, kind, trustee, wanted: set_rights(sd, kind, trustee, wanted, ()),
}
CASES = kinds.flatmap(
    lambda kind: st.tuples(st.just(kind), com_descriptors(kind), some_sids, rights(kind), st.sampled_from(list(EDITS)))
)


@given(CASES)
def test_edits_keep_what_is_foreign_are_canonical_and_idempotent(case: tuple) -> None:  # type: ignore[type-arg]
    kind, before, trustee, wanted, name = case
    after = EDITS[name](before, kind, trustee, wanted)
    assert (after.owner, after.group, after.sacl, after.control) == (
        before.owner,
        before.group,
        before.sacl,
        before.control,
    )
    assert sorted(map(repr, foreign_aces(after, trustee))) == sorted(map(repr, foreign_aces(before, trustee)))
    assert after.dacl is not None
    assert is_canonical(after.dacl)
    assert EDITS[name](after, kind, trustee, wanted) == after
    assert not [problem for problem in problems(after, kind) if problem.is_rejected_by_com]


def said_of(descriptor: SecurityDescriptor, kind: ComKind, trustee: Sid, access: Access) -> frozenset[ComRight]:
    own = [p.rights for p in permissions_of(descriptor, kind) if (p.trustee, p.access) == (trustee, access)]
    return frozenset[ComRight]().union(*own)


@given(CASES)
def test_edits_do_what_their_name_says(case: tuple) -> None:  # type: ignore[type-arg]
    kind, before, trustee, wanted, _name = case
    allowed, denied = (said_of(before, kind, trustee, access) for access in Access)
    for name, expected in (
        ("grant", (allowed | wanted, denied)),
        ("deny", (allowed, denied | wanted)),
        ("revoke", (allowed - wanted, denied)),
        ("set_rights", (wanted, frozenset())),
    ):
        after = EDITS[name](before, kind, trustee, wanted)
        assert tuple(said_of(after, kind, trustee, access) for access in Access) == expected, name


@given(kinds.flatmap(lambda kind: st.tuples(st.just(kind), com_descriptors(kind), permissions(kind))))
def test_exact_gives_exactly_that(case: tuple) -> None:  # type: ignore[type-arg]
    kind, before, wanted = case
    after = set_exact(before, kind, wanted)
    for trustee in {item.trustee for item in wanted} | {AUTHENTICATED_USERS}:
        for access in Access:
            expected = frozenset().union(*(p.rights for p in wanted if (p.trustee, p.access) == (trustee, access)))
            assert said_of(after, kind, trustee, access) == expected
    assert set_exact(after, kind, wanted) == after
    assert same_meaning(after, replace(after, dacl=set_exact(after, kind, permissions_of(after, kind)).dacl))
    require_valid(after, kind)
