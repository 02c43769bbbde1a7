# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samba as an oracle: questions in one batch to samba_worker.py under the system's Python (Debian's python3-samba)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SYSTEM_PYTHON = "/usr/bin/python3"
_WORKER = Path(__file__).with_name("samba_worker.py")


@cache
def is_available() -> bool:
    """Whether the system's Python has Samba's bindings."""
    if not Path(SYSTEM_PYTHON).exists():
        return False
    probe = subprocess.run([SYSTEM_PYTHON, "-c", "import samba.security"], capture_output=True, check=False)
    return probe.returncode == 0


needs_samba = pytest.mark.skipif(
    not is_available(), reason="comparison with Samba left out: Debian's python3-samba is not installed"
)


def ask(questions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Samba's answers, in order. Raises: CalledProcessError if Samba itself breaks."""
    text = "".join(json.dumps(question) + "\n" for question in questions)
    command = [SYSTEM_PYTHON, "-I", str(_WORKER)]
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True, timeout=550)
    return [json.loads(line) for line in done.stdout.splitlines()]
