# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""That a soak run sees every process of its playbook, and takes for stuck only what can do nothing any more."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import soak_runs
from soak_checks import ViolationError, processes_of

from simulator.site import SimulatedSite

pytestmark = [pytest.mark.e2e, pytest.mark.site]

MARK = "OPC_DCOM_SOAK_RUN=of-this-test"
SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
RUNS = "print('up', flush=True)\nwhile True: pass"
SPEAKS = "import socket, sys; s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); " + SLEEPS

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program in a session of its own, as a worker of ansible-core 2.21, and ends it after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(program: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", program, *arguments]
        environment = dict([MARK.split("=")])
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, start_new_session=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> soak_runs.SoakAnsible:
    """What runs playbooks, after one that it killed."""
    monkeypatch.setattr(soak_runs, "_ORPHANS_S", 0.0)
    monkeypatch.setattr(soak_runs, "_STILL_S", 0.5)
    ansible = soak_runs.SoakAnsible(SimulatedSite({}), tmp_path, {})
    ansible.was_killed = True
    return ansible


def test_a_process_in_a_session_of_its_own_is_seen(start: Start) -> None:
    assert processes_of(MARK) == []
    process = start(SLEEPS)
    (found,) = processes_of(MARK)
    assert (found.process, found.connections) == (process.pid, 0)
    process.kill()
    process.wait()
    assert processes_of(MARK) == []


def test_a_worker_that_sleeps_without_a_connection_is_ended_and_counted(
    start: Start, killed: soak_runs.SoakAnsible
) -> None:
    process = start(SLEEPS)
    killed._demand_end(MARK)
    assert killed.stuck == 1
    assert process.wait(10) == -9


@pytest.mark.parametrize("program", [RUNS, SPEAKS], ids=["runs", "speaks"])
def test_a_worker_that_works_is_a_violation(start: Start, killed: soak_runs.SoakAnsible, program: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = start(program, str(server.getsockname()[1]))
        with pytest.raises(ViolationError, match=f"process={process.pid}"):
            killed._demand_end(MARK)
    assert killed.stuck == 0
    assert process.wait(10) == -9


def test_nothing_may_be_left_of_a_run_that_came_to_its_end(
    start: Start, killed: soak_runs.SoakAnsible, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed.was_killed = False
    monkeypatch.setattr(soak_runs, "_GRACE_S", 0.5)
    start(SLEEPS)
    with pytest.raises(ViolationError, match="are left"):
        killed._demand_end(MARK)
