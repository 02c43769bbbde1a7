# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_diagnosis; options and results are documented in plugins/modules/opc_diagnosis.py."""

from __future__ import annotations

from typing import Any

from ..plugin_utils._controller_action import ControllerAction
from ..plugin_utils._diagnosis_info import SEEN_SPEC, diagnose_site
from ..plugin_utils._resource import Parameters, Spec


class ActionModule(ControllerAction):
    def options(self) -> Spec:
        return SEEN_SPEC

    def answer(self, parameters: Parameters) -> dict[str, Any]:
        return diagnose_site(parameters)
