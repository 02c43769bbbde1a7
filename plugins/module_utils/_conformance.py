# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""What this collection assumes about Windows without having seen it, as claims that a host can confirm or refute. Pure.

Each claim names where it comes from: *wire* is what was gathered about WS-Management and WMI, *dcom* about DCOM. A
`question` is nothing we rely on: whatever a host answers is worth knowing.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


class Outcome(enum.Enum):
    """What a host said to a claim."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    OBSERVED = "observed"  # an answer to a question
    UNCLEAR = "unclear"  # the host has no example, or did not let us look
    NOT_TRIED = "not_tried"  # would have to write


@dataclass(frozen=True, slots=True)
class Claim:
    """One assumption. `writes` says that it is tried out in the scratch key."""

    name: str
    text: str
    source: str
    writes: bool = False
    is_question: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """What came back. `evidence` holds no secret and no name of the site: it goes into public reports."""

    outcome: Outcome
    evidence: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A claim and what the host said to it."""

    claim: Claim
    observation: Observation

    def to_dict(self) -> dict[str, object]:
        return {
            "name": self.claim.name,
            "claim": self.claim.text,
            "source": self.claim.source,
            "outcome": self.observation.outcome.value,
            "evidence": self.observation.evidence,
        }


def held(is_so: bool, evidence: str) -> Observation:
    """The claim holds, or not, and why."""
    return Observation(Outcome.CONFIRMED if is_so else Outcome.REFUTED, evidence)


def observed(evidence: str) -> Observation:
    """An answer to a question."""
    return Observation(Outcome.OBSERVED, evidence)


def unclear(reason: str) -> Observation:
    """This host cannot tell."""
    return Observation(Outcome.UNCLEAR, reason)


NOT_TRIED = Observation(Outcome.NOT_TRIED, "needs allow_writes")

