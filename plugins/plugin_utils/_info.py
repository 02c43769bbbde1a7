# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Reads one host completely for dcom_info. Nothing is written, and one bulk read serves all sections but discovery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..module_utils._application import SELECTORS, Selector, parse_selector, selector_keys
from ..module_utils._com_value import POLICY
from ..module_utils._dcom import APP_COMPAT, FAILURE_LOGGING, MACHINE_DEFAULTS, OLE, NamedSetting
from ..module_utils._errors import ParameterError
from ..module_utils._findings import Finding, find_in_settings
from ..module_utils._hardening import LOGGING_OFF, Hardening, find_in_hardening, read_hardening
from ..module_utils._host_state import STATE_KEY, format_time
from ..module_utils._patch_level import UNRELIABLE_REVISIONS
from ..module_utils._registry import RegistryKey, RegistryType, RegistryValue
from ._discovery import discover
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
    },
    "discover": {"type": "bool", "default": False},
    "client_programs": {"type": "list", "elements": "str", "default": []},
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


def parse_discovery(parameters: Parameters) -> tuple[str, ...] | None:
    """The client programs to look for; None when OPC software is not to be looked for."""
    return tuple(map(str, parameters["client_programs"])) if parameters["discover"] else None


def read_machine(
    host: Host, selectors: Sequence[Selector], client_programs: Sequence[str] | None = None
) -> dict[str, Any]:
    """System, defaults, logging, permissions, applications, what is pending, hardening, findings.

    With `client_programs`, even empty, also the OPC software.
    """
    host.registry.prefetch([OLE, APP_COMPAT, CURRENT_VERSION, STATE_KEY, POLICY, *selector_keys(OPC_ENUM)])
    prefetch_applications(host, selectors)
    kept = host.read_kept_state()
    permissions, applications = read_permissions(host), read_applications(host, selectors)
    settings = (*MACHINE_DEFAULTS, *FAILURE_LOGGING)
    values = read_settings(host, settings)
    hardening = _read_hardening(host, values)
    discovery = None if client_programs is None else discover(host, client_programs)
    found = (
        *_find_in_settings(settings, values, hardening),
        *find_in_hardening(hardening),
        *permissions.findings,
        *applications.findings,
        *(discovery.findings if discovery else ()),
    )
    return {
        "system": _read_system(host),
        "defaults": {item.option: _describe(item, values) for item in MACHINE_DEFAULTS},
        "logging": {item.option: _describe(item, values) for item in FAILURE_LOGGING},
        "reboot_required": kept.pending_reboot is not None,
        "reboot_reasons": list(kept.pending_reboot.reasons) if kept.pending_reboot else [],
        "unfinished_run": [item.describe() for item in kept.unfinished],
        "permissions": permissions.facts,
        **applications.facts,
        "hardening": hardening.to_dict(),
        **({"opc": discovery.facts} if discovery else {}),
        "findings": [item.to_dict() for item in found],
    }


def _read_hardening(host: Host, values: dict[str, RegistryValue | None]) -> Hardening:
    """One message more on a system whose revision in the registry is of no use."""
    system = host.operating_system
    version = None
    if system.build in UNRELIABLE_REVISIONS:
        version = host.system.file_version(f"{system.system_directory}\\rpcss.dll")
    muted = host.registry.value(APP_COMPAT, LOGGING_OFF, RegistryType.DWORD)
    return read_hardening(system.build, _number(host, "UBR"), version, {**values, LOGGING_OFF: muted})


def _find_in_settings(
    settings: tuple[NamedSetting, ...], values: dict[str, RegistryValue | None], hardening: Hardening
) -> Sequence[Finding]:
    """Without what the patch level makes of no account: a value that Windows does not read is not weak."""
    if hardening.requires is not True:
        return find_in_settings(settings, values)
    counted = tuple(item for item in settings if item.option != "require_integrity_activation")
    return find_in_settings(counted, values)


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
    system = host.operating_system
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
