# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Resources made of named settings: the machine-wide DCOM defaults and the logging of COM failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ...module_utils._dcom import FAILURE_LOGGING, MACHINE_DEFAULTS, NamedSetting, plan_settings
from ...module_utils._errors import LockoutError, ParameterError
from ...module_utils._plan import Plan
from ...module_utils._registry import RegistryKey
from .._host._host import Host
from .._resource import Parameters, Resource, Spec


def option_of(setting: NamedSetting) -> dict[str, Any]:
    """The argument spec of one setting: a boolean where its words are true and false, else its words as choices."""
    if set(setting.words) == {"true", "false"}:
        return {"type": "bool"}
    return {"type": "str", "choices": list(setting.words)}


def read_settings(host: Host, settings: Sequence[NamedSetting]) -> dict[str, Any]:
    """What is there, by option; None where the value is absent. At most one message each."""
    return {item.option: host.registry.value(item.key, item.value_name, item.type) for item in settings}


class SettingsResource(Resource):
    """Any group of named settings; only the ones that are named in a task are touched."""

    settings: ClassVar[Sequence[NamedSetting]]

    def desired(self, parameters: Parameters) -> Mapping[str, str]:
        words = {item.option: word_of_option(parameters.get(item.option)) for item in self.settings}
        chosen = {option: word for option, word in words.items() if word is not None}
        if not chosen:
            names = ", ".join(item.option for item in self.settings)
            raise ParameterError("", f"nothing to set: give at least one of {names}")
        self._refuse_weak(chosen, bool(parameters.get("allow_weak")))
        return chosen

    def keys(self, desired: Mapping[str, str]) -> Sequence[RegistryKey]:
        return tuple(dict.fromkeys(item.key for item in self.settings if item.option in desired))

    def plan(self, host: Host, desired: Mapping[str, str]) -> Plan:
        chosen = tuple(item for item in self.settings if item.option in desired)
        plan = plan_settings(chosen, read_settings(host, chosen), desired)
        weak = [item.option for item in chosen if desired[item.option] in item.weak_words]
        return replace(plan, exceptions=tuple(f"{option}: {desired[option]} (allow_weak)" for option in weak))

    def _refuse_weak(self, chosen: Mapping[str, str], allowed: bool) -> None:
        for setting in self.settings:
            if chosen.get(setting.option) in setting.weak_words and not allowed:
                raise LockoutError(
                    f"{setting.option}: {chosen[setting.option]} stops OPC links or opens the host ({setting.source}); "
                    "set allow_weak: true to do it all the same"
                )


def word_of_option(value: object) -> str | None:
    """An option's value as the word of the table."""
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


class DcomDefaults(SettingsResource):
    """Machine-wide defaults of COM security (dcom.md 1.1, 1.3)."""

    settings = MACHINE_DEFAULTS
    argument_spec: ClassVar[Spec] = {
        **{item.option: option_of(item) for item in MACHINE_DEFAULTS},
        "allow_weak": {"type": "bool", "default": False},
    }


class DcomLogging(SettingsResource):
    """Which COM failures Windows logs (dcom.md 1.1)."""

    settings = FAILURE_LOGGING
    argument_spec: ClassVar[Spec] = {item.option: option_of(item) for item in FAILURE_LOGGING}
