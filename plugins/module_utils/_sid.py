# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Security identifiers (SIDs): one value type, its text form and its wire form.

A SID is an identifier authority (48 bits) and up to 15 sub-authorities (32 bits each). The revision is always 1, so it
is not stored. Names of well-known SIDs are in _well_known.py; the two-letter aliases belong to SDDL.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from ._errors import DescriptorFormatError, DomainError

REVISION = 1
MAX_SUB_AUTHORITIES = 15
MAX_AUTHORITY = 0xFFFF_FFFF_FFFF
MAX_SUB_AUTHORITY = 0xFFFF_FFFF

_HEADER_BYTES = 8
_SUB_AUTHORITIES = tuple(struct.Struct(f"<{count}I") for count in range(MAX_SUB_AUTHORITIES + 1))

# A leading zero is refused: Windows, Samba and MS-DTYP do not agree whether it means octal.
SID_PATTERN = re.compile(
    r"S-1-(?P<authority>0x[0-9a-f]{1,16}|0|[1-9][0-9]{0,18})(?P<rest>(?:-(?:0x[0-9a-f]{1,16}|0|[1-9][0-9]{0,18}))*)",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, order=True)
class Sid:
    """A SID, compared, hashed and ordered by value.

    Raises: DomainError if a part does not fit its field.
    Source: MS-DTYP 2.4.2 (SID), 2.4.2.2 (wire form), 2.4.2.1 (text form).
    """

    authority: int
    sub_authorities: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.authority <= MAX_AUTHORITY:
            raise DomainError(f"SID authority {self.authority} does not fit into 48 bits")
        if len(self.sub_authorities) > MAX_SUB_AUTHORITIES:
            raise DomainError(f"A SID has at most 15 sub-authorities, not {len(self.sub_authorities)}")
        for value in self.sub_authorities:
            if not 0 <= value <= MAX_SUB_AUTHORITY:
                raise DomainError(f"SID sub-authority {value} does not fit into 32 bits")

    def __str__(self) -> str:
        return self.to_string()

    @property
    def size_bytes(self) -> int:
        """Size of the wire form."""
        return _HEADER_BYTES + 4 * len(self.sub_authorities)

    @property
    def rid(self) -> int | None:
        """The last sub-authority; None if there is none."""
        return self.sub_authorities[-1] if self.sub_authorities else None

    @property
    def domain(self) -> Sid | None:
        """The domain or machine part of an account SID (S-1-5-21-x-y-z-RID); None for every other SID."""
        subs = self.sub_authorities
        if self.authority == 5 and len(subs) == 5 and subs[0] == 21:
            return Sid(5, subs[:4])
        return None

    def with_rid(self, rid: int) -> Sid:
        """The SID of an account or group of this domain or machine."""
        return Sid(self.authority, (*self.sub_authorities, rid))

    def to_string(self) -> str:
        """Text form as Windows prints it: an authority above 32 bits in hexadecimal, unpadded."""
        authority = str(self.authority) if self.authority <= MAX_SUB_AUTHORITY else f"0x{self.authority:X}"
        return "-".join(("S-1", authority, *map(str, self.sub_authorities)))

    @classmethod
    def from_string(cls, text: str) -> Sid:
        """Parse ``S-1-...``; parts may be decimal or 0x hexadecimal, letters in either case. No SDDL aliases.

        Raises: DomainError if the text is not a SID.
        """
        match = SID_PATTERN.fullmatch(text)
        if match is None:
            raise DomainError(f"{text!r} is not a SID such as S-1-5-32-544")
        return cls(int(match["authority"], 0), tuple(int(part, 0) for part in match["rest"].split("-")[1:]))

    def to_bytes(self) -> bytes:
        """Wire form: the authority is big-endian, everything else little-endian."""
        subs = self.sub_authorities
        head = ((REVISION << 8 | len(subs)) << 48 | self.authority).to_bytes(8, "big")
        return head + _SUB_AUTHORITIES[len(subs)].pack(*subs)

    @classmethod
    def from_bytes(cls, data: bytes, offset: int = 0, end: int | None = None) -> Sid:
        """Read the SID that starts at `offset` and lies before `end` (default: the end of `data`).

        Bytes after the SID are left alone: `size_bytes` tells how many it took.
        Raises: DescriptorFormatError on a wrong revision, more than 15 sub-authorities or missing bytes.
        """
        limit = len(data) if end is None else end
        if limit - offset < _HEADER_BYTES:
            raise DescriptorFormatError("A SID is cut off before its sub-authorities", offset)
        if data[offset] != REVISION:
            raise DescriptorFormatError(f"SID revision {data[offset]} is not 1", offset)
        count = data[offset + 1]
        if count > MAX_SUB_AUTHORITIES:
            raise DescriptorFormatError(f"A SID claims {count} sub-authorities, 15 is the most", offset + 1)
        body = offset + _HEADER_BYTES
        if limit - body < 4 * count:
            raise DescriptorFormatError(f"A SID of {count} sub-authorities is cut off", offset)
        return cls(int.from_bytes(data[offset + 2 : body], "big"), _SUB_AUTHORITIES[count].unpack_from(data, body))
