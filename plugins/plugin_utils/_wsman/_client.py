# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The WS-Management CIM client: typed operations on one host over one transport.

Reads (Get, Enumerate with its Pulls, Identify, methods the schema lists as read-only) are sent once more, on a new
connection, when the connection turned out to be gone. Nothing else is ever sent twice. Every failure is a WsmanError
that names the operation, the object and the URL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from xml.etree.ElementTree import Element

from . import _requests as requests
from ._cim import CimClass, Instance, MethodResult
from ._command_shell import CommandResult, CommandShell
from ._console_output import decode_output
from ._decode import decode_instance, decode_method_result
from ._errors import (
    ERROR_WSMAN_QUOTA_MAX_OPERATIONS,
    ConnectionDropped,
    MessageTooLarge,
    OperationTimedOut,
    ProtocolError,
    QuotaExceeded,
    TransportTimeout,
    WsmanError,
)
from ._replies import Identity, Page, only_element, read_identity, read_page, read_reply
from ._requests import Effect, Header, Request
from ._transport import Statistics, Transport

__all__ = ["CommandResult", "Identity", "WsmanClient", "decode_output"]

# After these, a request that writes may or may not have been carried out.
_UNCERTAIN = (ConnectionDropped, TransportTimeout, ProtocolError, OperationTimedOut)

MAX_PAGES = 10_000
MAX_ANSWER_BYTES = 64 * 1024 * 1024


