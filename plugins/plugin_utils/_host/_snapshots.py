# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The snapshots kept on a host, below the collection's own key, which only administrators may write.

The newest ones are kept, and always the first: it leads back to the state before the collection came. A snapshot that
is dropped is merged into the one before it, so going back further than it stays exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ...module_utils._dcom import APP_COMPAT, OLE
from ...module_utils._effects import is_app_id
from ...module_utils._errors import HostStateError
from ...module_utils._host_state import STATE_KEY
from ...module_utils._plan import CreateKey, Operation, SetValue
from ...module_utils._registry import RegistryKey, RegistryType, RegistryValue
from ...module_utils._snapshot import Item, Kind, SavedValue, Snapshot, items_of, next_name, unique_items
from ...module_utils._snapshot_codec import dump_values, load_values, part_names, snapshot_names
from ._host import Host
from ._identity import read_identity

SNAPSHOTS = STATE_KEY.child("Snapshots")
DEFAULT_KEEP = 5


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """A snapshot to take before the first change. `keys` are keys that were read and whose values are saved as well;
    `path` is where a copy goes on the controller; `continues` names an earlier one of the same run.
    """

    kind: Kind
    reason: str
    keep: int = DEFAULT_KEEP
    keys: tuple[RegistryKey, ...] = ()
    path: str | None = None
    continues: str | None = None


class SnapshotShelf:
    """Reads and writes the snapshots of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._registry = host.registry

    def names(self) -> tuple[str, ...]:
        """Names of all snapshots, oldest first. One message."""
        return snapshot_names(self._value_names())

    def read(self, name: str) -> Snapshot:
        """One snapshot. One message for each part. Raises: HostStateError when it is not there or does not read."""
        parts = part_names(name, self._value_names())
        if name not in parts:
            known = ", ".join(self.names()) or "none"
            raise HostStateError(f"this host has no snapshot {name}; it has {known}")
        found = {part: self._registry.value(SNAPSHOTS, part, RegistryType.MULTI_SZ) for part in parts}
        return load_values(name, {part: value for part, value in found.items() if value is not None})

    def save(self, items: Sequence[Item], request: SnapshotRequest) -> Snapshot:
        """Write a snapshot of these items, and of all that the one it continues holds, and drop what is too old.

        The newest one is kept if it holds the same.
        """
        present = self._value_names()
        names = snapshot_names(present)
        newest = self._newest(names)
        if newest is not None and newest.items == tuple(items) and newest.kind is request.kind:
            return newest
        taken = self._host.operating_system.local_time
        identity = read_identity(self._registry)
        snapshot = Snapshot(next_name(taken, names), taken, identity, request.kind, request.reason, tuple(items))
        if newest is not None and newest.name == request.continues:
            snapshot = replace(snapshot, items=newest.merged(snapshot).items)
        if not present:
            self._registry.create_key(CreateKey(SNAPSHOTS))
        self._write(snapshot, present)
        self._drop_old((*names, snapshot.name), max(request.keep, 1))
        return snapshot

    def delete(self, name: str) -> None:
        """Delete all parts; the first one goes first, because without it there is no snapshot."""
        for part in part_names(name, self._value_names()):
            self._set(part, None)

    def _newest(self, names: Sequence[str]) -> Snapshot | None:
        """The newest snapshot, None when there is none or it does not read (which is then said when it is needed)."""
        if names:
            with suppress(HostStateError):
                return self.read(names[-1])
        return None

    def _drop_old(self, names: Sequence[str], keep: int) -> None:
        kept = list(names)
        while len(kept) > keep + 1:
            first, dropped = self.read(kept[0]), self.read(kept[1])
            self._write(first.merged(dropped), self._value_names())
            self.delete(kept.pop(1))

    def _write(self, snapshot: Snapshot, present: Sequence[str]) -> None:
        """Write all parts, and delete those of a longer snapshot of this name among the values that are `present`."""
        values = dump_values(snapshot)
        for name, value in values.items():
            self._set(name, value)
        for name in part_names(snapshot.name, present):
            if name not in values:
                self._set(name, None)

    def _set(self, name: str, value: RegistryValue | None) -> None:
        before = RegistryValue.multi_string("") if value is None else None  # tells the type to read back
        self._registry.set_value(SetValue(SNAPSHOTS, name, before=before, after=value))

    def _value_names(self) -> tuple[str, ...]:
        return tuple(self._registry.value_types(SNAPSHOTS) or ())


def save_before(host: Host, operations: Sequence[Operation], request: SnapshotRequest) -> Snapshot:
    """Save what the operations are about to change, and what was read of COM settings beside it."""
    texts = {}
    if any(not isinstance(item, SetValue) for item in operations):
        texts = {item.rule_id: item.text for item in host.firewall.read().local_rules()}
    beside = [
        SavedValue(key, name, value)
        for key in request.keys
        if is_com_key(key)
        for name, value in (host.registry.values(key) or {}).items()
    ]
    return SnapshotShelf(host).save(unique_items((*items_of(operations, texts), *beside)), request)


def is_com_key(key: RegistryKey) -> bool:
    """Whether all values of the key belong to COM, so that a snapshot may put every one of them back."""
    return key.folded in (OLE.folded, APP_COMPAT.folded) or is_app_id(key)
