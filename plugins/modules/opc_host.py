# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: opc_host
short_description: The whole DCOM state of a Windows host in one transaction
version_added: 0.1.0
description:
  - Takes the desired state of a host in sections, with the same options as the single modules.
  - Reads all, plans all, then applies all over one connection. If a write fails, what was written before is undone.
  - While it works, a journal on the host says what was to be done. If the controller dies midway, the next run undoes
    what was left unfinished before it does anything else.
options:
  logging:
    description: Options of M(otsec.opc_dcom.dcom_logging).
    type: dict
    suboptions:
      activation_failures:
        description:
          - Failed launches and activations (C(ActivationFailureLoggingLevel)), events 10015, 10016 and
            10027 among them.
          - V(discretionary) is what Windows does without the value.
        type: str
        choices: [discretionary, always, never, default]
      call_failures:
        description:
          - Refused calls (C(CallFailureLoggingLevel)), events 10017 to 10019. Without the value they are
            not logged.
          - V(always) can flood the log on a host with many refused calls.
        type: str
        choices: [always, never, default]
      invalid_security_descriptors:
        description: Invalid security descriptors (C(InvalidSecurityDescriptorLoggingLevel)), events 10020
          to 10023.
        type: str
        choices: [always, never, default]
  defaults:
    description: Options of M(otsec.opc_dcom.dcom_defaults).
    type: dict
    suboptions:
      enable_dcom:
        description:
          - Whether DCOM works at all on this host (C(EnableDCOM)).
          - V(false) stops every OPC Classic link, in and out, and is refused unless O(defaults.allow_weak=true).
        type: bool
      authentication_level:
        description:
          - The default authentication level (C(LegacyAuthenticationLevel)), for clients the level they
            ask for and for servers the least they accept. It counts for programs that have no level of
            their own.
          - KB5004442 needs V(packet_integrity) or V(packet_privacy).
          - V(none) makes COM ignore access permissions and is refused unless O(defaults.allow_weak=true).
          - V(default) deletes the value; Windows then uses V(connect).
        type: str
        choices: [none, connect, call, packet, packet_integrity, packet_privacy, default]
      impersonation_level:
        description: The default impersonation level of clients (C(LegacyImpersonationLevel)). V(default)
          means V(identify).
        type: str
        choices: [anonymous, identify, impersonate, delegate, default]
      secure_references:
        description: Whether reference counting calls are secured (C(LegacySecureReferences)).
        type: bool
      require_integrity_activation:
        description:
          - C(RequireIntegrityActivationAuthenticationLevel) of KB5004442, read by servers.
          - Windows ignores it from the update of March 14 2023 on. On such hosts an absent value is secure.
          - V(off) is refused unless O(defaults.allow_weak=true).
        type: str
        choices: [enforced, 'off', default]
      raise_activation:
        description:
          - C(RaiseActivationAuthenticationLevel) of KB5004442, read by clients.
          - V(all_requests) raises every activation that is not anonymous, also where a program asks for
            less.
        type: str
        choices: [default_level_only, all_requests, default]
      allow_weak:
        description: Do what was asked although it stops OPC links or opens the host.
        type: bool
        default: false
  applications:
    description: A list of items with the options of M(otsec.opc_dcom.dcom_application).
    type: list
    elements: dict
    suboptions:
      app_id:
        description: AppID of the application, with or without braces.
        type: str
      name:
        description: Display name of the application in dcomcnfg. It has to be the name of one application
          only.
        type: str
      prog_id:
        description: ProgID of a class of the application. Both the 64-bit and the 32-bit registration are
          looked at.
        type: str
      clsid:
        description: CLSID of a class of the application. Both the 64-bit and the 32-bit registration are
          looked at.
        type: str
      program:
        description:
          - Executable of the application, with or without its path.
          - If it is not mapped to an AppID, an application is made for it. The new AppID follows from the
            name of the executable, so it is the same on every host and in every run.
        type: str
      service:
        description: Service the application runs as (its C(LocalService)).
        type: str
      state:
        description:
          - V(absent) removes an application that this module has made, and its mapping. Others are refused.
        type: str
        choices: [present, absent]
        default: present
      authentication_level:
        description:
          - The level the application asks for as a client and at least accepts as a server.
          - V(default) deletes the value, so that the machine default counts, see M(otsec.opc_dcom.dcom_defaults).
          - V(none) makes COM ignore access permissions and is refused unless O(applications.allow_weak=true).
          - A program that sets its security itself ignores this.
        type: str
        choices: [none, connect, call, packet, packet_integrity, packet_privacy, default]
      use_default_access:
        description:
          - V(true) removes the application's own access permission, so that the machine default counts.
          - V(false) leaves it alone. Use M(otsec.opc_dcom.dcom_permission) to give the application its
            own.
        type: bool
      use_default_launch:
        description:
          - V(true) removes the application's own launch permission, so that the machine default counts.
          - V(false) leaves it alone.
        type: bool
      run_as:
        description:
          - Identity of the application when COM launches it. C(launching_user) (the value is deleted),
            C(interactive_user), C(local_service), C(network_service) or C(system).
          - C(interactive_user) and C(system) are refused unless O(applications.allow_weak=true). C(system)
            works only for a program that runs already.
          - Any other account is refused, because COM keeps its password as an LSA secret that no registry
            or WMI interface writes. Refused also for services, whose account is the service's.
        type: str
      run_as_password:
        description: Always refused with the reason. It is an option so that a task which tries says why.
        type: str
      allow_weak:
        description: Do what was asked although it opens the application or the host.
        type: bool
        default: false
  permissions:
    description: A list of items with the options of M(otsec.opc_dcom.dcom_permission).
    type: list
    elements: dict
    suboptions:
      scope:
        description:
          - Which value is meant. V(machine_limit) bounds everybody (dcomcnfg, I(Edit Limits)), V(machine_default)
            counts for applications without an own list (I(Edit Default)), V(application) is the list of
            one application.
          - Machine limits are not changed while Group Policy sets them, see O(permissions.even_if_policy_overrides).
        type: str
        choices: [machine_limit, machine_default, application]
        required: true
      kind:
        description: Whether the permission to call objects or the permission to launch and activate servers
          is meant.
        type: str
        choices: [access, launch]
        required: true
      state:
        description:
          - V(present) gives the rights beside what the principals have, V(absent) takes them away, V(exact)
            makes the list these entries and no others, V(default) makes the value what Windows ships.
          - V(default) deletes the value of an application and the default access permission, because Windows
            ships none. The limits of Windows 10 and Server 2016 and later are known from one tool only,
            Microsoft does not publish them.
        type: str
        choices: [present, absent, exact, default]
        default: present
      entries:
        description: The entries. Not used with O(permissions.state=default), and not together with O(permissions.sddl).
        type: list
        elements: dict
        suboptions:
          principal:
            description:
              - An account or group as C(DOMAIN\name), C(.\name), C(name@domain), C(name) (the host first,
                then its domain), C(DOMAIN\HOST$) or SID.
              - Well-known names such as C(Administrators), C(SYSTEM) or C(ANONYMOUS LOGON) are understood
                in English on every Windows. C(NT SERVICE\name) is computed.
            type: str
            required: true
          rights:
            description:
              - Rights by their names in dcomcnfg. Access has V(local_access) and V(remote_access), launch
                the four others.
              - Only O(permissions.state=absent) may leave them out, which takes away every right.
            type: list
            elements: str
            choices: [local_access, remote_access, local_launch, remote_launch, local_activation, remote_activation]
          type:
            description:
              - Whether the entry allows or denies. With O(permissions.state=absent), which entries are
                taken away.
              - A deny entry overrules every allow entry of the same right.
            type: str
            choices: [allow, deny]
            default: allow
      sddl:
        description:
          - For experts, with O(permissions.state=exact). The whole descriptor as SDDL.
          - Owner, group and SACL stay as they are where the text does not name them.
        type: str
      app_id:
        description: AppID of the application, with or without braces.
        type: str
      name:
        description: Display name of the application in dcomcnfg. It has to be the name of one application
          only.
        type: str
      prog_id:
        description: ProgID of a class of the application. Both the 64-bit and the 32-bit registration are
          looked at.
        type: str
      clsid:
        description: CLSID of a class of the application. Both the 64-bit and the 32-bit registration are
          looked at.
        type: str
      program:
        description: Executable of the application, with or without its path, if it is mapped to an AppID.
        type: str
      service:
        description: Service the application runs as (its C(LocalService)).
        type: str
      allow_lockout:
        description:
          - Write also what leaves SYSTEM or Administrators without the rights that Windows and its administration
            need.
          - Administrators need every right in the launch limit; both need local rights everywhere, but
            for Administrators and the access permission of an application.
        type: bool
        default: false
      allow_null_dacl:
        description: Write also an O(permissions.sddl) without a DACL, which gives everybody, anonymous
          included, every right.
        type: bool
        default: false
      allow_anonymous:
        description: Write also entries that give ANONYMOUS LOGON remote rights. KB5004442 does not stop
          anonymous calls.
        type: bool
        default: false
      allow_everyone:
        description:
          - Write also entries that give Everyone remote rights.
          - Not needed for the machine access limit, which Windows ships with such an entry.
        type: bool
        default: false
      allow_old_format:
        description: Write also an O(permissions.sddl) with masks of C(0x1) alone, which mean every right.
        type: bool
        default: false
      even_if_policy_overrides:
        description: Change a machine limit also while Group Policy sets it, for the day the policy is gone.
        type: bool
        default: false
      repair:
        description:
          - What to do with a value to which no entry can be added. Without it the task fails and says what
            is wrong.
          - A descriptor that COM rejects (missing owner or group, masks without C(0x1), mixed formats)
            is corrected. One without a DACL, a value of another type, and bytes that are no descriptor
            make room for what Windows ships.
          - Not needed with O(permissions.state=exact) and O(permissions.state=default), which replace whatever
            is there.
        type: bool
        default: false
      assume_shipped:
        description:
          - Where a machine limit or the default launch permission is absent, start from what Windows ships.
          - Microsoft does not document what Windows does without these values, so the task fails otherwise.
        type: bool
        default: false
extends_documentation_fragment:
  - otsec.opc_dcom.attributes
seealso:
  - module: otsec.opc_dcom.dcom_defaults
  - module: otsec.opc_dcom.dcom_logging
author:
  - The otsec.opc_dcom contributors (@otsec)
"""

EXAMPLES = r"""
- name: Harden DCOM and log what it refuses
  otsec.opc_dcom.opc_host:
    defaults:
      enable_dcom: true
      authentication_level: packet_integrity
    logging:
      activation_failures: always
      call_failures: always
  register: host
"""

RETURN = r"""
before:
  description: The sections that were given as they were, in words.
  returned: success
  type: dict
after:
  description: The same sections as they are now, or in check mode would be.
  returned: success
  type: dict
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
  description: Services that must be restarted for the change to reach them.
  returned: success
  type: list
  elements: str
"""
