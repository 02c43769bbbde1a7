# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dcom_event_info
short_description: Events about DCOM and failed logons, explained
version_added: 0.1.0
description:
  - Reads events 10000 to 10038 of DCOM from the System log, and failed logons (4625) and blocked connections (5157)
    from the Security log, counts what is alike, and says of each group what happened and what to do about it.
  - With the site model, callers and addresses are joined to its hosts, accounts and links.
  - Reads also the log files and alarm texts of Prediktor APIS that a user gives.
  - Works on Windows in any language. What cannot be read is noted, and never fails the task.
options:
  logs:
    description: Logs to read, each with one query.
    type: list
    elements: str
    choices: [system, security]
    default: [system, security]
  since:
    description:
      - How far back to read. A period, such as V(30m), V(24h), V(7d) or V(2w), counts from the clock of the host; a
        time in ISO 8601 needs its zone, such as V(2026-03-01T06:00:00Z).
      - Without it, everything the log still has.
    type: str
  after_record:
    description: Reads only records after these, so that a repeated task reads each event once.
    type: dict
    suboptions:
      system:
        description: RV(dcom_events.logs.system.newest_record_id) of an earlier run.
        type: int
      security:
        description: RV(dcom_events.logs.security.newest_record_id) of an earlier run.
        type: int
  max_events:
    description: How many events to read from each log at most, the newest, from 1 to 5000.
    type: int
    default: 500
  opc_site:
    description:
      - The site model, usually C({{ opc_site }}). A model without links is completed by the groups C(opc_servers) and
        C(opc_clients) and the variables of the roles.
      - Passwords in it are not used and not shown.
    type: dict
  apis_logs:
    description:
      - Log files of APIS B(on the controller), such as M(ansible.builtin.fetch) brings them. Of a file larger than
        200 MiB the end is read.
      - The host of the task is taken as the client that wrote them.
    type: list
    elements: path
    default: []
  apis_text:
    description: Lines of such a log, or an alarm text.
    type: str
extends_documentation_fragment:
  - otsec.opc_dcom.attributes.info
notes:
  - Reading needs a remote cmd shell, through which C(wevtutil.exe) runs. The Security log needs an administrator or a
    member of Event Log Readers.
  - COM writes refused calls and launches only where M(otsec.opc_dcom.dcom_logging) lets it, and Windows audits blocked
    connections only where its audit policy says so.
  - Whoever can make a host write events chooses texts in them. Control characters in them are shown as escapes such as
    C(\\x1b); do not pass them to a shell.
seealso:
  - module: otsec.opc_dcom.dcom_logging
  - module: otsec.opc_dcom.dcom_info
  - plugin: otsec.opc_dcom.opc_weak_activations
    plugin_type: filter
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Read what went wrong in the last day
  otsec.opc_dcom.dcom_event_info:
    since: 24h
    opc_site: "{{ opc_site }}"
  register: events

- name: Show what to do
  ansible.builtin.debug:
    msg: "{{ item.count }} x {{ item.what }}. Do: {{ item.fix }}"
  loop: "{{ events.dcom_events.groups }}"
  loop_control:
    label: "{{ item.event_id }}"

- name: Read what is new since then
  otsec.opc_dcom.dcom_event_info:
    after_record:
      system: "{{ events.dcom_events.logs.system.newest_record_id | default(omit, true) }}"
      security: "{{ events.dcom_events.logs.security.newest_record_id | default(omit, true) }}"

- name: Explain a log file of APIS that was fetched before
  otsec.opc_dcom.dcom_event_info:
    logs: []
    apis_logs:
      - "fetched/{{ inventory_hostname }}/ApisHive.log"
    opc_site: "{{ opc_site }}"
"""

RETURN = r"""
dcom_events:
  description: What was read.
  returned: success
  type: dict
  contains:
    host:
      description: Inventory name of the host.
      type: str
    computer:
      description: Name of the computer as its events have it; null without events.
      type: str
    addresses:
      description: Addresses of the host that peers may see, as far as they are known.
      type: list
      elements: str
    groups:
      description:
        - Events that say the same, the urgent ones first. RV(ignore:what) is a sentence, RV(ignore:fix) what to do.
        - RV(ignore:data) has the data by names of this collection, RV(ignore:fields) those of the newest event by the
          names of Windows. RV(ignore:times) are the newest 20 times.
        - RV(ignore:host) is the other host in the site model, RV(ignore:account) the account, RV(ignore:links) the
          links, and RV(ignore:expected_accounts) whom these links expect; RV(ignore:is_undeclared) says that no link
          has that host, or that the site model does not know it.
      type: list
      elements: dict
      sample:
        - log: system
          event_id: 10036
          provider: Microsoft-Windows-DistributedCOM
          severity: critical
          what: "PLANT\\opc from hist01 (10.0.0.21) was refused: it activates below Packet Integrity, ..."
          fix: set authentication_level to packet_integrity on the client ...
          count: 12
          first_time: "2026-03-01T05:58:00.000000Z"
          last_time: "2026-03-01T06:00:00.000000Z"
          times: ["2026-03-01T06:00:00.000000Z"]
          newest_record_id: 1001
          is_remote: true
          is_incomplete: false
          data: {domain: PLANT, user: opc, sid: S-1-5-21-1-2-3-1000, address: 10.0.0.21}
          fields: [{name: Domain Name, text: PLANT}]
          host: hist01
          account: PLANT\opc
          links: ["hist01 apis_hive -> gw01 apis_hive"]
          expected_accounts: [PLANT\opc]
          is_undeclared: false
    logs:
      description: How far each log was read.
      type: dict
      contains:
        system:
          description: The System log.
          type: dict
          contains:
            is_read:
              description: Whether the log could be read; RV(dcom_events.notes) says why not.
              type: bool
            events:
              description: How many events were read.
              type: int
            newest_record_id:
              description: For O(after_record.system) of a later run; null without events.
              type: int
            oldest_time:
              description: Time of the oldest event that was read.
              type: str
            is_limited:
              description: Whether there are more events than were read.
              type: bool
            cleared_time:
              description: When the log was cleared, if it was since its oldest event that was read.
              type: str
        security:
          description: The Security log.
          type: dict
          contains:
            is_read:
              description: Whether the log could be read; RV(dcom_events.notes) says why not.
              type: bool
            events:
              description: How many events were read.
              type: int
            newest_record_id:
              description: For O(after_record.security) of a later run; null without events.
              type: int
            oldest_time:
              description: Time of the oldest event that was read.
              type: str
            is_limited:
              description: Whether there are more events than were read.
              type: bool
            cleared_time:
              description: When the log was cleared, if it was since its oldest event that was read.
              type: str
    apis:
      description:
        - Messages of APIS that say the same, in a similar form. RV(ignore:message) is V(create_server), V(browse) or
          V(callback); times are local times of the host as its log has them.
      type: list
      elements: dict
    notes:
      description: What could not be read, and what makes counts too low.
      type: list
      elements: str
"""
