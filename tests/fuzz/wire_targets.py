# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets for the wire: XML, WS-Man replies and faults, CIM instances, and a whole host that answers anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import OpcDcomError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryKey, RegistryType
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._host import Host
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._snapshots import SnapshotShelf
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _schema as schema
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._cim import CimClass
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._client import WsmanClient
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._console_output import decode_output
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._decode import (
    decode_instance,
    decode_method_result,
    parse_cim_datetime,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import (
    MessageTooLarge,
    ProtocolError,
    WsmanError,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._replies import (
    Reply,
    read_identity,
    read_page,
    read_reply,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._requests import Effect, Request
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._shell_messages import (
    read_command_id,
    read_received,
    read_shell_id,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._xml import parse_xml, to_bytes

from .target import Target, same, text

_ID = "uuid:1"
_REQUEST = Request(b"", _ID, "x:Get", Effect.READ, "Reading")
_HEAD = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
    'xmlns:r="http://schemas.microsoft.com/wbem/wsman/1/windows/shell" '
    'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><s:Header>'
)
_BODIES = (
    "<n:EnumerateResponse><n:EnumerationContext>c</n:EnumerationContext><w:Items><p>1</p></w:Items></n:EnumerateResponse>",
    "<n:PullResponse><n:Items><p>1</p></n:Items><n:EndOfSequence/></n:PullResponse>",
    '<r:Shell><w:SelectorSet><w:Selector Name="ShellId">7</w:Selector></w:SelectorSet></r:Shell>',
    "<r:CommandResponse><r:CommandId>C</r:CommandId></r:CommandResponse>",
    '<r:ReceiveResponse><r:Stream Name="stdout" CommandId="C">aGVsbG8=</r:Stream>'
    '<r:CommandState CommandId="C" State="http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done">'
    "<r:ExitCode>0</r:ExitCode></r:CommandState></r:ReceiveResponse>",
    '<y:IdentifyResponse xmlns:y="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<y:ProductVendor>Microsoft</y:ProductVendor><y:ProductVersion>OS: 10.0.17763 SP: 0.0 Stack: 3.0</y:ProductVersion>"
    "</y:IdentifyResponse>",
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>w:AccessDenied</s:Value></s:Subcode></s:Code>"
    '<s:Reason><s:Text xml:lang="en">Access is denied. 0x80070005</s:Text></s:Reason><s:Detail>'
    '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="2147942405"><f:Message>'
    '<f:ProviderFault provider="WMI"><p:MSFT_WmiError xmlns:p="urn:p"><p:error_Code>5</p:error_Code>'
    "<p:CIMStatusCode>2</p:CIMStatusCode></p:MSFT_WmiError></f:ProviderFault></f:Message></f:WSManFault></s:Detail></s:Fault>",
)
_METHOD = (
    '<p:GetBinaryValue_OUTPUT xmlns:p="urn:StdRegProv"><p:uValue>1</p:uValue><p:uValue>255</p:uValue>'
    "<p:ReturnValue>0</p:ReturnValue></p:GetBinaryValue_OUTPUT>"
)
SYSTEM = (
    '<p:Win32_OperatingSystem xmlns:p="urn:p" xmlns:c="http://schemas.dmtf.org/wbem/wscim/1/common" '
    'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><p:Version>10.0.17763</p:Version>'
    "<p:BuildNumber>17763</p:BuildNumber><p:Caption>Windows</p:Caption><p:ProductType>3</p:ProductType>"
    "<p:LastBootUpTime><c:Datetime>2024-01-02T03:04:05.5+01:00</c:Datetime></p:LastBootUpTime>"
    "<p:LocalDateTime><c:Datetime>2024-01-02T03:04:05Z</c:Datetime></p:LocalDateTime>"
    "<p:WindowsDirectory>C:\\Windows</p:WindowsDirectory><p:SystemDirectory>C:\\Windows\\system32</p:SystemDirectory>"
    '<p:OSArchitecture i:nil="true"/></p:Win32_OperatingSystem>'
)
_SERVICE = (
    '<p:Win32_Service xmlns:p="urn:p"><p:Name>OpcEnum</p:Name><p:State>Running</p:State><p:StartMode>Auto</p:StartMode>'
    "<p:StartName>LocalSystem</p:StartName><p:PathName>C:\\a.exe</p:PathName><p:ProcessId>408</p:ProcessId>"
    "<p:Started>true</p:Started></p:Win32_Service>"
)
_REFERENCE = (
    '<p:Win32_GroupUser xmlns:p="urn:p" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><p:PartComponent><a:Address>x</a:Address>'
    "<a:ReferenceParameters><w:ResourceURI>http://x/Win32_UserAccount</w:ResourceURI><w:SelectorSet>"
    '<w:Selector Name="Domain">OPC01</w:Selector><w:Selector Name="Name">opc</w:Selector></w:SelectorSet>'
    "</a:ReferenceParameters></p:PartComponent></p:Win32_GroupUser>"
)
_CLASSES: tuple[CimClass, ...] = (
    schema.WIN32_OPERATING_SYSTEM,
    schema.WIN32_COMPUTER_SYSTEM,
    schema.WIN32_SERVICE,
    schema.WIN32_PROCESS,
    schema.WIN32_USER_ACCOUNT,
    schema.WIN32_SID,
    schema.WIN32_GROUP_USER,
    schema.CIM_DATA_FILE,
)
_USERS = Sid.from_string("S-1-5-32-545")


def envelope(body: str) -> bytes:
    """An answer to the request of these targets."""
    header = f"<a:Action>x:GetResponse</a:Action><a:RelatesTo>{_ID}</a:RelatesTo></s:Header>"
    return f"{_HEAD}{header}<s:Body>{body}</s:Body></s:Envelope>".encode()


def _xml(data: bytes) -> None:
    root = parse_xml(data)
    same("XML", to_bytes(parse_xml(to_bytes(root))), to_bytes(root))


def _reply(data: bytes) -> None:
    """The first byte says which status came with the reply."""
    status = (200, 500, 400, 401, 404, 413, 503)[data[0] % 7] if data else 200
    body = read_reply(Reply(status, data[1:]), _REQUEST)
    readers: tuple[Callable[[Element], object], ...] = (
        read_page,
        read_identity,
        read_shell_id,
        read_command_id,
        lambda element: read_received(element, "C"),
    )
    for read in readers:
        try:
            read(body)
        except ProtocolError:
            continue


def _instances(data: bytes) -> None:
    root = parse_xml(data)
    for cim_class in _CLASSES:
        try:
            repr(decode_instance(cim_class, root))
        except ProtocolError:
            continue


def _results(data: bytes) -> None:
    root = parse_xml(data)
    for method in schema.STD_REG_PROV.methods:
        try:
            decode_method_result(schema.STD_REG_PROV, method.name, root).require_success()
        except OpcDcomError:
            continue


@dataclass
class Answers:
    """A host whose every answer has these bodies in turn: what stands between NULs in the input."""

    bodies: list[str]
    url: str = "http://host:5985/wsman"
    verifies_peer: bool = True
    sent: int = 0

    def send(self, message: bytes) -> Reply:
        self.sent += 1
        action = message.partition(b"Action")[2].partition(b">")[2].partition(b"<")[0]
        action = action or b"x"
        body = self.bodies[(self.sent - 1) % len(self.bodies)]
        answer = envelope(body).replace(b"x:GetResponse", action + b"Response", 1)
        return Reply(200, answer)

    def reset(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """There is no connection."""


def _host(data: bytes) -> None:
    """Questions to a host with a fresh client each, so that no answer hides another."""
    bodies = data.decode("utf-8", "replace").split("\0")
    questions: tuple[Callable[[Host], object], ...] = (
        lambda host: host.system.read_operating_system(),
        lambda host: host.system.read_computer_system(),
        lambda host: host.services.read("OpcEnum"),
        lambda host: host.accounts.resolve("opc"),
        lambda host: host.accounts.members_of(_USERS),
        lambda host: host.accounts.name_of(_USERS),
        lambda host: host.registry.value(RegistryKey("SOFTWARE\\x"), "a", RegistryType.SZ),
        lambda host: host.registry.subkeys(RegistryKey("SOFTWARE\\x")),
        lambda host: host.registry.values(RegistryKey("SOFTWARE\\x")),
        lambda host: SnapshotShelf(host).names(),
        lambda host: host.firewall.environment,
    )
    for ask in questions:
        try:
            ask(Host(WsmanClient(Answers(bodies), lambda: _ID)))
        except OpcDcomError:
            continue


def _pages(items: str) -> str:
    return f"<n:EnumerateResponse><w:Items>{items}</w:Items><w:EndOfSequence/></n:EnumerateResponse>"


_DATETIMES = (
    b"2024-01-02T03:04:05.123456789-11:30",
    b"P1DT2H3M4.5S",
    b"20240102030405.000000+060",
    b"00000001020304.000000:000",
    b"2024**********.******+***",
)
_XML_SEEDS = [envelope(_BODIES[0]), SYSTEM.encode(), b"<a/>"]
_REPLY_SEEDS = [
    *(b"\x00" + envelope(body) for body in _BODIES),
    b"\x01" + envelope(_BODIES[-1]),
    b"\x04<html>",
    b"\x01",
]
_INSTANCE_SEEDS = [item.encode() for item in (SYSTEM, _SERVICE, _REFERENCE)]
_HOST_SEEDS = [
    SYSTEM.encode(),
    *(_pages(item).encode() for item in (_SERVICE, _REFERENCE)),
    _METHOD.encode(),
    f"{_pages(_REFERENCE)}\0{_METHOD}".encode(),
]
_CONSOLE_SEEDS = ("a\r\n".encode("utf-16"), "\xe4".encode("utf-16-le") * 3, b"\xef\xbb\xbfa", b"\x81")

WIRE_TARGETS = {
    "xml": Target(_xml, (ProtocolError, MessageTooLarge), _XML_SEEDS, max_len=16384),
    "reply": Target(_reply, (WsmanError,), _REPLY_SEEDS, max_len=16384),
    "cim_instance": Target(_instances, (WsmanError,), _INSTANCE_SEEDS, max_len=16384),
    "cim_result": Target(_results, (WsmanError,), [_METHOD.encode()], max_len=16384),
    "cim_datetime": Target(lambda data: parse_cim_datetime(text(data)), (ValueError, OverflowError), _DATETIMES),
    "host": Target(_host, (), _HOST_SEEDS, max_len=8192),
    "console": Target(decode_output, (), _CONSOLE_SEEDS),
}
