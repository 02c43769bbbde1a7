# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contracts of the Windows modules, through cmd.exe and powershell.exe of a simulated host."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from simulator.cim import Caller, ProgramResult
from simulator.host import SimulatedHost
from simulator.profiles import SERVER_2008_R2, SERVER_2012_R2, SERVER_2019
from simulator.software import opc_core_components
from simulator.subsystems.clock import VirtualClock
from simulator.subsystems.registry_value import RegistryValue

WIN = "ansible.windows.win_"
PASSWORD = "Prüf-pass!&%^\"'1"
BOOTSTRAP_2_21 = """if ($PSVersionTable.PSVersion -lt [Version]"5.1") {
    '{"failed":true,"msg":"Ansible requires PowerShell v5.1"}'
    exit 1
}"""


def encoded(script: str) -> str:
    return base64.b64encode(script.encode("utf-16-le")).decode()


def start(host: SimulatedHost, caller: Caller, script: str, stdin: bytes = b"") -> ProgramResult:
    line = f"powershell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand {encoded(script)}"
    return host.interpreter.run(caller, line, stdin, {})


def admin(host: SimulatedHost) -> Caller:
    return host.caller_of("Administrator", "10.0.0.99")


def module(
    host: SimulatedHost,
    fqcn: str,
    /,
    *,
    check: bool = False,
    diff: bool = False,
    caller: Caller | None = None,
    **given: Any,
) -> dict[str, Any]:
    """The JSON a module answered. Exactly one object may be on stdout, and nothing on stderr."""
    own = {"_ansible_module_name": fqcn, "_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_no_log": False}
    variables = [{"Name": "complex_args", "Value": {**given, **own}, "Scope": "Global"}]
    manifest = {"scripts": {}, "actions": [{"name": "module_wrapper.ps1", "params": {"Variables": variables}}]}
    stdin = b'{"name":"exec_wrapper"}\n\0\0\0\0\n' + json.dumps(manifest).encode()
    done = start(host, caller or admin(host), BOOTSTRAP_2_21, stdin)
    assert done.stderr == ""
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (1 if answer.get("failed") else 0)
    return answer


@pytest.fixture
def host() -> SimulatedHost:
    return SimulatedHost("hist01", software=[opc_core_components()])


def writes(host: SimulatedHost) -> int:
    return len(host.journal.changes_by_callers())


# -- win_ping, unknown things --------------------------------------------------------------------------------------


def test_ping(host: SimulatedHost) -> None:
    assert module(host, WIN + "ping") == {
        "changed": False, "ping": "pong", "invocation": {"module_args": {}},
    }  # fmt: skip
    assert module(host, WIN + "ping", data="crash")["msg"] == "Unhandled exception while executing module: boom"


def test_unknown_modules_and_scripts_fail_loudly(host: SimulatedHost) -> None:
    own = {"module_args": {"_ansible_module_name": "ansible.windows.win_shell"}}
    done = start(host, admin(host), "x", b"x\0\0\0\0" + json.dumps(own).encode())
    assert (done.exit_code, done.stdout) == (1, "")
    assert start(host, admin(host), "Get-Process").exit_code == 1
    assert [item.source for item in host.violations] == ["powershell", "powershell"]


def test_a_host_with_an_old_powershell_answers_as_the_bootstrap_does() -> None:
    host = SimulatedHost("old", SERVER_2008_R2)
    answer = module(host, WIN + "ping")
    assert answer == {"failed": True, "msg": "Ansible requires PowerShell v5.1"}
    assert module(SimulatedHost("newer", SERVER_2012_R2), WIN + "ping")["failed"]


def test_a_host_without_powershell_answers_as_cmd_does() -> None:
    host = SimulatedHost("bare", SERVER_2019.without_powershell())
    done = start(host, admin(host), "x")
    assert done.exit_code != 0
    assert "powershell" in done.stderr


