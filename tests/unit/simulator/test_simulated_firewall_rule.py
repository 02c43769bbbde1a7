# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule grammar of the simulator, held to rules that Windows and Microsoft's specification wrote."""

from __future__ import annotations

import pytest

from simulator.subsystems.firewall_rule import RuleError, parse_rule, port_range, schema_version
from simulator.subsystems.firewall_shipped import shipped_rules

# (rule, source)
RULES_WINDOWS_WROTE = {
    "netsh on Windows 11 22H2, recorded by Sysmon": (
        "v2.32|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=450|Name=atomic testing|"
    ),
    "MS-GPFAS 4.2, shortened (dcom.md 5.2)": (
        r"v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Public|LPort=RPC|RPort=49000"
        r"|LA4=192.168.1.0/255.255.255.0|RA4=LocalSubnet|App=c:\path\foo.exe|Name=Firewall Rule Test"
        r"|Security=Authenticate|"
    ),
    "shipped with Windows 11": (
        r"v2.33|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=554|LPort2_10=8554-8558|RA4=LocalSubnet"
        r"|RA6=LocalSubnet|App=%SystemRoot%\system32\svchost.exe|Svc=FrameServer|Name=@FirewallAPI.dll,-54002"
        r"|Desc=@FirewallAPI.dll,-54003|EmbedCtxt=@FirewallAPI.dll,-54001|"
    ),
    "shipped, user condition and unknown key": (
        r"v2.33|Action=Allow|Active=TRUE|Dir=Out|Protocol=6|App=%systemroot%\system32\WUDFHost.exe"
        r"|Name=@wifidisplay.dll,-10202|Desc=@wifidisplay.dll,-10203|LUAuth=O:LSD:(A;;CC;;;UD)"
        r"|EmbedCtxt=@wifidisplay.dll,-100|TTK2_22=WFDDisplay|"
    ),
    "shipped, ICMP and link-local": (
        "v2.33|Action=Allow|Active=TRUE|Dir=Out|Protocol=58|ICMP6=134:*|LA6=fe80::/64|RA4=LocalSubnet"
        "|RA6=LocalSubnet|RA6=ff02::1|RA6=fe80::/64|App=System|Name=@FirewallAPI.dll,-25013"
        "|Desc=@FirewallAPI.dll,-25018|EmbedCtxt=@FirewallAPI.dll,-25000|"
    ),
}


@pytest.mark.parametrize("text", RULES_WINDOWS_WROTE.values(), ids=RULES_WINDOWS_WROTE)
def test_a_rule_that_windows_wrote_is_read_and_written_unchanged(text: str) -> None:
    assert str(parse_rule(text)) == text


def test_absent_fields_mean_what_the_specification_says() -> None:
    rule = parse_rule("v2.10|Action=Allow|Dir=In|Name=x|")
    assert not rule.is_active  # GPFAS 2.2.2: Active is FALSE where absent
    assert rule.protocol is None
    assert rule.profiles == {"Domain", "Private", "Public"}


