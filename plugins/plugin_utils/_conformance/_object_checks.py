# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Claims about CIM objects, accounts, faults and what DCOM keeps on a host."""

from __future__ import annotations

import time

from ...module_utils._com_defaults import ComScope, shipped_default
from ...module_utils._com_rights import ComKind
from ...module_utils._com_security import problems
from ...module_utils._com_value import machine_place
from ...module_utils._conformance import Observation, held, observed, unclear
from ...module_utils._dcom import OLE
from ...module_utils._errors import DomainError
from ...module_utils._registry import RegistryKey, RegistryType
from ...module_utils._security_descriptor import SecurityDescriptor, same_meaning
from ...module_utils._sid import Sid
from .._host._environment import WINDOWS_NT
from .._host._host import Host
from .._host._registry import RegistryGateway
from .._wsman._cim import CimClass, CimMethod
from .._wsman._errors import WsmanFault
from .._wsman._schema import (
    CIM_DATA_FILE,
    WIN32_GROUP,
    WIN32_OPERATING_SYSTEM,
    WIN32_SID,
    WIN32_SYSTEM_ACCOUNT,
    WIN32_USER_ACCOUNT,
)

_ADMINISTRATORS, _SYSTEM = Sid.from_string("S-1-5-32-544"), Sid.from_string("S-1-5-18")
# No host has a domain of this number.
_NOBODY = Sid.from_string("S-1-5-21-1-2-3-1001")
_ABSENT = "otsec-no-such-name"
_NO_SUCH_CLASS = CimClass("OtsecNoSuchClass", keys=("Name",))
_NO_SUCH_METHOD = CimClass("StdRegProv", methods=(CimMethod("OtsecNoSuchMethod", is_read_only=True),))
_WINDOWS_10 = 10240
_OPC_ENUM_CLASS = "SOFTWARE\\Classes\\CLSID\\{13486D51-4821-11D2-A494-3CB306C10000}"
_OPC_ENUM_CLASS_32 = "SOFTWARE\\Classes\\Wow6432Node\\CLSID\\{13486D51-4821-11D2-A494-3CB306C10000}"


def identify(host: Host) -> Observation:
    found = host.client.identify()
    return held(bool(found.vendor and found.stack), f"{found.vendor}, {found.version_text}")


def operating_system(host: Host) -> Observation:
    found = host.client.get(WIN32_OPERATING_SYSTEM)
    told = [name for name in ("BuildNumber", "LastBootUpTime", "SystemDirectory") if found.get(name) is not None]
    return held(len(told) == 3, f"{len(found)} properties, among them {', '.join(told)}")


def well_known_accounts(host: Host) -> Observation:
    names = [host.accounts.translated_name(sid) for sid in (_ADMINISTRATORS, _SYSTEM)]
    return held(all(names), ", ".join(name or "no name" for name in names))


def group_by_name(host: Host) -> Observation:
    return _by_translated_name(host, WIN32_GROUP, _ADMINISTRATORS)


def system_account_by_name(host: Host) -> Observation:
    return _by_translated_name(host, WIN32_SYSTEM_ACCOUNT, _SYSTEM)


def _by_translated_name(host: Host, cim_class: CimClass, sid: Sid) -> Observation:
    name = host.accounts.translated_name(sid)
    if name is None:
        return unclear("the host does not name the SID")
    try:
        found = host.client.get(cim_class, {"Domain": host.accounts.computer.name, "Name": name})
    except WsmanFault as fault:
        return held(False, _described(fault))
    told = found.optional("SID", str)
    return held(told == str(sid), f"{name} has the SID {told}")


def unknown_name(host: Host) -> Observation:
    return _is_refused(host, WIN32_USER_ACCOUNT, {"Domain": host.accounts.computer.name, "Name": _ABSENT})


def unknown_sid(host: Host) -> Observation:
    try:
        found = host.client.get(WIN32_SID, {"SID": str(_NOBODY)})
    except WsmanFault as fault:
        return observed(_described(fault))
    name = found.optional("AccountName", str)
    return observed(f"an instance {'with a' if name else 'without a'} name")


def members(host: Host) -> Observation:
    """There is an administrator on every host: the one that this run connects as, or its group."""
    found = host.accounts.members_of(_ADMINISTRATORS)
    named = [sid for sid in found if host.accounts.name_of(sid)]
    return held(0 < len(named) == len(found), f"{len(found)} users, {len(named)} of them with a name")


def members_of_no_group(host: Host) -> Observation:
    try:
        found = host.accounts.members_of_group(_ABSENT)
    except WsmanFault as fault:
        return held(False, _described(fault))
    return held(not found, f"{len(found)} users")


def local_account_by_query(host: Host) -> Observation:
    """By the name of a local administrator, whatever Windows calls it, beside a name that nobody has."""
    domain = f"{host.accounts.computer.name}\\".casefold()
    names = (host.accounts.name_of(sid) for sid in host.accounts.members_of(_ADMINISTRATORS))
    local = next((name for name in names if name and name.casefold().startswith(domain)), None)
    if local is None:
        return unclear("no local account is an administrator")
    name = local.partition("\\")[2]
    started = time.monotonic()
    try:
        found = host.accounts.read_users([name, _ABSENT])
    except WsmanFault as fault:
        return held(False, _described(fault))
    return held(list(found) == [name], f"{len(found)} accounts in {time.monotonic() - started:.1f} s")


