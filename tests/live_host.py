# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated host behind real HTTP, and our own client and gateways in front of it, in one process.

Nothing of ours is replaced: options go through the same validation as in a task, messages through pywinrm and a socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from itertools import count
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from winrm.protocol import Protocol

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._host import Host, opened
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resource import Resource
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._run import Outcome, run_resource
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._client import WsmanClient
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._winrm import WinrmTransport
from simulator.host import SimulatedHost
from simulator.site import SimulatedSite

PASSWORD = "Simulated-Passw0rd"
# What a task is told in words that the user reads.
Result = dict[str, Any]


class OptionError(Exception):
    """The options do not fit the argument spec; Ansible would refuse the task."""


class LiveHost:
    """A host under test. `run` is what a task does; `messages` counts what the last one sent."""

    def __init__(self, simulated: SimulatedHost) -> None:
        self.simulated = simulated
        self.messages = 0
        self._stack = ExitStack()
        simulated.allow_unencrypted = True
        simulated.accounts.set_password(None, "Administrator", PASSWORD)
        simulated.journal.records.clear()
        self.site = self._stack.enter_context(SimulatedSite({"host": simulated}))

    def close(self) -> None:
        """Stop the site, and fail if it was asked something it does not know."""
        self._stack.close()
        self.site.check()

    @property
    def writes(self) -> list[str]:
        """Every change made from outside so far."""
        return self.site["host"].writes

    def connect(self) -> WsmanClient:
        url = f"http://127.0.0.1:{self.site['host'].ports['http']}/wsman"
        protocol = Protocol(url, transport="basic", username="Administrator", password=PASSWORD, proxy=None)
        numbers = count(1)
        return WsmanClient(WinrmTransport(protocol), lambda: f"uuid:00000000-0000-0000-0000-{next(numbers):012}")

    def ask(self, question: Callable[[Host], Any]) -> Any:
        """What a function makes of a connected host."""
        client = self.connect()
        with opened(client) as host:
            answer = question(host)
        self.messages = client.statistics.messages
        return answer

    def run(self, resource: Resource, options: Mapping[str, Any], *, check_mode: bool = False) -> Result:
        """Run a resource as a task of its module would, and return the module's result with its diff."""
        desired = resource.desired(validated(resource, options))

        def act(host: Host) -> Outcome:
            return run_resource(host, resource, desired, check_mode=check_mode)

        outcome: Outcome = self.ask(act)
        return outcome.to_result(with_diff=True)


LiveHostFactory = Callable[..., LiveHost]


def validated(resource: Resource, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with types and defaults filled in, as ActionBase.validate_argument_spec does it."""
    validator = ArgumentSpecValidator(resource.argument_spec, **resource.constraints)
    outcome = validator.validate(dict(options))
    if outcome.error_messages:
        raise OptionError("; ".join(outcome.error_messages))
    return dict(outcome.validated_parameters)


def changed_lines(result: Result) -> list[str]:
    """What a diff of the result shows: lines with - or +, in the order of the states."""
    before, after = (result["diff"][name].splitlines() for name in ("before", "after"))
    removed = [f"- {line.strip()}" for line in before if line not in after]
    return removed + [f"+ {line.strip()}" for line in after if line not in before]
