# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""reg.exe of one host: `query` (/v /ve /s, and /f as reg_search.py knows it), `add`, `delete`, /reg:32 and /reg:64.

Messages go to stdout on success and to stderr otherwise, exit code 0 or 1. Other operations (export, save, copy ...)
exist on Windows but not here: they fail and leave a violation.

Source: `reg /?`; Wine's conformance tests of reg.exe (query.c, add.c, delete.c), which also run on Windows: layout,
when a key's own line is printed, doubled switches, key formats, the empty default value that `reg add` writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..cim import Caller, ProgramResult
from ..subsystems.registry import ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND, RegistryError
from ..subsystems.registry_value import REG_SZ, RegistryValue
from ..subsystems.registry_views import HIVES, SHORT_HIVES, view32
from .program import Invocation
from .reg_search import NOT_SIMULATED, SWITCHES_WITHOUT, Pattern, UnsupportedSearchError, count, print_matches, search
from .reg_texts import reg_text
from .reg_value_text import DataError, parse_type, parse_value, type_name, value_text

if TYPE_CHECKING:
    from ..host import SimulatedHost

DISABLE_KEY = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Policies\System"
_WITH_ARGUMENT = {"v", "t", "d", "s", "f", "se"}
_OPERATIONS_OF_WINDOWS = frozenset(
    ("copy", "save", "restore", "load", "unload", "compare", "export", "import", "flags")
)
# Switches of each operation: those with an argument, and those without.
_SWITCHES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "query": (frozenset({"v", "f"}), frozenset({"ve", "s", "reg:32", "reg:64"}) | SWITCHES_WITHOUT),
    "add": (frozenset({"v", "t", "s", "d"}), frozenset({"ve", "f", "reg:32", "reg:64"})),
    "delete": (frozenset({"v"}), frozenset({"ve", "va", "f", "reg:32", "reg:64"})),
}
_CHOICES = (("v", "ve", "va"), ("reg:32", "reg:64"))


