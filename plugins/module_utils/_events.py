# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Explains event records: names their data, says what happened and what to do, and counts what is alike. Pure.

Data are named by position, because their names differ between events and builds; only audit events, whose data can be
missing in the middle, are read by the names that their manifest fixes. A name ``paramN`` is a position.
Whether a caller is remote follows from its address: the words for it are translated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from string import Formatter

from ._errors import DomainError
from ._event_join import Caller, Joined, SiteIndex, is_remote_address, normal_address
from ._event_meanings import (
    AUDIT_NAMES,
    CONNECTION_BLOCKED,
    DIRECTIONS,
    DISTRIBUTED_COM,
    LOGON_FAILED,
    LOGON_TYPES,
    MEANINGS,
    PERSONAL_LOGON_TYPES,
    SECURITY_AUDITING,
    EventMeaning,
    Layout,
)
from ._event_xml import EventRecord, shown
from ._findings import Severity
from ._host_state import format_time
from ._hresults import format_code, meaning_of, parse_code
from ._principals import fixed_name
from ._sid import Sid

MAX_TIMES = 20
_PARAMETER = re.compile(r"param([1-9][0-9]?)", re.ASCII)
_UNKNOWN = "(not said)"
_PROVIDER_OF = {LOGON_FAILED: SECURITY_AUDITING, CONNECTION_BLOCKED: SECURITY_AUDITING}
_PERSONAL_FIX = "nothing for OPC: a person logged on, not a program"
_LOCAL_FIX = "nothing as a rule: Microsoft calls most local entries harmless (KB4022522)"
_UNKNOWN_HOST = "; the site model does not know that host"
_SERVER_DATA = ("clsid", "app_id", "server")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened, how bad it is, and what to do."""

    severity: Severity
    what: str
    fix: str


@dataclass(slots=True)
class EventGroup:
    """Records that say the same. `data` are shown texts by our names, `fields` those of the newest as Windows names
    them; `times` are the newest ones first.
    """

    log: str
    event_id: int
    provider: str
    data: Mapping[str, str]
    fields: Sequence[tuple[str, str]]
    is_incomplete: bool
    newest_record_id: int
    explanation: Explanation
    joined: Joined
    is_remote: bool
    count: int = 0
    times: list[datetime] = field(default_factory=list)
    first_time: datetime | None = None

    def add(self, record: EventRecord) -> None:
        """Count a record; they come newest first."""
        self.count += 1
        if record.time is not None:
            self.first_time = record.time
            if len(self.times) < MAX_TIMES:
                self.times.append(record.time)

    def to_dict(self) -> dict[str, object]:
        times = [format_time(moment) for moment in self.times]
        return {
            "log": self.log,
            "event_id": self.event_id,
            "provider": self.provider,
            "severity": self.explanation.severity.value,
            "what": self.explanation.what,
            "fix": self.explanation.fix,
            "count": self.count,
            "first_time": format_time(self.first_time) if self.first_time else None,
            "last_time": times[0] if times else None,
            "times": times,
            "newest_record_id": self.newest_record_id,
            "is_remote": self.is_remote,
            "is_incomplete": self.is_incomplete,
            "data": dict(self.data),
            "fields": [{"name": name, "text": text} for name, text in self.fields],
            **self.joined.to_dict(),
        }


def group_events(
    records: Iterable[EventRecord], log: str, index: SiteIndex | None = None, opc_ids: Collection[str] = ()
) -> list[EventGroup]:
    """The records, which come newest first, as groups: the urgent ones first, then the latest.

    `opc_ids` are CLSIDs and AppIDs (lower case) that make also a local refusal worth a look.
    """
    groups: dict[tuple[object, ...], EventGroup] = {}
    known = frozenset(opc_ids) | (index.known_ids if index else frozenset())
    for record in records:
        meaning = _meaning(record)
        data, is_incomplete = _named(record, meaning)
        varying = meaning.varying if meaning else frozenset()
        identity = tuple((name, text) for name, text in data.items() if name not in varying)
        key = (record.provider, record.event_id, identity or record.data)
        if key not in groups:
            groups[key] = _group(record, log, meaning, (data, is_incomplete), index, known)
        groups[key].add(record)
    return sorted(groups.values(), key=_urgency)


def _urgency(group: EventGroup) -> tuple[int, bool, int]:
    order = list(Severity)
    return order.index(group.explanation.severity), not group.is_remote, -group.newest_record_id


def _meaning(record: EventRecord) -> EventMeaning | None:
    found = MEANINGS.get(record.event_id)
    provider = _PROVIDER_OF.get(record.event_id, DISTRIBUTED_COM)
    return found if record.provider == provider else None


# -- naming ----------------------------------------------------------------------------------------------------------


def _named(record: EventRecord, meaning: EventMeaning | None) -> tuple[dict[str, str], bool]:
    """Data by our names, without the empty ones, and whether some are missing."""
    if meaning is None:
        return {}, False
    texts = _texts(record)
    layout = _layout(meaning.layouts, texts)
    found = {name: texts[index].strip() for index, name in enumerate(layout) if texts.get(index, "").strip()}
    return found, any(index not in texts for index in range(len(layout)))


def _texts(record: EventRecord) -> dict[int, str]:
    """Data by position, from 0. Names that are positions, or that a manifest fixes, tell it better than the order."""
    names = [name for name, _text in record.data]
    fixed = AUDIT_NAMES.get(record.event_id, ())
    if fixed and any(name in fixed for name in names):
        return {fixed.index(name): text for name, text in record.data if name in fixed}
    parameters = [_PARAMETER.fullmatch(name) for name in names]
    if parameters and all(parameters):
        return {int(match[1]) - 1: text for match, (_name, text) in zip(parameters, record.data, strict=True) if match}
    return {index: text for index, (_name, text) in enumerate(record.data)}


def _layout(layouts: Sequence[Layout], texts: Mapping[int, str]) -> Layout:
    """The layout in which the SID is where a SID is; else the one of this length; else the newest."""
    with_sid = [item for item in layouts if "sid" in item and _is_sid(texts.get(item.index("sid"), ""))]
    of_length = [item for item in layouts if len(item) == len(texts)]
    return (with_sid or of_length or list(layouts))[0]


def _is_sid(text: str) -> bool:
    return text.strip().upper().startswith("S-1-")


# -- explaining ------------------------------------------------------------------------------------------------------


def _group(
    record: EventRecord,
    log: str,
    meaning: EventMeaning | None,
    named: tuple[dict[str, str], bool],
    index: SiteIndex | None,
    opc_ids: Collection[str],
) -> EventGroup:
    data, is_incomplete = named
    caller = Caller(data.get("domain", ""), data.get("user", ""), data.get("sid", ""))
    peer = _peer(data, index)
    servers = [data.get(name, "") for name in _SERVER_DATA]
    is_remote = is_remote_address(peer) or bool(data.get("target"))
    is_local = "address" in data and not is_remote
    is_opc = any(item.lower() in opc_ids for item in servers)
    is_joined = not is_local or record.event_id == LOGON_FAILED
    joined = index.join(peer, caller, servers) if index and is_joined else Joined()
    is_personal = data.get("logon_type") in PERSONAL_LOGON_TYPES
    is_harmless = is_personal if record.event_id == LOGON_FAILED else is_local and not is_opc
    words = {**_words(data, caller, joined, is_remote=is_remote), **{name: shown(data[name]) for name in data}}
    words.update(direction=DIRECTIONS.get(data.get("direction", ""), words.get("direction", _UNKNOWN)))
    return EventGroup(
        log=log,
        event_id=record.event_id,
        provider=shown(record.provider),
        data={name: shown(text) for name, text in data.items()},
        fields=[(shown(name), shown(text)) for name, text in record.data],
        is_incomplete=is_incomplete,
        newest_record_id=record.record_id,
        explanation=_explain(record, meaning, words, joined, is_harmless=is_harmless),
        joined=joined,
        is_remote=is_remote,
    )


def _peer(data: Mapping[str, str], index: SiteIndex | None) -> str:
    """The address or name of the other host. 5157 has two addresses, of which one is this host's."""
    ends = [data[name] for name in ("source_address", "target_address") if name in data]
    if ends:
        known = [end for end in ends if index is not None and index.host_of(end)]
        return (known or ends[::-1])[0]
    address, workstation = data.get("address", ""), data.get("workstation", "").strip("-")
    return address if is_remote_address(address) else workstation or data.get("target", "")


