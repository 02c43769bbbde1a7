# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What each host needs so that the declared links work, and nothing more. Pure: a site in, one host's needs out.

Two properties hold for every site and are tested as such: each declared link passes the access check on the derived
state, and no undeclared (client, server, account) does, as far as Windows can tell them apart: an account is admitted
at a program, an address to a program, but neither is tied to the other. Source of the rules: dcom.md 3.2 (both doors),
3.5 (identity on the wire), 5.1 (firewall), 2.4 (browsing through OpcEnum).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from ._site_model import (
    Account,
    Application,
    End,
    Link,
    ReadMode,
    Site,
    SiteHost,
    SiteModelError,
    folded_account,
    is_built_in,
    is_domain_account,
    is_nobody_on_network,
)

ANONYMOUS_LOGON = "NT AUTHORITY\\ANONYMOUS LOGON"
MACHINE_LIMIT = "machine_limit"
APPLICATION = "application"
ACCESS = "access"
LAUNCH = "launch"
# Names of targets that are not applications of the model.
OPC_ENUM = "opc_enum"
ENDPOINT_MAPPER = "endpoint_mapper"

_LOCAL_NAMES = {
    "localsystem": "NT AUTHORITY\\SYSTEM",
    "system": "NT AUTHORITY\\SYSTEM",
    "networkservice": "NT AUTHORITY\\NETWORK SERVICE",
    "localservice": "NT AUTHORITY\\LOCAL SERVICE",
}

_Named = TypeVar("_Named", Account, Application)


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """Rights of one principal at one door. `target` is an application's name, OPC_ENUM, or "" for the machine limit."""

    scope: str
    target: str
    kind: str
    principal: str
    rights: tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """A program (or the endpoint mapper) and the addresses of its peers, for one direction of connections."""

    target: str
    peers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HostNeeds:
    """Everything one host needs for its links. All tuples are sorted and without repetition.

    `openings`: connections to this host's programs. `calls`: connections this host's programs make; the endpoint
    mapper stands there for the one of the peers.
    """

    host: str
    applications: tuple[Application, ...] = ()
    grants: tuple[Grant, ...] = ()
    openings: tuple[Opening, ...] = ()
    calls: tuple[Opening, ...] = ()
    needs_opc_enum: bool = False
    exceptions: tuple[str, ...] = ()


def derive(site: Site, host: str) -> HostNeeds:
    """The needs of one host. Raises: SiteModelError with every link that cannot work as it is described."""
    parts: list[HostNeeds] = []
    problems: list[str] = []
    for link in site.links_of(host):
        try:
            parts.append(_needs_of_link(site, link, host))
        except SiteModelError as error:
            problems.extend(error.problems)
    if problems:
        raise SiteModelError(list(dict.fromkeys(problems)))
    return _joined(host, parts)


def check_identities(site: Site) -> None:
    """Raises: SiteModelError that lists every link one end of which cannot know the other's account or address."""
    problems: list[str] = []
    for host in dict.fromkeys(end.host for link in site.links for end in (link.server, link.client)):
        try:
            derive(site, host)
        except SiteModelError as error:
            problems.extend(error.problems)
    if problems:
        raise SiteModelError(list(dict.fromkeys(problems)))


