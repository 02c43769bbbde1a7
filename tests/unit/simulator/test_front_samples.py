# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator's encoder against answers recorded from Windows: read a capture, encode it again, compare the text.

The model (class, types, values) is read from the capture with its own small reader, so that nothing of the encoder
decides what is expected. Text equality is meant: element order, nil, arrays, dates and escapes are all in it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from front_messages import SHELL, Wire, envelope
from small_windows import SmallWindows

from simulator.cim import CimClass, CimProperty, CimType
from simulator.front.dispatch import Dispatcher
from simulator.front.encoding import encode_fragment, encode_instance
from simulator.front.envelope import format_envelope
from simulator.front.fault_table import MAX_OPERATIONS
from simulator.front.soap_fault import SoapFault
from simulator.front.statistics import Statistics

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "reference" / "wsman_samples"
XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
ARRAYS = {"MUILanguages", "Roles", "IPAddress", "IPSubnet", "DefaultIPGateway", "DNSServerSearchOrder"}
INSTANCES = sorted(
    [
        "s2012_Win32_OperatingSystem_select_star",
        "s2012_Win32_ComputerSystem_select_star_array",
        "s2008r2_Win32_OperatingSystem_select_star",
        "s2008r2_Win32_Service_enumerate_first_1item_context",
        "s2012_Win32_Volume_enumerate_first_context",
        "s2012_Win32_Volume_pull_last_endofsequence",
    ]
)
FRAGMENTS = sorted(
    [
        "s2012_Win32_OperatingSystem_select_props_fragment",
        "s2008r2_Win32_ComputerSystem_select_props_fragment",
        "s2012_Win32_Service_pull_last_fragment_endofsequence",
        "s2003r2_Win32_NetworkAdapterConfiguration_fragment_arrays_datetime",
    ]
)

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the recorded Windows answers are not on this machine")


def read_sample(name: str) -> str:
    return (SAMPLES / f"{name}.xml").read_bytes().decode()


def typed(node: ET.Element) -> tuple[CimType, Any]:
    """The narrowest of the encoder's types that can hold what the capture says."""
    if node.get(XSI_NIL) == "true":
        return CimType.STRING, None
    if len(node):
        return CimType.DATETIME, datetime.fromisoformat((node[0].text or "").replace("Z", "+00:00"))
    text = node.text or ""
    if text in ("true", "false"):
        return CimType.BOOLEAN, text == "true"
    if re.fullmatch(r"0|[1-9][0-9]*", text) and int(text) < 2**64:
        return CimType.UINT64, int(text)
    if re.fullmatch(r"-[1-9][0-9]*", text):
        return CimType.SINT32, int(text)
    return CimType.STRING, text


def model(item: ET.Element) -> tuple[list[CimProperty], dict[str, Any]]:
    """Properties and values of one item, in the reverse of the order the capture has them."""
    groups: dict[str, list[ET.Element]] = {}
    for node in item:
        groups.setdefault(node.tag.rpartition("}")[2], []).append(node)
    properties, values = [], {}
    for name, nodes in reversed(groups.items()):
        is_array = len(nodes) > 1 or name in ARRAYS
        parts = [typed(node) for node in nodes]
        properties.append(CimProperty(name, parts[0][0], is_array=is_array))
        values[name] = [value for _unused, value in parts] if is_array else parts[0][1]
    return properties, values


def items_of(text: str) -> list[ET.Element]:
    (items,) = (node for node in ET.fromstring(text).iter() if node.tag.endswith("}Items"))
    return list(items)


@pytest.mark.parametrize("name", INSTANCES)
def test_an_instance_is_encoded_as_windows_does(name: str) -> None:
    text = read_sample(name)
    for item in items_of(text):
        properties, values = model(item)
        class_name = item.tag.rpartition("}")[2]
        null_array = CimProperty("ZzNullArray", CimType.STRING, is_array=True)
        encoded = encode_instance(CimClass(class_name, (*properties, null_array)), values | {"ZzNullArray": None})
        assert encoded in text
        assert len(encoded) > 1000


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_property_list_is_encoded_as_windows_does(name: str) -> None:
    text = read_sample(name)
    items = items_of(text)
    assert items
    for item in items:
        properties, values = model(item)
        encoded = encode_fragment(CimClass("Any", tuple(properties)), values, list(values))
        assert encoded in text


@pytest.mark.parametrize("name", [*INSTANCES, *FRAGMENTS])
def test_the_envelope_is_formed_as_windows_does(name: str) -> None:
    text = read_sample(name)
    root = ET.fromstring(text)
    header = {node.tag.rpartition("}")[2]: node.text or "" for node in root[0]}
    body = re.search(r"<s:Body>(.*)</s:Body>", text, re.DOTALL)
    assert body is not None
    formed = format_envelope(header["Action"], header["RelatesTo"], body.group(1), prefixes="s a n w")
    guid = r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}"
    message_id = re.compile(f"<a:MessageID>uuid:{guid}</a:MessageID>")
    assert message_id.sub("", formed, count=1) == message_id.sub("", text, count=1)


def shape(node: ET.Element, ignored: frozenset[str] = frozenset()) -> Any:
    """Tags, attribute names and nesting; the text where it is a code."""
    children = [shape(child, ignored) for child in node if child.tag.rpartition("}")[2] not in ignored]
    text = (node.text or "").strip() if node.tag.endswith("}Value") else ""
    return (node.tag, sorted(node.attrib), text, children)


def test_the_quota_fault_has_the_recorded_shape() -> None:
    recorded = ET.fromstring(read_sample("fault_quota_max_concurrent_operations"))
    dispatcher = Dispatcher(SmallWindows("2.0"), Statistics())
    message = dispatcher.open(b"<broken")
    formed = ET.fromstring(dispatcher.refuse(message, SoapFault(MAX_OPERATIONS)).payload)
    ignored = frozenset({"RelatesTo"})
    assert shape(formed, ignored) == shape(recorded, ignored)
    assert formed[0][0].text == (recorded[0][0].text or "").strip()


def test_shell_answers_have_the_recorded_shapes() -> None:
    wire = Wire()

    def send(action: str, body: str, shell_id: str = "") -> ET.Element:
        selectors = {"ShellId": shell_id} if shell_id else {}
        return wire.send(envelope(action, f"{SHELL}/cmd", body, selectors))[1]

    namespace = f'xmlns:rsp="{SHELL}"'
    created = send(
        "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create",
        f"<rsp:Shell {namespace}><rsp:InputStreams>stdin</rsp:InputStreams></rsp:Shell>",
    )
    assert shape(created) == shape(ET.fromstring(read_sample("shell_create_response")))
    shell_id = created.findtext(f".//{{{SHELL}}}ShellId", "")
    line = "<rsp:Command>type</rsp:Command><rsp:Arguments>ab</rsp:Arguments>"
    line = f"<rsp:CommandLine {namespace}>{line}</rsp:CommandLine>"
    command_id = send(f"{SHELL}/Command", line, shell_id).findtext(f".//{{{SHELL}}}CommandId", "")
    desired = f'<rsp:DesiredStream CommandId="{command_id}">stdout stderr</rsp:DesiredStream>'
    receive = f"<rsp:Receive {namespace}>{desired}</rsp:Receive>"
    send(f"{SHELL}/Receive", receive, shell_id)
    done = send(f"{SHELL}/Receive", receive, shell_id)
    recorded = ET.fromstring(read_sample("shell_receive_response_done"))
    recorded[1][0].remove(recorded[1][0][0])  # it had two pieces of output left, this one has one
    assert shape(done) == shape(recorded)
