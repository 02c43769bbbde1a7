# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_enum
short_description: OpcEnum of a Windows host, healthy or deliberately off
version_added: 0.1.0
description:
  - OpcEnum lists the OPC servers of a host to clients that browse. Clients that know the server they want do not need
    it.
  - Registers it as a service where it is a plain COM server, sets its level, account and start mode, and who may
    browse.
  - The level is raised before the permissions are tightened, because at level None COM does not look at OpcEnum's
    access permission. What registering grants to Everyone is taken back at once.
options:
  state:
    description:
      - V(enabled) is registered as a service and may be started by COM when a client browses. V(started) also runs now.
      - V(disabled) is stopped and its service disabled. A host without OpcEnum is fine with it.
    type: str
    choices: [enabled, started, disabled]
    default: enabled
  authentication_level:
    description:
      - The least authentication level of calls (C(AuthenticationLevel) of its AppID). Registering sets V(none).
      - V(none) is refused unless O(allow_weak=true). V(default) deletes the value, so the machine default counts.
    type: str
    choices: [none, connect, call, packet, packet_integrity, packet_privacy, default]
    default: packet_integrity
  start_mode:
    description: Start mode of the service. Registering makes it V(manual), which is enough.
    type: str
    choices: [manual, auto]
    default: manual
  account:
    description:
      - V(local_system) lets the service run as LocalSystem, V(keep) leaves its account alone.
      - An account with a password is not changed, because that could not be undone; the module says so.
    type: str
    choices: [local_system, keep]
    default: local_system
  program:
    description: Path of OpcEnum.exe on the host, for a host on which neither a service nor the class names it.
    type: str
  clients:
    description:
      - Accounts and groups that may browse from other hosts. They get remote access, remote launch and remote
        activation; besides them only SYSTEM and Administrators have rights.
      - When this is left out, the permissions are left as they are.
    type: list
    elements: str
  allow_anonymous:
    description: Accept C(ANONYMOUS LOGON) among O(clients). Every run reports it in RV(exceptions).
    type: bool
    default: false
  allow_everyone:
    description: Accept C(Everyone) among O(clients). Every run reports it in RV(exceptions).
    type: bool
    default: false
  allow_weak:
    description: Do what was asked although it opens OpcEnum to everybody.
    type: bool
    default: false
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.opc_service_restart
  - module: otsec.opc_dcom.opc_firewall
  - module: otsec.opc_dcom.dcom_permission
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Let a group browse
  otsec.opc_dcom.opc_enum:
    clients:
      - PLANT\OPC Users
  register: opc_enum

- name: Let the new settings reach OpcEnum
  otsec.opc_dcom.opc_service_restart:
  when: opc_enum.restart_required | length > 0

- name: Turn it off once commissioning is over
  otsec.opc_dcom.opc_enum:
    state: disabled
"""

RETURN = r"""
before:
  description: Registration, level, account, start mode, state and permissions as they were, in words.
  returned: success
  type: dict
  sample: {"registration": "plain COM server", "authentication_level": "none (1)"}
after:
  description: The same as they are now, or in check mode would be.
  returned: success
  type: dict
  sample: {"registration": "service", "authentication_level": "packet_integrity (5)"}
exceptions:
  description: What is weaker than need be because it was asked for. Meant for the auditor.
  returned: success
  type: list
  elements: str
restart_required:
  description: Services that run with values that were replaced, now or by an earlier run.
  returned: success
  type: list
  elements: str
  sample: [OpcEnum]
reboot_required:
  description: Whether something that was written, now or by an earlier run, counts only after a reboot.
  returned: success
  type: bool
reboot_reasons:
  description: What waits for the reboot.
  returned: success
  type: list
  elements: str
"""
