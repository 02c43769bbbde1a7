# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Why do these links fail, and what is to be done first? Joins judged links, events, logs and findings. Pure.

For each way of each link there is one cause, and the rest is evidence: COM goes on after some refusals (a failed logon
makes the caller ANONYMOUS, who is then refused by a limit), so what comes first in the order of the layers counts.
What a configuration refuses now is certain. What only a log can show (a password, a user right) is as good as that.
What a log shows and the configuration contradicts is either over or not in force yet, and so ranks below.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ._diagnosis_causes import REMEDIES, Cause, commands, fill
from ._diagnosis_clues import ORDER, Clue, clues_of, is_expected_noise
from ._diagnosis_reasons import (
    bitness_of,
    caller_and_called,
    cause_of_clue,
    cause_of_layer,
    cured_at,
    missing_libraries,
    words_of,
)
from ._end_facts import EndFacts
from ._event_xml import shown
from ._host_state import parse_time
from ._link_check import LayerResult, LayerState, LinkVerdict, Way, check_link
from ._link_spec import LinkSpec

_WAYS = tuple(Way)
_MESSAGES = {"create_server": Way.CONNECT, "browse": Way.BROWSE, "callback": Way.CALLBACK}
# What a process reads when it starts, or Windows when it boots: right in the registry is not yet in force.
_READ_AT_START = ("authentication_level", "launch_and_activation_limit", "access_limit", "application_access")
# What is asked alike whatever program of a host is meant.
_OF_BOTH_HOSTS = (
    "name_and_address",
    "endpoint_mapper",
    "account",
    "authentication_level",
    "launch_and_activation_limit",
    "access_limit",
)
# They say more than what the configuration of the same layer shows.
_SHARPER = (
    Cause.DOMAIN_UNREACHABLE,
    Cause.DOMAIN_TRUST,
    Cause.LEVEL_OF_PROGRAM,
    Cause.ACCOUNT_DISABLED,
    Cause.ACCOUNT_LOCKED,
)
# What every OPC DA client and server need; source: dcom.md 2.4.
_DA_STUBS = ("opccomn_ps.dll", "opcproxy.dll")
_MAX_WHY = 6
# How far the clocks of hosts may be apart; Kerberos allows as much.
_SKEW = timedelta(minutes=5)
_MAX_TEXT = 400
_OVER = "over, by the configuration of now"
_BEFORE = "not again since the last boot of"


class Certainty(enum.IntEnum):
    """How sure a problem is; the surer ones come first."""

    REFUSES = 0  # the configuration refuses now
    LOGGED = 1  # a log says so, and no configuration could contradict it
    LIKELY = 2
    POSSIBLE = 3
    WEAKNESS = 4  # no link fails for it

    @property
    def tier(self) -> int:
        return max(self.value, Certainty.LOGGED.value)


@dataclass(frozen=True, slots=True)
class Problem:
    """One cause. `host` is where to act, `why` the evidence, most telling first, `commands` are in order."""

    cause: Cause
    certainty: Certainty
    host: str
    layer: str
    ways: tuple[Way, ...]
    links: tuple[str, ...]
    what: str
    do: str
    why: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What, where, why, do this."""
        concerned = ", ".join(self.links[:3]) + (f" and {len(self.links) - 3} more" if len(self.links) > 3 else "")
        where = f"{self.host} ({concerned})" if concerned else self.host
        telling = [text for text in self.why if not text.startswith(self.what)]
        why = f" Why: {telling[0]}." if telling else ""
        run = f" Run: {self.commands[0]}" if self.commands else ""
        return f"{where}: {self.what}.{why} Do this: {self.do}.{run}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "cause": self.cause.value,
            "certainty": self.certainty.name.lower(),
            "host": self.host,
            "layer": self.layer,
            "ways": [way.value for way in self.ways],
            "links": list(self.links),
            "what": self.what,
            "why": list(self.why),
            "do": self.do,
            "commands": list(self.commands),
            "line": self.line,
        }


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was read. `events` are results of dcom_event_info, `machines` of dcom_info, by inventory host.

    `inventory`: how a command is told the inventory, such as ``-i site.ini``; "" for none.
    """

    links: Sequence[LinkSpec]
    ends: Mapping[str, EndFacts] = field(default_factory=dict)
    unreached: Collection[str] = ()
    events: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    machines: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    inventory: str = ""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A possible cause on one way of one link. `sharpness` orders candidates of the same layer."""

    link: LinkSpec
    way: Way
    layer: str
    cause: Cause
    certainty: Certainty
    sharpness: int
    host: str
    why: tuple[str, ...]
    clue: Clue | None = None

    @property
    def rank(self) -> tuple[int, int, int]:
        return self.certainty.tier, _order(self.layer), self.sharpness


def _order(layer: str) -> int:
    """A firewall of a host that an event names without a side counts as the client's."""
    return ORDER.index(layer) if layer in ORDER else ORDER.index("client_firewall")


