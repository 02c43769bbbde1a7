# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would a connection get through? Block before allow before default, and never more certain than the store allows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from firewall_support import APIS_HIVE, ENVIRONMENT, OPC_ENUM, entries, state_of, stored

from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import Action, Direction, Profile
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import (
    FirewallState,
    ProfileSettings,
    read_rules,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import (
    ANY_ADDRESS,
    ANY_PORT,
    AddressSet,
    PortSet,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_verdict import (
    Connection,
    Reason,
    Verdict,
    effective_verdict,
)

SVCHOST = "C:\\Windows\\System32\\svchost.exe"
PEER = AddressSet.of("10.0.0.21")
TO_SERVER = Connection(Direction.IN, Profile.DOMAIN, PEER, PortSet.of("RPC"), program=APIS_HIVE)
TO_MAPPER = Connection(Direction.IN, Profile.DOMAIN, PEER, PortSet.of(135), program=SVCHOST, service="RpcSs")
FROM_CLIENT = Connection(Direction.OUT, Profile.DOMAIN, PEER, remote_ports=PortSet.of(135), program=SVCHOST)


def verdict(connection: Connection, *rules: str, **settings: object) -> Verdict:
    local = {profile: ProfileSettings(**settings) for profile in Profile}  # type: ignore[arg-type]
    texts = stored(*(f"v2.10|{rule}|" for rule in rules))
    return effective_verdict(FirewallState(read_rules(texts), local), connection, ENVIRONMENT)


def short(found: Verdict) -> tuple[bool, bool, Reason]:
    return found.allowed, found.is_certain, found.reason


ALLOW = "Action=Allow|Active=TRUE|Dir=In"
BLOCK = "Action=Block|Active=TRUE|Dir=In"
BY_DEFAULT = (False, True, Reason.DEFAULT_ACTION)
BY_RULE = (True, True, Reason.ALLOW_RULE)
PERHAPS = (False, False, Reason.DEFAULT_ACTION)
BLOCKED = (False, True, Reason.BLOCK_RULE)

INBOUND = [
    ("nothing", (), BY_DEFAULT),
    ("typical rule", (f"{ALLOW}|Protocol=6|LPort=RPC|RA4=10.0.0.21|App={APIS_HIVE}|Name=x",), BY_RULE),
    ("disabled", (f"Action=Allow|Active=FALSE|Dir=In|App={APIS_HIVE}|Name=x",), BY_DEFAULT),
    ("other program", (f"{ALLOW}|App={OPC_ENUM}|Name=x",), BY_DEFAULT),
    ("other peer", (f"{ALLOW}|RA4=10.0.0.22|App={APIS_HIVE}|Name=x",), BY_DEFAULT),
    ("other profile", (f"{ALLOW}|Profile=Public|App={APIS_HIVE}|Name=x",), BY_DEFAULT),
    ("udp", (f"{ALLOW}|Protocol=17|App={APIS_HIVE}|Name=x",), BY_DEFAULT),
    ("outbound rule", (f"Action=Allow|Active=TRUE|Dir=Out|App={APIS_HIVE}|Name=x",), BY_DEFAULT),
    ("all dynamic ports", (f"{ALLOW}|Protocol=6|LPort2_10=49152-65535|Name=x",), BY_RULE),
    ("some ports", (f"{ALLOW}|Protocol=6|LPort2_10=5000-5100|Name=x",), PERHAPS),
    ("the mapper's port only", (f"{ALLOW}|Protocol=6|LPort=135|Name=x",), BY_DEFAULT),
    ("any service only (never matches a plain program)", (f"{ALLOW}|App={APIS_HIVE}|Svc=*|Name=x",), PERHAPS),
    ("local subnet, not known here", (f"{ALLOW}|RA4=LocalSubnet|App={APIS_HIVE}|Name=x",), PERHAPS),
    ("needs IPsec", (f"{ALLOW}|App={APIS_HIVE}|Name=x|Security=Authenticate",), PERHAPS),
    ("packaged application", (f"{ALLOW}|Name=x|AppPkgId=S-1-15-2-1",), BY_DEFAULT),
    ("allow and block", (f"{ALLOW}|App={APIS_HIVE}|Name=x", f"{BLOCK}|App={APIS_HIVE}|Name=y"), BLOCKED),
    ("allow and a block that may match", (f"{ALLOW}|Name=x", f"{BLOCK}|IFType=Wireless|Name=y"),
     (True, False, Reason.ALLOW_RULE)),
    ("block for another port", (f"{ALLOW}|Name=x", f"{BLOCK}|Protocol=6|LPort=445|Name=y"), BY_RULE),
    ("malformed allow", (f"{ALLOW}|LPort=135|Name=x",), BY_DEFAULT),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "expected"), [item[1:] for item in INBOUND], ids=[item[0] for item in INBOUND])
def test_a_call_to_an_opc_server(rules: tuple[str, ...], expected: tuple[bool, bool, Reason]) -> None:
    assert short(verdict(TO_SERVER, *rules)) == expected


MAPPER = [
    (f"{ALLOW}|Protocol=6|LPort=RPC-EPMap|App=%SystemRoot%\\system32\\svchost.exe|Svc=RPCSS|Name=x", BY_RULE),
    (f"{ALLOW}|Protocol=6|LPort=135|Name=x", BY_RULE),
    (f"{ALLOW}|Protocol=6|LPort=135|Svc=Dhcp|Name=x", BY_DEFAULT),
    (f"{ALLOW}|Protocol=6|LPort=135|Svc=*|Name=x", BY_RULE),
    (f"{ALLOW}|Protocol=6|LPort=RPC|Name=x", BY_DEFAULT),
]


@pytest.mark.parametrize(("rule", "expected"), MAPPER)
def test_a_call_to_the_endpoint_mapper(rule: str, expected: tuple[bool, bool, Reason]) -> None:
    assert short(verdict(TO_MAPPER, rule)) == expected


def test_settings_come_before_rules() -> None:
    allow = f"{ALLOW}|Name=x"
    assert short(verdict(TO_SERVER, enable_firewall=False)) == (True, True, Reason.FIREWALL_OFF)
    assert short(verdict(TO_SERVER, allow, do_not_allow_exceptions=True)) == (False, True, Reason.SHIELDS_UP)
    assert short(verdict(FROM_CLIENT, do_not_allow_exceptions=True)) == (True, True, Reason.DEFAULT_ACTION)
    assert short(verdict(TO_SERVER, default_inbound_action=Action.ALLOW)) == (True, True, Reason.DEFAULT_ACTION)


def test_outbound_is_allowed_unless_the_default_blocks() -> None:
    assert short(verdict(FROM_CLIENT)) == (True, True, Reason.DEFAULT_ACTION)
    blocked = {"default_outbound_action": Action.BLOCK}
    right = "Action=Allow|Active=TRUE|Dir=Out|Protocol=6|RPort=135|RA4=10.0.0.21|Name=x"
    assert short(verdict(FROM_CLIENT, **blocked)) == (False, True, Reason.DEFAULT_ACTION)
    assert short(verdict(FROM_CLIENT, right, **blocked)) == BY_RULE


def test_the_seeds_slip_outbound_local_port_135_lets_nothing_out() -> None:
    slip = "Action=Allow|Active=TRUE|Dir=Out|Protocol=6|LPort=135|Name=OPC DCOM (RPC)"
    assert short(verdict(FROM_CLIENT, slip, default_outbound_action=Action.BLOCK)) == BY_DEFAULT


def test_policy_rules_count_and_local_ones_do_not_when_policy_says_so() -> None:
    local = stored(f"v2.10|{ALLOW}|App={APIS_HIVE}|Name=local|")
    state = state_of(local)
    merged = {profile: ProfileSettings(allow_local_policy_merge=False) for profile in Profile}
    assert effective_verdict(state, TO_SERVER, ENVIRONMENT).allowed
    dead = replace(state, policy_settings=merged)
    assert not effective_verdict(dead, TO_SERVER, ENVIRONMENT).allowed
    with_policy = replace(state_of(local, local), policy_settings=merged)
    found = effective_verdict(with_policy, TO_SERVER, ENVIRONMENT)
    assert found.allowed
    assert found.describe() == "allowed: an allow rule: 'local' (Group Policy)"


def test_what_is_not_known_makes_the_answer_uncertain() -> None:
    rule = f"{ALLOW}|Protocol=6|LPort=RPC|RA4=10.0.0.21|App={APIS_HIVE}|Name=x"
    assert short(verdict(replace(TO_SERVER, remote_address=ANY_ADDRESS), rule)) == PERHAPS
    assert short(verdict(replace(TO_SERVER, local_ports=ANY_PORT), rule)) == PERHAPS
    assert short(verdict(replace(TO_SERVER, program=None), rule)) == PERHAPS
    assert "not certain" in verdict(replace(TO_SERVER, program=None), rule).describe()


def test_local_subnet_is_resolved_when_the_networks_are_known() -> None:
    rule = f"{ALLOW}|RA4=LocalSubnet|RA6=LocalSubnet|App={APIS_HIVE}|Name=x"
    near = replace(TO_SERVER, local_networks=AddressSet.of("10.0.0.0/24"))
    far = replace(TO_SERVER, local_networks=AddressSet.of("192.168.0.0/24"))
    assert short(verdict(near, rule)) == BY_RULE
    assert short(verdict(far, rule)) == BY_DEFAULT


def test_a_store_of_a_fresh_windows_lets_winrm_in_and_opc_not() -> None:
    state = state_of(entries("built_in"))
    winrm = Connection(Direction.IN, Profile.DOMAIN, PEER, PortSet.of(5985), program="System")
    assert short(effective_verdict(state, winrm, ENVIRONMENT)) == BY_RULE
    assert short(effective_verdict(state, TO_SERVER, ENVIRONMENT)) == BY_DEFAULT
    assert short(effective_verdict(state, TO_MAPPER, ENVIRONMENT)) == BY_DEFAULT


def test_the_hand_run_script_opens_both_doors_to_anybody() -> None:
    state = state_of(entries("hand_run"))
    anybody = AddressSet.of("203.0.113.9")
    for connection in (TO_SERVER, TO_MAPPER):
        assert effective_verdict(state, replace(connection, remote_address=anybody), ENVIRONMENT).allowed