def _words(data: Mapping[str, str], caller: Caller, joined: Joined, *, is_remote: bool) -> dict[str, str]:
    kind = data.get("logon_type", "")
    return {
        "caller": _caller_text(caller),
        "peer": _peer_text(data, joined, is_remote=is_remote),
        "reason": _reason(data),
        "logon_kind": LOGON_TYPES.get(kind, shown(f"type {kind}" if kind else _UNKNOWN)),
    }


def _caller_text(caller: Caller) -> str:
    name = _fixed_name(caller.sid)
    if name is None and caller.user:
        name = f"{caller.domain}\\{caller.user}" if caller.domain else caller.user
    return shown(name or caller.sid or "an unnamed account")


def _fixed_name(text: str) -> str | None:
    """The name of a well-known SID; not of S-1-0-0, which says that there is no account."""
    try:
        return fixed_name(Sid.from_string(text)) if text and text != "S-1-0-0" else None
    except DomainError:
        return None


def _peer_text(data: Mapping[str, str], joined: Joined, *, is_remote: bool) -> str:
    address = data.get("address", "")
    workstation = data.get("workstation", "").strip("-")
    if is_remote:
        address = normal_address(address) or address
        return shown(f"{joined.host} ({address})" if joined.host else address)
    return shown(workstation) if workstation else "this host"


