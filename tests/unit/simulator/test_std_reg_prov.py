# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""StdRegProv: each method and ReturnValue of wsman_cim.md 3.2 and 3.3, defaults of Microsoft's MOF."""

from __future__ import annotations

from typing import Any

import pytest
from hosts import administrator, invoke, operator

from simulator.baseline import WMI_APP_ID
from simulator.cim import Caller, CimError, CimStatus, CimType
from simulator.host import SimulatedHost
from simulator.providers.std_reg_prov import STD_REG_PROV
from simulator.subsystems.registry_value import RegistryValue

HKLM = 2147483650
OLE = r"SOFTWARE\Microsoft\Ole"
PROBE = r"SOFTWARE\Vendor\Probe"
PROTECTED = rf"SOFTWARE\Classes\AppID\{WMI_APP_ID}"
TYPE_MISMATCH = 2147749893
INVALID_PARAMETER = 2147749896


@pytest.fixture
def host() -> SimulatedHost:
    return SimulatedHost("opcsrv01")


@pytest.fixture
def admin(host: SimulatedHost) -> Caller:
    return administrator(host)


def call(host: SimulatedHost, caller: Caller, method: str, key: str, **arguments: Any) -> dict[str, Any]:
    return invoke(host, caller, "StdRegProv", method, hDefKey=HKLM, sSubKeyName=key, **arguments)


def test_the_class_has_exactly_the_methods_of_the_mof() -> None:
    assert [method.name for method in STD_REG_PROV.methods] == [
        "CreateKey", "DeleteKey", "EnumKey", "EnumValues", "DeleteValue",
        "SetDWORDValue", "SetQWORDValue", "GetDWORDValue", "GetQWORDValue",
        "SetStringValue", "GetStringValue", "SetMultiStringValue", "GetMultiStringValue",
        "SetExpandedStringValue", "GetExpandedStringValue", "SetBinaryValue", "GetBinaryValue",
        "CheckAccess", "GetSecurityDescriptor", "SetSecurityDescriptor",
    ]  # fmt: skip
    assert all(method.is_static for method in STD_REG_PROV.methods)
    assert not STD_REG_PROV.can_enumerate


@pytest.mark.parametrize(
    ("method", "parameter", "default"),
    [  # Microsoft's StdRegProv MOF
        ("SetDWORDValue", "uValue", 3),
        ("SetStringValue", "sValue", "hello"),
        ("SetMultiStringValue", "sValue", ["hello", "there"]),
        ("SetExpandedStringValue", "sValue", "%path%"),
        ("SetBinaryValue", "uValue", [1, 2]),
        ("CheckAccess", "uRequired", 3),
        ("EnumKey", "hDefKey", HKLM),
    ],
)
def test_omitted_parameters_take_the_mof_default(method: str, parameter: str, default: object) -> None:
    declared = STD_REG_PROV.find_method(method)
    assert declared is not None
    assert next(item.default for item in declared.inputs if item.name == parameter) == default


def test_types_of_out_parameters() -> None:
    outputs = {(method.name, item.name): item for method in STD_REG_PROV.methods for item in method.outputs}
    assert outputs["EnumValues", "Types"].type is CimType.SINT32
    assert outputs["GetBinaryValue", "uValue"].type is CimType.UINT8
    assert outputs["GetBinaryValue", "uValue"].is_array
    assert outputs["GetQWORDValue", "uValue"].type is CimType.UINT64


@pytest.mark.parametrize(
    ("kind", "parameter", "value", "stored"),
    [
        ("DWORD", "uValue", 0xFFFFFFFF, RegistryValue.dword(0xFFFFFFFF)),
        ("QWORD", "uValue", 1 << 40, RegistryValue.qword(1 << 40)),
        ("String", "sValue", "", RegistryValue.sz("")),
        ("String", "sValue", "Grüße & <x>", RegistryValue.sz("Grüße & <x>")),
        ("MultiString", "sValue", ["one"], RegistryValue.multi_sz(["one"])),
        ("MultiString", "sValue", [], RegistryValue.multi_sz([])),
        ("Binary", "uValue", [1, 0, 4, 128], RegistryValue.binary(b"\1\0\4\x80")),
        ("ExpandedString", "sValue", "plain", RegistryValue.expand_sz("plain")),
    ],
)
def test_set_and_get(
    host: SimulatedHost, admin: Caller, kind: str, parameter: str, value: object, stored: RegistryValue
) -> None:
    assert call(host, admin, "CreateKey", PROBE) == {"ReturnValue": 0}
    written = call(host, admin, f"Set{kind}Value", PROBE, sValueName="v", **{parameter: value})
    assert written == {"ReturnValue": 0}
    assert host.registry.get(f"HKLM\\{PROBE}", "v") == stored
    assert call(host, admin, f"Get{kind}Value", PROBE, sValueName="V") == {"ReturnValue": 0, parameter: value}


