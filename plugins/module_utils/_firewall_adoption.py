# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Which rules of a store concern a wanted rule, and which of them may be touched.

Never touched, whatever they say: rules of Group Policy, entries that do not read, rules with a text of a DLL for a
name, rules of packaged applications, rules that carry WinRM. Rules that merely have the same purpose are reported.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from ._firewall_compare import Environment, differences, file_name, path_key, same_name, same_path
from ._firewall_rule import ALL_PROFILES, TCP, Action, Direction, FirewallRule, Profile
from ._firewall_standard import MARK, RPCSS, WantedRule
from ._firewall_store import Origin, StoredRule
from ._firewall_values import ANY_ADDRESS, ENDPOINT_MAPPER_PORT, RPC_EPMAP, AddressSet, PortSet, ranges_meet

MANAGEMENT_PORTS = frozenset((5985, 5986))

# Groupings of the built-in WinRM rules, today's and the one for port 80 (values of the rules Windows ships).
_WINRM_GROUPINGS = frozenset(("@firewallapi.dll,-30267", "@firewallapi.dll,-30252"))
_WINRM_SERVICE = "WinRM"
_WINRM_NAMES = ("windows remote management", "winrm", "windows-remoteverwaltung")

_MAPPER_PORTS = (PortSet.of(ENDPOINT_MAPPER_PORT), PortSet.of(RPC_EPMAP))


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What planning needs to know of the host beside its firewall.

    `environment`: the machine's variables. `programs`: path (any spelling) -> whether the file is there; a path that is
    not listed was not looked for. `management_ports` and `management_address`: how Ansible reaches this host.
    """

    environment: Environment
    programs: Mapping[str, bool] = field(default_factory=dict)
    management_ports: frozenset[int] = MANAGEMENT_PORTS
    management_address: AddressSet = ANY_ADDRESS
    active_profiles: frozenset[Profile] = ALL_PROFILES

    def has_program(self, path: str) -> bool | None:
        """Whether the file is there; None when nobody looked."""
        key = path_key(path, self.environment)
        return next((found for name, found in self.programs.items() if path_key(name, self.environment) == key), None)


class Claim(enum.IntEnum):
    """What a stored rule is to a wanted rule. From HAND_MADE on it is taken over."""

    NONE = 0
    SAME_PURPOSE = 1
    HAND_MADE = 2
    OWN = 3


def carries_winrm(rule: FirewallRule, ports: frozenset[int] = MANAGEMENT_PORTS) -> bool:
    """Whether the rule is about WinRM: by port, by service, by grouping or by name. Such a rule is never touched."""
    by_port = rule.direction is Direction.IN and ranges_meet([(port, port) for port in ports], rule.local_ports.ranges)
    return (
        by_port
        or same_name(rule.service, _WINRM_SERVICE)
        or rule.grouping.lower() in _WINRM_GROUPINGS
        or any(name in text.lower() for name in _WINRM_NAMES for text in (rule.name, rule.grouping))
    )


def is_touchable(item: StoredRule, ports: frozenset[int] = MANAGEMENT_PORTS) -> bool:
    """Whether the collection may change or delete this entry at all."""
    rule = item.rule
    return (
        rule is not None
        and item.origin is Origin.LOCAL
        and not rule.name.startswith("@")
        and not rule.is_other("AppPkgId", "LUOwn")
        and not carries_winrm(rule, ports)
    )


def claim(wanted: WantedRule, item: StoredRule, host: HostFacts) -> Claim:
    """What the stored rule is to the wanted one."""
    rule = item.rule
    if rule is None or rule.direction is not wanted.rule.direction:
        return Claim.NONE
    touchable = is_touchable(item, host.management_ports)
    if touchable and same_name(rule.name, wanted.rule.name):
        return Claim.OWN
    if not _has_same_purpose(wanted, rule, host):
        return Claim.NONE
    if touchable and MARK in rule.description:
        return Claim.OWN
    if touchable and not rule.grouping and rule.action is Action.ALLOW and _may_take_over(wanted, rule):
        return Claim.HAND_MADE
    return Claim.SAME_PURPOSE


def _may_take_over(wanted: WantedRule, rule: FirewallRule) -> bool:
    """A rule for other peers may serve a link that nobody told us of, unless its name says where it comes from."""
    return (
        rule.remote_addresses.is_any
        or rule.remote_addresses.is_within(wanted.rule.remote_addresses)
        or any(same_name(rule.name, name) for name in wanted.hand_run_names)
    )


def _has_same_purpose(wanted: WantedRule, rule: FirewallRule, host: HostFacts) -> bool:
    if rule.protocol not in (None, wanted.rule.protocol):
        return False
    if wanted.is_for_endpoint_mapper:
        return _is_for_mapper(rule)
    return wanted.rule.program is not None and _is_for_program(wanted, rule, host)


def _is_for_mapper(rule: FirewallRule) -> bool:
    """Port 135 and nothing else. Outbound, port 135 on the wrong side (a slip of hand-run scripts) counts too."""
    if rule.protocol != TCP or not (rule.service is None or same_name(rule.service, RPCSS)):
        return False
    if rule.program is not None and file_name(rule.program) != "svchost.exe":
        return False
    if rule.direction is Direction.IN:
        return rule.local_ports in _MAPPER_PORTS and rule.remote_ports.is_any
    return rule.remote_ports in _MAPPER_PORTS or is_useless_outbound(rule)


def is_useless_outbound(rule: FirewallRule) -> bool:
    """Outbound with local port 135: nothing calls from that port, the mapper's port is the remote one."""
    return (
        rule.direction is Direction.OUT
        and rule.local_ports == PortSet.of(ENDPOINT_MAPPER_PORT)
        and rule.remote_ports.is_any
    )


def _is_for_program(wanted: WantedRule, rule: FirewallRule, host: HostFacts) -> bool:
    """The same file, or a file of the same name at a place where there is none, or under a name we know."""
    if rule.program is None:
        return False
    path = wanted.rule.program or ""
    if same_path(rule.program, path, host.environment):
        return True
    return file_name(rule.program) == file_name(path) and (
        host.has_program(rule.program) is False or any(same_name(rule.name, name) for name in wanted.hand_run_names)
    )


def is_equivalent(wanted: FirewallRule, rule: FirewallRule, environment: Environment) -> bool:
    """Whether the rule does what is wanted. For RpcSs, port 135 and the keyword RPC-EPMap are the same thing."""
    found = {item.field for item in differences(wanted, rule, environment)}
    mapper = {wanted.local_ports, rule.local_ports} <= set(_MAPPER_PORTS) and same_name(rule.service, RPCSS)
    return not found - ({"local ports"} if mapper else set())
