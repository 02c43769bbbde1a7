# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The site model: one description of the OPC links of a plant, as values; `_site_parser` makes it of what users write.

A host of the model is told apart by its inventory name, an account by its name, in which Windows does not tell upper
from lower case. Source of the form: the project's design, section 5; of the identities: dcom.md 3.5.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ._errors import DomainError, shortened

# Accounts that are the machine itself on the network (dcom.md 3.5): its computer account in a domain, nobody elsewhere.
MACHINE_IDENTITIES = frozenset(
    {"localsystem", "system", "nt authority\\system", "networkservice", "nt authority\\networkservice"}
)
# Accounts that are anonymous on the network, in a domain as well.
ANONYMOUS_IDENTITIES = frozenset({"localservice", "nt authority\\localservice"})
_SERVICE_ACCOUNTS = "nt service\\"


class SiteModelError(DomainError):
    """The model has mistakes. `problems` holds one text per mistake, each beginning with its path."""

    def __init__(self, problems: list[str]) -> None:
        count = len(problems)
        lines = "\n".join(f"- {shortened(problem)}" for problem in problems)
        super().__init__(f"opc_site has {count} mistake{'s' if count != 1 else ''}:\n{lines}")
        self.problems = tuple(problems)

    def __str__(self) -> str:
        """Whole, however many mistakes there are; each of them is shortened."""
        return Exception.__str__(self)


class ReadMode(enum.Enum):
    """How the client gets values. A subscription makes the server call the client, which needs rights in reverse."""

    POLL = "poll"
    SUBSCRIBE = "subscribe"


@dataclass(frozen=True, slots=True)
class Application:
    """An OPC program. At least one of the names by which a host can find its AppID is set, or its program.

    `exclusive`: nobody but the system, its administrators and the links is to have rights on it.
    """

    name: str
    app_id: str | None = None
    prog_id: str | None = None
    clsid: str | None = None
    program: str | None = None
    service: str | None = None
    exclusive: bool = False

    @property
    def is_program_only(self) -> bool:
        """Whether nothing but its program is known, as of a pure client that registers no class."""
        return not (self.app_id or self.prog_id or self.clsid or self.service)


@dataclass(frozen=True, slots=True)
class Account:
    """An account the model names. `password` is set where the account is created on both ends; it never leaves here."""

    name: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SiteHost:
    """A host of the site. `domain` is the name of its domain, None in a workgroup.

    `reached_as` is how the inventory names it where that is no address a firewall rule could use.
    """

    name: str
    computer_name: str
    addresses: tuple[str, ...] = ()
    domain: str | None = None
    reached_as: str = ""

    def shares_domain_with(self, other: SiteHost) -> bool:
        return self.domain is not None and other.domain is not None and self.domain.lower() == other.domain.lower()


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
    read_mode: ReadMode
    browse: bool
    allow_anonymous: bool
    reason: str

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


@lru_cache(maxsize=1024)  # a site asks for the same few accounts at every link
def folded_account(account: str) -> str:
    """An account name as Windows compares it. Blanks do not count in the names that services use."""
    folded = account.strip().lower()
    compact = folded.replace(" ", "")
    return compact if compact in MACHINE_IDENTITIES | ANONYMOUS_IDENTITIES else folded


def is_built_in(account: str) -> bool:
    """Whether an account is one that every Windows has and that acts as the machine, or as nobody, on the network."""
    folded = folded_account(account)
    return is_nobody_on_network(account) or folded in MACHINE_IDENTITIES or folded.startswith(_SERVICE_ACCOUNTS)


def is_nobody_on_network(account: str) -> bool:
    """Whether the account is anonymous to every other host, in a domain as well."""
    return folded_account(account) in ANONYMOUS_IDENTITIES


def is_domain_account(account: str) -> bool:
    """Whether the name says a domain, as ``DOMAIN\\name`` or ``name@domain``."""
    return not is_built_in(account) and ("\\" in account or "@" in account)
