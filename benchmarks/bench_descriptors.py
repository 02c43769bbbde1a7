# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoding and encoding of a typical security descriptor against impacket's decoding of it, in one run.

Prints microseconds for each and the ratio; exits with 1 if decode and encode together are not five times as fast as
impacket's decode alone. The fastest of several rounds counts, so that a busy machine disturbs little.
"""

from __future__ import annotations

import json
import sys
import timeit
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".build" / "collections"))

from impacket.ldap import ldaptypes  # noqa: E402

from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_report import describe  # noqa: E402
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind  # noqa: E402
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import from_sddl, to_sddl  # noqa: E402
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (  # noqa: E402
    SecurityDescriptor,
)

TYPICAL = "ole_machine_launch_restriction_win7_era"
REQUIRED_RATIO = 5.0
ROUNDS = 7


def microseconds(statement: str, number: int, names: dict[str, object]) -> float:
    """Time of one execution in the fastest round."""
    return min(timeit.repeat(statement, number=number, repeat=ROUNDS, globals=names)) / number * 1e6


def main() -> int:
    vectors = json.loads((ROOT / "tests" / "data" / "security_descriptors.json").read_text(encoding="utf-8"))
    data = bytes.fromhex(next(item["hex"] for item in vectors if item["name"] == TYPICAL))
    descriptor = SecurityDescriptor.from_bytes(data)
    names: dict[str, object] = {
        "data": data,
        "descriptor": descriptor,
        "text": to_sddl(descriptor),
        "kind": ComKind.LAUNCH,
        "read": SecurityDescriptor.from_bytes,
        "impacket_read": ldaptypes.SR_SECURITY_DESCRIPTOR,
        "from_sddl": from_sddl,
        "to_sddl": to_sddl,
        "describe": describe,
    }
    both = microseconds("read(data).to_bytes()", 500, names)
    theirs = microseconds("impacket_read(data=data)", 50, names)
    for label, value in (
        ("decode", microseconds("read(data)", 500, names)),
        ("decode and encode", both),
        ("parse SDDL", microseconds("from_sddl(text)", 200, names)),
        ("print SDDL", microseconds("to_sddl(descriptor)", 200, names)),
        ("describe", microseconds("describe(descriptor, kind)", 200, names)),
        ("impacket: decode", theirs),
    ):
        print(f"{label:<20} {value:8.1f} us")
    print(f"impacket's decode takes {theirs / both:.1f} times as long as our decode and encode ({len(data)} bytes)")
    return 0 if theirs >= REQUIRED_RATIO * both else 1


if __name__ == "__main__":
    sys.exit(main())
