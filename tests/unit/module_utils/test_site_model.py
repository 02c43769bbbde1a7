# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_model import ReadMode, SiteModelError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_needs import (
    ACCESS,
    ANONYMOUS_LOGON,
    APPLICATION,
    LAUNCH,
    MACHINE_LIMIT,
    Grant,
    HostNeeds,
    Opening,
    check_identities,
    derive,
    local_accounts,
    unaddressed_peers,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site

# The seed's example: the OPC server runs as OPCServerUser, the client subscribes; here under a named account too.
WORKGROUP: dict[str, Any] = {
    "applications": {
        "apis_hive": {
            "prog_id": "Prediktor.ApisOPCServer.1",
            "program": "C:\\apis\\bin64\\apishivex64.exe",
            "service": "ApisHive",
        },
        "historian": {"program": "C:\\hist\\hist.exe"},
    },
    "accounts": {"OPCServerUser": {"password": "server-secret"}, "OPCClientUser": {"password": "client-secret"}},
    "hosts": {"gw01": {"address": "10.0.0.11"}, "hist01": {"address": "10.0.0.21"}},
    "links": [
        {
            "server": {"host": "gw01", "application": "apis_hive", "account": "OPCServerUser"},
            "client": {"host": "hist01", "application": "historian", "account": "OPCClientUser"},
            "read_mode": "subscribe",
            "browse": True,
        }
    ],
}
INVENTORY = ["gw01", "hist01"]


def changed(path: str, value: object) -> dict[str, Any]:
    """The example with one place changed; "!" deletes it."""
    model = copy.deepcopy(WORKGROUP)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    place: Any = model
    for part in parents:
        place = place[part]
    if value == "!":
        del place[last]
    else:
        place[last] = value
    return model


def problems(model: object, inventory: list[str] | None = None) -> tuple[str, ...]:
    with pytest.raises(SiteModelError) as caught:
        check_identities(parse_site(model, INVENTORY if inventory is None else inventory))
    return caught.value.problems


def needs(model: object, host: str, inventory: list[str] | None = None) -> HostNeeds:
    return derive(parse_site(model, INVENTORY if inventory is None else inventory), host)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("links/0/client/host", "hist9", "links[0].client.host: 'hist9' is neither in the inventory nor in hosts"),
        ("links/0/server/application", "nope", "links[0].server.application: 'nope' is not in applications"),
        ("links/0/client/account", "Nobody", "links[0].client.account: 'Nobody' is not in accounts"),
        ("links/0/read_mode", "push", "links[0].read_mode: 'push' is neither poll nor subscribe"),
        ("links/0/browse", "yes", "links[0].browse: 'yes' is neither true nor false"),
        ("links/0/server", "!", "links[0].server: is missing"),
        ("links/0/server/account", "!", "links[0].server.account: is missing"),
        ("links/0/sever", {}, "links[0].sever: is not known here"),
        ("links", {}, "links: must be a list"),
        ("hosts/gw01/address", "gw01.plant", "hosts.gw01.address: 'gw01.plant' is not an IP address"),
        ("applications/historian", {}, "applications.historian: needs at least one of app_id"),
        ("applications/historian/program", "hist.exe", "applications.historian.program: 'hist.exe' is not a full path"),
        ("applications/historian/clsid", "123", "applications.historian.clsid: '123' is not a GUID in braces"),
        ("accounts/OPCServerUser/password", "", "accounts.OPCServerUser.password: must be a text"),
        ("accounts/OPCServerUser/pasword", "x", "accounts.OPCServerUser.pasword: is not known here"),
        ("domain", 5, "domain: 5 is not a text"),
        ("sites", {}, "sites: is not known here"),
        ("hosts/gw01/addresses", ["10.0.0.12"], "hosts.gw01.addresses: give either address or addresses"),
        ("hosts/hist01/address", "10.0.0.11", "hosts.hist01: has an address of gw01"),
        ("hosts/hist01/computer_name", "HIST01.PLANT", "hosts.hist01.computer_name: 'HIST01.PLANT' is not a NetBIOS"),
        ("hosts/hist01/groups", [5], "hosts.hist01.groups[0]: 5 is not a text"),
        ("accounts/opcserveruser", {}, "accounts.opcserveruser: is the same account as OPCServerUser"),
        ("accounts/LocalSystem", {"password": "x"}, "accounts.LocalSystem: every Windows has this account"),
        ("accounts/a|b", {"password": "x"}, "accounts.a|b: the name of a local account must not hold"),
        ("accounts/OPC-Server-User-North", {}, "accounts.OPC-Server-User-North: the name of a local account must"),
        ("accounts/PLANT\\opc", {"password": "x"}, "accounts.PLANT\\opc.password: a domain account is used as it is"),
        ("applications/a|b", {"service": "x"}, "applications.a|b: the name of an application must not hold |"),
        ("applications/apis_hive/exclusive", "yes", "applications.apis_hive.exclusive: 'yes' is neither true nor"),
        ("links/0/client/host", [], "links[0].client.host: must not be an empty list"),
        ("links/0/client/host", ["hist01", "hist9"], "links[0].client.host: 'hist9' is neither in the inventory"),
        ("links/0/client/host", ["hist01", "hist01"], "links[0]: names a host twice"),
        ("links/0/server/application", "historian", "links[0].server.application: 'historian' is known by its program"),
        ("links/0/client/account", "HIST01\\opc", "links[0].client.account: HIST01 is a host, so 'HIST01\\\\opc' is a"),
    ],
)
def test_every_mistake_is_named_by_its_path(path: str, value: object, problem: str) -> None:
    assert any(line.startswith(problem) for line in problems(changed(path, value)))


