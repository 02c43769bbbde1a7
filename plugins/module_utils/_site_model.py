# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The site model: one description of the OPC links of a plant, checked completely before anything is derived from it.

`parse_site` turns the mapping a user wrote (variable ``opc_site``) into values, or raises one SiteModelError that lists
every mistake with its path, such as ``links[3].client.host: 'hist9' is neither in the inventory nor in hosts``.
Nothing is read from another host's variables: what a host must know about its peers is in the model, or in the
inventory line the caller hands over as `inventory_addresses`. Source of the form: the project's design, section 5.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ._errors import DomainError

# Accounts that are the machine itself on the network (dcom.md 3.5): its computer account in a domain, nobody elsewhere.
MACHINE_IDENTITIES = frozenset(
    {"localsystem", "system", "nt authority\\system", "networkservice", "nt authority\\networkservice"}
)
# Accounts that are anonymous on the network, in a domain as well.
ANONYMOUS_IDENTITIES = frozenset({"localservice", "nt authority\\localservice"})

_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_PROGRAM = re.compile(r"[A-Za-z]:\\[^/*?\"<>|]+")
_NETBIOS_NAME = re.compile(r"[A-Za-z0-9_-]{1,15}")

_T = TypeVar("_T")


class SiteModelError(DomainError):
    """The model has mistakes. `problems` holds one text per mistake, each beginning with its path."""

    def __init__(self, problems: list[str]) -> None:
        count = len(problems)
        lines = "\n".join(f"- {problem}" for problem in problems)
        super().__init__(f"opc_site has {count} mistake{'s' if count != 1 else ''}:\n{lines}")
        self.problems = tuple(problems)


class ReadMode(enum.Enum):
    """How the client gets values. A subscription makes the server call the client, which needs rights in reverse."""

    POLL = "poll"
    SUBSCRIBE = "subscribe"


