# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""opc_firewall on simulated hosts: what a hand-run script left, large stores, hosts that forbid, hostile input."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from lasting_state import state_of
from live_host import LiveHost, LiveHostFactory

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import (
    HostStateError,
    OpcDcomError,
    ParameterError,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._firewall import OpcFirewall
from simulator.faults import Effect, ScriptedFault
from simulator.profiles import SERVER_2008_R2, SERVER_2012_R2, SERVER_2019, SERVER_2022, WINDOWS_10, Profile
from simulator.software import da_server_32, opc_core_components, prediktor_apis
from simulator.subsystems.firewall_match import Connection
from simulator.subsystems.registry_value import RegistryValue

POLICY = r"HKLM\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
RULES = POLICY + r"\FirewallRules"
GROUP_POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\WindowsFirewall"
APIS = r"C:\apis\bin64\apishivex64.exe"
PEERS = ["10.0.0.21", "10.0.1.0/24"]
WANTED: dict[str, Any] = {
    "opc_enum": True,
    "applications": [{"title": "ApisHive", "service": "ApisHive"}],
    "remote_addresses": PEERS,
}
# As the vendor's instructions give them, with their slips (seed).
_ADD = "netsh advfirewall firewall add rule"
_OPC_ENUM = r"C:\Windows\SysWOW64\opcenum.exe"
SEED_SCRIPT = (
    f'{_ADD} name="OPC DCOM (RPC)" protocol=TCP dir=in localport=135 action=allow profile=any',
    f'{_ADD} name="OPC DCOM (RPC)" protocol=TCP dir=out localport=135 action=allow profile=any',
    f'{_ADD} name="AllowApis" dir=in program="{APIS}" action=allow',
    f'{_ADD} name="AllowApis" dir=out program="{APIS}" action=allow',
    f'{_ADD} name= "Allow OpcEnum" dir=in program="{_OPC_ENUM}" action=allow',
    f'{_ADD} name= "Allow OpcEnum" dir=out program="{_OPC_ENUM}" action=allow',
)


def run(host: LiveHost, options: dict[str, Any], *, check_mode: bool = False) -> dict[str, Any]:
    return host.run(OpcFirewall(), options, check_mode=check_mode)


def cmd(host: LiveHost, line: str) -> None:
    simulated = host.simulated
    done = simulated.interpreter.run(simulated.caller_of("Administrator", "127.0.0.1"), line, b"", {})
    assert done.exit_code == 0, done.stdout
    simulated.journal.records.clear()


def is_let_in(host: LiveHost, address: str, port: int, program: str, service: str = "") -> bool:
    connection = Connection(
        "In",
        address,
        program,
        local_port=port,
        remote_port=50001,
        services=frozenset({service} if service else ()),
        is_rpc_dynamic=port > 49151,
    )
    return host.simulated.firewall.evaluate(connection).is_allowed


def put_rule(host: LiveHost, rule_id: str, text: str) -> None:
    host.simulated.registry.put(RULES, rule_id, RegistryValue.sz(text))
    host.simulated.firewall.reload()
    host.simulated.journal.records.clear()


@pytest.mark.parametrize("profile", [SERVER_2008_R2, SERVER_2012_R2, SERVER_2019, SERVER_2022, WINDOWS_10])
def test_peers_get_in_and_nobody_else(live: LiveHostFactory, profile: Profile) -> None:
    host = live(profile=profile, software=[opc_core_components(), prediktor_apis()])
    assert not is_let_in(host, "10.0.0.21", 50100, APIS)

    assert run(host, WANTED)["changed"]

    assert is_let_in(host, "10.0.0.21", 50100, APIS)
    assert is_let_in(host, "10.0.1.77", 50100, r"C:\Windows\SysWOW64\OpcEnum.exe")
    assert is_let_in(host, "10.0.0.21", 135, r"C:\Windows\System32\svchost.exe", "RpcSs")
    assert not is_let_in(host, "10.0.0.22", 50100, APIS)
    assert not is_let_in(host, "10.0.0.22", 135, r"C:\Windows\System32\svchost.exe", "RpcSs")
    again = run(host, WANTED)
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"]


def test_check_mode_shows_what_the_run_does_and_writes_nothing(opc_server: LiveHost) -> None:
    shown = run(opc_server, WANTED, check_mode=True)
    assert opc_server.writes == []
    done = run(opc_server, WANTED)
    assert {key: shown[key] for key in ("changed", "before", "after", "diff")} == {
        key: done[key] for key in ("changed", "before", "after", "diff")
    }


def test_what_the_hand_run_script_left_is_taken_over_and_closed_to_others(opc_server: LiveHost) -> None:
    for line in SEED_SCRIPT:
        cmd(opc_server, line)
    assert is_let_in(opc_server, "192.0.2.9", 4711, APIS)

    result = run(opc_server, WANTED)

    assert result["changed"]
    assert not is_let_in(opc_server, "192.0.2.9", 4711, APIS)
    assert not is_let_in(opc_server, "192.0.2.9", 135, r"C:\Windows\System32\svchost.exe", "RpcSs")
    assert is_let_in(opc_server, "10.0.0.21", 50100, APIS)
    assert not run(opc_server, WANTED)["changed"]


def test_rules_of_others_stay_byte_for_byte(opc_server: LiveHost) -> None:
    put_rule(
        opc_server, "{1}", "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=4840|Name=OPC UA|TTK=new field|"
    )
    put_rule(opc_server, "{2}", rf"v2.10|Action=Allow|Active=TRUE|Dir=In|App={APIS}|Name=Somebody's|EmbedCtxt=@x,-1|")
    before = state_of(opc_server.simulated)
    run(opc_server, WANTED)
    after = state_of(opc_server.simulated)
    assert set(before.splitlines()) - set(after.splitlines()) == set()


def test_absent_takes_the_rules_away_again_even_without_the_programs(opc_server: LiveHost) -> None:
    before = state_of(opc_server.simulated)
    run(opc_server, WANTED)
    opc_server.simulated.files.remove(APIS)
    opc_server.simulated.services.stop(None, "ApisHive")
    opc_server.simulated.services.delete(None, "ApisHive")

    absent = {"state": "absent", "opc_enum": True, "applications": [{"title": "ApisHive", "service": "ApisHive"}]}
    assert run(opc_server, absent)["changed"]

    assert "(otsec.opc_dcom)".encode("utf-16-le").hex() not in opc_server.simulated.snapshot().text()
    assert not run(opc_server, absent)["changed"]
    assert [line for line in before.splitlines() if "v2." in line] == [
        line for line in state_of(opc_server.simulated).splitlines() if "v2." in line
    ]


# -- where programs are


@pytest.mark.parametrize(
    ("way", "path"),
    [
        ({"service": "ApisHive"}, APIS),
        ({"prog_id": "Prediktor.ApisOPCServer.1"}, APIS),
        ({"clsid": "8E423571-A67B-11D2-9418-00608CF4C421"}, APIS),
        ({"prog_id": "Example.DaServer.1"}, r"C:\Program Files (x86)\Example\DaServer.exe"),
        ({"program": r"%ProgramFiles(x86)%\Example\DaServer.exe"}, r"C:\Program Files (x86)\Example\DaServer.exe"),
    ],
)
def test_the_program_is_found_in_the_service_or_in_either_view(
    live: LiveHostFactory, way: dict[str, str], path: str
) -> None:
    host = live(software=[prediktor_apis(), da_server_32()])
    result = run(host, {"applications": [{"title": "it", **way}], "remote_addresses": PEERS})
    assert result["after"]["rules"]["OPC it (in)"]["program"] == path
    assert "warnings" not in result


@pytest.mark.parametrize(
    ("image_path", "program"),
    [
        (r"C:\Program Files\My OPC\server.exe -service", r"C:\Program Files\My OPC\server.exe"),
        (r"%ProgramFiles%\My OPC\server.exe", r"C:\Program Files\My OPC\server.exe"),
        (r'"C:\Program Files\My OPC\server.exe" /run', r"C:\Program Files\My OPC\server.exe"),
    ],
)
def test_a_command_line_is_read_as_windows_reads_it(opc_server: LiveHost, image_path: str, program: str) -> None:
    opc_server.simulated.files.add(program)
    key = r"HKLM\SYSTEM\CurrentControlSet\Services\Mine"
    opc_server.simulated.registry.put(key, "ImagePath", RegistryValue.expand_sz(image_path))
    result = run(opc_server, {"applications": [{"service": "Mine"}], "remote_addresses": PEERS})
    assert result["after"]["rules"]["OPC Mine (in)"]["program"] == program


def test_a_program_that_is_not_there_is_said(opc_server: LiveHost) -> None:
    gone = {"applications": [{"program": r"C:\opc\gone.exe"}], "remote_addresses": PEERS}
    assert any("gone.exe" in item and "not" in item for item in run(opc_server, gone)["warnings"])


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ({"service": "Nope"}, "no service Nope"),
        ({"prog_id": "No.Such.1"}, "No.Such.1 is not registered"),
        ({"clsid": "{00000000-0000-0000-0000-000000000001}"}, "registered neither"),
    ],
)
def test_a_program_that_cannot_be_found_stops_the_run(opc_server: LiveHost, way: dict[str, str], said: str) -> None:
    with pytest.raises(HostStateError, match=said):
        run(opc_server, {"applications": [way], "remote_addresses": PEERS})
    assert opc_server.writes == []


