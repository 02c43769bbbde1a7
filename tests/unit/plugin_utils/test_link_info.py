# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What opc_link_info says of a link, held against what the simulated plant does when it plays the link."""

from __future__ import annotations

import json
import random
from itertools import islice
from typing import Any

import pytest
from link_states import (
    BREAKERS,
    NOT_SEEN,
    PLANTS,
    Breaker,
    both_broken,
    broken,
    judge,
    layer_of,
    layer_seen,
    pairs_of_scenarios,
    read_plant,
    spec_of,
)

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_check import LayerState, LinkLayer, check_link
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_spec import link_from_dict
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._link_info import judge_links
from simulator.com_state import OLE
from simulator.opc import administration as admin
from simulator.opc.plants import CLIENT, SERVER, named_accounts
from simulator.opc.scenario import Scenario, set_levels
from simulator.opc.scenarios import SCENARIOS
from simulator.profiles import SERVER_2012_R2


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario(name: str) -> None:
    plant = SCENARIOS[name].build()
    verdict = judge(plant, spec_of(plant))
    if name in NOT_SEEN:
        assert verdict.works is not False, verdict.first
    else:
        assert layer_of(verdict) == layer_seen(plant), verdict.first


@pytest.mark.parametrize("plant_name", PLANTS)
def test_links_that_work_are_said_to_work(plant_name: str) -> None:
    plant = PLANTS[plant_name]()
    verdict = judge(plant, spec_of(plant))
    assert (plant.connect().ok, verdict.works) == (True, True)
    assert {item.state for item in verdict.layers} == {LayerState.OK}


@pytest.mark.parametrize("revision", [19000, 20045, 20671, 20865])
def test_updates_of_a_client_that_its_build_does_not_tell(revision: int) -> None:
    """Before June 2021, June 2021, November 2022 and March 2023: the CVE records of dcom.md 7."""
    plant = named_accounts(client=SERVER_2012_R2.with_revision(revision))
    set_levels(plant.client, 2)
    admin.reboot(plant.client)
    verdict = judge(plant, spec_of(plant))
    assert verdict.works is plant.connect().ok
    assert layer_of(verdict) == layer_seen(plant)


def _state(rng: random.Random) -> tuple[str, list[Breaker]]:
    """A plant and one or two things that are broken in it."""
    plant_name = rng.choice(list(PLANTS))
    plant = PLANTS[plant_name]()
    fitting = [breaker for breaker in BREAKERS if breaker.fits(plant)]
    return plant_name, rng.sample(fitting, rng.choice([1, 2]))


def _assert_agreement(seed: int, count: int) -> None:
    rng = random.Random(seed)
    for plant_name, breakers in islice(iter(lambda: _state(rng), None), count):
        made = PLANTS[plant_name]()
        spec = spec_of(made)
        plant = broken(made, breakers)
        verdict = judge(plant, spec)
        seen = layer_seen(plant)
        what = f"{plant_name}: {', '.join(item.name for item in breakers)}: {verdict.first}"
        assert seen is not None, what
        assert layer_of(verdict) == seen, what
        assert verdict.first is not None and verdict.first.fix, what


@pytest.mark.parametrize("seed", range(4))
def test_the_first_refusing_layer_of_random_broken_states(seed: int) -> None:
    _assert_agreement(seed, 25)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_the_first_refusing_layer_of_a_thousand_broken_states(seed: int) -> None:
    _assert_agreement(seed, 100)


PAIRS = pairs_of_scenarios()


