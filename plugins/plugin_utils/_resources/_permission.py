# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The resource of dcom_permission: one COM permission value of the machine or of an application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ...module_utils._application import SELECTORS, Application, selector_keys, selector_trees
from ...module_utils._application_plan import LEVEL
from ...module_utils._com_defaults import ComScope
from ...module_utils._com_rights import ComKind, ComRight
from ...module_utils._com_security import Access
from ...module_utils._com_value import (
    POLICY,
    ComValue,
    PermissionPlace,
    application_place,
    machine_place,
    policy_value_name,
    read_com_value,
    read_policy_value,
)
from ...module_utils._dcom import MACHINE_DEFAULTS, OLE
from ...module_utils._permission_plan import PermissionFacts, plan_permission
from ...module_utils._permission_request import (
    Entry,
    PermissionRequest,
    PermissionState,
    Permit,
    parse_permission,
)
from ...module_utils._plan import Plan
from ...module_utils._registry import RegistryKey, RegistryType
from .._host._host import Host
from .._resource import Parameters, Resource, Spec
from ._application import SELECTOR_SPEC

WINDOWS_10_BUILD = 10240

ENTRY_SPEC: Spec = {
    "principal": {"type": "str", "required": True},
    "rights": {"type": "list", "elements": "str", "choices": [right.value for right in ComRight]},
    "type": {"type": "str", "choices": [access.value for access in Access], "default": Access.ALLOW.value},
}


class DcomPermission(Resource):
    """Entries of one access control list, or the whole of it."""

    argument_spec: ClassVar[Spec] = {
        "scope": {"type": "str", "choices": [scope.value for scope in ComScope], "required": True},
        "kind": {"type": "str", "choices": [kind.value for kind in ComKind], "required": True},
        "state": {
            "type": "str",
            "choices": [state.value for state in PermissionState],
            "default": PermissionState.PRESENT.value,
        },
        "entries": {"type": "list", "elements": "dict", "options": ENTRY_SPEC},
        "sddl": {"type": "str"},
        **SELECTOR_SPEC,
        **{permit.value: {"type": "bool", "default": False} for permit in Permit},
    }
    constraints: ClassVar[dict[str, list[Any]]] = {
        "mutually_exclusive": [["entries", "sddl"], list(SELECTORS)],
        "required_if": [["scope", ComScope.APPLICATION.value, list(SELECTORS), True]],
    }

    def desired(self, parameters: Parameters) -> PermissionRequest:
        return parse_permission(parameters)

    def keys(self, desired: PermissionRequest) -> Sequence[RegistryKey]:
        if desired.selector is not None:
            return (*selector_keys(desired.selector), OLE)
        return (POLICY, OLE) if desired.scope is ComScope.MACHINE_LIMIT else (OLE,)

    def trees(self, desired: PermissionRequest) -> Sequence[RegistryKey]:
        return () if desired.selector is None else selector_trees(desired.selector)

    def keys_found(self, host: Host, desired: PermissionRequest) -> Sequence[RegistryKey]:
        return () if desired.selector is None else host.applications.keys_found(desired.selector)

    def plan(self, host: Host, desired: PermissionRequest) -> Plan:
        entries = [Entry(host.accounts.resolve(item.principal), item.rights, item.access) for item in desired.entries]
        facts = read_permission_facts(host, desired)
        plan = plan_permission(facts, desired, entries, host.accounts.name_of)
        if plan.operations and facts.application is not None:
            host.registry.require_writable(facts.place.key)
        return plan


def read_permission_facts(host: Host, request: PermissionRequest) -> PermissionFacts:
    """What the host has in the place of the request. Raises: ApplicationMissingError."""
    if request.selector is not None:
        return _read_application(host, host.applications.find(request.selector), request.kind)
    place = machine_place(request.scope, request.kind)
    policy = None
    if request.scope is ComScope.MACHINE_LIMIT:
        policy = read_policy_value(host.registry.value(POLICY, policy_value_name(request.kind), RegistryType.SZ))
    return PermissionFacts(
        place, read_place(host, place), policy=policy, windows_10_or_later=_is_windows_10(host, request)
    )


def read_place(host: Host, place: PermissionPlace) -> ComValue:
    """The value of a place. One message."""
    return read_com_value(host.registry.value(place.key, place.value_name, RegistryType.BINARY))


def _read_application(host: Host, application: Application, kind: ComKind) -> PermissionFacts:
    place = application_place(application.key, kind)
    stored = read_place(host, place) if application.has_value(place.value_name) else ComValue()
    fallback = read_place(host, machine_place(ComScope.MACHINE_DEFAULT, kind)) if stored.is_absent else None
    level = read_level(host, application) if kind is ComKind.ACCESS else None
    return PermissionFacts(place, stored, fallback, application=application, authentication_level=level)


def read_level(host: Host, application: Application) -> int | None:
    """The authentication level that counts for the application: its own, else the machine's; None if neither is one."""
    if application.has_value(LEVEL):
        value = host.registry.value(application.key, LEVEL, RegistryType.DWORD)
    else:
        (setting,) = (item for item in MACHINE_DEFAULTS if item.option == "authentication_level")
        value = host.registry.value(setting.key, setting.value_name, setting.type)
    return value.data if value is not None and isinstance(value.data, int) else None


def _is_windows_10(host: Host, request: PermissionRequest) -> bool:
    """Asked only where a shipped limit may be written: it differs between Windows versions."""
    if request.scope is not ComScope.MACHINE_LIMIT:
        return True
    writes_shipped = request.state is PermissionState.DEFAULT or request.permits & {Permit.SHIPPED, Permit.REPAIR}
    return not writes_shipped or host.system.read_operating_system().build >= WINDOWS_10_BUILD
