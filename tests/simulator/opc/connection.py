# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Play one OPC link: browse if asked, create the server and call it, subscribe if asked; say what came of each part.

The state in force decides: what the machines captured when they booted and the processes when they started, the rules
the firewalls have loaded, the services that run. Something may change: a demand-started service starts, a wrong
password counts, events are written. Browsing comes first in time; a client that knows the CLSID goes on without it.

docs/simulated_opc.md says what is modelled and what is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..software import OPC_ENUM_CLSID
from .activation import activate, further_refusals
from .call import call_back, call_server
from .client_log import apis_lines
from .identity import account_sid
from .layers import (
    CO_E_NO_GOOD_SECURITY_PACKAGES,
    RPC_S_SERVER_UNAVAILABLE,
    Direction,
    Layer,
    Link,
    Logged,
    Mode,
    Outcome,
    Part,
    Refusal,
)
from .network import Network, Node, Program
from .registration import clsid_of, listed_servers
from .walk import Refused, Walk, report_unreachable

_CHANNELS = ("System", "Security")


class LinkError(ValueError):
    """A link that says nothing the site can play."""


def connect(network: Network, link: Link) -> Outcome:
    """Try a link now. Raises: LinkError for names the site does not know.

    A client that is down or does not run asks nobody: that is a refusal of `CLIENT_PROGRAM` with the HRESULT that
    stands for no answer.
    """
    client, server = _ends(network, link)
    program = _client_program(network, client, link) if client.is_up else None
    if program is None or program.com.failure is not None:
        refusal = _asks_nobody(client, link, program)
        return Outcome(link, Part(Direction.CONNECT, (refusal,)))
    marks = _marks((client, server))
    clsid = clsid_of(link.application, server.host, client.host)
    browsing, servers = _browse(network, link, client, program) if link.browse else (None, ())
    connection, walk, serving = _create(network, link, client, program, clsid)
    callback = None
    if link.mode is Mode.SUBSCRIBE and walk is not None and serving is not None:
        callback = _subscribe(walk, program, serving)
    in_time = tuple(part for part in (browsing, connection, callback) if part is not None)
    return Outcome(
        link,
        connection,
        browsing,
        callback,
        servers,
        tuple(_logged(marks)),
        tuple(apis_lines(link, in_time, clsid, client.host.clock.now())),
    )


# Both ends


def _ends(network: Network, link: Link) -> tuple[Node, Node]:
    try:
        client, server = network.node(link.client), network.node(link.server)
    except KeyError as error:
        raise LinkError(f"the site has no host {error}") from error
    if client.name == server.name:
        raise LinkError("client and server are the same host; local connections are not modelled")
    return client, server


def _client_program(network: Network, client: Node, link: Link) -> Program | None:
    """The running process; of a program that does not run one that is started now, if the link says by whom."""
    running = network.running(client, link.client_program)
    if link.client_account is None:
        return running
    if account_sid(client.host, link.client_account) is None:
        raise LinkError(f"{client.name} has no account {link.client_account}")
    com = running.com if running else client.host.com_process(link.client_program)
    process_id = running.process_id if running else 0
    services = running.services if running else frozenset()
    return Program(link.client_program, link.client_account, process_id, services, com)


def _asks_nobody(client: Node, link: Link, program: Program | None) -> Refusal:
    if program is not None:
        evidence = f"{client.name}: {program.path} cannot use COM: {program.com.failure}"
        return Refusal(Layer.CLIENT_PROGRAM, CO_E_NO_GOOD_SECURITY_PACKAGES, client.name, evidence)
    evidence = f"{client.name}: {link.client_program if client.is_up else 'the host'} does not run; nothing asks"
    return Refusal(Layer.CLIENT_PROGRAM, RPC_S_SERVER_UNAVAILABLE, client.name, evidence)


# Parts


def _create(
    network: Network, link: Link, client: Node, program: Program, clsid: str
) -> tuple[Part, Walk | None, Program | None]:
    walk, refusal = _walk_to(network, link, client, program, Direction.CONNECT, clsid)
    if refusal is not None:
        return Part(Direction.CONNECT, (refusal,)), None, None
    part, serving = _activate_and_call(walk)
    return part, walk, serving


def _browse(network: Network, link: Link, client: Node, program: Program) -> tuple[Part, tuple[str, ...]]:
    walk, refusal = _walk_to(network, link, client, program, Direction.BROWSE, OPC_ENUM_CLSID)
    if refusal is not None:
        return Part(Direction.BROWSE, (refusal,)), ()
    part, _server = _activate_and_call(walk)
    return part, listed_servers(walk.target.host) if part.ok else ()


def _subscribe(forward: Walk, client: Program, server: Program) -> Part:
    """Advise: the object reference names the client by its own addresses, so no name is resolved."""
    walk = Walk(forward.network, forward.link, Direction.CALLBACK, forward.target, forward.source, server)
    try:
        call_back(walk, client)
    except Refused as refused:
        return Part(Direction.CALLBACK, (refused.refusal,))
    return Part(Direction.CALLBACK)


def _activate_and_call(walk: Walk) -> tuple[Part, Program | None]:
    try:
        com_class, server = activate(walk)
    except Refused as refused:
        return Part(walk.direction, (refused.refusal, *further_refusals(walk, refused.refusal))), None
    try:
        call_server(walk, com_class, server)
    except Refused as refused:
        return Part(walk.direction, (refused.refusal,)), None
    return Part(walk.direction), server


def _walk_to(
    network: Network, link: Link, client: Node, program: Program, direction: Direction, clsid: str
) -> tuple[Walk, Refusal | None]:
    """The way to whatever host answers to the name the client was given, or why nobody does."""
    address = network.resolve(link.target)
    found = network.at(address) if address else None
    target = found or network.node(link.server)
    walk = Walk(network, link, direction, client, target, program, clsid)
    if address is None:
        evidence = f"the name {link.target} is not resolved"
    elif found is None:
        evidence = f"nothing has the address {address}"
    elif not found.is_up:
        evidence = f"{found.name} is down"
    else:
        return walk, None
    report_unreachable(walk)
    refused = walk.refusal(Layer.NAME_AND_ADDRESS, client, evidence, RPC_S_SERVER_UNAVAILABLE)
    return walk, refused.refusal


# Traces


def _marks(nodes: tuple[Node, ...]) -> list[tuple[Node, str, int]]:
    marks = []
    for node in nodes:
        for channel in _CHANNELS:
            records = node.host.event_log.read(None, channel)
            marks.append((node, channel, records[-1].record_id if records else 0))
    return marks


def _logged(marks: list[tuple[Node, str, int]]) -> Iterator[Logged]:
    for node, channel, last in marks:
        for record in node.host.event_log.read(None, channel):
            if record.record_id > last:
                data = tuple(text for _unused, text in record.event.data)
                yield Logged(node.name, channel, record.event.event_id, data)
