# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m simulator --site site.yml`: serve a described site until SIGTERM or SIGINT.

Prints one JSON line on stdout when every port answers. Ends with 0; with 1 when the description is wrong, a port is
taken, or (with --strict) the site was asked what it does not know.

`python -m simulator connect ...` tries OPC links instead: see opc/command.py; `start` and `stop` run a site in the
background: see background.py.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from . import background
from .control import Control
from .description import DescriptionError, SiteDescription, load_description
from .inventory import LOOPBACK, format_inventory
from .opc import command
from .site import SimulatedSite, SiteError

_VERBS = {"connect": command.run, "start": background.start, "stop": background.stop}


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="Serve a simulated site of Windows hosts.")
    parser.add_argument("--site", type=Path, required=True, help="description of the site (YAML)")
    parser.add_argument("--port-base", type=int, help="host i gets ports base+2i (http) and base+2i+1 (https)")
    parser.add_argument("--control-port", type=int, default=0, help="port of the control endpoint; default: any free")
    parser.add_argument("--write-inventory", type=Path, help="write an Ansible inventory that reaches the hosts")
    parser.add_argument("--connection", choices=["winrm", "psrp"], default="winrm", help="for the inventory")
    parser.add_argument("--auth", choices=["basic", "ntlm"], default="basic", help="for the inventory")
    parser.add_argument("--scheme", choices=["http", "https"], help="for the inventory; default: the site's first")
    parser.add_argument("--lifetime", type=float, help="seconds after which the site ends; default: never")
    parser.add_argument("--strict", action="store_true", help="end with 1 if anything unknown was asked")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    verb = _VERBS.get(given[0]) if given else None
    if verb is not None:
        return verb(given[1:])
    options = parse_arguments(arguments)
    try:
        return serve(load_description(options.site), options)
    except (DescriptionError, SiteError, OSError, ValueError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1


def serve(description: SiteDescription, options: argparse.Namespace) -> int:
    """Run the site until a signal; the exit code."""
    hosts = description.build()
    site = SimulatedSite(
        hosts,
        schemes=description.schemes,
        auth=description.auth,
        delay_s=description.delay_s,
        port_base=options.port_base,
    )
    stop = threading.Event()
    control = Control(site, hosts, description.build, description.network(hosts), description.links)
    control.on_stop = stop.set
    control_port = site.listen(control.acceptor, options.control_port)
    with site:
        if options.write_inventory:
            write_inventory(site, description, options)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        print(json.dumps(ready_line(site, control_port)), flush=True)
        stop.wait(options.lifetime)
        violations = site.violations
    for line in violations:
        print(f"simulator: violation: {line}", file=sys.stderr)
    return 1 if violations and options.strict else 0


def ready_line(site: SimulatedSite, control_port: int) -> dict[str, object]:
    return {
        "ready": True,
        "pid": os.getpid(),
        "control": f"http://{LOOPBACK}:{control_port}",
        "hosts": {name: site[name].ports for name in site},
        "ca_path": site.ca_path if "https" in site.schemes else None,
    }


def write_inventory(site: SimulatedSite, description: SiteDescription, options: argparse.Namespace) -> None:
    """Raises ValueError where the site does not offer what the inventory should use."""
    reach = {"connection": options.connection, "auth": options.auth}
    if options.scheme:
        reach["scheme"] = options.scheme
    variables = {name: site.inventory_vars(name, **reach) for name in site}
    options.write_inventory.write_text(format_inventory(variables, description.ansible_groups), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
