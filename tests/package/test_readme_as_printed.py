# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""README's way to a hardened site, each command as printed, in an empty directory, against the simulated demo plant.

Nothing of the checkout takes part but the release file, which `make package` has just built. What differs from a
reader's machine: HOME is empty, Galaxy is a server on loopback that has the same files, pip keeps to the versions that
the other tests use, and EDITOR is a script that writes what README says to write.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from galaxy_server import serve
from readme_commands import SITE, printed

from simulator.opc.connection import connect
from simulator.site import SimulatedSite

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from demo_plant import SECRETS, DemoPlant  # noqa: E402

RELEASE = ROOT / ".build" / "package" / "release"
ADMINISTRATOR = ("Administrator", "Simulated-Passw0rd")
HARDEN = "ansible-playbook otsec.opc_dcom.harden_opc -i site.ini"
# Commands that end with an error by what README says of them, before anything is hardened.
EXIT_CODES = {"ansible-playbook otsec.opc_dcom.audit_opc -i site.ini": 2}
TIMEOUT_S = 400
EDITOR = """\
import json, pathlib, re, sys

edits = json.loads(pathlib.Path(__file__).with_name("edits.json").read_text())
for name in sys.argv[1:]:
    path = pathlib.Path(name)
    edit = edits.get(path.name) or edits["vault.yml"]  # ansible-vault edits a file with a name of its own
    text = path.read_text() if path.exists() else ""
    for pattern, replacement in edit.get("replace", {}).items():
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count == 1, (name, pattern, count)
    path.write_text(text + edit.get("append", ""))
    with pathlib.Path(__file__).with_name("edited.txt").open("a") as log:
        log.write(path.name + "\\n")
"""

pytestmark = pytest.mark.package


class Shell:
    """One bash on a terminal, as somebody types into it. `output` is all that was shown."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.output = ""
        self._screen, terminal = pty.openpty()
        source, self._commands = os.pipe()
        self._process = subprocess.Popen(
            ["bash", "--norc", f"/dev/fd/{source}"],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
            pass_fds=[source],
        )
        os.close(source)
        os.close(terminal)

    def run(self, command: str) -> int:
        """The exit code of one command; its output is in `output`."""
        os.write(self._commands, f'{command}\necho "[ended: $?]"\n'.encode())
        shown = ""
        while not (ended := re.search(r"\[ended: (\d+)\]", shown)):
            part = os.read(self._screen, 65536)
            shown += part.decode(errors="replace")
        self.output += f"$ {command}\n{shown}"
        return int(ended[1])

    def close(self) -> None:
        os.close(self._commands)
        self._process.wait(30)
        os.close(self._screen)


@pytest.fixture
def galaxy() -> Iterator[str]:
    tarballs = sorted(RELEASE.glob("*.tar.gz"))
    assert len(tarballs) == 2, "`make package` builds the release file and the collection it depends on"
    with serve(tarballs) as address:
        yield address


@pytest.fixture
def environment(tmp_path: Path, galaxy: str) -> dict[str, str]:
    """Of a reader who has the Python of this environment as python3, and nothing of Ansible."""
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "LANG", "LC_"))}
    home = tmp_path / "home"
    home.mkdir()
    core = Path(sys.prefix).name.removeprefix("venv-")
    base = Path(sys._base_executable).parent  # type: ignore[attr-defined]
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=False)
    return {
        **kept,
        "HOME": str(home),
        "PATH": os.pathsep.join((str(base), "/usr/local/bin", "/usr/bin", "/bin")),
        "TERM": "dumb",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_GALAXY_SERVER": galaxy,
        "PIP_CACHE_DIR": cache.stdout.strip() or str(home / "cache"),
        "PIP_CONSTRAINT": str(ROOT / "requirements" / f"core-{core}.txt"),
    }


def put_editor(place: Path, site: SimulatedSite) -> str:
    """A reader who knows his site: addresses, how hosts are reached, and passwords."""
    user, password = ADMINISTRATOR
    hosts = {
        rf"^{name} ansible_host=[0-9.]+$": f"{name} ansible_host=127.0.0.1 ansible_port={site[name].ports['https']}"
        for name in site
    }
    vault = {**SECRETS, "vault_opc_admin_password": password}
    edits: dict[str, object] = {
        "site.ini": {"replace": hosts},
        "windows.yml": {
            "replace": {"^ansible_user: .*$": f"ansible_user: {user}"},
            "append": f"ansible_winrm_ca_trust_path: {site.ca_path}\n",
        },
        "opc_site.yml": {"append": ""},
        "vault.yml": {"append": "".join(f"{name}: {secret}\n" for name, secret in vault.items())},
    }
    place.mkdir()
    (place / "edits.json").write_text(json.dumps(edits), encoding="utf-8")
    (place / "editor.py").write_text(EDITOR, encoding="utf-8")
    return f"{sys.executable} {place / 'editor.py'}"


def works(plant: DemoPlant, site: SimulatedSite) -> dict[str, bool]:
    """What the clients of the simulated hosts find when they try their links."""
    return {
        name: site.run_in_loop(lambda link=link: connect(plant.network, link).ok)  # type: ignore[misc]
        for name, link in plant.links.items()
    }


def writes(site: SimulatedSite) -> int:
    return site.run_in_loop(lambda: sum(len(site[name].writes) for name in site))


@pytest.mark.timeout(TIMEOUT_S)
def test_every_command_of_readme_works_as_printed(tmp_path: Path, environment: dict[str, str]) -> None:
    plant, empty = DemoPlant(), tmp_path / "empty"
    empty.mkdir()
    (release,) = RELEASE.glob("otsec-opc_dcom-*.tar.gz")
    shutil.copy(release, empty)
    with SimulatedSite(plant.hosts, schemes=("https",), auth=("ntlm",)) as site:
        shell = Shell(empty, {**environment, "EDITOR": put_editor(tmp_path / "reader", site)})
        try:
            assert not any(works(plant, site).values())
            for command in printed(SITE):
                before = writes(site)
                assert shell.run(command) == EXIT_CODES.get(command, 0), shell.output
                assert (writes(site) > before) is (command == HARDEN), command
            assert set(works(plant, site).values()) == {True}
            before = writes(site)
            assert shell.run(HARDEN) == 0, shell.output
            assert writes(site) == before
        finally:
            shell.close()
        site.check()
    assert set(re.findall(r"changed=(\d+)", shell.output.rpartition("PLAY RECAP")[2])) == {"0"}, shell.output
    assert "0x" in (empty / "reports" / "opc_report.html").read_text(encoding="utf-8")
    assert (empty / "group_vars" / "all" / "vault.yml").read_text(encoding="utf-8").startswith("$ANSIBLE_VAULT")
    edited = (tmp_path / "reader" / "edited.txt").read_text(encoding="utf-8").split()
    assert edited[:3] == ["site.ini", "windows.yml", "opc_site.yml"]
    assert len(edited) == 4
    for secret in (*SECRETS.values(), ADMINISTRATOR[1]):
        assert secret not in shell.output


def test_galaxy_gives_the_same_collection(tmp_path: Path, environment: dict[str, str]) -> None:
    command = "ansible-galaxy collection install otsec.opc_dcom"
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env={**environment, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    installed = tmp_path / "home" / ".ansible" / "collections" / "ansible_collections"
    assert (installed / "otsec" / "opc_dcom" / "playbooks" / "harden_opc.yml").is_file()
    assert (installed / "ansible" / "windows" / "plugins").is_dir()
