# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trying links by hand: descriptions with links, the table, the command line, the control endpoint."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from winrm.protocol import Protocol

from simulator.__main__ import main
from simulator.control import Control
from simulator.description import DescriptionError, parse_description
from simulator.opc import plants
from simulator.opc.connection import LinkError, connect
from simulator.opc.layers import Layer, Link, Mode
from simulator.opc.link_data import LINK_KEYS, outcome_data, parse_link
from simulator.opc.scenarios import find
from simulator.opc.table import links_table, outcome_details, outcomes_table
from simulator.site import SimulatedSite
from simulator.software import APIS_PROGRAM

APPLICATION = plants.APPLICATION
ACCOUNTS = [
    {"name": "OPCServerUser", "password": "Plant-Server-1"},
    {"name": "OPCClientUser", "password": "Plant-Client-1"},
]
DESCRIPTION: dict[str, Any] = {
    "defaults": {"accounts": ACCOUNTS, "software": ["opc_core_components", "prediktor_apis"]},
    "hosts": {
        "gw01": {
            "address": "10.100.86.125",
            "services": [{"name": "ApisHive", "account": "OPCServerUser", "password": "Plant-Server-1"}],
        },
        "hist01": {
            "address": "10.100.86.212",
            "services": [{"name": "ApisHive", "account": "OPCClientUser", "password": "Plant-Client-1"}],
        },
    },
    "links": [
        {"client": "hist01", "server": "gw01", "application": APPLICATION, "mode": "subscribe", "browse": True},
        {"client": "gw01", "server": "hist01", "application": APPLICATION},
    ],
}
# Open enough for a link: firewalls off, everybody in both launch permissions.
OFF = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\StandardProfile"


def changed(**changes: Any) -> dict[str, Any]:
    return json.loads(json.dumps(DESCRIPTION | changes))  # type: ignore[no-any-return]


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    path = tmp_path / "site.yml"
    path.write_text(yaml.safe_dump(DESCRIPTION), encoding="utf-8")
    return path


# Links and sites as data


def test_a_link_from_data() -> None:
    link = parse_link({"client": "a", "server": "b", "application": "X.1", "mode": "subscribe", "level": "none"})
    assert link == Link("a", "b", "X.1", APIS_PROGRAM, mode=Mode.SUBSCRIBE, level=1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "link: must be a mapping"),
        ({"client": "a", "server": "b"}, "link: application is missing"),
        ({"client": "a", "server": "b", "application": "x", "port": 1}, "link: unknown key 'port'"),
        ({"client": "a", "server": "b", "application": "x", "browse": "yes"}, "link.browse: 'yes' has the wrong type"),
        ({"client": "a", "server": "b", "application": "x", "mode": "push"}, "link.mode: 'push' is none of poll, sub"),
        ({"client": "a", "server": "b", "application": "x", "level": "5"}, "link.level: '5' is none of none, connect"),
    ],
)
def test_a_wrong_link_names_the_place(data: object, message: str) -> None:
    with pytest.raises(LinkError, match=message):
        parse_link(data)


def test_a_described_site_has_addresses_services_and_links_in_force() -> None:
    description = parse_description(changed())
    hosts = description.build()
    network = description.network(hosts)
    assert network.node("gw01").address == "10.100.86.125"
    process = hosts["gw01"].services.service("ApisHive").process
    assert process is not None
    assert process.account == r".\OPCServerUser"
    assert [link.server for link in description.links] == ["gw01", "hist01"]
    outcome = connect(network, description.links[0])
    assert outcome.hresult == 0x800706BA
    assert hosts["gw01"].journal.changes_by_callers() == []


