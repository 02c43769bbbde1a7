# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SOAP envelopes: what a request must have in its header, and the form of every answer.

Prefixes, element order and the namespace of mustUnderstand are the client's choice; names and values are not.
A header nobody knows is a fault when it must be understood, and noted as a remark otherwise.

Source: MS-WSMV 3.1.4.1 (headers), DSP0226; wsman_cim.md 1.3.
"""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from .decoding import decode_reference
from .encoding import object_path
from .fault_table import (
    DUPLICATE_SELECTORS,
    INVALID_MESSAGE_INFORMATION_HEADER,
    INVALID_OPTIONS,
    INVALID_SELECTORS,
    INVALID_TIMEOUT_HEADER,
    INVALID_XML,
    LOCALE_NOT_UNDERSTOOD,
    MESSAGE_INFORMATION_HEADER_REQUIRED,
    MIN_ENVELOPE_SIZE,
    MUST_UNDERSTAND,
    SCHEMA_VALIDATION_ERROR,
    UNSUPPORTED_FEATURE,
)
from .limits import MAX_MESSAGE_ID_BYTES, MIN_ENVELOPE_BYTES, Limits
from .soap_fault import SoapFault
from .xml import (
    ANONYMOUS,
    WSMID,
    A,
    P,
    S,
    W,
    XmlError,
    attribute,
    declarations,
    element,
    escape,
    local_name,
    namespace,
    parse,
    text_element,
)

_KNOWN = {
    (A, "Action"), (A, "To"), (A, "MessageID"), (A, "ReplyTo"),
    (W, "ResourceURI"), (W, "MaxEnvelopeSize"), (W, "OperationTimeout"), (W, "Locale"), (W, "SelectorSet"),
    (W, "OptionSet"), (P, "DataLocale"), (P, "SessionId"), (P, "OperationID"), (P, "ActivityId"), (P, "SequenceId"),
}  # fmt: skip
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    value: str
    must_comply: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed request. `selectors` keeps the client's spelling; a reference as a value is its object path."""

    action: str
    resource_uri: str
    message_id: str
    selectors: tuple[tuple[str, str], ...]
    options: tuple[Option, ...]
    max_envelope_bytes: int
    operation_timeout_s: float
    body: ET.Element | None
    remarks: tuple[str, ...] = ()
    is_identify: bool = False


def parse_document(payload: bytes) -> ET.Element:
    """The envelope element. Raises SoapFault for broken XML, a DTD, or another root."""
    try:
        root = parse(payload)
    except XmlError as error:
        raise SoapFault(INVALID_XML, violation=f"no well-formed XML: {error}") from error
    if root.tag != f"{{{S}}}Envelope":
        raise SoapFault(SCHEMA_VALIDATION_ERROR, violation=f"the root is {root.tag}, not a SOAP 1.2 envelope")
    return root


def message_id_of(root: ET.Element) -> str:
    """The MessageID byte for byte, or "" where there is none: needed even to refuse the request."""
    return root.findtext(f"{{{S}}}Header/{{{A}}}MessageID") or ""


def parse_request(root: ET.Element, limits: Limits) -> Request:
    """Check the header rules and return the request. Raises SoapFault naming the first rule that is broken."""
    header, body = root.find(f"{{{S}}}Header"), root.find(f"{{{S}}}Body")
    if body is None:
        raise SoapFault(SCHEMA_VALIDATION_ERROR, violation="the envelope has no body")
    content = body[0] if len(body) else None
    if len(body) > 1:
        raise SoapFault(SCHEMA_VALIDATION_ERROR, violation="the body has more than one child")
    if content is not None and content.tag == f"{{{WSMID}}}Identify":
        return Request("Identify", "", "", (), (), limits.max_envelope_bytes, limits.max_timeout_s, content, (), True)
    if header is None:
        raise SoapFault(MESSAGE_INFORMATION_HEADER_REQUIRED, violation="the envelope has no header")
    remarks = _check_known(header)
    _check_addressing(header)
    return Request(
        action=_required(header, A, "Action"),
        resource_uri=_required(header, W, "ResourceURI"),
        message_id=message_id_of(root),
        selectors=_selectors(header),
        options=_options(header),
        max_envelope_bytes=_max_envelope_bytes(header, limits),
        operation_timeout_s=_operation_timeout_s(header, limits),
        body=content,
        remarks=remarks,
    )


def _must_understand(node: ET.Element) -> bool:
    return (attribute(node, "mustUnderstand", S) or "").strip().lower() in ("true", "1")


def _check_known(header: ET.Element) -> tuple[str, ...]:
    remarks: list[str] = []
    seen: set[tuple[str, str]] = set()
    for node in header:
        name = (namespace(node), local_name(node))
        if name not in _KNOWN:
            if _must_understand(node):
                raise SoapFault(MUST_UNDERSTAND, node.tag, violation=f"unknown header {node.tag} must be understood")
            remarks.append(f"unknown header {node.tag}")
        if name in seen and name in _KNOWN:
            raise SoapFault(INVALID_MESSAGE_INFORMATION_HEADER, node.tag, violation=f"header {node.tag} occurs twice")
        seen.add(name)
    locale = header.find(f"{{{W}}}Locale")
    if locale is not None and (locale.get(f"{{{S}}}mustUnderstand") or "").strip().lower() in ("true", "1"):
        raise SoapFault(LOCALE_NOT_UNDERSTOOD, violation="Locale with mustUnderstand")
    return tuple(remarks)


