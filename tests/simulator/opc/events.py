# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of COM, as the System log of a host gets them, and the rules by which it gets them.

Data are in message order. 10036 has the names of a real event, the others `param1`.. as real 10005, 10006 and 10016
have. Before Windows 8 the AppID and the application container are missing in 10015-10019.

Source: dcom.md 1.1 (logging levels), 6.1, 6.2, 9 no. 3 and no. 10. **Unverified**: the names of 10037 and 10038; 10027
for an activation that the access limit refuses (its message names neither class nor program); the words of 10020, 10022
and 10024; 10036 where the level is not required yet (Microsoft: "if it detects"); which builds write 10036-10038.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..com_state import OLE, ComProcess, DescriptorSource
from ..host import SimulatedHost
from ..profiles import HardeningPhase
from ..subsystems.event_log import DISTRIBUTED_COM, LEVEL_ERROR, LEVEL_WARNING, Event
from .identity import Identity
from .network import Node, Program, activation_service
from .registration import ComClass

_KEYWORDS = 0x8080000000000000
_REMOTE = "Remote"
_NO_CONTAINER = ("Unavailable", "Unavailable")
_WINDOWS_8 = 9200
_WARNING_BUILD = 17763  # "newer Windows 10": where 10016 became a warning; the build is a guess
_CALLER_BUILD = _WINDOWS_8  # 10028 took the place of 10009
_CLASS_BUILD = 17763  # from which 10028 names the class; a guess
_NO_APP_ID = "Unavailable"

# build: first revision that writes 10036-10038. Others are taken to write them where hardening is on by default.
_HARDENING_EVENTS = {17763: 2145, 19041: 1202, 19042: 1202, 19043: 1202, 14393: 4651, 20348: 261}


@dataclass(frozen=True, slots=True)
class Right:
    """A COM right in the words of events."""

    mask: int
    word: str


def write(host: SimulatedHost, event_id: int, *texts: str, user_sid: str | None = None) -> None:
    """Write an event with data param1.. into the System log."""
    _write(host, event_id, tuple((f"param{index}", text) for index, text in enumerate(texts, 1)), user_sid)


def _write(host: SimulatedHost, event_id: int, data: tuple[tuple[str | None, str], ...], user_sid: str | None) -> None:
    is_warning = event_id == 10016 and host.profile.build >= _WARNING_BUILD
    service = activation_service(host)
    event = Event(
        DISTRIBUTED_COM,
        event_id,
        level=LEVEL_WARNING if is_warning else LEVEL_ERROR,
        data=data,
        keywords=_KEYWORDS,
        user_sid=user_sid,
        process_id=service.process_id if service else 0,
    )
    host.event_log.append("System", event)


# What is logged


def logs_activation_failure(host: SimulatedHost, *, is_machine_limit: bool, wants_no_log: bool) -> bool:
    """ActivationFailureLoggingLevel: 2 never; 1 always; 0 unless the client asks for silence, limits always."""
    level = host.in_force().machine.activation_failure_logging
    return level == 1 or (level != 2 and (is_machine_limit or not wants_no_log))


def logs_invalid_descriptor(host: SimulatedHost) -> bool:
    return host.registry.get_number(OLE, "InvalidSecurityDescriptorLoggingLevel", 1) != 2


def logs_hardening(host: SimulatedHost) -> bool:
    """Whether the host's updates write 10036-10038 and nothing suppresses them."""
    floor = _HARDENING_EVENTS.get(host.profile.build)
    if floor is None:
        is_known = host.profile.hardening.phase >= HardeningPhase.ON_BY_DEFAULT
    else:
        is_known = host.profile.revision >= floor
    return is_known and host.in_force().machine.logs_hardening


# On the host that refuses


def limit_denies_access(node: Node, who: Identity) -> None:
    """10027: the access limit refuses an activation."""
    texts = (_REMOTE, "Access", *_user(who), *_container(node.host))
    write(node.host, 10027, *texts, user_sid=who.caller.sid)


def limit_denies_launch(node: Node, who: Identity, right: Right, com_class: ComClass) -> None:
    """10015: the launch limit refuses."""
    texts = (_REMOTE, right.word, *_class(node.host, com_class), *_user(who), *_container(node.host))
    write(node.host, 10015, *texts, user_sid=who.caller.sid)


