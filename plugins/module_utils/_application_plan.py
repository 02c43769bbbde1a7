# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Plans one DCOM application: its level, its use of the machine defaults, its identity; makes one for a pure client.

The level is raised before an ACL is touched: while it is None, COM ignores access permissions. Pure: the caller reads.
Source: dcom.md 2.1; Win32 "AuthenticationLevel", "RunAs", "AppID Key".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ._application import (
    MARKER,
    MARKER_VALUE,
    Application,
    Selector,
    new_app_id,
    parse_selector,
    program_key,
)
from ._com_report import NameOf
from ._com_rights import ComKind
from ._com_value import application_place, describe_com_value, read_com_value
from ._dcom import AuthenticationLevel, NamedSetting, plan_settings, words_of
from ._errors import HostStateError, LockoutError, ParameterError
from ._plan import CreateKey, DeleteKey, Effect, Operation, Plan, SetValue
from ._registry import RegistryKey, RegistryType, RegistryValue
from ._well_known import LOCAL_SERVICE, LOCAL_SYSTEM, NETWORK_SERVICE, well_known_sid

LEVEL = "AuthenticationLevel"
RUN_AS = "RunAs"
PROGRAM_MAPPING = "AppID"

LAUNCHING_USER = "launching_user"
# Data as Win32 "RunAs" spells them.
RUN_AS_DATA: Mapping[str, str | None] = {
    LAUNCHING_USER: None,
    "interactive_user": "Interactive User",
    "local_service": "nt authority\\localservice",
    "network_service": "nt authority\\networkservice",
    "system": "nt authority\\system",
}
_RUN_AS_OF_SID = {LOCAL_SERVICE: "local_service", NETWORK_SERVICE: "network_service", LOCAL_SYSTEM: "system"}
_WEAK_RUN_AS = {
    "interactive_user": "runs with the rights of whoever is logged on, and not at all while nobody is",
    "system": "puts a process with every right on the network",
}


@dataclass(frozen=True, slots=True)
class ApplicationRequest:
    """What an application is to be; None leaves a setting alone. `use_default` names the ACLs it gives up.

    `ignores_missing`: where there is no such application, none is made, and that is no error.
    """

    selector: Selector
    is_present: bool = True
    level: str | None = None
    use_default: frozenset[ComKind] = frozenset()
    run_as: str | None = None
    ignores_missing: bool = False
    weak: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """What the host has. `application` is None where the selector means nothing there. `values` are those of its key,
    or of the key it would get, None where there is no such key. `program` is the executable it is for, if known, and
    `mapping` the values of that executable's key (None: no such key).
    """

    application: Application | None
    values: Mapping[str, RegistryValue] | None = None
    program: str = ""
    mapping: Mapping[str, RegistryValue] | None = None

    def value(self, name: str) -> RegistryValue | None:
        return _value_in(self.values, name)

    @property
    def mapped_app_id(self) -> RegistryValue | None:
        return _value_in(self.mapping, PROGRAM_MAPPING)


def _value_in(values: Mapping[str, RegistryValue] | None, name: str) -> RegistryValue | None:
    """Value names compare without case."""
    return next((value for present, value in (values or {}).items() if present.lower() == name.lower()), None)


def parse_application(parameters: Mapping[str, Any]) -> ApplicationRequest:
    """The request in the options of dcom_application. Raises: ParameterError, LockoutError without allow_weak."""
    if parameters.get("run_as_password"):
        raise ParameterError("run_as_password", _PASSWORD_REFUSED)
    request = ApplicationRequest(
        parse_selector(parameters),
        is_present=parameters["state"] == "present",
        level=parameters.get("authentication_level"),
        use_default=frozenset(kind for kind in ComKind if parameters.get(f"use_default_{kind.value}")),
        run_as=None if parameters.get("run_as") is None else parse_run_as(str(parameters["run_as"])),
        ignores_missing=bool(parameters.get("ignore_missing")),
    )
    if not request.is_present and (request.level or request.use_default or request.run_as):
        raise ParameterError("state", "an absent application has no settings; give the selector alone")
    weak = tuple(_weak_wishes(request))
    if weak and not parameters.get("allow_weak"):
        raise LockoutError(f"{request.selector}: {'; '.join(weak)}; set allow_weak: true to do it all the same")
    return replace(request, weak=weak)


