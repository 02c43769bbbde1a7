# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: dcom_info
short_description: DCOM settings of a Windows host, decoded and judged
version_added: 0.1.0
description:
  - Reads the machine-wide DCOM settings of a host and shows them by name, with what an absent value means.
  - Reads who may call, launch and activate, in the machine limits (also those of Group Policy), the machine defaults
    and the applications that were asked for, by names and rights.
  - Tells how far KB5004442 has come on the host, what its two registry values count there, and what that means for
    links.
  - On request finds the OPC servers, OpcEnum, OPC Core Components and known OPC programs of the host.
  - Names what is weak, of a wrong type, overridden by Group Policy, or written but not in force yet.
notes:
  - The search for OPC servers runs C(reg.exe query) in a remote cmd shell; it walks the class registrations on the
    host, which may take some seconds there. Without a cmd shell it is left out, and RV(ignore:dcom.opc.is_complete)
    says so.
  - Older systems (Windows 7, 8.1, Server 2008 to 2012 R2) keep no reliable revision; their phase is estimated from
    the version of C(rpcss.dll).
options:
  discover:
    description: Look for OPC servers, OpcEnum, OPC Core Components and OPC programs too.
    type: bool
    default: false
  client_programs:
    description:
      - File names of client programs to look for, besides those this collection knows.
      - A pure client registers nothing, so only its service or its running process shows it.
    type: list
    elements: str
    default: []
  applications:
    description: Applications to look at, besides OpcEnum, each named in one way.
    type: list
    elements: dict
    default: []
    suboptions:
      app_id:
        description: AppID of the application, with or without braces.
        type: str
      name:
        description: Display name of the application in dcomcnfg.
        type: str
      prog_id:
        description: ProgID of a class of the application.
        type: str
      clsid:
        description: CLSID of a class of the application.
        type: str
      program:
        description: Executable of the application, if it is mapped to an AppID.
        type: str
      service:
        description: Service the application runs as.
        type: str
extends_documentation_fragment:
  - otsec.opc_dcom.attributes.info
seealso:
  - module: otsec.opc_dcom.dcom_defaults
  - module: otsec.opc_dcom.dcom_logging
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Read the DCOM settings
  otsec.opc_dcom.dcom_info:
  register: info

- name: Read also who may use an OPC server
  otsec.opc_dcom.dcom_info:
    applications:
      - prog_id: Vendor.OpcServer.1
  register: info

- name: Find the OPC software of the host
  otsec.opc_dcom.dcom_info:
    discover: true
    client_programs: [historian.exe]
  register: info

- name: Show the OPC servers
  ansible.builtin.debug:
    msg: "{{ info.dcom.opc.servers | map(attribute='prog_id') }}"

- name: Show what to look at
  ansible.builtin.debug:
    var: info.dcom.findings
