# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One Windows Firewall rule as text: `v2.10|Action=Allow|Active=TRUE|Dir=In|...|Name=x|`.

A rule is its version and its fields in stored order, unknown ones included; everything else is a reading of them. This
module knows the grammar and what the service refuses, not where rules are kept (firewall.py) or when one matches
(firewall_match.py).

Source: MS-GPFAS 2.2.2 (grammar), MS-FASP 2.2.37 (semantic checks), dcom.md 5.2. The order in which the service writes
fields is taken from the rules Windows ships and from one capture of Server 2025 (schema 2.33).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

PROTOCOL_TCP = 6
PROTOCOL_UDP = 17
PROTOCOL_ICMP4 = 1
PROTOCOL_ICMP6 = 58

DOMAIN, PRIVATE, PUBLIC = PROFILES = ("Domain", "Private", "Public")
MAX_PROGRAM = 259
MAX_RULE_ID = 511
MAX_NAME = 9999
FORBIDDEN_IN_PROGRAM = frozenset('/*?"<>|')

# Fields in the order in which the service writes them; unknown fields follow.
FIELD_ORDER = (
    "Action", "Active", "Dir", "Protocol", "Profile", "LPort", "LPort2_10", "LPort2_20", "LPort2_24", "LPort2_29",
    "RPort", "RPort2_10", "ICMP4", "ICMP6", "LA4", "LA6", "RA4", "RA42", "RA6", "RA62", "IF", "IFType", "App", "Svc",
    "Name", "Desc", "LUAuth", "LUOwn", "AppPkgId", "RMauth", "RUAuth", "EmbedCtxt", "Edge", "Defer", "Security",
    "Security2_9", "Security2", "LSM", "LOM", "Platform", "Platform2", "SkipVer", "PCross", "AuthByPassOut", "NNm",
    "TTK", "TTK2_22", "TTK2_27", "TTK2_28", "LUAuth2_24", "SecurityRealmId",
)  # fmt: skip
_KNOWN = {name.upper(): name for name in FIELD_ORDER}
_POSITION = {name: index for index, name in enumerate(FIELD_ORDER)}
# A range and a single port have different keys but one list: the order of the list is kept.
_POSITION.update({"LPort2_10": _POSITION["LPort"], "RPort2_10": _POSITION["RPort"]})
_REPEATABLE = frozenset(
    name for name in FIELD_ORDER if name.startswith(("LPort", "RPort", "LA", "RA", "ICMP", "Profile", "IF", "Platform"))
)

# Schema version by build (GPFAS <1>, FASP <12> as dcom.md 5.2 lists them; 22000 is an inference from 20348).
_SCHEMAS = (
    (26100, (2, 33)), (22621, (2, 32)), (20348, (2, 31)), (18362, (2, 30)), (17763, (2, 29)), (17134, (2, 28)),
    (15063, (2, 27)), (14393, (2, 26)), (10586, (2, 25)), (10240, (2, 24)), (9600, (2, 22)), (9200, (2, 20)),
    (7600, (2, 10)),
)  # fmt: skip

_VERSION = re.compile(r"[vV](\d{1,3})\.(\d{1,3})")
_PORT_KEYWORDS_IN = {"RPC": "RPC", "RPC-EPMAP": "RPC-EPMap", "TEREDO": "Teredo"}


class RuleError(ValueError):
    """A text is no rule, or the service would refuse it."""


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """Schema version and fields `(key, value)`, keys spelled as in `FIELD_ORDER` where they are known."""

    version: tuple[int, int]
    fields: tuple[tuple[str, str], ...]

    def values(self, *keys: str) -> list[str]:
        """The values of these keys in stored order."""
        return [value for key, value in self.fields if key in keys]

    def value(self, key: str, default: str = "") -> str:
        """The first value of a key. The grammar allows most keys once."""
        return next(iter(self.values(key)), default)

    @property
    def action(self) -> str:
        return self.value("Action")

    @property
    def is_active(self) -> bool:
        """Absent means FALSE (dcom.md 5.2)."""
        return self.value("Active").upper() == "TRUE"

    @property
    def direction(self) -> str:
        return self.value("Dir")

    @property
    def protocol(self) -> int | None:
        """None: any protocol."""
        text = self.value("Protocol")
        return int(text) if text else None

    @property
    def profiles(self) -> frozenset[str]:
        """The profiles the rule applies to; all three where none is named."""
        return frozenset(self.values("Profile")) or frozenset(PROFILES)

    @property
    def name(self) -> str:
        return self.value("Name")

    @property
    def grouping(self) -> str:
        return self.value("EmbedCtxt")

    def with_values(self, key: str, values: Iterable[str]) -> FirewallRule:
        """The rule with exactly these values of one key, the other fields kept, in the order the service writes."""
        kept = [item for item in self.fields if item[0] != key]
        return replace(self, fields=canonical_order([*kept, *((key, value) for value in values)]))

    def __str__(self) -> str:
        return "".join([f"v{self.version[0]}.{self.version[1]}|", *(f"{key}={value}|" for key, value in self.fields)])


def schema_version(build: int) -> tuple[int, int]:
    """The rule schema that a Windows build writes."""
    return next((version for first_build, version in _SCHEMAS if build >= first_build), (2, 0))


def canonical_order(fields: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(fields, key=lambda item: _POSITION.get(item[0], len(FIELD_ORDER))))


