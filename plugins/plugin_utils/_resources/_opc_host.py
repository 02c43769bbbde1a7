# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Several resources of one host as one transaction: read all, plan all, then apply all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ...module_utils._errors import ParameterError
from ...module_utils._host_state import STATE_KEY
from ...module_utils._plan import Plan, combine
from .._host._host import Host
from .._resource import Parameters, Resource, Spec
from ._settings import DcomDefaults, DcomLogging

# The order is the order of writing: levels are raised before anything that depends on them is tightened (design 6).
SECTIONS: Mapping[str, Resource] = {
    "logging": DcomLogging(),
    "defaults": DcomDefaults(),
}


class OpcHost(Resource):
    """The whole desired state of a host; a section that is not given is left alone."""

    argument_spec: ClassVar[Spec] = {
        name: {"type": "dict", "options": section.argument_spec} for name, section in SECTIONS.items()
    }

    def desired(self, parameters: Parameters) -> Mapping[str, Any]:
        given = {name: parameters[name] for name in SECTIONS if parameters.get(name) is not None}
        if not given:
            raise ParameterError("", f"nothing to set: give at least one section of {', '.join(SECTIONS)}")
        return {name: self._desired(name, options) for name, options in given.items()}

    def prefetch(self, host: Host, desired: Mapping[str, Any]) -> None:
        keys = [key for name, wanted in desired.items() for key in SECTIONS[name].keys(wanted)]
        host.registry.prefetch([*keys, STATE_KEY])

    def plan(self, host: Host, desired: Mapping[str, Any]) -> Plan:
        return combine({name: SECTIONS[name].plan(host, wanted) for name, wanted in desired.items()})

    @staticmethod
    def _desired(name: str, options: Parameters) -> Any:
        try:
            return SECTIONS[name].desired(options)
        except ParameterError as error:
            raise ParameterError(f"{name}.{error.path}" if error.path else name, error.message) from error
