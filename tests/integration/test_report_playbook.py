# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook report_opc with the real ansible-playbook: three files that say what is there, and no change."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from diagnosed_plants import NAME, model_of

from playbooks import Ansible
from simulator.opc.plants import CLIENT, SERVER
from simulator.opc.scenarios import find
from simulator.site import SimulatedSite

pytestmark = pytest.mark.e2e

REPORT = "otsec.opc_dcom.report_opc"
PASSWORD = "Simulated-Passw0rd"
SECRETS = ("Plant-Server-1", "Plant-Client-1", PASSWORD)


def test_a_site_is_reported_and_nothing_is_changed(tmp_path: Path) -> None:
    plant = find("callback_access_permission_lacks_the_account").build()
    plant.connect()
    plant.open_to_clients(PASSWORD, time.monotonic)
    model = model_of(plant)
    for name, secret in zip(("OPCServerUser", "OPCClientUser"), SECRETS, strict=False):
        model["accounts"][name] = {"password": secret}
    reports = tmp_path / "reports"
    said = {"opc_site": model, "opc_report_path": str(reports), "opc_report_title": "Plant <North>"}
    said["opc_diagnose_since"] = "52w"
    with SimulatedSite(plant.hosts) as site:
        ansible = Ansible(site, tmp_path, {"opc_servers": (SERVER,), "opc_clients": (CLIENT,)})
        preview = ansible.playbook(REPORT, "--check", variables=said)
        assert preview.returncode == 0, preview.output
        assert not reports.exists()

        first = ansible.playbook(REPORT, variables=said)
        assert first.returncode == 0, first.output
        assert {path.name: oct(path.stat().st_mode & 0o777) for path in reports.iterdir()} == {
            "opc_report.html": "0o600",
            "opc_report.json": "0o600",
            "opc_report.xml": "0o600",
        }
        report = json.loads((reports / "opc_report.json").read_text())
        assert report["title"] == "Plant <North>"
        assert [(link["name"], link["state"]) for link in report["links"]] == [(NAME, "fails")]
        assert [host["name"] for host in report["hosts"]] == [SERVER, CLIENT]
        assert all(host["is_audited"] and host["drift"] and host["switches"] for host in report["hosts"])
        assert report["problems"][0]["cause"] == "access_permission"
        assert any(item["event_id"] == 10017 for item in report["hosts"][1]["events"])
        assert "Plant &lt;North&gt;" in (reports / "opc_report.html").read_text()
        suites = ET.parse(reports / "opc_report.xml").getroot()
        assert [(suite.get("name"), suite.get("failures")) for suite in suites] == [("links", "1"), ("hosts", "2")]
        for path in reports.iterdir():
            assert not [secret for secret in SECRETS if secret in path.read_text()]
        assert {name: site[name].writes for name in site} == {name: [] for name in site}

        written = {path: path.stat().st_mtime_ns for path in reports.iterdir()}
        again = ansible.playbook(REPORT, variables=said)
        assert again.returncode == 0, again.output
        assert [item.status for item in again.results if item.action.endswith("opc_report")] == ["ok"]
        assert {path: path.stat().st_mtime_ns for path in reports.iterdir()} == written
        site.check()
