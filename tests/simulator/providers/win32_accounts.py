# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_UserAccount, Win32_Group, Win32_SystemAccount, Win32_SID and Win32_GroupUser.

Names are the localised ones; the domain of local, BUILTIN and well-known principals is the computer name. Enumerations
cover the domain too, which on a real member is slow: ask by keys.

Source: wsman_cim.md 4.7. Unverified: a SID that nothing maps answers an instance with empty names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..cim import Caller, CimClass, CimMethod, CimProperty, CimReference, CimType
from ..subsystems import well_known
from ..subsystems.account_database import AccountDatabase, AccountError, Group, User
from .provider import ClassProvider, properties

_ACCOUNT = (
    *properties(CimType.STRING, "*Domain *Name Caption Description SID Status"),
    *properties(CimType.BOOLEAN, "LocalAccount"),
    *properties(CimType.UINT8, "SIDType"),
    *properties(CimType.DATETIME, "InstallDate"),
)
WIN32_USER_ACCOUNT = CimClass(
    "Win32_UserAccount",
    superclass="Win32_Account",
    properties=(
        *_ACCOUNT,
        *properties(CimType.STRING, "FullName"),
        *properties(CimType.UINT32, "AccountType"),
        *properties(CimType.BOOLEAN, "Disabled Lockout PasswordChangeable PasswordExpires PasswordRequired"),
    ),
    methods=(CimMethod("Rename", (CimProperty("Name", CimType.STRING),)),),
)
WIN32_GROUP = CimClass(
    "Win32_Group",
    superclass="Win32_Account",
    properties=_ACCOUNT,
    methods=(CimMethod("Rename", (CimProperty("Name", CimType.STRING),)),),
)
WIN32_SYSTEM_ACCOUNT = CimClass("Win32_SystemAccount", superclass="Win32_Account", properties=_ACCOUNT)
WIN32_SID = CimClass(
    "Win32_SID",
    can_enumerate=False,
    properties=(
        *properties(CimType.STRING, "*SID AccountName ReferencedDomainName"),
        *properties(CimType.UINT8, "BinaryRepresentation", is_array=True),
        *properties(CimType.UINT32, "SidLength"),
    ),
)
WIN32_GROUP_USER = CimClass(
    "Win32_GroupUser",
    superclass="CIM_Component",
    properties=properties(CimType.REFERENCE, "*GroupComponent *PartComponent"),
)

_NORMAL_ACCOUNT, _WORKSTATION_ACCOUNT = 512, 4096
_SID_TEXT = re.compile(r"S-1-([0-9]+)((?:-[0-9]+)*)\Z", re.IGNORECASE)


class _AccountProvider(ClassProvider):
    """What the three account classes share: databases and the common properties."""

    def databases(self) -> Iterator[AccountDatabase]:
        accounts = self.host.accounts
        yield accounts.local
        if accounts.domain is not None and accounts.domain.is_reachable:
            yield accounts.domain

    def common(self, domain: str, name: str, sid: str, sid_type: int) -> dict[str, Any]:
        return {
            "Domain": domain,
            "Name": name,
            "Caption": f"{domain}\\{name}",
            "Description": "",
            "SID": sid,
            "Status": "OK",
            "LocalAccount": domain == self.host.computer_name,
            "SIDType": sid_type,
            "InstallDate": None,
        }


class UserAccount(_AccountProvider):
    """Users of the host and of its domain, computer accounts among them."""

    cim_class = WIN32_USER_ACCOUNT

    def instances(self, caller: Caller) -> list[Mapping[str, Any]]:
        self.admit(caller)
        return [self._instance(database, user) for database in self.databases() for user in database.users()]

    def get(self, caller: Caller, keys: Mapping[str, str]) -> Mapping[str, Any]:
        self.admit(caller)
        for database in self.databases():
            user = database.find_user(keys["Name"])
            if database.authority == keys["Domain"].upper() and user is not None and not _is_sid(keys["Name"]):
                return self._instance(database, user)
        raise self.not_found(keys)

    def _instance(self, database: AccountDatabase, user: User) -> dict[str, Any]:
        return {
            **self.common(database.authority, user.name, user.sid, well_known.SID_TYPE_USER),
            "Description": user.description,
            "FullName": user.full_name,
            "AccountType": _WORKSTATION_ACCOUNT if user.is_computer else _NORMAL_ACCOUNT,
            "Disabled": not user.is_enabled,
            "Lockout": user.is_locked_out,
            "PasswordChangeable": not user.cannot_change_password,
            "PasswordExpires": not user.password_never_expires,
            "PasswordRequired": True,
            "Status": "OK" if user.is_enabled else "Degraded",
        }


