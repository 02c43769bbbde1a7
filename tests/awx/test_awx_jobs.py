# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX runs them: slices and shuffled inventories end in the same state, and nothing secret or large is kept."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from awx_jobs import Controller, Job, slice_of
from lasting_state import state_of

from simulator.description import parse_description
from simulator.served_site import ServedSite
from simulator.software import APIS_PROGRAM

pytest.importorskip("ansible_runner", reason="ansible-runner is not installed here")

pytestmark = pytest.mark.awx

ADMIN, SERVER_SECRET, CLIENT_SECRET = "Site-Secret-1", "Site-Secret-2", "Site-Secret-3"
SERVERS, CLIENTS, BOTH = ("gw01", "gw02", "gw03"), ("hist01", "eng01", "eng02"), ("gw04",)
HOSTS = (*SERVERS, *BOTH, *CLIENTS)
GROUPS = {"opc_servers": (*SERVERS, *BOTH), "opc_clients": (*CLIENTS, *BOTH)}
PROFILES = {"gw01": "2025", "gw02": "2016", "eng01": "10", "eng02": "11"}
PROG_ID = "Prediktor.ApisOPCServer.1"
# Who reads whom. Every host is in a link, and gw04 is read by one and reads another.
LINKS = (("hist01", "gw01"), ("hist01", "gw04"), ("eng01", "gw02"), ("eng02", "gw03"), ("gw04", "gw01"))
# A survey answers in texts, whatever it asks for.
SURVEY = {
    "opc_canary": "1",
    "opc_serial": "100%",
    "opc_server_reboot": "true",
    "opc_client_reboot": "yes",
    "opc_server_reboot_interval_s": "0.2",
    "opc_client_reboot_interval_s": "0.2",
    "opc_rollback_to": "latest",
    "opc_rollback_reboot": "true",
    "opc_rollback_reboot_interval_s": "0.2",
}
CREDENTIAL = {"opc_mutual_server_password": SERVER_SECRET, "opc_mutual_client_password": CLIENT_SECRET}
# AWX removes a result of more than 700 000 bytes (MAX_EVENT_RES_DATA); this is what a site of seven hosts may need.
MAX_EVENT_BYTES = 40_000


def address(name: str) -> str:
    return f"10.0.0.{11 + HOSTS.index(name)}"


def own_account(name: str) -> tuple[str, str]:
    return ("OPCClientUser", CLIENT_SECRET) if name in CLIENTS else ("OPCServerUser", SERVER_SECRET)


def plant() -> dict[str, Any]:
    """Each program runs as an account of its own host; the other end does not know that account yet."""
    hosts = {}
    for name in HOSTS:
        account, secret = own_account(name)
        hosts[name] = {
            "profile": PROFILES.get(name, "2019"),
            "address": address(name),
            "software": ["opc_core_components", "prediktor_apis"],
            "accounts": [
                {"name": "Administrator", "password": ADMIN},
                {"name": account, "password": secret},
            ],
            "services": [{"name": "ApisHive", "account": account, "password": secret}],
        }
    links = [
        {"client": client, "server": server, "application": PROG_ID, "address": address(server), "mode": "subscribe"}
        for client, server in LINKS
    ]
    return {"hosts": hosts, "links": links}


def model() -> dict[str, Any]:
    """The site model as inventory variables of the controller; passwords come from the credential."""
    return {
        "opc_site": {
            "applications": {"apis_hive": {"prog_id": PROG_ID, "program": APIS_PROGRAM, "service": "ApisHive"}},
            "accounts": {
                "OPCServerUser": {"password": "{{ opc_mutual_server_password }}"},
                "OPCClientUser": {"password": "{{ opc_mutual_client_password }}"},
            },
            "hosts": {name: {"address": address(name)} for name in HOSTS},
            "links": [
                {
                    "server": {"host": server, "application": "apis_hive", "account": own_account(server)[0]},
                    "client": {"host": client, "application": "apis_hive", "account": own_account(client)[0]},
                    "read_mode": "subscribe",
                }
                for client, server in LINKS
            ],
        }
    }


@contextmanager
def controller(directory: Path) -> Iterator[tuple[ServedSite, Controller]]:
    directory.mkdir()
    with ServedSite(parse_description(plant()), directory) as site:
        yield site, Controller(site, directory, GROUPS, model(), CREDENTIAL)
        site.check()


# Jobs run at different times: that shows in the collection's own notes, which state_of leaves out, and here.
TIME = re.compile(r"password_last_set=datetime\.datetime\([^)]*\)")


def state(site: ServedSite) -> dict[str, str]:
    """A hash of what lasts on each host, but for times."""
    texts = {name: TIME.sub("", site.ask(name, state_of)) for name in site}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def assert_succeeded(*jobs: Job) -> None:
    for job in jobs:
        assert job.returncode == 0, job.output
        assert (job.artifacts / "status").read_text() == "successful"


def state_after_slices(directory: Path, hosts: Sequence[str], count: int) -> dict[str, str]:
    """What a fresh site is like after it was hardened in so many slices at the same time."""
    with controller(directory / f"slices-{count}") as (site, awx):
        before = state(site)
        jobs = awx.run_at_once("harden.yml", [slice_of(hosts, number, count) for number in range(1, count + 1)], SURVEY)
        assert len(jobs) == count
        assert_succeeded(*jobs)
        assert all(link.ok for link in site.links())
        after = state(site)
        assert all(after[name] != before[name] for name in HOSTS)
    return after


def test_slices_of_shuffled_inventories_end_in_the_same_state(tmp_path: Path) -> None:
    unsliced = state_after_slices(tmp_path, HOSTS, 1)
    for count in (2, 3, 7):
        shuffled = random.Random(count).sample(HOSTS, len(HOSTS))
        assert state_after_slices(tmp_path, shuffled, count) == unsliced, (count, shuffled)


def test_preview_harden_audit_verify_and_rollback_keep_no_secret_and_no_large_event(
    tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    with controller(tmp_path / "site") as (site, awx):
        before = state(site)
        preview = awx.run("harden.yml", HOSTS, SURVEY, "--check", "--diff")
        assert_succeeded(preview)
        assert state(site) == before
        hardened = awx.run("harden.yml", HOSTS, SURVEY, "--diff")
        assert_succeeded(hardened)
        assert all(link.ok for link in site.links())
        audit, verify = awx.run("audit.yml", HOSTS, SURVEY), awx.run("verify.yml", HOSTS, SURVEY)
        assert_succeeded(audit, verify)
        rollback = awx.run("rollback.yml", HOSTS, SURVEY)
        assert_succeeded(rollback)
        assert not any(link.ok for link in site.links())
        jobs = {"preview": preview, "harden": hardened, "audit": audit, "verify": verify, "rollback": rollback}
        for name, job in jobs.items():
            assert job.files_with([ADMIN, SERVER_SECRET, CLIENT_SECRET]) == [], name
            sizes = [size for size, _event in job.events()]
            largest, event = max(job.events(), key=lambda item: item[0])
            told = (
                f"{len(sizes)} events, {sum(sizes)} bytes, the largest {largest} of {event['event_data'].get('task')}"
            )
            record_property(name, told)
            print(f"{name}: {told}")
            assert largest <= MAX_EVENT_BYTES, name
