# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A described site: what a description may say, and the process that serves it with its control endpoint."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from winrm.protocol import Protocol

from simulator.__main__ import main
from simulator.description import SOFTWARE, DescriptionError, HostDescription, parse_description
from simulator.faults import Effect
from simulator.inventory import format_inventory
from simulator.profiles import PROFILES

TESTS = Path(__file__).resolve().parents[2]
PASSWORD = "Site-Secret-1"
EXAMPLE = r"HKLM\SOFTWARE\Example: 'Level'"
DESCRIPTION: dict[str, Any] = {
    "site": {"schemes": ["http", "https"]},
    "domain": {
        "name": "PLANT",
        "dns_name": "plant.example",
        "users": [{"name": "ansible", "password": PASSWORD, "groups": ["Domain Admins"]}],
    },
    "defaults": {"accounts": [{"name": "Administrator", "password": PASSWORD}], "groups": ["opc_clients"]},
    "hosts": {
        "gw01": {
            "profile": "2008r2",
            "software": ["opc_core_components"],
            "groups": ["opc_servers"],
            "in_domain": True,
        },
        "hist01": {
            "profile": 2019,
            "revision": 1999,
            "ui_language": "de-DE",
            "registry": [{"key": r"HKLM\SOFTWARE\Example", "name": "Level", "type": "REG_DWORD", "data": 7}],
        },
    },
}


def described(**changes: Any) -> dict[str, Any]:
    return json.loads(json.dumps(DESCRIPTION | changes))  # type: ignore[no-any-return]


def test_hosts_are_built_as_described() -> None:
    description = parse_description(described())
    hosts = description.build()
    assert hosts["gw01"].stack_version == "2.0"
    assert hosts["gw01"].registry.key_exists(None, r"HKLM\SYSTEM\CurrentControlSet\Services\OpcEnum")
    assert dict(hosts["gw01"].logon_names()) == {"Administrator": PASSWORD, r"PLANT\ansible": PASSWORD}
    assert hosts["gw01"].caller_of(r"PLANT\ansible", "127.0.0.1").is_administrator
    assert hosts["hist01"].ui_language == "de-DE"
    assert hosts["hist01"].os_version[0].startswith("10.0.17763")
    assert hosts["hist01"].registry.get_number(r"HKLM\SOFTWARE\Example", "Level", 0) == 7
    assert hosts["hist01"].journal.records == []
    assert hosts["hist01"].snapshot() == hosts["hist01"].initial
    assert description.ansible_groups == {"opc_servers": ["gw01"], "opc_clients": ["hist01"]}
    assert description.build()["gw01"] is not hosts["gw01"]


def test_a_service_may_run_as_a_domain_account() -> None:
    service = {"name": "ApisHive", "account": r"PLANT\ansible", "password": PASSWORD}
    host = {"in_domain": True, "software": ["prediktor_apis"], "services": [service]}
    (built,) = parse_description(described(hosts={"gw01": host})).build().values()
    assert built.services.config("ApisHive").account == r"PLANT\ansible"
    assert built.services.service("ApisHive").state.name == "RUNNING"


