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
  - Reads who may call, launch and activate, in the machine limits (also those of Group Policy), the machine defaults
    and the applications that were asked for, by names and rights.
  - Names what is weak, of a wrong type, overridden by Group Policy, or written but not in force yet.
options:
  applications:
    description: Applications to look at, besides OpcEnum, each named in one way.
    type: list
    elements: dict
    default: []
    suboptions:
      app_id:
        description: AppID of the application, with or without braces.
        type: str
      name:
        description: Display name of the application in dcomcnfg.
        type: str
      prog_id:
        description: ProgID of a class of the application.
        type: str
      clsid:
        description: CLSID of a class of the application.
        type: str
      program:
        description: Executable of the application, if it is mapped to an AppID.
        type: str
      service:
        description: Service the application runs as.
        type: str
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

- name: Read also who may use an OPC server
  otsec.opc_dcom.dcom_info:
    applications:
      - prog_id: Vendor.OpcServer.1
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
    permissions:
      description:
        - The machine limits, the machine defaults and the limits of Group Policy, under RV(ignore:machine_limit),
          RV(ignore:machine_default) and RV(ignore:group_policy), each for access and launch.
        - Each has its entries (principal, sid, type, rights), the same as lines of text, as SDDL, what is wrong with
          the value, whether it is present, and for limits and defaults whether it is in force.
      type: dict
    applications:
      description:
        - AppID, name, service, identity and authentication level of each application, and its access and launch
          permission in the same form.
      type: list
      elements: dict
    applications_missing:
      description: Applications that were asked for and not found, with the reason.
      type: list
      elements: dict
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
