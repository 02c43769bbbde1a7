# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Writes that concern services: start mode, account, running or not, and the registration of OpcEnum as a service.

Every one has an inverse. Only accounts that need no password are ever set, because the password of the account before
is not known and the change could not be undone. Pure: ServiceGateway carries the writes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from ._registry import RegistryKey, RegistryValue, value_from_json, value_to_json

AUTOMATIC = "Auto"
MANUAL = "Manual"
DISABLED = "Disabled"

LOCAL_SYSTEM = "LocalSystem"
# Accounts that Windows runs services as without a password.
_WITHOUT_PASSWORD = frozenset(
    {"localsystem", "nt authority\\system", "nt authority\\localservice", "nt authority\\networkservice"}
)


def needs_password(account: str) -> bool:
    """Whether a service needs a password to run as this account; virtual and managed accounts need none."""
    name = account.lower()
    return name not in _WITHOUT_PASSWORD and not name.startswith("nt service\\") and not name.endswith("$")


def is_local_system(account: str) -> bool:
    return account.lower() in ("localsystem", "nt authority\\system")


@dataclass(frozen=True, slots=True)
class SetStartMode:
    """Change the start mode of a service: Boot, System, Auto, Manual or Disabled, as Win32_Service shows it."""

    service: str
    before: str
    after: str

    def describe(self) -> str:
        return f"set the start mode of service {self.service} to {self.after}"

    def inverse(self) -> SetStartMode:
        return SetStartMode(self.service, before=self.after, after=self.before)


@dataclass(frozen=True, slots=True)
class SetServiceAccount:
    """Change the account of a service to one that needs no password; a running process keeps what it has."""

    service: str
    before: str
    after: str

    def describe(self) -> str:
        return f"run service {self.service} as {self.after}"

    def inverse(self) -> SetServiceAccount:
        return SetServiceAccount(self.service, before=self.after, after=self.before)


@dataclass(frozen=True, slots=True)
class SetRunning:
    """Start a service (`after` True) or stop it."""

    service: str
    before: bool
    after: bool

    def describe(self) -> str:
        return f"{'start' if self.after else 'stop'} service {self.service}"

    def inverse(self) -> SetRunning:
        return SetRunning(self.service, before=self.after, after=self.before)


@dataclass(frozen=True, slots=True)
class RegisterServer:
    """Make a program register itself as a service (``program -service``), as OpcEnum does.

    Registration touches more than is wanted of it: it grants Everyone access and launch again. `kept` are values of the
    program's AppID that are put back to exactly this afterwards (None: absent), `values_before` what undoing puts back.
    """

    service: str
    program: str
    app_id_key: RegistryKey
    kept: tuple[tuple[str, RegistryValue | None], ...]
    values_before: tuple[tuple[str, RegistryValue | None], ...]

    def describe(self) -> str:
        return f"register {self.program} as service {self.service}"

    def inverse(self) -> UnregisterServer:
        return UnregisterServer(self)


@dataclass(frozen=True, slots=True)
class UnregisterServer:
    """Take a registration back: the service goes, the values of the AppID are as they were."""

    registration: RegisterServer

    def describe(self) -> str:
        return f"remove service {self.registration.service}"

    def inverse(self) -> RegisterServer:
        return self.registration


ServiceOperation: TypeAlias = "SetStartMode | SetServiceAccount | SetRunning | RegisterServer | UnregisterServer"

_T = TypeVar("_T")


def in_service_order(operations: Iterable[_T]) -> list[_T]:
    """The operations, those of each service in the order stop, change, start; all others stay where they are.

    A disabled service cannot be started: taking back "disable, then stop" is "enable, then start", not the reverse.
    """
    ordered = list(operations)
    places: dict[str, list[int]] = {}
    for place, operation in enumerate(ordered):
        if isinstance(operation, (SetStartMode, SetServiceAccount, SetRunning)):
            places.setdefault(operation.service.lower(), []).append(place)
    for own in places.values():
        for place, operation in zip(own, sorted((ordered[place] for place in own), key=_rank), strict=True):
            ordered[place] = operation
    return ordered


def _rank(operation: object) -> int:
    if not isinstance(operation, SetRunning):
        return 1
    return 2 if operation.after else 0


def dump_service_operation(operation: ServiceOperation) -> list[object]:
    """The journal form: JSON values only. Inverse: `load_service_operation`."""
    if isinstance(operation, SetStartMode):
        return ["start-mode", operation.service, operation.before, operation.after]
    if isinstance(operation, SetServiceAccount):
        return ["service-account", operation.service, operation.before, operation.after]
    if isinstance(operation, SetRunning):
        return ["running", operation.service, operation.before, operation.after]
    if isinstance(operation, UnregisterServer):
        return ["unregister", *dump_service_operation(operation.registration)[1:]]
    return [
        "register",
        operation.service,
        operation.program,
        operation.app_id_key.path,
        _dump_values(operation.kept),
        _dump_values(operation.values_before),
    ]


def load_service_operation(item: Sequence[object]) -> ServiceOperation:
    """Inverse of `dump_service_operation`. Raises: ValueError, TypeError, KeyError or IndexError when it is none."""
    kind, service = item[0], _text(item[1])
    if kind == "start-mode":
        return SetStartMode(service, _text(item[2]), _text(item[3]))
    if kind == "service-account":
        return SetServiceAccount(service, _text(item[2]), _text(item[3]))
    if kind == "running":
        return SetRunning(service, _flag(item[2]), _flag(item[3]))
    if kind not in ("register", "unregister"):
        raise ValueError(f"unknown operation {kind!r}")
    key = RegistryKey(_text(item[3]))
    registration = RegisterServer(service, _text(item[2]), key, _load_values(item[4]), _load_values(item[5]))
    return registration if kind == "register" else UnregisterServer(registration)


def _dump_values(values: tuple[tuple[str, RegistryValue | None], ...]) -> list[object]:
    return [[name, value_to_json(value)] for name, value in values]


def _load_values(item: object) -> tuple[tuple[str, RegistryValue | None], ...]:
    if not isinstance(item, list):
        raise TypeError(f"{item!r} is not a list of values")
    return tuple((_text(name), value_from_json(value)) for name, value in item)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is not a truth value")
    return value
