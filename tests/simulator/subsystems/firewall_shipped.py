# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules and profile settings that Windows ships, as data: what is in the store before anybody changed anything.

A realistic few dozen of the 300-600 rules of a real host: the groups an administrator of an OPC host meets. Rule ids,
fields and resource numbers are those of exported stores (7/2008 R2: 2.10 from Group Policy exports; 10/11 and servers:
2.20-2.33). Which rules are enabled out of the box differs by edition and role: here everything of Core Networking and
Windows Remote Management (this is how the controller got in), nothing else. Descriptions are not resolved to texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .firewall_rule import FirewallRule, parse_rule
from .registry_value import RegistryValue

POLICY_ROOT = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
RULES_KEY = rf"{POLICY_ROOT}\FirewallRules"
GROUP_POLICY_ROOT = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall"
GROUP_POLICY_RULES_KEY = rf"{GROUP_POLICY_ROOT}\FirewallRules"
# In the local store StandardProfile is the private profile (dcom.md 9 no. 19: common knowledge, not specified).
PROFILE_KEYS = {"Domain": "DomainProfile", "Private": "StandardProfile", "Public": "PublicProfile"}

_SVCHOST = r"App=%SystemRoot%\system32\svchost.exe"
_LOCAL = "RA4=LocalSubnet|RA6=LocalSubnet"

