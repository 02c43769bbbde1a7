# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections of opc_host made from the needs of a host."""

from __future__ import annotations

import copy
import json
from typing import Any

from test_site_model import WORKGROUP, changed

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_groups import Groups
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_state import (
    SiteSource,
    StateOptions,
)

OPC_ENUM = "{13486D44-4821-11D2-A494-3CB306C10000}"
APIS = {"prog_id": "Prediktor.ApisOPCServer.1"}
HIVE = {"title": "apis_hive", "service": "ApisHive"}
CLIENT = ".\\OPCClientUser"


def source(model: object) -> SiteSource:
    return SiteSource(model, Groups(), ["gw01", "hist01"], {})


def state(model: object, host: str, **options: Any) -> dict[str, Any]:
    return source(model).host_state(host, StateOptions(**options))


def entry(principal: str, *rights: str) -> list[dict[str, Any]]:
    return [{"principal": principal, "rights": list(rights)}]


def test_a_server() -> None:
    assert state(WORKGROUP, "gw01") == {
        "accounts": ["OPCClientUser", "OPCServerUser"],
        "accounts_with_password": ["OPCClientUser", "OPCServerUser"],
        "exceptions": [],
        "sections": {
            "opc_enum": {"state": "enabled", "authentication_level": "packet_integrity"},
            "applications": [{**APIS, "authentication_level": "default"}],
            "grants": {
                "permissions": [
                    {"scope": "application", "kind": "access", **APIS, "entries": entry(CLIENT, "remote_access")},
                    {"scope": "application", "kind": "launch", **APIS, "entries": entry(CLIENT, "remote_activation")},
                    {
                        "scope": "application", "kind": "access", "app_id": OPC_ENUM, "exclusive": True,
                        "entries": entry(CLIENT, "remote_access"),
                    },
                    {
                        "scope": "application", "kind": "launch", "app_id": OPC_ENUM, "exclusive": True,
                        "entries": entry(CLIENT, "remote_activation", "remote_launch"),
                    },
                    {"scope": "machine_limit", "kind": "access", "entries": entry(CLIENT, "remote_access")},
                    {
                        "scope": "machine_limit", "kind": "launch",
                        "entries": entry(CLIENT, "remote_activation", "remote_launch"),
                    },
                ]
            },
            "firewall": {
                "purge": True,
                "endpoint_mapper": True,
                "direction": "in",
                "opc_enum": True,
                "opc_enum_remote_addresses": ["10.0.0.21"],
                "applications": [
                    {**HIVE, "direction": "in", "remote_addresses": ["10.0.0.21"]},
                    {**HIVE, "direction": "out", "remote_addresses": ["10.0.0.21"]},
                ],
            },
        },
    }  # fmt: skip


def test_a_client_that_subscribes() -> None:
    sections = state(WORKGROUP, "hist01")["sections"]
    program = {"program": "C:\\hist\\hist.exe"}
    server = entry(".\\OPCServerUser", "remote_access")
    # It is made an application by its grant.
    assert sections["applications"] == [{**program, "authentication_level": "default", "ignore_missing": True}]
    assert "applications" not in state(WORKGROUP, "hist01", application_level="packet_privacy")["sections"]
    assert sections["grants"]["permissions"] == [
        {"scope": "application", "kind": "access", **program, "entries": server},
        {"scope": "machine_limit", "kind": "access", "entries": server},
    ]
    directions = [(item["title"], item["direction"]) for item in sections["firewall"]["applications"]]
    assert directions == [("historian", "in"), ("historian", "out")]


def test_a_client_that_polls_is_reached_by_nobody() -> None:
    sections = state(changed("links/0/read_mode", "poll"), "hist01")["sections"]
    assert sections["grants"] == {"permissions": []}
    assert sections["applications"] == [
        {"program": "C:\\hist\\hist.exe", "authentication_level": "default", "ignore_missing": True}
    ]
    assert [item["direction"] for item in sections["firewall"]["applications"]] == ["out"]


def test_a_client_that_polls_has_the_level_of_its_program() -> None:
    """Also where it is a server elsewhere, whose class this host need not have."""
    model = changed("links/0/read_mode", "poll")
    model["applications"]["historian"]["prog_id"] = "Historian.Server.1"
    (level,) = state(model, "hist01")["sections"]["applications"]
    assert level == {"program": "C:\\hist\\hist.exe", "authentication_level": "default", "ignore_missing": True}
    del model["applications"]["historian"]["program"]
    model["applications"]["historian"]["service"] = "Hist"
    (level,) = state(model, "hist01")["sections"]["applications"]
    assert level == {"prog_id": "Historian.Server.1", "authentication_level": "default", "ignore_missing": True}


def test_a_host_without_links_gives_everything_back() -> None:
    assert state(changed("links", []), "gw01") == {
        "accounts": [],
        "accounts_with_password": [],
        "exceptions": [],
        "sections": {
            "grants": {"permissions": []},
            "firewall": {"purge": True, "endpoint_mapper": False, "direction": "in"},
        },
    }


def test_anonymous_comes_with_its_reason() -> None:
    model = changed("links/0/client/account", "LocalSystem")
    model["links"][0].update(allow_anonymous=True, reason="until the client is updated in 2027")
    found = state(model, "gw01")
    assert found["sections"]["grants"]["allow_anonymous"] is True
    assert "until the client is updated in 2027" in found["sections"]["grants"]["reason"]
    assert found["exceptions"] == [found["sections"]["grants"]["reason"]]
    assert "allow_anonymous" not in state(model, "hist01")["sections"]["grants"]


def test_an_application_may_be_exclusive() -> None:
    items = state(changed("applications/apis_hive/exclusive", True), "gw01")["sections"]["grants"]["permissions"]
    assert [item.get("exclusive", False) for item in items if "prog_id" in item] == [True, True]


def test_options_reach_the_sections() -> None:
    found = state(
        WORKGROUP, "gw01", application_level="packet_privacy", opc_enum_level="packet_privacy", profiles=("domain",)
    )["sections"]  # fmt: skip
    assert found["applications"][0]["authentication_level"] == "packet_privacy"
    assert found["opc_enum"]["authentication_level"] == "packet_privacy"
    assert found["firewall"]["profiles"] == ["domain"]


def test_passwords_are_with_the_accounts_only() -> None:
    model = copy.deepcopy(WORKGROUP)
    model["accounts"]["OPCServerUser"] = None
    assert source(model).local_accounts("gw01") == [
        {"name": "OPCClientUser", "password": "client-secret"},
        {"name": "OPCServerUser"},
    ]
    assert "secret" not in json.dumps(state(model, "gw01"))


def test_only_accounts_with_a_password_are_named_as_such() -> None:
    model = copy.deepcopy(WORKGROUP)
    del model["accounts"]["OPCServerUser"]["password"]
    found = state(model, "gw01")
    assert found["accounts"] == ["OPCClientUser", "OPCServerUser"]
    assert found["accounts_with_password"] == ["OPCClientUser"]
    assert model["accounts"]["OPCClientUser"]["password"] not in json.dumps(found)
