# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""From wanted rules and the firewall as read to the operations that are missing, and to what a person should know.

Pure: nothing is run here. The same plan serves check mode, diff and apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ._errors import ParameterError
from ._findings import Finding, Severity
from ._firewall_adoption import HostFacts
from ._firewall_checks import rule_problems
from ._firewall_compare import describe_rule, expand_path, rule_label
from ._firewall_findings import ANY_REMOTE, findings_of
from ._firewall_lockout import refuse_lockout
from ._firewall_operations import FirewallAdd, FirewallDelete, FirewallOperation
from ._firewall_planner import Decision, Planner, PlanOptions
from ._firewall_rule import FirewallRule, format_rule
from ._firewall_standard import WantedRule
from ._firewall_store import FirewallState, Origin, StoredRule
from ._netsh import NetshError, add_rule
from ._plan import Plan, unique


@dataclass(frozen=True, slots=True)
class FirewallPlan:
    """Operations in the order they must run, what was decided for each wanted rule, and what was noticed.

    `before` and `after` hold the rules that change, as a person reads them: one field a line, never rule strings.
    """

    operations: tuple[FirewallOperation, ...]
    decisions: tuple[Decision, ...]
    findings: tuple[Finding, ...]
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.operations

    def to_plan(self) -> Plan:
        """The plan that all resources share."""
        urgent = [item for item in self.findings if item.severity is not Severity.INFO]
        texts = {item: f"{item.subject}: {item.evidence}; {item.advice}" for item in urgent}
        return Plan(
            self.operations,
            before=self.before,
            after=self.after,
            warnings=unique(text for item, text in texts.items() if item.code != ANY_REMOTE),
            exceptions=unique(text for item, text in texts.items() if item.code == ANY_REMOTE),
        )


def plan_firewall(
    wanted: Sequence[WantedRule], state: FirewallState, host: HostFacts, options: PlanOptions | None = None
) -> FirewallPlan:
    """Return what has to be changed so that every wanted rule is as it should be.

    Raises: ParameterError when a wanted rule is invalid or cannot be written by netsh; HostStateError when a rule of
    the host that cannot be moved is in the way; LockoutError when WinRM would not get through any more.
    """
    for index, item in enumerate(wanted):
        _check(index, item, wanted[:index], host)
    expanded = [_expanded(item, host) for item in wanted]
    planner = Planner(expanded, state, host, options or PlanOptions())
    decisions = planner.decide()
    operations = tuple(planner.store.operations)
    after = _state_after(state, planner.store.rules())
    refuse_lockout(state, after, operations, host)
    return FirewallPlan(
        operations,
        decisions,
        (*planner.findings, *findings_of(expanded, after, host)),
        before=_shown(_rules_before(operations)),
        after=_shown(_rules_after(operations)),
    )


def _check(index: int, wanted: WantedRule, earlier: Iterable[WantedRule], host: HostFacts) -> None:
    path, rule = f"rules[{index}]", wanted.rule
    problems = rule_problems(rule)
    if problems:
        raise ParameterError(path, f"rule {rule.name!r}: {'; '.join(problems)}")
    if any(item.identity == wanted.identity for item in earlier):
        raise ParameterError(path, f"{rule_label(rule)} is wanted twice; netsh tells rules apart by name")
    try:
        add_rule(rule, host.environment)
    except NetshError as error:
        raise ParameterError(path, str(error)) from error


def _expanded(wanted: WantedRule, host: HostFacts) -> WantedRule:
    """With the program as an absolute path, the form in which it is written."""
    if wanted.rule.program is None:
        return wanted
    return replace(wanted, rule=replace(wanted.rule, program=expand_path(wanted.rule.program, host.environment)))


def _state_after(state: FirewallState, local: Mapping[str, FirewallRule]) -> FirewallState:
    """The state the operations lead to. Entries that do not read stay; the texts of changed rules are ours."""
    rules: list[StoredRule] = []
    for item in state.rules:
        if item.origin is not Origin.LOCAL or item.rule is None or local.get(item.rule_id) == item.rule:
            rules.append(item)
        elif item.rule_id in local:
            rules.append(_stored(item.rule_id, local[item.rule_id]))
    known = {item.rule_id for item in state.local_rules()}
    rules += [_stored(key, rule) for key, rule in local.items() if key not in known]
    return replace(state, rules=tuple(rules))


def _stored(rule_id: str, rule: FirewallRule) -> StoredRule:
    return StoredRule(rule_id, format_rule(rule), Origin.LOCAL, rule)


def _rules_before(operations: Iterable[FirewallOperation]) -> Iterable[tuple[str, FirewallRule]]:
    """The rules that change or go, each under the name it has."""
    for operation in operations:
        if isinstance(operation, FirewallDelete):
            yield from ((rule_label(rule), rule) for rule in operation.rules)
        elif not isinstance(operation, FirewallAdd):
            yield from ((rule_label(change.before), change.before) for change in operation.changes)


def _rules_after(operations: Iterable[FirewallOperation]) -> Iterable[tuple[str, FirewallRule]]:
    """The rules that come, and those that change, the latter under the name they had, so that a diff lines up."""
    for operation in operations:
        if isinstance(operation, FirewallAdd):
            yield from ((rule_label(rule), rule) for rule in operation.rules)
        elif not isinstance(operation, FirewallDelete):
            yield from ((rule_label(change.before), change.after) for change in operation.changes)


def _shown(rules: Iterable[tuple[str, FirewallRule]]) -> Mapping[str, object]:
    shown: dict[str, object] = {}
    for label, rule in rules:
        number = 1 + sum(key == label or key.startswith(f"{label} #") for key in shown)
        shown[label if number == 1 else f"{label} #{number}"] = describe_rule(rule)
    return {"rules": shown} if shown else {}
