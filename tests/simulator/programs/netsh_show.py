# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`netsh advfirewall firewall show rule` as text: labels and words by language, values as people published them."""

from __future__ import annotations

import ipaddress

from ..subsystems.firewall import StoredRule
from ..subsystems.firewall_rule import PROFILES, FirewallRule
from ..subsystems.firewall_shipped import resolve_text
from .netsh_texts import RULE_COLUMN, RULE_LABELS, RULE_WORDS, for_language

LINE = "-" * 70
_PROTOCOL_NAMES = {None: "Any", 6: "TCP", 17: "UDP", 1: "ICMPv4", 58: "ICMPv6"}
_EDGE = {("TRUE", ""): "Yes", ("TRUE", "App"): "Defer to application", ("TRUE", "User"): "Defer to user"}
_SECURITY = {
    "": "NotRequired",
    "Authenticate": "Authenticate",
    "AuthenticateEncrypt": "AuthEnc",
    "An-NoEncap": "AuthNoEncap",
    "AnE-Nego": "AuthDynEnc",
}


def show_rule(item: StoredRule, language: str, *, verbose: bool) -> str:
    """One rule with the empty line before it."""
    rule = item.rule
    rows = [("enabled", "Yes" if rule.is_active else "No"), ("direction", rule.direction)]
    rows += [("profiles", ",".join(name for name in PROFILES if name in rule.profiles))]
    rows += [("grouping", resolve_text(rule.grouping, language))]
    rows += [("localip", _addresses(rule, "LA")), ("remoteip", _addresses(rule, "RA"))]
    rows += [("protocol", _PROTOCOL_NAMES.get(rule.protocol, str(rule.protocol)))]
    if rule.protocol in (6, 17):
        rows += [("localport", _ports(rule, "LPort")), ("remoteport", _ports(rule, "RPort"))]
    rows += [("edge", _EDGE.get((rule.value("Edge").upper(), rule.value("Defer")), "No"))]
    if verbose:
        rows += _verbose_rows(item)
    rows += [("action", {"ByPass": "Bypass"}.get(rule.action, rule.action))]
    head = _row("name", resolve_text(rule.name, language), language)
    description = rule.value("Desc")
    body = [_row("description", resolve_text(description, language), language)] if verbose and description else []
    body += [_row(label, _translated(value, language), language) for label, value in rows]
    return "\r\n".join(["", head, LINE, *body]) + "\r\n"


def _verbose_rows(item: StoredRule) -> list[tuple[str, str]]:
    rule = item.rule
    rows = [("program", rule.value("App"))] if rule.value("App") else []
    if rule.value("Svc"):
        rows += [("service", "Any" if rule.value("Svc") == "*" else rule.value("Svc"))]
    security = next(iter(rule.values("Security", "Security2", "Security2_9")), "")
    rows += [("interfacetypes", rule.value("IFType", "Any")), ("security", _SECURITY.get(security, security))]
    return [*rows, ("source", "Group Policy Setting" if item.is_policy else "Local Setting")]


def _row(label: str, value: str, language: str) -> str:
    width = RULE_COLUMN.get(language, RULE_COLUMN["en-US"])
    return for_language(RULE_LABELS, language)[label].ljust(width) + value


def _translated(value: str, language: str) -> str:
    words = for_language(RULE_WORDS, language)
    if value in words:
        return words[value]
    return ",".join(words.get(part, part) for part in value.split(","))


def _ports(rule: FirewallRule, prefix: str) -> str:
    return ",".join(value for key, value in rule.fields if key.startswith(prefix)) or "Any"


def _addresses(rule: FirewallRule, side: str) -> str:
    texts = [shown_address(text) for text in rule.values(f"{side}4", f"{side}42", f"{side}6", f"{side}62")]
    return ",".join(dict.fromkeys(texts)) or "Any"  # a keyword is stored for both families and shown once


def shown_address(text: str) -> str:
    """`10.0.0.1` is shown as `10.0.0.1/32`, a mask as its length (`/24`); ranges and keywords as they are."""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return text
