# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""OpcEnum, the server that lists the OPC servers of a host to browsing clients: what is wanted of it, and the plan.

The order of the plan is the point. The authentication level goes up first, because at level None COM ignores OpcEnum's
access permission altogether, and because registering keeps a level that is there. Registering comes next, with its
grants to Everyone taken back; then account, start mode and state. Permissions are another resource's and come after.
Source: dcom.md 2.3 (identifiers), 2.4 (what registering does; OPC Foundation source).
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ._application import OPC_ENUM_APP_ID, app_id_key
from ._dcom import DEFAULT, AuthenticationLevel, words_of
from ._errors import HostStateError
from ._plan import Operation, Plan, SetValue
from ._registry import RegistryType, RegistryValue
from ._service_operations import (
    DISABLED,
    LOCAL_SYSTEM,
    MANUAL,
    RegisterServer,
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    is_local_system,
)

SERVICE = "OpcEnum"
CLSID = "{13486D51-4821-11D2-A494-3CB306C10000}"
APP_ID_KEY = app_id_key(OPC_ENUM_APP_ID)

LEVEL = "AuthenticationLevel"
LOCAL_SERVICE = "LocalService"
# What registering writes and we want as it was before; the level is planned by itself.
_KEPT = ("AccessPermission", "LaunchPermission")
_TOUCHED = ("", LOCAL_SERVICE, "ServiceParameters", LEVEL, *_KEPT)

LEVEL_WORDS = words_of(AuthenticationLevel)


class OpcEnumState(enum.Enum):
    """What is wanted. STARTED also runs now; ENABLED may be started by COM when a client browses."""

    ENABLED = "enabled"
    STARTED = "started"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class OpcEnumRequest:
    """Options of opc_enum. `level` is a word of LEVEL_WORDS, None leaves it; `start_mode` Auto or Manual."""

    state: OpcEnumState
    level: str | None
    start_mode: str
    keep_account: bool


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """The service as it is."""

    start_mode: str
    account: str
    is_running: bool
    is_stopped: bool


@dataclass(frozen=True, slots=True)
class OpcEnumFacts:
    """What was read. `values` are those of its AppID, None without the key; `program` where a class says it is."""

    values: Mapping[str, RegistryValue] | None
    service: ServiceFacts | None
    program: str | None
    has_program: bool | None

    def value(self, name: str) -> RegistryValue | None:
        values = self.values or {}
        return next((value for key, value in values.items() if key.lower() == name.lower()), None)

    @property
    def is_registered_as_service(self) -> bool:
        return self.service is not None and self.value(LOCAL_SERVICE) is not None


def plan_opc_enum(facts: OpcEnumFacts, request: OpcEnumRequest) -> Plan:
    """Plan what is missing.

    Raises: HostStateError when OpcEnum is not on the host although it is wanted.
    """
    if request.state is OpcEnumState.DISABLED:
        return _plan_disabled(facts)
    if facts.values is None and facts.program is None:
        raise HostStateError(
            "OpcEnum is not on this host: neither its AppID nor its class is registered. Install the OPC Core "
            "Components redistributable, or set state: disabled"
        )
    operations = list(_enabled(facts, request))
    warnings = []
    if facts.has_program is False:
        warnings.append(f"OpcEnum is registered as {facts.program}, which does not exist on this host")
    return Plan(
        tuple(operations),
        before=_describe(facts, request.level),
        after=_after(facts, request),
        restart_services=(SERVICE,) if _changes_security(operations) else (),
        warnings=tuple(warnings),
    )


def _enabled(facts: OpcEnumFacts, request: OpcEnumRequest) -> Iterator[Operation]:
    wanted = _wanted_level(facts, request)
    if wanted != facts.value(LEVEL):
        yield SetValue(APP_ID_KEY, LEVEL, before=facts.value(LEVEL), after=wanted)
    if not facts.is_registered_as_service:
        yield _registration(facts, wanted)
    # What registering makes: manual start, LocalSystem, not running.
    service = facts.service if facts.is_registered_as_service else None
    present = service or ServiceFacts(MANUAL, LOCAL_SYSTEM, is_running=False, is_stopped=True)
    if not request.keep_account and not is_local_system(present.account):
        yield SetServiceAccount(SERVICE, present.account, LOCAL_SYSTEM)
    if present.start_mode != request.start_mode:
        yield SetStartMode(SERVICE, present.start_mode, request.start_mode)
    if request.state is OpcEnumState.STARTED and not present.is_running:
        yield SetRunning(SERVICE, before=False, after=True)


