# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""A firewall rule by meaning: what MS-GPFAS 2.2.2 lets a rule string say, in typed fields.

`parse_rule` reads a rule string, `FirewallRule.problems` says which rules of MS-FASP 2.2.37 it breaks, and
`format_rule` writes one. Fields that the collection has no use for stay in `other`, untouched and in order. The text of
a rule on a host is never rewritten from here: changes go through netsh (_netsh.py).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TypeVar

from ._errors import DomainError, RuleSyntaxError
from ._firewall_grammar import RuleField, RuleText, format_rule_text, parse_rule_text
from ._firewall_values import (
    ADDRESS_KEYWORDS,
    ANY_ADDRESS,
    ANY_PORT,
    PORT_KEYWORDS,
    AddressSet,
    PortSet,
    Range,
    address_keyword,
    is_address,
    parse_address_range,
    parse_port,
    stored_address,
)

TCP = 6
UDP = 17
PROTOCOL_NAMES = {1: "ICMPv4", TCP: "TCP", UDP: "UDP", 58: "ICMPv6"}

ANY_SERVICE = "*"


class Direction(enum.Enum):
    IN = "In"
    OUT = "Out"


class Action(enum.Enum):
    ALLOW = "Allow"
    BLOCK = "Block"
    BYPASS = "ByPass"


class Profile(enum.Enum):
    DOMAIN = "Domain"
    PRIVATE = "Private"
    PUBLIC = "Public"


class EdgeTraversal(enum.Enum):
    """Whether unsolicited traffic through a NAT edge is let in (FW_RULE_FLAGS_ROUTEABLE_ADDRS_TRAVERSE*)."""

    NO = "no"
    YES = "yes"
    DEFER_TO_APPLICATION = "defer to application"
    DEFER_TO_USER = "defer to user"


ALL_PROFILES = frozenset(Profile)

