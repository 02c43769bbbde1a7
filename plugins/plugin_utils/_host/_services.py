# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Services of one host: Win32_Service by its key, state changes waited for. Source: wsman_cim.md 4.7."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ...module_utils._errors import HostStateError
from .._wsman._client import WsmanClient
from .._wsman._errors import WsmanFault
from .._wsman._schema import WIN32_SERVICE

RUNNING = "Running"
STOPPED = "Stopped"

ALREADY_RUNNING = 10
CANNOT_ACCEPT_CONTROL = 5
NOT_ACTIVE = 6
TIMEOUT = 7

# Win32_Service shows "Auto", ChangeStartMode wants "Automatic".
_START_MODES = {"Auto": "Automatic"}


@dataclass(frozen=True, slots=True)
class Service:
    """One service as the service control manager shows it. `start_mode` is Boot, System, Auto, Manual or Disabled."""

    name: str
    state: str
    start_mode: str
    run_as_account: str
    command_line: str
    process_id: int

    @property
    def is_running(self) -> bool:
        return self.state == RUNNING


class ServiceGateway:
    """Reads and controls services. Waiting polls the state; `sleep` and `clock` are the process edge."""

    def __init__(
        self,
        client: WsmanClient,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._sleep = sleep
        self._clock = clock

    def read(self, name: str) -> Service | None:
        """The service, None when there is none of that name. One message."""
        try:
            instance = self._client.get(WIN32_SERVICE, {"Name": name})
        except WsmanFault as fault:
            if fault.is_not_found:
                return None
            raise
        return Service(
            name=instance.required("Name", str),
            state=instance.required("State", str),
            start_mode=instance.required("StartMode", str),
            run_as_account=instance.optional("StartName", str) or "",
            command_line=instance.optional("PathName", str) or "",
            process_id=instance.optional("ProcessId", int) or 0,
        )

    def set_start_mode(self, name: str, start_mode: str) -> None:
        """Change the start mode (Auto, Manual, Disabled). Raises: CimMethodError."""
        self._call(name, "ChangeStartMode", {"StartMode": _START_MODES.get(start_mode, start_mode)})

    def start(self, name: str, timeout_s: float) -> None:
        """Start the service and wait until it runs. Raises: CimMethodError, HostStateError after `timeout_s`."""
        self._call(name, "StartService", accepted=(ALREADY_RUNNING, TIMEOUT))
        self._wait(name, RUNNING, timeout_s)

    def stop(self, name: str, timeout_s: float) -> None:
        """Stop the service and wait until it has stopped. Raises: CimMethodError, HostStateError after `timeout_s`."""
        self._call(name, "StopService", accepted=(CANNOT_ACCEPT_CONTROL, NOT_ACTIVE, TIMEOUT))
        self._wait(name, STOPPED, timeout_s)

    def _call(
        self, name: str, method: str, arguments: dict[str, object] | None = None, accepted: tuple[int, ...] = ()
    ) -> None:
        answer = self._client.invoke(WIN32_SERVICE, method, arguments or {}, {"Name": name})
        if answer.return_value not in accepted:
            answer.require_success(f"service {name}")

    def _wait(self, name: str, state: str, timeout_s: float) -> None:
        deadline = self._clock() + timeout_s
        interval_s = 0.1
        while True:
            service = self.read(name)
            if service is None:
                raise HostStateError(f"service {name} vanished while it was awaited to be {state}")
            if service.state == state:
                return
            if self._clock() >= deadline:
                raise HostStateError(
                    f"service {name} is {service.state} after {timeout_s:g} s, {state} was awaited; look at its own "
                    "log and at the System log of the host"
                )
            self._sleep(interval_s)
            interval_s = min(interval_s * 2, 2.0)
