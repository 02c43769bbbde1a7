# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The resource of dcom_application: one AppID, found by what the user knows of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ...module_utils._application import (
    MARKER,
    MARKER_VALUE,
    SELECTORS,
    Application,
    app_id_key,
    new_app_id,
    program_key,
    selector_keys,
    selector_trees,
    text_of,
)
from ...module_utils._application_plan import (
    LEVEL,
    RUN_AS,
    ApplicationFacts,
    ApplicationRequest,
    parse_application,
    plan_application,
)
from ...module_utils._com_value import application_place
from ...module_utils._dcom import AuthenticationLevel, words_of
from ...module_utils._plan import Plan
from ...module_utils._registry import RegistryKey, RegistryType, RegistryValue
from .._host._applications import ApplicationMissingError
from .._host._host import Host
from .._resource import Parameters, Resource, Spec

SELECTOR_SPEC: Spec = {name: {"type": "str"} for name in SELECTORS}


class DcomApplication(Resource):
    """Settings of one application, or an application of our own making for a pure client."""

    argument_spec: ClassVar[Spec] = {
        **SELECTOR_SPEC,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "authentication_level": {"type": "str", "choices": list(words_of(AuthenticationLevel))},
        "use_default_access": {"type": "bool"},
        "use_default_launch": {"type": "bool"},
        "run_as": {"type": "str"},
        "run_as_password": {"type": "str", "no_log": True},
        "ignore_missing": {"type": "bool", "default": False},
        "allow_weak": {"type": "bool", "default": False},
    }
    constraints: ClassVar[dict[str, list[Any]]] = {
        "mutually_exclusive": [list(SELECTORS)],
        "required_one_of": [list(SELECTORS)],
    }

    def desired(self, parameters: Parameters) -> ApplicationRequest:
        return parse_application(parameters)

    def keys(self, desired: ApplicationRequest) -> Sequence[RegistryKey]:
        return selector_keys(desired.selector)

    def trees(self, desired: ApplicationRequest) -> Sequence[RegistryKey]:
        return selector_trees(desired.selector)

    def keys_found(self, host: Host, desired: ApplicationRequest) -> Sequence[RegistryKey]:
        return host.applications.keys_found(desired.selector)

    def plan(self, host: Host, desired: ApplicationRequest) -> Plan:
        facts = read_application_facts(host, desired)
        plan = plan_application(facts, desired, host.accounts.name_of)
        if plan.operations and facts.application is not None:
            host.registry.require_writable(facts.application.key)
        return plan


def read_application_facts(host: Host, request: ApplicationRequest) -> ApplicationFacts:
    """Only what the request asks about. Raises: ApplicationMissingError where nothing can be made of the selector."""
    try:
        application = host.applications.find(request.selector)
    except ApplicationMissingError:
        if not request.is_present or request.ignores_missing:
            return ApplicationFacts(None)
        if request.selector.option != "program":
            raise
        return _read_place(host, request.selector.value)
    if request.is_present:
        return ApplicationFacts(application, _read_settings(host, application, request))
    return _read_whole(host, application, request)


def _read_place(host: Host, program: str) -> ApplicationFacts:
    """Where an application for the program would be made."""
    values = host.registry.values(app_id_key(new_app_id(program)))
    return ApplicationFacts(None, values, program, host.registry.values(program_key(program)))


def _read_settings(host: Host, application: Application, request: ApplicationRequest) -> dict[str, RegistryValue]:
    wanted = {application_place(application.key, kind).value_name: RegistryType.BINARY for kind in request.use_default}
    if request.level is not None:
        wanted[LEVEL] = RegistryType.DWORD
    if request.run_as is not None:
        wanted[RUN_AS] = RegistryType.SZ
    found = {
        name: host.registry.value(application.key, name, kind)
        for name, kind in wanted.items()
        if application.has_value(name)
    }
    return {name: value for name, value in found.items() if value is not None}


def _read_whole(host: Host, application: Application, request: ApplicationRequest) -> ApplicationFacts:
    """Everything of an application that may be ours, and the key of its program."""
    values = host.registry.values(application.key) or {}
    if values.get(MARKER, values.get(MARKER.lower())) != MARKER_VALUE:
        return ApplicationFacts(application, values)
    program = request.selector.value if request.selector.option == "program" else text_of(values.get(""))
    mapping = host.registry.values(program_key(program)) if program else None
    return ApplicationFacts(application, values, program, mapping)
