# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Judges links from what was read of their hosts, for opc_link_info."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..module_utils._end_facts import EndFacts, facts_from_dict
from ..module_utils._link_check import LayerResult, LinkVerdict, check_link
from ..module_utils._link_spec import link_from_dict
from ._resource import Parameters, Spec

LINK_SPEC: Spec = {
    "links": {"type": "list", "elements": "dict", "required": True},
    "ends": {"type": "dict", "default": {}},
    "unreached": {"type": "list", "elements": "str", "default": []},
    "layers": {"type": "str", "choices": ["all", "not_ok"], "default": "all"},
}


def judge_links(parameters: Parameters) -> dict[str, Any]:
    """The verdict on every link. Raises: ParameterError for data that no module of ours made."""
    links = [link_from_dict(f"links[{index}]", item) for index, item in enumerate(parameters["links"])]
    ends = _ends(parameters["ends"])
    verdicts = [check_link(link, ends, parameters["unreached"]) for link in links]
    return {
        "changed": False,
        "links": [verdict.to_dict(with_ok=parameters["layers"] == "all") for verdict in verdicts],
        "failing": [verdict.link.name for verdict in verdicts if verdict.works is False],
        "unknown": [verdict.link.name for verdict in verdicts if verdict.works is None],
        "pending": list(dict.fromkeys(text for verdict in verdicts for text in verdict.pending)),
        "advice": list(dict.fromkeys(text for verdict in verdicts for text in verdict.advice)),
        "summary": [_line(verdict) for verdict in verdicts],
    }


def _ends(items: Mapping[str, Any]) -> dict[str, EndFacts]:
    return {str(name): facts_from_dict(f"ends.{name}", item) for name, item in items.items() if item}


def _line(verdict: LinkVerdict) -> str:
    """One link in one line."""
    name = verdict.link.name
    if verdict.first is not None:
        return f"FAILS   {name}: {_reason(verdict.first)}"
    if verdict.works:
        return f"works   {name}"
    return f"unknown {name}: {'; '.join(dict.fromkeys(_reasons(verdict)))}"


def _reasons(verdict: LinkVerdict) -> Iterator[str]:
    for item in verdict.layers:
        if item.state.value == "unknown":
            yield item.evidence


def _reason(result: LayerResult) -> str:
    way = {"connect": "", "browse": " (browsing)", "callback": " (the way back)"}[result.way.value]
    return f"{result.layer.value}{way} on {result.host}: {result.evidence}. Do this: {result.fix}"
