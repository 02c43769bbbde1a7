# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every scenario with one seeded cause: the diagnosis names it first, where to act, and a command that exists."""

from __future__ import annotations

import importlib
import json
import shlex
import time
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from diagnosed_plants import NAME, seen_in

from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis import Certainty, Problem, Seen, diagnose
from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis_causes import REMEDIES, Cause, commands
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_spec import LinkSpec
from simulator.opc import administration as admin
from simulator.opc.plants import CLIENT, CLIENT_ACCOUNT, SERVER, named_accounts
from simulator.opc.scenarios import CAUSES, ENVIRONMENTS, SCENARIOS, TROUBLESHOOTING

# Scenario -> (cause, host where to act). What an expert would say, from the words of the scenario.
FIREWALL_OF_SERVER = ("firewall", SERVER)
EXPECTED: dict[str, tuple[str, str]] = {
    "name_not_resolved": ("name_resolution", CLIENT),
    "name_resolves_to_a_wrong_address": ("name_resolution", CLIENT),
    "server_is_down": ("host_silent", SERVER),
    "client_blocks_port_135_outbound": ("firewall", CLIENT),
    "client_blocks_the_program_outbound": ("firewall", CLIENT),
    "server_has_no_rule_for_port_135": FIREWALL_OF_SERVER,
    "server_has_no_rule_for_the_program": FIREWALL_OF_SERVER,
    "server_rule_names_another_peer": FIREWALL_OF_SERVER,
    "server_rule_holds_for_another_profile": FIREWALL_OF_SERVER,
    "server_rule_names_another_path": FIREWALL_OF_SERVER,
    "server_rule_blocks_the_program": FIREWALL_OF_SERVER,
    "server_ignores_local_rules_by_policy": FIREWALL_OF_SERVER,
    "server_blocks_all_inbound": FIREWALL_OF_SERVER,
    "server_has_dcom_switched_off": ("dcom_off", SERVER),
    "client_has_dcom_switched_off": ("dcom_off", CLIENT),
    "account_is_missing_on_the_server": ("account_missing", SERVER),
    "passwords_differ": ("password_wrong", SERVER),
    "account_is_disabled": ("account_disabled", SERVER),
    "account_is_locked_out": ("account_locked", SERVER),
    "password_must_change": ("password_expired", SERVER),
    "account_may_not_log_on_over_the_network": ("logon_right", SERVER),
    "server_forces_guest": ("guest_forced", SERVER),
    "unauthenticated_retry_is_forbidden": ("runs_as_other", CLIENT),
    "domain_controllers_are_away": ("domain_unreachable", SERVER),
    "client_without_updates_asks_for_connect": ("activation_level", CLIENT),
    "client_passes_a_low_level": ("activation_level_of_program", CLIENT),
    "client_level_is_impossible": ("level_invalid", CLIENT),
    "class_is_not_registered": ("class_not_registered", SERVER),
    "app_id_taken_for_a_class": ("wrong_class", CLIENT),
    "launch_limit_lacks_the_account": ("launch_limit", SERVER),
    "launch_limit_comes_from_policy": ("limit_of_policy", SERVER),
    "server_must_be_launched": ("launch_permission", SERVER),
    "launch_permission_lacks_the_account": ("launch_permission", SERVER),
    "launch_permission_denies_a_group": ("launch_permission", SERVER),
    "launch_permission_is_invalid": ("permission_invalid", SERVER),
    "service_is_disabled": ("service_disabled", SERVER),
    "program_is_missing": ("program_missing", SERVER),
    "service_account_has_another_password": ("service_logon", SERVER),
    "service_does_not_answer": ("service_silent", SERVER),
    "server_level_is_impossible": ("level_invalid", SERVER),
    "access_limit_lacks_the_account": ("access_limit", SERVER),
    "access_limit_comes_from_policy": ("limit_of_policy", SERVER),
    "access_limit_of_policy_is_no_sddl": ("limit_of_policy", SERVER),
    "access_permission_lacks_the_account": ("access_permission", SERVER),
    "access_permission_gives_local_access_only": ("access_permission", SERVER),
    "access_permission_mixes_formats": ("permission_invalid", SERVER),
    "program_sets_its_own_permission": ("own_permission", SERVER),
    "proxy_stub_is_missing_on_the_client": ("proxy_stub", CLIENT),
    "proxy_stub_is_missing_on_the_server": ("proxy_stub", SERVER),
    "opc_enum_is_disabled": ("service_disabled", SERVER),
    "opc_enum_is_not_open_in_the_firewall": FIREWALL_OF_SERVER,
    "opc_enum_may_not_be_launched": ("launch_permission", SERVER),
    "opc_enum_access_lacks_the_account": ("access_permission", SERVER),
    "callback_finds_port_135_closed": ("firewall", CLIENT),
    "callback_finds_the_program_closed": ("firewall", CLIENT),
    "callback_is_blocked_on_the_server": FIREWALL_OF_SERVER,
    "callback_account_is_missing": ("account_missing", CLIENT),
    "callback_passwords_differ": ("password_wrong", CLIENT),
    "callback_comes_from_anonymous": ("anonymous_refused", CLIENT),
    "callback_access_limit_lacks_the_account": ("access_limit", CLIENT),
    "callback_access_permission_lacks_the_account": ("access_permission", CLIENT),
    "callback_computer_account_is_not_granted": ("access_permission", CLIENT),
    "access_denied_on_create": ("anonymous_refused", SERVER),
    "access_denied_on_create_by_launch_limit": ("anonymous_refused", SERVER),
    "access_denied_on_create_by_default_launch": ("anonymous_refused", SERVER),
    "access_denied_on_create_by_default_access": ("anonymous_refused", SERVER),
    "default_properties_changed_without_restart": ("not_in_force", CLIENT),
    "rpc_unavailable_on_create": FIREWALL_OF_SERVER,
    "empty_server_list": ("anonymous_refused", SERVER),
    "empty_server_list_by_launch_permission": ("anonymous_refused", SERVER),
    "empty_server_list_by_limits": ("anonymous_refused", SERVER),
    "empty_server_list_by_firewall": FIREWALL_OF_SERVER,
    "advise_rpc_unavailable": ("firewall", CLIENT),
    "advise_access_denied": ("access_permission", CLIENT),
    "advise_access_denied_by_limits": ("access_limit", CLIENT),
    "advise_access_denied_to_unknown_account": ("account_missing", CLIENT),
    "advise_access_denied_to_another_password": ("password_wrong", CLIENT),
    "hardened_client": ("activation_level", CLIENT),
}
WORKING = {"no_updates", "both_hardened", "server_cannot_be_updated"}
# Only the log of the client program shows them.
NEED_THE_APIS_LOG = {"proxy_stub_is_missing_on_the_client", "proxy_stub_is_missing_on_the_server"}


