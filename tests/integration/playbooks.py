# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the real ansible-playbook, as a process of this environment's ansible-core, against a simulated site."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.inventory import format_inventory
from simulator.site import SimulatedSite

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".build" / "collections"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What one task gave on one host; status is ok, changed, failed, unreachable or skipped."""

    status: str
    host: str
    task: str
    action: str
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlaybookRun:
    """A finished ansible-playbook."""

    returncode: int
    output: str
    results: tuple[TaskResult, ...]

    def statuses(self, status: str) -> list[str]:
        """`host: task` of every result with this status."""
        return [f"{item.host}: {item.task}" for item in self.results if item.status == status]

    def of(self, host: str, action: str) -> list[TaskResult]:
        """Results of one module on one host; loops come item by item and once as a whole."""
        return [item for item in self.results if item.host == host and item.action.rpartition(".")[2] == action]


def assert_success(run: PlaybookRun) -> None:
    assert run.returncode == 0, run.output
    assert not run.statuses("failed"), run.output
    assert not run.statuses("unreachable"), run.output


class Ansible:
    """Runs playbooks against one site with one way to connect."""

    def __init__(
        self,
        site: SimulatedSite,
        directory: Path,
        groups: Mapping[str, Sequence[str]],
        only: Sequence[str] | None = None,
    ) -> None:
        """`only`: the hosts that the inventory knows, as in a job slice; None for all."""
        self.site = site
        self.only = list(site) if only is None else list(only)
        self.directory = directory
        self.groups = {name: list(members) for name, members in groups.items()}
        self.choice: dict[str, str] = {}
        self.connection = "winrm"
        self.host_vars: dict[str, object] = {}
        self.environment: dict[str, str] = {}
        self._runs = 0

    def playbook(self, name: str, *arguments: str, variables: Mapping[str, object] | None = None) -> PlaybookRun:
        """Run a playbook of the collection by its name (``otsec.opc_dcom.harden_opc``), or a file by its path."""
        inventory = self._write("inventory.json", self._inventory())
        command = [self._tool("ansible-playbook"), name, "-i", str(inventory), *arguments]
        if variables:
            command += ["-e", f"@{self._write('variables.json', json.dumps(variables))}"]
        return self._run(command)

    def tasks(self, tasks: Sequence[Mapping[str, Any]], *arguments: str, hosts: str = "all") -> PlaybookRun:
        """Run these tasks as a play of their own."""
        play = {"hosts": hosts, "gather_facts": False, "tasks": list(tasks)}
        return self.playbook(str(self._write("tasks.json", json.dumps([play]))), *arguments)

    def _run(self, command: Sequence[str]) -> PlaybookRun:
        self._runs += 1
        record = self.directory / f"results-{self._runs}.jsonl"
        record.touch()
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self._environment(record),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        lines = record.read_text(encoding="utf-8").splitlines()
        return PlaybookRun(done.returncode, done.stdout, tuple(TaskResult(**json.loads(line)) for line in lines))

    def _inventory(self) -> str:
        hosts = {
            name: {**self.site.inventory_vars(name, connection=self.connection, **self.choice), **self.host_vars}
            for name in self.only
        }
        return format_inventory(hosts, self.groups)

    def _environment(self, record: Path) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            kept.pop(name, None)
        return {
            **kept,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "integration" / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "record_results",
            "ANSIBLE_HOME": str(self.directory / "ansible-home"),
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORKS": "5",
            "LC_ALL": "C.UTF-8",
            "RECORD_RESULTS": str(record),
            **self.environment,
        }

    def _write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    @staticmethod
    def _tool(name: str) -> str:
        return str(Path(sys.executable).with_name(name))


def recap_counts(run: PlaybookRun, statuses: Iterable[str]) -> dict[str, int]:
    """How many results each status has."""
    return {status: sum(item.status == status for item in run.results) for status in statuses}
