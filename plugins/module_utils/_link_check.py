# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Would this link work? Every layer between the two programs in the order one looks for a cause, from facts of both
hosts, and the first layer that refuses with its evidence and what to do. Pure; nothing is tried on a host.

Judged is what is configured; `pending` says where it is not in force yet. Not judged, because no configuration tells:
whether both hosts have the same password for an account, logon rights, what a program sets by CoInitializeSecurity,
routers in between. Such a layer is at most `unknown`. Source: dcom.md 3.2 (checks), 3.5 (identities), 5.1, 6.5.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._access_check import ComAction, ComCaller, Door, DoorResult, HostSecurity, Verdict, check_com
from ._com_report import format_trustee
from ._com_rights import ComKind, ComRight, format_rights_of
from ._com_security import Access, permissions_of
from ._dcom import REQUIRED_ACTIVATION_LEVEL, AuthenticationLevel
from ._end_facts import (
    ENDPOINT_MAPPER_NAME,
    OPC_ENUM_NAME,
    AccountFacts,
    EndFacts,
    ProgramFacts,
    StoredDescriptor,
)
from ._link_advice import advice_for, level_of, raise_level, raised_by, raises_level
from ._link_spec import EndSpec, LinkSpec
from ._sid import Sid
from ._site_needs import ANONYMOUS_LOGON


class LinkLayer(enum.Enum):
    """What may refuse, in the order one looks for a cause. A firewall is that of the link's client or server host."""

    CLIENT_PROGRAM = "client_program"
    NAME_AND_ADDRESS = "name_and_address"
    CLIENT_FIREWALL = "client_firewall"
    SERVER_FIREWALL = "server_firewall"
    ENDPOINT_MAPPER = "endpoint_mapper"
    ACCOUNT = "account"
    AUTHENTICATION_LEVEL = "authentication_level"
    CLASS_REGISTRATION = "class_registration"
    LAUNCH_AND_ACTIVATION_LIMIT = "launch_and_activation_limit"
    APPLICATION_LAUNCH = "application_launch"
    APPLICATION_START = "application_start"
    ACCESS_LIMIT = "access_limit"
    APPLICATION_ACCESS = "application_access"
    OPC_ENUM = "opc_enum"
    CALLBACK = "callback"


class LayerState(enum.Enum):
    OK = "ok"
    REFUSES = "refuses"
    UNKNOWN = "unknown"


class Way(enum.Enum):
    """Which part of a link: the OPC server itself, OpcEnum, or the server's way back to the client."""

    CONNECT = "connect"
    BROWSE = "browse"
    CALLBACK = "callback"


@dataclass(frozen=True, slots=True)
class LayerResult:
    """One layer on one way. `host` is the one that decides there, `fix` what to do where it does not let through."""

    way: Way
    layer: LinkLayer
    host: str
    state: LayerState
    evidence: str
    fix: str = ""

    def to_dict(self) -> dict[str, str]:
        return {
            "way": self.way.value,
            "layer": self.layer.value,
            "host": self.host,
            "state": self.state.value,
            "evidence": self.evidence,
            "fix": self.fix,
        }


@dataclass(frozen=True, slots=True)
class LinkVerdict:
    """All layers of one link. `pending`: what is configured and not in force yet. `advice`: what to do all the same."""

    link: LinkSpec
    layers: tuple[LayerResult, ...]
    pending: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()

    @property
    def first(self) -> LayerResult | None:
        """The first layer that refuses: on the way to the server, then to OpcEnum, then back."""
        return next((item for item in self.layers if item.state is LayerState.REFUSES), None)

    @property
    def layer(self) -> LinkLayer | None:
        """Its name, with all of OpcEnum and all of the way back as one layer each."""
        if self.first is None:
            return None
        whole = {Way.BROWSE: LinkLayer.OPC_ENUM, Way.CALLBACK: LinkLayer.CALLBACK}
        return whole.get(self.first.way, self.first.layer)

    @property
    def works(self) -> bool | None:
        """None: nothing refuses, but something is not known."""
        if self.first is not None:
            return False
        return None if any(item.state is LayerState.UNKNOWN for item in self.layers) else True

    def to_dict(self, *, with_ok: bool = True) -> dict[str, Any]:
        """The verdict as a result shows it; without the layers that are in order it is a tenth as large."""
        first = self.first
        return {
            "name": self.link.name,
            "path": self.link.path,
            "client": self.link.client.host,
            "server": self.link.server.host,
            "works": self.works,
            "layer": None if self.layer is None else self.layer.value,
            "first": None if first is None else first.to_dict(),
            "unknown": [item.to_dict() for item in self.layers if item.state is LayerState.UNKNOWN],
            "layers": [item.to_dict() for item in self.layers if with_ok or item.state is not LayerState.OK],
            "pending": list(self.pending),
            "advice": list(self.advice),
        }


