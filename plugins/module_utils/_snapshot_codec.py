# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Snapshots as text: a JSON file on the controller, and REG_MULTI_SZ values on the host.

Both carry a SHA-256 of the content, so an edited or damaged snapshot is refused. On the host the JSON is compressed,
written as base64 and cut so that every value fits into one message; the first strings are for a person in regedit.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from ._errors import HostStateError
from ._host_state import format_time, parse_time
from ._json_text import load_json
from ._operation_journal import PART_CHARACTERS
from ._registry import RegistryKey, RegistryValue, value_from_json, value_to_json
from ._service_operations import RegisterServer, dump_service_operation, load_service_operation
from ._snapshot import (
    ACCOUNT,
    RUNNING,
    START_MODE,
    AbsentRule,
    HostIdentity,
    Item,
    Kind,
    SavedKey,
    SavedRegistration,
    SavedRule,
    SavedService,
    SavedValue,
    Snapshot,
)

FORMAT = "otsec.opc_dcom snapshot 1"
_LINE_CHARACTERS = 1000
# No snapshot of ours is near this; a value somebody else wrote must not fill the controller's memory.
MAX_BYTES = 16 * 1024 * 1024
# Commas, which part values: each value takes many times its text in memory.
MAX_COMMAS = 500_000

_MALFORMED = (ValueError, KeyError, TypeError, IndexError, zlib.error, binascii.Error)


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as JSON values. Inverse: `from_json`."""
    return {
        "format": FORMAT,
        "name": snapshot.name,
        "taken": format_time(snapshot.taken),
        "host": {
            "machine_guid": snapshot.host.machine_guid,
            "computer_name": snapshot.host.computer_name,
            "windows": snapshot.host.windows,
        },
        "kind": snapshot.kind.value,
        "reason": snapshot.reason,
        "items": [_item_to_json(item) for item in snapshot.items],
    }


def from_json(data: Mapping[str, Any]) -> Snapshot:
    """Inverse of `to_json`. Raises: HostStateError for another format, or for what was not written by it."""
    if data.get("format") != FORMAT:
        raise HostStateError(f"the snapshot has format {data.get('format')!r}; this version reads {FORMAT!r} only")
    try:
        host = data["host"]
        return Snapshot(
            _text(data["name"]),
            parse_time(_text(data["taken"])),
            HostIdentity(_text(host["machine_guid"]), _text(host["computer_name"]), _text(host["windows"])),
            Kind(data["kind"]),
            _text(data["reason"]),
            tuple(_item_from_json(item) for item in data["items"]),
        )
    except _MALFORMED as error:
        raise HostStateError(f"the snapshot does not read ({error}); it was damaged or edited") from error


def dump_file(snapshot: Snapshot) -> str:
    """The file for the controller, with its checksum."""
    content = to_json(snapshot)
    return json.dumps({"sha256": _checksum(content), "snapshot": content}, ensure_ascii=True, indent=1) + "\n"


def load_file(text: str) -> Snapshot:
    """Inverse of `dump_file`. Raises: HostStateError when the file is none, or was edited."""
    try:
        data: Any = load_json(text)
        checksum, content = data["sha256"], data["snapshot"]
        is_intact = checksum == _checksum(content)
    except _MALFORMED as error:
        raise HostStateError(f"this is no snapshot of this collection ({error})") from error
    if not is_intact:
        raise HostStateError("the snapshot was edited or damaged: its checksum does not fit. Nothing was changed")
    return from_json(content)


def dump_values(snapshot: Snapshot) -> dict[str, RegistryValue]:
    """The values that hold the snapshot, by name; the first one, which names the number of parts, comes last."""
    content = to_json(snapshot)
    packed = base64.b64encode(zlib.compress(_canonical(content), 9)).decode("ascii")
    lines = [packed[start : start + _LINE_CHARACTERS] for start in range(0, len(packed), _LINE_CHARACTERS)]
    per_part = PART_CHARACTERS // _LINE_CHARACTERS
    parts = [lines[start : start + per_part] for start in range(0, len(lines), per_part)]
    head = [FORMAT, str(len(parts)), _checksum(content), snapshot.summary]
    values = {part_name(snapshot.name, number): part for number, part in enumerate(parts, start=1)}
    values[snapshot.name] = [*head, *values.pop(snapshot.name)]
    return {name: RegistryValue.multi_string(*part) for name, part in values.items()}


def load_values(name: str, values: Mapping[str, RegistryValue]) -> Snapshot:
    """The snapshot of that name among these values.

    Raises: HostStateError when it is incomplete, of another format, edited or damaged.
    """
    try:
        head, lines = _read_parts(name, values)
        if head[0] != FORMAT:
            raise HostStateError(f"snapshot {name} has format {head[0]!r}; this version reads {FORMAT!r} only")
        packed = base64.b64decode("".join(lines), validate=True)
        content: Any = load_json(_unpack(packed))
        is_intact = head[2] == _checksum(content)
    except _MALFORMED as error:
        raise HostStateError(f"snapshot {name} does not read ({error}); it was damaged or edited") from error
    if not is_intact:
        raise HostStateError(f"snapshot {name} was edited or damaged: its checksum does not fit. Nothing was changed")
    return from_json(content)


def part_name(name: str, number: int) -> str:
    """The value of part `number`, counted from 1."""
    return name if number == 1 else f"{name}.{number}"


def snapshot_names(value_names: Sequence[str]) -> tuple[str, ...]:
    """The names of the snapshots, oldest first, among the names of values."""
    return tuple(sorted(name for name in value_names if "." not in name))


def part_names(name: str, value_names: Sequence[str]) -> tuple[str, ...]:
    """The values of one snapshot, the first part first."""
    return tuple(sorted(item for item in value_names if item == name or item.startswith(f"{name}.")))


def _read_parts(name: str, values: Mapping[str, RegistryValue]) -> tuple[tuple[str, ...], list[str]]:
    first = _strings(values[name])
    lines = list(first[4:])
    for number in range(2, int(first[1]) + 1):
        lines.extend(_strings(values[part_name(name, number)]))
    return first[:4], lines


def _strings(value: RegistryValue) -> tuple[str, ...]:
    if not isinstance(value.data, tuple):
        raise TypeError(f"it is {value.type.label}")
    return value.data


def _unpack(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(packed, MAX_BYTES)
    if unpacker.unconsumed_tail:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    if data.count(b",") > MAX_COMMAS:
        raise ValueError(f"more than {MAX_COMMAS} values")
    return data


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode("ascii")


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(content)).hexdigest()


def _item_to_json(item: Item) -> list[Any]:
    if isinstance(item, SavedValue):
        return ["value", item.key.path, item.name, value_to_json(item.value)]
    if isinstance(item, SavedKey):
        return ["key", item.key.path, item.was_there]
    if isinstance(item, SavedRule):
        return ["rule", item.rule_id, item.text]
    if isinstance(item, AbsentRule):
        return ["absent rule", item.text]
    if isinstance(item, SavedService):
        return ["service", item.service, item.aspect, item.state]
    return ["registration", dump_service_operation(item.registration), item.was_registered]


def _item_from_json(item: Sequence[Any]) -> Item:
    kind = item[0]
    if kind == "value":
        return SavedValue(RegistryKey(_text(item[1])), _text(item[2]), value_from_json(item[3]))
    if kind == "key":
        return SavedKey(RegistryKey(_text(item[1])), bool(item[2]))
    if kind == "rule":
        return SavedRule(_text(item[1]), _text(item[2]))
    if kind == "absent rule":
        return AbsentRule(_text(item[1]))
    if kind == "service":
        return _service_from_json(item)
    registration = load_service_operation(item[1]) if kind == "registration" else None
    if not isinstance(registration, RegisterServer):
        raise TypeError(f"unknown item {kind!r}")
    return SavedRegistration(registration, bool(item[2]))


def _service_from_json(item: Sequence[Any]) -> SavedService:
    service, aspect, state = _text(item[1]), _text(item[2]), item[3]
    if aspect == RUNNING and isinstance(state, bool):
        return SavedService(service, aspect, state)
    if aspect not in (START_MODE, ACCOUNT):
        raise ValueError(f"unknown aspect {aspect!r} of a service, or a wrong state {state!r}")
    return SavedService(service, aspect, _text(state))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value