def test_the_documentation_shows_a_site_that_works() -> None:
    text = (TESTS.parent / "docs" / "simulated_site.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    hosts = parse_description(yaml.safe_load(example)).build()
    assert hosts["hist01"].registry.get(r"HKLM\SOFTWARE\Microsoft\Ole", "EnableDCOM").text == "N"
    effects = {effect.value for effect in Effect if not effect.value.startswith("call_")}
    assert effects <= set(re.findall(r"`(\w+)`", text))
    keys = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert {field.name for field in dataclasses.fields(HostDescription)} <= keys
    assert set(SOFTWARE) | set(PROFILES) <= set(re.findall(r"`(\w+)`", text))


WRONG = {
    "no mapping": ([], "the description: must be a mapping"),
    "no hosts": (described(hosts={}), "hosts: there are none"),
    "unknown key": (described(host={}), "unknown key 'host'"),
    "unknown key of a host": (described(hosts={"a": {"profil": "2019"}}), "hosts.a: unknown key 'profil'"),
    "unknown profile": (described(hosts={"a": {"profile": "nt4"}}), "hosts.a.profile: 'nt4' is none of"),
    "unknown software": (described(hosts={"a": {"software": ["word"]}}), "hosts.a.software: 'word' is none of"),
    "wrong type": (described(hosts={"a": {"in_domain": "yes"}}), "hosts.a.in_domain: 'yes' has the wrong type"),
    "a boolean as a number": (described(hosts={"a": {"revision": True}}), "hosts.a.revision: True has the wrong type"),
    "account without password": (described(hosts={"a": {"accounts": [{"name": "x"}]}}), "needs a name and a password"),
    "group that is no text": (described(hosts={"a": {"groups": [1]}}), "hosts.a.groups: 1 is no text"),
    "no domain to be in": (
        {"hosts": {"a": {"in_domain": True}}},
        "a host is in_domain, but there is no domain",
    ),
    "registry type": (
        described(hosts={"a": {"registry": [{"key": "HKLM\\x", "name": "", "type": "DWORD", "data": 1}]}}),
        "hosts.a.registry: a value needs key, name, data and a type of REG_SZ",
    ),
    "registry data": (
        described(hosts={"a": {"registry": [{"key": "HKLM\\x", "name": "", "type": "REG_DWORD", "data": "1"}]}}),
        "hosts.a.registry: '1' is no REG_DWORD",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_description_names_the_place(name: str) -> None:
    data, message = WRONG[name]
    with pytest.raises(DescriptionError) as error:
        parse_description(data)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("account", "message"),
    [
        ({"name": "a/b", "password": PASSWORD}, "hosts.h.accounts"),
        ({"name": "x", "password": PASSWORD, "groups": ["No Such Group"]}, "hosts.h.accounts"),
    ],
)
def test_an_account_windows_would_refuse_is_an_error(account: dict[str, Any], message: str) -> None:
    with pytest.raises(DescriptionError) as error:
        parse_description({"hosts": {"h": {"accounts": [account]}}}).build()
    assert message in str(error.value)


def test_an_inventory_is_yaml_with_hosts_and_groups() -> None:
    text = format_inventory({"a": {"ansible_port": 1}}, {"opc_servers": ["a"]})
    assert yaml.safe_load(text) == {
        "all": {"hosts": {"a": {"ansible_port": 1}}, "children": {"opc_servers": {"hosts": {"a": {}}}}}
    }


# The process


def start(*arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", "simulator", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The process and its ready line; ended by its handle."""
    process = start(*arguments)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate(timeout=30)


def control(ready: dict[str, Any], path: str, body: object = None, content_type: str = "application/json") -> Any:
    """The JSON answer; a POST when there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ready["control"] + path, data, {"Content-Type": content_type})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def run_command(inventory: dict[str, Any], command: str, *arguments: str) -> tuple[bytes, bytes, int]:
    protocol = Protocol(
        f"http://{inventory['ansible_host']}:{inventory['ansible_port']}/wsman",
        transport=inventory["ansible_winrm_transport"],
        username=inventory["ansible_user"],
        password=inventory["ansible_password"],
        proxy=None,
    )
    shell = protocol.open_shell(codepage=65001)
    command_id = protocol.run_command(shell, command, arguments)
    try:
        return protocol.get_command_output(shell, command_id)
    finally:
        protocol.cleanup_command(shell, command_id)
        protocol.close_shell(shell)


def test_a_site_runs_as_a_process(tmp_path: Path) -> None:
    site, inventory = tmp_path / "site.yml", tmp_path / "hosts.yml"
    site.write_text(yaml.safe_dump(described()))
    with running("--site", str(site), "--write-inventory", str(inventory), "--auth", "ntlm") as (process, ready):
        assert ready["ready"] is True
        assert ready["pid"] == process.pid
        assert Path(ready["ca_path"]).is_file()
        hosts = yaml.safe_load(inventory.read_text())["all"]["hosts"]
        assert hosts["gw01"]["ansible_port"] == ready["hosts"]["gw01"]["http"]
        add = ("add", r"HKLM\SOFTWARE\Example", "/v", "Level", "/t", "REG_DWORD", "/d", "9", "/f")
        assert run_command(hosts["hist01"], "reg", *add)[2] == 0
        state = control(ready, "/state/hist01")
        assert [line for line in state["writes"] if "Example" in line]
        assert state["is_up"] is True
        assert "Level" in state["snapshot"]
        assert control(ready, "/stats")["hist01"]["operations"]["shell.Command"] == 1
        assert control(ready, "/hosts")["gw01"] == {"is_up": True, "ports": ready["hosts"]["gw01"]}
        assert state["in_force"]["default_authentication_level"] == 2
        assert [line for line in control(ready, "/changes/hist01")["added"] if line.startswith(EXAMPLE)]
        assert control(ready, "/reset", {}) == {"reset": ["gw01", "hist01"]}
        assert control(ready, "/changes/hist01") == {"added": [], "removed": []}
        assert control(ready, "/state/hist01")["writes"] == []
        assert control(ready, "/stats")["hist01"]["messages"] == 0
        assert run_command(hosts["hist01"], "ver")[2] == 0
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, output, errors) == (0, "", "")


def test_control_requests(tmp_path: Path) -> None:
    site = tmp_path / "site.yml"
    site.write_text(yaml.safe_dump(described()))
    with running("--site", str(site), "--strict") as (process, ready):
        assert control(ready, "/faults", {"host": "gw01", "effect": "fault", "operation": "shell.*"}) == {
            "added": "gw01"
        }
        assert control(ready, "/reboot/gw01", {}) == {"rebooted": "gw01"}
        refused = {
            ("/nothing", None): 404,
            ("/state/nobody", None): 404,
            ("/nothing", "{}"): 404,
            ("/reboot/nobody", "{}"): 404,
            ("/faults", '{"host": "gw01", "effect": "nope"}'): 400,
            ("/faults", '{"host": "nobody", "effect": "slow"}'): 404,
            ("/faults", "[1]"): 400,
        }
        for (path, body), status in refused.items():
            found = control(ready, path, json.loads(body) if body else None)
            assert found[0] == status, (path, found)
        assert control(ready, "/reset", {}, content_type="text/plain")[0] == 415
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0


def test_strict_ends_with_1_after_a_violation(tmp_path: Path) -> None:
    site, inventory = tmp_path / "site.yml", tmp_path / "hosts.yml"
    site.write_text(yaml.safe_dump(described()))
    with running("--site", str(site), "--strict", "--write-inventory", str(inventory)) as (process, _unused):
        host = yaml.safe_load(inventory.read_text())["all"]["hosts"]["hist01"]
        assert run_command(host, "frobnicate")[2] != 0
        process.send_signal(signal.SIGTERM)
        _unused, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "frobnicate" in errors


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("hosts: {}", [], "hosts: there are none"),
        ("hosts: [", [], "no YAML"),
        (None, [], "No such file"),
        ("hosts: {a: }", ["--write-inventory", "/dev/null", "--scheme", "https"], "the site serves http, not https"),
        ("hosts: {a: }", ["--write-inventory", "/dev/null"], "has no account with a password"),
        ("hosts: {a: }", ["--port-base", "{taken}"], "in use"),
    ],
)
def test_a_site_that_cannot_start_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, arguments: list[str], message: str
) -> None:
    site = tmp_path / "site.yml"
    if text is not None:
        site.write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        chosen = [port if item == "{taken}" else item for item in arguments]
        assert main(["--site", str(site), *chosen]) == 1
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("simulator: ")
    assert message in errors


# In the background


def test_a_site_runs_in_the_background_until_it_is_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site, directory = tmp_path / "site.yml", tmp_path / "run"
    site.write_text(yaml.safe_dump(described()))
    assert main(["start", "--directory", str(directory), "--site", str(site)]) == 0
    try:
        ready = json.loads(capsys.readouterr().out)
        assert json.loads((directory / "site.json").read_text()) == ready
        assert control(ready, "/hosts")["gw01"]["is_up"] is True
        assert main(["start", "--directory", str(directory), "--site", str(site)]) == 1
        assert "a site runs already" in capsys.readouterr().err
    finally:
        assert main(["stop", "--directory", str(directory)]) == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(ready["control"].rpartition(":")[2])))
    assert not (directory / "site.json").exists()
    assert main(["stop", "--directory", str(directory)]) == 0
    assert capsys.readouterr().out == '{"stopped": true}\n{"stopped": false}\n'


def test_stopping_a_site_that_died_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "site.json").write_text(json.dumps({"control": address}))
    assert main(["stop", "--directory", str(tmp_path)]) == 0
    assert capsys.readouterr().out == '{"stopped": false}\n'
    assert not (tmp_path / "site.json").exists()


def test_a_site_in_the_background_says_why_it_cannot_start_and_ends_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site, directory = tmp_path / "site.yml", tmp_path / "run"
    site.write_text("hosts: {}")
    assert main(["start", "--directory", str(directory), "--site", str(site)]) == 1
    assert "the site does not start: simulator: hosts: there are none" in capsys.readouterr().err
    assert not (directory / "site.json").exists()
    site.write_text(yaml.safe_dump(described()))
    with running("--site", str(site), "--lifetime", "0.1") as (process, _ready):
        process.communicate(timeout=30)
        assert process.returncode == 0
