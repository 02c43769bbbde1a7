# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""netsh commands: every value arrives as it is or is refused, nothing else ever runs, selectors name what they must.

The line is read back by a cmd.exe and an argv splitter written here, and by those of the simulated site.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

import pytest
from firewall_support import APIS_HIVE, ENVIRONMENT, SimulatedStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_checks import rule_problems
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_compare import same_rule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_grammar import RuleField
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import (
    Action,
    Direction,
    EdgeTraversal,
    FirewallRule,
    Profile,
    parse_rule,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import AddressSet, PortSet
from ansible_collections.otsec.opc_dcom.plugins.module_utils._netsh import (
    MAX_COMMAND_LINE,
    NetshError,
    RuleSelector,
    add_rule,
    check_text,
    delete_rule,
    quote_argument,
    set_rule,
)

RULE = FirewallRule("OPC ApisHive (in)", Direction.IN, protocol=6, local_ports=PortSet.of("RPC"), program=APIS_HIVE)


def run_by_cmd(line: str) -> list[str]:
    """The words a program gets when `cmd.exe /c line` runs it. Fails when cmd would do anything but run one program."""
    expanded = re.sub(r"%([^%]+)%", lambda found: ENVIRONMENT.get(found[1], found[0]), line)
    assert not expanded.startswith('"')
    assert "\n" not in expanded and "\r" not in expanded
    quoted = False
    for character in expanded:
        quoted ^= character == '"'
        assert quoted or character not in "&|<>^()", f"cmd would act on {character} in {line}"
    assert not quoted
    return split_words(expanded)


def split_words(text: str) -> list[str]:
    """argv by the rules of the C run time: 2n backslashes and a quote are n backslashes, 2n+1 and a quote a quote."""
    words: list[str] = [""]
    quoted, index = False, 0
    while index < len(text):
        slashes = len(text[index:]) - len(text[index:].lstrip("\\"))
        index += slashes
        character = text[index : index + 1]
        if character == '"':
            words[-1] += "\\" * (slashes // 2) + ('"' if slashes % 2 else "")
            quoted ^= slashes % 2 == 0
        else:
            words[-1] += "\\" * slashes
            if character in (" ", "\t") and not quoted:
                words.append("")
            else:
                words[-1] += character
        index += 1
    return words


def test_the_splitter_of_this_test() -> None:
    assert split_words(r'a "b c" d="e f" g="C:\x\\" "h"') == ["a", "b c", "d=e f", "g=C:\\x\\", "h"]


HOSTILE = [
    "a & calc.exe", "a&&b", "a > C:\\x", "< nul", "^", "a^b", "(x)", ")", "!", "!x!", "it's", "a;b,c=d", "a@b",
    "a\\", "a\\\\", "Überwachung größer", "日本語", "Ελληνικά", "-c", "/?", "?", "new", "name=all", "=", "==",
    "a  b", "`x`", "$(x)", "\u202egnp", "\U0001f525", "x" * 200, "C:\\a b\\", "\u201cq\u201d", "x\xa0y",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_arrive_as_they_are(text: str) -> None:
    rule = replace(RULE, name=f"n{text}", description=f"d {text}.")
    words = run_by_cmd(add_rule(rule, ENVIRONMENT).command_line())
    assert f"name={rule.name}" in words
    assert f"description={rule.description}" in words
    store = SimulatedStore()
    assert store.run(add_rule(rule, ENVIRONMENT).command_line()) == 0
    (item,) = store.rules()
    assert item.rule == rule
    assert store.run(delete_rule(RuleSelector.of(rule)).command_line()) == 0
    assert store.rules() == ()


@pytest.mark.parametrize("text", ["name\\", "name\\\\", "C:\\a b\\"])
def test_backslashes_at_the_end_are_doubled(text: str) -> None:
    (argument,) = [item for item in add_rule(replace(RULE, name=text), ENVIRONMENT).arguments if item[:5] == "name="]
    assert argument == f"name={text}"
    assert quote_argument(argument).endswith("\\" * 2 * (len(text) - len(text.rstrip("\\"))) + '"')
    assert argument in run_by_cmd(add_rule(replace(RULE, name=text), ENVIRONMENT).command_line())


REFUSED = [
    'a"b', 'a" & calc.exe & "', "%PATH%", "100%", "a\nb", "a\r\nnet user", "a\tb", "a\x00b", "\x1b[0m", "\x7f", "\x85",
    "\ud800", "\uffff", "\ufffe", "a ",
]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_cmd_would_not_pass_on_is_refused_before_anything_runs(text: str) -> None:
    for changed in (replace(RULE, name=text), replace(RULE, service=text), replace(RULE, program=f"C:\\{text}")):
        with pytest.raises(NetshError):
            add_rule(changed, {})
    if text:
        with pytest.raises(NetshError):
            add_rule(replace(RULE, description=text), ENVIRONMENT)
    with pytest.raises(NetshError):
        check_text(text, "x")


@pytest.mark.parametrize("text", ["", " ", " a", "a ", "\u2003a"])
def test_a_text_has_no_blank_at_its_ends(text: str) -> None:
    with pytest.raises(NetshError):
        add_rule(replace(RULE, name=text), ENVIRONMENT)


@pytest.mark.parametrize("name", ["all", "ALL", "@FirewallAPI.dll,-30253"])
def test_names_that_stand_for_other_rules_are_refused(name: str) -> None:
    with pytest.raises(NetshError):
        add_rule(replace(RULE, name=name), ENVIRONMENT)
    with pytest.raises(NetshError):
        RuleSelector.of(replace(RULE, name=name))


REFUSED_RULES = [
    replace(RULE, grouping="Plant"),
    replace(RULE, other=(RuleField("IFType", "Lan"),)),
    replace(RULE, action=Action.BYPASS, other=(RuleField("Security", "Authenticate"),)),
    replace(RULE, program="%Nowhere%\\a.exe"),
    replace(RULE, program="C:/apis/a.exe"),
    replace(RULE, program="C:\\apis\\*.exe"),
    replace(RULE, program="apishivex64.exe"),
    replace(RULE, program="..\\apishivex64.exe"),
    replace(RULE, program="any"),
    replace(RULE, service="any"),
    replace(RULE, local_ports=PortSet.of("RPC", 135)),
    replace(RULE, local_ports=PortSet.of("IPHTTPSIn")),
    replace(RULE, remote_addresses=AddressSet.of("IntErnet")),
    replace(RULE, remote_addresses=AddressSet(keywords=frozenset({(4, "LocalSubnet")}))),
    replace(RULE, remote_addresses=AddressSet.of("127.0.0.1")),
    replace(RULE, remote_addresses=AddressSet.of("::1")),
    replace(RULE, remote_addresses=AddressSet.of("0.0.0.0/0")),
]


@pytest.mark.parametrize("rule", REFUSED_RULES)
def test_rules_netsh_cannot_write_are_refused(rule: FirewallRule) -> None:
    with pytest.raises(NetshError):
        add_rule(rule, ENVIRONMENT)


def test_variables_are_expanded_by_us_and_never_by_cmd() -> None:
    command = add_rule(replace(RULE, program="%SystemRoot%\\System32\\svchost.exe"), ENVIRONMENT)
    assert "program=C:\\Windows\\System32\\svchost.exe" in command.arguments
    assert "%" not in command.command_line()


def test_too_many_peers_for_one_line_are_refused_with_advice() -> None:
    peers = AddressSet.of(*(f"10.0.{i}.{j}" for i in range(8) for j in range(0, 256, 2)))
    with pytest.raises(NetshError, match="networks or ranges"):
        add_rule(replace(RULE, remote_addresses=peers), ENVIRONMENT)
    fits = AddressSet.of("10.0.0.0/16")
    assert len(add_rule(replace(RULE, remote_addresses=fits), ENVIRONMENT).command_line()) < MAX_COMMAND_LINE


def test_service_any_is_never_written_for_no_service() -> None:
    # Seen in other tools: Svc=* was written for "no service", and the rule never matched a plain program.
    assert not any(item.startswith("service=") for item in add_rule(RULE, ENVIRONMENT).arguments)
    assert "service=any" in add_rule(replace(RULE, service="*"), ENVIRONMENT).arguments


def test_the_whole_line() -> None:
    rule = replace(RULE, profiles=frozenset({Profile.DOMAIN}), remote_addresses=AddressSet.of("10.1.2.0/24", "fe80::1"))
    assert add_rule(rule, ENVIRONMENT).command_line() == (
        'netsh.exe advfirewall firewall add rule name="OPC ApisHive (in)" dir=in action=allow '
        'program="C:\\apis\\bin64\\apishivex64.exe" enable=yes profile=domain remoteip=10.1.2.0/24,fe80::1 '
        "protocol=tcp localport=RPC"
    )
    assert delete_rule(RuleSelector.of(rule)).command_line() == (
        'netsh.exe advfirewall firewall delete rule name="OPC ApisHive (in)" dir=in profile=domain '
        'program="C:\\apis\\bin64\\apishivex64.exe" remoteip=10.1.2.0/24,fe80::1 protocol=tcp localport=RPC'
    )
    changed = replace(rule, enabled=False, local_ports=PortSet.of(135, "5000-5100"))
    assert (
        set_rule(RuleSelector.of(rule), rule, changed, ENVIRONMENT)
        .command_line()
        .endswith(" new enable=no protocol=tcp localport=135,5000-5100")
    )


def test_an_executable_can_be_named_by_its_path() -> None:
    line = add_rule(RULE, ENVIRONMENT).command_line("C:\\Windows\\System32\\netsh.exe")
    assert line.startswith("C:\\Windows\\System32\\netsh.exe advfirewall firewall add rule ")


SELECTOR_ONLY = ("action=", "enable=", "description=", "edge=", "security=")


def test_delete_never_gets_arguments_it_does_not_know() -> None:
    # Seen in other tools: action, enable and edge given to delete make netsh refuse the command.
    rule = replace(RULE, description="d", edge_traversal=EdgeTraversal.YES, service="RpcSs")
    assert not any(item.startswith(SELECTOR_ONLY) for item in delete_rule(RuleSelector.of(rule)).arguments)


def test_ports_never_come_without_a_protocol() -> None:
    # Seen in other tools: "Ports can only be specified if the protocol is TCP or UDP."
    changed = replace(RULE, local_ports=PortSet.of(135))
    for command in (
        add_rule(RULE, ENVIRONMENT),
        delete_rule(RuleSelector.of(RULE)),
        set_rule(RuleSelector.of(RULE), RULE, changed, ENVIRONMENT),
    ):
        for index, item in enumerate(command.arguments):
            if item.startswith(("localport=", "remoteport=")):
                assert any(earlier == "protocol=tcp" for earlier in command.arguments[:index])


@pytest.mark.parametrize(
    "after",
    [
        replace(RULE, program=None),
        replace(RULE, service="RpcSs"),
        replace(RULE, protocol=17, local_ports=PortSet.of(135)),
        replace(RULE, direction=Direction.OUT, local_ports=PortSet()),
        replace(RULE, description="new"),
        replace(RULE, grouping="Plant"),
        replace(RULE, other=(RuleField("IFType", "Lan"),)),
        RULE,
    ],
)
def test_changes_that_set_cannot_take_back_are_refused(after: FirewallRule) -> None:
    with pytest.raises(NetshError):
        set_rule(RuleSelector.of(RULE), RULE, after, ENVIRONMENT)


def rule(fields: str) -> FirewallRule:
    return parse_rule(f"v2.10|Action=Allow|Active=TRUE|Dir=In|{fields}|")


SELECTS = [
    # selector made of this rule, other rule, may netsh hit it, does it certainly
    ("Name=a", "Name=A|Desc=other", True, True),
    ("Name=a", "Name=b", False, False),
    ("Name=a", "Protocol=6|LPort=135|App=C:\\x.exe|Name=a", True, True),
    ("Protocol=6|Name=a", "Name=a", False, False),
    ("App=C:\\x.exe|Name=a", "Name=a", False, False),
    ("App=C:\\x.exe|Name=a", "App=c:\\X.EXE|Name=a", True, True),
    ("App=%SystemRoot%\\x.exe|Name=a", "App=C:\\y.exe|Name=a", True, True),  # a path with variables does not select
    ("Svc=RpcSs|Name=a", "Svc=rpcss|Name=a", True, True),
    ("Svc=*|Name=a", "Name=a", True, True),
    ("Profile=Domain|Name=a", "Name=a", True, False),
    ("Profile=Domain|Name=a", "Profile=Public|Name=a", False, False),
    ("RA4=10.0.0.1|Name=a", "Name=a", False, False),
    ("RA4=10.0.0.1|Name=a", "RA4=10.0.0.1|RA4=10.0.0.9|Name=a", True, False),
    ("RA4=10.0.0.1|RA4=10.0.0.2|Name=a", "RA4=10.0.0.2|RA4=10.0.0.1|Name=a", True, True),
    ("RA4=10.0.0.1|RA4=10.0.0.2|Name=a", "RA4=10.0.0.1-10.0.0.2|Name=a", True, False),
    ("RA4=10.0.0.0/24|Name=a", "RA4=10.0.0.0/255.255.255.0|Name=a", True, True),
    ("RA4=10.0.0.1|Name=a", "RA4=LocalSubnet|Name=a", True, False),
    ("RA4=IntErnet|Name=a", "RA4=10.0.0.1|Name=a", True, True),  # what netsh cannot write does not select
    ("Protocol=6|Name=a", "Protocol=6|LPort=135|Name=a", True, True),
    ("Protocol=6|Name=a", "Protocol=17|Name=a", False, False),
    ("Protocol=17|Name=a", "Protocol=6|Name=a", False, False),
    ("Svc=RpcSs|Name=a", "Svc=Spooler|Name=a", False, False),
    ("Svc=RpcSs|Name=a", "Name=a", False, False),
    ("Profile=Domain|Name=a", "Profile=Domain|Name=a", True, True),
    ("Profile=Domain|Name=a", "Profile=Domain|Profile=Public|Name=a", True, False),
    ("Profile=Domain|Profile=Public|Name=a", "Profile=Domain|Name=a", True, False),
    ("Protocol=6|LPort=135|Name=a", "Protocol=6|LPort=135|Name=a", True, True),
    ("Protocol=6|LPort=135|Name=a", "Protocol=6|Name=a", False, False),
    ("Protocol=6|LPort=135|Name=a", "Protocol=6|LPort=136|Name=a", False, False),
    ("Protocol=6|LPort=135|Name=a", "Protocol=6|LPort=134|Name=a", False, False),
    ("Protocol=6|LPort=135|Name=a", "Protocol=6|LPort=135|LPort=500|Name=a", True, False),
    ("Protocol=6|LPort=135|LPort=500|Name=a", "Protocol=6|LPort=135|Name=a", True, False),
    ("Protocol=6|RPort=135|Name=a", "Protocol=6|LPort=135|Name=a", False, False),
    ("Protocol=6|RPort=135|Name=a", "Protocol=6|RPort=135|Name=a", True, True),
    ("Protocol=6|LPort=RPC|Name=a", "Protocol=6|LPort=RPC|Name=a", True, True),
    ("Protocol=6|LPort=RPC|Name=a", "Protocol=6|LPort2_10=49152-65535|Name=a", True, False),
    ("LA4=10.0.0.1|Name=a", "RA4=10.0.0.1|Name=a", False, False),
    ("LA4=10.0.0.1|Name=a", "LA4=10.0.0.1|Name=a", True, True),
    ("LA4=10.0.0.1|Name=a", "LA4=10.0.0.2|Name=a", False, False),
    ("RA4=10.0.0.1|Name=a", "RA6=fe80::1|Name=a", False, False),
    ("RA4=10.0.0.1|Name=a", "RA4=10.0.0.2|Name=a", False, False),
    ("RA4=10.0.0.2|Name=a", "RA4=10.0.0.1|Name=a", False, False),
    ("RA4=10.0.0.1|RA4=10.0.0.9|Name=a", "RA4=10.0.0.1|Name=a", True, False),
    ("RA6=FE80::A|Name=a", "RA6=fe80::a|Name=a", True, True),
    # A list that netsh cannot write does not select, however much else the rule says.
    ("Protocol=6|LPort=RPC|LPort=135|Name=a", "Protocol=6|LPort=500|Name=a", True, True),
    ("Protocol=6|RPort=500|LPort2_10=IPHTTPSIn|Name=a", "Protocol=6|RPort=500|Name=a", True, True),
]  # fmt: skip


@pytest.mark.parametrize(("mine", "other", "may", "certainly"), SELECTS)
def test_selectors_know_what_they_may_hit(mine: str, other: str, may: bool, certainly: bool) -> None:
    selector = RuleSelector.of(rule(mine.replace("RA4=IntErnet", "RA42=IntErnet")))
    assert selector.may_hit(rule(other), ENVIRONMENT) is may
    assert selector.hits(rule(other), ENVIRONMENT) is certainly


def test_a_selector_is_for_one_direction() -> None:
    found = rule("Name=a")
    assert RuleSelector.of(found).may_hit(found, ENVIRONMENT)
    assert not RuleSelector.of(found).may_hit(replace(found, direction=Direction.OUT), ENVIRONMENT)
    assert not RuleSelector.of(replace(found, direction=Direction.OUT)).may_hit(found, ENVIRONMENT)


def test_what_netsh_cannot_write_is_left_out_of_a_selector_and_the_rest_stays() -> None:
    unwritable = AddressSet(keywords=frozenset({(6, "DNS")}))
    both, one = PortSet.of("RPC", 135), PortSet.of(500)
    for fields, left in (
        ({"local_ports": both, "remote_ports": one}, ("protocol=tcp", "remoteport=500")),
        ({"local_ports": one, "remote_ports": both}, ("protocol=tcp", "localport=500")),
        ({"local_ports": one, "remote_addresses": unwritable}, ("protocol=tcp", "localport=500")),
        ({"local_ports": one, "local_addresses": unwritable}, ("protocol=tcp", "localport=500")),
        ({"service": "any", "local_ports": one}, ("protocol=tcp", "localport=500")),
        ({"service": "RpcSs"}, ("service=RpcSs", "protocol=tcp")),
        ({"service": "*"}, ("protocol=tcp",)),
        ({"program": "..\\x.exe"}, ("protocol=tcp",)),
        ({"protocol": None}, ()),
        ({"protocol": 47}, ("protocol=47",)),
    ):
        wanted = replace(FirewallRule("a", Direction.IN, protocol=6), **fields)
        assert RuleSelector.of(wanted).arguments() == ("name=a", "dir=in", *left)


@pytest.mark.parametrize(
    ("addresses", "written"),
    [
        (("LocalSubnet",), "localsubnet"),
        (("DNS", "10.0.0.1"), "10.0.0.1,dns"),
        (("WINS", "DHCP"), "dhcp,wins"),
        (("DefaultGateway", "FE80::A"), "fe80::a,defaultgateway"),
        (("10.0.0.0/24", "10.0.2.1-10.0.2.7"), "10.0.0.0/24,10.0.2.1-10.0.2.7"),
    ],
)
def test_addresses_as_netsh_is_given_them(addresses: tuple[str, ...], written: str) -> None:
    wanted = replace(RULE, remote_addresses=AddressSet.of(*addresses))
    assert f"remoteip={written}" in add_rule(wanted, ENVIRONMENT).arguments


@pytest.mark.parametrize("text", ["127.0.0.1-127.0.0.9", "127.0.0.0/8", "0.0.0.0-10.0.0.1", "::-::5", "0.0.0.0", "::"])
def test_addresses_of_no_peer_are_refused_also_as_a_start(text: str) -> None:
    with pytest.raises(NetshError, match="the firewall does not take the address"):
        add_rule(replace(RULE, remote_addresses=AddressSet.of(text)), ENVIRONMENT)


@pytest.mark.parametrize(
    ("profiles", "written"),
    [
        (frozenset(Profile), "any"),
        (frozenset({Profile.PRIVATE}), "private"),
        (frozenset({Profile.PUBLIC, Profile.DOMAIN}), "domain,public"),
    ],
)
def test_profiles_as_netsh_is_given_them(profiles: frozenset[Profile], written: str) -> None:
    assert f"profile={written}" in add_rule(replace(RULE, profiles=profiles), ENVIRONMENT).arguments


@pytest.mark.parametrize("keyword", ["RPC", "RPC-EPMap", "Teredo"])
def test_port_keywords_of_netsh_stand_alone(keyword: str) -> None:
    assert f"localport={keyword}" in add_rule(replace(RULE, local_ports=PortSet.of(keyword)), ENVIRONMENT).arguments
    for more in (135, "RPC" if keyword != "RPC" else "Teredo"):
        with pytest.raises(NetshError, match="alone, not these ports"):
            add_rule(replace(RULE, local_ports=PortSet.of(keyword, more)), ENVIRONMENT)


def test_a_line_has_at_most_eight_thousand_characters() -> None:
    # cmd.exe takes 8191 (Microsoft KB830473), of which WinRM needs a few around ours.
    empty = len(add_rule(replace(RULE, description="d"), ENVIRONMENT).command_line())
    plain = "d" * (8000 - empty + 1)
    assert len(add_rule(replace(RULE, description=plain), ENVIRONMENT).command_line()) == 8000
    with pytest.raises(NetshError, match="the command has 8001 characters"):
        add_rule(replace(RULE, description=f"{plain}d"), ENVIRONMENT)


def test_ports_are_set_with_their_protocol_and_nothing_else_is() -> None:
    def said(after: FirewallRule, before: FirewallRule = RULE) -> tuple[str, ...]:
        arguments = set_rule(RuleSelector.of(before), before, after, ENVIRONMENT).arguments
        return arguments[arguments.index("new") + 1 :]

    assert said(replace(RULE, local_ports=PortSet.of(135))) == ("protocol=tcp", "localport=135")
    assert said(replace(RULE, remote_ports=PortSet.of(135))) == ("protocol=tcp", "remoteport=135")
    assert said(replace(RULE, enabled=False)) == ("enable=no",)
    assert said(replace(RULE, name="b")) == ("name=b",)
    assert said(replace(RULE, action=Action.BLOCK)) == ("action=block",)
    assert said(replace(RULE, program="C:\\b.exe")) == ("program=C:\\b.exe",)
    with_text = replace(RULE, service="RpcSs", description="a")
    assert said(replace(with_text, service="Spooler", description="b"), with_text) == (
        "service=Spooler",
        "description=b",
    )


def test_a_selector_always_hits_its_own_rule_and_is_narrow() -> None:
    found = rule(
        "Protocol=6|Profile=Domain|LPort=135|LPort2_10=80-90|RA4=10.0.0.2|RA4=10.0.0.1|App=C:\\x y.exe|Name=a b"
    )
    selector = RuleSelector.of(found)
    assert selector.hits(found, ENVIRONMENT)
    assert selector.arguments() == (
        "name=a b", "dir=in", "profile=domain", "program=C:\\x y.exe", "remoteip=10.0.0.2,10.0.0.1", "protocol=tcp",
        "localport=135,80-90",
    )  # fmt: skip
    assert selector.widened().arguments() == ("name=a b", "dir=in", "program=C:\\x y.exe", "protocol=tcp")


def test_a_rule_named_any_is_still_selected_by_its_name() -> None:
    assert "name=any" in RuleSelector.of(replace(RULE, name="any")).arguments()


SAFE = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"%|\ufffe\uffff')
names = st.text(SAFE, min_size=1, max_size=40).map(str.strip).filter(lambda text: text and text[0] != "@")
anything = st.text(min_size=1, max_size=30)
programs = st.text(SAFE.filter(lambda c: c not in "/*?<>"), min_size=1, max_size=60).map(
    lambda text: f"C:\\{text.strip()}"
)
octet = st.integers(1, 223).filter(lambda first: first != 127)
addresses = st.one_of(
    st.tuples(octet, st.integers(0, 2**24 - 1)).map(
        lambda item: f"{item[0]}.{item[1] >> 16}.{item[1] >> 8 & 255}.{item[1] & 255}"
    ),
    st.tuples(octet, st.integers(8, 30)).map(lambda item: f"{item[0]}.0.0.0/{item[1]}"),
    st.tuples(octet, st.integers(0, 99), st.integers(100, 255)).map(lambda x: f"{x[0]}.1.1.{x[1]}-{x[0]}.1.1.{x[2]}"),
    st.integers(2**125, 2**126).map(lambda number: str(ipaddress.IPv6Address(number))),
    st.sampled_from(["LocalSubnet", "DNS", "fd00:1::/64"]),
)
address_sets = st.lists(addresses, max_size=4, unique=True).map(lambda items: AddressSet.of(*items))
port_items = st.one_of(
    st.integers(0, 65535), st.tuples(st.integers(0, 99), st.integers(100, 65535)).map(lambda x: f"{x[0]}-{x[1]}")
)
port_sets = st.one_of(st.lists(port_items, max_size=4).map(lambda items: PortSet.of(*items)))
local_port_sets = st.one_of(port_sets, st.sampled_from([PortSet.of("RPC"), PortSet.of("RPC-EPMap")]))
profiles = st.sets(st.sampled_from(Profile), min_size=1).map(frozenset)


@st.composite
def random_rules(draw: st.DrawFn, text: st.SearchStrategy[str] = names) -> FirewallRule:
    direction = draw(st.sampled_from(Direction))
    protocol = draw(st.sampled_from([None, 6, 17, 47]))
    has_ports = protocol in (6, 17)
    is_rpc = protocol == 6 and direction is Direction.IN
    local = draw(local_port_sets if is_rpc else port_sets) if has_ports else PortSet()
    return FirewallRule(
        name=draw(text),
        direction=direction,
        action=draw(st.sampled_from([Action.ALLOW, Action.BLOCK])),
        enabled=draw(st.booleans()),
        protocol=protocol,
        profiles=draw(profiles),
        local_ports=local,
        remote_ports=draw(port_sets) if has_ports else PortSet(),
        remote_addresses=draw(address_sets),
        program=draw(st.none() | programs),
        service=draw(st.none() | st.sampled_from(["RpcSs", "*", "Apis Hive"])),
        description=draw(st.just("") | text),
        edge_traversal=draw(st.sampled_from(EdgeTraversal)) if direction is Direction.IN else EdgeTraversal.NO,
    )


def check_rule_through_cmd(wanted: FirewallRule) -> bool:
    """Whether the rule was written; a rule that is refused must have left the store alone."""
    store = SimulatedStore()
    try:
        command = add_rule(wanted, ENVIRONMENT)
    except NetshError:
        return False
    assert run_by_cmd(command.command_line()) == ["netsh.exe", *command.arguments]
    assert store.run(command.command_line()) == 0, command.command_line()
    (item,) = store.rules()
    assert item.rule is not None and same_rule(item.rule, wanted, ENVIRONMENT), (item.text, wanted)
    assert store.run(delete_rule(RuleSelector.of(item.rule)).command_line()) == 0
    assert store.rules() == ()
    return True


@pytest.mark.parametrize(
    "program",
    [
        "C:\\Program Files (x86)\\Bediener S\u00fcd & Nord\\^hive!.exe",
        "C:\\\u4e2d\u6587 \u0440\u0443\\\u00e5 b.exe",
        "C:\\a;b=c,d+e@f#g$h'i`j{k}[l]\\m~n.exe",
        "C:\\a & whoami & b\\c.exe",
    ],
)
def test_a_program_path_with_whatever_windows_allows_arrives_as_it_is(program: str) -> None:
    rule = parse_rule(f"v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App={program}|Name=OPC server|")
    assert check_rule_through_cmd(rule)


@pytest.mark.parametrize("field", ["name", "description", "service"])
def test_a_text_that_would_end_a_field_of_the_rule_is_refused(field: str) -> None:
    rule = parse_rule("v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|App=C:\\a.exe|Name=OPC server|")
    with pytest.raises(NetshError, match=r"holds a '\|', which ends a field"):
        add_rule(replace(rule, **{field: "a|b"}), ENVIRONMENT)


@settings(max_examples=400, deadline=None)
@given(random_rules())
def test_a_written_rule_is_the_wanted_rule(wanted: FirewallRule) -> None:
    assert check_rule_through_cmd(wanted) or rule_problems(wanted) or not wanted.name


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_rules(anything))
def test_no_text_whatever_runs_anything_else(wanted: FirewallRule) -> None:
    assert not (check_rule_through_cmd(wanted) and rule_problems(wanted))


@pytest.mark.slow
@settings(max_examples=5_000, deadline=None)
@given(random_rules())
def test_many_written_rules_are_the_wanted_rules(wanted: FirewallRule) -> None:
    assert check_rule_through_cmd(wanted) or rule_problems(wanted)


@settings(max_examples=200, deadline=None)
@given(random_rules(), random_rules())
def test_a_rule_set_to_another_is_the_other_and_can_be_set_back(before: FirewallRule, other: FirewallRule) -> None:
    after = replace(
        other, direction=before.direction, protocol=before.protocol, program=before.program, service=before.service,
        description=before.description, local_ports=before.local_ports, remote_ports=before.remote_ports,
        edge_traversal=before.edge_traversal,
    )  # fmt: skip
    store = SimulatedStore()
    try:
        forward = set_rule(RuleSelector.of(before), before, after, ENVIRONMENT)
        back = set_rule(RuleSelector.of(after), after, before, ENVIRONMENT)
        assert store.run(add_rule(before, ENVIRONMENT).command_line()) == 0
    except DomainError:
        return
    original = store.entries()
    assert store.run(forward.command_line()) == 0, forward.command_line()
    (item,) = store.rules()
    assert item.rule is not None and same_rule(item.rule, after, ENVIRONMENT)
    assert store.run(back.command_line()) == 0, back.command_line()
    assert store.entries() == original