CLAIMS: tuple[Claim, ...] = (
    Claim("identify", "Identify names the WS-Management stack and the version of Windows.", "wire 2"),
    Claim("operating_system", "A Get of Win32_OperatingSystem without keys gives the one instance.", "wire 4.2"),
    Claim(
        "registry.both_ways_agree",
        "StdRegProv and reg.exe tell the same names, types and data, of all types alike.",
        "wire 3, 6, 10: no raw capture of a StdRegProv answer is known",
    ),
    Claim("registry.missing_value", "A getter answers ReturnValue 1 for a value that is not there.", "wire 3, 10"),
    Claim("registry.missing_key", "A getter answers ReturnValue 2 for a key that is not there.", "wire 3, 10"),
    Claim("registry.other_type", "GetDWORDValue on a REG_SZ answers 0x80041005.", "wire 3, 10"),
    Claim(
        "registry.expand_as_string",
        "What GetStringValue answers for a REG_EXPAND_SZ.",
        "wire 10: accepted or refused is not known",
        is_question=True,
    ),
    Claim("registry.no_subkeys", "EnumKey of a key without subkeys succeeds and has no names.", "wire 3, 10"),
    Claim("registry.check_access", "CheckAccess answers over WS-Management.", "wire 10: no evidence"),
    Claim("shell.code_page", "The remote shell prints UTF-8 when it was opened with code page 65001.", "wire 6"),
    Claim("shell.exit_code", "The exit code of a program arrives, also one of 32 bits.", "wire 6"),
    Claim("shell.and_operator", "&& of cmd.exe goes on after exit code 0 only.", "wire 6"),
    Claim("reg_exe.missing_key", "reg.exe query of a missing key ends with exit code 1.", "wire 6"),
    Claim("reg_exe.missing_line", "reg.exe says of every missing key the same line, and only that.", "not documented"),
    Claim(
        "reg_exe.search",
        "reg.exe query /s /k /e /f finds a key by its own name, prints its path, and ends a search with one line.",
        "Microsoft Learn, reg query; published outputs",
    ),
    Claim(
        "reg_exe.search_time",
        "How many searches for OPC servers come to their end, and in what time.",
        "not measured on a real registry",
        is_question=True,
    ),
    Claim("netsh.exit_codes", "netsh advfirewall ends with 0 when a rule is there and 1 when not.", "dcom 5, 9 (14)"),
    Claim("wevtutil.xml", "wevtutil qe /f:xml /e:Events prints one XML document.", "dcom 6.3, 9 (15)"),
    Claim("wevtutil.missing_log", "wevtutil ends with exit code 15007 for a log that is not there.", "dcom 6.3"),
    Claim("firewall.rules", "Every local firewall rule is read and written back as the same text.", "dcom 5, 9 (19)"),
    Claim("accounts.well_known", "Win32_SID gives BUILTIN groups and SYSTEM their names.", "wire 4.7, 10"),
    Claim("accounts.group", "A Get of Win32_Group by computer and translated name gives its SID.", "wire 4.7, 10"),
    Claim("accounts.system", "A Get of Win32_SystemAccount by computer and translated name works.", "wire 4.7, 10"),
    Claim("accounts.unknown_name", "A Get of an account that does not exist is a not-found fault.", "wire 5, 10"),
    Claim("accounts.unknown_sid", "What Win32_SID answers for a SID without a name.", "wire 10", is_question=True),
    Claim("accounts.members", "Win32_GroupUser, asked for one group, gives its users.", "wire 10: quoting is derived"),
    Claim("accounts.no_group", "Win32_GroupUser, asked for a group that is not there, gives nobody.", "not documented"),
    Claim("accounts.local", "A query with LocalAccount=TRUE finds an account of this computer by name.", "wire 4.7"),
    Claim("accounts.computer", "Win32_UserAccount answers a Get for the account of this computer.", "wire 4.7"),
    Claim("faults.class", "A Get of a class that does not exist is a not-found fault.", "wire 5.3"),
    Claim("faults.method", "A method that does not exist is refused as such.", "wire 5.3"),
    Claim("faults.query", "Which fault a malformed WQL query gives.", "wire 5.3, 10", is_question=True),
    Claim("files.get", "A Get of CIM_DataFile by path tells whether a file is there.", "wire 4.7"),
    Claim("com.limits", "The machine limits are self-relative descriptors of one mask format.", "dcom 1.4, 3.2"),
    Claim(
        "com.shipped_limits", "Whether the machine limits are those known as shipped.", "dcom 9 (4)", is_question=True
    ),
    Claim("com.legacy_level", "LegacyAuthenticationLevel is a REG_DWORD.", "dcom 1.1, 9 (8)"),
    Claim("com.opc_enum_class", "The class 13486D51 and not 13486D44 is OpcEnum's.", "dcom 2.3, 9 (12)"),
    Claim("system.revision", "The revision (UBR) of the build is in the registry.", "dcom 7, 9 (20)", is_question=True),
    Claim("write.number", "A REG_DWORD above 0x7FFFFFFF and a REG_QWORD come back as written.", "wire 10", writes=True),
    Claim("write.binary", "All 256 bytes, and one byte alone, come back as written.", "wire 10", writes=True),
    Claim("write.text", "Blanks, XML and non-ASCII characters come back as written.", "wire 3", writes=True),
    Claim("write.texts", "A REG_MULTI_SZ of one and of three comes back as written.", "wire 10", writes=True),
    Claim(
        "write.expand",
        "A REG_EXPAND_SZ is stored as written; StdRegProv reads it expanded.",
        "wire 3, 10",
        writes=True,
    ),
    Claim("write.unnamed", "The unnamed value is written, read and told apart by both ways.", "wire 6", writes=True),
    Claim(
        "write.names", "Names with blanks, & ^ and quotation marks are read alike by both ways.", "wire 6", writes=True
    ),
    Claim("write.one_value", "A key with one value lists it as an array of one.", "wire 3", writes=True),
    Claim("write.missing_key", "A setter on a missing key answers ReturnValue 2.", "wire 10", writes=True),
    Claim("write.full_key", "DeleteKey refuses a key that has subkeys.", "wire 10", writes=True),
)


def count(judgements: Iterable[Judgement]) -> Mapping[str, int]:
    """How often each outcome came."""
    counts = {outcome.value: 0 for outcome in Outcome}
    for item in judgements:
        counts[item.observation.outcome.value] += 1
    return counts


def table(judgements: Sequence[Judgement]) -> list[str]:
    """One line for each claim, the refuted ones first, in columns."""
    order = list(Outcome)
    order.remove(Outcome.REFUTED)
    order.insert(0, Outcome.REFUTED)
    ranked = sorted(judgements, key=lambda item: order.index(item.observation.outcome))
    width = max((len(item.claim.name) for item in ranked), default=0)
    return [
        f"{_word(item):10}{item.claim.name:{width + 2}}{item.claim.text}  [{item.observation.evidence}]"
        for item in ranked
    ]


def _word(judged: Judgement) -> str:
    return judged.observation.outcome.value
