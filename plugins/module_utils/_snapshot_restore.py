# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""From a snapshot and the host as it is to the operations that bring the host back. Pure.

Items are put back in the reverse of the order in which they were changed. What cannot be put back (a rule netsh cannot
write, an account with a password) is told and left; everything else is restored all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ._effects import reboot_reasons, restart_services
from ._errors import HostStateError
from ._firewall_adoption import HostFacts, is_touchable
from ._firewall_compare import describe_rule, same_rule
from ._firewall_lockout import refuse_lockout
from ._firewall_operations import FirewallAdd, FirewallDelete, FirewallOperation, FirewallSet, RuleChange
from ._firewall_planned_store import CannotSelect, PlannedStore
from ._firewall_rule import FirewallRule, format_rule, parse_rule
from ._firewall_store import FirewallState, Origin, StoredRule
from ._netsh import NetshError
from ._plan import CreateKey, DeleteKey, Operation, Plan, SetValue, unique
from ._registry import RegistryKey, RegistryValue
from ._service_operations import (
    LOCAL_SYSTEM,
    MANUAL,
    RegisterServer,
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    UnregisterServer,
    in_service_order,
    needs_password,
)
from ._snapshot import (
    ACCOUNT,
    RUNNING,
    START_MODE,
    AbsentRule,
    HostIdentity,
    Identity,
    Item,
    SavedKey,
    SavedRegistration,
    SavedRule,
    SavedService,
    SavedValue,
    Snapshot,
)
from ._snapshot_report import describe_value


@dataclass(frozen=True, slots=True)
class CurrentService:
    """A service as it is now."""

    start_mode: str
    account: str
    is_running: bool

    def aspect(self, name: str) -> str | bool:
        aspects: dict[str, str | bool] = {
            START_MODE: self.start_mode,
            ACCOUNT: self.account,
            RUNNING: self.is_running,
        }
        return aspects[name]


@dataclass(frozen=True, slots=True)
class CurrentState:
    """What the host has now of everything a snapshot holds.

    `values` by identity of the saved value; `keys` maps folded keys that are there to the names of what they hold
    (values and subkeys, folded); `services` by folded name, None where there is none; `app_id_services` maps folded
    AppID keys to the services behind them; `to_register` are folded names of services that the restore will make.
    """

    values: Mapping[Identity, RegistryValue | None] = field(default_factory=dict)
    keys: Mapping[str, frozenset[str]] = field(default_factory=dict)
    services: Mapping[str, CurrentService | None] = field(default_factory=dict)
    app_id_services: Mapping[str, str] = field(default_factory=dict)
    firewall: FirewallState = field(default_factory=FirewallState)
    to_register: frozenset[str] = frozenset()


def check_belongs(snapshot: Snapshot, host: HostIdentity, *, accept_other_windows: bool) -> None:
    """Raises: HostStateError for a snapshot of another host, or of this host with another version of Windows."""
    if snapshot.host.machine_guid.lower() != host.machine_guid.lower():
        raise HostStateError(
            f"snapshot {snapshot.name} was taken on {snapshot.host.computer_name} (machine "
            f"{snapshot.host.machine_guid}), not on this host {host.computer_name} (machine {host.machine_guid}). "
            "Nothing was changed"
        )
    if snapshot.host.windows != host.windows and not accept_other_windows:
        raise HostStateError(
            f"snapshot {snapshot.name} was taken under Windows {snapshot.host.windows}, this host has {host.windows} "
            "by now; set accept_other_windows: true to restore it all the same. Nothing was changed"
        )


def plan_restore(snapshot: Snapshot, now: CurrentState, host: HostFacts) -> Plan:
    """Plan what brings the host back to the (merged) snapshot. Raises: LockoutError."""
    rules, problems = _plan_rules(snapshot.items, now, host)
    others = in_service_order(_plan_items(snapshot.items, now, problems))
    operations = (*rules, *_with_empty_keys_last(others, snapshot.items, now, problems))
    before, after = _states(operations)
    return Plan(
        operations,
        before,
        after,
        restart_services=restart_services(operations, now.app_id_services),
        reboot_reasons=reboot_reasons(operations),
        warnings=unique(problems),
    )


# -- registry and services


def _as_registered(service: str, now: CurrentState) -> CurrentService | None:
    """What a registration makes of the service, None when the snapshot has none to make."""
    is_made = service.lower() in now.to_register
    return CurrentService(MANUAL, LOCAL_SYSTEM, is_running=False) if is_made else None


