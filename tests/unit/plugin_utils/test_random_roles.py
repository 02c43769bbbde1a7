# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random variables of the roles on a host that is a server, a client or both: a second run changes nothing, or the
first one says which two of them contradict each other, and that is true. Played on simulated hosts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from memory_host import MemoryHost
from permission_tasks import RIGHTS
from random_sites import APPLICATIONS, PROG_ID, TREND, PlayedSite, accounts_on, make_site

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import OpcDcomError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._role_options import (
    CLIENT,
    SERVER,
    RunTags,
    SiteShare,
    role_options,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_state import StateOptions
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import SECTIONS, OpcHost
from simulator.host import SimulatedHost
from simulator.opc import administration as admin

EVERYTHING = RunTags(frozenset({"all"}), frozenset())
APIS_PROGRAM = APPLICATIONS["hive"]["program"]
SELECTORS = (
    {"prog_id": PROG_ID},
    {"service": "OpcEnum"},
    {"service": "ApisHive"},
    {"program": TREND},
    {"program": APIS_PROGRAM},
)
USERS = ("User1", "User2", "User3")
PRINCIPALS = (*USERS, "Guests", "S-1-5-32-559")
LEVELS = ("connect", "packet_integrity", "packet_privacy", "default")

Options = dict[str, Any]


def some(rng: random.Random, items: Iterable[str], share: float) -> list[str]:
    return [item for item in items if rng.random() < share]


def random_application(rng: random.Random) -> Options:
    item: Options = {**rng.choice(SELECTORS)}
    if rng.random() < 0.6:
        item["authentication_level"] = rng.choice(LEVELS)
    for name in ("use_default_access", "use_default_launch"):
        if rng.random() < 0.3:
            item[name] = rng.random() < 0.5
    return item


def random_permission(rng: random.Random) -> Options:
    scope = rng.choice(["machine_limit", "machine_default", "application"])
    kind = rng.choice(sorted(RIGHTS))
    state = rng.choice(["present", "present", "present", "absent", "default"])
    item: Options = {"scope": scope, "kind": kind, "state": state, "assume_shipped": rng.random() < 0.5}
    if scope == "application":
        item.update(rng.choice(SELECTORS))
    if state != "default":
        item["entries"] = [random_entry(rng, name, kind) for name in some(rng, PRINCIPALS, 0.25) or USERS[:1]]
    return item


def random_entry(rng: random.Random, principal: str, kind: str) -> Options:
    rights = some(rng, RIGHTS[kind], 0.7) or RIGHTS[kind][:1]
    return {"principal": principal, "type": rng.choice(["allow", "allow", "allow", "deny"]), "rights": rights}


def random_values(rng: random.Random, role: str) -> Options:
    """Variables of a role. What the roles want of the whole host is the same for both."""
    own: Options = (
        {
            "allow_launch": rng.random() < 0.7,
            "revoked": some(rng, PRINCIPALS, 0.2),
            "prog_ids": some(rng, [PROG_ID], 0.2),
        }
        if role == SERVER
        else {"programs": some(rng, [TREND, APIS_PROGRAM], 0.3)}
    )
    return {
        "authentication_level": "packet_integrity",
        "impersonation_level": "identify",
        "log_activation_failures": "always",
        "log_call_failures": "always",
        "allowed": some(rng, USERS, 0.4),
        "applications": [random_application(rng) for _number in range(rng.choice([0, 0, 1, 2]))],
        "permissions": [random_permission(rng) for _number in range(rng.choice([0, 0, 1, 2]))],
        **own,
    }


def tasks_of(rng: random.Random, sections: Mapping[str, Any]) -> list[Options]:
    """What each role gives to opc_host: the first has the site model's share, the second holds what the first has."""
    tasks: list[Options] = []
    for role in rng.choice([[SERVER], [CLIENT], [CLIENT, SERVER]]):
        share = SiteShare({} if tasks else sections)
        given = role_options(role, random_values(rng, role), share, EVERYTHING)
        options = {name: value for name, value in given.items() if value is not None}
        tasks.append({**options, "holding": tasks[0]} if tasks else options)
    return tasks


def apply(host: SimulatedHost, tasks: Iterable[Options]) -> list[bool]:
    """Which tasks changed the host. They reach it as Ansible hands them over, without a part in common."""
    found = []
    for options in json.loads(json.dumps(list(tasks))):
        memory = MemoryHost(host)
        found.append(bool(memory.run(OpcHost(), {"snapshot": False, **options})["changed"]))
        memory.check()
    return found


def one_by_one(tasks: Sequence[Options]) -> list[Options]:
    """The same as one task for each item, none of which knows of the others."""
    found: list[Options] = []
    for options in tasks:
        for name, section in SECTIONS.items():
            items = options.get(name) or []
            found += [{name: [item]} for item in items] if section.is_list else [{name: items}] if items else []
    return found


def never_settles(host: SimulatedHost, tasks: Sequence[Options]) -> bool:
    apart = one_by_one(tasks)
    try:
        return any([apply(host, apart) for _round in range(3)][-1])
    except OpcDcomError:
        return True  # refused for itself, once other items are there


def assert_settles(seed: int) -> None:
    rng = random.Random(seed)
    site = make_site(rng, 3, 4)
    name = rng.choice(site.hosts)
    host = PlayedSite(site).hosts[name]
    for user in set(USERS) - accounts_on(site, name):
        admin.create_account(host, user, f"Secret-of-{user}")
    sections = site.source().host_state(name, StateOptions())["sections"] if rng.random() < 0.5 else {}
    tasks = tasks_of(rng, sections)
    try:
        apply(host, tasks)
    except ParameterError as error:
        assert "contradicts" in str(error)
        assert never_settles(host, tasks), error
    except OpcDcomError:
        return  # a lock-out, an application that is none: about one item alone
    else:
        assert not any(apply(host, tasks))


@pytest.mark.parametrize("seed", range(30))
def test_a_second_run_changes_nothing_or_the_first_says_why(seed: int) -> None:
    assert_settles(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1400))
def test_a_second_run_changes_nothing_or_the_first_says_why_for_many_roles(seed: int) -> None:
    assert_settles(seed)
