# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Reads of one host what decides about its links, for opc_end_info. Nothing is written, and nobody else is asked."""

from __future__ import annotations

import ntpath
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..module_utils._access_check import Door
from ..module_utils._application import (
    OPC_ENUM_APP_ID,
    Application,
    Selector,
    app_id_key,
    parse_selector,
    program_key,
    selector_keys,
    selector_trees,
    text_of,
)
from ..module_utils._application_plan import LEVEL
from ..module_utils._com_defaults import ComScope
from ..module_utils._com_rights import ComKind
from ..module_utils._com_value import (
    POLICY,
    application_place,
    machine_place,
    policy_value_name,
    read_policy_value,
)
from ..module_utils._dcom import APP_COMPAT, MACHINE_DEFAULTS, OLE, AuthenticationLevel
from ..module_utils._end_facts import (
    ENDPOINT_MAPPER_NAME,
    OPC_ENUM_NAME,
    AccountFacts,
    ConnectionFacts,
    EndFacts,
    ProgramFacts,
    StoredDescriptor,
)
from ..module_utils._errors import DomainError, HostStateError, ParameterError
from ..module_utils._firewall_rule import Direction, Profile
from ..module_utils._firewall_store import FirewallState
from ..module_utils._firewall_values import ANY_PORT, ENDPOINT_MAPPER_PORT, RPC, AddressSet, PortSet
from ..module_utils._firewall_verdict import Connection, Verdict, effective_verdict
from ..module_utils._host_state import STATE_KEY
from ..module_utils._link_spec import EndSpec, LinkSpec, link_from_dict
from ..module_utils._opc_enum import SERVICE as OPC_ENUM_SERVICE
from ..module_utils._patch_level import (
    UNRELIABLE_REVISIONS,
    Phase,
    phase_of,
    phase_of_file,
    raises_activation,
    requires_integrity,
)
from ..module_utils._registry import RegistryKey, RegistryType
from ..module_utils._sid import Sid
from ..module_utils._well_known import ANONYMOUS_LOGON
from ._host._applications import ApplicationMissingError
from ._host._firewall import KEYS as FIREWALL_KEYS
from ._host._firewall import TREES as FIREWALL_TREES
from ._host._host import Host
from ._resource import Parameters, Spec
from ._resources._permission import read_place

END_SPEC: Spec = {
    "links": {"type": "list", "elements": "dict", "required": True},
    "host": {"type": "str", "required": True},
}
_CURRENT_VERSION = RegistryKey("SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion")
_LSA = RegistryKey("SYSTEM\\CurrentControlSet\\Control\\Lsa")
_POLICIES = RegistryKey("SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Policies\\System")
_RPCSS = "RpcSs"
_DISALLOW_UNSECURE_ACTIVATION = 0x2  # dcom.md 1.2
_DISABLED = "Disabled"
_LIMIT_DOORS = {ComKind.ACCESS: Door.MACHINE_ACCESS_LIMIT, ComKind.LAUNCH: Door.MACHINE_LAUNCH_LIMIT}
_DEFAULT_DOORS = {ComKind.ACCESS: Door.DEFAULT_ACCESS, ComKind.LAUNCH: Door.DEFAULT_LAUNCH}


@dataclass(frozen=True, slots=True)
class EndQuestion:
    """The links of one host of the site; `host` is its name in the model."""

    host: str
    links: tuple[LinkSpec, ...]

    @property
    def ends(self) -> tuple[EndSpec, ...]:
        """The ends on this host, each program once."""
        ends = (end for link in self.links for end in link.ends_on(self.host))
        return tuple({end.application: end for end in ends}.values())

    @property
    def principals(self) -> tuple[str, ...]:
        """Who the accounts of the peers are here."""
        found = (end.principal for link in self.links for end in link.ends_on(self.host))
        return tuple(dict.fromkeys(name for name in found if name))

    @property
    def is_browsed(self) -> bool:
        return any(link.browses and link.server.host == self.host for link in self.links)


def parse_end_question(parameters: Parameters) -> EndQuestion:
    """Raises: ParameterError for links that the filter opc_links did not make."""
    host = str(parameters["host"])
    links = [link_from_dict(f"links[{index}]", item) for index, item in enumerate(parameters["links"])]
    return EndQuestion(host, tuple(link for link in links if link.ends_on(host)))


