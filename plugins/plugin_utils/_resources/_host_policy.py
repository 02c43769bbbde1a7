# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The resource of opc_host_policy: settings of Windows that OPC guides tell people to weaken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ...module_utils._dcom import NamedSetting, plan_settings
from ...module_utils._errors import LockoutError, ParameterError
from ...module_utils._host_policy import (
    DCOM_PORTS,
    HOST_POLICY,
    PORT_VALUES,
    RPC_PORTS,
    PortRange,
    plan_ports,
    refuse_lockout,
)
from ...module_utils._plan import Plan
from ...module_utils._registry import RegistryKey
from .._host._host import Host
from .._resource import Parameters, Resource, Spec
from ._settings import option_of, read_settings, word_of_option


@dataclass(frozen=True, slots=True)
class HostPolicyRequest:
    """Words by option; `ports` counts only with `sets_ports`, and None is then Windows' own choice."""

    words: Mapping[str, str]
    sets_ports: bool
    ports: PortRange | None
    allow_lockout: bool

    @property
    def settings(self) -> tuple[NamedSetting, ...]:
        return tuple(item for item in HOST_POLICY if item.option in self.words)


class HostPolicy(Resource):
    """Settings that are left alone unless they are named; weak ones only with allow_weak, and then reported."""

    argument_spec: ClassVar[Spec] = {
        **{item.option: option_of(item) for item in HOST_POLICY},
        DCOM_PORTS: {"type": "str"},
        "allow_weak": {"type": "bool", "default": False},
        "allow_lockout": {"type": "bool", "default": False},
    }

    def desired(self, parameters: Parameters) -> HostPolicyRequest:
        words = {item.option: word_of_option(parameters.get(item.option)) for item in HOST_POLICY}
        chosen = {option: word for option, word in words.items() if word is not None}
        ports = parameters.get(DCOM_PORTS)
        if not chosen and ports is None:
            names = ", ".join((*(item.option for item in HOST_POLICY), DCOM_PORTS))
            raise ParameterError("", f"nothing to set: give at least one of {names}")
        for setting in HOST_POLICY:
            if chosen.get(setting.option) in setting.weak_words and not parameters["allow_weak"]:
                raise LockoutError(
                    f"{setting.option}: {chosen[setting.option]} weakens the host and OPC does not need it "
                    f"({setting.source}); set allow_weak: true to do it all the same"
                )
        return HostPolicyRequest(
            chosen,
            sets_ports=ports is not None,
            ports=None if ports is None else PortRange.parse(str(ports)),
            allow_lockout=bool(parameters["allow_lockout"]),
        )

    def keys(self, desired: HostPolicyRequest) -> Sequence[RegistryKey]:
        keys = [item.key for item in desired.settings] + ([RPC_PORTS] if desired.sets_ports else [])
        return list({key.folded: key for key in keys}.values())

    def plan(self, host: Host, desired: HostPolicyRequest) -> Plan:
        current = read_settings(host, desired.settings)
        if not desired.allow_lockout:
            refuse_lockout(
                {item.option: item.word_of(current[item.option]) for item in desired.settings}, desired.words
            )
        plan = plan_settings(desired.settings, current, desired.words)
        exceptions = tuple(
            f"{item.option}: {desired.words[item.option]} (allow_weak)"
            for item in desired.settings
            if desired.words[item.option] in item.weak_words
        )
        return _together(replace(plan, exceptions=exceptions), self._plan_ports(host, desired))

    @staticmethod
    def _plan_ports(host: Host, desired: HostPolicyRequest) -> Plan:
        if not desired.sets_ports:
            return Plan()
        present: dict[str, Any] = {
            name: host.registry.value(RPC_PORTS, name, kind) for name, kind in PORT_VALUES.items()
        }
        return plan_ports(present, desired.ports, host.management_ports)


def _together(first: Plan, second: Plan) -> Plan:
    """Both plans as one, their states side by side."""
    return replace(
        first,
        operations=first.operations + second.operations,
        before={**first.before, **second.before},
        after={**first.after, **second.after},
        reboot_reasons=first.reboot_reasons + second.reboot_reasons,
    )
