# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m simulator connect`: try OPC links of a described site, or of a site that runs, and print a table.

    python -m simulator connect --site site.yml                                   # every link of the description
    python -m simulator connect --site site.yml --client hist01 --server gw01 --mode subscribe --browse
    python -m simulator connect --control http://127.0.0.1:39067 --client hist01 --server gw01

Ends with 0 if every link works, 1 if one does not, 2 if nothing could be tried.
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from ..description import DescriptionError, load_description
from .connection import LinkError, connect
from .link_data import LEVELS, outcome_data, parse_link
from .table import outcome_details, outcomes_table

_TIMEOUT_S = 30.0
_DEFAULT_APPLICATION = "Prediktor.ApisOPCServer.1"


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator connect", description="Try OPC links.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--site", type=Path, help="description of a site (YAML): the link as described, from a boot")
    where.add_argument("--control", help="control endpoint of a site that runs: the link as it is now")
    parser.add_argument("--client", help="host of the client; without it all links of the description")
    parser.add_argument("--server", help="host of the server")
    parser.add_argument("--application", default=_DEFAULT_APPLICATION, help="ProgID, CLSID or path of the server")
    parser.add_argument("--client-program", help="path of the client's program; default: APIS")
    parser.add_argument("--account", help="account of the client; default: that of its running service")
    parser.add_argument("--address", help="name or address the client was told; default: the server's name")
    parser.add_argument("--mode", choices=["poll", "subscribe"], default="poll")
    parser.add_argument("--browse", action="store_true", help="ask OpcEnum for the list of servers as well")
    parser.add_argument("--level", choices=list(LEVELS), help="level the client passes; none: without authentication")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    if bool(options.client) != bool(options.server):
        parser.error("--client and --server go together")
    return options


def run(arguments: list[str]) -> int:
    """The exit code."""
    options = parse_arguments(arguments)
    try:
        outcomes = _ask(options) if options.control else _play(options)
    except (DescriptionError, LinkError, OSError, ValueError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 2
    if not outcomes:
        print("simulator: the description has no links; name --client and --server", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(outcomes, indent=2))
    else:
        print(outcomes_table(outcomes))
        shown = [outcome for outcome in outcomes if options.client or not outcome["ok"]]
        print("\n".join(outcome_details(outcome) for outcome in shown), end="")
    return 0 if all(outcome["ok"] for outcome in outcomes) else 1


def _link_data(options: argparse.Namespace) -> dict[str, object]:
    values = {
        "client": options.client,
        "server": options.server,
        "application": options.application,
        "client_program": options.client_program,
        "client_account": options.account,
        "address": options.address,
        "mode": options.mode,
        "browse": options.browse,
        "level": options.level,
    }
    return {name: value for name, value in values.items() if value is not None}


def _play(options: argparse.Namespace) -> list[dict[str, Any]]:
    description = load_description(options.site)
    network = description.network(description.build())
    links = [parse_link(_link_data(options))] if options.client else description.links
    return [outcome_data(connect(network, link)) for link in links]


def _ask(options: argparse.Namespace) -> list[dict[str, Any]]:
    base = options.control.rstrip("/")
    if not base.startswith("http://"):
        raise LinkError("the control endpoint is an http URL")
    if not options.client:
        return list(_answer(urllib.request.Request(f"{base}/links")))
    body = json.dumps(_link_data(options)).encode()
    request = urllib.request.Request(f"{base}/connect", body, {"Content-Type": "application/json"})
    return [_answer(request)]


def _answer(request: urllib.request.Request) -> Any:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        raise LinkError(error.read().decode("utf-8", "replace").strip()) from error
