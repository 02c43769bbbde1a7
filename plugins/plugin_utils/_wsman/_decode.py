# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Elements of an answer to Python values, by the schema of a class.

Works alike for an instance (properties in the class's own namespace), a projection (``w:XmlFragment``, properties in no
namespace) and the output of a method. What the schema does not know is kept as text.

Source: MS-WSMV 3.1.4.1.26, DSP0230; the details are those of the captures (arrays absent when null, up to six
fractional digits, un-namespaced Datetime in fragments).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from xml.etree.ElementTree import Element

from ._cim import (
    INTEGER_RANGES,
    CimClass,
    CimProperty,
    CimReference,
    CimScalar,
    CimType,
    CimValue,
    Instance,
    MethodResult,
)
from ._errors import ProtocolError
from ._namespaces import ADDRESSING, CIM_COMMON, WSMAN, XSI
from ._xml import by_local_name, child, local_name, namespace, text_of

_FRAGMENT = f"{{{WSMAN}}}XmlFragment"
_NIL = f"{{{XSI}}}nil"

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_REAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?|[+-]?INF|NaN", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z|([+-])(\d\d):(\d\d))?",
    re.ASCII,
)
_DURATION = re.compile(r"(-)?P(?:(\d{1,8})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d*)?)S)?)?", re.ASCII)
# DSP0004 5.2.4: yyyymmddhhmmss.mmmmmmsutc (offset in minutes) and ddddddddhhmmss.mmmmmm:000.
_DMTF_MOMENT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\.(\d{6})([+-])(\d{3})", re.ASCII)
_DMTF_INTERVAL = re.compile(r"(\d{8})(\d\d)(\d\d)(\d\d)\.(\d{6}):000", re.ASCII)
_DMTF_WILDCARD = re.compile(r"[\d*]{14}\.[\d*]{6}[+\-:][\d*]{3}", re.ASCII)


def decode_instance(cim_class: CimClass, element: Element) -> Instance:
    """Return the instance an element of Items, of a Get or of a Put answer holds.

    Raises: ProtocolError if a property of the schema does not decode.
    """
    if element.tag == _FRAGMENT:
        return Instance(cim_class.name, _decode_members(cim_class.name, element, cim_class.properties))
    name = local_name(element)
    return Instance(name, _decode_members(name, element, cim_class.properties))


def decode_method_result(cim_class: CimClass, method_name: str, element: Element) -> MethodResult:
    """Return the result in a ``Method_OUTPUT`` element; a missing or nil ReturnValue means 0.

    Raises: ProtocolError if an out-parameter of the schema does not decode.
    """
    method = cim_class.method(method_name)
    declared = (CimProperty("ReturnValue", CimType.UINT32), *method.outputs)
    values = _decode_members(f"{cim_class.name}.{method_name}", element, declared)
    code = values.pop("ReturnValue", None)
    return_value = code if isinstance(code, int) else 0
    if return_value == 0:
        for item in method.outputs:
            if item.is_array and values.get(item.name) is None:
                values[item.name] = _array(item, ())
    return MethodResult(cim_class, method_name, return_value, values)


def is_nil(element: Element) -> bool:
    return element.get(_NIL) in ("true", "1")


def _decode_members(owner: str, parent: Element, declared: Iterable[CimProperty]) -> dict[str, CimValue]:
    schema = {item.name: item for item in declared}
    own = namespace(parent).lower()
    groups: dict[str, list[Element]] = {}
    for element in parent:
        # Windows echoes the case of the URI that was sent. What is in another namespace (cim:Location) is no property.
        if namespace(element).lower() in ("", own):
            groups.setdefault(local_name(element), []).append(element)
    return {name: _decode(owner, schema.get(name), name, elements) for name, elements in groups.items()}


def _decode(owner: str, declared: CimProperty | None, name: str, elements: list[Element]) -> CimValue:
    if declared is None:
        texts = tuple(None if is_nil(element) else "".join(element.itertext()) for element in elements)
        return texts[0] if len(texts) == 1 else texts
    try:
        return _typed(declared, elements)
    except (ValueError, OverflowError) as error:
        problem = f"{owner}.{name} came {len(elements)} time(s) and does not decode as {declared.type.value}: {error}"
        raise ProtocolError(problem) from error


def _typed(declared: CimProperty, elements: list[Element]) -> CimValue:
    if not declared.is_array:
        if len(elements) != 1:
            raise ValueError("it is not an array")
        return _scalar(declared.type, elements[0])
    if len(elements) == 1 and is_nil(elements[0]):
        return None
    return _array(declared, [_scalar(declared.type, element) for element in elements])


