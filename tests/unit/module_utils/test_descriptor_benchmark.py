# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The promise about speed: decode and encode at least five times as fast as impacket's decode, in the same run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "bench_descriptors.py"


@pytest.mark.slow
def test_five_times_as_fast_as_impacket() -> None:
    pytest.importorskip("impacket", reason="benchmark against impacket left out: it is not installed")
    done = subprocess.run([sys.executable, str(BENCHMARK)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
