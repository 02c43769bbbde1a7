# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""reg.exe. Layouts and edge cases are those of Wine's conformance tests, which run on Windows too (named per test)."""

from __future__ import annotations

import pytest
from hosts import administrator, operator, run

from simulator.baseline import WMI_APP_ID
from simulator.cim import Caller
from simulator.host import SimulatedHost
from simulator.subsystems.registry_value import RegistryValue

KEY = r"HKLM\SOFTWARE\reg_test"
SHOWN = "HKEY_LOCAL_MACHINE\\SOFTWARE\\reg_test"
NOT_FOUND = "ERROR: The system was unable to find the specified registry key or value.\r\n"
SUCCESS = "The operation completed successfully.\r\n"
_sz, _dword = RegistryValue.sz, RegistryValue.dword


@pytest.fixture
def host() -> SimulatedHost:
    return SimulatedHost("opcsrv01")


@pytest.fixture
def admin(host: SimulatedHost) -> Caller:
    return administrator(host)


@pytest.fixture
def filled(host: SimulatedHost) -> SimulatedHost:
    """The keys of query.c test_query."""
    host.registry.put(KEY, "Test1", _sz("Hello, World"))
    host.registry.put(KEY, "Test2", _dword(0x123))
    host.registry.put(KEY, "Wine", _sz("First instance"))
    host.registry.put(KEY + r"\subkey", "Test3", _sz("Some string data"))
    host.registry.put(KEY + r"\subkey", "Test4", _dword(0xABC))
    host.registry.put(KEY + r"\subkey", "Wine", _sz("Second instance"))
    return host


def output(host: SimulatedHost, caller: Caller, line: str) -> str:
    result = run(host, caller, line)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def failure(host: SimulatedHost, caller: Caller, line: str) -> str:
    result = run(host, caller, line)
    assert (result.exit_code, result.stdout) == (1, "")
    return result.stderr


# Query: query.c


TOP = (
    f"{SHOWN}\r\n    Test1    REG_SZ    Hello, World\r\n    Test2    REG_DWORD    0x123\r\n"
    "    Wine    REG_SZ    First instance\r\n\r\n"
)
BELOW = (
    f"{SHOWN}\\subkey\r\n    Test3    REG_SZ    Some string data\r\n    Test4    REG_DWORD    0xabc\r\n"
    "    Wine    REG_SZ    Second instance\r\n\r\n"
)


def test_values_then_names_of_subkeys(filled: SimulatedHost, admin: Caller) -> None:
    assert output(filled, admin, f"reg query {KEY}") == f"\r\n{TOP}{SHOWN}\\subkey\r\n"  # test3


def test_everything_below(filled: SimulatedHost, admin: Caller) -> None:
    assert output(filled, admin, f"reg query {KEY} /s") == f"\r\n{TOP}{BELOW}"  # test6
    assert output(filled, admin, f"reg query {KEY}\\ /s") == f"\r\n{TOP}{BELOW}"


def test_one_value(filled: SimulatedHost, admin: Caller) -> None:
    found = output(filled, admin, f"reg query {KEY}\\subkey /v test4")
    assert found == f"\r\n{SHOWN}\\subkey\r\n    Test4    REG_DWORD    0xabc\r\n\r\n"  # test5


def test_one_value_everywhere(filled: SimulatedHost, admin: Caller) -> None:
    assert output(filled, admin, f"reg query {KEY} /v Wine /s") == (  # test7
        f"\r\n{SHOWN}\r\n    Wine    REG_SZ    First instance\r\n\r\n"
        f"{SHOWN}\\subkey\r\n    Wine    REG_SZ    Second instance\r\n\r\n"
        "End of search: 2 match(es) found.\r\n"
    )
    nothing = run(filled, admin, f"reg query {KEY} /v Missing /s")
    assert (nothing.exit_code, nothing.stdout) == (1, "End of search: 0 match(es) found.\r\n")


