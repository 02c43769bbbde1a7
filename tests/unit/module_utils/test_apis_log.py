# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""APIS log lines: the vendor's examples, alarm texts over several lines, large and hostile files."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._apis_log import (
    MAX_LINE,
    MAX_RESULTS,
    ApisMessage,
    decode_lines,
    parse_apis_log,
)

CLSID = "{8E423571-A67B-11D2-9418-00608CF4C421}"
# The line of the vendor's article.
SEED_LINE = (
    "2023-01-03 13:49:54,238.923| 6716|ERROR|ApisHive.m.OPC|ApisOPC.cpp:774|$RPT$ CreateOPCServer: Failed to create "
    "OPC server, Prediktor.ApisOPCServer.1, on 10.100.86.224. Error return: Access is denied.  (0x80070005). "
    f"CLSID: {CLSID}. Duration: 4.9951 ms."
)
PROG_ID = "Prediktor.ApisOPCServer.1"
RULER = "»" * 55
LISTER = """Failed to create OPC Server Lister object on 10.100.86.125.

As a result, OPC servers might not be available from the list of servers to choose from. Make sure OPCENUM.EXE is \
properly registered and configured on the server machine, consider both DCOM security and open the Firewall for it.

Or, you can enter the CLSID of your OPC server directly into the server property.

Error return: Access is denied.  (0x80070005)
"""
CREATE_ALARM = f"""ALARM from OPC

{RULER}

Failed to create OPC server, Prediktor.ApisOPCServer.1, on 10.100.86.125.

Error return: Access is denied.  (0x80070005).
"""
ADVISE_ALARM = f"""ALARM from OPC/opcda://10.100.86.125/Prediktor.ApisOPCServer.1 [Primary]
{RULER}
Failed calling IOPCDataCallback::Advise - IOPCDataCallback! Error return: The RPC server is unavailable.  (0x800706BA).
"""


def found(text: str) -> list[tuple[str, str, str, int | None, int]]:
    log = parse_apis_log(text.splitlines())
    return [(item.message.value, item.target, item.application, item.code, item.count) for item in log.groups]


def test_the_line_of_a_log() -> None:
    (group,) = parse_apis_log([SEED_LINE]).groups
    facts = group.to_dict()
    assert (facts["first_time"], facts["last_time"]) == ("2023-01-03T13:49:54.238923",) * 2
    assert facts["data"] == {
        "target": "10.100.86.224",
        "application": "Prediktor.ApisOPCServer.1",
        "clsid": CLSID,
        "longest_ms": 4.9951,
    }
    assert (facts["code"], facts["code_name"]) == ("0x80070005", "E_ACCESSDENIED")
    assert str(facts["what"]).startswith(
        "the OPC server Prediktor.ApisOPCServer.1 on 10.100.86.224 could not be created: 0x80070005 (E_ACCESSDENIED)"
    )
    assert "4625" in str(facts["fix"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LISTER, ("browse", "10.100.86.125", "", 0x80070005, 1)),
        (CREATE_ALARM, ("create_server", "10.100.86.125", "Prediktor.ApisOPCServer.1", 0x80070005, 1)),
        (ADVISE_ALARM, ("callback", "10.100.86.125", "Prediktor.ApisOPCServer.1", 0x800706BA, 1)),
        (
            ADVISE_ALARM.replace("The RPC server is unavailable.", "Der RPC-Server ist nicht verfügbar."),
            ("callback", "10.100.86.125", "Prediktor.ApisOPCServer.1", 0x800706BA, 1),
        ),
        (ADVISE_ALARM.splitlines()[2], ("callback", "", "", 0x800706BA, 1)),
        (SEED_LINE.partition(" CLSID")[0], ("create_server", "10.100.86.224", PROG_ID, 0x80070005, 1)),
        (SEED_LINE.partition(" Error")[0], ("create_server", "10.100.86.224", PROG_ID, None, 1)),
        (SEED_LINE.replace("10.100.86.224", "gw01.plant"), ("create_server", "gw01.plant", PROG_ID, 0x80070005, 1)),
    ],
    ids=["browse", "create alarm", "callback alarm", "German", "no alarm head", "no CLSID", "no code", "host name"],
)  # fmt: skip
def test_every_known_form(text: str, expected: tuple[str, str, str, int | None, int]) -> None:
    assert found(text) == [expected]


def test_each_message_has_its_own_advice() -> None:
    fixes = set()
    for message in (SEED_LINE, LISTER, ADVISE_ALARM):
        for code in ("0x80070005", "0x800706BA"):
            text = message.replace("0x80070005", code).replace("0x800706BA", code)
            (group,) = parse_apis_log(text.splitlines()).groups
            fixes.add(str(group.to_dict()["fix"]))
    assert len(fixes) == 6
    assert all("look at the events of both hosts" not in fix for fix in fixes)
    assert ApisMessage("callback") is ApisMessage.ADVISE


