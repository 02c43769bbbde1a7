# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import replace
from datetime import datetime, timezone

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
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import Direction, FirewallRule, format_rule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._host_state import STATE_KEY
from ansible_collections.otsec.opc_dcom.plugins.module_utils._netsh import RuleSelector
from ansible_collections.otsec.opc_dcom.plugins.module_utils._operation_journal import PART_CHARACTERS
from ansible_collections.otsec.opc_dcom.plugins.module_utils._plan import CreateKey, DeleteKey, SetValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryKey, RegistryValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._service_operations import (
    RegisterServer,
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    UnregisterServer,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._snapshot import (
    ACCOUNT,
    RUNNING,
    START_MODE,
    AbsentRule,
    HostIdentity,
    Item,
    Kind,
    SavedKey,
    SavedRegistration,
    SavedRule,
    SavedService,
    SavedValue,
    Snapshot,
    items_of,
    merge,
    next_name,
    unique_items,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._snapshot_codec import (
    FORMAT,
    dump_file,
    dump_values,
    from_json,
    load_file,
    load_values,
    part_names,
    snapshot_names,
    to_json,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._snapshot_report import describe_items

KEY = RegistryKey("SOFTWARE\\Microsoft\\Ole")
TAKEN = datetime(2026, 11, 22, 6, 0, 12, 500000, tzinfo=timezone.utc)
HOST = HostIdentity("3f1c1f3e-8a54-5d0c-9d57-6d3d1f0b7a11", "GW01", "10.0.17763")
RULE = FirewallRule("OPC ÄÖ (in)", Direction.IN, program="C:\\opc\\x.exe")
CHANGED = replace(RULE, enabled=False)
SELECTOR = RuleSelector.of(RULE)
REGISTRATION = RegisterServer("OpcEnum", "C:\\OpcEnum.exe", KEY, (("a", None),), (("b", RegistryValue.dword(1)),))


def value(name: str, number: int | None) -> SavedValue:
    return SavedValue(KEY, name, None if number is None else RegistryValue.dword(number))


def snapshot(*items: Item, name: str = "20261122T060012Z") -> Snapshot:
    return Snapshot(name, TAKEN, HOST, Kind.RUN, "before opc_host", items)


# -- what a plan is about to change


@pytest.mark.parametrize(
    ("operation", "items"),
    [
        (SetValue(KEY, "a", None, RegistryValue.dword(1)), [value("a", None)]),
        (SetValue(KEY, "a", RegistryValue.dword(2), None), [value("a", 2)]),
        (SetValue(STATE_KEY, "PendingReboot", None, RegistryValue.multi_string("x")), []),
        (CreateKey(KEY), [SavedKey(KEY, was_there=False)]),
        (DeleteKey(KEY), [SavedKey(KEY, was_there=True)]),
        (FirewallAdd((RULE,), SELECTOR), [AbsentRule(format_rule(RULE))]),
        (FirewallDelete((RULE,), SELECTOR, ("{A}",)), [SavedRule("{A}", "as stored")]),
        (FirewallSet((RuleChange("{A}", RULE, CHANGED),), SELECTOR, SELECTOR), [SavedRule("{A}", "as stored")]),
        (SetStartMode("X", "Auto", "Disabled"), [SavedService("X", START_MODE, "Auto")]),
        (SetServiceAccount("X", "A", "B"), [SavedService("X", ACCOUNT, "A")]),
        (SetRunning("X", before=False, after=True), [SavedService("X", RUNNING, False)]),
        (REGISTRATION, [SavedRegistration(REGISTRATION, was_registered=False)]),
        (UnregisterServer(REGISTRATION), [SavedRegistration(REGISTRATION, was_registered=True)]),
    ],
)
def test_an_operation_is_saved_as_what_is_there_before_it(operation: object, items: list[Item]) -> None:
    assert items_of([operation], {"{A}": "as stored"}) == tuple(items)  # type: ignore[list-item]


def test_what_is_changed_twice_is_saved_as_it_was_first() -> None:
    first = SetValue(KEY, "A", None, RegistryValue.dword(1))
    second = SetValue(KEY, "a", RegistryValue.dword(1), RegistryValue.dword(2))
    assert items_of([first, second], {}) == (SavedValue(KEY, "A", None),)


def test_the_order_is_that_of_the_first_mention() -> None:
    items = (value("a", 1), value("b", 2), value("a", 3), value("c", 4))
    assert unique_items(items) == (value("a", 1), value("b", 2), value("c", 4))


def test_merging_takes_the_word_of_the_earlier_one() -> None:
    first, second, third = snapshot(value("a", 1)), snapshot(value("A", 2), value("b", 2)), snapshot(value("b", 3))
    assert merge([first, second, third]).items == (value("a", 1), value("b", 2))


# -- names


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ((), "20261122T060012Z"),
        (("20261122T060011Z",), "20261122T060012Z"),
        (("20261122T060012Z",), "20261122T060012Z-002"),
        (("20261122T060012Z", "20261122T060012Z-009"), "20261122T060012Z-010"),
        (("20991231T235959Z",), "20991231T235959Z-002"),
    ],
)
def test_a_new_name_comes_after_all_others(names: tuple[str, ...], name: str) -> None:
    found = next_name(TAKEN, names)
    assert found == name
    assert sorted((*names, found))[-1] == found


# -- text


_names = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=12)
_items = st.one_of(
    st.builds(SavedValue, st.just(KEY), _names, st.none() | st.builds(RegistryValue.binary, st.binary(max_size=400))),
    st.builds(SavedKey, st.just(KEY), st.booleans()),
    st.builds(SavedRule, _names, _names),
    st.builds(AbsentRule, _names),
    st.builds(SavedService, _names, st.sampled_from([START_MODE, ACCOUNT]), _names),
    st.builds(SavedService, _names, st.just(RUNNING), st.booleans()),
    st.builds(SavedRegistration, st.just(REGISTRATION), st.booleans()),
)
_snapshots = st.builds(
    lambda items, kind: replace(snapshot(*items), kind=kind), st.lists(_items), st.sampled_from(Kind)
)


