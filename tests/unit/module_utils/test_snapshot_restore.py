# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore plans. Whole hosts are restored in tests/unit/plugin_utils/test_snapshots_host.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from ansible_collections.otsec.opc_dcom.plugins.module_utils._effects import reboot_reasons, restart_services
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import HostStateError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_adoption import HostFacts
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_operations import (
    FirewallAdd,
    FirewallDelete,
    FirewallSet,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import Direction, FirewallRule, format_rule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import FirewallState, read_rules
from ansible_collections.otsec.opc_dcom.plugins.module_utils._plan import CreateKey, DeleteKey, Plan, SetValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryKey, RegistryValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._service_operations import (
    RegisterServer,
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    UnregisterServer,
    in_service_order,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._snapshot import (
    ACCOUNT,
    RUNNING,
    START_MODE,
    AbsentRule,
    HostIdentity,
    Item,
    Kind,
    SavedKey,
    SavedRegistration,
    SavedRule,
    SavedService,
    SavedValue,
    Snapshot,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._snapshot_restore import (
    CurrentService,
    CurrentState,
    check_belongs,
    held_by_key,
    plan_restore,
)

OLE = RegistryKey("SOFTWARE\\Microsoft\\Ole")
APP = RegistryKey("SOFTWARE\\Classes\\AppID\\{1}")
HOST = HostIdentity("guid", "GW01", "10.0.17763")
FACTS = HostFacts({"SystemRoot": "C:\\Windows"})
RULE = FirewallRule("OPC it (in)", Direction.IN, protocol=6, program="C:\\opc\\it.exe")
OTHER = replace(RULE, program="C:\\opc\\other.exe")
REGISTRATION = RegisterServer("OpcEnum", "C:\\OpcEnum.exe", APP, (), ())


def snapshot(*items: Item) -> Snapshot:
    return Snapshot("s", datetime(2026, 11, 22, tzinfo=timezone.utc), HOST, Kind.RUN, "", items)


def plan(now: CurrentState, *items: Item) -> Plan:
    return plan_restore(snapshot(*items), now, FACTS)


def stored(**rules: FirewallRule) -> CurrentState:
    entries = ((f"{{{name}}}", format_rule(rule)) for name, rule in rules.items())
    return CurrentState(firewall=FirewallState(read_rules(entries)))


def kinds(found: Plan) -> list[type]:
    return [type(item) for item in found.operations]


# -- values and keys


def test_values_go_back_in_reverse_and_only_where_they_differ() -> None:
    one, two = RegistryValue.dword(1), RegistryValue.dword(2)
    items = (SavedValue(OLE, "a", one), SavedValue(OLE, "b", None), SavedValue(OLE, "c", one))
    now = CurrentState({items[0].identity: two, items[1].identity: two, items[2].identity: one})
    assert plan(now, *items).operations == (SetValue(OLE, "b", two, None), SetValue(OLE, "a", two, one))


def test_a_key_that_was_not_there_goes_when_nothing_else_is_in_it() -> None:
    child = OLE.child("AppCompat")
    items = (
        SavedKey(OLE, was_there=False),
        SavedKey(child, was_there=False),
        SavedValue(child, "a", None),
    )
    values = {items[2].identity: RegistryValue.dword(1)}
    now = CurrentState(values, {OLE.folded: held_by_key((), ["AppCompat"]), child.folded: held_by_key(["A"], ())})
    assert plan(now, *items).operations[1:] == (DeleteKey(child), DeleteKey(OLE))

    crowded = replace(now, keys={**now.keys, child.folded: held_by_key(["A", "somebody's"], ())})
    found = plan(crowded, *items)
    assert DeleteKey(child) not in found.operations
    assert "holds something else" in found.warnings[0]


def test_a_key_that_was_there_is_made_again_first() -> None:
    items = (SavedValue(APP, "a", RegistryValue.dword(1)), SavedKey(APP, was_there=True))
    assert kinds(plan(CurrentState(), *items)) == [CreateKey, SetValue]


# -- services


RUNS_AUTO = CurrentService("Auto", "LocalSystem", is_running=True)


def test_a_service_goes_back_aspect_by_aspect() -> None:
    items = (SavedService("X", START_MODE, "Manual"), SavedService("X", RUNNING, False))
    now = CurrentState(services={"x": RUNS_AUTO})
    assert plan(now, *items).operations == (
        SetRunning("X", before=True, after=False),
        SetStartMode("X", "Auto", "Manual"),
    )


def test_a_disabled_service_is_enabled_before_it_is_started() -> None:
    items = (SavedService("X", START_MODE, "Manual"), SavedService("X", RUNNING, True))
    now = CurrentState(services={"x": CurrentService("Disabled", "LocalSystem", is_running=False)})
    assert plan(now, *items).operations == plan(now, *reversed(items)).operations
    assert plan(now, *items).operations == (
        SetStartMode("X", "Disabled", "Manual"),
        SetRunning("X", before=False, after=True),
    )


def test_only_operations_of_one_service_change_places() -> None:
    start, stop = SetRunning("X", before=False, after=True), SetRunning("Y", before=True, after=False)
    mode, other = SetStartMode("x", "Disabled", "Manual"), SetStartMode("Y", "Auto", "Disabled")
    assert in_service_order(["a", start, other, "b", mode, stop]) == ["a", mode, stop, "b", start, other]


def test_an_account_with_a_password_is_told_not_set() -> None:
    found = plan(CurrentState(services={"x": RUNS_AUTO}), SavedService("X", ACCOUNT, ".\\opc"))
    assert found.is_empty
    assert "password" in found.warnings[0]
    free = plan(CurrentState(services={"x": RUNS_AUTO}), SavedService("X", ACCOUNT, "NT AUTHORITY\\LocalService"))
    assert free.operations == (SetServiceAccount("X", "LocalSystem", "NT AUTHORITY\\LocalService"),)


def test_a_service_that_is_gone_is_left_alone() -> None:
    assert plan(CurrentState(services={"x": None}), SavedService("X", RUNNING, True)).is_empty


def test_a_registration_is_taken_back_or_made_again_before_the_service_is_started() -> None:
    now = CurrentState(services={"opcenum": RUNS_AUTO})
    absent = SavedRegistration(REGISTRATION, was_registered=False)
    assert plan(now, absent).operations == (UnregisterServer(REGISTRATION),)
    present = SavedRegistration(REGISTRATION, was_registered=True)
    items = (SavedService("OpcEnum", RUNNING, True), present)
    made = plan(CurrentState(services={"opcenum": None}, to_register=frozenset({"opcenum"})), *items)
    assert made.operations == (REGISTRATION, SetRunning("OpcEnum", before=False, after=True))


# -- firewall rules


def test_a_changed_rule_is_changed_back_and_an_added_one_deleted() -> None:
    now = stored(A=replace(RULE, enabled=False), B=OTHER)
    found = plan(now, SavedRule("{A}", format_rule(RULE)), AbsentRule(format_rule(OTHER)))
    assert kinds(found) == [FirewallSet, FirewallDelete]


def test_a_deleted_rule_is_made_again_once() -> None:
    item = SavedRule("{A}", format_rule(RULE))
    assert kinds(plan(stored(), item)) == [FirewallAdd]
    assert plan(stored(Z=RULE), item).is_empty


def test_a_rule_that_a_later_run_changed_and_an_earlier_one_added_goes() -> None:
    """The earlier snapshot says that it was not there; the later one, what the earlier run had made of it."""
    changed = replace(RULE, enabled=False)
    found = plan(stored(A=changed), AbsentRule(format_rule(RULE)), SavedRule("{A}", format_rule(RULE)))
    assert kinds(found) == [FirewallDelete]


def test_a_rule_that_an_earlier_run_deleted_and_a_later_one_added_stays() -> None:
    found = plan(stored(Z=RULE), SavedRule("{A}", format_rule(RULE)), AbsentRule(format_rule(RULE)))
    assert found.is_empty


def test_rules_of_others_are_left_alone() -> None:
    now = stored(A=RULE, B=OTHER)
    assert plan(now, AbsentRule(format_rule(RULE))).operations[0].describe().count("OPC it") == 1
    assert len(plan(now, AbsentRule(format_rule(RULE))).operations) == 1


# -- where it belongs, and what it asks for


@pytest.mark.parametrize(
    ("host", "accepts", "said"),
    [
        (HOST, False, None),
        (replace(HOST, computer_name="RENAMED"), False, None),
        (replace(HOST, machine_guid="GUID"), False, None),
        (replace(HOST, machine_guid="other"), True, "not on this host"),
        (replace(HOST, windows="10.0.20348"), False, "accept_other_windows"),
        (replace(HOST, windows="10.0.20348"), True, None),
    ],
)
def test_a_snapshot_belongs_to_one_installation_of_windows(host: HostIdentity, accepts: bool, said: str | None) -> None:
    if said is None:
        check_belongs(snapshot(), host, accept_other_windows=accepts)
        return
    with pytest.raises(HostStateError, match=said):
        check_belongs(snapshot(), host, accept_other_windows=accepts)


@pytest.mark.parametrize(
    ("key", "name", "reasons"),
    [
        (OLE, "legacyauthenticationlevel", ("authentication_level",)),
        (OLE, "MachineLaunchRestriction", ("machine_launch_restriction",)),
        (OLE, "DefaultAccessPermission", ("default_access_permission",)),
        (OLE, "DefaultLaunchPermission", ()),
        (OLE, "CallFailureLoggingLevel", ()),
        (RegistryKey("SOFTWARE\\Microsoft\\Rpc\\Internet"), "Ports", ("dcom_ports",)),
        (RegistryKey("SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System"), "EnableLUA", ("uac",)),
        (APP, "AuthenticationLevel", ()),
    ],
)
def test_what_counts_only_after_a_reboot(key: RegistryKey, name: str, reasons: tuple[str, ...]) -> None:
    assert reboot_reasons([SetValue(key, name, None, RegistryValue.dword(1))]) == reasons


@pytest.mark.parametrize(
    ("name", "services"), [("AuthenticationLevel", ("X",)), ("accesspermission", ("X",)), ("LaunchPermission", ())]
)
def test_what_a_running_service_has_read(name: str, services: tuple[str, ...]) -> None:
    operation = SetValue(APP, name, None, RegistryValue.dword(1))
    assert restart_services([operation], {APP.folded: "X"}) == services
