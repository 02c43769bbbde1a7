# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook diagnose_opc with the real ansible-playbook: on a plant with one seeded cause it says it first."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from diagnosed_plants import NAME, model_of

from playbooks import Ansible, PlaybookRun
from simulator.opc.plants import CLIENT, SERVER
from simulator.opc.scenarios import find
from simulator.site import SimulatedSite

pytestmark = pytest.mark.e2e

DIAGNOSE = "otsec.opc_dcom.diagnose_opc"
PASSWORD = "Simulated-Passw0rd"
GROUPS = {"opc_servers": (SERVER,), "opc_clients": (CLIENT,)}


def found(run: PlaybookRun) -> dict[str, Any]:
    (result,) = (item.result for item in run.results if item.action.endswith("opc_diagnosis"))
    return result


def test_a_plant_whose_passwords_differ(tmp_path: Path) -> None:
    """Nothing in the configuration shows it; the events and the client's own log do."""
    plant = find("passwords_differ").build()
    log = tmp_path / "ApisHive.log"
    log.write_text("\n".join(plant.connect().client_log), encoding="utf-8")
    plant.open_to_clients(PASSWORD, time.monotonic)
    said = {"opc_site": model_of(plant), "opc_diagnose_since": "52w", "opc_diagnose_apis_logs": {CLIENT: [str(log)]}}
    with SimulatedSite(plant.hosts) as site:
        ansible = Ansible(site, tmp_path, GROUPS)
        run = ansible.playbook(DIAGNOSE, variables={**said, "opc_diagnose_link": NAME})
        assert run.returncode == 0, run.output
        assert run.statuses("changed") == []
        first = found(run)["problems"][0]
        assert (first["cause"], first["host"], first["links"]) == ("password_wrong", SERVER, [NAME])
        (command,) = first["commands"]
        assert command.startswith("ansible-playbook otsec.opc_dcom.harden_opc -i inventory.json --limit gw01 -e")
        assert any("APIS log" in text for text in first["why"])
        assert (
            "1. [logged] gw01 (history): the password of OPCClientUser is not the one of the other host." in run.output
        )
        assert {name: site[name].writes for name in site} == {name: [] for name in site}

        unknown = ansible.playbook(DIAGNOSE, variables={**said, "opc_diagnose_host": ["gw01", "gw7"]})
        assert unknown.returncode != 0
        assert "opc_diagnose_link and opc_diagnose_host: the site has no gw7" in unknown.output
        site.check()


def test_a_server_that_is_down(tmp_path: Path) -> None:
    """A host that does not answer is the cause, not an error of the diagnosis."""
    plant = find("server_is_down").build()
    plant.open_to_clients(PASSWORD, time.monotonic)
    with SimulatedSite(plant.hosts) as site:
        run = Ansible(site, tmp_path, GROUPS).playbook(DIAGNOSE, variables={"opc_site": model_of(plant)})
        first = found(run)["problems"][0]
        assert (first["cause"], first["host"], first["certainty"]) == ("host_silent", SERVER, "refuses")
        assert run.statuses("failed") == []
        site.check()
