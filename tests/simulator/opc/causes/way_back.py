# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes on the server's way back to a subscribing client. One row each; see `causes`."""

from __future__ import annotations

from ...host import SimulatedHost
from ...software import APIS_APP_ID, APIS_PROGRAM
from ...subsystems import well_known
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
    MAPPER_RULE,
    SERVER,
    SERVER_ACCOUNT,
    SERVER_ADDRESS,
    SERVER_PASSWORD,
    SERVICE,
    domain_members,
    mapper_fields,
    program_fields,
)
from ..scenario import (
    REBOOT_CLIENT,
    Scenario,
    at,
    delete_user,
    on_client,
    on_server,
    set_password,
)

_CONNECT, _BROWSE, _CALLBACK = Direction.CONNECT, Direction.BROWSE, Direction.CALLBACK


def _run_as_local_system(host: SimulatedHost) -> None:
    host.services.change(None, SERVICE, account="LocalSystem")


_WAY_BACK = (
    Scenario(
        "callback_finds_port_135_closed",
        "dcom.md 5.1 (in on the client: TCP 135)",
        "the firewall of the client is not open for the endpoint mapper",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.CLIENT_FIREWALL, _CALLBACK),
        (on_client(admin.delete_rules, MAPPER_RULE),),
        (on_client(admin.add_rule, MAPPER_RULE, mapper_fields(SERVER_ADDRESS)),),
        ((SERVER, 10028),),
    ),
    Scenario(
        "callback_finds_the_program_closed",
        "seed: OPC server callback firewall",
        "the firewall of the client is not open for the client's program",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.CLIENT_FIREWALL, _CALLBACK),
        (on_client(admin.delete_rules, APIS_RULE),),
        (on_client(admin.add_rule, APIS_RULE, program_fields(APIS_PROGRAM, SERVER_ADDRESS)),),
    ),
    Scenario(
        "callback_is_blocked_on_the_server",
        "dcom.md 5.1 (out on both)",
        "a rule of the server keeps the OPC server from connecting to anybody",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL, _CALLBACK),
        (on_server(admin.add_rule, "Block APIS", f"Action=Block|Dir=Out|Protocol=6|App={APIS_PROGRAM}"),),
        (on_server(admin.delete_rules, "Block APIS"),),
    ),
    Scenario(
        "callback_account_is_missing",
        "seed: OPC server callback access rights",
        "the client has no account OPCServerUser",
        at(E_ACCESSDENIED, Layer.ACCOUNT, _CALLBACK),
        (on_client(delete_user, SERVER_ACCOUNT),),
        (
            on_client(admin.create_account, SERVER_ACCOUNT, SERVER_PASSWORD),
            on_client(admin.grant, admin.access_of(APIS_APP_ID), SERVER_ACCOUNT, admin.REMOTE_ACCESS),
            on_client(admin.restart_service, SERVICE),
        ),
        ((CLIENT, 4625),),
    ),
    Scenario(
        "callback_passwords_differ",
        "seed: OPC server callback access rights",
        "OPCServerUser has another password on the client",
        at(E_ACCESSDENIED, Layer.ACCOUNT, _CALLBACK),
        (on_client(set_password, SERVER_ACCOUNT, "Another-Password-1"),),
        (on_client(set_password, SERVER_ACCOUNT, SERVER_PASSWORD),),
        ((CLIENT, 4625),),
    ),
    Scenario(
        "callback_comes_from_anonymous",
        "dcom.md 3.5; seed: callbacks with unknown identity",
        "the OPC server runs as Local System in a workgroup, so its callbacks are Anonymous to the client",
        at(E_ACCESSDENIED, Layer.ACCESS_LIMIT, _CALLBACK),
        (
            on_server(_run_as_local_system),
            on_server(admin.restart_service, SERVICE),
        ),
        (on_server(admin.run_service_as, SERVICE, SERVER_ACCOUNT, SERVER_PASSWORD),),
        ((CLIENT, 10019),),
    ),
    Scenario(
        "callback_access_limit_lacks_the_account",
        "seed: OPC server callback access rights, computer wide limits",
        "the access limit of the client names administrators only",
        at(E_ACCESSDENIED, Layer.ACCESS_LIMIT, _CALLBACK),
        (on_client(admin.put_entries, admin.ACCESS_LIMIT, ((well_known.ADMINISTRATORS, 0x7),)), REBOOT_CLIENT),
        (on_client(admin.grant, admin.ACCESS_LIMIT, SERVER_ACCOUNT, admin.REMOTE_ACCESS), REBOOT_CLIENT),
        ((CLIENT, 10019),),
    ),
    Scenario(
        "callback_access_permission_lacks_the_account",
        "seed: OPC server callback access rights",
        "the access permission of the client's program does not give OPCServerUser Remote Access",
        at(E_ACCESSDENIED, Layer.APPLICATION_ACCESS, _CALLBACK),
        (
            on_client(admin.revoke, admin.access_of(APIS_APP_ID), SERVER_ACCOUNT),
            on_client(admin.restart_service, SERVICE),
        ),
        (
            on_client(admin.grant, admin.access_of(APIS_APP_ID), SERVER_ACCOUNT, admin.REMOTE_ACCESS),
            on_client(admin.restart_service, SERVICE),
        ),
        ((CLIENT, 10017),),
    ),
    Scenario(
        "callback_computer_account_is_not_granted",
        "dcom.md 3.5 (computer account in a domain)",
        "the OPC server runs as Local System of a domain member, and the client does not let GW01$ in",
        at(E_ACCESSDENIED, Layer.APPLICATION_ACCESS, _CALLBACK),
        (
            on_client(admin.revoke, admin.access_of(APIS_APP_ID), r"PLANT\GW01$"),
            on_client(admin.restart_service, SERVICE),
        ),
        (
            on_client(admin.grant, admin.access_of(APIS_APP_ID), r"PLANT\GW01$", admin.REMOTE_ACCESS),
            on_client(admin.restart_service, SERVICE),
        ),
        ((CLIENT, 10017),),
        domain_members,
    ),
)


CAUSES = _WAY_BACK
