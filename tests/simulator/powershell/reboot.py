# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of ansible.windows.win_reboot: ask for the boot time, shut down, test that the host is back.

Source: ansible.md 1.4 (captures on three versions of ansible-core), plugin_utils/_reboot.py of ansible.windows 3.x.
That LogonUI creates the key AutoLogonChecked is taken as done once the host is up.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from ..boot import ShutdownError
from ..cim import Caller, ProgramResult
from .module import HostParts

_BOOT_TIME = re.compile(
    r"\(Get-CimInstance -ClassName Win32_OperatingSystem -Property LastBootUpTime\)\.LastBootUpTime"
)
_SHUTDOWN = re.compile(r"\\shutdown\.exe /r /t (\d+) /c '((?:[^']|'')*)'")
_TEST = re.compile(
    r"Get-Item -LiteralPath '[^']*\\Winlogon\\AutoLogonChecked' -ErrorAction Stop; '(success-[0-9a-f-]+)'"
)
_FILETIME_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_NOT_FOUND = (
    "The term 'Get-CimInstance' is not recognized as the name of a cmdlet, function, script file, or operable program."
)
_ACCESS_DENIED = 5


def run_reboot_script(host: HostParts, caller: Caller, text: str) -> ProgramResult | None:
    """The answer to one of the scripts; None for any other script."""
    if _BOOT_TIME.search(text):
        return _boot_time(host)
    shutdown = _SHUTDOWN.search(text)
    if shutdown:
        return _shut_down(host, caller, int(shutdown[1]), shutdown[2].replace("''", "'"))
    test = _TEST.search(text)
    if test:
        return ProgramResult(stdout=f"{test[1]}\r\n")
    return None


def _boot_time(host: HostParts) -> ProgramResult:
    if (host.profile.powershell or "0") < "3":  # CIM cmdlets came with PowerShell 3.0
        return ProgramResult(stderr=f"{_NOT_FOUND}\r\n", exit_code=1)
    ticks = (host.boot.boot_time - _FILETIME_EPOCH).total_seconds() * 10_000_000
    return ProgramResult(stdout=f"{int(ticks)}\r\n")


def _shut_down(host: HostParts, caller: Caller, delay_s: int, comment: str) -> ProgramResult:
    """The script prints what shutdown.exe did as JSON and ends with 0 itself."""
    stderr, exit_code = "", 0
    if not host.accounts.has_right(caller.sids, "SeShutdownPrivilege"):
        stderr, exit_code = "Access is denied.(5)", _ACCESS_DENIED
    else:
        try:
            host.boot.request_shutdown(caller.account_name, delay_s, restarts=True, comment=comment)
        except ShutdownError as error:
            stderr, exit_code = f"A system shutdown has already been scheduled.({error.code})", error.code
    return ProgramResult(stdout=json.dumps({"stdout": "", "stderr": stderr, "rc": exit_code}) + "\r\n")
