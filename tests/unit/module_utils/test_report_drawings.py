# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things stand in the drawings of a report: one grid for all rows, nothing beside its card, arrows at their ends.

The places are those of the layout that was looked at in a browser; a drawing that moves is looked at again.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_events import events_section
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_map import (
    TITLES,
    Server,
    figures,
    legend,
    servers_of,
    shapes,
    strip,
)

# The drawing is 1100 wide: clients at the left, servers at the right, thirteen layers between them.
WIDTH, CLIENT_END, SERVER_START = 1100, 219, 832
COLUMNS = list(range(342, 342 + 13 * 38, 38))
WAYS = {"connect": "to the server", "browse": "to OpcEnum", "callback": "the way back"}


def layer(way: str, name: str = "account", state: str = "ok", evidence: str = "e", host: str = "h") -> dict[str, str]:
    return {"way": way, "layer": name, "state": state, "host": host, "evidence": evidence}


def link(
    server: str = "plc", client: str = "hist", state: str = "works", layers: Any = (), **more: Any
) -> dict[str, Any]:
    ends = {
        name: {"host": host, "application": "hive", "account": "opc"}
        for name, host in (("server", server), ("client", client))
    }
    return {"name": "history", "state": state, "layers": layers or [layer("connect")], **ends, **more}


def drawn(*links: dict[str, Any]) -> list[ET.Element]:
    return [ET.fromstring(str(item)) for item in figures(servers_of(links))]


def numbers(item: ET.Element, *names: str) -> tuple[int, ...]:
    return tuple(int(item.get(name, "")) for name in names)


def cards(figure: ET.Element, x: int) -> list[tuple[int, int, int]]:
    """y, height and width of the cards that start at x."""
    found = [item for item in figure.iter("rect") if item.get("class") == "card" and item.get("x") == str(x)]
    assert all(item.get("rx") == "8" for item in found)
    return [numbers(item, "y", "height", "width") for item in found]


def wires(figure: ET.Element) -> list[tuple[str, int, int, int]]:
    """State, y, left and right end of every lane."""
    found = [item for item in figure.iter("path") if (item.get("class") or "").startswith("wire")]
    return [
        ((item.get("class") or "").removeprefix("wire w-"), *map(int, (match[2], match[1], match[3])))
        for item in found
        if (match := re.fullmatch(r"M(\d+) (\d+)H(\d+)", item.get("d") or ""))
    ]


def texts(figure: ET.Element, said: str) -> list[ET.Element]:
    return [item for item in figure.iter("text") if item.text == said]


@pytest.mark.parametrize(
    ("ways", "height"), [(("connect",), 64), (("connect", "browse"), 64), (("connect", "browse", "callback"), 72)]
)
def test_a_row_holds_its_lanes_in_the_middle_of_its_cards(ways: tuple[str, ...], height: int) -> None:
    (figure,) = drawn(link(layers=[layer(way) for way in ways]))
    svg = figure.find(".//svg")
    assert svg is not None
    # The head has 142, and 18 are left below a row.
    assert svg.get("viewBox") == f"0 0 {WIDTH} {142 + height + 18}"
    assert cards(figure, 1) == [(142, height, CLIENT_END - 1)]
    assert cards(figure, SERVER_START) == [(142, height, WIDTH - SERVER_START - 1)]
    lanes = wires(figure)
    assert [lane[2:] for lane in lanes] == [(320, 830)] * len(ways)
    places = [lane[1] for lane in lanes]
    assert sum(places) / len(places) == 142 + height // 2
    assert all(later - earlier == 24 for earlier, later in pairwise(places))
    for way, y in zip(ways, places, strict=True):
        (label,) = texts(figure, WAYS[way])
        assert numbers(label, "x", "y") == (230, y + 4)
        marks = [numbers(item, "x", "y") for item in figure.iter("use") if item.get("y") == str(y)]
        assert marks == [(x, y) for x in COLUMNS]


