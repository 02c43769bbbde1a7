# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan warns of and what it refuses: settings, blocks, WinRM, wishes nobody can write; and how long it takes."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from firewall_plans import ENUM, HIVE, IN_APIS, MAPPER, OWN_APIS, WANTED, absent, codes, outcomes, run
from firewall_support import APIS_HIVE, ENVIRONMENT, HOST, OPC_ENUM, SimulatedStore, entries, state_of, stored

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import LockoutError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._findings import Severity
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_adoption import (
    Claim,
    HostFacts,
    carries_winrm,
    claim,
    is_touchable,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_findings import (
    ANY_REMOTE,
    BLOCKED,
    FIREWALL_OFF,
    INBOUND_ALLOWED,
    LOCAL_RULES_IGNORED,
    MALFORMED_ENTRY,
    PROGRAM_MISSING,
    SHIELDS_UP,
    STILL_OPEN,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_operations import (
    FirewallSet,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_plan import plan_firewall
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_planner import Outcome
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import (
    Action,
    Direction,
    FirewallRule,
    Profile,
    parse_rule,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_standard import (
    WantedRule,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import (
    FirewallState,
    Origin,
    ProfileSettings,
    read_rules,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import ANY_ADDRESS, AddressSet, PortSet

# -- findings -------------------------------------------------------------------------------------------------------


def with_settings(policy: bool = False, **settings: object) -> FirewallState:
    values = {profile: ProfileSettings(**settings) for profile in Profile}  # type: ignore[arg-type]
    return FirewallState((), {}, values) if policy else FirewallState((), values)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (with_settings(policy=True, allow_local_policy_merge=False), LOCAL_RULES_IGNORED),
        (with_settings(do_not_allow_exceptions=True), SHIELDS_UP),
        (with_settings(policy=True, do_not_allow_exceptions=True), SHIELDS_UP),
        (with_settings(enable_firewall=False), FIREWALL_OFF),
        (with_settings(default_inbound_action=Action.ALLOW), INBOUND_ALLOWED),
    ],
)
def test_settings_that_make_rules_worthless_are_warned_of(state: FirewallState, code: str) -> None:
    plan = plan_firewall(WANTED, state, HOST)
    (found,) = plan.findings
    assert (found.code, found.severity) == (code, Severity.WARNING)
    assert "all" in found.subject
    assert plan.to_plan().warnings
    assert plan.operations


def test_settings_of_profiles_nobody_uses_are_not_warned_of() -> None:
    state = FirewallState((), {Profile.PUBLIC: ProfileSettings(do_not_allow_exceptions=True)})
    domain = replace(HIVE, rule=replace(HIVE.rule, profiles=frozenset({Profile.DOMAIN})))
    assert plan_firewall((domain,), state, HOST).findings == ()


@pytest.mark.parametrize(
    ("block", "word"),
    [
        (f"Protocol=6|App={APIS_HIVE.upper()}", "beats"),
        ("Protocol=6|LPort2_10=1024-65535", "beats"),
        ("RA4=10.0.0.22", "beats"),
        ("Protocol=6|LPort2_10=50000-50100", "may beat"),
        ("IFType=Wireless", "may beat"),
        ("Svc=ApisHive", "may beat"),
    ],
)
@pytest.mark.parametrize("store", ["local", "policy"])
def test_a_block_rule_that_wins_is_warned_of(block: str, word: str, store: str) -> None:
    entry = stored(f"v2.28|Action=Block|Active=TRUE|Dir=In|{block}|Name=No|")
    state = state_of(entry) if store == "local" else state_of([], entry)
    (found,) = [item for item in plan_firewall((HIVE,), state, HOST).findings if item.code == BLOCKED]
    assert f" {word} it" in found.evidence


@pytest.mark.parametrize(
    "block",
    [
        "Active=FALSE|Dir=In", "Active=TRUE|Dir=Out", f"Active=TRUE|Dir=In|App={OPC_ENUM}",
        "Active=TRUE|Dir=In|Protocol=17", "Active=TRUE|Dir=In|RA4=10.0.0.23", "Active=TRUE|Dir=In|Protocol=6|LPort=445",
    ],
)  # fmt: skip
def test_a_block_rule_for_something_else_is_not_warned_of(block: str) -> None:
    plan = plan_firewall((HIVE,), state_of(stored(f"v2.28|Action=Block|{block}|Name=No|")), HOST)
    assert BLOCKED not in codes(plan)


def test_a_program_that_is_not_there_is_said() -> None:
    facts = replace(HOST, programs={APIS_HIVE.upper(): False})
    plan = plan_firewall((HIVE, ENUM), state_of([]), facts)
    (found,) = plan.findings
    assert found.code == PROGRAM_MISSING
    assert APIS_HIVE in found.evidence


def test_built_in_rules_that_open_the_mapper_are_only_mentioned() -> None:
    opened = [(key, text.replace("Active=FALSE", "Active=TRUE")) for key, text in entries("built_in")]
    plan = plan_firewall((MAPPER,), state_of(opened), HOST)
    found = [item for item in plan.findings if item.code == STILL_OPEN]
    assert found
    assert {item.severity for item in found} == {Severity.INFO}


def test_any_remote_address_is_an_exception_that_is_reported() -> None:
    wide = replace(HIVE, rule=replace(HIVE.rule, remote_addresses=ANY_ADDRESS))
    plan = plan_firewall((wide,), state_of([]), HOST)
    assert codes(plan) == {ANY_REMOTE}
    assert plan.to_plan().warnings == ()
    (text,) = plan.to_plan().exceptions
    assert "every remote address" in text


def test_malformed_entries_are_kept_and_mentioned() -> None:
    local = entries("malformed")
    plan, store = run(WANTED, local)
    assert [item for item in store.entries() if item in local] == local
    found = [item for item in plan.findings if item.code == MALFORMED_ENTRY]
    assert len(found) == len(local)
    assert {item.severity for item in found} == {Severity.INFO}


# -- WinRM ----------------------------------------------------------------------------------------------------------


WINRM = [text for _unused, text in entries("built_in") if "-30253|" in text or "-35001|" in text] + [
    "v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5986|Name=a|",
    "v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort2_10=5000-6000|Name=a|",
    "v2.28|Action=Allow|Active=TRUE|Dir=In|App=%SystemRoot%\\System32\\svchost.exe|Svc=winrm|Name=a|",
    "v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|Name=Windows-Remoteverwaltung (HTTP eingehend)|",
]


@pytest.mark.parametrize("text", WINRM)
def test_rules_that_carry_winrm_are_known(text: str) -> None:
    assert carries_winrm(parse_rule(text))


@pytest.mark.parametrize(
    "text", [OWN_APIS, IN_APIS, "v2.28|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|LPort=5985|Name=a|"]
)
def test_other_rules_do_not_carry_winrm(text: str) -> None:
    assert not carries_winrm(parse_rule(text))


def test_the_port_ansible_uses_is_winrms_port() -> None:
    text = "v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=45986|Name=a|"
    assert not carries_winrm(parse_rule(text))
    assert carries_winrm(parse_rule(text), frozenset({45986}))


def test_rules_of_group_policy_are_never_touched() -> None:
    (local,) = read_rules(stored(IN_APIS))
    (policy,) = read_rules(stored(IN_APIS), Origin.GROUP_POLICY)
    assert is_touchable(local)
    assert not is_touchable(policy)
    assert claim(HIVE, policy, HOST) is Claim.SAME_PURPOSE
    plan = plan_firewall(absent(HIVE), state_of([], stored(IN_APIS, OWN_APIS)), HOST)
    assert plan.is_empty


def test_a_rule_of_our_name_that_carries_winrm_is_never_touched() -> None:
    text = f"v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5985|App={APIS_HIVE}|Name=OPC ApisHive (in)|"
    for wanted in ((HIVE,), absent(HIVE)):
        plan = plan_firewall(wanted, state_of(stored(text)), HOST)
        assert not any("rule 1" in getattr(item, "rule_ids", ()) for item in plan.operations)
        assert not any(isinstance(item, FirewallSet) for item in plan.operations)


def blocking(**fields: object) -> WantedRule:
    rule = FirewallRule("Block", Direction.IN, Action.BLOCK, protocol=6)
    return WantedRule(replace(rule, **fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wanted",
    [
        blocking(),
        blocking(protocol=None),
        blocking(local_ports=PortSet.of("5000-6000")),
        blocking(program="System"),
        blocking(profiles=frozenset({Profile.PRIVATE})),
        blocking(remote_addresses=AddressSet.of("10.0.0.0/8")),
        blocking(service="WinRM"),
    ],
)
def test_a_rule_that_would_block_winrm_is_refused(wanted: WantedRule) -> None:
    with pytest.raises(LockoutError, match="WinRM"):
        plan_firewall((wanted,), state_of(entries("built_in")), HOST)


@pytest.mark.parametrize(
    "wanted",
    [
        blocking(local_ports=PortSet.of(445)),
        blocking(program=APIS_HIVE),
        blocking(protocol=17),
        blocking(direction=Direction.OUT),
    ],
)
def test_a_block_rule_for_something_else_is_written(wanted: WantedRule) -> None:
    plan, _unused = run((wanted,), entries("built_in"))
    assert outcomes(plan) == [Outcome.ADD]


def test_a_known_controller_may_be_outside_a_block_rule() -> None:
    facts = replace(HOST, management_address=AddressSet.of("192.0.2.10"))
    wanted = blocking(remote_addresses=AddressSet.of("10.0.0.0/8"))
    assert plan_firewall((wanted,), state_of(entries("built_in")), facts).operations
    inside = replace(HOST, management_address=AddressSet.of("10.1.1.1"))
    with pytest.raises(LockoutError):
        plan_firewall((wanted,), state_of(entries("built_in")), inside)


def test_a_block_rule_matters_only_in_the_active_profiles() -> None:
    facts = replace(HOST, active_profiles=frozenset({Profile.DOMAIN}))
    wanted = blocking(profiles=frozenset({Profile.PUBLIC}))
    assert plan_firewall((wanted,), state_of(entries("built_in")), facts).operations


# -- bad wishes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "all"}, "'all'"),
        ({"name": "a|b"}, "no '|'"),
        ({"name": 'a" & calc'}, "cannot be given to netsh"),
        ({"name": "%PATH%"}, "cannot be given to netsh"),
        ({"program": "C:/apis/a.exe"}, "program path"),
        ({"program": "C:\\apis\\*.exe"}, "program path"),
        ({"program": "C:\\apis\\hive?.exe"}, "program path"),
        ({"program": 'C:\\apis\\"hive".exe'}, "program path"),
        ({"program": "C:\\100%\\apis.exe"}, "environment does not have"),
        ({"program": "%Nowhere%\\a.exe"}, "environment does not have"),
        ({"program": "apis.exe"}, "not a path"),
        ({"protocol": None}, "TCP or UDP"),
        ({"direction": Direction.OUT}, "inbound"),
        ({"remote_addresses": AddressSet.of("127.0.0.1")}, "does not take"),
        ({"grouping": "OPC"}, "cannot write"),
    ],
)
def test_a_wish_that_cannot_be_written_is_refused_by_name(change: dict[str, object], message: str) -> None:
    wanted = replace(HIVE, rule=replace(HIVE.rule, **change))  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="TCP or UDP" if message == "TCP or UDP" else None) as caught:
        plan_firewall((MAPPER, wanted), state_of([]), HOST)
    assert caught.value.path == "rules[1]"
    assert message in str(caught.value)


def test_the_same_name_twice_is_refused() -> None:
    again = replace(ENUM, rule=replace(ENUM.rule, name=HIVE.rule.name.upper()))
    with pytest.raises(ParameterError, match="wanted twice"):
        plan_firewall((HIVE, again), state_of([]), HOST)


def test_variables_in_a_wanted_program_are_expanded() -> None:
    wanted = replace(ENUM, rule=replace(ENUM.rule, program="%SystemRoot%\\SysWOW64\\OpcEnum.exe"))
    _unused, store = run((wanted,), [])
    assert store.rules()[0].rule == ENUM.rule


# -- size -----------------------------------------------------------------------------------------------------------


def large_store(size: int) -> list[tuple[str, str]]:
    base = [item for name in ("built_in", "packages", "prompts") for item in entries(name) if "apis" not in item[1]]
    copies = [(f"{key} {index}", text) for index in range(size // len(base) + 1) for key, text in base]
    return entries("hand_run") + copies[: size - len(entries("hand_run"))]


def test_1500_rules_are_read_and_planned_in_well_under_a_second() -> None:
    local = large_store(1_500)
    assert len(local) == 1_500
    spent = []
    for _unused in range(3):
        start = time.process_time()  # the machine may be busy with other things
        plan = plan_firewall(WANTED, state_of(local), HOST)
        spent.append(time.process_time() - start)
        assert len(plan.operations) == 6
    assert min(spent) < 1.0


def test_a_second_run_on_1500_rules_changes_nothing() -> None:
    local = large_store(1_500)
    plan = plan_firewall(WANTED, state_of(local), HOST)
    store = SimulatedStore(local)
    store.apply(plan.operations)
    assert plan_firewall(WANTED, FirewallState(store.rules()), HOST).operations == ()


def test_a_large_store_can_be_undone_at_every_step() -> None:
    plan, _store = run(WANTED, large_store(300))
    assert len(plan.operations) == 6


def test_host_facts_know_paths_in_any_spelling() -> None:
    facts = HostFacts(ENVIRONMENT, {"%SystemRoot%\\SysWOW64\\OpcEnum.exe": True, "C:\\gone.exe": False})
    assert facts.has_program(OPC_ENUM.upper()) is True
    assert facts.has_program("c:\\GONE.exe") is False
    assert facts.has_program(APIS_HIVE) is None


def test_read_rules_of_both_stores_do_not_mix() -> None:
    state = FirewallState(read_rules(stored(IN_APIS)))
    assert plan_firewall((HIVE,), state, HOST).operations
