# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The plan: what one resource would change on one host, decided before anything is changed.

`changed` is "there are operations", never a flag. Check mode, diff and apply use the same plan. Every operation knows
what was there before, so that a failed run can be undone in reverse order. Nothing here talks to a host.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ._registry import RegistryKey, RegistryValue


class Operation(Protocol):
    """One write."""

    def describe(self) -> str:
        """The write as a person reads it."""

    def inverse(self) -> Operation | None:
        """What undoes it; None: there is nothing to undo."""


@dataclass(frozen=True, slots=True)
class SetValue:
    """Write a registry value, or delete it (`after` is None). The key is created when it is missing."""

    key: RegistryKey
    name: str
    before: RegistryValue | None
    after: RegistryValue | None

    def describe(self) -> str:
        target = f"{self.name or '(default)'} of {self.key}"
        return f"delete {target}" if self.after is None else f"set {target}"

    def inverse(self) -> SetValue:
        return SetValue(self.key, self.name, before=self.after, after=self.before)


@dataclass(frozen=True, slots=True)
class CreateKey:
    """Create a key that is not there yet."""

    key: RegistryKey

    def describe(self) -> str:
        return f"create {self.key}"

    def inverse(self) -> DeleteKey:
        return DeleteKey(self.key)


@dataclass(frozen=True, slots=True)
class DeleteKey:
    """Delete a key that has no values and no subkeys left."""

    key: RegistryKey

    def describe(self) -> str:
        return f"delete {self.key}"

    def inverse(self) -> CreateKey:
        return CreateKey(self.key)


class Effect(enum.Enum):
    """When a written value reaches what reads it (dcom.md 1.5)."""

    AT_ONCE = "at once"
    PROCESS_START = "when a process starts"
    REBOOT = "after a reboot"


@dataclass(frozen=True, slots=True)
class Plan:
    """Operations in the order they must run, and both states as a person reads them.

    `before` and `after` map a section to words, numbers, lists or nested mappings: they become the module's result and,
    rendered as lines, its diff. `restart_services` are service names; `reboot_reasons` say what waits for a reboot.
    `exceptions` name what is weaker than the collection does on its own and was asked for by an explicit option.
    `preview_only` names what is missing on the host for the plan to be carried out; it can be shown, not applied.
    """

    operations: tuple[Operation, ...] = ()
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)
    restart_services: tuple[str, ...] = ()
    reboot_reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    preview_only: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.operations


def combine(plans: Mapping[str, Plan]) -> Plan:
    """One plan for several sections: operations in the order of the mapping, states under the section's name."""
    parts = list(plans.values())
    return Plan(
        operations=tuple(operation for plan in parts for operation in plan.operations),
        before={name: plan.before for name, plan in plans.items()},
        after={name: plan.after for name, plan in plans.items()},
        restart_services=unique(name for plan in parts for name in plan.restart_services),
        reboot_reasons=unique(reason for plan in parts for reason in plan.reboot_reasons),
        warnings=unique(text for plan in parts for text in plan.warnings),
        exceptions=unique(text for plan in parts for text in plan.exceptions),
        preview_only=unique(text for plan in parts for text in plan.preview_only),
    )


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """The items without repetition, in the order they came."""
    return tuple(dict.fromkeys(items))


def render(state: Mapping[str, object], indent: int = 0) -> str:
    """The state as indented lines, one fact a line, so that a line diff names exactly what changes."""
    lines: list[str] = []
    for name, value in state.items():
        lines.extend(_render_item(name, value, indent))
    return "\n".join(lines) + ("\n" if lines and indent == 0 else "")


def _render_item(name: str, value: object, indent: int) -> list[str]:
    margin = "  " * indent
    if isinstance(value, Mapping):
        body = render(value, indent + 1)
        return [f"{margin}{name}:", body] if body else [f"{margin}{name}: none"]
    if isinstance(value, (list, tuple)):
        return [f"{margin}{name}:", *(f"{margin}  - {item}" for item in value)] if value else [f"{margin}{name}: none"]
    return [f"{margin}{name}: {value}"]
