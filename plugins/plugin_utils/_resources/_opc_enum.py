# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The resource of opc_enum: OpcEnum as a service, its level, and who may browse with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ...module_utils._application import OPC_ENUM_APP_ID, class_keys, text_of
from ...module_utils._com_defaults import ComScope
from ...module_utils._com_rights import ComKind, ComRight
from ...module_utils._dcom import OLE
from ...module_utils._errors import DomainError, ParameterError
from ...module_utils._host_state import STATE_KEY
from ...module_utils._opc_enum import (
    APP_ID_KEY,
    CLSID,
    LEVEL_WORDS,
    SERVICE,
    OpcEnumFacts,
    OpcEnumRequest,
    OpcEnumState,
    ServiceFacts,
    plan_opc_enum,
)
from ...module_utils._permission_request import PermissionRequest, PermissionState, parse_permission
from ...module_utils._plan import Plan, combine
from ...module_utils._principals import parse_principal
from ...module_utils._registry import RegistryKey, RegistryType
from ...module_utils._service_operations import AUTOMATIC, MANUAL, SetRunning
from ...module_utils._sid import Sid
from ...module_utils._well_known import ANONYMOUS_LOGON, EVERYONE
from .._host._environment import KEYS as ENVIRONMENT_KEYS
from .._host._host import Host
from .._host._services import STOPPED
from .._resource import Parameters, Resource, Spec
from ._permission import DcomPermission

_START_MODES = {"manual": MANUAL, "auto": AUTOMATIC}
_LOCAL_SERVER = "LocalServer32"

# What a browsing client needs, and what the administrator of the host keeps.
_REMOTE = {
    ComKind.ACCESS: (ComRight.REMOTE_ACCESS,),
    ComKind.LAUNCH: (ComRight.REMOTE_LAUNCH, ComRight.REMOTE_ACTIVATION),
}
_ALWAYS = ("SYSTEM", "Administrators")
_EVERYBODY = {EVERYONE: "allow_everyone", ANONYMOUS_LOGON: "allow_anonymous"}
_ALL = {
    ComKind.ACCESS: (ComRight.LOCAL_ACCESS, ComRight.REMOTE_ACCESS),
    ComKind.LAUNCH: (
        ComRight.LOCAL_LAUNCH,
        ComRight.REMOTE_LAUNCH,
        ComRight.LOCAL_ACTIVATION,
        ComRight.REMOTE_ACTIVATION,
    ),
}


@dataclass(frozen=True, slots=True)
class OpcEnumDesired:
    """The service and level, and the two permissions; () leaves the permissions as they are. `exceptions` name who was
    let in although it is everybody.
    """

    service: OpcEnumRequest
    program: str | None
    permissions: tuple[PermissionRequest, ...]
    exceptions: tuple[str, ...] = ()


class OpcEnum(Resource):
    """OpcEnum present and healthy, or disabled on purpose."""

    argument_spec: ClassVar[Spec] = {
        "state": {
            "type": "str",
            "choices": [state.value for state in OpcEnumState],
            "default": OpcEnumState.ENABLED.value,
        },
        "authentication_level": {"type": "str", "choices": list(LEVEL_WORDS), "default": "packet_integrity"},
        "start_mode": {"type": "str", "choices": list(_START_MODES), "default": "manual"},
        "account": {"type": "str", "choices": ["local_system", "keep"], "default": "local_system"},
        "program": {"type": "str"},
        "clients": {"type": "list", "elements": "str"},
        "allow_anonymous": {"type": "bool", "default": False},
        "allow_everyone": {"type": "bool", "default": False},
        "allow_weak": {"type": "bool", "default": False},
    }

    def desired(self, parameters: Parameters) -> OpcEnumDesired:
        state = OpcEnumState(parameters["state"])
        level = str(parameters["authentication_level"])
        if level == "none" and not parameters["allow_weak"]:
            raise ParameterError(
                "authentication_level",
                "at level none COM does not look at OpcEnum's access permission; set allow_weak: true to do it all the "
                "same",
            )
        request = OpcEnumRequest(
            state=state,
            level=level,
            start_mode=_START_MODES[str(parameters["start_mode"])],
            keep_account=parameters["account"] == "keep",
        )
        clients = parameters.get("clients")
        if clients is None or state is OpcEnumState.DISABLED:
            return OpcEnumDesired(request, parameters.get("program"), ())
        exceptions = tuple(_exceptions(clients, parameters))
        return OpcEnumDesired(request, parameters.get("program"), _permissions(clients, parameters), exceptions)

    def keys(self, desired: OpcEnumDesired) -> Sequence[RegistryKey]:
        return (APP_ID_KEY, *(key.child(_LOCAL_SERVER) for key in class_keys(CLSID)), OLE, *ENVIRONMENT_KEYS)

    def prefetch(self, host: Host, desired: OpcEnumDesired) -> None:
        host.registry.prefetch([*self.keys(desired), STATE_KEY])

    def plan(self, host: Host, desired: OpcEnumDesired) -> Plan:
        """Level, service and permissions in this order; started last, so that its process has the new values."""
        own = _plan_own(host, desired)
        starts = tuple(item for item in own.operations if isinstance(item, SetRunning) and item.after)
        plans = [replace(own, operations=tuple(item for item in own.operations if item not in starts))]
        for request in desired.permissions:
            for operation in plans[-1].operations:
                host.pretend(operation)
            plans.append(DcomPermission().plan(host, request))
        whole = combine({str(number): plan for number, plan in enumerate(plans)})
        return replace(
            whole,
            operations=(*whole.operations, *starts),
            exceptions=desired.exceptions or whole.exceptions,
            before={name: text for plan in plans for name, text in plan.before.items()},
            after={name: text for plan in plans for name, text in plan.after.items()},
        )


