# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that somebody else published, and texts at the edge of what a grammar takes."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.otsec.opc_dcom.plugins.module_utils._access_mask import COM_RIGHTS, GENERIC_RIGHTS
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import DomainError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import parse_rule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._hresults import CODES
from ansible_collections.otsec.opc_dcom.plugins.module_utils._netsh import quote_argument
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_skeleton import _quoted

# Microsoft: System Error Codes (winerror.h).
SYSTEM_ERRORS = {
    5: "ERROR_ACCESS_DENIED", 193: "ERROR_BAD_EXE_FORMAT", 740: "ERROR_ELEVATION_REQUIRED",
    1053: "ERROR_SERVICE_REQUEST_TIMEOUT", 1058: "ERROR_SERVICE_DISABLED", 1060: "ERROR_SERVICE_DOES_NOT_EXIST",
    1068: "ERROR_SERVICE_DEPENDENCY_FAIL", 1069: "ERROR_SERVICE_LOGON_FAILED", 1084: "ERROR_NOT_SAFEBOOT_SERVICE",
    1326: "ERROR_LOGON_FAILURE", 1330: "ERROR_PASSWORD_EXPIRED", 1331: "ERROR_ACCOUNT_DISABLED",
    1385: "ERROR_LOGON_TYPE_NOT_GRANTED", 1722: "RPC_S_SERVER_UNAVAILABLE", 1726: "RPC_S_CALL_FAILED",
    1727: "RPC_S_CALL_FAILED_DNE", 1825: "RPC_S_SEC_PKG_ERROR", 1909: "ERROR_ACCOUNT_LOCKED_OUT",
}  # fmt: skip


@pytest.mark.parametrize(("code", "name"), SYSTEM_ERRORS.items())
def test_system_errors_have_their_numbers(code: int, name: str) -> None:
    assert CODES[code].name == name


def test_rights_of_com_and_generic_rights() -> None:
    # MS-DCOM COM_RIGHTS: 1, 2, 4, 8, 16; MS-DTYP 2.4.3: GA, GX, GW, GR.
    assert COM_RIGHTS == 0x1F
    assert GENERIC_RIGHTS == 0xF000_0000


@pytest.mark.parametrize(
    ("text", "data"),
    [
        # MS-DTYP 2.4.2.2: revision, count, big-endian authority, little-endian rest.
        ("S-1-0-0", "010100000000000000000000"),
        ("S-1-5-32-544", "01020000000000052000000020020000"),
        ("S-1-1099511627776-7", "010101000000000007000000"),
        ("S-1-281474976710655-4294967295", "0101ffffffffffffffffffff"),
    ],
)
def test_a_sid_on_the_wire(text: str, data: str) -> None:
    # From 2^32 on the authority is written in hexadecimal.
    sid = Sid.from_string(text.replace("1099511627776", "0x10000000000").replace("281474976710655", "0xFFFFFFFFFFFF"))
    assert sid.to_bytes().hex() == data
    assert Sid.from_bytes(bytes.fromhex(data)) == sid


@pytest.mark.parametrize(("text", "protocol"), [("0", 0), ("6", 6), ("17", 17), ("255", 255), ("006", 6)])
def test_protocols_of_a_rule(text: str, protocol: int) -> None:
    assert parse_rule(f"v2.22|Action=Allow|Dir=In|Protocol={text}|Name=x|").protocol == protocol


@pytest.mark.parametrize("text", ["256", "999", "0006", "-1", "", "6a", "\u0666", "\u00b2", "1" * 5000])
def test_what_is_no_protocol_is_refused_and_named(text: str) -> None:
    with pytest.raises(DomainError, match="expected a protocol, 0-255"):
        parse_rule(f"v2.22|Action=Allow|Dir=In|Protocol={text}|Name=x|")


@pytest.mark.parametrize(
    ("argument", "quoted"),
    [
        ("rule", "rule"),
        ("dir=in", "dir=in"),
        ("name=opc", 'name="opc"'),
        ("program=C:\\Program Files\\x.exe", 'program="C:\\Program Files\\x.exe"'),
        ("name=a\\", 'name="a\\\\"'),
        ("name=a\\\\", 'name="a\\\\\\\\"'),
        ("name=a=b", 'name="a=b"'),
    ],
)
def test_what_netsh_is_given_in_quotes(argument: str, quoted: str) -> None:
    assert quote_argument(argument) == quoted


@pytest.mark.parametrize(
    "code", [0x00, 0x1F, 0x7F, 0x80, 0x85, 0xFF, 0x100, 0x2028, 0xFFFD, 0x10000, 0x1F600, 0x10FFFF]
)
def test_any_character_in_a_skeleton_is_read_back(code: int) -> None:
    text = f'a{chr(code)}b"\\c'
    written = _quoted(text)
    assert written.isascii()
    assert written.isprintable()
    assert yaml.safe_load(written) == text
