# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""opc_host_policy on simulated hosts."""

from __future__ import annotations

from typing import Any

import pytest
from lasting_state import state_of
from live_host import LiveHost, LiveHostFactory, OptionError, Result

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import LockoutError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._host_policy import HostPolicy
from simulator.subsystems.registry_value import RegistryValue

SYSTEM = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System"
LSA = r"HKLM\SYSTEM\CurrentControlSet\Control\Lsa"
RPC = r"HKLM\SOFTWARE\Microsoft\Rpc\Internet"


@pytest.fixture
def host(live: LiveHostFactory) -> LiveHost:
    return live()


def run(host: LiveHost, **options: Any) -> Result:
    return host.run(HostPolicy(), options)


@pytest.mark.parametrize(
    ("options", "key", "name", "number", "reboots"),
    [
        ({"uac": "disabled"}, SYSTEM, "EnableLUA", 0, True),
        ({"remote_local_administrators": "full"}, SYSTEM, "LocalAccountTokenFilterPolicy", 1, False),
        ({"everyone_includes_anonymous": True}, LSA, "EveryoneIncludesAnonymous", 1, False),
        ({"network_logons": "as_guest"}, LSA, "ForceGuest", 1, False),
    ],
)
def test_weak_settings_need_a_permit_and_every_run_reports_them(
    host: LiveHost, options: dict[str, Any], key: str, name: str, number: int, reboots: bool
) -> None:
    with pytest.raises(LockoutError, match="allow_weak"):
        run(host, **options)
    assert host.writes == []
    first = run(host, **options, allow_weak=True)
    assert first["changed"]
    assert first["reboot_required"] is reboots
    assert host.simulated.registry.get(key, name) == RegistryValue.dword(number)
    second = run(host, **options, allow_weak=True)
    assert not second["changed"]
    assert first["exceptions"] == second["exceptions"] != []


def test_the_safe_settings_are_what_windows_has(host: LiveHost) -> None:
    safe = {"uac": "enabled", "everyone_includes_anonymous": False, "network_logons": "as_themselves"}
    result = run(host, **safe)
    assert not result["changed"]
    assert result["exceptions"] == []


@pytest.mark.parametrize(
    ("name", "number", "options"),
    [
        ("EnableLUA", 0, {"uac": "enabled"}),
        ("LocalAccountTokenFilterPolicy", 1, {"remote_local_administrators": "default"}),
    ],
)
def test_what_may_hold_the_door_open_for_ansible_is_not_taken_away(
    host: LiveHost, name: str, number: int, options: dict[str, Any]
) -> None:
    host.simulated.registry.put(SYSTEM, name, RegistryValue.dword(number))
    host.simulated.journal.records.clear()
    with pytest.raises(LockoutError, match="allow_lockout"):
        run(host, **options)
    assert host.writes == []
    assert run(host, **options, allow_lockout=True)["changed"]


def test_the_port_range_and_back(host: LiveHost) -> None:
    before = state_of(host.simulated)
    result = run(host, dcom_ports="50000-50099")
    assert result["reboot_reasons"] == ["dcom_ports"]
    registry = host.simulated.registry
    assert registry.get(RPC, "Ports") == RegistryValue.multi_sz(("50000-50099",))
    assert registry.get(RPC, "PortsInternetAvailable") == RegistryValue.sz("Y")
    assert registry.get(RPC, "UseInternetPorts") == RegistryValue.sz("Y")
    assert not run(host, dcom_ports=" 50000-50099 ")["changed"]
    assert run(host, dcom_ports="default")["after"] == {"dcom_ports": "default (Windows decides, 49152-65535)"}
    registry.delete_key(None, RPC)
    assert state_of(host.simulated) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("50000-50098", "at least 100"),
        ("5000-5200", "5001"),
        ("65500-65600", "65535"),
        ("50100-50000", "ascending"),
        ("50000", "not a range"),
        ("50000-50200,51000-51200", "not a range"),
        ("a-b", "not a range"),
        ("", "not a range"),
        ("\u0665\u0660\u0660\u0660\u0660-50200", "not a range"),
    ],
)
def test_a_range_that_would_break_rpc_is_refused(host: LiveHost, text: str, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        run(host, dcom_ports=text)
    assert host.writes == []


@pytest.mark.parametrize("text", ["5900-6100", "46900-47100"])
def test_a_range_that_holds_a_port_of_winrm_is_refused(host: LiveHost, text: str) -> None:
    with pytest.raises(LockoutError, match="WinRM"):
        run(host, dcom_ports=text)


def test_a_range_that_holds_the_port_this_run_came_through_is_refused(host: LiveHost) -> None:
    port = host.site["host"].ports["http"]
    low = max(5001, min(port - 50, 65535 - 100))
    with pytest.raises(LockoutError, match=str(port)):
        run(host, dcom_ports=f"{low}-{low + 100}")


def test_an_invalid_entry_of_somebody_else_is_shown_and_replaced(host: LiveHost) -> None:
    host.simulated.registry.put(RPC, "Ports", RegistryValue.sz("1-2"))
    result = run(host, dcom_ports="50000-50099")
    assert "REG_SZ '1-2'" in result["before"]["dcom_ports"]
    assert not run(host, dcom_ports="50000-50099")["changed"]


def test_nothing_asked_for_is_an_error(host: LiveHost) -> None:
    with pytest.raises(ParameterError, match="at least one of"):
        run(host)
    with pytest.raises(OptionError, match="uac"):
        run(host, uac="off")
