# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module opc_enum; options and results are documented in plugins/modules/opc_enum.py."""

from __future__ import annotations

from ..plugin_utils._action import ResourceAction
from ..plugin_utils._resources._opc_enum import OpcEnum


class ActionModule(ResourceAction):
    resource = OpcEnum()
