# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""CIM classes as Python knows them: what a class declares (schema) and what a host answered (values).

The schema decides how text from the wire becomes a value: an array of one looks like a scalar there, and a null array
or an empty one is simply absent. Nothing here knows XML.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

from ...module_utils._errors import ParameterError
from ._errors import CimMethodError, ProtocolError

WMI_NAMESPACE_PREFIX = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"


class CimType(enum.Enum):
    """Intrinsic CIM types. Source: DSP0004 5.2.2."""

    BOOLEAN = "boolean"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    SINT8 = "sint8"
    SINT16 = "sint16"
    SINT32 = "sint32"
    SINT64 = "sint64"
    REAL32 = "real32"
    REAL64 = "real64"
    CHAR16 = "char16"
    STRING = "string"
    DATETIME = "datetime"
    REFERENCE = "reference"


INTEGER_RANGES: Mapping[CimType, tuple[int, int]] = MappingProxyType(
    {
        CimType.UINT8: (0, 0xFF),
        CimType.UINT16: (0, 0xFFFF),
        CimType.UINT32: (0, 0xFFFFFFFF),
        CimType.UINT64: (0, 0xFFFFFFFFFFFFFFFF),
        CimType.SINT8: (-0x80, 0x7F),
        CimType.SINT16: (-0x8000, 0x7FFF),
        CimType.SINT32: (-0x80000000, 0x7FFFFFFF),
        CimType.SINT64: (-0x8000000000000000, 0x7FFFFFFFFFFFFFFF),
        CimType.CHAR16: (0, 0xFFFF),
    }
)


@dataclass(frozen=True, slots=True)
class CimProperty:
    """A property of a class or a parameter of a method.

    An `is_optional` in-parameter may be left out of a call: its default in Windows' MOF is known to be NULL.
    """

    name: str
    type: CimType = CimType.STRING
    is_array: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class CimMethod:
    """A method. Only an `is_read_only` one is ever sent again after a lost connection."""

    name: str
    inputs: tuple[CimProperty, ...] = ()
    outputs: tuple[CimProperty, ...] = ()
    is_read_only: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class CimClass:
    """A class of a CIM namespace, as far as this collection uses it.

    `properties` need not be complete: what a host answers beyond it is kept as text. `return_names` gives words for
    ReturnValue; it is shared by the methods of a class, as in Windows' documentation.
    """

    name: str
    namespace: str = "root/cimv2"
    keys: tuple[str, ...] = ()
    properties: tuple[CimProperty, ...] = ()
    methods: tuple[CimMethod, ...] = ()
    return_names: Mapping[int, str] = field(default_factory=dict)

    @property
    def resource_uri(self) -> str:
        return f"{WMI_NAMESPACE_PREFIX}{self.namespace}/{self.name}"

    @property
    def query_uri(self) -> str:
        """The resource a WQL query is sent to. Source: MS-WSMV 3.1.4.1.13 (a class URI faults with 0x803380FB)."""
        return f"{WMI_NAMESPACE_PREFIX}{self.namespace}/*"

    def method(self, name: str) -> CimMethod:
        for method in self.methods:
            if method.name == name:
                return method
        raise ParameterError(f"{self.name}.{name}", "this method is not in the table of CIM classes")


@dataclass(frozen=True, slots=True)
class CimReference:
    """A reference to an instance: its class by `resource_uri`, its keys in `selectors` (empty for a singleton)."""

    resource_uri: str
    selectors: Mapping[str, str] = field(default_factory=dict)

    @property
    def class_name(self) -> str:
        return self.resource_uri.rpartition("/")[2]


# NULL is None. Arrays are tuples, except uint8[], which is bytes. An interval is a timedelta; a datetime with
# wildcards has no Python equivalent and stays text.
CimScalar = None | bool | int | float | str | datetime | timedelta | CimReference
CimValue = CimScalar | bytes | tuple[CimScalar, ...]

_T = TypeVar("_T")


class CimValues(Mapping[str, CimValue]):
    """What a host answered: names to values. A name that is absent was not part of the answer; None means NULL."""

    __slots__ = ("_origin", "_values")

    def __init__(self, origin: str, values: Mapping[str, CimValue]) -> None:
        self._origin = origin
        self._values = dict(values)

    def __getitem__(self, name: str) -> CimValue:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._origin!r}, {self._values!r})"

    def required(self, name: str, kind: type[_T]) -> _T:
        """Return a value that must be there and of this Python type.

        Raises: ProtocolError if it is absent, NULL or of another type.
        """
        value = self.optional(name, kind)
        if value is None:
            raise ProtocolError(f"{self._origin}.{name} is {'NULL' if name in self else 'missing'} in the answer")
        return value

    def optional(self, name: str, kind: type[_T]) -> _T | None:
        """Return a value of this Python type, or None if it is absent or NULL.

        Raises: ProtocolError if it is of another type.
        """
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ProtocolError(f"{self._origin}.{name} came as {type(value).__name__}, not as {kind.__name__}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an array of strings; absent and NULL are empty, NULL elements are left out."""
        values = self.optional(name, tuple) or ()
        return tuple(value for value in values if isinstance(value, str))

    def integers(self, name: str) -> tuple[int, ...]:
        """Return an array of integers; absent and NULL are empty, NULL elements are left out."""
        values = self.optional(name, tuple) or ()
        return tuple(value for value in values if isinstance(value, int))


class Instance(CimValues):
    """An instance of a class. `class_name` is the class of the object itself, which may be derived from the one asked
    for; a projection (``select a, b``) does not carry it, then it is the class asked for.
    """

    __slots__ = ("class_name",)

    def __init__(self, class_name: str, values: Mapping[str, CimValue]) -> None:
        super().__init__(class_name, values)
        self.class_name = class_name


class MethodResult(CimValues):
    """The out-parameters of a method and its `return_value` (also under ``ReturnValue``).

    After return value 0 every declared array is there, if need be empty: the wire shows an empty array as nothing.
    """

    __slots__ = ("cim_class", "method", "return_value")

    def __init__(self, cim_class: CimClass, method: str, return_value: int, values: Mapping[str, CimValue]) -> None:
        super().__init__(f"{cim_class.name}.{method}", {**values, "ReturnValue": return_value})
        self.cim_class = cim_class
        self.method = method
        self.return_value = return_value

    def error(self, on: str = "") -> CimMethodError:
        """Return the exception for this return value; `on` names the object, as in ``service 'OpcEnum'``."""
        return CimMethodError(self.cim_class, self.method, self.return_value, on)

    def require_success(self, on: str = "") -> MethodResult:
        """Return this result. Raises: CimMethodError if the return value is not 0."""
        if self.return_value != 0:
            raise self.error(on)
        return self
