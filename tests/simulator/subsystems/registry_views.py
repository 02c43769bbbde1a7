# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of hives and the rules that tell where the 32-bit view of a key lies.

Source: dcom.md 2.2 (Win32 "Registry Keys Affected by WOW64", Windows 7 and later).
"""

from __future__ import annotations

HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKU": "HKEY_USERS",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCC": "HKEY_CURRENT_CONFIG",
}
SHORT_HIVES = {**{short: short for short in HIVES}, **{full: short for short, full in HIVES.items()}}

# Registry links that every 64-bit Windows has: (key, where it leads). Both below HKLM.
MACHINE_LINKS = (
    (r"SYSTEM\CurrentControlSet", r"SYSTEM\ControlSet001"),
    (r"SOFTWARE\WOW6432Node\Classes", r"SOFTWARE\Classes\Wow6432Node"),
    (r"SOFTWARE\Classes\Wow6432Node\AppID", r"SOFTWARE\Classes\AppID"),
    (r"SOFTWARE\Classes\Wow6432Node\TypeLib", r"SOFTWARE\Classes\TypeLib"),
    (r"SOFTWARE\WOW6432Node\Policies", r"SOFTWARE\Policies"),
    (r"SOFTWARE\WOW6432Node\Microsoft\Ole", r"SOFTWARE\Microsoft\Ole"),
    (r"SOFTWARE\WOW6432Node\Microsoft\Rpc", r"SOFTWARE\Microsoft\Rpc"),
    (r"SOFTWARE\WOW6432Node\Microsoft\COM3", r"SOFTWARE\Microsoft\COM3"),
    (r"SOFTWARE\WOW6432Node\Microsoft\EventSystem", r"SOFTWARE\Microsoft\EventSystem"),
    (
        r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Policies",
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\Policies",
    ),
    (
        r"SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Group Policy",
        r"SOFTWARE\Microsoft\Windows\CurrentVersion\Group Policy",
    ),
)

# Below SOFTWARE\Classes only these differ between the views (dcom.md 2.2).
_REDIRECTED_CLASSES = ("CLSID", "INTERFACE")
_SHARED_SOFTWARE = tuple(
    tuple(target.upper().split("\\")[1:]) for link, target in MACHINE_LINKS if "WOW6432NODE\\" in link.upper()
)


def view32(key: str) -> str:
    """The key that a 32-bit program means by this path: the same, or the one below Wow6432Node.

    `key` starts with a hive, short or long; hives other than HKLM and HKCR are not redirected here.
    """
    hive, _sep, path = key.partition("\\")
    parts = path.split("\\") if path else []
    short = SHORT_HIVES.get(hive.upper(), hive)
    if short == "HKCR":
        return "\\".join([hive, *_classes32(parts)])
    if short != "HKLM" or not parts or parts[0].upper() != "SOFTWARE":
        return key
    if [part.upper() for part in parts[:2]] == ["SOFTWARE", "CLASSES"]:
        return "\\".join([hive, *parts[:2], *_classes32(parts[2:])])
    return "\\".join([hive, *_software32(parts)])


def _software32(parts: list[str]) -> list[str]:
    below = tuple(part.upper() for part in parts[1:])
    if below[:1] == ("WOW6432NODE",) or any(below[: len(shared)] == shared for shared in _SHARED_SOFTWARE):
        return parts
    return [parts[0], "WOW6432Node", *parts[1:]]


def _classes32(parts: list[str]) -> list[str]:
    if parts and parts[0].upper() in _REDIRECTED_CLASSES:
        return ["Wow6432Node", *parts]
    return parts
