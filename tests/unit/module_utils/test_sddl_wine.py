# Copyright (c) 2026 The otsec.opc_dcom contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our SDDL and names against Wine's advapi32, for a fixed list: the vectors, every right, flag, alias and name."""

from __future__ import annotations

import re

import pytest
from oracles import wine
from oracles.vectors import VECTORS

from ansible_collections.otsec.opc_dcom.plugins.module_utils._access_mask import (
    SDDL_COMBINED_RIGHTS,
    SDDL_LABEL_RIGHTS,
    SDDL_SINGLE_RIGHTS,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sddl import from_sddl, to_sddl
from ansible_collections.otsec.opc_dcom.plugins.module_utils._security_descriptor import (
    SecurityDescriptor,
    same_meaning,
)
from ansible_collections.otsec.opc_dcom.plugins.module_utils._sid import Sid
from ansible_collections.otsec.opc_dcom.plugins.module_utils._well_known import (
    SID_OF_SDDL_ALIAS,
    WELL_KNOWN,
    well_known_name,
)

pytestmark = [pytest.mark.slow, pytest.mark.wine]

RIGHTS = [name for name, _bit in (*SDDL_SINGLE_RIGHTS, *SDDL_COMBINED_RIGHTS, *SDDL_LABEL_RIGHTS)]
TEXTS = [
    *(item.sddl for item in VECTORS if "NO_ACCESS_CONTROL" not in item.sddl),
    *(f"D:(A;;{name};;;WD)" for name in RIGHTS),
    *(f"D:(A;{flag};GA;;;SY)" for flag in ("OI", "CI", "NP", "IO", "ID", "OICINPIOID")),
    *(f"S:(AU;{flag};CC;;;WD)" for flag in ("SA", "FA", "SAFA")),
    *(f"O:{alias}" for alias in SID_OF_SDDL_ALIAS),
    *(f"D:{flags}(A;;CC;;;SY)" for flags in ("P", "AR", "AI", "PARAI")),
    *(f"S:{flags}(AU;SA;CC;;;WD)" for flags in ("P", "AR", "AI", "PARAI")),
    *(f"S:(ML;;{policy};;;{level})" for policy in ("NW", "NX", "NWNRNX") for level in ("LW", "ME", "HI", "SI")),
    *(f"D:(A;;{mask};;;WD)" for mask in ("0x1", "0x1F", "31", "123456789", "0x75bcd15", "0xffffffff")),
    "D:(A;;0x53977;;;WD)",
    *(str(entry.sid) for entry in WELL_KNOWN),
    "D:",
    "O:S-1-5-21-1-2-3-512G:S-1-5-21-1-2-3-512D:P",
]
SACL_FLAGS = re.compile(r"S:[PA]")
# What Wine 8.0 refuses.
UNKNOWN_TO_WINE = ("LU", "MU", "ER")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, wine.Answer]]:
    absent = wine.missing()
    if absent is not None:
        pytest.skip(f"comparison with Wine's advapi32 left out: {absent} is not installed")
    found = wine.ask(TEXTS, tmp_path_factory.mktemp("wine"))
    return list(zip(TEXTS, found, strict=True))


def test_bytes_agree_with_wine(answers: list[tuple[str, wine.Answer]]) -> None:
    compared = 0
    for text, answer in answers:
        # Wine sets the DACL's bits for the flags of the SACL; MS-DTYP 2.5.1.4 has them where we do.
        if answer.data is not None and not SACL_FLAGS.search(text):
            assert same_meaning(SecurityDescriptor.from_bytes(answer.data), from_sddl(text)), text
            compared += 1
    assert compared >= 120


def test_print_agrees_with_wine(answers: list[tuple[str, wine.Answer]]) -> None:
    compared = 0
    for text, answer in answers:
        # Wine has no word for a mandatory label and prints its policy as rights.
        if answer.printed is not None and "ML;" not in text:
            assert to_sddl(from_sddl(text)) == answer.printed
            compared += 1
    assert compared >= 100


def test_wine_refuses_only_what_it_is_known_not_to_know(answers: list[tuple[str, wine.Answer]]) -> None:
    refused = [text for text, answer in answers if answer.error is not None and not text.startswith("S-1-")]
    assert [text for text in refused if not text.startswith("O:") and ";LU)" not in text] == []
    unknown = {text[2:] for text in refused if len(text) == 4}
    assert set(UNKNOWN_TO_WINE) <= unknown
    assert not unknown & {"BA", "SY", "WD", "AN", "AU", "IU", "PS", "LS", "NS", "BU", "BG", "NU", "SU", "AC"}


def test_names_agree_with_wine(answers: list[tuple[str, wine.Answer]]) -> None:
    compared = 0
    for text, answer in answers:
        # Wine calls BUILTIN\Replicator "Replicators".
        if answer.name is not None and text != "S-1-5-32-552":
            assert answer.name.removeprefix("\\") == well_known_name(Sid.from_string(text))
            compared += 1
    assert compared >= 35
