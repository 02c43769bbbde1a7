# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""dcom_event_info and its filter with the real ansible-playbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from five_hosts import CLIENTS, SERVERS

from playbooks import Ansible, PlaybookRun
from simulator.host import SimulatedHost
from simulator.site import SimulatedSite
from simulator.subsystems.event_log import DISTRIBUTED_COM, Event

pytestmark = pytest.mark.e2e

ADDRESSES = {name: f"10.0.0.{number}" for number, name in enumerate((*SERVERS, *CLIENTS), 11)}
MODEL: dict[str, Any] = {
    "applications": {"apis": {"prog_id": "Prediktor.ApisOPCServer.1"}},
    "accounts": {"opc": {"password": "Secret-Passw0rd-9"}},
    "hosts": {name: {"address": address} for name, address in ADDRESSES.items()},
    "links": [
        {
            "name": "history",
            "server": {"host": "gw01", "application": "apis", "account": "opc"},
            "client": {"host": "hist01", "application": "apis", "account": "opc"},
        }
    ],
}
INJECTION = "{{ lookup('ansible.builtin.pipe', 'echo executed') }}"
SHOW = {
    "name": "Show",
    "ansible.builtin.debug": {"msg": "{{ events.dcom_events.groups | map(attribute='what') | list }}"},
}


def write(site: SimulatedSite, name: str, event_id: int, *data: tuple[str | None, str]) -> None:
    host = site[name].host
    assert isinstance(host, SimulatedHost)
    host.event_log.append("System", Event(DISTRIBUTED_COM, event_id, data=data))


def write_weak_activation(site: SimulatedSite, user: str = "opc") -> None:
    """Both ends of an activation of hist01 on gw01."""
    write(
        site,
        "gw01",
        10036,
        ("Domain Name", "HIST01"),
        ("User Name", user),
        ("SID", "S-1-5-21-1-2-3-1000"),
        ("Client IP Address", ADDRESSES["hist01"]),
    )
    texts = (r"C:\apis\bin64\apishivex64.exe", "5660", "{8E423571-A67B-11D2-9418-00608CF4C421}", "gw01", "2")
    write(site, "hist01", 10037, *((f"param{number}", text) for number, text in enumerate(texts, 1)))


def read_task(**options: Any) -> dict[str, Any]:
    return {"name": "Read", "otsec.opc_dcom.dcom_event_info": options, "register": "events"}


def events_of(run: PlaybookRun, host: str) -> dict[str, Any]:
    assert run.returncode == 0, run.output
    (result,) = run.of(host, "dcom_event_info")
    assert result.status == "ok"
    return dict(result.result["dcom_events"])


@pytest.mark.matrix
@pytest.mark.parametrize("connection", ["winrm", "psrp"])
def test_both_ends_of_a_weak_activation(site: SimulatedSite, ansible: Ansible, connection: str) -> None:
    ansible.connection = connection
    write_weak_activation(site)
    pair = {
        "name": "Pair",
        "ansible.builtin.debug": {
            "msg": "{{ dict(names | zip(names | map('extract', hostvars, ['events', 'dcom_events'])))"
            " | otsec.opc_dcom.opc_weak_activations | map(attribute='what') | list }}"
        },
        "vars": {"names": ["gw01", "hist01"]},
        "run_once": True,
    }
    run = ansible.tasks([read_task(opc_site=MODEL), pair], "-vvv", hosts="gw01,hist01")
    (group,) = events_of(run, "gw01")["groups"]
    assert (group["host"], group["account"], group["links"]) == ("hist01", "opc", ["history"])
    assert r"C:\\apis\\bin64\\apishivex64.exe on hist01 (10.0.0.13), which activates with level 2" in run.output
    assert "Secret-Passw0rd-9" not in run.output
    assert not site["gw01"].writes


@pytest.mark.matrix
def test_texts_of_events_are_no_templates_and_no_terminal_codes(site: SimulatedSite, ansible: Ansible) -> None:
    write_weak_activation(site, user=INJECTION + "\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}")
    pair = {
        "name": "Pair",
        "ansible.builtin.set_fact": {
            "pairs": "{{ {'gw01': events.dcom_events} | otsec.opc_dcom.opc_weak_activations }}"
        },
    }
    shown = {"name": "Show pairs", "ansible.builtin.debug": {"msg": "{{ pairs }} {{ pairs[0].user }}"}}
    kept = {
        "name": "Keep",
        "ansible.builtin.set_fact": {"said": "{{ events.dcom_events.groups[0].what }}"},
    }
    again = {"name": "Show again", "ansible.builtin.debug": {"msg": "{{ said }}"}}
    looped = {
        "name": "Show in a loop",
        "ansible.builtin.debug": {"msg": "{{ item.user }} {{ all_of_them[0].user }} {{ item.what }}"},
        "loop": "{{ {'gw01': events.dcom_events} | otsec.opc_dcom.opc_weak_activations }}",
        "vars": {"all_of_them": "{{ {'gw01': events.dcom_events} | otsec.opc_dcom.opc_weak_activations }}"},
    }
    run = ansible.tasks([read_task(), SHOW, pair, shown, kept, again, looped], hosts="gw01")
    assert run.returncode == 0, run.output
    assert "lookup(" in run.output
    assert "HIST01\\\\executed" not in run.output
    assert "executed" not in run.output.replace("'echo executed'", "")
    assert "\x1b" not in run.output
    assert "\u202e" not in run.output


def test_check_mode_reads_as_well(site: SimulatedSite, ansible: Ansible) -> None:
    write_weak_activation(site)
    run = ansible.tasks([read_task(since="24h")], "--check", hosts="gw01")
    assert [group["event_id"] for group in events_of(run, "gw01")["groups"]] == [10036]


def test_peers_without_an_address_in_the_model_are_taken_from_the_inventory(
    site: SimulatedSite, ansible: Ansible
) -> None:
    write_weak_activation(site)
    model = {**MODEL, "hosts": {"gw01": {"address": ADDRESSES["gw01"]}}}
    run = ansible.tasks([read_task(opc_site=model)], hosts="gw01")
    (group,) = events_of(run, "gw01")["groups"]
    assert group["links"] == ["history"]  # by the account; the inventory reaches every host through a tunnel here


def test_a_model_with_mistakes_fails_before_the_host_is_contacted(site: SimulatedSite, ansible: Ansible) -> None:
    model = {**MODEL, "links": [{"server": {"host": "gw01"}}]}
    run = ansible.tasks([read_task(opc_site=model)], hosts="gw01")
    assert run.statuses("failed") == ["gw01: Read"]
    assert "links[0].client" in run.results[0].result["msg"]
    assert site["gw01"].statistics.messages == 0


def test_an_apis_log_from_the_controller(site: SimulatedSite, ansible: Ansible, tmp_path: Path) -> None:
    path = tmp_path / "apis.log"
    path.write_text(
        "2023-01-03 13:49:54,238.923| 6716|ERROR|ApisHive.m.OPC|ApisOPC.cpp:774|$RPT$ CreateOPCServer: Failed to "
        "create OPC server, Prediktor.ApisOPCServer.1, on 10.0.0.11. Error return: Access is denied.  (0x80070005).\n",
        encoding="utf-8",
    )
    run = ansible.tasks([read_task(logs=[], apis_logs=[str(path)], opc_site=MODEL)], hosts="hist01")
    (message,) = events_of(run, "hist01")["apis"]
    assert (message["code_name"], message["host"], message["links"]) == ("E_ACCESSDENIED", "gw01", ["history"])
    assert site["hist01"].statistics.messages == 0
