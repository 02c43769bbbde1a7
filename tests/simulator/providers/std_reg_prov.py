# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""StdRegProv: the registry over CIM.

All answers come as ReturnValue, never as a fault; out-parameters are there only when it is 0. MOF defaults are part of
the class, so an omitted value parameter writes the sample data of the MOF, as on Windows.

Source: Microsoft's regevent/StdRegProv MOF (defaults: 3, "hello", {"hello","there"}, "%path%", {1,2}); wsman_cim.md 3.2
and 3.3 (methods, ReturnValues). Unverified: that GetStringValue refuses REG_EXPAND_SZ and the reverse, and what
CheckAccess returns beside bGranted when access is denied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..cim import Caller, CimClass, CimMethod, CimProperty, CimType
from ..files import expand
from ..subsystems import registry_value as types
from ..subsystems.registry import (
    ERROR_ACCESS_DENIED,
    ERROR_INVALID_HANDLE,
    RegistryError,
)
from ..subsystems.registry_value import RegistryValue
from .provider import RETURN_VALUE, ClassProvider

HIVE_BY_NUMBER = {
    2147483648: "HKCR",
    2147483649: "HKCU",
    2147483650: "HKLM",
    2147483651: "HKU",
    2147483653: "HKCC",
}
VALUE_NOT_FOUND = 1
WBEM_E_TYPE_MISMATCH = 2147749893
WBEM_E_INVALID_PARAMETER = 2147749896

_DEF_KEY = CimProperty("hDefKey", CimType.UINT32, default=2147483650)
_SUB_KEY = CimProperty("sSubKeyName", CimType.STRING)
_VALUE_NAME = CimProperty("sValueName", CimType.STRING)
_KEY = (_DEF_KEY, _SUB_KEY)
_NAMED = (*_KEY, _VALUE_NAME)


def _method(name: str, inputs: tuple[CimProperty, ...], *outputs: CimProperty) -> CimMethod:
    return CimMethod(name, inputs, outputs, is_static=True)


def _value(name: str, type_: CimType, default: Any = None, *, is_array: bool = False) -> CimProperty:
    return CimProperty(name, type_, is_array=is_array, default=default)


_STRINGS = _value("sValue", CimType.STRING, is_array=True)
_NAMES = _value("sNames", CimType.STRING, is_array=True)

STD_REG_PROV = CimClass(
    "StdRegProv",
    can_enumerate=False,
    methods=(
        _method("CreateKey", _KEY),
        _method("DeleteKey", _KEY),
        _method("EnumKey", _KEY, _NAMES),
        _method("EnumValues", _KEY, _NAMES, _value("Types", CimType.SINT32, is_array=True)),
        _method("DeleteValue", _NAMED),
        _method("SetDWORDValue", (*_NAMED, _value("uValue", CimType.UINT32, 3))),
        _method("SetQWORDValue", (*_NAMED, _value("uValue", CimType.UINT64, 3))),
        _method("GetDWORDValue", _NAMED, _value("uValue", CimType.UINT32)),
        _method("GetQWORDValue", _NAMED, _value("uValue", CimType.UINT64)),
        _method("SetStringValue", (*_NAMED, _value("sValue", CimType.STRING, "hello"))),
        _method("GetStringValue", _NAMED, _value("sValue", CimType.STRING)),
        _method("SetMultiStringValue", (*_NAMED, _value("sValue", CimType.STRING, ["hello", "there"], is_array=True))),
        _method("GetMultiStringValue", _NAMED, _STRINGS),
        _method("SetExpandedStringValue", (*_NAMED, _value("sValue", CimType.STRING, "%path%"))),
        _method("GetExpandedStringValue", _NAMED, _value("sValue", CimType.STRING)),
        _method("SetBinaryValue", (*_NAMED, _value("uValue", CimType.UINT8, [1, 2], is_array=True))),
        _method("GetBinaryValue", _NAMED, _value("uValue", CimType.UINT8, is_array=True)),
        _method("CheckAccess", (*_KEY, _value("uRequired", CimType.UINT32, 3)), _value("bGranted", CimType.BOOLEAN)),
        _method("GetSecurityDescriptor", _KEY),
        _method("SetSecurityDescriptor", _KEY),
    ),
)

