# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator does by hand at the console of a simulated host: dcomcnfg, netsh, users, services, a reboot.

Nothing here is journaled as a caller's change but firewall rules, which exist only through their service.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from ..cim import Caller
from ..com_state import APP_IDS, OLE
from ..host import SimulatedHost
from ..shipped_descriptors import BUILT_IN_ACCESS, DEFAULT_LAUNCH_PERMISSION
from ..subsystems import well_known
from ..subsystems.firewall_rule import RuleError, parse_rule
from ..subsystems.registry_value import RegistryValue
from ..subsystems.service_record import StartMode, State
from .descriptor import Ace, AceKind, SecurityDescriptor, decode

CONSOLE = Caller("(console)", "S-1-5-18", frozenset({well_known.ADMINISTRATORS}))
_ADMINISTRATORS = well_known.ADMINISTRATORS

LOCAL_ACCESS, REMOTE_ACCESS = 0x3, 0x5
REMOTE_ACTIVATION, REMOTE_LAUNCH_AND_ACTIVATION, EVERYTHING = 0x11, 0x15, 0x1F


# Permissions


@dataclass(frozen=True, slots=True)
class Door:
    """A value that holds a permission, and what stands for it while it is absent."""

    key: str
    name: str
    absent: bytes


ACCESS_LIMIT = Door(OLE, "MachineAccessRestriction", BUILT_IN_ACCESS)
LAUNCH_LIMIT = Door(OLE, "MachineLaunchRestriction", DEFAULT_LAUNCH_PERMISSION)
DEFAULT_ACCESS = Door(OLE, "DefaultAccessPermission", BUILT_IN_ACCESS)
DEFAULT_LAUNCH = Door(OLE, "DefaultLaunchPermission", DEFAULT_LAUNCH_PERMISSION)


def access_of(app_id: str) -> Door:
    return Door(f"{APP_IDS}\\{app_id}", "AccessPermission", BUILT_IN_ACCESS)


def launch_of(app_id: str) -> Door:
    return Door(f"{APP_IDS}\\{app_id}", "LaunchPermission", DEFAULT_LAUNCH_PERMISSION)


def grant(host: SimulatedHost, door: Door, trustee: str, mask: int, kind: AceKind = AceKind.ALLOW) -> None:
    """Give (or deny) a trustee rights in addition to what is there; denying entries come first."""
    entries = [*_entries(host, door), Ace(kind, 0, mask, sid_of(host, trustee))]
    _put(host, door, sorted(entries, key=lambda ace: ace.kind is not AceKind.DENY))


def revoke(host: SimulatedHost, door: Door, trustee: str) -> None:
    """Take every entry of a trustee away."""
    sid = sid_of(host, trustee)
    _put(host, door, [ace for ace in _entries(host, door) if ace.sid != sid])


def put_entries(host: SimulatedHost, door: Door, entries: Iterable[tuple[str, int]]) -> None:
    """Exactly these allowing entries (trustee, mask), in this order, valid or not."""
    _put(host, door, [Ace(AceKind.ALLOW, 0, mask, sid_of(host, trustee)) for trustee, mask in entries])


def sid_of(host: SimulatedHost, trustee: str) -> str:
    return trustee if trustee.startswith("S-1-") else host.accounts.lookup_name(trustee).sid


def _entries(host: SimulatedHost, door: Door) -> tuple[Ace, ...]:
    value = host.registry.get(door.key, door.name)
    return decode(value.data if value is not None else door.absent).dacl or ()


def _put(host: SimulatedHost, door: Door, entries: Iterable[Ace]) -> None:
    descriptor = SecurityDescriptor(_ADMINISTRATORS, _ADMINISTRATORS, tuple(entries))
    host.registry.put(door.key, door.name, RegistryValue.binary(encode(descriptor)))


def encode(descriptor: SecurityDescriptor) -> bytes:
    """The bytes of a descriptor whose entries all allow or deny. Source: MS-DTYP 2.4.6, laid out as Windows does."""
    assert descriptor.owner is not None and descriptor.group is not None and descriptor.dacl is not None
    entries = b"".join(_ace_bytes(ace) for ace in descriptor.dacl)
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(entries), len(descriptor.dacl), 0) + entries
    owner, group = _sid_bytes(descriptor.owner), _sid_bytes(descriptor.group)
    offsets = (20 + len(acl), 20 + len(acl) + len(owner), 0, 20)
    return struct.pack("<BBHIIII", 1, 0, 0x8004, *offsets) + acl + owner + group


def _ace_bytes(ace: Ace) -> bytes:
    body = struct.pack("<I", ace.mask) + _sid_bytes(ace.sid)
    return struct.pack("<BBH", 0 if ace.kind is AceKind.ALLOW else 1, ace.flags, 4 + len(body)) + body


def _sid_bytes(sid: str) -> bytes:
    _unused, revision, authority, *parts = sid.split("-")
    head = struct.pack("<BB", int(revision), len(parts)) + int(authority, 0).to_bytes(6, "big")
    return head + struct.pack(f"<{len(parts)}I", *map(int, parts))


# Settings


def put_number(host: SimulatedHost, key: str, name: str, number: int) -> None:
    host.registry.put(key, name, RegistryValue.dword(number))


def put_text(host: SimulatedHost, key: str, name: str, text: str) -> None:
    host.registry.put(key, name, RegistryValue.sz(text))


def reboot(host: SimulatedHost) -> None:
    """Reboot and wait until the host is up, which puts everything in force."""
    host.reboot()
    host.clock.advance(host.boot.down_time_s)


# Accounts and services


def create_account(host: SimulatedHost, name: str, password: str) -> None:
    host.accounts.create_user(None, name, password)


def run_service_as(host: SimulatedHost, service: str, account: str, password: str) -> None:
    """Let a service run as a local account or `DOMAIN\\user`; it gets the logon right, and restarts if it runs."""
    holders = host.accounts.holders_of("SeServiceLogonRight") | {sid_of(host, account)}
    host.accounts.set_holders(None, "SeServiceLogonRight", holders)
    name = account if "\\" in account else rf".\{account}"
    host.services.change(None, service, account=name, password=password)
    restart_service(host, service)


def restart_service(host: SimulatedHost, service: str) -> None:
    if host.services.service(service).state is not State.STOPPED:
        host.services.stop(None, service)
    host.services.start(None, service)


def set_start_mode(host: SimulatedHost, service: str, mode: StartMode) -> None:
    """Change the start mode; a service that becomes disabled is stopped as well."""
    host.services.change(None, service, start_mode=mode)
    if mode is StartMode.DISABLED and host.services.service(service).state is State.RUNNING:
        host.services.stop(None, service)


# Firewall


def add_rule(host: SimulatedHost, name: str, fields: str) -> None:
    """An active rule with the fields of the store after `Active`, such as `Dir=In|Protocol=6|LPort=RPC|App=...`.

    A rule without `Action` allows. Raises: RuleError.
    """
    action = "" if "Action=" in fields else "Action=Allow|"
    schema = host.firewall.schema
    rule = parse_rule(f"v{schema[0]}.{schema[1]}|{action}Active=TRUE|{fields}|Name={name}|")
    host.firewall.add_rule(CONSOLE, rule)


def delete_rules(host: SimulatedHost, name: str) -> None:
    """All rules of a name. Raises: RuleError where there is none, so that a typing mistake shows."""
    found = [item.rule_id for item in host.firewall.rules() if item.rule.name == name and not item.is_policy]
    if not found:
        raise RuleError(f"no rule {name!r}")
    for rule_id in found:
        host.firewall.delete_rule(CONSOLE, rule_id)
