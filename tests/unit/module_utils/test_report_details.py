# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report keeps of each host, and the edges of an event's XML: data that are missing, odd, or one too many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from event_samples import event_xml, output

from ansible_collections.otsec.opc_dcom.plugins.module_utils._diagnosis import Seen
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._event_xml import parse_events
from ansible_collections.otsec.opc_dcom.plugins.module_utils._report_data import (
    MAX_STRING,
    SCHEMA,
    Collected,
    check_earlier,
    report_of,
)

ENFORCED, RAISED = "March 2023 or later: hardening enforced", "November 2022: clients raise their level"


def report(machines: Mapping[str, Any], *, events: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return report_of(Collected("Plant", "2026-11-23T00:00:00Z", Seen([], {}, (), events or {}, machines, ""), **more))


def host(machine: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = report({"plc": machine}, **more)["hosts"][0]
    return found


def test_a_host_of_which_nothing_is_known() -> None:
    found = host({})
    assert found.pop("name") == "plc"
    assert found.pop("is_audited") is False and found.pop("is_reached") is False
    assert found.pop("phase_text") == "not known from build and revision"
    assert not any(found.values())


@pytest.mark.parametrize(
    ("system", "hardening", "phase", "text"),
    [
        # KB5004442 by the builds of its updates; what dcom_info has judged comes first.
        ({"build": 17763, "revision": 4131}, {}, "enforced", ENFORCED),
        ({"build": 17763, "revision": 4130}, {}, "clients_raised", RAISED),
        ({"build": 17763, "revision": 3046}, {}, "on_by_default", "June 2022: hardening on by default"),
        ({"build": 17763, "revision": 1999}, {}, "available", "June 2021: hardening off by default"),
        ({"build": 17763, "revision": 1}, {}, "not_patched", "before June 2021: no hardening"),
        ({"build": "17763", "revision": 4131}, {"phase": "clients_raised"}, "clients_raised", RAISED),
        ({"build": 7601}, {"phase": "enforced", "is_certain": False}, "enforced", ENFORCED + " (estimated)"),
        ({"build": 17763, "revision": 4131}, {"phase": "odd"}, "enforced", ENFORCED),
        ({"build": 7601}, {}, None, "not known from build and revision"),
        ({"revision": 5}, {}, None, "not known from build and revision"),
        ({}, {}, None, "not known from build and revision"),
    ],
)  # fmt: skip
def test_the_phase_of_a_host(system: Any, hardening: Any, phase: str | None, text: str) -> None:
    found = host({"system": system, "hardening": hardening})
    assert (found["phase"], found["phase_text"]) == (phase, text)
    summary = report({"plc": {"system": system, "hardening": hardening}, "x": {}})["summary"]
    assert summary["hosts_enforced"] == int(phase == "enforced")


def test_the_summary_counts_hosts() -> None:
    machines = {
        "a": {"reboot_reasons": ["r"], "system": {"build": 26100, "revision": 1}},
        "b": {"reboot_reasons": ["r", "s"], "system": {"build": 26100, "revision": 1}},
        "c": {},
        "d": {"reboot_reasons": [], "system": {"build": 17763, "revision": 1}},
    }
    audits = {"a": {"drift": ["x", "y"]}, "b": {"drift": []}, "d": {"exceptions": ["e"]}}
    found = report(machines, audits=audits)
    summary = found["summary"]
    assert {name: summary[name] for name in summary if name.startswith("hosts")} == {
        "hosts": 4, "hosts_unreached": 1, "hosts_pending_reboot": 2, "hosts_drifting": 1, "hosts_enforced": 2,
    }  # fmt: skip
    assert [item["is_reached"] for item in found["hosts"]] == [True, True, False, True]
    assert [item["is_audited"] for item in found["hosts"]] == [True, True, False, True]
    assert [item["drift"] for item in found["hosts"]] == [["x", "y"], [], [], []]
    assert summary["exceptions"] == 1


def test_software_is_named_by_the_best_there_is() -> None:
    servers = [
        {"prog_id": "A.B.1", "clsid": "{1}", "specifications": ["DA 2.0", "DA 3.0"], "version": "1.2", "running": True},
        {
            "clsid": "{2}",
            "program": "C:\\x.exe",
            "service": "Svc",
            "run_as": "opc",
            "bitness": 32,
            "troubles": ["t", 5],
        },
        "odd",
        {"name": "N", "clsid": "{3}"},
    ]
    found = host({"opc": {"servers": servers, "opc_enum": {"version": "2"}}})["software"]
    assert [(item["name"], item["kind"]) for item in found] == [
        ("A.B.1", "DA 2.0, DA 3.0"), ("{2}", "OpcEnum"), ("N", "OpcEnum"), ("OpcEnum", "OpcEnum"),
    ]  # fmt: skip
    assert found[1] == {
        "name": "{2}", "kind": "OpcEnum", "program": "C:\\x.exe", "bitness": 32, "service": "Svc", "run_as": "opc",
        "running": None, "version": "", "troubles": ["t", "5"],
    }  # fmt: skip
    assert (found[0]["version"], found[0]["running"], found[0]["troubles"], found[3]["version"]) == (
        "1.2",
        True,
        [],
        "2",
    )


def test_missing_libraries_notes_and_events_are_kept() -> None:
    machine = {
        "opc": {"core_components": {"missing": ["opcproxy.dll", 7]}},
        "system": {"notes": ["n"], "caption": " Windows ", "build": 17763, "revision": 5, "last_boot_time": "t"},
        "unfinished_run": ["u"],
        "findings": [{"code": "c"}, "odd"],
        "hardening": {"requires_integrity_because": "s", "raises_activation_because": "c"},
    }
    events = {"plc": {"groups": [{"event_id": 1}], "apis": [{"message": "browse"}], "notes": ["m"]}}
    found = host(machine, events=events)
    assert found["missing_libraries"] == ["opcproxy.dll", "7"]
    assert found["notes"] == ["n", "m"]
    assert found["events"] == [{"event_id": 1}, {"message": "browse"}]
    assert (found["windows"], found["build"], found["last_boot_time"]) == ("Windows", "17763.5", "t")
    assert (found["unfinished_run"], found["findings"]) == (["u"], [{"code": "c"}])
    assert (found["as_server"], found["as_client"]) == ("s", "c")


def test_settings_in_words() -> None:
    machine = {
        "defaults": {"authentication_level": {"text": "connect (2)"}, "odd": 5},
        "logging": {"call_failures": {"text": "on"}},
        "permissions": {
            "machine_limit": {"launch": {"text": ["owner BA", "allow opc", "group BA", "deny x"]}},
            "machine_default": {"access": {"text": ["allow y"]}},
            "group_policy": {"access": None},
        },
        "applications": [
            {"name": "hive", "authentication_level": {"text": "5"}, "run_as": "opc",
             "access_permission": {"text": ["a"]}},
            {"app_id": "{1}", "service": "Svc"},
            {"app_id": "{2}"},
        ],
    }  # fmt: skip
    found = {(item["group"], item["name"]): item["now"] for item in host(machine)["settings"]}
    assert found == {
        ("Machine-wide", "authentication_level"): "connect (2)", ("Machine-wide", "odd"): "",
        ("Logging", "call_failures"): "on",
        ("Machine limit", "launch"): "allow opc\ndeny x", ("Machine default", "access"): "allow y",
        ("Limit by Group Policy", "access"): "",
        ("Application hive", "authentication_level"): "5", ("Application hive", "run_as"): "opc",
        ("Application hive", "access_permission"): "a", ("Application hive", "launch_permission"): "",
        ("Application {1}", "authentication_level"): "", ("Application {1}", "run_as"): "Svc",
        ("Application {1}", "access_permission"): "", ("Application {1}", "launch_permission"): "",
        ("Application {2}", "authentication_level"): "", ("Application {2}", "run_as"): "the launching user",
        ("Application {2}", "access_permission"): "", ("Application {2}", "launch_permission"): "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "now", "is_changed"),
    [("a", "b", True), ("b", "a", True), ("a", "a", False), (None, "a", False), ("", "a", True)],
)
def test_a_setting_is_changed_where_an_earlier_report_has_another_value(
    before: str | None, now: str, is_changed: bool
) -> None:
    listed = [] if before is None else [{"group": "Logging", "name": "x", "now": before}, "odd"]
    other = {"name": "other", "settings": [{"group": "Logging", "name": "x", "now": "zzz"}]}
    earlier = {"schema": SCHEMA, "generated": "then", "hosts": ["odd", other, {"name": "plc", "settings": listed}]}
    told = report({"plc": {"logging": {"x": {"text": now}}}}, earlier=earlier)
    (item,) = told["hosts"][0]["settings"]
    assert (item["before"], item["now"], item["is_changed"]) == (before, now, is_changed)
    assert told["compared_with"] == "then"


@pytest.mark.parametrize("schema", ["otsec.opc_dcom/report/0", "otsec.opc_dcom/report/2", "", None, "z", 1])
def test_only_a_report_of_this_form_is_an_earlier_one(schema: object) -> None:
    good = {"schema": SCHEMA, "hosts": []}
    assert check_earlier("earlier", good) is good
    with pytest.raises(ParameterError, match="is no report of this collection"):
        check_earlier("earlier", {**good, "schema": schema})


def test_switches_that_would_be_changed_to_what_is_safe() -> None:
    policy = {
        "before": {"a": "on (1)", "b": "off (0)", "c": "absent", "d": "absent (0)", "e": "zz", "f": "same"},
        "after": {"a": "off (0)", "b": "on (1)", "c": "on", "d": "on", "f": "same"},
    }
    found = report({"plc": {}}, policies={"plc": policy})
    assert found["hosts"][0]["weak_switches"] == ["a: on (1)", "b: off (0)", "e: zz"]
    assert found["hosts"][0]["switches"] == policy["before"]
    assert [item["what"] for item in found["exceptions"]] == ["a: on (1)", "b: off (0)", "e: zz"]


def test_exceptions_are_told_once_with_their_origin() -> None:
    machine = {
        "findings": [
            {"code": "anonymous_remote", "subject": "s", "evidence": "e"},
            {"code": "everyone_remote", "subject": "t", "evidence": "f"},
            {"code": "other", "subject": "u", "evidence": "g"},
            "odd",
        ]
    }
    found = report({"plc": machine, "b": {}}, audits={"plc": {"exceptions": ["x", "x", "y"]}})
    assert [(item["host"], item["what"], item["origin"]) for item in found["exceptions"]] == [
        ("plc", "x", "declared"), ("plc", "y", "declared"), ("plc", "s: e", "found"), ("plc", "t: f", "found"),
    ]  # fmt: skip
    assert found["summary"]["exceptions"] == 4


def test_a_snapshot_and_its_contents() -> None:
    shot = {"snapshot": {"taken": "t", "reason": "r", "more": 1}, "contents": ["a", 5]}
    assert host({}, snapshots={"plc": shot})["snapshot"] == {"taken": "t", "reason": "r", "contents": ["a", "5"]}
    for odd in (None, {}, {"snapshot": None}, {"snapshot": {}}, {"contents": ["a"]}):
        assert host({}, snapshots={"plc": odd})["snapshot"] is None


@pytest.mark.parametrize("length", [MAX_STRING - 1, MAX_STRING, MAX_STRING + 1])
def test_texts_are_cut_wherever_they_stand(length: int) -> None:
    text = "x" * length
    found = host({"reboot_reasons": [text], "findings": [{text: (text,)}]})
    cut = "x" * min(length, 4096)
    assert found["reboot_reasons"] == [cut]
    assert found["findings"] == [{cut: [cut]}]


# -- the edges of an event


def event(inside: str, system: str = "") -> str:
    text = event_xml(10016, ["a"])
    return text.replace("</EventData>", f"{inside}</EventData>").replace("<System>", f"<System>{system}")


def data_of(*events: str) -> list[tuple[tuple[str, str], ...]]:
    return [record.data for record in parse_events(output(*events), 500).records]


@pytest.mark.parametrize(("depth", "is_read"), [(13, True), (14, True), (15, False), (30, False)])
def test_elements_are_nested_sixteen_deep_at_most(depth: int, is_read: bool) -> None:
    text = event("<x>" * depth + "deep" + "</x>" * depth)
    assert data_of(text) == ([(("param1", "a"), ("x", "deep"))] if is_read else [])


def test_only_leaves_are_data() -> None:
    assert data_of(event("<x>before<y>in</y>after</x><z></z>")) == [(("param1", "a"), ("y", "in"), ("z", ""))]
    assert data_of(event("<Binary>00FF</Binary><Data>b</Data>")) == [(("param1", "a"), ("", "b"))]


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("&#x10FFFF;", "\U0010ffff"), ("&#x110000;", "\ufffd"), ("&#x110001;", "\ufffd"), ("&#1114111;", "\U0010ffff"),
        ("&#1114112;", "\ufffd"), ("&#0;", "\ufffd"), ("&#x1F;", "\ufffd"), ("&#9;", "\t"), ("&#32;", " "),
        ("&#xD7FF;", "\ud7ff"), ("&#xD800;", "\ufffd"), ("&#xDFFF;", "\ufffd"), ("&#xE000;", "\ue000"),
        ("&#xFFFD;", "\ufffd"), ("&#xFFFE;", "\ufffd"), ("&#x10000;", "\U00010000"), ("&#xFFFFFFFF;", "\ufffd"),
    ],
)  # fmt: skip
def test_references_to_what_xml_forbids_are_replaced(reference: str, text: str) -> None:
    """XML 1.0, production 2: #x9, #xA, #xD, #x20-#xD7FF, #xE000-#xFFFD, #x10000-#x10FFFF."""
    assert data_of(event(f"<Data>{reference}</Data>")) == [(("param1", "a"), ("", text))]


@pytest.mark.parametrize(
    ("number", "is_read"),
    [("10016", True), ("9" * 20, True), ("9" * 21, False), ("", False), ("-1", False), ("\u0661", False)],
)
def test_numbers_of_an_event(number: str, is_read: bool) -> None:
    text = event_xml(10016, ["a"]).replace(">10016<", f">{number}<")
    assert [record.event_id for record in parse_events(output(text), 500).records] == ([int(number)] if is_read else [])


def test_only_the_children_of_system_describe_an_event() -> None:
    text = event("<Computer>evil</Computer><x><Computer>evil</Computer></x>", "<y><Computer>evil</Computer></y>")
    (record,) = parse_events(output(text), 500).records
    assert record.computer != "evil"
