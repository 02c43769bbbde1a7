# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Reads the local accounts of one host for opc_account_info, and whether Ansible could create what is missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..module_utils._errors import ParameterError
from ..module_utils._local_accounts import (
    LocalGroup,
    LocalUser,
    account_name_problem,
    manual_steps,
    runs_modules,
    service_step,
)
from ..module_utils._principals import builtin_sid, parse_principal
from ..module_utils._registry import RegistryKey, RegistryType
from ..module_utils._service_operations import is_local_system, needs_password
from ..module_utils._sid import Sid
from ._host._accounts import UnknownAccountError
from ._host._host import Host
from ._resource import Parameters, Spec

ACCOUNT_SPEC: Spec = {
    "names": {"type": "list", "elements": "str", "required": True},
    "groups": {"type": "list", "elements": "str", "default": []},
    "deny_interactive_logon": {"type": "bool", "default": False},
    "services": {"type": "dict", "default": {}},
    "update_password": {"type": "str", "choices": ["on_create", "always"], "default": "on_create"},
}
# Where the Windows PowerShell engines name their version; the second is that of 2.0.
_ENGINES = tuple(RegistryKey(f"SOFTWARE\\Microsoft\\PowerShell\\{number}\\PowerShellEngine") for number in (3, 1))
_PROGRAM = "WindowsPowerShell\\v1.0\\powershell.exe"
_WMIC = "wbem\\wmic.exe"


LOCAL_SYSTEM = "S-1-5-18"
_SERVICE_NAME = re.compile(r"[^\x00-\x1f/\\\"]{1,256}")


@dataclass(frozen=True, slots=True)
class ServiceWish:
    """A service, and the account it is to run as."""

    name: str
    account: str


@dataclass(frozen=True, slots=True)
class _FoundGroup:
    """A group as it was asked for, and its SID; None where the host has no such group."""

    text: str
    sid: Sid | None

    def named(self, host: Host) -> LocalGroup:
        """The group as the commands of this host call it."""
        name = None if self.sid is None else host.accounts.translated_name(self.sid)
        return LocalGroup(name or self.text, exists=self.sid is not None)


@dataclass(frozen=True, slots=True)
class AccountQuestion:
    names: tuple[str, ...]
    groups: tuple[str, ...]
    denies_interactive: bool
    services: tuple[ServiceWish, ...] = ()
    sets_passwords: bool = False


def parse_question(parameters: Parameters) -> AccountQuestion:
    """Raises: ParameterError for a name that Windows would refuse, or that a command could not quote."""
    names, groups = (tuple(str(item) for item in parameters[option]) for option in ("names", "groups"))
    for index, name in enumerate(names):
        problem = account_name_problem(name)
        if problem is not None:
            raise ParameterError(f"names[{index}]", f"{name!r} is not the name of a local account: it {problem}")
    for index, group in enumerate(groups):
        if not group.strip() or '"' in group or min(group) < " ":
            raise ParameterError(f"groups[{index}]", f"{group!r} is neither the name nor the SID of a local group")
    services = tuple(ServiceWish(str(name), str(account)) for name, account in parameters["services"].items())
    for wish in services:
        if not _SERVICE_NAME.fullmatch(wish.name):
            raise ParameterError("services", f"{wish.name!r} is not the name of a service")
        if not is_local_system(wish.account):
            parse_principal(wish.account)
    sets_passwords = parameters["update_password"] == "always"
    return AccountQuestion(names, groups, bool(parameters["deny_interactive_logon"]), services, sets_passwords)


