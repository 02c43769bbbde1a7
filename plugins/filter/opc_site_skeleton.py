# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site model to begin with, in playbooks; documented in opc_site_skeleton.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var

from ..module_utils._site_skeleton import site_skeleton


def opc_site_skeleton(machines: object, addresses: Mapping[str, str] | None = None) -> Any:
    """The text of a variables file; see opc_site_skeleton.yml."""
    if not isinstance(machines, Mapping) or not all(isinstance(item, Mapping) for item in machines.values()):
        raise AnsibleFilterError("opc_site_skeleton needs a mapping of host names to `dcom` of dcom_info")
    named = {str(host): item for host, item in machines.items()}
    reached = {str(host): str(address) for host, address in (addresses or {}).items() if address}
    # ansible-core before 2.19 marks texts of hosts as unsafe, and new texts made of them lose the mark.
    return wrap_var(site_skeleton(named, reached))


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"opc_site_skeleton": opc_site_skeleton}
