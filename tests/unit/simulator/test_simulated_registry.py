# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated registry: Win32 error codes, views and links of dcom.md 2.2, protection, journal, snapshots."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from simulator.cim import Caller
from simulator.journal import Journal
from simulator.subsystems import registry_security as security
from simulator.subsystems.registry import KeyNode, Registry, RegistryError, RegistryTree, export_text
from simulator.subsystems.registry_value import RegistryValue
from simulator.subsystems.registry_views import MACHINE_LINKS, view32

ADMIN = Caller("OPCSRV01\\Administrator", "S-1-5-21-1-2-3-500", frozenset({"S-1-5-32-544", "S-1-5-32-545"}))
FILTERED = Caller("OPCSRV01\\second", "S-1-5-21-1-2-3-1001", ADMIN.groups, is_elevated=False)
USER = Caller("OPCSRV01\\operator", "S-1-5-21-1-2-3-1002", frozenset({"S-1-5-32-545"}))
OLE = r"HKLM\SOFTWARE\Microsoft\Ole"


@pytest.fixture
def registry() -> Registry:
    tree = RegistryTree()
    tree.create(("HKU", ".DEFAULT"))
    for path in ("SAM", r"SYSTEM\ControlSet001\Services", r"SOFTWARE\Classes\AppID", r"SOFTWARE\Microsoft\Ole"):
        tree.create(("HKLM", *path.split("\\")))
    for link, target in MACHINE_LINKS:
        tree.create(("HKLM", *link.split("\\")), link=("HKLM", *target.split("\\")))
    registry = Registry(tree.root, Journal(lambda: datetime(2026, 1, 1, tzinfo=UTC)))
    registry.write_value(None, OLE, "EnableDCOM", RegistryValue.sz("Y"))
    return registry


def code_of(call: object, *arguments: object) -> int:
    with pytest.raises(RegistryError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_names_are_found_without_case_and_keep_their_spelling(registry: Registry) -> None:
    registry.write_value(ADMIN, r"hklm\software\MICROSOFT\ole", "ENABLEDCOM", RegistryValue.sz("N"))
    assert registry.enum_values(ADMIN, OLE) == [("EnableDCOM", RegistryValue.sz("N"))]
    assert registry.canonical_key(ADMIN, r"HKEY_LOCAL_MACHINE\software\microsoft\OLE") == OLE


def test_folding_is_per_character_so_sharp_s_is_not_ss(registry: Registry) -> None:
    registry.create_key(ADMIN, OLE + "\\Straße")
    assert registry.key_exists(ADMIN, OLE + "\\STRAßE")
    assert not registry.key_exists(ADMIN, OLE + "\\STRASSE")


def test_missing_key_and_missing_value_are_told_apart(registry: Registry) -> None:
    assert registry.read_value(ADMIN, OLE, "LegacyAuthenticationLevel") is None
    assert code_of(registry.read_value, ADMIN, OLE + "\\AppCompat", "x") == 2
    assert code_of(registry.write_value, ADMIN, OLE + "\\AppCompat", "x", RegistryValue.dword(1)) == 2
    assert code_of(registry.delete_value, ADMIN, OLE, "LegacyAuthenticationLevel") == 2


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("HKXX\\SOFTWARE", 6),
        (r"HKLM\\SOFTWARE", 161),
        ("HKLM\\SOFTWARE\\", 161),
        ("HKLM\\SOFTWARE\\" + "k" * 256, 87),
        ("HKLM\\Nothing", 2),
    ],
)
def test_bad_paths(registry: Registry, key: str, code: int) -> None:
    assert code_of(registry.enum_keys, ADMIN, key) == code


def test_create_key_makes_the_keys_above_and_accepts_an_existing_one(registry: Registry) -> None:
    assert registry.create_key(ADMIN, OLE + r"\AppCompat\List") is True
    assert registry.create_key(ADMIN, OLE + r"\AppCompat\List") is False
    assert registry.enum_keys(ADMIN, OLE) == ["AppCompat"]


def test_nothing_is_created_directly_below_a_root(registry: Registry) -> None:
    assert code_of(registry.create_key, ADMIN, "HKLM\\Vendor") == 87


def test_delete_key_refuses_with_subkeys(registry: Registry) -> None:
    registry.create_key(ADMIN, OLE + r"\AppCompat\List")
    assert code_of(registry.delete_key, ADMIN, OLE + r"\AppCompat") == 5
    registry.delete_key(ADMIN, OLE + r"\AppCompat\List")
    registry.delete_key(ADMIN, OLE + r"\AppCompat")
    assert code_of(registry.delete_key, ADMIN, OLE + r"\AppCompat") == 2