def test_keys_without_values(host: SimulatedHost, admin: Caller) -> None:
    for name in ("subkey2", "subkey1"):
        host.registry.create_key(None, f"{KEY}\\{name}")
    listed = output(host, admin, f"reg query {KEY}")
    assert listed == f"\r\n{SHOWN}\\subkey1\r\n{SHOWN}\\subkey2\r\n"  # test8a
    all_below = output(host, admin, f"reg query {KEY} /s")
    assert all_below == f"\r\n{SHOWN}\\subkey1\r\n\r\n{SHOWN}\\subkey2\r\n\r\n"  # test8b


def test_the_default_value_is_named_by_the_ui_language(host: SimulatedHost, admin: Caller) -> None:
    host.registry.put(KEY, "", _sz("d"))
    assert output(host, admin, f"reg query {KEY} /ve") == f"\r\n{SHOWN}\r\n    (Default)    REG_SZ    d\r\n\r\n"
    german = SimulatedHost("g", ui_language="de-DE")
    german.registry.put(KEY, "", _sz("d"))
    shown = output(german, administrator(german), f"reg query {KEY}")
    assert shown == f"\r\n{SHOWN}\r\n    (Standard)    REG_SZ    d\r\n\r\n"


def test_a_default_value_that_is_not_set_is_no_error(host: SimulatedHost, admin: Caller) -> None:
    host.registry.create_key(None, KEY)
    assert "    (Default)    REG_SZ    (value not set)\r\n" in output(host, admin, f"reg query {KEY} /ve")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (_sz("two  words"), "REG_SZ    two  words"),
        (RegistryValue.expand_sz("%x%"), "REG_EXPAND_SZ    %x%"),
        (RegistryValue.binary(b"\1\xab\0"), "REG_BINARY    01AB00"),
        (RegistryValue.binary(b""), "REG_BINARY    "),
        (_dword(0), "REG_DWORD    0x0"),
        (_dword(0xFFFFFFFF), "REG_DWORD    0xffffffff"),
        (RegistryValue.qword(0x1DD42B0BC08A525), "REG_QWORD    0x1dd42b0bc08a525"),
        (RegistryValue.multi_sz(["a", "b c"]), r"REG_MULTI_SZ    a\0b c"),
        (RegistryValue(0, b""), "REG_NONE    "),
        (RegistryValue(9, b"\xff\0"), "REG_FULL_RESOURCE_DESCRIPTOR    FF00"),
        (RegistryValue(4, b"\1\2"), "REG_DWORD    0102"),
    ],
)
def test_how_values_are_printed(host: SimulatedHost, admin: Caller, value: RegistryValue, text: str) -> None:
    host.registry.put(KEY, "v", value)
    assert output(host, admin, f"reg query {KEY} /v v") == f"\r\n{SHOWN}\r\n    v    {text}\r\n\r\n"


def test_missing_keys_and_values(filled: SimulatedHost, admin: Caller) -> None:
    assert failure(filled, admin, f"reg query {KEY}\\nothing") == NOT_FOUND
    assert failure(filled, admin, f"reg query {KEY} /v Missing") == NOT_FOUND
    german = SimulatedHost("g", ui_language="de-DE")
    text = failure(german, administrator(german), f"reg query {KEY}")
    assert text == "FEHLER: Der angegebene Registrierungsschlüssel bzw. Wert wurde nicht gefunden.\r\n"


@pytest.mark.parametrize("view", ["", " /reg:32", " /reg:64"])
def test_views(host: SimulatedHost, admin: Caller, view: str) -> None:
    host.registry.put(r"HKLM\SOFTWARE\WOW6432Node\reg_test", "v", _sz("32"))
    host.registry.put(KEY, "v", _sz("64"))
    expected = "32" if view == " /reg:32" else "64"
    assert output(host, admin, f"reg query {KEY} /v v{view}") == (
        f"\r\n{SHOWN}\r\n    v    REG_SZ    {expected}\r\n\r\n"  # the key is shown as it was asked for
    )


