# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What each event and log message says about the cause of a failing link. Pure; works on results of dcom_event_info.

An event names a layer at most; which way of a link it is about follows from the host that wrote it and from whom it
names. A *general* clue says that something refused and not what: it supports other clues, and stands alone only where
there are none. Source: dcom.md 6.1 (which event means what), 6.4 (4625), 6.5 (codes of the APIS log).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ._application import OPC_ENUM_APP_ID
from ._diagnosis_causes import Cause
from ._event_join import ANONYMOUS_SID, normal_address
from ._event_meanings import CONNECTION_BLOCKED, DEFAULT_LEVEL, EXPLICIT_LEVEL, LOGON_FAILED, WEAK_ACTIVATION
from ._hresults import parse_code
from ._link_check import LinkLayer
from ._opc_enum import CLSID as OPC_ENUM_CLSID
from ._opc_enum import SERVICE as OPC_ENUM_SERVICE
from ._site_model import ANONYMOUS_IDENTITIES, MACHINE_IDENTITIES, folded_account

Group = Mapping[str, Any]
# The order in which one looks for a cause: the layers of _link_check, and what no configuration shows at its place.
ORDER = (*(item.value for item in LinkLayer if item not in (LinkLayer.OPC_ENUM, LinkLayer.CALLBACK)), "proxy_stub")
_NAME, _FIREWALL, _ACCOUNT = "name_and_address", "firewall", "account"
_LEVEL, _CLASS, _START = "authentication_level", "class_registration", "application_start"
_LAUNCH, _ACCESS = "application_launch", "application_access"


