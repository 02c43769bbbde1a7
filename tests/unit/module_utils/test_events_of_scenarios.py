# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What simulated hosts write when links fail for one cause each: every event is explained and joined to the link."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._apis_log import parse_apis_log
from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_join import SiteIndex
from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_xml import parse_events
from ansible_collections.otsec.opc_dcom.plugins.module_utils._events import EventGroup, group_events
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site
from simulator.host import SimulatedHost
from simulator.opc.layers import Direction
from simulator.opc.plants import APPLICATION, CLIENT, CLIENT_ADDRESS, SERVER, SERVER_ADDRESS
from simulator.opc.scenario import Scenario
from simulator.opc.scenarios import SCENARIOS
from simulator.programs.event_xml import event_xml

EXPLAINED = {4625, 5157, *range(10000, 10039)}
MESSAGES = {Direction.CONNECT: "create_server", Direction.BROWSE: "browse", Direction.CALLBACK: "callback"}
MODEL: dict[str, Any] = {
    "applications": {"apis": {"prog_id": APPLICATION}},
    "accounts": {"OPCServerUser": {}, "OPCClientUser": {}},
    "hosts": {SERVER: {"address": SERVER_ADDRESS}, CLIENT: {"address": CLIENT_ADDRESS}},
    "links": [
        {
            "name": "history",
            "server": {"host": SERVER, "application": "apis", "account": "OPCServerUser"},
            "client": {"host": CLIENT, "application": "apis", "account": "OPCClientUser"},
        }
    ],
}
# Local by nature, or about this host alone: nothing in them names a peer.
WITHOUT_PEER = {10005, 10010, 10020, 10021, 10022, 10023, 10024}


def read(name: str, host: SimulatedHost) -> list[EventGroup]:
    index = SiteIndex(parse_site(MODEL, [SERVER, CLIENT]), name)
    found: list[EventGroup] = []
    for log in ("System", "Security"):
        records = [record for record in host.event_log.read(None, log) if record.event.event_id in EXPLAINED]
        parsed = parse_events("".join(event_xml(record) for record in reversed(records)), 500)
        assert parsed.unreadable == 0
        found += group_events(parsed.records, log.lower(), index)
    return found


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda item: item.name)
def test_what_a_scenario_writes_is_explained(scenario: Scenario) -> None:
    plant = scenario.build()
    outcome = plant.connect()
    groups = {name: read(name, host) for name, host in plant.hosts.items()}
    for name, event_id in scenario.events:
        if event_id not in EXPLAINED:
            continue
        fitting = [group for group in groups[name] if group.event_id == event_id]
        assert fitting, (name, event_id)
        for group in fitting:
            text = group.explanation.what + group.explanation.fix
            assert "(not said)" not in text
            assert group.is_incomplete is False or event_id == 4625  # the simulated 4625 leaves out what nobody reads
            if scenario.name == "name_not_resolved":
                assert group.explanation.what.endswith("the site model does not know that host")
            elif event_id not in WITHOUT_PEER:
                assert group.joined.host == (CLIENT if name == SERVER else SERVER), text
    log = parse_apis_log(line for text in outcome.client_log for line in text.splitlines())
    said = {(item.message.value, item.code) for item in log.groups}
    failed = {(MESSAGES[part.direction], part.hresult) for part in outcome.parts if not part.ok}
    assert said == (failed if outcome.client_log else set())