def test_access_denied(host: SimulatedHost, admin: Caller) -> None:
    assert failure(host, admin, r"reg query HKLM\SAM") == "ERROR: Access is denied.\r\n"
    line = rf"reg add HKLM\SOFTWARE\Classes\AppID\{WMI_APP_ID} /v x /f"
    assert failure(host, admin, line) == "ERROR: Access is denied.\r\n"
    assert failure(host, operator(host), rf"reg add {KEY} /f") == "ERROR: Access is denied.\r\n"


def test_keys_that_may_not_be_read_are_passed_over_in_a_tree(host: SimulatedHost, admin: Caller) -> None:
    listed = output(host, admin, "reg query HKLM /s")
    assert "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Ole\r\n" in listed
    assert "HKEY_LOCAL_MACHINE\\SAM" not in listed


# Command syntax: query.c, add.c, delete.c test_command_syntax and test_key_formats


@pytest.mark.parametrize(
    "line",
    [
        "reg",
        "reg query",
        f"reg query {KEY} /v",
        f"reg query {KEY} /v Test1 /v Test2",
        f"reg query {KEY} /v Test1 /ve",
        f"reg query {KEY} /s /s",
        f"reg query {KEY} /reg:32 /reg:64",
        f"reg query {KEY} /reg:64 /reg:64",
        f"reg query {KEY} /nothing",
        "reg add",
        f"reg add {KEY} /v Wine /t REG_DWORD /d 0x1 /v Test /f",
        f"reg add {KEY} /f /f",
        f"reg add {KEY} /v Wine /ve",
        f"reg add {KEY} /v invalid1 /a",
        f"reg add {KEY} /v invalid3 /",
        f'reg add {KEY} /v emptyType /t "" /d WineTest /f',
        r"reg add \HKLM\SOFTWARE\reg_test /f",
        r"reg add \\HKLM\SOFTWARE\reg_test /f",
        f"reg add {KEY}\\keytest2\\\\ /f",
        "reg add HKLM\\ /v Value1 /t REG_SZ /d foo /f",
        r"reg add HKXX\x /f",
        f"reg delete {KEY} /v Wine /va",
        f"reg delete {KEY} /ve /ve",
        "reg nothing",
    ],
)
def test_wrong_command_lines_change_nothing(host: SimulatedHost, admin: Caller, line: str) -> None:
    assert failure(host, admin, line).startswith("ERROR: ")
    assert host.journal.records == []


def test_operations_of_windows_that_are_not_simulated(host: SimulatedHost, admin: Caller) -> None:
    failure(host, admin, rf"reg export {KEY} C:\x.reg")
    assert [item.source for item in host.violations] == ["reg"]


# Add: add.c


