# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry and the files of a freshly installed Windows, built once per profile and shared by all its hosts.

Source: dcom.md 1.1 (Ole), 2.2 (links), 3.4 (descriptors), 3.5 (Lsa, policies), 7 (CurrentVersion);
PowerShellEngine: where installers and inventory tools look for the version of Windows PowerShell.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from . import shipped_descriptors as descriptors
from .files import FileTable
from .profiles import Profile
from .shipped_services import SHIPPED_LIBRARIES, SHIPPED_PROGRAMS, SHIPPED_SERVICES
from .subsystems import registry_security as security
from .subsystems.firewall_shipped import shipped_values
from .subsystems.registry import KeyNode, RegistryTree
from .subsystems.registry_value import RegistryValue
from .subsystems.registry_views import MACHINE_LINKS
from .subsystems.service_manager import config_values

Entry = tuple[str, str | None, RegistryValue | None]  # key below HKLM, value name (None: the key alone), value

_CURRENT_VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_POLICIES = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Policies"
_CONTROL = r"SYSTEM\ControlSet001\Control"
_OLE = r"SOFTWARE\Microsoft\Ole"
WMI_APP_ID = "{8BC3F05E-D86B-11D0-A075-00C04FB68820}"
RUNTIME_BROKER_APP_ID = "{9CA88EE3-ACB7-47C8-AFC4-AB702511C276}"

# Server 2025 and Windows 11 24H2 have wmic on demand only (unverified).
_FIRST_WITHOUT_WMIC = 26100

# AppIDs that Windows Resource Protection owns: administrators may read them, not change them.
PROTECTED_APP_IDS = (WMI_APP_ID, RUNTIME_BROKER_APP_ID)

_sz, _dword, _binary = RegistryValue.sz, RegistryValue.dword, RegistryValue.binary


@functools.cache
def registry_baseline(profile: Profile) -> KeyNode:
    """The tree of a profile. Immutable, so every host may share it."""
    tree = RegistryTree()
    _create_hives(tree)
    for key, name, value in _entries(profile):
        path = ("HKLM", *key.split("\\"))
        if name is None or value is None:
            tree.create(path)
        else:
            tree.set_value(path, name, value)
    _protect(tree)
    return tree.root


