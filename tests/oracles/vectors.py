# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The 42 descriptors of tests/data/security_descriptors.json: bytes and SDDL with the source of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).parent.parent / "data" / "security_descriptors.json"


@dataclass(frozen=True)
class Vector:
    """One descriptor in both forms; `is_invalid` means that COM must refuse it although it decodes."""

    name: str
    sddl: str
    data: bytes
    source: str

    @property
    def is_invalid(self) -> bool:
        return self.name.startswith("invalid_") or "_invalid_" in self.name


VECTORS = tuple(
    Vector(entry["name"], entry["sddl"], bytes.fromhex(entry["hex"]), entry["source"])
    for entry in json.loads(_FILE.read_text(encoding="utf-8"))
)


def vector(name: str) -> Vector:
    """The vector of that name."""
    return next(item for item in VECTORS if item.name == name)