@given(_snapshots)
def test_a_snapshot_survives_a_file_and_the_registry(original: Snapshot) -> None:
    assert from_json(to_json(original)) == original
    assert load_file(dump_file(original)) == original
    assert load_values(original.name, dump_values(original)) == original
    assert len(describe_items(original)) == len(original.items)


def big() -> Snapshot:
    """180 KB that do not compress."""
    blobs = (b"".join(hashlib.sha256(bytes((n, i))).digest() for i in range(64)) for n in range(90))
    return snapshot(*(SavedValue(KEY, f"v{n}", RegistryValue.binary(blob)) for n, blob in enumerate(blobs)))


def test_a_large_snapshot_comes_in_parts_that_fit_into_a_message() -> None:
    values = dump_values(big())
    assert list(values)[-1] == "20261122T060012Z"
    assert len(values) > 1
    for part in values.values():
        assert isinstance(part.data, tuple)
        assert sum(map(len, part.data)) <= PART_CHARACTERS + 300
    assert load_values("20261122T060012Z", values) == big()
    assert snapshot_names(list(values)) == ("20261122T060012Z",)
    assert part_names("20261122T060012Z", [*values, "20261122T060012Z-002"])[0] == "20261122T060012Z"
    assert set(part_names("20261122T060012Z", [*values, "20261122T060012Z-002"])) == set(values)


def test_a_part_that_is_missing_is_noticed() -> None:
    values = dump_values(big())
    del values["20261122T060012Z.2"]
    with pytest.raises(HostStateError, match="does not read"):
        load_values("20261122T060012Z", values)


@pytest.mark.parametrize(
    "change",
    [
        {"format": FORMAT + "0"},
        {"name": 5},
        {"taken": "yesterday"},
        {"host": {}},
        {"kind": "accident"},
        {"items": [["value", "A"]]},
        {"items": [["value", "A", "b", [4, "x"]]]},
        {"items": [["rule", "{A}"]]},
        {"items": [["registration", ["running", "X", True, False], True]]},
        {"items": [["nonsense"]]},
        {"items": 5},
    ],
)
def test_what_is_no_snapshot_is_refused(change: dict[str, object]) -> None:
    data = to_json(snapshot(value("a", 1))) | change
    with pytest.raises(HostStateError):
        from_json(data)


