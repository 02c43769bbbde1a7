# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Reads which OPC software one host has, for dcom_info. Nothing is written.

One command searches the registry, two more read what was found, one message each tells services and processes, and
one the version of each program. Source: dcom.md 2.1-2.4.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..module_utils._application import CLASS_VIEWS, CLASSES, app_id_key, parse_guid, prog_id_key, text_of
from ..module_utils._errors import DomainError, HostStateError
from ..module_utils._findings import Finding, Severity
from ..module_utils._opc_identifiers import OPC_ENUM_CLSID
from ..module_utils._opc_installation import (
    ProxyEntry,
    all_proxies,
    find_in_discovery,
    find_programs,
    missing_libraries,
    wanted_programs,
)
from ..module_utils._opc_search import (
    SEARCHES_OF_THE_OTHER_VIEW,
    FoundClass,
    SearchHits,
    parse_hits,
    search_lines,
    specifications_of,
)
from ..module_utils._opc_servers import (
    MAX_TEXT,
    AppIdEntry,
    ClassEntry,
    HostFacts,
    OpcServer,
    ServiceEntry,
    can_be_a_file,
    describe_servers,
    program_in,
    program_name,
)
from ..module_utils._registry import RegistryKey, RegistryType
from ._host._environment import KEYS as ENVIRONMENT_KEYS
from ._host._host import Host
from ._host._processes import read_processes
from ._host._registry_search import search_registry
from ._wsman._errors import WsmanFault

MAX_VERSIONS = 20
_INTERFACES = (CLASSES.child("Interface"), RegistryKey("SOFTWARE\\Classes\\Wow6432Node\\Interface"))
_PROXY_CLASS = "ProxyStubClsid32"
_LIBRARY, _LOCAL_SERVER = "InprocServer32", "LocalServer32"


@dataclass(frozen=True, slots=True)
class Discovery:
    """The section of the result, and what was found wrong."""

    facts: dict[str, Any]
    findings: tuple[Finding, ...]


def discover(host: Host, client_programs: Iterable[str]) -> Discovery:
    """OPC servers, OpcEnum, Core Components and known clients. Raises: WsmanError, HostStateError."""
    is_64_bit = host.operating_system.is_64_bit
    hits, notes = _search(host, is_64_bit=is_64_bit)
    _prefetch_found(host, hits, is_64_bit=is_64_bit)
    old_classes = {clsid for name in hits.prog_ids if (clsid := _guid(_text(host, prog_id_key(name))))}
    found = _with_old_classes(host, hits, old_classes, is_64_bit=is_64_bit)
    entries = [_read_class(host, item, old_classes) for item in found]
    proxies = _read_proxies(host, is_64_bit=is_64_bit)
    opc_enum = [_read_class(host, FoundClass(OPC_ENUM_CLSID, view)) for view in _views(is_64_bit=is_64_bit)]
    opc_enum = [item for item in opc_enum if item.name or item.app_id or item.local_server]
    wanted = wanted_programs(client_programs)
    facts = _read_facts(host, [*entries, *opc_enum], wanted, is_64_bit=is_64_bit)
    servers = [_with_version(host, item) for item in _numbered(describe_servers(entries, facts))]
    return Discovery(
        {
            "is_complete": not notes,
            "notes": list(notes),
            "computer": _computer(host),
            "servers": [item.to_dict() for item in servers],
            "opc_enum": _opc_enum(host, opc_enum, facts),
            "core_components": {
                "products": list(_products(host, hits)),
                "libraries": [item.to_dict(is_64_bit=is_64_bit) for item in proxies],
                "missing": missing_libraries(proxies, is_64_bit=is_64_bit),
            },
            "programs": find_programs(wanted, facts),
        },
        (*_find_in_search(notes), *find_in_discovery(servers, proxies, facts)),
    )


# -- the search


