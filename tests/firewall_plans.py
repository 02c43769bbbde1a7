# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests of firewall plans: the rules they want, and a run that is applied, verified, repeated and undone."""

from __future__ import annotations

from dataclasses import replace

from firewall_support import APIS_HIVE, ENVIRONMENT, HOST, OPC_ENUM, SimulatedStore, state_of

from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_operations import (
    undo_operations_left,
    verify,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_plan import FirewallPlan, plan_firewall
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_planner import Outcome, PlanOptions
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import (
    Direction,
    format_rule,
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
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import AddressSet

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
    return sorted(text.partition("|")[2] for _sep, text in items)


def outcomes(plan: FirewallPlan) -> list[Outcome]:
    return [item.outcome for item in plan.decisions]


def codes(plan: FirewallPlan) -> set[str]:
    return {item.code for item in plan.findings}


def absent(*wanted: WantedRule) -> tuple[WantedRule, ...]:
    return tuple(replace(item, state=RuleState.ABSENT) for item in wanted)
