# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site model in playbooks: what one host needs for its links. Each filter is documented in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ansible.errors import AnsibleFilterError

from ..module_utils._drift import drift
from ..module_utils._site_groups import Groups
from ..module_utils._site_model import SiteModelError
from ..module_utils._site_state import SiteSource, StateOptions
from ..plugin_utils._site_variables import plain, profiles_of

_T = TypeVar("_T")


def opc_host_state(model: object, host: str, **said: Any) -> dict[str, Any]:
    """Sections of opc_host for one host; see opc_host_state.yml."""
    options = StateOptions(
        application_level=said.pop("application_level", "default"),
        opc_enum_level=said.pop("opc_enum_level", "packet_integrity"),
        profiles=profiles_of(said.pop("profiles", None)),
    )
    source = _source(model, **said)
    if not source.is_described:
        return {"sections": {}, "accounts": [], "exceptions": []}
    return _checked(lambda: source.host_state(host, options))


def opc_local_accounts(model: object, host: str, **said: Any) -> list[dict[str, str]]:
    """The mutual accounts of one host with their passwords; see opc_local_accounts.yml."""
    source = _source(model, **said)
    if not source.is_described:
        return []
    return _checked(lambda: source.local_accounts(host))


def opc_unaddressed_peers(model: object, host: str, **said: Any) -> list[str]:
    """Peers of which the model gives no address; see opc_unaddressed_peers.yml."""
    source = _source(model, **said)
    if not source.is_described:
        return []
    return _checked(lambda: list(source.unaddressed_peers(host)))


def opc_links(model: object, **said: Any) -> list[dict[str, Any]]:
    """All links, without secrets; see opc_links.yml."""
    source = _source(model, **said)
    return _checked(source.links) if source.is_described else []


def opc_drift(result: Mapping[str, Any]) -> list[str]:
    """What a result of opc_host differs in; see opc_drift.yml."""
    if not isinstance(result, Mapping):
        raise AnsibleFilterError("opc_drift takes the result of a module of this collection")
    return list(drift(plain(result.get("before", {})), plain(result.get("after", {}))))


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "opc_host_state": opc_host_state,
            "opc_local_accounts": opc_local_accounts,
            "opc_unaddressed_peers": opc_unaddressed_peers,
            "opc_links": opc_links,
            "opc_drift": opc_drift,
        }


def _source(
    model: object,
    inventory: Sequence[str] = (),
    addresses: Mapping[str, str] | None = None,
    servers: Sequence[str] = (),
    clients: Sequence[str] = (),
    variables: Mapping[str, object] | None = None,
) -> SiteSource:
    groups = Groups(plain(servers), plain(clients), plain(variables or {}))
    reached = {str(name): str(address) for name, address in (addresses or {}).items() if address}
    return SiteSource(plain(model), groups, [str(name) for name in inventory], reached)


def _checked(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except SiteModelError as error:
        raise AnsibleFilterError(str(error)) from error
