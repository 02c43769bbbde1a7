# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What COM reads from the registry, and when: values captured at boot, at the start of a process, or per request.

Source: dcom.md 1.1 (values and what their absence means), 1.3 (KB5004442), 1.4 (policy limits), 1.5 (what must be
restarted), 2.1 (AppIDs), 3.2 (which descriptor counts).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from .profiles import Hardening, HardeningPhase
from .shipped_descriptors import BUILT_IN_ACCESS
from .subsystems.registry import Registry
from .subsystems.registry_value import REG_BINARY, REG_DWORD, REG_SZ

OLE = r"HKLM\SOFTWARE\Microsoft\Ole"
APP_COMPAT = OLE + r"\AppCompat"
POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows NT\DCOM"
APP_IDS = r"HKLM\SOFTWARE\Classes\AppID"

LEVEL_NONE, LEVEL_CONNECT, LEVEL_CALL, LEVEL_PKT, LEVEL_PKT_INTEGRITY, LEVEL_PKT_PRIVACY = range(1, 7)
IMPERSONATION_ANONYMOUS, IMPERSONATION_IDENTIFY, IMPERSONATION_IMPERSONATE, IMPERSONATION_DELEGATE = range(1, 5)


class DescriptorSource(enum.Enum):
    """Where a descriptor in force comes from."""

    POLICY = "policy"  # SDDL text of Group Policy
    OLE = "ole"  # a value of HKLM\SOFTWARE\Microsoft\Ole
    APPLICATION = "application"  # a value of the AppID
    PROGRAM = "program"  # what the program passed to CoInitializeSecurity
    BUILT_IN = "built_in"  # nothing is configured


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A security descriptor in force: bytes, or SDDL from a policy. Both None: none, nothing is restricted by it."""

    source: DescriptorSource
    data: bytes | None = None
    sddl: str | None = None


@dataclass(frozen=True, slots=True)
class MachineState:
    """What the COM activation service captured at boot. `raises_level`: 0 nothing, 1 default level only, 2 all."""

    captured: datetime
    is_dcom_enabled: bool
    requires_integrity: bool
    raises_level: int
    default_authentication_level: int
    default_impersonation_level: int
    access_limit: Descriptor
    launch_limit: Descriptor
    activation_failure_logging: int
    remote_call_flags: int
    logs_hardening: bool


@dataclass(frozen=True, slots=True)
class ComProgram:
    """How an executable initialises COM security (dcom.md 3.2).

    `app_id` is passed with EOAC_APPID; `own_level` and `own_descriptor` are passed explicitly and override the AppID
    (`passes_null_descriptor`: the program passes NULL without flags, so everyone may call).
    """

    program: str
    app_id: str | None = None
    own_level: int | None = None
    own_descriptor: bytes | None = None
    passes_null_descriptor: bool = False


@dataclass(frozen=True, slots=True)
class ComProcess:
    """What a process captured when it initialised COM security. `failure` says why it could not."""

    program: str
    captured: datetime
    app_id: str | None
    authentication_level: int
    impersonation_level: int
    access_permission: Descriptor
    access_limit: Descriptor
    call_failure_logging: int
    failure: str | None = None


def captured_machine(registry: Registry, hardening: Hardening, now: datetime) -> MachineState:
    """Read what takes effect at boot only."""
    return MachineState(
        captured=now,
        is_dcom_enabled=_is_dcom_enabled(registry),
        requires_integrity=_requires_integrity(registry, hardening),
        raises_level=_raises_level(registry, hardening),
        default_authentication_level=default_authentication_level(registry),
        default_impersonation_level=default_impersonation_level(registry),
        access_limit=ole_descriptor(registry, "MachineAccessRestriction"),
        launch_limit=ole_descriptor(registry, "MachineLaunchRestriction"),
        activation_failure_logging=registry.get_number(OLE, "ActivationFailureLoggingLevel", 0),
        remote_call_flags=registry.get_number(OLE, "DCOMSCMRemoteCallFlags", 0),
        logs_hardening=registry.get_number(APP_COMPAT, "DisableAuthenticationLevelHardeningLog", 0) == 0,
    )


def captured_process(registry: Registry, behaviour: ComProgram, now: datetime) -> ComProcess:
    """Read what a new process takes at its start."""
    app_id = behaviour.app_id or app_id_of_program(registry, behaviour.program)
    level, failure = _process_level(registry, behaviour, app_id)
    return ComProcess(
        program=behaviour.program,
        captured=now,
        app_id=app_id,
        authentication_level=level,
        impersonation_level=default_impersonation_level(registry),
        access_permission=_access_permission(registry, behaviour, app_id),
        access_limit=ole_descriptor(registry, "MachineAccessRestriction"),
        call_failure_logging=registry.get_number(OLE, "CallFailureLoggingLevel", 2),
        failure=failure,
    )


def default_authentication_level(registry: Registry) -> int:
    """LegacyAuthenticationLevel; absent or impossible means Connect."""
    level = registry.get_number(OLE, "LegacyAuthenticationLevel", LEVEL_CONNECT)
    return level if LEVEL_NONE <= level <= LEVEL_PKT_PRIVACY else LEVEL_CONNECT


def default_impersonation_level(registry: Registry) -> int:
    """LegacyImpersonationLevel; absent or impossible means Identify."""
    level = registry.get_number(OLE, "LegacyImpersonationLevel", IMPERSONATION_IDENTIFY)
    return level if IMPERSONATION_ANONYMOUS <= level <= IMPERSONATION_DELEGATE else IMPERSONATION_IDENTIFY


def app_id_of_program(registry: Registry, program: str) -> str | None:
    """The AppID that the mapping `AppID\\program.exe` names for an executable."""
    value = registry.get(f"{APP_IDS}\\{program.rpartition(chr(92))[2]}", "AppID")
    return value.text if value is not None and value.type == REG_SZ else None


def launch_permission(registry: Registry, app_id: str | None) -> Descriptor:
    """Who may launch and activate, read on each request: the AppID's permission, else the machine default."""
    own = _binary(registry, f"{APP_IDS}\\{app_id}", "LaunchPermission") if app_id else None
    if own is not None:
        return Descriptor(DescriptorSource.APPLICATION, own)
    return ole_descriptor(registry, "DefaultLaunchPermission")


