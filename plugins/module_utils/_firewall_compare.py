# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Rules compared by meaning: paths after expansion and without case, ports and addresses as sets.

`differences` lists what separates two rules; `conflict` says whether traffic can fall under both, which is how a block
rule beats an allow rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ._firewall_grammar import RuleField
from ._firewall_rule import ALL_PROFILES, ANY_SERVICE, PROTOCOL_NAMES, FirewallRule, Profile
from ._firewall_values import Match

Environment = Mapping[str, str]

_VARIABLE = re.compile(r"%([^%]+)%")
# Characters. Source: Win32 "Maximum Path Length Limitation" (32,767).
_MAX_PATH = 32_767

# Fields of `other` that change nothing about which traffic a rule matches: mapping and boundary flags.
_NOT_CONDITIONS = ("LSM", "LOM", "PCross")


def expand_path(path: str, environment: Environment) -> str:
    """The path with ``%variables%`` replaced from the host's environment; an unknown variable stays as it is.

    ``%ProgramFiles% (x86)\\x.exe``, which Windows itself stores, expands as Windows expands it. What would become
    longer than any path of Windows stays as it is: both texts come from a host, and it would be the product of their
    lengths.
    """
    if "%" not in path:
        return path
    values = {name.lower(): value for name, value in environment.items()}
    if sum(len(values.get(name.lower(), "")) for name in _VARIABLE.findall(path)) > _MAX_PATH:
        return path
    return _VARIABLE.sub(lambda match: values.get(match.group(1).lower(), match.group()), path)


def path_key(path: str, environment: Environment) -> str:
    """What two spellings of one path have in common. Short (8.3) names and links are not resolved."""
    expanded = expand_path(path, environment).strip().lower()
    return expanded[:1] + re.sub(r"\\\\+", r"\\", expanded[1:])


def same_path(left: str | None, right: str | None, environment: Environment) -> bool:
    if left is None or right is None:
        return left is right
    return left == right or path_key(left, environment) == path_key(right, environment)


def same_name(left: str | None, right: str | None) -> bool:
    """Whether two names (of rules or services) are the same to Windows, which does not look at case."""
    if left is None or right is None:
        return left is right
    return left.lower() == right.lower()


def is_endpoint_mapper(rule: FirewallRule) -> bool:
    """Whether the rule is for the RPC endpoint mapper as a process: RpcSs in svchost.exe."""
    is_host = rule.program is not None and file_name(rule.program) == "svchost.exe"
    return is_host and same_name(rule.service, "RpcSs")


