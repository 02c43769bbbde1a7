# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_ComputerSystem and Win32_QuickFixEngineering: what the computer is and which updates it lists.

Source: wsman_cim.md 4.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cim import Caller, CimClass, CimType
from .provider import ClassProvider, properties

WIN32_COMPUTER_SYSTEM = CimClass(
    "Win32_ComputerSystem",
    superclass="CIM_UnitaryComputerSystem",
    properties=(
        *properties(
            CimType.STRING,
            "*Name Caption CreationClassName Description DNSHostName Domain Manufacturer Model PrimaryOwnerName Status "
            "SystemType UserName Workgroup",
        ),
        *properties(CimType.BOOLEAN, "PartOfDomain"),
        *properties(CimType.UINT16, "DomainRole"),
        *properties(CimType.UINT32, "NumberOfLogicalProcessors NumberOfProcessors"),
        *properties(CimType.UINT64, "TotalPhysicalMemory"),
        *properties(CimType.STRING, "Roles", is_array=True),
    ),
)
WIN32_QUICK_FIX_ENGINEERING = CimClass(
    "Win32_QuickFixEngineering",
    superclass="CIM_LogicalElement",
    properties=properties(
        CimType.STRING,
        "*HotFixID *ServicePackInEffect Caption CSName Description FixComments InstalledBy InstalledOn Name Status",
    ),
)


class ComputerSystem(ClassProvider):
    """The one instance of a host; its key is the computer name."""

    cim_class = WIN32_COMPUTER_SYSTEM

    def instances(self, caller: Caller) -> list[Mapping[str, Any]]:
        self.admit(caller)
        host, is_member = self.host, self.host.domain is not None
        known = {
            "Name": host.computer_name,
            "Caption": host.computer_name,
            "CreationClassName": "Win32_ComputerSystem",
            "Description": "AT/AT COMPATIBLE",
            "DNSHostName": host.computer_name,
            "Domain": host.domain.dns_name if host.domain else "WORKGROUP",
            "DomainRole": (2 if host.profile.is_server else 0) + int(is_member),
            "Manufacturer": "otsec",
            "Model": "Simulated Host",
            "NumberOfLogicalProcessors": 2,
            "NumberOfProcessors": 1,
            "PartOfDomain": is_member,
            "Roles": ["LM_Workstation", "LM_Server", "NT"],
            "Status": "OK",
            "SystemType": "x64-based PC",
            "TotalPhysicalMemory": 4293971968,
            "Workgroup": None if is_member else "WORKGROUP",
        }
        return [{item.name: known.get(item.name) for item in self.cim_class.properties}]


class QuickFixEngineering(ClassProvider):
    """Updates that a host lists; `SimulatedHost.hot_fixes` holds (id, installed on)."""

    cim_class = WIN32_QUICK_FIX_ENGINEERING

    def instances(self, caller: Caller) -> list[Mapping[str, Any]]:
        self.admit(caller)
        return [
            {
                "HotFixID": hot_fix_id,
                "ServicePackInEffect": "",
                "Caption": f"http://support.microsoft.com/?kbid={hot_fix_id.removeprefix('KB')}",
                "CSName": self.host.computer_name,
                "Description": "Security Update",
                "FixComments": "",
                "InstalledBy": r"NT AUTHORITY\SYSTEM",
                "InstalledOn": installed_on,
                "Name": None,
                "Status": None,
            }
            for hot_fix_id, installed_on in self.host.hot_fixes
        ]
