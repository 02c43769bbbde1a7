# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tool writes into the repository is what the tool would write now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_opc_host_documents_the_options_of_the_single_modules() -> None:
    command = [sys.executable, str(ROOT / "tools" / "document_opc_host.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run tools/document_opc_host.py\n{done.stdout}{done.stderr}"
