# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_end_info
short_description: What one host has that decides about its OPC links
version_added: 0.1.0
description:
  - Reads the patch level, the machine limits and defaults, the programs and accounts of the links of this host, and
    what its firewall makes of their connections.
  - Only the host itself is asked. M(otsec.opc_dcom.opc_link_info) judges links from what both ends tell.
options:
  links:
    description:
      - Links as P(otsec.opc_dcom.opc_links#filter) makes them of the site model. Those without an end on this host are
        left out.
    type: list
    elements: dict
    required: true
  host:
    description: Name of this host in the links, usually C(inventory_hostname).
    type: str
    required: true
extends_documentation_fragment:
  - otsec.opc_dcom.attributes.info
seealso:
  - module: otsec.opc_dcom.opc_link_info
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Read what decides about the links of this host
  otsec.opc_dcom.opc_end_info:
    links: "{{ opc_site | otsec.opc_dcom.opc_links(inventory=groups['all']) }}"
    host: "{{ inventory_hostname }}"
  register: end
"""

RETURN = r"""
end:
  description: What was read, for the option O(otsec.opc_dcom.opc_link_info#module:ends) of opc_link_info.
  returned: success
  type: dict
"""