def policy_limit(registry: Registry, name: str) -> Descriptor | None:
    """A limit of Group Policy; None where policy enforces none (an empty text counts as none, dcom.md 1.4)."""
    value = registry.get(POLICY, name)
    if value is None or value.type != REG_SZ or not value.text.strip():
        return None
    return Descriptor(DescriptorSource.POLICY, sddl=value.text)


def ole_descriptor(registry: Registry, name: str) -> Descriptor:
    data = _binary(registry, OLE, name)
    return Descriptor(DescriptorSource.BUILT_IN if data is None else DescriptorSource.OLE, data)


def _access_permission(registry: Registry, behaviour: ComProgram, app_id: str | None) -> Descriptor:
    if behaviour.passes_null_descriptor:
        return Descriptor(DescriptorSource.PROGRAM)
    if behaviour.own_descriptor is not None:
        return Descriptor(DescriptorSource.PROGRAM, behaviour.own_descriptor)
    own = _binary(registry, f"{APP_IDS}\\{app_id}", "AccessPermission") if app_id else None
    if own is not None:
        return Descriptor(DescriptorSource.APPLICATION, own)
    default = _binary(registry, OLE, "DefaultAccessPermission")
    if default is not None:
        return Descriptor(DescriptorSource.OLE, default)
    return Descriptor(DescriptorSource.BUILT_IN, BUILT_IN_ACCESS)


def _process_level(registry: Registry, behaviour: ComProgram, app_id: str | None) -> tuple[int, str | None]:
    """The process' authentication level, and why CoInitializeSecurity fails (dcom.md 2.1: wrong type or range)."""
    if behaviour.own_level is not None:
        return behaviour.own_level, None
    value = registry.get(f"{APP_IDS}\\{app_id}", "AuthenticationLevel") if app_id else None
    if value is None:
        return default_authentication_level(registry), None
    if value.type != REG_DWORD or not LEVEL_NONE <= value.number <= LEVEL_PKT_PRIVACY:
        return LEVEL_CONNECT, f"AuthenticationLevel of AppID {app_id} has a wrong type or value"
    return value.number, None


def _is_dcom_enabled(registry: Registry) -> bool:
    """EnableDCOM; what its absence means is not documented, taken as the shipped Y."""
    value = registry.get(OLE, "EnableDCOM")
    return value is None or (value.type == REG_SZ and value.text.upper() == "Y")


def _requires_integrity(registry: Registry, hardening: Hardening) -> bool:
    """Whether authenticated activations below packet integrity are rejected. A wrong type counts as absent."""
    if hardening.phase in (HardeningPhase.NONE, HardeningPhase.ENFORCED):
        return hardening.phase is HardeningPhase.ENFORCED
    by_default = int(hardening.phase is HardeningPhase.ON_BY_DEFAULT)
    return registry.get_number(APP_COMPAT, "RequireIntegrityActivationAuthenticationLevel", by_default) != 0


def _raises_level(registry: Registry, hardening: Hardening) -> int:
    if hardening.phase is HardeningPhase.NONE:
        return 0
    value = registry.get_number(APP_COMPAT, "RaiseActivationAuthenticationLevel", hardening.default_raise)
    return value if value in (1, 2) else hardening.default_raise


def _binary(registry: Registry, key: str, name: str) -> bytes | None:
    value = registry.get(key, name)
    return value.data if value is not None and value.type == REG_BINARY else None
