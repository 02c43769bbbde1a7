# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What a report says of a site, as plain data for people, programs and earlier or later reports. Pure.

Everything is taken as it was read; judged is by the modules that the diagnosis uses. A report of an earlier day gives
each setting its value of before. Nothing in here is a secret, and no host is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._diagnosis import Certainty, Problem, Seen, diagnose
from ._end_facts import EndFacts
from ._errors import ParameterError
from ._link_check import LayerState, LinkVerdict, check_link
from ._link_spec import EndSpec, LinkSpec
from ._patch_level import Phase, phase_of

SCHEMA = "otsec.opc_dcom/report/1"
Data = Mapping[str, Any]
MAX_STRING = 4096
_PHASES = {
    Phase.NOT_PATCHED: "before June 2021: no hardening",
    Phase.AVAILABLE: "June 2021: hardening off by default",
    Phase.ON_BY_DEFAULT: "June 2022: hardening on by default",
    Phase.CLIENTS_RAISED: "November 2022: clients raise their level",
    Phase.ENFORCED: "March 2023 or later: hardening enforced",
}
UNKNOWN_PHASE = "not known from build and revision"
_STATES: dict[bool | None, str] = {True: "works", False: "fails", None: "unknown"}
_SCOPES = {
    "machine_limit": "Machine limit",
    "machine_default": "Machine default",
    "group_policy": "Limit by Group Policy",
}


@dataclass(frozen=True, slots=True)
class Collected:
    """What a report is made of. `audits`: drift and exceptions of hosts; `policies`: switches that weaken a host, as
    opc_host_policy found them; `snapshots`: the first snapshot of hosts; `earlier`: an earlier report."""

    title: str
    generated: str
    seen: Seen
    audits: Mapping[str, Data] = field(default_factory=dict)
    policies: Mapping[str, Data] = field(default_factory=dict)
    snapshots: Mapping[str, Data] = field(default_factory=dict)
    earlier: Data | None = None


def report_of(collected: Collected) -> dict[str, Any]:
    """The report as data that JSON can hold."""
    seen = collected.seen
    problems = diagnose(seen)
    verdicts = (check_link(link, seen.ends, seen.unreached) for link in seen.links)
    links = [_link(verdict, problems) for verdict in verdicts]
    hosts = [_host(name, collected) for name in _host_names(collected)]
    exceptions = list(_exceptions(collected))
    report = {
        "schema": SCHEMA,
        "title": collected.title,
        "generated": collected.generated,
        "compared_with": _earlier_time(collected.earlier),
        "summary": {**_summary(links, hosts, problems), "exceptions": len(exceptions)},
        "problems": [problem.to_dict() for problem in problems],
        "links": links,
        "hosts": hosts,
        "exceptions": exceptions,
    }
    bounded: dict[str, Any] = _bounded(report)
    return bounded


def check_earlier(path: str, item: object) -> Data:
    """An earlier report. Raises: ParameterError for anything else."""
    if not isinstance(item, Mapping) or item.get("schema") != SCHEMA or not isinstance(item.get("hosts"), list):
        raise ParameterError(path, f"is no report of this collection ({SCHEMA})")
    return item


def _earlier_time(earlier: Data | None) -> str | None:
    return None if earlier is None else str(earlier.get("generated", ""))


