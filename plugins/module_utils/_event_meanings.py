# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What the events about DCOM, logons and blocked connections mean, and what to do about each. Data only.

`layouts` name the data by position, newest Windows first: before Windows 8, 10015 to 10019 and 10027 lack the AppID and
the application container. `what` is a sentence with data in braces, beside ``{caller}``, ``{peer}`` and ``{reason}``,
which come from several data. Words among the data (Local, Launch, machine-default) are in the language of the host.

Source: dcom.md 6.1, 6.2 and 6.4; Microsoft's message tables of 2008 R2 (COM General Functionality, COM Security Policy
Configuration), KB5004442, KB4022522, the pages of audit events 4625 and 5157.
Unverified: the parameters of 10008 and 10011; those of 10029, which differ between versions, are not named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ._findings import Severity

DISTRIBUTED_COM = "Microsoft-Windows-DistributedCOM"
SECURITY_AUDITING = "Microsoft-Windows-Security-Auditing"
EVENT_LOG = "Microsoft-Windows-Eventlog"
FIRST_ID, LAST_ID = 10000, 10038
LOGON_FAILED, CONNECTION_BLOCKED = 4625, 5157
LOG_CLEARED, AUDIT_LOG_CLEARED = 104, 1102

WEAK_ACTIVATION, EXPLICIT_LEVEL, DEFAULT_LEVEL = 10036, 10037, 10038

Layout = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventMeaning:
    """One kind of event. `varying` names data that do not tell two groups apart."""

    event_id: int
    severity: Severity
    layouts: tuple[Layout, ...]
    what: str
    fix: str
    varying: frozenset[str] = frozenset()


_USER = ("domain", "user", "sid")
_CONTAINER = ("container", "container_sid")
_DCOMCNFG = "with dcom_permission"
_RAISE = "set authentication_level to packet_integrity on the client (dcom_defaults; dcom_application for one program)"

_CLASSES = (
    EventMeaning(
        10000,
        Severity.CRITICAL,
        (("command", "error", "server"),),
        "the OPC server {server} could not be started: {reason}",
        "start {command} by hand, or its service, and repair its registration",
    ),
    EventMeaning(
        10001,
        Severity.CRITICAL,
        (("command", "error", "server", "domain", "user"),),
        "the server {server} could not be started as {caller}: {reason}",
        "correct the account or password of the application's identity, or run it as a service",
    ),
    EventMeaning(
        10004,
        Severity.CRITICAL,
        (("error", "domain", "user", "server"),),
        "the account {caller}, as which server {server} is to run, could not be logged on: {reason}",
        "correct account and password of the application's identity, or run it as a service",
    ),
    EventMeaning(
        10005,
        Severity.CRITICAL,
        (("error", "service", "arguments", "server"),),
        "service {service} could not be started for server {server}: {reason}",
        "start the service {service} and see why it does not; OpcEnum is kept by opc_enum",
    ),
    EventMeaning(
        10006,
        Severity.CRITICAL,
        (("error", "target", "server"),),
        "{target} refused to activate {server}: {reason}",
        "look at the events of {target} at the same time; they name the layer that refused",
    ),
    EventMeaning(
        10007,
        Severity.CRITICAL,
        (("error", "server"),),
        "server {server} could not be activated on this host: {reason}",
        "repair the registration of {server}; 32- and 64-bit programs may need different ones",
    ),
    EventMeaning(
        10008,
        Severity.WARNING,
        (("error", "target", "server", "file"),),
        "{target} refused to activate {server} with a file: {reason}",
        "OPC does not activate from files; look at the program that asks",
    ),
    EventMeaning(
        10009,
        Severity.CRITICAL,
        (("target",),),
        "{target} could not be reached",
        "see that {target} is up and its name resolves, and open its endpoint mapper and OPC server with opc_firewall",
    ),
    EventMeaning(
        10010,
        Severity.CRITICAL,
        (("clsid",),),
        "server {clsid} did not register with DCOM in time after it was started",
        "start the OPC server as a service, check its account, and see whether it hangs or shows a dialog",
    ),
    EventMeaning(
        10011,
        Severity.WARNING,
        (("server",),),
        "server {server} could not reach its client to complete the connection",
        "open the firewall of the client for the callback (opc_firewall)",
    ),
    EventMeaning(
        10012,
        Severity.WARNING,
        ((),),
        "COM found an inconsistency inside itself",
        "install the updates of Windows and of the OPC program; nothing of this collection causes or cures it",
    ),
    EventMeaning(
        10014,
        Severity.INFO,
        (("clsid",),),
        "class {clsid} was not activated because remote activation of COM+ is off",
        "OPC servers are no COM+ applications; look at the program that asks for this class",
    ),
    EventMeaning(
        10026,
        Severity.INFO,
        (("seconds", "value_name", "key"),),
        "the same COM events are not logged again for {seconds} seconds, so counts are too low",
        "nothing; value {value_name} of {key} sets the time",
    ),
    EventMeaning(
        10028,
        Severity.CRITICAL,
        (("target", "process_id", "program", "clsid"), ("target", "process_id", "program")),
        "{target} could not be reached by {program}",
        "see that {target} is up and its name resolves, and open its endpoint mapper and OPC server with opc_firewall",
        frozenset({"process_id"}),
    ),
    EventMeaning(
        10029,
        Severity.INFO,
        ((),),
        "COM started or stopped a service; older versions of Windows use this event for another text",
        "nothing, unless an OPC service is concerned",
    ),
    EventMeaning(10030, Severity.INFO, ((),), "a server could not be started under a debugger", "nothing for OPC"),
    *(
        EventMeaning(
            number,
            Severity.WARNING,
            (("clsid",),),
            "the unmarshalling policy of a process refused class {clsid}",
            "install the current proxy/stub DLLs (OPC Core Components), or ask the vendor of the program",
        )
        for number in range(10031, 10035)
    ),
    EventMeaning(
        10035,
        Severity.WARNING,
        (("interface", "other_interface", "clsid", "error"),),
        "interface {interface} was marshalled as {other_interface} by class {clsid}: {reason}",
        "install matching proxy/stub DLLs (OPC Core Components) on both hosts",
    ),
)

