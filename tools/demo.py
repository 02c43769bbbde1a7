# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hardens a small simulated site with the real playbook and shows what is in force on each host before and after."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from simulator.host import SimulatedHost  # noqa: E402
from simulator.inventory import format_inventory  # noqa: E402
from simulator.profiles import SERVER_2008_R2, SERVER_2019, SERVER_2022, WINDOWS_10, Profile  # noqa: E402
from simulator.site import SimulatedSite  # noqa: E402
from simulator.subsystems.clock import VirtualClock  # noqa: E402

OUTPUT = ROOT / ".build" / "demo"
HOSTS: Mapping[str, Profile] = {
    "gw01": SERVER_2019,
    "gw02": SERVER_2008_R2,
    "hist01": SERVER_2022,
    "eng01": WINDOWS_10,
    "eng02": WINDOWS_10,
}
GROUPS = {"opc_servers": ["gw01", "gw02"], "opc_clients": ["hist01", "eng01", "eng02"]}
LEVELS = {1: "none", 2: "connect", 3: "call", 4: "packet", 5: "packet integrity", 6: "packet privacy"}
ALWAYS = 1


def main() -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    hosts = {name: make_host(name, profile) for name, profile in HOSTS.items()}
    with SimulatedSite(hosts, schemes=("https",), auth=("ntlm",)) as site:
        inventory = write_inventory(site)
        show("In force before", hosts)
        preview = harden(
            inventory, "--check", "--diff", "--limit", "gw01", title="What would change on gw01 (writes nothing)"
        )
        first = harden(inventory, title="Harden the site: clients first, then servers")
        second = harden(inventory, title="Again: nothing is left to do")
        show("In force now", hosts)
        site.check()
    for run in (preview, first, second):
        if run:
            sys.exit(run)


def make_host(name: str, profile: Profile) -> SimulatedHost:
    host = SimulatedHost(name, profile, clock=VirtualClock(ticker=time.monotonic))
    host.accounts.set_password(None, "Administrator", "Simulated-Passw0rd")
    return host


def write_inventory(site: SimulatedSite) -> Path:
    fast = {"opc_server_reboot_interval_s": 0.2, "opc_client_reboot_interval_s": 0.2}
    variables = {name: {**site.inventory_vars(name, auth="ntlm"), **fast} for name in site}
    path = OUTPUT / "site.json"
    path.write_text(format_inventory(variables, GROUPS), encoding="utf-8")
    path.chmod(0o600)
    return path


def harden(inventory: Path, *arguments: str, title: str) -> int:
    print(f"\n=== {title}", flush=True)
    command = ["ansible-playbook", str(ROOT / "playbooks" / "harden_opc.yml"), "-i", str(inventory), *arguments]
    print(f"$ ansible-playbook playbooks/harden_opc.yml -i site.ini {' '.join(arguments)}", flush=True)
    started = time.monotonic()
    done = subprocess.run(command, check=False, env={**os.environ, "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "False"})
    print(f"({time.monotonic() - started:.1f} s)", flush=True)
    return done.returncode


def show(title: str, hosts: Mapping[str, SimulatedHost]) -> None:
    """What decides about DCOM on each host at this moment, whatever its registry says."""
    print(f"\n=== {title}")
    print(f"{'host':8}{'windows':44}{'default level':18}{'failures logged':17}hardening")
    for name, host in hosts.items():
        machine = host.in_force().machine
        logged = "yes" if machine.activation_failure_logging == ALWAYS else "no"
        hardening = "enforced" if machine.requires_integrity else "not enforced"
        level = LEVELS[machine.default_authentication_level]
        print(f"{name:8}{host.profile.caption.strip():44}{level:18}{logged:17}{hardening}")


if __name__ == "__main__":
    main()