@pytest.mark.parametrize(
    "rule",
    [
        r"%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe",
        "powershell.exe",
        r"C:\Windows\System32\WindowsPowerShell",
    ],
)
def test_a_powershell_that_policy_forbids_does_not_start(host: SimulatedHost, rule: str) -> None:
    paths = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\Safer\CodeIdentifiers\0\Paths"
    host.registry.put(rf"{paths}\{{1}}", "ItemData", RegistryValue.sz(rule))
    done = start(host, admin(host), "x")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("This program is blocked by group policy.")
    assert host.violations == []
    assert host.interpreter.run(admin(host), "reg query HKLM\\SOFTWARE", b"", {}).exit_code == 0


# -- win_user ------------------------------------------------------------------------------------------------------


def user(host: SimulatedHost, **given: Any) -> dict[str, Any]:
    return module(host, WIN + "user", name="OPCServerUser", **given)


def test_a_user_is_created_once(host: SimulatedHost) -> None:
    options = {
        "password": PASSWORD, "password_never_expires": True, "user_cannot_change_password": True,
        "update_password": "on_create", "groups": ["S-1-5-32-562"], "groups_action": "add", "description": "OPC",
    }  # fmt: skip
    first = user(host, **options)
    found = host.accounts.local.user("OPCServerUser")
    assert (first["changed"], first["state"], first["sid"]) == (True, "present", found.sid)
    assert (found.password_never_expires, found.cannot_change_password, found.description) == (True, True, "OPC")
    assert host.accounts.is_password("OPCServerUser", PASSWORD)
    assert [group["name"] for group in first["groups"]] == ["Distributed COM Users"]
    assert first["groups"][0]["path"] == "WinNT://WORKGROUP/HIST01/Distributed COM Users"
    before = writes(host)
    assert user(host, **options)["changed"] is False
    assert writes(host) == before


def test_check_mode_reports_and_changes_nothing(host: SimulatedHost) -> None:
    answer = module(host, WIN + "user", check=True, diff=True, name="x", password=PASSWORD)
    assert answer["changed"] is True
    assert answer["diff"] == {"before": "", "after": {"name": "x", "password": "REDACTED"}}
    assert host.accounts.local.find_user("x") is None
    assert host.journal.records == []


def test_update_password_always_logs_on_to_compare(host: SimulatedHost) -> None:
    """The real module tries the password: a wrong one leaves 4625 and counts towards the lock-out."""
    user(host, password=PASSWORD)
    assert user(host, password=PASSWORD)["changed"] is False
    assert user(host, password="other-1A")["changed"] is True
    events = [record.event.event_id for record in host.event_log.read(None, "Security")]
    assert events == [4624, 4624, 4625]  # right after creating, right, wrong
    assert host.accounts.is_password("OPCServerUser", "other-1A")
    assert user(host, password=PASSWORD, update_password="on_create")["changed"] is False
    assert host.accounts.is_password("OPCServerUser", "other-1A")


def test_a_locked_account_is_not_validated_but_can_be_unlocked(host: SimulatedHost) -> None:
    host.accounts.policy.lockout_threshold = 1
    user(host, password=PASSWORD)
    host.logon("OPCServerUser", "wrong", "10.0.0.1")
    assert user(host, password=PASSWORD)["msg"].startswith("Failed to validate the user's credentials")
    assert user(host, account_locked=False)["changed"] is True
    assert not host.accounts.local.user("OPCServerUser").is_locked_out
    assert user(host, account_locked=True)["msg"] == "account_locked must be set to 'no' if provided"


def test_user_fields_groups_and_removal(host: SimulatedHost) -> None:
    user(host, password=PASSWORD, groups=["Users", "S-1-5-32-562"])
    changed = user(host, account_disabled=True, fullname="Größe", password_expired=True, groups=["Users"])
    assert (changed["account_disabled"], changed["fullname"], changed["password_expired"]) == (True, "Größe", True)
    assert [group["name"] for group in changed["groups"]] == ["Users"]
    assert user(host, groups=[""], groups_action="replace")["groups"] == []
    assert user(host, groups=["nobody"])["msg"] == "group 'nobody' not found"
    assert user(host, state="query")["msg"] == "Querying user 'OPCServerUser'"
    assert user(host, state="absent")["msg"] == "User 'OPCServerUser' deleted successfully"
    assert user(host, state="absent") == {
        "changed": False, "msg": "User 'OPCServerUser' was not found", "state": "absent", "name": "OPCServerUser",
        "invocation": {"module_args": {"name": "OPCServerUser", "state": "absent"}},
    }  # fmt: skip


