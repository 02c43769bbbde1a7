# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Firewall rules as `netsh advfirewall firewall` commands, safe to hand to ``cmd /c`` as WinRM runs it.

Invariants: a value reaches netsh exactly as it is in the rule or `NetshError` is raised before anything runs; no value
can end its argument or start a second command. netsh cannot address a rule by its id, so `RuleSelector` names one by
every property netsh can select by, and says which stored rules it may hit.
Sources: netsh's own help texts for add, set and delete rule (dcom.md 5.4); quoting: wsman_cim.md 6.1.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from ._errors import DomainError
from ._firewall_compare import Environment, expand_path, same_name, same_path
from ._firewall_rule import ALL_PROFILES, ANY_SERVICE, TCP, UDP, Action, Direction, EdgeTraversal, FirewallRule, Profile
from ._firewall_values import (
    ADDRESS_KEYWORDS,
    ANY_ADDRESS,
    ANY_PORT,
    RPC,
    RPC_EPMAP,
    AddressSet,
    Match,
    PortSet,
    is_address,
    stored_address,
)

EXECUTABLE = "netsh.exe"

# The fields of a rule that are lists to netsh.
_LISTS = ("local_ports", "remote_ports", "local_addresses", "remote_addresses")

# cmd.exe takes 8191 characters; WinRM puts "cmd.exe /c" and quotes around ours.
MAX_COMMAND_LINE = 8000

_PLAIN = re.compile(r"[A-Za-z0-9_.:,/*-]+\Z")
_ABSOLUTE = re.compile(r"[A-Za-z]:\\|\\\\[^\\]|system\Z", re.IGNORECASE)
_PORT_KEYWORDS = frozenset((RPC, RPC_EPMAP, "Teredo"))


class NetshError(DomainError):
    """A rule cannot be handed to netsh, or not without a doubt. Nothing has been run."""


@dataclass(frozen=True, slots=True)
class NetshCommand:
    """One netsh command. `arguments` are what netsh must receive, one string per argument, unquoted."""

    arguments: tuple[str, ...]

    def quoted_arguments(self) -> tuple[str, ...]:
        """The arguments as they are joined by blanks into the line for ``cmd /c``."""
        return tuple(quote_argument(argument) for argument in self.arguments)

    def command_line(self, executable: str = EXECUTABLE) -> str:
        """The exact line. It starts with no quote, so cmd strips none from it."""
        return " ".join((executable, *self.quoted_arguments()))


def quote_argument(argument: str) -> str:
    """Quote ``key=value`` so that cmd.exe and the C run time give netsh the same text.

    Inside double quotes cmd takes ``& | < > ^ ( )`` as they are, but still expands ``%name%``, and a quote would end
    the quoting: `check_text` has refused both. Backslashes before the closing quote are doubled, as the C run time
    wants them.
    """
    key, equals, value = argument.partition("=")
    if not equals or (_PLAIN.match(value) and key != "name"):
        return argument
    slashes = len(value) - len(value.rstrip("\\"))
    return f'{key}="{value}{chr(92) * slashes}"'


def check_text(text: str, what: str) -> str:
    """Return the text if every character of it reaches netsh unchanged, quoted, through ``cmd /c``.

    Raises: NetshError for a double quote, a percent sign (cmd expands ``%name%`` also inside quotes and knows no escape
    for it here), control characters, characters XML cannot carry, and blanks at either end.
    """
    for index, character in enumerate(text):
        code = ord(character)
        bad = character in '"%' or code < 0x20 or 0x7F <= code <= 0x9F or 0xD800 <= code <= 0xDFFF
        if bad or code & 0xFFFE == 0xFFFE:
            raise NetshError(
                f"{what} cannot be given to netsh: character {index} of {text!r} is {character!r}, which cmd.exe would "
                "not pass on as it is"
            )
    if not text or text != text.strip():
        raise NetshError(f"{what} cannot be given to netsh: {text!r} is empty, or starts or ends with a blank")
    return text


def _check_name(name: str) -> str:
    if name.lower() == "all":
        raise NetshError("the name 'all' stands for every rule; netsh would change them all")
    if name.startswith("@"):
        raise NetshError(f"the name {name!r} stands for a text in a DLL; such rules belong to Windows or to a product")
    return _check_field(name, "the name of a rule")


