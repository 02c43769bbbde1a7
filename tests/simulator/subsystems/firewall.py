# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows Firewall of one host: the rule store in the registry, the copy in force, and the verdict on a connection.

The registry values are the rules. The service reads them when it starts and again on `reload`; a value edited by hand
meanwhile is in the store but not in force. Changes through the service's interface (netsh, the COM API) reach the copy
in force and the store at once. Group Policy rules and settings are read at the same moments and never written here.

Source: dcom.md 5.2 and 5.3 (MS-GPFAS 2.2.2, 2.2.3; MS-FASP 2.2.37, 2.2.38); Windows Firewall "order of rules":
block before allow before default. Deviations: IPsec (ByPass, Security) never matches; loopback is never filtered; with
the service stopped nothing is filtered; the store's Epoch counter and the firewall event log are not simulated.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..cim import Caller
from ..journal import HOST_ITSELF, Journal
from .firewall_match import Connection, MatchContext, rule_applies
from .firewall_rule import DOMAIN, PROFILES, FirewallRule, RuleError, parse_rule
from .firewall_shipped import (
    GROUP_POLICY_ROOT,
    GROUP_POLICY_RULES_KEY,
    POLICY_ROOT,
    PROFILE_KEYS,
    RULES_KEY,
)
from .registry import Registry
from .registry_value import REG_DWORD, REG_SZ, RegistryValue

ERROR_ACCESS_DENIED = 5
ERROR_SERVICE_NOT_ACTIVE = 1062


class FirewallError(Exception):
    """The service refuses; `code` is the Win32 error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule in force. `is_policy`: it comes from Group Policy and cannot be changed locally."""

    rule_id: str
    rule: FirewallRule
    is_policy: bool = False


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """Settings of one profile as numbers of the registry; None where no value is set."""

    EnableFirewall: int | None = None
    DoNotAllowExceptions: int | None = None
    AllowLocalPolicyMerge: int | None = None
    DefaultInboundAction: int | None = None
    DefaultOutboundAction: int | None = None
    DisableNotifications: int | None = None
    DisableUnicastResponsesToMulticastBroadcast: int | None = None

    @property
    def is_enabled(self) -> bool:
        return self.EnableFirewall != 0

    @property
    def is_shielded(self) -> bool:
        """Shields up: all inbound traffic is blocked, whatever the rules say."""
        return self.DoNotAllowExceptions == 1

    @property
    def merges_local_rules(self) -> bool:
        return self.AllowLocalPolicyMerge != 0

    def blocks_by_default(self, direction: str) -> bool:
        """Absent means: inbound is blocked, outbound is allowed."""
        return self.DefaultInboundAction != 0 if direction == "In" else self.DefaultOutboundAction == 1


