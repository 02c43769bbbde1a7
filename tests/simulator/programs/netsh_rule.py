# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of `netsh advfirewall firewall ... rule` as fields of a rule, and as conditions that select rules.

Source: netsh's own help for `add rule`, `set rule`, `delete rule`; Microsoft "Netsh AdvFirewall Firewall Commands";
dcom.md 5.2 and 5.4. How a value is stored was compared with the rules that netsh left on Windows 11 (schema 2.32) and
Server 2025 (2.33): profile any writes no field, an IPv4 subnet is written with its mask, LocalSubnet for both families.
Unverified: which of the messages a wrong combination gets; that loopback and unspecified addresses are refused; that
selectors compare whole lists; that `program=any` means no program.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

from ..subsystems.firewall_match import same_path
from ..subsystems.firewall_rule import (
    ADDRESS_KEYWORDS,
    MAX_NAME,
    PROFILES,
    FirewallRule,
    RuleError,
    address_range,
    canonical_order,
    check_program,
    check_rule,
    port_range,
)
from .netsh_arguments import Arguments, NetshError
from .netsh_texts import Text

SELECTORS = ("dir", "profile", "program", "service", "localip", "remoteip", "localport", "remoteport", "protocol")
PROPERTIES = (
    "name", "dir", "program", "service", "action", "description", "enable", "profile", "localip", "remoteip",
    "localport", "remoteport", "protocol", "interfacetype", "rmtcomputergrp", "rmtusrgrp", "edge", "security",
)  # fmt: skip

Fields = list[tuple[str, str]]
PROTOCOLS = {"tcp": "6", "udp": "17", "icmpv4": "1", "icmpv6": "58"}
_LOCAL_PORT_WORDS = {
    "rpc": ("LPort", "RPC"),
    "rpc-epmap": ("LPort", "RPC-EPMap"),
    "teredo": ("LPort", "Teredo"),
    "iphttps": ("LPort2_10", "IPHTTPSIn"),
}
_REMOTE_PORT_WORDS = {"iphttps": ("RPort2_10", "IPHTTPSOut")}
_SECURITY = {
    "notrequired": [],
    "authenticate": [("Security", "Authenticate")],
    "authenc": [("Security", "AuthenticateEncrypt")],
    "authdynenc": [("Security2", "AnE-Nego")],
    "authnoencap": [("Security2_9", "An-NoEncap")],
}
_EDGE = {
    "no": [],
    "yes": [("Edge", "TRUE")],
    "deferapp": [("Edge", "TRUE"), ("Defer", "App")],
    "deferuser": [("Edge", "TRUE"), ("Defer", "User")],
}
_INTERFACES = {"wireless": "Wireless", "lan": "Lan", "ras": "RemoteAccess"}

# Keys of a rule that an option replaces as a whole.
REPLACED_KEYS: dict[str, tuple[str, ...]] = {
    "name": ("Name",),
    "dir": ("Dir",),
    "action": ("Action",),
    "enable": ("Active",),
    "description": ("Desc",),
    "program": ("App",),
    "service": ("Svc",),
    "profile": ("Profile",),
    "localip": ("LA4", "LA6"),
    "remoteip": ("RA4", "RA42", "RA6", "RA62"),
    "localport": ("LPort", "LPort2_10", "LPort2_20", "LPort2_24", "LPort2_29"),
    "remoteport": ("RPort", "RPort2_10"),
    "protocol": ("Protocol", "ICMP4", "ICMP6"),
    "interfacetype": ("IFType",),
    "rmtcomputergrp": ("RMauth",),
    "rmtusrgrp": ("RUAuth",),
    "edge": ("Edge", "Defer"),
    "security": ("Security", "Security2", "Security2_9"),
}


def _word(value: str, words: Mapping[str, str]) -> str:
    if value.lower() not in words:
        raise NetshError(Text.INVALID_VALUE)
    return words[value.lower()]


