# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Links as modules are told of them: everything that matters about both ends, and no secret. Pure.

A link travels through a playbook as plain data (`to_dict`, `link_from_dict`), from the filter ``opc_links`` to the
modules that look at hosts and judge. What makes it impossible as described is in `problem`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ._errors import ParameterError
from ._site_model import Application, End, Link, ReadMode, Site, SiteHost, SiteModelError
from ._site_needs import identity_at

_SELECTORS = ("app_id", "prog_id", "clsid", "service", "program")


@dataclass(frozen=True, slots=True)
class EndSpec:
    """One end. `principal` is who the *other* end's account is on this host, "" where nobody can say.

    `selector` finds the AppID, as one option of dcom_application and its value.
    """

    host: str
    computer_name: str
    addresses: tuple[str, ...]
    domain: str
    application: str
    selector: tuple[str, str]
    program: str
    service: str
    account: str
    principal: str


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """One link. `path` is where the model says so."""

    name: str
    path: str
    subscribes: bool
    browses: bool
    is_local: bool
    server: EndSpec
    client: EndSpec
    problem: str = ""

    def ends_on(self, host: str) -> tuple[EndSpec, ...]:
        return tuple(end for end in (self.server, self.client) if end.host == host)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a playbook."""
        ends = {side: _end_to_dict(getattr(self, side)) for side in ("server", "client")}
        return {
            "name": self.name,
            "path": self.path,
            "read_mode": (ReadMode.SUBSCRIBE if self.subscribes else ReadMode.POLL).value,
            "browse": self.browses,
            **ends,
            "problem": self.problem,
        }


def link_specs(site: Site) -> tuple[LinkSpec, ...]:
    """All links of a site, in the order of the model."""
    return tuple(_link_spec(site, link) for link in site.links)


def link_from_dict(path: str, item: Mapping[str, Any]) -> LinkSpec:
    """Inverse of `to_dict`. Raises: ParameterError with the path of what does not fit."""
    try:
        server, client = (_end_from_dict(item[side]) for side in ("server", "client"))
        return LinkSpec(
            name=str(item["name"]),
            path=str(item["path"]),
            subscribes=ReadMode(item["read_mode"]) is ReadMode.SUBSCRIBE,
            browses=bool(item["browse"]),
            is_local=server.host == client.host,
            server=server,
            client=client,
            problem=str(item.get("problem", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ParameterError(path, f"is no link as the filter opc_links makes them ({error})") from error


def _link_spec(site: Site, link: Link) -> LinkSpec:
    problems: list[str] = []

    def known(identify: Callable[[], str]) -> str:
        try:
            return identify()
        except SiteModelError as error:
            problems.extend(error.problems)
            return ""

    server_host, client_host = site.hosts[link.server.host], site.hosts[link.client.host]
    client_there = known(lambda: identity_at(link, link.client, server_host, client_host))
    server_there = ""
    if link.read_mode is ReadMode.SUBSCRIBE:
        server_there = known(lambda: identity_at(link, link.server, client_host, server_host))
    return LinkSpec(
        name=link.name,
        path=link.path,
        subscribes=link.read_mode is ReadMode.SUBSCRIBE,
        browses=link.browse,
        is_local=link.is_local,
        server=_end_spec(site, link.server, server_host, client_there),
        client=_end_spec(site, link.client, client_host, server_there),
        problem="; ".join(dict.fromkeys(problems)),
    )


def _end_spec(site: Site, end: End, host: SiteHost, principal: str) -> EndSpec:
    application = site.applications[end.application]
    return EndSpec(
        host=end.host,
        computer_name=host.computer_name,
        addresses=host.addresses,
        domain=host.domain or "",
        application=end.application,
        selector=surest_name(application),
        program=application.program or "",
        service=application.service or "",
        account=end.account,
        principal=principal,
    )


def surest_name(application: Application) -> tuple[str, str]:
    """The option of dcom_application that finds the application best, and its value."""
    return next((option, value) for option in _SELECTORS if (value := getattr(application, option)))


def _end_to_dict(end: EndSpec) -> dict[str, Any]:
    return {**asdict(end), "addresses": list(end.addresses), "selector": {end.selector[0]: end.selector[1]}}


def _end_from_dict(item: Mapping[str, Any]) -> EndSpec:
    ((option, value),) = item["selector"].items()
    texts = {name: str(item[name]) for name in EndSpec.__slots__ if name not in ("addresses", "selector")}
    return EndSpec(**texts, addresses=tuple(map(str, item["addresses"])), selector=(str(option), str(value)))
