# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Python values to the text and elements Windows expects, by the schema of a class.

Source: MS-WSMV 3.1.4.1.26 and DSP0230 (arrays repeat the element, uint8[] one decimal element per byte, cim:Datetime).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from xml.etree.ElementTree import Element

from ...module_utils._errors import ParameterError
from ._cim import INTEGER_RANGES, CimClass, CimMethod, CimProperty, CimType
from ._namespaces import CIM_COMMON
from ._xml import check_text, tree


def encode_arguments(cim_class: CimClass, method: CimMethod, arguments: Mapping[str, object]) -> list[Element]:
    """Return the elements of a method's in-parameters, in the order the class declares them.

    Every parameter that is not optional must be given: Windows replaces an omitted one by the default of its MOF, and
    those of StdRegProv are samples. Raises: ParameterError for a wrong name, type or range, and for an empty array,
    which on the wire is the same as an omitted one.
    """
    call = f"{cim_class.name}.{method.name}"
    _refuse_unknown(call, arguments, method.inputs)
    elements: list[Element] = []
    for parameter in method.inputs:
        value = arguments.get(parameter.name)
        if value is None:
            if not parameter.is_optional:
                raise ParameterError(f"{call}.{parameter.name}", "this parameter must have a value")
            continue
        elements += _encode(parameter, value, f"{call}.{parameter.name}")
    return elements


def encode_changes(cim_class: CimClass, changes: Mapping[str, object]) -> list[Element]:
    """Return the elements of the properties a Put shall change. Raises: ParameterError as above."""
    _refuse_unknown(cim_class.name, changes, cim_class.properties)
    elements: list[Element] = []
    for item in cim_class.properties:
        if item.name in changes:
            elements += _encode(item, changes[item.name], f"{cim_class.name}.{item.name}")
    return elements


def _refuse_unknown(owner: str, given: Iterable[str], declared: Sequence[CimProperty]) -> None:
    unknown = sorted(set(given) - {item.name for item in declared})
    if unknown:
        raise ParameterError(f"{owner}.{unknown[0]}", "no such parameter or property in the table of CIM classes")


def _encode(declared: CimProperty, value: object, path: str) -> list[Element]:
    items = _items(value, path) if declared.is_array else [value]
    if not items:
        raise ParameterError(path, "an empty array cannot be sent: WS-Management shows it as no value at all")
    return [_element(declared, item, path) for item in items]


def _items(value: object, path: str) -> Sequence[object]:
    if isinstance(value, (bytes, bytearray, list, tuple)):
        return value
    raise ParameterError(path, f"expected an array, got {type(value).__name__}")


def _element(declared: CimProperty, value: object, path: str) -> Element:
    tag = f"p:{declared.name}"
    if declared.type is CimType.DATETIME:
        moment = tree("cim:Datetime", _datetime(value, path))
        moment.set("xmlns:cim", CIM_COMMON)
        return tree(tag, moment)
    return tree(tag, _text(declared.type, value, path))


def _text(kind: CimType, value: object, path: str) -> str:
    if kind is CimType.STRING and isinstance(value, str):
        return check_text(value, path)
    if kind is CimType.BOOLEAN and isinstance(value, bool):
        return "true" if value else "false"
    if kind in INTEGER_RANGES and isinstance(value, int) and not isinstance(value, bool):
        low, high = INTEGER_RANGES[kind]
        if not low <= value <= high:
            raise ParameterError(path, f"{value} is outside of {kind.value} ({low} to {high})")
        return str(int(value))  # an IntEnum prints as a name
    raise ParameterError(path, f"expected {kind.value}, got {type(value).__name__}")


def _datetime(value: object, path: str) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ParameterError(path, "expected a datetime with a time zone")
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
