# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible.windows.win_service: one service.

Simulated are name, path, display_name, description, start_mode, state, username, password, dependencies and their
actions. Failure actions, privileges, SID types, load order groups and interaction with the desktop are not.

Source: win_service.ps1 of ansible.windows 3.x. Messages of a service that does not start or stop are shortened.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...subsystems.service_record import ServiceConfig, ServiceError, StartMode, State
from ..argument_spec import ModuleFailure, Option
from ..module import Contract, ModuleRun
from .names import to_name, to_sid

_SIMULATED = frozenset({
    "name", "path", "display_name", "description", "start_mode", "state", "username", "password", "update_password",
    "dependencies", "dependency_action", "force_dependent_services", "desktop_interact",
})  # fmt: skip
_START_MODES = {
    "auto": (StartMode.AUTO, False),
    "delayed": (StartMode.AUTO, True),
    "manual": (StartMode.MANUAL, False),
    "disabled": (StartMode.DISABLED, False),
}
_MODE_NAMES = {StartMode.BOOT: "boot_start", StartMode.SYSTEM: "system_start", StartMode.DISABLED: "disabled"}
_SYSTEM = "S-1-5-18"


def _run(run: ModuleRun) -> None:
    for option, value in run.params.items():
        if option not in _SIMULATED and value is not None:
            raise run.refuse(f"win_service option {option}")
    if run.params["desktop_interact"]:
        raise run.refuse("win_service option desktop_interact")
    service = run.host.services.find(run.params["name"])
    try:
        if run.params["state"] == "absent":
            _absent(run, exists=service is not None)
        elif service is not None or _asks_for_more(run):
            _present(run, exists=service is not None)
        else:
            run.result["exists"] = False
    except ServiceError as error:
        raise ModuleFailure(_message(run, error)) from error


def _asks_for_more(run: ModuleRun) -> bool:
    """With nothing but a name the module only looks."""
    idle = {"name", "dependency_action", "force_dependent_services", "desktop_interact"}
    return any(value is not None for option, value in run.params.items() if option not in idle)


def _message(run: ModuleRun, error: ServiceError) -> str:
    text = "Access is denied" if error.code == 5 else str(error)
    return f"Unhandled exception while executing module: Service '{run.params['name']}': {text}"


def _absent(run: ModuleRun, *, exists: bool) -> None:
    name = run.params["name"]
    if not exists or not run.change():
        return
    if run.host.services.service(name).state is not State.STOPPED:
        run.host.services.stop(run.caller, name)
    run.host.services.delete(run.caller, name)


def _present(run: ModuleRun, *, exists: bool) -> None:
    name, services = run.params["name"], run.host.services
    if not exists:
        if run.params["path"] is None:
            raise ModuleFailure(f"Service '{name}' is not installed, need to set 'path' to create a new service")
        if not run.change():
            return
        services.create(run.caller, ServiceConfig(name, run.params["path"], name, StartMode.AUTO))
    before = services.config(name)
    after = _wanted(run, before)
    sets_password = run.params["password"] is not None and (
        not exists or run.params["update_password"] == "always" or after.account != before.account
    )
    if (after != before or sets_password) and run.change():
        changes = {
            field: getattr(after, field)
            for field in ServiceConfig.__dataclass_fields__
            if getattr(after, field) != getattr(before, field)
        }
        services.change(run.caller, name, password=run.params["password"] if sets_password else None, **changes)
    state = _control(run, name)
    _report(run, after, state)


def _wanted(run: ModuleRun, config: ServiceConfig) -> ServiceConfig:
    params = run.params
    texts = {"path": "image_path", "display_name": "display_name", "description": "description"}
    wanted = replace(config, **{field: params[option] for option, field in texts.items() if params[option] is not None})
    if params["start_mode"] is not None:
        mode, is_delayed = _START_MODES[params["start_mode"]]
        wanted = replace(wanted, start_mode=mode, is_delayed_auto_start=is_delayed)
    if params["dependencies"] is not None:
        wanted = replace(wanted, depends_on=_dependencies(run, config.depends_on))
    if params["username"] is not None:
        wanted = replace(wanted, account=_account(run, config.account))
    return wanted


def _dependencies(run: ModuleRun, current: tuple[str, ...]) -> tuple[str, ...]:
    named, action = run.params["dependencies"], run.params["dependency_action"]
    folded = {name.lower() for name in named}
    if action == "set":
        return current if {name.lower() for name in current} == folded else tuple(named)
    kept = tuple(name for name in current if name.lower() not in folded)
    if action == "remove":
        return kept
    return current + tuple(name for name in named if name.lower() not in {item.lower() for item in current})


