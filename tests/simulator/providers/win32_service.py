# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_Service: state, configuration and control of services.

Source: wsman_cim.md 4.7 (ReturnValues); Win32_Service class documentation (parameters of Change and Create). Texts of
State, StartMode and ErrorControl are not localised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..cim import Caller, CimClass, CimError, CimMethod, CimProperty, CimStatus, CimType
from ..subsystems import service_record as record
from ..subsystems.service_record import Service, ServiceConfig, ServiceError, StartMode, State
from .provider import RETURN_VALUE, WBEM_E_ACCESS_DENIED, ClassProvider, properties

# Win32 error of the service control manager -> ReturnValue of the class.
RETURN_VALUES = {
    record.ERROR_ACCESS_DENIED: 2,
    record.ERROR_DEPENDENT_SERVICES_RUNNING: 3,
    record.ERROR_INVALID_SERVICE_CONTROL: 4,
    record.ERROR_SERVICE_CANNOT_ACCEPT_CTRL: 5,
    record.ERROR_SERVICE_NOT_ACTIVE: 5,  # "already stopped" answers 5 in practice, wsman_cim.md 4.7
    record.ERROR_SERVICE_REQUEST_TIMEOUT: 7,
    record.ERROR_FILE_NOT_FOUND: 9,
    record.ERROR_SERVICE_ALREADY_RUNNING: 10,
    record.ERROR_SERVICE_DEPENDENCY_DELETED: 12,
    record.ERROR_SERVICE_DEPENDENCY_FAIL: 13,
    record.ERROR_SERVICE_DISABLED: 14,
    record.ERROR_SERVICE_LOGON_FAILED: 15,
    record.ERROR_SERVICE_MARKED_FOR_DELETE: 16,
    record.ERROR_CIRCULAR_DEPENDENCY: 18,
    record.ERROR_INVALID_NAME: 20,
    record.ERROR_INVALID_PARAMETER: 21,
    record.ERROR_INVALID_SERVICE_ACCOUNT: 22,
    record.ERROR_SERVICE_EXISTS: 23,
}
UNKNOWN_FAILURE = 8
INVALID_PARAMETER = 21

_STATES = {
    State.STOPPED: "Stopped",
    State.START_PENDING: "Start Pending",
    State.STOP_PENDING: "Stop Pending",
    State.RUNNING: "Running",
    State.CONTINUE_PENDING: "Continue Pending",
    State.PAUSE_PENDING: "Pause Pending",
    State.PAUSED: "Paused",
}
_START_MODES = {
    StartMode.BOOT: "Boot",
    StartMode.SYSTEM: "System",
    StartMode.AUTO: "Auto",
    StartMode.MANUAL: "Manual",
    StartMode.DISABLED: "Disabled",
}
# The methods say Automatic where the property says Auto.
_START_MODE_ARGUMENTS = {
    "boot": StartMode.BOOT,
    "system": StartMode.SYSTEM,
    "automatic": StartMode.AUTO,
    "manual": StartMode.MANUAL,
    "disabled": StartMode.DISABLED,
}
_ERROR_CONTROLS = ("Ignore", "Normal", "Severe", "Critical")

_CONFIGURATION = (
    *properties(CimType.STRING, "DisplayName PathName"),
    *properties(CimType.UINT8, "ServiceType ErrorControl"),
    CimProperty("StartMode", CimType.STRING),
    CimProperty("DesktopInteract", CimType.BOOLEAN),
    *properties(CimType.STRING, "StartName StartPassword LoadOrderGroup"),
    *properties(CimType.STRING, "LoadOrderGroupDependencies ServiceDependencies", is_array=True),
)
_STRING_PROPERTIES = (
    "*Name Caption CreationClassName Description DisplayName ErrorControl PathName ServiceType StartMode StartName "
    "State Status SystemCreationClassName SystemName"
)
_METHODS = (
    CimMethod("StartService"),
    CimMethod("StopService"),
    CimMethod("PauseService"),
    CimMethod("ResumeService"),
    CimMethod("InterrogateService"),
    CimMethod("UserControlService", (CimProperty("ControlCode", CimType.UINT8),)),
    CimMethod("ChangeStartMode", (CimProperty("StartMode", CimType.STRING),)),
    CimMethod("Change", _CONFIGURATION),
    CimMethod("Create", (CimProperty("Name", CimType.STRING), *_CONFIGURATION), is_static=True),
    CimMethod("Delete"),
    CimMethod("GetSecurityDescriptor"),
    CimMethod("SetSecurityDescriptor"),
)


def win32_service_class(*, has_delayed_auto_start: bool) -> CimClass:
    """The class; DelayedAutoStart exists on Windows 10 and Server 2016 and later."""
    booleans = "AcceptPause AcceptStop DesktopInteract Started" + " DelayedAutoStart" * has_delayed_auto_start
    numbers = "CheckPoint ExitCode ProcessId ServiceSpecificExitCode TagId WaitHint"
    return CimClass(
        "Win32_Service",
        superclass="Win32_BaseService",
        properties=(
            *properties(CimType.STRING, _STRING_PROPERTIES),
            *properties(CimType.BOOLEAN, booleans),
            *properties(CimType.UINT32, numbers),
            *properties(CimType.DATETIME, "InstallDate"),
        ),
        methods=_METHODS,
    )


_CLASSES = {flag: win32_service_class(has_delayed_auto_start=flag) for flag in (False, True)}


