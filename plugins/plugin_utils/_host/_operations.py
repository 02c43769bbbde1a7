# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Which subsystem of a host an operation of a plan belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

from ...module_utils._firewall_operations import FirewallAdd, FirewallDelete, FirewallSet
from ...module_utils._plan import CreateKey, DeleteKey, Operation, SetValue
from ...module_utils._registry import RegistryKey
from ...module_utils._service_operations import (
    RegisterServer,
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    UnregisterServer,
)


class Subsystem(Protocol):
    """Something operations are carried out on. All operations of one call belong to it, in the order of the plan."""

    def check(self, operations: Sequence[Any]) -> None:
        """Raises: OpcDcomError for what could not be carried out or undone; called before anything is written."""

    def apply(self, operations: Sequence[Any]) -> None:
        """Carry out, and read back except in a `Store`. Raises: OpcDcomError; how far it came is then not known."""

    def undo(self, operations: Sequence[Any]) -> None:
        """Undo operations of which any number from the front may have been carried out. Undoing twice is harmless."""

    def pretend(self, operation: Any) -> None:
        """Answer further reads as if the operation had been carried out. Nothing is written."""


class Store(Subsystem, Protocol):
    """A subsystem whose state is in the registry, so that one command reads back what was written to all of them."""

    def written_keys(self, operations: Sequence[Any]) -> Sequence[RegistryKey]:
        """The keys that `verify` reads, where reading them together is cheaper."""

    def verify(self, operations: Sequence[Any]) -> None:
        """Read back what the last `apply`, of these operations, has written. Raises: OpcDcomError that names it."""


REGISTRY = "registry"
FIREWALL = "firewall"
SERVICES = "services"
REGISTRATION = "registration"

_NAMES: Mapping[type, str] = {
    SetValue: REGISTRY,
    CreateKey: REGISTRY,
    DeleteKey: REGISTRY,
    FirewallAdd: FIREWALL,
    FirewallDelete: FIREWALL,
    FirewallSet: FIREWALL,
    SetStartMode: SERVICES,
    SetServiceAccount: SERVICES,
    SetRunning: SERVICES,
    RegisterServer: REGISTRATION,
    UnregisterServer: REGISTRATION,
}


def subsystem_of(operation: Operation) -> str:
    """The name of the subsystem. Raises: TypeError for an operation that none carries out."""
    try:
        return _NAMES[type(operation)]
    except KeyError:
        raise TypeError(f"no subsystem for {operation!r}") from None


def batches(operations: Sequence[Operation]) -> Iterator[tuple[str, tuple[Operation, ...]]]:
    """The operations in order, cut where the subsystem changes."""
    for name, batch in groupby(operations, subsystem_of):
        yield name, tuple(batch)
