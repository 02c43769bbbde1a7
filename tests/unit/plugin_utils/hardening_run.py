# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full hardening run of one host, and what can happen to it: a fault at one message, or a controller that dies there.

States are compared byte for byte, see lasting_state.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lasting_state import state_of
from live_host import LiveHost, Result, validated

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._host import Host
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import OpcHost
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._run import run_resource
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._client import WsmanClient
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._replies import Reply
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._transport import Transport
from simulator.faults import ScriptedFault
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2019, Profile
from simulator.software import opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.registry_value import RegistryValue

STATE_KEY = r"HKLM\SOFTWARE\otsec\opc_dcom"
CLIENT = r"C:\Program Files\Example\OpcClient.exe"
APIS = "Prediktor.ApisOPCServer.1"
USERS = "Distributed COM Users"


def entry(*rights: str) -> dict[str, Any]:
    return {"principal": USERS, "rights": list(rights)}


# Every section, with every kind of operation: values that are there, absent and in keys that are absent; a key of our
# making; a registration, a service start; firewall rules added, and rules of a hand-run script taken over.
HARDENED: dict[str, Any] = {
    "logging": {"activation_failures": "always", "call_failures": "always"},
    "defaults": {"authentication_level": "packet_integrity", "impersonation_level": "identify"},
    "host_policy": {"uac": "enabled", "everyone_includes_anonymous": False, "dcom_ports": "50000-50199"},
    "opc_enum": {"state": "started", "clients": [USERS]},
    "applications": [
        {"prog_id": APIS, "authentication_level": "packet_integrity"},
        {"program": CLIENT, "authentication_level": "packet_integrity"},
    ],
    "permissions": [
        {
            "scope": "machine_limit",
            "kind": "launch",
            "entries": [{"principal": "Users", "rights": ["remote_activation"]}],
        },
        {"scope": "application", "kind": "access", "prog_id": APIS, "entries": [entry("remote_access")]},
        {"scope": "application", "kind": "access", "program": CLIENT, "entries": [entry("remote_access")]},
    ],
    "firewall": {
        "opc_enum": True,
        "applications": [{"title": "ApisHive", "service": "ApisHive"}],
        "remote_addresses": ["10.0.0.21", "10.0.1.0/24"],
    },
}
HAND_RUN_RULES = (
    'name="OPC DCOM (RPC)" protocol=TCP dir=in localport=135 action=allow profile=any',
    'name="OPC DCOM (RPC)" protocol=TCP dir=out localport=135 action=allow profile=any',
    r'name="AllowApis" dir=in program="C:\apis\bin64\apishivex64.exe" action=allow',
    r'name="Allow OpcEnum" dir=in program="C:\Windows\SysWOW64\opcenum.exe" action=allow',
)


def opc_server(profile: Profile = SERVER_2019) -> SimulatedHost:
    """An OPC server as a hand-run script left it: OpcEnum a plain COM server, values of the wrong type."""
    host = SimulatedHost(
        "gw01", profile, software=[opc_core_components(as_service=False), prediktor_apis(), opc_client()]
    )
    administrator = host.caller_of("Administrator", "127.0.0.1")
    for rule in HAND_RUN_RULES:
        done = host.interpreter.run(administrator, f"netsh advfirewall firewall add rule {rule}", b"", {})
        assert done.exit_code == 0
    host.registry.put(r"HKLM\SOFTWARE\Microsoft\Ole", "LegacyImpersonationLevel", RegistryValue.sz("3"))
    return host


def has_journal(host: SimulatedHost) -> bool:
    return host.registry.get(STATE_KEY, "Journal") is not None if host.registry.key_exists(None, STATE_KEY) else False


class ControllerDiedError(BaseException):
    """The controller was killed: no code of ours runs any more. Not an Exception, so nothing handles it."""


@dataclass
class DyingTransport:
    """A transport whose process ends at message `at`, before it is sent or after its answer has come."""

    transport: Transport
    at: int
    after: bool
    sent: int = 0

    @property
    def url(self) -> str:
        return self.transport.url

    def send(self, message: bytes) -> Reply:
        self.sent += 1
        if self.sent == self.at and not self.after:
            raise ControllerDiedError
        reply = self.transport.send(message)
        if self.sent >= self.at:
            raise ControllerDiedError
        return reply

    def reset(self) -> None:
        self.transport.reset()

    def close(self) -> None:
        self.transport.close()


class HardeningRun:
    """One host and its site; `run` is a hardening run, `state` what is on the host now."""

    def __init__(self, make: Callable[[], SimulatedHost] = opc_server) -> None:
        self.live = LiveHost(make())
        self.before = state_of(self.live.simulated)

    @property
    def state(self) -> str:
        return state_of(self.live.simulated)

    @property
    def has_journal(self) -> bool:
        return has_journal(self.live.simulated)

    def run(self, options: dict[str, Any] | None = None) -> Result:
        return self.live.run(OpcHost(), options or HARDENED)

    def run_with_fault(self, fault: ScriptedFault) -> None:
        """A run that a fault strikes. Raises what the task would fail with."""
        self.live.site.add_fault("host", fault)
        try:
            self.run()
        finally:
            self.live.site["host"].faults.clear()

    def run_until_killed(self, at: int, *, after: bool) -> None:
        """A run whose controller dies at message `at`. Raises: ControllerDiedError, unless it had fewer messages."""
        client = self.live.connect()
        dying = DyingTransport(client._transport, at, after)
        desired = OpcHost().desired(validated(OpcHost(), HARDENED))
        host = Host(WsmanClient(dying, client._message_ids))
        try:
            run_resource(host, OpcHost(), desired, check_mode=False)
            host.close()
        finally:
            client._transport.close()

    def close(self) -> None:
        self.live.close()