SETTING_NAMES = tuple(ProfileSettings.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a connection may be made; `reason` is one of the words below, `rule` what decided, if a rule did."""

    is_allowed: bool
    reason: str  # "service stopped", "loopback", "profile off", "shields up", "block rule", "allow rule", "default"
    rule: StoredRule | None = None


class Firewall:
    """The firewall service. `new_guid` makes rule ids, `is_running` tells whether MpsSvc runs."""

    def __init__(
        self, registry: Registry, journal: Journal, schema: tuple[int, int], new_guid: Callable[[], str]
    ) -> None:
        self._registry = registry
        self._journal = journal
        self._new_guid = new_guid
        self.schema = schema
        self.context = MatchContext()
        self.network_profile = DOMAIN
        self.is_running: Callable[[], bool] = lambda: True
        self.rejected: dict[str, str] = {}
        self._local: dict[str, FirewallRule] = {}
        self._policy: dict[str, FirewallRule] = {}
        self._local_settings: dict[str, ProfileSettings] = {}
        self._policy_settings: dict[str, ProfileSettings] = {}
        self.reload()

    def configure(
        self, *, network_profile: str, variables: Mapping[str, str], local_networks: tuple[str, ...] = ()
    ) -> None:
        """Tell what of the host and its network decides: profile, variables in paths, subnets behind LocalSubnet."""
        if network_profile not in PROFILES:
            raise ValueError(f"no such profile: {network_profile}")
        self.network_profile = network_profile
        networks = tuple(ipaddress.ip_network(text) for text in local_networks)
        self.context = MatchContext(variables, {"LocalSubnet": networks})

    # -- what is in force -------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Read both stores: what the service does when it starts, and for policy when Group Policy is applied."""
        self.rejected = {}
        self._local = self._read_rules(RULES_KEY)
        self._policy = self._read_rules(GROUP_POLICY_RULES_KEY)
        self._local_settings = {name: self._read_settings(POLICY_ROOT, PROFILE_KEYS[name]) for name in PROFILES}
        self._policy_settings = {
            name: self._read_settings(GROUP_POLICY_ROOT, self._policy_key(name)) for name in PROFILES
        }

    def rules(self) -> list[StoredRule]:
        """All rules in force, Group Policy first."""
        policy = [StoredRule(rule_id, rule, is_policy=True) for rule_id, rule in self._policy.items()]
        return policy + [StoredRule(rule_id, rule) for rule_id, rule in self._local.items()]

    def settings(self, profile: str) -> ProfileSettings:
        """The settings in force. Source: MS-FASP 2.2.38: policy wins where set; "no exceptions" wins where on."""
        local, policy = self._local_settings[profile], self._policy_settings[profile]
        merged = {name: _first_set(getattr(policy, name), getattr(local, name)) for name in SETTING_NAMES}
        merged["DoNotAllowExceptions"] = int(1 in (policy.DoNotAllowExceptions, local.DoNotAllowExceptions))
        merged["AllowLocalPolicyMerge"] = policy.AllowLocalPolicyMerge
        return ProfileSettings(**merged)

    def evaluate(self, connection: Connection) -> Verdict:
        """The verdict on a connection, by the copy in force."""
        if not self.is_running():
            return Verdict(True, "service stopped")
        if ipaddress.ip_address(connection.remote_address).is_loopback:
            return Verdict(True, "loopback")
        settings = self.settings(connection.profile)
        if not settings.is_enabled:
            return Verdict(True, "profile off")
        if connection.direction == "In" and settings.is_shielded:
            return Verdict(False, "shields up")
        return self._by_rules(connection, settings)

    def _by_rules(self, connection: Connection, settings: ProfileSettings) -> Verdict:
        considered = [item for item in self.rules() if item.is_policy or settings.merges_local_rules]
        applying = [item for item in considered if rule_applies(item.rule, connection, self.context)]
        for action, is_allowed, reason in (("Block", False, "block rule"), ("Allow", True, "allow rule")):
            for item in applying:
                if item.rule.action == action:
                    return Verdict(is_allowed, reason, item)
        return Verdict(not settings.blocks_by_default(connection.direction), "default")

    # -- changes through the service's interface ----------------------------------------------------------------------

    def demand(self, caller: Caller) -> None:
        """Raises: FirewallError 1062 (the service is stopped) or 5 (the caller is no elevated administrator)."""
        self.demand_service()
        if not caller.is_administrator:
            raise FirewallError(ERROR_ACCESS_DENIED, f"{caller.account_name} is not elevated")

    def demand_service(self) -> None:
        if not self.is_running():
            raise FirewallError(ERROR_SERVICE_NOT_ACTIVE, "the firewall service is not running")

    def add_rule(self, caller: Caller, rule: FirewallRule) -> str:
        """Add a rule under a new id `{GUID}` and return the id. Names need not be unique."""
        self.demand(caller)
        rule_id = "{" + self._new_guid().strip("{}").upper() + "}"
        self._write(caller, rule_id, rule, "add_rule")
        return rule_id

    def replace_rule(self, caller: Caller, rule_id: str, rule: FirewallRule) -> None:
        self.demand(caller)
        self._write(caller, rule_id, rule, "replace_rule")

    def delete_rule(self, caller: Caller, rule_id: str) -> None:
        self.demand(caller)
        before = self._local.pop(rule_id)
        if self._registry.get(RULES_KEY, rule_id) is not None:  # someone may have deleted the value by hand
            self._registry.delete_value(None, RULES_KEY, rule_id)
        self._journal.change(
            "firewall", "delete_rule", (rule_id,), before=str(before), after=None, caller=caller.account_name
        )

    def set_setting(self, caller: Caller, profile: str, name: str, number: int | None) -> None:
        """Set a local setting of a profile; None removes the value."""
        self.demand(caller)
        key = rf"{POLICY_ROOT}\{PROFILE_KEYS[profile]}"
        before = getattr(self._local_settings[profile], name)
        self._local_settings[profile] = replace(self._local_settings[profile], **{name: number})
        if number is not None:
            self._registry.put(key, name, RegistryValue.dword(number))
        elif self._registry.get(key, name) is not None:
            self._registry.delete_value(None, key, name)
        self._journal.change(
            "firewall", "set_setting", (profile, name), before=before, after=number, caller=caller.account_name
        )

    def _write(self, caller: Caller, rule_id: str, rule: FirewallRule, action: str) -> None:
        before = self._local.get(rule_id)
        current = replace(rule, version=self.schema)
        self._local[rule_id] = current
        self._registry.put(RULES_KEY, rule_id, RegistryValue.sz(str(current)))
        self._journal.change(
            "firewall",
            action,
            (rule_id,),
            before=before and str(before),
            after=str(current),
            caller=caller.account_name if caller else HOST_ITSELF,
        )

    # -- reading the stores -------------------------------------------------------------------------------------------

    def _read_rules(self, key: str) -> dict[str, FirewallRule]:
        rules: dict[str, FirewallRule] = {}
        if not self._registry.key_exists(None, key):
            return rules
        for rule_id, value in self._registry.enum_values(None, key):
            try:
                rules[rule_id] = _loaded(value)
            except RuleError as error:
                self.rejected[rule_id] = str(error)
        return rules

    def _read_settings(self, root: str, key: str) -> ProfileSettings:
        found = {name: self._registry.get(rf"{root}\{key}", name) for name in SETTING_NAMES}
        return ProfileSettings(
            **{
                name: value.number if value is not None and value.type == REG_DWORD else None
                for name, value in found.items()
            }
        )

    def _policy_key(self, profile: str) -> str:
        """StandardProfile stands for both when policy has neither PrivateProfile nor PublicProfile (GPFAS 2.2.3)."""
        own = f"{profile}Profile"
        has_own = any(self._registry.key_exists(None, rf"{GROUP_POLICY_ROOT}\{name}Profile") for name in PROFILES[1:])
        return own if profile == DOMAIN or has_own else "StandardProfile"


def _loaded(value: RegistryValue) -> FirewallRule:
    if value.type != REG_SZ:
        raise RuleError(f"registry type {value.type}")
    return parse_rule(value.text)


def _first_set(policy: int | None, local: int | None) -> int | None:
    return local if policy is None else policy
