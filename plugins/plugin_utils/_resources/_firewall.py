# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The resource of opc_firewall: the rules one host needs for OPC over DCOM."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ...module_utils._application import Selector, parse_selector, selector_keys, selector_trees
from ...module_utils._errors import DomainError, HostStateError, ParameterError
from ...module_utils._firewall_adoption import MANAGEMENT_PORTS, HostFacts
from ...module_utils._firewall_compare import expand_path, file_name, path_key
from ...module_utils._firewall_plan import plan_firewall
from ...module_utils._firewall_planner import Leftovers, PlanOptions
from ...module_utils._firewall_rule import Direction, Profile
from ...module_utils._firewall_standard import (
    RuleScope,
    RuleState,
    WantedRule,
    endpoint_mapper_rules,
    opc_enum_rules,
    program_rules,
)
from ...module_utils._firewall_store import FirewallState
from ...module_utils._firewall_values import ANY_ADDRESS, AddressSet
from ...module_utils._host_state import STATE_KEY
from ...module_utils._opc_enum import CLSID as OPC_ENUM_CLSID
from ...module_utils._opc_enum import SERVICE as OPC_ENUM_SERVICE
from ...module_utils._plan import Plan
from ...module_utils._registry import RegistryKey
from .._host._firewall import KEYS, TREES
from .._host._host import Host
from .._host._programs import service_key
from .._resource import Parameters, Resource, Spec

_WAYS_TO_A_PROGRAM = ("program", "service", "prog_id", "clsid", "app_id")
_DIRECTIONS = {"in": {Direction.IN}, "out": {Direction.OUT}, "both": set(Direction)}

# Names that vendor instructions gave to the rules of a program, by its file (dcom.md 8, seed).
_HAND_RUN_NAMES = {"apishivex64.exe": ("AllowApis",), "apishivex86.exe": ("AllowApis",)}

TARGET_SPEC: Spec = {
    "title": {"type": "str"},
    **{name: {"type": "str"} for name in _WAYS_TO_A_PROGRAM},
    "remote_addresses": {"type": "list", "elements": "str"},
    "direction": {"type": "str", "choices": list(_DIRECTIONS)},
}


@dataclass(frozen=True, slots=True)
class Target:
    """A program to be reached. Either its path is given, or a service or class to find it by.

    `peers` and `directions` None: as all.
    """

    title: str
    program: str | None = None
    service: str | None = None
    selector: Selector | None = None
    peers: AddressSet | None = None
    directions: frozenset[Direction] | None = None


@dataclass(frozen=True, slots=True)
class FirewallRequest:
    """The options of opc_firewall. `peers` None: any remote address, because it was asked for."""

    targets: tuple[Target, ...]
    endpoint_mapper: bool
    opc_enum: bool
    peers: AddressSet | None
    opc_enum_peers: AddressSet | None
    directions: frozenset[Direction]
    profiles: frozenset[Profile]
    state: RuleState
    options: PlanOptions

    def scope(self, peers: AddressSet | None, directions: frozenset[Direction] | None = None) -> RuleScope:
        return RuleScope(peers or self.peers or ANY_ADDRESS, self.profiles, directions or self.directions, self.state)

    def mapper_scopes(self) -> Iterator[RuleScope]:
        """For each direction, the peers of every target together: whom the mapper answers, and whose is asked."""
        for direction in sorted(Direction, key=lambda item: item.value):
            targets = [item for item in self.targets if direction in (item.directions or self.directions)]
            own = [target.peers or self.peers for target in targets]
            own += [self.opc_enum_peers or self.peers] if self.opc_enum and direction in self.directions else []
            if own or (not self.targets and direction in self.directions):
                yield self.scope(_union(own or [self.peers]), frozenset({direction}))


