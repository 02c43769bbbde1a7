# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What a person should know about the firewall of a host once the plan has run: why rules of ours may not count, what
beats them, and what is still open beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ._findings import Finding, Severity
from ._firewall_adoption import HostFacts, is_useless_outbound
from ._firewall_compare import conflict, profile_names
from ._firewall_rule import Action, Direction, FirewallRule, Profile
from ._firewall_standard import RuleState, WantedRule
from ._firewall_store import EffectiveSettings, FirewallState, StoredRule
from ._firewall_values import ANY_ADDRESS, ANY_PORT, Match

LOCAL_RULES_IGNORED = "firewall_local_rules_ignored"
SHIELDS_UP = "firewall_shields_up"
FIREWALL_OFF = "firewall_off"
INBOUND_ALLOWED = "firewall_inbound_allowed_by_default"
BLOCKED = "firewall_rule_blocked"
STILL_OPEN = "firewall_still_open"
ANY_REMOTE = "firewall_any_remote_address"
PROGRAM_MISSING = "firewall_program_missing"
MALFORMED_ENTRY = "firewall_malformed_entry"
USELESS_RULE = "firewall_useless_rule"
NOT_TAKEN_AWAY = "firewall_rule_not_taken_away"


def findings_of(wanted: Sequence[WantedRule], state: FirewallState, host: HostFacts) -> tuple[Finding, ...]:
    """Everything to be told about these wanted rules in this state (the state the plan leads to)."""
    present = [item for item in wanted if item.state is RuleState.PRESENT]
    active = [item for item in state.rules if item.rule is not None and item.rule.enabled]
    found: list[Finding] = []
    if present:
        found.extend(_settings_findings(present, state))
    for item in present:
        found.extend(_program_findings(item, host))
        found.extend(_block_findings(item, active, host))
        found.extend(_open_findings(item, active, host))
    found.extend(_entry_findings(state.rules))
    return tuple(found)


def label(item: StoredRule) -> str:
    """A stored rule as a person finds it: name, store, id."""
    name = repr(item.rule.name) if item.rule else "entry"
    return f"{name} ({item.origin.value} store, {item.rule_id})"


def _settings_findings(wanted: Iterable[WantedRule], state: FirewallState) -> Iterator[Finding]:
    """One finding per kind, naming the profiles that wanted rules are for."""
    rules = [item.rule for item in wanted]
    used = [profile for profile in Profile if any(profile in rule.profiles for rule in rules)]
    settings = {profile: state.effective(profile) for profile in used}
    yield from _profile_finding(
        LOCAL_RULES_IGNORED,
        [profile for profile in used if not settings[profile].local_rules_count],
        "Group Policy ignores local rules (AllowLocalPolicyMerge=0); rules written on the host have no effect",
        "put the rules into the policy, or let the policy merge local rules",
    )
    yield from _profile_finding(
        FIREWALL_OFF,
        [profile for profile in used if not settings[profile].is_on],
        "the firewall is off; everything gets through",
        "turn it on; the rules take effect then",
    )
    if any(rule.direction is Direction.IN for rule in rules):
        yield from _inbound_findings([profile for profile in used if settings[profile].is_on], settings)


def _inbound_findings(used: Sequence[Profile], settings: Mapping[Profile, EffectiveSettings]) -> Iterator[Finding]:
    yield from _profile_finding(
        SHIELDS_UP,
        [profile for profile in used if settings[profile].shields_up],
        "all inbound connections are blocked (DoNotAllowExceptions=1); no allow rule counts",
        "allow exceptions again, or move the host to another profile",
    )
    yield from _profile_finding(
        INBOUND_ALLOWED,
        [profile for profile in used if settings[profile].default_inbound_action is Action.ALLOW],
        "inbound connections are allowed by default; allow rules for peers keep nobody out",
        "set the default inbound action to block",
    )


