# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From HTTP status and bytes to the answer or an error: faults in both shapes, wrong answers, and no SOAP at all."""

from __future__ import annotations

import pytest

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _replies, _shell_messages
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import (
    AuthenticationFailed,
    ConnectionDropped,
    ConnectionFailed,
    FaultDetail,
    HostUnreachable,
    MessageTooLarge,
    OperationTimedOut,
    ProtocolError,
    QuotaExceeded,
    WsmanError,
    WsmanFault,
    fault_error,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._replies import Reply
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._requests import Effect, Request
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._xml import parse_xml

ACTION = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get"
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
REQUEST = Request(b"", "uuid:0CB1C49A-5054-4C12-AF30-FC60BE995DD9", ACTION, Effect.READ, "Get")
NAMESPACES = (
    'xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
    'xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd" '
    'xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" '
    'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
)


def reply(
    body: str, *, action: str = f"{ACTION}Response", relates_to: str = REQUEST.message_id, status: int = 200
) -> Reply:
    related = f"<a:RelatesTo>{relates_to}</a:RelatesTo>" if relates_to else ""
    text = (
        f"<s:Envelope {NAMESPACES}><s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:1</a:MessageID>{related}"
        f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
    return Reply(status, text.encode())


def fault(
    detail: str, subcode: str = "w:InternalError", reason: str = "", relates_to: str = REQUEST.message_id
) -> Reply:
    body = (
        f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="">{reason}</s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>'
    )
    return reply(body, action=FAULT_ACTION, relates_to=relates_to, status=500)


def refused(answer: Reply) -> WsmanFault:
    with pytest.raises(WsmanFault) as raised:
        _replies.read_reply(answer, REQUEST)
    return raised.value


# A class that does not exist in a WQL query, as recorded from Windows Server 2008 R2.
CLASS_MISSING = """<f:WSManFault Code="2150858778" Machine="localhost"><f:Message>
 <f:ProviderFault provider="WMI Provider" path="%systemroot%\\system32\\WsmWmiPl.dll">
  <f:WSManFault Code="2150858778" Machine="HOST"><f:Message>
    The specified class does not exist in the given namespace. </f:Message></f:WSManFault>
  <f:ExtendedError><q:__ExtendedStatus xmlns:q="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/__ExtendedStatus">
   <q:Description i:nil="true"/><q:Operation>ExecQuery</q:Operation>
   <q:ParameterInfo>Select * from Win32_Nope</q:ParameterInfo>
   <q:ProviderName>WinMgmt</q:ProviderName><q:StatusCode i:nil="true"/></q:__ExtendedStatus></f:ExtendedError>
 </f:ProviderFault></f:Message></f:WSManFault>"""


def test_wsman_fault_with_a_provider_inside() -> None:
    error = refused(fault(CLASS_MISSING, "n:CannotProcessFilter", "The data source could not process the filter."))
    assert type(error) is WsmanFault
    assert error.http_status == 500
    assert (error.code, error.subcode) == ("Receiver", "CannotProcessFilter")
    assert error.wsman_code == 2150858778
    assert error.cim_status is None
    assert error.innermost_message == "The specified class does not exist in the given namespace."
    assert error.reason == "The data source could not process the filter."
    assert error.provider == "WMI Provider"
    assert not (error.is_not_found or error.is_access_denied or error.is_wmi_down)
    assert str(error) == (
        "the host refused with fault CannotProcessFilter, code 0x8033801A: The specified class does not exist in the "
        "given namespace (from WMI Provider)."
    )


def cim_error(status: int, code: int, namespace: str, message_id: str = "") -> str:
    return (
        f'<q:MSFT_WmiError xmlns:q="{namespace}" xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd" '
        f'b:IsCIM_Error="true"><q:CIMStatusCode>{status}</q:CIMStatusCode><q:Message>text</q:Message>'
        f"<q:MessageID>{message_id}</q:MessageID><q:error_Code>{code}</q:error_Code>"
        "<q:error_WindowsErrorMessage>other text</q:error_WindowsErrorMessage></q:MSFT_WmiError>"
    )


@pytest.mark.parametrize(
    "namespace",
    [
        "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError",
        "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/standardcimv2/MSFT_WmiError",
    ],
)
def test_cim_error_in_either_namespace(namespace: str) -> None:
    error = refused(fault(cim_error(27, 1, namespace, "HRESULT 0x803381a6")))
    assert isinstance(error, QuotaExceeded)
    assert error.cim_status == 27
    assert error.wsman_code is None
    assert error.has_number(0x803381A6)
    assert error.innermost_message == "text"


def test_a_fault_may_lack_everything() -> None:
    for body in ("<s:Fault/>", "<s:Fault><s:Code/><s:Reason/><s:Detail/></s:Fault>"):
        error = refused(reply(body, status=500))
        assert error.detail == FaultDetail(http_status=500, code="")
        assert "HTTP 500" in str(error)


def test_a_fault_need_not_relate_but_must_not_relate_to_another_request() -> None:
    assert refused(fault(CLASS_MISSING, relates_to="")).wsman_code == 2150858778
    with pytest.raises(ProtocolError, match="relates to message 'uuid:other'"):
        _replies.read_reply(fault(CLASS_MISSING, relates_to="uuid:other"), REQUEST)


def test_a_fault_is_one_with_any_http_status() -> None:
    assert refused(Reply(200, fault(CLASS_MISSING).body)).http_status == 200


@pytest.mark.parametrize(
    ("detail", "subcode", "kind", "predicate"),
    [
        ('<f:WSManFault Code="5"/>', "w:AccessDenied", WsmanFault, "is_access_denied"),
        ('<f:WSManFault Code="2150859013"/>', "w:InternalError", WsmanFault, "is_access_denied"),
        ('<f:WSManFault Code="2147942405"/>', "w:InternalError", WsmanFault, "is_access_denied"),
        (cim_error(2, 0, "urn:x"), "w:InternalError", WsmanFault, "is_access_denied"),
        ('<f:WSManFault Code="2150858752"/>', "a:DestinationUnreachable", WsmanFault, "is_not_found"),
        ('<f:WSManFault Code="2147749890"/>', "w:InternalError", WsmanFault, "is_not_found"),
        ('<f:WSManFault Code="2150858753"/>', "a:ActionNotSupported", WsmanFault, "is_method_missing"),
        ('<f:WSManFault Code="2147749902"/>', "w:InternalError", WsmanFault, "is_class_missing"),
        ('<f:WSManFault Code="2147749904"/>', "w:InternalError", WsmanFault, "is_class_missing"),
        ('<f:WSManFault Code="2147944122"/>', "w:InternalError", WsmanFault, "is_wmi_down"),
        ('<f:WSManFault Code="2150859180"/>', "w:AccessDenied", WsmanFault, "is_remote_shell_forbidden"),
        ('<f:WSManFault Code="2150858843"/>', "w:InvalidSelectors", WsmanFault, "is_shell_unknown"),
        ("", "n:InvalidEnumerationContext", WsmanFault, "is_context_unknown"),
        ('<f:WSManFault Code="2150859173"/>', "w:QuotaLimit", QuotaExceeded, ""),
        ('<f:WSManFault Code="2150858815"/>', "w:InternalError", QuotaExceeded, ""),
        ('<f:WSManFault Code="2150858793"/>', "w:TimedOut", OperationTimedOut, ""),
        ('<f:WSManFault Code="2150858793"/>', "w:InternalError", OperationTimedOut, ""),
        ("", "w:TimedOut", OperationTimedOut, ""),
    ],
)  # fmt: skip
def test_classification_by_numbers(detail: str, subcode: str, kind: type[WsmanFault], predicate: str) -> None:
    error = refused(fault(detail, subcode, "Zugriff verweigert"))
    assert type(error) is kind
    if predicate:
        assert getattr(error, predicate) is True


def test_texts_never_decide() -> None:
    error = refused(
        fault('<f:WSManFault Code="1"><f:Message>Access is denied. Not found. Timed out.</f:Message></f:WSManFault>')
    )
    assert type(error) is WsmanFault
    assert not (error.is_access_denied or error.is_not_found or error.is_wmi_down or error.is_shell_unknown)


def test_hresults_inside_messages_count() -> None:
    inner = '<f:WSManFault Code="1"><f:Message>... could not be opened, error 0x80070002. </f:Message></f:WSManFault>'
    assert refused(fault(inner)).is_not_found
    assert refused(fault(inner.replace("0x80070002", "0x8007000"))).detail.numbers == {1}


def test_access_denied_hides_not_found() -> None:
    error = refused(fault('<f:WSManFault Code="2150858752"><f:Message>0x80070005</f:Message></f:WSManFault>'))
    assert error.is_access_denied
    assert not error.is_not_found


def test_already_there() -> None:
    assert fault_error(FaultDetail(500, "Sender", cim_status=11)).is_already_there


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (reply("<x/>", relates_to="uuid:0cb1c49a-5054-4c12-af30-fc60be995dd9"), "relates to message"),
        (reply("<x/>", relates_to="uuid:0"), "relates to message 'uuid:0'"),
        (reply("<x/>", relates_to=""), "relates to message ''"),
        (reply("<x/>", action=f"{ACTION}"), "has action"),
        (reply("<x/>", action=f"{ACTION}ResponseX"), "has action"),
        (reply("<x/>", status=500), "error status but no fault"),
        (Reply(200, f"<s:Envelope {NAMESPACES}><s:Body/></s:Envelope>".encode()), "lacks element Header"),
        (Reply(200, f"<s:Envelope {NAMESPACES}><s:Header/></s:Envelope>".encode()), "lacks element Body"),
        (Reply(200, b"<Envelope/>"), "is <Envelope>, not a SOAP 1.2 envelope"),
        (Reply(200, b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>'), "not a SOAP 1.2 envelope"),
        (Reply(200, b""), r"empty \(HTTP 200\)"),
        (Reply(200, b"not xml"), "not well-formed"),
        (Reply(418, b"teapot"), "not well-formed.*418"),
        (Reply(500, b"<html><body>IIS</body></html>"), "HTML page, not SOAP"),
        (Reply(200, b" \r\n<!DOCTYPE html><html></html>"), "HTML page, not SOAP"),
    ],
)
def test_what_is_not_the_answer_is_a_protocol_error(answer: Reply, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem) as raised:
        _replies.read_reply(answer, REQUEST)
    assert raised.value.body == answer.body[:4096]


def test_white_space_around_header_values_and_case_of_actions_do_not_matter() -> None:
    answer = reply("<x/>", relates_to=f"\n  {REQUEST.message_id}\n ", action=f" {ACTION.upper()}response ")
    assert _replies.read_reply(answer, REQUEST)[0].tag == "x"


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (400, b"", ConnectionDropped, "security context"),
        (401, b"", AuthenticationFailed, "HTTP 401"),
        (403, b"<html/>", AuthenticationFailed, "HTTP 403"),
        (404, b"", ConnectionFailed, "/wsman"),
        (404, b"<html><h1>Not Found</h1></html>", ConnectionFailed, "/wsman"),
        (405, b"", ConnectionFailed, "no WS-Management service"),
        (407, b"", ConnectionFailed, "proxy"),
        (413, b"", MessageTooLarge, "MaxEnvelopeSizekb"),
        (500, b"", ConnectionFailed, "AllowUnencrypted"),
        (503, b"Service Unavailable", ConnectionFailed, "HTTP 503"),
        (400, b"Bad Request", ProtocolError, "HTTP 400"),
    ],
)
def test_http_status_without_soap(status: int, body: bytes, kind: type[WsmanError], text: str) -> None:
    with pytest.raises(WsmanError, match=text) as raised:
        _replies.read_reply(Reply(status, body), REQUEST)
    assert type(raised.value) is kind