def read_end(host: Host, question: EndQuestion) -> EndFacts:
    """Two or three commands, and a message for each account, service and group."""
    selectors = [_selector(end) for end in question.ends]
    _prefetch(host, selectors)
    kept = host.read_kept_state()
    rpcss = host.services.read(_RPCSS)
    programs = {
        end.application: _read_program(host, end, selector)
        for end, selector in zip(question.ends, selectors, strict=True)
    }
    if question.is_browsed:
        programs[OPC_ENUM_NAME] = _read_opc_enum(host)
    facts = EndFacts(
        host=question.host,
        computer_name=host.accounts.computer.name,
        is_dcom_enabled=text_of(host.registry.value(OLE, "EnableDCOM", RegistryType.SZ)).upper() != "N",
        has_endpoint_mapper=rpcss is not None and rpcss.is_running,
        default_level=_default_level(host),
        everyone_includes_anonymous=_number(host, _LSA, "EveryoneIncludesAnonymous") == 1,
        filters_local_administrators=_number(host, _POLICIES, "LocalAccountTokenFilterPolicy") != 1,
        makes_everyone_guest=_number(host, _LSA, "ForceGuest") == 1,
        retries_anonymously=not (_number(host, OLE, "DCOMSCMRemoteCallFlags") or 0) & _DISALLOW_UNSECURE_ACTIVATION,
        programs=programs,
        connections=tuple(_read_connections(host, question, programs)),
        reboot_reasons=kept.pending_reboot.reasons if kept.pending_reboot else (),
        stale_services=kept.pending_restart.services,
    )
    facts = _with_doors(host, _with_patch_level(host, facts))
    return replace(facts, accounts=_read_accounts(host, question, facts))


def _selector(end: EndSpec) -> Selector:
    option, value = end.selector
    return parse_selector({option: value})


def _prefetch(host: Host, selectors: Sequence[Selector]) -> None:
    keys = [
        OLE,
        APP_COMPAT,
        POLICY,
        STATE_KEY,
        _CURRENT_VERSION,
        _LSA,
        _POLICIES,
        app_id_key(OPC_ENUM_APP_ID),
        *FIREWALL_KEYS,
    ]
    keys += [key for selector in selectors for key in selector_keys(selector)]
    trees = [*FIREWALL_TREES, *(key for selector in selectors for key in selector_trees(selector))]
    host.registry.prefetch(keys, trees=trees)
    host.registry.prefetch([key for selector in selectors for key in host.applications.keys_found(selector)])


# -- machine


def _with_patch_level(host: Host, facts: EndFacts) -> EndFacts:
    system, revision = host.operating_system, _number(host, _CURRENT_VERSION, "UBR")
    phase = phase_of(system.build, revision)
    require = _number(host, APP_COMPAT, "RequireIntegrityActivationAuthenticationLevel")
    raise_ = _number(host, APP_COMPAT, "RaiseActivationAuthenticationLevel")
    return replace(
        facts,
        windows=f"{system.caption.strip()} {system.version}{'' if revision is None else f'.{revision}'}",
        phase="" if phase is None else phase.name.lower(),
        requires_integrity=requires_integrity(phase, require),
        raises=raises_activation(_phase_by_file(host) if phase is None else phase, raise_),
    )


def _phase_by_file(host: Host) -> Phase | None:
    """An estimate, and one message more, on a system whose revision in the registry is of no use."""
    system = host.operating_system
    if system.build not in UNRELIABLE_REVISIONS:
        return None
    return phase_of_file(system.build, host.system.file_version(f"{system.system_directory}\\rpcss.dll"))


def _with_doors(host: Host, facts: EndFacts) -> EndFacts:
    """The limits in force (those of Group Policy where it sets them) and the machine defaults."""
    doors: dict[str, StoredDescriptor] = {}
    by_policy: list[str] = []
    for kind in ComKind:
        limit = _LIMIT_DOORS[kind].value
        policy = read_policy_value(host.registry.value(POLICY, policy_value_name(kind), RegistryType.SZ))
        if not policy.is_absent:
            by_policy.append(limit)
        found = read_place(host, machine_place(ComScope.MACHINE_LIMIT, kind)) if policy.is_absent else policy
        doors[limit] = StoredDescriptor.of(found)
        default = read_place(host, machine_place(ComScope.MACHINE_DEFAULT, kind))
        doors[_DEFAULT_DOORS[kind].value] = StoredDescriptor.of(default)
    return replace(facts, doors=doors, policy_doors=tuple(by_policy))


def _default_level(host: Host) -> int:
    """LegacyAuthenticationLevel as it counts: absent, or none that COM knows, is Connect (dcom.md 1.1)."""
    (setting,) = (item for item in MACHINE_DEFAULTS if item.option == "authentication_level")
    level = _number(host, setting.key, setting.value_name)
    return level if level in list(AuthenticationLevel) else int(AuthenticationLevel.CONNECT)


