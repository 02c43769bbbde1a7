# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_firewall
short_description: Windows Firewall rules that OPC over DCOM needs
version_added: 0.1.0
description:
  - Lets the peers of a host reach its RPC endpoint mapper (TCP 135), OpcEnum and any OPC program, and nobody else.
  - Rules are compared by meaning. Rules that a hand-run script left for the same purpose are taken over, repaired, or
    disabled where they are not needed any more. Rules of Windows, of Group Policy and rules that carry WinRM are never
    touched.
  - The rule store is read with one command and read back after a change; changes are made with C(netsh advfirewall).
  - Warns when the rules would have no effect, because Group Policy ignores local rules or blocks all inbound
    connections, or because a block rule goes before them.
options:
  state:
    description: Whether the rules are to be there. With V(absent), programs need not be installed any more.
    type: str
    choices: [present, absent]
    default: present
  endpoint_mapper:
    description:
      - The rules for the RPC endpoint mapper, for all peers of O(remote_addresses), O(opc_enum_remote_addresses) and
        O(applications) together.
      - Inbound to RpcSs, outbound to port 135 of the peers.
    type: bool
    default: true
  opc_enum:
    description: The rules for OpcEnum. Where its program is, its service or its class tells.
    type: bool
    default: false
  applications:
    description: OPC programs of this host, servers and clients. Clients need rules for callbacks.
    type: list
    elements: dict
    suboptions:
      title:
        description:
          - What the rules are called, C(OPC <title> (in\)) and C(OPC <title> (out\)).
          - By default the name of the program or service, or the ProgID.
        type: str
      program:
        description: Path of the program on the host, such as C(C:\apis\bin64\apishivex64.exe).
        type: str
      service:
        description: Name of the service whose program is meant. Where the program is, is read from the service.
        type: str
      prog_id:
        description: ProgID of the server whose program is meant, in the 64- or 32-bit registration.
        type: str
      clsid:
        description: CLSID of the server whose program is meant.
        type: str
      app_id:
        description: AppID of the server whose program is meant. It has to name a service.
        type: str
      remote_addresses:
        description: The peers of this program. By default those of O(remote_addresses).
        type: list
        elements: str
      direction:
        description:
          - Which way this program connects. By default O(direction).
          - A program may be named twice, once for each way, with different peers.
        type: str
        choices: [in, out, both]
  remote_addresses:
    description:
      - The peers, each an address, a range C(a-b), a network C(net/prefix), or one of C(LocalSubnet), C(DNS), C(DHCP),
        C(WINS), C(DefaultGateway).
      - Required for every rule that has no peers of its own, unless O(allow_any_remote=true) or O(state=absent).
    type: list
    elements: str
  opc_enum_remote_addresses:
    description: The peers that may browse with OpcEnum. By default those of O(remote_addresses).
    type: list
    elements: str
  allow_any_remote:
    description:
      - Let every remote address in where no peers are named, as many vendors' instructions do.
      - Every run reports it in RV(exceptions).
    type: bool
    default: false
  direction:
    description:
      - V(both) also writes outbound rules, but only where the default action of a profile blocks outbound connections.
    type: str
    choices: [in, out, both]
    default: both
  profiles:
    description: The network profiles the rules count in.
    type: list
    elements: str
    choices: [domain, private, public]
    default: [domain, private, public]
  adopt:
    description: Take over rules that were made by hand for the same purpose. Otherwise they are only reported.
    type: bool
    default: true
  purge:
    description: Take away rules this collection has made and that are not among the ones named here.
    type: bool
    default: false
  leftovers:
    description:
      - What becomes of rules that were taken over and are not needed any more.
      - A disabled rule keeps its identity, so an undo gives back the very same rule. A deleted one comes back as a new
        rule with the same meaning.
    type: str
    choices: [delete, disable]
    default: disable
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.opc_host
  - module: otsec.opc_dcom.opc_enum
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Let the historian and the engineering network reach ApisHive and browse
  otsec.opc_dcom.opc_firewall:
    opc_enum: true
    applications:
      - title: ApisHive
        service: ApisHive
    remote_addresses:
      - 10.0.0.21
      - 10.1.0.0/24

- name: Different peers for two servers
  otsec.opc_dcom.opc_firewall:
    applications:
      - prog_id: Vendor.DataServer.1
        remote_addresses: [10.0.0.21]
      - program: C:\opc\hda\server.exe
        remote_addresses: [10.0.0.22, 10.0.0.23]
    profiles: [domain]

- name: Take the rules of a program away
  otsec.opc_dcom.opc_firewall:
    state: absent
    endpoint_mapper: false
    applications:
      - title: ApisHive
        program: C:\apis\bin64\apishivex64.exe
"""

RETURN = r"""
before:
  description: The rules that are changed, disabled or deleted, as they were, under C(rules).
  returned: success
  type: dict
after:
  description: The rules that are added or changed, as they are now, or in check mode would be.
  returned: success
  type: dict
exceptions:
  description: What is open for any remote address because it was asked to be. Meant for the auditor.
  returned: success
  type: list
  elements: str
reboot_required:
  description: Whether something an earlier run has written counts only after a reboot. Firewall rules count at once.
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
