# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of a role may cost a host, measured by the comparison of benchmarks/ and held here (docs/benchmark.md)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from playbooks import Ansible, assert_success
from simulator.site import SimulatedSite

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import compare

pytestmark = pytest.mark.e2e


def test_messages_of_a_role() -> None:
    first, calm = compare.measure("roles", 1, 0)
    assert (first.run, calm.run) == ("first", "no change")
    assert 0 < first.messages <= 80
    assert 0 < calm.messages <= 13
    assert calm.connections <= 1


def test_tasks_of_a_role(tmp_path: Path) -> None:
    """The comparison sets as many tasks that do nothing against them."""
    (tmp_path / "play.json").write_text(json.dumps(compare.roles_play(["gw001"])), encoding="utf-8")
    with SimulatedSite({"gw001": compare.make_host("gw001")}) as site:
        ansible = Ansible(site, tmp_path, {"opc_servers": ["gw001"]})
        assert_success(ansible.playbook(str(tmp_path / "play.json")))
        calm = ansible.playbook(str(tmp_path / "play.json"))
        site.check()
    assert [item.status for item in calm.results] == ["ok"] * compare.ROLE_TASKS + ["skipped"] * compare.SKIPPED_TASKS
