# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that every simulated Windows has: those OPC hosts depend on and enough others to be a crowd. Data only.

Source: the keys of these services on Windows 7 to Server 2022 (image path, account, dependencies, start type).
"""

from __future__ import annotations

from .subsystems.service_record import SERVICE_KERNEL_DRIVER, ServiceConfig, StartMode

_AUTO, _MANUAL, _DISABLED, _SYSTEM = StartMode.AUTO, StartMode.MANUAL, StartMode.DISABLED, StartMode.SYSTEM
LOCAL_SYSTEM = "LocalSystem"
LOCAL_SERVICE = r"NT AUTHORITY\LocalService"
NETWORK_SERVICE = r"NT AUTHORITY\NetworkService"
_SHARED = 0x20
_OWN = 0x10

# Controls that Windows itself refuses: stopping them would take the host down.
NOT_STOPPABLE = frozenset({"RpcSs", "RpcEptMapper", "DcomLaunch", "BFE", "PlugPlay", "Power", "SamSs", "gpsvc", "LSM"})


def _hosted(
    name: str, group: str, display_name: str, start: StartMode, account: str, depends_on: str = ""
) -> ServiceConfig:
    """A service in a svchost.exe process."""
    path = rf"%SystemRoot%\system32\svchost.exe -k {group}"
    return ServiceConfig(name, path, display_name, start, account, tuple(depends_on.split()), _SHARED)


def _program(
    name: str, command: str, display_name: str, start: StartMode, depends_on: str, service_type: int = _OWN
) -> ServiceConfig:
    """A service with a program of its own, as LocalSystem."""
    path = rf"%SystemRoot%\system32\{command}"
    return ServiceConfig(name, path, display_name, start, LOCAL_SYSTEM, tuple(depends_on.split()), service_type)


def _driver(name: str, display_name: str, start: StartMode) -> ServiceConfig:
    path = rf"system32\drivers\{name.lower()}.sys"
    return ServiceConfig(name, path, display_name, start, "", service_type=SERVICE_KERNEL_DRIVER)


SHIPPED_SERVICES = (
    _driver("Tcpip", "TCP/IP Protocol Driver", StartMode.BOOT),
    _driver("AFD", "Ancillary Function Driver for Winsock", _SYSTEM),
    _driver("HTTP", "HTTP Service", _MANUAL),
    _driver("mpsdrv", "Windows Firewall Authorization Driver", _MANUAL),
    _hosted("DcomLaunch", "DcomLaunch", "DCOM Server Process Launcher", _AUTO, LOCAL_SYSTEM),
    _hosted("RpcEptMapper", "RPCSS", "RPC Endpoint Mapper", _AUTO, NETWORK_SERVICE),
    _hosted("RpcSs", "rpcss", "Remote Procedure Call (RPC)", _AUTO, NETWORK_SERVICE, "RpcEptMapper DcomLaunch"),
    _hosted("PlugPlay", "DcomLaunch", "Plug and Play", _MANUAL, LOCAL_SYSTEM),
    _hosted("Power", "DcomLaunch", "Power", _AUTO, LOCAL_SYSTEM),
    _program("SamSs", "lsass.exe", "Security Accounts Manager", _AUTO, "RPCSS", _SHARED),
    _program("Netlogon", "lsass.exe", "Netlogon", _MANUAL, "LanmanWorkstation", _SHARED),
    _hosted("EventLog", "LocalServiceNetworkRestricted", "Windows Event Log", _AUTO, LOCAL_SERVICE),
    _hosted("EventSystem", "LocalService", "COM+ Event System", _AUTO, LOCAL_SERVICE, "rpcss"),
    _hosted("SENS", "netsvcs", "System Event Notification Service", _AUTO, LOCAL_SYSTEM, "EventSystem"),
    _program(
        "COMSysApp",
        "dllhost.exe /Processid:{02D4B3F1-FD88-11D1-960D-00805FC79235}",
        "COM+ System Application",
        _MANUAL,
        "RpcSs EventSystem SENS",
    ),
    _hosted("BFE", "LocalServiceNoNetwork", "Base Filtering Engine", _AUTO, LOCAL_SERVICE, "RpcSs"),
    _hosted("MpsSvc", "LocalServiceNoNetwork", "Windows Firewall", _AUTO, LOCAL_SERVICE, "mpsdrv bfe"),
    _hosted("SharedAccess", "netsvcs", "Internet Connection Sharing (ICS)", _DISABLED, LOCAL_SYSTEM, "BFE"),
    _hosted("WinRM", "NetworkService", "Windows Remote Management", _AUTO, NETWORK_SERVICE, "RPCSS HTTP"),
    _hosted("Winmgmt", "netsvcs", "Windows Management Instrumentation", _AUTO, LOCAL_SYSTEM, "RPCSS"),
    _hosted("Schedule", "netsvcs", "Task Scheduler", _AUTO, LOCAL_SYSTEM, "RPCSS EventLog"),
    _hosted("gpsvc", "netsvcs", "Group Policy Client", _AUTO, LOCAL_SYSTEM, "RPCSS"),
    _hosted("ProfSvc", "netsvcs", "User Profile Service", _AUTO, LOCAL_SYSTEM, "RpcSs"),
    _hosted("CryptSvc", "NetworkService", "Cryptographic Services", _AUTO, NETWORK_SERVICE, "RpcSs"),
    _hosted("Dnscache", "NetworkService", "DNS Client", _AUTO, NETWORK_SERVICE),
    _hosted("LanmanServer", "netsvcs", "Server", _AUTO, LOCAL_SYSTEM, "SamSS"),
    _hosted("LanmanWorkstation", "NetworkService", "Workstation", _AUTO, NETWORK_SERVICE),
    _hosted("RemoteRegistry", "regsvc", "Remote Registry", _MANUAL, LOCAL_SERVICE, "RPCSS"),
    _hosted("TermService", "NetworkService", "Remote Desktop Services", _MANUAL, NETWORK_SERVICE, "RPCSS"),
    _hosted("W32Time", "LocalService", "Windows Time", _MANUAL, LOCAL_SERVICE),
    _program("Spooler", "spoolsv.exe", "Print Spooler", _AUTO, "RPCSS http", 0x110),
    _program("MSDTC", "msdtc.exe", "Distributed Transaction Coordinator", _MANUAL, "RPCSS SamSS"),
)

SHIPPED_PROGRAMS = (
    "svchost.exe",
    "lsass.exe",
    "spoolsv.exe",
    "msdtc.exe",
    "dllhost.exe",
    "cmd.exe",
    "reg.exe",
    "net.exe",
    "netsh.exe",
    "wevtutil.exe",
    "shutdown.exe",
    "whoami.exe",
)
SHIPPED_LIBRARIES = ("rpcss.dll", "combase.dll", "ole32.dll")
