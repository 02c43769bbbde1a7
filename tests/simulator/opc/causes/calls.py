# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes in calling the server and OpcEnum: access limit and permission, proxy and stub. One row each; see `causes`."""

from __future__ import annotations

from ...com_state import POLICY, ComProgram
from ...host import SimulatedHost
from ...software import APIS_APP_ID, APIS_PROGRAM, CLASSES, OPC_ENUM_APP_ID, OPC_ENUM_PROGRAM, Software
from ...subsystems import well_known
from ...subsystems.registry_value import RegistryValue
from ...subsystems.service_record import StartMode
from .. import administration as admin
from ..descriptor import Ace, AceKind, SecurityDescriptor
from ..layers import (
    CO_E_SERVER_EXEC_FAILURE,
    E_ACCESSDENIED,
    E_NOINTERFACE,
    REGDB_E_IIDNOTREG,
    RPC_S_SERVER_UNAVAILABLE,
    Direction,
    Layer,
)
from ..plants import (
    CLIENT,
    CLIENT_ACCOUNT,
    CLIENT_ADDRESS,
    OPC_ENUM_RULE,
    SERVER,
    SERVICE,
    program_fields,
)
from ..registration import I_OPC_SERVER
from ..scenario import (
    REBOOT_SERVER,
    Scenario,
    at,
    delete_key,
    delete_value,
    on_client,
    on_server,
)

_CONNECT, _BROWSE, _CALLBACK = Direction.CONNECT, Direction.BROWSE, Direction.CALLBACK
_LIMIT_BY_POLICY = "O:BAG:BAD:(A;;CCDCLC;;;BA)(A;;CCDCLC;;;S-1-5-32-562)"


def _own_security(host: SimulatedHost, own: bytes | None) -> None:
    """The program passes its own descriptor to CoInitializeSecurity from its next start on."""
    program = ComProgram(APIS_PROGRAM, app_id=APIS_APP_ID, own_descriptor=own)
    host.install(Software("APIS, other build", programs=(program,)))
    admin.restart_service(host, SERVICE)


_NOBODY_ELSE = admin.encode(
    SecurityDescriptor(
        well_known.ADMINISTRATORS,
        well_known.ADMINISTRATORS,
        (Ace(AceKind.ALLOW, 0, 0x7, well_known.ADMINISTRATORS),),
    )
)

_ACCESS = (
    Scenario(
        "access_limit_lacks_the_account",
        "dcom.md 3.2",
        "the access limit of the server names administrators and Distributed COM Users only",
        at(E_ACCESSDENIED, Layer.ACCESS_LIMIT),
        (
            on_server(admin.put_entries, admin.ACCESS_LIMIT, ((well_known.ADMINISTRATORS, 0x7),)),
            REBOOT_SERVER,
        ),
        (on_server(admin.grant, admin.ACCESS_LIMIT, CLIENT_ACCOUNT, admin.REMOTE_ACCESS), REBOOT_SERVER),
        ((SERVER, 10027), (CLIENT, 10006)),
    ),
    Scenario(
        "access_limit_comes_from_policy",
        "dcom.md 1.4",
        "Group Policy sets the access limit; the local limit, which names OPCClientUser, has no effect",
        at(E_ACCESSDENIED, Layer.ACCESS_LIMIT),
        (on_server(admin.put_text, POLICY, "MachineAccessRestriction", _LIMIT_BY_POLICY),),
        (on_server(delete_value, POLICY, "MachineAccessRestriction"),),
        ((SERVER, 10027),),
    ),
    Scenario(
        "access_limit_of_policy_is_no_sddl",
        "dcom.md 1.4; 6.1 (10024)",
        "the access limit of Group Policy is no SDDL, so COM refuses everybody",
        at(E_ACCESSDENIED, Layer.ACCESS_LIMIT),
        (on_server(admin.put_text, POLICY, "MachineAccessRestriction", "O:BAG:BAD:(A;;CCDCLC;;;Everyone)"),),
        (on_server(delete_value, POLICY, "MachineAccessRestriction"),),
        ((SERVER, 10024),),
    ),
    Scenario(
        "access_permission_lacks_the_account",
        "dcom.md 3.2; 6.1 (10017)",
        "the access permission of ApisHive does not give OPCClientUser Remote Access",
        at(E_ACCESSDENIED, Layer.APPLICATION_ACCESS, _CONNECT),
        (
            on_server(admin.revoke, admin.access_of(APIS_APP_ID), CLIENT_ACCOUNT),
            on_server(admin.restart_service, SERVICE),
        ),
        (
            on_server(admin.grant, admin.access_of(APIS_APP_ID), CLIENT_ACCOUNT, admin.REMOTE_ACCESS),
            on_server(admin.restart_service, SERVICE),
        ),
        ((SERVER, 10017),),
    ),
    Scenario(
        "access_permission_gives_local_access_only",
        "dcom.md 3.1 (0x3)",
        "the access permission of ApisHive gives OPCClientUser Local Access, not Remote Access",
        at(E_ACCESSDENIED, Layer.APPLICATION_ACCESS, _CONNECT),
        (
            on_server(admin.revoke, admin.access_of(APIS_APP_ID), CLIENT_ACCOUNT),
            on_server(admin.grant, admin.access_of(APIS_APP_ID), CLIENT_ACCOUNT, admin.LOCAL_ACCESS),
            on_server(admin.restart_service, SERVICE),
        ),
        (
            on_server(admin.grant, admin.access_of(APIS_APP_ID), CLIENT_ACCOUNT, admin.REMOTE_ACCESS),
            on_server(admin.restart_service, SERVICE),
        ),
        ((SERVER, 10017),),
    ),
    Scenario(
        "access_permission_mixes_formats",
        "dcom.md 3.1 (old and new format); 6.1 (10022)",
        "one entry of the access permission has the mask 0x1 alone, so that COM refuses the whole permission",
        at(E_ACCESSDENIED, Layer.APPLICATION_ACCESS, _CONNECT),
        (
            on_server(admin.grant, admin.access_of(APIS_APP_ID), "S-1-5-11", 0x1),
            on_server(admin.restart_service, SERVICE),
        ),
        (
            on_server(admin.revoke, admin.access_of(APIS_APP_ID), "S-1-5-11"),
            on_server(admin.restart_service, SERVICE),
        ),
        ((SERVER, 10022),),
    ),
    Scenario(
        "program_sets_its_own_permission",
        "dcom.md 3.2; 6.1 (10018)",
        "the OPC server passes a permission of its own to COM, which the registry cannot change",
        at(E_ACCESSDENIED, Layer.APPLICATION_ACCESS, _CONNECT),
        (on_server(_own_security, _NOBODY_ELSE),),
        (on_server(_own_security, None),),
        ((SERVER, 10018),),
    ),
)


