# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The firewall of a host as read: two rule stores, two sets of profile settings, and what they come to together.

Sources: MS-GPFAS 2.2.2.19 (the Group Policy store), 2.2.3 (profile settings); MS-FASP 2.2.38 (how policy and local
settings merge). That the local store uses the same grammar, and that its StandardProfile is the private profile, is
common knowledge and in no open specification.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ._errors import RuleSyntaxError
from ._firewall_checks import rule_id_problems, rule_problems
from ._firewall_rule import Action, FirewallRule, Profile, parse_rule

LOCAL_POLICY_KEY = "SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters\\FirewallPolicy"
GROUP_POLICY_KEY = "SOFTWARE\\Policies\\Microsoft\\WindowsFirewall"

# Subkeys of the two keys above. In the local store StandardProfile is the private profile; in the policy store it
# stands for both private and public when neither of those keys exists (MS-GPFAS 2.2.3).
LOCAL_PROFILE_KEYS = {
    Profile.DOMAIN: "DomainProfile",
    Profile.PRIVATE: "StandardProfile",
    Profile.PUBLIC: "PublicProfile",
}
POLICY_PROFILE_KEYS = {
    Profile.DOMAIN: "DomainProfile",
    Profile.PRIVATE: "PrivateProfile",
    Profile.PUBLIC: "PublicProfile",
}
_POLICY_FALLBACK = "StandardProfile"


class Origin(enum.Enum):
    """Which store a rule is in. Only local rules can be changed from the host."""

    LOCAL = "local"
    GROUP_POLICY = "Group Policy"


@dataclass(frozen=True, slots=True)
class StoredRule:
    """One entry of a store. `rule` is None when Windows would ignore the entry; `problem` then says why."""

    rule_id: str
    text: str
    origin: Origin = Origin.LOCAL
    rule: FirewallRule | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """The settings of one profile in one store; None means that the value is absent there."""

    enable_firewall: bool | None = None
    do_not_allow_exceptions: bool | None = None
    allow_local_policy_merge: bool | None = None
    default_inbound_action: Action | None = None
    default_outbound_action: Action | None = None


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """The settings of one profile after both stores are merged and Windows' defaults are filled in."""

    is_on: bool
    shields_up: bool
    local_rules_count: bool
    default_inbound_action: Action
    default_outbound_action: Action


@dataclass(frozen=True, slots=True)
class FirewallState:
    """Everything that was read: the rules of both stores and the profile settings of both."""

    rules: tuple[StoredRule, ...] = ()
    local_settings: Mapping[Profile, ProfileSettings] = field(default_factory=dict)
    policy_settings: Mapping[Profile, ProfileSettings] = field(default_factory=dict)

    def local_rules(self) -> tuple[StoredRule, ...]:
        return tuple(item for item in self.rules if item.origin is Origin.LOCAL)

    def effective(self, profile: Profile) -> EffectiveSettings:
        """What counts for the profile. Source: MS-FASP 2.2.38 (which side wins for which setting)."""
        local = self.local_settings.get(profile, ProfileSettings())
        policy = self.policy_settings.get(profile, ProfileSettings())
        return EffectiveSettings(
            is_on=_first(policy.enable_firewall, local.enable_firewall, default=True),
            shields_up=bool(policy.do_not_allow_exceptions or local.do_not_allow_exceptions),
            local_rules_count=policy.allow_local_policy_merge is not False,
            default_inbound_action=policy.default_inbound_action or local.default_inbound_action or Action.BLOCK,
            default_outbound_action=policy.default_outbound_action or local.default_outbound_action or Action.ALLOW,
        )


def _first(*values: bool | None, default: bool) -> bool:
    return next((value for value in values if value is not None), default)


def read_rules(entries: Iterable[tuple[str, str]], origin: Origin = Origin.LOCAL) -> tuple[StoredRule, ...]:
    """The entries (rule id, rule string) of one store, in their order. Entries that are no rules stay as they are."""
    return tuple(read_rule(rule_id, text, origin) for rule_id, text in entries)


def read_rule(rule_id: str, text: str, origin: Origin = Origin.LOCAL) -> StoredRule:
    try:
        rule = parse_rule(text)
    except RuleSyntaxError as error:
        return StoredRule(rule_id, text, origin, problem=f"{error.expected} (at character {error.offset})")
    problems = (*rule_id_problems(rule_id), *rule_problems(rule))
    if problems:
        return StoredRule(rule_id, text, origin, problem="; ".join(problems))
    return StoredRule(rule_id, text, origin, rule)


def read_settings(
    keys: Mapping[str, Mapping[str, object]], origin: Origin = Origin.LOCAL
) -> Mapping[Profile, ProfileSettings]:
    """The settings of every profile from subkey name -> value name -> data, names in any case.

    A value that is not a number is as good as absent: Windows does not read it.
    """
    folded = {name.lower(): values for name, values in keys.items()}
    names = LOCAL_PROFILE_KEYS if origin is Origin.LOCAL else _policy_keys(folded)
    return {profile: _profile_settings(folded.get(name.lower(), {})) for profile, name in names.items()}


def _policy_keys(keys: Mapping[str, object]) -> Mapping[Profile, str]:
    own = (POLICY_PROFILE_KEYS[Profile.PRIVATE].lower(), POLICY_PROFILE_KEYS[Profile.PUBLIC].lower())
    if any(name in keys for name in own):
        return POLICY_PROFILE_KEYS
    return {**POLICY_PROFILE_KEYS, Profile.PRIVATE: _POLICY_FALLBACK, Profile.PUBLIC: _POLICY_FALLBACK}


def _profile_settings(values: Mapping[str, object]) -> ProfileSettings:
    numbers = {name.lower(): data for name, data in values.items() if isinstance(data, int)}
    return ProfileSettings(
        enable_firewall=_flag(numbers, "enablefirewall"),
        do_not_allow_exceptions=_flag(numbers, "donotallowexceptions"),
        allow_local_policy_merge=_flag(numbers, "allowlocalpolicymerge"),
        default_inbound_action=_action(numbers, "defaultinboundaction"),
        default_outbound_action=_action(numbers, "defaultoutboundaction"),
    )


def _flag(numbers: Mapping[str, int], name: str) -> bool | None:
    return bool(numbers[name]) if name in numbers else None


def _action(numbers: Mapping[str, int], name: str) -> Action | None:
    """0 allows, 1 blocks. Source: MS-GPFAS 2.2.3.15, 2.2.3.16."""
    return {0: Action.ALLOW, 1: Action.BLOCK}.get(numbers.get(name, -1))
