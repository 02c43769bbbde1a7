# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a caller is on the other host (dcom.md 3.5, 1.2, 6.4; seed: Mutual User Account recognition)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from simulator.com_state import OLE
from simulator.host import SimulatedHost
from simulator.opc import administration as admin
from simulator.opc import plants
from simulator.opc.connection import connect
from simulator.opc.identity import Identity, Kind, account_sid, credentials, log_on
from simulator.opc.layers import Layer, Mode, Outcome
from simulator.opc.network import Network
from simulator.opc.plants import CLIENT, CLIENT_ACCOUNT, CLIENT_PASSWORD, SERVER, SERVER_ACCOUNT, SERVICE, Plant
from simulator.software import APIS_APP_ID, opc_core_components, prediktor_apis
from simulator.subsystems import well_known
from simulator.subsystems.account_database import Domain
from simulator.subsystems.logon import LogonError
from simulator.subsystems.service_record import State

LSA = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa"
NETWORK_SERVICE = r"NT AUTHORITY\NetworkService"


def pair(*, domain_of: Iterable[str] = ()) -> tuple[Network, Domain]:
    """Two hosts; those named are members of the domain."""
    domain = Domain("PLANT", "plant.example")
    members = set(domain_of)
    hosts = {
        name: SimulatedHost(
            name, domain=domain if name in members else None, software=[opc_core_components(), prediktor_apis()]
        )
        for name in (SERVER, CLIENT)
    }
    return Network(hosts), domain


def seen(network: Network, account: str) -> Identity:
    """Who the server takes a process of the client for. Raises LogonError."""
    server, client = network.node(SERVER), network.node(CLIENT)
    return log_on(server, client, credentials(client, account))


def first(plant: Plant, **changes: object) -> Outcome:
    return connect(plant.network, replace(plant.link, mode=Mode.POLL, browse=False, **changes))  # type: ignore[arg-type]


def status(network: Network, account: str) -> int:
    with pytest.raises(LogonError) as caught:
        seen(network, account)
    return caught.value.status


# The table of 3.5


@pytest.mark.parametrize("account", ["LocalSystem", r"NT AUTHORITY\SYSTEM", NETWORK_SERVICE, r"NT SERVICE\ApisHive"])
def test_services_are_the_computer_account_in_a_domain(account: str) -> None:
    network, domain = pair(domain_of=(SERVER, CLIENT))
    identity = seen(network, account)
    assert identity.caller.account_name == r"PLANT\HIST01$"
    assert identity.caller.sid == domain.user("HIST01$").sid
    assert f"{domain.sid}-515" in identity.token.sids  # Domain Computers
    assert well_known.AUTHENTICATED_USERS in identity.token.sids


@pytest.mark.parametrize("members", [(), (CLIENT,), (SERVER,)], ids=["workgroup", "client", "server"])
def test_a_computer_is_unknown_to_a_peer_that_shares_no_domain(members: tuple[str, ...]) -> None:
    network, _domain = pair(domain_of=members)
    assert status(network, "LocalSystem") == 0xC0000064
    (event,) = [
        item for item in network.node(SERVER).host.event_log.read(None, "Security") if item.event.event_id == 4625
    ]
    assert event.datum("TargetUserName") == "HIST01$"
    assert event.datum("TargetDomainName") == ("PLANT" if CLIENT in members else "WORKGROUP")
    assert (event.datum("WorkstationName"), event.datum("SubStatus")) == ("HIST01", "0xc0000064")


@pytest.mark.parametrize("members", [(), (SERVER, CLIENT)])
def test_local_service_is_anonymous_everywhere(members: tuple[str, ...]) -> None:
    network, _domain = pair(domain_of=members)
    identity = seen(network, r"NT AUTHORITY\LocalService")
    assert (identity.is_anonymous, identity.is_authenticated) == (True, True)
    (event,) = [
        item for item in network.node(SERVER).host.event_log.read(None, "Security") if item.event.event_id == 4624
    ]
    assert event.datum("TargetUserSid") == well_known.ANONYMOUS


def test_without_a_machine_identity_a_workgroup_service_is_a_null_session() -> None:
    network, _domain = pair()
    admin.put_number(network.node(CLIENT).host, LSA, "UseMachineId", 0)
    assert seen(network, "LocalSystem").is_anonymous