def _number(host: Host, key: RegistryKey, name: str) -> int | None:
    value = host.registry.value(key, name, RegistryType.DWORD)
    return value.data if value is not None and isinstance(value.data, int) else None


# -- programs


def _read_program(host: Host, end: EndSpec, selector: Selector) -> ProgramFacts:
    facts = ProgramFacts(program=end.program, level=_default_level(host))
    try:
        application = host.applications.find(selector)
    except ApplicationMissingError as error:
        if selector.option == "program":
            return _with_file(host, facts)  # a pure client: the machine defaults hold for it
        return replace(facts, trouble=str(error))
    except HostStateError as error:
        return replace(facts, trouble=str(error))
    return _read_application(host, application, facts, end.service)


def _read_opc_enum(host: Host) -> ProgramFacts:
    """OpcEnum reads its own AppID, whether or not its executable is mapped to it (dcom.md 2.4)."""
    facts = ProgramFacts(level=_default_level(host))
    try:
        application = host.applications.read(OPC_ENUM_APP_ID)
    except ApplicationMissingError as error:
        return replace(facts, trouble=str(error))
    found = _read_application(host, application, facts, OPC_ENUM_SERVICE if application.service else "")
    return _with_own_settings(host, application, found)


def _read_application(host: Host, application: Application, facts: ProgramFacts, service: str) -> ProgramFacts:
    launch = _read_permission(host, application, ComKind.LAUNCH)
    facts = replace(facts, launch=launch)
    facts = _with_service(host, facts, application.service or service)
    if not facts.program:
        try:
            facts = replace(facts, program=host.programs.of_application(Selector("app_id", application.app_id)))
        except HostStateError:
            facts = replace(facts, program="")
    facts = _with_file(host, facts)
    mapped = _mapped_application(host, facts.program)
    return facts if mapped is None else _with_own_settings(host, mapped, facts)


def _with_own_settings(host: Host, application: Application, facts: ProgramFacts) -> ProgramFacts:
    """What a process of the AppID takes from it."""
    level = facts.level
    if application.has_value(LEVEL):
        found = _number(host, application.key, LEVEL)
        level = found if found in list(AuthenticationLevel) else 0
    access = _read_permission(host, application, ComKind.ACCESS)
    return replace(facts, app_id=application.app_id, level=level, access=access)


def _mapped_application(host: Host, program: str) -> Application | None:
    """The AppID that the executable is mapped to, which is where its process looks (dcom.md 2.1)."""
    if not program:
        return None
    app_id = text_of(host.registry.value(program_key(ntpath.basename(program)), "AppID", RegistryType.SZ))
    try:
        return host.applications.read(parse_selector({"app_id": app_id}).value) if app_id else None
    except (ApplicationMissingError, ParameterError):
        return None


def _read_permission(host: Host, application: Application, kind: ComKind) -> StoredDescriptor:
    place = application_place(application.key, kind)
    if not application.has_value(place.value_name):
        return StoredDescriptor()
    return StoredDescriptor.of(read_place(host, place))


def _with_service(host: Host, facts: ProgramFacts, name: str) -> ProgramFacts:
    if not name:
        return facts
    service = host.services.read(name)
    if service is None:
        return replace(facts, service=name, trouble=facts.trouble or f"the host has no service {name}")
    return replace(
        facts,
        service=service.name,
        service_runs=service.is_running,
        can_start=service.start_mode != _DISABLED,
        run_as=service.run_as_account,
    )


def _with_file(host: Host, facts: ProgramFacts) -> ProgramFacts:
    if not facts.program or "%" in facts.program:
        return facts
    return replace(facts, has_program=host.system.has_file(facts.program))


# -- accounts


def _read_accounts(host: Host, question: EndQuestion, facts: EndFacts) -> dict[str, AccountFacts]:
    """Who the peers' accounts are here, with the local groups that any of the lists names."""
    groups = _named_groups(facts)
    return {name: _read_account(host, name, groups) for name in question.principals}


def _named_groups(facts: EndFacts) -> tuple[Sid, ...]:
    """The trustees of all lists, of which some may be groups."""
    lists = [*facts.doors.values()]
    lists += [stored for program in facts.programs.values() for stored in (program.access, program.launch)]
    descriptors = (stored.read().descriptor for stored in lists)
    found = (ace for item in descriptors if item is not None and item.dacl is not None for ace in item.dacl.aces)
    return tuple(dict.fromkeys(trustee for ace in found if (trustee := getattr(ace, "trustee", None)) is not None))


