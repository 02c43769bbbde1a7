# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environments and troubleshooting cases of Prediktor's article on DCOM hardening, one by one: the symptom is
there, opc_link_info names the cause, what the roles do takes the cause away, and the symptom is gone.
"""

from __future__ import annotations

from typing import Any

import pytest
from link_states import judge, model_of, read_plant, spec_of
from memory_host import MemoryHost

from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_check import LinkVerdict
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_groups import Groups
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_state import SiteSource, StateOptions
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._link_info import judge_links
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import OpcHost
from simulator.opc import administration as admin
from simulator.opc.layers import Layer
from simulator.opc.plants import CLIENT, SERVER, Plant, named_accounts
from simulator.opc.scenario import Scenario
from simulator.opc.scenarios import ENVIRONMENTS, TROUBLESHOOTING, find
from simulator.profiles import SERVER_2008_R2, SERVER_2019

# What the roles set on every host, with their defaults.
_ROLE = {
    "defaults": {"enable_dcom": True, "authentication_level": "packet_integrity", "impersonation_level": "identify"},
    "logging": {"activation_failures": "always", "call_failures": "always"},
}
_ANONYMOUS = "does not give NT AUTHORITY\\ANONYMOUS LOGON"
# The words that name the cause, by case; on which host it is.
CAUSES = {
    "hardened_client": (SERVER, "Packet Integrity is required, the client activates at connect"),
    "access_denied_on_create": (SERVER, f"machine_access_limit {_ANONYMOUS} remote_access"),
    "access_denied_on_create_by_launch_limit": (SERVER, f"machine_launch_limit {_ANONYMOUS} remote_activation"),
    "access_denied_on_create_by_default_launch": (SERVER, f"default_launch {_ANONYMOUS} remote_activation"),
    "access_denied_on_create_by_default_access": (SERVER, f"default_access {_ANONYMOUS} remote_access"),
    "rpc_unavailable_on_create": (SERVER, "no rule matches"),
    "empty_server_list": (SERVER, f"application_access of opc_enum {_ANONYMOUS} remote_access"),
    "empty_server_list_by_launch_permission": (SERVER, f"application_launch of opc_enum {_ANONYMOUS} remote_launch"),
    "empty_server_list_by_limits": (SERVER, f"machine_access_limit {_ANONYMOUS} remote_access"),
    "empty_server_list_by_firewall": (SERVER, "no rule matches"),
    "advise_rpc_unavailable": (CLIENT, "no rule matches"),
    "advise_access_denied": (CLIENT, "default_access does not give .\\OPCServerUser remote_access"),
    "advise_access_denied_by_limits": (CLIENT, "machine_access_limit does not give .\\OPCServerUser remote_access"),
    "advise_access_denied_to_unknown_account": (CLIENT, "there is no account OPCServerUser"),
}
# Settings do not show these; events do (tests/integration/test_diagnose.py and test_events_of_scenarios.py).
BY_EVENTS = {"default_properties_changed_without_restart", "advise_access_denied_to_another_password"}
WORKING = {"no_updates", "both_hardened", "server_cannot_be_updated"}


def harden(plant: Plant) -> dict[str, dict[str, Any]]:
    """What harden_opc does, clients first: accounts that are missing, opc_host, then what its result asks for."""
    source = SiteSource(model_of(plant), Groups(), [], {})
    return {name: _harden(plant, name, source) for name in (CLIENT, SERVER)}


def _harden(plant: Plant, name: str, source: SiteSource) -> dict[str, Any]:
    host = plant.hosts[name]
    for account in source.local_accounts(name):
        if host.accounts.local.find_user(account["name"]) is None:
            admin.create_account(host, account["name"], account["password"])
    sections = source.host_state(name, StateOptions())["sections"]
    task = MemoryHost(host)
    result: dict[str, Any] = task.run(OpcHost(), {**_ROLE, **sections})
    task.check()
    if result["reboot_required"]:
        admin.reboot(host)
    else:
        for service in result["restart_required"]:
            admin.restart_service(host, service)
    return result


def verdict_of(plant: Plant) -> LinkVerdict:
    return judge(plant, spec_of(plant))


@pytest.mark.parametrize("name", CAUSES)
def test_a_case_is_named_and_taken_away(name: str) -> None:
    scenario = find(name)
    plant = scenario.build()
    seen = plant.connect()
    assert {part.direction: (part.hresult, part.layer) for part in seen.parts if not part.ok} == scenario.symptoms

    host, words = CAUSES[name]
    verdict = verdict_of(plant)
    assert verdict.works is False
    assert verdict.first is not None
    assert seen.layer is not None
    assert (verdict.first.layer.value, verdict.first.host) == (seen.layer.name.lower(), host)
    assert words in verdict.first.evidence
    assert verdict.first.fix

    harden(plant)

    assert plant.connect().ok, plant.connect().evidence
    assert verdict_of(plant).works is True
    assert [found for found, result in harden(plant).items() if result["changed"]] == []


def test_every_case_of_the_article_is_here() -> None:
    assert {item.name for item in (*ENVIRONMENTS, *TROUBLESHOOTING)} == set(CAUSES) | BY_EVENTS | WORKING


@pytest.mark.parametrize("name", sorted(WORKING))
def test_an_environment_that_works_still_works_hardened(name: str) -> None:
    plant = find(name).build()
    assert plant.connect().ok
    assert verdict_of(plant).works is True
    harden(plant)
    assert plant.connect().ok
    assert verdict_of(plant).works is True


def test_no_updates_is_told_before_the_next_update_and_survives_it() -> None:
    advice = verdict_of(find("no_updates").build()).advice
    assert advice[0].startswith(
        "hist01 activates at connect; gw01 refuses that as soon as it requires Packet Integrity"
    )
    left, hardened = find("no_updates").build(), find("no_updates").build()
    harden(hardened)
    for plant in (left, hardened):
        plant.server.update(SERVER_2019)
    assert left.connect().link_layer is Layer.AUTHENTICATION_LEVEL
    assert verdict_of(left).works is False
    assert hardened.connect().ok
    assert verdict_of(hardened).works is True


def test_both_hardened_needs_nothing() -> None:
    assert verdict_of(find("both_hardened").build()).advice == ()


def test_a_server_that_cannot_be_updated_gets_the_gateway_advice() -> None:
    plant = find("server_cannot_be_updated").build()
    (advice,) = verdict_of(plant).advice
    assert advice.startswith(
        "gw01 (Microsoft Windows Server 2019 Standard 10.0.17763.1879) lets clients activate at any"
    )
    assert "let clients use OPC UA: a gateway on gw01, or on a new host beside it" in advice
    harden(plant)
    assert verdict_of(plant).advice == (advice,)  # no setting makes up for the updates


def test_where_the_build_does_not_tell_the_advice_says_so() -> None:
    plant = named_accounts(server=SERVER_2008_R2)
    (advice,) = verdict_of(plant).advice
    assert "(Microsoft Windows Server 2008 R2 Standard 6.1.7601) requires Packet Integrity does not show" in advice
    assert "let clients use OPC UA" in advice


def test_an_updated_server_that_is_told_to_accept_any_level_is_named() -> None:
    plant = named_accounts(server=SERVER_2019.with_revision(3046))
    key = r"HKLM\SOFTWARE\Microsoft\Ole\AppCompat"
    admin.put_number(plant.server, key, "RequireIntegrityActivationAuthenticationLevel", 0)
    (advice,) = verdict_of(plant).advice
    assert "require_integrity_activation: enforced" in advice


def test_advice_is_told_once_for_all_links() -> None:
    plant = find("server_cannot_be_updated").build()
    spec = spec_of(plant)
    links = [{**spec.to_dict(), "name": name} for name in ("one", "other")]
    ends = {name: facts.to_dict() for name, facts in read_plant(plant, spec).items()}
    assert len(judge_links({"links": links, "ends": ends, "unreached": [], "layers": "all"})["advice"]) == 1
    assert judge_links({"links": links, "ends": {}, "unreached": [], "layers": "all"})["advice"] == []


@pytest.mark.parametrize("name", sorted(BY_EVENTS))
def test_a_case_that_settings_do_not_show_is_not_denied(name: str) -> None:
    scenario: Scenario = find(name)
    plant = scenario.build()
    assert not plant.connect().ok
    verdict = verdict_of(plant)
    assert verdict.works is not False
    if name == "advise_access_denied_to_another_password":
        account = [item.evidence for item in verdict.layers if item.layer.value == "account" and item.host == CLIENT]
        assert account[-1].endswith("; that both hosts have the same password for it is not looked at")


def test_a_restart_is_asked_for_where_the_collection_raised_the_level() -> None:
    """By hand nobody is told (default_properties_changed_without_restart); the collection keeps a marker."""
    plant = find("hardened_client").build()
    source = SiteSource(model_of(plant), Groups(), [], {})
    MemoryHost(plant.client).run(OpcHost(), {**_ROLE, **source.host_state(CLIENT, StateOptions())["sections"]})
    assert not plant.connect().ok
    verdict = verdict_of(plant)
    assert verdict.works is True
    assert verdict.pending[0].startswith("hist01 must reboot before these count: authentication_level")
    admin.reboot(plant.client)
    assert plant.connect().ok
    assert verdict_of(plant).pending == ()
