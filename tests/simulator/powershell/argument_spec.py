# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of module arguments with the messages of Ansible.Basic, on which most Windows modules are built.

Source: ansible-core, module_utils/csharp/Ansible.Basic.cs (CheckArguments and what it calls): names and choices are
compared without case, `None` counts as not given, unknown options are refused with the list of known ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_TRUE = ("y", "yes", "on", "1", "true", "t", "1.0")
_FALSE = ("n", "no", "off", "0", "false", "f", "0.0")
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class ModuleFailure(Exception):
    """A module ends with `failed`. `result` is merged into its result."""

    def __init__(self, message: str, **result: object) -> None:
        super().__init__(message)
        self.message = message
        self.result = result


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `options` are those of a dict; `exclusive` its mutually exclusive ones."""

    type: str = "str"
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    no_log: bool = False
    options: Mapping[str, Option] = field(default_factory=dict)
    exclusive: tuple[tuple[str, ...], ...] = ()


Spec = Mapping[str, Option]


def check_arguments(module: str, spec: Spec, arguments: Mapping[str, Any], *, within: str = "") -> dict[str, Any]:
    """Every option of the spec with its converted value, None where it was not given. Raises: ModuleFailure."""
    names = {name.lower(): name for name in spec}
    names.update({alias.lower(): name for name, option in spec.items() for alias in option.aliases})
    context = f" found in {within}" if within else ""
    unknown = sorted(name for name in arguments if name.lower() not in names)
    if unknown:
        legal = sorted([*spec, *(alias for option in spec.values() for alias in option.aliases)])
        raise ModuleFailure(
            f"Unsupported parameters for ({module}) module: {', '.join(unknown)}{context}. "
            f"Supported parameters include: {', '.join(legal)}"
        )
    given = {names[name.lower()]: value for name, value in arguments.items() if value is not None}
    missing = [name for name, option in spec.items() if option.required and name not in given]
    if missing:
        raise ModuleFailure(f"missing required arguments: {', '.join(missing)}{context}")
    return {name: _value(module, name, option, given, context) for name, option in spec.items()}


def _value(module: str, name: str, option: Option, given: Mapping[str, Any], context: str) -> Any:
    value = given.get(name, option.default)
    if value is None:
        return None
    try:
        converted = convert(value, option.type)
    except ValueError as error:
        kind = {str: "System.String", bool: "System.Boolean", int: "System.Int32"}.get(type(value), "System.Object[]")
        raise ModuleFailure(
            f"argument for {name} is of type {kind} and we were unable to convert to {option.type}: {error}{context}"
        ) from error
    if option.choices and str(converted).lower() not in option.choices:
        choices = ", ".join(option.choices)
        raise ModuleFailure(f"value of {name} must be one of: {choices}. Got no match for: {converted}{context}")
    if option.type == "dict" and option.options:
        return _checked_dict(module, name, option, converted)
    return converted.lower() if option.choices else converted


def _checked_dict(module: str, name: str, option: Option, value: Mapping[str, Any]) -> dict[str, Any]:
    for group in option.exclusive:
        if sum(value.get(key) is not None for key in group) > 1:
            raise ModuleFailure(f"parameters are mutually exclusive: {', '.join(group)} found in {name}")
    return check_arguments(module, option.options, value, within=name)


def convert(value: Any, kind: str) -> Any:
    """A value as the type of an option. Raises: ValueError."""
    if kind in ("raw", "dict"):
        if kind == "dict" and not isinstance(value, dict):
            raise ValueError("cannot be converted to a dict")
        return value
    if kind == "bool":
        return _boolean(value)
    if kind == "int":
        return int(str(value))
    if kind == "list":
        return _list(value)
    return "True" if value is True else "False" if value is False else str(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower().strip()
    if text not in (*_TRUE, *_FALSE):
        known = ", ".join((*_TRUE, *_FALSE))
        raise ValueError(f"The value '{text}' is not a valid boolean. Valid booleans include: {known}")
    return text in _TRUE


def _list(value: Any) -> list[str]:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",")]
    items: Sequence[Any] = value if isinstance(value, list) else [value]
    return [str(item) for item in items]


def visible_arguments(spec: Spec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments for `invocation`, secrets replaced."""
    hidden = {name for name, option in spec.items() if option.no_log}
    return {name: HIDDEN if name in hidden and value not in (None, "") else value for name, value in arguments.items()}
