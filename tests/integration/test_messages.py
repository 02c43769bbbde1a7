# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of a role may cost a host, measured by the comparison of benchmarks/ and held here (docs/benchmark.md)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import compare

pytestmark = pytest.mark.e2e


def test_messages_of_a_role() -> None:
    first, calm = compare.measure("roles", 1, 0)
    assert (first.run, calm.run) == ("first", "no change")
    assert 0 < first.messages <= 80
    assert 0 < calm.messages <= 13
    assert calm.connections <= 2  # one a task that speaks with the host
