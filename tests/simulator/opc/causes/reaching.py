# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes between the hosts: names, addresses, firewalls, DCOM switched off. One row each; see `causes`."""

from __future__ import annotations

from ...com_state import OLE
from ...software import APIS_PROGRAM, OPC_ENUM_PROGRAM
from ...subsystems.firewall_shipped import GROUP_POLICY_ROOT
from .. import administration as admin
from ..layers import (
    E_ACCESSDENIED,
    RPC_S_SERVER_UNAVAILABLE,
    Direction,
    Layer,
)
from ..plants import (
    APIS_RULE,
    CLIENT,
    CLIENT_ADDRESS,
    MAPPER_RULE,
    OPC_ENUM_RULE,
    SERVER,
    Plant,
    mapper_fields,
    program_fields,
)
from ..scenario import (
    REBOOT_CLIENT,
    REBOOT_SERVER,
    Scenario,
    Step,
    at,
    delete_key,
    link_is,
    on_client,
    on_server,
    reload_firewall,
)

_CONNECT, _BROWSE, _CALLBACK = Direction.CONNECT, Direction.BROWSE, Direction.CALLBACK
_PRIVATE_PROFILE = rf"{GROUP_POLICY_ROOT}\PrivateProfile"


def _power(name: str, *, is_on: bool) -> Step:
    def step(plant: Plant) -> None:
        host = plant.hosts[name]
        if is_on:
            host.boot.power_on()
            host.clock.advance(host.boot.down_time_s)
        else:
            host.boot.power_off()

    return step


def _reroute(address: str | None) -> Step:
    """Let DNS answer with an address for the server's name, or with nothing of its own."""

    def step(plant: Plant) -> None:
        if address is None:
            plant.network.names.clear()
        else:
            plant.network.names[SERVER] = address

    return step


_NETWORK = (
    Scenario(
        "name_not_resolved",
        "dcom.md 6.5 (0x800706BA: name resolution)",
        "the client was told a name that nobody resolves",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.NAME_AND_ADDRESS),
        (link_is(address="gateway1"),),
        (link_is(address=SERVER),),
        ((CLIENT, 10028),),
    ),
    Scenario(
        "name_resolves_to_a_wrong_address",
        "dcom.md 6.5",
        "the name of the server leads to an address that nothing has",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.NAME_AND_ADDRESS),
        (link_is(address=SERVER), _reroute("10.100.86.9")),
        (_reroute(None),),
        ((CLIENT, 10028),),
    ),
    Scenario(
        "server_is_down",
        "dcom.md 6.5 (0x800706BA: host down)",
        "the server is switched off",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.NAME_AND_ADDRESS),
        (_power(SERVER, is_on=False),),
        (_power(SERVER, is_on=True),),
        ((CLIENT, 10028),),
    ),
)

