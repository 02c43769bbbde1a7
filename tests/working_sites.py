# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites whose links work before anybody hardens them, as people made them work by hand; and a watch over the links.

Everything runs at Connect, as OPC programs were shipped. Doors are opened at the machine limits and defaults, firewalls
for any address, which is what vendors' guides ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from random_sites import DOMAIN, TREND, PlayedSite

from simulator.host import SimulatedHost
from simulator.opc import administration as admin
from simulator.opc.plants import APIS_RULE, MAPPER_RULE, OPC_ENUM_RULE, mapper_fields, program_fields
from simulator.opc.scenario import set_levels
from simulator.software import APIS_PROGRAM, OPC_ENUM_APP_ID, OPC_ENUM_PROGRAM

CONNECT_LEVEL = 2


def set_up_by_hand(played: PlayedSite) -> None:
    """Let the links of the site work with everything at Connect, as far as the updates of both ends allow it."""
    for host in played.hosts.values():
        set_levels(host, CONNECT_LEVEL)
        admin.add_rule(host, MAPPER_RULE, mapper_fields(None))
        for name, program in ((APIS_RULE, APIS_PROGRAM), ("Trend", TREND), (OPC_ENUM_RULE, OPC_ENUM_PROGRAM)):
            admin.add_rule(host, name, program_fields(program, None))
    for link in played.site.links:
        server, client = (played.hosts[link[side]["host"]] for side in ("server", "client"))
        _let_in(server, _principal(link["client"], client), admin.REMOTE_LAUNCH_AND_ACTIVATION)
        if link["read_mode"] == "subscribe":
            _let_in(client, _principal(link["server"], server), 0)
    played.reboot()
    for host in played.hosts.values():
        host.journal.records.clear()


def _principal(end: Mapping[str, str], host: SimulatedHost) -> str:
    """The account of an end as the other host names it."""
    return f"{DOMAIN}\\{host.computer_name}$" if end["account"] == "LocalSystem" else end["account"]


def _let_in(host: SimulatedHost, principal: str, launch: int) -> None:
    for door in (admin.ACCESS_LIMIT, admin.DEFAULT_ACCESS, admin.access_of(OPC_ENUM_APP_ID)):
        admin.grant(host, door, principal, admin.REMOTE_ACCESS)
    if launch:
        for door in (admin.LAUNCH_LIMIT, admin.DEFAULT_LAUNCH, admin.launch_of(OPC_ENUM_APP_ID)):
            admin.grant(host, door, principal, launch)


@dataclass(slots=True)
class LinkWatch:
    """Tries every link that worked at first whenever it is asked to. A host that is down excuses its links.

    `failures`: a line for each time a link did not work though both of its hosts were up.
    """

    played: PlayedSite
    links: list[dict[str, Any]] = field(init=False)
    failures: list[str] = field(default_factory=list)
    looks: int = 0

    def __post_init__(self) -> None:
        self.links = [link for link in self.played.site.links if self.played.play(link).ok]

    def look(self, when: str) -> None:
        self.looks += 1
        self.failures += [f"{when}: {line}" for line in self._failing()]

    def _failing(self) -> Iterator[str]:
        for link in self.links:
            names = [link[side]["host"] for side in ("client", "server")]
            hosts = [self.played.hosts[name] for name in names]
            boots = [host.boot_count for host in hosts]
            if not all(host.boot.is_up for host in hosts):
                continue
            outcome = self.played.play(link)
            # Time passes: a reboot that was asked for may begin while the link is tried.
            if not outcome.ok and boots == [host.boot_count for host in hosts]:
                yield f"{' -> '.join(names)}: {outcome.evidence}"
