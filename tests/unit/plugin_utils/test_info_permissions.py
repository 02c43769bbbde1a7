# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dcom_info shows of permissions and applications, and what it calls weak."""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost, LiveHostFactory
from permission_tasks import APP_IDS, OPC_ENUM, PLACES, POLICY, preset, preset_value

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import ParameterError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._info import parse_info, read_machine
from simulator.faults import Effect, ScriptedFault
from simulator.subsystems.registry_value import RegistryValue


def read(host: LiveHost, *applications: dict[str, str]) -> dict[str, Any]:
    selectors = parse_info({"applications": applications})
    facts: dict[str, Any] = host.ask(lambda connected: read_machine(connected, selectors))
    assert host.writes == []
    return facts


def codes(facts: dict[str, Any], subject: str = "") -> list[str]:
    return [item["code"] for item in facts["findings"] if subject in item["subject"]]


@pytest.fixture
def plain(live: LiveHostFactory) -> LiveHost:
    return live("gw01")


def test_a_fresh_windows_has_no_finding_about_permissions(plain: LiveHost) -> None:
    facts = read(plain)
    assert codes(facts) == ["low_default_authentication_level"]
    assert facts["applications"] == []
    assert facts["applications_missing"] == []


def test_limits_and_defaults_with_names_and_rights(plain: LiveHost) -> None:
    permissions = read(plain)["permissions"]
    assert permissions["machine_default"]["launch"]["entries"][0] == {
        "principal": "BUILTIN\\Administrators",
        "sid": "S-1-5-32-544",
        "type": "allow",
        "rights": ["local_launch", "remote_launch", "local_activation", "remote_activation"],
    }
    assert permissions["machine_default"]["launch"]["sddl"] == (
        "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCDCLCSWRP;;;IU)(A;;CCDCLCSWRP;;;SY)"
    )
    assert permissions["machine_default"]["access"]["is_present"] is False
    assert permissions["group_policy"]["launch"]["text"] == ["absent: not set"]


def test_opc_enum_as_it_registers_itself_is_weak(opc_server: LiveHost) -> None:
    facts = read(opc_server)
    (opc_enum,) = facts["applications"]
    assert (opc_enum["app_id"], opc_enum["name"], opc_enum["service"]) == (OPC_ENUM, "OpcEnum", "OpcEnum")
    assert opc_enum["authentication_level"] == {"setting": "none", "text": "none (1)"}
    assert codes(facts, "OpcEnum") == ["authentication_level_none", "everyone_remote", "everyone_remote"]


def test_applications_that_were_asked_for(opc_server: LiveHost) -> None:
    facts = read(opc_server, {"prog_id": "Prediktor.ApisOPCServer.1"}, {"service": "OpcEnum"}, {"name": "missing"})
    assert [item["name"] for item in facts["applications"]] == ["Prediktor ApisOPCServer", "OpcEnum"]
    assert facts["applications_missing"] == [
        {"selector": "name missing", "reason": "no application of this host is called missing"}
    ]


def test_a_selector_that_cannot_be_is_named_with_its_path() -> None:
    with pytest.raises(ParameterError, match=r"applications\[1\].app_id"):
        parse_info({"applications": [{"name": "OpcEnum"}, {"app_id": "x"}]})


