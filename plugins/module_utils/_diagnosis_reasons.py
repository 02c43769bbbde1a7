# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""From a refusing layer or a clue to its cause, the host where it is cured, and the words of its remedy. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ._access_check import Door
from ._diagnosis_causes import Cause
from ._diagnosis_clues import Clue, names_a_host
from ._end_facts import OPC_ENUM_NAME, EndFacts, ProgramFacts
from ._event_xml import shown
from ._link_check import LayerResult, LinkLayer, Way
from ._link_spec import EndSpec, LinkSpec
from ._site_needs import ANONYMOUS_LOGON

_Facts = Mapping[str, EndFacts]
_LIMITS = {
    LinkLayer.LAUNCH_AND_ACTIVATION_LIMIT: Door.MACHINE_LAUNCH_LIMIT,
    LinkLayer.ACCESS_LIMIT: Door.MACHINE_ACCESS_LIMIT,
}
_DOORS = {
    LinkLayer.LAUNCH_AND_ACTIVATION_LIMIT: Cause.LAUNCH_LIMIT,
    LinkLayer.APPLICATION_LAUNCH: Cause.LAUNCH_PERMISSION,
    LinkLayer.ACCESS_LIMIT: Cause.ACCESS_LIMIT,
    LinkLayer.APPLICATION_ACCESS: Cause.ACCESS_PERMISSION,
}
# What the calling host has to change.
_AT_CALLER = (Cause.LEVEL_LOW, Cause.RUNS_AS_OTHER, Cause.ANONYMOUS_FORBIDDEN)
_KINDS = {
    "launch_and_activation_limit": ("machine_limit", "launch"),
    "application_launch": ("application", "launch"),
    "access_limit": ("machine_limit", "access"),
    "application_access": ("application", "access"),
}


def caller_and_called(link: LinkSpec, way: Way) -> tuple[EndSpec, EndSpec]:
    """The ends of a link as one way sees them."""
    return (link.server, link.client) if way is Way.CALLBACK else (link.client, link.server)


def cured_at(cause: Cause, link: LinkSpec, way: Way, host: str) -> str:
    """The host where a cause is cured; `host` is the one that refuses."""
    return caller_and_called(link, way)[0].host if cause in _AT_CALLER else host


# -- from layers


def cause_of_layer(link: LinkSpec, result: LayerResult, ends: _Facts, unreached: Collection[str]) -> Cause:
    """Why a layer refuses, or what it would be if it did."""
    layer, facts = result.layer, ends.get(result.host)
    if layer in (LinkLayer.CLIENT_FIREWALL, LinkLayer.SERVER_FIREWALL):
        return Cause.FIREWALL
    if layer is LinkLayer.NAME_AND_ADDRESS:
        return Cause.HOST_SILENT if result.host in unreached else Cause.ADDRESS_UNKNOWN
    if layer is LinkLayer.ENDPOINT_MAPPER:
        return Cause.RPC_STOPPED if facts is not None and not facts.has_endpoint_mapper else Cause.DCOM_OFF
    if layer is LinkLayer.AUTHENTICATION_LEVEL:
        return Cause.LEVEL_LOW
    if layer is LinkLayer.CLASS_REGISTRATION:
        return Cause.CLASS_MISSING
    if layer is LinkLayer.ACCOUNT:
        return _cause_of_account(link, result, ends)
    if layer in _DOORS:
        return _cause_of_door(link, result, facts)
    return _cause_of_program(link, result, facts, unreached)


def _cause_of_program(link: LinkSpec, result: LayerResult, facts: EndFacts | None, unreached: Collection[str]) -> Cause:
    if result.host in unreached or facts is None:
        return Cause.HOST_SILENT
    is_client = result.layer is LinkLayer.CLIENT_PROGRAM
    name = link.client.application if is_client else _asked(link, result.way)
    program = facts.programs.get(name, ProgramFacts())
    if not program.level:
        return Cause.LEVEL_INVALID
    if is_client:
        return Cause.PROGRAM_STOPPED
    return Cause.SERVICE_DISABLED if program.service and not program.can_start else Cause.PROGRAM_MISSING


def _asked(link: LinkSpec, way: Way) -> str:
    return OPC_ENUM_NAME if way is Way.BROWSE else caller_and_called(link, way)[1].application


def _cause_of_account(link: LinkSpec, result: LayerResult, ends: _Facts) -> Cause:
    caller, called = caller_and_called(link, result.way)
    if not called.principal:
        return Cause.NO_IDENTITY
    facts = ends.get(called.host)
    account = None if facts is None else facts.accounts.get(called.principal)
    if account is not None and account.trouble:
        return Cause.ACCOUNT_UNUSABLE if account.sid else Cause.ACCOUNT_MISSING
    if result.host == called.host and facts is not None and facts.makes_everyone_guest:
        return Cause.GUEST_FORCED
    source = ends.get(caller.host)
    is_held_back = source is not None and not source.retries_anonymously
    return Cause.ANONYMOUS_FORBIDDEN if called.principal == ANONYMOUS_LOGON and is_held_back else Cause.RUNS_AS_OTHER


