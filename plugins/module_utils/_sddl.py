# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""SDDL, the text form of security descriptors: parser with exact error positions, and printer.

The printer prints what Windows prints (rights in ascending bits, sections O G D S) and never a text that Windows would
refuse or that would lose something: an ACE which SDDL cannot say raises `SddlUnrepresentableError`. It drops only what
SDDL has no words for and no access check sees: layout, ACL revision, reserved bytes, padding after a trustee,
"defaulted" control bits. The parser takes the white space and lower case that Windows takes, and refuses what Windows
silently turns into something else (numbers above 32 bits, negative masks) and conditional or resource attribute ACEs.

Source: MS-DTYP 2.5.1.1 (grammar); Win32 "ACE Strings", "SID Strings", "Security Descriptor String Format"; behaviour
of Windows as recorded in Samba's SDDL tests.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ._access_mask import MASK_LIMIT, SDDL_COMBINED_RIGHTS, SDDL_LABEL_RIGHTS, SDDL_SINGLE_RIGHTS
from ._ace import OBJECT_TYPES, Ace, AceFlags, AceType, AnyAce, ObjectAce, OpaqueAce
from ._errors import DomainError, SddlSyntaxError
from ._security_descriptor import Acl, AclState, Control, SecurityDescriptor, acl_of
from ._sid import SID_PATTERN, Sid
from ._well_known import RID_OF_SDDL_ALIAS, SDDL_ALIAS_OF_SID, SID_OF_SDDL_ALIAS


class SddlUnrepresentableError(DomainError):
    """A descriptor holds something that SDDL cannot say. `ace_index` is None unless an ACE is to blame."""

    def __init__(self, message: str, ace_index: int | None = None) -> None:
        super().__init__(message)
        self.ace_index = ace_index


@dataclass(frozen=True, slots=True)
class AliasDomains:
    """What the aliases of machine, domain and forest accounts (LA, DA, EA ...) stand for; None where not known."""

    machine: Sid | None = None
    domain: Sid | None = None
    forest: Sid | None = None

    def of(self, scope: str) -> Sid | None:
        return {"machine": self.machine, "domain": self.domain, "forest": self.forest}[scope]


NO_DOMAINS = AliasDomains()

_NULL_ACL = "NO_ACCESS_CONTROL"
_DACL_TYPES: Mapping[str, int] = MappingProxyType(
    {
        "A": AceType.ACCESS_ALLOWED,
        "D": AceType.ACCESS_DENIED,
        "OA": AceType.ACCESS_ALLOWED_OBJECT,
        "OD": AceType.ACCESS_DENIED_OBJECT,
    }
)
_SACL_TYPES: Mapping[str, int] = MappingProxyType(
    {
        "AU": AceType.SYSTEM_AUDIT,
        "AL": AceType.SYSTEM_ALARM,
        "OU": AceType.SYSTEM_AUDIT_OBJECT,
        "OL": AceType.SYSTEM_ALARM_OBJECT,
        "ML": AceType.SYSTEM_MANDATORY_LABEL,
    }
)
_ACE_FLAGS: tuple[tuple[str, int], ...] = (
    ("OI", AceFlags.OBJECT_INHERIT.value),
    ("CI", AceFlags.CONTAINER_INHERIT.value),
    ("NP", AceFlags.NO_PROPAGATE_INHERIT.value),
    ("IO", AceFlags.INHERIT_ONLY.value),
    ("ID", AceFlags.INHERITED.value),
    ("SA", AceFlags.SUCCESSFUL_ACCESS.value),
    ("FA", AceFlags.FAILED_ACCESS.value),
)
_SAYABLE_FLAGS = sum(bit for _word, bit in _ACE_FLAGS)
# (word, bit in the DACL); the SACL's bit is the next higher one (MS-DTYP 2.4.6).
_ACL_FLAGS: tuple[tuple[str, int], ...] = (
    ("P", Control.DACL_PROTECTED.value),
    ("AR", Control.DACL_AUTO_INHERIT_REQ.value),
    ("AI", Control.DACL_AUTO_INHERITED.value),
)
_RIGHTS: Mapping[str, int] = MappingProxyType(
    dict(SDDL_SINGLE_RIGHTS) | dict(SDDL_COMBINED_RIGHTS) | dict(SDDL_LABEL_RIGHTS)
)
_COMBINED_RIGHT_OF_MASK: Mapping[int, str] = MappingProxyType(
    {mask: name for name, mask in reversed(SDDL_COMBINED_RIGHTS)}
)
_LETTERED_BITS = sum(bit for _name, bit in SDDL_SINGLE_RIGHTS)
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,20}")


