# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One direction of a connection on its way: who asks whom, what is known of the caller by now, and the network between.

A step that refuses raises `Refused`; events and audits are written where Windows would write them, by the step itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from . import events
from .identity import Credentials, Identity, Kind
from .layers import E_ACCESSDENIED, RPC_S_SERVER_UNAVAILABLE, Direction, Layer, Link, Refusal
from .network import ENDPOINT_MAPPER_PORT, Network, Node, Program, activation_service


class Refused(Exception):
    """A layer refuses."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.evidence)
        self.refusal = refusal


@dataclass(slots=True)
class Walk:
    """`program` on `source` asks a program on `target`. `clsid` is "" on the way back, which activates nothing."""

    network: Network
    link: Link
    direction: Direction
    source: Node
    target: Node
    program: Program
    clsid: str = ""
    shown: Credentials | None = None
    identity: Identity | None = None

    def refusal(self, layer: Layer, node: Node, evidence: str, hresult: int = E_ACCESSDENIED) -> Refused:
        return Refused(Refusal(layer, hresult, node.name, f"{node.name}: {evidence}"))

    def firewall_layer(self, node: Node) -> Layer:
        return Layer.CLIENT_FIREWALL if node.name == self.link.client else Layer.SERVER_FIREWALL

    @property
    def is_unrecognised(self) -> bool:
        """Whether the peer refused a logon that it should have known, so that nothing can follow but a refusal.

        A computer account outside the peer's domain is known to nobody: it goes on as Anonymous (see identity.py).
        """
        if self.identity is None or self.identity.refused is None or self.shown is None:
            return False
        presented, domain = self.shown.presented, self.target.host.domain
        is_of_domain = domain is not None and presented is not None and presented.domain == domain.authority
        return self.shown.kind is not Kind.COMPUTER or is_of_domain

    def account_refused(self) -> Refused:
        """The peer refuses the caller's account."""
        assert self.shown is not None and self.identity is not None and self.identity.refused is not None
        status = self.identity.refused.status
        evidence = f"the logon of {self.shown.name} from {self.source.address} fails with {status:#010x} (event 4625)"
        return self.refusal(Layer.ACCOUNT, self.target, evidence)


def reach_activation_service(walk: Walk) -> Program:
    """From RPCSS to RPCSS on port 135; the other side's. Leaves 10028 or 10009 on the host that asks."""
    asking, answering = activation_service(walk.source.host), activation_service(walk.target.host)
    if asking is None:
        raise walk.refusal(Layer.ENDPOINT_MAPPER, walk.source, "RPCSS does not run", RPC_S_SERVER_UNAVAILABLE)
    try:
        if answering is None:
            raise walk.refusal(Layer.ENDPOINT_MAPPER, walk.target, "RPCSS does not run", RPC_S_SERVER_UNAVAILABLE)
        reach(walk, asking, answering, ENDPOINT_MAPPER_PORT)
    except Refused:
        report_unreachable(walk)
        raise
    return answering


def report_unreachable(walk: Walk) -> None:
    host = walk.source.host
    if events.logs_activation_failure(host, is_machine_limit=False, wants_no_log=walk.link.wants_no_log):
        target = walk.target.address if walk.direction is Direction.CALLBACK else walk.link.target
        events.cannot_reach(walk.source, target, walk.program, walk.clsid)


def reach(walk: Walk, asking: Program, answering: Program, port: int) -> None:
    """Through both firewalls to a port. Raises: Refused; leaves 5157 on a host that audits."""
    refusal = blocked(walk, asking, answering, port)
    if refusal is None:
        return
    network, source, target = walk.network, walk.source, walk.target
    if refusal.host == target.name:
        network.audit_block(target, source, answering, (port, asking.port), inbound=True)
    else:
        network.audit_block(source, target, asking, (asking.port, port), inbound=False)
    raise Refused(refusal)


def blocked(walk: Walk, asking: Program, answering: Program, port: int) -> Refusal | None:
    """Which firewall keeps a connection from being made, if one does. Leaves no trace."""
    network, source, target = walk.network, walk.source, walk.target
    verdicts = (
        (source, network.passes_out(source, asking, target, port), f"out of {asking.path} to"),
        (target, network.passes_in(source, target, answering, port), f"from {source.address} into {answering.path} on"),
    )
    for node, verdict, way in verdicts:
        if not verdict.is_allowed:
            rule = f" {verdict.rule.rule.name!r}" if verdict.rule else ""
            what = "port 135" if port == ENDPOINT_MAPPER_PORT else f"dynamic port {port}"
            evidence = f"{node.name}: the firewall blocks TCP {way} {what} ({verdict.reason}{rule})"
            return Refusal(walk.firewall_layer(node), RPC_S_SERVER_UNAVAILABLE, node.name, evidence)
    return None
