# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The local rule store as the plan goes along: what netsh would hit, and the operations made so far.

Every operation is checked against the store as it will be when it runs, and so is its inverse: an operation whose
selector might hit a rule that is not meant, in either direction, is not made. So an undo is as safe as the plan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from ._firewall_compare import Environment
from ._firewall_operations import FirewallAdd, FirewallDelete, FirewallOperation, FirewallSet, RuleChange
from ._firewall_rule import FirewallRule
from ._firewall_store import StoredRule
from ._netsh import NetshError, RuleSelector, add_rule

_NAME = re.compile(r"\|Name=([^|]*)", re.IGNORECASE)


class CannotSelect(Exception):
    """netsh cannot name these rules without naming others. The text says which."""


class PlannedStore:
    """The well-formed local rules by id. Rules that an operation adds get ids of our own, ``added 1`` and so on."""

    def __init__(self, rules: Sequence[StoredRule], environment: Environment) -> None:
        self._environment = environment
        self._rules = {item.rule_id: item.rule for item in rules if item.rule is not None}
        self._by_name: dict[str, set[str]] = {}
        for rule_id, rule in self._rules.items():
            self._by_name.setdefault(rule.name.lower(), set()).add(rule_id)
        for item in rules:
            if item.rule is None:
                self._by_name.setdefault(_name_in(item.text), set()).add(item.rule_id)
        self._added = 0
        self.operations: list[FirewallOperation] = []

    def __contains__(self, rule_id: object) -> bool:
        return rule_id in self._rules

    def __getitem__(self, rule_id: str) -> FirewallRule:
        return self._rules[rule_id]

    def rules(self) -> dict[str, FirewallRule]:
        """The rules as they are after the operations so far."""
        return dict(self._rules)

    def hit_by(self, selector: RuleSelector) -> set[str]:
        """The ids netsh may select, on the widest reading. An entry that does not read is hit by its name alone."""
        candidates = self._by_name.get(selector.rule.name.lower(), set())
        return {
            key for key in candidates if key not in self._rules or selector.may_hit(self._rules[key], self._environment)
        }

    def _is_sure(self, selector: RuleSelector, rule_id: str) -> bool:
        return rule_id in self._rules and selector.hits(self._rules[rule_id], self._environment)

    def add(self, rule: FirewallRule) -> str:
        """Add the rule; returns its id here. Raises: CannotSelect, NetshError."""
        add_rule(rule, self._environment)
        selector = RuleSelector.of(rule)
        others = self.hit_by(selector)
        if others:
            raise CannotSelect(self._name_them(others))
        self._added += 1
        rule_id = f"added {self._added}"
        self._put(rule_id, rule)
        self.operations.append(FirewallAdd((rule,), selector))
        return rule_id

    def change(self, targets: Mapping[str, FirewallRule]) -> None:
        """Turn the rules of these ids into these, by one command. Raises: CannotSelect, NetshError."""
        changes = tuple(RuleChange(key, self._rules[key], after) for key, after in targets.items())
        selector = self._selector(set(targets))
        for item in changes:
            self._put(item.rule_id, item.after)
        try:
            operation = FirewallSet(changes, selector, self._selector(set(targets)))
            operation.commands(self._environment)
            operation.inverse().commands(self._environment)
        except (CannotSelect, NetshError):
            for item in changes:
                self._put(item.rule_id, item.before)
            raise
        self.operations.append(operation)

    def delete(self, rule_id: str, allowed: Callable[[str], bool]) -> tuple[str, ...]:
        """Delete the rule and whatever netsh deletes with it, all of which must be allowed; returns their ids.

        Raises: CannotSelect when another rule might go with it; NetshError when one of the rules could not be made
        again by netsh, so that there would be no undo.
        """
        selector, rule_ids = self._deletion(rule_id, allowed)
        for key in rule_ids:
            add_rule(self._rules[key], self._environment)
        rules = tuple(self._rules[key] for key in rule_ids)
        for key in rule_ids:
            self._drop(key)
        self.operations.append(FirewallDelete(rules, selector, rule_ids))
        return rule_ids

    def _deletion(self, rule_id: str, allowed: Callable[[str], bool]) -> tuple[RuleSelector, tuple[str, ...]]:
        narrow = RuleSelector.of(self._rules[rule_id])
        for selector in (narrow, narrow.widened()):
            hits = self.hit_by(selector)
            if all(allowed(key) and self._is_sure(selector, key) for key in hits):
                return selector, tuple(sorted(hits))
        raise CannotSelect(self._name_them(self.hit_by(narrow) - {rule_id}))

    def _selector(self, rule_ids: set[str]) -> RuleSelector:
        """The selector that names exactly these rules. Raises: CannotSelect, NetshError."""
        narrow = RuleSelector.of(self._rules[min(rule_ids)])
        hits = self.hit_by(narrow)
        if hits != rule_ids or not all(self._is_sure(narrow, key) for key in hits):
            raise CannotSelect(self._name_them(hits - rule_ids))
        return narrow

    def _name_them(self, rule_ids: Iterable[str]) -> str:
        named = sorted((self._rules[key].name if key in self._rules else "unreadable", key) for key in rule_ids)
        return ", ".join(f"{name!r} ({key})" for name, key in named)

    def _put(self, rule_id: str, rule: FirewallRule) -> None:
        self._drop(rule_id)
        self._rules[rule_id] = rule
        self._by_name.setdefault(rule.name.lower(), set()).add(rule_id)

    def _drop(self, rule_id: str) -> None:
        rule = self._rules.pop(rule_id, None)
        if rule is not None:
            self._by_name[rule.name.lower()].discard(rule_id)


def _name_in(text: str) -> str:
    """The name in an entry that does not read, in lower case; "" when it has none."""
    found = _NAME.search(text)
    return found.group(1).lower() if found else ""