def test_the_table_names_every_scenario() -> None:
    assert set(EXPECTED) | WORKING == {item.name for item in (*CAUSES, *TROUBLESHOOTING, *ENVIRONMENTS)}
    assert len(EXPECTED) > 75


@pytest.mark.parametrize("name", EXPECTED)
def test_the_seeded_cause_comes_first(name: str) -> None:
    scenario = SCENARIOS[name]
    plant = scenario.build()
    ways = {direction.value for direction in scenario.symptoms}
    seen = seen_in(plant)
    problems = diagnose(seen)
    first = problems[0]
    assert (first.cause.value, first.host) == EXPECTED[name], first.line
    if name not in NEED_THE_APIS_LOG:
        without = {host: {**result, "apis": []} for host, result in seen.events.items()}
        assert diagnose(replace(seen, events=without))[0].cause is first.cause
    assert first.links == (NAME,)
    assert first.certainty.tier <= Certainty.LIKELY
    assert {way.value for way in first.ways} <= ways
    assert "(unknown " not in first.line
    for other in problems[1:]:
        assert other.certainty.tier > Certainty.LIKELY or set(other.ways).isdisjoint(first.ways), other.line
    for problem in problems:
        for command in problem.commands:
            assert_accepted(command, problem.host)


def assert_accepted(command: str, host: str) -> None:
    """A command is one that Ansible runs: playbooks that exist, options that a module of ours takes."""
    words = shlex.split(command)
    assert "-i" in words and "site.ini" in words, command
    if words[0] == "ansible-playbook":
        assert words[1] in ("otsec.opc_dcom.harden_opc", "otsec.opc_dcom.verify_links")
        assert words[words.index("--limit") + 1] == host
        return
    assert words[:2] == ["ansible", host]
    module = words[words.index("-m") + 1]
    options = json.loads(words[words.index("-a") + 1]) if "-a" in words else {}
    if module.startswith("otsec.opc_dcom."):
        action = importlib.import_module(f"ansible_collections.otsec.opc_dcom.plugins.action.{module[15:]}")
        made = object.__new__(action.ActionModule)
        outcome = ArgumentSpecValidator(made.options(), **made.constraints()).validate(options)
        assert not outcome.error_messages, command
    else:
        assert module.startswith("ansible.windows.win_")


