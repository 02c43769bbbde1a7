# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The XML reader is safe on hostile documents, and the writer loses no character."""

from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _xml
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import MessageTooLarge, ProtocolError

BILLION_LAUGHS = (
    b"<!DOCTYPE l [<!ENTITY a0 'ha'>"
    + b"".join(b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><l>&a9;</l>"
)


@pytest.mark.parametrize(
    "document",
    [
        BILLION_LAUGHS,
        b"<!DOCTYPE l [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><l>&a;</l>",
        b"<!DOCTYPE l SYSTEM 'http://127.0.0.1:9/x.dtd'><l/>",
        b"<!DOCTYPE l PUBLIC '-//W3C//DTD XHTML 1.0//EN' 'http://www.w3.org/x.dtd'><l/>",
        b"<!DOCTYPE l [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/x'> %p;]><l/>",
        b"<!DOCTYPE l><l/>",
        b"<?xml version='1.0'?>\n<!-- c -->\n<!DOCTYPE l [<!ATTLIST l a CDATA 'x'>]><l/>",
    ],
    ids=[
        "billion laughs",
        "external entity",
        "external subset",
        "public",
        "parameter entity",
        "bare",
        "attribute list",
    ],
)
def test_document_types_are_refused_before_they_are_read(document: bytes) -> None:
    started = time.perf_counter()
    with pytest.raises(ProtocolError, match="document type declaration") as raised:
        _xml.parse_xml(document)
    assert time.perf_counter() - started < 0.5
    assert raised.value.body == document[:4096]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (b"", "not well-formed"),
        (b"   ", "not well-formed"),
        (b"<a>&nbsp;</a>", "not well-formed"),
        (b"<a>&#0;</a>", "not well-formed"),
        (b"<a>\x00</a>", "not well-formed"),
        (b"<a>\xff</a>", "not well-formed"),
        (b"<a>\xed\xa0\x80</a>", "not well-formed"),
        (b"<p:a/>", "not well-formed"),
        (b"<a/><b/>", "not well-formed"),
        (b"<a b='1' b='2'/>", "not well-formed"),
        (b"<?xml-stylesheet href='x'?><a/>", "processing instruction"),
        (b"<a>" * 65 + b"</a>" * 65, "nested deeper than 64"),
        (b"\xff\xfe<\x00a", "not valid UTF-16"),
        (b"{}", "not well-formed"),
    ],
)
def test_what_is_not_xml_is_a_protocol_error(document: bytes, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        _xml.parse_xml(document)


def test_a_declared_encoding_is_not_believed() -> None:
    # An unknown or multi-byte codec would make the parser raise something else than a syntax error.
    for name in ("utf-7", "shift_jis", "idna", "hex", "utf-16", "iso-8859-1"):
        root = _xml.parse_xml(f"<?xml version='1.0' encoding='{name}'?><a>ü</a>".encode())
        assert root.text == "ü"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_marks(encoding: str) -> None:
    assert _xml.parse_xml("<a>Größe</a>".encode(encoding)).text == "Größe"


def test_size_is_bounded() -> None:
    with pytest.raises(MessageTooLarge):
        _xml.parse_xml(b"<a>" + b" " * _xml.MAX_BYTES + b"</a>")


def test_only_the_beginning_of_a_bad_reply_is_kept() -> None:
    with pytest.raises(ProtocolError) as raised:
        _xml.parse_xml(b"x" * 100_000)
    assert len(raised.value.body) == 4096
    assert raised.value.length == 100_000


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_a_protocol_error(data: bytes) -> None:
    try:
        _xml.parse_xml(data)
    except ProtocolError as error:
        assert str(error)


def test_tags_and_attributes_carry_their_namespaces() -> None:
    root = _xml.parse_xml(b"<p:a xmlns:p='urn:p' xmlns='urn:d' p:x='1' y='2'><b/><c xmlns=''/></p:a>")
    reference = ElementTree.fromstring("<p:a xmlns:p='urn:p' xmlns='urn:d' p:x='1' y='2'><b/><c xmlns=''/></p:a>")
    assert [element.tag for element in root.iter()] == [element.tag for element in reference.iter()]
    assert root.attrib == reference.attrib == {"{urn:p}x": "1", "y": "2"}
    assert (_xml.local_name(root), _xml.namespace(root)) == ("a", "urn:p")
    assert (_xml.local_name(root[1]), _xml.namespace(root[1])) == ("c", "")


@pytest.mark.parametrize(
    "text",
    ["a\x00b", "\x01", "\x0b", "\x1f", "\ud800", "x\udfff", "\ufffe", "\uffff"],
    ids=["NUL", "U+0001", "VT", "U+001F", "high surrogate", "low surrogate", "U+FFFE", "U+FFFF"],
)
def test_characters_xml_cannot_carry_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match=r"value: U\+[0-9A-F]{4} at character \d"):
        _xml.check_text(text, "value")


@pytest.mark.parametrize(
    "text", ["", " ", "a\tb\r\nc\rd\n", "<&>\"'", "]]>", "ü€\U0001f600", "\x7f\x85\u2028", "&amp;"]
)
def test_every_other_text_survives_writing_and_reading(text: str) -> None:
    written = _xml.to_bytes(_xml.tree("a", _xml.check_text(text, "value"), Name=text))
    assert b"\r" not in written
    for parse in (_xml.parse_xml, ElementTree.fromstring):
        root = parse(written)
        assert (root.text or "") == text
        assert root.get("Name") == text
