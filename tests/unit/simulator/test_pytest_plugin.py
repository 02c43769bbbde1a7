# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures for other people's tests, in a pytest of their own: what they serve, and when they fail a test."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]
THEIRS = """
import pytest
import winrm

def ask(host, command):
    known = host.variables
    url = f"http://{known['ansible_host']}:{known['ansible_port']}/wsman"
    session = winrm.Session(url, (known["ansible_user"], known["ansible_password"]), transport="ntlm", proxy=None)
    return session.run_cmd(command)

@pytest.mark.windows_host(profile="2008r2")
def test_changes(windows_host):
    assert windows_host.writes == [] and windows_host.changes == {"added": [], "removed": []}
    assert ask(windows_host, r"reg add HKLM\\SOFTWARE\\Mine /v Level /t REG_DWORD /d 9 /f").status_code == 0
    assert windows_host.registry_value(r"HKLM\\SOFTWARE\\Mine", "Level").number == 9
    assert windows_host.registry_value(r"HKLM\\SOFTWARE\\Mine", "Other") is None
    assert [line for line in windows_host.changes["added"] if "Mine: 'Level'" in line] and windows_host.writes

def test_fresh(windows_host):
    assert windows_host.writes == [] and windows_host.in_force["default_authentication_level"] == 2

def test_unknown_command(windows_host):
    ask(windows_host, "frobnicate")

def test_expected_unknown_command(windows_host):
    windows_host.site.expect_violation("frobnicate")
    ask(windows_host, "frobnicate")

@pytest.mark.opc_site("other.yml")
def test_site(opc_site):
    assert list(opc_site) == ["gw01"] and opc_site.links() == [] and opc_site.inventory.is_file()
    opc_site["gw02"]

def test_site_without_description(opc_site):
    pass
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    directory = tmp_path_factory.mktemp("theirs")
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "other.yml").write_text("hosts: {gw01: {accounts: [{name: Administrator, password: Other-1}]}}\n")
    (directory / "test_theirs.py").write_text(THEIRS)
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "REQUESTS_CA", "CURL_"))}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "simulator.pytest_plugin",
            "-rA",
            "--strict-markers",
            "-p",
            "no:randomly",
        ],
        cwd=directory,
        env={**kept, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


RESULTS = {
    "test_changes": {"PASSED"},
    "test_fresh": {"PASSED"},
    "test_unknown_command": {"PASSED", "ERROR"},
    "test_expected_unknown_command": {"PASSED"},
    "test_site": {"FAILED"},
    "test_site_without_description": {"ERROR"},
}


@pytest.mark.parametrize("name", RESULTS)
def test_fixtures_pass_and_fail_tests(name: str, output: str) -> None:
    assert set(re.findall(rf"^(\w+) test_theirs\.py::{name}\b", output, re.MULTILINE)) == RESULTS[name], output


@pytest.mark.parametrize(
    "reason",
    [
        "the simulated site was asked what it does not know:",
        "no host 'gw02'; there are gw01",
        "name a description: @pytest.mark.opc_site",
    ],
)
def test_a_failure_says_why(reason: str, output: str) -> None:
    assert reason in output
