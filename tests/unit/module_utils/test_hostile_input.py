# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fuzzing has found in parsers of texts: inputs are refused as documented, in bounded time and memory."""

from __future__ import annotations

import base64
import json
import time
import tracemalloc
import zlib

import pytest
from event_samples import event_xml
from fuzz.stored_targets import LINK, end_facts_seed

from ansible_collections.otsec.opc_dcom.plugins.module_utils._end_facts import facts_from_dict
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import (
    MAX_MESSAGE,
    DomainError,
    HostStateError,
    ParameterError,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_xml import parse_events
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_compare import expand_path
from ansible_collections.otsec.opc_dcom.plugins.module_utils._json_text import MAX_DEPTH, load_json
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_spec import link_from_dict
from ansible_collections.otsec.opc_dcom.plugins.module_utils._operation_journal import JOURNAL_VERSION, load_journal
from ansible_collections.otsec.opc_dcom.plugins.module_utils._patch_level import Phase, phase_of_file
from ansible_collections.otsec.opc_dcom.plugins.module_utils._principals import parse_principal
from ansible_collections.otsec.opc_dcom.plugins.module_utils._reg_query import parse_reg_query
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryType, RegistryValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_model import SiteModelError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._snapshot_codec import (
    FORMAT,
    from_json,
    load_file,
    load_values,
)

DEEP = "[" * 100_000 + "]" * 100_000


def journal_of(*lines: str) -> dict[str, RegistryValue]:
    return {"Journal": RegistryValue.multi_string(JOURNAL_VERSION, "1", *lines)}


@pytest.mark.parametrize(
    "text", [DEEP, "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), '{"a":' * 50 + "1" + "}" * 50, "9" * 5000]
)
def test_json_nobody_of_us_writes_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        load_json(text)


def test_json_of_every_other_form_is_read() -> None:
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert json.dumps(load_json(deepest)) == deepest
    assert load_json('{"a": [1, "b", null, {"c": true}]}') == {"a": [1, "b", None, {"c": True}]}


def test_deep_json_in_a_journal_or_a_snapshot_is_refused_like_any_other_damage() -> None:
    with pytest.raises(HostStateError, match="does not read as a journal"):
        load_journal(journal_of(DEEP))
    with pytest.raises(HostStateError, match="no snapshot of this collection"):
        load_file(DEEP)


@pytest.mark.parametrize("data", [[1], [["x"]], [None]])
def test_a_list_of_strings_holds_strings(data: list[object]) -> None:
    with pytest.raises(DomainError, match="REG_MULTI_SZ holds strings only"):
        RegistryValue(RegistryType.MULTI_SZ, tuple(data))  # type: ignore[arg-type]
    with pytest.raises(HostStateError, match="strings only"):
        load_journal(journal_of(json.dumps(["set", "SOFTWARE\\x", "v", None, [int(RegistryType.MULTI_SZ), data]])))


@pytest.mark.parametrize("item", [["service", "a", "start mode", "Auto"], ["service", "a", "running", "yes"]])
def test_a_snapshot_of_an_unknown_fact_of_a_service_is_refused(item: list[object]) -> None:
    host = {"machine_guid": "g", "computer_name": "c", "windows": "w"}
    whole = {
        "format": FORMAT,
        "name": "n",
        "taken": "2026-03-01T06:00:00.000000Z",
        "host": host,
        "kind": "run",
        "reason": "",
    }
    assert from_json({**whole, "items": [["service", "a", "running", True]]}).items
    with pytest.raises(HostStateError, match="aspect"):
        from_json({**whole, "items": [item]})


# -- reg.exe


def test_a_line_with_many_types_takes_no_memory_beyond_its_length() -> None:
    line = "    REG_SZ" * 6000
    tracemalloc.start()
    keys = parse_reg_query(f"HKEY_LOCAL_MACHINE\\SOFTWARE\\x\n    a    REG_SZ    b\n{line}\n")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert keys["software\\x"].is_lost
    assert peak < 40 * len(line)


def test_many_uncertain_names_make_the_whole_key_uncertain() -> None:
    """They would be asked for one by one."""
    lines = "".join(f"    n{number}    REG_SZ    a    REG_SZ    b\n" for number in range(5000))
    key = parse_reg_query(f"HKEY_LOCAL_MACHINE\\SOFTWARE\\x\n{lines}")["software\\x"]
    assert key.is_lost
    assert len(key.doubtful) < 200


def test_a_second_line_with_the_label_of_the_unnamed_value_is_in_doubt() -> None:
    """A value can be called like the label; which line is which cannot be told."""
    output = "HKEY_LOCAL_MACHINE\\SOFTWARE\\x\n    (Default)    REG_SZ    a\n    (Default)    REG_SZ    b\n"
    key = parse_reg_query(output, "(Default)")["software\\x"]
    assert key.values[""] == RegistryValue.string("a")
    assert "" in key.doubtful


# -- the rest


def test_a_long_namespace_makes_an_event_unreadable_and_no_other() -> None:
    long = f"<Event xmlns='{'n' * 100_000}'>{'<b/>' * 50_000}</Event>"
    started = time.thread_time()
    parsed = parse_events(long + event_xml(10016), 10)
    assert (len(parsed.records), parsed.unreadable) == (1, 1)
    assert time.thread_time() - started < 1


@pytest.mark.parametrize(
    "version", ["6.1.7601." + "9" * 5000, "6.1.7601.\u0662\u0666\u0664\u0661\u0665", "6.1.7601.26415\n", "1.7601.2"]
)
def test_a_file_version_that_is_none_tells_no_phase(version: str) -> None:
    assert phase_of_file(7601, version) is None


def test_a_file_version_tells_the_phase() -> None:
    assert phase_of_file(7601, "6.1.7601.26415") is Phase.ENFORCED


def test_half_a_character_in_a_service_name_is_a_unit_as_on_windows() -> None:
    found = parse_principal("NT SERVICE\\\ud800")
    assert isinstance(found, Sid)
    assert found.sub_authorities[0] == 80


@pytest.mark.parametrize("door", [{"data": "0x"}, {"data": 7}, {"trouble": 1}, {"data": "0g"}])
def test_facts_with_a_permission_that_is_no_hexadecimal_are_refused(door: dict[str, object]) -> None:
    facts = end_facts_seed()
    assert facts_from_dict("facts", facts)
    with pytest.raises(ParameterError, match="facts: is not what opc_end_info tells"):
        facts_from_dict("facts", {**facts, "doors": {"machine": door}})


@pytest.mark.parametrize(
    "change",
    [
        {"host": 1},
        {"default_level": "5"},
        {"default_level": True},
        {"is_dcom_enabled": "no"},
        {"requires_integrity": 1},
        {"raises": False},
        {"policy_doors": "m"},
        {"programs": {"hive": {"access": {}, "launch": {}, "level": None}}},
        {"accounts": {"opc": {"sid": ["S-1-5-18"]}}},
        {"accounts": {"opc": {"groups": "S-1-5-18"}}},
        {"connections": [{"is_inbound": "yes", "peer": "", "target": "", "allowed": None, "text": ""}]},
        {"connections": "opc2"},
    ],
    ids=str,
)
def test_facts_of_another_type_are_refused_where_they_are_read(change: dict[str, object]) -> None:
    facts = end_facts_seed()
    assert facts_from_dict("facts", facts).to_dict() == facts
    with pytest.raises(ParameterError, match="facts: is not what opc_end_info tells"):
        facts_from_dict("facts", {**facts, **change})


@pytest.mark.parametrize("selector", ["service", ["service"], 1, None, {}, {"service": "a", "program": "b"}])
def test_a_link_whose_end_is_selected_by_no_option_is_refused(selector: object) -> None:
    assert link_from_dict("links[0]", LINK).server.selector == ("prog_id", "A.B")
    with pytest.raises(ParameterError, match=r"links\[0\]: is no link"):
        link_from_dict("links[0]", {**LINK, "server": {**LINK["server"], "selector": selector}})


def test_a_long_text_loses_the_middle_of_its_message_not_the_advice() -> None:
    error = HostStateError(f"it came back: {'x' * 100_000}; restore the host from a snapshot")
    assert len(str(error)) < MAX_MESSAGE + 100
    assert str(error).startswith("it came back: xxx")
    assert "characters left out]" in str(error)
    assert str(error).endswith("; restore the host from a snapshot")
    assert str(HostStateError("x" * MAX_MESSAGE)) == "x" * MAX_MESSAGE


def test_every_mistake_of_a_site_model_is_named_however_many_there_are() -> None:
    error = SiteModelError([f"links[{number}]: {'x' * 100}" for number in range(500)])
    assert str(error).count("\n- links[") == 500
    assert len(str(SiteModelError(["x" * 100_000]))) < MAX_MESSAGE + 200


def test_variables_do_not_multiply_what_a_host_sends() -> None:
    environment = {"a": "x" * 1000}
    assert expand_path("%A%" * 32 + "\\b%c%", environment) == "x" * 32_000 + "\\b%c%"
    assert expand_path("%A%" * 100_000, environment) == "%A%" * 100_000


def test_a_snapshot_of_millions_of_empty_lists_is_refused_before_they_are_made() -> None:
    packed = base64.b64encode(zlib.compress(b"[" + b"[]," * 4_000_000 + b"[]]")).decode()
    tracemalloc.start()
    with pytest.raises(HostStateError, match="more than 500000 values"):
        load_values("n", {"n": RegistryValue.multi_string(FORMAT, "1", "0", "s", packed)})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000_000
