# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dcom_permission on simulated hosts: every scope, kind and state twice, other hosts, when it counts, what it costs."""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost, LiveHostFactory, OptionError, changed_lines
from permission_tasks import (
    ACCESS,
    EVERYWHERE,
    LAUNCH,
    OPC_ENUM,
    POLICY,
    RIGHTS,
    assert_meaning,
    assert_settled,
    entry,
    run,
    state_of,
    stored,
)

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import (
    DomainError,
    HostStateError,
    OpcDcomError,
    ParameterError,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._permission import DcomPermission
from simulator.faults import Effect, ScriptedFault
from simulator.profiles import SERVER_2008_R2, WINDOWS_10
from simulator.subsystems.account_database import Domain
from simulator.subsystems.registry_value import RegistryValue


@pytest.fixture
def host(opc_server: LiveHost) -> LiveHost:
    return opc_server


# -- every scope, kind and state, twice


@EVERYWHERE
def test_grant_adds_one_line_and_settles(host: LiveHost, scope: str, kind: str) -> None:
    wanted = {"entries": [entry("OPC Users", RIGHTS[kind])]}
    granted = run(host, scope, kind, **wanted)
    assert granted["changed"]
    added = [line for line in changed_lines(granted) if line.startswith("+")]
    assert added == [f"+ - allow  GW01\\OPC Users  {', '.join(RIGHTS[kind])}"]
    assert_settled(host, scope, kind, **wanted)


@EVERYWHERE
def test_revoke_takes_one_line_and_settles(host: LiveHost, scope: str, kind: str) -> None:
    run(host, scope, kind, entries=[entry("OPC Users", RIGHTS[kind])])
    before = stored(host, scope, kind)
    revoked = run(host, scope, kind, state="absent", entries=[entry("OPC Users")])
    assert changed_lines(revoked) == [f"- - allow  GW01\\OPC Users  {', '.join(RIGHTS[kind])}"]
    assert before != stored(host, scope, kind)
    assert_settled(host, scope, kind, state="absent", entries=[entry("OPC Users")])


@EVERYWHERE
def test_exact_leaves_these_entries_and_settles(host: LiveHost, scope: str, kind: str) -> None:
    rights = RIGHTS[kind]
    wanted = {
        "state": "exact",
        "entries": [entry("OPC Users", rights), entry("SYSTEM", rights), entry("Administrators", rights)],
    }
    assert run(host, scope, kind, **wanted)["changed"]
    mask = {"access": "CCDCLC", "launch": "CCDCLCSWRP"}[kind]
    group = host.simulated.accounts.local.group("OPC Users").sid
    assert_meaning(host, scope, kind, f"O:BAG:BAD:(A;;{mask};;;{group})(A;;{mask};;;SY)(A;;{mask};;;BA)")
    assert_settled(host, scope, kind, **wanted)


@EVERYWHERE
def test_default_brings_back_what_windows_ships_and_settles(host: LiveHost, scope: str, kind: str) -> None:
    shipped = stored(host, scope, kind)
    run(host, scope, kind, entries=[entry("OPC Users", RIGHTS[kind])])
    back = run(host, scope, kind, state="default")
    assert back["changed"]
    if scope == "application" or (scope, kind) == ("machine_default", "access"):
        assert stored(host, scope, kind) is None
    else:
        assert stored(host, scope, kind) == shipped
    assert_settled(host, scope, kind, state="default")


@EVERYWHERE
def test_check_mode_says_the_same_and_writes_nothing(host: LiveHost, scope: str, kind: str) -> None:
    wanted = {"entries": [entry("OPC Users", RIGHTS[kind])]}
    preview = run(host, scope, kind, check_mode=True, **wanted)
    assert host.writes == []
    done = run(host, scope, kind, **wanted)
    assert {name: done[name] for name in ("changed", "diff", "before", "after")} == {
        name: preview[name] for name in ("changed", "diff", "before", "after")
    }


@EVERYWHERE
@pytest.mark.parametrize(
    "effect", [Effect.DROP_BEFORE, Effect.DROP_AFTER, Effect.TRUNCATED], ids=lambda effect: effect.value
)
def test_a_failure_in_the_middle_leaves_the_host_as_it_was(
    host: LiveHost, scope: str, kind: str, effect: Effect
) -> None:
    before = state_of(host)
    host.site.add_fault("host", ScriptedFault(effect, operation="StdRegProv.SetBinaryValue"))
    with pytest.raises(OpcDcomError, match="SetBinaryValue"):
        run(host, scope, kind, entries=[entry("OPC Users", RIGHTS[kind])])
    assert host.site["host"].faults.is_exhausted
    assert state_of(host) == before


# -- other hosts


def test_a_german_host_takes_english_names_and_shows_them(live: LiveHostFactory) -> None:
    german = live("gw01", ui_language="de-DE")
    wanted = {"entries": [entry("Distributed COM Users", ["local_activation"], "deny"), entry("Users", LAUNCH)]}
    result = run(german, "machine_limit", "launch", **wanted)
    assert changed_lines(result) == [
        "+ - deny   BUILTIN\\Distributed COM Users  local_activation",
        f"+ - allow  BUILTIN\\Users  {', '.join(LAUNCH)}",
    ]
    assert_settled(german, "machine_limit", "launch", **wanted)


def test_a_german_host_takes_its_own_names_too(live: LiveHostFactory) -> None:
    german = live("gw01", ui_language="de-DE")
    result = run(german, "machine_default", "launch", entries=[entry("Benutzer", LAUNCH)])
    assert changed_lines(result) == [f"+ - allow  BUILTIN\\Users  {', '.join(LAUNCH)}"]
    assert_settled(german, "machine_default", "launch", entries=[entry("Users", LAUNCH)])


@pytest.mark.parametrize("principal", ["FACTORY\\OPC Users", "OPC Users", "opc users@factory.example"])
def test_a_domain_host_takes_groups_and_computers_of_its_domain(live: LiveHostFactory, principal: str) -> None:
    domain = Domain("FACTORY", "factory.example")
    domain.add_group("OPC Users")
    domain.add_computer("hist01")
    member = live("gw01", domain=domain)
    wanted = {"entries": [entry(principal, ACCESS), entry("FACTORY\\HIST01$", ["remote_access"])]}
    assert changed_lines(run(member, "machine_limit", "access", **wanted)) == [
        "+ - allow  FACTORY\\OPC Users  local_access, remote_access",
        "+ - allow  FACTORY\\HIST01$  remote_access",
    ]
    assert_settled(member, "machine_limit", "access", **wanted)


@pytest.mark.parametrize("profile", [SERVER_2008_R2, WINDOWS_10], ids=lambda profile: profile.key)
def test_default_limits_follow_the_version_of_windows(live: LiveHostFactory, profile: Any) -> None:
    host = live("gw01", profile)
    assert not run(host, "machine_limit", "launch", state="default")["changed"]
    assert not run(host, "machine_limit", "access", state="default")["changed"]


@pytest.fixture
def controlled(live: LiveHostFactory) -> LiveHost:
    """A host whose launch limit comes from Group Policy."""
    made = live("gw01")
    sddl = "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCDCSW;;;WD)"
    made.simulated.registry.put(POLICY, "MachineLaunchRestriction", RegistryValue.sz(sddl))
    made.simulated.journal.records.clear()
    return made


def test_a_change_that_policy_makes_dead_is_refused(controlled: LiveHost) -> None:
    with pytest.raises(HostStateError, match=r"overridden by Group Policy.*even_if_policy_overrides"):
        run(controlled, "machine_limit", "launch", entries=[entry("Users", LAUNCH)])
    assert controlled.writes == []


def test_a_dead_change_that_was_asked_for_is_an_exception_and_shows_the_policy(controlled: LiveHost) -> None:
    wanted = {"entries": [entry("Users", LAUNCH)], "even_if_policy_overrides": True}
    result = run(controlled, "machine_limit", "launch", **wanted)
    assert result["changed"]
    assert result["exceptions"] == [
        "even_if_policy_overrides: machine_launch_restriction: Group Policy overrides the value"
    ]
    assert "allow  Everyone  local_launch, local_activation" in result["after"]["group_policy"]
    assert any("overridden by Group Policy" in text for text in result["warnings"])
    assert_settled(controlled, "machine_limit", "launch", **wanted)


def test_what_policy_overrides_and_needs_no_change_is_only_told(controlled: LiveHost) -> None:
    result = run(controlled, "machine_limit", "launch", entries=[entry("Administrators", LAUNCH)])
    assert not result["changed"]
    assert any("overridden by Group Policy" in text for text in result["warnings"])


def test_policy_for_one_limit_leaves_the_other_and_the_defaults_alone(controlled: LiveHost) -> None:
    assert run(controlled, "machine_limit", "access", entries=[entry("Users", ACCESS)])["changed"]
    assert run(controlled, "machine_default", "launch", entries=[entry("Users", LAUNCH)])["changed"]


def test_an_empty_policy_is_not_enforced(live: LiveHostFactory) -> None:
    host = live("gw01")
    host.simulated.registry.put(POLICY, "MachineLaunchRestriction", RegistryValue.sz(""))
    assert run(host, "machine_limit", "launch", entries=[entry("Users", LAUNCH)])["changed"]


def test_an_invalid_policy_overrides_as_well(live: LiveHostFactory) -> None:
    host = live("gw01")
    host.simulated.registry.put(POLICY, "MachineAccessRestriction", RegistryValue.sz("not sddl"))
    with pytest.raises(HostStateError, match="overridden by Group Policy"):
        run(host, "machine_limit", "access", entries=[entry("Users", ACCESS)])


# -- when it counts


def test_machine_wide_changes_ask_for_a_reboot_until_there_was_one(host: LiveHost) -> None:
    wanted = {"entries": [entry("OPC Users", LAUNCH)]}
    assert run(host, "machine_limit", "launch", **wanted)["reboot_reasons"] == ["machine_launch_restriction"]
    assert run(host, "machine_limit", "launch", **wanted)["reboot_required"]
    host.simulated.reboot()
    host.simulated.clock.advance(3600)
    assert not run(host, "machine_limit", "launch", **wanted)["reboot_required"]


def test_an_access_permission_asks_for_a_restart_of_the_running_service(host: LiveHost) -> None:
    wanted = {"service": "ApisHive", "entries": [entry("OPC Users", ["remote_access"])]}
    assert run(host, "application", "access", **wanted)["restart_required"] == ["ApisHive"]
    assert not run(host, "application", "access", **wanted)["reboot_required"]


@pytest.mark.parametrize("scope", ["machine_default", "application"])
def test_launch_permissions_count_at_once(host: LiveHost, scope: str) -> None:
    result = run(host, scope, "launch", entries=[entry("OPC Users", LAUNCH)])
    assert (result["restart_required"], result["reboot_required"]) == ([], False)


def test_access_permissions_that_com_ignores_are_told(host: LiveHost) -> None:
    """OpcEnum registers itself with level none."""
    result = run(host, "application", "access", entries=[entry("OPC Users", ACCESS)])
    assert any(
        "ignores access permissions while the authentication level is none" in text for text in result["warnings"]
    )


def test_remote_rights_of_a_service_sid_are_told_to_be_of_no_use(host: LiveHost) -> None:
    result = run(host, "machine_default", "access", entries=[entry("NT SERVICE\\ApisHive", ACCESS)])
    assert any("exists on its own host only" in text for text in result["warnings"])


# -- options


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({}, ParameterError, "needs entries"),
        ({"entries": []}, ParameterError, "at least one entry"),
        ({"state": "default", "entries": []}, ParameterError, "takes no entries"),
        ({"sddl": "D:"}, ParameterError, "state=exact only"),
        ({"state": "exact", "sddl": "D:", "entries": []}, OptionError, "mutually exclusive"),
        ({"entries": [{"principal": "Users"}]}, ParameterError, "at least one right"),
        ({"entries": [{"principal": "", "rights": ["local_access"]}]}, ParameterError, r"entries\[0\].principal"),
        ({"entries": [{"rights": ["local_access"]}]}, OptionError, "principal"),
        ({"entries": [{"principal": "Users", "rights": ["all"]}]}, OptionError, "all"),
        ({"entries": [entry("Users", ACCESS)], "app_id": OPC_ENUM}, ParameterError, "scope is machine_default"),
    ],
)
def test_wrong_options_are_refused_before_the_host_is_asked(
    host: LiveHost, options: dict[str, Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        run(host, "machine_default", "access", **options)
    assert host.messages == 0


def test_an_application_has_to_be_named(host: LiveHost) -> None:
    with pytest.raises(OptionError, match="scope is application but any of the following are missing"):
        host.run(DcomPermission(), {"scope": "application", "kind": "access", "state": "default"})


# -- cost


@pytest.mark.parametrize(
    ("scope", "kind", "options", "budget"),
    [
        ("machine_limit", "launch", {"entries": [entry("Administrators", LAUNCH)]}, 3),
        ("machine_limit", "access", {"entries": [entry(".\\OPC Users", ACCESS)]}, 6),
        ("machine_default", "launch", {"entries": [entry("OPC Users", LAUNCH)]}, 5),
        ("application", "launch", {"entries": [entry("OPC Users", LAUNCH)]}, 8),
        ("application", "access", {"state": "default"}, 6),
    ],
)
def test_a_run_without_change_costs_few_messages(
    host: LiveHost, scope: str, kind: str, options: dict[str, Any], budget: int
) -> None:
    run(host, scope, kind, **options)
    host.simulated.reboot()
    host.simulated.clock.advance(3600)
    run(host, scope, kind, **options)  # clears the marker of the reboot
    assert not run(host, scope, kind, **options)["changed"]
    assert host.messages <= budget


def test_a_domain_error_is_what_a_bad_name_is(host: LiveHost) -> None:
    with pytest.raises(DomainError):
        run(host, "machine_limit", "access", entries=[entry("\\", ACCESS)])
