# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Makes a program register itself as a service, without the rights it hands out on the way.

OpcEnum's ``-Service`` removes a service of its name, writes its AppID, grants Everyone access and launch, sets the
authentication level to None where there is none, and creates the service. On trouble it shows a message box that nobody
can see, so the command has a time-out. Source: dcom.md 2.4 (OPC Foundation source).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...module_utils._errors import HostStateError
from ...module_utils._plan import SetValue
from ...module_utils._registry import RegistryKey, RegistryType, RegistryValue
from ...module_utils._service_operations import LOCAL_SYSTEM, MANUAL, RegisterServer, UnregisterServer
from .._wsman._client import WsmanClient
from .._wsman._errors import CommandTimedOut, WsmanFault
from ._programs import IMAGE_PATH, service_key
from ._registry import RegistryGateway
from ._services import STOPPED, Service, ServiceGateway

_TIMEOUT_S = 60.0
_LOCAL_SERVICE = "LocalService"

Registration = RegisterServer | UnregisterServer


class RegistrationGateway:
    """One of the subsystems a plan works on."""

    def __init__(self, client: WsmanClient, registry: RegistryGateway, services: ServiceGateway) -> None:
        self._client = client
        self._registry = registry
        self._services = services

    def check(self, operations: Sequence[Registration]) -> None:
        """Raises: HostStateError with the command to run by hand where this host does not let us run programs."""
        if self._registry.has_shell is False:
            lines = ", ".join(_line(item.program) for item in operations if isinstance(item, RegisterServer))
            raise HostStateError(
                "a program can only be registered through a remote cmd shell, which this host does not allow. Nothing "
                f"was changed. Run on the host as administrator, then run again: {lines}"
            )

    def apply(self, operations: Sequence[Registration]) -> None:
        for operation in operations:
            if isinstance(operation, RegisterServer):
                self._register(operation)
            else:
                self._unregister(operation.registration)

    def undo(self, operations: Sequence[Registration]) -> None:
        """Undo registrations of which it is not known whether they took place."""
        for operation in reversed(operations):
            if isinstance(operation, RegisterServer):
                self._unregister(operation)
            elif self._services.read(operation.registration.service) is None:
                self._register(operation.registration)

    def pretend(self, operation: Registration) -> None:
        if isinstance(operation, UnregisterServer):
            registration = operation.registration
            self._services.pretend_service(registration.service, None)
            self._pretend_values(registration.app_id_key, registration.values_before)
            return
        service = Service(operation.service, STOPPED, MANUAL, LOCAL_SYSTEM, operation.program, 0)
        self._services.pretend_service(operation.service, service)
        image_path = RegistryValue(RegistryType.EXPAND_SZ, f'"{operation.program}"')
        self._registry.pretend(SetValue(service_key(operation.service), IMAGE_PATH, before=None, after=image_path))
        self._pretend_values(operation.app_id_key, self._values_after(operation))

    def _values_after(self, operation: RegisterServer) -> tuple[tuple[str, RegistryValue | None], ...]:
        return (*operation.kept, (_LOCAL_SERVICE, RegistryValue.string(operation.service)))

    def _pretend_values(self, key: RegistryKey, values: tuple[tuple[str, RegistryValue | None], ...]) -> None:
        for name, value in values:
            self._registry.pretend(SetValue(key, name, before=None, after=value))

    def _register(self, operation: RegisterServer) -> None:
        """Raises: HostStateError when the service is not there afterwards."""
        try:
            result = self._client.run_command(_line(operation.program), timeout_s=_TIMEOUT_S)
        except (WsmanFault, CommandTimedOut) as error:
            raise HostStateError(f"{operation.describe()}: {error}") from error
        finally:
            self._services.forget(operation.service)
            self._registry.forget(operation.app_id_key)
        if result.exit_code != 0:
            raise HostStateError(f"{operation.describe()}: it ended with exit code 0x{result.exit_code:08X}")
        self._services.wait_until_present(operation.service, _TIMEOUT_S)
        present = self._registry.value(operation.app_id_key, _LOCAL_SERVICE, RegistryType.SZ)
        if present is None:
            raise HostStateError(f"{operation.describe()}: {_LOCAL_SERVICE} of {operation.app_id_key} is not set")
        self._put_back(operation.app_id_key, operation.kept)

    def _unregister(self, operation: RegisterServer) -> None:
        self._services.forget(operation.service)
        self._registry.forget(operation.app_id_key)
        if self._services.read(operation.service) is not None:
            self._services.delete(operation.service)
        self._put_back(operation.app_id_key, operation.values_before)

    def _put_back(self, key: RegistryKey, values: tuple[tuple[str, RegistryValue | None], ...]) -> None:
        for name, wanted in values:
            change = SetValue(key, name, before=None, after=wanted)
            present = self._registry.value(key, name, (wanted or RegistryValue.string("")).type)
            if present != wanted:
                self._registry.set_value(replace(change, before=present))


def _line(program: str) -> str:
    """The command. Raises: HostStateError for a path that cmd.exe would not pass on as it is."""
    if any(character in program for character in '"%\r\n') or not program:
        raise HostStateError(f"{program!r} cannot be named on a command line; register it by hand with -service")
    return f'"{program}" -service'
