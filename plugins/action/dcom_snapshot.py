# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of the module dcom_snapshot; options and results are documented in plugins/modules/dcom_snapshot.py."""

from __future__ import annotations

from typing import Any

from ..module_utils._application import SELECTORS, parse_selector
from ..module_utils._errors import ParameterError
from ..module_utils._snapshot import Kind
from ..plugin_utils._action import HostAction
from ..plugin_utils._host._host import Host
from ..plugin_utils._host._snapshots import DEFAULT_KEEP, SnapshotRequest
from ..plugin_utils._resource import Parameters, Spec
from ..plugin_utils._resources._application import SELECTOR_SPEC
from ..plugin_utils._resources._snapshot import LATEST, SnapshotRestore
from ..plugin_utils._run import run_resource
from ..plugin_utils._snapshot_actions import SaveRequest, list_all, remove, save, show


class ActionModule(HostAction):
    def options(self) -> Spec:
        return {
            "state": {"type": "str", "choices": ["saved", "restored", "listed", "shown", "absent"], "default": "saved"},
            "name": {"type": "str"},
            "path": {"type": "path"},
            "keep": {"type": "int", "default": DEFAULT_KEEP},
            "reason": {"type": "str", "default": "by hand"},
            "applications": {
                "type": "list",
                "elements": "dict",
                "options": SELECTOR_SPEC,
                "mutually_exclusive": [list(SELECTORS)],
                "required_one_of": [list(SELECTORS)],
            },
            "accept_other_windows": {"type": "bool", "default": False},
        }

    def prepare(self, parameters: Parameters) -> Parameters:
        if parameters["keep"] < 1:
            raise ParameterError("keep", "at least one snapshot is kept")
        selectors = tuple(parse_selector(item) for item in parameters["applications"] or ())
        restore = SnapshotRestore().desired(parameters) if parameters["state"] == "restored" else None
        return {**parameters, "selectors": selectors, "restore": restore}

    def act(self, host: Host, prepared: Parameters) -> dict[str, Any]:
        state, name, check_mode = prepared["state"], prepared["name"] or LATEST, bool(self._task.check_mode)
        if state == "saved":
            request = SnapshotRequest(Kind.HAND, prepared["reason"], prepared["keep"], path=prepared["path"])
            return save(host, SaveRequest(prepared["selectors"], request), check_mode=check_mode)
        if state == "listed":
            return list_all(host)
        if state == "shown":
            return show(host, name, prepared["path"])
        if state == "absent":
            return remove(host, name, check_mode=check_mode)
        outcome = run_resource(host, SnapshotRestore(), prepared["restore"], check_mode=check_mode)
        return outcome.to_result(with_diff=bool(self._task.diff))
