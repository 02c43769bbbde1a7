# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dcom_grants
short_description: All COM rights that OPC links need on a Windows host, as a whole
version_added: 0.1.0
description:
  - Grants the rights that are listed, and takes away again what an earlier run of this module granted and that is not
    listed any more. Everything else in the lists stays as it is.
  - What was granted is recorded on the host, under C(HKLM\SOFTWARE\otsec\opc_dcom). A right that an account had before
    is not recorded, so it is never taken away. An access control list that was made for grants goes with the last one.
  - A program without an AppID gets one, and loses it when nothing is granted on it any more.
  - The lists of one host belong to one task. Use M(otsec.opc_dcom.dcom_permission) for entries that have nothing to do
    with links.
options:
  permissions:
    description:
      - The access control lists and what each is to grant. V([]) takes away everything this module has granted.
    type: list
    elements: dict
    required: true
    suboptions:
      scope:
        description: The limits or the defaults of the machine, or one application.
        type: str
        choices: [machine_limit, machine_default, application]
        required: true
      kind:
        description: Permissions to call, or to launch and activate.
        type: str
        choices: [access, launch]
        required: true
      entries:
        description: Who gets what. An account that is named twice gets the rights of both entries.
        type: list
        elements: dict
        required: true
        suboptions:
          principal:
            description:
              - C(DOMAIN\name), C(.\name), C(name@domain), C(DOMAIN\HOST$), a well-known English name, or a SID.
            type: str
            required: true
          rights:
            description: Rights by the names of dcomcnfg. An access list knows the two access rights, a launch list the
              other four.
            type: list
            elements: str
            choices: [local_access, remote_access, local_launch, remote_launch, local_activation, remote_activation]
            required: true
      exclusive:
        description:
          - Whether nobody but SYSTEM, Administrators and the entries is to be in the list. What else is in it is lost.
        type: bool
        default: false
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
        description: Executable of the application. One without an AppID is made an application.
        type: str
      service:
        description: Service the application runs as.
        type: str
  expected_accounts:
    description:
      - Accounts that tasks before this one create. In check mode they may be missing on the host and are shown by name.
      - Outside check mode an account that is missing is an error all the same.
    type: list
    elements: str
    default: []
  allow_anonymous:
    description: Permit grants to ANONYMOUS LOGON. Every run reports them in RV(exceptions).
    type: bool
    default: false
  allow_everyone:
    description: Permit grants to Everyone. Every run reports them in RV(exceptions).
    type: bool
    default: false
  assume_shipped:
    description:
      - Start from what Windows ships where a value is absent and Microsoft does not document what that means.
    type: bool
    default: false
  reason:
    description: Why exceptions are permitted. It is added to each of them.
    type: str
    default: ""
notes:
  - A limit that Group Policy sets is not written, because it would have no effect. Who is not let in by the policy is a
    warning.
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.dcom_permission
  - module: otsec.opc_dcom.opc_host
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Let the account of the historian use an OPC server that is a service, and nobody whom the last run let
  otsec.opc_dcom.dcom_grants:
    permissions:
      - scope: machine_limit
        kind: access
        entries: [{principal: .\OPCClientUser, rights: [remote_access]}]
      - scope: machine_limit
        kind: launch
        entries: [{principal: .\OPCClientUser, rights: [remote_activation]}]
      - scope: application
        prog_id: Vendor.OpcServer.1
        kind: access
        entries: [{principal: .\OPCClientUser, rights: [remote_access]}]
      - scope: application
        prog_id: Vendor.OpcServer.1
        kind: launch
        entries: [{principal: .\OPCClientUser, rights: [remote_activation]}]

- name: Let the server's account call back into a client program
  otsec.opc_dcom.dcom_grants:
    permissions:
      - scope: application
        program: C:\opc\client.exe
        kind: access
        entries: [{principal: 'PLANT\GW01$', rights: [remote_access]}]

- name: Take everything back
  otsec.opc_dcom.dcom_grants:
    permissions: []
"""

RETURN = r"""
before:
  description: Every list this is about, as lines of text.
  returned: success
  type: dict
after:
  description: The same as it is now, or in check mode would be.
  returned: success
  type: dict
restart_required:
  description: Services that run with old values until they are started again.
  returned: success
  type: list
  elements: str
reboot_required:
  description: Whether something that was written, now or before, counts only after a reboot.
  returned: success
  type: bool
reboot_reasons:
  description: What waits for the reboot.
  returned: success
  type: list
  elements: str
exceptions:
  description: What is weaker than this collection does on its own, with the option that permits it and the reason.
  returned: success
  type: list
  elements: str
"""
