# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Joins what events and logs of one host name (addresses, computers, accounts, classes) to the site model. Pure.

What cannot be joined stays as it is: a site model that lacks a host or an account is no reason to show less.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ._site_model import MACHINE_IDENTITIES, End, Link, Site, SiteHost, folded_account

ANONYMOUS_SID = "S-1-5-7"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who an event says called. Empty texts where it does not say."""

    domain: str = ""
    user: str = ""
    sid: str = ""

    @property
    def is_named(self) -> bool:
        return bool(self.user or self.sid)


@dataclass(frozen=True, slots=True)
class Joined:
    """What the site model knows about an event: the other host, the account, the links, and whom these expect.

    `is_undeclared`: the event names another host with which the site has no link, or which it does not know at all.
    """

    host: str | None = None
    account: str | None = None
    links: tuple[str, ...] = ()
    expected_accounts: tuple[str, ...] = ()
    is_undeclared: bool = False

    def to_dict(self) -> dict[str, object]:
        return {
            "host": self.host,
            "account": self.account,
            "links": list(self.links),
            "expected_accounts": list(self.expected_accounts),
            "is_undeclared": self.is_undeclared,
        }


def normal_address(text: str) -> str | None:
    """An IP address in its canonical form, an IPv4 address inside IPv6 as IPv4; None for anything else."""
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def is_remote_address(text: str) -> bool:
    """Whether an event names another host. For local callers it has a text, in the language of the host, or ``-``."""
    address = normal_address(text)
    return address is not None and not ipaddress.ip_address(address).is_loopback


class SiteIndex:
    """The site model as one host sees it. `own` is that host's inventory name."""

    def __init__(self, site: Site, own: str) -> None:
        self._site = site
        self._own = own
        self._hosts = {key: host for host in site.hosts.values() for key in _names(host)}

    @property
    def own_addresses(self) -> tuple[str, ...]:
        host = self._site.hosts.get(self._own)
        return host.addresses if host else ()

    @property
    def known_ids(self) -> frozenset[str]:
        """CLSIDs and AppIDs of the applications of the site, in lower case."""
        found = (item for app in self._site.applications.values() for item in (app.clsid, app.app_id))
        return frozenset(item.lower() for item in found if item)

    def host_of(self, text: str) -> str | None:
        """The other host that an address, a computer name or a DNS name means."""
        host = self._find(text)
        return host.name if host is not None and host.name != self._own else None

    def _find(self, text: str) -> SiteHost | None:
        address = normal_address(text)
        if address is not None:
            return self._hosts.get(address)
        name = text.strip().strip("\\").casefold()
        return self._hosts.get(name) or self._hosts.get(name.partition(".")[0])

    def _is_undeclared(self, peer: str, links: Sequence[Link]) -> bool:
        host = self._find(peer)
        return bool(peer) and (host is None or (host.name != self._own and not links))

    def join(self, peer: str, caller: Caller, server_names: Iterable[str] = ()) -> Joined:
        """What is known about a caller or target `peer`. `server_names` are ids or ProgIDs of the server concerned."""
        host = self.host_of(peer) if peer else None
        links = self._links(host)
        named = {name.lower() for name in server_names if name}
        fitting = [link for link in links if self._serves(link, named)] or links
        matching = [link for link in fitting if self._matches(self._other(link), caller)]
        ends = [self._other(link) for link in (matching or fitting)] if caller.is_named else []
        if host is None:
            fitting = matching if caller.is_named else [link for link in links if self._serves(link, named)]
        return Joined(
            host,
            self._other(matching[0]).account if matching else self._account(caller),
            tuple(dict.fromkeys(link.name for link in (matching or fitting))),
            tuple(dict.fromkeys(end.account for end in ends)) if fitting else (),
            self._is_undeclared(peer, links),
        )

    def _links(self, host: str | None) -> list[Link]:
        own = self._site.links_of(self._own)
        return [link for link in own if not link.is_local and (host is None or self._other(link).host == host)]

    def _other(self, link: Link) -> End:
        return link.client if link.server.host == self._own else link.server

    def _serves(self, link: Link, names: set[str]) -> bool:
        application = self._site.applications[link.server.application]
        known = (application.clsid, application.app_id, application.prog_id)
        return any(item.lower() in names for item in known if item)

    def _matches(self, end: End, caller: Caller) -> bool:
        """Whether the caller is who the link's other end runs as."""
        account = folded_account(end.account)
        host = self._site.hosts[end.host]
        if account in MACHINE_IDENTITIES:
            is_computer = caller.user.casefold() == f"{host.computer_name}$".casefold()
            return is_computer or caller.sid == ANONYMOUS_SID
        return account in _spellings(caller)

    def _account(self, caller: Caller) -> str | None:
        spelled = {folded_account(name): name for name in self._site.accounts}
        return next((spelled[text] for text in _spellings(caller) if text in spelled), None)


def _spellings(caller: Caller) -> tuple[str, ...]:
    if not caller.user:
        return ()
    texts = (caller.user, f"{caller.domain}\\{caller.user}", f"{caller.user}@{caller.domain}")
    return tuple(folded_account(text) for text in texts)


def _names(host: SiteHost) -> tuple[str, ...]:
    addresses = tuple(found for address in host.addresses if (found := normal_address(address)))
    return (*addresses, host.name.casefold(), host.computer_name.casefold(), host.reached_as.casefold() or host.name)
