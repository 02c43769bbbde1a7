# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Software that can be installed on a host, as data: OPC Core Components, APIS, plain OPC servers, a pure client.

Source: dcom.md 2.1-2.5 (registration, identifiers, OpcEnum, APIS). AppIDs of APIS are not published: the one here is
invented, as are all names and GUIDs of the servers called Example.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import shipped_descriptors as descriptors
from .com_state import LEVEL_NONE, ComProgram
from .subsystems.registry_value import RegistryValue
from .subsystems.service_record import ServiceConfig, StartMode

Entry = tuple[str, str | None, RegistryValue | None]  # key with its hive, value name (None: the key alone), value

CLASSES = r"HKLM\SOFTWARE\Classes"
CLASSES_32 = r"HKLM\SOFTWARE\Classes\Wow6432Node"

OPC_ENUM_CLSID = "{13486D51-4821-11D2-A494-3CB306C10000}"
OPC_ENUM_APP_ID = "{13486D44-4821-11D2-A494-3CB306C10000}"
OPC_ENUM_PROGRAM = r"C:\Windows\SysWOW64\OpcEnum.exe"
CATEGORIES = {
    "DA1": ("{63D5F430-CFE4-11D1-B2C8-0060083BA1FB}", "OPC Data Access Servers Version 1.0"),
    "DA2": ("{63D5F432-CFE4-11D1-B2C8-0060083BA1FB}", "OPC Data Access Servers Version 2.0"),
    "DA3": ("{CC603642-66D7-48F1-B69A-B625E73652D7}", "OPC Data Access Servers Version 3.0"),
    "AE": ("{58E13251-AC87-11D1-84D5-00608CB8A7E9}", "OPC Alarm & Event Server Version 1.0"),
    "HDA": ("{7DE5B060-E089-11D2-A5E6-000086339399}", "OPC History Data Access Servers Version 1.0"),
}
_INTERFACES = {
    "{13486D50-4821-11D2-A494-3CB306C10000}": "IOPCServerList",
    "{9DD0B56C-AD9E-43EE-8305-487F3188BF7A}": "IOPCServerList2",
    "{39C13A4D-011E-11D0-9675-0020AFD8ADB3}": "IOPCServer",
}
APIS_APP_ID = "{6C1F2E80-5D4B-4B7E-9E0A-41D05A6B7C01}"
APIS_CLSID = "{8E423571-A67B-11D2-9418-00608CF4C421}"
APIS_PROGRAM = r"C:\apis\bin64\apishivex64.exe"

_sz = RegistryValue.sz


