# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting the server of a class: the service, or the program as its RunAs account or as the user who asks.

Every failure is CO_E_SERVER_EXEC_FAILURE or CO_E_RUNAS_LOGON_FAILURE to the client (dcom.md 6.5); the event on the
server names the Win32 error. **Unverified**: real hosts are said to pass some errors of the service manager on as they
are (0x80070422 for a disabled service).

Source: dcom.md 2.1 (LocalService, RunAs, 60 s to register), 6.1 (10000, 10004, 10005, 10010).
"""

from __future__ import annotations

from ..com_state import APP_IDS
from ..host import SimulatedHost
from ..subsystems.account_database import User
from ..subsystems.service_record import Service, ServiceError, StartMode, State
from . import events
from .identity import account_sid, find_user
from .layers import CO_E_RUNAS_LOGON_FAILURE, CO_E_SERVER_EXEC_FAILURE, Layer, Refusal
from .network import Program, service_program
from .registration import ComClass
from .walk import Refused, Walk

REGISTRATION_TIMEOUT_S = 60.0
_LAUNCHED_PROCESS_ID = 3000
_ERROR_LOGON_FAILURE, _ERROR_ACCOUNT_DISABLED = 1326, 1331
_ERROR_LOGON_TYPE_NOT_GRANTED, _ERROR_ACCOUNT_LOCKED_OUT = 1385, 1909
_ERROR_FILE_NOT_FOUND = 2
_BATCH_RIGHT, _BATCH = "SeBatchLogonRight", "S-1-5-3"
_INTERACTIVE_USER = "interactive user"


def running_server(walk: Walk, com_class: ComClass) -> Program | None:
    """The process that has registered the class; None where COM must launch one, or where it cannot use COM."""
    program = _running(walk, com_class)
    return program if program is not None and program.com.failure is None else None


def _running(walk: Walk, com_class: ComClass) -> Program | None:
    if not com_class.service:
        return walk.network.running(walk.target, com_class.program)
    service = walk.target.host.services.find(com_class.service)
    if service is None or service.state is not State.RUNNING:
        return None
    return _program_of(walk, service)


def start_server(walk: Walk, com_class: ComClass) -> Program:
    """Launch the server and wait for it to register. Raises: Refused."""
    program = _start_service(walk, com_class) if com_class.service else _start_program(walk, com_class)
    if program.com.failure is not None:
        raise not_registered(walk, com_class, program.com.failure)
    return program


def start_refusal(walk: Walk, com_class: ComClass) -> Refusal | None:
    """What would keep the server from starting, as far as it shows without trying; leaves no trace."""
    host = walk.target.host
    service = host.services.find(com_class.service) if com_class.service else None
    why = host.com_process(com_class.program).failure
    if service is not None and service.config.start_mode is StartMode.DISABLED:
        why = f"the service {com_class.service} is disabled"
    elif not host.files.exists(com_class.program):
        why = f"there is no program {com_class.program}"
    if not why:
        return None
    return walk.refusal(Layer.APPLICATION_START, walk.target, why, CO_E_SERVER_EXEC_FAILURE).refusal


def not_registered(walk: Walk, com_class: ComClass, why: str) -> Refused:
    events.write(walk.target.host, 10010, com_class.clsid)
    evidence = f"the server of {com_class.clsid} does not register: {why} (event 10010)"
    return walk.refusal(Layer.APPLICATION_START, walk.target, evidence, CO_E_SERVER_EXEC_FAILURE)


# Services


def _start_service(walk: Walk, com_class: ComClass) -> Program:
    host, name = walk.target.host, com_class.service
    try:
        if host.services.service(name).state is State.STOPPED:
            host.services.start(None, name)
    except ServiceError as error:
        events.write(host, 10005, str(error.code), name, _service_arguments(host, com_class), com_class.clsid)
        evidence = f"the service {name} does not start: error {error} (event 10005)"
        raise walk.refusal(Layer.APPLICATION_START, walk.target, evidence, CO_E_SERVER_EXEC_FAILURE) from error
    service = host.services.service(name)
    if not _registers_in_time(host, service):
        raise not_registered(walk, com_class, f"the service {name} is {service.state.name}")
    return _program_of(walk, service)


def _registers_in_time(host: SimulatedHost, service: Service) -> bool:
    if service.state is State.RUNNING:
        return True
    if service.state is not State.START_PENDING or service.settles_at_s is None:
        return False
    return service.settles_at_s - host.clock.elapsed_s <= REGISTRATION_TIMEOUT_S


def _program_of(walk: Walk, service: Service) -> Program:
    process = service.process
    assert process is not None, "a service that is starting or running has a process"
    host = walk.target.host
    return service_program(host, process, host.com_process(process.program))


def _service_arguments(host: SimulatedHost, com_class: ComClass) -> str:
    value = host.registry.get(f"{APP_IDS}\\{com_class.app_id}", "ServiceParameters")
    return value.text if value is not None and value.text else "Unavailable"


# Programs


def _start_program(walk: Walk, com_class: ComClass) -> Program:
    host = walk.target.host
    account = _run_as(walk, com_class)
    if not host.files.exists(com_class.program):
        command = f'"{com_class.program}" -Embedding'
        events.write(host, 10000, command, str(_ERROR_FILE_NOT_FOUND), com_class.clsid)
        evidence = f"there is no program {com_class.program} (event 10000)"
        raise walk.refusal(Layer.APPLICATION_START, walk.target, evidence, CO_E_SERVER_EXEC_FAILURE)
    return Program(
        com_class.program, account, _LAUNCHED_PROCESS_ID, frozenset(), host.com_process(com_class.program)
    )  # fmt: skip


def _run_as(walk: Walk, com_class: ComClass) -> str:
    """The account the program runs as, "" for the user who asks. Raises: Refused."""
    host = walk.target.host
    value = host.registry.get(f"{APP_IDS}\\{com_class.app_id}", "RunAs") if com_class.app_id else None
    if value is None or not value.text:
        return ""
    if value.text.lower() == _INTERACTIVE_USER:
        user = walk.network.interactive_users.get(walk.target.name)
        if user is None:
            raise _cannot_run_as(walk, "it runs as the interactive user and nobody is logged on")
        return user
    if find_user(host, value.text) is None and account_sid(host, value.text) is not None:
        return value.text  # nt authority\localservice and the like
    error = _batch_error(host, value.text)
    if error:
        domain, _sep, name = value.text.rpartition("\\")
        events.write(host, 10004, str(error), domain or host.computer_name, name, com_class.clsid)
        raise _cannot_run_as(walk, f"{value.text} cannot be logged on: error {error} (event 10004)")
    return value.text


def _cannot_run_as(walk: Walk, why: str) -> Refused:
    return walk.refusal(Layer.APPLICATION_START, walk.target, why, CO_E_RUNAS_LOGON_FAILURE)


def _batch_error(host: SimulatedHost, account: str) -> int:
    found = find_user(host, account)
    if found is None:
        return _ERROR_LOGON_FAILURE
    user: User = found[1]
    if not user.is_enabled:
        return _ERROR_ACCOUNT_DISABLED
    if user.is_locked_out:
        return _ERROR_ACCOUNT_LOCKED_OUT
    sids = host.accounts.groups_of(user.sid) | {user.sid, _BATCH}
    return 0 if host.accounts.has_right(sids, _BATCH_RIGHT) else _ERROR_LOGON_TYPE_NOT_GRANTED
