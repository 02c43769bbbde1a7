# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Snapshots: what was on a host before something was changed, item by item, bit-exact.

An item is one value (or that it was absent), one key, one firewall rule, one fact about a service. A snapshot taken
before a run holds what the run is about to change and what it has read beside it, not the whole host. To go back to a
snapshot, it is merged with the later ones: what it does not hold was not touched before the first snapshot that does.
Secrets are never part of it: the collection does not write any. Pure.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from ._firewall_operations import FirewallAdd, FirewallDelete, FirewallSet
from ._firewall_rule import format_rule
from ._host_state import STATE_KEY
from ._plan import CreateKey, DeleteKey, Operation, SetValue
from ._registry import RegistryKey, RegistryValue
from ._service_operations import (
    RegisterServer,
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    UnregisterServer,
)

START_MODE = "start_mode"
ACCOUNT = "account"
RUNNING = "running"

Identity = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SavedValue:
    """A registry value as it was; None means that it was absent."""

    key: RegistryKey
    name: str
    value: RegistryValue | None

    @property
    def identity(self) -> Identity:
        return ("value", self.key.folded, self.name.lower())


@dataclass(frozen=True, slots=True)
class SavedKey:
    """Whether a key was there."""

    key: RegistryKey
    was_there: bool

    @property
    def identity(self) -> Identity:
        return ("key", self.key.folded)


@dataclass(frozen=True, slots=True)
class SavedRule:
    """A rule of the local firewall store as it was. netsh chooses ids, so a rule made anew has another one."""

    rule_id: str
    text: str

    @property
    def identity(self) -> Identity:
        return ("rule", self.rule_id.lower())


@dataclass(frozen=True, slots=True)
class AbsentRule:
    """A rule of this meaning was not in the store; it was added then."""

    text: str

    @property
    def identity(self) -> Identity:
        return ("absent rule", self.text)


@dataclass(frozen=True, slots=True)
class SavedService:
    """One fact about a service: `aspect` is START_MODE, ACCOUNT or RUNNING."""

    service: str
    aspect: str
    state: str | bool

    @property
    def identity(self) -> Identity:
        return ("service", self.service.lower(), self.aspect)


@dataclass(frozen=True, slots=True)
class SavedRegistration:
    """Whether a program was registered as a service, and how to register it or take the registration back."""

    registration: RegisterServer
    was_registered: bool

    @property
    def identity(self) -> Identity:
        return ("registration", self.registration.service.lower())


Item: TypeAlias = "SavedValue | SavedKey | SavedRule | AbsentRule | SavedService | SavedRegistration"


@dataclass(frozen=True, slots=True)
class HostIdentity:
    """Which installation of Windows a snapshot belongs to. `windows` is version and build, such as 10.0.17763."""

    machine_guid: str
    computer_name: str
    windows: str


class Kind(enum.Enum):
    """Why a snapshot was taken: before a run changed something, before a restore did, or because somebody asked."""

    RUN = "run"
    RESTORE = "restore"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was saved. `name` orders snapshots by time; `reason` says to people why it was taken."""

    name: str
    taken: datetime
    host: HostIdentity
    kind: Kind
    reason: str
    items: tuple[Item, ...]

    def merged(self, later: Snapshot) -> Snapshot:
        """This snapshot with what only the later one holds; where both hold something, this one is right."""
        known = {item.identity for item in self.items}
        return replace(self, items=(*self.items, *(item for item in later.items if item.identity not in known)))

    @property
    def summary(self) -> str:
        return f"{self.taken:%Y-%m-%d %H:%M:%S} UTC, {self.reason}, {len(self.items)} items"


def merge(snapshots: Sequence[Snapshot]) -> Snapshot:
    """The first of these snapshots, completed by the later ones; they are in the order they were taken."""
    result = snapshots[0]
    for later in snapshots[1:]:
        result = result.merged(later)
    return result


def next_name(taken: datetime, names: Sequence[str]) -> str:
    """A name for a snapshot taken at this time that comes after all of these, also when the clock was set back."""
    name = f"{taken:%Y%m%dT%H%M%SZ}"
    last = max(names, default="")
    if name > last:
        return name
    base, _sep, number = last.partition("-")
    return f"{base}-{int(number or 1) + 1:03}"


def unique_items(items: Iterable[Item]) -> tuple[Item, ...]:
    """The items with the first of each identity."""
    first: dict[Identity, Item] = {}
    for item in items:
        first.setdefault(item.identity, item)
    return tuple(first.values())


def items_of(operations: Iterable[Operation], rule_texts: Mapping[str, str]) -> tuple[Item, ...]:
    """What these operations are about to change, as it is. `rule_texts` are the firewall rules by id, as stored."""
    return unique_items(item for operation in operations for item in _items_of(operation, rule_texts))


def _items_of(operation: Operation, rule_texts: Mapping[str, str]) -> Iterator[Item]:
    if isinstance(operation, (SetValue, CreateKey, DeleteKey)):
        yield from _registry_items(operation)
    elif isinstance(operation, FirewallAdd):
        yield from (AbsentRule(format_rule(rule)) for rule in operation.rules)
    elif isinstance(operation, (FirewallDelete, FirewallSet)):
        yield from _rule_items(operation, rule_texts)
    elif isinstance(operation, (RegisterServer, UnregisterServer)):
        was_registered = isinstance(operation, UnregisterServer)
        registration = operation.registration if isinstance(operation, UnregisterServer) else operation
        yield SavedRegistration(registration, was_registered)
    elif isinstance(operation, (SetStartMode, SetServiceAccount, SetRunning)):
        yield _service_item(operation)


def _registry_items(operation: SetValue | CreateKey | DeleteKey) -> Iterator[Item]:
    if operation.key == STATE_KEY:
        return
    if isinstance(operation, SetValue):
        yield SavedValue(operation.key, operation.name, operation.before)
    else:
        yield SavedKey(operation.key, was_there=isinstance(operation, DeleteKey))


def _rule_items(operation: FirewallDelete | FirewallSet, rule_texts: Mapping[str, str]) -> Iterator[Item]:
    if isinstance(operation, FirewallSet):
        rules = [(change.rule_id, change.before) for change in operation.changes]
    else:
        rules = list(zip(operation.rule_ids, operation.rules, strict=False))
    for rule_id, rule in rules:
        yield SavedRule(rule_id, rule_texts.get(rule_id) or format_rule(rule))


def _service_item(operation: SetStartMode | SetServiceAccount | SetRunning) -> SavedService:
    aspects = {SetStartMode: START_MODE, SetServiceAccount: ACCOUNT, SetRunning: RUNNING}
    return SavedService(operation.service, aspects[type(operation)], operation.before)
