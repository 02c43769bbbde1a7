# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Claims about the registry that reading alone can try out."""

from __future__ import annotations

from collections import Counter

from ...module_utils._conformance import Observation, held, observed, unclear
from ...module_utils._dcom import OLE
from ...module_utils._registry import RegistryKey, RegistryType, RegistryValue
from .._host._environment import MACHINE_VARIABLES, WINDOWS_NT
from .._host._host import Host
from .._host._registry import HKEY_LOCAL_MACHINE, KEY_MISSING, SUCCESS, TYPE_MISMATCH, VALUE_MISSING, RegistryGateway
from .._wsman._cim import MethodResult
from .._wsman._schema import STD_REG_PROV

# On every Windows; together they hold all types that this collection writes, REG_QWORD apart.
_COMPUTER_NAME = RegistryKey("SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName")
_SESSION_MANAGER = RegistryKey("SYSTEM\\CurrentControlSet\\Control\\Session Manager")
_COMPARED = (OLE, WINDOWS_NT, _COMPUTER_NAME, _SESSION_MANAGER)
_ABSENT = "otsec-no-such-name"
_KEY_READ = 0x20019  # winnt.h


def both_ways_agree(host: Host) -> Observation:
    """One gateway reads through reg.exe, the other value by value."""
    by_program, by_class = RegistryGateway(host.client), RegistryGateway(host.client)
    by_program.prefetch(_COMPARED)
    if not by_program.has_shell or by_program.notes:
        return unclear("; ".join(by_program.notes) or "reg.exe was not asked")
    kinds: Counter[str] = Counter()
    for key in _COMPARED:
        singly, printed = by_class.values(key) or {}, by_program.values(key) or {}
        different = [name for name in singly.keys() | printed.keys() if not _same(singly.get(name), printed.get(name))]
        if different:
            return held(False, f"{key}: {', '.join(sorted(different)[:5])} differ")
        kinds.update(value.type.label for value in singly.values())
    return held(True, ", ".join(f"{number} {label}" for label, number in sorted(kinds.items())))


def _same(singly: RegistryValue | None, printed: RegistryValue | None) -> bool:
    """Data that reg.exe does not print (other types) and expanded variables are not compared."""
    if singly is None or printed is None or singly.type is not printed.type:
        return False
    return singly.type in (RegistryType.EXPAND_SZ, RegistryType.UNKNOWN, RegistryType.NONE) or singly == printed


def missing_value(host: Host) -> Observation:
    return _returns(_ask(host, "GetDWORDValue", WINDOWS_NT, _ABSENT), VALUE_MISSING)


def missing_key(host: Host) -> Observation:
    return _returns(_ask(host, "GetDWORDValue", WINDOWS_NT.child(_ABSENT), _ABSENT), KEY_MISSING)


def other_type(host: Host) -> Observation:
    return _returns(_ask(host, "GetDWORDValue", WINDOWS_NT, "SystemRoot"), TYPE_MISMATCH)


def expand_as_string(host: Host) -> Observation:
    types = RegistryGateway(host.client).value_types(MACHINE_VARIABLES) or {}
    name = next((name for name, kind in types.items() if kind is RegistryType.EXPAND_SZ), None)
    if name is None:
        return unclear("the environment of the machine has no REG_EXPAND_SZ")
    answer = _ask(host, "GetStringValue", MACHINE_VARIABLES, name)
    text = answer.optional("sValue", str)
    return observed(f"{_code(answer)}; variables are {'unexpanded' if text and '%' in text else 'expanded or absent'}")


def no_subkeys(host: Host) -> Observation:
    answer = host.client.invoke(STD_REG_PROV, "EnumKey", _place(_COMPUTER_NAME))
    names = answer.texts("sNames")
    return held(answer.return_value == SUCCESS and not names, f"{_code(answer)}, {len(names)} names")


def check_access(host: Host) -> Observation:
    answer = host.client.invoke(STD_REG_PROV, "CheckAccess", {**_place(WINDOWS_NT), "uRequired": _KEY_READ})
    granted = answer.optional("bGranted", bool)
    return held(answer.return_value == SUCCESS and granted is True, f"{_code(answer)}, bGranted {granted}")


def _ask(host: Host, method: str, key: RegistryKey, name: str) -> MethodResult:
    return host.client.invoke(STD_REG_PROV, method, {**_place(key), "sValueName": name})


def _place(key: RegistryKey) -> dict[str, object]:
    return {"hDefKey": HKEY_LOCAL_MACHINE, "sSubKeyName": key.path}


def _returns(answer: MethodResult, expected: int) -> Observation:
    return held(answer.return_value == expected, _code(answer))


def _code(answer: MethodResult) -> str:
    value = answer.return_value
    return f"ReturnValue {f'0x{value:08X}' if value > 0xFFFF else value}"
