# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""OPC links of simulated plants, broken in ways that configuration shows, and what our own judgement says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from memory_host import MemoryHost

from ansible_collections.otsec.opc_dcom.plugins.module_utils._end_facts import EndFacts, facts_from_dict
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_check import LinkVerdict, check_link
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_spec import LinkSpec, link_from_dict, link_specs
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._end_info import EndQuestion, read_end
from simulator.com_state import OLE
from simulator.host import SimulatedHost
from simulator.opc import administration as admin
from simulator.opc.plants import (
    APIS_RULE,
    APPLICATION,
    CLIENT,
    CLIENT_ACCOUNT,
    CLIENT_ADDRESS,
    CLIENT_PASSWORD,
    MAPPER_RULE,
    OPC_ENUM_RULE,
    SERVER,
    SERVER_ACCOUNT,
    SERVER_ADDRESS,
    SERVER_PASSWORD,
    SERVICE,
    Plant,
    domain_members,
    named_accounts,
    vendor_advice,
)
from simulator.opc.scenario import Scenario, set_levels
from simulator.opc.scenarios import SCENARIOS
from simulator.profiles import SERVER_2016, SERVER_2019, WINDOWS_10
from simulator.software import APIS_APP_ID, APIS_CLSID, APIS_PROGRAM, CLASSES, OPC_ENUM_APP_ID, OPC_ENUM_PROGRAM
from simulator.subsystems import well_known
from simulator.subsystems.account_database import AccountError
from simulator.subsystems.firewall import FirewallError
from simulator.subsystems.firewall_rule import RuleError
from simulator.subsystems.service_record import ServiceError, StartMode

Break = Callable[[Plant], None]
PASSWORDS = {SERVER_ACCOUNT: SERVER_PASSWORD, CLIENT_ACCOUNT: CLIENT_PASSWORD}


# What our own modules make of a plant


def model_of(plant: Plant) -> dict[str, Any]:
    """The site model of a plant: its one link, as its services run."""
    accounts = {side: _account(host) for side, host in (("server", plant.server), ("client", plant.client))}
    ends = {"server": SERVER, "client": CLIENT}
    link = {side: {"host": name, "application": "hive", "account": accounts[side]} for side, name in ends.items()}
    model: dict[str, Any] = {
        "applications": {"hive": {"prog_id": APPLICATION, "service": SERVICE, "program": APIS_PROGRAM}},
        "accounts": {name: {"password": PASSWORDS[name]} for name in accounts.values() if name != "LocalSystem"},
        "hosts": {SERVER: {"address": SERVER_ADDRESS}, CLIENT: {"address": CLIENT_ADDRESS}},
        "links": [{**link, "read_mode": "subscribe", "browse": True, "allow_anonymous": True, "reason": "a test"}],
    }
    if plant.server.domain is not None:
        model["domain"] = plant.server.domain.authority
    return model


def spec_of(plant: Plant) -> LinkSpec:
    """The link of a plant as modules are told of it."""
    (spec,) = link_specs(parse_site(model_of(plant), []))
    return link_from_dict("links[0]", spec.to_dict())


def _account(host: SimulatedHost) -> str:
    return host.services.config(SERVICE).account.removeprefix(".\\")


def read_plant(plant: Plant, spec: LinkSpec) -> dict[str, EndFacts]:
    """What opc_end_info tells of each host that is up, as it arrives in a playbook."""
    ends: dict[str, EndFacts] = {}
    for name, host in plant.hosts.items():
        if host.is_up:
            reader = MemoryHost(host)
            facts = reader.ask(lambda opened, name=name: read_end(opened, EndQuestion(name, (spec,))))
            ends[name] = facts_from_dict(name, facts.to_dict())
            reader.check()
    return ends


def judge(plant: Plant, spec: LinkSpec) -> LinkVerdict:
    """Read both hosts through the wire, and judge."""
    ends = read_plant(plant, spec)
    return check_link(spec, ends, [name for name in plant.hosts if name not in ends])


def layer_of(verdict: LinkVerdict) -> str | None:
    return None if verdict.layer is None else verdict.layer.value


def layer_seen(plant: Plant) -> str | None:
    """The layer that refuses first when the simulated plant plays the link."""
    layer = plant.connect().link_layer
    return None if layer is None else layer.name.lower()


# Ways to break a plant