REFUSED = {
    "no version": "Action=Allow|Dir=In|Name=x|",
    "no closing pipe": "v2.10|Action=Allow|Dir=In|Name=x",
    "token without equals": "v2.10|Action=Allow|Dir=In|Name=x|Edge|",
    "no name": "v2.10|Action=Allow|Active=TRUE|Dir=In|",
    "name ALL": "v2.10|Action=Allow|Dir=In|Name=All|",
    "action misspelled": "v2.10|Action=Permit|Dir=In|Name=x|",
    "no direction": "v2.10|Action=Allow|Name=x|",
    "ports before Protocol": "v2.10|Action=Allow|Dir=In|LPort=135|Protocol=6|Name=x|",
    "ports without Protocol": "v2.10|Action=Allow|Dir=In|LPort=135|Name=x|",
    "RPC on UDP": "v2.10|Action=Allow|Dir=In|Protocol=17|LPort=RPC|Name=x|",
    "RPC outbound": "v2.10|Action=Allow|Dir=Out|Protocol=6|LPort=RPC|Name=x|",
    "RPC-EPMap as remote port": "v2.10|Action=Allow|Dir=Out|Protocol=6|RPort=RPC-EPMap|Name=x|",
    "port above 65535": "v2.10|Action=Allow|Dir=In|Protocol=6|LPort=65536|Name=x|",
    "range backwards": "v2.10|Action=Allow|Dir=In|Protocol=6|LPort2_10=200-100|Name=x|",
    "protocol 256": "v2.10|Action=Allow|Dir=In|Protocol=256|Name=x|",
    "IPv6 address in RA4": "v2.10|Action=Allow|Dir=In|RA4=fe80::1|Name=x|",
    "keyword as local address": "v2.10|Action=Allow|Dir=In|LA4=LocalSubnet|Name=x|",
    "wildcard in program": r"v2.10|Action=Allow|Dir=In|App=C:\apis\*.exe|Name=x|",
    "forward slash in program": "v2.10|Action=Allow|Dir=In|App=C:/apis/a.exe|Name=x|",
    "program of 260 characters": "v2.10|Action=Allow|Dir=In|App=" + "a" * 260 + "|Name=x|",
    "edge traversal outbound": "v2.10|Action=Allow|Dir=Out|Name=x|Edge=TRUE|",
    "two names": "v2.10|Action=Allow|Dir=In|Name=x|Name=y|",
    "unknown profile": "v2.10|Action=Allow|Dir=In|Profile=Standard|Name=x|",
    "empty": "",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_the_service_would_not_load_is_refused(text: str) -> None:
    with pytest.raises(RuleError):
        parse_rule(text)


def test_changing_one_key_keeps_unknown_fields() -> None:
    rule = parse_rule("v2.33|Action=Allow|Active=TRUE|Dir=In|Name=x|TTK2_22=WFD|Future=1|")
    changed = rule.with_values("Profile", ["Domain", "Private"])
    assert str(changed) == (
        "v2.33|Action=Allow|Active=TRUE|Dir=In|Profile=Domain|Profile=Private|Name=x|TTK2_22=WFD|Future=1|"
    )


@pytest.mark.parametrize(("text", "expected"), [("135", (135, 135)), ("5000-5100", (5000, 5100)), ("0", (0, 0))])
def test_port_ranges(text: str, expected: tuple[int, int]) -> None:
    assert port_range(text) == expected


@pytest.mark.parametrize(
    ("build", "schema"),
    [
        (7601, (2, 10)), (9600, (2, 22)), (14393, (2, 26)), (17763, (2, 29)), (19045, (2, 30)), (20348, (2, 31)),
        (22621, (2, 32)), (26100, (2, 33)),
    ],
)  # fmt: skip
def test_schema_version_of_a_build(build: int, schema: tuple[int, int]) -> None:
    """dcom.md 5.2 (GPFAS <1>, FASP <12>)."""
    assert schema_version(build) == schema


@pytest.mark.parametrize("build", [7601, 9600, 14393, 17763, 20348, 26100])
@pytest.mark.parametrize("is_server", [True, False])
def test_every_windows_ships_an_enabled_winrm_rule(build: int, is_server: bool) -> None:
    rules = shipped_rules(schema_version(build), is_server=is_server)
    winrm = [rule for rule in rules.values() if rule.values("LPort") == ["5985"]]
    assert winrm
    assert all(rule.is_active and rule.action == "Allow" and rule.direction == "In" for rule in winrm)
    assert frozenset().union(*(rule.profiles for rule in winrm)) == {"Domain", "Private", "Public"}


def test_winrm_rules_carry_the_ids_that_exports_show() -> None:
    """Server 2016+: Enable-PSRemoting documentation; Windows 10/11: an exported store (`...-NoScope`)."""
    server = [rule_id for rule_id in shipped_rules((2, 31), is_server=True) if rule_id.startswith("WINRM-HTTP-In")]
    client = [rule_id for rule_id in shipped_rules((2, 30), is_server=False) if rule_id.startswith("WINRM-HTTP-In")]
    assert server == ["WINRM-HTTP-In-TCP", "WINRM-HTTP-In-TCP-PUBLIC"]
    assert client == ["WINRM-HTTP-In-TCP-NoScope", "WINRM-HTTP-In-TCP"]
