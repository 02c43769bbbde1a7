# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for the tests of the wire side, written as text: a third hand beside the client's and the simulator's."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

from small_windows import ADMINISTRATORS, SmallWindows

from simulator.cim import Caller
from simulator.front.dispatch import Dispatcher
from simulator.front.statistics import Statistics

TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2"
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
SELECTOR_FILTER = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"
MESSAGE_ID = "uuid:11111111-2222-3333-4444-555555555555"

HEADERS = {
    "To": "<a:To>http://windows-host:5985/wsman</a:To>",
    "ReplyTo": f'<a:ReplyTo><a:Address s:mustUnderstand="true">{ANONYMOUS}</a:Address></a:ReplyTo>',
    "MessageID": f"<a:MessageID>{MESSAGE_ID}</a:MessageID>",
    "MaxEnvelopeSize": '<w:MaxEnvelopeSize s:mustUnderstand="true">153600</w:MaxEnvelopeSize>',
    "OperationTimeout": "<w:OperationTimeout>PT20S</w:OperationTimeout>",
    "Locale": '<w:Locale xml:lang="en-US" s:mustUnderstand="false"/>',
}


def envelope(
    action: str, uri: str, body: str = "", selectors: dict[str, str] | None = None, **headers: str | None
) -> bytes:
    """A request. `headers` replace those of HEADERS by name, or leave them out when None."""
    parts = {name: text for name, text in {**HEADERS, **headers}.items() if text is not None}
    parts.setdefault("Action", f'<a:Action s:mustUnderstand="true">{action}</a:Action>')
    parts.setdefault("ResourceURI", f'<w:ResourceURI s:mustUnderstand="true">{uri}</w:ResourceURI>')
    chosen = "".join(
        f'<w:Selector Name="{name}">{escape(value)}</w:Selector>' for name, value in (selectors or {}).items()
    )
    parts["SelectorSet"] = f"<w:SelectorSet>{chosen}</w:SelectorSet>" if chosen else ""
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
        ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"'
        f' xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd" xmlns:rsp="{SHELL}"'
        f' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common">'
        f"<s:Header>{''.join(parts.values())}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


class Wire:
    """A dispatcher without HTTP: send text, get parsed answers."""

    def __init__(self, windows: SmallWindows | None = None) -> None:
        self.windows = windows or SmallWindows()
        self.time_s = 0.0
        self.dispatcher = Dispatcher(self.windows, Statistics(), lambda: self.time_s)
        self.caller = self.windows.caller_of("Administrator", "127.0.0.1")

    def send(self, payload: bytes, caller: Caller | None = None) -> tuple[int, ET.Element]:
        """(HTTP status, envelope)."""
        answer = self.dispatcher.answer(self.dispatcher.open(payload), caller or self.caller)
        return answer.status, ET.fromstring(answer.payload)

    def body(self, payload: bytes) -> ET.Element:
        """The s:Body of an answer that must be no fault."""
        status, root = self.send(payload)
        assert status == 200, ET.tostring(root)
        return root[1]

    def fault(self, payload: bytes, caller: Caller | None = None) -> int:
        """The outer fault code of an answer that must be a fault, and no violation lost or invented by reading it."""
        status, root = self.send(payload, caller)
        assert status == 500, ET.tostring(root)
        return fault_code(root)

    @property
    def violations(self) -> list[str]:
        return [item.message for item in self.windows.journal.violations]

    def get(self, class_name: str, **selectors: str) -> bytes:
        return envelope(f"{TRANSFER}/Get", f"{WMI}/{class_name}", "", selectors)

    def invoke(self, class_name: str, method: str, content: str = "", **selectors: str) -> bytes:
        uri = f"{WMI}/{class_name}"
        body = f'<q:{method}_INPUT xmlns:q="{uri}">{content}</q:{method}_INPUT>'
        return envelope(f"{uri}/{method}", uri, body, selectors)

    def enumerate(self, target: str, content: str = "", *, optimize: bool = True, max_elements: int = 32000) -> bytes:
        options = "<w:OptimizeEnumeration/>" if optimize else ""
        body = f"<n:Enumerate>{options}<w:MaxElements>{max_elements}</w:MaxElements>{content}</n:Enumerate>"
        return envelope(f"{ENUMERATION}/Enumerate", f"{WMI}/{target}", body)

    def query(self, text: str) -> bytes:
        return self.enumerate("*", f'<w:Filter Dialect="{WQL}">{escape(text)}</w:Filter>')

    def pull(self, target: str, context: str, max_elements: int = 32000, verb: str = "Pull") -> bytes:
        limit = f"<n:MaxElements>{max_elements}</n:MaxElements>" if verb == "Pull" else ""
        body = f"<n:{verb}><n:EnumerationContext>{context}</n:EnumerationContext>{limit}</n:{verb}>"
        return envelope(f"{ENUMERATION}/{verb}", f"{WMI}/{target}", body)

    def everything(self, target: str, request: bytes) -> list[ET.Element]:
        """All items of an enumeration, pulled to its end."""
        body, items = self.body(request), []
        while True:
            items += [item for node in body.iter() if local(node) == "Items" for item in node]
            if any(local(node) == "EndOfSequence" for node in body.iter()):
                return items
            body = self.body(self.pull(target, context_of(body)))


def local(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


def context_of(body: ET.Element) -> str:
    return next(node.text or "" for node in body.iter() if local(node) == "EnumerationContext")


def fault_code(root: ET.Element) -> int:
    """The code of the outer WSManFault, or the error_Code of the second shape."""
    for node in root.iter():
        if local(node) == "WSManFault":
            return int(node.attrib["Code"])
    return int(next(node.text or "" for node in root.iter() if local(node) == "error_Code"))


def ordinary_user() -> Caller:
    return Caller("ordinary", "S-1-5-21-1-2-3-1001", frozenset({"S-1-5-32-545"}))


def filtered_administrator() -> Caller:
    return Caller("admin2", "S-1-5-21-1-2-3-1002", frozenset({ADMINISTRATORS}), is_elevated=False)
