# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reply bodies captured from Windows hosts, read from the reference next to the repository; never copied into it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _decode, _replies, _schema, _shell_messages
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._cim import CimClass, CimProperty, CimType
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._requests import Effect, Request

SAMPLES = Path(__file__).resolve().parents[5] / "shared" / "reference" / "wsman_samples"

WIN32_VOLUME = CimClass(
    name="Win32_Volume",
    keys=("DeviceID",),
    properties=(
        CimProperty("Capacity", CimType.UINT64),
        CimProperty("DriveType", CimType.UINT32),
        CimProperty("SystemVolume", CimType.BOOLEAN),
        CimProperty("DriveLetter"),
        CimProperty("Label"),
    ),
)
WIN32_NETWORK_ADAPTER_CONFIGURATION = CimClass(
    name="Win32_NetworkAdapterConfiguration",
    keys=("Index",),
    properties=(
        CimProperty("Index", CimType.UINT32),
        CimProperty("DHCPEnabled", CimType.BOOLEAN),
        CimProperty("DHCPLeaseObtained", CimType.DATETIME),
        CimProperty("DHCPLeaseExpires", CimType.DATETIME),
        CimProperty("IPAddress", is_array=True),
        CimProperty("WINSScopeID"),
        CimProperty("MACAddress"),
    ),
)

_CLASSES = {
    "Win32_OperatingSystem": _schema.WIN32_OPERATING_SYSTEM,
    "Win32_ComputerSystem": _schema.WIN32_COMPUTER_SYSTEM,
    "Win32_Service": _schema.WIN32_SERVICE,
    "Win32_Volume": WIN32_VOLUME,
    "Win32_NetworkAdapterConfiguration": WIN32_NETWORK_ADAPTER_CONFIGURATION,
}

NAMES = (
    "eventlog_pull_response_one_event",
    "eventlog_subscribe_response",
    "fault_quota_max_concurrent_operations",
    "s2003r2_Win32_NetworkAdapterConfiguration_fragment_arrays_datetime",
    "s2008r2_Win32_ComputerSystem_select_props_fragment",
    "s2008r2_Win32_OperatingSystem_select_star",
    "s2008r2_Win32_Service_enumerate_first_1item_context",
    "s2012_Win32_ComputerSystem_select_star_array",
    "s2012_Win32_OperatingSystem_select_props_fragment",
    "s2012_Win32_OperatingSystem_select_star",
    "s2012_Win32_Service_pull_last_fragment_endofsequence",
    "s2012_Win32_Volume_enumerate_first_context",
    "s2012_Win32_Volume_pull_last_endofsequence",
    "shell_create_response",
    "shell_receive_response_done",
)


def sample(name: str) -> bytes:
    path = SAMPLES / f"{name}.xml"
    if not path.exists():
        pytest.skip(f"the captured Windows replies are not next to this repository: wsman_samples/{name}.xml")
    return path.read_bytes()


def request_of(body: bytes) -> Request:
    """Return the request a captured reply answers, found without parsing XML."""
    text = body.decode("utf-8")
    relates_to = re.search(r"<a:RelatesTo>\s*(\S+?)\s*</a:RelatesTo>", text)
    action = re.search(r"<a:Action>\s*(\S+?)\s*</a:Action>", text)
    assert relates_to is not None
    assert action is not None
    return Request(b"", relates_to[1], action[1].removesuffix("Response"), Effect.READ, "the captured request")


def decode(name: str, request: Request, body: bytes, status: int = 200) -> object:
    """Take a captured reply through everything the client does with it; return the value it stands for."""
    content = _replies.read_reply(_replies.Reply(status, body), request)
    if name == "shell_create_response":
        return _shell_messages.read_shell_id(content)
    if name == "shell_receive_response_done":
        return _shell_messages.read_received(content, "75233C4B-10BC-4796-A767-2D95F553DEEC")
    if name == "eventlog_subscribe_response":
        answer = _replies.only_element(content, "SubscribeResponse")
        return [element.text for element in answer if element.tag.endswith("}EnumerationContext")]
    page = _replies.read_page(content)
    cim_class = next((item for key, item in _CLASSES.items() if f"_{key}_" in name), None)
    if cim_class is None:
        return page
    return page.context, [_decode.decode_instance(cim_class, item) for item in page.items]


def texts(element: Element) -> list[str]:
    return [text.strip() for text in element.itertext() if text.strip()]