def test_a_policy_or_a_filtered_token_refuses(host: SimulatedHost) -> None:
    host.accounts.policy.minimum_length = 30
    assert "password policy requirements" in user(host, password=PASSWORD)["msg"]
    host.accounts.create_user(None, "second", "x" * 30)
    host.accounts.add_member(None, "S-1-5-32-544", host.accounts.local.user("second").sid)
    filtered = host.caller_of("second", "10.0.0.1")
    assert "Access is denied." in module(host, WIN + "user", caller=filtered, name="x", password="y" * 30)["msg"]


@pytest.mark.parametrize(
    "option", [{"account_expires": "2030-01-01"}, {"home_directory": "C:\\x"}, {"profile": "C:\\x"}]
)
def test_what_the_account_model_lacks_is_a_violation(host: SimulatedHost, option: dict[str, str]) -> None:
    assert user(host, **option)["failed"]
    assert len(host.violations) == 1


def test_a_password_is_nowhere(host: SimulatedHost) -> None:
    host.accounts.policy.minimum_length = 30
    answers = [user(host, password=PASSWORD)]
    host.accounts.policy.minimum_length = 0
    answers += [user(host, password=PASSWORD) for _unused in range(2)]
    answers += [module(host, WIN + "user", check=True, diff=True, name="y", password=PASSWORD)]
    everything = json.dumps(answers, ensure_ascii=False) + repr(host.journal.records) + repr(host.violations)
    everything += repr([host.event_log.read(None, channel) for channel in ("System", "Security", "Application")])
    assert "Prüf-pass" not in everything
    assert answers[0]["invocation"]["module_args"]["password"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


def test_a_password_in_another_option_is_censored(host: SimulatedHost) -> None:
    assert user(host, password="s3cret-word", description="it is s3cret-word")["description"] == "it is ********"


def test_two_hosts_share_name_and_password_or_not(host: SimulatedHost) -> None:
    peer = SimulatedHost("gw01")
    user(host, password=PASSWORD)
    user(peer, password=PASSWORD)
    assert host.accounts.shares_password_with(peer.accounts, "OPCServerUser")
    user(peer, password="another-1A")
    assert not host.accounts.shares_password_with(peer.accounts, "OPCServerUser")


# -- groups and rights ---------------------------------------------------------------------------------------------


def test_group_membership_by_sid_and_name(host: SimulatedHost) -> None:
    user(host, password=PASSWORD)
    group = host.accounts.account_name("S-1-5-32-562").rpartition("\\")[2]
    first = module(host, WIN + "group_membership", name=group, members=["OPCServerUser"])
    assert first == {
        "changed": True, "name": "Distributed COM Users", "added": ["HIST01\\OPCServerUser"],
        "members": ["HIST01\\OPCServerUser"],
    }  # fmt: skip
    assert module(host, WIN + "group_membership", name=group, members=[".\\OPCServerUser"])["changed"] is False
    sid = host.accounts.local.user("OPCServerUser").sid
    gone = module(host, WIN + "group_membership", name=group, members=[sid], state="absent")
    assert (gone["changed"], gone["removed"], gone["members"]) == (True, ["HIST01\\OPCServerUser"], [])


def test_pure_membership_and_check_mode(host: SimulatedHost) -> None:
    user(host, password=PASSWORD)
    options = {"name": "Administrators", "members": ["Administrator", "OPCServerUser"], "state": "pure"}
    preview = module(host, WIN + "group_membership", check=True, **options)
    assert (preview["added"], preview["removed"]) == (["HIST01\\OPCServerUser"], [])
    done = module(host, WIN + "group_membership", **options)
    assert sorted(done["members"]) == sorted(preview["members"]) == ["HIST01\\Administrator", "HIST01\\OPCServerUser"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "No group", "members": ["x"]}, "Could not find local group No group"),
        ({"name": "Users", "members": ["nobody"]}, "account_name nobody is not a valid account, cannot get SID"),
        ({"name": "Users", "members": ["S-1-5-21-9-9-9-1000"]}, "failed to convert sid"),
        ({"name": "Users"}, "missing required arguments: members"),
    ],
)
def test_group_membership_refusals(host: SimulatedHost, given: dict[str, Any], message: str) -> None:
    assert module(host, WIN + "group_membership", **given)["msg"].startswith(message)
    assert host.journal.records == []