def check_link(link: LinkSpec, ends: Mapping[str, EndFacts], unreached: Collection[str] = ()) -> LinkVerdict:
    """Judge a link by the facts of its hosts. What a host that was not read decides is unknown.

    `unreached`: hosts that were asked and did not answer.
    """
    server, client = ends.get(link.server.host), ends.get(link.client.host)
    silent = frozenset(unreached)
    walks = [_Walk(link, Way.CONNECT, link.client, link.server, client, server, link.server.application, silent)]
    if link.browses:
        walks.append(_Walk(link, Way.BROWSE, link.client, link.server, client, server, OPC_ENUM_NAME, silent))
    if link.subscribes:
        own = link.client.application
        walks.append(_Walk(link, Way.CALLBACK, link.server, link.client, server, client, own, silent))
    layers = tuple(result for walk in walks for result in sorted(walk.results(), key=_order))
    return LinkVerdict(link, layers, tuple(_pending(server, client)), advice_for(link, server, client))


def _order(result: LayerResult) -> int:
    return list(LinkLayer).index(result.layer)


def _pending(*ends: EndFacts | None) -> Iterator[str]:
    for end in ends:
        if end is not None and end.reboot_reasons:
            yield f"{end.host} must reboot before these count: {', '.join(end.reboot_reasons)}"
        if end is not None and end.stale_services:
            yield f"{end.host}: these services run with old values: {', '.join(end.stale_services)}"


