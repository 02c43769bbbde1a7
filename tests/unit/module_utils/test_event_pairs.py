# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""10036 of a server put together with 10037 and 10038 of its client."""

from __future__ import annotations

from typing import Any

import pytest
from event_samples import event_xml, output

from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_pairs import pair_weak_activations
from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_xml import parse_events
from ansible_collections.otsec.opc_dcom.plugins.module_utils._events import group_events

CLSID = "{8E423571-A67B-11D2-9418-00608CF4C421}"
TIME = "2024-01-02T03:04:05.0000000Z"


def result(*events: str, addresses: tuple[str, ...] = (), computer: str | None = None) -> dict[str, Any]:
    groups = group_events(parse_events(output(*events), 500).records, "system")
    return {"groups": [group.to_dict() for group in groups], "addresses": list(addresses), "computer": computer}


def refusal(address: str = "10.0.0.21", time: str = TIME) -> str:
    return event_xml(10036, ["PLANT", "opc", "S-1-5-21-1-2-3-1000", address], time=time)


def request(target: str = "gw01", event_id: int = 10037, time: str = TIME, program: str = "C:\\x.exe") -> str:
    return event_xml(event_id, [program, "5660", CLSID, target, "2"], time=time)


def pairs(**results: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(item["server"], item["client"], item["program"]) for item in pair_weak_activations(results)]


def test_both_ends_are_put_together() -> None:
    results = {
        "gw01": result(refusal(), addresses=("10.0.0.11",), computer="GW01.plant.example"),
        "hist01": result(request("gw01.plant.example"), addresses=("10.0.0.21",)),
    }
    (pair,) = pair_weak_activations(results)
    assert {name: pair[name] for name in ("server", "client", "program", "clsid", "level", "set_by", "user")} == {
        "server": "gw01",
        "client": "hist01",
        "program": "C:\\x.exe",
        "clsid": CLSID,
        "level": "2",
        "set_by": "program",
        "user": "PLANT\\opc",
    }
    assert pair["seconds_apart"] == 0.0
    assert pair["what"] == (
        "gw01 refused C:\\x.exe on hist01 (10.0.0.21), which activates with level 2, which the program sets itself"
    )
    assert "vendor" in pair["fix"]


def test_a_default_level_has_another_fix() -> None:
    (pair,) = pair_weak_activations(
        {
            "gw01": result(refusal(), addresses=("10.0.0.11",)),
            "hist01": result(request("10.0.0.11", 10038), addresses=("10.0.0.21",)),
        }
    )
    assert (pair["set_by"], pair["client"]) == ("default", "hist01")
    assert "authentication_level to packet_integrity" in pair["fix"]


@pytest.mark.parametrize("target", ["gw01", "GW01", "gw01.plant.example", "\\\\gw01", "10.0.0.11", "::ffff:10.0.0.11"])
def test_the_server_is_recognised_by_any_of_its_names(target: str) -> None:
    found = pairs(
        gw01=result(refusal(), addresses=("10.0.0.11",)), hist01=result(request(target), addresses=("10.0.0.21",))
    )
    assert found == [("gw01", "hist01", "C:\\x.exe")]


@pytest.mark.parametrize("target", ["gw02", "10.0.0.12", "", "gw"])
def test_requests_for_other_servers_do_not_fit(target: str) -> None:
    found = pairs(
        gw01=result(refusal(), addresses=("10.0.0.11",)), hist01=result(request(target), addresses=("10.0.0.21",))
    )
    assert found == [("gw01", "hist01", None)]


def test_requests_of_other_clients_do_not_fit() -> None:
    found = pairs(
        gw01=result(refusal(), addresses=("10.0.0.11",)),
        hist01=result(addresses=("10.0.0.21",)),
        eng01=result(request(), addresses=("10.0.0.31",)),
    )
    assert found == [("gw01", "hist01", None)]


def test_every_program_that_fits_is_named() -> None:
    found = pairs(
        gw01=result(refusal()),
        hist01=result(request(program="a.exe"), request(program="b.exe"), addresses=("10.0.0.21",)),
    )
    assert sorted(str(item[2]) for item in found) == ["a.exe", "b.exe"]


@pytest.mark.parametrize(
    ("time", "fits"), [("2024-01-02T03:05:55.0000000Z", True), ("2024-01-02T04:04:05.0000000Z", False)]
)
def test_without_addresses_the_time_decides(time: str, fits: bool) -> None:
    found = pairs(gw01=result(refusal()), hist01=result(request(time=time)))
    assert found == ([("gw01", "hist01", "C:\\x.exe")] if fits else [("gw01", None, None)])


def test_what_is_missing_is_said() -> None:
    (alone,) = pair_weak_activations({"gw01": result(refusal())})
    assert alone["what"] == "gw01 refused a weak activation from 10.0.0.21; its events were not read"
    (silent,) = pair_weak_activations({"gw01": result(refusal()), "hist01": result(addresses=("10.0.0.21",))})
    assert silent["what"].endswith("from hist01 (10.0.0.21); its events name no program")


@pytest.mark.parametrize(
    "broken", [{}, {"groups": None}, {"groups": "text"}, {"groups": [1]}, {"groups": [{"event_id": 10036}]}]
)
def test_results_in_another_form_cost_nothing(broken: dict[str, Any]) -> None:
    found = pair_weak_activations({"gw01": result(refusal()), "odd": broken})
    assert ("gw01", "10.0.0.21") in [(item["server"], item["address"]) for item in found]


def test_a_loop_on_one_host_is_no_pair() -> None:
    assert pairs(gw01=result(refusal("10.0.0.11"), request("gw01"), addresses=("10.0.0.11",))) == [
        ("gw01", "gw01", None)
    ]