class GroupProvider(_AccountProvider):
    """Groups of the host, BUILTIN ones under the computer name, and of its domain."""

    cim_class = WIN32_GROUP

    def instances(self, caller: Caller) -> list[Mapping[str, Any]]:
        self.admit(caller)
        return [self._instance(database, group) for database in self.databases() for group in database.groups()]

    def get(self, caller: Caller, keys: Mapping[str, str]) -> Mapping[str, Any]:
        self.admit(caller)
        for database in self.databases():
            group = database.find_group(keys["Name"])
            if database.authority == keys["Domain"].upper() and group is not None and not _is_sid(keys["Name"]):
                return self._instance(database, group)
        raise self.not_found(keys)

    def _instance(self, database: AccountDatabase, group: Group) -> dict[str, Any]:
        common = self.common(database.authority, group.name, group.sid, group.sid_type)
        return {**common, "Description": group.description}


class SystemAccount(_AccountProvider):
    """Well-known principals, all under the computer name."""

    cim_class = WIN32_SYSTEM_ACCOUNT

    def instances(self, caller: Caller) -> list[Mapping[str, Any]]:
        self.admit(caller)
        found = (item for item in self.host.accounts.well_known() if item.sid_type == well_known.SID_TYPE_WELL_KNOWN)
        computer, language = self.host.computer_name, self.host.ui_language
        return [self.common(computer, item.name.in_language(language), item.sid, item.sid_type) for item in found]


class SidProvider(ClassProvider):
    """LookupAccountSid; there is nothing to enumerate."""

    cim_class = WIN32_SID

    def get(self, caller: Caller, keys: Mapping[str, str]) -> Mapping[str, Any]:
        self.admit(caller)
        found = _SID_TEXT.match(keys["SID"])
        if found is None:
            raise self.not_found(keys)
        data = _sid_bytes(int(found[1]), [int(part) for part in found[2].split("-")[1:]])
        try:
            principal = self.host.accounts.lookup_sid(keys["SID"])
            name, domain = principal.name, principal.domain
        except AccountError:
            name = domain = ""
        return {
            "SID": keys["SID"].upper(),
            "AccountName": name,
            "ReferencedDomainName": domain,
            "BinaryRepresentation": list(data),
            "SidLength": len(data),
        }


class GroupUser(_AccountProvider):
    """Members of groups. A member that nothing resolves has no row."""

    cim_class = WIN32_GROUP_USER

    def instances(self, caller: Caller) -> list[Mapping[str, Any]]:
        self.admit(caller)
        return [
            {"GroupComponent": _reference("Win32_Group", database.authority, group.name), "PartComponent": member}
            for database in self.databases()
            for group in database.groups()
            for member in map(self._member, sorted(group.members))
            if member is not None
        ]

    def _member(self, sid: str) -> CimReference | None:
        try:
            found = self.host.accounts.lookup_sid(sid)
        except AccountError:
            return None
        class_name = {
            well_known.SID_TYPE_USER: "Win32_UserAccount",
            well_known.SID_TYPE_WELL_KNOWN: "Win32_SystemAccount",
        }.get(found.sid_type, "Win32_Group")
        is_local = found.domain not in (database.authority for database in self.databases())
        return _reference(class_name, self.host.computer_name if is_local else found.domain, found.name)


def _reference(class_name: str, domain: str, name: str) -> CimReference:
    return CimReference(class_name, {"Domain": domain, "Name": name})


def _is_sid(text: str) -> bool:
    return _SID_TEXT.match(text) is not None


def _sid_bytes(authority: int, parts: list[int]) -> bytes:
    """The binary form. Source: MS-DTYP 2.4.2.2."""
    head = bytes([1, len(parts)]) + authority.to_bytes(6, "big")
    return head + b"".join(part.to_bytes(4, "little") for part in parts)
