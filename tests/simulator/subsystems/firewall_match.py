# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a firewall rule apply to a connection? Pure: no store, no profile settings, no order of rules.

A condition that is not simulated (users, packages, IPsec, ICMP types, platforms) makes an Allow rule apply to nothing:
what the simulator cannot judge must not let a connection through. A Block rule with such a condition does not apply
either; the shipped ones of that kind concern no OPC traffic.

Source: MS-GPFAS 2.2.2, MS-FASP 2.2.37 and 2.2.33 (variables in program paths), dcom.md 5.2 and 5.4.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..files import expand
from .firewall_rule import ADDRESS_KEYWORDS, DOMAIN, FirewallRule, RuleError, address_range, port_range

_WITHOUT_EFFECT = frozenset({"Desc", "EmbedCtxt", "Name", "Edge", "Defer", "SkipVer", "LOM"})
_JUDGED = frozenset(
    {"Action", "Active", "Dir", "Protocol", "Profile", "LA4", "LA6", "RA4", "RA6", "IFType", "App", "Svc"}
)


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection attempt as the firewall of one host sees it, before it exists.

    `program` is the full path of the local process (`System` for the kernel), `services` the short names of all
    services in that process. `is_rpc_dynamic`: the local port was handed out by the RPC run-time. `profile` is the
    category of the network the connection uses; `interface_type` is Lan, Wireless or RemoteAccess.
    """

    direction: str
    remote_address: str
    program: str
    local_port: int | None = None
    remote_port: int | None = None
    protocol: int = 6
    services: frozenset[str] = frozenset()
    is_rpc_dynamic: bool = False
    local_address: str = ""
    profile: str = DOMAIN
    interface_type: str = "Lan"


@dataclass(frozen=True, slots=True)
class MatchContext:
    """What of the host decides: environment variables for program paths, addresses behind the keywords."""

    variables: Mapping[str, str] = field(default_factory=dict)
    keyword_networks: Mapping[str, tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]] = field(
        default_factory=dict
    )


def same_path(one: str, other: str, variables: Mapping[str, str]) -> bool:
    """Whether two program paths name the same file: compared after expansion and without case (dcom.md 5.4)."""
    return expand(one, variables).upper() == expand(other, variables).upper()


def rule_applies(rule: FirewallRule, connection: Connection, context: MatchContext) -> bool:
    """Whether every condition of an active rule is met."""
    return (
        rule.is_active
        and rule.direction == connection.direction
        and all(_is_judged(key) for key, _unused in rule.fields)
        and connection.profile in rule.profiles
        and rule.protocol in (None, connection.protocol)
        and rule.value("IFType", connection.interface_type) == connection.interface_type
        and _program_applies(rule, connection, context)
        and _ports_apply(rule, connection)
        and _address_applies(rule, "LA", connection.local_address, context)
        and _address_applies(rule, "RA", connection.remote_address, context)
    )


def _is_judged(key: str) -> bool:
    return key in _JUDGED or key in _WITHOUT_EFFECT or key.startswith(("LPort", "RPort"))


def _program_applies(rule: FirewallRule, connection: Connection, context: MatchContext) -> bool:
    program, service = rule.value("App"), rule.value("Svc")
    if program and not same_path(program, connection.program, context.variables):
        return False
    if service == "*":
        return bool(connection.services)
    return not service or service.upper() in {name.upper() for name in connection.services}


def _ports_apply(rule: FirewallRule, connection: Connection) -> bool:
    local = [value for key, value in rule.fields if key.startswith("LPort")]
    remote = [value for key, value in rule.fields if key.startswith("RPort")]
    if local and not any(_local_port_applies(text, connection) for text in local):
        return False
    return not remote or any(_number_applies(text, connection.remote_port) for text in remote)


def _local_port_applies(text: str, connection: Connection) -> bool:
    if text.upper() == "RPC":
        return connection.is_rpc_dynamic
    if text.upper() == "RPC-EPMAP":
        return connection.local_port == 135 and "RPCSS" in {name.upper() for name in connection.services}
    return _number_applies(text, connection.local_port)


def _number_applies(text: str, port: int | None) -> bool:
    try:
        first, last = port_range(text)
    except RuleError:  # a keyword that is not simulated: Teredo, IPHTTPSIn, mDNS ...
        return False
    return port is not None and first <= port <= last


def _address_applies(rule: FirewallRule, side: str, address: str, context: MatchContext) -> bool:
    texts = rule.values(f"{side}4", f"{side}6")
    if not texts:
        return True
    if not address:
        return False
    wanted = ipaddress.ip_address(address)
    family = rule.values(f"{side}{wanted.version}")
    return any(_one_address_applies(text, wanted, context) for text in family)


def _one_address_applies(
    text: str, wanted: ipaddress.IPv4Address | ipaddress.IPv6Address, context: MatchContext
) -> bool:
    keyword = ADDRESS_KEYWORDS.get(text.upper())
    if keyword is not None:
        return any(wanted in network for network in context.keyword_networks.get(keyword, ()))
    first, last = address_range(text)
    return int(first) <= int(wanted) <= int(last)
