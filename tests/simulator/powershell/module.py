# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a module contract: the host's parts it may touch, its parameters, its result.

A contract is a `Contract`: a specification of arguments and a function of a `ModuleRun` that changes the host (never in
check mode) and fills `result` and `diff`. Its answer is one JSON object and an exit code, nothing else. Secrets are
taken out of the answer, whatever a contract put there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..boot import Boot
from ..cim import Caller, ProgramResult
from ..journal import Journal
from ..profiles import Profile
from ..subsystems.account_database import Domain
from ..subsystems.accounts import Accounts
from ..subsystems.firewall import Firewall
from ..subsystems.logon import LogonService
from ..subsystems.registry import Registry
from ..subsystems.service_manager import ServiceManager
from .argument_spec import ModuleFailure, Spec, check_arguments, visible_arguments
from .decode import ModuleCall

_SHORTEST_SECRET = 1


class HostParts(Protocol):
    """What contracts need of a host; host.SimulatedHost has it."""

    @property
    def computer_name(self) -> str: ...

    @property
    def dns_name(self) -> str: ...

    @property
    def ui_language(self) -> str: ...

    @property
    def profile(self) -> Profile: ...

    @property
    def domain(self) -> Domain | None: ...

    @property
    def registry(self) -> Registry: ...

    @property
    def accounts(self) -> Accounts: ...

    @property
    def logons(self) -> LogonService: ...

    @property
    def services(self) -> ServiceManager: ...

    @property
    def firewall(self) -> Firewall: ...

    @property
    def boot(self) -> Boot: ...

    @property
    def journal(self) -> Journal: ...

    @property
    def environment(self) -> Mapping[str, str]: ...


@dataclass(slots=True)
class ModuleRun:
    """`params` has every option of the specification; `result["changed"]` starts as False."""

    host: HostParts
    caller: Caller
    params: Mapping[str, Any]
    check_mode: bool
    result: dict[str, Any] = field(default_factory=lambda: {"changed": False})
    diff: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def change(self) -> bool:
        """Note a change; True if it is to be carried out."""
        self.result["changed"] = True
        return not self.check_mode

    def refuse(self, what: str) -> ModuleFailure:
        """For what the real module can do and this contract cannot: a violation, and a failure to raise."""
        self.host.journal.violation("powershell", what)
        return ModuleFailure(f"{what} is not simulated")


@dataclass(frozen=True, slots=True)
class Contract:
    """`is_legacy`: built on Ansible.ModuleUtils.Legacy, which ignores unknown options and repeats no invocation."""

    spec: Spec
    run: Callable[[ModuleRun], None]
    is_legacy: bool = False


def answer(host: HostParts, caller: Caller, call: ModuleCall, contract: Contract) -> ProgramResult:
    """Run a contract and give what the module wrapper prints."""
    arguments = _known_arguments(host, call, contract)
    visible: dict[str, Any] = {}
    if not contract.is_legacy:
        visible["invocation"] = {"module_args": visible_arguments(contract.spec, call.arguments)}
    run = ModuleRun(host, caller, {}, call.is_check_mode)
    try:
        run.params = check_arguments(call.name, contract.spec, arguments)
        contract.run(run)
        output, exit_code = {**run.result, **visible}, 0
        if call.wants_diff and run.diff:
            output["diff"] = run.diff
    except ModuleFailure as failure:
        output = {**run.result, **failure.result, "failed": True, "msg": failure.message, **visible}
        exit_code = 1
    if run.warnings:
        output["warnings"] = run.warnings
    return ProgramResult(stdout=_text(output, _secrets(contract.spec, call.arguments)) + "\r\n", exit_code=exit_code)


def _known_arguments(host: HostParts, call: ModuleCall, contract: Contract) -> Mapping[str, Any]:
    if not contract.is_legacy:
        return call.arguments
    known = {*contract.spec, *(alias for option in contract.spec.values() for alias in option.aliases)}
    unknown = sorted(set(call.arguments) - known)
    if unknown:
        host.journal.violation("powershell", f"{call.name} ignores unknown options: {', '.join(unknown)}")
    return {name: value for name, value in call.arguments.items() if name in known}


def _secrets(spec: Spec, arguments: Mapping[str, Any]) -> list[str]:
    values = (arguments.get(name) for name, option in spec.items() if option.no_log)
    return [str(value) for value in values if value is not None and len(str(value)) >= _SHORTEST_SECRET]


def _text(output: Mapping[str, Any], secrets: list[str]) -> str:
    return json.dumps(_censored(output, secrets), separators=(",", ":"), ensure_ascii=False)


def _censored(value: Any, secrets: list[str]) -> Any:
    """Texts with secrets replaced, as RemoveNoLogValues does; keys stay."""
    if isinstance(value, Mapping):
        return {key: _censored(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_censored(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "********")
    return value