@functools.cache
def file_baseline(profile: Profile) -> Mapping[str, str]:
    system = [rf"C:\Windows\System32\{name}" for name in (*SHIPPED_PROGRAMS, *SHIPPED_LIBRARIES)]
    files = [(path, profile.file_version) for path in system]
    files += [
        (r"C:\Windows\SysWOW64\cmd.exe", profile.file_version),
        (r"C:\Windows\explorer.exe", profile.file_version),
    ]
    if profile.build < _FIRST_WITHOUT_WMIC:
        files.append((r"C:\Windows\System32\wbem\WMIC.exe", profile.file_version))
    if profile.powershell is not None:
        files.append((r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", profile.file_version))
    return FileTable.baseline(files)


def _create_hives(tree: RegistryTree) -> None:
    for name, key_security in (
        ("HARDWARE", security.MACHINE),  # volatile, but each boot makes the same one again
        ("SAM", security.SYSTEM_ONLY),
        ("SECURITY", security.SYSTEM_ONLY),
        ("SOFTWARE", security.MACHINE),
        ("SYSTEM", security.MACHINE),
    ):
        tree.create(("HKLM", name), security=key_security)
    for sid in (".DEFAULT", "S-1-5-18", "S-1-5-19", "S-1-5-20"):
        tree.create(("HKU", sid), security=security.user_hive(sid))
        tree.create(("HKU", sid, "Software", "Microsoft"))
    for _unused, target in MACHINE_LINKS:
        tree.create(("HKLM", *target.split("\\")))
    for link, target in MACHINE_LINKS:
        tree.create(("HKLM", *link.split("\\")), link=("HKLM", *target.split("\\")))


def _protect(tree: RegistryTree) -> None:
    for app_id in PROTECTED_APP_IDS:
        chain = tree.find(("HKLM", "SOFTWARE", "Classes", "AppID", app_id))
        if chain is not None:
            tree.replace_security(chain, security.PROTECTED)


def _entries(profile: Profile) -> Iterator[Entry]:
    yield from _current_version(profile)
    yield from _directories()
    yield from _powershell(profile)
    yield from _ole(profile)
    yield from _classes(profile)
    yield from _policies()
    yield from _control(profile)
    for service in SHIPPED_SERVICES:
        for name, value in config_values(service):
            yield rf"SYSTEM\ControlSet001\Services\{service.name}", name, value
    for key, name, value in shipped_values(profile.firewall_schema, is_server=profile.is_server):
        yield key.partition("\\")[2].replace("CurrentControlSet", "ControlSet001"), name, value


def _current_version(profile: Profile) -> Iterator[Entry]:
    major, minor = profile.version
    texts = {
        "ProductName": profile.product_name,
        "CurrentBuild": str(profile.build),
        "CurrentBuildNumber": str(profile.build),
        "CurrentVersion": "6.3" if major == 10 else f"{major}.{minor}",
        "InstallationType": "Server" if profile.is_server else "Client",
        "EditionID": profile.edition_id,
        "BuildLabEx": f"{profile.build}.{profile.revision}.amd64fre.simulated",
        "SystemRoot": r"C:\Windows",
        "ReleaseId": profile.release_id,
        "DisplayVersion": profile.display_version,
        "CSDVersion": f"Service Pack {profile.service_pack}" if profile.service_pack else None,
    }
    numbers = {
        "UBR": profile.revision if profile.has_ubr else None,
        "CurrentMajorVersionNumber": major if major == 10 else None,
        "CurrentMinorVersionNumber": minor if major == 10 else None,
        "InstallDate": 1577880000,
    }
    for view in (_CURRENT_VERSION, _CURRENT_VERSION.replace("SOFTWARE", r"SOFTWARE\WOW6432Node", 1)):
        for name, text in texts.items():
            if text is not None:
                yield view, name, _sz(text)
        for name, number in numbers.items():
            if number is not None:
                yield view, name, _dword(number)


def _directories() -> Iterator[Entry]:
    """Where variables such as %ProgramFiles% come from."""
    names = {
        "ProgramFilesDir": r"C:\Program Files",
        "ProgramFilesDir (x86)": r"C:\Program Files (x86)",
        "ProgramW6432Dir": r"C:\Program Files",
        "CommonFilesDir": r"C:\Program Files\Common Files",
        "CommonFilesDir (x86)": r"C:\Program Files (x86)\Common Files",
        "CommonW6432Dir": r"C:\Program Files\Common Files",
    }
    for name, path in names.items():
        yield r"SOFTWARE\Microsoft\Windows\CurrentVersion", name, _sz(path)


def _powershell(profile: Profile) -> Iterator[Entry]:
    """Version of the engine: 2.0 (with every newer one as well) under 1, newer ones under 3."""
    version = profile.powershell
    if version is None:
        return
    key = r"SOFTWARE\Microsoft\PowerShell\{}\PowerShellEngine"
    yield key.format(1), "PowerShellVersion", _sz("2.0")
    if version != "2.0":
        yield key.format(3), "PowerShellVersion", _sz(f"{version}.{profile.build}.{profile.revision}")


def _ole(profile: Profile) -> Iterator[Entry]:
    is_10 = profile.version[0] >= 10
    access = descriptors.MACHINE_ACCESS_RESTRICTION_10 if is_10 else descriptors.MACHINE_ACCESS_RESTRICTION_7
    launch = descriptors.MACHINE_LAUNCH_RESTRICTION_10 if is_10 else descriptors.MACHINE_LAUNCH_RESTRICTION_7
    yield _OLE, "EnableDCOM", _sz("Y")
    yield _OLE, "DefaultLaunchPermission", _binary(descriptors.DEFAULT_LAUNCH_PERMISSION)
    yield _OLE, "MachineAccessRestriction", _binary(access)
    yield _OLE, "MachineLaunchRestriction", _binary(launch)
    yield _OLE + r"\AppCompat\ActivationSecurityCheckExemptionList", None, None
    yield _OLE + r"\Extensions", None, None
    yield r"SOFTWARE\Microsoft\COM3", "Com+Enabled", _dword(1)
    yield r"SOFTWARE\Microsoft\Rpc\ClientProtocols", "ncacn_ip_tcp", _sz("rpcrt4.dll")


def _classes(profile: Profile) -> Iterator[Entry]:
    app_ids = r"SOFTWARE\Classes\AppID"
    yield rf"{app_ids}\{WMI_APP_ID}", "", _sz("Windows Management and Instrumentation")
    yield rf"{app_ids}\{WMI_APP_ID}", "LocalService", _sz("winmgmt")
    yield rf"{app_ids}\{WMI_APP_ID}", "LaunchPermission", _binary(descriptors.WMI_LAUNCH)
    if profile.version[0] >= 10:
        yield rf"{app_ids}\{RUNTIME_BROKER_APP_ID}", "", _sz("RuntimeBroker")
    yield rf"{app_ids}\{{9BA05972-F6A8-11CF-A442-00A0C90A8F39}}", "", _sz("ShellWindows")
    yield rf"{app_ids}\{{9BA05972-F6A8-11CF-A442-00A0C90A8F39}}", "RunAs", _sz("Interactive User")
    for view in (r"SOFTWARE\Classes", r"SOFTWARE\Classes\Wow6432Node"):
        yield view + r"\CLSID", None, None
        yield view + r"\Interface", None, None
    yield r"SOFTWARE\Classes\Component Categories", None, None
    for node in ("", "WOW6432Node\\"):
        yield rf"SOFTWARE\{node}Microsoft\Windows\CurrentVersion\Uninstall", None, None


def _policies() -> Iterator[Entry]:
    yield _POLICIES + r"\System", "EnableLUA", _dword(1)
    yield _POLICIES + r"\System", "ConsentPromptBehaviorAdmin", _dword(5)
    yield _POLICIES + r"\System", "ConsentPromptBehaviorUser", _dword(3)
    yield _POLICIES + r"\System", "PromptOnSecureDesktop", _dword(1)
    yield r"SOFTWARE\Policies\Microsoft\Windows NT", None, None
    yield r"SOFTWARE\Policies\Microsoft\Windows", None, None


def _control(profile: Profile) -> Iterator[Entry]:
    yield _CONTROL + r"\Lsa", "EveryoneIncludesAnonymous", _dword(0)
    yield _CONTROL + r"\Lsa", "ForceGuest", _dword(0)
    yield _CONTROL + r"\Lsa", "LimitBlankPasswordUse", _dword(1)
    yield _CONTROL + r"\Lsa", "RestrictAnonymous", _dword(0)
    yield _CONTROL + r"\Lsa", "RestrictAnonymousSAM", _dword(1)
    yield _CONTROL + r"\Lsa\MSV1_0", "NtlmMinClientSec", _dword(0x20000000)
    yield _CONTROL + r"\ProductOptions", "ProductType", _sz("ServerNT" if profile.is_server else "WinNT")
    yield (
        _CONTROL + r"\Session Manager\Environment",
        "ComSpec",
        RegistryValue.expand_sz(r"%SystemRoot%\system32\cmd.exe"),
    )
    yield r"SYSTEM\ControlSet001\Hardware Profiles\Current", None, None
    yield r"SYSTEM\Select", "Current", _dword(1)
