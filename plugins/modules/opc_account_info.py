# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_account_info
short_description: Local accounts of OPC links on a Windows host, and whether Ansible can create them
version_added: 0.1.0
description:
  - Tells which local accounts are there, and what is wrong with them (disabled, locked out, password expires).
  - Tells whether the host has a PowerShell that Ansible's modules for accounts can run in. Where it has none, or where
    the modules are not allowed to run, RV(manual_steps) are the commands to run on the host by hand.
  - No password is tried, so no account can be locked out by it.
options:
  names:
    description: Names of local accounts, without a host or domain. A name that Windows would refuse is refused here.
    type: list
    elements: str
    required: true
  groups:
    description: Local groups the accounts are to be members of, by name or SID.
    type: list
    elements: str
    default: []
  deny_interactive_logon:
    description: Whether the accounts are to be denied to log on locally.
    type: bool
    default: false
  services:
    description:
      - Names of services, and the account each is to run as, such as C(.\OPCServerUser), C(DOMAIN\name), C(NT
        SERVICE\name) or C(LocalSystem). A name out of O(names) is a local account. No service is changed.
    type: dict
    default: {}
  update_password:
    description: With V(always) there is work to do whatever is found. No password is asked for here.
    type: str
    choices: [on_create, always]
    default: on_create
extends_documentation_fragment:
  - otsec.opc_dcom.attributes.info
seealso:
  - module: ansible.windows.win_user
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: See whether the accounts of the links are there
  otsec.opc_dcom.opc_account_info:
    names: [OPCServerUser, OPCClientUser]
  register: accounts
"""

RETURN = r"""
accounts:
  description: The accounts that are there, each with what Windows says of it and RV(ignore:troubles).
  returned: success
  type: list
  elements: dict
sids:
  description: The SIDs of these accounts, by name.
  returned: success
  type: dict
missing:
  description: Names of the accounts that are not there.
  returned: success
  type: list
  elements: str
in_order:
  description:
    - Whether every account is there, has no trouble and is in all of O(groups), and every service runs as its account.
      False where O(deny_interactive_logon) is asked for, because user rights cannot be read.
  returned: success
  type: bool
needs_work:
  description: Whether something is not in order, or O(update_password) asks for work.
  returned: success
  type: bool
powershell:
  description: Version of Windows PowerShell; empty where there is none. Not looked for where all is in order.
  returned: success
  type: str
  sample: 5.1.17763.1
can_create:
  description:
    - Whether PowerShell is new enough for Ansible's modules. Newer ansible-core may ask for more, and policy may forbid
      PowerShell to run; M(ansible.windows.win_ping) tells. Not known where all is in order.
  returned: success
  type: bool
services:
  description:
    - The services of O(services), each with its account now, and whether that is the wanted one (RV(ignore:as_wanted)).
  returned: success
  type: list
  elements: dict
exceptions:
  description: Services that are wanted to run as LocalSystem.
  returned: success
  type: list
  elements: str
manual_steps:
  description:
    - What to do by hand where Ansible cannot, in this order, as an administrator at a command prompt of the host. The
      commands ask for passwords. What Windows has no command for names the dialog (C(....msc)).
  returned: success
  type: list
  elements: str
"""