def _profile_finding(code: str, profiles: Sequence[Profile], evidence: str, advice: str) -> Iterator[Finding]:
    if profiles:
        names = profile_names(frozenset(profiles))
        yield Finding(code, Severity.WARNING, f"firewall profiles: {names}", evidence, advice)


def _program_findings(wanted: WantedRule, host: HostFacts) -> Iterator[Finding]:
    rule = wanted.rule
    if rule.program is not None and host.has_program(rule.program) is False:
        yield Finding(
            PROGRAM_MISSING,
            Severity.WARNING,
            f"firewall rule {rule.name!r}",
            f"{rule.program} does not exist on this host; the rule lets nothing through",
            "give the path at which the program is installed",
        )
    if is_open_for_all(wanted):
        yield Finding(
            ANY_REMOTE,
            Severity.WARNING,
            f"firewall rule {rule.name!r}",
            "it lets in every remote address, because it was asked to",
            "name the peers",
        )


def is_open_for_all(wanted: WantedRule) -> bool:
    """Whether the rule is wanted open for any remote address, which is never the default."""
    rule = wanted.rule
    allows = rule.action is Action.ALLOW and rule.direction is Direction.IN and rule.remote_addresses.is_any
    return allows and wanted.state is RuleState.PRESENT


def _block_findings(wanted: WantedRule, active: Iterable[StoredRule], host: HostFacts) -> Iterator[Finding]:
    if wanted.rule.action is Action.BLOCK or not wanted.rule.enabled:
        return
    for item in active:
        if item.rule is None or item.rule.action is not Action.BLOCK:
            continue
        match = conflict(wanted.rule, item.rule, host.environment)
        if match is not Match.NO:
            yield Finding(
                BLOCKED,
                Severity.WARNING,
                f"firewall rule {wanted.rule.name!r}",
                f"block rule {label(item)} {'beats' if match is Match.YES else 'may beat'} it: block goes before allow",
                "disable or narrow the block rule",
            )


def _open_findings(wanted: WantedRule, active: Iterable[StoredRule], host: HostFacts) -> Iterator[Finding]:
    """Allow rules that let others than the peers reach what the wanted rule is for."""
    rule = wanted.rule
    if rule.action is not Action.ALLOW or rule.direction is Direction.OUT or rule.remote_addresses.is_any:
        return
    anybody = replace(rule, remote_addresses=ANY_ADDRESS, enabled=True)
    if not wanted.is_for_endpoint_mapper:
        # A rule for other ports or for UDP lets others reach the same program.
        anybody = replace(anybody, protocol=None, local_ports=ANY_PORT, remote_ports=ANY_PORT)
    for item in active:
        if _is_wider(item.rule, rule) and item.rule and conflict(item.rule, anybody, host.environment) is Match.YES:
            built_in = item.rule.name.startswith("@")
            yield Finding(
                STILL_OPEN,
                Severity.INFO if built_in else Severity.WARNING,
                f"firewall rule {rule.name!r}",
                f"others than its peers get through by {label(item)}, remote addresses: {item.rule.remote_addresses}",
                "disable it if nothing else needs it" if built_in else "narrow it to the peers, or delete it",
            )


def _is_wider(rule: FirewallRule | None, wanted: FirewallRule) -> bool:
    if rule is None or rule.action is not Action.ALLOW or rule.direction is not wanted.direction:
        return False
    return not rule.remote_addresses.is_within(wanted.remote_addresses)


def _entry_findings(rules: Iterable[StoredRule]) -> Iterator[Finding]:
    for item in rules:
        if item.rule is None:
            yield Finding(
                MALFORMED_ENTRY,
                Severity.INFO,
                f"firewall {label(item)}",
                item.problem,
                "it stays as it is; Windows ignores what does not read as a rule",
            )
        elif item.rule.enabled and is_useless_outbound(item.rule):
            yield Finding(
                USELESS_RULE,
                Severity.INFO,
                f"firewall rule {label(item)}",
                "outbound with local port 135, from which nothing calls",
                "delete it; the endpoint mapper of a peer has remote port 135",
            )
