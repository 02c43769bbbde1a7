# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpcEnum.exe run by hand: `-service` and `-regserver` register it, `-unregserver` removes it. `-` or `/`, any case.

Registering keeps an existing AuthenticationLevel and else writes 1 (None); it always grants Everyone access and launch
again. It removes a service of the name first, so start mode and account are those of a fresh installation afterwards.

Source: dcom.md 2.4 (OPC Foundation source). That the service is removed and created anew is what ATL's service wizard
generated at the time. Unverified: exit codes (the HRESULT of the registration), the order of ACEs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .. import shipped_descriptors as descriptors
from ..cim import Caller, ProgramResult
from ..com_state import LEVEL_NONE
from ..journal import Journal
from ..software import CLASSES, CLASSES_32, OPC_ENUM_APP_ID, OPC_ENUM_CLSID, ComServer
from ..subsystems.registry import ERROR_FILE_NOT_FOUND, Registry, RegistryError
from ..subsystems.registry_value import REG_BINARY, RegistryValue
from ..subsystems.service_manager import ServiceManager
from ..subsystems.service_record import ServiceConfig, ServiceError, StartMode, State
from .program import Invocation

SERVICE_NAME = "OpcEnum"
_APP_ID_KEY = rf"{CLASSES}\AppID\{OPC_ENUM_APP_ID}"
_EVERYONE = bytes.fromhex("010100000000000100000000")
_HEADER = struct.Struct("<BBHIIII")
_SE_SACL_PRESENT = 0x10
_E_ACCESS_BASE = 0x80070000
_GRANTS = (
    ("AccessPermission", 0x7, descriptors.OPC_ENUM_ACCESS),
    ("LaunchPermission", 0x1F, descriptors.OPC_ENUM_LAUNCH),
)


class OpcEnum:
    """The program file at `path` of one host."""

    def __init__(self, path: str, *, registry: Registry, services: ServiceManager, journal: Journal) -> None:
        self._path = path
        self._registry = registry
        self._services = services
        self._journal = journal

    def program(self, invocation: Invocation) -> ProgramResult:
        switch = invocation.arguments[0][1:].lower() if invocation.arguments else ""
        is_switch = bool(invocation.arguments) and invocation.arguments[0][:1] in ("-", "/")
        if not is_switch or switch not in ("service", "regserver", "unregserver") or len(invocation.arguments) != 1:
            self._journal.violation("opcenum", f"not a registration: {' '.join(invocation.arguments)}")
            return ProgramResult(exit_code=1)
        try:
            if switch == "unregserver":
                self._unregister(invocation.caller)
            else:
                self._register(invocation.caller, as_service=switch == "service")
        except (RegistryError, ServiceError) as error:
            return ProgramResult(exit_code=_E_ACCESS_BASE | error.code)
        return ProgramResult()

    def _register(self, caller: Caller, *, as_service: bool) -> None:
        self._write(caller, _APP_ID_KEY, "", RegistryValue.sz("OpcEnum"))  # without the right nothing else happens
        self._remove_service(caller)
        service = SERVICE_NAME if as_service else ""
        server = ComServer(
            "OPC.ServerList.1", "OpcEnum", OPC_ENUM_CLSID, OPC_ENUM_APP_ID, self._path, is_32_bit=True, service=service
        )  # fmt: skip
        for key, name, value in server.entries():
            if name is not None and value is not None:
                self._write(caller, key, name, value)
        if as_service:
            self._write(caller, _APP_ID_KEY, "ServiceParameters", RegistryValue.sz("-Service"))
            config = ServiceConfig(SERVICE_NAME, self._path, SERVICE_NAME, StartMode.MANUAL, "LocalSystem", ("RPCSS",))
            self._services.create(caller, config)
        else:
            self._drop(caller, "LocalService")
            self._drop(caller, "ServiceParameters")
        self._secure(caller)

    def _secure(self, caller: Caller) -> None:
        if self._registry.read_value(caller, _APP_ID_KEY, "AuthenticationLevel") is None:
            self._write(caller, _APP_ID_KEY, "AuthenticationLevel", RegistryValue.dword(LEVEL_NONE))
        for name, mask, fresh in _GRANTS:
            value = self._registry.read_value(caller, _APP_ID_KEY, name)
            before = value.data if value is not None and value.type == REG_BINARY else None
            self._write(caller, _APP_ID_KEY, name, RegistryValue.binary(with_everyone(before, mask) or fresh))

    def _unregister(self, caller: Caller) -> None:
        self._remove_service(caller)
        for key in (
            rf"{CLASSES_32}\CLSID\{OPC_ENUM_CLSID}\LocalServer32",
            rf"{CLASSES_32}\CLSID\{OPC_ENUM_CLSID}\ProgID",
            rf"{CLASSES_32}\CLSID\{OPC_ENUM_CLSID}",
            rf"{CLASSES}\OPC.ServerList.1\CLSID",
            rf"{CLASSES}\OPC.ServerList.1",
            rf"{CLASSES}\AppID\{self._path.rpartition(chr(92))[2]}",
            _APP_ID_KEY,
        ):
            try:
                self._registry.delete_key(caller, key)
            except RegistryError as error:
                if error.code != ERROR_FILE_NOT_FOUND:
                    raise

    def _remove_service(self, caller: Caller) -> None:
        service = self._services.find(SERVICE_NAME)
        if service is None:
            return
        if service.state is State.RUNNING:
            self._services.stop(caller, SERVICE_NAME)
        self._services.delete(caller, SERVICE_NAME)

    def _write(self, caller: Caller, key: str, name: str, value: RegistryValue) -> None:
        self._registry.create_key(caller, key)
        if self._registry.read_value(caller, key, name) != value:
            self._registry.write_value(caller, key, name, value)

    def _drop(self, caller: Caller, name: str) -> None:
        if self._registry.read_value(caller, _APP_ID_KEY, name) is not None:
            self._registry.delete_value(caller, _APP_ID_KEY, name)