def test_the_words_of_a_card_stand_about_its_middle() -> None:
    (figure,) = drawn(link(state="fails", layers=[layer("connect", state="refuses")]))
    middle = 142 + 32
    edge = next(item for item in figure.iter("rect") if item.get("class") == "f-bad")
    assert numbers(edge, "x", "y", "width", "height", "rx") == (1, 142, 5, 64, 2)
    assert [numbers(item, "x", "y") for item in texts(figure, "1  hist")] == [(16, middle - 5)]
    assert [numbers(item, "x", "y") for item in texts(figure, "hive as opc")] == [(16, middle + 12)]
    (sign,) = texts(figure, "\N{BALLOT X}")
    assert (numbers(sign, "x", "y"), sign.get("class")) == ((206, middle + 5), "t-bold t-bad")
    # The three lines of the server are 17 apart and stay within its card.
    places = [[numbers(item, "x", "y") for item in texts(figure, said)] for said in ("plc", "hive", "runs as opc")]
    assert places == [[(850, middle - 10)], [(850, middle + 7)], [(850, middle + 24)]]


def test_the_words_of_a_tall_server_are_in_its_middle() -> None:
    (figure,) = drawn(*(link(client=f"c{number}") for number in range(4)))
    # Four rows of 64 and three gaps of 18.
    assert cards(figure, SERVER_START) == [(142, 310, 267)]
    assert [card[:2] for card in cards(figure, 1)] == [(142 + 82 * row, 64) for row in range(4)]
    assert [numbers(item, "x", "y") for item in texts(figure, "plc")] == [(850, 142 + 155 - 12)]


