# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated netsh.exe against rules that a real one wrote, its help, and hostile arguments (dcom.md 5.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import pytest

from simulator.cim import Caller, ProgramResult
from simulator.journal import Journal
from simulator.programs.netsh_exe import Netsh
from simulator.subsystems.firewall import Firewall
from simulator.subsystems.firewall_rule import parse_rule
from simulator.subsystems.firewall_shipped import RULES_KEY, shipped_values
from simulator.subsystems.registry import KeyNode, Registry
from simulator.subsystems.registry_value import RegistryValue

ADMIN = Caller("admin", "S-1-5-21-1-2-3-500", frozenset({"S-1-5-32-544"}))
USER = Caller("user", "S-1-5-21-1-2-3-1001", frozenset({"S-1-5-32-545"}))


class Host:
    """A host reduced to what netsh touches."""

    def __init__(self, schema: tuple[int, int] = (2, 33), language: str = "en-US") -> None:
        self.journal = Journal(lambda: datetime(2026, 3, 2, tzinfo=UTC))
        self.registry = Registry(KeyNode(""), self.journal)
        for key, name, value in shipped_values(schema, is_server=True):
            self.registry.put(key, name, value)
        self.journal.records.clear()
        numbers = count(1)
        self.firewall = Firewall(
            self.registry, self.journal, schema, lambda: f"abcdef00-0000-0000-0000-{next(numbers):012d}"
        )
        self.firewall.configure(network_profile="Domain", variables={"SystemRoot": r"C:\Windows"})
        self.netsh = Netsh(self.firewall, self.journal, language)

    def run(self, *arguments: str, caller: Caller = ADMIN) -> ProgramResult:
        return self.netsh.run(caller, arguments)

    def rule(self, verb: str, *arguments: str, caller: Caller = ADMIN) -> ProgramResult:
        return self.run("advfirewall", "firewall", verb, "rule", *arguments, caller=caller)

    def add(self, *arguments: str) -> ProgramResult:
        return self.rule("add", *arguments)

    def own_rules(self) -> dict[str, str]:
        """What the registry holds beyond the shipped rules."""
        values = self.registry.enum_values(None, RULES_KEY)
        return {name: value.text for name, value in values if name.startswith("{")}

    def only_rule(self) -> str:
        (text,) = self.own_rules().values()
        return text


@pytest.fixture
def host() -> Host:
    return Host()


