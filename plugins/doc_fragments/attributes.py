# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of the collection promises, and what a host needs for it."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  action:
    description: Runs as an action plugin on the controller; nothing is copied to the host.
    support: full
  async:
    description: Supports being used with C(async).
    support: none
  become:
    description: Supports C(become). It is refused with a clear error.
    support: none
  check_mode:
    description: Can predict what would change without changing anything.
    support: full
  diff_mode:
    description: Shows what changes, in names and words.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Target systems, reached through WinRM (O(ignore:ansible_connection=winrm) or V(psrp)).
    support: full
    platforms: windows
requirements:
  - pywinrm on the controller for C(ansible_connection=winrm), pypsrp for C(ansible_connection=psrp)
  - Windows 7 SP1 / Server 2008 R2 or later with WinRM; PowerShell is not needed on the host
notes:
  - The connecting account needs a full administrator token. A local administrator other than the built-in one gets a
    filtered token over the network unless Windows is told otherwise.
"""

    INFO = r"""
options: {}
attributes:
  action:
    description: Runs as an action plugin on the controller; nothing is copied to the host.
    support: full
  async:
    description: Supports being used with C(async).
    support: none
  become:
    description: Supports C(become). It is refused with a clear error.
    support: none
  check_mode:
    description: Can predict what would change without changing anything. Only reads.
    support: full
  diff_mode:
    description: Shows what changes. Nothing does.
    support: none
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: Target systems, reached through WinRM (O(ignore:ansible_connection=winrm) or V(psrp)).
    support: full
    platforms: windows
requirements:
  - pywinrm on the controller for C(ansible_connection=winrm), pypsrp for C(ansible_connection=psrp)
  - Windows 7 SP1 / Server 2008 R2 or later with WinRM; PowerShell is not needed on the host
"""

    # Of modules that answer on the controller and contact no host.
    CONTROLLER = r"""
options: {}
attributes:
  action:
    description: Runs as an action plugin on the controller; no host is contacted.
    support: full
  async:
    description: Supports being used with C(async).
    support: none
  become:
    description: Supports C(become). There is nothing to become.
    support: none
  check_mode:
    description: Can predict what would change without changing anything. Nothing does.
    support: full
  diff_mode:
    description: Shows what changes. Nothing does.
    support: none
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
  platform:
    description: The controller.
    support: full
    platforms: posix
"""

    RESULT = r"""
options: {}
"""
