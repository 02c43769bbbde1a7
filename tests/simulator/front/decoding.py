# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML of a request to typed CIM values, checked against the class: nothing is guessed, nothing is ignored.

Names are case-sensitive here, as Windows has it for parameters and properties. An omitted in-parameter takes its MOF
default. Which fault number Windows gives for which mistake is known only from the SDK names: unverified.

Source: MS-WSMV 3.1.4.1.2 (case), 3.1.4.1.26 (arrays); wsman_cim.md 3.4.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ..cim import CimClass, CimMethod, CimProperty, CimReference, CimType
from .encoding import check_range, is_integer
from .fault_table import (
    INVALID_PARAMETER_NAME,
    INVALID_SOAP_BODY,
    INVALID_XML_NAMESPACE,
    INVALID_XML_VALUES,
    PARAMETER_TYPE_MISMATCH,
)
from .soap_fault import SoapFault
from .xml import CIM, WMI, XSI, A, W, local_name, namespace

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(Z|[+-]\d\d:\d\d)?")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def decode_input(cim_class: CimClass, method: CimMethod, body: ET.Element | None, uri: str) -> dict[str, Any]:
    """The typed arguments of a method call, omitted ones replaced by their MOF default.

    `Method_INPUT` itself may be without a namespace (seen to work on Windows), its children may not.
    Raises SoapFault for an unknown name, a wrong namespace, a wrong type or a repeated scalar.
    """
    if body is None:
        raise SoapFault(INVALID_SOAP_BODY, f"{method.name}_INPUT is missing.", violation="method call without a body")
    if local_name(body) != f"{method.name}_INPUT":
        raise SoapFault(INVALID_SOAP_BODY, violation=f"{cim_class.name}.{method.name}: body is {local_name(body)}")
    if namespace(body) != "" and namespace(body).lower() != uri.lower():
        raise SoapFault(INVALID_XML_NAMESPACE, violation=f"{local_name(body)} is in namespace {namespace(body)}")
    given = _decode_children(cim_class, method.inputs, body, uri, f"{cim_class.name}.{method.name}")
    return {item.name: item.default for item in method.inputs} | given


def decode_changes(cim_class: CimClass, body: ET.Element | None, uri: str) -> dict[str, Any]:
    """The properties a Put wants to change. Raises SoapFault like `decode_input`."""
    if body is None or local_name(body).lower() != cim_class.name.lower():
        raise SoapFault(INVALID_SOAP_BODY, violation=f"Put on {cim_class.name} without an instance in the body")
    if namespace(body).lower() != uri.lower():
        raise SoapFault(INVALID_XML_NAMESPACE, violation=f"{local_name(body)} is in namespace {namespace(body)!r}")
    return _decode_children(cim_class, cim_class.properties, body, uri, cim_class.name)


def _decode_children(
    cim_class: CimClass, declared: Sequence[CimProperty], body: ET.Element, uri: str, where: str
) -> dict[str, Any]:
    by_name = {item.name: item for item in declared}
    groups: dict[str, list[ET.Element]] = {}
    for child in body:
        name = local_name(child)
        if name not in by_name:
            raise SoapFault(INVALID_PARAMETER_NAME, name, violation=f"{where} has no parameter {name}")
        if namespace(child).lower() != uri.lower():
            raise SoapFault(INVALID_XML_NAMESPACE, name, violation=f"{where}: {name} in {namespace(child)!r}")
        groups.setdefault(name, []).append(child)
    return {name: _decode_group(by_name[name], nodes, where) for name, nodes in groups.items()}


def _decode_group(item: CimProperty, nodes: list[ET.Element], where: str) -> Any:
    """All elements of one name: an array, or the one scalar."""
    if len(nodes) > 1 and not item.is_array:
        raise SoapFault(
            INVALID_XML_VALUES, item.name, violation=f"{where}: scalar {item.name} occurs {len(nodes)} times"
        )
    if len(nodes) == 1 and is_nil(nodes[0]):
        return None
    values = [_decode_value(item, node, where) for node in nodes]
    return values if item.is_array else values[0]


def is_nil(node: ET.Element) -> bool:
    return node.get(f"{{{XSI}}}nil", "").strip().lower() in ("true", "1")


def _decode_value(item: CimProperty, node: ET.Element, where: str) -> Any:
    try:
        if item.type is CimType.REFERENCE:
            return decode_reference(node)
        if item.type is CimType.DATETIME:
            return _decode_datetime(node)
        if len(node):
            raise ValueError("has child elements")
        return parse_scalar(item.type, node.text or "")
    except ValueError as error:
        raise SoapFault(
            PARAMETER_TYPE_MISMATCH, item.name, violation=f"{where}: {item.name} is no {item.type.value}: {error}"
        ) from error


def parse_scalar(cim_type: CimType, text: str) -> Any:
    """A value of a simple type from its XML text. Raises ValueError."""
    if cim_type is CimType.STRING:
        return text
    text = text.strip(" \t\r\n")
    if is_integer(cim_type):
        if not _INTEGER.fullmatch(text):
            raise ValueError(f"{text[:40]!r} is no decimal number")
        return check_range(cim_type, int(text))
    if cim_type is CimType.BOOLEAN:
        if text not in _BOOLEANS:
            raise ValueError(f"{text[:40]!r} is no boolean")
        return _BOOLEANS[text]
    if cim_type is CimType.DATETIME:
        return parse_datetime(text)
    raise ValueError(f"{cim_type.value} has no text form")


def parse_datetime(text: str) -> datetime:
    """An ISO 8601 date and time; without a zone it is UTC. Raises ValueError."""
    match = _DATETIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is no date and time")
    fraction = (match.group(2) or "").ljust(6, "0")
    zone = "+00:00" if match.group(3) in (None, "Z") else match.group(3)
    return datetime.fromisoformat(f"{match.group(1)}.{fraction}{zone}").astimezone(timezone.utc)


def _decode_datetime(node: ET.Element) -> datetime:
    """`<cim:Datetime>` inside the element."""
    if len(node) != 1 or node[0].tag != f"{{{CIM}}}Datetime":
        raise ValueError("needs exactly one cim:Datetime")
    return parse_datetime(node[0].text or "")


def decode_reference(node: ET.Element) -> CimReference:
    """An endpoint reference, as the children of `node` or of an a:EndpointReference in it. Raises ValueError."""
    if len(node) == 1 and node[0].tag == f"{{{A}}}EndpointReference":
        node = node[0]
    uri = node.findtext(f"{{{A}}}ReferenceParameters/{{{W}}}ResourceURI", "").strip()
    parts = split_wmi_uri(uri)
    if parts is None:
        raise ValueError(f"no endpoint reference to a WMI class: {uri!r}")
    selectors = node.iterfind(f"{{{A}}}ReferenceParameters/{{{W}}}SelectorSet/{{{W}}}Selector")
    keys: Mapping[str, str] = {selector.get("Name", ""): selector.text or "" for selector in selectors}
    return CimReference(parts[1], keys, parts[0])


def split_wmi_uri(uri: str) -> tuple[str, str] | None:
    """(namespace, class) of a WMI resource URI, or None where it is no such URI."""
    if not uri.lower().startswith(WMI):
        return None
    namespace_name, _sep, class_name = uri[len(WMI) :].rpartition("/")
    if not namespace_name or not class_name:
        return None
    return namespace_name, class_name
