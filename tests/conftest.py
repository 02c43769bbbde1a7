# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that all tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hypothesis
import pytest
import tomllib

TESTS = Path(__file__).resolve().parent
# Only ansible-test sets it. It runs pytest with settings of its own and knows nothing of pyproject.toml.
IN_ANSIBLE_TEST = "ANSIBLE_CONTROLLER_MIN_PYTHON_VERSION" in os.environ
# Their targets prepare what they need (docs/testing.md).
OTHER_TARGETS = ("slow", "wine", "browser", "e2e")

if IN_ANSIBLE_TEST:
    # Helpers of tests are imported by their base names.
    sys.path[:0] = [str(TESTS), *sorted({str(path.parent) for path in TESTS.glob("unit/**/*.py")})]

# How long one example takes says more about the machine than about the code; speed has tests of its own.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    if IN_ANSIBLE_TEST:
        settings = tomllib.loads((TESTS.parent / "pyproject.toml").read_text(encoding="utf-8"))
        for marker in settings["tool"]["pytest"]["ini_options"]["markers"]:
            config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not IN_ANSIBLE_TEST:
        return
    for item in items:
        for name in OTHER_TARGETS:
            if item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=f"part of the target {name}"))
