# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Firewall operations: inverses, the journal form, what a look at the store afterwards finds, recovery."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from firewall_support import APIS_HIVE, ENVIRONMENT, HOST, OPC_ENUM, entries, state_of, stored

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_operations import (
    FirewallAdd,
    FirewallDelete,
    FirewallOperation,
    FirewallSet,
    RuleChange,
    dump_operation,
    load_operation,
    undo_operations_left,
    verify,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_plan import plan_firewall
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_planner import Leftovers, PlanOptions
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import (
    Direction,
    FirewallRule,
    format_rule,
    parse_rule,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_standard import (
    RuleScope,
    apis_hive_rules,
    endpoint_mapper_rules,
    opc_enum_rules,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import StoredRule, read_rules
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import AddressSet
from ansible_collections.otsec.opc_dcom.plugins.module_utils._netsh import NetshError, RuleSelector

SCOPE = RuleScope(AddressSet.of("10.0.0.21"), directions=frozenset({Direction.IN}))
WANTED = (*endpoint_mapper_rules(SCOPE), *opc_enum_rules(SCOPE, OPC_ENUM), *apis_hive_rules(SCOPE))
LOCAL = entries("hand_run") + [item for item in entries("prompts") if "apishivex64" in item[0]]

ONE = parse_rule(
    f"v2.28|Action=Allow|Active=TRUE|Dir=In|Protocol=6|RA4=10.0.0.2|RA4=10.0.0.1|App={APIS_HIVE}|Name=one|"
)
TWO = replace(ONE, enabled=False, remote_addresses=AddressSet.of("10.9.9.9"))


def changed(before: FirewallRule, after: FirewallRule, rule_id: str = "rule 1") -> FirewallSet:
    return FirewallSet((RuleChange(rule_id, before, after),), RuleSelector.of(before), RuleSelector.of(after))


def every_operation() -> list[FirewallOperation]:
    plans = [plan_firewall(WANTED, state_of(LOCAL), HOST, PlanOptions(leftovers=leftovers)) for leftovers in Leftovers]
    return [*(operation for plan in plans for operation in plan.operations), changed(ONE, TWO)]


@pytest.mark.parametrize("operation", every_operation(), ids=lambda item: item.describe())
def test_an_operation_survives_the_journal(operation: FirewallOperation) -> None:
    for item in (operation, operation.inverse()):
        again = load_operation(json.loads(json.dumps(dump_operation(item))))
        assert again == item
        assert again.commands(ENVIRONMENT) == item.commands(ENVIRONMENT)


@pytest.mark.parametrize("operation", every_operation(), ids=lambda item: item.describe())
def test_the_inverse_of_the_inverse_does_the_same(operation: FirewallOperation) -> None:
    assert operation.inverse().inverse().commands(ENVIRONMENT) == operation.commands(ENVIRONMENT)


@pytest.mark.parametrize(
    "item",
    [
        [],
        ["firewall-add"],
        ["firewall-add", "text", "v2.10|Action=Allow|Dir=In|Name=x|"],
        ["firewall-add", ["no rule"], "v2.10|Action=Allow|Dir=In|Name=x|"],
        ["firewall-add", [], 7],
        ["firewall-set", [["id", "x"]], "", ""],
        ["firewall-delete", [], "v2.10|Action=Allow|Dir=In|Name=x|", [7]],
        ["firewall-format", [], ""],
    ],
)
def test_what_is_no_operation_is_refused(item: list[object]) -> None:
    with pytest.raises(DomainError, match="not a firewall operation"):
        load_operation(item)


def test_one_command_changes_several_rules_only_in_the_same_way() -> None:
    selector = RuleSelector.of(ONE)
    off = replace(ONE, enabled=False)
    same = FirewallSet((RuleChange("a", ONE, off), RuleChange("b", ONE, off)), selector, RuleSelector.of(off))
    assert len(same.commands(ENVIRONMENT)) == 1
    assert same.describe() == "change firewall rules one (in) (x2)"
    with pytest.raises(NetshError, match="together"):
        replace(same, changes=(RuleChange("a", ONE, off), RuleChange("b", ONE, TWO))).commands(ENVIRONMENT)


def test_undoing_a_change_restores_how_lists_were_written() -> None:
    (command,) = changed(ONE, TWO).inverse().commands(ENVIRONMENT)
    assert "remoteip=10.0.0.2,10.0.0.1" in command.arguments[command.arguments.index("new") :]


def store(*rules: FirewallRule) -> tuple[StoredRule, ...]:
    return read_rules(stored(*(format_rule(rule) for rule in rules)))


def test_verify_is_content_with_what_was_meant() -> None:
    other = replace(ONE, name="other")
    before = store(ONE, other)
    assert verify(before, [changed(ONE, TWO)], store(TWO, other), ENVIRONMENT) == ()
    assert verify(before, [], before, ENVIRONMENT) == ()
    delete = FirewallDelete((ONE,), RuleSelector.of(ONE), ("rule 1",))
    assert verify(before, [delete], before[1:], ENVIRONMENT) == ()
    add = FirewallAdd((TWO,), RuleSelector.of(TWO))
    extra = read_rules([("{NEW}", format_rule(TWO)), ("{SOMEBODY ELSE}", format_rule(replace(ONE, name="new")))])
    assert verify(before, [add], before + extra, ENVIRONMENT) == ()


WRONG = [
    ("rule that was to go is still there", store(ONE), [FirewallDelete((ONE,), RuleSelector.of(ONE), ("rule 1",))],
     store(ONE), "is still there"),
    ("another rule went with it", store(ONE, replace(ONE, name="b")),
     [FirewallDelete((ONE,), RuleSelector.of(ONE), ("rule 1",))], (), "'b' (rule 2) is gone and was not to be touched"),
    ("another rule was changed", store(ONE, replace(ONE, name="b")), [changed(ONE, TWO)],
     store(TWO, replace(TWO, name="b")), "'b' (rule 2) has changed"),
    ("change was not made", store(ONE), [changed(ONE, TWO)], store(ONE), "enabled is yes, not no"),
    ("name was not changed", store(ONE), [changed(ONE, replace(ONE, name="c"))], store(ONE), "name or texts differ"),
    ("rule was not added", store(ONE), [FirewallAdd((TWO,), RuleSelector.of(TWO))], store(ONE), "not in the store"),
    ("rule was added otherwise", (), [FirewallAdd((TWO,), RuleSelector.of(TWO))], store(ONE), "not in the store"),
    ("two were meant", (), [FirewallAdd((TWO, TWO), RuleSelector.of(TWO))], store(TWO), "not in the store"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "operations", "after", "message"), [item[1:] for item in WRONG], ids=[w[0] for w in WRONG]
)
def test_verify_finds_what_netsh_did_beside(
    before: tuple[StoredRule, ...],
    operations: list[FirewallOperation],
    after: tuple[StoredRule, ...],
    message: str,
) -> None:
    (problem,) = verify(before, operations, after, ENVIRONMENT)
    assert message in problem


def test_nothing_is_left_to_undo_before_the_first_operation() -> None:
    plan = plan_firewall(WANTED, state_of(LOCAL), HOST)
    assert undo_operations_left(plan.operations, read_rules(LOCAL), ENVIRONMENT) == ()


def test_a_rule_that_was_deleted_and_made_anew_is_not_lost_by_an_undo() -> None:
    # Two copies of ours become one: deleted both, added one. Stopped anywhere, undoing ends with two.
    twice = store(ONE, ONE)
    operations = (
        FirewallDelete((ONE, ONE), RuleSelector.of(ONE), ("rule 1", "rule 2")),
        FirewallAdd((ONE,), RuleSelector.of(ONE)),
    )
    assert undo_operations_left(operations, twice, ENVIRONMENT) == ()
    (both,) = undo_operations_left(operations, (), ENVIRONMENT)
    assert isinstance(both, FirewallAdd)
    assert len(both.rules) == 2
    (one,) = undo_operations_left(operations, store(ONE)[:1], ENVIRONMENT)
    assert isinstance(one, FirewallAdd)
    assert len(one.rules) == 1
