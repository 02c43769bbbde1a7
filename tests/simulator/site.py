# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole simulated site: many hosts behind one event loop, each on ports of its own on loopback.

Sockets are bound in the caller's thread, so a port that is taken or a bad setting raises where the site is started; the
loop runs in one daemon thread, is waited for with a timeout and stopped by its handle. Requests are handled one after
the other in that thread: a test that changes a host while clients are talking to it does so through `run_in_loop`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import hashlib
import re
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import trustme

from .cim import SimulatedWindows
from .faults import FaultScript, ScriptedFault
from .front.authentication import BASIC, NTLM, Service
from .front.dispatch import Dispatcher
from .front.http import Acceptor
from .front.server import Listener
from .front.statistics import Statistics
from .inventory import LOOPBACK, Reach, connection_vars

SCHEMES = ("http", "https")
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 10.0
_BACKLOG = 128
_Result = TypeVar("_Result")


class SiteError(Exception):
    """The site cannot start, or does not stop."""


class SiteHost:
    """One host of a running site, seen by a test."""

    def __init__(self, name: str, host: SimulatedWindows, clock: Callable[[], float]) -> None:
        self.name = name
        self.host = host
        self.statistics = Statistics()
        self.faults = FaultScript()
        self.dispatcher = Dispatcher(host, self.statistics, clock)
        self.ports: dict[str, int] = {}
        self.listeners: list[Listener] = []
        self._clock = clock

    def replace(self, host: SimulatedWindows) -> None:
        """Put another host behind the same ports, with counters and faults cleared. Call it in the site's loop."""
        self.host = host
        self.statistics.reset()
        self.faults.clear()
        self.dispatcher = Dispatcher(host, self.statistics, self._clock)
        for listener in self.listeners:
            listener.switch(self.dispatcher, dataclasses.replace(listener.service, host=host))

    @property
    def violations(self) -> list[str]:
        return [f"{self.name}: {item.source}: {item.message}" for item in self.host.journal.violations]

    @property
    def writes(self) -> list[str]:
        """Every change made from outside, oldest first: subsystem, action and target, never a value."""
        records = self.host.journal.changes_by_callers()
        return [f"{item.subsystem} {item.action} {' '.join(item.target)}" for item in records]