def test_opc_enum_that_is_not_installed_is_said(live: LiveHostFactory) -> None:
    with pytest.raises(HostStateError, match="OpcEnum"):
        run(live(), {"opc_enum": True, "remote_addresses": PEERS})


# -- a large store


def fill(host: LiveHost, count: int) -> None:
    for number in range(count):
        text = (
            rf"v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort={1000 + number}"
            rf"|RA4=10.{number % 250}.0.0/255.255.0.0|App=%ProgramFiles%\Vendor {number}\application.exe"
            rf"|Name=Application {number} of a vendor|Desc=As long as such texts are|EmbedCtxt=@vendor.dll,-{number}|"
        )
        host.simulated.registry.put(RULES, f"{{{number:08X}-1111-2222-3333-444455556666}}", RegistryValue.sz(text))
    host.simulated.firewall.reload()


def test_a_store_of_1500_rules_is_read_once_and_judged_within_a_second(opc_server: LiveHost) -> None:
    fill(opc_server, 1500)
    opc_server.simulated.registry.put(rf"{POLICY}\PublicProfile", "DefaultOutboundAction", RegistryValue.dword(1))
    opc_server.simulated.firewall.reload()
    assert run(opc_server, WANTED)["changed"]  # in and out, for the endpoint mapper, OpcEnum and ApisHive
    assert len([line for line in opc_server.writes if line.startswith("firewall add_rule")]) == 6
    after = state_of(opc_server.simulated)
    lines = opc_server.site["host"].statistics.command_lines
    lines.clear()

    started = time.thread_time()  # the site runs in a thread of its own
    again = run(opc_server, WANTED)

    assert time.thread_time() - started < 1
    assert not again["changed"]
    assert opc_server.messages <= 12
    assert len([line for line in lines if "FirewallRules" in line]) == 1
    assert state_of(opc_server.simulated) == after
    assert run(opc_server, WANTED) == again


