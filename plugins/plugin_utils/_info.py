# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Reads one host completely for dcom_info. Nothing is written, and one bulk read serves all sections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..module_utils._application import SELECTORS, Selector, parse_selector, selector_keys
from ..module_utils._com_value import POLICY
from ..module_utils._dcom import APP_COMPAT, FAILURE_LOGGING, MACHINE_DEFAULTS, OLE, NamedSetting
from ..module_utils._errors import ParameterError
from ..module_utils._findings import find_in_settings
from ..module_utils._host_state import STATE_KEY, format_time
from ..module_utils._registry import RegistryKey, RegistryType
from ._host._host import Host
from ._info_permissions import OPC_ENUM, prefetch_applications, read_applications, read_permissions
from ._resource import Parameters, Spec
from ._resources._application import SELECTOR_SPEC
from ._resources._settings import read_settings

INFO_SPEC: Spec = {
    "applications": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": SELECTOR_SPEC,
        "mutually_exclusive": [list(SELECTORS)],
        "required_one_of": [list(SELECTORS)],
    }
}
CURRENT_VERSION = RegistryKey("SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion")


def parse_info(parameters: Parameters) -> list[Selector]:
    """The applications to look at besides OpcEnum. Raises: ParameterError with the path of the option."""
    selectors = []
    for index, item in enumerate(parameters["applications"]):
        try:
            selectors.append(parse_selector(item))
        except ParameterError as error:
            path = f"applications[{index}]"
            raise ParameterError(f"{path}.{error.path}" if error.path else path, error.message) from error
    return selectors


def read_machine(host: Host, selectors: Sequence[Selector]) -> dict[str, Any]:
    """System, defaults, logging, permissions, applications, what is pending, findings."""
    host.registry.prefetch([OLE, APP_COMPAT, CURRENT_VERSION, STATE_KEY, POLICY, *selector_keys(OPC_ENUM)])
    prefetch_applications(host, selectors)
    kept = host.read_kept_state()
    permissions, applications = read_permissions(host), read_applications(host, selectors)
    settings = (*MACHINE_DEFAULTS, *FAILURE_LOGGING)
    values = read_settings(host, settings)
    return {
        "system": _read_system(host),
        "defaults": {item.option: _describe(item, values) for item in MACHINE_DEFAULTS},
        "logging": {item.option: _describe(item, values) for item in FAILURE_LOGGING},
        "reboot_required": kept.pending_reboot is not None,
        "reboot_reasons": list(kept.pending_reboot.reasons) if kept.pending_reboot else [],
        "unfinished_run": [item.describe() for item in kept.unfinished],
        "permissions": permissions.facts,
        **applications.facts,
        "findings": [
            item.to_dict()
            for item in (*find_in_settings(settings, values), *permissions.findings, *applications.findings)
        ],
    }


def _describe(setting: NamedSetting, values: dict[str, Any]) -> dict[str, Any]:
    value = values[setting.option]
    return {
        "setting": setting.word_of(value),
        "text": setting.describe(value),
        "is_present": value is not None,
        "data": None if value is None else _plain(value.data),
    }


def _plain(data: object) -> object:
    if isinstance(data, bytes):
        return data.hex()
    return list(data) if isinstance(data, tuple) else data


def _read_system(host: Host) -> dict[str, Any]:
    system = host.system.read_operating_system()
    return {
        "caption": system.caption,
        "version": system.version,
        "build": system.build,
        "revision": _number(host, "UBR"),
        "last_boot_time": format_time(system.last_boot_time),
        "notes": _notes(host.registry.notes),
    }


def _number(host: Host, name: str) -> int | None:
    value = host.registry.value(CURRENT_VERSION, name, RegistryType.DWORD)
    return value.data if value is not None and isinstance(value.data, int) else None


def _notes(notes: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(notes))
