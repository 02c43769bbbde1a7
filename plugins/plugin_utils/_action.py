# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The one base of all action plugins and the only error boundary between the collection and Ansible.

A failure to reach the host becomes UNREACHABLE, an error of ours becomes a failed task with its text, and anything else
is a bug that keeps its traceback. Options are validated, and coerced, before the host is contacted.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ..module_utils._errors import OpcDcomError
from ._host._host import Host, opened
from ._resource import Parameters, Resource, Spec
from ._run import run_resource
from ._wsman._errors import HostUnreachable
from ._wsman._open import open_client

# The same for every host, so that Ansible shows it once in a run.
_UNVERIFIED = (
    "certificates of hosts are not verified, so any machine that answers gets the credentials: name the certificate or "
    "its authority in ansible_winrm_ca_trust_path or ansible_psrp_ca_cert instead of switching verification off"
)


class HostAction(ActionBase):  # type: ignore[misc]
    """Validate, connect, `act`, close. Subclasses say what to do with a connected host."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = True

    def options(self) -> Spec:
        """The argument spec of the module."""
        raise NotImplementedError

    def constraints(self) -> dict[str, list[Any]]:
        """Rules between options, as keyword arguments of `validate_argument_spec`."""
        return {}

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if self._play_context.become:
            raise AnsibleActionFail(
                f"{self._task.action} does not support become: it works through WMI with the token of the connecting "
                "account, and a runas process would not change that. Connect as an administrator and remove become"
            )
        parameters = self._parameters()
        try:
            result.update(self.work(self.prepare(parameters)))
        except HostUnreachable as error:
            raise AnsibleConnectionFailure(str(error)) from error
        except OpcDcomError as error:
            result.update(failed=True, changed=False, msg=str(error))
        return result

    def _parameters(self) -> Parameters:
        _validation, parameters = self.validate_argument_spec(argument_spec=self.options(), **self.constraints())
        return dict(parameters)

    def prepare(self, parameters: Parameters) -> Any:
        """Turn options into what `act` needs. Raises: ParameterError before the host is contacted."""
        return parameters

    def work(self, prepared: Any) -> dict[str, Any]:
        """Connect, act, close; return the module's result. Raises: OpcDcomError."""
        client = open_client(self._connection)
        if not client.verifies_peer:
            self._display.warning(_UNVERIFIED)
        with opened(client) as host:
            return self.act(host, prepared)

    def act(self, host: Host, prepared: Any) -> dict[str, Any]:
        """Do the work on a connected host and return the module's result."""
        raise NotImplementedError


class ResourceAction(HostAction):
    """The action of a module that sets one resource."""

    resource: ClassVar[Resource]

    def options(self) -> Spec:
        return self.resource.argument_spec

    def constraints(self) -> dict[str, list[Any]]:
        return self.resource.constraints

    def prepare(self, parameters: Parameters) -> Any:
        return self.resource.desired(parameters)

    def act(self, host: Host, prepared: Any) -> dict[str, Any]:
        outcome = run_resource(host, self.resource, prepared, check_mode=bool(self._task.check_mode))
        for note in outcome.notes:
            self._display.vv(f"{self._task.action}: {note}")
        return outcome.to_result(with_diff=bool(self._task.diff))
