# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What makes a rule invalid although it reads as one: the semantic checks of MS-FASP 2.2.37 that concern our fields."""

from __future__ import annotations

from collections.abc import Iterator

from ._firewall_rule import TCP, UDP, Action, Direction, EdgeTraversal, FirewallRule
from ._firewall_values import RPC, RPC_EPMAP, PortSet

MAX_TEXT = 9999
MAX_PROGRAM = 259
MAX_SERVICE = 255
MAX_RULE_ID = 511

_NOT_IN_PROGRAM = '/*?"<>|'
_INBOUND_TCP_KEYWORDS = frozenset((RPC, RPC_EPMAP, "IPTLSIn", "IPHTTPSIn"))
_OUTBOUND_TCP_KEYWORDS = frozenset(("IPTLSOut", "IPHTTPSOut"))


def rule_problems(rule: FirewallRule) -> tuple[str, ...]:
    """What MS-FASP 2.2.37 forbids and this rule has, in words; () for a valid rule.

    Ports with a protocol that has none are here too, because a rule that was not read from text can have them.
    """
    return (*_text_problems(rule), *_program_problems(rule), *_port_problems(rule), *_flag_problems(rule))


def rule_id_problems(rule_id: str) -> tuple[str, ...]:
    """What MS-FASP 2.2.37 forbids in a rule id (the name of the registry value)."""
    if not 1 <= len(rule_id) <= MAX_RULE_ID or "|" in rule_id:
        return (f"a rule id has 1-{MAX_RULE_ID} characters and no '|'",)
    return ()


def _text_problems(rule: FirewallRule) -> Iterator[str]:
    if not 1 <= len(rule.name) <= MAX_TEXT:
        yield f"the name has 1-{MAX_TEXT} characters"
    if rule.name.lower() == "all":
        yield "the name is not 'all'"
    for what, text in (("name", rule.name), ("description", rule.description), ("grouping", rule.grouping)):
        if "|" in text:
            yield f"the {what} has no '|'"
        if what != "name" and len(text) > MAX_TEXT:
            yield f"the {what} has at most {MAX_TEXT} characters"


def _program_problems(rule: FirewallRule) -> Iterator[str]:
    if rule.program is not None:
        if len(rule.program) > MAX_PROGRAM:
            yield f"the program path has at most {MAX_PROGRAM} characters"
        found = sorted({character for character in rule.program if character in _NOT_IN_PROGRAM})
        if found:
            yield f"the program path has none of {_NOT_IN_PROGRAM}: found {' '.join(found)}"
    if rule.service is not None:
        if not 1 <= len(rule.service) <= MAX_SERVICE:
            yield f"the service name has 1-{MAX_SERVICE} characters"
        if any(character in rule.service for character in "/\\|"):
            yield "the service name has no slash, backslash or '|'"


def _port_problems(rule: FirewallRule) -> Iterator[str]:
    sides = (("local", rule.local_ports), ("remote", rule.remote_ports))
    for side, ports in sides:
        if not ports.is_any and rule.protocol not in (TCP, UDP):
            yield f"{side} ports need protocol TCP or UDP"
        yield from _keyword_problems(rule, side, ports)


def _keyword_problems(rule: FirewallRule, side: str, ports: PortSet) -> Iterator[str]:
    if not ports.keywords:
        return
    words = ", ".join(sorted(ports.keywords))
    wanted = Direction.IN if side == "local" else Direction.OUT
    if rule.direction is not wanted:
        yield f"{side} port keywords ({words}) are for {wanted.value.lower()}bound rules"
    if side == "remote" and not ports.keywords <= _OUTBOUND_TCP_KEYWORDS:
        yield f"not a remote port: {words}"
    if rule.protocol != TCP and ports.keywords & (_INBOUND_TCP_KEYWORDS | _OUTBOUND_TCP_KEYWORDS):
        yield f"{words} needs protocol TCP"
    if rule.protocol != UDP and "Teredo" in ports.keywords:
        yield "Teredo needs protocol UDP"


def _flag_problems(rule: FirewallRule) -> Iterator[str]:
    if not rule.profiles:
        yield "a rule has at least one profile"
    if rule.edge_traversal is not EdgeTraversal.NO and rule.direction is Direction.OUT:
        yield "edge traversal is for inbound rules"
    secure = rule.is_other("Security", "Security2", "Security2_9")
    if rule.action is Action.BYPASS and not secure:
        yield "action ByPass needs authentication (Security)"
    if secure and rule.action is Action.BLOCK:
        yield "authentication (Security) is for rules that allow"
    if rule.is_other("RMAuth", "RUAuth") and not secure:
        yield "a list of remote machines or users needs authentication (Security)"
    if rule.local_addresses.keywords:
        yield "local addresses have no keywords"
