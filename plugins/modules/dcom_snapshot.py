# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dcom_snapshot
short_description: Save and restore what this collection can touch on a Windows host
version_added: 0.1.0
description:
  - Saves registry values (bit-exact, also that a value was absent or of a wrong type), firewall rules, and start mode,
    account and state of services. M(otsec.opc_dcom.opc_host) takes a snapshot before the first change of a run.
  - Snapshots are kept on the host, below C(HKLM\SOFTWARE\otsec\opc_dcom), and on the controller where O(path) is
    given. They hold no secrets.
  - A restore is one transaction like any other change, and takes a snapshot of its own, so it can be undone too. It
    puts back what the snapshot holds, and what only later snapshots hold as it was before the first of them.
  - Accounts and group memberships are not part of a snapshot.
options:
  state:
    description:
      - V(saved) takes a snapshot, unless the newest one holds the same.
      - V(restored) brings the host back to a snapshot.
      - V(listed) and V(shown) only read.
      - V(absent) deletes the snapshot O(name), or all of them.
    type: str
    choices: [saved, restored, listed, shown, absent]
    default: saved
  name:
    description:
      - Which snapshot, for V(restored), V(shown) and V(absent).
      - V(latest), which is the default, is the newest one that was not taken by a restore, so restoring it twice
        changes nothing. V(first) leads back to the state before this collection changed anything.
      - V(all) with O(state=absent) deletes all.
    type: str
  path:
    description:
      - With O(state=saved), the file or directory on the controller for a copy.
      - With O(state=restored) and O(state=shown), the file to read instead of the host.
    type: path
  keep:
    description: How many of the newest snapshots are kept on the host. The first one is always kept besides.
    type: int
    default: 5
  reason:
    description: Why the snapshot is taken, shown by O(state=listed).
    type: str
    default: by hand
  applications:
    description: With O(state=saved), applications to save besides OpcEnum and the machine-wide settings.
    type: list
    elements: dict
    suboptions:
      app_id:
        description: AppID of the application.
        type: str
      name:
        description: Display name of the application in dcomcnfg.
        type: str
      prog_id:
        description: ProgID of one of its classes.
        type: str
      clsid:
        description: CLSID of one of its classes.
        type: str
      program:
        description: Name or path of its executable.
        type: str
      service:
        description: Its service.
        type: str
  accept_other_windows:
    description: Restore a snapshot of this host that was taken under another version of Windows.
    type: bool
    default: false
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.opc_host
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Save what could be touched, here and on the controller
  otsec.opc_dcom.dcom_snapshot:
    path: /var/lib/opc/snapshots/
    applications:
      - prog_id: Prediktor.ApisOPCServer.1

- name: See which snapshots there are
  otsec.opc_dcom.dcom_snapshot:
    state: listed
  register: list

- name: Undo the last hardening run
  otsec.opc_dcom.dcom_snapshot:
    state: restored

- name: Go back to the state before the collection came
  otsec.opc_dcom.dcom_snapshot:
    state: restored
    name: first
"""

RETURN = r"""
snapshot:
  description: The name of the snapshot that was taken or, with O(state=shown), what it is.
  returned: saved, restored, shown
  type: raw
  sample: 20261122T060000Z
snapshots:
  description: Name, time, kind, reason, Windows version and number of items of every snapshot, oldest first.
  returned: listed
  type: list
  elements: dict
contents:
  description: What the snapshot holds, one line an item, permissions as SDDL.
  returned: saved, shown
  type: list
  elements: str
path:
  description: Where the copy on the controller is.
  returned: saved with O(path)
  type: str
deleted:
  description: The snapshots that were deleted.
  returned: absent
  type: list
  elements: str
before:
  description: What a restore changes, as it was.
  returned: restored
  type: dict
after:
  description: The same as it is now, or in check mode would be.
  returned: restored
  type: dict
reboot_required:
  description: Whether something that was written, now or by an earlier run, counts only after a reboot.
  returned: restored
  type: bool
reboot_reasons:
  description: What waits for the reboot.
  returned: restored
  type: list
  elements: str
restart_required:
  description: Services that run with values that were replaced.
  returned: restored
  type: list
  elements: str
"""
