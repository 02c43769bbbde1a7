# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Services of one host: Win32_Service by its key, state changes waited for. Source: wsman_cim.md 4.7.

What was read is served from memory until it is written or awaited.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ...module_utils._errors import HostStateError, OpcDcomError
from ...module_utils._service_operations import (
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    in_service_order,
    needs_password,
)
from .._wsman._cim import CimReference, Instance
from .._wsman._client import WsmanClient
from .._wsman._errors import CimMethodError, WsmanFault
from .._wsman._schema import WIN32_DEPENDENT_SERVICE, WIN32_SERVICE

RUNNING = "Running"
STOPPED = "Stopped"
MISSING = "missing"

DEPENDENT_SERVICES_RUNNING = 3
ALREADY_RUNNING = 10
CANNOT_ACCEPT_CONTROL = 5
NOT_ACTIVE = 6
TIMEOUT = 7

DEFAULT_TIMEOUT_S = 60.0

# Win32_Service shows "Auto", ChangeStartMode wants "Automatic".
_START_MODES = {"Auto": "Automatic"}
_SHARED_PROCESS = "Share Process"

StateOperation = SetStartMode | SetServiceAccount | SetRunning


@dataclass(frozen=True, slots=True)
class Service:
    """One service as the service control manager shows it. `start_mode` is Boot, System, Auto, Manual or Disabled."""

    name: str
    state: str
    start_mode: str
    run_as_account: str
    command_line: str
    process_id: int
    service_type: str = ""

    @property
    def is_running(self) -> bool:
        return self.state == RUNNING

    @property
    def shares_process(self) -> bool:
        """Whether other services live in its process, so that restarting this one alone does not renew the process."""
        return self.service_type == _SHARED_PROCESS or "\\svchost.exe" in self.command_line.lower()


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
        self._known: dict[str, Service | None] = {}
        self._pretended: dict[str, Service | None] = {}

    # -- reading -----------------------------------------------------------------------------------------------------

    def read(self, name: str) -> Service | None:
        """The service, None when there is none of that name. At most one message."""
        key = name.lower()
        if key in self._pretended:
            return self._pretended[key]
        if key not in self._known:
            self._known[key] = self._read_now(name)
        return self._known[key]

    def require(self, name: str) -> Service:
        """The service. Raises: HostStateError when there is none of that name."""
        service = self.read(name)
        if service is None:
            raise HostStateError(f"the host has no service {name}")
        return service

    def read_all(self) -> tuple[Service, ...]:
        """All services, as they are on the host. One message, more where they do not fit into one."""
        rows = self._client.enumerate(
            "select Name,PathName,ProcessId,ServiceType,StartMode,StartName,State from Win32_Service", WIN32_SERVICE
        )
        return tuple(_service_of(row) for row in rows)

    def dependents(self, name: str) -> tuple[str, ...]:
        """Names of the services that list this one as what they depend on. A few messages: the whole table is read."""
        rows = self._client.enumerate_class(WIN32_DEPENDENT_SERVICE)
        pairs = [(row.optional("Antecedent", CimReference), row.optional("Dependent", CimReference)) for row in rows]
        found = [_name_in(below) for above, below in pairs if _name_in(above).lower() == name.lower()]
        return tuple(dict.fromkeys(item for item in found if item))

    def forget(self, name: str) -> None:
        """Read this service from the host again: something else than this gateway has changed it."""
        self._known.pop(name.lower(), None)

    # -- controlling -------------------------------------------------------------------------------------------------

    def set_start_mode(self, name: str, start_mode: str) -> None:
        """Change the start mode (Auto, Manual, Disabled). Raises: CimMethodError."""
        self._call(name, "ChangeStartMode", {"StartMode": _START_MODES.get(start_mode, start_mode)})

    def set_account(self, name: str, account: str) -> None:
        """Let the service run as an account that needs no password. Raises: CimMethodError, HostStateError."""
        if needs_password(account):
            raise HostStateError(f"service {name}: {account} needs a password, which is not known here; set it by hand")
        self._call(name, "Change", {"StartName": account, "StartPassword": ""})

    def start(self, name: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Start the service and wait until it runs. Raises: CimMethodError, HostStateError after `timeout_s`."""
        self._call(name, "StartService", accepted=(ALREADY_RUNNING, TIMEOUT))
        self._wait(name, RUNNING, timeout_s)

    def stop(self, name: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Stop the service and wait until it has stopped. Raises: CimMethodError, HostStateError after `timeout_s`."""
        self._call(name, "StopService", accepted=(CANNOT_ACCEPT_CONTROL, NOT_ACTIVE, TIMEOUT))
        self._wait(name, STOPPED, timeout_s)

    def restart(self, name: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> tuple[str, ...]:
        """Restart the service and the running services that depend on it; return their names in the order of starting.

        Dependents stop first and start last. When something does not stop, what was stopped before is started again.
        Raises: CimMethodError, HostStateError after `timeout_s` for one service.
        """
        stopped: list[str] = []
        try:
            self._stop_all(name, timeout_s, stopped)
        except OpcDcomError:
            with suppress(OpcDcomError):  # the first failure is the one to tell
                self._start_all(stopped, timeout_s)
            raise
        return self._start_all(stopped, timeout_s)

    def _start_all(self, stopped: Sequence[str], timeout_s: float) -> tuple[str, ...]:
        started = tuple(reversed(stopped))
        for item in started:
            self.start(item, timeout_s)
        return started

    def _stop_all(self, name: str, timeout_s: float, stopped: list[str]) -> None:
        """Stop a service after everything that runs on top of it; `stopped` grows in that order."""
        try:
            self.stop(name, timeout_s)
        except CimMethodError as error:
            if error.return_value != DEPENDENT_SERVICES_RUNNING:
                raise
            running = [item for item in self.dependents(name) if item not in stopped and self._runs_now(item)]
            if not running:
                raise
            for item in running:
                self._stop_all(item, timeout_s, stopped)
            self.stop(name, timeout_s)
        stopped.append(name)

    def delete(self, name: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Stop and delete the service and wait until it is gone. Raises: CimMethodError, HostStateError."""
        self.stop(name, timeout_s)
        self._call(name, "Delete")
        self._wait(name, MISSING, timeout_s)

    def wait_until_present(self, name: str, timeout_s: float) -> Service:
        """Wait until there is a service of that name. Raises: HostStateError after `timeout_s`."""
        return self._wait(name, "present", timeout_s, lambda service: service is not None) or self.require(name)

    # -- operations of a plan ----------------------------------------------------------------------------------------

    def check(self, operations: Sequence[StateOperation]) -> None:
        """Raises: HostStateError for a change of account that could not be undone."""
        for operation in operations:
            if isinstance(operation, SetServiceAccount) and needs_password(operation.before):
                raise HostStateError(
                    f"service {operation.service} runs as {operation.before}, whose password is not known here, so "
                    f"changing it to {operation.after} could not be undone; change it by hand. Nothing was changed"
                )

    def apply(self, operations: Sequence[StateOperation]) -> None:
        """Carry out the operations in order and read each back. Raises: HostStateError, CimMethodError."""
        for operation in operations:
            if isinstance(operation, SetStartMode):
                self.set_start_mode(operation.service, operation.after)
            elif isinstance(operation, SetServiceAccount):
                self.set_account(operation.service, operation.after)
            elif operation.after:
                self.start(operation.service)
            else:
                self.stop(operation.service)
            present = _state_of(self.require(operation.service), operation)
            if present != operation.after:
                raise HostStateError(f"{operation.describe()} did not stick: it is {present} afterwards")

    def undo(self, operations: Sequence[StateOperation]) -> None:
        """Undo operations of which any number from the front may have been carried out."""
        for inverse in in_service_order(operation.inverse() for operation in reversed(operations)):
            self.forget(inverse.service)
            service = self.read(inverse.service)
            if service is not None and _state_of(service, inverse) == inverse.before != inverse.after:
                self.apply((inverse,))

    def pretend(self, operation: StateOperation) -> None:
        service = self.require(operation.service)
        if isinstance(operation, SetStartMode):
            after = replace(service, start_mode=operation.after)
        elif isinstance(operation, SetServiceAccount):
            after = replace(service, run_as_account=operation.after)
        else:
            after = replace(service, state=RUNNING if operation.after else STOPPED)
        self._pretended[operation.service.lower()] = after

    def pretend_service(self, name: str, service: Service | None) -> None:
        """Answer further reads as if this were the service (None: as if there were none)."""
        self._pretended[name.lower()] = service

    def stop_pretending(self) -> None:
        self._pretended.clear()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _read_now(self, name: str) -> Service | None:
        try:
            instance = self._client.get(WIN32_SERVICE, {"Name": name})
        except WsmanFault as fault:
            if fault.is_not_found:
                return None
            raise
        return _service_of(instance)

    def _runs_now(self, name: str) -> bool:
        service = self._read_now(name)
        return service is not None and service.state != STOPPED

    def _call(
        self, name: str, method: str, arguments: Mapping[str, object] | None = None, accepted: tuple[int, ...] = ()
    ) -> None:
        self.forget(name)
        answer = self._client.invoke(WIN32_SERVICE, method, arguments or {}, {"Name": name})
        if answer.return_value not in accepted:
            answer.require_success(f"service {name}")

    def _wait(
        self, name: str, state: str, timeout_s: float, is_reached: Callable[[Service | None], bool] | None = None
    ) -> Service | None:
        reached = is_reached or (lambda found: (found.state if found else MISSING) == state)
        deadline = self._clock() + timeout_s
        interval_s = 0.1
        while True:
            service = self._read_now(name)
            if reached(service):
                self._known[name.lower()] = service
                return service
            if service is None and state in (RUNNING, STOPPED):
                raise HostStateError(f"service {name} vanished while it was awaited to be {state}")
            if self._clock() >= deadline:
                raise HostStateError(
                    f"service {name} is {service.state if service else MISSING} after {timeout_s:g} s, {state} was "
                    "awaited; look at its own log and at the System log of the host"
                )
            self._sleep(interval_s)
            interval_s = min(interval_s * 2, 2.0)


def _state_of(service: Service, operation: StateOperation) -> str | bool:
    """The part of the service an operation is about."""
    if isinstance(operation, SetStartMode):
        return service.start_mode
    if isinstance(operation, SetServiceAccount):
        return service.run_as_account
    return service.is_running


def _service_of(instance: Instance) -> Service:
    return Service(
        name=instance.required("Name", str),
        state=instance.required("State", str),
        start_mode=instance.required("StartMode", str),
        run_as_account=instance.optional("StartName", str) or "",
        command_line=instance.optional("PathName", str) or "",
        process_id=instance.optional("ProcessId", int) or 0,
        service_type=instance.optional("ServiceType", str) or "",
    )


def _name_in(reference: CimReference | None) -> str:
    return "" if reference is None else dict(reference.selectors).get("Name", "")
