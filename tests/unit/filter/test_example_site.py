# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example that users copy: its site model fits its inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from ansible_collections.otsec.opc_dcom.plugins.filter.opc_site import opc_host_state, opc_links, opc_local_accounts

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(scope="module")
def inventory() -> InventoryManager:
    return InventoryManager(DataLoader(), sources=[str(EXAMPLES / "site.ini")])


@pytest.fixture(scope="module")
def said(inventory: InventoryManager) -> dict[str, Any]:
    groups = inventory.get_groups_dict()
    return {
        "inventory": groups["all"],
        "servers": groups["opc_servers"],
        "clients": groups["opc_clients"],
        "variables": {},
    }


@pytest.fixture(scope="module")
def model() -> dict[str, Any]:
    text = (EXAMPLES / "group_vars" / "all" / "opc_site.yml").read_text(encoding="utf-8")
    site: dict[str, Any] = yaml.safe_load(text)["opc_site"]
    return site


def test_every_host_of_the_inventory_gets_something(model: dict[str, Any], said: dict[str, Any]) -> None:
    assert sorted(model["hosts"]) == sorted(said["inventory"])
    for host in said["inventory"]:
        sections = opc_host_state(model, host, **said)["sections"]
        assert sections["firewall"]["applications"], host


def test_what_a_host_gets_follows_from_its_links(model: dict[str, Any], said: dict[str, Any]) -> None:
    states = {host: opc_host_state(model, host, **said) for host in said["inventory"]}
    assert states["gw01"]["accounts"] == ["OPCHistoryUser", "OPCServerUser", "OPCTrendUser"]
    assert states["eng01"]["accounts"] == ["OPCTrendUser"]
    assert {host for host, state in states.items() if "opc_enum" in state["sections"]} == {"gw01"}
    assert {host for host, state in states.items() if state["sections"]["grants"]["permissions"]} == {
        "gw01",
        "gw02",
        "hist01",
    }


def test_its_links_use_both_read_modes_and_browse(model: dict[str, Any], said: dict[str, Any]) -> None:
    links = opc_links(model, **said)
    assert {link["read_mode"] for link in links} == {"poll", "subscribe"}
    assert {link["browse"] for link in links} == {True, False}
    assert [link["problem"] for link in links] == [""] * len(links)
    assert {link["server"]["host"] for link in links} == set(said["servers"])
    assert {link["client"]["host"] for link in links} == set(said["clients"])


def test_addresses_are_those_of_the_inventory(model: dict[str, Any], inventory: InventoryManager) -> None:
    found = {host.name: host.vars["ansible_host"] for host in inventory.get_hosts()}
    assert {name: item["address"] for name, item in model["hosts"].items()} == found


def test_passwords_are_left_to_a_vault(model: dict[str, Any], said: dict[str, Any]) -> None:
    for host in said["inventory"]:
        for account in opc_local_accounts(model, host, **said):
            assert account["password"].startswith("{{ vault_"), account["name"]
