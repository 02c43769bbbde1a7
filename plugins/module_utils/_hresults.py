# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Error codes as events and logs show them, their symbolic names, and what each means for an OPC link. Data only.

A code may be an HRESULT, a Win32 error or an NTSTATUS, written in hexadecimal, as a decimal (signed or not), or as the
``%%n`` of an event. Source: dcom.md 6.4 and 6.5; names from Microsoft's COM and system error code pages (winerror.h,
ntstatus.h, MS-ERREF 2.1-2.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

_CODE = re.compile(r"(?:%%)?\s*(0x[0-9A-Fa-f]{1,8}|-?[0-9]{1,10})", re.ASCII)
_FACILITY_WIN32 = 0x80070000


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """The symbolic name of a code, and how to read it when an OPC link fails."""

    name: str
    reading: str


_READINGS: dict[int, tuple[str, str]] = {
    # HRESULTs
    0x80004002: ("E_NOINTERFACE", "an OPC proxy/stub DLL is missing, or access was denied on QueryInterface"),
    0x80010105: ("RPC_E_SERVERFAULT", "the OPC server threw an exception"),
    0x80010108: ("RPC_E_DISCONNECTED", "the OPC server is gone or has ended the connection"),
    0x80010119: ("RPC_E_TOO_LATE", "the program sets its COM security too late (after the first COM call)"),
    0x8001011A: ("RPC_E_NO_GOOD_SECURITY_PACKAGES", "the program sets up COM security without a usable package"),
    0x8001011B: ("RPC_E_ACCESS_DENIED", "the called program refused: its access permission or the machine limit"),
    0x80040154: ("REGDB_E_CLASSNOTREG", "wrong CLSID, or the class is registered for the other bitness only"),
    0x80040155: ("REGDB_E_IIDNOTREG", "an OPC proxy/stub DLL is not registered on this side (or for this bitness)"),
    0x80070005: ("E_ACCESSDENIED", "refused by a limit, the application's permissions, the account or hardening"),
    0x800706BA: ("RPC_S_SERVER_UNAVAILABLE", "firewall, name resolution, or the host or program is down"),
    0x800706BE: ("RPC_S_CALL_FAILED", "the connection broke during the call, often because the program crashed"),
    0x800706BF: ("RPC_S_CALL_FAILED_DNE", "the connection broke before the call ran"),
    0x80070721: ("RPC_S_SEC_PKG_ERROR", "authentication failed below COM (account, password, Kerberos, clock)"),
    0x80080005: ("CO_E_SERVER_EXEC_FAILURE", "the server did not start or register in time, or its account is wrong"),
    0x8000401A: ("CO_E_RUNAS_LOGON_FAILURE", "the account the OPC server is to run as could not be logged on"),
    0x8000401B: ("CO_E_LAUNCH_PERMSSION_DENIED", "the caller has no launch permission"),
    0x8000401D: ("CO_E_REMOTE_COMMUNICATION_FAILURE", "the activation could not be carried to the other host"),
    # Win32 errors, which are HRESULTs 0x8007xxxx as well
    2: ("ERROR_FILE_NOT_FOUND", "the program is not where its registration says"),
    5: ("ERROR_ACCESS_DENIED", "refused by a limit, the application's permissions, the account or hardening"),
    193: ("ERROR_BAD_EXE_FORMAT", "the program is damaged or for another kind of Windows"),
    740: ("ERROR_ELEVATION_REQUIRED", "the program wants to be started as administrator"),
    1053: ("ERROR_SERVICE_REQUEST_TIMEOUT", "the service did not answer in time"),
    1058: ("ERROR_SERVICE_DISABLED", "the service is disabled"),
    1060: ("ERROR_SERVICE_DOES_NOT_EXIST", "the registration names a service that does not exist"),
    1068: ("ERROR_SERVICE_DEPENDENCY_FAIL", "a service it depends on did not start"),
    1069: ("ERROR_SERVICE_LOGON_FAILED", "the account or password of the service is wrong"),
    1084: ("ERROR_NOT_SAFEBOOT_SERVICE", "Windows runs in safe mode"),
    1326: ("ERROR_LOGON_FAILURE", "unknown account or wrong password"),
    1330: ("ERROR_PASSWORD_EXPIRED", "the password of the account has expired"),
    1331: ("ERROR_ACCOUNT_DISABLED", "the account is disabled"),
    1385: ("ERROR_LOGON_TYPE_NOT_GRANTED", "the account lacks the right to log on this way"),
    1722: ("RPC_S_SERVER_UNAVAILABLE", "firewall, name resolution, or the host or program is down"),
    1726: ("RPC_S_CALL_FAILED", "the connection broke during the call, often because the program crashed"),
    1727: ("RPC_S_CALL_FAILED_DNE", "the connection broke before the call ran"),
    1825: ("RPC_S_SEC_PKG_ERROR", "authentication failed below COM (account, password, Kerberos, clock)"),
    1909: ("ERROR_ACCOUNT_LOCKED_OUT", "the account is locked out"),
    # NTSTATUS of logons
    0xC000005E: ("STATUS_NO_LOGON_SERVERS", "no domain controller could be reached"),
    0xC0000064: ("STATUS_NO_SUCH_USER", "the account does not exist here: a local account is missing on this host"),
    0xC000006A: ("STATUS_WRONG_PASSWORD", "wrong password: the local passwords on the two hosts differ"),
    0xC000006D: ("STATUS_LOGON_FAILURE", "bad account name or credentials"),
    0xC000006E: ("STATUS_ACCOUNT_RESTRICTION", "a restriction of the account, such as an empty password"),
    0xC000006F: ("STATUS_INVALID_LOGON_HOURS", "outside the hours in which the account may log on"),
    0xC0000070: ("STATUS_INVALID_WORKSTATION", "the account may not log on from that workstation"),
    0xC0000071: ("STATUS_PASSWORD_EXPIRED", "the password has expired"),
    0xC0000072: ("STATUS_ACCOUNT_DISABLED", "the account is disabled"),
    0xC0000133: ("STATUS_TIME_DIFFERENCE_AT_DC", "the clocks of the hosts differ too much for Kerberos"),
    0xC000015B: ("STATUS_LOGON_TYPE_NOT_GRANTED", 'the account lacks "Access this computer from the network"'),
    0xC000018C: ("STATUS_TRUSTED_DOMAIN_FAILURE", "the trust between host and domain, or between domains, is broken"),
    0xC0000193: ("STATUS_ACCOUNT_EXPIRED", "the account has expired"),
    0xC0000224: ("STATUS_PASSWORD_MUST_CHANGE", "the password must be changed first"),
    0xC0000234: ("STATUS_ACCOUNT_LOCKED_OUT", "the account is locked out"),
}  # fmt: skip

CODES: Mapping[int, CodeMeaning] = MappingProxyType({code: CodeMeaning(*item) for code, item in _READINGS.items()})


def parse_code(text: str) -> int | None:
    """The code that a text is, as unsigned 32 bits: ``0x80070005``, ``2147942405``, ``-2147024891``, ``%%1069``.

    None for a text that is something else.
    """
    match = _CODE.fullmatch(text.strip())
    if match is None:
        return None
    number = int(match[1], 0) if match[1].lower().startswith("0x") else int(match[1])
    return number & 0xFFFFFFFF if -0x80000000 <= number <= 0xFFFFFFFF else None


def meaning_of(code: int) -> CodeMeaning | None:
    """What a code means; an HRESULT that wraps a Win32 error means that error."""
    found = CODES.get(code)
    if found is None and code & 0xFFFF0000 == _FACILITY_WIN32:
        found = CODES.get(code & 0xFFFF)
    return found


def format_code(code: int) -> str:
    """``0x80070005 (E_ACCESSDENIED)``; Win32 errors in decimal, as Windows shows them."""
    number = str(code) if code <= 0xFFFF else f"0x{code:08X}"
    found = meaning_of(code)
    return number if found is None else f"{number} ({found.name})"
