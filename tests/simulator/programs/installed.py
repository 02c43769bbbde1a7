# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which programs of a host are simulated, by file name. All others exist as files at most.

Software restriction policies stand before each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..powershell.interpreter import PowerShell
from ..providers.win32_accounts import UserAccount
from .net_exe import Net
from .netsh_exe import Netsh
from .opcenum_exe import OpcEnum
from .program import Invocation, Program
from .reg_exe import Reg
from .software_policy import under_policy
from .wevtutil_exe import Wevtutil
from .wmic_exe import Wmic

if TYPE_CHECKING:
    from ..cim import ProgramResult
    from ..host import SimulatedHost


def installed_programs(host: SimulatedHost) -> dict[str, Program]:
    """Programs by lower-case file name or path."""
    netsh = Netsh(host.firewall, host.journal, host.ui_language)

    def opc_enum(invocation: Invocation) -> ProgramResult:
        program = OpcEnum(invocation.program, registry=host.registry, services=host.services, journal=host.journal)
        return program.program(invocation)

    programs: dict[str, Program] = {
        "reg.exe": Reg(host).program,
        "netsh.exe": netsh.program,
        "wevtutil.exe": Wevtutil(host.event_log, host.journal, host.clock.now, host.ui_language).program,
        "net.exe": Net(host.accounts, host.journal, host.ui_language).program,
        "wmic.exe": Wmic(host.accounts, host.journal, UserAccount(host)).program,
        "opcenum.exe": opc_enum,
        "powershell.exe": PowerShell(host).program,
    }
    return {name: under_policy(program, host.registry, host.ui_language) for name, program in programs.items()}
