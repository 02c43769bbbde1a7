# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What the collection keeps on a host for its own use: the pending-reboot marker and the journal of an unfinished run.

Both are REG_MULTI_SZ values of one key. The marker is ``[boot time, reason, ...]``: a value written since that boot is
not in force yet. The journal is one JSON text per operation, in the order they were to be applied; while it exists, a
run has not finished, and undoing its operations in reverse order gives the state before that run. Pure: the caller
reads and writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ._errors import HostStateError
from ._plan import CreateKey, DeleteKey, Operation, SetValue, unique
from ._registry import RegistryData, RegistryKey, RegistryType, RegistryValue

STATE_KEY = RegistryKey("SOFTWARE\\otsec\\opc_dcom")
PENDING_REBOOT = "PendingReboot"
JOURNAL = "Journal"
JOURNAL_VERSION = "otsec.opc_dcom journal 1"

# A clock that is stepped moves the boot time Windows reports by seconds; a reboot moves it by more (wsman_cim.md 4.7).
BOOT_TIME_TOLERANCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class PendingReboot:
    """Settings that were written since `boot_time` (UTC) and count only after the next boot."""

    boot_time: datetime
    reasons: tuple[str, ...]

    def is_over(self, boot_time: datetime) -> bool:
        """Whether the host has booted since: its boot time is later by more than a clock step explains."""
        return boot_time - self.boot_time > BOOT_TIME_TOLERANCE

    def with_reasons(self, reasons: Iterable[str]) -> PendingReboot:
        return PendingReboot(self.boot_time, unique((*self.reasons, *reasons)))

    def to_value(self) -> RegistryValue:
        return RegistryValue.multi_string(format_time(self.boot_time), *self.reasons)

    @classmethod
    def from_value(cls, value: RegistryValue | None) -> PendingReboot | None:
        """Read the marker. Raises: HostStateError when something else has written the value."""
        if value is None:
            return None
        if value.type is not RegistryType.MULTI_SZ or not isinstance(value.data, tuple) or not value.data:
            raise HostStateError(
                f"{PENDING_REBOOT} of {STATE_KEY} is {value}, not a marker of this collection; delete it"
            )
        try:
            boot_time = parse_time(value.data[0])
        except ValueError as error:
            raise HostStateError(
                f"{PENDING_REBOOT} of {STATE_KEY} does not start with a time: {value.data[0]!r}; delete the value"
            ) from error
        return cls(boot_time, value.data[1:])


def format_time(moment: datetime) -> str:
    """UTC with microseconds, such as 2026-11-22T06:00:00.000000Z."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Inverse of `format_time`. Raises: ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def dump_journal(operations: Sequence[Operation]) -> RegistryValue:
    """The journal of these operations, as the value to write."""
    lines = [json.dumps(_to_json(operation), ensure_ascii=True, separators=(",", ":")) for operation in operations]
    return RegistryValue.multi_string(JOURNAL_VERSION, *lines)


def load_journal(value: RegistryValue | None) -> tuple[Operation, ...]:
    """The operations of a journal, () when there is none.

    Raises: HostStateError when the journal is of another version or was edited: nothing is undone on a guess.
    """
    if value is None:
        return ()
    if not isinstance(value.data, tuple) or not value.data or value.data[0] != JOURNAL_VERSION:
        raise HostStateError(
            f"{JOURNAL} of {STATE_KEY} was not written by this version of the collection; restore the host from its "
            "snapshot or finish with the version that wrote it, then delete the value"
        )
    try:
        return tuple(_from_json(json.loads(line)) for line in value.data[1:])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise HostStateError(
            f"{JOURNAL} of {STATE_KEY} does not read as a journal ({error}); restore the host from its snapshot"
        ) from error


def undo_operations(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """What undoes these operations: their inverses in reverse order."""
    inverses = (operation.inverse() for operation in reversed(operations))
    return tuple(operation for operation in inverses if operation is not None)


def _to_json(operation: Operation) -> list[object]:
    if isinstance(operation, SetValue):
        return [
            "set",
            operation.key.path,
            operation.name,
            _value_to_json(operation.before),
            _value_to_json(operation.after),
        ]
    if isinstance(operation, (CreateKey, DeleteKey)):
        return ["create" if isinstance(operation, CreateKey) else "delete", operation.key.path]
    raise TypeError(f"no journal form for {operation!r}")


def _from_json(item: list[object]) -> Operation:
    kind, path = item[0], item[1]
    if not isinstance(path, str):
        raise TypeError(f"{path!r} is not a key")
    if kind == "set":
        name = item[2]
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is not a value name")
        return SetValue(RegistryKey(path), name, _value_from_json(item[3]), _value_from_json(item[4]))
    if kind in ("create", "delete"):
        return CreateKey(RegistryKey(path)) if kind == "create" else DeleteKey(RegistryKey(path))
    raise ValueError(f"unknown operation {kind!r}")


def _value_to_json(value: RegistryValue | None) -> list[object] | None:
    if value is None:
        return None
    data: object = value.data.hex() if isinstance(value.data, bytes) else value.data
    return [int(value.type), list(data) if isinstance(data, tuple) else data]


def _value_from_json(item: object) -> RegistryValue | None:
    if item is None:
        return None
    if not isinstance(item, list) or len(item) != 2:
        raise TypeError(f"{item!r} is not a value")
    registry_type, raw = RegistryType(item[0]), item[1]
    data: RegistryData
    if registry_type in (RegistryType.BINARY, RegistryType.NONE, RegistryType.UNKNOWN):
        data = bytes.fromhex(raw)
    else:
        data = tuple(raw) if isinstance(raw, list) else raw
    return RegistryValue(registry_type, data)
