# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._local_accounts import (
    LocalGroup,
    LocalUser,
    account_name_problem,
    manual_steps,
    runs_modules,
)

SOUND = LocalUser("OPCUser", "S-1-5-21-1-2-3-1001", True, False, False, False)
DCOM_USERS = LocalGroup("Distributed COM-Benutzer", exists=True)
OPC_USERS = LocalGroup("OPC Users", exists=False)


@pytest.mark.parametrize(
    ("version", "can_run"),
    [("", False), ("2.0", False), ("3.0", True), ("4.0", True), ("5.1.17763.5329", True), ("x", False)],
)
def test_which_powershell_runs_modules(version: str, can_run: bool) -> None:
    assert runs_modules(version) is can_run


def steps(users: list[LocalUser], *names: str, has_wmic: bool = True, denies_interactive: bool = False) -> list[str]:
    groups = [OPC_USERS, DCOM_USERS]
    return list(manual_steps(names, users, groups, denies_interactive=denies_interactive, has_wmic=has_wmic))


def test_what_is_missing_is_made_by_commands_groups_first() -> None:
    assert steps([], "OPCUser", denies_interactive=True) == [
        'net localgroup "OPC Users" /add',
        'net user "OPCUser" * /add /passwordchg:no /expires:never',
        "wmic useraccount where \"LocalAccount=True and Name='OPCUser'\" set PasswordExpires=False",
        'net localgroup "OPC Users" "OPCUser" /add',
        'net localgroup "Distributed COM-Benutzer" "OPCUser" /add',
        'secpol.msc: Local Policies, User Rights Assignment, "Deny log on locally": add the accounts',
        'secpol.msc: Local Policies, User Rights Assignment, "Deny log on through Remote Desktop Services": add the '
        "accounts",
    ]


def test_without_wmic_the_password_is_kept_from_expiring_by_hand() -> None:
    (_group, _user, step, *_members) = steps([], "OPCUser", has_wmic=False)
    assert step == 'lusrmgr.msc: Users, OPCUser: check "Password never expires"'


def test_a_sound_account_needs_nothing() -> None:
    assert steps([SOUND], "opcuser", denies_interactive=True) == []
    assert SOUND.troubles == ()


def test_only_what_is_missing_is_made() -> None:
    made = [step for step in steps([SOUND], "OPCUser", "OPCOther") if "OPCUser" in step]
    assert made == []


@pytest.mark.parametrize("name", ["OPCUser", "O'Brien & Co", "100% ^x", "Bediener Süd", "a" * 20, ".x"])
def test_names_that_windows_takes(name: str) -> None:
    assert account_name_problem(name) is None


@pytest.mark.parametrize(
    "name",
    ["", " ", "...", "x.", "a" * 21, *(f"a{character}b" for character in '"/\\[]:;|=,+*?<>@\x00\r\n\x1f')],
)
def test_names_that_windows_refuses(name: str) -> None:
    assert account_name_problem(name) is not None


@pytest.mark.parametrize(
    ("user", "trouble", "command"),
    [
        (replace(SOUND, is_enabled=False), "it is disabled", "net user"),
        (replace(SOUND, is_locked_out=True), "it is locked out", "net user"),
        (replace(SOUND, password_changeable=True), "it may change its password", "net user"),
        (replace(SOUND, password_expires=True), "its password expires", "wmic useraccount"),
    ],
)
def test_what_is_wrong_with_an_account(user: LocalUser, trouble: str, command: str) -> None:
    assert user.troubles == (trouble,)
    (step,) = steps([user], "OPCUser")
    assert step.startswith(command)
