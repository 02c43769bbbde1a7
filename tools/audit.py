# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known vulnerabilities of every package that a file below requirements/ pins, by pip-audit.

pip-audit ends with 0 when its service knows none of the packages, as an index without that service does. So what
counts here is which packages it has judged; others are left out by name.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steps import ROOT, TALLY, StepFailed, fail, venv_for

OPTIONS = ("--disable-pip", "--no-deps", "--progress-spinner=off", "--format=json", "--timeout=15")
# Of one list. A service that hangs must not hang the target.
_PATIENCE_S = 300


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one list: packages that were judged, those that were not with why, and a line for each vulnerability."""

    judged: tuple[str, ...]
    unknown: tuple[tuple[str, str], ...]
    vulnerable: tuple[str, ...]


def check() -> None:
    """Every list of pinned packages. Raises StepFailed when one has a known vulnerability."""
    venv = venv_for(tools="supply")
    found = [line for path in pinned() for line in report(path, ask(venv, path))]
    if found:
        raise StepFailed(f"known vulnerabilities: {'; '.join(found)}")


def pinned() -> list[Path]:
    """runtime.txt says what may be installed and not what is; lists that are made by tools/lock.sh pin everything."""
    return sorted(path for path in (ROOT / "requirements").glob("*.txt") if path.name != "runtime.txt")


def ask(venv: Path, path: Path) -> str:
    """The answer of pip-audit, or what it said instead of one."""
    command = [str(venv / "bin" / "pip-audit"), *OPTIONS, "--requirement", str(path)]
    try:  # with the proxy and the certificates of the shell, as pip would
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        return f"no answer in {_PATIENCE_S} s"
    return done.stdout or (done.stderr.strip().splitlines() or ["no answer"])[-1]


def judge(answer: str) -> Verdict | None:
    """None when it is no answer of pip-audit. Source: the JSON format that its README describes."""
    try:
        packages: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    known = [package for package in packages if "skip_reason" not in package]
    return Verdict(
        tuple(package["name"] for package in known),
        tuple((package["name"], package["skip_reason"]) for package in packages if "skip_reason" in package),
        tuple(_line(package, item) for package in known for item in package["vulns"]),
    )


def _line(package: dict[str, Any], found: dict[str, Any]) -> str:
    fixed = ", ".join(found["fix_versions"]) or "no version"
    return f"{package['name']} {package['version']}: {found['id']}, fixed in {fixed}"


def report(path: Path, answer: str) -> tuple[str, ...]:
    """Print and count the verdict on one list; returns its vulnerabilities."""
    verdict = judge(answer)
    if verdict is None:
        TALLY.leave_out(f"audit of {path.name}: pip-audit could not ask its service ({answer[:200]})")
        return ()
    total = len(verdict.judged) + len(verdict.unknown)
    print(f"audit: {path.name}: {len(verdict.judged)} of {total} packages judged", flush=True)
    if verdict.unknown:
        name, reason = verdict.unknown[0]
        what = f"{len(verdict.unknown)} of {total} packages, the first {name} ({reason})"
        TALLY.leave_out(f"audit of {path.name}: {what}")
    for line in verdict.vulnerable:
        print(f"audit: {path.name}: {line}", flush=True)
        fail(line)
    if verdict.judged and not verdict.vulnerable:
        TALLY.passed += 1
    return verdict.vulnerable
