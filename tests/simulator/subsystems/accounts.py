# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of one host: names and SIDs by Windows' rules, local users, groups, members and user rights.

Names are localised by the host's UI language and only the localised form resolves, as on a real host. Changes need an
administrator and are journaled without passwords. Logons are in `logon`.

Source: Win32 LookupAccountName / LookupAccountSid (search order), NetUserAdd / NetLocalGroupAddMembers (error codes),
dcom.md 3.6 (SIDs, NT SERVICE rule), wsman_cim.md 4.7.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from ..cim import Caller
from ..journal import HOST_ITSELF, Journal
from . import well_known
from .account_database import (
    ERROR_ACCESS_DENIED,
    ERROR_MEMBER_IN_ALIAS,
    ERROR_MEMBER_NOT_IN_ALIAS,
    ERROR_NO_SUCH_MEMBER,
    ERROR_NONE_MAPPED,
    MAX_USER_NAME,
    NERR_GROUP_EXISTS,
    NERR_PASSWORD_TOO_SHORT,
    NERR_USER_EXISTS,
    AccountDatabase,
    AccountError,
    Domain,
    Group,
    Secret,
    User,
    check_name,
    machine_sid,
)

_MAX_GROUP_NAME = 256

# User rights that matter here and who has them after installation (Local Security Policy of a stand-alone host).
DEFAULT_RIGHTS: dict[str, tuple[str, ...]] = {
    "SeNetworkLogonRight": (well_known.EVERYONE, well_known.ADMINISTRATORS, well_known.USERS, "S-1-5-32-551"),
    "SeInteractiveLogonRight": (well_known.ADMINISTRATORS, well_known.USERS, "S-1-5-32-551"),
    "SeBatchLogonRight": (well_known.ADMINISTRATORS, "S-1-5-32-551", "S-1-5-32-559"),
    "SeServiceLogonRight": ("S-1-5-80-0",),
    "SeRemoteInteractiveLogonRight": (well_known.ADMINISTRATORS, "S-1-5-32-555"),
    "SeDenyNetworkLogonRight": (),
    "SeDenyInteractiveLogonRight": (),
    "SeDenyRemoteInteractiveLogonRight": (),
    "SeDenyBatchLogonRight": (),
    "SeDenyServiceLogonRight": (),
    "SeShutdownPrivilege": (well_known.ADMINISTRATORS, well_known.USERS, "S-1-5-32-551"),
    "SeRemoteShutdownPrivilege": (well_known.ADMINISTRATORS,),
    "SeImpersonatePrivilege": (well_known.ADMINISTRATORS, "S-1-5-19", "S-1-5-20", "S-1-5-6"),
    "SeSecurityPrivilege": (well_known.ADMINISTRATORS,),
    "SeTakeOwnershipPrivilege": (well_known.ADMINISTRATORS,),
    "SeBackupPrivilege": (well_known.ADMINISTRATORS, "S-1-5-32-551"),
    "SeRestorePrivilege": (well_known.ADMINISTRATORS, "S-1-5-32-551"),
    "SeDebugPrivilege": (well_known.ADMINISTRATORS,),
}
_DEFAULT_MEMBERS = {
    well_known.USERS: (well_known.INTERACTIVE, well_known.AUTHENTICATED_USERS),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """What a lookup yields."""

    sid: str
    domain: str
    name: str
    sid_type: int


@dataclass(slots=True)
class PasswordPolicy:
    """Local password and lock-out policy; a threshold of 0 never locks."""

    minimum_length: int = 0
    must_be_complex: bool = False
    lockout_threshold: int = 0


def service_sid(service_name: str) -> str:
    """SID of NT SERVICE\\name. Source: dcom.md 3.6 (SHA-1 of the upper-case UTF-16LE name)."""
    digest = hashlib.sha1(service_name.upper().encode("utf-16-le")).digest()
    words = (int.from_bytes(digest[start : start + 4], "little") for start in range(0, 20, 4))
    return "S-1-5-80-" + "-".join(str(word) for word in words)


class Accounts:
    """The local authority of a host and, for a member, its domain."""

    def __init__(
        self,
        computer_name: str,
        *,
        ui_language: str,
        build: int,
        domain: Domain | None,
        journal: Journal,
        now: Callable[[], datetime],
    ) -> None:
        self.ui_language = ui_language
        self.local = AccountDatabase(computer_name.upper(), machine_sid(computer_name))
        self.domain = domain
        self.policy = PasswordPolicy()
        self.service_names: Callable[[], Iterable[str]] = tuple
        self._build = build
        self._journal = journal
        self._now = now
        self._rights = {right: frozenset(sids) for right, sids in DEFAULT_RIGHTS.items()}
        self._create_builtin()
        if domain is not None:
            self.computer_sid = domain.add_computer(computer_name).sid
            self._join_domain(domain)

    def _create_builtin(self) -> None:
        for item in self.well_known():
            if item.sid_type == well_known.SID_TYPE_ALIAS:
                members = frozenset(_DEFAULT_MEMBERS.get(item.sid, ()))
                name = item.name.in_language(self.ui_language)
                self.local.store_group(Group(name, item.sid, item.sid_type, members=members))
        for rid, names in well_known.BUILTIN_USERS.items():
            user = User(
                names.in_language(self.ui_language), f"{self.local.sid}-{rid}", Secret(""), is_enabled=rid == 500,
                password_never_expires=True,
            )  # fmt: skip
            self.local.store_user(user)
        self._put_member(well_known.ADMINISTRATORS, f"{self.local.sid}-500")
        self._put_member(well_known.GUESTS, f"{self.local.sid}-501")

    def _join_domain(self, domain: Domain) -> None:
        self._put_member(well_known.ADMINISTRATORS, f"{domain.sid}-512")
        self._put_member(well_known.USERS, f"{domain.sid}-513")

    def _put_member(self, group_sid: str, member_sid: str) -> None:
        group = self.local.group(group_sid)
        self.local.store_group(replace(group, members=group.members | {member_sid}))

    def well_known(self) -> list[well_known.WellKnown]:
        """The fixed principals this Windows version knows."""
        return [item for item in well_known.WELL_KNOWN if item.first_build <= self._build]

    # Names and SIDs

    def lookup_name(self, text: str) -> Principal:
        """The principal of `name`, `DOMAIN\\name` or `name@domain`. Raises: AccountError 1332 where nothing has it.

        Isolated names are searched in this order: well-known, BUILTIN, local, primary domain.
        """
        domain, separator, name = text.rpartition("\\")
        if not separator and "@" in text:
            name, _sep, domain = text.partition("@")
        candidates = (item for item in self._all_principals() if item.name.upper() == name.upper())
        for found in candidates:
            if not domain or domain.upper() in self._domain_names(found):
                return found
        raise AccountError(ERROR_NONE_MAPPED, f"no mapping for {text!r}")

    def lookup_sid(self, sid: str) -> Principal:
        """The principal of a SID. Raises: AccountError 1332 (orphaned, or its domain is away)."""
        wanted = sid.upper()
        for found in self._all_principals():
            if found.sid == wanted:
                return found
        raise AccountError(ERROR_NONE_MAPPED, f"no mapping for {sid}")

    def account_name(self, sid: str) -> str:
        """`DOMAIN\\name`, or the SID itself where nothing maps it."""
        try:
            found = self.lookup_sid(sid)
        except AccountError:
            return sid
        return f"{found.domain}\\{found.name}" if found.domain else found.name

    def _all_principals(self) -> Iterable[Principal]:
        for item in self.well_known():
            domain = item.domain.in_language(self.ui_language)
            yield Principal(item.sid, domain, item.name.in_language(self.ui_language), item.sid_type)
        yield Principal(self.local.sid, self.local.authority, self.local.authority, well_known.SID_TYPE_DOMAIN)
        yield from _principals_of(self.local)
        for service_name in self.service_names():
            service_domain = well_known.NT_SERVICE.in_language(self.ui_language)
            yield Principal(service_sid(service_name), service_domain, service_name, well_known.SID_TYPE_WELL_KNOWN)
        if self.domain is not None and self.domain.is_reachable:
            yield from _principals_of(self.domain)

    def _domain_names(self, found: Principal) -> set[str]:
        names = {found.domain.upper()}
        if self.domain is not None and found.domain == self.domain.authority:
            names.add(self.domain.dns_name.upper())
        return names

    def groups_of(self, sid: str) -> frozenset[str]:
        """SIDs of all groups an account is in: of its domain first, then the local ones that hold any of them."""
        own: frozenset[str] = frozenset()
        if self.domain is not None and sid.startswith(self.domain.sid + "-"):
            own = self.domain.groups_with([sid])
        implied = {well_known.EVERYONE, well_known.AUTHENTICATED_USERS}
        return own | implied | self.local.groups_with([sid, *own, *implied])

    # Users

    def create_user(self, caller: Caller | None, name: str, password: str, **properties: object) -> User:
        """A local user in no group but Users. `properties` are fields of `User`.

        Raises: AccountError 5, 1315 (name), 2224 (exists), 2223 (a group has the name), 2245 (password policy).
        """
        self._demand_administrator(caller)
        check_name(name, longest=MAX_USER_NAME)
        if self.local.find_user(name):
            raise AccountError(NERR_USER_EXISTS, f"user {name} exists")
        if self.local.find_group(name):
            raise AccountError(NERR_GROUP_EXISTS, f"a group is named {name}")
        self._check_password(password)
        plain = User(name, self.local.next_sid(), Secret(password), password_last_set=self._now())
        user = replace(plain, **properties)  # type: ignore[arg-type]
        self.local.store_user(user)
        self._put_member(well_known.USERS, user.sid)
        self._record("create_user", caller, user.name, before=None, after=_visible(user))
        return user

    def update_user(self, caller: Caller | None, name: str, /, **properties: object) -> User:
        """Change fields of a user; `name` among them renames it. Raises: AccountError 5, 2221, 1315, 2224."""
        self._demand_administrator(caller)
        before = self.local.user(name)
        new_name = properties.pop("name", before.name)
        after = replace(before, **properties)  # type: ignore[arg-type]
        if isinstance(new_name, str) and new_name != before.name:
            check_name(new_name, longest=MAX_USER_NAME)
            if new_name.upper() != before.name.upper() and self.local.find_user(new_name):
                raise AccountError(NERR_USER_EXISTS, f"user {new_name} exists")
            after = self.local.rename_user(after, new_name)
        self.local.store_user(after)
        if after != before:
            self._record("update_user", caller, before.name, before=_visible(before), after=_visible(after))
        return after

    def set_password(self, caller: Caller | None, name: str, password: str) -> User:
        """Reset a password as an administrator does. Raises: AccountError 5, 2221, 2245."""
        self._demand_administrator(caller)
        before = self.local.user(name)
        self._check_password(password)
        after = replace(before, secret=Secret(password), password_last_set=self._now(), must_change_password=False)
        self.local.store_user(after)
        self._record("set_password", caller, before.name, before=_visible(before), after=_visible(after))
        return after

    def delete_user(self, caller: Caller | None, name: str) -> None:
        """Raises: AccountError 5, 2221. Its SID stays behind in ACLs and groups of others, as on Windows."""
        self._demand_administrator(caller)
        user = self.local.user(name)
        for group in self.local.groups():
            if user.sid in group.members:
                self.local.store_group(replace(group, members=group.members - {user.sid}))
        self.local.remove_user(user)
        self._record("delete_user", caller, user.name, before=_visible(user), after=None)

    def is_password(self, name: str, password: str) -> bool:
        """Whether this is the user's password; for tests and other hosts, counts as no logon."""
        user = self.local.find_user(name)
        return user is not None and user.secret.matches(password)

    def shares_password_with(self, other: Accounts, name: str) -> bool:
        """Whether both hosts have an enabled user of this name with the same password (pass-through logon)."""
        mine, theirs = self.local.find_user(name), other.local.find_user(name)
        if mine is None or theirs is None:
            return False
        return mine.is_enabled and theirs.is_enabled and mine.secret == theirs.secret

    # Groups

    def create_group(self, caller: Caller | None, name: str, description: str = "") -> Group:
        """Raises: AccountError 5, 1315, 2223, 2224."""
        self._demand_administrator(caller)
        check_name(name, longest=_MAX_GROUP_NAME)
        if self.local.find_group(name):
            raise AccountError(NERR_GROUP_EXISTS, f"group {name} exists")
        if self.local.find_user(name):
            raise AccountError(NERR_USER_EXISTS, f"a user is named {name}")
        group = Group(name, self.local.next_sid(), well_known.SID_TYPE_ALIAS, description)
        self.local.store_group(group)
        self._record("create_group", caller, name, before=None, after=group)
        return group

    def update_group(self, caller: Caller | None, group: str, description: str) -> Group:
        """Raises: AccountError 5, 2220."""
        self._demand_administrator(caller)
        before = self.local.group(group)
        after = replace(before, description=description)
        self.local.store_group(after)
        if after != before:
            self._record("update_group", caller, before.name, before=before, after=after)
        return after

    def delete_group(self, caller: Caller | None, group: str) -> None:
        """Raises: AccountError 5 (also for a BUILTIN group), 2220."""
        self._demand_administrator(caller)
        found = self.local.group(group)
        if found.sid.startswith("S-1-5-32-"):
            raise AccountError(ERROR_ACCESS_DENIED, f"{found.name} is a built-in group")
        self.local.remove_group(found)
        self._record("delete_group", caller, found.name, before=found, after=None)

    def add_member(self, caller: Caller | None, group: str, member_sid: str) -> None:
        """`group` is a name or SID. Raises: AccountError 5, 2220, 1378 (is one), 1387 (no such account)."""
        self._demand_administrator(caller)
        before = self.local.group(group)
        if member_sid in before.members:
            raise AccountError(ERROR_MEMBER_IN_ALIAS, f"{member_sid} is a member of {before.name}")
        if not self._resolves(member_sid):
            raise AccountError(ERROR_NO_SUCH_MEMBER, f"no account {member_sid}")
        self._put_member(before.sid, member_sid)
        self._record("add_member", caller, before.name, before=before, after=self.local.group(before.sid))

    def remove_member(self, caller: Caller | None, group: str, member_sid: str) -> None:
        """Raises: AccountError 5, 2220, 1377 (is none)."""
        self._demand_administrator(caller)
        before = self.local.group(group)
        if member_sid not in before.members:
            raise AccountError(ERROR_MEMBER_NOT_IN_ALIAS, f"{member_sid} is no member of {before.name}")
        after = replace(before, members=before.members - {member_sid})
        self.local.store_group(after)
        self._record("remove_member", caller, before.name, before=before, after=after)

    def _resolves(self, sid: str) -> bool:
        try:
            self.lookup_sid(sid)
        except AccountError:
            return False
        return True

    # User rights

    def rights(self) -> tuple[str, ...]:
        """Names of all user rights this host knows."""
        return tuple(sorted(self._rights))

    def holders_of(self, right: str) -> frozenset[str]:
        """SIDs that hold a right. Raises: KeyError for a right Windows does not have."""
        return self._rights[right]

    def set_holders(self, caller: Caller | None, right: str, sids: Iterable[str]) -> None:
        """Replace the holders of a right. Raises: AccountError 5, KeyError for an unknown right."""
        self._demand_administrator(caller)
        before, after = self._rights[right], frozenset(sids)
        self._rights[right] = after
        if before != after:
            self._record("set_right", caller, right, before=tuple(sorted(before)), after=tuple(sorted(after)))

    def has_right(self, sids: Iterable[str], right: str) -> bool:
        """Whether any of the SIDs holds the right and, for a logon right, none holds its denial."""
        token = frozenset(sids)
        denial = self._rights.get(right.replace("Se", "SeDeny", 1), frozenset())
        return bool(self._rights[right] & token) and not denial & token

    def snapshot(self) -> tuple[object, ...]:
        """Users, groups with members, and rights; without counters that mere logons change."""
        return (*self.local.snapshot(), *((right, tuple(sorted(sids))) for right, sids in sorted(self._rights.items())))

    def _check_password(self, password: str) -> None:
        kinds = {char.islower() - char.isupper() + 2 if char.isalpha() else 4 + char.isdigit() for char in password}
        count = len(kinds)  # upper case, lower case, digits, others
        if len(password) < self.policy.minimum_length or (self.policy.must_be_complex and count < 3):
            raise AccountError(NERR_PASSWORD_TOO_SHORT, "the password does not meet the policy")

    @staticmethod
    def _demand_administrator(caller: Caller | None) -> None:
        if caller is not None and not caller.is_administrator:
            raise AccountError(ERROR_ACCESS_DENIED, f"{caller.account_name} may not change accounts")

    def _record(self, action: str, caller: Caller | None, target: str, *, before: object, after: object) -> None:
        name = caller.account_name if caller else HOST_ITSELF
        self._journal.change("accounts", action, (target,), before=before, after=after, caller=name)


def _principals_of(database: AccountDatabase) -> Iterable[Principal]:
    for user in database.users():
        yield Principal(user.sid, database.authority, user.name, well_known.SID_TYPE_USER)
    for group in database.groups():
        if not group.sid.startswith("S-1-5-32-"):
            yield Principal(group.sid, database.authority, group.name, group.sid_type)


def _visible(user: User) -> dict[str, object]:
    """A user without its password, for the journal."""
    return {name: value for name, value in asdict(user).items() if name != "secret"}
