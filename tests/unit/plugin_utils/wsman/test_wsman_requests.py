# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests mean the same as the envelopes Windows is known to take (semantics compared, not text)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _requests, _schema, _shell_messages
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._cim import CimClass, CimProperty
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._requests import Effect, Header, Request

CIMV2 = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"

FILTER = CimClass(
    name="MSFT_NetProtocolPortFilter",
    namespace="root/standardcimv2",
    properties=(CimProperty("Protocol"), CimProperty("LocalPort", is_array=True)),
)


def header(number: int) -> Header:
    return Header(f"uuid:{number:08X}-1111-4222-8333-444455556666", "http://windows-host:5985/wsman", 60, 512000)


def envelope(number: int, action: str, uri: str, body: str, more: str = "") -> str:
    """The envelope of MS-WSMV as printed for the operations this client uses; `more` is SelectorSet and OptionSet."""
    return f"""<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:n="{ENUMERATION}"
 xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
 xmlns:rsp="{SHELL}">
<s:Header><a:To>http://windows-host:5985/wsman</a:To><a:ReplyTo><a:Address
 s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>
<w:ResourceURI s:mustUnderstand="true">{uri}</w:ResourceURI>
<a:Action s:mustUnderstand="true">{action}</a:Action>
<w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize>
<a:MessageID>uuid:{number:08X}-1111-4222-8333-444455556666</a:MessageID>
<w:OperationTimeout>PT60.000S</w:OperationTimeout>
<w:Locale xml:lang="en-US" s:mustUnderstand="false"/><p:DataLocale xml:lang="en-US" s:mustUnderstand="false"/>{more}
</s:Header>
<s:Body>{body}</s:Body></s:Envelope>"""


def selectors(**values: str) -> str:
    inside = "".join(f'<w:Selector Name="{name}">{value}</w:Selector>' for name, value in values.items())
    return f"<w:SelectorSet>{inside}</w:SelectorSet>"


def meaning(document: str | bytes) -> Any:
    """What a document says: names with namespaces, attributes, texts; the order of SOAP headers does not matter."""

    def tell(element: ElementTree.Element) -> Any:
        inside = [tell(item) for item in element]
        if element.tag.endswith("}Header"):
            inside.sort(key=repr)
        return element.tag, sorted(element.attrib.items()), (element.text or "").strip(" \n"), inside

    return tell(ElementTree.fromstring(document))


