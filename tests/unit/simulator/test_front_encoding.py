# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CIM values on the wire, both ways: the forms of wsman_cim.md 3.4 and 4.3, and what a request must not contain."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from front_messages import Wire, local
from small_windows import ALL_TYPES, ALL_VALUES, BOOT_TIME, ECHO, NO_VALUES, REGISTRY

from simulator.cim import CimClass, CimProperty, CimReference, CimType
from simulator.front.decoding import parse_datetime
from simulator.front.encoding import encode_instance, encode_output, format_datetime

P = 'xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/'
EPR = (
    "<a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address><a:ReferenceParameters>"
    "<w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Group</w:ResourceURI><w:SelectorSet>"
    '<w:Selector Name="Domain">HOST</w:Selector><w:Selector Name="Name">Users</w:Selector></w:SelectorSet>'
    "</a:ReferenceParameters>"
)


def test_an_instance_of_every_type() -> None:
    assert encode_instance(ALL_TYPES, ALL_VALUES) == (
        '<p:Sim_AllTypes xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ' + P + 'Sim_AllTypes"'
        ' xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xsi:type="p:Sim_AllTypes_Type">'
        "<p:aByte>255</p:aByte><p:Big>18446744073709551615</p:Big>"
        "<p:Bytes>1</p:Bytes><p:Bytes>0</p:Bytes><p:Bytes>255</p:Bytes><p:Flag>true</p:Flag><p:Id>1</p:Id>"
        f"<p:Other>{EPR}</p:Other><p:Short>65535</p:Short><p:Signed16>-1</p:Signed16>"
        "<p:Signed32>-2147483648</p:Signed32><p:Text>a&lt;b&gt;&amp;&quot;c&quot;</p:Text>"
        "<p:When><cim:Datetime>2026-03-02T06:00:00.5Z</cim:Datetime></p:When><p:Words>one</p:Words></p:Sim_AllTypes>"
    )


def test_null_scalars_are_nil_and_null_or_empty_arrays_absent() -> None:
    root = ET.fromstring(encode_instance(ALL_TYPES, NO_VALUES))
    nil = [local(node) for node in root if node.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"]
    assert nil == ["aByte", "Big", "Flag", "Other", "Short", "Signed16", "Signed32", "Text", "When"]
    assert {local(node) for node in root} - set(nil) == {"Id"}


TEXT = CimClass("T", properties=(CimProperty("V", CimType.STRING),))


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("", "<p:V></p:V>"),
        ("a\tb\nc", "<p:V>a\tb\nc</p:V>"),
        ("a\rb", "<p:V>a&#13;b</p:V>"),
        ("a\x00b\x01\x1f\ud800\uffff", "<p:V>a?b????</p:V>"),
        ("Grüße 日本 😀", "<p:V>Grüße 日本 😀</p:V>"),
    ],
)
def test_strings(value: str, encoded: str) -> None:
    assert encoded in encode_instance(TEXT, {"V": value})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 120000, tzinfo=UTC), "2026-01-02T03:04:05.12Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 1, tzinfo=timezone(timedelta(hours=1))), "2026-01-02T02:04:05.000001Z"),
    ],
)
def test_dates(value: datetime, text: str) -> None:
    assert format_datetime(value) == text
    assert parse_datetime(text) == value


def test_a_naive_date_is_a_mistake_of_the_provider() -> None:
    with pytest.raises(ValueError, match="aware"):
        format_datetime(datetime(2026, 1, 2))


