# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""A host that is known from a file only: the gateways of a connected one, answering from its facts.

What the facts do not tell is an error that says so, never a guess. Two things are not in them: which services run
(taken to run unless disabled), and the SIDs of accounts, which the user gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone

from ...module_utils._errors import DomainError, HostStateError
from ...module_utils._local_accounts import LocalUser
from ...module_utils._offline_facts import OfflineFacts
from ...module_utils._principals import fixed_name, parse_principal
from ...module_utils._reg_query import QueriedKey
from ...module_utils._registry import RegistryKey, RegistryType, RegistryValue
from ...module_utils._sid import Sid
from .._host._accounts import AccountGateway, UnknownAccountError
from .._host._environment import WINDOWS_NT
from .._host._host import Host
from .._host._identity import read_identity
from .._host._programs import service_key
from .._host._registry import RegistryGateway
from .._host._services import RUNNING, STOPPED, Service, ServiceGateway
from .._host._system import ComputerSystem, OperatingSystem, SystemGateway, parse_build
from .._wsman._client import WsmanClient
from .._wsman._replies import Reply

# Services\\<name>, Start. Source: Microsoft Learn, "CreateServiceW" (dwStartType).
_START_MODES = {0: "Boot", 1: "System", 2: "Auto", 3: "Manual", 4: "Disabled"}
_SHARED = 0x20  # SERVICE_WIN32_SHARE_PROCESS, winnt.h
_PRODUCT_TYPE = RegistryKey("SYSTEM\\CurrentControlSet\\Control\\ProductOptions")
_TCPIP = RegistryKey("SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters")
# Win32_OperatingSystem.ProductType
_PRODUCT_TYPES = {"winnt": 1, "lanmannt": 2, "servernt": 3}
# Nobody knows when the host booted; the oldest time there is takes no reboot for done.
_LONG_AGO = datetime.fromtimestamp(0, timezone.utc)
KEYS = (_PRODUCT_TYPE, _TCPIP)


