# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bodies of Enumerate, Pull and Release, and the SelectorFilter dialect.

Source: MS-WSMV 3.1.4.1.12 and 3.1.4.1.13; DSP0226 8.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..cim import CimClass, CimProperty, CimType
from .decoding import parse_scalar
from .fault_table import (
    CANNOT_PROCESS_FILTER,
    FILTER_DIALECT_UNAVAILABLE,
    INVALID_SOAP_BODY,
    UNSUPPORTED_FEATURE,
)
from .soap_fault import SoapFault
from .xml import B, N, W

WQL_DIALECT = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
SELECTOR_DIALECT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"
ENUMERATE_OBJECT_AND_EPR = "EnumerateObjectAndEPR"
ENUMERATE_EPR = "EnumerateEPR"
_MODES = {"EnumerateObject": None, ENUMERATE_OBJECT_AND_EPR: ENUMERATE_OBJECT_AND_EPR, ENUMERATE_EPR: ENUMERATE_EPR}
_KNOWN = {
    f"{{{W}}}OptimizeEnumeration", f"{{{W}}}MaxElements", f"{{{W}}}Filter", f"{{{W}}}EnumerationMode",
    f"{{{N}}}Expires", f"{{{B}}}PolymorphismMode",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EnumerateBody:
    """`max_elements` is 1 where the client names none (DSP0226); `mode` None means plain objects."""

    optimize: bool
    max_elements: int
    dialect: str
    query: str
    selectors: tuple[tuple[str, str], ...]
    mode: str | None


def parse_enumerate(body: ET.Element | None) -> EnumerateBody:
    """The parts of n:Enumerate. Raises SoapFault for anything unknown in it."""
    if body is None or body.tag != f"{{{N}}}Enumerate":
        raise SoapFault(INVALID_SOAP_BODY, violation="Enumerate without n:Enumerate in the body")
    for child in body:
        if child.tag not in _KNOWN:
            raise SoapFault(INVALID_SOAP_BODY, violation=f"{child.tag} in n:Enumerate")
    node = body.find(f"{{{W}}}Filter")
    dialect = "" if node is None else node.get("Dialect", "")
    if node is not None and dialect not in (WQL_DIALECT, SELECTOR_DIALECT):
        raise SoapFault(FILTER_DIALECT_UNAVAILABLE, dialect, violation=f"filter dialect {dialect!r}")
    mode = body.findtext(f"{{{W}}}EnumerationMode", "EnumerateObject").strip()
    if mode not in _MODES:
        raise SoapFault(UNSUPPORTED_FEATURE, mode, violation=f"enumeration mode {mode!r}")
    return EnumerateBody(
        optimize=body.find(f"{{{W}}}OptimizeEnumeration") is not None,
        max_elements=_max_elements(body, W),
        dialect=dialect,
        query=(node.text or "").strip() if node is not None and dialect == WQL_DIALECT else "",
        selectors=_filter_selectors(node) if node is not None and dialect == SELECTOR_DIALECT else (),
        mode=_MODES[mode],
    )


def parse_pull(body: ET.Element | None, verb: str) -> tuple[str, int]:
    """(context, MaxElements) of n:Pull or n:Release."""
    if body is None or body.tag != f"{{{N}}}{verb}":
        raise SoapFault(INVALID_SOAP_BODY, violation=f"{verb} without n:{verb} in the body")
    context = body.findtext(f"{{{N}}}EnumerationContext", "").strip()
    if not context:
        raise SoapFault(INVALID_SOAP_BODY, violation=f"{verb} without an enumeration context")
    return context, _max_elements(body, N)


def _max_elements(body: ET.Element, uri: str) -> int:
    text = body.findtext(f"{{{uri}}}MaxElements", "1").strip()
    if not text.isdecimal() or int(text) == 0:
        raise SoapFault(INVALID_SOAP_BODY, "MaxElements", violation=f"MaxElements {text!r}")
    return int(text)


def _filter_selectors(node: ET.Element) -> tuple[tuple[str, str], ...]:
    selectors = [
        (item.get("Name", ""), item.text or "") for item in node.findall(f"{{{W}}}SelectorSet/{{{W}}}Selector")
    ]
    if not selectors:
        raise SoapFault(CANNOT_PROCESS_FILTER, violation="SelectorFilter without selectors")
    for name, value in selectors:
        if "'" in value or '"' in value:
            raise SoapFault(CANNOT_PROCESS_FILTER, name, violation=f"SelectorFilter value {value!r} has a quote")
    return tuple(selectors)


def matches_selectors(cim_class: CimClass, values: Mapping[str, Any], selectors: tuple[tuple[str, str], ...]) -> bool:
    """Whether an instance has all these values exactly (strings without regard to case).

    Raises SoapFault for an unknown property and for arrays, datetimes and references, which the dialect leaves out.
    """
    return all(_matches(_filter_property(cim_class, name), values, text) for name, text in selectors)


def _filter_property(cim_class: CimClass, name: str) -> CimProperty:
    item = cim_class.find_property(name)
    if item is None or item.is_array or item.type in (CimType.DATETIME, CimType.REFERENCE):
        raise SoapFault(CANNOT_PROCESS_FILTER, name, violation=f"SelectorFilter on {cim_class.name}.{name}")
    return item


def _matches(item: CimProperty, values: Mapping[str, Any], text: str) -> bool:
    value = values[item.name]
    if isinstance(value, str):
        return value.casefold() == text.casefold()
    try:
        return value is not None and bool(parse_scalar(item.type, text.lower()) == value)
    except ValueError as error:
        raise SoapFault(CANNOT_PROCESS_FILTER, item.name, violation=f"{item.name} is no {text!r}") from error