def _cause_of_door(link: LinkSpec, result: LayerResult, facts: EndFacts | None) -> Cause:
    if facts is None:
        return _DOORS[result.layer]
    limit = _LIMITS.get(result.layer)
    if limit is not None and limit.value in facts.policy_doors:
        return Cause.LIMIT_OF_POLICY
    if "(invalid_descriptor)" in result.evidence or _is_unreadable(link, result, facts):
        return Cause.PERMISSION_INVALID
    called = caller_and_called(link, result.way)[1]
    return Cause.ANONYMOUS_REFUSED if called.principal == ANONYMOUS_LOGON else _DOORS[result.layer]


def _is_unreadable(link: LinkSpec, result: LayerResult, facts: EndFacts) -> bool:
    limit = _LIMITS.get(result.layer)
    if limit is not None:
        stored = facts.doors.get(limit.value)
        return stored is not None and bool(stored.trouble)
    program = facts.programs.get(_asked(link, result.way), ProgramFacts())
    own = program.launch if result.layer is LinkLayer.APPLICATION_LAUNCH else program.access
    return bool(own.trouble)


# -- from clues


def cause_of_clue(clue: Clue) -> tuple[Cause, str]:
    """The cause and the layer of a clue, by what it says about who called whom."""
    if clue.is_other_caller and not clue.is_general:
        return Cause.RUNS_AS_OTHER, "account"
    if clue.cause is Cause.UNREACHABLE and (clue.is_undeclared or names_a_host(clue)):
        return Cause.NAME_RESOLUTION, clue.layer
    return clue.cause, clue.layer


# -- from discovery


def bitness_of(opc: object, end: EndSpec) -> int | None:
    """Of the program of an end, as far as dcom_info has found it among the OPC servers of the host."""
    servers = opc.get("servers") if isinstance(opc, Mapping) else None
    names = {end.selector[1].lower(), end.service.lower(), _base_name(end.program)} - {""}
    for item in servers if isinstance(servers, (list, tuple)) else ():
        if not isinstance(item, Mapping):
            continue
        own = {str(item.get(name) or "").lower() for name in ("prog_id", "clsid", "app_id", "service")}
        own.add(_base_name(str(item.get("program") or "")))
        if own & names and item.get("bitness") in (32, 64):
            return int(item["bitness"])
    return None


def missing_libraries(opc: object) -> list[str]:
    """Proxy/stub libraries that are not usable, such as ``opcproxy.dll (64-bit)``."""
    components = opc.get("core_components") if isinstance(opc, Mapping) else None
    listed = components.get("missing") if isinstance(components, Mapping) else None
    return [str(name) for name in listed] if isinstance(listed, (list, tuple)) else []


def _base_name(path: str) -> str:
    return path.rpartition("\\")[2].lower()


# -- words

# Causes that speak of the program that calls.
_OF_CALLER = (
    Cause.PROGRAM_STOPPED,
    Cause.LEVEL_LOW,
    Cause.LEVEL_OF_PROGRAM,
    Cause.RUNS_AS_OTHER,
    Cause.ANONYMOUS_REFUSED,
    Cause.ANONYMOUS_FORBIDDEN,
)


def words_of(link: LinkSpec, way: Way, cause: Cause, layer: str, clue: Clue | None) -> dict[str, str]:
    """The words of a remedy on one way of a link, but for where it is applied."""
    caller, called = caller_and_called(link, way)
    is_of_caller = cause in _OF_CALLER or layer == LinkLayer.CLIENT_PROGRAM.value
    end = caller if is_of_caller else called
    is_opc_enum = way is Way.BROWSE and not is_of_caller
    scope, kind = _KINDS.get(layer, ("", ""))
    local = called.principal.removeprefix(".\\")
    return {
        "peer": caller.host,
        "account": caller.account if cause is Cause.RUNS_AS_OTHER else local or caller.account,
        "user": "" if "\\" in local or "@" in local else local,
        "program": "OpcEnum" if is_opc_enum else end.application,
        "service": "OpcEnum" if is_opc_enum else end.service,
        "selector": "service" if is_opc_enum else end.selector[0],
        "selected": "OpcEnum" if is_opc_enum else end.selector[1],
        "scope": scope,
        "kind": kind,
        "target": shown(clue.target) if clue is not None and clue.target else called.host,
        "clsid": shown(clue.server) if clue is not None and clue.server else "a class",
    }