@pytest.mark.parametrize(
    ("switches", "stored"),
    [
        ("/v test /d deadbeef /f", _sz("deadbeef")),
        ("/v test /f", _sz("")),
        ('/t REG_SZ /v test /f /d ""', _sz("")),
        ("/v test /t REG_EXpand_sz /d a%b /f", RegistryValue.expand_sz("a%b")),
        ("/v test /t REG_NONE /d deadbeef /f", RegistryValue(0, _sz("deadbeef").data)),
        ("/v test /t REG_NONE /f", RegistryValue(0, b"\0\0")),
        ("/t REG_BINARY /v test /f", RegistryValue.binary(b"")),
        ("/t REG_BINARY /v test /d deadbeef /f", RegistryValue.binary(b"\xde\xad\xbe\xef")),
        ("/t REG_BINARY /v test /f /d DeAdBeEf0DD", RegistryValue.binary(bytes.fromhex("0deadbeef0dd"))),
        ("/v test /t reg_dword /d 12345678 /f", _dword(12345678)),
        ("/v test /t REG_DWORD /D 0123 /f", _dword(123)),
        ("/v test /t REG_DWORD /d 0XdeadBEEF /f", _dword(0xDEADBEEF)),
        ("/v test /t REG_DWORD_LITTLE_ENDIAN /d 456 /f", _dword(456)),
        ("/v test /t REG_DWORD_BIG_ENDIAN /d 456 /f", RegistryValue(5, _dword(456).data)),
        ("/v test /t REG_QWORD /f", RegistryValue.qword(0)),
        ("/v test /t REG_QWORD /d -1 /f", RegistryValue.qword((1 << 64) - 1)),
        (
            r'/v test /t REG_MULTI_SZ /d "three\0little\0strings" /f',
            RegistryValue.multi_sz(["three", "little", "strings"]),
        ),
        ('/v test /t REG_MULTI_SZ /s "#" /d "a#b c" /f', RegistryValue.multi_sz(["a", "b c"])),
        ("/v test /t REG_MULTI_SZ /f", RegistryValue.multi_sz([])),
        ('/v test /t REG_MULTI_SZ /s "#" /d "a#" /f', RegistryValue.multi_sz(["a"])),
        ('/v test /t REG_MULTI_SZ /s "#" /d "#" /f', RegistryValue(7, bytes(4))),
        (r'/v test /t REG_MULTI_SZ /s "#" /d "two\0#strings" /f', RegistryValue.multi_sz([r"two\0", "strings"])),
    ],
)
def test_what_add_writes(host: SimulatedHost, admin: Caller, switches: str, stored: RegistryValue) -> None:
    assert output(host, admin, f"reg add {KEY} {switches}") == SUCCESS
    assert host.registry.get(KEY, "test") == stored


@pytest.mark.parametrize(
    "switches",
    [
        "/t REG_BINARY /v x /f /d 0xDeAdBeEf",
        "/t REG_BINARY /v x /f /d x01",
        "/v x /t REG_DWORD /f",
        "/v x /t REG_DWORD /d zzz /f",
        "/v x /t REG_DWORD /d deadbeef /f",
        "/v x /t REG_DWORD /d 0xabcdefg /f",
        "/v x /t REG_DWORD /d -1 /f",
        "/v x /t REG_DWORD /d 0x01ffffffff /f",
        "/v x /t REG_DWORD /d 00x123 /f",
        "/v x /t REG_QWORD /d -0x1 /f",
        "/v x /t REG_QWORD /d 18446744073709551616 /f",
        '/v x /t REG_MULTI_SZ /s "#random" /d "a#b" /f',
        '/v x /t REG_MULTI_SZ /s "" /d "a#b" /f',
        '/v x /t REG_MULTI_SZ /s "#" /d "##" /f',
        '/v x /t REG_MULTI_SZ /s "#" /d "two##strings" /f',
        '/v x /t REG_MULTI_SZ /s "#" /d "#a" /f',
        "/v x /t REG_SZ /f /d",
    ],
)
def test_data_that_add_refuses(host: SimulatedHost, admin: Caller, switches: str) -> None:
    assert failure(host, admin, f"reg add {KEY} {switches}").startswith("ERROR: Invalid syntax.")
    assert host.journal.records == []


def test_add_without_a_name_writes_an_empty_default_value(host: SimulatedHost, admin: Caller) -> None:
    output(host, admin, f"reg add {KEY}\\a\\b /f")
    assert host.registry.enum_values(None, f"{KEY}\\a\\b") == [("", _sz(""))]
    assert host.registry.enum_values(None, f"{KEY}\\a") == []


def test_add_with_a_name_leaves_the_default_value_alone(host: SimulatedHost, admin: Caller) -> None:
    output(host, admin, f'reg add {KEY} /v Test /t REG_SZ /d "Just me here" /f')
    assert host.registry.enum_values(None, KEY) == [("Test", _sz("Just me here"))]