class WsmanClient:
    """Speaks with one host. Not thread-safe. `close` ends the remote shell; the transport stays its owner's."""

    def __init__(
        self,
        transport: Transport,
        message_ids: Callable[[], str],
        operation_timeout_s: int = 60,
        max_envelope_bytes: int = 512000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`message_ids` gives a new ``uuid:...`` per message; `clock` counts seconds, for the time-out of commands."""
        self._transport = transport
        self._message_ids = message_ids
        self._operation_timeout_s = operation_timeout_s
        self._max_envelope_bytes = max_envelope_bytes
        self._shell = CommandShell(self._exchange, self._header, clock)
        self._statistics = Statistics()
        self._last_body = b""

    @property
    def url(self) -> str:
        return self._transport.url

    @property
    def verifies_peer(self) -> bool:
        """False where https is used and any certificate is taken."""
        return self._transport.verifies_peer

    @property
    def statistics(self) -> Statistics:
        """Counts since this client was made."""
        return self._statistics

    def identify(self) -> Identity:
        """Return which WS-Management stack and, as far as it tells, which Windows answers."""
        request = requests.identify(self._header())
        with self._explained(request):
            return read_identity(self._ask(request))

    def get(self, cim_class: CimClass, selectors: Mapping[str, str] | None = None) -> Instance:
        """Return one instance by its keys; none for a singleton.

        Raises: WsmanFault, whose `is_not_found` says that there is no such instance (or class).
        """
        request = requests.get(self._header(), cim_class, selectors or {})
        with self._explained(request):
            return decode_instance(cim_class, only_element(self._ask(request)))

    def put(self, cim_class: CimClass, selectors: Mapping[str, str], changes: Mapping[str, object]) -> Instance:
        """Change these properties of an instance; return it as the host has it now (empty if it does not show it)."""
        request = requests.put(self._header(), cim_class, selectors, changes)
        with self._explained(request):
            body = self._ask(request)
            return decode_instance(cim_class, body[0]) if len(body) else Instance(cim_class.name, {})

    def invoke(
        self,
        cim_class: CimClass,
        method: str,
        arguments: Mapping[str, object],
        selectors: Mapping[str, str] | None = None,
    ) -> MethodResult:
        """Call a method and return its out-parameters; a return value other than 0 is a result, not an error.

        Raises: ParameterError for arguments the schema does not allow; nothing was sent then. WsmanError.
        """
        request = requests.invoke(self._header(), cim_class, method, arguments, selectors)
        with self._explained(request):
            output = only_element(self._ask(request), f"{method}_OUTPUT")
            return decode_method_result(cim_class, method, output)

    def enumerate(self, wql: str, cim_class: CimClass, *, max_instances: int | None = None) -> list[Instance]:
        """Return the result of a WQL query on `cim_class`, at most `max_instances` of it.

        Texts in `wql` must be escaped for WQL by the caller (`wql_text`). Raises: WsmanError.
        """

        def first() -> Request:
            return requests.enumerate_wql(self._header(), cim_class, wql)

        return self._instances(cim_class, first, cim_class.query_uri, max_instances)

    def enumerate_class(
        self, cim_class: CimClass, equal: Mapping[str, str] | None = None, *, max_instances: int | None = None
    ) -> list[Instance]:
        """Return the instances of a class, or those whose properties equal all of `equal`."""

        def first() -> Request:
            return requests.enumerate_class(self._header(), cim_class, equal)

        return self._instances(cim_class, first, cim_class.resource_uri, max_instances)

    def run_command(self, command_line: str, *, stdin: bytes | None = None, timeout_s: float = 300.0) -> CommandResult:
        """Run a line with cmd.exe on the host and return output and exit code.

        Opens the remote shell when needed. `stdin` is written and closed; None leaves it open, so a program that asks
        waits until `timeout_s`. Raises: CommandTimedOut, ParameterError for a line cmd.exe cannot take, WsmanError.
        """
        try:
            return self._shell.run(command_line, stdin=stdin, timeout_s=timeout_s)
        except WsmanError as error:
            error.operation = error.operation or f"Running {command_line[:200]!r} at {self._transport.url}"
            raise

    def reset(self) -> None:
        """Forget connection and shell, for instance because the host restarted. Sends nothing."""
        self._shell.forget()
        self._transport.reset()

    def close(self) -> None:
        """Delete the remote shell if one was opened."""
        self._shell.close()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _header(self) -> Header:
        return Header(
            message_id=self._message_ids(),
            to=self._transport.url,
            operation_timeout_s=self._operation_timeout_s,
            max_envelope_bytes=self._max_envelope_bytes,
        )

    def _exchange(self, request: Request) -> Element:
        """Send a request and return the body of its answer; a read gets a second chance on a new connection."""
        with self._explained(request):
            try:
                return self._send(request)
            except ConnectionDropped:
                self._transport.reset()
                if request.effect is not Effect.READ:
                    raise
            return self._send(request)

    def _ask(self, request: Request) -> Element:
        """Exchange a message that needs no shell. Commands of a shell use up the operations of a user on WinRM 2.0, so
        when there are none left the shell goes, and the request, which was not carried out, is sent again."""
        try:
            return self._exchange(request)
        except QuotaExceeded as fault:
            if not (self._shell.is_open and fault.has_number(ERROR_WSMAN_QUOTA_MAX_OPERATIONS)):
                raise
        self._shell.close()
        return self._exchange(request)

    def _send(self, request: Request) -> Element:
        size = len(request.message)
        if size > self._max_envelope_bytes:
            raise MessageTooLarge(f"the request has {size} bytes, at most {self._max_envelope_bytes} are sent.")
        before = self._statistics
        self._statistics = Statistics(before.messages + 1, before.bytes_sent + size, before.bytes_received)
        reply = self._transport.send(request.message)
        self._last_body = reply.body
        received = before.bytes_received + len(reply.body)
        self._statistics = Statistics(before.messages + 1, before.bytes_sent + size, received)
        return read_reply(reply, request)

    @contextmanager
    def _explained(self, request: Request) -> Iterator[None]:
        """Add to an error what was tried, where, and whether the host may have done it."""
        try:
            yield
        except WsmanError as error:
            error.operation = error.operation or f"{request.what} at {self._transport.url}"
            if isinstance(error, ProtocolError):
                error.attach(self._last_body)
            if request.effect is Effect.WRITE and isinstance(error, _UNCERTAIN):
                error.outcome_unknown = True
            raise

    def _instances(
        self, cim_class: CimClass, first: Callable[[], Request], resource_uri: str, limit: int | None
    ) -> list[Instance]:
        request = first()
        page = self._page(request)
        try:
            items = self._items(page, request, resource_uri, limit)
        except ConnectionDropped:
            # The place in the sequence is lost with the connection; asking the same Pull again could skip instances.
            request = first()
            items = self._items(self._page(request), request, resource_uri, limit)
        with self._explained(request):
            return [decode_instance(cim_class, item) for item in items]

    def _items(self, page: Page, request: Request, resource_uri: str, limit: int | None) -> list[Element]:
        items: list[Element] = []
        start = self._statistics
        for _number in range(MAX_PAGES):
            items += page.items
            if page.context is None:
                return items[:limit]
            if limit is not None and len(items) >= limit:
                self._release(resource_uri, page.context, request)
                return items[:limit]
            if (self._statistics - start).bytes_received > MAX_ANSWER_BYTES:
                break
            page = self._page(requests.pull(self._header(), resource_uri, page.context, request.what))
        if page.context is not None:
            self._release(resource_uri, page.context, request)
        with self._explained(request):
            raise MessageTooLarge(f"the enumeration does not end within {MAX_PAGES} pages or {MAX_ANSWER_BYTES} bytes.")

    def _page(self, request: Request) -> Page:
        with self._explained(request):
            return read_page(self._ask(request))

    def _release(self, resource_uri: str, context: str, request: Request) -> None:
        # An enumeration that is not released dies on the host after EnumerationTimeoutms.
        with suppress(WsmanError):
            self._exchange(requests.release(self._header(), resource_uri, context, request.what))


def wql_text(value: str) -> str:
    """Return a text as a WQL literal with its quotation marks. Source: Microsoft Learn, "WQL (SQL for WMI)"."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
