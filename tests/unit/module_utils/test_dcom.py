# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.otsec.opc_dcom.plugins.module_utils._dcom import (
    FAILURE_LOGGING,
    MACHINE_DEFAULTS,
    NamedSetting,
    plan_settings,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._findings import Severity, find_in_settings
from ansible_collections.otsec.opc_dcom.plugins.module_utils._plan import Effect, Plan, SetValue, combine, render
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryType, RegistryValue

ALL = (*MACHINE_DEFAULTS, *FAILURE_LOGGING)
BY_OPTION = {item.option: item for item in ALL}
LEVEL = BY_OPTION["authentication_level"]

# (option, word, value name, registry type number, data), each row read off somebody else's page or export:
# Microsoft Learn "HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Ole" and its value pages; "Authentication Level Constants" and
# "Impersonation Level Constants"; KB5004442. REG_SZ is 1 and REG_DWORD is 4 in winnt.h.
PUBLISHED = [
    ("enable_dcom", "true", "EnableDCOM", 1, "Y"),
    ("enable_dcom", "false", "EnableDCOM", 1, "N"),
    ("authentication_level", "none", "LegacyAuthenticationLevel", 4, 1),
    ("authentication_level", "connect", "LegacyAuthenticationLevel", 4, 2),
    ("authentication_level", "call", "LegacyAuthenticationLevel", 4, 3),
    ("authentication_level", "packet", "LegacyAuthenticationLevel", 4, 4),
    ("authentication_level", "packet_integrity", "LegacyAuthenticationLevel", 4, 5),
    ("authentication_level", "packet_privacy", "LegacyAuthenticationLevel", 4, 6),
    ("impersonation_level", "anonymous", "LegacyImpersonationLevel", 4, 1),
    ("impersonation_level", "identify", "LegacyImpersonationLevel", 4, 2),
    ("impersonation_level", "impersonate", "LegacyImpersonationLevel", 4, 3),
    ("impersonation_level", "delegate", "LegacyImpersonationLevel", 4, 4),
    ("secure_references", "true", "LegacySecureReferences", 1, "Y"),
    ("require_integrity_activation", "off", "RequireIntegrityActivationAuthenticationLevel", 4, 0),
    ("require_integrity_activation", "enforced", "RequireIntegrityActivationAuthenticationLevel", 4, 1),
    ("raise_activation", "default_level_only", "RaiseActivationAuthenticationLevel", 4, 1),
    ("raise_activation", "all_requests", "RaiseActivationAuthenticationLevel", 4, 2),
    ("activation_failures", "discretionary", "ActivationFailureLoggingLevel", 4, 0),
    ("activation_failures", "always", "ActivationFailureLoggingLevel", 4, 1),
    ("activation_failures", "never", "ActivationFailureLoggingLevel", 4, 2),
    ("call_failures", "always", "CallFailureLoggingLevel", 4, 1),
    ("call_failures", "never", "CallFailureLoggingLevel", 4, 2),
    ("invalid_security_descriptors", "always", "InvalidSecurityDescriptorLoggingLevel", 4, 1),
    ("invalid_security_descriptors", "never", "InvalidSecurityDescriptorLoggingLevel", 4, 2),
]


@pytest.mark.parametrize(("option", "word", "value_name", "registry_type", "data"), PUBLISHED)
def test_words_stand_for_the_published_values(
    option: str, word: str, value_name: str, registry_type: int, data: object
) -> None:
    setting = BY_OPTION[option]
    value = setting.value_of(word)
    assert value is not None
    assert (setting.value_name, int(value.type), value.data) == (value_name, registry_type, data)
    assert setting.word_of(value) == word


@pytest.mark.parametrize("setting", ALL, ids=lambda item: item.option)
@pytest.mark.parametrize("kind", [kind for kind in RegistryType if kind in (RegistryType.DWORD, RegistryType.QWORD)])
def test_a_number_of_another_type_has_no_word(setting: NamedSetting, kind: RegistryType) -> None:
    words = {setting.word_of(RegistryValue(kind, number)) for number in range(8)}
    assert (words == {None}) is (kind is not setting.type)


def test_the_value_a_peer_writes_is_not_the_one_windows_reads() -> None:
    names = {item.value_name for item in ALL}
    assert "LegacyAuthenticationLevel" in names
    assert "DefaultAuthenticationLevel" not in names


def test_hardening_values_live_below_app_compat() -> None:
    assert str(BY_OPTION["raise_activation"].key) == "HKLM\\SOFTWARE\\Microsoft\\Ole\\AppCompat"
    assert str(LEVEL.key) == "HKLM\\SOFTWARE\\Microsoft\\Ole"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "absent (Windows uses connect)"),
        (RegistryValue.dword(5), "packet_integrity (5)"),
        (RegistryValue.dword(9), "unknown (REG_DWORD 9)"),
        (RegistryValue.string("5"), "invalid (REG_SZ '5'; REG_DWORD expected)"),
    ],
)
def test_a_wrong_value_is_shown_as_what_it_is(value: RegistryValue | None, text: str) -> None:
    assert LEVEL.describe(value) == text


def plan_level(present: RegistryValue | None) -> Plan:
    return plan_settings(ALL, {"authentication_level": present}, {"authentication_level": "packet_integrity"})


def test_planning_what_is_there_plans_nothing() -> None:
    plan = plan_settings(
        ALL, {"authentication_level": RegistryValue.dword(5)}, {"authentication_level": "packet_integrity"}
    )
    assert plan.is_empty
    assert plan.before == plan.after
    assert plan.reboot_reasons == ()