def printed_and_built() -> list[tuple[str, Request, str]]:
    registry = f"{CIMV2}/StdRegProv"
    key = r"<p:hDefKey>2147483650</p:hDefKey><p:sSubKeyName>SOFTWARE\Microsoft\Ole</p:sSubKeyName>"
    arguments = {"hDefKey": 0x80000002, "sSubKeyName": r"SOFTWARE\Microsoft\Ole"}
    named = {**arguments, "sValueName": "MachineLaunchRestriction"}
    value_name = "<p:sValueName>MachineLaunchRestriction</p:sValueName>"
    service, os_class = _schema.WIN32_SERVICE, _schema.WIN32_OPERATING_SYSTEM
    port_filter = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/standardcimv2/MSFT_NetProtocolPortFilter"
    keys = {
        "CreationClassName": "MSFT|FW|FirewallRule|opc-dcom-135-in",
        "Name": "",
        "SystemCreationClassName": "",
        "SystemName": "",
    }
    group_query = (
        "select * from Win32_GroupUser where GroupComponent=\"Win32_Group.Domain='HOST',Name='Administrators'\""
    )
    shell_id, command_id = "81DF6FC4-08CB-4FB4-A75B-33B422885199", "75233C4B-10BC-4796-A767-2D95F553DEEC"
    on_shell = selectors(ShellId=shell_id)
    return [
        (
            "GetBinaryValue",
            _requests.invoke(header(1), _schema.STD_REG_PROV, "GetBinaryValue", named),
            envelope(
                1,
                f"{registry}/GetBinaryValue",
                registry,
                f'<p:GetBinaryValue_INPUT xmlns:p="{registry}">{key}{value_name}</p:GetBinaryValue_INPUT>',
            ),
        ),
        (
            "SetBinaryValue",
            _requests.invoke(
                header(1), _schema.STD_REG_PROV, "SetBinaryValue", {**named, "uValue": bytes((1, 0, 4, 128))}
            ),
            envelope(
                1,
                f"{registry}/SetBinaryValue",
                registry,
                f'<p:SetBinaryValue_INPUT xmlns:p="{registry}">{key}{value_name}<p:uValue>1</p:uValue>'
                "<p:uValue>0</p:uValue><p:uValue>4</p:uValue><p:uValue>128</p:uValue></p:SetBinaryValue_INPUT>",
            ),
        ),
        (
            "StopService",
            _requests.invoke(header(3), service, "StopService", {}, {"Name": "Spooler"}),
            envelope(
                3,
                f"{CIMV2}/Win32_Service/StopService",
                f"{CIMV2}/Win32_Service",
                f'<p:StopService_INPUT xmlns:p="{CIMV2}/Win32_Service"/>',
                selectors(Name="Spooler"),
            ),
        ),
        (
            "Get Win32_SID",
            _requests.get(header(5), _schema.WIN32_SID, {"SID": "S-1-5-32-544"}),
            envelope(5, f"{TRANSFER}/Get", f"{CIMV2}/Win32_SID", "", selectors(SID="S-1-5-32-544")),
        ),
        (
            "Get of a singleton",
            _requests.get(header(5), os_class, {}),
            envelope(5, f"{TRANSFER}/Get", f"{CIMV2}/Win32_OperatingSystem", ""),
        ),
        (
            "WQL",
            _requests.enumerate_wql(header(7), _schema.WIN32_GROUP_USER, group_query),
            envelope(
                7,
                f"{ENUMERATION}/Enumerate",
                f"{CIMV2}/*",
                "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements>"
                '<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">'
                f"{group_query}</w:Filter></n:Enumerate>",
            ),
        ),
        (
            "SelectorFilter",
            _requests.enumerate_class(header(7), service, {"State": "Running", "StartMode": "Auto"}),
            envelope(
                7,
                f"{ENUMERATION}/Enumerate",
                f"{CIMV2}/Win32_Service",
                "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements>"
                '<w:Filter Dialect="http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter">'
                f"{selectors(State='Running', StartMode='Auto')}</w:Filter></n:Enumerate>",
            ),
        ),
        (
            "Enumerate a class",
            _requests.enumerate_class(header(7), service),
            envelope(
                7,
                f"{ENUMERATION}/Enumerate",
                f"{CIMV2}/Win32_Service",
                "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>32000</w:MaxElements></n:Enumerate>",
            ),
        ),
        (
            "Pull",
            _requests.pull(header(8), f"{CIMV2}/*", "uuid:5BB9D3D1-8FF1-40FA-ADA2-BE91F7F050E6", "a query"),
            envelope(
                8,
                f"{ENUMERATION}/Pull",
                f"{CIMV2}/*",
                "<n:Pull><n:EnumerationContext>uuid:5BB9D3D1-8FF1-40FA-ADA2-BE91F7F050E6</n:EnumerationContext>"
                "<n:MaxElements>32000</n:MaxElements></n:Pull>",
            ),
        ),
        (
            "Release",
            _requests.release(header(8), f"{CIMV2}/*", "uuid:5BB9D3D1-8FF1-40FA-ADA2-BE91F7F050E6", "a query"),
            envelope(
                8,
                f"{ENUMERATION}/Release",
                f"{CIMV2}/*",
                "<n:Release><n:EnumerationContext>uuid:5BB9D3D1-8FF1-40FA-ADA2-BE91F7F050E6</n:EnumerationContext>"
                "</n:Release>",
            ),
        ),
        (
            "Put",
            _requests.put(header(9), FILTER, keys, {"Protocol": "TCP", "LocalPort": ["135"]}),
            envelope(
                9,
                f"{TRANSFER}/Put",
                port_filter,
                f'<p:MSFT_NetProtocolPortFilter xmlns:p="{port_filter}"><p:Protocol>TCP</p:Protocol>'
                "<p:LocalPort>135</p:LocalPort></p:MSFT_NetProtocolPortFilter>",
                selectors(**keys),
            ),
        ),
        (
            "shell Create",
            _shell_messages.create_shell(header(11)),
            envelope(
                11,
                f"{TRANSFER}/Create",
                f"{SHELL}/cmd",
                "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams>"
                "<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>",
                '<w:OptionSet><w:Option Name="WINRS_NOPROFILE">FALSE</w:Option>'
                '<w:Option Name="WINRS_CODEPAGE">65001</w:Option></w:OptionSet>',
            ),
        ),
        (
            "shell Command",
            _shell_messages.run_command(header(12), shell_id, "netsh.exe advfirewall show allprofiles"),
            envelope(
                12,
                f"{SHELL}/Command",
                f"{SHELL}/cmd",
                "<rsp:CommandLine><rsp:Command>netsh.exe advfirewall show allprofiles</rsp:Command></rsp:CommandLine>",
                f'{on_shell}<w:OptionSet><w:Option Name="WINRS_CONSOLEMODE_STDIN">TRUE</w:Option>'
                '<w:Option Name="WINRS_SKIP_CMD_SHELL">FALSE</w:Option></w:OptionSet>',
            ),
        ),
        (
            "shell Send",
            _shell_messages.send_input(header(12), shell_id, command_id, b"yes\r\n"),
            envelope(
                12,
                f"{SHELL}/Send",
                f"{SHELL}/cmd",
                f'<rsp:Send><rsp:Stream Name="stdin" CommandId="{command_id}" End="true">eWVzDQo=</rsp:Stream>'
                "</rsp:Send>",
                on_shell,
            ),
        ),
        (
            "shell Receive",
            _shell_messages.receive(header(12), shell_id, command_id),
            envelope(
                12,
                f"{SHELL}/Receive",
                f"{SHELL}/cmd",
                f'<rsp:Receive><rsp:DesiredStream CommandId="{command_id}">stdout stderr</rsp:DesiredStream>'
                "</rsp:Receive>",
                on_shell,
            ),
        ),
        (
            "shell Signal",
            _shell_messages.terminate(header(13), shell_id, command_id),
            envelope(
                13,
                f"{SHELL}/Signal",
                f"{SHELL}/cmd",
                f'<rsp:Signal CommandId="{command_id}"><rsp:Code>{SHELL}/signal/terminate</rsp:Code></rsp:Signal>',
                on_shell,
            ),
        ),
        (
            "shell Delete",
            _shell_messages.delete_shell(header(13), shell_id),
            envelope(13, f"{TRANSFER}/Delete", f"{SHELL}/cmd", "", on_shell),
        ),
    ]


