# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Security descriptors and ACLs in their self-relative wire form, their canonical order and their comparison.

Invariants: a DACL that is absent, NULL (access for everyone) or empty (access for nobody) stays what it is through
decode, encode and edit, and is never judged by truth value. Reading takes the parts in any order and place; writing
lays them out as Windows does. No COM rule belongs here.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from ._ace import DATA_TYPES, Ace, AceFlags, AceType, AnyAce, ObjectAce, ace_from_bytes
from ._errors import DescriptorFormatError, DomainError
from ._sid import Sid


class Control(enum.IntFlag):
    """Source: MS-DTYP 2.4.6 (SECURITY_DESCRIPTOR)."""

    OWNER_DEFAULTED = 0x0001
    GROUP_DEFAULTED = 0x0002
    DACL_PRESENT = 0x0004
    DACL_DEFAULTED = 0x0008
    SACL_PRESENT = 0x0010
    SACL_DEFAULTED = 0x0020
    DACL_AUTO_INHERIT_REQ = 0x0100
    SACL_AUTO_INHERIT_REQ = 0x0200
    DACL_AUTO_INHERITED = 0x0400
    SACL_AUTO_INHERITED = 0x0800
    DACL_PROTECTED = 0x1000
    SACL_PROTECTED = 0x2000
    RM_CONTROL_VALID = 0x4000
    SELF_RELATIVE = 0x8000


class AclState(enum.Enum):
    """What a descriptor says about one of its ACLs. For a DACL: ABSENT and NULL admit everyone, EMPTY nobody."""

    ABSENT = "absent"
    NULL = "null"
    EMPTY = "empty"
    LISTED = "listed"


ACL_REVISION = 2
ACL_REVISION_DS = 4

_HEADER = struct.Struct("<BBHIIII")
_ACL_HEADER = struct.Struct("<BBHHH")
_MAX_ACL_BYTES = 0xFFFF
# Plain integers: arithmetic on flag enumerations is many times slower, and decoding is done for every AppID of a host.
_DACL_PRESENT = Control.DACL_PRESENT.value
_SACL_PRESENT = Control.SACL_PRESENT.value
_SELF_RELATIVE = Control.SELF_RELATIVE.value
_INHERITED = AceFlags.INHERITED.value
# Protected and auto-inherit, which SDDL can say; the other bits are bookkeeping (defaulted, resource manager ...).
_DACL_FLAGS = (Control.DACL_AUTO_INHERIT_REQ | Control.DACL_AUTO_INHERITED | Control.DACL_PROTECTED).value
_SACL_FLAGS = (Control.SACL_AUTO_INHERIT_REQ | Control.SACL_AUTO_INHERITED | Control.SACL_PROTECTED).value

_DENY_TYPES = frozenset(
    {
        AceType.ACCESS_DENIED.value,
        AceType.ACCESS_DENIED_OBJECT.value,
        AceType.ACCESS_DENIED_CALLBACK.value,
        AceType.ACCESS_DENIED_CALLBACK_OBJECT.value,
    }
)


@dataclass(frozen=True, slots=True)
class Acl:
    """An access control list in stored order. `sbz1`, `sbz2` and `slack` (bytes after the last ACE) are only kept.

    Source: MS-DTYP 2.4.5 (ACL).
    """

    aces: tuple[AnyAce, ...] = ()
    revision: int = ACL_REVISION
    sbz1: int = 0
    sbz2: int = 0
    slack: bytes = b""

    def to_bytes(self) -> bytes:
        """Wire form. Raises: DescriptorFormatError if it exceeds the 65535 bytes of AclSize."""
        body = b"".join([ace.to_bytes() for ace in self.aces]) + self.slack
        size = 8 + len(body)
        if size > _MAX_ACL_BYTES:
            raise DescriptorFormatError(f"An ACL of {size} bytes does not fit its 16-bit AclSize", _MAX_ACL_BYTES)
        return _ACL_HEADER.pack(self.revision, self.sbz1, size, len(self.aces), self.sbz2) + body

    @classmethod
    def from_bytes(cls, data: bytes, offset: int = 0) -> Acl:
        """Read the ACL at `offset`, in time linear in its size.

        Raises: DescriptorFormatError if the revision is not 2, 3 or 4 or a size does not fit.
        """
        if len(data) - offset < 8:
            raise DescriptorFormatError("An ACL header is cut off", offset)
        revision, sbz1, size, count, sbz2 = _ACL_HEADER.unpack_from(data, offset)
        if not 2 <= revision <= 4:
            raise DescriptorFormatError(f"AclRevision {revision} is not 2, 3 or 4", offset)
        end = offset + size
        if size < 8 or end > len(data):
            raise DescriptorFormatError(f"AclSize {size} does not fit the descriptor", offset + 2)
        aces: list[AnyAce] = []
        position = offset + 8
        for _index in range(count):
            ace, position = ace_from_bytes(data, position, end)
            aces.append(ace)
        return cls(tuple(aces), revision, sbz1, sbz2, data[position:end])


