# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our own modules read of a simulated plant whose link was tried: ends, machines, events, the client's log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from link_states import read_plant, spec_of
from memory_host import MemoryHost

from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis import Seen
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_spec import LinkSpec
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_model import Site
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._events import parse_request, read_events
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._info import read_machine
from simulator.opc.plants import CLIENT, Plant

NAME = "history"


def model_of(plant: Plant) -> dict[str, Any]:
    """opc_site for the link of a plant, which is called `history`."""
    spec = spec_of(plant)
    ends = {"server": spec.server, "client": spec.client}
    hive = {"prog_id": spec.server.selector[1], "program": spec.server.program, "service": spec.server.service}
    links = {side: {"host": end.host, "application": "hive", "account": end.account} for side, end in ends.items()}
    model: dict[str, Any] = {
        "applications": {"hive": hive},
        "accounts": {end.account: {} for end in ends.values() if end.account != "LocalSystem"},
        "hosts": {end.host: {"address": end.addresses[0]} for end in ends.values()},
        "links": [
            {
                "name": NAME,
                **links,
                "read_mode": "subscribe",
                "browse": True,
                "allow_anonymous": True,
                "reason": "a test",
            }
        ],
    }
    if plant.server.domain is not None:
        model["domain"] = plant.server.domain.authority
    return model


def seen_in(plant: Plant, *, with_log: bool = True, with_events: bool = True, with_discovery: bool = False) -> Seen:
    """Try the link, then read everything that the playbook diagnose_opc reads."""
    outcome = plant.connect()
    spec: LinkSpec = replace(spec_of(plant), name=NAME)
    ends = read_plant(plant, spec)
    site = parse_site(model_of(plant), [])
    log = "\n".join(outcome.client_log) if with_log else ""
    events = {name: _events(plant, name, site, log) for name in ends} if with_events else {}
    machines: Mapping[str, Any] = {
        name: MemoryHost(plant.hosts[name]).ask(lambda host: read_machine(host, [], () if with_discovery else None))
        for name in ends
    }
    silent = [name for name in plant.hosts if name not in ends]
    return Seen([spec], ends, silent, events, machines, " -i site.ini")


def _events(plant: Plant, name: str, site: Site, log: str) -> dict[str, Any]:
    options = {
        "logs": ["system", "security"],
        "since": None,
        "after_record": None,
        "max_events": 500,
        "apis_logs": [],
        "apis_text": log if name == CLIENT and log else None,
    }
    request = parse_request(options, name, site)
    found: dict[str, Any] = MemoryHost(plant.hosts[name]).ask(lambda host: read_events(host, request))
    return found
