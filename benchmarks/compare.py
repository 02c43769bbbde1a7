# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same hardening done in three ways on simulated hosts (roles, single modules, stock modules), beside nothing done.

The floor is Ansible's own cost: as many tasks as the role has, each doing nothing. `six` is the same with six tasks,
two of them skipped, as many as the project allows a role: having fewer is then not held against it. `contract` is a
role with the contract of opc_server whose tasks do nothing: Ansible checks the contract, and keeps it for every host
meanwhile. The simulated hosts take no time to start PowerShell, which a real one does for every task of a stock module
(0.3 to 6 s), so the comparison favours these.

    compare.py [--minutes 30] [--hosts 1,10] [--delays 0,10,50] [--ways roles,stock,floor] [--output FILE]

Without --hosts the plan is PLAN: small sites first, and what does not fit into the minutes is left out by name.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import plot  # noqa: E402

from simulator.host import SimulatedHost  # noqa: E402
from simulator.inventory import format_inventory  # noqa: E402
from simulator.profiles import SERVER_2019  # noqa: E402
from simulator.site import SimulatedSite  # noqa: E402
from simulator.software import APIS_APP_ID, OPC_ENUM_APP_ID, opc_core_components, prediktor_apis  # noqa: E402
from simulator.subsystems.clock import VirtualClock  # noqa: E402

