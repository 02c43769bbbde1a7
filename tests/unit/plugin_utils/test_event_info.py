# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dcom_event_info reads from a host over the wire, and what it says where it cannot."""

from __future__ import annotations

import time
import tracemalloc
from datetime import datetime, timedelta, timezone
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from event_samples import CLEARED_SYSTEM, event_xml, output
from live_host import LiveHost, LiveHostFactory

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils import _events
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._events import parse_request, read_events
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._event_log import (
    SECURITY,
    SYSTEM,
    Since,
    query_line,
    read_output,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._client import CommandResult
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import HostUnreachable
from simulator.faults import Effect, ScriptedFault
from simulator.programs.software_policy import DISALLOWED_PATHS
from simulator.subsystems.event_log import DISTRIBUTED_COM, SECURITY_AUDITING, Event
from simulator.subsystems.registry_value import RegistryValue

DEFAULTS: dict[str, Any] = {
    "logs": ["system", "security"],
    "since": None,
    "after_record": None,
    "max_events": 500,
    "apis_logs": [],
    "apis_text": None,
}
NO_REMOTE_SHELL = 2150859180
SITE: dict[str, Any] = {
    "applications": {"apis": {"prog_id": "Prediktor.ApisOPCServer.1"}},
    "accounts": {"opc": {}},
    "hosts": {"gw01": {"address": "10.0.0.11"}, "hist01": {"address": "10.0.0.21"}},
    "links": [
        {
            "name": "history",
            "server": {"host": "gw01", "application": "apis", "account": "opc"},
            "client": {"host": "hist01", "application": "apis", "account": "opc"},
        }
    ],
}


def read(live: LiveHost, host: str = "gw01", **options: Any) -> dict[str, Any]:
    site = parse_site(SITE, ["gw01", "hist01"])
    request = parse_request({**DEFAULTS, **options}, host, site)
    facts: dict[str, Any] = live.ask(lambda connected: read_events(connected, request))
    assert live.writes == []
    return facts


def refuse(live: LiveHost, user: str = "opc", address: str = "10.0.0.21") -> None:
    """Leave a 10036."""
    names = ("Domain Name", "User Name", "SID", "Client IP Address")
    texts = ("HIST01", user, "S-1-5-21-1-2-3-1000", address)
    live.simulated.event_log.append("System", Event(DISTRIBUTED_COM, 10036, data=tuple(zip(names, texts, strict=True))))


def ids(facts: dict[str, Any]) -> list[int]:
    return [group["event_id"] for group in facts["groups"]]


@pytest.fixture
def gateway(live: LiveHostFactory) -> LiveHost:
    made = live("gw01")
    made.simulated.journal.records.clear()
    return made


def test_both_logs_are_read_with_one_command_each(gateway: LiveHost) -> None:
    refuse(gateway)
    facts = read(gateway)
    assert gateway.messages == 1 + 2 * 3 + 1  # the shell; start and output in two parts of a command; the end of both
    assert (facts["host"], facts["computer"], facts["addresses"]) == ("gw01", "GW01", ["10.0.0.11"])
    (group,) = facts["groups"]
    assert (group["event_id"], group["host"], group["links"], group["log"]) == (10036, "hist01", ["history"], "system")
    assert facts["logs"]["system"]["is_read"] is True
    assert facts["logs"]["system"]["newest_record_id"] == group["newest_record_id"]


def test_failed_logons_are_read_from_security(gateway: LiveHost) -> None:
    logons = gateway.simulated.logons
    with pytest.raises(Exception, match="0xc0000064"):
        logons.logon("HIST01\\nobody", "x", "10.0.0.21")
    facts = read(gateway, logs=["security"])
    (group,) = facts["groups"]
    assert group["data"]["user"] == "nobody"
    assert "STATUS_NO_SUCH_USER" in group["what"]
    assert group["host"] == "hist01"


@pytest.mark.parametrize("language", ["de-DE", "en-US"])
def test_the_language_of_the_host_makes_no_difference(live: LiveHostFactory, language: str) -> None:
    host = live("gw01", ui_language=language)
    refuse(host, user="Müller-Ünal")
    facts = read(host)
    assert facts["groups"][0]["data"]["user"] == "Müller-Ünal"
    assert facts["notes"] == []


def test_an_empty_log(gateway: LiveHost) -> None:
    facts = read(gateway, logs=["system"])
    assert (facts["groups"], facts["notes"], facts["computer"]) == ([], [], None)
    assert facts["logs"]["system"]["newest_record_id"] is None


def test_no_log_sends_no_message(gateway: LiveHost) -> None:
    read(gateway, logs=[])
    assert gateway.messages == 0


def test_since_a_record(gateway: LiveHost) -> None:
    refuse(gateway, "one")
    first = read(gateway)["logs"]["system"]["newest_record_id"]
    refuse(gateway, "two")
    groups = read(gateway, after_record={"system": first, "security": None})["groups"]
    assert [group["data"]["user"] for group in groups] == ["two"]


@pytest.mark.parametrize("form", ["period", "time", "time with a zone"])
def test_since_a_time(gateway: LiveHost, form: str) -> None:
    refuse(gateway, "old")
    gateway.simulated.clock.advance(7200)
    refuse(gateway, "new")
    hour_ago = gateway.simulated.clock.now().timestamp() - 3600
    moment = datetime.fromtimestamp(hour_ago, timezone.utc)
    texts = {
        "period": "1h",
        "time": f"{moment:%Y-%m-%dT%H:%M:%S}Z",
        "time with a zone": moment.astimezone(timezone(timedelta(hours=-5))).isoformat(),
    }
    groups = read(gateway, since=texts[form])["groups"]
    assert [group["data"]["user"] for group in groups] == ["new"]


def test_the_newest_are_read_and_the_rest_is_noted(gateway: LiveHost) -> None:
    for number in range(12):
        refuse(gateway, f"user{number}")
    facts = read(gateway, logs=["system"], max_events=5)
    assert [group["data"]["user"] for group in facts["groups"]] == [f"user{number}" for number in range(11, 6, -1)]
    assert facts["logs"]["system"]["is_limited"] is True
    assert facts["notes"] == [
        "The System log has more events than were read; only the newest count (max_events, since)"
    ]


def test_blocked_connections_that_crowd_out_logons_are_noted(gateway: LiveHost) -> None:
    data = (("Direction", "%%14592"), ("SourceAddress", "10.0.0.11"), ("DestAddress", "10.0.0.21"))
    for _number in range(6):
        gateway.simulated.event_log.append("Security", Event(SECURITY_AUDITING, 5157, data=data))
    facts = read(gateway, logs=["security"], max_events=5)
    assert facts["groups"][0]["count"] == 5
    assert facts["notes"][1] == "5 of them are blocked connections (5157), which crowd out failed logons"


def test_a_cleared_log_is_noted(gateway: LiveHost) -> None:
    refuse(gateway, "lost")
    administrator = gateway.simulated.logons.logon("Administrator", "Simulated-Passw0rd", "127.0.0.1")
    for log in ("System", "Security", "Application"):
        gateway.simulated.event_log.clear(administrator, log)
    gateway.simulated.journal.records.clear()
    refuse(gateway, "kept")
    facts = read(gateway)
    assert [group["data"].get("user") for group in facts["groups"]] == ["kept"]
    assert [note.partition(" at ")[0] for note in facts["notes"]] == [
        "The System log was cleared",
        "The Security log was cleared",
    ]
    assert facts["logs"]["security"]["cleared_time"] is not None


def test_a_log_cleared_on_a_real_host_is_recognised() -> None:
    reading = read_output(SYSTEM, CommandResult(output(CLEARED_SYSTEM).encode(), b"", 0), 500)
    cleared, others = _events._split_clearings(reading)
    assert cleared is not None
    assert (cleared.record_id, others) == (1000, [])
    other = CLEARED_SYSTEM.replace("<Channel>System</Channel><BackupPath>", "<Channel>Setup</Channel><BackupPath>")
    reading = read_output(SYSTEM, CommandResult(output(other).encode(), b"", 0), 500)
    assert _events._split_clearings(reading) == (None, [])


# -- what cannot be read -----------------------------------------------------------------------------------------------


def test_a_forbidden_shell_is_a_note_and_asked_for_once(gateway: LiveHost) -> None:
    refuse(gateway)
    gateway.site.add_fault("host", ScriptedFault(Effect.FAULT, operation="shell.*", code=NO_REMOTE_SHELL, times=99))
    facts = read(gateway)
    assert facts["groups"] == []
    assert [log["is_read"] for log in facts["logs"].values()] == [False, False]
    assert len(facts["notes"]) == 2
    assert "0x803381AC" in facts["notes"][0]
    assert gateway.messages == 1


def test_a_forbidden_wevtutil_is_a_note(gateway: LiveHost) -> None:
    rule = rf"{DISALLOWED_PATHS}\{{00000000-0000-0000-0000-000000000001}}"
    gateway.simulated.registry.create_key(None, rule)
    gateway.simulated.registry.put(rule, "ItemData", RegistryValue.sz("wevtutil.exe"))
    gateway.simulated.journal.records.clear()
    facts = read(gateway)
    assert facts["groups"] == []
    assert "exit code 1; it said: This program is blocked by group policy" in facts["notes"][0]


def test_a_host_that_goes_away_is_unreachable(gateway: LiveHost) -> None:
    gateway.site.add_fault("host", ScriptedFault(Effect.DROP_BEFORE, operation="shell.*", times=99))
    with pytest.raises(HostUnreachable):
        read(gateway)


def test_a_log_without_the_right_to_read_it_is_a_note() -> None:
    said = "Fehler beim Öffnen der Ereignisabfrage.\r\nZugriff verweigert\r\n".encode()
    reading = read_output(SECURITY, CommandResult(b"", said, 5), 500)
    assert reading.records == ()
    assert "exit code 5, access is denied: the connecting account must be" in reading.trouble
    assert reading.trouble.endswith("it said: Fehler beim Öffnen der Ereignisabfrage. Zugriff verweigert")


@pytest.mark.parametrize(
    ("result", "trouble"),
    [
        (CommandResult(b"", b"", 0), "printed no events but: nothing"),
        (CommandResult(b"\x1b[2Jhello", b"", 0), "printed no events but: \\x1b[2Jhello"),
        (CommandResult(b"", b"\x1b]0;owned\x07", 87), "exit code 87; it said: \\x1b]0;owned\\x07"),
        (CommandResult(output().encode(), b"", 15007), "the host has no such log"),
    ],
)
def test_other_answers_are_notes(result: CommandResult, trouble: str) -> None:
    assert trouble in read_output(SYSTEM, result, 500).trouble


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_outputs_in_other_encodings(encoding: str) -> None:
    text = output(event_xml(10036, ["PLANT", "Müller", "S-1-5-21-1-2-3-1000", "10.0.0.21"]))
    reading = read_output(SYSTEM, CommandResult(text.encode(encoding), b"", 0), 500)
    assert reading.records[0].datum("param2") == "Müller"


def test_damaged_and_incomplete_events_are_noted(gateway: LiveHost) -> None:
    gateway.simulated.event_log.append("System", Event(DISTRIBUTED_COM, 10036, data=(("SID", "S-1-5-7"),)))
    facts = read(gateway, logs=["system"])
    assert facts["groups"][0]["is_incomplete"] is True
    assert facts["notes"] == ["1 events of the System log lack some of their data"]
    reading = read_output(SYSTEM, CommandResult(output(event_xml(1).replace(">1<", "><", 1)).encode(), b"", 0), 500)
    (note,) = _events._notes(reading, None, [])
    assert note == "1 events of the System log could not be read and are missing here"


# -- options -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"max_events": 0}, "max_events"),
        ({"max_events": 5001}, "max_events"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-01-02 03:04:05"}, "since"),
        ({"since": "0h"}, "since"),
        ({"since": "1h'] or *[x='"}, "since"),
        ({"after_record": {"system": -1, "security": None}}, "after_record.system"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], path: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse_request({**DEFAULTS, **options}, "gw01", None)
    assert caught.value.path == path


def test_the_query_has_the_form_that_event_viewer_makes() -> None:
    line = query_line(SYSTEM, Since("2026-01-02T03:04:05.000Z", 3600000, 17), 500)
    assert line == (
        "wevtutil.exe qe System /q:\"*[System[Provider[@Name='Microsoft-Windows-DistributedCOM' or "
        "@Name='Microsoft-Windows-Eventlog'] and (EventID=104 or (EventID >= 10000 and EventID <= 10038)) and "
        "TimeCreated[@SystemTime >= '2026-01-02T03:04:05.000Z'] and TimeCreated[timediff(@SystemTime) <= 3600000] and "
        'EventRecordID > 17]]" /f:xml /rd:true /e:Events /c:500'
    )


# -- size --------------------------------------------------------------------------------------------------------------


def timed_read(live: LiveHost) -> tuple[dict[str, Any], float]:
    start = time.perf_counter()
    facts = read(live, logs=["system"])
    return facts, time.perf_counter() - start


def test_a_hundred_thousand_events_cost_no_more_than_the_newest_500(gateway: LiveHost) -> None:
    gateway.simulated.event_log.resize(100_000)
    for number in range(100_000):
        refuse(gateway, f"user{number % 700}")
    newest = gateway.simulated.event_log.read(None, "System")[-1].record_id
    facts, seconds = min((timed_read(gateway) for _attempt in range(3)), key=itemgetter(1))
    tracemalloc.start()
    try:
        read(gateway, logs=["system"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(group["count"] for group in facts["groups"]) == 500
    assert facts["groups"][0]["newest_record_id"] == newest >= 100_000
    assert facts["logs"]["system"]["is_limited"] is True
    assert seconds < 2
    assert peak < 100 * 1024 * 1024


# -- APIS --------------------------------------------------------------------------------------------------------------

LINE = (
    "2023-01-03 13:49:54,238.923| 6716|ERROR|ApisHive.m.OPC|ApisOPC.cpp:774|$RPT$ CreateOPCServer: Failed to create "
    "OPC server, Prediktor.ApisOPCServer.1, on 10.0.0.11. Error return: Access is denied.  (0x80070005). CLSID: "
    "{8E423571-A67B-11D2-9418-00608CF4C421}. Duration: 4.9951 ms.\n"
)


def test_apis_logs_are_joined_to_the_client_that_wrote_them(gateway: LiveHost, tmp_path: Path) -> None:
    path = tmp_path / "apis.log"
    path.write_text(LINE * 3, encoding="utf-16")
    facts = read(gateway, "hist01", logs=[], apis_logs=[str(path)], apis_text=LINE)
    assert [(item["source"], item["count"], item["host"], item["links"]) for item in facts["apis"]] == [
        (str(path), 3, "gw01", ["history"]),
        ("apis_text", 1, "gw01", ["history"]),
    ]
    assert facts["notes"] == []


def test_an_apis_log_without_known_messages_is_noted(gateway: LiveHost, tmp_path: Path) -> None:
    path = tmp_path / "other.log"
    path.write_bytes(b"\xff\x00nothing\n" * 10)
    facts = read(gateway, logs=[], apis_logs=[str(path)])
    assert facts["apis"] == []
    assert facts["notes"] == [f"{path} has no message about OPC links that is known here, in 10 lines"]


def test_an_apis_log_that_is_not_there_fails_with_its_name(gateway: LiveHost, tmp_path: Path) -> None:
    with pytest.raises(HostStateError, match="could not be read on the controller"):
        read(gateway, logs=[], apis_logs=[str(tmp_path / "missing.log")])


def test_of_a_larger_file_the_end_is_read(gateway: LiveHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_events, "MAX_FILE_BYTES", 4096)
    path = tmp_path / "large.log"
    path.write_text(LINE.replace("10.0.0.11", "10.0.0.99") + "x" * 8192 + "\n" + LINE, encoding="utf-8")
    facts = read(gateway, "hist01", logs=[], apis_logs=[str(path)])
    assert [item["host"] for item in facts["apis"]] == ["gw01"]
    assert facts["notes"] == [f"{path} is larger than 4096 bytes; only its end was read"]
