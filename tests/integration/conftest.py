# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from five_hosts import CLIENTS, GROUPS, SERVERS, make_host

from playbooks import Ansible
from simulator.site import SimulatedSite


@pytest.fixture
def site() -> Iterator[SimulatedSite]:
    """Two servers and three clients, over http and https."""
    hosts = {name: make_host(name) for name in (*SERVERS, *CLIENTS)}
    with SimulatedSite(hosts, schemes=("http", "https")) as running:
        yield running
        running.check()


@pytest.fixture
def ansible(site: SimulatedSite, tmp_path: Path) -> Ansible:
    return Ansible(site, tmp_path, GROUPS)