@dataclass(frozen=True, slots=True)
class _Walk:
    """One way of a link: a program on `source` asks the program `target_name` on `target`."""

    link: LinkSpec
    way: Way
    source: EndSpec
    target: EndSpec
    source_facts: EndFacts | None
    target_facts: EndFacts | None
    target_name: str
    unreached: frozenset[str]

    @property
    def activates(self) -> bool:
        return self.way is not Way.CALLBACK

    def results(self) -> Iterator[LayerResult]:
        if self.way is Way.CONNECT:
            yield from self._client_program()
        if not self.link.is_local:
            yield from self._address()
            yield from self._firewalls()
        yield from self._endpoint_mapper()
        yield from self._account()
        if self.activates:
            yield from self._level()
            yield from self._class()
        yield from self._doors()

    def _result(self, layer: LinkLayer, host: str, state: LayerState, evidence: str, fix: str = "") -> LayerResult:
        return LayerResult(self.way, layer, host, state, evidence, fix)

    def _ok(self, layer: LinkLayer, host: str, evidence: str) -> LayerResult:
        return self._result(layer, host, LayerState.OK, evidence)

    def _refuses(self, layer: LinkLayer, host: str, evidence: str, fix: str) -> LayerResult:
        return self._result(layer, host, LayerState.REFUSES, evidence, fix)

    def _unknown(self, layer: LinkLayer, host: str, evidence: str, fix: str = "") -> LayerResult:
        return self._result(layer, host, LayerState.UNKNOWN, evidence, fix)

    def _unread(self, layer: LinkLayer, end: EndSpec) -> LayerResult:
        evidence = f"{end.host} was not looked at"
        return self._unknown(layer, end.host, evidence, f"run verify_links with {end.host} in the inventory and up")

    # -- before the hosts talk ---------------------------------------------------------------------------------------

    def _client_program(self) -> Iterator[LayerResult]:
        layer, end = LinkLayer.CLIENT_PROGRAM, self.link.client
        facts = None if self.source_facts is None else self.source_facts.programs.get(end.application)
        if facts is None and end.host in self.unreached:
            evidence = f"{end.host} does not answer Ansible; where nothing runs, nothing asks"
            yield self._refuses(layer, end.host, evidence, _LOOK_AT_HOST)
        elif facts is None:
            yield self._unread(layer, end)
        elif not facts.level:
            evidence = "the level of its AppID is one that COM rejects, so the program cannot use COM at all"
            yield self._refuses(layer, end.host, evidence, _DEFAULT_LEVEL)
        elif facts.service_runs is False:
            evidence = f"the service {facts.service} does not run, so nothing asks"
            yield self._refuses(layer, end.host, evidence, f"start the service {facts.service}")
        elif facts.service_runs:
            yield self._ok(layer, end.host, f"the service {facts.service} runs as {facts.run_as}")
        else:
            yield self._ok(layer, end.host, f"{facts.program or end.application} is no service; whoever starts it asks")

    def _address(self) -> Iterator[LayerResult]:
        layer, end = LinkLayer.NAME_AND_ADDRESS, self.target
        if not end.addresses:
            fix = f"give hosts.{end.host}.address in opc_site"
            yield self._refuses(layer, end.host, f"no address of {end.host} is known", fix)
        elif end.host in self.unreached:
            yield self._refuses(layer, end.host, f"{end.host} does not answer Ansible", _LOOK_AT_HOST)
        elif self.target_facts is None:
            yield self._unread(layer, end)
        else:
            evidence = f"{', '.join(end.addresses)}; that {end.host} has it, and the way there, is not looked at"
            yield self._ok(layer, end.host, evidence)

    def _firewalls(self) -> Iterator[LayerResult]:
        """The client's and the server's, in this order on every way."""
        ends = {
            LinkLayer.CLIENT_FIREWALL: (self.link.client, self.link.server),
            LinkLayer.SERVER_FIREWALL: (self.link.server, self.link.client),
        }
        for layer, (own, peer) in ends.items():
            facts = self.source_facts if own == self.source else self.target_facts
            if facts is None:
                yield self._unread(layer, own)
            else:
                yield self._firewall(layer, own, peer, facts)

    def _firewall(self, layer: LinkLayer, own: EndSpec, peer: EndSpec, facts: EndFacts) -> LayerResult:
        is_inbound = own == self.target
        program = self.target_name if is_inbound else self.source.application
        wanted = {(address, name) for address in peer.addresses for name in (ENDPOINT_MAPPER_NAME, program)}
        found = [
            item for item in facts.connections if item.is_inbound is is_inbound and (item.peer, item.target) in wanted
        ]
        fix = f"run harden_opc for {own.host}, or opc_firewall; see what it says about policies and block rules"
        for item in sorted(found, key=lambda item: item.target != ENDPOINT_MAPPER_NAME):
            if item.allowed is False:
                return self._refuses(layer, own.host, item.text, fix)
        unsure = [item.text for item in found if item.allowed is None]
        if unsure or len(found) < len(wanted):
            return self._unknown(layer, own.host, unsure[0] if unsure else f"{program}: not looked at", fix)
        way = "from" if is_inbound else "to"
        return self._ok(layer, own.host, f"TCP {way} {', '.join(peer.addresses)} passes ({program}, endpoint mapper)")

    def _endpoint_mapper(self) -> Iterator[LayerResult]:
        layer = LinkLayer.ENDPOINT_MAPPER
        for end, facts in ((self.source, self.source_facts), (self.target, self.target_facts)):
            if facts is None:
                yield self._unread(layer, end)
            elif not facts.has_endpoint_mapper:
                yield self._refuses(layer, end.host, "the service RpcSs does not run", "start it, or reboot the host")
            elif not facts.is_dcom_enabled and self.activates:
                fix = "dcom_defaults with enable_dcom: true, then reboot"
                yield self._refuses(layer, end.host, "DCOM is switched off (EnableDCOM)", fix)
            else:
                yield self._ok(layer, end.host, "RpcSs runs and DCOM is on")

    # -- who is asking -----------------------------------------------------------------------------------------------

    def _account(self) -> Iterator[LayerResult]:
        layer, target = LinkLayer.ACCOUNT, self.target
        if not target.principal:
            fix = "run the program as an account that both hosts know, or allow anonymous with a reason"
            yield self._refuses(layer, target.host, self.link.problem or "nobody can say who asks", fix)
            return
        account = self._caller()
        if self.target_facts is None or account is None:
            yield self._unread(layer, target)
        elif account.trouble:
            fix = f"run harden_opc for {target.host}, or make the account there with the password it has on its peer"
            yield self._refuses(layer, target.host, account.trouble, fix)
        else:
            yield self._identity(layer, account)

    def _identity(self, layer: LinkLayer, account: AccountFacts) -> LayerResult:
        """The account is there; whether the program really runs as it is on the other host."""
        facts = None if self.source_facts is None else self.source_facts.programs.get(self.source.application)
        if facts is not None and facts.run_as and not _same_account(facts.run_as, self.source):
            evidence = f"{facts.service} of {self.source.host} runs as {facts.run_as}, not as {self.source.account}"
            return self._refuses(
                layer, self.source.host, evidence, "let the service run as what opc_site says, or say it there"
            )
        if self._is_anonymous and self.source_facts is not None and not self.source_facts.retries_anonymously:
            evidence = "the client may not go on without authentication (DCOMSCMRemoteCallFlags)"
            fix = "run the program as an account that both hosts know"
            return self._refuses(layer, self.source.host, evidence, fix)
        if account.is_local and self.target_facts is not None and self.target_facts.makes_everyone_guest:
            evidence = "everybody from the network is its Guest (ForceGuest)"
            return self._refuses(
                layer, self.target.host, evidence, "opc_host_policy with network_logons: as_themselves"
            )
        evidence = f"{self.source.account} of {self.source.host} is {self.target.principal} ({account.sid}) here"
        if account.is_local:
            evidence += "; that both hosts have the same password for it is not looked at"
        return self._ok(layer, self.target.host, evidence)

    @property
    def _is_anonymous(self) -> bool:
        return self.target.principal == ANONYMOUS_LOGON

    def _caller(self) -> AccountFacts | None:
        return None if self.target_facts is None else self.target_facts.accounts.get(self.target.principal)

    def _level(self) -> Iterator[LayerResult]:
        """KB5004442: an authenticated activation below Packet Integrity is refused, unless the client raises it."""
        layer = LinkLayer.AUTHENTICATION_LEVEL
        client, server = self.source_facts, self.target_facts
        if client is None or server is None:
            yield self._unread(layer, self.target if server is None else self.source)
            return
        if self._is_anonymous:
            yield self._ok(layer, server.host, "an anonymous activation is not held to a level")
            return
        level = level_of(self.link, client)
        word = AuthenticationLevel(level or client.default_level).name.lower()
        if level >= REQUIRED_ACTIVATION_LEVEL or raises_level(client):
            raised = "" if level >= REQUIRED_ACTIVATION_LEVEL else raised_by(client)
            yield self._ok(layer, server.host, f"the client activates at {word}{raised}")
        elif server.requires_integrity is None or client.raises is None:
            evidence = f"the client's level is {word}, and the patch level does not tell whether that is enough"
            yield self._unknown(layer, server.host, evidence, raise_level(self.link, client))
        elif server.requires_integrity:
            evidence = f"Packet Integrity is required, the client activates at {word}"
            fix = f"{raise_level(self.link, client)}; or install updates on {client.host}"
            yield self._refuses(layer, server.host, evidence, fix)
        else:
            yield self._ok(layer, server.host, f"the client activates at {word}, which this server still accepts")

    # -- the program that is asked -----------------------------------------------------------------------------------

    def _class(self) -> Iterator[LayerResult]:
        layer = LinkLayer.CLASS_REGISTRATION
        program = self._target_program()
        if program is None:
            yield self._unread(layer, self.target)
        elif program.trouble:
            yield self._refuses(layer, self.target.host, program.trouble, "install or register the OPC server")
        else:
            yield self._ok(layer, self.target.host, program.program or program.service or self.target_name)
        if program is not None and not program.trouble:
            yield from self._start(LinkLayer.APPLICATION_START, program)

    def _start(self, layer: LinkLayer, program: ProgramFacts) -> Iterator[LayerResult]:
        """Only what keeps the program from starting is told."""
        host = self.target.host
        if not program.level:
            evidence = "the level of its AppID is one that COM rejects, so it cannot register its class"
            yield self._refuses(layer, host, evidence, _DEFAULT_LEVEL)
        elif program.service_runs:
            return
        elif program.service and not program.can_start:
            fix = f"set the start mode of the service {program.service}"
            yield self._refuses(layer, host, f"the service {program.service} is disabled", fix)
        elif program.has_program is False:
            yield self._refuses(layer, host, f"there is no program {program.program}", "install it again")

    def _target_program(self) -> ProgramFacts | None:
        return None if self.target_facts is None else self.target_facts.programs.get(self.target_name)

    def _doors(self) -> Iterator[LayerResult]:
        """The limits and the permissions of the program, for the activation and for the first call."""
        program, account = self._target_program(), self._caller()
        layers = _ACTIVATION_LAYERS if self.activates else ()
        if self.target_facts is None or program is None or account is None or not account.sid:
            if self.target_facts is None or program is None:
                yield from (self._unread(layer, self.target) for layer in (*layers, *_CALL_LAYERS))
            return
        verdicts = self._verdicts(self.target_facts, program, account)
        for layer, doors in ((layer, _DOORS[layer]) for layer in (*layers, *_CALL_LAYERS)):
            results = [result for verdict in verdicts for result in verdict.doors if result.door in doors]
            yield self._door(layer, results, self.target_facts, program, account)

    def _verdicts(self, facts: EndFacts, program: ProgramFacts, account: AccountFacts) -> list[Verdict]:
        security = _security(facts, program)
        sid = Sid.from_string(account.sid)
        groups = frozenset(map(Sid.from_string, account.groups))
        caller = ComCaller(sid, groups, is_remote=not self.link.is_local, is_local_account=account.is_local)
        actions = [ComAction.CALL]
        if self.activates:
            # A service that runs and cannot use COM has registered no class, so COM launches it.
            is_registered = program.service_runs and program.level
            actions.insert(0, ComAction.ACTIVATE if is_registered else ComAction.LAUNCH)
        return [check_com(security, caller, action) for action in actions]

    def _door(
        self,
        layer: LinkLayer,
        results: Sequence[DoorResult],
        facts: EndFacts,
        program: ProgramFacts,
        account: AccountFacts,
    ) -> LayerResult:
        door = _door_in_force(layer, facts, program)
        stored = _stored(facts, program, door)
        name = f"{door.value} of {self.target_name}" if door in _PROGRAM_DOORS else door.value
        if stored.trouble:
            return self._refuses(layer, facts.host, f"{name} is {stored.trouble}", "dcom_permission with repair: true")
        shut = next((item for item in results if not item.allowed), None)
        if shut is None:
            return self._ok(layer, facts.host, f"{name} lets {self.target.principal} in")
        rights = format_rights_of(shut.missing, _kind(shut.door))
        evidence = f"{name} does not give {self.target.principal} {rights} ({shut.reason.value})"
        if door.value in facts.policy_doors:
            return self._refuses(layer, facts.host, f"{evidence}; Group Policy sets it", "add the entry to the policy")
        fix = f"run harden_opc for {facts.host}"
        group = None if account.knows_all_groups else _a_group_that_is_let_in(stored, shut)
        if group is not None:
            return self._unknown(layer, facts.host, f"{evidence}, unless it is a member of {group}", fix)
        return self._refuses(layer, facts.host, evidence, fix)


