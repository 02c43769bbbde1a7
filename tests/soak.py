# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A soak run: the real playbooks against a site in trouble, round after round, until the time is up.

In each round random hosts get random trouble (soak_faults), a random playbook is run on them and sometimes killed, and
then every host is looked at (soak_checks). In the end two runs without trouble must lead to the declared state, the
second without a change, and nothing may be left. `python tests/soak.py --minutes 30 --hosts 100 --seed 1`; the first
violation ends it with 1 and the arguments that draw the same rounds again. Timing is not drawn: two runs of one seed
may differ in what a fault strikes.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
for place in (ROOT / ".build" / "collections", ROOT / "tests" / "integration"):
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))

from soak_checks import (  # noqa: E402
    HostStates,
    Resources,
    ViolationError,
    demand_access,
    established,
    has_journal,
    left_on_hosts,
    resources,
    working_links,
)
from soak_faults import KINDS  # noqa: E402
from soak_runs import SoakAnsible  # noqa: E402
from soak_site import DECLARATIONS, UNTOUCHED, SoakSite, declared_states  # noqa: E402

from playbooks import PlaybookRun  # noqa: E402
from simulator.site import SimulatedSite  # noqa: E402

_LATEST = "latest"
_READING = ("verify_links", "audit_opc", "check")
_KINDS_OF_RUNS = {"harden": 6, "first": 1, _LATEST: 1, "verify_links": 1, "audit_opc": 1, "check": 1}
_BAD = ("failed", "unreachable")
_IDLE_S = 3 * 3600.0  # after this WinRM has ended shells and enumerations that nobody uses
_MORE_MEMORY = 1.3
_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Round:
    """What is done in one round."""

    number: int
    run: str
    declaration: str
    hosts: tuple[str, ...]
    connection: str
    auth: str
    kill_after_s: float | None
    kill_all: bool
    goes_on: bool  # opc_stop_on_failure: false


@dataclass(slots=True)
class Totals:
    """What has happened so far. `faults` counts messages that were struck, by kind."""

    rounds: int = 0
    runs: int = 0
    killed: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    done: int = 0
    failed: int = 0
    recovered: int = 0
    excused_links: int = 0


