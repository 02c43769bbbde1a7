# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""net.exe as far as a person makes local accounts with it: `net user` and `net localgroup`, adding and switching on.

`*` in place of a password asks for it twice; here the two lines come from stdin. A password on the command line is
refused and a violation: nothing of this collection may print such a command.

Source: Microsoft Learn, pages "net user" and "net localgroup"; error numbers are those of NetUserAdd and
NetLocalGroupAddMembers. Not simulated: listing, deleting, `net accounts`, /domain, dates. Unverified: exit code 2 of
every refusal.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..cim import Caller, ProgramResult
from ..journal import Journal
from ..subsystems.account_database import (
    ERROR_ACCESS_DENIED,
    ERROR_NO_SUCH_MEMBER,
    AccountError,
)
from ..subsystems.accounts import Accounts
from .program import Invocation

ERROR_NO_SUCH_ALIAS = 1376
_DONE = {
    "en-US": "The command completed successfully.\r\n\r\n",
    "de-DE": "Der Befehl wurde erfolgreich ausgeführt.\r\n\r\n",
}
# Options of `net user`: lower-case text -> field of the account and its value, None where nothing is to be done.
_USER_OPTIONS: dict[str, tuple[str, bool] | None] = {
    "/add": None,
    "/expires:never": None,
    "/active:yes": ("is_enabled", True),
    "/active:no": ("is_enabled", False),
    "/passwordchg:no": ("cannot_change_password", True),
    "/passwordchg:yes": ("cannot_change_password", False),
}


class _NotSimulatedError(Exception):
    """net.exe would understand it, the simulation does not."""


class Net:
    """net.exe of one host."""

    def __init__(self, accounts: Accounts, journal: Journal, ui_language: str) -> None:
        self._accounts = accounts
        self._journal = journal
        self._done = _DONE.get(ui_language, _DONE["en-US"])

    def program(self, invocation: Invocation) -> ProgramResult:
        try:
            self._run(invocation)
        except _NotSimulatedError as error:
            self._journal.violation("net", f"{error} is not simulated")
            return ProgramResult(stderr=f"simulated net: {error} is not simulated\r\n", exit_code=1)
        except AccountError as error:
            return ProgramResult(stderr=f"System error {error.code} has occurred.\r\n\r\n{error}\r\n\r\n", exit_code=2)
        return ProgramResult(self._done)

    def _run(self, invocation: Invocation) -> None:
        command, words = invocation.arguments[:1], invocation.arguments[1:]
        if command == ("user",):
            self._user(invocation.caller, words, invocation.stdin)
        elif command == ("localgroup",):
            self._local_group(invocation.caller, words)
        else:
            raise _NotSimulatedError("this command")

    def _user(self, caller: Caller, words: Sequence[str], stdin: bytes) -> None:
        names = [word for word in words if not word.startswith("/")]
        options = [word.lower() for word in words if word.startswith("/")]
        unknown = [option for option in options if option not in _USER_OPTIONS]
        if unknown or not names or names[1:] not in ([], ["*"]):
            raise _NotSimulatedError("a password or an option of net user")
        changes = dict(found for option in options if (found := _USER_OPTIONS[option]) is not None)
        if changes.get("is_enabled"):
            changes["is_locked_out"] = False
        if "/add" in options:
            password = _typed_twice(stdin) if names[1:] else ""
            self._accounts.create_user(caller, names[0], password, **changes)
        else:
            self._accounts.update_user(caller, names[0], **changes)

    def _local_group(self, caller: Caller, words: Sequence[str]) -> None:
        names = [word for word in words if not word.startswith("/")]
        if [word.lower() for word in words if word.startswith("/")] != ["/add"] or not names:
            raise _NotSimulatedError("an option of net localgroup")
        if len(names) == 1:
            self._accounts.create_group(caller, names[0])
            return
        group = self._accounts.local.find_group(names[0])
        if group is None:
            code = ERROR_NO_SUCH_ALIAS if caller.is_administrator else ERROR_ACCESS_DENIED
            raise AccountError(code, "The specified local group does not exist.")
        for name in names[1:]:
            user = self._accounts.local.find_user(name)
            if user is None:
                raise AccountError(ERROR_NO_SUCH_MEMBER, f"There is no such global user or group: {name}.")
            self._accounts.add_member(caller, group.sid, user.sid)


def _typed_twice(stdin: bytes) -> str:
    """The password from two equal lines. Raises: _NotSimulatedError where nobody types, or twice not the same."""
    lines = stdin.decode("utf-8").splitlines()
    if len(lines) != 2 or lines[0] != lines[1]:
        raise _NotSimulatedError("a prompt that is not answered twice with the same")
    return lines[0]
