# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The map of links as SVG: for each server its clients, and on the way between them every layer that may refuse. Pure.

One row is one link, with a lane for each of its ways: to the OPC server, to OpcEnum, and back. A lane is a checklist in
the order of the layers, the same columns for all, so that rows can be compared however many there are. A sign tells the
state (tick, cross, question mark), the colour only repeats it. Columns of one width and rows of one height: no layout
is computed, so 300 links cost what they weigh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ._link_check import LinkLayer
from ._markup import Markup, element, join

Data = Mapping[str, Any]
ROWS_PER_FIGURE = 10
CLASSES = {"works": "ok", "ok": "ok", "fails": "bad", "refuses": "bad", "unknown": "unsure"}
SIGNS = {"ok": "\N{CHECK MARK}", "bad": "\N{BALLOT X}", "unsure": "?"}
WORDS = {"ok": "lets through", "bad": "refuses", "unsure": "is not known", "off": "is not judged on this way"}

COLUMNS = tuple(item for item in LinkLayer if item not in (LinkLayer.OPC_ENUM, LinkLayer.CALLBACK))
TITLES = {
    LinkLayer.CLIENT_PROGRAM: "client program",
    LinkLayer.NAME_AND_ADDRESS: "name and address",
    LinkLayer.CLIENT_FIREWALL: "client firewall",
    LinkLayer.SERVER_FIREWALL: "server firewall",
    LinkLayer.ENDPOINT_MAPPER: "RPC and DCOM",
    LinkLayer.ACCOUNT: "account",
    LinkLayer.AUTHENTICATION_LEVEL: "authentication level",
    LinkLayer.CLASS_REGISTRATION: "class registration",
    LinkLayer.LAUNCH_AND_ACTIVATION_LIMIT: "launch limit",
    LinkLayer.APPLICATION_LAUNCH: "launch permission",
    LinkLayer.APPLICATION_START: "start of the program",
    LinkLayer.ACCESS_LIMIT: "access limit",
    LinkLayer.APPLICATION_ACCESS: "access permission",
}
_WAYS = (("connect", "to the server"), ("browse", "to OpcEnum"), ("callback", "the way back"))
# First and last column of what belongs together.
_BRACKETS = ((0, 4, "the way there"), (5, 6, "who asks"), (7, 10, "launch doors"), (11, 12, "access doors"))
_WIDTH, _CARD, _LANES, _FIRST, _STEP = 1100, 218, 322, 342, 38
_SERVER, _HEAD, _LANE, _GAP, _LEAST = 832, 142, 24, 18, 64
_ORDER = ("ok", "unsure", "bad")


@dataclass(frozen=True, slots=True)
class Server:
    """A server host and its links, each with its number in the report."""

    host: str
    links: tuple[tuple[int, Data], ...]

    def count(self, state: str) -> int:
        return sum(link["state"] == state for _number, link in self.links)


def servers_of(links: Sequence[Data]) -> list[Server]:
    """Servers in the order of need: those with links that fail first."""
    found: dict[str, list[tuple[int, Data]]] = {}
    for number, link in enumerate(links, 1):
        found.setdefault(str(link["server"]["host"]), []).append((number, link))
    servers = [Server(host, tuple(items)) for host, items in found.items()]
    return sorted(servers, key=lambda item: (not item.count("fails"), not item.count("unknown"), item.host))


def figures(servers: Sequence[Server]) -> Iterator[Markup]:
    """Drawings of servers, one below the other, with at most ten links each."""
    blocks: list[Server] = []
    for part in (part for server in servers for part in _parts(server)):
        if sum(len(item.links) for item in blocks) + len(part.links) > ROWS_PER_FIGURE:
            yield _figure(blocks)
            blocks = []
        blocks.append(part)
    if blocks:
        yield _figure(blocks)


def _parts(server: Server) -> Iterator[Server]:
    for start in range(0, len(server.links), ROWS_PER_FIGURE):
        yield replace(server, links=server.links[start : start + ROWS_PER_FIGURE])


