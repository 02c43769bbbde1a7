# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading with few messages: missing keys told by reg.exe itself, and what was written read back together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lasting_state import state_of
from live_host import LiveHostFactory

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError, ParameterError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryKey, RegistryType
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._host import Host
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._registry import _is_whole
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import OpcHost
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._snapshot import SnapshotRestore
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._run import run_resource
from simulator.com_state import OLE
from simulator.faults import Effect, ScriptedFault
from simulator.profiles import SERVER_2008_R2, SERVER_2019, SERVER_2022
from simulator.subsystems import registry_security
from simulator.subsystems.registry_value import RegistryValue

PRESENT = RegistryKey("SOFTWARE\\Microsoft\\Ole")
MISSING = RegistryKey("SOFTWARE\\Policies\\Microsoft\\Windows NT\\DCOM")
SECRET = RegistryKey("SOFTWARE\\Vendor\\Secret")
SETTINGS: dict[str, Any] = {
    "defaults": {"authentication_level": "packet_integrity", "impersonation_level": "identify"},
    "logging": {"activation_failures": "always", "call_failures": "always", "invalid_security_descriptors": "always"},
}


def read(*keys: RegistryKey) -> Callable[[Host], list[Any]]:
    """Read the keys together, then ask for the values of each."""

    def question(host: Host) -> list[Any]:
        host.registry.prefetch(keys)
        return [host.registry.values(key) for key in keys]

    return question


@pytest.mark.parametrize("profile", [SERVER_2008_R2, SERVER_2019, SERVER_2022], ids=["2008 R2", "2019", "2022"])
@pytest.mark.parametrize("language", ["en-US", "de-DE"])
def test_a_missing_key_costs_no_message_in_any_language(live: LiveHostFactory, profile: Any, language: str) -> None:
    host = live("gw01", profile, ui_language=language)
    present, missing, below = host.ask(read(PRESENT, MISSING, MISSING.child("AppCompat")))
    assert present["EnableDCOM"].data == "Y"
    assert (missing, below) == (None, None)
    assert host.messages == 5  # the shell, the command, its output in two parts, the end


@pytest.mark.parametrize("language", ["en-US", "de-DE"])
def test_a_key_that_refuses_is_not_taken_for_a_missing_one(live: LiveHostFactory, language: str) -> None:
    host = live("gw01", ui_language=language)
    host.simulated.registry.put(f"HKLM\\{SECRET.path}", "Level", RegistryValue.dword(1))
    host.simulated.registry.protect(f"HKLM\\{SECRET.path}", registry_security.SYSTEM_ONLY)
    with pytest.raises(HostStateError, match=r"Secret.*ccess"):
        host.ask(read(PRESENT, SECRET))
    assert host.ask(read(PRESENT, MISSING, SECRET.parent or SECRET))[1] is None


def test_what_is_written_is_read_back_with_one_command(live: LiveHostFactory) -> None:
    host = live("gw01")
    assert host.run(OpcHost(), {**SETTINGS, "snapshot": False})["changed"]
    operations = host.site["host"].statistics.operations
    written = operations["StdRegProv.SetDWORDValue"]
    assert written == 5
    assert operations["StdRegProv.GetDWORDValue"] == 0
    assert operations["shell.Command"] == 2  # before, and after


def test_few_values_are_read_back_one_by_one(live: LiveHostFactory) -> None:
    host = live("gw01")
    assert host.run(OpcHost(), {"logging": SETTINGS["logging"], "snapshot": False})["changed"]
    operations = host.site["host"].statistics.operations
    assert (operations["StdRegProv.SetDWORDValue"], operations["StdRegProv.GetDWORDValue"]) == (3, 3)


