# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_report; options and results are documented in plugins/modules/opc_report.py."""

from __future__ import annotations

from typing import Any

from ..plugin_utils._controller_action import ControllerAction
from ..plugin_utils._report_files import REPORT_SPEC, write_report
from ..plugin_utils._resource import Parameters, Spec


class ActionModule(ControllerAction):
    def options(self) -> Spec:
        return REPORT_SPEC

    def answer(self, parameters: Parameters) -> dict[str, Any]:
        return write_report(parameters, check_mode=bool(self._task.check_mode))