def _wanted_level(facts: OpcEnumFacts, request: OpcEnumRequest) -> RegistryValue | None:
    if request.level is None:
        return facts.value(LEVEL)
    data = LEVEL_WORDS[request.level]
    return None if data is None else RegistryValue(RegistryType.DWORD, data)


def _registration(facts: OpcEnumFacts, level: RegistryValue | None) -> RegisterServer:
    """Raises: HostStateError when there is nothing to register."""
    if facts.program is None:
        raise HostStateError(
            "OpcEnum is not registered as a service and its class names no program; register it by hand: "
            "OpcEnum.exe -service"
        )
    if facts.has_program is False:
        raise HostStateError(f"OpcEnum cannot be registered as a service: {facts.program} does not exist on this host")
    kept = ((LEVEL, level), *((name, facts.value(name)) for name in _KEPT))
    before = tuple((name, level if name == LEVEL else facts.value(name)) for name in _TOUCHED)
    return RegisterServer(SERVICE, facts.program, APP_ID_KEY, kept, before)


def _plan_disabled(facts: OpcEnumFacts) -> Plan:
    """Stopped and disabled. A plain COM server without a service cannot be disabled that way; that is said."""
    if facts.service is None:
        warnings: tuple[str, ...] = ()
        if facts.values is not None:
            warnings = (
                "OpcEnum is registered as a plain COM server, which has no start mode: COM starts it when a client "
                "asks and its launch permission allows. Register it as a service (state: enabled), then disable it",
            )
        return Plan(before=_describe(facts, None), after=_describe(facts, None), warnings=warnings)
    operations: list[Operation] = []
    if facts.service.start_mode != DISABLED:
        operations.append(SetStartMode(SERVICE, facts.service.start_mode, DISABLED))
    if not facts.service.is_stopped:
        operations.append(SetRunning(SERVICE, before=True, after=False))
    after = {**_describe(facts, None), "start_mode": DISABLED.lower(), "state": "stopped"}
    return Plan(tuple(operations), before=_describe(facts, None), after=after)


def _changes_security(operations: list[Operation]) -> bool:
    return any(isinstance(item, (SetValue, SetServiceAccount)) for item in operations)


def _describe(facts: OpcEnumFacts, level: str | None) -> dict[str, object]:
    service = facts.service if facts.is_registered_as_service else None
    shown: dict[str, object] = {"registration": "service" if service else _registration_word(facts)}
    if level is not None:
        shown["authentication_level"] = _level_text(facts.value(LEVEL))
    if facts.service is not None:
        shown["account"] = facts.service.account
        shown["start_mode"] = facts.service.start_mode.lower()
        shown["state"] = "running" if facts.service.is_running else "stopped"
    return shown


def _registration_word(facts: OpcEnumFacts) -> str:
    if facts.values is None and facts.program is None:
        return "none"
    return "plain COM server"


def _after(facts: OpcEnumFacts, request: OpcEnumRequest) -> dict[str, object]:
    service = facts.service if facts.is_registered_as_service else None
    shown: dict[str, object] = {"registration": "service"}
    if request.level is not None:
        shown["authentication_level"] = _level_text(_wanted_level(facts, request))
    account = service.account if service else LOCAL_SYSTEM
    shown["account"] = account if request.keep_account or is_local_system(account) else LOCAL_SYSTEM
    shown["start_mode"] = request.start_mode.lower()
    runs = request.state is OpcEnumState.STARTED or (service is not None and service.is_running)
    shown["state"] = "running" if runs else "stopped"
    return shown


def _level_text(value: RegistryValue | None) -> str:
    if value is None:
        return f"{DEFAULT} (absent)"
    word = next((word for word, data in LEVEL_WORDS.items() if data is not None and data == value.data), None)
    return f"{word} ({value.data!r})" if word and value.type is RegistryType.DWORD else f"invalid ({value})"
