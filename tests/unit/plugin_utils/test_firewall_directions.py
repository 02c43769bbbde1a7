# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that connect one way only, each with peers of its own, in one task of opc_firewall."""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._firewall import OpcFirewall
from simulator.subsystems.registry_value import RegistryValue

APIS = {"title": "hive", "service": "ApisHive"}
CLIENT = {"title": "client", "program": r"C:\Program Files\Example\OpcClient.exe"}
PUBLIC_PROFILE = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\PublicProfile"


def options(*applications: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"applications": list(applications), **more}


def addresses(host: LiveHost) -> dict[str, str]:
    """Names of our rules and whom they let connect."""
    rules = [item.rule for item in host.ask(lambda opened: opened.firewall.read()).local_rules()]
    return {rule.name: str(rule.remote_addresses) for rule in rules if rule and rule.name.startswith("OPC ")}


def block_outbound(host: LiveHost) -> None:
    host.simulated.registry.put(PUBLIC_PROFILE, "DefaultOutboundAction", RegistryValue.dword(1))
    host.simulated.firewall.reload()
    host.simulated.journal.records.clear()


def test_each_way_has_its_own_peers(opc_server: LiveHost) -> None:
    block_outbound(opc_server)
    wanted = options(
        {**APIS, "direction": "in", "remote_addresses": ["10.0.0.21"]},
        {**APIS, "direction": "out", "remote_addresses": ["10.0.0.31"]},
    )
    assert opc_server.run(OpcFirewall(), wanted)["changed"]
    assert addresses(opc_server) == {
        "OPC DCOM endpoint mapper (in)": "10.0.0.21",
        "OPC DCOM endpoint mapper (out)": "10.0.0.31",
        "OPC hive (in)": "10.0.0.21",
        "OPC hive (out)": "10.0.0.31",
    }
    assert not opc_server.run(OpcFirewall(), wanted)["changed"]


def test_a_program_that_only_calls_opens_nothing(opc_server: LiveHost) -> None:
    wanted = options({**CLIENT, "direction": "out", "remote_addresses": ["10.0.0.11"]})
    assert not opc_server.run(OpcFirewall(), wanted)["changed"]
    assert addresses(opc_server) == {}


@pytest.mark.parametrize("direction", ["in", "both"])
def test_the_same_way_twice_is_refused(opc_server: LiveHost, direction: str) -> None:
    twice = [{**APIS, "direction": way, "remote_addresses": ["10.0.0.21"]} for way in ("in", direction)]
    with pytest.raises(ParameterError, match=r"applications\[1\].title"):
        opc_server.run(OpcFirewall(), options(*twice))