def merge_grants(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """One grant per door and principal, with the rights of all of them."""
    rights: dict[tuple[str, str, str, str], set[str]] = {}
    for grant in grants:
        rights.setdefault((grant.scope, grant.target, grant.kind, grant.principal), set()).update(grant.rights)
    return tuple(sorted(Grant(*door, tuple(sorted(names))) for door, names in rights.items()))


def merge_openings(openings: Iterable[Opening]) -> tuple[Opening, ...]:
    """One opening per target, for the addresses of all of them."""
    peers: dict[str, set[str]] = {}
    for opening in openings:
        peers.setdefault(opening.target, set()).update(opening.peers)
    return tuple(sorted(Opening(target, tuple(sorted(addresses))) for target, addresses in peers.items()))


def local_accounts(site: Site, host: str) -> tuple[Account, ...]:
    """The local accounts that must be on this host, with the same password as on its peers; asks for no address."""
    found: list[Account] = []
    for link in site.links_of(host):
        knows_both = host == link.server.host or link.read_mode is ReadMode.SUBSCRIBE
        found += _local_accounts(site, link.client, *([link.server] if knows_both else []))
    return _by_name(found)


def unaddressed_peers(site: Site, host: str) -> tuple[str, ...]:
    """The other hosts of this host's links of which the model gives no address, sorted."""
    ends = {end.host for link in site.links_of(host) for end in (link.server, link.client)}
    return tuple(sorted(name for name in ends - {host} if not site.hosts[name].addresses))


# -- one link, one host


def _needs_of_link(site: Site, link: Link, host: str) -> HostNeeds:
    parts: list[HostNeeds] = []
    if host == link.server.host:
        parts.append(_needs_of_server(site, link))
    if host == link.client.host:
        parts.append(_needs_of_client(site, link))
    return _joined(host, parts)


def _joined(host: str, parts: Iterable[HostNeeds]) -> HostNeeds:
    parts = list(parts)
    return HostNeeds(
        host,
        applications=_by_name(item for part in parts for item in part.applications),
        grants=merge_grants(grant for part in parts for grant in part.grants),
        openings=merge_openings(opening for part in parts for opening in part.openings),
        calls=merge_openings(call for part in parts for call in part.calls),
        needs_opc_enum=any(part.needs_opc_enum for part in parts),
        exceptions=tuple(sorted({text for part in parts for text in part.exceptions})),
    )


def _needs_of_server(site: Site, link: Link) -> HostNeeds:
    """The client's account through both doors of the server, and through OpcEnum's when it browses."""
    own, peer = site.hosts[link.server.host], site.hosts[link.client.host]
    _check_own_account(link, link.server, own)
    application = site.applications[link.server.application]
    principal = identity_at(link, link.client, own, peer)
    reach = "local" if link.is_local else "remote"
    activate = (f"{reach}_activation",)
    # A service is started by the service control manager's rules, not by the caller; others must be launched.
    launch = activate if application.service else (*activate, f"{reach}_launch")
    targets = [(application.name, launch)] + ([(OPC_ENUM, (*activate, f"{reach}_launch"))] if link.browse else [])
    grants = [grant for target, rights in targets for grant in _both_doors(target, principal, rights, reach)]
    is_subscription = link.read_mode is ReadMode.SUBSCRIBE
    return HostNeeds(
        own.name,
        applications=(application,),
        grants=tuple(grants),
        openings=_connections(link, peer, [target for target, _rights in targets]),
        calls=_connections(link, peer, [application.name]) if is_subscription else (),
        needs_opc_enum=link.browse,
        exceptions=_exceptions(link, principal),
    )


def _needs_of_client(site: Site, link: Link) -> HostNeeds:
    """The way out, and for a subscription the reverse path: the server's account calls the client's program."""
    own, peer = site.hosts[link.client.host], site.hosts[link.server.host]
    _check_own_account(link, link.client, own)
    application = site.applications[link.client.application]
    calls = _connections(link, peer, [application.name])
    if link.read_mode is ReadMode.POLL:
        return HostNeeds(own.name, applications=(application,), calls=calls)
    principal = identity_at(link, link.server, own, peer)
    access = ("local_access",) if link.is_local else ("remote_access",)
    return HostNeeds(
        own.name,
        applications=(application,),
        grants=(
            Grant(MACHINE_LIMIT, "", ACCESS, principal, access),
            Grant(APPLICATION, application.name, ACCESS, principal, access),
        ),
        openings=_connections(link, peer, [application.name]),
        calls=calls,
        exceptions=_exceptions(link, principal),
    )


def _both_doors(target: str, principal: str, launch: tuple[str, ...], reach: str) -> list[Grant]:
    access = (f"{reach}_access",)
    return [
        Grant(MACHINE_LIMIT, "", ACCESS, principal, access),
        Grant(MACHINE_LIMIT, "", LAUNCH, principal, launch),
        Grant(APPLICATION, target, ACCESS, principal, access),
        Grant(APPLICATION, target, LAUNCH, principal, launch),
    ]


def _connections(link: Link, peer: SiteHost, targets: list[str]) -> tuple[Opening, ...]:
    """The targets and the endpoint mapper, with the addresses of the other end; none between programs of one host."""
    if link.is_local:
        return ()
    if not peer.addresses:
        raise _mistake(link, _no_address(peer))
    return tuple(Opening(target, peer.addresses) for target in (ENDPOINT_MAPPER, *targets))


def _no_address(peer: SiteHost) -> str:
    reached = f" (its ansible_host is {peer.reached_as!r}, which is no address of it)" if peer.reached_as else ""
    return f"no address of {peer.name!r} is known here{reached}; give hosts.{peer.name}.address in opc_site"


def _exceptions(link: Link, principal: str) -> tuple[str, ...]:
    if principal != ANONYMOUS_LOGON:
        return ()
    return (f"{link.name}: ANONYMOUS LOGON is admitted, because: {link.reason}",)


# -- who an account is on another host


def identity_at(link: Link, caller: End, own: SiteHost, peer: SiteHost) -> str:
    """The principal as which `caller`, a process on `peer`, arrives at `own`.

    Raises: SiteModelError when `own` cannot know it, or when it would be anonymous and the link does not allow that.
    """
    account = caller.account
    if link.is_local:
        return local_name(account)
    if is_built_in(account):
        if not is_nobody_on_network(account) and own.shares_domain_with(peer):
            return f"{peer.domain}\\{peer.computer_name}$"
        return _anonymous(link, caller, own)
    if is_domain_account(account):
        if not own.domain:
            raise _mistake(link, f"{own.name!r} is in a workgroup and does not know the domain account {account!r}")
        return account
    return f".\\{account}"


def _check_own_account(link: Link, end: End, own: SiteHost) -> None:
    if is_domain_account(end.account) and not own.domain:
        raise _mistake(link, f"{own.name!r} is in a workgroup, so no program there runs as {end.account!r}")


def local_name(account: str) -> str:
    """An account as its own host names it."""
    known = _LOCAL_NAMES.get(folded_account(account))
    if known is not None:
        return known
    return account if is_built_in(account) or is_domain_account(account) else f".\\{account}"


def _anonymous(link: Link, caller: End, own: SiteHost) -> str:
    if not link.allow_anonymous:
        raise _mistake(
            link,
            f"{caller.account} of {caller.host!r} arrives at {own.name!r} as ANONYMOUS LOGON, because they share no "
            "domain; run the program as a named account that both hosts have, or set allow_anonymous: true with a "
            "reason",
        )
    return ANONYMOUS_LOGON


def _local_accounts(site: Site, *ends: End) -> tuple[Account, ...]:
    """The local accounts of these ends, which must exist here, with the same password as on the other host."""
    names = {end.account for end in ends if not is_built_in(end.account) and not is_domain_account(end.account)}
    return tuple(site.accounts[name] for name in sorted(names))


def _mistake(link: Link, text: str) -> SiteModelError:
    return SiteModelError([f"{link.path}: {text}"])


def _by_name(items: Iterable[_Named]) -> tuple[_Named, ...]:
    named = {item.name: item for item in items}
    return tuple(named[name] for name in sorted(named))
