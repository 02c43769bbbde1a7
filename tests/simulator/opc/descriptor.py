# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security descriptors as COM meets them: bytes from the registry, SDDL from Group Policy. Reading only.

Of a DACL only what COM judges is kept: allowing and denying entries with mask and trustee; other types become `OTHER`
and decide nothing. The SACL (integrity labels) is not read: remote callers of the simulated site have no label.

Source: MS-DTYP 2.4.2.2 (SID), 2.4.4 (ACE), 2.4.5 (ACL), 2.4.6 (descriptor), 2.5.1.1 (SDDL); dcom.md 4.1 and 4.2.
"""

from __future__ import annotations

import enum
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_HEADER = struct.Struct("<BBHIIII")
_ACL = struct.Struct("<BBHHH")
_ACE = struct.Struct("<BBH")
_SE_DACL_PRESENT = 0x0004
INHERIT_ONLY = 0x08


class AceKind(enum.Enum):
    ALLOW = "A"
    DENY = "D"
    OTHER = "other"


_KINDS = {0x00: AceKind.ALLOW, 0x01: AceKind.DENY}


class DescriptorError(ValueError):
    """Bytes or a text that are no security descriptor."""


@dataclass(frozen=True, slots=True)
class Ace:
    """One entry; `sid` is "" and `mask` 0 for kinds COM does not judge."""

    kind: AceKind
    flags: int
    mask: int
    sid: str


@dataclass(frozen=True, slots=True)
class SecurityDescriptor:
    """Owner, group and the entries of the DACL in stored order; `dacl` None is a NULL or absent DACL."""

    owner: str | None
    group: str | None
    dacl: tuple[Ace, ...] | None


# Bytes


def decode(data: bytes) -> SecurityDescriptor:
    """A self-relative descriptor. Raises: DescriptorError."""
    try:
        revision, _unused, control, owner, group, _sacl, dacl = _HEADER.unpack_from(data)
        if revision != 1:
            raise DescriptorError(f"revision {revision}")
        has_dacl = control & _SE_DACL_PRESENT and dacl
        return SecurityDescriptor(
            _sid(data, owner) if owner else None,
            _sid(data, group) if group else None,
            tuple(_aces(data, dacl)) if has_dacl else None,
        )
    except struct.error as error:
        raise DescriptorError("cut short") from error


def _aces(data: bytes, offset: int) -> Iterator[Ace]:
    _unused, _unused, size, count, _unused = _ACL.unpack_from(data, offset)
    end = offset + size
    position = offset + _ACL.size
    for _unused in range(count):
        ace_type, flags, length = _ACE.unpack_from(data, position)
        if length < _ACE.size or position + length > end or end > len(data):
            raise DescriptorError("an entry reaches beyond its list")
        kind = _KINDS.get(ace_type, AceKind.OTHER)
        if kind is AceKind.OTHER:
            yield Ace(kind, flags, 0, "")
        else:
            (mask,) = struct.unpack_from("<I", data, position + 4)
            yield Ace(kind, flags, mask, _sid(data[: position + length], position + 8))
        position += length


def _sid(data: bytes, offset: int) -> str:
    revision, count = struct.unpack_from("<BB", data, offset)
    if revision != 1 or count > 15:
        raise DescriptorError(f"no SID at {offset}")
    authority = int.from_bytes(struct.unpack_from("6s", data, offset + 2)[0], "big")
    parts = struct.unpack_from(f"<{count}I", data, offset + 8)
    head = f"{authority:#014x}" if authority >= 1 << 32 else str(authority)
    return "-".join(["S-1", head, *map(str, parts)])


# SDDL

_TRUSTEES = {
    "WD": "S-1-1-0", "CO": "S-1-3-0", "CG": "S-1-3-1", "OW": "S-1-3-4", "NU": "S-1-5-2", "IU": "S-1-5-4",
    "SU": "S-1-5-6", "AN": "S-1-5-7", "PS": "S-1-5-10", "AU": "S-1-5-11", "RC": "S-1-5-12", "SY": "S-1-5-18",
    "LS": "S-1-5-19", "NS": "S-1-5-20", "BA": "S-1-5-32-544", "BU": "S-1-5-32-545", "BG": "S-1-5-32-546",
    "PU": "S-1-5-32-547", "AO": "S-1-5-32-548", "SO": "S-1-5-32-549", "PO": "S-1-5-32-550", "BO": "S-1-5-32-551",
    "RE": "S-1-5-32-552", "RU": "S-1-5-32-554", "RD": "S-1-5-32-555", "NO": "S-1-5-32-556", "MU": "S-1-5-32-558",
    "LU": "S-1-5-32-559", "IS": "S-1-5-32-568", "CY": "S-1-5-32-569", "ER": "S-1-5-32-573", "CD": "S-1-5-32-574",
    "RM": "S-1-5-32-580", "AC": "S-1-15-2-1",
}  # fmt: skip
_DOMAIN_RIDS = {"LA": 500, "LG": 501, "DA": 512, "DU": 513, "DG": 514, "DC": 515, "DD": 516}
_RIGHTS = {
    "CC": 0x1, "DC": 0x2, "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80, "CR": 0x100,
    "SD": 0x10000, "RC": 0x20000, "WD": 0x40000, "WO": 0x80000, "GA": 0x10000000, "GX": 0x20000000,
    "GW": 0x40000000, "GR": 0x80000000,
}  # fmt: skip
_FLAGS = {"OI": 0x01, "CI": 0x02, "NP": 0x04, "IO": INHERIT_ONLY, "ID": 0x10, "SA": 0x40, "FA": 0x80}
_SID_TEXT = r"(?:S-1-[0-9A-Fa-fx]+(?:-[0-9]+)*|[A-Z]{2})"
_SDDL = re.compile(
    rf"(?:O:(?P<owner>{_SID_TEXT}))?(?:G:(?P<group>{_SID_TEXT}))?"
    r"(?:D:(?P<dacl_flags>[A-Z_]*)(?P<dacl>(?:\([^()]*\))*))?(?:S:[A-Z_]*(?:\([^()]*\))*)?"
)


def parse_sddl(text: str, domain_sid: str | None = None) -> SecurityDescriptor:
    """A descriptor from SDDL; aliases of a domain's accounts need its SID. Raises: DescriptorError.

    The aliases of file, key and mandatory-label rights are not known here: no COM limit holds one.
    """
    match = _SDDL.fullmatch("".join(text.split()))
    if match is None:
        raise DescriptorError(f"no SDDL: {text!r}")
    sids = {name: _trustee(match[name], domain_sid) if match[name] else None for name in ("owner", "group")}
    if match["dacl"] is None or "NO_ACCESS_CONTROL" in match["dacl_flags"]:
        return SecurityDescriptor(sids["owner"], sids["group"], None)
    entries = tuple(_parse_ace(entry, domain_sid) for entry in re.findall(r"\(([^()]*)\)", match["dacl"]))
    return SecurityDescriptor(sids["owner"], sids["group"], entries)


def _parse_ace(text: str, domain_sid: str | None) -> Ace:
    fields = text.split(";")
    if len(fields) < 6:
        raise DescriptorError(f"no entry: {text!r}")
    kind = {"A": AceKind.ALLOW, "D": AceKind.DENY}.get(fields[0], AceKind.OTHER)
    if kind is AceKind.OTHER:
        return Ace(kind, 0, 0, "")
    return Ace(kind, _sum_of(fields[1], _FLAGS), _mask(fields[2]), _trustee(fields[5], domain_sid))


def _mask(text: str) -> int:
    if re.fullmatch(r"0[xX][0-9A-Fa-f]+", text):
        return int(text, 16)
    if re.fullmatch(r"0[0-7]*|[1-9][0-9]*", text):
        return int(text, 8 if text.startswith("0") else 10)
    return _sum_of(text, _RIGHTS)


def _sum_of(text: str, words: Mapping[str, int]) -> int:
    pairs = [text[start : start + 2] for start in range(0, len(text), 2)]
    if not set(pairs) <= words.keys():
        raise DescriptorError(f"unknown word in {text!r}")
    total = 0
    for pair in pairs:
        total |= words[pair]
    return total


def _trustee(text: str, domain_sid: str | None) -> str:
    if text.startswith("S-"):
        return text
    if text in _DOMAIN_RIDS and domain_sid is not None:
        return f"{domain_sid}-{_DOMAIN_RIDS[text]}"
    if text not in _TRUSTEES:
        raise DescriptorError(f"nobody is called {text}")
    return _TRUSTEES[text]
