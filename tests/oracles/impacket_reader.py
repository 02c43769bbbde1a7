# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""impacket as a second reader of the wire form, giving the same rows as samba_worker.py.

Its limits: the authority of a SID is taken from one byte, and ACE types 3 and 8 are unknown.
"""

from __future__ import annotations

import uuid
from typing import Any

from impacket.ldap import ldaptypes

OBJECT_TYPES = frozenset({5, 6, 7})


def decode(data: bytes) -> dict[str, Any]:
    """Owner, group, control and both ACLs as rows of type, flags, mask, trustee and GUIDs."""
    descriptor = ldaptypes.SR_SECURITY_DESCRIPTOR(data=data)
    return {
        "owner": _sid(descriptor["OwnerSid"]),
        "group": _sid(descriptor["GroupSid"]),
        "control": descriptor["Control"],
        "dacl": _rows(descriptor["Dacl"]) if descriptor["OffsetDacl"] else None,
        # Without a DACL impacket throws the SACL away, so it cannot be asked about it.
        "sacl": _rows(descriptor["Sacl"]) if descriptor["OffsetSacl"] and descriptor["OffsetDacl"] else None,
    }


def _sid(sid: Any) -> str | None:
    return sid.formatCanonical() if sid else None


def _rows(acl: Any) -> list[list[Any]]:
    return [_row(ace) for ace in acl.aces]


def _row(ace: Any) -> list[Any]:
    body = ace["Ace"]
    guids: list[str | None] = [None, None]
    if ace["AceType"] in OBJECT_TYPES:
        raw = (body["ObjectType"], body["InheritedObjectType"])
        guids = [str(uuid.UUID(bytes_le=value)) if value else None for value in raw]
    return [ace["AceType"], ace["AceFlags"], body["Mask"]["Mask"], body["Sid"].formatCanonical(), *guids]
