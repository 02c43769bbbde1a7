# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_offline; options and results are documented in plugins/modules/opc_offline.py."""

from __future__ import annotations

from typing import Any

from ..plugin_utils._controller_action import ControllerAction
from ..plugin_utils._offline._run import OFFLINE_SPEC, make_bundle, parse_request
from ..plugin_utils._resource import Parameters, Spec


class ActionModule(ControllerAction):
    def options(self) -> Spec:
        return OFFLINE_SPEC

    def answer(self, parameters: Parameters) -> dict[str, Any]:
        request = parse_request(parameters)
        return make_bundle(request, check_mode=bool(self._task.check_mode), with_diff=bool(self._task.diff))
