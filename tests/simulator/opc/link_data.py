# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links and outcomes as plain data: for descriptions of sites, the control endpoint and the command line.

{client: hist01, server: gw01, application: Prediktor.ApisOPCServer.1, mode: subscribe, browse: true}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..com_state import LEVEL_NONE
from ..software import APIS_PROGRAM
from .connection import LinkError
from .layers import Link, Mode, Outcome, Part, error_text

LEVELS = {
    "none": LEVEL_NONE,
    "connect": 2,
    "call": 3,
    "packet": 4,
    "packet_integrity": 5,
    "packet_privacy": 6,
}
LINK_KEYS: dict[str, type] = {
    "client": str,
    "server": str,
    "application": str,
    "client_program": str,
    "client_account": str,
    "address": str,
    "mode": str,
    "browse": bool,
    "level": str,
}
_NEEDED = ("client", "server", "application")


def parse_link(data: object, place: str = "link") -> Link:
    """A link from plain data; APIS is the client unless another program is named. Raises: LinkError."""
    if not isinstance(data, Mapping):
        raise LinkError(f"{place}: must be a mapping")
    for key, value in data.items():
        if key not in LINK_KEYS:
            raise LinkError(f"{place}: unknown key {key!r}; known are {', '.join(LINK_KEYS)}")
        if not isinstance(value, LINK_KEYS[key]):
            raise LinkError(f"{place}.{key}: {value!r} has the wrong type")
    missing = [key for key in _NEEDED if not data.get(key)]
    if missing:
        raise LinkError(f"{place}: {missing[0]} is missing")
    values: dict[str, Any] = {"client_program": APIS_PROGRAM, **data}
    values["mode"] = _word(values.get("mode", "poll"), {mode.value: mode for mode in Mode}, f"{place}.mode")
    if "level" in values:
        values["level"] = _word(values["level"], LEVELS, f"{place}.level")
    return Link(**values)


def _word(text: str, words: Mapping[str, Any], place: str) -> Any:
    if text not in words:
        raise LinkError(f"{place}: {text!r} is none of {', '.join(words)}")
    return words[text]


def outcome_data(outcome: Outcome) -> dict[str, object]:
    """An outcome as JSON: numbers of HRESULTs as text, layers and directions by name."""
    link = outcome.link
    return {
        "client": link.client,
        "server": link.server,
        "application": link.application,
        "mode": link.mode.value,
        "ok": outcome.ok,
        "link_layer": outcome.link_layer.name.lower() if outcome.link_layer else None,
        "parts": [_part_data(part) for part in outcome.parts],
        "servers": list(outcome.servers),
        "events": [
            {"host": item.host, "channel": item.channel, "id": item.event_id, "data": list(item.data)}
            for item in outcome.logged
        ],
        "client_log": list(outcome.client_log),
    }


def _part_data(part: Part) -> dict[str, object]:
    return {
        "direction": part.direction.value,
        "ok": part.ok,
        "hresult": f"0x{part.hresult:08X}",
        "message": error_text(part.hresult) if part.refusals else "OK",
        "layer": part.layer.name.lower() if part.layer else None,
        "evidence": part.evidence,
    }
