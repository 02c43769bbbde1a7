# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role reads of the site model what concerns its host: the same as in the whole model, in time that does not grow."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from random_sites import RandomSite, make_site

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_groups import Groups
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_model import SiteModelError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_state import SiteSource, StateOptions

OPTIONS = StateOptions()


def of_one(model: dict[str, Any], host: str) -> SiteSource:
    return SiteSource(model, Groups(), [], {}, only_host=host)


def with_lists(rng: random.Random, site: RandomSite) -> list[dict[str, Any]]:
    """The links, some of which name their hosts in a list."""
    links = []
    for link in site.links:
        ends = {side: dict(link[side]) for side in ("server", "client")}
        for end in ends.values():
            end["host"] = [end["host"]] if rng.random() < 0.3 else end["host"]
        links.append({**link, **ends})
    return links


@pytest.mark.parametrize("seed", range(40))
def test_each_host_needs_the_same(seed: int) -> None:
    rng = random.Random(seed)
    site = make_site(rng)
    model = site.model(with_lists(rng, site))
    whole = SiteSource(model, Groups(), [], {})
    for host in site.hosts:
        alone = of_one(model, host)
        assert alone.host_state(host, OPTIONS) == whole.host_state(host, OPTIONS)
        assert alone.read().links == whole.read().links_of(host)


def test_a_host_without_links_needs_nothing_of_them() -> None:
    whole, alone = SiteSource(described(), Groups(), ["gw09"], {}), of_one(described(), "gw09")
    assert alone.host_state("gw09", OPTIONS) == whole.host_state("gw09", OPTIONS)
    assert alone.host_state("gw09", OPTIONS)["accounts"] == []


def end(host: object, **changes: object) -> dict[str, object]:
    return {"host": host, "application": "apis", "account": "User", **changes}


def described(*links: object) -> dict[str, Any]:
    return {
        "applications": {"apis": {"prog_id": "Prediktor.ApisOPCServer.1"}},
        "accounts": {"User": {}},
        "hosts": {name: {"address": f"10.0.0.{number}"} for number, name in enumerate(("gw01", "gw02", "gw011"), 1)},
        "links": [{"server": end("gw02"), "client": end("gw011")}, *links],
    }


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ({"server": end("gw01", account="Nobody"), "client": end("gw02")}, "links[1].server.account: 'Nobody'"),
        ({"server": end(["gw02", "gw01"], application="other"), "client": end("gw02")}, "links[1].server.application"),
        ({"server": end(" gw01 ", read="x"), "client": end("gw02")}, "links[1].server.read: is not known here"),
        # What does not plainly say other hosts may be about this one.
        ({"server": end(None), "client": end("gw02")}, "links[1].server.host: is missing"),
        ({"server": end([]), "client": end("gw02")}, "links[1].server.host"),
        ({"client": end("gw02")}, "links[1].server: is missing"),
        ("gw02 to gw011", "links[1]: must be a mapping, not str"),
    ],
)
def test_mistakes_that_may_concern_the_host_are_told_with_their_place(link: object, problem: str) -> None:
    with pytest.raises(SiteModelError) as caught:
        of_one(described(link), "gw01").read()
    assert any(text.startswith(problem) for text in caught.value.problems)


def test_mistakes_between_other_hosts_are_told_to_those() -> None:
    model = described({"server": end("gw02", account="Nobody"), "client": end("gw011")})
    assert of_one(model, "gw01").read().links == ()
    for host in ("gw02", "gw011", None):
        with pytest.raises(SiteModelError, match="'Nobody' is not in accounts"):
            SiteSource(model, Groups(), [], {}, only_host=host).read()


@pytest.mark.timed
def test_a_host_reads_few_of_many_links_in_a_fraction_of_the_time() -> None:
    others = [{"name": f"l{i}", "server": end(f"s{i}"), "client": end(f"c{i}")} for i in range(2000)]
    model = described(*others)
    model["hosts"].update({name: {} for i in range(2000) for name in (f"s{i}", f"c{i}")})
    whole_s, alone_s = cpu_s(SiteSource(model, Groups(), [], {})), cpu_s(of_one(model, "gw01"))
    assert alone_s < whole_s / 2, (alone_s, whole_s)


def cpu_s(source: SiteSource) -> float:
    started = time.process_time()
    source.read()
    return time.process_time() - started
