# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all CIM classes share: namespace rights, and the refusals of a class that does not override them.

A method that exists on Windows but is not simulated answers METHOD_NOT_AVAILABLE and leaves a violation: a test must
not pass because the simulation is thin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..cim import Caller, CimClass, CimError, CimProperty, CimStatus, CimType

if TYPE_CHECKING:
    from ..host import SimulatedHost

WBEM_E_ACCESS_DENIED = 0x80041003
WBEM_E_NOT_FOUND = 0x80041002

RETURN_VALUE = "ReturnValue"


class ClassProvider:
    """One class of one host. Subclasses set `cim_class` and override what the class can do."""

    cim_class: CimClass

    def __init__(self, host: SimulatedHost) -> None:
        self.host = host

    def instances(self, caller: Caller) -> Iterable[Mapping[str, Any]]:
        self.admit(caller)
        raise CimError(CimStatus.NOT_SUPPORTED, f"{self.cim_class.name} cannot be enumerated")

    def get(self, caller: Caller, keys: Mapping[str, str]) -> Mapping[str, Any]:
        """The instance that has these keys, found among all instances; texts are compared without case."""
        self.admit(caller)
        for instance in self.instances(caller):
            if all(str(instance[name]).upper() == value.upper() for name, value in keys.items()):
                return instance
        raise self.not_found(keys)

    def put(self, caller: Caller, keys: Mapping[str, str], changes: Mapping[str, Any]) -> Mapping[str, Any]:
        self.admit(caller)
        self.host.journal.violation(self.cim_class.name, f"Put of {sorted(changes)}")
        raise CimError(CimStatus.NOT_SUPPORTED, f"{self.cim_class.name} cannot be changed")

    def invoke(
        self, caller: Caller, method: str, keys: Mapping[str, str] | None, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self.admit(caller)
        raise self.not_simulated(method)

    def admit(self, caller: Caller) -> None:
        """Namespace security: by default only administrators have Remote Enable (wsman_cim.md 7)."""
        if not caller.sids & self.host.wmi_remote_sids:
            message = f"{caller.account_name} has no Remote Enable on {self.cim_class.namespace}"
            raise CimError(CimStatus.ACCESS_DENIED, message, WBEM_E_ACCESS_DENIED)

    def not_found(self, keys: Mapping[str, str]) -> CimError:
        path = ",".join(f'{name}="{value}"' for name, value in keys.items())
        return CimError(CimStatus.NOT_FOUND, f"{self.cim_class.name}.{path}", WBEM_E_NOT_FOUND)

    def not_simulated(self, method: str) -> CimError:
        self.host.journal.violation(self.cim_class.name, f"method {method} is not simulated")
        return CimError(CimStatus.METHOD_NOT_AVAILABLE, f"{self.cim_class.name}.{method}")


def properties(type_: CimType, names: str, *, is_array: bool = False) -> tuple[CimProperty, ...]:
    """Properties of one type by their names, separated by blanks; a leading `*` marks a key."""
    return tuple(
        CimProperty(name.lstrip("*"), type_, is_array=is_array, is_key=name.startswith("*")) for name in names.split()
    )
