# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated wevtutil.exe: event XML, the XPath subset, exit codes (dcom.md 6.2-6.4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from simulator.cim import Caller, ProgramResult
from simulator.journal import Journal
from simulator.programs.event_query import QueryError, parse_query
from simulator.programs.event_xml import NAMESPACE, event_xml
from simulator.programs.program import Invocation
from simulator.programs.wevtutil_exe import Wevtutil
from simulator.subsystems.event_log import DISTRIBUTED_COM, SECURITY_AUDITING, Event, EventLog, EventProvider

ADMIN = Caller("admin", "S-1-5-21-1-2-3-500", frozenset({"S-1-5-32-544"}))
READER = Caller("reader", "S-1-5-21-1-2-3-1001", frozenset({"S-1-5-32-573"}))
USER = Caller("user", "S-1-5-21-1-2-3-1002", frozenset({"S-1-5-32-545"}))
START = datetime(2024, 1, 2, 3, 4, 5, 303038, tzinfo=UTC)
HARDENING_DATA = (
    ("Domain Name", "EXAMPLE"),
    ("User Name", "opcuser"),
    ("SID", "S-1-5-21-1-2-3-1000"),
    ("Client IP Address", "10.0.0.12"),
)


def refusal(event_id: int = 10036, data: tuple[tuple[str | None, str], ...] = HARDENING_DATA) -> Event:
    return Event(
        DISTRIBUTED_COM, event_id, level=2, data=data, keywords=0x8080000000000000,
        user_sid="S-1-5-21-1-2-3-1000", process_id=1408, thread_id=4400,
    )  # fmt: skip


class Host:
    def __init__(self, language: str = "en-US") -> None:
        self.now = START
        self.journal = Journal(lambda: self.now)
        self.log = EventLog("opcsrv01.example.net", lambda: self.now, self.journal)
        self._wevtutil = Wevtutil(self.log, self.journal, lambda: self.now, language)

    def write(self, *event_ids: int) -> None:
        for event_id in event_ids:
            self.log.append("System", refusal(event_id))
            self.now += timedelta(hours=1)

    def run(self, *arguments: str, caller: Caller = ADMIN) -> ProgramResult:
        return self._wevtutil.program(Invocation(caller, arguments))

    def ids(self, query: str, *options: str, channel: str = "System") -> list[int]:
        done = self.run("qe", channel, f"/q:{query}", "/f:xml", "/e:Events", *options)
        assert done.exit_code == 0, done.stderr
        root = ElementTree.fromstring(done.stdout)
        return [int(item.text or "") for item in root.iter(f"{{{NAMESPACE}}}EventID")]


@pytest.fixture
def host() -> Host:
    return Host()


# dcom.md 6.2, brought into one line and single quotes as wevtutil prints it.
EVENT_10036 = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-DistributedCOM' Guid='{1B562E86-B7AA-4131-BADC-B6F3A001407E}'"
    " EventSourceName='DCOM'/><EventID Qualifiers='0'>10036</EventID><Version>0</Version><Level>2</Level>"
    "<Task>0</Task><Opcode>0</Opcode><Keywords>0x8080000000000000</Keywords>"
    "<TimeCreated SystemTime='2024-01-02T03:04:05.303038000Z'/><EventRecordID>1</EventRecordID><Correlation/>"
    "<Execution ProcessID='1408' ThreadID='4400'/><Channel>System</Channel>"
    "<Computer>opcsrv01.example.net</Computer><Security UserID='S-1-5-21-1-2-3-1000'/></System><EventData>"
    "<Data Name='Domain Name'>EXAMPLE</Data><Data Name='User Name'>opcuser</Data>"
    "<Data Name='SID'>S-1-5-21-1-2-3-1000</Data><Data Name='Client IP Address'>10.0.0.12</Data>"
    "</EventData></Event>"
)


def test_an_event_has_the_shape_of_a_real_10036(host: Host) -> None:
    host.write(10036)
    assert host.run("qe", "System", "/f:xml").stdout == EVENT_10036
    assert host.run("qe", "System").stdout == EVENT_10036  # dcom.md 9 no. 15: XML without /f in practice


def test_a_manifest_provider_has_no_qualifiers_and_unnamed_data_no_name(host: Host) -> None:
    record = host.log.append("Security", Event(SECURITY_AUDITING, 4625, data=((None, "x"), ("LogonType", "3"))))
    text = event_xml(record)
    assert "<EventID>4625</EventID>" in text
    assert "<EventData><Data>x</Data><Data Name='LogonType'>3</Data></EventData>" in text
    assert "<Security/>" in text


