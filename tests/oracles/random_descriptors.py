# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random security descriptors as bytes, packed by hand from MS-DTYP 2.4 and sharing no code with what is tested.

They vary what writers vary: the order of the parts, gaps between them, one SID shared by owner and group, padding
inside ACEs and after the last one, ACL revisions, control bits, and absent, NULL, empty and filled ACLs.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

WELL_KNOWN = (
    b"\x01\x01\0\0\0\0\0\x01\0\0\0\0",
    b"\x01\x01\0\0\0\0\0\x05\x07\0\0\0",
    b"\x01\x01\0\0\0\0\0\x05\x0a\0\0\0",
    b"\x01\x01\0\0\0\0\0\x05\x0b\0\0\0",
    b"\x01\x01\0\0\0\0\0\x05\x12\0\0\0",
    b"\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x20\x02\0\0",
    b"\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x2f\x02\0\0",
    b"\x01\x02\0\0\0\0\0\x05\x20\0\0\0\x32\x02\0\0",
)
COM_MASKS = (0x1, 0x3, 0x5, 0x7, 0x9, 0xB, 0x11, 0x15, 0x19, 0x1B, 0x1F)
DACL_TYPES = (0, 1, 5, 6)
SACL_TYPES = (2, 7)


@dataclass(frozen=True)
class Shape:
    """What the reader at the other end can understand."""

    dacl_types: tuple[int, ...] = DACL_TYPES
    sacl_types: tuple[int, ...] = SACL_TYPES
    max_authority: int = 0xFFFF_FFFF_FFFF
    has_padding: bool = True
    max_aces: int = 6


class RandomDescriptors:
    """A reproducible stream of descriptors."""

    def __init__(self, seed: int, shape: Shape | None = None) -> None:
        self.random = random.Random(seed)
        self.shape = shape or Shape()

    def sid(self) -> bytes:
        rng = self.random
        if rng.random() < 0.6:
            return rng.choice(WELL_KNOWN)
        if rng.random() < 0.5:
            return b"\x01\x05\0\0\0\0\0\x05" + struct.pack("<5I", 21, 11, 22, 33, rng.choice((500, 512, 1105, 1106)))
        count = rng.randint(1, 15)
        authority = rng.randint(0, self.shape.max_authority) >> rng.choice((0, 16, 32, 40))
        subs = struct.pack(f"<{count}I", *(rng.getrandbits(32) for _unused in range(count)))
        return bytes((1, count)) + authority.to_bytes(6, "big") + subs

    def mask(self) -> int:
        rng = self.random
        return rng.choice(COM_MASKS) if rng.random() < 0.7 else rng.getrandbits(32)

    def ace(self, types: tuple[int, ...]) -> bytes:
        rng = self.random
        ace_type = rng.choice(types)
        body = struct.pack("<I", self.mask())
        if ace_type in (5, 6, 7, 8):
            flags = rng.randint(1, 3)
            body += struct.pack("<I", flags) + b"".join(rng.randbytes(16) for bit in (1, 2) if flags & bit)
        body += self.sid()
        if self.shape.has_padding and rng.random() < 0.1:
            body += bytes(4 * rng.randint(1, 3))
        flags = 0 if rng.random() < 0.7 else rng.getrandbits(8) & 0xDF
        return struct.pack("<BBH", ace_type, flags, 4 + len(body)) + body

    def acl(self, types: tuple[int, ...]) -> bytes:
        rng = self.random
        aces = [self.ace(types) for _unused in range(rng.randint(0, self.shape.max_aces))]
        slack = bytes(4 * rng.randint(1, 4)) if self.shape.has_padding and rng.random() < 0.05 else b""
        body = b"".join(aces) + slack
        return struct.pack("<BBHHH", rng.choice((2, 4)), 0, 8 + len(body), len(aces), 0) + body

    def descriptor(self) -> bytes:
        rng = self.random
        control = 0x8000 | rng.choice((0, 0, 0x0400, 0x1000, 0x1400, 0x0100, 0x2800, 0x0003))
        parts: dict[str, bytes | None] = {"owner": None, "group": None, "sacl": None, "dacl": None}
        if rng.random() < 0.9:
            parts["owner"] = self.sid()
        if rng.random() < 0.9:
            parts["group"] = parts["owner"] if parts["owner"] and rng.random() < 0.3 else self.sid()
        for name, bit, types in (("dacl", 0x4, self.shape.dacl_types), ("sacl", 0x10, self.shape.sacl_types)):
            state = rng.random() if name == "dacl" else rng.random() - 0.5
            if state < 0.05:
                continue
            control |= bit
            parts[name] = self.acl(types) if state > 0.1 else None
        return self._lay_out(control, parts)

    def _lay_out(self, control: int, parts: dict[str, bytes | None]) -> bytes:
        rng = self.random
        offsets = dict.fromkeys(parts, 0)
        blob = b""
        for name in rng.sample(sorted(parts), 4):
            part = parts[name]
            if part is None:
                continue
            if name == "group" and part == parts["owner"] and offsets["owner"] and rng.random() < 0.5:
                offsets[name] = offsets["owner"]
                continue
            if rng.random() < 0.1:
                blob += rng.randbytes(4 * rng.randint(1, 3))
            offsets[name] = 20 + len(blob)
            blob += part
        header = struct.pack(
            "<BBHIIII", 1, 0, control, offsets["owner"], offsets["group"], offsets["sacl"], offsets["dacl"]
        )
        return header + blob
