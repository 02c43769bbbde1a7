# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""XML as SOAP allows it: a reader that is safe on any bytes, and a writer that loses no character.

The reader refuses document type declarations before anything in them is looked at (so there are no entities to expand
and nothing external to fetch), processing instructions, deep nesting, long namespaces, many names or elements, and huge
documents. Tags read are ``{uri}local``.
The writer's tags are ``prefix:local``, with the declarations written as attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

from ...module_utils._errors import ParameterError
from ._errors import MessageTooLarge, ProtocolError

MAX_DEPTH = 64
MAX_BYTES = 8 * 1024 * 1024
# Every element carries its namespace in its name: without bounds a reply of 256 KiB takes gigabytes to read.
MAX_NAMESPACE = 512
MAX_NAMES = 4096
# Some 30 bytes of memory for each byte of a document of tiny elements. A reply of the 500 KB that the client asks for
# has at most 25,000 (the bytes of a registry value).
MAX_ELEMENTS = 200_000

# XML 1.0 fifth edition, production 2 (Char): what no document can hold, also not as a character reference.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_XML_SPACE = " \t\r\n"


class _TreeReader:
    """Builds the element tree from expat's events and refuses what SOAP does not allow."""

    def __init__(self) -> None:
        self._builder = ElementTree.TreeBuilder()
        self._depth = 0
        self._count = 0
        self._names: dict[str, str] = {}
        parser = expat.ParserCreate(encoding="UTF-8", namespace_separator="}")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.ProcessingInstructionHandler = self._refuse_instruction
        parser.StartNamespaceDeclHandler = self._check_namespace
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._builder.data
        self._parser = parser

    def read(self, data: bytes) -> Element:
        self._parser.Parse(data, True)
        return self._builder.close()

    @staticmethod
    def _refuse_doctype(*_declaration: object) -> None:
        raise ProtocolError("the reply has a document type declaration, which SOAP does not allow")

    @staticmethod
    def _refuse_instruction(*_instruction: object) -> None:
        raise ProtocolError("the reply has a processing instruction, which SOAP does not allow")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ProtocolError(f"the elements of the reply are nested deeper than {MAX_DEPTH}")
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise ProtocolError(f"the reply has more than {MAX_ELEMENTS} elements")
        self._builder.start(self._braced(name), {self._braced(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._builder.end(self._braced(name))

    @staticmethod
    def _check_namespace(_prefix: str | None, uri: str | None) -> None:
        if uri is not None and len(uri) > MAX_NAMESPACE:
            raise ProtocolError(f"the reply has a namespace of {len(uri)} characters")

    def _braced(self, name: str) -> str:
        """The name as ElementTree writes it, one object for all elements of a name."""
        known = self._names.get(name)
        if known is None:
            if len(self._names) >= MAX_NAMES:
                raise ProtocolError(f"the reply has more than {MAX_NAMES} names of elements and attributes")
            known = self._names[name] = "{" + name if "}" in name else name
        return known


def parse_xml(data: bytes) -> Element:
    """Return the root element of a document in UTF-8, or in UTF-16 with a byte order mark.

    Raises: ProtocolError for everything that is not well-formed or not allowed; MessageTooLarge above 8 MiB.
    """
    if len(data) > MAX_BYTES:
        raise MessageTooLarge(f"the reply has {len(data)} bytes, the client reads at most {MAX_BYTES}")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = _from_utf16(data)
    try:
        return _TreeReader().read(data)
    except expat.ExpatError as error:
        raise ProtocolError(f"the reply is not well-formed XML: {error}", data) from error
    except ProtocolError as error:
        raise ProtocolError(error.message, data) from error


def _from_utf16(data: bytes) -> bytes:
    # The parser is told UTF-8, whatever the declaration says, so that no codec is ever chosen by the other side.
    try:
        return data.decode("utf-16").encode("utf-8")
    except UnicodeError as error:
        raise ProtocolError("the reply is not valid UTF-16", data) from error


def local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def namespace(element: Element) -> str:
    return element.tag[1:].rpartition("}")[0] if element.tag.startswith("{") else ""


def text_of(element: Element | None) -> str:
    """Return the element's own text without the white space around it; '' for no element."""
    return (element.text or "").strip(_XML_SPACE) if element is not None else ""


def by_local_name(root: Element, name: str) -> Iterator[Element]:
    """Yield all descendants with this local name, in document order."""
    return (element for element in root.iter() if local_name(element) == name)


def child(parent: Element, name: str, uri: str) -> Element | None:
    """Return the first child ``{uri}name``, or None."""
    return parent.find(f"{{{uri}}}{name}")


def required_child(parent: Element, name: str, uri: str) -> Element:
    """Return the first child ``{uri}name``. Raises: ProtocolError if there is none."""
    found = child(parent, name, uri)
    if found is None:
        raise ProtocolError(f"the reply lacks element {name} in {local_name(parent)}")
    return found


def tree(tag: str, *content: Element | str, **attributes: str) -> Element:
    """Return an element to be written: children in order, or text. Attribute names must be without prefix."""
    element = Element(tag, attributes)
    for item in content:
        if isinstance(item, str):
            element.text = item
        else:
            element.append(item)
    return element


def check_text(value: str, path: str) -> str:
    """Return the text unchanged.

    Raises: ParameterError if XML (hence a WMI string) cannot carry it: control characters other than tab, CR and LF,
    surrogates without partner, U+FFFE and U+FFFF. `path` names the option or parameter.
    """
    bad = _ILLEGAL.search(value)
    if bad is not None:
        raise ParameterError(path, f"U+{ord(bad.group()):04X} at character {bad.start()} cannot be sent to Windows")
    return value


def to_bytes(root: Element) -> bytes:
    """Return the document in UTF-8 without a declaration, carriage returns as references.

    A raw carriage return would reach the host as a line feed. Source: XML 1.0, 2.11 (End-of-Line Handling).
    """
    return ElementTree.tostring(root, encoding="unicode").replace("\r", "&#13;").encode("utf-8")
