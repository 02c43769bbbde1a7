# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""DCOM applications: how a user names one, what an AppID key holds, and how an AppID for a pure client is made.

An application is its AppID. Two ways lead to one: `CLSID\\{..}` value AppID (used for activation) and
`AppID\\program.exe` value AppID (used for the access permission and level of a running process). AppID keys are shared
between the 32- and 64-bit views, CLSID keys are not. Source: dcom.md 2.1, 2.2; Win32 "AppID Key".
"""

from __future__ import annotations

import ntpath
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ._errors import DomainError, ParameterError
from ._registry import RegistryKey, RegistryType, RegistryValue

CLASSES = RegistryKey("SOFTWARE\\Classes")
APP_IDS = CLASSES.child("AppID")
# Both views of the class registrations: 64-bit (the only one of a 32-bit Windows), and 32-bit.
CLASS_VIEWS = (CLASSES.child("CLSID"), RegistryKey("SOFTWARE\\Classes\\Wow6432Node\\CLSID"))

SELECTORS = ("app_id", "name", "prog_id", "clsid", "program", "service")

OPC_ENUM_APP_ID = "{13486D44-4821-11D2-A494-3CB306C10000}"

# Namespace of the AppIDs we make, so that every controller makes the same one for a program.
_NAMESPACE = uuid.UUID("3f1c1f3e-8a54-5d0c-9d57-6d3d1f0b7a11")
MARKER = "CreatedBy"
MARKER_VALUE = RegistryValue.string("otsec.opc_dcom")


@dataclass(frozen=True, slots=True)
class Selector:
    """How one application is named: `option` is one of SELECTORS, `value` in its normal form.

    GUIDs are in braces and upper case, a program is the file name alone, everything else as given.
    """

    option: str
    value: str

    def __str__(self) -> str:
        return f"{self.option} {self.value}"


@dataclass(frozen=True, slots=True)
class Application:
    """An AppID of a host. `value_names` are the names of its values in lower case; `service` its LocalService."""

    app_id: str
    name: str = ""
    service: str = ""
    value_names: frozenset[str] = field(default_factory=frozenset)

    @property
    def key(self) -> RegistryKey:
        return app_id_key(self.app_id)

    @property
    def title(self) -> str:
        return f"{self.name} {self.app_id}" if self.name else self.app_id

    def has_value(self, name: str) -> bool:
        return name.lower() in self.value_names


def parse_selector(parameters: Mapping[str, object]) -> Selector:
    """The one selector among the options. Raises: ParameterError if there is none, several, or one that cannot be."""
    given = [(option, str(parameters[option])) for option in SELECTORS if parameters.get(option)]
    if len(given) != 1:
        raise ParameterError("", f"name the application by exactly one of {', '.join(SELECTORS)}")
    ((option, value),) = given
    try:
        return Selector(option, _NORMAL_FORMS[option](value.strip()))
    except DomainError as error:
        raise ParameterError(option, str(error)) from error


def parse_guid(text: str) -> str:
    """A GUID in braces and upper case, from any of its spellings. Raises: DomainError."""
    try:
        return format_guid(uuid.UUID(text.strip("{}")))
    except ValueError as error:
        raise DomainError(f"{text!r} is not a GUID such as {OPC_ENUM_APP_ID}") from error


def format_guid(guid: uuid.UUID) -> str:
    return f"{{{guid}}}".upper()


def app_id_key(app_id: str) -> RegistryKey:
    """`AppID\\{..}`: the settings of an application."""
    return APP_IDS.child(app_id)


def program_key(program: str) -> RegistryKey:
    """`AppID\\program.exe`: which application an executable is."""
    return APP_IDS.child(program)


def class_keys(clsid: str) -> tuple[RegistryKey, ...]:
    """The class in both views."""
    return tuple(view.child(clsid) for view in CLASS_VIEWS)


def prog_id_key(prog_id: str) -> RegistryKey:
    """Where the CLSID of a ProgID is; ProgIDs are shared between the views."""
    return CLASSES.child(prog_id).child("CLSID")


def selector_keys(selector: Selector) -> tuple[RegistryKey, ...]:
    """Keys that finding the application reads and that are known beforehand."""
    value = selector.value
    if selector.option == "app_id":
        return (app_id_key(value),)
    if selector.option == "clsid":
        return class_keys(value)
    if selector.option == "prog_id":
        return (prog_id_key(value),)
    return (program_key(value), app_id_key(new_app_id(value))) if selector.option == "program" else ()


def selector_trees(selector: Selector) -> tuple[RegistryKey, ...]:
    """Keys of which finding the application reads everything below: a name or a service may be any AppID's."""
    return (APP_IDS,) if selector.option in ("name", "service") else ()


def new_app_id(program: str) -> str:
    """The AppID this collection makes for a program: the same in every run and on every controller.

    Source: RFC 4122 4.3 (a name-based UUID, version 5).
    """
    return format_guid(uuid.uuid5(_NAMESPACE, program.lower()))


def text_of(value: RegistryValue | None) -> str:
    """The text of a REG_SZ value; empty when it is absent or of another type."""
    is_text = value is not None and value.type in (RegistryType.SZ, RegistryType.EXPAND_SZ)
    return value.data if is_text and value is not None and isinstance(value.data, str) else ""


def _program_name(text: str) -> str:
    name = ntpath.basename(text.strip('"').replace("/", "\\"))
    if not name.lower().endswith(".exe") or len(name) == len(".exe"):
        raise DomainError(f"{text!r} is not the name or path of an executable such as C:\\opc\\client.exe")
    return name


def _key_name(text: str) -> str:
    if not text or "\\" in text:
        raise DomainError(f"{text!r} cannot be a ProgID such as Vendor.Server.1")
    return text


_NORMAL_FORMS: Mapping[str, Callable[[str], str]] = {
    "app_id": parse_guid,
    "clsid": parse_guid,
    "program": _program_name,
    "prog_id": _key_name,
    "name": str,
    "service": str,
}
