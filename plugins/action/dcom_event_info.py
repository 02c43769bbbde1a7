# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module dcom_event_info; options and results are documented in plugins/modules/dcom_event_info.py."""

from __future__ import annotations

from typing import Any

from ..plugin_utils._action import HostAction
from ..plugin_utils._events import EVENT_SPEC, EventRequest, parse_request, read_events
from ..plugin_utils._host._host import Host
from ..plugin_utils._resource import Parameters, Spec
from ..plugin_utils._site_variables import read_site


class ActionModule(HostAction):
    def options(self) -> Spec:
        return EVENT_SPEC

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._variables = task_vars or {}
        return super().run(tmp, task_vars)

    def prepare(self, parameters: Parameters) -> EventRequest:
        site = read_site(parameters["opc_site"], self._variables, self._templar)
        return parse_request(parameters, str(self._variables.get("inventory_hostname", "")), site)

    def act(self, host: Host, prepared: EventRequest) -> dict[str, Any]:
        return {"changed": False, "dcom_events": read_events(host, prepared)}
