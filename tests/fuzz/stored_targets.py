# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets for what is stored and read back: snapshots, journal, records, facts, site models, answers of other modules.

Texts of JSON stand for options that a person writes. Values of the registry travel as lines: one string a line, a NUL
between values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_defaults import ComScope
from ansible_collections.otsec.opc_dcom.plugins.module_utils._com_rights import ComKind, ComRight
from ansible_collections.otsec.opc_dcom.plugins.module_utils._end_facts import (
    AccountFacts,
    ConnectionFacts,
    EndFacts,
    ProgramFacts,
    StoredDescriptor,
    facts_from_dict,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._errors import (
    DomainError,
    HostStateError,
    OpcDcomError,
    ParameterError,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_operations import FirewallAdd
from ansible_collections.otsec.opc_dcom.plugins.module_utils._firewall_rule import parse_rule
from ansible_collections.otsec.opc_dcom.plugins.module_utils._grant_record import (
    GrantPlace,
    GrantRecord,
    dump_record,
    load_record,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._host_state import PendingReboot, PendingRestart
from ansible_collections.otsec.opc_dcom.plugins.module_utils._link_spec import link_from_dict, link_specs
from ansible_collections.otsec.opc_dcom.plugins.module_utils._netsh import RuleSelector
from ansible_collections.otsec.opc_dcom.plugins.module_utils._offline_facts import parse_facts
from ansible_collections.otsec.opc_dcom.plugins.module_utils._operation_journal import dump_journal, load_journal
from ansible_collections.otsec.opc_dcom.plugins.module_utils._plan import CreateKey, SetValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._registry import RegistryKey, RegistryValue
from ansible_collections.otsec.opc_dcom.plugins.module_utils._service_operations import SetRunning, SetStartMode
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_model import SiteModelError
from ansible_collections.otsec.opc_dcom.plugins.module_utils._site_parser import parse_site
from ansible_collections.otsec.opc_dcom.plugins.module_utils._snapshot import (
    RUNNING,
    START_MODE,
    AbsentRule,
    HostIdentity,
    Kind,
    SavedKey,
    SavedRule,
    SavedService,
    SavedValue,
    Snapshot,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._snapshot_codec import (
    dump_file,
    dump_values,
    from_json,
    load_file,
    load_values,
    to_json,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._snapshot_report import describe_items, summary_of
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._offline._host import OfflineHost
from ansible_collections.otsec.opc_dcom.plugins.plugin_utils._wsman._console_output import decode_output

from .target import Target, same, text

_NAME = "20260301T060000Z"
_KEY = RegistryKey("SOFTWARE\\Microsoft\\Ole")
_RULE = "v2.10|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=135|Name=x|"
_SNAPSHOT = Snapshot(
    _NAME,
    datetime(2026, 3, 1, 6, tzinfo=timezone.utc),
    HostIdentity("guid", "OPC01", "10.0.17763"),
    Kind.RUN,
    "a reason",
    (
        SavedValue(_KEY, "a", RegistryValue.binary(b"\x01")),
        SavedValue(_KEY, "b", RegistryValue.multi_string("x", "y")),
        SavedValue(_KEY, "c", None),
        SavedKey(_KEY, was_there=True),
        SavedRule("{1}", _RULE),
        AbsentRule(_RULE),
        SavedService("OpcEnum", START_MODE, "Auto"),
        SavedService("OpcEnum", RUNNING, state=True),
    ),
)
_OPERATIONS = (
    SetValue(_KEY, "EnableDCOM", None, RegistryValue.string("Y")),
    SetValue(_KEY, "l", RegistryValue.dword(2), RegistryValue.multi_string("a", "b")),
    CreateKey(_KEY),
    SetStartMode("OpcEnum", "Auto", "Disabled"),
    SetRunning("OpcEnum", before=True, after=False),
    FirewallAdd((parse_rule(_RULE),), RuleSelector(parse_rule(_RULE))),
)
_RECORD = GrantRecord(
    {
        GrantPlace(ComScope.MACHINE_LIMIT, ComKind.LAUNCH): {
            Sid.from_string("S-1-5-21-1-2-3-1001"): frozenset({ComRight.LOCAL_LAUNCH})
        },
        GrantPlace(ComScope.APPLICATION, ComKind.ACCESS, "{13486D44-4821-11D2-A494-3CB306C10000}"): {
            Sid.from_string("S-1-5-32-544"): frozenset({ComRight.LOCAL_ACCESS})
        },
    },
    frozenset({GrantPlace(ComScope.MACHINE_LIMIT, ComKind.LAUNCH)}),
    {"{13486D44-4821-11D2-A494-3CB306C10000}": "C:\\a.exe"},
)
_SITE = {
    "domain": "EXAMPLE",
    "applications": {"server": {"prog_id": "A.B.1", "program": "C:\\a\\b.exe"}, "hist": {"service": "hist"}},
    "accounts": {"EXAMPLE\\opc": {}, "local": {}},
    "hosts": {
        "s1": {"address": "10.0.0.1"},
        "c1": {"addresses": ["10.0.0.2"], "computer_name": "C1", "domain": "EXAMPLE"},
    },
    "links": [
        {
            "name": "l",
            "server": {"host": "s1", "application": "server", "account": "EXAMPLE\\opc"},
            "client": {"host": "c1", "application": "hist", "account": "EXAMPLE\\opc"},
            "read_mode": "subscribe",
            "browse": True,
        }
    ],
}
FACTS = (
    "== otsec.opc_dcom facts 1\r\nHKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\r\n    (Default)    REG_SZ    \r\n"
    '== key "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"\r\n'
    "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\r\n"
    "    CurrentBuildNumber    REG_SZ    17763\r\n"
    '== key "HKLM\\SOFTWARE\\Microsoft\\Cryptography"\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n'
    "    MachineGuid    REG_SZ    guid\r\n"
    '== key "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName"\r\n'
    "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName\r\n"
    "    ComputerName    REG_SZ    OPC01\r\n"
    '== key "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ProductOptions"\r\n'
    '== tree "HKLM\\SOFTWARE\\otsec"\r\n== absent "HKLM\\SOFTWARE\\otsec"\r\n'
    '== search "HKLM\\SYSTEM\\CurrentControlSet\\Services"\r\n'
    "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\a\r\n"
    "    Start    REG_DWORD    0x2\r\nEnd: 1\r\n== end\r\n"
)
_END = {
    "host": "s1", "computer_name": "S1", "addresses": ["10.0.0.1"], "domain": "", "application": "a",
    "selector": {"prog_id": "A.B"}, "program": "", "service": "", "account": "x", "principal": "x",
}  # fmt: skip
LINK: dict[str, Any] = {
    "name": "l",
    "path": "links[0]",
    "read_mode": "poll",
    "browse": False,
    "server": _END,
    "client": _END,
}


def pack(values: Mapping[str, RegistryValue], names: Iterable[str]) -> bytes:
    """Values of strings as one input, in the order of the names."""
    parts = [values[name].data for name in names if name in values]
    return b"\0".join("\n".join(part).encode() for part in parts if isinstance(part, tuple))


def _values(data: bytes, name: str) -> dict[str, RegistryValue]:
    """The parts of an input under the names of its parts: name, name.2, name.3 ..."""
    parts = [RegistryValue.multi_string(*part.split("\n")) for part in text(data).split("\0")]
    return {name if number == 1 else f"{name}.{number}": part for number, part in enumerate(parts, start=1)}


def _json(data: bytes) -> Any:
    """What a person or another module may hand over; {} for what is no JSON."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return {}


def _journal(data: bytes) -> None:
    operations = load_journal(_values(data, "Journal"))
    same("journal", load_journal(dump_journal(operations)), operations)
    for operation in operations:
        operation.describe()
        operation.inverse()


def _snapshot_file(data: bytes) -> None:
    load_file(text(data))


def _snapshot_json(data: bytes) -> None:
    item = _json(data)
    snapshot = from_json(item if isinstance(item, dict) else {})
    same("snapshot", from_json(to_json(snapshot)), snapshot)
    same("snapshot in values", load_values(snapshot.name, dump_values(snapshot)), snapshot)
    summary_of(snapshot)
    describe_items(snapshot)


def _snapshot_values(data: bytes) -> None:
    load_values(_NAME, _values(data, _NAME))


def _record(data: bytes) -> None:
    record = load_record(_values(data, "Grants"))
    # What grants nothing is dropped when it is written.
    kept = load_record(dump_record(load_record(dump_record(record))))
    same("record", load_record(dump_record(kept)), kept)


def _markers(data: bytes) -> None:
    for read in (PendingReboot.from_value, PendingRestart.from_value):
        for value in _values(data, "x").values():
            try:
                found = read(value)
            except HostStateError:
                continue
            same("marker", read(found.to_value() if found else None), found)


def _site(data: bytes) -> None:
    known: tuple[Any, set[str], dict[str, str]] = (_json(data), {"s1", "c1"}, {"s1": "10.0.0.1"})
    try:
        alone = parse_site(*known, only_host="c1").links
    except SiteModelError:
        alone = None
    site = parse_site(*known)
    link_specs(site)
    same("links", alone, site.links_of("c1"))


def _facts(data: bytes) -> None:
    host = OfflineHost(parse_facts(decode_output(data)), {})
    for ask in (host.system.read_operating_system, host.system.read_computer_system):
        try:
            ask()
        except OpcDcomError:
            continue
    host.registry.subkeys(RegistryKey("SOFTWARE\\otsec"))


def _end_facts(data: bytes) -> None:
    item = _json(data)
    facts = facts_from_dict("facts", item if isinstance(item, dict) else {})
    same("facts", facts_from_dict("facts", facts.to_dict()), facts)
    for stored in facts.doors.values():
        stored.read()
    for program in facts.programs.values():
        program.access.read()
        program.launch.read()


def _link(data: bytes) -> None:
    item = _json(data)
    link_from_dict("link", item if isinstance(item, dict) else {})


def end_facts_seed() -> dict[str, Any]:
    permissions = {"access": StoredDescriptor("0100"), "launch": StoredDescriptor(trouble="unreadable")}
    facts = EndFacts(
        "opc1",
        requires_integrity=True,
        doors={"m": StoredDescriptor("0100")},
        policy_doors=("m",),
        programs={"hive": ProgramFacts(app_id="{1}", has_program=False, level=5, **permissions)},
        accounts={"opc": AccountFacts("S-1-5-21-1-2-3-1001", is_local=True, groups=("S-1-5-32-545",))},
        connections=(ConnectionFacts(True, "opc2", "endpoint_mapper", None, "it depends"),),
    )
    return facts.to_dict()


def _dumped(item: object) -> bytes:
    return json.dumps(item).encode()


STORED_TARGETS = {
    "journal": Target(_journal, (HostStateError,), [pack(dump_journal(_OPERATIONS), ["Journal"])]),
    "snapshot_file": Target(_snapshot_file, (HostStateError,), [dump_file(_SNAPSHOT).encode()]),
    "snapshot_json": Target(_snapshot_json, (HostStateError,), [_dumped(to_json(_SNAPSHOT))]),
    "snapshot_values": Target(_snapshot_values, (HostStateError,), [pack(dump_values(_SNAPSHOT), [_NAME])]),
    "grant_record": Target(_record, (HostStateError,), [pack(dump_record(_RECORD), ["Grants"])]),
    "markers": Target(
        _markers,
        (),
        (b"2026-11-22T06:00:00.000000Z\nreason", b"2026-11-22T06:00:00.000000Z 408 OpcEnum"),
    ),
    "site_model": Target(_site, (SiteModelError,), [_dumped(_SITE)]),
    "offline_facts": Target(_facts, (DomainError,), [FACTS.encode()]),
    "end_facts": Target(_end_facts, (ParameterError,), [_dumped(end_facts_seed())]),
    "link": Target(_link, (ParameterError,), [_dumped(LINK)]),
}