def test_a_domain_user_is_that_user_on_members() -> None:
    network, domain = pair(domain_of=(SERVER, CLIENT))
    user = domain.add_user("opc", "Domain-Secret-1")
    for name in (r"PLANT\opc", "opc@plant.example", "opc@PLANT"):
        assert seen(network, name).caller.sid == user.sid


def test_an_account_of_the_same_name_and_password_passes_through() -> None:
    """Also from a domain to a workgroup host: a domain it does not know makes NTLM look among its own accounts."""
    network, domain = pair(domain_of=(CLIENT,))
    domain.add_user("opc", "Same-Secret-1")
    server = network.node(SERVER).host
    admin.create_account(server, "opc", "Same-Secret-1")
    identity = seen(network, r"PLANT\opc")
    assert identity.caller.account_name == r"GW01\opc"
    assert identity.caller.sid == admin.sid_of(server, "opc")
    assert well_known.LOCAL_ACCOUNT in identity.token.sids
    server.accounts.set_password(None, "opc", "Other-Secret-1")
    assert status(network, r"PLANT\opc") == 0xC000006A


def test_domain_controllers_that_are_away() -> None:
    network, domain = pair(domain_of=(SERVER, CLIENT))
    domain.is_reachable = False
    assert status(network, "LocalSystem") == 0xC000005E


def test_a_user_the_domain_does_not_have() -> None:
    network, domain = pair(domain_of=(SERVER, CLIENT))
    domain.add_user("opc", "Domain-Secret-1")
    domain.remove_user(domain.user("opc"))
    assert status(network, r"PLANT\opc") == 0xC0000064


def test_an_account_that_is_gone_presents_no_password() -> None:
    network, _domain = pair()
    client = network.node(CLIENT)
    shown = credentials(client, r".\gone")
    assert shown.kind is Kind.USER
    assert account_sid(client.host, r".\gone") is None
    assert account_sid(client.host, r".\Administrator") == f"{client.host.accounts.local.sid}-500"
    admin.create_account(network.node(SERVER).host, "gone", "Some-Secret-1")
    assert status(network, r".\gone") == 0xC000006A


# The guest, Everyone, filtered administrators


def test_the_guest_takes_whom_nobody_knows() -> None:
    network, _domain = pair()
    server, client = network.node(SERVER).host, network.node(CLIENT).host
    admin.create_account(client, "stranger", "Some-Secret-1")
    server.accounts.update_user(None, "Guest", is_enabled=True)
    identity = seen(network, "stranger")
    assert identity.caller.sid.endswith("-501")
    assert well_known.GUESTS in identity.token.sids
    assert not {well_known.AUTHENTICATED_USERS, well_known.USERS} & identity.token.sids


def test_force_guest_makes_everybody_the_guest_but_in_a_domain() -> None:
    for members, name in (((), "GUEST"), ((SERVER,), "OPC")):
        network, _domain = pair(domain_of=members)
        server = network.node(SERVER).host
        for host in (server, network.node(CLIENT).host):
            admin.create_account(host, "opc", "Same-Secret-1")
        server.accounts.update_user(None, "Guest", is_enabled=True)
        admin.put_number(server, LSA, "ForceGuest", 1)
        assert seen(network, "opc").user_name.upper() == name


def test_everyone_holds_anonymous_only_where_a_policy_says_so() -> None:
    plant = plants.named_accounts()
    for door in (admin.LAUNCH_LIMIT, admin.launch_of(APIS_APP_ID)):
        admin.grant(plant.server, door, well_known.EVERYONE, admin.EVERYTHING)
    admin.reboot(plant.server)
    assert first(plant, level=1).layer is Layer.ACCESS_LIMIT
    admin.put_number(plant.server, LSA, "EveryoneIncludesAnonymous", 1)
    assert first(plant, level=1).ok


def test_a_local_administrator_is_filtered_over_the_network() -> None:  # dcom.md 3.5, remote UAC
    network, _domain = pair()
    server = network.node(SERVER).host
    for host in (server, network.node(CLIENT).host):
        admin.create_account(host, "plantadmin", "Same-Secret-1")
    server.accounts.add_member(None, well_known.ADMINISTRATORS, admin.sid_of(server, "plantadmin"))
    token = seen(network, "plantadmin").token
    assert well_known.ADMINISTRATORS in token.deny_only
    assert well_known.ADMINISTRATORS not in token.sids
    policies = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
    admin.put_number(server, policies, "LocalAccountTokenFilterPolicy", 1)
    assert well_known.ADMINISTRATORS in seen(network, "plantadmin").token.sids


