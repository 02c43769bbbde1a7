# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Weak activations seen from both ends: event 10036 of a server with 10037 and 10038 of its client. Pure.

The server knows who was refused from which address, but not the program; the client knows the program and its level.
Works on the results of dcom_event_info of several hosts, of which any part may be missing.
Source: dcom.md 6.1 (which event is on which side); KB5004442 describes them as two sides of one activation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ._event_join import normal_address
from ._event_meanings import DEFAULT_LEVEL, EXPLICIT_LEVEL, WEAK_ACTIVATION
from ._host_state import parse_time

# How far apart the times of both ends may be where nothing else says that they belong together.
NEAR_S = 120.0

Result = Mapping[str, Any]


def pair_weak_activations(results: Mapping[str, Result]) -> list[dict[str, Any]]:
    """Each refused activation with the programs of the client that fit it; `results` are by inventory host."""
    requests = [(host, group) for host in results for group in _groups(results[host], EXPLICIT_LEVEL, DEFAULT_LEVEL)]
    pairs = []
    for server in results:
        for refusal in _groups(results[server], WEAK_ACTIVATION):
            fitting = [item for item in requests if _fits(results, server, refusal, item)]
            pairs += [_pair(results, server, refusal, client, request) for client, request in fitting]
            pairs += [] if fitting else [_pair(results, server, refusal, _client(results, refusal), None)]
    return pairs


def _groups(result: Result, *event_ids: int) -> list[Result]:
    groups = result.get("groups")
    listed = groups if isinstance(groups, Sequence) and not isinstance(groups, str) else []
    return [item for item in listed if isinstance(item, Mapping) and item.get("event_id") in event_ids]


def _data(group: Result, name: str) -> str:
    data = group.get("data")
    return str(data.get(name, "")) if isinstance(data, Mapping) else ""


def _client(results: Mapping[str, Result], refusal: Result) -> str | None:
    """The inventory name of the host that was refused, as far as it is known."""
    joined = refusal.get("host")
    if isinstance(joined, str):
        return joined
    address = normal_address(_data(refusal, "address"))
    return next((host for host, result in results.items() if address and address in _addresses(result)), None)


def _addresses(result: Result) -> list[str | None]:
    return [normal_address(str(item)) for item in result.get("addresses") or []]


def _fits(results: Mapping[str, Result], server: str, refusal: Result, item: tuple[str, Result]) -> bool:
    """Whether a request left the refused client for this server; without the client's address, time decides."""
    client, request = item
    if client == server or not _is_named(results, server, request):
        return False
    known = _client(results, refusal)
    if known is not None:
        return known == client
    apart = _seconds_apart(refusal, request)
    return apart is not None and apart <= NEAR_S


def _is_named(results: Mapping[str, Result], server: str, request: Result) -> bool:
    """Whether a request was for this server."""
    target = _data(request, "target").strip("\\ ").casefold()
    address = normal_address(target)
    if address is not None:
        return address in _addresses(results[server]) or request.get("host") == server
    names = (server, str(results[server].get("computer") or ""))
    short = {name.partition(".")[0].casefold() for name in names if name}
    return request.get("host") == server or (bool(target) and target.partition(".")[0] in short)


def _times(group: Result) -> list[datetime]:
    moments = []
    for text in group.get("times") or []:
        try:
            moments.append(parse_time(str(text)))
        except ValueError:
            continue
    return moments


def _seconds_apart(one: Result, other: Result) -> float | None:
    """The smallest distance between a time of one group and a time of the other."""
    found = [abs((a - b).total_seconds()) for a in _times(one) for b in _times(other)]
    return min(found, default=None)


def _pair(
    results: Mapping[str, Result], server: str, refusal: Result, client: str | None, request: Result | None
) -> dict[str, Any]:
    address = _data(refusal, "address")
    where = f"{client} ({address})" if client else address or "an unnamed address"
    fit: dict[str, Any] = {
        "server": server,
        "client": client,
        "address": address,
        "user": "\\".join(part for part in (_data(refusal, "domain"), _data(refusal, "user")) if part),
        "sid": _data(refusal, "sid"),
        "links": list(refusal.get("links") or []),
        "count": refusal.get("count"),
        "last_time": refusal.get("last_time"),
        "program": None,
        "clsid": None,
        "level": None,
        "set_by": None,
        "seconds_apart": None,
    }
    if request is None:
        seen = "its events name no program" if client in results else "its events were not read"
        what = f"{server} refused a weak activation from {where}; {seen}"
        return {**fit, "what": what, "fix": str(refusal.get("fix", ""))}
    is_explicit = request.get("event_id") == EXPLICIT_LEVEL
    level, program = _data(request, "level"), _data(request, "program")
    fit.update(
        program=program,
        clsid=_data(request, "clsid"),
        level=level,
        set_by="program" if is_explicit else "default",
        seconds_apart=_seconds_apart(refusal, request),
    )
    by = "which the program sets itself" if is_explicit else "the default of that host"
    what = f"{server} refused {program} on {where}, which activates with level {level}, {by}"
    return {**fit, "what": what, "fix": str(request.get("fix", ""))}
