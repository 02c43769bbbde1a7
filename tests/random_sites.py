# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random sites: a model of links, and the simulated hosts it is about, before anything is configured.

Every host has APIS (a service that can be an OPC server and a client), OpcEnum and a client program that is no service.
Hosts are in one domain or in workgroups; what cannot work (a Local System of a workgroup) is not described.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memory_host import MemoryHost

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_groups import Groups
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_state import SiteSource, StateOptions
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import OpcHost
from simulator.host import SimulatedHost
from simulator.opc import administration as admin
from simulator.opc.connection import connect
from simulator.opc.layers import Link, Mode, Outcome
from simulator.opc.network import Network
from simulator.profiles import SERVER_2016, SERVER_2019, SERVER_2022, WINDOWS_10
from simulator.software import APIS_PROGRAM, opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.account_database import Domain

PROG_ID = "Prediktor.ApisOPCServer.1"
TREND = r"C:\Program Files\Example\OpcClient.exe"
DOMAIN = "PLANT"
APPLICATIONS = {
    "hive": {"prog_id": PROG_ID, "program": APIS_PROGRAM, "service": "ApisHive"},
    "trend": {"program": TREND},
}
_PROGRAMS = {"hive": APIS_PROGRAM, "trend": TREND}
_PROFILES = (SERVER_2016, SERVER_2019, SERVER_2022, WINDOWS_10)


@dataclass(frozen=True, slots=True)
class Caller:
    """A program on a host and whom it runs as, in the words of the model."""

    host: str
    application: str
    account: str


