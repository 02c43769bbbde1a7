# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches axe-core (MPL-2.0), which the accessibility tests of the report run in a browser. It is never shipped."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from steps import BUILD, TALLY

VERSION = "4.14.1"
SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
TARGET = BUILD / "axe-core" / "axe.min.js"
_WHAT = f"accessibility of the report (axe-core {VERSION})"


def ensure() -> bool:
    """Have the pinned file below .build/; otherwise leave it out, saying why. True when it is there."""
    if is_there():
        return True
    npm = shutil.which("npm")
    if npm is None:
        TALLY.leave_out(f"{_WHAT}: no npm on this machine")
        return False
    with tempfile.TemporaryDirectory() as scratch:
        _fetch(npm, Path(scratch))
    if not is_there():
        TALLY.leave_out(f"{_WHAT}: npm could not fetch it, or it is not the pinned file")
    return is_there()


def is_there() -> bool:
    return TARGET.is_file() and hashlib.sha256(TARGET.read_bytes()).hexdigest() == SHA256


def _fetch(npm: str, scratch: Path) -> None:
    command = [npm, "pack", f"axe-core@{VERSION}", "--silent", "--ignore-scripts", "--pack-destination", str(scratch)]
    subprocess.run(command, cwd=scratch, check=False, stdout=subprocess.DEVNULL, timeout=120)
    for archive in scratch.glob("axe-core-*.tgz"):
        with tarfile.open(archive) as package:
            member = package.extractfile("package/axe.min.js")
            TARGET.parent.mkdir(parents=True, exist_ok=True)
            TARGET.write_bytes(member.read() if member else b"")