STORED = {
    # Recorded by Sysmon on Windows 11 22H2 (schema 2.32).
    "published record": (
        ["name=atomic testing", "action=allow", "dir=in", "protocol=TCP", "localport=450"],
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=450|Name=atomic testing|",
    ),
    # The forms below were captured on Server 2025 (schema 2.33) by a Group Policy codec project.
    "ports as given, profiles in order": (
        ["name=t", "dir=out", "action=block", "protocol=udp", "profile=private,domain", "remoteport=5000-5010,53"],
        "v2.33|Action=Block|Active=TRUE|Dir=Out|Protocol=17|Profile=Domain|Profile=Private|RPort2_10=5000-5010"
        "|RPort=53|Name=t|",
    ),
    "icmp": (
        ["name=t", "dir=in", "action=allow", "protocol=icmpv4:8,0"],
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=1|ICMP4=8:0|Name=t|",
    ),
    "icmp, any code": (
        ["name=t", "dir=in", "action=allow", "protocol=icmpv4:8,any"],
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=1|ICMP4=8:*|Name=t|",
    ),
    "addresses of both families": (
        ["name=t", "dir=in", "action=block", "localip=10.1.2.3", "remoteip=fd00::/64,10.0.0.0/24"],
        "v2.33|Action=Block|Active=TRUE|Dir=In|LA4=10.1.2.3|RA4=10.0.0.0/255.255.255.0|RA6=fd00::/64|Name=t|",
    ),
    "program": (
        ["name=t", "dir=out", "action=allow", "protocol=tcp", "remoteport=135", r"program=C:\apis\bin64\a.exe"],
        r"v2.33|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|RPort=135|App=C:\apis\bin64\a.exe|Name=t|",
    ),
    "service": (
        ["name=t", "dir=in", "action=allow", "protocol=tcp", "localport=135", "service=rpcss"],
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=135|Svc=rpcss|Name=t|",
    ),
    "RPC and local subnet": (
        ["name=t", "dir=in", "action=allow", "protocol=tcp", "localport=rpc", "remoteip=localsubnet"],
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=RPC|RA4=LocalSubnet|RA6=LocalSubnet|Name=t|",
    ),
    "endpoint mapper": (
        ["name=t", "dir=in", "action=allow", "protocol=tcp", "localport=RPC-EPMap"],
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=RPC-EPMap|Name=t|",
    ),
    "interface type and edge": (
        ["name=t", "dir=in", "action=allow", "protocol=udp", "localport=500", "interfacetype=lan", "edge=yes"],
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=17|LPort=500|IFType=Lan|Name=t|Edge=TRUE|",
    ),
    "protocol number": (
        ["name=t", "dir=out", "action=block", "protocol=47"],
        "v2.33|Action=Block|Active=TRUE|Dir=Out|Protocol=47|Name=t|",
    ),
    "bypass": (
        [
            "name=t", "dir=in", "action=bypass", "protocol=tcp", "localport=443", "rmtcomputergrp=D:(A;;CC;;;WD)",
            "security=authenticate",
        ],
        "v2.33|Action=ByPass|Active=TRUE|Dir=In|Protocol=6|LPort=443|Name=t|RMauth=D:(A;;CC;;;WD)"
        "|Security=Authenticate|",
    ),
    "disabled, described": (
        ["name=t", "dir=in", "action=allow", "enable=no", "protocol=tcp", "localport=1", "description=what for"],
        "v2.33|Action=Allow|Active=FALSE|Dir=In|Protocol=6|LPort=1|Name=t|Desc=what for|",
    ),
    # Composed by the same rules.
    "everything any": (
        [
            "name=t", "dir=in", "action=allow", "program=any", "profile=any", "localip=any", "remoteip=any",
            "protocol=any", "interfacetype=any", "edge=no", "security=notrequired",
        ],
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Name=t|",
    ),
    "any service": (
        ["name=t", "dir=in", "action=allow", "service=any"],
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Svc=*|Name=t|",
    ),
    "address list": (
        ["name=t", "dir=in", "action=allow", "remoteip=10.0.0.21,10.0.0.7-10.0.0.9,10.2.0.0/255.255.0.0,10.9.9.9/32"],
        "v2.33|Action=Allow|Active=TRUE|Dir=In|RA4=10.0.0.21|RA4=10.0.0.7-10.0.0.9|RA4=10.2.0.0/255.255.0.0"
        "|RA4=10.9.9.9|Name=t|",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "stored"), STORED.values(), ids=STORED)
def test_add_writes_the_rule_that_windows_writes(host: Host, arguments: list[str], stored: str) -> None:
    assert host.add(*arguments) == ProgramResult("Ok.\r\n\r\n")
    assert host.only_rule() == stored


def test_the_schema_of_the_host_is_written_and_ids_are_guids_in_braces() -> None:
    host = Host(schema=(2, 10))
    host.add("name=t", "dir=in", "action=allow")
    assert host.own_rules() == {
        "{ABCDEF00-0000-0000-0000-000000000001}": "v2.10|Action=Allow|Active=TRUE|Dir=In|Name=t|"
    }


SAME_COMMAND = {
    "plain": ["name=Allow OpcEnum", "dir=in", "action=allow"],
    "blank after the equals sign, as the seed writes it": ["name=", "Allow OpcEnum", "dir=in", "action=allow"],
    "blank before": ["name", "=Allow OpcEnum", "dir=in", "action=allow"],
    "blanks on both sides": ["name", "=", "Allow OpcEnum", "dir", "=", "in", "action", "=", "allow"],
    "keywords in capitals": ["NAME=Allow OpcEnum", "DIR=IN", "Action=ALLOW"],
    "another order": ["action=allow", "dir=in", "name=Allow OpcEnum"],
}


