# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names to SIDs and back, on an English, a German and a domain host."""

from __future__ import annotations

import pytest
from live_host import LiveHost, LiveHostFactory

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._accounts import UnknownAccountError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._host import Host
from simulator.subsystems.account_database import Domain

ADMINISTRATORS = "S-1-5-32-544"
# Computed by the rule of MS-DTYP 2.4.2.4; the value for OpcEnum as dcom.md 3.6 prints it.
OPC_ENUM_SERVICE = "S-1-5-80-3081828908-1329484022-655139181-1088425234-327503891"


def resolve(host: LiveHost, *names: str) -> list[str]:
    return host.ask(lambda connected: [str(connected.accounts.resolve(name)) for name in names])


def names(host: LiveHost, *sids: str) -> list[str | None]:
    return host.ask(lambda connected: [connected.accounts.name_of(Sid.from_string(sid)) for sid in sids])


@pytest.fixture
def domain() -> Domain:
    domain = Domain("FACTORY", "factory.example")
    domain.add_user("opc", "Secret-Passw0rd")
    domain.add_group("OPC Users")
    domain.add_computer("hist01")
    return domain


@pytest.fixture
def workgroup(live: LiveHostFactory) -> LiveHost:
    host = live("gw01")
    host.simulated.accounts.create_user(None, "opc", "Secret-Passw0rd")
    host.simulated.accounts.create_group(None, "OPC Users")
    host.simulated.journal.records.clear()
    return host


@pytest.mark.parametrize(
    ("name", "sid"),
    [
        ("S-1-5-32-544", ADMINISTRATORS),
        ("Administrators", ADMINISTRATORS),
        ("BUILTIN\\administrators", ADMINISTRATORS),
        (".\\Administrators", ADMINISTRATORS),
        ("Everyone", "S-1-1-0"),
        ("ANONYMOUS LOGON", "S-1-5-7"),
        ("NT AUTHORITY\\NETWORK SERVICE", "S-1-5-20"),
        ("SYSTEM", "S-1-5-18"),
        ("Distributed COM Users", "S-1-5-32-562"),
        ("NT SERVICE\\opcenum", OPC_ENUM_SERVICE),
    ],
)
@pytest.mark.parametrize("ui_language", ["en-US", "de-DE"])
def test_names_that_mean_the_same_everywhere_need_no_message(
    live: LiveHostFactory, ui_language: str, name: str, sid: str
) -> None:
    host = live(ui_language=ui_language)
    assert resolve(host, name) == [sid]
    assert host.messages == 0


@pytest.mark.parametrize("name", ["opc", ".\\opc", "GW01\\opc", "gw01\\OPC", " opc "])
def test_a_local_user_by_every_form_of_its_name(workgroup: LiveHost, name: str) -> None:
    expected = workgroup.simulated.accounts.local.user("opc").sid
    assert resolve(workgroup, name) == [expected]


@pytest.mark.parametrize("name", ["OPC Users", ".\\opc users", "GW01\\OPC Users"])
def test_a_local_group(workgroup: LiveHost, name: str) -> None:
    assert resolve(workgroup, name) == [workgroup.simulated.accounts.local.group("OPC Users").sid]


def test_english_and_german_names_on_a_german_host(live: LiveHostFactory) -> None:
    german = live(ui_language="de-DE")
    assert resolve(german, "GW01\\Administrators", "Administratoren", "Jeder", ".\\ANONYMOUS-ANMELDUNG") == [
        ADMINISTRATORS,
        ADMINISTRATORS,
        "S-1-1-0",
        "S-1-5-7",
    ]


def test_well_known_accounts_are_shown_in_english_on_a_german_host(live: LiveHostFactory) -> None:
    assert names(live(ui_language="de-DE"), ADMINISTRATORS, "S-1-1-0") == ["BUILTIN\\Administrators", "Everyone"]


