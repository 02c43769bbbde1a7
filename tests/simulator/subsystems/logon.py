# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logons: who a name and password are, what the token holds, and the events a refusal leaves.

Source: dcom.md 6.4 (4625 SubStatus codes), 3.5 (pass-through, ForceGuest, EveryoneIncludesAnonymous) and wsman_cim.md 7
(remote UAC: LocalAccountTokenFilterPolicy, FilterAdministratorToken, EnableLUA), MS-DTYP 2.4.2.4 (SIDs that a network
logon adds; Authenticated Users holds neither Guest nor Anonymous). Every event names NTLM, also where a real host would
have used Kerberos. Unverified: that an anonymous token holds NETWORK.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..cim import Caller
from . import well_known
from .account_database import AccountDatabase, User
from .accounts import Accounts
from .event_log import KEYWORD_AUDIT_FAILURE, KEYWORD_AUDIT_SUCCESS, SECURITY_AUDITING, Event, EventLog
from .registry import Registry
from .service_record import ERROR_INVALID_SERVICE_ACCOUNT, ERROR_SERVICE_LOGON_FAILED

STATUS_NO_LOGON_SERVERS = 0xC000005E
STATUS_NO_SUCH_USER = 0xC0000064
STATUS_WRONG_PASSWORD = 0xC000006A
STATUS_LOGON_FAILURE = 0xC000006D
STATUS_ACCOUNT_RESTRICTION = 0xC000006E
STATUS_ACCOUNT_DISABLED = 0xC0000072
STATUS_LOGON_TYPE_NOT_GRANTED = 0xC000015B
STATUS_PASSWORD_MUST_CHANGE = 0xC0000224
STATUS_ACCOUNT_LOCKED_OUT = 0xC0000234

# Status and SubStatus of event 4625: what NTLM hides from the client appears only in SubStatus.
_STATUS_PAIRS = {
    STATUS_NO_LOGON_SERVERS: (STATUS_NO_LOGON_SERVERS, 0),
    STATUS_NO_SUCH_USER: (STATUS_LOGON_FAILURE, STATUS_NO_SUCH_USER),
    STATUS_WRONG_PASSWORD: (STATUS_LOGON_FAILURE, STATUS_WRONG_PASSWORD),
    STATUS_ACCOUNT_RESTRICTION: (STATUS_ACCOUNT_RESTRICTION, STATUS_ACCOUNT_RESTRICTION),
    STATUS_ACCOUNT_DISABLED: (STATUS_ACCOUNT_RESTRICTION, STATUS_ACCOUNT_DISABLED),
    STATUS_LOGON_TYPE_NOT_GRANTED: (STATUS_LOGON_TYPE_NOT_GRANTED, 0),
    STATUS_PASSWORD_MUST_CHANGE: (STATUS_PASSWORD_MUST_CHANGE, 0),
    STATUS_ACCOUNT_LOCKED_OUT: (STATUS_ACCOUNT_LOCKED_OUT, 0),
}

LOGON_INTERACTIVE, LOGON_NETWORK, LOGON_BATCH, LOGON_SERVICE = 2, 3, 4, 5
_RIGHT_OF_TYPE = {
    LOGON_INTERACTIVE: "SeInteractiveLogonRight",
    LOGON_NETWORK: "SeNetworkLogonRight",
    LOGON_BATCH: "SeBatchLogonRight",
    LOGON_SERVICE: "SeServiceLogonRight",
}
_SERVICE_ACCOUNTS = {
    "LOCALSYSTEM",
    r"NT AUTHORITY\SYSTEM",
    r"NT AUTHORITY\LOCALSERVICE",
    r"NT AUTHORITY\LOCAL SERVICE",
    r"NT AUTHORITY\NETWORKSERVICE",
    r"NT AUTHORITY\NETWORK SERVICE",
}
_POLICIES = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
_LSA = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa"
_NTLM_AUTHENTICATION = "S-1-5-64-10"
_TYPE_SID = {LOGON_INTERACTIVE: "S-1-5-4", LOGON_NETWORK: "S-1-5-2", LOGON_BATCH: "S-1-5-3", LOGON_SERVICE: "S-1-5-6"}


