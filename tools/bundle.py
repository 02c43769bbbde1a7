# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One archive to carry to a site without internet: collections, wheels, checksums and a script that installs them.

Made for the Python and the platform that it is made with, and tried out by installing it without a network.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path

import sbom
from package import build, build_windows
from setup_env import python_version
from steps import BUILD, ROOT, TALLY, call, copy_checkout, fail, fresh, venv_for

OUTPUT = BUILD / "bundle"
# What a controller needs: pywinrm for ansible_connection=winrm, pypsrp for psrp.
PACKAGES = ("ansible-core", "pywinrm", "pypsrp")
SUMS = "SHA256SUMS"
# What the archive consists of, in it and beside it.
BILL = "sbom.cdx.json"


def make() -> None:
    """Make the archive and install it elsewhere."""
    venv = venv_for()
    content = fresh(OUTPUT / "content")
    collect(venv, content)
    version = python_version(str(venv / "bin" / "python"))
    archive = pack(content, f"otsec-opc_dcom-{own_version(content)}-python{version}-{platform.machine()}")
    print(f"bundle: {archive.relative_to(ROOT)} has {archive.stat().st_size} bytes", flush=True)
    try_out(venv, archive)


def collect(venv: Path, content: Path) -> None:
    """Fill a directory with what goes into the archive."""
    build(venv, copy_checkout(OUTPUT / "source"), content / "collections")
    shutil.copy(build_windows(venv, OUTPUT), content / "collections")
    wheels = content / "wheels"
    command = ("python", "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(wheels))
    call(venv, *command, "--constraint", str(lock_file(venv)), *PACKAGES)
    (content / "requirements.txt").write_text(requirements(wheels), encoding="utf-8")
    describe(venv, content)
    for name in ("install.sh", "README.txt"):
        shutil.copy(ROOT / "tools" / "bundle_data" / name, content / name)
    names = sorted(path.relative_to(content).as_posix() for path in content.rglob("*") if path.is_file())
    (content / SUMS).write_text("".join(f"{digest(content / name)}  {name}\n" for name in names), encoding="utf-8")


def describe(venv: Path, content: Path) -> None:
    """Write the bill of materials, twice: one that differs from run to run would prove nothing."""
    tools = venv_for(tools="supply")
    first = sbom.make(venv, tools, content, OUTPUT)
    second = sbom.make(venv, tools, content, OUTPUT)
    if first != second:
        raise fail("bundle: the bill of materials is another one the second time")
    (content / BILL).write_text(first, encoding="utf-8")
    sbom.validate(tools, content / BILL)


def lock_file(venv: Path) -> Path:
    """The pinned set that the environment was built from."""
    return ROOT / "requirements" / f"core-{venv.name.removeprefix('venv-')}.txt"


def requirements(wheels: Path) -> str:
    """Every wheel pinned by version and hash, so that pip takes these files and no others."""
    lines = []
    for wheel in sorted(wheels.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{digest(wheel)}\n")
    return "".join(lines)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def own_version(content: Path) -> str:
    (tarball,) = (content / "collections").glob("otsec-opc_dcom-*.tar.gz")
    return tarball.name.removeprefix("otsec-opc_dcom-").removesuffix(".tar.gz")


def pack(content: Path, name: str) -> Path:
    archive = OUTPUT / f"{name}.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(content, name)
    shutil.copy(content / BILL, OUTPUT / f"{name}.cdx.json")
    return archive


def try_out(venv: Path, archive: Path) -> None:
    """Unpack, install and use it in a network namespace that has no network."""
    place = fresh(OUTPUT / "tried")
    shutil.unpack_archive(archive, place)
    (unpacked,) = place.iterdir()
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        TALLY.leave_out("bundle: installing it without a network (unshare is not permitted here)")
        return
    target = place / "installed"
    alone = ("unshare", "--net")
    call(venv, *alone, "sh", str(unpacked / "install.sh"), str(target), cwd=place)
    extra = {"ANSIBLE_COLLECTIONS_PATH": str(target / "collections")}
    found = ("otsec.opc_dcom.opc_host", "ansible.windows.win_user")
    call(target / "venv", *alone, "ansible-doc", "--json", *found, cwd=place, extra=extra, quiet=True)
    shutil.copy(ROOT / "examples" / "site.ini", place)
    shutil.copytree(ROOT / "examples" / "group_vars", place / "group_vars")
    command = ("ansible-playbook", "--syntax-check", "-i", "site.ini", "otsec.opc_dcom.audit_opc")
    call(target / "venv", *alone, *command, cwd=place, extra=extra)
    refuse_damage(place, unpacked)
    TALLY.passed += 1


def refuse_damage(place: Path, unpacked: Path) -> None:
    """One byte of one wheel is another: nothing may be installed."""
    damaged = next((unpacked / "wheels").glob("pywinrm-*"))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\xff")
    command = ["sh", str(unpacked / "install.sh"), str(place / "damaged")]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0 or (place / "damaged").exists():
        raise fail("bundle: a damaged archive was installed")
