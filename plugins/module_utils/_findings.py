# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Findings: what an auditor or an engineer should look at on one host, judged from what was read. Pure.

A missing value is never a finding by itself: what its absence means is known (NamedSetting.absent_means), and on a
patched host an absent KB5004442 value is the secure state.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ._dcom import MACHINE_DEFAULTS, REQUIRED_ACTIVATION_LEVEL, NamedSetting
from ._registry import RegistryValue


class Severity(enum.Enum):
    """How urgent a finding is."""

    CRITICAL = "critical"  # links are down or the host is open
    WARNING = "warning"  # weaker than recommended, or not doing what it seems to do
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at: a stable code, where it is, what was seen, what to do."""

    code: str
    severity: Severity
    subject: str
    evidence: str
    advice: str

    def to_dict(self) -> dict[str, str]:
        return {
            "code": self.code,
            "severity": self.severity.value,
            "subject": self.subject,
            "evidence": self.evidence,
            "advice": self.advice,
        }


def find_in_settings(
    settings: Iterable[NamedSetting], values: Mapping[str, RegistryValue | None]
) -> tuple[Finding, ...]:
    """Findings about named settings. `values` maps each option to what was read (None: absent)."""
    found: list[Finding] = []
    for setting in settings:
        value = values[setting.option]
        if value is None:
            continue
        word = setting.word_of(value)
        if word is None:
            found.append(_invalid(setting, value))
        elif word in setting.weak_words:
            found.append(_weak(setting, value))
    level = _machine_level(values)
    return (*found, *([] if level is None else level))


def _invalid(setting: NamedSetting, value: RegistryValue) -> Finding:
    return Finding(
        "invalid_value",
        Severity.CRITICAL,
        f"{setting.value_name} of {setting.key}",
        f"{value} where {setting.type.label} with one of {sorted(map(str, setting.words.values()))} belongs",
        f"set {setting.option}, or delete the value; Windows may ignore it or refuse every COM call because of it",
    )


def _weak(setting: NamedSetting, value: RegistryValue) -> Finding:
    return Finding(
        "weak_setting",
        Severity.CRITICAL,
        f"{setting.value_name} of {setting.key}",
        setting.describe(value),
        f"set {setting.option} to another value ({setting.source})",
    )


def _machine_level(values: Mapping[str, RegistryValue | None]) -> list[Finding] | None:
    """The default authentication level as it counts: absent is connect, which KB5004442 does not accept."""
    if "authentication_level" not in values:
        return None
    (setting,) = (item for item in MACHINE_DEFAULTS if item.option == "authentication_level")
    value = values["authentication_level"]
    word = setting.word_of(value)
    if word is None or word in setting.weak_words:
        return None  # said above
    data = 2 if value is None else value.data
    if isinstance(data, int) and data >= REQUIRED_ACTIVATION_LEVEL:
        return None
    return [
        Finding(
            "low_default_authentication_level",
            Severity.WARNING,
            f"{setting.value_name} of {setting.key}",
            setting.describe(value),
            "set authentication_level to packet_integrity; programs without a level of their own call with this one, "
            "and a hardened server refuses activations below packet_integrity",
        )
    ]
