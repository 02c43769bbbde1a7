# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from the wire to typed values, and the differences between absent, NULL, empty and one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _schema
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._cim import (
    CimClass,
    CimMethod,
    CimProperty,
    CimReference,
    CimType,
    Instance,
    MethodResult,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._console_output import decode_output
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._decode import (
    decode_instance,
    decode_method_result,
    parse_cim_datetime,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import CimMethodError, ProtocolError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._xml import parse_xml

URI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Sample"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
CIM = "http://schemas.dmtf.org/wbem/wscim/1/common"
SAMPLE = CimClass(
    name="Sample",
    properties=(
        *(CimProperty(kind.value, kind) for kind in CimType),
        CimProperty("bytes", CimType.UINT8, is_array=True),
        CimProperty("texts", is_array=True),
        CimProperty("numbers", CimType.SINT32, is_array=True),
    ),
    methods=(
        CimMethod("Ask", (), (CimProperty("texts", is_array=True), CimProperty("bytes", CimType.UINT8, True))),
        CimMethod("One", (), (CimProperty("string"),)),
    ),
    return_names={5: "access denied"},
)


def instance(inside: str) -> Instance:
    document = f'<p:Sample xmlns:p="{URI}" xmlns:i="{XSI}" xmlns:cim="{CIM}">{inside}</p:Sample>'
    return decode_instance(SAMPLE, parse_xml(document.encode()))


def projection(inside: str) -> Instance:
    wsman = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
    return decode_instance(
        SAMPLE, parse_xml(f'<w:XmlFragment xmlns:w="{wsman}" xmlns:i="{XSI}">{inside}</w:XmlFragment>'.encode())
    )


def answer(inside: str, method: str = "Ask") -> MethodResult:
    document = f'<p:{method}_OUTPUT xmlns:p="{URI}" xmlns:i="{XSI}">{inside}</p:{method}_OUTPUT>'
    return decode_method_result(SAMPLE, method, parse_xml(document.encode()))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("boolean", "1", True),
        ("boolean", "0", False),
        ("uint8", "255", 255),
        ("uint16", "65535", 65535),
        ("uint32", "4294967295", 0xFFFFFFFF),
        ("uint32", "-1", 0xFFFFFFFF),
        ("uint32", "-2147483648", 0x80000000),
        ("uint64", "18446744073709551615", 0xFFFFFFFFFFFFFFFF),
        ("sint16", "-32768", -32768),
        ("sint32", " -1 ", -1),
        ("sint64", "-9223372036854775808", -(2**63)),
        ("char16", "65", 65),
        ("real64", "-1.5e3", -1500.0),
        ("string", "", ""),
        ("string", "  a  ", "  a  "),
        ("string", "a&amp;&lt;&#13;\n", "a&<\r\n"),
    ],
)
def test_scalars(name: str, text: str, value: object) -> None:
    decoded = instance(f"<p:{name}>{text}</p:{name}>")[name]
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("boolean", "TRUE"),
        ("boolean", ""),
        ("boolean", "yes"),
        ("uint8", "256"),
        ("uint8", "-1"),
        ("uint32", "4294967296"),
        ("uint32", "-2147483649"),
        ("uint32", ""),
        ("uint32", "0x10"),
        ("uint32", "1_0"),
        ("uint32", "1.0"),
        ("uint32", "\u0663"),
        ("uint64", "9" * 21),
        ("sint16", "32768"),
        ("real64", "1,5"),
        ("real64", "nan"),
        ("string", "a<p:x/>"),
        ("datetime", ""),
        ("datetime", "2013-02-30T00:00:00Z"),
        ("datetime", "0001-01-01T00:00:00+12:00"),
        ("datetime", "yesterday"),
        ("reference", "Win32_Group.Name='x'"),
    ],
)
def test_text_that_is_not_of_the_type_is_a_protocol_error(name: str, text: str) -> None:
    with pytest.raises(ProtocolError, match=f"Sample.{name} came 1 time"):
        instance(f"<p:{name}>{text}</p:{name}>")


def test_absent_null_and_empty_are_three_things() -> None:
    values = instance('<p:string i:nil="true"/><p:char16 i:nil="1"/>')
    assert values["string"] is None
    assert values["char16"] is None
    assert "uint8" not in values
    assert instance("<p:string></p:string>")["string"] == ""
    assert instance("<p:string/>")["string"] == ""


def test_an_array_of_one_is_an_array() -> None:
    values = instance("<p:texts>a</p:texts><p:bytes>7</p:bytes><p:numbers>-1</p:numbers>")
    assert values["texts"] == ("a",)
    assert values["bytes"] == b"\x07"
    assert values["numbers"] == (-1,)