@dataclass(frozen=True, slots=True)
class Breaker:
    """One thing broken. It is carried out before the hosts reboot, or after (`is_late`).

    `account`: host and user that the plant must have for it. `needs_old_client`: an updated one raises its level.
    """

    name: str
    act: Break
    is_late: bool = False
    account: tuple[str, str] | None = None
    needs_old_client: bool = False

    def fits(self, plant: Plant) -> bool:
        if self.account is not None:
            host, user = self.account
            return plant.hosts[host].accounts.local.find_user(user) is not None
        return not self.needs_old_client or plant.client.profile.hardening.default_raise == 0


def put_in_force(plant: Plant) -> None:
    for host in plant.hosts.values():
        admin.reboot(host)
        host.journal.records.clear()


def _rule(host: str, name: str) -> Break:
    def act(plant: Plant) -> None:
        names = {item.rule.name for item in plant.hosts[host].firewall.rules()}
        if name in names:
            admin.delete_rules(plant.hosts[host], name)

    return act


def _block(host: str, fields: str) -> Break:
    return lambda plant: admin.add_rule(plant.hosts[host], "Plant policy", f"Action=Block|{fields}")


def _number(host: str, key: str, name: str, number: int) -> Break:
    return lambda plant: admin.put_number(plant.hosts[host], key, name, number)


def _only(host: str, door: admin.Door, mask: int) -> Break:
    """Nobody but the system and administrators."""
    kept = [("S-1-5-18", mask), (well_known.ADMINISTRATORS, mask)]
    return lambda plant: admin.put_entries(plant.hosts[host], door, kept)


def _user(host: str, account: str, **fields: Any) -> Break:
    def act(plant: Plant) -> None:
        if plant.hosts[host].accounts.local.find_user(account) is None:
            return  # taken away by the other breaker
        if fields:
            plant.hosts[host].accounts.update_user(None, account, **fields)
        else:
            plant.hosts[host].accounts.delete_user(None, account)

    return act


def _service(host: str, name: str) -> Break:
    return lambda plant: admin.set_start_mode(plant.hosts[host], name, StartMode.DISABLED)


def _text(host: str, name: str, text: str) -> Break:
    return lambda plant: admin.put_text(plant.hosts[host], OLE, name, text)


_OUT = f"Dir=Out|Protocol=6|App={APIS_PROGRAM}"
_CONNECT = (
    Breaker("client program", _service(CLIENT, SERVICE), is_late=True),
    Breaker("server is down", lambda plant: plant.server.boot.power_off(), is_late=True),
    Breaker("client blocks its program", _block(CLIENT, _OUT)),
    Breaker("client blocks the mapper", _block(CLIENT, "Dir=Out|Protocol=6|RPort=135")),
    Breaker("server rule of the mapper", _rule(SERVER, MAPPER_RULE)),
    Breaker("server rule of the program", _rule(SERVER, APIS_RULE)),
    Breaker("server blocks the client", _block(SERVER, f"Dir=In|Protocol=6|RA4={CLIENT_ADDRESS}")),
    Breaker("DCOM off on the server", _text(SERVER, "EnableDCOM", "N")),
    Breaker("DCOM off on the client", _text(CLIENT, "EnableDCOM", "N")),
    Breaker("account missing", _user(SERVER, CLIENT_ACCOUNT), account=(SERVER, CLIENT_ACCOUNT)),
    Breaker("account disabled", _user(SERVER, CLIENT_ACCOUNT, is_enabled=False), account=(SERVER, CLIENT_ACCOUNT)),
    Breaker("account locked", _user(SERVER, CLIENT_ACCOUNT, is_locked_out=True), account=(SERVER, CLIENT_ACCOUNT)),
    Breaker("launch limit", _only(SERVER, admin.LAUNCH_LIMIT, admin.EVERYTHING)),
    Breaker("application launch", _only(SERVER, admin.launch_of(APIS_APP_ID), admin.EVERYTHING)),
    Breaker("service disabled", _service(SERVER, SERVICE), is_late=True),
    Breaker("access limit", _only(SERVER, admin.ACCESS_LIMIT, 0x7)),
    Breaker("application access", _only(SERVER, admin.access_of(APIS_APP_ID), 0x7)),
)
_CLASS = Breaker("class", lambda plant: plant.server.registry.delete_tree(f"{CLASSES}\\CLSID\\{APIS_CLSID}"))
_BROWSE = (
    Breaker("rule of OpcEnum", _rule(SERVER, OPC_ENUM_RULE)),
    Breaker("block of OpcEnum", _block(SERVER, f"Dir=In|Protocol=6|App={OPC_ENUM_PROGRAM}")),
    Breaker("launch of OpcEnum", _only(SERVER, admin.launch_of(OPC_ENUM_APP_ID), admin.EVERYTHING)),
    Breaker("access of OpcEnum", _only(SERVER, admin.access_of(OPC_ENUM_APP_ID), 0x7)),
    Breaker("OpcEnum disabled", _service(SERVER, "OpcEnum")),
)
_CALLBACK = (
    Breaker("client rule of the mapper", _rule(CLIENT, MAPPER_RULE)),
    Breaker("client rule of the program", _rule(CLIENT, APIS_RULE)),
    Breaker("server blocks its program", _block(SERVER, _OUT)),
    Breaker("server account missing", _user(CLIENT, SERVER_ACCOUNT), account=(CLIENT, SERVER_ACCOUNT)),
    Breaker(
        "server account disabled", _user(CLIENT, SERVER_ACCOUNT, is_enabled=False), account=(CLIENT, SERVER_ACCOUNT)
    ),
    Breaker("access limit of the client", _only(CLIENT, admin.ACCESS_LIMIT, 0x7)),
    Breaker("access of the client program", _only(CLIENT, admin.access_of(APIS_APP_ID), 0x7)),
)
_LEVEL = Breaker("level", lambda plant: set_levels(plant.client, 2), needs_old_client=True)
BREAKERS = (*_CONNECT, _LEVEL, *_BROWSE, *_CALLBACK, _CLASS)

