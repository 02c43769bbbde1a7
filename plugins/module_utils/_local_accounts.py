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

_LONGEST_USER_NAME = 20
_REFUSED_IN_NAMES = frozenset('"/\\[]:;|=,+*?<>@')
_DENY_STEPS = tuple(
    f'secpol.msc: Local Policies, User Rights Assignment, "{right}": add the accounts'
    for right in ("Deny log on locally", "Deny log on through Remote Desktop Services")
)


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


@dataclass(frozen=True, slots=True)
class LocalGroup:
    """A local group by the name that the commands of its host want."""

    name: str
    exists: bool


def account_name_problem(name: str) -> str | None:
    """Why Windows refuses this as the name of a local user, None if it does not.

    Source: Microsoft Learn, USER_INFO_1 (usri1_name), and UNLEN of NetUserAdd for local accounts; ``@`` is refused by
    Windows' own dialogs.
    """
    if not name.strip(" ."):
        return "must hold more than blanks and dots"
    if len(name) > _LONGEST_USER_NAME:
        return f"must not be longer than {_LONGEST_USER_NAME} characters"
    if _REFUSED_IN_NAMES & set(name) or min(name) < " " or name.endswith("."):
        return f"must not hold control characters or any of {' '.join(sorted(_REFUSED_IN_NAMES))}, nor end with a dot"
    return None


def manual_steps(
    names: Sequence[str],
    users: Sequence[LocalUser],
    groups: Sequence[LocalGroup],
    *,
    denies_interactive: bool,
    has_wmic: bool,
) -> tuple[str, ...]:
    """Commands for an administrator's prompt that make the accounts what they are to be. They ask for passwords.

    `users` are those of `names` that are there. Names are such as `account_name_problem` accepts.
    """
    known = {user.name.lower(): user for user in users}
    missing = [name for name in names if name.lower() not in known]
    return (
        *(f'net localgroup "{group.name}" /add' for group in groups if missing and not group.exists),
        *(step for name in names for step in _account_steps(name, known.get(name.lower()), groups, has_wmic=has_wmic)),
        *(_DENY_STEPS if denies_interactive and missing else ()),
    )


def _account_steps(name: str, user: LocalUser | None, groups: Sequence[LocalGroup], *, has_wmic: bool) -> Iterator[str]:
    if user is None:
        yield f'net user "{name}" * /add /passwordchg:no /expires:never'
    elif not user.is_enabled or user.password_changeable or user.is_locked_out:
        yield f'net user "{name}" /active:yes /passwordchg:no'
    if user is None or user.password_expires:
        yield _never_expires_step(name, has_wmic=has_wmic)
    if user is None:
        yield from (f'net localgroup "{group.name}" "{name}" /add' for group in groups)


def _never_expires_step(name: str, *, has_wmic: bool) -> str:
    if not has_wmic:
        return f'lusrmgr.msc: Users, {name}: check "Password never expires"'
    quoted = name.replace("'", "\\'")
    return f"wmic useraccount where \"LocalAccount=True and Name='{quoted}'\" set PasswordExpires=False"


def service_step(service: str, account: str) -> str:
    """The dialog in which a person changes the account of a service; its command would need the password in it."""
    return f"services.msc: {service}, Log On: {account}"
