# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What OPC needs on a host besides its servers: OPC Core Components, proxy/stub libraries, clients. Pure.

A proxy/stub library must be registered on client and server and for each bitness that is used there; a missing one
shows as 0x80004002 or 0x80040155, not as access denied. Source: dcom.md 2.4; Win32 "Interface Key".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ._findings import Finding, Severity
from ._known_programs import KNOWN_PROGRAMS, known_program
from ._opc_identifiers import PROXY_LIBRARIES, ProxyLibrary
from ._opc_servers import (
    IN_PROCESS,
    LOCAL_SERVER,
    SERVICE_ACCOUNT,
    UNKNOWN,
    VIEW_NAMES,
    HostFacts,
    OpcServer,
    program_name,
)

REGISTERED, BROKEN, MISSING = "registered", "broken", "missing"
MAX_CLIENTS = 50


@dataclass(frozen=True, slots=True)
class ProxyEntry:
    """How the interface of a library is registered in one view: its proxy class and that class' library, "" if not."""

    library: ProxyLibrary
    view: int
    proxy_class: str = ""
    path: str = ""

    @property
    def state(self) -> str:
        if not self.proxy_class:
            return MISSING
        return REGISTERED if self.path else BROKEN

    def to_dict(self, *, is_64_bit: bool) -> dict[str, object]:
        return {
            "library": self.library.library,
            "interface": self.library.interface,
            "view": VIEW_NAMES[self.view] if is_64_bit else VIEW_NAMES[1],
            "state": self.state,
            "path": self.path or None,
        }


def wanted_programs(extra: Iterable[str]) -> tuple[str, ...]:
    """File names of programs to look for, in lower case."""
    names = (*(item.program for item in KNOWN_PROGRAMS), *(program_name(item).lower() for item in extra))
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_CLIENTS]


def find_programs(names: Sequence[str], facts: HostFacts) -> list[dict[str, object]]:
    """Programs of these names that are a service here, or run: in their order, each path once."""
    found: dict[str, dict[str, object]] = {}
    for name in names:
        for service in facts.services or ():
            if program_name(service.program).lower() == name:
                entry = _program_entry(service.program, running=service.is_running)
                entry |= {"service": service.name, "run_as": service.account, "run_as_kind": SERVICE_ACCOUNT}
                found.setdefault(f"{service.program.lower()} {service.name.lower()}", entry)
        for folded, path in (facts.processes or {}).items():
            is_new = not any(key.startswith(f"{folded} ") for key in found)
            if program_name(folded) == name and is_new:
                found[f"{folded} "] = _program_entry(path, running=True)
    return list(found.values())


def _program_entry(path: str, *, running: bool) -> dict[str, object]:
    known = known_program(path)
    return {
        "program": path,
        "product": known.product if known else None,
        "role": known.role if known else None,
        "service": None,
        "run_as": None,
        "run_as_kind": None,
        "running": running,
        "source": known.source if known else "asked for",
    }


def find_in_discovery(
    servers: Sequence[OpcServer], proxies: Sequence[ProxyEntry], facts: HostFacts
) -> tuple[Finding, ...]:
    """What is wrong with the OPC software of a host."""
    found = [item for server in servers for item in _find_in_server(server)]
    return (*found, *_find_in_proxies(servers, proxies, facts))


def _find_in_server(server: OpcServer) -> Iterable[Finding]:
    subject = f"OPC server {server.title}"
    for text in server.troubles:
        yield Finding("opc_server_broken", Severity.WARNING, subject, text, "repair it, or remove its registration")
    for text in server.remarks:
        advice = (
            "give it an AppID of its own (dcom_application with program) if its clients need rights that the machine "
            "defaults should not grant to everything"
        )
        yield Finding("opc_server_on_defaults", Severity.INFO, subject, text, advice)
    if server.kind == LOCAL_SERVER and server.run_as_kind not in (SERVICE_ACCOUNT, "fixed_account"):
        yield Finding(
            "opc_server_without_account",
            Severity.INFO,
            subject,
            f"it runs as the {(server.run_as_kind or 'unknown').replace('_', ' ')}, so who calls back changes",
            "let it run as a service or set RunAs of its AppID, so that clients can grant rights to one account",
        )


def _find_in_proxies(
    servers: Sequence[OpcServer], proxies: Sequence[ProxyEntry], facts: HostFacts
) -> Iterable[Finding]:
    """Libraries that a server of this host needs in a view and that are not registered there."""
    for entry in proxies:
        users = [item for item in servers if _needs(item, entry, facts)]
        if entry.state != REGISTERED and users:
            yield Finding(
                "opc_proxy_missing",
                Severity.WARNING,
                f"{entry.library.library} ({entry.to_dict(is_64_bit=facts.is_64_bit)['view']})",
                f"interface {entry.library.interface} is {entry.state}, and {users[0].title} needs it",
                "install OPC Core Components of this bitness; without it links fail with 0x80004002 or 0x80040155",
            )


def _needs(server: OpcServer, entry: ProxyEntry, facts: HostFacts) -> bool:
    if server.kind in (IN_PROCESS, UNKNOWN) or not set(server.specifications) & set(entry.library.needed_for):
        return False
    bitness = 64 if facts.is_64_bit and entry.view == 0 else 32
    return server.bitness == bitness


def missing_libraries(proxies: Sequence[ProxyEntry], *, is_64_bit: bool) -> list[str]:
    """Libraries that are not usable, with their view, for people."""
    texts = (item.to_dict(is_64_bit=is_64_bit) for item in proxies if item.state != REGISTERED)
    return [f"{item['library']} ({item['view']})" for item in texts]


def all_proxies(*, is_64_bit: bool) -> list[tuple[ProxyLibrary, int]]:
    """Every library in every view that the host has."""
    return [(library, view) for view in ((0, 1) if is_64_bit else (0,)) for library in PROXY_LIBRARIES]
