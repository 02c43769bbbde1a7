# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_reboot; options and results are documented in plugins/modules/opc_reboot.py."""

from __future__ import annotations

from typing import Any

from ..module_utils._host_state import format_time
from ..plugin_utils._action import HostAction
from ..plugin_utils._host._host import Host
from ..plugin_utils._host._reboot import RebootRequest, reboot
from ..plugin_utils._resource import Parameters, Spec


class ActionModule(HostAction):
    def options(self) -> Spec:
        return {
            "only_if_pending": {"type": "bool", "default": True},
            "comment": {"type": "str", "default": "Reboot for DCOM settings (otsec.opc_dcom)"},
            "delay_s": {"type": "int", "default": 2},
            "timeout_s": {"type": "int", "default": 900},
            "interval_s": {"type": "float", "default": 5.0},
            "settle_s": {"type": "float", "default": 0.0},
        }

    def prepare(self, parameters: Parameters) -> RebootRequest:
        return RebootRequest(**parameters)

    def act(self, host: Host, prepared: RebootRequest) -> dict[str, Any]:
        pending = host.read_pending_reboot()
        reasons = list(pending.reasons) if pending else []
        is_due = bool(reasons) or not prepared.only_if_pending
        result: dict[str, Any] = {"changed": is_due, "reboot_reasons": reasons, "rebooted": False}
        if is_due and not self._task.check_mode:
            result.update(rebooted=True, boot_time=format_time(reboot(host, prepared)))
        return result