_PERMISSIONS = (
    *(
        EventMeaning(
            number,
            Severity.CRITICAL,
            (("server", *_USER),),
            "{caller} may not launch {server}" + which,
            "grant {caller} local_launch and remote_launch " + _DCOMCNFG,
        )
        for number, which in ((10002, ""), (10003, " (default launch permission)"))
    ),
    EventMeaning(
        10015,
        Severity.CRITICAL,
        (
            ("locality", "right", "clsid", "app_id", *_USER, "address", *_CONTAINER),
            ("locality", "right", "clsid", *_USER, "address"),
        ),
        "the machine launch limit does not give {caller} from {peer} {locality} {right} of {clsid}",
        "add {caller} to the machine launch limit (dcom_permission, scope machine_limit, kind launch)",
    ),
    EventMeaning(
        10016,
        Severity.CRITICAL,
        (
            ("which", "locality", "right", "clsid", "app_id", *_USER, "address", *_CONTAINER),
            ("which", "locality", "right", "clsid", *_USER, "address"),
        ),
        "the {which} launch permission does not give {caller} from {peer} {locality} {right} of {clsid}",
        "grant {caller} this right (dcom_permission, kind launch, scope application or machine_default)",
    ),
    EventMeaning(
        10017,
        Severity.CRITICAL,
        (
            ("which", "locality", "program", "app_id", *_USER, "address", *_CONTAINER),
            ("which", "locality", "program", *_USER, "address"),
        ),
        "the {which} access permission does not let {caller} from {peer} call {program}",
        "grant {caller} remote_access (dcom_permission, kind access, scope application or machine_default)",
    ),
    EventMeaning(
        10018,
        Severity.CRITICAL,
        (
            ("locality", "program", "app_id", *_USER, "address", *_CONTAINER),
            ("locality", "program", *_USER, "address"),
        ),
        "{program} itself does not let {caller} from {peer} call it",
        "the program sets its own COM security, which the registry cannot change: use the settings of the program",
    ),
    EventMeaning(
        10019,
        Severity.CRITICAL,
        (
            ("locality", "program", "app_id", *_USER, "address", *_CONTAINER),
            ("locality", "program", *_USER, "address"),
        ),
        "the machine access limit does not let {caller} from {peer} call {program}",
        "add {caller} to the machine access limit (dcom_permission, scope machine_limit, kind access)",
    ),
    EventMeaning(
        10027,
        Severity.CRITICAL,
        (("locality", "right", *_USER, "address", *_CONTAINER), ("locality", "right", *_USER, "address")),
        "a machine limit does not give {caller} from {peer} {locality} {right}",
        "add {caller} to the machine limits for launch and access (dcom_permission, scope machine_limit)",
    ),
)

_DESCRIPTORS = (
    EventMeaning(
        10020,
        Severity.CRITICAL,
        (("which", "right"),),
        "the machine-wide {which} security descriptor for {right} is not valid",
        "write it anew with dcom_permission (state default); dcom_info shows what is wrong with it",
    ),
    EventMeaning(
        10021,
        Severity.CRITICAL,
        (("app_id",),),
        "the launch permission of {app_id} is not valid",
        "write it anew with dcom_permission, or remove it so that the default counts (dcom_application)",
    ),
    EventMeaning(
        10022,
        Severity.CRITICAL,
        (("which", "program", "app_id"),),
        "the {which} access permission for {program} is not valid",
        "write it anew with dcom_permission, or remove it so that the default counts (dcom_application)",
        frozenset(),
    ),
    EventMeaning(
        10023,
        Severity.CRITICAL,
        (("program", "app_id"),),
        "{program} sets an access permission that is not valid",
        "only the program or its vendor can correct what it sets itself",
    ),
    EventMeaning(
        10024,
        Severity.CRITICAL,
        (("right",),),
        "the limit for {right} in Group Policy is not valid SDDL",
        "correct the policy 'DCOM: Machine ... Restrictions'; opc_host_policy shows where it comes from",
    ),
)

