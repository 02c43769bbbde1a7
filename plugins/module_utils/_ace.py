# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Access control entries (ACEs) and their wire form.

Three layouts exist: mask and trustee (`Ace`), mask, object GUIDs and trustee (`ObjectAce`), and everything else
(`OpaqueAce`, kept as bytes). Whatever follows the trustee inside AceSize is kept too, so decode and encode give back
the same bytes. What an ACE means to COM is decided in _com_security.py, not here.
"""

from __future__ import annotations

import enum
import struct
import uuid
from dataclasses import dataclass
from typing import TypeAlias

from ._access_mask import MASK_LIMIT
from ._errors import DescriptorFormatError, DomainError
from ._sid import Sid


class AceType(enum.IntEnum):
    """Source: MS-DTYP 2.4.4.1 (ACE_HEADER)."""

    ACCESS_ALLOWED = 0x00
    ACCESS_DENIED = 0x01
    SYSTEM_AUDIT = 0x02
    SYSTEM_ALARM = 0x03
    ACCESS_ALLOWED_OBJECT = 0x05
    ACCESS_DENIED_OBJECT = 0x06
    SYSTEM_AUDIT_OBJECT = 0x07
    SYSTEM_ALARM_OBJECT = 0x08
    ACCESS_ALLOWED_CALLBACK = 0x09
    ACCESS_DENIED_CALLBACK = 0x0A
    ACCESS_ALLOWED_CALLBACK_OBJECT = 0x0B
    ACCESS_DENIED_CALLBACK_OBJECT = 0x0C
    SYSTEM_AUDIT_CALLBACK = 0x0D
    SYSTEM_ALARM_CALLBACK = 0x0E
    SYSTEM_AUDIT_CALLBACK_OBJECT = 0x0F
    SYSTEM_ALARM_CALLBACK_OBJECT = 0x10
    SYSTEM_MANDATORY_LABEL = 0x11
    SYSTEM_RESOURCE_ATTRIBUTE = 0x12
    SYSTEM_SCOPED_POLICY_ID = 0x13


class AceFlags(enum.IntFlag):
    """Source: MS-DTYP 2.4.4.1 (ACE_HEADER)."""

    OBJECT_INHERIT = 0x01
    CONTAINER_INHERIT = 0x02
    NO_PROPAGATE_INHERIT = 0x04
    INHERIT_ONLY = 0x08
    INHERITED = 0x10
    SUCCESSFUL_ACCESS = 0x40
    FAILED_ACCESS = 0x80


# Plain integers, because decoding asks for them once an ACE. The names of the types tell their layout.
OBJECT_TYPES = frozenset(item.value for item in AceType if item.name.endswith("_OBJECT"))
TRUSTEE_TYPES = frozenset(item.value for item in AceType) - OBJECT_TYPES
# Types whose ACE may carry data after the trustee that means something; elsewhere it is padding.
DATA_TYPES = frozenset(
    item.value for item in AceType if "_CALLBACK" in item.name or item is AceType.SYSTEM_RESOURCE_ATTRIBUTE
)

_HEADER = struct.Struct("<BBH")
_HEADER_MASK = struct.Struct("<BBHI")
_OBJECT_TYPE_PRESENT = 0x1
_INHERITED_OBJECT_TYPE_PRESENT = 0x2
_GUID_BYTES = 16
_MAX_ACE_BYTES = 0xFFFC


@dataclass(frozen=True, slots=True)
class Ace:
    """An ACE of mask and trustee. `trailing` is what AceSize covers after the trustee (a multiple of 4 bytes).

    Raises: DomainError if a field does not fit or the type has another layout.
    Source: MS-DTYP 2.4.4.2, .4, .6, .7, .10, .13, .15, .16.
    """

    type: int
    flags: int
    mask: int
    trustee: Sid
    trailing: bytes = b""

    def __post_init__(self) -> None:
        if self.type not in TRUSTEE_TYPES:
            raise DomainError(f"ACE type {self.type:#04x} is not one of mask and trustee")
        _check_fields(self.flags, self.mask, self.trailing)

    def to_bytes(self) -> bytes:
        body = self.trustee.to_bytes() + self.trailing
        return _HEADER_MASK.pack(self.type, self.flags, _ace_size(8 + len(body)), self.mask) + body


@dataclass(frozen=True, slots=True)
class ObjectAce:
    """An ACE that may name an object type. `extra_object_flags` are bits of its Flags field nobody has defined.

    Raises: DomainError if a field does not fit or the type has another layout.
    Source: MS-DTYP 2.4.4.3 (ACCESS_ALLOWED_OBJECT_ACE).
    """

    type: int
    flags: int
    mask: int
    trustee: Sid
    object_type: uuid.UUID | None = None
    inherited_object_type: uuid.UUID | None = None
    extra_object_flags: int = 0
    trailing: bytes = b""

    def __post_init__(self) -> None:
        if self.type not in OBJECT_TYPES:
            raise DomainError(f"ACE type {self.type:#04x} is not one with an object type")
        if self.extra_object_flags & 0x3 or not 0 <= self.extra_object_flags <= MASK_LIMIT:
            raise DomainError(f"Object ACE flags {self.extra_object_flags:#x} say what the GUIDs say, or do not fit")
        _check_fields(self.flags, self.mask, self.trailing)

    def to_bytes(self) -> bytes:
        object_flags, guids = self.extra_object_flags, b""
        if self.object_type is not None:
            object_flags, guids = object_flags | _OBJECT_TYPE_PRESENT, self.object_type.bytes_le
        if self.inherited_object_type is not None:
            object_flags |= _INHERITED_OBJECT_TYPE_PRESENT
            guids += self.inherited_object_type.bytes_le
        body = object_flags.to_bytes(4, "little") + guids + self.trustee.to_bytes() + self.trailing
        return _HEADER_MASK.pack(self.type, self.flags, _ace_size(8 + len(body)), self.mask) + body


@dataclass(frozen=True, slots=True)
class OpaqueAce:
    """An ACE of a type this collection does not know; `body` is everything after its 4-byte header."""

    type: int
    flags: int
    body: bytes = b""

    def __post_init__(self) -> None:
        if self.type in TRUSTEE_TYPES or self.type in OBJECT_TYPES or not 0 <= self.type <= 0xFF:
            raise DomainError(f"ACE type {self.type:#04x} is known, or not a byte")
        _check_fields(self.flags, 0, self.body)

    def to_bytes(self) -> bytes:
        return _HEADER.pack(self.type, self.flags, _ace_size(4 + len(self.body))) + self.body


AnyAce: TypeAlias = Ace | ObjectAce | OpaqueAce


def ace_from_bytes(data: bytes, offset: int, end: int) -> tuple[AnyAce, int]:
    """Read the ACE at `offset` of an ACL that ends at `end`; return it and the offset of the next.

    Raises: DescriptorFormatError if AceSize is not a multiple of 4, leaves the ACL or cannot hold what the type needs.
    Source: MS-DTYP 2.4.4.1: AceSize is a multiple of 4 and may exceed what the fields need.
    """
    if end - offset < 4:
        raise DescriptorFormatError("An ACE header is cut off", offset)
    ace_type, flags, size = _HEADER.unpack_from(data, offset)
    stop = offset + size
    if size < 4 or size & 3 or stop > end:
        raise DescriptorFormatError(f"AceSize {size} is not a multiple of 4 within its ACL", offset + 2)
    if ace_type in TRUSTEE_TYPES:
        return _trustee_ace(data, offset, stop), stop
    if ace_type in OBJECT_TYPES:
        return _object_ace(data, offset, stop), stop
    return OpaqueAce(ace_type, flags, data[offset + 4 : stop]), stop


def _trustee_ace(data: bytes, offset: int, stop: int) -> Ace:
    if stop - offset < 16:
        raise DescriptorFormatError("An ACE is too short for a mask and a SID", offset + 2)
    ace_type, flags, _size, mask = _HEADER_MASK.unpack_from(data, offset)
    trustee = Sid.from_bytes(data, offset + 8, stop)
    return Ace(ace_type, flags, mask, trustee, data[offset + 8 + trustee.size_bytes : stop])


def _object_ace(data: bytes, offset: int, stop: int) -> ObjectAce:
    if stop - offset < 20:
        raise DescriptorFormatError("An object ACE is too short for a mask, flags and a SID", offset + 2)
    ace_type, flags, _size, mask = _HEADER_MASK.unpack_from(data, offset)
    object_flags = int.from_bytes(data[offset + 8 : offset + 12], "little")
    position = offset + 12
    object_type = inherited_type = None
    if object_flags & _OBJECT_TYPE_PRESENT:
        object_type, position = _guid(data, position, stop)
    if object_flags & _INHERITED_OBJECT_TYPE_PRESENT:
        inherited_type, position = _guid(data, position, stop)
    trustee = Sid.from_bytes(data, position, stop)
    trailing = data[position + trustee.size_bytes : stop]
    return ObjectAce(ace_type, flags, mask, trustee, object_type, inherited_type, object_flags & ~0x3, trailing)


def _guid(data: bytes, offset: int, stop: int) -> tuple[uuid.UUID, int]:
    if stop - offset < _GUID_BYTES:
        raise DescriptorFormatError("An object ACE is too short for its GUIDs", offset)
    return uuid.UUID(bytes_le=data[offset : offset + _GUID_BYTES]), offset + _GUID_BYTES


def _check_fields(flags: int, mask: int, data: bytes) -> None:
    if not (0 <= flags <= 0xFF and 0 <= mask <= MASK_LIMIT):
        raise DomainError(f"ACE flags {flags:#x} or mask {mask:#x} do not fit their fields")
    if len(data) % 4:
        raise DomainError(f"{len(data)} bytes of ACE data are not a multiple of 4")


def _ace_size(size: int) -> int:
    if size > _MAX_ACE_BYTES:
        raise DescriptorFormatError(f"An ACE of {size} bytes does not fit its 16-bit AceSize", _MAX_ACE_BYTES)
    return size