def test_a_described_setting_is_in_force() -> None:
    value = {"key": r"HKLM\SOFTWARE\Microsoft\Ole", "name": "LegacyAuthenticationLevel", "type": "REG_DWORD", "data": 5}
    off = {"key": OFF, "name": "EnableFirewall", "type": "REG_DWORD", "data": 0}
    hosts = parse_description(changed(hosts={"gw01": {"registry": [value, off]}}, links=[])).build()
    assert hosts["gw01"].in_force().machine.default_authentication_level == 5
    assert not hosts["gw01"].firewall.settings("Private").is_enabled
    assert hosts["gw01"].is_up


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"links": [{"client": "hist9", "server": "gw01", "application": "x"}]},
            r"links\[0\]: there is no host 'hist9'",
        ),
        ({"links": [{"client": "hist01"}]}, r"links\[0\]: server is missing"),
        ({"hosts": {"a": {"address": "gw01"}}, "links": []}, "hosts.a.address: 'gw01' is no IPv4 address"),
        ({"hosts": {"a": {"services": [{"name": "x"}]}}, "links": []}, "a service needs a name, an account and a pass"),
    ],
)
def test_a_wrong_description_names_the_place(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DescriptionError, match=message):
        parse_description(changed(**changes))


@pytest.mark.parametrize(
    "service", [{"name": "Nope", "account": "OPCServerUser"}, {"name": "ApisHive", "account": "x"}]
)
def test_a_service_or_account_that_is_not_there(service: dict[str, str]) -> None:
    hosts = {"gw01": {"services": [{**service, "password": "Plant-Server-1"}]}}
    with pytest.raises(DescriptionError, match=r"hosts\.gw01\.services"):
        parse_description(changed(hosts=hosts, links=[])).build()


def test_the_documentation_shows_what_there_is() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "simulated_opc.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    description = parse_description(yaml.safe_load(example))
    network = description.network(description.build())
    assert [connect(network, link).link_layer for link in description.links] == [Layer.SERVER_FIREWALL]
    words = set(re.findall(r"`(\w+)`", text))
    assert {layer.name.lower() for layer in Layer} <= words
    assert set(LINK_KEYS) <= words


# The table


def test_the_table_shows_each_part() -> None:
    healthy, broken, hidden = plants.named_accounts(), find("advise_rpc_unavailable").build(), plants.out_of_the_box()
    rows = [outcome_data(plant.connect()) for plant in (healthy, broken, hidden)]
    lines = outcomes_table(rows).splitlines()
    assert lines[0].split() == ["client", "server", "application", "mode", "connect", "browse", "callback"]
    assert lines[2].split()[4:] == ["OK", "OK", "OK"]
    assert lines[3].split()[4:] == ["OK", "OK", "0x800706BA", "client_firewall"]
    assert lines[4].split()[4:] == ["0x800706BA", "server_firewall", "0x800706BA", "server_firewall", "-"]
    assert links_table(healthy.network, [healthy.link]).splitlines()[2].split()[4:] == ["OK", "OK", "OK"]


def test_the_details_say_why() -> None:
    text = outcome_details(outcome_data(find("launch_permission_lacks_the_account").build().connect()))
    assert "connect: Access is denied.  (0x80070005)" in text
    assert r"application_launch: gw01: the launch permission" in text
    assert "event 10016 in System of gw01: application-specific; Remote; Activation" in text
    assert "servers: Prediktor.ApisOPCServer.1" in text
    assert "log: 2026-" in text
    assert "4624" not in text


# The command line


def test_all_links_of_a_description(site_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["connect", "--site", str(site_file)]) == 1
    out = capsys.readouterr().out
    assert out.count("0x800706BA server_firewall") == 3
    assert "hist01 -> gw01" in out