@pytest.mark.parametrize(("built", "printed"), [pytest.param(*case[1:], id=case[0]) for case in printed_and_built()])
def test_request_means_what_is_printed(built: Request, printed: str) -> None:
    assert meaning(built.message) == meaning(printed)


def test_parameters_are_sent_in_the_order_of_the_class() -> None:
    arguments = {"uValue": 1, "sValueName": "x", "sSubKeyName": "y", "hDefKey": 1}
    message = _requests.invoke(header(1), _schema.STD_REG_PROV, "SetDWORDValue", arguments).message.decode()
    positions = [message.index(f"<p:{name}>") for name in ("hDefKey", "sSubKeyName", "sValueName", "uValue")]
    assert positions == sorted(positions)


def test_identify_has_no_addressing() -> None:
    request = _requests.identify(header(1))
    assert meaning(request.message) == meaning(
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Header/>'
        "<s:Body><wsmid:Identify/></s:Body></s:Envelope>"
    )
    assert request.message_id == ""


def test_what_may_be_repeated() -> None:
    value = {"hDefKey": 1, "sSubKeyName": "a", "sValueName": "b"}
    registry, service = _schema.STD_REG_PROV, _schema.WIN32_SERVICE
    effects = {
        "get": _requests.get(header(1), service, {"Name": "x"}).effect,
        "query": _requests.enumerate_wql(header(1), service, "select * from Win32_Service").effect,
        "read": _requests.invoke(header(1), registry, "GetStringValue", value).effect,
        "identify": _requests.identify(header(1)).effect,
        "pull": _requests.pull(header(1), "u", "c", "w").effect,
        "write": _requests.invoke(header(1), registry, "SetStringValue", {**value, "sValue": "c"}).effect,
        "start": _requests.invoke(header(1), service, "StartService", {}, {"Name": "x"}).effect,
        "put": _requests.put(header(1), service, {"Name": "x"}, {"Caption": "y"}).effect,
        "command": _shell_messages.run_command(header(1), "s", "ver").effect,
        "create": _shell_messages.create_shell(header(1)).effect,
        "receive": _shell_messages.receive(header(1), "s", "c").effect,
    }
    assert effects == {
        "get": Effect.READ,
        "query": Effect.READ,
        "read": Effect.READ,
        "identify": Effect.READ,
        "pull": Effect.SESSION,
        "write": Effect.WRITE,
        "start": Effect.WRITE,
        "put": Effect.WRITE,
        "command": Effect.WRITE,
        "create": Effect.SESSION,
        "receive": Effect.SESSION,
    }