class OpcFirewall(Resource):
    """Rules for the endpoint mapper, OpcEnum and OPC programs."""

    argument_spec: ClassVar[Spec] = {
        "state": {"type": "str", "choices": [item.value for item in RuleState], "default": RuleState.PRESENT.value},
        "endpoint_mapper": {"type": "bool", "default": True},
        "opc_enum": {"type": "bool", "default": False},
        "applications": {"type": "list", "elements": "dict", "options": TARGET_SPEC},
        "remote_addresses": {"type": "list", "elements": "str"},
        "opc_enum_remote_addresses": {"type": "list", "elements": "str"},
        "allow_any_remote": {"type": "bool", "default": False},
        "direction": {"type": "str", "choices": list(_DIRECTIONS), "default": "both"},
        "profiles": {
            "type": "list",
            "elements": "str",
            "choices": [item.value.lower() for item in Profile],
            "default": [item.value.lower() for item in Profile],
        },
        "adopt": {"type": "bool", "default": True},
        "purge": {"type": "bool", "default": False},
        "leftovers": {"type": "str", "choices": [item.value for item in Leftovers], "default": Leftovers.DISABLE.value},
    }

    def desired(self, parameters: Parameters) -> FirewallRequest:
        peers = _peers(parameters, "remote_addresses")
        request = FirewallRequest(
            targets=tuple(_target(index, item) for index, item in enumerate(parameters.get("applications") or ())),
            endpoint_mapper=bool(parameters["endpoint_mapper"]),
            opc_enum=bool(parameters["opc_enum"]),
            peers=peers,
            opc_enum_peers=_peers(parameters, "opc_enum_remote_addresses"),
            directions=frozenset(_DIRECTIONS[str(parameters["direction"])]),
            profiles=_profiles(parameters["profiles"]),
            state=RuleState(parameters["state"]),
            options=PlanOptions(
                adopt=bool(parameters["adopt"]),
                leftovers=Leftovers(parameters["leftovers"]),
                purge=bool(parameters["purge"]),
            ),
        )
        _check(request, allow_any=bool(parameters["allow_any_remote"]))
        return request

    def keys(self, desired: FirewallRequest) -> Sequence[RegistryKey]:
        services = [target.service for target in desired.targets if target.service is not None]
        services += [OPC_ENUM_SERVICE] if desired.opc_enum else []
        selectors = [target.selector for target in desired.targets if target.selector is not None]
        found = [key for selector in selectors for key in selector_keys(selector)]
        return (*KEYS, *map(service_key, services), *found)

    def trees(self, desired: FirewallRequest) -> Sequence[RegistryKey]:
        selectors = [target.selector for target in desired.targets if target.selector is not None]
        return (*TREES, *(key for selector in selectors for key in selector_trees(selector)))

    def keys_found(self, host: Host, desired: FirewallRequest) -> Sequence[RegistryKey]:
        selectors = [target.selector for target in desired.targets if target.selector is not None]
        return [key for selector in selectors for key in host.applications.keys_found(selector)]

    def prefetch(self, host: Host, desired: FirewallRequest) -> None:
        host.registry.prefetch([*self.keys(desired), STATE_KEY], trees=self.trees(desired))

    def plan(self, host: Host, desired: FirewallRequest) -> Plan:
        state = host.firewall.read()
        wanted = _wanted(host, desired)
        plan = _plan(host, desired, wanted, state)
        if desired.state is RuleState.PRESENT and any(item.rule.remote_addresses.is_any for item in wanted):
            names = ", ".join(item.rule.name for item in wanted if item.rule.remote_addresses.is_any)
            return replace(plan, exceptions=(f"firewall: any remote address may connect ({names})",))
        return plan


# -- options


def _check(request: FirewallRequest, *, allow_any: bool) -> None:
    """Raises: ParameterError for rules that would be open for everybody without having been asked to be."""
    if not (request.endpoint_mapper or request.opc_enum or request.targets or request.options.purge):
        raise ParameterError("", "nothing to set: name applications, or set endpoint_mapper or opc_enum")
    told: set[tuple[str, Direction]] = set()
    for index, target in enumerate(request.targets):
        own = {(target.title.lower(), direction) for direction in target.directions or request.directions}
        if own & told:
            title = target.title.lower()
            raise ParameterError(f"applications[{index}].title", f"{title!r} is there twice; rules are told by it")
        told |= own
    if request.state is RuleState.ABSENT or allow_any:
        return
    lacking = [
        f"applications[{index}]" for index, item in enumerate(request.targets) if not (item.peers or request.peers)
    ]
    lacking += ["opc_enum"] if request.opc_enum and not (request.opc_enum_peers or request.peers) else []
    open_mapper = request.endpoint_mapper and any(scope.peers.is_any for scope in request.mapper_scopes())
    lacking += ["endpoint_mapper"] if open_mapper else []
    if lacking:
        raise ParameterError(
            "remote_addresses",
            f"required for {', '.join(lacking)}: the addresses of the peers. Any remote address is let in only with "
            "allow_any_remote: true, and then reported",
        )


def _target(index: int, item: Mapping[str, Any]) -> Target:
    path = f"applications[{index}]"
    given = [name for name in _WAYS_TO_A_PROGRAM if item.get(name)]
    if len(given) != 1:
        raise ParameterError(path, f"name the program by exactly one of {', '.join(_WAYS_TO_A_PROGRAM)}")
    (way,) = given
    value = str(item[way]).strip()
    title = str(item.get("title") or "") or _title(way, value)
    selector = None
    if way not in ("program", "service"):
        try:
            selector = parse_selector({way: value})
        except ParameterError as error:
            raise ParameterError(f"{path}.{error.path}", error.message) from error
    return Target(
        title,
        program=_checked_path(f"{path}.program", value) if way == "program" else None,
        service=_checked_service(f"{path}.service", value) if way == "service" else None,
        selector=selector,
        peers=_peers(item, "remote_addresses", path),
        directions=frozenset(_DIRECTIONS[str(item["direction"])]) if item.get("direction") else None,
    )


def _title(way: str, value: str) -> str:
    return value.rpartition("\\")[2].rpartition(".")[0] or value if way == "program" else value