@pytest.mark.parametrize("model", [None, [], "text", 5])
def test_what_is_no_mapping_is_refused(model: object) -> None:
    assert problems(model)[0].startswith("opc_site: ")


def test_all_mistakes_are_named_at_once() -> None:
    model = changed("links/0/client/host", "hist9")
    model["links"][0]["browse"] = "yes"
    model["applications"]["historian"] = {}
    assert len(problems(model)) == 3


def test_a_link_is_said_once() -> None:
    model = copy.deepcopy(WORKGROUP)
    model["links"].append(model["links"][0])
    assert problems(model) == ("links[1]: says the same as links[0]",)


def test_no_message_holds_a_password() -> None:
    model = changed("accounts/OPCServerUser", {"password": "server-secret", "domain": "x"})
    assert not any("server-secret" in line for line in problems(model))
    assert "server-secret" not in repr(parse_site(WORKGROUP, INVENTORY))


def test_a_peer_that_a_job_slice_lacks_comes_from_the_model() -> None:
    whole, slice_of_one = needs(WORKGROUP, "gw01"), needs(WORKGROUP, "gw01", ["gw01"])
    assert whole == slice_of_one


def test_a_peer_without_an_address_is_an_error_of_the_host_that_needs_it() -> None:
    model = changed("hosts", {})
    assert problems(model)[0] == (
        "links[0]: no address of 'hist01' is known here; give hosts.hist01.address in opc_site"
    )


def test_an_address_may_come_from_the_inventory_line() -> None:
    addresses = {"gw01": "10.0.0.11", "hist01": "10.0.0.21"}
    site = parse_site(changed("hosts", {}), INVENTORY, addresses)
    assert derive(site, "gw01") == needs(WORKGROUP, "gw01")


def test_the_server_end_of_a_workgroup_link() -> None:
    found = needs(WORKGROUP, "gw01")
    client = ".\\OPCClientUser"
    assert found.grants == (
        Grant(APPLICATION, "apis_hive", ACCESS, client, ("remote_access",)),
        Grant(APPLICATION, "apis_hive", LAUNCH, client, ("remote_activation",)),
        Grant(APPLICATION, "opc_enum", ACCESS, client, ("remote_access",)),
        Grant(APPLICATION, "opc_enum", LAUNCH, client, ("remote_activation", "remote_launch")),
        Grant(MACHINE_LIMIT, "", ACCESS, client, ("remote_access",)),
        Grant(MACHINE_LIMIT, "", LAUNCH, client, ("remote_activation", "remote_launch")),
    )
    assert found.openings == tuple(
        Opening(target, ("10.0.0.21",)) for target in ("apis_hive", "endpoint_mapper", "opc_enum")
    )
    site = parse_site(WORKGROUP, INVENTORY)
    assert [account.name for account in local_accounts(site, "gw01")] == ["OPCClientUser", "OPCServerUser"]
    assert found.needs_opc_enum
    assert found.exceptions == ()


