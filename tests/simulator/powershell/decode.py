# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Ansible asks powershell.exe to do: a module with its arguments, or a script.

The command line carries a bootstrap script in `-EncodedCommand`, in ansible-core 2.16 twice nested; a module's manifest
comes on stdin behind a run of four NUL bytes. Everything else that can be in a manifest (code, utilities) is skipped.

Source: captures of ansible-core 2.16, 2.19 and 2.21 over winrm (ansible.md 1.3), executor/powershell of those versions.
Not decoded: async, become, the psrp connection's runspace pool.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ENCODED = re.compile(r"-EncodedCommand\s+\"?([A-Za-z0-9+/=]+)\"?", re.IGNORECASE)
_SEPARATOR = b"\0\0\0\0"
_MAX_NESTING = 4


class DecodeError(ValueError):
    """The command line or the manifest is not what ansible-core sends."""


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """A module by its full name, and its arguments without Ansible's own."""

    name: str
    arguments: Mapping[str, Any]
    is_check_mode: bool = False
    wants_diff: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """A script without a module."""

    text: str


def script_of(command_line: str) -> str:
    """The script in the last of the nested -EncodedCommand arguments. Raises: DecodeError."""
    text = command_line
    for _unused in range(_MAX_NESTING):
        match = _ENCODED.search(text)
        if match is None:
            break
        try:
            text = base64.b64decode(match[1], validate=True).decode("utf-16-le")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise DecodeError("-EncodedCommand is not base64 of UTF-16LE") from error
    if text is command_line:
        raise DecodeError("no -EncodedCommand")
    return text


def decode(script: str, stdin: bytes) -> ModuleCall | Script:
    """What a script of `script_of` does with its input. Raises: DecodeError."""
    if _SEPARATOR not in stdin:
        return Script(script)
    manifest = _manifest(stdin)
    arguments = _module_arguments(manifest)
    name = arguments.get("_ansible_module_name")
    if not isinstance(name, str):
        raise DecodeError("the manifest names no module")
    own = {key: value for key, value in arguments.items() if not key.startswith("_ansible_")}
    return ModuleCall(
        name,
        own,
        is_check_mode=arguments.get("_ansible_check_mode") is True,
        wants_diff=arguments.get("_ansible_diff") is True,
    )


def _manifest(stdin: bytes) -> Mapping[str, Any]:
    try:
        manifest = json.loads(stdin.rpartition(_SEPARATOR)[2])
    except ValueError as error:  # also UnicodeDecodeError
        raise DecodeError("no JSON behind the four NULs") from error
    if not isinstance(manifest, dict):
        raise DecodeError("the manifest is no object")
    return manifest


def _module_arguments(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(manifest.get("module_args"), dict):  # 2.16
        return manifest["module_args"]  # type: ignore[no-any-return]
    actions = manifest.get("actions")
    for action in actions if isinstance(actions, list) else []:
        parameters = action.get("params") if isinstance(action, dict) else None
        for variable in parameters.get("Variables", []) if isinstance(parameters, dict) else []:
            if variable.get("Name") == "complex_args":  # 2.19 and later
                return variable["Value"]  # type: ignore[no-any-return]
    raise DecodeError("no module arguments in the manifest")
