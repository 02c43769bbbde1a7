# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated host and our own client in one process, without a socket between them: for thousands of states.

Messages are the real ones, built and read by our client, answered by the host's own dispatcher. Only HTTP and the logon
are left out; `live_host` has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from live_host import Result, validated

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._host import Host, opened
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resource import Resource
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._run import run_resource
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._client import WsmanClient
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._replies import Reply
from simulator.front.dispatch import Dispatcher
from simulator.front.statistics import Statistics
from simulator.host import SimulatedHost

CONTROLLER = "10.0.0.250"


class _Memory:
    """A transport that hands each message to the host."""

    url = "http://memory:5985/wsman"

    def __init__(self, simulated: SimulatedHost, watch: Callable[[str], None]) -> None:
        self._dispatcher = Dispatcher(simulated, Statistics())
        self._caller = simulated.caller_of("Administrator", CONTROLLER)
        self._watch = watch

    def send(self, message: bytes) -> Reply:
        opened = self._dispatcher.open(message)
        answer = self._dispatcher.answer(opened, self._caller)
        self._watch(opened.operation)
        return Reply(answer.status, answer.payload)

    def reset(self) -> None:
        """There is no connection."""

    def close(self) -> None:
        """There is no connection."""


class MemoryHost:
    """A host under test. `messages` counts what the last question cost; `watch` is told of each that was answered."""

    def __init__(self, simulated: SimulatedHost, watch: Callable[[str], None] = lambda _operation: None) -> None:
        self.simulated = simulated
        self.messages = 0
        self._watch = watch

    def ask(self, question: Callable[[Host], Any]) -> Any:
        """What a function makes of a connected host."""
        numbers = count(1)
        transport = _Memory(self.simulated, self._watch)
        client = WsmanClient(transport, lambda: f"uuid:00000000-0000-0000-0000-{next(numbers):012}")
        with opened(client) as host:
            answer = question(host)
        self.messages = client.statistics.messages
        return answer

    def run(self, resource: Resource, options: Mapping[str, Any], *, check_mode: bool = False) -> Result:
        """Run a resource as a task of its module would, and return the module's result with its diff."""
        desired = resource.desired(validated(resource, options))
        outcome = self.ask(lambda host: run_resource(host, resource, desired, check_mode=check_mode))
        result: Result = outcome.to_result(with_diff=True)
        return result

    def check(self) -> None:
        """Fail if the host was asked something it does not know."""
        assert [str(item) for item in self.simulated.journal.violations] == []