def test_alike_messages_are_counted_with_first_last_and_longest() -> None:
    later = SEED_LINE.replace("2023-01-03", "2023-02-04").replace("4.9951", "21014.5").replace("10.100", "10.100")
    (group,) = parse_apis_log([SEED_LINE, "2023-01-04 00:00:00,000|1|INFO|x", later]).groups
    facts = group.to_dict()
    assert (facts["count"], facts["first_time"], facts["last_time"]) == (
        2,
        "2023-01-03T13:49:54.238923",
        "2023-02-04T13:49:54.238923",
    )
    assert facts["data"]["longest_ms"] == 21014.5  # type: ignore[index]


def test_a_code_of_another_message_is_not_taken() -> None:
    text = "\n".join(
        [
            "Failed to create OPC server, A.B.1, on 10.0.0.1.",
            *["2023-01-03 13:49:54,238|1|INFO|x|y|nothing"] * 20,
            "something else (0x80070005)",
        ]
    )
    assert found(text) == [("create_server", "10.0.0.1", "A.B.1", None, 1)]
    two = "Failed to create OPC server, A.B.1, on 10.0.0.1.\n" + LISTER
    assert [item[3] for item in found(two)] == [None, 0x80070005]


def test_a_log_without_such_messages() -> None:
    log = parse_apis_log(["2023-01-03 13:49:54,238|1|INFO|x|y|Failed to be interesting (0x80070005)"] * 3)
    assert (log.groups, log.lines) == ((), 3)


def test_different_messages_are_bounded() -> None:
    log = parse_apis_log(SEED_LINE.replace("10.100.86.224", f"host{number}") for number in range(MAX_RESULTS + 7))
    assert (len(log.groups), log.dropped) == (MAX_RESULTS, 7)


def test_hostile_names_are_neutralised() -> None:
    hostile = SEED_LINE.replace("Prediktor.ApisOPCServer.1", "\x1b]0;x\x07{{ 1 }}<script>").replace(
        "10.100.86.224", "\x9b2J"
    )
    (group,) = parse_apis_log([hostile]).groups
    facts = group.to_dict()
    assert "\\x1b]0;x\\x07{{ 1 }}<script> on \\x9b2J could not be created" in str(facts["what"])
    assert facts["data"]["application"] == "\\x1b]0;x\\x07{{ 1 }}<script>"  # type: ignore[index]


# -- encodings and sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_every_encoding_in_any_pieces(encoding: str, size: int) -> None:
    text = f"Größe\r\n{SEED_LINE}\r\nEnde ü"
    data = text.encode(encoding)
    first = max(size, 64)
    pieces = [data[:first], *(data[start : start + size] for start in range(first, len(data), size))]
    lines = [line.rstrip("\r") for line in decode_lines(pieces)]
    assert lines == text.split("\r\n")


def test_bytes_of_no_encoding_are_tolerated() -> None:
    lines = list(decode_lines([b"ok\n" * 30_000, b"\xff\xfe\x80\n", SEED_LINE.encode()]))
    assert lines[-2:] == ["\ufffd\ufffd\ufffd", SEED_LINE]


def test_a_line_without_end_is_cut() -> None:
    lines = list(decode_lines(b"x" * 1_000_000 for _piece in range(20)))
    assert [len(line) for line in lines] == [MAX_LINE]


def test_two_hundred_megabytes_take_little_memory() -> None:
    """A tenth of the largest file here; time and memory do not depend on what was read before."""

    def pieces() -> Iterator[bytes]:
        filler = (
            b"2023-01-03 13:49:54,238.923| 6716|INFO|ApisHive.m.OPC|ApisOPC.cpp:774|Item read, value 17, quality good\n"
        )
        block = filler * 10_000 + SEED_LINE.encode() + b"\n"
        for _number in range(20):
            yield block

    tracemalloc.start()
    try:
        log = parse_apis_log(decode_lines(pieces()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert log.groups[0].count == 20
    assert peak < 20 * 1024 * 1024


def test_a_line_of_many_beginnings_costs_little() -> None:
    line = ("Failed to create OPC server, " * 300)[:MAX_LINE]
    start = time.perf_counter()
    parse_apis_log([line, "ALARM from OPC/opcda://" * 300, "(0x" * 2000] * 50)
    assert time.perf_counter() - start < 1


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_bytes_are_read(pieces: list[bytes]) -> None:
    lines = list(decode_lines(pieces))
    assert parse_apis_log(lines).lines == len(lines)
    assert not any("\n" in line or len(line) > MAX_LINE for line in lines)