def diagnose(seen: Seen) -> list[Problem]:
    """The problems, the most likely cause of most links first."""
    clues = [clue for host, result in seen.events.items() for clue in clues_of(host, result)]
    clues = [clue for clue in clues if not is_expected_noise(clue)]
    classes = _classes(clues)
    used: set[Clue] = set()
    problems: list[Problem] = []
    for link in seen.links:
        verdict = check_link(link, seen.ends, seen.unreached)
        own = [clue for clue in clues if _belongs(clue, link, seen, classes.get(link.name, set()))]
        used.update(own)
        problems += _problems_of_link(seen, verdict, own)
    problems += [item for link in seen.links for item in _proxy_stubs(seen, link)]
    problems += _pending(seen)
    problems += _unlinked(seen, [clue for clue in clues if clue not in used])
    problems += _weaknesses(seen)
    return sorted(_merged(problems), key=_urgency)


def _urgency(problem: Problem) -> tuple[int, bool, int, int, int, str]:
    way = min((_WAYS.index(item) for item in problem.ways), default=len(_WAYS))
    return (
        problem.certainty.tier,
        not problem.links,
        way,
        -len(problem.links),
        _order(problem.layer),
        problem.host,
    )


# -- which clue is about which link


def _classes(clues: Iterable[Clue]) -> dict[str, set[str]]:
    """By link, what its server is called in the clues joined to it, such as a CLSID that the model does not say."""
    found: dict[str, set[str]] = {}
    for clue in clues:
        if clue.server and not clue.is_about_opc_enum:
            for name in clue.links:
                found.setdefault(name, set()).add(clue.server.lower())
    return found


def _belongs(clue: Clue, link: LinkSpec, seen: Seen, classes: Collection[str]) -> bool:
    if clue.links:
        return link.name in clue.links
    ends = link.ends_on(clue.host)
    if not ends:
        return False
    if clue.is_about_opc_enum:
        return link.browses and (clue.host == link.server.host or clue.is_caller_side)
    if clue.is_caller_side:
        return _names(clue, link, seen, classes) or (not clue.program and not clue.server)
    is_about_machine = not (clue.server or clue.service or clue.program or clue.caller)
    return is_about_machine or _names(clue, link, seen, classes)


def _names(clue: Clue, link: LinkSpec, seen: Seen, classes: Collection[str]) -> bool:
    """Whether service, program or class of a clue are those of an end on its host."""
    known = set(classes)
    for end in link.ends_on(clue.host):
        facts = seen.ends.get(end.host)
        program = None if facts is None else facts.programs.get(end.application)
        known |= {end.selector[1].lower(), end.service.lower(), _base_name(end.program)}
        known |= set() if program is None else {program.app_id.lower(), program.service.lower()}
        known |= set() if program is None else {_base_name(program.program)}
    if clue.is_caller_side:
        known |= {link.server.selector[1].lower()}
    known.discard("")
    return bool({clue.server.lower(), clue.service.lower(), _base_name(clue.program)} & known)