def test_malformed_entries_cost_a_message_each_and_are_left_alone(opc_server: LiveHost) -> None:
    fill(opc_server, 200)
    registry = opc_server.simulated.registry
    registry.put(RULES, "half", RegistryValue.sz("v2.10|Action=Allow"))
    registry.put(RULES, "lines", RegistryValue.sz("one\r\n    two    REG_SZ    x    REG_SZ    y\r\nthree"))
    registry.put(RULES, "number", RegistryValue.dword(5))
    registry.put(RULES, "named by a dll", RegistryValue.sz("v2.10|Action=Allow|Active=TRUE|Dir=In|Name=@x.dll,-1|"))
    opc_server.simulated.firewall.reload()
    run(opc_server, WANTED)
    assert not run(opc_server, WANTED)["changed"]
    assert opc_server.messages <= 20
    kept = {name: registry.get(RULES, name) for name in ("half", "lines", "number")}
    assert kept["lines"] == RegistryValue.sz("one\r\n    two    REG_SZ    x    REG_SZ    y\r\nthree")
    assert kept["number"] == RegistryValue.dword(5)


# -- hosts that forbid


def test_without_a_cmd_shell_the_rules_are_read_one_by_one_and_the_commands_are_printed(opc_server: LiveHost) -> None:
    not_allowed = ScriptedFault(Effect.FAULT, operation="shell.*", code=2150859180, times=1000)
    opc_server.site.add_fault("host", not_allowed)
    with pytest.raises(HostStateError) as refused:
        run(opc_server, WANTED)
    assert 'netsh.exe advfirewall firewall add rule name="OPC ApisHive (in)" dir=in action=allow' in str(refused.value)
    assert "Nothing was changed" in str(refused.value)
    assert opc_server.writes == []
    assert run(opc_server, WANTED, check_mode=True)["changed"]


def test_a_stopped_firewall_service_is_an_error_and_the_host_is_as_before(opc_server: LiveHost) -> None:
    before = state_of(opc_server.simulated)
    opc_server.simulated.firewall.is_running = lambda: False
    with pytest.raises(HostStateError, match=r"netsh.exe ended with exit code 1"):
        run(opc_server, WANTED)
    opc_server.simulated.firewall.is_running = lambda: True
    assert state_of(opc_server.simulated) == before


@pytest.mark.parametrize(
    ("profile", "name", "number", "said"),
    [
        ("DomainProfile", "AllowLocalPolicyMerge", 0, "Group Policy ignores local rules"),
        ("DomainProfile", "DoNotAllowExceptions", 1, "all inbound connections are blocked"),
    ],
)
def test_group_policy_that_makes_rules_dead_is_said(
    opc_server: LiveHost, profile: str, name: str, number: int, said: str
) -> None:
    opc_server.simulated.registry.put(rf"{GROUP_POLICY}\{profile}", name, RegistryValue.dword(number))
    opc_server.simulated.firewall.reload()
    assert any(said in item for item in run(opc_server, WANTED)["warnings"])


