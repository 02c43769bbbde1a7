# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of packages: which are judged, which are vulnerable, which belong to what is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))

import audit  # noqa: E402
import sbom  # noqa: E402
from steps import TALLY, StepFailed  # noqa: E402

REFUSAL = "requests.exceptions.ConnectionError: Failed to resolve 'pypi.org'"
# Written after the JSON format in the README of pip-audit.
VULNERABLE = {
    "name": "flask",
    "version": "0.5",
    "vulns": [{"id": "PYSEC-2019-179", "fix_versions": ["1.0"], "aliases": ["CVE-2019-1010083"], "description": "x"}],
}
SOUND = {"name": "jinja2", "version": "3.1.6", "vulns": []}
UNKNOWN = {"name": "own", "skip_reason": "Dependency not found on PyPI and could not be audited: own (1)"}


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.fixture(autouse=True)
def tally(monkeypatch: pytest.MonkeyPatch) -> None:
    """A count of its own for each test."""
    for name, value in (("passed", 0), ("failed", 0), ("skipped", 0), ("left_out", [])):
        monkeypatch.setattr(TALLY, name, value)


def test_a_vulnerability_fails_and_says_what_cures_it() -> None:
    assert audit.report(Path("core.txt"), answer(SOUND, VULNERABLE)) == ("flask 0.5: PYSEC-2019-179, fixed in 1.0",)
    assert (TALLY.passed, TALLY.failed, TALLY.left_out) == (0, 1, [])


def test_packages_that_were_all_judged_pass() -> None:
    assert audit.report(Path("core.txt"), answer(SOUND)) == ()
    assert (TALLY.passed, TALLY.skipped) == (1, 0)


@pytest.mark.parametrize("said", [REFUSAL, answer(UNKNOWN), "{}", "[]", "no answer"])
def test_nothing_passes_when_nothing_was_judged(said: str) -> None:
    assert audit.report(Path("core.txt"), said) == ()
    assert (TALLY.passed, TALLY.skipped) == (0, 1)
    assert "core.txt" in TALLY.left_out[0]


def test_a_package_that_was_not_judged_is_named_beside_those_that_were() -> None:
    audit.report(Path("core.txt"), answer(SOUND, UNKNOWN))
    assert TALLY.passed == 1
    assert "1 of 2 packages, the first own" in TALLY.left_out[0]


def test_every_list_that_pins_is_audited() -> None:
    names = {path.name for path in audit.pinned()}
    assert {"core-2.16.txt", "core-2.19.txt", "core-2.21.txt", "lint.txt", "supply.txt"} <= names
    for path in audit.pinned():
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
        assert all("==" in line for line in lines), path


DIGEST = "0" * 64
COLLECTIONS = {"otsec.opc_dcom": "0.1.0", "ansible.windows": "3.8.0"}
NEEDS = {"ansible-core": ["PyYAML"], "pywinrm": ["requests_ntlm"], "pypsrp": ["PyYAML", "httpcore"]}
NAMES = ("ansible-core", "pywinrm", "pypsrp", "PyYAML", "requests_ntlm", "httpcore")


def bill() -> dict[str, Any]:
    """As cyclonedx-py writes it, with what matters here."""
    return {
        "metadata": {"tools": {}},
        "components": [
            {"name": name, "version": "1", "bom-ref": f"{name}==1", "licenses": [{"license": {"id": "MIT"}}]}
            for name in NAMES
        ],
        "dependencies": [
            {"ref": f"{name}==1", "dependsOn": [f"{item}==1" for item in NEEDS.get(name, [])]} for name in NAMES
        ],
    }


def digests() -> dict[str, str]:
    return sbom.hashes("".join(f"{name.replace('-', '_')}==1 --hash=sha256:{DIGEST}\n" for name in NAMES))


def test_what_only_an_option_needs_is_optional() -> None:
    made = sbom.complete(bill(), digests(), COLLECTIONS)
    optional = {item["name"] for item in made["components"] if item["scope"] == "optional"}
    assert optional == {"pypsrp", "httpcore"}


def test_the_collection_is_the_root_and_needs_what_it_names() -> None:
    made = sbom.complete(bill(), digests(), COLLECTIONS)
    root = made["metadata"]["component"]
    (needs,) = [item["dependsOn"] for item in made["dependencies"] if item["ref"] == root["bom-ref"]]
    assert (root["name"], root["version"]) == ("otsec.opc_dcom", "0.1.0")
    assert needs == ["ansible-core==1", "ansible.windows==3.8.0", "pypsrp==1", "pywinrm==1"]
    known = {item["bom-ref"] for item in (*made["components"], root)}
    assert {item["ref"] for item in made["dependencies"]} == known


def test_each_wheel_has_its_hash() -> None:
    made = sbom.complete(bill(), digests(), COLLECTIONS)
    wheels = [item for item in made["components"] if item["name"] in NAMES]
    assert [item["hashes"] for item in wheels] == [[{"alg": "SHA-256", "content": DIGEST}]] * len(NAMES)


def test_a_component_without_a_licence_is_refused() -> None:
    made = bill()
    made["components"][2]["licenses"] = []
    with pytest.raises(StepFailed, match="no licence is known of pypsrp"):
        sbom.complete(made, digests(), COLLECTIONS)


def test_a_wheel_without_a_component_is_refused() -> None:
    with pytest.raises(StepFailed, match="'stranger'"):
        sbom.complete(bill(), {**digests(), "stranger": DIGEST}, COLLECTIONS)


def test_versions_come_from_the_names_of_tarballs(tmp_path: Path) -> None:
    for name in ("ansible-windows-3.8.0.tar.gz", "otsec-opc_dcom-0.1.0.tar.gz"):
        (tmp_path / name).touch()
    assert sbom.versions(tmp_path) == COLLECTIONS
