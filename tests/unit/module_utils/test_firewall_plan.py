# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans: keep, repair, add, take over, take away; each is run on the simulated store, verified and undone."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from firewall_support import APIS_HIVE, ENVIRONMENT, HOST, OPC_ENUM, SimulatedStore, entries, state_of, stored

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError, LockoutError, ParameterError
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
    NOT_TAKEN_AWAY,
    PROGRAM_MISSING,
    SHIELDS_UP,
    STILL_OPEN,
    USELESS_RULE,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_operations import (
    FirewallAdd,
    FirewallDelete,
    FirewallSet,
    undo_operations_left,
    verify,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_plan import FirewallPlan, plan_firewall
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_planner import Leftovers, Outcome, PlanOptions
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import (
    Action,
    Direction,
    FirewallRule,
    Profile,
    format_rule,
    parse_rule,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_standard import (
    RuleScope,
    RuleState,
    WantedRule,
    apis_hive_rules,
    endpoint_mapper_rules,
    opc_enum_rules,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import (
    FirewallState,
    Origin,
    ProfileSettings,
    read_rules,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import ANY_ADDRESS, AddressSet, PortSet
from ansible_collections.otsec.opc_dcom.plugins.module_utils._plan import render

PEERS = AddressSet.of("10.0.0.21", "10.0.0.22")
SCOPE = RuleScope(PEERS, directions=frozenset({Direction.IN}))
(MAPPER,) = endpoint_mapper_rules(SCOPE)
(ENUM,) = opc_enum_rules(SCOPE, OPC_ENUM)
(HIVE,) = apis_hive_rules(SCOPE)
WANTED = (MAPPER, ENUM, HIVE)

IN_APIS = f"v2.28|Action=Allow|Active=TRUE|Dir=In|App={APIS_HIVE}|Name=AllowApis|"
OWN_APIS = format_rule(HIVE.rule, (2, 28))


def run(
    wanted: tuple[WantedRule, ...], local: list[tuple[str, str]], options: PlanOptions | None = None
) -> tuple[FirewallPlan, SimulatedStore]:
    """Plan, apply, verify, plan again (nothing left), undo on a second store (as before). Returns the applied store."""
    options = options or PlanOptions()
    plan = plan_firewall(wanted, state_of(local), HOST, options)
    store = SimulatedStore(local)
    before = store.rules()
    store.apply(plan.operations)
    assert verify(before, plan.operations, store.rules(), ENVIRONMENT) == ()
    again = plan_firewall(wanted, FirewallState(store.rules()), HOST, options)
    assert again.operations == ()
    assert undo_operations_left(plan.operations, before, ENVIRONMENT) == ()
    check_undo(plan, local)
    return plan, store


def check_undo(plan: FirewallPlan, local: list[tuple[str, str]]) -> None:
    """After any number of operations from the front, what is left to undo gives the rules there were."""
    for done in range(len(plan.operations) + 1):
        store = SimulatedStore(local)
        store.apply(plan.operations[:done])
        store.apply(undo_operations_left(plan.operations, store.rules(), ENVIRONMENT))
        assert contents(store.entries()) == contents(SimulatedStore(local).entries())
        assert undo_operations_left(plan.operations, store.rules(), ENVIRONMENT) == ()
    store = SimulatedStore(local)
    store.apply(plan.operations)
    store.apply(operation.inverse() for operation in reversed(plan.operations))
    assert contents(store.entries()) == contents(SimulatedStore(local).entries())


def contents(items: list[tuple[str, str]]) -> list[str]:
    """The rules without their ids and schema versions, which netsh chooses."""
    return sorted(text.partition("|")[2] for _, text in items)


def outcomes(plan: FirewallPlan) -> list[Outcome]:
    return [item.outcome for item in plan.decisions]


def codes(plan: FirewallPlan) -> set[str]:
    return {item.code for item in plan.findings}


# -- keep, add ------------------------------------------------------------------------------------------------------


def test_an_empty_store_gets_every_rule() -> None:
    plan, store = run(WANTED, [])
    assert outcomes(plan) == [Outcome.ADD] * 3
    assert [type(item) for item in plan.operations] == [FirewallAdd] * 3
    assert {item.rule for item in store.rules()} == {item.rule for item in WANTED}
    assert plan.findings == ()


def test_nothing_is_wanted_nothing_is_done() -> None:
    plan, _ = run((), entries("hand_run"))
    assert plan.is_empty
    assert plan.to_plan().is_empty


@pytest.mark.parametrize(
    "text",
    [
        OWN_APIS,
        OWN_APIS.replace("Name=OPC ApisHive (in)", "Name=Written by another tool"),
        OWN_APIS.replace(APIS_HIVE, "c:\\APIS\\bin64\\ApisHivex64.exe"),
        OWN_APIS.replace("RA4=10.0.0.21-10.0.0.22", "RA4=10.0.0.22|RA4=10.0.0.21"),
        OWN_APIS.replace("|LPort=RPC|", "|Profile=Public|Profile=Domain|Profile=Private|LPort=RPC|"),
        OWN_APIS.replace("|Desc=", "|EmbedCtxt=Plant|Desc="),
    ],
)
def test_a_rule_that_means_the_same_is_kept_however_it_is_written(text: str) -> None:
    plan, _ = run((HIVE,), stored(text))
    assert plan.is_empty
    assert outcomes(plan) == [Outcome.KEEP]
    assert plan.decisions[0].rule_id == "rule 1"


def test_port_135_of_rpcss_is_the_endpoint_mapper() -> None:
    text = format_rule(replace(MAPPER.rule, local_ports=PortSet.of(135), program="%systemroot%\\system32\\svchost.exe"))
    plan, _ = run((MAPPER,), stored(text))
    assert plan.is_empty


def test_a_rule_of_group_policy_is_as_good() -> None:
    plan = plan_firewall((HIVE,), state_of([], stored(OWN_APIS)), HOST)
    assert plan.is_empty
    assert outcomes(plan) == [Outcome.KEEP]


# -- repair ---------------------------------------------------------------------------------------------------------


DRIFTS = {
    "disabled": OWN_APIS.replace("Active=TRUE", "Active=FALSE"),
    "blocking": OWN_APIS.replace("Action=Allow", "Action=Block"),
    "any remote address": OWN_APIS.replace("RA4=10.0.0.21-10.0.0.22|", ""),
    "other peers": OWN_APIS.replace("RA4=10.0.0.21-10.0.0.22|", "RA4=192.0.2.1|RA6=fd00::1|"),
    "wrong path": OWN_APIS.replace("bin64", "bin32"),
    "one profile": OWN_APIS.replace("|LPort=RPC|", "|Profile=Public|LPort=RPC|"),
    "a fixed port": OWN_APIS.replace("|LPort=RPC|", "|LPort=5000|"),
    "edge traversal": OWN_APIS + "Edge=TRUE|",
    "renamed, ours by its mark": OWN_APIS.replace("Name=OPC ApisHive (in)", "Name=x").replace(
        "RA4", "LA4=10.1.1.1|RA4"
    ),
    "hand-made, limited to TCP": f"v2.28|Action=Allow|Active=FALSE|Dir=In|Protocol=6|App={APIS_HIVE}|Name=a|",
}


@pytest.mark.parametrize("text", DRIFTS.values(), ids=DRIFTS)
def test_a_rule_that_drifted_is_changed_in_place(text: str) -> None:
    plan, store = run((HIVE,), stored(text))
    assert outcomes(plan) == [Outcome.REPAIR]
    assert [type(item) for item in plan.operations] == [FirewallSet]
    (item,) = store.rules()
    assert item.rule_id == "rule 1"  # nothing was closed meanwhile, and undoing gives back the very same entry
    assert plan.decisions[0].differences


def test_a_repair_says_what_it_changes_and_the_diff_has_one_fact_a_line() -> None:
    plan, _ = run((HIVE,), stored(DRIFTS["any remote address"]))
    (found,) = plan.decisions[0].differences
    assert (found.field, found.left, found.right) == ("remote addresses", "any", ["10.0.0.21-10.0.0.22"])
    before = render(plan.to_plan().before).splitlines()
    after = render(plan.to_plan().after).splitlines()
    assert [line for line in before if line not in after] == ["    remote addresses: any"]
    assert [line for line in after if line not in before] == ["    remote addresses:", "      - 10.0.0.21-10.0.0.22"]
    assert not any("|" in line for line in before + after)


def test_a_repair_keeps_fields_it_knows_nothing_of() -> None:
    text = DRIFTS["disabled"] + "LSM=TRUE|"
    _, store = run((HIVE,), stored(text))
    assert "|LSM=TRUE|" in store.entries()[0][1]


@pytest.mark.parametrize("extra", ["IFType=Lan", "LUAuth=O:LSD:(A;;CC;;;S-1-5-18)", "Zeta=1"])
def test_our_rule_with_a_condition_that_netsh_cannot_remove_is_reported_and_not_doubled_by_name(extra: str) -> None:
    local = stored(OWN_APIS + f"{extra}|")
    with pytest.raises(HostStateError, match=r"wf\.msc"):
        plan_firewall((HIVE,), state_of(local), HOST)


# -- what hand-run scripts leave ------------------------------------------------------------------------------------


def test_seed_the_whole_script_is_taken_over() -> None:
    plan, store = run(WANTED, entries("hand_run"))
    inbound = {item.rule for item in store.rules() if item.rule and item.rule.direction is Direction.IN}
    assert inbound == {item.rule for item in WANTED}
    outbound = [
        (item.rule_id, item.text) for item in store.rules() if item.rule and item.rule.direction is Direction.OUT
    ]
    assert outbound == [item for item in entries("hand_run") if "Dir=Out" in item[1]]
    assert USELESS_RULE in codes(plan)


def test_seed_same_name_in_and_out_are_told_apart() -> None:
    local = [item for item in entries("hand_run") if "AllowApis" in item[1]]
    plan, store = run((HIVE,), local)
    assert not any("dir=out" in command.arguments for item in plan.operations for command in item.commands(ENVIRONMENT))
    assert local[1] in store.entries()


def test_seed_duplicates_go_in_one_command_after_ours_is_there() -> None:
    local = [item for item in entries("hand_run") if "Allow OpcEnum" in item[1]]
    plan, store = run((ENUM,), local)
    add, delete = plan.operations
    assert isinstance(add, FirewallAdd)
    assert isinstance(delete, FirewallDelete)
    assert len(delete.rules) == 2
    assert len(delete.commands(ENVIRONMENT)) == 1
    assert len(store.rules()) == 3


def test_seed_outbound_local_port_135_is_replaced_by_remote_port_135() -> None:
    wanted = endpoint_mapper_rules(replace(SCOPE, directions=frozenset({Direction.OUT})))
    blocking = {profile: ProfileSettings(default_outbound_action=Action.BLOCK) for profile in Profile}
    local = entries("hand_run")
    plan = plan_firewall(wanted, replace(state_of(local), local_settings=blocking), HOST)
    store = SimulatedStore(local)
    store.apply(plan.operations)
    named = [item.rule for item in store.rules() if item.rule and item.rule.remote_ports == PortSet.of(135)]
    assert [rule.name for rule in named] == ["OPC DCOM endpoint mapper (out)"]
    slips = [item for item in store.rules() if item.rule and item.rule.local_ports == PortSet.of(135)]
    assert [item.rule.direction for item in slips if item.rule] == [Direction.IN]


def test_seed_wrong_path_is_taken_over_when_the_file_is_not_there() -> None:
    wrong = "C:\\Windows\\System32\\OpcEnum.exe"
    local = stored(f"v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App={wrong}|Name=our opc browser|")
    absent = replace(HOST, programs={**HOST.programs, wrong.lower(): False})
    plan = plan_firewall((ENUM,), state_of(local), absent)
    assert outcomes(plan) == [Outcome.REPAIR]
    assert "program" in [item.field for item in plan.decisions[0].differences]
    # A program of the same name that exists may be another installation: it is left alone.
    for programs in ({wrong: True}, {}):
        other = plan_firewall((ENUM,), state_of(local), replace(HOST, programs=programs))
        assert outcomes(other) == [Outcome.ADD]
        assert len(other.operations) == 1


def test_seed_wrong_path_is_taken_over_under_the_name_the_script_gives() -> None:
    local = stored("v2.28|Action=Allow|Active=TRUE|Dir=In|App=C:\\Windows\\System32\\opcenum.exe|Name=Allow OpcEnum|")
    _, store = run((ENUM,), local)
    assert [item.rule for item in store.rules()] == [ENUM.rule]


def test_the_allow_access_box_left_rules() -> None:
    local = [item for item in entries("prompts") if "Query User" in item[0]]
    plan = plan_firewall((ENUM, HIVE), state_of(local), HOST)
    assert outcomes(plan) == [Outcome.ADD, Outcome.REPAIR]
    (block,) = [item for item in plan.findings if item.code == BLOCKED]
    assert "opcenum.exe" in block.evidence
    (still,) = [item for item in plan.findings if item.code == STILL_OPEN]
    assert "UDP Query User" in still.evidence


def test_without_adoption_only_our_own_rules_are_touched() -> None:
    plan, store = run(WANTED, entries("hand_run"), PlanOptions(adopt=False))
    assert outcomes(plan) == [Outcome.ADD] * 3
    assert len(store.rules()) == len(entries("hand_run")) + 3
    assert STILL_OPEN in codes(plan)


def test_disabled_leftovers_keep_their_ids() -> None:
    local = entries("hand_run")
    plan, store = run(WANTED, local, PlanOptions(leftovers=Leftovers.DISABLE))
    kept = dict(store.entries())
    assert all(rule_id in kept for rule_id, _ in local)
    assert not any(isinstance(item, FirewallDelete) for item in plan.operations)
    undone = SimulatedStore(local)
    undone.apply(plan.operations)
    undone.apply(operation.inverse() for operation in reversed(plan.operations))
    assert undone.entries() == SimulatedStore(local).entries()  # byte for byte, ids included


def test_a_rule_for_other_peers_may_serve_an_undeclared_link_and_stays() -> None:
    local = stored(f"v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|RA4=10.9.9.9|App={APIS_HIVE}|Name=SCADA|")
    plan, store = run((HIVE,), local)
    assert local[0] in [(key, text) for key, text in store.entries()]
    (found,) = [item for item in plan.findings if item.code == STILL_OPEN]
    assert found.severity is Severity.WARNING
    assert "10.9.9.9" in found.evidence


@pytest.mark.parametrize(
    "text",
    [
        f"v2.28|Action=Allow|Active=TRUE|Dir=In|App={APIS_HIVE}|Name=AllowApis|EmbedCtxt=Product|",
        f"v2.28|Action=Allow|Active=TRUE|Dir=In|App={APIS_HIVE}|Name=@apis.dll,-1|",
        f"v2.28|Action=Block|Active=TRUE|Dir=In|App={APIS_HIVE}|Name=Keep out|",
        f"v2.28|Action=Allow|Active=TRUE|Dir=In|App={APIS_HIVE}|Name=x|AppPkgId=S-1-15-2-1|",
        f"v2.28|Action=Allow|Active=TRUE|Dir=In|App={APIS_HIVE}|Name=x|LUOwn=S-1-5-21-1-2-3-1001|",
        f"v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=17|App={APIS_HIVE}|Name=x|",
        "v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=135|LPort=445|Name=several|",
        "v2.28|Action=Allow|Active=TRUE|Dir=In|Name=everything|",
    ],
)
def test_what_is_not_ours_to_take_over_is_not_touched(text: str) -> None:
    plan, store = run((MAPPER, HIVE), stored(text))
    assert outcomes(plan) == [Outcome.ADD] * 2
    assert ("rule 1", text) in store.entries()


# -- duplicates and names that collide ------------------------------------------------------------------------------


def test_identical_duplicates_of_ours_become_one() -> None:
    plan, store = run((HIVE,), stored(OWN_APIS, OWN_APIS, OWN_APIS.replace("Active=TRUE", "Active=FALSE")))
    assert [item.rule for item in store.rules()] == [HIVE.rule]
    assert outcomes(plan) == [Outcome.REPAIR]


@pytest.mark.parametrize("second", [DRIFTS["any remote address"], DRIFTS["other peers"], DRIFTS["one profile"]])
@pytest.mark.parametrize("first", [OWN_APIS, DRIFTS["disabled"], DRIFTS["any remote address"]])
def test_rules_of_our_name_become_one(first: str, second: str) -> None:
    _, store = run((HIVE,), stored(first, second))
    assert [item.rule for item in store.rules()] == [HIVE.rule]


def test_a_leftover_that_netsh_cannot_name_alone_is_reported() -> None:
    foreign = IN_APIS + "EmbedCtxt=Product|"
    plan, store = run((HIVE,), stored(IN_APIS, foreign))
    (found,) = [item for item in plan.findings if item.code == NOT_TAKEN_AWAY]
    assert "wf.msc" in found.advice
    assert len(store.rules()) == 3


def test_a_leftover_that_netsh_could_not_make_again_is_disabled_instead() -> None:
    local = stored(IN_APIS.replace("Dir=In|", "Dir=In|IFType=Lan|"))
    plan, store = run((HIVE,), local)
    assert isinstance(plan.operations[-1], FirewallSet)
    assert dict(store.entries())["rule 1"].startswith("v2.28|Action=Allow|Active=FALSE|")


def test_a_leftover_whose_name_cmd_cannot_carry_is_reported() -> None:
    local = stored(IN_APIS.replace("AllowApis", "100% Apis"))
    plan, store = run((HIVE,), local)
    assert NOT_TAKEN_AWAY in codes(plan)
    assert local[0] in store.entries()


@pytest.mark.parametrize(
    "text",
    [
        "v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=5985|App=System|Name=OPC ApisHive (in)|",
        f"v2.28|Action=Allow|Active=TRUE|Dir=In|App={APIS_HIVE}|Name=OPC ApisHive (in)|AppPkgId=S-1-15-2-1|",
    ],
)
def test_an_untouchable_rule_of_our_name_that_netsh_can_tell_apart_stays(text: str) -> None:
    plan, store = run((HIVE,), stored(text))
    assert outcomes(plan) == [Outcome.ADD]
    assert ("rule 1", text) in store.entries()


def test_an_untouchable_rule_of_our_name_that_netsh_cannot_tell_apart_is_in_the_way() -> None:
    local = stored(OWN_APIS + "AppPkgId=S-1-15-2-1|")
    with pytest.raises(HostStateError, match="another name"):
        plan_firewall((HIVE,), state_of(local), HOST)


def test_an_entry_that_does_not_read_but_has_our_name_is_in_the_way() -> None:
    local = stored("v2.99|Action=Allow|Dir=Sideways|Name=opc apishive (IN)|")
    with pytest.raises(HostStateError, match="another name"):
        plan_firewall((HIVE,), state_of(local), HOST)


def test_one_rule_serves_one_wanted_rule() -> None:
    domain = replace(HIVE, rule=replace(HIVE.rule, name="a", profiles=frozenset({Profile.DOMAIN})))
    public = replace(HIVE, rule=replace(HIVE.rule, name="b", profiles=frozenset({Profile.PUBLIC})))
    plan, store = run((domain, public), stored(DRIFTS["any remote address"]))
    assert sorted(outcomes(plan), key=str) == [Outcome.ADD, Outcome.REPAIR]
    assert {item.rule for item in store.rules()} == {domain.rule, public.rule}


# -- absent ---------------------------------------------------------------------------------------------------------


def absent(*wanted: WantedRule) -> tuple[WantedRule, ...]:
    return tuple(replace(item, state=RuleState.ABSENT) for item in wanted)


def test_absent_takes_ours_and_what_scripts_left_and_nothing_else() -> None:
    keep = entries("built_in") + [item for item in entries("hand_run") if "Dir=Out" in item[1]]
    local = keep + [item for item in entries("hand_run") if "Dir=In" in item[1]] + stored(OWN_APIS)
    plan, store = run(absent(*WANTED), local)
    assert outcomes(plan) == [Outcome.REMOVE] * 3
    assert store.entries() == keep


def test_absent_already() -> None:
    plan, _ = run(absent(*WANTED), entries("built_in"))
    assert outcomes(plan) == [Outcome.ABSENT] * 3


def test_absent_deletes_even_where_leftovers_are_only_disabled() -> None:
    _, store = run(absent(HIVE), stored(OWN_APIS), PlanOptions(leftovers=Leftovers.DISABLE))
    assert store.rules() == ()


def test_purge_takes_rules_of_ours_that_nobody_wants() -> None:
    local = stored(OWN_APIS, format_rule(ENUM.rule), IN_APIS.replace(APIS_HIVE, "C:\\other.exe"))
    plan, store = run((ENUM,), local, PlanOptions(purge=True))
    assert [key for key, _ in store.entries()] == ["rule 2", "rule 3"]
    assert not run((ENUM,), local)[0].operations
    assert plan.operations


# -- outbound -------------------------------------------------------------------------------------------------------


def test_outbound_rules_are_written_only_where_the_default_blocks() -> None:
    wanted = apis_hive_rules(RuleScope(PEERS, directions=frozenset({Direction.OUT})))
    assert outcomes(run(wanted, [])[0]) == [Outcome.NOT_NEEDED]
    blocking = {Profile.PUBLIC: ProfileSettings(default_outbound_action=Action.BLOCK)}
    state = FirewallState((), blocking)
    assert outcomes(plan_firewall(wanted, state, HOST)) == [Outcome.ADD]
    own = stored(format_rule(replace(wanted[0].rule, enabled=False)))
    assert outcomes(run(wanted, own)[0]) == [Outcome.REPAIR]


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


WINRM = [text for _, text in entries("built_in") if "-30253|" in text or "-35001|" in text] + [
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
    plan, _ = run((wanted,), entries("built_in"))
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
    _, store = run((wanted,), [])
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
    for _ in range(3):
        start = time.process_time()  # the machine may be busy with other things
        plan = plan_firewall(WANTED, state_of(local), HOST)
        spent.append(time.process_time() - start)
        assert len(plan.operations) == 6
    assert min(spent) < 1.0


def test_a_second_run_on_1500_rules_changes_nothing() -> None:
    run(WANTED, large_store(1_500)[:300])


def test_host_facts_know_paths_in_any_spelling() -> None:
    facts = HostFacts(ENVIRONMENT, {"%SystemRoot%\\SysWOW64\\OpcEnum.exe": True, "C:\\gone.exe": False})
    assert facts.has_program(OPC_ENUM.upper()) is True
    assert facts.has_program("c:\\GONE.exe") is False
    assert facts.has_program(APIS_HIVE) is None


def test_read_rules_of_both_stores_do_not_mix() -> None:
    state = FirewallState(read_rules(stored(IN_APIS)))
    assert plan_firewall((HIVE,), state, HOST).operations
