# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service control manager of one host.

Configuration lives in the registry below `SYSTEM\\CurrentControlSet\\Services` and is read at boot; the start mode in
memory is what counts until then, while image path and account are read from the registry at each start, as Windows
does. Pending states end with the clock. Only administrators may query or change anything over the network.

Source: MS-SCMR 3.1.4 (RStartServiceW, RControlService, RChangeServiceConfigW: error codes), wsman_cim.md 4.7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ..cim import Caller
from ..files import FileTable, expand, program_of
from ..journal import HOST_ITSELF, Journal
from . import service_record as record
from .clock import VirtualClock
from .registry import Registry
from .registry_value import RegistryValue
from .service_record import Behaviour, Process, Service, ServiceConfig, ServiceError, StartMode, State

SERVICES_KEY = r"HKLM\SYSTEM\CurrentControlSet\Services"
_FIRST_PROCESS_ID = 600
_MAX_NAME = 256
_PENDING = (State.START_PENDING, State.STOP_PENDING, State.PAUSE_PENDING, State.CONTINUE_PENDING)


@dataclass(frozen=True, slots=True)
class Environment:
    """What the service manager needs of its host.

    `starts_process(program, service_name)` returns what COM captures in a new process; `accepts_account(name, secret)`
    says whether a service may log on as this account (1057 unknown, 1069 refused, 0 yes).
    """

    registry: Registry
    clock: VirtualClock
    files: FileTable
    journal: Journal
    variables: Mapping[str, str]
    starts_process: Callable[[str, str], object]
    account_error: Callable[[str, str | None], int]


