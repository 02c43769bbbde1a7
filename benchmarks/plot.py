# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plot of the comparison as an SVG: messages of a run without a change, and its time against the round trip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

Point = tuple[str, str, int, int, float, float]  # way, run, hosts, round trip ms, messages per host, wall seconds
# REUSE-IgnoreStart
LICENCE = "SPDX-License-Identifier: GPL-3.0-or-later"
# REUSE-IgnoreEnd
WIDTH, ROW, LEFT = 760, 24, 90
HEAD, GAP = 26, 18
COLOURS = {
    "roles": "#1c5d99",
    "modules": "#3f8f6b",
    "stock": "#b5542b",
    "six": "#9aa5ad",
    "contract": "#8a969e",
    "floor": "#7a868f",
}
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1b2126}.h{font-weight:600;font-size:15px}.p{fill:#fff}"
    "@media(prefers-color-scheme:dark){text{fill:#edf1f4}.p{fill:#14181c}}"
)


def draw(points: Sequence[Point]) -> str:
    """Bars for the run without a change; a panel for each site and round trip, with a scale of its own."""
    calm = [point for point in points if point[1] == "no change"]
    panels = {
        "Messages per host, nothing to change": [
            (way, count, f"{count:.0f}") for way, _run, *site, count, _wall in calm if site == [1, 0]
        ]
    }
    for way, _run, hosts, delay, _count, wall in calm:
        title = f"Seconds, {hosts} {'host' if hosts == 1 else 'hosts'}, round trip {delay} ms"
        panels.setdefault(title, []).append((way, wall, f"{wall:.1f}"))
    parts: list[str] = []
    height = 12
    for title, bars in panels.items():
        parts += _bars(title, bars, height)
        height += HEAD + len(bars) * ROW + GAP
    return (
        f"<!-- {LICENCE} -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="Messages and seconds of ways to harden hosts"><style>{STYLE}</style>'
        f'<rect class="p" width="{WIDTH}" height="{height}"/>{"".join(parts)}</svg>\n'
    )


def _bars(title: str, bars: Sequence[tuple[str, float, str]], top: int) -> Iterator[str]:
    """Bars of (way, value, what is written at its end), the longest as wide as there is room."""
    largest = max((value for _way, value, _label in bars), default=1) or 1
    yield f'<text class="h" x="12" y="{top + 12}">{escape(title)}</text>'
    for index, (way, value, label) in enumerate(bars):
        y = top + HEAD + index * ROW
        width = max(1.0, (WIDTH - LEFT - 80) * value / largest)
        yield f'<text x="12" y="{y + 14}">{escape(way)}</text>'
        yield f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="18" fill="{COLOURS[way]}"/>'
        yield f'<text x="{LEFT + width + 6:.0f}" y="{y + 14}">{escape(label)}</text>'
