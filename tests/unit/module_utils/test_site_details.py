# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Details of a site model: names of links and computers, passwords, and what is refused beside something good."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_model import Site, SiteModelError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site

HOSTS = ["gw01", "gw02", "hist01", "hist02"]
GUID = "{8E423571-A67B-11D2-9418-00608CF4C421}"


def model(server: Any = "gw01", client: Any = "hist01", **more: Any) -> dict[str, Any]:
    return {
        "applications": {"apis": {"prog_id": "A.B.1"}, "hist": {"program": "C:\\hist.exe"}},
        "accounts": {"opc": {"password": "s3cret"}, "plain": {}},
        "links": [
            {
                "server": {"host": server, "application": "apis", "account": "opc"},
                "client": {"host": client, "application": "hist", "account": "plain"},
                **more,
            }
        ],
    }


def read(**more: Any) -> Site:
    return parse_site(model(**more), HOSTS)


def refused(site: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(SiteModelError) as caught:
        parse_site(site, HOSTS)
    return caught.value.problems


@pytest.mark.parametrize(
    ("server", "client", "count"),
    [("gw01", "hist01", 1), (["gw01"], ["hist01"], 1), (["gw01", "gw02"], "hist01", 2),
     ("gw01", ["hist01", "hist02"], 2), (["gw01", "gw02"], ["hist01", "hist02"], 4)],
)  # fmt: skip
def test_a_name_is_kept_where_it_names_one_link_only(server: Any, client: Any, count: int) -> None:
    links = read(server=server, client=client, name="history").links
    names = [link.name for link in links]
    assert len(set(names)) == len(names) == count
    assert (names == ["history"]) is (count == 1)
    assert all(name.startswith("history") for name in names)


def test_only_an_account_with_a_password_has_one() -> None:
    accounts = read().accounts
    assert (accounts["opc"].password, accounts["plain"].password) == ("s3cret", None)
    assert "s3cret" not in repr(accounts["opc"])


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("gw01", "GW01"),
        ("gw01.plant.example", "GW01"),
        ("a23456789012345", "A23456789012345"),
        ("a234567890123456.x", "A23456789012345"),
    ],
)
def test_a_computer_is_named_by_the_first_part_of_its_name(host: str, name: str) -> None:
    site = parse_site(model(server=host), [host, "hist01"])
    assert site.hosts[host].computer_name == name
    # Sixteen characters are no NetBIOS name.
    told = model(server=host) | {"hosts": {host: {"computer_name": "A" * 15}}}
    assert parse_site(told, [host, "hist01"]).hosts[host].computer_name == "A" * 15
    told["hosts"][host]["computer_name"] = "A" * 16
    assert refused(told)[0].endswith("is not a NetBIOS name of 1 to 15 characters")


@pytest.mark.parametrize("key", ["app_id", "clsid"])
@pytest.mark.parametrize(
    ("text", "is_good"), [(GUID, True), (GUID.lower(), True), (GUID[1:-1], False), (GUID + "x", False), ("x", False)]
)
def test_ids_of_an_application_are_in_braces(key: str, text: str, is_good: bool) -> None:
    site = model()
    site["applications"]["apis"][key] = text
    if is_good:
        assert getattr(parse_site(site, HOSTS).applications["apis"], key) == text
    else:
        assert any(f"applications.apis.{key}: {text!r} is not a GUID in braces" in item for item in refused(site))


def test_links_that_say_the_same_name_the_first() -> None:
    site = model()
    site["links"] += [site["links"][0], {**site["links"][0], "read_mode": "poll"}]
    assert refused(site) == ("links[1]: says the same as links[0]", "links[2]: says the same as links[0]")
    twice = model(server=["gw01", "gw01"])
    assert refused(twice) == ("links[0]: names a host twice",)
    site = model(server="gw02")
    site["links"] = [*model()["links"], *site["links"], *model()["links"]]
    assert refused(site) == ("links[2]: says the same as links[0]",)


def test_every_broken_link_is_told() -> None:
    site = model(server="nowhere")
    site["links"] += model(client="nobody")["links"]
    site["links"] += model(server="gw02")["links"]
    told = refused(site)
    assert [item.partition(":")[0] for item in told] == ["links[0].server.host", "links[1].client.host"]


def test_defaults_of_a_link() -> None:
    (link,) = read().links
    assert (link.read_mode.value, link.browse, link.allow_anonymous, link.reason) == ("subscribe", False, False, "")
    (link,) = read(read_mode="poll", browse=True, allow_anonymous=True, reason="old").links
    assert (link.read_mode.value, link.browse, link.allow_anonymous, link.reason) == ("poll", True, True, "old")
    assert refused(model(allow_anonymous=True)) == ("links[0].allow_anonymous: is an exception; say why in reason",)
    assert not read().applications["apis"].exclusive
