# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The skeleton of a site model: whatever hosts say, what is pasted passes the model's own parser."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_model import Site
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_skeleton import site_skeleton

APP_ID = "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0100}"


def a_server(**fields: Any) -> dict[str, Any]:
    return {
        "clsid": "{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A0101}",
        "prog_id": "Example.DaServer.1",
        "kind": "service",
        "program": r"C:\Example\DaServer.exe",
        "app_id": APP_ID,
        "service": "Example",
        "run_as": "LocalSystem",
        "run_as_kind": "service_account",
        "version": "1.0.0.0",
        **fields,
    }


def a_client(**fields: Any) -> dict[str, Any]:
    program = {"program": r"C:\Example\historian.exe", "role": None, "run_as": None, "run_as_kind": None}
    return {**program, **fields}


def a_host(*servers: dict[str, Any], programs: tuple[dict[str, Any], ...] = (), **computer: Any) -> dict[str, Any]:
    own = {"name": "GW01", "domain": None, "is_domain_member": False, **computer}
    return {"opc": {"computer": own, "notes": [], "servers": list(servers), "programs": list(programs)}}


def pasted(text: str, *, uncomment: bool = False) -> tuple[dict[str, Any], Site]:
    """The model of a skeleton and what the parser makes of it, with all suggested links where asked for."""
    if uncomment:
        text = re.sub(r"(?m)^  #  ( *(?:- server|client|read_mode):)", r"  \1", text.replace("  links: []", "  links:"))
    model = yaml.safe_load(text)["opc_site"]
    return model, parse_site(model, list(model["hosts"]))


def test_what_was_found_is_written() -> None:
    machines = {"gw01": a_host(a_server()), "hist01": a_host(programs=(a_client(),), name="HIST01")}
    text = site_skeleton(machines, {"gw01": "10.0.0.11", "hist01": "127.0.0.1"})
    model, _site = pasted(text)
    assert model == {
        "applications": {
            "example": {
                "prog_id": "Example.DaServer.1",
                "program": r"C:\Example\DaServer.exe",
                "service": "Example",
            },
            "historian": {"program": r"C:\Example\historian.exe"},
        },
        "accounts": {},
        "hosts": {"gw01": {"address": "10.0.0.11"}, "hist01": {}},
        "links": [],
    }
    assert "# Example.DaServer.1 on gw01: runs as LocalSystem, version 1.0.0.0" in text


def test_the_suggested_links_pass_the_parser_too() -> None:
    client = a_client(run_as=r"HIST01\reader", run_as_kind="service_account", service="Historian")
    machines = {"gw01": a_host(a_server()), "hist01": a_host(programs=(client,), name="HIST01")}
    model, site = pasted(site_skeleton(machines), uncomment=True)
    (link,) = site.links
    assert (link.server.host, link.server.application, link.server.account) == ("gw01", "example", "LocalSystem")
    assert (link.client.host, link.client.application, link.client.account) == ("hist01", "historian", "reader")
    assert model["accounts"] == {"reader": {}}


def test_without_a_known_client_the_link_asks_for_one() -> None:
    text = site_skeleton({"gw01": a_host(a_server())})
    assert '#    client: {host: "CLIENT_HOST", application: "CLIENT_PROGRAM", account: "CLIENT_ACCOUNT"}' in text


def test_an_account_that_depends_on_who_is_logged_on_is_asked_for() -> None:
    text = site_skeleton({"gw01": a_host(a_server(run_as="Interactive User", run_as_kind="interactive_user"))})
    assert 'account: "ACCOUNT_IT_RUNS_AS"' in text
    assert "runs as the interactive user" in text


def test_two_hosts_with_one_application_say_only_what_they_share() -> None:
    machines = {
        "gw01": a_host(a_server()),
        "gw02": a_host(a_server(program=r"D:\Other\DaServer.exe"), name="GW02"),
    }
    model, _site = pasted(site_skeleton(machines))
    assert model["applications"] == {"example": {"prog_id": "Example.DaServer.1", "service": "Example"}}


def test_domains_and_computer_names() -> None:
    machines = {
        "10.0.0.5": a_host(domain="plant.example", is_domain_member=True),
        "b.plant.example": a_host(name="B", domain="plant.example", is_domain_member=True),
        "c": a_host(name="C", domain="WORKGROUP"),
    }
    model, site = pasted(site_skeleton(machines))
    assert model["domain"] == "plant.example"
    assert model["hosts"] == {"10.0.0.5": {"computer_name": "GW01"}, "b.plant.example": {}, "c": {"domain": None}}
    assert [site.hosts[name].domain for name in model["hosts"]] == ["plant.example", "plant.example", None]


def test_one_computer_under_two_names_is_said() -> None:
    text = site_skeleton({"gw01": a_host(), "alias": a_host()})
    model, _site = pasted(text)
    assert list(model["hosts"]) == ["alias"]
    assert "host gw01: it is the same computer as alias" in text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"kind": "in_process", "service": None}, "in the process of its client"),
        ({"kind": "remote"}, "another computer"),
        ({"kind": "unknown"}, "is broken"),
        ({"app_id": None}, "has no AppID"),
        ({"service": "{{ lookup('pipe', 'id') }}"}, "for a template"),
    ],
)
def test_what_is_no_end_of_a_link_is_left_out_and_said(fields: dict[str, Any], reason: str) -> None:
    text = site_skeleton({"gw01": a_host(a_server(**fields))})
    model, _site = pasted(text)
    assert model["applications"] == {}
    assert reason in text
    assert "{{" not in "".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def test_a_host_that_told_nothing_is_named() -> None:
    text = site_skeleton({"gw01": {}})
    model, _site = pasted(text)
    assert model["hosts"] == {}
    assert "gw01: its OPC software was not looked for" in text


HOSTILE = st.text(max_size=40) | st.sampled_from(
    ['"', "\\", "a: b", "# x", "\n  links: [x]", "{{ x }}", "{% x %}", "\x1b[31m", "\u202e", "&a *a", "!!python/x", ""]
)


@given(
    names=st.dictionaries(HOSTILE.filter(str.strip), HOSTILE, min_size=1, max_size=3),
    texts=st.lists(HOSTILE, min_size=8, max_size=8),
    kinds=st.sampled_from(["service_account", "interactive_user", None]),
)
def test_whatever_hosts_say_the_text_is_a_model_and_nothing_else(
    names: dict[str, str], texts: list[str], kinds: str | None
) -> None:
    fields = dict(zip(("prog_id", "program", "app_id", "service", "run_as", "version"), texts, strict=False))
    server = a_server(**fields, run_as_kind=kinds)
    program = a_client(program=texts[6], run_as=texts[7], run_as_kind=kinds)
    machines = {
        name: a_host(server, programs=(program,), name=computer, domain=texts[7], is_domain_member=True)
        for name, computer in names.items()
    }
    text = site_skeleton(machines, dict.fromkeys(names, texts[0]))
    loaded = yaml.safe_load(text)
    assert list(loaded) == ["opc_site"]
    model = loaded["opc_site"]
    assert model["links"] == []
    parse_site(model, [])
    assert "{{" not in str(model)
    assert "{%" not in str(model)