def file_name(path: str) -> str:
    """The last part of a path, in lower case."""
    return path.rsplit("\\", 1)[-1].strip().lower()


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field in which two rules differ, as a person reads it."""

    field: str
    left: object
    right: object


def describe_rule(rule: FirewallRule) -> dict[str, object]:
    """The rule as a person reads it, one fact per entry, in a fixed order."""
    return {
        "name": rule.name,
        "direction": rule.direction.value.lower(),
        "action": rule.action.value.lower(),
        "enabled": "yes" if rule.enabled else "no",
        "protocol": protocol_name(rule.protocol),
        "profiles": profile_names(rule.profiles),
        "local ports": str(rule.local_ports),
        "remote ports": str(rule.remote_ports),
        "local addresses": list(rule.local_addresses.texts()) or "any",
        "remote addresses": list(rule.remote_addresses.texts()) or "any",
        "program": rule.program or "any",
        "service": {None: "any process", ANY_SERVICE: "any service"}.get(rule.service, rule.service),
        "edge traversal": rule.edge_traversal.value,
        "other conditions": [f"{item.key}={item.value}" for item in conditions(rule)] or "none",
        "grouping": rule.grouping or "none",
        "description": rule.description or "none",
    }


def rule_label(rule: FirewallRule) -> str:
    """The name and the direction, which a name may say already: vendors give both directions one name."""
    direction = f"({rule.direction.value.lower()})"
    return rule.name if rule.name.lower().endswith(direction) else f"{rule.name} {direction}"


def protocol_name(protocol: int | None) -> str:
    return "any" if protocol is None else PROTOCOL_NAMES.get(protocol, str(protocol))


def profile_names(profiles: frozenset[Profile]) -> str:
    if profiles == ALL_PROFILES:
        return "all"
    return ", ".join(item.value.lower() for item in Profile if item in profiles)


def conditions(rule: FirewallRule) -> tuple[RuleField, ...]:
    """The fields of `other` that narrow what the rule matches. An unknown field may, so it counts."""
    return tuple(item for item in rule.other if not any(item.is_key(key) for key in _NOT_CONDITIONS))


def meaning(rule: FirewallRule, environment: Environment) -> dict[str, object]:
    """What two rules must share to do the same: every field but the name and the texts, in comparable form."""
    return {
        "direction": rule.direction,
        "action": rule.action,
        "enabled": rule.enabled,
        "protocol": rule.protocol,
        "profiles": rule.profiles,
        "local ports": rule.local_ports,
        "remote ports": rule.remote_ports,
        "local addresses": rule.local_addresses,
        "remote addresses": rule.remote_addresses,
        "program": None if rule.program is None else path_key(rule.program, environment),
        "service": None if rule.service is None else rule.service.lower(),
        "edge traversal": rule.edge_traversal,
        "other conditions": frozenset((item.key.lower(), item.value) for item in conditions(rule)),
    }


def same_meaning(left: FirewallRule, right: FirewallRule, environment: Environment) -> bool:
    """Whether two rules do the same, whatever they are called and however they are written."""
    return meaning(left, environment) == meaning(right, environment)


def same_rule(left: FirewallRule, right: FirewallRule, environment: Environment) -> bool:
    """Whether two rules do the same and carry the same name and texts."""
    texts = (left.name.lower(), left.description, left.grouping) == (
        right.name.lower(),
        right.description,
        right.grouping,
    )
    return texts and same_meaning(left, right, environment)


def differences(left: FirewallRule, right: FirewallRule, environment: Environment) -> tuple[FieldDifference, ...]:
    """The meaningful fields that differ, in the order of `describe_rule`; () when the rules do the same."""
    left_meaning, right_meaning = meaning(left, environment), meaning(right, environment)
    left_words, right_words = describe_rule(left), describe_rule(right)
    return tuple(
        FieldDifference(name, left_words[name], right_words[name])
        for name in left_meaning
        if left_meaning[name] != right_meaning[name]
    )


def conflict(left: FirewallRule, right: FirewallRule, environment: Environment) -> Match:
    """Whether one connection can fall under both rules, whatever their actions; a disabled rule meets nothing."""
    return min(traffic_overlap(left, right, environment), _services_meet(left.service, right.service))


def traffic_overlap(left: FirewallRule, right: FirewallRule, environment: Environment) -> Match:
    """`conflict` without a look at services."""
    if not (left.enabled and right.enabled and left.direction is right.direction and left.profiles & right.profiles):
        return Match.NO
    match = min(
        _protocols_meet(left.protocol, right.protocol),
        _programs_meet(left.program, right.program, environment),
        left.local_ports.overlap(right.local_ports),
        left.remote_ports.overlap(right.remote_ports),
        left.local_addresses.overlap(right.local_addresses),
        left.remote_addresses.overlap(right.remote_addresses),
    )
    if match is not Match.NO and (conditions(left) or conditions(right)):
        return Match.NO if _is_for_packages(left) or _is_for_packages(right) else Match.MAYBE
    return match


def _is_for_packages(rule: FirewallRule) -> bool:
    """A rule for one packaged (AppContainer) application never meets a desktop program or service."""
    return rule.is_other("AppPkgId")


def _protocols_meet(left: int | None, right: int | None) -> Match:
    return Match.YES if left is None or right is None or left == right else Match.NO


def _programs_meet(left: str | None, right: str | None, environment: Environment) -> Match:
    return Match.YES if left is None or right is None or same_path(left, right, environment) else Match.NO


def _services_meet(left: str | None, right: str | None) -> Match:
    """A rule for one service meets a rule without a service only if the process of the latter hosts it: MAYBE."""
    if same_name(left, right):
        return Match.YES
    if left is None or right is None or ANY_SERVICE in (left, right):
        return Match.MAYBE
    return Match.NO
