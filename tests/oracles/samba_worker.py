# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers questions about security descriptors with Samba's own code. Runs under the system's Python, not in a venv.

Reads one JSON object a line and answers one a line:
  {"op": "decode", "hex": ...}                  -> {"owner", "group", "control", "dacl", "sacl"}
  {"op": "print", "hex": ...}                   -> {"sddl": ...}; Samba crashes on ACE types it has no word for
  {"op": "parse", "sddl": ..., "domain": ...}   -> {"hex": ...} or {"error": ...}
  {"op": "access", "hex": ..., "sids": [...], "mask": ...} -> {"granted": bool}
An ACL is null (none) or a list of [type, flags, mask, trustee, object GUID, inherited object GUID].
"""

import json
import sys

import samba.security
from samba import NTSTATUSError
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack

OBJECT_TYPES = (5, 6, 7, 8)
# A domain that no test uses, so that Samba prints no alias for a SID of somebody's domain.
NO_DOMAIN = security.dom_sid("S-1-5-21-1-2-3")


def ace_row(ace):
    guids = [None, None]
    if ace.type in OBJECT_TYPES:
        guids = [
            str(ace.object.type) if ace.object.flags & 1 else None,
            str(ace.object.inherited_type) if ace.object.flags & 2 else None,
        ]
    return [ace.type, ace.flags, ace.access_mask, str(ace.trustee), *guids]


def acl_rows(acl):
    return None if acl is None else [ace_row(ace) for ace in acl.aces]


def unpack(question):
    return ndr_unpack(security.descriptor, bytes.fromhex(question["hex"]), allow_remaining=True)


def decode(question):
    sd = unpack(question)
    return {
        "owner": None if sd.owner_sid is None else str(sd.owner_sid),
        "group": None if sd.group_sid is None else str(sd.group_sid),
        "control": sd.type,
        "dacl": acl_rows(sd.dacl),
        "sacl": acl_rows(sd.sacl),
    }


def to_sddl(question):
    return {"sddl": unpack(question).as_sddl(NO_DOMAIN)}


def parse(question):
    try:
        sd = security.descriptor.from_sddl(question["sddl"], security.dom_sid(question["domain"]))
    except (TypeError, ValueError) as error:
        return {"error": str(error)}
    return {"hex": ndr_pack(sd).hex()}


def access(question):
    sd = unpack(question)
    token = security.token()
    token.sids = [security.dom_sid(sid) for sid in question["sids"]]
    token.num_sids = len(question["sids"])
    try:
        samba.security.access_check(sd, token, question["mask"])
    except NTSTATUSError:
        return {"granted": False}
    return {"granted": True}


OPERATIONS = {"decode": decode, "print": to_sddl, "parse": parse, "access": access}

for line in sys.stdin:
    question = json.loads(line)
    sys.stdout.write(json.dumps(OPERATIONS[question["op"]](question)) + "\n")
