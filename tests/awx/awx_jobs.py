# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs jobs as AWX does: one private data directory each, ansible-runner, survey answers and credentials as files.

Source: AWX, awx/main/tasks/jobs.py (build_private_data_files, build_inventory, inject_credential) and the inventory
slices of awx/main/models/inventory.py: hosts[slice_number - 1::slice_count].
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.served_site import ServedSite

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "examples" / "awx_project"
_JOB_S = 300.0


def slice_of(hosts: Sequence[str], number: int, count: int) -> list[str]:
    """The hosts of one slice, `number` from 1 on: every count-th host, not a block."""
    return list(hosts[number - 1 :: count])


@dataclass(frozen=True, slots=True)
class Job:
    """A job that has ended, with all that is kept of it."""

    directory: Path
    output: str
    returncode: int

    @property
    def artifacts(self) -> Path:
        return self.directory / "artifacts" / "1"

    def events(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Size in bytes and content of every event, as it is sent to the controller."""
        for path in sorted((self.artifacts / "job_events").glob("*.json")):
            text = path.read_bytes()
            yield len(text), json.loads(text)

    def files_with(self, texts: Sequence[str]) -> list[str]:
        """Artifacts in which one of the texts appears."""
        found = []
        for path in sorted(self.artifacts.rglob("*")):
            if path.is_file() and any(text in path.read_text(encoding="utf-8", errors="replace") for text in texts):
                found.append(str(path.relative_to(self.artifacts)))
        return found


class Controller:
    """Starts jobs against a simulated site with the inventory variables and credentials of a controller."""

    def __init__(
        self,
        site: ServedSite,
        directory: Path,
        groups: Mapping[str, Sequence[str]],
        variables: Mapping[str, object],
        credential: Mapping[str, str],
    ) -> None:
        self._site = site
        self._directory = directory
        self._groups = groups
        self._variables = variables
        self._credential = credential
        self._jobs = 0

    def run(self, playbook: str, hosts: Sequence[str], survey: Mapping[str, str], *arguments: str) -> Job:
        """One job on these hosts, in this order."""
        (job,) = self.run_at_once(playbook, [hosts], survey, *arguments)
        return job

    def run_at_once(
        self, playbook: str, slices: Sequence[Sequence[str]], survey: Mapping[str, str], *arguments: str
    ) -> list[Job]:
        """One job per list of hosts, all at the same time. A slice without hosts gets no job, as in AWX."""
        started = [self._start(playbook, hosts, survey, arguments) for hosts in slices if hosts]
        return [
            Job(directory, process.communicate(timeout=_JOB_S)[0], process.returncode) for directory, process in started
        ]

    def _start(
        self, playbook: str, hosts: Sequence[str], survey: Mapping[str, str], arguments: Sequence[str]
    ) -> tuple[Path, subprocess.Popen[str]]:
        self._jobs += 1
        directory = self._directory / f"job-{self._jobs}"
        shutil.copytree(PROJECT, directory / "project")
        _write(directory / "inventory" / "hosts", self._inventory(hosts))
        _write(directory / "env" / "extravars", survey)
        _write(directory / "env" / "credential", self._credential)
        words = ["-e", f"@{directory / 'env' / 'credential'}", *arguments]
        (directory / "env" / "cmdline").write_text(" ".join(words), encoding="utf-8")
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("ansible-runner")), "run", str(directory), "-p", playbook, "-i", "1"],
            cwd=directory,
            env=self._environment(directory),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return directory, process

    def _inventory(self, hosts: Sequence[str]) -> dict[str, object]:
        """Only the hosts of the job; groups with those of their members that are in it."""
        children = {
            group: {"hosts": {name: {} for name in members if name in hosts}} for group, members in self._groups.items()
        }
        return {
            "all": {
                "hosts": {name: self._site.variables(name) for name in hosts},
                "children": children,
                "vars": self._variables,
            }
        }

    @staticmethod
    def _environment(directory: Path) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTEST_"))}
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            kept.pop(name, None)
        home = directory / "home"
        home.mkdir()
        return {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            "HOME": str(home),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
        }


def _write(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
    path.chmod(0o600)
