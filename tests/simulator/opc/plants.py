# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small plants whose links work: a gateway with an OPC server and a historian that reads from it, both with APIS.

`named_accounts` is what good practice makes of a workgroup (least rights, no Anonymous), `vendor_advice` what the
seed's article tells people to do (defaults, Anonymous, rules for any address), `domain_members` a domain with Local
System. Scenarios start from one of them and break one thing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..com_state import APP_IDS, LEVEL_PKT_INTEGRITY, OLE
from ..host import SimulatedHost
from ..profiles import SERVER_2019, SERVER_2022, Profile
from ..software import APIS_APP_ID, APIS_PROGRAM, OPC_ENUM_APP_ID, OPC_ENUM_PROGRAM, opc_core_components, prediktor_apis
from ..subsystems import well_known
from ..subsystems.account_database import Domain
from . import administration as admin
from .connection import connect
from .layers import Link, Mode, Outcome
from .network import Network

SERVER, CLIENT = "gw01", "hist01"
SERVER_ADDRESS, CLIENT_ADDRESS = "10.100.86.125", "10.100.86.212"
SERVER_ACCOUNT, CLIENT_ACCOUNT = "OPCServerUser", "OPCClientUser"
SERVER_PASSWORD, CLIENT_PASSWORD = "Plant-Server-1", "Plant-Client-1"
APPLICATION = "Prediktor.ApisOPCServer.1"
SERVICE = "ApisHive"

MAPPER_RULE, APIS_RULE, OPC_ENUM_RULE = "OPC DCOM (RPC)", "AllowApis", "Allow OpcEnum"


def mapper_fields(peer: str | None) -> str:
    """An inbound rule for the endpoint mapper, from one address or from any."""
    remote = f"RA4={peer}|" if peer else ""
    return rf"Dir=In|Protocol=6|LPort=RPC-EPMap|{remote}App=%SystemRoot%\system32\svchost.exe|Svc=RpcSs"


def program_fields(program: str, peer: str | None) -> str:
    """An inbound rule for the dynamic ports of a program, from one address or from any."""
    remote = f"RA4={peer}|" if peer else ""
    return f"Dir=In|Protocol=6|LPort=RPC|{remote}App={program}"


@dataclass(slots=True)
class Plant:
    """Hosts in their network, and the link that people want to work."""

    hosts: dict[str, SimulatedHost]
    network: Network
    link: Link

    @property
    def server(self) -> SimulatedHost:
        return self.hosts[SERVER]

    @property
    def client(self) -> SimulatedHost:
        return self.hosts[CLIENT]

    def connect(self) -> Outcome:
        return connect(self.network, self.link)

    def open_to_clients(self, password: str, ticker: Callable[[], float]) -> None:
        """Let a site serve the hosts: Administrator has a password, Basic over http is allowed, time passes."""
        for host in self.hosts.values():
            host.clock.follow(ticker)
            host.accounts.set_password(None, "Administrator", password)
            host.allow_unencrypted = True
            host.journal.records.clear()
            host.initial = host.snapshot()


def named_accounts(server: Profile = SERVER_2019, client: Profile = SERVER_2022) -> Plant:
    """A workgroup; each service runs as an account that the other host has too; peers and rights are named."""
    plant = _plant(server, client)
    _create_accounts(plant)
    _open_firewalls(plant, is_narrow=True)
    for host in plant.hosts.values():
        _harden(host)
    _grant_named(plant.server, CLIENT_ACCOUNT)
    admin.grant(plant.client, admin.access_of(APIS_APP_ID), SERVER_ACCOUNT, admin.REMOTE_ACCESS)
    return _put_in_force(plant)


def vendor_advice(server: Profile = SERVER_2019, client: Profile = SERVER_2022) -> Plant:
    """The seed's article followed to the letter: the client is Local System, so Anonymous is let in everywhere."""
    plant = _plant(server, client)
    admin.create_account(plant.server, SERVER_ACCOUNT, SERVER_PASSWORD)
    admin.create_account(plant.client, SERVER_ACCOUNT, SERVER_PASSWORD)
    admin.run_service_as(plant.server, SERVICE, SERVER_ACCOUNT, SERVER_PASSWORD)
    _open_firewalls(plant, is_narrow=False)
    anonymous = well_known.ANONYMOUS
    for host in plant.hosts.values():
        admin.put_number(host, OLE, "LegacyAuthenticationLevel", LEVEL_PKT_INTEGRITY)
        admin.put_number(host, OLE, "ActivationFailureLoggingLevel", 1)
        admin.put_number(host, OLE, "CallFailureLoggingLevel", 1)
    for door in (admin.ACCESS_LIMIT, admin.DEFAULT_ACCESS):
        admin.grant(plant.server, door, anonymous, admin.REMOTE_ACCESS)
        admin.grant(plant.client, door, SERVER_ACCOUNT, admin.LOCAL_ACCESS | admin.REMOTE_ACCESS)
    for door in (admin.LAUNCH_LIMIT, admin.DEFAULT_LAUNCH, admin.launch_of(OPC_ENUM_APP_ID)):
        admin.grant(plant.server, door, anonymous, admin.REMOTE_LAUNCH_AND_ACTIVATION)
    admin.put_number(plant.server, f"{APP_IDS}\\{OPC_ENUM_APP_ID}", "AuthenticationLevel", LEVEL_PKT_INTEGRITY)
    admin.grant(plant.server, admin.access_of(OPC_ENUM_APP_ID), anonymous, admin.REMOTE_ACCESS)
    return _put_in_force(plant)


