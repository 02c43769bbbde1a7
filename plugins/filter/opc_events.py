# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events of several hosts in playbooks. Each filter is documented in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.unsafe_proxy import wrap_var

from ..module_utils._event_pairs import pair_weak_activations


def opc_weak_activations(results: object) -> Any:
    """Refused activations with the programs that asked; see opc_weak_activations.yml."""
    if not isinstance(results, Mapping) or not all(isinstance(item, Mapping) for item in results.values()):
        raise AnsibleFilterError("opc_weak_activations needs a mapping of host names to results of dcom_event_info")
    # ansible-core before 2.19 marks texts of hosts as unsafe, and new texts made of them lose the mark.
    return wrap_var(pair_weak_activations({str(host): item for host, item in results.items()}))


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"opc_weak_activations": opc_weak_activations}