def computer_account(host: Host) -> Observation:
    computer = host.accounts.computer
    if not computer.is_domain_member:
        return unclear("the host is in a workgroup")
    keys = {"Domain": computer.domain.partition(".")[0].upper(), "Name": f"{computer.name}$"}
    try:
        found = host.client.get(WIN32_USER_ACCOUNT, keys)
    except WsmanFault as fault:
        return held(False, _described(fault))
    return held(bool(found.get("SID")), "an instance with a SID")


def missing_class(host: Host) -> Observation:
    return _is_refused(host, _NO_SUCH_CLASS, {"Name": _ABSENT})


def missing_method(host: Host) -> Observation:
    try:
        answer = host.client.invoke(_NO_SUCH_METHOD, "OtsecNoSuchMethod", {})
    except WsmanFault as fault:
        return held(fault.is_method_missing, _described(fault))
    return held(False, f"ReturnValue {answer.return_value}")


def malformed_query(host: Host) -> Observation:
    try:
        rows = host.client.enumerate("select * form Win32_OperatingSystem", WIN32_OPERATING_SYSTEM)
    except WsmanFault as fault:
        return observed(_described(fault))
    return observed(f"{len(rows)} instances")


def file_by_path(host: Host) -> Observation:
    directory = host.operating_system.system_directory
    try:
        found = host.client.get(CIM_DATA_FILE, {"Name": f"{directory}\\svchost.exe"})
    except WsmanFault as fault:
        return held(False, f"svchost.exe: {_described(fault)}")
    absent = _is_refused(host, CIM_DATA_FILE, {"Name": f"{directory}\\{_ABSENT}.exe"})
    return held(bool(found.get("Name")) and absent.outcome.value == "confirmed", f"absent file: {absent.evidence}")


def machine_limits(host: Host) -> Observation:
    said = []
    for kind in ComKind:
        descriptor = _machine_limit(host, kind)
        if descriptor is None:
            return unclear(f"{kind.value} limit is absent")
        wrong = problems(descriptor, kind)
        said += [f"{kind.value}: {item.code.value}" for item in wrong]
    return held(not said, "; ".join(said) or "both valid")


def shipped_limits(host: Host) -> Observation:
    said = []
    for kind in ComKind:
        known = shipped_default(
            ComScope.MACHINE_LIMIT, kind, windows_10_or_later=host.operating_system.build >= _WINDOWS_10
        )
        present = _machine_limit(host, kind)
        if known is None or present is None:
            said.append(f"{kind.value}: {'none known' if known is None else 'absent'}")
        else:
            said.append(f"{kind.value}: {'as known' if same_meaning(known.descriptor, present) else 'different'}")
    return observed("; ".join(said))


def legacy_level(host: Host) -> Observation:
    types = RegistryGateway(host.client).value_types(OLE) or {}
    kind = {name.lower(): kind for name, kind in types.items()}.get("legacyauthenticationlevel")
    return unclear("the value is absent") if kind is None else held(kind is RegistryType.DWORD, kind.label)


def opc_enum_class(host: Host) -> Observation:
    gateway = RegistryGateway(host.client)
    found = [path for path in (_OPC_ENUM_CLASS, _OPC_ENUM_CLASS_32) if gateway.value_types(RegistryKey(path))]
    return held(True, f"registered in {len(found)} of two views") if found else unclear("OpcEnum is not installed")


def revision(host: Host) -> Observation:
    value = RegistryGateway(host.client).value(WINDOWS_NT, "UBR", RegistryType.DWORD)
    return observed(f"build {host.operating_system.build}, UBR {value or 'absent'}")


def _machine_limit(host: Host, kind: ComKind) -> SecurityDescriptor | None:
    """Raises: DomainError for bytes that are no descriptor."""
    place = machine_place(ComScope.MACHINE_LIMIT, kind)
    value = RegistryGateway(host.client).value(place.key, place.value_name, RegistryType.BINARY)
    if value is None:
        return None
    if not isinstance(value.data, bytes):
        raise DomainError(f"{place} is a {value.type.label}")
    return SecurityDescriptor.from_bytes(value.data)


def _is_refused(host: Host, cim_class: CimClass, keys: dict[str, str]) -> Observation:
    try:
        host.client.get(cim_class, keys)
    except WsmanFault as fault:
        return held(fault.is_not_found or fault.is_class_missing, _described(fault))
    return held(False, "an instance came back")


def _described(fault: WsmanFault) -> str:
    """The numbers of a fault. Its texts name hosts and are in the language of the host."""
    numbers = ", ".join(f"0x{number:X}" for number in sorted(fault.detail.numbers)) or "none"
    return f"fault {fault.subcode or fault.code}, codes {numbers}, CIM status {fault.cim_status}"