@pytest.mark.parametrize("text", ["a & b < c > d 'e' \"f\"", "Prüfstand", "数据", "]]>", "<Data>", "line\r\nbreak"])
def test_hostile_data_stay_data(host: Host, text: str) -> None:
    provider = EventProvider("O'Brien & <Söhne>", "{1B562E86-B7AA-4131-BADC-B6F3A001407E}", "x")
    record = host.log.append("System", Event(provider, 1, data=((f"n{text}", text),)))
    root = ElementTree.fromstring(event_xml(record))
    (datum,) = root.iter(f"{{{NAMESPACE}}}Data")
    assert (datum.text or "").replace("\n", "\r\n") == text.replace("\n", "\r\n").replace("\r\r\n", "\r\n")
    found = root.find(f"{{{NAMESPACE}}}System/{{{NAMESPACE}}}Provider")
    assert found is not None
    assert found.get("Name") == "O'Brien & <Söhne>"


def test_control_characters_do_not_break_the_document(host: Host) -> None:
    record = host.log.append("System", Event(DISTRIBUTED_COM, 1, data=(("a", "x\x00y\x1bz"),)))
    assert ElementTree.fromstring(event_xml(record)) is not None


OPC_QUERY = (
    "*[System[Provider[@Name='Microsoft-Windows-DistributedCOM'] and (EventID=10036 or EventID=10037 or "
    "EventID=10038) and TimeCreated[timediff(@SystemTime) <= {milliseconds}]]]"
)


def test_the_query_of_the_reference_selects_by_provider_id_and_age(host: Host) -> None:
    """dcom.md 6.3."""
    host.log.append("System", Event(EventProvider("Service Control Manager"), 10036))
    host.write(10036, 10016, 10037, 10038)
    assert host.ids(OPC_QUERY.format(milliseconds=86400000)) == [10036, 10037, 10038]
    assert host.ids(OPC_QUERY.format(milliseconds=2 * 3600 * 1000)) == [10037, 10038]


QUERIES = {
    "*": [10015, 10016, 10036],
    "Event": [10015, 10016, 10036],
    "*[System]": [10015, 10016, 10036],
    "*[System[EventID=10016]]": [10016],
    "*[System[(EventID=10016)]]": [10016],
    "*[System/EventID=10016]": [10016],
    "Event/System[EventID=10016]": [10016],
    "*[System[EventID!=10016]]": [10015, 10036],
    "*[System[EventID>=10016 and EventID<10036]]": [10016],
    "*[System[EventRecordID > 1]]": [10016, 10036],
    "*[System[EventRecordID>2 or EventID=10015]]": [10015, 10036],
    "*[System[TimeCreated[@SystemTime>='2024-01-02T04:00:00Z']]]": [10016, 10036],
    "*[System[TimeCreated[@SystemTime>='2024-01-02T04:04:05.303Z' and @SystemTime<'2024-01-02T05:00:00.000Z']]]": [
        10016
    ],
    '*[System[Provider[@Name="Microsoft-Windows-DistributedCOM"]]]': [10015, 10016, 10036],
    "*[System[Provider[@Name='microsoft-windows-distributedcom']]]": [],
    "*[System[band(Keywords,0x80000000000000)]]": [10015, 10016, 10036],
    "*[System[band(Keywords,16)]]": [],
    "*[EventData[Data[@Name='User Name']='opcuser']]": [10015, 10016, 10036],
    "*[EventData[Data='10.0.0.12'] and System[EventID=10036]]": [10036],
    "*[EventData/Data='nobody']": [],
    "*[System[Bogus=1]]": [],  # measured on Windows 11: a wrong name is no error
    "*[UserData/*/PrinterName='MyPrinter' and System/Level=1]": [],
    " * [ System [ Level = 2 and ( EventID = 10015 ) ] ] ": [10015],
}


@pytest.mark.parametrize(("query", "expected"), QUERIES.items())
def test_queries(host: Host, query: str, expected: list[int]) -> None:
    host.write(10015, 10016, 10036)
    assert host.ids(query) == expected


@pytest.mark.parametrize(
    ("query", "position"),
    [
        ("*[System[", 9),  # measured on Windows 11: "A syntax error occurred at position 9"
        ("*[System[EventID=]]", 17),
        ("*[System]]", 9),
        ("*[System[EventID=1] or]", 22),
        ("*[System[contains(Computer,'x')]]", 9),
        ("*[System[EventID=1 or EventID='a]]", 30),
        ("[System]", 0),
        ("", 0),
        ("*[" + " or ".join(f"System/EventID={number}" for number in range(21)) + "]", 412),
    ],
)
def test_broken_queries_name_the_position(query: str, position: int) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(query)
    assert caught.value.position == position