def _search(host: Host, *, is_64_bit: bool) -> tuple[SearchHits, tuple[str, ...]]:
    """What the registry holds, and why that may not be all."""
    lines = search_lines()
    output = search_registry(host.client, host.registry, lines)
    if output.trouble:
        return SearchHits(), (f"OPC servers were not looked for: {output.trouble}",)
    hits = parse_hits(output.text)
    expected = len(lines) - (0 if is_64_bit else SEARCHES_OF_THE_OTHER_VIEW)
    notes = []
    if hits.finished < expected:
        said = f"; reg.exe said: {output.said}" if output.said else ""
        notes.append(f"only {hits.finished} of {expected} searches came to their end{said}")
    if hits.is_cut:
        notes.append("there are more OPC classes than are looked at")
    return hits, tuple(notes)


def _find_in_search(notes: Sequence[str]) -> Iterator[Finding]:
    advice = "let the connecting account run reg.exe in a remote cmd shell, or name the servers (applications)"
    for note in notes:
        yield Finding("discovery_incomplete", Severity.INFO, "OPC servers", note, advice)


# -- reading what was found


def _views(*, is_64_bit: bool) -> range:
    return range(len(CLASS_VIEWS) if is_64_bit else 1)


def _prefetch_found(host: Host, hits: SearchHits, *, is_64_bit: bool) -> None:
    """Everything that is known beforehand, in one command: classes, ProgIDs, interfaces, products."""
    keys = [*ENVIRONMENT_KEYS, *(prog_id_key(name) for name in hits.prog_ids), *hits.products]
    keys += [_interface_key(library.interface_id, view) for library, view in all_proxies(is_64_bit=is_64_bit)]
    trees = [item.key for item in hits.classes]
    if host.registry.has_shell is not False:
        # Without a shell a tree is not read ahead, and OpcEnum's few values are read where they are needed.
        trees += [CLASS_VIEWS[view].child(OPC_ENUM_CLSID) for view in _views(is_64_bit=is_64_bit)]
    host.registry.prefetch(keys, trees=trees)


def _with_old_classes(
    host: Host, hits: SearchHits, old_classes: Collection[str], *, is_64_bit: bool
) -> list[FoundClass]:
    """The classes, and those that only the key OPC of their ProgID tells; reads their AppIDs and proxies ahead."""
    views = _views(is_64_bit=is_64_bit)
    known = {item.clsid for item in hits.classes}
    extra = [FoundClass(clsid, view) for clsid in sorted(set(old_classes) - known) for view in views]
    known_classes = [*hits.classes, *(FoundClass(OPC_ENUM_CLSID, view) for view in views)]
    keys = [app_id_key(app_id) for item in known_classes if (app_id := _app_id_of(host, item))]
    for library, view in all_proxies(is_64_bit=is_64_bit):
        proxy_class = _proxy_class(host, library.interface_id, view)
        keys += [CLASS_VIEWS[view].child(proxy_class).child(_LIBRARY)] if proxy_class else []
    host.registry.prefetch(keys, trees=[item.key for item in extra])
    extra = [item for item in extra if host.registry.values(item.key) is not None]
    host.registry.prefetch([app_id_key(app_id) for item in extra if (app_id := _app_id_of(host, item))])
    return [*hits.classes, *extra]


def _app_id_of(host: Host, found: FoundClass) -> str:
    return _guid(_text(host, found.key, "AppID"))


def _read_class(host: Host, found: FoundClass, old_classes: Collection[str] = ()) -> ClassEntry:
    """One class; `old_classes` are those whose ProgID has the key OPC."""
    has_opc_key = found.clsid in old_classes
    return ClassEntry(
        found.clsid,
        found.view,
        specifications_of(found, has_opc_key=has_opc_key),
        has_category=bool(found.specifications),
        has_opc_key=has_opc_key,
        name=_text(host, found.key),
        prog_id=_text(host, found.key.child("ProgID")),
        app_id=_app_id_of(host, found),
        local_server=_text(host, found.key.child(_LOCAL_SERVER)),
        library=_text(host, found.key.child(_LIBRARY)),
    )


