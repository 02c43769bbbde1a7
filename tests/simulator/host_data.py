# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host as plain data: what decides about DCOM on it, and how its lasting state differs from the described one."""

from __future__ import annotations

from collections.abc import Iterator

from .boot import InForce
from .com_state import ComProcess, Descriptor


def in_force_data(state: InForce) -> dict[str, object]:
    """What counts at this moment, whatever the registry says. Levels are numbers, descriptors hexadecimal or SDDL."""
    machine = state.machine
    return {
        "is_dcom_enabled": machine.is_dcom_enabled,
        "requires_integrity": machine.requires_integrity,
        "default_authentication_level": machine.default_authentication_level,
        "default_impersonation_level": machine.default_impersonation_level,
        "activation_failure_logging": machine.activation_failure_logging,
        "access_limit": descriptor_data(state.access_limit),
        "launch_limit": descriptor_data(state.launch_limit),
        "default_launch_permission": descriptor_data(state.default_launch_permission),
        "processes": {process.program: process_data(process) for process in state.processes if process.app_id},
    }


def process_data(process: ComProcess) -> dict[str, object]:
    return {
        "app_id": process.app_id,
        "authentication_level": process.authentication_level,
        "access_permission": descriptor_data(process.access_permission),
    }


def descriptor_data(descriptor: Descriptor) -> dict[str, object]:
    """`source` says where it comes from: policy, ole, application, program, built_in."""
    text = descriptor.sddl if descriptor.data is None else descriptor.data.hex()
    return {"source": descriptor.source.value, "descriptor": text}


def changes(before: str, after: str) -> dict[str, list[str]]:
    """Lines of snapshots that came and went, each with the registry key it belongs to."""
    old, new = tuple(_lines(before)), tuple(_lines(after))
    had, has = set(old), set(new)
    return {
        "added": [line for line in new if line not in had],
        "removed": [line for line in old if line not in has],
    }


def _lines(text: str) -> Iterator[str]:
    key = ""
    for line in text.splitlines():
        if line.startswith("["):
            key = line.partition("]")[0].removeprefix("[")
            yield line
        else:
            yield f"{key}: {line}" if line.startswith("'") else line
