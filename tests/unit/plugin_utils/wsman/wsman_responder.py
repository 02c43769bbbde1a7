# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small WS-Management host in memory, for tests of the client: its answers are written from the protocol's side.

It shares no code with the client. Requests are read with ElementTree; answers are texts. It is strict about what the
client must get right: message ids, known shells and commands, contexts used once.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._replies import Reply

SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
ADDRESSING = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
WSMAN = "{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}"
ENUMERATION = "{http://schemas.xmlsoap.org/ws/2004/09/enumeration}"
SHELL = "{http://schemas.microsoft.com/wbem/wsman/1/windows/shell}"
SHELL_URI = SHELL.strip("{}")

NAMESPACES = (
    'xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" '
    'xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
    f'xmlns:rsp="{SHELL_URI}" xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
)


@dataclass
class Message:
    """A request as the host sees it."""

    action: str
    verb: str
    resource_uri: str
    message_id: str
    selectors: dict[str, str]
    body: ElementTree.Element

    def text(self, tag: str) -> str:
        found = self.body.find(f".//{tag}")
        return "" if found is None else found.text or ""


def read(data: bytes) -> Message:
    root = ElementTree.fromstring(data)
    header, body = root.find(f"{SOAP}Header"), root.find(f"{SOAP}Body")
    assert header is not None
    assert body is not None
    action = header.findtext(f"{ADDRESSING}Action") or ""
    return Message(
        action=action,
        verb=action.rpartition("/")[2],
        resource_uri=header.findtext(f"{WSMAN}ResourceURI") or "",
        message_id=header.findtext(f"{ADDRESSING}MessageID") or "",
        selectors={item.get("Name", ""): item.text or "" for item in header.iter(f"{WSMAN}Selector")},
        body=body,
    )