@pytest.mark.parametrize("arguments", SAME_COMMAND.values(), ids=SAME_COMMAND)
def test_tags_may_be_spaced_and_spelled_freely(host: Host, arguments: list[str]) -> None:
    host.add(*arguments)
    assert host.only_rule() == "v2.33|Action=Allow|Active=TRUE|Dir=In|Name=Allow OpcEnum|"


def test_contexts_and_verbs_are_not_case_sensitive(host: Host) -> None:
    assert host.run("AdvFirewall", "FIREWALL", "Add", "Rule", "name=t", "dir=in", "action=allow").exit_code == 0


VALUE = "A specified value is not valid."
PORT = "A specified port value is not valid."
PROTOCOL = "A specified protocol value is not valid."
ADDRESS = "A specified IP address or address keyword is not valid."
MISSING = "One or more essential parameters were not entered."
ALLOW_IN = ("name=t", "dir=in", "action=allow")
ALLOW_OUT = ("name=t", "dir=out", "action=allow")
INVALID = {
    "no name": (["dir=in", "action=allow"], MISSING),
    "no direction": (["name=t", "action=allow"], MISSING),
    "no action": (["name=t", "dir=in"], MISSING),
    "name all": (["name=ALL", "dir=in", "action=allow"], VALUE),
    "name with a pipe": (["name=a|Action=Allow", "dir=in", "action=allow"], VALUE),
    "description with a pipe": ([*ALLOW_IN, "description=a|b"], VALUE),
    "direction": (["name=t", "dir=inbound", "action=allow"], VALUE),
    "action": (["name=t", "dir=in", "action=permit"], VALUE),
    "profile": ([*ALLOW_IN, "profile=domain,work"], VALUE),
    "profile any with another": ([*ALLOW_IN, "profile=any,domain"], VALUE),
    "wildcard program": ([*ALLOW_IN, r"program=C:\a*.exe"], VALUE),
    "forward slash": ([*ALLOW_IN, "program=C:/a.exe"], VALUE),
    "quote in program": ([*ALLOW_IN, 'program=C:\\a".exe'], VALUE),
    "port without protocol": ([*ALLOW_IN, "localport=135"], PROTOCOL),
    "port with icmp": ([*ALLOW_IN, "protocol=icmpv4", "localport=1"], PROTOCOL),
    "protocol": ([*ALLOW_IN, "protocol=256"], PROTOCOL),
    "port": ([*ALLOW_IN, "protocol=tcp", "localport=65536"], PORT),
    "port range": ([*ALLOW_IN, "protocol=tcp", "localport=200-100"], PORT),
    "port list with a blank": ([*ALLOW_IN, "protocol=tcp", "localport=135, 136"], PORT),
    "rpc outbound": ([*ALLOW_OUT, "protocol=tcp", "localport=rpc"], PORT),
    "rpc as remote port": ([*ALLOW_OUT, "protocol=tcp", "remoteport=rpc"], PORT),
    "rpc over udp": ([*ALLOW_IN, "protocol=udp", "localport=rpc"], PORT),
    "address": ([*ALLOW_IN, "remoteip=10.0.0"], ADDRESS),
    "host name": ([*ALLOW_IN, "remoteip=hist01"], ADDRESS),
    "loopback": ([*ALLOW_IN, "remoteip=::1/128"], ADDRESS),
    "keyword as local address": ([*ALLOW_IN, "localip=localsubnet"], ADDRESS),
    "edge outbound": ([*ALLOW_OUT, "edge=yes"], VALUE),
    "bypass without a group": (["name=t", "dir=in", "action=bypass", "security=authenticate"], VALUE),
    "group without security": ([*ALLOW_IN, "rmtusrgrp=D:(A;;CC;;;WD)"], VALUE),
    "a tag twice": (["name=t", "name=u", "dir=in", "action=allow"], VALUE),
    "unknown tag": ([*ALLOW_IN, "group=x"], "'group' is not a valid argument for this command."),
    "stray word": ([*ALLOW_IN, "quick"], "'quick' is not a valid argument for this command."),
    "empty value at the end": (["dir=in", "action=allow", "name="], VALUE),
    # netsh cannot tell description="" from description= followed by a blank: dir=in becomes the description.
    "an empty value swallows the next argument": (["name=t", "description=", "dir=in", "action=allow"], MISSING),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), INVALID.values(), ids=INVALID)