_API = "FirewallAPI.dll"
# Per rule: enabled or not, first and last schema, id, resource numbers of name, description and group; then fields.
_RULES = r"""
on 2.10- CoreNet-ICMP6-DU-In 25110 25112 25000
    Dir=In|Protocol=58|ICMP6=1:*|App=System
on 2.10- CoreNet-ICMP6-PTB-In 25001 25007 25000
    Dir=In|Protocol=58|ICMP6=2:*|App=System
on 2.10- CoreNet-ICMP6-TE-In 25113 25115 25000
    Dir=In|Protocol=58|ICMP6=3:*|App=System
on 2.10- CoreNet-ICMP4-DUFRAG-In 25251 25257 25000
    Dir=In|Protocol=1|ICMP4=3:4|App=System
on 2.10- CoreNet-IGMP-In 25376 25382 25000
    Dir=In|Protocol=2|App=System
on 2.10- CoreNet-IGMP-Out 25377 25382 25000
    Dir=Out|Protocol=2|App=System
on 2.10- CoreNet-DHCP-In 25301 25303 25000
    Dir=In|Protocol=17|LPort=68|RPort=67|{svchost}|Svc=dhcp
on 2.10- CoreNet-DHCP-Out 25302 25303 25000
    Dir=Out|Protocol=17|LPort=68|RPort=67|{svchost}|Svc=dhcp
on 2.10- CoreNet-DHCPV6-In 25304 25306 25000
    Dir=In|Protocol=17|LPort=546|RPort=547|{svchost}|Svc=dhcp
on 2.10- CoreNet-DNS-Out-UDP 25405 25406 25000
    Dir=Out|Protocol=17|RPort=53|{svchost}|Svc=dnscache
on 2.10- CoreNet-GP-LSASS-Out-TCP 25407 25408 25000
    Dir=Out|Protocol=6|Profile=Domain|App=%SystemRoot%\system32\lsass.exe
on 2.10- CoreNet-Teredo-In 25326 25332 25000
    Dir=In|Protocol=17|LPort=Teredo|{svchost}|Svc=iphlpsvc
on 2.10- CoreNet-IPHTTPS-In 25426 25428 25000
    Dir=In|Protocol=6|LPort2_10=IPTLSIn|LPort2_10=IPHTTPSIn|App=System
off 2.10- FPS-NB_Session-In-TCP 28503 28506 28502
    Dir=In|Protocol=6|Profile=Private|Profile=Public|LPort=139|{local}|App=System
off 2.10- FPS-NB_Session-In-TCP-NoScope 28503 28506 28502
    Dir=In|Protocol=6|Profile=Domain|LPort=139|App=System
off 2.10- FPS-SMB-In-TCP 28511 28514 28502
    Dir=In|Protocol=6|Profile=Private|Profile=Public|LPort=445|{local}|App=System
off 2.10- FPS-SMB-In-TCP-NoScope 28511 28514 28502
    Dir=In|Protocol=6|Profile=Domain|LPort=445|App=System
off 2.10- FPS-SMB-Out-TCP 28515 28518 28502
    Dir=Out|Protocol=6|Profile=Private|Profile=Public|RPort=445|{local}|App=System
off 2.10- FPS-SpoolSvc-In-TCP 28535 28538 28502
    Dir=In|Protocol=6|Profile=Private|Profile=Public|LPort=RPC|{local}|App=%SystemRoot%\system32\spoolsv.exe|Svc=Spooler
off 2.10- FPS-RPCSS-In-TCP 28539 28542 28502
    Dir=In|Protocol=6|Profile=Private|Profile=Public|LPort=RPC-EPMap|{local}|{svchost}|Svc=Rpcss
off 2.10- FPS-RPCSS-In-TCP-NoScope 28539 28542 28502
    Dir=In|Protocol=6|Profile=Domain|LPort=RPC-EPMap|{svchost}|Svc=Rpcss
off 2.10- FPS-ICMP4-ERQ-In 28543 28547 28502
    Dir=In|Protocol=1|Profile=Private|Profile=Public|ICMP4=8:*|RA4=LocalSubnet|App=System
off 2.20- RemoteDesktop-UserMode-In-TCP 28775 28756 28752
    Dir=In|Protocol=6|LPort=3389|{svchost}|Svc=termservice
off 2.20- RemoteDesktop-UserMode-In-UDP 28776 28777 28752
    Dir=In|Protocol=17|LPort=3389|{svchost}|Svc=termservice
off 2.10-2.10 RemoteDesktop-In-TCP 28753 28756 28752
    Dir=In|Protocol=6|LPort=3389|App=System
off 2.10- RemoteEventLogSvc-In-TCP-NoScope 29253 29256 29252
    Dir=In|Protocol=6|Profile=Domain|LPort=RPC|{svchost}|Svc=Eventlog
off 2.10- RemoteEventLogSvc-RPCSS-In-TCP-NoScope 29265 29268 29252
    Dir=In|Protocol=6|Profile=Domain|LPort=RPC-EPMap|{svchost}|Svc=RPCSS
off 2.10- RemoteSvcAdmin-In-TCP-NoScope 29503 29506 29502
    Dir=In|Protocol=6|Profile=Domain|LPort=RPC|App=%SystemRoot%\system32\services.exe
off 2.10- RemoteSvcAdmin-RPCSS-In-TCP-NoScope 29515 29518 29502
    Dir=In|Protocol=6|Profile=Domain|LPort=RPC-EPMap|{svchost}|Svc=RPCSS
off 2.10- RemoteFwAdmin-In-TCP-NoScope 30003 30006 30002
    Dir=In|Protocol=6|Profile=Domain|LPort=RPC|{svchost}|Svc=policyagent
off 2.10- WMI-RPCSS-In-TCP 34252 34253 34251
    Dir=In|Protocol=6|Profile=Private|Profile=Public|LPort=135|{local}|{svchost}|Svc=rpcss
off 2.10- WMI-RPCSS-In-TCP-NoScope 34252 34253 34251
    Dir=In|Protocol=6|Profile=Domain|LPort=135|{svchost}|Svc=rpcss
off 2.10- WMI-WINMGMT-In-TCP 34254 34255 34251
    Dir=In|Protocol=6|Profile=Private|Profile=Public|{local}|{svchost}|Svc=winmgmt
off 2.10- WMI-WINMGMT-In-TCP-NoScope 34254 34255 34251
    Dir=In|Protocol=6|Profile=Domain|{svchost}|Svc=winmgmt
off 2.10- WMI-ASYNC-In-TCP-NoScope 34256 34257 34251
    Dir=In|Protocol=6|Profile=Domain|App=%systemroot%\system32\wbem\unsecapp.exe
off 2.10- MSDTC-RPCSS-In-TCP-NoScope 33513 33514 33502
    Dir=In|Protocol=6|Profile=Domain|LPort=RPC-EPMap|{svchost}|Svc=RPCSS
off 2.10- WINRM-HTTP-Compat-In-TCP-NoScope 35001 35002 30252
    Dir=In|Protocol=6|Profile=Domain|LPort=80|App=System
on 2.10-2.19 WINRM-HTTP-In-TCP 30253 30256 30252
    Dir=In|Protocol=6|LPort=5985|App=System
"""
# From Windows 8 / Server 2012 the rule is split, and clients and servers give the halves different ids.
_WINRM_ANYWHERE = "Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=5985|App=System"
_WINRM_LOCAL = "Dir=In|Protocol=6|Profile=Public|LPort=5985|{local}|App=System"
_WINRM_NUMBERS = ("30253", "30256", "30267")
_WINRM_SERVER = (("WINRM-HTTP-In-TCP", _WINRM_ANYWHERE), ("WINRM-HTTP-In-TCP-PUBLIC", _WINRM_LOCAL))
_WINRM_CLIENT = (("WINRM-HTTP-In-TCP-NoScope", _WINRM_ANYWHERE), ("WINRM-HTTP-In-TCP", _WINRM_LOCAL))

