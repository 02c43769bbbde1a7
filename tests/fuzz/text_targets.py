# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets for texts and bytes of Windows: security descriptors, SDDL, firewall rules, names, reg.exe, logs."""

from __future__ import annotations

from event_samples import AUDIT, CLEARED_SYSTEM, REAL_10036, event_xml

from ansible_collections.otsec.opc_dcom.plugins.module_utils._apis_log import decode_lines, parse_apis_log
from ansible_collections.otsec.opc_dcom.plugins.module_utils._application import parse_guid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_security import permissions_of, problems
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_value import (
    describe_com_value,
    read_com_value,
    read_policy_value,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import (
    DescriptorFormatError,
    DomainError,
    ParameterError,
    RuleSyntaxError,
    SddlSyntaxError,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_join import is_remote_address
from ansible_collections.otsec.opc_dcom.plugins.module_utils._events import group_events
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_grammar import format_rule_text, parse_rule_text
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import format_rule, parse_rule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import read_rule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_values import AddressSet, PortSet
from ansible_collections.otsec.opc_dcom.plugins.module_utils._host_policy import PortRange
from ansible_collections.otsec.opc_dcom.plugins.module_utils._hresults import format_code, parse_code
from ansible_collections.otsec.opc_dcom.plugins.module_utils._opc_search import parse_hits
from ansible_collections.otsec.opc_dcom.plugins.module_utils._opc_servers import program_in
from ansible_collections.otsec.opc_dcom.plugins.module_utils._patch_level import phase_of_file
from ansible_collections.otsec.opc_dcom.plugins.module_utils._principals import parse_principal
from ansible_collections.otsec.opc_dcom.plugins.module_utils._reg_query import find_default_label, parse_reg_query
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import (
    SddlUnrepresentableError,
    from_sddl,
    to_sddl,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (
    SecurityDescriptor,
    same_meaning,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._events import _parse_since
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._event_log import read_output
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._command_shell import CommandResult
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._console_output import decode_output

from .target import Finding, Target, same, text

SDDL_SEEDS = (
    "O:BAG:BAD:(A;;CCDCLCSWRP;;;SY)(A;;CCDCLCSWRP;;;BA)(A;;CCDCSW;;;S-1-5-21-1-2-3-1001)",
    "O:SYG:SYD:PAI(D;OICI;GA;;;AN)(A;CIIO;0x1f;;;WD)S:AI(AU;SAFA;FA;;;WD)",
    "D:(OA;;CR;bf967aba-0de6-11d0-a285-00aa003049e2;;PS)(A;ID;FR;;;IU)S:(ML;;NWNRNX;;;LW)",
    "D:NO_ACCESS_CONTROL",
    "O:S-1-5-0x20-544G:S-1-0D:ARS:P",
    "D:(A;;017;;;S-1-15-2-1)",
)
_RULE_SEEDS = (
    "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=135|App=%SystemRoot%\\system32\\svchost.exe|Svc=rpcss|Name=DCOM|",
    "v2.26|Action=Block|Active=FALSE|Dir=Out|Protocol=17|Profile=Domain|RPort2_10=5000-5100|RA4=10.0.0.0/255.255.255.0|"
    "RA6=fe80::/64|LA4=10.0.0.1-10.0.0.9|Name=@FirewallAPI.dll,-25000|Desc=x|EmbedCtxt=y|Edge=TRUE|Defer=App|",
    "v2.0|Action=Allow|Dir=In|Protocol=6|LPort=RPC|LPort=RPC-EPMap|RA4=LocalSubnet|RA6=LocalSubnet|Name=a|RMauth=z|",
)
_REG_SEED = (
    "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Ole\r\n    (Default)    REG_SZ    x\r\n"
    "    DefaultLaunchPermission    REG_BINARY    0100048014\r\n    EnableDCOM    REG_SZ    Y\r\n"
    "    LegacyAuthenticationLevel    REG_DWORD    0x2\r\n    Ports    REG_MULTI_SZ    50000-50200\\0b\r\n"
    "    Q    REG_QWORD    0xffffffffffffffff\r\n    E    REG_EXPAND_SZ    %a%\r\n    N    REG_NONE    \r\n\r\n"
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Ole\\NonRedist\r\n    a    REG_SZ    b    REG_SZ    c\r\ngoes on\r\n"
)
_SEARCH_SEED = (
    "\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Classes\\CLSID\\{F8582CF2-88FB-11D0-B850-00C0F0104305}\\Implemented Categories\\"
    "{63D5F432-CFE4-11D1-B2C8-0060083BA1FB}\r\n\r\nEnd of search: 1 match(es) found.\r\n"
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Classes\\Matrikon.OPC.Simulation\\OPC\r\nEnd of search: 1 match(es) found.\r\n"
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\{x}\r\n"
    "    DisplayName    REG_SZ    y\r\n"
)
_APIS_SEED = (
    "2024-01-02 03:04:05,678.901 Failed to create OPC server, Matrikon.OPC.Simulation.1, on opcsrv01. "
    "CLSID: {F8582CF2-88FB-11D0-B850-00C0F0104305} Duration: 12.5 ms (0x80070005)\n"
    "ALARM from OPC/opcda://opcsrv01/Server.1 [x]\nFailed IOPCDataCallback::Advise\n reason\n(0x800706BA)\n"
    "2024-01-02 03:04:06 Failed to create OPC Server Lister object on 10.0.0.1, (0x80040154)\n"
)
_NAMES = (b"S-1-5-32-544", b"BUILTIN\\Administrators", b"NT SERVICE\\rpcss", b".\\opc", b"a@b.example", b"host$", b"x")
_SMALL_TEXTS = (
    b"24h", b"2026-03-01T06:00:00Z", b"0001-01-01T00:00:00+23:59", b"6.1.7601.26415", b"50000-50200", b"0x80070005",
    b"%%1069", b"{13486D44-4821-11D2-A494-3CB306C10000}", b'"C:\\Program Files\\a b\\opc.exe" -x', b"fe80::1%4",
)  # fmt: skip


def _descriptor(data: bytes) -> None:
    descriptor = SecurityDescriptor.from_bytes(data)
    again = SecurityDescriptor.from_bytes(descriptor.to_bytes())
    same("decode, encode, decode", again, descriptor)
    for kind in ComKind:
        problems(descriptor, kind)
        permissions_of(descriptor, kind)
        describe_com_value(read_com_value(RegistryValue.binary(data)), kind, "")
    try:
        printed = to_sddl(descriptor)
    except SddlUnrepresentableError:
        return
    if not same_meaning(from_sddl(printed), descriptor):
        raise Finding(f"{printed} means something else")


def _sddl(data: bytes) -> None:
    source = text(data)
    read_policy_value(RegistryValue.string(source))
    descriptor = from_sddl(source)
    try:
        printed = to_sddl(descriptor)
    except SddlUnrepresentableError:
        return
    if not same_meaning(from_sddl(printed), descriptor):
        raise Finding(f"{source!r} is printed as {printed!r}")


def _rule(data: bytes) -> None:
    source = text(data)
    read_rule("{x}", source)
    same("frame", format_rule_text(parse_rule_text(source)), source)
    rule = parse_rule(source)
    same("format, parse", parse_rule(format_rule(rule)), rule)


def _ports(data: bytes) -> None:
    ports = PortSet.of(*text(data).split(","))
    same("ports", PortSet.of(*(ports.texts() or ("any",))), ports)
    ports.overlap(ports)


def _addresses(data: bytes) -> None:
    addresses = AddressSet.of(*text(data).split(","))
    same("addresses", AddressSet.of(*(addresses.texts() or ("any",))), addresses)
    addresses.overlap(addresses)


def _principal(data: bytes) -> None:
    found = parse_principal(text(data))
    if isinstance(found, Sid):
        same("SID", Sid.from_string(str(found)), found)
        same("SID in bytes", Sid.from_bytes(found.to_bytes()), found)


def _reg_query(data: bytes) -> None:
    output = decode_output(data)
    keys = parse_reg_query(output, find_default_label(output))
    size = sum(len(path) + sum(map(len, key.values)) + sum(map(len, key.doubtful)) for path, key in keys.items())
    if size > 20 * len(output) + 1000:
        raise Finding(f"{size} characters of names from {len(output)}")


def _events(data: bytes) -> None:
    reading = read_output("System", CommandResult(data, b"", 0), 50)
    for group in group_events(reading.records, "System"):
        group.to_dict()
    read_output("System", CommandResult(b"", data, 5), 50)


def _apis(data: bytes) -> None:
    chunks = [data[start : start + 100] for start in range(0, len(data), 100)]
    for group in parse_apis_log(decode_lines(chunks)).groups:
        group.to_dict()


def _small_text(data: bytes) -> None:
    """Parsers of one short text; each takes it or refuses it."""
    source = text(data)
    phase_of_file(7601, source)
    is_remote_address(source)
    program_in(source, {"SystemRoot": "C:\\Windows"})
    code = parse_code(source)
    if code is not None:
        format_code(code)
    for read, refusal in ((_parse_since, ParameterError), (PortRange.parse, ParameterError), (parse_guid, DomainError)):
        try:
            read(source)
        except refusal:
            continue


def encoded(*texts: str) -> tuple[bytes, ...]:
    return tuple(item.encode() for item in texts)


TEXT_TARGETS = {
    "descriptor": Target(
        _descriptor, (DescriptorFormatError,), [from_sddl(item).to_bytes() for item in SDDL_SEEDS], max_len=65536
    ),
    "sddl": Target(_sddl, (SddlSyntaxError,), encoded(*SDDL_SEEDS)),
    "firewall_rule": Target(_rule, (RuleSyntaxError,), encoded(*_RULE_SEEDS)),
    "ports": Target(_ports, (DomainError,), (b"135,5000-5100,RPC", b"any", b"IPHTTPSIn,65535")),
    "addresses": Target(
        _addresses, (DomainError,), (b"10.0.0.1,10.0.0.0/24,fe80::/64,LocalSubnet", b"::-::ff", b"any")
    ),
    "principal": Target(_principal, (DomainError,), _NAMES),
    "reg_query": Target(_reg_query, (), encoded(_REG_SEED)),
    "opc_search": Target(lambda data: parse_hits(decode_output(data)), (), encoded(_SEARCH_SEED)),
    "events": Target(
        _events,
        (),
        encoded(
            REAL_10036,
            CLEARED_SYSTEM,
            event_xml(10016, ["application-specific", "Local", "Activation", "{x}", "{y}", "NT", "u", "S-1-5-18", "h"]),
            event_xml(
                4625, [("TargetUserName", "a"), ("Status", "0xC000006D"), ("IpAddress", "10.0.0.9")], provider=AUDIT
            ),
        ),
        max_len=16384,
    ),
    "apis_log": Target(_apis, (), (_APIS_SEED.encode(), _APIS_SEED.encode("utf-16"))),
    "small_texts": Target(_small_text, (), _SMALL_TEXTS, max_len=8192),
}
