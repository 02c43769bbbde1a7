# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seed's article as scenarios: its four environments, and its troubleshooting cases on a plant of its own advice.

There the client runs as Local System in a workgroup, so that Anonymous is who must be let in. The hosts "without
updates" are Server 2019 at a revision of spring 2021.
"""

from __future__ import annotations

from functools import partial

from ..host import SimulatedHost
from ..profiles import SERVER_2019
from ..shipped_descriptors import MACHINE_ACCESS_RESTRICTION_10
from ..software import APIS_PROGRAM, OPC_ENUM_APP_ID, OPC_ENUM_PROGRAM
from ..subsystems import well_known
from ..subsystems.registry_value import RegistryValue
from . import administration as admin
from .layers import E_ACCESSDENIED, RPC_S_SERVER_UNAVAILABLE, Direction, Layer
from .plants import (
    APIS_RULE,
    CLIENT,
    OPC_ENUM_RULE,
    SERVER,
    SERVER_ACCOUNT,
    SERVER_PASSWORD,
    SERVICE,
    Plant,
    named_accounts,
    program_fields,
    vendor_advice,
)
from .scenario import (
    ANONYMOUS,
    REBOOT_CLIENT,
    REBOOT_SERVER,
    Scenario,
    at,
    delete_user,
    on_client,
    on_server,
    set_levels,
    set_password,
)

_CONNECT_LEVEL, _PACKET_INTEGRITY = 2, 5
_WITHOUT_UPDATES = SERVER_2019.with_revision(1879)  # May 2021, before phase 1
_APIS_FIELDS = program_fields(APIS_PROGRAM, None)
_OPC_ENUM_FIELDS = program_fields(OPC_ENUM_PROGRAM, None)
_CONNECT, _BROWSE, _CALLBACK = Direction.CONNECT, Direction.BROWSE, Direction.CALLBACK

_BOTH_AT_CONNECT = (on_server(set_levels, _CONNECT_LEVEL), on_client(set_levels, _CONNECT_LEVEL))
_RAISE_CLIENT = on_client(set_levels, _PACKET_INTEGRITY)


def _old_client(levels: int = _CONNECT_LEVEL) -> Plant:
    """An updated server and a client without updates whose applications ask for a low level, all in force."""
    plant = named_accounts(client=_WITHOUT_UPDATES)
    set_levels(plant.client, levels)
    admin.reboot(plant.client)
    return plant


ENVIRONMENTS = (
    Scenario(
        "no_updates",
        "seed: 1. No updates",
        "neither host has an update of KB5004442; the link works at Connect, and would break with the next update",
        {},
        (*_BOTH_AT_CONNECT, REBOOT_SERVER, REBOOT_CLIENT),
        plant=partial(named_accounts, _WITHOUT_UPDATES, _WITHOUT_UPDATES),
    ),
    Scenario(
        "hardened_client",
        "seed: 2. Hardened client computer",
        "the server requires packet integrity, the client's applications ask for Connect: raise the client's level",
        at(E_ACCESSDENIED, Layer.AUTHENTICATION_LEVEL),
        (),
        (_RAISE_CLIENT, REBOOT_CLIENT),
        ((SERVER, 10036), (CLIENT, 10006)),
        plant=_old_client,
    ),
    Scenario(
        "both_hardened",
        "seed: 3. Hardened server and client computer",
        "the updates of the client raise every activation to packet integrity; nothing has to be configured",
        {},
        (*_BOTH_AT_CONNECT, REBOOT_SERVER, REBOOT_CLIENT),
    ),
    Scenario(
        "server_cannot_be_updated",
        "seed: 4. Impossible to harden server computer",
        "the link works, but the server lets anyone activate at Connect: put an OPC UA gateway on or before it",
        {},
        (on_server(set_levels, _CONNECT_LEVEL), REBOOT_SERVER),
        plant=partial(named_accounts, server=_WITHOUT_UPDATES),
    ),
)


def _restore_access_limit(host: SimulatedHost) -> None:
    """What Windows ships: Anonymous may come in from this host only."""
    door = admin.ACCESS_LIMIT
    host.registry.put(door.key, door.name, RegistryValue.binary(MACHINE_ACCESS_RESTRICTION_10))


_GROUPS_ONLY = (
    ("S-1-5-18", 0x7),
    (well_known.ADMINISTRATORS, 0x7),
    (well_known.DISTRIBUTED_COM_USERS, 0x7),
    ("S-1-5-32-559", 0x7),
    (ANONYMOUS, 0x3),
)

_ACCESS_DENIED_ON_CREATE = (
    Scenario(
        "access_denied_on_create",
        "seed: OPC DA/HDA access problems, computer wide limits",
        "the access limit of the server does not give Anonymous (Local System from a workgroup) Remote Access",
        at(E_ACCESSDENIED, Layer.ACCESS_LIMIT),
        (on_server(_restore_access_limit), REBOOT_SERVER),
        (on_server(admin.grant, admin.ACCESS_LIMIT, ANONYMOUS, admin.REMOTE_ACCESS), REBOOT_SERVER),
        ((SERVER, 4625), (SERVER, 10027), (CLIENT, 10006)),
        vendor_advice,
    ),
    Scenario(
        "access_denied_on_create_by_launch_limit",
        "seed: OPC DA/HDA access problems, repeat for launch and activation permissions",
        "the launch and activation limit of the server does not give Anonymous Remote Activation",
        at(E_ACCESSDENIED, Layer.LAUNCH_AND_ACTIVATION_LIMIT),
        (on_server(admin.revoke, admin.LAUNCH_LIMIT, ANONYMOUS), REBOOT_SERVER),
        (
            on_server(admin.grant, admin.LAUNCH_LIMIT, ANONYMOUS, admin.REMOTE_LAUNCH_AND_ACTIVATION),
            REBOOT_SERVER,
        ),
        ((SERVER, 10015), (CLIENT, 10006)),
        vendor_advice,
    ),
    Scenario(
        "access_denied_on_create_by_default_launch",
        "seed: OPC DA/HDA access problems, launch and activation permissions",
        "the default launch permission, which ApisHive uses, does not give Anonymous Remote Activation",
        at(E_ACCESSDENIED, Layer.APPLICATION_LAUNCH, _CONNECT),
        (on_server(admin.revoke, admin.DEFAULT_LAUNCH, ANONYMOUS),),
        (on_server(admin.grant, admin.DEFAULT_LAUNCH, ANONYMOUS, admin.REMOTE_LAUNCH_AND_ACTIVATION),),
        ((SERVER, 10016), (CLIENT, 10006)),
        vendor_advice,
    ),
    Scenario(
        "access_denied_on_create_by_default_access",
        "seed: OPC server access rights",
        "the default access permission, which ApisHive uses, does not give Anonymous Remote Access",
        at(E_ACCESSDENIED, Layer.APPLICATION_ACCESS, _CONNECT),
        (on_server(admin.revoke, admin.DEFAULT_ACCESS, ANONYMOUS), on_server(admin.restart_service, SERVICE)),
        (
            on_server(admin.grant, admin.DEFAULT_ACCESS, ANONYMOUS, admin.REMOTE_ACCESS),
            on_server(admin.restart_service, SERVICE),
        ),
        ((SERVER, 10017),),
        vendor_advice,
    ),
    Scenario(
        "default_properties_changed_without_restart",
        "seed: Lesson learned (restart of server when default properties are changed is essential)",
        "the client's level has been raised, but the client has not been restarted since",
        at(E_ACCESSDENIED, Layer.AUTHENTICATION_LEVEL),
        (_RAISE_CLIENT,),
        (REBOOT_CLIENT,),
        ((SERVER, 10036), (CLIENT, 10006)),
        _old_client,
    ),
)

_RPC_UNAVAILABLE_ON_CREATE = (
    Scenario(
        "rpc_unavailable_on_create",
        "seed: Windows Firewall",
        "the firewall of the server is not open for ApisHive",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL, _CONNECT),
        (on_server(admin.delete_rules, APIS_RULE),),
        (on_server(admin.add_rule, APIS_RULE, _APIS_FIELDS),),
        plant=vendor_advice,
    ),
)

_EMPTY_SERVER_LIST = (
    Scenario(
        "empty_server_list",
        "seed: OPC enumerator access rights",
        "the access permission of OpcEnum does not give Anonymous Remote Access",
        at(E_ACCESSDENIED, Layer.APPLICATION_ACCESS, _BROWSE),
        (on_server(admin.revoke, admin.access_of(OPC_ENUM_APP_ID), ANONYMOUS),),
        (
            on_server(admin.grant, admin.access_of(OPC_ENUM_APP_ID), ANONYMOUS, admin.REMOTE_ACCESS),
            on_server(admin.restart_service, "OpcEnum"),
        ),
        ((SERVER, 10017),),
        vendor_advice,
    ),
    Scenario(
        "empty_server_list_by_launch_permission",
        "seed: OPC enumerator access rights, repeat for launch and activation permissions",
        "the launch permission of OpcEnum names Everyone, which does not hold Anonymous",
        at(E_ACCESSDENIED, Layer.APPLICATION_LAUNCH, _BROWSE),
        (on_server(admin.revoke, admin.launch_of(OPC_ENUM_APP_ID), ANONYMOUS),),
        (on_server(admin.grant, admin.launch_of(OPC_ENUM_APP_ID), ANONYMOUS, admin.REMOTE_LAUNCH_AND_ACTIVATION),),
        ((SERVER, 10016), (CLIENT, 10006)),
        vendor_advice,
    ),
    Scenario(
        "empty_server_list_by_limits",
        "seed: OPC enumerator problem, DCOM security, computer wide limits",
        "the access limit of the server does not give Anonymous Remote Access: neither OpcEnum nor the server answers",
        at(E_ACCESSDENIED, Layer.ACCESS_LIMIT),
        (on_server(_restore_access_limit), REBOOT_SERVER),
        (on_server(admin.grant, admin.ACCESS_LIMIT, ANONYMOUS, admin.REMOTE_ACCESS), REBOOT_SERVER),
        ((SERVER, 10027), (CLIENT, 10006)),
        vendor_advice,
    ),
    Scenario(
        "empty_server_list_by_firewall",
        "seed: OPC enumerator problem, Firewall",
        "the firewall of the server is not open for OpcEnum",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL, _BROWSE),
        (on_server(admin.delete_rules, OPC_ENUM_RULE),),
        (on_server(admin.add_rule, OPC_ENUM_RULE, _OPC_ENUM_FIELDS),),
        plant=vendor_advice,
    ),
)

_ADVISE = (
    Scenario(
        "advise_rpc_unavailable",
        "seed: OPC server callback firewall",
        "the firewall of the client is not open for ApisHive, so the server cannot write back",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.CLIENT_FIREWALL, _CALLBACK),
        (on_client(admin.delete_rules, APIS_RULE),),
        (on_client(admin.add_rule, APIS_RULE, _APIS_FIELDS),),
        plant=vendor_advice,
    ),
    Scenario(
        "advise_access_denied",
        "seed: OPC server callback access rights, default access permissions",
        "the default access permission of the client does not give OPCServerUser Remote Access",
        at(E_ACCESSDENIED, Layer.APPLICATION_ACCESS, _CALLBACK),
        (on_client(admin.revoke, admin.DEFAULT_ACCESS, SERVER_ACCOUNT), on_client(admin.restart_service, SERVICE)),
        (
            on_client(admin.grant, admin.DEFAULT_ACCESS, SERVER_ACCOUNT, admin.REMOTE_ACCESS),
            on_client(admin.restart_service, SERVICE),
        ),
        ((CLIENT, 10017),),
        vendor_advice,
    ),
    Scenario(
        "advise_access_denied_by_limits",
        "seed: OPC server callback access rights, computer wide limits",
        "the access limit of the client does not give OPCServerUser Remote Access",
        at(E_ACCESSDENIED, Layer.ACCESS_LIMIT, _CALLBACK),
        (on_client(admin.put_entries, admin.ACCESS_LIMIT, _GROUPS_ONLY), REBOOT_CLIENT),
        (on_client(admin.grant, admin.ACCESS_LIMIT, SERVER_ACCOUNT, admin.REMOTE_ACCESS), REBOOT_CLIENT),
        ((CLIENT, 10019),),
        vendor_advice,
    ),
    Scenario(
        "advise_access_denied_to_unknown_account",
        "seed: OPC server callback access rights (assure OPCServerUser exists)",
        "the client has no account OPCServerUser",
        at(E_ACCESSDENIED, Layer.ACCOUNT, _CALLBACK),
        (on_client(delete_user, SERVER_ACCOUNT),),
        (
            on_client(admin.create_account, SERVER_ACCOUNT, SERVER_PASSWORD),
            on_client(admin.grant, admin.DEFAULT_ACCESS, SERVER_ACCOUNT, admin.REMOTE_ACCESS),
            on_client(admin.restart_service, SERVICE),
        ),
        ((CLIENT, 4625),),
        vendor_advice,
    ),
    Scenario(
        "advise_access_denied_to_another_password",
        "seed: OPC server callback access rights (with same password)",
        "OPCServerUser has another password on the client",
        at(E_ACCESSDENIED, Layer.ACCOUNT, _CALLBACK),
        (on_client(set_password, SERVER_ACCOUNT, "Another-Password-1"),),
        (on_client(set_password, SERVER_ACCOUNT, SERVER_PASSWORD),),
        ((CLIENT, 4625),),
        vendor_advice,
    ),
)

TROUBLESHOOTING = (*_ACCESS_DENIED_ON_CREATE, *_RPC_UNAVAILABLE_ON_CREATE, *_EMPTY_SERVER_LIST, *_ADVISE)
