# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-playbook run: the items of a loop share one TCP connection, and the next task has its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from loopback_http import Answer, serving
from wsman_responder import Responder

ROOT = Path(__file__).resolve().parents[4]

ACTION = """
from ansible.plugins.action import ActionBase
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman import _open, _schema

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        client = _open.open_client(self._connection)
        try:
            instance = client.get(_schema.WIN32_SERVICE, {"Name": self._task.args["name"]})
            output = client.run_command("echo " + instance["Name"])
        finally:
            client.close()
        return {"stdout": output.stdout.decode(), "messages": client.statistics.messages}
"""

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - wsman_probe: {name: "{{ item }}"}
      loop: [a, b, c, d]
    - wsman_probe: {name: e}
"""

INVENTORY = """
h1 ansible_host=127.0.0.1 ansible_port={port} ansible_user=u ansible_password=p ansible_connection={plugin}
[all:vars]
ansible_winrm_transport=basic
ansible_winrm_scheme=http
ansible_psrp_auth=basic
ansible_psrp_protocol=http
ansible_psrp_message_encryption=never
ansible_winrm_message_encryption=never
"""


@pytest.mark.e2e
@pytest.mark.matrix
@pytest.mark.parametrize("plugin", ["winrm", "psrp"])
def test_loop_items_share_one_connection(tmp_path: Path, plugin: str) -> None:
    host = Responder()

    def respond(data: bytes) -> Answer:
        reply = host.send(data)
        return Answer(reply.status, reply.body)

    (tmp_path / "action_plugins").mkdir()
    (tmp_path / "action_plugins" / "wsman_probe.py").write_text(ACTION)
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    with serving(respond) as server:
        (tmp_path / "hosts").write_text(INVENTORY.format(port=server.port, plugin=plugin))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "hosts", "play.yml", "-v"]
        surroundings = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "no_proxy": "*"}
        surroundings["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".build" / "collections")
        run = subprocess.run(
            command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, timeout=120, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert "echo d" in run.stdout
        assert server.connections == 2
        assert server.wait_until_closed()
    assert host.verbs.count("Get") == 5
    assert len(host.deleted) == host.verbs.count("Create") == 5
    assert host.shells == {}
