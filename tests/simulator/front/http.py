# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP/1.1 connection: h11 over asyncio streams. Knows nothing of SOAP.

Source: RFC 9112; response headers as Windows' http.sys sends them.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol

import h11

IDLE_TIMEOUT_S = 120.0  # http.sys drops an idle connection after two minutes
_READ_BYTES = 65536
_REASONS = {
    200: "", 400: "Bad Request", 401: "", 404: "Not Found", 405: "Method Not Allowed",
    411: "Length Required", 413: "Request Entity Too Large", 500: "", 503: "Service Unavailable",
}  # fmt: skip


class Dropped(Exception):
    """Raised by a handler: the connection ends now, without an answer."""


class Counter(Protocol):
    """Who wants to know what goes over the wire."""

    connections: int

    def count_bytes(self, received: int, sent: int) -> None: ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, body read completely. Header names are lower case; a repeated header keeps its last value."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def has_length(self) -> bool:
        return "content-length" in self.headers


class HttpConnection:
    """The server's end of one TCP connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int, int], None]
    ) -> None:
        """`count` is told the bytes received and sent, before they go on in either direction."""
        self._reader = reader
        self._writer = writer
        self._count = count
        # asyncio leaves Nagle's algorithm on for listening sockets it did not make itself: 40 ms per answer.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._h11 = h11.Connection(our_role=h11.SERVER, max_incomplete_event_size=65536)

    @property
    def peer_address(self) -> str:
        peer = self._writer.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    async def read_request(self) -> HttpRequest | None:
        """The next request, or None when the connection is over. A broken request is answered 400 and ends it."""
        try:
            return await self._read_request()
        except h11.RemoteProtocolError:
            if self._h11.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                await self.respond(400, [("Connection", "close")], b"")
            return None
        except (ConnectionError, TimeoutError):
            return None

    async def _read_request(self) -> HttpRequest | None:
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        event = await self._next_event()
        if not isinstance(event, h11.Request):
            return None
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        if self._h11.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        body = bytearray()
        while isinstance(part := await self._next_event(), h11.Data):
            body += part.data
        if not isinstance(part, h11.EndOfMessage):
            return None
        path = event.target.decode("latin-1").partition("?")[0]
        return HttpRequest(event.method.decode("ascii"), path, headers, bytes(body))

    async def _next_event(self) -> object:
        while True:
            event: object = self._h11.next_event()
            if event is not h11.NEED_DATA:
                return event
            data = await asyncio.wait_for(self._reader.read(_READ_BYTES), IDLE_TIMEOUT_S)
            self._count(len(data), 0)
            self._h11.receive_data(data)

    async def respond(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> bool:
        """Send a whole answer; False when the connection is over afterwards."""
        fields = [*headers, ("Server", "Microsoft-HTTPAPI/2.0"), ("Date", formatdate(usegmt=True))]
        fields.append(("Content-Length", str(len(body))))
        reason = _REASONS.get(status, "").encode()
        await self._send(
            h11.Response(status_code=status, headers=fields, reason=reason), h11.Data(data=body), h11.EndOfMessage()
        )
        return self._h11.our_state is h11.DONE

    async def send_part(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """Send an answer that announces the whole body but stops halfway; the connection is of no use afterwards."""
        fields = [*headers, ("Content-Length", str(len(body)))]
        await self._send(h11.Response(status_code=status, headers=fields))
        await self._send(h11.Data(data=body[: len(body) // 2]))

    async def _send(self, *events: object) -> None:
        data = b"".join(self._h11.send(event) or b"" for event in events)
        self._count(0, len(data))
        self._writer.write(data)
        await self._writer.drain()

    def abort(self) -> None:
        """Drop the connection at once: the peer sees a reset."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close in order; errors of a peer that is already gone do not matter."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return


class Acceptor:
    """Accepts the connections of one listening socket and runs `serve` for each, in the loop that opened it."""

    def __init__(
        self,
        serve: Callable[[HttpConnection], Awaitable[None]],
        *,
        counter: Counter,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._handler = serve
        self._counter = counter
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, listening: socket.socket) -> None:
        """Accept connections from now on, in the running loop."""
        listening.setblocking(False)
        asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    async def close(self, listening: socket.socket) -> None:
        """Accept no more, reset every open connection, and return when all of them are done."""
        asyncio.get_running_loop().remove_reader(listening)
        await asyncio.sleep(0)  # a task that is cancelled before it runs would not close its socket
        tasks = self.drop_all()
        await asyncio.gather(*tasks, return_exceptions=True)

    def drop_all(self) -> list[asyncio.Task[None]]:
        """Reset every open connection; returns the tasks that are about to end."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks

    def _accept(self, listening: socket.socket) -> None:
        try:
            accepted, _unused = listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        accepted.setblocking(False)
        self._counter.connections += 1
        task = asyncio.get_running_loop().create_task(self._connect(accepted))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, accepted: socket.socket) -> None:
        """Serve one TCP connection until either side ends it."""
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        timeouts = {"ssl_handshake_timeout": 10.0, "ssl_shutdown_timeout": 1.0} if self._tls else {}
        try:
            transport, _unused = await loop.connect_accepted_socket(
                lambda: protocol, accepted, ssl=self._tls, **timeouts
            )
        except OSError:  # a client that does not trust the certificate, or speaks no TLS
            accepted.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        http = HttpConnection(reader, writer, self._counter.count_bytes)
        try:
            await self._handler(http)
        except (Dropped, OSError):
            http.abort()
        except asyncio.CancelledError:
            http.abort()
            raise
        finally:
            await http.close()
