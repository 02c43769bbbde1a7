# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The operating system of one host: what it is, when it booted, and how to reboot it. Source: wsman_cim.md 4.7."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ...module_utils._errors import HostStateError
from ...module_utils._host_state import HostMoment
from .._wsman._client import WsmanClient
from .._wsman._errors import AuthenticationFailed, WsmanError, WsmanFault
from .._wsman._schema import CIM_DATA_FILE, WIN32_COMPUTER_SYSTEM, WIN32_OPERATING_SYSTEM

FORCED_REBOOT = 6  # Win32ShutdownTracker Flags: 2 reboot + 4 force
# SHTDN_REASON_MAJOR_OPERATINGSYSTEM | SHTDN_REASON_MINOR_RECONFIG | SHTDN_REASON_FLAG_PLANNED (reason.h)
PLANNED_RECONFIGURATION = 0x80020004
_BUILD = re.compile(r"[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """Win32_OperatingSystem, as far as this collection looks at it. Times are UTC."""

    version: str
    build: int
    caption: str
    product_type: int
    last_boot_time: datetime
    local_time: datetime
    windows_directory: str
    system_directory: str
    architecture: str = ""

    @property
    def moment(self) -> HostMoment:
        """When it said so, and how long it had been up; 0 where its clock stands before its boot."""
        return HostMoment(self.local_time, max(self.local_time - self.last_boot_time, timedelta(0)))

    @property
    def is_64_bit(self) -> bool:
        """By the one part of OSArchitecture that is not localised. Windows XP has no such property, and is 32-bit."""
        return "64" in self.architecture

    @property
    def is_domain_controller(self) -> bool:
        return self.product_type == 2


def parse_build(text: str) -> int:
    """The build of a Windows, such as 17763. Raises: HostStateError for what a host or its facts say instead."""
    if not _BUILD.fullmatch(text):
        raise HostStateError(f"this host says that the build of its Windows is {text[:40]!r}")
    return int(text)


@dataclass(frozen=True, slots=True)
class ComputerSystem:
    """Win32_ComputerSystem: `domain` is the DNS domain of a member, else the workgroup's name."""

    name: str
    domain: str
    is_domain_member: bool


class SystemGateway:
    """Reads the system and reboots it. `sleep` and `clock` are the process edge."""

    def __init__(
        self,
        client: WsmanClient,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._sleep = sleep
        self._clock = clock
        self._files: dict[str, bool | None] = {}
        self._versions: dict[str, str] = {}
        self._finds_files: bool | None = None

    def read_operating_system(self) -> OperatingSystem:
        """One message. Raises: WsmanError."""
        instance = self._client.get(WIN32_OPERATING_SYSTEM, {})
        return OperatingSystem(
            version=instance.required("Version", str),
            build=parse_build(instance.required("BuildNumber", str)),
            caption=instance.optional("Caption", str) or "",
            product_type=instance.required("ProductType", int),
            last_boot_time=instance.required("LastBootUpTime", datetime),
            local_time=instance.required("LocalDateTime", datetime),
            windows_directory=instance.required("WindowsDirectory", str),
            system_directory=instance.required("SystemDirectory", str),
            architecture=instance.optional("OSArchitecture", str) or "",
        )

    def read_computer_system(self) -> ComputerSystem:
        """One or two messages."""
        rows = self._client.enumerate(
            "select Name,Domain,PartOfDomain from Win32_ComputerSystem", WIN32_COMPUTER_SYSTEM
        )
        if len(rows) != 1:
            raise HostStateError(f"Win32_ComputerSystem has {len(rows)} instances, one was expected")
        (row,) = rows
        return ComputerSystem(
            row.required("Name", str), row.required("Domain", str), row.required("PartOfDomain", bool)
        )

    def has_file(self, path: str) -> bool | None:
        """Whether there is a file at this absolute path, without variables; None when the host does not tell.

        At most one message a path and run, and one more when the first file is not found: that the path is the key as
        it is was not seen on a real host, so a file that every Windows has must be found in the same way.
        """
        key = path.lower()
        if key not in self._files:
            self._files[key] = self._looks_like_a_file(path)
        found = self._files[key]
        return None if found is False and not self._knows_files() else found

    def file_version(self, path: str) -> str | None:
        """The version of a file; None when there is no such file, it has none, or the host does not tell."""
        return self._versions.get(path.lower()) if self.has_file(path) else None

    def _knows_files(self) -> bool:
        """Whether a file that is certainly there is found."""
        if self._finds_files is None:
            directory = self.read_operating_system().system_directory
            self._finds_files = self._looks_like_a_file(f"{directory}\\svchost.exe") is True
        return self._finds_files

    def _looks_like_a_file(self, path: str) -> bool | None:
        try:
            version = self._client.get(CIM_DATA_FILE, {"Name": path}).optional("Version", str)
        except WsmanFault as fault:
            return False if fault.is_not_found else None
        if version:
            self._versions[path.lower()] = version
        return True

    def request_reboot(self, comment: str, delay_s: int) -> None:
        """Ask Windows to reboot after `delay_s` seconds. Raises: CimMethodError when it refuses."""
        arguments = {
            "Timeout": delay_s,
            "Comment": comment,
            "ReasonCode": PLANNED_RECONFIGURATION,
            "Flags": FORCED_REBOOT,
        }
        answer = self._client.invoke(WIN32_OPERATING_SYSTEM, "Win32ShutdownTracker", arguments, {})
        answer.require_success("the host")

    def wait_for_boot_after(self, moment: HostMoment, timeout_s: float, interval_s: float) -> datetime:
        """Wait until the host says, twice in a row, that it has booted since `moment`; return its boot time.

        Once is not enough: a host that is starting, or about to go down, may answer and break the next connection. A
        clock that is set does not count. While the host is down every connection error is expected; a
        refused logon is not and ends the wait at once, so that no account is locked out by asking again and again.

        Raises: HostStateError after `timeout_s`, AuthenticationFailed.
        """
        deadline = self._clock() + timeout_s
        last_trouble = "it kept its old boot time"
        is_seen = False
        while self._clock() < deadline:
            self._sleep(interval_s)
            try:
                found = self.read_operating_system()
            except AuthenticationFailed:
                raise
            except WsmanError as error:
                last_trouble, is_seen = str(error), False
                continue
            if moment.is_before_boot(found.moment):
                if is_seen:
                    return found.last_boot_time
                is_seen = True
        raise HostStateError(f"the host has not come back from its reboot within {timeout_s:g} s: {last_trouble}")