def _base_name(path: str) -> str:
    return path.replace("/", "\\").rpartition("\\")[2].lower()


def _way(clue: Clue, link: LinkSpec) -> Way:
    if clue.message in _MESSAGES:
        return _MESSAGES[clue.message]
    if clue.is_about_opc_enum:
        return Way.BROWSE
    is_forward = link.is_local or (clue.host == link.client.host) is clue.is_caller_side
    return Way.CONNECT if is_forward else Way.CALLBACK


# -- one link


def _problems_of_link(seen: Seen, verdict: LinkVerdict, clues: Sequence[Clue]) -> Iterator[Problem]:
    forward: _Candidate | None = None
    for way in _WAYS:
        layers = tuple(item for item in verdict.layers if item.way is way)
        own = [clue for clue in clues if _way(clue, verdict.link) is way]
        if way is Way.BROWSE and _explains_browsing(forward):
            own = [clue for clue in own if not clue.is_general]
        head = _head(_Walk(seen, verdict.link, way, layers, own))
        forward = head if way is Way.CONNECT else forward
        if head is not None:
            yield _problem(seen, head)
        if head is None or head.certainty.tier > Certainty.LOGGED.tier:
            taken = None if head is None else head.layer
            yield from (
                _problem(seen, item) for item in _possible(seen, verdict.link, way, layers) if item.layer != taken
            )


def _explains_browsing(head: _Candidate | None) -> bool:
    """Whether what keeps the client from the OPC server keeps it from OpcEnum on the same host as well."""
    return head is not None and head.certainty.tier == Certainty.LOGGED.tier and head.layer in _OF_BOTH_HOSTS


def _head(walk: _Walk) -> _Candidate | None:
    """The first cause on this way, with everything else as its evidence."""
    found = [_refusal(walk.seen, walk.link, item) for item in walk.layers if item.state is LayerState.REFUSES]
    found += [walk.logged(clue) for clue in walk.clues if not clue.is_general]
    general = [clue for clue in walk.clues if clue.is_general]
    if not found:
        found = [walk.unexplained(clue) for clue in general]
    if not found:
        return None
    ranked = sorted(found, key=lambda item: item.rank)
    first = ranked[0]
    why = [text for item in ranked if item.clue is not None or item is first for text in item.why]
    behind = [item.layer for item in ranked[1:] if item.clue is None and item.layer != first.layer]
    why += [clue.text for clue in general]
    why += [f"behind it also refuse: {', '.join(dict.fromkeys(behind))}"] if behind else []
    return replace(first, why=tuple(dict.fromkeys(why)))


