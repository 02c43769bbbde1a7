# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the project's targets in the environments that setup_env.py builds; the Makefile calls nothing else.

`run.py test` is everything a change must pass. Each step prints its name and time; a step that cannot run on this
machine says so by name and is listed at the end. The last line counts the steps.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import setup_env

ROOT = Path(__file__).resolve().parent.parent
COLLECTIONS = ROOT / ".build" / "collections"
OURS = COLLECTIONS / "ansible_collections" / "otsec" / "opc_dcom"
PACKAGE = "ansible_collections.otsec.opc_dcom.plugins"
# Everything that is typed strictly.
TYPED = (f"{PACKAGE}.module_utils", f"{PACKAGE}.plugin_utils", f"{PACKAGE}.action")

# Debian package -> what is left out without it.
ORACLES = {"python3-samba": "comparison with Samba"}

left_out: list[str] = []


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


def venv_for(core: str | None = None, *, lint: bool = False) -> Path:
    """Build the environment if need be. Exits like setup_env when no Python fits."""
    arguments = ["--lint"] if lint else ["--core", core] if core else []
    command = [sys.executable, str(ROOT / "tools" / "setup_env.py"), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return Path(done.stdout.strip().splitlines()[-1])


def call(venv: Path, *command: str, cwd: Path = ROOT, extra: Mapping[str, str] | None = None) -> None:
    """Run one command of a step and stop everything if it fails."""
    executable = venv / "bin" / command[0]
    argv = [str(executable) if executable.exists() else command[0], *command[1:]]
    done = subprocess.run(argv, cwd=cwd, env={**environment(venv), **(extra or {})}, check=False)
    if done.returncode:
        print(f"run: failed: {' '.join(command)}", flush=True)
        sys.exit(done.returncode)


def pytest(venv: Path, *arguments: str, **options: str) -> None:
    call(venv, "python", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n", "2", *arguments, extra=options)


# -- targets


def lint() -> None:
    """ruff (lint and format) over everything that is Python."""
    venv = venv_for(lint=True)
    call(venv, "ruff", "check", "--no-cache", ".")
    call(venv, "ruff", "format", "--no-cache", "--check", ".")
    call(venv, "antsibull-changelog", "lint")


def types() -> None:
    """mypy --strict over the plugins and the simulator."""
    venv = venv_for(lint=True)
    config = f"--config-file={ROOT / 'pyproject.toml'}"
    packages = [argument for name in TYPED for argument in ("-p", name)]
    call(venv, "mypy", config, *packages, cwd=COLLECTIONS, extra={"MYPYPATH": str(COLLECTIONS)})
    call(venv, "mypy", config, "-p", "simulator", extra={"MYPYPATH": str(ROOT / "tests")})


def drift() -> None:
    """Documentation against code, layering."""
    pytest(venv_for(), "tests/drift")


def unit() -> None:
    """Everything without a process of its own, on the newest ansible-core."""
    pytest(venv_for(), "-m", "not slow and not e2e", "tests/unit")


def e2e() -> None:
    """Playbooks against the simulated site, on the newest ansible-core."""
    pytest(venv_for(), "-m", "not slow", "tests/integration")


def matrix() -> None:
    """The same playbooks on every supported ansible-core; one whose Python is missing is left out by name."""
    for core in setup_env.PYTHONS:
        if not any(setup_env.find_python(version) for version in setup_env.PYTHONS[core]):
            leave_out(f"ansible-core {core}: no Python {' or '.join(setup_env.PYTHONS[core])} on this machine")
            continue
        print(f"-- ansible-core {core}", flush=True)
        pytest(venv_for(core), "-m", "matrix", "tests/integration")


def slow() -> None:
    """Full counts of the property tests and comparisons."""
    pytest(venv_for(), "-m", "slow", "tests")


def oracles() -> None:
    """Install the Debian packages that tests compare with, if we may; otherwise name what is left out."""
    missing = [name for name in ORACLES if not is_installed(name)]
    if not missing:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        apt = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        subprocess.run(
            apt, check=False, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        )
    for name in missing:
        if not is_installed(name):
            leave_out(f"{ORACLES[name]}: Debian's {name} is not installed")


def is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${Status}", package]
    try:
        done = subprocess.run(query, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.stdout.endswith("ok installed")


def leave_out(what: str) -> None:
    left_out.append(what)
    print(f"run: LEFT OUT {what}", flush=True)


def demo() -> None:
    """The simulated site, hardened by the real playbook."""
    venv = venv_for()
    call(venv, "python", "tools/demo.py")


def bench() -> None:
    """Messages and bytes per module."""
    call(venv_for(), "python", "benchmarks/messages.py")


TEST_STEPS: tuple[Callable[[], None], ...] = (oracles, lint, types, drift, unit, e2e, matrix)
TARGETS = {step.__name__: step for step in (*TEST_STEPS, slow, demo, bench)}


def run_step(step: Callable[[], None]) -> None:
    started = time.monotonic()
    print(f"== {step.__name__}: {step.__doc__}", flush=True)
    step()
    print(f"== {step.__name__} passed in {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    names = sys.argv[1:] or ["test"]
    if names == ["demo"]:
        demo()
        return
    steps = [step for name in names for step in (TEST_STEPS if name == "test" else (TARGETS[name],))]
    for step in steps:
        run_step(step)
    for what in left_out:
        print(f"run: LEFT OUT {what}")
    print(f"run: {len(steps)} passed, 0 failed, {len(left_out)} left out")


if __name__ == "__main__":
    main()
