# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML the way Windows sends it, and a parser that refuses what a SOAP message must not contain.

Output is built as text, because Windows' form matters to the tests (no declaration, no indentation, fixed prefixes,
`<p:X></p:X>` for an empty string but `<w:EndOfSequence/>` for an element without content).

Source: MS-WSMV 3.1.4.1.25 (characters XML 1.0 cannot carry become `?`); form as in answers of 2008 R2 and 2012.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from xml.parsers import expat

S = "http://www.w3.org/2003/05/soap-envelope"
A = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
P = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
N = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
X = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
E = "http://schemas.xmlsoap.org/ws/2004/08/eventing"
B = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd"
F = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
CIM = "http://schemas.dmtf.org/wbem/wscim/1/common"
RSP = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
WSMID = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML = "http://www.w3.org/XML/1998/namespace"
WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"

PREFIXES = {"s": S, "a": A, "w": W, "p": P, "n": N, "x": X, "e": E, "rsp": RSP}

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
_SPECIAL = re.compile(r'[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')


class XmlError(Exception):
    """The bytes are no XML document that a WS-Management service would read."""


def escape(text: str) -> str:
    """Escape text for an element or an attribute; what XML 1.0 cannot carry becomes a question mark."""
    return _SPECIAL.sub(lambda match: _ESCAPES.get(match.group(), "?"), text)


def element(name: str, content: str = "", attributes: str = "") -> str:
    """One element around finished XML, always with an end tag. `attributes` begins with a blank."""
    return f"<{name}{attributes}>{content}</{name}>"


def text_element(name: str, text: str, attributes: str = "") -> str:
    """One element around plain text, which is escaped."""
    return f"<{name}{attributes}>{escape(text)}</{name}>"


def declarations(prefixes: str) -> str:
    """The xmlns attributes of space-separated prefixes, in that order."""
    return "".join(f' xmlns:{prefix}="{PREFIXES[prefix]}"' for prefix in prefixes.split())


def local_name(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


def namespace(node: ET.Element) -> str:
    return node.tag[1:].partition("}")[0] if node.tag.startswith("{") else ""


def attribute(node: ET.Element, name: str, uri: str) -> str | None:
    """An attribute by local name, with or without the namespace it belongs to."""
    value = node.get(f"{{{uri}}}{name}")
    return node.get(name) if value is None else value


def parse(data: bytes) -> ET.Element:
    """Parse one UTF-8 document. Raises XmlError for anything malformed and for every document type declaration."""
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate("utf-8", namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: builder.start(
        _qualified(tag), {_qualified(key): value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda tag: builder.end(_qualified(tag))
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmlError(str(error)) from error
    return builder.close()


def _qualified(name: str) -> str:
    return "{" + name if "}" in name else name


def _refuse_doctype(*_unused: object) -> None:
    raise XmlError("document type declaration")
