# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Software that can be installed on a host, as data: OPC Core Components, APIS, plain OPC servers, a pure client.

Source: dcom.md 2.1-2.5 (registration, identifiers, OpcEnum, APIS). AppIDs of APIS are not published: the one here is
invented, as are all names and GUIDs of the servers called Example.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
# Interface: (its name, the library that holds its proxy and stub).
_INTERFACES = {
    "{13486D50-4821-11D2-A494-3CB306C10000}": ("IOPCServerList", "opccomn_ps.dll"),
    "{9DD0B56C-AD9E-43EE-8305-487F3188BF7A}": ("IOPCServerList2", "opccomn_ps.dll"),
    "{F31DFDE2-07B6-11D2-B2D8-0060083BA1FB}": ("IOPCCommon", "opccomn_ps.dll"),
    "{39C13A4D-011E-11D0-9675-0020AFD8ADB3}": ("IOPCServer", "opcproxy.dll"),
    "{65168851-5783-11D1-84A0-00608CB8A7E9}": ("IOPCEventServer", "opc_aeps.dll"),
    "{1F1217B0-DEE0-11D2-A5E5-000086339399}": ("IOPCHDA_Server", "opchda_ps.dll"),
}
PROXY_FOLDER_64 = r"C:\Program Files\Common Files\OPC Foundation\Bin"
PROXY_FOLDER_32 = r"C:\Windows\SysWOW64"
_UNINSTALL = r"HKLM\SOFTWARE\{}Microsoft\Windows\CurrentVersion\Uninstall\{{5A4D2C8B-0D3E-4B55-9C2A-7F1E0D6B33A1}}"
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
    """A COM server's registration. `app_id` "" is a server that registered none.

    `in_both_views` registers the class a second time, in the other view; `has_opc_key` None is what its categories ask
    for; `is_library` is an in-process server.
    """

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
    in_both_views: bool = False
    has_opc_key: bool | None = None
    is_library: bool = False

    def entries(self) -> Iterator[Entry]:
        """Registry entries. Source: dcom.md 2.3 (what a DA server must register), 2.1 (both ways to an AppID)."""
        yield from self._prog_id_entries()
        yield from self._class_entries(is_32_bit=self.is_32_bit)
        if self.in_both_views:
            yield from self._class_entries(is_32_bit=not self.is_32_bit)
        if self.app_id:
            yield from self._app_id_entries()

    def _prog_id_entries(self) -> Iterator[Entry]:
        key = f"{CLASSES}\\{self.prog_id}"
        yield key, "", _sz(self.display_name)
        yield key + r"\CLSID", "", _sz(self.clsid)
        if "DA1" in self.categories if self.has_opc_key is None else self.has_opc_key:
            yield key + r"\OPC", None, None
            yield key + r"\OPC\Vendor", "", _sz(self.vendor or self.display_name)

    def _class_entries(self, *, is_32_bit: bool) -> Iterator[Entry]:
        key = f"{CLASSES_32 if is_32_bit else CLASSES}\\CLSID\\{self.clsid}"
        yield key, "", _sz(self.display_name)
        if self.app_id:
            yield key, "AppID", _sz(self.app_id)
        yield key + r"\ProgID", "", _sz(self.prog_id)
        if self.is_library:
            yield key + r"\InprocServer32", "", _sz(self.program)
            yield key + r"\InprocServer32", "ThreadingModel", _sz("Both")
        elif not self.service:
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


def _product_entries() -> Iterator[Entry]:
    """Both packages of OPC Core Components in the list of installed programs; their product codes are invented."""
    for node, bits in (("", "x64"), ("WOW6432Node\\", "x86")):
        key = _UNINSTALL.format(node)
        yield key, "DisplayName", _sz(f"OPC Core Components Redistributable ({bits}) 3.00.108")
        yield key, "DisplayVersion", _sz("3.00.10800")


def proxy_entries(view: str, library: str, folder: str) -> Iterator[Entry]:
    """What registering a proxy/stub library writes into one view of the classes.

    Source: Win32 "Interface Key", "ProxyStubClsid32"; MIDL takes the IID of the first interface for the CLSID of the
    library unless it is told another one (which OPC's libraries take is unverified).
    """
    interfaces = [(guid, name) for guid, (name, found) in _INTERFACES.items() if found == library]
    clsid = interfaces[0][0]
    for guid, name in interfaces:
        yield rf"{view}\Interface\{guid}", "", _sz(name)
        yield rf"{view}\Interface\{guid}\ProxyStubClsid32", "", _sz(clsid)
    yield rf"{view}\CLSID\{clsid}", "", _sz("PSFactoryBuffer")
    yield rf"{view}\CLSID\{clsid}\InprocServer32", "", _sz(rf"{folder}\{library}")
    yield rf"{view}\CLSID\{clsid}\InprocServer32", "ThreadingModel", _sz("Both")