def _account(run: ModuleRun, current: str) -> str:
    """The account to set; the current spelling where it names the same account."""
    wanted = run.params["username"]
    if wanted.lower() in ("localsystem", "system"):
        return current if current.lower() == "localsystem" else "LocalSystem"
    sid = to_sid(run.host, wanted)
    if sid is None:
        raise ModuleFailure(f"Failed to translate the account '{wanted}' to a SID")
    is_same = current.lower() != "localsystem" and to_sid(run.host, current) == sid
    return current if is_same else to_name(run.host, sid)


def _control(run: ModuleRun, name: str) -> str:
    """Bring the service into the wanted state and say which one it has."""
    services, wanted = run.host.services, run.params["state"]
    state = services.service(name).state
    stops = wanted == "restarted" or (wanted == "stopped" and state is not State.STOPPED)
    starts = wanted == "restarted" or (wanted == "started" and state is not State.RUNNING)
    pauses = wanted == "paused" and state is not State.PAUSED
    if not (stops or starts or pauses):
        return state.name.lower()
    if not run.change():
        return "stopped" if wanted == "stopped" else "running"
    if pauses:
        services.pause(run.caller, name)
    if stops and state is not State.STOPPED:
        _stop(run, name)
    if starts and services.service(name).state is State.PAUSED:
        services.resume(run.caller, name)
    elif starts:
        services.start(run.caller, name)
    return services.service(name).state.name.lower()


def _stop(run: ModuleRun, name: str) -> None:
    services = run.host.services
    running = [item for item in services.dependents(name) if services.service(item).state is not State.STOPPED]
    if running and not run.params["force_dependent_services"]:
        raise ModuleFailure(
            f"Unhandled exception while executing module: Cannot stop service '{name} ({name})' because it has "
            "dependent services. It can only be stopped if the Force flag is set."
        )
    for dependent in running:
        _stop(run, dependent)
    services.stop(run.caller, name)


def _report(run: ModuleRun, config: ServiceConfig, state: str) -> None:
    mode = _MODE_NAMES.get(config.start_mode, "manual")
    if config.start_mode is StartMode.AUTO:
        mode = "delayed" if config.is_delayed_auto_start else "auto"
    account = config.account
    if account.lower() != "localsystem":
        sid = to_sid(run.host, account)
        account = "LocalSystem" if sid == _SYSTEM else to_name(run.host, sid) if sid else account
    values: dict[str, Any] = {
        "exists": True,
        "name": config.name,
        "display_name": config.display_name,
        "description": config.description,
        "path": config.image_path,
        "start_mode": mode,
        "state": state.replace("_", ""),
        "username": account,
        "dependencies": list(config.depends_on),
        "depended_by": run.host.services.dependents(config.name),
        "desktop_interact": False,
        "can_pause_and_continue": run.host.services.behaviour(config.name).accepts_pause,
    }
    run.result.update(values)


WIN_SERVICE = Contract(
    {
        "dependencies": Option("list"),
        "dependency_action": Option(default="set", choices=("add", "remove", "set")),
        "description": Option(),
        "desktop_interact": Option("bool", default=False),
        "display_name": Option(),
        "error_control": Option(choices=("critical", "ignore", "normal", "severe")),
        "failure_actions": Option("raw"),
        "failure_actions_on_non_crash_failure": Option("bool"),
        "failure_command": Option(),
        "failure_reboot_msg": Option(),
        "failure_reset_period_sec": Option("raw", aliases=("failure_reset_period",)),
        "force_dependent_services": Option("bool", default=False),
        "load_order_group": Option(),
        "name": Option(required=True),
        "password": Option(no_log=True),
        "path": Option(),
        "pre_shutdown_timeout_ms": Option("raw", aliases=("pre_shutdown_timeout",)),
        "required_privileges": Option("list"),
        "service_type": Option(
            choices=("user_own_process", "user_share_process", "win32_own_process", "win32_share_process")
        ),
        "sid_info": Option(choices=("none", "restricted", "unrestricted")),
        "start_mode": Option(choices=("auto", "delayed", "disabled", "manual")),
        "state": Option(choices=("absent", "paused", "started", "stopped", "restarted")),
        "update_password": Option(choices=("always", "on_create")),
        "username": Option(),
    },
    _run,
)
