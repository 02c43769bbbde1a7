# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The .reg format: texts as Microsoft's page and exports show them, and Wine's import gives the same values."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._plan import CreateKey, DeleteKey, SetValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._reg_file import to_reg_file
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryKey, RegistryType, RegistryValue

KEY = RegistryKey("SOFTWARE\\otsec\\try")
VALUES = {
    "number": RegistryValue.dword(0xFFFFFFFF),
    "large": RegistryValue(RegistryType.QWORD, (1 << 64) - 2),
    "bytes": RegistryValue.binary(bytes(range(256))),
    "one byte": RegistryValue.binary(b"\x80"),
    "text": RegistryValue.string('C:\\Program Files\\"quoted"\\; = [x] Ä'),
    "texts": RegistryValue.multi_string("one", "two words"),
    "expand": RegistryValue(RegistryType.EXPAND_SZ, "%SystemRoot%\\x"),
    'na"me\\with': RegistryValue.dword(1),
    "": RegistryValue.string("unnamed"),
}


def written(*operations: SetValue | CreateKey | DeleteKey) -> str:
    data = to_reg_file(operations)
    assert data.startswith(b"\xff\xfe")
    return data[2:].decode("utf-16-le")


def setting(value: RegistryValue | None, name: str = "x") -> str:
    return written(SetValue(KEY, name, None, value)).split("\r\n")[3]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (RegistryValue.dword(5), '"x"=dword:00000005'),
        (RegistryValue.string("a\\b"), '"x"="a\\\\b"'),
        (RegistryValue.binary(b"\x01\x00\x14"), '"x"=hex:01,00,14'),
        (RegistryValue(RegistryType.EXPAND_SZ, "%"), '"x"=hex(2):25,00,00,00'),
        (RegistryValue.multi_string("a"), '"x"=hex(7):61,00,00,00,00,00'),
        (RegistryValue(RegistryType.QWORD, 1), '"x"=hex(b):01,00,00,00,00,00,00,00'),
        (None, '"x"=-'),
    ],
    ids=str,
)
def test_a_value_as_exports_show_it(value: RegistryValue | None, line: str) -> None:
    assert setting(value) == line


def test_keys_are_named_in_order_and_again_where_the_operations_come_back() -> None:
    other = KEY.child("other")
    text = written(
        CreateKey(KEY),
        SetValue(KEY, "", None, RegistryValue.string("a")),
        SetValue(other, "b", None, RegistryValue.dword(1)),
        SetValue(KEY, "c", None, None),
        DeleteKey(other),
    )
    assert text == (
        "Windows Registry Editor Version 5.00\r\n\r\n"
        '[HKEY_LOCAL_MACHINE\\SOFTWARE\\otsec\\try]\r\n@="a"\r\n\r\n'
        '[HKEY_LOCAL_MACHINE\\SOFTWARE\\otsec\\try\\other]\r\n"b"=dword:00000001\r\n\r\n'
        '[HKEY_LOCAL_MACHINE\\SOFTWARE\\otsec\\try]\r\n"c"=-\r\n\r\n'
        "[-HKEY_LOCAL_MACHINE\\SOFTWARE\\otsec\\try\\other]\r\n\r\n"
    )


@pytest.mark.parametrize("text", ["a\r\n[-HKEY_LOCAL_MACHINE\\SYSTEM]", "a\nb", "a\0b"])
def test_no_text_can_begin_a_line_of_its_own(text: str) -> None:
    with pytest.raises(DomainError, match="cannot stand in a"):
        setting(RegistryValue.string(text))
    with pytest.raises(DomainError, match="cannot stand in a"):
        setting(RegistryValue.dword(1), name=text)


@pytest.mark.slow
@pytest.mark.wine
def test_wine_imports_them_and_exports_the_same(tmp_path: Path) -> None:
    if shutil.which("wine") is None:
        pytest.skip("comparison with Wine's reg import left out: wine is not installed")
    path, exported = tmp_path / "values.reg", tmp_path / "exported.reg"
    gone = SetValue(KEY, "gone", None, None)
    path.write_bytes(to_reg_file([*(SetValue(KEY, name, None, value) for name, value in VALUES.items()), gone]))
    home = {"WINEPREFIX": str(tmp_path / "prefix"), "WINEDEBUG": "-all", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}

    def wine(*arguments: str) -> None:
        subprocess.run(["wine", "reg", *arguments], env=home, capture_output=True, timeout=300, check=True)

    wine("add", f"HKLM\\{KEY.path}", "/v", "gone", "/d", "x", "/f")
    wine("import", str(path))
    wine("export", f"HKLM\\{KEY.path}", str(exported))

    lines = exported.read_bytes().decode("utf-16").replace(",\\\r\n  ", ",").splitlines()
    assert sorted(lines[3:-1]) == sorted(path.read_bytes().decode("utf-16").splitlines()[3:-2])