def test_arrays_keep_order_empty_and_null_elements() -> None:
    values = instance('<p:texts>b</p:texts><p:texts></p:texts><p:texts i:nil="true"/><p:texts>a</p:texts>')
    assert values["texts"] == ("b", "", None, "a")
    assert values.texts("texts") == ("b", "", "a")
    assert instance('<p:texts i:nil="true"/>')["texts"] is None
    assert instance("").texts("texts") == ()


def test_bytes() -> None:
    octets = "".join(f"<p:bytes>{n}</p:bytes>" for n in (1, 0, 4, 128, 255))
    assert instance(octets)["bytes"] == bytes((1, 0, 4, 128, 255))
    with pytest.raises(ProtocolError):
        instance('<p:bytes>1</p:bytes><p:bytes i:nil="true"/>')
    with pytest.raises(ProtocolError):
        instance("<p:bytes>256</p:bytes>")


def test_a_scalar_that_comes_twice_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="came 2 time"):
        instance("<p:string>a</p:string><p:string>b</p:string>")


def test_unknown_properties_are_kept_as_text() -> None:
    values = instance(
        '<p:New>1</p:New><p:Old i:nil="true"/><p:Many>a</p:Many><p:Many>b</p:Many><p:In><p:x>c</p:x></p:In>'
    )
    assert dict(values) == {"New": "1", "Old": None, "Many": ("a", "b"), "In": "c"}


def test_other_namespaces_are_no_properties() -> None:
    assert dict(instance("<cim:Location>x</cim:Location><p:uint8>1</p:uint8>")) == {"uint8": 1}
    # Windows echoes the case of the URI that was sent.
    document = f'<p:Sample xmlns:p="{URI.lower()}" xmlns:q="{URI}"><q:uint8>1</q:uint8></p:Sample>'
    assert dict(decode_instance(SAMPLE, parse_xml(document.encode()))) == {"uint8": 1}


def test_a_projection_has_properties_without_namespace() -> None:
    values = projection(
        '<uint8>1</uint8><datetime><Datetime>2013-04-15T16:28:39.5Z</Datetime></datetime><string i:nil="true"/>'
    )
    assert values["uint8"] == 1
    assert values["datetime"] == datetime(2013, 4, 15, 16, 28, 39, 500000, tzinfo=timezone.utc)
    assert values["string"] is None
    assert values.class_name == "Sample"


def test_the_class_of_a_derived_instance_is_kept() -> None:
    document = f'<p:Derived xmlns:p="{URI}"><p:uint8>1</p:uint8></p:Derived>'
    assert decode_instance(SAMPLE, parse_xml(document.encode())).class_name == "Derived"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2013-04-15T16:28:43.488171Z", datetime(2013, 4, 15, 16, 28, 43, 488171)),
        ("2013-04-15T16:28:39.5Z", datetime(2013, 4, 15, 16, 28, 39, 500000)),
        ("2013-03-09T03:06:25Z", datetime(2013, 3, 9, 3, 6, 25)),
        ("2013-03-09T03:06:25", datetime(2013, 3, 9, 3, 6, 25)),
        ("2013-03-09T03:06:25+02:00", datetime(2013, 3, 9, 1, 6, 25)),
        ("2013-03-09T03:06:25.1234567-00:30", datetime(2013, 3, 9, 3, 36, 25, 123456)),
        ("20130415162843.488171+000", datetime(2013, 4, 15, 16, 28, 43, 488171)),
        ("20130415162843.488171+120", datetime(2013, 4, 15, 14, 28, 43, 488171)),
        ("20130415162843.488171-060", datetime(2013, 4, 15, 17, 28, 43, 488171)),
    ],
)
def test_moments_are_aware_and_in_utc(text: str, expected: datetime) -> None:
    assert parse_cim_datetime(text) == expected.replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("PT7200.000S", timedelta(hours=2)),
        ("-PT1M", timedelta(minutes=-1)),
        ("00000001020304.500000:000", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
    ],
)
def test_intervals(text: str, expected: timedelta) -> None:
    assert parse_cim_datetime(text) == expected


def test_a_datetime_with_wildcards_stays_text() -> None:
    assert (
        instance("<p:datetime><cim:CIM_DateTime>2013041516****.******+***</cim:CIM_DateTime></p:datetime>")["datetime"]
        == "2013041516****.******+***"
    )


