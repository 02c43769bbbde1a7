# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Machine-wide DCOM settings by name: where each lives, what its data mean, what an absent value means, when it counts.

One table serves every module that sets or shows them. A word of a user ("packet_integrity") becomes data through the
table and data become a word through the same table; a value of another type or out of range is shown as what it is and
never taken for its default. Source of every row: docs and dcom.md 1.1-1.3, 1.5, 3.3 as cited in `source`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from ._plan import Effect, Operation, Plan, SetValue, unique
from ._registry import RegistryData, RegistryKey, RegistryType, RegistryValue

OLE = RegistryKey("SOFTWARE\\Microsoft\\Ole")
APP_COMPAT = OLE.child("AppCompat")

DEFAULT = "default"


class AuthenticationLevel(enum.IntEnum):
    """RPC_C_AUTHN_LEVEL_* as the registry holds them. 0 (DEFAULT) is negotiated and not valid in the registry."""

    NONE = 1
    CONNECT = 2
    CALL = 3
    PACKET = 4
    PACKET_INTEGRITY = 5
    PACKET_PRIVACY = 6


class ImpersonationLevel(enum.IntEnum):
    """RPC_C_IMP_LEVEL_* as the registry holds them."""

    ANONYMOUS = 1
    IDENTIFY = 2
    IMPERSONATE = 3
    DELEGATE = 4


# KB5004442: an authenticated activation below this level is refused by a hardened server.
REQUIRED_ACTIVATION_LEVEL = AuthenticationLevel.PACKET_INTEGRITY


def words_of(levels: type[enum.IntEnum]) -> dict[str, RegistryData | None]:
    """Option words of a level enumeration; the word "default" deletes the value."""
    words: dict[str, RegistryData | None] = {level.name.lower(): int(level) for level in levels}
    words[DEFAULT] = None
    return words


@dataclass(frozen=True, slots=True)
class NamedSetting:
    """One registry value under the name users know it by.

    `words` maps each word an option accepts to the data it stands for; None deletes the value. `absent_means` is what
    Windows does without the value. `folds_case` is for REG_SZ flags, where y and Y are the same.
    """

    option: str
    key: RegistryKey
    value_name: str
    type: RegistryType
    words: Mapping[str, RegistryData | None]
    absent_means: str
    effect: Effect
    source: str
    folds_case: bool = False
    weak_words: frozenset[str] = field(default_factory=frozenset)

    def value_of(self, word: str) -> RegistryValue | None:
        """The value a word stands for; None means that the value is to be absent."""
        data = self.words[word]
        return None if data is None else RegistryValue(self.type, data)

    def word_of(self, value: RegistryValue | None) -> str | None:
        """The word of what is there; None when it is of another type or no data this setting knows."""
        if value is None:
            return DEFAULT if DEFAULT in self.words else None
        if value.type is not self.type:
            return None
        return next((word for word, data in self.words.items() if data is not None and self._equal(data, value)), None)

    def describe(self, value: RegistryValue | None) -> str:
        """What is there, for a diff: the word and data, what its absence means, or what is wrong with it."""
        if value is None:
            return f"absent ({self.absent_means})"
        word = self.word_of(value)
        if word is None:
            return (
                f"invalid ({value}; {self.type.label} expected)"
                if value.type is not self.type
                else f"unknown ({value})"
            )
        return f"{word} ({value.data if isinstance(value.data, str) else repr(value.data)})"

    def is_equal(self, left: RegistryValue | None, right: RegistryValue | None) -> bool:
        """Whether two states mean the same to Windows. An absent value and its default data are not the same state."""
        if left is None or right is None:
            return left is right
        return left.type is right.type and self._equal(left.data, right)

    def _equal(self, data: RegistryData, value: RegistryValue) -> bool:
        if self.folds_case and isinstance(data, str) and isinstance(value.data, str):
            return data.lower() == value.data.lower()
        return data == value.data


_YES_NO: dict[str, RegistryData | None] = {"true": "Y", "false": "N"}

