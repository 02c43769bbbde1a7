# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module dcom_grants; options and results are documented in plugins/modules/dcom_grants.py."""

from __future__ import annotations

from ..plugin_utils._action import ResourceAction
from ..plugin_utils._resources._grants import DcomGrants


class ActionModule(ResourceAction):
    resource = DcomGrants()
