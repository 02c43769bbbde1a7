# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes in who the caller is: accounts, user rights, authentication levels. One row each; see `causes`."""

from __future__ import annotations

from typing import Any

from ...com_state import APP_COMPAT, APP_IDS, OLE
from ...host import SimulatedHost
from ...profiles import SERVER_2019
from ...software import APIS_APP_ID
from .. import administration as admin
from ..layers import (
    CO_E_NO_GOOD_SECURITY_PACKAGES,
    E_ACCESSDENIED,
    Direction,
    Layer,
)
from ..plants import (
    CLIENT,
    CLIENT_ACCOUNT,
    CLIENT_PASSWORD,
    SERVER,
    SERVICE,
    Plant,
    domain_members,
    named_accounts,
)
from ..scenario import (
    REBOOT_CLIENT,
    Scenario,
    Step,
    at,
    change_user,
    link_is,
    on_client,
    on_server,
    set_levels,
    set_password,
)

_CONNECT, _BROWSE, _CALLBACK = Direction.CONNECT, Direction.BROWSE, Direction.CALLBACK


def _no_network_logon(host: SimulatedHost, *, is_denied: bool) -> None:
    sid = admin.sid_of(host, CLIENT_ACCOUNT)
    host.accounts.set_holders(None, "SeDenyNetworkLogonRight", {sid} if is_denied else set())


def _reach_domain(*, is_reachable: bool) -> Step:
    def step(plant: Plant) -> None:
        assert plant.server.domain is not None
        plant.server.domain.is_reachable = is_reachable

    return step


def _account_row(name: str, cause: str, broken: dict[str, Any], mended: dict[str, Any]) -> Scenario:
    """A state of the client's account on the server."""

    def put(fields: dict[str, Any]) -> Step:
        return lambda plant: change_user(plant.server, CLIENT_ACCOUNT, **fields)

    return Scenario(
        name,
        "dcom.md 6.4 (4625)",
        cause,
        at(E_ACCESSDENIED, Layer.ACCOUNT),
        (put(broken),),
        (put(mended),),
        ((SERVER, 4625), (CLIENT, 10006)),
    )


_LSA = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa"

_ACCOUNT = (
    Scenario(
        "account_is_missing_on_the_server",
        "dcom.md 3.5; 6.4 (0xC0000064)",
        "the server has no account OPCClientUser",
        at(E_ACCESSDENIED, Layer.ACCOUNT),
        (lambda plant: change_user(plant.server, CLIENT_ACCOUNT, name="OPCOther"),),
        (lambda plant: change_user(plant.server, "OPCOther", name=CLIENT_ACCOUNT),),
        ((SERVER, 4625), (CLIENT, 10006)),
    ),
    Scenario(
        "passwords_differ",
        "dcom.md 3.5; 6.4 (0xC000006A)",
        "OPCClientUser has another password on the server",
        at(E_ACCESSDENIED, Layer.ACCOUNT),
        (on_server(set_password, CLIENT_ACCOUNT, "Another-Password-1"),),
        (on_server(set_password, CLIENT_ACCOUNT, CLIENT_PASSWORD),),
        ((SERVER, 4625), (CLIENT, 10006)),
    ),
    _account_row(
        "account_is_disabled", "OPCClientUser is disabled on the server", {"is_enabled": False}, {"is_enabled": True}
    ),
    _account_row(
        "account_is_locked_out",
        "OPCClientUser is locked out on the server",
        {"is_locked_out": True},
        {"is_locked_out": False},
    ),
    _account_row(
        "password_must_change",
        "OPCClientUser must change its password at the next logon",
        {"must_change_password": True},
        {"must_change_password": False},
    ),
    Scenario(
        "account_may_not_log_on_over_the_network",
        "dcom.md 3.5; 6.4 (0xC000015B)",
        "a user right of the server denies OPCClientUser access from the network",
        at(E_ACCESSDENIED, Layer.ACCOUNT),
        (lambda plant: _no_network_logon(plant.server, is_denied=True),),
        (lambda plant: _no_network_logon(plant.server, is_denied=False),),
        ((SERVER, 4625),),
    ),
    Scenario(
        "server_forces_guest",
        "dcom.md 3.5 (ForceGuest)",
        "the server makes everybody from the network its guest, who is disabled",
        at(E_ACCESSDENIED, Layer.ACCOUNT),
        (on_server(admin.put_number, _LSA, "ForceGuest", 1),),
        (on_server(admin.put_number, _LSA, "ForceGuest", 0),),
        ((SERVER, 4625),),
    ),
    Scenario(
        "unauthenticated_retry_is_forbidden",
        "dcom.md 1.2 (DCOMSCMRemoteCallFlags)",
        "a Local System client is known to no workgroup host, and may not go on as Anonymous",
        at(E_ACCESSDENIED, Layer.ACCOUNT),
        (
            link_is(client_account="LocalSystem"),
            on_client(admin.put_number, OLE, "DCOMSCMRemoteCallFlags", 0xA),
            REBOOT_CLIENT,
        ),
        (link_is(client_account=None),),
        ((SERVER, 4625),),
    ),
    Scenario(
        "domain_controllers_are_away",
        "dcom.md 6.4 (0xC000005E)",
        "the server reaches no domain controller",
        at(E_ACCESSDENIED, Layer.ACCOUNT),
        (_reach_domain(is_reachable=False),),
        (_reach_domain(is_reachable=True),),
        ((SERVER, 4625),),
        domain_members,
    ),
)

_RAISE = (APP_COMPAT, "RaiseActivationAuthenticationLevel")

_LEVEL = (
    Scenario(
        "client_without_updates_asks_for_connect",
        "dcom.md 1.3",
        "the client has no update of KB5004442 and its applications ask for Connect",
        at(E_ACCESSDENIED, Layer.AUTHENTICATION_LEVEL),
        (on_client(set_levels, 2), REBOOT_CLIENT),
        (on_client(set_levels, 5), REBOOT_CLIENT),
        ((SERVER, 10036), (CLIENT, 10006)),
        lambda: named_accounts(client=SERVER_2019.with_revision(1879)),
    ),
    Scenario(
        "client_passes_a_low_level",
        "dcom.md 1.3 (RaiseActivationAuthenticationLevel = 1)",
        "the client's program passes Connect itself, and its host raises the default level only",
        at(E_ACCESSDENIED, Layer.AUTHENTICATION_LEVEL, _CONNECT, _BROWSE),
        (link_is(level=2), on_client(admin.put_number, *_RAISE, 1), REBOOT_CLIENT),
        (on_client(admin.put_number, *_RAISE, 2), REBOOT_CLIENT),
        ((SERVER, 10036), (CLIENT, 10037)),
    ),
    Scenario(
        "client_level_is_impossible",
        "dcom.md 2.1 (an AuthenticationLevel out of range)",
        "the AuthenticationLevel of the client's AppID is 7, so its program cannot use COM",
        at(CO_E_NO_GOOD_SECURITY_PACKAGES, Layer.CLIENT_PROGRAM, _CONNECT),
        (
            on_client(admin.put_number, f"{APP_IDS}\\{APIS_APP_ID}", "AuthenticationLevel", 7),
            on_client(admin.restart_service, SERVICE),
        ),
        (
            on_client(admin.put_number, f"{APP_IDS}\\{APIS_APP_ID}", "AuthenticationLevel", 5),
            on_client(admin.restart_service, SERVICE),
        ),
    ),
)


CAUSES = (
    *_ACCOUNT,
    *_LEVEL,
)