def _refusal(seen: Seen, link: LinkSpec, result: LayerResult) -> _Candidate:
    cause = cause_of_layer(link, result, seen.ends, seen.unreached)
    host = cured_at(cause, link, result.way, result.host)
    why = (result.evidence,)
    return _Candidate(link, result.way, result.layer.value, cause, Certainty.REFUSES, 1, host, why)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One way of one link, with the judged layers and the clues about it."""

    seen: Seen
    link: LinkSpec
    way: Way
    layers: Sequence[LayerResult]
    clues: Sequence[Clue]

    def logged(self, clue: Clue) -> _Candidate:
        """What a log says, held against the configuration of now."""
        cause, layer = cause_of_clue(clue)
        caller, called = caller_and_called(self.link, self.way)
        host = (caller if clue.is_cured_at_caller or cause is Cause.RUNS_AS_OTHER else called).host
        sharpness = 0 if cause in _SHARPER else 3 if cause is Cause.RUNS_AS_OTHER else 2
        why = (clue.text,)
        made = _Candidate(self.link, self.way, layer, cause, Certainty.LOGGED, sharpness, host, why, clue)
        states = {item.state for item in self.layers if item.layer.value == layer}
        if LayerState.REFUSES in states:
            return replace(made, certainty=Certainty.REFUSES)
        if self._is_over(clue, clue.host):
            return replace(made, certainty=Certainty.POSSIBLE, why=(f"{_BEFORE} {clue.host}: {clue.text}",))
        if clue.is_hidden or cause is Cause.RUNS_AS_OTHER:
            return made
        if LayerState.UNKNOWN in states or not states:
            return replace(made, certainty=Certainty.LIKELY)
        if layer in _READ_AT_START and not self._is_over(clue, host):
            why = (f"the configuration of {host} lets it through now, yet {clue.text}",)
            return replace(made, cause=Cause.NOT_IN_FORCE, certainty=Certainty.LIKELY, why=why)
        return replace(made, certainty=Certainty.POSSIBLE, why=(f"{_OVER}: {clue.text}",))

    def unexplained(self, clue: Clue) -> _Candidate:
        """Something refused, and nothing that was read says what; a firewall that may be shut is the likeliest."""
        cause, layer = cause_of_clue(clue)
        unsure = [item for item in self.layers if item.state is LayerState.UNKNOWN and item.host in self.seen.ends]
        shut = next((item for item in unsure if "firewall" in item.layer.value), None)
        if cause is Cause.UNREACHABLE and shut is not None:
            why = (shut.evidence, clue.text)
            where = shut.layer.value
            return _Candidate(self.link, self.way, where, Cause.FIREWALL, Certainty.LIKELY, 1, shut.host, why, clue)
        called = caller_and_called(self.link, self.way)[1].host
        host = clue.host if cause is Cause.NAME_RESOLUTION else called
        made = _Candidate(self.link, self.way, layer, cause, Certainty.LIKELY, 2, host, (clue.text,), clue)
        if self._is_over(clue, clue.host):
            return replace(made, certainty=Certainty.POSSIBLE, why=(f"{_BEFORE} {clue.host}: {clue.text}",))
        return made

    def _is_over(self, clue: Clue, host: str) -> bool:
        """Whether the host whose setting counts has booted since, so that what is configured is in force.

        Clocks of two hosts differ, so what that host has written itself at the time counts where there is any.
        """
        system = self.seen.machines.get(host, {}).get("system")
        booted = _time(system.get("last_boot_time")) if isinstance(system, Mapping) else None
        own = [moment for item in self.clues if item.host == host and (moment := _time(item.last_time))]
        last = _time(clue.last_time)
        if booted is None or last is None:
            return False
        return max(own) < booted if own else last + _SKEW < booted


def _time(text: object) -> datetime | None:
    try:
        return parse_time(text) if isinstance(text, str) and text else None
    except ValueError:
        return None


def _possible(seen: Seen, link: LinkSpec, way: Way, layers: Sequence[LayerResult]) -> Iterator[_Candidate]:
    """What is not known. A host that was not read is one problem, whatever it decides."""
    for item in layers:
        if item.state is not LayerState.UNKNOWN or item.host in seen.unreached:
            continue
        is_unread = item.host not in seen.ends
        if is_unread:
            cause, host, layer = Cause.NOT_LOOKED_AT, item.host, "client_program"
        else:
            cause = cause_of_layer(link, item, seen.ends, seen.unreached)
            host, layer = cured_at(cause, link, way, item.host), item.layer.value
        why = () if is_unread else (item.evidence,)
        yield _Candidate(link, way, layer, cause, Certainty.POSSIBLE, 1, host, why)


# -- problems


def _problem(seen: Seen, item: _Candidate) -> Problem:
    words = words_of(item.link, item.way, item.cause, item.layer, item.clue)
    words.update(host=item.host, inventory=seen.inventory)
    concerned: dict[str, Any] = {"layer": item.layer, "ways": (item.way,), "links": (item.link.name,)}
    return _made(item.cause, item.certainty, words, why=item.why, **concerned)


def _made(cause: Cause, certainty: Certainty, words: Mapping[str, str], **more: Any) -> Problem:
    remedy = REMEDIES[cause]
    why = tuple(shown(text, _MAX_TEXT) for text in more.pop("why", ())[:_MAX_WHY])
    concerned: dict[str, Any] = {"layer": "", "ways": (), "links": (), **more}
    return Problem(
        cause=cause,
        certainty=certainty,
        host=words["host"],
        what=shown(fill(remedy.what, words), _MAX_TEXT),
        do=shown(fill(remedy.do, words), _MAX_TEXT),
        commands=commands(remedy.recipes, words),
        why=why,
        **concerned,
    )


def _proxy_stubs(seen: Seen, link: LinkSpec) -> Iterator[Problem]:
    """Interfaces of OPC DA that are not registered for the bitness of a program of the link; discovery tells."""
    for end in (link.client, link.server):
        opc = seen.machines.get(end.host, {}).get("opc")
        bitness = bitness_of(opc, end)
        missing = [name for name in missing_libraries(opc) if name in {f"{dll} ({bitness}-bit)" for dll in _DA_STUBS}]
        if missing:
            words = {"host": end.host, "inventory": seen.inventory}
            why = (f"{end.application} is a {bitness}-bit program, and {', '.join(missing)} is not usable",)
            where: dict[str, Any] = {"layer": "proxy_stub", "ways": (Way.CONNECT,), "links": (link.name,)}
            yield _made(Cause.PROXY_STUB, Certainty.LIKELY, words, why=why, **where)


def _pending(seen: Seen) -> Iterator[Problem]:
    """What this collection has written and is not in force."""
    for host, facts in seen.ends.items():
        reasons = [*facts.reboot_reasons, *(f"service {name} runs with old values" for name in facts.stale_services)]
        links = tuple(link.name for link in seen.links if link.ends_on(host))
        if reasons and links:
            why = (f"waiting: {', '.join(reasons)}",)
            words = {"host": host, "inventory": seen.inventory}
            yield _made(Cause.NOT_IN_FORCE, Certainty.LIKELY, words, links=links, why=why, ways=(Way.CONNECT,))


def _unlinked(seen: Seen, clues: Iterable[Clue]) -> Iterator[Problem]:
    """Events that belong to no link; of one host, those of one cause are one problem."""
    for clue in clues:
        cause, layer = cause_of_clue(clue)
        is_stranger = clue.is_undeclared and not clue.is_caller_side
        words = {
            "host": clue.host,
            "target": shown(clue.target) or "some host",
            "service": shown(clue.service) or "of some COM server",
            "program": shown(clue.program) or "of no link",
            "account": shown(clue.caller) or "of some caller",
            "clsid": shown(clue.server) or "a class",
        }
        made = _made(
            Cause.UNDECLARED if is_stranger else cause, Certainty.POSSIBLE, words, layer=layer, why=(clue.text,)
        )
        yield replace(made, commands=())


def _weaknesses(seen: Seen) -> Iterator[Problem]:
    """Findings about hosts, that need not make a link fail."""
    for host, machine in seen.machines.items():
        for item in machine.get("findings") or ():
            if isinstance(item, Mapping) and item.get("severity") in ("critical", "warning"):
                finding = f"{item.get('subject', '')}: {str(item.get('code', '')).replace('_', ' ')}"
                words = {"host": host, "finding": finding, "advice": str(item.get("advice", ""))}
                yield _made(Cause.WEAKNESS, Certainty.WEAKNESS, words, why=(str(item.get("evidence", "")),))


def _merged(problems: Iterable[Problem]) -> list[Problem]:
    """One problem for each cause at one place, with the links and ways of all, as sure as the surest."""
    found: dict[tuple[object, ...], Problem] = {}
    for item in problems:
        key = (item.cause, item.host, item.what)
        other = found.get(key)
        if other is None:
            found[key] = item
            continue
        first, second = sorted((other, item), key=_urgency)
        ways = tuple(way for way in _WAYS if way in (*first.ways, *second.ways))
        links = tuple(dict.fromkeys((*first.links, *second.links)))
        why = tuple(dict.fromkeys((*first.why, *second.why)))[:_MAX_WHY]
        found[key] = replace(first, ways=ways, links=links, why=why)
    return list(found.values())
