# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_diagnosis
short_description: Why OPC links fail, the most likely cause first, and what to do
version_added: 0.1.0
description:
  - Joins what M(otsec.opc_dcom.opc_end_info), M(otsec.opc_dcom.dcom_event_info) and M(otsec.opc_dcom.dcom_info) have
    read of the hosts of a site to an ordered list of problems. Each has its cause, where to act, the evidence, what to
    do, and the command that does it.
  - For each way of each link (to the OPC server, to OpcEnum, and back) there is one cause; what follows from it, such
    as the refusal of the anonymous caller after a failed logon, is its evidence.
  - Works on the controller and contacts no host, so it can run for C(localhost).
options:
  links:
    description: Links as P(otsec.opc_dcom.opc_links#filter) makes them of the site model.
    type: list
    elements: dict
    required: true
  ends:
    description: The RV(otsec.opc_dcom.opc_end_info#module:end) of hosts, by their name in the links.
    type: dict
    default: {}
  unreached:
    description: Hosts that were asked and did not answer, by their name in the links.
    type: list
    elements: str
    default: []
  events:
    description:
      - The RV(otsec.opc_dcom.dcom_event_info#module:dcom_events) of hosts, by their name in the links. Without them
        nothing is known of passwords, logon rights, and what programs set by themselves.
    type: dict
    default: {}
  machines:
    description:
      - The RV(otsec.opc_dcom.dcom_info#module:dcom) of hosts. Their findings come last; their boot times tell which
        events are over.
    type: dict
    default: {}
  inventory:
    description: Inventory sources that the commands are to name, usually C(ansible_inventory_sources).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - otsec.opc_dcom.attributes.controller
notes:
  - Commands hold names of the site model only, never what a host or an event says, because people copy them.
seealso:
  - module: otsec.opc_dcom.opc_link_info
  - module: otsec.opc_dcom.dcom_event_info
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Find the causes
  otsec.opc_dcom.opc_diagnosis:
    links: "{{ opc_site | otsec.opc_dcom.opc_links(inventory=groups['all']) }}"
    ends: "{{ dict(hosts | zip(hosts | map('extract', hostvars, ['end', 'end']))) }}"
    events: "{{ dict(hosts | zip(hosts | map('extract', hostvars, ['events', 'dcom_events']))) }}"
  register: diagnosis
  run_once: true
  vars:
    hosts: "{{ ansible_play_hosts }}"

- name: Show them, one a line
  ansible.builtin.debug:
    var: diagnosis.summary
"""

RETURN = r"""
problems:
  description:
    - The problems, the most likely cause of most links first.
    - RV(ignore:certainty) is V(refuses) (configured so now), V(logged) (only a log can show it), V(likely),
      V(possible), or V(weakness) (a finding for which no link fails).
    - RV(ignore:cause) is a stable word. RV(ignore:host) is where to act, RV(ignore:ways) and RV(ignore:links) what is
      concerned, RV(ignore:why) the evidence, RV(ignore:do) what to do, RV(ignore:commands) the commands in their order,
      none where only a hand can help.
  returned: success
  type: list
  elements: dict
  sample:
    - cause: password_wrong
      certainty: logged
      host: gw01
      layer: account
      ways: [connect]
      links: [history]
      what: the password of OPCClientUser is not the one of the other host
      why: ["event 4625 (2x, last 2026-03-02 06:01:00): HIST01\\OPCClientUser from hist01 (10.0.0.21) could not log on"]
      do: give OPCClientUser the same password on both hosts ...
      commands:
        - ansible-playbook otsec.opc_dcom.harden_opc -i site.ini --limit gw01 -e opc_accounts_update_password=always
      line: "gw01 (history): the password of OPCClientUser is not the one of the other host. Why: ..."
summary:
  description: One line for each problem, numbered.
  returned: success
  type: list
  elements: str
"""
