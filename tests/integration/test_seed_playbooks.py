# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of Prediktor's article with the real playbooks: verify_links names the cause, harden_opc takes it away.

tests/unit/plugin_utils/test_seed_cases.py has all of them without Ansible.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from link_states import model_of

from playbooks import Ansible, assert_success
from simulator.opc.plants import CLIENT, SERVER
from simulator.opc.scenarios import find
from simulator.site import SimulatedSite

pytestmark = [pytest.mark.e2e, pytest.mark.site]

FAST = {"opc_server_reboot_interval_s": 0.2, "opc_client_reboot_interval_s": 0.2}
GATEWAY = "let clients use OPC UA: a gateway on gw01, or on a new host beside it"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "access_denied_on_create",
            "access_limit on gw01: machine_access_limit does not give NT AUTHORITY\\\\ANONYMOUS LOGON remote_access",
        ),
        (
            "advise_access_denied_to_unknown_account",
            "account (the way back) on hist01: there is no account OPCServerUser",
        ),
        ("server_cannot_be_updated", GATEWAY),
    ],
)
def test_a_case_is_named_and_taken_away(name: str, said: str, tmp_path: Path) -> None:
    scenario = find(name)
    plant = scenario.build()
    assert {part.direction: (part.hresult, part.layer) for part in plant.connect().parts if not part.ok} == dict(
        scenario.symptoms
    )
    variables = {**FAST, "opc_site": model_of(plant)}
    plant.open_to_clients("Simulated-Passw0rd", time.monotonic)
    with SimulatedSite(plant.hosts) as site:
        ansible = Ansible(site, tmp_path, {"opc_servers": [SERVER], "opc_clients": [CLIENT]})
        looked = ansible.playbook("otsec.opc_dcom.verify_links", variables=variables)
        assert (looked.returncode != 0) == bool(scenario.symptoms)
        assert said in looked.output

        hardened = ansible.playbook("otsec.opc_dcom.harden_opc", variables=variables)

        assert_success(hardened)
        outcome = site.run_in_loop(plant.connect)
        assert outcome.ok, outcome.evidence
        assert (GATEWAY in hardened.output) == (name == "server_cannot_be_updated")
        site.check()