def _checked_path(path: str, program: str) -> str:
    if program[1:3] != ":\\" and not program.startswith("%"):
        raise ParameterError(path, f"{program!r} is not an absolute path such as C:\\opc\\server.exe")
    return program


def _checked_service(path: str, name: str) -> str:
    try:
        service_key(name)
    except DomainError as error:
        raise ParameterError(path, str(error)) from error
    return name


def _peers(parameters: Mapping[str, Any], option: str, path: str = "") -> AddressSet | None:
    """The addresses, None when none are given. Raises: ParameterError; ``any`` is not an address here."""
    items = parameters.get(option)
    if not items:
        return None
    where = f"{path}.{option}" if path else option
    try:
        peers = AddressSet.of(*(str(item).strip() for item in items))
    except DomainError as error:
        raise ParameterError(where, str(error)) from error
    if peers.is_any:
        raise ParameterError(
            where, "covers every address; leave it out and set allow_any_remote: true if that is meant"
        )
    return peers


def _profiles(words: Iterable[str]) -> frozenset[Profile]:
    found = frozenset(item for item in Profile if item.value.lower() in words)
    if not found:
        raise ParameterError("profiles", "name at least one profile")
    return found


def _union(sets: Sequence[AddressSet | None]) -> AddressSet:
    if any(item is None for item in sets):
        return ANY_ADDRESS
    known = [item for item in sets if item is not None]
    return AddressSet(
        tuple(part for item in known for part in item.ranges4),
        tuple(part for item in known for part in item.ranges6),
        frozenset(word for item in known for word in item.keywords),
    )


# -- the host


def _wanted(host: Host, request: FirewallRequest) -> tuple[WantedRule, ...]:
    """The rules the request stands for. Raises: HostStateError for a program that cannot be found."""
    system_root = host.firewall.environment["SystemRoot"]
    rules: list[WantedRule] = []
    if request.endpoint_mapper:
        for scope in request.mapper_scopes():
            rules += endpoint_mapper_rules(scope, system_root)
    if request.opc_enum:
        rules += opc_enum_rules(request.scope(request.opc_enum_peers), _opc_enum_program(host, request))
    for target in request.targets:
        program = _program(host, request, target)
        names = _HAND_RUN_NAMES.get(file_name(program), ())
        rules += program_rules(request.scope(target.peers, target.directions), target.title, program, names)
    return tuple(rules)


def _opc_enum_program(host: Host, request: FirewallRequest) -> str:
    """Its service tells, and without one its class."""
    is_service = host.registry.value_types(service_key(OPC_ENUM_SERVICE)) is not None
    selector = None if is_service else Selector("clsid", OPC_ENUM_CLSID)
    return _program(host, request, Target("OpcEnum", service=OPC_ENUM_SERVICE, selector=selector))


def _program(host: Host, request: FirewallRequest, target: Target) -> str:
    """The path of the target's program. For rules that are to go it need not be known: their names tell them."""
    if target.program is not None:
        return target.program
    try:
        if target.selector is not None:
            return host.programs.of_application(target.selector)
        return host.programs.of_service(target.service or "")
    except HostStateError as error:
        if request.state is RuleState.ABSENT:
            return f"C:\\not installed\\{target.title}.exe"
        raise HostStateError(f"firewall rule for {target.title}: {error}") from error


def _plan(host: Host, request: FirewallRequest, wanted: Sequence[WantedRule], state: FirewallState) -> Plan:
    """Whether a program is there is asked of those that somebody named. What the host itself registers, at the path of
    a rule that is as it should be, is only looked for when there is something to do.
    """
    told = [target.program for target in request.targets if target.program is not None]
    plan = plan_firewall(wanted, state, _facts(host, told, wanted, state), request.options).to_plan()
    registered = [item.rule.program for item in wanted if item.rule.program and not item.is_for_endpoint_mapper]
    if plan.is_empty or not registered:
        return plan
    return plan_firewall(wanted, state, _facts(host, registered, wanted, state), request.options).to_plan()


def _facts(host: Host, named: Sequence[str], wanted: Sequence[WantedRule], state: FirewallState) -> HostFacts:
    """What planning needs to know beside the firewall: whether these programs are there, and those of rules for a
    program of the same name elsewhere.
    """
    environment = host.firewall.environment
    rules = [item.rule for item in wanted if item.rule.program and not item.is_for_endpoint_mapper]
    here = {path_key(rule.program, environment) for rule in rules if rule.program}
    names = {file_name(rule.program) for rule in rules if rule.program}
    programs = set(named)
    for stored in state.local_rules():
        program = stored.rule.program if stored.rule is not None else None
        if program and file_name(program) in names and path_key(program, environment) not in here:
            programs.add(program)
    distinct = {path_key(program, environment): expand_path(program, environment) for program in programs}
    found = {program: host.system.has_file(program) for program in distinct.values() if "%" not in program}
    known = {program: is_there for program, is_there in found.items() if is_there is not None}
    return HostFacts(environment, known, MANAGEMENT_PORTS | host.management_ports)