def test_german_names_are_the_only_ones_on_a_german_host() -> None:
    host = SimulatedHost("de01", ui_language="de-DE")
    done = module(host, WIN + "group_membership", name="Distributed COM-Benutzer", members=["S-1-5-11"])
    assert done["added"] == ["NT-AUTORITÄT\\Authentifizierte Benutzer"]
    refused = module(host, WIN + "group_membership", name="Distributed COM Users", members=["S-1-5-11"])
    assert refused["failed"]


def test_win_group(host: SimulatedHost) -> None:
    preview = module(host, WIN + "group", check=True, name="OPC Users")
    assert (preview["changed"], preview["sid"]) == (True, "S-1-5-0000")
    first = module(
        host, WIN + "group", name="OPC Users", description="d", members={"add": ["Administrator"]}, diff=True
    )
    assert first["changed"]
    assert first["diff"]["after"] == {"name": "OPC Users", "description": "d", "members": ["HIST01\\Administrator"]}
    assert module(host, WIN + "group", name="OPC Users", members={"set": ["Administrator"]})["changed"] is False
    assert module(host, WIN + "group", name="OPC Users", members={"set": []})["changed"] is True
    assert module(host, WIN + "group", name="OPC Users", state="absent")["changed"] is True
    assert module(host, WIN + "group", name="OPC Users", state="absent")["changed"] is False
    assert module(host, WIN + "group", name="Users", state="absent")["failed"]


def test_user_rights(host: SimulatedHost) -> None:
    user(host, password=PASSWORD)
    options = {"name": "SeDenyInteractiveLogonRight", "users": ["OPCServerUser"], "action": "add"}
    assert module(host, WIN + "user_right", check=True, **options)["added"] == ["HIST01\\OPCServerUser"]
    assert host.accounts.holders_of("SeDenyInteractiveLogonRight") == frozenset()
    assert module(host, WIN + "user_right", **options)["changed"] is True
    assert module(host, WIN + "user_right", **options)["changed"] is False
    emptied = module(host, WIN + "user_right", name="SeDenyInteractiveLogonRight", users=[], action="set")
    assert emptied["removed"] == ["HIST01\\OPCServerUser"]
    wrong = module(host, WIN + "user_right", name="SeNoSuchRight", users=[])
    assert wrong["msg"] == "the specified right SeNoSuchRight is not a valid right"


# -- registry ------------------------------------------------------------------------------------------------------

OLE = "HKLM:\\SOFTWARE\\Microsoft\\Ole"

REGEDIT = {
    "dword": ({"data": 5, "type": "dword"}, RegistryValue.dword(5)),
    "dword as text": ({"data": "0xffffffff", "type": "dword"}, RegistryValue.dword(0xFFFFFFFF)),
    "qword": ({"data": 2**40, "type": "qword"}, RegistryValue.qword(2**40)),
    "string": ({"data": "Y"}, RegistryValue.sz("Y")),
    "number as string": ({"data": 1, "type": "string"}, RegistryValue.sz("1")),
    "expandstring": ({"data": r"%SystemRoot%\x", "type": "expandstring"}, RegistryValue.expand_sz(r"%SystemRoot%\x")),
    "multistring": ({"data": ["a", "b"], "type": "multistring"}, RegistryValue.multi_sz(["a", "b"])),
    "binary list": ({"data": [1, 255], "type": "binary"}, RegistryValue.binary(b"\x01\xff")),
    "binary hex": ({"data": "hex:be,ef", "type": "binary"}, RegistryValue.binary(b"\xbe\xef")),
    "binary plain": ({"data": "beef", "type": "binary"}, RegistryValue.binary(b"\xbe\xef")),
    "nothing": ({"type": "dword"}, RegistryValue.dword(0)),
    "hostile": ({"data": "a\"b'c %PATH% & ü 数"}, RegistryValue.sz("a\"b'c %PATH% & ü 数")),
}