Word = TypeVar("Word", bound=enum.Enum)


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One rule. Absent means "any" as the grammar has it: `None` for protocol, program and service, the empty set for
    ports and addresses, all three profiles.

    `program` is a path as stored, perhaps with ``%variables%``; ``System`` is the kernel. `service` is the short name
    of a service; ``*`` limits the rule to services, which is *not* the same as no limit. `other` holds every field that
    is not one of the above, in order. `written` is how the four sets were written, by field name: netsh may compare
    lists as they are written, so a rule is named the way it is stored. It is no part of the rule's meaning.
    """

    name: str
    direction: Direction
    action: Action = Action.ALLOW
    enabled: bool = True
    protocol: int | None = None
    profiles: frozenset[Profile] = ALL_PROFILES
    local_ports: PortSet = ANY_PORT
    remote_ports: PortSet = ANY_PORT
    local_addresses: AddressSet = ANY_ADDRESS
    remote_addresses: AddressSet = ANY_ADDRESS
    program: str | None = None
    service: str | None = None
    description: str = ""
    grouping: str = ""
    edge_traversal: EdgeTraversal = EdgeTraversal.NO
    other: tuple[RuleField, ...] = ()
    written: tuple[tuple[str, str], ...] = field(default=(), compare=False, repr=False)

    def parts(self, name: str) -> tuple[str, ...]:
        """The members of a set field (`local_ports` ...) as they were written, or else in their normal form.

        A rule made from another by `replace` still carries how that was written; so it is checked.
        """
        value: PortSet | AddressSet = getattr(self, name)
        items = tuple(dict(self.written).get(name, "").split(","))
        try:
            return items if type(value).of(*items) == value else value.texts()
        except DomainError:
            return value.texts()

    def is_other(self, *keys: str) -> bool:
        """Whether the rule has a field of one of these keys among `other`."""
        return any(item.is_key(key) for item in self.other for key in keys)


def parse_rule(text: str) -> FirewallRule:
    """Return the rule a string says.

    Raises: RuleSyntaxError for a field without the value its grammar asks for, for a field that may come once and comes
    twice, for ports before the protocol, and when the action or the direction is missing.
    Source: MS-GPFAS 2.2.2.1-2.2.2.19.
    """
    return _RuleReader(text, parse_rule_text(text)).read()


# Fields that may come once, in lower case.
_SINGLE_FIELDS = frozenset(
    ("action", "active", "dir", "protocol", "app", "svc", "name", "desc", "embedctxt", "edge", "defer")
)

_SIDES = {"l": "local", "r": "remote"}

# Address fields: whose address, and which family.
_ADDRESS_FIELDS = {
    "la4": ("local", 4),
    "la6": ("local", 6),
    "ra4": ("remote", 4),
    "ra6": ("remote", 6),
    "ra42": ("remote", 4),
    "ra62": ("remote", 6),
}

_DEFER = {"app": EdgeTraversal.DEFER_TO_APPLICATION, "user": EdgeTraversal.DEFER_TO_USER}


class _RuleReader:
    """Reads one rule string. `_single` keeps where each single field was found."""

    def __init__(self, text: str, rule: RuleText) -> None:
        self._text = text
        self._rule = rule
        self._single: dict[str, int] = {}
        self._profiles: set[Profile] = set()
        self._ports: dict[str, list[Range | str]] = {"l": [], "r": []}
        self._addresses: dict[str, list[tuple[int, Range | str]]] = {"local": [], "remote": []}
        self._texts: dict[str, list[str]] = {
            "local_ports": [],
            "remote_ports": [],
            "local_addresses": [],
            "remote_addresses": [],
        }
        self._other: list[RuleField] = []

    def read(self) -> FirewallRule:
        for index, item in enumerate(self._rule.fields):
            self._collect(index, item)
        edge = EdgeTraversal.YES if self._flag("edge") else EdgeTraversal.NO
        return FirewallRule(
            name=self._value("name") or "",
            direction=self._required(Direction, "dir"),
            action=self._required(Action, "action"),
            enabled=self._flag("active"),
            protocol=self._protocol(),
            profiles=frozenset(self._profiles) or ALL_PROFILES,
            local_ports=port_set(self._ports["l"]),
            remote_ports=port_set(self._ports["r"]),
            local_addresses=address_set(self._addresses["local"]),
            remote_addresses=address_set(self._addresses["remote"]),
            program=self._value("app") or None,
            service=self._value("svc") or None,
            description=self._value("desc") or "",
            grouping=self._value("embedctxt") or "",
            edge_traversal=self._defer() or edge,
            other=tuple(self._other),
            written=self._written(),
        )

    def _collect(self, index: int, item: RuleField) -> None:
        key = item.key.lower()
        if key in _SINGLE_FIELDS:
            if key in self._single:
                raise self._refuse(index, f"{item.key} comes once in a rule")
            self._single[key] = index
        elif key == "profile":
            self._profiles.add(self._word(Profile, index))
        elif key.startswith(("lport", "rport")):
            self._ports[key[0]].append(self._port(index, key))
            self._texts[f"{_SIDES[key[0]]}_ports"].append(item.value)
        elif key in _ADDRESS_FIELDS:
            side, family = _ADDRESS_FIELDS[key]
            self._addresses[side].append((family, self._address(index, side, family)))
            self._texts[f"{side}_addresses"].append(item.value)
        else:
            self._other.append(item)

    def _written(self) -> tuple[tuple[str, str], ...]:
        """A keyword that stands for both families is written once."""
        return tuple((name, ",".join(dict.fromkeys(texts))) for name, texts in self._texts.items() if texts)

    def _refuse(self, index: int, expected: str) -> RuleSyntaxError:
        item = self._rule.fields[index]
        return RuleSyntaxError(self._text, self._rule.offset_of(index), len(item.key) + 1 + len(item.value), expected)

    def _value(self, key: str) -> str | None:
        return self._rule.fields[self._single[key]].value if key in self._single else None

    def _word(self, words: type[Word], index: int) -> Word:
        value = self._rule.fields[index].value.lower()
        for word in words:
            if value == str(word.value).lower():
                return word
        raise self._refuse(index, f"expected {', '.join(str(word.value) for word in words)}")

    def _required(self, words: type[Word], key: str) -> Word:
        if key not in self._single:
            raise RuleSyntaxError(self._text, len(self._text), 0, f"a rule has a field {key.capitalize()}")
        return self._word(words, self._single[key])

    def _flag(self, key: str) -> bool:
        value = (self._value(key) or "FALSE").upper()
        if value not in ("TRUE", "FALSE"):
            raise self._refuse(self._single[key], "expected TRUE or FALSE")
        return value == "TRUE"

    def _protocol(self) -> int | None:
        value = self._value("protocol")
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 3 and int(value) <= 255):
            raise self._refuse(self._single["protocol"], "expected a protocol, 0-255")
        return int(value)

    def _defer(self) -> EdgeTraversal | None:
        value = self._value("defer")
        if value is None:
            return None
        if value.lower() not in _DEFER:
            raise self._refuse(self._single["defer"], "expected App or User")
        return _DEFER[value.lower()]

    def _port(self, index: int, key: str) -> Range | str:
        """A port field. Fields of schemas newer than 2.10 hold keywords only, of which new ones keep appearing."""
        item = self._rule.fields[index]
        if "protocol" not in self._single or self._protocol() not in (TCP, UDP):
            raise self._refuse(index, "ports come after Protocol=6 or Protocol=17")
        try:
            port = parse_port(item.value)
        except DomainError as error:
            raise self._refuse(index, str(error)) from error
        keywords = PORT_KEYWORDS.get(key)
        if isinstance(port, str):
            fits = keywords is None or port in keywords
        else:
            fits = keywords is not None and ("-" in item.value) == key.endswith("_10")
        if not fits:
            raise self._refuse(index, f"{item.key} does not take this port")
        return port

    def _address(self, index: int, side: str, family: int) -> Range | str:
        value = self._rule.fields[index].value
        try:
            is_word = side == "remote" and value.isalnum() and not value[0].isdigit()
            return address_keyword(value) if is_word else parse_address_range(value, family)
        except DomainError as error:
            raise self._refuse(index, str(error)) from error


def port_set(ports: list[Range | str]) -> PortSet:
    """The set of what `parse_port` returned."""
    ranges = tuple(port for port in ports if not isinstance(port, str))
    return PortSet(ranges, frozenset(port for port in ports if isinstance(port, str)))


def address_set(addresses: list[tuple[int, Range | str]]) -> AddressSet:
    """The set of ranges and keywords, each with its family."""
    ranges: dict[int, list[Range]] = {4: [], 6: []}
    keywords: set[tuple[int, str]] = set()
    for family, address in addresses:
        if isinstance(address, str):
            keywords.add((family, address))
        else:
            ranges[family].append(address)
    return AddressSet(tuple(ranges[4]), tuple(ranges[6]), frozenset(keywords))


def format_rule(rule: FirewallRule, version: tuple[int, int] = (2, 10)) -> str:
    """A rule string that `parse_rule` reads as this rule, fields in the order Windows writes them.

    Windows keeps networks as net/mask; so does this. Source: MS-GPFAS 2.2.2.19, 4.2.
    """
    fields = [
        RuleField("Action", rule.action.value),
        RuleField("Active", "TRUE" if rule.enabled else "FALSE"),
        RuleField("Dir", rule.direction.value),
        *([] if rule.protocol is None else [RuleField("Protocol", str(rule.protocol))]),
        *(
            RuleField("Profile", item.value)
            for item in Profile
            if rule.profiles != ALL_PROFILES and item in rule.profiles
        ),
        *_port_fields(rule, "local"),
        *_port_fields(rule, "remote"),
        *_address_fields(rule, "local"),
        *_address_fields(rule, "remote"),
        *([] if rule.program is None else [RuleField("App", rule.program)]),
        *([] if rule.service is None else [RuleField("Svc", rule.service)]),
        RuleField("Name", rule.name),
        *([RuleField("Desc", rule.description)] if rule.description else []),
        *([RuleField("EmbedCtxt", rule.grouping)] if rule.grouping else []),
        *_edge_fields(rule.edge_traversal),
        *rule.other,
    ]
    return format_rule_text(RuleText(f"v{version[0]}.{version[1]}", tuple(fields)))


def _profile_fields(rule: FirewallRule) -> list[RuleField]:
    return [RuleField("Profile", item.value) for item in Profile if item in rule.profiles]


def _port_fields(rule: FirewallRule, side: str) -> list[RuleField]:
    letter = side[0].upper()
    return [RuleField(_port_key(letter, part), part) for part in rule.parts(f"{side}_ports")]


def _port_key(letter: str, part: str) -> str:
    if part[0].isdigit():
        return f"{letter}Port2_10" if "-" in part else f"{letter}Port"
    for key in (f"{letter}Port", f"{letter}Port2_10"):
        if part in PORT_KEYWORDS[key.lower()]:
            return key
    return f"{letter}Port2_20"


def _address_fields(rule: FirewallRule, side: str) -> list[RuleField]:
    """IPv4 before IPv6. Windows stores an IPv4 network as net/mask."""
    letter = side[0].upper()
    addresses: AddressSet = getattr(rule, f"{side}_addresses")
    parts = [part for part in rule.parts(f"{side}_addresses") if is_address(part)]
    fields = [RuleField(f"{letter}A{6 if ':' in part else 4}", stored_address(part)) for part in parts]
    for family, word in sorted(addresses.keywords):
        fields.append(RuleField(f"{letter}A{family}{'' if word in ADDRESS_KEYWORDS else 2}", word))
    return sorted(fields, key=lambda item: item.key[2])


def _edge_fields(edge: EdgeTraversal) -> list[RuleField]:
    """As Windows writes it: built-in rules have Edge and Defer=App, rules of the "allow access" box only Defer=User."""
    return {
        EdgeTraversal.NO: [],
        EdgeTraversal.YES: [RuleField("Edge", "TRUE")],
        EdgeTraversal.DEFER_TO_APPLICATION: [RuleField("Edge", "TRUE"), RuleField("Defer", "App")],
        EdgeTraversal.DEFER_TO_USER: [RuleField("Defer", "User")],
    }[edge]