def _figure(blocks: Sequence[Server]) -> Markup:
    drawn, top = [_header()], _HEAD
    for block in blocks:
        drawn.append(_block(block, top))
        top += sum(map(_row_height, block.links))
    numbers = [number for block in blocks for number, _link in block.links]
    failing = sum(block.count("fails") for block in blocks)
    hosts = ", ".join(dict.fromkeys(block.host for block in blocks))
    title = f"Links to {hosts}"
    label = f"{title}: {len(numbers)} in all, {failing} fail. The table of links says the same in words."
    place = {"class": "map", "viewBox": f"0 0 {_WIDTH} {top}", "role": "img", "aria-label": label}
    drawing = element("svg", place, drawn)
    box = element("div", {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": title}, drawing)
    return element("figure", None, element("figcaption", None, _short(title, 160)), box)


def _block(server: Server, top: int) -> Markup:
    heights = [_row_height(item) for item in server.links]
    parts = [_server_card(server, top, sum(heights) - _GAP)]
    for (number, link), size in zip(server.links, heights, strict=True):
        parts.append(_row(number, link, top, size))
        top += size
    return join(parts)


def _row_height(item: tuple[int, Data]) -> int:
    link = item[1]
    return max(_LANE * len(_lanes(link)), _LEAST) + _GAP


def _lanes(link: Data) -> list[tuple[str, str]]:
    ways = {str(item["way"]) for item in link["layers"]}
    return [(way, text) for way, text in _WAYS if way in ways]


# -- what stands still


def _x(column: int) -> int:
    return _FIRST + _STEP * column


def _header() -> Markup:
    return join((*map(_column_title, range(len(COLUMNS))), *(_bracket(*item) for item in _BRACKETS)))


def _column_title(column: int) -> Markup:
    x, y = _x(column) + 3, _HEAD - 38
    place = {"transform": f"rotate(-42 {x} {y})", "x": x, "y": y, "class": "t-soft"}
    return element("text", place, TITLES[COLUMNS[column]])


def _bracket(first: int, last: int, text: str) -> Markup:
    left, right, y = _x(first) - 13, _x(last) + 13, _HEAD - 24
    line = element("path", {"class": "bracket", "d": f"M{left} {y + 5}v-5H{right}v5"})
    middle = {"x": (left + right) // 2, "y": y + 15, "text-anchor": "middle", "class": "t-soft"}
    return join((line, element("text", middle, text)))


def _server_card(server: Server, top: int, height: int) -> Markup:
    ends = [link["server"] for _number, link in server.links]
    programs = dict.fromkeys(str(end["application"]) for end in ends)
    accounts = dict.fromkeys(str(end["account"]) for end in ends)
    x, first = _SERVER + 18, top + max(height // 2 - 12, 22)
    lines = ((server.host, "t-bold"), (", ".join(programs), None), (f"runs as {', '.join(accounts)}", "t-soft"))
    texts = [
        element("text", {"x": x, "y": first + 17 * index, "class": name}, _short(text, 34))
        for index, (text, name) in enumerate(lines)
    ]
    place = {"class": "card", "x": _SERVER, "y": top, "width": _WIDTH - _SERVER - 1, "height": height, "rx": 8}
    return join((element("rect", place), *texts))


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


# -- one link


def _row(number: int, link: Data, top: int, size: int) -> Markup:
    lanes = _lanes(link)
    inner = size - _GAP
    start = top + (inner - _LANE * len(lanes)) // 2 + _LANE // 2
    drawn = [_lane(link, way, text, start + _LANE * index) for index, (way, text) in enumerate(lanes)]
    return element("g", None, _client_card(number, link, top, inner), drawn)


def _client_card(number: int, link: Data, top: int, height: int) -> Markup:
    state = CLASSES[str(link["state"])]
    client = link["client"]
    frame = element("rect", {"class": "card", "x": 1, "y": top, "width": _CARD, "height": height, "rx": 8})
    edge = element("rect", {"class": f"f-{state}", "x": 1, "y": top, "width": 5, "height": height, "rx": 2})
    middle = top + height // 2
    sign = {"x": _CARD - 12, "y": middle + 5, "text-anchor": "middle", "class": f"t-bold t-{state}"}
    about = element("title", None, f"{link['name']}: {link['state']}")
    texts = (
        element("text", {"x": 16, "y": middle - 5, "class": "t-bold"}, _short(f"{number}  {client['host']}", 24)),
        element("text", {"x": 16, "y": middle + 12, "class": "t-soft"}, _short(_who(client), 32)),
    )
    return element("g", None, about, frame, edge, texts, element("text", sign, SIGNS[state]))


def _who(end: Data) -> str:
    return f"{end['application']} as {end['account']}"


def _lane(link: Data, way: str, text: str, y: int) -> Markup:
    found = {column: _of_column(link, way, layer) for column, layer in enumerate(COLUMNS)}
    states = [state for state, _evidence in found.values() if state != "off"]
    worst = max(states, key=_ORDER.index, default="off")
    label = element("text", {"x": _CARD + 12, "y": y + 4, "class": "t-soft"}, text)
    nodes = [_node(_x(column), y, COLUMNS[column], state, why) for column, (state, why) in found.items()]
    return element("g", None, label, _wire(y, worst, is_back=way == "callback"), nodes)


def _of_column(link: Data, way: str, layer: LinkLayer) -> tuple[str, str]:
    """The worst state of a layer on one way, and its evidence; "off" where nothing is judged."""
    own = [item for item in link["layers"] if item["way"] == way and item["layer"] == layer.value]
    if not own:
        return "off", ""
    worst = max(own, key=lambda item: _ORDER.index(CLASSES[str(item["state"])]))
    return CLASSES[str(worst["state"])], f"{worst['host']}: {worst['evidence']}"


def _wire(y: int, state: str, *, is_back: bool) -> Markup:
    """A line with an arrow head at the end where the call arrives."""
    left, right = _LANES - 2, _SERVER - 2
    line = element("path", {"class": f"wire w-{state}", "d": f"M{left} {y}H{right}"})
    tip, tail = (left - 3, left + 6) if is_back else (right, right - 9)
    head = element("path", {"class": f"f-{state}", "d": f"M{tip} {y}L{tail} {y - 5}V{y + 5}z"})
    return join((line, head))


def _node(x: int, y: int, layer: LinkLayer, state: str, evidence: str) -> Markup:
    """A sign that says more where one points at it; that all is well needs no more words."""
    if state in ("off", "ok"):
        return _shape(x, y, state)
    about = f"{TITLES[layer]} {WORDS[state]} ({evidence})"
    return element("g", None, element("title", None, _short(about, 300)), _shape(x, y, state))


def _shape(x: int, y: int, state: str) -> Markup:
    return element("use", {"href": f"#s-{state}", "x": x, "y": y})


def shapes() -> Markup:
    """The signs, drawn once: a tick in a disc, a cross in a square, a question mark in a diamond, a dot."""
    question = "M-2.5-2q0-3 2.5-3t2.5 2.5q0 2-2.5 2.5v1.5M0 4v1.2"
    drawn = {
        "ok": (element("circle", {"class": "node f-ok", "r": 8}), _glyph("M-4 0l3 3 5-6")),
        "bad": (
            element("rect", {"class": "node f-bad", "x": -9, "y": -9, "width": 18, "height": 18, "rx": 2}),
            _glyph("M-4-4l8 8M4-4l-8 8"),
        ),
        "unsure": (element("path", {"class": "node f-unsure", "d": "M0-10L10 0L0 10L-10 0z"}), _glyph(question)),
        "off": (element("circle", {"class": "f-off", "r": 3}),),
    }
    groups = [element("g", {"id": f"s-{state}"}, parts) for state, parts in drawn.items()]
    return element(
        "svg", {"width": 0, "height": 0, "aria-hidden": "true", "class": "shapes"}, element("defs", None, groups)
    )


def _glyph(path: str) -> Markup:
    return element("path", {"class": "glyph", "d": path})


def legend() -> Markup:
    """The signs in words."""
    items = (("ok", "lets through"), ("bad", "refuses"), ("unsure", "not known"))
    return element("ul", {"class": "legend"}, [_legend_item(state, text) for state, text in items])


def _legend_item(state: str, text: str) -> Markup:
    icon = element(
        "svg", {"width": 20, "height": 20, "viewBox": "0 0 20 20", "aria-hidden": "true"}, _shape(10, 10, state)
    )
    return element("li", None, icon, element("span", None, text))


def strip(links: Iterable[tuple[int, Data]]) -> Markup:
    """All links of a server in one line of signs, for a site too large to see at once."""
    items = list(links)
    per_line = 24
    lines = (len(items) + per_line - 1) // per_line
    width, height = 22 * min(len(items), per_line), 22 * lines
    drawn = [
        element(
            "g",
            None,
            element("title", None, f"{number} {link['client']['host']}: {link['state']}"),
            _shape(22 * (index % per_line) + 11, 22 * (index // per_line) + 11, CLASSES[str(link["state"])]),
        )
        for index, (number, link) in enumerate(items)
    ]
    failing = sum(link["state"] == "fails" for _number, link in items)
    label = f"{len(items)} links, {failing} fail"
    place = {"width": width, "height": height, "viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": label}
    return element("svg", place, drawn)