def test_expanded_strings_come_expanded(host: SimulatedHost, admin: Caller) -> None:
    host.registry.put(f"HKLM\\{PROBE}", "v", RegistryValue.expand_sz(r"%SystemRoot%\x %nothing%"))
    found = call(host, admin, "GetExpandedStringValue", PROBE, sValueName="v")
    assert found["sValue"] == r"C:\Windows\x %nothing%"


def test_the_default_value_has_an_empty_name(host: SimulatedHost, admin: Caller) -> None:
    call(host, admin, "CreateKey", PROBE)
    call(host, admin, "SetStringValue", PROBE, sValueName="", sValue="d")
    assert call(host, admin, "EnumValues", PROBE) == {"ReturnValue": 0, "sNames": [""], "Types": [1]}


def test_missing_value_is_1_and_missing_key_is_2(host: SimulatedHost, admin: Caller) -> None:
    assert call(host, admin, "GetDWORDValue", OLE, sValueName="LegacyAuthenticationLevel") == {"ReturnValue": 1}
    assert call(host, admin, "GetDWORDValue", OLE + r"\Nothing", sValueName="x") == {"ReturnValue": 2}
    assert call(host, admin, "SetDWORDValue", OLE + r"\Nothing", sValueName="x", uValue=1) == {"ReturnValue": 2}
    assert call(host, admin, "DeleteValue", OLE, sValueName="x") == {"ReturnValue": 2}
    assert call(host, admin, "DeleteKey", OLE + r"\Nothing") == {"ReturnValue": 2}
    assert call(host, admin, "EnumKey", OLE + r"\Nothing") == {"ReturnValue": 2}


@pytest.mark.parametrize(
    ("method", "stored"),
    [
        ("GetStringValue", RegistryValue.dword(1)),
        ("GetDWORDValue", RegistryValue.sz("1")),
        ("GetQWORDValue", RegistryValue.dword(1)),
        ("GetBinaryValue", RegistryValue(0, b"")),
        ("GetMultiStringValue", RegistryValue.sz("x")),
    ],
)
def test_a_value_of_another_type(host: SimulatedHost, admin: Caller, method: str, stored: RegistryValue) -> None:
    host.registry.put(f"HKLM\\{PROBE}", "v", stored)
    assert call(host, admin, method, PROBE, sValueName="v") == {"ReturnValue": TYPE_MISMATCH}


def test_keys_and_values_are_listed_with_odd_types(host: SimulatedHost, admin: Caller) -> None:
    host.registry.put(f"HKLM\\{PROBE}", "n", RegistryValue(0, b""))
    host.registry.put(f"HKLM\\{PROBE}", "r", RegistryValue(8, b"\1"))
    host.registry.create_key(None, f"HKLM\\{PROBE}\\b")
    host.registry.create_key(None, f"HKLM\\{PROBE}\\A")
    assert call(host, admin, "EnumValues", PROBE) == {"ReturnValue": 0, "sNames": ["n", "r"], "Types": [0, 8]}
    assert call(host, admin, "EnumKey", PROBE) == {"ReturnValue": 0, "sNames": ["A", "b"]}
    assert call(host, admin, "EnumValues", PROBE + r"\A") == {"ReturnValue": 0, "sNames": None, "Types": None}


def test_delete_key_refuses_with_subkeys(host: SimulatedHost, admin: Caller) -> None:
    call(host, admin, "CreateKey", PROBE + r"\a")
    assert call(host, admin, "DeleteKey", PROBE) == {"ReturnValue": 5}
    assert call(host, admin, "DeleteKey", PROBE + r"\a") == {"ReturnValue": 0}
    assert call(host, admin, "DeleteKey", PROBE) == {"ReturnValue": 0}


def test_a_hive_that_does_not_exist(host: SimulatedHost, admin: Caller) -> None:
    assert invoke(host, admin, "StdRegProv", "EnumKey", hDefKey=1, sSubKeyName="x") == {"ReturnValue": 6}