def _check_field(text: str, what: str) -> str:
    """A text that netsh stores as it is. Raises: NetshError. Source: MS-GPFAS 2.2.2.19: a bar ends a field."""
    if "|" in text:
        raise NetshError(f"{what} cannot be written: {text!r} holds a '|', which ends a field of a rule")
    return check_text(text, what)


def _check_program(program: str, environment: Environment) -> str:
    """The program as an absolute path: cmd would expand variables with its own environment, so we do it first."""
    expanded = expand_path(program, environment)
    if "%" in expanded:
        raise NetshError(f"the program {program!r} has a variable that this host's environment does not have")
    if not _ABSOLUTE.match(expanded) or any(character in expanded for character in '/*?"<>|'):
        raise NetshError(
            f'the program {program!r} is not a path the firewall takes: drive, backslashes, none of / * ? " < > |'
        )
    return check_text(expanded, "the program")


def _profiles(profiles: frozenset[Profile]) -> str:
    if profiles == ALL_PROFILES:
        return "any"
    return ",".join(item.value.lower() for item in Profile if item in profiles)


def _protocol(protocol: int | None) -> str:
    return {None: "any", TCP: "tcp", UDP: "udp"}.get(protocol, str(protocol))


def _ports(rule: FirewallRule, side: str) -> str:
    ports: PortSet = getattr(rule, f"{side}_ports")
    if ports.is_any:
        return "any"
    if ports.keywords and (ports.ranges or len(ports.keywords) > 1 or not ports.keywords <= _PORT_KEYWORDS):
        raise NetshError(f"netsh takes one of {', '.join(sorted(_PORT_KEYWORDS))} alone, not these ports: {ports}")
    return ",".join(rule.parts(f"{side}_ports"))


def _addresses(rule: FirewallRule, side: str) -> str:
    addresses: AddressSet = getattr(rule, f"{side}_addresses")
    if addresses.is_any:
        return "any"
    for _unused, word in addresses.keywords:
        if word not in ADDRESS_KEYWORDS or not {(4, word), (6, word)} <= addresses.keywords:
            raise NetshError(f"netsh has no way to write this address: {addresses}")
    parts = rule.parts(f"{side}_addresses")
    for part in filter(is_address, parts):
        first = ipaddress.ip_address(part.partition("-")[0].partition("/")[0])
        if first.is_loopback or first.is_unspecified:
            raise NetshError(f"the firewall does not take the address {part}")
    return ",".join(part if is_address(part) else part.lower() for part in parts)


def _service(service: str) -> str:
    if service == ANY_SERVICE:
        return "any"
    if service.lower() == "any":
        raise NetshError("netsh takes the service name 'any' for every service")
    return _check_field(service, "the service")


_EDGE = {
    EdgeTraversal.NO: "no",
    EdgeTraversal.YES: "yes",
    EdgeTraversal.DEFER_TO_APPLICATION: "deferapp",
    EdgeTraversal.DEFER_TO_USER: "deferuser",
}


# netsh's keyword, the field of FirewallRule it sets, and how the field is written; ports after the protocol.
_Writer = Callable[[FirewallRule, Environment], str]
_PROPERTIES: dict[str, tuple[str, _Writer]] = {
    "name": ("name", lambda rule, _: _check_name(rule.name)),
    "dir": ("direction", lambda rule, _: rule.direction.value.lower()),
    "action": ("action", lambda rule, _: rule.action.value.lower()),
    "program": ("program", lambda rule, environment: _check_program(rule.program or "", environment)),
    "service": ("service", lambda rule, _: _service(rule.service or "")),
    "description": ("description", lambda rule, _: _check_field(rule.description, "the description")),
    "enable": ("enabled", lambda rule, _: "yes" if rule.enabled else "no"),
    "profile": ("profiles", lambda rule, _: _profiles(rule.profiles)),
    "localip": ("local_addresses", lambda rule, _: _addresses(rule, "local")),
    "remoteip": ("remote_addresses", lambda rule, _: _addresses(rule, "remote")),
    "protocol": ("protocol", lambda rule, _: _protocol(rule.protocol)),
    "localport": ("local_ports", lambda rule, _: _ports(rule, "local")),
    "remoteport": ("remote_ports", lambda rule, _: _ports(rule, "remote")),
    "edge": ("edge_traversal", lambda rule, _: _EDGE[rule.edge_traversal]),
}