WAYS = ("roles", "modules", "stock", "six", "contract", "floor")
IDLE = ("six", "contract", "floor")
BOUNDS = ("roles", *IDLE)
# Hosts, milliseconds of a round trip, ways. What the aims of the project ask for comes first.
PLAN = (
    *((1, delay_ms, WAYS) for delay_ms in (0, 10, 50)),
    *((20, delay_ms, WAYS) for delay_ms in (0, 50)),
    *((count, 0, BOUNDS) for count in (50, 200, 500)),
    (50, 50, ("roles", "stock")),
    (50, 0, ("modules", "stock")),
    (200, 50, ("roles", "stock")),
    (200, 0, ("modules", "stock")),
)
ACCOUNT, PEER = "OPCClientUser", "10.0.0.21"
PASSWORD = "Simulated-Passw0rd"  # of the simulated hosts
RUNS = ("first", "no change")
OLE = "HKLM:\\SOFTWARE\\Microsoft\\Ole"
PROGRAMS = {"OpcEnum": "C:\\Windows\\SysWOW64\\OpcEnum.exe", "ApisHive": "C:\\apis\\bin64\\apishivex64.exe"}
FORKS = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run cost: per host where `hosts` divides it, else of the controller as a whole."""

    way: str
    run: str
    hosts: int
    delay_ms: int
    messages: float
    kilobytes_up: float
    kilobytes_down: float
    connections: float
    wall_s: float
    cpu_s: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hosts", help="numbers of hosts, instead of the plan")
    parser.add_argument("--minutes", type=float, default=30.0, help="begin nothing that takes longer than this in all")
    parser.add_argument("--delays", default="0,10,50", help="milliseconds a network round trip takes")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--output", type=Path, help="a Markdown file; the plot goes to images/benchmark.svg beside it")
    options = parser.parse_args()
    figures, left_out = compare(_plan(options), options.minutes * 60)
    for text in left_out:
        print(f"LEFT OUT {text}", flush=True)
    if options.output:
        write(options.output, figures, left_out, sys.argv[1:])


def _plan(options: argparse.Namespace) -> Sequence[tuple[int, int, Sequence[str]]]:
    if options.hosts is None:
        return PLAN
    delays = list(map(int, options.delays.split(",")))
    ways = options.ways.split(",")
    return [(count, delay_ms, ways) for count in map(int, options.hosts.split(",")) for delay_ms in delays]


def compare(plan: Iterable[tuple[int, int, Sequence[str]]], seconds: float) -> tuple[list[Figures], list[str]]:
    """Measure one after the other; what would take longer than is left, by what the way took so far, is left out."""
    figures: list[Figures] = []
    left_out: list[str] = []
    ends = time.monotonic() + seconds
    cost_s: dict[str, float] = {}
    for count, delay_ms, ways in plan:
        for way in ways:
            if time.monotonic() + cost_s.get(way, 0.0) * count > ends:
                left_out.append(f"{way}, {count} hosts, {delay_ms} ms")
                continue
            started, before = time.monotonic(), len(figures)
            figures += measure(way, count, delay_ms)
            # Few hosts wait for their reboots together, and share the start of Ansible.
            cost_s[way] = (time.monotonic() - started) / max(count, FORKS // 2)
            for item in figures[before:]:
                print(row(item), flush=True)
    return figures, left_out


# -- the job ---------------------------------------------------------------------------------------------------------


def site_model(names: Sequence[str]) -> dict[str, Any]:
    """Each host is an OPC server that one client, which is not in the inventory, subscribes to and browses."""
    return {
        "applications": {
            "apis": {"prog_id": "Prediktor.ApisOPCServer.1", "service": "ApisHive", "program": PROGRAMS["ApisHive"]}
        },
        "accounts": {ACCOUNT: {"password": PASSWORD}},
        "hosts": {"hist01": {"address": PEER}},
        "links": [
            {
                "name": f"link {name}",
                "server": {"host": name, "application": "apis", "account": ACCOUNT},
                "client": {"host": "hist01", "application": "apis", "account": ACCOUNT},
                "read_mode": "poll",
                "browse": True,
            }
            for name in names
        ],
    }


def roles_play(names: Sequence[str]) -> list[dict[str, Any]]:
    variables = {"opc_site": site_model(names), "opc_server_reboot_interval_s": 0.2}
    return [{"hosts": "all", "gather_facts": False, "roles": ["otsec.opc_dcom.opc_server"], "vars": variables}]


def modules_play(names: Sequence[str]) -> list[dict[str, Any]]:
    """One task for each concern, as people who compose their own would write it."""
    mine = "otsec.opc_dcom."
    entries = [{"principal": f".\\{ACCOUNT}", "rights": ["remote_access"]}]
    launch = [{"principal": f".\\{ACCOUNT}", "rights": ["remote_activation"]}]
    tasks: list[dict[str, Any]] = [
        {mine + "dcom_defaults": {"authentication_level": "packet_integrity", "impersonation_level": "identify"}},
        {mine + "dcom_logging": {"activation_failures": "always", "call_failures": "always"}},
        account_task(),
        {mine + "opc_enum": {"clients": [f".\\{ACCOUNT}"]}},
        *(
            {mine + "dcom_permission": {"scope": "machine_limit", "kind": kind, "entries": wanted}}
            for kind, wanted in (("access", entries), ("launch", launch))
        ),
        *(
            {mine + "dcom_permission": {"scope": "application", "kind": kind, "service": "ApisHive", "entries": wanted}}
            for kind, wanted in (("access", entries), ("launch", launch))
        ),
        {
            mine + "opc_firewall": {
                "opc_enum": True,
                "applications": [{"service": "ApisHive"}],
                "remote_addresses": [PEER],
            }
        },
        {mine + "opc_reboot": {"interval_s": 0.2}},
    ]
    return [{"hosts": "all", "gather_facts": False, "tasks": tasks}]


def account_task() -> dict[str, Any]:
    options = {"name": ACCOUNT, "password": PASSWORD, "update_password": "on_create", "groups_action": "add"}
    return {"ansible.windows.win_user": {**options, "groups": ["Distributed COM Users"]}}


def stock_play(names: Sequence[str]) -> list[dict[str, Any]]:
    """What a careful engineer writes without this collection: permissions as bytes copied from a host that works."""
    tasks: list[dict[str, Any]] = [
        *(
            registry_task(OLE, name, 5 if "Authentication" in name else 2 if "Impersonation" in name else 1, "dword")
            for name in (
                "LegacyAuthenticationLevel",
                "LegacyImpersonationLevel",
                "ActivationFailureLoggingLevel",
                "CallFailureLoggingLevel",
            )
        ),
        account_task(),
        *(registry_task(OLE, f"Machine{kind}Restriction", SHIPPED, "binary") for kind in ("Access", "Launch")),
        *(
            registry_task(f"HKLM:\\SOFTWARE\\Classes\\AppID\\{app_id}", name, data, kind)
            for app_id in (OPC_ENUM_APP_ID, APIS_APP_ID)
            for name, data, kind in (
                ("AuthenticationLevel", 5, "dword"),
                ("AccessPermission", SHIPPED, "binary"),
                ("LaunchPermission", SHIPPED, "binary"),
            )
        ),
        {"ansible.windows.win_service": {"name": "OpcEnum", "start_mode": "manual", "state": "started"}},
        *(
            {"community.windows.win_firewall_rule": rule}
            for rule in (
                firewall_rule("OPC endpoint mapper", {"localport": "135"}),
                *(firewall_rule(f"OPC {name}", {"program": program}) for name, program in PROGRAMS.items()),
            )
        ),
    ]
    for number, task in enumerate(tasks):
        task["register"] = f"done{number}"
    changed = " or ".join(f"done{number} is changed" for number in range(4))
    reboot = {"ansible.windows.win_reboot": {"post_reboot_delay": 0}, "when": changed}
    return [{"hosts": "all", "gather_facts": False, "tasks": [*tasks, reboot]}]


# A descriptor of the usual size; its content makes no difference here.
SHIPPED = (
    "01000480440000005400000000000000140000000200300002000000000014000b0000000101000000000005120000000000180007000000"
    "0102000000000005200000002002000001020000000000052000000020020000010200000000000520000000200200"
)


def registry_task(path: str, name: str, data: object, kind: str) -> dict[str, Any]:
    text = ",".join(f"0x{byte:02x}" for byte in bytes.fromhex(str(data))) if kind == "binary" else data
    value = f"hex:{text.replace('0x', '')}" if kind == "binary" and isinstance(text, str) else data
    return {"ansible.windows.win_regedit": {"path": path, "name": name, "data": value, "type": kind}}


def firewall_rule(name: str, what: Mapping[str, str]) -> dict[str, str]:
    common = {"direction": "in", "action": "allow", "protocol": "tcp", "remoteip": PEER, "profiles": "private,domain"}
    return {"name": name, **common, "state": "present", "enabled": "yes", **what}


def idle_play(run: int, skipped: int) -> list[dict[str, Any]]:
    """Tasks that do nothing, and tasks that are skipped."""
    task = {"ansible.builtin.debug": {"msg": "nothing"}}
    tasks = [*(task for _number in range(run)), *({**task, "when": False} for _number in range(skipped))]
    return [{"hosts": "all", "gather_facts": False, "tasks": tasks}]


def make_idle_role(roles: Path) -> None:
    """A role with the contract of opc_server, which Ansible checks, and as many tasks, none of which does anything."""
    made, model = roles / IDLE_ROLE, ROOT / "roles" / "opc_server"
    for name in ("meta/argument_specs.yml", "defaults/main.yml"):
        (made / name).parent.mkdir(parents=True)
        (made / name).write_bytes((model / name).read_bytes())
    (made / "tasks").mkdir()
    tasks = idle_play(ROLE_TASKS - 1, SKIPPED_TASKS)[0]["tasks"]  # the check of the contract is one
    (made / "tasks" / "main.yml").write_text(json.dumps(tasks), encoding="utf-8")


IDLE_ROLE = "idle"
ROLE_TASKS, SKIPPED_TASKS = 2, 1  # of a role without a change; test_messages.py counts them
PLAYS: Mapping[str, Callable[[Sequence[str]], list[dict[str, Any]]]] = {
    "roles": roles_play,
    "modules": modules_play,
    "stock": stock_play,
    "six": lambda _names: idle_play(4, 2),
    "contract": lambda _names: [{"hosts": "all", "gather_facts": False, "roles": [IDLE_ROLE]}],
    "floor": lambda _names: idle_play(ROLE_TASKS, SKIPPED_TASKS),
}


# -- measuring -------------------------------------------------------------------------------------------------------


def make_host(name: str) -> SimulatedHost:
    clock = VirtualClock(ticker=time.monotonic)
    host = SimulatedHost(name, SERVER_2019, clock=clock, software=[opc_core_components(), prediktor_apis()])
    host.allow_unencrypted = True
    host.accounts.set_password(None, "Administrator", PASSWORD)
    return host


def measure(way: str, count: int, delay_ms: int) -> list[Figures]:
    """A first run and one without a change, each as a process of its own. Tasks that do nothing have no first run."""
    names = [f"gw{number:03}" for number in range(1, count + 1)]
    with SimulatedSite({name: make_host(name) for name in names}, delay_s=delay_ms / 1000) as site:
        found = []
        for run in RUNS[way in IDLE :]:
            for name in names:
                site[name].statistics.reset()
            wall_s, cpu_s, peak_mb = run_play(PLAYS[way](names), site)
            found.append(figures_of(way, run, site, delay_ms, (wall_s, cpu_s, peak_mb)))
        site.check()
    return found


# Starts a program and writes what it cost. Linux counts the peak of whoever starts a program as the program's own, and
# this process holds the simulated hosts; so a small one stands between them.
LAUNCHER = """
import os, sys, time
started = time.monotonic()
pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
_pid, status, used = os.wait4(pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(f"{time.monotonic() - started} {used.ru_utime + used.ru_stime} {used.ru_maxrss}")
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run_play(play: Sequence[Mapping[str, Any]], site: SimulatedSite) -> tuple[float, float, float]:
    """Wall and CPU seconds and peak memory (MB of the largest process) of ansible-playbook."""
    with tempfile.TemporaryDirectory() as scratch:
        path, inventory = Path(scratch) / "play.json", Path(scratch) / "hosts.json"
        path.write_text(json.dumps(play), encoding="utf-8")
        make_idle_role(Path(scratch) / "roles")
        variables = {name: dict(site.inventory_vars(name)) for name in site}
        inventory.write_text(format_inventory(variables, {"opc_servers": list(site)}), encoding="utf-8")
        command = ["ansible-playbook", str(path), "-i", str(inventory), "-f", str(FORKS)]
        with (Path(scratch) / "output").open("w+") as output:
            launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(Path(scratch) / "cost"), *command]
            environment = {**os.environ, "HOME": scratch}
            done = subprocess.run(launcher, stdout=output, stderr=output, env=environment, check=False)
            if done.returncode:
                output.seek(0)
                raise SystemExit(output.read()[-8000:])
        wall_s, cpu_s, peak_kb = map(float, (Path(scratch) / "cost").read_text(encoding="ascii").split())
    return wall_s, cpu_s, peak_kb / 1024


