# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_site_info; options and results are documented in plugins/modules/opc_site_info.py."""

from __future__ import annotations

from typing import Any

from ..module_utils._site_state import StateOptions
from ..plugin_utils._controller_action import ControllerAction
from ..plugin_utils._resource import Parameters, Spec
from ..plugin_utils._site_variables import profiles_of, read_host_state

MODEL = "opc_site"


class ActionModule(ControllerAction):
    def options(self) -> Spec:
        return {
            "model": {"type": "raw"},
            "application_level": {"type": "str", "default": "default"},
            "opc_enum_level": {"type": "str", "default": "packet_integrity"},
            "profiles": {"type": "raw"},
        }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._variables = task_vars or {}
        return super().run(tmp, task_vars)

    def answer(self, parameters: Parameters) -> dict[str, Any]:
        options = StateOptions(
            parameters["application_level"], parameters["opc_enum_level"], profiles_of(parameters["profiles"])
        )
        return {"changed": False, **read_host_state(self._model(parameters), self._variables, self._templar, options)}

    def _model(self, parameters: Parameters) -> object:
        """An undefined variable that a template gives reaches ansible-core before 2.19 as an empty text."""
        if parameters["model"] not in (None, ""):
            return parameters["model"]
        return self._templar.template(self._variables[MODEL]) if MODEL in self._variables else None
