# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One WinRM listener: HTTP rules, authentication, sealing, and what a scripted fault does to a message.

Source: wsman_cim.md 1.1. That plain http with AllowUnencrypted=false is answered 500 without a body rests on one
client's error text (401 is plausible too); the bare 400, 404 and 413 were seen by several clients.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..cim import Caller
from ..faults import Effect, FaultScript, ScriptedFault
from .authentication import SEALED, Authenticator, SealError, Service
from .dispatch import Answer, Dispatcher, Message
from .envelope import new_guid
from .http import Acceptor, Dropped, HttpConnection, HttpRequest
from .soap_fault import SoapFault

_PATH = "/wsman"
_SOAP = "application/soap+xml"
_CHARSET = re.compile(r'charset="?([\w-]+)', re.IGNORECASE)
_CHARSETS = {"utf-8": "utf-8", "utf-16": "utf-16"}
_IDENTIFY_HEADER = "wsmanidentify"
_HTML = b"<!DOCTYPE html><html><head><title>Proxy</title></head><body><h1>Sign in</h1></body></html>"
_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + level, b"&%c;" % (97 + level) * 10) for level in range(9))
    + b"]><a>&j;</a>"
)

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Plain:
    """A request body in the clear, and how its answer has to travel."""

    payload: bytes
    charset: str
    is_sealed: bool


