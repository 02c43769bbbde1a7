# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and callers that the tests of the simulated Windows share."""

from __future__ import annotations

from typing import Any

from simulator.cim import Caller, ProgramResult
from simulator.host import SimulatedHost

PASSWORD = "Kaltes-Klares-Wasser-7"
ADDRESS = "10.0.0.99"


def administrator(host: SimulatedHost) -> Caller:
    """The built-in administrator, logged on over the network with a full token."""
    host.accounts.set_password(None, "Administrator", PASSWORD)
    host.journal.records.clear()
    return host.caller_of("Administrator", ADDRESS)


def operator(host: SimulatedHost) -> Caller:
    """A plain user who may call WMI but is no administrator."""
    user = host.accounts.create_user(None, "operator", PASSWORD)
    host.wmi_remote_sids.add(user.sid)
    host.journal.records.clear()
    return host.caller_of("operator", ADDRESS)


def invoke(
    host: SimulatedHost,
    caller: Caller,
    class_name: str,
    method: str,
    keys: dict[str, str] | None = None,
    **arguments: Any,
) -> dict[str, Any]:
    """Call a method as front/ does: checked against the class, omitted arguments at their MOF default."""
    provider = host.provider("root/cimv2", class_name)
    assert provider is not None, class_name
    declared = provider.cim_class.find_method(method)
    assert declared is not None, method
    names = {item.name for item in declared.inputs}
    assert arguments.keys() <= names, arguments.keys() - names
    complete = {item.name: arguments.get(item.name, item.default) for item in declared.inputs}
    answer = dict(provider.invoke(caller, method, keys, complete))
    assert answer.keys() <= {"ReturnValue", *(item.name for item in declared.outputs)}
    return answer


def get(host: SimulatedHost, caller: Caller, class_name: str, **keys: str) -> dict[str, Any]:
    provider = host.provider("root/cimv2", class_name)
    assert provider is not None, class_name
    instance = dict(provider.get(caller, keys))
    assert instance.keys() == {item.name for item in provider.cim_class.properties}
    return instance


def run(host: SimulatedHost, caller: Caller, line: str, stdin: bytes = b"") -> ProgramResult:
    return host.interpreter.run(caller, line, stdin, {})