_DEFAULT_LEVEL = "dcom_application with authentication_level: default"
_LOOK_AT_HOST = "see whether the host is up, then its address and the way there"

# -- doors

_ACTIVATION_LAYERS = (LinkLayer.LAUNCH_AND_ACTIVATION_LIMIT, LinkLayer.APPLICATION_LAUNCH)
_CALL_LAYERS = (LinkLayer.ACCESS_LIMIT, LinkLayer.APPLICATION_ACCESS)
_DOORS = {
    LinkLayer.LAUNCH_AND_ACTIVATION_LIMIT: (Door.MACHINE_LAUNCH_LIMIT,),
    LinkLayer.APPLICATION_LAUNCH: (Door.APPLICATION_LAUNCH, Door.DEFAULT_LAUNCH),
    LinkLayer.ACCESS_LIMIT: (Door.MACHINE_ACCESS_LIMIT,),
    LinkLayer.APPLICATION_ACCESS: (Door.APPLICATION_ACCESS, Door.DEFAULT_ACCESS),
}
_PROGRAM_DOORS = (Door.APPLICATION_LAUNCH, Door.APPLICATION_ACCESS)
_LAUNCH_DOORS = (Door.MACHINE_LAUNCH_LIMIT, Door.APPLICATION_LAUNCH, Door.DEFAULT_LAUNCH)