def from_sddl(text: str, domains: AliasDomains = NO_DOMAINS) -> SecurityDescriptor:
    """Parse SDDL. `domains` resolves the aliases that depend on a machine or domain; without it they are refused.

    Raises: SddlSyntaxError with the offset and length of what was refused.
    """
    return _Parser(text, domains).descriptor()


def to_sddl(descriptor: SecurityDescriptor) -> str:
    """Print a descriptor as SDDL; SIDs of machines and domains are printed as numbers.

    Raises: SddlUnrepresentableError for an ACE that SDDL cannot say or Windows refuses at its place.
    """
    sections = []
    if descriptor.owner is not None:
        sections.append("O:" + _format_sid(descriptor.owner))
    if descriptor.group is not None:
        sections.append("G:" + _format_sid(descriptor.group))
    if descriptor.dacl_state is not AclState.ABSENT:
        sections.append("D:" + _format_acl(descriptor.dacl, descriptor.control, _DACL_TYPES))
    if descriptor.sacl_state is not AclState.ABSENT:
        sections.append("S:" + _format_acl(descriptor.sacl, descriptor.control >> 1, _SACL_TYPES))
    return "".join(sections)


def format_rights(mask: int) -> str:
    """Rights as Windows prints them: the name of exactly this set, else letters, else (a bit has none) hexadecimal."""
    combined = _COMBINED_RIGHT_OF_MASK.get(mask)
    if combined is not None:
        return combined
    if mask & ~_LETTERED_BITS:
        return f"0x{mask:x}"
    return "".join(name for name, bit in SDDL_SINGLE_RIGHTS if mask & bit)