def figures_of(way: str, run: str, site: SimulatedSite, delay_ms: int, cost: tuple[float, float, float]) -> Figures:
    counted = [site[name].statistics for name in site]
    count = len(counted)
    return Figures(
        way,
        run,
        count,
        delay_ms,
        messages=sum(item.messages for item in counted) / count,
        kilobytes_up=sum(item.bytes_received for item in counted) / count / 1000,
        kilobytes_down=sum(item.bytes_sent for item in counted) / count / 1000,
        connections=sum(item.connections for item in counted) / count,
        wall_s=cost[0],
        cpu_s=cost[1],
        peak_mb=cost[2],
    )


# -- telling ---------------------------------------------------------------------------------------------------------


HEADINGS = (
    "way", "run", "hosts", "round trip ms", "messages", "kB up", "kB down", "connections", "wall s", "CPU s", "peak MB",
)  # fmt: skip


def cells(item: Figures) -> list[str]:
    return [
        item.way,
        item.run,
        str(item.hosts),
        str(item.delay_ms),
        f"{item.messages:.0f}",
        f"{item.kilobytes_up:.0f}",
        f"{item.kilobytes_down:.0f}",
        f"{item.connections:.0f}",
        f"{item.wall_s:.1f}",
        f"{item.cpu_s:.1f}",
        f"{item.peak_mb:.0f}",
    ]


