# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The Windows Firewall of one host: both rule stores and the profile settings read in bulk, changes through netsh.

A change is never taken on the word of netsh, whose output is translated and whose exit code is not documented: the
store is read back and compared by rule id. Writing the store itself would need a restart of the firewall service.
Source: dcom.md 5.2-5.4; wsman_cim.md 4.7 (why not the firewall classes), 6.1 (shell).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...module_utils._errors import HostStateError
from ...module_utils._firewall_operations import (
    FirewallAdd,
    FirewallDelete,
    FirewallOperation,
    undo_operations_left,
    verify,
)
from ...module_utils._firewall_rule import FirewallRule, format_rule
from ...module_utils._firewall_store import (
    GROUP_POLICY_KEY,
    LOCAL_POLICY_KEY,
    LOCAL_PROFILE_KEYS,
    POLICY_PROFILE_KEYS,
    FirewallState,
    Origin,
    StoredRule,
    read_rules,
    read_settings,
)
from ...module_utils._netsh import EXECUTABLE, MAX_COMMAND_LINE
from ...module_utils._registry import RegistryKey, RegistryValue
from .._wsman._client import WsmanClient, decode_output
from .._wsman._errors import WsmanFault
from ._environment import KEYS as ENVIRONMENT_KEYS
from ._environment import read_environment
from ._registry import RegistryGateway

LOCAL_RULES = RegistryKey(f"{LOCAL_POLICY_KEY}\\FirewallRules")
_POLICY = RegistryKey(GROUP_POLICY_KEY)
POLICY_RULES = _POLICY.child("FirewallRules")
_LOCAL_PROFILES = tuple(RegistryKey(f"{LOCAL_POLICY_KEY}\\{name}") for name in LOCAL_PROFILE_KEYS.values())
_POLICY_PROFILES = tuple(_POLICY.child(name) for name in (*POLICY_PROFILE_KEYS.values(), "StandardProfile"))
KEYS = (LOCAL_RULES, *_LOCAL_PROFILES, *ENVIRONMENT_KEYS)
TREES = (_POLICY,)

# Keeps the output short enough to be of use in an error.
_MAX_SAID = 400
_JOINT = " && "


