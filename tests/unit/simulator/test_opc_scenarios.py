# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every scenario shows its symptom and nothing else, and goes away with its repair; the seed's own words come out."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from simulator.opc import plants
from simulator.opc.connection import connect
from simulator.opc.layers import Direction, Layer, Mode, Outcome
from simulator.opc.plants import CLIENT, SERVER, Plant
from simulator.opc.scenario import Scenario
from simulator.opc.scenarios import CAUSES, ENVIRONMENTS, SCENARIOS, TROUBLESHOOTING, find

SEED = Path(__file__).resolve().parents[4] / "shared" / "reference" / "seed.txt"
HEALTHY = [plants.named_accounts, plants.vendor_advice, plants.domain_members]
DENIED = {4625, 10005, 10006, 10009, 10010, 10015, 10016, 10017, 10018, 10019, 10027, 10028, 10036, 10037, 10038}


def symptoms(outcome: Outcome) -> dict[Direction, tuple[int, Layer | None]]:
    return {part.direction: (part.hresult, part.layer) for part in outcome.parts if not part.ok}


def link_layer(scenario: Scenario) -> Layer:
    """What people call the place: OpcEnum and the way back are one layer each."""
    wholes = {Direction.BROWSE: Layer.OPC_ENUM, Direction.CALLBACK: Layer.CALLBACK}
    direction = next(item for item in Direction if item in scenario.symptoms)
    return wholes.get(direction, scenario.symptoms[direction][1])


@pytest.mark.parametrize("build", HEALTHY)
@pytest.mark.parametrize("mode", list(Mode))
def test_a_healthy_plant_works_in_both_modes_and_browses(build: Callable[[], Plant], mode: Mode) -> None:
    plant = build()
    outcome = connect(plant.network, replace(plant.link, mode=mode))
    assert outcome.ok, outcome.evidence
    assert outcome.servers == ("Prediktor.ApisOPCServer.1",)
    assert (outcome.callback is not None) == (mode is Mode.SUBSCRIBE)
    assert (outcome.hresult, outcome.layer, outcome.direction, outcome.link_layer) == (0, None, None, None)
    assert outcome.client_log == ()


def test_a_well_set_up_link_leaves_no_refusal_in_any_log() -> None:
    for build in (plants.named_accounts, plants.domain_members):
        events = {item.event_id for item in build().connect().logged}
        assert events == {4624}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda item: item.name)
def test_a_scenario_shows_its_symptom_until_it_is_repaired(scenario: Scenario) -> None:
    plant = scenario.build()
    outcome = plant.connect()
    assert symptoms(outcome) == dict(scenario.symptoms), outcome.evidence
    left = {(item.host, item.event_id) for item in outcome.logged}
    assert set(scenario.events) <= left
    if outcome.ok:
        assert not scenario.repairs
        assert not DENIED & {event_id for _unused, event_id in left}
        return
    assert outcome.evidence
    assert outcome.link_layer is link_layer(scenario)
    scenario.repair(plant)
    repaired = plant.connect()
    assert repaired.ok, repaired.evidence


@pytest.mark.parametrize("scenario", CAUSES, ids=lambda item: item.name)
def test_a_cause_is_the_only_thing_wrong(scenario: Scenario) -> None:
    """Before the break the plant works, so the symptom is due to it."""
    assert scenario.plant().connect().ok
    assert scenario.cause and scenario.source


def test_the_seed_is_there_by_its_names() -> None:
    assert [item.name for item in ENVIRONMENTS] == [
        "no_updates",
        "hardened_client",
        "both_hardened",
        "server_cannot_be_updated",
    ]
    for name in (
        "access_denied_on_create",
        "rpc_unavailable_on_create",
        "empty_server_list",
        "advise_rpc_unavailable",
        "advise_access_denied",
    ):
        assert find(name) in TROUBLESHOOTING
    assert len(SCENARIOS) == len(ENVIRONMENTS) + len(TROUBLESHOOTING) + len(CAUSES)
    assert len(CAUSES) >= 25


def test_every_layer_refuses_in_some_scenario() -> None:
    """Each is passed by the healthy plants, so each has an allowed and a refused case."""
    refused = {layer for scenario in SCENARIOS.values() for _unused, layer in scenario.symptoms.values()}
    wholes = {Layer.OPC_ENUM, Layer.CALLBACK}  # what is refused there has a layer of its own
    assert refused == set(Layer) - wholes
    directions = {direction for scenario in SCENARIOS.values() for direction in scenario.symptoms}
    assert directions == set(Direction)


