# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`netsh advfirewall show|set allprofiles|currentprofile|domainprofile|privateprofile|publicprofile`.

`show` prints the settings in force, `set` changes the local ones. Not simulated, therefore refused: `set ... logging`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..cim import Caller
from ..subsystems.firewall import Firewall, ProfileSettings
from ..subsystems.firewall_rule import PROFILES
from .netsh_arguments import NetshError
from .netsh_show import LINE
from .netsh_texts import PROFILE_HEADINGS, PROFILE_LABELS, Text, for_language

TARGETS = ("allprofiles", "currentprofile", *(f"{name.lower()}profile" for name in PROFILES))
_PARTS = ("state", "firewallpolicy", "settings", "logging")
_COLUMN = 38
_SWITCH: dict[str, int | None] = {"enable": 1, "disable": 0, "notconfigured": None}
_INBOUND: dict[str, dict[str, int | None]] = {
    "blockinbound": {"DefaultInboundAction": 1, "DoNotAllowExceptions": 0},
    "blockinboundalways": {"DefaultInboundAction": 1, "DoNotAllowExceptions": 1},
    "allowinbound": {"DefaultInboundAction": 0, "DoNotAllowExceptions": 0},
    "notconfigured": {"DefaultInboundAction": None},
}
_OUTBOUND: dict[str, int | None] = {"allowoutbound": 0, "blockoutbound": 1, "notconfigured": None}


def profiles_of(target: str, firewall: Firewall) -> tuple[str, ...]:
    """The profiles that a word such as `allprofiles` names."""
    if target == "allprofiles":
        return PROFILES
    if target == "currentprofile":
        return (firewall.network_profile,)
    return (target.removesuffix("profile").capitalize(),)


def show_profiles(firewall: Firewall, language: str, target: str, parts: Sequence[str]) -> str:
    """Raises: NetshError for an unknown part."""
    wanted = [part.lower() for part in parts]
    if len(wanted) > 1 or any(part not in _PARTS for part in wanted):
        raise NetshError(Text.INVALID_VALUE)
    blocks = [
        _block(name, firewall.settings(name), language, wanted[0] if wanted else None)
        for name in profiles_of(target, firewall)
    ]
    return "".join(blocks)


def _block(profile: str, settings: ProfileSettings, language: str, part: str | None) -> str:
    labels = for_language(PROFILE_LABELS, language)
    rows: list[tuple[str, str]] = []
    if part in (None, "state"):
        rows.append((labels["state"], labels["on" if settings.is_enabled else "off"]))
    if part in (None, "firewallpolicy"):
        rows.append((labels["policy"], _policy_words(settings)))
    if part in (None, "settings"):
        notifies = "Disable" if settings.DisableNotifications else "Enable"
        multicast = "Disable" if settings.DisableUnicastResponsesToMulticastBroadcast else "Enable"
        rows += [("LocalFirewallRules", "N/A (GPO-store only)"), ("LocalConSecRules", "N/A (GPO-store only)")]
        rows += [("InboundUserNotification", notifies), ("RemoteManagement", "Disable")]
        rows += [("UnicastResponseToMulticast", multicast)]
    lines = [label.ljust(_COLUMN) + value for label, value in rows]
    if part in (None, "logging"):
        lines += ["", "Logging:", *_logging_lines()]
    return "\r\n".join(["", for_language(PROFILE_HEADINGS, language)[profile], LINE, *lines]) + "\r\n"


def _logging_lines() -> list[str]:
    rows = (
        ("LogAllowedConnections", "Disable"),
        ("LogDroppedConnections", "Disable"),
        ("FileName", r"%systemroot%\system32\LogFiles\Firewall\pfirewall.log"),
        ("MaxFileSize", "4096"),
    )
    return [label.ljust(_COLUMN) + value for label, value in rows]


def _policy_words(settings: ProfileSettings) -> str:
    inbound = "BlockInbound" if settings.blocks_by_default("In") else "AllowInbound"
    if settings.is_shielded:
        inbound = "BlockInboundAlways"
    return f"{inbound},{'BlockOutbound' if settings.blocks_by_default('Out') else 'AllowOutbound'}"


def set_profiles(firewall: Firewall, caller: Caller, target: str, words: Sequence[str]) -> None:
    """Change local settings. Raises: NetshError (before anything changed), FirewallError."""
    changes = _changes([word.lower() for word in words])
    firewall.demand(caller)
    for profile in profiles_of(target, firewall):
        for name, number in changes.items():
            firewall.set_setting(caller, profile, name, number)


def _changes(words: Sequence[str]) -> dict[str, int | None]:
    match list(words):
        case ["state", ("on" | "off" | "notconfigured") as state]:
            return {"EnableFirewall": {"on": 1, "off": 0, "notconfigured": None}[state]}
        case ["firewallpolicy", policy]:
            return _policy_changes(policy)
        case ["settings", "inboundusernotification", ("enable" | "disable" | "notconfigured") as switch]:
            return {"DisableNotifications": _inverted(_SWITCH[switch])}
        case ["settings", "unicastresponsetomulticast", ("enable" | "disable" | "notconfigured") as switch]:
            return {"DisableUnicastResponsesToMulticastBroadcast": _inverted(_SWITCH[switch])}
        case ["state"] | ["firewallpolicy"] | ["settings", *_] | []:
            raise NetshError(Text.MISSING)
        case _:
            raise NetshError(Text.INVALID_VALUE)


def _policy_changes(policy: str) -> dict[str, int | None]:
    inbound, comma, outbound = policy.partition(",")
    if not comma or inbound not in _INBOUND or outbound not in _OUTBOUND:
        raise NetshError(Text.INVALID_VALUE)
    return {**_INBOUND[inbound], "DefaultOutboundAction": _OUTBOUND[outbound]}


def _inverted(switch: int | None) -> int | None:
    return None if switch is None else 1 - switch