def row(item: Figures) -> str:
    return f"| {' | '.join(cells(item))} |"


def ratios(figures: Sequence[Figures]) -> list[str]:
    """The aims of the project against what was measured, as a table."""
    by = {(item.way, item.run, item.hosts, item.delay_ms): item for item in figures}
    rows = ["| aim | measured |", "|---|---|"]
    calm, first = by.get(("roles", "no change", 1, 0)), by.get(("roles", "first", 1, 0))
    stock = by.get(("stock", "no change", 1, 0))
    if calm and first and stock:
        rows += [
            f"| a run without a change: at most 15 messages a host | {calm.messages:.0f} |",
            f"| a first run: at most 80 messages a host | {first.messages:.0f} |",
            f"| 10 times fewer messages than stock modules (no change) | {stock.messages / calm.messages:.1f} times |",
            f"| 100 times fewer bytes sent than stock modules | {stock.kilobytes_up / calm.kilobytes_up:.0f} times |",
        ]
    for count, delay_ms in dict.fromkeys((count, delay_ms) for count, delay_ms, _ways in PLAN):
        mine = by.get(("roles", "no change", count, delay_ms))
        for way, tasks in (("six", "six tasks that do nothing, which the aim allows"), ("floor", "its own floor")):
            idle = by.get((way, "no change", count, delay_ms))
            if mine and idle and count > 1 and not delay_ms:
                share = f"{mine.wall_s / idle.wall_s:.2f} times ({mine.wall_s:.1f} s and {idle.wall_s:.1f} s)"
                rows.append(f"| {count} hosts: at most 1.5 times {tasks} (aim for 200) | {share} |")
        other = by.get(("stock", "no change", count, delay_ms))
        if mine and other and delay_ms == 50:
            share = f"1/{other.wall_s / mine.wall_s:.1f} ({mine.wall_s:.1f} s and {other.wall_s:.1f} s)"
            rows.append(
                f"| {count} {'host' if count == 1 else 'hosts'} at 50 ms: at most a fifth of stock modules | {share} |"
            )
    return [*rows, *growth(by)]