def _plan_items(items: Sequence[Item], now: CurrentState, problems: list[str]) -> Iterator[Operation]:
    """Keys that must be there first, then everything else backwards."""
    for item in items:
        if isinstance(item, SavedKey) and item.was_there and item.key.folded not in now.keys:
            yield CreateKey(item.key)
    for item in reversed(items):
        if isinstance(item, SavedValue):
            present = now.values.get(item.identity)
            if present != item.value:
                yield SetValue(item.key, item.name, before=present, after=item.value)
        elif isinstance(item, SavedService):
            yield from _plan_service(item, now, problems)
        elif isinstance(item, SavedRegistration):
            yield from _plan_registration(item, now)


def _plan_service(item: SavedService, now: CurrentState, problems: list[str]) -> Iterator[Operation]:
    service = now.services.get(item.service.lower()) or _as_registered(item.service, now)
    if service is None:
        return  # it is gone, and nothing here makes it anew
    present = service.aspect(item.aspect)
    if present == item.state:
        return
    if item.aspect == RUNNING and isinstance(present, bool) and isinstance(item.state, bool):
        yield SetRunning(item.service, before=present, after=item.state)
    elif item.aspect == START_MODE:
        yield SetStartMode(item.service, str(present), str(item.state))
    elif needs_password(str(item.state)) or needs_password(str(present)):
        problems.append(
            f"service {item.service} ran as {item.state} and runs as {present}: a password is needed to go back, set "
            "it by hand"
        )
    else:
        yield SetServiceAccount(item.service, str(present), str(item.state))


def _plan_registration(item: SavedRegistration, now: CurrentState) -> Iterator[Operation]:
    is_registered = now.services.get(item.registration.service.lower()) is not None
    if is_registered and not item.was_registered:
        yield UnregisterServer(item.registration)
    elif not is_registered and item.was_registered:
        yield item.registration


def _with_empty_keys_last(
    operations: list[Operation], items: Sequence[Item], now: CurrentState, problems: list[str]
) -> list[Operation]:
    """With the keys that were not there deleted, deepest first, if nothing else is left in them."""
    gone: dict[str, set[str]] = {}
    for operation in operations:
        if isinstance(operation, SetValue) and operation.after is None:
            gone.setdefault(operation.key.folded, set()).add(operation.name.lower())
    deletions: list[Operation] = []
    keys = [item.key for item in items if isinstance(item, SavedKey) and not item.was_there]
    for key in sorted(keys, key=lambda key: key.path.count("\\"), reverse=True):
        held = now.keys.get(key.folded)
        if held is None:
            continue
        if held - gone.get(key.folded, set()):
            problems.append(f"{key} was not there, but holds something else by now and stays")
            continue
        deletions.append(DeleteKey(key))
        if key.parent is not None:
            gone.setdefault(key.parent.folded, set()).add(_subkey(key))
    return operations + deletions


def _subkey(key: RegistryKey) -> str:
    """How a key is named among what its parent holds."""
    return "\\" + key.folded.rpartition("\\")[2]


def held_by_key(values: Iterable[str], subkeys: Iterable[str]) -> frozenset[str]:
    """What a key holds, in the form `CurrentState.keys` wants it."""
    return frozenset((*(name.lower() for name in values), *("\\" + name.lower() for name in subkeys)))


# -- firewall


def _plan_rules(
    items: Sequence[Item], now: CurrentState, host: HostFacts
) -> tuple[tuple[FirewallOperation, ...], list[str]]:
    """Rules changed back first, then rules taken away, then rules made anew."""
    planner = _RulePlanner(items, now, host)
    operations = planner.plan()
    ours = (StoredRule(key, format_rule(rule), Origin.LOCAL, rule) for key, rule in planner.store.rules().items())
    others = (item for item in now.firewall.rules if item.origin is not Origin.LOCAL or item.rule is None)
    after = FirewallState((*ours, *others), now.firewall.local_settings, now.firewall.policy_settings)
    refuse_lockout(now.firewall, after, operations, host)
    return operations, planner.problems


