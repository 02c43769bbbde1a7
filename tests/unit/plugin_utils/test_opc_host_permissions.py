# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Levels, applications and permissions of a host as one transaction: order, parts that see each other, undo, cost."""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost, OptionError, Result, changed_lines
from permission_tasks import ACCESS, APP_IDS, LAUNCH, OPC_ENUM, POLICY, entry, state_of

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import (
    HostStateError,
    LockoutError,
    OpcDcomError,
    ParameterError,
)
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._opc_host import OpcHost
from simulator.faults import Effect, ScriptedFault
from simulator.software import APIS_APP_ID
from simulator.subsystems.registry_value import RegistryValue

CLIENT = r"C:\Program Files\Example\OpcClient.exe"

# What a role asks for: level, applications on the defaults, the group at every door.
HARDENED: dict[str, Any] = {
    "defaults": {"enable_dcom": True, "authentication_level": "packet_integrity", "impersonation_level": "identify"},
    "applications": [
        {
            "service": "OpcEnum",
            "authentication_level": "packet_integrity",
            "use_default_access": True,
            "use_default_launch": True,
        },
        {
            "prog_id": "Prediktor.ApisOPCServer.1",
            "authentication_level": "default",
            "use_default_access": True,
            "use_default_launch": True,
        },
        {"program": CLIENT, "authentication_level": "packet_integrity"},
    ],
    "permissions": [
        {"scope": "machine_limit", "kind": "access", "entries": [entry("OPC Users", ACCESS)]},
        {"scope": "machine_limit", "kind": "launch", "entries": [entry("OPC Users", LAUNCH)]},
        {"scope": "machine_default", "kind": "access", "entries": [entry("OPC Users", ACCESS)]},
        {"scope": "machine_default", "kind": "launch", "entries": [entry("OPC Users", LAUNCH)]},
        {
            "scope": "application",
            "kind": "access",
            "program": CLIENT,
            "entries": [entry("OPC Users", ["remote_access"], "deny")],
        },
    ],
}


@pytest.fixture
def host(opc_server: LiveHost) -> LiveHost:
    return opc_server


def run(host: LiveHost, options: dict[str, Any], *, check_mode: bool = False) -> Result:
    return host.run(OpcHost(), options, check_mode=check_mode)


def test_everything_in_one_run_and_nothing_in_the_second(host: LiveHost) -> None:
    first = run(host, HARDENED)
    assert first["changed"]
    writes = len(host.writes)
    second = run(host, HARDENED)
    assert not second["changed"]
    assert second["before"] == second["after"]
    assert len(host.writes) == writes


def test_levels_are_written_before_lists(host: LiveHost) -> None:
    run(host, HARDENED)
    names = [line.rpartition(" ")[2] for line in host.writes]
    assert names.index("LegacyAuthenticationLevel") < names.index("AuthenticationLevel")
    assert names.index("AuthenticationLevel") < names.index("AccessPermission")
    assert names.index("AccessPermission") < names.index("MachineAccessRestriction")


def test_a_part_sees_what_the_parts_before_it_do(host: LiveHost) -> None:
    """The client is no application yet; its list starts from the default that the same run sets."""
    result = run(host, HARDENED, check_mode=True)
    assert host.writes == []
    assert result["after"]["permissions[4]"]["access_permission"] == [
        "owner  BUILTIN\\Administrators",
        "group  BUILTIN\\Administrators",
        "deny   GW01\\OPC Users  remote_access",
        "allow  NT AUTHORITY\\SELF  local_access, remote_access",
        "allow  NT AUTHORITY\\SYSTEM  local_access",
        "allow  BUILTIN\\Administrators  local_access, remote_access",
        "allow  GW01\\OPC Users  local_access, remote_access",
    ]
    done = run(host, HARDENED)
    assert done["after"] == result["after"]


def test_two_parts_about_one_list_add_up(host: LiveHost) -> None:
    place = {"scope": "machine_limit", "kind": "launch"}
    options = {
        "permissions": [
            {**place, "entries": [entry("OPC Users", ["local_launch"])]},
            {**place, "entries": [entry("OPC Users", ["remote_launch"])]},
        ]
    }
    result = run(host, options)
    assert result["after"]["permissions[1]"]["machine_launch_restriction"][-1] == (
        "allow  GW01\\OPC Users  local_launch, remote_launch"
    )
    assert not run(host, options)["changed"]


