# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest host the wire side can serve: a class with every CIM type, a static method, services, references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from simulator.cim import (
    ROOT_CIMV2,
    ROOT_STANDARDCIMV2,
    Caller,
    CimClass,
    CimError,
    CimMethod,
    CimProperty,
    CimReference,
    CimStatus,
    CimType,
    ProgramResult,
    Provider,
)
from simulator.journal import Journal

ADMINISTRATORS = "S-1-5-32-544"
USER, PASSWORD = "Administrator", "Secret-1"
BOOT_TIME = datetime(2026, 3, 2, 6, 0, 0, 500000, tzinfo=UTC)


def _property(name: str, cim_type: CimType, **rest: Any) -> CimProperty:
    return CimProperty(name, cim_type, **rest)


ALL_TYPES = CimClass(
    "Sim_AllTypes",
    properties=(
        _property("Id", CimType.UINT32, is_key=True),
        _property("aByte", CimType.UINT8),
        _property("Short", CimType.UINT16),
        _property("Big", CimType.UINT64),
        _property("Signed16", CimType.SINT16),
        _property("Signed32", CimType.SINT32),
        _property("Flag", CimType.BOOLEAN),
        _property("Text", CimType.STRING),
        _property("When", CimType.DATETIME),
        _property("Other", CimType.REFERENCE),
        _property("Bytes", CimType.UINT8, is_array=True),
        _property("Words", CimType.STRING, is_array=True),
    ),
)
ALL_VALUES: dict[str, Any] = {
    "Id": 1,
    "aByte": 255,
    "Short": 65535,
    "Big": 2**64 - 1,
    "Signed16": -1,
    "Signed32": -(2**31),
    "Flag": True,
    "Text": 'a<b>&"c"',
    "When": BOOT_TIME,
    "Other": CimReference("Win32_Group", {"Domain": "HOST", "Name": "Users"}),
    "Bytes": [1, 0, 255],
    "Words": ["one"],
}
NO_VALUES: dict[str, Any] = {item.name: None for item in ALL_TYPES.properties} | {"Id": 2, "Words": []}

ECHO = CimMethod(
    "Echo",
    inputs=(
        _property("Number", CimType.UINT32, default=2147483650),
        _property("Text", CimType.STRING),
        _property("Flag", CimType.BOOLEAN),
        _property("When", CimType.DATETIME),
        _property("Bytes", CimType.UINT8, is_array=True),
        _property("Words", CimType.STRING, is_array=True),
    ),
    outputs=(
        _property("Number", CimType.UINT32),
        _property("Text", CimType.STRING),
        _property("Flag", CimType.BOOLEAN),
        _property("When", CimType.DATETIME),
        _property("Bytes", CimType.UINT8, is_array=True),
        _property("Words", CimType.STRING, is_array=True),
    ),
    is_static=True,
)
REGISTRY = CimClass("Sim_Static", methods=(ECHO, CimMethod("Fail", is_static=True), CimMethod("Crash", is_static=True)))
SERVICE = CimClass(
    "Win32_Service",
    properties=(
        _property("Name", CimType.STRING, is_key=True),
        _property("State", CimType.STRING),
        _property("ProcessId", CimType.UINT32),
        _property("Description", CimType.STRING),
    ),
    methods=(CimMethod("StopService"),),
    superclass="CIM_Service",
)
GROUP_USER = CimClass(
    "Win32_GroupUser",
    properties=(
        _property("GroupComponent", CimType.REFERENCE, is_key=True),
        _property("PartComponent", CimType.REFERENCE, is_key=True),
    ),
)
SYSTEM = CimClass(
    "Win32_OperatingSystem", properties=(_property("Version", CimType.STRING, is_key=True),), is_singleton=True
)
RULE = CimClass(
    "MSFT_Rule", properties=(_property("InstanceID", CimType.STRING, is_key=True),), namespace=ROOT_STANDARDCIMV2
)


