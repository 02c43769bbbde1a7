# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No working link is down while a site is hardened, except while one of its hosts reboots.

Every link is tried after every message to a host, with both hosts in whatever state they are at that moment;
tests/integration/test_rollout.py does the same with the real playbook.
"""

from __future__ import annotations

import random

import pytest
from random_sites import PlayedSite, RandomSite, make_site
from working_sites import LinkWatch, set_up_by_hand

from simulator.opc import administration as admin
from simulator.profiles import SERVER_2016, SERVER_2019

# The last revisions without KB5004442, and those whose servers do not require Packet Integrity by default yet.
_OLD = (SERVER_2016.with_revision(4402), SERVER_2019.with_revision(1879))
_AVAILABLE = (SERVER_2016.with_revision(4470), SERVER_2019.with_revision(1999))


def make_working(seed: int) -> PlayedSite:
    """Hosts of any patch level, some of whose links work."""
    rng = random.Random(seed)
    site = make_site(rng, most_hosts=5, most_links=6)
    profiles = {name: rng.choice((*_OLD, *_AVAILABLE, site.profiles[name])) for name in site.hosts}
    made = RandomSite(site.domain_hosts, site.services, site.addresses, site.links, site.secrets, profiles)
    played = PlayedSite(made)
    set_up_by_hand(played)
    return played


def in_order(site: RandomSite) -> list[str]:
    """Clients, then hosts that are both, then servers, as harden_opc works on them."""
    clients, servers = ({link[side]["host"] for link in site.links} for side in ("client", "server"))
    return [*sorted(clients - servers), *sorted(clients & servers), *sorted(servers - clients)]


def roll_out(played: PlayedSite, watch: LinkWatch) -> None:
    source = played.site.source()
    for name in in_order(played.site):
        result = played.apply_to(name, source, lambda operation, name=name: watch.look(f"{name}: {operation}"))
        host = played.hosts[name]
        if result["reboot_required"]:
            host.reboot()
            watch.look(f"{name} is down")
            host.clock.advance(host.boot.down_time_s)
            watch.look(f"{name} is up")


def assert_no_link_goes_down(seed: int) -> int:
    """Returns how many links worked before."""
    played = make_working(seed)
    watch = LinkWatch(played)
    roll_out(played, watch)
    assert watch.failures == []
    assert watch.looks > 20
    for link in watch.links:
        assert played.play(link).ok
    return len(watch.links)


def test_no_link_goes_down_while_a_site_is_hardened() -> None:
    assert sum(assert_no_link_goes_down(seed) for seed in range(4)) > 8


@pytest.mark.slow
def test_no_link_goes_down_while_many_sites_are_hardened() -> None:
    assert sum(assert_no_link_goes_down(seed) for seed in range(100, 180)) > 200


def test_the_watch_sees_a_link_that_goes_down() -> None:
    """Whoever closes a door in the middle of a run is noticed at the next message, on links through it only."""
    played = make_working(1)
    watch = LinkWatch(played)
    server = watch.links[0]["server"]["host"]

    def look(operation: str) -> None:
        if watch.looks == 5:
            admin.revoke(played.hosts[server], admin.DEFAULT_LAUNCH, watch.links[0]["client"]["account"])
        watch.look(operation)

    played.apply_to(server, played.site.source(), look)
    assert watch.failures
    assert all(f"-> {server}: {server}: the launch permission" in line for line in watch.failures)