"""

RETURN = r"""
dcom:
  description: What was read.
  returned: success
  type: dict
  contains:
    system:
      description: Caption, version, build, revision (UBR) and last boot time of Windows, and notes on how it was read.
      type: dict
    defaults:
      description: Each option of M(otsec.opc_dcom.dcom_defaults) with its word, text, data, and whether it is present.
      type: dict
      sample: {"authentication_level": {"setting": "connect", "text": "connect (2)", "is_present": true, "data": 2}}
    logging:
      description: Each option of M(otsec.opc_dcom.dcom_logging), in the same form.
      type: dict
    permissions:
      description:
        - The machine limits, the machine defaults and the limits of Group Policy, under RV(ignore:machine_limit),
          RV(ignore:machine_default) and RV(ignore:group_policy), each for access and launch.
        - Each has its entries (principal, sid, type, rights), the same as lines of text, as SDDL, what is wrong with
          the value, whether it is present, and for limits and defaults whether it is in force.
      type: dict
    applications:
      description:
        - AppID, name, service, identity and authentication level of each application, and its access and launch
          permission in the same form.
      type: list
      elements: dict
    applications_missing:
      description: Applications that were asked for and not found, with the reason.
      type: list
      elements: dict
    hardening:
      description:
        - How far KB5004442 has come. RV(ignore:phase) is one of V(not_patched), V(available), V(on_by_default),
          V(clients_raised), V(enforced), or none where it is not known; RV(ignore:since) the update that began it,
          RV(ignore:evidence) what it was concluded from, RV(ignore:is_certain) false for an estimate.
        - RV(ignore:requires_integrity) and RV(ignore:raises_activation) are what the host does as a server and as a
          client, each with its reason.
        - RV(ignore:advice) says for each role, with peers that are updated and peers that are not, which case that
          is, whether a program on the defaults works, and what to do.
      type: dict
      sample:
        phase: enforced
        since: "2023-03-14"
        evidence: build 17763, revision 5329
        is_certain: true
        requires_integrity: true
        requires_integrity_because: enforced since the update of 2023-03-14
        raises_activation: all_requests
        raises_activation_because: >-
          RaiseActivationAuthenticationLevel is absent, so the default of this patch level counts
        logs_refusals: true
        advice:
          - case: both_hardened
            works: true
            as: server
            with: updated_client
            text: "both sides are hardened: the client raises its activations, so the link works ..."
    opc:
      description: The OPC software of the host.
      type: dict
      returned: when O(discover=true)
      contains:
        is_complete:
          description: Whether everything was looked at.
          type: bool
        notes:
          description: Why it was not.
          type: list
          elements: str
        computer:
          description: Computer name, domain (none in a workgroup), and whether the host is a member of one.
          type: dict
        servers:
          description:
            - Each class that implements an OPC category, or whose ProgID has the key C(OPC) of the first DA
              specification, once for both views.
            - RV(ignore:kind) is V(service), V(local_server), V(surrogate), V(in_process), V(remote) or V(unknown).
              RV(ignore:bitness) is none where it cannot be told; RV(ignore:bitness_from) says by what, V(windows),
              V(folder) or V(view), the last a hint for programs.
            - RV(ignore:run_as_kind) is V(service_account), V(fixed_account), V(interactive_user) or V(launching_user).
            - RV(ignore:troubles) keep it from being served, RV(ignore:remarks) do not.
          type: list
          elements: dict
          sample:
            - clsid: "{8E423571-A67B-11D2-9418-00608CF4C421}"
              prog_id: Prediktor.ApisOPCServer.1
              name: Prediktor ApisOPCServer
              specifications: [da_1_0, da_2_0, da_3_0]
              found_by: [category, opc_key]
              registered_in: [64-bit]
              kind: service
              program: 'C:\apis\bin64\apishivex64.exe'
              bitness: 64
              bitness_from: view
              app_id: "{6C1F2E80-5D4B-4B7E-9E0A-41D05A6B7C01}"
              app_name: Prediktor ApisOPCServer
              service: ApisHive
              start_mode: Auto
              run_as: LocalSystem
              run_as_kind: service_account
              running: true
              version: 9.2.0.0
              troubles: []
              remarks: []
        opc_enum:
          description: OpcEnum in the same form; none where it is not registered.
          type: dict
        core_components:
          description:
            - Installed packages of OPC Core Components, and the proxy/stub library of each OPC interface in each view
              with its state, V(registered), V(broken) or V(missing), and path.
            - RV(ignore:missing) lists those that are not usable. Whether the file is there is not looked at.
          type: dict
          sample:
            products:
              - {name: OPC Core Components Redistributable (x64) 3.00.108, version: 3.00.10800}
            libraries:
              - library: opcproxy.dll
                interface: IOPCServer
                view: 32-bit
                state: registered
                path: 'C:\Windows\SysWOW64\opcproxy.dll'
            missing: ["opc_aeps.dll (64-bit)"]
        programs:
          description: Known programs, and those asked for, that are a service of the host or run now.
          type: list
          elements: dict
          sample:
            - program: 'C:\apis\bin64\apishivex64.exe'
              product: Prediktor APIS (ApisHive)
              role: client and server
              service: ApisHive
              run_as: LocalSystem
              run_as_kind: service_account
              running: true
              source: Prediktor, Adjust DCOM settings to meet DCOM hardening (2023) ...
    reboot_required:
      description: Whether something this collection has written counts only after a reboot.
      type: bool
    reboot_reasons:
      description: What waits for the reboot.
      type: list
      elements: str
    unfinished_run:
      description: Operations of a run that did not finish; the next run that sets something undoes them first.
      type: list
      elements: str
    findings:
      description: What to look at, with code, severity, subject, evidence and advice.
      type: list
      elements: dict
"""
