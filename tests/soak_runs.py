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
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from soak_checks import RunProcess, ViolationError, processes_of

from playbooks import Ansible, PlaybookRun, TaskResult

_LONGEST_S = 1200.0
_ORPHANS_S = 90.0  # a task whose playbook was killed goes on to its end
_GRACE_S = 5.0  # of a run that came to its end
_STILL_S = 3.0


class SoakAnsible(Ansible):
    """As Ansible, but a run may be killed after `kill_after_s`, the parent alone or with its workers (`kill_all`)."""

    kill_after_s: float | None = None
    kill_all: bool = False
    was_killed: bool = False
    stuck: int = 0  # workers of killed runs that had to be ended, so far

    def _run(self, command: Sequence[str]) -> PlaybookRun:
        self._runs += 1
        record, log = self.directory / "results.jsonl", self.directory / "output.txt"
        record.write_text("")
        temporary = self.directory / "tmp"
        temporary.mkdir(exist_ok=True)
        mark = f"OPC_DCOM_SOAK_RUN={uuid.uuid4()}"
        environment = {**self._environment(record), "TMPDIR": str(temporary), **dict([mark.split("=")])}
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
            self._wait(process, mark)
        self._demand_end(mark)
        self._demand_no_files(temporary)
        return PlaybookRun(process.returncode, log.read_text(encoding="utf-8"), tuple(_results(record)))

    def _wait(self, process: subprocess.Popen[bytes], mark: str) -> None:
        self.was_killed = False
        try:
            process.wait(_LONGEST_S if self.kill_after_s is None else self.kill_after_s)
        except subprocess.TimeoutExpired:
            self.was_killed = True
            os.kill(process.pid, signal.SIGKILL)
            if self.kill_all or self.kill_after_s is None:
                _kill(processes_of(mark))
            process.wait()
            if self.kill_after_s is None:
                raise ViolationError(f"ansible-playbook does not end within {_LONGEST_S} s") from None

    def _demand_end(self, mark: str) -> None:
        """Wait for the workers of a killed run, and end those that can do nothing any more."""
        deadline = time.monotonic() + (_ORPHANS_S if self.was_killed else _GRACE_S)
        while left := processes_of(mark):
            if time.monotonic() > deadline:
                is_harmless = self.was_killed and _are_stuck(left, mark)
                _kill(left)
                if not is_harmless:
                    raise ViolationError(f"processes of ansible-playbook are left: {left}")
                self.stuck += len(left)
                return
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


def _are_stuck(left: Sequence[RunProcess], mark: str) -> bool:
    """Whether they speak with no host and do not run: ansible-core's queue to a dead parent holds them for ever."""
    time.sleep(_STILL_S)
    return processes_of(mark) == left and not any(process.connections for process in left)


def _kill(processes: Sequence[RunProcess]) -> None:
    for item in processes:
        with suppress(ProcessLookupError):
            os.kill(item.process, signal.SIGKILL)


def _results(record: Path) -> list[TaskResult]:
    """The lines that were written whole."""
    lines = record.read_text(encoding="utf-8").split("\n")
    return [TaskResult(**json.loads(line)) for line in lines[:-1]]