def test_a_value_that_does_not_stick_undoes_all_that_were_written_with_it(live: LiveHostFactory) -> None:
    host = live("gw01")
    registry = host.simulated.registry
    before = state_of(host.simulated)

    def put_back() -> None:
        registry.put(OLE, "LegacyAuthenticationLevel", RegistryValue.dword(2))

    host.site.add_fault(
        "host",
        ScriptedFault(
            Effect.CALL_BETWEEN,
            at=4,  # three of logging, then the level
            operation="StdRegProv.SetDWORDValue",
            callback=put_back,
        ),
    )
    with pytest.raises(
        HostStateError, match=r"LegacyAuthenticationLevel .*did not stick.*All \d+ changes so far were undone"
    ):
        host.run(OpcHost(), {**SETTINGS, "snapshot": False})
    registry.delete_value(None, OLE, "LegacyAuthenticationLevel")  # what the program beside us has left
    assert state_of(host.simulated) == before


@pytest.mark.parametrize("at", range(1, 3))
@pytest.mark.parametrize("times", range(1, 4))
def test_output_that_gets_lost_is_not_taken_for_nothing(live: LiveHostFactory, at: int, times: int) -> None:
    """The host answers that nothing was printed in time, and what that answer held is gone."""
    keys = (PRESENT, MISSING, RegistryKey("SOFTWARE\\Microsoft\\Cryptography"))
    host = live("gw01")
    undisturbed = host.ask(read(*keys))
    host.site.add_fault("host", ScriptedFault(Effect.FAULT_AFTER, at=at, times=times, operation="shell.Receive"))
    assert host.ask(read(*keys)) == undisturbed
    assert host.site["host"].faults.struck


PROBE = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\r\n    (Standard)    REG_SZ    (Wert nicht gesetzt)\r\n"
KEY = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Ole\r\n    EnableDCOM    REG_SZ    Y\r\n"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (f"\r\n{PROBE}\r\n\r\n{KEY}\r\n\r\n{PROBE}\r\n", True),
        (f"\r\n{PROBE}\r\n\r\n{KEY}", False),
        (f"{KEY[20:]}\r\n\r\n{PROBE}\r\n", False),
        (f"\r\n{PROBE}\r\n", False),
        (f"\r\n{PROBE}\r\n{KEY}\r\n{PROBE[:60]}", False),
        (f"\r\n{KEY}\r\n", True),  # where a key without an unnamed value prints nothing
    ],
)
def test_an_output_that_lacks_an_end_is_not_whole(text: str, whole: bool) -> None:
    assert _is_whole(text) is whole


def test_a_host_that_is_slow_each_time_is_still_read_with_few_messages(live: LiveHostFactory) -> None:
    host = live("gw01")
    undisturbed = host.ask(read(PRESENT, MISSING))
    slow = ScriptedFault(Effect.FAULT, when=lambda message: next(turns) % 3 == 0, times=10, operation="shell.Receive")
    turns = iter(range(100))  # before each first part of an output
    host.site.add_fault("host", slow)
    assert host.ask(read(PRESENT, MISSING)) == undisturbed
    assert host.messages == 2 + 2 * 3 + 2  # two commands; the shell and its end
    assert len(host.site["host"].faults.struck) == 2


@pytest.mark.parametrize("at", range(1, 7))
def test_what_was_saved_leads_back_also_when_output_was_lost(live: LiveHostFactory, at: int) -> None:
    host = live("gw01")
    host.simulated.registry.put(OLE, "LegacyAuthenticationLevel", RegistryValue.dword(2))
    host.simulated.registry.put(OLE, "ActivationFailureLoggingLevel", RegistryValue.dword(2))
    before = state_of(host.simulated)
    host.site.add_fault("host", ScriptedFault(Effect.FAULT_AFTER, at=at, operation="shell.Receive"))
    assert host.run(OpcHost(), SETTINGS)["changed"]
    request = SnapshotRestore().desired({"name": "latest", "accept_other_windows": False, "keep": 5})
    host.ask(lambda opened: run_resource(opened, SnapshotRestore(), request, check_mode=False))
    assert state_of(host.simulated) == before