def with_everyone(descriptor: bytes | None, mask: int) -> bytes | None:
    """The descriptor with one allow ACE for Everyone, at the end of its DACL; None where there is no DACL to add to.

    Source: MS-DTYP 2.4.6 (self-relative layout), 2.4.5 (ACL), 2.4.4.2 (ACCESS_ALLOWED_ACE).
    """
    if descriptor is None or len(descriptor) < _HEADER.size:
        return None
    revision, _unused, control, owner, group, sacl, dacl = _HEADER.unpack_from(descriptor)
    if not dacl:
        return None
    aces = [ace for ace in _aces(descriptor, dacl) if not (ace[0] == 0 and ace[8:] == _EVERYONE)]
    aces.append(struct.pack("<BBHI", 0, 0, 8 + len(_EVERYONE), mask) + _EVERYONE)
    size = 8 + sum(map(len, aces))
    parts = {"dacl": struct.pack("<BBHHH", descriptor[dacl], 0, size, len(aces), 0) + b"".join(aces)}
    if control & _SE_SACL_PRESENT and sacl:
        parts["sacl"] = descriptor[sacl : sacl + struct.unpack_from("<H", descriptor, sacl + 2)[0]]
    for name, offset in (("owner", owner), ("group", group)):
        if offset:
            parts[name] = descriptor[offset : offset + 8 + 4 * descriptor[offset + 1]]
    offsets, position = {}, _HEADER.size
    for name, part in parts.items():
        offsets[name], position = position, position + len(part)
    places = (offsets.get(name, 0) for name in ("owner", "group", "sacl", "dacl"))
    return _HEADER.pack(revision, 0, control, *places) + b"".join(parts.values())


def _aces(descriptor: bytes, dacl: int) -> Iterator[bytes]:
    count = struct.unpack_from("<H", descriptor, dacl + 4)[0]
    position = dacl + 8
    for _unused in range(count):
        size = struct.unpack_from("<H", descriptor, position + 2)[0]
        yield descriptor[position : position + size]
        position += size
