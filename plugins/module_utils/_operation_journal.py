# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The journal on a host: what a run is about to do, in a form that the next run can undo from.

One JSON text per operation, in REG_MULTI_SZ values of at most `PART_CHARACTERS`. The first value names the number of
parts and is written last and deleted first, so a journal counts only while it is whole. Pure: the caller writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from ._errors import HostStateError
from ._firewall_operations import FirewallAdd, FirewallDelete, FirewallSet
from ._firewall_operations import dump_operation as dump_firewall_operation
from ._firewall_operations import load_operation as load_firewall_operation
from ._json_text import load_json
from ._plan import CreateKey, DeleteKey, Operation, SetValue
from ._registry import RegistryKey, RegistryType, RegistryValue, value_from_json, value_to_json
from ._service_operations import (
    RegisterServer,
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    UnregisterServer,
    dump_service_operation,
    load_service_operation,
)

JOURNAL = "Journal"
JOURNAL_VERSION = "otsec.opc_dcom journal 1"

# A value must fit into one envelope, which on Windows 7 and 2008 R2 is 150 KB counted in UTF-16 (wsman_cim.md 1.4).
PART_CHARACTERS = 30_000

# As written, and no other form that int() reads: signs, blanks, underscores, digits of other scripts.
_COUNT = re.compile(r"[1-9][0-9]{0,3}")

_FIREWALL_KINDS = frozenset({"firewall-add", "firewall-delete", "firewall-set"})
_SERVICE_KINDS = frozenset({"start-mode", "service-account", "running", "register", "unregister"})


def dump_operation(operation: Operation) -> list[object]:
    """The operation as JSON values. Inverse: `load_operation`."""
    if isinstance(operation, SetValue):
        before, after = value_to_json(operation.before), value_to_json(operation.after)
        return ["set", operation.key.path, operation.name, before, after]
    if isinstance(operation, (CreateKey, DeleteKey)):
        return ["create" if isinstance(operation, CreateKey) else "delete", operation.key.path]
    if isinstance(operation, (FirewallAdd, FirewallDelete, FirewallSet)):
        return dump_firewall_operation(operation)
    if isinstance(operation, (SetStartMode, SetServiceAccount, SetRunning, RegisterServer, UnregisterServer)):
        return dump_service_operation(operation)
    raise TypeError(f"no journal form for {operation!r}")


def load_operation(item: Sequence[object]) -> Operation:
    """Inverse of `dump_operation`. Raises: ValueError, KeyError, TypeError or IndexError when it is none."""
    kind = item[0]
    if kind in _FIREWALL_KINDS:
        return load_firewall_operation(item)
    if kind in _SERVICE_KINDS:
        return load_service_operation(item)
    return _load_registry_operation(kind, item)


def _load_registry_operation(kind: object, item: Sequence[object]) -> Operation:
    path = item[1]
    if not isinstance(path, str):
        raise TypeError(f"{path!r} is not a key")
    if kind == "set":
        name = item[2]
        if not isinstance(name, str):
            raise TypeError(f"{name!r} is not a value name")
        return SetValue(RegistryKey(path), name, value_from_json(item[3]), value_from_json(item[4]))
    if kind in ("create", "delete"):
        return CreateKey(RegistryKey(path)) if kind == "create" else DeleteKey(RegistryKey(path))
    raise ValueError(f"unknown operation {kind!r}")


def part_name(number: int) -> str:
    """The value that holds part `number`, counted from 1: Journal, Journal.2, Journal.3 ..."""
    return JOURNAL if number == 1 else f"{JOURNAL}.{number}"


def is_part(name: str) -> bool:
    """Whether a value name is a part of a journal."""
    return name.lower() == JOURNAL.lower() or name.lower().startswith(f"{JOURNAL.lower()}.")


def dump_journal(operations: Sequence[Operation]) -> dict[str, RegistryValue]:
    """The values of the journal by name, in the order they must be written: the first part comes last."""
    parts: list[list[str]] = [[]]
    for line in (_to_line(operation) for operation in operations):
        if parts[-1] and sum(map(len, parts[-1])) + len(line) > PART_CHARACTERS:
            parts.append([])
        parts[-1].append(line)
    values = {part_name(number): lines for number, lines in enumerate(parts, start=1)}
    values[JOURNAL] = [JOURNAL_VERSION, str(len(parts)), *values.pop(JOURNAL)]
    return {name: RegistryValue.multi_string(*lines) for name, lines in values.items()}


def load_journal(values: Mapping[str, RegistryValue]) -> tuple[Operation, ...]:
    """The operations of the journal among these values, () when there is none.

    Raises: HostStateError when it is of another version, incomplete or edited: nothing is undone on a guess.
    """
    folded = {name.lower(): value for name, value in values.items()}
    first = folded.get(JOURNAL.lower())
    if first is None:
        return ()
    if first.type is not RegistryType.MULTI_SZ or not isinstance(first.data, tuple) or not first.data:
        raise _unreadable(f"it is {first}")
    if first.data[0] != JOURNAL_VERSION:
        raise HostStateError(
            f"{JOURNAL} of the collection's key on this host was not written by this version of the collection; finish "
            "with the version that wrote it, or restore the host from a snapshot (docs/recovery.md), then delete the "
            "value"
        )
    try:
        lines = [*first.data[2:], *_other_lines(folded, first.data[1])]
        return tuple(load_operation(_object(line)) for line in lines)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise _unreadable(str(error)) from error


def _other_lines(values: Mapping[str, RegistryValue], count: str) -> list[str]:
    if not _COUNT.fullmatch(count):
        raise ValueError(f"{count!r} is no number of parts")
    lines: list[str] = []
    for number in range(2, int(count) + 1):
        data = values[part_name(number).lower()].data
        if not isinstance(data, tuple):
            raise TypeError(f"part {number} is {data!r}")
        lines.extend(data)
    return lines


def _object(line: str) -> list[object]:
    item = load_json(line)
    if not isinstance(item, list):
        raise TypeError(f"{item!r} is not an operation")
    return item


def _to_line(operation: Operation) -> str:
    """ASCII only. Backslashes are written as u005c, so that reg.exe's separator of strings (\\0) cannot occur."""
    text = json.dumps(dump_operation(operation), ensure_ascii=True, separators=(",", ":"))
    return text.replace("\\\\", "\\u005c")


def _unreadable(why: str) -> HostStateError:
    return HostStateError(
        f"{JOURNAL} of the collection's key on this host does not read as a journal ({why}); restore the host from a "
        "snapshot (docs/recovery.md), then delete the value"
    )