def test_one_link_as_json(site_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--client", "hist01", "--server", "gw01", "--level", "connect", "--account", "LocalSystem", "--json"]
    assert main(["connect", "--site", str(site_file), *arguments]) == 1
    (outcome,) = json.loads(capsys.readouterr().out)
    assert outcome["link_layer"] == "server_firewall"
    assert outcome["parts"][0]["hresult"] == "0x800706BA"
    assert outcome["events"][0]["id"] == 10028


def test_a_link_that_works_ends_with_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    off = {"key": OFF, "name": "EnableFirewall", "type": "REG_DWORD", "data": 0}
    everyone = "010004803000000040000000000000001400000002001c0001000000000014001f000000010100000000000100000000"
    owner = "01020000000000052000000020020000"
    open_to_all = [
        {"key": r"HKLM\SOFTWARE\Microsoft\Ole", "name": name, "type": "REG_BINARY", "data": everyone + owner + owner}
        for name in ("MachineLaunchRestriction", "DefaultLaunchPermission", "DefaultAccessPermission")
    ]
    data = changed()
    for host in data["hosts"].values():
        host["registry"] = [off, *open_to_all]
    path = tmp_path / "site.yml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert main(["connect", "--site", str(path)]) == 0
    assert "OK" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--site", "nowhere.yml"],
        ["--control", "ftp://127.0.0.1/"],
        ["--control", "http://127.0.0.1:1"],
    ],
)
def test_what_cannot_be_tried_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["connect", *arguments]) == 2
    assert capsys.readouterr().err.startswith("simulator: ")


def test_a_description_without_links_wants_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "site.yml"
    path.write_text(yaml.safe_dump(changed(links=[])), encoding="utf-8")
    assert main(["connect", "--site", str(path)]) == 2
    assert "name --client and --server" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["connect", "--site", str(path), "--client", "hist01"])
    assert main(["connect", "--site", str(path), "--client", "hist01", "--server", "hist9"]) == 2


# The control endpoint


@pytest.fixture
def control() -> Iterator[str]:
    """The control endpoint of a running site; its base URL."""
    description = parse_description(changed())
    hosts = description.build()
    site = SimulatedSite(hosts)
    answering = Control(site, hosts, description.build, description.network(hosts), description.links)
    port = site.listen(answering.acceptor)
    with site:
        yield f"http://127.0.0.1:{port}"


def post(url: str, body: object) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as reply:
        return json.load(reply)


def test_the_control_endpoint_tries_links(control: str, capsys: pytest.CaptureFixture[str]) -> None:
    link = {"client": "hist01", "server": "gw01", "application": APPLICATION, "browse": True}
    outcome = post(f"{control}/connect", link)
    assert (outcome["ok"], outcome["link_layer"]) == (False, "server_firewall")
    assert main(["connect", "--control", control]) == 1
    assert main(["connect", "--control", f"{control}/", "--client", "hist01", "--server", "gw01"]) == 1
    assert capsys.readouterr().out.count("hist01  gw01") == 2
    assert main(["connect", "--control", control, "--client", "hist01", "--server", "hist01"]) == 2
    assert "same host" in capsys.readouterr().err


def test_after_a_reset_links_are_tried_on_the_new_hosts(control: str) -> None:
    link = {"client": "hist01", "server": "gw01", "application": APPLICATION}
    assert post(f"{control}/connect", link)["ok"] is False
    post(f"{control}/reset", {})
    assert len(post(f"{control}/connect", link)["events"]) == 1


def test_a_plant_can_be_served() -> None:
    """What later tests do with a scenario: a playbook works on the hosts, the link is tried between its messages."""
    plant = find("server_has_no_rule_for_port_135").build()
    plant.open_to_clients("Site-Secret-1", time.monotonic)
    with SimulatedSite(plant.hosts) as site:
        variables = site.inventory_vars("gw01")
        url = f"http://127.0.0.1:{variables['ansible_port']}/wsman"
        protocol = Protocol(
            url, transport="basic", username="Administrator", password=variables["ansible_password"], proxy=None
        )
        shell = protocol.open_shell()
        rule = f'name="{plants.MAPPER_RULE}" dir=in action=allow protocol=tcp localport=135'
        command = protocol.run_command(shell, f"netsh advfirewall firewall add rule {rule}")
        _stdout, _stderr, code = protocol.get_command_output(shell, command)
        assert code == 0
        assert site.run_in_loop(plant.connect).ok
        assert site["gw01"].writes == ["firewall add_rule {" + site["gw01"].writes[0].partition("{")[2]]
        site.check()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no json", 400),
        ({"client": "hist01"}, 400),
        ({"client": "hist01", "server": "hist9", "application": "x"}, 409),
    ],
)
def test_wrong_requests_are_refused(control: str, body: object, code: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(f"{control}/connect", body)
    assert caught.value.code == code
