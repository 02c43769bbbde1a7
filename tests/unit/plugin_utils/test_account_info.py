# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""opc_account_info on simulated hosts: accounts, PowerShell, and what to do by hand."""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost, LiveHostFactory

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._account_info import AccountQuestion, read_accounts
from simulator.profiles import SERVER_2008_R2, SERVER_2012_R2, SERVER_2019, Profile

DISTRIBUTED_COM_USERS = "S-1-5-32-562"


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
    assert found["manual_steps"][0] == 'net user "OPCUser" * /add /passwordchg:no /expires:never'


def test_commands_name_groups_in_the_language_of_the_host(live: LiveHostFactory) -> None:
    steps = ask(live("gw01", ui_language="de-DE"), "OPCUser")["manual_steps"]
    assert 'net localgroup "Distributed COM-Benutzer" "OPCUser" /add' in steps
    assert 'net localgroup "OPC Users" "OPCUser" /add' in steps