def _interface(view: str) -> str:
    return rf"{view}\Interface\{I_OPC_SERVER}"


def _register_interface(host: SimulatedHost, view: str) -> None:
    host.registry.put(_interface(view), "", RegistryValue.sz("IOPCServer"))


_PROXY_STUB = (
    Scenario(
        "proxy_stub_is_missing_on_the_client",
        "dcom.md 2.4",
        "proxy and stub of IOPCServer are not registered for 64-bit programs on the client",
        at(REGDB_E_IIDNOTREG, Layer.PROXY_STUB, _CONNECT),
        (on_client(delete_key, _interface(CLASSES)),),
        (on_client(_register_interface, CLASSES),),
    ),
    Scenario(
        "proxy_stub_is_missing_on_the_server",
        "dcom.md 2.4",
        "proxy and stub of IOPCServer are not registered for 64-bit programs on the server",
        at(E_NOINTERFACE, Layer.PROXY_STUB, _CONNECT),
        (on_server(delete_key, _interface(CLASSES)),),
        (on_server(_register_interface, CLASSES),),
    ),
)

_OPC_ENUM = (
    Scenario(
        "opc_enum_is_disabled",
        "dcom.md 2.4; 6.1 (10005)",
        "OpcEnum is disabled on the server; links by CLSID go on",
        at(CO_E_SERVER_EXEC_FAILURE, Layer.APPLICATION_START, _BROWSE),
        (on_server(admin.set_start_mode, "OpcEnum", StartMode.DISABLED),),
        (on_server(admin.set_start_mode, "OpcEnum", StartMode.MANUAL),),
        ((SERVER, 10005),),
    ),
    Scenario(
        "opc_enum_is_not_open_in_the_firewall",
        "seed: OPC enumerator problem, Firewall",
        "the firewall of the server is not open for OpcEnum",
        at(RPC_S_SERVER_UNAVAILABLE, Layer.SERVER_FIREWALL, _BROWSE),
        (on_server(admin.delete_rules, OPC_ENUM_RULE),),
        (
            on_server(
                admin.add_rule,
                OPC_ENUM_RULE,
                program_fields(OPC_ENUM_PROGRAM, CLIENT_ADDRESS),
            ),
        ),
    ),
    Scenario(
        "opc_enum_may_not_be_launched",
        "dcom.md 2.4 (OpcEnum starts on demand); 6.1 (10016)",
        "OPCClientUser may activate OpcEnum but not launch it, and it does not run",
        at(E_ACCESSDENIED, Layer.APPLICATION_LAUNCH, _BROWSE),
        (
            on_server(admin.revoke, admin.launch_of(OPC_ENUM_APP_ID), CLIENT_ACCOUNT),
            on_server(admin.grant, admin.launch_of(OPC_ENUM_APP_ID), CLIENT_ACCOUNT, admin.REMOTE_ACTIVATION),
        ),
        (on_server(admin.grant, admin.launch_of(OPC_ENUM_APP_ID), CLIENT_ACCOUNT, admin.REMOTE_LAUNCH_AND_ACTIVATION),),
        ((SERVER, 10016),),
    ),
    Scenario(
        "opc_enum_access_lacks_the_account",
        "dcom.md 2.4; 6.1 (10017)",
        "the access permission of OpcEnum does not give OPCClientUser Remote Access",
        at(E_ACCESSDENIED, Layer.APPLICATION_ACCESS, _BROWSE),
        (on_server(admin.revoke, admin.access_of(OPC_ENUM_APP_ID), CLIENT_ACCOUNT),),
        (
            on_server(admin.grant, admin.access_of(OPC_ENUM_APP_ID), CLIENT_ACCOUNT, admin.REMOTE_ACCESS),
            on_server(admin.restart_service, "OpcEnum"),
        ),
        ((SERVER, 10017),),
    ),
)


CAUSES = (
    *_ACCESS,
    *_PROXY_STUB,
    *_OPC_ENUM,
)