def test_a_broken_query_ends_with_15001(host: Host) -> None:
    done = host.run("qe", "System", "/q:*[System[")
    assert done == ProgramResult(
        stderr="A syntax error occurred at position 9\r\nThe specified query is invalid.\r\n", exit_code=15001
    )


def test_order_count_and_root(host: Host) -> None:
    host.write(1, 2, 3)
    assert host.ids("*", "/rd:true", "/c:2") == [3, 2]
    assert host.ids("*", "/reversedirection:TRUE", "/count:1") == [3]
    assert host.ids("*", "/c:2") == [1, 2]
    wrapped = host.run("qe", "System", "/e:root", "/c:1").stdout
    assert wrapped.startswith("<root>\r\n<Event ")
    assert wrapped.endswith("</Event></root>\r\n")


def test_no_match_prints_nothing_and_succeeds(host: Host) -> None:
    assert host.run("qe", "System", "/q:*[System[EventID=41]]") == ProgramResult()


def test_unicode_output_is_utf_16(host: Host) -> None:
    host.log.append("System", refusal(data=(("User Name", "Prüfer"),)))
    data = host.run("qe", "System", "/uni:true").stdout_bytes
    assert data is not None
    assert "Prüfer" in data.decode("utf-16")


INCORRECT = "The parameter is incorrect."


@pytest.mark.parametrize(
    ("arguments", "exit_code", "lines"),
    [
        (("qe", "NoSuchLog"), 15007, ("Failed to open event query.", "The specified channel could not be found.")),
        (("qe", "System", "/f:json"), 87, ("Invalid value for option f.", INCORRECT)),
        (("qe",), 87, ("Required argument(s) is/are not specified.", INCORRECT)),
        (("qe", "System", "/c:0"), 87, ("Invalid value for property count.", INCORRECT)),
        (("qe", "System", "/c:-5"), 87, ("Invalid value for property count.", INCORRECT)),
        (("qe", "System", "/rd:maybe"), 87, ("Invalid option rd. Option is not Boolean.", INCORRECT)),
        (("cl", "System", "/zz:true"), 87, ("Invalid option zz. Option is not valid.", INCORRECT)),
        (("qe", "System", "/q", "*[System]"), 87, ("Too many arguments are specified.", INCORRECT)),
    ],
)
def test_measured_exit_codes(host: Host, arguments: tuple[str, ...], exit_code: int, lines: tuple[str, ...]) -> None:
    """Measured on Windows 11 26200 by a plugin author."""
    stderr = "".join(f"{line}\r\n" for line in lines)
    assert host.run(*arguments) == ProgramResult(stderr=stderr, exit_code=exit_code)
    assert host.journal.violations == []


def test_security_is_for_administrators_and_event_log_readers(host: Host) -> None:
    host.log.append("Security", Event(SECURITY_AUDITING, 4625))
    assert host.run("qe", "Security", caller=READER).exit_code == 0
    done = host.run("qe", "Security", caller=USER)
    assert done == ProgramResult(stderr="Failed to open event query.\r\nAccess is denied.\r\n", exit_code=5)
    assert "Zugriff verweigert" in Host("de-DE").run("qe", "Security", caller=USER).stderr


def test_clearing_leaves_its_own_event(host: Host) -> None:
    host.write(1, 2)
    host.log.append("Security", Event(SECURITY_AUDITING, 4625))
    assert host.run("cl", "Security").exit_code == 0
    assert host.run("clear-log", "System").exit_code == 0
    assert host.ids("*", channel="Security") == [1102]
    assert host.ids("*") == [104]
    assert host.run("cl", "System", caller=USER).exit_code == 5


def test_channels_and_counts(host: Host) -> None:
    host.write(1, 2)
    assert "System\r\n" in host.run("el").stdout
    assert "numberOfLogRecords: 2\r\n" in host.run("gli", "System").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("qe", "System", "/f:text"),
        ("qe", "System", "/f:RenderedXml"),
        ("qe", "System", "/r:other-host"),
        ("qe", r"C:\x.evtx", "/lf:true"),
        ("sl", "System", "/ms:1"),
        (),
    ],
)
def test_what_is_not_simulated_is_refused_and_recorded(host: Host, arguments: tuple[str, ...]) -> None:
    assert host.run(*arguments).exit_code == 87
    assert len(host.journal.violations) == 1