class Table:
    """A provider over a list of rows; Put changes them, method calls come back as they went in."""

    def __init__(self, cim_class: CimClass, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self._class = cim_class
        self.rows = [dict(row) for row in rows]
        self.calls: list[tuple[str, Mapping[str, str] | None, Mapping[str, Any]]] = []

    @property
    def cim_class(self) -> CimClass:
        return self._class

    def instances(self, caller: Caller) -> Iterable[Mapping[str, Any]]:
        return [dict(row) for row in self.rows]

    def get(self, caller: Caller, keys: Mapping[str, str]) -> Mapping[str, Any]:
        return dict(self._find(keys))

    def put(self, caller: Caller, keys: Mapping[str, str], changes: Mapping[str, Any]) -> Mapping[str, Any]:
        row = self._find(keys)
        row.update(changes)
        return dict(row)

    def invoke(
        self, caller: Caller, method: str, keys: Mapping[str, str] | None, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self.calls.append((method, keys, arguments))
        if method == "Crash":
            raise ZeroDivisionError("a bug in a provider")
        if method == "Fail":
            return {"ReturnValue": 2}
        if keys is not None:
            self._find(keys)
        return {"ReturnValue": 0, **arguments}

    def _find(self, keys: Mapping[str, str]) -> dict[str, Any]:
        for row in self.rows:
            if all(str(row[name]).lower() == value.lower() for name, value in keys.items()):
                return row
        raise CimError(CimStatus.NOT_FOUND, "not found", 0x80041002)


class SmallInterpreter:
    """`type X` prints X, `fail N` ends with N, `cat` prints its input, anything else is unknown."""

    def run(self, caller: Caller, command_line: str, stdin: bytes, environment: Mapping[str, str]) -> ProgramResult:
        word, _sep, rest = command_line.partition(" ")
        if word == "type":
            return ProgramResult(stdout=rest + "\r\n")
        if word == "fail":
            return ProgramResult(stderr="failed\r\n", exit_code=int(rest))
        if word == "cat":
            return ProgramResult(stdout_bytes=stdin)
        if word == "set":
            return ProgramResult(stdout="".join(f"{name}={value}\r\n" for name, value in environment.items()))
        return ProgramResult(stderr=f"'{word}' is not recognized\r\n", exit_code=1)


class SmallWindows:
    """Implements simulator.cim.SimulatedWindows with everything in memory and nothing behind it."""

    def __init__(self, stack_version: str = "3.0", ui_language: str = "en-US", services: int = 3) -> None:
        self.computer_name = "HOST"
        self.stack_version = stack_version
        self.ui_language = ui_language
        self.is_up = True
        self.boot_count = 1
        self.allow_unencrypted = True
        self.is_filtered = False
        self.journal = Journal(lambda: BOOT_TIME)
        self.interpreter = SmallInterpreter()
        self.accounts = {USER: PASSWORD, "other": "Secret-2"}
        reference = CimReference("Win32_Group", {"Domain": "HOST", "Name": "Administrators"})
        users = [CimReference("Win32_UserAccount", {"Domain": "HOST", "Name": name}) for name in ("Ann", "Bob")]
        self.tables = [
            Table(ALL_TYPES, [ALL_VALUES, NO_VALUES]),
            Table(REGISTRY),
            Table(SYSTEM, [{"Version": "6.3.9600"}]),
            Table(GROUP_USER, [{"GroupComponent": reference, "PartComponent": user} for user in users]),
            Table(RULE, [{"InstanceID": "one"}]),
            Table(
                SERVICE,
                [
                    {
                        "Name": f"svc{number}",
                        "State": "Running" if number % 2 else "Stopped",
                        "ProcessId": number,
                        "Description": None if number == 0 else f"Service number {number}",
                    }
                    for number in range(services)
                ],
            ),
        ]

    @property
    def os_version(self) -> tuple[str, int]:
        return ("6.3.9600", 0)

    def table(self, class_name: str) -> Table:
        return next(item for item in self.tables if item.cim_class.name == class_name)

    def provider(self, namespace: str, class_name: str) -> Provider | None:
        found = [item for item in self.providers(namespace) if item.cim_class.name.lower() == class_name.lower()]
        return found[0] if found else None

    def providers(self, namespace: str) -> Sequence[Provider]:
        return [item for item in self.tables if item.cim_class.namespace.lower() == namespace.lower()]

    def has_namespace(self, namespace: str) -> bool:
        return namespace.lower() in (ROOT_CIMV2, ROOT_STANDARDCIMV2)

    def logon(self, user_name: str, password: str, address: str) -> Caller | None:
        for name, secret in self.accounts.items():
            if name.lower() == user_name.lower() and secret == password:
                return self.caller_of(name, address)
        return None

    def logon_names(self) -> Sequence[tuple[str, str]]:
        return list(self.accounts.items())

    def caller_of(self, account_name: str, address: str) -> Caller:
        return Caller(account_name, "S-1-5-21-1-2-3-500", frozenset({ADMINISTRATORS}), not self.is_filtered, address)