class _Parser:
    """One pass over the text; `_position` is always the offset of the next character."""

    def __init__(self, text: str, domains: AliasDomains) -> None:
        self._text = text
        self._domains = domains
        self._position = 0

    def descriptor(self) -> SecurityDescriptor:
        sids: dict[str, Sid] = {}
        acls: dict[str, Acl | None] = {}
        control = 0
        self._skip_spaces()
        while self._position < len(self._text):
            start, tag = self._position, self._text[self._position : self._position + 2]
            if tag not in ("O:", "G:", "D:", "S:"):
                raise self._error(start, 1, "expected one of O: G: D: S:")
            if tag in sids or tag in acls:
                raise self._error(start, 2, f"{tag} is given twice")
            self._position += 2
            self._skip_spaces()
            if tag in ("O:", "G:"):
                sids[tag] = self._sid()
            else:
                is_dacl = tag == "D:"
                acls[tag], flags = self._acl(_DACL_TYPES if is_dacl else _SACL_TYPES)
                control |= flags | Control.DACL_PRESENT.value if is_dacl else flags << 1 | Control.SACL_PRESENT.value
            self._skip_spaces()
        return SecurityDescriptor(sids.get("O:"), sids.get("G:"), acls.get("D:"), acls.get("S:"), control)

    def _acl(self, types: Mapping[str, int]) -> tuple[Acl | None, int]:
        flags, is_null = self._acl_flags()
        aces: list[AnyAce] = []
        self._skip_spaces()
        while self._text.startswith("(", self._position):
            if is_null:
                raise self._error(self._position, 1, f"{_NULL_ACL} takes no ACEs")
            aces.append(self._ace(types))
            self._skip_spaces()
        return (None if is_null else acl_of(aces)), flags

    def _acl_flags(self) -> tuple[int, bool]:
        flags, is_null = 0, False
        while True:
            self._skip_spaces()
            word = next((word for word, _bit in _ACL_FLAGS if self._text.startswith(word, self._position)), None)
            if self._text.startswith(_NULL_ACL, self._position):
                is_null, word = True, _NULL_ACL
            elif word is not None:
                flags |= dict(_ACL_FLAGS)[word]
            else:
                return flags, is_null
            self._position += len(word)

    def _ace(self, types: Mapping[str, int]) -> AnyAce:
        start = self._position
        end = self._text.find(")", start)
        if end < 0:
            raise self._error(start, len(self._text) - start, "expected ) at the end of the ACE")
        fields = self._text[start + 1 : end].split(";")
        ace_type = self._ace_type(fields[0], start + 1, types)
        if len(fields) != 6:
            raise self._error(start, end + 1 - start, "expected type;flags;rights;object;inherited object;SID")
        offsets = [start + 1]
        for field in fields[:-1]:
            offsets.append(offsets[-1] + len(field) + 1)
        ace_flags = self._ace_flags(fields[1], offsets[1])
        mask = self._rights(fields[2], offsets[2])
        object_type = self._guid(fields[3], offsets[3], ace_type)
        inherited_type = self._guid(fields[4], offsets[4], ace_type)
        trustee = self._trustee(offsets[5], end)
        self._position = end + 1
        if ace_type not in OBJECT_TYPES:
            return Ace(ace_type, ace_flags, mask, trustee)
        if ace_type == AceType.ACCESS_ALLOWED_OBJECT and object_type is None and inherited_type is None:
            # Windows makes it a plain one (Win32 "ACE Strings").
            return Ace(AceType.ACCESS_ALLOWED, ace_flags, mask, trustee)
        return ObjectAce(ace_type, ace_flags, mask, trustee, object_type, inherited_type)

    def _ace_type(self, field: str, offset: int, types: Mapping[str, int]) -> int:
        ace_type = types.get(field.upper())
        if ace_type is None:
            raise self._error(offset, len(field), f"expected an ACE type, one of {' '.join(types)}")
        return int(ace_type)

    def _ace_flags(self, field: str, offset: int) -> int:
        flags, known = 0, dict(_ACE_FLAGS)
        for index in range(0, len(field.strip(" ")), 2):
            word = field[index : index + 2]
            if word.upper() not in known:
                raise self._error(offset + index, len(word), f"expected ACE flags of {' '.join(known)}")
            flags |= known[word.upper()]
        return flags

    def _rights(self, field: str, offset: int) -> int:
        if _NUMBER.fullmatch(field):
            return self._mask_number(field, offset)
        mask, index = 0, 0
        while index < len(field):
            word = field[index : index + 2]
            if word.upper() in _RIGHTS:
                mask |= _RIGHTS[word.upper()]
                index += 2
            elif field[index] == " " and field[index:].strip(" "):
                index += 1
            else:
                raise self._error(offset + index, len(word), "expected two-letter rights or one number")
        return mask

    def _mask_number(self, field: str, offset: int) -> int:
        is_octal = len(field) > 1 and field[0] == "0" and field[1] not in "xX"
        if is_octal and set(field) & {"8", "9"}:
            raise self._error(offset, len(field), "a number with a leading 0 is octal: expected digits 0 to 7")
        value = int(field, 8 if is_octal else 0)
        if value > MASK_LIMIT:
            raise self._error(offset, len(field), "expected a mask of at most 32 bits")
        return value

    def _guid(self, field: str, offset: int, ace_type: int) -> uuid.UUID | None:
        if not field.strip(" "):
            return None
        if ace_type not in OBJECT_TYPES:
            raise self._error(offset, len(field), "expected no GUID: only OA, OD, OU and OL have an object type")
        if not _GUID.fullmatch(field):
            raise self._error(offset, len(field), "expected a GUID such as bf967aba-0de6-11d0-a285-00aa003049e2")
        return uuid.UUID(field)

    def _trustee(self, offset: int, end: int) -> Sid:
        self._position = offset
        self._skip_spaces()
        is_alias = self._text[self._position + 1 : self._position + 2] != "-"
        sid = self._sid(end)
        rest = self._text[self._position : end]
        # Windows takes a space after an alias, but not after a numeric SID.
        if rest.strip(" ") or (rest and not is_alias):
            raise self._error(self._position, len(rest), "expected ) after the SID")
        return sid

    def _sid(self, end: int | None = None) -> Sid:
        start = self._position
        limit = len(self._text) if end is None else end
        match = SID_PATTERN.match(self._text, start, limit)
        if match is not None:
            # In "O:S-1-2-0x2D:" the D begins the next section; only a hexadecimal number can swallow it.
            stop = match.end() - (self._text.startswith(":", match.end()) and match[0][-1] in "dD")
            self._position = stop
            return self._numeric_sid(start, stop)
        alias = self._text[start : min(start + 2, limit)].upper()
        self._position = start + 2
        if alias in SID_OF_SDDL_ALIAS:
            return SID_OF_SDDL_ALIAS[alias]
        if alias in RID_OF_SDDL_ALIAS:
            return self._account_sid(alias, start)
        raise self._error(start, min(2, limit - start), "expected a SID such as S-1-5-32-544 or an alias such as BA")

    def _numeric_sid(self, start: int, stop: int) -> Sid:
        try:
            return Sid.from_string(self._text[start:stop])
        except DomainError as error:
            raise self._error(start, stop - start, str(error)) from error

    def _account_sid(self, alias: str, start: int) -> Sid:
        known = RID_OF_SDDL_ALIAS[alias]
        domain = self._domains.of(known.scope)
        if domain is None:
            raise self._error(start, 2, f"{alias} ({known.name}) depends on a {known.scope}: expected its SID")
        return domain.with_rid(known.rid)

    def _skip_spaces(self) -> None:
        while self._text.startswith(" ", self._position):
            self._position += 1

    def _error(self, offset: int, length: int, expected: str) -> SddlSyntaxError:
        return SddlSyntaxError(self._text, offset, length, expected)