def test_a_bomb_is_not_unpacked() -> None:
    packed = base64.b64encode(zlib.compress(b" " * 64 * 1024 * 1024, 9)).decode()
    values = {"x": RegistryValue.multi_string(FORMAT, "1", "0" * 64, "summary", packed)}
    with pytest.raises(HostStateError, match="more than"):
        load_values("x", values)


@pytest.mark.parametrize(
    "edit", [("GW01", "GW02"), ('"sha256": "', '"sha256": "0'), ("dcom snapshot 1", "dcom snapshot 2")]
)
def test_an_edited_file_is_refused(edit: tuple[str, str]) -> None:
    text = dump_file(snapshot(value("a", 1)))
    assert edit[0] in text
    with pytest.raises(HostStateError, match="was edited or damaged: its checksum does not fit"):
        load_file(text.replace(*edit))


@pytest.mark.parametrize("digit", "0123456789abcdef")
def test_only_the_right_checksum_fits(digit: str) -> None:
    data = json.loads(dump_file(snapshot(value("a", 1))))
    first = dump_values(snapshot(value("a", 1)))["20261122T060012Z"].data
    assert isinstance(first, tuple)
    if data["sha256"][0] == digit:
        assert load_file(json.dumps(data)) == snapshot(value("a", 1))
        return
    data["sha256"] = digit + data["sha256"][1:]
    with pytest.raises(HostStateError, match="its checksum does not fit"):
        load_file(json.dumps(data))
    changed = RegistryValue.multi_string(*first[:2], data["sha256"], *first[3:])
    with pytest.raises(HostStateError, match="its checksum does not fit"):
        load_values("20261122T060012Z", {"20261122T060012Z": changed})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": "0"}', "5", '{"sha256": "0", "snapshot": {}'])
def test_what_is_no_file_of_ours_is_refused(text: str) -> None:
    with pytest.raises(HostStateError, match="this is no snapshot of this collection"):
        load_file(text)


def test_values_of_another_form_are_refused_with_their_name() -> None:
    name = "20261122T060012Z"
    good = dump_values(snapshot(value("a", 1)))[name].data
    assert isinstance(good, tuple)
    for data, said in (
        (("other 1", *good[1:]), f"snapshot {name} has format 'other 1'"),
        ((*good[:4], f" {good[4]}"), "does not read"),
        ((*good[:4], f"{good[4][:8]}!{good[4][8:]}"), "does not read"),
        ((*good[:1], "2", *good[2:]), "does not read"),
        ((*good[:1], "x", *good[2:]), "does not read"),
        (good[:4], "does not read"),
    ):
        with pytest.raises(HostStateError, match=said):
            load_values(name, {name: RegistryValue.multi_string(*data)})
    with pytest.raises(HostStateError, match="REG_DWORD"):
        load_values(name, {name: RegistryValue.dword(1)})
    assert all(len(line) <= 1000 for line in good[4:])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_part_is_read(count: int) -> None:
    blobs = (b"".join(hashlib.sha256(bytes((n, i))).digest() for i in range(64)) for n in range(30 * count))
    original = snapshot(*(SavedValue(KEY, f"v{n}", RegistryValue.binary(blob)) for n, blob in enumerate(blobs)))
    values = dump_values(original)
    first = values[original.name].data
    assert isinstance(first, tuple)
    assert (first[0], first[1]) == (FORMAT, str(len(values)))
    assert load_values(original.name, values) == original


def test_a_file_is_plain_json_for_people() -> None:
    data = json.loads(dump_file(snapshot(value("a", None))))
    assert data["snapshot"]["items"] == [["value", KEY.path, "a", None]]
    assert data["snapshot"]["host"]["computer_name"] == "GW01"
