# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host without WinRM: its facts come from a script, its changes go there as a bundle, and the end is that of a
connected run. The simulated cmd.exe runs the scripts.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from lasting_state import state_of
from live_host import LiveHost, LiveHostFactory
from offline_scripts import collect_facts, run_script

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import OpcDcomError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._offline._run import make_bundle, parse_request
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import OpcHost
from simulator.profiles import SERVER_2008_R2, SERVER_2019, SERVER_2022, Profile
from simulator.software import opc_core_components, prediktor_apis
from simulator.subsystems.registry_value import RegistryValue

PROFILES = [SERVER_2008_R2, SERVER_2019, SERVER_2022]
CLIENT = ".\\OPCClientUser"
ENTRY = {"principal": CLIENT, "rights": ["remote_access"]}
DESIRED: dict[str, Any] = {
    "defaults": {"authentication_level": "packet_integrity", "impersonation_level": "identify"},
    "logging": {"activation_failures": "always", "call_failures": "always"},
    "opc_enum": {"clients": [CLIENT]},
    "applications": [{"prog_id": "Prediktor.ApisOPCServer.1", "authentication_level": "packet_integrity"}],
    "grants": {
        "permissions": [
            {"scope": "machine_limit", "kind": "access", "entries": [ENTRY]},
            {"scope": "application", "kind": "access", "service": "ApisHive", "entries": [ENTRY]},
        ]
    },
    "firewall": {
        "opc_enum": True,
        "applications": [{"title": "ApisHive", "service": "ApisHive"}],
        "remote_addresses": ["10.0.0.21"],
    },
}


def make(live: LiveHostFactory, profile: Profile = SERVER_2019, name: str = "gw01") -> LiveHost:
    host = live(name, profile, software=[opc_core_components(), prediktor_apis()])
    host.simulated.accounts.create_user(None, "OPCClientUser", "Simulated-Passw0rd")
    return host


def bundle(host: LiveHost, dest: Path, desired: dict[str, Any] | None = None, **said: Any) -> dict[str, Any]:
    sid = host.simulated.accounts.local.user("OPCClientUser").sid
    facts = dest / "facts.txt" if (dest / "facts.txt").exists() else None
    wanted = DESIRED if desired is None else desired
    options = {"desired": wanted, "dest": str(dest), "facts": facts, "sids": {CLIENT: sid}, **said}
    return make_bundle(parse_request(options), check_mode=False, with_diff=True)


def collect(host: LiveHost, dest: Path) -> None:
    collect_facts(host.simulated, dest / "collect.cmd")


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_carried_by_hand_is_the_same_as_connected(live: LiveHostFactory, profile: Profile, tmp_path: Path) -> None:
    connected, alone = make(live, profile), make(live, profile)
    connected.run(OpcHost(), DESIRED)

    assert bundle(alone, tmp_path)["files"] == ["collect.cmd"]
    collect(alone, tmp_path)
    planned = bundle(alone, tmp_path)
    before = state_of(alone.simulated)
    run_script(alone.simulated, tmp_path / "apply.cmd")

    assert state_of(alone.simulated) == state_of(connected.simulated)
    assert planned["reboot_required"] is True
    assert planned["computer_name"] == "GW01"

    collect(alone, tmp_path)
    again = bundle(alone, tmp_path)
    assert again["steps"] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["facts.txt"]

    assert before != state_of(alone.simulated)


def test_going_back_leaves_what_was_there(live: LiveHostFactory, tmp_path: Path) -> None:
    host = make(live)
    before = state_of(host.simulated)
    bundle(host, tmp_path)
    collect(host, tmp_path)
    bundle(host, tmp_path)
    run_script(host.simulated, tmp_path / "apply.cmd")
    assert state_of(host.simulated) != before
    run_script(host.simulated, tmp_path / "undo.cmd")
    assert state_of(host.simulated) == before


def test_the_bundle_says_what_it_does_and_is_the_same_every_time(live: LiveHostFactory, tmp_path: Path) -> None:
    host = make(live)
    bundle(host, tmp_path)
    collect(host, tmp_path)
    assert bundle(host, tmp_path)["changed"] is True
    readme = (tmp_path / "README.txt").read_text(encoding="utf-8")
    assert "DCOM hardening of GW01" in readme
    assert "authentication_level: packet_integrity (5)" in readme
    assert "Reboot afterwards, because of" in readme
    for line in (tmp_path / "SHA256SUMS").read_text(encoding="ascii").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    assert bundle(host, tmp_path)["changed"] is False


def test_a_name_that_the_user_gives_never_starts_a_command(live: LiveHostFactory, tmp_path: Path) -> None:
    host = make(live)
    for hostile in ('a" & calc & "', "a%PATH%b", "a\r\ncalc"):
        desired = {"applications": [{"prog_id": hostile, "authentication_level": "packet"}]}
        with pytest.raises(OpcDcomError):
            bundle(host, tmp_path, desired)
    assert list(tmp_path.iterdir()) == []


def test_an_account_without_a_sid_is_named_before_anything_is_written(live: LiveHostFactory, tmp_path: Path) -> None:
    host = make(live)
    bundle(host, tmp_path)
    collect(host, tmp_path)
    with pytest.raises(OpcDcomError, match=r"OPCClientUser: the SID of this account is not known here"):
        bundle(host, tmp_path, sids={})
    assert not (tmp_path / "apply.cmd").exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[: len(text) // 2], "has no end"),
        (lambda text: "hello", "does not begin with"),
        (lambda text: text.replace("facts 1", "facts 9"), "does not begin with"),
        (lambda text: text.replace("== key", "== kez"), "unknown section"),
    ],
    ids=["cut", "other", "version", "section"],
)
def test_damaged_facts_are_refused(live: LiveHostFactory, tmp_path: Path, damage: Any, said: str) -> None:
    host = make(live)
    bundle(host, tmp_path)
    collect(host, tmp_path)
    facts = tmp_path / "facts.txt"
    facts.write_text(damage(facts.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(OpcDcomError, match=said):
        bundle(host, tmp_path)


def test_what_was_not_asked_is_not_guessed(live: LiveHostFactory, tmp_path: Path) -> None:
    host = make(live)
    bundle(host, tmp_path, {"logging": {"call_failures": "always"}})
    collect(host, tmp_path)
    wanted = {"applications": [{"prog_id": "Prediktor.ApisOPCServer.1", "authentication_level": "packet"}]}
    with pytest.raises(OpcDcomError, match=r"the facts do not tell what is in .*Prediktor\.ApisOPCServer\.1"):
        bundle(host, tmp_path, wanted)


def test_a_mistake_in_the_desired_state_has_its_path(live: LiveHostFactory, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"desired.*value of authentication_level must be one of"):
        bundle(make(live), tmp_path, {"defaults": {"authentication_level": "highest"}})


def test_hostile_names_of_rules_stay_data(live: LiveHostFactory, tmp_path: Path) -> None:
    host = make(live)
    rules = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy\\FirewallRules"
    hostile = 'v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=135|App=C:\\x.exe|Name=a" & calc|'
    host.simulated.registry.put(rules, "{hostile}", RegistryValue.sz(hostile))
    host.simulated.firewall.reload()
    bundle(host, tmp_path)
    collect(host, tmp_path)
    bundle(host, tmp_path)
    assert "calc" not in (tmp_path / "apply.cmd").read_text(encoding="utf-8")