@pytest.mark.parametrize("caller", [USER, FILTERED], ids=["user", "filtered_administrator"])
def test_only_elevated_administrators_write_hklm(registry: Registry, caller: Caller) -> None:
    assert registry.read_value(caller, OLE, "EnableDCOM") == RegistryValue.sz("Y")
    assert code_of(registry.write_value, caller, OLE, "EnableDCOM", RegistryValue.sz("N")) == 5
    assert code_of(registry.create_key, caller, OLE + r"\AppCompat") == 5
    assert code_of(registry.delete_value, caller, OLE, "EnableDCOM") == 5
    assert code_of(registry.delete_key, caller, OLE) == 5


def test_keys_of_trusted_installer_are_read_only_for_administrators(registry: Registry) -> None:
    key = r"HKLM\SOFTWARE\Classes\AppID\{8BC3F05E-D86B-11D0-A075-00C04FB68820}"
    registry.create_key(None, key)
    registry.protect(key, security.PROTECTED)
    assert registry.enum_values(ADMIN, key) == []
    assert code_of(registry.write_value, ADMIN, key, "AuthenticationLevel", RegistryValue.dword(5)) == 5
    assert code_of(registry.create_key, ADMIN, key + "\\Elevation") == 5
    assert registry.check_access(ADMIN, key, security.KEY_QUERY_VALUE)
    assert not registry.check_access(ADMIN, key, security.KEY_SET_VALUE)


def test_reading_can_be_denied(registry: Registry) -> None:
    registry.protect(r"HKLM\SAM", security.SYSTEM_ONLY)
    assert code_of(registry.enum_keys, ADMIN, r"HKLM\SAM") == 5


