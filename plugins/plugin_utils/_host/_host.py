# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""One Windows host behind one connection: the gateways, and the state the collection keeps there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ...module_utils._host_state import (
    PENDING_REBOOT,
    PENDING_RESTART,
    STATE_KEY,
    HostMoment,
    PendingReboot,
    PendingRestart,
    StaleProcess,
)
from ...module_utils._operation_journal import is_part, load_journal
from ...module_utils._plan import Operation, SetValue
from ...module_utils._registry import RegistryType, RegistryValue
from .._wsman._client import WsmanClient
from ._accounts import AccountGateway
from ._applications import ApplicationGateway
from ._firewall import FirewallGateway
from ._operations import FIREWALL, REGISTRATION, REGISTRY, SERVICES, Store, Subsystem, subsystem_of
from ._programs import ProgramFinder
from ._registration import RegistrationGateway
from ._registry import RegistryGateway
from ._registry_operations import RegistryOperations
from ._services import ServiceGateway
from ._system import OperatingSystem, SystemGateway


@dataclass(frozen=True, slots=True)
class KeptState:
    """What earlier runs left on the host: what is not in force yet, an unfinished run and the values of its journal,
    and what is overtaken, as the operations that clear it away.
    """

    pending_reboot: PendingReboot | None = None
    pending_restart: PendingRestart = field(default_factory=PendingRestart)
    unfinished: tuple[Operation, ...] = ()
    journal: Mapping[str, RegistryValue] = field(default_factory=dict)
    overtaken: tuple[SetValue, ...] = ()


class Host:
    """The subsystems of one host. Create one per task; `close` ends the shell and the connection."""

    def __init__(self, client: WsmanClient) -> None:
        self.client = client
        self.registry = RegistryGateway(client)
        self.services = ServiceGateway(client)
        self.system = SystemGateway(client)
        self.accounts = AccountGateway(client, self.system, self.registry)
        self._wire()

    def _wire(self) -> None:
        """Make what works through the registry, the services and the system."""
        self.applications = ApplicationGateway(self.registry)
        self.firewall = FirewallGateway(self.client, self.registry)
        self.registry_operations = RegistryOperations(self.registry)
        self.stores: Mapping[str, Store] = {REGISTRY: self.registry_operations, FIREWALL: self.firewall}
        self.subsystems: Mapping[str, Subsystem] = {
            **self.stores,
            SERVICES: self.services,
            REGISTRATION: RegistrationGateway(self.client, self.registry, self.services),
        }
        self._operating_system: OperatingSystem | None = None
        self._programs: ProgramFinder | None = None

    @property
    def programs(self) -> ProgramFinder:
        """Finds programs by service or class."""
        if self._programs is None:
            self._programs = ProgramFinder(self.registry, self.applications, self.system, self.firewall.environment)
        return self._programs

    @property
    def management_ports(self) -> frozenset[int]:
        """The port through which this run reaches the host."""
        port = urlsplit(self.client.url).port
        return frozenset({port} if port else ())

    @property
    def moment(self) -> HostMoment:
        """When this run looked at the host's clock for the first time."""
        return self.operating_system.moment

    @property
    def operating_system(self) -> OperatingSystem:
        """What Win32_OperatingSystem said when it was first asked."""
        if self._operating_system is None:
            self._operating_system = self.system.read_operating_system()
        return self._operating_system

    def read_kept_state(self) -> KeptState:
        """The markers and the journal. One message on a host that has none of them, a few on others."""
        values = self.registry.values(STATE_KEY) or {}
        unfinished = load_journal(values)
        journal = {name: value for name, value in values.items() if is_part(name)}
        pending, restart = self._read_markers(values)
        overtaken = [] if unfinished else [SetValue(STATE_KEY, name, value, None) for name, value in journal.items()]
        if pending is None and PENDING_REBOOT in values:
            overtaken.append(SetValue(STATE_KEY, PENDING_REBOOT, values[PENDING_REBOOT], None))
        if restart.to_value() != values.get(PENDING_RESTART):
            overtaken.append(SetValue(STATE_KEY, PENDING_RESTART, values[PENDING_RESTART], restart.to_value()))
        return KeptState(pending, restart, unfinished, journal, tuple(overtaken))

    def _read_markers(self, values: Mapping[str, RegistryValue]) -> tuple[PendingReboot | None, PendingRestart]:
        """What is pending still: without a reboot, and without services whose process has ended since."""
        pending = self._still_pending(values.get(PENDING_REBOOT))
        restart = PendingRestart.from_value(values.get(PENDING_RESTART))
        stale = [item for item in restart.processes if not item.is_over(self._process_id(item.service), self.moment)]
        return pending, PendingRestart(tuple(stale))

    def read_pending_reboot(self) -> PendingReboot | None:
        """What waits for a reboot still. One or two messages."""
        return self._still_pending(self.registry.value(STATE_KEY, PENDING_REBOOT, RegistryType.MULTI_SZ))

    def _still_pending(self, marker: RegistryValue | None) -> PendingReboot | None:
        pending = PendingReboot.from_value(marker)
        return None if pending is None or pending.is_over(self.moment) else pending

    def _process_id(self, service: str) -> int:
        """The process of a service, 0 when there is none."""
        found = self.services.read(service)
        return found.process_id if found else 0

    def mark_pending_reboot(self, pending: PendingReboot | None, reasons: tuple[str, ...]) -> SetValue | None:
        """The operation that records `reasons` for a reboot; None when they are recorded already."""
        merged = (pending or PendingReboot(self.moment, ())).with_reasons(reasons, self.moment)
        if merged == pending:
            return None
        present = self.registry.value(STATE_KEY, PENDING_REBOOT, RegistryType.MULTI_SZ)
        return SetValue(STATE_KEY, PENDING_REBOOT, before=present, after=merged.to_value())

    def mark_pending_restart(self, pending: PendingRestart, processes: Sequence[StaleProcess]) -> SetValue | None:
        """The operation that records that these processes run with old values; None when it is recorded already."""
        merged = pending.merged(processes)
        if merged == pending:
            return None
        present = self.registry.value(STATE_KEY, PENDING_RESTART, RegistryType.MULTI_SZ)
        return SetValue(STATE_KEY, PENDING_RESTART, before=present, after=merged.to_value())

    def pretend(self, operation: Operation) -> None:
        """Answer further reads as if the operation had been carried out. Nothing is written.

        So a plan made of several parts sees what the parts before it will have done.
        """
        self.subsystems[subsystem_of(operation)].pretend(operation)

    def stop_pretending(self) -> None:
        """Answer reads from the host again."""
        self.registry.stop_pretending()
        self.services.stop_pretending()
        self.firewall.stop_pretending()

    def close(self) -> None:
        self.client.close()


@contextmanager
def opened(client: WsmanClient) -> Iterator[Host]:
    """A host whose shell, if one was opened, is gone when the block ends."""
    host = Host(client)
    try:
        yield host
    finally:
        host.close()
