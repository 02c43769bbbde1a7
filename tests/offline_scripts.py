# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the scripts of a bundle on a simulated host: its cmd.exe gets line after line, .reg files go to reg_files."""

from __future__ import annotations

import re
from pathlib import Path

from reg_files import import_reg_file

from simulator.host import SimulatedHost


def run_script(host: SimulatedHost, path: Path) -> bytes:
    """What the script prints, as the simulated cmd.exe runs its lines; a step that fails ends it."""
    printed: list[bytes] = []
    caller = host.caller_of("Administrator", "127.0.0.1")
    for line in steps_of(path):
        imported = re.fullmatch(r'reg\.exe import "(.+)"', line)
        if imported:
            import_reg_file(host.registry, (path.parent / imported[1]).read_bytes())
            continue
        result = host.interpreter.run(caller, line, b"", {})
        assert result.exit_code == 0, (line, result)
        printed.append(result.stdout.encode("utf-8"))
    return b"".join(printed)


def steps_of(path: Path) -> list[str]:
    """The lines of a script that do something on the host, without what they do on failure."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = lines.index(":facts") if ":facts" in lines else next(i for i, line in enumerate(lines) if "/b 6" in line)
    body = lines[start + 1 : next(i for i, line in enumerate(lines) if i > start and line.endswith("exit /b 0"))]
    return [line.removesuffix(" || goto failed") for line in body if not line.startswith("@")]


def collect_facts(host: SimulatedHost, script: Path) -> Path:
    """Run the script that collects; return the file beside it that the real one writes."""
    facts = script.with_name("facts.txt")
    facts.write_bytes(run_script(host, script))
    return facts
