# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""COM permissions and applications of one host, decoded and judged for dcom_info. Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..module_utils._application import OPC_ENUM_APP_ID, Application, Selector, selector_keys, selector_trees
from ..module_utils._application_plan import LEVEL, RUN_AS, level_setting
from ..module_utils._com_defaults import ComScope
from ..module_utils._com_report import format_trustee
from ..module_utils._com_rights import ComKind, rights_of_kind
from ..module_utils._com_security import permissions_of
from ..module_utils._com_value import (
    POLICY,
    ComValue,
    PermissionPlace,
    application_place,
    describe_com_value,
    machine_place,
    policy_value_name,
    read_policy_value,
)
from ..module_utils._errors import DomainError, HostStateError
from ..module_utils._findings import Finding
from ..module_utils._permission_findings import find_in_application, find_in_permission, find_in_policy
from ..module_utils._registry import RegistryType
from ..module_utils._sddl import to_sddl
from ._host._applications import ApplicationMissingError
from ._host._host import Host
from ._resources._permission import read_place

_MACHINE_SCOPES = (ComScope.MACHINE_LIMIT, ComScope.MACHINE_DEFAULT)
OPC_ENUM = Selector("app_id", OPC_ENUM_APP_ID)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the result, and what was found in it."""

    facts: dict[str, Any]
    findings: tuple[Finding, ...]


def prefetch_applications(host: Host, selectors: Sequence[Selector]) -> None:
    """Read ahead what the applications need, in two commands at most."""
    keys = [key for selector in selectors for key in selector_keys(selector)]
    host.registry.prefetch(keys, trees=[key for selector in selectors for key in selector_trees(selector)])
    host.registry.prefetch([key for selector in selectors for key in host.applications.keys_found(selector)])


def read_permissions(host: Host) -> Section:
    """Machine limits, machine defaults and the limits of Group Policy, by scope and kind."""
    facts: dict[str, Any] = {scope.value: {} for scope in _MACHINE_SCOPES} | {"group_policy": {}}
    findings: list[Finding] = []
    for kind in ComKind:
        policy = read_policy_value(host.registry.value(POLICY, policy_value_name(kind), RegistryType.SZ))
        facts["group_policy"][kind.value] = _describe(host, policy, kind, "not set")
        for scope in _MACHINE_SCOPES:
            place = machine_place(scope, kind)
            found = read_place(host, place)
            is_dead = scope is ComScope.MACHINE_LIMIT and not policy.is_absent
            facts[scope.value][kind.value] = {
                **_describe(host, found, kind, _IF_ABSENT[scope, kind]),
                "in_force": not is_dead,
            }
            findings += find_in_policy(place, policy) if is_dead else find_in_permission(place, found, str(place))
    return Section(facts, tuple(findings))


def read_applications(host: Host, selectors: Sequence[Selector]) -> Section:
    """The applications that the selectors mean, and OpcEnum where it is registered; each once."""
    found: dict[str, Application] = {}
    missing: list[dict[str, str]] = []
    for selector in (*selectors, OPC_ENUM):
        try:
            application = host.applications.find(selector)
        except HostStateError as error:
            if selector != OPC_ENUM or not isinstance(error, ApplicationMissingError):
                missing.append({"selector": str(selector), "reason": str(error)})
            continue
        found[application.app_id] = application
    sections = [_read_application(host, application) for application in found.values()]
    facts = {"applications": [section.facts for section in sections], "applications_missing": missing}
    return Section(facts, tuple(finding for section in sections for finding in section.findings))


_IF_ABSENT = {
    (ComScope.MACHINE_LIMIT, ComKind.ACCESS): "what Windows then does is not documented",
    (ComScope.MACHINE_LIMIT, ComKind.LAUNCH): "what Windows then does is not documented",
    (ComScope.MACHINE_DEFAULT, ComKind.LAUNCH): "what Windows then does is not documented",
    (ComScope.MACHINE_DEFAULT, ComKind.ACCESS): "SYSTEM, Administrators and the account of the server itself get in",
}


def _read_application(host: Host, application: Application) -> Section:
    setting = level_setting(application.key)
    level = host.registry.value(application.key, LEVEL, RegistryType.DWORD) if application.has_value(LEVEL) else None
    run_as = host.registry.value(application.key, RUN_AS, RegistryType.SZ) if application.has_value(RUN_AS) else None
    facts: dict[str, Any] = {
        "app_id": application.app_id,
        "name": application.name,
        "service": application.service,
        "run_as": None if run_as is None else str(run_as.data),
        "authentication_level": {"setting": setting.word_of(level), "text": setting.describe(level)},
    }
    findings = list(find_in_application(application, setting, level))
    for kind in ComKind:
        place = application_place(application.key, kind)
        value = read_place(host, place) if application.has_value(place.value_name) else ComValue()
        facts[place.option] = _describe(host, value, kind, "the machine default counts")
        findings += find_in_permission(place, value, _subject(place, application))
    return Section(facts, tuple(findings))


def _subject(place: PermissionPlace, application: Application) -> str:
    return f"{place.value_name} of {application.title}"


def _describe(host: Host, found: ComValue, kind: ComKind, if_absent: str) -> dict[str, Any]:
    name_of = host.accounts.name_of
    return {
        "is_present": found.value is not None,
        "text": describe_com_value(found, kind, if_absent, name_of),
        "entries": _entries(host, found, kind),
        "sddl": _sddl(found),
        "trouble": found.trouble,
    }


def _entries(host: Host, found: ComValue, kind: ComKind) -> list[dict[str, Any]]:
    if found.descriptor is None:
        return []
    return [
        {
            "principal": format_trustee(item.trustee, host.accounts.name_of),
            "sid": str(item.trustee),
            "type": item.access.value,
            "rights": [right.value for right in rights_of_kind(kind) if right in item.rights],
        }
        for item in permissions_of(found.descriptor, kind)
    ]


def _sddl(found: ComValue) -> str | None:
    """The descriptor as SDDL; None where there is none or SDDL cannot say it."""
    if found.descriptor is None:
        return None
    try:
        return to_sddl(found.descriptor)
    except DomainError:
        return None