def _array(declared: CimProperty, values: Iterable[CimScalar]) -> CimValue:
    items = tuple(values)
    if declared.type is not CimType.UINT8:
        return items
    octets = [item for item in items if isinstance(item, int)]
    if len(octets) != len(items):
        raise ValueError("a byte is nil")
    return bytes(octets)


def _scalar(kind: CimType, element: Element) -> CimScalar:
    """Return one value. Raises: ValueError, OverflowError."""
    if is_nil(element):
        return None
    if kind is CimType.STRING:
        if len(element):
            raise ValueError("it has elements inside")
        return element.text or ""
    if kind is CimType.REFERENCE:
        return _reference(element)
    if kind is CimType.DATETIME:
        return _moment(element)
    return _number(kind, text_of(element))


def _number(kind: CimType, text: str) -> bool | int | float:
    if kind is CimType.BOOLEAN:
        return _BOOLEANS[text] if text in _BOOLEANS else _refuse(text)
    if kind not in INTEGER_RANGES:
        return float(text) if _REAL.fullmatch(text) else _refuse(text)
    if not _INTEGER.fullmatch(text):
        _refuse(text)
    value = int(text)
    low, high = INTEGER_RANGES[kind]
    if kind in (CimType.UINT32, CimType.UINT64) and -(high + 1) // 2 <= value < 0:
        # No capture shows a registry DWORD above 0x7FFFFFFF; a signed rendering of the same bits is accepted.
        value += high + 1
    return value if low <= value <= high else _refuse(text)


_BOOLEANS: Mapping[str, bool] = {"true": True, "1": True, "false": False, "0": False}


def _refuse(text: str) -> int:
    raise ValueError(f"{text[:64]!r}")


def _moment(element: Element) -> datetime | timedelta | str:
    inner = next((item for item in element if namespace(item) in ("", CIM_COMMON)), element)
    return parse_cim_datetime(text_of(inner))


def parse_cim_datetime(text: str) -> datetime | timedelta | str:
    """Return an aware datetime in UTC, an interval as timedelta, or the text itself if it has DMTF wildcards.

    Understands xs:dateTime (no zone means UTC), xs:duration without years and months, and both DMTF forms.
    Raises: ValueError, OverflowError.
    """
    if found := _ISO.fullmatch(text):
        return _from_iso(*found.groups())
    if found := _DMTF_MOMENT.fullmatch(text):
        *parts, sign, minutes = found.groups()
        return _utc([int(part) for part in parts], sign, int(minutes))
    if found := _DMTF_INTERVAL.fullmatch(text):
        days, hours, minute, second, microsecond = map(int, found.groups())
        return timedelta(days, second, microsecond, minutes=minute, hours=hours)
    if (found := _DURATION.fullmatch(text)) and any(found.groups()[1:]):
        sign, *fields = found.groups()
        days_, hours_, minutes_, seconds_ = (float(item or 0) for item in fields)
        interval = timedelta(days_, seconds_, minutes=minutes_, hours=hours_)
        return -interval if sign else interval
    return text if _DMTF_WILDCARD.fullmatch(text) else str(_refuse(text))


def _from_iso(*groups: str | None) -> datetime:
    *parts, fraction, sign, hours, minutes = groups
    microsecond = int((fraction or "0").ljust(6, "0")[:6])
    offset = int(hours or 0) * 60 + int(minutes or 0)
    return _utc([*(int(part or 0) for part in parts), microsecond], sign or "+", offset)


def _utc(parts: list[int], sign: str, offset_minutes: int) -> datetime:
    year, month, day, hour, minute, second, microsecond = parts
    local = datetime(year, month, day, hour, minute, second, microsecond, tzinfo=timezone.utc)
    offset = timedelta(minutes=offset_minutes)
    return local - offset if sign == "+" else local + offset


def _reference(element: Element) -> CimReference:
    wrapped = child(element, "EndpointReference", ADDRESSING)
    parameters = child(wrapped if wrapped is not None else element, "ReferenceParameters", ADDRESSING)
    if parameters is None:
        raise ValueError("it has no ReferenceParameters")
    uri = text_of(child(parameters, "ResourceURI", WSMAN))
    if not uri:
        raise ValueError("it has no ResourceURI")
    selectors = {item.get("Name", ""): item.text or "" for item in by_local_name(parameters, "Selector")}
    return CimReference(uri, selectors)
