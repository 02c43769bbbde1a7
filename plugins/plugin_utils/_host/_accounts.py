# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Accounts of one host: names to SIDs and back, each asked once per run, always by name and never by an enumeration.

A domain of ten thousand users costs what one of ten costs. Every answer is kept for the run, the unresolved ones too.

Not verified on a real host:

- that Win32_UserAccount answers a Get for a computer account (``HOST$``). Windows counts it as a user in a lookup, but
  the class does not list it. Where it does not answer, name the account by its SID or use a group that holds it.
- that a query with LocalAccount=TRUE asks no domain controller. The page of Win32_Account names it as the way to get
  the accounts of the local computer only; what it costs on a member of a large domain is not written there.
- the NetBIOS name of a domain of which only the DNS name is known (the host's own domain, ``name@domain``). The first
  label of the DNS name is tried, then the DNS name itself. Where a domain is named otherwise, write ``NETBIOS\\name``.

Source: wsman_cim.md 4.7 (Win32_UserAccount, Win32_Group, Win32_SystemAccount, Win32_SID); Microsoft Learn, page of
each class: "querying for a specific instance has less impact" than enumerating.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from ...module_utils._errors import HostStateError
from ...module_utils._local_accounts import LocalUser
from ...module_utils._principals import LOCAL, AccountName, builtin_sid, fixed_name, parse_principal
from ...module_utils._registry import RegistryKey, RegistryType
from ...module_utils._sid import Sid
from .._wsman._cim import CimClass, CimReference, Instance
from .._wsman._client import WsmanClient, wql_text
from .._wsman._errors import WsmanFault
from .._wsman._schema import WIN32_GROUP, WIN32_GROUP_USER, WIN32_SID, WIN32_SYSTEM_ACCOUNT, WIN32_USER_ACCOUNT
from ._registry import RegistryGateway
from ._system import ComputerSystem, SystemGateway

# The NetBIOS name that has counted since the host booted, also when it was renamed meanwhile.
COMPUTER_NAME_KEY = RegistryKey("SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ActiveComputerName")

_ACCOUNT_CLASSES = (WIN32_USER_ACCOUNT, WIN32_GROUP)
# Local well-known accounts under their translated names ("Jeder") are a class of their own.
_LOCAL_CLASSES = (*_ACCOUNT_CLASSES, WIN32_SYSTEM_ACCOUNT)

_USER_PROPERTIES = "Domain,Name,SID,Disabled,Lockout,PasswordExpires,PasswordChangeable"
# A query of more conditions than this is cut: WMI refuses queries that are too complex, and does not say from where on.
_MAX_NAMES = 20

_Place = tuple[str, tuple[CimClass, ...]]


class UnknownAccountError(HostStateError):
    """The host knows no account of this name."""


class AccountGateway:
    """Resolves names and SIDs. Make one per host and run."""

    def __init__(self, client: WsmanClient, system: SystemGateway, registry: RegistryGateway) -> None:
        self._client = client
        self._system = system
        self._registry = registry
        self._computer: ComputerSystem | None = None
        self._computer_name: str | None = None
        self._sids: dict[str, Sid | UnknownAccountError] = {}
        self._names: dict[Sid, str | None] = {}
        self._members: dict[Sid, frozenset[Sid]] = {}

    def resolve(self, name: str) -> Sid:
        """The SID of an account; the forms of a name are those of `parse_principal`.

        No message for names that mean the same everywhere, else one to six, and one or two once per run to learn the
        name of the host. Raises: UnknownAccountError, DomainError for what cannot be a name, WsmanError.
        """
        key = name.strip().casefold()
        if key not in self._sids:
            try:
                self._sids[key] = self._resolve(name)
            except UnknownAccountError as error:
                self._sids[key] = error
        found = self._sids[key]
        if isinstance(found, UnknownAccountError):
            raise found
        return found

    def learn(self, sids: Mapping[str, Sid]) -> None:
        """Take over SIDs of local accounts, by name, that the caller has asked this host for just before."""
        for name, sid in sids.items():
            for spelling in (name, f".\\{name}"):
                self._sids[spelling.strip().casefold()] = sid
            self._names[sid] = fixed_name(sid) or f"{self.computer_name}\\{name}"

    def name_of(self, sid: Sid) -> str | None:
        """``DOMAIN\\name`` for people, in English where Windows translates; None for an orphaned SID.

        At most one message per SID and run. A lookup that the host refuses counts as no name: a name is only shown.
        """
        if sid not in self._names:
            self._names[sid] = fixed_name(sid) or self._read_name(sid)
        return self._names[sid]

    def read_users(self, names: Sequence[str]) -> dict[str, LocalUser]:
        """The local users of the host that have one of these names, by the name as it was asked for.

        One message for twenty names. Raises: WsmanError.
        """
        rows = [row for start in range(0, len(names), _MAX_NAMES) for row in self._users(names[start:][:_MAX_NAMES])]
        found = {user.name.casefold(): user for user in map(self._local_user, rows)}
        return {name: found[name.casefold()] for name in names if name.casefold() in found}

    def _users(self, names: Sequence[str]) -> list[Instance]:
        wanted = " or ".join(f"Name={wql_text(name)}" for name in names)
        query = f"select {_USER_PROPERTIES} from Win32_UserAccount where LocalAccount=TRUE and ({wanted})"
        return self._client.enumerate(query, WIN32_USER_ACCOUNT)

    def _local_user(self, row: Instance) -> LocalUser:
        """A local account bears the name of its computer, so nobody has to ask for that."""
        domain, name = row.required("Domain", str), row.required("Name", str)
        self._computer_name = domain
        self._sids[f"{domain}\\{name}".casefold()] = self._remember(row)
        return LocalUser(
            name=name,
            sid=row.required("SID", str),
            is_enabled=not row.required("Disabled", bool),
            is_locked_out=row.required("Lockout", bool),
            password_expires=row.required("PasswordExpires", bool),
            password_changeable=row.required("PasswordChangeable", bool),
        )

    def local_group(self, name: str) -> Sid | None:
        """The SID of a local group of the host, also by its English name where Windows translates it; None when there
        is none. At most one message.
        """
        found = self._get(WIN32_GROUP, {"Domain": self.computer_name, "Name": name})
        return builtin_sid(name) if found is None else self._remember(found)

    def members_of(self, group: Sid) -> frozenset[Sid]:
        """The users that are members of a local group by themselves; nobody for what is no local group.

        A few messages per group and run: its name, its members, and the SID of each that was not resolved before.
        Members that are groups are not followed.
        """
        if group not in self._members:
            name = self._local_group_name(group) if _may_be_local_group(group) else None
            self._members[group] = frozenset() if name is None else self.members_of_group(name)
        return self._members[group]

    def members_of_group(self, name: str) -> frozenset[Sid]:
        """The users that are members of the local group of this name; nobody where there is no such group.

        One message, and one for each member that was not resolved before. Source: Win32_GroupUser, asked for one group.
        """
        return frozenset(self._read_members(name))

    def _local_group_name(self, group: Sid) -> str | None:
        """What this host calls the group; an account of a domain may have the name of a local group."""
        name = self.translated_name(group)
        if name is None or group.sub_authorities[:1] == (32,):
            return name
        found = self._get(WIN32_GROUP, {"Domain": self.computer_name, "Name": name})
        return name if found is not None and found.required("SID", str) == str(group) else None

    def _read_members(self, name: str) -> Iterator[Sid]:
        path = f"Win32_Group.Domain='{self.computer_name}',Name='{name}'"
        quoted = path.replace("\\", "\\\\").replace('"', '\\"')
        query = f'select * from Win32_GroupUser where GroupComponent="{quoted}"'
        for row in self._rows(query):
            part = row.optional("PartComponent", CimReference)
            keys = {} if part is None else dict(part.selectors)
            if part is None or not part.class_name.endswith("Win32_UserAccount"):
                continue
            with suppress(UnknownAccountError):
                yield self.resolve(f"{keys['Domain']}\\{keys['Name']}")

    def _rows(self, query: str) -> list[Instance]:
        """Nothing for a group that is not there. Whether Windows says so with a fault is not documented."""
        try:
            return self._client.enumerate(query, WIN32_GROUP_USER)
        except WsmanFault as fault:
            if fault.is_not_found:
                return []
            raise

    def translated_name(self, sid: Sid) -> str | None:
        """The bare name of a SID in the language of the host, as its own commands want it. One message."""
        found = self._get(WIN32_SID, {"SID": str(sid)})
        return None if found is None else found.optional("AccountName", str) or None

    def _resolve(self, text: str) -> Sid:
        account = parse_principal(text)
        if isinstance(account, Sid):
            return account
        for domain, classes in self._places(account):
            for cim_class in classes:
                found = self._get(cim_class, {"Domain": domain, "Name": account.name})
                if found is not None:
                    return self._remember(found)
        builtin = builtin_sid(account.name)
        if builtin is not None and (account.domain or "").casefold() == self.computer_name.casefold():
            return builtin  # HOST\Administrators on a host that calls them Administratoren
        raise UnknownAccountError(self._not_found(text, account))

    def _places(self, account: AccountName) -> Iterator[_Place]:
        """Where to look, most likely place first: domain key and classes."""
        classes = (WIN32_USER_ACCOUNT,) if account.is_computer else _ACCOUNT_CLASSES
        if account.domain == LOCAL:
            yield self.computer_name, _LOCAL_CLASSES
        elif account.domain is not None:
            yield from ((name, classes) for name in _domain_keys(account.domain))
        else:
            if not account.is_computer:
                yield self.computer_name, _LOCAL_CLASSES
            if self.computer.is_domain_member:
                yield from ((name, classes) for name in _domain_keys(self.computer.domain))

    @property
    def computer_name(self) -> str:
        """What local accounts are named after; no message when one of them was read, or its key, else one a run."""
        if self._computer_name is not None:
            return self._computer_name
        if self._computer is None and self._registry.has_read(COMPUTER_NAME_KEY):
            value = self._registry.value(COMPUTER_NAME_KEY, "ComputerName", RegistryType.SZ)
            if value is not None and isinstance(value.data, str):
                return value.data
        return self.computer.name

    @property
    def computer(self) -> ComputerSystem:
        """Name and domain of the host; read once."""
        if self._computer is None:
            self._computer = self._system.read_computer_system()
        return self._computer

    def _remember(self, found: Instance) -> Sid:
        sid = Sid.from_string(found.required("SID", str))
        self._names[sid] = fixed_name(sid) or f"{found.required('Domain', str)}\\{found.required('Name', str)}"
        return sid

    def _read_name(self, sid: Sid) -> str | None:
        try:
            found = self._client.get(WIN32_SID, {"SID": str(sid)})
        except WsmanFault:
            return None
        name = found.optional("AccountName", str)
        domain = found.optional("ReferencedDomainName", str)
        if not name:
            return None
        return f"{domain}\\{name}" if domain else name

    def _get(self, cim_class: CimClass, keys: dict[str, str]) -> Instance | None:
        try:
            return self._client.get(cim_class, keys)
        except WsmanFault as fault:
            if fault.is_not_found:
                return None
            raise

    def _not_found(self, text: str, account: AccountName) -> str:
        advice = "write DOMAIN\\name with the NetBIOS name of the domain, .\\name for a local account, or its SID"
        if account.is_computer:
            computer = self.computer
            if not computer.is_domain_member:
                return (
                    f"{text}: computer accounts exist in a domain only, and this host is in the workgroup "
                    f"{computer.domain}. LocalSystem of a workgroup host has no account that another host could name; "
                    "run the program as a user that both hosts have"
                )
            advice = "write DOMAIN\\HOST$, or give the SID of the computer account or of a group that holds it"
        return f"{text}: this host knows no such account; {advice}. Nothing was changed"


def _may_be_local_group(sid: Sid) -> bool:
    """BUILTIN groups, and what a computer or domain has made; not Everyone and its like, which have no member rows."""
    return sid.authority == 5 and (sid.sub_authorities[:1] == (32,) or sid.domain is not None)


def _domain_keys(domain: str) -> tuple[str, ...]:
    """What to ask for as Domain: a NetBIOS name itself; for a DNS name its usual NetBIOS name, then itself."""
    first_label = domain.partition(".")[0].upper()
    return (domain,) if "." not in domain else (first_label[:15], domain)