@dataclass(frozen=True, slots=True)
class Software:
    """What an installation leaves on a host."""

    name: str
    entries: tuple[Entry, ...] = ()
    services: tuple[ServiceConfig, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    programs: tuple[ComProgram, ...] = ()


@dataclass(frozen=True, slots=True)
class ComServer:
    """A COM server's registration. `app_id` "" is a server that registered none."""

    prog_id: str
    display_name: str
    clsid: str
    app_id: str
    program: str
    categories: tuple[str, ...] = ()
    is_32_bit: bool = False
    service: str = ""
    maps_executable: bool = True
    vendor: str = ""

    def entries(self) -> Iterator[Entry]:
        """Registry entries. Source: dcom.md 2.3 (what a DA server must register), 2.1 (both ways to an AppID)."""
        yield from self._prog_id_entries()
        yield from self._class_entries()
        if self.app_id:
            yield from self._app_id_entries()

    def _prog_id_entries(self) -> Iterator[Entry]:
        key = f"{CLASSES}\\{self.prog_id}"
        yield key, "", _sz(self.display_name)
        yield key + r"\CLSID", "", _sz(self.clsid)
        if "DA1" in self.categories:
            yield key + r"\OPC", None, None
            yield key + r"\OPC\Vendor", "", _sz(self.vendor or self.display_name)

    def _class_entries(self) -> Iterator[Entry]:
        key = f"{CLASSES_32 if self.is_32_bit else CLASSES}\\CLSID\\{self.clsid}"
        yield key, "", _sz(self.display_name)
        if self.app_id:
            yield key, "AppID", _sz(self.app_id)
        yield key + r"\ProgID", "", _sz(self.prog_id)
        if not self.service:
            yield key + r"\LocalServer32", "", _sz(f'"{self.program}"')
        for category in self.categories:
            yield rf"{key}\Implemented Categories\{CATEGORIES[category][0]}", None, None

    def _app_id_entries(self) -> Iterator[Entry]:
        key = f"{CLASSES}\\AppID\\{self.app_id}"
        yield key, "", _sz(self.display_name)
        if self.service:
            yield key, "LocalService", _sz(self.service)
        if self.maps_executable:
            yield f"{CLASSES}\\AppID\\{self.program.rpartition(chr(92))[2]}", "AppID", _sz(self.app_id)


def _core_entries(*, as_service: bool) -> Iterator[Entry]:
    for guid, text in CATEGORIES.values():
        yield rf"{CLASSES}\Component Categories\{guid}", "409", _sz(text)
    for guid, text in _INTERFACES.items():
        for view in (CLASSES, CLASSES_32):
            yield rf"{view}\Interface\{guid}", "", _sz(text)
    service = "OpcEnum" if as_service else ""
    server = ComServer(
        "OPC.ServerList.1", "OpcEnum", OPC_ENUM_CLSID, OPC_ENUM_APP_ID, OPC_ENUM_PROGRAM,
        is_32_bit=True, service=service,
    )  # fmt: skip
    yield from server.entries()
    app_id = rf"{CLASSES}\AppID\{OPC_ENUM_APP_ID}"
    if as_service:
        yield app_id, "ServiceParameters", _sz("-Service")
    yield app_id, "AuthenticationLevel", RegistryValue.dword(LEVEL_NONE)
    yield app_id, "AccessPermission", RegistryValue.binary(descriptors.OPC_ENUM_ACCESS)
    yield app_id, "LaunchPermission", RegistryValue.binary(descriptors.OPC_ENUM_LAUNCH)


def opc_core_components(*, as_service: bool = True, program: str = OPC_ENUM_PROGRAM) -> Software:
    """OPC Core Components with OpcEnum freshly registered: level None, Everyone everywhere (dcom.md 2.4)."""
    service = ServiceConfig("OpcEnum", program, "OpcEnum", StartMode.MANUAL, "LocalSystem", ("RPCSS",))
    entries = tuple(
        (key, name, _sz(value.text.replace(OPC_ENUM_PROGRAM, program)) if name == "" and value else value)
        for key, name, value in _core_entries(as_service=as_service)
    )
    return Software(
        "OPC Core Components",
        entries,
        (service,) if as_service else (),
        ((program, "1.1.3.9"),),
        (ComProgram(program, app_id=OPC_ENUM_APP_ID),),
    )


def prediktor_apis() -> Software:
    """APIS: ApisHive as a service with its DA server, registered for DA 1, 2 and 3."""
    server = ComServer(
        "Prediktor.ApisOPCServer.1",
        "Prediktor ApisOPCServer",
        APIS_CLSID,
        APIS_APP_ID,
        APIS_PROGRAM,
        ("DA1", "DA2", "DA3"),
        service="ApisHive",
        vendor="Prediktor AS",
    )
    service = ServiceConfig("ApisHive", f'"{APIS_PROGRAM}"', "ApisHive", StartMode.AUTO, "LocalSystem", ("RPCSS",))
    entries = (*server.entries(), (r"HKLM\SOFTWARE\Prediktor\Apis", "InstallDir", _sz("C:\\apis\\")))
    programs = (ComProgram(APIS_PROGRAM, app_id=APIS_APP_ID),)
    return Software("Prediktor APIS", entries, (service,), ((APIS_PROGRAM, "9.2.0.0"),), programs)


def _example(server: ComServer) -> Software:
    """A server without a service: COM starts it on demand; it leaves its security to the registry."""
    programs = (ComProgram(server.program),)
    return Software(server.display_name, tuple(server.entries()), (), ((server.program, "1.0.0.0"),), programs)


def da_server_32() -> Software:
    """A 32-bit DA server: its class is in the 32-bit view only, its AppID in the shared key."""
    return _example(
        ComServer(
            "Example.DaServer.1", "Example DA Server", "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0101}",
            "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0100}", r"C:\Program Files (x86)\Example\DaServer.exe", ("DA1", "DA2"),
            is_32_bit=True,
        )
    )  # fmt: skip


def hda_server() -> Software:
    return _example(
        ComServer(
            "Example.HdaServer.1", "Example HDA Server", "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0201}",
            "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0200}", r"C:\Program Files\Example\HdaServer.exe", ("HDA",),
        )
    )  # fmt: skip


def ae_server() -> Software:
    """An A&E server without an AppID mapping of its executable: its process never sees its AccessPermission."""
    return _example(
        ComServer(
            "Example.AeServer.1", "Example AE Server", "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0301}",
            "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0300}", r"C:\Program Files (x86)\Example\AeServer.exe", ("AE",),
            is_32_bit=True, maps_executable=False,
        )
    )  # fmt: skip


def opc_client(program: str = r"C:\Program Files\Example\OpcClient.exe") -> Software:
    """A pure client: a program file and nothing else, so the machine defaults hold for it (dcom.md 2.1)."""
    return Software("Example OPC Client", files=((program, "1.0.0.0"),), programs=(ComProgram(program),))