def _text(value: str) -> str:
    if "|" in value or len(value) > MAX_NAME:
        raise NetshError(Text.INVALID_VALUE)
    return value


def _name(value: str) -> Fields:
    if value.lower() == "all":
        raise NetshError(Text.INVALID_VALUE)
    return [("Name", _text(value))]


def _program(value: str) -> Fields:
    if value.lower() == "any":
        return []
    try:
        check_program(value)
    except RuleError as error:
        raise NetshError(Text.INVALID_VALUE) from error
    return [("App", value)]


def _service(value: str) -> Fields:
    return [("Svc", "*" if value.lower() == "any" else _text(value))]


def _profile(value: str) -> Fields:
    words = [word.lower() for word in value.split(",")]
    if words == ["any"]:
        return []
    if any(word.capitalize() not in PROFILES for word in words):
        raise NetshError(Text.INVALID_VALUE)
    return [("Profile", name) for name in PROFILES if name.lower() in words]


def _protocol(value: str) -> Fields:
    word, colon, types = value.lower().partition(":")
    if word == "any" and not colon:
        return []
    if word in ("icmpv4", "icmpv6") and colon:
        return [("Protocol", PROTOCOLS[word]), (f"ICMP{word[-1]}", _icmp(types))]
    number = PROTOCOLS.get(word, word)
    if colon or not number.isascii() or not number.isdigit() or int(number) > 255:
        raise NetshError(Text.INVALID_PROTOCOL)
    return [("Protocol", str(int(number)))]


def _icmp(types: str) -> str:
    match = re.fullmatch(r"(\d{1,3}|any),(\d{1,3}|any)", types)
    if match is None or any(part != "any" and int(part) > 255 for part in match.groups()):
        raise NetshError(Text.INVALID_PROTOCOL)
    return ":".join("*" if part == "any" else str(int(part)) for part in match.groups())


def _ports(prefix: str, words: Mapping[str, tuple[str, str]]) -> Callable[[str], Fields]:
    def convert(value: str) -> Fields:
        if value.lower() == "any":
            return []
        return [words.get(part.lower()) or _port_field(prefix, part) for part in value.split(",")]

    return convert


def _port_field(prefix: str, part: str) -> tuple[str, str]:
    try:
        first, last = port_range(part)
    except RuleError as error:
        raise NetshError(Text.INVALID_PORT) from error
    return (f"{prefix}2_10", f"{first}-{last}") if first != last else (prefix, str(first))


def _addresses(side: str) -> Callable[[str], Fields]:
    def convert(value: str) -> Fields:
        if value.lower() == "any":
            return []
        fields = [field for part in value.split(",") for field in _address_fields(side, part)]
        return sorted(fields, key=lambda field: field[0])

    return convert


def _address_fields(side: str, part: str) -> Fields:
    keyword = ADDRESS_KEYWORDS.get(part.upper())
    if keyword is not None and side == "RA":
        return [(f"{side}4", keyword), (f"{side}6", keyword)]
    try:
        first, _unused = address_range(part)
    except RuleError as error:
        raise NetshError(Text.INVALID_ADDRESS) from error
    if first.is_loopback or first.is_unspecified:
        raise NetshError(Text.INVALID_ADDRESS)
    return [(f"{side}{first.version}", stored_address(part))]


def stored_address(text: str) -> str:
    """The form in the store: `10.0.0.0/255.255.255.0`, `fe80::/64`, `10.0.0.1`, `10.0.0.1-10.0.0.9`."""
    if "/" not in text:
        return "-".join(str(ipaddress.ip_address(part)) for part in text.split("-"))
    network = ipaddress.ip_network(text, strict=False)
    if network.num_addresses == 1:
        return str(network.network_address)
    return network.with_netmask if network.version == 4 else str(network)