def _kind(door: Door) -> ComKind:
    return ComKind.LAUNCH if door in _LAUNCH_DOORS else ComKind.ACCESS


def _stored(facts: EndFacts, program: ProgramFacts, door: Door) -> StoredDescriptor:
    if door is Door.APPLICATION_LAUNCH:
        return program.launch
    if door is Door.APPLICATION_ACCESS:
        return program.access
    return facts.doors.get(door.value, StoredDescriptor())


def _door_in_force(layer: LinkLayer, facts: EndFacts, program: ProgramFacts) -> Door:
    """A program's own permission, also a damaged one; without it the machine's default."""
    *own, fallback = _DOORS[layer]
    return next((door for door in own if _stored(facts, program, door) != StoredDescriptor()), fallback)


def _security(facts: EndFacts, program: ProgramFacts) -> HostSecurity:
    """What is configured for one program. A value that does not read counts as absent here; it is told apart later."""

    def descriptor(door: Door) -> Any:
        return _stored(facts, program, door).read().descriptor

    return HostSecurity(
        machine_access_limit=descriptor(Door.MACHINE_ACCESS_LIMIT),
        machine_launch_limit=descriptor(Door.MACHINE_LAUNCH_LIMIT),
        default_access=descriptor(Door.DEFAULT_ACCESS),
        default_launch=descriptor(Door.DEFAULT_LAUNCH),
        application_access=descriptor(Door.APPLICATION_ACCESS),
        application_launch=descriptor(Door.APPLICATION_LAUNCH),
        authentication_level=program.level or AuthenticationLevel.CONNECT,
        everyone_includes_anonymous=facts.everyone_includes_anonymous,
        filters_local_administrators=facts.filters_local_administrators,
    )


def _a_group_that_is_let_in(stored: StoredDescriptor, shut: DoorResult) -> str | None:
    """A domain group whose members would pass; whether the caller is one only the domain knows."""
    descriptor = stored.read().descriptor
    kind = _kind(shut.door)
    for permission in () if descriptor is None else permissions_of(descriptor, kind):
        missing: frozenset[ComRight] = shut.missing
        if permission.access is Access.ALLOW and permission.trustee.domain is not None and missing <= permission.rights:
            return format_trustee(permission.trustee)
    return None


def _same_account(run_as: str, end: EndSpec) -> bool:
    """Whether a service's account is the one the model names."""
    spellings = {_folded(run_as, end.computer_name), _folded(end.account, end.computer_name)}
    return len(spellings) == 1


def _folded(account: str, computer_name: str) -> str:
    folded = account.strip().lower().removeprefix("nt authority\\").replace(" ", "")
    folded = folded.removeprefix(".\\").removeprefix(f"{computer_name.lower()}\\")
    return "system" if folded == "localsystem" else folded
