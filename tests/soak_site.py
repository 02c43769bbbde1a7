# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site that soak.py wears out: hosts of every Windows version in a domain and in workgroups, with links that work.

A declaration is what a run of harden_opc asks for. They differ in values that may be raised and lowered in any order,
so that no order of runs may break a link; the levels and the links are the same in each.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from lasting_state import state_of
from memory_host import MemoryHost
from random_sites import DOMAIN, PlayedSite, RandomSite, callers_of
from working_sites import set_up_by_hand

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_state import StateOptions
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import OpcHost
from simulator.host import SimulatedHost
from simulator.profiles import PROFILES

PASSWORD = "Simulated-Passw0rd"
ROLES = ("server", "client")
_SECRETS = {f"User{number}": f"Secret-of-User{number}" for number in range(1, 7)}
_MOST_EVENTS = 100
_UP_S = 30 * 86_400.0  # how long the hosts of a plant have been up
# Seconds: a simulated reboot is over in a moment, and a host that stays away is given up soon.
_TIMES: Mapping[str, Any] = {
    "opc_rollback_reboot_interval_s": 0.2,
    **{f"opc_{role}_reboot_interval_s": 0.2 for role in ROLES},
    **{f"opc_{role}_reboot_timeout_s": 30 for role in ROLES},
}
# The accounts are there and are left as they are: Ansible's own modules make them, and take nothing back.
_NO_ACCOUNTS: Mapping[str, Any] = {"opc_accounts_list": []}


def _declared(**options: str) -> dict[str, Any]:
    return {f"opc_{role}_{name}": value for role in ROLES for name, value in options.items()}


# What a run asks for beside the site model.
DECLARATIONS: Mapping[str, Mapping[str, Any]] = {
    "logged": _declared(log_activation_failures="always", log_call_failures="always"),
    "quiet": _declared(log_activation_failures="never", log_call_failures="never", impersonation_level="impersonate"),
}

# The same in the words of opc_host.
_ROLE_SECTIONS: Mapping[str, Mapping[str, Any]] = {
    "logged": {
        "defaults": {
            "enable_dcom": True,
            "authentication_level": "packet_integrity",
            "impersonation_level": "identify",
        },
        "logging": {"activation_failures": "always", "call_failures": "always"},
    },
    "quiet": {
        "defaults": {
            "enable_dcom": True,
            "authentication_level": "packet_integrity",
            "impersonation_level": "impersonate",
        },
        "logging": {"activation_failures": "never", "call_failures": "never"},
    },
}


class SoakSite:
    """The described site, its simulated hosts, and the roles of each host."""

    def __init__(self, seed: str, count: int) -> None:
        rng = random.Random(f"{seed}/site")
        names = [f"host{number:03}" for number in range(count)]
        self.servers = names[: max(1, 2 * count // 3)]
        self.clients = names[count // 3 :]
        self.site = _described(rng, names, (self.servers, self.clients))
        self.played = PlayedSite(self.site)
        set_up_by_hand(self.played)
        # Others cannot be made to work: Windows 7 without updates does not reach a server that requires integrity.
        self.site.links[:] = [link for link in self.site.links if self.played.play(link).ok]
        for host in self.played.hosts.values():
            host.clock.advance(_UP_S)
            host.clock.follow(time.monotonic)
            host.accounts.set_password(None, "Administrator", PASSWORD)
            host.allow_unencrypted = True
            host.event_log.resize(_MOST_EVENTS)
            host.journal.records.clear()

    @property
    def groups(self) -> dict[str, list[str]]:
        return {"opc_servers": self.servers, "opc_clients": self.clients}

    def roles(self, name: str) -> int:
        """How many roles harden_opc applies to a host."""
        return (name in self.servers) + (name in self.clients)

    def play(self, name: str) -> int:
        """Which of the plays of harden_opc the host is in: clients, those that are both, servers."""
        return 1 if self.roles(name) > 1 else 2 if name in self.servers else 0

    def variables(self, declaration: str) -> dict[str, Any]:
        return {**_TIMES, **_NO_ACCOUNTS, **DECLARATIONS[declaration], "opc_site": self.site.model()}


# -- states

UNTOUCHED = "untouched"
_ACTIVITY = re.compile(r", (True|False)\)$", re.MULTILINE)
_ACCOUNTS = re.compile(r"^(User|Group)\(.*\n", re.MULTILINE)


def lasting(host: SimulatedHost) -> str:
    """What lasts on a host, to be compared between twins. Whether a service runs is left out: a link starts OpcEnum.

    Accounts are left out as well: when a password was set differs between twins.
    """
    return _ACCOUNTS.sub("", _ACTIVITY.sub(")", state_of(host)))


def declared_states(seed: str, count: int) -> dict[str, dict[str, str]]:
    """The state of every host by declaration, made on twins of the site without roles, network or faults."""
    states: dict[str, dict[str, str]] = {}
    for name in DECLARATIONS:
        twin = SoakSite(seed, count)
        states.setdefault(UNTOUCHED, {host: lasting(item) for host, item in twin.played.hosts.items()})
        source = twin.site.source()
        for host, simulated in twin.played.hosts.items():
            sections = source.host_state(host, StateOptions())["sections"]
            MemoryHost(simulated).run(OpcHost(), {**_ROLE_SECTIONS[name], **sections})
        states[name] = {host: lasting(item) for host, item in twin.played.hosts.items()}
    return states


# -- description


def _described(rng: random.Random, names: Sequence[str], ends: tuple[Sequence[str], Sequence[str]]) -> RandomSite:
    domain_hosts = frozenset(name for name in names if rng.random() < 0.5)
    profiles = list(PROFILES.values())
    site = RandomSite(
        domain_hosts,
        {name: _service_account(rng, name in domain_hosts) for name in names},
        {name: f"10.1.{number // 200}.{number % 200 + 10}" for number, name in enumerate(names)},
        [],
        _SECRETS,
        {name: profiles[number % len(profiles)] for number, name in enumerate(names)},
    )
    servers, clients = ends
    for client in clients:
        _add_link(rng, site, rng.choice(servers), client)
    for server in servers:
        _add_link(rng, site, server, rng.choice(clients))
    return site


def _service_account(rng: random.Random, in_domain: bool) -> str:
    local = f"User{rng.randint(1, 6)}"
    return rng.choice([local, "LocalSystem", f"{DOMAIN}\\opc1"]) if in_domain else local


def _add_link(rng: random.Random, site: RandomSite, server: str, client: str) -> None:
    """Describe a link unless the two are one host, are linked already, or could not know each other."""
    if server == client or any({server, client} == _ends(link) for link in site.links):
        return
    mode = rng.choice(["poll", "subscribe"])
    both_in_domain = {server, client} <= site.domain_hosts
    for caller in rng.sample(callers := callers_of(site, client), len(callers)):
        accounts = [caller.account, *([site.services[server]] if mode == "subscribe" else [])]
        if both_in_domain or all(account in site.secrets for account in accounts):
            break
    else:
        return
    site.links.append(
        {
            "server": {"host": server, "application": "hive", "account": site.services[server]},
            "client": {"host": client, "application": caller.application, "account": caller.account},
            "read_mode": mode,
            "browse": rng.random() < 0.4,
        }
    )


def _ends(link: Mapping[str, Any]) -> set[str]:
    return {link["server"]["host"], link["client"]["host"]}