@pytest.mark.parametrize(
    "change",
    [
        {"Id": "1"},
        {"Id": -1},
        {"aByte": 256},
        {"Flag": 1},
        {"Id": True},
        {"Text": b"x"},
        {"Bytes": [256]},
        {"Other": "Win32_Group"},
        {"Extra": 1},
    ],
)
def test_a_provider_cannot_send_what_the_class_does_not_allow(change: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode_instance(ALL_TYPES, ALL_VALUES | change)


def test_an_instance_without_a_property_is_a_mistake_of_the_provider() -> None:
    with pytest.raises(ValueError, match="Text"):
        encode_instance(ALL_TYPES, {name: value for name, value in ALL_VALUES.items() if name != "Text"})


def test_method_results_drop_what_is_null_after_a_failure() -> None:
    failed = encode_output(REGISTRY, ECHO, {"ReturnValue": 2, "Text": None, "Bytes": None})
    assert failed.endswith('"><p:ReturnValue>2</p:ReturnValue></p:Echo_OUTPUT>')
    passed = encode_output(REGISTRY, ECHO, {"Text": None, "Bytes": [7], "ReturnValue": 0, "Words": []})
    assert passed.endswith(
        '"><p:Bytes>7</p:Bytes><p:ReturnValue>0</p:ReturnValue><p:Text xsi:nil="true"/></p:Echo_OUTPUT>'
    )
    with pytest.raises(ValueError, match="Nope"):
        encode_output(REGISTRY, ECHO, {"ReturnValue": 0, "Nope": 1})


DECODED = [
    ("", {"Number": 2147483650, "Text": None, "Flag": None, "When": None, "Bytes": None, "Words": None}),
    ("<q:Number> 7 </q:Number>", {"Number": 7}),
    ("<q:Number>+07</q:Number>", {"Number": 7}),
    ("<q:Text></q:Text>", {"Text": ""}),
    ("<q:Text> a &amp; b </q:Text>", {"Text": " a & b "}),
    ("<q:Text>&#13;\n</q:Text>", {"Text": "\r\n"}),
    ('<q:Text xsi:nil="true"/>', {"Text": None}),
    ("<q:Flag>true</q:Flag>", {"Flag": True}),
    ("<q:Flag>0</q:Flag>", {"Flag": False}),
    ("<q:Bytes>1</q:Bytes><q:Text>x</q:Text><q:Bytes>2</q:Bytes>", {"Bytes": [1, 2], "Text": "x"}),
    ("<q:Words>one</q:Words>", {"Words": ["one"]}),
    ("<q:Words></q:Words><q:Words>b</q:Words>", {"Words": ["", "b"]}),
    ("<q:When><cim:Datetime>2026-03-02T06:00:00.5Z</cim:Datetime></q:When>", {"When": BOOT_TIME}),
    ("<q:When><cim:Datetime>2026-03-02T07:00:00.500+01:00</cim:Datetime></q:When>", {"When": BOOT_TIME}),
]


@pytest.mark.parametrize(("content", "expected"), DECODED)
def test_arguments_reach_the_provider_typed(content: str, expected: dict[str, Any]) -> None:
    wire = Wire()
    wire.body(wire.invoke("Sim_Static", "Echo", content))
    ((_unused, keys, arguments),) = wire.windows.table("Sim_Static").calls
    assert keys is None
    assert {name: arguments[name] for name in expected} == expected
    assert wire.violations == []


TYPE, NAME, VALUES, NAMESPACE = 2150858836, 2150858837, 2150858838, 2150858840
REFUSED = [
    ("<q:Number>0x7</q:Number>", TYPE),
    ("<q:Number></q:Number>", TYPE),
    ("<q:Number>4294967296</q:Number>", TYPE),
    ("<q:Number>-1</q:Number>", TYPE),
    ("<q:Bytes>256</q:Bytes>", TYPE),
    ("<q:Bytes>AQ==</q:Bytes>", TYPE),
    ("<q:Flag>True</q:Flag>", TYPE),
    ("<q:When>2026-03-02T06:00:00Z</q:When>", TYPE),
    ("<q:When><cim:Datetime>today</cim:Datetime></q:When>", TYPE),
    ("<q:Text><q:b/></q:Text>", TYPE),
    ("<q:Nope>1</q:Nope>", NAME),
    ("<q:text>wrong case</q:text>", NAME),
    ("<q:Text>a</q:Text><q:Text>b</q:Text>", VALUES),
    ("<Text>no namespace</Text>", NAMESPACE),
    ("<w:Text>another namespace</w:Text>", NAMESPACE),
]


@pytest.mark.parametrize(("content", "code"), REFUSED)
def test_wrong_arguments_are_refused_and_recorded(content: str, code: int) -> None:
    wire = Wire()
    assert wire.fault(wire.invoke("Sim_Static", "Echo", content)) == code
    assert wire.windows.table("Sim_Static").calls == []
    assert len(wire.violations) == 1


def test_references_in_keys_are_selectors_of_an_endpoint() -> None:
    wire = Wire()
    items = wire.everything("*", wire.query("select * from Win32_GroupUser"))
    names = [node.text for item in items for node in item.iter() if node.get("Name") == "Name"]
    assert names == ["Administrators", "Ann", "Administrators", "Bob"]
    assert CimReference("A", {"k": "v"}) == CimReference("A", {"k": "v"})
