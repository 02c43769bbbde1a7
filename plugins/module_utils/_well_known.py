# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Well-known SIDs: their English names, the spellings people use, and their SDDL aliases.

Windows translates these names (Administratoren, Jeder), the SIDs are the same everywhere; so a name of this table is
never looked up on a host. Groups of a domain have a fixed RID below a SID that differs, so they are listed apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ._sid import Sid

NT_AUTHORITY = "NT AUTHORITY"
BUILTIN = "BUILTIN"
NT_SERVICE = "NT SERVICE"
_APP_PACKAGES = "APPLICATION PACKAGE AUTHORITY"
_LABELS = "Mandatory Label"


@dataclass(frozen=True, slots=True)
class WellKnown:
    """One well-known SID. `domain` is the part before the backslash ("" if Windows prints none)."""

    sid: Sid
    domain: str
    name: str
    sddl_alias: str | None = None
    spellings: tuple[str, ...] = ()

    @property
    def account_name(self) -> str:
        """The name as an English Windows prints it."""
        return f"{self.domain}\\{self.name}" if self.domain else self.name


def _entry(sid: str, domain: str, name: str, alias: str | None = None, *spellings: str) -> WellKnown:
    return WellKnown(Sid.from_string(sid), domain, name, alias, spellings)


# Source: MS-DTYP 2.4.2.4 (SIDs and names), 2.5.1.1 and Win32 "SID Strings" (aliases).
WELL_KNOWN: tuple[WellKnown, ...] = (
    _entry("S-1-0-0", "", "NULL SID", None, "Nobody"),
    _entry("S-1-1-0", "", "Everyone", "WD", "World"),
    _entry("S-1-2-0", "", "LOCAL"),
    _entry("S-1-2-1", "", "CONSOLE LOGON"),
    _entry("S-1-3-0", "", "CREATOR OWNER", "CO"),
    _entry("S-1-3-1", "", "CREATOR GROUP", "CG"),
    _entry("S-1-3-4", "", "OWNER RIGHTS", "OW"),
    _entry("S-1-5-1", NT_AUTHORITY, "DIALUP"),
    _entry("S-1-5-2", NT_AUTHORITY, "NETWORK", "NU"),
    _entry("S-1-5-3", NT_AUTHORITY, "BATCH"),
    _entry("S-1-5-4", NT_AUTHORITY, "INTERACTIVE", "IU"),
    _entry("S-1-5-6", NT_AUTHORITY, "SERVICE", "SU"),
    _entry("S-1-5-7", NT_AUTHORITY, "ANONYMOUS LOGON", "AN", "Anonymous"),
    _entry("S-1-5-8", NT_AUTHORITY, "PROXY"),
    _entry("S-1-5-9", NT_AUTHORITY, "ENTERPRISE DOMAIN CONTROLLERS", "ED"),
    _entry("S-1-5-10", NT_AUTHORITY, "SELF", "PS", "Principal Self"),
    _entry("S-1-5-11", NT_AUTHORITY, "Authenticated Users", "AU"),
    _entry("S-1-5-12", NT_AUTHORITY, "RESTRICTED", "RC", "Restricted Code"),
    _entry("S-1-5-13", NT_AUTHORITY, "TERMINAL SERVER USER"),
    _entry("S-1-5-14", NT_AUTHORITY, "REMOTE INTERACTIVE LOGON"),
    _entry("S-1-5-15", NT_AUTHORITY, "This Organization"),
    _entry("S-1-5-17", NT_AUTHORITY, "IUSR"),
    _entry("S-1-5-18", NT_AUTHORITY, "SYSTEM", "SY", "LocalSystem", "Local System"),
    _entry("S-1-5-19", NT_AUTHORITY, "LOCAL SERVICE", "LS", "LocalService"),
    _entry("S-1-5-20", NT_AUTHORITY, "NETWORK SERVICE", "NS", "NetworkService"),
    _entry("S-1-5-33", NT_AUTHORITY, "WRITE RESTRICTED", "WR"),
    _entry("S-1-5-113", NT_AUTHORITY, "Local account"),
    _entry("S-1-5-114", NT_AUTHORITY, "Local account and member of Administrators group"),
    _entry("S-1-5-32-544", BUILTIN, "Administrators", "BA"),
    _entry("S-1-5-32-545", BUILTIN, "Users", "BU"),
    _entry("S-1-5-32-546", BUILTIN, "Guests", "BG"),
    _entry("S-1-5-32-547", BUILTIN, "Power Users", "PU"),
    _entry("S-1-5-32-548", BUILTIN, "Account Operators", "AO"),
    _entry("S-1-5-32-549", BUILTIN, "Server Operators", "SO"),
    _entry("S-1-5-32-550", BUILTIN, "Print Operators", "PO"),
    _entry("S-1-5-32-551", BUILTIN, "Backup Operators", "BO"),
    _entry("S-1-5-32-552", BUILTIN, "Replicator", "RE"),
    _entry("S-1-5-32-554", BUILTIN, "Pre-Windows 2000 Compatible Access", "RU"),
    _entry("S-1-5-32-555", BUILTIN, "Remote Desktop Users", "RD"),
    _entry("S-1-5-32-556", BUILTIN, "Network Configuration Operators", "NO"),
    _entry("S-1-5-32-558", BUILTIN, "Performance Monitor Users", "MU"),
    _entry("S-1-5-32-559", BUILTIN, "Performance Log Users", "LU"),
    _entry("S-1-5-32-560", BUILTIN, "Windows Authorization Access Group"),
    _entry("S-1-5-32-561", BUILTIN, "Terminal Server License Servers"),
    _entry("S-1-5-32-562", BUILTIN, "Distributed COM Users"),
    _entry("S-1-5-32-568", BUILTIN, "IIS_IUSRS", "IS"),
    _entry("S-1-5-32-569", BUILTIN, "Cryptographic Operators", "CY"),
    _entry("S-1-5-32-573", BUILTIN, "Event Log Readers", "ER"),
    _entry("S-1-5-32-574", BUILTIN, "Certificate Service DCOM Access", "CD"),
    _entry("S-1-5-32-575", BUILTIN, "RDS Remote Access Servers", "RA"),
    _entry("S-1-5-32-576", BUILTIN, "RDS Endpoint Servers", "ES"),
    _entry("S-1-5-32-577", BUILTIN, "RDS Management Servers", "MS"),
    _entry("S-1-5-32-578", BUILTIN, "Hyper-V Administrators", "HA"),
    _entry("S-1-5-32-579", BUILTIN, "Access Control Assistance Operators", "AA"),
    _entry("S-1-5-32-580", BUILTIN, "Remote Management Users", "RM"),
    _entry("S-1-5-80-0", NT_SERVICE, "ALL SERVICES"),
    _entry("S-1-5-84-0-0-0-0-0", "", "USER MODE DRIVERS", "UD"),
    _entry("S-1-15-2-1", _APP_PACKAGES, "ALL APPLICATION PACKAGES", "AC"),
    _entry("S-1-15-2-2", _APP_PACKAGES, "ALL RESTRICTED APPLICATION PACKAGES"),
    _entry("S-1-16-0", _LABELS, "Untrusted Mandatory Level"),
    _entry("S-1-16-4096", _LABELS, "Low Mandatory Level", "LW"),
    _entry("S-1-16-8192", _LABELS, "Medium Mandatory Level", "ME"),
    _entry("S-1-16-8448", _LABELS, "Medium Plus Mandatory Level", "MP"),
    _entry("S-1-16-12288", _LABELS, "High Mandatory Level", "HI"),
    _entry("S-1-16-16384", _LABELS, "System Mandatory Level", "SI"),
    _entry("S-1-18-1", "", "Authentication authority asserted identity", "AS"),
    _entry("S-1-18-2", "", "Service asserted identity", "SS"),
)

