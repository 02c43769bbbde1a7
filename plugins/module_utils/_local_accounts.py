# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Local accounts that OPC hosts share: what is wrong with one, and how a person puts it right by hand. Pure.

Nothing here tries a password: a wrong one counts towards a lock-out. Source of the commands: Microsoft Learn, pages
"net user", "net localgroup" and "wmic" (the only command of Windows 7 that sets "password never expires").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# What the PowerShell modules of ansible-core 2.16 need; 2.17 and later need 5.1 and say so when they start.
LEAST_POWERSHELL = (3, 0)


@dataclass(frozen=True, slots=True)
class LocalUser:
    """A local user as Win32_UserAccount shows it."""

    name: str
    sid: str
    is_enabled: bool
    is_locked_out: bool
    password_expires: bool
    password_changeable: bool

    @property
    def troubles(self) -> tuple[str, ...]:
        """What keeps the account from serving a link, now or one day."""
        return tuple(
            text
            for text, applies in (
                ("it is disabled", not self.is_enabled),
                ("it is locked out", self.is_locked_out),
                ("its password expires", self.password_expires),
                ("it may change its password", self.password_changeable),
            )
            if applies
        )

    def to_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "sid": self.sid,
            "enabled": self.is_enabled,
            "locked_out": self.is_locked_out,
            "password_expires": self.password_expires,
            "password_changeable": self.password_changeable,
            "troubles": list(self.troubles),
        }


def runs_modules(powershell: str) -> bool:
    """Whether Ansible's PowerShell modules can run with this version ("": there is none); some ask for more."""
    numbers = tuple(int(part) for part in powershell.split(".")[:2] if part.isdigit())
    return numbers >= LEAST_POWERSHELL


def manual_steps(
    names: Sequence[str], users: Sequence[LocalUser], groups: Sequence[str], *, denies_interactive: bool
) -> tuple[str, ...]:
    """Commands for an administrator's prompt that make the accounts what they are to be. They ask for passwords."""
    return tuple(_steps(names, users, groups, denies_interactive=denies_interactive))


def _steps(
    names: Sequence[str], users: Sequence[LocalUser], groups: Sequence[str], *, denies_interactive: bool
) -> Iterator[str]:
    known = {user.name.lower(): user for user in users}
    for name in names:
        user = known.get(name.lower())
        quoted = f'"{name}"'
        if user is None:
            yield f"net user {quoted} * /add /passwordchg:no /expires:never"
        elif not user.is_enabled or user.password_changeable or user.is_locked_out:
            yield f"net user {quoted} /active:yes /passwordchg:no"
        if user is None or user.password_expires:
            yield f"wmic useraccount where \"LocalAccount=True and Name='{name}'\" set PasswordExpires=False"
        if user is None:
            yield from (f'net localgroup "{group}" {quoted} /add' for group in groups)
    if denies_interactive and any(name.lower() not in known for name in names):
        yield 'secpol.msc: Local Policies, User Rights Assignment, "Deny log on locally": add the accounts'