@pytest.mark.parametrize("name", ["FACTORY\\opc", "factory.example\\opc", "opc@factory.example", "opc", "opc@FACTORY"])
def test_a_domain_user_by_every_form_of_its_name(live: LiveHostFactory, domain: Domain, name: str) -> None:
    assert resolve(live(domain=domain), name) == [domain.user("opc").sid]


@pytest.mark.parametrize("name", ["FACTORY\\HIST01$", "HIST01$", "hist01$@factory.example"])
def test_a_computer_account(live: LiveHostFactory, domain: Domain, name: str) -> None:
    assert resolve(live(domain=domain), name) == [domain.user("HIST01$").sid]


def test_a_local_account_comes_before_one_of_the_domain(live: LiveHostFactory, domain: Domain) -> None:
    host = live(domain=domain)
    local = host.simulated.accounts.create_user(None, "opc", "Secret-Passw0rd")
    assert resolve(host, "opc", "FACTORY\\opc") == [local.sid, domain.user("opc").sid]


def test_a_computer_account_in_a_workgroup_is_refused_with_the_reason(workgroup: LiveHost) -> None:
    with pytest.raises(UnknownAccountError, match=r"computer accounts exist in a domain only.*workgroup WORKGROUP"):
        resolve(workgroup, "HIST01$")


@pytest.mark.parametrize("name", ["nobody-knows-me", "FACTORY\\opc", ".\\missing", "opc@nowhere.example"])
def test_an_unknown_name_is_an_error_that_says_what_to_write(workgroup: LiveHost, name: str) -> None:
    with pytest.raises(UnknownAccountError, match="knows no such account; write DOMAIN"):
        resolve(workgroup, name)
    assert workgroup.writes == []


@pytest.mark.parametrize("name", ["", " ", "\\opc", "@factory.example", "FACTORY\\", "a\\b\\c", "S-1-5-x"])
def test_what_cannot_be_a_name_is_refused_without_a_message(workgroup: LiveHost, name: str) -> None:
    with pytest.raises(DomainError):
        resolve(workgroup, name)


def test_every_name_and_sid_is_asked_for_once(workgroup: LiveHost) -> None:
    sid = workgroup.simulated.accounts.local.user("opc").sid
    resolve(workgroup, "opc")
    once = workgroup.messages

    def many(host: Host) -> None:
        for _unused in range(5):
            host.accounts.resolve("OPC")
            host.accounts.name_of(Sid.from_string(sid))
            with pytest.raises(UnknownAccountError):
                host.accounts.resolve(".\\missing")

    workgroup.ask(many)
    assert workgroup.messages == once + 3  # user, group, system account: none is called "missing"


def test_names_of_sids(live: LiveHostFactory, domain: Domain) -> None:
    host = live(domain=domain)
    local = host.simulated.accounts.create_group(None, "OPC Users")
    capability = "S-1-15-3-1024-1-2"
    assert names(host, local.sid, domain.user("opc").sid, OPC_ENUM_SERVICE, f"{domain.sid}-99999", capability) == [
        "GW01\\OPC Users",
        "FACTORY\\opc",
        None,  # the service is not installed, so nothing tells its name
        None,
        f"app capability {capability}",
    ]


def test_a_domain_that_is_away_leaves_sids_without_names(live: LiveHostFactory, domain: Domain) -> None:
    host = live(domain=domain)
    domain.is_reachable = False
    assert names(host, domain.user("opc").sid) == [None]
    with pytest.raises(UnknownAccountError):
        resolve(host, "FACTORY\\opc")


def test_a_domain_of_ten_thousand_users_costs_what_a_small_one_costs(live: LiveHostFactory, domain: Domain) -> None:
    host = live(domain=domain)
    resolve(host, "FACTORY\\opc")
    small = host.messages
    for number in range(10_000):
        domain.add_user(f"user{number}", "")
    assert resolve(host, "FACTORY\\user9999") == [domain.user("user9999").sid]
    assert host.messages == small == 1