# One cause for each place where a link may break; none of them undoes or hides another.
PLACES = (
    "client_level_is_impossible",
    "name_not_resolved",
    "client_blocks_port_135_outbound",
    "client_blocks_the_program_outbound",
    "server_has_no_rule_for_port_135",
    "server_rule_blocks_the_program",
    "client_has_dcom_switched_off",
    "server_has_dcom_switched_off",
    "passwords_differ",
    "client_passes_a_low_level",
    "launch_limit_lacks_the_account",
    "launch_permission_lacks_the_account",
    "access_limit_lacks_the_account",
    "access_permission_lacks_the_account",
    "proxy_stub_is_missing_on_the_client",
    "opc_enum_access_lacks_the_account",
    "callback_passwords_differ",
)
PAIRS = list(combinations(PLACES, 2))


@pytest.mark.parametrize(
    "pairs", [random.Random(3).sample(PAIRS, 15), pytest.param(PAIRS, marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_of_two_causes_the_first_in_order_is_named(pairs: list[tuple[str, str]]) -> None:
    for names in pairs:
        plant = plants.named_accounts()
        expected = []
        for scenario in map(find, names):
            for step in scenario.breaks:
                step(plant)
            expected.append(scenario.build().connect().link_layer)
        assert plant.connect().link_layer == min(expected), names  # type: ignore[type-var]


def test_a_scenario_writes_nothing_as_a_caller() -> None:
    plant = find("access_denied_on_create").build()
    plant.connect()
    assert all(not host.journal.changes_by_callers() for host in plant.hosts.values())


# The seed's own words


def seed() -> str:
    if not SEED.exists():
        pytest.skip("comparison with the vendor's article left out: no copy beside the checkout")
    return SEED.read_text(encoding="utf-8")


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_apis_writes_the_log_line_of_the_seed() -> None:
    (line,) = re.findall(r"^\d{4}-.*CreateOPCServer.*$", seed(), re.MULTILINE)
    plant = find("access_denied_on_create_by_default_launch").build()
    (ours,) = plant.connect().client_log
    pattern = r"^[\d-]+ [\d:]+,\d{3}\.\d{3}|10\.100\.86\.\d+|Duration: [\d.]+ ms"
    assert one_line(re.sub(pattern, "*", ours)) == one_line(re.sub(pattern, "*", line))


@pytest.mark.parametrize(
    "name",
    ["empty_server_list", "empty_server_list_by_firewall", "advise_rpc_unavailable", "advise_access_denied"],
)
def test_apis_writes_the_messages_of_the_seed(name: str) -> None:
    text = one_line(seed())
    (message,) = find(name).build().connect().client_log
    for line in message.split("\n"):
        assert one_line(line.replace("»", "")).strip() in text


def test_the_event_of_a_weak_client_is_that_of_the_seed() -> None:
    """`... does not allow the user %1\\%2 SID (%3) from address %4 to activate DCOM server`."""
    outcome = find("hardened_client").build().connect()
    (data, *_others) = [item.data for item in outcome.logged if item.event_id == 10036]
    domain, user, sid, address = data
    assert (domain, user, address) == ("GW01", "OPCClientUser", plants.CLIENT_ADDRESS)
    assert re.fullmatch(r"S-1-5-21(-\d+){3}-\d{4}", sid)


def test_other_programs_do_not_write_as_apis() -> None:
    plant = find("passwords_differ").build()
    link = replace(plant.link, client_program=r"C:\Program Files\Example\OpcClient.exe", client_account="OPCClientUser")
    assert connect(plant.network, link).client_log == ()


def test_hosts_are_named_where_they_refuse() -> None:
    assert find("advise_access_denied").build().connect().failed is not None
    for name, host in (("advise_access_denied", CLIENT), ("access_denied_on_create", SERVER)):
        failed = find(name).build().connect().failed
        assert failed is not None
        assert failed.refusals[0].host == host


def test_a_stopped_server_needs_the_launch_right_as_well() -> None:
    plant = find("access_limit_lacks_the_account").build()
    assert plant.connect().link_layer is Layer.ACCESS_LIMIT
    plant.server.services.stop(None, plants.SERVICE)
    assert plant.connect().link_layer is Layer.APPLICATION_LAUNCH


def test_parts_that_are_whole_layers() -> None:
    assert find("empty_server_list").build().connect().link_layer is Layer.OPC_ENUM
    assert find("advise_rpc_unavailable").build().connect().link_layer is Layer.CALLBACK
    assert find("rpc_unavailable_on_create").build().connect().link_layer is Layer.SERVER_FIREWALL
