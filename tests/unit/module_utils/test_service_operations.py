# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations on services: what they say, what takes them back, how they are kept in the journal, in which order."""

from __future__ import annotations

import json
import random

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryKey, RegistryType, RegistryValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._service_operations import (
    RegisterServer,
    ServiceOperation,
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    UnregisterServer,
    dump_service_operation,
    in_service_order,
    load_service_operation,
)

KEY = RegistryKey(r"HKLM\SOFTWARE\Classes\AppID\{13486D44-4821-11D2-A494-3CB306C10000}")
REGISTER = RegisterServer(
    "OpcEnum",
    r"C:\OpcEnum.exe",
    KEY,
    kept=(("AccessPermission", RegistryValue.binary(b"\x01\x00")), ("LaunchPermission", None)),
    values_before=(("LocalService", None), ("AuthenticationLevel", RegistryValue(RegistryType.DWORD, 5))),
)
CASES: list[tuple[ServiceOperation, str, str]] = [
    (
        SetStartMode("OpcEnum", "Manual", "Auto"),
        "set the start mode of service OpcEnum to Auto",
        "set the start mode of service OpcEnum to Manual",
    ),
    (
        SetServiceAccount("OpcEnum", r".\opc", "LocalSystem"),
        "run service OpcEnum as LocalSystem",
        r"run service OpcEnum as .\opc",
    ),
    (SetRunning("OpcEnum", before=False, after=True), "start service OpcEnum", "stop service OpcEnum"),
    (SetRunning("OpcEnum", before=True, after=False), "stop service OpcEnum", "start service OpcEnum"),
    (REGISTER, r"register C:\OpcEnum.exe as service OpcEnum", "remove service OpcEnum"),
    (UnregisterServer(REGISTER), "remove service OpcEnum", r"register C:\OpcEnum.exe as service OpcEnum"),
]


@pytest.mark.parametrize(("operation", "said", "inverse_said"), CASES)
def test_an_operation_says_what_it_does_and_what_takes_it_back(
    operation: ServiceOperation, said: str, inverse_said: str
) -> None:
    assert operation.describe() == said
    assert operation.inverse().describe() == inverse_said
    assert operation.inverse().inverse() == operation


@pytest.mark.parametrize("operation", [case[0] for case in CASES])
def test_the_journal_gives_back_what_it_was_given(operation: ServiceOperation) -> None:
    dumped = json.loads(json.dumps(dump_service_operation(operation)))
    assert load_service_operation(dumped) == operation


@pytest.mark.parametrize(
    ("item", "error", "words"),
    [
        (["restart", "OpcEnum"], ValueError, "unknown operation 'restart'"),
        (["unstart-mode", "OpcEnum", "Auto", "Auto"], ValueError, "unknown operation 'unstart-mode'"),
        (["start-mode", 5, "Auto", "Manual"], TypeError, "5 is not a text"),
        (["start-mode", "OpcEnum", "Auto", None], TypeError, "None is not a text"),
        (["running", "OpcEnum", True, "no"], TypeError, "'no' is not"),
        (["running", "OpcEnum", 1, True], TypeError, "1 is not"),
        (["register", "OpcEnum", "x.exe", KEY.path, {}, []], TypeError, r"\{\} is not a list of values"),
        (["register", "OpcEnum", "x.exe", KEY.path, [], [[7, None]]], TypeError, "7 is not a text"),
    ],
)
def test_what_is_no_operation_is_refused(item: list[object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        load_service_operation(item)


@pytest.mark.parametrize("seed", range(6))
def test_each_service_stops_changes_and_starts_and_all_else_stays_in_its_place(seed: int) -> None:
    stop, start = SetRunning("A", before=True, after=False), SetRunning("a", before=False, after=True)
    change, account = SetStartMode("A", "Auto", "Manual"), SetServiceAccount("A", "x", "y")
    other = SetRunning("B", before=False, after=True)
    own: list[ServiceOperation] = [stop, change, account, start]
    random.Random(seed).shuffle(own)
    mixed = [REGISTER, own[0], other, own[1], own[2], "a file", own[3]]
    ordered = in_service_order(mixed)
    assert [ordered[0], ordered[2], ordered[5]] == [REGISTER, other, "a file"]
    mine = [ordered[place] for place in (1, 3, 4, 6)]
    assert (mine[0], mine[3]) == (stop, start)
    # Changes keep the order they came in.
    assert mine[1:3] == [item for item in own if item in (change, account)]
