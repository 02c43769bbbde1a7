# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_host_policy
short_description: Windows settings that OPC guides tell people to weaken
version_added: 0.1.0
description:
  - Puts UAC, remote UAC, anonymous access, the sharing model and the RPC port range to what is safe, or against better
    advice to what an old guide asks for.
  - Nothing is touched unless it is named. A weak setting needs O(allow_weak=true) and is reported in RV(exceptions) by
    every run. OPC over DCOM needs none of them.
options:
  uac:
    description: User Account Control (C(EnableLUA)). V(default) deletes the value. Counts after a reboot.
    type: str
    choices: [enabled, disabled, default]
  remote_local_administrators:
    description:
      - Whether local administrators other than the built-in one have full rights over the network
        (C(LocalAccountTokenFilterPolicy)).
      - Ansible itself may depend on V(full), see O(allow_lockout).
    type: str
    choices: [filtered, full, default]
  everyone_includes_anonymous:
    description: Whether entries for Everyone admit anonymous callers too (C(EveryoneIncludesAnonymous)).
    type: bool
  network_logons:
    description: The sharing model for local accounts (C(ForceGuest)). V(as_guest) makes everybody the Guest.
    type: str
    choices: [as_themselves, as_guest]
  dcom_ports:
    description:
      - The TCP ports that RPC servers get, such as V(50000-50200); V(default) lets Windows decide.
      - At least 100 ports above 5000, without a port of WinRM. It concerns every RPC server of the host, counts after a
        reboot, and is not needed for firewall rules of programs.
    type: str
  allow_weak:
    description: Do what was asked although it weakens the host.
    type: bool
    default: false
  allow_lockout:
    description:
      - Take away what may give the account of this run its rights over the network, O(uac=disabled) or
        O(remote_local_administrators=full). Harmless when it is a domain account or the built-in Administrator.
    type: bool
    default: false
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.opc_host
  - module: otsec.opc_dcom.opc_reboot
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Undo what an old commissioning guide asked for
  otsec.opc_dcom.opc_host_policy:
    uac: enabled
    everyone_includes_anonymous: false
    network_logons: as_themselves

- name: Keep RPC servers within a range that a network firewall lets through
  otsec.opc_dcom.opc_host_policy:
    dcom_ports: 50000-50255
"""

RETURN = r"""
before:
  description: The settings that were asked for as they were, in words.
  returned: success
  type: dict
  sample: {"uac": "disabled (0)"}
after:
  description: The same settings as they are now, or in check mode would be.
  returned: success
  type: dict
  sample: {"uac": "enabled (1)"}
exceptions:
  description: What is weak because it was asked for. Meant for the auditor.
  returned: success
  type: list
  elements: str
  sample: ["uac: disabled (allow_weak)"]
reboot_required:
  description: Whether something that was written, now or by an earlier run, counts only after a reboot.
  returned: success
  type: bool
reboot_reasons:
  description: What waits for the reboot.
  returned: success
  type: list
  elements: str
restart_required:
  description: Services that run with values an earlier run has replaced.
  returned: success
  type: list
  elements: str
"""
