# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module dcom_info; options and results are documented in plugins/modules/dcom_info.py."""

from __future__ import annotations

from typing import Any

from ..module_utils._application import Selector
from ..plugin_utils._action import HostAction
from ..plugin_utils._host._host import Host
from ..plugin_utils._info import INFO_SPEC, parse_discovery, parse_info, read_machine
from ..plugin_utils._resource import Parameters, Spec


class ActionModule(HostAction):
    def options(self) -> Spec:
        return INFO_SPEC

    def prepare(self, parameters: Parameters) -> tuple[list[Selector], tuple[str, ...] | None]:
        return parse_info(parameters), parse_discovery(parameters)

    def act(self, host: Host, prepared: tuple[list[Selector], tuple[str, ...] | None]) -> dict[str, Any]:
        return {"changed": False, "dcom": read_machine(host, *prepared)}