def answer(message: Message, body: str, status: int = 200) -> Reply:
    text = (
        f'<s:Envelope xml:lang="en-US" {NAMESPACES}><s:Header><a:Action>{message.action}Response</a:Action>'
        "<a:MessageID>uuid:724F5735-945C-4AD8-BBFA-5A1E489CA341</a:MessageID>"
        f"<a:RelatesTo>{message.message_id}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
    return Reply(status, text.encode())


def fault(message: Message, code: int, subcode: str = "w:InternalError") -> Reply:
    detail = f'<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="{code}"/>'
    body = (
        f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{subcode}</s:Value></s:Subcode></s:Code>"
        f"<s:Reason><s:Text/></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>"
    )
    return answer(message, body, 500)


def method_output(message: Message, inside: str) -> Reply:
    tag = f"p:{message.verb}_OUTPUT"
    return answer(message, f'<{tag} xmlns:p="{message.resource_uri}">{inside}</{tag}>')


Behaviour = Callable[[Message], Reply | Exception | None]


@dataclass
class Responder:
    """The transport of the tests. `behaviour` may answer a message first; None leaves it to the host's own rules."""

    rows: list[str] = field(default_factory=list)
    page_size: int = 1
    program: Callable[[str], Iterator[str | int]] = lambda line: iter((line, 0))
    commands_per_shell: int = 100
    behaviour: Behaviour = lambda message: None

    def __post_init__(self) -> None:
        self.seen: list[Message] = []
        self.resets = 0
        self.shells: dict[str, int] = {}
        self.deleted: list[str] = []
        self.running: dict[str, Iterator[str | int]] = {}
        self.terminated: list[str] = []
        self.stdin: list[bytes] = []
        self.contexts: dict[str, int] = {}
        self.released: list[str] = []
        self._numbers = itertools.count(1)

    @property
    def url(self) -> str:
        return "http://host:5985/wsman"

    @property
    def verbs(self) -> list[str]:
        return [message.verb for message in self.seen]

    def send(self, data: bytes) -> Reply:
        message = read(data)
        self.seen.append(message)
        special = self.behaviour(message)
        if isinstance(special, Exception):
            raise special
        if special is not None:
            return special
        handler: Callable[[Message], Reply] = getattr(self, f"on_{message.verb.lower()}", self.on_method)
        return handler(message)

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        raise AssertionError("the client does not own the transport")

    # -- CIM ---------------------------------------------------------------------------------------------------------

    def on_method(self, message: Message) -> Reply:
        return method_output(message, "<p:ReturnValue>0</p:ReturnValue>")

    def on_get(self, message: Message) -> Reply:
        name = message.resource_uri.rpartition("/")[2]
        keys = "".join(f"<p:{key}>{value}</p:{key}>" for key, value in message.selectors.items())
        return answer(message, f'<p:{name} xmlns:p="{message.resource_uri}">{keys}</p:{name}>')

    def on_put(self, message: Message) -> Reply:
        name = message.resource_uri.rpartition("/")[2]
        [sent] = message.body
        changed = ((item.tag.rpartition("}")[2], item.text) for item in sent)
        inside = "".join(f"<p:{key}>{value}</p:{key}>" for key, value in changed)
        return answer(message, f'<p:{name} xmlns:p="{message.resource_uri}">{inside}</p:{name}>')

    def on_enumerate(self, message: Message) -> Reply:
        return self._page(message, 0, "w", "EnumerateResponse")

    def on_pull(self, message: Message) -> Reply:
        context = message.text(f"{ENUMERATION}EnumerationContext")
        if context not in self.contexts:
            return fault(message, 2150858795, "n:InvalidEnumerationContext")
        return self._page(message, self.contexts.pop(context), "n", "PullResponse")

    def on_release(self, message: Message) -> Reply:
        context = message.text(f"{ENUMERATION}EnumerationContext")
        del self.contexts[context]
        self.released.append(context)
        return answer(message, "")

    def _page(self, message: Message, start: int, prefix: str, name: str) -> Reply:
        end = start + self.page_size
        items = f"<{prefix}:Items>{''.join(self.rows[start:end])}</{prefix}:Items>"
        if end >= len(self.rows):
            return answer(message, f"<n:{name}>{items}<{prefix}:EndOfSequence/></n:{name}>")
        context = f"uuid:{next(self._numbers)}"
        self.contexts[context] = end
        return answer(message, f"<n:{name}><n:EnumerationContext>{context}</n:EnumerationContext>{items}</n:{name}>")

    # -- remote shell ------------------------------------------------------------------------------------------------

    def on_create(self, message: Message) -> Reply:
        shell = f"SHELL-{next(self._numbers)}"
        self.shells[shell] = 0
        selectors = f'<w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet>'
        reference = f"<a:ReferenceParameters>{selectors}</a:ReferenceParameters>"
        return answer(message, f"<x:ResourceCreated>{reference}</x:ResourceCreated>")

    def _unknown_shell(self, message: Message) -> Reply | None:
        known = message.selectors.get("ShellId") in self.shells
        return None if known else fault(message, 2150858843, "w:InvalidSelectors")

    def on_command(self, message: Message) -> Reply:
        if refusal := self._unknown_shell(message):
            return refusal
        shell = message.selectors["ShellId"]
        if self.shells[shell] >= self.commands_per_shell:
            return fault(message, 2150859174)
        self.shells[shell] += 1
        command = f"COMMAND-{next(self._numbers)}"
        self.running[command] = self.program(message.text(f"{SHELL}Command"))
        return answer(message, f"<rsp:CommandResponse><rsp:CommandId>{command}</rsp:CommandId></rsp:CommandResponse>")

    def on_send(self, message: Message) -> Reply:
        stream = message.body.find(f".//{SHELL}Stream")
        assert stream is not None
        assert stream.get("End") == "true"
        self.stdin.append(base64.b64decode(stream.text or ""))
        return answer(message, "<rsp:SendResponse/>")

    def on_receive(self, message: Message) -> Reply:
        if refusal := self._unknown_shell(message):
            return refusal
        wanted = message.body.find(f".//{SHELL}DesiredStream")
        assert wanted is not None
        command = wanted.get("CommandId", "")
        step = next(self.running[command])
        if isinstance(step, str) and step == "(nothing)":
            return fault(message, 2150858793, "w:TimedOut")
        return answer(message, f"<rsp:ReceiveResponse>{_output(command, step)}</rsp:ReceiveResponse>")

    def on_signal(self, message: Message) -> Reply:
        signal = message.body.find(f"{SHELL}Signal")
        assert signal is not None
        assert message.text(f"{SHELL}Code") == f"{SHELL_URI}/signal/terminate"
        self.terminated.append(signal.get("CommandId", ""))
        return answer(message, "<rsp:SignalResponse/>")

    def on_delete(self, message: Message) -> Reply:
        if refusal := self._unknown_shell(message):
            return refusal
        del self.shells[message.selectors["ShellId"]]
        self.deleted.append(message.selectors["ShellId"])
        return answer(message, "")


def _output(command: str, step: str | int) -> str:
    """One Receive: a text printed (``!`` before it: to stderr), or an exit code."""
    if isinstance(step, int):
        return (
            f'<rsp:Stream Name="stdout" CommandId="{command}" End="true"/>'
            f'<rsp:CommandState CommandId="{command}" State="{SHELL_URI}/CommandState/Done">'
            f"<rsp:ExitCode>{step}</rsp:ExitCode></rsp:CommandState>"
        )
    name, text = ("stderr", step[1:]) if step.startswith("!") else ("stdout", step)
    data = base64.b64encode(text.encode("latin-1")).decode()
    return (
        f'<rsp:Stream Name="{name}" CommandId="{command}">{data}</rsp:Stream>'
        f'<rsp:CommandState CommandId="{command}" State="{SHELL_URI}/CommandState/Running"/>'
    )
