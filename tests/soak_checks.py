# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What soak.py looks at after each round: states, access of administrators, links, and what a run leaves behind."""

from __future__ import annotations

import difflib
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from random_sites import PlayedSite
from soak_site import lasting

from simulator.host import SimulatedHost
from simulator.opc.access_check import (
    ACTIVATE_LOCAL,
    ACTIVATE_REMOTE,
    EXECUTE_LOCAL,
    EXECUTE_REMOTE,
    Grant,
    Token,
    judge,
)
from simulator.site import SimulatedSite
from simulator.subsystems.firewall_match import Connection

STATE_KEY = r"HKLM\SOFTWARE\otsec\opc_dcom"
_ADMINISTRATORS = "S-1-5-32-544"
_CONTROLLER = "10.1.0.250"
_WINRM = 5985
_ESTABLISHED = "01"


class ViolationError(Exception):
    """Something that must hold in every round does not."""


# -- hosts


def has_journal(host: SimulatedHost) -> bool:
    return host.registry.key_exists(None, STATE_KEY) and host.registry.get(STATE_KEY, "Journal") is not None


@dataclass(slots=True)
class HostStates:
    """The state each host was last seen to be in by name, and what is possible in one round."""

    known: Mapping[str, Mapping[str, str]]
    at: dict[str, str]

    def judge(self, host: SimulatedHost, name: str, goals: Iterable[str], done: bool) -> str:
        """The name of the state of a host after a run, `journal` for one in between. Raises ViolationError.

        `goals` are the states the run may have led to, `done` says that it reported to have got there.
        """
        goals = tuple(goals)
        if done and has_journal(host):
            raise ViolationError(f"{name} was reported as done and has a journal")
        state = lasting(host)
        legal = goals if done else (self.at[name], *goals)
        for goal in legal:
            if self.known[goal][name] == state:
                if not has_journal(host):  # which the next run undoes first, whatever was written
                    self.at[name] = goal
                return goal
        if has_journal(host):
            return "journal"
        raise ViolationError(
            f"{name} is in none of the states {', '.join(legal)}: {self._difference(name, state, legal)}"
        )

    def _difference(self, name: str, state: str, legal: Iterable[str]) -> str:
        found = state.splitlines()
        texts = []
        for goal in legal:
            lines = list(difflib.unified_diff(self.known[goal][name].splitlines(), found, n=0, lineterm=""))[2:]
            told = [line for line in lines if not line.startswith("@")]
            texts.append(f"\n  against {goal} (-), it has (+): {told[:12]}")
        others = [goal for goal in self.known if self.known[goal][name] == state]
        return "".join(texts) + (f"\n  it is {', '.join(others)}" if others else "")


def demand_access(name: str, host: SimulatedHost) -> None:
    """Raises ViolationError when administrators or WinRM are locked out."""
    force = host.in_force()
    token = Token(frozenset({_ADMINISTRATORS, "S-1-1-0", "S-1-5-11"}))
    domain_sid = host.domain.sid if host.domain else None
    for limit, rights in (
        (force.access_limit, (EXECUTE_LOCAL, EXECUTE_REMOTE)),
        (force.launch_limit, (EXECUTE_LOCAL, EXECUTE_REMOTE, ACTIVATE_LOCAL, ACTIVATE_REMOTE)),
    ):
        if any(judge(limit, token, right, domain_sid=domain_sid) is not Grant.GRANTED for right in rights):
            raise ViolationError(f"{name}: a machine limit in force keeps administrators out")
    profile = host.firewall.network_profile
    connection = Connection("In", _CONTROLLER, "System", _WINRM, local_address="10.1.0.1", profile=profile)
    if not host.firewall.evaluate(connection).is_allowed:
        raise ViolationError(f"{name}: the firewall keeps WinRM out")


def working_links(played: PlayedSite) -> list[dict[str, Any]]:
    return [link for link in played.site.links if played.play(link).ok]


# -- leftovers


def established(ports: set[int]) -> int:
    """TCP connections to these ports of this machine that are open now."""
    fields = [line.split() for line in _lines(Path("/proc/net/tcp"))]
    return sum(item[3] == _ESTABLISHED and int(item[2].rpartition(":")[2], 16) in ports for item in fields)


@dataclass(frozen=True, slots=True)
class RunProcess:
    """A process that has not ended. `processor_ticks` is what it has used so far, `connections` its TCP sockets."""

    process: int
    processor_ticks: int
    connections: int


def processes_of(mark: str) -> list[RunProcess]:
    """Processes that were started with this text among their environment, whatever their parent, group or session."""
    sockets = _tcp_sockets()
    found = (_run_process(path, mark.encode(), sockets) for path in Path("/proc").glob("[0-9]*"))
    return [process for process in found if process is not None]


def _run_process(path: Path, mark: bytes, sockets: set[str]) -> RunProcess | None:
    try:
        if mark not in (path / "environ").read_bytes():
            return None
        stat = (path / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        held = {os.readlink(item) for item in (path / "fd").iterdir()}
    except OSError:  # it has ended, or is somebody else's
        return None
    return None if stat[0] in "ZX" else RunProcess(int(path.name), int(stat[11]) + int(stat[12]), len(held & sockets))


def _tcp_sockets() -> set[str]:
    """As the links in /proc/PID/fd name them. Source: proc_pid_fd(5), proc_net(5)."""
    lines = [line for name in ("tcp", "tcp6") for line in _lines(Path("/proc/net") / name)]
    return {f"socket:[{line.split()[9]}]" for line in lines}


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").splitlines()[1:] if path.exists() else []


@dataclass(frozen=True, slots=True)
class Resources:
    """What the process of the site holds. `memory_mib` is resident."""

    threads: int
    files: int
    memory_mib: float


def resources() -> Resources:
    """Now. The listing itself holds one file more."""
    fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    memory = int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Resources(threading.active_count(), len(os.listdir("/proc/self/fd")) - 1, memory)


def left_on_hosts(site: SimulatedSite) -> dict[str, int]:
    """Open shells and enumerations by host, where there are any."""
    return {name: count for name in site if (count := _open(site, name))}


def _open(site: SimulatedSite, name: str) -> int:
    dispatcher = site[name].dispatcher
    owners = ["Administrator", f"{site[name].host.computer_name}\\Administrator"]
    return dispatcher.shells.open_shells + sum(dispatcher.enumerations.open_by(owner) for owner in owners)
