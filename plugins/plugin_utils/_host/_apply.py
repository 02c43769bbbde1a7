# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Applies a plan as one transaction: journal first, every write read back, and on any failure everything undone.

The journal is on the host before the first write and gone after the last one. So whatever happens in between, the host
is in the state before the plan, in the state after it, or holds a journal that says how to get back.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...module_utils._errors import HostStateError, OpcDcomError
from ...module_utils._host_state import JOURNAL, STATE_KEY, dump_journal, undo_operations
from ...module_utils._plan import CreateKey, DeleteKey, Operation, SetValue
from ...module_utils._registry import RegistryType, RegistryValue
from ._host import Host


def apply_operations(host: Host, operations: Sequence[Operation]) -> None:
    """Apply all operations, or none.

    Raises: HostStateError that says which operation failed and whether the ones before it were undone.
    """
    if not operations:
        return
    _write_journal(host, operations)
    done: list[Operation] = []
    for operation in operations:
        done.append(operation)  # before it runs: an operation that failed half-way is undone as well
        try:
            apply_operation(host, operation)
        except OpcDcomError as error:
            _undo(host, done, error)
    _delete_journal(host)


def recover(host: Host, unfinished: Sequence[Operation]) -> None:
    """Undo operations of which it is not known how many were carried out, then forget the journal.

    What was never written is left alone, and so is a value that somebody has changed since: it is noted instead.
    """
    for inverse in undo_operations(unfinished):
        if _is_due(host, inverse):
            apply_operation(host, inverse)
    _delete_journal(host)


def _is_due(host: Host, inverse: Operation) -> bool:
    """Whether undoing still has something to undo."""
    if not isinstance(inverse, SetValue):
        return True
    expected = (inverse.before or inverse.after or RegistryValue.string("")).type
    present = host.registry.value(inverse.key, inverse.name, expected)
    if present not in (inverse.before, inverse.after):
        host.registry.notes.append(f"left alone, because somebody changed it since: {inverse.name} of {inverse.key}")
    return present == inverse.before != inverse.after


def apply_operation(host: Host, operation: Operation) -> None:
    """Carry out one operation through the gateway it belongs to."""
    if isinstance(operation, SetValue):
        host.registry.set_value(operation)
    elif isinstance(operation, CreateKey):
        host.registry.create_key(operation)
    elif isinstance(operation, DeleteKey):
        host.registry.delete_key(operation)
    else:
        raise TypeError(f"no gateway for {operation!r}")


def _undo(host: Host, done: Sequence[Operation], cause: OpcDcomError) -> None:
    """Undo in reverse order and raise. What cannot be undone stays in the journal for the next run."""
    failed = done[-1].describe()
    try:
        recover(host, done)
    except OpcDcomError as error:
        raise HostStateError(
            f"{failed}: {cause}. Undoing what had been done before failed too: {error}. The journal on the host says "
            "what is left; run the same play again to undo it"
        ) from cause
    if len(done) > 1:
        raise HostStateError(f"{failed}: {cause}. The {len(done) - 1} changes before it were undone") from cause
    raise cause


def _write_journal(host: Host, operations: Sequence[Operation]) -> None:
    host.registry.set_value(SetValue(STATE_KEY, JOURNAL, before=None, after=dump_journal(operations)))


def _delete_journal(host: Host) -> None:
    present = host.registry.value(STATE_KEY, JOURNAL, RegistryType.MULTI_SZ)
    host.registry.set_value(SetValue(STATE_KEY, JOURNAL, before=present, after=None))
