# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A method call on an object in another process, in either direction: client to server, and the server's way back.

The called process judges with what it captured when it started: its access limit (unless Group Policy sets one), its
access permission, its level. At level None the permission is not asked, the limit is.

Source: dcom.md 3.2 (checks, levels), 2.1 (level None), 1.3 (calls at packet integrity since CVE-2022-37978, here by the
updates of November 2022), 2.4 (proxy and stub), 3.5 (callbacks).
"""

from __future__ import annotations

from dataclasses import replace

from ..com_state import LEVEL_NONE, LEVEL_PKT_INTEGRITY, Descriptor, DescriptorSource
from ..subsystems.logon import LogonError
from . import events
from .access_check import EXECUTE_REMOTE, Grant, judge
from .identity import Identity, anonymous, credentials, log_on, log_on_or_anonymous, self_sid
from .layers import E_NOINTERFACE, REGDB_E_IIDNOTREG, Layer
from .network import Program
from .registration import ComClass, has_interface, interface_of, is_32_bit_program
from .walk import Walk, reach, reach_activation_service

_DISALLOW_UNSECURE_RESOLUTION = 0x8
_ALWAYS = 1


def call_server(walk: Walk, com_class: ComClass, server: Program) -> None:
    """The first call of a client on a server that it has activated. Raises: Refused."""
    reach(walk, walk.program, server, server.port)
    if walk.is_unrecognised:
        raise walk.account_refused()
    _demand_call(walk, _caller_of_call(walk, server), server)
    _demand_interface(walk, com_class)


def call_back(walk: Walk, client: Program) -> None:
    """The server resolves the client's object through RPCSS and calls it. Raises: Refused."""
    reach_activation_service(walk)
    walk.shown = credentials(walk.source, walk.program.account)
    retries = not walk.source.host.in_force().machine.remote_call_flags & _DISALLOW_UNSECURE_RESOLUTION
    try:
        walk.identity = log_on_or_anonymous(walk.target, walk.source, walk.shown, retries=retries)
    except LogonError as error:
        evidence = f"the logon of {walk.shown.name} fails with {error.status:#010x} (event 4625) and is not repeated"
        raise walk.refusal(Layer.ACCOUNT, walk.target, evidence) from error
    reach(walk, walk.program, client, client.port)
    if walk.is_unrecognised:
        raise walk.account_refused()
    _demand_call(walk, _caller_of_call(walk, client), client)


def call_level(walk: Walk, called: Program) -> int:
    """The higher of both wishes, and packet integrity on a client that has the update."""
    floor = LEVEL_PKT_INTEGRITY if walk.source.host.profile.hardening.default_raise == 2 else LEVEL_NONE
    return max(walk.program.com.authentication_level, called.com.authentication_level, floor)


def _caller_of_call(walk: Walk, called: Program) -> Identity:
    """Who the called process takes the caller for: as in the activation, unless that alone was anonymous."""
    if call_level(walk, called) == LEVEL_NONE:
        return anonymous(walk.target, walk.source)
    if walk.shown is not None and walk.identity is not None:
        return walk.identity
    walk.shown = credentials(walk.source, walk.program.account)
    try:
        return log_on(walk.target, walk.source, walk.shown)
    except LogonError as error:
        walk.identity = replace(anonymous(walk.target, walk.source), refused=error)
        if walk.is_unrecognised:
            raise walk.account_refused() from error
        return walk.identity


def _demand_call(walk: Walk, who: Identity, called: Program) -> None:
    _demand_access_limit(walk, who, called)
    if called.com.authentication_level != LEVEL_NONE:
        _demand_access_permission(walk, who, called)


def _demand_access_limit(walk: Walk, who: Identity, called: Program) -> None:
    limit = _access_limit(walk, called)
    grant = _judge(walk, limit, who, called)
    if grant is Grant.INVALID and events.logs_invalid_descriptor(walk.target.host):
        events.invalid_limit(walk.target, limit.source, "Access")
    if grant is Grant.DENIED and called.com.call_failure_logging == _ALWAYS:
        events.limit_denies_call(walk.target, who, called)
    if grant is not Grant.GRANTED:
        evidence = f"the access limit ({limit.source.value}) does not give {who.caller.account_name} Remote Access"
        raise walk.refusal(Layer.ACCESS_LIMIT, walk.target, evidence)


def _demand_access_permission(walk: Walk, who: Identity, called: Program) -> None:
    permission = called.com.access_permission
    grant = _judge(walk, permission, who, called)
    if grant is Grant.INVALID and events.logs_invalid_descriptor(walk.target.host):
        events.invalid_access_permission(walk.target, called)
    if grant is Grant.DENIED and called.com.call_failure_logging == _ALWAYS:
        events.application_denies_call(walk.target, who, called)
    if grant is not Grant.GRANTED:
        evidence = (
            f"the access permission of {called.path} ({permission.source.value}) does not give "
            f"{who.caller.account_name} Remote Access"
        )
        raise walk.refusal(Layer.APPLICATION_ACCESS, walk.target, evidence)


def _access_limit(walk: Walk, called: Program) -> Descriptor:
    policy = walk.target.host.in_force().access_limit
    return policy if policy.source is DescriptorSource.POLICY else called.com.access_limit


def _judge(walk: Walk, descriptor: Descriptor, who: Identity, called: Program) -> Grant:
    host = walk.target.host
    own = self_sid(host, called)
    return judge(
        descriptor, who.token, EXECUTE_REMOTE, self_sid=own, domain_sid=host.domain.sid if host.domain else None
    )


def _demand_interface(walk: Walk, com_class: ComClass) -> None:
    """Proxy and stub on both sides. Which side gives which code is not documented; this one is a guess."""
    interface = interface_of(walk.target.host, com_class)
    if interface is None:
        return
    if not has_interface(walk.target.host, interface, is_32_bit=com_class.is_32_bit):
        evidence = f"proxy and stub of {interface} are not registered for the server"
        raise walk.refusal(Layer.PROXY_STUB, walk.target, evidence, E_NOINTERFACE)
    if not has_interface(walk.source.host, interface, is_32_bit=is_32_bit_program(walk.program.path)):
        evidence = f"proxy and stub of {interface} are not registered for {walk.program.path}"
        raise walk.refusal(Layer.PROXY_STUB, walk.source, evidence, REGDB_E_IIDNOTREG)
