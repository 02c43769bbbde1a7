# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client program with a level of its own, on a host that has no update which raises activations: its links must work
once the server is raised. Played on simulated hosts, with what the roles do.
"""

from __future__ import annotations

from typing import Any

import pytest
from random_sites import PlayedSite, RandomSite

from simulator.opc.layers import Layer
from simulator.profiles import SERVER_2019, WINDOWS_7
from simulator.subsystems.registry_value import RegistryValue

APP_IDS = r"HKLM\SOFTWARE\Classes\AppID"
TREND_APP_ID = "{6C1F2E80-5D4B-4B7E-9E0A-41D05A6B7C77}"
CONNECT = 2


def play(mode: str, *, has_level: bool) -> PlayedSite:
    """A server, and a client without updates whose trend program may have a level of its own."""
    link = {
        "name": "trend",
        "server": {"host": "gw01", "application": "hive", "account": "User1"},
        "client": {"host": "old01", "application": "trend", "account": "User2"},
        "read_mode": mode,
        "browse": False,
    }
    site = RandomSite(
        frozenset(),
        {"gw01": "User1", "old01": "User2"},
        {"gw01": "10.1.0.10", "old01": "10.1.0.11"},
        [link],
        {"User1": "Secret-of-1", "User2": "Secret-of-2"},
        {"gw01": SERVER_2019, "old01": WINDOWS_7},
    )
    played = PlayedSite(site)
    if has_level:
        registry = played.hosts["old01"].registry
        registry.put(rf"{APP_IDS}\OpcClient.exe", "AppID", RegistryValue.sz(TREND_APP_ID))
        registry.put(rf"{APP_IDS}\{TREND_APP_ID}", "AuthenticationLevel", RegistryValue.dword(CONNECT))
    return played


def level_of(played: PlayedSite) -> Any:
    return played.hosts["old01"].registry.get(rf"{APP_IDS}\{TREND_APP_ID}", "AuthenticationLevel")


@pytest.mark.parametrize("mode", ["poll", "subscribe"])
@pytest.mark.parametrize("has_level", [True, False], ids=["own level", "no application"])
def test_a_client_follows_the_machine_default_level(mode: str, has_level: bool) -> None:
    played = play(mode, has_level=has_level)
    results = played.apply()
    played.reboot()
    outcome = played.play(played.site.links[0])
    assert outcome.ok, (outcome.layer, outcome)
    assert level_of(played) is None
    assert results["old01"]["changed"]
    assert [name for name, result in played.apply().items() if result["changed"]] == []


def test_its_own_level_would_have_stopped_the_link() -> None:
    """So the test above is about something."""
    played = play("poll", has_level=True)
    played.apply()
    registry = played.hosts["old01"].registry
    registry.put(rf"{APP_IDS}\{TREND_APP_ID}", "AuthenticationLevel", RegistryValue.dword(CONNECT))
    played.reboot()
    outcome = played.play(played.site.links[0])
    assert not outcome.ok
    assert outcome.layer is Layer.AUTHENTICATION_LEVEL, outcome


def test_a_client_that_polls_is_made_no_application() -> None:
    played = play("poll", has_level=False)
    registry = played.hosts["old01"].registry
    before = registry.enum_keys(None, APP_IDS)
    played.apply()
    assert registry.enum_keys(None, APP_IDS) == before
