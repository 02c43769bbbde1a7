# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_service_restart; documented in plugins/modules/opc_service_restart.py."""

from __future__ import annotations

from typing import Any

from ..plugin_utils._action import HostAction
from ..plugin_utils._host._host import Host
from ..plugin_utils._host._restart import RestartRequest, plan_restart, restart_services
from ..plugin_utils._resource import Parameters, Spec


class ActionModule(HostAction):
    def options(self) -> Spec:
        return {
            "services": {"type": "list", "elements": "str"},
            "timeout_s": {"type": "float", "default": 60.0},
        }

    def prepare(self, parameters: Parameters) -> RestartRequest:
        return RestartRequest(tuple(parameters["services"] or ()), parameters["timeout_s"])

    def act(self, host: Host, prepared: RestartRequest) -> dict[str, Any]:
        plan = plan_restart(host, prepared, host.read_kept_state().pending_restart)
        result: dict[str, Any] = {"changed": bool(plan.services), "restarted": [], "skipped": dict(plan.skipped)}
        if plan.services and self._task.check_mode:
            result["restarted"] = list(plan.services)
        elif plan.services:
            result["restarted"] = list(restart_services(host, plan.services, prepared.timeout_s))
        return result