_CONVERTERS: dict[str, Callable[[str], Fields]] = {
    "name": _name,
    "dir": lambda value: [("Dir", _word(value, {"in": "In", "out": "Out"}))],
    "action": lambda value: [("Action", _word(value, {"allow": "Allow", "block": "Block", "bypass": "ByPass"}))],
    "enable": lambda value: [("Active", _word(value, {"yes": "TRUE", "no": "FALSE"}))],
    "description": lambda value: [("Desc", _text(value))],
    "program": _program,
    "service": _service,
    "profile": _profile,
    "localip": _addresses("LA"),
    "remoteip": _addresses("RA"),
    "localport": _ports("LPort", _LOCAL_PORT_WORDS),
    "remoteport": _ports("RPort", _REMOTE_PORT_WORDS),
    "protocol": _protocol,
    "interfacetype": lambda value: [] if value.lower() == "any" else [("IFType", _word(value, _INTERFACES))],
    "rmtcomputergrp": lambda value: [("RMauth", _text(value))],
    "rmtusrgrp": lambda value: [("RUAuth", _text(value))],
    "edge": lambda value: _choice(value, _EDGE),
    "security": lambda value: _choice(value, _SECURITY),
}


def _choice(value: str, choices: Mapping[str, Fields]) -> Fields:
    if value.lower() not in choices:
        raise NetshError(Text.INVALID_VALUE)
    return choices[value.lower()]


def option_fields(option: str, value: str) -> Fields:
    """The fields an option stands for; none where it means "any". Raises: NetshError."""
    return _CONVERTERS[option](value)


def new_rule(arguments: Arguments, schema: tuple[int, int]) -> FirewallRule:
    """The rule that `add rule` makes. Raises: NetshError."""
    fields: Fields = [("Active", "TRUE")] if arguments.get("enable") is None else []
    for option, value in arguments.values.items():
        fields += option_fields(option, value)
    return checked(FirewallRule(schema, canonical_order(fields)))


def changed_rule(rule: FirewallRule, changes: Arguments) -> FirewallRule:
    """The rule with the properties after `new`. Raises: NetshError."""
    fields = list(rule.fields)
    for option, value in changes.values.items():
        fields = [item for item in fields if item[0] not in REPLACED_KEYS[option]] + option_fields(option, value)
    return checked(FirewallRule(rule.version, canonical_order(fields)))


def checked(rule: FirewallRule) -> FirewallRule:
    """The rule, if the service accepts it. Raises: NetshError with the message netsh prints."""
    ports = [key for key, _unused in rule.fields if key.startswith(("LPort", "RPort"))]
    if ports and rule.protocol not in (6, 17):
        raise NetshError(Text.INVALID_PROTOCOL)
    secured = any(key.startswith("Security") for key, _unused in rule.fields)
    if rule.values("RMauth", "RUAuth") and not secured:
        raise NetshError(Text.INVALID_VALUE)
    if rule.action == "ByPass" and not (secured and (rule.direction == "Out" or rule.value("RMauth"))):
        raise NetshError(Text.INVALID_VALUE)
    try:
        check_rule(rule)
    except RuleError as error:
        raise NetshError(Text.INVALID_PORT if ports else Text.INVALID_VALUE) from error
    return rule


def selects(arguments: Arguments, rule: FirewallRule, variables: Mapping[str, str]) -> bool:
    """Whether a rule has every property that the selectors name."""
    return all(
        _has(rule, option, value, variables) for option, value in arguments.values.items() if option in SELECTORS
    )


def _has(rule: FirewallRule, option: str, value: str, variables: Mapping[str, str]) -> bool:
    wanted = option_fields(option, value)
    if option == "program":
        return same_path(rule.value("App"), dict(wanted).get("App", ""), variables)
    if option == "profile":
        return rule.profiles == (frozenset(name for _unused, name in wanted) or frozenset(PROFILES))
    actual = [item for item in rule.fields if item[0] in REPLACED_KEYS[option]]
    return {(key, text.upper()) for key, text in actual} == {(key, text.upper()) for key, text in wanted}
