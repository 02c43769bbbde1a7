# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CIM values to XML, as the WMI plug-in of Windows writes them.

Properties are sorted without regard to case; a NULL scalar is `xsi:nil`, a NULL or empty array is absent; a datetime is
UTC with trailing zeros of the fraction dropped; every byte of a uint8[] is an element of its own, in decimal.

Source: captures of 2003 R2, 2008 R2 and 2012 for instances and fragments; wsman_cim.md 3.4 and 9 for method results,
of which no raw capture is known: their element order and declarations are unverified.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ..cim import CimClass, CimMethod, CimProperty, CimReference, CimType
from .xml import ANONYMOUS, CIM, WMI, XSI, W, element, escape, text_element

_INTEGERS = {CimType.UINT8, CimType.UINT16, CimType.UINT32, CimType.UINT64, CimType.SINT16, CimType.SINT32}
RETURN_VALUE = CimProperty("ReturnValue", CimType.UINT32)


def class_uri(namespace: str, class_name: str) -> str:
    """The resource URI of a class; WMI echoes it as the namespace of its elements."""
    return f"{WMI}{namespace}/{class_name}"


def format_datetime(value: datetime) -> str:
    """ISO 8601 in UTC, fraction without trailing zeros. Raises ValueError for a naive datetime."""
    if value.tzinfo is None:
        raise ValueError(f"a CIM datetime must be aware: {value!r}")
    value = value.astimezone(timezone.utc)
    fraction = f".{value.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{value:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def encode_reference(reference: CimReference) -> str:
    """The children of an endpoint reference."""
    selectors = "".join(
        text_element("w:Selector", value, f' Name="{escape(name)}"') for name, value in reference.keys.items()
    )
    selector_set = element("w:SelectorSet", selectors) if selectors else ""
    uri = class_uri(reference.namespace, reference.class_name)
    return text_element("a:Address", ANONYMOUS) + element(
        "a:ReferenceParameters", text_element("w:ResourceURI", uri) + selector_set
    )


def encode_endpoint(cim_class: CimClass, values: Mapping[str, Any]) -> str:
    """The `a:EndpointReference` of an instance, as EnumerateObjectAndEPR adds it."""
    keys = {name: key_text(values[name]) for name in cim_class.keys}
    return element("a:EndpointReference", encode_reference(CimReference(cim_class.name, keys, cim_class.namespace)))


def key_text(value: Any) -> str:
    """A key value as the text of a selector."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return format_datetime(value)
    if isinstance(value, CimReference):
        return object_path(value)
    return "" if value is None else str(value)


def object_path(reference: CimReference) -> str:
    """The WMI object path of a reference, such as `Win32_Group.Domain="H",Name="G"`."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    keys = ",".join(f"{name}={quoted(value)}" for name, value in reference.keys.items())
    return f"{reference.class_name}.{keys}" if keys else f"{reference.class_name}=@"


def encode_instance(cim_class: CimClass, values: Mapping[str, Any]) -> str:
    """A whole instance. Raises ValueError unless `values` has exactly the properties of the class."""
    names = {item.name for item in cim_class.properties}
    if names != set(values):
        raise ValueError(f"{cim_class.name}: properties of class and instance differ: {sorted(names ^ set(values))}")
    content = _encode_properties(cim_class.properties, values, prefix="p:", datetime_tag="cim:Datetime")
    return element(
        f"p:{cim_class.name}",
        content,
        f' xmlns:xsi="{XSI}" xmlns:p="{class_uri(cim_class.namespace, cim_class.name)}" xmlns:cim="{CIM}"'
        f' xsi:type="p:{cim_class.name}_Type"',
    )


def encode_fragment(cim_class: CimClass, values: Mapping[str, Any], names: Iterable[str]) -> str:
    """The row of a query with a property list: no namespace, no class name, sorted whatever the order asked for."""
    wanted = {name.lower() for name in names}
    properties = [item for item in cim_class.properties if item.name.lower() in wanted]
    content = _encode_properties(properties, values, prefix="", datetime_tag="Datetime")
    return element("w:XmlFragment", content, f' xmlns:xsi="{XSI}" xmlns:w="{W}"')


def encode_output(cim_class: CimClass, method: CimMethod, result: Mapping[str, Any]) -> str:
    """The `Method_OUTPUT` element. Out-parameters that are None are absent when the method failed.

    Raises ValueError for a result the method does not declare.
    """
    declared = {item.name: item for item in (*method.outputs, RETURN_VALUE)}
    unknown = set(result) - set(declared)
    if unknown:
        raise ValueError(f"{cim_class.name}.{method.name} has no out-parameter {sorted(unknown)}")
    failed = result.get("ReturnValue") not in (0, None)
    present = [declared[name] for name, value in result.items() if not (failed and value is None)]
    return element(
        f"p:{method.name}_OUTPUT",
        _encode_properties(present, result, prefix="p:", datetime_tag="cim:Datetime"),
        f' xmlns:xsi="{XSI}" xmlns:p="{class_uri(cim_class.namespace, cim_class.name)}" xmlns:cim="{CIM}"',
    )


def _encode_properties(
    properties: Iterable[CimProperty], values: Mapping[str, Any], *, prefix: str, datetime_tag: str
) -> str:
    parts = []
    for item in sorted(properties, key=lambda prop: prop.name.lower()):
        tag, value = prefix + item.name, values[item.name]
        if item.is_array:
            parts += [element(tag, _encode_value(item, part, datetime_tag)) for part in value or ()]
        elif value is None:
            parts.append(f'<{tag} xsi:nil="true"/>')
        else:
            parts.append(element(tag, _encode_value(item, value, datetime_tag)))
    return "".join(parts)


def _encode_value(item: CimProperty, value: Any, datetime_tag: str) -> str:
    """The content of one element. Raises TypeError where the Python value is none of the CIM type's values."""
    if item.type is CimType.BOOLEAN and isinstance(value, bool):
        return "true" if value else "false"
    if item.type in _INTEGERS and isinstance(value, int) and not isinstance(value, bool):
        return str(check_range(item.type, value))
    if item.type is CimType.DATETIME and isinstance(value, datetime):
        return element(datetime_tag, format_datetime(value))
    if item.type is CimType.REFERENCE and isinstance(value, CimReference):
        return encode_reference(value)
    if item.type is CimType.STRING and isinstance(value, str):
        return escape(value)
    raise TypeError(f"property {item.name} is {item.type.value}, the provider gave {value!r}")


_RANGES = {
    CimType.UINT8: (0, 2**8 - 1),
    CimType.UINT16: (0, 2**16 - 1),
    CimType.UINT32: (0, 2**32 - 1),
    CimType.UINT64: (0, 2**64 - 1),
    CimType.SINT16: (-(2**15), 2**15 - 1),
    CimType.SINT32: (-(2**31), 2**31 - 1),
}


def check_range(cim_type: CimType, value: int) -> int:
    """The value itself. Raises ValueError if an integer of this type cannot hold it."""
    low, high = _RANGES[cim_type]
    if not low <= value <= high:
        raise ValueError(f"{value} is no {cim_type.value}")
    return value


def is_integer(cim_type: CimType) -> bool:
    return cim_type in _INTEGERS