class SimulatedSite:
    """The hosts of one test, served while the context is open.

    `hosts` maps inventory names to hosts. `auth` lists the schemes every listener offers. `delay_s` is added to every
    message, as a network round trip would. `port_base` gives host i the ports base + 2i (http) and base + 2i + 1.
    `watch` may be set to a function that is called in the site's loop with host and operation after each message that
    was carried out, before its answer leaves; an exception in it is a violation.
    """

    def __init__(
        self,
        hosts: Mapping[str, SimulatedWindows],
        *,
        schemes: Iterable[str] = ("http",),
        auth: Iterable[str] = (BASIC, NTLM),
        delay_s: float = 0.0,
        port_base: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.watch: Callable[[str, str], None] = lambda _name, _operation: None
        self.schemes, self.auth = tuple(schemes), tuple(auth)
        if not self.schemes or not set(self.schemes) <= set(SCHEMES):
            raise SiteError(f"schemes are {SCHEMES}, not {self.schemes}")
        if not self.auth or not set(self.auth) <= {BASIC, NTLM}:
            raise SiteError(f"auth is {(BASIC, NTLM)}, not {self.auth}")
        self._hosts = {name: SiteHost(name, host, clock) for name, host in hosts.items()}
        self._delay_s = delay_s
        self._port_base = port_base
        self._expected: list[re.Pattern[str]] = []
        self._sockets: list[socket.socket] = []
        self._acceptors: list[tuple[Acceptor, socket.socket]] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._tls: ssl.SSLContext | None = None

    def __enter__(self) -> SimulatedSite:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __getitem__(self, name: str) -> SiteHost:
        return self._hosts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def start(self) -> None:
        """Bind, start the loop and wait for it. Raises SiteError or OSError; nothing is left running then."""
        self._directory = tempfile.TemporaryDirectory(prefix="simulated-site-")
        try:
            certificate_hash = self._make_certificates() if "https" in self.schemes else None
            for index, host in enumerate(self._hosts.values()):
                self._bind(host, index, certificate_hash)
            self._thread = threading.Thread(target=self._run, name="simulated-site", daemon=True)
            self._thread.start()
            if not self._ready.wait(_START_TIMEOUT_S):
                raise SiteError(f"the site is not ready after {_START_TIMEOUT_S} s")
            if self._failure is not None:
                raise SiteError(f"the site cannot start: {self._failure}") from self._failure
        except BaseException:
            self.stop()
            raise

    def listen(self, acceptor: Acceptor, port: int = 0) -> int:
        """Bind a port on loopback for an acceptor that opens when the site starts; returns the port. Raises OSError."""
        item = socket.create_server((LOOPBACK, port), backlog=_BACKLOG)
        self._sockets.append(item)
        self._acceptors.append((acceptor, item))
        return int(item.getsockname()[1])

    def stop(self) -> None:
        """Close every connection and port. Does nothing on a site that is not running."""
        thread, self._thread = self._thread, None
        if thread is not None and self._loop is not None and self._stop is not None and thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            thread.join(_STOP_TIMEOUT_S)
            if thread.is_alive():
                raise SiteError(f"the site does not stop within {_STOP_TIMEOUT_S} s")
        for item in self._sockets:
            item.close()
        self._sockets.clear()
        self._acceptors.clear()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None

    def run_in_loop(self, function: Callable[[], _Result]) -> _Result:
        """Call a function between two requests, in the thread that serves them, and return its result."""
        if self._loop is None:
            raise SiteError("the site is not running")

        async def call() -> _Result:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(_START_TIMEOUT_S)

    @property
    def ca_path(self) -> str:
        """The PEM file of the authority that signed the certificates of this site."""
        if self._directory is None or self._tls is None:
            raise SiteError("the site has no https listener")
        return str(Path(self._directory.name) / "ca.pem")

    def inventory_vars(self, name: str, **reach: str) -> dict[str, object]:
        """Ansible variables that reach a host; `reach` is what `simulator.inventory.Reach` takes."""
        host = self._hosts[name]
        ca_path = self.ca_path if "https" in self.schemes else None
        return connection_vars(host.host, host.ports, Reach(**reach), ca_path)

    def add_fault(self, name: str, fault: ScriptedFault) -> None:
        """Let a fault strike one host from now on."""
        self._hosts[name].faults.add(fault)

    @property
    def violations(self) -> list[str]:
        return [line for host in self._hosts.values() for line in host.violations]

    def expect_violation(self, pattern: str) -> None:
        """Declare violations that belong to the test: every one that this regular expression finds."""
        self._expected.append(re.compile(pattern))

    def check(self) -> None:
        """Raises AssertionError that lists the violations nobody expected, and the expected ones that did not come."""
        lines = self.violations
        unexpected = [line for line in lines if not any(pattern.search(line) for pattern in self._expected)]
        missing = [item.pattern for item in self._expected if not any(item.search(line) for line in lines)]
        problems = unexpected + [f"expected, but not seen: {pattern}" for pattern in missing]
        if problems:
            raise AssertionError("the simulated site was asked what it does not know:\n" + "\n".join(problems))

    def _make_certificates(self) -> bytes:
        """Write ca.pem, prepare the TLS context, and return the SHA-256 of the server certificate."""
        assert self._directory is not None
        authority = trustme.CA()
        certificate = authority.issue_cert(LOOPBACK, "localhost")
        authority.cert_pem.write_to_path(str(Path(self._directory.name) / "ca.pem"))
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(self._tls)
        der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
        return hashlib.sha256(der).digest()

    def _bind(self, host: SiteHost, index: int, certificate_hash: bytes | None) -> None:
        assert self._directory is not None
        for scheme in self.schemes:
            port = 0 if self._port_base is None else self._port_base + 2 * index + SCHEMES.index(scheme)
            tls = self._tls if scheme == "https" else None
            accounts = Path(self._directory.name) / f"accounts-{index}"
            service = Service(host.host, self.auth, accounts, certificate_hash if tls else None)
            watch = functools.partial(self._watched, host.name)
            listener = Listener(host.dispatcher, service, host.faults, tls=tls, delay_s=self._delay_s, watch=watch)
            host.listeners.append(listener)
            host.ports[scheme] = self.listen(listener.acceptor, port)

    def _watched(self, name: str, operation: str) -> None:
        self.watch(name, operation)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - handed to the thread that waits in start()
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        for acceptor, item in self._acceptors:
            acceptor.open(item)
        self._ready.set()
        await self._stop.wait()
        await asyncio.gather(*(acceptor.close(item) for acceptor, item in self._acceptors))
