# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""OPC servers of one host, put together from what its registry, services and processes say. Pure.

A class may be registered in both views, which is one server. What cannot be told is None and never guessed: a program
of 32 bits may be registered in the 64-bit view, so a view is a hint for a program and certain only for a library.
Source: dcom.md 2.1 (AppID, LocalService, RunAs), 2.2 (views), 2.3 (categories); Win32 "LocalServer32",
"InprocServer32", "DllSurrogate".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ._firewall_compare import expand_path
from ._opc_identifiers import SPECIFICATIONS

MAX_TEXT = 300
_NOT_IN_PATHS = re.compile('[\x00-\x1f\x7f-\x9f"<>|*?%\ud800-\udfff\ufffe\uffff]')
VIEW_NAMES = ("64-bit", "32-bit")
CATEGORY, OPC_KEY = "category", "opc_key"

SERVICE, LOCAL_SERVER, SURROGATE = "service", "local_server", "surrogate"
IN_PROCESS, REMOTE, UNKNOWN = "in_process", "remote", "unknown"

SERVICE_ACCOUNT, FIXED_ACCOUNT = "service_account", "fixed_account"
INTERACTIVE_USER, LAUNCHING_USER = "interactive_user", "launching_user"


@dataclass(frozen=True, slots=True)
class ClassEntry:
    """One class in one view. `view` indexes VIEW_NAMES; texts are as registered, "" where absent."""

    clsid: str
    view: int
    specifications: tuple[str, ...] = ()
    has_category: bool = False
    has_opc_key: bool = False
    name: str = ""
    prog_id: str = ""
    app_id: str = ""
    local_server: str = ""
    library: str = ""


@dataclass(frozen=True, slots=True)
class AppIdEntry:
    """An AppID. `surrogate` is None without DllSurrogate; "" means dllhost.exe."""

    app_id: str
    name: str = ""
    service: str = ""
    run_as: str = ""
    surrogate: str | None = None
    remote_server: str = ""


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service; `program` is its executable with variables expanded."""

    name: str
    program: str
    account: str
    state: str
    start_mode: str
    process_id: int = 0

    @property
    def is_running(self) -> bool:
        return self.state == "Running"


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the servers are held against. None: it could not be read.

    `processes` maps lower-case paths, or file names where no path is shown, to their spelling.
    """

    applications: Mapping[str, AppIdEntry] = field(default_factory=dict)
    services: Sequence[ServiceEntry] | None = ()
    processes: Mapping[str, str] | None = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    is_64_bit: bool = True


@dataclass(frozen=True, slots=True)
class OpcServer:
    """One server, as the result of a module shows it (`to_dict`).

    `troubles` keep it from being served, `remarks` do not.
    """

    clsid: str
    prog_id: str = ""
    name: str = ""
    specifications: tuple[str, ...] = ()
    found_by: tuple[str, ...] = ()
    registered_in: tuple[str, ...] = ()
    kind: str = UNKNOWN
    program: str | None = None
    bitness: int | None = None
    bitness_from: str | None = None
    app_id: str | None = None
    app_name: str | None = None
    service: str | None = None
    start_mode: str | None = None
    run_as: str | None = None
    run_as_kind: str | None = None
    running: bool | None = None
    version: str | None = None
    troubles: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.prog_id} {self.clsid}" if self.prog_id else self.clsid

    def to_dict(self) -> dict[str, object]:
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def describe_servers(entries: Iterable[ClassEntry], facts: HostFacts) -> tuple[OpcServer, ...]:
    """The servers behind the classes, each once, by ProgID."""
    by_class: dict[str, list[ClassEntry]] = {}
    for entry in entries:
        by_class.setdefault(entry.clsid, []).append(entry)
    servers = (_describe(sorted(found, key=lambda item: item.view), facts) for found in by_class.values())
    return tuple(sorted(servers, key=lambda item: (item.prog_id.lower(), item.clsid)))


def program_in(command_line: str, environment: Mapping[str, str]) -> str:
    """The program of a command line: what is quoted, or all up to the first `.exe` or blank. Variables are expanded.

    Where a path without quotes may end in several places Windows asks its disk; here the first program is taken.
    """
    text = expand_path(command_line.strip(), environment)[: MAX_TEXT * 4]
    if text.startswith('"'):
        return text[1:].partition('"')[0]
    end = text.lower().find(".exe")
    return text[: end + len(".exe")] if end >= 0 else text.partition(" ")[0]


def program_name(path: str) -> str:
    """The file name of a path."""
    return path.replace("/", "\\").rpartition("\\")[2]


def can_be_a_file(path: str) -> bool:
    """Whether a host can be asked for this path; registrations may hold anything."""
    return bool(path) and _NOT_IN_PATHS.search(path) is None


def _describe(entries: list[ClassEntry], facts: HostFacts) -> OpcServer:
    first = entries[0]
    server = OpcServer(
        clsid=first.clsid,
        prog_id=_first(item.prog_id for item in entries),
        name=_first(item.name for item in entries),
        specifications=tuple(word for word in SPECIFICATIONS if any(word in item.specifications for item in entries)),
        found_by=_found_by(entries),
        registered_in=tuple(_view_name(item.view, facts) for item in entries),
    )
    app_id = _first(item.app_id for item in entries)
    application = facts.applications.get(app_id.upper()) if app_id else None
    server = replace(server, app_id=app_id or None, app_name=application.name if application else None)
    server = _with_program(server, entries, application or AppIdEntry(app_id), facts)
    server = _with_bitness(server, entries, facts)
    return replace(server, remarks=tuple(_remarks(server, entries, application)))