def parse_rule(text: str) -> FirewallRule:
    """The rule a text stands for. Raises: RuleError where the grammar is broken or the service would not load it."""
    head, *tokens = text.split("|")
    version = _VERSION.fullmatch(head)
    if version is None or not tokens or tokens.pop() != "":
        raise RuleError(f"no version, or no closing pipe: {text!r}")
    fields = []
    for token in tokens:
        key, equals, value = token.partition("=")
        if not equals or not key:
            raise RuleError(f"no field: {token!r}")
        fields.append((_KNOWN.get(key.upper(), key), value))
    rule = FirewallRule((int(version[1]), int(version[2])), tuple(fields))
    check_rule(rule)
    return rule


def check_rule(rule: FirewallRule) -> None:
    """Refuse what the service refuses. Raises: RuleError. Source: MS-FASP 2.2.37, MS-GPFAS 2.2.2 (dcom.md 5.2)."""
    _check_once(rule)
    for key, allowed in (("Action", ("Allow", "Block", "ByPass")), ("Dir", ("In", "Out"))):
        if rule.value(key) not in allowed:
            raise RuleError(f"{key} {rule.value(key)!r}")
    if rule.value("Active", "FALSE").upper() not in ("TRUE", "FALSE"):
        raise RuleError(f"Active {rule.value('Active')!r}")
    if not 0 < len(rule.name) <= MAX_NAME or rule.name.upper() == "ALL":
        raise RuleError(f"Name {rule.name!r}")
    if any(profile not in PROFILES for profile in rule.values("Profile")):
        raise RuleError(f"Profile {rule.values('Profile')}")
    check_program(rule.value("App"))
    _check_ports(rule)
    for key in ("LA4", "RA4", "LA6", "RA6"):
        for text in rule.values(key):
            check_address(text, int(key[2]), allows_keywords=key.startswith("RA"))
    if rule.value("Edge").upper() == "TRUE" and rule.direction == "Out":
        raise RuleError("Edge on an outbound rule")


def _check_once(rule: FirewallRule) -> None:
    seen: set[str] = set()
    for key, _unused in rule.fields:
        if key in seen and key in _POSITION and key not in _REPEATABLE:
            raise RuleError(f"{key} twice")
        seen.add(key)


def check_program(path: str) -> None:
    """Raises: RuleError for a path of 260 characters or more, or one with a character no path of a rule may have."""
    if len(path) > MAX_PROGRAM or FORBIDDEN_IN_PROGRAM & set(path):
        raise RuleError(f"App {path!r}")


def _check_ports(rule: FirewallRule) -> None:
    protocol = rule.value("Protocol")
    if protocol and (not protocol.isascii() or not protocol.isdigit() or int(protocol) > 255):
        raise RuleError(f"Protocol {protocol!r}")
    local, remote = _ports(rule, "LPort"), _ports(rule, "RPort")
    if (local or remote) and rule.protocol not in (PROTOCOL_TCP, PROTOCOL_UDP):
        raise RuleError("ports without Protocol=6 or 17")
    keys = [key for key, _unused in rule.fields]
    if (local or remote) and keys.index("Protocol") > min(map(keys.index, filter(_is_port_key, keys))):
        raise RuleError("ports before Protocol")
    for text in local:
        _check_local_port(text, rule)
    for text in remote:
        if text.upper() in _PORT_KEYWORDS_IN:
            raise RuleError(f"RPort {text}")
        _check_number_or_keyword(text)


def _is_port_key(key: str) -> bool:
    return key.startswith(("LPort", "RPort"))


def _ports(rule: FirewallRule, prefix: str) -> list[str]:
    return [value for key, value in rule.fields if key.startswith(prefix)]


def _check_local_port(text: str, rule: FirewallRule) -> None:
    if text.upper() not in _PORT_KEYWORDS_IN:
        _check_number_or_keyword(text)
        return
    if rule.direction != "In":
        raise RuleError(f"LPort {text} on an outbound rule")
    if text.upper() != "TEREDO" and rule.protocol != PROTOCOL_TCP:
        raise RuleError(f"LPort {text} without Protocol=6")


def _check_number_or_keyword(text: str) -> None:
    """Digits are a port or a range of them; other words (IPHTTPSIn, mDNS ...) are keywords this module passes on."""
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text):
        return
    port_range(text)


def port_range(text: str) -> tuple[int, int]:
    """First and last port of `135` or `5000-5100`. Raises: RuleError."""
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not 0 <= first <= last <= 65535:
        raise RuleError(f"port {text!r}")
    return first, last


ADDRESS_KEYWORDS = {word.upper(): word for word in ("LocalSubnet", "DNS", "DHCP", "WINS", "DefaultGateway")}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_address(text: str, family: int, *, allows_keywords: bool) -> None:
    """Raises: RuleError unless the text is an address, range or subnet of the family, or a keyword where allowed."""
    if allows_keywords and text.upper() in ADDRESS_KEYWORDS:
        return
    first, _unused = address_range(text)
    if first.version != family:
        raise RuleError(f"address {text!r} is not IPv{family}")


def address_range(text: str) -> tuple[Address, Address]:
    """First and last address of `a`, `a-b`, `net/prefix` or `net/mask`. Raises: RuleError."""
    try:
        if "/" in text:
            network = ipaddress.ip_network(text, strict=False)
            return network[0], network[-1]
        first_text, dash, last_text = text.partition("-")
        first = ipaddress.ip_address(first_text)
        last = ipaddress.ip_address(last_text) if dash else first
    except ValueError as error:
        raise RuleError(f"address {text!r}") from error
    if first.version != last.version or int(first) > int(last):
        raise RuleError(f"address range {text!r}")
    return first, last
