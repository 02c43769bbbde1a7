# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of every module's documentation, word for word, as real tasks: each module on a host of its own."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from five_hosts import simulated
from offline_scripts import collect_facts

from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._offline._run import make_bundle, parse_request
from playbooks import Ansible
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2019
from simulator.site import SimulatedSite
from simulator.software import ComServer, Software, opc_core_components, prediktor_apis
from simulator.subsystems.account_database import Domain
from simulator.subsystems.clock import VirtualClock

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
# Examples that go on with what those of another module registered.
BUILDS_ON = {
    "opc_link_info": ["opc_end_info"],
    "opc_diagnosis": ["opc_end_info", "dcom_event_info"],
    "opc_report": ["opc_end_info", "dcom_info"],
}
# The one directory of the controller that an example names, where the documentation has /var/lib.
SNAPSHOTS = "/var/lib/opc/snapshots/"
APIS_LOG = (
    "2026-03-02 07:15:00,000.100| 1234|ERROR|ApisHive.plant.OPC|ApisOPC.cpp:774|$RPT$ CreateOPCServer: Failed to "
    "create OPC server, Vendor.OpcServer.1, on gw01. Error return: Access is denied.  (0x80070005).\n"
)


def vendor(prog_id: str, number: int, program: str) -> Software:
    guid = "{{0B1A5C10-7E11-4C43-8B5E-3F2B5F7B{:04}}}"
    server = ComServer(prog_id, prog_id, guid.format(number), guid.format(number + 1), program)
    return Software(prog_id, tuple(server.entries()), (), ((program, "1.0"),))


def host_of(module: str) -> SimulatedHost:
    """A host that has whatever the examples name: two domains do not go together, so the module decides."""
    domain = Domain("FACTORY", "factory.example") if module == "dcom_permission" else Domain("PLANT", "plant.example")
    domain.add_group("OPC Users")
    domain.add_computer("gw01")
    software = [
        opc_core_components(),
        prediktor_apis(),
        vendor("Vendor.OpcServer.1", 1, "C:\\Program Files\\Vendor\\OpcServer.exe"),
        vendor("Vendor.DataServer.1", 3, "C:\\opc\\da\\server.exe"),
        Software("files", files=(("C:\\opc\\hda\\server.exe", "1.0"), ("C:\\opc\\client.exe", "1.0"))),
    ]
    clock = VirtualClock(ticker=time.monotonic)
    host = SimulatedHost(module.replace("_", ""), SERVER_2019, clock=clock, domain=domain, software=software)
    host.allow_unencrypted = True
    host.accounts.set_password(None, "Administrator", "Simulated-Passw0rd")
    for name in ("OPCServerUser", "OPCClientUser"):
        host.accounts.create_user(None, name, "Simulated-Passw0rd")
    return host


@pytest.fixture
def site() -> Iterator[SimulatedSite]:
    with SimulatedSite({module: host_of(module) for module in MODULES}) as running:
        for pattern in ("OtsecNoSuchClass", "OtsecNoSuchMethod", "select \\* form"):
            running.expect_violation(pattern)
        yield running
        running.check()


def examples_of(module: str) -> str:
    path = ROOT / "plugins" / "modules" / f"{module}.py"
    spec = importlib.util.spec_from_file_location(module, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    text: str = loaded.EXAMPLES
    return text


def earlier_report() -> list[dict[str, Any]]:
    """The report of last month that the example goes on with: the same task, in that directory and without one."""
    (task,) = yaml.safe_load(examples_of("opc_report"))
    options = {**task["otsec.opc_dcom.opc_report"], "path": "reports/2026-02"}
    options.pop("earlier")
    return [{**task, "otsec.opc_dcom.opc_report": options}]


def play_of(module: str, directory: Path) -> dict[str, Any]:
    text = "".join(examples_of(name) for name in BUILDS_ON.get(module, ()))
    text += yaml.safe_dump(earlier_report()) if module == "opc_report" else ""
    text += examples_of(module)
    return {
        "hosts": module,
        "gather_facts": False,
        "vars_files": [str(ROOT / "examples" / "group_vars" / "all" / "opc_site.yml")],
        "vars": {f"vault_opc_{name}_user": "Simulated-Passw0rd" for name in ("server", "history", "trend")},
        "tasks": yaml.safe_load(text.replace(SNAPSHOTS, f"{directory}/snapshots/")),
    }


def bring_facts(host: SimulatedHost, directory: Path) -> None:
    """What the first example of opc_offline has written was run on the host, and its answer is there for the second."""
    first, *_others = yaml.safe_load(examples_of("opc_offline"))
    place = directory / "offline" / "opc_offline"
    desired = first["otsec.opc_dcom.opc_offline"]["desired"]
    request = parse_request({"desired": desired, "dest": str(place), "facts": None, "sids": {}})
    make_bundle(request, check_mode=False, with_diff=False)
    collect_facts(host, place / "collect.cmd")


def test_every_example_works_as_it_is_printed(site: SimulatedSite, tmp_path: Path) -> None:
    for module in MODULES:
        log = tmp_path / "fetched" / module / "ApisHive.log"
        log.parent.mkdir(parents=True)
        log.write_text(APIS_LOG, encoding="utf-8")
    (tmp_path / "snapshots").mkdir()
    site.run_in_loop(lambda: bring_facts(simulated(site, "opc_offline"), tmp_path))
    playbook = tmp_path / "examples.yml"
    playbook.write_text(yaml.safe_dump([play_of(module, tmp_path) for module in MODULES]), encoding="utf-8")

    run = Ansible(site, tmp_path, {}).playbook(str(playbook))

    assert run.returncode == 0, run.output
    done = {item.action.rpartition(".")[2] for item in run.results if item.status in ("ok", "changed")}
    assert set(MODULES) <= done
    assert list((tmp_path / "snapshots").iterdir())
