# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_end_info; options and results are documented in plugins/modules/opc_end_info.py."""

from __future__ import annotations

from typing import Any

from ..plugin_utils._action import HostAction
from ..plugin_utils._end_info import END_SPEC, EndQuestion, parse_end_question, read_end
from ..plugin_utils._host._host import Host
from ..plugin_utils._resource import Parameters, Spec


class ActionModule(HostAction):
    def options(self) -> Spec:
        return END_SPEC

    def prepare(self, parameters: Parameters) -> EndQuestion:
        return parse_end_question(parameters)

    def act(self, host: Host, prepared: EndQuestion) -> dict[str, Any]:
        return {"changed": False, "end": read_end(host, prepared).to_dict()}
