# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a large site costs: the sections of every host of 500 with 5,000 links, in less than two seconds of one core."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_groups import Groups
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_needs import derive
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_state import SiteSource, StateOptions, host_state

HOSTS, LINKS = 500, 5000
NAMES = [f"host{number:03}" for number in range(HOSTS)]


def model() -> dict[str, Any]:
    """Every host serves ten links, each to another host."""
    return {
        "applications": {
            "apis": {"prog_id": "Prediktor.ApisOPCServer.1", "service": "ApisHive"},
            "trend": {"program": r"C:\Program Files\Example\OpcClient.exe"},
        },
        "accounts": {name: {"password": "Simulated-Passw0rd"} for name in ("OPCServerUser", "OPCTrendUser")},
        "hosts": {name: {"address": f"10.0.{number // 250}.{number % 250 + 1}"} for number, name in enumerate(NAMES)},
        "links": [
            {
                "name": f"link {number:04}",
                "server": {"host": NAMES[number % HOSTS], "application": "apis", "account": "OPCServerUser"},
                "client": {
                    "host": NAMES[(number + 1 + number // HOSTS) % HOSTS],
                    "application": "trend",
                    "account": "OPCTrendUser",
                },
                "read_mode": "subscribe",
                "browse": True,
            }
            for number in range(LINKS)
        ],
    }


def domain_model() -> dict[str, Any]:
    """The same in a domain, whose accounts no host has to be told."""
    site = model()
    for link in site["links"]:
        for end in ("server", "client"):
            link[end]["account"] = f"PLANT\\{link[end]['account']}"
    return {**site, "domain": "PLANT", "accounts": {}}


@pytest.mark.timed
@pytest.mark.parametrize(
    ("described", "accounts"),
    [(model, ["OPCServerUser", "OPCTrendUser"]), (domain_model, [])],
    ids=["workgroup", "domain"],
)
def test_the_plan_of_a_large_site(described: Callable[[], dict[str, Any]], accounts: list[str]) -> None:
    source = SiteSource(described(), Groups((), (), {}), NAMES, {})
    options = StateOptions()
    started = time.process_time()
    site = source.read()
    states = {name: host_state(site, derive(site, name), options) for name in NAMES}
    elapsed_s = time.process_time() - started

    assert len(site.links) == LINKS
    for state in states.values():
        assert state["accounts"] == accounts
        rules = {rule["title"]: rule for rule in state["sections"]["firewall"]["applications"]}
        assert rules, state["sections"]["firewall"]
        addresses = {address for rule in rules.values() for address in rule["remote_addresses"]}
        assert len(addresses) == 20  # ten hosts it serves, ten it is served by
    assert elapsed_s < 2.0