@pytest.mark.parametrize("name", sorted(NEED_THE_APIS_LOG))
def test_discovery_finds_a_missing_proxy_stub_without_the_log(name: str) -> None:
    first = diagnose(seen_in(SCENARIOS[name].build(), with_log=False, with_discovery=True))[0]
    assert (first.cause.value, first.host) == EXPECTED[name]
    assert "is a 64-bit program, and opcproxy.dll (64-bit) is not usable" in first.why[0]


def test_discovery_on_a_healthy_plant_is_no_cause() -> None:
    assert diagnose(seen_in(named_accounts(), with_discovery=True)) == []


@pytest.mark.parametrize("name", sorted(WORKING))
def test_a_link_that_works_has_no_problem(name: str) -> None:
    assert {item.cause for item in diagnose(seen_in(SCENARIOS[name].build()))} <= {Cause.WEAKNESS}


def test_without_events_only_the_configuration_speaks() -> None:
    hidden = diagnose(seen_in(SCENARIOS["passwords_differ"].build(), with_events=False))
    assert hidden == []
    shown = diagnose(seen_in(SCENARIOS["account_is_disabled"].build(), with_events=False))
    assert [(item.cause, item.certainty) for item in shown] == [(Cause.ACCOUNT_UNUSABLE, Certainty.REFUSES)]


@pytest.mark.parametrize(
    "name",
    [
        "launch_limit_lacks_the_account",
        "client_without_updates_asks_for_connect",
        "passwords_differ",
        "name_not_resolved",
    ],
)
def test_events_from_before_the_repair_are_over(name: str) -> None:
    """Repaired, rebooted, and the old events still in the log."""
    scenario = SCENARIOS[name]
    plant = scenario.build()
    plant.connect()
    for host in plant.hosts.values():
        host.clock.advance(60)
    scenario.repair(plant)
    for host in plant.hosts.values():
        admin.reboot(host)
    problems = diagnose(seen_in(plant))
    assert {item.certainty for item in problems} - {Certainty.WEAKNESS} == {Certainty.POSSIBLE}
    said = ("over, by the configuration of now", "not again since the last boot of")
    assert all(item.why[0].startswith(said) for item in problems if item.links)


def test_a_host_of_another_job_slice_is_said_to_be_unknown() -> None:
    seen = healthy()
    only_server = replace(seen, ends={SERVER: seen.ends[SERVER]}, machines={}, events={})
    (problem,) = diagnose(only_server)
    assert (problem.cause, problem.host, problem.certainty) == (Cause.NOT_LOOKED_AT, CLIENT, Certainty.POSSIBLE)


def test_the_cause_of_most_links_comes_first() -> None:
    """One host with ten links whose account is missing, and one that is down with one link."""
    plant = SCENARIOS["account_is_missing_on_the_server"].build()
    seen = seen_in(plant)
    (link,) = seen.links
    down = replace(link.server, host="gw09", computer_name="GW09")
    many: list[LinkSpec] = [replace(link, name="single", server=down)]
    many += [replace(link, name=f"history {number}") for number in range(10)]
    problems = diagnose(replace(seen, links=many, events={}, unreached=["gw09"]))
    assert [(item.cause, len(item.links)) for item in problems[:2]] == [
        (Cause.ACCOUNT_MISSING, 10),
        (Cause.HOST_SILENT, 1),
    ]
    assert "history 0, history 1, history 2 and 7 more" in problems[0].line


def group(**fields: Any) -> dict[str, Any]:
    """One group of dcom_event_info, of a remote caller without a link."""
    return {
        "event_id": 10016,
        "severity": "critical",
        "count": 1,
        "what": "refused",
        "data": {},
        "links": [],
        "expected_accounts": [],
        "is_undeclared": False,
        "last_time": "2026-03-02T06:00:00.000000Z",
        **fields,
    }


@cache
def healthy() -> Seen:
    return seen_in(named_accounts())


def diagnosed(*groups: Any) -> list[Problem]:
    seen = healthy()
    return diagnose(replace(seen, events={SERVER: {"groups": list(groups)}}))


def test_a_stranger_is_told_apart() -> None:
    (problem,) = diagnosed(group(event_id=10036, is_undeclared=True, data={"user": "eve", "address": "10.9.9.9"}))
    assert (problem.cause, problem.links, problem.commands) == (Cause.UNDECLARED, (), ())


