# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_role; options and results are documented in plugins/modules/opc_role.py."""

from __future__ import annotations

from typing import Any

from ..module_utils._role_options import CLIENT, SERVER
from ..plugin_utils._action import HostAction
from ..plugin_utils._host._host import Host
from ..plugin_utils._resource import Parameters, Spec
from ..plugin_utils._role_work import RoleWork, plan_work
from ..plugin_utils._site_variables import plain


class ActionModule(HostAction):
    def options(self) -> Spec:
        return {"role": {"type": "str", "choices": [SERVER, CLIENT], "required": True}, "accounts": {"type": "dict"}}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._variables = task_vars or {}
        return super().run(tmp, task_vars)

    def prepare(self, parameters: Parameters) -> RoleWork:
        found = plain(parameters["accounts"])
        return plan_work(parameters["role"], found, self._variables, self._templar, self._task.tags)

    def work(self, prepared: RoleWork) -> dict[str, Any]:
        """A host of which nothing is asked is not contacted."""
        return prepared.idle() if prepared.is_idle else super().work(prepared)

    def act(self, host: Host, prepared: RoleWork) -> dict[str, Any]:
        return prepared.carry_out(host, check_mode=bool(self._task.check_mode), with_diff=bool(self._task.diff))