def _exceptions(clients: Sequence[Any], parameters: Parameters) -> Iterator[str]:
    """Who is let in although it is everybody. Raises: ParameterError where that was not asked for."""
    for index, name in enumerate(clients):
        try:
            sid = parse_principal(str(name))
        except DomainError as error:
            raise ParameterError(f"clients[{index}]", str(error)) from error
        option = _EVERYBODY.get(sid) if isinstance(sid, Sid) else None
        if option is None:
            continue
        if not parameters[option]:
            raise ParameterError(
                f"clients[{index}]", f"{name} lets everybody browse; set {option}: true if that is meant"
            )
        yield f"OpcEnum lets {name} browse ({option})"


def _permissions(clients: Sequence[Any], parameters: Parameters) -> tuple[PermissionRequest, ...]:
    """Exactly the host itself, its administrators, and the clients with what a remote client needs.

    Raises: ParameterError.
    """
    permits = {name: bool(parameters[name]) for name in ("allow_anonymous", "allow_everyone")}
    requests: list[PermissionRequest] = []
    for kind in ComKind:
        entries = [{"principal": name, "rights": [right.value for right in _ALL[kind]]} for name in _ALWAYS]
        entries += [{"principal": str(name), "rights": [right.value for right in _REMOTE[kind]]} for name in clients]
        options = {
            "scope": ComScope.APPLICATION.value,
            "kind": kind.value,
            "state": PermissionState.EXACT.value,
            "entries": entries,
            "app_id": OPC_ENUM_APP_ID,
            **permits,
        }
        try:
            requests.append(parse_permission(options))
        except ParameterError as error:
            raise ParameterError("clients", error.message) from error
    return tuple(requests)


def _plan_own(host: Host, desired: OpcEnumDesired) -> Plan:
    """What its service and AppID need. Whether its program is there costs a message, so it is asked where it matters:
    where somebody named it, or where there is something to do and it does not run.
    """
    facts = _read(host, desired)
    plan = plan_opc_enum(facts, desired.service)
    runs = facts.service is not None and facts.service.is_running
    if not facts.program or runs or not (desired.program or plan.operations):
        return plan
    return plan_opc_enum(replace(facts, has_program=host.system.has_file(facts.program)), desired.service)


def _read(host: Host, desired: OpcEnumDesired) -> OpcEnumFacts:
    service = host.services.read(SERVICE)
    program = desired.program or _registered_program(host, service.command_line if service else "")
    facts = None
    if service is not None:
        state = service.state
        facts = ServiceFacts(service.start_mode, service.run_as_account, service.is_running, state == STOPPED)
    return OpcEnumFacts(host.registry.values(APP_ID_KEY), facts, program, has_program=None)


def _registered_program(host: Host, command_line: str) -> str | None:
    """Where its service, or else its class in one of the views, says that it is."""
    lines = [command_line]
    for key in class_keys(CLSID):
        lines.append(text_of(host.registry.value(key.child(_LOCAL_SERVER), "", RegistryType.SZ)))
    line = next((line for line in lines if line), None)
    return host.programs.of_command_line(line) if line else None