_READERS: dict[str, tuple[int, str, Callable[[RegistryValue], Any]]] = {
    "GetDWORDValue": (types.REG_DWORD, "uValue", lambda value: value.number),
    "GetQWORDValue": (types.REG_QWORD, "uValue", lambda value: value.number),
    "GetStringValue": (types.REG_SZ, "sValue", lambda value: value.text),
    "GetExpandedStringValue": (types.REG_EXPAND_SZ, "sValue", lambda value: value.text),
    "GetMultiStringValue": (types.REG_MULTI_SZ, "sValue", lambda value: value.texts),
    "GetBinaryValue": (types.REG_BINARY, "uValue", lambda value: list(value.data)),
}
_WRITERS: dict[str, tuple[str, Callable[[Any], RegistryValue]]] = {
    "SetDWORDValue": ("uValue", RegistryValue.dword),
    "SetQWORDValue": ("uValue", RegistryValue.qword),
    "SetStringValue": ("sValue", RegistryValue.sz),
    "SetExpandedStringValue": ("sValue", RegistryValue.expand_sz),
    "SetMultiStringValue": ("sValue", RegistryValue.multi_sz),
    "SetBinaryValue": ("uValue", RegistryValue.binary),
}


class StdRegProv(ClassProvider):
    """The class of one host."""

    cim_class = STD_REG_PROV

    def invoke(
        self, caller: Caller, method: str, keys: Mapping[str, str] | None, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self.admit(caller)
        hive = HIVE_BY_NUMBER.get(arguments["hDefKey"])
        if hive is None:
            return {RETURN_VALUE: ERROR_INVALID_HANDLE}
        if None in (arguments["sSubKeyName"], arguments.get("sValueName", "")):
            return {RETURN_VALUE: WBEM_E_INVALID_PARAMETER}
        key = f"{hive}\\{arguments['sSubKeyName']}" if arguments["sSubKeyName"] else hive
        try:
            return self._dispatch(caller, method, key, arguments)
        except RegistryError as error:
            return {RETURN_VALUE: error.code}

    def _dispatch(self, caller: Caller, method: str, key: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if method in _READERS:
            return self._read(caller, method, key, arguments["sValueName"])
        if method in _WRITERS:
            return self._write(caller, method, key, arguments)
        handlers: dict[str, Callable[[Caller, str, Mapping[str, Any]], Mapping[str, Any]]] = {
            "CreateKey": self._create_key,
            "DeleteKey": self._delete_key,
            "DeleteValue": self._delete_value,
            "EnumKey": self._enum_key,
            "EnumValues": self._enum_values,
            "CheckAccess": self._check_access,
        }
        if method not in handlers:
            raise self.not_simulated(method)
        return handlers[method](caller, key, arguments)

    def _read(self, caller: Caller, method: str, key: str, name: str) -> Mapping[str, Any]:
        type_, output, convert = _READERS[method]
        value = self.host.registry.read_value(caller, key, name)
        if value is None:
            return {RETURN_VALUE: VALUE_NOT_FOUND}
        if value.type != type_:
            return {RETURN_VALUE: WBEM_E_TYPE_MISMATCH}
        data = convert(value)
        if type_ == types.REG_EXPAND_SZ:
            data = expand(data, self.host.environment)
        return {RETURN_VALUE: 0, output: data}

    def _write(self, caller: Caller, method: str, key: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        parameter, convert = _WRITERS[method]
        if arguments[parameter] is None:
            return {RETURN_VALUE: WBEM_E_INVALID_PARAMETER}
        self.host.registry.write_value(caller, key, arguments["sValueName"], convert(arguments[parameter]))
        return {RETURN_VALUE: 0}

    def _create_key(self, caller: Caller, key: str, _unused: Mapping[str, Any]) -> Mapping[str, Any]:
        self.host.registry.create_key(caller, key)
        return {RETURN_VALUE: 0}

    def _delete_key(self, caller: Caller, key: str, _unused: Mapping[str, Any]) -> Mapping[str, Any]:
        self.host.registry.delete_key(caller, key)
        return {RETURN_VALUE: 0}

    def _delete_value(self, caller: Caller, key: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        self.host.registry.delete_value(caller, key, arguments["sValueName"])
        return {RETURN_VALUE: 0}

    def _enum_key(self, caller: Caller, key: str, _unused: Mapping[str, Any]) -> Mapping[str, Any]:
        return {RETURN_VALUE: 0, "sNames": self.host.registry.enum_keys(caller, key) or None}

    def _enum_values(self, caller: Caller, key: str, _unused: Mapping[str, Any]) -> Mapping[str, Any]:
        values = self.host.registry.enum_values(caller, key)
        names, numbers = [name for name, _unused in values], [value.type for _unused, value in values]
        return {RETURN_VALUE: 0, "sNames": names or None, "Types": numbers or None}

    def _check_access(self, caller: Caller, key: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        is_granted = self.host.registry.check_access(caller, key, arguments["uRequired"])
        return {RETURN_VALUE: 0 if is_granted else ERROR_ACCESS_DENIED, "bGranted": is_granted}