def test_the_client_end_of_a_subscription_admits_the_server() -> None:
    found = needs(WORKGROUP, "hist01")
    server = ".\\OPCServerUser"
    assert found.grants == (
        Grant(APPLICATION, "historian", ACCESS, server, ("remote_access",)),
        Grant(MACHINE_LIMIT, "", ACCESS, server, ("remote_access",)),
    )
    assert found.openings == tuple(Opening(target, ("10.0.0.11",)) for target in ("endpoint_mapper", "historian"))
    assert found.calls == tuple(Opening(target, ("10.0.0.11",)) for target in ("endpoint_mapper", "historian"))


def test_a_client_that_polls_admits_nobody() -> None:
    found = needs(changed("links/0/read_mode", ReadMode.POLL.value), "hist01")
    assert (found.grants, found.openings) == ((), ())
    assert found.calls == tuple(Opening(target, ("10.0.0.11",)) for target in ("endpoint_mapper", "historian"))
    site = parse_site(changed("links/0/read_mode", "poll"), INVENTORY)
    assert [account.name for account in local_accounts(site, "hist01")] == ["OPCClientUser"]


def test_a_server_that_is_polled_calls_nobody() -> None:
    assert needs(changed("links/0/read_mode", "poll"), "gw01").calls == ()
    assert needs(WORKGROUP, "gw01").calls == tuple(
        Opening(target, ("10.0.0.21",)) for target in ("apis_hive", "endpoint_mapper")
    )


def test_a_server_that_is_no_service_must_be_launched() -> None:
    model = changed("applications/apis_hive/service", "!")
    assert (
        Grant(APPLICATION, "apis_hive", LAUNCH, ".\\OPCClientUser", ("remote_activation", "remote_launch"))
        in needs(model, "gw01").grants
    )


def test_local_system_is_the_computer_account_in_a_domain() -> None:
    model = changed("links/0/client/account", "LocalSystem")
    model["domain"] = "PLANT"
    principals = {grant.principal for grant in needs(model, "gw01").grants}
    assert principals == {"PLANT\\HIST01$"}


@pytest.mark.parametrize("account", ["LocalSystem", "NT SERVICE\\ApisHive", "NT AUTHORITY\\NetworkService"])
def test_a_machine_identity_in_a_workgroup_is_anonymous_and_refused(account: str) -> None:
    (problem,) = problems(changed("links/0/client/account", account))
    assert problem.startswith(f"links[0]: {account} of 'hist01' arrives at 'gw01' as ANONYMOUS LOGON")


def test_local_service_is_anonymous_in_a_domain_too() -> None:
    model = changed("links/0/client/account", "LocalService")
    model["domain"] = "PLANT"
    assert "ANONYMOUS LOGON" in problems(model)[0]


def test_hosts_of_two_domains_do_not_share_computer_accounts() -> None:
    model = changed("links/0/client/account", "LocalSystem")
    model["hosts"]["gw01"]["domain"] = "PLANT"
    model["hosts"]["hist01"]["domain"] = "OFFICE"
    assert "ANONYMOUS LOGON" in problems(model)[0]


def test_anonymous_needs_a_reason_and_is_reported() -> None:
    model = changed("links/0/client/account", "LocalSystem")
    model["links"][0]["allow_anonymous"] = True
    assert problems(model) == ("links[0].allow_anonymous: is an exception; say why in reason",)
    model["links"][0]["reason"] = "vendor cannot run the client under an account before 2027"
    found = needs(model, "gw01")
    assert {grant.principal for grant in found.grants} == {ANONYMOUS_LOGON}
    (exception,) = found.exceptions
    assert exception.endswith("vendor cannot run the client under an account before 2027")


def test_a_domain_account_is_unknown_in_a_workgroup() -> None:
    model = changed("links/0/client/account", "PLANT\\opc")
    assert problems(model) == (
        "links[0]: 'gw01' is in a workgroup and does not know the domain account 'PLANT\\\\opc'",
        "links[0]: 'hist01' is in a workgroup, so no program there runs as 'PLANT\\\\opc'",
    )
    model["hosts"]["hist01"]["domain"] = "PLANT"
    assert len(problems(model)) == 1


