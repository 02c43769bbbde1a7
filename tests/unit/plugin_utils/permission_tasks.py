# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of dcom_permission in tests: what they are told, and what the host has before and after."""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost, Result

from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import from_sddl, to_sddl
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (
    SecurityDescriptor,
    same_meaning,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._permission import DcomPermission
from simulator.subsystems.registry_value import RegistryValue

OLE = r"HKLM\SOFTWARE\Microsoft\Ole"
APP_IDS = r"HKLM\SOFTWARE\Classes\AppID"
POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\DCOM"
OPC_ENUM = "{13486D44-4821-11D2-A494-3CB306C10000}"
WMI = "{8BC3F05E-D86B-11D0-A075-00C04FB68820}"

ACCESS = ["local_access", "remote_access"]
LAUNCH = ["local_launch", "remote_launch", "local_activation", "remote_activation"]
RIGHTS = {"access": ACCESS, "launch": LAUNCH}
PLACES = {
    ("machine_limit", "access"): (OLE, "MachineAccessRestriction"),
    ("machine_limit", "launch"): (OLE, "MachineLaunchRestriction"),
    ("machine_default", "access"): (OLE, "DefaultAccessPermission"),
    ("machine_default", "launch"): (OLE, "DefaultLaunchPermission"),
    ("application", "access"): (f"{APP_IDS}\\{OPC_ENUM}", "AccessPermission"),
    ("application", "launch"): (f"{APP_IDS}\\{OPC_ENUM}", "LaunchPermission"),
}
EVERYWHERE = pytest.mark.parametrize(("scope", "kind"), list(PLACES), ids=["-".join(place) for place in PLACES])


def run(host: LiveHost, scope: str, kind: str, *, check_mode: bool = False, **options: Any) -> Result:
    """The task; an application is OpcEnum unless the options name another."""
    names = {"app_id", "name", "prog_id", "clsid", "program", "service"} & set(options)
    where = {"app_id": OPC_ENUM} if scope == "application" and not names else {}
    return host.run(DcomPermission(), {"scope": scope, "kind": kind, **where, **options}, check_mode=check_mode)


def entry(principal: str, rights: list[str] | None = None, type_: str = "allow") -> dict[str, Any]:
    return {"principal": principal, "type": type_, **({} if rights is None else {"rights": rights})}


def stored(host: LiveHost, scope: str, kind: str) -> SecurityDescriptor | None:
    """What the host has now, decoded."""
    value = host.simulated.registry.get(*PLACES[scope, kind])
    return None if value is None else SecurityDescriptor.from_bytes(value.data)


def preset(host: LiveHost, scope: str, kind: str, sddl: str) -> SecurityDescriptor:
    """Give the host this value, as if it had always been there."""
    descriptor = from_sddl(sddl)
    preset_value(host, scope, kind, RegistryValue.binary(descriptor.to_bytes()))
    return descriptor


def preset_value(host: LiveHost, scope: str, kind: str, value: RegistryValue) -> None:
    host.simulated.registry.put(*PLACES[scope, kind], value)
    host.simulated.journal.records.clear()


def assert_meaning(host: LiveHost, scope: str, kind: str, sddl: str) -> None:
    found = stored(host, scope, kind)
    assert found is not None
    assert same_meaning(found, from_sddl(sddl)), to_sddl(found)


def assert_settled(host: LiveHost, scope: str, kind: str, **options: Any) -> None:
    """The same task once more changes nothing and writes nothing."""
    writes = len(host.writes)
    again = run(host, scope, kind, **options)
    assert not again["changed"]
    assert again["before"] == again["after"]
    assert len(host.writes) == writes


def state_of(host: LiveHost) -> str:
    """Everything on the host but the key of this collection, which holds its journal and markers."""
    kept: list[str] = []
    is_ours = False
    for line in host.simulated.snapshot().text().splitlines():
        is_ours = "otsec" in line if line.startswith("[") else is_ours
        kept += [] if is_ours else [line]
    return "\n".join(kept)
