# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site described in YAML, and the hosts built from it.

    site: {schemes: [http], auth: [basic, ntlm], delay_s: 0.0}
    domain: {name: PLANT, dns_name: plant.example, users: [{name: ansible, password: ..., groups: [Domain Admins]}]}
    defaults: {profile: "2019", accounts: [{name: Administrator, password: ...}]}      # any key of a host
    hosts:
      gw01: {profile: 2008r2, ui_language: de-DE, software: [opc_core_components], groups: [opc_servers], ...}
    links: [{client: hist01, server: gw01, application: Prediktor.ApisOPCServer.1, mode: subscribe, browse: true}]

Unknown keys and wrong types are errors that name their place. A value of a host replaces the default as a whole. What
is described is in force: a host with registry values or service accounts boots once more after it has got them.
docs/simulated_site.md describes every key.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .host import SimulatedHost
from .opc.administration import run_service_as
from .opc.connection import LinkError
from .opc.layers import Link
from .opc.link_data import parse_link
from .opc.network import Network
from .profiles import PROFILES
from .software import (
    Software,
    ae_server,
    da_server_1_0,
    da_server_32,
    da_server_64,
    da_server_in_both_views,
    da_server_in_process,
    hda_server,
    opc_client,
    opc_core_components,
    opc_lookalikes,
    prediktor_apis,
)
from .subsystems.account_database import AccountError, Domain
from .subsystems.clock import VirtualClock
from .subsystems.registry_value import RegistryValue
from .subsystems.service_record import ServiceError

SOFTWARE: dict[str, Callable[[], Software]] = {
    "opc_core_components": opc_core_components,
    "prediktor_apis": prediktor_apis,
    "da_server_1_0": da_server_1_0,
    "da_server_32": da_server_32,
    "da_server_64": da_server_64,
    "da_server_in_both_views": da_server_in_both_views,
    "da_server_in_process": da_server_in_process,
    "opc_lookalikes": opc_lookalikes,
    "hda_server": hda_server,
    "ae_server": ae_server,
    "opc_client": opc_client,
}
_REGISTRY_TYPES: dict[str, tuple[type, Callable[[Any], RegistryValue]]] = {
    "REG_SZ": (str, RegistryValue.sz),
    "REG_EXPAND_SZ": (str, RegistryValue.expand_sz),
    "REG_DWORD": (int, RegistryValue.dword),
    "REG_QWORD": (int, RegistryValue.qword),
    "REG_BINARY": (str, lambda text: RegistryValue.binary(bytes.fromhex(text))),
    "REG_MULTI_SZ": (list, RegistryValue.multi_sz),
}


class DescriptionError(ValueError):
    """The description cannot be read; the message names the place."""


@dataclass(frozen=True, slots=True)
class AccountDescription:
    """A local account or a domain user; an account that exists gets the password. `groups` by name or SID."""

    name: str
    password: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DomainDescription:
    name: str
    dns_name: str
    users: tuple[AccountDescription, ...] = ()


@dataclass(frozen=True, slots=True)
class RegistryDescription:
    """One value below a key such as HKLM\\SOFTWARE\\X; REG_BINARY data is hexadecimal text."""

    key: str
    name: str
    type: str
    data: Any


@dataclass(frozen=True, slots=True)
class ServiceDescription:
    """A service that runs as a local account or `DOMAIN\\user`, which gets the right to log on as a service."""

    name: str
    account: str
    password: str