class ServiceProvider(ClassProvider):
    """The services of one host."""

    @property
    def cim_class(self) -> CimClass:  # type: ignore[override]
        return _CLASSES[self.host.profile.version[0] >= 10]

    def instances(self, caller: Caller) -> list[Mapping[str, Any]]:
        """Nothing for a caller whom the service control manager does not let in."""
        self.admit(caller)
        return [self._instance(service) for service in self.host.services.services()] if caller.is_administrator else []

    def get(self, caller: Caller, keys: Mapping[str, str]) -> Mapping[str, Any]:
        self.admit(caller)
        if not caller.is_administrator:
            raise CimError(CimStatus.ACCESS_DENIED, "the service control manager refuses", WBEM_E_ACCESS_DENIED)
        return self._instance(self._service(keys))

    def _service(self, keys: Mapping[str, str]) -> Service:
        found = self.host.services.find(keys.get("Name", ""))
        if found is None or found.config.is_driver:
            raise self.not_found(keys)
        return found

    def invoke(
        self, caller: Caller, method: str, keys: Mapping[str, str] | None, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self.admit(caller)
        handlers: dict[str, Callable[[Caller, str, Mapping[str, Any]], None]] = {
            "StartService": lambda who, name, _: self.host.services.start(who, name),
            "StopService": lambda who, name, _: self.host.services.stop(who, name),
            "PauseService": lambda who, name, _: self.host.services.pause(who, name),
            "ResumeService": lambda who, name, _: self.host.services.resume(who, name),
            "InterrogateService": lambda who, name, _: self.host.services.interrogate(who, name),
            "ChangeStartMode": self._change,
            "Change": self._change,
            "Delete": lambda who, name, _: self.host.services.delete(who, name),
            "Create": self._create,
        }
        if method not in handlers:
            raise self.not_simulated(method)
        name = arguments["Name"] if method == "Create" else self._service(keys or {}).config.name
        try:
            handlers[method](caller, name, arguments)
        except ServiceError as error:
            return {RETURN_VALUE: RETURN_VALUES.get(error.code, UNKNOWN_FAILURE)}
        return {RETURN_VALUE: 0}

    def _change(self, caller: Caller, name: str, arguments: Mapping[str, Any]) -> None:
        changes = _changes(arguments)
        if arguments.get("DesktopInteract") is not None:
            type_ = int(changes.get("service_type", self.host.services.config(name).service_type))
            type_ &= ~record.SERVICE_INTERACTIVE_PROCESS
            changes["service_type"] = type_ | record.SERVICE_INTERACTIVE_PROCESS * arguments["DesktopInteract"]
        self.host.services.change(caller, name, password=arguments.get("StartPassword"), **changes)

    def _create(self, caller: Caller, name: str, arguments: Mapping[str, Any]) -> None:
        config = ServiceConfig(name or "", **{"image_path": "", "display_name": name, **_changes(arguments)})
        self.host.services.create(caller, config, arguments["StartPassword"])

    def _instance(self, service: Service) -> dict[str, Any]:
        config = self.host.services.config(service.config.name)
        known = {
            **self._state_of(service),
            "Caption": config.display_name,
            "CreationClassName": "Win32_Service",
            "DelayedAutoStart": config.is_delayed_auto_start,
            "Description": config.description or None,
            "DesktopInteract": bool(config.service_type & record.SERVICE_INTERACTIVE_PROCESS),
            "DisplayName": config.display_name,
            "ErrorControl": _ERROR_CONTROLS[config.error_control],
            "Name": config.name,
            "PathName": config.image_path.replace("%SystemRoot%", r"C:\Windows"),
            "ServiceType": "Share Process"
            if config.service_type & record.SERVICE_WIN32_SHARE_PROCESS
            else "Own Process",
            "StartMode": _START_MODES[config.start_mode],
            "StartName": config.account,
            "SystemCreationClassName": "Win32_ComputerSystem",
            "SystemName": self.host.computer_name,
        }
        return {item.name: known.get(item.name) for item in self.cim_class.properties}

    @staticmethod
    def _state_of(service: Service) -> dict[str, Any]:
        is_running = service.state is State.RUNNING
        return {
            "AcceptPause": is_running and service.behaviour.accepts_pause,
            "AcceptStop": is_running and service.behaviour.accepts_stop,
            "CheckPoint": 0,
            "ExitCode": service.exit_code,
            "ProcessId": service.process.process_id if service.process else 0,
            "ServiceSpecificExitCode": 0,
            "Started": service.state is not State.STOPPED,
            "State": _STATES[service.state],
            "Status": "OK",
            "TagId": 0,
            "WaitHint": 0,
        }


def _changes(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ServiceConfig that the arguments set; None leaves a field alone. Raises: ServiceError 87."""
    names = {
        "DisplayName": "display_name",
        "PathName": "image_path",
        "ServiceType": "service_type",
        "ErrorControl": "error_control",
        "StartName": "account",
    }
    found = {field: arguments[name] for name, field in names.items() if arguments.get(name) is not None}
    if arguments.get("ServiceDependencies") is not None:
        found["depends_on"] = tuple(item for item in arguments["ServiceDependencies"] if item)
    if arguments.get("StartMode") is not None:
        mode = _START_MODE_ARGUMENTS.get(arguments["StartMode"].lower())
        if mode is None:
            raise ServiceError(record.ERROR_INVALID_PARAMETER, f"no start mode {arguments['StartMode']}")
        found["start_mode"] = mode
    return found