# Written even where netsh's default is the same: a reader of the log sees the whole rule.
_ALWAYS = frozenset(("name", "dir", "action", "enable", "profile", "remoteip", "protocol"))
_NOT_CLEARABLE = frozenset(("program", "service", "description"))
_UNSET = FirewallRule(name="", direction=Direction.IN)


def add_rule(rule: FirewallRule, environment: Environment) -> NetshCommand:
    """The command that makes this rule. netsh gives it a new rule id and cannot write a grouping.

    Raises: NetshError when the rule has something that netsh cannot write.
    """
    unwritable = [f"{item.key}={item.value}" for item in rule.other]
    unwritable += [f"grouping {rule.grouping!r}"] if rule.grouping else []
    unwritable += ["action ByPass"] if rule.action is Action.BYPASS else []
    if unwritable:
        raise NetshError(f"rule {rule.name!r} has fields that netsh cannot write: {', '.join(unwritable)}")
    arguments = [
        f"{keyword}={write(rule, environment)}"
        for keyword, (field, write) in _PROPERTIES.items()
        if keyword in _ALWAYS or getattr(rule, field) != getattr(_UNSET, field)
    ]
    return _command("add", "rule", *arguments)


def set_rule(
    selector: RuleSelector, before: FirewallRule, after: FirewallRule, environment: Environment
) -> NetshCommand:
    """The command that turns `before`, which the selector names, into `after`. The rule keeps its id and other fields.

    Raises: NetshError when the change cannot be written or could not be taken back by a second `set`: netsh has no word
    for "no program", "no service" or "no description", and what it does to ports when the protocol changes is unknown.
    """
    changed = [
        keyword for keyword, (field, _unused) in _PROPERTIES.items() if getattr(before, field) != getattr(after, field)
    ]
    fixed = [
        keyword
        for keyword in changed
        if keyword in ("dir", "protocol")
        or (keyword in _NOT_CLEARABLE and not (getattr(before, keyword) and getattr(after, keyword)))
    ]
    if fixed or before.other != after.other or before.grouping != after.grouping:
        raise NetshError(f"rule {before.name!r} cannot be changed in place: {', '.join(fixed) or 'other fields'}")
    if not changed:
        raise NetshError(f"nothing to change in rule {before.name!r}")
    has_ports = "localport" in changed or "remoteport" in changed
    new = [
        f"{keyword}={write(after, environment)}"
        for keyword, (_unused, write) in _PROPERTIES.items()
        if keyword in changed or (has_ports and keyword == "protocol")
    ]
    return _command("set", "rule", *selector.arguments(), "new", *new)


def delete_rule(selector: RuleSelector) -> NetshCommand:
    """The command that deletes every rule the selector names."""
    return _command("delete", "rule", *selector.arguments())


def _command(*words: str) -> NetshCommand:
    command = NetshCommand(("advfirewall", "firewall", *words))
    length = len(command.command_line())
    if length > MAX_COMMAND_LINE:
        raise NetshError(
            f"the command has {length} characters, cmd.exe takes about {MAX_COMMAND_LINE}: name networks or ranges "
            "instead of single addresses"
        )
    return command


