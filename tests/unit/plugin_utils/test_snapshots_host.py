# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots on simulated hosts: saved, kept, copied, restored bit for bit, and refused where they do not belong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hardening_run import HARDENED, HardeningRun, opc_server
from lasting_state import state_of
from live_host import LiveHost, Result

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError, OpcDcomError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._snapshot import Kind
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._host import Host
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._snapshots import SnapshotRequest
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import OpcHost
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._snapshot import SnapshotRestore
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._run import run_resource
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._snapshot_actions import (
    SaveRequest,
    list_all,
    remove,
    save,
    show,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._snapshot_files import read_copy, write_copy
from simulator.faults import Effect, ScriptedFault
from simulator.profiles import PROFILES, SERVER_2022, Profile
from simulator.subsystems.registry import RegistryError
from simulator.subsystems.registry_value import RegistryValue

SNAPSHOTS = r"HKLM\SOFTWARE\otsec\opc_dcom\Snapshots"
OLE = r"HKLM\SOFTWARE\Microsoft\Ole"
LEVELS = ("connect", "call", "packet", "packet_integrity", "packet_privacy")


@pytest.fixture
def run() -> Any:
    made = HardeningRun()
    yield made
    made.close()


def restore(live: LiveHost, name: str = "latest", *, check_mode: bool = False, **options: Any) -> Result:
    """What dcom_snapshot with state restored does."""
    request = SnapshotRestore().desired({"name": name, "accept_other_windows": False, "keep": 5, **options})

    def act(host: Host) -> Result:
        return run_resource(host, SnapshotRestore(), request, check_mode=check_mode).to_result(with_diff=True)

    found: Result = live.ask(act)
    return found


def save_by_hand(live: LiveHost, **settings: Any) -> Result:
    request = SaveRequest((), SnapshotRequest(Kind.HAND, "by hand", **settings))
    found: Result = live.ask(lambda host: save(host, request, check_mode=False))
    return found


def listed(live: LiveHost) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = live.ask(list_all)["snapshots"]
    return found


def set_level(live: LiveHost, level: str, **options: Any) -> Result:
    return live.run(OpcHost(), {"defaults": {"authentication_level": level}, **options})


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_harden_and_restore_gives_the_same_host_byte_for_byte(profile: Profile) -> None:
    run = HardeningRun(lambda: opc_server(profile))
    run.run()
    hardened = run.state
    assert hardened != run.before

    restored = restore(run.live)

    assert restored["changed"]
    assert run.state == run.before
    assert "warnings" not in restored
    assert not restore(run.live)["changed"]
    run.run()
    assert run.state == hardened
    run.close()


@pytest.mark.parametrize("name", ["latest", "first"])
def test_a_service_that_was_disabled_runs_again(run: HardeningRun, name: str) -> None:
    run.run()
    hardened = run.state
    run.live.run(OpcHost(), {"opc_enum": {"state": "disabled"}})
    disabled = run.state
    restored = restore(run.live, name)
    assert run.state == (hardened if name == "latest" else run.before)
    assert restore(run.live, restored["snapshot"])["changed"]
    assert run.state == disabled


@pytest.mark.parametrize("path", [False, True], ids=["", "with a copy"])
def test_two_tasks_of_one_run_are_taken_back_together(run: HardeningRun, tmp_path: Path, *, path: bool) -> None:
    """As the two roles of a host are; what both change comes back as it was before the first."""
    copy = {"snapshot_path": str(tmp_path / "copy.json")} if path else {}
    set_level(run.live, "connect")
    before = run.state
    first = set_level(run.live, "packet_integrity")
    second = run.live.run(
        OpcHost(),
        {
            "defaults": {"authentication_level": "packet_privacy"},
            "logging": {"call_failures": "always"},
            "snapshot_continues": first["snapshot"],
            **copy,
        },
    )
    done = run.state
    assert second["snapshot"] > first["snapshot"]

    assert restore(run.live, **({"path": copy["snapshot_path"]} if path else {}))["changed"]

    assert run.state == before
    assert restore(run.live, listed(run.live)[-1]["name"])["changed"]
    assert run.state == done


def test_a_run_that_is_not_the_newest_is_not_continued(run: HardeningRun) -> None:
    first = set_level(run.live, "connect")
    second = set_level(run.live, "packet_integrity")
    third = set_level(run.live, "packet_privacy", snapshot_continues=first["snapshot"])
    assert len({first["snapshot"], second["snapshot"], third["snapshot"]}) == 3
    restore(run.live)
    value = run.live.simulated.registry.get(OLE, "LegacyAuthenticationLevel")
    assert value is not None
    assert value.number == 5  # as the second left it


def test_only_administrators_may_write_what_is_kept_on_a_host(run: HardeningRun) -> None:
    run.run()
    simulated = run.live.simulated
    simulated.accounts.create_user(None, "operator", "Kaltes-Wasser-7")
    operator = simulated.caller_of("operator", "10.0.0.99")
    for key in (SNAPSHOTS, SNAPSHOTS.rpartition("\\")[0]):
        with pytest.raises(RegistryError, match="5"):
            simulated.registry.write_value(operator, key, "Journal", RegistryValue.sz("x"))


def test_several_runs_are_taken_back_one_by_one_or_all_at_once(run: HardeningRun) -> None:
    run.run()
    first = run.state
    more = {
        "defaults": {"authentication_level": "packet_privacy"},
        "firewall": {**HARDENED["firewall"], "remote_addresses": ["10.0.0.99"]},
    }
    run.run(more)
    assert run.state != first
    assert restore(run.live)["changed"]
    assert run.state == first
    assert restore(run.live, "first")["changed"]
    assert run.state == run.before


def test_check_mode_shows_a_restore_and_writes_nothing(run: HardeningRun) -> None:
    run.run()
    hardened, writes = run.state, len(run.live.writes)
    shown = restore(run.live, check_mode=True)
    assert (run.state, len(run.live.writes)) == (hardened, writes)
    done = restore(run.live)
    assert shown["diff"] == done["diff"]
    assert "stopped" in done["diff"]["after"]
    assert "firewall rule OPC ApisHive (in) [in]: absent" in done["diff"]["after"]


def test_a_restore_says_what_waits_for_a_reboot_or_a_restart(run: HardeningRun) -> None:
    run.run()
    run.live.simulated.reboot()
    run.live.simulated.clock.advance(60)
    restored = restore(run.live)
    assert set(restored["reboot_reasons"]) == {
        "authentication_level",
        "dcom_ports",
        "impersonation_level",
        "machine_launch_restriction",
    }
    assert restored["restart_required"] == ["ApisHive"]


def test_a_restore_can_be_taken_back_too(run: HardeningRun) -> None:
    run.run()
    hardened = run.state
    name = restore(run.live)["snapshot"]
    assert restore(run.live, name)["changed"]
    assert run.state == hardened


def test_a_fault_in_a_restore_undoes_it(run: HardeningRun) -> None:
    run.run()
    hardened = run.state
    run.live.site.add_fault("host", ScriptedFault(Effect.FAULT, operation="StdRegProv.DeleteValue", at=5))
    with pytest.raises(OpcDcomError):
        restore(run.live)
    assert run.state == hardened
    assert restore(run.live)["changed"]
    assert run.state == run.before


# -- what is kept


def test_no_change_takes_no_snapshot(run: HardeningRun) -> None:
    assert set_level(run.live, "packet_integrity")["snapshot"]
    assert "snapshot" not in set_level(run.live, "packet_integrity")
    assert len(listed(run.live)) == 1


def test_a_run_may_do_without(run: HardeningRun) -> None:
    assert "snapshot" not in set_level(run.live, "packet_integrity", snapshot=False)
    assert listed(run.live) == []
    with pytest.raises(HostStateError, match="no snapshots"):
        restore(run.live)


def test_the_first_and_the_newest_are_kept_and_going_back_stays_exact(run: HardeningRun) -> None:
    states = {}
    for level in (*LEVELS, *LEVELS[:-1]):
        before = run.state
        states[set_level(run.live, level, snapshot_keep=3)["snapshot"]] = before
    names = [item["name"] for item in listed(run.live)]
    taken = list(states)
    assert names == [taken[0], *taken[-3:]]
    for name in reversed(names):
        restore(run.live, name)
        assert run.state == states[name]


def test_failing_again_and_again_does_not_push_out_what_is_kept(run: HardeningRun) -> None:
    for _unused in range(8):
        run.live.site.add_fault("host", ScriptedFault(Effect.FAULT, operation="Win32_Service.StartService"))
        with pytest.raises(OpcDcomError):
            run.run()
    assert run.state == run.before
    assert len(listed(run.live)) == 1


def test_what_is_saved_by_hand_is_put_back_whoever_changed_it(run: HardeningRun) -> None:
    assert save_by_hand(run.live)["changed"]
    assert not save_by_hand(run.live)["changed"]
    registry = run.live.simulated.registry
    registry.put(OLE, "EnableDCOM", RegistryValue.sz("N"))
    registry.put(OLE, "LegacyAuthenticationLevel", RegistryValue.dword(1))
    registry.delete_value(None, OLE, "MachineLaunchRestriction")
    registry.put(r"HKLM\SOFTWARE\Microsoft\Rpc\Internet", "Ports", RegistryValue.multi_sz(("1-2",)))
    assert restore(run.live)["changed"]
    assert run.state == run.before


def test_a_value_of_the_wrong_type_comes_back_as_it_was(run: HardeningRun) -> None:
    value = RegistryValue.sz("3")
    assert run.live.simulated.registry.get(OLE, "LegacyImpersonationLevel") == value
    run.run()
    assert run.live.simulated.registry.get(OLE, "LegacyImpersonationLevel") == RegistryValue.dword(2)
    restore(run.live)
    assert run.live.simulated.registry.get(OLE, "LegacyImpersonationLevel") == value


def test_a_value_that_could_not_be_put_back_is_not_touched(run: HardeningRun) -> None:
    run.live.simulated.registry.put(OLE, "LegacyAuthenticationLevel", RegistryValue.binary(b""))
    before = run.state
    with pytest.raises(HostStateError, match="could not be put back"):
        set_level(run.live, "packet_integrity")
    assert run.state == before


# -- showing, deleting


def test_list_and_show_are_for_people(run: HardeningRun) -> None:
    run.run()
    (entry,) = listed(run.live)
    assert entry["kind"] == "run"
    assert entry["computer_name"] == "GW01"
    assert entry["windows"] == "10.0.17763"
    shown = run.live.ask(lambda host: show(host, "latest", None))
    assert "HKLM\\SOFTWARE\\Microsoft\\Ole\\LegacyAuthenticationLevel: absent" in shown["contents"]
    assert "service OpcEnum: not registered" in shown["contents"]
    assert not any("010004" in item for item in shown["contents"])


def test_deleting(run: HardeningRun) -> None:
    for level in LEVELS[:3]:
        set_level(run.live, level)
    names = [item["name"] for item in listed(run.live)]
    assert run.live.ask(lambda host: remove(host, names[1], check_mode=True))["changed"]
    assert run.live.ask(lambda host: remove(host, names[1], check_mode=False))["deleted"] == [names[1]]
    assert not run.live.ask(lambda host: remove(host, names[1], check_mode=False))["changed"]
    assert [item["name"] for item in listed(run.live)] == [names[0], names[2]]
    assert run.live.ask(lambda host: remove(host, "all", check_mode=False))["deleted"] == [names[0], names[2]]
    assert run.live.simulated.registry.enum_values(None, SNAPSHOTS) == []
    with pytest.raises(ParameterError, match="name"):
        run.live.ask(lambda host: remove(host, "latest", check_mode=False))


# -- copies on the controller


def test_a_copy_on_the_controller_restores_as_well(run: HardeningRun, tmp_path: Path) -> None:
    path = tmp_path / "new" / "gw01.json"
    run.run({**HARDENED, "snapshot_path": str(path)})
    assert path.stat().st_mode & 0o077 == 0
    run.live.ask(lambda host: remove(host, "all", check_mode=False))
    assert restore(run.live, path=str(path))["changed"]
    assert run.state == run.before


def test_a_directory_takes_copies_under_names_of_their_own(run: HardeningRun, tmp_path: Path) -> None:
    result = run.run({**HARDENED, "snapshot_path": f"{tmp_path}/"})
    assert [item.name for item in tmp_path.iterdir()] == [f"GW01-{result['snapshot']}.json"]
    assert save_by_hand(run.live, path=str(tmp_path))["path"].startswith(str(tmp_path / "GW01-"))


def test_a_copy_that_cannot_be_written_stops_the_run_before_anything_is_changed(
    run: HardeningRun, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(HostStateError, match="cannot be written"):
        run.run({**HARDENED, "snapshot_path": str(tmp_path / "file" / "gw01.json")})
    assert run.state == run.before


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda text: text.replace("REG", "GER").replace("GW01", "GW02"), "edited or damaged"),
        (lambda text: text[:-20], "no snapshot"),
        (lambda text: "[]", "no snapshot"),
        (lambda text: "\u00e4", "cannot be read"),
        (lambda text: text.replace("snapshot 1", "snapshot 2"), "edited or damaged"),
    ],
)
def test_an_edited_copy_is_refused(run: HardeningRun, tmp_path: Path, edit: Callable[[str], str], said: str) -> None:
    path = tmp_path / "gw01.json"
    run.run({**HARDENED, "snapshot_path": str(path)})
    hardened = run.state
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(HostStateError, match=said):
        restore(run.live, path=str(path))
    assert run.state == hardened


