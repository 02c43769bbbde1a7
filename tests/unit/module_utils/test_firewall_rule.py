# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules by meaning: golden readings, semantic checks, comparison."""

from __future__ import annotations

from dataclasses import replace

import pytest
from firewall_support import ENVIRONMENT

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import RuleSyntaxError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_checks import rule_id_problems, rule_problems
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_compare import (
    conflict,
    describe_rule,
    differences,
    expand_path,
    rule_label,
    same_meaning,
    same_path,
    same_rule,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_grammar import RuleField
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import (
    ALL_PROFILES,
    Action,
    Direction,
    EdgeTraversal,
    FirewallRule,
    Profile,
    format_rule,
    parse_rule,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import (
    ANY_ADDRESS,
    ANY_PORT,
    AddressSet,
    Match,
    PortSet,
)

FROM_GPFAS_4_2 = (
    "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Public|LPort=RPC|RPort=49000"
    "|LA4=192.168.1.0/255.255.255.0|RA4=LocalSubnet|App=c:\\path\\foo.exe|Name=Firewall Rule Test"
    "|Security=Authenticate|"
)


def test_the_example_of_the_document() -> None:
    assert parse_rule(FROM_GPFAS_4_2) == FirewallRule(
        name="Firewall Rule Test",
        direction=Direction.IN,
        action=Action.ALLOW,
        enabled=True,
        protocol=6,
        profiles=frozenset({Profile.PUBLIC}),
        local_ports=PortSet.of("RPC"),
        remote_ports=PortSet.of(49000),
        local_addresses=AddressSet.of("192.168.1.0/24"),
        remote_addresses=AddressSet(keywords=frozenset({(4, "LocalSubnet")})),
        program="c:\\path\\foo.exe",
        other=(RuleField("Security", "Authenticate"),),
    )


def test_a_rule_that_a_real_netsh_left() -> None:
    # Recorded by Sysmon on Windows 11 22H2 after: add rule name="atomic testing" action=allow dir=in protocol=TCP
    # localport=450. Written by us, it is the same text.
    text = "v2.32|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=450|Name=atomic testing|"
    rule = parse_rule(text)
    assert rule == FirewallRule("atomic testing", Direction.IN, protocol=6, local_ports=PortSet.of(450))
    assert format_rule(rule, (2, 32)) == text


def test_absent_fields_have_their_documented_meaning() -> None:
    rule = parse_rule("v2.0|Action=Block|Dir=Out|Name=x|")
    assert not rule.enabled  # absent Active is FALSE
    assert rule.profiles == ALL_PROFILES
    assert rule.protocol is None
    assert rule.program is None
    assert rule.service is None
    assert rule.local_ports == ANY_PORT
    assert rule.remote_addresses == ANY_ADDRESS
    assert rule.edge_traversal is EdgeTraversal.NO


def test_keys_and_words_in_any_case() -> None:
    rule = parse_rule("V2.10|ACTION=allow|active=True|DIR=IN|protocol=6|PROFILE=domain|lport=rpc-epmap|name=x|")
    assert rule.enabled
    assert rule.profiles == {Profile.DOMAIN}
    assert rule.local_ports == PortSet.of("RPC-EPMap")


def test_all_three_profiles_are_all_profiles() -> None:
    one = parse_rule("v2.10|Action=Allow|Active=TRUE|Dir=In|Profile=Public|Profile=Domain|Profile=Private|Name=x|")
    assert same_meaning(one, parse_rule("v2.10|Action=Allow|Active=TRUE|Dir=In|Name=x|"), ENVIRONMENT)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ("Action=Permit|Dir=In|", "Action=Permit"),
        ("Action=Allow|Dir=Inbound|", "Dir=Inbound"),
        ("Action=Allow|Dir=In|Active=yes|", "Active=yes"),
        ("Action=Allow|Dir=In|Protocol=256|", "Protocol=256"),
        ("Action=Allow|Dir=In|Protocol=TCP|", "Protocol=TCP"),
        ("Action=Allow|Dir=In|Protocol=6|Protocol=6|", "Protocol=6"),
        ("Action=Allow|Dir=In|Profile=All|", "Profile=All"),
        ("Action=Allow|Dir=In|LPort=135|", "LPort=135"),
        ("Action=Allow|Dir=In|LPort=135|Protocol=6|", "LPort=135"),
        ("Action=Allow|Dir=In|Protocol=1|LPort=135|", "LPort=135"),
        ("Action=Allow|Dir=In|Protocol=6|LPort=135-136|", "LPort=135-136"),
        ("Action=Allow|Dir=In|Protocol=6|LPort2_10=135|", "LPort2_10=135"),
        ("Action=Allow|Dir=In|Protocol=6|LPort=80,443|", "LPort=80,443"),
        ("Action=Allow|Dir=In|Protocol=6|RPort=RPC|", "RPort=RPC"),
        ("Action=Allow|Dir=In|Protocol=6|LPort=RPCEPMap|", "LPort=RPCEPMap"),
        ("Action=Allow|Dir=In|Protocol=6|LPort2_20=80|", "LPort2_20=80"),
        ("Action=Allow|Dir=In|RA4=fe80::1|", "RA4=fe80::1"),
        ("Action=Allow|Dir=In|RA6=10.0.0.1|", "RA6=10.0.0.1"),
        ("Action=Allow|Dir=In|LA4=LocalSubnet|", "LA4=LocalSubnet"),
        ("Action=Allow|Dir=In|RA4=|", "RA4="),
        ("Action=Allow|Dir=In|RA4=Everywhere|", "RA4=Everywhere"),
        # After fields of odd and of even length.
        ("Action=Allow|Active=TRUE|Dir=In|odd|", "odd"),
        ("Action=Allow|Active=TRUE|Dir=In|Profile=Domain|Profile=Public|RA4=x|", "RA4=x"),
        ("Action=Allow|Dir=In|Defer=Perhaps|", "Defer=Perhaps"),
    ],
)
def test_wrong_values_are_refused_with_their_place(fields: str, found: str) -> None:
    text = f"v2.10|{fields}Name=x|"
    with pytest.raises(RuleSyntaxError) as caught:
        parse_rule(text)
    error = caught.value
    assert text[error.offset : error.offset + error.length] == found