@pytest.mark.parametrize(
    ("place", "sddl", "expected"),
    [
        (("machine_default", "access"), "O:BAG:BAD:NO_ACCESS_CONTROL", ["null_dacl"]),
        (("machine_default", "access"), "O:BAG:BA", ["absent_dacl"]),
        (("machine_default", "access"), "O:BAG:BAD:", ["empty_dacl"]),
        (("machine_default", "access"), "O:BAG:BAD:(A;;CCDCLC;;;AN)", ["anonymous_remote"]),
        (("machine_default", "launch"), "O:BAG:BAD:(A;;CCDCLC;;;WD)", ["everyone_remote"]),
        (("machine_default", "launch"), "O:BAG:BAD:(A;;CC;;;SY)(A;;CCDC;;;BA)", ["mixed_formats", "old_format"]),
        (("machine_default", "launch"), "O:BAG:BAD:(A;;CC;;;SY)", ["old_format"]),
        (("machine_default", "launch"), "O:BAG:BAD:(A;;DC;;;SY)", ["execute_missing"]),
        (("machine_default", "launch"), "D:(A;;CCDC;;;SY)", ["owner_missing", "group_missing"]),
        (("machine_default", "launch"), "O:BAG:BAD:(A;;CCDC;;;SY)(D;;CCDC;;;BU)", ["non_canonical_order"]),
        (("machine_limit", "access"), "O:BAG:BAD:(A;;CCDCLC;;;WD)", []),
        (("machine_limit", "access"), "O:BAG:BAD:(A;;CCDCLC;;;WD)(A;;CCDCLC;;;AN)", ["anonymous_remote"]),
        (("machine_limit", "launch"), "O:BAG:BAD:(A;;CCDCLCSWRP;;;WD)", ["everyone_remote"]),
    ],
)
def test_weak_states_are_found(plain: LiveHost, place: tuple[str, str], sddl: str, expected: list[str]) -> None:
    preset(plain, *place, sddl)
    assert codes(read(plain), PLACES[place][1]) == expected


@pytest.mark.parametrize("value", [RegistryValue.sz("S:(ML;;NW;;;ME)"), RegistryValue.dword(1)], ids=["text", "number"])
def test_a_value_of_the_wrong_type_is_found(plain: LiveHost, value: RegistryValue) -> None:
    preset_value(plain, "machine_limit", "launch", value)
    facts = read(plain)
    assert codes(facts, "MachineLaunchRestriction") == ["invalid_permission"]
    launch = facts["permissions"]["machine_limit"]["launch"]
    assert launch["trouble"].endswith("where REG_BINARY belongs")
    assert launch["is_present"] is True


def test_a_policy_that_overrides_is_found_and_judged_instead_of_the_dead_value(plain: LiveHost) -> None:
    preset(plain, "machine_limit", "launch", "O:BAG:BAD:NO_ACCESS_CONTROL")
    plain.simulated.registry.put(POLICY, "MachineLaunchRestriction", RegistryValue.sz("O:BAG:BAD:(A;;CCDCLC;;;AN)"))
    plain.simulated.journal.records.clear()
    facts = read(plain)
    assert codes(facts, "MachineLaunchRestriction") == ["policy_override", "anonymous_remote"]
    assert facts["permissions"]["machine_limit"]["launch"]["in_force"] is False
    assert facts["permissions"]["machine_limit"]["access"]["in_force"] is True


def test_an_invalid_policy_is_found(plain: LiveHost) -> None:
    plain.simulated.registry.put(POLICY, "MachineAccessRestriction", RegistryValue.sz("not sddl"))
    plain.simulated.journal.records.clear()
    assert codes(read(plain), "MachineAccessRestriction") == ["policy_override", "invalid_permission"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (RegistryValue.dword(1), ["authentication_level_none"]),
        (RegistryValue.dword(2), ["low_authentication_level"]),
        (RegistryValue.dword(5), []),
        (RegistryValue.dword(7), ["invalid_value"]),
        (RegistryValue.sz("5"), ["invalid_value"]),
    ],
)
def test_levels_of_applications_are_judged(opc_server: LiveHost, value: RegistryValue, expected: list[str]) -> None:
    opc_server.simulated.registry.put(f"{APP_IDS}\\{OPC_ENUM}", "AuthenticationLevel", value)
    opc_server.simulated.journal.records.clear()
    assert codes(read(opc_server), "AuthenticationLevel of OpcEnum") == expected


def test_a_german_host_is_shown_in_english(live: LiveHostFactory) -> None:
    german = live("gw01", ui_language="de-DE")
    launch = read(german)["permissions"]["machine_limit"]["launch"]["entries"]
    assert [item["principal"] for item in launch][:2] == ["BUILTIN\\Administrators", "Everyone"]


def test_without_a_cmd_shell_the_same_is_read(opc_server: LiveHost) -> None:
    expected = read(opc_server)
    opc_server.site.add_fault("host", ScriptedFault(Effect.FAULT, operation="shell.*", code=2150859180, times=99))
    found = read(opc_server)
    assert found["system"].pop("notes")
    expected["system"].pop("notes")
    assert found == expected
