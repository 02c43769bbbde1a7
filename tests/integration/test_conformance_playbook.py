# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest

from playbooks import Ansible
from simulator.site import SimulatedSite

pytestmark = pytest.mark.e2e


def test_a_file_to_publish_is_written(site: SimulatedSite, ansible: Ansible, tmp_path: Path) -> None:
    for pattern in ("OtsecNoSuchClass", "OtsecNoSuchMethod", "select \\* form"):
        site.expect_violation(pattern)
    path = tmp_path / "conformance.json"
    run = ansible.playbook(
        "otsec.opc_dcom.conformance",
        variables={"opc_conformance_hosts": "gw01:eng01", "opc_conformance_path": str(path), "allow_writes": "true"},
    )
    assert run.returncode == 0, run.output
    written = json.loads(path.read_text(encoding="utf-8"))
    assert [host["refuted"] for host in written] == [[], []]
    assert {host["system"]["build"] for host in written} == {17763, 19045}
    assert "gw01" not in path.read_text(encoding="utf-8").lower()
    assert site["gw01"].writes
    assert site["hist01"].writes == []
