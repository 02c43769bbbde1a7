# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, addresses and firewalls between hosts (dcom.md 5.1-5.3), and which rules let DCOM through."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator.opc import administration as admin
from simulator.opc import plants
from simulator.opc.connection import connect
from simulator.opc.layers import Layer, Mode, Outcome
from simulator.opc.network import Network, activation_service
from simulator.opc.plants import APIS_RULE, CLIENT, CLIENT_ADDRESS, MAPPER_RULE, SERVER, SERVER_ADDRESS, Plant
from simulator.opc.scenarios import find
from simulator.software import APIS_PROGRAM
from simulator.subsystems.firewall_rule import RuleError
from simulator.subsystems.firewall_shipped import RULES_KEY


@pytest.fixture
def plant() -> Plant:
    return plants.named_accounts()


def first(plant: Plant, **changes: object) -> Outcome:
    return connect(plant.network, replace(plant.link, mode=Mode.POLL, browse=False, **changes))  # type: ignore[arg-type]


def with_rule(plant: Plant, name: str, fields: str) -> bool:
    """Whether the link works with this rule of the server instead of the one of that name."""
    admin.delete_rules(plant.server, name)
    admin.add_rule(plant.server, name, fields)
    return first(plant).ok


@pytest.mark.parametrize("address", ["gw01", "GW01", SERVER_ADDRESS, None])
def test_a_server_is_found_by_name_or_address(plant: Plant, address: str | None) -> None:
    assert first(plant, address=address).ok


def test_a_member_is_found_by_its_dns_name() -> None:
    assert first(plants.domain_members(), address="gw01.plant.example").ok


def test_a_name_that_leads_to_another_host_is_asked_there(plant: Plant) -> None:
    third = plants.out_of_the_box().server
    hosts = {**plant.hosts, "gw02": third}
    network = Network(hosts, {**plant.network.addresses, "gw02": "10.100.86.77"})
    network.names["gw01"] = "10.100.86.77"
    outcome = connect(network, replace(plant.link, mode=Mode.POLL, browse=False, address="gw01"))
    assert (outcome.layer, outcome.link_layer) == (Layer.SERVER_FIREWALL, Layer.SERVER_FIREWALL)
    assert "gw02" in outcome.evidence


def test_addresses_are_handed_out_in_order() -> None:
    network = Network(plants.named_accounts().hosts)
    assert network.addresses == {SERVER: "10.0.0.11", CLIENT: "10.0.0.12"}
    assert network.at("10.0.0.99") is None
    assert network.resolve("elsewhere") is None


# Rules of dcom.md 5.1, the seed and 5.4

MAPPER = r"Dir=In|Protocol=6|{}App=%SystemRoot%\system32\svchost.exe|Svc=RpcSs"


@pytest.mark.parametrize(
    ("fields", "works"),
    [
        (MAPPER.format("LPort=RPC-EPMap|"), True),
        (MAPPER.format("LPort=135|"), True),
        (MAPPER.format("LPort=RPC|"), False),  # 135 is no dynamic port
        ("Dir=In|Protocol=6|LPort=135", True),  # the seed's rule: any program
        (r"Dir=In|Protocol=6|LPort=135|App=%SystemRoot%\system32\svchost.exe|Svc=Winmgmt", False),
        ("Dir=Out|Protocol=6|LPort=135", False),  # the seed's outbound rule opens nothing
        ("Dir=In|Protocol=17|LPort=135", False),
    ],
)
def test_rules_for_the_endpoint_mapper(plant: Plant, fields: str, works: bool) -> None:
    assert with_rule(plant, MAPPER_RULE, fields) is works


