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
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_skeleton import _quoted, site_skeleton

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


# -- details


def comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip().startswith("#")]


def test_what_is_left_out_is_said_in_place() -> None:
    host = a_host(a_server())
    host["opc"]["notes"] = ["the 32-bit view was not read", 7]
    lines = site_skeleton({"gw01": host, "gw02": {}}).splitlines()
    assert lines[-3:] == [
        "  # Left out: gw01: the 32-bit view was not read",
        "  # Left out: gw01: 7",
        "  # Left out: gw02: its OPC software was not looked for",
    ]
    assert (
        "  # Links that could be; which of them are, is for you to say. Take away the # of those, and the []." in lines
    )
    assert "# A site model to begin with, from what 1 hosts said of themselves." in lines


@pytest.mark.parametrize(("length", "is_cut"), [(200, False), (201, True), (5000, True)])
def test_a_comment_has_at_most_200_characters(length: int, is_cut: bool) -> None:
    head = "Left out: gw01: "
    host = a_host()
    host["opc"]["notes"] = ["n" * (length - len(head))]
    last = site_skeleton({"gw01": host}).splitlines()[-1]
    kept = f"{head}{'n' * (197 - len(head))}..." if is_cut else f"{head}{'n' * (length - len(head))}"
    assert last == f"  # {kept}"


@pytest.mark.parametrize(
    ("domains", "common"),
    [(["plant", "plant"], "plant"), (["plant", "office"], ""), (["plant", None], "plant"), ([None, None], "")],
)
def test_a_domain_is_common_where_there_is_one_only(domains: list[str | None], common: str) -> None:
    machines = {
        f"gw{n}": a_host(name=f"GW{n}", domain=domain, is_domain_member=domain is not None)
        for n, domain in enumerate(domains)
    }
    model, site = pasted(site_skeleton(machines))
    assert model.get("domain", "") == common
    assert [host.domain for host in site.hosts.values()] == domains


@pytest.mark.parametrize(("clients", "links", "more"), [(8, 40, None), (9, 40, "5"), (20, 40, "60"), (7, 35, None)])
def test_forty_links_are_suggested_at_most(clients: int, links: int, more: str | None) -> None:
    machines = {f"gw{n}": a_host(a_server(), name=f"GW{n}") for n in range(5)}
    machines |= {
        f"hist{n:02}": a_host(programs=(a_client(run_as="NT AUTHORITY\\SYSTEM"),), name=f"HIST{n:02}")
        for n in range(clients)
    }
    text = site_skeleton(machines)
    assert text.count("  #  - server: ") == links
    assert [line for line in comments(text) if line.endswith(" more")] == ([f"  # and {more} more"] if more else [])
    _model, site = pasted(text, uncomment=True)
    assert len(site.links) == links


def test_a_server_is_not_linked_with_a_client_on_its_own_host() -> None:
    text = site_skeleton({"gw01": a_host(a_server(), programs=(a_client(run_as="NT AUTHORITY\\SYSTEM"),))})
    assert "CLIENT_HOST" in text and text.count("- server:") == 1
    both = {
        "gw01": a_host(a_server(), programs=(a_client(run_as="NT AUTHORITY\\SYSTEM"),)),
        "hist01": a_host(programs=(a_client(run_as="NT AUTHORITY\\SYSTEM"),), name="HIST01"),
    }
    _model, site = pasted(site_skeleton(both), uncomment=True)
    assert [(link.server.host, link.client.host) for link in site.links] == [("gw01", "hist01")]


def test_a_host_that_is_left_out_has_no_links() -> None:
    machines = {
        "gw01": a_host(a_server()),
        "gw01-again": a_host(a_server()),
        "hist01": a_host(programs=(a_client(run_as="NT AUTHORITY\\SYSTEM"),), name="HIST01"),
    }
    text = site_skeleton(machines)
    _model, site = pasted(text, uncomment=True)
    assert [link.server.host for link in site.links] == ["gw01"]
    assert "  # Left out: host gw01-again: it is the same computer as gw01" in comments(text)
    # One in a domain is another computer than one of the same name in a workgroup.
    machines["gw01-again"] = a_host(a_server(), domain="plant", is_domain_member=True)
    assert "same computer" not in site_skeleton(machines)


def test_applications_of_one_name_are_numbered() -> None:
    servers = [
        a_server(app_id=f"{{0B1A5C10-7E11-4C43-8B5E-3F2B5F7A010{n}}}", service=name, prog_id=f"E{n}.D.1")
        for n, name in enumerate(("Example", "Example", "Other", "Example"))
    ]
    model, _site = pasted(site_skeleton({"gw01": a_host(*servers)}))
    assert list(model["applications"]) == ["example", "example_2", "other", "example_3"]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "example"),
        ({"service": None}, "example_daserver"),
        ({"service": None, "prog_id": "Example.Da.2.10"}, "example_da"),
        ({"service": None, "prog_id": None}, "daserver"),
        ({"service": "-" * 5}, "application"),
        ({"service": "S" * 61}, "s" * 60),
        ({"service": "A & B"}, "a_b"),
    ],
)
def test_an_application_is_named_by_its_service_its_prog_id_or_its_program(fields: dict[str, Any], name: str) -> None:
    model, _site = pasted(site_skeleton({"gw01": a_host(a_server(**fields))}))
    assert list(model["applications"]) == [name]


