# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What to do about a link that works: before KB5004442 breaks it, or because its server lets too much in. Pure.

Source: dcom.md 1.3 (what servers require and clients raise), and the four environments of Prediktor's article on DCOM
hardening: no updates; client updated; both updated; a server that cannot be updated, for which it advises OPC UA.
"""

from __future__ import annotations

from collections.abc import Iterator

from ._dcom import REQUIRED_ACTIVATION_LEVEL, AuthenticationLevel
from ._end_facts import EndFacts
from ._link_spec import LinkSpec
from ._patch_level import Phase
from ._site_needs import ANONYMOUS_LOGON


def advice_for(link: LinkSpec, server: EndFacts | None, client: EndFacts | None) -> tuple[str, ...]:
    """Sentences, the most urgent first. A link between programs of one host is not held to KB5004442."""
    if link.is_local or server is None:
        return ()
    return (*_about_client(link, server, client), *_about_server(server))


def activates_low(link: LinkSpec, client: EndFacts) -> bool:
    """Whether the client's activations arrive authenticated and below Packet Integrity, by what it has configured."""
    is_anonymous = link.server.principal == ANONYMOUS_LOGON
    return not is_anonymous and not raises_level(client) and level_of(link, client) < REQUIRED_ACTIVATION_LEVEL


def raises_level(client: EndFacts) -> bool:
    """Whether updates of the client raise what its programs do not ask for themselves."""
    return client.raises in ("default_level_only", "all_requests")


def raised_by(client: EndFacts) -> str:
    """For the end of a sentence: a patch level that is not known by the build is an estimate (_patch_level)."""
    return ", raised by the updates of the client" + ("" if client.phase else ", as far as its rpcss.dll tells")


def level_of(link: LinkSpec, client: EndFacts) -> int:
    """The level of the client's process; 0 is one that COM rejects."""
    program = client.programs.get(link.client.application)
    return client.default_level if program is None else program.level


def raise_level(link: LinkSpec, client: EndFacts) -> str:
    """How the client's process comes to Packet Integrity: a level of its own counts before that of the machine."""
    if client.default_level < REQUIRED_ACTIVATION_LEVEL:
        return f"run harden_opc for {client.host} (Packet Integrity), then reboot it"
    return (
        f"set authentication_level: default for {link.client.application} of {client.host}, which has a level of its "
        "own (dcom_application), then start it again"
    )


def _about_client(link: LinkSpec, server: EndFacts, client: EndFacts | None) -> Iterator[str]:
    if client is None or server.requires_integrity or not activates_low(link, client):
        return
    word = AuthenticationLevel(level_of(link, client) or client.default_level).name.lower()
    yield (
        f"{client.host} activates at {word}; {server.host} refuses that as soon as it requires Packet Integrity, which "
        f"every update since March 2023 does. Before {server.host} gets its updates, {raise_level(link, client)}"
    )


def _about_server(server: EndFacts) -> Iterator[str]:
    """The gateway is one of OPC UA, on the server itself or on a host beside it (the seed's fourth environment)."""
    gateway = (
        f"let clients use OPC UA: a gateway on {server.host}, or on a new host beside it, and DCOM of {server.host} "
        "open to that gateway only"
    )
    if server.requires_integrity is None:
        yield (
            f"whether {server.host} ({server.windows}) requires Packet Integrity does not show in its build. Where it "
            f"gets no updates of KB5004442 any more, {gateway}"
        )
    elif not server.requires_integrity and server.phase == Phase.NOT_PATCHED.name.lower():
        yield (
            f"{server.host} ({server.windows}) lets clients activate at any level, because it has no update of "
            f"KB5004442. Install its updates, clients first; where that is impossible, {gateway}"
        )
    elif not server.requires_integrity:
        yield (
            f"{server.host} lets clients activate at any level, although it has updates of KB5004442. Once all of its "
            "clients are hardened, install newer updates or set require_integrity_activation: enforced (dcom_defaults)"
        )
