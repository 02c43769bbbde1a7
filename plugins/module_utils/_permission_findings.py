# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""Findings about COM permissions and applications, judged from what was read. Pure.

What is judged is what counts: under a Group Policy limit the policy, not the dead value beside it. An absent value is
no finding: what stands in for it is known, and judged where it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ._application import Application
from ._com_defaults import ComScope
from ._com_report import Weakness, WeaknessCode, weaknesses
from ._com_rights import ComKind
from ._com_security import problems
from ._com_value import POLICY, ComValue, PermissionPlace, policy_value_name
from ._dcom import REQUIRED_ACTIVATION_LEVEL, AuthenticationLevel, NamedSetting
from ._findings import Finding, Severity
from ._registry import RegistryValue


@dataclass(frozen=True, slots=True)
class _Judgement:
    severity: Severity
    advice: str


_SET_EXACTLY = "set it with dcom_permission and state: exact, or take the entry away with state: absent"
_JUDGEMENTS: Mapping[WeaknessCode, _Judgement] = MappingProxyType(
    {
        WeaknessCode.ABSENT_DACL: _Judgement(Severity.CRITICAL, _SET_EXACTLY),
        WeaknessCode.NULL_DACL: _Judgement(Severity.CRITICAL, _SET_EXACTLY),
        WeaknessCode.EMPTY_DACL: _Judgement(Severity.CRITICAL, "nobody gets in: set the entries that are needed"),
        WeaknessCode.EVERYONE_REMOTE: _Judgement(
            Severity.WARNING, "give the rights to a group of the OPC accounts and take them from Everyone"
        ),
        WeaknessCode.ANONYMOUS_REMOTE: _Judgement(
            Severity.CRITICAL,
            "unauthenticated calls get in, and KB5004442 does not stop them: in a domain name the computer account, in "
            "a workgroup run the peer as a user that both hosts have, then take the entry away",
        ),
        WeaknessCode.MIXED_FORMATS: _Judgement(Severity.CRITICAL, "dcom_permission with repair: true corrects it"),
        WeaknessCode.EXECUTE_MISSING: _Judgement(Severity.CRITICAL, "dcom_permission with repair: true corrects it"),
        WeaknessCode.OLD_FORMAT: _Judgement(
            Severity.WARNING, "mask 0x1 alone means every right: say which rights are meant"
        ),
        WeaknessCode.GENERIC_RIGHTS: _Judgement(Severity.WARNING, "COM does not know generic rights: " + _SET_EXACTLY),
        WeaknessCode.OVERRULED_ALLOW: _Judgement(Severity.INFO, "one of the two entries is of no use; take it away"),
        WeaknessCode.NON_CANONICAL_ORDER: _Judgement(
            Severity.WARNING, "any change by dcom_permission writes the canonical order"
        ),
    }
)


def find_in_permission(place: PermissionPlace, found: ComValue, subject: str) -> tuple[Finding, ...]:
    """Findings about a value that counts; `subject` names it for people."""
    return tuple(_findings(place, found, subject))


def find_in_policy(place: PermissionPlace, policy: ComValue) -> tuple[Finding, ...]:
    """Findings about the Group Policy limit that replaces the limit of `place`; none where there is no such policy."""
    if policy.is_absent:
        return ()
    subject = f"{policy_value_name(place.kind)} of {POLICY}"
    override = Finding(
        "policy_override",
        Severity.INFO,
        str(place),
        f"{subject} is set, so this value is not in force",
        "change the limit in Group Policy; dcom_permission refuses the dead value",
    )
    return (override, *_findings(place, policy, subject))


def find_in_application(
    application: Application, setting: NamedSetting, level: RegistryValue | None
) -> tuple[Finding, ...]:
    """Findings about the level of an application; `setting` is its level, `level` the value (None: the default)."""
    if level is None:
        return ()
    subject = f"{setting.value_name} of {application.title}"
    word = setting.word_of(level)
    if word is None:
        evidence = setting.describe(level)
        advice = "set authentication_level with dcom_application: COM refuses every call of a program with such a value"
        return (Finding("invalid_value", Severity.CRITICAL, subject, evidence, advice),)
    if level.data == AuthenticationLevel.NONE:
        advice = "set authentication_level to packet_integrity or default: COM ignores access permissions at level none"
        return (Finding("authentication_level_none", Severity.CRITICAL, subject, setting.describe(level), advice),)
    if isinstance(level.data, int) and level.data < REQUIRED_ACTIVATION_LEVEL:
        advice = "set authentication_level to packet_integrity or default; hardened peers refuse less (KB5004442)"
        return (Finding("low_authentication_level", Severity.WARNING, subject, setting.describe(level), advice),)
    return ()


def _findings(place: PermissionPlace, found: ComValue, subject: str) -> Iterator[Finding]:
    if found.trouble is not None:
        advice = "set it with dcom_permission and state: exact or default; COM denies what an invalid value governs"
        yield Finding("invalid_permission", Severity.CRITICAL, subject, found.trouble, advice)
    if found.descriptor is None:
        return
    weak = weaknesses(found.descriptor, place.kind)
    for weakness in weak:
        if not _is_as_shipped(place, weakness):
            yield _finding(place, weakness, subject)
    told = {weakness.detail for weakness in weak}
    for problem in problems(found.descriptor, place.kind):
        if problem.is_rejected_by_com and problem.detail not in told:
            advice = "dcom_permission with repair: true corrects it; COM denies every request under such a value"
            yield Finding(problem.code.value, Severity.CRITICAL, subject, problem.detail, advice)


def _finding(place: PermissionPlace, weakness: Weakness, subject: str) -> Finding:
    judgement = _JUDGEMENTS[weakness.code]
    severity = judgement.severity
    if weakness.code is WeaknessCode.ANONYMOUS_REMOTE and place.scope is ComScope.MACHINE_LIMIT:
        severity = Severity.WARNING  # a limit bounds, it does not grant
    return Finding(weakness.code.value, severity, subject, weakness.detail, judgement.advice)


def _is_as_shipped(place: PermissionPlace, weakness: Weakness) -> bool:
    """Everyone has remote access in the access limit that Windows ships (dcom.md 3.4)."""
    is_access_limit = place.scope is ComScope.MACHINE_LIMIT and place.kind is ComKind.ACCESS
    return is_access_limit and weakness.code is WeaknessCode.EVERYONE_REMOTE
