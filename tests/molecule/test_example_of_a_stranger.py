# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of docs/test_your_own.md, as printed, in an empty directory, with the simulator as a package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tomllib
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLACE = "collection=~/.ansible/collections/ansible_collections/otsec/opc_dcom\n"
TOOLS = "pip install ansible-core pywinrm pytest molecule\n"

pytestmark = pytest.mark.molecule


def commands() -> str:
    """What the page tells people to type, but for the place of the collection and tools that are here already."""
    text = (ROOT / "docs" / "test_your_own.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    assert PLACE in block
    assert TOOLS in block
    return str(block).replace(PLACE, f"collection={ROOT}\n").replace(TOOLS, "")


def environment(packages: Path) -> dict[str, str]:
    """Of somebody who has this environment's tools, but nothing of the checkout on any path of Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "PYTHON", "ANSIBLE_"))}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(packages),
        "PIP_TARGET": str(packages),
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # as an environment variable, 0 is what --no-build-isolation sets
        "PIP_NO_INDEX": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
    }


def test_every_command_of_the_page_works_as_printed(tmp_path: Path) -> None:
    packages, directory = tmp_path / "packages", tmp_path / "empty"
    directory.mkdir()
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands()],
        cwd=directory,
        env=environment(packages),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    assert re.search(r"Molecule executed 1 scenario .*1 successful", done.stdout), done.stdout
    assert (packages / "simulator" / "pytest_plugin.py").is_file()
    assert not list((ROOT / "tests").glob("*.egg-info"))


def test_the_package_has_the_version_of_the_collection() -> None:
    package = tomllib.loads((ROOT / "tests" / "pyproject.toml").read_text(encoding="utf-8"))
    collection = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert package["project"]["version"] == collection["version"]
