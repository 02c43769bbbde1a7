# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""net.exe and wmic.exe as a person uses them for local accounts."""

from __future__ import annotations

import pytest
from hosts import ADDRESS, administrator, operator, run

from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2019, SERVER_2025

NEVER_EXPIRES = "wmic useraccount where \"LocalAccount=True and Name='opc'\" set PasswordExpires={}"
TYPED = b"Word-1\r\nWord-1\r\n"


@pytest.fixture
def host() -> SimulatedHost:
    return SimulatedHost("gw01", SERVER_2019)


def test_a_user_and_a_group(host: SimulatedHost) -> None:
    caller = administrator(host)
    lines = (
        'net user "opc" * /add /passwordchg:no /expires:never',
        'net localgroup "OPC Users" /add',
        'net localgroup "OPC Users" "opc" /add',
    )
    assert [run(host, caller, line, TYPED).exit_code for line in lines] == [0, 0, 0]
    user = host.accounts.local.user("opc")
    assert user.cannot_change_password
    assert not user.password_never_expires
    assert host.accounts.is_password("opc", "Word-1")
    assert host.accounts.local.group("OPC Users").members == {user.sid}
    assert "Word-1" not in repr(host.journal.records)


def test_switching_on_unlocks(host: SimulatedHost) -> None:
    caller = administrator(host)
    host.accounts.create_user(None, "opc", "Word-1", is_enabled=False, is_locked_out=True)
    assert run(host, caller, "net user opc /active:yes").exit_code == 0
    user = host.accounts.local.user("opc")
    assert (user.is_enabled, user.is_locked_out) == (True, False)
    assert host.accounts.is_password("opc", "Word-1")


@pytest.mark.parametrize(("word", "never_expires"), [("False", True), ("true", False)])
def test_whether_a_password_expires(host: SimulatedHost, word: str, never_expires: bool) -> None:
    caller = administrator(host)
    host.accounts.create_user(None, "opc", "Word-1", password_never_expires=not never_expires)
    host.accounts.create_user(None, "other", "Word-1")
    done = run(host, caller, NEVER_EXPIRES.format(word))
    assert done.stdout.startswith("Property(s) update successful.")
    assert host.accounts.local.user("opc").password_never_expires is never_expires
    assert not host.accounts.local.user("other").password_never_expires


def test_nobody_fits(host: SimulatedHost) -> None:
    assert "No Instance" in run(host, administrator(host), NEVER_EXPIRES.format("False")).stderr


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("net user Administrator * /add", 2224),
        ('net user "a|b" * /add', 1315),
        ("net user nobody /active:yes", 2221),
        ('net localgroup "OPC Users" Administrator /add', 1376),
        ("net localgroup Users nobody /add", 1387),
        ("net localgroup Administrators Administrator /add", 1378),
    ],
)
def test_refusals_tell_the_error(host: SimulatedHost, line: str, code: int) -> None:
    done = run(host, administrator(host), line, TYPED)
    assert done.exit_code == 2
    assert f"System error {code}" in done.stderr
    assert host.violations == []


@pytest.mark.parametrize("line", ["net user opc * /add", 'net localgroup "OPC Users" /add'])
def test_only_an_administrator_may(host: SimulatedHost, line: str) -> None:
    before = host.snapshot().accounts
    assert "System error 5 " in run(host, operator(host), line, TYPED).stderr
    assert len(host.snapshot().accounts) == len(before) + 1  # the operator


@pytest.mark.parametrize(
    "line",
    [
        "net user opc Word-1 /add",
        "net user opc * /add /domain",
        "net user",
        "net localgroup Users /delete",
        "net accounts",
        "wmic os get Caption",
        "wmic useraccount where \"Name like '%'\" set PasswordExpires=perhaps",
        'wmic useraccount where "Name is what" set PasswordExpires=False',
    ],
)
def test_the_rest_is_refused_and_remembered(host: SimulatedHost, line: str) -> None:
    caller = administrator(host)
    before = host.snapshot()
    assert run(host, caller, line, TYPED).exit_code == 1
    assert len(host.violations) == 1
    assert "Word-1" not in repr(host.violations)
    assert host.snapshot() == before


def test_a_prompt_that_is_answered_differently_makes_no_user(host: SimulatedHost) -> None:
    assert run(host, administrator(host), "net user opc * /add", b"Word-1\r\nWord-2\r\n").exit_code == 1
    assert host.accounts.local.find_user("opc") is None


def test_newer_windows_has_no_wmic() -> None:
    host = SimulatedHost("gw01", SERVER_2025)
    assert run(host, host.caller_of("Administrator", ADDRESS), "wmic os").exit_code == 1
    assert "unknown program 'wmic'" in host.violations[0].message
