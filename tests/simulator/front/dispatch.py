# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bytes of one request to the bytes of its answer: the WinRM service of one host, without any HTTP.

Two steps, so that a test can interfere between them: `open` says what the message asks for, `answer` does it. Every
refusal of something unknown is recorded in the host's journal; a bug in a provider is recorded and answered 500.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from ..cim import Caller, SimulatedWindows
from .cim_operations import CimOperations
from .decoding import split_wmi_uri
from .enumeration import Enumerations
from .envelope import Request, format_envelope, message_id_of, parse_document, parse_request
from .fault_table import (
    ACCESS_DENIED,
    ACTION_NOT_SUPPORTED,
    ENVELOPE_TOO_LARGE,
    INVALID_XML,
    MAX_OPERATIONS,
    UNSUPPORTED_FEATURE,
)
from .filters import WQL_DIALECT
from .identify import format_identify
from .limits import limits_of
from .shell import SHELL_ACTION, SHELL_CMD_URI, ShellService
from .soap_fault import QUOTA_STATUS, SoapFault, format_fault_body
from .statistics import Statistics
from .wql import WqlError, parse_query
from .xml import N, W, X

_TRANSFER, _ENUMERATION = X + "/", N + "/"
_REMOTE_MANAGEMENT_USERS, _INTERACTIVE = "S-1-5-32-580", "S-1-5-4"
_FAULT_PREFIXES = "s a x e n w p"
_NEEDS_NO_SLOT = {"Pull", "Release", "Receive", "Send", "Signal", "Delete", "Identify"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. `delay_s` is the time the service would have waited before it says so."""

    status: int
    payload: bytes
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Message:
    """One request, opened. Exactly one of `request` and `fault` is set. `number` counts from 1 per host."""

    number: int
    message_id: str
    request: Request | None
    fault: SoapFault | None
    class_name: str = ""
    method: str = ""
    charset: str = "utf-8"

    @property
    def action(self) -> str:
        return self.request.action if self.request else ""

    @property
    def operation(self) -> str:
        """`StdRegProv.GetDWORDValue`, `Win32_Service.Get`, `shell.Command`, `Identify`."""
        return f"{self.class_name}.{self.method}" if self.class_name else self.method


class Dispatcher:
    """The WS-Management service of one host. `clock` gives seconds and drives expiry."""

    def __init__(
        self, host: SimulatedWindows, statistics: Statistics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.host = host
        self.statistics = statistics
        self.limits = limits_of(host.stack_version)
        self.enumerations = Enumerations(self.limits, clock)
        self.shells = ShellService(host, self.limits, statistics, clock)
        self._cim = CimOperations(host, self.enumerations)
        self._boot_count = host.boot_count

    def open(self, payload: bytes, charset: str = "utf-8") -> Message:
        """Parse a message and count it; a message that breaks a rule is returned with its fault."""
        self._forget_after_boot()
        self.statistics.messages += 1
        number, message_id = self.statistics.messages, ""
        try:
            root = parse_document(_to_utf8(payload, charset))
            message_id = message_id_of(root)
            request = parse_request(root, self.limits)
        except SoapFault as fault:
            return Message(number, message_id, None, fault, charset=charset)
        class_name, method = _name_operation(request, self.host)
        return Message(number, message_id, request, None, class_name, method, charset)

    def answer(self, message: Message, caller: Caller | None) -> Answer:
        """Do what an opened message asks for. `caller` is None only for an unauthenticated Identify."""
        try:
            return self._answer(message, caller)
        except SoapFault as fault:
            return self.refuse(message, fault)
        except Exception:  # noqa: BLE001 - a bug behind the wire must reach the test, not only the client
            self.host.journal.violation("exception", f"{message.operation}: {traceback.format_exc()}")
            return Answer(500, b"")

    def refuse(self, message: Message, fault: SoapFault) -> Answer:
        """The answer to a message that ends in a fault."""
        if fault.violation is not None:
            self.host.journal.violation("front", f"{message.operation or 'message'}: {fault.violation}")
        self.statistics.faults_sent += 1
        language = self.host.ui_language
        body = format_fault_body(fault, language, self.host.computer_name)
        text = format_envelope(fault.action, message.message_id, body, prefixes=_FAULT_PREFIXES, ui_language=language)
        delay_s = message.request.operation_timeout_s if message.request and fault.waits else 0.0
        return Answer(500, text.encode(message.charset), delay_s)

    def _forget_after_boot(self) -> None:
        if self.host.boot_count != self._boot_count:
            self._boot_count = self.host.boot_count
            self.enumerations.clear()
            self.shells.clear()

    def _answer(self, message: Message, caller: Caller | None) -> Answer:
        if message.fault is not None:
            raise message.fault
        request = message.request
        assert request is not None
        self.statistics.operations[message.operation] += 1
        for remark in request.remarks:
            self.host.journal.violation("front", f"{message.operation}: {remark}")
        if request.is_identify:
            return Answer(200, format_identify(self.host, caller).encode(message.charset))
        if caller is None:
            raise SoapFault(ACCESS_DENIED, violation="a request other than Identify without a caller")
        self._check_access(caller)
        self._check_quota(message.method, caller)
        body, prefixes = self._route(request, caller)
        text = format_envelope(request.action + "Response", message.message_id, body, prefixes=prefixes)
        if len(text) * 2 > request.max_envelope_bytes:
            raise SoapFault(ENVELOPE_TOO_LARGE)
        return Answer(200, text.encode(message.charset))

    def _check_access(self, caller: Caller) -> None:
        """RootSDDL as shipped: administrators, and from 8/2012 on Remote Management Users."""
        if caller.is_administrator or {_REMOTE_MANAGEMENT_USERS, _INTERACTIVE} & caller.sids:
            return
        raise SoapFault(ACCESS_DENIED)

    def _check_quota(self, verb: str, caller: Caller) -> None:
        if verb in _NEEDS_NO_SLOT:
            return
        busy = self.enumerations.open_by(caller.account_name) + self.shells.commands_of(caller.account_name)
        if busy >= self.limits.max_operations_per_user:
            status = None if self.host.stack_version == "2.0" else QUOTA_STATUS
            raise SoapFault(MAX_OPERATIONS, f"({self.limits.max_operations_per_user})", cim_status=status)

    def _route(self, request: Request, caller: Caller) -> tuple[str, str]:
        """(content of s:Body, prefixes to declare)."""
        uri = request.resource_uri.lower()
        if uri.startswith(SHELL_ACTION.lower()):
            return self._route_shell(request, caller)
        if request.action.startswith(_ENUMERATION):
            verbs = {"Enumerate": self._cim.enumerate, "Pull": self._cim.pull, "Release": self._cim.release}
            verb = verbs.get(request.action[len(_ENUMERATION) :])
            if verb is not None:
                return verb(request, caller), "s a n w"
        if request.action == _TRANSFER + "Get":
            return self._cim.get(request, caller), "s a x n w p"
        if request.action == _TRANSFER + "Put":
            return self._cim.put(request, caller), "s a x n w p"
        if request.action in (_TRANSFER + "Create", _TRANSFER + "Delete") and self.host.stack_version != "2.0":
            raise SoapFault(UNSUPPORTED_FEATURE, violation=f"{request.action} on {request.resource_uri}")
        if request.action.lower().rpartition("/")[0] == uri:
            return self._cim.invoke(request, caller), "s a x n w p"
        raise SoapFault(ACTION_NOT_SUPPORTED, violation=f"action {request.action} on {request.resource_uri}")

    def _route_shell(self, request: Request, caller: Caller) -> tuple[str, str]:
        for base in (_TRANSFER, SHELL_ACTION + "/"):
            verb = request.action[len(base) :] if request.action.startswith(base) else ""
            if verb and request.resource_uri.lower() == SHELL_CMD_URI and self.shells.has_verb(verb):
                return self.shells.handle(verb, request, caller), "s a x w rsp p"
        raise SoapFault(ACTION_NOT_SUPPORTED, violation=f"action {request.action} on {request.resource_uri}")


def _to_utf8(payload: bytes, charset: str) -> bytes:
    if charset == "utf-8":
        return payload
    try:
        return payload.decode(charset).encode()
    except UnicodeDecodeError as error:
        raise SoapFault(INVALID_XML, violation=f"the message is no {charset}") from error


def _name_operation(request: Request, host: SimulatedWindows) -> tuple[str, str]:
    """(class as it is spelled, method or verb) for counters, logs and scripted faults."""
    verb = request.action.rpartition("/")[2]
    if request.is_identify:
        return "", "Identify"
    if request.resource_uri.lower().startswith(SHELL_ACTION.lower()):
        return "shell", verb
    namespace, class_name = split_wmi_uri(request.resource_uri) or ("", "unknown")
    if class_name == "*" and request.body is not None:
        node = request.body.find(f"{{{W}}}Filter")
        if node is not None and node.get("Dialect") == WQL_DIALECT:
            try:
                class_name = parse_query(node.text or "").class_name
            except WqlError:
                return "*", verb
    provider = host.provider(namespace, class_name)
    return (provider.cim_class.name if provider else class_name), verb