@pytest.mark.parametrize("class_", _schema.CLASSES, ids=lambda item: item.name)
def test_only_reading_methods_are_listed_as_read_only(class_: CimClass) -> None:
    reading = {method.name for method in class_.methods if method.is_read_only}
    assert all(name.startswith(("Get", "Enum", "CheckAccess")) for name in reading)
    writing = {method.name for method in class_.methods} - reading
    assert not any(name.startswith(("Get", "Enum")) for name in writing)


def test_secrets_are_not_named() -> None:
    change = {"StartName": ".\\opc", "StartPassword": "hunter2"}
    request = _requests.invoke(header(1), _schema.WIN32_SERVICE, "Change", change, {"Name": "Hive"})
    assert "hunter2" not in request.what
    assert request.what == "Win32_Service(Name='Hive').Change"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"sValueName": "v", "uValue": 1}, "hDefKey: this parameter must have a value"),
        ({"hDefKey": 1, "sSubKeyName": "k", "sValueName": "v", "uValue": None}, "uValue: this parameter must have"),
        ({"hDefKey": 1, "sSubKeyName": "k", "sValueName": "v", "uValue": -1}, "uValue: -1 is outside of uint32"),
        ({"hDefKey": 1, "sSubKeyName": "k", "sValueName": "v", "uValue": 1 << 32}, "outside of uint32"),
        ({"hDefKey": 1, "sSubKeyName": "k", "sValueName": "v", "uValue": True}, "expected uint32, got bool"),
        ({"hDefKey": 1, "sSubKeyName": "k", "sValueName": "v", "uValue": "1"}, "expected uint32, got str"),
        ({"hDefKey": 1, "sSubKeyName": 7, "sValueName": "v", "uValue": 1}, "sSubKeyName: expected string, got int"),
        (
            {"hDefKey": 1, "sSubKeyName": "a\x01", "sValueName": "v", "uValue": 1},
            "sSubKeyName: U\\+0001 at character 1",
        ),
        ({"hDefKey": 1, "sSubKeyName": "k", "sValueName": "\ud800", "uValue": 1}, "sValueName: U\\+D800"),
        ({"hDefKey": 1, "sSubKeyName": "k", "sValueName": "v", "uvalue": 1}, "uvalue: no such parameter"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(arguments: dict[str, object], problem: str) -> None:
    with pytest.raises(ParameterError, match=problem):
        _requests.invoke(header(1), _schema.STD_REG_PROV, "SetDWORDValue", arguments)


def test_optional_parameters_may_be_left_out() -> None:
    change = {"DesktopInteract": False, "ServiceDependencies": ["RpcSs", "OpcEnum"], "StartMode": None}
    request = _requests.invoke(header(1), _schema.WIN32_SERVICE, "Change", change, {"Name": "Hive"})
    body = ElementTree.fromstring(request.message)[1][0]
    sent = [(item.tag.rpartition("}")[2], item.text) for item in body]
    assert sent == [("DesktopInteract", "false"), ("ServiceDependencies", "RpcSs"), ("ServiceDependencies", "OpcEnum")]


def test_moments_are_sent_in_utc() -> None:
    moment = datetime(2024, 5, 1, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    system = _schema.WIN32_OPERATING_SYSTEM
    request = _requests.invoke(header(1), system, "SetDateTime", {"LocalDateTime": moment})
    sent = ElementTree.fromstring(request.message).find(f".//{{{system.resource_uri}}}LocalDateTime")
    assert sent is not None
    [inside] = sent
    assert inside.tag == "{http://schemas.dmtf.org/wbem/wscim/1/common}Datetime"
    assert inside.text == "2024-05-01T10:00:00.000005Z"
    with pytest.raises(ParameterError, match="a datetime with a time zone"):
        _requests.invoke(header(1), system, "SetDateTime", {"LocalDateTime": moment.replace(tzinfo=None)})


def test_a_scalar_is_no_array() -> None:
    arguments = {"hDefKey": 1, "sSubKeyName": "k", "sValueName": "v", "sValue": "abc"}
    with pytest.raises(ParameterError, match="sValue: expected an array, got str"):
        _requests.invoke(header(1), _schema.STD_REG_PROV, "SetMultiStringValue", arguments)


@pytest.mark.parametrize(("method", "value"), [("SetBinaryValue", b""), ("SetMultiStringValue", [])])
def test_an_empty_array_is_refused_because_windows_would_write_its_sample(method: str, value: object) -> None:
    arguments = {"hDefKey": 1, "sSubKeyName": "k", "sValueName": "v"}
    name = "uValue" if method == "SetBinaryValue" else "sValue"
    with pytest.raises(ParameterError, match="an empty array cannot be sent"):
        _requests.invoke(header(1), _schema.STD_REG_PROV, method, {**arguments, name: value})


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(ParameterError, match="not in the table of CIM classes"):
        _requests.invoke(header(1), _schema.STD_REG_PROV, "FormatDisk", {})


def test_a_quote_in_a_selector_filter_is_refused() -> None:
    with pytest.raises(ParameterError, match="quotation marks"):
        _requests.enumerate_class(header(1), _schema.WIN32_SERVICE, {"Name": "it's"})


@pytest.mark.parametrize("line", ["", "  ", "a\nb", "a\rb", "a\x00b", "x" * 8101])
def test_lines_cmd_cannot_take_are_refused(line: str) -> None:
    with pytest.raises(ParameterError, match="command line"):
        _shell_messages.check_command_line(line)


def test_a_line_that_starts_with_a_quote_gets_the_quotes_cmd_takes_away() -> None:
    line = r'"C:\Program Files\x\opcenum.exe" /regserver "a b"'
    message = _shell_messages.run_command(header(1), "s", line).message
    command = ElementTree.fromstring(message).find(f".//{{{SHELL}}}Command")
    assert command is not None
    assert command.text == f'"{line}"'


def test_a_carriage_return_in_a_value_reaches_the_host() -> None:
    arguments = {"hDefKey": 1, "sSubKeyName": "k", "sValueName": "v", "sValue": "a\r\nb"}
    message = _requests.invoke(header(1), _schema.STD_REG_PROV, "SetStringValue", arguments).message
    assert b"a&#13;\nb" in message
