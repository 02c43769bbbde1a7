# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_site_info; options and results are documented in plugins/modules/opc_site_info.py."""

from __future__ import annotations

from typing import Any

from ..module_utils._role_options import CLIENT, SERVER
from ..module_utils._site_state import StateOptions
from ..plugin_utils._controller_action import ControllerAction
from ..plugin_utils._resource import Parameters, Spec
from ..plugin_utils._role_variables import read_role
from ..plugin_utils._site_variables import MODEL, PROFILES, plain, profiles_of, read_host_state, said_as


class ActionModule(ControllerAction):
    def options(self) -> Spec:
        return {
            "model": {"type": "raw"},
            "application_level": {"type": "str", "default": "default"},
            "opc_enum_level": {"type": "str", "default": "packet_integrity"},
            "profiles": {"type": "raw"},
            "role": {"type": "str", "choices": [SERVER, CLIENT]},
        }

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        self._variables = task_vars or {}
        return super().run(tmp, task_vars)

    def answer(self, parameters: Parameters) -> dict[str, Any]:
        options = StateOptions(
            parameters["application_level"], parameters["opc_enum_level"], profiles_of(self._profiles(parameters))
        )
        state = read_host_state(self._model(parameters), self._variables, self._templar, options)
        role = parameters["role"]
        if role:
            asked = read_role(role, self._variables, self._templar, state)
            state = {
                "options": {**asked.options, **asked.after},
                "accounts_with_password": list(asked.accounts_with_password),
                "exceptions": state["exceptions"],
            }
        return {"changed": False, **state}

    def _profiles(self, parameters: Parameters) -> object:
        given = parameters["profiles"]
        return said_as(PROFILES, self._variables, self._templar) if given is None else given

    def _model(self, parameters: Parameters) -> object:
        """An undefined variable that a template gives reaches ansible-core before 2.19 as an empty text."""
        given = parameters["model"]
        return said_as(MODEL, self._variables, self._templar) if given in (None, "") else plain(given)