@pytest.mark.parametrize(
    "pairs", [random.Random(5).sample(PAIRS, 40), pytest.param(PAIRS, marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_the_first_refusing_layer_of_two_scenarios(pairs: list[tuple[Scenario, Scenario]]) -> None:
    played = 0
    for first, second in pairs:
        plant = both_broken(first, second)
        if plant is None:
            continue
        verdict = judge(plant, spec_of(plant))
        assert layer_of(verdict) == layer_seen(plant), (first.name, second.name, verdict.first)
        played += 1
    assert played > 0.9 * len(pairs)


def test_a_host_that_was_not_read_leaves_its_layers_unknown() -> None:
    """As in a job slice: what the other host decides is judged all the same."""
    plant = named_accounts()
    spec = spec_of(plant)
    whole = judge(plant, spec)
    facts = {name: value for name, value in read_plant(plant, spec).items() if name == SERVER}
    verdict = check_link(spec, facts)
    assert verdict.works is None
    assert {item.host for item in verdict.layers if item.state is LayerState.UNKNOWN} >= {CLIENT}
    own = [item for item in verdict.layers if item.host == SERVER and item.state is LayerState.OK]
    assert {item.layer for item in own} >= {
        LinkLayer.SERVER_FIREWALL,
        LinkLayer.ACCESS_LIMIT,
        LinkLayer.APPLICATION_ACCESS,
    }
    assert {(item.way, item.layer) for item in own} <= {(item.way, item.layer) for item in whole.layers}
    assert check_link(spec, {}).works is None


def _types_in(value: Any) -> set[type]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {type(value)}.union(*map(_types_in, inner))


def test_a_result_holds_plain_data_only() -> None:
    """Ansible warns of an enum and changes a tuple."""
    plant = named_accounts()
    plant.client.registry.delete_value(None, OLE, "LegacyAuthenticationLevel")
    for facts in read_plant(plant, spec_of(plant)).values():
        assert _types_in(facts.to_dict()) <= {dict, list, str, int, bool, type(None)}


def test_the_module_takes_what_the_other_module_gives() -> None:
    plant = named_accounts()
    spec = spec_of(plant)
    ends = {name: facts.to_dict() for name, facts in read_plant(plant, spec).items()}
    result = judge_links({"links": [spec.to_dict()], "ends": ends, "unreached": [], "layers": "all"})
    assert (result["changed"], result["failing"], result["unknown"], result["pending"]) == (False, [], [], [])
    assert result["summary"] == [f"works   {spec.name}"]
    silent = judge_links(
        {"links": [spec.to_dict()], "ends": {CLIENT: ends[CLIENT]}, "unreached": [SERVER], "layers": "all"}
    )
    assert silent["failing"] == [spec.name]
    assert silent["summary"][0].startswith(
        f"FAILS   {spec.name}: name_and_address on gw01: gw01 does not answer Ansible."
    )
    partial = judge_links({"links": [spec.to_dict()], "ends": {CLIENT: ends[CLIENT]}, "unreached": [], "layers": "all"})
    assert partial["summary"][0].startswith(f"unknown {spec.name}: gw01 was not looked at")


def test_a_thousand_working_links_fit_into_an_event_of_awx() -> None:
    """AWX drops a result of more than 700,000 bytes (MAX_EVENT_RES_DATA)."""
    plant = named_accounts()
    spec = spec_of(plant)
    ends = {name: facts.to_dict() for name, facts in read_plant(plant, spec).items()}
    links = [{**spec.to_dict(), "name": f"link {number:04}"} for number in range(1000)]
    result = judge_links({"links": links, "ends": ends, "unreached": [], "layers": "not_ok"})
    assert (len(result["links"]), result["failing"], result["unknown"]) == (1000, [], [])
    assert len(json.dumps(result)) < 500_000
    broken_one = judge_links(
        {"links": links[:1], "ends": {CLIENT: ends[CLIENT]}, "unreached": [SERVER], "layers": "not_ok"}
    )
    assert {item["state"] for item in broken_one["links"][0]["layers"]} == {"refuses", "unknown"}


@pytest.mark.parametrize("item", [{}, {"name": "x"}, {"name": "x", "path": "y", "read_mode": "push", "browse": 1}])
def test_what_is_no_link_is_refused(item: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="is no link as the filter opc_links makes them"):
        link_from_dict("links[0]", item)


def test_what_is_no_end_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"ends.gw01: is not what opc_end_info tells of a host"):
        judge_links({"links": [], "ends": {"gw01": {"host": "gw01"}}, "unreached": []})
