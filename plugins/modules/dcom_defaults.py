# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dcom_defaults
short_description: Machine-wide DCOM defaults of a Windows host
version_added: 0.1.0
description:
  - Sets what dcomcnfg shows as I(Default Properties) of I(My Computer), and the two values of KB5004442, by name.
  - Options that are not given are left alone. V(default) deletes a value, so that Windows decides.
  - A value written here reaches a process when it starts and shared service hosts after a reboot. The module says so in
    RV(reboot_required), also in later runs, until the host has rebooted.
options:
  enable_dcom:
    description:
      - Whether DCOM works at all on this host (C(EnableDCOM)).
      - V(false) stops every OPC Classic link, in and out, and is refused unless O(allow_weak=true).
    type: bool
  authentication_level:
    description:
      - The default authentication level (C(LegacyAuthenticationLevel)), for clients the level they ask for and for
        servers the least they accept. It counts for programs that have no level of their own.
      - KB5004442 needs V(packet_integrity) or V(packet_privacy).
      - V(none) makes COM ignore access permissions and is refused unless O(allow_weak=true).
      - V(default) deletes the value; Windows then uses V(connect).
    type: str
    choices: [none, connect, call, packet, packet_integrity, packet_privacy, default]
  impersonation_level:
    description: The default impersonation level of clients (C(LegacyImpersonationLevel)). V(default) means V(identify).
    type: str
    choices: [anonymous, identify, impersonate, delegate, default]
  secure_references:
    description: Whether reference counting calls are secured (C(LegacySecureReferences)).
    type: bool
  require_integrity_activation:
    description:
      - C(RequireIntegrityActivationAuthenticationLevel) of KB5004442, read by servers.
      - Windows ignores it from the update of March 14 2023 on. On such hosts an absent value is secure.
      - V(off) is refused unless O(allow_weak=true).
    type: str
    choices: [enforced, "off", default]
  raise_activation:
    description:
      - C(RaiseActivationAuthenticationLevel) of KB5004442, read by clients.
      - V(all_requests) raises every activation that is not anonymous, also where a program asks for less.
    type: str
    choices: [default_level_only, all_requests, default]
  allow_weak:
    description: Do what was asked although it stops OPC links or opens the host.
    type: bool
    default: false
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.dcom_logging
  - module: otsec.opc_dcom.dcom_info
  - module: otsec.opc_dcom.opc_host
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Meet KB5004442 with the machine defaults
  otsec.opc_dcom.dcom_defaults:
    enable_dcom: true
    authentication_level: packet_integrity
    impersonation_level: identify
  register: defaults

- name: Reboot when the new defaults are not in force yet
  otsec.opc_dcom.opc_reboot:
  when: defaults.reboot_required

- name: Let Windows decide about the hardening values again
  otsec.opc_dcom.dcom_defaults:
    require_integrity_activation: default
    raise_activation: default
"""

RETURN = r"""
before:
  description: The settings that were asked for as they were, in words.
  returned: success
  type: dict
  sample: {"authentication_level": "connect (2)"}
after:
  description: The same settings as they are now, or in check mode would be.
  returned: success
  type: dict
  sample: {"authentication_level": "packet_integrity (5)"}
exceptions:
  description: What was weak and permitted by O(allow_weak). Meant for the auditor.
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
  sample: [authentication_level]
restart_required:
  description: Services that must be restarted for the change to reach them.
  returned: success
  type: list
  elements: str
"""
