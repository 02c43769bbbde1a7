# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""DCOM applications of one host: from what a user calls one to its AppID.

An AppID, CLSID, ProgID or program is looked up by its key; a display name or a service needs all AppIDs, which are read
with one command. One name that means several applications is an error that lists them: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...module_utils._application import (
    APP_IDS,
    Application,
    Selector,
    app_id_key,
    class_keys,
    parse_guid,
    prog_id_key,
    program_key,
    text_of,
)
from ...module_utils._errors import DomainError, HostStateError
from ...module_utils._registry import RegistryKey, RegistryType
from ._registry import RegistryGateway

_APP_ID = "AppID"
_LOCAL_SERVICE = "LocalService"


class ApplicationMissingError(HostStateError):
    """The host has no application that the selector means."""


class ApplicationGateway:
    """Finds applications. What it reads is what the registry gateway reads, so also what is only planned yet."""

    def __init__(self, registry: RegistryGateway) -> None:
        self._registry = registry
        self._classes: dict[str, list[str]] = {}  # nothing here writes classes

    def find(self, selector: Selector) -> Application:
        """The application a selector means. Two to six messages; more for a name or service (all AppIDs).

        Raises: ApplicationMissingError that says at which step the way ended, HostStateError for several.
        """
        found = self._app_ids(selector)
        if len(found) > 1:
            titles = "; ".join(self.read(app_id).title for app_id in found)
            raise HostStateError(f"{selector} means several applications: {titles}. Name one of them by its app_id")
        return self.read(found[0])

    def read(self, app_id: str) -> Application:
        """An application by its AppID. Raises: ApplicationMissingError."""
        key = app_id_key(app_id)
        types = self._registry.value_types(key)
        if types is None:
            raise ApplicationMissingError(f"{key} does not exist on this host: no such application is registered")
        names = frozenset(name.lower() for name in types)
        return Application(
            app_id,
            name=self._text(key, "") if "" in names else "",
            service=self._text(key, _LOCAL_SERVICE) if _LOCAL_SERVICE.lower() in names else "",
            value_names=names,
        )

    def keys_found(self, selector: Selector) -> Sequence[RegistryKey]:
        """The key of the application where only a lookup tells it, for a second bulk read; nothing where it fails."""
        if selector.option in ("app_id", "name", "service"):
            return ()  # read already
        try:
            return [app_id_key(app_id) for app_id in self._app_ids(selector)]
        except HostStateError:
            return ()  # said when the plan needs it

    def _app_ids(self, selector: Selector) -> list[str]:
        """At least one AppID. Raises: ApplicationMissingError."""
        finders: dict[str, Callable[[str], list[str]]] = {
            "clsid": self._app_ids_of_class,
            "prog_id": self._app_ids_of_prog_id,
            "program": self._app_ids_of_program,
            "name": self._app_ids_by_name,
            "service": self._app_ids_by_service,
        }
        return [selector.value] if selector.option == "app_id" else finders[selector.option](selector.value)

    def _app_ids_of_prog_id(self, prog_id: str) -> list[str]:
        key = prog_id_key(prog_id)
        clsid = self._text(key, "")
        if not clsid:
            raise ApplicationMissingError(f"ProgID {prog_id} is not registered on this host ({key} is missing)")
        return self._app_ids_of_class(_guid(clsid, key))

    def _app_ids_of_class(self, clsid: str) -> list[str]:
        """AppIDs of the class in both views; the views of a class may differ, which is two applications."""
        if clsid not in self._classes:
            self._classes[clsid] = self._read_class(clsid)
        return self._classes[clsid]

    def _read_class(self, clsid: str) -> list[str]:
        keys = class_keys(clsid)
        texts = {key: self._text(key, _APP_ID) for key in keys}
        found = list(dict.fromkeys(_guid(text, key) for key, text in texts.items() if text))
        if found:
            return found
        if all(self._registry.value_types(key) is None for key in keys):
            raise ApplicationMissingError(f"class {clsid} is registered neither in the 64-bit nor in the 32-bit view")
        raise ApplicationMissingError(
            f"class {clsid} has no AppID, so the machine defaults hold for it; make its program an application with "
            "dcom_application and program"
        )

    def _app_ids_of_program(self, program: str) -> list[str]:
        key = program_key(program)
        app_id = self._text(key, _APP_ID)
        if not app_id:
            raise ApplicationMissingError(
                f"{program} is not mapped to an AppID on this host ({key} has no value AppID), so the machine defaults "
                "hold for it; dcom_application makes it an application"
            )
        return [_guid(app_id, key)]

    def _app_ids_by_name(self, name: str) -> list[str]:
        return self._search("", name, f"no application of this host is called {name}")

    def _app_ids_by_service(self, service: str) -> list[str]:
        return self._search(_LOCAL_SERVICE, service, f"no application of this host names {service} as its LocalService")

    def _search(self, value_name: str, text: str, missing: str) -> list[str]:
        """AppIDs whose value reads `text`, compared without case."""
        self._registry.prefetch([], trees=[APP_IDS])
        app_ids = [name for name in self._registry.subkeys(APP_IDS) or [] if name.startswith("{")]
        found = [name for name in app_ids if self._text(app_id_key(name), value_name).casefold() == text.casefold()]
        if not found:
            raise ApplicationMissingError(missing)
        return found

    def _text(self, key: RegistryKey, name: str) -> str:
        return text_of(self._registry.value(key, name, RegistryType.SZ))


def _guid(text: str, key: RegistryKey) -> str:
    try:
        return parse_guid(text)
    except DomainError as error:
        raise HostStateError(f"{key} does not lead to an application: {error}") from error
