# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold for every site: declared links work once everything is in force, nobody else gets in, and a link that
is taken out of the model takes exactly its own with it. Played on simulated hosts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from memory_host import MemoryHost
from random_sites import Caller, PlayedSite, RandomSite, callers_of, is_declared, is_declared_account, make_site

from ansible_collections.otsec.opc_dcom.plugins.module_utils._end_facts import EndFacts, facts_from_dict
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_check import check_link
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_spec import link_from_dict
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._end_info import EndQuestion, read_end
from simulator.opc.layers import Layer
from simulator.subsystems.registry_value import RegistryValue

_FIREWALL = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
_OPC_ENUM = "13486D44"


def undeclared(site: RandomSite) -> Iterator[tuple[Caller, str]]:
    for server in site.hosts:
        for host in site.hosts:
            for caller in callers_of(site, host) if host != server else ():
                if not is_declared(site, caller, server):
                    yield caller, server


def switch_firewalls_off(played: PlayedSite) -> None:
    for host in played.hosts.values():
        for profile in ("DomainProfile", "StandardProfile", "PublicProfile"):
            host.registry.put(f"{_FIREWALL}\\{profile}", "EnableFirewall", RegistryValue.dword(0))
        host.firewall.reload()


def judged(played: PlayedSite) -> dict[str, bool | None]:
    """Whether opc_link_info says that a link works, by its name."""
    specs = [link_from_dict(item["path"], item) for item in played.site.source().links()]
    ends: dict[str, EndFacts] = {}
    for name, host in played.hosts.items():
        links = tuple(spec for spec in specs if spec.ends_on(name))
        facts = MemoryHost(host).ask(lambda opened, name=name, links=links: read_end(opened, EndQuestion(name, links)))
        ends[name] = facts_from_dict(name, facts.to_dict())
    return {spec.path: check_link(spec, ends).works for spec in specs}


def assert_site(seed: int) -> None:
    """Declared links work, also after a second run that changes nothing; undeclared ones are refused."""
    site = make_site(random.Random(seed))
    played = PlayedSite(site)
    played.apply()
    played.reboot()
    assert [name for name, result in played.apply().items() if result["changed"]] == []
    for link in site.links:
        outcome = played.play(link)
        assert outcome.ok, (link, outcome.evidence)
    verdicts = judged(played)
    assert verdicts == dict.fromkeys(verdicts, True)
    assert len(verdicts) == len(site.links)
    for caller, server in undeclared(site):
        assert not played.play_caller(caller, server).connection.ok, (caller, server)
    # The doors hold by themselves: without firewalls only accounts count.
    switch_firewalls_off(played)
    for caller, server in undeclared(site):
        if not is_declared_account(site, caller, server):
            refused = played.play_caller(caller, server).connection
            assert refused.layer not in (None, Layer.SERVER_FIREWALL, Layer.CLIENT_FIREWALL), (caller, server)


@pytest.mark.parametrize("seed", range(5))
def test_declared_links_work_and_nobody_else_gets_in(seed: int) -> None:
    assert_site(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
def test_declared_links_work_and_nobody_else_gets_in_on_many_sites(seed: int) -> None:
    assert_site(seed)


def lasting(played: PlayedSite) -> dict[str, list[str]]:
    """What the hosts keep, without ids that are drawn anew: registry by key, rules by what they say.

    Left out are our own key and OpcEnum: once it has been opened for somebody it stays closed for everybody else.
    """
    return {name: sorted(_lines(host.snapshot().text())) for name, host in played.hosts.items()}


def _lines(text: str) -> Iterator[str]:
    key = ""
    for line in text.splitlines():
        key = line if line.startswith("[") else key
        if "otsec" in key or _OPC_ENUM in key:
            continue
        if key.endswith("FirewallRules]"):
            yield f"{key} {line.partition('=')[2]}"
        else:
            yield f"{key} {line}"


def assert_removal(seed: int) -> None:
    """Taking a link out leaves the same state as if it had never been in."""
    rng = random.Random(seed)
    site = make_site(rng, most_hosts=6)
    if not site.links:
        return
    left = [link for link in site.links if link is not rng.choice(site.links)]
    whole, never = PlayedSite(site), PlayedSite(site)
    whole.apply()
    whole.apply(left)
    never.apply(left)
    assert lasting(whole) == lasting(never)
    whole.apply([])
    never_any = PlayedSite(site)
    never_any.apply([])
    assert lasting(whole) == lasting(never_any)


@pytest.mark.parametrize("seed", range(5))
def test_a_link_that_is_removed_takes_exactly_its_own_with_it(seed: int) -> None:
    assert_removal(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
def test_a_link_that_is_removed_takes_exactly_its_own_with_it_on_many_sites(seed: int) -> None:
    assert_removal(seed)
