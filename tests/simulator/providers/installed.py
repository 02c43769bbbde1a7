# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which CIM classes a host has: every other class name is an invalid class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cim import Provider
from .cim_data_file import DataFile
from .provider import ClassProvider
from .std_reg_prov import StdRegProv
from .win32_accounts import GroupProvider, GroupUser, SidProvider, SystemAccount, UserAccount
from .win32_computer_system import ComputerSystem, QuickFixEngineering
from .win32_dependent_service import DependentService
from .win32_operating_system import OperatingSystem
from .win32_process import ProcessProvider
from .win32_service import ServiceProvider

if TYPE_CHECKING:
    from ..host import SimulatedHost

_CLASSES: tuple[type[ClassProvider], ...] = (
    StdRegProv,
    OperatingSystem,
    ComputerSystem,
    QuickFixEngineering,
    ServiceProvider,
    DependentService,
    ProcessProvider,
    DataFile,
    UserAccount,
    GroupProvider,
    SystemAccount,
    SidProvider,
    GroupUser,
)


def installed_providers(host: SimulatedHost) -> dict[tuple[str, str], Provider]:
    """Providers by (namespace, class name), both in lower case."""
    providers = [provider(host) for provider in _CLASSES]
    return {(item.cim_class.namespace.lower(), item.cim_class.name.lower()): item for item in providers}