class NoTransport:
    """Nothing can be sent to this host."""

    url = "facts://host"
    verifies_peer = True

    def send(self, message: bytes) -> Reply:
        raise HostStateError("the facts of this host do not tell this")

    def reset(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """There is no connection."""


class OfflineRegistry(RegistryGateway):
    """The registry as it was when the facts were collected."""

    def __init__(self, client: WsmanClient, facts: OfflineFacts) -> None:
        super().__init__(client)
        self._facts = facts
        self.has_shell = True  # what is planned is run there by hand, in a shell

    def prefetch(self, keys: Iterable[RegistryKey], *, trees: Iterable[RegistryKey] = ()) -> None:
        """Everything is here already."""

    def subkeys(self, key: RegistryKey) -> list[str] | None:
        return self._facts.subkeys(key)

    def require_writable(self, key: RegistryKey) -> None:
        """Not known; the import on the host says it."""

    def _is_known(self, key: RegistryKey) -> bool:
        return True

    def _cached(self, key: RegistryKey) -> QueriedKey:
        return self._found(key) or QueriedKey(key.path)

    def _values_on_host(self, key: RegistryKey) -> dict[str, RegistryValue] | None:
        found = self._found(key)
        return None if found is None else dict(found.values)

    def _found(self, key: RegistryKey) -> QueriedKey | None:
        """Raises: DomainError when the facts do not tell, or not for certain."""
        if not self._facts.knows(key):
            raise DomainError(
                f"the facts do not tell what is in {key}. Collect them again with the script of this run, which asks "
                "for it; for an application, say its program and its service in the desired state"
            )
        found = self._facts.keys.get(key.folded)
        if found is not None and not found.is_certain:
            raise DomainError(f"reg.exe printed {key} in a way that can be read in two; look at it by hand")
        return found


class OfflineServices(ServiceGateway):
    """Services as the registry describes them."""

    def __init__(self, client: WsmanClient, registry: RegistryGateway) -> None:
        super().__init__(client)
        self._registry = registry

    def _read_now(self, name: str) -> Service | None:
        values = {item.lower(): value for item, value in (self._registry.values(service_key(name)) or {}).items()}
        start = _number(values.get("start"))
        if start is None:
            return None
        mode = _START_MODES.get(start, "Manual")
        return Service(
            name=name,
            state=STOPPED if mode == "Disabled" else RUNNING,
            start_mode=mode,
            run_as_account=_text(values.get("objectname")) or "LocalSystem",
            command_line=_text(values.get("imagepath")),
            process_id=0,
            service_type="Share Process" if (_number(values.get("type")) or 0) & _SHARED else "Own Process",
        )


class OfflineSystem(SystemGateway):
    """Windows as the registry describes it."""

    def __init__(self, client: WsmanClient, registry: RegistryGateway) -> None:
        super().__init__(client)
        self._registry = registry

    def read_operating_system(self) -> OperatingSystem:
        root = self._word(WINDOWS_NT, "SystemRoot") or "C:\\Windows"
        return OperatingSystem(
            version=read_identity(self._registry).windows,
            build=parse_build(self._word(WINDOWS_NT, "CurrentBuildNumber")),
            caption=self._word(WINDOWS_NT, "ProductName"),
            product_type=_PRODUCT_TYPES.get(self._word(_PRODUCT_TYPE, "ProductType").lower(), 3),
            last_boot_time=_LONG_AGO,
            local_time=_LONG_AGO,
            windows_directory=root,
            system_directory=f"{root}\\system32",
        )

    def read_computer_system(self) -> ComputerSystem:
        name = read_identity(self._registry).computer_name
        domain = self._word(_TCPIP, "Domain")
        return ComputerSystem(name, domain or "WORKGROUP", is_domain_member=bool(domain))

    def has_file(self, path: str) -> bool | None:
        return None

    def _word(self, key: RegistryKey, name: str) -> str:
        return _text(self._registry.value(key, name, RegistryType.SZ))


class OfflineAccounts(AccountGateway):
    """Accounts whose SIDs the user has given, and those that have the same SID everywhere."""

    def __init__(
        self, client: WsmanClient, system: SystemGateway, registry: RegistryGateway, sids: Mapping[str, Sid]
    ) -> None:
        super().__init__(client, system, registry)
        self._given = {name.casefold(): sid for name, sid in sids.items()}
        self._given_names = {sid: name for name, sid in sids.items()}

    def name_of(self, sid: Sid) -> str | None:
        return fixed_name(sid) or self._given_names.get(sid)

    def read_users(self, names: Sequence[str]) -> dict[str, LocalUser]:
        return {}

    def members_of(self, group: Sid) -> frozenset[Sid]:
        """Not known; taken for none, so that nobody is taken for an administrator."""
        return frozenset()

    def translated_name(self, sid: Sid) -> str | None:
        return self.name_of(sid)

    def _resolve(self, text: str) -> Sid:
        account = parse_principal(text)
        if isinstance(account, Sid):
            return account
        spellings = (text, account.name, f".\\{account.name}") if account.domain in (None, ".") else (text,)
        found = next((self._given[item.casefold()] for item in spellings if item.casefold() in self._given), None)
        if found is None:
            raise UnknownAccountError(
                f"{text}: the SID of this account is not known here. Give it in sids; on the host, `wmic useraccount "
                "get name,sid` or `whoami /user` tells it"
            )
        return found


class OfflineHost(Host):
    """The subsystems of a host that is known from its facts. Plans can be made for it, nothing can be applied."""

    def __init__(self, facts: OfflineFacts, sids: Mapping[str, Sid]) -> None:
        client = WsmanClient(NoTransport(), lambda: "uuid:00000000-0000-0000-0000-000000000000")
        super().__init__(client)
        self.registry = OfflineRegistry(client, facts)
        self.services = OfflineServices(client, self.registry)
        self.system = OfflineSystem(client, self.registry)
        self.accounts = OfflineAccounts(client, self.system, self.registry, sids)
        self._wire()

    @property
    def management_ports(self) -> frozenset[int]:
        """Those of WinRM; that it is not in use today does not say that it never will be."""
        return frozenset({5985, 5986})


def _number(value: RegistryValue | None) -> int | None:
    return value.data if value is not None and isinstance(value.data, int) else None


def _text(value: RegistryValue | None) -> str:
    return value.data if value is not None and isinstance(value.data, str) else ""
