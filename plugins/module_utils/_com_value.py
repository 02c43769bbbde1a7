# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Where COM permissions are kept in the registry, and what a value there is: absent, a descriptor, or neither.

The three are never confused: an absent value is not insecure, a value of the wrong type is not absent, and a Group
Policy limit (SDDL text of another key) makes the limit of the Ole key dead. Source: dcom.md 1.1, 1.4, 2.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ._com_defaults import ComScope
from ._com_report import NameOf, describe
from ._com_rights import ComKind
from ._dcom import OLE
from ._errors import DomainError
from ._registry import RegistryKey, RegistryType, RegistryValue
from ._sddl import from_sddl
from ._security_descriptor import SecurityDescriptor
from ._well_known import well_known_name

POLICY = RegistryKey("SOFTWARE\\Policies\\Microsoft\\Windows NT\\DCOM")


@dataclass(frozen=True, slots=True)
class PermissionPlace:
    """One COM permission value. `option` is what results and diffs call it."""

    scope: ComScope
    kind: ComKind
    key: RegistryKey
    value_name: str
    option: str

    def __str__(self) -> str:
        return f"{self.value_name} of {self.key}"


_MACHINE_VALUES: Mapping[tuple[ComScope, ComKind], tuple[str, str]] = MappingProxyType(
    {
        (ComScope.MACHINE_LIMIT, ComKind.ACCESS): ("MachineAccessRestriction", "machine_access_restriction"),
        (ComScope.MACHINE_LIMIT, ComKind.LAUNCH): ("MachineLaunchRestriction", "machine_launch_restriction"),
        (ComScope.MACHINE_DEFAULT, ComKind.ACCESS): ("DefaultAccessPermission", "default_access_permission"),
        (ComScope.MACHINE_DEFAULT, ComKind.LAUNCH): ("DefaultLaunchPermission", "default_launch_permission"),
    }
)
_APPLICATION_VALUES: Mapping[ComKind, tuple[str, str]] = MappingProxyType(
    {
        ComKind.ACCESS: ("AccessPermission", "access_permission"),
        ComKind.LAUNCH: ("LaunchPermission", "launch_permission"),
    }
)


def machine_place(scope: ComScope, kind: ComKind) -> PermissionPlace:
    """The place of a machine limit or machine default."""
    return PermissionPlace(scope, kind, OLE, *_MACHINE_VALUES[scope, kind])


def application_place(app_id_key: RegistryKey, kind: ComKind) -> PermissionPlace:
    """The place of a permission of one application."""
    return PermissionPlace(ComScope.APPLICATION, kind, app_id_key, *_APPLICATION_VALUES[kind])


def policy_value_name(kind: ComKind) -> str:
    """Name of the Group Policy twin of a machine limit, a value of POLICY."""
    return _MACHINE_VALUES[ComScope.MACHINE_LIMIT, kind][0]


@dataclass(frozen=True, slots=True)
class ComValue:
    """What a value holds. `descriptor` is None where it is absent or `trouble` says why it is none."""

    value: RegistryValue | None = None
    descriptor: SecurityDescriptor | None = None
    trouble: str | None = None

    @property
    def is_absent(self) -> bool:
        return self.descriptor is None and self.trouble is None


def read_com_value(value: RegistryValue | None) -> ComValue:
    """Decode a REG_BINARY value; another type or other bytes are a trouble, not an error."""
    if value is None:
        return ComValue()
    if value.type is not RegistryType.BINARY or not isinstance(value.data, bytes):
        return ComValue(value, trouble=f"{value.type.label} where REG_BINARY belongs")
    try:
        return ComValue(value, SecurityDescriptor.from_bytes(value.data))
    except DomainError as error:
        return ComValue(value, trouble=f"{len(value.data)} bytes that are no security descriptor: {error}")


def read_policy_value(value: RegistryValue | None) -> ComValue:
    """Decode a limit of Group Policy. An empty text is "not enforced", which is the same as absent.

    Source: policy settings "DCOM: Machine Access/Launch Restrictions in SDDL syntax"; dcom.md 1.4.
    """
    if value is None or value.data == "":
        return ComValue(value)
    if value.type is not RegistryType.SZ or not isinstance(value.data, str):
        return ComValue(value, trouble=f"{value.type.label} where REG_SZ with SDDL belongs")
    try:
        return ComValue(value, from_sddl(value.data))
    except DomainError as error:
        return ComValue(value, trouble=f"no SDDL: {error}; COM denies what it governs and logs event 10024")


def describe_com_value(found: ComValue, kind: ComKind, if_absent: str, name_of: NameOf = well_known_name) -> list[str]:
    """Lines for people: the entries by names and rights, or that there is no value, or what is wrong with it."""
    if found.trouble is not None:
        return [f"invalid: {found.trouble}"]
    if found.descriptor is None:
        return [f"absent: {if_absent}"]
    return describe(found.descriptor, kind, name_of)
