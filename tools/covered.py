# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the unit tests run of the pure model and of the WS-Man client: lines and branches, each package on its own."""

from __future__ import annotations

import json
from pathlib import Path

from steps import BUILD, StepFailed, call, fail, fresh, pytest

PACKAGES = ("plugins/module_utils", "plugins/plugin_utils/_wsman")
# Of lines and of branches, in per cent.
WANTED = 95.0


def check(venv: Path) -> None:
    """Print what is missing. Raises StepFailed when a test fails or a share is below WANTED."""
    found = fresh(BUILD / "coverage")
    # pyproject.toml names the sources; its `patch` measures pytest's worker processes too.
    variables = {"COVERAGE_FILE": str(found / "data")}
    measured = ("-m", "coverage", "run", "--parallel-mode")
    # Those of the simulator run nothing of the plugins.
    chosen = ("-m", "not slow and not e2e and not timed", "--ignore=tests/unit/simulator", "tests/unit")
    pytest(venv, *chosen, before=measured, extra=variables)
    call(venv, "python", "-m", "coverage", "combine", "--quiet", extra=variables)
    call(venv, "python", "-m", "coverage", "report", extra=variables)
    call(venv, "python", "-m", "coverage", "json", "--quiet", "-o", str(found / "coverage.json"), extra=variables)
    short = [line for package in PACKAGES for line in shares(found / "coverage.json", package)]
    if short:
        raise fail("; ".join(short))


def shares(report: Path, package: str) -> list[str]:
    """Print the shares of a package; returns those that are too low."""
    files = json.loads(report.read_text())["files"]
    summaries = [found["summary"] for name, found in files.items() if Path(name).parent == Path(package)]
    if not summaries:
        raise StepFailed(f"{package}: nothing was measured")
    short = []
    for what, covered, possible in (
        ("lines", "covered_lines", "num_statements"),
        ("branches", "covered_branches", "num_branches"),
    ):
        ran, all_of_them = (sum(summary[key] for summary in summaries) for key in (covered, possible))
        text = f"{package}: {ran} of {all_of_them} {what}, {100 * ran / all_of_them:.2f} %"
        print(f"coverage: {text}", flush=True)
        if 100 * ran / all_of_them < WANTED:
            short.append(f"{text}, wanted {WANTED} %")
    return short
