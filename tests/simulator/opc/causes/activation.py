# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes in the activation: registration, launch limit and permission, start. One row each; see `causes`."""

from __future__ import annotations

from ...com_state import APP_IDS, POLICY
from ...host import SimulatedHost
from ...software import APIS_APP_ID, APIS_CLSID, APIS_PROGRAM, CLASSES, OPC_ENUM_APP_ID
from ...subsystems import well_known
from ...subsystems.registry_value import RegistryValue
from ...subsystems.service_record import StartMode
from .. import administration as admin
from ..descriptor import AceKind
from ..layers import (
    CO_E_SERVER_EXEC_FAILURE,
    E_ACCESSDENIED,
    REGDB_E_CLASSNOTREG,
    Direction,
    Layer,
)
from ..plants import (
    CLIENT,
    CLIENT_ACCOUNT,
    SERVER,
    SERVER_ACCOUNT,
    SERVER_PASSWORD,
    SERVICE,
    Plant,
)
from ..scenario import (
    REBOOT_SERVER,
    Scenario,
    Step,
    at,
    delete_value,
    link_is,
    on_server,
    set_password,
)

_CONNECT, _BROWSE, _CALLBACK = Direction.CONNECT, Direction.BROWSE, Direction.CALLBACK
_LAUNCH_BY_POLICY = "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)"

_APIS_CLASS = rf"{CLASSES}\CLSID\{APIS_CLSID}"


def _register_again(host: SimulatedHost) -> None:
    host.registry.put(_APIS_CLASS, "AppID", RegistryValue.sz(APIS_APP_ID))


_REGISTRATION = (
    Scenario(
        "class_is_not_registered",
        "dcom.md 6.5 (0x80040154)",
        "the class of the OPC server leads to no AppID and no program any more",
        at(REGDB_E_CLASSNOTREG, Layer.CLASS_REGISTRATION, _CONNECT),
        (on_server(delete_value, _APIS_CLASS, "AppID"),),
        (on_server(_register_again),),
        ((CLIENT, 10006),),
    ),
    Scenario(
        "app_id_taken_for_a_class",
        "dcom.md 2.3 (the AppID of OpcEnum is no CLSID)",
        "the client was given an AppID as CLSID",
        at(REGDB_E_CLASSNOTREG, Layer.CLASS_REGISTRATION, _CONNECT),
        (link_is(application=OPC_ENUM_APP_ID),),
        (link_is(application=APIS_CLSID),),
        ((CLIENT, 10006),),
    ),
)

_LAUNCH = (
    Scenario(
        "launch_limit_lacks_the_account",
        "dcom.md 3.2; 6.1 (10015)",
        "the launch and activation limit of the server does not give OPCClientUser Remote Activation",
        at(E_ACCESSDENIED, Layer.LAUNCH_AND_ACTIVATION_LIMIT),
        (on_server(admin.revoke, admin.LAUNCH_LIMIT, CLIENT_ACCOUNT), REBOOT_SERVER),
        (
            on_server(admin.grant, admin.LAUNCH_LIMIT, CLIENT_ACCOUNT, admin.REMOTE_LAUNCH_AND_ACTIVATION),
            REBOOT_SERVER,
        ),
        ((SERVER, 10015), (CLIENT, 10006)),
    ),
    Scenario(
        "launch_limit_comes_from_policy",
        "dcom.md 1.4",
        "Group Policy sets the launch limit: administrators only; the local limit has no effect",
        at(E_ACCESSDENIED, Layer.LAUNCH_AND_ACTIVATION_LIMIT),
        (on_server(admin.put_text, POLICY, "MachineLaunchRestriction", _LAUNCH_BY_POLICY),),
        (on_server(delete_value, POLICY, "MachineLaunchRestriction"),),
        ((SERVER, 10015),),
    ),
    Scenario(
        "server_must_be_launched",
        "dcom.md 3.2 (launch bits only if the server must be started)",
        "the service is stopped, and OPCClientUser may activate but not launch it",
        at(E_ACCESSDENIED, Layer.APPLICATION_LAUNCH, _CONNECT),
        (lambda plant: plant.server.services.stop(None, SERVICE),),
        (on_server(admin.restart_service, SERVICE),),
        ((SERVER, 10016),),
    ),
    Scenario(
        "launch_permission_lacks_the_account",
        "dcom.md 3.2; 6.1 (10016)",
        "the launch permission of ApisHive does not give OPCClientUser Remote Activation",
        at(E_ACCESSDENIED, Layer.APPLICATION_LAUNCH, _CONNECT),
        (on_server(admin.revoke, admin.launch_of(APIS_APP_ID), CLIENT_ACCOUNT),),
        (on_server(admin.grant, admin.launch_of(APIS_APP_ID), CLIENT_ACCOUNT, admin.REMOTE_ACTIVATION),),
        ((SERVER, 10016), (CLIENT, 10006)),
    ),
    Scenario(
        "launch_permission_denies_a_group",
        "dcom.md 3.2 (denying entries first)",
        "an entry of the launch permission denies Users, of whom OPCClientUser is one",
        at(E_ACCESSDENIED, Layer.APPLICATION_LAUNCH, _CONNECT),
        (on_server(admin.grant, admin.launch_of(APIS_APP_ID), well_known.USERS, admin.EVERYTHING, AceKind.DENY),),
        (on_server(admin.revoke, admin.launch_of(APIS_APP_ID), well_known.USERS),),
        ((SERVER, 10016),),
    ),
    Scenario(
        "launch_permission_is_invalid",
        "dcom.md 3.1 (0x1 clear); 6.1 (10021)",
        "an entry of the launch permission lacks the bit 0x1, so that COM refuses the whole permission",
        at(E_ACCESSDENIED, Layer.APPLICATION_LAUNCH, _CONNECT),
        (on_server(admin.grant, admin.launch_of(APIS_APP_ID), "S-1-5-11", 0x10),),
        (on_server(admin.revoke, admin.launch_of(APIS_APP_ID), "S-1-5-11"),),
        ((SERVER, 10021),),
    ),
)


