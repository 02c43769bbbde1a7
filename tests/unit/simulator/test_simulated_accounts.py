# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, SIDs, users, groups, rights and logons of a simulated host."""

from __future__ import annotations

import pytest
from hosts import ADDRESS, PASSWORD, administrator, operator

from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2008_R2
from simulator.subsystems.account_database import AccountError, Domain, Secret
from simulator.subsystems.accounts import service_sid
from simulator.subsystems.logon import LOGON_SERVICE, LogonError
from simulator.subsystems.registry_value import RegistryValue
from simulator.subsystems.well_known import WELL_KNOWN

POLICIES = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"


@pytest.fixture
def host() -> SimulatedHost:
    return SimulatedHost("opcsrv01")


@pytest.fixture
def german() -> SimulatedHost:
    return SimulatedHost("opcsrv02", ui_language="de-DE")


@pytest.fixture
def member() -> SimulatedHost:
    domain = Domain("PLANT", "plant.example")
    domain.add_group("OPC Users", [domain.add_user("opcuser", PASSWORD).sid])
    return SimulatedHost("opcsrv03", domain=domain)


def code_of(call: object, *arguments: object) -> int:
    with pytest.raises(AccountError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def status_of(host: SimulatedHost, name: str, password: str) -> int:
    with pytest.raises(LogonError) as caught:
        host.logons.logon(name, password, ADDRESS)
    return caught.value.status


# Names and SIDs


@pytest.mark.parametrize(
    ("sid", "english", "german_name"),
    [  # MS-DTYP 2.4.2.4 (dcom.md 3.6) with the names of English and German hosts
        ("S-1-1-0", "Everyone", "Jeder"),
        ("S-1-5-7", "NT AUTHORITY\\ANONYMOUS LOGON", "NT-AUTORITÄT\\ANONYMOUS-ANMELDUNG"),
        ("S-1-5-18", "NT AUTHORITY\\SYSTEM", "NT-AUTORITÄT\\SYSTEM"),
        ("S-1-5-19", "NT AUTHORITY\\LOCAL SERVICE", "NT-AUTORITÄT\\LOKALER DIENST"),
        ("S-1-5-32-544", "BUILTIN\\Administrators", "VORDEFINIERT\\Administratoren"),
        ("S-1-5-32-562", "BUILTIN\\Distributed COM Users", "VORDEFINIERT\\Distributed COM-Benutzer"),
    ],
)
def test_well_known_names_follow_the_ui_language(
    host: SimulatedHost, german: SimulatedHost, sid: str, english: str, german_name: str
) -> None:
    assert host.accounts.account_name(sid) == english
    assert german.accounts.account_name(sid) == german_name
    assert host.accounts.lookup_name(english).sid == german.accounts.lookup_name(german_name).sid == sid


@pytest.mark.parametrize("name", ["Administrators", "BUILTIN\\Users", "Everyone", "NT AUTHORITY\\ANONYMOUS LOGON"])
def test_english_names_do_not_resolve_on_a_german_host(german: SimulatedHost, name: str) -> None:
    assert code_of(german.accounts.lookup_name, name) == 1332


def test_fixed_sids_are_unique_and_their_names_too() -> None:
    assert len({item.sid for item in WELL_KNOWN}) == len(WELL_KNOWN)
    for language in ("en-US", "de-DE"):
        names = [(item.domain.in_language(language), item.name.in_language(language)) for item in WELL_KNOWN]
        assert len(set(names)) == len(names)


def test_groups_that_a_version_does_not_have_yet(host: SimulatedHost) -> None:
    old = SimulatedHost("old", SERVER_2008_R2)  # Remote Management Users came with Windows 8 / 2012
    assert code_of(old.accounts.lookup_name, "Remote Management Users") == 1332
    assert host.accounts.lookup_name("Remote Management Users").sid == "S-1-5-32-580"


@pytest.mark.parametrize(
    ("name", "sid"),
    [  # worked examples of dcom.md 3.6, two of them from MS-DTYP 2.4.2.4
        ("DPS", "S-1-5-80-2970612574-78537857-698502321-558674196-1451644582"),
        ("WdiServiceHost", "S-1-5-80-3139157870-2983391045-3678747466-658725712-1809340420"),
        ("opcenum", "S-1-5-80-3081828908-1329484022-655139181-1088425234-327503891"),
    ],
)
def test_service_sids(name: str, sid: str) -> None:
    assert service_sid(name) == sid


def test_names_of_services_resolve_while_the_service_exists(host: SimulatedHost) -> None:
    assert host.accounts.lookup_name("NT SERVICE\\spooler").sid == service_sid("Spooler")
    assert code_of(host.accounts.lookup_name, "NT SERVICE\\NoSuchService") == 1332


def test_a_bare_name_means_the_local_account_before_the_domain(member: SimulatedHost) -> None:
    local = member.accounts.create_user(None, "opcuser", PASSWORD)
    assert member.accounts.lookup_name("opcuser").sid == local.sid
    assert member.accounts.lookup_name("PLANT\\opcuser").sid != local.sid
    assert member.accounts.lookup_name("opcuser@plant.example") == member.accounts.lookup_name("plant\\OPCUSER")


def test_a_domain_that_is_away_resolves_nothing(member: SimulatedHost) -> None:
    sid = member.accounts.lookup_name("PLANT\\OPC Users").sid
    assert member.domain is not None
    member.domain.is_reachable = False
    assert code_of(member.accounts.lookup_name, "PLANT\\OPC Users") == 1332
    assert member.accounts.account_name(sid) == sid


def test_members_of_a_domain_share_its_accounts_and_have_computer_accounts(member: SimulatedHost) -> None:
    other = SimulatedHost("opccli01", domain=member.domain)
    for computer in ("OPCSRV03$", "OPCCLI01$"):
        assert other.accounts.lookup_name(f"PLANT\\{computer}") == member.accounts.lookup_name(f"PLANT\\{computer}")


def test_machine_sids_differ_by_host_and_are_the_same_in_every_run(host: SimulatedHost) -> None:
    assert host.accounts.local.sid == SimulatedHost("OPCSRV01").accounts.local.sid
    assert host.accounts.local.sid != SimulatedHost("opcsrv02").accounts.local.sid
    assert host.accounts.lookup_name("Administrator").sid == host.accounts.local.sid + "-500"


# Users and groups


def test_a_new_user_is_in_users_and_may_log_on(host: SimulatedHost) -> None:
    caller = administrator(host)
    user = host.accounts.create_user(caller, "OPCServerUser", PASSWORD, password_never_expires=True)
    assert user.rid >= 1000
    assert "S-1-5-32-545" in host.accounts.groups_of(user.sid)
    assert host.logon("opcserveruser", PASSWORD, ADDRESS) is not None


@pytest.mark.parametrize(
    ("name", "code"),
    [("Administrator", 2224), ("Users", 2223), ("a" * 21, 1315), ("bad|name", 1315), ("x:y", 1315), (" ", 1315)],
)
def test_user_names_that_windows_refuses(host: SimulatedHost, name: str, code: int) -> None:
    assert code_of(host.accounts.create_user, None, name, PASSWORD) == code


def test_the_password_policy(host: SimulatedHost) -> None:
    host.accounts.policy.minimum_length = 10
    host.accounts.policy.must_be_complex = True
    assert code_of(host.accounts.create_user, None, "u", "Short-1") == 2245
    assert code_of(host.accounts.create_user, None, "u", "alllowercaseletters") == 2245
    host.accounts.create_user(None, "u", "Long-enough")


def test_members(host: SimulatedHost) -> None:
    user = host.accounts.create_user(None, "u", PASSWORD)
    host.accounts.add_member(None, "S-1-5-32-562", user.sid)
    assert code_of(host.accounts.add_member, None, "Distributed COM Users", user.sid) == 1378
    assert code_of(host.accounts.add_member, None, "Distributed COM Users", user.sid + "9") == 1387
    assert code_of(host.accounts.add_member, None, "No such group", user.sid) == 2220
    host.accounts.remove_member(None, "Distributed COM Users", user.sid)
    assert code_of(host.accounts.remove_member, None, "Distributed COM Users", user.sid) == 1377


def test_groups_nest_local_around_domain(member: SimulatedHost) -> None:
    user = member.accounts.lookup_name("PLANT\\opcuser").sid
    opc_users = member.accounts.lookup_name("PLANT\\OPC Users").sid
    member.accounts.add_member(None, "Distributed COM Users", opc_users)
    assert {opc_users, "S-1-5-32-562", "S-1-5-32-545"} <= member.accounts.groups_of(user)


def test_deleting_a_user_takes_it_out_of_local_groups(host: SimulatedHost) -> None:
    user = host.accounts.create_user(None, "u", PASSWORD)
    host.accounts.delete_user(None, "u")
    assert user.sid not in host.accounts.local.group("S-1-5-32-545").members
    assert code_of(host.accounts.lookup_sid, user.sid) == 1332


def test_builtin_groups_cannot_be_deleted(host: SimulatedHost) -> None:
    assert code_of(host.accounts.delete_group, None, "Administrators") == 5


def test_only_administrators_change_accounts(host: SimulatedHost) -> None:
    caller = operator(host)
    for call, arguments in (
        (host.accounts.create_user, ("x", PASSWORD)),
        (host.accounts.update_user, ("operator",)),
        (host.accounts.set_password, ("operator", PASSWORD)),
        (host.accounts.create_group, ("x",)),
        (host.accounts.add_member, ("Users", caller.sid)),
        (host.accounts.set_holders, ("SeBatchLogonRight", ())),
    ):
        assert code_of(call, caller, *arguments) == 5
    assert host.journal.records == []


def test_a_rename_keeps_the_sid_and_refuses_a_taken_name(host: SimulatedHost) -> None:
    user = host.accounts.create_user(None, "u", PASSWORD)
    assert host.accounts.update_user(None, "u", name="v").sid == user.sid
    assert host.accounts.local.find_user("u") is None
    assert code_of(lambda: host.accounts.update_user(None, "v", name="Guest")) == 2224


def test_passwords_are_in_no_journal_snapshot_or_representation(host: SimulatedHost) -> None:
    host.accounts.create_user(None, "u", PASSWORD)
    host.accounts.set_password(None, "u", PASSWORD + "!")
    host.accounts.update_user(None, "u", description="x")
    user = host.accounts.local.user("u")
    everything = [repr(host.journal.records), host.snapshot().text(), repr(user), repr(Secret(PASSWORD)), str(user)]
    assert len(host.journal.records) == 3
    assert not any(PASSWORD in text for text in everything)


def test_hosts_share_an_account_when_name_and_password_agree(host: SimulatedHost, german: SimulatedHost) -> None:
    assert not host.accounts.shares_password_with(german.accounts, "OPCServerUser")
    host.accounts.create_user(None, "OPCServerUser", PASSWORD)
    german.accounts.create_user(None, "opcserveruser", "another password")
    assert not host.accounts.shares_password_with(german.accounts, "OPCServerUser")
    german.accounts.set_password(None, "OPCServerUser", PASSWORD)
    assert host.accounts.shares_password_with(german.accounts, "OPCServerUser")


# Logons


def test_the_token_of_a_network_logon(host: SimulatedHost) -> None:
    caller = administrator(host)
    assert caller.is_administrator
    assert {"S-1-1-0", "S-1-5-2", "S-1-5-11", "S-1-5-113", "S-1-5-114", "S-1-5-64-10"} <= caller.sids


@pytest.mark.parametrize(
    ("policy", "value", "is_full"),
    [  # wsman_cim.md 7, dcom.md 3.5: remote UAC
        (None, 0, False),
        ("LocalAccountTokenFilterPolicy", 0, False),
        ("LocalAccountTokenFilterPolicy", 1, True),
        ("EnableLUA", 0, True),
    ],
)
def test_other_local_administrators_are_filtered(
    host: SimulatedHost, policy: str | None, value: int, is_full: bool
) -> None:
    user = host.accounts.create_user(None, "second", PASSWORD)
    host.accounts.add_member(None, "Administrators", user.sid)
    if policy:
        host.registry.put(POLICIES, policy, RegistryValue.dword(value))
    assert host.caller_of("second", ADDRESS).is_administrator is is_full


def test_the_built_in_administrator_is_filtered_only_when_told(host: SimulatedHost) -> None:
    host.registry.put(POLICIES, "FilterAdministratorToken", RegistryValue.dword(1))
    assert not host.caller_of("Administrator", ADDRESS).is_administrator


def test_domain_administrators_are_not_filtered(member: SimulatedHost) -> None:
    assert member.caller_of("PLANT\\Administrator", ADDRESS).is_administrator


@pytest.mark.parametrize("name", ["Administrator@plant.example", "PLANT\\opcuser", "OTHER\\Administrator"])
def test_basic_knows_local_accounts_only(member: SimulatedHost, name: str) -> None:
    administrator(member)
    assert member.logon(name, PASSWORD, ADDRESS) is None
    assert member.logon("OPCSRV03\\Administrator", PASSWORD, ADDRESS) is not None


@pytest.mark.parametrize(
    ("flags", "password", "status"),
    [  # SubStatus table of dcom.md 6.4
        ({}, "wrong", 0xC000006A),
        ({"is_enabled": False}, PASSWORD, 0xC0000072),
        ({"is_locked_out": True}, PASSWORD, 0xC0000234),
        ({"must_change_password": True}, PASSWORD, 0xC0000224),
    ],
)
def test_refusals(host: SimulatedHost, flags: dict[str, bool], password: str, status: int) -> None:
    host.accounts.create_user(None, "u", PASSWORD, **flags)
    assert status_of(host, "u", password) == status
    event = host.event_log.read(None, "Security")[-1]
    assert event.event.event_id == 4625
    assert (event.datum("TargetUserName"), event.datum("LogonType"), event.datum("IpAddress")) == ("u", "3", ADDRESS)
    codes = {int(event.datum("Status") or "0", 16), int(event.datum("SubStatus") or "0", 16)}
    assert status in codes


def test_an_unknown_name_is_told_apart_in_the_event_only(host: SimulatedHost) -> None:
    assert status_of(host, "nobody", "x") == 0xC0000064
    event = host.event_log.read(None, "Security")[-1]
    assert (event.datum("Status"), event.datum("SubStatus")) == ("0xc000006d", "0xc0000064")


def test_a_blank_password_is_no_network_logon(host: SimulatedHost) -> None:
    host.accounts.create_user(None, "u", "")
    assert status_of(host, "u", "") == 0xC000006E


def test_logon_rights(host: SimulatedHost) -> None:
    user = host.accounts.create_user(None, "u", PASSWORD)
    host.accounts.set_holders(None, "SeDenyNetworkLogonRight", [user.sid])
    assert status_of(host, "u", PASSWORD) == 0xC000015B


def test_bad_passwords_lock_the_account_and_a_good_one_forgives(host: SimulatedHost) -> None:
    host.accounts.create_user(None, "u", PASSWORD)
    host.accounts.policy.lockout_threshold = 3
    status_of(host, "u", "wrong"), status_of(host, "u", "wrong")
    host.logons.logon("u", PASSWORD, ADDRESS)
    assert [status_of(host, "u", "wrong") for _unused in range(3)] == [0xC000006A] * 3
    assert status_of(host, "u", PASSWORD) == 0xC0000234
    assert 4740 in [item.event.event_id for item in host.event_log.read(None, "Security")]


def test_ntlm_may_accept_whoever_could_log_on(member: SimulatedHost) -> None:
    administrator(member)
    member.accounts.create_user(None, "off", PASSWORD, is_enabled=False)
    assert set(member.logon_names()) == {("Administrator", PASSWORD), ("PLANT\\opcuser", PASSWORD)}


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("LocalSystem", 0),
        ("NT AUTHORITY\\NetworkService", 0),
        ("NT SERVICE\\OpcEnum", 0),
        (".\\ghost", 1057),
        (".\\svc", 1069),
    ],
)
def test_accounts_of_services(host: SimulatedHost, account: str, code: int) -> None:
    host.accounts.create_user(None, "svc", PASSWORD)
    assert host.logons.service_account_error(account, PASSWORD) == code


def test_a_service_account_needs_the_right_and_the_password(host: SimulatedHost) -> None:
    user = host.accounts.create_user(None, "svc", PASSWORD)
    host.accounts.set_holders(None, "SeServiceLogonRight", [user.sid])
    assert host.logons.service_account_error(".\\svc", PASSWORD) == 0
    assert host.logons.service_account_error(".\\svc", "old") == 1069
    assert host.logons.logon("svc", PASSWORD, "-", LOGON_SERVICE).account_name == "OPCSRV01\\svc"
