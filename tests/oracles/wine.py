# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wine's advapi32 as an oracle for SDDL (Debian: wine, wine64 and gcc-mingw-w64-x86-64).

Where Wine 8.0 is known to differ from Windows: it does not know the aliases LU, MU and ER nor object ACEs, reads an
octal mask as decimal and NO_ACCESS_CONTROL as an empty DACL, puts the flags of the SACL into the bits of the DACL, cuts
an authority to 32 bits, and prints no type for a mandatory label.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).with_name("wine_sddl.c")
_COMPILER = "x86_64-w64-mingw32-gcc"


@dataclass(frozen=True)
class Answer:
    """What the API made of a text: the bytes and the text printed from them, a name, or its error number."""

    data: bytes | None = None
    printed: str | None = None
    error: int | None = None
    name: str | None = None


def missing() -> str | None:
    """The first program that is not installed."""
    return next((name for name in ("wine", "wineboot", "wineserver", _COMPILER) if shutil.which(name) is None), None)


def ask(texts: list[str], work: Path) -> list[Answer]:
    """Answers to SDDL texts, and to SIDs whose names are wanted, in order.

    `work` takes the program and Wine's own files (some 300 MB).
    """
    program = work / "wine_sddl.exe"
    subprocess.run([_COMPILER, "-O1", "-o", str(program), str(_SOURCE), "-ladvapi32"], check=True)
    # A user's home is not to be touched, and no display or driver is wanted.
    environment = {**os.environ, "WINEPREFIX": str(work / "prefix"), "WINEDEBUG": "-all", "HOME": str(work)}
    environment.pop("DISPLAY", None)
    try:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["wineboot", "-i"], env=environment, check=True, timeout=300, **quiet)  # type: ignore[call-overload]
        done = subprocess.run(
            ["wine", str(program)],
            input="".join(text + "\n" for text in texts),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
            timeout=120,
        )
    finally:
        # Ends the server of this prefix only.
        subprocess.run(["wineserver", "-k"], env=environment, check=False)
    return [_answer(line) for line in done.stdout.splitlines()]


def _answer(line: str) -> Answer:
    first, _blank, rest = line.partition(" ")
    if first == "error":
        return Answer(error=int(rest))
    if first == "name":
        return Answer(name=rest)
    return Answer(bytes.fromhex(first), rest or None)