def test_both_ends_on_one_host_need_local_rights_and_no_firewall() -> None:
    model = changed("links/0/client/host", "gw01")
    found = needs(model, "gw01")
    assert found.openings == ()
    assert {right for grant in found.grants for right in grant.rights} == {
        "local_access",
        "local_activation",
        "local_launch",
    }


def test_a_host_without_links_needs_nothing() -> None:
    assert needs(WORKGROUP, "eng01", [*INVENTORY, "eng01"]) == HostNeeds("eng01")


def test_removing_a_link_removes_exactly_its_grants() -> None:
    model = copy.deepcopy(WORKGROUP)
    second = copy.deepcopy(model["links"][0])
    second["client"]["account"] = "OPCServerUser"
    second["browse"] = False
    model["links"].append(second)
    both, one = set(needs(model, "gw01").grants), set(needs(WORKGROUP, "gw01").grants)
    assert one < both
    assert {grant.principal for grant in both - one} == {".\\OPCServerUser"}


def test_a_local_account_may_be_spelled_as_windows_does() -> None:
    for spelling in (".\\OPCClientUser", "opcclientuser"):
        assert needs(changed("links/0/client/account", spelling), "gw01") == needs(WORKGROUP, "gw01")


def test_one_item_may_name_many_hosts() -> None:
    model = changed("links/0/client/host", ["hist01", "eng01"])
    model["hosts"]["eng01"] = {"address": "10.0.0.22"}
    model["links"][0]["name"] = "trends"
    site = parse_site(model, INVENTORY)
    assert [link.name for link in site.links] == ["trends: hist01 -> gw01", "trends: eng01 -> gw01"]
    assert Opening("apis_hive", ("10.0.0.21", "10.0.0.22")) in derive(site, "gw01").openings


@pytest.mark.parametrize(
    ("reached_as", "said"),
    [
        ("127.0.0.1", "its ansible_host is '127.0.0.1', which is no address of it"),
        ("hist01.plant.example", "its ansible_host is 'hist01.plant.example', which is no address of it"),
        ("", "no address of 'hist01' is known here; give"),
    ],
)
def test_what_ansible_connects_to_need_not_be_an_address_of_the_host(reached_as: str, said: str) -> None:
    """A tunnel on the controller, a DNS name (Kerberos needs one), nothing: never taken for the peer's address."""
    site = parse_site(changed("hosts/hist01", {}), INVENTORY, {"hist01": reached_as})
    assert unaddressed_peers(site, "gw01") == ("hist01",)
    with pytest.raises(SiteModelError, match=re.escape(said)):
        derive(site, "gw01")


def test_only_a_peer_of_the_host_needs_an_address() -> None:
    model = changed("hosts/hist01", {})
    model["hosts"]["eng01"] = {"address": "10.0.0.22"}
    link = copy.deepcopy(model["links"][0])
    link["client"]["host"] = "eng01"
    model["links"].append(link)
    assert derive(parse_site(model, []), "eng01").openings


def test_a_host_may_have_several_addresses() -> None:
    model = changed("hosts/hist01", {"addresses": ["10.0.0.21", "2001:DB8::21"]})
    assert Opening("apis_hive", ("10.0.0.21", "2001:db8::21")) in needs(model, "gw01").openings


def test_all_links_of_a_host_that_cannot_work_are_named() -> None:
    model = changed("links/0/client/account", "LocalSystem")
    second = copy.deepcopy(model["links"][0])
    second["client"]["account"] = "LocalService"
    model["links"].append(second)
    with pytest.raises(SiteModelError) as caught:
        needs(model, "gw01")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["links[0]", "links[1]"]


def test_domains_are_told_apart_without_case() -> None:
    model = changed("links/0/client/account", "LocalSystem")
    model["hosts"]["gw01"]["domain"], model["hosts"]["hist01"]["domain"] = "Plant", "PLANT"
    assert {grant.principal for grant in needs(model, "gw01").grants} == {"PLANT\\HIST01$"}