def test_a_copy_of_another_host_is_refused(run: HardeningRun, tmp_path: Path) -> None:
    other = HardeningRun(lambda: opc_server(SERVER_2022))
    other.run({**HARDENED, "snapshot_path": str(tmp_path / "other.json")})
    other.close()
    with pytest.raises(HostStateError, match="not on this host"):
        restore(run.live, path=str(tmp_path / "other.json"), accept_other_windows=True)
    assert run.state == run.before


def test_a_snapshot_of_another_windows_needs_a_word(run: HardeningRun) -> None:
    run.run()
    key = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    run.live.simulated.registry.put(key, "CurrentBuildNumber", RegistryValue.sz("20348"))
    with pytest.raises(HostStateError, match="accept_other_windows"):
        restore(run.live)
    assert restore(run.live, accept_other_windows=True)["changed"]


# -- damaged on the host


@pytest.mark.parametrize("line", [1, 2, 4, 5])
def test_a_snapshot_edited_in_the_registry_is_refused_and_listed_with_the_reason(run: HardeningRun, line: int) -> None:
    """The number of parts, the checksum, and two lines of content."""
    run.run()
    hardened = run.state
    registry = run.live.simulated.registry
    ((name, value),) = registry.enum_values(None, SNAPSHOTS)
    texts = list(value.texts)
    texts[line] = ("8" if texts[line].startswith("7") else "7") + texts[line][1:]
    registry.put(SNAPSHOTS, name, RegistryValue.multi_sz(tuple(texts)))
    with pytest.raises(HostStateError, match=r"edited or damaged|does not read"):
        restore(run.live)
    assert run.state == hardened
    assert "trouble" in listed(run.live)[0]


def test_a_snapshot_of_another_format_is_refused(run: HardeningRun) -> None:
    run.live.simulated.registry.put(
        SNAPSHOTS, "20200101T000000Z", RegistryValue.multi_sz(("otsec.opc_dcom snapshot 9", "1", "x", "y", "z"))
    )
    with pytest.raises(HostStateError, match="format"):
        restore(run.live)


def test_reading_and_writing_copies_are_inverse(run: HardeningRun, tmp_path: Path) -> None:
    path = tmp_path / "copy.json"
    run.run({**HARDENED, "snapshot_path": str(path)})
    snapshot = read_copy(str(path))
    assert write_copy(str(tmp_path / "again.json"), snapshot) == str(tmp_path / "again.json")
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(path.read_text())
    assert state_of(run.live.simulated) == run.state
