# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dcom_logging
short_description: Which DCOM failures a Windows host logs
version_added: 0.1.0
description:
  - Sets which refused activations, calls and security descriptors COM writes to the System event log.
  - Options that are not given are left alone. V(default) deletes a value, so that Windows decides.
  - The values are read when a program starts, so OPC programs that run already log by the old ones until restarted.
options:
  activation_failures:
    description:
      - Failed launches and activations (C(ActivationFailureLoggingLevel)), events 10015, 10016 and 10027 among them.
      - V(discretionary) is what Windows does without the value.
    type: str
    choices: [discretionary, always, never, default]
  call_failures:
    description:
      - Refused calls (C(CallFailureLoggingLevel)), events 10017 to 10019. Without the value they are not logged.
      - V(always) can flood the log on a host with many refused calls.
    type: str
    choices: [always, never, default]
  invalid_security_descriptors:
    description: Invalid security descriptors (C(InvalidSecurityDescriptorLoggingLevel)), events 10020 to 10023.
    type: str
    choices: [always, never, default]
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.dcom_defaults
  - module: otsec.opc_dcom.opc_host
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Log what COM refuses
  otsec.opc_dcom.dcom_logging:
    activation_failures: always
    call_failures: always
"""

RETURN = r"""
before:
  description: The settings that were asked for as they were, in words.
  returned: success
  type: dict
  sample: {"call_failures": "absent (never)"}
after:
  description: The same settings as they are now, or in check mode would be.
  returned: success
  type: dict
  sample: {"call_failures": "always (1)"}
reboot_required:
  description: Whether something that an earlier run has written counts only after a reboot.
  returned: success
  type: bool
reboot_reasons:
  description: What waits for the reboot.
  returned: success
  type: list
  elements: str
restart_required:
  description: Services that must be restarted for the change to reach them.
  returned: success
  type: list
  elements: str
"""
