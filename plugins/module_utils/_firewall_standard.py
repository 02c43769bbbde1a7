# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The rules OPC over DCOM needs, as wanted rules: endpoint mapper, OpcEnum, ApisHive, any OPC program.

Each builder takes the peers, because a rule for any remote address is never the default. Names differ by direction, so
that netsh can tell the two apart. `hand_run_names` are the names that vendor instructions gave to the same rules.
Sources: dcom.md 5.1 and 5.4 (what DCOM needs, which process), 8 (what vendors recommend and what to do instead).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ._firewall_compare import is_endpoint_mapper
from ._firewall_rule import ALL_PROFILES, TCP, Direction, FirewallRule, Profile
from ._firewall_values import ENDPOINT_MAPPER_PORT, RPC, RPC_EPMAP, AddressSet, PortSet

# Every rule the collection writes carries this in its description: netsh can set a description and no grouping.
MARK = "(otsec.opc_dcom)"

RPCSS = "RpcSs"


class RuleState(enum.Enum):
    PRESENT = "present"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class WantedRule:
    """One rule as it should be on a host, or (state absent) a rule that should not be there.

    `hand_run_names`: rules of these names, made by hand for the same purpose, are taken over even if they are open for
    other peers. `only_if_default_blocks`: the rule is of use only where the profile blocks what no rule allows.
    """

    rule: FirewallRule
    state: RuleState = RuleState.PRESENT
    hand_run_names: tuple[str, ...] = ()
    only_if_default_blocks: bool = False

    @property
    def is_for_endpoint_mapper(self) -> bool:
        """Whether the rule is about the endpoint mapper: RpcSs here, or port 135 of the peers."""
        if self.rule.direction is Direction.IN:
            return is_endpoint_mapper(self.rule)
        return self.rule.remote_ports == PortSet.of(ENDPOINT_MAPPER_PORT)

    @property
    def identity(self) -> tuple[str, Direction]:
        """What tells wanted rules apart: netsh can tell rules apart by little else."""
        return self.rule.name.lower(), self.rule.direction


@dataclass(frozen=True, slots=True)
class RuleScope:
    """What the standard rules of one host have in common: whom to let in, in which profiles, which directions."""

    peers: AddressSet
    profiles: frozenset[Profile] = ALL_PROFILES
    directions: frozenset[Direction] = frozenset(Direction)
    state: RuleState = RuleState.PRESENT


def endpoint_mapper_rules(scope: RuleScope, system_root: str = "C:\\Windows") -> tuple[WantedRule, ...]:
    """The rules for the RPC endpoint mapper.

    In: TCP, the mapper's own port, to RpcSs in svchost.exe only. Out: to port 135 *of the peer*, from any program,
    because it is not documented which process asks; useful only where outbound traffic is blocked by default.
    """
    inbound = FirewallRule(
        name="OPC DCOM endpoint mapper (in)",
        direction=Direction.IN,
        protocol=TCP,
        profiles=scope.profiles,
        local_ports=PortSet.of(RPC_EPMAP),
        remote_addresses=scope.peers,
        program=f"{system_root}\\System32\\svchost.exe",
        service=RPCSS,
        description=f"DCOM of OPC: peers ask where a server listens {MARK}",
    )
    outbound = FirewallRule(
        name="OPC DCOM endpoint mapper (out)",
        direction=Direction.OUT,
        protocol=TCP,
        profiles=scope.profiles,
        remote_ports=PortSet.of(ENDPOINT_MAPPER_PORT),
        remote_addresses=scope.peers,
        description=f"DCOM of OPC: this host asks where a server of a peer listens {MARK}",
    )
    return _for_scope(scope, inbound, outbound, ("OPC DCOM (RPC)",))


def opc_enum_rules(scope: RuleScope, program: str) -> tuple[WantedRule, ...]:
    """The rules for OpcEnum. `program` is where the host has it, usually ``...\\SysWOW64\\OpcEnum.exe``."""
    return program_rules(scope, "OpcEnum", program, ("Allow OpcEnum", "AllowOpcEnum"))


def apis_hive_rules(scope: RuleScope, program: str = "C:\\apis\\bin64\\apishivex64.exe") -> tuple[WantedRule, ...]:
    """The rules for Prediktor's ApisHive."""
    return program_rules(scope, "ApisHive", program, ("AllowApis",))


def program_rules(
    scope: RuleScope, title: str, program: str, hand_run_names: tuple[str, ...] = ()
) -> tuple[WantedRule, ...]:
    """The rules for one OPC program.

    In: TCP, the ports the program gets as an RPC server. No service is named: a service without a service SID would
    never match. Out: TCP to any port of the peers, useful only where outbound traffic is blocked by default.
    """
    inbound = FirewallRule(
        name=f"OPC {title} (in)",
        direction=Direction.IN,
        protocol=TCP,
        profiles=scope.profiles,
        local_ports=PortSet.of(RPC),
        remote_addresses=scope.peers,
        program=program,
        description=f"DCOM of OPC: calls from peers to {title} {MARK}",
    )
    outbound = FirewallRule(
        name=f"OPC {title} (out)",
        direction=Direction.OUT,
        protocol=TCP,
        profiles=scope.profiles,
        remote_addresses=scope.peers,
        program=program,
        description=f"DCOM of OPC: calls of {title} to peers {MARK}",
    )
    return _for_scope(scope, inbound, outbound, hand_run_names)


def _for_scope(
    scope: RuleScope, inbound: FirewallRule, outbound: FirewallRule, hand_run_names: tuple[str, ...]
) -> tuple[WantedRule, ...]:
    return tuple(
        WantedRule(rule, scope.state, hand_run_names, only_if_default_blocks=rule.direction is Direction.OUT)
        for rule in (inbound, outbound)
        if rule.direction in scope.directions
    )