_FIREWALL = (
    Scenario(
        "client_blocks_port_135_outbound",
        "dcom.md 5.1 (out: remote port 135)",
        "a rule of the client blocks its way to the endpoint mapper",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.CLIENT_FIREWALL),
        (on_client(admin.add_rule, "Block RPC", "Action=Block|Dir=Out|Protocol=6|RPort=135"),),
        (on_client(admin.delete_rules, "Block RPC"),),
        ((CLIENT, 10028),),
    ),
    Scenario(
        "client_blocks_the_program_outbound",
        "dcom.md 5.1 (out: dynamic)",
        "a rule of the client keeps ApisHive off the network",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.CLIENT_FIREWALL),
        (on_client(admin.add_rule, "Block APIS", f"Action=Block|Dir=Out|Protocol=6|App={APIS_PROGRAM}"),),
        (on_client(admin.delete_rules, "Block APIS"),),
    ),
    Scenario(
        "server_has_no_rule_for_port_135",
        "dcom.md 5.1",
        "the firewall of the server is not open for the endpoint mapper",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL),
        (on_server(admin.delete_rules, MAPPER_RULE),),
        (on_server(admin.add_rule, MAPPER_RULE, mapper_fields(CLIENT_ADDRESS)),),
        ((CLIENT, 10028),),
    ),
    Scenario(
        "server_has_no_rule_for_the_program",
        "dcom.md 5.1; seed: Windows Firewall",
        "the firewall of the server is not open for ApisHive",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL, _CONNECT),
        (on_server(admin.delete_rules, APIS_RULE),),
        (on_server(admin.add_rule, APIS_RULE, program_fields(APIS_PROGRAM, CLIENT_ADDRESS)),),
    ),
    Scenario(
        "server_rule_names_another_peer",
        "dcom.md 5.2 (RA4)",
        "the rule for ApisHive lets another address in",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL, _CONNECT),
        (
            on_server(admin.delete_rules, APIS_RULE),
            on_server(admin.add_rule, APIS_RULE, program_fields(APIS_PROGRAM, "10.9.9.9")),
        ),
        (on_server(admin.add_rule, APIS_RULE, program_fields(APIS_PROGRAM, CLIENT_ADDRESS)),),
    ),
    Scenario(
        "server_rule_holds_for_another_profile",
        "dcom.md 5.2 (Profile)",
        "the rule for ApisHive holds on domain networks, the host is on a private one",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL, _CONNECT),
        (
            on_server(admin.delete_rules, APIS_RULE),
            on_server(admin.add_rule, APIS_RULE, f"Dir=In|Protocol=6|Profile=Domain|LPort=RPC|App={APIS_PROGRAM}"),
        ),
        (on_server(admin.add_rule, APIS_RULE, program_fields(APIS_PROGRAM, CLIENT_ADDRESS)),),
    ),
    Scenario(
        "server_rule_names_another_path",
        "dcom.md 5.4 (the path of the program)",
        "the rule for OpcEnum names the 64-bit system folder, the program is in SysWOW64",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL, _BROWSE),
        (
            on_server(admin.delete_rules, OPC_ENUM_RULE),
            on_server(
                admin.add_rule,
                OPC_ENUM_RULE,
                program_fields(r"C:\Windows\System32\OpcEnum.exe", CLIENT_ADDRESS),
            ),
        ),
        (
            on_server(
                admin.add_rule,
                OPC_ENUM_RULE,
                program_fields(OPC_ENUM_PROGRAM, CLIENT_ADDRESS),
            ),
        ),
    ),
    Scenario(
        "server_rule_blocks_the_program",
        "dcom.md 5.3 (block beats allow)",
        "somebody declined ApisHive in the firewall's pop-up, which left a block rule",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL, _CONNECT),
        (on_server(admin.add_rule, "apishivex64.exe", f"Action=Block|Dir=In|Protocol=6|App={APIS_PROGRAM}"),),
        (on_server(admin.delete_rules, "apishivex64.exe"),),
    ),
    Scenario(
        "server_ignores_local_rules_by_policy",
        "dcom.md 5.3 (AllowLocalPolicyMerge)",
        "Group Policy lets no local firewall rule count on the server",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL),
        (
            on_server(admin.put_number, _PRIVATE_PROFILE, "AllowLocalPolicyMerge", 0),
            on_server(reload_firewall),
        ),
        (on_server(delete_key, _PRIVATE_PROFILE), on_server(reload_firewall)),
        ((CLIENT, 10028),),
    ),
    Scenario(
        "server_blocks_all_inbound",
        "dcom.md 5.3 (DoNotAllowExceptions)",
        "the firewall of the server blocks all incoming connections, whatever the rules say",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL),
        (
            on_server(admin.put_number, _PRIVATE_PROFILE, "DoNotAllowExceptions", 1),
            on_server(reload_firewall),
        ),
        (on_server(delete_key, _PRIVATE_PROFILE), on_server(reload_firewall)),
        ((CLIENT, 10028),),
    ),
)


def _switch_dcom(text: str) -> tuple[str, str, str]:
    return OLE, "EnableDCOM", text


_SWITCHED_OFF = (
    Scenario(
        "server_has_dcom_switched_off",
        "dcom.md 1.1 (EnableDCOM)",
        "DCOM is switched off on the server",
        at(E_ACCESSDENIED, Layer.ENDPOINT_MAPPER),
        (on_server(admin.put_text, *_switch_dcom("N")), REBOOT_SERVER),
        (on_server(admin.put_text, *_switch_dcom("Y")), REBOOT_SERVER),
        ((CLIENT, 10006),),
    ),
    Scenario(
        "client_has_dcom_switched_off",
        "dcom.md 1.1 (EnableDCOM: in and out)",
        "DCOM is switched off on the client",
        at(E_ACCESSDENIED, Layer.ENDPOINT_MAPPER),
        (on_client(admin.put_text, *_switch_dcom("N")), REBOOT_CLIENT),
        (on_client(admin.put_text, *_switch_dcom("Y")), REBOOT_CLIENT),
    ),
)


CAUSES = (
    *_NETWORK,
    *_FIREWALL,
    *_SWITCHED_OFF,
)