@dataclass(frozen=True, slots=True)
class Clue:
    """One group of events or messages as a hint. `host` wrote it; `links` are those it was joined to.

    `is_caller_side`: the program that calls wrote it (as events 10006, 10028, 10037 and the APIS log are), otherwise
    the host that was called; `is_cured_at_caller`: what is to be done is to be done where the caller is.
    `is_hidden`: no configuration shows this cause, so none can contradict it.
    `message`: "create_server", "browse" or "callback" of the APIS log. Times are texts in ISO 8601, "" where unknown.
    """

    host: str
    cause: Cause
    layer: str
    text: str
    links: tuple[str, ...]
    is_caller_side: bool = False
    is_hidden: bool = False
    is_general: bool = False
    is_undeclared: bool = False
    is_other_caller: bool = False
    is_cured_at_caller: bool = False
    caller: str = ""
    message: str = ""
    peer: str = ""
    target: str = ""
    server: str = ""
    service: str = ""
    program: str = ""
    last_time: str = ""

    @property
    def is_about_opc_enum(self) -> bool:
        """OpcEnum, whatever the event calls it. Who asks for its AppID as a class has mistaken one for the other."""
        ids = (OPC_ENUM_CLSID.lower(), *(() if self.is_caller_side else (OPC_ENUM_APP_ID.lower(),)))
        is_program = self.program.lower().endswith("opcenum.exe") and not self.is_caller_side
        is_service = self.service.lower() == OPC_ENUM_SERVICE.lower()
        return self.message == "browse" or self.server.lower() in ids or is_program or is_service


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an event means for a link."""

    cause: Cause
    layer: str
    is_caller_side: bool = False
    is_hidden: bool = False
    is_general: bool = False
    is_cured_at_caller: bool = False


_KINDS: Mapping[int, _Kind] = MappingProxyType(
    {
        10000: _Kind(Cause.START_FAILED, _START, is_hidden=True),
        10001: _Kind(Cause.SERVICE_LOGON, _START, is_hidden=True),
        10002: _Kind(Cause.LAUNCH_PERMISSION, _LAUNCH),
        10003: _Kind(Cause.LAUNCH_PERMISSION, _LAUNCH),
        10004: _Kind(Cause.SERVICE_LOGON, _START, is_hidden=True),
        10007: _Kind(Cause.START_FAILED, _START, is_hidden=True),
        10009: _Kind(Cause.UNREACHABLE, _NAME, is_caller_side=True, is_general=True),
        10010: _Kind(Cause.SERVICE_SILENT, _START, is_hidden=True),
        10011: _Kind(Cause.UNREACHABLE, _NAME, is_caller_side=True, is_general=True),
        10015: _Kind(Cause.LAUNCH_LIMIT, "launch_and_activation_limit"),
        10016: _Kind(Cause.LAUNCH_PERMISSION, _LAUNCH),
        10017: _Kind(Cause.ACCESS_PERMISSION, _ACCESS),
        10018: _Kind(Cause.OWN_PERMISSION, _ACCESS, is_hidden=True),
        10019: _Kind(Cause.ACCESS_LIMIT, "access_limit"),
        10020: _Kind(Cause.PERMISSION_INVALID, "access_limit"),
        10021: _Kind(Cause.PERMISSION_INVALID, _LAUNCH),
        10022: _Kind(Cause.PERMISSION_INVALID, _ACCESS),
        10023: _Kind(Cause.OWN_PERMISSION, _ACCESS, is_hidden=True),
        10024: _Kind(Cause.LIMIT_OF_POLICY, "access_limit"),
        10027: _Kind(Cause.ACCESS_LIMIT, "access_limit"),
        10028: _Kind(Cause.UNREACHABLE, _NAME, is_caller_side=True, is_general=True),
        10035: _Kind(Cause.PROXY_STUB, "proxy_stub", is_hidden=True),
        WEAK_ACTIVATION: _Kind(Cause.LEVEL_LOW, _LEVEL, is_cured_at_caller=True),
        EXPLICIT_LEVEL: _Kind(
            Cause.LEVEL_OF_PROGRAM, _LEVEL, is_caller_side=True, is_hidden=True, is_cured_at_caller=True
        ),
        DEFAULT_LEVEL: _Kind(Cause.LEVEL_LOW, _LEVEL, is_caller_side=True, is_cured_at_caller=True),
    }
)
# SubStatus of a failed logon. Only these of the local database are seen in the configuration of a host.
_LOGONS: Mapping[int, tuple[Cause, bool]] = MappingProxyType(
    {
        0xC000005E: (Cause.DOMAIN_UNREACHABLE, True),
        0xC0000064: (Cause.ACCOUNT_MISSING, False),
        0xC000006A: (Cause.PASSWORD_WRONG, True),
        0xC0000071: (Cause.PASSWORD_EXPIRED, True),
        0xC0000072: (Cause.ACCOUNT_DISABLED, False),
        0xC0000133: (Cause.DOMAIN_TRUST, True),
        0xC000015B: (Cause.LOGON_RIGHT, True),
        0xC000018C: (Cause.DOMAIN_TRUST, True),
        0xC0000224: (Cause.PASSWORD_EXPIRED, True),
        0xC0000234: (Cause.ACCOUNT_LOCKED, False),
    }
)
# Why a service did not start (10005).
_STARTS: Mapping[int, tuple[Cause, bool]] = MappingProxyType(
    {
        2: (Cause.PROGRAM_MISSING, False),
        1053: (Cause.SERVICE_SILENT, True),
        1058: (Cause.SERVICE_DISABLED, False),
        1069: (Cause.SERVICE_LOGON, True),
    }
)
# What a call came back with (10006, APIS log).
_CODES: Mapping[int, _Kind] = MappingProxyType(
    {
        0x80004002: _Kind(Cause.PROXY_STUB, "proxy_stub", is_hidden=True),
        0x80040154: _Kind(Cause.CLASS_WRONG, _CLASS, is_caller_side=True, is_hidden=True, is_cured_at_caller=True),
        0x80040155: _Kind(Cause.PROXY_STUB, "proxy_stub", is_caller_side=True, is_hidden=True, is_cured_at_caller=True),
        0x80070005: _Kind(Cause.DENIED, _ACCESS, is_caller_side=True, is_general=True),
        0x800706BA: _Kind(Cause.UNREACHABLE, _NAME, is_caller_side=True, is_general=True),
        0x80080005: _Kind(Cause.START_FAILED, _START, is_caller_side=True, is_general=True),
    }
)
_REFUSED = _Kind(Cause.DENIED, _ACCESS, is_caller_side=True, is_general=True)


def clues_of(host: str, result: Mapping[str, Any]) -> Iterator[Clue]:
    """The clues in what dcom_event_info has read of one host; what is harmless or not understood is none."""
    for group in _mappings(result.get("groups")):
        kind = _kind(group) if group.get("severity") != "info" else None
        if kind is not None:
            yield _clue(host, group, kind)
    for group in _mappings(result.get("apis")):
        code = parse_code(str(group.get("code") or ""))
        yield _clue(host, group, _CODES.get(code, _REFUSED) if code is not None else _REFUSED)


def _mappings(items: object) -> list[Group]:
    listed = items if isinstance(items, Sequence) and not isinstance(items, str) else ()
    return [item for item in listed if isinstance(item, Mapping)]


def _kind(group: Group) -> _Kind | None:
    event_id = group.get("event_id")
    if event_id == LOGON_FAILED:
        code = _code(group, "sub_status") or _code(group, "status")
        cause, is_hidden = _LOGONS.get(code or 0, (Cause.LOGON_FAILED, True))
        return _Kind(cause, _ACCOUNT, is_hidden=is_hidden)
    if event_id == CONNECTION_BLOCKED:
        return _Kind(Cause.FIREWALL, _FIREWALL)
    if event_id == 10005:
        cause, is_hidden = _STARTS.get(_code(group, "error") or 0, (Cause.START_FAILED, True))
        return _Kind(cause, _START, is_hidden=is_hidden)
    if event_id == 10006:
        return _CODES.get(_code(group, "error") or 0, _REFUSED)
    return _KINDS.get(event_id) if isinstance(event_id, int) else None


def _code(group: Group, name: str) -> int | None:
    return parse_code(_datum(group, name))


def _datum(group: Group, name: str) -> str:
    data = group.get("data")
    return str(data.get(name) or "") if isinstance(data, Mapping) else ""


def _clue(host: str, group: Group, kind: _Kind) -> Clue:
    expected = [str(name) for name in group.get("expected_accounts") or ()]
    caller = _datum(group, "user") or _datum(group, "sid")
    target = _datum(group, "target")
    return Clue(
        host=host,
        cause=kind.cause,
        layer=kind.layer,
        text=_text(group),
        links=tuple(str(name) for name in group.get("links") or ()),
        is_caller_side=kind.is_caller_side or bool(group.get("message")),
        is_hidden=kind.is_hidden,
        is_general=kind.is_general,
        is_cured_at_caller=kind.is_cured_at_caller,
        is_undeclared=bool(group.get("is_undeclared")),
        is_other_caller=bool(caller and expected) and not _is_expected(group, expected),
        caller=caller,
        message=str(group.get("message") or ""),
        peer=_datum(group, "address") or target,
        target=target,
        server=_datum(group, "clsid")
        or _datum(group, "server")
        or _datum(group, "app_id")
        or _datum(group, "application"),
        service=_datum(group, "service"),
        program=_datum(group, "program"),
        last_time=str(group.get("last_time") or ""),
    )


def _text(group: Group) -> str:
    """A line of evidence: the number of the event, how often, when last, and what."""
    event_id = group.get("event_id")
    name = f"event {event_id}" if event_id else "APIS log"
    when = f", last {str(group['last_time'])[:19].replace('T', ' ')}" if group.get("last_time") else ""
    return f"{name} ({group.get('count', 1)}x{when}): {group.get('what', '')}"


def _is_expected(group: Group, expected: Sequence[str]) -> bool:
    """Whether the caller is whom the links expect. A machine identity shows as the computer or as nobody."""
    if group.get("account") in expected:
        return True
    folded = {folded_account(name) for name in expected}
    if not folded & (MACHINE_IDENTITIES | ANONYMOUS_IDENTITIES):
        return False
    return _datum(group, "sid") == ANONYMOUS_SID or _datum(group, "user").endswith("$")


def is_expected_noise(clue: Clue) -> bool:
    """A computer account that a workgroup host does not know: COM then goes on as nobody, which is what is judged."""
    return clue.cause is Cause.ACCOUNT_MISSING and clue.caller.endswith("$") and not clue.is_other_caller


def names_a_host(clue: Clue) -> bool:
    """Whether the target is a name, which somebody has to resolve, and no address."""
    return bool(clue.target) and normal_address(clue.target) is None