@pytest.mark.parametrize(("given", "expected"), REGEDIT.values(), ids=REGEDIT)
def test_regedit_writes_each_type_once(host: SimulatedHost, given: dict[str, Any], expected: RegistryValue) -> None:
    first = module(host, WIN + "regedit", path=OLE, name="Test", **given)
    assert (first["changed"], first["data_changed"]) == (True, False)
    assert host.registry.get(r"HKLM\SOFTWARE\Microsoft\Ole", "Test") == expected
    assert module(host, WIN + "regedit", path=OLE, name="Test", **given)["changed"] is False


def test_regedit_changes_keys_and_check_mode(host: SimulatedHost) -> None:
    preview = module(host, WIN + "regedit", check=True, diff=True, path=OLE + "\\New", name="a", data=1, type="dword")
    assert (preview["changed"], preview["diff"]) == (True, {"before": {}, "after": {OLE + "\\New": {}}})
    assert host.journal.records == []
    module(host, WIN + "regedit", path=OLE + "\\New\\Deep", name="a", data=1, type="dword")
    changed = module(host, WIN + "regedit", diff=True, path=OLE + "\\New\\Deep", name="a", data="x")
    assert (changed["data_changed"], changed["data_type_changed"]) == (True, True)
    assert changed["diff"]["before"] == {OLE + "\\New\\Deep": {"a": {"type": "DWord", "value": "0x00000001"}}}
    assert module(host, WIN + "regedit", path=OLE + "\\New\\Deep", name="a", state="absent")["changed"]
    assert module(host, WIN + "regedit", path=OLE + "\\New", state="absent")["changed"]
    assert not host.registry.key_exists(None, r"HKLM\SOFTWARE\Microsoft\Ole\New")
    assert module(host, WIN + "regedit", path=OLE + "\\New", state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"path": "HKLM\\SOFTWARE", "name": "x"}, "path: HKLM\\SOFTWARE is not a valid powershell path"),
        ({"path": OLE, "name": "x", "data": 2**33, "type": "dword"}, "data cannot be larger than 0xffffffff"),
        ({"path": OLE, "name": "x", "data": 1.5, "type": "dword"}, "data '1.5' cannot be a decimal or float value"),
        ({"path": OLE, "name": "x", "data": 300, "type": "binary"}, "cannot convert binary data '300'"),
        ({"path": OLE, "name": "x", "type": "word"}, "value of type must be one of: none, binary"),
        ({"name": "x"}, "missing required arguments: path"),
    ],
)
def test_regedit_refusals(host: SimulatedHost, given: dict[str, Any], message: str) -> None:
    assert module(host, WIN + "regedit", **given)["msg"].startswith(message)


def test_regedit_is_denied_on_protected_keys(host: SimulatedHost) -> None:
    path = "HKLM:\\SOFTWARE\\Classes\\AppID\\{8BC3F05E-D86B-11D0-A075-00C04FB68820}"
    answer = module(host, WIN + "regedit", path=path, name="AuthenticationLevel", data=5, type="dword")
    assert answer["msg"].endswith("Requested registry access is not allowed.")