def test_nobody_answers_the_question_whether_to_overwrite(filled: SimulatedHost, admin: Caller) -> None:
    failure(filled, admin, f"reg add {KEY} /v Test1 /d other")
    failure(filled, admin, f"reg delete {KEY} /v Test1")
    assert filled.registry.get(KEY, "Test1") == _sz("Hello, World")
    output(filled, admin, f"reg add {KEY} /v New /d other")


# Delete: delete.c


def test_delete(filled: SimulatedHost, admin: Caller) -> None:
    filled.registry.put(KEY, "", _sz("d"))
    assert output(filled, admin, f"reg delete {KEY} /v Test1 /f") == SUCCESS
    assert output(filled, admin, f"reg delete {KEY} /ve /f") == SUCCESS
    assert [name for name, _unused in filled.registry.enum_values(None, KEY)] == ["Test2", "Wine"]
    assert output(filled, admin, f"reg delete {KEY} /va /f") == SUCCESS
    assert filled.registry.enum_keys(None, KEY) == ["subkey"]
    assert output(filled, admin, f"reg delete {KEY} /f") == SUCCESS
    assert failure(filled, admin, f"reg delete {KEY} /f") == NOT_FOUND


def test_slashes_are_ordinary_characters(host: SimulatedHost, admin: Caller) -> None:
    output(host, admin, f"reg add {KEY}\\https://example.org /f")
    host.registry.put(KEY, r"\foo\bar", _sz(""))
    assert host.registry.enum_keys(None, KEY) == ["https://example.org"]
    assert output(host, admin, rf"reg delete {KEY} /v \foo\bar /f") == SUCCESS


# Policy


@pytest.mark.parametrize("value", [1, 2])
def test_the_policy_against_registry_tools(host: SimulatedHost, admin: Caller, value: int) -> None:
    key = rf"HKU\{admin.sid}\Software\Microsoft\Windows\CurrentVersion\Policies\System"
    host.registry.put(key, "DisableRegistryTools", _dword(value))
    text = "ERROR: Registry editing has been disabled by your administrator.\r\n"
    assert failure(host, admin, f"reg query {KEY}") == text
    assert failure(host, admin, f"reg add {KEY} /f") == text


# Searching


def test_keys_are_found_by_their_own_name(filled: SimulatedHost, admin: Caller) -> None:
    filled.registry.put(KEY + r"\subkey\Test", "x", _sz("y"))
    assert output(filled, admin, f"reg query {KEY} /s /k /f SUBKEY") == (
        f"\r\n{SHOWN}\\subkey\r\n\r\nEnd of search: 1 match(es) found.\r\n"
    )
    assert output(filled, admin, f"reg query {KEY} /s /k /f test /e").count("HKEY_") == 1
    nothing = run(filled, admin, f"reg query {KEY} /s /k /f tes /e")
    assert (nothing.exit_code, nothing.stdout) == (1, "End of search: 0 match(es) found.\r\n")


def test_strings_are_found_by_a_part(filled: SimulatedHost, admin: Caller) -> None:
    assert output(filled, admin, f'reg query {KEY} /s /d /f "string DATA"') == (
        f"\r\n{SHOWN}\\subkey\r\n    Test3    REG_SZ    Some string data\r\n\r\nEnd of search: 1 match(es) found.\r\n"
    )


def test_a_search_in_a_key_that_is_missing_fails(host: SimulatedHost, admin: Caller) -> None:
    assert failure(host, admin, r"reg query HKLM\SOFTWARE\Missing /s /k /f x") == NOT_FOUND


@pytest.mark.parametrize("switches", ["/f x", "/s /f x", "/s /k /f x*", "/s /k /d /f x", "/s /k", "/s /k /f x /c"])
def test_a_search_that_is_not_simulated_is_refused_and_recorded(
    host: SimulatedHost, admin: Caller, switches: str
) -> None:
    failure(host, admin, rf"reg query HKLM\SOFTWARE {switches}")
    assert [item for item in host.violations if "is not simulated" in str(item)]
