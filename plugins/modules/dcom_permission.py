# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dcom_permission
short_description: COM access and launch permissions of a Windows host
version_added: 0.1.0
description:
  - Sets who may call, launch and activate COM servers, in the machine limits, the machine defaults or one application.
  - Entries of others, deny entries, owner, group and SACL are kept. What is written is in canonical order.
  - Entries are judged by what is in force. An application without an access control list of its own has the entries of
    the machine default; if those are not enough, it gets a list of its own that starts from the default.
  - A call passes the machine access limit and the access permission; a launch or activation passes the machine access
    limit, the machine launch limit and the launch permission. So an account needs entries at every door.
options:
  scope:
    description:
      - Which value is meant. V(machine_limit) bounds everybody (dcomcnfg, I(Edit Limits)), V(machine_default) counts
        for applications without an own list (I(Edit Default)), V(application) is the list of one application.
      - Machine limits are not changed while Group Policy sets them, see O(even_if_policy_overrides).
    type: str
    choices: [machine_limit, machine_default, application]
    required: true
  kind:
    description: Whether the permission to call objects or the permission to launch and activate servers is meant.
    type: str
    choices: [access, launch]
    required: true
  state:
    description:
      - V(present) gives the rights beside what the principals have, V(absent) takes them away, V(exact) makes the list
        these entries and no others, V(default) makes the value what Windows ships.
      - V(default) deletes the value of an application and the default access permission, because Windows ships none.
        The limits of Windows 10 and Server 2016 and later are known from one tool only, Microsoft does not publish
        them.
    type: str
    choices: [present, absent, exact, default]
    default: present
  entries:
    description: The entries. Not used with O(state=default), and not together with O(sddl).
    type: list
    elements: dict
    suboptions:
      principal:
        description:
          - An account or group as C(DOMAIN\name), C(.\name), C(name@domain), C(name) (the host first, then its domain),
            C(DOMAIN\HOST$) or SID.
          - Well-known names such as C(Administrators), C(SYSTEM) or C(ANONYMOUS LOGON) are understood in English on
            every Windows. C(NT SERVICE\name) is computed.
        type: str
        required: true
      rights:
        description:
          - Rights by their names in dcomcnfg. Access has V(local_access) and V(remote_access), launch the four others.
          - Only O(state=absent) may leave them out, which takes away every right.
        type: list
        elements: str
        choices: [local_access, remote_access, local_launch, remote_launch, local_activation, remote_activation]
      type:
        description:
          - Whether the entry allows or denies. With O(state=absent), which entries are taken away.
          - A deny entry overrules every allow entry of the same right.
        type: str
        choices: [allow, deny]
        default: allow
  sddl:
    description:
      - For experts, with O(state=exact). The whole descriptor as SDDL.
      - Owner, group and SACL stay as they are where the text does not name them.
    type: str
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
    description: Executable of the application, with or without its path, if it is mapped to an AppID.
    type: str
  service:
    description: Service the application runs as (its C(LocalService)).
    type: str
  allow_lockout:
    description:
      - Write also what leaves SYSTEM or Administrators without the rights that Windows and its administration need.
      - Administrators need every right in the launch limit; both need local rights everywhere, but for Administrators
        and the access permission of an application.
    type: bool
    default: false
  allow_null_dacl:
    description: Write also an O(sddl) without a DACL, which gives everybody, anonymous included, every right.
    type: bool
    default: false
  allow_anonymous:
    description: Write also entries that give ANONYMOUS LOGON remote rights. KB5004442 does not stop anonymous calls.
    type: bool
    default: false
  allow_everyone:
    description:
      - Write also entries that give Everyone remote rights.
      - Not needed for the machine access limit, which Windows ships with such an entry.
    type: bool
    default: false
  allow_old_format:
    description: Write also an O(sddl) with masks of C(0x1) alone, which mean every right.
    type: bool
    default: false
  even_if_policy_overrides:
    description: Change a machine limit also while Group Policy sets it, for the day the policy is gone.
    type: bool
    default: false
  repair:
    description:
      - What to do with a value to which no entry can be added. Without it the task fails and says what is wrong.
      - A descriptor that COM rejects (missing owner or group, masks without C(0x1), mixed formats) is corrected. One
        without a DACL, a value of another type, and bytes that are no descriptor make room for what Windows ships.
      - Not needed with O(state=exact) and O(state=default), which replace whatever is there.
    type: bool
    default: false
  assume_shipped:
    description:
      - Where a machine limit or the default launch permission is absent, start from what Windows ships.
      - Microsoft does not document what Windows does without these values, so the task fails otherwise.
    type: bool
    default: false
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.dcom_application
  - module: otsec.opc_dcom.dcom_info
  - module: otsec.opc_dcom.opc_host
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Let the OPC users through the machine limits
  otsec.opc_dcom.dcom_permission:
    scope: machine_limit
    kind: "{{ item.kind }}"
    entries:
      - principal: FACTORY\OPC Users
        rights: "{{ item.rights }}"
  loop:
    - {kind: access, rights: [local_access, remote_access]}
    - {kind: launch, rights: [local_activation, remote_activation]}

- name: Only these may call the OPC server
  otsec.opc_dcom.dcom_permission:
    scope: application
    kind: access
    prog_id: Vendor.OpcServer.1
    state: exact
    entries:
      - {principal: SYSTEM, rights: [local_access, remote_access]}
      - {principal: Administrators, rights: [local_access, remote_access]}
      - {principal: FACTORY\OPC Users, rights: [remote_access]}

- name: Take Everyone out of the launch permission of OpcEnum
  otsec.opc_dcom.dcom_permission:
    scope: application
    kind: launch
    service: OpcEnum
    state: absent
    entries:
      - principal: Everyone

- name: Back to what Windows ships
  otsec.opc_dcom.dcom_permission:
    scope: machine_default
    kind: access
    state: default
"""

RETURN = r"""
before:
  description:
    - The value as it was, one entry a line under the name of the value, by names and rights.
    - For an application also its name and AppID, for an overridden limit also what Group Policy says.
  returned: success
  type: dict
  sample: {"default_access_permission": ["absent: what Windows has built in counts"]}
after:
  description: The same as it is now, or in check mode would be.
  returned: success
  type: dict
  sample: {"default_access_permission": ["allow  FACTORY\\OPC Users  local_access, remote_access"]}
exceptions:
  description: What was dangerous and permitted by an option, with the name of the option. Meant for the auditor.
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
  sample: [machine_launch_restriction]
restart_required:
  description: Services that must be restarted for the change to reach them.
  returned: success
  type: list
  elements: str
  sample: [OpcEnum]
"""