def test_reg_stat(host: SimulatedHost) -> None:
    host.registry.put(r"HKLM\SOFTWARE\T", "x", RegistryValue.expand_sz(r"%SystemRoot%\a"))
    host.registry.put(r"HKLM\SOFTWARE\T", "n", RegistryValue.dword(0xFFFFFFFF))
    host.registry.put(r"HKLM\SOFTWARE\T\Sub", "b", RegistryValue.binary(b"\x00\x10"))
    assert module(host, WIN + "reg_stat", path="HKLM:\\SOFTWARE\\T", name="x") == {
        "changed": False, "exists": True, "type": "REG_EXPAND_SZ", "value": r"C:\Windows\a",
        "raw_value": r"%SystemRoot%\a",
    }  # fmt: skip
    key = module(host, WIN + "reg_stat", path="HKLM:\\SOFTWARE\\T")
    assert key["sub_keys"] == ["Sub"]
    assert key["properties"]["n"]["value"] == 0xFFFFFFFF
    assert module(host, WIN + "reg_stat", path="HKLM:\\SOFTWARE\\T\\Sub", name="b")["raw_value"] == ["0x00", "0x10"]
    assert module(host, WIN + "reg_stat", path="HKLM:\\SOFTWARE\\None") == {"changed": False, "exists": False}
    assert module(host, WIN + "reg_stat", path="HKLM:\\SOFTWARE\\T", name="z")["exists"] is False


# -- services ------------------------------------------------------------------------------------------------------


def service(host: SimulatedHost, **given: Any) -> dict[str, Any]:
    return module(host, WIN + "service", name="OpcEnum", **given)


def test_a_service_is_configured_and_started_once(host: SimulatedHost) -> None:
    first = service(host, start_mode="auto", state="started")
    assert (first["changed"], first["start_mode"], first["state"], first["username"]) == (
        True, "auto", "running", "LocalSystem",
    )  # fmt: skip
    assert service(host, start_mode="auto", state="started")["changed"] is False
    assert service(host, state="restarted")["changed"] is True
    stopped = service(host, state="stopped")
    assert (stopped["changed"], stopped["state"]) == (True, "stopped")


def test_service_check_mode_and_information(host: SimulatedHost) -> None:
    preview = module(host, WIN + "service", check=True, name="OpcEnum", start_mode="disabled", state="started")
    assert (preview["changed"], preview["start_mode"]) == (True, "disabled")
    assert host.journal.records == []
    assert service(host)["dependencies"] == ["RPCSS"]
    assert module(host, WIN + "service", name="nothing") == {
        "changed": False, "exists": False, "invocation": {"module_args": {"name": "nothing"}},
    }  # fmt: skip


def test_service_accounts_and_dependencies(host: SimulatedHost) -> None:
    user(host, password=PASSWORD)
    done = service(
        host, username=".\\OPCServerUser", password=PASSWORD, dependencies=["EventLog"], dependency_action="add"
    )
    assert (done["username"], done["dependencies"]) == ("HIST01\\OPCServerUser", ["RPCSS", "EventLog"])
    assert service(host, username="OPCServerUser", password=PASSWORD)["changed"] is False
    assert service(host, username="LocalSystem")["username"] == "LocalSystem"
    assert service(host, username="nobody")["failed"]


def test_service_creation_removal_and_dependents(host: SimulatedHost) -> None:
    missing = module(host, WIN + "service", name="New", state="started")
    assert missing["msg"] == "Service 'New' is not installed, need to set 'path' to create a new service"
    created = module(host, WIN + "service", name="New", path="C:\\New.exe", start_mode="manual")
    assert (created["changed"], created["exists"], created["start_mode"]) == (True, True, "manual")
    assert module(host, WIN + "service", name="New", state="absent")["changed"] is True
    assert module(host, WIN + "service", name="New", state="absent")["changed"] is False
    refused = module(host, WIN + "service", name="EventSystem", state="stopped")
    assert "dependent services" in refused["msg"]
    assert module(host, WIN + "service", name="EventSystem", state="stopped", force_dependent_services=True)["changed"]
    assert module(host, WIN + "service", name="OpcEnum", failure_actions=[])["failed"]


# -- firewall ------------------------------------------------------------------------------------------------------

RULE = {
    "name": "OPC ApisHive", "direction": "in", "action": "allow", "protocol": "tcp", "localport": "RPC",
    "remoteip": "10.0.0.21", "program": r"%SystemDrive%\apis\bin64\apishivex64.exe", "profiles": ["domain", "private"],
}  # fmt: skip


