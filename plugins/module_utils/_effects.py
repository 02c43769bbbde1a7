# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What waits for a reboot or a restart when values are written that no section names, such as those of a snapshot.

One rule for each value the collection can write; the sections plan by the same tables. Source: dcom.md 1.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ._application import APP_IDS
from ._com_defaults import ComScope
from ._com_rights import ComKind
from ._com_value import machine_place
from ._dcom import FAILURE_LOGGING, MACHINE_DEFAULTS, NamedSetting
from ._host_policy import DCOM_PORTS, HOST_POLICY, RPC_PORTS
from ._plan import Effect, Operation, SetValue, unique
from ._registry import RegistryKey

# Values that a process of the application reads when it starts; launch permissions are read on each activation.
_READ_AT_START = frozenset({"authenticationlevel", "accesspermission"})
_REBOOT_PLACES = (
    machine_place(ComScope.MACHINE_LIMIT, ComKind.ACCESS),
    machine_place(ComScope.MACHINE_LIMIT, ComKind.LAUNCH),
    machine_place(ComScope.MACHINE_DEFAULT, ComKind.ACCESS),
)
_SETTINGS: Mapping[tuple[str, str], NamedSetting] = {
    (item.key.folded, item.value_name.lower()): item for item in (*MACHINE_DEFAULTS, *FAILURE_LOGGING, *HOST_POLICY)
}


def reboot_reasons(operations: Iterable[Operation]) -> tuple[str, ...]:
    """What of these operations counts only after a reboot, by the names of the options."""
    return unique(reason for item in operations if isinstance(item, SetValue) for reason in _reasons(item))


def restart_services(operations: Iterable[Operation], services: Mapping[str, str]) -> tuple[str, ...]:
    """Services whose AppID these operations change; `services` maps folded AppID keys to service names."""
    changed = (item.key for item in operations if isinstance(item, SetValue) and is_read_at_start(item))
    return unique(services[key.folded] for key in changed if key.folded in services)


def is_read_at_start(operation: SetValue) -> bool:
    """Whether a running process of the application keeps the old value."""
    return is_app_id(operation.key) and operation.name.lower() in _READ_AT_START


def is_app_id(key: RegistryKey) -> bool:
    return key.parent is not None and key.parent.folded == APP_IDS.folded


def _reasons(operation: SetValue) -> Iterator[str]:
    setting = _SETTINGS.get((operation.key.folded, operation.name.lower()))
    if setting is not None and setting.effect is Effect.REBOOT:
        yield setting.option
    if operation.key.folded == RPC_PORTS.folded:
        yield DCOM_PORTS
    for place in _REBOOT_PLACES:
        if (operation.key.folded, operation.name.lower()) == (place.key.folded, place.value_name.lower()):
            yield place.option
