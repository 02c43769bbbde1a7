# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For tests of the firewall model: rule stores as data files, and a store that takes our command lines.

`SimulatedStore` runs a command line through the simulator's own cmd.exe and netsh, so a rule that comes out right came
through two parsers that know nothing of the code that wrote the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_adoption import HostFacts
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_operations import FirewallOperation
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_store import (
    FirewallState,
    Origin,
    StoredRule,
    read_rules,
)
from simulator.cim import Caller
from simulator.journal import Journal
from simulator.programs.argv import split_arguments
from simulator.programs.cmd_line import MAX_LINE, expand_variables, parse_commands
from simulator.programs.netsh_exe import Netsh
from simulator.programs.netsh_rule import REPLACED_KEYS, option_fields
from simulator.subsystems.firewall import Firewall
from simulator.subsystems.firewall_match import same_path
from simulator.subsystems.firewall_rule import FirewallRule, RuleError, address_range, port_range
from simulator.subsystems.firewall_shipped import RULES_KEY
from simulator.subsystems.registry import KeyNode, Registry
from simulator.subsystems.registry_value import RegistryValue

DATA = Path(__file__).parent / "data" / "firewall"
STORES = ("built_in", "packages", "hand_run", "prompts", "group_policy")

ENVIRONMENT = {
    "SystemRoot": "C:\\Windows",
    "windir": "C:\\Windows",
    "SystemDrive": "C:",
    "ProgramFiles": "C:\\Program Files",
    "ProgramFiles(x86)": "C:\\Program Files (x86)",
    "ProgramData": "C:\\ProgramData",
    "ComSpec": "C:\\Windows\\system32\\cmd.exe",
    "Path": "C:\\Windows\\system32;C:\\Windows",
}

APIS_HIVE = "C:\\apis\\bin64\\apishivex64.exe"
OPC_ENUM = "C:\\Windows\\SysWOW64\\OpcEnum.exe"
HOST = HostFacts(ENVIRONMENT, {APIS_HIVE: True, OPC_ENUM: True})

_ADMIN = Caller("admin", "S-1-5-21-1-2-3-500", frozenset({"S-1-5-32-544"}))
_SCHEMA = (2, 28)


def entries(name: str) -> list[tuple[str, str]]:
    """The entries (rule id, rule string) of a data file."""
    lines = (DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(pair[0], pair[1]) for pair in pairs]


def stored(*texts: str, prefix: str = "rule") -> list[tuple[str, str]]:
    """Entries with made-up ids."""
    return [(f"{prefix} {index}", text) for index, text in enumerate(texts, 1)]


def state_of(local: Iterable[tuple[str, str]], policy: Iterable[tuple[str, str]] = ()) -> FirewallState:
    """A state with these rules and the settings of a fresh Windows."""
    return FirewallState(read_rules(local) + read_rules(policy, Origin.GROUP_POLICY))


class SimulatedStore:
    """The local rule store of a simulated host, and its cmd.exe."""

    def __init__(self, local: Iterable[tuple[str, str]] = (), environment: Mapping[str, str] | None = None) -> None:
        self.environment = ENVIRONMENT if environment is None else environment
        self.journal = Journal(lambda: datetime(2026, 3, 2, tzinfo=UTC))
        self.registry = Registry(KeyNode(""), self.journal)
        self.registry.put(RULES_KEY, "(kept)", RegistryValue.sz("v2.0|"))
        self.registry.delete_value(None, RULES_KEY, "(kept)")
        for rule_id, text in local:
            self.registry.put(RULES_KEY, rule_id, RegistryValue.sz(text))
        numbers = count(1)
        self.firewall = Firewall(
            self.registry, self.journal, _SCHEMA, lambda: f"abcdef00-0000-0000-0000-{next(numbers):012d}"
        )
        self.firewall.configure(network_profile="Domain", variables=self.environment)
        self._netsh = Netsh(self.firewall, self.journal, "de-DE")

    def entries(self) -> list[tuple[str, str]]:
        return [(name, value.text) for name, value in self.registry.enum_values(None, RULES_KEY)]

    def rules(self) -> tuple[StoredRule, ...]:
        return read_rules(self.entries())

    def run(self, line: str) -> int:
        """What `cmd.exe /c line` does to the store; the exit code. The line must be exactly one command."""
        assert len(line) <= MAX_LINE
        (command,) = parse_commands(expand_variables(line, self.environment))
        assert not command.redirections
        program, *arguments = split_arguments(command.text)
        assert program.lower() == "netsh.exe"
        return self._netsh.run(_ADMIN, arguments).exit_code

    def hit_loosely(self, selecting: Iterable[str]) -> set[str]:
        """The ids a netsh would select that takes a list for "shares a part with", whatever the simulated one does."""
        wanted = dict(item.split("=", 1) for item in selecting)
        return {item.rule_id for item in self.firewall.rules() if _shares(item.rule, wanted, self.environment)}

    def apply(self, operations: Iterable[FirewallOperation]) -> None:
        for operation in operations:
            for command in operation.commands(self.environment):
                line = command.command_line()
                assert self.run(line) == 0, line


def _shares(rule: FirewallRule, wanted: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    parts = dict(wanted)
    name, direction = parts.pop("name"), parts.pop("dir")
    program = parts.pop("program", "")
    if rule.name.lower() != name.lower() or rule.direction.lower() != direction:
        return False
    if program and not same_path(rule.value("App"), program, environment):
        return False
    return all(_shares_part(rule, option, value) for option, value in parts.items())


def _shares_part(rule: FirewallRule, option: str, value: str) -> bool:
    fields = option_fields(option, value)
    if option == "profile":
        return bool(rule.profiles & {text for _unused, text in fields})
    keys = REPLACED_KEYS[option]
    found = [text for key, text in rule.fields if key in keys]
    return any(_meet(mine, its) for _unused, mine in fields for its in found)


def _meet(mine: str, its: str) -> bool:
    if mine.lower() == its.lower():
        return True
    mine, its = (_RPC_PORTS.get(text.upper(), text) for text in (mine, its))
    for read in (port_range, address_range):
        try:
            (low, high), (first, last) = read(mine), read(its)
        except RuleError:
            continue
        return type(low) is type(first) and int(low) <= int(last) and int(first) <= int(high)
    return not (mine[:1].isdigit() and its[:1].isdigit())  # a keyword may stand for anything


# The widest that the two keywords can stand for (dcom.md 5.1).
_RPC_PORTS = {"RPC": "1025-65535", "RPC-EPMAP": "135"}
