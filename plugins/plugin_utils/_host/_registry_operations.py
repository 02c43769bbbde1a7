# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Operations of a plan on the registry: carried out, undone, and completed by the keys they need."""

from __future__ import annotations

from collections.abc import Sequence

from ...module_utils._errors import HostStateError
from ...module_utils._host_state import STATE_KEY
from ...module_utils._plan import CreateKey, DeleteKey, Operation, SetValue
from ...module_utils._registry import RegistryKey, RegistryValue
from ._registry import RegistryGateway, can_be_written

RegistryOperation = SetValue | CreateKey | DeleteKey

# A command in the shell is four messages, and six with the opening and closing of the shell.
_READ_SINGLY = 4


class RegistryOperations:
    """One of the subsystems a plan works on."""

    def __init__(self, registry: RegistryGateway) -> None:
        self._registry = registry

    def check(self, operations: Sequence[RegistryOperation]) -> None:
        """Raises: HostStateError for a value that could not be put back; nothing has been written then."""
        for operation in operations:
            if isinstance(operation, SetValue) and operation.before is not None:
                self._check_value(operation, operation.before)

    def apply(self, operations: Sequence[RegistryOperation]) -> None:
        """Carry out the operations in order; `verify` reads back. Raises: HostStateError."""
        for operation in operations:
            if isinstance(operation, SetValue):
                self._registry.write_value(operation)
            elif isinstance(operation, CreateKey):
                self._registry.create_key(operation)
            else:
                self._delete_key(operation)

    def written_keys(self, operations: Sequence[RegistryOperation]) -> Sequence[RegistryKey]:
        """None where single reads are cheaper than a command."""
        values = _last_writes(operations)
        return [item.key for item in values] if len(values) > _READ_SINGLY else ()

    def verify(self, operations: Sequence[RegistryOperation]) -> None:
        """Read back every value as the last operation on it left it. Raises: HostStateError."""
        for item in _last_writes(operations):
            self._registry.read_back(item)

    def undo(self, operations: Sequence[RegistryOperation]) -> None:
        """Undo operations of which any number from the front may have been carried out.

        What was never written is left alone, and so is what somebody has changed since: it is noted instead. Each value
        is asked for on its own: what was read of it together with others may be why there is something to undo.
        """
        for operation in operations:
            self._registry.forget(operation.key)
        for operation in reversed(operations):
            inverse = operation.inverse()
            if self._is_due(inverse):
                self.apply((inverse,))
                self.verify((inverse,))

    def pretend(self, operation: RegistryOperation) -> None:
        self._registry.pretend(operation)

    def with_missing_keys(self, operations: Sequence[Operation]) -> tuple[Operation, ...]:
        """The operations with a CreateKey before the first write into a key that is not there, topmost key first.

        A write creates its key by itself; only as an operation of its own is the creation undone. At most one message
        for each key of which nothing was read.
        """
        known: set[str] = set()
        complete: list[Operation] = []
        for operation in operations:
            for key in self._keys_needed(operation, known):
                complete.append(CreateKey(key))
                known.add(key.folded)
            if isinstance(operation, CreateKey):
                known.add(operation.key.folded)
            complete.append(operation)
        return tuple(complete)

    def _keys_needed(self, operation: Operation, known: set[str]) -> list[RegistryKey]:
        if isinstance(operation, CreateKey):
            return self._missing(operation.key.parent, known)
        if isinstance(operation, SetValue) and operation.before is None and operation.key != STATE_KEY:
            return self._missing(operation.key, known)
        return []

    def _missing(self, key: RegistryKey | None, known: set[str]) -> list[RegistryKey]:
        missing: list[RegistryKey] = []
        while key is not None and key.folded not in known and self._registry.value_types(key) is None:
            missing.insert(0, key)
            key = key.parent
        return missing

    def _check_value(self, operation: SetValue, before: RegistryValue) -> None:
        if not can_be_written(before):
            raise HostStateError(
                f"{operation.describe()}: the value that is there ({before}) could not be put back afterwards, so it "
                "is not touched; look at it and delete it by hand, then run again. Nothing was changed"
            )

    def _is_due(self, inverse: Operation) -> bool:
        """Whether undoing still has something to undo."""
        if isinstance(inverse, DeleteKey):
            return self._is_ours_to_delete(inverse)
        if not isinstance(inverse, SetValue):
            return True
        present = self._registry.value_of(inverse)
        if present not in (inverse.before, inverse.after):
            note = f"left alone, because somebody changed it since: {inverse.name} of {inverse.key}"
            self._registry.notes.append(note)
        return present == inverse.before != inverse.after

    def _is_ours_to_delete(self, inverse: DeleteKey) -> bool:
        """A key that holds something by now is not only ours any more."""
        if self._registry.value_types(inverse.key) is None:
            return False
        if self._is_empty(inverse.key):
            return True
        self._registry.notes.append(f"left alone, because somebody has put something into it since: {inverse.key}")
        return False

    def _delete_key(self, operation: DeleteKey) -> None:
        """Raises: HostStateError for a key that holds something, which Windows would delete along with it."""
        if self._registry.value_types(operation.key) is not None and not self._is_empty(operation.key):
            raise HostStateError(f"{operation.describe()}: the key holds values or keys, so it is left alone")
        self._registry.delete_key(operation)

    def _is_empty(self, key: RegistryKey) -> bool:
        return not self._registry.values(key) and not self._registry.subkeys(key)


def _last_writes(operations: Sequence[RegistryOperation]) -> list[SetValue]:
    """The last operation on each value whose key is not deleted."""
    written = {(item.key.folded, item.name.lower()): item for item in operations if isinstance(item, SetValue)}
    deleted = {item.key.folded for item in operations if isinstance(item, DeleteKey)}
    return [item for item in written.values() if item.key.folded not in deleted]