def _reason(data: Mapping[str, str]) -> str:
    sub_status = data.get("sub_status", "")
    text = sub_status if parse_code(sub_status) else data.get("status", data.get("error", ""))
    code = parse_code(text)
    if code is None:
        return shown(text) or _UNKNOWN
    meaning = meaning_of(code)
    return format_code(code) + (f", {meaning.reading}" if meaning else "")


def _explain(
    record: EventRecord,
    meaning: EventMeaning | None,
    words: Mapping[str, str],
    joined: Joined,
    *,
    is_harmless: bool,
) -> Explanation:
    if meaning is None:
        what = f"event {record.event_id} of {shown(record.provider)}, about which nothing is known here"
        return Explanation(Severity.INFO, what, "look it up; the data are in fields")
    what = _filled(meaning.what, words) + _site_says(joined)
    if is_harmless:
        return Explanation(Severity.INFO, what, _PERSONAL_FIX if record.event_id == LOGON_FAILED else _LOCAL_FIX)
    return Explanation(meaning.severity, what, _filled(meaning.fix, words))


def _site_says(joined: Joined) -> str:
    if joined.is_undeclared:
        return f"; the site model has no link with {shown(joined.host)}" if joined.host else _UNKNOWN_HOST
    if not joined.links:
        return ""
    text = f"; concerns {', '.join(map(shown, joined.links[:3]))}"
    if len(joined.links) > 3:
        text += f" and {len(joined.links) - 3} more links"
    is_expected = not joined.expected_accounts or joined.account in joined.expected_accounts
    return text if is_expected else f"{text}, which expects {' or '.join(map(shown, joined.expected_accounts))}"


def _filled(template: str, words: Mapping[str, str]) -> str:
    """The template with its words; what the event did not say is said to be so. Words are never read as templates."""
    parts = Formatter().parse(template)
    return "".join(text + (words.get(name) or _UNKNOWN if name else "") for text, name, _spec, _conversion in parts)
