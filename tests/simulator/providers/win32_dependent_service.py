# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Win32_DependentService: which service depends on which. Source: Win32_DependentService class documentation.

Antecedent is what must run, Dependent what needs it. TypeOfDependency is left NULL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..cim import Caller, CimClass, CimReference, CimType
from .provider import ClassProvider, properties


class DependentService(ClassProvider):
    """The dependencies of one host, one instance for each pair."""

    cim_class = CimClass(
        "Win32_DependentService",
        properties=(
            *properties(CimType.REFERENCE, "*Antecedent *Dependent"),
            *properties(CimType.UINT16, "TypeOfDependency"),
        ),
    )

    def instances(self, caller: Caller) -> list[Mapping[str, Any]]:
        self.admit(caller)
        return list(self._pairs()) if caller.is_administrator else []

    def _pairs(self) -> Iterator[Mapping[str, Any]]:
        services = self.host.services
        for name in services.names():
            for needed in services.service(name).config.depends_on:
                found = services.find(needed)
                above = found.config.name if found else needed
                kind = "Win32_SystemDriver" if found and found.config.is_driver else "Win32_Service"
                yield {
                    "Antecedent": CimReference(kind, {"Name": above}),
                    "Dependent": CimReference("Win32_Service", {"Name": name}),
                    "TypeOfDependency": None,
                }
