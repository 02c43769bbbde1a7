# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dcom_info
short_description: DCOM settings of a Windows host, decoded and judged
version_added: 0.1.0
description:
  - Reads the machine-wide DCOM settings of a host and shows them by name, with what an absent value means.
  - Names what is weak, of a wrong type, or written but not in force yet.
options: {}
extends_documentation_fragment:
  - otsec.opc_dcom.attributes.info
seealso:
  - module: otsec.opc_dcom.dcom_defaults
  - module: otsec.opc_dcom.dcom_logging
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Read the DCOM settings
  otsec.opc_dcom.dcom_info:
  register: info

- name: Show what to look at
  ansible.builtin.debug:
    var: info.dcom.findings
"""

RETURN = r"""
dcom:
  description: What was read.
  returned: success
  type: dict
  contains:
    system:
      description: Caption, version, build, revision (UBR) and last boot time of Windows, and notes on how it was read.
      type: dict
    defaults:
      description: Each option of M(otsec.opc_dcom.dcom_defaults) with its word, text, data, and whether it is present.
      type: dict
      sample: {"authentication_level": {"setting": "connect", "text": "connect (2)", "is_present": true, "data": 2}}
    logging:
      description: Each option of M(otsec.opc_dcom.dcom_logging), in the same form.
      type: dict
    reboot_required:
      description: Whether something this collection has written counts only after a reboot.
      type: bool
    reboot_reasons:
      description: What waits for the reboot.
      type: list
      elements: str
    unfinished_run:
      description: Operations of a run that did not finish; the next run that sets something undoes them first.
      type: list
      elements: str
    findings:
      description: What to look at, with code, severity, subject, evidence and advice.
      type: list
      elements: dict
"""
