# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site without links: two groups and plain variables stand for every client to every server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_groups import VARIABLES as ALL_VARIABLES
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_groups import Groups
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_model import ReadMode, Site, SiteModelError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_state import SiteSource

SERVERS = ("gw01", "gw02")
CLIENTS = ("hist01", "eng01", "gw02")
ADDRESSES = {"gw01": "10.0.0.11", "gw02": "10.0.0.12", "hist01": "10.0.0.21", "eng01": "10.0.0.22"}
# As an inventory in INI form gives them.
VARIABLES = {
    "opc_server_service": "ApisHive",
    "opc_server_prog_id": "Prediktor.ApisOPCServer.1",
    "opc_server_account": "OPCServerUser",
    "opc_server_account_password": "server-secret",
    "opc_client_program": "C:\\hist\\hist.exe",
    "opc_client_account": "OPCClientUser",
    "opc_client_account_password": "client-secret",
    "opc_read_mode": "poll",
    "opc_browse": "yes",
    "opc_reason": "",
}


def source(model: object = None, **changes: Any) -> SiteSource:
    variables = {name: value for name, value in {**VARIABLES, **changes}.items() if value is not None}
    return SiteSource(model, Groups(SERVERS, CLIENTS, variables), (*SERVERS, *CLIENTS), ADDRESSES)


def problems(model: object = None, **changes: Any) -> tuple[str, ...]:
    with pytest.raises(SiteModelError) as caught:
        source(model, **changes).read()
    return caught.value.problems


def pairs(site: Site) -> set[tuple[str, str]]:
    return {(link.client.host, link.server.host) for link in site.links}


def test_every_client_uses_every_server_but_its_own() -> None:
    site = source().read()
    assert pairs(site) == {
        (client, server) for client in CLIENTS for server in SERVERS if client != server
    }  # fmt: skip
    (link, *_rest) = site.links
    assert (link.server.application, link.server.account) == ("ApisHive", "OPCServerUser")
    assert (link.client.application, link.client.account) == ("hist", "OPCClientUser")
    assert (link.read_mode, link.browse, link.allow_anonymous) == (ReadMode.POLL, True, False)
    assert site.accounts["OPCServerUser"].password == "server-secret"


def test_one_application_may_be_both() -> None:
    site = source(opc_client_program="C:\\apis\\bin64\\apishivex64.exe", opc_client_service="ApisHive").read()
    (application,) = site.applications.values()
    assert (application.prog_id, application.program) == (
        VARIABLES["opc_server_prog_id"],
        "C:\\apis\\bin64\\apishivex64.exe",
    )


def test_the_model_may_describe_what_the_variables_name() -> None:
    model = {
        "domain": "PLANT",
        "applications": {"hive": {"service": "ApisHive", "exclusive": True}},
        "hosts": {"gw02": {"domain": None, "address": "10.0.0.99"}},
    }
    account = {"opc_client_account": "LocalSystem", "opc_client_account_password": None}
    site = source(model, opc_server_application="hive", **account).read()
    assert site.applications["hive"].exclusive
    assert site.hosts["gw01"].domain == "PLANT"
    assert site.hosts["gw02"].addresses == ("10.0.0.99",)


def test_hosts_that_a_slice_lacks_are_in_the_groups_the_model_says() -> None:
    hosts = {
        name: {
            "address": address,
            "groups": [*(["opc_servers"] * (name in SERVERS)), *(["opc_clients"] * (name in CLIENTS))],
        }
        for name, address in ADDRESSES.items()
    }
    whole = source({"hosts": hosts})
    for name in ADDRESSES:
        own = Groups([name] * (name in SERVERS), [name] * (name in CLIENTS), VARIABLES)
        assert SiteSource({"hosts": hosts}, own, [name], {}).needs(name) == whole.needs(name)


def test_a_group_without_hosts_is_an_error_and_not_a_site_without_links() -> None:
    groups = Groups(SERVERS, (), VARIABLES)
    with pytest.raises(SiteModelError, match="opc_clients: no host is known in this group"):
        SiteSource(None, groups, SERVERS, ADDRESSES).read()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"opc_client_account": ""}, "opc_client_account: is missing; a site without links needs it"),
        (
            {"opc_server_service": None, "opc_server_prog_id": None},
            "one of opc_server_application, opc_server_prog_id, opc_server_clsid, opc_server_app_id, ",
        ),
        ({"opc_browse": "perhaps"}, "opc_browse: 'perhaps' is neither true nor false"),
        ({"opc_read_mode": "push"}, "opc_read_mode: 'push' is neither poll nor subscribe"),
        ({"opc_server_application": "hive"}, "opc_server_application: 'hive' is not in applications"),
        ({"opc_allow_anonymous": "true"}, "opc_allow_anonymous: is an exception; say why in reason"),
        ({"opc_client_program": "hist.exe"}, "applications.hist.program: 'hist.exe' is not a full path"),
    ],
)
def test_mistakes_are_named_by_the_variable(changes: dict[str, Any], problem: str) -> None:
    assert any(line.startswith(problem) for line in problems(**changes)), problems(**changes)


@pytest.mark.parametrize("name", sorted(set(ALL_VARIABLES) - {"opc_browse", "opc_allow_anonymous"}))
@pytest.mark.parametrize("value", [12345678, 0, True, False, ["s3cret"], {"s3cret": 1}])
def test_what_is_no_text_is_named_and_not_shown(name: str, value: object) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name}: is not a text; ")
    assert str(value) not in problem


def test_what_a_host_cannot_know_is_named_by_the_groups() -> None:
    with pytest.raises(SiteModelError) as caught:
        source(opc_client_account="LocalSystem", opc_client_account_password=None).needs("gw01")
    assert caught.value.problems[0].startswith("opc_clients to opc_servers: LocalSystem of 'eng01' arrives at 'gw01'")


def test_nothing_described_is_no_site() -> None:
    assert not SiteSource(
        None, Groups(SERVERS, CLIENTS, {"opc_domain": "PLANT", "opc_browse": ""}), [], {}
    ).is_described
    assert source().is_described
    assert SiteSource({}, Groups(), [], {}).is_described


@pytest.mark.parametrize("host", ADDRESSES)
def test_one_host_can_be_asked_alone(host: str) -> None:
    whole = source()
    alone = SiteSource(None, whole.groups, whole.inventory, whole.addresses, only_host=host)
    assert alone.needs(host) == whole.needs(host)
    assert pairs(alone.read()) == {pair for pair in pairs(whole.read()) if host in pair}
