# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores and profile settings as read: what is kept, what is merged, which side wins."""

from __future__ import annotations

import pytest
from firewall_support import entries

from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import Action, Profile
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import (
    EffectiveSettings,
    FirewallState,
    Origin,
    ProfileSettings,
    read_rules,
    read_settings,
)


def test_entries_keep_their_order_and_their_text() -> None:
    read = read_rules(entries("malformed") + entries("hand_run"))
    assert [(item.rule_id, item.text) for item in read] == entries("malformed") + entries("hand_run")
    assert all(item.rule is None for item in read[: len(entries("malformed"))])
    assert all(item.rule is not None for item in read[len(entries("malformed")) :])


def test_an_id_that_no_rule_can_have_makes_the_entry_malformed() -> None:
    (item,) = read_rules([("a|b", "v2.10|Action=Allow|Active=TRUE|Dir=In|Name=x|")])
    assert item.rule is None
    assert "rule id" in item.problem


def effective(local: dict[str, object], policy: dict[str, object]) -> EffectiveSettings:
    state = FirewallState(
        (),
        read_settings({"DomainProfile": local}),
        read_settings({"DomainProfile": policy}, Origin.GROUP_POLICY),
    )
    return state.effective(Profile.DOMAIN)


DEFAULTS = EffectiveSettings(True, False, True, Action.BLOCK, Action.ALLOW)


def test_windows_defaults_where_nothing_is_set() -> None:
    assert effective({}, {}) == DEFAULTS
    assert FirewallState().effective(Profile.PUBLIC) == DEFAULTS


MERGES = [
    # MS-FASP 2.2.38: policy wins if set
    ({"EnableFirewall": 0}, {}, "is_on", False),
    ({"EnableFirewall": 0}, {"EnableFirewall": 1}, "is_on", True),
    ({"EnableFirewall": 1}, {"EnableFirewall": 0}, "is_on", False),
    ({"DefaultInboundAction": 0}, {"DefaultInboundAction": 1}, "default_inbound_action", Action.BLOCK),
    ({"DefaultOutboundAction": 1}, {}, "default_outbound_action", Action.BLOCK),
    ({"DefaultOutboundAction": 1}, {"DefaultOutboundAction": 0}, "default_outbound_action", Action.ALLOW),
    # "on" wins
    ({"DoNotAllowExceptions": 1}, {"DoNotAllowExceptions": 0}, "shields_up", True),
    ({"DoNotAllowExceptions": 0}, {"DoNotAllowExceptions": 1}, "shields_up", True),
    # policy only
    ({"AllowLocalPolicyMerge": 0}, {}, "local_rules_count", True),
    ({}, {"AllowLocalPolicyMerge": 0}, "local_rules_count", False),
    ({}, {"AllowLocalPolicyMerge": 1}, "local_rules_count", True),
    # names in any case, values of another type are not read
    ({"ENABLEFIREWALL": 0}, {}, "is_on", False),
    ({"EnableFirewall": "0"}, {}, "is_on", True),
    ({"DefaultInboundAction": 7}, {}, "default_inbound_action", Action.BLOCK),
]


@pytest.mark.parametrize(("local", "policy", "field", "expected"), MERGES)
def test_policy_and_local_settings_merge(
    local: dict[str, object], policy: dict[str, object], field: str, expected: object
) -> None:
    assert getattr(effective(local, policy), field) == expected


def test_standard_profile_is_private_in_the_local_store() -> None:
    settings = read_settings({"StandardProfile": {"EnableFirewall": 0}, "PrivateProfile": {"EnableFirewall": 1}})
    assert settings[Profile.PRIVATE] == ProfileSettings(enable_firewall=False)
    assert settings[Profile.PUBLIC] == ProfileSettings()


def test_standard_profile_of_policy_counts_only_without_the_newer_keys() -> None:
    off: dict[str, dict[str, object]] = {"StandardProfile": {"EnableFirewall": 0}}
    both = read_settings(off, Origin.GROUP_POLICY)
    assert both[Profile.PRIVATE] == both[Profile.PUBLIC] == ProfileSettings(enable_firewall=False)
    newer = read_settings({**off, "PublicProfile": {}}, Origin.GROUP_POLICY)
    assert newer[Profile.PRIVATE] == newer[Profile.PUBLIC] == ProfileSettings()