def growth(by: Mapping[tuple[str, str, int, int], Figures]) -> list[str]:
    """What a larger site costs each of its hosts, and the controller's memory, beside the floor."""
    small, large = ({way: by.get((way, "no change", count, 0)) for way in BOUNDS} for count in (50, 500))
    if None in (*small.values(), *large.values()):
        return []
    cpu = ", ".join(f"{way} {item[way].cpu_s / item[way].hosts:.3f} s" for item in (small, large) for way in BOUNDS)
    memory = ", ".join(f"{way} {large[way].peak_mb - small[way].peak_mb:.0f} MB" for way in BOUNDS)
    return [
        f"| processor time per host constant from 50 to 500 hosts (50, then 500) | {cpu} |",
        f"| memory flat beyond Ansible's own (500 hosts more than 50) | {memory} |",
    ]


def write(output: Path, figures: Sequence[Figures], left_out: Sequence[str], arguments: Sequence[str]) -> None:
    machine = f"{os.cpu_count()} cores {platform.machine()}, Python {platform.python_version()}, {platform.system()}"
    text = (ROOT / "benchmarks" / "introduction.md").read_text(encoding="utf-8")
    ordered = sorted(figures, key=lambda item: (item.hosts, item.delay_ms, WAYS.index(item.way), RUNS.index(item.run)))
    table = [f"| {' | '.join(HEADINGS)} |", f"|{'---|' * len(HEADINGS)}", *map(row, ordered)]
    when = datetime.datetime.now(datetime.timezone.utc).date()
    made = f"Made on {when} with `make bench`, that is `compare.py {' '.join(arguments)}`, on {machine}."
    missing = ["", f"Left out for want of time: {'; '.join(left_out)}."] if left_out else []
    lines = [text.rstrip(), "", "## Against the aims", "", *ratios(figures), "", "## All figures", "", made, "", *table]
    output.write_text("\n".join([*lines, *missing, ""]), encoding="utf-8")
    images = output.parent / "images"
    images.mkdir(exist_ok=True)
    points = [(item.way, item.run, item.hosts, item.delay_ms, item.messages, item.wall_s) for item in ordered]
    (images / "benchmark.svg").write_text(plot.draw(points), encoding="utf-8")


if __name__ == "__main__":
    main()
