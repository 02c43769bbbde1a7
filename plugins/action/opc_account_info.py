# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_account_info; documented in plugins/modules/opc_account_info.py."""

from __future__ import annotations

from typing import Any

from ..plugin_utils._account_info import ACCOUNT_SPEC, AccountQuestion, parse_question, read_accounts
from ..plugin_utils._action import HostAction
from ..plugin_utils._host._host import Host
from ..plugin_utils._resource import Parameters, Spec


class ActionModule(HostAction):
    def options(self) -> Spec:
        return ACCOUNT_SPEC

    def prepare(self, parameters: Parameters) -> AccountQuestion:
        return parse_question(parameters)

    def act(self, host: Host, prepared: AccountQuestion) -> dict[str, Any]:
        return {"changed": False, **read_accounts(host, prepared)}