PLACE = {"scope": "machine_limit", "kind": "launch"}
OTHER_LEVEL = {"service": "OpcEnum", "authentication_level": "packet_privacy"}
CONTRADICTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "levels": (
        {"applications": [{"service": "OpcEnum", "authentication_level": "packet_integrity"}, OTHER_LEVEL]},
        "applications[0]: contradicts applications[1]: both decide AuthenticationLevel of HKLM\\SOFTWARE\\Classes\\",
    ),
    "sections": (
        {"opc_enum": {"authentication_level": "packet_integrity"}, "applications": [OTHER_LEVEL]},
        "opc_enum: contradicts applications[0]: both decide AuthenticationLevel of HKLM\\SOFTWARE\\Classes\\AppID",
    ),
    "no list of its own": (
        {
            "applications": [{"service": "OpcEnum", "use_default_access": True}],
            "grants": {
                "permissions": [
                    {
                        "scope": "application",
                        "service": "OpcEnum",
                        "kind": "access",
                        "entries": [{"principal": "OPC Users", "rights": ["remote_access"]}],
                    }
                ]
            },
        },
        "applications[0]: contradicts grants: both decide AccessPermission of HKLM\\SOFTWARE\\Classes\\AppID\\",
    ),
    "entries": (
        {
            "permissions": [
                {**PLACE, "entries": [entry("OPC Users", ["remote_launch"])]},
                {**PLACE, "entries": [entry("OPC Users")], "state": "absent"},
            ]
        },
        "permissions[0]: contradicts permissions[1]: both decide MachineLaunchRestriction of HKLM\\SOFTWARE\\",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
@pytest.mark.parametrize("check_mode", [False, True])
def test_parts_that_contradict_each_other_are_named_before_anything_is_written(
    host: LiveHost, name: str, *, check_mode: bool
) -> None:
    options, problem = CONTRADICTIONS[name]
    with pytest.raises(ParameterError) as caught:
        run(host, options, check_mode=check_mode)
    assert str(caught.value).startswith(problem)
    assert host.writes == []


def test_what_another_task_has_set_is_held(host: LiveHost) -> None:
    """Not set here, but taken for there in a preview; what adds to it is fine."""
    held = {"permissions": [{**PLACE, "entries": [entry("OPC Users", ["remote_launch"])]}], "firewall": {"purge": 1}}
    added = {"permissions": [{**PLACE, "entries": [entry("OPC Users", ["local_launch"])]}]}
    preview = run(host, {**added, "holding": held}, check_mode=True)
    assert preview["before"].keys() == {"permissions[0]"}
    assert preview["after"]["permissions[0]"]["machine_launch_restriction"][-1] == (
        "allow  GW01\\OPC Users  local_launch, remote_launch"
    )
    taken = {"permissions": [{**PLACE, "entries": [entry("OPC Users")], "state": "absent"}]}
    with pytest.raises(ParameterError, match=r"^holding\.permissions\[0\]: contradicts permissions\[0\]: both decide"):
        run(host, {**taken, "holding": held})
    with pytest.raises(ParameterError, match=r"^holding: .*permissions"):
        run(host, {**added, "holding": {"permissions": 5}})
    assert host.writes == []


def test_the_list_of_an_application_begins_with_what_the_run_makes_the_default(host: LiveHost) -> None:
    """Also where its item comes first, so that one run is enough."""
    options = {
        "permissions": [
            {
                "scope": "application",
                "kind": "launch",
                "prog_id": "Prediktor.ApisOPCServer.1",
                "state": "absent",
                "entries": [entry("Guests")],
            },
            {"scope": "machine_default", "kind": "launch", "entries": [entry("Guests", ["local_launch"])]},
        ]
    }
    first = run(host, options)
    assert first["after"]["permissions[0]"]["launch_permission"][0].startswith("owner")
    assert not run(host, options)["changed"]


def test_the_diff_reads_as_lines_of_names_and_rights(host: LiveHost) -> None:
    options = {"permissions": HARDENED["permissions"][:2]}
    assert changed_lines(run(host, options, check_mode=True)) == [
        "+ - allow  GW01\\OPC Users  local_access, remote_access",
        "+ - allow  GW01\\OPC Users  local_launch, remote_launch, local_activation, remote_activation",
    ]


def test_one_refused_part_keeps_all_others_from_being_written(host: LiveHost) -> None:
    locking = {"scope": "machine_limit", "kind": "launch", "state": "exact", "entries": [entry("OPC Users", LAUNCH)]}
    with pytest.raises(LockoutError, match="Administrators would be without"):
        run(host, {**HARDENED, "permissions": [*HARDENED["permissions"], locking]})
    assert host.writes == []


def test_policy_that_overrides_one_part_keeps_all_others_from_being_written(host: LiveHost) -> None:
    host.simulated.registry.put(POLICY, "MachineLaunchRestriction", RegistryValue.sz("O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)"))
    host.simulated.journal.records.clear()
    with pytest.raises(HostStateError, match="overridden by Group Policy"):
        run(host, HARDENED)
    assert host.writes == []


@pytest.mark.parametrize("at", [3, 9, 14])
def test_a_failure_in_the_middle_undoes_everything(host: LiveHost, at: int) -> None:
    before = state_of(host)
    host.site.add_fault("host", ScriptedFault(Effect.DROP_AFTER, at=at, operation="StdRegProv.[SCD][er][tel]*"))
    with pytest.raises(OpcDcomError, match="broke"):
        run(host, HARDENED)
    assert host.site["host"].faults.is_exhausted
    assert state_of(host) == before


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"permissions": [{"scope": "machine_limit", "kind": "access"}]}, r"permissions\[0\].entries"),
        ({"applications": [{"app_id": "x"}]}, r"applications\[0\].app_id"),
        (
            {"permissions": [{"scope": "machine_limit", "kind": "access", "entries": [entry("Users", LAUNCH)]}]},
            r"permissions\[0\].entries\[0\].rights",
        ),
    ],
)
def test_a_wrong_option_is_named_with_its_path(host: LiveHost, options: dict[str, Any], path: str) -> None:
    with pytest.raises(ParameterError, match=path):
        run(host, options)


