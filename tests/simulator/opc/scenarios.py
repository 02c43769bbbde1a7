# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""All scenarios by name: links that do not work, each for one reason, with the symptom and the repair by hand.

`ENVIRONMENTS` are the four of the seed's article, `TROUBLESHOOTING` its cases, `CAUSES` one row per thing that can be
wrong. A later test takes one as it is:

    scenario = find("access_denied_on_create")
    plant = scenario.build()      # hosts in the broken state, their network, the link
    plant.connect()               # the symptom, which scenario.symptoms and scenario.events describe
    scenario.repair(plant)        # what an administrator would do by hand; or let a playbook do it
"""

from __future__ import annotations

from .causes import activation, caller, calls, reaching, way_back
from .scenario import Scenario
from .seed_scenarios import ENVIRONMENTS, TROUBLESHOOTING

__all__ = ["CAUSES", "ENVIRONMENTS", "SCENARIOS", "TROUBLESHOOTING", "find"]

CAUSES: tuple[Scenario, ...] = (
    *reaching.CAUSES,
    *caller.CAUSES,
    *activation.CAUSES,
    *calls.CAUSES,
    *way_back.CAUSES,
)
SCENARIOS: dict[str, Scenario] = {item.name: item for item in (*ENVIRONMENTS, *TROUBLESHOOTING, *CAUSES)}


def find(name: str) -> Scenario:
    """Raises: KeyError for a name that no scenario has."""
    return SCENARIOS[name]