def test_a_failed_logon_of_the_expected_account_explains_the_anonymous_caller_after_it() -> None:
    anonymous = {"user": "ANONYMOUS LOGON", "sid": "S-1-5-7", "address": "10.100.86.212"}
    link = {"links": [NAME], "expected_accounts": [CLIENT_ACCOUNT]}
    alone = diagnosed(group(event_id=10027, data=anonymous, **link))
    assert [item.cause for item in alone] == [Cause.RUNS_AS_OTHER]
    failed = group(
        event_id=4625,
        severity="warning",
        account=CLIENT_ACCOUNT,
        data={"user": CLIENT_ACCOUNT, "sub_status": "0xC000006A"},
        **link,
    )
    both = diagnosed(group(event_id=10027, data=anonymous, **link), failed)
    assert [item.cause for item in both] == [Cause.PASSWORD_WRONG]
    assert len(both[0].why) == 2


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"groups": None, "apis": 7},
        {"groups": ["text", {"event_id": "x"}, group(data=None, links=None), group(event_id=10005, data={})]},
        {"apis": [{"message": "create_server", "code": "rubbish"}, {"code": None}]},
    ],
)
def test_odd_data_is_no_reason_to_fail(odd: dict[str, Any]) -> None:
    seen = healthy()
    assert all(
        item.line for item in diagnose(replace(seen, events={SERVER: odd}, machines={SERVER: {"findings": ["x"]}}))
    )


HOSTILE = "x\x1b[31m\u202e'; rm -rf / #{{ lookup('pipe', 'id') }}" + "A" * 100_000


def test_names_of_hosts_and_events_never_reach_a_command() -> None:
    """People copy commands; what an event says could be made to run something."""
    data = dict.fromkeys(("user", "sid", "service", "program", "target", "clsid", "address", "domain"), HOSTILE)
    for event_id in (*range(10000, 10039), 4625, 5157):
        for links in ([], [NAME]):
            for problem in diagnosed(group(event_id=event_id, data=data, links=links, what=HOSTILE)):
                told = " ".join(problem.commands)
                assert "lookup" not in told and "rm -rf" not in told
                assert "\x1b" not in problem.line and "\u202e" not in problem.line
                assert len(problem.line) < 5000


@pytest.mark.parametrize("cause", Cause)
def test_no_command_is_made_of_a_hostile_model(cause: Cause) -> None:
    words = dict.fromkeys(
        ("host", "user", "account", "service", "program", "selector", "selected", "scope", "kind"), HOSTILE
    )
    assert commands(REMEDIES[cause].recipes, words) == ()
    plain = {**dict.fromkeys(words, "x"), "inventory": " -i site.ini"}
    assert len(commands(REMEDIES[cause].recipes, plain)) == len(REMEDIES[cause].recipes)


def test_what_waits_for_a_reboot_is_said() -> None:
    seen = healthy()
    waiting = replace(seen.ends[SERVER], reboot_reasons=("machine access limit",), stale_services=("ApisHive",))
    (problem,) = diagnose(replace(seen, ends={**seen.ends, SERVER: waiting}))
    assert (problem.cause, problem.host, problem.links) == (Cause.NOT_IN_FORCE, SERVER, (NAME,))
    assert problem.why == ("waiting: machine access limit, service ApisHive runs with old values",)


def test_two_causes_at_once_are_told_in_the_order_one_meets_them() -> None:
    """The firewall first; what stands behind it is named, so that nobody thinks it is the only thing."""
    plant = SCENARIOS["server_has_no_rule_for_port_135"].build()
    admin.revoke(plant.server, admin.launch_of("{6C1F2E80-5D4B-4B7E-9E0A-41D05A6B7C01}"), CLIENT_ACCOUNT)
    first = diagnose(seen_in(plant))[0]
    assert first.cause is Cause.FIREWALL
    assert "behind it also refuse: application_launch" in first.why


@pytest.mark.timed
def test_many_events_of_many_hosts_take_no_time() -> None:
    """A hundred hosts with 50 kinds of events each, none of which belongs to one of 300 links."""
    seen = healthy()
    (link,) = seen.links
    links = [replace(link, name=f"link {number}") for number in range(300)]
    groups = [group(event_id=10010, data={"clsid": f"{{{number:08}}}"}) for number in range(50)]
    events = {host: {"groups": groups} for host in (SERVER, CLIENT, *(f"other{number}" for number in range(98)))}
    started = time.perf_counter()
    problems = diagnose(replace(seen, links=links, events=events))
    assert time.perf_counter() - started < 20
    assert len(problems) == 100
    assert not [item.line for item in problems if "(unknown " in item.line]
    assert {item.certainty for item in problems} == {Certainty.POSSIBLE}
