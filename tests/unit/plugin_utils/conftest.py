# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from live_host import LiveHost, LiveHostFactory

from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2019, Profile
from simulator.software import opc_client, opc_core_components, prediktor_apis


@pytest.fixture(autouse=True)
def direct_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no CA settings of the shell come between a test and its host."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def live() -> Iterator[LiveHostFactory]:
    """Makes live hosts (`name`, `profile`, and what SimulatedHost takes) that are stopped and checked at the end."""
    hosts: list[LiveHost] = []

    def make(name: str = "gw01", profile: Profile = SERVER_2019, **settings: Any) -> LiveHost:
        hosts.append(LiveHost(SimulatedHost(name, profile, **settings)))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


@pytest.fixture
def opc_server(live: LiveHostFactory) -> LiveHost:
    """A server with OpcEnum as it registers itself, APIS on the defaults, a pure client, and a group of OPC users."""
    made = live("gw01", software=[opc_core_components(), prediktor_apis(), opc_client()])
    made.simulated.accounts.create_group(None, "OPC Users")
    made.simulated.journal.records.clear()
    return made
