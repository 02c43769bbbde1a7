# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role does to one host: accounts first, then all of the rest over the same connection, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from memory_host import MemoryHost

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._role_work import RoleWork, plan_work
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2019
from simulator.software import APIS_PROGRAM, opc_core_components, prediktor_apis

ROLES = Path(__file__).resolve().parents[3] / "roles"
ACCOUNT, SECRET = "OPCUser", "Secret-of-1"
MODEL: Mapping[str, Any] = {
    "applications": {"apis": {"prog_id": "Prediktor.ApisOPCServer.1", "service": "ApisHive", "program": APIS_PROGRAM}},
    "accounts": {ACCOUNT: {"password": SECRET}},
    "hosts": {"gw01": {"address": "10.0.0.11"}, "hist01": {"address": "10.0.0.21"}},
    "links": [
        {
            "server": {"host": "gw01", "application": "apis", "account": ACCOUNT},
            "client": {"host": "hist01", "application": "apis", "account": ACCOUNT},
            "read_mode": "poll",
        }
    ],
}


def variables(role: str = "server", **changes: Any) -> dict[str, Any]:
    defaults = yaml.safe_load((ROLES / f"opc_{role}" / "defaults" / "main.yml").read_text(encoding="utf-8"))
    # The group that the role makes of its accounts is left to other tests.
    groups = {"opc_accounts_group": "", "opc_accounts_groups": []}
    said = {"inventory_hostname": "gw01", "groups": {"all": ["gw01", "hist01"]}, "opc_site": MODEL}
    return {**defaults, **groups, **said, **changes}


def work(role: str = "server", accounts: Mapping[str, Any] | None = None, **changes: Any) -> RoleWork:
    return plan_work(role, accounts, variables(role, **changes), None, ["opc_dcom", "plant_a"])


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost(SimulatedHost("gw01", SERVER_2019, software=[opc_core_components(), prediktor_apis()]))


def have_account(host: MemoryHost) -> None:
    accounts = host.simulated.accounts
    accounts.create_user(None, ACCOUNT, SECRET, password_never_expires=True, cannot_change_password=True)


def done(host: MemoryHost, planned: RoleWork, *, check_mode: bool = False) -> dict[str, Any]:
    result: dict[str, Any] = host.ask(lambda it: planned.carry_out(it, check_mode=check_mode, with_diff=False))
    host.check()
    return result


def test_accounts_that_have_to_be_made_come_before_anything_else(host: MemoryHost) -> None:
    first = done(host, work())
    assert (first["accounts_first"], first["has_more"], first["changed"]) == (True, True, False)
    assert (first["account_names"], first["accounts_with_password"]) == ([ACCOUNT], [ACCOUNT])
    assert first["accounts"]["missing"] == [ACCOUNT]
    assert "before" not in first
    assert host.simulated.journal.records == []  # nothing was written
    assert SECRET not in repr(first)

    have_account(host)
    second = done(host, work(accounts=first["accounts"]))
    assert (second["accounts_first"], second["changed"]) == (False, True)
    assert second["accounts"] == first["accounts"]  # an audit tells of them


def test_a_host_in_order_takes_one_connection_and_tells_little(host: MemoryHost) -> None:
    have_account(host)
    first = done(host, work())
    assert first["changed"]
    assert set(first["after"]) == {"logging", "defaults", "grants", "firewall"}
    assert first["has_more"] and first["reboot_required"]
    host.simulated.reboot()
    host.simulated.clock.advance(120)

    second = done(host, work())
    assert (second["changed"], second["has_more"], second["restart_required"]) == (False, False, [])
    assert (second["before"], second["after"]) == ({}, {})
    assert "accounts" not in second
    assert set(second["options"]) == {"logging", "defaults", "applications", "grants", "firewall"}
    done(host, work())  # the mark of the reboot went with the second run
    assert host.messages <= 13


def test_a_preview_tells_what_the_run_does(host: MemoryHost) -> None:
    have_account(host)
    shown = done(host, work(ansible_check_mode=True), check_mode=True)
    real = done(host, work())
    assert (shown["is_preview"], real["is_preview"]) == (True, False)
    assert (shown["before"], shown["after"]) == (real["before"], real["after"])


@pytest.mark.parametrize(
    ("changes", "is_idle"),
    [
        ({}, False),
        ({"ansible_run_tags": ["plant_b"]}, True),
        ({"ansible_run_tags": ["plant_a"]}, False),
        ({"ansible_run_tags": ["opc_enum"]}, True),  # nobody browses
        ({"ansible_run_tags": ["dcom_defaults"]}, False),
    ],
)
def test_a_host_of_which_nothing_is_asked_is_left_alone(changes: dict[str, Any], is_idle: bool) -> None:
    planned = work(**changes)
    assert planned.is_idle is is_idle
    assert planned.idle()["skipped"] is True
    assert planned.idle()["has_more"] is False


def test_what_the_site_has_that_is_weak_is_told(host: MemoryHost) -> None:
    link = {**MODEL["links"][0], "allow_anonymous": True, "reason": "the vendor has no other client"}
    link["client"] = {**link["client"], "account": "LocalSystem"}
    weak = {**MODEL, "links": [link]}
    have_account(host)
    said = done(host, work(opc_site=weak))["exceptions"]
    assert len(said) == 4  # access and activation, at both doors
    assert all("ANONYMOUS LOGON is admitted, because: the vendor has no other client" in text for text in said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"opc_server_permissions": [{"scope": "nowhere", "kind": "access"}]}, "what the role asks of the host is not"),
        ({"opc_accounts_services": ["ApisHive"]}, "the accounts of opc_server is not valid"),
        ({"opc_accounts_service_passwords": "x"}, "opc_accounts_service_passwords: this is not a mapping"),
    ],
)
def test_what_is_wrong_is_said_before_the_host_is_asked(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        work(**changes)