class Listener:
    """What all connections to one port of one host share. `watch` is called after each message that was carried out."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        service: Service,
        script: FaultScript,
        *,
        tls: ssl.SSLContext | None = None,
        delay_s: float = 0.0,
        watch: Callable[[str], None] = lambda _operation: None,
    ) -> None:
        self.dispatcher = dispatcher
        self._watch = watch
        self.service = service
        self.script = script
        self.delay_s = delay_s
        self._is_tls = tls is not None
        self.acceptor = Acceptor(self._serve, tls=tls, counter=dispatcher.statistics)

    def switch(self, dispatcher: Dispatcher, service: Service) -> None:
        """Put another host behind this port; connections to the old one are reset."""
        self.dispatcher, self.service = dispatcher, service
        self.acceptor.drop_all()

    async def _serve(self, http: HttpConnection) -> None:
        authenticator = Authenticator(self.service, http.peer_address)
        host, boot_count = self.service.host, self.service.host.boot_count
        while host.is_up and (request := await http.read_request()) is not None:
            if not host.is_up or host.boot_count != boot_count:
                raise Dropped
            status, headers, body = await self._guarded_reply(http, request, authenticator)
            if not await http.respond(status, headers, body):
                return
        if not host.is_up:
            raise Dropped

    async def _guarded_reply(
        self, http: HttpConnection, request: HttpRequest, authenticator: Authenticator
    ) -> tuple[int, Headers, bytes]:
        """As `_reply`; a bug outside the dispatcher (a logon, say) is a violation and a bare 500."""
        try:
            return await self._reply(http, request, authenticator)
        except (Dropped, OSError):
            raise
        except Exception:  # noqa: BLE001 - a bug behind the wire must reach the test, not only the client
            self.service.host.journal.violation("exception", traceback.format_exc())
            return 500, [], b""

    async def _reply(
        self, http: HttpConnection, request: HttpRequest, authenticator: Authenticator
    ) -> tuple[int, Headers, bytes]:
        """(status, headers, body) of the answer. Raises Dropped."""
        if request.path.rstrip("/").lower() != _PATH:
            return 404, [], b""
        if request.method != "POST":
            return 405, [("Allow", "POST")], b""
        if not request.has_length:
            return 411, [("Connection", "close")], b""
        self.dispatcher.statistics.posts += 1
        if _IDENTIFY_HEADER in request.headers and "authorization" not in request.headers:
            return await self._unauthenticated(request)
        outcome = authenticator.authenticate(request.headers.get("authorization"))
        if outcome.caller is None:
            self.dispatcher.statistics.authentication_round_trips += 1
            return 401, _challenge_headers(outcome.challenges), b""
        headers = _challenge_headers(outcome.challenges)
        if not request.body:
            return 200, headers, b""
        status, more, body = await self._message(http, request, authenticator, outcome.caller)
        return status, [*headers, *more], body

    async def _unauthenticated(self, request: HttpRequest) -> tuple[int, Headers, bytes]:
        message = self.dispatcher.open(request.body, _charset(request))
        if message.request is not None and message.request.is_identify:
            answer = self.dispatcher.answer(message, None)
            return answer.status, [("Content-Type", f"{_SOAP};charset=UTF-8")], answer.payload
        return 401, _challenge_headers(self.service.challenges), b""

    async def _message(
        self, http: HttpConnection, request: HttpRequest, authenticator: Authenticator, caller: Caller
    ) -> tuple[int, Headers, bytes]:
        try:
            plain = self._open_body(request, authenticator)
        except SealError:
            return 400, [], b""
        if plain is None:
            return 500, [], b""
        if len(plain.payload) > self.dispatcher.limits.max_envelope_bytes:
            return 413, [], b""
        message = self.dispatcher.open(plain.payload, plain.charset)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        fault = self.script.strike(message)
        bare = _bare_answer(fault, self.service.challenges)
        if bare is not None:
            return bare
        answer = await self._answer(message, caller, fault)
        content_type = f"{_SOAP};charset={plain.charset.upper()}"
        payload = answer.payload
        if plain.is_sealed and payload:
            content_type, payload = authenticator.seal(payload, plain.charset)
        if fault is not None and fault.effect is Effect.DROP_MIDWAY:
            await http.send_part(answer.status, [("Content-Type", content_type)], payload)
            raise Dropped
        return answer.status, [("Content-Type", content_type)] if payload else [], payload

    def _open_body(self, request: HttpRequest, authenticator: Authenticator) -> _Plain | None:
        """The plain message, or None where it should have been sealed. Raises SealError."""
        content_type = request.headers.get("content-type", "")
        if SEALED.lower() in content_type.lower():
            return _Plain(authenticator.unseal(content_type, request.body), "utf-8", True)
        if not self._is_tls and not self.service.host.allow_unencrypted:
            return None
        return _Plain(request.body, _charset(request), False)

    async def _answer(self, message: Message, caller: Caller, fault: ScriptedFault | None) -> Answer:
        """Carry the message out, disturbed by the fault. Raises Dropped."""
        effect = fault.effect if fault else None
        if fault is not None and effect is Effect.FAULT:
            return self.dispatcher.refuse(message, SoapFault(fault.code))
        if effect is Effect.DROP_BEFORE:
            raise Dropped
        if fault is not None and fault.callback is not None and effect is Effect.CALL_BEFORE:
            fault.callback()
        answer = self.dispatcher.answer(message, caller)
        self._watch(message.operation)
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        return await self._disturb(message, answer, fault) if fault is not None else answer

    async def _disturb(self, message: Message, answer: Answer, fault: ScriptedFault) -> Answer:
        if fault.callback is not None and fault.effect in (Effect.CALL_AFTER, Effect.CALL_BETWEEN):
            fault.callback()
        if fault.effect in (Effect.DROP_AFTER, Effect.CALL_AFTER):
            raise Dropped
        if fault.effect is Effect.SLOW:
            await asyncio.sleep(fault.seconds)
        if fault.effect is Effect.FAULT_AFTER:
            return self.dispatcher.refuse(message, SoapFault(fault.code))
        replacements = {
            Effect.TRUNCATED: answer.payload[: len(answer.payload) // 2],
            Effect.WRONG_RELATES_TO: answer.payload.replace(message.message_id.encode(), f"uuid:{new_guid()}".encode()),
            Effect.XML_BOMB: _BOMB,
        }
        return Answer(answer.status, replacements.get(fault.effect, answer.payload))


def _bare_answer(fault: ScriptedFault | None, challenges: tuple[str, ...]) -> tuple[int, Headers, bytes] | None:
    """Answers that no WS-Management service wrote, or None."""
    if fault is None:
        return None
    if fault.effect is Effect.UNAUTHORIZED:
        return 401, _challenge_headers(challenges), b""
    if fault.effect is Effect.TOO_LARGE:
        return 413, [], b""
    if fault.effect is Effect.HTML:
        return 200, [("Content-Type", "text/html; charset=utf-8")], _HTML
    return None


def _challenge_headers(challenges: tuple[str, ...]) -> list[tuple[str, str]]:
    return [("WWW-Authenticate", value) for value in challenges]


def _charset(request: HttpRequest) -> str:
    match = _CHARSET.search(request.headers.get("content-type", ""))
    return _CHARSETS.get(match.group(1).lower(), "utf-8") if match else "utf-8"
