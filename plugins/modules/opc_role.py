# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_role
short_description: What the role opc_server or opc_client does to a host, in one task
version_added: 0.1.0
description:
  - Works out what the variables of the role, the site model and the tags of the run ask of the host, as
    M(otsec.opc_dcom.opc_site_info) does. Looks at the local accounts of its links, as
    M(otsec.opc_dcom.opc_account_info) does. Brings the host there, as M(otsec.opc_dcom.opc_host) does. All of it over
    one connection.
  - The tasks of the roles use it. It knows their variables only where the role is, that is in its tasks or after it.
  - Of a site model it checks what concerns the host. M(otsec.opc_dcom.opc_site_info) checks all links, as the playbook
    C(harden_opc) does before it changes the first host.
  - A host of which nothing is asked is not contacted, and the task is skipped.
options:
  role:
    description: The role.
    type: str
    choices: [server, client]
    required: true
  accounts:
    description:
      - What an earlier task found of the accounts (RV(accounts)), once they have been put in order. They are not looked
        at again.
    type: dict
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.opc_host
  - module: otsec.opc_dcom.opc_site_info
  - module: otsec.opc_dcom.opc_account_info
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Make the variables of the role known
  ansible.builtin.include_role:
    name: otsec.opc_dcom.opc_server
    tasks_from: variables.yml
    public: true

- name: Do what the role does, without its accounts and handlers
  otsec.opc_dcom.opc_role:
    role: server
  register: server
"""

RETURN = r"""
accounts_first:
  description:
    - Whether an account has to be made or changed, or something is to be said of whom services run as. Then nothing
      else was looked at, and nothing changed; ask again with O(accounts).
  returned: success
  type: bool
accounts:
  description: What M(otsec.opc_dcom.opc_account_info) returns.
  returned: when RV(accounts_first), or with O(accounts)
  type: dict
account_names:
  description: The local accounts that both ends of the links of the host must know.
  returned: when RV(accounts_first)
  type: list
  elements: str
accounts_with_password:
  description: Those of them whose password is known, as they may have to be created.
  returned: when RV(accounts_first)
  type: list
  elements: str
options:
  description: The options of M(otsec.opc_dcom.opc_host) that the role gives on this host.
  returned: success
  type: dict
takes_links:
  description:
    - Whether the role sets what the links of the host need. On a host with both roles it is the first of them.
  returned: success
  type: bool
is_preview:
  description: Whether it only says what it would do, as in check mode and in an audit.
  returned: success
  type: bool
has_more:
  description: Whether accounts come first, or anything waits for a reboot or for the restart of a service.
  returned: success
  type: bool
before:
  description: What differs from RV(after), by section of M(otsec.opc_dcom.opc_host); empty without a change.
  returned: when something was looked at
  type: dict
after:
  description: What it is brought to.
  returned: when something was looked at
  type: dict
restart_required:
  description: Services that still run with values that were replaced.
  returned: success
  type: list
  elements: str
reboot_required:
  description: Whether settings wait for a reboot, of this run or of an earlier one.
  returned: success
  type: bool
reboot_reasons:
  description: The settings that wait.
  returned: when something was looked at
  type: list
  elements: str
exceptions:
  description: What is weaker than usual, and why.
  returned: success
  type: list
  elements: str
snapshot:
  description: Name of the snapshot that was saved on the host before the first change.
  returned: when something was changed
  type: str
"""
