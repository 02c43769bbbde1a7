# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The resource behind dcom_snapshot with state restored: the host as a snapshot says it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from ...module_utils._application import text_of
from ...module_utils._effects import is_app_id
from ...module_utils._errors import HostStateError
from ...module_utils._firewall_adoption import MANAGEMENT_PORTS, HostFacts
from ...module_utils._host_state import STATE_KEY
from ...module_utils._plan import Plan
from ...module_utils._registry import RegistryKey, RegistryType, RegistryValue
from ...module_utils._snapshot import (
    AbsentRule,
    Item,
    Kind,
    SavedKey,
    SavedRegistration,
    SavedRule,
    SavedService,
    SavedValue,
    Snapshot,
    merge,
)
from ...module_utils._snapshot_restore import CurrentService, CurrentState, check_belongs, held_by_key, plan_restore
from .._host._host import Host
from .._host._identity import KEYS as IDENTITY_KEYS
from .._host._identity import read_identity
from .._host._snapshots import SNAPSHOTS, SnapshotRequest, SnapshotShelf
from .._resource import Parameters, Resource, Spec
from .._snapshot_files import read_copy

LATEST = "latest"
FIRST = "first"


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """Which snapshot: the name of one on the host, LATEST, FIRST, or a file on the controller."""

    name: str
    file: Snapshot | None
    accept_other_windows: bool
    keep: int


class SnapshotRestore(Resource):
    """Brings a host back. The options are checked by dcom_snapshot."""

    argument_spec: ClassVar[Spec] = {}

    def desired(self, parameters: Parameters) -> RestoreRequest:
        path = parameters.get("path")
        return RestoreRequest(
            name=str(parameters.get("name") or LATEST),
            file=read_copy(str(path)) if path else None,
            accept_other_windows=bool(parameters["accept_other_windows"]),
            keep=int(parameters["keep"]),
        )

    def prefetch(self, host: Host, desired: RestoreRequest) -> None:
        host.registry.prefetch([STATE_KEY, SNAPSHOTS, *IDENTITY_KEYS])

    def snapshot(self, host: Host, desired: RestoreRequest) -> SnapshotRequest:
        return SnapshotRequest(Kind.RESTORE, "before a restore", desired.keep)

    def plan(self, host: Host, desired: RestoreRequest) -> Plan:
        snapshot = merge(chosen(host, desired))
        check_belongs(snapshot, read_identity(host.registry), accept_other_windows=desired.accept_other_windows)
        facts = HostFacts(host.firewall.environment, {}, MANAGEMENT_PORTS | host.management_ports)
        return plan_restore(snapshot, _read_current(host, snapshot.items), facts)


def chosen(host: Host, request: RestoreRequest) -> list[Snapshot]:
    """The snapshot that is meant and all later ones. Raises: HostStateError when there is none."""
    shelf = SnapshotShelf(host)
    names = shelf.names()
    if request.file is not None:
        return [request.file, *(shelf.read(name) for name in names if name > request.file.name)]
    first = resolve(shelf, names, request.name)
    return [shelf.read(name) for name in names if name >= first]


def resolve(shelf: SnapshotShelf, names: Sequence[str], name: str) -> str:
    """The name of a snapshot. LATEST is the newest that was not taken by a restore, so restoring twice changes nothing.

    Raises: HostStateError when there is none.
    """
    if not names:
        raise HostStateError("this host has no snapshots; nothing was changed on it by opc_host, or they were deleted")
    if name == FIRST:
        return names[0]
    if name != LATEST:
        return name
    for candidate in reversed(names):
        if shelf.read(candidate).kind is not Kind.RESTORE:
            return candidate
    raise HostStateError("this host has snapshots taken before a restore only; name one of them")


def _read_current(host: Host, items: Sequence[Item]) -> CurrentState:
    values = [item for item in items if isinstance(item, SavedValue)]
    keys = [item.key for item in items if isinstance(item, SavedKey)]
    host.registry.prefetch({key.folded: key for key in (*(item.key for item in values), *keys)}.values())
    has_rules = any(isinstance(item, (SavedRule, AbsentRule)) for item in items)
    services = {item.service if isinstance(item, SavedService) else item.registration.service for item in items
                if isinstance(item, (SavedService, SavedRegistration))}  # fmt: skip
    state = CurrentState(
        values={item.identity: _value(host, item) for item in values},
        keys={key.folded: held for key in keys if (held := _held(host, key)) is not None},
        services={name.lower(): _service(host, name) for name in services},
        app_id_services=_app_id_services(host, (item.key for item in values)),
        to_register=frozenset(
            item.registration.service.lower()
            for item in items
            if isinstance(item, SavedRegistration) and item.was_registered
        ),
    )
    return replace(state, firewall=host.firewall.read()) if has_rules else state


def _value(host: Host, item: SavedValue) -> RegistryValue | None:
    expected = item.value.type if item.value is not None else RegistryType.SZ
    return host.registry.value(item.key, item.name, expected)


def _held(host: Host, key: RegistryKey) -> frozenset[str] | None:
    values = host.registry.value_types(key)
    return None if values is None else held_by_key(values, host.registry.subkeys(key) or ())


def _service(host: Host, name: str) -> CurrentService | None:
    found = host.services.read(name)
    return None if found is None else CurrentService(found.start_mode, found.run_as_account, found.is_running)


def _app_id_services(host: Host, keys: Iterable[RegistryKey]) -> dict[str, str]:
    """The service behind each AppID key that has one."""
    found = {
        key.folded: text_of(host.registry.value(key, "LocalService", RegistryType.SZ))
        for key in {item.folded: item for item in keys}.values()
        if is_app_id(key)
    }
    return {key: service for key, service in found.items() if service}
