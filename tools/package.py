# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the collection can be handed on: its metadata, its documentation, and the tarball once it is installed."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

from steps import (
    BUILD,
    COLLECTIONS,
    OURS,
    ROOT,
    TALLY,
    call,
    copy_checkout,
    fail,
    fresh,
    known_files,
    lend,
    pytest,
    venv_for,
)

OUTPUT = BUILD / "package"
# What somebody downloads: the tarball, and the one it depends on. The tests of this target install from here.
RELEASE = OUTPUT / "release"
WINDOWS = COLLECTIONS / "ansible_collections" / "ansible" / "windows"
# Galaxy takes 20 MB; ours is code and text, so more than this is an accident.
MAX_BYTES = 2_000_000
# ansible-galaxy writes these itself.
_GENERATED = frozenset({"MANIFEST.json", "FILES.json"})


def check() -> None:
    venv = venv_for(tools="lint")
    copy = copy_checkout(OUTPUT / "source")
    extra = {"ANSIBLE_COLLECTIONS_PATH": str(OUTPUT / "source")}
    call(venv, "ansible-lint", "--offline", "--profile", "production", cwd=copy, extra=extra)
    call(venv, "antsibull-docs", "lint-collection-docs", "--plugin-docs", ".", cwd=copy, extra=extra)
    call(venv, "antsibull-changelog", "lint", cwd=copy)
    call(venv, "reuse", "lint", "--lines", cwd=copy)
    call(venv, "pre-commit", "validate-config", cwd=copy)
    tarball = build(venv, copy, OUTPUT / "dist")
    compare(tarball, build(venv, ROOT, OUTPUT / "dist-checkout"))
    use(install(venv, tarball))
    release(venv, tarball)
    pytest(venv_for(), "-m", "package", "tests/package")


def build(venv: Path, source: Path, output: Path) -> Path:
    call(venv, "ansible-galaxy", "collection", "build", "--output-path", str(fresh(output)), cwd=source)
    (tarball,) = output.glob("*.tar.gz")
    return tarball


def build_windows(venv: Path, work: Path) -> Path:
    """ansible.windows as a tarball; as it is installed it has its metadata in another form."""
    source = work / "windows-source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(WINDOWS, source)
    metadata = json.loads((source / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]
    known = {name: value for name, value in metadata.items() if value}
    (source / "galaxy.yml").write_text(json.dumps(known), encoding="utf-8")  # JSON is YAML
    return build(venv, source, work / "windows")


def release(venv: Path, tarball: Path) -> None:
    """Put the tarball and the one it depends on into one directory."""
    fresh(RELEASE)
    for path in (tarball, build_windows(venv, OUTPUT)):
        shutil.copy(path, RELEASE)


def compare(clean: Path, checkout: Path) -> None:
    """build_ignore of galaxy.yml: a build in a checkout where people work has nothing that git would not track."""
    size = clean.stat().st_size
    print(f"package: {clean.name} has {len(names_in(clean))} files in {size} bytes", flush=True)
    if size > MAX_BYTES:
        raise fail(f"package: the tarball is larger than {MAX_BYTES} bytes")
    strangers = names_in(checkout) - known_files() - _GENERATED
    if strangers:
        raise fail(f"package: build_ignore of galaxy.yml lets in {', '.join(sorted(strangers)[:20])}")
    TALLY.passed += 1


def names_in(tarball: Path) -> set[str]:
    with tarfile.open(tarball) as archive:
        return {member.name for member in archive if member.isfile()}


def install(venv: Path, tarball: Path) -> Path:
    """Install into an empty directory that has only what the collection depends on. Returns that directory."""
    target = fresh(OUTPUT / "installed")
    lend(target, "ansible")
    command = ("ansible-galaxy", "collection", "install", "--offline", "-p", str(target), str(tarball))
    call(venv, *command, cwd=target, extra={"ANSIBLE_COLLECTIONS_PATH": str(target)})
    return target


def use(collections: Path) -> None:
    """Documentation and demo of the installed collection, with nothing of this checkout but its environment."""
    installed = collections / OURS
    extra = {"ANSIBLE_COLLECTIONS_PATH": str(collections)}
    for kind, places in (("module", "plugins/modules/*.py"), ("role", "roles/*")):
        found = [f"otsec.opc_dcom.{path.stem}" for path in sorted(installed.glob(places))]
        call(venv_for(), "ansible-doc", "--json", "--type", kind, *found, cwd=collections, extra=extra, quiet=True)
    call(venv_for(), "python", "tools/demo.py", cwd=installed, extra=extra)
