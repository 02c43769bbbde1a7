# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites to report on, put together from simulated plants: what was read of each is real, only the names differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from diagnosed_plants import NAME, seen_in

from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis import Seen
from ansible_collections.otsec.opc_dcom.plugins.module_utils._end_facts import EndFacts, facts_from_dict
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_spec import LinkSpec, link_from_dict
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_data import Collected, report_of
from simulator.opc.plants import CLIENT, SERVER, named_accounts, vendor_advice
from simulator.opc.scenarios import find

GENERATED = "2026-03-02T06:10:00Z"
MIXED = (
    "passwords_differ",
    "callback_access_permission_lacks_the_account",
    "server_has_no_rule_for_the_program",
    "opc_enum_is_disabled",
    "client_without_updates_asks_for_connect",
)
_PLANTS = {"named_accounts": named_accounts, "vendor_advice": vendor_advice}


@cache
def read_plant_of(name: str) -> str:
    """Everything that is read of a plant or scenario, as JSON."""
    plant = _PLANTS[name]() if name in _PLANTS else find(name).build()
    seen = seen_in(plant)
    (link,) = seen.links
    return json.dumps(
        {
            "link": link.to_dict(),
            "ends": {host: facts.to_dict() for host, facts in seen.ends.items()},
            "events": seen.events,
            "machines": seen.machines,
            "unreached": list(seen.unreached),
        }
    )


def renamed(name: str, server: str, client: str, link: str) -> dict[str, Any]:
    """The same plant under other names of its hosts and its link."""
    text = read_plant_of(name)
    for old, new in ((SERVER, server), (CLIENT, client), (NAME, link)):
        text = text.replace(old, _inside(new)).replace(old.upper(), _inside(new.upper()))
    found: dict[str, Any] = json.loads(text)
    return found


def _inside(name: str) -> str:
    """A name as it stands within a text of JSON."""
    return json.dumps(name)[1:-1]


def site_of(plants: Sequence[tuple[str, str, str, str]]) -> Seen:
    """One site of (plant, server, client, link); the last plant that tells of a host counts."""
    links: list[LinkSpec] = []
    ends: dict[str, EndFacts] = {}
    events: dict[str, Any] = {}
    machines: dict[str, Any] = {}
    unreached: list[str] = []
    for name, server, client, link in plants:
        found = renamed(name, server, client, link)
        links.append(link_from_dict("link", found["link"]))
        ends |= {host: facts_from_dict(host, item) for host, item in found["ends"].items()}
        events |= found["events"]
        machines |= found["machines"]
        unreached += found["unreached"]
    return Seen(links, ends, tuple(unreached), events, machines, " -i site.ini")


def small_site() -> Seen:
    """Five broken links, one that works against better advice, one whose server is down."""
    broken = [(name, f"gw{number:02}", f"hist{number:02}", f"history {number}") for number, name in enumerate(MIXED, 1)]
    return site_of(
        [
            *broken,
            ("vendor_advice", "gw06", "eng01", "trends"),
            ("named_accounts", "gw07", "hist07", "good"),
            ("server_is_down", "gw08", "hist08", "gone"),
        ]
    )


def large_site(servers: int = 20, clients: int = 80, links: int = 300) -> Seen:
    """A hundred hosts; every 20th link is broken in its own way."""
    plants = [
        (
            MIXED[number // 20 % len(MIXED)] if number % 20 == 7 else "named_accounts",
            f"server{number % servers:03}",
            f"client{number % clients:03}",
            f"link {number:03}",
        )
        for number in range(links)
    ]
    return site_of(plants)


def collected(seen: Seen, **more: Any) -> Collected:
    return Collected("Plant North", GENERATED, seen, **more)


def audited(seen: Seen) -> dict[str, Mapping[str, Any]]:
    """What the roles in check mode would say of the hosts."""
    return {
        host: {
            "drift": ["defaults / authentication_level: connect (2) -> packet_integrity (5)"]
            if number % 3 == 0
            else [],
            "exceptions": ["links[5]: anonymous callers are let in (old historian, replaced in 2027)"]
            if number % 4 == 1
            else [],
        }
        for number, host in enumerate(seen.machines)
    }


def small_report() -> dict[str, Any]:
    seen = small_site()
    earlier = report_of(collected(seen))
    earlier["generated"] = "2026-02-01T06:00:00Z"
    for host in earlier["hosts"][:4]:
        for setting in host["settings"][:2]:
            setting["now"] = "connect (2)"
    policies = {
        "gw01": {"before": {"uac": "disabled (0)"}, "after": {"uac": "enabled (1)"}},
        "gw02": {"before": {"uac": "absent (enabled)"}, "after": {"uac": "enabled (1)"}},
    }
    snapshots = {
        "gw01": {"snapshot": {"taken": "2026-01-05T05:00:00Z", "reason": "harden"}, "contents": ["Ole\\x: absent"]}
    }
    return report_of(collected(seen, audits=audited(seen), policies=policies, snapshots=snapshots, earlier=earlier))


def poisoned(value: Any, poison: str) -> Any:
    """The same data with the poison in every text that some host or person has written."""
    if isinstance(value, Mapping):
        return {name: item if name in _KEPT else poisoned(item, poison) for name, item in value.items()}
    if isinstance(value, list):
        return [poisoned(item, poison) for item in value]
    return poison + value if isinstance(value, str) else value


# Words of ours, by which the report is put together.
_KEPT = {
    "schema", "state", "certainty", "way", "ways", "layer", "severity", "phase", "origin", "generated", "compared_with",
    "last_time", "first_time", "times", "event_id", "read_mode",
}  # fmt: skip
