# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for random stores full of rules that look alike: they converge, touch nothing else, and can be undone.

Each plan runs on the simulated store, whose netsh compares lists as written. Before each command the test also asks
what a netsh that compares lists by a common part would hit: it must be the same rules.
"""

from __future__ import annotations

from firewall_support import APIS_HIVE, ENVIRONMENT, HOST, SimulatedStore, state_of, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError, LockoutError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_adoption import is_touchable
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_operations import (
    FirewallAdd,
    FirewallDelete,
    FirewallOperation,
    FirewallSet,
    undo_operations_left,
    verify,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_plan import FirewallPlan, plan_firewall
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_planner import Leftovers, PlanOptions
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import Direction
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_standard import (
    RuleScope,
    RuleState,
    WantedRule,
    apis_hive_rules,
    endpoint_mapper_rules,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import FirewallState, read_rule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import AddressSet

PEERS = AddressSet.of("10.0.0.21", "10.0.0.22")


@st.composite
def look_alikes(draw: st.DrawFn) -> str:
    """A rule string near the rules we want: often the same name, the same program, an overlapping list."""
    direction = draw(st.sampled_from(["In", "In", "In", "Out"]))
    fields = [
        f"Action={draw(st.sampled_from(['Allow', 'Allow', 'Allow', 'Block']))}",
        f"Active={draw(st.sampled_from(['TRUE', 'TRUE', 'FALSE']))}",
        f"Dir={direction}",
    ]
    protocol = draw(st.sampled_from(["", "6", "6", "6", "17"]))
    if protocol:
        fields.append(f"Protocol={protocol}")
    fields += draw(st.sampled_from([[], [], ["Profile=Domain"], ["Profile=Domain", "Profile=Private"]]))
    if protocol:
        ports = [["LPort=135"], ["LPort=5000"], ["LPort2_10=5000-5010"], ["LPort=5000", "LPort=5002"], [], []]
        keywords = [["LPort=RPC"], ["LPort=RPC"], ["LPort=RPC-EPMap"]] if protocol == "6" and direction == "In" else []
        fields += draw(st.sampled_from(ports + keywords))
    fields += draw(st.sampled_from(ADDRESSES))
    fields += draw(st.sampled_from(PROGRAMS))
    fields.append(f"Name={draw(st.sampled_from(NAMES))}")
    fields += draw(st.sampled_from([[], [], [], ["Desc=by hand"], ["Desc=x (otsec.opc_dcom)"]]))
    fields += draw(st.sampled_from([[], [], [], ["EmbedCtxt=Product"], ["AppPkgId=S-1-15-2-1"], ["LSM=TRUE"]]))
    return f"v2.28|{'|'.join(fields)}|"


ADDRESSES = [
    [],
    [],
    ["RA4=10.0.0.21", "RA4=10.0.0.22"],
    ["RA4=10.0.0.21-10.0.0.22"],
    ["RA4=10.0.0.22"],
    ["RA4=10.0.0.0/255.255.255.0"],
    ["RA4=10.9.9.9"],
    ["RA4=LocalSubnet", "RA6=LocalSubnet"],
]
PROGRAMS = [
    [f"App={APIS_HIVE}"],
    [f"App={APIS_HIVE}"],
    [f"App={APIS_HIVE.upper()}"],
    ["App=C:\\old\\apishivex64.exe"],
    ["App=%SystemRoot%\\System32\\svchost.exe", "Svc=RpcSs"],
    ["App=C:\\Windows\\System32\\svchost.exe", "Svc=rpcss"],
    [],
]
NAMES = [
    "OPC ApisHive (in)",
    "opc apishive (IN)",
    "OPC DCOM endpoint mapper (in)",
    "AllowApis",
    "100% Apis",
    "x & y",
    "WinRM",
]

stores = st.lists(look_alikes(), max_size=7).map(lambda texts: stored(*texts))
options = st.builds(PlanOptions, st.booleans(), st.sampled_from(Leftovers), st.booleans())
states = st.sampled_from(RuleState)


def wanted_rules(mapper: RuleState, hive: RuleState) -> tuple[WantedRule, ...]:
    scope = RuleScope(PEERS, directions=frozenset({Direction.IN}))
    return (
        *endpoint_mapper_rules(RuleScope(scope.peers, scope.profiles, scope.directions, mapper)),
        *apis_hive_rules(RuleScope(scope.peers, scope.profiles, scope.directions, hive)),
    )


def apply_checked(store: SimulatedStore, operation: FirewallOperation) -> None:
    """Run one operation; netsh must hit what is meant on either reading of its selectors.

    Rules are counted, because a rule that was deleted and made again has another id.
    """
    if isinstance(operation, FirewallAdd):
        meant = 0
    else:
        meant = len(operation.changes if isinstance(operation, FirewallSet) else operation.rules)
        assert len(store.hit_loosely(operation.selector.arguments())) == meant
    before = dict(store.entries())
    store.apply([operation])
    after = dict(store.entries())
    if isinstance(operation, FirewallSet):
        assert len([key for key in before if before[key] != after[key]]) == meant
    else:
        assert all(after.get(key, text) == text for key, text in before.items())
        assert len(after) - len(before) == (-meant or len(operation.rules))


def contents(store: SimulatedStore) -> list[str]:
    """The rules without ids and schema versions, which netsh chooses, and with paths as netsh got them."""
    return sorted(text.partition("|")[2].replace("%SystemRoot%", "C:\\Windows") for _sep, text in store.entries())


def check_plan(local: list[tuple[str, str]], wanted: tuple[WantedRule, ...], how: PlanOptions) -> FirewallPlan:
    """Apply, verify, run twice, undo in order, undo from every place where a run can stop."""
    plan = plan_firewall(wanted, state_of(local), HOST, how)
    store, original = SimulatedStore(local), SimulatedStore(local)
    for operation in plan.operations:
        apply_checked(store, operation)
    assert verify(original.rules(), plan.operations, store.rules(), ENVIRONMENT) == ()
    assert plan_firewall(wanted, FirewallState(store.rules()), HOST, how).operations == ()
    for operation in reversed(plan.operations):
        apply_checked(store, operation.inverse())
    assert contents(store) == contents(original)
    for done in range(len(plan.operations) + 1):
        stopped = SimulatedStore(local)
        stopped.apply(plan.operations[:done])
        for operation in undo_operations_left(plan.operations, stopped.rules(), ENVIRONMENT):
            apply_checked(stopped, operation)
        assert contents(stopped) == contents(original)
    return plan


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stores, states, states, options)
def test_plans_converge_and_can_be_undone(
    local: list[tuple[str, str]], mapper: RuleState, hive: RuleState, how: PlanOptions
) -> None:
    try:
        plan = check_plan(local, wanted_rules(mapper, hive), how)
    except HostStateError as error:
        assert "another name" in str(error) or "wf.msc" in str(error)
        return
    except LockoutError:
        # A rule of our name for any program is all that lets WinRM in.
        assert any("App=" not in text for _unused, text in local)
        return
    touched = {key for item in plan.operations for key in getattr(item, "rule_ids", ())}
    touched |= {change.rule_id for item in plan.operations if isinstance(item, FirewallSet) for change in item.changes}
    for rule_id, text in local:
        if rule_id in touched:
            assert is_touchable(read_rule(rule_id, text))


@settings(max_examples=200, deadline=None)
@given(stores)
def test_undoing_disabled_leftovers_gives_the_very_same_entries(local: list[tuple[str, str]]) -> None:
    how = PlanOptions(leftovers=Leftovers.DISABLE)
    try:
        plan = plan_firewall(wanted_rules(RuleState.PRESENT, RuleState.PRESENT), state_of(local), HOST, how)
    except (HostStateError, LockoutError):
        return
    if any(isinstance(item, FirewallDelete) for item in plan.operations):
        return  # a leftover that netsh could not tell from our new rule
    store = SimulatedStore(local)
    store.apply(plan.operations)
    store.apply(operation.inverse() for operation in reversed(plan.operations))
    assert dict(store.entries()) == dict(SimulatedStore(local).entries())
