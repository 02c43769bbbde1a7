# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Would this host's firewall let one TCP connection through? Decided from the rules and settings as read.

The answer says how sure it is: keywords (LocalSubnet, RPC), interfaces, users and IPsec depend on things that are not
in the store. Not looked at: service hardening (RestrictedServices), dynamic rules, other filters of the platform.
Source: MS-FASP 2.2.34 (FW_RULE_ACTION), 2.2.38; block before allow before the profile's default.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ._firewall_compare import Environment, same_name, traffic_overlap
from ._firewall_rule import ANY_SERVICE, TCP, Action, Direction, FirewallRule, Profile
from ._firewall_store import EffectiveSettings, FirewallState, Origin, StoredRule
from ._firewall_values import ANY_ADDRESS, ANY_PORT, LOWEST_DYNAMIC_PORT, MAX_PORT, AddressSet, Match, PortSet

_PICKED_PORTS = PortSet(((LOWEST_DYNAMIC_PORT, MAX_PORT),))


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection as the host sees it.

    `local_ports` and `remote_ports` are one port, or ``RPC`` for a port that an RPC server got from the system; the
    empty set means that the port is not known. `program` None means not known. `remote_address` is one address; empty
    means not known. `local_networks` resolves LocalSubnet when it is known.
    """

    direction: Direction
    profile: Profile
    remote_address: AddressSet = ANY_ADDRESS
    local_ports: PortSet = ANY_PORT
    remote_ports: PortSet = ANY_PORT
    program: str | None = None
    service: str | None = None
    protocol: int = TCP
    local_networks: AddressSet | None = None


class Reason(enum.Enum):
    """What decided."""

    FIREWALL_OFF = "the firewall is off in this profile"
    SHIELDS_UP = "all inbound connections are blocked, whatever the rules say (DoNotAllowExceptions)"
    BLOCK_RULE = "a block rule"
    ALLOW_RULE = "an allow rule"
    DEFAULT_ACTION = "no rule matches; the default action of the profile"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`rules` are those that decided, or, when `is_certain` is False, those that might decide otherwise."""

    allowed: bool
    is_certain: bool
    reason: Reason
    rules: tuple[StoredRule, ...] = ()

    def describe(self) -> str:
        """One sentence for a person."""
        word = "allowed" if self.allowed else "blocked"
        named = ", ".join(f"{item.rule.name!r} ({item.origin.value})" for item in self.rules if item.rule)
        doubt = "" if self.is_certain else "; not certain, it depends on conditions that are not in the rule store"
        return f"{word}: {self.reason.value}{': ' + named if named else ''}{doubt}"


def effective_verdict(state: FirewallState, connection: Connection, environment: Environment) -> Verdict:
    """Whether the connection is let through, and by what."""
    settings = state.effective(connection.profile)
    if not settings.is_on:
        return Verdict(allowed=True, is_certain=True, reason=Reason.FIREWALL_OFF)
    if settings.shields_up and connection.direction is Direction.IN:
        return Verdict(allowed=False, is_certain=True, reason=Reason.SHIELDS_UP)
    matches = _matches(state, settings, connection, environment)
    blocks = _choose(matches, Match.YES, blocking=True)
    if blocks:
        return Verdict(allowed=False, is_certain=True, reason=Reason.BLOCK_RULE, rules=blocks)
    doubts = _choose(matches, Match.MAYBE, blocking=True)
    allows = _choose(matches, Match.YES, blocking=False)
    if allows:
        return Verdict(allowed=True, is_certain=not doubts, reason=Reason.ALLOW_RULE, rules=doubts or allows)
    allowed = _default_action(settings, connection.direction) is Action.ALLOW
    doubts = doubts if allowed else _choose(matches, Match.MAYBE, blocking=False)
    return Verdict(allowed=allowed, is_certain=not doubts, reason=Reason.DEFAULT_ACTION, rules=doubts)


def _default_action(settings: EffectiveSettings, direction: Direction) -> Action:
    return settings.default_inbound_action if direction is Direction.IN else settings.default_outbound_action


def _choose(matches: Sequence[tuple[StoredRule, Match]], match: Match, *, blocking: bool) -> tuple[StoredRule, ...]:
    return tuple(
        item
        for item, found in matches
        if found is match and item.rule is not None and (item.rule.action is Action.BLOCK) is blocking
    )


def _matches(
    state: FirewallState, settings: EffectiveSettings, connection: Connection, environment: Environment
) -> list[tuple[StoredRule, Match]]:
    found: list[tuple[StoredRule, Match]] = []
    shape = _as_rule(connection)
    for item in state.rules:
        if item.rule is None or (item.origin is Origin.LOCAL and not settings.local_rules_count):
            continue
        match = _rule_match(item.rule, connection, shape, environment)
        if match is not Match.NO:
            found.append((item, match))
    return found


def _rule_match(rule: FirewallRule, connection: Connection, shape: FirewallRule, environment: Environment) -> Match:
    """Whether the rule is about this connection (`shape`: as a rule). A rule that asks for IPsec is MAYBE."""
    if connection.local_networks is not None:
        addresses = rule.remote_addresses.resolve("LocalSubnet", connection.local_networks)
        rule = replace(rule, remote_addresses=addresses)
    match = min(
        traffic_overlap(rule, shape, environment),
        _service_match(rule.service, connection.service),
    )
    if match is Match.NO:
        return match
    unknown = (
        rule.action is Action.BYPASS
        or not rule.local_addresses.is_any
        or (connection.remote_address.is_any and not rule.remote_addresses.is_any)
        or (connection.local_ports.is_any and not rule.local_ports.is_any)
        or (connection.remote_ports.is_any and not rule.remote_ports.is_any)
        or (connection.program is None and rule.program is not None)
    )
    return Match.MAYBE if unknown else match


def _as_rule(connection: Connection) -> FirewallRule:
    """The side that opens a connection does it from a port the system picks, never from a service's port."""
    inbound = connection.direction is Direction.IN
    own, peer = connection.local_ports, connection.remote_ports
    return FirewallRule(
        name="",
        direction=connection.direction,
        profiles=frozenset((connection.profile,)),
        protocol=connection.protocol,
        local_ports=own if inbound or not own.is_any else _PICKED_PORTS,
        remote_ports=peer if not inbound or not peer.is_any else _PICKED_PORTS,
        remote_addresses=connection.remote_address,
        program=connection.program,
    )


def _service_match(rule_service: str | None, service: str | None) -> Match:
    """A rule for a service needs a process that runs as that service; whether this one does may not be known."""
    if rule_service is None or same_name(rule_service, service):
        return Match.YES
    if service is None:
        return Match.MAYBE
    return Match.YES if rule_service == ANY_SERVICE else Match.NO