@pytest.mark.parametrize(
    ("fields", "works"),
    [
        (f"Dir=In|App={APIS_PROGRAM}", True),  # the seed's rule
        (f"Dir=In|Protocol=6|LPort=RPC|App={APIS_PROGRAM.upper()}", True),
        (f"Dir=In|Protocol=6|LPort=RPC|App={APIS_PROGRAM}|Svc=ApisHive", True),
        (f"Dir=In|Protocol=6|LPort=RPC|App={APIS_PROGRAM}|Svc=Other", False),
        (f"Dir=In|Protocol=6|LPort2_10=49152-65535|App={APIS_PROGRAM}", True),
        (f"Dir=In|Protocol=6|LPort2_10=5000-5100|App={APIS_PROGRAM}", False),
        (f"Dir=In|Protocol=6|RA4=10.100.86.0/24|App={APIS_PROGRAM}", True),
        (f"Dir=In|Protocol=6|RA4=LocalSubnet|App={APIS_PROGRAM}", True),
        (f"Dir=In|Protocol=6|LA4={SERVER_ADDRESS}|App={APIS_PROGRAM}", True),
        (f"Dir=In|Protocol=6|Profile=Private|App={APIS_PROGRAM}", True),
        (f"Dir=In|Protocol=6|Profile=Domain|Profile=Public|App={APIS_PROGRAM}", False),
        (r"Dir=In|Protocol=6|App=C:\apis\bin\apishive.exe", False),
    ],
)
def test_rules_for_the_program(plant: Plant, fields: str, works: bool) -> None:
    assert with_rule(plant, APIS_RULE, fields) is works


def test_a_rule_in_the_registry_is_not_in_force_before_the_service_reads_it(plant: Plant) -> None:
    admin.delete_rules(plant.server, APIS_RULE)
    text = f"v2.29|Action=Allow|Active=TRUE|{plants.program_fields(APIS_PROGRAM, None)}|Name=by hand|"
    admin.put_text(plant.server, RULES_KEY, "by-hand", text)
    assert first(plant).layer is Layer.SERVER_FIREWALL
    admin.reboot(plant.server)
    assert first(plant).ok


def test_a_stopped_firewall_service_filters_nothing() -> None:
    plant = find("server_has_no_rule_for_port_135").build()
    plant.server.services.stop(None, "MpsSvc")
    assert first(plant).ok


def test_outbound_is_open_until_somebody_blocks_it(plant: Plant) -> None:
    profile = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\StandardProfile"
    admin.put_number(plant.client, profile, "DefaultOutboundAction", 1)
    plant.client.firewall.reload()
    assert first(plant).layer is Layer.CLIENT_FIREWALL
    admin.add_rule(plant.client, "to the mapper", "Dir=Out|Protocol=6|RPort=135")
    outcome = first(plant)
    assert (outcome.layer, "dynamic" in outcome.evidence) == (Layer.CLIENT_FIREWALL, True)
    admin.add_rule(plant.client, "APIS out", f"Dir=Out|Protocol=6|App={APIS_PROGRAM}")
    assert first(plant).ok


def test_a_member_is_on_a_domain_network_and_others_on_a_private_one() -> None:
    assert plants.domain_members().server.firewall.network_profile == "Domain"
    assert plants.named_accounts().server.firewall.network_profile == "Private"


def test_rules_that_are_not_there_cannot_be_deleted(plant: Plant) -> None:
    with pytest.raises(RuleError):
        admin.delete_rules(plant.server, "AllowApi")


def test_rpcss_shares_its_process_with_the_endpoint_mapper(plant: Plant) -> None:
    service = activation_service(plant.server)
    assert service is not None
    assert {"RpcSs", "RpcEptMapper"} <= service.services
    assert (service.path, service.account) == (r"C:\Windows\system32\svchost.exe", r"NT AUTHORITY\NetworkService")


def test_without_rpcss_nothing_answers(plant: Plant) -> None:
    """RPCSS cannot be stopped on a real host; its process can die."""
    plant.server.services.kill("RpcSs")
    outcome = first(plant)
    assert (outcome.layer, outcome.hresult) == (Layer.ENDPOINT_MAPPER, 0x800706BA)
    plant.client.services.kill("RpcSs")
    assert first(plant).evidence.startswith(f"{CLIENT}: ")


def test_the_way_back_uses_the_address_of_the_client(plant: Plant) -> None:
    assert plant.connect().callback is not None
    assert plant.network.node(CLIENT).address == CLIENT_ADDRESS