@pytest.mark.parametrize("text", ["P", "PT", "P1Y", "1", "2013-04-15", "PT1", "9" * 14 + ".000000+000"])
def test_what_is_no_datetime(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        parse_cim_datetime(text)


def test_references() -> None:
    epr = (
        "<a:Address xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing'>x</a:Address>"
        "<a:ReferenceParameters xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing' "
        "xmlns:w='http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'>"
        "<w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_UserAccount</w:ResourceURI>"
        "<w:SelectorSet><w:Selector Name='Domain'>HOST</w:Selector><w:Selector Name='Name'>opcadmin</w:Selector>"
        "</w:SelectorSet></a:ReferenceParameters>"
    )
    expected = CimReference(
        "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_UserAccount",
        {"Domain": "HOST", "Name": "opcadmin"},
    )
    assert instance(f"<p:reference>{epr}</p:reference>")["reference"] == expected
    wrapped = (
        f"<a:EndpointReference xmlns:a='http://schemas.xmlsoap.org/ws/2004/08/addressing'>{epr}</a:EndpointReference>"
    )
    assert instance(f"<p:reference>{wrapped}</p:reference>")["reference"] == expected
    assert expected.class_name == "Win32_UserAccount"


def test_return_value() -> None:
    assert answer("<p:ReturnValue>0</p:ReturnValue>")["ReturnValue"] == 0
    assert answer("")["ReturnValue"] == 0
    assert answer('<p:ReturnValue i:nil="true"/>')["ReturnValue"] == 0
    assert answer("<p:ReturnValue>2147749893</p:ReturnValue>").return_value == 0x80041005
    with pytest.raises(ProtocolError):
        answer("<p:ReturnValue>ok</p:ReturnValue>")


def test_empty_arrays_of_a_method_are_there_only_after_success() -> None:
    assert dict(answer("<p:ReturnValue>0</p:ReturnValue>")) == {"ReturnValue": 0, "texts": (), "bytes": b""}
    assert dict(answer('<p:texts i:nil="true"/>')) == {"ReturnValue": 0, "texts": (), "bytes": b""}
    assert dict(answer("<p:ReturnValue>2</p:ReturnValue>")) == {"ReturnValue": 2}
    assert dict(answer("", "One")) == {"ReturnValue": 0}


def test_require_success() -> None:
    assert answer("").require_success().return_value == 0
    with pytest.raises(CimMethodError, match=r"^Sample.Ask of key HKLM.A returned 5 \(access denied\)\.$") as raised:
        answer("<p:ReturnValue>5</p:ReturnValue>").require_success("key HKLM.A")
    assert raised.value.is_access_denied
    with pytest.raises(CimMethodError, match=r"^Sample.Ask returned 0x80041005\.$"):
        answer("<p:ReturnValue>2147749893</p:ReturnValue>").require_success()


def test_required_and_optional_values() -> None:
    values = instance('<p:uint8>1</p:uint8><p:boolean>true</p:boolean><p:string i:nil="true"/>')
    assert values.required("uint8", int) == 1
    assert values.optional("string", str) is None
    assert values.optional("sint8", int) is None
    for name, kind, problem in (
        ("sint8", int, "Sample.sint8 is missing"),
        ("string", str, "Sample.string is NULL"),
        ("uint8", str, "came as int, not as str"),
        ("boolean", int, "came as bool, not as int"),
    ):
        with pytest.raises(ProtocolError, match=problem):
            values.required(name, kind)


# Source: Windows error codes (winerror.h) and Microsoft Learn, "ChangeStartMode method of the Win32_Service class".
@pytest.mark.parametrize(
    ("class_", "names"),
    [
        (_schema.STD_REG_PROV, {0: "success", 2: "key not found", 5: "access denied", 2147749893: "type mismatch"}),
        (
            _schema.WIN32_SERVICE,
            {2: "access denied", 7: "service request timeout", 10: "service already running", 14: "service disabled",
             22: "invalid service account", 24: "service already paused"},
        ),
    ],
    ids=["StdRegProv", "Win32_Service"],
)  # fmt: skip
def test_names_of_return_values(class_: CimClass, names: Mapping[int, str]) -> None:
    assert {code: class_.return_names[code] for code in names} == names


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"plain\r\n", "plain\r\n"),
        ("Größe €".encode(), "Größe €"),
        ("Größe".encode("utf-8-sig"), "Größe"),
        ("Größe".encode("utf-16"), "Größe"),
        (b"\xfe\xff" + "Größe".encode("utf-16-be"), "Größe"),
        ("REG.EXE Version".encode("utf-16-le"), "REG.EXE Version"),
        ("Größe".encode("cp850"), "Größe"),
        (b"a\x00", "a\x00"),
        (b"\x00\x00\x00\x00", "\x00\x00\x00\x00"),
    ],
)
def test_console_output(data: bytes, text: str) -> None:
    assert decode_output(data) == text


def test_console_output_in_another_code_page() -> None:
    assert decode_output("Ł€".encode("cp1250"), "cp1250") == "Ł€"
    assert decode_output(b"\xff\xfe\x00", "cp437").endswith("\ufffd")