@dataclass(frozen=True, slots=True)
class RuleSelector:
    """What `set` and `delete` can select by: the fields of `rule` that are not "any", and its name and direction.

    netsh cannot select by id, action, enabled or texts, and changes every rule that fits. What it makes of an explicit
    ``any`` is not documented, so none is ever written. Nor is whether it compares lists as written, as sets or by a
    common part: `may_hit` takes the widest reading, `hits` the narrowest.
    """

    rule: FirewallRule

    @classmethod
    def of(cls, rule: FirewallRule) -> RuleSelector:
        """The narrowest selector for the rule. A part netsh cannot write is left out, which makes it wider.

        A stored path with variables is left out too: whether netsh compares it expanded is not known.
        Raises: NetshError when the name of the rule cannot be handed to netsh.
        """
        _check_name(rule.name)
        has_ports = rule.protocol in (TCP, UDP)
        is_service = rule.service not in (None, ANY_SERVICE) and _is_writable(_service, rule.service)
        is_program = rule.program is not None and _is_writable(_check_program, rule.program, {})
        return cls(
            FirewallRule(
                name=rule.name,
                direction=rule.direction,
                profiles=rule.profiles,
                program=rule.program if is_program else None,
                service=rule.service if is_service else None,
                protocol=rule.protocol,
                local_ports=rule.local_ports if has_ports and _is_writable(_ports, rule, "local") else ANY_PORT,
                remote_ports=rule.remote_ports if has_ports and _is_writable(_ports, rule, "remote") else ANY_PORT,
                local_addresses=rule.local_addresses if _is_writable(_addresses, rule, "local") else ANY_ADDRESS,
                remote_addresses=rule.remote_addresses if _is_writable(_addresses, rule, "remote") else ANY_ADDRESS,
                written=rule.written,
            )
        )

    def arguments(self) -> tuple[str, ...]:
        """The selecting arguments; ports come after the protocol they need."""
        rule = self.rule
        parts = [f"name={_check_name(rule.name)}", f"dir={rule.direction.value.lower()}"]
        if rule.profiles != ALL_PROFILES:
            parts.append(f"profile={_profiles(rule.profiles)}")
        if rule.program is not None:
            parts.append(f"program={_check_program(rule.program, {})}")
        if rule.service is not None:
            parts.append(f"service={_service(rule.service)}")
        others = {
            "localip": _addresses(rule, "local"),
            "remoteip": _addresses(rule, "remote"),
            "protocol": _protocol(rule.protocol),
            "localport": _ports(rule, "local"),
            "remoteport": _ports(rule, "remote"),
        }
        return (*parts, *(f"{keyword}={value}" for keyword, value in others.items() if value != "any"))

    def widened(self) -> RuleSelector:
        """The same without lists and profiles, of which netsh's way to compare is not certain."""
        rule = self.rule
        return RuleSelector(
            FirewallRule(rule.name, rule.direction, program=rule.program, service=rule.service, protocol=rule.protocol)
        )

    def may_hit(self, rule: FirewallRule, environment: Environment) -> bool:
        """Whether netsh may take this rule for one that is selected, on the widest reading of every part."""
        mine = self.rule
        return (
            same_name(mine.name, rule.name)
            and mine.direction is rule.direction
            and mine.protocol in (None, rule.protocol)
            and bool(mine.profiles & rule.profiles)
            and (mine.program is None or same_path(mine.program, rule.program, environment))
            and (mine.service is None or same_name(mine.service, rule.service))
            and all(_may_share(getattr(mine, name), getattr(rule, name)) for name in _LISTS)
        )

    def hits(self, rule: FirewallRule, environment: Environment) -> bool:
        """Whether netsh certainly selects this rule: every part that is selected by is equal, and written the same."""
        mine = self.rule
        return (
            self.may_hit(rule, environment)
            and mine.profiles in (ALL_PROFILES, rule.profiles)
            and all(getattr(mine, name).is_any or _same_list(mine, rule, name) for name in _LISTS)
        )


def _may_share(mine: PortSet | AddressSet, its: PortSet | AddressSet) -> bool:
    """A list may be taken as "equal to" or as "shares a part with"; a rule for any port or address has neither."""
    if mine.is_any:
        return True
    if isinstance(mine, PortSet) and isinstance(its, PortSet):
        return not its.is_any and mine.overlap(its) is not Match.NO
    if isinstance(mine, AddressSet) and isinstance(its, AddressSet):
        return not its.is_any and mine.overlap(its) is not Match.NO
    return False


def _same_list(mine: FirewallRule, its: FirewallRule, name: str) -> bool:
    written = [{stored_address(part).lower() for part in rule.parts(name)} for rule in (mine, its)]
    return written[0] == written[1]


def _is_writable(write: Callable[..., str], *values: object) -> bool:
    try:
        write(*values)
    except NetshError:
        return False
    return True