def test_a_block_rule_that_wins_is_said(opc_server: LiveHost) -> None:
    put_rule(opc_server, "{B}", rf"v2.10|Action=Block|Active=TRUE|Dir=In|App={APIS}|Name=No APIS|")
    assert any("No APIS" in item for item in run(opc_server, WANTED)["warnings"])


# -- what is refused


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"remote_addresses": None}, "remote_addresses: required"),
        ({"remote_addresses": ["any"]}, "covers every address"),
        ({"remote_addresses": ["0.0.0.0/0", "::/0"]}, "covers every address"),
        ({"remote_addresses": ["10.0.0.300"]}, "10.0.0.300"),
        ({"remote_addresses": ["10.0.0.9-10.0.0.1"]}, "backwards"),
        ({"applications": [{"program": "server.exe"}]}, "absolute path"),
        ({"applications": [{"program": APIS, "service": "ApisHive"}]}, "exactly one"),
        ({"applications": [{}]}, "exactly one"),
        ({"applications": [{"service": r"a\b"}]}, "name of a service"),
        ({"applications": [{"title": "x", "service": "A"}, {"title": "X", "service": "B"}]}, "twice"),
        ({"profiles": []}, "at least one profile"),
    ],
)
def test_wrong_options_are_refused_before_the_host_is_contacted(change: dict[str, Any], said: str) -> None:
    options = {key: value for key, value in {**WANTED, **change}.items() if value is not None}
    with pytest.raises(ParameterError, match=said):
        OpcFirewall().desired({**DEFAULTS, **options})


DEFAULTS: dict[str, Any] = {
    name: option.get("default") for name, option in OpcFirewall.argument_spec.items() if "default" in option
}

HOSTILE = (
    'x" & reboot & "',
    "%PATH%",
    "a^b & whoami",
    "x | shutdown",
    "all",
    "ALL",
    "pipe|in name",
    "new\nline",
    'C:\\a" dir=out name="all',
    "\u00e4\u00f6\u00fc \u4e2d\u6587",
    "x" * 400,
    "--% $(calc) `calc` ;calc",
    "trailing\\",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("option", ["title", "program"])
def test_nothing_is_executed_that_was_not_meant(opc_server: LiveHost, option: str, text: str) -> None:
    """Either the rule is made exactly as asked, or nothing at all happens; the site fails on any other program."""
    target = {"title": "t", "program": APIS} | {option: text if option == "title" else rf"C:\opc\{text}.exe"}
    before = state_of(opc_server.simulated)
    try:
        run(opc_server, {"applications": [target], "remote_addresses": PEERS})
    except OpcDcomError:
        assert state_of(opc_server.simulated) == before
        return
    programs = [item.rule.value("App") for item in opc_server.simulated.firewall.rules()]
    names = [item.rule.value("Name") for item in opc_server.simulated.firewall.rules()]
    assert f"OPC {target['title']} (in)" in names
    assert target["program"] in programs
    assert all(item.startswith(("registry", "firewall add_rule")) for item in opc_server.writes)


def test_what_a_host_says_is_not_executed_either(opc_server: LiveHost) -> None:
    key = r"HKLM\SYSTEM\CurrentControlSet\Services\Evil"
    opc_server.simulated.registry.put(key, "ImagePath", RegistryValue.expand_sz(r'C:\a" & reboot & ".exe'))
    with pytest.raises(OpcDcomError):
        run(opc_server, {"applications": [{"service": "Evil"}], "remote_addresses": PEERS})
    assert opc_server.writes == []


@pytest.mark.parametrize("options", [WANTED, {**WANTED, "state": "absent", "leftovers": "delete", "purge": True}])
def test_a_rule_that_carries_winrm_is_never_touched(opc_server: LiveHost, options: dict[str, Any]) -> None:
    port = opc_server.site["host"].ports["http"]
    text = rf"v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort={port}|Name=OPC ApisHive (in)|"
    put_rule(opc_server, "{W}", text)
    with suppress(HostStateError):  # our rule of this name cannot be told from it by netsh
        run(opc_server, options)
    assert opc_server.simulated.registry.get(RULES, "{W}") == RegistryValue.sz(text)


def test_any_remote_address_is_an_exception_in_every_run(opc_server: LiveHost) -> None:
    options = {"applications": [{"title": "ApisHive", "service": "ApisHive"}], "allow_any_remote": True}
    for _unused in range(2):
        (text,) = run(opc_server, options)["exceptions"]
        assert "any remote address" in text
    assert is_let_in(opc_server, "192.0.2.9", 50100, APIS)