def proxy_libraries(*, is_32_bit: bool, names: Iterable[str]) -> Software:
    """Proxy/stub libraries of one bitness where OPC Core Components 3.1 puts them (dcom.md 2.4)."""
    view, folder = (CLASSES_32, PROXY_FOLDER_32) if is_32_bit else (CLASSES, PROXY_FOLDER_64)
    entries = tuple(entry for name in names for entry in proxy_entries(view, name, folder))
    return Software("proxy/stub libraries", entries, files=tuple((rf"{folder}\{name}", "3.0.108.0") for name in names))


PROXY_LIBRARIES = tuple(dict.fromkeys(library for _name, library in _INTERFACES.values()))


def _core_entries(*, as_service: bool) -> Iterator[Entry]:
    for guid, text in CATEGORIES.values():
        yield rf"{CLASSES}\Component Categories\{guid}", "409", _sz(text)
    yield from _product_entries()
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
    libraries = [proxy_libraries(is_32_bit=is_32_bit, names=PROXY_LIBRARIES) for is_32_bit in (False, True)]
    return Software(
        "OPC Core Components",
        (*entries, *(entry for item in libraries for entry in item.entries)),
        (service,) if as_service else (),
        ((program, "1.1.3.9"), *(file for item in libraries for file in item.files)),
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


def da_server_64() -> Software:
    """A 64-bit DA server that COM starts on demand; its class is in the 64-bit view only."""
    return _example(
        ComServer(
            "Example.Da64Server.1", "Example DA Server 64", "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0401}",
            "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0400}", r"C:\Program Files\Example\Da64Server.exe", ("DA2", "DA3"),
        )
    )  # fmt: skip


def da_server_in_both_views() -> Software:
    """A server whose installer registers the same program for 32- and 64-bit clients."""
    return _example(
        ComServer(
            "Example.BothServer.1", "Example Both", "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0501}",
            "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0500}", r"D:\Example\BothServer.exe", ("DA2", "HDA"), in_both_views=True,
        )
    )  # fmt: skip


def da_server_1_0() -> Software:
    """A server of the first DA specification: the key OPC under its ProgID, no category and no AppID."""
    return _example(
        ComServer(
            "Example.OldServer", "Example Old Server", "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0601}",
            "", r"C:\Program Files (x86)\Example\OldServer.exe", is_32_bit=True, has_opc_key=True,
        )
    )  # fmt: skip


def da_server_in_process() -> Software:
    """A 32-bit library that runs in its client's process."""
    return _example(
        ComServer(
            "Example.InprocServer.1", "Example In-process Server", "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0701}",
            "", r"C:\Program Files (x86)\Example\InprocServer.dll", ("DA2",), is_32_bit=True, is_library=True,
        )
    )  # fmt: skip


def opc_lookalikes() -> Software:
    """No OPC servers: a class that needs a DA server, one of another category, keys called OPC in other places."""
    clsid = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0801}"
    other = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0802}"
    entries: tuple[Entry, ...] = (
        (rf"{CLASSES}\CLSID\{clsid}\Required Categories\{CATEGORIES['DA2'][0]}", None, None),
        (rf"{CLASSES}\CLSID\{clsid}\InprocServer32", "", _sz(r"C:\Windows\System32\viewer.dll")),
        (rf"{CLASSES_32}\CLSID\{other}\Implemented Categories\{{7DD95801-9882-11CF-9FA9-00AA006C42C4}}", None, None),
        (rf"{CLASSES_32}\CLSID\{other}\Data\{CATEGORIES['AE'][0]}", None, None),
        (CLASSES + r"\Example.Settings\Shell\OPC", None, None),
        (CLASSES + r"\OPC", "", _sz("a ProgID of this name")),
        (CLASSES + r"\Example.OpcViewer\CLSID", "", _sz(clsid)),
    )
    return Software("lookalikes", entries)


def opc_client(program: str = r"C:\Program Files\Example\OpcClient.exe") -> Software:
    """A pure client: a program file and nothing else, so the machine defaults hold for it (dcom.md 2.1)."""
    return Software("Example OPC Client", files=((program, "1.0.0.0"),), programs=(ComProgram(program),))
