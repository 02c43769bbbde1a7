# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""wmic.exe as far as a person sets whether the password of a local account expires; all else is a violation.

`wmic useraccount where "<condition>" set PasswordExpires=<boolean>`: the condition is WQL, read by the parser that also
answers queries over WS-Management.

Source: Microsoft Learn, page "wmic", and Win32_UserAccount (PasswordExpires may be written). Unverified: that no
fitting instance ends with exit code 0, as transcripts suggest.
"""

from __future__ import annotations

from ..cim import Caller, CimError, ProgramResult, Provider
from ..front.wql import WqlError, compile_condition, parse_query
from ..journal import Journal
from ..subsystems.account_database import AccountError
from ..subsystems.accounts import Accounts
from .program import Invocation

_WORDS = ("useraccount", "where", "set")
_NEVER_EXPIRES = {"passwordexpires=false": True, "passwordexpires=true": False}


class Wmic:
    """wmic.exe of one host. `users` is the host's Win32_UserAccount."""

    def __init__(self, accounts: Accounts, journal: Journal, users: Provider) -> None:
        self._accounts = accounts
        self._journal = journal
        self._users = users

    def program(self, invocation: Invocation) -> ProgramResult:
        words = invocation.arguments
        never_expires = _NEVER_EXPIRES.get(words[4].lower()) if len(words) == 5 else None
        if never_expires is None or (words[0].lower(), words[1].lower(), words[3].lower()) != _WORDS:
            return self._refused("this command")
        try:
            names = self._names(invocation.caller, words[2])
            for name in names:
                self._accounts.update_user(invocation.caller, name, password_never_expires=never_expires)
        except WqlError as error:
            return self._refused(f"the condition {words[2]} ({error})")
        except (CimError, AccountError) as error:
            return ProgramResult(stderr=f"ERROR:\r\nDescription = {error}\r\n", exit_code=1)
        if not names:
            return ProgramResult(stderr="No Instance(s) Available.\r\n")
        return ProgramResult("Property(s) update successful.\r\n" * len(names))

    def _names(self, caller: Caller, condition: str) -> list[str]:
        """The local users that fit. Raises: WqlError, CimError."""
        query = parse_query(f"SELECT * FROM Win32_UserAccount WHERE {condition}")
        fits = compile_condition(query.condition, self._users.cim_class)
        rows = (row for row in self._users.instances(caller) if fits(row))
        return [str(row["Name"]) for row in rows if row["LocalAccount"]]

    def _refused(self, what: str) -> ProgramResult:
        self._journal.violation("wmic", f"{what} is not simulated")
        return ProgramResult(stderr=f"simulated wmic: {what} is not simulated\r\n", exit_code=1)
