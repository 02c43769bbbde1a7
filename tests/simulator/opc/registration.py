# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has registered: classes and how they are started, interfaces with proxy and stub, OPC categories.

A class is looked up in the 64-bit view first, then in the 32-bit one: an activation without a preference takes either,
as long as a program or a service is behind it. Deviations: a program is 32-bit if its path says so (`(x86)`,
SysWOW64); in-process servers, surrogates and PreferredServerBitness are not modelled; OpcEnum lists both views, as it
does together with OpcCategoryManager.

Source: dcom.md 2.1-2.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..files import expand, program_of
from ..host import SimulatedHost
from ..software import CATEGORIES, CLASSES, CLASSES_32, OPC_ENUM_CLSID
from ..subsystems.registry_value import REG_EXPAND_SZ, REG_SZ

I_OPC_SERVER = "{39C13A4D-011E-11D0-9675-0020AFD8ADB3}"
I_OPC_SERVER_LIST = "{13486D50-4821-11D2-A494-3CB306C10000}"
_UNKNOWN_CLASS = "{00000000-0000-0000-0000-000000000000}"
_DATA_ACCESS = ("DA1", "DA2", "DA3")


@dataclass(frozen=True, slots=True)
class ComClass:
    """A class that a host can activate. `service` is "" for a program that COM starts itself."""

    clsid: str
    prog_id: str
    app_id: str | None
    program: str
    service: str
    is_32_bit: bool

    @property
    def is_opc_enum(self) -> bool:
        return self.clsid.upper() == OPC_ENUM_CLSID


def clsid_of(application: str, *hosts: SimulatedHost) -> str:
    """The CLSID of a ProgID, CLSID or program on the first host that knows it; a null GUID where none does."""
    if application.startswith("{"):
        return application.upper()
    for host in hosts:
        if "\\" in application:
            found = next((item.clsid for item in classes(host) if _same(item.program, application)), None)
        else:
            found = _text(host, f"{CLASSES}\\{application}\\CLSID", "")
        if found:
            return found.upper()
    return _UNKNOWN_CLASS


def find_class(host: SimulatedHost, clsid: str) -> ComClass | None:
    """The class as the host would activate it; None where nothing is behind it."""
    views = ((CLASSES, False), (CLASSES_32, True))
    found = (_read_class(host, view, clsid, is_32_bit=is_32_bit) for view, is_32_bit in views)
    return next((item for item in found if item is not None), None)


def classes(host: SimulatedHost) -> Iterator[ComClass]:
    """All classes that can be activated, 64-bit ones first."""
    for view, is_32_bit in ((CLASSES, False), (CLASSES_32, True)):
        for clsid in host.registry.enum_keys(None, f"{view}\\CLSID"):
            found = _read_class(host, view, clsid, is_32_bit=is_32_bit)
            if found is not None:
                yield found


def _read_class(host: SimulatedHost, view: str, clsid: str, *, is_32_bit: bool) -> ComClass | None:
    key = f"{view}\\CLSID\\{clsid}"
    app_id = _text(host, key, "AppID")
    service = _text(host, f"{CLASSES}\\AppID\\{app_id}", "LocalService") if app_id else None
    command = _text(host, f"{key}\\LocalServer32", "")
    if service and host.services.find(service):
        program = host.services.config(service).image_path
    elif service or command:
        program = command or ""
    else:
        return None
    path = program_of(expand(program, host.environment), host.files)
    prog_id = _text(host, f"{key}\\ProgID", "") or ""
    return ComClass(clsid.upper(), prog_id, app_id, path, service or "", is_32_bit)


def has_interface(host: SimulatedHost, interface: str, *, is_32_bit: bool) -> bool:
    """Whether proxy and stub of an interface are registered for programs of a bitness."""
    view = CLASSES_32 if is_32_bit else CLASSES
    return host.registry.key_exists(None, f"{view}\\Interface\\{interface}")


def interface_of(host: SimulatedHost, com_class: ComClass) -> str | None:
    """The interface a client asks a class for; None where the simulated software registers none of that kind."""
    if com_class.is_opc_enum:
        return I_OPC_SERVER_LIST
    return I_OPC_SERVER if set(_categories(host, com_class)) & set(_DATA_ACCESS) else None


def is_32_bit_program(path: str) -> bool:
    folded = path.lower()
    return "(x86)" in folded or "\\syswow64\\" in folded


def listed_servers(host: SimulatedHost) -> tuple[str, ...]:
    """ProgIDs that OpcEnum lists: classes in one of the OPC categories."""
    return tuple(sorted({item.prog_id for item in classes(host) if _categories(host, item)}))


def _categories(host: SimulatedHost, com_class: ComClass) -> list[str]:
    view = CLASSES_32 if com_class.is_32_bit else CLASSES
    key = rf"{view}\CLSID\{com_class.clsid}\Implemented Categories"
    return [name for name, (guid, _unused) in CATEGORIES.items() if host.registry.key_exists(None, rf"{key}\{guid}")]


def _text(host: SimulatedHost, key: str, name: str) -> str | None:
    value = host.registry.get(key, name)
    return value.text if value is not None and value.type in (REG_SZ, REG_EXPAND_SZ) and value.text else None


def _same(one: str, other: str) -> bool:
    return one.lower() == other.lower()
