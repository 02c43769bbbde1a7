# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_site_info
short_description: What the site model means for one host, as sections of opc_host
version_added: 0.1.0
description:
  - Checks the whole site model, and turns it into the sections of M(otsec.opc_dcom.opc_host) for the host of the task.
    Every mistake in the model is named with its path.
  - A model without links is completed by the groups C(opc_servers) and C(opc_clients) and the variables below, as in
    the roles. Of other hosts only the C(ansible_host) of peers is read, and only where the model gives no address.
  - Works on the controller and contacts no host. M(otsec.opc_dcom.opc_role) goes by the same in the roles;
    P(otsec.opc_dcom.opc_host_state#filter) gives it in a template.
options:
  model:
    description:
      - The site model. By default the variable C(opc_site); without that only groups and plain variables say the links.
      - Its form is described in docs/site_model.md. No password of it is in the result.
    type: raw
  application_level:
    description: Authentication level of the applications of links.
    type: str
    default: default
  opc_enum_level:
    description: Authentication level of OpcEnum.
    type: str
    default: packet_integrity
  profiles:
    description:
      - Network profiles the firewall rules count in, as a list or as words in a text. By default the variable
        C(opc_firewall_profiles), without that all.
    type: raw
  role:
    description:
      - Also says what the role C(opc_server) or C(opc_client) asks of the host, from the variables of that role and the
        tags of the run. Only known where the role is, that is in its tasks or after it.
    type: str
    choices: [server, client]
extends_documentation_fragment:
  - otsec.opc_dcom.attributes.controller
notes:
  - Variables of a site without links, texts but for two. C(opc_server_account) and C(opc_client_account), whom the
    programs run as, are needed; C(opc_server_account_password) and C(opc_client_account_password) where these are local
    accounts that have to be created.
  - What the programs are says at least one of C(opc_server_prog_id), C(opc_server_clsid), C(opc_server_app_id) and
    C(opc_server_service), with C(opc_server_program) beside it if need be, or C(opc_server_application), the name of
    one in C(opc_site.applications); and the same of C(opc_client_application), C(opc_client_prog_id),
    C(opc_client_clsid), C(opc_client_app_id), C(opc_client_service) and C(opc_client_program).
  - C(opc_read_mode), C(opc_browse), C(opc_allow_anonymous) and C(opc_reason) say of all links what a link of the model
    says of itself; C(opc_browse) and C(opc_allow_anonymous) are truth values or words for them. C(opc_domain) is the
    domain of all hosts.
seealso:
  - plugin: otsec.opc_dcom.opc_host_state
    plugin_type: filter
  - module: otsec.opc_dcom.opc_host
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Read what the site model means for this host
  otsec.opc_dcom.opc_site_info:
    profiles: [domain]
  register: site

- name: Bring the host to it
  otsec.opc_dcom.opc_host:
    grants: "{{ site.sections.grants }}"
    firewall: "{{ site.sections.firewall }}"
"""

RETURN = r"""
sections:
  description:
    - The options C(opc_enum), C(applications), C(grants) and C(firewall) of M(otsec.opc_dcom.opc_host); none of them
      where no site is described.
  returned: without O(role), whose RV(options) have them
  type: dict
accounts:
  description: Names of the local accounts that both ends of a link must have.
  returned: without O(role)
  type: list
  elements: str
accounts_with_password:
  description: Those of them whose password is known, as they may have to be created.
  returned: success
  type: list
  elements: str
exceptions:
  description: What is weaker than usual, and why.
  returned: success
  type: list
  elements: str
options:
  description:
    - Every option of M(otsec.opc_dcom.opc_host) that the role may give; null where the variables, the tags or the other
      role of the host leave it out.
  returned: with O(role)
  type: dict
"""