def test_the_unreachable_ones_share_a_root() -> None:
    for status in (400, 401, 404, 500, 503):
        with pytest.raises(HostUnreachable):
            _replies.read_reply(Reply(status, b""), REQUEST)


# -- pages, identity, shell answers ----------------------------------------------------------------------------------


def page(inside: str, name: str = "n:EnumerateResponse") -> _replies.Page:
    return _replies.read_page(parse_xml(f"<b {NAMESPACES}><{name}>{inside}</{name}></b>".encode()))


def test_pages() -> None:
    assert page("<w:Items/><w:EndOfSequence/>") == _replies.Page((), None)
    assert page("<n:EnumerationContext/><w:EndOfSequence/>") == _replies.Page((), None)
    assert page("<n:EnumerationContext> uuid:1 </n:EnumerationContext>").context == "uuid:1"
    last = page("<n:Items><x/><y/></n:Items><n:EndOfSequence/>", "n:PullResponse")
    assert [item.tag for item in last.items] == ["x", "y"]
    assert last.context is None


@pytest.mark.parametrize(
    ("inside", "name"),
    [
        ("", "n:EnumerateResponse"),
        ("<n:EnumerationContext/>", "n:EnumerateResponse"),
        ("<w:Items><x/></w:Items>", "n:EnumerateResponse"),
        ("<n:EndOfSequence/>", "n:EnumerateResponse"),  # the wrapper of the other answer
        ("<w:EndOfSequence/>", "n:PullResponse"),
        ("<w:EndOfSequence/>", "n:Other"),
    ],
)
def test_a_page_that_neither_ends_nor_goes_on(inside: str, name: str) -> None:
    with pytest.raises(ProtocolError):
        page(inside, name)