_OLD_CLIENT = SERVER_2019.with_revision(1879)  # May 2021, before the first update of KB5004442
PLANTS: dict[str, Callable[[], Plant]] = {
    "named accounts": named_accounts,
    "domain": domain_members,
    "vendor advice": vendor_advice,
    "old client": lambda: named_accounts(client=_OLD_CLIENT),
    "Windows 10 and 2016": lambda: named_accounts(SERVER_2016, WINDOWS_10),
}


def broken(plant: Plant, breakers: Sequence[Breaker]) -> Plant:
    """The plant with all of them carried out and in force."""
    for breaker in breakers:
        if not breaker.is_late:
            breaker.act(plant)
    put_in_force(plant)
    for breaker in breakers:
        if breaker.is_late:
            breaker.act(plant)
    return plant


# Scenarios, one and two at a time

# What no configuration shows, by name of the scenario; other layers of the same link are judged all the same.
NOT_SEEN = {
    "default_properties_changed_without_restart": "changed by hand, so no marker says that it is not in force",
    "advise_access_denied_to_another_password": "passwords are not read",
    "passwords_differ": "passwords are not read",
    "callback_passwords_differ": "passwords are not read",
    "password_must_change": "Win32_UserAccount does not tell",
    "account_may_not_log_on_over_the_network": "logon rights are not read",
    "service_account_has_another_password": "passwords are not read",
    "service_does_not_answer": "it is not tried",
    "name_not_resolved": "the client was told something else than the model says",
    "name_resolves_to_a_wrong_address": "the client was told something else than the model says",
    "app_id_taken_for_a_class": "the client was told something else than the model says",
    "unauthenticated_retry_is_forbidden": "tried as another account than the one the program runs as",
    "client_passes_a_low_level": "what a program passes is not to be seen",
    "program_sets_its_own_permission": "what a program sets by itself is not to be seen",
    "proxy_stub_is_missing_on_the_client": "interfaces are not looked at",
    "proxy_stub_is_missing_on_the_server": "interfaces are not looked at",
    "server_ignores_local_rules_by_policy": "in one of two network profiles the host may be in",
    "server_blocks_all_inbound": "in one of two network profiles the host may be in",
}
# What cannot be broken any more once something else is.
_Impossible = (RuleError, AccountError, ServiceError, FirewallError)


def pairs_of_scenarios() -> list[tuple[Scenario, Scenario]]:
    """Every two scenarios of one plant whose causes configuration shows."""
    seen = [item for name, item in SCENARIOS.items() if name not in NOT_SEEN and item.symptoms]
    return [pair for pair in combinations(seen, 2) if pair[0].plant is pair[1].plant]


def both_broken(first: Scenario, second: Scenario) -> Plant | None:
    """A plant in which both are broken; None where neither can be broken after the other."""
    for one, other in ((first, second), (second, first)):
        plant = one.plant()
        try:
            for step in (*one.breaks, *other.breaks):
                step(plant)
        except _Impossible:
            continue
        for host in plant.hosts.values():
            host.journal.records.clear()
        return plant
    return None
