# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""From the needs of one host to sections of ``opc_host``, in the options of the modules behind them. Pure.

No password is in a section. A section says everything the collection keeps on the host for links, so what a host does
not need any more is taken away by what is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ._application import OPC_ENUM_APP_ID
from ._link_spec import link_specs, surest_name
from ._site_groups import Groups, has_links, in_words_of_groups, is_described, with_group_links
from ._site_model import Application, Site, SiteModelError
from ._site_needs import (
    ANONYMOUS_LOGON,
    APPLICATION,
    OPC_ENUM,
    Grant,
    HostNeeds,
    Opening,
    derive,
    local_accounts,
    unaddressed_peers,
)
from ._site_parser import parse_site

# How a program is found, surest first.
_WAYS_TO_A_PROGRAM = ("service", "program", "prog_id", "clsid", "app_id")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StateOptions:
    """What the model leaves open. `profiles` None: every profile."""

    application_level: str = "default"
    opc_enum_level: str = "packet_integrity"
    profiles: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SiteSource:
    """Where a site is described: the variable `model` (None: not set), the groups, and what the inventory knows.

    `inventory`: names of the hosts of this job. `addresses`: how Ansible reaches some of them. `only_host`: the one
    whose links are read and checked; None for all.
    """

    model: object
    groups: Groups
    inventory: Collection[str]
    addresses: Mapping[str, str]
    only_host: str | None = None

    @property
    def is_described(self) -> bool:
        return is_described(self.model, self.groups)

    def read(self) -> Site:
        """The site. Raises: SiteModelError, in the words of the variables where these say the links."""
        if has_links(self.model):
            return self._parse(self.model)
        return self._in_words(lambda: self._parse(with_group_links(self.model, self.groups)))

    def _parse(self, model: object) -> Site:
        return parse_site(model, self.inventory, self.addresses, self.only_host)

    def needs(self, host: str) -> HostNeeds:
        """What one host needs. Raises: SiteModelError."""
        site = self.read()
        return self._in_words(lambda: derive(site, host))

    def host_state(self, host: str, options: StateOptions, site: Site | None = None) -> dict[str, Any]:
        """Sections for opc_host, names of the mutual accounts, and what is weaker than usual, with its reason.

        `site` is what `read` has given already. Raises: SiteModelError.
        """
        known = site or self.read()
        return host_state(known, self._in_words(lambda: derive(known, host)), options)

    def local_accounts(self, host: str) -> list[dict[str, str]]:
        """The mutual accounts of one host with their passwords, where the model has them: a secret.

        Raises: SiteModelError.
        """
        return [
            {"name": account.name, **({} if account.password is None else {"password": account.password})}
            for account in local_accounts(self.read(), host)
        ]

    def links(self) -> list[dict[str, Any]]:
        """All links, as plain data without secrets. Raises: SiteModelError."""
        return [spec.to_dict() for spec in link_specs(self.read())]

    def unaddressed_peers(self, host: str) -> tuple[str, ...]:
        """The hosts whose address has to come from the inventory. Raises: SiteModelError."""
        return unaddressed_peers(self.read(), host)

    def _in_words(self, read: Callable[[], _T]) -> _T:
        try:
            return read()
        except SiteModelError as error:
            if has_links(self.model):
                raise
            raise SiteModelError(list(dict.fromkeys(map(in_words_of_groups, error.problems)))) from error


def host_state(site: Site, needs: HostNeeds, options: StateOptions) -> dict[str, Any]:
    """Sections for opc_host, names of the mutual accounts, and what is weaker than usual with its reason."""
    sections: dict[str, Any] = {}
    if needs.needs_opc_enum:
        sections["opc_enum"] = {"state": "enabled", "authentication_level": options.opc_enum_level}
    levels = list(_levels(needs, options))
    if levels:
        sections["applications"] = levels
    sections["grants"] = _grants(needs)
    sections["firewall"] = _firewall(needs, options)
    accounts = local_accounts(site, needs.host)
    return {
        "sections": sections,
        "accounts": [account.name for account in accounts],
        "accounts_with_password": [account.name for account in accounts if account.password is not None],
        "exceptions": list(needs.exceptions),
    }


def _levels(needs: HostNeeds, options: StateOptions) -> Iterator[dict[str, Any]]:
    """Applications of the host follow one level. Only one that is given rights must be there; a client that polls may
    be no application at all, and a program that is called back is made one by its grant, without a level of its own.

    The level of a process is that of the application its program is mapped to (dcom.md 2.1), whatever its classes say.
    """
    granted = {grant.target for grant in needs.grants}
    level = {"authentication_level": options.application_level}
    for item in needs.applications:
        if item.name not in granted:
            selector = {"program": item.program} if item.program else selector_of(item)
            yield {**selector, **level, "ignore_missing": True}
        elif not item.is_program_only:
            yield {**selector_of(item), **level}
        elif options.application_level == "default":
            yield {**selector_of(item), **level, "ignore_missing": True}


def selector_of(application: Application) -> dict[str, str]:
    """The surest of the names of an application, as an option of dcom_application."""
    option, value = surest_name(application)
    return {option: value}


def _first_of(application: Application, ways: Iterable[str]) -> dict[str, str]:
    return next({way: value} for way in ways if (value := getattr(application, way)))


def _grants(needs: HostNeeds) -> dict[str, Any]:
    applications = {item.name: item for item in needs.applications}
    items: dict[tuple[str, str, str], dict[str, Any]] = {}
    for grant in needs.grants:
        item = items.setdefault((grant.scope, grant.target, grant.kind), _place(grant, applications))
        item["entries"].append({"principal": grant.principal, "rights": list(grant.rights)})
    section: dict[str, Any] = {"permissions": list(items.values())}
    if any(grant.principal == ANONYMOUS_LOGON for grant in needs.grants):
        section["allow_anonymous"] = True
        section["reason"] = "; ".join(needs.exceptions)
    return section


def _place(grant: Grant, applications: Mapping[str, Application]) -> dict[str, Any]:
    place: dict[str, Any] = {"scope": grant.scope, "kind": grant.kind, "entries": []}
    if grant.scope != APPLICATION:
        return place
    if grant.target == OPC_ENUM:
        # It registers itself with every right for Everyone (dcom.md 2.4), so its list is set as a whole.
        return {**place, "app_id": OPC_ENUM_APP_ID, "exclusive": True}
    application = applications[grant.target]
    return {**place, **selector_of(application), **({"exclusive": True} if application.exclusive else {})}


def _firewall(needs: HostNeeds, options: StateOptions) -> dict[str, Any]:
    applications = {item.name: item for item in needs.applications}
    # The endpoint mapper is opened for the peers of all the programs together.
    section: dict[str, Any] = {"purge": True, "endpoint_mapper": False, "direction": "in"}
    if options.profiles is not None:
        section["profiles"] = list(options.profiles)
    items = [
        {
            "title": opening.target,
            **_first_of(applications[opening.target], _WAYS_TO_A_PROGRAM),
            "direction": direction,
            "remote_addresses": list(opening.peers),
        }
        for direction, openings in (("in", needs.openings), ("out", needs.calls))
        for opening in openings
        if opening.target in applications
    ]
    if items:
        section.update(applications=items, endpoint_mapper=True)
    browsers = _peers_of(OPC_ENUM, needs.openings)
    if browsers:
        section.update(opc_enum=True, opc_enum_remote_addresses=browsers, endpoint_mapper=True)
    return section


def _peers_of(target: str, openings: Iterable[Opening]) -> list[str]:
    return [peer for opening in openings if opening.target == target for peer in opening.peers]