def test_what_netsh_refuses_changes_nothing(host: Host, arguments: list[str], message: str) -> None:
    done = host.add(*arguments)
    assert done.exit_code == 1
    assert done.stdout.startswith(f"\r\n{message}")
    assert host.own_rules() == {}
    assert host.journal.records == []


HOSTILE = [
    'quote " in it',
    "percent %SystemRoot% and &whoami& | no pipe".replace("|", "!"),
    "caret ^ and (brackets)",
    "ends with backslash \\",
    "Prüfstand Überwachung äöüß",
    "данные 数据",
    "equals = sign, comma, semicolon;",
    "'apostrophes'",
    "new",
    "<xml/>",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text_and_nothing_else(host: Host, name: str) -> None:
    host.add(f"name={name}", "dir=in", "action=allow", "protocol=tcp", "localport=135")
    assert host.only_rule() == f"v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=135|Name={name}|"
    assert parse_rule(host.only_rule()).name == name
    assert host.rule("delete", f"name={name}", "dir=in").stdout == "\r\nDeleted 1 rule(s).\r\nOk.\r\n\r\n"
    assert host.own_rules() == {}


def two_opc_rules(host: Host) -> None:
    """The seed's slip: in and out under one name."""
    host.add("name=OPC DCOM (RPC)", "protocol=TCP", "dir=in", "localport=135", "action=allow", "profile=any")
    host.add("name=OPC DCOM (RPC)", "protocol=TCP", "dir=out", "localport=135", "action=allow", "profile=any")


def test_names_need_not_be_unique_and_delete_takes_every_match(host: Host) -> None:
    two_opc_rules(host)
    assert len(host.own_rules()) == 2
    assert host.rule("delete", "name=opc dcom (rpc)") == ProgramResult("\r\nDeleted 2 rule(s).\r\nOk.\r\n\r\n")
    assert host.own_rules() == {}


def test_delete_by_further_selectors(host: Host) -> None:
    two_opc_rules(host)
    host.rule("delete", "name=OPC DCOM (RPC)", "dir=out", "protocol=tcp", "localport=135", "profile=any")
    assert [parse_rule(text).direction for text in host.own_rules().values()] == ["In"]


def test_delete_without_a_match_is_a_failure(host: Host) -> None:
    done = host.rule("delete", "name=not there")
    assert done == ProgramResult("\r\nNo rules match the specified criteria.\r\n\r\n", exit_code=1)
    assert host.journal.records == []


def test_name_all_deletes_everything_that_matches_the_rest(host: Host) -> None:
    shipped = len(host.firewall.rules())
    two_opc_rules(host)
    host.rule("delete", "name=all", "dir=out", "protocol=tcp", "localport=135")
    assert len(host.firewall.rules()) == shipped + 1
    done = host.rule("delete", "name=all")
    assert done.stdout == f"\r\nDeleted {shipped + 1} rule(s).\r\nOk.\r\n\r\n"
    assert host.registry.enum_values(None, RULES_KEY) == []


def test_set_changes_all_matches_and_keeps_the_rest_of_the_rule(host: Host) -> None:
    two_opc_rules(host)
    done = host.rule("set", "name=OPC DCOM (RPC)", "new", "enable=no", "remoteip=10.0.0.21")
    assert done == ProgramResult("\r\nUpdated 2 rule(s).\r\nOk.\r\n\r\n")
    assert sorted(host.own_rules().values()) == [
        f"v2.33|Action=Allow|Active=FALSE|Dir={direction}|Protocol=6|LPort=135|RA4=10.0.0.21|Name=OPC DCOM (RPC)|"
        for direction in ("In", "Out")
    ]


def test_set_to_any_removes_the_condition(host: Host) -> None:
    host.add("name=t", "dir=in", "action=allow", "remoteip=10.0.0.1", "profile=domain", "edge=deferapp")
    host.rule("set", "name=t", "new", "remoteip=any", "profile=any", "edge=no", "name=u")
    assert host.only_rule() == "v2.33|Action=Allow|Active=TRUE|Dir=In|Name=u|"


def test_set_refuses_what_the_whole_rule_would_not_allow(host: Host) -> None:
    host.add("name=t", "dir=in", "action=allow", "protocol=tcp", "localport=rpc")
    done = host.rule("set", "name=t", "new", "dir=out")
    assert (done.exit_code, done.stdout.split("\r\n")[1]) == (1, PORT)
    assert parse_rule(host.only_rule()).direction == "In"


def test_set_without_new_or_with_name_all_is_refused(host: Host) -> None:
    assert host.rule("set", "name=t", "enable=no").exit_code == 1
    assert host.rule("set", "name=all", "new", "enable=no").exit_code == 1
    assert host.rule("set", "name=not there", "new", "enable=no") == ProgramResult(
        "\r\nNo rules match the specified criteria.\r\n\r\n", exit_code=1
    )


@pytest.mark.parametrize("group", ["Windows Management Instrumentation (WMI)", "@FirewallAPI.dll,-34251"])
def test_a_group_can_be_enabled_by_its_text_and_by_its_resource(host: Host, group: str) -> None:
    done = host.rule("set", f"group={group}", "new", "enable", "=yes")
    assert done.stdout == "\r\nUpdated 5 rule(s).\r\nOk.\r\n\r\n"
    assert host.rule("set", f"group={group}", "new", "action=block").exit_code == 1


def test_shipped_rules_are_found_by_their_localised_name() -> None:
    german = Host(language="de-DE")
    assert german.rule("show", "name=Windows-Remoteverwaltung (HTTP eingehend)").exit_code == 0
    assert german.rule("show", "name=Windows Remote Management (HTTP-In)").exit_code == 1


SHOWN = """
Rule Name:                            OPC ApisHive
----------------------------------------------------------------------
Description:                          for hist01
Enabled:                              Yes
Direction:                            In
Profiles:                             Domain,Private
Grouping:                             {nothing}
LocalIP:                              Any
RemoteIP:                             10.0.0.21/32,10.2.0.0/16
Protocol:                             TCP
LocalPort:                            RPC
RemotePort:                           Any
Edge traversal:                       No
Program:                              C:\\apis\\bin64\\apishivex64.exe
InterfaceTypes:                       Any
Security:                             NotRequired
Rule source:                          Local Setting
Action:                               Allow
Ok.

"""


def test_show_prints_what_published_transcripts_show(host: Host) -> None:
    host.add(
        "name=OPC ApisHive", "dir=in", "action=allow", "protocol=tcp", "localport=RPC", "profile=domain,private",
        "remoteip=10.0.0.21,10.2.0.0/16", r"program=C:\apis\bin64\apishivex64.exe", "description=for hist01",
    )  # fmt: skip
    assert host.rule("show", "name=opc apishive", "verbose").stdout == SHOWN.replace("{nothing}", "").replace(
        "\n", "\r\n"
    )
    short = host.rule("show", "OPC ApisHive").stdout  # the first tag may be left out
    assert "Program:" not in short
    assert host.rule("show", "all").stdout.count("Rule Name:") == len(host.firewall.rules())


def test_show_speaks_german() -> None:
    host = Host(language="de-DE")
    host.add("name=t", "dir=out", "action=block")
    shown = host.rule("show", "name=t").stdout
    assert "Regelname:                               t\r\n" in shown
    assert "Richtung:                                Aus\r\n" in shown
    assert shown.endswith("OK.\r\n\r\n")
    assert host.rule("show", "name=u").stdout == (
        "\r\nKeine Regeln stimmen mit den angegebenen Kriterien überein.\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("add", ("name=t", "dir=in", "action=allow")),
        ("delete", ("name=Windows Remote Management (HTTP-In)",)),
        ("set", ("name=Windows Remote Management (HTTP-In)", "new", "enable=no")),
    ],
)
def test_changes_need_elevation_and_reading_does_not(host: Host, verb: str, arguments: tuple[str, ...]) -> None:
    refused = "The requested operation requires elevation (Run as administrator).\r\n\r\n"
    assert host.rule(verb, *arguments, caller=USER) == ProgramResult(refused, exit_code=1)
    assert host.journal.records == []
    assert host.rule("show", "name=all", caller=USER).exit_code == 0