def test_the_heads_of_the_columns_stand_over_them() -> None:
    (figure,) = drawn(link())
    for x, title in zip(COLUMNS, TITLES.values(), strict=True):
        (found,) = texts(figure, title)
        assert numbers(found, "x", "y") == (x + 3, 104)
        assert found.get("transform") == f"rotate(-42 {x + 3} 104)"
    brackets = [item.get("d") for item in figure.iter("path") if item.get("class") == "bracket"]
    spans = [(0, 4, "the way there"), (5, 6, "who asks"), (7, 10, "launch doors"), (11, 12, "access doors")]
    assert brackets == [f"M{COLUMNS[a] - 13} 123v-5H{COLUMNS[b] + 13}v5" for a, b, _said in spans]
    for first, last, said in spans:
        (found,) = texts(figure, said)
        assert numbers(found, "x", "y") == ((COLUMNS[first] + COLUMNS[last]) // 2, 133)


def test_an_arrow_points_where_the_call_arrives() -> None:
    (figure,) = drawn(link(layers=[layer("connect"), layer("callback")]))
    (there, back) = (y for _state, y, _left, _right in wires(figure))
    heads = [item.get("d") for item in figure.iter("path") if item.get("class") == "f-ok"]
    assert heads == [f"M830 {there}L821 {there - 5}V{there + 5}z", f"M317 {back}L326 {back - 5}V{back + 5}z"]


def test_a_lane_has_the_colour_of_its_worst_layer_and_a_column_its_worst_state() -> None:
    layers = [
        layer("connect", "account", "ok"),
        layer("connect", "account", "unknown", "not read", "gw"),
        layer("connect", "client_program", "ok"),
        layer("browse", "account", "refuses", "locked", "plc"),
        layer("browse", "account", "unknown"),
        layer("callback", "opc_enum", "refuses"),
    ]
    (figure,) = drawn(link(layers=layers))
    assert [state for state, _y, _left, _right in wires(figure)] == ["unsure", "bad", "off"]
    marks = [item.get("href") for item in figure.iter("use")]
    assert [marks.count(f"#s-{state}") for state in ("ok", "unsure", "bad", "off")] == [1, 1, 1, 36]
    titles = {item.findtext("title") for item in figure.iter("g")}
    assert {"account is not known (gw: not read)", "account refuses (plc: locked)"} <= titles


@pytest.mark.parametrize(("length", "shown"), [(24, "c" * 21), (25, "c" * 20 + "\N{HORIZONTAL ELLIPSIS}")])
def test_long_names_are_cut_at_the_edge_of_their_card(length: int, shown: str) -> None:
    # "1  " and the name: 24 characters fit beside the sign.
    (figure,) = drawn(link(client="c" * (length - 3)))
    assert texts(figure, f"1  {shown}")


@pytest.mark.parametrize(("length", "is_cut"), [(34, False), (35, True)])
def test_long_names_of_a_server_are_cut_at_its_edge(length: int, is_cut: bool) -> None:
    (figure,) = drawn(link(server="s" * length))
    assert bool(texts(figure, "s" * length)) is not is_cut
    assert bool(texts(figure, "s" * 33 + "\N{HORIZONTAL ELLIPSIS}")) is is_cut


@pytest.mark.parametrize(("length", "shown"), [(160, "s" * 151), (161, "s" * 150 + "\N{HORIZONTAL ELLIPSIS}")])
def test_a_long_title_is_cut(length: int, shown: str) -> None:
    (figure,) = drawn(link(server="s" * (length - len("Links to "))))
    assert figure.findtext("figcaption") == f"Links to {shown}"


def test_at_most_ten_links_are_in_one_drawing() -> None:
    def rows(*counts: int) -> list[int]:
        links = [link(server=f"s{place}", client=f"c{n}") for place, count in enumerate(counts) for n in range(count)]
        return [len(cards(figure, 1)) for figure in drawn(*links)]

    assert rows(10) == [10]
    assert rows(11) == [10, 1]
    assert rows(25) == [10, 10, 5]
    assert rows(4, 6) == [10]
    assert rows(4, 7) == [4, 7]
    assert rows(4, 3, 3, 1) == [10, 1]
    assert list(figures([])) == []


def test_rows_of_one_drawing_follow_each_other() -> None:
    (figure,) = drawn(link("a"), link("b", layers=[layer(way) for way in WAYS]), link("c"))
    assert [card[:2] for card in cards(figure, 1)] == [(142, 64), (224, 72), (314, 64)]
    assert [card[:2] for card in cards(figure, SERVER_START)] == [(142, 64), (224, 72), (314, 64)]
    label = "Links to a, b, c: 3 in all, 0 fail. The table of links says the same in words."
    assert [item.get("aria-label") for item in figure.iter("svg")] == [label]


def test_servers_in_the_order_of_need() -> None:
    links = [link("c"), link("b", state="unknown"), link("a"), link("d", state="fails"), link("c", state="unknown")]
    assert [server.host for server in servers_of(links)] == ["d", "b", "c", "a"]
    numbered = {server.host: [number for number, _link in server.links] for server in servers_of(links)}
    assert numbered == {"c": [1, 5], "b": [2], "a": [3], "d": [4]}
    assert Server("c", ((1, links[0]), (5, links[4]))).count("unknown") == 1


@pytest.mark.parametrize(
    ("count", "size"), [(1, (22, 22)), (23, (506, 22)), (24, (528, 22)), (25, (528, 44)), (49, (528, 66))]
)
def test_a_strip_has_twenty_four_signs_in_a_line(count: int, size: tuple[int, int]) -> None:
    links = [(number + 1, link(state="fails" if number == 1 else "works")) for number in range(count)]
    drawing = ET.fromstring(str(strip(links)))
    assert numbers(drawing, "width", "height") == size
    assert drawing.get("viewBox") == f"0 0 {size[0]} {size[1]}"
    assert drawing.get("aria-label") == f"{count} links, {int(count > 1)} fail"
    places = [numbers(item, "x", "y") for item in drawing.iter("use")]
    # In the middle of squares of 22.
    assert places == [(22 * (n % 24) + 11, 22 * (n // 24) + 11) for n in range(count)]
    assert next(item.findtext("title") for item in drawing.iter("g")) == "1 hist: works"


def test_signs_fit_into_a_square_of_twenty() -> None:
    signs = ET.fromstring(str(shapes()))
    assert numbers(signs, "width", "height") == (0, 0)
    assert [item.get("id") for item in signs.iter("g")] == ["s-ok", "s-bad", "s-unsure", "s-off"]
    assert [numbers(item, "r") for item in signs.iter("circle")] == [(8,), (3,)]
    (square,) = signs.iter("rect")
    assert numbers(square, "x", "y", "width", "height", "rx") == (-9, -9, 18, 18, 2)
    icons = list(ET.fromstring(str(legend())).iter("svg"))
    assert [(numbers(item, "width", "height"), item.get("viewBox")) for item in icons] == [((20, 20), "0 0 20 20")] * 3
    assert {numbers(item, "x", "y") for icon in icons for item in icon.iter("use")} == {(10, 10)}


# -- events over time


def group(*times: str, severity: str = "warning", event_id: int | None = 10016, **more: Any) -> dict[str, Any]:
    return {"severity": severity, "event_id": event_id, "times": list(times), "what": "w", "count": len(times), **more}


def events_of(**groups: list[dict[str, Any]]) -> ET.Element:
    report = {"hosts": [{"name": name, "events": items} for name, items in groups.items()]}
    return ET.fromstring(str(events_section(report)))


def ticks(section: ET.Element) -> list[tuple[int, ...]]:
    return [numbers(item, "x", "y", "width", "height") for item in section.iter("rect")]


def axis(section: ET.Element) -> list[tuple[int, int, str | None, str | None]]:
    found = [item for item in section.iter("text") if item.get("class") == "t-soft"]
    return [(*numbers(item, "x", "y"), item.get("text-anchor"), item.text) for item in found]  # type: ignore[misc]


def test_events_stand_where_their_time_is_between_first_and_last() -> None:
    section = events_of(
        a=[group("2026-03-01T00:00:00.000Z", "2026-03-02T00:00:00.000Z", "2026-03-05T00:00:00.000Z")],
        b=[group("2026-03-03T00:00:00.000Z")],
    )
    svg = section.find(".//svg")
    assert svg is not None
    # 34 above, 26 for each row, 12 below.
    assert svg.get("viewBox") == f"0 0 {WIDTH} {34 + 2 * 26 + 12}"
    label = "2 kinds of events from 2026-03-01 00:00 to 2026-03-05 00:00 UTC; the table lists them"
    assert svg.get("aria-label") == label
    # The span of four days goes from 300 to 1040; ticks of 4 by 14 stand in the middle of their row.
    first, second = 34 + 13, 34 + 26 + 13
    assert ticks(section) == [
        (298, first - 7, 4, 14), (483, first - 7, 4, 14), (1038, first - 7, 4, 14), (668, second - 7, 4, 14),
    ]  # fmt: skip
    spans = [(item.get("class"), item.get("d")) for item in section.iter("path") if item.get("class") != "bracket"]
    assert spans == [("wire w-unsure", f"M300 {first}H1040"), ("wire w-unsure", f"M670 {second}H670")]
    assert [numbers(item, "x", "y") for item in texts(section, "a  event 10016")] == [(2, first + 4)]
    (count,) = texts(section, "3\N{MULTIPLICATION SIGN}")
    assert (numbers(count, "x", "y"), count.get("text-anchor")) == ((1098, first + 4), "end")


def test_the_axis_has_five_places() -> None:
    section = events_of(a=[group("2026-03-01T00:00:00.000Z", "2026-03-05T00:00:00.000Z")])
    assert axis(section) == [
        (300, 20, "start", "2026-03-01 00:00"),
        (485, 20, "middle", "2026-03-02 00:00"),
        (670, 20, "middle", "2026-03-03 00:00"),
        (855, 20, "middle", "2026-03-04 00:00"),
        (1040, 20, "end", "2026-03-05 00:00"),
    ]
    lines = [item.get("d") for item in section.iter("path") if item.get("class") == "bracket"]
    assert lines == [f"M{x} 26V{34 + 26 + 12 - 6}" for x in (300, 485, 670, 855, 1040)]


@pytest.mark.parametrize(
    ("last", "said"),
    [("2026-03-01T00:59:59.000Z", "2026-03-01 00:59:59"), ("2026-03-01T01:00:00.000Z", "2026-03-01 01:00")],
)
def test_less_than_an_hour_is_told_in_seconds(last: str, said: str) -> None:
    assert axis(events_of(a=[group("2026-03-01T00:00:00.000Z", last)]))[-1][3] == said


def test_one_moment_has_one_place() -> None:
    section = events_of(a=[group("2026-03-01T00:00:00.000Z")])
    assert [item[0] for item in axis(section)] == [300]
    assert ticks(section) == [(298, 40, 4, 14)]


def test_the_urgent_ones_come_first_then_the_latest() -> None:
    section = events_of(
        a=[group("2026-03-01T00:00:00.000Z"), group("2026-03-04T00:00:00.000Z", severity="info")],
        b=[group("2026-03-02T00:00:00.000Z"), group("2026-02-01T00:00:00.000Z", severity="critical")],
        c=[group(event_id=None, message="browse"), group("2026-03-02T00:00:00.000Z", host="hist07-with-a-long-name")],
    )
    rows = [[cell.text for cell in row] for row in section.findall(".//tbody/tr")]
    assert [row[:2] for row in rows] == [
        ["b", "event 10016"], ["b", "event 10016"], ["c", "event 10016"], ["a", "event 10016"], ["c", "APIS browse"],
    ]  # fmt: skip
    # What has no time is in the table only; info is nowhere.
    assert len(section.findall(".//figure//g")) == 4
    assert texts(section, "c  event 10016  (hist07-with-a-)")
    colours = [item.get("class") for item in section.iter("path") if item.get("class") != "bracket"]
    assert colours == ["wire w-bad", *["wire w-unsure"] * 3]


def test_times_without_a_zone_are_not_drawn() -> None:
    section = events_of(
        a=[
            group(
                "2026-03-01T00:00:00",
                "x Z",
                first_time="2026-03-01T00:00:00.000Z",
                last_time="2026-03-02T00:00:00.000Z",
            )
        ]
    )
    assert [place[0] for place in ticks(section)] == [298, 1038]
    assert events_of(a=[group("2026-03-01T00:00:00")]).find(".//svg") is None


@pytest.mark.parametrize(
    ("count", "drawn_rows", "listed", "more"),
    [(25, 25, 25, 0), (26, 25, 26, 0), (300, 25, 300, 0), (301, 25, 300, 1), (302, 25, 300, 2)],
)
def test_a_flood_is_cut(count: int, drawn_rows: int, listed: int, more: int) -> None:
    section = events_of(a=[group("2026-03-01T00:00:00.000Z") for _number in range(count)])
    assert len(section.findall(".//figure//g")) == drawn_rows
    assert len(section.findall(".//tbody/tr")) == listed
    notes = [item.text for item in section.iter("p") if "JSON" in (item.text or "")]
    assert notes == ([f"{more} more kinds of events are in the JSON file."] if more else [])


def test_long_names_of_hosts_are_cut_before_the_axis() -> None:
    section = events_of(**{"h" * 19: [group("2026-03-01T00:00:00.000Z", host="p" * 15)]})
    assert texts(section, f"{'h' * 18}  event 10016  ({'p' * 14})")


def test_a_row_of_the_table() -> None:
    section = events_of(a=[group("2026-03-01T00:00:00.000Z", last_time="2026-03-01T10:11:12.345Z", count=7)])
    assert [cell.text for cell in section.findall(".//tbody/tr/*")] == [
        "a",
        "event 10016",
        "7",
        "2026-03-01 10:11:12",
        "w",
    ]
    bare = events_of(a=[{"event_id": 10016}])
    assert [cell.text for cell in bare.findall(".//tbody/tr/*")] == ["a", "event 10016", "1", None, None]
    assert events_of(a=[]).find(".//table") is None
