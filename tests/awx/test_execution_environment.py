# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-builder takes our execution environment, and finds what the collection needs. No image is built."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
BUILDER = Path(sys.executable).with_name("ansible-builder")

pytestmark = pytest.mark.awx

if not BUILDER.is_file():
    pytest.skip("ansible-builder is not installed here", allow_module_level=True)


def build(*arguments: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [str(BUILDER), *arguments]
    return subprocess.run(
        command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True, timeout=120
    ).stdout


def test_builder_makes_a_context_that_installs_the_collection(tmp_path: Path) -> None:
    build(
        "create",
        "-f",
        str(ROOT / "execution-environment.yml"),
        "-c",
        str(tmp_path),
        "--output-filename",
        "Containerfile",
    )
    wanted = yaml.safe_load((tmp_path / "_build" / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    assert [item["name"] for item in wanted] == ["otsec.opc_dcom", "ansible.windows"]
    dependencies = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["dependencies"]
    assert {"ansible.windows": wanted[1]["version"]} == dependencies
    image = (tmp_path / "Containerfile").read_text(encoding="utf-8")
    pinned = yaml.safe_load((ROOT / "execution-environment.yml").read_text(encoding="utf-8"))["dependencies"]
    for name in ("ansible_core", "ansible_runner"):
        assert pinned[name]["package_pip"] in image
        assert pinned[name]["package_pip"] in (ROOT / "requirements" / "acceptance.txt").read_text(encoding="utf-8")


def test_builder_finds_what_the_collection_needs(tmp_path: Path) -> None:
    ours = tmp_path / "ansible_collections" / "otsec" / "opc_dcom"
    ours.parent.mkdir(parents=True)
    ours.symlink_to(ROOT, target_is_directory=True)
    found = yaml.safe_load(build("introspect", str(tmp_path)))
    assert [line.partition(" ")[0] for line in found["python"]] == ["pywinrm>=0.4.3"]
    assert {line.partition(" ")[0] for line in found["system"]} == {"krb5-workstation", "krb5-user"}
