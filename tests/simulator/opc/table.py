# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links and what came of them as a table for people: `OK`, or HRESULT and the layer that refused, for each part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .connection import connect
from .layers import Link
from .link_data import outcome_data
from .network import Network

_COLUMNS = ("client", "server", "application", "mode", "connect", "browse", "callback")
_PARTS = ("connect", "browse", "callback")
_AUDIT_SUCCESS = 4624


def links_table(network: Network, links: Iterable[Link]) -> str:
    """Try every link now and show what came of it."""
    return outcomes_table([outcome_data(connect(network, link)) for link in links])


def outcomes_table(outcomes: Sequence[dict[str, Any]]) -> str:
    """A row for each outcome (as `outcome_data` gives it); a part that was not tried is `-`."""
    rows = [_COLUMNS, *(_row(outcome) for outcome in outcomes)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_COLUMNS))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]]) + "\n"


def _row(outcome: dict[str, Any]) -> tuple[str, ...]:
    parts = {part["direction"]: part for part in outcome["parts"]}
    return (*(str(outcome[name]) for name in _COLUMNS[:4]), *(_cell(parts.get(name)) for name in _PARTS))


def _cell(part: dict[str, Any] | None) -> str:
    if part is None:
        return "-"
    return "OK" if part["ok"] else f"{part['hresult']} {part['layer']}"


def outcome_details(outcome: dict[str, Any]) -> str:
    """Why an outcome is what it is: evidence of each part that failed, servers seen, events, the client's own log."""
    lines = [f"{outcome['client']} -> {outcome['server']}"]
    for part in outcome["parts"]:
        if not part["ok"]:
            lines.append(f"  {part['direction']}: {part['message']}")
            lines.append(f"    {part['layer']}: {part['evidence']}")
    if outcome["servers"]:
        lines.append(f"  servers: {', '.join(outcome['servers'])}")
    for event in outcome["events"]:
        if event["id"] != _AUDIT_SUCCESS:
            lines.append(f"  event {event['id']} in {event['channel']} of {event['host']}: {'; '.join(event['data'])}")
    lines += [f"  log: {line}" for text in outcome["client_log"] for line in text.split("\n")]
    return "\n".join(lines) + "\n"
