# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts HTTP messages and bytes of each module against one simulated host: first run, and a run without a change."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from simulator.host import SimulatedHost  # noqa: E402
from simulator.inventory import format_inventory  # noqa: E402
from simulator.profiles import SERVER_2019  # noqa: E402
from simulator.site import SimulatedSite, SiteHost  # noqa: E402
from simulator.subsystems.clock import VirtualClock  # noqa: E402

DEFAULTS = {"enable_dcom": True, "authentication_level": "packet_integrity", "impersonation_level": "identify"}
LOGGING = {"activation_failures": "always", "call_failures": "always"}
MODULES: Mapping[str, Mapping[str, object]] = {
    "dcom_defaults": DEFAULTS,
    "dcom_logging": LOGGING,
    "opc_host": {"defaults": DEFAULTS, "logging": LOGGING},
    "dcom_info": {},
}


def main() -> None:
    print(f"{'module':16}{'run':12}{'messages':>9}{'bytes up':>10}{'bytes down':>11}{'shells':>8}{'tcp':>5}")
    for name, arguments in MODULES.items():
        host = SimulatedHost("bench01", SERVER_2019, clock=VirtualClock(ticker=time.monotonic))
        host.allow_unencrypted = True
        host.accounts.set_password(None, "Administrator", "Simulated-Passw0rd")
        with SimulatedSite({"bench01": host}) as site:
            for run in ("first", "no change"):
                report(name, run, measure(site, name, arguments))
            site.check()


def measure(site: SimulatedSite, name: str, arguments: Mapping[str, object]) -> SiteHost:
    target = site["bench01"]
    target.statistics.reset()
    task = {"name": name, f"otsec.opc_dcom.{name}": dict(arguments)}
    with tempfile.TemporaryDirectory() as scratch:
        play = Path(scratch) / "play.json"
        play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
        inventory = Path(scratch) / "hosts.json"
        inventory.write_text(format_inventory({"bench01": site.inventory_vars("bench01")}, {}), encoding="utf-8")
        command = ["ansible-playbook", str(play), "-i", str(inventory)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target


def report(name: str, run: str, target: SiteHost) -> None:
    counted = target.statistics
    print(
        f"{name:16}{run:12}{counted.messages:>9}{counted.bytes_received:>10}{counted.bytes_sent:>11}"
        f"{counted.shells_opened:>8}{counted.connections:>5}"
    )


if __name__ == "__main__":
    main()
