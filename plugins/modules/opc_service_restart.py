# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_service_restart
short_description: Restart the services that run with replaced settings
version_added: 0.1.0
description:
  - A process reads its COM security when it starts. When this collection changes what a running service has read, it
    leaves a mark on the host that names the service and its process.
  - This module restarts the marked services whose process is still the same, and no others, so a run that failed before
    the restart is repaired by the next one.
  - Running services that depend on a restarted one are stopped before it and started after it.
  - Uses WMI and needs no PowerShell on the host.
options:
  services:
    description:
      - Restart these services instead of the marked ones. A service that does not run is left alone.
      - A service that shares its process with others (svchost) is refused; reboot the host instead.
    type: list
    elements: str
  timeout_s:
    description: Seconds to wait for each service to stop, and to run again.
    type: float
    default: 60.0
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.opc_reboot
  - module: ansible.windows.win_service
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Let the new settings reach the services that run with the old ones
  otsec.opc_dcom.opc_service_restart:

- name: Restart one service with what depends on it
  otsec.opc_dcom.opc_service_restart:
    services: [ApisHive]
    timeout_s: 180
"""

RETURN = r"""
restarted:
  description:
    - The services that were restarted, in the order of starting, or in check mode would be, without dependents.
  returned: success
  type: list
  elements: str
  sample: [OpcEnum]
skipped:
  description: Services that were left alone, with the reason.
  returned: success
  type: dict
"""