@dataclass(frozen=True, slots=True)
class HostDescription:
    """One host. `groups` are Ansible groups; `revision` replaces that of the profile; `address` None: any free one."""

    profile: str = "2019"
    computer_name: str | None = None
    revision: int | None = None
    ui_language: str = "en-US"
    in_domain: bool = False
    allow_unencrypted: bool = True
    accounts: tuple[AccountDescription, ...] = ()
    software: tuple[str, ...] = ()
    registry: tuple[RegistryDescription, ...] = ()
    groups: tuple[str, ...] = ()
    address: str | None = None
    services: tuple[ServiceDescription, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteDescription:
    hosts: Mapping[str, HostDescription]
    domain: DomainDescription | None = None
    schemes: tuple[str, ...] = ("http",)
    auth: tuple[str, ...] = ("basic", "ntlm")
    delay_s: float = 0.0
    ansible_groups: Mapping[str, list[str]] = field(default_factory=dict)
    links: tuple[Link, ...] = ()

    def build(self) -> dict[str, SimulatedHost]:
        """Fresh hosts, their journals empty. Raises DescriptionError."""
        domain = _build_domain(self.domain) if self.domain else None
        return {name: _build_host(name, host, domain) for name, host in self.hosts.items()}

    def network(self, hosts: Mapping[str, SimulatedHost]) -> Network:
        """The network of hosts that were built from this description, at the addresses it gives them."""
        return Network(hosts, {name: host.address for name, host in self.hosts.items() if host.address})


def load_description(path: Path) -> SiteDescription:
    """Read a description from a file. Raises DescriptionError or OSError."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise DescriptionError(f"{path}: no YAML: {error}") from error
    return parse_description(data)


def parse_description(data: object) -> SiteDescription:
    """A description from plain data. Raises DescriptionError."""
    sections: dict[str, Any] = {"site": dict, "domain": dict, "defaults": dict, "hosts": dict, "links": list}
    top = _mapping(data, "the description", sections)
    site_types: dict[str, Any] = {"schemes": list, "auth": list, "delay_s": (int, float)}
    site = _mapping(top.get("site", {}), "site", site_types)
    defaults = _mapping(top.get("defaults", {}), "defaults", _HOST_TYPES)
    named = top.get("hosts") or {}
    if not named:
        raise DescriptionError("hosts: there are none")
    hosts = {str(name): _parse_host({**defaults, **(value or {})}, f"hosts.{name}") for name, value in named.items()}
    domain = _parse_domain(top["domain"]) if "domain" in top else None
    if domain is None and any(host.in_domain for host in hosts.values()):
        raise DescriptionError("a host is in_domain, but there is no domain")
    groups: dict[str, list[str]] = {}
    for name, host in hosts.items():
        for group in host.groups:
            groups.setdefault(group, []).append(name)
    return SiteDescription(
        hosts,
        domain,
        schemes=tuple(site.get("schemes", ("http",))),
        auth=tuple(site.get("auth", ("basic", "ntlm"))),
        delay_s=float(site.get("delay_s", 0.0)),
        ansible_groups=groups,
        links=_parse_links(top.get("links", ()), hosts),
    )


_HOST_TYPES: dict[str, Any] = {
    "profile": (str, int), "computer_name": str, "revision": int, "ui_language": str, "in_domain": bool,
    "allow_unencrypted": bool, "accounts": list, "software": list, "registry": list, "groups": list, "address": str,
    "services": list,
}  # fmt: skip


def _mapping(data: object, place: str, types: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise DescriptionError(f"{place}: must be a mapping")
    for key, value in data.items():
        if key not in types:
            raise DescriptionError(f"{place}: unknown key {key!r}; known are {', '.join(types)}")
        if not isinstance(value, types[key]) or (isinstance(value, bool) and types[key] is not bool):
            raise DescriptionError(f"{place}.{key}: {value!r} has the wrong type")
    return data


def _parse_host(data: object, place: str) -> HostDescription:
    values = dict(_mapping(data, place, _HOST_TYPES))
    values["profile"] = str(values.get("profile", "2019"))
    if values["profile"] not in PROFILES:
        raise DescriptionError(f"{place}.profile: {values['profile']!r} is none of {', '.join(PROFILES)}")
    for key in ("software", "groups"):
        values[key] = tuple(_text(item, f"{place}.{key}") for item in values.get(key, ()))
    unknown = [name for name in values["software"] if name not in SOFTWARE]
    if unknown:
        raise DescriptionError(f"{place}.software: {unknown[0]!r} is none of {', '.join(SOFTWARE)}")
    values["accounts"] = _parse_accounts(values.get("accounts", ()), f"{place}.accounts")
    values["registry"] = tuple(_parse_registry(item, f"{place}.registry") for item in values.get("registry", ()))
    values["services"] = tuple(_parse_service(item, f"{place}.services") for item in values.get("services", ()))
    if "address" in values:
        values["address"] = _parse_address(values["address"], f"{place}.address")
    return HostDescription(**values)


def _text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise DescriptionError(f"{place}: {value!r} is no text")
    return value


def _parse_accounts(items: Sequence[object], place: str) -> tuple[AccountDescription, ...]:
    accounts = []
    for item in items:
        values = _mapping(item, place, {"name": str, "password": str, "groups": list})
        if {"name", "password"} - set(values):
            raise DescriptionError(f"{place}: an account needs a name and a password")
        groups = tuple(_text(group, f"{place}.groups") for group in values.get("groups", ()))
        accounts.append(AccountDescription(values["name"], values["password"], groups))
    return tuple(accounts)


def _parse_domain(data: object) -> DomainDescription:
    values = _mapping(data, "domain", {"name": str, "dns_name": str, "users": list})
    if {"name", "dns_name"} - set(values):
        raise DescriptionError("domain: needs name and dns_name")
    return DomainDescription(
        values["name"], values["dns_name"], _parse_accounts(values.get("users", ()), "domain.users")
    )


def _parse_registry(item: object, place: str) -> RegistryDescription:
    values = _mapping(item, place, {"key": str, "name": str, "type": str, "data": (str, int, list)})
    if {"key", "name", "type", "data"} - set(values) or values["type"] not in _REGISTRY_TYPES:
        raise DescriptionError(f"{place}: a value needs key, name, data and a type of {', '.join(_REGISTRY_TYPES)}")
    if not isinstance(values["data"], _REGISTRY_TYPES[values["type"]][0]):
        raise DescriptionError(f"{place}: {values['data']!r} is no {values['type']}")
    return RegistryDescription(**values)


def _parse_service(item: object, place: str) -> ServiceDescription:
    values = _mapping(item, place, {"name": str, "account": str, "password": str})
    if {"name", "account", "password"} - set(values):
        raise DescriptionError(f"{place}: a service needs a name, an account and a password")
    return ServiceDescription(**values)


def _parse_address(text: str, place: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as error:
        raise DescriptionError(f"{place}: {text!r} is no IPv4 address") from error


def _parse_links(items: Sequence[object], hosts: Mapping[str, HostDescription]) -> tuple[Link, ...]:
    links = []
    for index, item in enumerate(items):
        try:
            link = parse_link(item, f"links[{index}]")
        except LinkError as error:
            raise DescriptionError(str(error)) from error
        unknown = [name for name in (link.client, link.server) if name not in hosts]
        if unknown:
            raise DescriptionError(f"links[{index}]: there is no host {unknown[0]!r}")
        links.append(link)
    return tuple(links)


def _build_domain(description: DomainDescription) -> Domain:
    domain = Domain(description.name, description.dns_name)
    for user in description.users:
        sid = domain.add_user(user.name, user.password).sid
        try:
            for group in user.groups:
                domain.add_member(group, sid)
        except AccountError as error:
            raise DescriptionError(f"domain.users.{user.name}: {error}") from error
    return domain


def _build_host(name: str, description: HostDescription, domain: Domain | None) -> SimulatedHost:
    profile = PROFILES[description.profile]
    host = SimulatedHost(
        description.computer_name or name,
        profile if description.revision is None else profile.with_revision(description.revision),
        ui_language=description.ui_language,
        clock=VirtualClock(ticker=time.monotonic),
        domain=domain if description.in_domain else None,
        software=[SOFTWARE[item]() for item in description.software],
    )
    try:
        for account in description.accounts:
            _put_account(host, account)
    except AccountError as error:
        raise DescriptionError(f"hosts.{name}.accounts: {error}") from error
    for value in description.registry:
        host.registry.put(value.key, value.name, _REGISTRY_TYPES[value.type][1](value.data))
    try:
        for service in description.services:
            run_service_as(host, service.name, service.account, service.password)
    except (AccountError, ServiceError) as error:
        raise DescriptionError(f"hosts.{name}.services: {error}") from error
    if description.registry or description.services:
        host.boot.start()
    host.allow_unencrypted = description.allow_unencrypted
    host.journal.records.clear()
    host.initial = host.snapshot()
    return host


def _put_account(host: SimulatedHost, account: AccountDescription) -> None:
    """Create the account or give it the password, and put it into its groups."""
    accounts = host.accounts
    if accounts.local.find_user(account.name):
        user = accounts.set_password(None, account.name, account.password)
    else:
        user = accounts.create_user(None, account.name, account.password)
    for group in account.groups:
        accounts.add_member(None, group, user.sid)
