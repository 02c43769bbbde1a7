# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""README prints no command that nothing runs."""

from __future__ import annotations

import re
from pathlib import Path

from readme_commands import README, SITE, mentioned, printed, sections

ROOT = Path(__file__).resolve().parents[2]
AS_PRINTED = "test_readme_as_printed.py"
# Every section with a shell block, and what runs its commands.
RUN_BY = {SITE: AS_PRINTED, "Try it without Windows": "make"}
# Commands within sentences, and the test that has them.
MENTIONED = {
    "ansible-galaxy collection install otsec.opc_dcom": AS_PRINTED,
    "ansible-doc otsec.opc_dcom.dcom_defaults": "tools/package.py, which asks for every module",
    "ansible-playbook otsec.opc_dcom.diagnose_opc -i site.ini": "test_diagnose.py",
}


def test_every_command_is_run() -> None:
    assert {name for name in sections() if printed(name)} == set(RUN_BY)
    assert printed("Try it without Windows") == ["make demo", "make test"]
    assert {command for name in sections() for command in mentioned(name)} == set(MENTIONED)


def test_no_command_stands_in_front_of_the_sections() -> None:
    assert "```" not in README.read_text(encoding="utf-8").partition("\n## ")[0]


def test_commands_are_in_the_tests_that_are_said_to_run_them() -> None:
    package = (ROOT / "tests" / "package" / AS_PRINTED).read_text(encoding="utf-8")
    assert "for command in printed(SITE)" in package
    assert '"ansible-galaxy collection install otsec.opc_dcom"' in package
    diagnose = (ROOT / "tests" / "integration" / "test_diagnose.py").read_text(encoding="utf-8")
    assert '"otsec.opc_dcom.diagnose_opc"' in diagnose
    called = (ROOT / "tools" / "package.py").read_text(encoding="utf-8")
    assert re.search(r'"-m", "package", "tests/package"', called)


def test_the_site_is_hardened_after_it_was_looked_at() -> None:
    playbooks = [command.split()[1] for command in printed(SITE) if command.startswith("ansible-playbook")]
    short = [name.removeprefix("otsec.opc_dcom.") for name in playbooks]
    assert short == ["audit_opc", "harden_opc", "harden_opc", "verify_links", "report_opc"]