@dataclass(frozen=True, slots=True)
class SecurityDescriptor:
    """A security descriptor. `control` tells an absent ACL (bit clear) from a NULL one (bit set, field None).

    SELF_RELATIVE, and the present bit of an ACL that is given, are set by the constructor. `resource_manager_control`
    is the byte called Sbz1, which means something only with RM_CONTROL_VALID.
    Source: MS-DTYP 2.4.6 (SECURITY_DESCRIPTOR).
    """

    owner: Sid | None = None
    group: Sid | None = None
    dacl: Acl | None = None
    sacl: Acl | None = None
    control: int = 0
    resource_manager_control: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.control <= 0xFFFF and 0 <= self.resource_manager_control <= 0xFF):
            raise DomainError(f"Control {self.control:#x} or resource manager control do not fit their fields")
        control = self.control | _SELF_RELATIVE
        if self.dacl is not None:
            control |= _DACL_PRESENT
        if self.sacl is not None:
            control |= _SACL_PRESENT
        object.__setattr__(self, "control", control)

    @property
    def dacl_state(self) -> AclState:
        return _acl_state(self.dacl, present=bool(self.control & _DACL_PRESENT))

    @property
    def sacl_state(self) -> AclState:
        return _acl_state(self.sacl, present=bool(self.control & _SACL_PRESENT))

    def to_bytes(self) -> bytes:
        """Wire form: header, SACL, DACL, owner, group, without gaps.

        The order is free by MS-DTYP 2.4.6; this is the one in which Windows writes it (shipped values of the Ole key,
        example in MS-DTYP 2.5.1.4).
        """
        parts = (
            None if self.sacl is None else self.sacl.to_bytes(),
            None if self.dacl is None else self.dacl.to_bytes(),
            None if self.owner is None else self.owner.to_bytes(),
            None if self.group is None else self.group.to_bytes(),
        )
        offsets, blob, position = [], [], _HEADER.size
        for part in parts:
            if part is None:
                offsets.append(0)
                continue
            offsets.append(position)
            # Only an ACL with odd slack needs padding; every part starts at a multiple of 4.
            blob.append(part + bytes(-len(part) % 4))
            position += len(blob[-1])
        sacl, dacl, owner, group = offsets
        header = _HEADER.pack(1, self.resource_manager_control, self.control, owner, group, sacl, dacl)
        return header + b"".join(blob)

    @classmethod
    def from_bytes(cls, data: bytes) -> SecurityDescriptor:
        """Read a self-relative descriptor; its parts may lie in any order, share bytes, or leave gaps.

        An ACL whose present bit is clear is not in force, whatever its offset says, and reads as absent.
        Raises: DescriptorFormatError with the offset; never another exception, whatever the bytes are.
        """
        if len(data) < _HEADER.size:
            raise DescriptorFormatError(f"{len(data)} bytes are too short for a security descriptor", 0)
        revision, sbz1, control, owner, group, sacl, dacl = _HEADER.unpack_from(data)
        if revision != 1:
            raise DescriptorFormatError(f"Security descriptor revision {revision} is not 1", 0)
        if not control & _SELF_RELATIVE:
            raise DescriptorFormatError(f"Control {control:#06x} says that the descriptor is not self-relative", 2)
        for field_offset, part in ((4, owner), (8, group), (12, sacl), (16, dacl)):
            if part and not _HEADER.size <= part < len(data):
                raise DescriptorFormatError(f"Offset {part} lies outside the descriptor", field_offset)
        return cls(
            Sid.from_bytes(data, owner) if owner else None,
            Sid.from_bytes(data, group) if group else None,
            Acl.from_bytes(data, dacl) if dacl and control & _DACL_PRESENT else None,
            Acl.from_bytes(data, sacl) if sacl and control & _SACL_PRESENT else None,
            control,
            sbz1,
        )