class _RegError(Exception):
    """reg.exe prints the text and ends with 1."""

    def __init__(self, text: str, *, shows_usage: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.shows_usage = shows_usage


@dataclass(frozen=True, slots=True)
class _Request:
    """A parsed command. `key` is addressed (32-bit view resolved), `shown` is printed."""

    caller: Caller
    key: str
    shown: str
    switches: dict[str, str]

    @property
    def value_name(self) -> str | None:
        """Name of the one value asked for, "" for the default value, None where /v and /ve are absent."""
        return "" if "ve" in self.switches else self.switches.get("v")


class Reg:
    """The program, bound to its host."""

    def __init__(self, host: SimulatedHost) -> None:
        self._host = host
        self._registry = host.registry

    def program(self, invocation: Invocation) -> ProgramResult:
        operation = invocation.arguments[0].lower() if invocation.arguments else ""
        handlers: dict[str, Callable[[_Request], str]] = {
            "query": self._query,
            "add": self._add,
            "delete": self._delete,
        }
        try:
            self._demand_allowed(invocation.caller)
            if operation in _OPERATIONS_OF_WINDOWS:
                self._host.journal.violation("reg", f"{' '.join(invocation.arguments)} is not simulated")
            if operation not in handlers:
                raise _RegError("invalid_syntax", shows_usage=True)
            return ProgramResult(handlers[operation](self._request(invocation.caller, operation, invocation.arguments)))
        except _RegError as error:
            return self._failed(error, operation)
        except DataError:
            return self._failed(_RegError("invalid_data", shows_usage=True), operation)
        except UnsupportedSearchError as error:
            self._host.journal.violation("reg", f"query: {error} is not simulated")
            return self._failed(_RegError("invalid_syntax", shows_usage=True), operation)
        except RegistryError as error:
            texts = {ERROR_FILE_NOT_FOUND: "not_found", ERROR_ACCESS_DENIED: "denied"}
            return self._failed(_RegError(texts.get(error.code, "parameter")), operation)

    def _failed(self, error: _RegError, operation: str) -> ProgramResult:
        if error.text == "search_end":  # a search without a match is an answer: it stands on stdout
            return ProgramResult(self._say("search_end", 0), exit_code=1)
        text = self._say("error") + self._say(error.text) + "\r\n"
        if error.shows_usage:
            text += self._say("usage", operation.upper()) + "\r\n"
        return ProgramResult(stderr=text, exit_code=1)

    def _demand_allowed(self, caller: Caller) -> None:
        """The policy "Prevent access to registry editing tools" stops reg.exe whatever it is asked."""
        try:
            value = self._registry.read_value(caller, DISABLE_KEY, "DisableRegistryTools")
        except RegistryError:
            return
        if value is not None and value.number in (1, 2):
            raise _RegError("disabled")

    # Command line

    def _request(self, caller: Caller, operation: str, arguments: Sequence[str]) -> _Request:
        if len(arguments) < 2:
            raise _RegError("invalid_syntax", shows_usage=True)
        if operation == "query" and {word[1:].lower() for word in arguments[2:] if word[:1] in "/-"} & NOT_SIMULATED:
            raise UnsupportedSearchError(f"one of {sorted(NOT_SIMULATED)}")
        switches = _switches(operation, arguments[2:])
        shown = self._shown_key(arguments[1])
        key = view32(shown) if "reg:32" in switches else shown
        return _Request(caller, key, shown, switches)

    @staticmethod
    def _shown_key(text: str) -> str:
        """The key with its long hive name. One trailing backslash is forgiven below a hive."""
        if text.startswith("\\"):
            raise _RegError("remote" if text.startswith("\\\\") else "invalid_key")
        hive, separator, path = text.partition("\\")
        short = SHORT_HIVES.get(hive.upper())
        if short is None or (separator and not path):
            raise _RegError("invalid_key", shows_usage=True)
        path = path.removesuffix("\\")
        if path.endswith("\\"):
            raise _RegError("invalid_key", shows_usage=True)
        return HIVES[short] + (f"\\{path}" if path else "")

    # Query

    def _query(self, request: _Request) -> str:
        self._registry.enum_values(request.caller, request.key)
        if "f" in request.switches:
            return self._find(request)
        if SWITCHES_WITHOUT & request.switches.keys():
            raise UnsupportedSearchError("/k, /d or /e without /f")
        if request.value_name is None:
            return "\r\n" + self._listing(request)
        if "s" in request.switches:
            return self._search(request)
        value = self._registry.read_value(request.caller, request.key, request.value_name)
        if value is None and request.value_name:
            raise RegistryError(ERROR_FILE_NOT_FOUND, f"no value {request.value_name}")
        line = self._line(self._spelling(request), value)
        return f"\r\n{request.shown}\r\n{line}\r\n"

    def _listing(self, request: _Request) -> str:
        """Values of the key, then its subkeys: their names, or with /s everything below."""
        text = self._block(request.caller, request.key, request.shown, is_top=True)
        for name in self._registry.enum_keys(request.caller, request.key):
            key, shown = f"{request.key}\\{name}", f"{request.shown}\\{name}"
            text += self._below(request.caller, key, shown) if "s" in request.switches else f"{shown}\r\n"
        return text

    def _below(self, caller: Caller, key: str, shown: str) -> str:
        """A subkey with everything below it; keys that may not be read are passed over."""
        try:
            text = self._block(caller, key, shown, is_top=False)
            names = self._registry.enum_keys(caller, key)
        except RegistryError:
            return ""
        return text + "".join(self._below(caller, f"{key}\\{name}", f"{shown}\\{name}") for name in names)

    def _block(self, caller: Caller, key: str, shown: str, *, is_top: bool) -> str:
        """One key with its values. The key asked for is left out if it has none, subkeys are not."""
        values = self._registry.enum_values(caller, key)
        if is_top and not values:
            return ""
        lines = "".join(self._line(name, value) for name, value in values)
        return f"{shown}\r\n{lines}\r\n"

    def _search(self, request: _Request) -> str:
        """`/v name /s`: each key below that has the value, and a count."""
        found: list[str] = []
        self._collect(request, request.key, request.shown, found)
        if not found:
            raise _RegError("search_end")
        return "\r\n" + "".join(found) + self._say("search_end", len(found))

    def _collect(self, request: _Request, key: str, shown: str, found: list[str]) -> None:
        try:
            values = self._registry.enum_values(request.caller, key)
            names = self._registry.enum_keys(request.caller, key)
        except RegistryError:
            return
        for name, value in values:
            if name.upper() == (request.value_name or "").upper():
                found.append(f"{shown}\r\n{self._line(name, value)}\r\n")
        for name in names:
            self._collect(request, f"{key}\\{name}", f"{shown}\\{name}", found)

    def _find(self, request: _Request) -> str:
        """`/f`: what matches, and a count."""
        pattern = Pattern.of(request.switches)
        found = search(self._registry, request.caller, request.key, request.shown, pattern)
        if not found:
            raise _RegError("search_end")
        return "\r\n" + print_matches(found, self._line) + self._say("search_end", count(found))

    def _line(self, name: str, value: RegistryValue | None) -> str:
        if value is None:
            return f"    {self._say('default')}    REG_SZ    {self._say('not_set')}\r\n"
        return f"    {name or self._say('default')}    {type_name(value)}    {value_text(value)}\r\n"

    def _spelling(self, request: _Request) -> str:
        names = (name for name, _unused in self._registry.enum_values(request.caller, request.key))
        wanted = request.value_name or ""
        return next((name for name in names if name.upper() == wanted.upper()), wanted)

    # Add and delete

    def _add(self, request: _Request) -> str:
        switches = request.switches
        type_ = parse_type(switches["t"]) if "t" in switches else REG_SZ
        separator = switches.get("s", r"\0")
        if separator != r"\0" and len(separator) != 1:
            raise _RegError("invalid_syntax", shows_usage=True)
        value = parse_value(type_, switches.get("d"), separator)
        name = request.value_name or ""
        self._registry.create_key(request.caller, request.key)
        if "f" not in switches and self._has_value(request, name):
            raise _RegError("cancelled")  # it asks whether to overwrite, and nobody answers
        self._registry.write_value(request.caller, request.key, name, value)
        return self._say("success")

    def _has_value(self, request: _Request, name: str) -> bool:
        asks = {"v", "ve", "t", "d"} & request.switches.keys()
        return bool(asks) and self._registry.read_value(request.caller, request.key, name) is not None

    def _delete(self, request: _Request) -> str:
        if "f" not in request.switches:
            raise _RegError("cancelled")
        if "va" in request.switches:
            for name, _unused in self._registry.enum_values(request.caller, request.key):
                self._registry.delete_value(request.caller, request.key, name)
        elif request.value_name is not None:
            self._registry.delete_value(request.caller, request.key, request.value_name)
        else:
            self._delete_tree(request.caller, request.key)
        return self._say("success")

    def _delete_tree(self, caller: Caller, key: str) -> None:
        for name in self._registry.enum_keys(caller, key):
            self._delete_tree(caller, f"{key}\\{name}")
        self._registry.delete_key(caller, key)

    def _say(self, key: str, *values: object) -> str:
        return reg_text(key, self._host.ui_language, *values)


def _switches(operation: str, words: Sequence[str]) -> dict[str, str]:
    """Switches with their arguments. Raises: _RegError for unknown, doubled or contradictory ones."""
    with_argument, without = _SWITCHES[operation]
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name = word[1:].lower()
        if word[:1] not in ("/", "-") or name in found or name not in with_argument | without:
            raise _RegError("invalid_syntax", shows_usage=True)
        if name in with_argument and not rest:
            raise _RegError("invalid_syntax", shows_usage=True)
        found[name] = rest.pop(0) if name in with_argument else ""
    if any(len(found.keys() & set(choice)) > 1 for choice in _CHOICES):
        raise _RegError("invalid_syntax", shows_usage=True)
    return found
