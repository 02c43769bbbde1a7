# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_operations import (
    FirewallAdd,
    FirewallDelete,
    FirewallSet,
    RuleChange,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import Direction, FirewallRule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._netsh import RuleSelector
from ansible_collections.otsec.opc_dcom.plugins.module_utils._operation_journal import (
    JOURNAL_VERSION,
    PART_CHARACTERS,
    dump_journal,
    is_part,
    load_journal,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._plan import CreateKey, DeleteKey, Operation, SetValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryKey, RegistryType, RegistryValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._service_operations import (
    RegisterServer,
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    UnregisterServer,
)

KEY = RegistryKey("SOFTWARE\\Microsoft\\Ole")
RULE = FirewallRule("OPC ÄÖ \\0 (in)", Direction.IN, program="C:\\0pc\\x.exe")
CHANGED = FirewallRule("OPC ÄÖ \\0 (in)", Direction.IN, enabled=False, program="C:\\0pc\\x.exe")
SELECTOR = RuleSelector.of(RULE)
REGISTRATION = RegisterServer(
    "OpcEnum",
    "C:\\Windows\\SysWOW64\\OpcEnum.exe",
    KEY,
    kept=(("AccessPermission", RegistryValue.binary(b"\x01\x00")), ("LaunchPermission", None)),
    values_before=(("LocalService", None),),
)

_texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=20)
_registry_values = st.one_of(
    st.none(),
    st.builds(RegistryValue.dword, st.integers(0, 0xFFFFFFFF)),
    st.builds(lambda number: RegistryValue(RegistryType.QWORD, number), st.integers(0, (1 << 64) - 1)),
    st.builds(RegistryValue.string, _texts),
    st.builds(lambda text: RegistryValue(RegistryType.EXPAND_SZ, text), _texts),
    st.builds(RegistryValue.binary, st.binary(max_size=200)),
    st.builds(lambda items: RegistryValue.multi_string(*items), st.lists(_texts, max_size=4)),
)
_operations = st.one_of(
    st.builds(SetValue, st.just(KEY), _texts, _registry_values, _registry_values),
    st.builds(CreateKey, st.just(KEY)),
    st.builds(DeleteKey, st.just(KEY)),
    st.builds(SetStartMode, _texts, _texts, _texts),
    st.builds(SetServiceAccount, _texts, _texts, _texts),
    st.builds(SetRunning, _texts, st.booleans(), st.booleans()),
    st.sampled_from(
        [
            REGISTRATION,
            UnregisterServer(REGISTRATION),
            FirewallAdd((RULE,), SELECTOR),
            FirewallDelete((RULE, CHANGED), SELECTOR, ("{A}", "{B}")),
            FirewallSet((RuleChange("{A}", RULE, CHANGED),), SELECTOR, SELECTOR),
        ]
    ),
)


@given(st.lists(_operations, max_size=6))
def test_a_journal_survives_writing_and_reading(operations: list[Operation]) -> None:
    values = dump_journal(operations)
    assert load_journal(values) == tuple(operations)
    for value in values.values():
        assert isinstance(value.data, tuple)
        assert all(line.isascii() and "\n" not in line for line in value.data)


@given(st.lists(_operations, min_size=1, max_size=6))
def test_no_line_holds_what_reg_exe_prints_between_strings(operations: list[Operation]) -> None:
    for value in dump_journal(operations).values():
        assert isinstance(value.data, tuple)
        assert not any("\\0" in line for line in value.data)


def long_journal() -> dict[str, RegistryValue]:
    blob = RegistryValue.binary(bytes(4000))
    return dump_journal([SetValue(KEY, f"value {number}", blob, None) for number in range(12)])


def test_a_long_journal_comes_in_parts_of_which_the_first_is_written_last() -> None:
    values = long_journal()
    assert list(values) == ["Journal.2", "Journal.3", "Journal.4", "Journal"]
    assert all(is_part(name) for name in values)
    for value in values.values():
        assert isinstance(value.data, tuple)
        assert sum(map(len, value.data)) <= PART_CHARACTERS + len(JOURNAL_VERSION) + 2
    assert len(load_journal(values)) == 12


def test_a_journal_without_its_first_part_is_none() -> None:
    values = long_journal()
    del values["Journal"]
    assert load_journal(values) == ()


def test_a_journal_that_lacks_another_part_is_refused() -> None:
    values = long_journal()
    del values["Journal.3"]
    with pytest.raises(HostStateError, match="Journal"):
        load_journal(values)


def test_no_value_is_no_journal() -> None:
    assert load_journal({}) == ()
    assert not is_part("PendingReboot")
    assert not is_part("Journalist")


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("otsec.opc_dcom journal 99", "1", "[]"),
        (JOURNAL_VERSION,),
        (JOURNAL_VERSION, "one"),
        *((JOURNAL_VERSION, count) for count in ("0", "-1", "+1", " 1", "1_0", "01", "\u0661", "1\n", "10000")),
        (JOURNAL_VERSION, "1", "not json"),
        (JOURNAL_VERSION, "1", "{}"),
        (JOURNAL_VERSION, "1", "[]"),
        (JOURNAL_VERSION, "1", '["format","C:"]'),
        (JOURNAL_VERSION, "1", '["set","A",1,null,null]'),
        (JOURNAL_VERSION, "1", '["set","A","b",[4,"x"],null]'),
        (JOURNAL_VERSION, "1", '["set","A","b",[3,"xyz"],null]'),
        (JOURNAL_VERSION, "1", '["set","","b",null,null]'),
        (JOURNAL_VERSION, "1", '["start-mode","OpcEnum","Auto"]'),
        (JOURNAL_VERSION, "1", '["running","OpcEnum",1,0]'),
        (JOURNAL_VERSION, "1", '["register","OpcEnum","C:\\\\x.exe","A",{},[]]'),
        (JOURNAL_VERSION, "1", '["firewall-add",["nonsense"],{}]'),
        (JOURNAL_VERSION, "1", '["firewall-add","nonsense",{}]'),
    ],
)
def test_a_journal_that_was_edited_is_refused_as_a_whole(lines: tuple[str, ...]) -> None:
    with pytest.raises(HostStateError, match="Journal"):
        load_journal({"Journal": RegistryValue.multi_string(*lines)})


@pytest.mark.parametrize(
    "operation", [REGISTRATION, SetStartMode("X", "Auto", "Disabled"), SetRunning("X", False, True)]
)
def test_undoing_twice_gives_the_operation_itself(operation: RegisterServer | SetStartMode | SetRunning) -> None:
    assert operation.inverse().inverse() == operation