def canonical_order(acl: Acl) -> Acl:
    """Return the ACL with explicit ACEs before inherited ones, explicit deny before explicit allow, otherwise stable.

    Inherited ACEs keep their order: it says from how far each came. A type that neither denies nor is known counts as
    allow.
    Source: Win32 "Order of ACEs in a DACL"; MS-DTYP 2.4.5.
    """
    aces = tuple(sorted(acl.aces, key=_canonical_rank))
    return acl if aces == acl.aces else Acl(aces, acl.revision, acl.sbz1, acl.sbz2, acl.slack)


def is_canonical(acl: Acl) -> bool:
    """Whether `canonical_order` would leave the ACL as it is."""
    ranks = [_canonical_rank(ace) for ace in acl.aces]
    return ranks == sorted(ranks)


def same_meaning(left: SecurityDescriptor, right: SecurityDescriptor) -> bool:
    """Whether two descriptors say the same: owner, group, state and content of both ACLs, and the flags of both.

    Not compared: layout, ACL revision, reserved bytes, padding, the order of ACEs within a run of one type and flags
    (which cannot change an access check), and whether a run names a trustee once or in several ACEs. Absent, NULL and
    empty ACLs are three different things.
    """
    return (
        left.owner == right.owner
        and left.group == right.group
        and _meaningful_control(left.control) == _meaningful_control(right.control)
        and _meaning(left.dacl) == _meaning(right.dacl)
        and _meaning(left.sacl) == _meaning(right.sacl)
    )


def _canonical_rank(ace: AnyAce) -> int:
    if ace.flags & _INHERITED:
        return 2
    return 0 if ace.type in _DENY_TYPES else 1


def _acl_state(acl: Acl | None, *, present: bool) -> AclState:
    if acl is None:
        return AclState.NULL if present else AclState.ABSENT
    return AclState.LISTED if acl.aces else AclState.EMPTY


def _meaningful_control(control: int) -> int:
    """Presence of the ACLs, and the flags of those that are present."""
    mask = _DACL_PRESENT | _SACL_PRESENT
    mask |= _DACL_FLAGS if control & _DACL_PRESENT else 0
    mask |= _SACL_FLAGS if control & _SACL_PRESENT else 0
    return control & mask


def _meaning(acl: Acl | None) -> list[tuple[object, dict[object, int]]] | None:
    """Runs of ACEs of one type and flags, each as what it says of whom; None for no ACL."""
    if acl is None:
        return None
    runs: list[tuple[object, dict[object, int]]] = []
    for ace in acl.aces:
        kind = (ace.type, ace.flags)
        if not runs or runs[-1][0] != kind:
            runs.append((kind, {}))
        whom, mask = _subject(ace)
        said = runs[-1][1]
        said[whom] = said.get(whom, 0) | mask
    return runs


def _subject(ace: AnyAce) -> tuple[object, int]:
    if isinstance(ace, Ace):
        return (ace.trustee, ace.trailing if ace.type in DATA_TYPES else b""), ace.mask
    if isinstance(ace, ObjectAce):
        trailing = ace.trailing if ace.type in DATA_TYPES else b""
        return (ace.trustee, ace.object_type, ace.inherited_object_type, ace.extra_object_flags, trailing), ace.mask
    return ace.body, 0


def acl_of(aces: Iterable[AnyAce]) -> Acl:
    """An ACL of these ACEs with the revision they need: 4 if one has an object type, else 2 (MS-DTYP 2.4.5)."""
    aces = tuple(aces)
    return Acl(aces, ACL_REVISION_DS if any(isinstance(ace, ObjectAce) for ace in aces) else ACL_REVISION)
