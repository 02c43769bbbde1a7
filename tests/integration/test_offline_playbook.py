# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from five_hosts import CLIENTS, GROUPS, make_host, simulated
from lasting_state import state_of
from offline_scripts import collect_facts, run_script

from playbooks import Ansible, assert_success
from simulator.site import SimulatedSite

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("clients", [CLIENTS, (*CLIENTS, "gw02")], ids=["either role", "both roles"])
def test_three_walks_with_a_stick_do_what_the_playbook_does(
    site: SimulatedSite, clients: tuple[str, ...], tmp_path: Path
) -> None:
    ansible = Ansible(site, tmp_path, {**GROUPS, "opc_clients": clients})
    stick = tmp_path / "stick"
    bundle = "otsec.opc_dcom.bundle_opc"
    users = {"opc_server_allowed": "S-1-5-32-559", "opc_client_allowed": ["S-1-5-32-555"]}
    said = {"opc_offline_path": str(stick), "opc_offline_hosts": "gw02:eng02", **users}
    alone = {"gw02": simulated(site, "gw02"), "eng02": simulated(site, "eng02")}

    assert_success(ansible.playbook(bundle, variables=said))
    for name, host in alone.items():
        assert [path.name for path in (stick / name).iterdir()] == ["collect.cmd"]
        collect_facts(host, stick / name / "collect.cmd")
    assert_success(ansible.playbook(bundle, variables=said))
    for role, name, group in (
        ("opc_servers", "gw02", "Performance Log Users"),
        ("opc_clients", "gw02", "Remote Desktop Users"),
        ("opc_clients", "eng02", "Remote Desktop Users"),
    ):
        told = f"allow  BUILTIN\\{group}" in (stick / name / "README.txt").read_text(encoding="utf-8")
        assert told == (role == "opc_servers" or name in clients)
    for name, host in alone.items():
        run_script(host, stick / name / "apply.cmd")
        collect_facts(host, stick / name / "collect.cmd")
    last = ansible.playbook(bundle, variables=said)

    assert_success(last)
    assert last.output.count("nothing is left to do on") == 2
    assert all(site[name].statistics.messages == 0 for name in alone)
    twin = make_host("gw02")
    assert state_of(alone["gw02"]) != state_of(twin)
    connected = ansible.playbook(
        "otsec.opc_dcom.harden_opc",
        "--check",
        variables={"opc_server_reboot": False, "opc_client_reboot": False, **users},
    )
    unchanged = [item for item in connected.results if item.host in alone and item.action.endswith("opc_role")]
    assert [item.status for item in unchanged] == ["ok"] * (2 + ("gw02" in clients))