def test_the_rules_between_options_hold_in_sections_too(host: LiveHost) -> None:
    with pytest.raises(OptionError, match="scope is application"):
        run(host, {"permissions": [{"scope": "application", "kind": "access", "state": "default"}]})
    with pytest.raises(OptionError, match="mutually exclusive"):
        run(host, {"applications": [{"app_id": OPC_ENUM, "name": "OpcEnum"}]})


def test_one_bulk_read_serves_all_parts(host: LiveHost) -> None:
    run(host, HARDENED)
    host.simulated.reboot()
    host.simulated.clock.advance(3600)
    run(host, HARDENED)  # clears the markers of the reboot
    assert not run(host, HARDENED)["changed"]
    assert host.messages <= 14


def test_what_is_in_force_afterwards(host: LiveHost) -> None:
    run(host, HARDENED)
    host.simulated.reboot()
    simulated = host.simulated
    assert simulated.in_force().machine.default_authentication_level == 5
    assert simulated.com_process(r"C:\Windows\SysWOW64\OpcEnum.exe").authentication_level == 5
    assert simulated.com_process(CLIENT).authentication_level == 5
    default = simulated.registry.get(r"HKLM\SOFTWARE\Microsoft\Ole", "DefaultAccessPermission")
    assert default is not None
    assert simulated.com_process(r"C:\apis\bin64\apishivex64.exe").access_permission.data == default.data
    assert simulated.registry.get(f"{APP_IDS}\\{APIS_APP_ID}", "AccessPermission") is None


@pytest.mark.parametrize("seconds", [-7200, 90, 7200])
def test_a_clock_that_is_set_does_not_clear_the_mark_of_a_reboot(host: LiveHost, seconds: int) -> None:
    host.simulated.clock.advance(3 * 86_400)
    assert run(host, HARDENED)["reboot_required"]
    host.simulated.clock.jump(seconds)
    assert run(host, HARDENED)["reboot_required"]
    host.simulated.reboot()
    host.simulated.clock.advance(600)
    assert not run(host, HARDENED)["reboot_required"]
