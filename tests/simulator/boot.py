# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boots of one host: what is in force since the last one, and reboots that are due.

A setting in the registry and a setting in force are two things; this module holds the second. A reboot takes
`boot_takes_s` (at least 60) of the wall clock, while connections are refused for `down_time_s` of elapsed time only.
A requested shutdown happens when its time has come and something looks at the host: nothing runs in the background.

Source: dcom.md 1.5; wsman_cim.md 4.7 (LastBootUpTime).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from .com_state import OLE, ComProcess, Descriptor, MachineState, captured_machine, launch_permission, policy_limit
from .journal import HOST_ITSELF, Journal
from .profiles import Profile
from .subsystems.clock import VirtualClock
from .subsystems.event_log import EVENT_LOG, KERNEL_GENERAL, USER32, Event, EventLog
from .subsystems.registry import Registry
from .subsystems.service_manager import ServiceManager

ERROR_SHUTDOWN_IS_SCHEDULED = 1190
REPLY_GRACE_S = 0.05  # between the answer to a shutdown request and the moment connections break


class ShutdownError(Exception):
    """A shutdown was refused; `code` is the Win32 error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class InForce:
    """What decides about DCOM at `time`: limits with policy applied, the machine's captured values, its processes."""

    time: datetime
    boot_time: datetime
    machine: MachineState
    access_limit: Descriptor
    launch_limit: Descriptor
    default_launch_permission: Descriptor
    processes: tuple[ComProcess, ...]


@dataclass(frozen=True, slots=True)
class _Shutdown:
    due_s: float
    restarts: bool


class Boot:
    """The power state of one host."""

    boot_takes_s: float = 60.0
    down_time_s: float = 0.2

    def __init__(
        self,
        profile: Profile,
        registry: Registry,
        services: ServiceManager,
        event_log: EventLog,
        clock: VirtualClock,
        journal: Journal,
    ) -> None:  # fmt: skip
        self.profile = profile
        self._registry = registry
        self._services = services
        self._event_log = event_log
        self._clock = clock
        self._journal = journal
        self._shutdown: _Shutdown | None = None
        self._up_at_s: float | None = 0.0  # None: switched off
        self._booted_at_s = 0.0
        self.machine: MachineState
        self.boot_count = 0
        self.on_reboot: list[Callable[[], None]] = []

    # Power

    def start(self) -> None:
        """Boot now: capture what takes effect at boot, start the automatic services."""
        self._booted_at_s = self._clock.elapsed_s
        self.boot_count += 1
        self.machine = captured_machine(self._registry, self.profile.hardening, self._clock.now())
        self._event_log.append("System", Event(KERNEL_GENERAL, 12))
        self._event_log.append("System", Event(EVENT_LOG, 6005))
        self._services.boot()

    def reboot(self) -> None:
        """Shut down and boot again at once; the host is down for `down_time_s`."""
        self._go_down()
        self._come_up(self._clock.elapsed_s)

    def power_off(self) -> None:
        self._go_down()
        self._up_at_s = None

    def power_on(self) -> None:
        if self._up_at_s is None:
            self._come_up(self._clock.elapsed_s)

    def request_shutdown(self, caller_name: str, delay_s: float, *, restarts: bool, comment: str = "") -> None:
        """Shut down (and boot again) once `delay_s` and the reply's grace are over. Raises: ShutdownError 1190."""
        if self._shutdown is not None:
            raise ShutdownError(ERROR_SHUTDOWN_IS_SCHEDULED, "a shutdown is scheduled already")
        self._shutdown = _Shutdown(self._clock.elapsed_s + delay_s + REPLY_GRACE_S, restarts)
        kind = "restart" if restarts else "power off"
        data = (("param1", "wmiprvse.exe"), ("param5", kind), ("param6", comment), ("param7", caller_name))
        self._event_log.append("System", Event(USER32, 1074, data=data))
        self._journal.change("boot", "request_shutdown", (kind,), before=None, after=delay_s, caller=caller_name)

    def settle(self) -> None:
        """Carry out a shutdown that is due."""
        if self._shutdown is None or self._clock.elapsed_s < self._shutdown.due_s:
            return
        shutdown, self._shutdown = self._shutdown, None
        self._go_down()
        if shutdown.restarts:
            self._come_up(shutdown.due_s)
        else:
            self._up_at_s = None

    @property
    def is_up(self) -> bool:
        self.settle()
        return self._up_at_s is not None and self._clock.elapsed_s >= self._up_at_s

    @property
    def boot_time(self) -> datetime:
        """Wall-clock time of the boot. A jump of the clock moves it, as on Windows."""
        return self._clock.at(self._booted_at_s)

    def _go_down(self) -> None:
        self._shutdown = None
        self._event_log.append("System", Event(EVENT_LOG, 6006))
        for callback in self.on_reboot:
            callback()
        self._services.shut_down()
        self._registry.tree.drop_volatile()
        self._journal.change("boot", "down", (), before=self.boot_time, after=None, caller=HOST_ITSELF)

    def _come_up(self, down_since_s: float) -> None:
        self._clock.jump(max(self.boot_takes_s, 60.0))
        self._up_at_s = down_since_s + self.down_time_s
        self.start()
        self._journal.change("boot", "up", (), before=None, after=self.boot_time, caller=HOST_ITSELF)

    # What is in force

    def in_force(self) -> InForce:
        """The values that decide now, whatever the registry says by now."""
        processes = [item.com for item in self._services.processes()]
        # Vendors ask for a restart of the program only, and RPCSS cannot be restarted: so it reads this one each time.
        logging = self._registry.get_number(OLE, "ActivationFailureLoggingLevel", 0)
        return InForce(
            time=self._clock.now(),
            boot_time=self.boot_time,
            machine=replace(self.machine, activation_failure_logging=logging),
            access_limit=policy_limit(self._registry, "MachineAccessRestriction") or self.machine.access_limit,
            launch_limit=policy_limit(self._registry, "MachineLaunchRestriction") or self.machine.launch_limit,
            default_launch_permission=launch_permission(self._registry, None),
            processes=tuple(item for item in processes if isinstance(item, ComProcess)),
        )
