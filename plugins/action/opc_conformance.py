# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_conformance; options and results are documented in plugins/modules/opc_conformance.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..module_utils._conformance import Claim
from ..plugin_utils._action import HostAction
from ..plugin_utils._conformance._run import CONFORMANCE_SPEC, chosen_claims, try_out
from ..plugin_utils._host._host import Host
from ..plugin_utils._resource import Parameters, Spec


class ActionModule(HostAction):
    def options(self) -> Spec:
        return CONFORMANCE_SPEC

    def prepare(self, parameters: Parameters) -> tuple[Sequence[Claim], bool]:
        return chosen_claims(parameters), bool(parameters["allow_writes"])

    def act(self, host: Host, prepared: tuple[Sequence[Claim], bool]) -> dict[str, Any]:
        claims, allow_writes = prepared
        may_write = allow_writes and not self._task.check_mode
        return {"changed": False, "conformance": try_out(host, claims, allow_writes=may_write)}
