# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""opc_account_info on simulated hosts: accounts, PowerShell, and what to do by hand."""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost, LiveHostFactory

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError, HostStateError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._account_info import (
    AccountQuestion,
    parse_question,
    read_accounts,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._errors import WsmanFault
from simulator.faults import Effect, ScriptedFault
from simulator.profiles import PROFILES, SERVER_2008_R2, SERVER_2012_R2, SERVER_2019, Profile
from simulator.software import prediktor_apis
from simulator.subsystems.account_database import Domain
from simulator.subsystems.registry_value import RegistryValue

NOT_FOUND, ACCESS_DENIED = 0x80041002, 5  # WBEM_E_NOT_FOUND (wbemcli.h), ERROR_ACCESS_DENIED (winerror.h)
DISTRIBUTED_COM_USERS = "S-1-5-32-562"
SERVICE_KEY = r"HKLM\SYSTEM\CurrentControlSet\Services\ApisHive"
QUESTION: dict[str, Any] = {
    "names": ["OPCUser"],
    "groups": [],
    "deny_interactive_logon": False,
    "services": {},
    "update_password": "on_create",
}


def ask(host: LiveHost, *names: str) -> dict[str, Any]:
    question = AccountQuestion(names, (DISTRIBUTED_COM_USERS, "OPC Users"), denies_interactive=False)
    answer: dict[str, Any] = host.ask(lambda opened: read_accounts(opened, question))
    return answer


def test_accounts_are_told_apart_from_missing_ones(live: LiveHostFactory) -> None:
    host = live("gw01")
    host.simulated.accounts.create_user(None, "OPCUser", "Secret-of-1")
    found = ask(host, "opcuser", "OPCOther", "Distributed COM Users")
    assert [account["name"] for account in found["accounts"]] == ["OPCUser"]
    assert found["missing"] == ["OPCOther", "Distributed COM Users"]
    assert found["accounts"][0]["troubles"] == ["its password expires", "it may change its password"]
    assert host.writes == []
    logons = host.simulated.event_log.read(None, "Security")
    assert not [item for item in logons if item.event.event_id == 4625]
    assert "OPCUser" not in repr(logons)  # nobody tried its password


def test_many_accounts_are_asked_for_together(live: LiveHostFactory) -> None:
    host = live("gw01")
    names = [f"OPC{number}" for number in range(24)] + ["O'Brien & Co"]
    make_in_order(host, *names)
    found = ask(host, *names, "O'Brien")
    assert [account["name"] for account in found["accounts"]] == names
    assert found["missing"] == ["O'Brien"]
    assert host.messages < len(names)


def test_an_account_of_the_domain_is_no_local_one(live: LiveHostFactory) -> None:
    domain = Domain("PLANT", "plant.example")
    domain.add_user("OPCUser", "Secret-of-1")
    host = live("gw01", domain=domain)
    assert ask(host, "OPCUser")["missing"] == ["OPCUser"]
    make_in_order(host, "OPCUser")
    found = ask(host, "OPCUser")
    assert found["missing"] == []
    assert found["sids"] == {"OPCUser": host.simulated.accounts.local.user("OPCUser").sid}


def test_a_host_may_say_with_a_fault_that_a_group_is_not_there(live: LiveHostFactory) -> None:
    host = live("gw01")
    make_in_order(host, "OPCUser")
    host.site.add_fault("host", ScriptedFault(Effect.FAULT, operation="Win32_GroupUser.*", code=NOT_FOUND))
    assert ask(host, "OPCUser")["in_order"] is False
    host.site.add_fault("host", ScriptedFault(Effect.FAULT, operation="Win32_GroupUser.*", code=ACCESS_DENIED))
    with pytest.raises(WsmanFault, match="Win32_GroupUser"):
        ask(host, "OPCUser")


@pytest.mark.parametrize(
    ("profile", "powershell", "can_create"),
    [
        (SERVER_2019, "5.1.17763.5329", True),
        (SERVER_2012_R2, "4.0.9600.20865", True),
        (SERVER_2008_R2, "2.0", False),
        (SERVER_2019.without_powershell(), "", False),
    ],
    ids=["2019", "2012r2", "2008r2", "without"],
)
def test_whether_ansible_can_create_accounts(
    live: LiveHostFactory, profile: Profile, powershell: str, can_create: bool
) -> None:
    found = ask(live("gw01", profile), "OPCUser")
    assert (found["powershell"], found["can_create"]) == (powershell, can_create)
    assert 'net user "OPCUser" * /add /passwordchg:no /expires:never' in found["manual_steps"]


def test_commands_name_groups_in_the_language_of_the_host(live: LiveHostFactory) -> None:
    steps = ask(live("gw01", ui_language="de-DE"), "OPCUser")["manual_steps"]
    assert 'net localgroup "Distributed COM-Benutzer" "OPCUser" /add' in steps
    assert 'net localgroup "OPC Users" "OPCUser" /add' in steps


def run_by_hand(host: LiveHost, steps: list[str], password: str) -> list[str]:
    """Type each command into cmd.exe of the host, and the password when asked. Returns what is no command."""
    administrator = host.simulated.caller_of("Administrator", "127.0.0.1")
    dialogs = [step for step in steps if ".msc: " in step]
    for step in steps:
        if step not in dialogs:
            typed = f"{password}\r\n{password}\r\n".encode() if " * " in step else b""
            done = host.simulated.interpreter.run(administrator, step, typed, {})
            assert done.exit_code == 0, (step, done.stderr)
    return dialogs


@pytest.mark.parametrize("language", ["en-US", "de-DE"])
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_commands_make_what_is_missing_on_every_windows(
    live: LiveHostFactory, profile: Profile, language: str
) -> None:
    host = live("gw01", profile.without_powershell(), ui_language=language)
    names = ("OPCUser", "O'Brien & Co", "a^b 100% (c)")
    host.simulated.accounts.create_user(None, "OPCOld", "Secret-of-1", is_enabled=False, is_locked_out=True)
    steps = ask(host, *names, "OPCOld")["manual_steps"]

    dialogs = run_by_hand(host, steps, "Secret-of-2")

    after = ask(host, *names, "OPCOld")
    assert after["missing"] == []
    has_wmic = profile.build < 26100
    troubles = [] if has_wmic else ["its password expires"]
    assert [account["troubles"] for account in after["accounts"]] == [troubles] * 4
    assert len(dialogs) == (0 if has_wmic else 4)
    accounts = host.simulated.accounts
    for group in (DISTRIBUTED_COM_USERS, "OPC Users"):
        assert accounts.local.group(group).members == {accounts.local.user(name).sid for name in names}
    assert all(accounts.is_password(name, "Secret-of-2") for name in names)
    assert accounts.is_password("OPCOld", "Secret-of-1")


def make_in_order(host: LiveHost, *names: str) -> None:
    """The accounts as the role makes them."""
    accounts = host.simulated.accounts
    accounts.create_group(None, "OPC Users")
    for name in names:
        user = accounts.create_user(None, name, "Secret-of-1", password_never_expires=True, cannot_change_password=True)
        for group in (DISTRIBUTED_COM_USERS, "OPC Users"):
            accounts.add_member(None, group, user.sid)


def test_accounts_in_order_are_told_without_looking_for_powershell(live: LiveHostFactory) -> None:
    host = live("gw01", ui_language="de-DE")
    make_in_order(host, "OPCUser", "OPCOther")
    found = ask(host, "OPCUser", "OPCOther")
    assert (found["in_order"], found["powershell"], found["can_create"]) == (True, None, None)
    assert found["manual_steps"] == []


@pytest.mark.parametrize("group", [DISTRIBUTED_COM_USERS, "OPC Users"])
def test_an_account_that_is_not_in_a_group_is_not_in_order(live: LiveHostFactory, group: str) -> None:
    host = live("gw01")
    make_in_order(host, "OPCUser")
    accounts = host.simulated.accounts
    accounts.remove_member(None, group, accounts.local.user("OPCUser").sid)
    found = ask(host, "OPCUser")
    assert found["in_order"] is False
    assert found["can_create"] is True


def test_rights_that_cannot_be_read_are_work(live: LiveHostFactory) -> None:
    host = live("gw01")
    make_in_order(host, "OPCUser")
    question = parse_question({**QUESTION, "groups": ["OPC Users"], "deny_interactive_logon": True})
    assert host.ask(lambda opened: read_accounts(opened, question))["in_order"] is False


@pytest.mark.parametrize("name", ["", "a" * 21, 'x" & calc & "', "PLANT\\opc", "opc@plant", "a\nb"])
def test_a_name_that_no_command_could_hold_is_refused_before_the_host_is_asked(name: str) -> None:
    with pytest.raises(ParameterError, match=r"names\[1\]"):
        parse_question({**QUESTION, "names": ["OPCUser", name]})


@pytest.mark.parametrize("group", ["", " ", 'x" & calc & "', "a\r\nb"])
def test_a_group_that_no_command_could_hold_is_refused(group: str) -> None:
    with pytest.raises(ParameterError, match=r"groups\[0\]"):
        parse_question({**QUESTION, "groups": [group]})


# -- services


def ask_services(host: LiveHost, **services: str) -> dict[str, Any]:
    question = parse_question({**QUESTION, "services": services})
    answer: dict[str, Any] = host.ask(lambda opened: read_accounts(opened, question))
    return answer


@pytest.mark.parametrize(
    ("now", "wanted", "as_wanted"),
    [
        ("LocalSystem", "LocalSystem", True),
        ("LocalSystem", r"NT AUTHORITY\SYSTEM", True),
        ("LocalSystem", "OPCUser", False),
        (r".\OPCUser", "opcuser", True),
        (r"GW01\OPCUser", r".\OPCUser", True),
        (r".\OPCUser", "LocalSystem", False),
        (r".\OPCUser", r".\nobody", False),
        (r"NT SERVICE\ApisHive", r"NT SERVICE\ApisHive", True),
        (r"NT AUTHORITY\NetworkService", r"NT AUTHORITY\NETWORK SERVICE", True),
        (r"NT AUTHORITY\NetworkService", r"NT AUTHORITY\LOCAL SERVICE", False),
    ],
)
def test_whether_a_service_runs_as_the_wanted_account(
    live: LiveHostFactory, now: str, wanted: str, as_wanted: bool
) -> None:
    host = live("gw01", software=[prediktor_apis()])
    host.simulated.accounts.create_user(None, "OPCUser", "Secret-of-1", cannot_change_password=True)
    host.simulated.accounts.update_user(None, "OPCUser", password_never_expires=True)
    host.simulated.registry.put(SERVICE_KEY, "ObjectName", RegistryValue.sz(now))
    host.simulated.journal.records.clear()
    found = ask_services(host, ApisHive=wanted)
    (service,) = found["services"]
    assert service["as_wanted"] is as_wanted
    assert service["username"] == (
        r".\OPCUser" if wanted == "OPCUser" else wanted if "\\" in wanted else service["username"]
    )
    assert found["manual_steps"] == ([] if as_wanted else [f"services.msc: ApisHive, Log On: {service['username']}"])
    assert [item.split(":")[0] for item in found["exceptions"]] == (
        ["service ApisHive runs as LocalSystem"] if wanted in ("LocalSystem", r"NT AUTHORITY\SYSTEM") else []
    )
    assert host.writes == []


def test_a_service_that_is_not_there_is_an_error(live: LiveHostFactory) -> None:
    with pytest.raises(HostStateError, match="no service Nope"):
        ask_services(live("gw01"), Nope="LocalSystem")


@pytest.mark.parametrize("services", [{"a/b": "LocalSystem"}, {'x" & calc': "LocalSystem"}, {"ApisHive": "\\x"}])
def test_what_is_no_service_or_no_account_is_refused(services: dict[str, str]) -> None:
    with pytest.raises(DomainError):
        parse_question({**QUESTION, "services": services})
