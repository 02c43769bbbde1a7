# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Applies a plan as one transaction: journal first, every write read back, and on any failure everything undone.

The journal is on the host before the first write and gone after the last one. So whatever happens in between, the host
is in the state before the plan, in the state after it, or holds a journal that says how to get back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from ...module_utils._errors import HostStateError, OpcDcomError
from ...module_utils._host_state import STATE_KEY
from ...module_utils._operation_journal import JOURNAL, dump_journal
from ...module_utils._plan import Operation, SetValue
from ...module_utils._registry import RegistryValue
from ._host import Host
from ._operations import FIREWALL, batches


def apply_operations(host: Host, operations: Sequence[Operation]) -> None:
    """Apply all operations, or none.

    Raises: HostStateError that says which operation failed and whether the ones before it were undone.
    """
    if not operations:
        return
    for name, batch in batches(operations):
        host.subsystems[name].check(batch)
    journal = dump_journal(operations)
    for name, value in journal.items():
        host.registry.set_value(SetValue(STATE_KEY, name, before=None, after=value))
    done: list[Operation] = []
    for name, batch in batches(operations):
        for step in _steps(name, batch):
            done.extend(step)  # before it runs: an operation that failed half-way is undone as well
            try:
                host.subsystems[name].apply(step)
            except OpcDcomError as error:
                _undo(host, done, journal, error)
    delete_journal(host, journal)


def recover(host: Host, unfinished: Sequence[Operation], journal: Mapping[str, RegistryValue]) -> None:
    """Undo operations of which it is not known how many were carried out, then delete their journal (its values)."""
    for name, batch in reversed(list(batches(unfinished))):
        host.subsystems[name].undo(batch)
    delete_journal(host, journal)


def delete_journal(host: Host, journal: Mapping[str, RegistryValue]) -> None:
    """Delete every part; the first one goes first, because without it there is no journal."""
    for name in sorted(journal, key=lambda name: (name.lower() != JOURNAL.lower(), name)):
        host.registry.set_value(SetValue(STATE_KEY, name, before=journal[name], after=None))


def _steps(name: str, batch: tuple[Operation, ...]) -> list[tuple[Operation, ...]]:
    """Firewall changes are read back together, because one read of the store serves all; others one by one."""
    return [batch] if name == FIREWALL else [(operation,) for operation in batch]


def _undo(host: Host, done: Sequence[Operation], journal: Mapping[str, RegistryValue], cause: OpcDcomError) -> NoReturn:
    """Undo in reverse order and raise. What cannot be undone stays in the journal for the next run."""
    failed = done[-1].describe()
    try:
        recover(host, done, journal)
    except OpcDcomError as error:
        raise HostStateError(
            f"{failed}: {cause}. Undoing what had been done before failed too: {error}. The journal on the host says "
            "what is left; run the same play again to undo it"
        ) from cause
    if len(done) > 1:
        raise HostStateError(f"{failed}: {cause}. The {len(done) - 1} changes before it were undone") from cause
    raise cause