_HARDENING = (
    EventMeaning(
        WEAK_ACTIVATION,
        Severity.CRITICAL,
        ((*_USER, "address"),),
        "{caller} from {peer} was refused: it activates below Packet Integrity, which KB5004442 does not allow",
        _RAISE + " and reboot it; events 10037 and 10038 of the client name the program",
    ),
    *(
        EventMeaning(
            number,
            Severity.CRITICAL,
            (("program", "process_id", "clsid", "target", "level"),),
            "{program} asks {target} for {clsid} with " + text,
            fix,
            frozenset({"process_id"}),
        )
        for number, text, fix in (
            (
                EXPLICIT_LEVEL,
                "level {level}, which it sets itself; 5 (Packet Integrity) is needed",
                "only the vendor of {program} can raise it; Windows updates since November 2022 on the client do, too",
            ),
            (DEFAULT_LEVEL, "the default level {level} of this host; 5 (Packet Integrity) is needed", _RAISE),
        )
    ),
)

_SECURITY = (
    EventMeaning(
        LOGON_FAILED,
        Severity.WARNING,
        (
            (
                "subject_sid", "subject_user", "subject_domain", "subject_logon_id", "sid", "user", "domain", "status",
                "failure_reason", "sub_status", "logon_type", "logon_process", "package", "workstation", "services",
                "lm_package", "key_length", "process_id", "program", "address", "port",
            ),
        ),
        "{caller} from {peer} could not log on ({logon_kind}): {reason}",
        "make account and password the same on both hosts, or use a domain account; see the reason",
        frozenset(
            {
                "subject_sid", "subject_user", "subject_domain", "subject_logon_id", "failure_reason", "logon_process",
                "services", "key_length", "process_id", "port", "lm_package",
            }
        ),
    ),
    EventMeaning(
        CONNECTION_BLOCKED,
        Severity.WARNING,
        (
            (
                "process_id", "program", "direction", "source_address", "source_port", "target_address", "target_port",
                "protocol", "filter_id", "layer", "layer_id", "remote_user_sid", "remote_machine_sid",
            ),
        ),
        "the firewall of this host blocked an {direction} connection of {program} between {source_address} and "
        "{target_address}",
        "open it with opc_firewall if this is an OPC program or the endpoint mapper (port 135) and the peer is known",
        frozenset(
            {
                "process_id", "source_port", "target_port", "filter_id", "layer", "layer_id", "remote_user_sid",
                "remote_machine_sid", "protocol",
            }
        ),
    ),
)  # fmt: skip

# Names that Windows gives the data of audit events, in the order of the layouts above.
AUDIT_NAMES: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        LOGON_FAILED: (
            "SubjectUserSid", "SubjectUserName", "SubjectDomainName", "SubjectLogonId", "TargetUserSid",
            "TargetUserName", "TargetDomainName", "Status", "FailureReason", "SubStatus", "LogonType",
            "LogonProcessName", "AuthenticationPackageName", "WorkstationName", "TransmittedServices",
            "LmPackageName", "KeyLength", "ProcessId", "ProcessName", "IpAddress", "IpPort",
        ),
        CONNECTION_BLOCKED: (
            "ProcessID", "Application", "Direction", "SourceAddress", "SourcePort", "DestAddress", "DestPort",
            "Protocol", "FilterRTID", "LayerName", "LayerRTID", "RemoteUserID", "RemoteMachineID",
        ),
    }
)  # fmt: skip

# Source: the page of event 4625, table "Logon types and descriptions".
LOGON_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "2": "interactive",
        "3": "network",
        "4": "batch",
        "5": "service",
        "7": "unlock",
        "8": "network, clear text",
        "9": "new credentials",
        "10": "remote desktop",
        "11": "cached",
    }
)
# Somebody sits there, or comes by remote desktop: no OPC program logs on so.
PERSONAL_LOGON_TYPES = frozenset({"2", "7", "10", "11"})
# Source: the page of event 5157.
DIRECTIONS: Mapping[str, str] = MappingProxyType({"%%14592": "inbound", "%%14593": "outbound"})

MEANINGS: Mapping[int, EventMeaning] = MappingProxyType(
    {item.event_id: item for item in (*_CLASSES, *_PERMISSIONS, *_DESCRIPTORS, *_HARDENING, *_SECURITY)}
)
