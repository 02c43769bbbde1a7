# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook describe_site: what it writes can be pasted, and a file that is there is not written over."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site
from playbooks import Ansible
from simulator.host import SimulatedHost
from simulator.opc import administration as admin
from simulator.profiles import SERVER_2008_R2, SERVER_2019, WINDOWS_10
from simulator.site import SimulatedSite
from simulator.software import APIS_PROGRAM, da_server_32, hda_server, opc_client, opc_core_components, prediktor_apis
from simulator.subsystems.clock import VirtualClock

pytestmark = pytest.mark.e2e

DESCRIBE = "otsec.opc_dcom.describe_site"
CLIENT = r"C:\Program Files\Example\OpcClient.exe"
SOFTWARE = {
    "gw01": (SERVER_2019, [opc_core_components(), prediktor_apis()]),
    "hist01": (SERVER_2008_R2, [opc_core_components(), prediktor_apis(), da_server_32(), hda_server()]),
    "eng01": (WINDOWS_10, [opc_client(CLIENT)]),
}


def make_host(name: str) -> SimulatedHost:
    profile, software = SOFTWARE[name]
    host = SimulatedHost(name, profile, clock=VirtualClock(ticker=time.monotonic), software=software)
    host.allow_unencrypted = True
    host.accounts.set_password(None, "Administrator", "Simulated-Passw0rd")
    return host


@pytest.fixture
def site() -> Iterator[SimulatedSite]:
    hosts = {name: make_host(name) for name in SOFTWARE}
    admin.create_account(hosts["gw01"], "OPCServerUser", "Plant-Server-1")
    admin.run_service_as(hosts["gw01"], "ApisHive", "OPCServerUser", "Plant-Server-1")
    hosts["eng01"].run_program(CLIENT, "ENG01\\operator")
    for host in hosts.values():
        host.journal.records.clear()
    with SimulatedSite(hosts) as running:
        yield running
        running.check()


def test_a_site_is_described_and_the_file_is_not_written_over(site: SimulatedSite, tmp_path: Path) -> None:
    ansible = Ansible(site, tmp_path, {"opc_servers": ("gw01", "hist01"), "opc_clients": ("eng01",)})
    path = tmp_path / "skeleton.yml"
    variables = {"opc_describe_path": str(path), "opc_describe_client_programs": ["OpcClient.exe"]}

    described = ansible.playbook(DESCRIBE, variables=variables)

    assert described.returncode == 0, described.output
    assert {name: site[name].writes for name in SOFTWARE} == {name: [] for name in SOFTWARE}
    text = path.read_text(encoding="utf-8")
    model = yaml.safe_load(text)["opc_site"]
    assert model["applications"] == {
        "opcclient": {"program": CLIENT},
        "apishive": {"prog_id": "Prediktor.ApisOPCServer.1", "program": APIS_PROGRAM, "service": "ApisHive"},
        "example_daserver": {
            "prog_id": "Example.DaServer.1",
            "program": r"C:\Program Files (x86)\Example\DaServer.exe",
        },
        "example_hdaserver": {
            "prog_id": "Example.HdaServer.1",
            "program": r"C:\Program Files\Example\HdaServer.exe",
        },
    }
    assert list(model["accounts"]) == ["OPCServerUser"]
    assert list(model["hosts"]) == ["eng01", "gw01", "hist01"]
    parse_site(model, list(SOFTWARE))

    with_links = re.sub(r"(?m)^  #  ( *(?:- server|client|read_mode):)", r"  \1", text.replace("links: []", "links:"))
    known = with_links.replace('"ACCOUNT_IT_RUNS_AS"', '"OPCServerUser"')
    links = parse_site(yaml.safe_load(known)["opc_site"], list(SOFTWARE)).links
    assert ("gw01", "apishive", "OPCServerUser") in {
        (link.server.host, link.server.application, link.server.account)
        for link in links
        if link.client.host == "eng01"
    }

    path.write_text("mine\n", encoding="utf-8")
    again = ansible.playbook(DESCRIBE, variables=variables)
    assert again.returncode != 0
    assert "is left as it is" in again.output
    assert path.read_text(encoding="utf-8") == "mine\n"

    told = ansible.playbook(DESCRIBE, variables={**variables, "opc_describe_overwrite": True})
    assert told.returncode == 0, told.output
    assert path.read_text(encoding="utf-8") == text