@pytest.mark.parametrize("text", ["v2.10|Dir=In|Name=x|", "v2.10|Action=Allow|Name=x|"])
def test_action_and_direction_are_required(text: str) -> None:
    with pytest.raises(RuleSyntaxError, match="a rule has a field"):
        parse_rule(text)


INBOUND = FirewallRule("x", Direction.IN, protocol=6)
OUTBOUND = FirewallRule("x", Direction.OUT, protocol=6)
SEMANTIC = [
    (replace(INBOUND, name=""), "1-9999"),
    (replace(INBOUND, name="a" * 10_000), "1-9999"),
    (replace(INBOUND, name="aLL"), "'all'"),
    (replace(INBOUND, name="a|b"), "no '|'"),
    (replace(INBOUND, description="a|b"), "no '|'"),
    (replace(INBOUND, program="C:\\" + "a" * 257), "259"),
    (replace(INBOUND, program="C:\\opc\\*.exe"), "found \\*"),
    (replace(INBOUND, program='"C:\\a.exe"'), 'found "'),
    (replace(INBOUND, service=""), "1-255"),
    (replace(INBOUND, service="a\\b"), "service name"),
    (replace(INBOUND, protocol=None, local_ports=PortSet.of(135)), "TCP or UDP"),
    (replace(INBOUND, protocol=1, remote_ports=PortSet.of(135)), "TCP or UDP"),
    (replace(OUTBOUND, local_ports=PortSet.of("RPC")), "for inbound"),
    (replace(OUTBOUND, remote_ports=PortSet.of("RPC")), "not a remote port"),
    (replace(INBOUND, protocol=17, local_ports=PortSet.of("RPC-EPMap")), "needs protocol TCP"),
    (replace(INBOUND, local_ports=PortSet.of("Teredo")), "needs protocol UDP"),
    (replace(OUTBOUND, edge_traversal=EdgeTraversal.YES), "edge traversal"),
    (replace(INBOUND, action=Action.BYPASS), "Security"),
    (replace(INBOUND, profiles=frozenset()), "at least one profile"),
    (replace(INBOUND, other=(RuleField("RMAuth", "D:"),)), "Security"),
    (replace(INBOUND, action=Action.BLOCK, other=(RuleField("Security", "Authenticate"),)), "rules that allow"),
    (replace(INBOUND, local_addresses=AddressSet.of("LocalSubnet")), "no keywords"),
]


