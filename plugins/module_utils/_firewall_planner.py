# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Decides, for all wanted rules together, which stored rules to keep, repair, replace or take away.

Step by step for all: a rule that does what is wanted is kept; one of ours, or one that a hand-run script left, is
changed in place (it keeps its id and nothing is closed meanwhile); else ours is added. Leftovers go last, after the
additions, except where netsh could not tell a leftover from the new rule: then it goes first. One stored rule serves
one wanted rule.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ._errors import HostStateError
from ._findings import Finding, Severity
from ._firewall_adoption import Claim, HostFacts, claim, is_equivalent, is_touchable
from ._firewall_compare import FieldDifference, differences, same_name, same_path
from ._firewall_findings import NOT_TAKEN_AWAY
from ._firewall_planned_store import CannotSelect, PlannedStore
from ._firewall_rule import Action, FirewallRule
from ._firewall_standard import MARK, RuleState, WantedRule
from ._firewall_store import FirewallState, Origin, StoredRule
from ._netsh import NetshError, RuleSelector


class Leftovers(enum.Enum):
    """What becomes of rules that are taken over and not needed any more.

    A disabled rule keeps its id, so undoing gives back the very same store; a deleted one comes back under a new id.
    """

    DELETE = "delete"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """`adopt`: take over rules that hand-run scripts left. `purge`: take away rules of ours that nobody wants."""

    adopt: bool = True
    leftovers: Leftovers = Leftovers.DELETE
    purge: bool = False