def _found_by(entries: list[ClassEntry]) -> tuple[str, ...]:
    ways = {CATEGORY: any(item.has_category for item in entries), OPC_KEY: any(item.has_opc_key for item in entries)}
    return tuple(way for way, is_so in ways.items() if is_so)


def _with_program(server: OpcServer, entries: list[ClassEntry], application: AppIdEntry, facts: HostFacts) -> OpcServer:
    """Kind, program, service, identity and whether it runs. A service wins over a program (dcom.md 2.1)."""
    command_line = _first(item.local_server for item in entries)
    library = _first(item.library for item in entries)
    if application.service:
        return _with_service(server, application.service, facts)
    if command_line:
        return _with_local_server(server, program_in(command_line, facts.environment), application, facts)
    if library:
        path = expand_path(library.strip('"'), facts.environment)
        if application.surrogate is None:
            return replace(server, kind=IN_PROCESS, program=path)
        return _with_identity(replace(server, kind=SURROGATE, program=path), application)
    if application.remote_server:
        return replace(server, kind=REMOTE)
    return replace(server, troubles=("the class names no program, library or service that could serve it",))


def _with_service(server: OpcServer, name: str, facts: HostFacts) -> OpcServer:
    server = replace(server, kind=SERVICE, service=name)
    if facts.services is None:
        return server
    service = next((item for item in facts.services if item.name.lower() == name.lower()), None)
    if service is None:
        return replace(server, running=False, troubles=(f"the host has no service {name}",))
    return _of_service(server, service)


def _of_service(server: OpcServer, service: ServiceEntry) -> OpcServer:
    return replace(
        server,
        service=service.name,
        program=service.program or server.program,
        start_mode=service.start_mode,
        run_as=service.account,
        run_as_kind=SERVICE_ACCOUNT,
        running=service.is_running,
    )


def _with_local_server(server: OpcServer, program: str, application: AppIdEntry, facts: HostFacts) -> OpcServer:
    """A program that COM starts; one that a service runs as well takes its account from there while that runs."""
    server = replace(server, kind=LOCAL_SERVER, program=program)
    hosted = [item for item in facts.services or () if item.program and item.program.lower() == program.lower()]
    if len(hosted) == 1:
        return _of_service(server, hosted[0])
    return _with_identity(replace(server, running=is_running(program, facts)), application)


def is_running(program: str, facts: HostFacts) -> bool | None:
    """Whether a process of this program runs; None when processes could not be read."""
    if facts.processes is None:
        return None
    return program.lower() in facts.processes or program_name(program).lower() in facts.processes


def _with_identity(server: OpcServer, application: AppIdEntry) -> OpcServer:
    """RunAs, else the user who launches (dcom.md 2.1)."""
    run_as = application.run_as.strip()
    if not run_as:
        return replace(server, run_as=None, run_as_kind=LAUNCHING_USER)
    kind = INTERACTIVE_USER if run_as.lower() == "interactive user" else FIXED_ACCOUNT
    return replace(server, run_as=run_as, run_as_kind=kind)


def _with_bitness(server: OpcServer, entries: list[ClassEntry], facts: HostFacts) -> OpcServer:
    if server.program is None:
        return server
    views = {item.view for item in entries}
    if not facts.is_64_bit:
        return replace(server, bitness=32, bitness_from="windows")
    if _is_in_32_bit_folder(server.program, facts.environment):
        return replace(server, bitness=32, bitness_from="folder")
    if len(views) == 1:
        # A library is loaded by processes of its view; for a program this is what its installer was, a hint.
        return replace(server, bitness=32 if views == {1} else 64, bitness_from="view")
    return server


def _is_in_32_bit_folder(path: str, environment: Mapping[str, str]) -> bool:
    folders = (environment.get("ProgramFiles(x86)"), f"{environment.get('SystemRoot') or 'C:/'}\\SysWOW64")
    return any(path.lower().startswith(f"{folder}\\".lower()) for folder in folders if folder)


def _remarks(server: OpcServer, entries: list[ClassEntry], application: AppIdEntry | None) -> Iterable[str]:
    if server.app_id and application is None:
        yield f"its AppID {server.app_id} is not registered, so the machine defaults hold for it"
    if not server.app_id and server.kind == LOCAL_SERVER:
        yield "it has no AppID, so the machine defaults hold for it"
    if len({item.app_id.upper() for item in entries if item.app_id}) > 1:
        yield "its two views name different AppIDs"


def _view_name(view: int, facts: HostFacts) -> str:
    return VIEW_NAMES[view] if facts.is_64_bit else VIEW_NAMES[1]


def _first(texts: Iterable[str]) -> str:
    """The first text that is not empty, bounded."""
    return next((text[:MAX_TEXT] for text in texts if text), "")