@dataclass(slots=True)
class RandomSite:
    """A site. `services` maps each host to the account of its APIS."""

    domain_hosts: frozenset[str]
    services: Mapping[str, str]
    addresses: Mapping[str, str]
    links: list[dict[str, Any]]
    secrets: Mapping[str, str]
    profiles: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hosts(self) -> list[str]:
        return sorted(self.services)

    def model(self, links: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
        return {
            "applications": APPLICATIONS,
            "accounts": {name: {"password": secret} for name, secret in self.secrets.items()},
            "hosts": {
                name: {"address": self.addresses[name], "domain": DOMAIN if name in self.domain_hosts else None}
                for name in self.hosts
            },
            "links": list(self.links if links is None else links),
        }

    def source(self, links: Sequence[Mapping[str, Any]] | None = None) -> SiteSource:
        return SiteSource(self.model(links), Groups(), [], {})


def make_site(rng: random.Random, most_hosts: int = 12, most_links: int = 16) -> RandomSite:
    names = [f"host{number:02}" for number in range(rng.randint(2, most_hosts))]
    domain_hosts = frozenset(name for name in names if rng.random() < 0.5)
    services: dict[str, str] = {}
    for name in names:
        options = [f"User{rng.randint(1, 6)}"]
        options += ["LocalSystem", f"{DOMAIN}\\opc{rng.randint(1, 2)}"] if name in domain_hosts else []
        services[name] = rng.choice(options)
    local = [f"User{number}" for number in range(1, 7)]
    site = RandomSite(
        domain_hosts,
        services,
        {name: f"10.1.0.{number + 10}" for number, name in enumerate(names)},
        [],
        {name: f"Secret-of-{name}" for name in local},
        {name: rng.choice(_PROFILES) for name in names},
    )
    count = rng.randint(1, most_links)
    for _attempt in range(8 * count):
        link = _link(rng, site) if len(site.links) < count else None
        if link is not None:
            site.links.append(link)
    return site


def is_declared(site: RandomSite, caller: Caller, server: str) -> bool:
    """Whether Windows has to let the caller in: its address and its account are both declared for the server.

    Windows ties neither to the other, nor to a program; see docs/site_model.md. An address is declared for the server's
    program by a client there, and by a server there that calls the same program back, where that is a client as well.
    """
    clients = {link["client"]["host"] for link in site.links if link["server"]["host"] == server}
    calling_back = {
        link["server"]["host"]
        for link in site.links
        if (link["client"]["host"], link["client"]["application"]) == (server, "hive")
        and link["read_mode"] == "subscribe"
    }
    return caller.host in clients | calling_back and is_declared_account(site, caller, server)


def is_declared_account(site: RandomSite, caller: Caller, server: str) -> bool:
    """Whether the account is declared for the server, from whatever host."""
    links = [link["client"] for link in site.links if link["server"]["host"] == server]
    return _principal(caller.host, caller.account) in {_principal(link["host"], link["account"]) for link in links}


def _principal(host: str, account: str) -> str:
    """Who an account of a host is elsewhere, where that depends on the host."""
    return f"{host}$" if account == "LocalSystem" else account


def callers_of(site: RandomSite, host: str) -> list[Caller]:
    """Everybody who might ask from a host: its APIS, and its client program under any account the host has."""
    users = [name for name in site.secrets if name in accounts_on(site, host)]
    users += [f"{DOMAIN}\\opc{number}" for number in (1, 2)] if host in site.domain_hosts else []
    return [Caller(host, "hive", site.services[host]), *(Caller(host, "trend", user) for user in users)]


def accounts_on(site: RandomSite, host: str) -> set[str]:
    """Local accounts that must be on a host: its own, and those of its links."""
    needed = {site.services[host], *(f"User{number}" for number in (1, 2))}
    needed |= {account["name"] for account in site.source().local_accounts(host)}
    return needed & set(site.secrets)


def _link(rng: random.Random, site: RandomSite) -> dict[str, Any] | None:
    """A link that can work and was not there yet."""
    server, client_host = rng.sample(site.hosts, 2)
    mode = rng.choice(["poll", "subscribe"])
    caller = rng.choice(callers_of(site, client_host))
    both_in_domain = {server, client_host} <= site.domain_hosts
    known = [caller.account, *([site.services[server]] if mode == "subscribe" else [])]
    if not all(account in site.secrets or both_in_domain for account in known):
        return None
    link = {
        "server": {"host": server, "application": "hive", "account": site.services[server]},
        "client": {"host": client_host, "application": caller.application, "account": caller.account},
        "read_mode": mode,
        "browse": rng.random() < 0.4,
    }
    same = [item for item in site.links if (item["server"], item["client"]) == (link["server"], link["client"])]
    return None if same else link


class PlayedSite:
    """The simulated hosts of a site."""

    def __init__(self, site: RandomSite) -> None:
        self.site = site
        domain = Domain(DOMAIN, "plant.example")
        for number in (1, 2):
            domain.add_user(f"opc{number}", "Domain-Secret-1")
        self.hosts = {name: self._make_host(name, domain) for name in site.hosts}
        self.network = Network(self.hosts, dict(site.addresses))

    def _make_host(self, name: str, domain: Domain) -> SimulatedHost:
        site = self.site
        host = SimulatedHost(
            name,
            site.profiles[name],
            domain=domain if name in site.domain_hosts else None,
            software=[opc_core_components(), prediktor_apis(), opc_client(TREND)],
        )
        for account in sorted(accounts_on(site, name)):
            admin.create_account(host, account, site.secrets[account])
        account = site.services[name]
        if account in site.secrets:
            admin.run_service_as(host, "ApisHive", account, site.secrets[account])
        elif account != "LocalSystem":
            holders = host.accounts.holders_of("SeServiceLogonRight") | {admin.sid_of(host, account)}
            host.accounts.set_holders(None, "SeServiceLogonRight", holders)
            host.services.change(None, "ApisHive", account=account, password="Domain-Secret-1")
            admin.restart_service(host, "ApisHive")
        host.journal.records.clear()
        return host

    def apply(self, links: Sequence[Mapping[str, Any]] | None = None) -> dict[str, dict[str, Any]]:
        """What the roles do on every host, without the accounts; returns the results by host."""
        source = self.site.source(links)
        return {name: self.apply_to(name, source) for name in self.hosts}

    def apply_to(
        self, name: str, source: SiteSource, watch: Callable[[str], None] = lambda _operation: None
    ) -> dict[str, Any]:
        """The same on one host; `watch` is told of every message that was answered."""
        sections = source.host_state(name, StateOptions())["sections"]
        options = {
            "snapshot": False,
            "defaults": {"enable_dcom": True, "authentication_level": "packet_integrity"},
            **sections,
        }
        host = MemoryHost(self.hosts[name], watch)
        result: dict[str, Any] = host.run(OpcHost(), options)
        host.check()
        return result

    def reboot(self) -> None:
        for host in self.hosts.values():
            admin.reboot(host)

    def play(self, link: Mapping[str, Any]) -> Outcome:
        """Try a link of the model."""
        client = link["client"]
        return connect(self.network, self._link(client, link["server"]["host"], link["read_mode"], link["browse"]))

    def play_caller(self, caller: Caller, server: str) -> Outcome:
        """Somebody tries to read from a server, without browsing."""
        client = {"host": caller.host, "application": caller.application, "account": caller.account}
        return connect(self.network, self._link(client, server, "poll", browses=False))

    def _link(self, client: Mapping[str, str], server: str, mode: str, browses: bool) -> Link:
        is_service = client["application"] == "hive"
        account = client["account"] if "\\" in client["account"] else f".\\{client['account']}"
        return Link(
            client["host"],
            server,
            PROG_ID,
            _PROGRAMS[client["application"]],
            None if is_service else account,
            self.site.addresses[server],
            Mode(mode),
            browses,
        )
