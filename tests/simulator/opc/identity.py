# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a process is for a peer: what it presents over the network, and which token that gets there.

| process runs as | presents |
|---|---|
| LocalSystem, NetworkService, NT SERVICE\\x | the computer: `DOMAIN\\HOST$`, else `WORKGROUP\\HOST$` (unknown to all) |
| the same, `UseMachineId` = 0 and no domain | nothing: a null session |
| LocalService, a server launched for a remote user | nothing: a null session |
| a local or domain user | that name with its password |

RPCSS repeats an activation and the resolution of an object without authentication when the peer refuses the logon,
unless DCOMSCMRemoteCallFlags forbids it (dcom.md 1.2). For method calls the documents say nothing. The seed says that
Local System counts as Anonymous and that an unknown user does not; so here a computer nobody knows goes on as Anonymous
and a user whose logon fails does not. **Unverified** (dcom.md 9, no. 1), as is that such a call meets a server's own
authentication level: a null session has a session key ("allows applications to sign and encrypt"), so it does here.

Source: dcom.md 1.2, 3.5, seed ("Mutual User Account recognition"). Deviation: a service presents the password its
account has now, not the one it was started with.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..cim import Caller
from ..host import SimulatedHost
from ..subsystems import well_known
from ..subsystems.account_database import AccountDatabase, AccountError, User
from ..subsystems.logon import LogonError, Presented
from .access_check import Token
from .network import Node, Program

_LSA = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa"
_WORKGROUP = "WORKGROUP"
_SYSTEM_NAMES = {"LOCALSYSTEM": well_known.LOCAL_SYSTEM, "SYSTEM": well_known.LOCAL_SYSTEM}
_SERVICE_NAMES = {
    "LOCALSERVICE": well_known.LOCAL_SERVICE,
    "LOCAL SERVICE": well_known.LOCAL_SERVICE,
    "NETWORKSERVICE": well_known.NETWORK_SERVICE,
    "NETWORK SERVICE": well_known.NETWORK_SERVICE,
}
_COMPUTER_SIDS = (well_known.LOCAL_SYSTEM, well_known.NETWORK_SERVICE)
_ALL_SERVICES = "S-1-5-80-"


class Kind(enum.Enum):
    """What a process presents."""

    COMPUTER = "computer"
    USER = "user"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a process presents to every peer. `presented` is None for a null session."""

    kind: Kind
    presented: Presented | None = None

    @property
    def name(self) -> str:
        return f"{self.presented.domain}\\{self.presented.name}" if self.presented else "nobody (null session)"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a caller is on the host that it calls. `is_authenticated` False: the call carries no security at all.

    `refused` is what the peer answered to the logon, where a retry without authentication followed.
    """

    caller: Caller
    is_authenticated: bool
    refused: LogonError | None = None

    @property
    def token(self) -> Token:
        return Token(self.caller.sids, (self.caller.groups | {self.caller.sid}) - self.caller.sids)

    @property
    def domain(self) -> str:
        return self.caller.account_name.rpartition("\\")[0]

    @property
    def user_name(self) -> str:
        return self.caller.account_name.rpartition("\\")[2]

    @property
    def is_anonymous(self) -> bool:
        return self.caller.sid == well_known.ANONYMOUS


def account_sid(host: SimulatedHost, account: str) -> str | None:
    """The SID of an account as services and processes name it; None for nobody."""
    authority, _sep, name = account.rpartition("\\")
    if authority.upper() in ("", "NT AUTHORITY"):
        fixed = (_SYSTEM_NAMES | _SERVICE_NAMES).get(name.upper())
        if fixed is not None:
            return fixed
    found = find_user(host, account)
    if found is not None:
        return found[1].sid
    try:
        return host.accounts.lookup_name(account).sid if account else None
    except AccountError:
        return None


def find_user(host: SimulatedHost, account: str) -> tuple[AccountDatabase, User] | None:
    """The user `.\\x`, `HOST\\x`, `x`, `DOMAIN\\x` or `x@domain` and where it is kept."""
    authority, separator, name = account.rpartition("\\")
    if not separator and "@" in account:
        name, _sep, authority = account.partition("@")
    own, domain = host.accounts.local, host.accounts.domain
    local = own.find_user(name)
    if authority.upper() in ("", ".", own.authority) and local is not None:
        return own, local
    if domain is not None and authority.upper() in ("", domain.authority, domain.dns_name.upper()):
        remote = domain.find_user(name)
        return (domain, remote) if remote is not None else None
    return None


def credentials(source: Node, account: str) -> Credentials:
    """What a process of an account presents; the user of an account that is gone presents no password."""
    host = source.host
    sid = account_sid(host, account)
    if not account or sid == well_known.LOCAL_SERVICE:
        return Credentials(Kind.NOTHING)
    if sid is not None and (sid in _COMPUTER_SIDS or sid.startswith(_ALL_SERVICES)):
        return _computer(source)
    found = find_user(host, account)
    if found is None:
        authority, _sep, name = account.rpartition("\\")
        return Credentials(Kind.USER, Presented(authority, name, "", source.address, host.computer_name))
    database, user = found
    password = user.secret.reveal_to_acceptor()
    presented = Presented(database.authority, user.name, password, source.address, host.computer_name)
    return Credentials(Kind.USER, presented)


def _computer(source: Node) -> Credentials:
    host = source.host
    name = f"{host.computer_name}$"
    if host.domain is not None:
        computer = host.domain.user(name)
        password = computer.secret.reveal_to_acceptor()
        presented = Presented(host.domain.authority, computer.name, password, source.address, host.computer_name)
        return Credentials(Kind.COMPUTER, presented)
    if host.registry.get_number(_LSA, "UseMachineId", 1) == 0:
        return Credentials(Kind.NOTHING)
    return Credentials(Kind.COMPUTER, Presented(_WORKGROUP, name, "", source.address, host.computer_name))


def anonymous(target: Node, source: Node) -> Identity:
    """A caller that asked for no security."""
    return Identity(target.host.logons.anonymous(source.address, is_logged=False), is_authenticated=False)


def log_on(target: Node, source: Node, shown: Credentials) -> Identity:
    """Who the peer takes the caller for. Raises: LogonError; leaves 4624 or 4625 on the target."""
    if shown.presented is None:
        return Identity(target.host.logons.anonymous(source.address, is_logged=True), is_authenticated=True)
    return Identity(target.host.logons.accept(shown.presented), is_authenticated=True)


def log_on_or_anonymous(target: Node, source: Node, shown: Credentials, *, retries: bool) -> Identity:
    """The same, repeated without authentication where the logon is refused. Raises: LogonError without `retries`."""
    try:
        return log_on(target, source, shown)
    except LogonError as refused:
        if not retries:
            raise
        caller = target.host.logons.anonymous(source.address, is_logged=False)
        return Identity(caller, is_authenticated=False, refused=refused)


def self_sid(host: SimulatedHost, program: Program) -> str | None:
    """Whom SELF stands for in a process' access permission."""
    return account_sid(host, program.account) if program.account else None
