# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scenario is, and the steps its rows are made of. Each step is something one person does on one host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..com_state import APP_IDS, OLE
from ..host import SimulatedHost
from ..software import APIS_APP_ID, OPC_ENUM_APP_ID
from ..subsystems import well_known
from . import administration as admin
from .layers import Direction, Layer
from .plants import CLIENT, SERVER, Plant, named_accounts

Step = Callable[[Plant], None]
Symptom = tuple[int, Layer]
ANONYMOUS = well_known.ANONYMOUS


@dataclass(frozen=True, slots=True)
class Scenario:
    """A link that does not work (or works with a warning), for one reason.

    `symptoms` are HRESULT and layer of each part that fails, by direction; none for a link that works. `events` are
    (host, id) that must be left. `source` is a heading of the seed or a section of dcom.md, `cause` an expert's words.
    """

    name: str
    source: str
    cause: str
    symptoms: Mapping[Direction, Symptom]
    breaks: tuple[Step, ...]
    repairs: tuple[Step, ...] = ()
    events: tuple[tuple[str, int], ...] = ()
    plant: Callable[[], Plant] = field(default=named_accounts)

    def build(self) -> Plant:
        """The plant in the broken state, its journals empty."""
        plant = self.plant()
        _carry_out(plant, self.breaks)
        return plant

    def repair(self, plant: Plant) -> None:
        """Do by hand what the cause asks for."""
        _carry_out(plant, self.repairs)


def _carry_out(plant: Plant, steps: tuple[Step, ...]) -> None:
    for step in steps:
        step(plant)
    for host in plant.hosts.values():
        host.journal.records.clear()


def at(hresult: int, layer: Layer, *directions: Direction) -> dict[Direction, Symptom]:
    """The same symptom in these directions; without any, in the connection and in browsing."""
    wanted = directions or (Direction.CONNECT, Direction.BROWSE)
    return dict.fromkeys(wanted, (hresult, layer))


# Steps


def on_server(action: Callable[..., Any], *arguments: Any) -> Step:
    return lambda plant: _do(action, plant.server, arguments)


def on_client(action: Callable[..., Any], *arguments: Any) -> Step:
    return lambda plant: _do(action, plant.client, arguments)


def _do(action: Callable[..., Any], host: SimulatedHost, arguments: tuple[Any, ...]) -> None:
    action(host, *arguments)


def link_is(**changes: Any) -> Step:
    """The link is tried in another way: fields of `Link`."""

    def step(plant: Plant) -> None:
        plant.link = replace(plant.link, **changes)

    return step


def reboot(name: str) -> Step:
    return lambda plant: admin.reboot(plant.hosts[name])


REBOOT_SERVER, REBOOT_CLIENT = reboot(SERVER), reboot(CLIENT)


def set_levels(host: SimulatedHost, level: int) -> None:
    """The default authentication level and that of both applications."""
    admin.put_number(host, OLE, "LegacyAuthenticationLevel", level)
    for app_id in (APIS_APP_ID, OPC_ENUM_APP_ID):
        admin.put_number(host, f"{APP_IDS}\\{app_id}", "AuthenticationLevel", level)


def change_user(host: SimulatedHost, user: str, /, **fields: Any) -> None:
    host.accounts.update_user(None, user, **fields)


def set_password(host: SimulatedHost, name: str, password: str) -> None:
    host.accounts.set_password(None, name, password)


def delete_user(host: SimulatedHost, name: str) -> None:
    host.accounts.delete_user(None, name)


def delete_value(host: SimulatedHost, key: str, name: str) -> None:
    host.registry.delete_value(None, key, name)


def delete_key(host: SimulatedHost, key: str) -> None:
    host.registry.delete_tree(key)


def reload_firewall(host: SimulatedHost) -> None:
    """What applying Group Policy does to the firewall."""
    host.firewall.reload()
