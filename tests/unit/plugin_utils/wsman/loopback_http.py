# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server on loopback whose every answer a test decides; counts connections, keeps requests, can speak NTLM."""

from __future__ import annotations

import base64
import http.server
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import spnego

BOUNDARY = b"--Encrypted Boundary"
SEALED = "application/HTTP-SPNEGO-session-encrypted"


@dataclass
class Answer:
    """What the server does with a request. `cut` sends the body short of its length, `drop` nothing at all."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    drop: bool = False
    wait_s: float = 0.0
    then_close: bool = False


Respond = Callable[[bytes], Answer]


class Loopback:
    """The server and what it saw. `bodies` are the decrypted messages; `raw` the bytes as they came."""

    def __init__(self, respond: Respond, *, ntlm: bool = False) -> None:
        self.respond = respond
        self.ntlm = ntlm
        self.connections = 0
        self.open_connections = 0
        self.bodies: list[bytes] = []
        self.raw: list[bytes] = []
        self.authorizations: list[str] = []
        self.stopping = threading.Event()
        self._changed = threading.Condition()
        self.port = 0

    def connection_opened(self) -> None:
        with self._changed:
            self.connections += 1
            self.open_connections += 1

    def connection_closed(self) -> None:
        with self._changed:
            self.open_connections -= 1
            self._changed.notify_all()

    def wait_until_closed(self, timeout_s: float = 5.0) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.open_connections == 0, timeout_s)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.context: Any = None
        self.server.loopback.connection_opened()

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            pass
        finally:
            self.server.loopback.connection_closed()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def do_POST(self) -> None:
        loopback = self.server.loopback
        data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        loopback.raw.append(data)
        loopback.authorizations.append(self.headers.get("Authorization", ""))
        answer = self._ntlm(data) if loopback.ntlm else self._plain(data)
        if answer.wait_s:
            loopback.stopping.wait(answer.wait_s)
        if answer.drop:
            self._reset()
            return
        self._write(answer)
        if answer.then_close:
            self.close_connection = True

    def _plain(self, data: bytes) -> Answer:
        self.server.loopback.bodies.append(data)
        return self.server.loopback.respond(data)

    def _ntlm(self, data: bytes) -> Answer:
        scheme, _space, token = self.headers.get("Authorization", "").partition(" ")
        if token:
            return self._handshake(scheme, base64.b64decode(token), data)
        if self.context is None or not self.context.complete:
            return Answer(401, headers={"WWW-Authenticate": "Negotiate"}) if not data else Answer(400)
        return self._sealed(data)

    def _handshake(self, scheme: str, token: bytes, data: bytes) -> Answer:
        if self.context is None:
            protocol = "ntlm" if token.startswith(b"NTLMSSP") else "negotiate"
            self.context = spnego.server(protocol=protocol, hostname="sim", service="HTTP")
        try:
            reply = self.context.step(token)
        except spnego.exceptions.SpnegoError:
            return Answer(401, headers={"WWW-Authenticate": "Negotiate"})
        challenge = {"WWW-Authenticate": f"{scheme} {base64.b64encode(reply or b'').decode()}".strip()}
        if not self.context.complete:
            return Answer(401, headers=challenge)
        return Answer(200, headers=challenge if reply else {}) if not data else self._sealed(data)

    def _sealed(self, data: bytes) -> Answer:
        part = data.split(BOUNDARY + b"\r\n")[2].removesuffix(BOUNDARY + b"--\r\n")
        part = part.removeprefix(b"\tContent-Type: application/octet-stream\r\n")
        (length,) = struct.unpack("<i", part[:4])
        answer = self._plain(self.context.unwrap_winrm(part[4 : 4 + length], part[4 + length :]))
        if not answer.body:
            return answer
        sealed = self.context.wrap_winrm(answer.body)
        body = (
            BOUNDARY + f"\r\n\tContent-Type: {SEALED}\r\n".encode()
            + f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={len(answer.body)}\r\n".encode()
            + BOUNDARY + b"\r\n\tContent-Type: application/octet-stream\r\n"
            + struct.pack("<i", len(sealed.header)) + sealed.header + sealed.data + BOUNDARY + b"--\r\n"
        )  # fmt: skip
        kind = f'multipart/encrypted;protocol="{SEALED}";boundary="Encrypted Boundary"'
        return Answer(answer.status, body, {"Content-Type": kind}, then_close=answer.then_close)

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {"Content-Type": "application/soap+xml;charset=UTF-8", **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + (100 if answer.cut else 0)))
        self.end_headers()
        self.wfile.write(answer.body)
        if answer.cut:
            self.wfile.flush()
            self.close_connection = True

    def _reset(self) -> None:
        """End the connection with a reset instead of an orderly close."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    loopback: Loopback

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is part of the tests."""


@contextmanager
def serving(respond: Respond, *, tls: ssl.SSLContext | None = None, ntlm: bool = False) -> Iterator[Loopback]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    loopback = Loopback(respond, ntlm=ntlm)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.loopback = loopback
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    loopback.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        loopback.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
