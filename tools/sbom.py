# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CycloneDX 1.6 bill of materials of what the archive for sites without internet installs.

cyclonedx-py describes an environment that has exactly the wheels of the archive: versions, licences, what needs what.
Added to it: the collection itself, the one it depends on, the SHA-256 of each wheel, and which packages only an option
needs. It has no date and no serial number, so the same wheels give the same file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from steps import call, fail, fresh

SPECIFICATION = "1.6"
COLLECTION = "otsec.opc_dcom"
WINDOWS = "ansible.windows"
# Packages the collection itself asks for, and those of them that only one kind of connection needs.
DIRECT = ("ansible-core", "pywinrm", "pypsrp")
OPTIONAL = ("pypsrp",)
_VALIDATE = """\
import pathlib, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
sys.exit(f"{sys.argv[1]}: {error}" if error else None)
"""


def make(venv: Path, tools: Path, content: Path, work: Path) -> str:
    """Describe the wheels and collections in `content`. `tools` is the environment that has cyclonedx-py."""
    alone = fresh(work / "described")
    call(venv, "python", "-m", "venv", "--without-pip", str(alone))
    pip = ("python", "-m", "pip", "--python", str(alone / "bin" / "python"), "install", "--quiet")
    source = ("--no-index", "--require-hashes", "--find-links", str(content / "wheels"))
    call(venv, *pip, *source, "--requirement", str(content / "requirements.txt"))
    raw = work / "described.cdx.json"
    options = ("--output-reproducible", "--spec-version", SPECIFICATION, "--output-file", str(raw))
    call(tools, "cyclonedx-py", "environment", *options, str(alone))
    pins = (content / "requirements.txt").read_text(encoding="utf-8")
    made = complete(json.loads(raw.read_text(encoding="utf-8")), hashes(pins), versions(content / "collections"))
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


def validate(tools: Path, path: Path) -> None:
    """Against the schema that the CycloneDX library carries, which refuses members it does not know."""
    call(tools, "python", "-c", _VALIDATE, str(path))


def hashes(pins: str) -> dict[str, str]:
    """SHA-256 by normalised name, out of lines such as `PyYAML==6.0.3 --hash=sha256:0f29...`."""
    found = re.findall(r"^([\w.-]+)==\S+ --hash=sha256:([0-9a-f]{64})$", pins, re.MULTILINE)
    return {normal(name): digest for name, digest in found}


def versions(collections: Path) -> dict[str, str]:
    """Collections by name, out of file names such as `ansible-windows-3.8.0.tar.gz`."""
    parts = (path.name.removesuffix(".tar.gz").split("-", 2) for path in collections.glob("*.tar.gz"))
    return {f"{namespace}.{name}": version for namespace, name, version in parts}


def complete(bill: dict[str, Any], digests: Mapping[str, str], collections: Mapping[str, str]) -> dict[str, Any]:
    """Add what cyclonedx-py cannot know. Raises StepFailed when wheels and components differ or one has no licence."""
    components = {normal(component["name"]): component for component in bill["components"]}
    if components.keys() != digests.keys():
        raise fail(f"sbom: the wheels are not the components: {sorted(components.keys() ^ digests.keys())}")
    unlicensed = sorted(name for name, component in components.items() if not component.get("licenses"))
    if unlicensed:
        raise fail(f"sbom: no licence is known of {', '.join(unlicensed)}")
    references = {name: component["bom-ref"] for name, component in components.items()}
    needed = reachable([references[name] for name in DIRECT if name not in OPTIONAL], bill["dependencies"])
    for name, component in components.items():
        component["hashes"] = [{"alg": "SHA-256", "content": digests[name]}]
        component["scope"] = "required" if component["bom-ref"] in needed else "optional"
    own, windows = (collection(name, collections[name]) for name in (COLLECTION, WINDOWS))
    needs = sorted([windows["bom-ref"], *(references[name] for name in DIRECT)])
    return {
        **bill,
        "metadata": {**bill["metadata"], "component": own},
        "components": [*components.values(), {**windows, "scope": "required"}],
        "dependencies": [
            {"ref": own["bom-ref"], "dependsOn": needs},
            *bill["dependencies"],
            {"ref": windows["bom-ref"]},
        ],
    }


def collection(name: str, version: str) -> dict[str, Any]:
    # Both collections are under this licence: their galaxy.yml and LICENSE.
    licence = {"license": {"id": "GPL-3.0-or-later", "acknowledgement": "declared"}}
    return {
        "type": "library",
        "bom-ref": f"{name}=={version}",
        "name": name,
        "version": version,
        "licenses": [licence],
        "purl": f"pkg:generic/{name}@{version}",
    }


def reachable(start: Iterable[str], dependencies: Iterable[Mapping[str, Any]]) -> set[str]:
    """References that these need, with themselves."""
    graph = {item["ref"]: item.get("dependsOn", []) for item in dependencies}
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        reference = waiting.pop()
        if reference not in found:
            found.add(reference)
            waiting += graph[reference]
    return found


def normal(name: str) -> str:
    """Source: PEP 503, normalised names."""
    return re.sub(r"[-_.]+", "-", name).lower()
