# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CoCreateInstanceEx on another host: from the client's process through both RPCSS to a running server.

Source: dcom.md 1.2 (retry without security), 1.3 (KB5004442), 3.2 (order of the checks), 2.1 (launch); Win32
COSERVERINFO (the level of an activation is that of the process where the client passes none).

What is refused by an absent DefaultLaunchPermission is not documented (dcom.md 9, no. 5); the shipped value is taken.
**Unverified**: EnableDCOM = N answers 0x80070005 on either side.
"""

from __future__ import annotations

from ..com_state import LEVEL_NONE, LEVEL_PKT_INTEGRITY, ComProcess, Descriptor, DescriptorSource, MachineState
from ..shipped_descriptors import DEFAULT_LAUNCH_PERMISSION
from ..subsystems.logon import LogonError
from . import events
from .access_check import ACTIVATE_REMOTE, EXECUTE_REMOTE, Grant, judge
from .events import Right
from .identity import Identity, anonymous, credentials, log_on_or_anonymous
from .layers import REGDB_E_CLASSNOTREG, Direction, Layer, Link, Refusal
from .network import ENDPOINT_MAPPER_PORT, Node, Program, activation_service
from .registration import ComClass, find_class
from .start import running_server, start_refusal, start_server
from .walk import Refused, Walk, blocked, reach_activation_service

_DISALLOW_UNSECURE_ACTIVATION = 0x2
_LAUNCH = Right(EXECUTE_REMOTE, "Launch")
_ACTIVATION = Right(ACTIVATE_REMOTE, "Activation")


def activate(walk: Walk) -> tuple[ComClass, Program]:
    """The class and the process that serves it. Raises: Refused."""
    _demand_dcom(walk, walk.source)
    reach_activation_service(walk)
    level = activation_level(walk.program.com, walk.source.host.in_force().machine, walk.link)
    _report_weak_request(walk, level)
    try:
        _demand_dcom(walk, walk.target)
        walk.identity = _identify(walk, level)
        _demand_level(walk, walk.identity, level)
        return _demand_server(walk, walk.identity)
    except Refused as refused:
        _report_error(walk, refused.refusal)
        if walk.is_unrecognised:  # the refusal met the retry without authentication
            raise walk.account_refused() from refused
        raise


def activation_level(process: ComProcess, machine: MachineState, link: Link) -> int:
    """The level at which the activation leaves the client; NONE is without authentication.

    A level that the client passes is raised from November 2022 on (NONE never), the default one from June 2021 on.
    """
    if link.level is not None:
        is_raised = machine.raises_level == 2 and link.level != LEVEL_NONE
        return max(link.level, LEVEL_PKT_INTEGRITY) if is_raised else link.level
    default = process.authentication_level
    return max(default, LEVEL_PKT_INTEGRITY) if machine.raises_level else default


def _demand_dcom(walk: Walk, node: Node) -> None:
    if not node.host.in_force().machine.is_dcom_enabled:
        raise walk.refusal(Layer.ENDPOINT_MAPPER, node, "DCOM is switched off (EnableDCOM)")


# On the client


def _report_weak_request(walk: Walk, level: int) -> None:
    if LEVEL_NONE < level < LEVEL_PKT_INTEGRITY and events.logs_hardening(walk.source.host):
        is_explicit = walk.link.level is not None
        events.weak_request(walk.source, walk.link.target, walk.program, walk.clsid, level, is_explicit=is_explicit)


def _report_error(walk: Walk, refusal: Refusal) -> None:
    host = walk.source.host
    if events.logs_activation_failure(host, is_machine_limit=False, wants_no_log=walk.link.wants_no_log):
        events.remote_error(walk.source, walk.link.target, walk.clsid, refusal.hresult)


# Between them


def _identify(walk: Walk, level: int) -> Identity:
    if level == LEVEL_NONE:
        return anonymous(walk.target, walk.source)
    walk.shown = credentials(walk.source, walk.program.account)
    flags = walk.source.host.in_force().machine.remote_call_flags
    retries = not flags & _DISALLOW_UNSECURE_ACTIVATION
    try:
        return log_on_or_anonymous(walk.target, walk.source, walk.shown, retries=retries)
    except LogonError as error:
        evidence = f"the logon of {walk.shown.name} fails with {error.status:#010x} (event 4625) and is not repeated"
        raise walk.refusal(Layer.ACCOUNT, walk.target, evidence) from error


# On the server


def _demand_level(walk: Walk, who: Identity, level: int) -> None:
    if not who.is_authenticated or level >= LEVEL_PKT_INTEGRITY:
        return
    if events.logs_hardening(walk.target.host):
        events.level_is_too_low(walk.target, who)
    if walk.target.host.in_force().machine.requires_integrity:
        evidence = f"{who.caller.account_name} activates at level {level}, packet integrity (5) is required"
        raise walk.refusal(Layer.AUTHENTICATION_LEVEL, walk.target, evidence)


def _demand_server(walk: Walk, who: Identity) -> tuple[ComClass, Program]:
    _demand_access_limit(walk, who)
    com_class = find_class(walk.target.host, walk.clsid)
    if com_class is None:
        raise _not_registered(walk)
    server = running_server(walk, com_class)
    rights = (_ACTIVATION,) if server else (_LAUNCH, _ACTIVATION)
    for right in rights:
        _demand_launch_limit(walk, who, right, com_class)
    for right in rights:
        _demand_launch_permission(walk, who, right, com_class)
    return com_class, server or start_server(walk, com_class)


def _not_registered(walk: Walk) -> Refused:
    evidence = f"no program or service is registered for {walk.clsid}"
    return walk.refusal(Layer.CLASS_REGISTRATION, walk.target, evidence, REGDB_E_CLASSNOTREG)


def _demand_access_limit(walk: Walk, who: Identity) -> None:
    host, limit = walk.target.host, walk.target.host.in_force().access_limit
    grant = _judge(walk, limit, who, EXECUTE_REMOTE)
    if grant is Grant.INVALID and events.logs_invalid_descriptor(host):
        events.invalid_limit(walk.target, limit.source, "Access")
    if grant is Grant.DENIED and _logs(walk, is_machine_limit=True):
        events.limit_denies_access(walk.target, who)
    if grant is not Grant.GRANTED:
        raise walk.refusal(Layer.ACCESS_LIMIT, walk.target, _evidence("access limit", limit, who, "Remote Access"))


def _demand_launch_limit(walk: Walk, who: Identity, right: Right, com_class: ComClass) -> None:
    host, limit = walk.target.host, walk.target.host.in_force().launch_limit
    grant = _judge(walk, limit, who, right.mask)
    if grant is Grant.INVALID and events.logs_invalid_descriptor(host):
        events.invalid_limit(walk.target, limit.source, "Launch")
    if grant is Grant.DENIED and _logs(walk, is_machine_limit=True):
        events.limit_denies_launch(walk.target, who, right, com_class)
    if grant is not Grant.GRANTED:
        evidence = _evidence("launch and activation limit", limit, who, f"Remote {right.word}")
        raise walk.refusal(Layer.LAUNCH_AND_ACTIVATION_LIMIT, walk.target, evidence)


def _demand_launch_permission(walk: Walk, who: Identity, right: Right, com_class: ComClass) -> None:
    permission = _launch_permission(walk, com_class)
    grant = _judge(walk, permission, who, right.mask)
    if grant is Grant.INVALID and events.logs_invalid_descriptor(walk.target.host):
        events.invalid_launch_permission(walk.target, permission.source, com_class)
    if grant is Grant.DENIED and _logs(walk, is_machine_limit=False):
        events.application_denies_launch(walk.target, who, right, com_class, permission.source)
    if grant is not Grant.GRANTED:
        evidence = _evidence(f"launch permission of {com_class.clsid}", permission, who, f"Remote {right.word}")
        raise walk.refusal(Layer.APPLICATION_LAUNCH, walk.target, evidence)


def _launch_permission(walk: Walk, com_class: ComClass) -> Descriptor:
    found = walk.target.host.launch_permission(com_class.app_id)
    if found.data is None and found.source is DescriptorSource.BUILT_IN:
        return Descriptor(DescriptorSource.BUILT_IN, DEFAULT_LAUNCH_PERMISSION)
    return found


def _judge(walk: Walk, descriptor: Descriptor, who: Identity, right: int) -> Grant:
    domain = walk.target.host.domain
    return judge(descriptor, who.token, right, domain_sid=domain.sid if domain else None)


def _logs(walk: Walk, *, is_machine_limit: bool) -> bool:
    return events.logs_activation_failure(
        walk.target.host, is_machine_limit=is_machine_limit, wants_no_log=walk.link.wants_no_log
    )


def _evidence(what: str, descriptor: Descriptor, who: Identity, right: str) -> str:
    return f"the {what} ({descriptor.source.value}) does not give {who.caller.account_name} {right}"


# What else would have refused


def further_refusals(walk: Walk, refused: Refusal) -> tuple[Refusal, ...]:
    """Layers that Windows had not met when an activation was refused, though they stand earlier; leaves no trace.

    The port of the server is touched after the activation; the access limit is asked before the class is looked up.
    """
    asking, answering = activation_service(walk.source.host), activation_service(walk.target.host)
    ways = [(asking, answering, ENDPOINT_MAPPER_PORT)] if asking and answering else []
    com_class = find_class(walk.target.host, walk.clsid)
    program = running_server(walk, com_class) if com_class else None
    server = program or _server_that_would_answer(walk, com_class)
    if server is not None:
        ways.append((walk.program, server, server.port))
    refusals = [blocked(walk, *way) for way in ways]
    found = [item for item in refusals if item is not None and item.evidence != refused.evidence]
    if refused.layer is Layer.ACCESS_LIMIT and walk.identity is not None:
        found += _later_refusals(walk, walk.identity, com_class, is_running=program is not None)
    return tuple(found)


def _later_refusals(walk: Walk, who: Identity, com_class: ComClass | None, *, is_running: bool) -> list[Refusal]:
    """What the access limit kept from being asked."""
    if com_class is None:
        return [_not_registered(walk).refusal]
    start = None if is_running else start_refusal(walk, com_class)
    return [*_launch_refusals(walk, who, com_class, is_running=is_running), *([] if start is None else [start])]


def _server_that_would_answer(walk: Walk, com_class: ComClass | None) -> Program | None:
    """For its port only. Of a class that is not registered the link says which program is meant."""
    if com_class is not None:
        services = frozenset({com_class.service} if com_class.service else ())
        return Program(com_class.program, "", 0, services, walk.program.com)
    path = walk.link.server_program if walk.direction is Direction.CONNECT else ""
    if not path:
        return None
    return walk.network.running(walk.target, path) or Program(path, "", 0, frozenset(), walk.program.com)


def _launch_refusals(walk: Walk, who: Identity, com_class: ComClass, *, is_running: bool) -> list[Refusal]:
    found = []
    layers = (
        (Layer.LAUNCH_AND_ACTIVATION_LIMIT, walk.target.host.in_force().launch_limit),
        (Layer.APPLICATION_LAUNCH, _launch_permission(walk, com_class)),
    )
    for layer, descriptor in layers:
        for right in (_ACTIVATION,) if is_running else (_LAUNCH, _ACTIVATION):
            if _judge(walk, descriptor, who, right.mask) is not Grant.GRANTED:
                evidence = _evidence(layer.name.lower(), descriptor, who, f"Remote {right.word}")
                found.append(walk.refusal(layer, walk.target, evidence).refusal)
    return found
