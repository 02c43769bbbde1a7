# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service manager knows of one service: configuration, state, process. Values and constants only.

Source: MS-SCMR 2.2.15 (QUERY_SERVICE_CONFIGW), 2.2.47 (SERVICE_STATUS); winerror.h.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

ERROR_FILE_NOT_FOUND = 2
ERROR_ACCESS_DENIED = 5
ERROR_INVALID_PARAMETER = 87
ERROR_INVALID_NAME = 123
ERROR_DEPENDENT_SERVICES_RUNNING = 1051
ERROR_INVALID_SERVICE_CONTROL = 1052
ERROR_SERVICE_REQUEST_TIMEOUT = 1053
ERROR_SERVICE_ALREADY_RUNNING = 1056
ERROR_INVALID_SERVICE_ACCOUNT = 1057
ERROR_SERVICE_DISABLED = 1058
ERROR_CIRCULAR_DEPENDENCY = 1059
ERROR_SERVICE_DOES_NOT_EXIST = 1060
ERROR_SERVICE_CANNOT_ACCEPT_CTRL = 1061
ERROR_SERVICE_NOT_ACTIVE = 1062
ERROR_SERVICE_DEPENDENCY_FAIL = 1068
ERROR_SERVICE_LOGON_FAILED = 1069
ERROR_SERVICE_MARKED_FOR_DELETE = 1072
ERROR_SERVICE_EXISTS = 1073
ERROR_SERVICE_DEPENDENCY_DELETED = 1075
ERROR_SERVICE_NEVER_STARTED = 1077

SERVICE_KERNEL_DRIVER = 0x1
SERVICE_FILE_SYSTEM_DRIVER = 0x2
SERVICE_WIN32_OWN_PROCESS = 0x10
SERVICE_WIN32_SHARE_PROCESS = 0x20
SERVICE_INTERACTIVE_PROCESS = 0x100


class ServiceError(Exception):
    """A service function failed; `code` is the Win32 error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class StartMode(enum.IntEnum):
    """The registry value Start."""

    BOOT = 0
    SYSTEM = 1
    AUTO = 2
    MANUAL = 3
    DISABLED = 4


class State(enum.IntEnum):
    """dwCurrentState."""

    STOPPED = 1
    START_PENDING = 2
    STOP_PENDING = 3
    RUNNING = 4
    CONTINUE_PENDING = 5
    PAUSE_PENDING = 6
    PAUSED = 7


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """One service as its registry key describes it."""

    name: str
    image_path: str
    display_name: str = ""
    start_mode: StartMode = StartMode.MANUAL
    account: str = "LocalSystem"
    depends_on: tuple[str, ...] = ()
    service_type: int = SERVICE_WIN32_OWN_PROCESS
    error_control: int = 1
    description: str = ""
    is_delayed_auto_start: bool = False

    @property
    def is_driver(self) -> bool:
        return bool(self.service_type & (SERVICE_KERNEL_DRIVER | SERVICE_FILE_SYSTEM_DRIVER))


@dataclass(slots=True)
class Behaviour:
    """How the program behind a service behaves; a test changes it to play trouble.

    `start_s` and `stop_s` are seconds spent in the pending states; `hangs_on_stop` never leaves Stop Pending;
    `start_error` is the Win32 error a start fails with, `exit_code` what an ended process leaves.
    """

    start_s: float = 0.0
    stop_s: float = 0.0
    hangs_on_stop: bool = False
    start_error: int | None = None
    accepts_stop: bool = True
    accepts_pause: bool = False


@dataclass(frozen=True, slots=True)
class Process:
    """A running process that hosts services. `com` is what COM captured when it started (com_state.ComProcess)."""

    process_id: int
    program: str
    account: str
    started: datetime
    com: object = None


@dataclass(slots=True)
class Service:
    """Configuration in memory and current state."""

    config: ServiceConfig
    behaviour: Behaviour = field(default_factory=Behaviour)
    state: State = State.STOPPED
    exit_code: int = ERROR_SERVICE_NEVER_STARTED
    process: Process | None = None
    settles_at_s: float | None = None  # elapsed time at which a pending state ends; None: never by itself
    is_marked_for_delete: bool = False