@pytest.mark.parametrize(("rule", "message"), SEMANTIC)
def test_what_fasp_forbids_is_said(rule: FirewallRule, message: str) -> None:
    problems = rule_problems(rule)
    assert len(problems) == 1 or message == "not a remote port"
    assert any(message.replace("\\*", "*") in problem for problem in problems)


def test_valid_rules_have_no_problems() -> None:
    assert rule_problems(INBOUND) == ()
    assert rule_problems(replace(OUTBOUND, remote_ports=PortSet.of("IPHTTPSOut"))) == ()
    assert rule_id_problems("{A}") == ()
    assert rule_id_problems("a|b") and rule_id_problems("") and rule_id_problems("a" * 512)


# MS-FASP 2.2.37: the longest texts of a rule.
LONGEST = {"name": 9999, "description": 9999, "grouping": 9999, "service": 255, "program": 259}


@pytest.mark.parametrize(("field", "length"), LONGEST.items())
def test_the_longest_text_of_a_field(field: str, length: int) -> None:
    start = "C:\\" if field == "program" else ""
    longest = start + "a" * (length - len(start))
    assert rule_problems(replace(INBOUND, **{field: longest})) == ()
    (told,) = rule_problems(replace(INBOUND, **{field: f"{longest}a"}))
    assert str(length) in told
    assert rule_problems(replace(INBOUND, **{field: "a"})) == ()


def test_the_longest_id_of_a_rule() -> None:
    assert rule_id_problems("a" * 511) == () == rule_id_problems("a")
    assert rule_id_problems("a" * 512) == ("a rule id has 1-511 characters and no '|'",)


@pytest.mark.parametrize("character", '/*?"<>|')
def test_characters_no_program_has(character: str) -> None:
    assert rule_problems(replace(INBOUND, program=f"C:\\a{character}b")) == (
        f'the program path has none of /*?"<>|: found {character}',
    )


@pytest.mark.parametrize(
    ("keyword", "direction", "protocol", "is_valid"),
    [
        ("RPC", Direction.IN, 6, True),
        ("RPC-EPMap", Direction.IN, 6, True),
        ("IPTLSIn", Direction.IN, 6, True),
        ("IPHTTPSIn", Direction.IN, 6, True),
        ("Teredo", Direction.IN, 17, True),
        ("RPC", Direction.IN, 17, False),
        ("RPC-EPMap", Direction.IN, 17, False),
        ("IPTLSIn", Direction.IN, 17, False),
        ("IPHTTPSIn", Direction.IN, 17, False),
        ("Teredo", Direction.IN, 6, False),
        ("RPC", Direction.OUT, 6, False),
    ],
)
def test_local_port_keywords_have_a_direction_and_a_protocol(
    keyword: str, direction: Direction, protocol: int, is_valid: bool
) -> None:
    rule = FirewallRule("x", direction, protocol=protocol, local_ports=PortSet.of(keyword))
    assert (rule_problems(rule) == ()) is is_valid


@pytest.mark.parametrize(
    ("keyword", "direction", "protocol", "is_valid"),
    [
        ("IPTLSOut", Direction.OUT, 6, True),
        ("IPHTTPSOut", Direction.OUT, 6, True),
        ("IPTLSOut", Direction.OUT, 17, False),
        ("IPHTTPSOut", Direction.IN, 6, False),
        ("IPHTTPSIn", Direction.OUT, 6, False),
    ],
)
def test_remote_port_keywords_have_a_direction_and_a_protocol(
    keyword: str, direction: Direction, protocol: int, is_valid: bool
) -> None:
    rule = FirewallRule("x", direction, protocol=protocol, remote_ports=PortSet.of(keyword))
    assert (rule_problems(rule) == ()) is is_valid


