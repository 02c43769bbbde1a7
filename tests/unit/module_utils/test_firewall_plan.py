# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans: keep, repair, add, take over, take away; each is run on the simulated store, verified and undone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from firewall_plans import ENUM, HIVE, IN_APIS, MAPPER, OWN_APIS, PEERS, SCOPE, WANTED, absent, codes, outcomes, run
from firewall_support import APIS_HIVE, ENVIRONMENT, HOST, SimulatedStore, entries, state_of, stored

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._findings import Severity
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_findings import (
    BLOCKED,
    NOT_TAKEN_AWAY,
    STILL_OPEN,
    USELESS_RULE,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_operations import (
    FirewallAdd,
    FirewallDelete,
    FirewallSet,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_plan import plan_firewall
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_planner import Leftovers, Outcome, PlanOptions
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import (
    Action,
    Direction,
    Profile,
    format_rule,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_standard import (
    RuleScope,
    apis_hive_rules,
    endpoint_mapper_rules,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import (
    FirewallState,
    ProfileSettings,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import PortSet
from ansible_collections.otsec.opc_dcom.plugins.module_utils._plan import render

# -- keep, add ------------------------------------------------------------------------------------------------------


def test_an_empty_store_gets_every_rule() -> None:
    plan, store = run(WANTED, [])
    assert outcomes(plan) == [Outcome.ADD] * 3
    assert [type(item) for item in plan.operations] == [FirewallAdd] * 3
    assert {item.rule for item in store.rules()} == {item.rule for item in WANTED}
    assert plan.findings == ()


def test_nothing_is_wanted_nothing_is_done() -> None:
    plan, _unused = run((), entries("hand_run"))
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
    plan, _unused = run((HIVE,), stored(text))
    assert plan.is_empty
    assert outcomes(plan) == [Outcome.KEEP]
    assert plan.decisions[0].rule_id == "rule 1"


def test_port_135_of_rpcss_is_the_endpoint_mapper() -> None:
    text = format_rule(replace(MAPPER.rule, local_ports=PortSet.of(135), program="%systemroot%\\system32\\svchost.exe"))
    plan, _unused = run((MAPPER,), stored(text))
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
    plan, _unused = run((HIVE,), stored(DRIFTS["any remote address"]))
    (found,) = plan.decisions[0].differences
    assert (found.field, found.left, found.right) == ("remote addresses", "any", ["10.0.0.21-10.0.0.22"])
    before = render(plan.to_plan().before).splitlines()
    after = render(plan.to_plan().after).splitlines()
    assert [line for line in before if line not in after] == ["    remote addresses: any"]
    assert [line for line in after if line not in before] == ["    remote addresses:", "      - 10.0.0.21-10.0.0.22"]
    assert not any("|" in line for line in before + after)


def test_a_repair_keeps_fields_it_knows_nothing_of() -> None:
    text = DRIFTS["disabled"] + "LSM=TRUE|"
    _unused, store = run((HIVE,), stored(text))
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
    _unused, store = run((ENUM,), local)
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
    assert all(rule_id in kept for rule_id, _unused in local)
    assert not any(isinstance(item, FirewallDelete) for item in plan.operations)
    undone = SimulatedStore(local)
    undone.apply(plan.operations)
    undone.apply(operation.inverse() for operation in reversed(plan.operations))
    assert undone.entries() == SimulatedStore(local).entries()  # byte for byte, ids included


def test_a_rule_for_other_peers_may_serve_an_undeclared_link_and_stays() -> None:
    local = stored(f"v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|RA4=10.9.9.9|App={APIS_HIVE}|Name=SCADA|")
    plan, store = run((HIVE,), local)
    assert local[0] in list(store.entries())
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
    _unused, store = run((HIVE,), stored(first, second))
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


def test_absent_takes_ours_and_what_scripts_left_and_nothing_else() -> None:
    keep = entries("built_in") + [item for item in entries("hand_run") if "Dir=Out" in item[1]]
    local = keep + [item for item in entries("hand_run") if "Dir=In" in item[1]] + stored(OWN_APIS)
    plan, store = run(absent(*WANTED), local)
    assert outcomes(plan) == [Outcome.REMOVE] * 3
    assert store.entries() == keep


def test_absent_already() -> None:
    plan, _unused = run(absent(*WANTED), entries("built_in"))
    assert outcomes(plan) == [Outcome.ABSENT] * 3


def test_absent_deletes_even_where_leftovers_are_only_disabled() -> None:
    _unused, store = run(absent(HIVE), stored(OWN_APIS), PlanOptions(leftovers=Leftovers.DISABLE))
    assert store.rules() == ()


def test_purge_takes_rules_of_ours_that_nobody_wants() -> None:
    local = stored(OWN_APIS, format_rule(ENUM.rule), IN_APIS.replace(APIS_HIVE, "C:\\other.exe"))
    plan, store = run((ENUM,), local, PlanOptions(purge=True))
    assert [key for key, _unused in store.entries()] == ["rule 2", "rule 3"]
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