@dataclass(frozen=True, slots=True)
class Application:
    """An OPC program. At least one of the names by which a host can find its AppID is set, or its program."""

    name: str
    app_id: str | None = None
    prog_id: str | None = None
    clsid: str | None = None
    program: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """An account the model names. `password` is set where the account is created on both ends; it never leaves here."""

    name: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SiteHost:
    """A host of the site. `domain` is the NetBIOS name of its domain, None in a workgroup."""

    name: str
    computer_name: str
    addresses: tuple[str, ...] = ()
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link: the program, the host it runs on and the account it runs as."""

    host: str
    application: str
    account: str


@dataclass(frozen=True, slots=True)
class Link:
    """A client program that uses a server program. `path` is where the model says so."""

    path: str
    name: str
    server: End
    client: End
    read_mode: ReadMode = ReadMode.SUBSCRIBE
    browse: bool = False
    allow_anonymous: bool = False
    reason: str = ""

    @property
    def is_local(self) -> bool:
        return self.server.host == self.client.host


@dataclass(frozen=True, slots=True)
class Site:
    """A whole, consistent site."""

    applications: Mapping[str, Application]
    accounts: Mapping[str, Account]
    hosts: Mapping[str, SiteHost]
    links: tuple[Link, ...]

    def links_of(self, host: str) -> tuple[Link, ...]:
        """The links one end of which is on this host."""
        return tuple(link for link in self.links if host in (link.server.host, link.client.host))


def parse_site(
    model: object, inventory_hosts: Collection[str], inventory_addresses: Mapping[str, str] | None = None
) -> Site:
    """Check the model and return the site. Raises: SiteModelError with every mistake found."""
    reader = _Reader(set(inventory_hosts), dict(inventory_addresses or {}))
    site = reader.site(model)
    if reader.problems or site is None:
        raise SiteModelError(reader.problems)
    return site


class _Reader:
    """Walks the mapping, collects problems, and goes on, so that one run of the check names them all."""

    def __init__(self, inventory_hosts: set[str], inventory_addresses: dict[str, str]) -> None:
        self.problems: list[str] = []
        self._inventory_hosts = inventory_hosts
        self._inventory_addresses = inventory_addresses

    def site(self, model: object) -> Site | None:
        top = self._mapping("", model, {"applications", "accounts", "hosts", "links", "domain"})
        if top is None:
            return None
        domain = self._text("domain", top.get("domain"))
        applications = self._named("applications", top.get("applications"), self._application)
        accounts = self._named("accounts", top.get("accounts"), self._account)
        hosts = self._hosts(top, domain)
        links = self._links(top.get("links"), applications, accounts, hosts)
        return Site(applications, accounts, hosts, links)

    # -- the parts ---------------------------------------------------------------------------------------------------

    def _application(self, path: str, name: str, item: object) -> Application | None:
        known = {"app_id", "prog_id", "clsid", "program", "service"}
        fields = self._mapping(path, item, known)
        if fields is None:
            return None
        texts = {key: self._text(f"{path}.{key}", fields[key]) for key in known & set(fields)}
        for key in ("app_id", "clsid"):
            if texts.get(key) and not _GUID.fullmatch(texts[key] or ""):
                self._problem(f"{path}.{key}", f"{texts[key]!r} is not a GUID in braces")
        if not any(texts.values()):
            self._problem(path, "needs at least one of app_id, prog_id, clsid, program, service")
        program = texts.get("program")
        if program is not None and not _PROGRAM.fullmatch(program):
            self._problem(f"{path}.program", f"{program!r} is not a full path such as C:\\apis\\bin64\\apishivex64.exe")
        return Application(name, **{key: value for key, value in texts.items() if value is not None})

    def _account(self, path: str, name: str, item: object) -> Account | None:
        if item is None:
            return Account(name)
        fields = self._mapping(path, item, {"password"})
        if fields is None:
            return None
        password = fields.get("password")
        if password is not None and (not isinstance(password, str) or not password):
            self._problem(f"{path}.password", "must be a text that is not empty")
            return None
        if password is not None and "\\" in name:
            self._problem(f"{path}.password", "a domain account is used as it is; only local accounts are created")
        return Account(name, password)

    def _host(self, path: str, name: str, item: object, domain: str | None) -> SiteHost | None:
        known = {"address", "addresses", "computer_name", "domain"}
        fields = self._mapping(path, {} if item is None else item, known)
        if fields is None:
            return None
        own_domain = self._text(f"{path}.domain", fields["domain"]) if "domain" in fields else domain
        computer_name = self._text(f"{path}.computer_name", fields.get("computer_name")) or name.split(".")[0].upper()
        if not _NETBIOS_NAME.fullmatch(computer_name):
            self._problem(f"{path}.computer_name", f"{computer_name!r} is not a NetBIOS name of 1 to 15 characters")
        return SiteHost(name, computer_name, self._addresses(path, name, fields), own_domain)

    def _addresses(self, path: str, name: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
        listed = fields.get("addresses", [fields["address"]] if fields.get("address") is not None else [])
        if not isinstance(listed, list):
            self._problem(f"{path}.addresses", "must be a list of addresses")
            return ()
        if not listed and name in self._inventory_addresses:
            listed = [self._inventory_addresses[name]]
            path = f"inventory host {name}: ansible_host"
        return tuple(address for address in (self._ip_address(path, item) for item in listed) if address)

    def _ip_address(self, path: str, item: object) -> str | None:
        try:
            return str(ipaddress.ip_address(str(item)))
        except ValueError:
            self._problem(path, f"{item!r} is not an IP address; a firewall rule needs one (give hosts.<name>.address)")
            return None

    def _hosts(self, top: Mapping[str, Any], domain: str | None) -> dict[str, SiteHost]:
        """The hosts the model describes and the ones only the inventory knows.

        In a job slice the inventory lacks most peers, so a host that the model describes need not be in it.
        """
        described = self._named(
            "hosts", top.get("hosts"), lambda path, name, item: self._host(path, name, item, domain)
        )
        for name in _mentioned_hosts(top.get("links")):
            if name in self._inventory_hosts and name not in described:
                plain = self._host(f"hosts.{name}", name, {}, domain)
                described.update({name: plain} if plain else {})
        return described

    # -- links -------------------------------------------------------------------------------------------------------

    def _links(
        self,
        items: object,
        applications: Mapping[str, Application],
        accounts: Mapping[str, Account],
        hosts: Mapping[str, SiteHost],
    ) -> tuple[Link, ...]:
        if items is None:
            return ()
        if not isinstance(items, list):
            self._problem("links", "must be a list")
            return ()
        links: list[Link] = []
        for index, item in enumerate(items):
            link = self._link(f"links[{index}]", item)
            if link is not None:
                self._check_link(link, applications, accounts, hosts)
                links.append(link)
        self._reject_repetition(links)
        return tuple(links)

    def _link(self, path: str, item: object) -> Link | None:
        known = {"name", "server", "client", "read_mode", "browse", "allow_anonymous", "reason"}
        fields = self._mapping(path, item, known)
        if fields is None:
            return None
        server = self._end(f"{path}.server", fields.get("server"))
        client = self._end(f"{path}.client", fields.get("client"))
        mode = self._read_mode(f"{path}.read_mode", fields.get("read_mode", "subscribe"))
        browse = self._boolean(f"{path}.browse", fields.get("browse", False))
        anonymous = self._boolean(f"{path}.allow_anonymous", fields.get("allow_anonymous", False))
        reason = self._text(f"{path}.reason", fields.get("reason")) or ""
        name = self._text(f"{path}.name", fields.get("name"))
        if server is None or client is None or mode is None:
            return None
        default_name = f"{client.host} {client.application} -> {server.host} {server.application}"
        return Link(path, name or default_name, server, client, mode, browse, anonymous, reason)

    def _end(self, path: str, item: object) -> End | None:
        fields = self._mapping(path, item, {"host", "application", "account"})
        if fields is None:
            return None
        texts: dict[str, str] = {}
        for key in ("host", "application", "account"):
            text = self._text(f"{path}.{key}", fields.get(key))
            if text is None:
                self._problem(f"{path}.{key}", "is missing") if key not in fields else None
            else:
                texts[key] = text
        return End(**texts) if len(texts) == 3 else None

    def _check_link(
        self,
        link: Link,
        applications: Mapping[str, Application],
        accounts: Mapping[str, Account],
        hosts: Mapping[str, SiteHost],
    ) -> None:
        for side, end in (("server", link.server), ("client", link.client)):
            path = f"{link.path}.{side}"
            if end.host not in hosts:
                self._problem(f"{path}.host", f"{end.host!r} is neither in the inventory nor in hosts")
            if end.application not in applications:
                self._problem(f"{path}.application", f"{end.application!r} is not in applications")
            if not is_built_in(end.account) and "\\" not in end.account and end.account not in accounts:
                self._problem(f"{path}.account", f"{end.account!r} is not in accounts")
        if link.allow_anonymous and not link.reason:
            self._problem(f"{link.path}.allow_anonymous", "is an exception; say why in reason")

    def _reject_repetition(self, links: list[Link]) -> None:
        seen: dict[tuple[End, End], str] = {}
        for link in links:
            first = seen.setdefault((link.server, link.client), link.path)
            if first != link.path:
                self._problem(link.path, f"says the same as {first}")

    # -- values ------------------------------------------------------------------------------------------------------

    def _named(self, path: str, item: object, read: Callable[[str, str, object], _T | None]) -> dict[str, _T]:
        if item is None:
            return {}
        if not isinstance(item, Mapping):
            self._problem(path, "must map names to descriptions")
            return {}
        found = {str(name): read(f"{path}.{name}", str(name), value) for name, value in item.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _mapping(self, path: str, item: object, known: set[str]) -> Mapping[str, Any] | None:
        if not isinstance(item, Mapping):
            kind = type(item).__name__
            self._problem(path or "opc_site", "is missing" if item is None else f"must be a mapping, not {kind}")
            return None
        for key in item:
            if key not in known:
                where = f"{path}.{key}" if path else str(key)
                self._problem(where, f"is not known here; known are {', '.join(sorted(known))}")
        return item

    def _text(self, path: str, item: object) -> str | None:
        if item is None:
            return None
        if not isinstance(item, str) or not item.strip() or any(ord(character) < 32 for character in item):
            self._problem(path, f"{item!r} is not a text")
            return None
        return str(item)

    def _boolean(self, path: str, item: object) -> bool:
        if not isinstance(item, bool):
            self._problem(path, f"{item!r} is neither true nor false")
        return item is True

    def _read_mode(self, path: str, item: object) -> ReadMode | None:
        try:
            return ReadMode(item)
        except ValueError:
            self._problem(path, f"{item!r} is neither poll nor subscribe")
            return None

    def _problem(self, path: str, message: str) -> None:
        self.problems.append(f"{path}: {message}")


def _mentioned_hosts(links: object) -> list[str]:
    """Names under links[].server.host and links[].client.host, in order, whatever else is wrong there."""
    names: list[str] = []
    for link in links if isinstance(links, list) else []:
        for end in ("server", "client"):
            part = link.get(end) if isinstance(link, Mapping) else None
            if isinstance(part, Mapping) and isinstance(part.get("host"), str):
                names.append(part["host"])
    return list(dict.fromkeys(names))


def is_built_in(account: str) -> bool:
    """Whether an account is one that every Windows has and that acts as the machine, or as nobody, on the network."""
    folded = account.lower().replace(" ", "") if "\\" not in account else account.lower()
    return folded in MACHINE_IDENTITIES | ANONYMOUS_IDENTITIES or folded.startswith("nt service\\")
