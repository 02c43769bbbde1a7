# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which request belongs to which refusal: the joined host, the address, the name and the time, each up to its limit."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_pairs import pair_weak_activations

MINUTE = "2024-01-02T03:{:02d}:{:02d}.000000Z"


def refusal(**changes: Any) -> dict[str, Any]:
    data = {"address": "10.0.0.21", "domain": "PLANT", "user": "opc", "sid": "S-1-5-21-1-2-3-1000"}
    group = {"event_id": 10036, "data": data, "times": [MINUTE.format(4, 0)], "count": 3, "links": ["tags"], "fix": "x"}
    return {**group, "last_time": "2024-01-02T03:04:00Z", **changes}


def request(target: str = "gw01", event_id: int = 10037, **changes: Any) -> dict[str, Any]:
    data = {"program": "C:\\x.exe", "target": target, "level": "2", "clsid": "{1}"}
    return {"event_id": event_id, "data": data, "times": [MINUTE.format(4, 0)], "fix": "y", **changes}


def result(*groups: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"groups": list(groups), "addresses": [], "computer": None, **more}


def programs(server: dict[str, Any], **clients: dict[str, Any]) -> list[tuple[str | None, str | None]]:
    return [(pair["client"], pair["program"]) for pair in pair_weak_activations({"gw01": server, **clients})]


def test_a_host_that_was_joined_counts_more_than_an_address() -> None:
    joined = result(refusal(host="hist02"))
    one = result(request(), addresses=["10.0.0.21"])
    assert programs(joined, hist01=one) == [("hist02", None)]
    assert programs(joined, hist01=one, hist02=result(request())) == [("hist02", "C:\\x.exe")]


@pytest.mark.parametrize(("minute", "second", "fits"), [(6, 0, True), (6, 1, False), (2, 0, True), (1, 59, False)])
def test_two_minutes_are_near(minute: int, second: int, fits: bool) -> None:
    found = programs(result(refusal()), hist01=result(request(times=[MINUTE.format(minute, second)])))
    assert found == [("hist01", "C:\\x.exe") if fits else (None, None)]


def test_the_nearest_of_several_times_counts_and_what_is_no_time_does_not() -> None:
    times = ["never", MINUTE.format(50, 0), MINUTE.format(5, 30), MINUTE.format(3, 15)]
    results = {"gw01": result(refusal(times=["", MINUTE.format(4, 0)])), "hist01": result(request(times=times))}
    (pair,) = pair_weak_activations(results)
    assert pair["seconds_apart"] == 45.0
    (alone,) = pair_weak_activations({**results, "hist01": result(request(times=["never"]))})
    assert (alone["program"], alone["seconds_apart"]) == (None, None)


@pytest.mark.parametrize(
    ("target", "more", "is_named"),
    [
        ("GW01", {}, True),
        ("\\\\gw01.plant.example ", {}, True),
        ("server7.plant.example", {"computer": "SERVER7.other.example"}, True),
        ("10.0.0.11", {"addresses": ["10.0.0.11"]}, True),
        ("10.0.0.12", {"addresses": ["10.0.0.11"]}, False),
        ("gw011", {}, False),
        ("", {}, False),
    ],
)
def test_a_request_names_its_server(target: str, more: dict[str, Any], is_named: bool) -> None:
    found = programs(result(refusal(), **more), hist01=result(request(target), addresses=["10.0.0.21"]))
    assert found == [("hist01", "C:\\x.exe" if is_named else None)]


@pytest.mark.parametrize("target", ["10.0.0.99", "unknown", ""])
def test_a_request_that_was_joined_to_the_server_needs_no_name(target: str) -> None:
    client = result(request(target, host="gw01"), addresses=["10.0.0.21"])
    assert programs(result(refusal()), hist01=client) == [("hist01", "C:\\x.exe")]


def test_a_pair_says_who_was_refused_and_what_sets_the_level() -> None:
    results = {"gw01": result(refusal()), "hist01": result(request(event_id=10038), addresses=["10.0.0.21"])}
    (pair,) = pair_weak_activations(results)
    assert pair == {
        "server": "gw01", "client": "hist01", "address": "10.0.0.21", "user": "PLANT\\opc",
        "sid": "S-1-5-21-1-2-3-1000", "links": ["tags"], "count": 3, "last_time": "2024-01-02T03:04:00Z",
        "program": "C:\\x.exe", "clsid": "{1}", "level": "2", "set_by": "default", "seconds_apart": 0.0, "fix": "y",
        "what": "gw01 refused C:\\x.exe on hist01 (10.0.0.21), which activates with level 2, the default of that host",
    }  # fmt: skip


def test_a_refusal_without_an_address_and_a_user_without_a_domain() -> None:
    (pair,) = pair_weak_activations({"gw01": result(refusal(data={"user": "opc"}, links=None))})
    assert (pair["user"], pair["links"], pair["fix"]) == ("opc", [], "x")
    assert pair["what"] == "gw01 refused a weak activation from an unnamed address; its events were not read"
