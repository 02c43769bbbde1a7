# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Diagnoses a site from what modules have read of it, for opc_diagnosis and opc_report."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils._diagnosis import Problem, Seen, diagnose
from ..module_utils._end_facts import facts_from_dict
from ..module_utils._errors import ParameterError
from ..module_utils._link_spec import link_from_dict
from ._resource import Parameters, Spec

SEEN_SPEC: Spec = {
    "links": {"type": "list", "elements": "dict", "required": True},
    "ends": {"type": "dict", "default": {}},
    "unreached": {"type": "list", "elements": "str", "default": []},
    "events": {"type": "dict", "default": {}},
    "machines": {"type": "dict", "default": {}},
    "inventory": {"type": "list", "elements": "str", "default": []},
}


def parse_seen(parameters: Parameters) -> Seen:
    """Raises: ParameterError for data that no module of ours made."""
    ends = {str(name): item for name, item in parameters["ends"].items() if item}
    return Seen(
        links=[link_from_dict(f"links[{index}]", item) for index, item in enumerate(parameters["links"])],
        ends={name: facts_from_dict(f"ends.{name}", item) for name, item in ends.items()},
        unreached=tuple(map(str, parameters["unreached"])),
        events=_results("events", parameters["events"]),
        machines=_results("machines", parameters["machines"]),
        inventory=_inventory(parameters["inventory"]),
    )


def _results(path: str, items: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Results by host; a host of which nothing was read is left out."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, item in items.items():
        if item and not isinstance(item, Mapping):
            raise ParameterError(f"{path}.{name}", "is not what a module of this collection tells of a host")
        if item:
            found[str(name)] = item
    return found


def _inventory(sources: Iterable[str]) -> str:
    return "".join(f" -i {shlex.quote(source)}" for source in sources if source.isprintable())


def diagnose_site(parameters: Parameters) -> dict[str, Any]:
    """The problems of what was read, and each in one line."""
    problems = diagnose(parse_seen(parameters))
    return {
        "changed": False,
        "problems": [problem.to_dict() for problem in problems],
        "summary": [_numbered(number, problem) for number, problem in enumerate(problems, 1)],
    }


def _numbered(number: int, problem: Problem) -> str:
    return f"{number}. [{problem.certainty.name.lower()}] {problem.line}"