def read_accounts(host: Host, question: AccountQuestion) -> dict[str, Any]:
    """One message for the accounts, one for each service, a few for the groups, and for PowerShell where there is work.

    Raises: HostStateError for a service that is not there.
    """
    found = host.accounts.read_users(question.names)
    users = list(found.values())
    missing = [name for name in question.names if name not in found]
    services = [_read_service(host, wish, question.names) for wish in question.services]
    in_order = not missing and all(item["as_wanted"] for item in services) and _serve(host, question, users)
    groups = [] if in_order else [_find_group(host, group) for group in question.groups]
    powershell = None if in_order else _read_powershell(host)
    return {
        "accounts": [user.to_dict() for user in users],
        "sids": {user.name: user.sid for user in users},
        "missing": missing,
        "in_order": in_order,
        "needs_work": not in_order or question.sets_passwords,
        "powershell": powershell,
        "can_create": None if powershell is None else runs_modules(powershell),
        "services": services,
        "exceptions": [
            f"service {wish.name} runs as LocalSystem: it has every right on its host, and no name in a workgroup"
            for wish in question.services
            if is_local_system(wish.account)
        ],
        "manual_steps": [
            *_account_steps(host, question, users, groups),
            *(service_step(item["name"], item["username"]) for item in services if not item["as_wanted"]),
        ],
    }


def _serve(host: Host, question: AccountQuestion, users: Sequence[LocalUser]) -> bool:
    """Whether the accounts have no trouble and are in all groups. User rights cannot be read: wanting some is work."""
    if not users:
        return True
    if question.denies_interactive or any(user.troubles for user in users):
        return False
    sids = {Sid.from_string(user.sid) for user in users}
    return all(sids <= _members(host, group) for group in question.groups)


def _members(host: Host, group: str) -> frozenset[Sid]:
    """Users in a group as it was asked for. What Windows calls differently in each language goes by its SID."""
    if _is_local_name(group) and builtin_sid(group) is None:
        return host.accounts.members_of_group(group)
    sid = _find_group(host, group).sid
    return frozenset() if sid is None else host.accounts.members_of(sid)


def _account_steps(
    host: Host, question: AccountQuestion, users: Sequence[LocalUser], groups: Sequence[_FoundGroup]
) -> Sequence[str]:
    """What a person would type; nothing where all accounts are there and have no trouble."""
    if len(users) == len(question.names) and not any(user.troubles for user in users):
        return ()
    return manual_steps(
        question.names,
        users,
        [group.named(host) for group in groups],
        denies_interactive=question.denies_interactive,
        has_wmic=host.system.has_file(f"{host.operating_system.system_directory}\\{_WMIC}") is not False,
    )


def _read_service(host: Host, wish: ServiceWish, local_names: Sequence[str]) -> dict[str, Any]:
    """What the service runs as; `username` is the wanted account as Windows wants it for a service."""
    is_local = wish.account.lower() in (name.lower() for name in local_names)
    current = host.services.require(wish.name).run_as_account
    return {
        "name": wish.name,
        "account": current,
        "wanted": wish.account,
        "username": f".\\{wish.account}" if is_local else wish.account,
        "as_wanted": _service_sid(host, current) == _service_sid(host, wish.account),
        "needs_password": needs_password(wish.account),
    }


def _service_sid(host: Host, account: str) -> str:
    """What tells accounts of services apart; the name itself where nothing maps it."""
    if is_local_system(account):
        return LOCAL_SYSTEM
    try:
        return str(host.accounts.resolve(account))
    except UnknownAccountError:
        return account.lower()


def _read_powershell(host: Host) -> str:
    """The version of Windows PowerShell, "" where there is none."""
    directory = host.operating_system.system_directory
    if host.system.has_file(f"{directory}\\{_PROGRAM}") is False:
        return ""
    for key in _ENGINES:
        value = host.registry.value(key, "PowerShellVersion", RegistryType.SZ)
        if value is not None and isinstance(value.data, str):
            return value.data
    return ""


def _find_group(host: Host, text: str) -> _FoundGroup:
    if _is_local_name(text):
        return _FoundGroup(text, host.accounts.local_group(text))
    try:
        return _FoundGroup(text, host.accounts.resolve(text))
    except UnknownAccountError:
        return _FoundGroup(text, None)


def _is_local_name(group: str) -> bool:
    return "\\" not in group and not group.upper().startswith("S-1-")
