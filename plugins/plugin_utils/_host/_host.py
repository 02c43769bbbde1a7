# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""One Windows host behind one connection: the gateways, and the state the collection keeps there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from ...module_utils._host_state import JOURNAL, PENDING_REBOOT, STATE_KEY, PendingReboot, load_journal
from ...module_utils._plan import Operation, SetValue
from ...module_utils._registry import RegistryType
from .._wsman._client import WsmanClient
from ._registry import RegistryGateway
from ._services import ServiceGateway
from ._system import SystemGateway


@dataclass(frozen=True, slots=True)
class KeptState:
    """What an earlier run left on the host: a reboot still due, an unfinished run, a marker that is overtaken."""

    pending_reboot: PendingReboot | None
    unfinished: tuple[Operation, ...]
    overtaken_marker: SetValue | None


class Host:
    """The subsystems of one host. Create one per task; `close` ends the shell and the connection."""

    def __init__(self, client: WsmanClient) -> None:
        self.client = client
        self.registry = RegistryGateway(client)
        self.services = ServiceGateway(client)
        self.system = SystemGateway(client)
        self._boot_time: datetime | None = None

    @property
    def boot_time(self) -> datetime:
        """When the host booted (UTC); read once."""
        if self._boot_time is None:
            self._boot_time = self.system.read_operating_system().last_boot_time
        return self._boot_time

    def read_kept_state(self) -> KeptState:
        """The marker and the journal. One message on a host that has neither, two or three on others.

        A marker that a reboot has overtaken comes as the operation that removes it.
        """
        values = self.registry.values(STATE_KEY) or {}
        marker = values.get(PENDING_REBOOT)
        pending = PendingReboot.from_value(marker)
        overtaken = None
        if pending is not None and pending.is_over(self.boot_time):
            pending, overtaken = None, SetValue(STATE_KEY, PENDING_REBOOT, before=marker, after=None)
        return KeptState(pending, load_journal(values.get(JOURNAL)), overtaken)

    def mark_pending_reboot(self, pending: PendingReboot | None, reasons: tuple[str, ...]) -> SetValue | None:
        """The operation that records `reasons` for a reboot; None when they are recorded already."""
        merged = (pending or PendingReboot(self.boot_time, ())).with_reasons(reasons)
        if merged == pending:
            return None
        present = self.registry.value(STATE_KEY, PENDING_REBOOT, RegistryType.MULTI_SZ)
        return SetValue(STATE_KEY, PENDING_REBOOT, before=present, after=merged.to_value())

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