SAME_PATHS = [
    ("%SystemRoot%\\system32\\svchost.exe", "C:\\Windows\\System32\\SVCHOST.EXE"),
    ("%systemroot%\\system32\\svchost.exe", "%WINDIR%\\system32\\svchost.exe"),
    ("%ProgramFiles% (x86)\\OPC\\s.exe", "C:\\Program Files (x86)\\OPC\\s.exe"),
    ("%ProgramFiles(x86)%\\OPC\\s.exe", "C:\\Program Files (x86)\\OPC\\s.exe"),
    ("C:\\apis\\\\bin64\\apishivex64.exe", "c:\\APIS\\bin64\\ApisHivex64.exe"),
    ("System", "SYSTEM"),
]


@pytest.mark.parametrize(("left", "right"), SAME_PATHS)
def test_paths_are_the_same_after_expansion_and_without_case(left: str, right: str) -> None:
    assert same_path(left, right, ENVIRONMENT)


def test_paths_that_differ() -> None:
    assert not same_path("%Nowhere%\\a.exe", "C:\\a.exe", ENVIRONMENT)
    assert not same_path("C:\\Windows\\System32\\OpcEnum.exe", "C:\\Windows\\SysWOW64\\OpcEnum.exe", ENVIRONMENT)
    assert not same_path("\\\\server\\share\\a.exe", "\\server\\share\\a.exe", ENVIRONMENT)
    assert not same_path(None, "C:\\a.exe", ENVIRONMENT)
    assert same_path(None, None, ENVIRONMENT)
    assert expand_path("%Nowhere%\\%", ENVIRONMENT) == "%Nowhere%\\%"


def rule(fields: str) -> FirewallRule:
    return parse_rule(f"v2.10|Action=Allow|Active=TRUE|Dir=In|{fields}|")


SAME_RULES = [
    ("Name=a", "Name=b|Desc=text|EmbedCtxt=group"),
    ("Protocol=6|LPort=80|LPort=81|LPort=82|Name=x", "Protocol=6|LPort2_10=80-82|Name=x"),
    ("RA4=10.0.0.0/255.255.255.0|Name=x", "RA4=10.0.0.0/24|Name=x"),
    ("RA4=10.0.0.1|RA4=10.0.0.2|Name=x", "RA4=10.0.0.1-10.0.0.2|Name=x"),
    (
        "App=%SystemRoot%\\system32\\svchost.exe|Svc=rpcss|Name=x",
        "App=C:\\windows\\System32\\svchost.exe|Svc=RpcSs|Name=x",
    ),
    ("Profile=Domain|Profile=Private|Profile=Public|Name=x", "Name=x"),
    ("LSM=TRUE|Name=x", "Name=x"),
]
DIFFERENT_RULES = [
    ("Name=x", "Protocol=6|Name=x", ["protocol"]),
    ("Svc=*|Name=x", "Name=x", ["service"]),
    ("Name=x", "Name=x|AppPkgId=S-1-15-2-1", ["other conditions"]),
    ("Name=x", "Name=x|Edge=TRUE", ["edge traversal"]),
    ("RA4=LocalSubnet|RA6=LocalSubnet|Name=x", "RA4=LocalSubnet|Name=x", ["remote addresses"]),
    ("Protocol=6|LPort=135|Name=x", "Protocol=6|LPort=RPC-EPMap|Name=x", ["local ports"]),
    ("Name=x", "Name=x|Zeta=1", ["other conditions"]),
]


@pytest.mark.parametrize(("left", "right"), SAME_RULES)
def test_rules_with_the_same_meaning(left: str, right: str) -> None:
    assert same_meaning(rule(left), rule(right), ENVIRONMENT)
    assert differences(rule(left), rule(right), ENVIRONMENT) == ()


@pytest.mark.parametrize(("left", "right", "fields"), DIFFERENT_RULES)
def test_rules_that_differ_say_in_what(left: str, right: str, fields: list[str]) -> None:
    found = differences(rule(left), rule(right), ENVIRONMENT)
    assert [item.field for item in found] == fields


