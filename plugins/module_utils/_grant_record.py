# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The record of what this collection has granted on a host, kept there, so that it can take away just that.

Only what a run really added is in it: a right that an account had before is nobody's to take away. Accounts are kept
by SID, so what is left of a deleted account can be taken away as well. Text in REG_MULTI_SZ values of at most
`PART_CHARACTERS`; a place is named once, a SID has one line. Pure: the caller reads and writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ._application import parse_guid
from ._com_defaults import ComScope
from ._com_rights import ComKind, ComRight, mask_to_rights, rights_to_mask
from ._errors import DomainError, HostStateError
from ._host_state import STATE_KEY
from ._registry import RegistryType, RegistryValue
from ._sid import Sid

RECORD = "Grants"
RECORD_VERSION = "otsec.opc_dcom grants 1"
# A value must fit into one envelope, which on Windows 7 and 2008 R2 is 150 KB counted in UTF-16 (wsman_cim.md 1.4).
PART_CHARACTERS = 30_000

Rights = frozenset[ComRight]

# As written, and no other form that int() reads: signs, blanks, underscores, digits of other scripts.
_HEAD = re.compile(re.escape(RECORD_VERSION) + r" ([1-9][0-9]{0,3})")
_ITEM = re.compile(r"(0|[1-9][0-9]{0,5})=([0-9a-f]{1,8})")
_APP_ID_LINE = re.compile(r"(?:application|place) (?P<app_id>\{[0-9A-Fa-f-]{36}\})(?: |\Z)")


@dataclass(frozen=True, slots=True, order=True)
class GrantPlace:
    """One access control list. `app_id` is a GUID in braces for an application, else empty."""

    scope: ComScope
    kind: ComKind
    app_id: str = ""

    def __str__(self) -> str:
        return f"{self.app_id or self.scope.value} {self.kind.value}"

    @classmethod
    def from_string(cls, text: str) -> GrantPlace:
        """Inverse of `str`. Raises: ValueError, DomainError."""
        where, _blank, kind = text.rpartition(" ")
        if where.startswith("{"):
            return cls(ComScope.APPLICATION, ComKind(kind), parse_guid(where))
        scope = ComScope(where)
        if scope is ComScope.APPLICATION:
            raise ValueError(f"{text!r} names no application")
        return cls(scope, ComKind(kind))


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """What was granted where. `made_values`: places that had no value of their own before. `applications`: AppIDs that
    were made for programs."""

    grants: Mapping[GrantPlace, Mapping[Sid, Rights]] = field(default_factory=dict)
    made_values: frozenset[GrantPlace] = frozenset()
    applications: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.grants or self.applications)

    def at(self, place: GrantPlace) -> Mapping[Sid, Rights]:
        return self.grants.get(place, {})


def is_record_part(name: str) -> bool:
    """Whether a value name is a part of a record."""
    return name.lower() == RECORD.lower() or name.lower().startswith(f"{RECORD.lower()}.")


def dump_record(record: GrantRecord) -> dict[str, RegistryValue]:
    """The values that hold the record, by name; none for an empty one."""
    if record.is_empty:
        return {}
    parts: list[list[str]] = [[]]
    for line in _lines(record):
        if parts[-1] and sum(map(len, parts[-1])) + len(line) > PART_CHARACTERS:
            parts.append([])
        parts[-1].append(line)
    parts[0].insert(0, f"{RECORD_VERSION} {len(parts)}")
    return {_part_name(number): RegistryValue.multi_string(*lines) for number, lines in enumerate(parts, start=1)}


def load_record(values: Mapping[str, RegistryValue]) -> GrantRecord:
    """The record among these values of the collection's key, an empty one where there is none.

    Raises: HostStateError when it is of another version, incomplete or edited: nothing is taken away on a guess.
    """
    folded = {name.lower(): value for name, value in values.items()}
    if RECORD.lower() not in folded:
        return GrantRecord()
    try:
        head, *lines = _texts(folded[RECORD.lower()])
        count = _HEAD.fullmatch(head)
        if not count:
            raise HostStateError(_unreadable(f"it was not written by this version of the collection: {head!r}"))
        for number in range(2, int(count[1]) + 1):
            lines += _texts(folded[_part_name(number).lower()])
        return _parse(lines)
    except (ValueError, KeyError, IndexError, DomainError) as error:
        raise HostStateError(_unreadable(str(error))) from error


def app_ids_in(first_part: RegistryValue) -> tuple[str, ...]:
    """The applications that the first part of a record names. To read ahead: what does not read is left out."""
    texts = first_part.data if isinstance(first_part.data, tuple) else ()
    return tuple(dict.fromkeys(match["app_id"] for match in map(_APP_ID_LINE.match, texts) if match))


def _part_name(number: int) -> str:
    """Grants, Grants.2, Grants.3 ..."""
    return RECORD if number == 1 else f"{RECORD}.{number}"


def _lines(record: GrantRecord) -> Iterator[str]:
    yield from (f"application {app_id} {program}" for app_id, program in sorted(record.applications.items()))
    places = sorted(record.grants)
    yield from (f"place {place}" for place in places)
    yield from (f"made {place}" for place in sorted(record.made_values & set(places)))
    for sid in sorted({sid for rights in record.grants.values() for sid in rights}):
        masks = [
            f"{number}={rights_to_mask(record.grants[place][sid], place.kind):x}"
            for number, place in enumerate(places)
            if record.grants[place].get(sid)
        ]
        if masks:
            yield f"{sid} {' '.join(masks)}"


def _parse(lines: Iterable[str]) -> GrantRecord:
    places: list[GrantPlace] = []
    made: set[GrantPlace] = set()
    applications: dict[str, str] = {}
    grants: dict[GrantPlace, dict[Sid, Rights]] = {}
    for line in lines:
        word, _blank, rest = line.partition(" ")
        if word == "place":
            places.append(GrantPlace.from_string(rest))
        elif word == "made":
            made.add(GrantPlace.from_string(rest))
        elif word == "application":
            app_id, _blank, program = rest.partition(" ")
            applications[parse_guid(app_id)] = program
        else:
            sid = Sid.from_string(word)
            for place, rights in _rights(rest.split(" "), places):
                grants.setdefault(place, {})[sid] = rights
    return GrantRecord(grants, frozenset(made), applications)


def _rights(items: Sequence[str], places: Sequence[GrantPlace]) -> Iterator[tuple[GrantPlace, Rights]]:
    for item in items:
        found = _ITEM.fullmatch(item)
        if not found:
            raise ValueError(f"{item!r} is no place and rights")
        place = places[int(found[1])]
        yield place, mask_to_rights(int(found[2], 16), place.kind)


def _texts(value: RegistryValue) -> list[str]:
    if value.type is not RegistryType.MULTI_SZ or not isinstance(value.data, tuple) or not value.data:
        raise ValueError(f"it is {value}")
    return list(value.data)


def _unreadable(why: str) -> str:
    return (
        f"{RECORD} of {STATE_KEY} does not read as the record of what was granted ({why}). Restore it from a snapshot, "
        "or delete the value: then what was granted before stays until somebody takes it away"
    )
