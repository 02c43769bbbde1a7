# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""A plan as files to carry to its host: .reg files, a script that works through them, its counterpart, and a README.

Everything is text that a reviewer can read. The script stops at the first step that fails and says how to go back; it
refuses to run on another host. Source: `sc.exe /?` (config takes a blank after each equals sign), `reg import /?`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...module_utils._errors import DomainError
from ...module_utils._firewall_compare import Environment
from ...module_utils._offline_facts import FACTS
from ...module_utils._plan import Operation, Plan, SetValue, render
from ...module_utils._reg_file import to_reg_file
from ...module_utils._registry import RegistryKey, RegistryValue
from ...module_utils._service_operations import (
    RegisterServer,
    SetRunning,
    SetServiceAccount,
    SetStartMode,
    UnregisterServer,
)
from .._host._operations import FIREWALL, REGISTRY, batches

COLLECT = "collect.cmd"
SUMS = "SHA256SUMS"
# What a script may name. Source: Microsoft Learn, "Naming conventions in Active Directory" (NetBIOS computer names).
_COMPUTER = re.compile(r"[A-Za-z0-9_-]{1,15}", re.ASCII)
_START = {"Boot": "boot", "System": "system", "Auto": "auto", "Manual": "demand", "Disabled": "disabled"}


@dataclass(slots=True)
class _Script:
    """A script in the making: its lines, and the files it imports. `name` is apply or undo."""

    name: str
    lines: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def must(self, line: str) -> None:
        """A step without which the script does not go on."""
        self.lines.append(f"{line} || goto failed")

    def may(self, line: str) -> None:
        """A step that fails harmlessly, such as stopping what does not run."""
        self.lines.append(line)

    def write_registry(self, operations: Sequence[Operation]) -> None:
        name = f"{self.name}-{len(self.files) + 1}.reg"
        self.files[name] = to_reg_file(operations)  # type: ignore[arg-type]
        self.must(f'reg.exe import "{name}"')


def bundle_files(plan: Plan, computer: str, environment: Environment, collector: str) -> dict[str, bytes]:
    """The files by name. Raises: DomainError for what cannot be carried, such as a percent sign in a path."""
    if not _COMPUTER.fullmatch(computer):
        raise DomainError(f"{computer!r} is no name of a computer")
    apply, undo = _Script("apply"), _Script("undo")
    _fill(apply, plan.operations, environment)
    inverses = [inverse for item in reversed(plan.operations) if (inverse := item.inverse()) is not None]
    _fill(undo, inverses, environment)
    files = {
        COLLECT: collector.encode("utf-8"),
        **apply.files,
        "apply.cmd": _script_text(apply, computer),
        **undo.files,
        "undo.cmd": _script_text(undo, computer),
        "README.txt": _crlf(_readme(plan, computer)),
    }
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    return {**files, SUMS: sums.encode("ascii")}


def _fill(script: _Script, operations: Sequence[Operation], environment: Environment) -> None:
    for subsystem, batch in batches(operations):
        if subsystem == REGISTRY:
            script.write_registry(batch)
        elif subsystem == FIREWALL:
            for operation in batch:
                for command in operation.commands(environment):  # type: ignore[attr-defined]
                    script.must(command.command_line())
        else:
            for operation in batch:
                _fill_service(script, operation)


def _fill_service(script: _Script, operation: Operation) -> None:
    if isinstance(operation, SetStartMode):
        script.must(f"sc.exe config {_quoted(operation.service)} start= {_START[operation.after]}")
    elif isinstance(operation, SetServiceAccount):
        script.must(f"sc.exe config {_quoted(operation.service)} obj= {_quoted(operation.after)}")
    elif isinstance(operation, SetRunning):
        script.may(f"sc.exe {'start' if operation.after else 'stop'} {_quoted(operation.service)}")
    elif isinstance(operation, RegisterServer):
        script.must(f"{_quoted(operation.program)} -service")
        script.write_registry(_values(operation.app_id_key, operation.kept))
    elif isinstance(operation, UnregisterServer):
        registration = operation.registration
        script.may(f"sc.exe stop {_quoted(registration.service)}")
        script.must(f"sc.exe delete {_quoted(registration.service)}")
        script.write_registry(_values(registration.app_id_key, registration.values_before))


def _values(key: RegistryKey, values: Sequence[tuple[str, RegistryValue | None]]) -> list[SetValue]:
    return [SetValue(key, name, before=None, after=value) for name, value in values]


def _quoted(text: str) -> str:
    """One argument. Raises: DomainError for a text that cmd.exe would act on."""
    if not text or any(character in text for character in '"%\r\n'):
        raise DomainError(f"{text!r} cannot be named in a script")
    return f'"{text}"'


def _script_text(script: _Script, computer: str) -> bytes:
    back = "Run undo.cmd to go back." if script.name == "apply" else "Tell whoever made this bundle."
    lines = [
        f"@rem {script.name.capitalize()} what README.txt lists. Made by otsec.opc_dcom for {computer}.",
        "@setlocal",
        '@cd /d "%~dp0"',
        "@chcp 65001 >nul",
        "@net session >nul 2>&1 || (echo Run this as administrator. & exit /b 5)",
        f'@if /i not "%COMPUTERNAME%"=="{computer}" (echo This is for {computer}. Nothing was changed. & exit /b 6)',
        *script.lines,
        f'@call "{COLLECT}"',
        f"@echo Done. Bring {FACTS} back; the same run of the collection then says whether anything is left to do.",
        "@exit /b 0",
        ":failed",
        f"@echo The last step failed. What stands before it was done. {back}",
        "@exit /b 1",
    ]
    return _crlf("\n".join(lines) + "\n")


def _crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode("utf-8")


def _readme(plan: Plan, computer: str) -> str:
    return "\n".join(_readme_lines(plan, computer)) + "\n"


def _readme_lines(plan: Plan, computer: str) -> Iterator[str]:
    yield f"DCOM hardening of {computer}, to be carried out by hand"
    yield from ("", "Before: compare the sums, on Windows with  certutil -hashfile FILE SHA256 , and read the files.")
    yield from ("As administrator on the host:  apply.cmd", "To go back:  undo.cmd", "")
    yield "Steps"
    yield from [f"  {number}. {item.describe()}" for number, item in enumerate(plan.operations, 1)] or ["  none"]
    for title, items in _sections(plan).items():
        yield from ("", title, *(f"  - {item}" for item in items))
    for title, state in (("Before", plan.before), ("After", plan.after)):
        yield from ("", title, *(f"  {line}" for line in render(state).splitlines()))


def _sections(plan: Plan) -> Mapping[str, Sequence[str]]:
    """What else a reviewer has to know; empty sections are left out."""
    sections = {
        "Restart these services afterwards": plan.restart_services,
        "Reboot afterwards, because of": plan.reboot_reasons,
        "Weaker than recommended, and asked for": plan.exceptions,
        "Warnings": plan.warnings,
    }
    return {title: items for title, items in sections.items() if items}