@pytest.mark.parametrize(
    ("alias", "true_key"),
    [
        (r"HKLM\SOFTWARE\Classes\Wow6432Node\AppID", r"HKLM\SOFTWARE\Classes\AppID"),
        (r"HKLM\SOFTWARE\WOW6432Node\Classes\AppID", r"HKLM\SOFTWARE\Classes\AppID"),
        (r"HKCR\AppID", r"HKLM\SOFTWARE\Classes\AppID"),
        (r"HKCR\Wow6432Node\AppID", r"HKLM\SOFTWARE\Classes\AppID"),
        (r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Ole", OLE),
        (r"HKLM\SYSTEM\CurrentControlSet\Services", r"HKLM\SYSTEM\ControlSet001\Services"),
    ],
)
def test_shared_keys_are_one_key(registry: Registry, alias: str, true_key: str) -> None:
    registry.create_key(ADMIN, alias + "\\Probe")
    assert "Probe" in registry.enum_keys(ADMIN, true_key)


@pytest.mark.parametrize(
    ("key", "seen_by_32_bit"),
    [  # one row of dcom.md 2.2 each
        (r"HKLM\SOFTWARE\Prediktor", r"HKLM\SOFTWARE\WOW6432Node\Prediktor"),
        (r"HKLM\SOFTWARE\Classes", r"HKLM\SOFTWARE\Classes"),
        (r"HKLM\SOFTWARE\Classes\AppID\{x}", r"HKLM\SOFTWARE\Classes\AppID\{x}"),
        (r"HKLM\SOFTWARE\Classes\CLSID\{x}", r"HKLM\SOFTWARE\Classes\Wow6432Node\CLSID\{x}"),
        (r"HKCR\Interface\{x}", r"HKCR\Wow6432Node\Interface\{x}"),
        (r"HKLM\SOFTWARE\Classes\TypeLib\{x}", r"HKLM\SOFTWARE\Classes\TypeLib\{x}"),
        (r"HKLM\SOFTWARE\Classes\Prediktor.ApisOPCServer.1", r"HKLM\SOFTWARE\Classes\Prediktor.ApisOPCServer.1"),
        (OLE, OLE),
        (OLE + r"\AppCompat", OLE + r"\AppCompat"),
        (r"HKLM\SOFTWARE\Microsoft\Rpc\Internet", r"HKLM\SOFTWARE\Microsoft\Rpc\Internet"),
        (r"HKLM\SOFTWARE\Policies\Microsoft", r"HKLM\SOFTWARE\Policies\Microsoft"),
        (
            r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System",
            r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System",
        ),
        (r"HKLM\SOFTWARE\Microsoft\Windows NT", r"HKLM\SOFTWARE\WOW6432Node\Microsoft\Windows NT"),
        (r"HKLM\SYSTEM\CurrentControlSet", r"HKLM\SYSTEM\CurrentControlSet"),
    ],
)
def test_32_bit_view(key: str, seen_by_32_bit: str) -> None:
    assert view32(key) == seen_by_32_bit
    assert view32(seen_by_32_bit) == seen_by_32_bit


def test_hkcu_is_the_hive_of_the_caller_or_else_the_default_one(registry: Registry) -> None:
    registry.create_key(None, rf"HKU\{ADMIN.sid}\Software")
    registry.create_key(ADMIN, r"HKCU\Software\Vendor")
    assert registry.enum_keys(None, rf"HKU\{ADMIN.sid}\Software") == ["Vendor"]
    registry.create_key(None, r"HKU\.DEFAULT\Control Panel")
    assert registry.enum_keys(USER, "HKCU") == ["Control Panel"]


def test_hkcr_merges_the_classes_of_the_user(registry: Registry) -> None:
    registry.create_key(None, rf"HKU\{ADMIN.sid}\Software\Classes\Mine")
    assert registry.key_exists(ADMIN, r"HKCR\Mine")
    assert not registry.key_exists(USER, r"HKCR\Mine")
    registry.create_key(ADMIN, r"HKCR\Vendor.Server.1")
    assert registry.key_exists(None, r"HKLM\SOFTWARE\Classes\Vendor.Server.1")


@pytest.mark.parametrize(
    ("value", "type_", "data"),
    [  # type numbers: winnt.h REG_*; strings are UTF-16LE with NUL
        (RegistryValue.sz("Y"), 1, b"Y\0\0\0"),
        (RegistryValue.expand_sz("%a%"), 2, b"%\0a\0%\0\0\0"),
        (RegistryValue.binary(b"\1\2"), 3, b"\1\2"),
        (RegistryValue.dword(0xFFFFFFFF), 4, b"\xff\xff\xff\xff"),
        (RegistryValue.multi_sz(["a", "b"]), 7, b"a\0\0\0b\0\0\0\0\0"),
        (RegistryValue.multi_sz([]), 7, b"\0\0"),
        (RegistryValue.qword(1), 11, b"\1" + bytes(7)),
        (RegistryValue(0, b""), 0, b""),
        (RegistryValue(0x1234, b"?"), 0x1234, b"?"),
    ],
)
def test_all_value_types_keep_their_bytes(registry: Registry, value: RegistryValue, type_: int, data: bytes) -> None:
    registry.write_value(ADMIN, OLE, "v", value)
    read = registry.read_value(ADMIN, OLE, "v")
    assert read is not None
    assert (read.type, read.data) == (type_, data)


def test_text_readers_stop_at_nul_and_cut_half_characters() -> None:
    assert RegistryValue(1, b"a\0\0\0b\0").text == "a"
    assert RegistryValue(1, b"a\0b").text == "a"
    assert RegistryValue(7, b"a\0\0\0\0\0b\0\0\0").texts == ["a"]


def test_each_change_is_journaled_with_before_and_after(registry: Registry) -> None:
    journal = registry._journal
    journal.records.clear()
    registry.write_value(ADMIN, OLE, "LegacyAuthenticationLevel", RegistryValue.dword(5))
    registry.write_value(ADMIN, OLE, "LegacyAuthenticationLevel", RegistryValue.dword(6))
    registry.delete_value(ADMIN, OLE, "LegacyAuthenticationLevel")
    assert [(item.action, item.before, item.after, item.caller) for item in journal.records] == [
        ("write_value", None, RegistryValue.dword(5), ADMIN.account_name),
        ("write_value", RegistryValue.dword(5), RegistryValue.dword(6), ADMIN.account_name),
        ("delete_value", RegistryValue.dword(6), None, ADMIN.account_name),
    ]
    assert journal.records[0].target == (OLE, "LegacyAuthenticationLevel")


def test_a_refused_change_and_a_read_leave_no_record(registry: Registry) -> None:
    registry._journal.records.clear()
    registry.enum_values(ADMIN, OLE)
    assert code_of(registry.write_value, USER, OLE, "x", RegistryValue.sz("")) == 5
    assert registry._journal.records == []


def test_a_snapshot_is_untouched_by_later_changes_and_exports_bytes(registry: Registry) -> None:
    before, text = registry.snapshot(), registry.export()
    registry.write_value(ADMIN, OLE, "EnableDCOM", RegistryValue.sz("y"))
    assert export_text(before) == text != registry.export()
    registry.write_value(ADMIN, OLE, "EnableDCOM", RegistryValue.sz("Y"))
    assert registry.export() == text


def test_volatile_keys_are_lost_at_reboot_and_take_their_subkeys_along(registry: Registry) -> None:
    before = registry.export()
    registry.create_key(None, OLE + r"\Pending", is_volatile=True)
    registry.tree.drop_volatile()
    assert registry.export() == before


def test_links_that_run_in_a_circle_end_with_an_error() -> None:
    tree = RegistryTree(KeyNode(""))
    tree.create(("HKLM", "a"), link=("HKLM", "a"))
    with pytest.raises(RegistryError, match="too many"):
        tree.find(("HKLM", "a"))
