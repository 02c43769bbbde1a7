# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Reads the local accounts of one host for opc_account_info, and whether Ansible could create what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..module_utils._errors import DomainError
from ..module_utils._local_accounts import manual_steps, runs_modules
from ..module_utils._registry import RegistryKey, RegistryType
from ..module_utils._sid import Sid
from ._host._host import Host
from ._resource import Parameters, Spec

ACCOUNT_SPEC: Spec = {
    "names": {"type": "list", "elements": "str", "required": True},
    "groups": {"type": "list", "elements": "str", "default": []},
    "deny_interactive_logon": {"type": "bool", "default": False},
}
# Where the Windows PowerShell engines name their version; the second is that of 2.0.
_ENGINES = tuple(RegistryKey(f"SOFTWARE\\Microsoft\\PowerShell\\{number}\\PowerShellEngine") for number in (3, 1))
_PROGRAM = "WindowsPowerShell\\v1.0\\powershell.exe"


@dataclass(frozen=True, slots=True)
class AccountQuestion:
    names: tuple[str, ...]
    groups: tuple[str, ...]
    denies_interactive: bool


def parse_question(parameters: Parameters) -> AccountQuestion:
    names, groups = (tuple(str(item) for item in parameters[option]) for option in ("names", "groups"))
    return AccountQuestion(names, groups, bool(parameters["deny_interactive_logon"]))


def read_accounts(host: Host, question: AccountQuestion) -> dict[str, Any]:
    """One message for each account, a few more for PowerShell and the names of groups."""
    found = {name: host.accounts.read_user(name) for name in question.names}
    users = [user for user in found.values() if user is not None]
    missing = [name for name, user in found.items() if user is None]
    powershell = _read_powershell(host)
    needs_hands = missing or any(user.troubles for user in users)
    steps: Sequence[str] = ()
    if needs_hands:
        groups = [_group_name(host, group) for group in question.groups]
        steps = manual_steps(question.names, users, groups, denies_interactive=question.denies_interactive)
    return {
        "accounts": [user.to_dict() for user in users],
        "missing": missing,
        "powershell": powershell,
        "can_create": runs_modules(powershell),
        "manual_steps": list(steps),
    }


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


def _group_name(host: Host, group: str) -> str:
    """The group as the commands of this host call it."""
    try:
        return host.accounts.translated_name(Sid.from_string(group)) or group
    except DomainError:
        return group
