# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What one host has that decides about its links, as values and as plain data. Pure.

A host is read by itself, so in any job slice; the facts of both ends meet only where a link is judged (_link_check).
Descriptors travel as hexadecimal bytes. Nothing in here is a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ._com_value import ComValue, read_com_value
from ._errors import ParameterError
from ._registry import RegistryValue

OPC_ENUM_NAME = "opc_enum"
ENDPOINT_MAPPER_NAME = "endpoint_mapper"


@dataclass(frozen=True, slots=True)
class StoredDescriptor:
    """A permission value: its bytes in hexadecimal, or `trouble`, or neither where it is absent."""

    data: str = ""
    trouble: str = ""

    def __post_init__(self) -> None:
        """Raises: TypeError or ValueError for what `of` does not make."""
        if not isinstance(self.trouble, str):
            raise TypeError(f"trouble is {type(self.trouble).__name__}, not a text")
        bytes.fromhex(self.data)

    @classmethod
    def of(cls, found: ComValue) -> StoredDescriptor:
        if found.descriptor is not None:
            return cls(data=found.descriptor.to_bytes().hex())
        return cls(trouble=found.trouble or "")

    def read(self) -> ComValue:
        """The descriptor; a trouble stays one."""
        if self.trouble:
            return ComValue(trouble=self.trouble)
        return read_com_value(RegistryValue.binary(bytes.fromhex(self.data))) if self.data else ComValue()


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """A program of a link on this host.

    `trouble`: why it was not found. `app_id` is the AppID its process reads its level and access permission from, ""
    for none. `level` 0 is a value that COM rejects. `has_program`, `service_runs` None: not known, or no service.
    """

    trouble: str = ""
    app_id: str = ""
    program: str = ""
    has_program: bool | None = None
    service: str = ""
    service_runs: bool | None = None
    can_start: bool = True
    run_as: str = ""
    level: int = 2
    access: StoredDescriptor = field(default_factory=StoredDescriptor)
    launch: StoredDescriptor = field(default_factory=StoredDescriptor)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Who a principal is on this host. `sid` "" : nobody, and `trouble` says so. `knows_all_groups`: domain groups are
    known to the domain only."""

    sid: str = ""
    trouble: str = ""
    is_local: bool = False
    groups: tuple[str, ...] = ()
    knows_all_groups: bool = True


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What the firewall makes of connections with one peer. `is_inbound`: the peer connects. `allowed` None: it depends
    on what is not known."""

    is_inbound: bool
    peer: str
    target: str
    allowed: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class EndFacts:
    """One host. `windows` is its name and version for people, `phase` that of KB5004442 (_patch_level.Phase in lower
    case), "" where it is not known. `requires_integrity` and `raises` follow from it, None where it does not tell.
    Without a phase `raises` is an estimate from the version of rpcss.dll.

    `raises`: "nothing", "default_level_only" or "all_requests". `doors` are the limits in force and the machine
    defaults by the names of _access_check.Door; `policy_doors` those that Group Policy sets. `makes_everyone_guest`:
    the sharing model of its network logons; `retries_anonymously`: its own activations that a peer did not recognise.
    """

    host: str
    computer_name: str = ""
    windows: str = ""
    phase: str = ""
    requires_integrity: bool | None = None
    raises: str | None = None
    is_dcom_enabled: bool = True
    has_endpoint_mapper: bool = True
    default_level: int = 2
    everyone_includes_anonymous: bool = False
    filters_local_administrators: bool = True
    makes_everyone_guest: bool = False
    retries_anonymously: bool = True
    doors: Mapping[str, StoredDescriptor] = field(default_factory=dict)
    policy_doors: tuple[str, ...] = ()
    programs: Mapping[str, ProgramFacts] = field(default_factory=dict)
    accounts: Mapping[str, AccountFacts] = field(default_factory=dict)
    connections: tuple[ConnectionFacts, ...] = ()
    reboot_reasons: tuple[str, ...] = ()
    stale_services: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a playbook."""
        found: dict[str, Any] = _without_tuples(asdict(self))
        return found


def _without_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_tuples(item) for name, item in value.items()}
    return [_without_tuples(item) for item in value] if isinstance(value, (list, tuple)) else value


# What a field of such a type may hold as plain data. A bool is an int for Python only.
_PLAIN: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "str | None": (str, type(None)),
    "bool | None": (bool, type(None)),
    "tuple[str, ...]": (list, tuple),
}


def facts_from_dict(path: str, item: Mapping[str, Any]) -> EndFacts:
    """Inverse of `to_dict`. Raises: ParameterError for what is not."""
    try:
        return EndFacts(
            **{
                **_plain(EndFacts, {name: item[name] for name in EndFacts.__slots__}),
                "doors": {name: StoredDescriptor(**value) for name, value in item["doors"].items()},
                "programs": {name: _program(value) for name, value in item["programs"].items()},
                "accounts": {name: _account(value) for name, value in item["accounts"].items()},
                "connections": tuple(_connection(each) for each in item["connections"]),
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ParameterError(path, f"is not what opc_end_info tells of a host ({error})") from error


def _program(item: Mapping[str, Any]) -> ProgramFacts:
    permissions = {name: StoredDescriptor(**item[name]) for name in ("access", "launch")}
    return ProgramFacts(**{**_plain(ProgramFacts, item), **permissions})


def _account(item: Mapping[str, Any]) -> AccountFacts:
    return AccountFacts(**_plain(AccountFacts, item))


def _connection(item: Mapping[str, Any]) -> ConnectionFacts:
    return ConnectionFacts(**_plain(ConnectionFacts, item))


def _plain(
    kind: type[EndFacts | ProgramFacts | AccountFacts | ConnectionFacts], item: Mapping[str, Any]
) -> dict[str, Any]:
    """The item with lists of texts as tuples. Raises: TypeError for a field of a plain type that holds another."""
    found = dict(item)
    for each in fields(kind):
        allowed = _PLAIN.get(str(each.type))
        if allowed is None or each.name not in found:
            continue
        value = found[each.name]
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise TypeError(f"{each.name} is {type(value).__name__}, not {each.type}")
        if list in allowed:
            found[each.name] = tuple(str(text) for text in item[each.name])
    return found