def _read_account(host: Host, name: str, trustees: Sequence[Sid]) -> AccountFacts:
    is_local = name.startswith(".\\")
    user = host.accounts.read_users([name[2:]]).get(name[2:]) if is_local else None
    if is_local and user is None:
        return AccountFacts(trouble=f"there is no account {name[2:]}", is_local=True)
    try:
        sid = host.accounts.resolve(name)
    except (HostStateError, DomainError) as error:
        return AccountFacts(trouble=str(error))
    if sid == ANONYMOUS_LOGON:
        return AccountFacts(sid=str(sid))
    if user is not None and not (user.is_enabled and not user.is_locked_out):
        return AccountFacts(str(sid), f"{name}: {', '.join(user.troubles[:1])}", is_local=True)
    groups = [group for group in trustees if sid in host.accounts.members_of(group)]
    return AccountFacts(str(sid), is_local=is_local, groups=tuple(map(str, groups)), knows_all_groups=is_local)


# -- firewall


def _read_connections(
    host: Host, question: EndQuestion, programs: Mapping[str, ProgramFacts]
) -> Iterator[ConnectionFacts]:
    wanted = [item for link in question.links if not link.is_local for item in _connections(link, question.host)]
    if not wanted:
        return
    state = host.firewall.read()
    environment = host.firewall.environment
    profiles = (Profile.DOMAIN,) if host.accounts.computer.is_domain_member else (Profile.PRIVATE, Profile.PUBLIC)
    mapper = ProgramFacts(program=f"{environment['SystemRoot']}\\System32\\svchost.exe", service=_RPCSS)
    for is_inbound, peer, target in dict.fromkeys(wanted):
        program = mapper if target == ENDPOINT_MAPPER_NAME else programs.get(target, ProgramFacts())
        yield _judge(state, environment, profiles, program, (is_inbound, peer, target))


def _connections(link: LinkSpec, host: str) -> Iterator[tuple[bool, str, str]]:
    """Inbound?, peer, target: the connections of one link that this host's firewall sees."""
    if link.server.host == host:
        called = [link.server.application] + ([OPC_ENUM_NAME] if link.browses else [])
        calls = [link.server.application] if link.subscribes else []
        yield from _both(called, calls, link.client.addresses)
    else:
        called = [link.client.application] if link.subscribes else []
        yield from _both(called, [link.client.application], link.server.addresses)


def _both(called: Sequence[str], calls: Sequence[str], peers: Iterable[str]) -> Iterator[tuple[bool, str, str]]:
    for peer in peers:
        for is_inbound, targets in ((True, called), (False, calls)):
            for target in (ENDPOINT_MAPPER_NAME, *targets) if targets else ():
                yield is_inbound, peer, target


def _judge(
    state: FirewallState,
    environment: Mapping[str, str],
    profiles: Collection[Profile],
    program: ProgramFacts,
    what: tuple[bool, str, str],
) -> ConnectionFacts:
    """In every network profile the host may be in: on domain members the domain's, elsewhere the other two."""
    is_inbound, peer, target = what
    is_mapper = target == ENDPOINT_MAPPER_NAME
    port = PortSet.of(ENDPOINT_MAPPER_PORT) if is_mapper else PortSet.of(RPC)
    outbound_port = port if is_mapper else ANY_PORT
    connection = Connection(
        direction=Direction.IN if is_inbound else Direction.OUT,
        profile=Profile.DOMAIN,
        remote_address=AddressSet.of(peer),
        local_ports=port if is_inbound else ANY_PORT,
        remote_ports=ANY_PORT if is_inbound else outbound_port,
        program=program.program or None,
        service=program.service or None,
    )
    verdicts = {item: effective_verdict(state, replace(connection, profile=item), environment) for item in profiles}
    allowed = _together(verdicts.values())
    way = f"from {peer} to {target}" if is_inbound else f"of {target} to {peer}"
    return ConnectionFacts(is_inbound, peer, target, allowed, f"TCP {way}: {_text(verdicts, allowed)}")


def _together(verdicts: Iterable[Verdict]) -> bool | None:
    """The verdict of all profiles; None where they differ or one is not certain."""
    found = list(verdicts)
    if any(not item.is_certain for item in found) or len({item.allowed for item in found}) > 1:
        return None
    return found[0].allowed


def _text(verdicts: Mapping[Profile, Verdict], allowed: bool | None) -> str:
    if allowed is not None:
        return next(iter(verdicts.values())).describe()
    return "; ".join(f"{profile.value.lower()} network: {item.describe()}" for profile, item in verdicts.items())