class ServiceManager:
    """Services by name without case."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._services: dict[str, Service] = {}
        self._secrets: dict[str, str] = {}  # service -> password of its account, as LSA keeps it
        self._behaviours: dict[str, Behaviour] = {}
        self._next_process_id = _FIRST_PROCESS_ID
        self.on_start: dict[str, Callable[[], None]] = {}  # upper-case service name -> what its program does first

    # Boot and shutdown

    def boot(self) -> None:
        """Read all services from the registry and start the automatic ones, dependencies first."""
        self._services = {}
        registry = self._environment.registry
        for name in registry.enum_keys(None, SERVICES_KEY):
            config = read_config(registry, name)
            if config is not None:
                self._services[name.upper()] = Service(config, self._behaviour(name))
        for service in list(self._services.values()):
            if service.config.start_mode is StartMode.AUTO or service.config.is_driver:
                self._start_at_boot(service)

    def _start_at_boot(self, service: Service) -> None:
        if service.config.is_driver:
            if service.config.start_mode <= StartMode.AUTO:
                service.state, service.exit_code = State.RUNNING, 0
            return
        if service.state is not State.STOPPED:
            return  # something that depends on it has started it
        try:
            self._start(service, frozenset())
        except ServiceError as error:
            service.exit_code = error.code

    def shut_down(self) -> None:
        """Everything stops at once, hanging or not; deleted services are gone."""
        for service in list(self._services.values()):
            service.state, service.process, service.settles_at_s = State.STOPPED, None, None
            if service.is_marked_for_delete:
                self._remove(service)

    # Reading

    def names(self) -> list[str]:
        """Names of all services, drivers included, sorted."""
        return [service.config.name for _unused, service in sorted(self._services.items())]

    def find(self, name: str) -> Service | None:
        self._settle()
        return self._services.get(name.upper())

    def service(self, name: str) -> Service:
        """Raises: ServiceError 1060."""
        found = self.find(name)
        if found is None:
            raise ServiceError(record.ERROR_SERVICE_DOES_NOT_EXIST, f"no service {name}")
        return found

    def config(self, name: str) -> ServiceConfig:
        """The configuration with image path and account as the registry has them now. Raises: ServiceError 1060."""
        service = self.service(name)
        stored = read_config(self._environment.registry, service.config.name)
        if stored is None:
            return service.config
        return replace(stored, start_mode=service.config.start_mode)

    def services(self) -> list[Service]:
        """All Win32 services (no drivers), sorted by name."""
        self._settle()
        return [service for _unused, service in sorted(self._services.items()) if not service.config.is_driver]

    def dependents(self, name: str) -> list[str]:
        """Names of services that list this one in DependOnService."""
        wanted = name.upper()
        found = (service.config for service in self._services.values())
        return sorted(config.name for config in found if wanted in (item.upper() for item in config.depends_on))

    def processes(self) -> list[Process]:
        """Running service processes, each once."""
        found = {service.process.process_id: service.process for service in self.services() if service.process}
        return [found[process_id] for process_id in sorted(found)]

    # Control

    def start(self, caller: Caller | None, name: str) -> None:
        """Start a service and what it depends on.

        Raises: ServiceError 5, 1060, 1056 (runs or is pending), 1058 (disabled), 1072, 1075, 1068 (dependencies), 1059,
        2 (program not there), 1069 (account), 1053.
        """
        _demand_administrator(caller)
        service = self.service(name)
        self._start(service, frozenset())
        self._record("start", caller, service, before=State.STOPPED.name, after=service.state.name)

    def stop(self, caller: Caller | None, name: str) -> None:
        """Send the stop control. Raises: ServiceError 5, 1060, 1062 (stopped), 1061 (pending), 1052, 1051."""
        _demand_administrator(caller)
        service = self.service(name)
        self._demand_control(service, accepted=service.behaviour.accepts_stop)
        active = [item for item in self.dependents(name) if self.service(item).state is not State.STOPPED]
        if active:
            raise ServiceError(record.ERROR_DEPENDENT_SERVICES_RUNNING, f"{', '.join(active)} depend on {name}")
        before = service.state.name
        service.state = State.STOP_PENDING
        service.settles_at_s = None if service.behaviour.hangs_on_stop else self._in(service.behaviour.stop_s)
        self._settle()
        self._record("stop", caller, service, before=before, after=service.state.name)

    def pause(self, caller: Caller | None, name: str) -> None:
        """Raises: ServiceError 5, 1060, 1062, 1061, 1052 (does not accept pause)."""
        self._switch(caller, name, State.RUNNING, State.PAUSED)

    def resume(self, caller: Caller | None, name: str) -> None:
        """Raises: ServiceError 5, 1060, 1062, 1061, 1052."""
        self._switch(caller, name, State.PAUSED, State.RUNNING)

    def interrogate(self, caller: Caller | None, name: str) -> None:
        """Raises: ServiceError 5, 1060, 1062 (stopped), 1061 (pending)."""
        _demand_administrator(caller)
        self._demand_control(self.service(name), accepted=True)

    def kill(self, name: str) -> None:
        """The process of a service ends unexpectedly, with all services in it (for tests)."""
        process = self.service(name).process
        for service in self._services.values():
            if process is not None and service.process is process:
                self._ended(service, exit_code=1067)

    # Configuration

    def create(self, caller: Caller | None, config: ServiceConfig, password: str | None = None) -> None:
        """Raises: ServiceError 5, 1073 (exists), 123 (name), 1057 (account), 1059 (depends on itself)."""
        _demand_administrator(caller)
        if self.find(config.name):
            raise ServiceError(record.ERROR_SERVICE_EXISTS, f"service {config.name} exists")
        if not config.name or len(config.name) > _MAX_NAME or set("/\\") & set(config.name):
            raise ServiceError(record.ERROR_INVALID_NAME, f"{config.name!r} is no service name")
        self._check(config, password)
        self._store(config)
        service = Service(config, self._behaviour(config.name))
        self._services[config.name.upper()] = service
        self._keep_secret(config.name, password)
        self._record("create", caller, service, before=None, after=config)

    def change(
        self, caller: Caller | None, name: str, *, password: str | None = None, **changes: object
    ) -> ServiceConfig:
        """Change fields of the configuration; a running process keeps what it has.

        Raises: ServiceError 5, 1060, 1072, 1057 (account), 1059, 87 (impossible value).
        """
        _demand_administrator(caller)
        service = self.service(name)
        if service.is_marked_for_delete:
            raise ServiceError(record.ERROR_SERVICE_MARKED_FOR_DELETE, f"{name} is marked for deletion")
        before = self.config(name)
        after = replace(before, **changes)  # type: ignore[arg-type]
        self._check(after, password)
        self._store(after)
        service.config = after
        self._keep_secret(after.name, password)
        if after != before:
            self._record("change", caller, service, before=before, after=after)
        return after

    def delete(self, caller: Caller | None, name: str) -> None:
        """Remove a stopped service; a running one is only marked. Raises: ServiceError 5, 1060, 1072."""
        _demand_administrator(caller)
        service = self.service(name)
        if service.is_marked_for_delete:
            raise ServiceError(record.ERROR_SERVICE_MARKED_FOR_DELETE, f"{name} is marked for deletion")
        service.is_marked_for_delete = True
        self._record("delete", caller, service, before=service.config, after=None)
        if service.state is State.STOPPED:
            self._remove(service)

    def behaviour(self, name: str) -> Behaviour:
        """How the program of a service behaves; kept over reboots. Raises: ServiceError 1060."""
        return self.service(name).behaviour

    def preset(self, name: str) -> Behaviour:
        """The behaviour of a service that may not exist yet."""
        return self._behaviour(name)

    def snapshot(self) -> tuple[tuple[ServiceConfig, bool], ...]:
        """Configurations, and whether the service is active."""
        return tuple((self.config(item.config.name), item.state is not State.STOPPED) for item in self.services())

    # Inside

    def _start(self, service: Service, starting: frozenset[str]) -> None:
        name = service.config.name
        if service.state is not State.STOPPED:
            raise ServiceError(record.ERROR_SERVICE_ALREADY_RUNNING, f"{name} is {service.state.name}")
        if service.is_marked_for_delete:
            raise ServiceError(record.ERROR_SERVICE_MARKED_FOR_DELETE, f"{name} is marked for deletion")
        if service.config.start_mode is StartMode.DISABLED:
            raise ServiceError(record.ERROR_SERVICE_DISABLED, f"{name} is disabled")
        self._start_dependencies(service, starting | {name.upper()})
        config = self.config(name)
        program = self._program(config)
        error = self._environment.account_error(config.account, self._secrets.get(name.upper()))
        if error:
            raise ServiceError(record.ERROR_SERVICE_LOGON_FAILED, f"{name} cannot log on as {config.account}")
        if service.behaviour.start_error is not None:
            raise ServiceError(service.behaviour.start_error, f"{name} does not start")
        service.process = self._shared_process(config) or self._new_process(config, program)
        service.state, service.exit_code = State.START_PENDING, 0
        service.settles_at_s = self._in(service.behaviour.start_s)
        self.on_start.get(name.upper(), lambda: None)()
        self._settle()

    def _start_dependencies(self, service: Service, starting: frozenset[str]) -> None:
        for name in service.config.depends_on:
            needed = self._services.get(name.upper())
            if needed is None:
                raise ServiceError(record.ERROR_SERVICE_DEPENDENCY_DELETED, f"no service {name}")
            if name.upper() in starting:
                raise ServiceError(record.ERROR_CIRCULAR_DEPENDENCY, f"{name} depends on itself")
            if needed.config.is_driver and needed.config.start_mode is not StartMode.DISABLED:
                needed.state = State.RUNNING
            elif needed.state is State.STOPPED:
                try:
                    self._start(needed, starting)
                except ServiceError as error:
                    raise ServiceError(record.ERROR_SERVICE_DEPENDENCY_FAIL, f"{name}: {error}") from error
            if needed.state is not State.RUNNING:
                raise ServiceError(record.ERROR_SERVICE_DEPENDENCY_FAIL, f"{name} is {needed.state.name}")

    def _program(self, config: ServiceConfig) -> str:
        path = program_of(expand(config.image_path, self._environment.variables), self._environment.files)
        if not self._environment.files.exists(path):
            raise ServiceError(record.ERROR_FILE_NOT_FOUND, f"no program {path}")
        return path

    def _shared_process(self, config: ServiceConfig) -> Process | None:
        """A running process that services with the same command line share (svchost groups)."""
        if not config.service_type & record.SERVICE_WIN32_SHARE_PROCESS:
            return None
        for other in self._services.values():
            same = other.config.image_path.upper() == config.image_path.upper()
            if same and other.process is not None and other.process.account.upper() == config.account.upper():
                return other.process
        return None

    def _new_process(self, config: ServiceConfig, program: str) -> Process:
        self._next_process_id += 4
        com = self._environment.starts_process(program, config.name)
        return Process(self._next_process_id, program, config.account, self._now(), com)

    def _switch(self, caller: Caller | None, name: str, before: State, after: State) -> None:
        _demand_administrator(caller)
        service = self.service(name)
        self._demand_control(service, accepted=service.behaviour.accepts_pause)
        if service.state is not before:
            raise ServiceError(record.ERROR_SERVICE_CANNOT_ACCEPT_CTRL, f"{name} is {service.state.name}")
        service.state = after
        self._record(
            "pause" if after is State.PAUSED else "resume", caller, service, before=before.name, after=after.name
        )

    @staticmethod
    def _demand_control(service: Service, *, accepted: bool) -> None:
        if service.state is State.STOPPED:
            raise ServiceError(record.ERROR_SERVICE_NOT_ACTIVE, f"{service.config.name} is stopped")
        if service.state in _PENDING:
            raise ServiceError(record.ERROR_SERVICE_CANNOT_ACCEPT_CTRL, f"{service.config.name} is pending")
        if not accepted:
            raise ServiceError(record.ERROR_INVALID_SERVICE_CONTROL, f"{service.config.name} does not accept it")

    def _settle(self) -> None:
        """End the pending states whose time has come."""
        now_s = self._environment.clock.elapsed_s
        for service in list(self._services.values()):
            if service.settles_at_s is None or service.settles_at_s > now_s:
                continue
            if service.state is State.START_PENDING:
                service.state, service.settles_at_s = State.RUNNING, None
            elif service.state is State.STOP_PENDING:
                self._ended(service, exit_code=0)

    def _ended(self, service: Service, *, exit_code: int) -> None:
        service.state, service.process, service.settles_at_s = State.STOPPED, None, None
        service.exit_code = exit_code
        if service.is_marked_for_delete:
            self._remove(service)

    def _remove(self, service: Service) -> None:
        self._environment.registry.delete_tree(f"{SERVICES_KEY}\\{service.config.name}")
        self._services.pop(service.config.name.upper(), None)
        self._secrets.pop(service.config.name.upper(), None)

    def _check(self, config: ServiceConfig, password: str | None) -> None:
        if self._needs(config.depends_on, config.name.upper(), set()):
            raise ServiceError(record.ERROR_CIRCULAR_DEPENDENCY, f"{config.name} depends on itself")
        if not config.image_path or config.error_control not in range(4):
            raise ServiceError(record.ERROR_INVALID_PARAMETER, f"{config.name}: impossible value")
        known = password if password is not None else self._secrets.get(config.name.upper())
        if self._environment.account_error(config.account, known) == record.ERROR_INVALID_SERVICE_ACCOUNT:
            raise ServiceError(record.ERROR_INVALID_SERVICE_ACCOUNT, f"no account {config.account}")

    def _needs(self, names: Iterable[str], wanted: str, seen: set[str]) -> bool:
        """Whether one of the services is the wanted one or depends on it, however far down."""
        for name in {item.upper() for item in names} - seen:
            seen.add(name)
            found = self._services.get(name)
            if name == wanted or (found is not None and self._needs(found.config.depends_on, wanted, seen)):
                return True
        return False

    def _keep_secret(self, name: str, password: str | None) -> None:
        if password is not None:
            self._secrets[name.upper()] = password

    def _store(self, config: ServiceConfig) -> None:
        key = f"{SERVICES_KEY}\\{config.name}"
        for name, value in config_values(config):
            if self._environment.registry.get(key, name) != value:
                self._environment.registry.put(key, name, value)
        if not config.depends_on and self._environment.registry.get(key, "DependOnService") is not None:
            self._environment.registry.delete_value(None, key, "DependOnService")

    def _behaviour(self, name: str) -> Behaviour:
        return self._behaviours.setdefault(name.upper(), Behaviour())

    def _in(self, seconds: float) -> float:
        return self._environment.clock.elapsed_s + seconds

    def _now(self) -> datetime:
        return self._environment.clock.now()

    def _record(self, action: str, caller: Caller | None, service: Service, *, before: object, after: object) -> None:
        name = caller.account_name if caller else HOST_ITSELF
        self._environment.journal.change(
            "services", action, (service.config.name,), before=before, after=after, caller=name
        )


def config_values(config: ServiceConfig) -> Iterable[tuple[str, RegistryValue]]:
    """The values of a service key. Source: Win32 "Services Registry Tree"."""
    yield "Type", RegistryValue.dword(config.service_type)
    yield "Start", RegistryValue.dword(config.start_mode)
    yield "ErrorControl", RegistryValue.dword(config.error_control)
    yield "ImagePath", RegistryValue.expand_sz(config.image_path)
    yield "DisplayName", RegistryValue.sz(config.display_name or config.name)
    if config.depends_on:
        yield "DependOnService", RegistryValue.multi_sz(config.depends_on)
    if not config.is_driver:
        yield "ObjectName", RegistryValue.sz(config.account)
    if config.description:
        yield "Description", RegistryValue.sz(config.description)
    if config.is_delayed_auto_start:
        yield "DelayedAutostart", RegistryValue.dword(1)


def read_config(registry: Registry, name: str) -> ServiceConfig | None:
    """The service that a key describes; None for a key without type, start or image path."""
    key = f"{SERVICES_KEY}\\{name}"
    values = {value_name.upper(): value for value_name, value in registry.enum_values(None, key)}
    if not {"TYPE", "START", "IMAGEPATH"} <= values.keys() or values["START"].number > StartMode.DISABLED:
        return None
    empty = RegistryValue.sz("")
    return ServiceConfig(
        name,
        values["IMAGEPATH"].text,
        display_name=values.get("DISPLAYNAME", empty).text,
        start_mode=StartMode(values["START"].number),
        account=values.get("OBJECTNAME", empty).text or "LocalSystem",
        depends_on=tuple(values.get("DEPENDONSERVICE", empty).texts),
        service_type=values["TYPE"].number,
        error_control=values["ERRORCONTROL"].number if "ERRORCONTROL" in values else 1,
        description=values.get("DESCRIPTION", empty).text,
        is_delayed_auto_start="DELAYEDAUTOSTART" in values and values["DELAYEDAUTOSTART"].number == 1,
    )


def _demand_administrator(caller: Caller | None) -> None:
    if caller is not None and not caller.is_administrator:
        raise ServiceError(record.ERROR_ACCESS_DENIED, f"{caller.account_name} may not control services")