_PASSWORD_REFUSED = (
    "refused: COM keeps the password of a RunAs account as an LSA secret, which cannot be written through the registry "
    "or WMI. Set the account with dcomcnfg, or run the program as a service with an account of its own"
)


def parse_run_as(text: str) -> str:
    """The word of a well-known identity, from the word or from a name of it.

    Raises: ParameterError for an account, which would need its password.
    """
    word = text.strip().lower().replace(" ", "_")
    if word in RUN_AS_DATA:
        return word
    sid = well_known_sid(text)
    if sid in _RUN_AS_OF_SID:
        return _RUN_AS_OF_SID[sid]
    raise ParameterError("run_as", f"{text!r} is none of {', '.join(RUN_AS_DATA)}. An account is {_PASSWORD_REFUSED}")


def plan_application(facts: ApplicationFacts, request: ApplicationRequest, name_of: NameOf) -> Plan:
    """Plan one application. Raises: HostStateError for what the host does not allow."""
    if not request.is_present:
        return _plan_removal(facts)
    if facts.application is None and request.ignores_missing:
        nothing = {"application": f"absent: {request.selector} is no application here, the machine defaults count"}
        return Plan(before=nothing, after=nothing)
    if facts.application is None:
        return _plan_creation(facts, request, name_of)
    return _plan_settings(facts, facts.application, request, name_of)


# -- settings


def _plan_settings(
    facts: ApplicationFacts, application: Application, request: ApplicationRequest, name_of: NameOf
) -> Plan:
    if request.run_as not in (None, LAUNCHING_USER) and application.service:
        raise HostStateError(
            f"{application.title} is the service {application.service}: COM ignores RunAs for services. Change the "
            "account of the service instead"
        )
    parts = [
        _plan_level(facts, application, request),
        *(_plan_default(facts, application, kind, name_of) for kind in ComKind if kind in request.use_default),
        _plan_run_as(facts, application, request),
    ]
    plan = Plan(
        operations=tuple(operation for part in parts for operation in part.operations),
        before={"application": application.title, **_merged(part.before for part in parts)},
        after={"application": application.title, **_merged(part.after for part in parts)},
        exceptions=tuple(f"allow_weak: {application.title}: {text}" for text in request.weak),
    )
    return _with_restart(plan, application)


def level_setting(key: RegistryKey) -> NamedSetting:
    """AuthenticationLevel of one application; a wrong type or number stops every COM call of it (Win32)."""
    return NamedSetting(
        "authentication_level",
        key,
        LEVEL,
        RegistryType.DWORD,
        words_of(AuthenticationLevel),
        "the machine default counts",
        Effect.PROCESS_START,
        "COM: AuthenticationLevel",
        weak_words=frozenset({"none"}),
    )


def _plan_level(facts: ApplicationFacts, application: Application, request: ApplicationRequest) -> Plan:
    if request.level is None:
        return Plan()
    setting = level_setting(application.key)
    return plan_settings((setting,), {setting.option: facts.value(LEVEL)}, {setting.option: request.level})


def _plan_default(facts: ApplicationFacts, application: Application, kind: ComKind, name_of: NameOf) -> Plan:
    """Remove an ACL of its own, so that the machine default counts."""
    place = application_place(application.key, kind)
    present = facts.value(place.value_name)
    absent = describe_com_value(read_com_value(None), kind, "the machine default counts", name_of)
    if present is None:
        return Plan(before={place.option: absent}, after={place.option: absent})
    return Plan(
        (SetValue(place.key, place.value_name, before=present, after=None),),
        before={place.option: describe_com_value(read_com_value(present), kind, "", name_of)},
        after={place.option: absent},
    )


def _plan_run_as(facts: ApplicationFacts, application: Application, request: ApplicationRequest) -> Plan:
    if request.run_as is None:
        return Plan()
    present = facts.value(RUN_AS)
    data = RUN_AS_DATA[request.run_as]
    wanted = None if data is None else RegistryValue.string(data)
    before = _describe_run_as(present)
    if _same_identity(present, wanted):
        return Plan(before={"run_as": before}, after={"run_as": before})
    operation = SetValue(application.key, RUN_AS, before=present, after=wanted)
    return Plan((operation,), before={"run_as": before}, after={"run_as": _describe_run_as(wanted)})


