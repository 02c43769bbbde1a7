# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which section of a page says what: problems by how sure they are, links with their refusal, few or many of them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis import Seen
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_data import Collected, report_of
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_html import render_page


def problem(host: str, certainty: str, links: int = 1, **more: Any) -> dict[str, Any]:
    names = [f"l{number}" for number in range(links)]
    return {
        "host": host,
        "certainty": certainty,
        "links": names,
        "what": "w",
        "why": ["y"],
        "do": "do it",
        "commands": [],
        **more,
    }


def link(state: str = "works", first: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    ends = {side: {"host": side, "application": "hive", "account": "opc"} for side in ("server", "client")}
    layers = [{"way": "connect", "layer": "account", "state": "ok", "host": "h", "evidence": "e", "fix": "f"}]
    return {
        "name": "history", "state": state, "first": first, "read_mode": "poll", "browse": False, "pending": [],
        "advice": [], "layers": layers, **ends, **more,
    }  # fmt: skip


def page(*, problems: Any = (), links: Any = (), **summary: Any) -> ET.Element:
    report = report_of(Collected("Plant", "2026-11-23T01:02:03Z", Seen([], {}, (), {}, {}, "")))
    report |= {"problems": list(problems), "links": list(links), "compared_with": summary.pop("compared_with", None)}
    report["summary"] |= {"links": len(links), **summary}
    return ET.fromstring(render_page(report).partition("\n")[2])


def section(root: ET.Element, name: str) -> ET.Element:
    (found,) = [item for item in root.iter("section") if item.get("id") == name]
    return found


def words(item: ET.Element) -> str:
    return "".join(item.itertext())


def test_what_is_sure_comes_before_what_is_possible_and_what_concerns_no_link() -> None:
    sure = [problem(name, name) for name in ("refuses", "logged", "likely")]
    found = section(page(problems=[*sure, problem("maybe", "possible"), problem("weak", "weakness", 0)]), "problems")
    listed = found.find("ol")
    assert listed is not None
    assert [words(item) for item in listed.iter("h3")] == [
        "refuses: w refuses now", "logged: w seen in a log", "likely: w likely",
    ]  # fmt: skip
    assert [item.text for item in listed.iter("span") if item.get("class") == "rank"] == ["1", "2", "3"]
    unsure, weak = found.findall("details")
    assert "1 thing that may be over" in words(unsure) and "maybe: w possible" in words(unsure)
    assert "1 finding beside the links" in words(weak)
    assert [cell.text for cell in weak.findall(".//tbody/tr/*")] == ["weak", "w", "y", "Do it"]
    assert "Most likely cause first" in words(found)


def test_a_page_without_problems_says_so() -> None:
    found = section(page(), "problems")
    assert "Nothing refuses, as far as configuration and logs tell." in words(found)
    assert found.find("ol") is None and found.findall("details") == []
    only = section(page(problems=[problem("maybe", "possible")] * 2), "problems")
    assert "Nothing refuses" in words(only) and "2 things that may be over" in words(only)


@pytest.mark.parametrize(
    ("count", "said"), [(1, "l0"), (8, "l6, l7"), (9, "l6, l7 and 1 more"), (12, "l6, l7 and 4 more")]
)
def test_at_most_eight_links_of_a_problem_are_named(count: int, said: str) -> None:
    text = words(section(page(problems=[problem("h", "likely", count)]), "problems"))
    assert f"{said}Why" in text


@pytest.mark.parametrize(
    ("why", "more"), [(["a"], None), (["a", "b"], "1 more sign of it"), (["a", "b", "c"], "2 more signs of it")]
)
def test_more_signs_of_a_problem_are_folded(why: list[str], more: str | None) -> None:
    found = section(page(problems=[problem("h", "likely", why=why, commands=["run x"])]), "problems")
    assert [item.text for item in found.iter("summary")] == ([more] if more else [])
    assert [item.text for item in found.iter("code")] == ["run x"]
    assert [item.text for item in found.iter("dt")] == ["Why", "Do this", "Run"]
    bare = section(page(problems=[problem("h", "likely", why=[])]), "problems")
    assert [item.text for item in bare.iter("dt")] == ["Do this"]


@pytest.mark.parametrize(
    ("count", "note"), [(200, None), (201, "1 more are in the JSON file."), (203, "3 more are in the JSON file.")]
)
def test_two_hundred_findings_are_listed(count: int, note: str | None) -> None:
    found = section(page(problems=[problem("h", "weakness", 0)] * count), "problems")
    assert len(found.findall(".//tbody/tr")) == 200
    assert [item.text for item in found.iter("p") if "JSON" in (item.text or "")] == ([note] if note else [])


@pytest.mark.parametrize(
    ("summary", "count", "state", "said"),
    [
        ({"links_fails": 1}, 2, "bad", "1 of 2 links fails"),
        ({"links_fails": 2, "links_unknown": 1}, 3, "bad", "2 of 3 links fail"),
        ({"links_fails": 1}, 1, "bad", "1 of 1 link fails"),
        ({"links_unknown": 1}, 2, "unsure", "Nothing refuses, but of 1 of 2 links not everything is known"),
        ({}, 1, "ok", "The link is let through"),
        ({}, 2, "ok", "All 2 links are let through on every layer"),
        ({}, 0, "unsure", "The site model has no links"),
    ],
)
def test_the_verdict_of_a_page(summary: dict[str, int], count: int, state: str, said: str) -> None:
    root = page(links=[link()] * count, **summary)
    (verdict,) = [item for item in root.iter("div") if (item.get("class") or "").startswith("verdict")]
    assert (verdict.get("class"), verdict.findtext("p")) == (f"verdict {state}", said)


def test_when_it_was_read() -> None:
    assert "As read at 2026-11-23 01:02 UTC" in words(page())
    assert "UTC, compared with 2026-11-22 01:02 UTC" in words(page(compared_with="2026-11-22T01:02:03Z"))
    assert "compared with" not in words(page())


@pytest.mark.parametrize(("count", "is_folded"), [(24, False), (25, True)])
def test_many_links_are_folded(count: int, is_folded: bool) -> None:
    root = page(links=[link("fails" if number == 3 else "works") for number in range(count)])
    drawn, listed = section(root, "map"), section(root, "links")
    assert bool(drawn.findall("details")) is is_folded
    assert len([item for item in listed.iter("details") if item.get("id")]) == count
    assert len(listed.findall("details")) == (1 if is_folded else count)
    if is_folded:
        (server,) = drawn.findall("details")
        assert server.get("open") == "open"
        assert "1 of 25 fail" in words(server)


@pytest.mark.parametrize(
    ("state", "said", "is_open"),
    [("works", "25 links", None), ("unknown", "25 links", None), ("fails", "25 of 25 fail", "open")],
)
def test_a_folded_server_is_open_where_something_fails(state: str, said: str, is_open: str | None) -> None:
    (server,) = section(page(links=[link(state)] * 25), "map").findall("details")
    assert server.get("open") == is_open
    badge = next(item for item in server.iter("span") if (item.get("class") or "").startswith("badge"))
    assert badge.get("class") == {"works": "badge ok", "unknown": "badge unsure", "fails": "badge bad"}[state]
    assert (badge.text or "").endswith(said)


def test_a_row_of_a_link_says_what_refuses_first() -> None:
    first = {"layer": "account", "host": "gw01", "evidence": "it is locked"}
    odd = {"layer": "some_layer", "host": "gw01", "evidence": "e"}
    links = [link("fails", first, browse=True, pending=["p"], advice=["a"]), link("unknown", odd), link()]
    rows = section(page(links=links), "links").findall(".//table/tbody/tr[@data-state]")
    assert [row.get("data-state") for row in rows] == ["fails", "unknown", "works"]
    cells = [[words(cell) for cell in row] for row in rows]
    assert cells[0] == [
        "1",
        "historypoll, browses",
        "clienthive as opc",
        "serverhive as opc",
        "\u2717 fails",
        "account on gw01: it is lockedpa",
    ]
    assert [row[-1] for row in cells[1:]] == ["some_layer on gw01: e", ""]
    assert cells[2][1] == "historypoll"


def test_every_layer_in_words() -> None:
    layers = [
        {"way": "connect", "layer": "account", "state": "ok", "host": "h", "evidence": "e1", "fix": ""},
        {"way": "connect", "layer": "proxy_stub", "state": "refuses", "host": "h", "evidence": "e2", "fix": "f2"},
        {"way": "callback", "layer": "account", "state": "unknown", "host": "g", "evidence": "e3", "fix": "f3"},
    ]
    found = section(page(links=[link("fails", layers=layers, pending=["p"])]), "links")
    (details,) = found.findall("details")
    assert [item.text for item in details.iter("th") if item.get("scope") == "rowgroup"] == [
        "To the OPC server",
        "The way back to the client",
    ]
    rows = [[words(cell) for cell in row] for row in details.findall(".//tbody/tr") if len(row) == 5]
    assert rows == [
        ["account", "h", "\u2713 ok", "e1", ""], ["proxy stub", "h", "\u2717 refuses", "e2", "f2"],
        ["account", "g", "? not known", "e3", "f3"],
    ]  # fmt: skip
    assert [item.text for item in details.iter("li")] == ["p"]
    checked = [item.get("id") for item in found.iter("input") if item.get("checked")]
    assert checked == ["only-all"]
    assert section(page(), "links").findall("input") == []