def _check_addressing(header: ET.Element) -> None:
    reply_to = header.find(f"{{{A}}}ReplyTo")
    if reply_to is None:
        raise SoapFault(MESSAGE_INFORMATION_HEADER_REQUIRED, "ReplyTo", violation="header ReplyTo is missing")
    if reply_to.findtext(f"{{{A}}}Address", "").strip() != ANONYMOUS:
        raise SoapFault(UNSUPPORTED_FEATURE, "AddressingMode", violation="ReplyTo is not the anonymous role")
    if header.find(f"{{{A}}}To") is None:
        raise SoapFault(MESSAGE_INFORMATION_HEADER_REQUIRED, "To", violation="header To is missing")
    message_id = header.find(f"{{{A}}}MessageID")
    if message_id is None:
        raise SoapFault(MESSAGE_INFORMATION_HEADER_REQUIRED, "MessageID", violation="header MessageID is missing")
    text = message_id.text or ""
    if not text.strip() or len(text.encode()) > MAX_MESSAGE_ID_BYTES:
        raise SoapFault(INVALID_MESSAGE_INFORMATION_HEADER, "MessageID", violation="MessageID is empty or too long")


def _required(header: ET.Element, uri: str, name: str) -> str:
    text = header.findtext(f"{{{uri}}}{name}", "").strip()
    if not text:
        raise SoapFault(MESSAGE_INFORMATION_HEADER_REQUIRED, name, violation=f"header {name} is missing or empty")
    return text


def _max_envelope_bytes(header: ET.Element, limits: Limits) -> int:
    text = header.findtext(f"{{{W}}}MaxEnvelopeSize")
    if text is None:
        return limits.max_envelope_bytes
    if not text.strip().isdecimal():
        raise SoapFault(INVALID_MESSAGE_INFORMATION_HEADER, "MaxEnvelopeSize", violation=f"MaxEnvelopeSize {text!r}")
    size = int(text)
    if size < MIN_ENVELOPE_BYTES:
        raise SoapFault(MIN_ENVELOPE_SIZE, violation=f"MaxEnvelopeSize {size} is below {MIN_ENVELOPE_BYTES}")
    return min(size, limits.max_envelope_bytes)


def parse_duration(text: str) -> float | None:
    """Seconds of an xs:duration without years and months, or None where the text is none."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _operation_timeout_s(header: ET.Element, limits: Limits) -> float:
    text = header.findtext(f"{{{W}}}OperationTimeout")
    if text is None:
        return limits.max_timeout_s
    seconds = parse_duration(text)
    if not seconds:
        raise SoapFault(INVALID_TIMEOUT_HEADER, violation=f"OperationTimeout {text!r}")
    return min(seconds, limits.max_timeout_s)


def _selectors(header: ET.Element) -> tuple[tuple[str, str], ...]:
    selectors = []
    for node in header.findall(f"{{{W}}}SelectorSet/*"):
        name = node.get("Name", "")
        if node.tag != f"{{{W}}}Selector" or not name:
            raise SoapFault(INVALID_SELECTORS, violation=f"{node.tag} in the SelectorSet")
        selectors.append((name, _selector_value(node)))
    names = [name.lower() for name, _unused in selectors]
    if len(names) != len(set(names)):
        raise SoapFault(DUPLICATE_SELECTORS, violation=f"selector given twice: {names}")
    return tuple(selectors)


def _selector_value(node: ET.Element) -> str:
    if not len(node):
        return node.text or ""
    try:
        return object_path(decode_reference(node))
    except ValueError as error:
        raise SoapFault(INVALID_SELECTORS, violation=f"selector {node.get('Name')}: {error}") from error


def _options(header: ET.Element) -> tuple[Option, ...]:
    options = []
    for node in header.findall(f"{{{W}}}OptionSet/*"):
        name = node.get("Name", "")
        if node.tag != f"{{{W}}}Option" or not name:
            raise SoapFault(INVALID_OPTIONS, violation=f"{node.tag} in the OptionSet")
        options.append(Option(name, node.text or "", node.get("MustComply", "").lower() in ("true", "1")))
    return tuple(options)


def new_guid() -> str:
    """A GUID as Windows prints it: upper case."""
    return str(uuid.uuid4()).upper()


def format_envelope(action: str, relates_to: str, body: str, *, prefixes: str, ui_language: str = "en-US") -> str:
    """An answer. `prefixes` are declared on the root, as Windows declares them for this kind of answer."""
    header = (
        text_element("a:Action", action)
        + element("a:MessageID", f"uuid:{new_guid()}")
        + text_element("a:To", ANONYMOUS)
        + (element("a:RelatesTo", escape(relates_to)) if relates_to else "")
    )
    content = element("s:Header", header) + (element("s:Body", body) if body else "<s:Body></s:Body>")
    return element("s:Envelope", content, f' xml:lang="{ui_language}"{declarations(prefixes)}')
