# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages that some tests compare with."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from steps import TALLY

SAMBA = ("python3-samba",)
# wine64 is the loader without 32-bit packages; the compiler builds the program that asks Wine's advapi32.
WINE = ("wine", "wine64", "gcc-mingw-w64-x86-64")

CHROMIUM = ("chromium", "fonts-dejavu-core")


def ensure(packages: Sequence[str], purpose: str) -> bool:
    """Install what is missing if this machine lets us; otherwise leave `purpose` out. True when all are there."""
    if all(map(is_installed, packages)):
        return True
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=quiet)
    missing = [name for name in packages if not is_installed(name)]
    if missing:
        TALLY.leave_out(f"{purpose}: Debian's {', '.join(missing)} not installed")
    return not missing


def is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${Status}", package]
    try:
        done = subprocess.run(query, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.stdout.endswith("ok installed")
