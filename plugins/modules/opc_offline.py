# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_offline
short_description: Plan the DCOM settings of a host without WinRM, and write what to carry there
version_added: 0.1.0
description:
  - For hosts that cannot or must not be reached. The first run writes a script that collects facts on the host; it
    reads the registry only. The second run plans from these facts what M(otsec.opc_dcom.opc_host) would do, and writes
    a bundle of files to carry there, which a person can read and run, and take back.
  - After the bundle was run, new facts tell whether anything is left to do.
  - Works on the controller and contacts no host, so it runs for C(localhost) as well as for a host of the inventory.
options:
  desired:
    description:
      - The options of M(otsec.opc_dcom.opc_host) but those of snapshots, held to the same argument spec.
    type: dict
    required: true
  dest:
    description:
      - Directory on the controller for the files of this one host. Files of an earlier bundle are replaced, others are
        left alone.
    type: path
    required: true
  facts:
    description:
      - The file C(facts.txt) that the script has written on the host. Without it only the script is written.
    type: path
  sids:
    description:
      - SIDs by the names of accounts in O(desired), which nobody can look up here. On the host, C(whoami /user) and
        C(wmic useraccount get name,sid) tell them. Well-known accounts and C(NT SERVICE) accounts need none.
    type: dict
    default: {}
attributes:
  action:
    description: Runs as an action plugin on the controller; no host is contacted.
    support: full
  async:
    description: Supports being used with C(async).
    support: none
  become:
    description: Supports C(become). There is nothing to become.
    support: none
  check_mode:
    description: Can predict what would change without changing anything. No file is written then.
    support: full
  diff_mode:
    description: Shows what the bundle changes on the host, in names and words.
    support: full
  idempotent:
    description: A second run with the same options and facts changes nothing.
    support: full
  platform:
    description: The controller.
    support: full
    platforms: posix
notes:
  - Accounts are not made; make them on the host first.
  - Whether services run is not in the facts. They are taken to run unless they are disabled.
  - A reboot or a restart that an earlier bundle asked for cannot be seen to have happened.
  - C(apply.cmd) refuses to run on a host of another name, and stops at the first step that fails.
seealso:
  - module: otsec.opc_dcom.opc_host
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Write the script that collects the facts of a host
  otsec.opc_dcom.opc_offline:
    dest: "offline/{{ inventory_hostname }}"
    desired: &desired
      defaults:
        authentication_level: packet_integrity
      applications:
        - prog_id: Vendor.OpcServer.1
          authentication_level: packet_integrity
      grants:
        permissions:
          - scope: machine_limit
            kind: access
            entries: [{principal: .\OPCClientUser, rights: [remote_access]}]

- name: Plan from the facts that were brought back, and write the bundle
  otsec.opc_dcom.opc_offline:
    dest: "offline/{{ inventory_hostname }}"
    facts: "offline/{{ inventory_hostname }}/facts.txt"
    desired: *desired
    sids:
      .\OPCClientUser: S-1-5-21-1085031214-1563985344-725345543-1003
  register: bundle

- name: Show what is to be done there
  ansible.builtin.debug:
    var: bundle.steps
"""

RETURN = r"""
steps:
  description: What the bundle does, in order. None when the host is as desired, or without O(facts).
  returned: success
  type: list
  elements: str
  sample: ["set LegacyAuthenticationLevel of HKLM\\SOFTWARE\\Microsoft\\Ole"]
files:
  description: The files in O(dest).
  returned: success
  type: list
  elements: str
  sample: [README.txt, SHA256SUMS, apply-1.reg, apply.cmd, collect.cmd, undo-1.reg, undo.cmd]
computer_name:
  description: The name of the host by its facts.
  returned: with O(facts)
  type: str
  sample: GW03
before:
  description: What the facts say, by section, as M(otsec.opc_dcom.opc_host) returns it.
  returned: with O(facts)
  type: dict
after:
  description: The same sections as they will be.
  returned: with O(facts)
  type: dict
reboot_required:
  description: Whether the host must reboot after the bundle was run.
  returned: with O(facts)
  type: bool
reboot_reasons:
  description: What must be in force and is not before a reboot.
  returned: with O(facts)
  type: list
  elements: str
restart_required:
  description: Services to restart on the host after the bundle was run.
  returned: with O(facts)
  type: list
  elements: str
exceptions:
  description: What is weaker than recommended and was asked for.
  returned: with O(facts)
  type: list
  elements: str
"""