def _same_identity(left: RegistryValue | None, right: RegistryValue | None) -> bool:
    if left is None or right is None:
        return left is right
    return left.type is right.type and str(left.data).lower() == str(right.data).lower()


def _describe_run_as(value: RegistryValue | None) -> str:
    if value is None:
        return "absent (the launching user)"
    return str(value.data) if value.type is RegistryType.SZ else f"invalid ({value.type.label} where REG_SZ belongs)"


def _weak_wishes(request: ApplicationRequest) -> Sequence[str]:
    wishes = []
    if request.level == "none":
        wishes.append("authentication_level none makes COM ignore access permissions")
    if request.run_as in _WEAK_RUN_AS:
        wishes.append(f"run_as {request.run_as} {_WEAK_RUN_AS[request.run_as]}")
    return wishes


def _with_restart(plan: Plan, application: Application) -> Plan:
    """Level and access permission count from the next start of the process on; a launch permission at once."""
    names = {operation.name for operation in plan.operations if isinstance(operation, SetValue)}
    if not names & {LEVEL, RUN_AS, application_place(application.key, ComKind.ACCESS).value_name}:
        return plan
    if application.service:
        return replace(plan, restart_services=(application.service,))
    return replace(plan, warnings=(f"{application.title}: counts once its program has been started again",))


def _merged(states: Any) -> dict[str, object]:
    return {name: value for state in states for name, value in state.items()}


# -- an application of our own making


def _plan_creation(facts: ApplicationFacts, request: ApplicationRequest, name_of: NameOf) -> Plan:
    """An AppID and the mapping of the program to it; both are what `AppID Key` asks for a program without class."""
    program = facts.program
    application = Application(new_app_id(program), name=program)
    mapping = program_key(program)
    app_id = RegistryValue.string(application.app_id)
    made: list[Operation] = [] if facts.values is not None else [CreateKey(application.key)]
    made += [
        SetValue(application.key, name, before=facts.value(name), after=value)
        for name, value in (("", RegistryValue.string(program)), (MARKER, MARKER_VALUE))
        if facts.value(name) != value
    ]
    made += [] if facts.mapping is not None else [CreateKey(mapping)]
    made.append(SetValue(mapping, PROGRAM_MAPPING, before=facts.mapped_app_id, after=app_id))
    settings = _plan_settings(facts, application, request, name_of)
    return replace(
        settings,
        operations=(*made, *settings.operations),
        before={"application": f"absent: {program} is no application, the machine defaults count"},
        warnings=(f"{application.title}: counts once its program has been started again",),
    )


def _plan_removal(facts: ApplicationFacts) -> Plan:
    """Take away what `_plan_creation` made, and nothing else."""
    absent = {"application": "absent"}
    application = facts.application
    if application is None:
        return Plan(before=absent, after=absent)
    if facts.value(MARKER) != MARKER_VALUE:
        raise HostStateError(
            f"{application.title} was not made by this collection (its value {MARKER} does not say so) and is left "
            "alone; uninstall its program instead"
        )
    operations = [*_removed_mapping(facts, application)]
    operations += [
        SetValue(application.key, name, before=value, after=None)
        for name, value in sorted((facts.values or {}).items())
    ]
    operations.append(DeleteKey(application.key))
    warning = f"{application.title}: the machine defaults count once its program has been started again"
    return Plan(tuple(operations), {"application": application.title}, absent, warnings=(warning,))


def _removed_mapping(facts: ApplicationFacts, application: Application) -> list[Operation]:
    """The mapping, and its key where nothing else is in it."""
    mapped = facts.mapped_app_id
    if mapped is None or str(mapped.data).upper() != application.app_id.upper():
        return []
    key = program_key(facts.program)
    removal: list[Operation] = [SetValue(key, PROGRAM_MAPPING, before=mapped, after=None)]
    return removal if len(facts.mapping or {}) > 1 else [*removal, DeleteKey(key)]