class Outcome(enum.Enum):
    """What is done about one wanted rule."""

    KEEP = "keep"
    REPAIR = "repair"
    ADD = "add"
    REMOVE = "remove"
    ABSENT = "absent already"
    NOT_NEEDED = "not needed: the default action allows it"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done about one wanted rule. `rule_id` is the entry kept or repaired; `differences`: what the repair
    changes, left as found and right as wanted."""

    wanted: WantedRule
    outcome: Outcome
    rule_id: str = ""
    differences: tuple[FieldDifference, ...] = ()


@dataclass(slots=True)
class _Case:
    """One wanted rule, the local rules that concern it, and what has been decided."""

    wanted: WantedRule
    claims: dict[str, Claim] = field(default_factory=dict)
    equal: list[StoredRule] = field(default_factory=list)
    decision: Decision | None = None

    @property
    def is_open(self) -> bool:
        return self.decision is None and self.wanted.state is RuleState.PRESENT

    def decide(self, outcome: Outcome, rule_id: str = "", found: tuple[FieldDifference, ...] = ()) -> None:
        self.decision = Decision(self.wanted, outcome, rule_id, found)


class Planner:
    """Plans once; `store.operations` and `findings` are filled by `decide`."""

    def __init__(
        self, wanted: Sequence[WantedRule], state: FirewallState, host: HostFacts, options: PlanOptions
    ) -> None:
        self.store = PlannedStore(state.local_rules(), host.environment)
        self.findings: list[Finding] = []
        self._state = state
        self._host = host
        self._options = options
        self._lowest = Claim.HAND_MADE if options.adopt else Claim.OWN
        self._taken: dict[str, _Case] = {}
        self._cases = [_Case(item) for item in wanted]
        self._removable: dict[str, _Case | None] = {}

    def decide(self) -> tuple[Decision, ...]:
        """Decide about every wanted rule. Raises: HostStateError when a rule that cannot be moved is in the way."""
        for case in self._cases:
            self._look(case)
        for step in (self._keep, self._skip_unneeded):
            for case in self._cases:
                if case.is_open:
                    step(case)
        self._removable = dict(self._find_removable())
        for step in (self._repair, self._add):
            for case in self._cases:
                if case.is_open:
                    step(case)
        self._take_leftovers_away()
        return tuple(self._decided(case) for case in self._cases)

    def _look(self, case: _Case) -> None:
        """Find the rules that concern the case. A rule with the very name of another wanted rule is left to that."""
        identities = {item.wanted.identity for item in self._cases if item is not case}
        for item in self._state.rules:
            found = claim(case.wanted, item, self._host)
            if found is Claim.NONE or item.rule is None or WantedRule(item.rule).identity in identities:
                continue
            if item.origin is Origin.LOCAL:
                case.claims[item.rule_id] = found
            if is_equivalent(case.wanted.rule, item.rule, self._host.environment):
                case.equal.append(item)

    def _keep(self, case: _Case) -> None:
        def rank(item: StoredRule) -> tuple[bool, int]:
            return item.origin is not Origin.LOCAL, -case.claims.get(item.rule_id, Claim.NONE)

        for item in sorted(case.equal, key=rank):
            if item.origin is Origin.LOCAL and item.rule_id in self._taken:
                continue
            if item.origin is Origin.LOCAL:
                self._taken[item.rule_id] = case
            case.decide(Outcome.KEEP, item.rule_id)
            return

    def _skip_unneeded(self, case: _Case) -> None:
        profiles = case.wanted.rule.profiles
        blocked = any(self._state.effective(item).default_outbound_action is Action.BLOCK for item in profiles)
        if case.wanted.only_if_default_blocks and not blocked and Claim.OWN not in case.claims.values():
            case.decide(Outcome.NOT_NEEDED)

    def _find_removable(self) -> Iterator[tuple[str, _Case | None]]:
        """Local rules that a case may use up, and (purge) rules of ours that concern no case."""
        claimed: set[str] = set()
        for case in self._cases:
            claimed.update(case.claims)
            if case.decision is None or case.decision.outcome is not Outcome.NOT_NEEDED:
                yield from ((key, case) for key, found in case.claims.items() if found >= self._lowest)
        if not self._options.purge:
            return
        for item in self._state.local_rules():
            ours = item.rule is not None and MARK in item.rule.description
            if ours and item.rule_id not in claimed and is_touchable(item, self._host.management_ports):
                yield item.rule_id, None

    def _is_free(self, key: str) -> bool:
        return key in self._removable and key not in self._taken and key in self.store

    def _candidates(self, case: _Case) -> list[str]:
        """The free rules of the case, ours first, then those that differ least."""
        environment, wanted = self._host.environment, case.wanted.rule
        return sorted(
            (key for key, found in case.claims.items() if found >= self._lowest and self._is_free(key)),
            key=lambda key: (-case.claims[key], len(differences(self.store[key], wanted, environment)), key),
        )

    def _repair(self, case: _Case) -> None:
        """Change a rule in place, if netsh can name it alone and every field that differs can be set and set back.

        Not when another leftover would have to go by a command that netsh could take for the repaired rule as well.
        """
        environment, wanted = self._host.environment, case.wanted.rule
        candidates = self._candidates(case)
        for key in candidates:
            found = self.store[key]
            target = _in_place(found, wanted, self._host)
            crowded = any(self._is_in_the_way(other, target) for other in candidates if other != key)
            if crowded or not is_equivalent(wanted, target, environment):
                continue
            try:
                self.store.change({key: target})
            except (CannotSelect, NetshError):
                continue
            self._taken[key] = case
            case.decide(Outcome.REPAIR, key, differences(found, wanted, environment))
            return

    def _add(self, case: _Case) -> None:
        rule = case.wanted.rule
        for key in self._candidates(case):
            if key in self.store and self._is_in_the_way(key, rule):
                self._clear(key, case)
        try:
            self._taken[self.store.add(rule)] = case
        except CannotSelect as error:
            raise HostStateError(
                f"adding firewall rule {rule.name!r}: netsh could not tell it from {error}, which must not be touched; "
                "give the rule another name"
            ) from error
        case.decide(Outcome.ADD)

    def _is_in_the_way(self, key: str, rule: FirewallRule) -> bool:
        """Whether netsh could take the stored rule and the new one for each other, one way or the other."""
        environment, found = self._host.environment, self.store[key]
        if not same_name(found.name, rule.name):
            return False
        return RuleSelector.of(rule).may_hit(found, environment) or RuleSelector.of(found).may_hit(rule, environment)

    def _clear(self, key: str, case: _Case) -> None:
        try:
            self.store.delete(key, self._is_free)
        except (CannotSelect, NetshError) as error:
            raise HostStateError(
                f"replacing firewall rule {self.store[key].name!r} ({key}) by {case.wanted.rule.name!r}: netsh cannot "
                f"delete it alone and make it again ({error}); delete it in the firewall console (wf.msc)"
            ) from error

    def _take_leftovers_away(self) -> None:
        """Delete while anything can be deleted (one may have been in the way of another), then disable the rest.

        Nothing is deleted after it was changed in the same plan, so every operation can be undone by itself.
        """
        while any(map(self._delete, self._deletable())) or any(map(self._renew, self._deletable())):
            pass
        for key in [key for key in self._removable if self._is_free(key)]:
            self._disable(key)

    def _deletable(self) -> list[str]:
        """Free rules that are to be deleted; rules of an absent case always are."""
        return [
            key
            for key, case in self._removable.items()
            if self._is_free(key)
            and (self._options.leftovers is Leftovers.DELETE or case is None or case.wanted.state is RuleState.ABSENT)
        ]

    def _delete(self, key: str) -> bool:
        """Delete the rule (with those netsh deletes together with it); False when that is not safe."""
        if key not in self.store:
            return False
        try:
            self.store.delete(key, self._is_free)
        except (CannotSelect, NetshError):
            return False
        return True

    def _renew(self, key: str) -> bool:
        """A leftover that netsh cannot tell from the rule that is kept: delete both and add ours."""
        try:
            hits = self.store.hit_by(RuleSelector.of(self.store[key]))
        except NetshError:
            return False
        kept = [hit for hit in hits if hit in self._taken]
        if len(kept) != 1 or not self._is_ours_to_touch(kept[0]):
            return False
        case = self._taken[kept[0]]
        wanted = case.wanted.rule
        if case.decision is None or case.decision.outcome is not Outcome.KEEP:
            return False
        if not self.store.hit_by(RuleSelector.of(wanted)) <= hits:
            return False
        try:
            self.store.delete(key, lambda hit: self._is_free(hit) or hit == kept[0])
        except (CannotSelect, NetshError):
            return False
        if kept[0] not in self.store:
            self._taken[self.store.add(wanted)] = case
            case.decide(Outcome.REPAIR, kept[0])
        return True

    def _is_ours_to_touch(self, key: str) -> bool:
        items = (item for item in self._state.local_rules() if item.rule_id == key)
        return any(is_touchable(item, self._host.management_ports) for item in items)

    def _disable(self, key: str) -> None:
        if not self.store[key].enabled:
            return
        try:
            keys = sorted(self.store.hit_by(RuleSelector.of(self.store[key])))
            others = [hit for hit in keys if not (self._is_free(hit) and self.store[hit].enabled)]
            if others:
                self._report(key, ", ".join(others))
                return
            self.store.change({hit: replace(self.store[hit], enabled=False) for hit in keys})
        except (CannotSelect, NetshError) as error:
            self._report(key, str(error))

    def _report(self, key: str, why: str) -> None:
        rule = self.store[key]
        self.findings.append(
            Finding(
                NOT_TAKEN_AWAY,
                Severity.WARNING if rule.enabled else Severity.INFO,
                f"firewall rule {rule.name!r} (local store, {key})",
                f"it is not needed any more, but netsh cannot name it alone, or not undo the change: {why}",
                "delete it in the firewall console (wf.msc)",
            )
        )

    def _decided(self, case: _Case) -> Decision:
        if case.decision is not None:
            return case.decision
        was = {item.rule_id: item.rule for item in self._state.local_rules()}
        touched = any(key not in self.store or self.store[key] != was[key] for key in case.claims)
        return Decision(case.wanted, Outcome.REMOVE if touched else Outcome.ABSENT)


def _in_place(found: FirewallRule, wanted: FirewallRule, host: HostFacts) -> FirewallRule:
    """What `found` becomes when it is repaired: as wanted, but spellings and fields netsh cannot set stay."""
    return replace(
        wanted,
        program=found.program if same_path(found.program, wanted.program, host.environment) else wanted.program,
        service=found.service if same_name(found.service, wanted.service) else wanted.service,
        description=wanted.description if found.description else "",
        grouping=found.grouping,
        other=found.other,
        written=found.written,
    )