def _start_error(host: SimulatedHost, error: int | None) -> None:
    host.services.behaviour(SERVICE).start_error = error


def _stopped_and_launchable(plant: Plant) -> None:
    """The service is stopped; the client may launch it, so that only the start can fail."""
    for door in (admin.LAUNCH_LIMIT, admin.launch_of(APIS_APP_ID)):
        admin.grant(plant.server, door, CLIENT_ACCOUNT, admin.REMOTE_LAUNCH_AND_ACTIVATION)
    admin.reboot(plant.server)
    plant.server.services.stop(None, SERVICE)


def _mend_level(plant: Plant) -> None:
    admin.put_number(plant.server, f"{APP_IDS}\\{APIS_APP_ID}", "AuthenticationLevel", 5)
    admin.restart_service(plant.server, SERVICE)


def _start_row(name: str, source: str, cause: str, broken: Step, mended: Step, event_id: int = 10005) -> Scenario:
    return Scenario(
        name,
        source,
        cause,
        at(CO_E_SERVER_EXEC_FAILURE, Layer.APPLICATION_START, _CONNECT),
        (_stopped_and_launchable, broken),
        (mended,),
        ((SERVER, event_id), (CLIENT, 10006)),
    )


_START = (
    _start_row(
        "service_is_disabled",
        "dcom.md 6.1 (10005)",
        "the service of the OPC server is disabled",
        on_server(admin.set_start_mode, SERVICE, StartMode.DISABLED),
        on_server(admin.set_start_mode, SERVICE, StartMode.AUTO),
    ),
    _start_row(
        "program_is_missing",
        "dcom.md 6.1 (10005)",
        "the program of the service is not there any more",
        lambda plant: plant.server.files.remove(APIS_PROGRAM),
        lambda plant: plant.server.files.add(APIS_PROGRAM, "9.2.0.0"),
    ),
    _start_row(
        "service_account_has_another_password",
        "seed: account password policy; dcom.md 6.1 (10005)",
        "the password of OPCServerUser has changed, that of the service has not",
        on_server(set_password, SERVER_ACCOUNT, "Another-Password-1"),
        on_server(set_password, SERVER_ACCOUNT, SERVER_PASSWORD),
    ),
    _start_row(
        "service_does_not_answer",
        "dcom.md 6.1 (10005)",
        "the service does not answer the service manager in time",
        on_server(_start_error, 1053),
        on_server(_start_error, None),
    ),
    _start_row(
        "server_level_is_impossible",
        "dcom.md 2.1 (an AuthenticationLevel out of range); 6.1 (10010)",
        "the AuthenticationLevel of the server's AppID is 9, so it cannot register its class",
        on_server(admin.put_number, f"{APP_IDS}\\{APIS_APP_ID}", "AuthenticationLevel", 9),
        _mend_level,
        10010,
    ),
)


CAUSES = (
    *_REGISTRATION,
    *_LAUNCH,
    *_START,
)
