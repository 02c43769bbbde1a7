# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_conformance
short_description: Try out on a real host what this collection assumes about Windows
version_added: 0.1.0
description:
  - Some of what the collection relies on rests on documents and on other people's tools. This module asks a host and
    says of each assumption whether it is confirmed.
  - It reads only, unless O(allow_writes=true). Then it also writes to the key
    C(HKLM\SOFTWARE\otsec\opc_dcom_conformance), which is gone afterwards.
  - The result names no host, address, account or rule of the site, so that it can be published.
options:
  allow_writes:
    description:
      - Also try out what only a write can show, in a key that did not exist before. In check mode nothing is written.
    type: bool
    default: false
  claims:
    description: Names of the assumptions to try out. All of them by default.
    type: list
    elements: str
extends_documentation_fragment:
  - otsec.opc_dcom.attributes.info
notes:
  - A claim that cannot be told on a host, for instance because it is in no domain, is V(unclear) and no error.
  - To ask what a host does with what it does not know, it is sent one query, one method and one class that do not
    exist.
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Try out what is assumed about this host
  otsec.opc_dcom.opc_conformance:
  register: tried

- name: See what was refuted
  ansible.builtin.debug:
    msg: "{{ tried.conformance.refuted }}"
"""

RETURN = r"""
conformance:
  description: What the host said.
  returned: success
  type: dict
  contains:
    system:
      description: RV(conformance.system.caption), version and build of Windows.
      type: dict
      contains:
        caption:
          description: Name of the Windows edition.
          type: str
        version:
          description: Version number.
          type: str
        build:
          description: Build number.
          type: int
    wrote:
      description: Whether the scratch key was written, and removed again.
      type: bool
    counts:
      description: How many claims had each outcome.
      type: dict
      sample: {confirmed: 26, refuted: 0, observed: 5, unclear: 3, not_tried: 10}
    refuted:
      description: Names of the claims that do not hold on this host. The collection may not work there.
      type: list
      elements: str
      sample: []
    claims:
      description: >-
        Name, claim, source, evidence and outcome of each: V(confirmed), V(refuted), V(observed), V(unclear) or
        V(not_tried).
      type: list
      elements: dict
      sample:
        - name: registry.missing_value
          claim: A getter answers ReturnValue 1 for a value that is not there.
          source: wire 3, 10
          outcome: confirmed
          evidence: ReturnValue 1
    table:
      description: The same as lines of text, refuted claims first.
      type: list
      elements: str
"""
