# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Header rules of a request (wsman_cim.md 1.3): what must be refused, and how much variety must be accepted."""

from __future__ import annotations

import re

import pytest
from front_messages import ANONYMOUS, MESSAGE_ID, TRANSFER, WMI, Wire, envelope, local
from small_windows import SmallWindows

from simulator.front.envelope import parse_duration
from simulator.front.limits import limits_of

GET = f"{TRANSFER}/Get"
SYSTEM = f"{WMI}/Win32_OperatingSystem"

REFUSED = {
    "no ReplyTo": ({"ReplyTo": None}, 2150858769),
    "another ReplyTo": ({"ReplyTo": "<a:ReplyTo><a:Address>http://me/</a:Address></a:ReplyTo>"}, 2150858818),
    "no MessageID": ({"MessageID": None}, 2150858769),
    "an empty MessageID": ({"MessageID": "<a:MessageID> </a:MessageID>"}, 2150858767),
    "a MessageID of 2049 bytes": ({"MessageID": f"<a:MessageID>{'x' * 2049}</a:MessageID>"}, 2150858767),
    "no To": ({"To": None}, 2150858769),
    "no Action": ({"Action": ""}, 2150858769),
    "no ResourceURI": ({"ResourceURI": ""}, 2150858769),
    "a small envelope": ({"MaxEnvelopeSize": "<w:MaxEnvelopeSize>8191</w:MaxEnvelopeSize>"}, 2150858878),
    "an envelope size in words": ({"MaxEnvelopeSize": "<w:MaxEnvelopeSize>big</w:MaxEnvelopeSize>"}, 2150858767),
    "Locale that must be understood": ({"Locale": '<w:Locale s:mustUnderstand="true" xml:lang="de"/>'}, 2150858887),
    "an unknown header that must be understood": ({"More": '<w:New s:mustUnderstand="1"/>'}, 2150858768),
    "the same without a namespace": ({"More": '<New mustUnderstand="true"/>'}, 2150858768),
    "a timeout that is none": ({"OperationTimeout": "<w:OperationTimeout>20</w:OperationTimeout>"}, 2150858881),
    "a header given twice": ({"More": "<w:OperationTimeout>PT1S</w:OperationTimeout>"}, 2150858767),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_header_rule_is_refused_and_recorded(name: str) -> None:
    headers, code = REFUSED[name]
    wire = Wire()
    assert wire.fault(envelope(GET, SYSTEM, **headers)) == code
    assert len(wire.violations) == 1


ACCEPTED = {
    "mustUnderstand without a namespace": {"Locale": '<w:Locale mustUnderstand="true" xml:lang="en-US"/>'},
    "no optional header": {"MaxEnvelopeSize": None, "OperationTimeout": None, "Locale": None},
    "a MessageID that is no GUID": {"MessageID": "<a:MessageID>anything goes</a:MessageID>"},
    "a long timeout": {"OperationTimeout": "<w:OperationTimeout>P1DT2H3M4.5S</w:OperationTimeout>"},
    "a huge envelope": {"MaxEnvelopeSize": "<w:MaxEnvelopeSize>67108864</w:MaxEnvelopeSize>"},
    "a session": {"More": '<p:SessionId s:mustUnderstand="false">uuid:1</p:SessionId>'},
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_windows_accepts_is_accepted(name: str) -> None:
    wire = Wire()
    wire.body(envelope(GET, SYSTEM, **ACCEPTED[name]))
    assert wire.violations == []


def test_prefixes_order_and_whitespace_do_not_matter() -> None:
    soap = "http://www.w3.org/2003/05/soap-envelope"
    wsman, addressing = (
        "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
        "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    )
    text = f"""<?xml version='1.0'?>
<Envelope xmlns='{soap}'>
  <Header xmlns:w1='{wsman}'><!-- a comment -->
    <w1:ResourceURI xmlns:y='{soap}' y:mustUnderstand='1'>
      {SYSTEM}
    </w1:ResourceURI>
    <MessageID xmlns='{addressing}'>uuid:7</MessageID>
    <z:ReplyTo xmlns:z='{addressing}'><z:Address> {ANONYMOUS} </z:Address></z:ReplyTo>
    <z:Action xmlns:z='{addressing}' mustUnderstand='true'>{GET}</z:Action>
    <z:To xmlns:z='{addressing}'/>
  </Header>
  <Body/>
</Envelope>"""
    wire = Wire()
    assert local(wire.body(text.encode())[0]) == "Win32_OperatingSystem"
    assert wire.violations == []


def test_an_unknown_header_is_noted_but_answered() -> None:
    wire = Wire()
    wire.body(envelope(GET, SYSTEM, More="<w:OperationTimeOut>PT1S</w:OperationTimeOut>"))
    assert [line for line in wire.violations if "OperationTimeOut" in line]


def test_relates_to_repeats_the_message_id_byte_for_byte() -> None:
    wire = Wire()
    odd = "uuid:AbC-&lt;1&gt; "
    answer = wire.dispatcher.answer(
        wire.dispatcher.open(envelope(GET, SYSTEM, MessageID=f"<a:MessageID>{odd}</a:MessageID>")), wire.caller
    )
    assert f"<a:RelatesTo>{odd}</a:RelatesTo>".encode() in answer.payload


def test_an_answer_looks_as_windows_sends_it() -> None:
    wire = Wire()
    payload = wire.dispatcher.answer(wire.dispatcher.open(envelope(GET, SYSTEM)), wire.caller).payload.decode()
    assert payload.startswith('<s:Envelope xml:lang="en-US" xmlns:s=')
    assert "\n" not in payload
    assert re.search(r"<a:MessageID>uuid:[0-9A-F-]{36}</a:MessageID>", payload)
    assert f"<a:To>{ANONYMOUS}</a:To><a:RelatesTo>{MESSAGE_ID}</a:RelatesTo>" in payload


EPR = (
    f"<a:EndpointReference><a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters>"
    f"<w:ResourceURI>{WMI}/Win32_Group</w:ResourceURI><w:SelectorSet>"
    '<w:Selector Name="Domain">HOST</w:Selector><w:Selector Name="Name">a"b</w:Selector></w:SelectorSet>'
    "</a:ReferenceParameters></a:EndpointReference>"
)


def selectors(content: str) -> bytes:
    """A request whose SelectorSet is written by hand (the header More comes last)."""
    return envelope(GET, SYSTEM, More=f"<w:SelectorSet>{content}</w:SelectorSet>")


def test_a_reference_as_a_selector_becomes_an_object_path() -> None:
    message = Wire().dispatcher.open(selectors(f'<w:Selector Name="GroupComponent">{EPR}</w:Selector>'))
    assert message.request is not None
    assert message.request.selectors == (("GroupComponent", 'Win32_Group.Domain="HOST",Name="a\\"b"'),)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("<w:Selector>no name</w:Selector>", 2150858813),
        ('<w:Sel Name="a">b</w:Sel>', 2150858813),
        ('<w:Selector Name="a">b</w:Selector><w:Selector Name="A">c</w:Selector>', 2150858847),
        ('<w:Selector Name="a"><w:b/></w:Selector>', 2150858813),
        (f'<w:Selector Name="a">{EPR.replace(WMI, "urn:x")}</w:Selector>', 2150858813),
    ],
)
def test_wrong_selectors_are_refused_and_recorded(content: str, code: int) -> None:
    wire = Wire()
    assert wire.fault(selectors(content)) == code
    assert len(wire.violations) == 1


@pytest.mark.parametrize("content", ["<w:Option>no name</w:Option>", '<w:Opt Name="a">b</w:Opt>'])
def test_wrong_options_are_refused_and_recorded(content: str) -> None:
    wire = Wire()
    assert wire.fault(envelope(GET, SYSTEM, More=f"<w:OptionSet>{content}</w:OptionSet>")) == 2150858809
    assert len(wire.violations) == 1


BROKEN = {
    "nothing": b"",
    "no XML": b"hello",
    "cut off": envelope(GET, SYSTEM)[:300],
    "a document type": b'<!DOCTYPE s:Envelope [<!ENTITY a "b">]>' + envelope(GET, SYSTEM),
    "a harmless document type": b"<!DOCTYPE x>" + envelope(GET, SYSTEM),
    "an undeclared entity": envelope(GET, SYSTEM, "&x;"),
    "no UTF-8": envelope(GET, SYSTEM) + b"\xff",
    "another root": b"<html/>",
    "another SOAP": envelope(GET, SYSTEM).replace(b"2003/05/soap-envelope", b"2001/12/soap-envelope"),
    "no body": b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/></s:Envelope>',
    "two children in the body": envelope(GET, SYSTEM, "<a:x/><a:y/>"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_documents_are_refused(name: str) -> None:
    wire = Wire()
    assert wire.fault(BROKEN[name]) in (2150858817, 2150858819)
    assert len(wire.violations) == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT20S", 20.0),
        ("PT60.000S", 60.0),
        ("PT1M", 60.0),
        ("P1DT1H", 90000.0),
        ("PT", None),
        ("P", None),
        ("20", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(("stack", "size"), [("2.0", 153600), ("3.0", 512000)])
def test_the_servers_envelope_size_is_the_upper_limit(stack: str, size: int) -> None:
    wire = Wire(SmallWindows(stack))
    message = wire.dispatcher.open(
        envelope(GET, SYSTEM, MaxEnvelopeSize="<w:MaxEnvelopeSize>900000</w:MaxEnvelopeSize>")
    )
    assert message.request is not None
    assert message.request.max_envelope_bytes == size == limits_of(stack).max_envelope_bytes


def test_a_fault_speaks_the_language_of_the_host() -> None:
    _unused, english = Wire().send(envelope(GET, f"{WMI}/Win32_Nope"))
    _unused, german = Wire(SmallWindows(ui_language="de-DE")).send(envelope(GET, f"{WMI}/Win32_Nope"))
    texts = [next(node.text for node in root.iter() if local(node) == "Text") for root in (english, german)]
    assert texts[0] != texts[1]
    assert "nicht vorhanden" in (texts[1] or "")
