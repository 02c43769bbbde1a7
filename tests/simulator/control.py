# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control endpoint of a site that runs as a process: plain JSON over HTTP on loopback, for people and molecule.

    GET  /hosts            names, ports, whether they are up
    GET  /state/<host>     snapshot as text, what was written, what decides about DCOM now, violations
    GET  /changes/<host>   lines of the snapshot that the host was not described with, and those it has lost
    GET  /stats            counters per host
    POST /faults           {"host": ..., "effect": ..., "at": ..., ...}   see faults.py
    POST /reset            all hosts as described, counters and faults cleared
    POST /reboot/<host>    reboot at once
    GET  /links            every link of the description, tried now
    POST /connect          {"client": ..., "server": ..., "application": ..., ...}   one link, tried now
    POST /stop             end the process

Anyone who can reach the port can do all this: it listens on loopback only, and a POST must say that it is JSON, which
a page in a browser cannot do without asking first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from .faults import fault_from_json
from .front.http import Acceptor, HttpConnection, HttpRequest
from .front.statistics import Statistics
from .host import SimulatedHost
from .host_data import changes, in_force_data
from .opc.connection import LinkError, connect
from .opc.layers import Link
from .opc.link_data import outcome_data, parse_link
from .opc.network import Network
from .site import SimulatedSite

_JSON = "application/json"


class ControlError(Exception):
    """A request that cannot be done; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _cannot_stop() -> None:
    raise ControlError(409, "this site is part of another process")


class Control:
    """Answers control requests of one site. `build` makes fresh hosts; `hosts` is the current set, by name.

    `network` connects the hosts of that set for OPC; without one they have addresses handed out in order.
    """

    def __init__(
        self,
        site: SimulatedSite,
        hosts: dict[str, SimulatedHost],
        build: Callable[[], Mapping[str, SimulatedHost]],
        network: Network | None = None,
        links: tuple[Link, ...] = (),
    ) -> None:
        self._site = site
        self._hosts = hosts
        self._build = build
        self._network = network or Network(hosts)
        self._links = links
        self.on_stop: Callable[[], None] = _cannot_stop
        self.acceptor = Acceptor(self._serve, counter=Statistics())

    async def _serve(self, http: HttpConnection) -> None:
        while (request := await http.read_request()) is not None:
            try:
                status, answer = 200, self._answer(request)
            except ControlError as error:
                status, answer = error.status, {"error": str(error)}
            body = json.dumps(answer, indent=2).encode() + b"\n"
            if not await http.respond(status, [("Content-Type", _JSON)], body):
                return

    def _answer(self, request: HttpRequest) -> object:
        verb, _sep, name = request.path.strip("/").partition("/")
        if request.method == "GET":
            return self._read(verb, name)
        if request.method != "POST":
            raise ControlError(405, f"{request.method} is not understood")
        if request.headers.get("content-type", "").partition(";")[0].strip() != _JSON:
            raise ControlError(415, f"a POST needs Content-Type: {_JSON}")
        return self._do(verb, name, request.body)

    def _read(self, verb: str, name: str) -> object:
        if verb == "hosts" and not name:
            return {key: {"is_up": host.is_up, "ports": self._site[key].ports} for key, host in self._hosts.items()}
        if verb == "stats" and not name:
            return {key: self._site[key].statistics.as_dict() for key in self._hosts}
        if verb == "links" and not name:
            return [self._connect(link) for link in self._links]
        if verb == "state":
            host, served = self._host(name), self._site[name]
            return {
                "is_up": host.is_up,
                "snapshot": host.snapshot().text(),
                "writes": served.writes,
                "in_force": in_force_data(host.in_force()),
                "violations": served.violations,
            }
        if verb == "changes":
            host = self._host(name)
            return changes(host.initial.text(), host.snapshot().text())
        raise ControlError(404, f"no GET /{verb}")

    def _do(self, verb: str, name: str, body: bytes) -> object:
        if verb == "faults" and not name:
            return self._add_fault(body)
        if verb == "connect" and not name:
            return self._connect_as_asked(body)
        if verb == "reset" and not name:
            for key, host in self._build().items():
                self._hosts[key] = host
                self._site[key].replace(host)
            return {"reset": list(self._hosts)}
        if verb == "reboot":
            self._host(name).reboot()
            return {"rebooted": name}
        if verb == "stop" and not name:
            self.on_stop()
            return {"stopping": True}
        raise ControlError(404, f"no POST /{verb}")

    def _add_fault(self, body: bytes) -> object:
        try:
            data = dict(json.loads(body))
            name = str(data.pop("host", ""))
            self._host(name)
            self._site.add_fault(name, fault_from_json(data))
        except (TypeError, ValueError) as error:
            raise ControlError(400, str(error)) from error
        return {"added": name}

    def _connect_as_asked(self, body: bytes) -> object:
        try:
            return self._connect(parse_link(json.loads(body)))
        except ValueError as error:  # no JSON, or a LinkError
            raise ControlError(400, str(error)) from error

    def _connect(self, link: Link) -> object:
        try:
            return outcome_data(connect(self._network, link))
        except LinkError as error:
            raise ControlError(409, str(error)) from error

    def _host(self, name: str) -> SimulatedHost:
        if name not in self._hosts:
            raise ControlError(404, f"no host {name!r}; there are {', '.join(self._hosts)}")
        return self._hosts[name]
