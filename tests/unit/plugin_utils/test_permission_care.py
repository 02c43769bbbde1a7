# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dcom_permission keeps, refuses and tells: mistakes of other tools, absent values, lock-outs, foreign entries."""

from __future__ import annotations

from typing import Any

import pytest
from live_host import LiveHost, changed_lines
from permission_tasks import (
    ACCESS,
    LAUNCH,
    PLACES,
    POLICY,
    RIGHTS,
    WMI,
    assert_meaning,
    assert_settled,
    entry,
    preset,
    preset_value,
    run,
    stored,
)

from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import (
    HostStateError,
    LockoutError,
    ParameterError,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import to_sddl
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._host._accounts import UnknownAccountError
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._resources._settings import DcomDefaults
from simulator.subsystems.registry_value import RegistryValue


@pytest.fixture
def host(opc_server: LiveHost) -> LiveHost:
    return opc_server


# -- mistakes of other tools, each as a test


def test_deny_is_written_as_deny(host: LiveHost) -> None:
    run(host, "machine_limit", "access", entries=[entry("Guests", ["remote_access"], "deny")])
    found = stored(host, "machine_limit", "access")
    assert found is not None
    assert "(D;;CCLC;;;BG)" in to_sddl(found)


def test_granting_keeps_a_deny_entry_of_the_same_principal_and_says_so(host: LiveHost) -> None:
    preset(host, "application", "access", "O:BAG:BAD:(D;;CCLC;;;BU)(A;;CCDC;;;SY)(A;;CCDCLC;;;BA)")
    result = run(host, "application", "access", entries=[entry("Users", ACCESS)])
    assert_meaning(
        host, "application", "access", "O:BAG:BAD:(D;;CCLC;;;BU)(A;;CCDC;;;SY)(A;;CCDCLC;;;BA)(A;;CCDCLC;;;BU)"
    )
    assert any("stays without remote_access, because a deny entry" in text for text in result["warnings"])


def test_granting_adds_to_the_rights_a_principal_has(host: LiveHost) -> None:
    preset(host, "application", "launch", "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCDC;;;BU)(A;;CCDCLCSWRP;;;SY)")
    run(host, "application", "launch", entries=[entry("Users", ["remote_activation"])])
    assert_meaning(host, "application", "launch", "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCDCRP;;;BU)(A;;CCDCLCSWRP;;;SY)")


def test_allow_is_never_placed_before_deny(host: LiveHost) -> None:
    preset(host, "application", "access", "O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)(D;;CCLC;;;BG)")
    run(host, "application", "access", entries=[entry("Users", ACCESS)])
    found = stored(host, "application", "access")
    assert found is not None
    assert to_sddl(found) == "O:BAG:BAD:(D;;CCLC;;;BG)(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)(A;;CCDCLC;;;BU)"


def test_flags_of_the_list_do_not_break_anything(host: LiveHost) -> None:
    preset(host, "application", "access", "O:BAG:BAD:PAI(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)")
    result = run(host, "application", "access", entries=[entry("Users", ACCESS)])
    assert_meaning(host, "application", "access", "O:BAG:BAD:PAI(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)(A;;CCDCLC;;;BU)")
    assert changed_lines(result) == ["+ - allow  BUILTIN\\Users  local_access, remote_access"]


def test_rights_of_the_other_kind_are_refused_by_name(host: LiveHost) -> None:
    with pytest.raises(ParameterError, match=r"entries\[0\].rights: remote_launch: not among the access rights"):
        run(host, "machine_limit", "access", entries=[entry("Users", ["remote_launch"])])


def test_an_entry_never_lands_in_the_sacl_and_the_label_stays(host: LiveHost) -> None:
    preset(host, "application", "launch", "O:BAG:BAD:(A;;CCDCLCSWRP;;;BA)(A;;CCDCLCSWRP;;;SY)S:(ML;;NX;;;LW)")
    for options in (
        {"entries": [entry("Users", LAUNCH)]},
        {"state": "exact", "entries": [entry("SYSTEM", LAUNCH), entry("Administrators", LAUNCH)]},
        {"state": "exact", "sddl": "D:(A;;CCDCLCSWRP;;;BA)"},
    ):
        run(host, "application", "launch", **options)
        found = stored(host, "application", "launch")
        assert found is not None
        assert to_sddl(found).endswith("S:(ML;;NX;;;LW)")


def test_a_failed_write_is_never_a_success(host: LiveHost) -> None:
    with pytest.raises(HostStateError, match="TrustedInstaller"):
        run(host, "application", "launch", app_id=WMI, entries=[entry("Users", LAUNCH)])
    with pytest.raises(HostStateError, match="TrustedInstaller"):
        run(host, "application", "launch", app_id=WMI, entries=[entry("Users", LAUNCH)], check_mode=True)
    assert host.writes == []


def test_bytes_are_written_where_bytes_belong(host: LiveHost) -> None:
    preset_value(host, "machine_limit", "launch", RegistryValue.sz("S:(ML;;NW;;;ME)"))
    with pytest.raises(HostStateError, match=r"REG_SZ where REG_BINARY belongs.*exact or default.*repair"):
        run(host, "machine_limit", "launch", entries=[entry("Users", LAUNCH)])
    assert host.writes == []
    result = run(host, "machine_limit", "launch", entries=[entry("Users", LAUNCH)], repair=True)
    assert changed_lines(result)[0] == "- - invalid: REG_SZ where REG_BINARY belongs"
    found = stored(host, "machine_limit", "launch")
    assert found is not None
    assert "(A;;CCDCLCSWRP;;;BU)" in to_sddl(found)
    assert_settled(host, "machine_limit", "launch", entries=[entry("Users", LAUNCH)], repair=True)


@pytest.mark.parametrize(
    "value", [RegistryValue.dword(1), RegistryValue.binary(b"\x01\x00\x04\x80")], ids=["dword", "cut"]
)
@pytest.mark.parametrize("state", ["exact", "default"])
def test_exact_and_default_replace_what_is_no_descriptor(host: LiveHost, value: RegistryValue, state: str) -> None:
    preset_value(host, "machine_limit", "launch", value)
    entries = {"entries": [entry("Administrators", LAUNCH), entry("SYSTEM", LAUNCH)]} if state == "exact" else {}
    result = run(host, "machine_limit", "launch", state=state, **entries)
    assert changed_lines(result)[0].startswith("- - invalid: ")
    assert stored(host, "machine_limit", "launch") is not None


def test_an_absent_value_is_not_judged_insecure(host: LiveHost) -> None:
    result = run(host, "machine_default", "access", entries=[entry("Administrators", ACCESS)])
    assert not result["changed"]
    assert result["before"]["default_access_permission"][:2] == [
        "absent: what Windows has built in counts",
        "owner  BUILTIN\\Administrators",
    ]


def test_the_level_is_written_where_windows_reads_it(host: LiveHost) -> None:
    """DefaultAuthenticationLevel, which other tools write, is no value of Windows."""
    host.run(DcomDefaults(), {"authentication_level": "packet_integrity"})
    names = [line.rpartition(" ")[2] for line in host.writes]
    assert "LegacyAuthenticationLevel" in names
    assert "DefaultAuthenticationLevel" not in names
    assert host.simulated.com_process(r"C:\any.exe").authentication_level == 5


def test_a_weak_default_that_was_asked_for_is_an_exception_in_every_run(host: LiveHost) -> None:
    options = {"authentication_level": "none", "allow_weak": True}
    for is_changed in (True, False):
        result = host.run(DcomDefaults(), options)
        assert result["changed"] is is_changed
        assert len(result["exceptions"]) == 1


# -- what stands in for an absent value


def test_an_application_on_an_invalid_default_cannot_be_edited(host: LiveHost) -> None:
    preset_value(host, "machine_default", "access", RegistryValue.sz("O:BAG:BAD:"))
    wanted = {"service": "ApisHive", "entries": [entry("Users", ["remote_access"])]}
    with pytest.raises(HostStateError, match=r"the machine default that counts instead is REG_SZ.*assume_shipped"):
        run(host, "application", "access", **wanted)
    assert host.writes == []


def test_a_policy_of_the_wrong_type_overrides_as_well(host: LiveHost) -> None:
    host.simulated.registry.put(POLICY, "MachineAccessRestriction", RegistryValue.dword(1))
    with pytest.raises(HostStateError, match="overridden by Group Policy"):
        run(host, "machine_limit", "access", entries=[entry("Users", ACCESS)])


def test_a_new_default_access_permission_starts_from_what_windows_has_built_in(host: LiveHost) -> None:
    run(host, "machine_default", "access", entries=[entry("Users", ["remote_access"])])
    assert_meaning(
        host, "machine_default", "access", "O:BAG:BAD:(A;;CCDCLC;;;PS)(A;;CCDC;;;SY)(A;;CCDCLC;;;BA)(A;;CCLC;;;BU)"
    )


def test_an_application_on_default_starts_from_the_machine_default(host: LiveHost) -> None:
    preset(host, "machine_default", "access", "O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)")
    wanted = {"service": "ApisHive", "entries": [entry("Users", ["remote_access"])]}
    result = run(host, "application", "access", **wanted)
    assert changed_lines(result) == [
        "- - absent: the machine default counts",
        "+ - allow  BUILTIN\\Users  remote_access",
    ]
    assert_settled(host, "application", "access", **wanted)


def test_an_entry_the_machine_default_gives_needs_no_list_of_its_own(host: LiveHost) -> None:
    preset(host, "machine_default", "access", "O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)(A;;CCDCLC;;;BU)")
    assert not run(host, "application", "access", service="ApisHive", entries=[entry("Users", ACCESS)])["changed"]


def test_taking_away_what_the_machine_default_gives_makes_a_list_without_it(host: LiveHost) -> None:
    preset(host, "machine_default", "access", "O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)(A;;CCDCLC;;;BU)")
    wanted = {"service": "ApisHive", "state": "absent", "entries": [entry("Users")]}
    assert "- - allow  BUILTIN\\Users  local_access, remote_access" in changed_lines(
        run(host, "application", "access", **wanted)
    )
    assert_settled(host, "application", "access", **wanted)


@pytest.mark.parametrize(
    ("scope", "kind"), [("machine_limit", "access"), ("machine_limit", "launch"), ("machine_default", "launch")]
)
def test_an_absent_value_of_unknown_meaning_is_refused_unless_told(host: LiveHost, scope: str, kind: str) -> None:
    key, name = PLACES[scope, kind]
    host.simulated.registry.delete_value(None, key, name)
    host.simulated.journal.records.clear()
    wanted = {"entries": [entry("OPC Users", RIGHTS[kind])]}
    with pytest.raises(HostStateError, match=r"Microsoft does not document.*assume_shipped"):
        run(host, scope, kind, **wanted)
    assert host.writes == []
    assert run(host, scope, kind, assume_shipped=True, **wanted)["changed"]
    assert_settled(host, scope, kind, **wanted)


# -- guards


@pytest.mark.parametrize(
    ("scope", "kind", "entries", "reason"),
    [
        ("machine_limit", "launch", [entry("Users", LAUNCH)], "Administrators would be without"),
        ("machine_limit", "launch", [entry("Administrators", ["local_launch", "local_activation"])], "remote_launch"),
        ("machine_limit", "access", [entry("Users", ACCESS)], "SYSTEM would be without local_access"),
        (
            "machine_default",
            "launch",
            [entry("Administrators", LAUNCH), entry("SYSTEM", LAUNCH, "deny")],
            "SYSTEM would",
        ),
        ("machine_default", "access", [entry("Administrators", ["remote_access"])], "without local_access"),
        ("application", "launch", [entry("Users", LAUNCH)], "SYSTEM would be without"),
        ("application", "access", [entry("Users", ACCESS)], "SYSTEM would be without local_access"),
        ("machine_limit", "launch", [], "Administrators would be without"),
    ],
)
def test_locking_out_is_refused_unless_told(
    host: LiveHost, scope: str, kind: str, entries: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(LockoutError, match=f"{reason}.*allow_lockout: true"):
        run(host, scope, kind, state="exact", entries=entries)
    assert host.writes == []
    told = run(host, scope, kind, state="exact", entries=entries, allow_lockout=True)
    assert told["exceptions"]
    assert all(text.startswith("allow_lockout: ") for text in told["exceptions"])
    again = run(host, scope, kind, state="exact", entries=entries, allow_lockout=True)
    assert not again["changed"]
    assert again["exceptions"] == told["exceptions"]


def test_taking_administrators_out_of_the_launch_limit_is_refused(host: LiveHost) -> None:
    with pytest.raises(LockoutError, match="Administrators would be without remote_launch, remote_activation"):
        run(host, "machine_limit", "launch", state="absent", entries=[entry("Administrators")])


def test_denying_everyone_is_seen_as_the_lockout_it_is(host: LiveHost) -> None:
    with pytest.raises(LockoutError, match="SYSTEM would be without local_launch"):
        run(host, "machine_limit", "launch", entries=[entry("Everyone", ["local_launch"], "deny")])


@pytest.mark.parametrize("sddl", ["O:BAG:BAD:NO_ACCESS_CONTROL", "O:BAG:BA"])
def test_a_null_dacl_is_refused_unless_told(host: LiveHost, sddl: str) -> None:
    with pytest.raises(LockoutError, match="allow_null_dacl: true"):
        run(host, "application", "access", state="exact", sddl=sddl)
    assert host.writes == []
    told = run(host, "application", "access", state="exact", sddl=sddl, allow_null_dacl=True)
    assert told["changed"]
    assert len(told["exceptions"]) == 1
    assert_settled(host, "application", "access", state="exact", sddl=sddl, allow_null_dacl=True)


def test_masks_of_0x1_alone_are_refused_unless_told(host: LiveHost) -> None:
    sddl = "D:(A;;CC;;;SY)(A;;CC;;;BA)"
    with pytest.raises(LockoutError, match="allow_old_format: true"):
        run(host, "application", "access", state="exact", sddl=sddl)
    assert run(host, "application", "access", state="exact", sddl=sddl, allow_old_format=True)["exceptions"]
    assert_settled(host, "application", "access", state="exact", sddl=sddl, allow_old_format=True)


@pytest.mark.parametrize(
    ("sddl", "reason"),
    [
        ("D:(A;;DCLC;;;SY)", "without 0x1"),
        ("D:(A;;CC;;;SY)(A;;CCDC;;;BA)", "old format"),
        ("D:(A;;GA;;;SY)", "0x1"),
        ("D:(A;;0x1f;;;SY)", "no access rights"),
        ("D:(A;OICI;CCDCLC;;;SY)", "flags"),
        ("D:(A;;CCDCLC;;;XX)", "at character"),
    ],
)
def test_sddl_that_com_would_not_take_is_refused(host: LiveHost, sddl: str, reason: str) -> None:
    with pytest.raises(ParameterError, match=f"sddl: .*{reason}"):
        run(host, "application", "access", state="exact", sddl=sddl, allow_old_format=True)
    assert host.writes == []


@pytest.mark.parametrize(
    ("principal", "option"), [("ANONYMOUS LOGON", "allow_anonymous"), ("Everyone", "allow_everyone")]
)
@pytest.mark.parametrize(("scope", "kind"), [("machine_limit", "launch"), ("machine_default", "access")])
def test_anonymous_and_everyone_get_remote_rights_only_when_told(
    host: LiveHost, scope: str, kind: str, principal: str, option: str
) -> None:
    wanted = {"entries": [entry(principal, RIGHTS[kind])]}
    with pytest.raises(LockoutError, match=f"{option}: true"):
        run(host, scope, kind, **wanted)
    assert host.writes == []
    told = run(host, scope, kind, **{option: True}, **wanted)
    assert [text.partition(":")[0] for text in told["exceptions"]] == [option]
    assert_settled(host, scope, kind, **{option: True}, **wanted)


def test_everyone_in_the_access_limit_is_as_windows_ships_it(host: LiveHost) -> None:
    sddl = "D:(A;;CCDCLC;;;WD)"
    assert run(host, "machine_limit", "access", state="exact", sddl=sddl)["exceptions"] == []


def test_a_weakness_that_was_there_before_does_not_stop_another_change(host: LiveHost) -> None:
    """OpcEnum registers itself with Everyone everywhere."""
    assert run(host, "application", "launch", entries=[entry("OPC Users", LAUNCH)])["changed"]


def test_local_rights_of_everyone_and_anonymous_are_no_exception(host: LiveHost) -> None:
    entries = [entry("Everyone", ["local_access"]), entry("ANONYMOUS LOGON", ["local_access"])]
    assert run(host, "machine_default", "access", entries=entries)["exceptions"] == []


def test_an_unknown_principal_is_an_error_before_anything_is_written(host: LiveHost) -> None:
    entries = [entry("OPC Users", ACCESS), entry("nobody-knows-me", ACCESS)]
    with pytest.raises(UnknownAccountError, match="nobody-knows-me"):
        run(host, "machine_limit", "access", entries=entries)
    assert host.writes == []


def test_an_orphaned_sid_is_shown_and_kept(host: LiveHost) -> None:
    orphan = "S-1-5-21-1-2-3-1001"
    preset(host, "application", "access", f"O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)(A;;CCDCLC;;;{orphan})")
    result = run(host, "application", "access", entries=[entry("Users", ACCESS)])
    assert f"allow  {orphan} (unknown account)  local_access, remote_access" in result["after"]["access_permission"]
    assert_meaning(
        host,
        "application",
        "access",
        f"O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)(A;;CCDCLC;;;{orphan})(A;;CCDCLC;;;BU)",
    )


def test_an_orphaned_sid_is_taken_away_by_its_sid(host: LiveHost) -> None:
    orphan = "S-1-5-21-1-2-3-1001"
    preset(host, "application", "access", f"O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)(A;;CCDCLC;;;{orphan})")
    run(host, "application", "access", state="absent", entries=[entry(orphan)])
    assert_meaning(host, "application", "access", "O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)")


def test_revoking_some_rights_leaves_the_others(host: LiveHost) -> None:
    run(
        host,
        "application",
        "launch",
        state="absent",
        entries=[entry("Everyone", ["remote_launch", "remote_activation"])],
    )
    found = stored(host, "application", "launch")
    assert found is not None
    assert "(A;;CCDCSW;;;WD)" in to_sddl(found)


def test_a_deny_entry_is_taken_away_by_its_type(host: LiveHost) -> None:
    preset(host, "application", "access", "O:BAG:BAD:(D;;CCLC;;;BU)(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BU)")
    run(host, "application", "access", state="absent", entries=[entry("Users", type_="deny")])
    assert_meaning(host, "application", "access", "O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BU)")


@pytest.mark.parametrize(
    "sddl",
    [
        "D:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)",
        "O:BAG:BAD:(A;;CC;;;SY)(A;;CCDCLC;;;BA)",
        "O:BAG:BAD:(A;;DCLC;;;BU)(A;;CCDC;;;SY)",
    ],
    ids=["no owner", "mixed", "no 0x1"],
)
def test_a_descriptor_com_rejects_is_edited_only_with_repair(host: LiveHost, sddl: str) -> None:
    preset(host, "application", "access", sddl)
    wanted = {"entries": [entry("OPC Users", ACCESS)]}
    with pytest.raises(HostStateError, match=r"cannot be edited entry by entry.*repair: true"):
        run(host, "application", "access", **wanted)
    assert run(host, "application", "access", repair=True, **wanted)["changed"]
    assert_settled(host, "application", "access", **wanted)


def test_a_null_dacl_gives_way_to_what_windows_ships_with_repair(host: LiveHost) -> None:
    preset(host, "machine_limit", "launch", "O:BAG:BAD:NO_ACCESS_CONTROL")
    wanted = {"entries": [entry("OPC Users", LAUNCH)]}
    with pytest.raises(HostStateError, match="NULL DACL"):
        run(host, "machine_limit", "launch", **wanted)
    result = run(host, "machine_limit", "launch", repair=True, **wanted)
    assert "- - no access list (NULL DACL): everyone, anonymous included, has every right" in changed_lines(result)
    assert_settled(host, "machine_limit", "launch", **wanted)


def test_an_old_format_list_that_says_enough_is_left_alone(host: LiveHost) -> None:
    preset(host, "application", "access", "O:BAG:BAD:(A;;CC;;;SY)(A;;CC;;;BA)")
    assert not run(host, "application", "access", entries=[entry("Administrators", ACCESS)])["changed"]
    run(host, "application", "access", entries=[entry("Users", ["remote_access"])])
    assert_meaning(host, "application", "access", "O:BAG:BAD:(A;;CCDCLC;;;SY)(A;;CCDCLC;;;BA)(A;;CCLC;;;BU)")