EVERYONE = Sid.from_string("S-1-1-0")
OWNER_RIGHTS = Sid.from_string("S-1-3-4")
NETWORK = Sid.from_string("S-1-5-2")
INTERACTIVE = Sid.from_string("S-1-5-4")
SERVICE = Sid.from_string("S-1-5-6")
ANONYMOUS_LOGON = Sid.from_string("S-1-5-7")
SELF = Sid.from_string("S-1-5-10")
AUTHENTICATED_USERS = Sid.from_string("S-1-5-11")
LOCAL_SYSTEM = Sid.from_string("S-1-5-18")
LOCAL_SERVICE = Sid.from_string("S-1-5-19")
NETWORK_SERVICE = Sid.from_string("S-1-5-20")
LOCAL_ACCOUNT = Sid.from_string("S-1-5-113")
LOCAL_ACCOUNT_AND_ADMINISTRATOR = Sid.from_string("S-1-5-114")
ADMINISTRATORS = Sid.from_string("S-1-5-32-544")
USERS = Sid.from_string("S-1-5-32-545")
GUESTS = Sid.from_string("S-1-5-32-546")
PERFORMANCE_LOG_USERS = Sid.from_string("S-1-5-32-559")
DISTRIBUTED_COM_USERS = Sid.from_string("S-1-5-32-562")

