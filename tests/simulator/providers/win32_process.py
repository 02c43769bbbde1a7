# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_Process: which programs run. Counters, owners and command lines are not simulated and are NULL.

Source: Win32_Process class documentation (Handle is the key: the process id as text; ExecutablePath is NULL where the
caller may not look into the process, such as System).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cim import Caller, CimClass, CimType
from ..subsystems.service_record import Process
from .provider import ClassProvider, properties

_TEXTS = (
    "*Handle Caption CommandLine CreationClassName CSCreationClassName CSName Description ExecutablePath Name "
    "OSCreationClassName OSName Status WindowsVersion"
)


class ProcessProvider(ClassProvider):
    """The processes of one host that are known to the simulation, and the two that have no program."""

    cim_class = CimClass(
        "Win32_Process",
        properties=(
            *properties(CimType.STRING, _TEXTS),
            *properties(CimType.UINT16, "ExecutionState"),
            *properties(
                CimType.UINT32,
                "HandleCount MaximumWorkingSetSize MinimumWorkingSetSize PageFaults PageFileUsage ParentProcessId "
                "PeakPageFileUsage PeakWorkingSetSize Priority ProcessId QuotaNonPagedPoolUsage QuotaPagedPoolUsage "
                "QuotaPeakNonPagedPoolUsage QuotaPeakPagedPoolUsage SessionId ThreadCount",
            ),
            *properties(
                CimType.UINT64,
                "KernelModeTime OtherOperationCount OtherTransferCount PeakVirtualSize PrivatePageCount "
                "ReadOperationCount ReadTransferCount UserModeTime VirtualSize WorkingSetSize WriteOperationCount "
                "WriteTransferCount",
            ),
            *properties(CimType.DATETIME, "CreationDate InstallDate TerminationDate"),
        ),
    )

    def instances(self, caller: Caller) -> list[Mapping[str, Any]]:
        self.admit(caller)
        system = [self._instance(0, "System Idle Process", None), self._instance(4, "System", None)]
        return system + [self._of(process) for process in self.host.processes()]

    def _of(self, process: Process) -> Mapping[str, Any]:
        instance = self._instance(process.process_id, process.program.rpartition("\\")[2], process.program)
        return {**instance, "CreationDate": process.started, "SessionId": 0}

    def _instance(self, process_id: int, name: str, path: str | None) -> dict[str, Any]:
        known = {
            "Handle": str(process_id),
            "ProcessId": process_id,
            "Name": name,
            "Caption": name,
            "Description": name,
            "ExecutablePath": path,
            "CreationClassName": "Win32_Process",
            "CSCreationClassName": "Win32_ComputerSystem",
            "CSName": self.host.computer_name,
            "OSCreationClassName": "Win32_OperatingSystem",
            "WindowsVersion": self.host.profile.version_text,
        }
        return {item.name: known.get(item.name) for item in self.cim_class.properties}
