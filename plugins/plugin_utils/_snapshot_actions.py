# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What dcom_snapshot does besides restoring: save, list, show and delete snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..module_utils._application import OPC_ENUM_APP_ID, Selector, app_id_key
from ..module_utils._com_defaults import ComScope
from ..module_utils._com_rights import ComKind
from ..module_utils._com_value import machine_place
from ..module_utils._dcom import APP_COMPAT, FAILURE_LOGGING, MACHINE_DEFAULTS, OLE
from ..module_utils._errors import HostStateError, ParameterError
from ..module_utils._firewall_compare import file_name, is_endpoint_mapper
from ..module_utils._firewall_standard import MARK
from ..module_utils._firewall_store import StoredRule
from ..module_utils._host_policy import HOST_POLICY, PORT_VALUES, RPC_PORTS
from ..module_utils._host_state import STATE_KEY
from ..module_utils._opc_enum import SERVICE as OPC_ENUM
from ..module_utils._registry import RegistryKey, RegistryType
from ..module_utils._snapshot import (
    ACCOUNT,
    RUNNING,
    START_MODE,
    Item,
    SavedKey,
    SavedRule,
    SavedService,
    SavedValue,
    unique_items,
)
from ..module_utils._snapshot_report import describe_items, summary_of
from ._host._applications import ApplicationMissingError
from ._host._host import Host
from ._host._identity import KEYS as IDENTITY_KEYS
from ._host._snapshots import SNAPSHOTS, SnapshotRequest, SnapshotShelf
from ._resources._snapshot import LATEST, resolve
from ._snapshot_files import read_copy, write_copy

ALL = "all"

# What the collection can write into an AppID, present or not.
_APP_ID_VALUES = ("AuthenticationLevel", "AccessPermission", "LaunchPermission", "RunAs", "LocalService")
_HAND_RUN_NAMES = frozenset({"opc dcom (rpc)", "allowapis", "allow opcenum", "allowopcenum"})
_WELL_KNOWN_PROGRAMS = frozenset({"opcenum.exe", "apishivex64.exe", "apishivex86.exe"})


@dataclass(frozen=True, slots=True)
class SaveRequest:
    """Options of dcom_snapshot with state saved."""

    applications: tuple[Selector, ...]
    snapshot: SnapshotRequest


def save(host: Host, request: SaveRequest, *, check_mode: bool) -> dict[str, Any]:
    """Save what the collection could touch on this host. Nothing is written when the newest snapshot holds the same."""
    host.registry.prefetch([*_machine_keys(), app_id_key(OPC_ENUM_APP_ID), STATE_KEY, SNAPSHOTS, *IDENTITY_KEYS])
    items = unique_items(_items(host, request.applications))
    shelf = SnapshotShelf(host)
    known = shelf.names()
    if check_mode:
        return {"changed": True, "contents": [f"{len(items)} items would be saved"]}
    snapshot = shelf.save(items, request.snapshot)
    result = {"changed": snapshot.name not in known, "snapshot": snapshot.name, "contents": describe_items(snapshot)}
    if request.snapshot.path:
        result["path"] = write_copy(request.snapshot.path, snapshot)
    return result


def list_all(host: Host) -> dict[str, Any]:
    """The snapshots of the host, oldest first; one that does not read is listed with the reason."""
    host.registry.prefetch([SNAPSHOTS])
    shelf = SnapshotShelf(host)
    return {"changed": False, "snapshots": [_summary(shelf, name) for name in shelf.names()]}


def show(host: Host, name: str, path: str | None) -> dict[str, Any]:
    """One snapshot, of the host or of a file, item by item."""
    host.registry.prefetch([SNAPSHOTS])
    shelf = SnapshotShelf(host)
    snapshot = read_copy(path) if path else shelf.read(resolve(shelf, shelf.names(), name))
    return {"changed": False, "snapshot": summary_of(snapshot), "contents": describe_items(snapshot)}


def remove(host: Host, name: str, *, check_mode: bool) -> dict[str, Any]:
    """Delete one snapshot, or all. One that is not there is fine. Raises: ParameterError without a name."""
    if name == LATEST:
        raise ParameterError("name", f"name the snapshot to delete, or {ALL}")
    shelf = SnapshotShelf(host)
    names = [item for item in shelf.names() if name in (ALL, item)]
    if not check_mode:
        for item in names:
            shelf.delete(item)
    return {"changed": bool(names), "deleted": names}


def _summary(shelf: SnapshotShelf, name: str) -> dict[str, Any]:
    try:
        return summary_of(shelf.read(name))
    except HostStateError as error:
        return {"name": name, "trouble": str(error)}


# -- what is saved


def _machine_keys() -> tuple[RegistryKey, ...]:
    settings = (*MACHINE_DEFAULTS, *FAILURE_LOGGING, *HOST_POLICY)
    return (*{item.key.folded: item.key for item in settings}.values(), RPC_PORTS)


def _items(host: Host, applications: Sequence[Selector]) -> Iterator[Item]:
    yield from _machine_items(host)
    services = {OPC_ENUM}
    yield from _application_items(host, app_id_key(OPC_ENUM_APP_ID))
    for selector in applications:
        try:
            application = host.applications.find(selector)
        except ApplicationMissingError:
            continue  # nothing of it to save
        yield from _application_items(host, application.key)
        if application.service:
            services.add(application.service)
    for name in sorted(services):
        yield from _service_items(host, name)
    yield from (SavedRule(item.rule_id, item.text) for item in _opc_rules(host.firewall.read().local_rules()))


def _machine_items(host: Host) -> Iterator[Item]:
    for setting in (*MACHINE_DEFAULTS, *FAILURE_LOGGING, *HOST_POLICY):
        value = host.registry.value(setting.key, setting.value_name, setting.type)
        yield SavedValue(setting.key, setting.value_name, value)
    for scope in (ComScope.MACHINE_LIMIT, ComScope.MACHINE_DEFAULT):
        for kind in ComKind:
            name = machine_place(scope, kind).value_name
            yield SavedValue(OLE, name, host.registry.value(OLE, name, RegistryType.BINARY))
    for name, kind_of_value in PORT_VALUES.items():
        yield SavedValue(RPC_PORTS, name, host.registry.value(RPC_PORTS, name, kind_of_value))
    for key in (APP_COMPAT, RPC_PORTS):
        yield SavedKey(key, was_there=host.registry.value_types(key) is not None)


def _application_items(host: Host, key: RegistryKey) -> Iterator[Item]:
    values = host.registry.values(key)
    if values is None:
        return
    yield from (SavedValue(key, name, value) for name, value in values.items())
    present = {name.lower() for name in values}
    yield from (SavedValue(key, name, None) for name in _APP_ID_VALUES if name.lower() not in present)


def _service_items(host: Host, name: str) -> Iterator[Item]:
    service = host.services.read(name)
    if service is not None:
        yield SavedService(service.name, START_MODE, service.start_mode)
        yield SavedService(service.name, ACCOUNT, service.run_as_account)
        yield SavedService(service.name, RUNNING, service.is_running)


def _opc_rules(rules: Iterable[StoredRule]) -> Iterator[StoredRule]:
    """Rules of ours, for the endpoint mapper, for known OPC programs, or of the names hand-run scripts use."""
    for item in rules:
        rule = item.rule
        if rule is None or rule.name.startswith("@"):
            continue
        is_known = rule.program is not None and file_name(rule.program) in _WELL_KNOWN_PROGRAMS
        if MARK in rule.description or is_endpoint_mapper(rule) or is_known or rule.name.lower() in _HAND_RUN_NAMES:
            yield item
