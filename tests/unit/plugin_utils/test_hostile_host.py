# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fuzzing has found behind the client: a host that answers anything gets one of our errors, in bounded memory."""

from __future__ import annotations

import time
import tracemalloc

import pytest
from fuzz.stored_targets import FACTS
from fuzz.wire_targets import SYSTEM, Answers

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._offline_facts import parse_facts
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._events import _parse_since
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._host import Host
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._offline._host import OfflineHost
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _xml
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._client import WsmanClient
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import ProtocolError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._namespaces import SHELL
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._shell_messages import read_received
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._xml import Element, parse_xml

BUILDS = ["", "abc", "-1", "1_7763", "\u0661\u0667", "9" * 5000, "17763 "]


def host_that_says(body: str) -> Host:
    return Host(WsmanClient(Answers([body]), lambda: "uuid:1"))


@pytest.mark.parametrize("build", BUILDS)
def test_a_build_that_is_no_number_is_an_error_of_the_host(build: str) -> None:
    assert host_that_says(SYSTEM).system.read_operating_system().build == 17763
    with pytest.raises(HostStateError, match="build of its Windows"):
        host_that_says(
            SYSTEM.replace("<p:BuildNumber>17763<", f"<p:BuildNumber>{build}<")
        ).system.read_operating_system()


def test_a_build_that_is_no_number_in_collected_facts_is_an_error_of_the_host() -> None:
    facts = FACTS.replace("CurrentBuildNumber    REG_SZ    17763", "CurrentBuildNumber    REG_SZ    abc")
    assert OfflineHost(parse_facts(FACTS), {}).system.read_operating_system().build == 17763
    host = OfflineHost(parse_facts(facts), {})
    with pytest.raises(HostStateError, match="build of its Windows"):
        host.system.read_operating_system()


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_beyond_the_calendar_is_refused(since: str) -> None:
    with pytest.raises(ParameterError, match="since"):
        _parse_since(since)
    assert _parse_since("2026-03-01T06:00:00+01:00") == ("2026-03-01T05:00:00.000Z", None)


# -- XML


def test_a_long_namespace_is_refused_before_it_is_copied() -> None:
    document = b'<a xmlns="' + b"n" * 130_000 + b'">' + b"<b/>" * 30_000 + b"</a>"
    tracemalloc.start()
    with pytest.raises(ProtocolError, match="namespace of 130000 characters"):
        parse_xml(document)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * len(document)


def test_the_longest_namespace_costs_its_length_once() -> None:
    document = b'<a xmlns="' + b"n" * _xml.MAX_NAMESPACE + b'">' + b"<b/>" * 20_000 + b"</a>"
    tracemalloc.start()
    root = parse_xml(document)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len({id(element.tag) for element in root}) == 1
    assert peak < 40 * len(document)


def test_more_names_than_any_reply_has_are_refused() -> None:
    few = b"".join(b"<b%d/>" % number for number in range(_xml.MAX_NAMES - 1))
    assert len(parse_xml(b"<a>" + few + b"</a>")) == _xml.MAX_NAMES - 1
    with pytest.raises(ProtocolError, match="names of elements"):
        parse_xml(b"<a>" + few + b"<c d='1'/></a>")


def test_more_elements_than_any_reply_has_are_refused() -> None:
    most = b"<b/>" * (_xml.MAX_ELEMENTS - 1)
    assert len(parse_xml(b"<a>" + most + b"</a>")) == _xml.MAX_ELEMENTS - 1
    with pytest.raises(ProtocolError, match="more than 200000 elements"):
        parse_xml(b"<a>" + most + b"<b/></a>")


def test_the_largest_reply_of_tiny_elements_takes_bounded_memory() -> None:
    document = b"<a>" + b"<b/>" * (_xml.MAX_BYTES // 4 - 2) + b"</a>"
    tracemalloc.start()
    with pytest.raises(ProtocolError, match="more than 200000 elements"):
        parse_xml(document)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * len(document)


def test_output_in_many_pieces_is_joined_in_linear_time() -> None:
    stream = Element(f"{{{SHELL}}}Stream", {"Name": "stdout", "CommandId": "C"})
    stream.text = "YWFhYWFh"
    body = Element("body")
    answer = Element(f"{{{SHELL}}}ReceiveResponse")
    answer.extend([stream] * 150_000)
    body.append(answer)
    started = time.thread_time()
    assert read_received(body, "C").stdout == b"aaaaaa" * 150_000
    assert time.thread_time() - started < 3
