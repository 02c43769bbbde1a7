# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The soak run in small: a few hosts, two rounds, always the same seed. `make soak` is the long one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import soak
from soak_checks import STATE_KEY, HostStates, ViolationError
from soak_site import lasting

from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2019
from simulator.subsystems.registry_value import RegistryValue

pytestmark = [pytest.mark.e2e, pytest.mark.site]


def test_two_rounds_of_trouble_leave_every_host_declared_and_nothing_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = soak.parse_arguments(["--hosts", "6", "--rounds", "2", "--minutes", "5", "--seed", "1825"])
    # ansible-core 2.21 makes a socket in TMPDIR, whose path must be shorter than that of a test's own directory.
    with tempfile.TemporaryDirectory(prefix="soak") as place:
        code = soak.soak(options, Path(place))
    said = capsys.readouterr().out
    assert code == 0, said
    assert "2 rounds, 4 runs" in said
    assert "struck by kind {}" not in said


def test_a_journal_may_lead_back_to_the_state_before_it() -> None:
    host = SimulatedHost("gw01", SERVER_2019)
    states = HostStates({"untouched": {"gw01": "another"}, "logged": {"gw01": lasting(host)}}, {"gw01": "untouched"})
    host.registry.put(STATE_KEY, "Journal", RegistryValue.dword(1))
    assert states.judge(host, "gw01", ("logged",), done=False) == "logged"
    assert states.at["gw01"] == "untouched"
    with pytest.raises(ViolationError, match="reported as done and has a journal"):
        states.judge(host, "gw01", ("logged",), done=True)
    host.registry.delete_value(None, STATE_KEY, "Journal")
    assert states.judge(host, "gw01", ("logged",), done=True) == "logged"
    assert states.at["gw01"] == "logged"


def test_a_broken_link_is_excused_only_where_no_playbook_could_have_waited(tmp_path: Path) -> None:
    run = soak.Soak("1825", 12, 12, tmp_path)
    link = next(item for item in run.links if item["client"]["host"] not in run.site.servers)
    client, server = (link[side]["host"] for side in ("client", "server"))

    def is_excused(kind: str, hosts: tuple[str, ...], states: dict[str, str], goes_on: bool = False) -> bool:
        run.states.at.update(states)
        drawn = soak.Round(1, kind, "logged", hosts, "winrm", "basic", None, False, goes_on)
        return run._is_excused(drawn, link)

    raised, server_only = {client: "logged", server: "logged"}, {client: "untouched", server: "logged"}
    both = (client, server)
    # Up: the server without its client. It is nobody's fault when the client was left out, or when the run goes on.
    assert not is_excused("harden", both, raised)
    assert not is_excused("harden", both, server_only)
    assert is_excused("harden", (server,), server_only)
    assert is_excused("harden", both, server_only, goes_on=True)
    # Back: the same state, and the client is the one that must wait.
    assert not is_excused("first", both, {client: "untouched", server: "untouched"})
    assert not is_excused("first", both, server_only)
    assert is_excused("first", (client,), server_only)
    assert is_excused("first", both, server_only, goes_on=True)
    assert is_excused("latest", both, server_only)
    assert not is_excused("audit_opc", both, server_only, goes_on=True)
