# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Account names and SIDs as .NET's NTAccount and SecurityIdentifier translate them for modules.

Source: ConvertTo-SecurityIdentifier of win_user_right and win_group, Convert-ToSID of Ansible.ModuleUtils.SID.
"""

from __future__ import annotations

import re

from ...subsystems.account_database import AccountError
from ..module import HostParts

_SID = re.compile(r"S-1-\d+(-\d+)*", re.IGNORECASE)
NOT_TRANSLATED = "Some or all identity references could not be translated."


def to_sid(host: HostParts, text: str) -> str | None:
    """The SID of a SID, `name`, `.\\name`, `DOMAIN\\name` or `name@domain`; None where nothing has the name."""
    if _SID.fullmatch(text):
        return text.upper()
    authority, backslash, name = text.partition("\\")
    if backslash and authority == ".":
        authority = host.computer_name
    if backslash and authority.upper() == host.computer_name and host.accounts.local.find_group(name):
        return host.accounts.local.group(name).sid
    try:
        return host.accounts.lookup_name(f"{authority}\\{name}" if backslash else text).sid
    except AccountError:
        return None


def to_name(host: HostParts, sid: str) -> str:
    """`DOMAIN\\name`, or the SID itself where nothing maps it."""
    return host.accounts.account_name(sid)


def ads_path(host: HostParts, name: str) -> str:
    """The ADSI path of a local account."""
    authority = host.domain.authority if host.domain else "WORKGROUP"
    return f"WinNT://{authority}/{host.computer_name}/{name}"
