# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-playbook for soak.py: with a directory of temporary files of its own, and perhaps killed midway."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from soak_checks import ViolationError, processes_of

from playbooks import Ansible, PlaybookRun, TaskResult

_LONGEST_S = 1200.0
_ORPHANS_S = 90.0  # a task whose playbook was killed goes on to its end


class SoakAnsible(Ansible):
    """As Ansible, but a run may be killed after `kill_after_s`, the parent alone or with its workers (`kill_all`)."""

    kill_after_s: float | None = None
    kill_all: bool = False
    was_killed: bool = False

    def _run(self, command: Sequence[str]) -> PlaybookRun:
        self._runs += 1
        record, log = self.directory / "results.jsonl", self.directory / "output.txt"
        record.write_text("")
        temporary = self.directory / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = {**self._environment(record), "TMPDIR": str(temporary)}
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            self._wait(process)
        self._demand_end(process.pid)
        self._demand_no_files(temporary)
        return PlaybookRun(process.returncode, log.read_text(encoding="utf-8"), tuple(_results(record)))

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        self.was_killed = False
        try:
            process.wait(_LONGEST_S if self.kill_after_s is None else self.kill_after_s)
        except subprocess.TimeoutExpired:
            self.was_killed = True
            os.kill(process.pid, signal.SIGKILL)
            if self.kill_all or self.kill_after_s is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if self.kill_after_s is None:
                raise ViolationError(f"ansible-playbook does not end within {_LONGEST_S} s") from None

    def _demand_end(self, group: int) -> None:
        deadline = time.monotonic() + (_ORPHANS_S if self.was_killed else 5.0)
        while left := processes_of(group):
            if time.monotonic() > deadline:
                os.killpg(group, signal.SIGKILL)
                raise ViolationError(f"processes of ansible-playbook are left: {left}")
            time.sleep(0.2)

    def _demand_no_files(self, temporary: Path) -> None:
        """Ansible's own directories are left by a killed run, and by nothing else."""
        own = self.directory / "ansible-home" / "tmp"
        left = [*temporary.iterdir(), *(own.iterdir() if own.exists() else ())]
        expected = [path for path in left if self.was_killed and path.name.startswith(("ansible-local-", "pymp-"))]
        if len(left) > len(expected):
            names = sorted(path.name for path in left if path not in expected)
            raise ViolationError(f"files are left on the controller: {', '.join(names)}")
        for path in expected:
            shutil.rmtree(path)


def _results(record: Path) -> list[TaskResult]:
    """The lines that were written whole."""
    lines = record.read_text(encoding="utf-8").split("\n")
    return [TaskResult(**json.loads(line)) for line in lines[:-1]]
