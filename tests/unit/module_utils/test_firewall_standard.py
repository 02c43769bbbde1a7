# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules OPC needs: narrow by construction, valid, and enough for a link."""

from __future__ import annotations

from dataclasses import replace

import pytest
from firewall_support import APIS_HIVE, ENVIRONMENT, OPC_ENUM, stored

from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_checks import rule_problems
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import (
    ALL_PROFILES,
    Action,
    Direction,
    Profile,
    format_rule,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_standard import (
    MARK,
    RuleScope,
    RuleState,
    WantedRule,
    apis_hive_rules,
    endpoint_mapper_rules,
    opc_enum_rules,
    program_rules,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import (
    FirewallState,
    ProfileSettings,
    read_rules,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import AddressSet, PortSet
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_verdict import Connection, effective_verdict
from ansible_collections.otsec.opc_dcom.plugins.module_utils._netsh import add_rule

PEERS = AddressSet.of("10.0.0.21", "10.0.1.0/24")
SCOPE = RuleScope(PEERS, frozenset({Profile.DOMAIN}))
EVERY = (
    *endpoint_mapper_rules(SCOPE),
    *opc_enum_rules(SCOPE, OPC_ENUM),
    *apis_hive_rules(SCOPE),
    *program_rules(SCOPE, "Vendor Server", "C:\\opc\\server.exe"),
)


@pytest.mark.parametrize("wanted", EVERY, ids=lambda item: item.rule.name)
def test_standard_rules_are_valid_marked_and_never_open_for_all(wanted: WantedRule) -> None:
    rule = wanted.rule
    assert rule_problems(rule) == ()
    assert rule.remote_addresses == PEERS
    assert rule.protocol == 6
    assert rule.profiles == {Profile.DOMAIN}
    assert rule.action is Action.ALLOW
    assert MARK in rule.description
    add_rule(rule, ENVIRONMENT)


def test_no_two_standard_rules_share_a_name() -> None:
    # The vendor's script gives both directions one name, so "set" and "delete" hit both.
    names = [item.rule.name.lower() for item in EVERY]
    assert len(set(names)) == len(names)


def test_the_endpoint_mapper_is_the_local_port_inbound_and_the_remote_port_outbound() -> None:
    # The vendor's script gives local port 135 for both.
    inbound, outbound = (item.rule for item in endpoint_mapper_rules(SCOPE))
    assert (inbound.local_ports, inbound.remote_ports) == (PortSet.of("RPC-EPMap"), PortSet())
    assert (outbound.local_ports, outbound.remote_ports) == (PortSet(), PortSet.of(135))
    assert (inbound.program, inbound.service) == ("C:\\Windows\\System32\\svchost.exe", "RpcSs")


def test_the_typical_rule_reads_as_the_reference_has_it() -> None:
    (rule,) = (item.rule for item in apis_hive_rules(replace(SCOPE, directions=frozenset({Direction.IN}))))
    assert format_rule(replace(rule, name="OPC ApisHive", description="")) == (
        "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=RPC|RA4=10.0.0.21"
        "|RA4=10.0.1.0/255.255.255.0|App=C:\\apis\\bin64\\apishivex64.exe|Name=OPC ApisHive|"
    )


def test_directions_and_state_are_those_of_the_scope() -> None:
    scope = RuleScope(PEERS, ALL_PROFILES, frozenset({Direction.OUT}), RuleState.ABSENT)
    (item,) = opc_enum_rules(scope, OPC_ENUM)
    assert item.rule.direction is Direction.OUT
    assert item.state is RuleState.ABSENT
    assert item.only_if_default_blocks


def test_with_the_standard_rules_a_peer_gets_through_and_nobody_else() -> None:
    texts = stored(*(format_rule(item.rule) for item in EVERY))
    blocked = {profile: ProfileSettings(default_outbound_action=Action.BLOCK) for profile in Profile}
    state = FirewallState(read_rules(texts), blocked)
    svchost = "C:\\Windows\\System32\\svchost.exe"
    calls = [
        Connection(Direction.IN, Profile.DOMAIN, PEERS, PortSet.of(135), program=svchost, service="RpcSs"),
        Connection(Direction.IN, Profile.DOMAIN, PEERS, PortSet.of("RPC"), program=APIS_HIVE),
        Connection(Direction.IN, Profile.DOMAIN, PEERS, PortSet.of("RPC"), program=OPC_ENUM.lower()),
        Connection(Direction.OUT, Profile.DOMAIN, PEERS, remote_ports=PortSet.of(135), program=svchost),
        Connection(Direction.OUT, Profile.DOMAIN, PEERS, remote_ports=PortSet.of(50123), program=APIS_HIVE),
    ]
    for call in calls:
        for address in ("10.0.0.21", "10.0.1.77"):
            found = effective_verdict(state, replace(call, remote_address=AddressSet.of(address)), ENVIRONMENT)
            assert (found.allowed, found.is_certain) == (True, True), (call, found)
        stranger = replace(call, remote_address=AddressSet.of("10.0.0.22"))
        assert not effective_verdict(state, stranger, ENVIRONMENT).allowed
        assert not effective_verdict(state, replace(call, profile=Profile.PUBLIC), ENVIRONMENT).allowed
