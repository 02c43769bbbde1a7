# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Reads the site model a user wrote (variable ``opc_site``), completely checked before anything is derived from it.

`parse_site` gives the site, or one SiteModelError that lists every mistake with its path, such as
``links[3].client.host: 'hist9' is neither in the inventory nor in hosts``. Nothing is read from another host's
variables: what a host must know about its peers is in the model, or is the address of the peer's own inventory line.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from ._local_accounts import account_name_problem
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
)

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f]")
_GUID = re.compile(r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
_PROGRAM = re.compile(r"[A-Za-z]:\\[^/*?\"<>|]+\.[A-Za-z0-9]+")
_NETBIOS_NAME = re.compile(r"[A-Za-z0-9_-]{1,15}")
# Names of applications become names of firewall rules.
_APPLICATION_NAME = re.compile(r"[^\x00-\x1f|\"]{1,80}")

# Keys of hosts.<name>. `groups` is for sites without links (_site_groups), where the inventory of a slice lacks peers.
HOST_KEYS = frozenset({"address", "addresses", "computer_name", "domain", "groups"})
_APPLICATION_TEXTS = frozenset({"app_id", "prog_id", "clsid", "program", "service"})
_LINK_KEYS = frozenset({"name", "server", "client", "read_mode", "browse", "allow_anonymous", "reason"})

_T = TypeVar("_T")


def parse_site(
    model: object,
    inventory_hosts: Collection[str],
    inventory_addresses: Mapping[str, str] | None = None,
    only_host: str | None = None,
) -> Site:
    """Check the model and return the site.

    `inventory_addresses` is how Ansible reaches hosts, by name: an address, or any text that is none. With `only_host`
    the site has the links of that host alone, and links that plainly are between other hosts are not checked.
    Raises: SiteModelError with every mistake found.
    """
    reader = _Reader(set(inventory_hosts), dict(inventory_addresses or {}), only_host)
    site = reader.site(model)
    if reader.problems or site is None:
        raise SiteModelError(list(dict.fromkeys(reader.problems)))
    return site


def mentioned_hosts(links: object) -> list[str]:
    """Names under links[].server.host and links[].client.host, in order, whatever else is wrong there."""
    names: list[str] = []
    for link in links if isinstance(links, list) else []:
        for end in ("server", "client"):
            part = link.get(end) if isinstance(link, Mapping) else None
            found = part.get("host") if isinstance(part, Mapping) else None
            names += [name for name in (found if isinstance(found, list) else [found]) if isinstance(name, str)]
    return list(dict.fromkeys(names))


def _is_elsewhere(link: object, host: str) -> bool:
    """Whether both ends of a link plainly say other hosts. What says no host is left to the checks."""
    ends = (link.get("server"), link.get("client")) if isinstance(link, dict) else (None,)
    return all(isinstance(end, dict) and _says_another(end.get("host"), host) for end in ends)


def _says_another(said: object, host: str) -> bool:
    names = said if isinstance(said, list) and said else [said]
    return all(isinstance(name, str) and host not in name for name in names)


class _Problems:
    """Collects problems, so that one run of the check names them all, and reads plain values."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def problem(self, path: str, message: str) -> None:
        self.problems.append(f"{path}: {message}")

    def named(self, path: str, item: object, read: Callable[[str, str, object], _T | None]) -> dict[str, _T]:
        if item is None:
            return {}
        if not isinstance(item, Mapping):
            self.problem(path, "must map names to descriptions")
            return {}
        found = {str(name): read(f"{path}.{name}", str(name), value) for name, value in item.items()}
        return {name: value for name, value in found.items() if value is not None}

    def mapping(self, path: str, item: object, known: Collection[str]) -> Mapping[str, Any] | None:
        if not isinstance(item, Mapping):
            kind = type(item).__name__
            self.problem(path or "opc_site", "is missing" if item is None else f"must be a mapping, not {kind}")
            return None
        for key in item:
            if key not in known:
                where = f"{path}.{key}" if path else str(key)
                self.problem(where, f"is not known here; known are {', '.join(sorted(known))}")
        return item

    def text(self, path: str, item: object) -> str | None:
        if item is None:
            return None
        if not isinstance(item, str) or not item.strip() or _CONTROL_CHARACTERS.search(item):
            self.problem(path, f"{item!r} is not a text")
            return None
        return str(item).strip()

    def texts(self, path: str, item: object) -> list[tuple[str, str]]:
        """One text, or a list of texts; each with its own path."""
        items = [(f"{path}[{index}]", value) for index, value in enumerate(item)] if isinstance(item, list) else None
        found = [(where, self.text(where, value)) for where, value in (items if items is not None else [(path, item)])]
        if items is not None and not items:
            self.problem(path, "must not be an empty list")
        return [(where, text) for where, text in found if text is not None]

    def boolean(self, path: str, item: object) -> bool:
        if not isinstance(item, bool):
            self.problem(path, f"{item!r} is neither true nor false")
        return item is True

    def read_mode(self, path: str, item: object) -> ReadMode | None:
        try:
            return ReadMode(item)
        except ValueError:
            self.problem(path, f"{item!r} is neither poll nor subscribe")
            return None


class _Reader(_Problems):
    """Walks the mapping."""

    def __init__(
        self, inventory_hosts: set[str], inventory_addresses: dict[str, str], only_host: str | None = None
    ) -> None:
        super().__init__()
        self._only_host = only_host
        self._inventory_hosts = inventory_hosts
        self._inventory_addresses = inventory_addresses
        self._computer_names: set[str] = set()

    def site(self, model: object) -> Site | None:
        top = self.mapping("", model, {"applications", "accounts", "hosts", "links", "domain"})
        if top is None:
            return None
        domain = self.text("domain", top.get("domain"))
        applications = self.named("applications", top.get("applications"), self._application)
        accounts = self.named("accounts", top.get("accounts"), self._account)
        self._reject_same("accounts", ((name, folded_account(name)) for name in accounts), "is the same account as")
        items = self._link_items(top.get("links"))
        hosts = self._hosts(top, mentioned_hosts(list(items.values())), domain)
        self._computer_names = {host.computer_name.lower() for host in hosts.values()}
        links = self._links(items, accounts)
        checked = tuple(link for link in links if self._check_link(link, applications, accounts, hosts))
        self._reject_repetition(links)
        return Site(applications, accounts, hosts, checked)

    # -- the parts ---------------------------------------------------------------------------------------------------

    def _application(self, path: str, name: str, item: object) -> Application | None:
        fields = self.mapping(path, item, {*_APPLICATION_TEXTS, "exclusive"})
        if fields is None:
            return None
        if not _APPLICATION_NAME.fullmatch(name):
            self.problem(path, "the name of an application must not hold | or quotes, nor be longer than 80 characters")
        texts = {key: self.text(f"{path}.{key}", fields[key]) for key in sorted(_APPLICATION_TEXTS & set(fields))}
        for key in ("app_id", "clsid"):
            if texts.get(key) and not _GUID.fullmatch(texts[key] or ""):
                self.problem(f"{path}.{key}", f"{texts[key]!r} is not a GUID in braces")
        if not any(texts.values()):
            self.problem(path, "needs at least one of app_id, prog_id, clsid, program, service")
        program = texts.get("program")
        if program is not None and not _PROGRAM.fullmatch(program):
            self.problem(f"{path}.program", f"{program!r} is not a full path such as C:\\apis\\bin64\\apishivex64.exe")
        exclusive = self.boolean(f"{path}.exclusive", fields.get("exclusive", False))
        known = {key: value for key, value in texts.items() if value is not None}
        return Application(name, **known, exclusive=exclusive)

    def _account(self, path: str, name: str, item: object) -> Account | None:
        """One account; no message ever holds what stands in place of a password."""
        fields = self.mapping(path, {} if item is None else item, {"password"})
        if fields is None:
            return None
        if is_built_in(name):
            self.problem(path, "every Windows has this account; it is not described")
        password = fields.get("password")
        if password is not None and (not isinstance(password, str) or not password):
            self.problem(f"{path}.password", "must be a text that is not empty")
            return None
        problem = None if is_domain_account(name) else account_name_problem(name)
        if problem is not None:
            self.problem(path, f"the name of a local account {problem}")
        if password is not None and is_domain_account(name):
            self.problem(f"{path}.password", "a domain account is used as it is; only local accounts are created")
        return Account(name, None if password is None else str(password))

    def _hosts(self, top: Mapping[str, Any], mentioned: Iterable[str], domain: str | None) -> dict[str, SiteHost]:
        """The hosts the model describes and the ones only the inventory knows.

        In a job slice the inventory lacks most peers, so a host that the model describes need not be in it.
        """
        described = self.named("hosts", top.get("hosts"), lambda path, name, item: self._host(path, name, item, domain))
        for name in mentioned:
            if name in self._inventory_hosts and name not in described:
                plain = self._host(f"hosts.{name}", name, {}, domain)
                described.update({name: plain} if plain else {})
        computers = ((name, f"{host.domain or name}\\{host.computer_name}".lower()) for name, host in described.items())
        self._reject_same("hosts", computers, "has the computer name of")
        addresses = ((name, address) for name, host in described.items() for address in host.addresses)
        self._reject_same("hosts", addresses, "has an address of")
        return described

    def _host(self, path: str, name: str, item: object, domain: str | None) -> SiteHost | None:
        fields = self.mapping(path, {} if item is None else item, HOST_KEYS)
        if fields is None:
            return None
        if fields.get("groups") is not None:
            self.texts(f"{path}.groups", fields["groups"])
        own_domain = self.text(f"{path}.domain", fields["domain"]) if "domain" in fields else domain
        given = self.text(f"{path}.computer_name", fields.get("computer_name"))
        computer_name = given or name.split(".")[0].upper()[:15]
        if not _NETBIOS_NAME.fullmatch(computer_name):
            self.problem(f"{path}.computer_name", f"{computer_name!r} is not a NetBIOS name of 1 to 15 characters")
        reached_as = self._inventory_addresses.get(name, "")
        addresses = self._addresses(path, fields) or _usable_address(reached_as or name)
        return SiteHost(name, computer_name, addresses, own_domain, reached_as)

    def _addresses(self, path: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
        given = [key for key in ("address", "addresses") if fields.get(key) is not None]
        if not given:
            return ()
        if len(given) == 2:
            self.problem(f"{path}.addresses", "give either address or addresses")
        texts = self.texts(f"{path}.{given[0]}", fields[given[0]])
        found = (self._ip_address(where, text) for where, text in texts)
        return tuple(dict.fromkeys(address for address in found if address))

    def _ip_address(self, path: str, item: str) -> str | None:
        try:
            return str(ipaddress.ip_address(item))
        except ValueError:
            self.problem(path, f"{item!r} is not an IP address, which a firewall rule needs")
            return None

    # -- links -------------------------------------------------------------------------------------------------------

    def _link_items(self, items: object) -> dict[str, object]:
        """What is written of each link that counts, by its path."""
        if items is not None and not isinstance(items, list):
            self.problem("links", "must be a list")
        numbered = enumerate(items if isinstance(items, list) else [])
        host = self._only_host
        return {f"links[{index}]": item for index, item in numbered if host is None or not _is_elsewhere(item, host)}

    def _links(self, items: Mapping[str, object], accounts: Mapping[str, Account]) -> list[Link]:
        spelled = {folded_account(name): name for name in accounts}
        return [link for path, item in items.items() for link in self._link(path, item, spelled)]

    def _link(self, path: str, item: object, spelled: Mapping[str, str]) -> list[Link]:
        """The links of one item: one for each pair of its hosts."""
        fields = self.mapping(path, item, _LINK_KEYS)
        if fields is None:
            return []
        servers = self._ends(f"{path}.server", fields.get("server"), spelled)
        clients = self._ends(f"{path}.client", fields.get("client"), spelled)
        mode = self.read_mode(f"{path}.read_mode", fields.get("read_mode", "subscribe"))
        browse = self.boolean(f"{path}.browse", fields.get("browse", False))
        anonymous = self.boolean(f"{path}.allow_anonymous", fields.get("allow_anonymous", False))
        reason = self.text(f"{path}.reason", fields.get("reason")) or ""
        name = self.text(f"{path}.name", fields.get("name"))
        if anonymous and not reason:
            self.problem(f"{path}.allow_anonymous", "is an exception; say why in reason")
        is_one = len(servers) * len(clients) == 1
        if mode is None:
            return []
        return [
            Link(path, _link_name(name, server, client, is_one=is_one), server, client, mode, browse, anonymous, reason)
            for server in servers
            for client in clients
            if self._only_host in (None, server.host, client.host)
        ]

    def _ends(self, path: str, item: object, spelled: Mapping[str, str]) -> list[End]:
        """The ends of a link: the same program under the same account on each of the hosts."""
        fields = self.mapping(path, item, {"host", "application", "account"})
        if fields is None:
            return []
        missing = [key for key in ("host", "application", "account") if fields.get(key) is None]
        for key in missing:
            self.problem(f"{path}.{key}", "is missing")
        hosts = [] if "host" in missing else self.texts(f"{path}.host", fields["host"])
        application = self.text(f"{path}.application", fields.get("application"))
        account = self.text(f"{path}.account", fields.get("account"))
        if application is None or account is None:
            return []
        return [End(host, application, _spelling(account, spelled)) for _where, host in hosts]

    def _check_link(
        self,
        link: Link,
        applications: Mapping[str, Application],
        accounts: Mapping[str, Account],
        hosts: Mapping[str, SiteHost],
    ) -> bool:
        before = len(self.problems)
        for side, end in (("server", link.server), ("client", link.client)):
            path = f"{link.path}.{side}"
            if end.host not in hosts:
                self.problem(f"{path}.host", f"{end.host!r} is neither in the inventory nor in hosts")
            if end.application not in applications:
                self.problem(f"{path}.application", f"{end.application!r} is not in applications")
            self._check_account(f"{path}.account", end.account, accounts)
        server = applications.get(link.server.application)
        if server is not None and server.is_program_only:
            self.problem(
                f"{link.path}.server.application",
                f"{server.name!r} is known by its program only; clients activate a class, so a server needs one of "
                "prog_id, clsid, app_id, service",
            )
        return len(self.problems) == before

    def _check_account(self, path: str, account: str, accounts: Mapping[str, Account]) -> None:
        if is_built_in(account):
            return
        if not is_domain_account(account):
            if account not in accounts:
                self.problem(path, f"{account!r} is not in accounts")
            return
        domain, _backslash, name = account.rpartition("\\")
        if domain.lower() in self._computer_names:
            self.problem(path, f"{domain} is a host, so {account!r} is a local account; write {name!r}")

    # -- repetitions -------------------------------------------------------------------------------------------------

    def _reject_repetition(self, links: Iterable[Link]) -> None:
        seen: dict[tuple[End, End], str] = {}
        for link in links:
            if (link.server, link.client) in seen:
                first = seen[link.server, link.client]
                self.problem(link.path, f"says the same as {first}" if first != link.path else "names a host twice")
            seen.setdefault((link.server, link.client), link.path)

    def _reject_same(self, path: str, items: Iterable[tuple[str, str]], message: str) -> None:
        """Report names that stand for the same thing; each item is a name and what it stands for."""
        seen: dict[str, str] = {}
        for name, thing in items:
            first = seen.setdefault(thing, name)
            if first != name:
                self.problem(f"{path}.{name}", f"{message} {first}")


def _link_name(name: str | None, server: End, client: End, *, is_one: bool) -> str:
    """The name of the item, where it is only one link, else what tells its links apart as well."""
    ends = f"{client.host} {client.application} -> {server.host} {server.application}"
    if name is None:
        return ends
    return name if is_one else f"{name}: {client.host} -> {server.host}"


def _spelling(account: str, spelled: Mapping[str, str]) -> str:
    """The account as `accounts` spells it. ``.\\name`` is what Windows calls a local account."""
    bare = account[2:] if account.startswith(".\\") else account
    return spelled.get(folded_account(bare), bare)


def _usable_address(text: str) -> tuple[str, ...]:
    """An address that a peer can have. What Ansible connects to may also be a name, or a tunnel on this controller."""
    if "." not in text and ":" not in text:  # a name; the attempt would take time for each of many hosts
        return ()
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return ()
    is_of_one_host = not (address.is_loopback or address.is_unspecified or address.is_multicast)
    return (str(address),) if is_of_one_host else ()