def test_without_the_service_nothing_works(host: Host) -> None:
    host.firewall.is_running = lambda: False
    for verb, arguments in (("add", ("name=t", "dir=in", "action=allow")), ("show", ("name=all",))):
        done = host.rule(verb, *arguments)
        assert done.exit_code == 1
        assert done.stdout.startswith("An error occurred while attempting to contact the  Windows Firewall service.")


def test_group_policy_rules_are_shown_but_not_changed(host: Host) -> None:
    key = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules"
    host.registry.put(key, "gp", RegistryValue.sz("v2.31|Action=Block|Active=TRUE|Dir=In|Name=by policy|"))
    host.firewall.reload()
    assert "Rule source:                          Group Policy Setting" in (
        host.rule("show", "name=by policy", "verbose").stdout
    )
    assert host.rule("delete", "name=by policy").exit_code == 1
    assert host.registry.get(key, "gp") is not None


def test_profiles_are_set_and_shown(host: Host) -> None:
    assert host.run("advfirewall", "set", "allprofiles", "state", "off") == ProgramResult("Ok.\r\n\r\n")
    assert (
        host.run("advfirewall", "show", "allprofiles", "state").stdout.count(
            "State                                 OFF"
        )
        == 3
    )
    host.run("advfirewall", "set", "currentprofile", "firewallpolicy", "blockinboundalways,blockoutbound")
    assert host.firewall.settings("Domain").is_shielded
    assert not host.firewall.settings("Public").is_shielded
    shown = host.run("advfirewall", "show", "currentprofile").stdout
    assert "\r\nDomain Profile Settings: \r\n" in shown
    assert "Firewall Policy                       BlockInboundAlways,BlockOutbound\r\n" in shown


@pytest.mark.parametrize(
    "words",
    [
        ("set", "allprofiles", "state"),
        ("set", "allprofiles", "state", "maybe"),
        ("set", "allprofiles", "firewallpolicy", "blockinbound"),
        ("set", "allprofiles", "logging", "droppedconnections", "enable"),
        ("show", "allprofiles", "everything"),
    ],
)
def test_what_the_profile_commands_do_not_know_is_a_violation(host: Host, words: tuple[str, ...]) -> None:
    assert host.run("advfirewall", *words).exit_code == 1
    assert len(host.journal.violations) == 1
    assert host.journal.records == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("interface", "ip", "show", "config"),
        ("advfirewall", "reset"),
        ("advfirewall", "firewall", "show"),
        ("firewall", "set", "opmode", "disable"),
        (),
    ],
)
def test_other_contexts_are_refused_and_recorded(host: Host, arguments: tuple[str, ...]) -> None:
    done = host.run(*arguments)
    assert (done.exit_code, len(host.journal.violations)) == (1, 1)
    assert done.stdout == f"The following command was not found: {' '.join(arguments)}.\r\n\r\n"