def test_membership_in_distributed_com_users_opens_the_launch_limit() -> None:  # dcom.md 3.4
    plant = plants.named_accounts()
    admin.revoke(plant.server, admin.LAUNCH_LIMIT, CLIENT_ACCOUNT)
    admin.reboot(plant.server)
    assert first(plant).layer is Layer.LAUNCH_AND_ACTIVATION_LIMIT
    plant.server.accounts.add_member(None, well_known.DISTRIBUTED_COM_USERS, admin.sid_of(plant.server, CLIENT_ACCOUNT))
    assert first(plant).ok


# The retry without authentication


def test_an_unknown_user_is_not_treated_as_anonymous() -> None:
    """The seed's note, against the same plant in which Local System gets in as Anonymous."""
    plant = plants.vendor_advice()
    assert first(plant).ok
    admin.create_account(plant.client, "stranger", "Some-Secret-1")
    outcome = first(plant, client_account="stranger")
    assert (outcome.layer, outcome.hresult) == (Layer.ACCOUNT, 0x80070005)
    assert outcome.event_ids(SERVER) == [4625]


def test_a_refused_user_leaves_the_refusal_of_the_retry_as_well() -> None:
    plant = plants.named_accounts()
    plant.server.accounts.set_password(None, CLIENT_ACCOUNT, "Other-Secret-1")
    outcome = first(plant)
    assert outcome.layer is Layer.ACCOUNT
    assert outcome.event_ids(SERVER) == [10027, 4625]
    (denied,) = [item.data for item in outcome.logged if item.event_id == 10027]
    assert denied[2:5] == ("NT AUTHORITY", "ANONYMOUS LOGON", "S-1-5-7")
    assert CLIENT_PASSWORD not in outcome.evidence


def test_a_wrong_password_counts_towards_the_lock_out() -> None:
    plant = plants.named_accounts()
    plant.server.accounts.policy.lockout_threshold = 3
    plant.client.accounts.set_password(None, CLIENT_ACCOUNT, "Other-Secret-1")
    for _unused in range(4):
        outcome = first(plant)
    assert outcome.layer is Layer.ACCOUNT
    assert plant.server.accounts.local.user(CLIENT_ACCOUNT).is_locked_out
    assert "0xc0000234" in outcome.evidence


def test_the_retry_can_be_forbidden_for_activations_and_for_the_way_back() -> None:
    plant = plants.vendor_advice()
    admin.put_number(plant.client, OLE, "DCOMSCMRemoteCallFlags", 0x2)
    admin.reboot(plant.client)
    outcome = first(plant)
    assert outcome.layer is Layer.ACCOUNT
    assert 10027 not in outcome.event_ids(SERVER)
    plant = plants.named_accounts()
    plant.client.accounts.delete_user(None, SERVER_ACCOUNT)
    admin.put_number(plant.server, OLE, "DCOMSCMRemoteCallFlags", 0x8)
    admin.reboot(plant.server)
    callback = plant.connect().callback
    assert callback is not None
    assert (callback.layer, "not repeated" in callback.evidence) == (Layer.ACCOUNT, True)


def test_an_anonymous_activation_whose_caller_cannot_log_on_afterwards() -> None:
    plant = plants.vendor_advice()
    admin.create_account(plant.client, "stranger", "Some-Secret-1")
    assert first(plant, client_account="stranger", level=1).layer is Layer.ACCOUNT
    assert first(plant, level=1).ok  # Local System goes on as Anonymous


def test_a_german_host_knows_its_services_by_german_names() -> None:
    host = SimulatedHost("h", ui_language="de-DE")
    assert account_sid(host, r"NT-AUTORITÄT\SYSTEM") == well_known.LOCAL_SYSTEM
    assert account_sid(host, r"NT AUTHORITY\NETWORK SERVICE") == well_known.NETWORK_SERVICE


def test_the_service_that_asks_decides_and_not_a_name_in_the_link() -> None:
    """A declared account that the process does not run as has no effect while the process is asked."""
    plant = plants.named_accounts()
    plant.client.services.change(None, SERVICE, account="LocalSystem")
    admin.restart_service(plant.client, SERVICE)
    assert plant.client.services.service(SERVICE).state is State.RUNNING
    assert first(plant).layer is Layer.ACCESS_LIMIT
