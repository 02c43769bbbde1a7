# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plot of the comparison as an SVG: messages of a run without a change, and its time against the round trip."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

Point = tuple[str, str, int, int, float, float]  # way, run, hosts, round trip ms, messages per host, wall seconds
# REUSE-IgnoreStart
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
# REUSE-IgnoreEnd
WIDTH, ROW, LEFT = 760, 26, 210
COLOURS = {"roles": "#1c5d99", "modules": "#3f8f6b", "stock": "#b5542b", "floor": "#7a868f"}
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1b2126}.h{font-weight:600;font-size:15px}.p{fill:#fff}"
    "@media(prefers-color-scheme:dark){text{fill:#edf1f4}.p{fill:#14181c}}"
)


def draw(points: Sequence[Point]) -> str:
    """Bars for the run without a change, in the order measured."""
    calm = [point for point in points if point[1] == "no change"]
    messages = [(way, way, count) for way, _run, hosts, delay, count, _wall in calm if (hosts, delay) == (1, 0)]
    walls = [(f"{way}, {hosts} hosts, {delay} ms", way, wall) for way, _run, hosts, delay, _count, wall in calm]
    first, height = _bars("Messages per host, nothing to change", messages, 20)
    second, height = _bars("Seconds of a run, nothing to change", walls, height + 30)
    body = "".join((*first, *second))
    return (
        f"<!-- {LICENCE} -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="Messages and seconds of four ways to harden hosts"><style>{STYLE}</style>'
        f'<rect class="p" width="{WIDTH}" height="{height}"/>{body}</svg>\n'
    )


def _bars(title: str, values: Sequence[tuple[str, str, float]], top: int) -> tuple[Iterable[str], int]:
    largest = max((value for _label, _way, value in values), default=1) or 1
    parts = [f'<text class="h" x="12" y="{top + 12}">{escape(title)}</text>']
    for index, (label, way, value) in enumerate(values):
        y = top + 26 + index * ROW
        width = max(1.0, (WIDTH - LEFT - 80) * value / largest)
        parts.append(f'<text x="12" y="{y + 14}">{escape(label)}</text>')
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="18" fill="{COLOURS[way]}"/>')
        parts.append(f'<text x="{LEFT + width + 6:.0f}" y="{y + 14}">{value:.0f}</text>')
    return parts, top + 26 + len(values) * ROW
