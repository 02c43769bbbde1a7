# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What searches print becomes classes, ProgIDs and products, and nothing else does. Categories: dcom.md 2.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._opc_search import (
    FoundClass,
    SearchHits,
    can_be_queried,
    parse_hits,
    search_lines,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryKey

CLSID = "{8E423571-A67B-11D2-9418-00608CF4C421}"
DA1, DA2 = "{63D5F430-CFE4-11D1-B2C8-0060083BA1FB}", "{63D5F432-CFE4-11D1-B2C8-0060083BA1FB}"
CLASSES = r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes"
UNINSTALL = r"HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall"


def test_one_line_of_cmd_takes_all_searches() -> None:
    line = " & ".join(search_lines())
    assert len(line) < 7500
    assert line.count("reg.exe query") == 11


def test_both_views_and_all_categories_of_a_class() -> None:
    output = (
        f"\r\n{CLASSES}\\CLSID\\{CLSID}\\Implemented Categories\\{DA1}\r\n\r\nEnd of search: 1 match(es) found.\r\n"
        f"\r\n{CLASSES}\\clsid\\{CLSID.lower()}\\implemented categories\\{DA2.lower()}\r\n\r\nEnde der Suche: 1\r\n"
        f"\r\n{CLASSES}\\WOW6432Node\\CLSID\\{CLSID}\\Implemented Categories\\{DA2}\r\n"
    )
    assert parse_hits(output) == SearchHits(
        (FoundClass(CLSID, 0, ("da_1_0", "da_2_0")), FoundClass(CLSID, 1, ("da_2_0",))), finished=2
    )


def test_prog_ids_and_products() -> None:
    output = (
        f"\r\n{CLASSES}\\Vendor.Old\\OPC\r\n\r\nEnd of search: 1 match(es) found.\r\n\r\n{UNINSTALL}\\{{x}}\r\n"
        "    DisplayName    REG_SZ    OPC Core Components Redistributable (x86) 105.1\r\n\r\nEnd of search: 1\r\n"
    )
    key = RegistryKey(UNINSTALL.partition("\\")[2] + r"\{x}")
    assert parse_hits(output) == SearchHits((), ("Vendor.Old",), (key,), finished=2)


@pytest.mark.parametrize(
    "path",
    [
        rf"{CLASSES}\CLSID\{CLSID}\Required Categories\{DA2}",
        rf"{CLASSES}\CLSID\{CLSID}\{DA2}",
        rf"{CLASSES}\CLSID\{CLSID}\Implemented Categories\{DA2[:-2]}0}}",
        rf"{CLASSES}\CLSID\{CLSID}\Implemented Categories\{DA2}\x",
        rf"{CLASSES}\CLSID\{CLSID[:-2]}}}\Implemented Categories\{DA2}",
        rf"{CLASSES}\CLSID\%PATH% & calc\Implemented Categories\{DA2}",
        rf"{CLASSES}\Other\CLSID\{CLSID}\Implemented Categories\{DA2}",
        rf"HKEY_CURRENT_USER\SOFTWARE\Classes\CLSID\{CLSID}\Implemented Categories\{DA2}",
        rf"    {CLASSES}\CLSID\{CLSID}\Implemented Categories\{DA2}",
        rf"{CLASSES}\OPC",
        rf"{CLASSES}\A\B\OPC",
        rf"{CLASSES}\A\OPCX",
        rf"{CLASSES}\%PATH%\OPC",
        rf'{CLASSES}\a" & calc & "\OPC',
        rf"{UNINSTALL}\%x%",
        rf"{UNINSTALL}\a\b",
    ],
)
def test_what_has_another_shape_is_no_hit(path: str) -> None:
    found = parse_hits(f"\r\n{path}\r\n")
    assert (found.classes, found.prog_ids, found.products) == ((), (), ())


def test_what_is_looked_at_is_bounded() -> None:
    lines = (f"{CLASSES}\\Vendor.{number}\\OPC\r\n" for number in range(500))
    found = parse_hits("".join(lines))
    assert (len(found.prog_ids), found.is_cut) == (200, True)
    noise = (f"{CLASSES}\\Vendor.{number}\\Noise\r\n" for number in range(30_000))
    assert parse_hits("".join(noise)).is_cut


@given(
    st.lists(st.text(max_size=60) | st.sampled_from([CLASSES, "\\CLSID\\", CLSID, "\\OPC", "\r\n", DA2]), max_size=30)
)
def test_nothing_that_is_printed_is_an_error(parts: list[str]) -> None:
    found = parse_hits("".join(parts))
    assert all(item.specifications for item in found.classes)
    assert not [name for name in found.prog_ids if set(name) & set('"%\\\r\n')]


@pytest.mark.parametrize(
    ("name", "is_queried"),
    [
        ("A.B.1", True),
        ("a" * 255, True),
        ("a" * 256, False),
        ("a" * 300, False),
        ("", False),
        *((f"a{character}b", False) for character in '"%\\\r\n'),
        ("a b&c^d(e)", True),
    ],
)
def test_names_of_keys_that_cmd_passes_on(name: str, is_queried: bool) -> None:
    # A key has at most 255 characters (Win32 "Registry Element Size Limits").
    assert can_be_queried(name) is is_queried
