# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that Group Policy forbids: path rules of Software Restriction Policies with the level "Disallowed".

A forbidden program does not start; cmd.exe prints the system's text for ERROR_ACCESS_DISABLED_BY_POLICY (1260).

Source: Software Restriction Policies, registry layout (Safer\\CodeIdentifiers\\<level>\\Paths\\{guid}, ItemData); a
rule may name a file, a file name, or a folder. Unverified: cmd's exit code 1. AppLocker, hash and certificate rules and
wildcards are not simulated.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..cim import ProgramResult
from ..files import expand
from ..subsystems.registry import Registry
from .program import Invocation, Program

DISALLOWED_PATHS = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\Safer\CodeIdentifiers\0\Paths"
_TEXTS = {
    "en-US": "This program is blocked by group policy. For more information, contact your system administrator.",
    "de-DE": (
        "Dieses Programm wird durch eine Gruppenrichtlinie geblockt. Wenden Sie sich an den Systemadministrator, um "
        "weitere Informationen zu erhalten."
    ),
}


def is_forbidden(registry: Registry, path: str, environment: Mapping[str, str]) -> bool:
    """Whether a path rule covers the program."""
    if not registry.key_exists(None, DISALLOWED_PATHS):
        return False
    wanted = path.lower()
    for rule in registry.enum_keys(None, DISALLOWED_PATHS):
        value = registry.get(rf"{DISALLOWED_PATHS}\{rule}", "ItemData")
        forbidden = expand(value.text, environment).lower().rstrip("\\") if value else ""
        if forbidden and (wanted == forbidden or wanted.startswith(forbidden + "\\")):
            return True
        if forbidden and "\\" not in forbidden and wanted.endswith("\\" + forbidden):
            return True
    return False


def under_policy(program: Program, registry: Registry, ui_language: str) -> Program:
    """The program, or its refusal where policy forbids it."""

    def run(invocation: Invocation) -> ProgramResult:
        if is_forbidden(registry, invocation.program, invocation.environment):
            return ProgramResult(stderr=_TEXTS.get(ui_language, _TEXTS["en-US"]) + "\r\n", exit_code=1)
        return program(invocation)

    return run
