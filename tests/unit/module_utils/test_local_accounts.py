# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._local_accounts import (
    LocalUser,
    manual_steps,
    runs_modules,
)

SOUND = LocalUser("OPCUser", "S-1-5-21-1-2-3-1001", True, False, False, False)


@pytest.mark.parametrize(
    ("version", "can_run"),
    [("", False), ("2.0", False), ("3.0", True), ("4.0", True), ("5.1.17763.5329", True), ("x", False)],
)
def test_which_powershell_runs_modules(version: str, can_run: bool) -> None:
    assert runs_modules(version) is can_run


def test_an_account_that_is_missing_is_made_by_three_commands() -> None:
    assert manual_steps(["OPCUser"], [], ["Distributed COM-Benutzer"], denies_interactive=True) == (
        'net user "OPCUser" * /add /passwordchg:no /expires:never',
        "wmic useraccount where \"LocalAccount=True and Name='OPCUser'\" set PasswordExpires=False",
        'net localgroup "Distributed COM-Benutzer" "OPCUser" /add',
        'secpol.msc: Local Policies, User Rights Assignment, "Deny log on locally": add the accounts',
    )


def test_a_sound_account_needs_nothing() -> None:
    assert manual_steps(["opcuser"], [SOUND], ["OPC Users"], denies_interactive=True) == ()
    assert SOUND.troubles == ()


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
    (step,) = manual_steps(["OPCUser"], [user], ["OPC Users"], denies_interactive=False)
    assert step.startswith(command)
