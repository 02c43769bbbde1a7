# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters, as Jinja calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.otsec.opc_dcom.plugins.filter.opc_site import FilterModule

FILTERS = FilterModule().filters()
ROOT = Path(__file__).resolve().parents[3]
MODEL: dict[str, Any] = {
    "applications": {"hive": {"service": "ApisHive"}, "trend": {"program": "C:\\trend\\trend.exe"}},
    "accounts": {"OPCServerUser": {"password": "server-secret"}, "OPCClientUser": {"password": "client-secret"}},
    "hosts": {"gw01": {"address": "10.0.0.11"}},
    "links": [
        {
            "server": {"host": "gw01", "application": "hive", "account": "OPCServerUser"},
            "client": {"host": "eng01", "application": "trend", "account": "OPCClientUser"},
            "read_mode": "poll",
        }
    ],
}
INVENTORY = {"inventory": ["gw01", "eng01"]}


class Encrypted:
    """A text as ansible-core before 2.19 keeps an inline vault value: no str, decrypted when it is shown."""

    __ENCRYPTED__ = True

    def __str__(self) -> str:
        return "vaulted-secret"


def test_the_address_of_a_peer_comes_from_its_inventory_line() -> None:
    assert FILTERS["opc_unaddressed_peers"](MODEL, "gw01", **INVENTORY) == ["eng01"]
    assert FILTERS["opc_unaddressed_peers"](MODEL, "eng01", **INVENTORY) == []
    state = FILTERS["opc_host_state"](MODEL, "gw01", addresses={"eng01": "10.0.0.22"}, **INVENTORY)
    (rule,) = state["sections"]["firewall"]["applications"]
    assert rule == {"title": "hive", "service": "ApisHive", "direction": "in", "remote_addresses": ["10.0.0.22"]}


def test_a_host_that_is_named_by_its_address_needs_no_other() -> None:
    text = yaml.safe_dump(MODEL).replace("eng01", "10.0.0.22")
    assert FILTERS["opc_unaddressed_peers"](yaml.safe_load(text), "gw01", inventory=["gw01", "10.0.0.22"]) == []


@pytest.mark.parametrize("name", ["opc_host_state", "opc_local_accounts", "opc_unaddressed_peers"])
def test_mistakes_are_told_and_no_password(name: str) -> None:
    wrong = {**MODEL, "links": [{**MODEL["links"][0], "read_mode": "push"}], "sites": "server-secret"}
    with pytest.raises(AnsibleFilterError) as caught:
        FILTERS[name](wrong, "gw01", **INVENTORY)
    assert "links[0].read_mode: 'push' is neither poll nor subscribe" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_passwords_may_be_in_the_vault() -> None:
    model = {**MODEL, "accounts": {**MODEL["accounts"], "OPCServerUser": {"password": Encrypted()}}}
    accounts = FILTERS["opc_local_accounts"](model, "gw01", **INVENTORY)
    assert accounts == [
        {"name": "OPCClientUser", "password": "client-secret"},
        {"name": "OPCServerUser", "password": "vaulted-secret"},
    ]
    assert "secret" not in repr(FILTERS["opc_host_state"](model, "gw01", addresses={"eng01": "10.0.0.22"}, **INVENTORY))


def test_without_a_site_there_is_nothing_to_do() -> None:
    assert FILTERS["opc_host_state"](None, "gw01", servers=["gw01"], clients=["eng01"], variables={}) == {
        "sections": {},
        "accounts": [],
        "exceptions": [],
    }
    assert FILTERS["opc_local_accounts"](None, "gw01") == FILTERS["opc_unaddressed_peers"](None, "gw01") == []


def test_a_survey_may_name_the_profiles() -> None:
    said = {"addresses": {"eng01": "10.0.0.22"}, **INVENTORY}
    for profiles in ("domain, private", ["domain", "private"]):
        state = FILTERS["opc_host_state"](MODEL, "gw01", profiles=profiles, **said)
        assert state["sections"]["firewall"]["profiles"] == ["domain", "private"]


def test_drift_is_told_from_a_result() -> None:
    result = {
        "changed": True,
        "before": {"logging": {"calls": "never (2)"}},
        "after": {"logging": {"calls": "always (1)"}},
    }
    assert FILTERS["opc_drift"](result) == ["logging / calls: never (2) -> always (1)"]
    assert FILTERS["opc_drift"]({"skipped": True}) == []
    with pytest.raises(AnsibleFilterError, match="takes the result of a module"):
        FILTERS["opc_drift"]([])


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "opc_drift"])
def test_every_filter_is_documented(name: str) -> None:
    documented = yaml.safe_load((ROOT / "plugins" / "filter" / f"{name}.yml").read_text(encoding="utf-8"))
    assert documented["DOCUMENTATION"]["name"] == name
    accepted = {"_input", "inventory", "addresses", "servers", "clients", "variables"}
    more = {"host"} if name != "opc_links" else set()
    more |= {"application_level", "opc_enum_level", "profiles"} if name == "opc_host_state" else set()
    assert set(documented["DOCUMENTATION"]["options"]) == accepted | more