def application_denies_launch(
    node: Node, who: Identity, right: Right, com_class: ComClass, source: DescriptorSource
) -> None:
    """10016: the application's or the default launch permission refuses."""
    which = _which(source)
    texts = (which, _REMOTE, right.word, *_class(node.host, com_class), *_user(who), *_container(node.host))
    write(node.host, 10016, *texts, user_sid=who.caller.sid)


def application_denies_call(node: Node, who: Identity, program: Program) -> None:
    """10017, or 10018 where the program has set its access permission itself."""
    source = program.com.access_permission.source
    rest = (_REMOTE, program.path, *_app_id(node.host, program.com), *_user(who), *_container(node.host))
    if source is DescriptorSource.PROGRAM:
        write(node.host, 10018, *rest, user_sid=who.caller.sid)
    else:
        write(node.host, 10017, _which(source), *rest, user_sid=who.caller.sid)


def limit_denies_call(node: Node, who: Identity, program: Program) -> None:
    """10019: the access limit refuses a call."""
    texts = (_REMOTE, program.path, *_app_id(node.host, program.com), *_user(who), *_container(node.host))
    write(node.host, 10019, *texts, user_sid=who.caller.sid)


def level_is_too_low(node: Node, who: Identity) -> None:
    """10036: an authenticated activation below packet integrity."""
    domain, user_name, sid, address = _user(who)
    data = (("Domain Name", domain), ("User Name", user_name), ("SID", sid), ("Client IP Address", address))
    _write(node.host, 10036, data, who.caller.sid)


def invalid_limit(node: Node, source: DescriptorSource, word: str) -> None:
    """10024 for a limit of Group Policy, 10020 for one of the registry. `word` is Access or Launch."""
    if source is DescriptorSource.POLICY:
        write(node.host, 10024, word)
    else:
        write(node.host, 10020, "Limits", word)


def invalid_launch_permission(node: Node, source: DescriptorSource, com_class: ComClass) -> None:
    """10021 for an application, 10020 for the default."""
    if source is DescriptorSource.APPLICATION:
        write(node.host, 10021, com_class.app_id or _NO_APP_ID)
    else:
        write(node.host, 10020, "Default", "Launch")


def invalid_access_permission(node: Node, program: Program) -> None:
    """10023 for what the program brought, 10022 for the registry."""
    source, app_id = program.com.access_permission.source, program.com.app_id or _NO_APP_ID
    if source is DescriptorSource.PROGRAM:
        write(node.host, 10023, program.path, app_id)
    else:
        write(node.host, 10022, _which(source), program.path, app_id)


# On the host that asks


def cannot_reach(node: Node, target: str, program: Program, clsid: str) -> None:
    """10028, before Windows 8 10009: nobody answers."""
    if node.host.profile.build < _CALLER_BUILD:
        write(node.host, 10009, target)
        return
    names_class = clsid != "" and node.host.profile.build >= _CLASS_BUILD
    write(node.host, 10028, target, f"{program.process_id:8x}", program.path, *((clsid,) if names_class else ()))


def remote_error(node: Node, target: str, clsid: str, hresult: int) -> None:
    """10006: the other host refused the activation; the code is written in decimal."""
    write(node.host, 10006, str(hresult), target, clsid)


def weak_request(node: Node, target: str, program: Program, clsid: str, level: int, *, is_explicit: bool) -> None:
    """10037 or 10038: a request below packet integrity leaves this host."""
    texts = (program.path, str(program.process_id), clsid, target, str(level))
    write(node.host, 10037 if is_explicit else 10038, *texts)


# Words


def _which(source: DescriptorSource) -> str:
    return "application-specific" if source is DescriptorSource.APPLICATION else "machine-default"


def _user(who: Identity) -> tuple[str, str, str, str]:
    return who.domain, who.user_name, who.caller.sid, who.caller.address


def _class(host: SimulatedHost, com_class: ComClass) -> tuple[str, ...]:
    if host.profile.build < _WINDOWS_8:
        return (com_class.clsid,)
    return com_class.clsid, com_class.app_id or _NO_APP_ID


def _app_id(host: SimulatedHost, process: ComProcess) -> tuple[str, ...]:
    return () if host.profile.build < _WINDOWS_8 else (process.app_id or _NO_APP_ID,)


def _container(host: SimulatedHost) -> tuple[str, ...]:
    return () if host.profile.build < _WINDOWS_8 else _NO_CONTAINER
