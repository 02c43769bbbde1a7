# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m simulator start` and `stop`: a site in the background, for molecule and shell scripts.

    python -m simulator start --directory run --site site.yml --write-inventory run/hosts.json
    python -m simulator stop --directory run

The directory keeps `site.json` (the ready line: control endpoint, ports) while the site runs, and `site.log`. `stop`
asks the control endpoint, so no process is ever ended by a number that may have become another's; it succeeds also
when nothing runs. A site that nobody stops ends by itself after --lifetime seconds.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

# Where `simulator` can be imported from.
_HOME = str(Path(__file__).resolve().parents[1])
_READY_S = 30.0
_STOP_S = 15.0
_POLL_S = 0.05
_LIFETIME_S = 3600.0
# What a control endpoint that goes down while it is asked looks like.
_GONE = (OSError, http.client.HTTPException)


class BackgroundError(Exception):
    """The site did not start, or does not stop."""


def start(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator start", description="Serve a site in the background.")
    parser.add_argument("--directory", type=Path, required=True, help="where its state is kept; made if need be")
    parser.add_argument("--lifetime", type=float, default=_LIFETIME_S, help="seconds after which it ends by itself")
    options, rest = parser.parse_known_args(arguments)
    try:
        print(json.dumps(start_site(options.directory, [*rest, "--lifetime", str(options.lifetime)])))
    except (BackgroundError, OSError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    return 0


def stop(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator stop", description="Stop a site in the background.")
    parser.add_argument("--directory", type=Path, required=True, help="the one that start was given")
    try:
        was_running = stop_site(parser.parse_args(arguments).directory)
    except (BackgroundError, OSError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"stopped": was_running}))
    return 0


def start_site(directory: Path, arguments: list[str]) -> dict[str, object]:
    """Start a site process and wait until it is ready; its ready line. Raises BackgroundError or OSError.

    `arguments` are those of `python -m simulator`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    kept = directory / "site.json"
    if kept.is_file() and _answers(_control(kept)):
        raise BackgroundError(f"a site runs already, see {kept}")
    log = directory / "site.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [_HOME, os.environ.get("PYTHONPATH")]))},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    ready = _wait_until_ready(process, log)
    kept.write_text(json.dumps(ready) + "\n", encoding="utf-8")
    return ready


def stop_site(directory: Path) -> bool:
    """Stop the site of a directory, if one runs; whether one did. Raises BackgroundError or OSError."""
    kept = directory / "site.json"
    if not kept.is_file():
        return False
    control = _control(kept)
    was_running = _answers(control)
    if was_running:
        _ask_to_stop(control)
        deadline = time.monotonic() + _STOP_S
        while _answers(control):
            if time.monotonic() > deadline:
                raise BackgroundError(f"the site at {control} does not stop within {_STOP_S:.0f} s")
            time.sleep(_POLL_S)
    kept.unlink()
    return was_running


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> dict[str, object]:
    deadline = time.monotonic() + _READY_S
    while process.poll() is None and time.monotonic() < deadline:
        line, end, _rest = log.read_text(encoding="utf-8").partition("\n")
        if end and line.startswith("{"):
            ready: dict[str, object] = json.loads(line)
            return ready
        time.sleep(_POLL_S)
    process.kill()
    process.wait()
    raise BackgroundError(f"the site does not start: {log.read_text(encoding='utf-8').strip() or 'no answer'}")


def _control(kept: Path) -> str:
    return str(json.loads(kept.read_text(encoding="utf-8"))["control"])


def _open(request: urllib.request.Request) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_STOP_S) as response:
        body: bytes = response.read()
    return body


def _answers(control: str) -> bool:
    """Whether a simulated site listens there, not just anybody who has the port by now."""
    try:
        return isinstance(json.loads(_open(urllib.request.Request(f"{control}/hosts"))), dict)
    except (*_GONE, ValueError):
        return False


def _ask_to_stop(control: str) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{control}/stop", b"{}", headers)
    try:
        _open(request)
    except _GONE:
        return  # it went down before it had answered