RID_ADMINISTRATOR = 500
RID_GUEST = 501


@dataclass(frozen=True, slots=True)
class DomainRid:
    """A group or account with a fixed RID below the SID of its `scope`: ``machine``, ``domain`` or ``forest`` root."""

    rid: int
    sddl_alias: str
    name: str
    scope: str


# Source: MS-DTYP 2.4.2.4, Win32 "SID Strings"; the scope as Samba's SDDL table has it.
DOMAIN_RIDS: tuple[DomainRid, ...] = (
    DomainRid(498, "RO", "Enterprise Read-only Domain Controllers", "forest"),
    DomainRid(RID_ADMINISTRATOR, "LA", "Administrator", "machine"),
    DomainRid(RID_GUEST, "LG", "Guest", "machine"),
    DomainRid(512, "DA", "Domain Admins", "domain"),
    DomainRid(513, "DU", "Domain Users", "domain"),
    DomainRid(514, "DG", "Domain Guests", "domain"),
    DomainRid(515, "DC", "Domain Computers", "domain"),
    DomainRid(516, "DD", "Domain Controllers", "domain"),
    DomainRid(517, "CA", "Cert Publishers", "domain"),
    DomainRid(518, "SA", "Schema Admins", "forest"),
    DomainRid(519, "EA", "Enterprise Admins", "forest"),
    DomainRid(520, "PA", "Group Policy Creator Owners", "domain"),
    DomainRid(522, "CN", "Cloneable Domain Controllers", "domain"),
    DomainRid(525, "AP", "Protected Users", "domain"),
    DomainRid(526, "KA", "Key Admins", "domain"),
    DomainRid(527, "EK", "Enterprise Key Admins", "forest"),
    DomainRid(553, "RS", "RAS and IAS Servers", "domain"),
)


def _index_by_name() -> Mapping[str, Sid]:
    index: dict[str, Sid] = {}
    for entry in WELL_KNOWN:
        for name in (entry.name, *entry.spellings):
            index[name.casefold()] = entry.sid
            if entry.domain:
                index[f"{entry.domain}\\{name}".casefold()] = entry.sid
    return MappingProxyType(index)


_BY_SID: Mapping[Sid, WellKnown] = MappingProxyType({entry.sid: entry for entry in WELL_KNOWN})
_BY_NAME = _index_by_name()
SID_OF_SDDL_ALIAS: Mapping[str, Sid] = MappingProxyType(
    {entry.sddl_alias: entry.sid for entry in WELL_KNOWN if entry.sddl_alias}
)
SDDL_ALIAS_OF_SID: Mapping[Sid, str] = MappingProxyType({sid: alias for alias, sid in SID_OF_SDDL_ALIAS.items()})
RID_OF_SDDL_ALIAS: Mapping[str, DomainRid] = MappingProxyType({entry.sddl_alias: entry for entry in DOMAIN_RIDS})


def well_known_sid(account_name: str) -> Sid | None:
    """The SID of a well-known English name, in any case, with or without its domain part; None if it is not one.

    ``.\\SYSTEM`` names a local account called SYSTEM, which cannot exist, and is not understood.
    """
    return _BY_NAME.get(account_name.strip().casefold())


def well_known_name(sid: Sid) -> str | None:
    """The English name of a well-known SID, such as ``BUILTIN\\Administrators``; None if it is not one."""
    entry = _BY_SID.get(sid)
    return None if entry is None else entry.account_name


def service_sid(service_name: str) -> Sid:
    """The SID of ``NT SERVICE\\<service_name>``, computed: no host has to be asked.

    It exists only in the local token of a service that has a SID type, so it is of no use for remote callers.
    Source: MS-DTYP 2.4.2.4 (NT SERVICE; values of DPS and WdiServiceHost); SHA-1 is the format, not a protection.
    """
    # Windows folds each UTF-16 unit alone, so a letter whose upper case has two letters stays as it is.
    folded = "".join(char.upper() if len(char.upper()) == 1 else char for char in service_name)
    digest = hashlib.sha1(folded.encode("utf-16-le", "surrogatepass"), usedforsecurity=False).digest()
    words = (int.from_bytes(digest[start : start + 4], "little") for start in range(0, 20, 4))
    return Sid(5, (80, *words))


def service_name_of(account_name: str) -> str | None:
    """``OpcEnum`` for ``NT SERVICE\\OpcEnum``; None for a name of another kind."""
    domain, separator, name = account_name.strip().partition("\\")
    return name if separator and name and domain.casefold() == NT_SERVICE.casefold() else None