def test_undo_asks_for_each_value_itself(live: LiveHostFactory) -> None:
    """What was written is gone while it is read back, and there again when it is to be undone."""
    host = live("gw01")
    registry = host.simulated.registry
    before = state_of(host.simulated)
    written: dict[str, RegistryValue] = {}
    names = [
        *("LegacyAuthenticationLevel", "LegacyImpersonationLevel"),
        *("ActivationFailureLoggingLevel", "CallFailureLoggingLevel", "InvalidSecurityDescriptorLoggingLevel"),
    ]

    def take_away() -> None:
        for name in names:
            value = registry.get(OLE, name)
            assert value is not None
            written[name] = value
            registry.delete_value(None, OLE, name)

    def put_back() -> None:
        for name, value in written.items():
            registry.put(OLE, name, value)

    reads_back = ScriptedFault(Effect.CALL_BEFORE, at=2, operation="shell.Command", callback=take_away)
    host.site.add_fault("host", reads_back)
    host.site.add_fault("host", ScriptedFault(Effect.CALL_BEFORE, at=3, operation="shell.Receive", callback=put_back))
    with pytest.raises(HostStateError, match=r"did not stick.*All \d+ changes so far were undone"):
        host.run(OpcHost(), {**SETTINGS, "snapshot": False})
    assert sorted(written) == sorted(names)
    assert state_of(host.simulated) == before


def test_known_sids_are_not_looked_up(live: LiveHostFactory) -> None:
    host = live("gw01")
    user = host.simulated.accounts.create_user(None, "OPCUser", "Secret-of-1")
    rights = {"scope": "machine_limit", "kind": "access", "state": "present"}
    entries = [{"principal": ".\\OPCUser", "rights": ["remote_access"]}]
    options = {"permissions": [{**rights, "entries": entries}], "snapshot": False}
    told = host.run(OpcHost(), {**options, "sids": {"OPCUser": str(user.sid)}})
    operations = host.site["host"].statistics.operations
    assert told["changed"]
    assert (operations["Win32_UserAccount.Get"], operations["Win32_SID.Get"]) == (0, 0)
    assert "GW01\\OPCUser" in told["diff"]["after"]
    assert not host.run(OpcHost(), options)["changed"]


def test_what_is_no_sid_is_refused(live: LiveHostFactory) -> None:
    with pytest.raises(ParameterError, match=r"sids\.OPCUser"):
        live("gw01").run(OpcHost(), {**SETTINGS, "sids": {"OPCUser": "S-1-x"}})


def test_the_name_of_a_local_group_does_not_make_an_account_that_group(live: LiveHostFactory) -> None:
    host = live("gw01")
    accounts = host.simulated.accounts
    group = accounts.create_group(None, "Engineers")
    member = accounts.create_user(None, "OPCUser", "Secret-of-1")
    accounts.add_member(None, "Engineers", member.sid)
    own = Sid.from_string(str(group.sid))
    other = Sid.from_string("S-1-5-21-1-2-3-1104")
    assert host.ask(lambda opened: opened.accounts.members_of(own)) == {Sid.from_string(str(member.sid))}
    assert host.ask(lambda opened: opened.accounts.members_of(other)) == frozenset()
    assert host.ask(lambda opened: opened.registry.value(PRESENT, "EnableDCOM", RegistryType.SZ)).data == "Y"


def test_a_key_that_holds_only_keys_or_nothing_is_there(live: LiveHostFactory) -> None:
    host = live("gw01")
    registry = host.simulated.registry
    registry.put(f"HKLM\\{SECRET.path}", "Level", RegistryValue.dword(1))  # its parent has no value
    registry.create_key(None, f"HKLM\\{MISSING.path}")
    parent = SECRET.parent or SECRET

    def question(opened: Host) -> list[Any]:
        opened.registry.prefetch([parent, MISSING, MISSING.child("None")])
        return [opened.registry.values(key) for key in (parent, MISSING, MISSING.child("None"), SECRET)]

    holding_keys, holding_nothing, missing, secret = host.ask(question)
    assert (holding_keys, holding_nothing, missing) == ({}, {}, None)
    assert secret["Level"].data == 1
