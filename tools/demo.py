# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardens the site of examples/ on simulated hosts with the real playbooks: its OPC links fail before and work after.

Links are tried by the simulated hosts themselves, by what is in force there; nothing of the collection has a say in
it. Ends with 1 when anything is not as it is announced.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from demo_plant import EXAMPLES, GROUPS, SECRETS, DemoPlant  # noqa: E402

from simulator.inventory import format_inventory  # noqa: E402
from simulator.opc.connection import connect  # noqa: E402
from simulator.opc.layers import Direction, Outcome, Part, error_text  # noqa: E402
from simulator.site import SimulatedSite  # noqa: E402

OUTPUT = ROOT / ".build" / "demo"
_GREEN, _RED, _PLAIN = ("\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("", "", "")
_AUDIT_SUCCESS = 4624
_IN_TIME = (Direction.BROWSE, Direction.CONNECT, Direction.CALLBACK)


@dataclass(frozen=True, slots=True)
class Step:
    """One playbook that is run. `writes` None: it may write or not, the demo does not look."""

    title: str
    playbook: str
    arguments: tuple[str, ...] = ()
    writes: bool | None = False


PREVIEW = Step("What would change on gw01", "harden_opc", ("--check", "--diff", "--limit", "gw01"))
HARDEN = Step("Harden the site: clients first, then servers; each host reboots once", "harden_opc", writes=True)
AGAIN = Step("Again: nothing is left to do", "harden_opc")
REPORT = OUTPUT / "report.html"
_REPORT_OPTIONS = {"opc_report_path": OUTPUT, "opc_report_name": REPORT.stem, "opc_report_title": "Demo plant"}
# What is done with the hardened site. Files belong into OUTPUT.
AFTERWARDS: tuple[Step, ...] = (
    Step(
        "Report the site, for engineers and auditors",
        "report_opc",
        tuple(word for name, value in _REPORT_OPTIONS.items() for word in ("-e", f"{name}='{value}'")),
    ),
)


class Demo:
    """One run. `problems`: what was not as announced."""

    def __init__(self, plant: DemoPlant, site: SimulatedSite) -> None:
        self.plant = plant
        self.site = site
        self.problems: list[str] = []
        self.inventory = _write_inventory(site)

    def show_links(self, title: str, *, work: bool) -> None:
        """Let the clients try every link now."""
        print(f"\n=== {title}")
        for name, link in self.plant.links.items():
            outcome = self.site.run_in_loop(lambda link=link: connect(self.plant.network, link))  # type: ignore[misc]
            print("\n".join(_lines(name, outcome)))
            if outcome.ok is not work:
                self.problems.append(f"the link {name!r} {'does not work' if work else 'works'}")

    def run(self, step: Step) -> None:
        print(f"\n=== {step.title}", flush=True)
        print(f"$ ansible-playbook otsec.opc_dcom.{step.playbook} -i site.ini {' '.join(step.arguments)}", flush=True)
        before = self._writes()
        started = time.monotonic()
        playbook = ROOT / "playbooks" / f"{step.playbook}.yml"
        command = ["ansible-playbook", str(playbook), "-i", str(self.inventory), *step.arguments]
        done = subprocess.run(command, check=False, env={**os.environ, "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "False"})
        written = self._writes() - before
        print(f"({time.monotonic() - started:.1f} s, {written} changes on the hosts)", flush=True)
        if done.returncode:
            self.problems.append(f"{step.playbook} ended with {done.returncode} ({step.title})")
        if step.writes is not None and bool(written) is not step.writes:
            self.problems.append(f"{step.playbook} wrote {written} times ({step.title})")

    def _writes(self) -> int:
        """Changes from outside so far; the journal also has what a reboot does."""
        return self.site.run_in_loop(lambda: sum(len(self.site[name].writes) for name in self.site))


def _write_inventory(site: SimulatedSite) -> Path:
    """The example's group_vars beside an inventory of the simulated hosts, and a vault that is none."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    OUTPUT.chmod(0o700)
    shutil.copytree(EXAMPLES / "group_vars" / "all", OUTPUT / "group_vars" / "all")
    vault = "".join(f"{name}: {secret}\n" for name, secret in SECRETS.items())
    (OUTPUT / "group_vars" / "all" / "vault.yml").write_text(vault, encoding="utf-8")
    fast = {"opc_server_reboot_interval_s": 0.2, "opc_client_reboot_interval_s": 0.2}
    variables = {name: {**site.inventory_vars(name, auth="ntlm"), **fast} for name in site}
    path = OUTPUT / "site.json"
    path.write_text(format_inventory(variables, GROUPS), encoding="utf-8")
    return path


def _lines(name: str, outcome: Outcome) -> Iterator[str]:
    """A link with each of its parts in the order in which they happen, and the events a failure left."""
    link = outcome.link
    colour = _GREEN if outcome.ok else _RED
    state = "works" if outcome.ok else "FAILS"
    yield f"{colour}{state}{_PLAIN}  {name}: {link.client} reads {link.server} ({link.mode.value})"
    for part in sorted(outcome.parts, key=lambda part: _IN_TIME.index(part.direction)):
        yield f"         {part.direction.value:9}{_part(part)}"
    for host in (link.client, link.server):
        events = [str(number) for number in outcome.event_ids(host) if number != _AUDIT_SUCCESS]
        if events and not outcome.ok:
            yield f"         left on {host}: event {', '.join(events)}"


def _part(part: Part) -> str:
    if part.layer is None:
        return "OK"
    return f"{error_text(part.hresult)} at {part.layer.name.lower()}\n{'':18}{part.evidence}"


def main(steps: Sequence[Step] = AFTERWARDS) -> int:
    started = time.monotonic()
    plant = DemoPlant()
    with SimulatedSite(plant.hosts, schemes=("https",), auth=("ntlm",)) as site:
        demo = Demo(plant, site)
        demo.show_links("The OPC links as they are", work=False)
        demo.run(PREVIEW)
        demo.run(HARDEN)
        demo.show_links("The OPC links now", work=True)
        for step in (AGAIN, *steps):
            demo.run(step)
        site.check()
    if REPORT.is_file():
        print(f"\nThe report of the site: {REPORT}")
    for problem in demo.problems:
        print(f"demo: {problem}", file=sys.stderr)
    print(f"\ndemo: {'FAILED' if demo.problems else 'done'} in {time.monotonic() - started:.0f} s")
    return 1 if demo.problems else 0


if __name__ == "__main__":
    sys.exit(main())
