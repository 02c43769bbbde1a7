# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How harden_opc goes over a plant: no working link is down but for reboots of its own hosts, canaries come first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from five_hosts import CLIENTS, FAST_REBOOT, SERVERS, simulated
from random_sites import PlayedSite, RandomSite
from working_sites import LinkWatch, set_up_by_hand

from playbooks import Ansible, PlaybookRun
from simulator.faults import Effect, ScriptedFault
from simulator.profiles import SERVER_2019, SERVER_2022
from simulator.site import SimulatedSite

pytestmark = [pytest.mark.e2e, pytest.mark.site]

HARDEN = "otsec.opc_dcom.harden_opc"
_PASSWORD = "Simulated-Passw0rd"
_NO_UPDATES = SERVER_2019.with_revision(1879)
_REFUSED = 5


# -- links during a run


def _link(server: str, client: str, read_mode: str) -> dict[str, object]:
    return {
        "server": {"host": server, "application": "hive", "account": SERVICES[server]},
        "client": {"host": client, "application": "hive", "account": SERVICES[client]},
        "read_mode": read_mode,
        "browse": read_mode == "subscribe",
    }


SERVICES = {"gw01": "User1", "gw02": "User2", "hist01": "User3"}
GROUPS = {"opc_servers": ("gw01", "gw02"), "opc_clients": ("hist01", "gw02")}


@pytest.fixture
def played() -> PlayedSite:
    """Three hosts at Connect; gw01 has no updates, gw02 is client and server. Every link works, opened by hand."""
    site = RandomSite(
        domain_hosts=frozenset(),
        services=SERVICES,
        addresses={name: f"10.1.0.{number}" for number, name in enumerate(SERVICES, 11)},
        links=[
            _link("gw01", "hist01", "subscribe"),
            _link("gw02", "hist01", "poll"),
            _link("gw01", "gw02", "subscribe"),
        ],
        secrets={f"User{number}": f"Secret-of-User{number}" for number in range(1, 4)},
        profiles={"gw01": _NO_UPDATES, "gw02": SERVER_2019, "hist01": SERVER_2022},
    )
    made = PlayedSite(site)
    set_up_by_hand(made)
    for host in made.hosts.values():
        host.clock.follow(time.monotonic)
        host.accounts.set_password(None, "Administrator", _PASSWORD)
        host.allow_unencrypted = True
        host.journal.records.clear()
    return made


@pytest.fixture
def plant(played: PlayedSite) -> Iterator[SimulatedSite]:
    with SimulatedSite(played.hosts) as running:
        yield running
        running.check()


def test_no_working_link_is_down_but_while_its_own_host_reboots(
    played: PlayedSite, plant: SimulatedSite, tmp_path: Path
) -> None:
    watch = plant.run_in_loop(lambda: LinkWatch(played))
    assert len(watch.links) == len(played.site.links)
    plant.watch = lambda name, operation: watch.look(f"{name}: {operation}")
    boots = {name: host.boot_count for name, host in played.hosts.items()}

    variables = {**FAST_REBOOT, "opc_site": played.site.model(), "opc_serial": 1}
    run = Ansible(plant, tmp_path, GROUPS).playbook(HARDEN, variables=variables)

    assert run.returncode == 0, run.output
    assert watch.failures == []
    assert watch.looks > 300
    for name, host in played.hosts.items():
        assert host.boot_count == boots[name] + 1, name
        assert host.in_force().machine.default_authentication_level == 5
    order = [item.host for item in run.results if item.action.endswith("opc_reboot")]
    assert order == ["hist01", "gw02", "gw01"]
    plant.watch = lambda _name, _operation: None
    assert plant.run_in_loop(lambda: LinkWatch(played)).links == played.site.links


# -- canaries


def boots_of(site: SimulatedSite, *names: str) -> dict[str, int]:
    return {name: simulated(site, name).boot_count for name in names}


def refuse_writes(site: SimulatedSite, name: str) -> None:
    site.add_fault(name, ScriptedFault(Effect.FAULT, times=1000, operation="StdRegProv.[SC][er]*", code=_REFUSED))


def touched(site: SimulatedSite) -> list[str]:
    return [name for name in (*SERVERS, *CLIENTS) if site[name].writes]


def failed_hosts(run: PlaybookRun) -> set[str]:
    return {line.partition(":")[0] for line in run.statuses("failed")}


def test_a_canary_that_fails_ends_the_run_before_the_rest(site: SimulatedSite, ansible: Ansible) -> None:
    refuse_writes(site, "hist01")
    run = ansible.playbook(HARDEN, variables=FAST_REBOOT)
    assert run.returncode != 0
    assert failed_hosts(run) == {"hist01"}
    assert touched(site) == []


def test_the_canaries_are_finished_when_one_of_them_fails(site: SimulatedSite, ansible: Ansible) -> None:
    refuse_writes(site, "eng01")
    before = boots_of(site, "hist01", "eng01")
    run = ansible.playbook(HARDEN, variables={**FAST_REBOOT, "opc_canary": 2})
    assert run.returncode != 0
    assert touched(site) == ["hist01"]
    assert boots_of(site, "hist01", "eng01") == {**before, "hist01": before["hist01"] + 1}
    assert "Nothing is wrong with hist01, but eng01 failed, so the run ends here" in run.output


def test_who_asks_for_it_goes_on_after_a_failure(site: SimulatedSite, ansible: Ansible) -> None:
    refuse_writes(site, "eng01")
    run = ansible.playbook(HARDEN, variables={**FAST_REBOOT, "opc_canary": 2, "opc_stop_on_failure": False})
    assert run.returncode != 0
    assert failed_hosts(run) == {"eng01"}
    assert touched(site) == [*SERVERS, "hist01", "eng02"]
