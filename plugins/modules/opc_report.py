# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_report
short_description: Writes a report of an OPC site as one HTML file, JSON and JUnit XML
version_added: 0.1.0
description:
  - Puts what other modules have read of the hosts of a site into a report for people (one self-contained HTML file that
    loads nothing), for programs (JSON) and for pipelines (JUnit XML).
  - It shows the causes of links that fail, a map of all links with every layer on the way, the settings of each host
    now and in an earlier report, patch levels, pending reboots, exceptions with their reasons, and events over time.
  - Works on the controller and contacts no host, so it can run for C(localhost). Whatever a host says is escaped.
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
  path:
    description: Directory on the controller for the files; it is made if it is not there.
    type: path
    required: true
  name:
    description: Name of the files, without an ending.
    type: str
    default: opc_report
  formats:
    description: Which files to write. V(html) ends in C(.html), V(json) in C(.json), V(junit) in C(.xml).
    type: list
    elements: str
    choices: [html, json, junit]
    default: [html, json, junit]
  title:
    description: Name of the site in the report.
    type: str
    default: OPC site
  time:
    description:
      - When the hosts were read, in ISO 8601 with the zone. Without it, now.
      - Files that say the same but for the time are left as they are.
    type: str
  audits:
    description:
      - What differs on each host and what is an exception, by host, as lists C(drift) and C(exceptions). The playbook
        C(report_opc) gets them of the roles in check mode.
    type: dict
    default: {}
  policies:
    description:
      - Results of M(otsec.opc_dcom.opc_host_policy) in check mode, by host. What it would change is reported as an
        exception that was found.
    type: dict
    default: {}
  snapshots:
    description:
      - Results of M(otsec.opc_dcom.dcom_snapshot) with C(state=shown) and C(name=first), by host, for what was there
        before the collection changed anything.
    type: dict
    default: {}
  earlier:
    description: JSON file of an earlier report, for the value of each setting before.
    type: path
  mode:
    description: Permissions of the files, octal and in quotes. A report tells attackers much.
    type: str
    default: "0600"
attributes:
  action:
    description: Runs as an action plugin on the controller; no host is contacted.
    support: full
  async:
    description: Supports being used with C(async).
    support: none
  become:
    description: Supports C(become). The files belong to who runs Ansible.
    support: none
  check_mode:
    description: Can predict what would change without changing anything.
    support: full
  diff_mode:
    description: Shows what changes. A report is too long for that.
    support: none
  idempotent:
    description: A second run with the same options, but for the time, changes nothing.
    support: full
  platform:
    description: The controller.
    support: full
    platforms: posix
seealso:
  - module: otsec.opc_dcom.opc_diagnosis
  - module: otsec.opc_dcom.opc_link_info
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Write the report of the site
  otsec.opc_dcom.opc_report:
    title: Plant North
    path: reports
    links: "{{ opc_site | otsec.opc_dcom.opc_links(inventory=groups['all']) }}"
    ends: "{{ dict(hosts | zip(hosts | map('extract', hostvars, ['end', 'end']))) }}"
    machines: "{{ dict(hosts | zip(hosts | map('extract', hostvars, ['info', 'dcom']))) }}"
    earlier: reports/2026-02/opc_report.json
  register: report
  run_once: true
  vars:
    hosts: "{{ ansible_play_hosts }}"
"""

RETURN = r"""
files:
  description: Where each format is, by its name in O(formats).
  returned: success
  type: dict
  sample: {"html": "reports/opc_report.html", "json": "reports/opc_report.json", "junit": "reports/opc_report.xml"}
generated:
  description: The time in the report; that of the files that are there if they say the same.
  returned: success
  type: str
counts:
  description: How many links, hosts, causes and exceptions there are, as in the summary of the report.
  returned: success
  type: dict
failing:
  description: Names of the links that fail.
  returned: success
  type: list
  elements: str
unknown:
  description: Names of the links of which not everything is known.
  returned: success
  type: list
  elements: str
"""
