# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoding what three versions of ansible-core send (ansible.md 1.3), and refusing the rest."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from simulator.powershell.argument_spec import ModuleFailure, Option, check_arguments, visible_arguments
from simulator.powershell.decode import DecodeError, ModuleCall, Script, decode, script_of


def encoded(script: str) -> str:
    return base64.b64encode(script.encode("utf-16-le")).decode()


def call_2_21(name: str, **arguments: Any) -> tuple[str, bytes]:
    """One Command, the NULs on a line of their own, arguments in the variable complex_args."""
    bootstrap = (
        'if ($PSVersionTable.PSVersion -lt [Version]"5.1") {\n    \'{"failed":true,"msg":"old"}\'\n    exit 1\n}'
    )
    line = f"-NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand {encoded(bootstrap)}"
    values = {**arguments, "_ansible_module_name": name, "_ansible_check_mode": False, "_ansible_diff": True}
    first = {"name": "exec_wrapper", "script": "param()", "params": {}}
    variables = [{"Name": "other", "Value": 1}, {"Name": "complex_args", "Value": values, "Scope": "Global"}]
    second = {
        "scripts": {},
        "actions": [{"name": "module_wrapper.ps1", "params": {"Script": "x.ps1", "Variables": variables}}],
    }
    return line, json.dumps(first).encode() + b"\n\0\0\0\0\n" + json.dumps(second).encode()


def call_2_16(name: str, **arguments: Any) -> tuple[str, bytes]:
    """PowerShell with its arguments, the script in it another PowerShell command; plain PowerShell before the NULs."""
    inner = f"PowerShell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand {encoded('&chcp')}"
    line = f"-NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand {encoded(inner)}"
    values = {**arguments, "_ansible_module_name": name, "_ansible_check_mode": True, "_ansible_diff": False}
    second = {"module_entry": "", "module_args": values, "actions": ["module_powershell_wrapper"]}
    return line, b"begin { $x = 1 }" + b"\0\0\0\0" + json.dumps(second).encode()


def decoded(line: str, stdin: bytes) -> ModuleCall | Script:
    return decode(script_of(line), stdin)


def test_a_module_of_2_21() -> None:
    call = decoded(*call_2_21("ansible.windows.win_ping", data='größer & "quoted"'))
    assert isinstance(call, ModuleCall)
    assert (call.name, call.arguments) == ("ansible.windows.win_ping", {"data": 'größer & "quoted"'})
    assert (call.is_check_mode, call.wants_diff) == (False, True)


def test_a_module_of_2_16_is_nested_twice() -> None:
    line, stdin = call_2_16("ansible.windows.win_ping")
    assert script_of(line) == "&chcp"
    call = decoded(line, stdin)
    assert isinstance(call, ModuleCall)
    assert call.name == "ansible.windows.win_ping"
    assert (call.is_check_mode, call.wants_diff) == (True, False)


def test_a_script_has_no_manifest() -> None:
    assert decoded(f"-EncodedCommand {encoded('whoami')}", b"") == Script("whoami")
    assert decoded(f'-encodedcommand "{encoded("whoami")}"', b"") == Script("whoami")


@pytest.mark.parametrize(
    ("line", "stdin"),
    [
        ("-Command whoami", b""),
        ("-EncodedCommand AAA", b""),
        (f"-EncodedCommand {encoded('x')}", b"\0\0\0\0not json"),
        (f"-EncodedCommand {encoded('x')}", b"\0\0\0\0[1]"),
        (f"-EncodedCommand {encoded('x')}", b'\0\0\0\0{"actions": ["x"]}'),
        (f"-EncodedCommand {encoded('x')}", b'\0\0\0\0{"actions": [{"params": {"Variables": []}}]}'),
        (f"-EncodedCommand {encoded('x')}", b'\0\0\0\0{"module_args": {"name": "x"}}'),
        (f"-EncodedCommand {encoded('x')}", b"\0\0\0\0\xff\xfe"),
    ],
)
def test_anything_else_is_no_call(line: str, stdin: bytes) -> None:
    with pytest.raises(DecodeError):
        decoded(line, stdin)


def test_every_cut_of_a_manifest_is_refused_or_a_script() -> None:
    line, stdin = call_2_21("ansible.windows.win_ping", data="x")
    for end in range(len(stdin)):
        try:
            request = decoded(line, stdin[:end])
        except DecodeError:
            continue
        assert isinstance(request, Script)  # the NULs are not there yet


SPEC = {
    "name": Option(required=True, aliases=("title",)),
    "state": Option(default="present", choices=("present", "absent")),
    "flag": Option("bool"),
    "count": Option("int"),
    "items": Option("list"),
    "secret": Option(no_log=True),
    "members": Option("dict", options={"add": Option("list"), "set": Option("list")}, exclusive=(("set", "add"),)),
}


def test_arguments_are_converted_as_ansible_basic_does() -> None:
    given = {"Title": 5, "STATE": "Absent", "flag": "yes", "count": "7", "items": "a, b", "members": {"add": "x"}}
    assert check_arguments("m", SPEC, given) == {
        "name": "5", "state": "absent", "flag": True, "count": 7, "items": ["a", "b"], "secret": None,
        "members": {"add": ["x"], "set": None},
    }  # fmt: skip


NO_BOOLEAN = (
    "argument for flag is of type System.String and we were unable to convert to bool: The value 'maybe' is not a "
    "valid boolean. Valid booleans include: y, yes, on, 1, true, t, 1.0, n, no, off, 0, false, f, 0.0"
)
UNKNOWN = (
    "Unsupported parameters for (m) module: nmae, zz. Supported parameters include: count, flag, items, members, name, "
    "secret, state, title"
)
UNKNOWN_MEMBER = "Unsupported parameters for (m) module: ad found in members. Supported parameters include: add, set"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "missing required arguments: name"),
        ({"name": "x", "nmae": "y", "zz": 1}, UNKNOWN),
        ({"name": "x", "state": "gone"}, "value of state must be one of: present, absent. Got no match for: gone"),
        ({"name": "x", "flag": "maybe"}, NO_BOOLEAN),
        (
            {"name": "x", "members": {"add": [], "set": []}},
            "parameters are mutually exclusive: set, add found in members",
        ),
        ({"name": "x", "members": {"ad": []}}, UNKNOWN_MEMBER),
    ],
)
def test_refusals_carry_the_messages_of_ansible_basic(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ModuleFailure) as caught:
        check_arguments("m", SPEC, arguments)
    assert caught.value.message == message


def test_secrets_are_not_repeated() -> None:
    assert visible_arguments(SPEC, {"name": "x", "secret": "s"}) == {
        "name": "x", "secret": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER",
    }  # fmt: skip
