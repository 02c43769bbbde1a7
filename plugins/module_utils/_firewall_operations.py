# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The writes of a firewall plan: add, change, delete; each with its inverse, its netsh commands and its journal form.

A deleted rule comes back by its inverse with the same meaning under a new rule id, because netsh chooses the id; a
changed rule keeps its id. `verify` compares the store before and after by rule id, so a rule that netsh changed beside
the ones meant is found. `undo_operations_left` says what an interrupted run still has to take back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ._errors import DomainError
from ._firewall_compare import Environment, differences, rule_label, same_rule
from ._firewall_rule import FirewallRule, format_rule, parse_rule
from ._firewall_store import StoredRule
from ._netsh import NetshCommand, NetshError, RuleSelector, add_rule, delete_rule, set_rule


@dataclass(frozen=True, slots=True)
class FirewallAdd:
    """Add rules. The selector names them and nothing else in the store as it then is."""

    rules: tuple[FirewallRule, ...]
    selector: RuleSelector

    def describe(self) -> str:
        return f"add firewall {_names(self.rules)}"

    def inverse(self) -> FirewallDelete:
        return FirewallDelete(self.rules, self.selector)

    def commands(self, environment: Environment) -> tuple[NetshCommand, ...]:
        return tuple(add_rule(rule, environment) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class FirewallDelete:
    """Delete these rules, which are all that the selector names. `rule_ids` are theirs where they are known."""

    rules: tuple[FirewallRule, ...]
    selector: RuleSelector
    rule_ids: tuple[str, ...] = ()

    def describe(self) -> str:
        return f"delete firewall {_names(self.rules)}"

    def inverse(self) -> FirewallAdd:
        return FirewallAdd(self.rules, self.selector)

    def commands(self, environment: Environment) -> tuple[NetshCommand, ...]:
        return (delete_rule(self.selector),)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule of the store and what becomes of it."""

    rule_id: str
    before: FirewallRule
    after: FirewallRule

    def swapped(self) -> RuleChange:
        return RuleChange(self.rule_id, self.after, self.before)


@dataclass(frozen=True, slots=True)
class FirewallSet:
    """Change rules in place, all in the same fields. `inverse_selector` names them after the change."""

    changes: tuple[RuleChange, ...]
    selector: RuleSelector
    inverse_selector: RuleSelector

    def describe(self) -> str:
        return f"change firewall {_names([change.before for change in self.changes])}"

    def inverse(self) -> FirewallSet:
        return FirewallSet(tuple(change.swapped() for change in self.changes), self.inverse_selector, self.selector)

    def commands(self, environment: Environment) -> tuple[NetshCommand, ...]:
        """One command, which must be the same for every rule it changes. Raises: NetshError otherwise."""
        commands = {set_rule(self.selector, item.before, item.after, environment) for item in self.changes}
        if len(commands) != 1:
            raise NetshError(f"one command cannot change these rules together: {self.describe()}")
        return tuple(commands)


FirewallOperation: TypeAlias = "FirewallAdd | FirewallDelete | FirewallSet"


def _names(rules: Sequence[FirewallRule]) -> str:
    named = list(dict.fromkeys(rule_label(rule) for rule in rules))
    times = f" (x{len(rules)})" if len(rules) > len(named) else ""
    return f"rule{'s' if len(rules) > 1 else ''} {', '.join(named)}{times}"


def verify(
    before: Iterable[StoredRule],
    operations: Iterable[FirewallOperation],
    after: Iterable[StoredRule],
    environment: Environment,
) -> tuple[str, ...]:
    """What is not as the operations should have left it, in words; () when all is well.

    `before` and `after` are the local store read before and after. Rules that came from elsewhere meanwhile are not
    counted against us; a rule that is gone or changed and that we did not mean to touch is.
    """
    old = {item.rule_id: item for item in before}
    new = {item.rule_id: item for item in after}
    expected: dict[str, FirewallRule] = {}
    deleted: set[str] = set()
    added: list[FirewallRule] = []
    for operation in operations:
        if isinstance(operation, FirewallAdd):
            added.extend(operation.rules)
        elif isinstance(operation, FirewallDelete):
            deleted.update(operation.rule_ids)
        else:
            expected.update({change.rule_id: change.after for change in operation.changes})
    return (
        *_wrong_old(old, new, deleted, expected),
        *_wrong_changes(new, {key: rule for key, rule in expected.items() if key not in deleted}, environment),
        *_missing(added, [item for key, item in new.items() if key not in old], environment),
    )


def _wrong_old(
    old: Mapping[str, StoredRule], new: Mapping[str, StoredRule], deleted: set[str], changed: Mapping[str, FirewallRule]
) -> list[str]:
    problems = [f"rule {_label(old[key])} is still there" for key in sorted(deleted) if key in new and key in old]
    for key, item in old.items():
        if key in deleted:
            continue
        if key not in new:
            problems.append(f"rule {_label(item)} is gone and was not to be touched")
        elif key not in changed and new[key].text != item.text:
            problems.append(f"rule {_label(item)} has changed and was not to be touched")
    return problems


def _wrong_changes(
    new: Mapping[str, StoredRule], expected: Mapping[str, FirewallRule], environment: Environment
) -> list[str]:
    problems = []
    for key, rule in expected.items():
        found = new[key].rule if key in new else None
        if found is not None and not same_rule(found, rule, environment):
            wrong = [f"{item.field} is {item.left}, not {item.right}" for item in differences(found, rule, environment)]
            problems.append(f"rule {rule.name!r} ({key}): {'; '.join(wrong) or 'its name or texts differ'}")
    return problems


def _missing(wanted: Iterable[FirewallRule], found: Sequence[StoredRule], environment: Environment) -> list[str]:
    left = list(found)
    problems = []
    for rule in wanted:
        match = next((item for item in left if item.rule and same_rule(item.rule, rule, environment)), None)
        if match is None:
            problems.append(f"rule {rule_label(rule)} was added and is not in the store")
        else:
            left.remove(match)
    return problems


def _label(item: StoredRule) -> str:
    return f"{item.rule.name!r} ({item.rule_id})" if item.rule else item.rule_id


def undo_operations_left(
    operations: Sequence[FirewallOperation], store: Iterable[StoredRule], environment: Environment
) -> tuple[FirewallOperation, ...]:
    """What still has to run to undo these operations, of which any number from the front may have run.

    `store` is the local store as it is now. An addition is taken back only if the rule is there, a deletion only as far
    as its rules are not, a change only if it was made: so the answer is right wherever a run, or an undo, stopped.
    """
    rules = list(store)
    deleted = [rule for operation in operations if isinstance(operation, FirewallDelete) for rule in operation.rules]
    left: list[FirewallOperation] = []
    for operation in reversed(operations):
        if isinstance(operation, FirewallAdd):
            # A rule that was deleted and made anew is one of the rules to end with: it stays and counts as one.
            own = [rule for rule in operation.rules if not any(same_rule(rule, item, environment) for item in deleted)]
            if any(_find(rule, rules, environment) for rule in own):
                left.append(operation.inverse())
        elif isinstance(operation, FirewallDelete):
            missing = tuple(_absent(operation, rules, environment))
            if missing:
                left.append(FirewallAdd(missing, operation.selector))
        elif _was_made(operation, rules, environment):
            left.append(operation.inverse())
    return tuple(left)


def _was_made(operation: FirewallSet, store: Iterable[StoredRule], environment: Environment) -> bool:
    rules = {item.rule_id: item.rule for item in store}
    found = [(rules.get(change.rule_id), change.after) for change in operation.changes]
    return any(rule is not None and same_rule(rule, after, environment) for rule, after in found)


def _find(rule: FirewallRule, store: Iterable[StoredRule], environment: Environment) -> StoredRule | None:
    return next((item for item in store if item.rule and same_rule(item.rule, rule, environment)), None)


def _absent(operation: FirewallDelete, store: Sequence[StoredRule], environment: Environment) -> Iterable[FirewallRule]:
    """The deleted rules that the store has not (again): equal rules are counted, since ids change with netsh."""
    left = list(store)
    for rule in operation.rules:
        match = _find(rule, left, environment)
        if match is None:
            yield rule
        else:
            left.remove(match)


def dump_operation(operation: FirewallOperation) -> list[object]:
    """The journal form: JSON values only. Inverse: `load_operation`."""
    if isinstance(operation, FirewallSet):
        changes = [[item.rule_id, format_rule(item.before), format_rule(item.after)] for item in operation.changes]
        return ["firewall-set", changes, _dump(operation.selector), _dump(operation.inverse_selector)]
    rules = [format_rule(rule) for rule in operation.rules]
    if isinstance(operation, FirewallAdd):
        return ["firewall-add", rules, _dump(operation.selector)]
    return ["firewall-delete", rules, _dump(operation.selector), list(operation.rule_ids)]


def load_operation(item: Sequence[object]) -> FirewallOperation:
    """Inverse of `dump_operation`. Raises: DomainError when the item was not written by it."""
    try:
        return _load_operation(list(item))
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise DomainError(f"not a firewall operation of a journal: {item!r} ({error})") from error


def _load_operation(item: list[object]) -> FirewallOperation:
    kind, body = item[0], _list(item[1])
    if kind == "firewall-set":
        changes = tuple(
            RuleChange(_text(part[0]), parse_rule(_text(part[1])), parse_rule(_text(part[2])))
            for part in map(_list, body)
        )
        return FirewallSet(changes, _load(item[2]), _load(item[3]))
    rules = tuple(parse_rule(_text(text)) for text in body)
    if kind == "firewall-add":
        return FirewallAdd(rules, _load(item[2]))
    if kind == "firewall-delete":
        return FirewallDelete(rules, _load(item[2]), tuple(_text(key) for key in _list(item[3])))
    raise ValueError(f"unknown operation {kind!r}")


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _dump(selector: RuleSelector) -> str:
    """A selector is a rule as far as it goes, so it travels as a rule string."""
    return format_rule(selector.rule)


def _load(value: object) -> RuleSelector:
    return RuleSelector(parse_rule(_text(value)))
