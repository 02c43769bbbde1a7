# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""A snapshot as a person reads it: one line an item, permissions as SDDL, never hexadecimal digits."""

from __future__ import annotations

from typing import Any

from ._com_rights import ComKind
from ._com_value import read_com_value
from ._host_state import format_time
from ._registry import RegistryValue
from ._sddl import to_sddl
from ._snapshot import AbsentRule, Item, SavedKey, SavedRegistration, SavedRule, SavedService, SavedValue, Snapshot

_PERMISSION_VALUES = {
    "accesspermission": ComKind.ACCESS,
    "launchpermission": ComKind.LAUNCH,
    "defaultaccesspermission": ComKind.ACCESS,
    "defaultlaunchpermission": ComKind.LAUNCH,
    "machineaccessrestriction": ComKind.ACCESS,
    "machinelaunchrestriction": ComKind.LAUNCH,
}


def summary_of(snapshot: Snapshot) -> dict[str, Any]:
    """What a list of snapshots shows of one."""
    return {
        "name": snapshot.name,
        "taken": format_time(snapshot.taken),
        "kind": snapshot.kind.value,
        "reason": snapshot.reason,
        "computer_name": snapshot.host.computer_name,
        "windows": snapshot.host.windows,
        "item_count": len(snapshot.items),
    }


def describe_items(snapshot: Snapshot) -> list[str]:
    """One line for each item, in the order they were saved."""
    return [_describe(item) for item in snapshot.items]


def describe_value(name: str, value: RegistryValue | None) -> str:
    """A value for people: a COM permission as SDDL, everything else with its type."""
    if value is None:
        return "absent"
    if name.lower() in _PERMISSION_VALUES:
        descriptor = read_com_value(value).descriptor
        if descriptor is not None:
            return to_sddl(descriptor)
    return str(value)


def _describe(item: Item) -> str:
    if isinstance(item, SavedValue):
        return f"{item.key}\\{item.name or '(default)'}: {describe_value(item.name, item.value)}"
    if isinstance(item, SavedKey):
        return f"{item.key}: {'present' if item.was_there else 'absent'}"
    if isinstance(item, SavedRule):
        return f"firewall rule {item.rule_id}: {item.text}"
    if isinstance(item, AbsentRule):
        return f"no such firewall rule: {item.text}"
    if isinstance(item, SavedService):
        return f"service {item.service}: {item.aspect} {item.state}"
    return _describe_registration(item)


def _describe_registration(item: SavedRegistration) -> str:
    return f"service {item.registration.service}: {'registered' if item.was_registered else 'not registered'}"
