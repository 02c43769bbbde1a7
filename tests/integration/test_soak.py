# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The soak run in small: a few hosts, two rounds, always the same seed. `make soak` is the long one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import soak

pytestmark = [pytest.mark.e2e, pytest.mark.site]


def test_two_rounds_of_trouble_leave_every_host_declared_and_nothing_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = soak.parse_arguments(["--hosts", "6", "--rounds", "2", "--minutes", "5", "--seed", "1825"])
    # ansible-core 2.21 makes a socket in TMPDIR, whose path must be shorter than that of a test's own directory.
    with tempfile.TemporaryDirectory(prefix="soak") as place:
        code = soak.soak(options, Path(place))
    said = capsys.readouterr().out
    assert code == 0, said
    assert "2 rounds, 4 runs" in said
    assert "struck by kind {}" not in said
