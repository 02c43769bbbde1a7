# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a small host in memory: typed operations, paging, what is repeated, what failures say."""

from __future__ import annotations

import itertools

import pytest
from wsman_responder import Message, Responder, answer, fault, method_output

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _client, _schema
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._client import WsmanClient, wql_text
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import (
    ConnectionDropped,
    ConnectionFailed,
    MessageTooLarge,
    OperationTimedOut,
    ProtocolError,
    TransportTimeout,
    WsmanError,
    WsmanFault,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._replies import Reply
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._transport import Statistics

VALUE = {"hDefKey": 0x80000002, "sSubKeyName": r"SOFTWARE\Microsoft\Ole", "sValueName": "LegacyAuthenticationLevel"}


def client_of(host: Responder) -> WsmanClient:
    numbers = itertools.count(1)
    return WsmanClient(host, lambda: f"uuid:{next(numbers):08X}-0000-4000-8000-000000000000")


def failing(times: int, error: Exception | Reply, verb: str = "") -> Responder:
    """A host whose first `times` answers (to `verb`) are this error or reply."""
    left = [times]

    def behave(message: Message) -> Reply | Exception | None:
        if left[0] and (not verb or message.verb == verb):
            left[0] -= 1
            return error
        return None

    return Responder(behaviour=behave)


def rows(*names: str) -> list[str]:
    uri = _schema.WIN32_SERVICE.resource_uri
    return [f'<p:Win32_Service xmlns:p="{uri}"><p:Name>{name}</p:Name></p:Win32_Service>' for name in names]


# -- operations ------------------------------------------------------------------------------------------------------


def test_get() -> None:
    host = Responder()
    instance = client_of(host).get(_schema.WIN32_SERVICE, {"Name": "OpcEnum"})
    assert dict(instance) == {"Name": "OpcEnum"}
    assert host.verbs == ["Get"]


def test_get_of_what_is_not_there() -> None:
    host = Responder(behaviour=lambda message: fault(message, 2150858752, "a:DestinationUnreachable"))
    with pytest.raises(WsmanFault, match=r"^Get Win32_Service\(Name='x'\) at http://host:5985/wsman: ") as raised:
        client_of(host).get(_schema.WIN32_SERVICE, {"Name": "x"})
    assert raised.value.is_not_found


def test_invoke() -> None:
    host = Responder(
        behaviour=lambda m: method_output(m, "<p:uValue>5</p:uValue><p:ReturnValue>0</p:ReturnValue>"),
    )
    assert dict(client_of(host).invoke(_schema.STD_REG_PROV, "GetDWORDValue", VALUE)) == {"uValue": 5, "ReturnValue": 0}
    [message] = host.seen
    assert message.action == f"{_schema.STD_REG_PROV.resource_uri}/GetDWORDValue"
    assert [item.text for item in message.body[0]] == ["2147483650", VALUE["sSubKeyName"], VALUE["sValueName"]]


def test_a_return_value_is_a_result() -> None:
    host = Responder(behaviour=lambda m: method_output(m, "<p:ReturnValue>2</p:ReturnValue>"))
    assert client_of(host).invoke(_schema.STD_REG_PROV, "GetDWORDValue", VALUE)["ReturnValue"] == 2


def test_invoke_of_an_instance() -> None:
    host = Responder()
    client_of(host).invoke(_schema.WIN32_SERVICE, "StopService", {}, {"Name": "Spooler"})
    assert host.seen[0].selectors == {"Name": "Spooler"}


def test_the_answer_must_be_that_of_the_method() -> None:
    host = Responder(behaviour=lambda m: answer(m, '<p:Other_OUTPUT xmlns:p="u"/>'))
    with pytest.raises(ProtocolError, match="holds Other_OUTPUT, expected was GetDWORDValue_OUTPUT"):
        client_of(host).invoke(_schema.STD_REG_PROV, "GetDWORDValue", VALUE)


def test_put() -> None:
    host = Responder()
    changed = client_of(host).put(_schema.WIN32_SERVICE, {"Name": "x"}, {"Caption": "y"})
    assert dict(changed) == {"Caption": "y"}
    assert host.seen[0].selectors == {"Name": "x"}
    silent = Responder(behaviour=lambda m: answer(m, ""))
    assert dict(client_of(silent).put(_schema.WIN32_SERVICE, {"Name": "x"}, {"Caption": "y"})) == {}


def test_identify() -> None:
    text = (
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>'
        b'<i:IdentifyResponse xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
        b"<i:ProductVersion>OS: 10.0.20348 SP: 0.0 Stack: 3.0</i:ProductVersion></i:IdentifyResponse>"
        b"</s:Body></s:Envelope>"
    )
    host = Responder(behaviour=lambda m: Reply(200, text))
    assert client_of(host).identify().os_version == (10, 0, 20348)


# -- enumerations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [1, 2, 3, 100])
def test_enumerate_follows_all_pages(page_size: int) -> None:
    host = Responder(rows=rows("a", "b", "c"), page_size=page_size)
    instances = client_of(host).enumerate("select * from Win32_Service", _schema.WIN32_SERVICE)
    assert [instance["Name"] for instance in instances] == ["a", "b", "c"]
    assert host.verbs == ["Enumerate"] + ["Pull"] * (-(-3 // page_size) - 1)
    assert host.contexts == {}
    assert {message.resource_uri for message in host.seen} == {_schema.WIN32_SERVICE.query_uri}


def test_enumerate_nothing() -> None:
    assert client_of(Responder()).enumerate("select * from Win32_Service", _schema.WIN32_SERVICE) == []


def test_enumerate_a_class_by_its_own_resource() -> None:
    host = Responder(rows=rows("a", "b"))
    assert len(client_of(host).enumerate_class(_schema.WIN32_SERVICE, {"State": "Running"})) == 2
    assert {message.resource_uri for message in host.seen} == {_schema.WIN32_SERVICE.resource_uri}


def test_stopping_early_releases() -> None:
    host = Responder(rows=rows("a", "b", "c", "d"))
    instances = client_of(host).enumerate("q", _schema.WIN32_SERVICE, max_instances=2)
    assert [instance["Name"] for instance in instances] == ["a", "b"]
    assert host.verbs == ["Enumerate", "Pull", "Release"]
    assert host.contexts == {}


def test_nothing_to_release_after_the_last_page() -> None:
    host = Responder(rows=rows("a", "b", "c"), page_size=3)
    assert len(client_of(host).enumerate("q", _schema.WIN32_SERVICE, max_instances=2)) == 2
    assert host.verbs == ["Enumerate"]


def test_a_failing_release_is_of_no_consequence() -> None:
    host = failing(1, ConnectionFailed("gone"), "Release")
    host.rows = rows("a", "b")
    assert len(client_of(host).enumerate("q", _schema.WIN32_SERVICE, max_instances=1)) == 1


def test_an_enumeration_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_client, "MAX_PAGES", 5)
    host = Responder(rows=[""] * 1000)
    with pytest.raises(MessageTooLarge, match="does not end within 5 pages"):
        client_of(host).enumerate("q", _schema.WIN32_SERVICE)
    assert host.verbs[-1] == "Release"


def test_an_enumeration_of_too_many_bytes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_client, "MAX_ANSWER_BYTES", 5000)
    host = Responder(rows=rows(*"abcdefghijklmnopqrstuvwxyz"))
    with pytest.raises(MessageTooLarge, match="5000 bytes"):
        client_of(host).enumerate("q", _schema.WIN32_SERVICE)
    assert host.contexts == {}


def test_a_connection_lost_between_pages_starts_the_enumeration_again() -> None:
    # Asking the same Pull again could skip what the lost answer held.
    host = failing(1, ConnectionDropped("reset"), "Pull")
    host.rows = rows("a", "b", "c")
    instances = client_of(host).enumerate("q", _schema.WIN32_SERVICE)
    assert [instance["Name"] for instance in instances] == ["a", "b", "c"]
    assert host.verbs == ["Enumerate", "Pull", "Enumerate", "Pull", "Pull"]
    assert host.resets == 1


def test_a_connection_lost_between_pages_twice_is_an_error() -> None:
    host = failing(9, ConnectionDropped("reset"), "Pull")
    host.rows = rows("a", "b", "c")
    with pytest.raises(ConnectionDropped):
        client_of(host).enumerate("q", _schema.WIN32_SERVICE)
    assert host.verbs == ["Enumerate", "Pull", "Enumerate", "Pull"]


def test_a_row_that_does_not_decode_names_the_query() -> None:
    uri = _schema.WIN32_SERVICE.resource_uri
    host = Responder(rows=[f'<p:Win32_Service xmlns:p="{uri}"><p:ProcessId>x</p:ProcessId></p:Win32_Service>'])
    with pytest.raises(ProtocolError, match=r"^WQL 'q' at http://host:5985/wsman: Win32_Service.ProcessId") as raised:
        client_of(host).enumerate("q", _schema.WIN32_SERVICE)
    assert b"<p:ProcessId>x" in raised.value.body


# -- what is sent again ----------------------------------------------------------------------------------------------

READS = {
    "get": lambda client: client.get(_schema.WIN32_OPERATING_SYSTEM),
    "enumerate": lambda client: client.enumerate("q", _schema.WIN32_SERVICE),
    "read-only method": lambda client: client.invoke(_schema.STD_REG_PROV, "GetDWORDValue", VALUE),
}
WRITES = {
    "put": lambda client: client.put(_schema.WIN32_SERVICE, {"Name": "x"}, {"Caption": "y"}),
    "method": lambda client: client.invoke(_schema.STD_REG_PROV, "DeleteValue", VALUE),
}
LOST = {"dropped connection": ConnectionDropped("reset"), "dead security context": Reply(400, b"")}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
@pytest.mark.parametrize("operation", READS.values(), ids=READS)
def test_a_read_is_sent_once_more_on_a_new_connection(operation, lost) -> None:  # type: ignore[no-untyped-def]
    host = failing(1, lost)
    operation(client_of(host))
    assert len(host.seen) == 2
    assert host.resets == 1

    host = failing(9, lost)
    with pytest.raises(ConnectionDropped) as raised:
        operation(client_of(host))
    assert len(host.seen) == 2
    assert not raised.value.outcome_unknown


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
@pytest.mark.parametrize("operation", WRITES.values(), ids=WRITES)
def test_a_write_is_never_sent_again(operation, lost) -> None:  # type: ignore[no-untyped-def]
    host = failing(1, lost)
    with pytest.raises(ConnectionDropped, match="Whether the host carried the request out is not known") as raised:
        operation(client_of(host))
    assert len(host.seen) == 1
    assert host.resets == 1  # the next message starts on a new connection
    assert raised.value.outcome_unknown


@pytest.mark.parametrize(
    ("failure", "is_unknown"),
    [
        (ConnectionFailed("refused"), False),
        (TransportTimeout("slow"), True),
        (Reply(200, b"<broken"), True),
        (Reply(413, b""), False),
        (Reply(404, b""), False),
    ],
    ids=["refused", "timeout", "broken answer", "too large", "no service"],
)
def test_nothing_else_is_sent_again(failure: Exception | Reply, is_unknown: bool) -> None:
    for operation, expected in ((READS["read-only method"], False), (WRITES["method"], is_unknown)):
        host = failing(1, failure)
        with pytest.raises(WsmanError) as raised:
            operation(client_of(host))  # type: ignore[no-untyped-call]
        assert len(host.seen) == 1
        assert raised.value.outcome_unknown is expected


def test_a_write_that_times_out_on_the_host_may_have_happened() -> None:
    host = Responder(behaviour=lambda message: fault(message, 2150858793, "w:TimedOut"))
    with pytest.raises(OperationTimedOut) as raised:
        client_of(host).invoke(_schema.WIN32_SERVICE, "StopService", {}, {"Name": "x"})
    assert raised.value.outcome_unknown


def test_a_fault_is_a_known_outcome() -> None:
    host = Responder(behaviour=lambda message: fault(message, 5, "w:AccessDenied"))
    with pytest.raises(WsmanFault) as raised:
        client_of(host).invoke(_schema.STD_REG_PROV, "DeleteValue", VALUE)
    assert not raised.value.outcome_unknown
    assert str(raised.value).startswith(
        "StdRegProv.DeleteValue(SOFTWARE\\Microsoft\\Ole\\LegacyAuthenticationLevel) at http://host:5985/wsman: "
        "the host refused with fault AccessDenied, code 5"
    )


def test_an_answer_to_another_request_is_refused() -> None:
    def behave(message: Message) -> Reply:
        message.message_id = "uuid:0"
        return method_output(message, "")

    with pytest.raises(ProtocolError, match="relates to message 'uuid:0'"):
        client_of(Responder(behaviour=behave)).invoke(_schema.STD_REG_PROV, "GetDWORDValue", VALUE)


# -- limits and counts -----------------------------------------------------------------------------------------------


def test_arguments_are_checked_before_anything_is_sent() -> None:
    host = Responder()
    with pytest.raises(ParameterError):
        client_of(host).invoke(_schema.STD_REG_PROV, "SetBinaryValue", {**VALUE, "uValue": b""})
    assert host.seen == []


def test_a_request_above_the_envelope_size_is_not_sent() -> None:
    host = Responder()
    with pytest.raises(MessageTooLarge, match="at most 512000 are sent") as raised:
        client_of(host).invoke(_schema.STD_REG_PROV, "SetBinaryValue", {**VALUE, "uValue": bytes(30_000)})
    assert host.seen == []
    assert not raised.value.outcome_unknown


def test_statistics() -> None:
    host = Responder()
    client = client_of(host)
    assert client.statistics == Statistics()
    client.get(_schema.WIN32_OPERATING_SYSTEM)
    after_one = client.statistics
    assert after_one.messages == 1
    assert after_one.bytes_sent > 900
    assert after_one.bytes_received > 300
    client.get(_schema.WIN32_OPERATING_SYSTEM)
    assert client.statistics - after_one == after_one


def test_every_message_has_its_own_id() -> None:
    host = Responder(rows=rows("a", "b", "c"))
    client = client_of(host)
    client.enumerate("q", _schema.WIN32_SERVICE)
    client.get(_schema.WIN32_OPERATING_SYSTEM)
    ids = [message.message_id for message in host.seen]
    assert len(set(ids)) == len(ids) == 4


@pytest.mark.parametrize(
    ("value", "literal"),
    [("plain", "'plain'"), (r"C:\a", r"'C:\\a'"), ("it's", r"'it\'s'"), (r"\'", r"'\\\''"), ('"', "'\"'")],
)
def test_wql_literals(value: str, literal: str) -> None:
    assert wql_text(value) == literal
