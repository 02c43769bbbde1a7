# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_host
short_description: The whole DCOM state of a Windows host in one transaction
version_added: 0.1.0
description:
  - Takes the desired state of a host in sections, with the same options as the single modules.
  - Reads all, plans all, then applies all over one connection. If a write fails, what was written before is undone.
  - While it works, a journal on the host says what was to be done. If the controller dies midway, the next run undoes
    what was left unfinished before it does anything else.
options:
  defaults:
    description: Options of M(otsec.opc_dcom.dcom_defaults).
    type: dict
    suboptions: {}
  logging:
    description: Options of M(otsec.opc_dcom.dcom_logging).
    type: dict
    suboptions: {}
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.dcom_defaults
  - module: otsec.opc_dcom.dcom_logging
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Harden DCOM and log what it refuses
  otsec.opc_dcom.opc_host:
    defaults:
      enable_dcom: true
      authentication_level: packet_integrity
    logging:
      activation_failures: always
      call_failures: always
  register: host
"""

RETURN = r"""
before:
  description: The sections that were given as they were, in words.
  returned: success
  type: dict
after:
  description: The same sections as they are now, or in check mode would be.
  returned: success
  type: dict
reboot_required:
  description: Whether something that was written, now or by an earlier run, counts only after a reboot.
  returned: success
  type: bool
reboot_reasons:
  description: What waits for the reboot.
  returned: success
  type: list
  elements: str
restart_required:
  description: Services that must be restarted for the change to reach them.
  returned: success
  type: list
  elements: str
"""
