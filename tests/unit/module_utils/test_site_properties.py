# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For random sites, by our own access check on the derived rights: the declared get in, and nobody else does."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._access_check import (
    ComAction,
    ComCaller,
    HostSecurity,
    check_com,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_defaults import (
    ACCESS_LIMIT_WINDOWS_10,
    DEFAULT_ACCESS,
    DEFAULT_LAUNCH,
    LAUNCH_LIMIT_WINDOWS_10,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind, parse_rights
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_security import grant
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_model import Link, ReadMode, Site
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_needs import (
    APPLICATION,
    MACHINE_LIMIT,
    OPC_ENUM,
    HostNeeds,
    derive,
    identity_at,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site

DOMAIN = "PLANT"
APPLICATIONS = {
    "service": {"prog_id": "Vendor.Service.1", "service": "VendorServer"},
    "program": {"clsid": "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0101}", "program": "C:\\vendor\\server.exe"},
    "client": {"program": "C:\\vendor\\client.exe"},
}


def random_model(rng: random.Random) -> dict[str, Any]:
    hosts = {
        f"host{number:02}": {"address": f"10.0.0.{number + 1}", "domain": rng.choice([None, DOMAIN])}
        for number in range(rng.randint(2, 12))
    }
    links = [link for _attempt in range(rng.randint(1, 30)) if (link := random_link(rng, hosts)) is not None]
    distinct = {ends_of(link): link for link in links}
    accounts = {f"User{number}": {} for number in range(5)}
    return {"applications": APPLICATIONS, "accounts": accounts, "hosts": hosts, "links": list(distinct.values())}


def ends_of(link: Mapping[str, Any]) -> str:
    return repr((link["server"], link["client"]))


def random_link(rng: random.Random, hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """A link that both ends can recognise."""
    server, client = rng.sample(sorted(hosts), 2)
    share = hosts[server]["domain"] is not None and hosts[client]["domain"] is not None
    accounts = [f"User{number}" for number in range(5)]
    accounts += [f"{DOMAIN}\\alice", "LocalSystem", "NT AUTHORITY\\NetworkService"] if share else []
    return {
        "server": {
            "host": server,
            "application": rng.choice(["service", "program"]),
            "account": rng.choice(accounts),
        },
        "client": {"host": client, "application": "client", "account": rng.choice(accounts)},
        "read_mode": rng.choice(["poll", "subscribe"]),
        "browse": rng.random() < 0.5,
    }


def sid_of(principal: str) -> Sid:
    """A SID of its own for each principal; which one does not matter."""
    digest = hashlib.sha256(principal.lower().encode()).digest()
    return Sid(5, (21, 1, 2, 3, int.from_bytes(digest[:4], "big")))


def security(needs: HostNeeds, application: str) -> HostSecurity:
    """What one program of a host is protected by: as Windows ships it, and the derived grants."""
    doors = {
        (MACHINE_LIMIT, "access"): ACCESS_LIMIT_WINDOWS_10.descriptor,
        (MACHINE_LIMIT, "launch"): LAUNCH_LIMIT_WINDOWS_10.descriptor,
        (APPLICATION, "access"): DEFAULT_ACCESS.descriptor,
        (APPLICATION, "launch"): DEFAULT_LAUNCH.descriptor,
    }
    for item in needs.grants:
        if item.scope == MACHINE_LIMIT or item.target == application:
            kind = ComKind(item.kind)
            place = item.scope, item.kind
            doors[place] = grant(doors[place], kind, sid_of(item.principal), parse_rights(item.rights, kind))
    return HostSecurity(
        machine_access_limit=doors[MACHINE_LIMIT, "access"],
        machine_launch_limit=doors[MACHINE_LIMIT, "launch"],
        application_access=doors[APPLICATION, "access"],
        application_launch=doors[APPLICATION, "launch"],
        authentication_level=5,
    )


def passes(needs: HostNeeds, application: str, principal: str, *actions: ComAction) -> bool:
    caller = ComCaller(sid_of(principal), is_local_account=principal.startswith(".\\"))
    host = security(needs, application)
    return all(check_com(host, caller, action).allowed for action in actions)


def client_there(site: Site, link: Link) -> str:
    """Who the client is on the server's host."""
    return identity_at(link, link.client, site.hosts[link.server.host], site.hosts[link.client.host])


def server_there(site: Site, link: Link) -> str:
    return identity_at(link, link.server, site.hosts[link.client.host], site.hosts[link.server.host])


def principals(site: Site) -> set[str]:
    """Everybody any host of the site knows."""
    return {client_there(site, link) for link in site.links} | {f".\\{name}" for name in site.accounts}


def asked(site: Site, link: Link) -> Iterator[tuple[str, str, str, tuple[ComAction, ...]]]:
    """Host, program, principal and actions of everything a link asks for."""
    start = ComAction.ACTIVATE if site.applications[link.server.application].service else ComAction.LAUNCH
    who = client_there(site, link)
    yield link.server.host, link.server.application, who, (start, ComAction.CALL)
    if link.browse:
        yield link.server.host, OPC_ENUM, who, (ComAction.LAUNCH, ComAction.CALL)
    if link.read_mode is ReadMode.SUBSCRIBE:
        yield link.client.host, link.client.application, server_there(site, link), (ComAction.CALL,)


def assert_site(seed: int) -> None:
    site = parse_site(random_model(random.Random(seed)), [])
    needs = {host: derive(site, host) for host in site.hosts}
    declared: dict[tuple[str, str], set[str]] = {}
    for link in site.links:
        for host, application, principal, actions in asked(site, link):
            assert passes(needs[host], application, principal, *actions), (link, host, application)
            declared.setdefault((host, application), set()).add(principal)
    for host in site.hosts:
        for application in (*APPLICATIONS, OPC_ENUM):
            for principal in principals(site) - declared.get((host, application), set()):
                for action in ComAction:
                    assert not passes(needs[host], application, principal, action), (host, application, principal)


def assert_removal(seed: int) -> None:
    """Without a link nobody has a right, and no peer an opening, that no other link needs."""
    rng = random.Random(seed)
    model = random_model(rng)
    left = rng.sample(model["links"], len(model["links"]) - 1)
    before, after = parse_site(model, []), parse_site({**model, "links": left}, [])
    for host in before.hosts:
        needed = [derive(parse_site({**model, "links": [link]}, []), host) for link in left]
        rights = {
            (item.scope, item.target, item.kind, item.principal, right)
            for needs in needed for item in needs.grants for right in item.rights
        }  # fmt: skip
        found = derive(after, host)
        assert rights == {
            (item.scope, item.target, item.kind, item.principal, right)
            for item in found.grants
            for right in item.rights
        }
        peers = {(item.target, peer) for needs in needed for item in needs.openings for peer in item.peers}
        assert peers == {(item.target, peer) for item in found.openings for peer in item.peers}


@pytest.mark.parametrize("seed", range(60))
def test_the_declared_get_in_and_nobody_else(seed: int) -> None:
    assert_site(seed)


@pytest.mark.parametrize("seed", range(60))
def test_a_removed_link_leaves_no_right_that_no_other_needs(seed: int) -> None:
    assert_removal(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1600))
def test_many_sites(seed: int) -> None:
    assert_site(seed)
    assert_removal(seed)
