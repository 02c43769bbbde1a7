# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Applies a plan as one transaction: journal first, everything written read back, and on any failure everything undone.

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
    unread: dict[str, tuple[Operation, ...]] = {}
    for name, batch in batches(operations):
        if name in unread or name not in host.stores:
            _verify(host, unread, done, journal)  # what is started next must find what was written
        for step in _steps(name, batch):
            done.extend(step)  # before it runs: an operation that failed half-way is undone as well
            try:
                host.subsystems[name].apply(step)
            except OpcDcomError as error:
                _undo(host, done, journal, error, failed=f"{step[-1].describe()}: ")
        if name in host.stores:
            unread[name] = batch
    _verify(host, unread, done, journal)
    delete_journal(host, journal)


def _verify(
    host: Host,
    unread: dict[str, tuple[Operation, ...]],
    done: Sequence[Operation],
    journal: Mapping[str, RegistryValue],
) -> None:
    """Read back what these batches have written, with one command where that is cheaper, and empty `unread`."""
    try:
        host.registry.prefetch(key for name, batch in unread.items() for key in host.stores[name].written_keys(batch))
        for name, batch in unread.items():
            host.stores[name].verify(batch)
    except OpcDcomError as error:
        _undo(host, done, journal, error)
    unread.clear()


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
    """Firewall changes are made together, because one run of netsh and one read of the store serve all."""
    return [batch] if name == FIREWALL else [(operation,) for operation in batch]


def _undo(
    host: Host, done: Sequence[Operation], journal: Mapping[str, RegistryValue], cause: OpcDcomError, failed: str = ""
) -> NoReturn:
    """Undo in reverse order and raise. What cannot be undone stays in the journal for the next run."""
    try:
        recover(host, done, journal)
    except OpcDcomError as error:
        raise HostStateError(
            f"{failed}{_sentence(cause)} Undoing what had been done before failed too: {_sentence(error)} The journal "
            "on the host says what is left; run the same play again to undo it"
        ) from cause
    if len(done) == 1:
        raise cause
    undone = f"The {len(done) - 1} changes before it were" if failed else f"All {len(done)} changes so far were"
    raise HostStateError(f"{failed}{_sentence(cause)} {undone} undone") from cause


def _sentence(error: OpcDcomError) -> str:
    return f"{str(error).rstrip('.')}."
