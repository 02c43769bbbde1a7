# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The last check of a firewall plan: what lets Ansible in must still do so afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from ._errors import LockoutError
from ._firewall_adoption import HostFacts, carries_winrm
from ._firewall_operations import FirewallAdd, FirewallOperation, FirewallSet
from ._firewall_rule import Action, Direction, FirewallRule, Profile
from ._firewall_store import FirewallState
from ._firewall_values import PortSet
from ._firewall_verdict import Connection, Verdict, effective_verdict

# http.sys, which takes WinRM's connections, runs in the kernel.
_KERNEL = "System"


def refuse_lockout(
    before: FirewallState, after: FirewallState, operations: Sequence[FirewallOperation], host: HostFacts
) -> None:
    """Raises: LockoutError when an operation touches a rule that carries WinRM, or when WinRM would be worse off."""
    for rule in _rules_before(operations):
        if carries_winrm(rule, host.management_ports):
            raise LockoutError(f"firewall rule {rule.name!r} carries WinRM and must not be changed")
    if not any(_may_lock_out(item) for item in operations):
        return
    for profile in Profile:
        for port in sorted(host.management_ports):
            connection = Connection(Direction.IN, profile, host.management_address, PortSet.of(port), program=_KERNEL)
            was = effective_verdict(before, connection, host.environment)
            will_be = effective_verdict(after, connection, host.environment)
            if profile in host.active_profiles and _is_worse(was, will_be):
                raise LockoutError(
                    f"the firewall would no longer certainly let WinRM in (TCP {port}, profile "
                    f"{profile.value.lower()}): now {was.describe()}; then {will_be.describe()}"
                )


def _rules_before(operations: Sequence[FirewallOperation]) -> list[FirewallRule]:
    rules: list[FirewallRule] = []
    for operation in operations:
        if isinstance(operation, FirewallSet):
            rules.extend(change.before for change in operation.changes)
        elif not isinstance(operation, FirewallAdd):
            rules.extend(operation.rules)
    return rules


def _may_lock_out(operation: FirewallOperation) -> bool:
    """Adding an inbound allow rule takes nothing from anybody."""
    if isinstance(operation, FirewallAdd):
        return any(rule.action is Action.BLOCK and rule.direction is Direction.IN for rule in operation.rules)
    return True


def _is_worse(was: Verdict, will_be: Verdict) -> bool:
    """Allowed becomes blocked or doubtful, or what may have let it in (`rules` of a doubtful "blocked") gets less."""
    if was.allowed:
        return not will_be.allowed or (was.is_certain and not will_be.is_certain)
    lost = {item.rule_id for item in was.rules} - {item.rule_id for item in will_be.rules}
    return not was.is_certain and not will_be.allowed and bool(lost)
