# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""powershell.exe of one host: Ansible's modules and win_reboot's scripts. It interprets no PowerShell.

Anything else ends with exit code 1, a message on stderr and a violation. A bootstrap that demands a newer PowerShell
than the host has gets the refusal it would print itself.
"""

from __future__ import annotations

import re

from ..cim import ProgramResult
from ..programs.program import Invocation
from .decode import DecodeError, ModuleCall, decode, script_of
from .module import Contract, HostParts, answer
from .modules.ansible_facts import SETUP
from .modules.win_firewall_rule import WIN_FIREWALL_RULE
from .modules.win_group import WIN_GROUP
from .modules.win_group_membership import WIN_GROUP_MEMBERSHIP
from .modules.win_ping import WIN_PING
from .modules.win_reg_stat import WIN_REG_STAT
from .modules.win_regedit import WIN_REGEDIT
from .modules.win_service import WIN_SERVICE
from .modules.win_user import WIN_USER
from .modules.win_user_right import WIN_USER_RIGHT
from .reboot import run_reboot_script

CONTRACTS: dict[str, Contract] = {
    # The controller sends its own setup, whose PowerShell is that of ansible.windows, under the name the task used.
    "ansible.builtin.setup": SETUP,
    "ansible.legacy.setup": SETUP,
    "ansible.windows.setup": SETUP,
    "ansible.windows.win_group": WIN_GROUP,
    "ansible.windows.win_group_membership": WIN_GROUP_MEMBERSHIP,
    "ansible.windows.win_ping": WIN_PING,
    "ansible.windows.win_reg_stat": WIN_REG_STAT,
    "ansible.windows.win_regedit": WIN_REGEDIT,
    "ansible.windows.win_service": WIN_SERVICE,
    "ansible.windows.win_user": WIN_USER,
    "ansible.windows.win_user_right": WIN_USER_RIGHT,
    "community.windows.win_firewall_rule": WIN_FIREWALL_RULE,
}
# The demand of a bootstrap, and the JSON it prints when the host does not meet it.
_DEMAND = re.compile(r"PSVersion -lt \[Version\]\"([\d.]+)\"\)\s*\{\s*'(\{[^']*\})'")


class PowerShell:
    """powershell.exe of one host."""

    def __init__(self, host: HostParts) -> None:
        self._host = host

    def program(self, invocation: Invocation) -> ProgramResult:
        try:
            script = script_of(invocation.command_line)
            demand = _DEMAND.search(script)
            if demand and _version(self._host.profile.powershell or "0") < _version(demand[1]):
                return ProgramResult(stdout=f"{demand[2]}\r\n", exit_code=1)
            request = decode(script, invocation.stdin)
        except DecodeError as error:
            return self._refused(str(error))
        if isinstance(request, ModuleCall):
            return self._module(invocation, request)
        return self._script(invocation, request.text)

    def _module(self, invocation: Invocation, call: ModuleCall) -> ProgramResult:
        contract = CONTRACTS.get(call.name)
        if contract is None:
            return self._refused(f"no contract for module {call.name}")
        return answer(self._host, invocation.caller, call, contract)

    def _script(self, invocation: Invocation, text: str) -> ProgramResult:
        """The caller gets an unknown script back; the violation does not hold it, for it may hold a secret."""
        done = run_reboot_script(self._host, invocation.caller, text)
        return done or self._refused(f"unknown script of {len(text)} characters", f": {text[:200]}")

    def _refused(self, message: str, detail: str = "") -> ProgramResult:
        self._host.journal.violation("powershell", message)
        return ProgramResult(stderr=f"simulated powershell: {message}{detail}\r\n", exit_code=1)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
