# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_link_info
short_description: Would these OPC links work, and what is the first thing that refuses?
version_added: 0.1.0
description:
  - Judges every layer of a link in the order one looks for a cause, from what M(otsec.opc_dcom.opc_end_info) has read
    of both hosts. The layers are the client program, name and address, the firewalls of client and server, the endpoint
    mapper, the account, the authentication level against the patch level, the class registration, the launch and
    activation limit, the launch permission, the start of the program, the access limit, and the access permission.
  - OpcEnum (for links that browse) and the callback (for links that subscribe) are judged in the same way.
  - Works on the controller and contacts no host, so it can run for C(localhost).
  - Judged is what is configured. Whether both hosts have the same password for an account, logon rights, routers in
    between and what a program sets by itself can not be seen that way.
options:
  links:
    description: Links as P(otsec.opc_dcom.opc_links#filter) makes them of the site model.
    type: list
    elements: dict
    required: true
  ends:
    description:
      - The RV(otsec.opc_dcom.opc_end_info#module:end) of hosts, by their name in the links. What a host decides that is
        not among them is unknown.
    type: dict
    default: {}
  unreached:
    description: Hosts that were asked and did not answer, by their name in the links.
    type: list
    elements: str
    default: []
  layers:
    description:
      - Which layers of a link RV(links) has. V(not_ok) leaves out those that are in order, so that the result for a
        thousand links fits into an event of AWX.
    type: str
    choices: [all, not_ok]
    default: all
    version_added: 0.1.0
extends_documentation_fragment:
  - otsec.opc_dcom.attributes.controller
seealso:
  - module: otsec.opc_dcom.opc_end_info
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Judge the links of the site
  otsec.opc_dcom.opc_link_info:
    links: "{{ opc_site | otsec.opc_dcom.opc_links(inventory=groups['all']) }}"
    ends: "{{ dict(ansible_play_hosts | zip(ansible_play_hosts | map('extract', hostvars, ['end', 'end']))) }}"
  register: verdict
  run_once: true

- name: Show them, one a line
  ansible.builtin.debug:
    var: verdict.summary
"""

RETURN = r"""
links:
  description:
    - Each link with its name, where the model says so, whether it works (null when something is not known), the layer
      that refuses first, that layer's evidence and fix, what is unknown, all layers, what is not in force yet, and
      advice.
  returned: success
  type: list
  elements: dict
failing:
  description: Names of the links that do not work.
  returned: success
  type: list
  elements: str
unknown:
  description: Names of the links of which not everything is known.
  returned: success
  type: list
  elements: str
pending:
  description: What is configured on a host and counts only after a reboot or a restart of a service.
  returned: success
  type: list
  elements: str
advice:
  description:
    - What to do although links work. Clients that the next update of their server would lock out, and servers that do
      not require Packet Integrity. For a server that cannot be updated that is a gateway of OPC UA.
  returned: success
  type: list
  elements: str
summary:
  description: One line for each link.
  returned: success
  type: list
  elements: str
  sample:
    - "works   historian -> gw01"
    - "FAILS   trends: access_limit on gw01: machine_access_limit does not give .\\OPCTrendUser remote_access (no_ace)"
"""
