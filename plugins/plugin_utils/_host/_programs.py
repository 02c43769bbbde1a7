# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Where the program of an application really is: from its service or its class registration, never assumed.

Source: dcom.md 2.1 (LocalService wins over LocalServer32), 2.2 (both views); CreateProcess for how a command line
without quotes is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...module_utils._application import Selector, class_keys, prog_id_key, text_of
from ...module_utils._errors import DomainError, HostStateError
from ...module_utils._firewall_compare import expand_path
from ...module_utils._registry import RegistryKey, RegistryType
from ._applications import ApplicationGateway, ApplicationMissingError
from ._registry import RegistryGateway
from ._system import SystemGateway

_LOCAL_SERVER = "LocalServer32"
IMAGE_PATH = "ImagePath"
_SERVICES = RegistryKey("SYSTEM\\CurrentControlSet\\Services")


class ProgramFinder:
    """Finds programs. `environment` holds the variables that command lines may name."""

    def __init__(
        self,
        registry: RegistryGateway,
        applications: ApplicationGateway,
        system: SystemGateway,
        environment: Mapping[str, str],
    ) -> None:
        self._registry = registry
        self._applications = applications
        self._system = system
        self._environment = environment

    def of_service(self, name: str) -> str:
        """The program a service runs. No message when `service_key` was prefetched, and one for each place where a path
        with blanks may end.

        Raises: HostStateError when there is no such service.
        """
        command_line = text_of(self._registry.value(service_key(name), IMAGE_PATH, RegistryType.EXPAND_SZ))
        if not command_line:
            raise HostStateError(f"the host has no service {name}")
        return self.of_command_line(command_line)

    def of_application(self, selector: Selector) -> str:
        """The program of a ProgID, a class, an AppID or a display name.

        Raises: HostStateError that says at which step the way ended.
        """
        try:
            application = self._applications.find(selector)
        except ApplicationMissingError as error:
            program = self._of_class(selector)
            if program is None:
                raise HostStateError(str(error)) from error
            return program
        if application.service:
            return self.of_service(application.service)
        program = self._of_class(selector)
        if program is None:
            raise HostStateError(f"neither a service nor a class says which program {application.title} is; name it")
        return program

    def _of_class(self, selector: Selector) -> str | None:
        for clsid in self._classes(selector):
            for key in class_keys(clsid):
                command_line = text_of(self._registry.value(key.child(_LOCAL_SERVER), "", RegistryType.SZ))
                if command_line:
                    return self.of_command_line(command_line)
        return None

    def _classes(self, selector: Selector) -> Sequence[str]:
        if selector.option == "clsid":
            return (selector.value,)
        if selector.option == "prog_id":
            clsid = text_of(self._registry.value(prog_id_key(selector.value), "", RegistryType.SZ))
            return (clsid,) if clsid else ()
        return ()

    def of_command_line(self, command_line: str) -> str:
        """The program of a command line, variables expanded: what is quoted, or the shortest start that is a file."""
        text = expand_path(command_line.strip(), self._environment)
        if text.startswith('"'):
            return text[1:].partition('"')[0]
        candidates = list(_beginnings(text))
        if len(candidates) == 1:
            return candidates[0]
        found = (item for item in candidates if self._system.has_file(item))
        return next(found, next((item for item in candidates if item.lower().endswith(".exe")), candidates[0]))


def service_key(name: str) -> RegistryKey:
    """Where the command line of a service is. Raises: DomainError for what cannot be the name of a service."""
    if not name or "\\" in name or "/" in name:
        raise DomainError(f"{name!r} cannot be the name of a service")
    return _SERVICES.child(name)


def _beginnings(text: str) -> Iterator[str]:
    """The beginnings of a command line that end before a blank, and the whole."""
    words = text.split(" ")
    for count in range(1, len(words) + 1):
        candidate = " ".join(words[:count])
        yield candidate if "." in candidate.rpartition("\\")[2] else f"{candidate}.exe"