class LogonError(Exception):
    """A logon was refused; `status` is the NTSTATUS that 4625 shows as SubStatus."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status:#010x}: {message}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Presented:
    """What somebody presents for a logon: the account as the sender names it, and where the sender is."""

    domain: str
    name: str
    password: str = field(repr=False)
    address: str
    workstation: str = "-"


class LogonService:
    """Verifies passwords of one host and makes tokens."""

    def __init__(self, accounts: Accounts, registry: Registry, event_log: EventLog) -> None:
        self._accounts = accounts
        self._registry = registry
        self._event_log = event_log

    def logon(self, name: str, password: str, address: str, logon_type: int = LOGON_NETWORK) -> Caller:
        """The token of an account whose password is right. Raises: LogonError; refusals leave 4625, successes 4624.

        A wrong password counts towards the lock-out of the account.
        """
        domain, _sep, user_name = name.rpartition("\\")
        presented = Presented(domain, user_name, password, address)
        database, user = self._find(name)
        return self._admit(presented, database, user, logon_type)

    def accept(self, presented: Presented) -> Caller:
        """A network logon with what a peer's process presents. Raises: LogonError; events as `logon`.

        The account is found as NTLM finds it: in the domain that is named if it is this host's own, else by its name
        among the local accounts (so an account of the same name and password passes through), else it is the guest.
        """
        own, domain = self._accounts.local, self._accounts.domain
        if domain is not None and presented.domain.upper() == domain.authority:
            if not domain.is_reachable:
                raise self._refused(presented, None, LOGON_NETWORK, STATUS_NO_LOGON_SERVERS)
            return self._admit(presented, domain, domain.find_user(presented.name), LOGON_NETWORK)
        user = own.find_user(presented.name)
        forces_guest = domain is None and self._registry.get_number(_LSA, "ForceGuest", 0) == 1
        if forces_guest or (user is None and self._guest().is_enabled):
            return self._admit_guest(presented)
        return self._admit(presented, own, user, LOGON_NETWORK)

    def anonymous(self, address: str, *, is_logged: bool) -> Caller:
        """The token of a caller without credentials. `is_logged`: a null session, which is a logon and leaves 4624."""
        found = self._accounts.lookup_sid(well_known.ANONYMOUS)
        sids = {well_known.ANONYMOUS, well_known.NETWORK}
        if self._registry.get_number(_LSA, "EveryoneIncludesAnonymous", 0) == 1:
            sids.add(well_known.EVERYONE)
        groups = (sids | self._accounts.local.groups_with(sids)) - {well_known.ANONYMOUS}
        name = f"{found.domain}\\{found.name}"
        caller = Caller(name, well_known.ANONYMOUS, frozenset(groups), is_elevated=True, address=address)
        if is_logged:
            self._write_success(caller, LOGON_NETWORK)
        return caller

    def _admit(
        self, presented: Presented, database: AccountDatabase | None, user: User | None, logon_type: int
    ) -> Caller:
        try:
            if database is None or user is None:
                raise LogonError(STATUS_NO_SUCH_USER, f"no user {presented.name}")
            self._verify(database, user, presented.password)
            caller = self._token(database, user, presented.address, logon_type)
            self._demand_right(caller, logon_type)
        except LogonError as refused:
            self._write_failure(presented, user, logon_type, refused.status)
            raise
        self._write_success(caller, logon_type)
        return caller

    def _refused(self, presented: Presented, user: User | None, logon_type: int, status: int) -> LogonError:
        self._write_failure(presented, user, logon_type, status)
        return LogonError(status, f"{presented.domain}\\{presented.name} is refused")

    def _guest(self) -> User:
        return self._accounts.local.user(f"{self._accounts.local.sid}-501")

    def _admit_guest(self, presented: Presented) -> Caller:
        guest, own = self._guest(), self._accounts.local
        if not guest.is_enabled:
            raise self._refused(presented, guest, LOGON_NETWORK, STATUS_ACCOUNT_DISABLED)
        sids = {guest.sid, well_known.EVERYONE}
        groups = own.groups_with(sids) | {well_known.EVERYONE, well_known.NETWORK, _NTLM_AUTHENTICATION}
        caller = Caller(f"{own.authority}\\{guest.name}", guest.sid, groups, address=presented.address)
        self._write_success(caller, LOGON_NETWORK)
        return caller

    def token_of(self, name: str, address: str, logon_type: int = LOGON_NETWORK) -> Caller:
        """The token of an account that something else has authenticated. Raises: LogonError if there is none."""
        database, user = self._find(name)
        if user is None or database is None:
            raise LogonError(STATUS_NO_SUCH_USER, f"no user {name}")
        return self._token(database, user, address, logon_type)

    def credentials(self) -> list[tuple[str, str]]:
        """(account, password) of everybody who could log on now; domain accounts as DOMAIN\\name."""
        found = [(user.name, user.secret) for user in self._accounts.local.users() if _can_log_on(user)]
        domain = self._accounts.domain
        if domain is not None and domain.is_reachable:
            own = (user for user in domain.users() if _can_log_on(user) and not user.is_computer)
            found += [(f"{domain.authority}\\{user.name}", user.secret) for user in own]
        return [(name, secret.reveal_to_acceptor()) for name, secret in found if len(secret)]

    def service_account_error(self, account: str, password: str | None) -> int:
        """Whether a service may run as an account: 0, 1057 (no such account) or 1069 (it may not log on)."""
        if account.upper() in _SERVICE_ACCOUNTS or account.upper().startswith("NT SERVICE\\"):
            return 0
        database, user = self._find(account)
        if database is None or user is None:
            return ERROR_INVALID_SERVICE_ACCOUNT
        if user.is_computer:  # a managed account: the domain keeps its password
            return 0
        knows = password is not None and user.secret.matches(password)
        groups = self._accounts.groups_of(user.sid) | {user.sid, _TYPE_SID[LOGON_SERVICE]}
        may = self._accounts.has_right(groups, _RIGHT_OF_TYPE[LOGON_SERVICE])
        return 0 if knows and may and _can_log_on(user) else ERROR_SERVICE_LOGON_FAILED

    def _find(self, name: str) -> tuple[AccountDatabase | None, User | None]:
        local, domain = self._accounts.local, self._accounts.domain
        authority, separator, user_name = name.rpartition("\\")
        if not separator and "@" in name:
            user_name, _sep, authority = name.partition("@")
        if authority.upper() in ("", ".", local.authority) and local.find_user(user_name):
            return local, local.find_user(user_name)
        if domain is not None and domain.is_reachable:
            names = ("", domain.authority, domain.dns_name.upper())
            if authority.upper() in names:
                return domain, domain.find_user(user_name)
        return None, None

    def _verify(self, database: AccountDatabase, user: User, password: str) -> None:
        if user.is_locked_out:
            raise LogonError(STATUS_ACCOUNT_LOCKED_OUT, f"{user.name} is locked out")
        if not user.secret.matches(password):
            self._count_failure(database, user)
            raise LogonError(STATUS_WRONG_PASSWORD, f"wrong password for {user.name}")
        if not user.is_enabled:
            raise LogonError(STATUS_ACCOUNT_DISABLED, f"{user.name} is disabled")
        if user.must_change_password:
            raise LogonError(STATUS_PASSWORD_MUST_CHANGE, f"{user.name} must change the password")
        if not password:  # LimitBlankPasswordUse: blank passwords are good for console logons only
            raise LogonError(STATUS_ACCOUNT_RESTRICTION, f"{user.name} has a blank password")
        database.store_user(replace(user, bad_password_count=0))

    def _count_failure(self, database: AccountDatabase, user: User) -> None:
        count = user.bad_password_count + 1
        threshold = self._accounts.policy.lockout_threshold
        locks = 0 < threshold <= count and user.rid != 500
        database.store_user(replace(user, bad_password_count=count, is_locked_out=locks))
        if locks:
            data = (("TargetUserName", user.name), ("TargetSid", user.sid))
            self._security_event(4740, KEYWORD_AUDIT_SUCCESS, data)

    def _token(self, database: AccountDatabase, user: User, address: str, logon_type: int) -> Caller:
        groups = set(self._accounts.groups_of(user.sid))
        groups |= {_TYPE_SID[logon_type], _NTLM_AUTHENTICATION}
        is_local = database is self._accounts.local
        if is_local:
            groups.add(well_known.LOCAL_ACCOUNT)
            if well_known.ADMINISTRATORS in groups:
                groups.add(well_known.LOCAL_ACCOUNT_ADMINISTRATOR)
        elevated = not is_local or self._gets_full_token(user)
        return Caller(f"{database.authority}\\{user.name}", user.sid, frozenset(groups), elevated, address)

    def _gets_full_token(self, user: User) -> bool:
        """Remote UAC: local administrators are filtered over the network, the built-in one is not by default."""
        if self._registry.get_number(_POLICIES, "EnableLUA", 1) == 0:
            return True
        if user.rid == 500:
            return self._registry.get_number(_POLICIES, "FilterAdministratorToken", 0) == 0
        return self._registry.get_number(_POLICIES, "LocalAccountTokenFilterPolicy", 0) == 1

    def _demand_right(self, caller: Caller, logon_type: int) -> None:
        sids = caller.groups | {caller.sid}
        if not self._accounts.has_right(sids, _RIGHT_OF_TYPE[logon_type]):
            raise LogonError(STATUS_LOGON_TYPE_NOT_GRANTED, f"{caller.account_name} lacks {_RIGHT_OF_TYPE[logon_type]}")

    def _write_failure(self, presented: Presented, user: User | None, logon_type: int, status: int) -> None:
        outer, inner = _STATUS_PAIRS[status]
        data = (
            ("TargetUserSid", "S-1-0-0"),
            ("TargetUserName", user.name if user else presented.name),
            ("TargetDomainName", presented.domain or self._accounts.local.authority),
            ("Status", f"{outer:#010x}"),
            ("SubStatus", f"{inner:#010x}"),
            ("LogonType", str(logon_type)),
            ("AuthenticationPackageName", "NTLM"),
            ("WorkstationName", presented.workstation),
            ("IpAddress", presented.address),
            ("IpPort", "0"),
        )
        self._security_event(4625, KEYWORD_AUDIT_FAILURE, data)

    def _write_success(self, caller: Caller, logon_type: int) -> None:
        domain, _sep, user_name = caller.account_name.rpartition("\\")
        data = (
            ("TargetUserSid", caller.sid),
            ("TargetUserName", user_name),
            ("TargetDomainName", domain),
            ("LogonType", str(logon_type)),
            ("AuthenticationPackageName", "NTLM"),
            ("IpAddress", caller.address),
        )
        self._security_event(4624, KEYWORD_AUDIT_SUCCESS, data)

    def _security_event(self, event_id: int, keywords: int, data: tuple[tuple[str | None, str], ...]) -> None:
        event = Event(SECURITY_AUDITING, event_id, level=0, data=data, keywords=keywords, task=12544, process_id=620)
        self._event_log.append("Security", event)


def _can_log_on(user: User) -> bool:
    return user.is_enabled and not user.is_locked_out and not user.must_change_password