def _bounded(value: Any) -> Any:
    """The same, with texts that are as long as somebody made them cut."""
    if isinstance(value, Mapping):
        return {str(name)[:MAX_STRING]: _bounded(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_bounded(item) for item in value]
    return value[:MAX_STRING] if isinstance(value, str) else value


# -- summary


def _summary(links: Sequence[Data], hosts: Sequence[Data], problems: Sequence[Problem]) -> dict[str, Any]:
    states = [link["state"] for link in links]
    return {
        "links": len(links),
        **{f"links_{state}": states.count(state) for state in _STATES.values()},
        "hosts": len(hosts),
        "hosts_unreached": sum(not item["is_reached"] for item in hosts),
        "hosts_pending_reboot": sum(bool(item["reboot_reasons"]) for item in hosts),
        "hosts_drifting": sum(bool(item["drift"]) for item in hosts),
        "hosts_enforced": sum(item["phase"] == Phase.ENFORCED.name.lower() for item in hosts),
        "causes": len([item for item in problems if item.links and item.certainty <= Certainty.LIKELY]),
        "weaknesses": len([item for item in problems if not item.links]),
    }


# -- links


def _link(verdict: LinkVerdict, problems: Sequence[Problem]) -> dict[str, Any]:
    """A link as its configuration and the logs have it: what a log shows to refuse, refuses."""
    link = verdict.link
    found = verdict.to_dict()
    logged = [item for item in problems if item.certainty is Certainty.LOGGED and link.name in item.links]
    found["layers"] = list(_with_logged(found["layers"], logged))
    refusing = [item for item in found["layers"] if item["state"] == LayerState.REFUSES.value]
    return {
        **found,
        "first": next(iter(refusing), None),
        "state": "fails" if refusing else _STATES[verdict.works],
        "is_logged": bool(logged),
        "read_mode": "subscribe" if link.subscribes else "poll",
        "browse": link.browses,
        "is_local": link.is_local,
        "client": _end(link.client),
        "server": _end(link.server),
    }


def _with_logged(layers: Sequence[Data], logged: Iterable[Problem]) -> Iterator[Data]:
    """The layers with what only a log shows, each at its place on its way."""
    places = {(way.value, item.layer): item for item in logged for way in item.ways}
    for index, layer in enumerate(layers):
        key = (layer["way"], layer["layer"])
        problem = places.pop(key, None)
        yield layer if problem is None else _logged_layer(key, problem)
        is_last = index + 1 == len(layers) or layers[index + 1]["way"] != layer["way"]
        if is_last:
            for other in [key for key in places if key[0] == layer["way"]]:
                yield _logged_layer(other, places.pop(other))


def _logged_layer(key: tuple[str, str], problem: Problem) -> dict[str, str]:
    way, layer = key
    state = LayerState.REFUSES.value
    evidence = f"{problem.what} ({problem.why[0]})" if problem.why else problem.what
    return {"way": way, "layer": layer, "host": problem.host, "state": state, "evidence": evidence, "fix": problem.do}


def _end(end: EndSpec) -> dict[str, Any]:
    """`seen_as`: who the account of the *other* end is on this host."""
    return {
        "host": end.host,
        "application": end.application,
        "program": end.program,
        "account": end.account,
        "addresses": list(end.addresses),
        "seen_as": end.principal,
    }


# -- hosts


def _host_names(collected: Collected) -> list[str]:
    seen = collected.seen
    linked = [end.host for link in seen.links for end in (link.server, link.client)]
    return sorted(dict.fromkeys((*linked, *seen.machines, *seen.unreached)))


def _host(name: str, collected: Collected) -> dict[str, Any]:
    seen = collected.seen
    machine, facts = seen.machines.get(name, {}), seen.ends.get(name)
    system = _mapping(machine.get("system"))
    hardening = _mapping(machine.get("hardening"))
    phase = _phase(system, hardening)
    audit = collected.audits.get(name, {})
    events = seen.events.get(name, {})
    settings = list(_with_before(_settings(machine), _earlier_settings(collected.earlier, name)))
    policy = _mapping(collected.policies.get(name))
    return {
        "name": name,
        "roles": _roles(name, seen.links),
        "is_reached": bool(machine) or facts is not None,
        "windows": str(system.get("caption", "")).strip(),
        "build": ".".join(str(part) for part in (system.get("build"), system.get("revision")) if part),
        "last_boot_time": system.get("last_boot_time"),
        "phase": None if phase is None else phase.name.lower(),
        "phase_text": _phase_text(phase, is_certain=bool(hardening.get("is_certain", True))),
        "as_server": str(hardening.get("requires_integrity_because") or ""),
        "as_client": str(hardening.get("raises_activation_because") or ""),
        "reboot_reasons": _reboot_reasons(machine, facts),
        "stale_services": list(facts.stale_services) if facts is not None else [],
        "unfinished_run": list(machine.get("unfinished_run") or ()),
        "settings": settings,
        "switches": dict(_mapping(policy.get("before"))),
        "weak_switches": [str(item) for item in _weak_switches(policy)],
        "findings": [dict(item) for item in machine.get("findings") or () if isinstance(item, Mapping)],
        "drift": [str(item) for item in audit.get("drift") or ()],
        "is_audited": bool(audit),
        "exceptions": [str(item) for item in audit.get("exceptions") or ()],
        "software": list(_software(_mapping(machine.get("opc")))),
        "missing_libraries": _missing_libraries(machine),
        "snapshot": _snapshot(collected.snapshots.get(name)),
        "events": [dict(item) for item in (*(events.get("groups") or ()), *(events.get("apis") or ()))],
        "notes": [
            *(str(item) for item in system.get("notes") or ()),
            *(str(item) for item in events.get("notes") or ()),
        ],
    }


def _mapping(value: object) -> Data:
    return value if isinstance(value, Mapping) else {}


def _phase(system: Data, hardening: Data) -> Phase | None:
    """As dcom_info has judged it, else by build and revision alone."""
    word = str(hardening.get("phase") or "").upper()
    if word in Phase.__members__:
        return Phase[word]
    return phase_of(int(system.get("build") or 0), system.get("revision")) if system else None


def _phase_text(phase: Phase | None, *, is_certain: bool) -> str:
    if phase is None:
        return UNKNOWN_PHASE
    return _PHASES[phase] if is_certain else f"{_PHASES[phase]} (estimated)"


def _software(opc: Data) -> Iterator[dict[str, Any]]:
    """OPC servers and programs of a host, as far as they were looked for."""
    listed = [*(opc.get("servers") or ()), opc.get("opc_enum")]
    for item in filter(None, map(_mapping, listed)):
        yield {
            "name": str(item.get("prog_id") or item.get("name") or item.get("clsid") or "OpcEnum"),
            "kind": ", ".join(map(str, item.get("specifications") or ())) or "OpcEnum",
            "program": str(item.get("program") or ""),
            "bitness": item.get("bitness"),
            "service": str(item.get("service") or ""),
            "run_as": str(item.get("run_as") or ""),
            "running": item.get("running"),
            "version": str(item.get("version") or ""),
            "troubles": [str(text) for text in item.get("troubles") or ()],
        }


def _missing_libraries(machine: Data) -> list[str]:
    components = _mapping(_mapping(machine.get("opc")).get("core_components"))
    return [str(name) for name in components.get("missing") or ()]


def _roles(name: str, links: Iterable[LinkSpec]) -> list[str]:
    found = {side for link in links for side in ("server", "client") if getattr(link, side).host == name}
    return sorted(found, reverse=True)


def _reboot_reasons(machine: Data, facts: EndFacts | None) -> list[str]:
    reasons = list(machine.get("reboot_reasons") or ()) or (list(facts.reboot_reasons) if facts is not None else [])
    return [str(item) for item in reasons]


def _weak_switches(policy: Data) -> Iterator[str]:
    """Switches that check mode would change to what is safe. Windows is safe where a value is absent."""
    before, after = _mapping(policy.get("before")), _mapping(policy.get("after"))
    for name, text in before.items():
        if after.get(name) != text and not str(text).startswith("absent"):
            yield f"{name}: {text}"


def _snapshot(item: Data | None) -> dict[str, Any] | None:
    found = _mapping(item)
    shot = _mapping(found.get("snapshot"))
    if not shot:
        return None
    contents = [str(line) for line in found.get("contents") or ()]
    return {"taken": shot.get("taken"), "reason": shot.get("reason"), "contents": contents}


# -- settings


def _settings(machine: Data) -> Iterator[tuple[str, str, str]]:
    """Group, name and value of every setting, in words."""
    for group, title in (("defaults", "Machine-wide"), ("logging", "Logging")):
        for name, item in _mapping(machine.get(group)).items():
            yield title, name, str(_mapping(item).get("text", ""))
    permissions = _mapping(machine.get("permissions"))
    for scope, title in _SCOPES.items():
        for kind, item in _mapping(permissions.get(scope)).items():
            yield title, str(kind), _lines(item)
    for application in machine.get("applications") or ():
        yield from _application_settings(_mapping(application))


def _application_settings(application: Data) -> Iterator[tuple[str, str, str]]:
    title = f"Application {application.get('name') or application.get('app_id')}"
    yield title, "authentication_level", str(_mapping(application.get("authentication_level")).get("text", ""))
    yield title, "run_as", str(application.get("run_as") or application.get("service") or "the launching user")
    for name in ("access_permission", "launch_permission"):
        yield title, name, _lines(application.get(name))


def _lines(item: object) -> str:
    """A permission, one entry a line, without owner and group."""
    lines = [str(line) for line in _mapping(item).get("text") or ()]
    return "\n".join(line for line in lines if not line.startswith(("owner ", "group ")))


def _earlier_settings(earlier: Data | None, host: str) -> dict[tuple[str, str], str]:
    hosts = () if earlier is None else earlier["hosts"]
    found = next((item for item in hosts if isinstance(item, Mapping) and item.get("name") == host), None)
    listed = _mapping(found).get("settings") or ()
    return {
        (str(item.get("group")), str(item.get("name"))): str(item.get("now", ""))
        for item in listed
        if isinstance(item, Mapping)
    }


def _with_before(
    settings: Iterable[tuple[str, str, str]], before: Mapping[tuple[str, str], str]
) -> Iterator[dict[str, Any]]:
    for group, name, now in settings:
        old = before.get((group, name))
        yield {"group": group, "name": name, "now": now, "before": old, "is_changed": old is not None and old != now}


# -- exceptions


def _exceptions(collected: Collected) -> Iterator[dict[str, str]]:
    """What is weaker than need be, with its reason where somebody gave one."""
    for host in _host_names(collected):
        audit = collected.audits.get(host, {})
        for text in dict.fromkeys(str(item) for item in audit.get("exceptions") or ()):
            yield {"host": host, "what": text, "origin": "declared"}
        for text in _weak_switches(_mapping(collected.policies.get(host))):
            yield {"host": host, "what": text, "origin": "found"}
        machine = collected.seen.machines.get(host, {})
        for item in machine.get("findings") or ():
            if isinstance(item, Mapping) and item.get("code") in ("anonymous_remote", "everyone_remote"):
                yield {"host": host, "what": f"{item.get('subject')}: {item.get('evidence')}", "origin": "found"}
