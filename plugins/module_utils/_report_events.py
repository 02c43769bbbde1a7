# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Events over time, as a drawing and a table of a report. Pure.

Of each group at most the newest times are known, so a row shows the span from first to last, a tick for every known
time, and the count as a number; nothing is interpolated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ._host_state import parse_time
from ._markup import Markup, element, join

Data = Mapping[str, Any]
MAX_ROWS, MAX_LISTED = 25, 300
_WIDTH, _LEFT, _RIGHT, _ROW, _TOP = 1100, 300, 1040, 26, 34
_SHORT = timedelta(hours=1)
_SEVERITY = {"critical": "bad", "warning": "unsure", "info": "off"}


@dataclass(frozen=True, slots=True)
class _Row:
    """One group with what is known of its times, oldest first."""

    host: str
    group: Data
    times: tuple[datetime, ...]


def events_section(report: Data) -> Markup:
    """Groups of all hosts, the urgent ones first."""
    rows = sorted(_rows(report), key=_urgency)
    dated = [row for row in rows if row.times][:MAX_ROWS]
    nothing = element("p", {"class": "soft"}, "No event about DCOM or failed logons was read.")
    return element(
        "section",
        {"id": "events", "aria-labelledby": "events-title"},
        element("h2", {"id": "events-title"}, "Events"),
        element("p", {"class": "soft"}, "What to do about them is said under Problems, where their cause is known."),
        _drawing(dated) if dated else None,
        _table(rows) if rows else nothing,
    )


def _rows(report: Data) -> Iterator[_Row]:
    for host in report["hosts"]:
        for group in host["events"]:
            if group.get("severity") != "info":
                yield _Row(host["name"], group, _times(group))


def _times(group: Data) -> tuple[datetime, ...]:
    """APIS writes local times without a zone, which cannot be drawn on the same axis."""
    texts = {
        str(text) for text in (*(group.get("times") or ()), group.get("first_time"), group.get("last_time")) if text
    }
    return tuple(sorted(moment for text in texts if (moment := _moment(text)) is not None))


def _moment(text: str) -> datetime | None:
    try:
        return parse_time(text) if text.endswith("Z") else None
    except ValueError:
        return None


def _urgency(row: _Row) -> tuple[bool, float, str]:
    last = row.times[-1].timestamp() if row.times else 0.0
    return row.group.get("severity") != "critical", -last, row.host


def _drawing(rows: Sequence[_Row]) -> Markup:
    first, last = min(row.times[0] for row in rows), max(row.times[-1] for row in rows)
    height = _TOP + _ROW * len(rows) + 12
    label = f"{len(rows)} kinds of events from {_short_time(first)} to {_short_time(last)} UTC; the table lists them"
    drawing = element(
        "svg",
        {"class": "map", "viewBox": f"0 0 {_WIDTH} {height}", "role": "img", "aria-label": label},
        _axis(first, last, height),
        [_drawn(index, row, first, last) for index, row in enumerate(rows)],
    )
    box = element(
        "div", {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": "Events over time"}, drawing
    )
    return element("figure", None, element("figcaption", None, "Over time (UTC)"), box)


def _short_time(moment: datetime, *, with_seconds: bool = False) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S" if with_seconds else "%Y-%m-%d %H:%M")


def _axis(first: datetime, last: datetime, height: int) -> Markup:
    parts: list[Markup] = []
    is_short = last - first < _SHORT
    for index in range(5):
        x = _LEFT + (_RIGHT - _LEFT) * index // 4
        moment = first + (last - first) * index / 4
        anchor = {0: "start", 4: "end"}.get(index, "middle")
        parts.append(element("path", {"class": "bracket", "d": f"M{x} {_TOP - 8}V{height - 6}"}))
        if first != last or index == 0:
            place = {"x": x, "y": _TOP - 14, "text-anchor": anchor, "class": "t-soft"}
            parts.append(element("text", place, _short_time(moment, with_seconds=is_short)))
    return join(parts)


def _drawn(index: int, row: _Row, first: datetime, last: datetime) -> Markup:
    y = _TOP + _ROW * index + _ROW // 2
    state = _SEVERITY.get(str(row.group.get("severity")), "off")
    places = [_place(moment, first, last) for moment in row.times]
    span = element("path", {"class": f"wire w-{state}", "d": f"M{places[0]} {y}H{places[-1]}"})
    ticks = [element("rect", {"class": f"f-{state}", "x": x - 2, "y": y - 7, "width": 4, "height": 14}) for x in places]
    count = element(
        "text",
        {"x": _WIDTH - 2, "y": y + 4, "text-anchor": "end"},
        f"{row.group.get('count', 1)}\N{MULTIPLICATION SIGN}",
    )
    return element(
        "g",
        None,
        element("title", None, str(row.group.get("what", ""))[:300]),
        element("text", {"x": 2, "y": y + 4}, _label(row)),
        span,
        ticks,
        count,
    )


def _label(row: _Row) -> str:
    peer = row.group.get("host")
    return f"{row.host[:18]}  {_name(row.group)}" + (f"  ({str(peer)[:14]})" if peer else "")


def _name(group: Data) -> str:
    return f"event {group['event_id']}" if group.get("event_id") else f"APIS {group.get('message', '')}"


def _place(moment: datetime, first: datetime, last: datetime) -> int:
    whole = (last - first).total_seconds()
    part = (moment - first).total_seconds() / whole if whole else 0.0
    return round(_LEFT + (_RIGHT - _LEFT) * part)


def _table(rows: Sequence[_Row]) -> Markup:
    names = ("Host", "Event", "Count", "Last (UTC)", "What happened")
    head = element("tr", None, [element("th", {"scope": "col"}, name) for name in names])
    body = [_listed(row) for row in rows[:MAX_LISTED]]
    table = element("table", None, element("thead", None, head), element("tbody", None, body))
    more = len(rows) - len(body)
    note = element("p", {"class": "soft"}, f"{more} more kinds of events are in the JSON file.") if more > 0 else None
    box = element("div", {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": "Table of events"}, table)
    return join((box, note))


def _listed(row: _Row) -> Markup:
    group = row.group
    last = str(group.get("last_time") or "")[:19].replace("T", " ")
    texts = (_name(group), group.get("count", 1), last, group.get("what", ""))
    return element(
        "tr", None, element("th", {"scope": "row"}, row.host), [element("td", None, str(text)) for text in texts]
    )
