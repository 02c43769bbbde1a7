# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of run.py are made of: environments, commands that must succeed, and the count of what passed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
COLLECTIONS = BUILD / "collections"
# Below a directory that Ansible searches for collections.
OURS = Path("ansible_collections") / "otsec" / "opc_dcom"


class StepFailed(Exception):
    """A command of a step did not succeed; its own output, already printed, says why."""


@dataclass
class Tally:
    """How many tests and commands passed, failed or were skipped; what is left out counts as skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    left_out: list[str] = field(default_factory=list)

    def leave_out(self, what: str) -> None:
        self.left_out.append(what)
        self.skipped += 1
        print(f"run: LEFT OUT {what}", flush=True)

    def add_junit(self, report: Path) -> int:
        """Count the tests of a JUnit report; returns how many failed."""
        failed = 0
        for suite in ET.parse(report).getroot().iter("testsuite"):
            numbers = {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
            bad = numbers["failures"] + numbers["errors"]
            self.passed += numbers["tests"] - bad - numbers["skipped"]
            self.skipped += numbers["skipped"]
            failed += bad
        self.failed += failed
        return failed


TALLY = Tally()


def environment(venv: Path) -> dict[str, str]:
    """The environment of a step: this venv first, this checkout's collections, no proxy or CA settings of the shell."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith("_PROXY") and name not in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PYTHONPATH")
    }
    kept["PATH"] = f"{venv / 'bin'}{os.pathsep}{kept.get('PATH', '')}"
    kept["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)
    kept["ANSIBLE_LOCALHOST_WARNING"] = "False"
    return kept


def venv_for(core: str | None = None, *, tools: str | None = None) -> Path:
    """The environment of an ansible-core (default: the newest that runs here), built if need be.

    `tools` is lint, acceptance, fuzz or supply, for the environment of those tools instead.
    """
    arguments = [f"--{tools}"] if tools else ["--core", core] if core else []
    command = [sys.executable, str(ROOT / "tools" / "setup_env.py"), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise fail(f"setup_env.py {' '.join(arguments)}")
    return Path(done.stdout.strip().splitlines()[-1])


def fail(what: str) -> StepFailed:
    """Count a failure; the caller raises what it gets."""
    TALLY.failed += 1
    return StepFailed(what)


def each(names: Iterable[str], check: Callable[[str], None]) -> None:
    """Check every one, also after one that fails. Raises StepFailed at the end."""
    failures = []
    for name in names:
        try:
            check(name)
        except StepFailed as failure:
            failures.append(f"{name}: {failure}")
    if failures:
        raise StepFailed("; ".join(failures))


def call(
    venv: Path, *command: str, cwd: Path = ROOT, extra: Mapping[str, str] | None = None, quiet: bool = False
) -> None:
    """Run one command of a step, `quiet` without what it prints when all is well. Raises StepFailed."""
    code = run(venv, *command, cwd=cwd, extra=extra, quiet=quiet)
    if code:
        raise fail(f"{' '.join(command)} (exit code {code})")
    TALLY.passed += 1


def run(
    venv: Path, *command: str, cwd: Path = ROOT, extra: Mapping[str, str] | None = None, quiet: bool = False
) -> int:
    executable = venv / "bin" / command[0]
    argv = [str(executable) if executable.exists() else command[0], *command[1:]]
    variables = {**environment(venv), **(extra or {})}
    stdout = subprocess.DEVNULL if quiet else None
    return subprocess.run(argv, cwd=cwd, env=variables, check=False, stdout=stdout).returncode


def pytest(venv: Path, *arguments: str, before: tuple[str, ...] = (), extra: Mapping[str, str] | None = None) -> None:
    """Run tests on two processes and count them one by one; `before` runs pytest's module. Raises StepFailed."""
    report = BUILD / "results" / "pytest.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    options = ("-p", "no:cacheprovider", "-q", "-n", "2", f"--junit-xml={report}")
    code = run(venv, "python", *before, "-m", "pytest", *options, *arguments, extra=extra)
    failed = TALLY.add_junit(report) if report.exists() else 0
    if code:
        what = f"pytest {' '.join(arguments)}"
        raise StepFailed(what) if failed else fail(what)


def fresh(directory: Path) -> Path:
    """An empty directory."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def copy_checkout(collections: Path) -> Path:
    """What git tracks or would add, as it is now, as a repository of its own in a collections directory without others.

    The collections that tests borrow are beside it. Returns the copy of this collection.
    """
    copy = fresh(collections) / OURS
    for name in known_files():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    for command in (("init", "--quiet"), ("add", "--all", "--force")):
        subprocess.run(["git", *command], cwd=copy, check=True)
    lend(collections, "ansible", "awx")
    return copy


def known_files() -> set[str]:
    """What git tracks or would add, below the checkout. Build output and caches are neither."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return set(filter(None, listed.split("\0")))


def lend(collections: Path, *namespaces: str) -> None:
    """Put borrowed collections of this checkout into another collections directory."""
    (collections / "ansible_collections").mkdir(parents=True, exist_ok=True)
    for name in namespaces:
        source = COLLECTIONS / "ansible_collections" / name
        if source.is_dir():
            (collections / "ansible_collections" / name).symlink_to(source, target_is_directory=True)