class _RulePlanner:
    """`targets`: what each saved rule is to be, None: gone. `absent`: meanings that are to be gone under any id."""

    def __init__(self, items: Sequence[Item], now: CurrentState, host: HostFacts) -> None:
        self.store = PlannedStore(now.firewall.local_rules(), host.environment)
        self.problems: list[str] = []
        self._host = host
        self._stored = {item.rule_id: item for item in now.firewall.local_rules()}
        self._targets: dict[str, FirewallRule | None] = {}
        self._absent: list[FirewallRule] = []
        kept: list[FirewallRule] = []
        for item in items:  # the earlier word about a rule is right
            if isinstance(item, AbsentRule):
                rule = parse_rule(item.text)
                if not self._is_in(rule, kept):
                    self._absent.append(rule)
            elif isinstance(item, SavedRule):
                rule = parse_rule(item.text)
                is_gone = self._is_in(rule, self._absent)
                self._targets[item.rule_id] = None if is_gone else rule
                if not is_gone:
                    kept.append(rule)

    def plan(self) -> tuple[FirewallOperation, ...]:
        for rule_id, target in self._targets.items():
            if target is not None and rule_id in self.store and not self._is_same(self.store[rule_id], target):
                self._attempt(target, partial(self._change, rule_id, target))
        for rule_id in self._to_delete():
            if rule_id in self.store:
                self._attempt(self.store[rule_id], partial(self._delete, rule_id))
        for rule_id, target in self._targets.items():
            if target is not None and rule_id not in self.store and not self._has_twin(target):
                self._attempt(target, partial(self.store.add, target))
        return tuple(self.store.operations)

    def _change(self, rule_id: str, target: FirewallRule) -> None:
        try:
            self.store.change({rule_id: target})
        except NetshError:
            self._delete(rule_id)
            self.store.add(target)

    def _delete(self, rule_id: str) -> None:
        self.store.delete(rule_id, lambda key: key == rule_id)

    def _to_delete(self) -> list[str]:
        """Saved rules that were gone then, and rules of a meaning that was not there, under whatever id."""
        keys = [key for key, target in self._targets.items() if target is None]
        rules = self.store.rules()
        keys += [key for key, rule in rules.items() if key not in self._targets and self._is_in(rule, self._absent)]
        return [key for key in dict.fromkeys(keys) if key in rules and is_touchable(self._stored[key])]

    def _attempt(self, rule: FirewallRule, action: Callable[[], object]) -> None:
        try:
            action()
        except (CannotSelect, NetshError) as error:
            self.problems.append(f"firewall rule {rule.name!r} could not be put back: {error}")

    def _has_twin(self, rule: FirewallRule) -> bool:
        """Whether an equal rule is there under another id, because an undo has made it anew."""
        rules = self.store.rules()
        return any(key not in self._targets and self._is_same(item, rule) for key, item in rules.items())

    def _is_in(self, rule: FirewallRule, rules: Iterable[FirewallRule]) -> bool:
        return any(self._is_same(rule, item) for item in rules)

    def _is_same(self, left: FirewallRule, right: FirewallRule) -> bool:
        return same_rule(left, right, self._host.environment)


# -- for people


def _states(operations: Iterable[Operation]) -> tuple[dict[str, object], dict[str, object]]:
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    for operation in operations:
        for label, was, will_be in _changes(operation):
            before.setdefault(label, was)
            after[label] = will_be
    return before, after


def _changes(operation: Operation) -> Iterator[tuple[str, str, str]]:
    """What an operation changes: a name for it, and its state before and after."""
    if isinstance(operation, SetValue):
        was, will_be = (describe_value(operation.name, value) for value in (operation.before, operation.after))
        yield f"{operation.key}\\{operation.name or '(default)'}", was, will_be
    elif isinstance(operation, (SetStartMode, SetServiceAccount)):
        yield f"service {operation.service}", operation.before, operation.after
    elif isinstance(operation, SetRunning):
        words = {True: "running", False: "stopped"}
        yield f"service {operation.service} is", words[operation.before], words[operation.after]
    elif isinstance(operation, FirewallSet):
        for change in operation.changes:
            yield from _rule_changes(change)
    elif isinstance(operation, (FirewallAdd, FirewallDelete)):
        for rule in operation.rules:
            yield _appearance(_label(rule), comes=isinstance(operation, FirewallAdd))
    elif isinstance(operation, (CreateKey, DeleteKey)):
        yield _appearance(str(operation.key), comes=isinstance(operation, CreateKey))
    elif isinstance(operation, (RegisterServer, UnregisterServer)):
        registration = operation.registration if isinstance(operation, UnregisterServer) else operation
        yield _appearance(f"service {registration.service}", comes=isinstance(operation, RegisterServer))


def _appearance(label: str, *, comes: bool) -> tuple[str, str, str]:
    return (label, "absent", "present") if comes else (label, "present", "absent")


def _rule_changes(change: RuleChange) -> Iterator[tuple[str, str, str]]:
    was, will_be = describe_rule(change.before), describe_rule(change.after)
    for name, value in was.items():
        if value != will_be[name]:
            yield f"{_label(change.before)} {name}", str(value), str(will_be[name])


def _label(rule: FirewallRule) -> str:
    return f"firewall rule {rule.name} [{rule.direction.value.lower()}]"