def test_identity() -> None:
    text = (
        '<b><i:IdentifyResponse xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
        "<i:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</i:ProtocolVersion>"
        "<i:ProductVendor>Microsoft Corporation</i:ProductVendor>"
        "<i:ProductVersion>OS: 6.3.9600 SP: 0.0 Stack: 3.0</i:ProductVersion></i:IdentifyResponse></b>"
    )
    identity = _replies.read_identity(parse_xml(text.encode()))
    assert identity.vendor == "Microsoft Corporation"
    assert identity.os_version == (6, 3, 9600)
    assert identity.service_pack == (0, 0)
    assert identity.stack == (3, 0)
    strange = _replies.read_identity(parse_xml(text.replace("OS: 6.3.9600 SP: 0.0 Stack: 3.0", "OpenPegasus").encode()))
    assert (strange.version_text, strange.os_version, strange.stack) == ("OpenPegasus", (), ())


SHELL = 'xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"'
DONE = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done"


def received(inside: str) -> _shell_messages.Received:
    return _shell_messages.read_received(
        parse_xml(f"<b {SHELL}><rsp:ReceiveResponse>{inside}</rsp:ReceiveResponse></b>".encode()), "C1"
    )


@pytest.mark.parametrize(
    ("text", "code"), [("0", 0), ("-1", 0xFFFFFFFF), ("4294967295", 0xFFFFFFFF), ("-1073741510", 0xC000013A)]
)
def test_exit_codes_are_unsigned(text: str, code: int) -> None:
    state = f'<rsp:CommandState CommandId="C1" State="{DONE}"><rsp:ExitCode>{text}</rsp:ExitCode></rsp:CommandState>'
    assert received(state).exit_code == code


