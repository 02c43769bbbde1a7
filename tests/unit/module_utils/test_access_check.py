# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets in: the plain access check, tokens, and the doors of COM with the ACE that decided."""

from __future__ import annotations

from dataclasses import replace

import pytest
from descriptor_strategies import com_descriptors, kinds, rights, some_sids
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._access_check import (
    Assumption,
    CheckResult,
    ComAction,
    ComCaller,
    Door,
    HostSecurity,
    Reason,
    Token,
    access_check,
    check_com,
    effective_rights,
    token_of,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_defaults import (
    ACCESS_LIMIT_SERVER_2003_SP1,
    ACCESS_LIMIT_WINDOWS_7,
    DEFAULT_LAUNCH,
    LAUNCH_LIMIT_WINDOWS_7,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind, ComRight, rights_of_kind
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_security import Access, deny, grant, revoke
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import from_sddl
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._well_known import (
    ADMINISTRATORS,
    ANONYMOUS_LOGON,
    AUTHENTICATED_USERS,
    DISTRIBUTED_COM_USERS,
    EVERYONE,
    INTERACTIVE,
    LOCAL_ACCOUNT_AND_ADMINISTRATOR,
    LOCAL_SYSTEM,
    NETWORK,
    SELF,
)

MACHINE = Sid.from_string("S-1-5-21-3388131059-2642654006-1006207564")
OPC_USER, OPC_GROUP, OTHER = (MACHINE.with_rid(rid) for rid in (1000, 1105, 1200))
LAUNCH, ACTIVATE, CALL = ComAction.LAUNCH, ComAction.ACTIVATE, ComAction.CALL


# -- the plain access check


@pytest.mark.parametrize(
    ("sddl", "sids", "mask", "expected"),
    [
        ("D:NO_ACCESS_CONTROL", [OTHER], 0x1F, CheckResult(True, 0)),
        ("O:BAG:BA", [OTHER], 0x1F, CheckResult(True, 0)),
        ("D:", [OTHER], 0x1, CheckResult(False, 0x1)),
        ("D:", [OTHER], 0, CheckResult(True, 0)),
        ("D:(A;;CCDC;;;WD)", [OTHER, EVERYONE], 0x3, CheckResult(True, 0, 0)),
        ("D:(A;;CCDC;;;WD)", [OTHER, EVERYONE], 0x7, CheckResult(False, 0x4)),
        # Rights may come from several ACEs; the one that gives the last decides.
        ("D:(A;;CC;;;WD)(A;;DC;;;BA)(A;;LC;;;WD)", [ADMINISTRATORS, EVERYONE], 0x7, CheckResult(True, 0, 2)),
        # Stored order: a deny counts only for what is not yet given.
        ("D:(D;;LC;;;AN)(A;;CCDCLC;;;WD)", [ANONYMOUS_LOGON, EVERYONE], 0x7, CheckResult(False, 0x7, 0)),
        ("D:(A;;CCDCLC;;;WD)(D;;LC;;;AN)", [ANONYMOUS_LOGON, EVERYONE], 0x7, CheckResult(True, 0, 0)),
        ("D:(A;;CC;;;WD)(D;;LC;;;AN)(A;;LC;;;WD)", [ANONYMOUS_LOGON, EVERYONE], 0x5, CheckResult(False, 0x4, 1)),
        ("D:(D;;DC;;;AN)(A;;CC;;;WD)", [ANONYMOUS_LOGON, EVERYONE], 0x1, CheckResult(True, 0, 1)),
        ("D:(A;OIIO;CC;;;WD)", [EVERYONE], 0x1, CheckResult(False, 0x1)),
        ("D:(D;IO;CC;;;WD)(A;;CC;;;WD)", [EVERYONE], 0x1, CheckResult(True, 0, 1)),
        # The owner may read and change the DACL, unless OWNER RIGHTS says what it may.
        ("O:BAD:", [ADMINISTRATORS], 0x60000, CheckResult(True, 0)),
        ("O:BAD:", [EVERYONE], 0x20000, CheckResult(False, 0x20000)),
        ("O:BAD:(A;;RC;;;OW)", [ADMINISTRATORS], 0x60000, CheckResult(False, 0x40000)),
        ("O:BAD:(A;;RC;;;OW)", [EVERYONE], 0x20000, CheckResult(False, 0x20000)),
        ("D:(A;;0x1000000;;;WD)", [EVERYONE], 0x1000000, CheckResult(False, 0x1000000)),
        (
            "D:(OD;;CC;bf967aba-0de6-11d0-a285-00aa003049e2;;WD)(A;;CC;;;WD)",
            [EVERYONE],
            0x1,
            CheckResult(False, 0x1, 0),
        ),
        ("D:(OA;;CC;bf967aba-0de6-11d0-a285-00aa003049e2;;WD)", [EVERYONE], 0x1, CheckResult(False, 0x1)),
    ],
)
def test_access_check(sddl: str, sids: list[Sid], mask: int, expected: CheckResult) -> None:
    assert access_check(from_sddl(sddl), sids, mask) == expected


def test_a_deny_only_sid_denies_and_does_not_allow() -> None:
    allow, refuse = from_sddl("D:(A;;CC;;;BA)"), from_sddl("D:(D;;CC;;;BA)(A;;CC;;;WD)")
    assert not access_check(allow, [EVERYONE], 1, deny_only_sids=[ADMINISTRATORS]).granted
    assert access_check(refuse, [EVERYONE], 1, deny_only_sids=[ADMINISTRATORS]).ace_index == 0


def test_maximum_allowed_is_another_question() -> None:
    with pytest.raises(DomainError):
        access_check(from_sddl("D:"), [EVERYONE], 0x2000000)


# -- tokens


HOST = HostSecurity(
    machine_access_limit=ACCESS_LIMIT_WINDOWS_7.descriptor,
    machine_launch_limit=LAUNCH_LIMIT_WINDOWS_7.descriptor,
    default_access=from_sddl("O:BAG:BAD:(A;;CCDCLC;;;PS)(A;;CCDC;;;SY)(A;;CCDCLC;;;BA)"),
    default_launch=DEFAULT_LAUNCH.descriptor,
)


@pytest.mark.parametrize(
    ("caller", "sids", "deny_only"),
    [
        (ComCaller(OPC_USER), {OPC_USER, EVERYONE, AUTHENTICATED_USERS, NETWORK}, set()),
        (
            ComCaller(OPC_USER, frozenset({OPC_GROUP}), is_remote=False),
            {OPC_USER, OPC_GROUP, EVERYONE, AUTHENTICATED_USERS},
            set(),
        ),
        (ComCaller(ANONYMOUS_LOGON), {ANONYMOUS_LOGON}, set()),
        (ComCaller(MACHINE.with_rid(501)), {MACHINE.with_rid(501), EVERYONE, NETWORK}, set()),
        (
            ComCaller(LOCAL_SYSTEM, is_remote=False),
            {LOCAL_SYSTEM, ADMINISTRATORS, EVERYONE, AUTHENTICATED_USERS},
            set(),
        ),
        (
            ComCaller(OPC_USER, frozenset({ADMINISTRATORS, LOCAL_ACCOUNT_AND_ADMINISTRATOR}), is_local_account=True),
            {OPC_USER, EVERYONE, AUTHENTICATED_USERS, NETWORK},
            {ADMINISTRATORS, LOCAL_ACCOUNT_AND_ADMINISTRATOR},
        ),
        (
            ComCaller(MACHINE.with_rid(500), frozenset({ADMINISTRATORS}), is_local_account=True),
            {MACHINE.with_rid(500), ADMINISTRATORS, EVERYONE, AUTHENTICATED_USERS, NETWORK},
            set(),
        ),
        (
            ComCaller(OPC_USER, frozenset({ADMINISTRATORS})),
            {OPC_USER, ADMINISTRATORS, EVERYONE, AUTHENTICATED_USERS, NETWORK},
            set(),
        ),
    ],
)
def test_tokens(caller: ComCaller, sids: set[Sid], deny_only: set[Sid]) -> None:
    assert token_of(caller, HOST) == Token(frozenset(sids), frozenset(deny_only))


def test_settings_of_the_host_change_the_token() -> None:
    anonymous = token_of(ComCaller(ANONYMOUS_LOGON), replace(HOST, everyone_includes_anonymous=True))
    assert anonymous.sids == {ANONYMOUS_LOGON, EVERYONE}
    administrator = ComCaller(OPC_USER, frozenset({ADMINISTRATORS}), is_local_account=True)
    assert ADMINISTRATORS in token_of(administrator, replace(HOST, filters_local_administrators=False)).sids
    assert SELF in token_of(ComCaller(OPC_USER), replace(HOST, server_identity=OPC_USER)).sids
    assert SELF not in token_of(ComCaller(OTHER), replace(HOST, server_identity=OPC_USER)).sids


# -- the doors


def doors_of(host: HostSecurity, caller: ComCaller, action: ComAction) -> list[Door]:
    return [result.door for result in check_com(host, caller, action).doors]


def test_which_doors_are_asked() -> None:
    own = replace(HOST, application_access=from_sddl("O:BAG:BAD:"), application_launch=from_sddl("O:BAG:BAD:"))
    caller = ComCaller(OPC_USER)
    limits = [Door.MACHINE_ACCESS_LIMIT, Door.MACHINE_LAUNCH_LIMIT]
    for action in (LAUNCH, ACTIVATE):
        assert doors_of(HOST, caller, action) == [*limits, Door.DEFAULT_LAUNCH]
        assert doors_of(own, caller, action) == [*limits, Door.APPLICATION_LAUNCH]
    assert doors_of(HOST, caller, CALL) == [Door.MACHINE_ACCESS_LIMIT, Door.DEFAULT_ACCESS]
    assert doors_of(own, caller, CALL) == [Door.MACHINE_ACCESS_LIMIT, Door.APPLICATION_ACCESS]


def test_a_plain_user_is_refused_at_the_launch_limit_by_no_ace() -> None:
    verdict = check_com(HOST, ComCaller(OPC_USER), ACTIVATE)
    assert not verdict.allowed
    assert verdict.door is Door.MACHINE_LAUNCH_LIMIT
    assert verdict.refused_by is not None
    assert (verdict.refused_by.reason, verdict.refused_by.ace_index) == (Reason.NO_ACE, None)
    assert verdict.refused_by.missing == {ComRight.REMOTE_ACTIVATION}
    assert verdict.assumptions == frozenset()


def test_membership_of_distributed_com_users_opens_the_limit_but_not_the_application() -> None:
    verdict = check_com(HOST, ComCaller(OPC_USER, frozenset({DISTRIBUTED_COM_USERS})), LAUNCH)
    limit = verdict.doors[1]
    assert (limit.door, limit.reason, limit.ace_index, limit.trustee) == (
        Door.MACHINE_LAUNCH_LIMIT,
        Reason.ALLOWED_BY_ACE,
        2,
        DISTRIBUTED_COM_USERS,
    )
    assert verdict.door is Door.DEFAULT_LAUNCH
    assert verdict.refused_by is not None
    assert verdict.refused_by.missing == {ComRight.REMOTE_LAUNCH, ComRight.REMOTE_ACTIVATION}


def test_the_two_doors_with_least_privilege() -> None:
    remote = [ComRight.REMOTE_ACTIVATION]
    host = replace(
        HOST,
        machine_launch_limit=grant(LAUNCH_LIMIT_WINDOWS_7.descriptor, ComKind.LAUNCH, OPC_GROUP, remote),
        application_launch=grant(DEFAULT_LAUNCH.descriptor, ComKind.LAUNCH, OPC_GROUP, remote),
        application_access=from_sddl(f"O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCLC;;;{OPC_GROUP})"),
    )
    member, stranger = ComCaller(OPC_USER, frozenset({OPC_GROUP})), ComCaller(OTHER)
    assert check_com(host, member, ACTIVATE).allowed
    assert check_com(host, member, CALL).allowed
    # Activating a running server is not launching one.
    assert check_com(host, member, LAUNCH).door is Door.MACHINE_LAUNCH_LIMIT
    assert check_com(host, stranger, ACTIVATE).door is Door.MACHINE_LAUNCH_LIMIT
    assert check_com(host, stranger, CALL).door is Door.APPLICATION_ACCESS


def test_the_access_limit_also_stops_activation() -> None:
    limit = revoke(ACCESS_LIMIT_WINDOWS_7.descriptor, ComKind.ACCESS, EVERYONE, [ComRight.REMOTE_ACCESS])
    host = replace(HOST, machine_access_limit=limit, application_launch=from_sddl("O:BAG:BAD:NO_ACCESS_CONTROL"))
    administrator = ComCaller(OPC_USER, frozenset({ADMINISTRATORS}))
    verdict = check_com(host, administrator, LAUNCH)
    assert verdict.door is Door.MACHINE_ACCESS_LIMIT
    assert [result.allowed for result in verdict.doors] == [False, True, True]


@pytest.mark.parametrize(
    ("limit", "everyone", "allowed"),
    [
        (ACCESS_LIMIT_WINDOWS_7, False, False),
        (ACCESS_LIMIT_WINDOWS_7, True, True),
        (ACCESS_LIMIT_SERVER_2003_SP1, False, True),
    ],
)
def test_anonymous_at_the_access_limit(limit: object, everyone: bool, allowed: bool) -> None:
    host = replace(
        HOST,
        machine_access_limit=limit.descriptor,  # type: ignore[attr-defined]
        application_access=from_sddl("O:BAG:BAD:(A;;CCDCLC;;;WD)(A;;CCDCLC;;;AN)"),
        everyone_includes_anonymous=everyone,
    )
    assert check_com(host, ComCaller(ANONYMOUS_LOGON), CALL).allowed is allowed


def test_everyone_does_not_admit_anonymous_to_an_application() -> None:
    host = replace(
        HOST,
        machine_access_limit=ACCESS_LIMIT_SERVER_2003_SP1.descriptor,
        application_access=from_sddl("O:BAG:BAD:(A;;CCDCLC;;;WD)(A;;CCDCLC;;;AU)"),
    )
    assert check_com(host, ComCaller(ANONYMOUS_LOGON), CALL).door is Door.APPLICATION_ACCESS


def test_self_is_the_identity_of_the_server() -> None:
    access = from_sddl("O:BAG:BAD:(A;;CCDCLC;;;PS)")
    host = replace(HOST, application_access=access, server_identity=OPC_USER)
    assert check_com(host, ComCaller(OPC_USER), CALL).allowed
    assert check_com(host, ComCaller(OTHER), CALL).door is Door.APPLICATION_ACCESS
    assert check_com(replace(host, server_identity=None), ComCaller(OPC_USER), CALL).door is Door.APPLICATION_ACCESS


def test_a_deny_that_stands_after_the_allow_is_not_reached() -> None:
    stored = from_sddl(f"O:BAG:BAD:(A;;CCDCLC;;;AU)(D;;CCDCLC;;;{OPC_USER})")
    host = replace(HOST, application_access=stored)
    verdict = check_com(host, ComCaller(OPC_USER), CALL)
    assert verdict.allowed
    assert verdict.doors[-1].ace_index == 0
    # Editing sorts, and from then on the deny holds.
    sorted_host = replace(host, application_access=deny(stored, ComKind.ACCESS, OPC_USER, [ComRight.REMOTE_ACCESS]))
    refused = check_com(sorted_host, ComCaller(OPC_USER), CALL).refused_by
    assert refused is not None
    assert (refused.reason, refused.ace_index, refused.trustee) == (Reason.DENIED_BY_ACE, 0, OPC_USER)


@pytest.mark.parametrize("caller", [ComCaller(OPC_USER), ComCaller(OPC_USER, is_remote=False)])
@pytest.mark.parametrize("action", list(ComAction))
def test_an_old_format_mask_gives_everything(caller: ComCaller, action: ComAction) -> None:
    old = from_sddl(f"O:BAG:BAD:(A;;CC;;;{OPC_USER})")
    host = HostSecurity(old, old, old, old)
    assert check_com(host, caller, action).allowed
    denied = HostSecurity(*[from_sddl(f"O:BAG:BAD:(D;;CC;;;{OPC_USER})(A;;CC;;;WD)")] * 4)
    assert check_com(denied, caller, action).door is Door.MACHINE_ACCESS_LIMIT


@pytest.mark.parametrize(
    "sddl",
    [
        "D:(A;;CCDCLC;;;WD)",
        "O:BAG:BAD:(A;;DCLC;;;WD)",
        "O:BAG:BAD:(A;;CC;;;BA)(A;;CCDCLC;;;WD)",
        "O:BAG:BAD:(A;;GA;;;WD)",
    ],
)
def test_com_denies_under_a_descriptor_it_rejects(sddl: str) -> None:
    verdict = check_com(replace(HOST, application_access=from_sddl(sddl)), ComCaller(OPC_USER), CALL)
    assert verdict.door is Door.APPLICATION_ACCESS
    assert verdict.refused_by is not None
    assert verdict.refused_by.reason is Reason.INVALID_DESCRIPTOR
    assert verdict.refused_by.missing == {ComRight.REMOTE_ACCESS}
    is_mixed = "(A;;CC;;;BA)" in sddl
    assert verdict.assumptions == ({Assumption.MIXED_FORMATS_DENIED} if is_mixed else set())


def test_a_null_dacl_lets_everyone_in_and_an_empty_one_nobody() -> None:
    anonymous = ComCaller(ANONYMOUS_LOGON)
    open_limit = replace(HOST, machine_access_limit=ACCESS_LIMIT_SERVER_2003_SP1.descriptor)
    for sddl, reason, allowed in (
        ("O:BAG:BAD:NO_ACCESS_CONTROL", Reason.NO_DACL, True),
        ("O:BAG:BA", Reason.NO_DACL, True),
        ("O:BAG:BAD:", Reason.NO_ACE, False),
    ):
        result = check_com(replace(open_limit, application_access=from_sddl(sddl)), anonymous, CALL).doors[-1]
        assert (result.reason, result.allowed) == (reason, allowed)


def test_authentication_level_none_makes_com_ignore_access_permissions_but_not_the_limits() -> None:
    shut = from_sddl("O:BAG:BAD:")
    host = replace(HOST, application_access=shut, authentication_level=1)
    verdict = check_com(host, ComCaller(OPC_USER), CALL)
    assert verdict.allowed
    assert verdict.doors[-1].reason is Reason.NOT_CHECKED
    assert check_com(replace(host, authentication_level=2), ComCaller(OPC_USER), CALL).door is Door.APPLICATION_ACCESS
    assert check_com(replace(host, machine_access_limit=shut), ComCaller(OPC_USER), CALL).door is (
        Door.MACHINE_ACCESS_LIMIT
    )
    launch = replace(host, application_launch=shut)
    assert check_com(launch, ComCaller(OPC_USER, frozenset({ADMINISTRATORS})), LAUNCH).door is Door.APPLICATION_LAUNCH


def test_local_and_remote_need_their_own_rights() -> None:
    host = replace(HOST, application_access=from_sddl("O:BAG:BAD:(A;;CCDC;;;AU)"))
    assert check_com(host, ComCaller(OPC_USER, is_remote=False), CALL).allowed
    refused = check_com(host, ComCaller(OPC_USER), CALL).refused_by
    assert refused is not None
    assert refused.missing == {ComRight.REMOTE_ACCESS}


def test_a_local_administrator_from_the_network_does_not_count_as_one() -> None:
    local = ComCaller(OPC_USER, frozenset({ADMINISTRATORS}), is_local_account=True)
    assert check_com(HOST, local, CALL).door is Door.DEFAULT_ACCESS
    assert check_com(replace(HOST, filters_local_administrators=False), local, CALL).allowed
    assert check_com(HOST, replace(local, is_local_account=False), CALL).allowed


def test_absent_values_act_as_shipped_and_the_verdict_says_so() -> None:
    nothing = HostSecurity()
    administrator = ComCaller(OPC_USER, frozenset({ADMINISTRATORS}))
    assert check_com(nothing, administrator, LAUNCH).allowed
    assert check_com(nothing, administrator, LAUNCH).assumptions == {
        Assumption.MACHINE_ACCESS_LIMIT_ABSENT,
        Assumption.MACHINE_LAUNCH_LIMIT_ABSENT,
        Assumption.DEFAULT_LAUNCH_ABSENT,
    }
    call = check_com(nothing, ComCaller(OPC_USER), CALL)
    assert call.door is Door.DEFAULT_ACCESS
    assert call.assumptions == {Assumption.MACHINE_ACCESS_LIMIT_ABSENT, Assumption.DEFAULT_ACCESS_ABSENT}
    assert check_com(nothing, ComCaller(LOCAL_SYSTEM, is_remote=False), CALL).allowed
    # An interactive user may launch, but not call: SELF is the server's identity.
    user = ComCaller(OPC_USER, frozenset({INTERACTIVE}), is_remote=False)
    assert check_com(nothing, user, LAUNCH).allowed
    assert not check_com(nothing, user, CALL).allowed


def test_effective_rights() -> None:
    token = token_of(ComCaller(OPC_USER), HOST)
    assert effective_rights(LAUNCH_LIMIT_WINDOWS_7.descriptor, ComKind.LAUNCH, token) == {
        ComRight.LOCAL_LAUNCH,
        ComRight.LOCAL_ACTIVATION,
    }
    assert effective_rights(from_sddl("D:(A;;CCDC;;;WD)"), ComKind.ACCESS, token) == frozenset()
    assert effective_rights(from_sddl("O:BAG:BA"), ComKind.ACCESS, token) == frozenset(rights_of_kind(ComKind.ACCESS))


@given(kinds.flatmap(lambda kind: st.tuples(st.just(kind), com_descriptors(kind), some_sids, rights(kind))))
def test_edits_show_in_what_a_trustee_effectively_has(case: tuple) -> None:  # type: ignore[type-arg]
    kind, before, trustee, wanted = case
    token = Token(frozenset({trustee}))
    assert not effective_rights(deny(before, kind, trustee, wanted), kind, token) & wanted
    admitted = grant(revoke(before, kind, trustee, access=Access.DENY), kind, trustee, wanted)
    assert effective_rights(admitted, kind, token) >= wanted
    gone = revoke(revoke(before, kind, trustee), kind, trustee, access=Access.DENY)
    assert effective_rights(gone, kind, token) == frozenset()