def test_same_rule_compares_name_and_texts_too() -> None:
    assert same_rule(rule("Name=Ab"), rule("Name=aB"), ENVIRONMENT)
    assert not same_rule(rule("Name=a"), rule("Name=b"), ENVIRONMENT)
    assert not same_rule(rule("Name=a|Desc=b"), rule("Name=a"), ENVIRONMENT)


CONFLICTS = [
    ("Name=x", "Name=x", Match.YES),
    ("Protocol=6|Name=x", "Protocol=17|Name=x", Match.NO),
    ("Profile=Domain|Name=x", "Profile=Public|Name=x", Match.NO),
    ("App=C:\\a.exe|Name=x", "App=C:\\b.exe|Name=x", Match.NO),
    ("App=C:\\a.exe|Name=x", "Name=x", Match.YES),
    ("Svc=RpcSs|Name=x", "Svc=rpcss|Name=x", Match.YES),
    ("Svc=RpcSs|Name=x", "Svc=Dhcp|Name=x", Match.NO),
    ("Svc=RpcSs|Name=x", "Name=x", Match.MAYBE),
    ("Svc=RpcSs|Name=x", "Svc=*|Name=x", Match.MAYBE),
    ("RA4=10.0.0.1|Name=x", "RA4=10.0.0.0/24|Name=x", Match.YES),
    ("RA4=10.0.0.1|Name=x", "RA4=LocalSubnet|Name=x", Match.MAYBE),
    ("Name=x", "IFType=Lan|Name=x", Match.MAYBE),
    ("Name=x", "Name=x|AppPkgId=S-1-15-2-1", Match.NO),
    ("Protocol=6|LPort=RPC|Name=x", "Protocol=6|LPort2_10=5000-5100|Name=x", Match.MAYBE),
    ("Protocol=6|LPort=RPC|Name=x", "Protocol=6|LPort=135|Name=x", Match.NO),
]


@pytest.mark.parametrize(("left", "right", "expected"), CONFLICTS)
def test_rules_meet_as_far_as_is_known(left: str, right: str, expected: Match) -> None:
    assert conflict(rule(left), rule(right), ENVIRONMENT) is expected
    assert conflict(rule(right), rule(left), ENVIRONMENT) is expected


def test_a_disabled_or_opposite_rule_meets_nothing() -> None:
    one = rule("Name=x")
    assert conflict(one, replace(one, enabled=False), ENVIRONMENT) is Match.NO
    assert conflict(one, replace(one, direction=Direction.OUT), ENVIRONMENT) is Match.NO


def test_a_rule_is_described_one_fact_an_entry() -> None:
    described = describe_rule(parse_rule(FROM_GPFAS_4_2))
    assert described == {
        "name": "Firewall Rule Test",
        "direction": "in",
        "action": "allow",
        "enabled": "yes",
        "protocol": "TCP",
        "profiles": "public",
        "local ports": "RPC",
        "remote ports": "49000",
        "local addresses": ["192.168.1.0/24"],
        "remote addresses": ["LocalSubnet (IPv4 only)"],
        "program": "c:\\path\\foo.exe",
        "service": "any process",
        "edge traversal": "no",
        "other conditions": ["Security=Authenticate"],
        "grouping": "none",
        "description": "none",
    }


def test_the_label_says_the_direction_once() -> None:
    assert rule_label(FirewallRule("AllowApis", Direction.OUT)) == "AllowApis (out)"
    assert rule_label(FirewallRule("OPC ApisHive (in)", Direction.IN)) == "OPC ApisHive (in)"


def test_lists_keep_how_they_were_written() -> None:
    text = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=82|LPort=80|RA4=10.0.0.2|RA4=10.0.0.1|Name=x|"
    found = parse_rule(text)
    assert found.parts("local_ports") == ("82", "80")
    assert found.parts("remote_addresses") == ("10.0.0.2", "10.0.0.1")
    assert format_rule(found) == text
    changed = replace(found, remote_addresses=AddressSet.of("10.0.0.9"))
    assert changed.parts("remote_addresses") == ("10.0.0.9",)