@pytest.mark.parametrize("number", [2147483648, 2147483649, 2147483650, 2147483651, 2147483653])
def test_all_hives_can_be_listed_from_their_root(host: SimulatedHost, admin: Caller, number: int) -> None:
    assert invoke(host, admin, "StdRegProv", "EnumKey", hDefKey=number, sSubKeyName="")["ReturnValue"] == 0


@pytest.mark.parametrize("arguments", [{"sSubKeyName": None}, {"sSubKeyName": OLE, "sValueName": None}])
def test_null_where_a_text_belongs(host: SimulatedHost, admin: Caller, arguments: dict[str, Any]) -> None:
    answer = invoke(host, admin, "StdRegProv", "GetStringValue", **{"sValueName": "x", **arguments})
    assert answer == {"ReturnValue": INVALID_PARAMETER}


def test_null_data_is_no_write(host: SimulatedHost, admin: Caller) -> None:
    answer = call(host, admin, "SetDWORDValue", OLE, sValueName="x", uValue=None)
    assert answer == {"ReturnValue": INVALID_PARAMETER}
    assert host.journal.records == []


def test_protected_keys_and_plain_users_are_refused_with_5(host: SimulatedHost, admin: Caller) -> None:
    assert call(host, admin, "SetDWORDValue", PROTECTED, sValueName="AuthenticationLevel") == {"ReturnValue": 5}
    assert call(host, admin, "CreateKey", PROTECTED + r"\x") == {"ReturnValue": 5}
    assert call(host, admin, "EnumKey", "SAM") == {"ReturnValue": 5}
    user = operator(host)
    assert call(host, user, "GetStringValue", OLE, sValueName="EnableDCOM") == {"ReturnValue": 0, "sValue": "Y"}
    assert call(host, user, "SetStringValue", OLE, sValueName="EnableDCOM", sValue="N") == {"ReturnValue": 5}


def test_check_access(host: SimulatedHost, admin: Caller) -> None:
    assert call(host, admin, "CheckAccess", OLE) == {"ReturnValue": 0, "bGranted": True}
    assert call(host, admin, "CheckAccess", PROTECTED, uRequired=1) == {"ReturnValue": 0, "bGranted": True}
    assert call(host, admin, "CheckAccess", PROTECTED, uRequired=2)["bGranted"] is False
    assert call(host, admin, "CheckAccess", OLE + r"\Nothing") == {"ReturnValue": 2}


def test_the_32_bit_view_is_addressed_explicitly(host: SimulatedHost, admin: Caller) -> None:
    call(host, admin, "CreateKey", r"SOFTWARE\WOW6432Node\Classes\AppID\{x}")
    names = call(host, admin, "EnumKey", r"SOFTWARE\Classes\AppID")["sNames"]
    assert "{x}" in names
    call(host, admin, "CreateKey", r"SOFTWARE\WOW6432Node\Vendor")
    assert "Vendor" not in call(host, admin, "EnumKey", "SOFTWARE")["sNames"]


def test_methods_that_are_not_simulated_fail_and_are_noted(host: SimulatedHost, admin: Caller) -> None:
    with pytest.raises(CimError) as caught:
        call(host, admin, "SetSecurityDescriptor", OLE)
    assert caught.value.status is CimStatus.METHOD_NOT_AVAILABLE
    assert [item.source for item in host.violations] == ["StdRegProv"]


def test_without_remote_enable_the_namespace_refuses(host: SimulatedHost) -> None:
    host.accounts.create_user(None, "stranger", "Passwort-123")
    stranger = host.caller_of("stranger", "-")
    with pytest.raises(CimError) as caught:
        call(host, stranger, "EnumKey", OLE)
    assert (caught.value.status, caught.value.hresult) == (CimStatus.ACCESS_DENIED, 0x80041003)


def test_only_writes_are_journaled(host: SimulatedHost, admin: Caller) -> None:
    call(host, admin, "EnumValues", OLE)
    call(host, admin, "GetStringValue", OLE, sValueName="EnableDCOM")
    assert host.journal.records == []
    call(host, admin, "SetStringValue", OLE, sValueName="EnableDCOM", sValue="N")
    assert [(item.target, item.caller) for item in host.journal.records] == [
        ((f"HKLM\\{OLE}", "EnableDCOM"), "OPCSRV01\\Administrator")
    ]