def test_firewall_rule(host: SimulatedHost) -> None:
    name = "community.windows.win_firewall_rule"
    assert module(host, name, check=True, **RULE)["changed"] is True
    assert host.journal.records == []
    assert module(host, name, **RULE) == {"changed": True, "msg": "Firewall rule 'OPC ApisHive' created."}
    (stored,) = [str(item.rule) for item in host.firewall.rules() if item.rule.name == "OPC ApisHive"]
    assert stored == (
        "v2.29|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=RPC|RA4=10.0.0.21"
        r"|App=C:\apis\bin64\apishivex64.exe|Name=OPC ApisHive|"
    )
    assert module(host, name, **RULE)["changed"] is False
    assert module(host, name, **{**RULE, "remoteip": "10.0.0.0/24"})["changed"] is True
    assert module(host, name, name="OPC ApisHive", enabled=False)["changed"] is True
    assert module(host, name, name="OPC ApisHive", state="absent")["msg"] == (
        "Firewall rule(s) 'OPC ApisHive' removed."
    )
    assert module(host, name, name="OPC ApisHive", state="absent")["changed"] is False
    assert module(host, name, **{**RULE, "localport": "99999"})["failed"]
    assert module(host, name)["msg"] == "Either name or group must be specified"


def test_unknown_options_of_legacy_modules_are_violations(host: SimulatedHost) -> None:
    module(host, WIN + "group_membership", name="Users", members=["Administrator"], sate="absent")
    assert "sate" in host.violations[0].message


# -- facts and reboot ----------------------------------------------------------------------------------------------


def test_facts(host: SimulatedHost) -> None:
    facts = module(host, "ansible.windows.setup")["ansible_facts"]
    assert facts["ansible_os_family"] == "Windows"
    assert facts["ansible_distribution_version"] == "10.0.17763.0"


BOOT_TIME = (
    "(Get-CimInstance -ClassName Win32_OperatingSystem -Property LastBootUpTime).LastBootUpTime.ToFileTime(); "
    "If (-not $?) { exit 1 }"
)
SHUTDOWN = r"$stderr = . { C:\Windows\System32\shutdown.exe /r /t 2 /c 'It''s Ansible' | Set-Variable stdout } 2>&1"
TEST = (
    r"Get-Item -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon\AutoLogonChecked' "
    "-ErrorAction Stop; 'success-0a1b2c3d-0000-4000-8000-000000000000'"
)


def test_the_scripts_of_win_reboot(host: SimulatedHost) -> None:
    before = start(host, admin(host), BOOT_TIME).stdout
    assert before.strip().isdigit()
    assert start(host, admin(host), BOOT_TIME).stdout == before
    assert json.loads(start(host, admin(host), SHUTDOWN).stdout) == {"stdout": "", "stderr": "", "rc": 0}
    assert json.loads(start(host, admin(host), SHUTDOWN).stdout)["rc"] == 1190
    host.clock.advance(5)
    assert host.is_up
    assert int(start(host, admin(host), BOOT_TIME).stdout) > int(before)
    assert start(host, admin(host), TEST).stdout == "success-0a1b2c3d-0000-4000-8000-000000000000\r\n"
    assert host.violations == []


def test_old_powershell_has_no_cim_cmdlets() -> None:
    host = SimulatedHost("old", SERVER_2008_R2)
    done = start(host, admin(host), BOOT_TIME)
    assert done.exit_code == 1
    assert "Get-CimInstance" in done.stderr


def test_the_boot_time_stands_still_while_time_passes() -> None:
    host = SimulatedHost("ticking", SERVER_2019, clock=VirtualClock(ticker=time.monotonic))
    assert len({start(host, admin(host), BOOT_TIME).stdout for _unused in range(50)}) == 1


def test_an_unknown_script_is_refused_and_not_repeated_in_the_violation(host: SimulatedHost) -> None:
    done = start(host, admin(host), f"net user opc '{PASSWORD}'")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "unknown script" in done.stderr
    assert len(host.violations) == 1
    assert PASSWORD not in host.violations[0].message
