# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_OperatingSystem: version, boot time, and the methods that shut down or reboot.

Source: wsman_cim.md 4.7. Unverified: ReturnValue 1190 for a second shutdown request (winerror.h has the code), 1314 for
a caller without the privilege.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..boot import ShutdownError
from ..cim import Caller, CimClass, CimMethod, CimProperty, CimType
from .provider import RETURN_VALUE, ClassProvider, properties

ERROR_INVALID_PARAMETER = 87
ERROR_PRIVILEGE_NOT_HELD = 1314
FLAG_SHUTDOWN, FLAG_REBOOT, FLAG_FORCE, FLAG_POWER_OFF = 1, 2, 4, 8
_ALL_FLAGS = FLAG_SHUTDOWN | FLAG_REBOOT | FLAG_FORCE | FLAG_POWER_OFF
_LOCALES = {"en-US": ("0409", 1033), "de-DE": ("0407", 1031)}

_FLAGS = CimProperty("Flags", CimType.SINT32)

WIN32_OPERATING_SYSTEM = CimClass(
    "Win32_OperatingSystem",
    is_singleton=True,
    superclass="CIM_OperatingSystem",
    properties=(
        *properties(
            CimType.STRING,
            "BootDevice BuildNumber BuildType Caption CodeSet CountryCode CreationClassName CSCreationClassName "
            "CSDVersion CSName Description Locale Manufacturer Name Organization OSArchitecture RegisteredUser "
            "SerialNumber Status SystemDevice SystemDirectory SystemDrive Version WindowsDirectory",
        ),
        *properties(CimType.DATETIME, "InstallDate LastBootUpTime LocalDateTime"),
        *properties(CimType.SINT16, "CurrentTimeZone"),
        *properties(CimType.UINT16, "OSType ServicePackMajorVersion ServicePackMinorVersion"),
        *properties(
            CimType.UINT32,
            "NumberOfProcesses NumberOfUsers OperatingSystemSKU OSLanguage OSProductSuite ProductType SuiteMask",
        ),
        *properties(CimType.UINT64, "FreePhysicalMemory TotalVisibleMemorySize"),
        *properties(CimType.BOOLEAN, "Debug Distributed Primary"),
        *properties(CimType.STRING, "MUILanguages", is_array=True),
    ),
    methods=(
        CimMethod("Reboot"),
        CimMethod("Shutdown"),
        CimMethod("Win32Shutdown", (_FLAGS, CimProperty("Reserved", CimType.SINT32, default=0))),
        CimMethod(
            "Win32ShutdownTracker",
            (
                CimProperty("Timeout", CimType.UINT32, default=0),
                CimProperty("Comment", CimType.STRING, default=""),
                CimProperty("ReasonCode", CimType.UINT32, default=0),
                _FLAGS,
            ),
        ),
        CimMethod("SetDateTime", (CimProperty("LocalDateTime", CimType.DATETIME),)),
    ),
)


class OperatingSystem(ClassProvider):
    """The one instance of a host."""

    cim_class = WIN32_OPERATING_SYSTEM

    def instances(self, caller: Caller) -> list[Mapping[str, Any]]:
        self.admit(caller)
        return [self._instance()]

    def get(self, caller: Caller, keys: Mapping[str, str]) -> Mapping[str, Any]:
        self.admit(caller)
        return self._instance()

    def invoke(
        self, caller: Caller, method: str, keys: Mapping[str, str] | None, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self.admit(caller)
        if method == "SetDateTime":
            raise self.not_simulated(method)
        flags = {"Reboot": FLAG_REBOOT, "Shutdown": FLAG_SHUTDOWN}.get(method, arguments.get("Flags"))
        if flags is None or flags & ~_ALL_FLAGS:
            return {RETURN_VALUE: ERROR_INVALID_PARAMETER}
        if flags in (0, FLAG_FORCE):
            raise self.not_simulated(f"{method} (log off)")
        if not self.host.accounts.has_right(caller.sids, "SeRemoteShutdownPrivilege"):
            return {RETURN_VALUE: ERROR_PRIVILEGE_NOT_HELD}
        return {RETURN_VALUE: self._shut_down(caller, flags, arguments)}

    def _shut_down(self, caller: Caller, flags: int, arguments: Mapping[str, Any]) -> int:
        delay_s = float(arguments.get("Timeout") or 0)
        try:
            self.host.boot.request_shutdown(
                caller.account_name,
                delay_s,
                restarts=bool(flags & FLAG_REBOOT),
                comment=arguments.get("Comment") or "",
            )
        except ShutdownError as error:
            return error.code
        return 0

    def _instance(self) -> dict[str, Any]:
        host, profile = self.host, self.host.profile
        locale, language = _LOCALES.get(host.ui_language, _LOCALES["en-US"])
        known = {
            "BootDevice": r"\Device\HarddiskVolume1",
            "BuildNumber": str(profile.build),
            "BuildType": "Multiprocessor Free",
            "Caption": profile.caption,
            "CodeSet": "1252",
            "CountryCode": "1" if language == 1033 else "49",
            "CreationClassName": "Win32_OperatingSystem",
            "CSCreationClassName": "Win32_ComputerSystem",
            "CSDVersion": f"Service Pack {profile.service_pack}" if profile.service_pack else None,
            "CSName": host.computer_name,
            "CurrentTimeZone": 0,
            "Debug": False,
            "Description": "",
            "Distributed": False,
            "FreePhysicalMemory": 2097152,
            "InstallDate": datetime(2020, 1, 1, 12, 0, 0, tzinfo=UTC),
            "LastBootUpTime": host.boot.boot_time,
            "LocalDateTime": host.clock.now(),
            "Locale": locale,
            "Manufacturer": "Microsoft Corporation",
            "MUILanguages": [host.ui_language],
            "Name": rf"{profile.caption}|C:\Windows|\Device\Harddisk0\Partition2",
            "NumberOfProcesses": len(host.services.processes()),
            "NumberOfUsers": 1,
            "OperatingSystemSKU": profile.sku,
            "OSArchitecture": "64-bit" if language == 1033 else "64-Bit",
            "OSLanguage": language,
            "OSProductSuite": 272 if profile.is_server else 256,
            "OSType": 18,
            "Primary": True,
            "ProductType": profile.product_type,
            "ServicePackMajorVersion": profile.service_pack,
            "ServicePackMinorVersion": 0,
            "Status": "OK",
            "SuiteMask": 272 if profile.is_server else 256,
            "SystemDevice": r"\Device\HarddiskVolume2",
            "SystemDirectory": r"C:\Windows\system32",
            "SystemDrive": "C:",
            "TotalVisibleMemorySize": 4193332,
            "Version": profile.version_text,
            "WindowsDirectory": r"C:\Windows",
        }
        return {item.name: known.get(item.name) for item in self.cim_class.properties}