# Texts behind the resource numbers. German ones as German documentation prints them.
RESOURCE_TEXTS: dict[str, dict[int, str]] = {
    "en-US": {
        25000: "Core Networking",
        25001: "Core Networking - Packet Too Big (ICMPv6-In)",
        25110: "Core Networking - Destination Unreachable (ICMPv6-In)",
        25113: "Core Networking - Time Exceeded (ICMPv6-In)",
        25251: "Core Networking - Destination Unreachable Fragmentation Needed (ICMPv4-In)",
        25301: "Core Networking - Dynamic Host Configuration Protocol (DHCP-In)",
        25302: "Core Networking - Dynamic Host Configuration Protocol (DHCP-Out)",
        25304: "Core Networking - Dynamic Host Configuration Protocol for IPv6(DHCPV6-In)",
        25326: "Core Networking - Teredo (UDP-In)",
        25376: "Core Networking - Internet Group Management Protocol (IGMP-In)",
        25377: "Core Networking - Internet Group Management Protocol (IGMP-Out)",
        25405: "Core Networking - DNS (UDP-Out)",
        25407: "Core Networking - Group Policy (LSASS-Out)",
        25426: "Core Networking - IPHTTPS (TCP-In)",
        28502: "File and Printer Sharing",
        28503: "File and Printer Sharing (NB-Session-In)",
        28511: "File and Printer Sharing (SMB-In)",
        28515: "File and Printer Sharing (SMB-Out)",
        28535: "File and Printer Sharing (Spooler Service - RPC)",
        28539: "File and Printer Sharing (Spooler Service - RPC-EPMAP)",
        28543: "File and Printer Sharing (Echo Request - ICMPv4-In)",
        28752: "Remote Desktop",
        28753: "Remote Desktop (TCP-In)",
        28775: "Remote Desktop - User Mode (TCP-In)",
        28776: "Remote Desktop - User Mode (UDP-In)",
        29252: "Remote Event Log Management",
        29253: "Remote Event Log Management (RPC)",
        29265: "Remote Event Log Management (RPC-EPMAP)",
        29502: "Remote Service Management",
        29503: "Remote Service Management (RPC)",
        29515: "Remote Service Management (RPC-EPMAP)",
        30002: "Windows Firewall Remote Management",
        30003: "Windows Firewall Remote Management (RPC)",
        30252: "Windows Remote Management (Compatibility)",
        30253: "Windows Remote Management (HTTP-In)",
        30267: "Windows Remote Management",
        33502: "Distributed Transaction Coordinator",
        33513: "Distributed Transaction Coordinator (RPC-EPMAP)",
        34251: "Windows Management Instrumentation (WMI)",
        34252: "Windows Management Instrumentation (DCOM-In)",
        34254: "Windows Management Instrumentation (WMI-In)",
        34256: "Windows Management Instrumentation (ASync-In)",
        35001: "Windows Remote Management - Compatibility Mode (HTTP-In)",
    },
    "de-DE": {
        25000: "Kernnetzwerk",
        28502: "Datei- und Druckerfreigabe",
        28511: "Datei- und Druckerfreigabe (SMB eingehend)",
        28752: "Remotedesktop",
        28753: "Remotedesktop (TCP eingehend)",
        28775: "Remotedesktop - Benutzermodus (TCP eingehend)",
        28776: "Remotedesktop - Benutzermodus (UDP eingehend)",
        30253: "Windows-Remoteverwaltung (HTTP eingehend)",
        30267: "Windows-Remoteverwaltung",
    },
}