def _read_facts(host: Host, entries: Sequence[ClassEntry], programs: Sequence[str], *, is_64_bit: bool) -> HostFacts:
    environment = host.firewall.environment
    names = [program_name(program_in(item.local_server, environment)) for item in entries]
    return HostFacts(
        applications={
            app_id: application
            for app_id in dict.fromkeys(item.app_id for item in entries if item.app_id)
            if (application := _read_application(host, app_id)) is not None
        },
        services=_read_services(host),
        processes=read_processes(host.client, filter(can_be_a_file, (*names, *programs))),
        environment=environment,
        is_64_bit=is_64_bit,
    )


def _read_application(host: Host, app_id: str) -> AppIdEntry | None:
    values = host.registry.values(app_id_key(app_id))
    if values is None:
        return None
    texts = {name.lower(): text_of(value)[:MAX_TEXT] for name, value in values.items()}
    return AppIdEntry(
        app_id,
        name=texts.get("", ""),
        service=texts.get("localservice", ""),
        run_as=texts.get("runas", ""),
        surrogate=texts.get("dllsurrogate"),
        remote_server=texts.get("remoteservername", ""),
    )


def _read_services(host: Host) -> tuple[ServiceEntry, ...] | None:
    try:
        services = host.services.read_all()
    except WsmanFault:
        return None
    environment = host.firewall.environment
    return tuple(
        ServiceEntry(
            item.name,
            program_in(item.command_line, environment),
            item.run_as_account,
            item.state,
            item.start_mode,
            item.process_id,
        )
        for item in services
    )


# -- Core Components


def _interface_key(interface_id: str, view: int) -> RegistryKey:
    return _INTERFACES[view].child(interface_id).child(_PROXY_CLASS)


def _proxy_class(host: Host, interface_id: str, view: int) -> str:
    return _guid(_text(host, _interface_key(interface_id, view)))


def _read_proxies(host: Host, *, is_64_bit: bool) -> list[ProxyEntry]:
    found = []
    for library, view in all_proxies(is_64_bit=is_64_bit):
        proxy_class = _proxy_class(host, library.interface_id, view)
        path = _text(host, CLASS_VIEWS[view].child(proxy_class).child(_LIBRARY)) if proxy_class else ""
        found.append(ProxyEntry(library, view, proxy_class, path))
    return found


def _products(host: Host, hits: SearchHits) -> Iterator[dict[str, str]]:
    for key in hits.products:
        yield {"name": _text(host, key, "DisplayName"), "version": _text(host, key, "DisplayVersion")}


def _opc_enum(host: Host, entries: Sequence[ClassEntry], facts: HostFacts) -> dict[str, object] | None:
    servers = describe_servers(entries, facts)
    return _with_version(host, (0, servers[0])).to_dict() if servers else None


# -- small things


def _computer(host: Host) -> dict[str, object]:
    try:
        computer = host.accounts.computer
    except (WsmanFault, HostStateError):
        return {"name": None, "domain": None, "is_domain_member": None}
    domain = computer.domain if computer.is_domain_member else None
    return {"name": computer.name, "domain": domain, "is_domain_member": computer.is_domain_member}


def _numbered(servers: Iterable[OpcServer]) -> list[tuple[int, OpcServer]]:
    """The servers with the number of their program, so that the versions of many are not asked for."""
    programs: dict[str, int] = {}
    return [(programs.setdefault((item.program or "").lower(), len(programs)), item) for item in servers]


def _with_version(host: Host, numbered: tuple[int, OpcServer]) -> OpcServer:
    """With the version of the program, or that its file is missing. At most one message."""
    number, server = numbered
    program = server.program or ""
    if number >= MAX_VERSIONS or not can_be_a_file(program):
        return server
    if host.system.has_file(program) is False:
        return replace(server, troubles=(*server.troubles, f"its program {program} is missing"))
    return replace(server, version=host.system.file_version(program))


def _text(host: Host, key: RegistryKey, name: str = "") -> str:
    return text_of(host.registry.value(key, name, RegistryType.SZ))[:MAX_TEXT]


def _guid(text: str) -> str:
    """A GUID as keys spell it; "" for what is none, which then counts as absent."""
    try:
        return parse_guid(text) if text else ""
    except DomainError:
        return ""
