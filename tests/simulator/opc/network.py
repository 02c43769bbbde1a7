# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plant's network: names, addresses, which host is where, and whether two firewalls let a connection through.

One flat IPv4 network without NAT: a packet reaches every host that is up. The hosts may be replaced behind the mapping
(a site that is reset), so nothing about one is kept here but what runs on it outside its service manager.

Source: dcom.md 5.1 (who talks to whom on which port), 6.4 (5157; Source is the filtered host's own side, as in
Microsoft's sample of the event). Deviations: the dynamic port of a program follows from its process id; a restricted
range (Rpc\\Internet) and fixed endpoints are not modelled; auditing of the filtering platform is a set of names here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from ..com_state import ComProcess
from ..host import SimulatedHost
from ..subsystems.event_log import KEYWORD_AUDIT_FAILURE, SECURITY_AUDITING, Event
from ..subsystems.firewall import Verdict
from ..subsystems.firewall_match import Connection
from ..subsystems.service_record import Process

ENDPOINT_MAPPER_PORT = 135
_FIRST_DYNAMIC_PORT = 49152
_DYNAMIC_PORTS = 16384
_FIRST_PROCESS_ID = 4000  # of programs that no service manager started
_NETWORK_BITS = 24


@dataclass(frozen=True, slots=True)
class Node:
    """A host where it stands in the network."""

    name: str
    host: SimulatedHost
    address: str

    @property
    def is_up(self) -> bool:
        return self.host.boot.is_up


@dataclass(frozen=True, slots=True)
class Program:
    """A process that talks: `account` is whom it runs as ("" for a remote launching user), `com` what COM captured."""

    path: str
    account: str
    process_id: int
    services: frozenset[str]
    com: ComProcess

    @property
    def port(self) -> int:
        """The dynamic port its RPC run-time listens on."""
        return _FIRST_DYNAMIC_PORT + self.process_id % _DYNAMIC_PORTS


@dataclass(frozen=True, slots=True)
class _Started:
    program: Program
    boot_count: int


class Network:
    """Hosts by their name in the site. `addresses` adds to or replaces those that are handed out in order."""

    def __init__(self, hosts: Mapping[str, SimulatedHost], addresses: Mapping[str, str] | None = None) -> None:
        self._hosts = hosts
        self.addresses = {**_handed_out(list(hosts)), **(addresses or {})}
        self.names: dict[str, str] = {}  # what DNS answers besides the hosts' own names: name in lower case -> address
        self.audited: set[str] = set()  # hosts that audit connections blocked by the filtering platform
        self.interactive_users: dict[str, str] = {}  # host -> account at its console
        self._started: dict[tuple[str, str], _Started] = {}

    # Hosts

    def node(self, name: str) -> Node:
        """A host of the site. Raises: KeyError."""
        host = self._hosts[name]
        address = self.addresses[name]
        if not host.firewall.context.keyword_networks.get("LocalSubnet"):
            network = ipaddress.ip_network(f"{address}/{_NETWORK_BITS}", strict=False)
            firewall = host.firewall
            firewall.configure(
                network_profile=firewall.network_profile,
                variables=host.environment,
                local_networks=(str(network),),
            )
        return Node(name, host, address)

    def resolve(self, text: str) -> str | None:
        """The address a name stands for; an address stands for itself."""
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            wanted = text.lower()
        if wanted in self.names:
            return self.names[wanted]
        for name, host in self._hosts.items():
            if wanted in (name.lower(), host.computer_name.lower(), host.dns_name.lower()):
                return self.addresses[name]
        return None

    def at(self, address: str) -> Node | None:
        """The host that has an address."""
        name = next((name for name, own in self.addresses.items() if own == address and name in self._hosts), None)
        return self.node(name) if name else None

    # Programs

    def start_program(self, name: str, path: str, account: str) -> Program:
        """Start a program outside the service manager, as its user does; it runs until the host goes down."""
        host = self._hosts[name]
        process_id = _FIRST_PROCESS_ID + 4 * len(self._started)
        program = Program(path, account, process_id, frozenset(), host.com_process(path))
        self._started[name, path.lower()] = _Started(program, host.boot_count)
        return program

    def running(self, node: Node, path: str) -> Program | None:
        """The running process of a program: a service, or one that was started by hand since the last boot."""
        for process in node.host.services.processes():
            if process.program.lower() == path.lower() and isinstance(process.com, ComProcess):
                return service_program(node.host, process, process.com)
        started = self._started.get((node.name, path.lower()))
        return started.program if started and started.boot_count == node.host.boot_count else None

    # Firewalls

    def passes_out(self, source: Node, program: Program, target: Node, port: int) -> Verdict:
        """Whether the firewall of the source lets its program connect to a port of the target."""
        connection = Connection(
            direction="Out",
            remote_address=target.address,
            program=program.path,
            local_port=program.port,
            remote_port=port,
            services=program.services,
            local_address=source.address,
            profile=source.host.firewall.network_profile,
        )
        return source.host.firewall.evaluate(connection)

    def passes_in(self, source: Node, target: Node, program: Program, port: int) -> Verdict:
        """Whether the firewall of the target lets the source connect to a port of its program."""
        connection = Connection(
            direction="In",
            remote_address=source.address,
            program=program.path,
            local_port=port,
            remote_port=_FIRST_DYNAMIC_PORT,
            services=program.services,
            is_rpc_dynamic=port != ENDPOINT_MAPPER_PORT,
            local_address=target.address,
            profile=target.host.firewall.network_profile,
        )
        return target.host.firewall.evaluate(connection)

    def audit_block(self, node: Node, peer: Node, program: Program, ports: tuple[int, int], *, inbound: bool) -> None:
        """Leave 5157 where the host audits it. `ports` are the host's own and the peer's."""
        if node.name not in self.audited:
            return
        data = (
            ("ProcessID", str(program.process_id)),
            ("Application", rf"\device\harddiskvolume2{program.path[2:].lower()}"),
            ("Direction", "%%14592" if inbound else "%%14593"),
            ("SourceAddress", node.address),
            ("SourcePort", str(ports[0])),
            ("DestAddress", peer.address),
            ("DestPort", str(ports[1])),
            ("Protocol", "6"),
            ("FilterRTID", "0"),
            ("LayerName", "%%14610" if inbound else "%%14611"),
            ("LayerRTID", "44" if inbound else "48"),
            ("RemoteUserID", "S-1-0-0"),
            ("RemoteMachineID", "S-1-0-0"),
        )
        event = Event(SECURITY_AUDITING, 5157, level=0, data=data, keywords=KEYWORD_AUDIT_FAILURE, task=12810)
        node.host.event_log.append("Security", event)


def service_program(host: SimulatedHost, process: Process, com: ComProcess) -> Program:
    """A process of the service manager with all services in it."""
    services = frozenset(item.config.name for item in host.services.services() if item.process is process)
    return Program(process.program, process.account, process.process_id, services, com)


def activation_service(host: SimulatedHost) -> Program | None:
    """The process of RPCSS, which activates for others and answers on port 135; None while it does not run."""
    found = host.services.find("RpcSs")
    if found is None or found.process is None or not isinstance(found.process.com, ComProcess):
        return None
    return service_program(host, found.process, found.process.com)


def _handed_out(names: list[str]) -> dict[str, str]:
    first = int(ipaddress.ip_address("10.0.0.11"))
    return {name: str(ipaddress.ip_address(first + index)) for index, name in enumerate(names)}