@pytest.mark.parametrize(
    ("run_as", "account", "is_described"),
    [
        (".\\opc", "opc", True),
        ("GW01\\opc", "opc", True),
        ("gw01\\opc", "opc", True),
        ("opc", "opc", True),
        ("PLANT\\opc", "PLANT\\opc", False),
        ("opc@plant.example", "opc@plant.example", False),
        ("LocalSystem", "LocalSystem", False),
        ("a|b", "ACCOUNT_IT_RUNS_AS", False),
        ("{{ x }}", "ACCOUNT_IT_RUNS_AS", False),
        (None, "ACCOUNT_IT_RUNS_AS", False),
    ],
)
def test_the_account_of_a_program(run_as: str | None, account: str, is_described: bool) -> None:
    text = site_skeleton({"gw01": a_host(a_server(run_as=run_as))})
    model, _site = pasted(text)
    assert list(model["accounts"]) == ([account] if is_described else [])
    (server,) = [line for line in text.splitlines() if "- server:" in line]
    assert yaml.safe_load(server.partition("server: ")[2])["account"] == account
    assert ("LocalSystem and its like are nobody" in text) is (account == "LocalSystem")


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("10.0.0.11", "10.0.0.11"),
        (" fe80::1 ", "fe80::1"),
        ("127.0.0.1", None),
        ("::1", None),
        ("0.0.0.0", None),
        ("224.0.0.1", None),
        ("gw01.plant", None),
        ("", None),
    ],
)
def test_only_an_address_that_peers_can_have_is_written(address: str, written: str | None) -> None:
    text = site_skeleton({"gw01": a_host()}, {"gw01": address})
    model, _site = pasted(text)
    assert ((model["hosts"]["gw01"] or {}).get("address")) == written
    hint = "      # address: the one its peers see, if it is not the one of the inventory"
    assert (hint in text.splitlines()) is (written is None)


def test_an_address_of_two_hosts_is_written_once() -> None:
    machines = {"gw01": a_host(), "gw02": a_host(name="GW02")}
    model, _site = pasted(site_skeleton(machines, {"gw01": "10.0.0.1", "gw02": "10.0.0.1"}))
    assert [(fields or {}).get("address") for fields in model["hosts"].values()] == ["10.0.0.1", None]


@pytest.mark.parametrize(
    ("host", "name", "is_written"),
    [
        ("gw01", "GW01", False),
        ("gw01.plant", "GW01", False),
        ("gw01", "OTHER", True),
        ("a234567890123456", "A23456789012345", False),
    ],
)
def test_a_computer_name_is_written_where_the_inventory_does_not_say_it(host: str, name: str, is_written: bool) -> None:
    model, site = pasted(site_skeleton({host: a_host(name=name)}))
    assert ("computer_name" in (model["hosts"][host] or {})) is is_written
    assert site.hosts[host].computer_name == name


def test_a_program_that_serves_is_no_client_unless_it_is_known_to_be_one() -> None:
    server_only = a_client(role="server", run_as="LocalSystem", program=r"C:\Example\other.exe")
    text = site_skeleton({"gw01": a_host(a_server()), "hist01": a_host(programs=(server_only,), name="HIST01")})
    assert "CLIENT_HOST" in text
    # Prediktor's ApisHive is both: the seed's server is a client of other servers.
    hive = a_server(program=r"C:\apis\bin64\apishivex64.exe", prog_id="Prediktor.ApisOPCServer.1", service="ApisHive")
    both = site_skeleton({"gw01": a_host(hive), "gw02": a_host(hive, name="GW02")})
    _model, site = pasted(both, uncomment=True)
    assert {(link.server.host, link.client.host) for link in site.links} == {("gw01", "gw02"), ("gw02", "gw01")}


def test_what_hosts_do_not_share_is_no_property_of_an_application() -> None:
    machines = {
        "gw01": a_host(a_server()),
        "gw02": a_host(a_server(program=r"D:\Other\DaServer.exe", service="EXAMPLE", version=None), name="GW02"),
    }
    text = site_skeleton(machines)
    model, _site = pasted(text)
    assert model["applications"] == {"example": {"prog_id": "Example.DaServer.1", "service": "Example"}}
    assert "      # Example.DaServer.1 on gw01: runs as LocalSystem, version 1.0.0.0" in text.splitlines()
    assert "      # Example.DaServer.1 on gw02: runs as LocalSystem" in text.splitlines()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("\u00ff", '"\\xff"'),
        ("\u0100", '"\\u0100"'),
        ("\uffff", '"\\uffff"'),
        ("\U00010000", '"\\U00010000"'),
        ('a"\\~', '"a\\"\\\\~"'),
    ],
)
def test_characters_are_written_in_their_shortest_escape(text: str, written: str) -> None:
    assert _quoted(text) == written
