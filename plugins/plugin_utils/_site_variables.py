# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The site model as the variables of a task give it: the model, the groups of the inventory, the addresses of peers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils._site_groups import CLIENTS, SERVERS, VARIABLES, Groups
from ..module_utils._site_model import Site
from ..module_utils._site_state import SiteSource


def read_site(model: Mapping[str, Any] | None, variables: Mapping[str, Any], templar: Any) -> Site | None:
    """The site of a task; None without a model. Only for peers the model gives no address are their variables read.

    A model without links is completed by the groups and the plain variables, as in the roles. Raises: SiteModelError.
    """
    if model is None:
        return None
    plain = _plain(model)
    groups = _groups(variables, templar)
    inventory = [str(name) for name in _group(variables, "all")]
    site = SiteSource(plain, groups, inventory, {}).read()
    unaddressed = [host.name for host in site.hosts.values() if not host.addresses]
    reached = _reached(unaddressed, variables)
    return SiteSource(plain, groups, inventory, reached).read() if reached else site


def _groups(variables: Mapping[str, Any], templar: Any) -> Groups:
    said = {name: templar.template(variables[name]) for name in VARIABLES if name in variables}
    return Groups(_group(variables, SERVERS), _group(variables, CLIENTS), _plain(said))


def _group(variables: Mapping[str, Any], name: str) -> list[str]:
    return [str(item) for item in (variables.get("groups") or {}).get(name, [])]


def _reached(names: Iterable[str], variables: Mapping[str, Any]) -> dict[str, str]:
    """How Ansible reaches these hosts, as far as the inventory of this job knows them."""
    known = variables.get("hostvars") or {}
    return {name: str(known[name].get("ansible_host") or name) for name in names if name in known}


def _plain(value: Any) -> Any:
    """The value in Python's own types. A text that ansible-core before 2.19 keeps encrypted is decrypted here."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str) or getattr(value, "__ENCRYPTED__", False):
        return str(value)
    return value
