# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._reg_query import find_default_label, parse_reg_query
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import (
    RegistryKey,
    RegistryType,
    RegistryValue,
)

OLE = "software\\microsoft\\ole"

# Layout as reg.exe prints it: heading, values behind four blanks, an empty line after each key.
ENGLISH = (
    "\r\n"
    "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\r\n"
    "    (Default)    REG_SZ    (value not set)\r\n"
    "\r\n"
    "\r\n"
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Ole\r\n"
    "    EnableDCOM    REG_SZ    Y\r\n"
    "    LegacyAuthenticationLevel    REG_DWORD    0x2\r\n"
    "    MachineLaunchRestriction    REG_BINARY    01000480\r\n"
    "    Big    REG_QWORD    0x100000000\r\n"
    "    Many    REG_MULTI_SZ    one\\0two\r\n"
    "    Path    REG_EXPAND_SZ    %SystemRoot%\\system32\r\n"
    "    Nothing    REG_SZ    \r\n"
    "\r\n"
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Ole\\AppCompat\r\n"
    "    RaiseActivationAuthenticationLevel    REG_DWORD    0x2\r\n"
    "\r\n"
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("EnableDCOM", RegistryValue.string("Y")),
        ("enabledcom", RegistryValue.string("Y")),
        ("LegacyAuthenticationLevel", RegistryValue.dword(2)),
        ("MachineLaunchRestriction", RegistryValue.binary(bytes.fromhex("01000480"))),
        ("Big", RegistryValue(RegistryType.QWORD, 1 << 32)),
        ("Many", RegistryValue.multi_string("one", "two")),
        ("Path", RegistryValue(RegistryType.EXPAND_SZ, "%SystemRoot%\\system32")),
        ("Nothing", RegistryValue.string("")),
        ("Missing", None),
    ],
)
def test_each_type_is_read_by_layout(name: str, expected: RegistryValue | None) -> None:
    assert parse_reg_query(ENGLISH)[OLE].value(name) == expected


def test_every_key_is_found_under_its_folded_path() -> None:
    assert set(parse_reg_query(ENGLISH)) == {"system\\currentcontrolset", OLE, OLE + "\\appcompat"}


def test_the_unnamed_value_is_found_by_the_label_this_host_uses() -> None:
    german = ENGLISH.replace("(Default)    REG_SZ    (value not set)", "(Standard)    REG_SZ    (Wert nicht gesetzt)")
    german += "HKEY_LOCAL_MACHINE\\SOFTWARE\\Classes\\Thing\r\n    (Standard)    REG_SZ    A thing\r\n"
    label = find_default_label(german)
    assert label == "(Standard)"
    assert parse_reg_query(german, label)["software\\classes\\thing"].value("") == RegistryValue.string("A thing")


def test_a_real_value_that_is_named_like_a_label_stays_a_value() -> None:
    text = "HKEY_LOCAL_MACHINE\\A\r\n    (Default)    REG_SZ    x\r\n"
    assert parse_reg_query(text, "(Standard)")["a"].value("(Default)") == RegistryValue.string("x")


@pytest.mark.parametrize(
    "line",
    [
        "    a    REG_SZ    b    REG_SZ    c",  # which REG_SZ is the type?
        "    two lines    REG_SZ    first\r\nsecond",
        "    odd    REG_DWORD    2",
        "    odd    REG_DWORD    0x123456789",
        "    odd    REG_BINARY    012",
        "    odd    REG_SOMETHING    1",
        "no indentation    REG_SZ    x",
        "    twice    REG_SZ    1\r\n    twice    REG_SZ    2",
    ],
)
def test_what_can_be_read_in_two_ways_is_said_to_be_uncertain(line: str) -> None:
    assert not parse_reg_query(f"HKEY_LOCAL_MACHINE\\A\r\n{line}\r\n")["a"].is_certain


def test_certain_output_is_certain() -> None:
    assert all(key.is_certain for key in parse_reg_query(ENGLISH).values())


def test_values_before_any_heading_belong_to_nothing() -> None:
    assert parse_reg_query("    EnableDCOM    REG_SZ    Y\r\n") == {}


@pytest.mark.parametrize(
    ("registry_type", "data"),
    [
        (RegistryType.DWORD, "5"),
        (RegistryType.DWORD, True),
        (RegistryType.DWORD, -1),
        (RegistryType.DWORD, 1 << 32),
        (RegistryType.QWORD, 1 << 64),
        (RegistryType.SZ, 5),
        (RegistryType.BINARY, "00"),
        (RegistryType.MULTI_SZ, ["a"]),
    ],
)
def test_a_value_holds_only_what_its_type_holds(registry_type: RegistryType, data: object) -> None:
    with pytest.raises(DomainError):
        RegistryValue(registry_type, data)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["", "\\A", "A\\", "A\\\\B"])
def test_a_key_is_a_path_below_the_hive(path: str) -> None:
    with pytest.raises(DomainError):
        RegistryKey(path)


def test_keys_compare_without_case() -> None:
    assert RegistryKey("SOFTWARE\\Microsoft\\Ole").folded == RegistryKey("software\\MICROSOFT\\ole").folded