def test_a_running_command_has_no_exit_code() -> None:
    assert received('<rsp:CommandState CommandId="C1" State="x/CommandState/Running"/>').exit_code is None
    assert received("") == _shell_messages.Received(b"", b"", None)


def test_streams_are_joined() -> None:
    streams = "".join(
        f'<rsp:Stream Name="{name}" CommandId="c1">{data}</rsp:Stream>'
        for name, data in (("stdout", "YWJj\n"), ("stderr", " ZQ== "), ("stdout", "ZGVm"), ("stdout", ""))
    )
    assert received(streams) == _shell_messages.Received(b"abcdef", b"e", None)


@pytest.mark.parametrize(
    "inside",
    [
        '<rsp:Stream Name="stdout" CommandId="C1">a</rsp:Stream>',
        '<rsp:Stream Name="stdout" CommandId="C1">YWJj!</rsp:Stream>',
        '<rsp:Stream Name="stdout" CommandId="C1">Ä</rsp:Stream>',
        '<rsp:Stream Name="stdout" CommandId="C2">YWJj</rsp:Stream>',
        '<rsp:Stream Name="pr" CommandId="C1">YWJj</rsp:Stream>',
        f'<rsp:CommandState CommandId="C1" State="{DONE}"/>',
        f'<rsp:CommandState CommandId="C1" State="{DONE}"><rsp:ExitCode>x</rsp:ExitCode></rsp:CommandState>',
        f'<rsp:CommandState CommandId="C2" State="{DONE}"><rsp:ExitCode>0</rsp:ExitCode></rsp:CommandState>',
    ],
)
def test_bad_answers_to_receive(inside: str) -> None:
    with pytest.raises(ProtocolError):
        received(inside)


def test_missing_ids() -> None:
    with pytest.raises(ProtocolError, match="no ShellId"):
        _shell_messages.read_shell_id(parse_xml(b"<b/>"))
    with pytest.raises(ProtocolError, match="no CommandId"):
        _shell_messages.read_command_id(parse_xml(f"<b {SHELL}><rsp:CommandResponse/></b>".encode()))
    with pytest.raises(ProtocolError, match="empty body"):
        _shell_messages.read_command_id(parse_xml(b"<b/>"))