def domain_members(server: Profile = SERVER_2019, client: Profile = SERVER_2022) -> Plant:
    """Both hosts in one domain, both services Local System: each is its computer account to the other."""
    plant = _plant(server, client, Domain("PLANT", "plant.example"))
    _open_firewalls(plant, is_narrow=True)
    for host in plant.hosts.values():
        _harden(host)
    _grant_named(plant.server, r"PLANT\HIST01$")
    admin.grant(plant.client, admin.access_of(APIS_APP_ID), r"PLANT\GW01$", admin.REMOTE_ACCESS)
    return _put_in_force(plant)


def out_of_the_box(server: Profile = SERVER_2019, client: Profile = SERVER_2022) -> Plant:
    """Freshly installed hosts with OPC software and mutual accounts; nothing is opened or granted yet."""
    plant = _plant(server, client)
    _create_accounts(plant)
    return _put_in_force(plant)


# Building blocks


def _plant(server: Profile, client: Profile, domain: Domain | None = None) -> Plant:
    hosts = {
        name: SimulatedHost(name, profile, domain=domain, software=[opc_core_components(), prediktor_apis()])
        for name, profile in ((SERVER, server), (CLIENT, client))
    }
    network = Network(hosts, {SERVER: SERVER_ADDRESS, CLIENT: CLIENT_ADDRESS})
    link = Link(
        CLIENT,
        SERVER,
        APPLICATION,
        APIS_PROGRAM,
        mode=Mode.SUBSCRIBE,
        browse=True,
        address=SERVER_ADDRESS,
        server_program=APIS_PROGRAM,
    )
    return Plant(hosts, network, link)


def _create_accounts(plant: Plant) -> None:
    for host in plant.hosts.values():
        admin.create_account(host, SERVER_ACCOUNT, SERVER_PASSWORD)
        admin.create_account(host, CLIENT_ACCOUNT, CLIENT_PASSWORD)
    admin.run_service_as(plant.server, SERVICE, SERVER_ACCOUNT, SERVER_PASSWORD)
    admin.run_service_as(plant.client, SERVICE, CLIENT_ACCOUNT, CLIENT_PASSWORD)


def _open_firewalls(plant: Plant, *, is_narrow: bool) -> None:
    client, server = (CLIENT_ADDRESS, SERVER_ADDRESS) if is_narrow else (None, None)
    for host, peer in ((plant.server, client), (plant.client, server)):
        admin.add_rule(host, MAPPER_RULE, mapper_fields(peer))
        admin.add_rule(host, APIS_RULE, program_fields(APIS_PROGRAM, peer))
    admin.add_rule(plant.server, OPC_ENUM_RULE, program_fields(OPC_ENUM_PROGRAM, client))


def _harden(host: SimulatedHost) -> None:
    """Packet integrity as the default and for both applications; every refusal is logged; nobody but administrators."""
    admin.put_number(host, OLE, "LegacyAuthenticationLevel", LEVEL_PKT_INTEGRITY)
    admin.put_number(host, OLE, "ActivationFailureLoggingLevel", 1)
    admin.put_number(host, OLE, "CallFailureLoggingLevel", 1)
    for app_id in (APIS_APP_ID, OPC_ENUM_APP_ID):
        admin.put_number(host, f"{APP_IDS}\\{app_id}", "AuthenticationLevel", LEVEL_PKT_INTEGRITY)
        own = [("S-1-5-18", admin.EVERYTHING), (well_known.ADMINISTRATORS, admin.EVERYTHING)]
        admin.put_entries(host, admin.launch_of(app_id), own)
        admin.put_entries(host, admin.access_of(app_id), [(sid, 0x7) for sid, _unused in own])


def _grant_named(host: SimulatedHost, account: str) -> None:
    """Both doors for a client: activation of a server that runs, launch as well for OpcEnum, which starts on demand."""
    admin.grant(host, admin.LAUNCH_LIMIT, account, admin.REMOTE_LAUNCH_AND_ACTIVATION)
    admin.grant(host, admin.launch_of(APIS_APP_ID), account, admin.REMOTE_ACTIVATION)
    admin.grant(host, admin.launch_of(OPC_ENUM_APP_ID), account, admin.REMOTE_LAUNCH_AND_ACTIVATION)
    for app_id in (APIS_APP_ID, OPC_ENUM_APP_ID):
        admin.grant(host, admin.access_of(app_id), account, admin.REMOTE_ACCESS)


def _put_in_force(plant: Plant) -> Plant:
    for host in plant.hosts.values():
        admin.reboot(host)
        host.journal.records.clear()
        host.initial = host.snapshot()
    return plant
