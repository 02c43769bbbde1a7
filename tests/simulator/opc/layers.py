# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers a connection passes, and what came of one: values only.

The order of `Layer` is the order in which one looks for a cause. Windows does not quite go that way: it asks the access
limit before the launch limit, and touches the port of the OPC server last. So a part of a connection lists its refusals
in the order in which Windows meets them (the first is the symptom), and `first_layer` is the first of them in order.

Source: dcom.md 3.2 (checks), 6.5 (HRESULTs); the texts are those of Windows' message table.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

S_OK = 0
E_ACCESSDENIED = 0x80070005
RPC_S_SERVER_UNAVAILABLE = 0x800706BA
REGDB_E_CLASSNOTREG = 0x80040154
REGDB_E_IIDNOTREG = 0x80040155
E_NOINTERFACE = 0x80004002
CO_E_SERVER_EXEC_FAILURE = 0x80080005
CO_E_RUNAS_LOGON_FAILURE = 0x8000401A
CO_E_NO_GOOD_SECURITY_PACKAGES = 0x8001011A

MESSAGES = {
    S_OK: "OK",
    E_ACCESSDENIED: "Access is denied. ",
    RPC_S_SERVER_UNAVAILABLE: "The RPC server is unavailable. ",
    REGDB_E_CLASSNOTREG: "Class not registered",
    REGDB_E_IIDNOTREG: "Interface not registered",
    E_NOINTERFACE: "No such interface supported",
    CO_E_SERVER_EXEC_FAILURE: "Server execution failed",
    CO_E_RUNAS_LOGON_FAILURE: (
        "The server process could not be started because the configured identity is incorrect. "
        "Check the username and password."
    ),
    CO_E_NO_GOOD_SECURITY_PACKAGES: "There are no compatible security packages between the client and server.",
}


class Layer(enum.IntEnum):
    """What may refuse. A firewall is that of the link's client or server host, whatever the direction."""

    CLIENT_PROGRAM = 1  # it does not run or cannot use COM, so nothing asks
    NAME_AND_ADDRESS = 2
    CLIENT_FIREWALL = 3
    SERVER_FIREWALL = 4
    ENDPOINT_MAPPER = 5
    ACCOUNT = 6
    AUTHENTICATION_LEVEL = 7
    CLASS_REGISTRATION = 8
    LAUNCH_AND_ACTIVATION_LIMIT = 9
    APPLICATION_LAUNCH = 10
    APPLICATION_START = 11
    ACCESS_LIMIT = 12
    APPLICATION_ACCESS = 13
    PROXY_STUB = 14
    OPC_ENUM = 15
    CALLBACK = 16


class Direction(enum.Enum):
    """Which part of a connection: the OPC server itself, OpcEnum, or the server's way back to the client."""

    CONNECT = "connect"
    BROWSE = "browse"
    CALLBACK = "callback"


class Mode(enum.Enum):
    POLL = "poll"
    SUBSCRIBE = "subscribe"


@dataclass(frozen=True, slots=True)
class Link:
    """One OPC connection to try. `client` and `server` are names in the site.

    `application` is a ProgID, a CLSID or the path of the server's program; `address` what the client was told to
    connect to (None: the server's name). `client_account` None is the account of the running client process.
    `server_program` is what would answer were the class registered; it only tells what else would refuse.
    `level` is an authentication level the client passes with its activation (1: without authentication);
    `wants_no_log` is CLSCTX_NO_FAILURE_LOG.
    """

    client: str
    server: str
    application: str
    client_program: str
    client_account: str | None = None
    address: str | None = None
    mode: Mode = Mode.POLL
    browse: bool = False
    level: int | None = None
    wants_no_log: bool = False
    server_program: str = ""

    @property
    def target(self) -> str:
        return self.address or self.server


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a connection does not work: `host` is the site's name of the host that refuses."""

    layer: Layer
    hresult: int
    host: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Part:
    """One direction of a connection. `refusals` are in the order in which Windows meets them; the first is seen."""

    direction: Direction
    refusals: tuple[Refusal, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.refusals

    @property
    def hresult(self) -> int:
        return self.refusals[0].hresult if self.refusals else S_OK

    @property
    def layer(self) -> Layer | None:
        """The layer that refused."""
        return self.refusals[0].layer if self.refusals else None

    @property
    def first_layer(self) -> Layer | None:
        """The first layer in order that refuses, or would have refused next."""
        return min((refusal.layer for refusal in self.refusals), default=None)

    @property
    def evidence(self) -> str:
        return self.refusals[0].evidence if self.refusals else ""


@dataclass(frozen=True, slots=True)
class Logged:
    """An event that a connection left: data in message order, without names."""

    host: str
    channel: str
    event_id: int
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a link. `browsing` and `callback` are None where they were not asked for or not reached."""

    link: Link
    connection: Part
    browsing: Part | None = None
    callback: Part | None = None
    servers: tuple[str, ...] = ()
    logged: tuple[Logged, ...] = ()
    client_log: tuple[str, ...] = field(default=())

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for part in (self.connection, self.browsing, self.callback) if part is not None)

    @property
    def failed(self) -> Part | None:
        """The first part that failed: the connection, then browsing, then the callback."""
        return next((part for part in self.parts if not part.ok), None)

    @property
    def ok(self) -> bool:
        return self.failed is None

    @property
    def hresult(self) -> int:
        return self.failed.hresult if self.failed else S_OK

    @property
    def layer(self) -> Layer | None:
        """The layer that refused, within `direction`."""
        return self.failed.layer if self.failed else None

    @property
    def direction(self) -> Direction | None:
        return self.failed.direction if self.failed else None

    @property
    def link_layer(self) -> Layer | None:
        """The first layer in order, with all of OpcEnum and all of the way back counted as one layer each."""
        if self.failed is None:
            return None
        whole = {Direction.BROWSE: Layer.OPC_ENUM, Direction.CALLBACK: Layer.CALLBACK}
        return whole.get(self.failed.direction, self.failed.first_layer)

    @property
    def evidence(self) -> str:
        return self.failed.evidence if self.failed else ""

    def event_ids(self, host: str) -> list[int]:
        """Ids of the events a host was left with, oldest first within a channel."""
        return [item.event_id for item in self.logged if item.host == host]


def error_text(hresult: int) -> str:
    """`Access is denied.  (0x80070005)`: message and code as APIS writes them."""
    return f"{MESSAGES[hresult]} (0x{hresult:08X})"
