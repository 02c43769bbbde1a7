# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dcom_application
short_description: Authentication level, defaults and identity of one DCOM application
version_added: 0.1.0
description:
  - Sets what dcomcnfg shows for one application under I(DCOM Config). Options that are not given are left alone.
  - The application is found by its AppID, display name, ProgID, CLSID, executable or service. A name that means several
    applications is an error that lists them.
  - A pure client has no application, so the machine defaults count for it. With O(program) it gets one (an AppID and
    the mapping of its executable) and can then be given a level and entries of its own.
  - The level is written before an access control list is given up, because COM ignores access permissions while the
    level is none.
options:
  app_id:
    description: AppID of the application, with or without braces.
    type: str
  name:
    description: Display name of the application in dcomcnfg. It has to be the name of one application only.
    type: str
  prog_id:
    description: ProgID of a class of the application. Both the 64-bit and the 32-bit registration are looked at.
    type: str
  clsid:
    description: CLSID of a class of the application. Both the 64-bit and the 32-bit registration are looked at.
    type: str
  program:
    description:
      - Executable of the application, with or without its path.
      - If it is not mapped to an AppID, an application is made for it. The new AppID follows from the name of the
        executable, so it is the same on every host and in every run.
    type: str
  service:
    description: Service the application runs as (its C(LocalService)).
    type: str
  state:
    description:
      - V(absent) removes an application that this module has made, and its mapping. Others are refused.
    type: str
    choices: [present, absent]
    default: present
  authentication_level:
    description:
      - The level the application asks for as a client and at least accepts as a server.
      - V(default) deletes the value, so that the machine default counts, see M(otsec.opc_dcom.dcom_defaults).
      - V(none) makes COM ignore access permissions and is refused unless O(allow_weak=true).
      - A program that sets its security itself ignores this.
    type: str
    choices: [none, connect, call, packet, packet_integrity, packet_privacy, default]
  use_default_access:
    description:
      - V(true) removes the application's own access permission, so that the machine default counts.
      - V(false) leaves it alone. Use M(otsec.opc_dcom.dcom_permission) to give the application its own.
    type: bool
  use_default_launch:
    description:
      - V(true) removes the application's own launch permission, so that the machine default counts.
      - V(false) leaves it alone.
    type: bool
  run_as:
    description:
      - Identity of the application when COM launches it. C(launching_user) (the value is deleted), C(interactive_user),
        C(local_service), C(network_service) or C(system).
      - C(interactive_user) and C(system) are refused unless O(allow_weak=true). C(system) works only for a program that
        runs already.
      - Any other account is refused, because COM keeps its password as an LSA secret that no registry or WMI interface
        writes. Refused also for services, whose account is the service's.
    type: str
  run_as_password:
    description: Always refused with the reason. It is an option so that a task which tries says why.
    type: str
  ignore_missing:
    description:
      - Where the host has no such application, leave it at that. None is made for O(program), and for the other names
        it is no error. The machine defaults count for such a program.
    type: bool
    default: false
  allow_weak:
    description: Do what was asked although it opens the application or the host.
    type: bool
    default: false
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.dcom_permission
  - module: otsec.opc_dcom.dcom_defaults
  - module: otsec.opc_dcom.opc_host
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Let an OPC server follow the machine defaults in everything
  otsec.opc_dcom.dcom_application:
    prog_id: Vendor.OpcServer.1
    authentication_level: default
    use_default_access: true
    use_default_launch: true

- name: Raise OpcEnum, which registers itself with level none
  otsec.opc_dcom.dcom_application:
    service: OpcEnum
    authentication_level: packet_integrity

- name: Give a pure OPC client an application of its own
  otsec.opc_dcom.dcom_application:
    program: C:\Program Files\Vendor\OpcClient.exe
    authentication_level: packet_integrity

- name: Have a program follow the machine default level, if it is an application at all
  otsec.opc_dcom.dcom_application:
    program: OpcClient.exe
    authentication_level: default
    ignore_missing: true

- name: Take it away again
  otsec.opc_dcom.dcom_application:
    program: OpcClient.exe
    state: absent
"""

RETURN = r"""
before:
  description: The settings that were asked for as they were, in words, with the name and AppID of the application.
  returned: success
  type: dict
  sample: {"application": "OpcEnum {13486D44-4821-11D2-A494-3CB306C10000}", "authentication_level": "none (1)"}
after:
  description: The same settings as they are now, or in check mode would be.
  returned: success
  type: dict
exceptions:
  description: What was weak and permitted by O(allow_weak). Meant for the auditor.
  returned: success
  type: list
  elements: str
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
  sample: [OpcEnum]
"""