def resolve_text(text: str, language: str) -> str:
    """The text behind `@FirewallAPI.dll,-30253`; the English one where no other is known, else the text itself."""
    library, comma, number = text.partition(",-")
    if not comma or not library.upper().endswith(_API.upper()) or not library.startswith("@") or not number.isdigit():
        return text
    english = RESOURCE_TEXTS["en-US"].get(int(number), text)
    return RESOURCE_TEXTS.get(language, {}).get(int(number), english)


def shipped_rules(schema: tuple[int, int], *, is_server: bool) -> dict[str, FirewallRule]:
    """Rule ids and rules of a fresh installation, in store order."""
    rules: dict[str, FirewallRule] = {}
    lines = _RULES.strip().split("\n")
    for heading, fields in zip(lines[::2], lines[1::2], strict=True):
        state, schemas, rule_id, *numbers = heading.split()
        if _covers(schemas, schema):
            rules[rule_id] = _rule(schema, fields.strip(), numbers, is_active=state == "on")
    if schema >= (2, 20):
        for rule_id, fields in _WINRM_SERVER if is_server else _WINRM_CLIENT:
            rules[rule_id] = _rule(schema, fields, _WINRM_NUMBERS, is_active=True)
    return rules


def _covers(schemas: str, schema: tuple[int, int]) -> bool:
    """Whether `2.10-` or `2.10-2.10` contains a schema version."""
    first, _sep, last = schemas.partition("-")
    return _version(first) <= schema and (not last or schema <= _version(last))


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _rule(schema: tuple[int, int], fields: str, numbers: Sequence[str], *, is_active: bool) -> FirewallRule:
    name, description, group = (f"@{_API},-{number}" for number in numbers)
    fields = fields.replace("{svchost}", _SVCHOST).replace("{local}", _LOCAL)
    active = "TRUE" if is_active else "FALSE"
    return parse_rule(
        f"v{schema[0]}.{schema[1]}|Action=Allow|Active={active}|{fields}|"
        f"Name={name}|Desc={description}|EmbedCtxt={group}|"
    )


def shipped_values(schema: tuple[int, int], *, is_server: bool) -> Iterator[tuple[str, str, RegistryValue]]:
    """Registry values `(key, name, value)` of the firewall of a fresh installation."""
    yield POLICY_ROOT, "PolicyVersion", RegistryValue.dword(schema[0] << 8 | schema[1])
    for key in PROFILE_KEYS.values():
        profile = rf"{POLICY_ROOT}\{key}"
        yield profile, "DisableNotifications", RegistryValue.dword(int(is_server))
        yield profile, "EnableFirewall", RegistryValue.dword(1)
        logging = rf"{profile}\Logging"
        log_file = r"%systemroot%\system32\LogFiles\Firewall\pfirewall.log"
        yield logging, "LogFilePath", RegistryValue.sz(log_file)
        yield logging, "LogFileSize", RegistryValue.dword(4096)
    for rule_id, rule in shipped_rules(schema, is_server=is_server).items():
        yield RULES_KEY, rule_id, RegistryValue.sz(str(rule))