def draw(seed: str, number: int, names: list[str], largest: int) -> Round:
    """A round by its number: the same for the same seed and hosts."""
    rng = random.Random(f"{seed}/{number}")
    return Round(
        number,
        rng.choices(list(_KINDS_OF_RUNS), list(_KINDS_OF_RUNS.values()))[0],
        rng.choice(list(DECLARATIONS)),
        tuple(sorted(rng.sample(names, rng.randint(max(1, largest // 3), largest)))),
        rng.choice(("winrm", "winrm", "psrp")),
        rng.choice(("basic", "basic", "ntlm")),
        rng.uniform(3.0, 40.0) if rng.random() < 0.2 else None,
        rng.random() < 0.5,
        rng.random() < 0.7,
    )


class Soak:
    """One soak run. `clock_s` drives what expires on hosts; it may be moved on."""

    def __init__(self, seed: str, count: int, largest: int, directory: Path) -> None:
        self.seed, self.largest = seed, min(largest, count)
        self.site = SoakSite(seed, count)
        self.hosts = self.site.played.hosts
        known = declared_states(seed, count)
        self.states = HostStates(known, dict.fromkeys(self.hosts, UNTOUCHED))
        self.accounts = {name: host.accounts.snapshot() for name, host in self.hosts.items()}
        self.links = working_links(self.site.played)
        self.totals = Totals()
        self._later_s = 0.0
        self.served = SimulatedSite(self.hosts, clock=lambda: time.monotonic() + self._later_s)
        self.ansible = SoakAnsible(self.served, directory, self.site.groups)
        self.ansible.environment = {"ANSIBLE_FORKS": "10"}
        self._trouble: dict[str, list[tuple[str, Any]]] = {}
        self._early: Resources | None = None

    # Rounds

    def play(self, drawn: Round) -> str:
        """Play a round and check every host; a line about it. Raises ViolationError."""
        started = time.monotonic()
        before = {name: has_journal(host) for name, host in self.hosts.items()}
        self._add_trouble(drawn)
        self.ansible.kill_after_s, self.ansible.kill_all = drawn.kill_after_s, drawn.kill_all
        self.ansible.connection, self.ansible.choice = drawn.connection, {"auth": drawn.auth}
        more = {"opc_stop_on_failure": False} if drawn.goes_on else {}
        run = self._run(drawn.run, drawn.declaration, drawn.hosts, more)
        self.totals.killed += self.ansible.was_killed
        self._wait_for_quiet()
        faults = self._count_trouble()
        found = self.served.run_in_loop(lambda: self._look(drawn, run, before))
        self._clear_some_trouble(drawn)
        self._forget()
        self.totals.rounds += 1
        if self.totals.rounds == 2:
            self._early = resources()
        killed = " killed" if self.ansible.was_killed else ""
        states = ", ".join(f"{count} {name}" for name, count in sorted(found.items()))
        return (
            f"round {drawn.number}: {drawn.run} {drawn.declaration}, {len(drawn.hosts)} hosts{killed}, ended with "
            f"{run.returncode} in {time.monotonic() - started:.0f} s; {faults} messages struck; now {states}; "
            f"{resources().memory_mib:.0f} MiB"
        )

    def _run(
        self, kind: str, declaration: str, hosts: tuple[str, ...], more: Mapping[str, object] = _NOTHING
    ) -> PlaybookRun:
        variables = {**self.site.variables(declaration), "opc_canary": "100%", **more}
        arguments = ["--limit", ",".join(hosts)]
        playbook = {"harden": "harden_opc", "check": "harden_opc"}.get(kind, kind)
        if kind in ("first", _LATEST):
            playbook, variables["opc_rollback_to"] = "rollback_opc", kind
        if kind == "check":
            arguments.append("--check")
        self.totals.runs += 1
        return self.ansible.playbook(f"otsec.opc_dcom.{playbook}", *arguments, variables=variables)

    def _add_trouble(self, drawn: Round) -> None:
        """Two hosts of three get one kind, some get two."""
        rng = random.Random(f"{self.seed}/{drawn.number}/faults")
        for name in drawn.hosts:
            for _kind in range(rng.choice((0, 1, 2))):
                kind = rng.choice(list(KINDS))
                fault = KINDS[kind](rng, self.hosts[name])
                self._trouble.setdefault(name, []).append((kind, fault))
                self.served.add_fault(name, fault)

    def _count_trouble(self) -> int:
        """Count what struck in this round."""
        struck = 0
        for name, given in self._trouble.items():
            effects = Counter(effect for _number, _operation, effect in self.served[name].faults.struck)
            for kind, fault in given:
                if effects[fault.effect]:
                    self.totals.faults[kind] += effects[fault.effect]
                    struck += effects.pop(fault.effect)
            self.served[name].faults.struck.clear()
        return struck

    def _clear_some_trouble(self, drawn: Round) -> None:
        """What has not struck yet stays on every second host."""
        rng = random.Random(f"{self.seed}/{drawn.number}/stays")
        for name in sorted(self._trouble):
            if rng.random() < 0.5:
                self.served[name].faults.clear()
                del self._trouble[name]

    def _wait_for_quiet(self) -> None:
        """Until no connection is open and every host is up. Raises ViolationError."""
        ports = {port for name in self.served for port in self.served[name].ports.values()}
        deadline = time.monotonic() + 20.0
        while (count := established(ports)) or self._down():
            if time.monotonic() > deadline:
                raise ViolationError(f"{count} connections to the site are open, {self._down()} are down")
            time.sleep(0.1)

    def _down(self) -> list[str]:
        return self.served.run_in_loop(lambda: [name for name, host in self.hosts.items() if not host.is_up])

    def _forget(self) -> None:
        """The records of the simulator grow with each message."""
        for name, host in self.hosts.items():
            host.journal.records.clear()
            self.served[name].statistics.reset()

    # Checks

    def _look(self, drawn: Round, run: PlaybookRun, before: Mapping[str, bool]) -> Counter[str]:
        self._demand_no_violations()
        done = set(self._done(drawn, run))
        failed = {item.host for item in run.results if item.status in _BAD}
        found: Counter[str] = Counter()
        for name, host in self.hosts.items():
            goals = self._goals(drawn, name) if name in drawn.hosts else (self.states.at[name],)
            state = self.states.judge(host, name, goals, name in done)
            self._demand_access(name)
            found[state] += 1
            self.totals.recovered += before[name] and not has_journal(host)
        self.totals.done += len(done)
        self.totals.failed += len(failed)
        self.totals.outcomes.update(found)
        self._demand_links(drawn, done)
        return found

    def _demand_no_violations(self) -> None:
        if self.served.violations:
            raise ViolationError(f"the site was asked what it does not know: {self.served.violations[:3]}")

    def _demand_access(self, name: str) -> None:
        demand_access(name, self.hosts[name])
        now = self.hosts[name].accounts.snapshot()
        if now != self.accounts[name]:
            changed = [item for item in now if item not in self.accounts[name]]
            raise ViolationError(f"{name}: accounts, groups or rights were changed: {changed}")

    def _goals(self, drawn: Round, name: str) -> tuple[str, ...]:
        if drawn.run == "harden":
            return (drawn.declaration,)
        if drawn.run == "first":
            return (UNTOUCHED,)
        if drawn.run == _LATEST:
            return tuple(self.states.known)
        return (self.states.at[name],)

    def _done(self, drawn: Round, run: PlaybookRun) -> Iterator[str]:
        """The hosts that were reported to be in the state that was asked for."""
        if drawn.run not in ("harden", "first"):
            return
        action = "opc_role" if drawn.run == "harden" else "dcom_snapshot"
        good = Counter(
            item.host
            for item in run.results
            if item.action.endswith(action)
            and item.status in ("ok", "changed")
            and item.task != "See whether there is anything to take back"
            and not item.result.get("accounts_first")
        )
        for name in drawn.hosts:
            if good[name] >= (self.site.roles(name) if drawn.run == "harden" else 1):
                yield name

    def _demand_links(self, drawn: Round, done: set[str]) -> None:
        """Raises ViolationError for a link that worked and does not, unless one of its ends was left behind."""
        working = working_links(self.site.played)
        for link in self.links:
            if link not in working and not self._is_excused(drawn, link):
                raise ViolationError(f"the link {link} worked before: {self.site.played.play(link).evidence}")
        self.totals.excused_links += sum(link not in working for link in self.links)
        self.links = working_links(self.site.played)

    def _is_excused(self, drawn: Round, link: Mapping[str, Any]) -> bool:
        """Who raises a server whose client was left out, or is not there yet and nothing waits for it, breaks the link.

        Hosts that are both are raised side by side, so one that fails is not waited for either. Back it is the reverse:
        servers first, with those that are both; and the latest snapshot of each host may be another state.
        """
        client, server = link["client"]["host"], link["server"]["host"]
        if drawn.run == _LATEST:
            return self.states.at[server] != UNTOUCHED
        if drawn.run == "first":
            late, there, side_by_side = server, UNTOUCHED, client in self.site.servers
        elif drawn.run == "harden":
            late, there, side_by_side = client, drawn.declaration, self.site.play(client) == self.site.play(server)
        else:
            return False
        return self.states.at[late] != there and (late not in drawn.hosts or drawn.goes_on or side_by_side)

    # The end

    def finish(self) -> str:
        """Two runs without trouble, then everything must be in place and nothing left. Raises ViolationError."""
        for name in self.served:
            self.served[name].faults.clear()
        self._trouble.clear()
        self.ansible.kill_after_s = None
        self.ansible.connection, self.ansible.choice = "winrm", {"auth": "basic"}
        declaration, everybody = "logged", tuple(self.hosts)
        first = self._clean_run(declaration, everybody)
        changed = len({line.partition(":")[0] for line in first.statuses("changed")})
        shells = left_on_hosts(self.served)
        second = self._clean_run(declaration, everybody)
        if second.statuses("changed"):
            raise ViolationError(f"the second run without trouble changed: {second.statuses('changed')[:5]}")
        if any(left_on_hosts(self.served).get(name, 0) > shells.get(name, 0) for name in self.hosts):
            raise ViolationError("runs without trouble leave shells or operations on hosts")
        self._later_s += _IDLE_S
        if left := left_on_hosts(self.served):
            raise ViolationError(f"shells or operations are left on hosts: {left}")
        return f"end: {changed} hosts brought to the declared state, then nothing to do; {self._demand_flat(shells)}"

    def _clean_run(self, declaration: str, hosts: tuple[str, ...]) -> PlaybookRun:
        run = self._run("harden", declaration, hosts)
        self._wait_for_quiet()
        told = set(self._done(Round(0, "harden", declaration, hosts, "winrm", "basic", None, False, False), run))
        if not run.returncode and told != set(hosts):
            raise ViolationError(f"a run without trouble does not tell that it is done: {sorted(set(hosts) - told)}")
        for name, host in self.hosts.items():
            self.states.judge(host, name, (declaration,), done=True)
            self._demand_access(name)
        self._demand_no_violations()
        working = working_links(self.site.played)
        if broken := [link for link in self.site.site.links if link not in working]:
            raise ViolationError(
                f"links do not work in the end: {[self.site.played.play(link).evidence for link in broken]}"
            )
        if run.returncode:
            said = [
                f"{item.host}: {item.task}: {item.result.get('msg')}" for item in run.results if item.status in _BAD
            ]
            raise ViolationError(f"a run without trouble ended with {run.returncode}: {said[:10]}")
        self._forget()
        return run

    def _demand_flat(self, shells: Mapping[str, int]) -> str:
        early, late = self._early or resources(), resources()
        if late.threads > early.threads or late.files > early.files:
            raise ViolationError(f"threads or files grew: {early}, {late}")
        if late.memory_mib > early.memory_mib * _MORE_MEMORY:
            raise ViolationError(f"memory grew: {early}, {late}")
        return (
            f"{late.threads} threads (early {early.threads}), {late.files} files (early {early.files}), "
            f"{late.memory_mib:.0f} MiB (early {early.memory_mib:.0f}); "
            f"{sum(shells.values())} shells of interrupted runs ended by WinRM's idle time"
        )

    def summary(self) -> str:
        totals = self.totals
        peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return (
            f"{totals.rounds} rounds, {totals.runs} runs ({totals.killed} killed, {self.ansible.stuck} workers "
            f"stuck after it), messages struck by kind "
            f"{dict(totals.faults)}, hosts done {totals.done}, failed {totals.failed}, "
            f"recovered from a journal {totals.recovered}, "
            f"states seen {dict(totals.outcomes)}, links that waited for their other end {totals.excused_links}, "
            f"peak memory {peaks[0]:.0f} MiB (site) and {peaks[1]:.0f} MiB (largest process of Ansible)"
        )


def soak(options: argparse.Namespace, directory: Path) -> int:
    """The exit code."""
    run = Soak(options.seed, options.hosts, options.largest, directory)
    deadline = time.monotonic() + options.minutes * 60
    names = list(run.hosts)
    print(f"soak: seed {options.seed}, {len(names)} hosts, {len(run.links)} links", flush=True)
    with run.served:
        try:
            while run.totals.rounds < options.rounds and time.monotonic() < deadline:
                print(run.play(draw(options.seed, run.totals.rounds + 1, names, run.largest)), flush=True)
            print(run.finish(), flush=True)
        except ViolationError as violation:
            print(f"soak: VIOLATION {violation}\nsoak: {run.summary()}", flush=True)
            again = f"--hosts {options.hosts} --largest {options.largest} --seed {options.seed}"
            print(f"soak: again: python tests/soak.py {again} --rounds {run.totals.rounds + 1}", flush=True)
            return 1
    print(f"soak: {run.summary()}", flush=True)
    return 0


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Wear a simulated site out and see what is left.")
    parser.add_argument("--minutes", type=float, default=30.0, help="of rounds; the end takes two runs more")
    parser.add_argument("--rounds", type=int, default=10_000, help="at most; to draw the same rounds again")
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--largest", type=int, default=40, help="hosts in a round at most")
    parser.add_argument("--seed", default=f"{random.randrange(10**6)}")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        return soak(parse_arguments(arguments), Path(directory))


if __name__ == "__main__":
    sys.exit(main())
