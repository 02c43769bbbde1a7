# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module dcom_application; options and results are documented in plugins/modules/dcom_application.py."""

from __future__ import annotations

from ..plugin_utils._action import ResourceAction
from ..plugin_utils._resources._application import DcomApplication


class ActionModule(ResourceAction):
    resource = DcomApplication()
