# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build one pinned virtual environment per supported ansible-core below .build/, with the standard library alone.

`setup_env.py` makes the environment of the newest ansible-core this machine's Pythons can run and prints its path;
`setup_env.py --core 2.16` makes that one, or exits with 3 and a sentence when no Python for it is found.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
COLLECTIONS = BUILD / "collections"
NO_PYTHON = 3

# ansible-core -> the Pythons a controller of it supports, best first (source: ansible-core support matrix).
PYTHONS = {
    "2.16": ("3.11", "3.12", "3.10"),
    "2.19": ("3.12", "3.13", "3.11"),
    "2.21": ("3.13", "3.14", "3.12"),
}
# PyPI packages and the collections that are borrowed from them; ansible.windows 3.x supports every core above.
BORROWED = ("ansible==14.5.0", ("ansible/windows", "community/windows"))
# Later packages carry no awx.awx any more.
BORROWED_FOR_TOOLS = ("ansible==12.3.0", ("awx/awx",))


def find_python(version: str) -> str | None:
    """Return an interpreter of exactly this minor version: the running one, one on PATH, or one under pyenv."""
    candidates = [sys.executable, shutil.which(f"python{version}")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [str(path / "bin" / "python") for path in sorted(pyenv.glob(f"{version}.*"))]
    for candidate in candidates:
        if candidate and python_version(candidate) == version:
            return candidate
    return None


def python_version(executable: str) -> str:
    """Return "3.12" for an interpreter, or "" when it does not run (a pyenv shim without a version, say)."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def choose(core: str | None) -> tuple[str, str]:
    """Return (ansible-core minor, interpreter). Exits with 3 and a sentence when no Python fits."""
    wanted = [core] if core else sorted(PYTHONS, key=lambda text: [int(part) for part in text.split(".")], reverse=True)
    for minor in wanted:
        for version in PYTHONS[minor]:
            python = find_python(version)
            if python:
                return minor, python
    names = ", ".join(sorted({version for minor in wanted for version in PYTHONS[minor]}))
    print(f"setup_env: ansible-core {' / '.join(wanted)} needs one of Python {names}; none was found", file=sys.stderr)
    sys.exit(NO_PYTHON)


def run(*command: str) -> None:
    """Run a command with its output on stderr, so that stdout stays the answer of this script."""
    subprocess.run(command, check=True, stdout=sys.stderr)


def ensure_venv(name: str, lock_file: Path, python: str) -> Path:
    """Create or refresh .build/venv-<name>; a stamp of the lock file makes the second call cost nothing."""
    venv = BUILD / f"venv-{name}"
    digest = hashlib.sha256(lock_file.read_bytes() + python.encode()).hexdigest()
    stamp = venv / "installed.stamp"
    if stamp.is_file() and stamp.read_text() == digest:
        return venv
    run(python, "-m", "venv", "--clear", str(venv))
    pip = (str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "-r", str(lock_file))
    stamp.write_text(digest)
    return venv


def link_checkout() -> None:
    """Link this checkout as ansible_collections/otsec/opc_dcom."""
    ours = COLLECTIONS / "ansible_collections" / "otsec" / "opc_dcom"
    ours.parent.mkdir(parents=True, exist_ok=True)
    if not ours.exists():
        ours.unlink(missing_ok=True)
        ours.symlink_to(ROOT, target_is_directory=True)


def borrow(venv: Path, package: str, collections: tuple[str, ...], stamp: Path) -> None:
    """Unpack collections that the tests borrow from a PyPI package; a stamp makes the second call cost nothing."""
    wanted = f"{package} {' '.join(collections)}"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    with tempfile.TemporaryDirectory() as scratch:
        run(
            str(venv / "bin" / "python"), "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--no-binary", ":none:", "--python-version", "3.12", "--only-binary", ":all:",
            "--dest", scratch, package,
        )  # fmt: skip
        (wheel,) = Path(scratch).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.startswith(tuple(f"ansible_collections/{part}/" for part in collections)):
                    archive.extract(name, COLLECTIONS)
    stamp.write_text(wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", choices=sorted(PYTHONS), help="ansible-core minor version; default: the newest")
    parser.add_argument("--lint", action="store_true", help="the environment of the linters instead")
    parser.add_argument("--acceptance", action="store_true", help="that of molecule and the tools of AWX instead")
    parser.add_argument("--mutation", action="store_true", help="that of mutation testing instead")
    parser.add_argument("--fuzz", action="store_true", help="that of the fuzzer instead")
    parser.add_argument("--supply", action="store_true", help="that of the tools for bills of materials instead")
    options = parser.parse_args()
    tools = next(
        (name for name in ("lint", "acceptance", "mutation", "fuzz", "supply") if getattr(options, name)), None
    )
    core, python = choose("2.21" if tools else options.core)
    venv = ensure_venv(tools or core, ROOT / "requirements" / f"{tools or f'core-{core}'}.txt", python)
    link_checkout()
    borrow(venv, *BORROWED, COLLECTIONS / "borrowed.stamp")
    if tools:
        borrow(venv, *BORROWED_FOR_TOOLS, COLLECTIONS / "borrowed-for-tools.stamp")
    print(venv)


if __name__ == "__main__":
    main()