class FirewallGateway:
    """Reads the firewall and changes its rules. One of the subsystems a plan works on."""

    def __init__(self, client: WsmanClient, registry: RegistryGateway) -> None:
        self._client = client
        self._registry = registry
        self._environment: Mapping[str, str] | None = None
        self._state: FirewallState | None = None
        self._pretended: list[FirewallOperation] = []
        self._before: tuple[StoredRule, ...] = ()  # the local rules before `apply`

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that paths in rules may hold; read once."""
        if self._environment is None:
            self._environment = read_environment(self._registry)
        return self._environment

    def read(self) -> FirewallState:
        """Both stores and the settings, read once. One command when reg.exe is to be had.

        Without it every rule costs a message, and `registry.notes` says so.
        """
        if self._state is None:
            self._registry.prefetch(KEYS, trees=TREES)
            self._state = FirewallState(
                rules=(*self._rules(LOCAL_RULES, Origin.LOCAL), *self._rules(POLICY_RULES, Origin.GROUP_POLICY)),
                local_settings=read_settings(self._profiles(_LOCAL_PROFILES)),
                policy_settings=read_settings(self._profiles(_POLICY_PROFILES), Origin.GROUP_POLICY),
            )
        if not self._pretended:
            return self._state
        return _with_operations(self._state, self._pretended)

    # -- operations of a plan ----------------------------------------------------------------------------------------

    def check(self, operations: Sequence[FirewallOperation]) -> None:
        """Raises: HostStateError with the commands to run by hand where this host does not let us run netsh."""
        if self._registry.has_shell is False:
            lines = "\n  ".join(self._lines(operations))
            raise HostStateError(
                "the firewall of this host can only be changed through netsh.exe in a remote cmd shell, which the host "
                f"does not allow. Nothing was changed. Run on the host as administrator:\n  {lines}"
            )

    def apply(self, operations: Sequence[FirewallOperation]) -> None:
        """Run netsh for all operations; `verify` compares. Raises: HostStateError."""
        self._before = self._local_rules()
        self._run(self._lines(operations))
        self._registry.forget(LOCAL_RULES)
        self._state = None

    def written_keys(self, operations: Sequence[FirewallOperation]) -> Sequence[RegistryKey]:
        return (LOCAL_RULES,)

    def verify(self, operations: Sequence[FirewallOperation]) -> None:
        """Compare the store with what it should be. Raises: HostStateError."""
        problems = verify(self._before, operations, self._local_rules_now(), self.environment)
        if problems:
            raise HostStateError(f"netsh reported success, but {'; '.join(problems)}")

    def undo(self, operations: Sequence[FirewallOperation]) -> None:
        """Undo operations of which any number from the front may have been carried out."""
        left = self._left_to_undo(operations)
        if not left:
            return
        self._run(self._lines(left))
        still = self._left_to_undo(operations)
        if still:
            raise HostStateError(f"not undone: {', '.join(item.inverse().describe() for item in still)}")

    def _left_to_undo(self, operations: Sequence[FirewallOperation]) -> Sequence[FirewallOperation]:
        self._registry.forget(LOCAL_RULES)
        self._state = None
        return undo_operations_left(operations, self._local_rules_now(), self.environment)

    def pretend(self, operation: FirewallOperation) -> None:
        self._pretended.append(operation)

    def stop_pretending(self) -> None:
        self._pretended.clear()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _lines(self, operations: Iterable[FirewallOperation]) -> list[str]:
        return [item.command_line() for operation in operations for item in operation.commands(self.environment)]

    def _run(self, lines: Sequence[str]) -> None:
        """Run netsh commands, as many as fit in one line of cmd.exe together; the first failure ends it."""
        for group in _grouped(lines):
            try:
                result = self._client.run_command(_JOINT.join(group))
            except WsmanFault as fault:
                raise HostStateError(f"{EXECUTABLE} could not be run: {fault}") from fault
            if result.exit_code != 0:
                said = " ".join(decode_output(result.stdout + result.stderr).split())[:_MAX_SAID]
                raise HostStateError(f"{EXECUTABLE} ended with exit code {result.exit_code} and said: {said}")

    def _local_rules(self) -> tuple[StoredRule, ...]:
        return self.read().local_rules()

    def _local_rules_now(self) -> tuple[StoredRule, ...]:
        """The local rules as they are after netsh ran. Only they can have changed."""
        self._registry.prefetch([LOCAL_RULES])
        return self._rules(LOCAL_RULES, Origin.LOCAL)

    def _rules(self, key: RegistryKey, origin: Origin) -> tuple[StoredRule, ...]:
        values = self._registry.values(key) or {}
        return read_rules(((rule_id, _text(value)) for rule_id, value in values.items()), origin)

    def _profiles(self, keys: Iterable[RegistryKey]) -> dict[str, dict[str, object]]:
        found = {key.path.rpartition("\\")[2]: self._registry.values(key) for key in keys}
        return {
            name: {item: value.data for item, value in values.items()}
            for name, values in found.items()
            if values is not None
        }


def _grouped(lines: Sequence[str]) -> list[list[str]]:
    groups: list[list[str]] = []
    for line in lines:
        if groups and len(_JOINT.join([*groups[-1], line])) <= MAX_COMMAND_LINE:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def _text(value: RegistryValue) -> str:
    """A rule is a REG_SZ; anything else in the store is no rule, and is shown as what it is."""
    return value.data if isinstance(value.data, str) else str(value)


def _with_operations(state: FirewallState, operations: Iterable[FirewallOperation]) -> FirewallState:
    """The state as these operations would leave it; added rules get ids that no host has."""
    rules = list(state.rules)
    for number, operation in enumerate(operations):
        if isinstance(operation, FirewallAdd):
            rules += [_stored(f"planned {number}.{index}", rule) for index, rule in enumerate(operation.rules)]
        elif isinstance(operation, FirewallDelete):
            rules = _without(rules, operation)
        else:
            after = {change.rule_id: change.after for change in operation.changes}
            rules = [_stored(item.rule_id, after[item.rule_id]) if item.rule_id in after else item for item in rules]
    return FirewallState(tuple(rules), state.local_settings, state.policy_settings)


def _without(rules: Iterable[StoredRule], operation: FirewallDelete) -> list[StoredRule]:
    left = list(operation.rules)
    kept: list[StoredRule] = []
    for item in rules:
        if item.origin is Origin.LOCAL and item.rule in left:
            left.remove(item.rule)
        else:
            kept.append(item)
    return kept


def _stored(rule_id: str, rule: FirewallRule) -> StoredRule:
    return StoredRule(rule_id, format_rule(rule), Origin.LOCAL, rule)
