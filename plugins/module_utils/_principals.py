# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""How people name accounts, and what follows from the name alone: a SID, or where a host has to look it up.

Names that Windows translates (Administrators, Everyone) are answered from our own table, so that one inventory serves
hosts of every language. What is left is an account of the host or of a domain.
"""

from __future__ import annotations

from dataclasses import dataclass

from ._errors import DomainError
from ._sid import Sid
from ._well_known import BUILTIN, service_name_of, service_sid, well_known_name, well_known_sid

LOCAL = "."
# Application packages and their capabilities (MS-DTYP 2.4.2.4): no account stands behind them, so no host knows a name.
_APP_PACKAGE_AUTHORITY = 15
_CAPABILITY = 3


@dataclass(frozen=True, slots=True)
class AccountName:
    """An account to look up. `domain` is what the name says before the backslash or behind the @ (a NetBIOS or DNS
    name, ``.`` for the host itself), None for a bare name: the host first, then its domain.
    """

    name: str
    domain: str | None = None

    @property
    def is_computer(self) -> bool:
        """Computer accounts end in $ and exist in domains only."""
        return self.name.endswith("$")


def parse_principal(text: str) -> Sid | AccountName:
    """The SID that a name stands for on every host, else the account to look up.

    Understood are ``S-1-...``, well-known English names with or without their domain part, ``BUILTIN\\x``,
    ``NT SERVICE\\x`` (computed), ``DOMAIN\\name``, ``.\\name``, ``name@domain``, ``name`` and computer accounts. A bare
    name that is well-known means the well-known one; write ``.\\name`` for a local account called so.
    Raises: DomainError for a text that cannot be an account.
    """
    stripped = text.strip()
    if stripped[:4].upper() == "S-1-":
        return Sid.from_string(stripped)
    known = well_known_sid(stripped)
    if known is not None:
        return known
    service = service_name_of(stripped)
    if service is not None:
        return service_sid(service)
    account = _split(stripped)
    if not account.name.strip(" .") or account.domain == "" or "\\" in account.name:
        raise DomainError(
            f"{text!r} is not the name of an account such as DOMAIN\\name, .\\name or name@domain, nor a SID"
        )
    return builtin_sid(account.name) or account if account.domain == LOCAL else account


def builtin_sid(name: str) -> Sid | None:
    """The SID of a built-in group by its English name, which every host has under its own name, too."""
    return well_known_sid(f"{BUILTIN}\\{name}")


def fixed_name(sid: Sid) -> str | None:
    """The name of a SID that is the same everywhere, in English; None for a SID that a host has to be asked about."""
    name = well_known_name(sid)
    if name is None and sid.authority == _APP_PACKAGE_AUTHORITY:
        is_capability = sid.sub_authorities[:1] == (_CAPABILITY,)
        name = f"app {'capability' if is_capability else 'package'} {sid}"
    return name


def _split(text: str) -> AccountName:
    domain, backslash, name = text.partition("\\")
    if backslash:
        return AccountName(name.strip(), domain.strip())
    name, at, domain = text.rpartition("@")
    return AccountName(name.strip(), domain.strip()) if at else AccountName(text)
