# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test in a clean copy of the collection, with nothing outside .build/ and nothing but PyPI."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
from pathlib import Path

import setup_env
from steps import BUILD, TALLY, StepFailed, call, copy_checkout, fail, run, venv_for

HOME = BUILD / "ansible-test-home"
# python_requirements.py of ansible-test: the pip it puts into each environment of its own.
_PIP_VERSION = re.compile(r"\bpip='(?P<version>[0-9.]+)'")
# ansible-test downloads get-pip.py from a server of the Ansible project unless its cache has it. Python carries a pip.
_GET_PIP = """\
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"])  # in this process it would hide settings
wanted = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *wanted]))
"""


def sanity(core: str) -> None:
    """All sanity tests of one ansible-core, or by name what keeps them from running."""
    venv = find(core, "sanity")
    if venv is None:
        return
    (library,) = (venv / "lib").glob("python3.*")
    provide_get_pip(library / "site-packages" / "ansible_test")
    provide_pip_settings(venv)
    copy = copy_checkout(BUILD / "sanity")
    call(venv, *command("sanity", venv), cwd=copy, extra={"HOME": str(HOME)})


def units(core: str) -> None:
    """tests/unit, each test in a process of its own, or by name what keeps them from running."""
    venv = find(core, "units")
    if venv is None:
        return
    copy = copy_checkout(BUILD / "units")
    code = run(venv, *command("units", venv), "--num-workers", "2", cwd=copy, extra={"HOME": str(HOME)})
    reports = sorted((copy / "tests" / "output" / "junit").glob("*.xml"))
    failed = sum(map(TALLY.add_junit, reports))
    if code or not reports:
        what = f"ansible-test units of ansible-core {core}"
        raise StepFailed(what) if failed else fail(what)


def find(core: str, what: str) -> Path | None:
    if any(map(setup_env.find_python, setup_env.PYTHONS[core])):
        return venv_for(core)
    TALLY.leave_out(f"{what} of ansible-core {core}: no Python {' or '.join(setup_env.PYTHONS[core])}")
    return None


def command(what: str, venv: Path) -> tuple[str, ...]:
    (library,) = (venv / "lib").glob("python3.*")
    return ("ansible-test", what, "--python", library.name.removeprefix("python"), "--color", "no")


def provide_get_pip(ansible_test: Path) -> None:
    """Put get-pip.py of every version this ansible-test may ask for into the cache it looks into first."""
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    source = (ansible_test / "_internal" / "python_requirements.py").read_text(encoding="utf-8")
    for version in set(_PIP_VERSION.findall(source)):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(_GET_PIP, encoding="utf-8")


def provide_pip_settings(venv: Path) -> None:
    """Settings of the user's pip (a mirror, a certificate) for the other home; ansible-test hands on no variables."""
    listing = [str(venv / "bin" / "python"), "-m", "pip", "config", "list"]
    lines = subprocess.run(listing, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    settings = configparser.RawConfigParser()
    for line in sorted(lines, key=lambda line: line.startswith(":env:.")):  # a variable beats a file
        name, _sep, value = line.partition("=")
        section, _sep, option = name.rpartition(".")
        settings.read_dict({"global" if section == ":env:" else section: {option: ast.literal_eval(value)}})
    target = HOME / ".config" / "pip" / "pip.conf"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8") as stream:
        settings.write(stream)
