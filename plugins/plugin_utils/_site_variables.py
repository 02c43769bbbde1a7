# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The site model as the variables of a task give it: the model, the groups of the inventory, the addresses of peers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..module_utils._site_groups import CLIENTS, SERVERS, VARIABLES, Groups
from ..module_utils._site_model import Site
from ..module_utils._site_needs import unaddressed_peers
from ..module_utils._site_state import SiteSource, StateOptions

MODEL = "opc_site"
PROFILES = "opc_firewall_profiles"
_MARKS = ("{{", "{%", "{#")  # what a template of Ansible has at least one of


def read_site(model: Mapping[str, Any] | None, variables: Mapping[str, Any], templar: Any) -> Site | None:
    """The site of a task; None without a model. Only for peers the model gives no address are their variables read.

    A model without links is completed by the groups and the plain variables, as in the roles. Raises: SiteModelError.
    """
    if model is None:
        return None
    described = plain(model)
    groups = _groups(variables, templar)
    inventory = [str(name) for name in _group(variables, "all")]
    site = SiteSource(described, groups, inventory, {}).read()
    unaddressed = [host.name for host in site.hosts.values() if not host.addresses]
    reached = _reached(unaddressed, variables)
    return SiteSource(described, groups, inventory, reached).read() if reached else site


def read_host_state(
    model: object, variables: Mapping[str, Any], templar: Any, options: StateOptions, *, own_links_only: bool = False
) -> dict[str, Any]:
    """What a site means for the host of a task: sections of opc_host, names of its accounts, exceptions.

    `model` is in Python's own types (said). Without a model and groups that say a site all of them are empty. Of other
    hosts only the ansible_host of peers is read, and only where the model gives no address. With `own_links_only` the
    links between other hosts are not checked. Raises: SiteModelError.
    """
    host = str(variables.get("inventory_hostname", ""))
    inventory = [str(name) for name in _group(variables, "all")]
    source = SiteSource(model, _groups(variables, templar), inventory, {}, host if own_links_only else None)
    if not source.is_described:
        return {"sections": {}, "accounts": [], "accounts_with_password": [], "exceptions": []}
    site = source.read()
    known = variables.get("hostvars") or {}
    peers = [name for name in unaddressed_peers(site, host) if name in known]
    reached = {name: str(known[name].get("ansible_host") or "") for name in peers}
    addresses = {name: address for name, address in reached.items() if address}
    if addresses:
        return replace(source, addresses=addresses).host_state(host, options)
    return source.host_state(host, options, site)


def said_as(name: str, variables: Mapping[str, Any], templar: Any) -> Any:
    """A variable of the task, in Python's own types; None where it is not set. A template costs every host time."""
    return said(variables[name], templar) if name in variables else None


def said(value: Any, templar: Any) -> Any:
    """The value of a variable, in Python's own types.

    Ansible takes milliseconds for each link of a large site model to look for templates; the parts of a mapping that
    hold none are left out of that.
    """
    if isinstance(value, Mapping) and all(isinstance(part, (Mapping, list)) for part in value.values()):
        return {str(name): _said_part(part, templar) for name, part in value.items()}
    return _said_part(value, templar)


def _said_part(value: Any, templar: Any) -> Any:
    try:
        return _literal(value)
    except _NotLiteral:
        return plain(templar.template(value))


class _NotLiteral(Exception):
    """Something in a value is a template, encrypted, or of a type only Ansible knows."""


def _literal(value: Any) -> Any:
    """The value in Python's own types, in one walk. Raises: _NotLiteral.

    Texts come first: most of what a model holds are texts.
    """
    if isinstance(value, str):
        if ("{" in value and any(mark in value for mark in _MARKS)) or getattr(value, "__ENCRYPTED__", False):
            raise _NotLiteral
        return str(value)
    if isinstance(value, (dict, Mapping)):
        return {str(name): _literal(item) for name, item in value.items()}
    if isinstance(value, list):
        return list(map(_literal, value))
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise _NotLiteral


def _groups(variables: Mapping[str, Any], templar: Any) -> Groups:
    values = {name: said(variables[name], templar) for name in VARIABLES if name in variables}
    return Groups(_group(variables, SERVERS), _group(variables, CLIENTS), values)


def _group(variables: Mapping[str, Any], name: str) -> list[str]:
    return [str(item) for item in (variables.get("groups") or {}).get(name, [])]


def _reached(names: Iterable[str], variables: Mapping[str, Any]) -> dict[str, str]:
    """How Ansible reaches these hosts, as far as the inventory of this job knows them."""
    known = variables.get("hostvars") or {}
    return {name: str(known[name].get("ansible_host") or name) for name in names if name in known}


def profiles_of(words: object) -> tuple[str, ...] | None:
    """A list, or the text a survey gives; nothing means every profile."""
    if not words:
        return None
    listed = words.replace(",", " ").split() if isinstance(words, str) else words
    return tuple(str(word) for word in listed) if isinstance(listed, Sequence) else None


def plain(value: Any) -> Any:
    """The value in Python's own types. A text that ansible-core before 2.19 keeps encrypted is decrypted here."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (dict, Mapping)):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if getattr(value, "__ENCRYPTED__", False):
        return str(value)
    return value
