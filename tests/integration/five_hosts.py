# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of most tests here: two servers and three clients of several versions of Windows."""

from __future__ import annotations

import time

from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2016, SERVER_2019, SERVER_2022, WINDOWS_10
from simulator.site import SimulatedSite
from simulator.subsystems.clock import VirtualClock

SERVERS = ("gw01", "gw02")
CLIENTS = ("hist01", "eng01", "eng02")
GROUPS = {"opc_servers": SERVERS, "opc_clients": CLIENTS}
PROFILES = {
    "gw01": SERVER_2019,
    "gw02": SERVER_2016,
    "hist01": SERVER_2022,
    "eng01": WINDOWS_10,
    "eng02": WINDOWS_10,
}
# Real seconds a simulated reboot takes; the simulated clock moves by minutes.
FAST_REBOOT = {"opc_server_reboot_interval_s": 0.2, "opc_client_reboot_interval_s": 0.2}


def make_host(name: str) -> SimulatedHost:
    """A host that answers Basic over http as well, so that every way to connect can be tried."""
    host = SimulatedHost(name, PROFILES[name], clock=VirtualClock(ticker=time.monotonic))
    host.allow_unencrypted = True
    host.accounts.set_password(None, "Administrator", "Simulated-Passw0rd")
    return host


def simulated(site: SimulatedSite, name: str) -> SimulatedHost:
    host = site[name].host
    assert isinstance(host, SimulatedHost)
    return host
