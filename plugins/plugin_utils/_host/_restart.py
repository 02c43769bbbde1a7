# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Restarts the services that run with old values, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...module_utils._errors import HostStateError, OpcDcomError, ParameterError
from ...module_utils._host_state import PENDING_RESTART, STATE_KEY, PendingRestart
from ...module_utils._plan import SetValue
from ...module_utils._registry import RegistryType
from ._host import Host
from ._services import STOPPED


@dataclass(frozen=True, slots=True)
class RestartRequest:
    """Options of opc_service_restart; `services` () means those that are marked. Raises: ParameterError."""

    services: tuple[str, ...]
    timeout_s: float

    def __post_init__(self) -> None:
        if self.timeout_s <= 0:
            raise ParameterError("timeout_s", "a duration of more than 0 is needed")


@dataclass(frozen=True, slots=True)
class RestartPlan:
    """Services to restart in this order, and services that are left alone with the reason."""

    services: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()


def plan_restart(host: Host, request: RestartRequest, pending: PendingRestart) -> RestartPlan:
    """Which services to restart. Raises: HostStateError for a named one that is not there or shares its process."""
    services: list[str] = []
    skipped: list[tuple[str, str]] = []
    for name in request.services or pending.services:
        service = host.services.require(name)
        if service.shares_process:
            raise HostStateError(f"service {service.name} shares its process with others; reboot the host instead")
        if service.state == STOPPED:
            skipped.append((service.name, "it does not run and will start with the new values"))
        else:
            services.append(service.name)
    return RestartPlan(tuple(services), tuple(skipped))


def restart_services(host: Host, services: Iterable[str], timeout_s: float) -> tuple[str, ...]:
    """Restart each with its dependents, and forget what waited for it; return all that were started, in order.

    Every service is tried. Raises: HostStateError that names each failure; what failed stays marked.
    """
    started: list[str] = []
    failures: list[str] = []
    for name in services:
        if name in started:
            continue
        try:
            started.extend(item for item in host.services.restart(name, timeout_s) if item not in started)
        except OpcDcomError as error:
            failures.append(f"{name}: {error}")
    _forget(host, started)
    if failures:
        raise HostStateError(f"not every service was restarted (restarted: {_named(started)}). {'; '.join(failures)}")
    return tuple(started)


def _forget(host: Host, services: Sequence[str]) -> None:
    present = host.registry.value(STATE_KEY, PENDING_RESTART, RegistryType.MULTI_SZ)
    pending = PendingRestart.from_value(present)
    done = {name.lower() for name in services}
    left = PendingRestart(tuple(item for item in pending.processes if item.service.lower() not in done))
    if left != pending:
        host.registry.set_value(SetValue(STATE_KEY, PENDING_RESTART, before=present, after=left.to_value()))


def _named(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