def _format_acl(acl: Acl | None, dacl_control: int, types: Mapping[str, int]) -> str:
    flags = "".join(word for word, bit in _ACL_FLAGS if dacl_control & bit)
    if acl is None:
        return flags + _NULL_ACL
    words = {int(value): word for word, value in types.items()}
    return flags + "".join(_format_ace(ace, index, words) for index, ace in enumerate(acl.aces))


def _format_ace(ace: AnyAce, index: int, words: Mapping[int, str]) -> str:
    word = words.get(ace.type)
    if word is None or isinstance(ace, OpaqueAce):
        raise SddlUnrepresentableError(f"ACE {index} has type {ace.type:#04x}, which SDDL cannot say there", index)
    if ace.flags & ~_SAYABLE_FLAGS:
        raise SddlUnrepresentableError(f"ACE {index} has flags {ace.flags:#04x}, which SDDL cannot say", index)
    flags = "".join(name for name, bit in _ACE_FLAGS if ace.flags & bit)
    objects = ";" if isinstance(ace, Ace) else _format_objects(ace, index)
    is_label = ace.type == AceType.SYSTEM_MANDATORY_LABEL
    rights = _format_label_rights(ace.mask) if is_label else format_rights(ace.mask)
    return f"({word};{flags};{rights};{objects};{_format_sid(ace.trustee)})"


def _format_objects(ace: ObjectAce, index: int) -> str:
    has_no_guid = ace.object_type is None and ace.inherited_object_type is None
    if ace.extra_object_flags or (has_no_guid and ace.type == AceType.ACCESS_ALLOWED_OBJECT):
        raise SddlUnrepresentableError(f"ACE {index} is an object ACE without a GUID or with unknown flags", index)
    return ";".join("" if guid is None else str(guid) for guid in (ace.object_type, ace.inherited_object_type))


def _format_label_rights(mask: int) -> str:
    letters = "".join(name for name, bit in SDDL_LABEL_RIGHTS if mask & bit)
    return letters if mask & ~0x7 == 0 else f"0x{mask:x}"


def _format_sid(sid: Sid) -> str:
    return SDDL_ALIAS_OF_SID.get(sid) or sid.to_string()
