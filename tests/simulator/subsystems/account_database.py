# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and groups of one authority: the SAM of a host, or a small domain that several hosts share.

Records are immutable and replaced on change, so a snapshot is a tuple of them. A password lives in a `Secret` that
shows nothing of itself; nothing here ever prints or journals one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

from . import well_known

FIRST_OWN_RID = 1000

NERR_GROUP_NOT_FOUND = 2220
NERR_USER_NOT_FOUND = 2221
NERR_GROUP_EXISTS = 2223
NERR_USER_EXISTS = 2224
NERR_PASSWORD_TOO_SHORT = 2245
ERROR_ACCESS_DENIED = 5
ERROR_INVALID_ACCOUNT_NAME = 1315
ERROR_NONE_MAPPED = 1332
ERROR_MEMBER_NOT_IN_ALIAS = 1377
ERROR_MEMBER_IN_ALIAS = 1378
ERROR_NO_SUCH_MEMBER = 1387

MAX_USER_NAME = 20
_FORBIDDEN_IN_NAMES = frozenset('"/\\[]:;|=,+*?<>@')
_NEVER = datetime(1601, 1, 1, tzinfo=UTC)


class AccountError(Exception):
    """An account function failed; `code` is the Win32 or NERR_* error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Secret:
    """A password that cannot be shown: only compared."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def matches(self, text: str) -> bool:
        return self._text == text

    def reveal_to_acceptor(self) -> str:
        """For the NTLM acceptor alone, which needs the clear text to verify a response."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __len__(self) -> int:
        return len(self._text)

    def __repr__(self) -> str:
        return "Secret(...)"


@dataclass(frozen=True, slots=True)
class User:
    """A user or, with a name ending in `$`, a computer account."""

    name: str
    sid: str
    secret: Secret = field(repr=False)
    full_name: str = ""
    description: str = ""
    is_enabled: bool = True
    is_locked_out: bool = False
    password_never_expires: bool = False
    must_change_password: bool = False
    cannot_change_password: bool = False
    bad_password_count: int = 0
    password_last_set: datetime = _NEVER
    last_logon: datetime | None = None

    @property
    def rid(self) -> int:
        return int(self.sid.rpartition("-")[2])

    @property
    def is_computer(self) -> bool:
        return self.name.endswith("$")


@dataclass(frozen=True, slots=True)
class Group:
    """A group; `members` are SIDs, also of other authorities."""

    name: str
    sid: str
    sid_type: int
    description: str = ""
    members: frozenset[str] = frozenset()


def machine_sid(seed: str) -> str:
    """A SID of the shape Windows gives machines and domains, the same for the same seed."""
    digest = hashlib.sha256(seed.upper().encode()).digest()
    parts = (int.from_bytes(digest[start : start + 4], "little") for start in (0, 4, 8))
    return "S-1-5-21-" + "-".join(str(part) for part in parts)


def check_name(name: str, *, longest: int) -> None:
    """Raises: AccountError 1315 for a name Windows refuses (empty, too long, forbidden characters, dots only)."""
    if not name.strip(" .") or len(name) > longest or _FORBIDDEN_IN_NAMES & set(name) or min(name) < " ":
        raise AccountError(ERROR_INVALID_ACCOUNT_NAME, f"{name!r} is not an account name")


_Account = TypeVar("_Account", User, Group)


class AccountDatabase:
    """Accounts by name without case and by SID."""

    def __init__(self, authority: str, sid: str) -> None:
        self.authority = authority  # NetBIOS name of the host or domain
        self.sid = sid
        self._users: dict[str, User] = {}
        self._groups: dict[str, Group] = {}
        self._next_rid = FIRST_OWN_RID

    def users(self) -> list[User]:
        return sorted(self._users.values(), key=lambda user: user.rid)

    def groups(self) -> list[Group]:
        return sorted(self._groups.values(), key=lambda group: group.sid)

    def find_user(self, name_or_sid: str) -> User | None:
        return _find(self._users, name_or_sid)

    def find_group(self, name_or_sid: str) -> Group | None:
        return _find(self._groups, name_or_sid)

    def user(self, name_or_sid: str) -> User:
        found = self.find_user(name_or_sid)
        if found is None:
            raise AccountError(NERR_USER_NOT_FOUND, f"no user {name_or_sid}")
        return found

    def group(self, name_or_sid: str) -> Group:
        found = self.find_group(name_or_sid)
        if found is None:
            raise AccountError(NERR_GROUP_NOT_FOUND, f"no group {name_or_sid}")
        return found

    def next_sid(self) -> str:
        self._next_rid += 1
        return f"{self.sid}-{self._next_rid - 1}"

    def store_user(self, user: User) -> None:
        self._users[user.name.upper()] = user

    def store_group(self, group: Group) -> None:
        self._groups[group.name.upper()] = group

    def remove_user(self, user: User) -> None:
        del self._users[user.name.upper()]

    def remove_group(self, group: Group) -> None:
        del self._groups[group.name.upper()]

    def rename_user(self, user: User, new_name: str) -> User:
        self.remove_user(user)
        renamed = replace(user, name=new_name)
        self.store_user(renamed)
        return renamed

    def groups_with(self, sids: Iterable[str]) -> frozenset[str]:
        """All groups of this authority that hold any of the SIDs, directly or through each other."""
        known = set(sids)
        found: set[str] = set()
        while True:
            more = {group.sid for group in self._groups.values() if group.members & known} - found
            if not more:
                return frozenset(found)
            found |= more
            known |= more

    def snapshot(self) -> tuple[User | Group, ...]:
        """Everything but what mere logons change."""
        users = (replace(user, bad_password_count=0, last_logon=None) for user in self.users())
        return (*users, *self.groups())


def _find(table: dict[str, _Account], name_or_sid: str) -> _Account | None:
    found = table.get(name_or_sid.upper())
    if found is None and name_or_sid.upper().startswith("S-1-"):
        found = next((item for item in table.values() if item.sid == name_or_sid.upper()), None)
    return found


class Domain(AccountDatabase):
    """A domain with its built-in groups. `is_reachable` False plays a member whose domain controllers are away."""

    def __init__(self, name: str, dns_name: str, ui_language: str = "en-US") -> None:
        super().__init__(name.upper(), machine_sid(dns_name))
        self.dns_name = dns_name
        self.is_reachable = True
        for rid, names in well_known.DOMAIN_GROUPS.items():
            name = names.in_language(ui_language)
            self.store_group(Group(name, f"{self.sid}-{rid}", well_known.SID_TYPE_GROUP))
        self.add_user(well_known.BUILTIN_USERS[500].in_language(ui_language), "", rid=500)
        self.add_member(f"{self.sid}-512", f"{self.sid}-500")

    def add_user(self, name: str, password: str, *, rid: int | None = None) -> User:
        """A domain user, member of Domain Users."""
        sid = f"{self.sid}-{rid}" if rid else self.next_sid()
        user = User(name, sid, Secret(password))
        self.store_user(user)
        self.add_member(f"{self.sid}-513", sid)
        return user

    def add_computer(self, computer_name: str) -> User:
        """The computer account `NAME$`, member of Domain Computers; the existing one if there is one."""
        found = self.find_user(computer_name + "$")
        if found is not None:
            return found
        computer = User(computer_name.upper() + "$", self.next_sid(), Secret(machine_sid(computer_name)))
        self.store_user(computer)
        self.add_member(f"{self.sid}-515", computer.sid)
        return computer

    def add_group(self, name: str, members: Iterable[str] = ()) -> Group:
        group = Group(name, self.next_sid(), well_known.SID_TYPE_GROUP, members=frozenset(members))
        self.store_group(group)
        return group

    def add_member(self, group: str, member_sid: str) -> None:
        found = self.group(group)
        self.store_group(replace(found, members=found.members | {member_sid}))