def test_a_change_says_what_was_what_will_be_and_that_it_needs_a_reboot() -> None:
    plan = plan_settings(
        ALL, {"authentication_level": RegistryValue.dword(2)}, {"authentication_level": "packet_integrity"}
    )
    assert plan.operations == (
        SetValue(LEVEL.key, "LegacyAuthenticationLevel", RegistryValue.dword(2), RegistryValue.dword(5)),
    )
    assert render(plan.before) == "authentication_level: connect (2)\n"
    assert render(plan.after) == "authentication_level: packet_integrity (5)\n"
    assert plan.reboot_reasons == ("authentication_level",)


def test_an_absent_value_is_not_its_default_data() -> None:
    plan = plan_settings(ALL, {"authentication_level": None}, {"authentication_level": "connect"})
    assert not plan.is_empty


def test_default_deletes_the_value_and_is_idempotent() -> None:
    plan = plan_settings(ALL, {"authentication_level": RegistryValue.dword(5)}, {"authentication_level": "default"})
    (operation,) = plan.operations
    assert operation == SetValue(LEVEL.key, LEVEL.value_name, RegistryValue.dword(5), None)
    assert plan_settings(ALL, {"authentication_level": None}, {"authentication_level": "default"}).is_empty


def test_a_flag_is_the_same_in_either_case() -> None:
    assert plan_settings(ALL, {"enable_dcom": RegistryValue.string("y")}, {"enable_dcom": "true"}).is_empty


def test_a_value_of_the_wrong_type_is_replaced() -> None:
    plan = plan_settings(
        ALL, {"authentication_level": RegistryValue.string("5")}, {"authentication_level": "packet_integrity"}
    )
    (operation,) = plan.operations
    assert isinstance(operation, SetValue)
    assert operation.before == RegistryValue.string("5")
    assert operation.after == RegistryValue.dword(5)


def test_logging_does_not_ask_for_a_reboot() -> None:
    plan = plan_settings(ALL, {"call_failures": None}, {"call_failures": "always"})
    assert not plan.is_empty
    assert plan.reboot_reasons == ()
    assert BY_OPTION["call_failures"].effect is Effect.PROCESS_START


_values = st.one_of(
    st.none(),
    st.builds(RegistryValue.dword, st.integers(0, 8)),
    st.builds(RegistryValue.string, st.sampled_from(["Y", "y", "N", "5", ""])),
)


@given(setting=st.sampled_from(ALL), value=_values, data=st.data())
def test_applying_a_plan_and_planning_again_plans_nothing(
    setting: NamedSetting, value: RegistryValue | None, data: st.DataObject
) -> None:
    word = data.draw(st.sampled_from(sorted(setting.words)))
    plan = plan_settings(ALL, {setting.option: value}, {setting.option: word})
    state = value
    for operation in plan.operations:
        assert isinstance(operation, SetValue)
        assert operation.before == state
        state = operation.after
    again = plan_settings(ALL, {setting.option: state}, {setting.option: word})
    assert again.is_empty
    for operation in reversed(plan.operations):
        inverse = operation.inverse()
        assert isinstance(inverse, SetValue)
        state = inverse.after
    assert state == value


def test_sections_are_joined_in_order_and_rendered_by_name() -> None:
    first = plan_settings(ALL, {"call_failures": None}, {"call_failures": "always"})
    second = plan_settings(ALL, {"authentication_level": None}, {"authentication_level": "packet_integrity"})
    plan = combine({"logging": first, "defaults": second})
    assert plan.operations == (*first.operations, *second.operations)
    assert plan.reboot_reasons == ("authentication_level",)
    assert (
        render(plan.after)
        == "logging:\n  call_failures: always (1)\ndefaults:\n  authentication_level: packet_integrity (5)\n"
    )


def test_a_list_is_rendered_one_item_a_line() -> None:
    assert render({"a": ["x", "y"], "b": [], "c": {}}) == "a:\n  - x\n  - y\nb: none\nc: none\n"


NONE_READ: dict[str, RegistryValue | None] = {item.option: None for item in ALL}


def test_missing_hardening_values_are_no_finding() -> None:
    codes = {item.code for item in find_in_settings(ALL, NONE_READ)}
    assert codes == {"low_default_authentication_level"}


@pytest.mark.parametrize(
    ("option", "value", "code", "severity"),
    [
        ("authentication_level", RegistryValue.dword(2), "low_default_authentication_level", Severity.WARNING),
        ("authentication_level", RegistryValue.dword(1), "weak_setting", Severity.CRITICAL),
        ("authentication_level", RegistryValue.string("5"), "invalid_value", Severity.CRITICAL),
        ("enable_dcom", RegistryValue.string("N"), "weak_setting", Severity.CRITICAL),
        ("require_integrity_activation", RegistryValue.dword(0), "weak_setting", Severity.CRITICAL),
    ],
)
def test_findings(option: str, value: RegistryValue, code: str, severity: Severity) -> None:
    secure = {**NONE_READ, "authentication_level": RegistryValue.dword(5)}
    (finding,) = find_in_settings(ALL, {**secure, option: value})
    assert (finding.code, finding.severity) == (code, severity)
    assert BY_OPTION[option].value_name in finding.subject
    assert json.dumps(finding.to_dict())


def test_packet_privacy_is_as_good_as_packet_integrity() -> None:
    assert find_in_settings(ALL, {**NONE_READ, "authentication_level": RegistryValue.dword(6)}) == ()


def test_types_are_windows_numbers() -> None:
    # winnt.h: REG_SZ 1, REG_EXPAND_SZ 2, REG_BINARY 3, REG_DWORD 4, REG_MULTI_SZ 7, REG_QWORD 11
    published = {"SZ": 1, "EXPAND_SZ": 2, "BINARY": 3, "DWORD": 4, "MULTI_SZ": 7, "QWORD": 11}
    assert {name: int(RegistryType[name]) for name in published} == published
