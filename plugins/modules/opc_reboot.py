# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_reboot
short_description: Reboot a Windows host through WMI and wait until it is back
version_added: 0.1.0
description:
  - Reboots with C(Win32_OperatingSystem.Win32ShutdownTracker) and waits until the host reports a later boot time.
  - Needs no PowerShell on the host, so it works on Windows 7, Server 2008 R2 and 2012 R2 and where PowerShell is
    restricted.
  - By default it reboots only a host on which this collection has written a value that is not in force yet.
options:
  only_if_pending:
    description: Reboot only when a setting written by this collection waits for it. V(false) reboots in any case.
    type: bool
    default: true
  comment:
    description: What Windows logs and shows to users that are logged on.
    type: str
    default: Reboot for DCOM settings (otsec.opc_dcom)
  delay_s:
    description: Seconds between the request and the shutdown.
    type: int
    default: 2
  timeout_s:
    description: Seconds to wait for the host to come back.
    type: int
    default: 900
  interval_s:
    description: Seconds between two attempts to reach the host.
    type: float
    default: 5.0
  settle_s:
    description: Seconds to wait after the host has answered, for services that start late.
    type: float
    default: 0.0
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: ansible.windows.win_reboot
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Put in force what was written
  otsec.opc_dcom.opc_reboot:
    timeout_s: 1200

- name: Reboot in any case
  otsec.opc_dcom.opc_reboot:
    only_if_pending: false
"""

RETURN = r"""
rebooted:
  description: Whether the host was rebooted; false in check mode and when nothing was pending.
  returned: success
  type: bool
boot_time:
  description: The new boot time in UTC.
  returned: when rebooted
  type: str
  sample: "2026-11-22T06:00:12.500000Z"
reboot_reasons:
  description: The settings that were waiting for the reboot.
  returned: success
  type: list
  elements: str
"""
