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
  - Sections, or items of one, that want different things of one value are an error before anything is written.
  - While it works, a journal on the host says what was to be done. If the controller dies midway, the next run undoes
    what was left unfinished before it does anything else.
options:
  snapshot:
    description:
      - Before the first change, save on the host what is about to change, for M(otsec.opc_dcom.dcom_snapshot).
      - It costs a few messages, and nothing when nothing changes.
    type: bool
    default: true
  snapshot_keep:
    description: How many of the newest snapshots are kept. The first one is always kept besides.
    type: int
    default: 5
  snapshot_path:
    description: Write a copy of the snapshot to this file on the controller, or into this directory.
    type: path
  snapshot_continues:
    description:
      - The snapshot that an earlier task of the same run took (RV(snapshot)). The one of this task holds all of it as
        well, so that one restore takes both tasks back. It counts only where it is the newest one.
    type: str
  sids:
    description:
      - SIDs of local accounts of this host by their names, where the caller knows them already, such as from
        M(otsec.opc_dcom.opc_account_info). They are not looked up again.
    type: dict
    default: {}
  holding:
    description:
      - Sections that another task has set on this host, such as that of another role, in one dictionary. They are not
        set, but values that this task would write otherwise are an error. C(firewall) in it is ignored.
    type: dict
    default: {}
  # Sections, written by tools/document_opc_host.py
  logging:
    description: Options of M(otsec.opc_dcom.dcom_logging).
    type: dict
    suboptions:
      activation_failures:
        description:
          - Failed launches and activations (C(ActivationFailureLoggingLevel)), events
            10015, 10016 and 10027 among them.
          - V(discretionary) is what Windows does without the value.
        type: str
        choices: [discretionary, always, never, default]
      call_failures:
        description:
          - Refused calls (C(CallFailureLoggingLevel)), events 10017 to 10019. Without
            the value they are not logged.
          - V(always) can flood the log on a host with many refused calls.
        type: str
        choices: [always, never, default]
      invalid_security_descriptors:
        description: Invalid security descriptors (C(InvalidSecurityDescriptorLoggingLevel)),
          events 10020 to 10023.
        type: str
        choices: [always, never, default]
  defaults:
    description: Options of M(otsec.opc_dcom.dcom_defaults).
    type: dict
    suboptions:
      enable_dcom:
        description:
          - Whether DCOM works at all on this host (C(EnableDCOM)).
          - V(false) stops every OPC Classic link, in and out, and is refused unless
            O(defaults.allow_weak=true).
        type: bool
      authentication_level:
        description:
          - The default authentication level (C(LegacyAuthenticationLevel)), for clients
            the level they ask for and for servers the least they accept. It counts
            for programs that have no level of their own.
          - KB5004442 needs V(packet_integrity) or V(packet_privacy).
          - V(none) makes COM ignore access permissions and is refused unless O(defaults.allow_weak=true).
          - V(default) deletes the value; Windows then uses V(connect).
        type: str
        choices: [none, connect, call, packet, packet_integrity, packet_privacy, default]
      impersonation_level:
        description: The default impersonation level of clients (C(LegacyImpersonationLevel)).
          V(default) means V(identify).
        type: str
        choices: [anonymous, identify, impersonate, delegate, default]
      secure_references:
        description: Whether reference counting calls are secured (C(LegacySecureReferences)).
        type: bool
      require_integrity_activation:
        description:
          - C(RequireIntegrityActivationAuthenticationLevel) of KB5004442, read by servers.
          - Windows ignores it from the update of March 14 2023 on. On such hosts an
            absent value is secure.
          - V(off) is refused unless O(defaults.allow_weak=true).
        type: str
        choices: [enforced, 'off', default]
      raise_activation:
        description:
          - C(RaiseActivationAuthenticationLevel) of KB5004442, read by clients.
          - V(all_requests) raises every activation that is not anonymous, also where
            a program asks for less.
        type: str
        choices: [default_level_only, all_requests, default]
      allow_weak:
        description: Do what was asked although it stops OPC links or opens the host.
        type: bool
        default: false
  opc_enum:
    description: Options of M(otsec.opc_dcom.opc_enum).
    type: dict
    suboptions:
      state:
        description:
          - V(enabled) is registered as a service and may be started by COM when a client
            browses. V(started) also runs now.
          - V(disabled) is stopped and its service disabled. A host without OpcEnum
            is fine with it.
        type: str
        choices: [enabled, started, disabled]
        default: enabled
      authentication_level:
        description:
          - The least authentication level of calls (C(AuthenticationLevel) of its AppID).
            Registering sets V(none).
          - V(none) is refused unless O(opc_enum.allow_weak=true). V(default) deletes
            the value, so the machine default counts.
        type: str
        choices: [none, connect, call, packet, packet_integrity, packet_privacy, default]
        default: packet_integrity
      start_mode:
        description: Start mode of the service. Registering makes it V(manual), which
          is enough.
        type: str
        choices: [manual, auto]
        default: manual
      account:
        description:
          - V(local_system) lets the service run as LocalSystem, V(keep) leaves its
            account alone.
          - An account with a password is not changed, because that could not be undone;
            the module says so.
        type: str
        choices: [local_system, keep]
        default: local_system
      program:
        description: Path of OpcEnum.exe on the host, for a host on which neither a
          service nor the class names it.
        type: str
      clients:
        description:
          - Accounts and groups that may browse from other hosts. They get remote access,
            remote launch and remote activation; besides them only SYSTEM and Administrators
            have rights.
          - When this is left out, the permissions are left as they are.
        type: list
        elements: str
      allow_anonymous:
        description: Accept C(ANONYMOUS LOGON) among O(opc_enum.clients). Every run
          reports it in RV(exceptions).
        type: bool
        default: false
      allow_everyone:
        description: Accept C(Everyone) among O(opc_enum.clients). Every run reports
          it in RV(exceptions).
        type: bool
        default: false
      allow_weak:
        description: Do what was asked although it opens OpcEnum to everybody.
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
        description: Display name of the application in dcomcnfg. It has to be the name
          of one application only.
        type: str
      prog_id:
        description: ProgID of a class of the application. Both the 64-bit and the 32-bit
          registration are looked at.
        type: str
      clsid:
        description: CLSID of a class of the application. Both the 64-bit and the 32-bit
          registration are looked at.
        type: str
      program:
        description:
          - Executable of the application, with or without its path.
          - If it is not mapped to an AppID, an application is made for it. The new
            AppID follows from the name of the executable, so it is the same on every
            host and in every run.
        type: str
      service:
        description: Service the application runs as (its C(LocalService)).
        type: str
      state:
        description:
          - V(absent) removes an application that this module has made, and its mapping.
            Others are refused.
        type: str
        choices: [present, absent]
        default: present
      authentication_level:
        description:
          - The level the application asks for as a client and at least accepts as a
            server.
          - V(default) deletes the value, so that the machine default counts, see M(otsec.opc_dcom.dcom_defaults).
          - V(none) makes COM ignore access permissions and is refused unless O(applications[].allow_weak=true).
          - A program that sets its security itself ignores this.
        type: str
        choices: [none, connect, call, packet, packet_integrity, packet_privacy, default]
      use_default_access:
        description:
          - V(true) removes the application's own access permission, so that the machine
            default counts.
          - V(false) leaves it alone. Use M(otsec.opc_dcom.dcom_permission) to give
            the application its own.
        type: bool
      use_default_launch:
        description:
          - V(true) removes the application's own launch permission, so that the machine
            default counts.
          - V(false) leaves it alone.
        type: bool
      run_as:
        description:
          - Identity of the application when COM launches it. C(launching_user) (the
            value is deleted), C(interactive_user), C(local_service), C(network_service)
            or C(system).
          - C(interactive_user) and C(system) are refused unless O(applications[].allow_weak=true).
            C(system) works only for a program that runs already.
          - Any other account is refused, because COM keeps its password as an LSA secret
            that no registry or WMI interface writes. Refused also for services, whose
            account is the service's.
        type: str
      run_as_password:
        description: Always refused with the reason. It is an option so that a task
          which tries says why.
        type: str
      ignore_missing:
        description:
          - Where the host has no such application, leave it at that. None is made for
            O(applications[].program), and for the other names it is no error. The machine
            defaults count for such a program.
        type: bool
        default: false
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
          - Which value is meant. V(machine_limit) bounds everybody (dcomcnfg, I(Edit
            Limits)), V(machine_default) counts for applications without an own list
            (I(Edit Default)), V(application) is the list of one application.
          - Machine limits are not changed while Group Policy sets them, see O(permissions[].even_if_policy_overrides).
        type: str
        choices: [machine_limit, machine_default, application]
        required: true
      kind:
        description: Whether the permission to call objects or the permission to launch
          and activate servers is meant.
        type: str
        choices: [access, launch]
        required: true
      state:
        description:
          - V(present) gives the rights beside what the principals have, V(absent) takes
            them away, V(exact) makes the list these entries and no others, V(default)
            makes the value what Windows ships.
          - V(default) deletes the value of an application and the default access permission,
            because Windows ships none. The limits of Windows 10 and Server 2016 and
            later are known from one tool only, Microsoft does not publish them.
        type: str
        choices: [present, absent, exact, default]
        default: present
      entries:
        description: The entries. Not used with O(permissions[].state=default), and
          not together with O(permissions[].sddl).
        type: list
        elements: dict
        suboptions:
          principal:
            description:
              - An account or group as C(DOMAIN\name), C(.\name), C(name@domain), C(name)
                (the host first, then its domain), C(DOMAIN\HOST$) or SID.
              - Well-known names such as C(Administrators), C(SYSTEM) or C(ANONYMOUS
                LOGON) are understood in English on every Windows. C(NT SERVICE\name)
                is computed.
            type: str
            required: true
          rights:
            description:
              - Rights by their names in dcomcnfg. Access has V(local_access) and V(remote_access),
                launch the four others.
              - Only O(permissions[].state=absent) may leave them out, which takes away
                every right.
            type: list
            elements: str
            choices: [local_access, remote_access, local_launch, remote_launch, local_activation,
              remote_activation]
          type:
            description:
              - Whether the entry allows or denies. With O(permissions[].state=absent),
                which entries are taken away.
              - A deny entry overrules every allow entry of the same right.
            type: str
            choices: [allow, deny]
            default: allow
      sddl:
        description:
          - For experts, with O(permissions[].state=exact). The whole descriptor as
            SDDL.
          - Owner, group and SACL stay as they are where the text does not name them.
        type: str
      app_id:
        description: AppID of the application, with or without braces.
        type: str
      name:
        description: Display name of the application in dcomcnfg. It has to be the name
          of one application only.
        type: str
      prog_id:
        description: ProgID of a class of the application. Both the 64-bit and the 32-bit
          registration are looked at.
        type: str
      clsid:
        description: CLSID of a class of the application. Both the 64-bit and the 32-bit
          registration are looked at.
        type: str
      program:
        description: Executable of the application, with or without its path, if it
          is mapped to an AppID.
        type: str
      service:
        description: Service the application runs as (its C(LocalService)).
        type: str
      allow_lockout:
        description:
          - Write also what leaves SYSTEM or Administrators without the rights that
            Windows and its administration need.
          - Administrators need every right in the launch limit; both need local rights
            everywhere, but for Administrators and the access permission of an application.
        type: bool
        default: false
      allow_null_dacl:
        description: Write also an O(permissions[].sddl) without a DACL, which gives
          everybody, anonymous included, every right.
        type: bool
        default: false
      allow_anonymous:
        description: Write also entries that give ANONYMOUS LOGON remote rights. KB5004442
          does not stop anonymous calls.
        type: bool
        default: false
      allow_everyone:
        description:
          - Write also entries that give Everyone remote rights.
          - Not needed for the machine access limit, which Windows ships with such an
            entry.
        type: bool
        default: false
      allow_old_format:
        description: Write also an O(permissions[].sddl) with masks of C(0x1) alone,
          which mean every right.
        type: bool
        default: false
      even_if_policy_overrides:
        description: Change a machine limit also while Group Policy sets it, for the
          day the policy is gone.
        type: bool
        default: false
      repair:
        description:
          - What to do with a value to which no entry can be added. Without it the task
            fails and says what is wrong.
          - A descriptor that COM rejects (missing owner or group, masks without C(0x1),
            mixed formats) is corrected. One without a DACL, a value of another type,
            and bytes that are no descriptor make room for what Windows ships.
          - Not needed with O(permissions[].state=exact) and O(permissions[].state=default),
            which replace whatever is there.
        type: bool
        default: false
      assume_shipped:
        description:
          - Where a machine limit or the default launch permission is absent, start
            from what Windows ships.
          - Microsoft does not document what Windows does without these values, so the
            task fails otherwise.
        type: bool
        default: false
  grants:
    description: Options of M(otsec.opc_dcom.dcom_grants).
    type: dict
    suboptions:
      permissions:
        description:
          - The access control lists and what each is to grant. V([]) takes away everything
            this module has granted.
        type: list
        elements: dict
        required: true
        suboptions:
          scope:
            description: The limits or the defaults of the machine, or one application.
            type: str
            choices: [machine_limit, machine_default, application]
            required: true
          kind:
            description: Permissions to call, or to launch and activate.
            type: str
            choices: [access, launch]
            required: true
          entries:
            description: Who gets what. An account that is named twice gets the rights
              of both entries.
            type: list
            elements: dict
            required: true
            suboptions:
              principal:
                description:
                  - C(DOMAIN\name), C(.\name), C(name@domain), C(DOMAIN\HOST$), a well-known
                    English name, or a SID.
                type: str
                required: true
              rights:
                description: Rights by the names of dcomcnfg. An access list knows the
                  two access rights, a launch list the other four.
                type: list
                elements: str
                choices: [local_access, remote_access, local_launch, remote_launch,
                  local_activation, remote_activation]
                required: true
          exclusive:
            description:
              - Whether nobody but SYSTEM, Administrators and the entries is to be in
                the list. What else is in it is lost.
            type: bool
            default: false
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
            description: Executable of the application. One without an AppID is made
              an application.
            type: str
          service:
            description: Service the application runs as.
            type: str
      expected_accounts:
        description:
          - Accounts that tasks before this one create. In check mode they may be missing
            on the host and are shown by name.
          - Outside check mode an account that is missing is an error all the same.
        type: list
        elements: str
        default: []
      allow_anonymous:
        description: Permit grants to ANONYMOUS LOGON. Every run reports them in RV(exceptions).
        type: bool
        default: false
      allow_everyone:
        description: Permit grants to Everyone. Every run reports them in RV(exceptions).
        type: bool
        default: false
      assume_shipped:
        description:
          - Start from what Windows ships where a value is absent and Microsoft does
            not document what that means.
        type: bool
        default: false
      reason:
        description: Why exceptions are permitted. It is added to each of them.
        type: str
        default: ''
  host_policy:
    description: Options of M(otsec.opc_dcom.opc_host_policy).
    type: dict
    suboptions:
      uac:
        description: User Account Control (C(EnableLUA)). V(default) deletes the value.
          Counts after a reboot.
        type: str
        choices: [enabled, disabled, default]
      remote_local_administrators:
        description:
          - Whether local administrators other than the built-in one have full rights
            over the network (C(LocalAccountTokenFilterPolicy)).
          - Ansible itself may depend on V(full), see O(host_policy.allow_lockout).
        type: str
        choices: [filtered, full, default]
      everyone_includes_anonymous:
        description: Whether entries for Everyone admit anonymous callers too (C(EveryoneIncludesAnonymous)).
        type: bool
      network_logons:
        description: The sharing model for local accounts (C(ForceGuest)). V(as_guest)
          makes everybody the Guest.
        type: str
        choices: [as_themselves, as_guest]
      dcom_ports:
        description:
          - The TCP ports that RPC servers get, such as V(50000-50200); V(default) lets
            Windows decide.
          - At least 100 ports above 5000, without a port of WinRM. It concerns every
            RPC server of the host, counts after a reboot, and is not needed for firewall
            rules of programs.
        type: str
      allow_weak:
        description: Do what was asked although it weakens the host.
        type: bool
        default: false
      allow_lockout:
        description:
          - Take away what may give the account of this run its rights over the network,
            O(host_policy.uac=disabled) or O(host_policy.remote_local_administrators=full).
            Harmless when it is a domain account or the built-in Administrator.
        type: bool
        default: false
  firewall:
    description: Options of M(otsec.opc_dcom.opc_firewall).
    type: dict
    suboptions:
      state:
        description: Whether the rules are to be there. With V(absent), programs need
          not be installed any more.
        type: str
        choices: [present, absent]
        default: present
      endpoint_mapper:
        description:
          - The rules for the RPC endpoint mapper, for all peers of O(firewall.remote_addresses),
            O(firewall.opc_enum_remote_addresses) and O(firewall.applications) together.
          - Inbound to RpcSs, outbound to port 135 of the peers.
        type: bool
        default: true
      opc_enum:
        description: The rules for OpcEnum. Where its program is, its service or its
          class tells.
        type: bool
        default: false
      applications:
        description: OPC programs of this host, servers and clients. Clients need rules
          for callbacks.
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
            description: Name of the service whose program is meant. Where the program
              is, is read from the service.
            type: str
          prog_id:
            description: ProgID of the server whose program is meant, in the 64- or
              32-bit registration.
            type: str
          clsid:
            description: CLSID of the server whose program is meant.
            type: str
          app_id:
            description: AppID of the server whose program is meant. It has to name
              a service.
            type: str
          remote_addresses:
            description: The peers of this program. By default those of O(firewall.remote_addresses).
            type: list
            elements: str
          direction:
            description:
              - Which way this program connects. By default O(firewall.direction).
              - A program may be named twice, once for each way, with different peers.
            type: str
            choices: [in, out, both]
      remote_addresses:
        description:
          - The peers, each an address, a range C(a-b), a network C(net/prefix), or
            one of C(LocalSubnet), C(DNS), C(DHCP), C(WINS), C(DefaultGateway).
          - Required for every rule that has no peers of its own, unless O(firewall.allow_any_remote=true)
            or O(firewall.state=absent).
        type: list
        elements: str
      opc_enum_remote_addresses:
        description: The peers that may browse with OpcEnum. By default those of O(firewall.remote_addresses).
        type: list
        elements: str
      allow_any_remote:
        description:
          - Let every remote address in where no peers are named, as many vendors' instructions
            do.
          - Every run reports it in RV(exceptions).
        type: bool
        default: false
      direction:
        description:
          - V(both) also writes outbound rules, but only where the default action of
            a profile blocks outbound connections.
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
        description: Take over rules that were made by hand for the same purpose. Otherwise
          they are only reported.
        type: bool
        default: true
      purge:
        description: Take away rules this collection has made and that are not among
          the ones named here.
        type: bool
        default: false
      leftovers:
        description:
          - What becomes of rules that were taken over and are not needed any more.
          - A disabled rule keeps its identity, so an undo gives back the very same
            rule. A deleted one comes back as a new rule with the same meaning.
        type: str
        choices: [delete, disable]
        default: disable
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
snapshot:
  description: The snapshot that leads back to the state before this run.
  returned: when something was changed and O(snapshot=true)
  type: str
  sample: 20261122T060000Z
recovered:
  description: What a run that had not finished was about to do; as far as it was done, it was undone first.
  returned: when a run had not finished
  type: list
  elements: str
before:
  description: The sections that were given as they were, in words.
  returned: success
  type: dict
after:
  description: The same sections as they are now, or in check mode would be.
  returned: success
  type: dict
exceptions:
  description: What is weaker than need be because it was asked for, in any section. Meant for the auditor.
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
restart_required:
  description: Services that must be restarted for the change to reach them.
  returned: success
  type: list
  elements: str
"""