MACHINE_DEFAULTS: tuple[NamedSetting, ...] = (
    NamedSetting(
        "enable_dcom",
        OLE,
        "EnableDCOM",
        RegistryType.SZ,
        _YES_NO,
        "not documented; Windows ships Y",
        Effect.REBOOT,
        "COM: EnableDCOM; reboot is a vendor's statement (Siemens Desigo), Microsoft's page is silent",
        folds_case=True,
        weak_words=frozenset({"false"}),
    ),
    NamedSetting(
        "authentication_level",
        OLE,
        "LegacyAuthenticationLevel",
        RegistryType.DWORD,
        words_of(AuthenticationLevel),
        "Windows uses connect",
        Effect.REBOOT,
        "COM: LegacyAuthenticationLevel; read once per process, reboot is the safe reading for shared svchosts",
        weak_words=frozenset({"none"}),
    ),
    NamedSetting(
        "impersonation_level",
        OLE,
        "LegacyImpersonationLevel",
        RegistryType.DWORD,
        words_of(ImpersonationLevel),
        "Windows uses identify",
        Effect.REBOOT,
        "COM: LegacyImpersonationLevel",
    ),
    NamedSetting(
        "secure_references",
        OLE,
        "LegacySecureReferences",
        RegistryType.SZ,
        _YES_NO,
        "not secured",
        Effect.REBOOT,
        "COM: LegacySecureReferences",
        folds_case=True,
    ),
    NamedSetting(
        "require_integrity_activation",
        APP_COMPAT,
        "RequireIntegrityActivationAuthenticationLevel",
        RegistryType.DWORD,
        {"enforced": 1, "off": 0, DEFAULT: None},
        "Windows decides by its patch level; enforced since March 2023",
        Effect.REBOOT,
        "KB5004442; ignored from the March 14 2023 update on",
        weak_words=frozenset({"off"}),
    ),
    NamedSetting(
        "raise_activation",
        APP_COMPAT,
        "RaiseActivationAuthenticationLevel",
        RegistryType.DWORD,
        {"default_level_only": 1, "all_requests": 2, DEFAULT: None},
        "Windows decides by its patch level; all_requests since November 2022",
        Effect.REBOOT,
        "KB5004442",
    ),
)

_ALWAYS_NEVER: dict[str, RegistryData | None] = {"always": 1, "never": 2, DEFAULT: None}

FAILURE_LOGGING: tuple[NamedSetting, ...] = (
    NamedSetting(
        "activation_failures",
        OLE,
        "ActivationFailureLoggingLevel",
        RegistryType.DWORD,
        {"discretionary": 0, **_ALWAYS_NEVER},
        "discretionary",
        Effect.PROCESS_START,
        "COM: ActivationFailureLoggingLevel; restart of the program or service advised by a vendor",
    ),
    NamedSetting(
        "call_failures",
        OLE,
        "CallFailureLoggingLevel",
        RegistryType.DWORD,
        _ALWAYS_NEVER,
        "never",
        Effect.PROCESS_START,
        "COM: CallFailureLoggingLevel; read by the COM server process",
    ),
    NamedSetting(
        "invalid_security_descriptors",
        OLE,
        "InvalidSecurityDescriptorLoggingLevel",
        RegistryType.DWORD,
        _ALWAYS_NEVER,
        "always",
        Effect.PROCESS_START,
        "COM: InvalidSecurityDescriptorLoggingLevel; when it counts is not documented",
    ),
)


def plan_settings(
    settings: tuple[NamedSetting, ...],
    current: Mapping[str, RegistryValue | None],
    desired: Mapping[str, str],
) -> Plan:
    """Plan the named settings in `desired` (option -> word); options that are not named are left alone.

    `current` maps each desired option to what was read, None where the value is absent.
    """
    chosen = [setting for setting in settings if setting.option in desired]
    operations: list[Operation] = []
    reasons: list[str] = []
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    for setting in chosen:
        present, wanted = current[setting.option], setting.value_of(desired[setting.option])
        before[setting.option] = setting.describe(present)
        if setting.is_equal(present, wanted):
            after[setting.option] = before[setting.option]
            continue
        after[setting.option] = setting.describe(wanted)
        operations.append(SetValue(setting.key, setting.value_name, before=present, after=wanted))
        if setting.effect is Effect.REBOOT:
            reasons.append(setting.option)
    return Plan(tuple(operations), before, after, reboot_reasons=unique(reasons))
