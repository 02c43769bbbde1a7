# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Base of action plugins that work on the controller only: they know what they are told, and contact no host."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils._errors import OpcDcomError
from ._resource import Parameters, Spec


class ControllerAction(ActionBase):  # type: ignore[misc]
    """Validate, answer. An error of ours becomes a failed task; anything else is a bug and keeps its traceback."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def options(self) -> Spec:
        """The argument spec of the module."""
        raise NotImplementedError

    def answer(self, parameters: Parameters) -> dict[str, Any]:
        """The module's result. Raises: OpcDcomError."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, parameters = self.validate_argument_spec(argument_spec=self.options())
        try:
            result.update(self.answer(dict(parameters)))
        except OpcDcomError as error:
            result.update(failed=True, changed=False, msg=str(error))
        return result
